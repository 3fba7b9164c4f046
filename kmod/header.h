/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What stands before the payload of a datagram, and which payloads hosts,
 * routers and switches on the way must be able to read.
 */
#ifndef _MCSEC_HEADER_H
#define _MCSEC_HEADER_H

#include <linux/igmp.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <net/ipv6.h>

/*
 * Walk the IPv6 headers that may stand before ESP. Returns the header that
 * follows them, at *@hlen, named at *@nhoff; or -1 if they do not end, or take
 * more than a stranger should be able to make us walk. skb->data is at the
 * IPv6 header.
 */
int mcsec_walk6(const struct sk_buff *skb, unsigned int *hlen,
		unsigned int *nhoff);

/*
 * Whether the payload of an IPv6 datagram cannot be read: it is a fragment, or
 * has more headers than are walked. *@next as mcsec_walk6() returns it.
 */
static inline bool mcsec_is_opaque6(const struct sk_buff *skb, int *next)
{
	unsigned int hlen, nhoff;

	*next = mcsec_walk6(skb, &hlen, &nhoff);
	return *next < 0 || *next == NEXTHDR_FRAGMENT;
}

/* IGMP as hosts and routers speak it, which stays on its link. */
static inline bool mcsec_is_igmp(const struct iphdr *iph)
{
	return iph->protocol == IPPROTO_IGMP && iph->ttl == 1;
}

/* The same for MLD: @next is the header at @hlen, as mcsec_walk6() found it. */
bool mcsec_is_mld(const struct sk_buff *skb, int next, unsigned int hlen);

/*
 * Both ports of the payload, source first, or 0 if its protocol has none or
 * it is too short. @hlen: where it is.
 */
u32 mcsec_ports(const struct sk_buff *skb, int proto, unsigned int hlen);

#endif /* _MCSEC_HEADER_H */
