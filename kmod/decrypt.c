// SPDX-License-Identifier: GPL-2.0-only
/*
 * An ESP datagram of an SA becomes the datagram that was sent, or is dropped
 * and counted. The order is that of RFC 4303 3.4.3: check the window, verify,
 * then check again and advance. A datagram that does not verify changes no
 * state but counters.
 *
 * mcsec_decrypt() -> decrypt_esp() -> cipher -> finish_decrypt() -> decap_esp(). The
 * parameter @edges is a constant of each caller, so groups without edges have code
 * without them.
 */
#include "decrypt.h"
#include "compat.h"
#include "edge.h"
#include "edge-output.h"
#include "esp.h"
#include "group.h"
#include "icmp.h"
#include "pkt.h"
#include "trace.h"
#include "tunnel.h"
#include "verified.h"

#include <net/ip.h>
#include <net/ipv6.h>

u64 mcsec_verified_cookie __read_mostly;

/*
 * RFC 4303 2.6: a dummy packet for traffic flow confidentiality, which the
 * receiver discards.
 */
#define DUMMY IPPROTO_NONE

/*
 * Count and trace a datagram that is dropped. is_answered() drops some that
 * mcsec_icmp_check_request() has counted.
 */
static int drop_esp(const struct mcsec_pkt *pkt, enum mcsec_counter why)
{
	const struct mcsec_sa *sa = pkt->sa;

	mcsec_drop_in(sa->group, why, sa->spi, pkt->iv >> sa->sid_shift);
	return -EBADMSG;
}

/*
 * Return the user under which inner fragments are reassembled: one per SA.
 * Fragments in the clear, and those of other SAs, are therefore never combined
 * with those of this SA. They can still keep a datagram from becoming complete,
 * because all queues share the namespace's memory and IPv4 counts the fragments
 * of an address for all users together (ipfrag_max_dist). The users of IP itself
 * are small numbers. An SA has been gone for longer than fragments wait when
 * another one gets its number.
 */
static u32 defrag_user(const struct mcsec_sa *sa)
{
	return BIT(31) | lower_32_bits(sa->id);
}

/*
 * Tunnel mode: replace the outer datagram by the inner one, with the changes
 * that routers made to the outer header. An inner fragment waits for the rest,
 * because groups select by what only a whole datagram shows. Returns as
 * mcsec_tunnel_gather() does.
 */
static int pull_tunnel(const struct mcsec_pkt *pkt)
{
	const struct nf_hook_state *state = pkt->state;
	struct mcsec_tunnel_hdr outer;
	struct sk_buff *skb = pkt->skb;
	int err;

	if (!mcsec_pkt_is_ip6(pkt))
		outer.v4 = *ip_hdr(skb);
	else
		outer.v6 = *ipv6_hdr(skb);
	mcsec_esp_pull_outer(skb, pkt->hlen);
	if (!mcsec_tunnel_pull(skb, &outer, mcsec_pkt_is_ip6(pkt)))
		return -EBADMSG;
	err = mcsec_tunnel_gather(skb, state->net, defrag_user(pkt->sa));
	if (unlikely(err))
		return err;
	/* IP parses options only behind PRE_ROUTING, so elsewhere the inner
	 * datagram must have none.
	 */
	if (state->hook != NF_INET_PRE_ROUTING && ip_hdr(skb)->version == 4 &&
	    ip_hdr(skb)->ihl > 5)
		return -EBADMSG;
	return 0;
}

/*
 * The same for a datagram that came by an edge. Its outer header has other addresses,
 * perhaps of the other family, and its hop limit counted the hops of the unicast path,
 * so only the mark of congestion is taken from it.
 */
