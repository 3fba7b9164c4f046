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

#include <linux/icmpv6.h>
#include <linux/igmp.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <net/checksum.h>
#include <net/ip.h>
#include <net/ipv6.h>

/**
 * struct frame - where ESP goes in a datagram
 * @hlen: octets before the payload
 * @nhoff: offset of the octet that names the payload
 */
struct frame {
	unsigned int hlen;
	unsigned int nhoff;
};

static int drop(struct mcsec_group *group, enum mcsec_counter why, int err)
{
	mcsec_count_out_drop(group, why);
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
	struct mcsec_sa_cpu *cpu;
	unsigned int clear;

	mcsec_op_put(op);
	if (unlikely(err)) {
		clear = skb->len - frame.hlen - MCSEC_HEAD - MCSEC_ICV;
		cpu = this_cpu_ptr(sa->cpu);
		cpu->out_failed++;
		cpu->out_failed_bytes += clear;
		/* Nobody may see what the cipher left behind. */
		if (err == -ENOSPC || err == -EBUSY)
			return drop(sa->group, MCSEC_OUT_CRYPTO_BUSY, -ENOBUFS);
		return drop(sa->group, MCSEC_OUT_CRYPTO, -ENOBUFS);
	}
	finish_head(skb, &frame);
	mcsec_count(sa->group->stats, MCSEC_OUT_PROTECTED);
	return 0;
}

static nf_hookfn *hook_of(const struct nf_hook_state *state)
{
	if (IS_ENABLED(CONFIG_IPV6) && state->pf == NFPROTO_IPV6)
		return mcsec_out6;
	return mcsec_out4;
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
		mcsec_count_out_drop(sa->group, MCSEC_OUT_GONE);
		kfree_skb(skb);
	} else if (!mcsec_flight_resume(skb, &flight.state, hook)) {
		mcsec_count_out_drop(sa->group, MCSEC_OUT_GONE);
	}
	mcsec_flight_release(&flight);
	mcsec_sa_put(sa);
	rcu_read_unlock();
	local_bh_enable();
}

/*
 * A datagram that ESP makes larger than the MTU is fragmented on its way out,
 * unless its sender forbids: with IP_PMTUDISC_DO or _PROBE, or by a header of
 * its own. The default, _WANT, sets DF on what fits the MTU before ESP, and
 * leaves ignore_df as its permission.
 */
static bool may_fragment(const struct sk_buff *skb)
{
	const struct iphdr *iph = ip_hdr(skb);

	return skb->ignore_df ||
	       (iph->version == 4 && !(iph->frag_off & htons(IP_DF)));
}

