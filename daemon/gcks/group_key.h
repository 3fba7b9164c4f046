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
/*
 * Decode the record of a denied identity, which is the last part of @key; @since is in
 * seconds since 1970. Returns 0 or -EBADMSG.
 */
int group_get_denied(const char *key, const uint8_t *val, size_t len,
		     char identity[static GMC_ID_MAX], int64_t *since);
/* Encode and decode an address, without and with a port. Errors stay in @w and @r. */
void group_put_addr(struct wbuf *w, const struct addr *a);
void group_get_addr(struct rbuf *r, struct addr *a);
void group_put_ep(struct wbuf *w, const struct ep *e);
void group_get_ep(struct rbuf *r, struct ep *e);

#endif
