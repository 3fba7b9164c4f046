/* SPDX-License-Identifier: Apache-2.0 */
/* A pair with additional key exchanges, and messages that are sealed anew. */
#ifndef IKE_ADDKE_H
#define IKE_ADDKE_H

#include "crypto/aead.h"
#include "ike/sa.h"
#include "ike_pair.h"
#include "tap.h"

#define X25519 IKE_KE_X25519
#define P256 IKE_KE_P256
#define P384 IKE_KE_P384

/* Initialisers of struct ike_addke. */
#define OFFERED(...) \
	{ \
		.n = sizeof((uint16_t[]){ __VA_ARGS__ }) / sizeof(uint16_t), \
		.method = { \
			__VA_ARGS__ \
		} \
	}
#define REQUIRED(...) \
	{ \
		.n = sizeof((uint16_t[]){ __VA_ARGS__ }) / sizeof(uint16_t), \
		.method = { __VA_ARGS__ }, .required = true \
	}

static const struct ike_addke both = REQUIRED(P256, P384);

static inline void addke_setup(const struct ike_addke *at_g,
			       const struct ike_addke *at_m)
{
	struct ike_engine_cfg gcfg = { .addke = *at_g };
	struct ike_engine_cfg mcfg = { .addke = *at_m };

	pair_setup(&gcfg, &mcfg);
}

static inline const char *addke_algs(const struct ike_sa *sa)
{
	static char buf[2][128];
	static int n;

	n = !n;
	return ike_sa_algs(sa, buf[n], sizeof(buf[n]));
}

/* The member is registered with these algorithms, and both ends agree. */
static inline void addke_registered(const char *what, const char *algs)
{
	char want[96];

	is_int(m->seen.registered, 1, "%s: registered", what);
	is_int(m->seen.tek_ret, 0, "%s: TEK unwrapped", what);
	if (!m->sa || !g->sa) {
		diag("%s | %s | %s", m->seen.text, m->seen.reason,
		     g->seen.text);
		return;
	}
	snprintf(want, sizeof(want), " %s ", algs);
	is_str(addke_algs(m->sa), addke_algs(g->sa), "%s: both ends agree",
	       what);
	snprintf(want, sizeof(want), "aes-gcm-16-256 sha2-256 %s%s", algs,
		 strstr(algs, "kw-") ? "" : " kw-256");
	is_str(addke_algs(g->sa), want, "%s: the algorithms", what);
}

/* Return the key server's only IKE SA. */
static inline struct ike_sa *addke_half_open(void)
{
	struct ike_sa *sa = LIST_FIRST(&g->engine->sas);

	if (!sa)
		bail("no IKE SA at the key server");
	return sa;
}

/* The flags and reserved bits of the SK header in addke_replace(). */
static uint8_t addke_flags;

/*
 * Replace what is inside of SK of a whole message, as who knows its keys can: by
 * the same IV, since no other message has it.
 */
static inline void addke_replace(struct packet *q, const struct sk_key *key,
				 uint8_t first, const uint8_t *inner,
				 size_t len)
{
	uint64_t iv = get_unaligned_be64(q->p + IKE_HDR_LEN + IKE_PLD_HDR_LEN);
	uint8_t head[IKE_HDR_LEN + IKE_PLD_HDR_LEN], ivb[SK_IV_LEN];
	struct ike_hdr h;
	struct wbuf w;

	if (ike_hdr_parse(q->p, q->len, &h) || msg_is_fragment(q->p, q->len))
		bail("not a whole message");
	wbuf_init(&w, 65535);
	ike_hdr_build(&w, &h);
	if (sk_seal(&w, key, iv, first, inner, len))
		bail("not sealed");
	if (addke_flags) {
		size_t at = sizeof(head) + SK_IV_LEN;

		/* The flags are part of the associated data. */
		w.p[IKE_HDR_LEN + 1] = addke_flags;
		memcpy(head, w.p, sizeof(head));
		memcpy(ivb, w.p + sizeof(head), sizeof(ivb));
		memcpy(w.p + at, inner, len);
		w.p[at + len] = 0;
		if (aead_seal(key->encr, key->key, key->len, ivb, head,
			      sizeof(head), w.p + at, len + 1, w.p + at))
			bail("not sealed");
	}
	free(q->p);
	q->p = malloc(w.len);
	q->len = w.len;
	memcpy(q->p, w.p, w.len);
	wbuf_free(&w);
}

#endif
