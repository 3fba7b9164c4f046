/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fuzz targets of IKE and the test of their samples agree on this: keys
 * that never change, so that samples stay valid, and what the first octet of
 * an input selects.
 */
#ifndef IKE_FUZZ_H
#define IKE_FUZZ_H

#include <stdlib.h>
#include <string.h>

#include "crypto/sign.h"
#include "wire/gpayload.h"
#include "wire/message.h"
#include "rekey/rekey.h"

enum fuzz_payload {
	FP_CHAIN, /* octet: type of the first payload */
	FP_SA,
	FP_KE,
	FP_ID,
	FP_CERT,
	FP_AUTH,
	FP_NOTIFY,
	FP_DELETE,
	FP_TS,
	FP_MAX,
};

enum fuzz_gpayload {
	FG_GSA,
	FG_KD,
	FG_BOTH, /* octet: carrier, octet: sender, 16 bits: GSA's length */
	FG_MAX,
};

enum fuzz_message {
	FM_CLEAR, /* a datagram */
	FM_SK, /* a datagram sealed with fuzz_sk() */
	FM_INNER, /* octets: exchange, flags, first payload */
	FM_MAX,
};

enum fuzz_rekey {
	FR_RAW, /* a datagram */
	FR_IMPLICIT, /* octet: first payload; sealed, nothing signed */
	FR_SIGNED, /* the same, a signature is asked for */
	FR_MAX,
};

enum fuzz_host {
	FH_RAW_GCKS, /* a datagram, nothing before it */
	FH_RAW_GCKS_INIT, /* ... IKE_SA_INIT is done */
	FH_RAW_MEMBER, /* ... IKE_SA_INIT was sent */
	FH_RAW_MEMBER_AUTH, /* ... GSA_AUTH was sent */
	/* Octets: exchange, first payload; sealed with the keys of the SA. */
	FH_AUTH_REQ, /* to a key server that waits for GSA_AUTH */
	FH_REQ, /* to a key server whose SA is up */
	FH_AUTH_RES, /* to a member that waits for GSA_AUTH */
	FH_RES, /* to a member that waits for GSA_REGISTRATION */
	FH_REQ_MEMBER, /* a request to a member */
	FH_INTER_REQ, /* to a key server that waits for IKE_INTERMEDIATE */
	FH_INTER_RES, /* to a member that waits for IKE_INTERMEDIATE */
	FH_FOLLOW_REQ, /* to a key server that waits for IKE_FOLLOWUP_KE */
	FH_FOLLOW_RES, /* to a member that waits for IKE_FOLLOWUP_KE */
	FH_RESUME_REQ, /* to a key server that waits for GSA_AUTH by a ticket */
	FH_RESUME_RES, /* to a member that waits for that GSA_AUTH */
	FH_RESUME_RAW, /* a datagram, IKE_SESSION_RESUME was sent */
	FH_EDGE_REQ, /* a request to a relay */
	FH_EDGE_RES, /* to a child that waits for the answer of a relay */
	FH_MOVE_REQ, /* a request to a key server, from another address */
	FH_MOVE_RES, /* to a key server that asks there whether the member is there */
	FH_MOVED_RES, /* to a member that waits for the answer to an update */
	FH_MAX,
};

static inline void fuzz_sk(struct sk_key *k)
{
	uint8_t key[20];

	memset(key, 0x11, sizeof(key));
	if (sk_key_set(k, IKE_ENCR_AES_GCM_16, 128, key, sizeof(key)))
		abort();
}

static inline struct sigkey *fuzz_key(void)
{
	/* PKCS#8 of an Ed25519 key: its head and 32 octets. */
	static const uint8_t der[48] = {
		0x30, 0x2e, 2,	  1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4,
		0x22, 4,    0x20, 1, 2, 3,    4, 5, 6, 7,    8,	   9,
	};
	struct sigkey *key;

	if (sigkey_from_der(der, sizeof(der), &key))
		abort();
	return key;
}

