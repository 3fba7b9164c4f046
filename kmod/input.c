// SPDX-License-Identifier: GPL-2.0-only
/*
 * A datagram to a group goes on from here only if its tag has verified and
 * its counter was not seen before, or if it is exempt. The order is that of
 * RFC 4303 3.4.3: look at the window, verify, look again while recording.
 * Nothing is changed for a datagram that does not verify, counters aside.
 */
#include "input.h"
#include "compat.h"
#include "esp.h"
#include "group.h"
#include "header.h"
#include "icmp.h"
#include "tunnel.h"
#include "fanout.h"
#include "trace.h"
#include "verified.h"

#include <linux/netfilter_bridge.h>
#include <net/ip.h>
#include <net/ipv6.h>

u64 mcsec_verified_cookie __read_mostly;

/* RFC 4303 2.6: traffic flow confidentiality, to be thrown away. */
#define DUMMY IPPROTO_NONE

/* Every verdict but acceptance and NF_STOLEN comes from here. */
static int drop_esp(const struct mcsec_sa *sa, u64 iv, enum mcsec_counter why)
{
	mcsec_drop_in(sa->group, why, sa->spi, iv >> sa->sid_shift);
	return -EBADMSG;
}

/*
 * Who fragments are put together for: an SA. What a stranger sends in the clear,
 * and what came by another group's key, gets into none of its datagrams. It may
 * keep one from becoming whole, for all that waits shares the namespace's
 * memory, and IPv4 counts what comes from an address in between for all users
 * together (ipfrag_max_dist). IP's own users are small numbers; and an SA has
 * gone for longer than fragments wait when another gets its number.
 */
static u32 defrag_user(const struct mcsec_sa *sa)
{
	return BIT(31) | lower_32_bits(sa->id);
}

/*
 * Tunnel mode: the inner datagram, with what routers did to the outer one. A
 * fragment waits for the rest, for only a whole datagram shows what groups
 * select by. Returns as mcsec_tunnel_gather() does.
 */
static int decap_tunnel(const struct mcsec_sa *sa, struct sk_buff *skb,
			const struct nf_hook_state *state, unsigned int hlen)
{
	struct mcsec_tunnel_hdr outer;
	int err;

	if (ip_hdr(skb)->version == 4)
		outer.v4 = *ip_hdr(skb);
	else
		outer.v6 = *ipv6_hdr(skb);
	mcsec_esp_unwrap(skb, hlen);
	if (!mcsec_tunnel_remove(skb, &outer))
		return -EBADMSG;
	err = mcsec_tunnel_gather(skb, state->net, defrag_user(sa));
	if (unlikely(err))
		return err;
	/* IP reads options behind PRE_ROUTING, and only there. */
	return state->hook == NF_INET_PRE_ROUTING ||
			       ip_hdr(skb)->version != 4 ||
			       ip_hdr(skb)->ihl == 5
		       ? 0
		       : -EBADMSG;
}

/*
 * Where IP goes on: behind hop-by-hop options, which it has read, before others.
 * Reassembly may have left it elsewhere.
 */
static void set_transport(struct sk_buff *skb)
{
	unsigned int off = sizeof(struct ipv6hdr);

	if (ipv6_hdr(skb)->nexthdr == NEXTHDR_HOP)
		off += ipv6_optlen((struct ipv6_opt_hdr *)(skb->data + off));
	skb_set_transport_header(skb, off);
}

/*
 * What the cipher verified becomes the datagram that was sent. Returns
 * -EINPROGRESS if it is a fragment of one, which has been taken.
 */
