/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key exchange with an ephemeral key pair that is used once. Public values have
 * the form of the KE payload: X25519 as in RFC 8031 (32 octets), P-256 and
 * P-384 as in RFC 5903 (x | y, 64 and 96 octets). The shared secret is the u or
 * x coordinate alone.
 */
#ifndef CRYPTO_DH_H
#define CRYPTO_DH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/iana.h"

#define DH_MAX_SHARED 48

struct dh;

/* Return octets, 0 if the group is unknown. */
size_t dh_public_len(unsigned int group);
size_t dh_shared_len(unsigned int group);
/*
 * Make a key pair; *@out is freed with dh_free(). Returns 0, -EOPNOTSUPP, -EIO
 * or -ENOMEM.
 */
int dh_new(unsigned int group, struct dh **out);
/* For tests: makes a key pair from a private scalar in the form of the RFC. */
int dh_new_private(unsigned int group, const uint8_t *priv, size_t len,
		   struct dh **out);
void dh_free(struct dh *dh);
unsigned int dh_group(const struct dh *dh);
/* Return dh_public_len() octets, valid as long as @dh. */
const uint8_t *dh_public(const struct dh *dh);
/*
 * Return false if dh_shared() would refuse the peer's value, as far as that is seen
 * without a key pair: an X25519 value of low order is seen by the result only.
 */
bool dh_peer_ok(unsigned int group, const uint8_t *peer, size_t len);
/*
 * Compute dh_shared_len() octets, a secret. Returns 0, or -EBADMSG with @out
 * wiped if the peer's value has another length, is not on the curve, is the
 * point at infinity, or is of low order (RFC 7748 section 6.1: an all-zero
 * result).
 */
int dh_shared(const struct dh *dh, const uint8_t *peer, size_t len,
	      uint8_t *out);

#endif