static int pull_edge(const struct mcsec_pkt *pkt)
{
	u8 tos = mcsec_traffic_class(pkt->skb);
	struct mcsec_tunnel_hdr outer;
	struct sk_buff *skb = pkt->skb;

	mcsec_esp_pull_outer(skb, pkt->hlen);
	if (skb->len < sizeof(outer.v4) ||
	    (mcsec_pkt_is_ip6(pkt) && skb->len < sizeof(outer.v6)))
		return -EBADMSG;
	if (!mcsec_pkt_is_ip6(pkt)) {
		outer.v4 = *ip_hdr(skb);
		outer.v4.tos = tos;
		outer.v4.ttl = U8_MAX;
	} else {
		outer.v6 = *ipv6_hdr(skb);
		/* The mask of 0 replaces the whole class. */
		ipv6_change_dsfield(&outer.v6, 0, tos);
		outer.v6.hop_limit = U8_MAX;
	}
	if (!mcsec_tunnel_pull(skb, &outer, mcsec_pkt_is_ip6(pkt)))
		return -EBADMSG;
	/* The datagram goes on where IP has parsed options, so there must be
	 * none.
	 */
	if (ip_hdr(skb)->version == 4 && ip_hdr(skb)->ihl > 5)
		return -EBADMSG;
	return mcsec_tunnel_gather(skb, pkt->state->net, defrag_user(pkt->sa));
}

/* Returns -EINPROGRESS if the inner datagram is a fragment, which was taken. */
static __always_inline int decap_outer(const struct mcsec_pkt *pkt, u8 next,
				       bool edge)
{
	int err;

	if (next != (mcsec_pkt_is_ip6(pkt) ? IPPROTO_IPV6 : IPPROTO_IPIP))
		return drop_esp(pkt, MCSEC_IN_MODE);
	err = edge ? pull_edge(pkt) : pull_tunnel(pkt);
	if (likely(!err))
		return 0;
	if (err == -EINPROGRESS) {
		mcsec_count(pkt->sa->group->stats, MCSEC_IN_INNER_FRAGMENT);
		return err;
	}
	return drop_esp(pkt,
			err == -ENOMEM ? MCSEC_IN_NO_MEMORY : MCSEC_IN_INNER);
}

static noinline int decap_tunnel(const struct mcsec_pkt *pkt, u8 next)
{
	return decap_outer(pkt, next, false);
}

/*
 * Return true for addresses that IPv6 refuses before PRE_ROUTING (RFC 4291 2.5.3,
 * 2.7), where it has seen the outer datagram only. IPv4 checks the source when it finds
 * the route.
 */
static bool has_bad_addrs(const struct mcsec_pkt *pkt)
{
	const struct ipv6hdr *ip6h = ipv6_hdr(pkt->skb);

	return mcsec_pkt_is_ip6(pkt) &&
	       (ipv6_addr_loopback(&ip6h->saddr) ||
		ipv6_addr_is_multicast(&ip6h->saddr) ||
		IPV6_ADDR_MC_SCOPE(&ip6h->daddr) <= IPV6_ADDR_SCOPE_NODELOCAL);
}

/*
 * Only the datagram inside of an edge has the addresses, so they are compared
 * here.
 */
static noinline int decap_edge(const struct mcsec_pkt *pkt, u8 next)
{
	const struct mcsec_group *group = pkt->sa->group;
	int err;

	if (pkt->sa->mode != MCSEC_MODE_TUNNEL)
		return drop_esp(pkt, MCSEC_IN_MODE);
	err = decap_outer(pkt, next, true);
	if (err)
		return err;
	if (unlikely(has_bad_addrs(pkt)))
		return drop_esp(pkt, MCSEC_IN_INNER);
	return mcsec_select_fits_slow(group->mnet->select, pkt->skb,
				      pkt->state->in, &group->candidate)
		       ? 0
		       : drop_esp(pkt, MCSEC_IN_SELECTOR);
}

/*
 * Set the transport header where IP continues to parse: behind hop-by-hop
 * options, which IP has read, and before all others. Reassembly may have left
 * it elsewhere.
 */