static int strip_esp(struct mcsec_sa *sa, u64 iv, struct sk_buff *skb,
		     const struct nf_hook_state *state, unsigned int hlen,
		     unsigned int nhoff)
{
	unsigned int text = skb->len - hlen - MCSEC_HEAD - MCSEC_ICV;
	struct mcsec_group *group = sa->group;
	bool v6 = ip_hdr(skb)->version == 6;
	struct iphdr *iph;
	u8 buf[MCSEC_TRAILER], *tail;
	u8 next;
	int err;

	tail = skb_header_pointer(skb, skb->len - MCSEC_ICV - MCSEC_TRAILER,
				  sizeof(buf), buf);
	if (unlikely(!tail || tail[0] + MCSEC_TRAILER > text))
		return drop_esp(sa, iv, MCSEC_IN_BAD_TRAILER);
	if (tail[1] == DUMMY)
		return drop_esp(sa, iv, MCSEC_IN_DUMMY);

	/* The tag says more than any checksum inside. WireGuard's mark. */
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	skb->csum_level = ~0;
	next = tail[1];
	if (pskb_trim(skb, skb->len - MCSEC_ICV - MCSEC_TRAILER - tail[0]))
		return drop_esp(sa, iv, MCSEC_IN_NO_MEMORY);
	if (unlikely(sa->mode == MCSEC_MODE_TUNNEL)) {
		if (next != (v6 ? IPPROTO_IPV6 : IPPROTO_IPIP))
			return drop_esp(sa, iv, MCSEC_IN_MODE);
		err = decap_tunnel(sa, skb, state, hlen);
		if (err == -EINPROGRESS) {
			mcsec_count(group->stats, MCSEC_IN_INNER_FRAGMENT);
			return err;
		}
		if (unlikely(err))
			return drop_esp(sa, iv,
					err == -ENOMEM ? MCSEC_IN_NO_MEMORY
						       : MCSEC_IN_INNER);
	} else {
		mcsec_esp_unhead(skb, hlen);
		skb->data[nhoff] = next;
		iph = ip_hdr(skb);
		if (!v6) {
			iph->tot_len = htons(skb->len);
			ip_send_check(iph);
		} else {
			ipv6_hdr(skb)->payload_len =
				htons(skb->len - sizeof(struct ipv6hdr));
			set_transport(skb);
		}
	}
	/* The payload could not be read when the SA was chosen. */
	if (unlikely(!mcsec_select_fits(&group->mnet->select, skb, state->in,
					group, &group->sel, group->sels)))
		return drop_esp(sa, iv, MCSEC_IN_SELECTOR);
	mcsec_set_verified(skb, !group->forward, group->id,
			   iv >> sa->sid_shift);
	if (group->in_mark_mask)
		skb->mark = (skb->mark & ~group->in_mark_mask) | group->in_mark;
	/* Both were of the ESP datagram. */
	skb_clear_hash(skb);
	nf_reset_ct(skb);
	return 0;
}

static int in_finish(struct mcsec_op *op, const struct nf_hook_state *state,
		     int err)
{
	struct mcsec_sa *sa = op->sa;
	struct mcsec_group *group = sa->group;
	struct sk_buff *skb = op->skb;
	struct mcsec_sender *sender = op->sender;
	unsigned int hlen = op->hlen, nhoff = op->nhoff;
	const struct mcsec_esp_hdr *esp;
	u32 seq;
	u64 iv;

	mcsec_op_put(op);
	/* The cipher worked in place, and leaves associated data alone. */
	esp = (void *)skb->data + hlen;
	seq = ntohl(esp->seq);
	iv = get_unaligned_be64(&esp->iv);
	if (unlikely(err)) {
		if (err == -EBADMSG) {
			this_cpu_inc(sa->cpu->in_bad_icv);
			return drop_esp(sa, iv, MCSEC_IN_BAD_ICV);
		}
		if (err == -ENOSPC || err == -EBUSY)
			return drop_esp(sa, iv, MCSEC_IN_CRYPTO_BUSY);
		if (err == -ENOMEM)
			return drop_esp(sa, iv, MCSEC_IN_NO_MEMORY);
		return drop_esp(sa, iv, MCSEC_IN_CRYPTO);
	}

	err = mcsec_sa_replay_accept(sa, sender, seq, iv);
	if (unlikely(err)) {
		if (err == -EALREADY)
			return drop_esp(sa, iv, MCSEC_IN_REPLAY);
		if (err == -ENOSPC)
			return drop_esp(sa, iv, MCSEC_IN_TOO_MANY_SENDERS);
		return drop_esp(sa, iv, MCSEC_IN_NO_MEMORY);
	}
	if (unlikely(!mcsec_sa_use_in(sa, skb->len - hlen - MCSEC_HEAD -
						  MCSEC_ICV)))
		return drop_esp(sa, iv, MCSEC_IN_EXPIRED);
	err = strip_esp(sa, iv, skb, state, hlen, nhoff);
	if (unlikely(err))
		return err;
	mcsec_count(group->stats, MCSEC_IN_ACCEPTED);
	trace_mcsec_unprotect(skb, sa, iv);
	return 0;
}

