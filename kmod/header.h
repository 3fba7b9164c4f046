/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The headers before the payload of a datagram, and payloads that must stay
 * readable for hosts, routers and switches on the path.
 */
#ifndef _MCSEC_HEADER_H
#define _MCSEC_HEADER_H

#include <linux/igmp.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter.h>
#include <linux/skbuff.h>
#include <net/checksum.h>
#include <net/dsfield.h>
#include <net/ip.h>
#include <net/ipv6.h>

/*
 * @pf is NFPROTO_IPV4 or NFPROTO_IPV6 of the hook. The version in the header is not
 * used, because a raw socket may have made it up: functions without @pf are for headers
 * that were checked, or that may be of the other family.
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

/* Return the protocol, or next header, in the IP header. */
static __always_inline u8 mcsec_header_next(const struct sk_buff *skb, u8 pf)
{
	return mcsec_is_ip6(pf) ? ipv6_hdr(skb)->nexthdr
				: ip_hdr(skb)->protocol;
}

/*
 * Return DSCP and ECN by the version in the IP header: that outside of an edge
 * may be of the other family than the hook.
 */
static inline u8 mcsec_traffic_class(const struct sk_buff *skb)
{
	return ip_hdr(skb)->version == 4 ? ip_hdr(skb)->tos
					 : ipv6_get_dsfield(ipv6_hdr(skb));
}

/*
 * Set the length and the protocol of an IPv4 header, and update its checksum by
 * the difference (RFC 1624 3): a wrong checksum stays wrong.
 */
static __always_inline void mcsec_header_become(struct iphdr *iph,
						unsigned int len, u8 next)
{
	/* Adding 0xffff changes no sum of ones' complement, and keeps the u32
	 * from wrapping.
	 */
	u32 sum = (__force u16)htons(len) + (__force u16)htons(next) +
		  3 * 0xffff - (__force u16)iph->check -
		  (__force u16)iph->tot_len - (__force u16)htons(iph->protocol);

	iph->tot_len = htons(len);
	iph->protocol = next;
	iph->check = csum_fold((__force __wsum)sum);
}

/* Pseudo protocols of payloads that cannot be read. */
enum {
	MCSEC_NEXT_MALFORMED = -1, /* headers that do not end */
	MCSEC_NEXT_FRAGMENT = -2,
};

/*
 * Walk the IPv6 headers that may stand before ESP. Returns the type of the
 * header that follows, or MCSEC_NEXT_MALFORMED if the headers do not end, or are longer
 * than MAX_HEADER_OCTETS. *@hlen is set to the offset of that header,
 * and *@nhoff to the offset of the octet with its type. skb->data is at the
 * IPv6 header.
 */
int mcsec_header_walk6(const struct sk_buff *skb, unsigned int *hlen,
		       unsigned int *nhoff);

/*
 * Walk the headers that may stand before ESP. Returns the protocol of the
 * payload or one of the above. *@hlen is set to the offset of the payload or of
 * the fragment header, and *@nhoff to the offset of the octet with the
 * protocol.
 */
static __always_inline int mcsec_header_walk(const struct sk_buff *skb, u8 pf,
					     unsigned int *hlen,
					     unsigned int *nhoff)
{
	int next;

	if (mcsec_is_ip6(pf)) {
		next = mcsec_header_walk6(skb, hlen, nhoff);
		return unlikely(next == NEXTHDR_FRAGMENT) ? MCSEC_NEXT_FRAGMENT
							  : next;
	}
	*hlen = ip_hdrlen(skb);
	*nhoff = offsetof(struct iphdr, protocol);
	return unlikely(ip_is_fragment(ip_hdr(skb))) ? MCSEC_NEXT_FRAGMENT
						     : ip_hdr(skb)->protocol;
}

/*
 * Return true for MLD as hosts and routers send it. The header at @hlen is
 * @next.
 */
bool mcsec_is_mld(const struct sk_buff *skb, int next, unsigned int hlen);

/* Return true for IGMP and MLD with a TTL of 1, which stay on their link. */
static inline bool mcsec_is_membership(const struct sk_buff *skb, u8 pf,
				       int next, unsigned int hlen)
{
	if (mcsec_is_ip6(pf))
		return mcsec_is_mld(skb, next, hlen);
	return next == IPPROTO_IGMP && ip_hdr(skb)->ttl == 1;
}

/* Return true if a payload of the protocol begins with two ports. */
bool mcsec_has_ports(int proto);

/*
 * Return both ports of the payload at @hlen, the source port in the high half,
 * or 0 if the protocol has no ports or the payload is too short.
 */
u32 mcsec_ports(const struct sk_buff *skb, int proto, unsigned int hlen);

#endif /* _MCSEC_HEADER_H */
