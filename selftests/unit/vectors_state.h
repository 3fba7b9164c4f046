/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a recorder of vectors, shared by the files vectors*.c. */
#ifndef VECTORS_STATE_H
#define VECTORS_STATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "ike/sa.h"
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

struct vec_sa {
	char name[24];
	struct ike_suite suite;
	struct half i, r;
	struct ike_keys keys;
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
 * or NULL.
 */
void vectors_derive(struct vectors *v, struct vec_sa *sa,
		    const struct vec_sa *old);
/* Return the Rekey SA with this SPI, or NULL. */
struct vec_rekey *vectors_find_rekey(const struct vectors *v,
				     const uint8_t *spi);
/* Unwrap all keys in KD of @m, and record them in @o. */
void vectors_put_kd(struct vectors *v, json_t *o, const struct ike_msg *m,
		    const struct kwk *def);

#endif