static void set_transport(struct sk_buff *skb)
{
	unsigned int off = sizeof(struct ipv6hdr);

	if (ipv6_hdr(skb)->nexthdr == NEXTHDR_HOP)
		off += ipv6_optlen((struct ipv6_opt_hdr *)(skb->data + off));
	skb_set_transport_header(skb, off);
}

static __always_inline void decap_transport(const struct mcsec_pkt *pkt,
					    struct sk_buff *skb, u8 next)
{
	mcsec_esp_pull_header(skb, pkt->hlen);
	if (!mcsec_pkt_is_ip6(pkt)) {
		mcsec_header_become(ip_hdr(skb), skb->len, next);
	} else {
		skb->data[pkt->nhoff] = next;
		ipv6_hdr(skb)->payload_len =
			htons(skb->len - sizeof(struct ipv6hdr));
		set_transport(skb);
	}
}

/*
 * Turn the verified ESP datagram into the datagram that was sent. Returns
 * -EINPROGRESS if that is a fragment, which has been taken.
 */
static __always_inline int decap_esp(const struct mcsec_pkt *pkt, bool edges)
{
	/* Inner fragments have control blocks of their own, so the port is
	 * looked up before they are put together.
	 */
	const struct net_device *port = mcsec_pkt_port(pkt);
	const struct nf_hook_state *state = pkt->state;
	const struct mcsec_sa *sa = pkt->sa;
	struct mcsec_group *group = sa->group;
	struct sk_buff *skb = pkt->skb;
	const u8 *tail;
	u8 next;
	int err;

	/* The datagram is linear since mcsec_esp_writable(). */
	tail = skb_tail_pointer(skb) - MCSEC_ICV - MCSEC_TRAILER;
	if (unlikely(tail[0] + MCSEC_TRAILER > pkt->plaintext_len))
		return drop_esp(pkt, MCSEC_IN_BAD_TRAILER);
	next = tail[1];
	if (next == DUMMY)
		return drop_esp(pkt, MCSEC_IN_DUMMY);

	/* The tag covers more than any checksum inside. WireGuard marks its
	 * packets the same way.
	 */
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	skb->csum_level = ~0;
	__skb_trim(skb, skb->len - MCSEC_ICV - MCSEC_TRAILER - tail[0]);
	if (edges && pkt->by_edge) {
		err = decap_edge(pkt, next);
		if (unlikely(err))
			return err;
	} else if (unlikely(sa->mode == MCSEC_MODE_TUNNEL)) {
		err = decap_tunnel(pkt, next);
		if (unlikely(err))
			return err;
	} else {
		decap_transport(pkt, skb, next);
	}
	/* The payload could not be read when the SA was chosen, so the selector
	 * is checked against the clear datagram now.
	 */
	if (unlikely(!mcsec_select_fits(group->mnet->select, skb, port,
					&group->candidate)))
		return drop_esp(pkt, MCSEC_IN_SELECTOR);
	mcsec_set_verified(skb, state->pf, !group->forward, group->id,
			   pkt->iv >> sa->sid_shift);
	if (group->in_mark_mask)
		skb->mark = (skb->mark & ~group->in_mark_mask) | group->in_mark;
	/* The flow hash and the connection belong to the ESP datagram. */
	skb_clear_hash(skb);
	nf_reset_ct(skb);
	return 0;
}

static enum mcsec_counter why_cipher_failed(int err)
{
	switch (err) {
	case -EBADMSG:
		return MCSEC_IN_BAD_ICV;
	case -ENOSPC:
	case -EBUSY:
		return MCSEC_IN_CRYPTO_BUSY;
	case -ENOMEM:
		return MCSEC_IN_NO_MEMORY;
	}
	return MCSEC_IN_CRYPTO;
}

static enum mcsec_counter why_not_accepted(int err)
{
	switch (err) {
	case -EALREADY:
		return MCSEC_IN_REPLAY;
	case -ENOSPC:
		return MCSEC_IN_TOO_MANY_SENDERS;
	}
	return MCSEC_IN_NO_MEMORY;
}

/*
 * Return true if IP would answer a datagram that was verified at LOCAL_IN,
 * where no later hook can prevent the answer.
 */
