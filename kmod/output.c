// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every datagram to a group ends in one of three ways here: protected, in the
 * clear because it is exempt, or dropped and counted. There is no fourth.
 *
 * What the sender is told: EMSGSIZE where only a smaller datagram helps, EPERM
 * where nothing will help, and ENOBUFS where the next one may do better - no
 * SA yet, no memory. Sockets see the last only if they asked for errors
 * (IP_RECVERR); others see a lost datagram, which is what multicast is like,
 * so that programs that cannot change live through the time without a key.
 */
#include "output.h"
#include "compat.h"
#include "esp.h"
#include "group.h"
#include "header.h"
#include "outer.h"
#include "pmtu.h"
#include "trace.h"

#include <linux/netfilter_bridge.h>
#include <net/checksum.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/route.h>

/**
 * struct frame - where ESP goes in a datagram
 * @hlen: octets before the payload
 * @nhoff: offset of the octet that names the payload
 * @outer: octets of a header that tunnel mode puts in front; @hlen is 0 then
 */
struct frame {
	unsigned int hlen;
	unsigned int nhoff;
	unsigned int outer;
};

static int drop(struct mcsec_group *group, enum mcsec_counter why, int err)
{
	mcsec_drop_out(group, why, 0, -1);
	return err;
}

/* One that had an IV already. */
static int drop_sent(const struct mcsec_sa *sa, u64 iv, enum mcsec_counter why,
		     int err)
{
	mcsec_drop_out(sa->group, why, sa->spi, iv >> sa->sid_shift);
	return err;
}

/* The header says so, the payload follows: ESP of skb->len - hlen octets. */
static void finish_head(struct sk_buff *skb, const struct frame *frame)
{
	struct iphdr *iph = ip_hdr(skb);

	skb->data[frame->nhoff] = IPPROTO_ESP;
	if (iph->version == 4) {
		iph->tot_len = htons(skb->len);
		ip_send_check(iph);
	} else {
		ipv6_hdr(skb)->payload_len =
			htons(skb->len - sizeof(struct ipv6hdr));
	}
	/* Its ports are gone: what tracked the clear datagram must not
	 * translate this one.
	 */
	nf_reset_ct(skb);
	skb->encapsulation = 0;
}

static int out_finish(struct mcsec_op *op, int err)
{
	struct mcsec_sa *sa = op->sa;
	struct sk_buff *skb = op->skb;
	struct frame frame = { .hlen = op->hlen, .nhoff = op->nhoff };
	const struct mcsec_esp_hdr *esp;
	struct mcsec_sa_cpu *cpu;
	unsigned int clear;
	u64 iv;

	mcsec_op_put(op);
	esp = (void *)skb->data + frame.hlen;
	iv = get_unaligned_be64(&esp->iv);
	if (unlikely(err)) {
		clear = skb->len - frame.hlen - MCSEC_HEAD - MCSEC_ICV;
		cpu = this_cpu_ptr(sa->cpu);
		cpu->out_failed++;
		cpu->out_failed_bytes += clear;
		/* Nobody may see what the cipher left behind. */
		if (err == -ENOSPC || err == -EBUSY)
			return drop_sent(sa, iv, MCSEC_OUT_CRYPTO_BUSY,
					 -ENOBUFS);
		return drop_sent(sa, iv, MCSEC_OUT_CRYPTO, -ENOBUFS);
	}
	finish_head(skb, &frame);
	mcsec_count(sa->group->stats, MCSEC_OUT_PROTECTED);
	trace_mcsec_protect(skb, sa, iv);
	return 0;
}

static nf_hookfn *hook_of(const struct nf_hook_state *state)
{
	if (IS_ENABLED(CONFIG_IPV6) && state->pf == NFPROTO_IPV6)
		return state->hook == NF_INET_FORWARD ? mcsec_forward6 :
							mcsec_out6;
	return state->hook == NF_INET_FORWARD ? mcsec_forward4 : mcsec_out4;
}

