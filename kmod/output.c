// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every datagram to a group ends in one of three ways here: protected, in the
 * clear because it is exempt, or dropped and counted. There is no fourth.
 */
#include "output.h"
#include "flows.h"
#include "group.h"
#include "header.h"
#include "icmp.h"
#include "encrypt.h"

#include <linux/netfilter_bridge.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/route.h>

/* Whether it goes on in the clear, for all that was found wrong. */
static bool goes_on(struct mcsec_group *group,
		    const struct nf_hook_state *state)
{
	if (state->hook == NF_INET_LOCAL_OUT)
		return mcsec_group_observes(group, MCSEC_OUT_OBSERVED);
	if (state->hook == NF_INET_FORWARD)
		return mcsec_group_observes(group, MCSEC_FORWARD_OBSERVED);
	/* Counted before. */
	return READ_ONCE(group->policy) == MCSEC_POLICY_OBSERVE;
}

static unsigned int drop_selected(struct mcsec_group *group,
				  const struct nf_hook_state *state,
				  enum mcsec_counter why)
{
	if (goes_on(group, state))
		return NF_ACCEPT;
	mcsec_drop_out(group, why, 0, -1);
	return NF_DROP;
}

/* The payload cannot be read: nobody can tell whose key would be right. */
static unsigned int output_opaque(struct mcsec_net *mnet,
				  const struct mcsec_opaque *opaque,
				  const struct nf_hook_state *state,
				  enum mcsec_counter why)
{
	enum mcsec_counter as = state->hook == NF_INET_LOCAL_OUT
					? MCSEC_OUT_OBSERVED
					: MCSEC_FORWARD_OBSERVED;

	if (!opaque->candidate)
		return NF_ACCEPT;
	/* Counted before. */
	if (state->hook == NF_INET_POST_ROUTING && !opaque->enforcing)
		return NF_ACCEPT;
	return mcsec_opaque_goes_on(mnet, opaque, as, why, 0) ? NF_ACCEPT
							      : NF_DROP;
}

static __always_inline unsigned int
output_ip4(struct sk_buff *skb, const struct nf_hook_state *state,
	   struct mcsec_group *group)
{
	struct mcsec_frame frame = {
		.nhoff = offsetof(struct iphdr, protocol),
		.hook = state->hook == NF_INET_FORWARD ? mcsec_forward4
						       : mcsec_out4,
	};
	const struct iphdr *iph;

	/* Raw sockets may write any header. */
	frame.hlen = ip_hdrlen(skb);
	if (unlikely(ip_hdr(skb)->version != 4 || frame.hlen < sizeof(*iph) ||
		     !skb_dst(skb) || !pskb_may_pull(skb, frame.hlen)))
		return drop_selected(group, state, MCSEC_OUT_MALFORMED);
	iph = ip_hdr(skb);
	if (unlikely(ip_is_fragment(iph)))
		return drop_selected(group, state, MCSEC_OUT_FRAGMENT);
	if (iph->protocol == IPPROTO_ESP)
		return drop_selected(group, state, MCSEC_OUT_FOREIGN_ESP);
	/* Routers and snooping switches must read it; it stays on the link. */
	if (group->exempt && state->hook != NF_INET_FORWARD &&
	    mcsec_is_membership(skb, NFPROTO_IPV4, iph->protocol, 0)) {
		mcsec_count(group->stats, MCSEC_OUT_EXEMPT);
		return NF_ACCEPT;
	}
	return mcsec_encrypt(skb, state, group, &frame);
}

/* Not state->out: a rule may have taken another route since. */
static const struct net_device *leaves_by(const struct sk_buff *skb,
					  const struct nf_hook_state *state)
{
	return likely(skb_dst(skb)) ? skb_dst(skb)->dev : state->out;
}

unsigned int mcsec_out4(void *priv, struct sk_buff *skb,
			const struct nf_hook_state *state)
{
	struct mcsec_net *mnet = priv;
	struct mcsec_opaque opaque;
	struct mcsec_group *group;

	if (likely(!ipv4_is_multicast(ip_hdr(skb)->daddr)))
		return NF_ACCEPT;
	mcsec_flow_release(skb);
	if (unlikely(ip_is_fragment(ip_hdr(skb)))) {
		opaque = mcsec_select_opaque4(&mnet->select, skb,
					      leaves_by(skb, state));
		if (!opaque.group)
			return output_opaque(mnet, &opaque, state,
					     MCSEC_OUT_FRAGMENT);
		group = opaque.group;
	} else {
		group = mcsec_select4(&mnet->select, skb,
				      leaves_by(skb, state));
	}
	return group ? output_ip4(skb, state, group) : NF_ACCEPT;
}

static bool out_is_bridged(const struct sk_buff *skb)
{
#if IS_ENABLED(CONFIG_BRIDGE_NETFILTER)
	return nf_bridge_get_physoutdev(skb);
#else
	return false;
#endif
}