/* The hook that a packet came by. */
static nf_hookfn *hook_of(const struct nf_hook_state *state)
{
	bool local = state->hook == NF_INET_LOCAL_IN;

#if IS_ENABLED(CONFIG_IPV6)
	if (state->pf == NFPROTO_IPV6)
		return local ? mcsec_local6 : mcsec_in6;
#endif
	return local ? mcsec_local4 : mcsec_in4;
}

/* What mcsec_local4() and mcsec_local6() would have asked for. */
static bool is_answered(struct mcsec_net *mnet, const struct sk_buff *skb,
			const struct nf_hook_state *state)
{
	if (state->hook != NF_INET_LOCAL_IN)
		return false;
#if IS_ENABLED(CONFIG_IPV6)
	if (state->pf == NFPROTO_IPV6)
		return mcsec_asks6(mnet, skb) != NF_ACCEPT;
#endif
	return mcsec_asks4(mnet, skb) != NF_ACCEPT;
}

/* The cipher answered later: in softirq, or in a worker. */
static void in_done(struct mcsec_op *op, int err)
{
	struct mcsec_deferred deferred = op->deferred;
	struct sk_buff *skb = op->skb;
	struct mcsec_sa *sa = op->sa;

	local_bh_disable();
	rcu_read_lock();
	if (!deferred.held) {
		/* Nor may the devices of its state be looked at. */
		mcsec_op_put(op);
		mcsec_drop_in(sa->group, MCSEC_IN_GONE, sa->spi, -1);
		kfree_skb(skb);
		goto out;
	}
	err = in_finish(op, &deferred.state, err);
	if (err == -EINPROGRESS)
		goto out;
	if (err || is_answered(sa->group->mnet, skb, &deferred.state))
		kfree_skb(skb);
	else if (!mcsec_deferred_resume(skb, &deferred.state,
					hook_of(&deferred.state)))
		mcsec_drop_in(sa->group, MCSEC_IN_GONE, sa->spi, -1);
out:
	mcsec_deferred_release(&deferred);
	mcsec_sa_put(sa);
	rcu_read_unlock();
	local_bh_enable();
}

/*
 * Verify one ESP datagram whose ESP header is at @hlen. Returns 0,
 * -EINPROGRESS if the cipher has taken it, or -errno: it is then still the
 * caller's and has been counted.
 */
static int verify_esp(struct sk_buff *skb, const struct nf_hook_state *state,
		      struct mcsec_sa *sa, unsigned int hlen,
		      unsigned int nhoff)
{
	const struct mcsec_esp_hdr *esp;
	struct mcsec_sender *sender;
	struct crypto_aead *tfm;
	struct mcsec_op *op;
	int err, nsg;
	u64 iv = 0;

	/* a) shorter than any ESP, b) a batch that only a device can take */
	if (unlikely(skb->len < hlen + MCSEC_ESP_MIN || skb_is_gso(skb) ||
		     !pskb_may_pull(skb, hlen + MCSEC_HEAD)))
		return drop_esp(sa, iv, MCSEC_IN_MALFORMED);
	esp = (void *)skb->data + hlen;
	iv = get_unaligned_be64(&esp->iv);
	if (unlikely(!(sa->dir & MCSEC_DIR_IN)))
		return drop_esp(sa, iv, MCSEC_IN_SEND_ONLY);
	tfm = rcu_dereference(sa->tfm);
	if (unlikely(READ_ONCE(sa->state) == MCSEC_SA_STATE_EXPIRED || !tfm))
		return drop_esp(sa, iv, MCSEC_IN_EXPIRED);
	if (unlikely(!mcsec_sa_replay_check(sa, ntohl(esp->seq), iv, &sender)))
		return drop_esp(sa, iv, MCSEC_IN_REPLAY);

	nsg = mcsec_esp_writable(skb);
	if (unlikely(nsg < 0))
		return drop_esp(sa, iv, MCSEC_IN_NO_MEMORY);
	op = mcsec_op_get(tfm, nsg);
	if (unlikely(!op))
		return drop_esp(sa, iv, MCSEC_IN_NO_MEMORY);
	op->skb = skb;
	op->sa = sa;
	op->sender = sender;
	op->done = in_done;
	op->hlen = hlen;
	op->nhoff = nhoff;
	err = mcsec_op_decrypt(op, tfm, nsg);
	if (unlikely(err == -EINPROGRESS)) {
		mcsec_sa_hold(sa);
		mcsec_op_park(op, state);
		return -EINPROGRESS;
	}
	return in_finish(op, state, err);
}

