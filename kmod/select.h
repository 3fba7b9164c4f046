/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Selection of the group that a datagram belongs to. One hash table has the
 * destination prefixes of selectors. Each prefix has a list of candidates: the
 * groups that select by it, the most specific first. A datagram is looked up
 * once for each prefix length in use, the longest first, and then compared with
 * the candidates of each prefix that is found. The cost does not grow with
 * groups of other addresses.
 *
 * A datagram is opaque if its payload cannot be read: a fragment, ESP of an
 * unknown SA, or more headers than are walked. It may belong to any candidate
 * that selects by the payload and matches otherwise.
 *
 * SAs are in the same table, under their prefix and SPI.
 *
 * All of it is changed under the namespace's lock, and read by packets under
 * RCU.
 */
#ifndef _MCSEC_SELECT_H
#define _MCSEC_SELECT_H

#include <linux/bitmap.h>
#include <linux/in6.h>
#include <linux/list.h>
#include <linux/netdevice.h>
#include <linux/netfilter/x_tables.h>
#include <linux/rcupdate.h>
#include <linux/rhashtable.h>
#include <linux/socket.h>
#include <linux/types.h>

#include "dev.h"

/*
 * Limits of the work that one datagram can cause. They are needed because a
 * user can make groups in a namespace of its own, and any sender can make a
 * receiver compare all of them.
 */
#define MCSEC_CANDIDATES_MAX 512 /* per prefix, counted once per interface */
#define MCSEC_PREFIX_LENS_MAX 15 /* prefix lengths besides full addresses */
#define MCSEC_UNKNOWN_PER_PACKET 16 /* groups that are told of its SPI */

struct mcsec_group;
struct mcsec_pkt;
struct sk_buff;

/**
 * struct mcsec_selector - selector of a group
 * @family: AF_INET or AF_INET6
 * @dst_len: prefix length of @dst, 32 or 128 for an address
 * @src_len: prefix length of @src, 0 for any
 * @proto: protocol of the payload, 0 for any
 * @sport: source port in host byte order, 0 for any
 * @dport: destination port in host byte order, 0 for any
 * @mark: value of skb->mark in the bits of @mask
 * @mask: bits of the mark that are compared, 0 for any
 * @dst: destination; IPv4 uses s6_addr32[0]
 * @src: source; IPv4 uses s6_addr32[0]
 * @n_devs: length of @devs, 0 for any interface
 * @devs: names of interfaces
 */
struct mcsec_selector {
	u16 family;
	u8 dst_len;
	u8 src_len;
	u8 proto;
	u16 sport;
	u16 dport;
	u32 mark;
	u32 mask;
	struct in6_addr dst;
	struct in6_addr src;
	unsigned int n_devs;
	const char (*devs)[IFNAMSIZ];
};

/**
 * struct mcsec_key4 - key of the table for IPv4
 * @dst: family, length and first word of the prefix, see mcsec_key_dst()
 * @spi: SPI of an SA in network byte order; 0 for a prefix
 */
struct mcsec_key4 {
	u64 dst;
	u32 spi;
};

/**
 * struct mcsec_key - key of the table for both families
 * @v4: the whole key for IPv4
 * @more: remaining words of an IPv6 prefix; 0 for IPv4
 */
struct mcsec_key {
	struct mcsec_key4 v4;
	u32 more[3];
};

/**
 * struct mcsec_node - an entry of the table
 * @head: list of entries; SAs of groups with different sources share a key
 * @key: key of the entry
 * @owner: candidate of the SA's group; unset for a prefix
 */
struct mcsec_node {
	struct rhlist_head head;
	struct mcsec_key key;
	const struct mcsec_candidate *owner;
};

/**
 * struct mcsec_prefix - the groups that select by a destination prefix
 * @node: entry of the table
 * @only: the group that takes all datagrams to the prefix, or NULL
 * @candidates: candidates, by descending rank
 * @n: number of candidates as MCSEC_CANDIDATES_MAX counts them
 * @rcu: to free the prefix
 */
struct mcsec_prefix {
	struct mcsec_node node;
	struct mcsec_group __rcu *only;
	struct list_head candidates;
	unsigned int n;
	struct rcu_head rcu;
};

/* The rank of a group that takes all datagrams to its prefix. */
#define MCSEC_RANK_ANY U32_MAX

/**
 * struct mcsec_candidate - entry of a group in the list of its prefix
 * @node: node in prefix->candidates
 * @rank: how specific the selector is besides its prefix, see rank_of();
 *	candidates of equal rank have the same mark mask
 * @group: the group
 * @sel: selector of the group
 * @family: summary of the selectors of the same family
 * @prefix: prefix of the selector while it is in the table; not for packets
 * @observes: the policy of the group is observe
 * @hosts: the group is a host's and no gateway's, so there is no inside network
 * @edged: the group has edges, had some, or was to have one
 * @n_devs: length of @devs
 * @devs: the interfaces that @sel names
 */
