/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The groups of a network namespace, and the SAs of a group.
 *
 * All of it is changed under mcsec_net.lock, but for portid and what packets count and
 * limit, and read by packets under RCU. The order of locks: that of all namespaces, a
 * program's socket (edges), mcsec_net.lock, then those of nonce.c, of mcsec_devs, of an
 * SA and of a window.
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
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include <uapi/linux/mcsec.h>

#include "sa.h"
#include "select.h"
#include "stats.h"

#define MCSEC_GROUPS_MAX 65536 /* groups in a network namespace */
#define MCSEC_SAS_MAX 64 /* SAs in a group */
#define MCSEC_HOOKS 12 /* in each namespace, for IPv4 and IPv6 */

extern unsigned int mcsec_net_id;

/**
 * struct mcsec_net - a network namespace
 * @lock: protects all that follows but @node; packets read some of it under RCU
 * @ready: @select, @by_name and @stats exist, since a first group was requested;
 *	readers without @lock acquire it
 * @select: groups by selector, and their SAs by addresses and SPI
 * @by_name: all groups by name
 * @by_id: all groups in the order of their creation, for dumps
 * @next_id: id of the next group
 * @n_groups: groups in the tables; the hooks are registered unless it is 0
 * @in_marks: in-mark bits of all groups since the namespace last had none
 * @alive: groups and ports that are not freed yet
 * @windows: memory of replay windows
 * @stats: counters
 * @ports: UDP sockets of edges
 * @lost_ports: looks for sockets that were taken from their edges
 * @ops: hooks of the namespace, registered while it has groups; a dump of
 *	hooks may read them for another grace period
 * @net: the namespace
 * @node: in the list of all namespaces, under a lock of its own
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
	struct list_head ports;
	struct delayed_work lost_ports;
	struct nf_hook_ops ops[MCSEC_HOOKS];
	struct net *net;
	struct list_head node;
};

/**
 * struct mcsec_group - a group of the namespace
 * @out: the SA that sends, or NULL
 * @mnet: the namespace
 * @stats: mnet->stats
 * @candidate: entry in mnet->select
 * @policy: enum mcsec_policy
 * @exempt: IGMP and MLD stay in the clear
 * @forward: routed datagrams are protected too, and verified ones may be
 *	routed
 * @in_mark: mark of verified datagrams, in the bits of @in_mark_mask
 * @in_mark_mask: bits of the mark to set, or 0
 * @out_drops: outgoing datagrams that were dropped
 * @in_drops: incoming datagrams that were dropped
 * @observed: clear datagrams that were accepted because of @policy
 * @acquire_next: jiffies of the earliest next notification of a missing SA
 * @unknown_next: jiffies at which @unknown_notified is cleared
 * @unknown_notified: buckets of sources of which userspace was notified, as bits
 * @unknown_seed: decides which source is in which bucket
 * @unknown_spi: SPI of the last such notification
 * @refs: one for the tables, and one for each SA that is not freed yet
 * @owner: name of the program that made the group, or ""
 * @portid: netlink port of the owner while its socket is open, or 0
 * @orphaned: taken from its owner, with its SAs; until the owner makes it again
 * @id: index in mnet->by_id
 * @sas: all SAs
 * @n_sas: length of @sas
 * @serial: serial of the newest SA
 * @name_node: node in mnet->by_name
 * @rcu: to free the group
 * @name: name
 * @edges: edges, which packets read under RCU
 * @n_edges: length of @edges
 * @edge_serial: serial of the newest edge
 * @flush_edges: deletes all edges; set by the first one
 * @sel: selector
 * @devs: interfaces of @candidate
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
	unsigned long unknown_notified;
	u32 unknown_seed;
	__be32 unknown_spi;
	refcount_t refs;
	char owner[MCSEC_NAME_MAX + 1];
	u32 portid;
	bool orphaned;
	u32 id;
	struct hlist_head sas;
	unsigned int n_sas;
	u32 serial;
	struct rhash_head name_node;
	struct rcu_head rcu;
	char name[MCSEC_NAME_MAX + 1];
	struct list_head edges;
	unsigned int n_edges;
	long edge_serial;
	void (*flush_edges)(struct mcsec_group *group);
	struct mcsec_selector sel;
	struct mcsec_dev *devs[];
};

/**
 * struct mcsec_group_config - checked parameters of a new group
 * @name: name
 * @owner: name of the program that makes the group, or NULL
 * @portid: netlink port of that program
 * @policy: enum mcsec_policy
 * @forward: see struct mcsec_group
 * @in_mark: see struct mcsec_group
 * @in_mark_mask: see struct mcsec_group
 * @sel: selector; bits beyond its prefixes are 0
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

/* Return the length of the group's addresses in octets. */
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
 * Count and trace a dropped datagram. @spi is 0 and @sid is -1 if they are
 * unknown.
 */
void mcsec_drop_out(struct mcsec_group *group, enum mcsec_counter why,
		    __be32 spi, int sid);
void mcsec_drop_in(struct mcsec_group *group, enum mcsec_counter why,
		   __be32 spi, int sid);
/* The same for a datagram that belongs to no group alone. */
void mcsec_drop_ungrouped(struct mcsec_net *mnet, enum mcsec_counter why,
			  __be32 spi, int sid);

/*
 * Count a clear datagram as @as, and return true, if the group only observes: the
 * caller then accepts the datagram as it is.
 */
