// SPDX-License-Identifier: Apache-2.0
#include "ike/frags.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ike/sa.h"
#include "lib/secret.h"
#include "lib/util.h"

/* ---- incomplete messages ------------------------------------------------ */

static void free_frags(struct frags *f)
{
	struct ike_engine *engine = f->sa->engine;

	TAILQ_REMOVE(&engine->frags, f, link);
	engine->frag_octets -= f->octets;
	*f->slot = NULL;
	for (unsigned int i = 0; i < f->total; i++)
		blob_free(&f->piece[i]);
	blob_free(&f->dgram);
	free(f);
}

void frags_drop(struct ike_sa *sa)
{
	if (sa->frag_req)
		free_frags(sa->frag_req);
	if (sa->frag_res)
		free_frags(sa->frag_res);
}

static struct frags *new_frags(struct ike_sa *sa, struct frags **slot,
			       const struct ike_in *in, uint16_t total)
{
	struct frags *f;

	f = calloc(1, sizeof(*f) + total * sizeof(f->piece[0]));
	if (!f)
		return NULL;
	f->sa = sa;
	f->slot = slot;
	f->mid = in->m.h.mid;
	f->xchg = in->m.h.xchg;
	f->total = total;
	*slot = f;
	TAILQ_INSERT_TAIL(&sa->engine->frags, f, link);
	return f;
}

static size_t most_octets(const struct ike_sa *sa)
{
	return sa->state == IKE_ST_INIT_DONE ? FRAGS_OCTETS_STRANGER
					     : FRAGS_OCTETS_PEER;
}

/*
 * Find the message that a fragment belongs to. RFC 7383 section 2.6: a larger
 * number of fragments replaces what was received, a smaller one is dropped.
 */
static struct frags *find_frags(struct ike_sa *sa, const struct ike_in *in,
				uint16_t total)
{
	bool res = in->m.h.flags & IKE_FLAG_RESPONSE;
	struct frags **slot = res ? &sa->frag_res : &sa->frag_req;
	struct frags *f = *slot;

	if (total > FRAGS_TOTAL_MAX)
		return NULL;
	if (f && f->mid == in->m.h.mid && total <= f->total)
		return total == f->total && f->xchg == in->m.h.xchg ? f : NULL;
	if (f)
		free_frags(f);
	return new_frags(sa, slot, in, total);
}

/* Make room in the engine, at the cost of the oldest one but @f. */
static void make_room(struct frags *f, size_t len)
{
	struct ike_engine *engine = f->sa->engine;

	while (engine->frag_octets + len > FRAGS_OCTETS_ALL) {
		struct frags *old = TAILQ_FIRST(&engine->frags);

		if (old == f)
			old = TAILQ_NEXT(f, link);
		if (!old)
			return;
		free_frags(old);
	}
}

/* Add a decrypted fragment. Returns 0 or -errno. */
static int add_piece(struct frags *f, const struct ike_in *in,
		     const struct skf *skf, uint8_t first, const uint8_t *p,
		     size_t len)
{
	struct blob *piece = &f->piece[skf->number - 1];
	int ret;

	/* The same fragment again, in a retransmission. */
	if (piece->p)
		return -EEXIST;
	if (f->octets + len > most_octets(f->sa))
		return -E2BIG;
	make_room(f, len);
	ret = blob_set(piece, p, len);
	if (!ret && skf->number == 1)
		ret = blob_set(&f->dgram, in->p, in->len);
	if (ret) {
		blob_free(piece);
		return ret;
	}
	if (skf->number == 1)
		f->first = first;
	f->n++;
	f->octets += len;
	f->sa->engine->frag_octets += len;
	return 0;
}

static bool put_together(struct frags *f, struct opened *o)
{
	o->plain = secret_alloc(f->octets);
	if (!o->plain)
		return false;
	for (unsigned int i = 0; i < f->total; i++) {
		memcpy(o->plain + o->len, f->piece[i].p, f->piece[i].len);
		o->len += f->piece[i].len;
	}
	o->first = f->first;
	o->dgram = f->dgram;
	memset(&f->dgram, 0, sizeof(f->dgram));
	return true;
}

static bool open_fragment(struct ike_sa *sa, const struct ike_in *in,
			  const struct sk_key *key, uint8_t *plain,
			  struct opened *o)
{
	struct ike_stats *st = &sa->engine->stats;
	struct frags *f;
	struct skf skf;
	uint8_t first;
	size_t len;
	bool whole;

