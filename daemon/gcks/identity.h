/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Normal form of identities. Certificates and pre-shared keys compare names
 * without regard to case, so the list of denied identities must do so as well.
 */
#ifndef GCKS_IDENTITY_H
#define GCKS_IDENTITY_H

#include <stddef.h>

struct ike_id;

/*
 * Write @id as normalised text. Returns 0, or -errno for a type that no list
 * can name.
 */
int identity_of(const struct ike_id *id, char *buf, size_t size);
/*
 * Normalise an identity that an administrator typed. Returns 0 or
 * -ENAMETOOLONG.
 */
int identity_lower(const char *identity, char *buf, size_t size);

#endif