/* The cipher answered later: in softirq, or in a worker. */
static void out_done(struct mcsec_op *op, int err)
{
	struct mcsec_flight flight = op->flight;
	struct sk_buff *skb = op->skb;
	struct mcsec_sa *sa = op->sa;
	nf_hookfn *hook = hook_of(&flight.state);

	local_bh_disable();
	rcu_read_lock();
	if (out_finish(op, err)) {
		kfree_skb(skb);
	} else if (!flight.held) {
		mcsec_drop_out(sa->group, MCSEC_OUT_GONE, sa->spi, -1);
		kfree_skb(skb);
	} else if (!mcsec_flight_resume(skb, &flight.state, hook)) {
		mcsec_drop_out(sa->group, MCSEC_OUT_GONE, sa->spi, -1);
	}
	mcsec_flight_release(&flight);
	mcsec_sa_put(sa);
	rcu_read_unlock();
	local_bh_enable();
}

static unsigned int usable(unsigned int mtu, const struct frame *frame)
{
	return mcsec_pmtu_usable(mtu, frame->hlen, frame->outer);
}

/*
 * Whether the datagram grows beyond what can be sent of it. *@whole: it must
 * not be fragmented.
 */
static int check_size(struct sk_buff *skb, const struct nf_hook_state *state,
		      struct mcsec_group *group, const struct frame *frame,
		      unsigned int len, bool *whole)
{
	unsigned int total = frame->outer + frame->hlen + mcsec_esp_len(len);
	unsigned int mtu = dst_mtu(skb_dst(skb));
	unsigned int max = IP_MAX_MTU;
	unsigned int fits;

	if (ip_hdr(skb)->version == 6)
		max += sizeof(struct ipv6hdr);
	if (unlikely(total > max)) {
		fits = usable(max, frame);
		if (!mcsec_pmtu_may_fragment(skb, state, fits))
			fits = usable(min(mtu, max), frame);
		if (state->hook != NF_INET_FORWARD)
			mcsec_pmtu_tell(skb, state, fits);
		return drop(group, MCSEC_OUT_TOO_BIG, -EMSGSIZE);
	}
	*whole = ip_hdr(skb)->version == 4 &&
		 ip_hdr(skb)->frag_off & htons(IP_DF);
	if (likely(total <= mtu))
		return 0;
	fits = usable(mtu, frame);
	if (!mcsec_pmtu_may_fragment(skb, state, fits)) {
		mcsec_pmtu_tell(skb, state, fits);
		return drop(group, MCSEC_OUT_MTU, -EMSGSIZE);
	}
	*whole = false;
	if (ip_hdr(skb)->version == 6 || frame->outer)
		return 0;
	if (ip_hdr(skb)->frag_off & htons(IP_DF)) {
		if (skb_ensure_writable(skb, sizeof(struct iphdr)))
			return drop(group, MCSEC_OUT_NO_MEMORY, -ENOBUFS);
		ip_hdr(skb)->frag_off &= ~htons(IP_DF);
	}
	return 0;
}

/*
 * The device was to fill in the checksum; it will see ciphertext. In the
 * common case without the detours of skb_checksum_help().
 */
static bool fill_checksum(struct sk_buff *skb)
{
	unsigned int start, field;
	__sum16 sum;

	if (skb->ip_summed != CHECKSUM_PARTIAL)
		goto done;
	start = skb_checksum_start_offset(skb);
	field = start + skb->csum_offset;
	if (unlikely(skb_is_nonlinear(skb) || skb_cloned(skb) ||
		     skb_csum_is_sctp(skb) || field + sizeof(sum) > skb->len))
		return !skb_csum_hwoffload_help(skb, 0);
	sum = csum_fold(csum_partial(skb->data + start, skb->len - start, 0));
	/* 0 would say that there is none. */
	*(__sum16 *)(skb->data + field) = sum ?: CSUM_MANGLED_0;
done:
	skb->ip_summed = CHECKSUM_NONE;
	return true;
}

static int no_sa(struct mcsec_group *group, enum mcsec_counter why)
{
	mcsec_group_acquire(group);
	return drop(group, why, -ENOBUFS);
}

/* What to send with, or NULL: *@why not. */
static struct mcsec_sa *sending_sa(struct mcsec_group *group,
				   struct crypto_aead **tfm,
				   enum mcsec_counter *why)
{
	struct mcsec_sa *sa = rcu_dereference(group->out);

