// SPDX-License-Identifier: GPL-2.0-only
/*
 * A datagram of a group becomes ESP, or is dropped and counted.
 *
 * What the sender is told: EMSGSIZE where only a smaller datagram helps, EPERM
 * where nothing will help, and ENOBUFS where the next one may do better - no
 * SA yet, no memory. Sockets see the last only if they asked for errors
 * (IP_RECVERR); others see a lost datagram, which is what multicast is like,
 * so that programs that cannot change live through the time without a key.
 */
#include "encrypt.h"
#include "compat.h"
#include "esp.h"
#include "group.h"
#include "tunnel.h"
#include "pmtu.h"
#include "timestamp.h"
#include "trace.h"

#include <net/checksum.h>
#include <net/ip.h>
#include <net/ipv6.h>

static int drop_out(struct mcsec_group *group, enum mcsec_counter why, int err)
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
static __always_inline void finish_head(struct sk_buff *skb, unsigned int nhoff)
{
	struct iphdr *iph = ip_hdr(skb);

	skb->data[nhoff] = IPPROTO_ESP;
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

/* Nobody may see what the cipher left behind. */
static noinline int out_failed(const struct mcsec_sa *sa, u64 iv,
			       unsigned int clear, int err)
{
	this_cpu_inc(sa->cpu->out_failed);
	this_cpu_add(sa->cpu->out_failed_bytes, clear);
	if (err == -ENOSPC || err == -EBUSY)
		return drop_sent(sa, iv, MCSEC_OUT_CRYPTO_BUSY, -ENOBUFS);
	if (err == -ENOMEM)
		return drop_sent(sa, iv, MCSEC_OUT_NO_MEMORY, -ENOBUFS);
	return drop_sent(sa, iv, MCSEC_OUT_CRYPTO, -ENOBUFS);
}

static __always_inline int out_finish(struct mcsec_op *op, int err)
{
	unsigned int hlen = op->hlen, nhoff = op->nhoff;
	struct mcsec_sa *sa = op->sa;
	struct sk_buff *skb = op->skb;
	const struct mcsec_esp_hdr *esp;
	u64 iv;

	mcsec_op_put(op);
	esp = (void *)skb->data + hlen;
	iv = get_unaligned_be64(&esp->iv);
	if (unlikely(err))
		return out_failed(sa, iv,
				  skb->len - hlen - MCSEC_HEAD - MCSEC_ICV,
				  err);
	finish_head(skb, nhoff);
	mcsec_timestamp_keep(skb);
	mcsec_count(sa->group->stats, MCSEC_OUT_PROTECTED);
	trace_mcsec_protect(skb, sa, iv);
	return 0;
}

/* The cipher answered later: in softirq, or in a worker. */
static void out_done(struct mcsec_op *op, int err)
{
	struct mcsec_deferred deferred = op->deferred;
	struct sk_buff *skb = op->skb;
	struct mcsec_sa *sa = op->sa;
	nf_hookfn *hook = op->hook;

	local_bh_disable();
	rcu_read_lock();
	if (out_finish(op, err)) {
		kfree_skb(skb);
	} else if (!deferred.held) {
		mcsec_drop_out(sa->group, MCSEC_OUT_GONE, sa->spi, -1);
		kfree_skb(skb);
	} else if (!mcsec_deferred_resume(skb, &deferred.state, hook)) {
		mcsec_drop_out(sa->group, MCSEC_OUT_GONE, sa->spi, -1);
	}
	mcsec_deferred_release(&deferred);
	mcsec_sa_put(sa);
	rcu_read_unlock();
	local_bh_enable();
}

static unsigned int usable_mtu(unsigned int mtu,
			       const struct mcsec_frame *frame)
{
	return mcsec_pmtu_usable(mtu, frame->hlen, frame->outer);
}

/*
 * Whether the datagram grows beyond what can be sent of it. *@whole: it must
 * not be fragmented.
 */
static int check_size(struct sk_buff *skb, const struct nf_hook_state *state,
		      struct mcsec_group *group,
		      const struct mcsec_frame *frame, unsigned int len,
		      bool *whole)
{
	unsigned int total = frame->outer + frame->hlen + mcsec_esp_len(len);
	unsigned int mtu = dst_mtu(skb_dst(skb));
	unsigned int max = IP_MAX_MTU;
	unsigned int fits;

	if (ip_hdr(skb)->version == 6)
		max += sizeof(struct ipv6hdr);
	if (unlikely(total > max)) {
		fits = usable_mtu(max, frame);
		if (!mcsec_pmtu_may_fragment(skb, state, fits))
			fits = usable_mtu(min(mtu, max), frame);
		if (state->hook != NF_INET_FORWARD)
			mcsec_pmtu_tell(skb, state, fits);
		return drop_out(group, MCSEC_OUT_TOO_BIG, -EMSGSIZE);
	}
	*whole = ip_hdr(skb)->version == 4 &&
		 ip_hdr(skb)->frag_off & htons(IP_DF);
	if (likely(total <= mtu))
		return 0;
	fits = usable_mtu(mtu, frame);
	if (!mcsec_pmtu_may_fragment(skb, state, fits)) {
		mcsec_pmtu_tell(skb, state, fits);
		return drop_out(group, MCSEC_OUT_MTU, -EMSGSIZE);
	}
	*whole = false;
	if (ip_hdr(skb)->version == 6 || frame->outer)
		return 0;
	if (ip_hdr(skb)->frag_off & htons(IP_DF)) {
		if (skb_ensure_writable(skb, sizeof(struct iphdr)))
			return drop_out(group, MCSEC_OUT_NO_MEMORY, -ENOBUFS);
		ip_hdr(skb)->frag_off &= ~htons(IP_DF);
		/* RFC 6864 4.1: without fragments it could be any, mostly 0. */
		__ip_select_ident(state->net, ip_hdr(skb), 1);
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

static int drop_no_sa(struct mcsec_group *group, enum mcsec_counter why)
{
	mcsec_group_acquire(group);
	return drop_out(group, why, -ENOBUFS);
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

/* The end of ESP's text: padding (RFC 4303 2.4: it counts from 1), trailer. */
static void fill_trailer(u8 *at, unsigned int pad, u8 next)
{
	unsigned int i;

	for (i = 0; i < pad; i++)
		at[i] = i + 1;
	at[pad] = pad;
	at[pad + 1] = next;
}

static noinline void store_trailer(struct sk_buff *skb, unsigned int pad,
				   u8 next)
{
	u8 tail[4 + MCSEC_TRAILER];

	fill_trailer(tail, pad, next);
	skb_store_bits(skb, skb->len - MCSEC_ICV - MCSEC_TRAILER - pad, tail,
		       pad + MCSEC_TRAILER);
}

/*
 * Protect one datagram in place; @outer: with that in front, @next inside.
 * Returns 0, -EINPROGRESS if the cipher has taken it, or -errno: it is then still
 * the caller's and has been counted.
 */
static int protect_as(struct sk_buff *skb, const struct nf_hook_state *state,
		      struct mcsec_group *group, struct mcsec_sa *sa,
		      struct crypto_aead *tfm, const struct mcsec_frame *frame,
		      const struct mcsec_tunnel_hdr *outer, u8 next)
{
	unsigned int outer_len = outer ? frame->outer : 0;
	unsigned int hlen = frame->hlen;
	unsigned int len = skb->len - hlen;
	unsigned int text = ALIGN(len + MCSEC_TRAILER, 4);
	unsigned int pad = text - MCSEC_TRAILER - len;
	unsigned int room;
	struct mcsec_esp_hdr *esp;
	struct mcsec_op *op;
	int err, nsg;
	bool whole;
	u64 iv;

	err = check_size(skb, state, group, frame, len, &whole);
	if (unlikely(err))
		return err;

	if (unlikely(!fill_checksum(skb)))
		return drop_out(group, MCSEC_OUT_CHECKSUM, -ENOBUFS);

	room = LL_RESERVED_SPACE(skb_dst(skb)->dev) + outer_len;
	if (unlikely(outer) && skb_cow_head(skb, room + MCSEC_HEAD))
		return drop_out(group, MCSEC_OUT_NO_MEMORY, -ENOBUFS);
	nsg = mcsec_esp_grow(skb, hlen, text - len + MCSEC_ICV, room);
	if (unlikely(nsg < 0))
		return drop_out(group, MCSEC_OUT_NO_MEMORY, -ENOBUFS);
	op = mcsec_op_get(tfm, nsg);
	if (unlikely(!op))
		return drop_out(group, MCSEC_OUT_NO_MEMORY, -ENOBUFS);

	if (likely(!skb_is_nonlinear(skb)))
		fill_trailer(skb_tail_pointer(skb) - MCSEC_ICV - MCSEC_TRAILER -
				     pad,
			     pad, next);
	else
		store_trailer(skb, pad, next);

	if (unlikely(!mcsec_sa_use_out(sa, text))) {
		mcsec_op_put(op);
		return drop_no_sa(group, MCSEC_OUT_EXPIRED);
	}
	if (unlikely(!mcsec_sa_take_iv(sa, &iv))) {
		this_cpu_inc(sa->cpu->out_failed);
		this_cpu_add(sa->cpu->out_failed_bytes, text);
		mcsec_op_put(op);
		return drop_no_sa(group, MCSEC_OUT_EXHAUSTED);
	}
	esp = (void *)skb->data + hlen;
	esp->spi = sa->spi;
	esp->seq = htonl(lower_32_bits(mcsec_iv_counter(sa, iv)));
	put_unaligned_be64(iv, &esp->iv);

	if (unlikely(outer))
		mcsec_tunnel_push(skb, outer, state->net, outer_len, whole);
	op->skb = skb;
	op->sa = sa;
	op->done = out_done;
	op->hook = frame->hook;
	op->hlen = hlen + outer_len;
	op->nhoff = frame->nhoff;
	err = mcsec_op_encrypt(op, tfm, nsg);
	if (unlikely(err == -EINPROGRESS)) {
		mcsec_sa_hold(sa);
		mcsec_op_park(op, state);
		return -EINPROGRESS;
	}
	return out_finish(op, err);
}

static noinline int protect_whole(struct sk_buff *skb,
				  const struct nf_hook_state *state,
				  struct mcsec_group *group,
				  struct mcsec_sa *sa, struct crypto_aead *tfm,
				  const struct mcsec_frame *frame)
{
	struct mcsec_frame around = { .hook = frame->hook };
	struct mcsec_tunnel_hdr outer;
	u8 next;

	/* No receiver takes them: IP reads them before ESP alone. */
	if (unlikely(ip_hdr(skb)->version == 6 &&
		     ipv6_hdr(skb)->nexthdr == NEXTHDR_HOP))
		return drop_out(group, MCSEC_OUT_OPTIONS, -EPERM);
	next = mcsec_tunnel_of(&outer, skb, &around.outer, &around.nhoff);
	return protect_as(skb, state, group, sa, tfm, &around, &outer, next);
}

static __always_inline int
protect_frame(struct sk_buff *skb, const struct nf_hook_state *state,
	      struct mcsec_group *group, struct mcsec_sa *sa,
	      struct crypto_aead *tfm, const struct mcsec_frame *frame)
{
	if (unlikely(sa->mode == MCSEC_MODE_TUNNEL))
		return protect_whole(skb, state, group, sa, tfm, frame);
	return protect_as(skb, state, group, sa, tfm, frame, NULL,
			  skb->data[frame->nhoff]);
}

/* A datagram that the device was to cut: cut it here, protect each part. */
static noinline unsigned int
protect_gso(struct sk_buff *skb, const struct nf_hook_state *state,
	    struct mcsec_group *group, struct mcsec_sa *sa,
	    struct crypto_aead *tfm, const struct mcsec_frame *frame)
{
	struct nf_hook_state onward = *state;
	struct sk_buff *segs, *seg, *next;
	struct mcsec_frame one = *frame;
	enum mcsec_counter why;
	unsigned int room;
	int err;

	if (sa->mode == MCSEC_MODE_TUNNEL) {
		one.hlen = 0;
		one.outer = mcsec_tunnel_len(skb);
	}
	/* Told now, while there is one datagram and one sender to tell. */
	room = usable_mtu(dst_mtu(skb_dst(skb)), &one);
	if (!mcsec_pmtu_may_fragment(skb, state, room) &&
	    !skb_gso_validate_network_len(skb, room)) {
		mcsec_pmtu_tell(skb, state, room);
		return NF_DROP_ERR(drop_out(group, MCSEC_OUT_MTU, -EMSGSIZE));
	}
	/* There was no memory to make it one. */
	if (unlikely(skb_shinfo(skb)->gso_type & SKB_GSO_UDP)) {
		err = drop_out(group, MCSEC_OUT_NO_MEMORY, -ENOBUFS);
		return NF_DROP_ERR(err);
	}
	/* No feature of a device: linear copies with their checksums. */
	segs = skb_gso_segment(skb, 0);
	if (IS_ERR_OR_NULL(segs))
		return NF_DROP_ERR(drop_out(group, MCSEC_OUT_GSO, -ENOBUFS));
	/* Now: of a list that GRO made it is the first of them, held twice. */
	consume_skb(skb);
	skb_list_walk_safe(segs, seg, next) {
		skb_mark_not_on_list(seg);
		if (sa)
			err = protect_frame(seg, state, group, sa, tfm, frame);
		else
			err = drop_no_sa(group, why);
		if (!err) {
			if (!mcsec_deferred_resume(seg, &onward, frame->hook))
				drop_out(group, MCSEC_OUT_GONE, 0);
		} else if (err != -EINPROGRESS) {
			kfree_skb(seg);
		}
		/* It may have used itself up, or have been replaced. */
		sa = sending_sa(group, &tfm, &why);
	}
	return NF_STOLEN;
}

/*
 * Of UFO's batches, which come out of virtual machines, the parts are fragments
 * of one datagram: it is protected as it is, and fragmented behind ESP. Returns
 * whether @skb is none of those.
 */
static noinline bool is_batch(struct sk_buff *skb)
{
	if (!(skb_shinfo(skb)->gso_type & SKB_GSO_UDP))
		return true;
	if (skb_unclone(skb, GFP_ATOMIC))
		return true;
	skb_gso_reset(skb);
	/* Its sender would have had it fragmented. */
	skb->ignore_df = 1;
	return false;
}

unsigned int mcsec_encrypt(struct sk_buff *skb,
			   const struct nf_hook_state *state,
			   struct mcsec_group *group,
			   const struct mcsec_frame *frame)
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
			verdict = NF_DROP_ERR(drop_no_sa(group, why));
		}
	} else if (unlikely(skb_is_gso(skb)) && is_batch(skb)) {
		verdict = protect_gso(skb, state, group, sa, tfm, frame);
	} else {
		err = protect_frame(skb, state, group, sa, tfm, frame);
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
