// SPDX-License-Identifier: GPL-2.0-only
/*
 * mcsec: group IPsec. See Documentation/dataplane.rst.
 */
#include "edge.h"
#include "esp.h"
#include "group.h"
#include "hooks.h"
#include "netlink.h"
#include "nonce.h"
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
	mcsec_edge_net_init(mcsec_net_of(net));
	return 0;
}

/*
 * The hooks must stay registered for as long as a packet can be sent. The
 * devices of the namespace are unregistered after every .pre_exit and before
 * the first .exit of a subsystem, and may send until then, so .pre_exit would
 * be too early.
 *
 * One worker cleans up all namespaces of the machine. A single grace period for
 * the whole batch keeps it from waiting for each of them.
 */
static void __net_exit net_exit_batch(struct list_head *nets)
{
	struct mcsec_net *mnet;
	bool used = false;
	struct net *net;

	list_for_each_entry(net, nets, exit_list) {
		mnet = mcsec_net_of(net);
		if (mnet->n_groups) {
			mcsec_net_flush(mnet);
			mutex_lock(&mnet->lock);
			mcsec_hooks_unregister(mnet);
			mutex_unlock(&mnet->lock);
		}
		mcsec_edge_net_exit(mnet);
		used |= mnet->ready;
	}
	/* Packets that are still in a hook use groups and counters. */
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

/*
 * Refuse a VRF that has, or would get, the name of an interface that a group lists. The
 * caller holds RTNL.
 */
static int dev_event(struct notifier_block *nb, unsigned long event, void *ptr)
{
	struct net_device *dev = netdev_notifier_info_to_dev(ptr);
	struct mcsec_net *mnet = mcsec_net_of(dev_net(dev));

	/* A device that moves from another namespace cannot be refused at
	 * NETDEV_REGISTER, so NETDEV_PRE_UP refuses it.
	 */
	if (event != NETDEV_REGISTER && event != NETDEV_CHANGENAME &&
	    event != NETDEV_PRE_UP)
		return NOTIFY_DONE;
	/* Pairs with the barrier in mcsec_net_prepare(): a namespace that is not
	 * ready here will see the changed interface.
	 */
	smp_mb();
	/* Pairs with the release in mcsec_net_prepare(). */
	if (!smp_load_acquire(&mnet->ready))
		return NOTIFY_DONE;
	/* The namespace's lock is not taken, because the whole machine waits
	 * for RTNL and must not wait for one busy namespace.
	 */
	return notifier_from_errno(mcsec_devs_check(&mnet->select->devs, dev));
}

static struct notifier_block dev_notifier = {
	.notifier_call = dev_event,
};

static int __init mcsec_init(void)
{
	int err;

#ifdef DEBUG
	err = -ENOTRECOVERABLE;
	if (!mcsec_replay_selftest() || !mcsec_esp_selftest())
		goto err_esp;
#endif
	mcsec_nonce_init();
	get_random_bytes(&mcsec_verified_cookie, sizeof(mcsec_verified_cookie));
	err = mcsec_sa_init();
	if (err)
		goto err_esp;
#ifdef DEBUG
	err = -ENOTRECOVERABLE;
	if (!mcsec_sa_selftest())
		goto err_sa;
#endif
	err = mcsec_edge_init();
	if (err)
		goto err_sa;
	err = register_pernet_subsys(&net_ops);
	if (err)
		goto err_edge;
	err = register_netdevice_notifier(&dev_notifier);
	if (err)
		goto err_net;
	err = mcsec_rollback_init();
	if (err)
		goto err_notifier;
	/* Userspace can use the family at once, so it is registered last. */
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
err_edge:
	mcsec_edge_exit();
err_sa:
	mcsec_sa_exit();
err_esp:
	/* Selftests leave ops for the next packet. */
	mcsec_esp_exit();
	return err;
}

static void __exit mcsec_exit(void)
{
	/* No groups are left, because a namespace that has any pins the module. The last ones may
	 * not be freed yet: packets may be in a hook, and SAs and groups may
	 * wait for a grace period.
	 */
	mcsec_netlink_exit();
	mcsec_rollback_exit();
	unregister_netdevice_notifier(&dev_notifier);
	unregister_pernet_subsys(&net_ops);
	synchronize_rcu();
	rcu_barrier();
	mcsec_edge_exit();
	mcsec_sa_exit();
	mcsec_esp_exit();
	mcsec_nonce_exit();
}

module_init(mcsec_init);
module_exit(mcsec_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Group IPsec for IP multicast");
MODULE_VERSION(MCSEC_VERSION);
MODULE_ALIAS_GENL_FAMILY("mcsec");
