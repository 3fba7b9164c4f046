// SPDX-License-Identifier: GPL-2.0-only
/*
 * A datagram of a group becomes ESP, or is dropped and counted.
 *
 * The sender gets EMSGSIZE where only a smaller datagram helps, EPERM for what can
 * never be protected, and ENOBUFS otherwise: no SA yet, no memory, a failure of the
 * cipher. Sockets see ENOBUFS only if they asked for errors (IP_RECVERR).
 * Others see a lost datagram, which multicast applications have to expect, so
 * unchanged programs survive the time without a key.
 */
#include "encrypt.h"
#include "compat.h"
#include "edge-output.h"
#include "esp.h"
#include "group.h"
#include "pkt.h"
#include "pmtu.h"
#include "timestamp.h"
#include "trace.h"
#include "tunnel.h"
#include "verified.h"

#include <net/checksum.h>
#include <net/ip.h>
#include <net/ipv6.h>

static int drop_out(const struct mcsec_pkt *pkt, enum mcsec_counter why,
		    int err)
{
	mcsec_drop_out(pkt->group, why, 0, -1);
	return err;
}

/* Drop a packet that has taken an IV, so the trace has its SA and Sender-ID. */
static int drop_sent(const struct mcsec_pkt *pkt, enum mcsec_counter why)
{
	const struct mcsec_sa *sa = pkt->sa;

	mcsec_drop_out(sa->group, why, sa->spi, pkt->iv >> sa->sid_shift);
	return -ENOBUFS;
}

/* ---- size ---- */

static unsigned int usable_mtu(const struct mcsec_pkt *pkt, unsigned int mtu)
{
	return mcsec_pmtu_usable(mtu, pkt->hlen, pkt->outer);
}

/* The rest of check_size(), for more than the path's MTU or than IP can express. */
static noinline int check_large(const struct mcsec_pkt *pkt, unsigned int total,
				unsigned int mtu)
{
	const struct nf_hook_state *state = pkt->state;
	unsigned int max = IP_MAX_MTU;
	unsigned int fits;

	if (mcsec_pkt_is_ip6(pkt))
		max += sizeof(struct ipv6hdr);
	if (unlikely(total > max)) {
		fits = usable_mtu(pkt, max);
		if (!mcsec_pmtu_may_fragment(pkt->skb, state, fits))
			fits = usable_mtu(pkt, min(mtu, max));
		if (state->hook != NF_INET_FORWARD)
			mcsec_pmtu_report(pkt->skb, state, fits);
		return drop_out(pkt, MCSEC_OUT_TOO_BIG, -EMSGSIZE);
	}
	if (total <= mtu)
		return 0;
	fits = usable_mtu(pkt, mtu);
	if (!mcsec_pmtu_may_fragment(pkt->skb, state, fits)) {
		mcsec_pmtu_report(pkt->skb, state, fits);
		return drop_out(pkt, MCSEC_OUT_MTU, -EMSGSIZE);
	}
	return 1;
}

/*
 * Check the size of the ESP datagram for @len octets of payload. Returns 0 if
 * it can be sent, 1 if it must be fragmented, or -EMSGSIZE.
 */
static __always_inline int check_size(const struct mcsec_pkt *pkt,
				      unsigned int len)
{
	unsigned int total = pkt->outer + pkt->hlen + mcsec_esp_len(len);
	unsigned int mtu = dst_mtu(skb_dst(pkt->skb));

	return likely(total <= min_t(unsigned int, mtu, IP_MAX_MTU))
		       ? 0
		       : check_large(pkt, total, mtu);
}

/*
 * Prepare the ESP datagram to be fragmented, which check_size() has permitted. Returns
 * false without memory.
 */
static bool permit_fragments(struct mcsec_pkt *pkt)
{
	struct sk_buff *skb = pkt->skb;

	pkt->df = false;
	if (mcsec_pkt_is_ip6(pkt)) {
		if (pkt->state->hook == NF_INET_FORWARD)
			skb->ignore_df = 1;
		return true;
	}
	if (pkt->outer || !(ip_hdr(skb)->frag_off & htons(IP_DF)))
		return true;
	if (skb_ensure_writable(skb, sizeof(struct iphdr)))
		return false;
	ip_hdr(skb)->frag_off &= ~htons(IP_DF);
	/* RFC 6864 4.1: a datagram that is not fragmented may have any ID,
	 * mostly 0.
	 */
	__ip_select_ident(pkt->state->net, ip_hdr(skb), 1);
	ip_send_check(ip_hdr(skb));
	return true;
}