static __always_inline bool is_answered(const struct mcsec_pkt *pkt)
{
	if (likely(pkt->state->hook != NF_INET_LOCAL_IN))
		return false;
	return mcsec_icmp_check_request(pkt->sa->group->mnet, pkt->skb,
					pkt->state->pf) != NF_ACCEPT;
}

/*
 * Count a verified datagram of a group with edges, and send it on. Called before
 * decap_esp(): the headers still stand in front of the decrypted payload, and
 * mcsec_edge_relay() reads the class from both.
 */
static noinline void relay_verified(struct mcsec_pkt *pkt)
{
	unsigned int len = MCSEC_HEAD + pkt->plaintext_len + MCSEC_ICV;
	const struct mcsec_sa *sa = pkt->sa;

	if (pkt->from) {
		this_cpu_inc(pkt->from->cpu->in_packets);
		this_cpu_add(pkt->from->cpu->in_bytes, len);
		trace_mcsec_edge_accept(sa->group->name, pkt->from->id,
					ntohl(sa->spi),
					pkt->iv >> sa->sid_shift, len);
	}
	if (pkt->kept)
		mcsec_edge_relay(pkt);
}

/*
 * Finish a packet for which the cipher returned @err. With @edges its group has
 * some, and pkt->below, by_edge, from and kept are set.
 */
static __always_inline int finish_decrypt(struct mcsec_pkt *pkt, int err,
					  bool edges)
{
	const struct mcsec_esp_hdr *esp = (void *)pkt->skb->data + pkt->hlen;
	struct mcsec_sa *sa = pkt->sa;
	const u64 iv = pkt->iv;

	if (unlikely(err)) {
		if (err == -EBADMSG)
			this_cpu_inc(sa->cpu->in_bad_icv);
		return drop_esp(pkt, why_cipher_failed(err));
	}
	/* The cipher works in place and does not change associated data, so the
	 * header can still be read.
	 */
	err = mcsec_sa_replay_accept(sa, pkt->sender, ntohl(esp->seq), iv);
	if (unlikely(err))
		return drop_esp(pkt, why_not_accepted(err));
	if (unlikely(!mcsec_sa_use_in(sa, pkt->plaintext_len)))
		return drop_esp(pkt, MCSEC_IN_EXPIRED);
	if (edges)
		relay_verified(pkt);
	err = decap_esp(pkt, edges);
	if (unlikely(err))
		return err;
	mcsec_count(sa->group->stats, MCSEC_IN_ACCEPTED);
	trace_mcsec_unprotect(pkt->skb, sa, iv);
	/* The packet was counted by mcsec_icmp_check_request(). */
	return unlikely(is_answered(pkt)) ? -EPERM : 0;
}

/* Out of line, so that the inlined fast path stays small. */
static noinline int finish_decrypt_slow(struct mcsec_pkt *pkt, int err)
{
	return finish_decrypt(pkt, err, false);
}

/*
 * The same for a group with edges. Frees pkt->kept if the datagram was dropped before
 * relay_verified().
 */
static noinline int finish_decrypt_edge(struct mcsec_pkt *pkt, int err)
{
	err = finish_decrypt(pkt, err, true);
	kfree_skb(pkt->kept);
	pkt->kept = NULL;
	return err;
}

/* Count a datagram, which was counted by its reason, at the edge it came by. */
static void drop_edge(const struct mcsec_pkt *pkt)
{
	if (pkt->from)
		this_cpu_inc(pkt->from->cpu->in_drops);
}

/*
 * Continue or drop a packet that an asynchronous cipher has finished. Runs in
 * softirq or in a worker, or in the hook if the cipher was the first
 * (mcsec_op_park()).
 */