/* Routed by this host, which bridges call the same hook for. */
static bool is_routed(const struct sk_buff *skb,
		      const struct nf_hook_state *state)
{
	return state->hook == NF_INET_FORWARD && !out_is_bridged(skb);
}

/* What cannot be protected where it is. */
static unsigned int check_tunnelled4(struct mcsec_net *mnet,
				     const struct sk_buff *skb,
				     const struct nf_hook_state *state)
{
	struct mcsec_opaque opaque;
	struct mcsec_group *group;

	if (ip_is_fragment(ip_hdr(skb))) {
		opaque = mcsec_select_opaque4(&mnet->select, skb, state->out);
		return output_opaque(mnet, &opaque, state, MCSEC_FORWARD_CLEAR);
	}
	group = mcsec_select4(&mnet->select, skb, state->out);
	return group ? drop_selected(group, state, MCSEC_FORWARD_CLEAR)
		     : NF_ACCEPT;
}

/*
 * Multicast routing into a tunnel: the header of the tunnel is in front of the
 * datagram when FORWARD is called. Other hosts' tunnels have a route of input.
 */
static unsigned int output_tunnel4(struct sk_buff *skb,
				   const struct nf_hook_state *state)
{
	struct mcsec_net *mnet = mcsec_net_of(state->net);
	unsigned int hlen = ip_hdrlen(skb);
	unsigned int verdict = NF_ACCEPT;

	if (!is_routed(skb, state) || !skb_dst(skb) ||
	    !rt_is_output_route(skb_rtable(skb)) ||
	    !pskb_may_pull(skb, hlen + sizeof(struct iphdr)))
		return NF_ACCEPT;
	__skb_pull(skb, hlen);
	skb_reset_network_header(skb);
	if (ipv4_is_multicast(ip_hdr(skb)->daddr) &&
	    ip_hdr(skb)->protocol != IPPROTO_ESP)
		verdict = check_tunnelled4(mnet, skb, state);
	__skb_push(skb, hlen);
	skb_reset_network_header(skb);
	return verdict;
}

/*
 * Where a group's clear datagrams could still come by: those that are routed,
 * which a gateway protects; rules that translate addresses behind us make them
 * out of others; what is verified for this host alone must not be routed on.
 * At FORWARD and at POST_ROUTING, where all that leaves comes by, also what did
 * not come by LOCAL_OUT or FORWARD.
 */
static noinline unsigned int forward_ip4(struct mcsec_net *mnet,
					 struct sk_buff *skb,
					 const struct nf_hook_state *state)
{
	const struct iphdr *iph = ip_hdr(skb);
	struct mcsec_opaque opaque;
	struct mcsec_group *group;

	if (unlikely(ip_is_fragment(iph))) {
		opaque = mcsec_select_opaque4(&mnet->select, skb, state->out);
		if (!opaque.group)
			return output_opaque(mnet, &opaque, state,
					     MCSEC_FORWARD_CLEAR);
		group = opaque.group;
	} else {
		group = mcsec_select4(&mnet->select, skb, state->out);
	}
	if (!group)
		return NF_ACCEPT;
	/* What stays on its link is not routed. */
	if (group->exempt && !is_routed(skb, state) &&
	    mcsec_is_membership(skb, NFPROTO_IPV4, iph->protocol, 0))
		return NF_ACCEPT;
	if (group->forward && is_routed(skb, state))
		return output_ip4(skb, state, group);
	return drop_selected(group, state, MCSEC_FORWARD_CLEAR);
}

unsigned int mcsec_forward4(void *priv, struct sk_buff *skb,
			    const struct nf_hook_state *state)
{
	const struct iphdr *iph = ip_hdr(skb);

	mcsec_flow_release(skb);
	if (likely(!ipv4_is_multicast(iph->daddr))) {
		if (unlikely(iph->protocol == IPPROTO_ICMP))
			return mcsec_quotes4(priv, skb, state);
		return likely(iph->protocol != IPPROTO_IPIP)
			       ? NF_ACCEPT
			       : output_tunnel4(skb, state);
	}
	if (likely(iph->protocol == IPPROTO_ESP))
		return NF_ACCEPT;
	return forward_ip4(priv, skb, state);
}

#if IS_ENABLED(CONFIG_IPV6)
static unsigned int output_ip6(struct sk_buff *skb,
			       const struct nf_hook_state *state,
			       struct mcsec_group *group)
{
	struct mcsec_frame frame = {
		.hook = state->hook == NF_INET_FORWARD ? mcsec_forward6
						       : mcsec_out6,
	};
	u8 *nexthdr, next;
	int hlen;

