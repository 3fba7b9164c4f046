// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every datagram to a group ends in one of three ways: it is protected, it is
 * exempt and stays in the clear, or it is dropped and counted.
 */
#include "output.h"
#include "encrypt.h"
#include "flows.h"
#include "group.h"
#include "header.h"
#include "icmp.h"
#include "input.h"
#include "learn.h"
#include "pkt.h"

#include <linux/netfilter_bridge.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/route.h>

/*
 * Return true if the group only observes, so the datagram is accepted in the
 * clear.
 */
static bool goes_on(const struct mcsec_pkt *pkt)
{
	if (pkt->state->hook == NF_INET_LOCAL_OUT)
		return mcsec_group_observes(pkt->group, MCSEC_OUT_OBSERVED);
	if (pkt->state->hook == NF_INET_FORWARD)
		return mcsec_group_observes(pkt->group, MCSEC_FORWARD_OBSERVED);
	/* An earlier hook has counted the packet. */
	return READ_ONCE(pkt->group->policy) == MCSEC_POLICY_OBSERVE;
}

static unsigned int drop_selected(const struct mcsec_pkt *pkt,
				  enum mcsec_counter why)
{
	if (goes_on(pkt))
		return NF_ACCEPT;
	mcsec_drop_out(pkt->group, why, 0, -1);
	return NF_DROP;
}

/*
 * Decide about a datagram whose payload cannot be read although groups select
 * by it: the group, and so the key, cannot be determined.
 */
static unsigned int output_opaque(const struct mcsec_pkt *pkt,
				  const struct mcsec_opaque *opaque,
				  enum mcsec_counter why)
{
	enum mcsec_counter as = pkt->state->hook == NF_INET_LOCAL_OUT
					? MCSEC_OUT_OBSERVED
					: MCSEC_FORWARD_OBSERVED;

	if (!opaque->candidate)
		return NF_ACCEPT;
	/* An earlier hook has counted the packet. */
	if (pkt->state->hook == NF_INET_POST_ROUTING && !opaque->enforcing)
		return NF_ACCEPT;
	return mcsec_opaque_goes_on(pkt->mnet, opaque, as, why, 0) ? NF_ACCEPT
								   : NF_DROP;
}

/*
 * Set the group of an opaque datagram if it can belong to one group only, and
 * return NF_ACCEPT. Otherwise return the verdict.
 */
static noinline unsigned int find_opaque(struct mcsec_pkt *pkt,
					 const struct net_device *dev,
					 enum mcsec_counter why)
{
	struct mcsec_opaque opaque =
		mcsec_lookup_opaque(pkt->mnet->select, pkt, dev);

	pkt->group = opaque.group;
	return opaque.group ? NF_ACCEPT : output_opaque(pkt, &opaque, why);
}

/* ---- the place of the ESP header ---- */

static __always_inline bool place_esp4(struct mcsec_pkt *pkt)
{
	const struct sk_buff *skb = pkt->skb;

	/* Raw sockets may write any header, so nothing in it is trusted. */
	pkt->next =
		mcsec_header_walk(skb, NFPROTO_IPV4, &pkt->hlen, &pkt->nhoff);
	return likely(ip_hdr(skb)->version == 4 &&
		      pkt->hlen >= sizeof(struct iphdr));
}

/*
 * RFC 4303 3.1.1: ESP goes behind the headers that routers on the path process,
 * which is where a fragment header would go too.
 */
static bool place_esp6(struct mcsec_pkt *pkt)
{
	struct sk_buff *skb = pkt->skb;
	u8 *nexthdr;
	int hlen;

	hlen = ip6_find_1stfragopt(skb, &nexthdr);
	if (unlikely(ipv6_hdr(skb)->version != 6 || hlen < 0 ||
		     hlen > skb->len))
		return false;
	pkt->hlen = hlen;
	pkt->nhoff = nexthdr - skb_network_header(skb);
	pkt->next = *nexthdr == NEXTHDR_FRAGMENT ? MCSEC_NEXT_FRAGMENT
						 : *nexthdr;
	return true;
}

static __always_inline unsigned int output_group(struct mcsec_pkt *pkt)
{
	struct sk_buff *skb = pkt->skb;
	bool ok = mcsec_pkt_is_ip6(pkt) ? place_esp6(pkt) : place_esp4(pkt);

	if (unlikely(!ok || !skb_dst(skb) || !pskb_may_pull(skb, pkt->hlen)))
		return drop_selected(pkt, MCSEC_OUT_MALFORMED);
	if (unlikely(pkt->next == MCSEC_NEXT_FRAGMENT))
		return drop_selected(pkt, MCSEC_OUT_FRAGMENT);
	if (unlikely(pkt->next == IPPROTO_ESP))
		return drop_selected(pkt, MCSEC_OUT_FOREIGN_ESP);
	/* Membership reports stay readable, because routers and snooping
	 * switches act on them. They do not leave the link.
	 */
	if (mcsec_is_membership(skb, pkt->state->pf, pkt->next, pkt->hlen) &&
	    pkt->group->exempt && pkt->state->hook != NF_INET_FORWARD) {
		mcsec_count(pkt->group->stats, MCSEC_OUT_EXEMPT);
		return NF_ACCEPT;
	}
	return mcsec_encrypt(pkt);
}

