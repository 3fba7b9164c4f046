/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interfaces that groups name. A group points to a name, and a name knows the
 * index of the interface that has it now. An event of an interface therefore
 * updates one name, however many groups use it. Events arrive under RTNL, for
 * which the whole machine may wait, so they take no lock here that is held for
 * longer than a lookup of a name.
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
 * @ifindex: index of the interface that has the name, or 0; read by packets
 * @of: the interface or NULL; compared, never dereferenced
 * @refs: groups that name it
 * @by_name: node in the table of names
 * @by_dev: node in the table of interfaces, while there is one
 * @rcu: to free the name
 * @name: the name, padded with 0
 */
struct mcsec_dev {
	int ifindex;
	const void *of;
	unsigned int refs;
	struct rhash_head by_name;
	struct hlist_node by_dev;
	struct rcu_head rcu;
	char name[IFNAMSIZ];
};

#define MCSEC_DEV_BITS 6

/**
 * struct mcsec_devs - the names of a network namespace
 * @lock: protects all members
 * @by_name: the names
 * @by_dev: names whose interface exists, hashed by its address: another
 *	interface may have its index while a late event is delivered
 * @net: the namespace
 */
struct mcsec_devs {
	spinlock_t lock;
	struct rhashtable by_name;
	struct hlist_head by_dev[1 << MCSEC_DEV_BITS];
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
 * Handle an event of @netdev: it was registered or renamed, goes up, or is
 * @gone. The caller holds RTNL. Returns 0, or -EOPNOTSUPP for a VRF whose name
 * a group uses; the event must then be refused.
 */
int mcsec_devs_event(struct mcsec_devs *devs, const struct net_device *netdev,
		     bool gone);

#endif /* _MCSEC_DEV_H */
