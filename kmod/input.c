// SPDX-License-Identifier: GPL-2.0-only
/*
 * A datagram to a group passes these hooks only if its tag has verified and its
 * counter was not seen before, if it is exempt, or if the group observes. ESP that a
 * bridge forwards is left alone.
 */
#include "input.h"
#include "decrypt.h"
#include "esp.h"
#include "group.h"
#include "icmp.h"
#include "learn.h"
#include "pkt.h"
#include "verified.h"

#include <linux/netfilter_bridge.h>

/*
 * Return true if a bridge calls the hooks of IP for this packet (br_netfilter).
 * The ESP datagram is then left alone, because the other ports of the bridge
 * would otherwise get it in the clear. A copy that is delivered to this host is
 * verified at LOCAL_IN.
 */
static bool in_is_bridged(const struct mcsec_pkt *pkt)
{
	return pkt->state->hook == NF_INET_PRE_ROUTING &&
	       nf_bridge_in_prerouting(pkt->skb);
}

static noinline __be32 copy_spi(const struct mcsec_pkt *pkt)
{
	__be32 spi;

	return skb_copy_bits(pkt->skb, pkt->hlen, &spi, sizeof(spi)) ? 0 : spi;
}

/*
 * Return the SPI of an ESP datagram. 0 is never an SPI on the wire and stands
 * for a header that is cut off.
 */
static __always_inline __be32 spi_of(const struct mcsec_pkt *pkt)
{
	const struct sk_buff *skb = pkt->skb;

	if (likely(skb_headlen(skb) >= pkt->hlen + sizeof(__be32)))
		return get_unaligned((__be32 *)(skb->data + pkt->hlen));
	return copy_spi(pkt);
}

/*
 * Return true at the first hook of a datagram, which counts it. LOCAL_IN and
 * FORWARD see most of them again.
 */
static bool at_first_hook(const struct mcsec_pkt *pkt)
{
	return pkt->state->hook == NF_INET_PRE_ROUTING ||
	       mcsec_pkt_is_unwrapped(pkt);
}

/*
 * Accept a clear datagram of @group. The in-mark is cleared so that the packet
 * cannot pass for verified, but only at the first hook: by the next one a rule of
 * the administrator may own the mark.
 */
static unsigned int accept_clear(const struct mcsec_pkt *pkt,
				 const struct mcsec_group *group)
{
	if (at_first_hook(pkt))
		pkt->skb->mark &= ~group->in_mark_mask;
	return NF_ACCEPT;
}

/* Judge a clear datagram of @group, which is dropped unless the group observes. */
static unsigned int judge_clear(const struct mcsec_pkt *pkt,
				struct mcsec_group *group)
{
	if (!at_first_hook(pkt) &&
	    READ_ONCE(group->policy) == MCSEC_POLICY_OBSERVE)
		return NF_ACCEPT;
	if (mcsec_group_accept_observed(group, MCSEC_IN_OBSERVED))
		return accept_clear(pkt, group);
	mcsec_drop_in(group, MCSEC_IN_CLEAR, 0, -1);
	return NF_DROP;
}

static void notify_unknown(const struct mcsec_pkt *pkt,
			   struct mcsec_group *group, __be32 spi)
{
	struct in6_addr source = {};

	if (mcsec_pkt_is_ip6(pkt))
		source = ipv6_hdr(pkt->skb)->saddr;
	else
		source.s6_addr32[0] = ip_hdr(pkt->skb)->saddr;
	mcsec_group_unknown(group, &source, spi);
}

/*
 * Behind PRE_ROUTING the mark does not tell which group the datagram came for:
 * rules may have given it since, or to another datagram around this one.
 */
static enum mcsec_marks marks_at(const struct mcsec_pkt *pkt)
{
	return pkt->state->hook == NF_INET_PRE_ROUTING ? MCSEC_MARKS_MAYBE
						       : MCSEC_MARKS_NONE;
}

/*
 * Decide about a datagram whose payload cannot be read although groups select
 * by it.
 */
static unsigned int input_opaque(const struct mcsec_pkt *pkt,
				 const struct mcsec_opaque *opaque,
				 enum mcsec_counter why, __be32 spi)
{
	struct mcsec_net *mnet = pkt->mnet;

	if (!at_first_hook(pkt) && !opaque->enforcing)
		return NF_ACCEPT;
	if (opaque->enforcing) {
		mcsec_opaque_drop_in(mnet, opaque, why, spi);
		return NF_DROP;
	}
	mcsec_opaque_observed(mnet, opaque, MCSEC_IN_OBSERVED);
	/* The packet is not verified, so it must carry the mark of no group. */
	pkt->skb->mark &= ~READ_ONCE(mnet->in_marks);
	return NF_ACCEPT;
}