static inline void fuzz_rekey_sa(struct rekey_sa *rs, bool sign,
				 const struct sigkey *key)
{
	uint8_t keymat[36];
	struct sigpub *pub;
	struct gsa_sa p;
	struct addr a;
	const uint8_t *der;
	size_t len;

	memset(&p, 0, sizeof(p));
	memset(keymat, 0x22, sizeof(keymat));
	addr_parse("239.1.1.254", &a);
	p.proto = GIKE_PROTO_GIKE_UPDATE;
	p.spi_len = 16;
	memset(p.spi, 0x33, 16);
	ts_set(&p.src, NULL, AF_INET, 17, 0);
	ts_set(&p.dst, &a, AF_INET, 17, 848);
	p.has = GSA_HAS_ENCR | GSA_HAS_KWA | GSA_HAS_GCAUTH | GSA_HAS_LIFETIME;
	p.encr = IKE_ENCR_AES_GCM_16;
	p.key_bits = 128;
	p.kwa = GIKE_KWA_5649_128;
	p.lifetime = 3600;
	p.gcauth = sign ? GIKE_GCAUTH_DIGSIG : GIKE_GCAUTH_IMPLICIT;
	if (sign) {
		sigkey_alg(key, &der, &len);
		memcpy(p.sigalg, der, len);
		p.sigalg_len = len;
	}
	if (rekey_sa_init(rs, &p, keymat, sizeof(keymat), NULL))
		abort();
	if (!sign)
		return;
	if (rekey_sa_set_key(rs, key) || sigkey_pub(key, &pub))
		abort();
	sigpub_spki(pub, &der, &len);
	if (rekey_sa_set_auth_key(rs, der, len))
		abort();
	sigpub_free(pub);
}

/* A new Rekey SA under a key tree: the same octets each time. */
static inline void fuzz_lkh_msg(struct rekey_msg *r, const struct rekey_sa *rs)
{
	uint8_t key[36] = { 7 };
	struct gsa_sa *p = &r->gsa.rekey;
	struct kd_bag *bag;
	struct kd_key k;
	struct addr a;

	rekey_msg_init(r);
	r->has_gsa = true;
	r->gsa.has_rekey = true;
	addr_parse("239.1.1.254", &a);
	p->proto = GIKE_PROTO_GIKE_UPDATE;
	p->spi_len = 16;
	memset(p->spi, 0x44, 16);
	ts_set(&p->src, NULL, AF_INET, 17, 0);
	ts_set(&p->dst, &a, AF_INET, 17, 848);
	p->has = GSA_HAS_ENCR | GSA_HAS_KWA | GSA_HAS_LIFETIME;
	p->encr = IKE_ENCR_AES_GCM_16;
	p->key_bits = 128;
	p->kwa = GIKE_KWA_5649_128;
	p->lifetime = 7200;
	p->n_next_spi = 1;
	p->next_spi[0][3] = 9;
	r->gsa.gw.present = true;
	r->gsa.gw.has = GWP_HAS_ATD | GWP_HAS_DTD;
	kd_bag(&r->kd, p->proto, p->spi, &bag);
	for (uint32_t i = 1; i <= 2; i++) {
		kwk_wrap(&rs->gsk_w, 0, i, key, 36, &k);
		kd_bag_add(bag, &k);
	}
	for (uint32_t i = 15; i < 18; i++) {
		kwk_wrap(&rs->gsk_w, i, i - 9, key, 16, &k);
		kd_wrap_add(&r->kd, &k);
	}
	rekey_msg_delete(r, IKE_PROTO_ESP, (const uint8_t *)"\0\0\1\1");
}

/* Fill in a Delete of all SAs. */
static inline void fuzz_delete_msg(struct rekey_msg *r)
{
	rekey_msg_init(r);
	rekey_msg_delete(r, IKE_PROTO_ESP, NULL);
	rekey_msg_delete(r, GIKE_PROTO_GIKE_UPDATE, NULL);
}

/* Open a rekey message as a member does, up to its first payload. */
static inline size_t fuzz_rekey_inner(const struct rekey_sa *rs,
				      const uint8_t *p, size_t len,
				      uint8_t *plain, uint8_t *first)
{
	struct sk_key k;
	size_t n;

	if (sk_key_set(&k, rs->encr, rs->key_bits, rs->gsk_e, rs->gsk_e_len) ||
	    sk_open(p, len, &k, plain, &n, first))
		abort();
	return n;
}

static inline void fuzz_rekey_seal(const struct rekey_sa *rs, uint32_t mid,
				   uint8_t first, const uint8_t *inner,
				   size_t len, struct wbuf *w)
{
	struct ike_hdr h = { .xchg = GIKE_XCHG_GSA_REKEY,
			     .flags = IKE_FLAG_INITIATOR,
			     .mid = mid };
	struct sk_key k;

	memcpy(h.spi_i, rs->spi, 8);
	memcpy(h.spi_r, rs->spi + 8, 8);
	wbuf_init(w, IKE_MSG_MAX);
	ike_hdr_build(w, &h);
	if (sk_key_set(&k, rs->encr, rs->key_bits, rs->gsk_e, rs->gsk_e_len))
		abort();
	/*
	 * An input that is too long gives no message, and the caller checks
	 * w->len.
	 */
	if (sk_seal(w, &k, mid, first, inner, len))
		wbuf_truncate(w, 0);
}

#endif
