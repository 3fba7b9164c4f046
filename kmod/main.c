// SPDX-License-Identifier: GPL-2.0-only
/*
 * mcsec: group IPsec. See Documentation/dataplane.rst.
 */
#include "esp.h"
#include "group.h"
#include "nonce.h"
#include "hooks.h"
#include "netlink.h"
#include "replay.h"
#include "rollback.h"
#include "sa.h"
#include "verified.h"

#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/random.h>
#include <net/net_namespace.h>

static int __net_init net_init(struct net *net)
{
	mcsec_net_init(mcsec_net_of(net), net);
	return 0;
}

/* Not .pre_exit: the namespace's devices are unregistered after every
 * .pre_exit and before the first exit of a subsystem, and may send until
 * then. So the hooks are there for as long as a packet can be.
 *
 * All namespaces of the machine go through one worker: each must not wait for
 * its own packets, but all for those of all, once.
 */
static void __net_exit net_exit_batch(struct list_head *nets)
{
	struct mcsec_net *mnet;
	bool used = false;
	struct net *net;

	list_for_each_entry(net, nets, exit_list) {
		mnet = mcsec_net_of(net);
		mutex_lock(&mnet->lock);
		if (mnet->n_groups) {
			mcsec_net_flush(mnet);
			mcsec_hooks_put(mnet);
		}
		mutex_unlock(&mnet->lock);
		used |= mnet->ready;
	}
	/* Packets that are still in a hook, which use groups and counters. */
	if (used)
		synchronize_net();
	list_for_each_entry(net, nets, exit_list)
		mcsec_net_exit(mcsec_net_of(net));
}

static struct pernet_operations net_ops = {
	.init = net_init,
	.exit_batch = net_exit_batch,
	.id = &mcsec_net_id,
	.size = sizeof(struct mcsec_net),
};

/* Interfaces that groups name come and go. RTNL is held. */
static int dev_event(struct notifier_block *nb, unsigned long event, void *ptr)
{
	struct net_device *dev = netdev_notifier_info_to_dev(ptr);
	struct mcsec_net *mnet = mcsec_net_of(dev_net(dev));
	int err;

	/* PRE_UP: one that comes from another namespace comes, whatever we say
	 * when we are told, but does not come up before we know it.
	 */
	if (event != NETDEV_REGISTER && event != NETDEV_UNREGISTER &&
	    event != NETDEV_CHANGENAME && event != NETDEV_PRE_UP)
		return NOTIFY_DONE;
	/* Who is not ready yet sees the change, by mcsec_net_prepare(). */
	smp_mb();
	/* Pairs with mcsec_net_prepare(). */
	if (!smp_load_acquire(&mnet->ready))
		return NOTIFY_DONE;
	/* Not under the namespace's lock: the whole machine waits for RTNL, and
	 * shall not wait for a namespace that has much to do.
	 */
	err = mcsec_devs_event(&mnet->select->devs, dev,
			       event == NETDEV_UNREGISTER);
	return notifier_from_errno(err);
}

static struct notifier_block dev_notifier = {
	.notifier_call = dev_event,
};

static int __init mcsec_init(void)
{
	int err;

#ifdef DEBUG
	if (!mcsec_replay_selftest() || !mcsec_esp_selftest())
		return -ENOTRECOVERABLE;
#endif
	mcsec_nonce_init();
	get_random_bytes(&mcsec_verified_cookie, sizeof(mcsec_verified_cookie));
	err = mcsec_sa_init();
	if (err)
		return err;
#ifdef DEBUG
	err = -ENOTRECOVERABLE;
	if (!mcsec_sa_selftest())
		goto err_sa;
#endif
	err = register_pernet_subsys(&net_ops);
	if (err)
		goto err_sa;
	err = register_netdevice_notifier(&dev_notifier);
	if (err)
		goto err_net;
	err = mcsec_rollback_init();
	if (err)
		goto err_notifier;
	/* ORDER: last, for it lets userspace in. */
	err = mcsec_netlink_init();
	if (err)
		goto err_rollback;
	return 0;

err_rollback:
	mcsec_rollback_exit();
err_notifier:
	unregister_netdevice_notifier(&dev_notifier);
err_net:
	unregister_pernet_subsys(&net_ops);
err_sa:
	mcsec_sa_exit();
	return err;
}

static void __exit mcsec_exit(void)
{
	/* There are no groups: each holds a reference to the module. But the
	 * last may be on its way out: packets in a hook, SAs and groups whose
	 * grace period has not ended.
	 */
	mcsec_netlink_exit();
	mcsec_rollback_exit();
	unregister_netdevice_notifier(&dev_notifier);
	unregister_pernet_subsys(&net_ops);
	synchronize_rcu();
	rcu_barrier();
	mcsec_sa_exit();
	mcsec_esp_exit();
	mcsec_nonce_exit();
}

module_init(mcsec_init);
module_exit(mcsec_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Group IPsec for IP multicast");
MODULE_ALIAS_GENL_FAMILY("mcsec");