struct mcsec_candidate {
	struct list_head node;
	u64 rank;
	struct mcsec_group *group;
	const struct mcsec_selector *sel;
	struct mcsec_family *family;
	struct mcsec_prefix *prefix;
	bool observes;
	bool hosts;
	bool edged;
	unsigned int n_devs;
	struct mcsec_dev **devs;
};

/*
 * Prefix lengths as bits. Bit 0 stands for 32 for IPv4 and 128 for IPv6, and
 * higher bits stand for shorter prefixes.
 */
#define MCSEC_LEN_BITS 129

/**
 * struct mcsec_family - summary of the selectors of an address family
 * @lens: prefix lengths in use
 * @users: number of prefixes of each length
 * @n_prefix_lens: number of lengths in use, besides that of full addresses
 * @n_other: groups that select by more than a full destination address
 * @n_src: groups that select by the source
 * @n_proto: groups that select by the payload
 */
struct mcsec_family {
	DECLARE_BITMAP(lens, MCSEC_LEN_BITS);
	unsigned int users[MCSEC_LEN_BITS];
	unsigned int n_prefix_lens;
	unsigned int n_other;
	unsigned int n_src;
	unsigned int n_proto;
};

/* Indexes of families; true and false of "is it IPv6" are the same. */
enum { MCSEC_FAMILY_IP4, MCSEC_FAMILY_IP6, MCSEC_FAMILIES };

/**
 * struct mcsec_select - the selectors of a network namespace
 * @family: summaries for IPv4 and for IPv6
 * @table: prefixes and SAs of both families
 * @devs: interfaces that groups name
 */
struct mcsec_select {
	struct mcsec_family family[MCSEC_FAMILIES];
	struct rhltable table;
	struct mcsec_devs devs;
};

/* ---- the packet path: RCU; skb->data is at the IP header ---- */

/*
 * Return the group that selects the datagram, which comes or goes through @dev,
 * or NULL.
 */
struct mcsec_group *mcsec_select_group(const struct mcsec_select *s,
				       const struct mcsec_pkt *pkt,
				       const struct net_device *dev);

/*
 * Return the node of an SA with @spi, of the most specific groups that select
 * the addresses of the datagram, or NULL.
 */
struct mcsec_node *mcsec_select_sa(const struct mcsec_select *s,
				   const struct mcsec_pkt *pkt, __be32 spi);

/*
 * Return the same, but only among groups that select packets of @dev: for ESP
 * whose SA by mcsec_select_sa() belongs to a group that does not.
 */
struct mcsec_node *mcsec_lookup_sa(const struct mcsec_select *s,
				   const struct mcsec_pkt *pkt,
				   const struct net_device *dev, __be32 spi);

/*
 * Call @fn with @arg for the node of each SA with @spi that groups of the addresses of
 * the datagram have, for any device, until @fn returns true. Groups with the same
 * addresses may have the SPI for different keys, if they differ in the source.
 */
void mcsec_lookup_each_sa(const struct mcsec_select *s,
			  const struct mcsec_pkt *pkt, __be32 spi,
			  bool (*fn)(struct mcsec_node *node, void *arg),
			  void *arg);

/*
 * Return the node of an SA with @spi of the group of @c alone, or NULL: a
 * datagram of an edge does not show the addresses.
 */
struct mcsec_node *mcsec_select_sa_of(const struct mcsec_select *s,
				      const struct mcsec_candidate *c,
				      __be32 spi);

/*
 * Return true if any group selects the destination of @skb, whatever else its
 * selector has: rules that come later may still translate the source.
 */
bool mcsec_lookup_dst(const struct mcsec_select *s, const struct sk_buff *skb,
		      bool v6);

/*
 * Return an enforcing group whose datagram an ICMP error that leaves by @dev may
 * quote, or NULL. pkt->next is that of the quoted datagram. The error has a mark of
 * its own, and leaves by the device towards its receiver: of a group that selects by
 * these the addresses alone are compared, and less specific groups are asked as well.
 *
 * An error of a gateway that leaves by a device which its group does not name goes
 * to hosts inside, and is permitted. If the group has edges, it may as well be on its
 * way outside, by any tunnel or port below an edge: the group is returned then, and
 * *@inside is true if no other group is one to which @dev is outside.
 */
struct mcsec_group *mcsec_lookup_quoted(const struct mcsec_select *s,
					const struct mcsec_pkt *pkt,
					const struct net_device *dev,
					bool *inside);

/* How the candidates that select by a mark are compared. */
enum mcsec_marks {
	MCSEC_MARKS_MATCH, /* by the mark of an outgoing packet */
	/* An incoming packet with the mark may belong to the candidate or to a
	 * later one: the mark is not on the wire.
	 */
	MCSEC_MARKS_MAYBE,
	MCSEC_MARKS_NONE, /* not at all: rules may have changed the mark */
};

