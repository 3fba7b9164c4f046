/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a recorder of vectors, shared by the files vectors*.c. */
#ifndef VECTORS_STATE_H
#define VECTORS_STATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "ike/intauth.h"
#include "ike/sa.h"
#include "ike/ppk.h"
#include "vectors.h"
#include "wire/gpayload.h"

/* Abort for an error of the recorder, or a message that it cannot read. */
#define DIE(...) \
	do { \
		fprintf(stderr, "%s:%d: ", __FILE__, __LINE__); \
		fprintf(stderr, __VA_ARGS__); \
		fputc('\n', stderr); \
		exit(1); \
	} while (0)

#define DRAW_MAX 64 /* octets of a draw that may be a key */
#define STREAMS 32 /* sizes of draws */
#define PARTS 16 /* fragments of a message */

struct draw {
	uint8_t p[DRAW_MAX];
	size_t len;
};

struct stream {
	size_t size;
	uint64_t n;
};

/* One side's part of an exchange that makes keys. */
struct half {
	uint8_t spi[IKE_SPI_LEN];
	uint8_t nonce[IKE_NONCE_MAX];
	size_t nonce_len;
	uint8_t ke[DH_MAX_PUBLIC];
	size_t ke_len;
	uint8_t *msg; /* IKE_SA_INIT as sent, owned */
	size_t len;
};

/* The fragments of a message that came so far. */
struct parts {
	uint16_t total;
	uint8_t first; /* type of the first payload */
	struct {
		uint8_t *p; /* owned */
		size_t len;
	} v[PARTS];
};

/* Additional key exchanges of an IKE SA (RFC 9370). */
struct vec_addke {
	struct half i; /* KE of the request */
	struct int_auth by_i, by_r; /* IKE_INTERMEDIATE alone */
	struct ike_secrets secrets; /* only a renewal has more than one */
	unsigned int done;
	json_t *list; /* owned by the object of the IKE SA */
};

struct vec_sa {
	char name[24];
	struct ike_suite suite;
	struct half i, r;
	struct ike_keys keys;
	json_t *o; /* owned by the document, or NULL */
	struct vec_addke addke;
	/* A renewal whose additional key exchanges go on; owned. */
	struct vec_sa *renewal;
	struct half ask; /* the request of a renewal that is open */
	bool asked_by_i;
	struct parts parts[2]; /* initiator, responder */
	struct vec_sa *next;
};

/* An IKE_SA_INIT request; the last one with its SPI counts. */
struct vec_init {
	struct half half;
	struct vec_init *next;
};

struct vec_rekey {
	uint8_t spi[GIKE_SPI_LEN_REKEY];
	struct sk_key key;
	struct kwk kwk;
	struct parts parts;
	struct vec_rekey *next;
};

struct vec_key {
	uint32_t id;
	struct kwk kwk;
	struct vec_key *next;
};

struct sent {
	uint64_t hash;
	json_t *o; /* owned by the document; NULL: not recorded */
	struct sent *next;
};

struct vectors {
	const char *name;
	const char *step;
	struct stream stream[2][STREAMS]; /* ours, OpenSSL's */
	struct draw *draws;
	size_t n_draws;
	struct vec_init *inits;
	struct vec_sa *sas;
	unsigned int n_sas;
	struct vec_rekey *rekeys;
	struct vec_key *tree;
	struct sent *sent;
	bool multicast_only;
	unsigned int fragments; /* the most of a recorded message */
	const struct ppk *ppk; /* both sides have it */
	json_t *doc, *identities, *psks, *signing, *ike_sas, *rekey_sas,
		*data_sas, *tree_keys, *messages;
};

/* ---- vectors_draw.c ----------------------------------------------------- */

/* Give the generators back. */
void vectors_draw_end(void);
/*
 * Find the private value of a KE payload among the draws; aborts if there is
 * none. The caller frees the result.
 */
struct dh *vectors_find_dh(const struct vectors *v, unsigned int ke,
			   const struct half *h, const struct draw **out);

/* ---- vectors_keys.c ----------------------------------------------------- */

/*
 * Derive the keys of @sa, and record both. @old is the IKE SA that it renews,
 * or NULL. A renewal that has additional key exchanges is kept in @old until
 * vectors_followup() has seen the last one.
 */
void vectors_derive(struct vectors *v, struct vec_sa *sa, struct vec_sa *old);
/* A PPK (RFC 8784), whose name is in the message, is mixed into the keys. */
void vectors_mix_ppk(struct vectors *v, struct vec_sa *sa,
		     const struct ike_msg *m);

/* ---- vectors_addke.c ---------------------------------------------------- */

/* The IKE SA has this method next, by IKE_SA_INIT or CREATE_CHILD_SA; 0: none. */
unsigned int vectors_addke_due(const struct vec_sa *sa);
/*
 * A message of IKE_INTERMEDIATE, with the datagram @p and its decrypted content: an
 * answer replaces the keys.
 */
void vectors_intermediate(struct vectors *v, struct vec_sa *sa,
			  const struct ike_msg *m, const uint8_t *p,
			  const uint8_t *inner, size_t len);
/* A message of IKE_FOLLOWUP_KE over the IKE SA that is renewed. */
void vectors_followup(struct vectors *v, struct vec_sa *old,
		      const struct ike_msg *m);
/* Complete a renewal whose secrets are all known. */
void vectors_derive_renewal(struct vectors *v, struct vec_sa *sa,
			    const struct vec_sa *old);
/* Add the members of all keys to @o. */
void vectors_put_keys(json_t *o, const struct ike_seed *seed,
		      const struct ike_keys *k);
/* Return the Rekey SA with this SPI, or NULL. */
struct vec_rekey *vectors_find_rekey(const struct vectors *v,
				     const uint8_t *spi);
/* Unwrap all keys in KD of @m, and record them in @o. */
void vectors_put_kd(struct vectors *v, json_t *o, const struct ike_msg *m,
		    const struct kwk *def);

#endif
