// SPDX-License-Identifier: GPL-2.0-only
#include "tunnel.h"

#include <linux/in.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/netfilter/ipv6/nf_defrag_ipv6.h>

u8 mcsec_tunnel_build(struct mcsec_tunnel_hdr *outer, const struct sk_buff *skb,
		      unsigned int *nhoff)
{
	if (ip_hdr(skb)->version == 4) {
		outer->v4 = *ip_hdr(skb);
		outer->v4.ihl = sizeof(struct iphdr) / 4;
		/* mcsec_tunnel_push() sets DF and the ID. */
		outer->v4.frag_off = 0;
		outer->v4.id = 0;
		*nhoff = offsetof(struct iphdr, protocol);
		return IPPROTO_IPIP;
	}
	outer->v6 = *ipv6_hdr(skb);
	*nhoff = offsetof(struct ipv6hdr, nexthdr);
	return IPPROTO_IPV6;
}

void mcsec_tunnel_push(struct sk_buff *skb,
		       const struct mcsec_tunnel_hdr *outer, struct net *net,
		       unsigned int len, bool df)
{
	struct iphdr *iph;

	memcpy(skb_push(skb, len), outer, len);
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, len);
	if (outer->v4.version != 4)
		return;
	iph = ip_hdr(skb);
	if (df)
		iph->frag_off = htons(IP_DF);
	__ip_select_ident(net, iph, 1);
	ip_send_check(iph);
	/* The options stay in the inner header, and fragmentation must not look
	 * for them in the outer one.
	 */
	memset(&IPCB(skb)->opt, 0, sizeof(IPCB(skb)->opt));
}

static bool decap_ip4(struct sk_buff *skb, const struct iphdr *outer)
{
	struct iphdr *iph;
	unsigned int len;

	if (!pskb_may_pull(skb, sizeof(*iph)))
		return false;
	iph = ip_hdr(skb);
	if (iph->version != 4 || iph->ihl < 5 ||
	    !pskb_may_pull(skb, iph->ihl * 4))
		return false;
	iph = ip_hdr(skb);
	len = ntohs(iph->tot_len);
	if (ip_fast_csum((u8 *)iph, iph->ihl) || len > skb->len ||
	    len < iph->ihl * 4)
		return false;
	if (iph->saddr != outer->saddr || iph->daddr != outer->daddr)
		return false;
	if (pskb_trim(skb, len))
		return false;
	iph = ip_hdr(skb);
	/* The hops of the outer header count for the inner one too. */
	if (outer->ttl < iph->ttl) {
		iph->ttl = outer->ttl;
		ip_send_check(iph);
	}
	/* RFC 6040 4.2: 2 is CE outside of what cannot have it. */
	if (IP_ECN_decapsulate(outer, skb) > 1)
		return false;
	skb_set_transport_header(skb, iph->ihl * 4);
	memset(&IPCB(skb)->opt, 0, sizeof(IPCB(skb)->opt));
	return true;
}

static bool decap_ip6(struct sk_buff *skb, const struct ipv6hdr *outer)
{
	struct ipv6hdr *ip6h;
	unsigned int len;

	if (!pskb_may_pull(skb, sizeof(*ip6h)))
		return false;
	ip6h = ipv6_hdr(skb);
	len = ntohs(ip6h->payload_len) + sizeof(*ip6h);
	/* IP parses hop-by-hop options before ESP only, and would not parse
	 * these.
	 */
	if (ip6h->version != 6 || len > skb->len ||
	    ip6h->nexthdr == NEXTHDR_HOP)
		return false;
	if (!ipv6_addr_equal(&ip6h->saddr, &outer->saddr) ||
	    !ipv6_addr_equal(&ip6h->daddr, &outer->daddr))
		return false;
	if (pskb_trim(skb, len))
		return false;
	ip6h = ipv6_hdr(skb);
	if (outer->hop_limit < ip6h->hop_limit)
		ip6h->hop_limit = outer->hop_limit;
	if (IP6_ECN_decapsulate(outer, skb) > 1)
		return false;
	skb_set_transport_header(skb, sizeof(*ip6h));
	IP6CB(skb)->nhoff = offsetof(struct ipv6hdr, nexthdr);
	IP6CB(skb)->flags &= ~(IP6SKB_HOPBYHOP | IP6SKB_ROUTERALERT);
	return true;
}

bool mcsec_tunnel_pull(struct sk_buff *skb,
		       const struct mcsec_tunnel_hdr *outer, bool ip6)
{
	return IS_ENABLED(CONFIG_IPV6) && ip6 ? decap_ip6(skb, &outer->v6)
					      : decap_ip4(skb, &outer->v4);
}

/* ---- inner fragments ---- */

static int gather_inner4(struct sk_buff *skb, struct net *net, u32 user)
{
	if (!ip_is_fragment(ip_hdr(skb)))
		return 0;
	/* A fragment that is not returned was queued or freed. */
	if (ip_defrag(net, skb, user))
		return -EINPROGRESS;
	skb_set_transport_header(skb, ip_hdrlen(skb));
	return 0;
}

static int gather_inner6(struct sk_buff *skb, struct net *net, u32 user)
{
	u8 next = ipv6_hdr(skb)->nexthdr;
	int err;

	if (next == NEXTHDR_FRAGMENT) {
		err = nf_ct_frag6_gather(net, skb, user);
		if (err)
			return err;
		next = ipv6_hdr(skb)->nexthdr;
		skb_set_transport_header(skb, sizeof(struct ipv6hdr));
	}
	/* Still a fragment if nf_ct_frag6_gather() could not parse it. Hop-by-hop
	 * options IP parses before PRE_ROUTING only.
	 */
	return next == NEXTHDR_FRAGMENT || next == NEXTHDR_HOP ? -EBADMSG : 0;
}

int mcsec_tunnel_gather(struct sk_buff *skb, struct net *net, u32 user)
{
	return IS_ENABLED(CONFIG_IPV6) && ip_hdr(skb)->version == 6
		       ? gather_inner6(skb, net, user)
		       : gather_inner4(skb, net, user);
}