/* ---- payload ---- */

/*
 * Return true if the checksum that was left to the device begins behind the IP
 * header. A program that writes to a tap, and a virtual machine, choose where it
 * begins, and Linux 6.1 lets that be in front of the packet.
 */
static __always_inline bool has_sane_checksum(const struct mcsec_pkt *pkt)
{
	int hlen = mcsec_pkt_is_ip6(pkt) ? sizeof(struct ipv6hdr)
					 : ip_hdrlen(pkt->skb);

	return skb_checksum_start_offset(pkt->skb) >= hlen;
}

/*
 * Fill in the checksum that was left to the device, which will see ciphertext
 * only. The common case avoids the detours of skb_checksum_help(). Returns false
 * if it cannot be computed.
 */
static __always_inline bool fill_checksum(const struct mcsec_pkt *pkt)
{
	struct sk_buff *skb = pkt->skb;
	unsigned int start, field;
	__sum16 sum;

	if (skb->ip_summed != CHECKSUM_PARTIAL) {
		skb->ip_summed = CHECKSUM_NONE;
		return true;
	}
	if (unlikely(!has_sane_checksum(pkt)))
		return false;
	start = skb_checksum_start_offset(skb);
	field = start + skb->csum_offset;
	if (unlikely(skb_is_nonlinear(skb) || skb_cloned(skb) ||
		     skb_csum_is_sctp(skb) || field + sizeof(sum) > skb->len))
		return !skb_csum_hwoffload_help(skb, 0); /* no device helps */
	sum = csum_fold(csum_partial(skb->data + start, skb->len - start, 0));
	/* A checksum of 0 would mean that there is none. */
	*(__sum16 *)(skb->data + field) = sum ?: CSUM_MANGLED_0;
	skb->ip_summed = CHECKSUM_NONE;
	return true;
}

/*
 * Leave @room octets of headroom for an outer header, for which sockets leave none. A
 * datagram with tailroom for what is missing, and for @behind octets more, moves up in
 * its buffer, which is cheaper than a copy. Returns 0 or -errno.
 */
static noinline int make_outer_room(struct sk_buff *skb, unsigned int room,
				    unsigned int behind)
{
	unsigned int headroom = skb_headroom(skb), by;

	if (headroom >= room)
		return 0;
	by = ALIGN(room - headroom, 4);
	if (skb_cloned(skb) || skb_is_nonlinear(skb) ||
	    skb_tailroom(skb) < by + behind)
		return skb_cow_head(skb, room);
	memmove(skb->data + by, skb->data, skb->len);
	skb_reserve(skb, by);
	skb_reset_network_header(skb);
	return 0;
}

/*
 * Make room for all headers, of which the outer one has @outer octets, for
 * @behind octets at the end, and for the headroom that the device needs. Returns the
 * number of scatterlist entries, or -errno.
 */
static __always_inline int make_room(const struct mcsec_pkt *pkt,
				     unsigned int outer, unsigned int behind)
{
	struct sk_buff *skb = pkt->skb;
	unsigned int room = LL_RESERVED_SPACE(skb_dst(skb)->dev) + outer;

	if (unlikely(outer) && make_outer_room(skb, room + MCSEC_HEAD, behind))
		return -ENOMEM;
	return mcsec_esp_grow(skb, pkt->hlen, behind, room);
}

/*
 * Write the end of the plaintext: up to 3 octets of padding, which count from 1
 * (RFC 4303 2.4), and the trailer. The octet beyond may be overwritten.
 */