static __always_inline void finish_deferred(struct mcsec_op *op, int err,
					    bool edges)
{
	struct mcsec_deferred *deferred = &op->deferred;
	struct mcsec_pkt *pkt = &op->pkt;
	struct mcsec_sa *sa = pkt->sa;
	bool gone = !deferred->held;

	local_bh_disable();
	rcu_read_lock();
	/* Without references the devices of the hook state may be gone, and
	 * must not be dereferenced.
	 */
	if (!gone)
		err = edges ? finish_decrypt_edge(pkt, err)
			    : finish_decrypt_slow(pkt, err);
	if (gone || (err && err != -EINPROGRESS))
		kfree_skb(pkt->skb);
	else if (!err)
		gone = !mcsec_deferred_resume(pkt->skb, &deferred->state,
					      pkt->hook);
	if (gone)
		err = drop_esp(pkt, MCSEC_IN_GONE);
	mcsec_deferred_release(deferred);
	if (edges) {
		kfree_skb(pkt->kept);
		if (err && err != -EINPROGRESS)
			drop_edge(pkt);
		mcsec_edge_put(pkt->from);
	}
	mcsec_op_put(op);
	mcsec_sa_put(sa);
	rcu_read_unlock();
	local_bh_enable();
}

static void decrypt_done(struct mcsec_op *op, int err)
{
	finish_deferred(op, err, false);
}

static void decrypt_edge_done(struct mcsec_op *op, int err)
{
	finish_deferred(op, err, true);
}

/*
 * Return true for a datagram that this host sent itself, and that somebody sent
 * back to it under any source address. A sender whose sockets do not get their
 * own datagrams (IP_MULTICAST_LOOP) has no window for its own Sender-ID. A copy
 * that IP made for this host's sockets is genuine: it arrives as PACKET_LOOPBACK, or by
 * the loopback device.
 */
static bool is_reflected(const struct mcsec_pkt *pkt)
{
	const struct sk_buff *skb = pkt->skb;

	return mcsec_sa_is_own(pkt->sa, pkt->iv) &&
	       skb->pkt_type != PACKET_LOOPBACK &&
	       !(skb->dev->flags & IFF_LOOPBACK);
}

static void verify_done(struct mcsec_op *op, int err)
{
	struct mcsec_sa *sa = op->pkt.sa;

	local_bh_disable();
	kfree_skb(op->pkt.skb);
	mcsec_deferred_release(&op->deferred);
	mcsec_op_put(op);
	mcsec_sa_put(sa);
	local_bh_enable();
}

bool mcsec_decrypt_verifies(const struct mcsec_pkt *pkt, struct mcsec_sa *sa)
{
	struct mcsec_pkt copy = *pkt;
	struct mcsec_op *op;
	int err = -ENOMEM;

	copy.sa = sa;
	copy.cipher = rcu_dereference(sa->cipher);
	if (!copy.cipher || pkt->skb->len < pkt->hlen + MCSEC_ESP_MIN)
		return false;
	copy.plaintext_len = pkt->skb->len - pkt->hlen - MCSEC_HEAD - MCSEC_ICV;
	local_bh_disable();
	copy.skb = skb_copy(pkt->skb, GFP_ATOMIC);
	if (copy.skb && mcsec_op_get(copy.cipher, 1, &op)) {
		err = mcsec_op_decrypt(op, &copy);
		if (err == -EINPROGRESS) {
			mcsec_sa_hold(sa);
			mcsec_op_park(op, &copy, verify_done);
		} else {
			mcsec_op_put(op);
		}
	}
	if (err != -EINPROGRESS)
		kfree_skb(copy.skb);
	local_bh_enable();
	return err != -EBADMSG;
}

/*
 * Returns 0, -EINPROGRESS if the cipher has taken the datagram, or -errno: the
 * caller still owns the datagram, which has been counted. @edges is that of
 * finish_decrypt().
 */
