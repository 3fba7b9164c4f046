// SPDX-License-Identifier: GPL-2.0-only
#include "icmp.h"
#include "pkt.h"
#include "verified.h"

#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/netdevice.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ipv6.h>
#include <net/lwtunnel.h>

/* ---- errors ---- */

/*
 * The quoted datagram starts behind type, code, checksum and four octets that
 * depend on the type.
 */
#define QUOTE_OFFSET 8

static bool is_error4(u8 type)
{
	switch (type) {
	case ICMP_DEST_UNREACH:
	case ICMP_SOURCE_QUENCH:
	case ICMP_REDIRECT:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETERPROB:
		return true;
	}
	return false;
}

/* Return the type of the ICMP message at @hlen, or -1. */
static int icmp_type(const struct sk_buff *skb, unsigned int hlen)
{
	u8 buf, *type;

	type = skb_header_pointer(skb, hlen, sizeof(buf), &buf);
	return type ? *type : -1;
}

/*
 * Return the offset of the header that an error quotes, or 0 if @pkt is no
 * error.
 */
static unsigned int quoted_at(const struct mcsec_pkt *pkt)
{
	bool ip6 = mcsec_pkt_is_ip6(pkt);
	unsigned int hlen = ip6 ? sizeof(struct ipv6hdr) : ip_hdrlen(pkt->skb);
	unsigned int nhoff;
	int type;

	if (ip6 && mcsec_header_walk6(pkt->skb, &hlen, &nhoff) != NEXTHDR_ICMP)
		return 0;
	type = icmp_type(pkt->skb, hlen);
	if (type < 0 || (ip6 ? type & ICMPV6_INFOMSG_MASK : !is_error4(type)))
		return 0;
	return hlen + QUOTE_OFFSET;
}

/*
 * Return the device by which the error leaves, or NULL if its route encapsulates: the
 * packet does not leave by the device of such a route.
 */
static const struct net_device *leaves_by(const struct mcsec_pkt *pkt)
{
	const struct dst_entry *dst = skb_dst(pkt->skb);

	/* net.netfilter.nf_hooks_lwtunnel calls POST_ROUTING for such a route, too. */
	if (dst && (lwtunnel_output_redirect(dst->lwtstate) ||
		    lwtunnel_input_redirect(dst->lwtstate)))
		return NULL;
	return pkt->state->out;
}

/* Return true for a fragment of ESP, which a router quotes as it has come. */
static bool is_esp_fragment(const struct mcsec_pkt *pkt)
{
	struct frag_hdr buf, *frag;

	if (pkt->next != MCSEC_NEXT_FRAGMENT || !mcsec_pkt_is_ip6(pkt))
		return false;
	frag = skb_header_pointer(pkt->skb, pkt->hlen, sizeof(buf), &buf);
	return frag && frag->nexthdr == NEXTHDR_ESP;
}

/* Return the group of the quoted datagram, to whose IP header skb->data points. */
static struct mcsec_group *quoted_group(struct mcsec_pkt *pkt, bool *inside)
{
	if (ip_hdr(pkt->skb)->version != (mcsec_pkt_is_ip6(pkt) ? 6 : 4) ||
	    !mcsec_is_multicast(pkt->skb, pkt->state->pf) ||
	    mcsec_header_next(pkt->skb, pkt->state->pf) == IPPROTO_ESP)
		return NULL;
	mcsec_pkt_walk(pkt);
	if (pkt->next == IPPROTO_ESP || is_esp_fragment(pkt))
		return NULL;
	return mcsec_lookup_quoted(pkt->mnet->select, pkt, leaves_by(pkt),
				   inside);
}

/* ---- the quote of a Packet Too Big ---- */

/* Octets of the payload by which a sender finds its socket, as in RFC 792. */
#define QUOTED_PAYLOAD 8

/*
 * Set *@proto and *@ports of the datagram quoted at @at, whose headers were
 * walked, and return true. A later fragment has none, by which the sender would
 * find its socket.
 */
static bool read_quoted_ports(const struct mcsec_pkt *pkt, unsigned int at,
			      u8 *proto, u32 *ports)
{
	unsigned int from = at + pkt->hlen;
	struct frag_hdr buf, *frag;

	if (pkt->next == MCSEC_NEXT_MALFORMED)
		return false;
	*proto = pkt->next;
	if (pkt->next == MCSEC_NEXT_FRAGMENT) {
		frag = skb_header_pointer(pkt->skb, from, sizeof(buf), &buf);
		if (!frag || frag->frag_off & htons(IP6_OFFSET))
			return false;
		*proto = frag->nexthdr;
		from += sizeof(*frag);
	}
	*ports = mcsec_ports(pkt->skb, *proto, from);
	return true;
}