/**
 * struct mcsec_opaque - candidates for an opaque datagram
 * @group: the only possible group, or NULL
 * @candidate: there is a candidate
 * @enforcing: a candidate enforces; a snapshot, since policies may change
 */
struct mcsec_opaque {
	struct mcsec_group *group;
	bool candidate;
	bool enforcing;
};

/*
 * Find the candidates for an opaque datagram by its addresses, its mark as
 * @marks has it, and @dev.
 */
struct mcsec_opaque mcsec_lookup_opaque(const struct mcsec_select *s,
					const struct mcsec_pkt *pkt,
					const struct net_device *dev,
					enum mcsec_marks marks);

/*
 * Return the group like mcsec_select_group(), but of those that select by no
 * mark, for a packet whose mark rules may have changed since it arrived.
 */
struct mcsec_group *mcsec_lookup_unmarked(const struct mcsec_select *s,
					  const struct mcsec_pkt *pkt,
					  const struct net_device *dev);

/*
 * Return the first enforcing group that a readable datagram which came by @dev
 * may belong to, or NULL. A group that selects by a mark does not
 * hide less specific ones, even if the datagram has the mark.
 */
struct mcsec_group *mcsec_lookup_enforcing(const struct mcsec_select *s,
					   const struct mcsec_pkt *pkt,
					   const struct net_device *dev);

/*
 * Call @note for each group that ESP of an unknown SPI, which came by @dev, may
 * be of: addresses and interface are all that it shows. If there are more than
 * MCSEC_UNKNOWN_PER_PACKET groups, that many are drawn for each packet, so that
 * one of a stranger costs little, and yet any group is told soon of a sender's.
 */
void mcsec_lookup_unknown(const struct mcsec_select *s,
			  const struct mcsec_pkt *pkt,
			  const struct net_device *dev,
			  void (*note)(const struct mcsec_pkt *pkt,
				       struct mcsec_group *group, __be32 spi),
			  __be32 spi);

/* Return true if packets of @dev may belong to the candidate's group. */
static inline bool mcsec_candidate_has_dev(const struct mcsec_candidate *c,
					   const struct net_device *dev)
{
	unsigned int i;

	for (i = 0; i < c->n_devs; i++)
		if (dev && !ifname_compare_aligned(dev->name, c->devs[i]->name,
						   c->devs[i]->mask))
			return true;
	return !c->n_devs;
}

bool mcsec_select_fits_slow(const struct mcsec_select *s,
			    const struct sk_buff *skb,
			    const struct net_device *dev,
			    const struct mcsec_candidate *own);

/*
 * Return true if the decrypted datagram @skb, which came by @dev as ESP of the
 * group of @own, belongs to that group: its selector matches, apart from the
 * mark, which is not on the wire, and no more specific group without a mark
 * matches. The group may have been deleted.
 */
static inline bool mcsec_select_fits(const struct mcsec_select *s,
				     const struct sk_buff *skb,
				     const struct net_device *dev,
				     const struct mcsec_candidate *own)
{
	/* Each address has one group, so the SA has determined it. */
	if (likely(!READ_ONCE(own->family->n_other)))
		return true;
	return mcsec_select_fits_slow(s, skb, dev, own);
}

/* ---- changes: the namespace's lock ---- */

/*
 * Make a candidate visible to packets. The caller has set group, sel, observes
 * and hosts of @c, and devs has room for the interfaces that @sel names.
 * Returns 0, -EEXIST if another group selects the same, -E2BIG if the prefix
 * has too many groups, -EMLINK if there are too many prefix lengths, -ENOTUNIQ
 * and -EOPNOTSUPP as mcsec_dev_get() does, or -ENOMEM.
 */
int mcsec_select_add(struct mcsec_select *s, struct mcsec_candidate *c);

/*
 * Remove a candidate. Packets may use @c for another grace period, and still
 * find its SAs. The caller calls mcsec_select_put() later.
 */
void mcsec_select_del(struct mcsec_select *s, struct mcsec_candidate *c);

/*
 * Drop the references to interfaces when no SA of the group of @c is in use any
 * more.
 */
void mcsec_select_put(struct mcsec_select *s, struct mcsec_candidate *c);

/*
 * Insert an SA of the group of @c. Returns 0, -EEXIST if a group with its
 * addresses has the SPI, or -ENOMEM.
 */
int mcsec_select_sa_add(struct mcsec_select *s, const struct mcsec_candidate *c,
			struct mcsec_node *node, __be32 spi);
void mcsec_select_sa_del(struct mcsec_select *s, struct mcsec_node *node);

/* Make the tables of the namespace @net. Returns NULL without memory. */
struct mcsec_select *mcsec_select_create(struct net *net);
/* Free the tables, which are empty. */
void mcsec_select_destroy(struct mcsec_select *s);

#endif /* _MCSEC_SELECT_H */