	*why = MCSEC_OUT_NO_SA;
	if (unlikely(!sa))
		return NULL;
	*tfm = rcu_dereference(sa->tfm);
	switch ((enum mcsec_sa_state)READ_ONCE(sa->state)) {
	case MCSEC_SA_STATE_LIVE:
		break;
	case MCSEC_SA_STATE_EXHAUSTED:
		*why = MCSEC_OUT_EXHAUSTED;
		return NULL;
	case MCSEC_SA_STATE_EXPIRED:
		*why = MCSEC_OUT_EXPIRED;
		return NULL;
	}
	/* Wiped between the two reads. */
	*why = MCSEC_OUT_EXPIRED;
	return likely(*tfm) ? sa : NULL;
}

/*
 * Protect one datagram in place. Returns 0, -EINPROGRESS if the cipher has
 * taken it, or -errno: it is then still the caller's and has been counted.
 */
static int protect(struct sk_buff *skb, const struct nf_hook_state *state,
		   struct mcsec_group *group, struct mcsec_sa *sa,
		   struct crypto_aead *tfm, struct frame frame)
{
	unsigned int len, text, pad, i;
	struct mcsec_outer outer;
	struct mcsec_esp_hdr *esp;
	struct mcsec_op *op;
	u8 tail[4 + MCSEC_TRAILER];
	int err, nsg;
	bool whole;
	u64 iv;
	u8 next;

	if (unlikely(sa->mode == MCSEC_MODE_TUNNEL)) {
		frame.hlen = 0;
		next = mcsec_outer_of(&outer, skb, &frame.outer, &frame.nhoff);
	} else {
		next = skb->data[frame.nhoff];
	}
	len = skb->len - frame.hlen;
	text = ALIGN(len + MCSEC_TRAILER, 4);
	pad = text - MCSEC_TRAILER - len;

	err = check_size(skb, state, group, &frame, len, &whole);
	if (unlikely(err))
		return err;

	if (unlikely(!fill_checksum(skb)))
		return drop(group, MCSEC_OUT_CHECKSUM, -ENOBUFS);

	if (unlikely(frame.outer) &&
	    skb_cow_head(skb, LL_RESERVED_SPACE(skb_dst(skb)->dev) +
			 frame.outer + MCSEC_HEAD))
		return drop(group, MCSEC_OUT_NO_MEMORY, -ENOBUFS);
	nsg = mcsec_esp_grow(skb, frame.hlen, text - len + MCSEC_ICV,
			     LL_RESERVED_SPACE(skb_dst(skb)->dev) +
			     frame.outer);
	if (unlikely(nsg < 0))
		return drop(group, MCSEC_OUT_NO_MEMORY, -ENOBUFS);
	op = mcsec_op_get(tfm, nsg);
	if (unlikely(!op))
		return drop(group, MCSEC_OUT_NO_MEMORY, -ENOBUFS);

	/* RFC 4303 2.4: the padding counts from 1. */
	for (i = 0; i < pad; i++)
		tail[i] = i + 1;
	tail[pad] = pad;
	tail[pad + 1] = next;
	if (likely(!skb_is_nonlinear(skb)))
		memcpy(skb_tail_pointer(skb) - MCSEC_ICV - MCSEC_TRAILER - pad,
		       tail, pad + MCSEC_TRAILER);
	else
		skb_store_bits(skb, skb->len - MCSEC_ICV - MCSEC_TRAILER - pad,
			       tail, pad + MCSEC_TRAILER);

	if (unlikely(!mcsec_sa_use_out(sa, text))) {
		mcsec_op_put(op);
		return no_sa(group, MCSEC_OUT_EXPIRED);
	}
	if (unlikely(!mcsec_sa_take_iv(sa, &iv))) {
		this_cpu_inc(sa->cpu->out_failed);
		this_cpu_add(sa->cpu->out_failed_bytes, text);
		mcsec_op_put(op);
		return no_sa(group, MCSEC_OUT_EXHAUSTED);
	}
	esp = (void *)skb->data + frame.hlen;
	esp->spi = sa->spi;
	esp->seq = htonl(lower_32_bits(mcsec_iv_counter(sa, iv)));
	put_unaligned_be64(iv, &esp->iv);

	if (unlikely(frame.outer))
		mcsec_outer_push(skb, &outer, state->net, frame.outer, whole);
	op->skb = skb;
	op->sa = sa;
	op->done = out_done;
	op->hlen = frame.hlen + frame.outer;
	op->nhoff = frame.nhoff;
	err = mcsec_op_encrypt(op, tfm, nsg);
	if (unlikely(err == -EINPROGRESS)) {
		mcsec_sa_hold(sa);
		mcsec_op_park(op, state);
		return -EINPROGRESS;
	}
	return out_finish(op, err);
}

