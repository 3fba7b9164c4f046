// SPDX-License-Identifier: GPL-2.0-only
#include "dev.h"

#include <linux/delay.h>
#include <linux/hash.h>
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

static struct hlist_head *names_of(struct mcsec_devs *devs,
				   const struct net_device *netdev)
{
	return &devs->by_dev[hash_ptr(netdev, MCSEC_DEV_BITS)];
}

static void dev_detach(struct mcsec_dev *dev)
{
	if (!dev->of)
		return;
	hlist_del(&dev->by_dev);
	dev->of = NULL;
	WRITE_ONCE(dev->ifindex, 0);
}

/* Packets of a VRF arrive by its ports, which groups have to name instead. */
static int dev_attach(struct mcsec_devs *devs, struct mcsec_dev *dev,
		      const struct net_device *netdev)
{
	if (dev->of == netdev)
		return 0;
	if (netif_is_l3_master(netdev))
		return -EOPNOTSUPP;
	dev_detach(dev);
	dev->of = netdev;
	hlist_add_head(&dev->by_dev, names_of(devs, netdev));
	WRITE_ONCE(dev->ifindex, netdev->ifindex);
	return 0;
}

/*
 * Attach @dev to its interface if that exists. An interface that appears after
 * this lookup waits for the lock in mcsec_devs_event(), and finds the name.
 */
static int attach_present(struct mcsec_devs *devs, struct mcsec_dev *dev)
{
	struct net_device *netdev;
	int err = 0;

	rcu_read_lock();
	netdev = dev_get_by_name_rcu(devs->net, dev->name);
	/* Changes of alternative names send no event, so they cannot be
	 * followed.
	 */
	if (netdev && strcmp(netdev->name, dev->name))
		err = -ENOTUNIQ;
	else if (netdev)
		err = dev_attach(devs, dev, netdev);
	rcu_read_unlock();
	return err;
}

static void dev_remove(struct mcsec_devs *devs, struct mcsec_dev *dev)
{
	dev_detach(dev);
	rhashtable_remove_fast(&devs->by_name, &dev->by_name, params_dev);
	kfree_rcu(dev, rcu);
}

/* Insert *@new, which the table then owns, or find the entry of that name. */
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
	err = attach_present(devs, dev);
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
	unsigned int tries = 100;
	int err;

	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return ERR_PTR(-ENOMEM);
	strscpy(new->name, name, sizeof(new->name));
	for (;;) {
		spin_lock(&devs->lock);
		dev = get_locked(devs, &new);
		spin_unlock(&devs->lock);
		/* A rehash of the table is in progress, and ends soon. */
		if (dev != ERR_PTR(-EBUSY) || !--tries)
			break;
		usleep_range(50, 200);
	}
	kfree(new);
	err = PTR_ERR_OR_ZERO(dev);
	return err == -EBUSY || err == -E2BIG ? ERR_PTR(-ENOMEM) : dev;
}

void mcsec_dev_put(struct mcsec_devs *devs, struct mcsec_dev *dev)
{
	spin_lock(&devs->lock);
	if (!--dev->refs)
		dev_remove(devs, dev);
	spin_unlock(&devs->lock);
}

static int dev_rename(struct mcsec_devs *devs, const struct net_device *netdev)
{
	struct mcsec_dev *dev;
	char name[IFNAMSIZ] = {};

	strscpy(name, netdev->name, sizeof(name));
	dev = rhashtable_lookup_fast(&devs->by_name, name, params_dev);
	return dev ? dev_attach(devs, dev, netdev) : 0;
}

int mcsec_devs_event(struct mcsec_devs *devs, const struct net_device *netdev,
		     bool gone)
{
	struct hlist_node *next;
	struct mcsec_dev *dev;
	int err;

	spin_lock(&devs->lock);
	/* The new name is looked up first: an interface that must not have it
	 * gets its old name back, and must still be attached to that.
	 */
	err = gone ? 0 : dev_rename(devs, netdev);
	if (err)
		goto out;
	hlist_for_each_entry_safe(dev, next, names_of(devs, netdev), by_dev)
		if (dev->of == netdev &&
		    (gone || strcmp(dev->name, netdev->name)))
			dev_detach(dev);
out:
	spin_unlock(&devs->lock);
	return err;
}
