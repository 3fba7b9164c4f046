/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Payloads of RFC 9838 section 4: GSA and KD, and the contents of SAg. IDg is a
 * plain Identification payload, SAg a plain SA payload (payload.h).
 *
 * struct gsa and struct kd own all octets in them; a parsed one does not refer
 * to the message. Both are used for building, too. kd_free() wipes.
 *
 * Parsers return 0, -EBADMSG (malformed: the whole message is rejected) or
 * -E2BIG (a limit of this implementation). Well-formed but unknown contents set
 * gsa_sa.unknown: the policy is then not acceptable, which gsa_check() reports.
 */
#ifndef WIRE_GPAYLOAD_H
#define WIRE_GPAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/opaque.h"
#include "wire/payload.h"
#include "lib/err.h"

/* ---- GSA, RFC 9838 4.4 -------------------------------------------------- */

#define GSA_MAX_DATA 8
#define GSA_MAX_NEXT_SPI 4
#define GSA_MAX_DEAD 8

/* Optional parts of a Group SA policy that are present. */
#define GSA_HAS_INTEG 0x0001
#define GSA_HAS_SN 0x0002
#define GSA_HAS_KWA 0x0004
#define GSA_HAS_GCAUTH 0x0008
#define GSA_HAS_ENCR 0x0010
#define GSA_HAS_LIFETIME 0x0020
#define GSA_HAS_INITIAL_MID 0x0040

/* A Group SA policy substructure (RFC 9838 section 4.4.2). */
struct gsa_sa {
	uint8_t proto; /* enum ike_protoid */
	uint8_t spi_len; /* 16 or 4, follows from proto */
	uint8_t spi[GIKE_SPI_MAX];
	struct ts src;
	struct ts dst;
	uint16_t has; /* GSA_HAS_* */
	uint16_t encr; /* enum ike_encr */
	uint16_t key_bits; /* key length of encr; 0: no attribute */
	uint16_t integ;
	uint16_t sn; /* enum gike_sn */
	uint16_t kwa; /* enum gike_kwa */
	uint16_t gcauth; /* enum gike_gcauth */
	uint8_t sigalg[SIG_MAX_ALG]; /* attribute 18 of GCAUTH */
	uint16_t sigalg_len;
	uint32_t lifetime; /* seconds left from receipt */
	uint32_t initial_mid;
	unsigned int n_next_spi;
	uint8_t next_spi[GSA_MAX_NEXT_SPI][GIKE_SPI_MAX];
	bool unknown; /* has a transform or attribute not known here */
	struct opaque opaque; /* private-use attributes */
};

/* Group-wide policy (RFC 9838 section 4.4.3). */
#define GWP_HAS_ATD 0x01
#define GWP_HAS_DTD 0x02
#define GWP_HAS_SENDER_ID_BITS 0x04
#define GWP_HAS_MADE 0x08
#define GWP_HAS_TERM 0x10

/* A Data SA that others have deleted, or will have in so many seconds. */
struct gsa_dead {
	uint32_t spi;
	uint16_t seconds;
};

struct gsa_gw {
	bool present;
	uint8_t has;
	uint16_t atd; /* seconds */
	uint16_t dtd; /* seconds */
	uint16_t sender_id_bits;
	/*
	 * Private use (GIKE_GWP_MADE): when the message was made, in
	 * milliseconds of the key server's time, and the maximum interval of
	 * two GSA_REKEYs in seconds.
	 */
	uint64_t made_ms;
	uint16_t beat;
	/*
	 * Private use (GIKE_GWP_NEXT_REKEY): SPIs of the next Rekey SAs, where
	 * a member that is being excluded could read GSA_NEXT_SPI.
	 */
	unsigned int n_next_rekey;
	uint8_t next_rekey[GSA_MAX_NEXT_SPI][GIKE_SPI_LEN_REKEY];
	/*
	 * Private use (GIKE_GWP_TERM), in answers to registrations: seconds
	 * until the membership ends unless it is renewed.
	 */
	uint32_t term;
	/*
	 * Private use (GIKE_GWP_DEAD), in messages to one sender: if it still sends with
	 * one of these Data SAs, it begins after so many seconds and not after @atd.
	 */
	unsigned int n_dead;
	struct gsa_dead dead[GSA_MAX_DEAD];
	struct opaque opaque; /* private-use attributes of others */
};

struct gsa {
	bool has_rekey;
	struct gsa_sa rekey;
	unsigned int n_data;
	struct gsa_sa data[GSA_MAX_DATA];
	struct gsa_gw gw;
	bool unknown; /* has a policy of an unknown protocol */
};

/*
 * Parse a GSA, which has at most one Rekey SA policy, at most one group-wide
 * policy, and at least one SA policy.
 */
int gsa_parse(struct rbuf *r, struct gsa *gsa);
void gsa_build(struct pchain *c, const struct gsa *gsa);

/*
 * Return the octets of KEYMAT of a policy, salts included: GSK_e | GSK_w of a
 * Rekey SA, the encryption key of a Data SA. -ENOTSUP: the algorithm is unknown
 * or the key length does not fit it.
 */