static __always_inline int decrypt_esp(struct mcsec_pkt *pkt, bool edges)
{
	const struct mcsec_esp_hdr *esp;
	struct sk_buff *skb = pkt->skb;
	struct mcsec_sa *sa = pkt->sa;
	struct mcsec_op *op;
	int err;

	pkt->iv = 0;
	/* Refuse what is shorter than any ESP, and a GSO packet, which only a
	 * device can segment. A packet without memory to pull the header counts
	 * as malformed, too.
	 */
	if (unlikely(skb->len < pkt->hlen + MCSEC_ESP_MIN || skb_is_gso(skb) ||
		     !pskb_may_pull(skb, pkt->hlen + MCSEC_HEAD)))
		return drop_esp(pkt, MCSEC_IN_MALFORMED);
	esp = (void *)skb->data + pkt->hlen;
	pkt->plaintext_len = skb->len - pkt->hlen - MCSEC_HEAD - MCSEC_ICV;
	pkt->iv = get_unaligned_be64(&esp->iv);
	if (unlikely(!(READ_ONCE(sa->dir) & MCSEC_DIR_IN)))
		return drop_esp(pkt, MCSEC_IN_SEND_ONLY);
	/* A loop of edges brings back what this host sent, by any device. */
	if (unlikely(edges && pkt->by_edge ? mcsec_sa_is_own(sa, pkt->iv)
					   : is_reflected(pkt))) {
		mcsec_sa_replayed(sa);
		return drop_esp(pkt, MCSEC_IN_REPLAY);
	}
	pkt->cipher = rcu_dereference(sa->cipher);
	if (unlikely(READ_ONCE(sa->state) == MCSEC_SA_STATE_EXPIRED ||
		     !pkt->cipher))
		return drop_esp(pkt, MCSEC_IN_EXPIRED);
	if (unlikely(!mcsec_sa_replay_check(sa, ntohl(esp->seq), pkt->iv,
					    &pkt->sender)))
		return drop_esp(pkt, MCSEC_IN_REPLAY);

	if (edges)
		mcsec_edge_keep(pkt);
	if (unlikely(!mcsec_esp_writable(skb) ||
		     !mcsec_op_get(pkt->cipher, 1, &op)))
		return drop_esp(pkt, MCSEC_IN_NO_MEMORY);
	err = mcsec_op_decrypt(op, pkt);
	if (unlikely(err == -EINPROGRESS)) {
		mcsec_sa_hold(sa);
		if (edges)
			pkt->from = mcsec_edge_hold(pkt->from);
		mcsec_op_park(op, pkt,
			      edges ? decrypt_edge_done : decrypt_done);
		return -EINPROGRESS;
	}
	mcsec_op_put(op);
	return edges ? finish_decrypt_edge(pkt, err)
		     : finish_decrypt(pkt, err, false);
}

int mcsec_decrypt_edge(struct mcsec_pkt *pkt)
{
	int err;

	pkt->kept = NULL;
	err = decrypt_esp(pkt, true);
	/* The op owns the copy after -EINPROGRESS. */
	if (unlikely(err && err != -EINPROGRESS)) {
		kfree_skb(pkt->kept);
		drop_edge(pkt);
	}
	return err;
}

/* Decrypt a datagram that came natively, and that goes on by edges. */
static noinline int decrypt_native(struct mcsec_pkt *pkt)
{
	pkt->by_edge = false;
	pkt->from = NULL;
	pkt->below = true;
	return mcsec_decrypt_edge(pkt);
}

unsigned int mcsec_decrypt(struct mcsec_pkt *pkt)
{
	/* Datagrams mostly arrive in softirq, which has BH disabled. */
	const bool bh_enabled = !softirq_count();
	int err;

	/* BH are disabled for the counters of this CPU, its kept op, and the
	 * vector registers.
	 */
	if (unlikely(bh_enabled))
		local_bh_disable();
	if (mcsec_group_has_edges(pkt->sa->group))
		err = decrypt_native(pkt);
	else
		err = decrypt_esp(pkt, false);
	if (unlikely(bh_enabled))
		local_bh_enable();
	if (likely(!err))
		return NF_ACCEPT;
	return err == -EINPROGRESS ? NF_STOLEN : NF_DROP;
}
