/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Post-quantum pre-shared keys (RFC 8784): secrets that both sides mix into
 * SK_d, SK_pi and SK_pr of a new IKE SA, and so into the key wrap key of its
 * groups. A PPK is no means of authentication, and several peers may share one.
 * At each end, an identity of a peer has at most one.
 */
#ifndef IKE_PPK_H
#define IKE_PPK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/payload.h"
#include "lib/err.h"

/* RFC 8784 section 6: 256 bits of entropy, so 32 octets at least. */
#define PPK_MIN 32
#define PPK_MAX 256
#define PPK_NAME_MAX 128

/* A PPK; a secret, owned by its table. */
struct ppk {
	char *id; /* identity of the peer */
	char *name; /* PPK_ID */
	uint8_t *key;
	size_t len;
	bool mandatory; /* no IKE SA without it */
};

struct ppks;

int ppks_new(struct ppks **out); /* 0 or -ENOMEM */
void ppks_free(struct ppks *p); /* wipes; NULL is allowed */
/*
 * Add a copy of the PPK @like. Returns 0, -ENOMEM, -EINVAL (identity, name or
 * length) or -EEXIST (the identity is there).
 */
int ppks_add(struct ppks *p, const struct ppk *like, struct err *err);
/*
 * Add the PPK in a file, which has the form of psks_load(); @like has all but
 * the key. Errors are those of ppks_add(), or -errno of the file.
 */
int ppks_load(struct ppks *p, const struct ppk *like, const char *path,
	      struct err *err);
/*
 * Find the PPK for a peer's identity, without regard to case. Returns NULL if
 * there is none; @p may be NULL.
 */
const struct ppk *ppks_find(const struct ppks *p, const char *id);

/* Return true if both have the same name and octets, or both are NULL. */
bool ppk_same_secret(const struct ppk *a, const struct ppk *b);
/* Like ppk_same_secret(), and both or neither are mandatory. */
bool ppk_same(const struct ppk *a, const struct ppk *b);
/*
 * Call @fn for each identity for which one table has no PPK or another one than
 * the other table: those that @to lacks, then the others. @old or @new is NULL
 * if there is none. A table may be NULL, which is an empty one.
 */
typedef void ppk_diff_fn(void *arg, const char *id, const struct ppk *old,
			 const struct ppk *new);
void ppks_diff(const struct ppks *from, const struct ppks *to, ppk_diff_fn *fn,
	       void *arg);

/* Add N(PPK_IDENTITY) with the PPK_ID: PPK_ID_FIXED and the name. */
void ppk_put_identity(struct pchain *c, const struct ppk *ppk);
/* Return true if the notify has the PPK_ID of @ppk. */
bool ppk_is_named(const struct ppk *ppk, const struct notify_pld *n);

#endif