static unsigned int input_unknown_esp(const struct mcsec_pkt *pkt, __be32 spi)
{
	bool malformed = pkt->skb->len < pkt->hlen + MCSEC_ESP_MIN;
	const struct mcsec_select *s = pkt->mnet->select;
	const struct net_device *port = mcsec_pkt_port(pkt);
	struct mcsec_opaque opaque;

	/* Groups that select by a mark are notified as well, though they are no
	 * candidates below.
	 */
	if (!malformed)
		mcsec_lookup_unknown(s, pkt, port, notify_unknown, spi);
	opaque = mcsec_lookup_opaque(s, pkt, port, marks_at(pkt));
	if (!opaque.candidate)
		return NF_ACCEPT;
	return input_opaque(pkt, &opaque,
			    malformed ? MCSEC_IN_MALFORMED : MCSEC_IN_NO_SA,
			    spi);
}

/* Decide about ESP whose SPI is of no SA, or of one for another interface. */
static noinline unsigned int input_other_esp(struct mcsec_pkt *pkt, __be32 spi)
{
	const struct net_device *port = mcsec_pkt_port(pkt);
	struct mcsec_node *node;

	if (!pkt->sa)
		return input_unknown_esp(pkt, spi);
	node = mcsec_lookup_sa(pkt->mnet->select, pkt, port, spi);
	pkt->sa = mcsec_sa_of(node);
	return pkt->sa ? mcsec_decrypt(pkt) : input_unknown_esp(pkt, spi);
}

static __always_inline unsigned int input_esp(struct mcsec_pkt *pkt)
{
	__be32 spi;

	if (unlikely(in_is_bridged(pkt)))
		return NF_ACCEPT;
	spi = spi_of(pkt);
	pkt->sa = mcsec_sa_of(mcsec_select_sa(pkt->mnet->select, pkt, spi));
	if (likely(pkt->sa &&
		   mcsec_candidate_has_dev(&pkt->sa->group->candidate,
					   mcsec_pkt_port(pkt))))
		return mcsec_decrypt(pkt);
	return input_other_esp(pkt, spi);
}

/*
 * Return the group that decides about a readable datagram. Rules of this host have set
 * the mark that it arrives with. If a group that selects by it observes, a later one
 * that enforces decides.
 */
static struct mcsec_group *clear_group(const struct mcsec_pkt *pkt,
				       const struct net_device *port)
{
	const struct mcsec_select *s = pkt->mnet->select;
	struct mcsec_group *group;

	if (marks_at(pkt) == MCSEC_MARKS_NONE)
		return mcsec_lookup_unmarked(s, pkt, port);
	group = mcsec_select_group(s, pkt, port);
	if (likely(!group || !group->sel.mask ||
		   READ_ONCE(group->policy) != MCSEC_POLICY_OBSERVE))
		return group;
	return mcsec_lookup_enforcing(s, pkt, port) ?: group;
}

/* Decide about a datagram that is not ESP. */
static noinline unsigned int input_clear(const struct mcsec_pkt *pkt)
{
	const struct net_device *port = mcsec_pkt_port(pkt);
	struct mcsec_opaque opaque;
	struct mcsec_group *group;

	if (unlikely(pkt->next < 0)) {
		opaque = mcsec_lookup_opaque(pkt->mnet->select, pkt, port,
					     marks_at(pkt));
		if (!opaque.candidate)
			return NF_ACCEPT;
		return input_opaque(pkt, &opaque,
				    pkt->next == MCSEC_NEXT_FRAGMENT
					    ? MCSEC_IN_FRAGMENT
					    : MCSEC_IN_MALFORMED,
				    0);
	}
	group = clear_group(pkt, port);
	if (!group)
		return NF_ACCEPT;
	if (group->exempt && mcsec_is_membership(pkt->skb, pkt->state->pf,
						 pkt->next, pkt->hlen)) {
		if (at_first_hook(pkt))
			mcsec_count(group->stats, MCSEC_IN_EXEMPT);
		return accept_clear(pkt, group);
	}
	return judge_clear(pkt, group);
}

static noinline unsigned int input_multicast(struct mcsec_net *mnet,
					     struct sk_buff *skb,
					     const struct nf_hook_state *state,
					     nf_hookfn *hook)
{
	struct mcsec_pkt pkt __uninitialized;

	mcsec_pkt_begin(&pkt, mnet, skb, state, hook);
	mcsec_pkt_walk(&pkt);
	return likely(pkt.next == IPPROTO_ESP) ? input_esp(&pkt)
					       : input_clear(&pkt);
}

/*
 * Return true if nothing is to be done: @skb is unicast, or verified already. A
 * VRF calls PRE_ROUTING again for its own device.
 */
static __always_inline bool is_passed(const struct sk_buff *skb, u8 pf)
{
	return likely(!mcsec_is_multicast(skb, pf)) ||
	       mcsec_is_verified(skb, pf);
}

