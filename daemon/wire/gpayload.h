/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Payloads of RFC 9838 section 4: GSA and KD, and what SAg says.
 * IDg is a plain Identification payload, SAg a plain SA payload (payload.h).
 *
 * struct gsa and struct kd own every octet in them; a parsed one does not
 * refer to the message. Both are used for building too. kd_free() wipes.
 *
 * Parsers return 0, -EBADMSG (malformed: the whole message is rejected),
 * -E2BIG (a cap). What is well formed but not known sets gsa_sa.unknown: the
 * policy is then not acceptable, gsa_check() says so.
 */
#ifndef IKE_GPAYLOAD_H
#define IKE_GPAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/opaque.h"
#include "wire/payload.h"

/* ---- GSA, RFC 9838 4.4 -------------------------------------------------- */

#define GSA_MAX_DATA 8
#define GSA_MAX_NEXT_SPI 4

/* Which optional parts of a Group SA policy are there */
#define GSA_HAS_INTEG 0x0001
#define GSA_HAS_SN 0x0002
#define GSA_HAS_KWA 0x0004
#define GSA_HAS_GCAUTH 0x0008
#define GSA_HAS_ENCR 0x0010
#define GSA_HAS_LIFETIME 0x0020
#define GSA_HAS_INITIAL_MID 0x0040

/* One Group SA policy substructure, 4.4.2 */
struct gsa_sa {
	uint8_t proto; /* 6 Rekey SA, 3 ESP, 2 AH */
	uint8_t spi_len; /* 16 or 4, follows from proto */
	uint8_t spi[GIKE_SPI_MAX];
	struct ts src;
	struct ts dst;
	uint16_t has; /* GSA_HAS_* */
	uint16_t encr; /* enum ike_encr */
	uint16_t key_bits; /* of encr; 0 when the attribute is absent */
	uint16_t integ;
	uint16_t sn; /* enum gike_sn */
	uint16_t kwa; /* enum gike_kwa */
	uint16_t gcauth; /* enum gike_gcauth */
	uint8_t sigalg[IKE_SIGALG_MAX]; /* attribute 18 of GCAUTH */
	uint16_t sigalg_len;
	uint32_t lifetime; /* seconds left from receipt */
	uint32_t initial_mid;
	unsigned int n_next_spi;
	uint8_t next_spi[GSA_MAX_NEXT_SPI][GIKE_SPI_MAX];
	bool unknown; /* holds something this code does not know */
	struct opaque opaque; /* attributes of private use */
};

/* GW policy, 4.4.3 */
#define GWP_HAS_ATD 0x01
#define GWP_HAS_DTD 0x02
#define GWP_HAS_SENDER_ID_BITS 0x04
#define GWP_HAS_MADE 0x08
#define GWP_HAS_TERM 0x10

struct gsa_gw {
	bool present;
	uint8_t has;
	uint16_t atd; /* seconds */
	uint16_t dtd; /* seconds */
	uint16_t sender_id_bits;
	/*
	 * Of our own (GIKE_GWP_MADE): when the message was made, in
	 * milliseconds of the key server's time, and how many seconds pass
	 * between two GSA_REKEYs at most.
	 */
	uint64_t made_ms;
	uint16_t beat;
	/*
	 * Of our own too: SPIs of the next Rekey SAs, where a GSA_NEXT_SPI
	 * could be read by who is being excluded.
	 */
	unsigned int n_next_rekey;
	uint8_t next_rekey[GSA_MAX_NEXT_SPI][GIKE_SPI_LEN_REKEY];
	/*
	 * The attribute is our own, private use, in answers to registrations: the
	 * membership ends so many seconds later if it is not renewed.
	 */
	uint32_t term;
	struct opaque opaque; /* attributes of private use, not ours */
};

struct gsa {
	bool has_rekey;
	struct gsa_sa rekey;
	unsigned int n_data;
	struct gsa_sa data[GSA_MAX_DATA];
	struct gsa_gw gw;
	bool unknown; /* a policy of a protocol not known here */
};

/* At most one Rekey SA policy, at most one GW policy, at least one SA */
int gsa_parse(struct rbuf *r, struct gsa *gsa);
void gsa_build(struct pchain *c, const struct gsa *gsa);

/*
 * Octets of KEYMAT of one policy, salts included: Rekey SA GSK_e | GSK_w,
 * Data SA the encryption key. -ENOTSUP when the algorithm is not known or
 * the key length does not fit it.
 */
int gsa_keymat_len(const struct gsa_sa *sa);
/* Has the cipher of this Data SA a counter for an IV (RFC 6054)? */
bool gsa_is_counter(const struct gsa_sa *sa);

/* ---- KD, RFC 9838 4.5 --------------------------------------------------- */

