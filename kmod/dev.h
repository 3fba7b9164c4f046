/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of interfaces that selectors of groups list. The interface of a packet is
 * compared by its name, as xtables does, so an interface that appears, disappears
 * or is renamed needs no update. The names are in a table because an interface
 * whose name a group has must not become a VRF. Such events arrive under RTNL,
 * for which the whole machine may wait, so they take no lock here that is held
 * for longer than a lookup of a name.
 */
#ifndef _MCSEC_DEV_H
#define _MCSEC_DEV_H

#include <linux/if.h>
#include <linux/rcupdate.h>
#include <linux/rhashtable.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct net;
struct net_device;

/**
 * struct mcsec_dev - the name of an interface
 * @refs: groups that name it
 * @by_name: node in the table of names
 * @rcu: to free the name
 * @name: the name, padded with 0
 * @mask: 0xff for each octet of @name, with the 0 that ends it, and 0 behind
 */
struct mcsec_dev {
	unsigned int refs;
	struct rhash_head by_name;
	struct rcu_head rcu;
	char name[IFNAMSIZ] __aligned(sizeof(long));
	char mask[IFNAMSIZ] __aligned(sizeof(long));
};

/**
 * struct mcsec_devs - the names of a network namespace
 * @lock: protects all members
 * @by_name: the names
 * @net: the namespace
 */
struct mcsec_devs {
	spinlock_t lock;
	struct rhashtable by_name;
	struct net *net;
};

/* Initialise @devs, which the caller has zeroed. Returns 0 or -ENOMEM. */
int mcsec_devs_init(struct mcsec_devs *devs, struct net *net);
/* Free @devs. No name may be in use any more. */
void mcsec_devs_exit(struct mcsec_devs *devs);

/*
 * Take a reference to @name, which is shorter than IFNAMSIZ. Returns an
 * ERR_PTR: -ENOTUNIQ if @name is only the alternative name of an interface,
 * -EOPNOTSUPP if the interface is a VRF, -ENOMEM. Process context; may sleep.
 */
struct mcsec_dev *mcsec_dev_get(struct mcsec_devs *devs, const char *name);
/*
 * Drop a reference. Packets may read @dev for another grace period. Process
 * context.
 */
void mcsec_dev_put(struct mcsec_devs *devs, struct mcsec_dev *dev);

/*
 * Check @netdev, which was registered or renamed, or goes up. The caller holds
 * RTNL. Returns 0, or -EOPNOTSUPP for a VRF whose name a group has; the event
 * must then be refused.
 */
int mcsec_devs_check(struct mcsec_devs *devs, const struct net_device *netdev);

#endif /* _MCSEC_DEV_H */