static unsigned int input_esp(struct sk_buff *skb,
			      const struct nf_hook_state *state,
			      struct mcsec_sa *sa, unsigned int hlen,
			      unsigned int nhoff)
{
	int err;

	/* Counters of this CPU, its kept op, and the vector registers. */
	local_bh_disable();
	err = verify_esp(skb, state, sa, hlen, nhoff);
	local_bh_enable();
	if (likely(!err))
		return NF_ACCEPT;
	return err == -EINPROGRESS ? NF_STOLEN : NF_DROP;
}

/* Whether what comes by @dev may be of @group. */
static bool comes_by(const struct mcsec_group *group,
		     const struct net_device *dev)
{
	unsigned int i;

	for (i = 0; i < group->sel.n_devs; i++)
		if (READ_ONCE(group->sels[i].in_table) &&
		    READ_ONCE(group->sels[i].node.key.ifindex) == dev->ifindex)
			return true;
	return !group->sel.n_devs;
}

/*
 * Of a bridge that calls IP's hooks (br_netfilter), on its way to whichever
 * ports: ESP stays ESP there, or the other ports would get the clear datagram.
 * What comes up to this host is verified at LOCAL_IN.
 */
static bool in_is_bridged(const struct sk_buff *skb,
			  const struct nf_hook_state *state)
{
	return state->hook == NF_INET_PRE_ROUTING &&
	       nf_bridge_in_prerouting(skb);
}

/* The SPI at @hlen, or 0, which is none. */
static __always_inline __be32 spi_at(const struct sk_buff *skb,
				     unsigned int hlen)
{
	__be32 buf, *spi;

	spi = skb_header_pointer(skb, hlen, sizeof(buf), &buf);
	return spi ? *spi : 0;
}

/* What is counted once, though LOCAL_IN sees it again. */
static bool first_sight(const struct nf_hook_state *state)
{
	return state->hook == NF_INET_PRE_ROUTING;
}

/* Nor does it look verified: later, at LOCAL_IN, the mark is the rules'. */
static unsigned int let_in(const struct mcsec_group *group,
			   const struct nf_hook_state *state,
			   struct sk_buff *skb)
{
	if (first_sight(state))
		skb->mark &= ~group->in_mark_mask;
	return NF_ACCEPT;
}

static unsigned int drop_clear(struct mcsec_group *group,
			       const struct nf_hook_state *state,
			       struct sk_buff *skb, enum mcsec_counter why,
			       __be32 spi)
{
	if (!first_sight(state) &&
	    READ_ONCE(group->policy) == MCSEC_POLICY_OBSERVE)
		return NF_ACCEPT;
	if (mcsec_group_observes(group, MCSEC_IN_OBSERVED))
		return let_in(group, state, skb);
	mcsec_drop_in(group, why, spi, -1);
	return NF_DROP;
}

/* Of no group; perhaps for a gateway to protect. */
static unsigned int input_unselected(const struct mcsec_net *mnet,
				     const struct nf_hook_state *state,
				     struct sk_buff *skb)
{
	if (READ_ONCE(mnet->n_forward) && first_sight(state)) {
		local_bh_disable();
		mcsec_fanout_stamp(skb);
		local_bh_enable();
	}
	return NF_ACCEPT;
}

