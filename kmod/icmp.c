// SPDX-License-Identifier: GPL-2.0-only
#include "icmp.h"
#include "edge-output.h"
#include "pkt.h"
#include "verified.h"

#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/netdevice.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/lwtunnel.h>

/* ---- errors ---- */

/*
 * The quoted datagram starts behind type, code, checksum and four octets that
 * depend on the type.
 */
#define QUOTE 8

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
	int type = icmp_type(pkt->skb, hlen);

	if (type < 0 || (ip6 ? type & ICMPV6_INFOMSG_MASK : !is_error4(type)))
		return 0;
	return hlen + QUOTE;
}

/*
 * Return the device by which the error leaves, or NULL if nothing is known of it:
 * a route that encapsulates names one, but another decides.
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

/* Check the quoted datagram, to whose IP header skb->data points. */
static unsigned int check_quoted(struct mcsec_pkt *pkt)
{
	struct mcsec_group *group;

	if (ip_hdr(pkt->skb)->version != (mcsec_pkt_is_ip6(pkt) ? 6 : 4) ||
	    !mcsec_is_multicast(pkt->skb, pkt->state->pf) ||
	    mcsec_header_next(pkt->skb, pkt->state->pf) == IPPROTO_ESP)
		return NF_ACCEPT;
	mcsec_pkt_walk(pkt);
	if (pkt->next == IPPROTO_ESP)
		return NF_ACCEPT;
	group = mcsec_lookup_quoted(pkt->mnet->select, pkt, leaves_by(pkt),
				    mcsec_edge_leads_by);
	if (!group)
		return NF_ACCEPT;
	mcsec_drop_out(group, MCSEC_OUT_QUOTED, 0, -1);
	return NF_DROP;
}

unsigned int mcsec_icmp_check_quote(struct mcsec_pkt *pkt)
{
	struct sk_buff *skb = pkt->skb;
	const struct net_device *dev = leaves_by(pkt);
	unsigned int at, need, verdict;

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
	verdict = check_quoted(pkt);
	__skb_push(skb, at);
	skb_reset_network_header(skb);
	return verdict;
}

/* ---- answers ---- */

static unsigned int drop_answer(struct mcsec_net *mnet,
				const struct sk_buff *skb)
{
	const struct mcsec_verified *slot = mcsec_verified_slot(skb);
	struct mcsec_group *group = xa_load(&mnet->by_id, slot->group);

	if (group && READ_ONCE(group->policy) == MCSEC_POLICY_OBSERVE)
		return NF_ACCEPT;
	if (group)
		mcsec_drop_in(group, MCSEC_IN_ECHO, 0, slot->sender);
	else
		mcsec_count(mnet->stats, MCSEC_IN_ECHO);
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

	if (mcsec_walk6(skb, &hlen, &nhoff) != NEXTHDR_ICMP)
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

	return asks ? drop_answer(mnet, skb) : NF_ACCEPT;
}
