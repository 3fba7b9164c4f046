/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The groups of a network namespace, and the SAs of a group.
 *
 * Everything is changed under mcsec_net.lock, and read by packets under RCU.
 */
#ifndef _MCSEC_GROUP_H
#define _MCSEC_GROUP_H

#include <linux/atomic.h>
#include <linux/in6.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/rhashtable.h>
#include <linux/types.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include <uapi/linux/mcsec.h>

#include "sa.h"
#include "stats.h"

#define MCSEC_GROUPS_MAX 65536	/* groups in a network namespace */
#define MCSEC_SAS_MAX 64	/* SAs in a group */

extern unsigned int mcsec_net_id;

/**
 * struct mcsec_net - a network namespace
 * @lock: everything below that packets only read
 * @groups4: IPv4 groups by address
 * @groups6: IPv6 groups by address
 * @by_name: all groups by name
 * @by_id: all groups in the order they were made, for dumps
 * @next_id: of the next group
 * @n_groups: groups that protect something; 0 when there are no hooks
 * @alive: groups whose memory is still used
 * @windows: octets of replay windows
 * @stats: counters
 * @net: the namespace
 */
struct mcsec_net {
	struct mutex lock;
	struct rhashtable groups4;
	struct rhashtable groups6;
	struct rhashtable by_name;
	struct xarray by_id;
	u32 next_id;
	unsigned int n_groups;
	atomic_t alive;
	atomic_long_t windows;
	struct mcsec_stats __percpu *stats;
	struct net *net;
};

/**
 * struct mcsec_group - a protected multicast address
 * @addr_node: in groups4 or groups6
 * @dst: the address; dst.s6_addr32[0] of an IPv4 group
 * @out: the SA that sends, or NULL
 * @sas: all SAs
 * @mnet: its namespace
 * @stats: mnet->stats
 * @out_drops: datagrams not sent
 * @in_drops: datagrams that arrived and were refused
 * @acquire_next: jiffies before which userspace is not told again that an
 *	SA is missing
 * @refs: one while it is in the tables, one for each SA's memory
 * @family: AF_INET or AF_INET6
 * @id: in by_id
 * @n_sas: length of @sas
 * @serial: of the last SA
 * @name_node: in by_name
 * @name: name
 */
struct mcsec_group {
	struct rhash_head addr_node;
	struct in6_addr dst;
	struct mcsec_sa __rcu *out;
	struct hlist_head sas;
	struct mcsec_net *mnet;
	struct mcsec_stats __percpu *stats;
	atomic64_t out_drops;
	atomic64_t in_drops;
	unsigned long acquire_next;
	refcount_t refs;
	u16 family;
	u32 id;
	unsigned int n_sas;
	u32 serial;
	struct rhash_head name_node;
	struct rcu_head rcu;
	char name[MCSEC_NAME_MAX + 1];
};

static inline struct mcsec_net *mcsec_net_of(const struct net *net)
{
	return net_generic(net, mcsec_net_id);
}

static inline unsigned int mcsec_group_dst_len(const struct mcsec_group *group)
{
	return group->family == AF_INET ? 4 : 16;
}

/* ---- the packet path: RCU ---- */

struct mcsec_group *mcsec_group_find4(struct mcsec_net *mnet, __be32 dst);
struct mcsec_group *mcsec_group_find6(struct mcsec_net *mnet,
				      const struct in6_addr *dst);

/* The SA of @spi, or NULL. */
static inline struct mcsec_sa *mcsec_group_sa(struct mcsec_group *group,
					      __be32 spi)
{
	struct mcsec_sa *sa;

	hlist_for_each_entry_rcu(sa, &group->sas, node,
				 lockdep_is_held(&group->mnet->lock))
		if (sa->spi == spi)
			return sa;
	return NULL;
}

static inline void mcsec_count_out_drop(struct mcsec_group *group,
					enum mcsec_counter why)
{
	mcsec_count(group->stats, why);
	atomic64_inc(&group->out_drops);
}

static inline void mcsec_count_in_drop(struct mcsec_group *group,
				       enum mcsec_counter why)
{
	mcsec_count(group->stats, why);
	atomic64_inc(&group->in_drops);
}

/* Ask userspace for an SA, at most once a second. */
void mcsec_group_acquire(struct mcsec_group *group);

/* ---- changes: the caller holds mnet->lock ---- */

struct mcsec_group *mcsec_group_by_name(struct mcsec_net *mnet,
					const char *name);

/*
 * Make a group. @dst has 4 or 16 octets. Returns -EEXIST if the name or the
 * address is taken (*@name_taken says which), -ENOSPC at the cap, -ENOMEM.
 * From its return on the group's traffic is protected, if the hooks are there.
 */
int mcsec_group_new(struct mcsec_net *mnet, const char *name, const void *dst,
		    unsigned int dst_len, bool *name_taken);

/* Delete a group and its SAs. */
void mcsec_group_del(struct mcsec_group *group);

/*
 * Add an SA. Returns it, or -EEXIST (the SPI is taken), -ENOSPC at the cap,
 * or what mcsec_sa_create() returns.
 */
struct mcsec_sa *mcsec_group_sa_new(struct mcsec_group *group,
				    const struct mcsec_sa_config *config);
void mcsec_group_sa_del(struct mcsec_group *group, struct mcsec_sa *sa);
void mcsec_group_sa_flush(struct mcsec_group *group);

/* Send with @sa from now on. */
void mcsec_group_select(struct mcsec_group *group, struct mcsec_sa *sa);

int mcsec_net_init(struct mcsec_net *mnet, struct net *net);
/* Delete every group. The caller holds mnet->lock. */
void mcsec_net_flush(struct mcsec_net *mnet);
/* No groups, no hooks any more. Waits for what is still in use. */
void mcsec_net_exit(struct mcsec_net *mnet);

#endif /* _MCSEC_GROUP_H */