/* Return the checksum of an ICMPv6 message, or 0 if its field has the right one. */
static __sum16 icmp6_checksum(const struct sk_buff *skb)
{
	unsigned int hlen = sizeof(struct ipv6hdr), len = skb->len - hlen;

	return csum_ipv6_magic(&ipv6_hdr(skb)->saddr, &ipv6_hdr(skb)->daddr,
			       len, IPPROTO_ICMPV6,
			       skb_checksum(skb, hlen, len, 0));
}

/*
 * Leave nothing of the datagram that a Packet Too Big quotes at @at but its header of
 * IPv6 and its ports, from which a sender knows what fits. Returns false for any
 * other error. IPv4 has no such error about multicast (RFC 1122 3.2.2).
 */
static bool shorten_quote(struct mcsec_pkt *pkt, unsigned int at)
{
	unsigned int hlen = sizeof(struct ipv6hdr),
		     len = at + hlen + QUOTED_PAYLOAD;
	struct sk_buff *skb = pkt->skb;
	struct icmp6hdr *icmp;
	struct ipv6hdr *quote;
	u32 ports;
	u8 proto;

	if (!mcsec_pkt_is_ip6(pkt) || at != hlen + QUOTE_OFFSET ||
	    icmp_type(skb, hlen) != ICMPV6_PKT_TOOBIG || icmp6_checksum(skb) ||
	    !read_quoted_ports(pkt, at, &proto, &ports) ||
	    pskb_trim(skb, len) || skb_ensure_writable(skb, len))
		return false;
	quote = (struct ipv6hdr *)(skb->data + at);
	quote->nexthdr = proto;
	put_unaligned_be64((u64)ports << 32, quote + 1);
	ipv6_hdr(skb)->payload_len = htons(len - hlen);
	icmp = (struct icmp6hdr *)(skb->data + hlen);
	icmp->icmp6_cksum = 0;
	icmp->icmp6_cksum = icmp6_checksum(skb);
	skb->ip_summed = CHECKSUM_NONE;
	return true;
}

unsigned int mcsec_icmp_check_quote(struct mcsec_pkt *pkt)
{
	struct sk_buff *skb = pkt->skb;
	const struct net_device *dev = leaves_by(pkt);
	struct mcsec_group *group;
	unsigned int at, need;
	bool inside = false;

	/* POST_ROUTING follows, and the loopback does not leave this host. */
	if (pkt->state->hook == NF_INET_FORWARD ||
	    (dev && dev->flags & IFF_LOOPBACK))
		return NF_ACCEPT;
	at = quoted_at(pkt);
	need = mcsec_pkt_is_ip6(pkt) ? sizeof(struct ipv6hdr)
				     : sizeof(struct iphdr);
	if (!at || !pskb_may_pull(skb, at + need))
		return NF_ACCEPT;
	__skb_pull(skb, at);
	skb_reset_network_header(skb);
	group = quoted_group(pkt, &inside);
	__skb_push(skb, at);
	skb_reset_network_header(skb);
	if (!group || (inside && shorten_quote(pkt, at)))
		return NF_ACCEPT;
	mcsec_drop_out(group, MCSEC_OUT_QUOTED, 0, -1);
	return NF_DROP;
}

/* ---- answers ---- */

/*
 * Judge a datagram that IP would answer: it is dropped unless its group observes.
 * The group may have been deleted.
 */
static unsigned int judge_request(struct mcsec_net *mnet,
				  const struct sk_buff *skb)
{
	const struct mcsec_verified *slot = mcsec_verified_slot(skb);
	struct mcsec_group *group = xa_load(&mnet->by_id, slot->group);

	if (group && READ_ONCE(group->policy) == MCSEC_POLICY_OBSERVE)
		return NF_ACCEPT;
	if (group)
		mcsec_drop_in(group, MCSEC_IN_ECHO, 0, slot->sender);
	else
		mcsec_drop_ungrouped(mnet, MCSEC_IN_ECHO, 0, slot->sender);
	return NF_DROP;
}

static bool is_request4(const struct sk_buff *skb)
{
	if (ip_hdr(skb)->protocol != IPPROTO_ICMP)
		return false;
	switch (icmp_type(skb, ip_hdrlen(skb))) {
	case ICMP_ECHO:
	case ICMP_TIMESTAMP:
	case ICMP_EXT_ECHO:
		return true;
	}
	return false;
}

static bool is_request6(const struct sk_buff *skb)
{
	unsigned int hlen, nhoff;

	if (mcsec_header_walk6(skb, &hlen, &nhoff) != NEXTHDR_ICMP)
		return false;
	switch (icmp_type(skb, hlen)) {
	case ICMPV6_ECHO_REQUEST:
	case ICMPV6_EXT_ECHO_REQUEST:
		return true;
	}
	return false;
}

unsigned int mcsec_icmp_check_request_slow(struct mcsec_net *mnet,
					   const struct sk_buff *skb, u8 pf)
{
	bool asks = mcsec_is_ip6(pf) ? is_request6(skb) : is_request4(skb);

	return asks ? judge_request(mnet, skb) : NF_ACCEPT;
}