static inline bool mcsec_group_accept_observed(struct mcsec_group *group,
					       enum mcsec_counter as)
{
	if (likely(READ_ONCE(group->policy) != MCSEC_POLICY_OBSERVE))
		return false;
	mcsec_count(group->stats, as);
	atomic64_inc(&group->observed);
	return true;
}

/*
 * Count an opaque datagram as @as, which is accepted because no candidate in @opaque
 * enforces, or as @why, which is dropped.
 */
void mcsec_opaque_observed(struct mcsec_net *mnet,
			   const struct mcsec_opaque *opaque,
			   enum mcsec_counter as);
void mcsec_opaque_drop_out(struct mcsec_net *mnet,
			   const struct mcsec_opaque *opaque,
			   enum mcsec_counter why);
void mcsec_opaque_drop_in(struct mcsec_net *mnet,
			  const struct mcsec_opaque *opaque,
			  enum mcsec_counter why, __be32 spi);

/* The caller holds rcu_read_lock(). */
struct mcsec_group *mcsec_group_by_name_rcu(struct mcsec_net *mnet,
					    const char *name);

/* Ask userspace for an SA, at most once a second for each group. */
void mcsec_group_acquire(struct mcsec_group *group);

/*
 * Notify userspace of ESP with an unknown SPI from @source, at a limited rate for
 * each group: once a second for each bucket of sources, so that a stranger with many
 * SPIs does not suppress the notifications of others.
 */
#define MCSEC_UNKNOWN_PER_SECOND 8
void mcsec_group_unknown(struct mcsec_group *group,
			 const struct in6_addr *source, __be32 spi);

/* ---- changes: the caller holds mnet->lock ---- */

struct mcsec_group *mcsec_group_by_name(struct mcsec_net *mnet,
					const char *name);

/* Return the SA of @spi, or NULL. */
struct mcsec_sa *mcsec_group_sa(struct mcsec_group *group, __be32 spi);

/*
 * Make a group of a name that no other has. Returns -EEXIST if the selector is
 * taken, -ENOSPC at the limit, -ENOMEM, or an error of mcsec_select_add(). The
 * group's traffic is protected on return, if the hooks are registered.
 */
int mcsec_group_new(struct mcsec_net *mnet,
		    const struct mcsec_group_config *config);

/*
 * Adopt a group of the name that @config->owner made before. The port becomes the
 * group's if that of the owner was closed. Returns true if the group was taken from its
 * owner and has the same parameters: it is the owner's again, with that policy.
 */
bool mcsec_group_readopt(struct mcsec_net *mnet,
			 const struct mcsec_group_config *config);

/*
 * Take a group from its owner: its SAs are deleted, and it enforces until the owner
 * makes it again.
 */
void mcsec_group_orphan(struct mcsec_group *group);

/*
 * A netlink socket was closed, so its groups have no open port any more. Needs
 * no lock.
 */
void mcsec_net_portid_closed(struct mcsec_net *mnet, u32 portid);

/* Set the policy, an enum mcsec_policy, for packets from now on. */
void mcsec_group_set_policy(struct mcsec_group *group, u32 policy);

/* Delete a group and its SAs. */
void mcsec_group_del(struct mcsec_group *group);

/*
 * Add an SA, which takes config->cipher. Returns the SA, or an ERR_PTR: -EEXIST
 * if the SPI is taken by this group or by another one with its addresses,
 * -ENOSPC at the limit, -EDQUOT at the limit of all unprivileged user
 * namespaces, -EBUSY while the machine hibernates, -ENOMEM.
 */
struct mcsec_sa *mcsec_group_sa_new(struct mcsec_group *group,
				    struct mcsec_sa_config *config);
void mcsec_group_sa_del(struct mcsec_group *group, struct mcsec_sa *sa);
void mcsec_group_sa_flush(struct mcsec_group *group);
/*
 * Set the directions of @sa, without MCSEC_DIR_OUT if the SA lacks it. Packets on their
 * way may still go by the former ones.
 */
void mcsec_group_sa_set_dir(struct mcsec_group *group, struct mcsec_sa *sa,
			    u32 dir);

/* Make @sa, which has MCSEC_DIR_OUT, the SA that sends. */
void mcsec_group_select(struct mcsec_group *group, struct mcsec_sa *sa);

/*
 * Call mcsec_sa_end() for all SAs of all namespaces, also of namespaces that are
 * being deleted, but not for SAs that were unlinked: see mcsec_sa_wait_wiped().
 * Takes the lock of each namespace; may sleep.
 */
void mcsec_nets_end_sas(bool wipe);

void mcsec_net_init(struct mcsec_net *mnet, struct net *net);
/*
 * Allocate the tables and counters when the first group is made; most
 * namespaces never have one. The caller holds mnet->lock. Returns 0 or -ENOMEM.
 */
int mcsec_net_prepare(struct mcsec_net *mnet);
/*
 * Delete all groups of a namespace that nobody can use any more. Takes and drops
 * mnet->lock for each, because mcsec_nets_end_sas() must not wait for all. May
 * sleep.
 */
void mcsec_net_flush(struct mcsec_net *mnet);
/*
 * Free the namespace's memory. There are no groups and hooks, and no packet is
 * in a hook. Waits for SAs that are still in use.
 */
void mcsec_net_exit(struct mcsec_net *mnet);

#endif /* _MCSEC_GROUP_H */