/* The payload, which groups select by, cannot be read. */
static unsigned int input_opaque(struct mcsec_net *mnet,
				 const struct mcsec_opaque *opaque,
				 const struct nf_hook_state *state,
				 struct sk_buff *skb, enum mcsec_counter why,
				 __be32 spi)
{
	if (!opaque->candidate)
		return input_unselected(mnet, state, skb);
	if (!first_sight(state) && !opaque->enforcing)
		return NF_ACCEPT;
	if (why == MCSEC_IN_NO_SA && opaque->group)
		mcsec_group_unknown(opaque->group, spi);
	if (!mcsec_opaque_goes_on(mnet, opaque, MCSEC_IN_OBSERVED, why, spi))
		return NF_DROP;
	/* Of whichever group it is: it is not verified. */
	skb->mark &= ~READ_ONCE(mnet->in_marks);
	return NF_ACCEPT;
}

static unsigned int input_exempt(const struct mcsec_group *group,
				 const struct nf_hook_state *state,
				 struct sk_buff *skb)
{
	if (first_sight(state))
		mcsec_count(group->stats, MCSEC_IN_EXEMPT);
	return let_in(group, state, skb);
}

/* Why ESP at @hlen is refused that no SA was found for. */
static enum mcsec_counter why_no_sa(const struct mcsec_opaque *opaque,
				    const struct sk_buff *skb,
				    unsigned int hlen)
{
	return opaque->group && skb->len < hlen + MCSEC_ESP_MIN
		       ? MCSEC_IN_MALFORMED
		       : MCSEC_IN_NO_SA;
}

static __always_inline unsigned int in_esp4(struct sk_buff *skb,
					    const struct nf_hook_state *state,
					    struct mcsec_net *mnet)
{
	unsigned int hlen = ip_hdrlen(skb);
	struct mcsec_opaque opaque;
	struct mcsec_sa *sa;
	__be32 spi;

	if (unlikely(in_is_bridged(skb, state)))
		return NF_ACCEPT;
	spi = spi_at(skb, hlen);
	sa = mcsec_sa_of(mcsec_select_sa4(&mnet->select, skb, spi));
	if (likely(sa && comes_by(sa->group, state->in)))
		return input_esp(skb, state, sa, hlen,
				 offsetof(struct iphdr, protocol));
	opaque = mcsec_select_opaque4(&mnet->select, skb, state->in);
	return opaque.candidate
		       ? input_opaque(mnet, &opaque, state, skb,
				      why_no_sa(&opaque, skb, hlen), spi)
		       : NF_ACCEPT;
}

static noinline unsigned int input_ip4(struct mcsec_net *mnet,
				       struct sk_buff *skb,
				       const struct nf_hook_state *state)
{
	const struct iphdr *iph = ip_hdr(skb);
	struct mcsec_opaque opaque;
	struct mcsec_group *group;

	if (likely(iph->protocol == IPPROTO_ESP && !ip_is_fragment(iph)))
		return in_esp4(skb, state, mnet);

	if (unlikely(ip_is_fragment(iph))) {
		opaque = mcsec_select_opaque4(&mnet->select, skb, state->in);
		return input_opaque(mnet, &opaque, state, skb,
				    MCSEC_IN_FRAGMENT, 0);
	}
	group = mcsec_select4(&mnet->select, skb, state->in);
	if (!group)
		return input_unselected(mnet, state, skb);
	if (group->exempt && mcsec_is_igmp(iph))
		return input_exempt(group, state, skb);
	return drop_clear(group, state, skb, MCSEC_IN_CLEAR, 0);
}

unsigned int mcsec_in4(void *priv, struct sk_buff *skb,
		       const struct nf_hook_state *state)
{
	/* Verified at PRE_ROUTING too, which a VRF calls again for its own
	 * device.
	 */
	if (likely(!ipv4_is_multicast(ip_hdr(skb)->daddr)) ||
	    mcsec_is_verified4(skb))
		return NF_ACCEPT;
	return input_ip4(priv, skb, state);
}

