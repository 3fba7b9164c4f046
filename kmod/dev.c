// SPDX-License-Identifier: GPL-2.0-only
#include "dev.h"
#include "insert.h"

#include <linux/netdevice.h>
#include <linux/slab.h>
#include <linux/string.h>

static const struct rhashtable_params params_dev = {
	.head_offset = offsetof(struct mcsec_dev, by_name),
	.key_offset = offsetof(struct mcsec_dev, name),
	.key_len = IFNAMSIZ,
	.automatic_shrinking = true,
};

int mcsec_devs_init(struct mcsec_devs *devs, struct net *net)
{
	spin_lock_init(&devs->lock);
	devs->net = net;
	return rhashtable_init(&devs->by_name, &params_dev);
}

void mcsec_devs_exit(struct mcsec_devs *devs)
{
	rhashtable_destroy(&devs->by_name);
}

/*
 * Check the interface of that name if it exists. One that appears after this
 * lookup waits for the lock in mcsec_devs_check(), and finds the name. Packets
 * of a VRF arrive by its ports, which groups have to name instead.
 */
static int check_present(struct mcsec_devs *devs, const char *name)
{
	struct net_device *netdev;
	int err = 0;

	rcu_read_lock();
	netdev = dev_get_by_name_rcu(devs->net, name);
	/* Packets have the name of the interface, not an alternative one. */
	if (netdev && strcmp(netdev->name, name))
		err = -ENOTUNIQ;
	else if (netdev && netif_is_l3_master(netdev))
		err = -EOPNOTSUPP;
	rcu_read_unlock();
	return err;
}

static void dev_remove(struct mcsec_devs *devs, struct mcsec_dev *dev)
{
	rhashtable_remove_fast(&devs->by_name, &dev->by_name, params_dev);
	kfree_rcu(dev, rcu);
}

/*
 * Find the entry of the name of *@new, or insert that, which is then NULL, and
 * return it with a reference. The caller holds devs->lock.
 */
static struct mcsec_dev *get_locked(struct mcsec_devs *devs,
				    struct mcsec_dev **new)
{
	struct mcsec_dev *dev;
	int err;

	dev = rhashtable_lookup_get_insert_fast(&devs->by_name,
						&(*new)->by_name, params_dev);
	if (IS_ERR(dev))
		return dev;
	if (!dev) {
		dev = *new;
		*new = NULL;
	}
	err = check_present(devs, dev->name);
	if (!err) {
		dev->refs++;
		return dev;
	}
	if (!dev->refs)
		dev_remove(devs, dev);
	return ERR_PTR(err);
}

struct mcsec_dev *mcsec_dev_get(struct mcsec_devs *devs, const char *name)
{
	struct mcsec_dev *dev, *new;
	unsigned int tries = 0;
	int err;

	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return ERR_PTR(-ENOMEM);
	strscpy(new->name, name, sizeof(new->name));
	memset(new->mask, 0xff, strlen(new->name) + 1);
	do {
		spin_lock(&devs->lock);
		dev = get_locked(devs, &new);
		spin_unlock(&devs->lock);
		err = PTR_ERR_OR_ZERO(dev);
	} while (mcsec_insert_again(&err, &tries));
	kfree(new);
	return err ? ERR_PTR(err) : dev;
}

void mcsec_dev_put(struct mcsec_devs *devs, struct mcsec_dev *dev)
{
	spin_lock(&devs->lock);
	if (!--dev->refs)
		dev_remove(devs, dev);
	spin_unlock(&devs->lock);
}

int mcsec_devs_check(struct mcsec_devs *devs, const struct net_device *netdev)
{
	char name[IFNAMSIZ] = {};
	bool named;

	if (!netif_is_l3_master(netdev))
		return 0;
	strscpy(name, netdev->name, sizeof(name));
	spin_lock(&devs->lock);
	named = rhashtable_lookup_fast(&devs->by_name, name, params_dev);
	spin_unlock(&devs->lock);
	return named ? -EOPNOTSUPP : 0;
}
