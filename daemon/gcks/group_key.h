/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the records of a group in the store. */
#ifndef GCKS_GROUP_KEY_H
#define GCKS_GROUP_KEY_H

#include "gcks/group.h"

/*
 * Make the key g/NAME/@what in @key, which has room for STORE_KEY_MAX octets.
 * Returns 0 or -ENAMETOOLONG.
 */
int group_key(const struct group *g, const char *what, char *key);
/*
 * Make the key g/NAME/@what/N; keys sort by number. Returns 0 or
 * -ENAMETOOLONG.
 */
int group_key_num(const struct group *g, const char *what, uint64_t n,
		  char *key);
/* Return the N of such a key. */
uint64_t group_key_number(const char *key);
/* Encode and decode an address and port. Errors are kept in @w and @r. */
void group_put_ep(struct wbuf *w, const struct ep *e);
void group_get_ep(struct rbuf *r, struct ep *e);

#endif
