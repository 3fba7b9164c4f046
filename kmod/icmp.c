// SPDX-License-Identifier: GPL-2.0-only
#include "icmp.h"
#include "verified.h"

#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/netdevice.h>
#include <net/ip.h>
#include <net/ipv6.h>

/* ---- errors ---- */

/* Behind type, code, checksum and four octets that depend on the type. */
#define QUOTE 8

/* @loose: see mcsec_select_quoted4(). */
static unsigned int drop_icmp(struct mcsec_net *mnet,
			      const struct mcsec_opaque *opaque,
			      struct mcsec_group *loose)
{
	struct mcsec_group *group = opaque->enforcing ? opaque->group : loose;

	if (!opaque->enforcing && !loose)
		return NF_ACCEPT;
	if (group)
		mcsec_drop_out(group, MCSEC_OUT_QUOTED, 0, -1);
	else
		mcsec_count(mnet->stats, MCSEC_OUT_QUOTED);
	return NF_DROP;
}

static struct mcsec_opaque of_group(struct mcsec_group *group)
{
	struct mcsec_opaque opaque = { .group = group };

	opaque.enforcing = group &&
			   READ_ONCE(group->policy) != MCSEC_POLICY_OBSERVE;
	return opaque;
}

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

/* skb->data is at the quoted header. */
static unsigned int check_quoted4(struct mcsec_net *mnet,
				  const struct sk_buff *skb,
				  const struct net_device *dev)
{
	const struct iphdr *iph = ip_hdr(skb);
	struct mcsec_group *loose;
	struct mcsec_opaque opaque;

	if (iph->version != 4 || !ipv4_is_multicast(iph->daddr) ||
	    iph->protocol == IPPROTO_ESP)
		return NF_ACCEPT;
	if (ip_is_fragment(iph))
		opaque = mcsec_select_opaque4(&mnet->select, skb, dev);
	else
		opaque = of_group(mcsec_select4(&mnet->select, skb, dev));
	loose = mcsec_select_quoted4(&mnet->select, skb, dev);
	return drop_icmp(mnet, &opaque, loose);
}

unsigned int mcsec_quotes4(struct mcsec_net *mnet, struct sk_buff *skb,
			   const struct nf_hook_state *state)
{
	unsigned int at = ip_hdrlen(skb) + QUOTE;
	unsigned int verdict;
	u8 buf, *type;

	if (state->hook != NF_INET_POST_ROUTING ||
	    state->out->flags & IFF_LOOPBACK)
		return NF_ACCEPT;
	type = skb_header_pointer(skb, at - QUOTE, sizeof(buf), &buf);
	if (!type || !is_error4(*type) ||
	    !pskb_may_pull(skb, at + sizeof(struct iphdr)))
		return NF_ACCEPT;
	__skb_pull(skb, at);
	skb_reset_network_header(skb);
	verdict = check_quoted4(mnet, skb, state->out);
	__skb_push(skb, at);
	skb_reset_network_header(skb);
	return verdict;
}

#if IS_ENABLED(CONFIG_IPV6)
/* skb->data is at the quoted header. */
static unsigned int check_quoted6(struct mcsec_net *mnet,
				  const struct sk_buff *skb,
				  const struct net_device *dev)
{
	struct mcsec_group *loose;
	struct mcsec_opaque opaque;
	unsigned int hlen, nhoff;
	int next;

	if (ipv6_hdr(skb)->version != 6 ||
	    !ipv6_addr_is_multicast(&ipv6_hdr(skb)->daddr))
		return NF_ACCEPT;
	next = mcsec_walk6(skb, &hlen, &nhoff);
	if (next == NEXTHDR_ESP)
		return NF_ACCEPT;
	if (next < 0 || next == NEXTHDR_FRAGMENT)
		opaque = mcsec_select_opaque6(&mnet->select, skb, dev);
	else
		opaque = of_group(mcsec_select6(&mnet->select, skb, dev));
	loose = mcsec_select_quoted6(&mnet->select, skb, dev);
	return drop_icmp(mnet, &opaque, loose);
}

unsigned int mcsec_quotes6(struct mcsec_net *mnet, struct sk_buff *skb,
			   const struct nf_hook_state *state)
{
	const unsigned int at = sizeof(struct ipv6hdr) + QUOTE;
	unsigned int verdict;
	u8 buf, *type;

	if (state->hook != NF_INET_POST_ROUTING ||
	    state->out->flags & IFF_LOOPBACK)
		return NF_ACCEPT;
	type = skb_header_pointer(skb, at - QUOTE, sizeof(buf), &buf);
	if (!type || *type & ICMPV6_INFOMSG_MASK ||
	    !pskb_may_pull(skb, at + sizeof(struct ipv6hdr)))
		return NF_ACCEPT;
	__skb_pull(skb, at);
	skb_reset_network_header(skb);
	verdict = check_quoted6(mnet, skb, state->out);
	__skb_push(skb, at);
	skb_reset_network_header(skb);
	return verdict;
}
#endif

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

/* The type of an ICMP message at @hlen, or -1. */
static int icmp_type(const struct sk_buff *skb, unsigned int hlen)
{
	u8 buf, *type;

	type = skb_header_pointer(skb, hlen, sizeof(buf), &buf);
	return type ? *type : -1;
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

#if IS_ENABLED(CONFIG_IPV6)
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
#endif

unsigned int mcsec_asks_slow(struct mcsec_net *mnet, const struct sk_buff *skb,
			     u8 pf)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (pf == NFPROTO_IPV6)
		return is_request6(skb) ? drop_answer(mnet, skb) : NF_ACCEPT;
#endif
	return is_request4(skb) ? drop_answer(mnet, skb) : NF_ACCEPT;
}
