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
#include <linux/netfilter.h>
#include <linux/refcount.h>
#include <linux/rhashtable.h>
#include <linux/types.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include <uapi/linux/mcsec.h>

#include "sa.h"
#include "select.h"
#include "stats.h"

#define MCSEC_GROUPS_MAX 65536 /* groups in a network namespace */
#define MCSEC_SAS_MAX 64 /* SAs in a group */
#define MCSEC_HOOKS 12 /* of netfilter, IPv4 and IPv6 */

extern unsigned int mcsec_net_id;

/**
 * struct mcsec_net - a network namespace
 * @lock: everything below that packets only read
 * @ready: @select, @by_name and @stats are there: from the first group on
 * @select: groups by what they select, and their SAs by addresses and SPI
 * @by_name: all groups by name
 * @by_id: all groups in the order they were made, for dumps
 * @next_id: of the next group
 * @n_groups: groups that protect something; 0 when there are no hooks
 * @in_marks: bits of marks that say what was verified, of any group since the
 *	first
 * @alive: groups whose memory is still used
 * @windows: what replay windows take
 * @stats: counters
 * @ops: its hooks, registered while it has groups; who lists hooks may read
 *	them for a grace period longer
 * @net: the namespace
 */
struct mcsec_net {
	struct mutex lock;
	bool ready;
	struct mcsec_select *select;
	struct rhashtable by_name;
	struct xarray by_id;
	u32 next_id;
	unsigned int n_groups;
	u32 in_marks;
	atomic_t alive;
	struct mcsec_windows windows;
	struct mcsec_stats __percpu *stats;
	struct nf_hook_ops ops[MCSEC_HOOKS];
	struct net *net;
};

/**
 * struct mcsec_group - protected multicast
 * @out: the SA that sends, or NULL
 * @mnet: its namespace
 * @stats: mnet->stats
 * @candidate: its place in mnet->select
 * @policy: enum mcsec_policy
 * @exempt: IGMP and MLD go by in the clear
 * @forward: what is routed is protected too, and what was verified may be
 *	routed
 * @in_mark: what is verified gets it, in the bits of @in_mark_mask
 * @in_mark_mask: 0 if the mark stays as it is
 * @out_drops: datagrams not sent
 * @in_drops: datagrams that arrived and were refused
 * @observed: datagrams in the clear that went on because of @policy
 * @acquire_next: jiffies before which userspace is not told again that an
 *	SA is missing
 * @unknown_next: jiffies from which on @unknown_left is full again
 * @unknown_left: notifications of ESP with an SPI of no SA that may still go
 * @unknown_spi: the last of them
 * @refs: one while it is in the tables, one for each SA's memory
 * @owner: program that made it, or ""
 * @portid: netlink port of the owner while that is open, or 0
 * @gone: was taken from its owner: it has no SAs, and waits for the owner
 * @id: in by_id
 * @sas: all SAs
 * @n_sas: length of @sas
 * @serial: of the last SA
 * @name_node: in by_name
 * @name: name
 * @sel: what it selects
 * @devs: of @candidate
 */
struct mcsec_group {
	struct mcsec_sa __rcu *out;
	struct mcsec_net *mnet;
	struct mcsec_stats __percpu *stats;
	struct mcsec_candidate candidate;
	u32 policy;
	bool exempt;
	bool forward;
	u32 in_mark;
	u32 in_mark_mask;
	atomic64_t out_drops;
	atomic64_t in_drops;
	atomic64_t observed;
	unsigned long acquire_next;
	unsigned long unknown_next;
	atomic_t unknown_left;
	__be32 unknown_spi;
	refcount_t refs;
	char owner[MCSEC_NAME_MAX + 1];
	u32 portid;
	bool gone;
	u32 id;
	struct hlist_head sas;
	unsigned int n_sas;
	u32 serial;
	struct rhash_head name_node;
	struct rcu_head rcu;
	char name[MCSEC_NAME_MAX + 1];
	struct mcsec_selector sel;
	struct mcsec_dev *devs[];
};

/**
 * struct mcsec_group_config - a group as userspace asks for it, checked
 * @name: name
 * @owner: program that makes it, or NULL
 * @portid: its netlink port
 * @policy: enum mcsec_policy
 * @forward: see struct mcsec_group
 * @in_mark: also
 * @in_mark_mask: also
 * @sel: what it selects; bits beyond its prefixes are 0
 */
struct mcsec_group_config {
	const char *name;
	const char *owner;
	u32 portid;
	u32 policy;
	bool forward;
	u32 in_mark;
	u32 in_mark_mask;
	struct mcsec_selector sel;
};

static inline struct mcsec_net *mcsec_net_of(const struct net *net)
{
	return net_generic(net, mcsec_net_id);
}

/* Octets of its addresses. */
static inline unsigned int mcsec_group_addr_len(const struct mcsec_group *group)
{
	return group->sel.family == AF_INET ? 4 : 16;
}

