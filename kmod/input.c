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

#include <linux/icmpv6.h>
#include <linux/igmp.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter_bridge.h>
#include <net/ip.h>
#include <net/ipv6.h>

/* RFC 4303 2.6: traffic flow confidentiality, to be thrown away. */
#define DUMMY IPPROTO_NONE

/* Every verdict but acceptance and NF_STOLEN comes from here. */
static int drop(struct mcsec_group *group, enum mcsec_counter why)
{
	mcsec_count_in_drop(group, why);
	return -EBADMSG;
}

/* What the cipher verified becomes the datagram that was sent. */
static int uncover(struct mcsec_sa *sa, struct sk_buff *skb, unsigned int hlen,
		   unsigned int nhoff)
{
	unsigned int text = skb->len - hlen - MCSEC_HEAD - MCSEC_ICV;
	struct mcsec_group *group = sa->group;
	struct iphdr *iph;
	u8 next;
	u8 buf[MCSEC_TRAILER], *tail;

	tail = skb_header_pointer(skb, skb->len - MCSEC_ICV - MCSEC_TRAILER,
				  sizeof(buf), buf);
	if (unlikely(!tail || tail[0] + MCSEC_TRAILER > text))
		return drop(group, MCSEC_IN_BAD_TRAILER);
	if (tail[1] == DUMMY)
		return drop(group, MCSEC_IN_DUMMY);

	/* The tag says more than any checksum inside. WireGuard's mark. */
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	skb->csum_level = ~0;
	next = tail[1];
	if (pskb_trim(skb, skb->len - MCSEC_ICV - MCSEC_TRAILER - tail[0]))
		return drop(group, MCSEC_IN_NO_MEMORY);
	mcsec_esp_unhead(skb, hlen);
	skb->data[nhoff] = next;
	iph = ip_hdr(skb);
	if (iph->version == 4) {
		iph->tot_len = htons(skb->len);
		ip_send_check(iph);
		/* Routing multicast on would take the clear datagram to other
		 * links, tunnels and routing daemons. This says that it has
		 * been forwarded already, and is for this host alone.
		 */
		IPCB(skb)->flags |= IPSKB_FORWARDED;
	} else {
		ipv6_hdr(skb)->payload_len =
			htons(skb->len - sizeof(struct ipv6hdr));
		IP6CB(skb)->flags |= IP6SKB_FORWARDED;
	}
	/* Both were of the ESP datagram. */
	skb_clear_hash(skb);
	nf_reset_ct(skb);
	return 0;
}

static int in_finish(struct mcsec_op *op, int err)
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
	if (unlikely(err)) {
		if (err == -EBADMSG) {
			this_cpu_inc(sa->cpu->in_bad_icv);
			return drop(group, MCSEC_IN_BAD_ICV);
		}
		if (err == -ENOSPC || err == -EBUSY)
			return drop(group, MCSEC_IN_CRYPTO_BUSY);
		return drop(group, MCSEC_IN_CRYPTO);
	}

	/* The cipher worked in place, and leaves associated data alone. */
	esp = (void *)skb->data + hlen;
	seq = ntohl(esp->seq);
	iv = get_unaligned_be64(&esp->iv);
	err = mcsec_sa_replay_accept(sa, sender, seq, iv);
	if (unlikely(err)) {
		if (err == -EALREADY)
			return drop(group, MCSEC_IN_REPLAY);
		if (err == -ENOSPC)
			return drop(group, MCSEC_IN_TOO_MANY_SENDERS);
		return drop(group, MCSEC_IN_NO_MEMORY);
	}
	if (unlikely(!mcsec_sa_use_in(sa, skb->len - hlen - MCSEC_HEAD -
				      MCSEC_ICV)))
		return drop(group, MCSEC_IN_EXPIRED);
	err = uncover(sa, skb, hlen, nhoff);
	if (unlikely(err))
		return err;
	mcsec_count(group->stats, MCSEC_IN_ACCEPTED);
	return 0;
}

/* The cipher answered later: in softirq, or in a worker. */
static void in_done(struct mcsec_op *op, int err)
{
	struct mcsec_flight flight = op->flight;
	struct sk_buff *skb = op->skb;
	struct mcsec_sa *sa = op->sa;
	nf_hookfn *hook = mcsec_in4;

	if (IS_ENABLED(CONFIG_IPV6) && flight.state.pf == NFPROTO_IPV6)
		hook = mcsec_in6;

	local_bh_disable();
	rcu_read_lock();
	if (in_finish(op, err)) {
		kfree_skb(skb);
	} else if (!flight.held) {
		mcsec_count_in_drop(sa->group, MCSEC_IN_GONE);
		kfree_skb(skb);
	} else if (!mcsec_flight_resume(skb, &flight.state, hook)) {
		mcsec_count_in_drop(sa->group, MCSEC_IN_GONE);
	}
	mcsec_flight_release(&flight);
	mcsec_sa_put(sa);
	rcu_read_unlock();
	local_bh_enable();
}