int gsa_keymat_len(const struct gsa_sa *sa);
/*
 * Return true if the cipher of this Data SA takes a counter as IV (RFC 6054).
 */
bool gsa_is_counter(const struct gsa_sa *sa);

/* ---- KD, RFC 9838 4.5 --------------------------------------------------- */

#define KD_MAX_BAGS (GSA_MAX_DATA + 1)
#define KD_MAX_SA_KEYS 64 /* in one bag */
#define KD_MAX_WRAP_KEYS 1024
#define KD_MAX_SENDER_IDS 256
#define KD_ENC_MAX 136 /* 128 octets wrapped as in RFC 5649 */
#define KD_PLAIN_MAX 128

/* Wrapped key (RFC 9838 section 4.5.4), the value of SA_KEY and WRAP_KEY. */
struct kd_key {
	uint32_t key_id; /* 0: SA keying material */
	uint32_t kwk_id; /* 0: wrapped with the default KWK */
	uint16_t len;
	uint8_t enc[KD_ENC_MAX];
};

/* Group Key Bag (RFC 9838 section 4.5.2). */
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
	/* Member Key Bag (RFC 9838 section 4.5.3). */
	unsigned int n_wrap;
	struct kd_key *wrap;
	uint16_t auth_key_len; /* 0: none */
	uint8_t *auth_key; /* DER SubjectPublicKeyInfo */
	unsigned int n_sender_ids;
	uint64_t *sender_ids;
};

void kd_init(struct kd *kd);
void kd_free(struct kd *kd); /* wipes; then as after kd_init() */

int kd_parse(struct rbuf *r, struct kd *kd);
void kd_build(struct pchain *c, const struct kd *kd);

/*
 * For the key server. kd_bag() finds or adds the bag of an SA. They return 0,
 * -ENOMEM, -E2BIG at a limit, or -EINVAL for a size that fits no SPI.
 */
int kd_bag(struct kd *kd, uint8_t proto, const uint8_t *spi,
	   struct kd_bag **bag);
int kd_bag_add(struct kd_bag *bag, const struct kd_key *key);
int kd_wrap_add(struct kd *kd, const struct kd_key *key);
int kd_set_auth_key(struct kd *kd, const uint8_t *spki, size_t len);
int kd_add_sender_id(struct kd *kd, uint32_t sender_id);
/* Return NULL if there is no such bag. */
const struct kd_bag *kd_find(const struct kd *kd, uint8_t proto,
			     const uint8_t *spi);

/* ---- key wrapping ------------------------------------------------------- */

/* Key wrap key with its algorithm. A secret, wiped by kwk_wipe(). */
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
 * Wrap @plain with @k into @out, with @key_id and @kwk_id. Returns 0, or
 * -EINVAL if @plain_len is 0 or more than KD_PLAIN_MAX.
 */
int kwk_wrap(const struct kwk *k, uint32_t key_id, uint32_t kwk_id,
	     const uint8_t *plain, size_t plain_len, struct kd_key *out);
/*
 * Unwrap @in into @plain. @want is the exact length that must result. Returns
 * 0, or -EBADMSG if the integrity check fails or the length differs; then
 * @plain is wiped.
 */
int kwk_unwrap(const struct kwk *k, const struct kd_key *in, uint8_t *plain,
	       size_t want);

/* ---- presence rules, RFC 9838 section 5 --------------------------------- */

enum gcarrier {
	GC_REGISTRATION, /* GSA_AUTH, GSA_REGISTRATION */
	GC_REKEY, /* GSA_REKEY */
	GC_INBAND, /* GSA_INBAND_REKEY */
};

/*
 * Check the attribute presence tables, the transform tables (RFC 9838 section
 * 4.4.2.1), bags against policies, and the selectors of the Rekey SA. @sender:
 * N(GROUP_SENDER) was in the request. A registration with a Rekey SA is for a
 * group that is rekeyed by multicast; one without is rekeyed inband. @kd may be
 * NULL only if @gsa is NULL.
 *
 * Returns 0; -EBADMSG if a MUST is violated; -ENOTSUP for an algorithm or
 * attribute that this code does not know. @err (may be NULL) gets one line that
 * names it. Called for everything that is received and for everything that is
 * about to be sent.
 */
int gsa_check(const struct gsa *gsa, const struct kd *kd, enum gcarrier where,
	      bool sender, struct err *err);

/* ---- SAg, RFC 9838 4.3 -------------------------------------------------- */

/* Return an SAg with all that this implementation supports, in proposal 1. */
const struct sa_pld *sag_default(void);
/*
 * The same without GIKE_UPDATE, for a member that cannot receive multicast
 * rekeys and asks to be rekeyed inband.
 */
const struct sa_pld *sag_inband(void);
/* Return true if @sag has no GIKE_UPDATE, and so no Rekey SA can be given. */
bool sag_is_inband(const struct sa_pld *sag);
/*
 * Return true if a member that sent @sag can use this policy: all transforms
 * of one protocol are in one proposal, and the proposals of all protocols have
 * one number. Otherwise @err names the first missing transform.
 */
bool sag_covers(const struct sa_pld *sag, const struct gsa *gsa,
		struct err *err);

#endif