static void fill_trailer(u8 *at, unsigned int pad, u8 next)
{
	put_unaligned_be32(0x01020300, at);
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

static void add_trailer(struct sk_buff *skb, unsigned int pad, u8 next)
{
	/* The octet beyond the trailer belongs to the ICV, which is not written
	 * yet.
	 */
	if (likely(!skb_is_nonlinear(skb)))
		fill_trailer(skb_tail_pointer(skb) - MCSEC_ICV - MCSEC_TRAILER -
				     pad,
			     pad, next);
	else
		store_trailer(skb, pad, next);
}

/* ---- the SA ---- */

/*
 * Set the SA and the cipher to send with. Returns 0, or an error of lacks_sa() if the
 * group has none that may be used.
 */
static int choose_sa(struct mcsec_pkt *pkt)
{
	struct mcsec_sa *sa = rcu_dereference(pkt->group->out);

	if (unlikely(!sa))
		return -ENOKEY;
	pkt->sa = sa;
	pkt->cipher = rcu_dereference(sa->cipher);
	switch ((enum mcsec_sa_state)READ_ONCE(sa->state)) {
	case MCSEC_SA_STATE_LIVE:
		break;
	case MCSEC_SA_STATE_EXHAUSTED:
		return -EOVERFLOW;
	case MCSEC_SA_STATE_EXPIRED:
		return -EKEYEXPIRED;
	}
	/* NULL if the SA was wiped between the two reads. */
	return likely(pkt->cipher) ? 0 : -EKEYEXPIRED;
}

/*
 * Account the plaintext to the SA, and take an IV. Returns 0 or an error of
 * lacks_sa().
 */
static __always_inline int take_iv(struct mcsec_pkt *pkt)
{
	struct mcsec_sa *sa = pkt->sa;

	if (unlikely(!mcsec_sa_use_out(sa, pkt->plaintext_len)))
		return -EKEYEXPIRED;
	if (likely(mcsec_sa_take_iv(sa, &pkt->iv)))
		return 0;
	this_cpu_inc(sa->cpu->out_failed);
	this_cpu_add(sa->cpu->out_failed_bytes, pkt->plaintext_len);
	return -EOVERFLOW;
}

static __always_inline void write_esp(const struct mcsec_pkt *pkt)
{
	struct mcsec_esp_hdr *esp = (void *)pkt->skb->data + pkt->hlen;
	const struct mcsec_sa *sa = pkt->sa;

	esp->spi = sa->spi;
	esp->seq = htonl(lower_32_bits(mcsec_iv_counter(sa, pkt->iv)));
	put_unaligned_be64(pkt->iv, &esp->iv);
}

/*
 * Judge a datagram that was not encrypted because of @err. One that lacks an SA has not
 * been changed yet: userspace is asked for an SA, and the datagram goes on in the clear
 * if its group observes. Returns 0 then, or @err for all others, which were counted.
 */
static noinline int lacks_sa(const struct mcsec_pkt *pkt, int err)
{
	enum mcsec_counter why;

	switch (err) {
	case -ENOKEY:
		why = MCSEC_OUT_NO_SA;
		break;
	case -EOVERFLOW:
		why = MCSEC_OUT_EXHAUSTED;
		break;
	case -EKEYEXPIRED:
		why = MCSEC_OUT_EXPIRED;
		break;
	default:
		return err;
	}
	mcsec_group_acquire(pkt->group);
	return mcsec_group_accept_observed(pkt->group, MCSEC_OUT_OBSERVED)
		       ? 0
		       : drop_out(pkt, why, -ENOBUFS);
}

/* ---- one datagram ---- */

/*
 * Set the protocol of the IP header to ESP, and its length to that of the ESP
 * datagram.
 */
static __always_inline void finish_header(const struct mcsec_pkt *pkt,
					  struct sk_buff *skb)
{
	if (!mcsec_pkt_is_ip6(pkt)) {
		mcsec_header_become(ip_hdr(skb), skb->len, IPPROTO_ESP);
	} else {
		skb->data[pkt->nhoff] = IPPROTO_ESP;
		ipv6_hdr(skb)->payload_len =
			htons(skb->len - sizeof(struct ipv6hdr));
	}
	/* Connection tracking must not translate the ESP datagram by a
	 * connection that it found for the ports of the clear one.
	 */
	nf_reset_ct(skb);
	skb->encapsulation = 0;
}

/*
 * Count a packet with an IV that is not encrypted. The caller frees it: its buffer may
 * have the payload, in part encrypted.
 */
static noinline int drop_failed(const struct mcsec_pkt *pkt, int err)
{
	const struct mcsec_sa *sa = pkt->sa;

	this_cpu_inc(sa->cpu->out_failed);
	this_cpu_add(sa->cpu->out_failed_bytes, pkt->plaintext_len);
	if (err == -ENOSPC || err == -EBUSY)
		return drop_sent(pkt, MCSEC_OUT_CRYPTO_BUSY);
	if (err == -ENOMEM)
		return drop_sent(pkt, MCSEC_OUT_NO_MEMORY);
	return drop_sent(pkt, MCSEC_OUT_CRYPTO);
}

/* Finish a packet for which the cipher returned @err. */
static __always_inline int finish_encrypt(const struct mcsec_pkt *pkt, int err)
{
	const struct mcsec_sa *sa = pkt->sa;
	struct sk_buff *skb = pkt->skb;

	if (unlikely(err))
		return drop_failed(pkt, err);
	finish_header(pkt, skb);
	mcsec_timestamp_keep(skb);
	mcsec_count(sa->group->stats, MCSEC_OUT_PROTECTED);
	trace_mcsec_protect(skb, sa, pkt->iv);
	return 0;
}

/* Completion of an asynchronous cipher: in softirq, or in a worker. */
static void encrypt_done(struct mcsec_op *op, int err)
{
	struct mcsec_deferred *deferred = &op->deferred;
	const struct mcsec_pkt *pkt = &op->pkt;
	struct mcsec_sa *sa = pkt->sa;
	bool gone = !deferred->held;

	local_bh_disable();
	rcu_read_lock();
	err = finish_encrypt(pkt, err);
	if (!err && pkt->to_edges)
		mcsec_edge_send(sa->group, pkt->skb, pkt->hlen);
	if (err || gone)
		kfree_skb(pkt->skb);
	else
		gone = !mcsec_deferred_resume(pkt->skb, &deferred->state,
					      pkt->hook);
	if (!err && gone)
		drop_sent(pkt, MCSEC_OUT_GONE);
	mcsec_deferred_release(deferred);
	mcsec_op_put(op);
	mcsec_sa_put(sa);
	rcu_read_unlock();
	local_bh_enable();
}

/*
 * Encrypt one datagram in place, behind the tunnel header @outer if it is not
 * NULL. Returns 0, -EINPROGRESS if the cipher has taken the datagram, or
 * -errno, which lacks_sa() judges: the caller still owns the datagram. All that can
 * leave it to a group that observes is done before it is changed.
 */
static __always_inline int encrypt_esp(struct mcsec_pkt *pkt,
				       const struct mcsec_tunnel_hdr *outer)
{
	struct sk_buff *skb = pkt->skb;
	unsigned int len = skb->len - pkt->hlen;
	unsigned int padded = ALIGN(len + MCSEC_TRAILER, 4);
	int err, nsg, too_big;
	struct mcsec_op *op;

	pkt->plaintext_len = padded;
	too_big = check_size(pkt, len);
	if (unlikely(too_big < 0))
		return too_big;
	if (unlikely(!fill_checksum(pkt)))
		return drop_out(pkt, MCSEC_OUT_CHECKSUM, -ENOBUFS);
	err = take_iv(pkt);
	if (unlikely(err))
		return err;
	if (unlikely(too_big) && !permit_fragments(pkt))
		return drop_failed(pkt, -ENOMEM);
	nsg = make_room(pkt, outer ? pkt->outer : 0, padded - len + MCSEC_ICV);
	if (unlikely(nsg < 0 || !mcsec_op_get(pkt->cipher, nsg, &op)))
		return drop_failed(pkt, -ENOMEM);
	add_trailer(skb, padded - MCSEC_TRAILER - len, pkt->next);
	write_esp(pkt);
	if (unlikely(outer)) {
		mcsec_tunnel_push(skb, outer, pkt->state->net, pkt->outer,
				  pkt->df);
		pkt->hlen = pkt->outer;
	}
	err = mcsec_op_encrypt(op, pkt, nsg);
	if (unlikely(err == -EINPROGRESS)) {
		mcsec_sa_hold(pkt->sa);
		mcsec_op_park(op, pkt, encrypt_done);
		return -EINPROGRESS;
	}
	mcsec_op_put(op);
	return finish_encrypt(pkt, err);
}

/* Out of line, so that the inlined fast path stays small. */
static noinline int encrypt_esp_slow(struct mcsec_pkt *pkt,
				     const struct mcsec_tunnel_hdr *outer)
{
	return encrypt_esp(pkt, outer);
}

/* Return true for a datagram that must not leave this host, or its interface. */
static bool stays_here(const struct mcsec_pkt *pkt)
{
	const struct sk_buff *skb = pkt->skb;

	if (!mcsec_pkt_is_ip6(pkt))
		return !ip_hdr(skb)->ttl;
	return !ipv6_hdr(skb)->hop_limit ||
	       IPV6_ADDR_MC_SCOPE(&ipv6_hdr(skb)->daddr) <=
		       IPV6_ADDR_SCOPE_NODELOCAL;
}

/*
 * Return true for a datagram that goes by the edges of its group. One that was
 * verified for the group has gone on by them when it arrived. A gateway that
 * protects it again uses a new IV, so no window would drop the second copy.
 */
static bool goes_by_edges(const struct mcsec_pkt *pkt)
{
	const struct sk_buff *skb = pkt->skb;

	return mcsec_group_has_edges(pkt->group) && !stays_here(pkt) &&
	       !(mcsec_is_verified(skb, pkt->state->pf) &&
		 mcsec_verified_slot(skb)->group == pkt->group->id);
}

/*
 * Drop a datagram that must not be fragmented and does not fit each edge, tell its
 * sender, and return true. Others are fragmented outside of ESP.
 */
static noinline bool edges_refuse(const struct mcsec_pkt *pkt)
{
	struct sk_buff *skb = pkt->skb;
	unsigned int room;

	/* Most may be fragmented whatever the room is. */
	if (mcsec_pmtu_may_fragment(skb, pkt->state, IPV6_MIN_MTU))
		return false;
	room = mcsec_edge_room(pkt->group);
	if (skb->len <= room || mcsec_pmtu_may_fragment(skb, pkt->state, room))
		return false;
	mcsec_pmtu_report(skb, pkt->state, room);
	drop_out(pkt, MCSEC_OUT_MTU, -EMSGSIZE);
	return true;
}

/* Encrypt a datagram in tunnel mode, or a segment of a GSO packet. */
static noinline int encrypt_slow(struct mcsec_pkt *pkt)
{
	struct mcsec_tunnel_hdr outer;
	int err;

	pkt->outer = 0;
	pkt->to_edges = false;
	if (pkt->sa->mode != MCSEC_MODE_TUNNEL)
		return encrypt_esp_slow(pkt, NULL);
	/* Receivers parse hop-by-hop options before ESP only, so an inner
	 * datagram that has them would be dropped.
	 */
	if (unlikely(mcsec_pkt_is_ip6(pkt) &&
		     ipv6_hdr(pkt->skb)->nexthdr == NEXTHDR_HOP))
		return drop_out(pkt, MCSEC_OUT_OPTIONS, -EPERM);
	/* Asked before an asynchronous cipher, which may finish when the task has
	 * left mcsec_edge_send().
	 */
	pkt->to_edges = goes_by_edges(pkt) && mcsec_edge_may_send(pkt->group);
	if (pkt->to_edges && edges_refuse(pkt))
		return -EMSGSIZE;
	pkt->df = !mcsec_pkt_is_ip6(pkt) &&
		  ip_hdr(pkt->skb)->frag_off & htons(IP_DF);
	pkt->next = mcsec_tunnel_build(&outer, pkt->skb, &pkt->nhoff);
	pkt->outer = mcsec_tunnel_len(pkt->skb);
	pkt->hlen = 0;
	err = encrypt_esp_slow(pkt, &outer);
	if (!err && pkt->to_edges)
		mcsec_edge_send(pkt->group, pkt->skb, pkt->hlen);
	return err;
}

/* Encrypt a datagram that is no segment, mostly in transport mode. */
static __always_inline int encrypt_datagram(struct mcsec_pkt *pkt)
{
	if (unlikely(pkt->sa->mode == MCSEC_MODE_TUNNEL))
		return encrypt_slow(pkt);
	pkt->outer = 0;
	pkt->to_edges = false;
	return encrypt_esp(pkt, NULL);
}

/* ---- GSO ---- */

/*
 * Check the size of a GSO packet while it is one datagram, whose sender gets one
 * error.
 */
static int check_gso(const struct mcsec_pkt *pkt)
{
	struct mcsec_pkt one = *pkt;
	struct sk_buff *skb = pkt->skb;
	unsigned int room;

	one.outer = 0;
	if (pkt->sa->mode == MCSEC_MODE_TUNNEL) {
		one.hlen = 0;
		one.outer = mcsec_tunnel_len(skb);
	}
	room = usable_mtu(&one, dst_mtu(skb_dst(skb)));
	if (goes_by_edges(pkt))
		room = min(room, mcsec_edge_room(pkt->group));
	if (!mcsec_pmtu_may_fragment(skb, pkt->state, room) &&
	    !skb_gso_validate_network_len(skb, room)) {
		mcsec_pmtu_report(skb, pkt->state, room);
		return drop_out(pkt, MCSEC_OUT_MTU, -EMSGSIZE);
	}
	/* There was no memory in must_segment(). */
	if (unlikely(skb_shinfo(skb)->gso_type & SKB_GSO_UDP))
		return drop_out(pkt, MCSEC_OUT_NO_MEMORY, -ENOBUFS);
	return 0;
}

/*
 * Encrypt @seg, which is a segment of @gso, and continue it behind the hook.
 */
static void encrypt_segment(const struct mcsec_pkt *gso, struct sk_buff *seg)
{
	/* Hooks behind ours may write to the state of their segment. */
	struct nf_hook_state state = *gso->state;
	struct mcsec_pkt pkt = *gso;
	int err;

	pkt.skb = seg;
	pkt.iv = 0;
	/* An earlier segment may have used up the SA, or it was replaced. */
	err = choose_sa(&pkt) ?: encrypt_slow(&pkt);
	if (unlikely(err))
		err = lacks_sa(&pkt, err);
	if (err == -EINPROGRESS)
		return;
	if (err)
		kfree_skb(seg);
	else if (!mcsec_deferred_resume(seg, &state, pkt.hook))
		drop_sent(&pkt, MCSEC_OUT_GONE);
}

/* Segment a GSO packet in software, and encrypt each segment. */
static noinline unsigned int encrypt_gso(const struct mcsec_pkt *pkt)
{
	struct sk_buff *segs, *seg, *next;
	int err;

	err = check_gso(pkt);
	if (err)
		return NF_DROP_ERR(err);
	/* Without device features the segments are linear copies with
	 * checksums.
	 */
	segs = skb_gso_segment(pkt->skb, 0);
	if (IS_ERR_OR_NULL(segs))
		return NF_DROP_ERR(drop_out(pkt, MCSEC_OUT_GSO, -ENOBUFS));
	/* The packet is freed here, because the first skb of a list that GRO
	 * made is the packet itself, with a second reference.
	 */
	consume_skb(pkt->skb);
	skb_list_walk_safe(segs, seg, next) {
		skb_mark_not_on_list(seg);
		encrypt_segment(pkt, seg);
	}
	return NF_STOLEN;
}

/*
 * Return true if a GSO packet must be segmented before ESP. The segments of UFO,
 * which virtual machines send, are fragments of one datagram: it becomes a packet
 * without GSO here, is encrypted whole, and is fragmented behind ESP.
 */
static noinline bool must_segment(struct sk_buff *skb)
{
	if (!(skb_shinfo(skb)->gso_type & SKB_GSO_UDP))
		return true;
	if (skb_unclone(skb, GFP_ATOMIC))
		return true;
	skb_gso_reset(skb);
	/* The sender left fragmentation to the device, so it is permitted. */
	skb->ignore_df = 1;
	return false;
}

unsigned int mcsec_encrypt(struct mcsec_pkt *pkt)
{
	unsigned int verdict;
	int err;

	/* BH are disabled for the counters of this CPU, its kept op, and the
	 * vector registers.
	 */
	local_bh_disable();
	err = choose_sa(pkt);
	if (unlikely(!err && skb_is_gso(pkt->skb)) && must_segment(pkt->skb)) {
		verdict = encrypt_gso(pkt);
		goto out;
	}
	if (likely(!err))
		err = encrypt_datagram(pkt);
	if (unlikely(err))
		err = lacks_sa(pkt, err);
	if (likely(!err))
		verdict = NF_ACCEPT;
	else
		verdict = err == -EINPROGRESS ? NF_STOLEN : NF_DROP_ERR(err);
out:
	local_bh_enable();
	return verdict;
}
