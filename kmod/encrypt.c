// SPDX-License-Identifier: GPL-2.0-only
/*
 * A datagram of a group becomes ESP, or is dropped and counted.
 *
 * The sender gets EMSGSIZE where only a smaller datagram helps, EPERM where
 * nothing will help, and ENOBUFS where a later datagram may succeed: no SA yet,
 * no memory. Sockets see ENOBUFS only if they asked for errors (IP_RECVERR).
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

static int drop_no_sa(const struct mcsec_pkt *pkt, enum mcsec_counter why)
{
	mcsec_group_acquire(pkt->group);
	return drop_out(pkt, why, -ENOBUFS);
}

/* ---- size ---- */

static unsigned int usable_mtu(const struct mcsec_pkt *pkt, unsigned int mtu)
{
	return mcsec_pmtu_usable(mtu, pkt->hlen, pkt->outer);
}

/* Returns as check_size() does, for more than the path's MTU. */
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
 * Prepare the ESP datagram to be fragmented, which check_size() has permitted.
 */
static int permit_fragments(const struct mcsec_pkt *pkt)
{
	struct sk_buff *skb = pkt->skb;

	if (mcsec_pkt_is_ip6(pkt)) {
		if (pkt->state->hook == NF_INET_FORWARD)
			skb->ignore_df = 1;
		return 0;
	}
	if (pkt->outer || !(ip_hdr(skb)->frag_off & htons(IP_DF)))
		return 0;
	if (skb_ensure_writable(skb, sizeof(struct iphdr)))
		return drop_out(pkt, MCSEC_OUT_NO_MEMORY, -ENOBUFS);
	ip_hdr(skb)->frag_off &= ~htons(IP_DF);
	/* RFC 6864 4.1: a datagram that is not fragmented may have any ID,
	 * mostly 0.
	 */
	__ip_select_ident(pkt->state->net, ip_hdr(skb), 1);
	ip_send_check(ip_hdr(skb));
	return 0;
}

/* ---- payload ---- */

/*
 * Return true if the checksum that was left to the device begins behind the IP
 * header. Who writes to a tap, and a virtual machine, choose where it begins, and
 * Linux 6.1 lets that be in front of the packet.
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

	if (skb->ip_summed != CHECKSUM_PARTIAL)
		goto done;
	if (unlikely(!has_sane_checksum(pkt)))
		return false;
	start = skb_checksum_start_offset(skb);
	field = start + skb->csum_offset;
	if (unlikely(skb_is_nonlinear(skb) || skb_cloned(skb) ||
		     skb_csum_is_sctp(skb) || field + sizeof(sum) > skb->len))
		return !skb_csum_hwoffload_help(skb, 0);
	sum = csum_fold(csum_partial(skb->data + start, skb->len - start, 0));
	/* A checksum of 0 would mean that there is none. */
	*(__sum16 *)(skb->data + field) = sum ?: CSUM_MANGLED_0;
done:
	skb->ip_summed = CHECKSUM_NONE;
	return true;
}

/*
 * Leave @room octets of headroom for an outer header, for which sockets leave
 * none. A datagram that has the tailroom moves up, which is cheaper than a copy.
 */