/*
 * Verify one ESP datagram whose ESP header is at @hlen. Returns 0,
 * -EINPROGRESS if the cipher has taken it, or -errno: it is then still the
 * caller's and has been counted.
 */
static int verify(struct sk_buff *skb, const struct nf_hook_state *state,
		  struct mcsec_group *group, unsigned int hlen,
		  unsigned int nhoff)
{
	const struct mcsec_esp_hdr *esp;
	struct mcsec_sender *sender;
	struct crypto_aead *tfm;
	struct mcsec_op *op;
	struct mcsec_sa *sa;
	int err, nsg;

	/* a) shorter than any ESP, b) a batch that only a device can take */
	if (unlikely(skb->len < hlen + MCSEC_ESP_MIN || skb_is_gso(skb) ||
		     !pskb_may_pull(skb, hlen + MCSEC_HEAD)))
		return drop(group, MCSEC_IN_MALFORMED);
	esp = (void *)skb->data + hlen;
	sa = mcsec_group_sa(group, esp->spi);
	if (unlikely(!sa))
		return drop(group, MCSEC_IN_NO_SA);
	if (unlikely(!(sa->dir & MCSEC_DIR_IN)))
		return drop(group, MCSEC_IN_SEND_ONLY);
	tfm = rcu_dereference(sa->tfm);
	if (unlikely(READ_ONCE(sa->state) == MCSEC_SA_STATE_EXPIRED || !tfm))
		return drop(group, MCSEC_IN_EXPIRED);
	if (unlikely(!mcsec_sa_replay_check(sa, ntohl(esp->seq),
					    get_unaligned_be64(&esp->iv),
					    &sender)))
		return drop(group, MCSEC_IN_REPLAY);

	nsg = mcsec_esp_writable(skb);
	if (unlikely(nsg < 0))
		return drop(group, MCSEC_IN_NO_MEMORY);
	op = mcsec_op_get(tfm, nsg);
	if (unlikely(!op))
		return drop(group, MCSEC_IN_NO_MEMORY);
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
	return in_finish(op, err);
}

static unsigned int in(struct sk_buff *skb, const struct nf_hook_state *state,
		       struct mcsec_group *group, unsigned int hlen,
		       unsigned int nhoff)
{
	int err;

	/* Counters of this CPU, its kept op, and the vector registers. */
	local_bh_disable();
	err = verify(skb, state, group, hlen, nhoff);
	local_bh_enable();
	if (likely(!err))
		return NF_ACCEPT;
	return err == -EINPROGRESS ? NF_STOLEN : NF_DROP;
}

static unsigned int refuse(struct mcsec_group *group, enum mcsec_counter why)
{
	drop(group, why);
	return NF_DROP;
}

/*
 * Of a bridge that calls IP's hooks (br_netfilter), on its way to whichever
 * ports: ESP stays ESP there, or the other ports would get the clear datagram.
 * What comes up to this host is verified at LOCAL_IN.
 */
static bool is_bridged(const struct sk_buff *skb,
		       const struct nf_hook_state *state)
{
	return state->hook == NF_INET_PRE_ROUTING &&
	       nf_bridge_in_prerouting(skb);
}

/* Once, though LOCAL_IN sees it again. */
static unsigned int exempt(const struct mcsec_group *group,
			   const struct nf_hook_state *state)
{
	if (state->hook == NF_INET_PRE_ROUTING)
		mcsec_count(group->stats, MCSEC_IN_EXEMPT);
	return NF_ACCEPT;
}

static bool is_igmp(const struct iphdr *iph)
{
	return iph->protocol == IPPROTO_IGMP && iph->ttl == 1;
}

unsigned int mcsec_in4(void *priv, struct sk_buff *skb,
		       const struct nf_hook_state *state)
{
	const struct iphdr *iph = ip_hdr(skb);
	struct mcsec_group *group;

	if (likely(!ipv4_is_multicast(iph->daddr)))
		return NF_ACCEPT;
	/* Verified before: at PRE_ROUTING, which a VRF calls again for its own
	 * device. IP has cleared this flag before the first.
	 */
	if (IPCB(skb)->flags & IPSKB_FORWARDED)
		return NF_ACCEPT;
	group = mcsec_group_find4(mcsec_net_of(state->net), iph->daddr);
	if (!group)
		return NF_ACCEPT;

	if (unlikely(ip_is_fragment(iph)))
		return refuse(group, MCSEC_IN_FRAGMENT);
	if (likely(iph->protocol == IPPROTO_ESP)) {
		if (unlikely(is_bridged(skb, state)))
			return NF_ACCEPT;
		return in(skb, state, group, ip_hdrlen(skb),
			  offsetof(struct iphdr, protocol));
	}
	if (is_igmp(iph))
		return exempt(group, state);
	return refuse(group, MCSEC_IN_CLEAR);
}

/*
 * Where a group's clear datagrams could still come by: rules that translate
 * addresses behind us make them out of others, and what is verified for this
 * host alone must not be routed on. At FORWARD and at POST_ROUTING, where all
 * that leaves comes by, also what did not come by LOCAL_OUT or FORWARD.
 */
