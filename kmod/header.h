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
#include <linux/netfilter.h>
#include <linux/skbuff.h>
#include <net/ip.h>
#include <net/ipv6.h>

/* @pf: NFPROTO_IPV4 or NFPROTO_IPV6, of the hook; a raw socket may have made up
 * the header's version.
 */
static __always_inline bool mcsec_is_ip6(u8 pf)
{
	return IS_ENABLED(CONFIG_IPV6) && pf == NFPROTO_IPV6;
}

static __always_inline bool mcsec_is_multicast(const struct sk_buff *skb, u8 pf)
{
	return mcsec_is_ip6(pf) ? ipv6_addr_is_multicast(&ipv6_hdr(skb)->daddr)
				: ipv4_is_multicast(ip_hdr(skb)->daddr);
}

/* What the IP header says that follows it. */
static __always_inline u8 mcsec_header_next(const struct sk_buff *skb, u8 pf)
{
	return mcsec_is_ip6(pf) ? ipv6_hdr(skb)->nexthdr
				: ip_hdr(skb)->protocol;
}

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

/* Payloads that cannot be read. */
enum {
	MCSEC_NEXT_MALFORMED = -1, /* headers that do not end */
	MCSEC_NEXT_FRAGMENT = -2,
};

/*
 * Walk the headers that may stand before ESP. Returns the payload's protocol,
 * or one of the above. *@hlen gets the payload's offset, or that of a fragment
 * header, and *@nhoff that of the octet that names it.
 */
static __always_inline int mcsec_header_walk(const struct sk_buff *skb, u8 pf,
					     unsigned int *hlen,
					     unsigned int *nhoff)
{
	int next;

	if (mcsec_is_ip6(pf)) {
		next = mcsec_walk6(skb, hlen, nhoff);
		return unlikely(next == NEXTHDR_FRAGMENT) ? MCSEC_NEXT_FRAGMENT
							  : next;
	}
	*hlen = ip_hdrlen(skb);
	*nhoff = offsetof(struct iphdr, protocol);
	return unlikely(ip_is_fragment(ip_hdr(skb))) ? MCSEC_NEXT_FRAGMENT
						     : ip_hdr(skb)->protocol;
}

/* MLD as hosts and routers speak it: @next is the header at @hlen. */
bool mcsec_is_mld(const struct sk_buff *skb, int next, unsigned int hlen);

/* IGMP or MLD, which stay on their link. */
static inline bool mcsec_is_membership(const struct sk_buff *skb, u8 pf,
				       int next, unsigned int hlen)
{
	if (mcsec_is_ip6(pf))
		return mcsec_is_mld(skb, next, hlen);
	return next == IPPROTO_IGMP && ip_hdr(skb)->ttl == 1;
}

/*
 * Both ports of the payload, source first, or 0 if its protocol has none or
 * it is too short. @hlen: where it is.
 */
u32 mcsec_ports(const struct sk_buff *skb, int proto, unsigned int hlen);

#endif /* _MCSEC_HEADER_H */