/* ---- LOCAL_OUT ---- */

/*
 * Return true if the payload cannot be read although groups select by it. The
 * counter for a drop is stored in *@why.
 */
static __always_inline bool is_opaque(struct mcsec_pkt *pkt,
				      enum mcsec_counter *why)
{
	*why = MCSEC_OUT_FRAGMENT;
	if (!mcsec_pkt_is_ip6(pkt))
		return unlikely(ip_is_fragment(ip_hdr(pkt->skb)));
	/* Selectors that use addresses only do not need the payload. */
	if (likely(!READ_ONCE(pkt->mnet->select->family[1].n_proto)))
		return false;
	mcsec_pkt_walk(pkt);
	if (pkt->next == MCSEC_NEXT_MALFORMED)
		*why = MCSEC_OUT_MALFORMED;
	return pkt->next < 0;
}

/*
 * Return the device of the route. A rule may have chosen another route since
 * state->out was set.
 */
static const struct net_device *leaves_by(const struct sk_buff *skb,
					  const struct nf_hook_state *state)
{
	return likely(skb_dst(skb)) ? skb_dst(skb)->dev : state->out;
}

static noinline unsigned int output_multicast(struct mcsec_net *mnet,
					      struct sk_buff *skb,
					      const struct nf_hook_state *state)
{
	const struct net_device *dev = leaves_by(skb, state);
	struct mcsec_pkt pkt __uninitialized;
	enum mcsec_counter why;
	unsigned int verdict;

	mcsec_pkt_begin(&pkt, mnet, skb, state, mcsec_output);
	mcsec_flow_release(skb);
	if (unlikely(is_opaque(&pkt, &why))) {
		verdict = find_opaque(&pkt, dev, why);
		if (!pkt.group)
			return verdict;
	} else {
		pkt.group = mcsec_select_group(mnet->select, &pkt, dev);
	}
	return likely(pkt.group) ? output_group(&pkt) : NF_ACCEPT;
}

unsigned int mcsec_output(void *priv, struct sk_buff *skb,
			  const struct nf_hook_state *state)
{
	if (likely(!mcsec_is_multicast(skb, state->pf)))
		return NF_ACCEPT;
	return output_multicast(priv, skb, state);
}

/* ---- FORWARD and POST_ROUTING ---- */

static bool out_is_bridged(const struct sk_buff *skb)
{
#if IS_ENABLED(CONFIG_BRIDGE_NETFILTER)
	return nf_bridge_get_physoutdev(skb);
#else
	return false;
#endif
}

/*
 * Return true if this host routes the packet. Bridges call the FORWARD hook
 * too.
 */
static bool is_routed(const struct mcsec_pkt *pkt)
{
	return pkt->state->hook == NF_INET_FORWARD && !out_is_bridged(pkt->skb);
}

/*
 * Return true for a copy to this host's own sockets. Fragments are made, and
 * copied, behind POST_ROUTING, which has seen the whole datagram. They are
 * reassembled and checked when they arrive.
 */
static bool is_looped(const struct mcsec_pkt *pkt)
{
	return pkt->state->hook == NF_INET_POST_ROUTING &&
	       pkt->state->okfn == dev_loopback_xmit;
}

/*
 * Return the protocol that a fragment belongs to, or -1 if the header is cut
 * off.
 */
static int fragment_of(const struct mcsec_pkt *pkt)
{
	struct frag_hdr buf, *frag;

	if (!mcsec_pkt_is_ip6(pkt))
		return ip_hdr(pkt->skb)->protocol;
	frag = skb_header_pointer(pkt->skb, pkt->hlen, sizeof(buf), &buf);
	return frag ? frag->nexthdr : -1;
}

static bool is_esp(const struct mcsec_pkt *pkt)
{
	return pkt->next == IPPROTO_ESP || (pkt->next == MCSEC_NEXT_FRAGMENT &&
					    fragment_of(pkt) == IPPROTO_ESP);
}

/*
 * Set the group and return NF_ACCEPT, or return the verdict if there is none.
 */
static unsigned int find_forwarded(struct mcsec_pkt *pkt)
{
	if (unlikely(pkt->next < 0))
		return find_opaque(pkt, pkt->state->out, MCSEC_FORWARD_CLEAR);
	pkt->group =
		mcsec_select_group(pkt->mnet->select, pkt, pkt->state->out);
	return NF_ACCEPT;
}

