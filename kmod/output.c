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
#include <net/addrconf.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/lwtunnel.h>
#include <net/route.h>

/* Count a datagram in the clear, and return true, if the group only observes. */
static bool accept_observed(const struct mcsec_pkt *pkt)
{
	if (pkt->state->hook == NF_INET_LOCAL_OUT)
		return mcsec_group_accept_observed(pkt->group,
						   MCSEC_OUT_OBSERVED);
	if (pkt->state->hook == NF_INET_FORWARD)
		return mcsec_group_accept_observed(pkt->group,
						   MCSEC_FORWARD_OBSERVED);
	/* An earlier hook has counted the packet. */
	return READ_ONCE(pkt->group->policy) == MCSEC_POLICY_OBSERVE;
}

/* Judge a datagram of pkt->group, which is dropped unless the group observes. */
static unsigned int judge_clear_out(const struct mcsec_pkt *pkt,
				    enum mcsec_counter why)
{
	if (accept_observed(pkt))
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
	if (!opaque->candidate)
		return NF_ACCEPT;
	if (opaque->enforcing) {
		mcsec_opaque_drop_out(pkt->mnet, opaque, why);
		return NF_DROP;
	}
	/* At POST_ROUTING an earlier hook has counted the packet. */
	if (pkt->state->hook == NF_INET_LOCAL_OUT)
		mcsec_opaque_observed(pkt->mnet, opaque, MCSEC_OUT_OBSERVED);
	else if (pkt->state->hook == NF_INET_FORWARD)
		mcsec_opaque_observed(pkt->mnet, opaque,
				      MCSEC_FORWARD_OBSERVED);
	return NF_ACCEPT;
}

/*
 * Set the group of an opaque datagram if it can belong to one group only.
 * Otherwise return false, and the verdict in *@verdict.
 */
static noinline bool find_opaque(struct mcsec_pkt *pkt,
				 const struct net_device *dev,
				 enum mcsec_counter why, unsigned int *verdict)
{
	struct mcsec_opaque opaque = mcsec_lookup_opaque(pkt->mnet->select, pkt,
							 dev,
							 MCSEC_MARKS_MATCH);

	pkt->group = opaque.group;
	if (opaque.group)
		return true;
	*verdict = output_opaque(pkt, &opaque, why);
	return false;
}

/* ---- the place of the ESP header ---- */