	/* RFC 4303 3.1.1: behind what routers on the way look at, where a
	 * fragment header would go too.
	 */
	hlen = ip6_find_1stfragopt(skb, &nexthdr);
	if (unlikely(ipv6_hdr(skb)->version != 6 || hlen < 0 ||
		     hlen > skb->len || !skb_dst(skb)))
		return drop_selected(group, state, MCSEC_OUT_MALFORMED);
	frame.hlen = hlen;
	frame.nhoff = nexthdr - skb_network_header(skb);
	if (unlikely(!pskb_may_pull(skb, hlen)))
		return drop_selected(group, state, MCSEC_OUT_MALFORMED);
	next = skb_network_header(skb)[frame.nhoff];
	switch (next) {
	case NEXTHDR_FRAGMENT:
		return drop_selected(group, state, MCSEC_OUT_FRAGMENT);
	case NEXTHDR_ESP:
		return drop_selected(group, state, MCSEC_OUT_FOREIGN_ESP);
	}
	if (group->exempt && state->hook != NF_INET_FORWARD &&
	    mcsec_is_membership(skb, NFPROTO_IPV6, next, frame.hlen)) {
		mcsec_count(group->stats, MCSEC_OUT_EXEMPT);
		return NF_ACCEPT;
	}
	return mcsec_encrypt(skb, state, group, &frame);
}

unsigned int mcsec_out6(void *priv, struct sk_buff *skb,
			const struct nf_hook_state *state)
{
	struct mcsec_net *mnet = priv;
	struct mcsec_opaque opaque;
	struct mcsec_group *group;
	int next;

	if (likely(!ipv6_addr_is_multicast(&ipv6_hdr(skb)->daddr)))
		return NF_ACCEPT;
	mcsec_flow_release(skb);
	/* Groups that look at addresses alone need no payload. */
	if (unlikely(mcsec_select_reads(&mnet->select.v6) &&
		     mcsec_is_opaque6(skb, &next))) {
		opaque = mcsec_select_opaque6(&mnet->select, skb,
					      leaves_by(skb, state));
		if (!opaque.group)
			return output_opaque(mnet, &opaque, state,
					     next < 0 ? MCSEC_OUT_MALFORMED
						      : MCSEC_OUT_FRAGMENT);
		group = opaque.group;
	} else {
		group = mcsec_select6(&mnet->select, skb,
				      leaves_by(skb, state));
	}
	return group ? output_ip6(skb, state, group) : NF_ACCEPT;
}

/* What a fragment is of, if its header at @hlen is there; or -1. */
static int fragment_of(const struct sk_buff *skb, unsigned int hlen)
{
	struct frag_hdr buf, *frag;

	frag = skb_header_pointer(skb, hlen, sizeof(buf), &buf);
	return frag ? frag->nexthdr : -1;
}

/*
 * A copy for this host's own sockets. Fragments are made, and copied, behind
 * POST_ROUTING, which has seen the whole datagram. They are put together again
 * and asked about when they arrive.
 */
static bool is_looped(const struct nf_hook_state *state)
{
	return state->hook == NF_INET_POST_ROUTING &&
	       state->okfn == dev_loopback_xmit;
}

static noinline unsigned int forward_ip6(struct mcsec_net *mnet,
					 struct sk_buff *skb,
					 const struct nf_hook_state *state)
{
	struct mcsec_opaque opaque;
	struct mcsec_group *group;
	unsigned int hlen, nhoff;
	int next;

	next = mcsec_walk6(skb, &hlen, &nhoff);
	if (unlikely(next < 0 || next == NEXTHDR_FRAGMENT)) {
		if (next == NEXTHDR_FRAGMENT &&
		    (is_looped(state) || fragment_of(skb, hlen) == NEXTHDR_ESP))
			return NF_ACCEPT;
		opaque = mcsec_select_opaque6(&mnet->select, skb, state->out);
		if (!opaque.group)
			return output_opaque(mnet, &opaque, state,
					     MCSEC_FORWARD_CLEAR);
		group = opaque.group;
	} else {
		if (next == NEXTHDR_ESP)
			return NF_ACCEPT;
		group = mcsec_select6(&mnet->select, skb, state->out);
	}
	if (!group)
		return NF_ACCEPT;
	/* What stays on its link is not routed. */
	if (group->exempt && !is_routed(skb, state) &&
	    mcsec_is_membership(skb, NFPROTO_IPV6, next, hlen))
		return NF_ACCEPT;
	if (group->forward && is_routed(skb, state))
		return output_ip6(skb, state, group);
	return drop_selected(group, state, MCSEC_FORWARD_CLEAR);
}

unsigned int mcsec_forward6(void *priv, struct sk_buff *skb,
			    const struct nf_hook_state *state)
{
	mcsec_flow_release(skb);
	if (likely(!ipv6_addr_is_multicast(&ipv6_hdr(skb)->daddr)))
		return likely(ipv6_hdr(skb)->nexthdr != NEXTHDR_ICMP)
			       ? NF_ACCEPT
			       : mcsec_quotes6(priv, skb, state);
	if (likely(ipv6_hdr(skb)->nexthdr == NEXTHDR_ESP))
		return NF_ACCEPT;
	return forward_ip6(priv, skb, state);
}
#endif