/*
 * Stop clear datagrams of a group that did not pass LOCAL_OUT. Routed datagrams
 * are protected if the group is a gateway's. Rules that translate addresses may
 * have made others behind our hook, and a datagram that was verified for this
 * host alone must not be routed on. POST_ROUTING sees everything that leaves,
 * including packets that passed neither LOCAL_OUT nor FORWARD.
 */
static noinline unsigned int forward_multicast(struct mcsec_pkt *pkt)
{
	unsigned int verdict;

	mcsec_pkt_walk(pkt);
	if (is_routed(pkt)) {
		verdict = mcsec_routed_input(pkt);
		if (verdict != NF_ACCEPT)
			return verdict;
	}
	if (is_esp(pkt) || (pkt->next == MCSEC_NEXT_FRAGMENT && is_looped(pkt)))
		return NF_ACCEPT;
	verdict = find_forwarded(pkt);
	if (!pkt->group)
		return verdict;
	/* Membership reports stay on their link, so they are never routed. */
	if (pkt->group->exempt && !is_routed(pkt) &&
	    mcsec_is_membership(pkt->skb, pkt->state->pf, pkt->next, pkt->hlen))
		return NF_ACCEPT;
	if (pkt->group->forward && is_routed(pkt))
		return output_group(pkt);
	return drop_selected(pkt, MCSEC_FORWARD_CLEAR);
}

static unsigned int forward_inner(struct mcsec_pkt *pkt)
{
	unsigned int verdict = mcsec_routed_input(pkt);

	if (verdict == NF_ACCEPT)
		verdict = find_forwarded(pkt);
	return pkt->group ? drop_selected(pkt, MCSEC_FORWARD_CLEAR) : verdict;
}

/*
 * Multicast routing into a tunnel pushes the tunnel's header before it calls
 * FORWARD. The inner datagram cannot be protected there, so it is dropped if a
 * group selects it. Tunnels of other hosts are told apart by their input route.
 */
static noinline unsigned int forward_tunnel4(struct mcsec_pkt *pkt)
{
	unsigned int verdict = NF_ACCEPT;
	struct sk_buff *skb = pkt->skb;
	unsigned int hlen = ip_hdrlen(skb);

	if (!is_routed(pkt) || !skb_dst(skb) ||
	    !rt_is_output_route(skb_rtable(skb)) ||
	    !pskb_may_pull(skb, hlen + sizeof(struct iphdr)))
		return NF_ACCEPT;
	__skb_pull(skb, hlen);
	skb_reset_network_header(skb);
	mcsec_pkt_walk(pkt);
	if (ipv4_is_multicast(ip_hdr(skb)->daddr) && !is_esp(pkt))
		verdict = forward_inner(pkt);
	__skb_push(skb, hlen);
	skb_reset_network_header(skb);
	return verdict;
}

static noinline unsigned int forward_clear(struct mcsec_net *mnet,
					   struct sk_buff *skb,
					   const struct nf_hook_state *state)
{
	struct mcsec_pkt pkt = {
		.skb = skb,
		.state = state,
		.hook = mcsec_forward,
		.mnet = mnet,
	};

	if (mcsec_is_multicast(skb, state->pf))
		return forward_multicast(&pkt);
	if (mcsec_pkt_is_ip6(&pkt) && state->hook == NF_INET_FORWARD)
		mcsec_learn_pmtu(&pkt);
	return mcsec_header_next(skb, state->pf) == IPPROTO_IPIP
		       ? forward_tunnel4(&pkt)
		       : mcsec_quotes(&pkt);
}

static __always_inline unsigned int
forward_any(struct mcsec_net *mnet, struct sk_buff *skb,
	    const struct nf_hook_state *state)
{
	u8 next = mcsec_header_next(skb, state->pf);
	bool ip6 = mcsec_is_ip6(state->pf);

	if (likely(mcsec_is_multicast(skb, state->pf)
			   ? next == IPPROTO_ESP &&
				     state->hook != NF_INET_FORWARD
			   : next != (ip6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP) &&
				     (ip6 || next != IPPROTO_IPIP)))
		return NF_ACCEPT;
	return forward_clear(mnet, skb, state);
}

static noinline unsigned int forward_flow(struct mcsec_net *mnet,
					  struct sk_buff *skb,
					  const struct nf_hook_state *state)
{
	mcsec_flow_release(skb);
	return forward_any(mnet, skb, state);
}

unsigned int mcsec_forward(void *priv, struct sk_buff *skb,
			   const struct nf_hook_state *state)
{
	return unlikely(mcsec_flow_has(skb)) ? forward_flow(priv, skb, state)
					     : forward_any(priv, skb, state);
}
