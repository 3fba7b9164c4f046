/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pre-shared keys (RFC 7296 section 2.15), one for each identity of a peer.
 *
 * An identity is written as a certificate's is, or as "key-id:NAME" for
 * ID_KEY_ID, which no certificate has. Who has a pre-shared key authenticates
 * by it and by nothing else, and so do we towards it; all others need a
 * certificate. The configuration thus gives each identity one method, and no
 * message can choose another.
 */
#ifndef IKE_PSK_H
#define IKE_PSK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/prf.h"
#include "wire/payload.h"
#include "lib/err.h"

/*
 * Octets of a key. Whoever plays the key server for a moment can guess a short
 * key off-line (RFC 7296 section 5), so there is a least length.
 */
#define PSK_MIN 16
#define PSK_MAX 256

/* A pre-shared key; a secret, owned by its table. */
struct psk {
	char *id;
	uint8_t *key;
	size_t len;
};

struct psks;

int psks_new(struct psks **out); /* 0 or -ENOMEM */
void psks_free(struct psks *p); /* wipes; NULL is allowed */
/*
 * Add a copy of a key. Returns 0, -ENOMEM, -EINVAL (no identity, or no length of
 * a key), -EIO (crypto/) or -EEXIST: another entry has the identity, or a key that
 * gives the same AUTH by some PRF. Two peers with one key could each claim to be the
 * other.
 */
int psks_add(struct psks *p, const char *id, const void *key, size_t len,
	     struct err *err);
/*
 * Add the key in a file, which nobody else may read (file_read_secret()): "0x"
 * and hexadecimal digits, or printable ASCII that is taken as it is; a newline
 * at the end does not count. Errors are those of psks_add(), or -errno of the
 * file.
 */
int psks_load(struct psks *p, const char *id, const char *path,
	      struct err *err);
/*
 * Read the key in such a file, to be freed with secret_free(). Returns 0,
 * -ENOMEM, -EINVAL, or -errno of the file.
 */
int psk_read_file(const char *path, uint8_t **key, size_t *len,
		  struct err *err);
/*
 * Find the key of an identity, without regard to case. Returns NULL if there is
 * none; @p may be NULL.
 */
const struct psk *psks_find(const struct psks *p, const char *id);
/* Return true if both have the same octets, or both are NULL. */
bool psk_same(const struct psk *a, const struct psk *b);
/*
 * Call @fn for each identity of which one table has no key or another one than
 * the other table: those that @to lacks, then the others. @old or @new is NULL
 * if it has none. A table may be NULL, which is an empty one.
 */
typedef void psk_diff_fn(void *arg, const char *id, const struct psk *old,
			 const struct psk *new);
void psks_diff(const struct psks *from, const struct psks *to, psk_diff_fn *fn,
	       void *arg);

/*
 * Write the identity of a peer, for access lists, rosters and psks_find(), into
 * @buf. Returns 0, or -EINVAL or -ENOSPC if it cannot be written as text.
 */
int peer_id_str(const struct ike_id *id, char *buf, size_t size);
/* Make an ID from that text. Returns 0 or -EINVAL. */
int peer_id_parse(struct ike_id *id, const char *text);

/*
 * AUTH with a pre-shared key: prf(prf(key, "Key Pad for IKEv2"), octets), of
 * prf_len() octets. Returns 0 or an error of prf(); then @out is wiped.
 */
int psk_mac(unsigned int prf_id, const struct psk *psk, const uint8_t *octets,
	    size_t len, uint8_t out[PRF_MAX_LEN]);

#endif
