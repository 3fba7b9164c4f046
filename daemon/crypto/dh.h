/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key exchange: one ephemeral key pair, used once. Public values have the
 * form that goes into the KE payload: X25519 RFC 8031 (32 octets), P-256 and
 * P-384 RFC 5903 (x | y, 64 and 96 octets); shared secrets are the u or x
 * coordinate alone.
 */
#ifndef CRYPTO_DH_H
#define CRYPTO_DH_H

#include <stddef.h>
#include <stdint.h>

/* IANA, transform type 4 */
enum dh_group {
	DH_P256 = 19,
	DH_P384 = 20,
	DH_X25519 = 31,
};

#define DH_MAX_PUBLIC 96
#define DH_MAX_SHARED 48

struct dh;

/* 0 when the group is unknown. */
size_t dh_public_len(unsigned int group);
size_t dh_shared_len(unsigned int group);
/* 0, -EOPNOTSUPP, -EIO, -ENOMEM */
int dh_new(unsigned int group, struct dh **out);
/* Tests: from a given private scalar (as the RFC prints it). */
int dh_new_private(unsigned int group, const uint8_t *priv, size_t len,
		   struct dh **out);
void dh_free(struct dh *dh);
unsigned int dh_group(const struct dh *dh);
/* dh_public_len() octets, valid as long as @dh. */
const uint8_t *dh_public(const struct dh *dh);
/*
 * Writes dh_shared_len() octets. -EBADMSG, and @out wiped, for a peer value of
 * another length, not on the curve, the point at infinity, or of low order
 * (RFC 7748 6.1: an all-zero result).
 */
int dh_shared(const struct dh *dh, const uint8_t *peer, size_t len,
	      uint8_t *out);

#endif
