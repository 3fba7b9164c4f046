/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One spelling for one identity: certificates compare names without regard
 * to case, so must the list of who is kept out.
 */
#ifndef GCKS_IDENTITY_H
#define GCKS_IDENTITY_H

#include <stddef.h>

struct ike_id;

/* As text. 0 or -errno: of a kind that no list can name. */
int identity_of(const struct ike_id *id, char *buf, size_t size);
/* What an administrator typed. -ENAMETOOLONG. */
int identity_lower(const char *identity, char *buf, size_t size);

#endif