unsigned int mcsec_forward4(void *priv, struct sk_buff *skb,
			    const struct nf_hook_state *state)
{
	const struct iphdr *iph = ip_hdr(skb);
	struct mcsec_group *group;

	if (likely(!ipv4_is_multicast(iph->daddr) ||
		   iph->protocol == IPPROTO_ESP))
		return NF_ACCEPT;
	group = mcsec_group_find4(mcsec_net_of(state->net), iph->daddr);
	if (!group || is_igmp(iph))
		return NF_ACCEPT;
	mcsec_count_out_drop(group, MCSEC_FORWARD_CLEAR);
	return NF_DROP;
}

#if IS_ENABLED(CONFIG_IPV6)
/*
 * Walk the headers that may stand before ESP. Returns the header that follows
 * them, at *@hlen, named at *@nhoff; or -1 if they do not end, or take more
 * than a stranger should be able to make us walk.
 */
#define MAX_HEADERS 1024

static int walk6(const struct sk_buff *skb, unsigned int *hlen,
		 unsigned int *nhoff)
{
	struct ipv6_opt_hdr buf, *opt;
	u8 next = ipv6_hdr(skb)->nexthdr;

	*hlen = sizeof(struct ipv6hdr);
	*nhoff = offsetof(struct ipv6hdr, nexthdr);
	while (next == NEXTHDR_HOP || next == NEXTHDR_ROUTING ||
	       next == NEXTHDR_DEST) {
		if (*hlen > MAX_HEADERS)
			return -1;
		opt = skb_header_pointer(skb, *hlen, sizeof(buf), &buf);
		if (!opt)
			return -1;
		next = opt->nexthdr;
		*nhoff = *hlen;
		*hlen += ipv6_optlen(opt);
	}
	return next;
}

static bool is_mld(const struct sk_buff *skb, int next, unsigned int hlen)
{
	u8 buf, *type;

	if (next != NEXTHDR_ICMP || ipv6_hdr(skb)->hop_limit != 1)
		return false;
	type = skb_header_pointer(skb, hlen, sizeof(buf), &buf);
	return type && (*type == ICMPV6_MGM_QUERY ||
			*type == ICMPV6_MGM_REPORT ||
			*type == ICMPV6_MGM_REDUCTION ||
			*type == ICMPV6_MLD2_REPORT);
}

unsigned int mcsec_in6(void *priv, struct sk_buff *skb,
		       const struct nf_hook_state *state)
{
	struct mcsec_group *group;
	unsigned int hlen, nhoff;
	int next;

	if (likely(!ipv6_addr_is_multicast(&ipv6_hdr(skb)->daddr)))
		return NF_ACCEPT;
	/* As in mcsec_in4(). */
	if (IP6CB(skb)->flags & IP6SKB_FORWARDED)
		return NF_ACCEPT;
	group = mcsec_group_find6(mcsec_net_of(state->net),
				  &ipv6_hdr(skb)->daddr);
	if (!group)
		return NF_ACCEPT;

	next = walk6(skb, &hlen, &nhoff);
	if (likely(next == NEXTHDR_ESP)) {
		if (unlikely(is_bridged(skb, state)))
			return NF_ACCEPT;
		return in(skb, state, group, hlen, nhoff);
	}
	if (next < 0)
		return refuse(group, MCSEC_IN_MALFORMED);
	if (next == NEXTHDR_FRAGMENT)
		return refuse(group, MCSEC_IN_FRAGMENT);
	if (is_mld(skb, next, hlen))
		return exempt(group, state);
	return refuse(group, MCSEC_IN_CLEAR);
}

/* What a fragment is of, if its header at @hlen is there; or -1. */
static int fragment_of(const struct sk_buff *skb, unsigned int hlen)
{
	struct frag_hdr buf, *frag;

	frag = skb_header_pointer(skb, hlen, sizeof(buf), &buf);
	return frag ? frag->nexthdr : -1;
}

unsigned int mcsec_forward6(void *priv, struct sk_buff *skb,
			    const struct nf_hook_state *state)
{
	struct mcsec_group *group;
	unsigned int hlen, nhoff;
	int next;

	if (likely(!ipv6_addr_is_multicast(&ipv6_hdr(skb)->daddr) ||
		   ipv6_hdr(skb)->nexthdr == NEXTHDR_ESP))
		return NF_ACCEPT;
	group = mcsec_group_find6(mcsec_net_of(state->net),
				  &ipv6_hdr(skb)->daddr);
	if (!group)
		return NF_ACCEPT;
	next = walk6(skb, &hlen, &nhoff);
	/* POST_ROUTING sees fragments where they are looped back. */
	if (next == NEXTHDR_FRAGMENT)
		next = fragment_of(skb, hlen);
	if (next == NEXTHDR_ESP || is_mld(skb, next, hlen))
		return NF_ACCEPT;
	mcsec_count_out_drop(group, MCSEC_FORWARD_CLEAR);
	return NF_DROP;
}
#endif