#define KD_MAX_BAGS (GSA_MAX_DATA + 1)
#define KD_MAX_SA_KEYS 64 /* of one bag */
#define KD_MAX_WRAP_KEYS 1024
#define KD_MAX_SENDER_IDS 256
#define KD_ENC_MAX 136 /* 128 octets wrapped by RFC 5649 */
#define KD_PLAIN_MAX 128

/* Wrapped key, 4.5.4: value of SA_KEY and WRAP_KEY */
struct kd_key {
	uint32_t key_id; /* 0: SA keying material */
	uint32_t kwk_id; /* 0: wrapped with the default KWK */
	uint16_t len;
	uint8_t enc[KD_ENC_MAX];
};

/* Group Key Bag, 4.5.2 */
struct kd_bag {
	uint8_t proto;
	uint8_t spi_len;
	uint8_t spi[GIKE_SPI_MAX];
	unsigned int n;
	struct kd_key *keys; /* owned by the struct kd */
};

struct kd {
	unsigned int n_bags;
	struct kd_bag bags[KD_MAX_BAGS];
	/* Member Key Bag, 4.5.3 */
	unsigned int n_wrap;
	struct kd_key *wrap;
	uint16_t auth_key_len; /* 0: none */
	uint8_t *auth_key; /* DER SubjectPublicKeyInfo */
	unsigned int n_sender_ids;
	uint64_t *sender_ids;
};

void kd_init(struct kd *kd);
void kd_free(struct kd *kd); /* wipes; the struct is as after kd_init() */

int kd_parse(struct rbuf *r, struct kd *kd);
void kd_build(struct pchain *c, const struct kd *kd);

/*
 * For the key server. 0, -ENOMEM, -E2BIG at a cap, -EINVAL on a size that
 * fits no SPI. kd_bag() finds or makes the bag of an SA.
 */
int kd_bag(struct kd *kd, uint8_t proto, const uint8_t *spi,
	   struct kd_bag **bag);
int kd_bag_add(struct kd_bag *bag, const struct kd_key *key);
int kd_wrap_add(struct kd *kd, const struct kd_key *key);
int kd_set_auth_key(struct kd *kd, const uint8_t *spki, size_t len);
int kd_add_sender_id(struct kd *kd, uint32_t sender_id);
/* NULL when there is none */
const struct kd_bag *kd_find(const struct kd *kd, uint8_t proto,
			     const uint8_t *spi);

/* ---- key wrapping ------------------------------------------------------- */

/* A key wrap key with its algorithm. Holds a secret: kwk_wipe(). */
#define KWK_MAX 32

struct kwk {
	uint16_t kwa; /* enum gike_kwa */
	uint8_t len;
	uint8_t key[KWK_MAX];
};

int kwa_key_len(uint16_t kwa); /* octets, -ENOTSUP */
int kwk_set(struct kwk *k, uint16_t kwa, const uint8_t *key, size_t len);
void kwk_wipe(struct kwk *k);
/*
 * @out gets @key_id, @kwk_id and the wrapped @plain. -EINVAL when
 * @plain_len is 0 or more than KD_PLAIN_MAX.
 */
int kwk_wrap(const struct kwk *k, uint32_t key_id, uint32_t kwk_id,
	     const uint8_t *plain, size_t plain_len, struct kd_key *out);
/*
 * @want is the exact length that must come out. -EBADMSG when the integrity
 * check fails or the length differs; @plain is wiped then.
 */
int kwk_unwrap(const struct kwk *k, const struct kd_key *in, uint8_t *plain,
	       size_t want);

/* ---- what may stand where, RFC 9838 5 ----------------------------------- */

enum gcarrier {
	GC_REGISTRATION, /* GSA_AUTH, GSA_REGISTRATION */
	GC_REKEY, /* GSA_REKEY */
	GC_INBAND, /* GSA_INBAND_REKEY */
};

/*
 * The attribute presence tables, the transform tables (4.4.2.1), bags
 * against policies, selectors of the Rekey SA. @sender: N(GROUP_SENDER) was
 * in the request. A registration with a Rekey SA is a multicast one, without
 * an inband one. @kd may be NULL only with @gsa NULL.
 *
 * 0; -EBADMSG a MUST is broken; -ENOTSUP an algorithm or attribute that this
 * code does not know. @why (may be NULL) gets one line naming it.
 * Run on everything that is received and on everything that is about to be
 * sent.
 */
int gsa_check(const struct gsa *gsa, const struct kd *kd, enum gcarrier where,
	      bool sender, char *why, size_t why_size);

/* ---- SAg, RFC 9838 4.3 -------------------------------------------------- */

/* What this implementation can do, for every protocol, in proposal 1 */
void sag_default(struct sa_pld *sag);
/*
 * Can a member that sent @sag work with this policy? All transforms of one
 * protocol from one proposal, all protocols from proposals of one number.
 * @why names the first transform that is missing.
 */
bool sag_covers(const struct sa_pld *sag, const struct gsa *gsa, char *why,
		size_t why_size);

#endif