unsigned int mcsec_input(void *priv, struct sk_buff *skb,
			 const struct nf_hook_state *state)
{
	if (is_passed(skb, state->pf))
		return NF_ACCEPT;
	return input_multicast(priv, skb, state, mcsec_input);
}

static noinline void learn_pmtu(struct mcsec_net *mnet, struct sk_buff *skb,
				const struct nf_hook_state *state)
{
	struct mcsec_pkt pkt = {};

	mcsec_pkt_begin(&pkt, mnet, skb, state, mcsec_local_input);
	mcsec_learn_pmtu(&pkt);
}

static __always_inline unsigned int
local_unicast(struct mcsec_net *mnet, struct sk_buff *skb,
	      const struct nf_hook_state *state)
{
	if (mcsec_is_ip6(state->pf) &&
	    unlikely(ipv6_hdr(skb)->nexthdr == NEXTHDR_ICMP))
		learn_pmtu(mnet, skb, state);
	return NF_ACCEPT;
}

/*
 * A verified datagram may still ask for an answer that would repeat its payload
 * in the clear, so it is looked at once more. Rules may have translated its
 * destination into an address of this host.
 */
unsigned int mcsec_local_input(void *priv, struct sk_buff *skb,
			       const struct nf_hook_state *state)
{
	if (unlikely(mcsec_is_verified(skb, state->pf)))
		return mcsec_icmp_check_request(priv, skb, state->pf);
	if (likely(!mcsec_is_multicast(skb, state->pf)))
		return local_unicast(priv, skb, state);
	return input_multicast(priv, skb, state, mcsec_local_input);
}

/*
 * Segment routing decapsulates behind PRE_ROUTING, so multicast routing may get
 * a clear datagram that no hook has seen.
 */
static unsigned int routed_clear(const struct mcsec_pkt *pkt)
{
	if (mcsec_is_verified(pkt->skb, pkt->state->pf))
		return NF_ACCEPT;
	return input_clear(pkt);
}

/* Tags of one routed datagram that are verified to find the SA that sent it. */
#define OWN_TAGS_MAX 4

/**
 * struct own_look - the search for the SA with which this host sent a datagram
 * @pkt: the datagram; @pkt->sa becomes the SA
 * @left: how many tags may still be verified
 */
struct own_look {
	struct mcsec_pkt *pkt;
	unsigned int left;
};

/*
 * Set the SA of the datagram, and return true, if this host sent it with @node. Another
 * host may have the Sender-ID of the IV for another key of the SPI, so the tag decides.
 * A namespace may have thousands of such SAs; behind some the Sender-ID is enough, as a
 * datagram of this host must not be accepted.
 */
static bool is_own_sa(struct mcsec_node *node, void *arg)
{
	struct mcsec_sa *sa = mcsec_sa_of(node);
	struct own_look *look = arg;

	if (!mcsec_sa_is_own(sa, look->pkt->iv))
		return false;
	if (look->left) {
		look->left--;
		if (!mcsec_decrypt_verifies(look->pkt, sa))
			return false;
	}
	look->pkt->sa = sa;
	return true;
}

/*
 * Return true for routed ESP that this host sent. Each SA of the SPI is looked at: the
 * datagram may have come back by any interface, also one for which another SA has it.
 */
static bool is_own_esp(struct mcsec_pkt *pkt, __be32 spi)
{
	struct own_look look = { .pkt = pkt, .left = OWN_TAGS_MAX };

	pkt->sa = NULL;
	mcsec_lookup_each_sa(pkt->mnet->select, pkt, spi, is_own_sa, &look);
	return pkt->sa;
}

/*
 * Drop a datagram that this host sent, and that came back. IP makes a copy for local
 * sockets of what it routes to an interface, and is_reflected() in decrypt.c would take
 * it for a copy of what the host sends.
 */
static unsigned int routed_esp(struct mcsec_pkt *pkt)
{
	__be32 spi = spi_of(pkt);
	__be64 iv;

	if (skb_copy_bits(pkt->skb,
			  pkt->hlen + offsetof(struct mcsec_esp_hdr, iv), &iv,
			  sizeof(iv)))
		return NF_ACCEPT;
	pkt->iv = be64_to_cpu(iv);
	if (!is_own_esp(pkt, spi))
		return NF_ACCEPT;
	mcsec_sa_replayed(pkt->sa);
	mcsec_drop_in(pkt->sa->group, MCSEC_IN_REPLAY, spi,
		      pkt->iv >> pkt->sa->sid_shift);
	return NF_DROP;
}

unsigned int mcsec_routed_input(struct mcsec_pkt *pkt)
{
	return pkt->next == IPPROTO_ESP ? routed_esp(pkt) : routed_clear(pkt);
}