/* A datagram that the device was to cut: cut it here, protect each part. */
static unsigned int protect_gso(struct sk_buff *skb,
				const struct nf_hook_state *state,
				struct mcsec_group *group, struct mcsec_sa *sa,
				struct crypto_aead *tfm,
				const struct frame *frame)
{
	struct nf_hook_state onward = *state;
	nf_hookfn *hook = hook_of(state);
	struct sk_buff *segs, *seg, *next;
	struct frame one = *frame;
	enum mcsec_counter why;
	unsigned int room;
	int err;

	if (sa->mode == MCSEC_MODE_TUNNEL) {
		one.hlen = 0;
		one.outer = mcsec_outer_len(skb);
	}
	/* Told now, while there is one datagram and one sender to tell. */
	room = usable(dst_mtu(skb_dst(skb)), &one);
	if (!mcsec_pmtu_may_fragment(skb, state, room) &&
	    !skb_gso_validate_network_len(skb, room)) {
		mcsec_pmtu_tell(skb, state, room);
		return NF_DROP_ERR(drop(group, MCSEC_OUT_MTU, -EMSGSIZE));
	}
	/* No feature of a device: linear copies with their checksums. */
	segs = skb_gso_segment(skb, 0);
	if (IS_ERR_OR_NULL(segs))
		return NF_DROP_ERR(drop(group, MCSEC_OUT_GSO, -ENOBUFS));
	/* Now: of a list that GRO made it is the first of them, held twice. */
	consume_skb(skb);
	skb_list_walk_safe(segs, seg, next) {
		skb_mark_not_on_list(seg);
		if (sa)
			err = protect(seg, state, group, sa, tfm, *frame);
		else
			err = no_sa(group, why);
		if (!err) {
			if (!mcsec_flight_resume(seg, &onward, hook))
				drop(group, MCSEC_OUT_GONE, 0);
		} else if (err != -EINPROGRESS) {
			kfree_skb(seg);
		}
		/* It may have used itself up, or have been replaced. */
		sa = sending_sa(group, &tfm, &why);
	}
	return NF_STOLEN;
}

static unsigned int out(struct sk_buff *skb, const struct nf_hook_state *state,
			struct mcsec_group *group, const struct frame *frame)
{
	struct crypto_aead *tfm;
	enum mcsec_counter why;
	unsigned int verdict;
	struct mcsec_sa *sa;
	int err;

	/* Counters of this CPU, its kept op, and the vector registers. */
	local_bh_disable();
	sa = sending_sa(group, &tfm, &why);
	if (unlikely(!sa)) {
		if (mcsec_group_observes(group, MCSEC_OUT_OBSERVED)) {
			mcsec_group_acquire(group);
			verdict = NF_ACCEPT;
		} else {
			verdict = NF_DROP_ERR(no_sa(group, why));
		}
	} else if (unlikely(skb_is_gso(skb))) {
		verdict = protect_gso(skb, state, group, sa, tfm, frame);
	} else {
		err = protect(skb, state, group, sa, tfm, *frame);
		if (likely(!err))
			verdict = NF_ACCEPT;
		else if (err == -EINPROGRESS)
			verdict = NF_STOLEN;
		else
			verdict = NF_DROP_ERR(err);
	}
	local_bh_enable();
	return verdict;
}

static unsigned int refuse(struct mcsec_group *group, enum mcsec_counter why)
{
	mcsec_drop_out(group, why, 0, -1);
	return NF_DROP;
}

/* A part of a datagram, of which no group can be told. */
static unsigned int refuse_part(const struct nf_hook_state *state,
				enum mcsec_counter why)
{
	mcsec_drop_hidden(mcsec_net_of(state->net), why, 0);
	return NF_DROP;
}

static unsigned int out4(struct sk_buff *skb, const struct nf_hook_state *state,
			 struct mcsec_group *group)
{
	struct frame frame = { .nhoff = offsetof(struct iphdr, protocol) };
	const struct iphdr *iph;