	if (!sa->fragments) {
		st->frag_dropped++;
		return false;
	}
	if (skf_open(in->p, in->len, key, &skf, plain, &len, &first)) {
		st->in_icv++;
		return false;
	}
	f = find_frags(sa, in, skf.total);
	if (!f || add_piece(f, in, &skf, first, plain, len)) {
		st->frag_dropped++;
		return false;
	}
	st->frag_in++;
	if (f->n < f->total)
		return false;
	whole = put_together(f, o);
	free_frags(f);
	return whole;
}

bool frags_open(struct ike_sa *sa, const struct ike_in *in,
		const struct sk_key *key, struct opened *o)
{
	uint8_t *plain = secret_alloc(in->len);
	bool res = in->m.h.flags & IKE_FLAG_RESPONSE;
	struct frags **slot = res ? &sa->frag_res : &sa->frag_req;
	bool whole = false;

	memset(o, 0, sizeof(*o));
	if (!plain)
		return false;
	if (msg_is_fragment(in->p, in->len)) {
		whole = open_fragment(sa, in, key, plain, o);
		secret_free(plain);
		return whole;
	}
	o->plain = plain;
	if (sk_open(in->p, in->len, key, plain, &o->len, &o->first))
		sa->engine->stats.in_icv++;
	else
		whole = !blob_set(&o->dgram, in->p, in->len);
	if (!whole)
		opened_free(o);
	else if (*slot)
		free_frags(*slot);
	return whole;
}

void opened_free(struct opened *o)
{
	secret_free(o->plain);
	blob_free(&o->dgram);
	memset(o, 0, sizeof(*o));
}

bool frags_is_later(const struct ike_in *in)
{
	size_t off = IKE_HDR_LEN + IKE_PLD_HDR_LEN;

	return msg_is_fragment(in->p, in->len) &&
	       in->len >= off + SKF_HDR_LEN &&
	       get_unaligned_be16(in->p + off) != 1;
}

/* ---- sending ------------------------------------------------------------ */

/* Headers of IP and UDP, and the non-ESP marker. */
#define OVER_IP4 (20 + 8 + 4)
#define OVER_IP6 (40 + 8 + 4)
/* IKE header, SKF header, IV, pad length and ICV of a fragment. */
#define OVER_FRAGMENT \
	(IKE_HDR_LEN + IKE_PLD_HDR_LEN + SKF_HDR_LEN + SK_IV_LEN + 1 + \
	 SK_ICV_LEN)

/* Return the octets inside of a fragment, 0: do not cut. */
static size_t piece_len(const struct ike_sa *sa, size_t len)
{
	size_t size = sa->engine->cfg.fragment_size;
	size_t over = sa->path.peer.addr.family == AF_INET6 ? OVER_IP6
							    : OVER_IP4;

	/* A whole message has no SKF header. */
	if (!sa->fragments || !size ||
	    over + OVER_FRAGMENT - SKF_HDR_LEN + len <= size)
		return 0;
	size -= over + OVER_FRAGMENT;
	/* Larger messages go in fragments of IP. */
	return (len + size - 1) / size <= DGRAMS_MAX ? size : 0;
}

static int seal_one(struct sk_key *k, const struct ike_hdr *h, uint8_t first,
		    const struct skf *skf, const uint8_t *p, size_t len,
		    struct dgrams *d)
{
	struct wbuf out;
	int ret;

	if (k->iv == UINT64_MAX)
		return -ENOTCONN;
	wbuf_init(&out, IKE_MSG_MAX);
	ike_hdr_build(&out, h);
	/* Every datagram gets a new IV. */
	if (skf)
		ret = skf_seal(&out, k, k->iv++, first, skf, p, len);
	else
		ret = sk_seal(&out, k, k->iv++, first, p, len);
	if (!ret)
		ret = dgrams_add(d, out.p, out.len);
	wbuf_free(&out);
	return ret;
}

int frags_seal(struct ike_sa *sa, const struct ike_hdr *h, uint8_t first,
	       const struct wbuf *inner, struct dgrams *d)
{
	struct sk_key *k = sa_own_key(sa);
	size_t most, at = 0, len;
	struct skf skf = { 0 };
	int ret = 0;

	if (!sa->keys.have)
		return -ENOTCONN;
	if (inner->err)
		return inner->err;
	most = piece_len(sa, inner->len);
	if (!most)
		return seal_one(k, h, first, NULL, inner->p, inner->len, d);
	skf.total = (inner->len + most - 1) / most;
	for (; !ret && at < inner->len; at += len) {
		len = inner->len - at < most ? inner->len - at : most;
		skf.number++;
		ret = seal_one(k, h, first, &skf, inner->p + at, len, d);
	}
	return ret;
}
