// SPDX-License-Identifier: GPL-2.0-only
#include "header.h"

#include <linux/icmpv6.h>
#include <net/ipv6.h>

/* The walk ends after so many octets of IPv6 headers. */
#define MAX_HEADER_OCTETS 1024

int mcsec_header_walk6(const struct sk_buff *skb, unsigned int *hlen,
		       unsigned int *nhoff)
{
	struct ipv6_opt_hdr buf, *opt;
	u8 next = ipv6_hdr(skb)->nexthdr;

	*hlen = sizeof(struct ipv6hdr);
	*nhoff = offsetof(struct ipv6hdr, nexthdr);
	while (next == NEXTHDR_HOP || next == NEXTHDR_ROUTING ||
	       next == NEXTHDR_DEST) {
		if (*hlen > MAX_HEADER_OCTETS)
			return MCSEC_NEXT_MALFORMED;
		opt = skb_header_pointer(skb, *hlen, sizeof(buf), &buf);
		if (!opt)
			return MCSEC_NEXT_MALFORMED;
		next = opt->nexthdr;
		*nhoff = *hlen;
		*hlen += ipv6_optlen(opt);
	}
	return next;
}

bool mcsec_is_mld(const struct sk_buff *skb, int next, unsigned int hlen)
{
	u8 buf, *type;

	if (next != NEXTHDR_ICMP || ipv6_hdr(skb)->hop_limit != 1)
		return false;
	type = skb_header_pointer(skb, hlen, sizeof(buf), &buf);
	return type &&
	       (*type == ICMPV6_MGM_QUERY || *type == ICMPV6_MGM_REPORT ||
		*type == ICMPV6_MGM_REDUCTION || *type == ICMPV6_MLD2_REPORT);
}

bool mcsec_has_ports(int proto)
{
	return proto == IPPROTO_UDP || proto == IPPROTO_UDPLITE ||
	       proto == IPPROTO_TCP || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_DCCP;
}

u32 mcsec_ports(const struct sk_buff *skb, int proto, unsigned int hlen)
{
	__be16 buf[2], *ports;

	if (!mcsec_has_ports(proto))
		return 0;
	ports = skb_header_pointer(skb, hlen, sizeof(buf), buf);
	return ports ? (u32)ntohs(ports[0]) << 16 | ntohs(ports[1]) : 0;
}