	/* Raw sockets may write any header. */
	frame.hlen = ip_hdrlen(skb);
	if (unlikely(ip_hdr(skb)->version != 4 ||
		     frame.hlen < sizeof(*iph) || !skb_dst(skb) ||
		     !pskb_may_pull(skb, frame.hlen)))
		return refuse(group, MCSEC_OUT_MALFORMED);
	iph = ip_hdr(skb);
	if (unlikely(ip_is_fragment(iph)))
		return refuse(group, MCSEC_OUT_FRAGMENT);
	if (iph->protocol == IPPROTO_ESP)
		return refuse(group, MCSEC_OUT_FOREIGN_ESP);
	/* Routers and snooping switches must read it; it stays on the link. */
	if (group->exempt && state->hook != NF_INET_FORWARD &&
	    mcsec_is_igmp(iph)) {
		mcsec_count(group->stats, MCSEC_OUT_EXEMPT);
		return NF_ACCEPT;
	}
	return out(skb, state, group, &frame);
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
	struct mcsec_net *mnet;
	struct mcsec_group *group;

	if (likely(!ipv4_is_multicast(ip_hdr(skb)->daddr)))
		return NF_ACCEPT;
	mnet = mcsec_net_of(state->net);
	group = mcsec_select4(&mnet->select, skb, leaves_by(skb, state));
	if (group)
		return out4(skb, state, group);
	if (unlikely(ip_is_fragment(ip_hdr(skb))) &&
	    mcsec_covered4(&mnet->select, skb))
		return refuse_part(state, MCSEC_OUT_FRAGMENT);
	return NF_ACCEPT;
}

static bool is_bridged(const struct sk_buff *skb)
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
	return state->hook == NF_INET_FORWARD && !is_bridged(skb);
}

/*
 * Where a group's clear datagrams could still come by: those that are routed,
 * which a gateway protects; rules that translate addresses behind us make them
 * out of others; what is verified for this host alone must not be routed on.
 * At FORWARD and at POST_ROUTING, where all that leaves comes by, also what did
 * not come by LOCAL_OUT or FORWARD.
 */
static bool goes_on(struct mcsec_group *group,
		    const struct nf_hook_state *state)
{
	if (state->hook == NF_INET_FORWARD)
		return mcsec_group_observes(group, MCSEC_FORWARD_OBSERVED);
	/* Counted before. */
	return READ_ONCE(group->policy) == MCSEC_POLICY_OBSERVE;
}

/*
 * Multicast routing into a tunnel: the header of the tunnel is in front of the
 * datagram when FORWARD is called. Other hosts' tunnels have a route of input.
 */
static unsigned int tunnel4(struct sk_buff *skb,
			    const struct nf_hook_state *state)
{
	unsigned int hlen = ip_hdrlen(skb);
	struct mcsec_group *group = NULL;

	if (!is_routed(skb, state) || !skb_dst(skb) ||
	    !rt_is_output_route(skb_rtable(skb)) ||
	    !pskb_may_pull(skb, hlen + sizeof(struct iphdr)))
		return NF_ACCEPT;
	__skb_pull(skb, hlen);
	skb_reset_network_header(skb);
	if (ipv4_is_multicast(ip_hdr(skb)->daddr) &&
	    ip_hdr(skb)->protocol != IPPROTO_ESP)
		group = mcsec_select4(&mcsec_net_of(state->net)->select, skb,
				      state->out);
	__skb_push(skb, hlen);
	skb_reset_network_header(skb);
	if (!group || goes_on(group, state))
		return NF_ACCEPT;
	return refuse(group, MCSEC_FORWARD_CLEAR);
}

unsigned int mcsec_forward4(void *priv, struct sk_buff *skb,
			    const struct nf_hook_state *state)
{
	const struct iphdr *iph = ip_hdr(skb);
	struct mcsec_group *group;
	struct mcsec_net *mnet;

	if (likely(!ipv4_is_multicast(iph->daddr)))
		return likely(iph->protocol != IPPROTO_IPIP) ?
		       NF_ACCEPT : tunnel4(skb, state);
	if (iph->protocol == IPPROTO_ESP)
		return NF_ACCEPT;
	mnet = mcsec_net_of(state->net);
	group = mcsec_select4(&mnet->select, skb, state->out);
	if (!group) {
		if (unlikely(ip_is_fragment(iph)) &&
		    mcsec_covered4(&mnet->select, skb))
			return refuse_part(state, MCSEC_FORWARD_CLEAR);
		return NF_ACCEPT;
	}
	/* What stays on its link is not routed. */
	if (group->exempt && !is_routed(skb, state) && mcsec_is_igmp(iph))
		return NF_ACCEPT;
	if (group->forward && is_routed(skb, state))
		return out4(skb, state, group);
	if (goes_on(group, state))
		return NF_ACCEPT;
	return refuse(group, MCSEC_FORWARD_CLEAR);
}