/* ---- the packet path: RCU ---- */

static inline struct mcsec_sa *mcsec_sa_of(struct mcsec_node *node)
{
	return node ? container_of(node, struct mcsec_sa, node_spi) : NULL;
}

/*
 * A datagram is dropped: count and trace it. @spi and @sid are 0 and -1 where
 * they are not known.
 */
void mcsec_drop_out(struct mcsec_group *group, enum mcsec_counter why,
		    __be32 spi, int sid);
void mcsec_drop_in(struct mcsec_group *group, enum mcsec_counter why,
		   __be32 spi, int sid);

/* Whether it goes on in the clear, for all that was found wrong; counts it. */
static inline bool mcsec_group_observes(struct mcsec_group *group,
					enum mcsec_counter as)
{
	if (likely(READ_ONCE(group->policy) != MCSEC_POLICY_OBSERVE))
		return false;
	mcsec_count(group->stats, as);
	atomic64_inc(&group->observed);
	return true;
}

/*
 * Whether a datagram in the clear goes on that @opaque is about. Counts it as
 * @as, or as dropped because of @why.
 */
bool mcsec_opaque_goes_on(struct mcsec_net *mnet,
			  const struct mcsec_opaque *opaque,
			  enum mcsec_counter as, enum mcsec_counter why,
			  __be32 spi);

/* For who is inside of rcu_read_lock(). */
struct mcsec_group *mcsec_group_by_name_rcu(struct mcsec_net *mnet,
					    const char *name);

/* Ask userspace for an SA, at most once a second. */
void mcsec_group_acquire(struct mcsec_group *group);

/* Tell userspace of ESP with an SPI of no SA. */
#define MCSEC_UNKNOWN_PER_SECOND 8
void mcsec_group_unknown(struct mcsec_group *group, __be32 spi);

/* ---- changes: the caller holds mnet->lock ---- */

struct mcsec_group *mcsec_group_by_name(struct mcsec_net *mnet,
					const char *name);

/* The SA of @spi, or NULL. */
struct mcsec_sa *mcsec_group_sa(struct mcsec_group *group, __be32 spi);

/*
 * Make a group. Returns -EEXIST if the name (*@name_taken) or the selector is
 * taken, -ENOSPC at the cap, -ENOMEM, or what else mcsec_select_add() does. From
 * its return on the group's traffic is protected, if the hooks are there.
 */
int mcsec_group_new(struct mcsec_net *mnet,
		    const struct mcsec_group_config *config, bool *name_taken);

/*
 * @config->owner makes a group that it has already: take it over if its own
 * socket was closed, and if it was taken from it and is the same, go on with it.
 * Returns whether it goes on.
 */
bool mcsec_group_claim(struct mcsec_net *mnet,
		       const struct mcsec_group_config *config);

/* The group was taken from its owner: without SAs it waits, closed. */
void mcsec_group_take_away(struct mcsec_group *group);

/* A netlink socket was closed: what it owns is nobody's. Any time. */
void mcsec_net_port_closed(struct mcsec_net *mnet, u32 portid);

/* enum mcsec_policy, for what comes from now on. */
void mcsec_group_set_policy(struct mcsec_group *group, u32 policy);

/* Delete a group and its SAs. */
void mcsec_group_del(struct mcsec_group *group);

/*
 * Add an SA, taking over config->cipher in any case. Returns it, or -EEXIST (the
 * SPI is taken, by the group or by another with its addresses), -ENOSPC at the
 * cap, -EDQUOT at that of all ordinary users, -EBUSY while the machine
 * hibernates, -ENOMEM.
 */
struct mcsec_sa *mcsec_group_sa_new(struct mcsec_group *group,
				    const struct mcsec_sa_config *config);
void mcsec_group_sa_del(struct mcsec_group *group, struct mcsec_sa *sa);
void mcsec_group_sa_flush(struct mcsec_group *group);

/* Send with @sa from now on. */
void mcsec_group_select(struct mcsec_group *group, struct mcsec_sa *sa);

/* All SAs of the namespace, see mcsec_sa_rolled_back(). Takes mnet->lock. */
void mcsec_net_rolled_back(struct mcsec_net *mnet, bool wipe);

void mcsec_net_init(struct mcsec_net *mnet, struct net *net);
/*
 * What a namespace needs that has groups, and most never have; once. The caller
 * holds mnet->lock. Returns 0 or -ENOMEM.
 */
int mcsec_net_prepare(struct mcsec_net *mnet);
/* Delete every group. The caller holds mnet->lock. */
void mcsec_net_flush(struct mcsec_net *mnet);
/*
 * No groups, no hooks, no packets in a hook any more. Waits for SAs that are
 * still in use.
 */
void mcsec_net_exit(struct mcsec_net *mnet);

#endif /* _MCSEC_GROUP_H */