/* Whether the datagram grows beyond what can be sent of it. */
static int check_size(struct sk_buff *skb, struct mcsec_group *group,
		      const struct frame *frame, unsigned int len)
{
	unsigned int total = frame->hlen + mcsec_esp_len(len);
	unsigned int max = IP_MAX_MTU;

	if (ip_hdr(skb)->version == 6)
		max += sizeof(struct ipv6hdr);
	if (unlikely(total > max))
		return drop(group, MCSEC_OUT_TOO_BIG, -EMSGSIZE);
	if (likely(total <= dst_mtu(skb_dst(skb))))
		return 0;
	if (!may_fragment(skb))
		return drop(group, MCSEC_OUT_MTU, -EMSGSIZE);
	if (ip_hdr(skb)->version == 4 &&
	    ip_hdr(skb)->frag_off & htons(IP_DF)) {
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

/*
 * Protect one datagram in place. Returns 0, -EINPROGRESS if the cipher has
 * taken it, or -errno: it is then still the caller's and has been counted.
 */
static int protect(struct sk_buff *skb, const struct nf_hook_state *state,
		   struct mcsec_group *group, const struct frame *frame)
{
	unsigned int len = skb->len - frame->hlen;
	unsigned int text = ALIGN(len + MCSEC_TRAILER, 4);
	unsigned int pad = text - MCSEC_TRAILER - len;
	unsigned int i;
	struct mcsec_esp_hdr *esp;
	struct crypto_aead *tfm;
	struct mcsec_op *op;
	struct mcsec_sa *sa;
	u8 tail[4 + MCSEC_TRAILER];
	u8 next = skb->data[frame->nhoff];
	u64 iv;
	int err, nsg;

	sa = rcu_dereference(group->out);
	if (unlikely(!sa))
		return no_sa(group, MCSEC_OUT_NO_SA);
	tfm = rcu_dereference(sa->tfm);
	switch ((enum mcsec_sa_state)READ_ONCE(sa->state)) {
	case MCSEC_SA_STATE_LIVE:
		break;
	case MCSEC_SA_STATE_EXHAUSTED:
		return no_sa(group, MCSEC_OUT_EXHAUSTED);
	case MCSEC_SA_STATE_EXPIRED:
		return no_sa(group, MCSEC_OUT_EXPIRED);
	}
	/* Wiped between the two reads. */
	if (unlikely(!tfm))
		return no_sa(group, MCSEC_OUT_EXPIRED);

	err = check_size(skb, group, frame, len);
	if (unlikely(err))
		return err;

	if (unlikely(!fill_checksum(skb)))
		return drop(group, MCSEC_OUT_CHECKSUM, -ENOBUFS);

	nsg = mcsec_esp_grow(skb, frame->hlen, text - len + MCSEC_ICV,
			     LL_RESERVED_SPACE(skb_dst(skb)->dev));
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
	esp = (void *)skb->data + frame->hlen;
	esp->spi = sa->spi;
	esp->seq = htonl(lower_32_bits(mcsec_iv_counter(sa, iv)));
	put_unaligned_be64(iv, &esp->iv);

	op->skb = skb;
	op->sa = sa;
	op->done = out_done;
	op->hlen = frame->hlen;
	op->nhoff = frame->nhoff;
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
				struct mcsec_group *group,
				const struct frame *frame)
{
	struct nf_hook_state onward = *state;
	nf_hookfn *hook = hook_of(state);
	struct sk_buff *segs, *seg, *next;
	unsigned int room;
	int err;

	if (!rcu_access_pointer(group->out))
		return NF_DROP_ERR(no_sa(group, MCSEC_OUT_NO_SA));
	/* Told now, while there is one datagram and one sender to tell. */
	room = dst_mtu(skb_dst(skb)) - frame->hlen - MCSEC_HEAD - MCSEC_ICV;
	if (!may_fragment(skb) &&
	    !skb_gso_validate_network_len(skb, frame->hlen +
					  round_down(room, 4) - MCSEC_TRAILER))
		return NF_DROP_ERR(drop(group, MCSEC_OUT_MTU, -EMSGSIZE));
	/* No feature of a device: linear copies with their checksums. */
	segs = skb_gso_segment(skb, 0);
	if (IS_ERR_OR_NULL(segs))
		return NF_DROP_ERR(drop(group, MCSEC_OUT_GSO, -ENOBUFS));
	skb_list_walk_safe(segs, seg, next) {
		skb_mark_not_on_list(seg);
		err = protect(seg, state, group, frame);
		if (!err) {
			if (!mcsec_flight_resume(seg, &onward, hook))
				mcsec_count_out_drop(group, MCSEC_OUT_GONE);
		} else if (err != -EINPROGRESS) {
			kfree_skb(seg);
		}
	}
	consume_skb(skb);
	return NF_STOLEN;
}

static unsigned int out(struct sk_buff *skb, const struct nf_hook_state *state,
			struct mcsec_group *group, const struct frame *frame)
{
	unsigned int verdict;
	int err;

	/* Counters of this CPU, its kept op, and the vector registers. */
	local_bh_disable();
	if (unlikely(skb_is_gso(skb))) {
		verdict = protect_gso(skb, state, group, frame);
	} else {
		err = protect(skb, state, group, frame);
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

unsigned int mcsec_out4(void *priv, struct sk_buff *skb,
			const struct nf_hook_state *state)
{
	struct frame frame = { .nhoff = offsetof(struct iphdr, protocol) };
	struct mcsec_group *group;
	const struct iphdr *iph;

	if (likely(!ipv4_is_multicast(ip_hdr(skb)->daddr)))
		return NF_ACCEPT;
	group = mcsec_group_find4(mcsec_net_of(state->net), ip_hdr(skb)->daddr);
	if (!group)
		return NF_ACCEPT;

	/* Raw sockets may write any header. */
	frame.hlen = ip_hdrlen(skb);
	if (unlikely(ip_hdr(skb)->version != 4 ||
		     frame.hlen < sizeof(*iph) || !skb_dst(skb) ||
		     !pskb_may_pull(skb, frame.hlen))) {
		mcsec_count_out_drop(group, MCSEC_OUT_MALFORMED);
		return NF_DROP;
	}
	iph = ip_hdr(skb);
	if (unlikely(ip_is_fragment(iph))) {
		mcsec_count_out_drop(group, MCSEC_OUT_FRAGMENT);
		return NF_DROP;
	}
	if (iph->protocol == IPPROTO_ESP) {
		mcsec_count_out_drop(group, MCSEC_OUT_FOREIGN_ESP);
		return NF_DROP;
	}
	/* Routers and snooping switches must read it; it stays on the link. */
	if (iph->protocol == IPPROTO_IGMP && iph->ttl == 1) {
		mcsec_count(group->stats, MCSEC_OUT_EXEMPT);
		return NF_ACCEPT;
	}
	return out(skb, state, group, &frame);
}

#if IS_ENABLED(CONFIG_IPV6)
static bool is_mld(struct sk_buff *skb, const struct frame *frame, u8 next)
{
	u8 buf, *type;

	if (next != IPPROTO_ICMPV6 || ipv6_hdr(skb)->hop_limit != 1)
		return false;
	type = skb_header_pointer(skb, frame->hlen, sizeof(buf), &buf);
	return type && (*type == ICMPV6_MGM_QUERY ||
			*type == ICMPV6_MGM_REPORT ||
			*type == ICMPV6_MGM_REDUCTION ||
			*type == ICMPV6_MLD2_REPORT);
}

unsigned int mcsec_out6(void *priv, struct sk_buff *skb,
			const struct nf_hook_state *state)
{
	struct mcsec_group *group;
	struct frame frame;
	u8 *nexthdr, next;
	int hlen;

	if (likely(!ipv6_addr_is_multicast(&ipv6_hdr(skb)->daddr)))
		return NF_ACCEPT;
	group = mcsec_group_find6(mcsec_net_of(state->net),
				  &ipv6_hdr(skb)->daddr);
	if (!group)
		return NF_ACCEPT;

	/* RFC 4303 3.1.1: behind what routers on the way look at, where a
	 * fragment header would go too.
	 */
	hlen = ip6_find_1stfragopt(skb, &nexthdr);
	if (unlikely(ipv6_hdr(skb)->version != 6 || hlen < 0 ||
		     hlen > skb->len || !skb_dst(skb)))
		goto malformed;
	frame.hlen = hlen;
	frame.nhoff = nexthdr - skb_network_header(skb);
	if (unlikely(!pskb_may_pull(skb, hlen)))
		goto malformed;
	next = skb_network_header(skb)[frame.nhoff];
	switch (next) {
	case NEXTHDR_FRAGMENT:
		mcsec_count_out_drop(group, MCSEC_OUT_FRAGMENT);
		return NF_DROP;
	case NEXTHDR_ESP:
		mcsec_count_out_drop(group, MCSEC_OUT_FOREIGN_ESP);
		return NF_DROP;
	}
	if (is_mld(skb, &frame, next)) {
		mcsec_count(group->stats, MCSEC_OUT_EXEMPT);
		return NF_ACCEPT;
	}
	return out(skb, state, group, &frame);

malformed:
	mcsec_count_out_drop(group, MCSEC_OUT_MALFORMED);
	return NF_DROP;
}
#endif