#if IS_ENABLED(CONFIG_IPV6)
static unsigned int out6(struct sk_buff *skb, const struct nf_hook_state *state,
			 struct mcsec_group *group)
{
	struct frame frame = {};
	u8 *nexthdr, next;
	int hlen;

	/* RFC 4303 3.1.1: behind what routers on the way look at, where a
	 * fragment header would go too.
	 */
	hlen = ip6_find_1stfragopt(skb, &nexthdr);
	if (unlikely(ipv6_hdr(skb)->version != 6 || hlen < 0 ||
		     hlen > skb->len || !skb_dst(skb)))
		return refuse(group, MCSEC_OUT_MALFORMED);
	frame.hlen = hlen;
	frame.nhoff = nexthdr - skb_network_header(skb);
	if (unlikely(!pskb_may_pull(skb, hlen)))
		return refuse(group, MCSEC_OUT_MALFORMED);
	next = skb_network_header(skb)[frame.nhoff];
	switch (next) {
	case NEXTHDR_FRAGMENT:
		return refuse(group, MCSEC_OUT_FRAGMENT);
	case NEXTHDR_ESP:
		return refuse(group, MCSEC_OUT_FOREIGN_ESP);
	}
	if (group->exempt && state->hook != NF_INET_FORWARD &&
	    mcsec_is_mld(skb, next, frame.hlen)) {
		mcsec_count(group->stats, MCSEC_OUT_EXEMPT);
		return NF_ACCEPT;
	}
	return out(skb, state, group, &frame);
}

/* Whether it is no whole datagram. */
static bool is_part6(const struct sk_buff *skb)
{
	unsigned int hlen, nhoff;

	return mcsec_walk6(skb, &hlen, &nhoff) == NEXTHDR_FRAGMENT;
}

unsigned int mcsec_out6(void *priv, struct sk_buff *skb,
			const struct nf_hook_state *state)
{
	struct mcsec_group *group;
	struct mcsec_net *mnet;

	if (likely(!ipv6_addr_is_multicast(&ipv6_hdr(skb)->daddr)))
		return NF_ACCEPT;
	mnet = mcsec_net_of(state->net);
	group = mcsec_select6(&mnet->select, skb, leaves_by(skb, state));
	if (group)
		return out6(skb, state, group);
	if (unlikely(is_part6(skb)) && mcsec_covered6(&mnet->select, skb))
		return refuse_part(state, MCSEC_OUT_FRAGMENT);
	return NF_ACCEPT;
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
	struct mcsec_net *mnet;
	bool part = false;
	int next;

	if (likely(!ipv6_addr_is_multicast(&ipv6_hdr(skb)->daddr) ||
		   ipv6_hdr(skb)->nexthdr == NEXTHDR_ESP))
		return NF_ACCEPT;
	next = mcsec_walk6(skb, &hlen, &nhoff);
	/* POST_ROUTING sees fragments where they are looped back. */
	if (next == NEXTHDR_FRAGMENT) {
		part = true;
		next = fragment_of(skb, hlen);
	}
	if (next == NEXTHDR_ESP)
		return NF_ACCEPT;
	mnet = mcsec_net_of(state->net);
	group = mcsec_select6(&mnet->select, skb, state->out);
	if (!group) {
		if (unlikely(part) && mcsec_covered6(&mnet->select, skb))
			return refuse_part(state, MCSEC_FORWARD_CLEAR);
		return NF_ACCEPT;
	}
	/* What stays on its link is not routed. */
	if (group->exempt && !is_routed(skb, state) &&
	    mcsec_is_mld(skb, next, hlen))
		return NF_ACCEPT;
	if (group->forward && is_routed(skb, state))
		return out6(skb, state, group);
	if (goes_on(group, state))
		return NF_ACCEPT;
	return refuse(group, MCSEC_FORWARD_CLEAR);
}
#endif