/* What is verified may still ask for an answer that would repeat it. */
unsigned int mcsec_local4(void *priv, struct sk_buff *skb,
			  const struct nf_hook_state *state)
{
	unsigned int verdict;

	if (likely(!ipv4_is_multicast(ip_hdr(skb)->daddr)))
		return NF_ACCEPT;
	if (unlikely(!mcsec_is_verified4(skb))) {
		verdict = input_ip4(priv, skb, state);
		if (verdict != NF_ACCEPT || !mcsec_is_verified4(skb))
			return verdict;
	}
	return likely(ip_hdr(skb)->protocol == IPPROTO_UDP)
		       ? NF_ACCEPT
		       : mcsec_asks4(priv, skb);
}

#if IS_ENABLED(CONFIG_IPV6)
static unsigned int in_esp6(struct sk_buff *skb,
			    const struct nf_hook_state *state,
			    struct mcsec_net *mnet, unsigned int hlen,
			    unsigned int nhoff)
{
	struct mcsec_opaque opaque;
	struct mcsec_sa *sa;
	__be32 spi;

	if (unlikely(in_is_bridged(skb, state)))
		return NF_ACCEPT;
	spi = spi_at(skb, hlen);
	sa = mcsec_sa_of(mcsec_select_sa6(&mnet->select, skb, spi));
	if (likely(sa && comes_by(sa->group, state->in)))
		return input_esp(skb, state, sa, hlen, nhoff);
	opaque = mcsec_select_opaque6(&mnet->select, skb, state->in);
	return opaque.candidate
		       ? input_opaque(mnet, &opaque, state, skb,
				      why_no_sa(&opaque, skb, hlen), spi)
		       : NF_ACCEPT;
}

static noinline unsigned int input_ip6(struct mcsec_net *mnet,
				       struct sk_buff *skb,
				       const struct nf_hook_state *state)
{
	struct mcsec_opaque opaque;
	struct mcsec_group *group;
	unsigned int hlen, nhoff;
	int next;

	next = mcsec_walk6(skb, &hlen, &nhoff);
	if (likely(next == NEXTHDR_ESP))
		return in_esp6(skb, state, mnet, hlen, nhoff);

	if (unlikely(next < 0 || next == NEXTHDR_FRAGMENT)) {
		opaque = mcsec_select_opaque6(&mnet->select, skb, state->in);
		return input_opaque(mnet, &opaque, state, skb,
				    next < 0 ? MCSEC_IN_MALFORMED
					     : MCSEC_IN_FRAGMENT,
				    0);
	}
	group = mcsec_select6(&mnet->select, skb, state->in);
	if (!group)
		return input_unselected(mnet, state, skb);
	if (group->exempt && mcsec_is_mld(skb, next, hlen))
		return input_exempt(group, state, skb);
	return drop_clear(group, state, skb, MCSEC_IN_CLEAR, 0);
}

unsigned int mcsec_in6(void *priv, struct sk_buff *skb,
		       const struct nf_hook_state *state)
{
	/* As in mcsec_in4(). */
	if (likely(!ipv6_addr_is_multicast(&ipv6_hdr(skb)->daddr)) ||
	    mcsec_is_verified6(skb))
		return NF_ACCEPT;
	return input_ip6(priv, skb, state);
}

unsigned int mcsec_local6(void *priv, struct sk_buff *skb,
			  const struct nf_hook_state *state)
{
	unsigned int verdict;

	if (likely(!ipv6_addr_is_multicast(&ipv6_hdr(skb)->daddr)))
		return NF_ACCEPT;
	if (unlikely(!mcsec_is_verified6(skb))) {
		verdict = input_ip6(priv, skb, state);
		if (verdict != NF_ACCEPT || !mcsec_is_verified6(skb))
			return verdict;
	}
	return likely(ipv6_hdr(skb)->nexthdr == IPPROTO_UDP)
		       ? NF_ACCEPT
		       : mcsec_asks6(priv, skb);
}
#endif