static noinline int make_outer_room(struct sk_buff *skb, unsigned int room,
				    unsigned int behind)
{
	unsigned int headroom = skb_headroom(skb);
	unsigned int by = ALIGN(room - headroom, 4);

	if (headroom >= room)
		return 0;
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
 * @behind octets at the end, and for the headroom that the device needs.
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
 * (RFC 4303 2.4), and the trailer. The function may write one octet beyond
 * these.
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
 * Set the SA and the cipher to send with. Returns false, and the counter in
 * *@why, if the group has none that may be used.
 */
static bool choose_sa(struct mcsec_pkt *pkt, enum mcsec_counter *why)
{
	struct mcsec_sa *sa = rcu_dereference(pkt->group->out);

	*why = MCSEC_OUT_NO_SA;
	if (unlikely(!sa))
		return false;
	pkt->sa = sa;
	pkt->cipher = rcu_dereference(sa->cipher);
	switch ((enum mcsec_sa_state)READ_ONCE(sa->state)) {
	case MCSEC_SA_STATE_LIVE:
		break;
	case MCSEC_SA_STATE_EXHAUSTED:
		*why = MCSEC_OUT_EXHAUSTED;
		return false;
	case MCSEC_SA_STATE_EXPIRED:
		*why = MCSEC_OUT_EXPIRED;
		return false;
	}
	/* The SA was wiped between the two reads. */
	*why = MCSEC_OUT_EXPIRED;
	return likely(pkt->cipher);
}

/* Account the plaintext to the SA, take an IV and write the ESP header. */
static __always_inline int begin_esp(struct mcsec_pkt *pkt)
{
	struct mcsec_sa *sa = pkt->sa;
	struct mcsec_esp_hdr *esp;
	u64 iv;

	if (unlikely(!mcsec_sa_use_out(sa, pkt->plaintext_len)))
		return drop_no_sa(pkt, MCSEC_OUT_EXPIRED);
	if (unlikely(!mcsec_sa_take_iv(sa, &iv))) {
		this_cpu_inc(sa->cpu->out_failed);
		this_cpu_add(sa->cpu->out_failed_bytes, pkt->plaintext_len);
		return drop_no_sa(pkt, MCSEC_OUT_EXHAUSTED);
	}
	pkt->iv = iv;
	esp = (void *)pkt->skb->data + pkt->hlen;
	esp->spi = sa->spi;
	esp->seq = htonl(lower_32_bits(mcsec_iv_counter(sa, iv)));
	put_unaligned_be64(iv, &esp->iv);
	return 0;
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
 * Drop a packet that the cipher failed on, so that no one sees what is in its
 * buffer.
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

	local_bh_disable();
	rcu_read_lock();
	err = finish_encrypt(pkt, err);
	if (!err && pkt->to_edges)
		mcsec_edge_send(sa->group, pkt->skb, pkt->hlen);
	if (err) {
		kfree_skb(pkt->skb);
	} else if (!deferred->held) {
		mcsec_drop_out(sa->group, MCSEC_OUT_GONE, sa->spi, -1);
		kfree_skb(pkt->skb);
	} else if (!mcsec_deferred_resume(pkt->skb, &deferred->state,
					  pkt->hook)) {
		mcsec_drop_out(sa->group, MCSEC_OUT_GONE, sa->spi, -1);
	}
	mcsec_deferred_release(deferred);
	mcsec_op_put(op);
	mcsec_sa_put(sa);
	rcu_read_unlock();
	local_bh_enable();
}

/*
 * Encrypt one datagram in place, behind the tunnel header @outer if it is not
 * NULL. Returns 0, -EINPROGRESS if the cipher has taken the datagram, or
 * -errno: the caller still owns the datagram, which has been counted.
 */
static __always_inline int encrypt_esp(struct mcsec_pkt *pkt,
				       const struct mcsec_tunnel_hdr *outer)
{
	struct sk_buff *skb = pkt->skb;
	unsigned int len = skb->len - pkt->hlen;
	unsigned int padded = ALIGN(len + MCSEC_TRAILER, 4);
	struct mcsec_op *op;
	int err, nsg;

	pkt->plaintext_len = padded;
	err = check_size(pkt, len);
	if (unlikely(err)) {
		err = err < 0 ? err : permit_fragments(pkt);
		if (err)
			return err;
		pkt->df = false;
	}
	if (unlikely(!fill_checksum(pkt)))
		return drop_out(pkt, MCSEC_OUT_CHECKSUM, -ENOBUFS);
	nsg = make_room(pkt, outer ? pkt->outer : 0, padded - len + MCSEC_ICV);
	if (unlikely(nsg < 0 || !mcsec_op_get(pkt->cipher, nsg, &op)))
		return drop_out(pkt, MCSEC_OUT_NO_MEMORY, -ENOBUFS);
	add_trailer(skb, padded - MCSEC_TRAILER - len, pkt->next);
	err = begin_esp(pkt);
	if (unlikely(err)) {
		mcsec_op_put(op);
		return err;
	}
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

/* The copy out of line keeps the fast path small. */
static noinline int encrypt_esp_slow(struct mcsec_pkt *pkt,
				     const struct mcsec_tunnel_hdr *outer)
{
	return encrypt_esp(pkt, outer);
}

/* Return true for a datagram that IP lets leave no host, or no interface. */
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
 * verified for the group has gone on by them when it arrived, and a gateway that
 * sent it once more would send a new one, which no window drops.
 */
static bool goes_by_edges(const struct mcsec_pkt *pkt)
{
	const struct sk_buff *skb = pkt->skb;

	return mcsec_group_has_edges(pkt->group) && !stays_here(pkt) &&
	       !(mcsec_is_verified(skb, pkt->state->pf) &&
		 mcsec_verified_slot(skb)->group == pkt->group->id);
}

/*
 * Return true if a datagram that must not be fragmented does not fit an edge:
 * its sender is told, and it goes nowhere. Fragments of others are made outside.
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
	/* A cipher may answer after the copy is gone that became this datagram. */
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
	/* There was no memory in prepare_gso(). */
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
	enum mcsec_counter why;
	int err;

	pkt.skb = seg;
	/* An earlier segment may have used up the SA, or it was replaced. */
	err = choose_sa(&pkt, &why) ? encrypt_slow(&pkt)
				    : drop_no_sa(&pkt, why);
	if (err == -EINPROGRESS)
		return;
	if (err)
		kfree_skb(seg);
	else if (!mcsec_deferred_resume(seg, &state, pkt.hook))
		drop_out(&pkt, MCSEC_OUT_GONE, 0);
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
static noinline bool prepare_gso(struct sk_buff *skb)
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

/* Count a datagram without an SA, ask for one, and return the verdict. */
static noinline unsigned int no_sa_verdict(const struct mcsec_pkt *pkt,
					   enum mcsec_counter why)
{
	if (mcsec_group_accept_observed(pkt->group, MCSEC_OUT_OBSERVED)) {
		mcsec_group_acquire(pkt->group);
		return NF_ACCEPT;
	}
	return NF_DROP_ERR(drop_no_sa(pkt, why));
}

unsigned int mcsec_encrypt(struct mcsec_pkt *pkt)
{
	enum mcsec_counter why;
	unsigned int verdict;
	int err;

	/* BH are disabled for the counters of this CPU, its kept op, and the
	 * vector registers.
	 */
	local_bh_disable();
	if (unlikely(!choose_sa(pkt, &why))) {
		verdict = no_sa_verdict(pkt, why);
	} else if (unlikely(skb_is_gso(pkt->skb)) && prepare_gso(pkt->skb)) {
		verdict = encrypt_gso(pkt);
	} else {
		err = encrypt_datagram(pkt);
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