static __always_inline bool place_esp4(struct mcsec_pkt *pkt)
{
	const struct sk_buff *skb = pkt->skb;

	/* Raw sockets may write any header, so version and length are checked. */
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
		return judge_clear_out(pkt, MCSEC_OUT_MALFORMED);
	if (unlikely(pkt->next == MCSEC_NEXT_FRAGMENT))
		return judge_clear_out(pkt, MCSEC_OUT_FRAGMENT);
	if (unlikely(pkt->next == IPPROTO_ESP))
		return judge_clear_out(pkt, MCSEC_OUT_FOREIGN_ESP);
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
 * Return true if the payload cannot tell the group: of any fragment of IPv4, and
 * of what cannot be read of IPv6, if groups select by it. The counter for a drop
 * is stored in *@why.
 */
static __always_inline bool is_opaque(struct mcsec_pkt *pkt,
				      enum mcsec_counter *why)
{
	const struct mcsec_family *family;

	*why = MCSEC_OUT_FRAGMENT;
	if (!mcsec_pkt_is_ip6(pkt))
		return unlikely(ip_is_fragment(ip_hdr(pkt->skb)));
	/* Selectors that use addresses only do not need the payload. */
	family = &pkt->mnet->select->family[MCSEC_FAMILY_IP6];
	if (likely(!READ_ONCE(family->n_proto)))
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
static const struct net_device *route_dev(const struct sk_buff *skb,
					  const struct nf_hook_state *state)
{
	return likely(skb_dst(skb)) ? skb_dst(skb)->dev : state->out;
}

static noinline unsigned int output_multicast(struct mcsec_net *mnet,
					      struct sk_buff *skb,
					      const struct nf_hook_state *state)
{
	const struct net_device *dev = route_dev(skb, state);
	struct mcsec_pkt pkt __uninitialized;
	enum mcsec_counter why;

	mcsec_pkt_begin(&pkt, mnet, skb, state, mcsec_output);
	mcsec_drop_empty_secpath(skb);
	if (unlikely(is_opaque(&pkt, &why))) {
		unsigned int verdict;

		if (!find_opaque(&pkt, dev, why, &verdict))
			return verdict;
	} else {
		pkt.group = mcsec_select_group(mnet->select, &pkt, dev);
		if (unlikely(!pkt.group))
			return NF_ACCEPT;
	}
	return output_group(&pkt);
}

/*
 * Return true for an ICMP message with a route that encapsulates: POST_ROUTING does not
 * see the message itself.
 */
static __always_inline bool is_wrapped(const struct sk_buff *skb,
				       const struct nf_hook_state *state)
{
	u8 icmp = mcsec_is_ip6(state->pf) ? IPPROTO_ICMPV6 : IPPROTO_ICMP;

	return unlikely(mcsec_header_next(skb, state->pf) == icmp) &&
	       skb_dst(skb) && lwtunnel_output_redirect(skb_dst(skb)->lwtstate);
}

static noinline unsigned int output_wrapped(struct mcsec_net *mnet,
					    struct sk_buff *skb,
					    const struct nf_hook_state *state)
{
	struct mcsec_pkt pkt = {};

	/* NAT translates what it quotes back at POST_ROUTING only, so here the
	 * address of a group is not seen.
	 */
	if (mcsec_flow_is_translated_error(skb, state->pf)) {
		mcsec_drop_ungrouped(mnet, MCSEC_OUT_QUOTED, 0, -1);
		return NF_DROP;
	}
	mcsec_pkt_begin(&pkt, mnet, skb, state, mcsec_output);
	return mcsec_icmp_check_quote(&pkt);
}

unsigned int mcsec_output(void *priv, struct sk_buff *skb,
			  const struct nf_hook_state *state)
{
	if (likely(!mcsec_is_multicast(skb, state->pf)))
		return is_wrapped(skb, state) ? output_wrapped(priv, skb, state)
					      : NF_ACCEPT;
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
 * Return true for the copy that IP makes for this host's own sockets. Fragments
 * are made, and copied, behind POST_ROUTING, which has seen the whole datagram.
 * They are reassembled and checked when they arrive.
 */
static bool is_looped(const struct mcsec_pkt *pkt)
{
	return pkt->state->hook == NF_INET_POST_ROUTING &&
	       pkt->state->okfn == dev_loopback_xmit;
}

/* Return true if this host has joined the destination on @dev. */
static bool has_joined6(const struct net_device *dev, const struct sk_buff *skb)
{
	const struct inet6_dev *idev = __in6_dev_get(dev);
	const struct ifmcaddr6 *mc;

	if (!idev)
		return false;
	for (mc = rcu_dereference(idev->mc_list); mc;
	     mc = rcu_dereference(mc->next))
		if (ipv6_addr_equal(&mc->mca_addr, &ipv6_hdr(skb)->daddr))
			return true;
	return false;
}

/*
 * Return the verdict for a fragment that is_looped(). IPv6 makes no copy of what
 * this host routes for its own multicast router, but knows that by a flag which
 * fragments do not inherit. The copies would be put together, decrypted, and
 * routed once more, or wait in vain for the first fragment, which has the flag. What is
 * stolen here was never meant to be, and is not counted.
 */
static unsigned int looped_fragment(const struct mcsec_pkt *pkt)
{
	struct sk_buff *skb = pkt->skb;

	if (!mcsec_pkt_is_ip6(pkt) || skb->pkt_type != PACKET_MULTICAST ||
	    has_joined6(skb->dev, skb))
		return NF_ACCEPT;
	consume_skb(skb);
	return NF_STOLEN;
}

/*
 * Return the protocol that a fragment belongs to, or -1 if the header is cut
 * off.
 */
static int fragment_proto(const struct mcsec_pkt *pkt)
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
					    fragment_proto(pkt) == IPPROTO_ESP);
}

/* Set the group. Returns false, and the verdict in *@verdict, without one. */
static bool find_forwarded(struct mcsec_pkt *pkt, unsigned int *verdict)
{
	if (unlikely(pkt->next < 0))
		return find_opaque(pkt, pkt->state->out, MCSEC_FORWARD_CLEAR,
				   verdict);
	pkt->group =
		mcsec_select_group(pkt->mnet->select, pkt, pkt->state->out);
	*verdict = NF_ACCEPT;
	return pkt->group;
}

/*
 * Stop clear datagrams of a group that did not pass LOCAL_OUT. Routed datagrams
 * are protected if the group is a gateway's. Rules may have translated a datagram
 * into one of a group behind the hook at LOCAL_OUT, and a datagram that was
 * verified for this host alone must not be routed on. POST_ROUTING sees
 * everything that leaves, including packets that passed neither LOCAL_OUT nor
 * FORWARD.
 */
static noinline unsigned int forward_multicast(struct mcsec_pkt *pkt)
{
	unsigned int verdict;

	mcsec_pkt_walk(pkt);
	if (is_routed(pkt)) {
		verdict = mcsec_routed_input(pkt);
		if (verdict != NF_ACCEPT)
			return verdict;
		/* Received multicast, which fragments inherit, see
		 * looped_fragment(): a datagram out of a tunnel has the type of
		 * what this host sends.
		 */
		if (mcsec_pkt_is_ip6(pkt))
			pkt->skb->pkt_type = PACKET_MULTICAST;
	}
	if (unlikely(pkt->next == MCSEC_NEXT_FRAGMENT && is_looped(pkt)))
		return looped_fragment(pkt);
	if (is_esp(pkt))
		return NF_ACCEPT;
	if (!find_forwarded(pkt, &verdict))
		return verdict;
	/* Membership reports stay on their link, so they are never routed. */
	if (pkt->group->exempt && !is_routed(pkt) &&
	    mcsec_is_membership(pkt->skb, pkt->state->pf, pkt->next, pkt->hlen))
		return NF_ACCEPT;
	if (pkt->group->forward && is_routed(pkt))
		return output_group(pkt);
	return judge_clear_out(pkt, MCSEC_FORWARD_CLEAR);
}

static unsigned int forward_inner(struct mcsec_pkt *pkt)
{
	unsigned int verdict = mcsec_routed_input(pkt);

	if (verdict != NF_ACCEPT || !find_forwarded(pkt, &verdict))
		return verdict;
	return judge_clear_out(pkt, MCSEC_FORWARD_CLEAR);
}

/*
 * Multicast routing into a tunnel pushes the tunnel's header before it calls
 * FORWARD. The inner datagram cannot be protected there, so it is dropped if a
 * group selects it. A datagram whose outer header came from another host has an input
 * route, and is not looked into.
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
	struct mcsec_pkt pkt = {};

	mcsec_pkt_begin(&pkt, mnet, skb, state, mcsec_forward);
	if (mcsec_is_multicast(skb, state->pf))
		return forward_multicast(&pkt);
	if (mcsec_pkt_is_ip6(&pkt) && state->hook == NF_INET_FORWARD &&
	    ipv6_hdr(skb)->nexthdr == NEXTHDR_ICMP)
		mcsec_learn_pmtu(&pkt);
	return mcsec_header_next(skb, state->pf) == IPPROTO_IPIP
		       ? forward_tunnel4(&pkt)
		       : mcsec_icmp_check_quote(&pkt);
}

/*
 * Return true for what the hook has nothing to do with: ESP that leaves, and
 * unicast that carries neither an ICMP error nor a tunneled datagram.
 */
static __always_inline bool passes_untouched(const struct sk_buff *skb,
					     const struct nf_hook_state *state)
{
	u8 next = mcsec_header_next(skb, state->pf);

	if (mcsec_is_multicast(skb, state->pf))
		return next == IPPROTO_ESP && state->hook != NF_INET_FORWARD;
	if (mcsec_is_ip6(state->pf))
		return next != IPPROTO_ICMPV6 && next != NEXTHDR_HOP &&
		       next != NEXTHDR_ROUTING && next != NEXTHDR_DEST;
	return next != IPPROTO_ICMP && next != IPPROTO_IPIP;
}

static __always_inline unsigned int
forward_any(struct mcsec_net *mnet, struct sk_buff *skb,
	    const struct nf_hook_state *state)
{
	if (likely(passes_untouched(skb, state)))
		return NF_ACCEPT;
	return forward_clear(mnet, skb, state);
}

static noinline unsigned int forward_flow(struct mcsec_net *mnet,
					  struct sk_buff *skb,
					  const struct nf_hook_state *state)
{
	mcsec_drop_empty_secpath(skb);
	return forward_any(mnet, skb, state);
}

unsigned int mcsec_forward(void *priv, struct sk_buff *skb,
			   const struct nf_hook_state *state)
{
	return unlikely(mcsec_has_empty_secpath(skb))
		       ? forward_flow(priv, skb, state)
		       : forward_any(priv, skb, state);
}
