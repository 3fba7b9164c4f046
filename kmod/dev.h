/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interfaces that groups name. A group has pointers to the names, and a name
 * knows the index of the interface that is called so now: whatever becomes of an
 * interface is written to one name, however many groups have it. Who changes
 * interfaces holds RTNL, which the whole machine may wait for, and waits for no
 * lock here that is held for longer than it takes to find a name.
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
 * @ifindex: of the interface that is called so, or 0; read by packets
 * @of: the interface, to be compared only; or NULL
 * @refs: groups that name it
 * @by_name: in the table of names
 * @by_dev: while there is an interface
 * @rcu: frees it
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
 * @lock: all of it
 * @by_name: the names
 * @by_dev: those whose interface is there, hashed by it: not by the index, which
 *	another interface may have while one that is gone is told of again
 * @net: the namespace
 */
struct mcsec_devs {
	spinlock_t lock;
	struct rhashtable by_name;
	struct hlist_head by_dev[1 << MCSEC_DEV_BITS];
	struct net *net;
};

/* @devs is zeroed. Returns 0 or -ENOMEM. */
int mcsec_devs_init(struct mcsec_devs *devs, struct net *net);
/* No names are in use any more. */
void mcsec_devs_exit(struct mcsec_devs *devs);

/*
 * Use @name, which is shorter than IFNAMSIZ, once more. Returns ERR_PTR:
 * -ENOTUNIQ if an interface has it as an alternative name only, -EOPNOTSUPP if
 * it is a VRF, -ENOMEM. Process context; may sleep.
 */
struct mcsec_dev *mcsec_dev_get(struct mcsec_devs *devs, const char *name);
/* Packets may look at it for a grace period longer. Process context. */
void mcsec_dev_put(struct mcsec_devs *devs, struct mcsec_dev *dev);

/*
 * @netdev has come, got another name, is about to be used, or is @gone. RTNL is
 * held. Returns 0, or -EOPNOTSUPP for a VRF of a name that a group has, which
 * must not be, or be used.
 */
int mcsec_devs_event(struct mcsec_devs *devs, const struct net_device *netdev,
		     bool gone);

#endif /* _MCSEC_DEV_H */
