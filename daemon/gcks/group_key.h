/* SPDX-License-Identifier: Apache-2.0 */
/* What the records of a group are called in the store. */
#ifndef GCKS_GROUP_KEY_H
#define GCKS_GROUP_KEY_H

#include "gcks/group.h"

/* g/NAME/@what. @key has room for STORE_KEY_MAX. 0 or -ENAMETOOLONG. */
int group_key(const struct group *g, const char *what, char *key);
/* g/NAME/@what/N, where the order of keys is that of numbers. */
int group_key_num(const struct group *g, const char *what, uint64_t n,
		  char *key);
/* The N of such a key. */
uint64_t group_key_number(const char *key);
/* An address with its port within a record. Errors are in @w and @r. */
void group_put_ep(struct wbuf *w, const struct ep *e);
void group_get_ep(struct rbuf *r, struct ep *e);

#endif
