// SPDX-License-Identifier: Apache-2.0
#include "gcks/group_key.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUM_LEN 17

int group_key(const struct group *g, const char *what, char *key)
{
	return store_key(key, "g", g->conf->name, what, NULL);
}

/* The number has 16 digits, so that keys sort by number. */
int group_key_num(const struct group *g, const char *what, uint64_t n,
		  char *key)
{
	char num[NUM_LEN];

	snprintf(num, sizeof(num), "%016llx", (unsigned long long)n);
	return store_key(key, "g", g->conf->name, what, num, NULL);
}

uint64_t group_key_number(const char *key)
{
	char num[NUM_LEN];

	return strtoull(store_key_last(key, num, sizeof(num)), NULL, 16);
}

int group_get_denied(const char *key, const uint8_t *val, size_t len,
		     char identity[static GMC_ID_MAX], int64_t *since)
{
	struct rbuf r;

	rbuf_init(&r, val, len);
	*since = (int64_t)rbuf_u64(&r);
	if (r.err || rbuf_left(&r))
		return -EBADMSG;
	store_key_last(key, identity, GMC_ID_MAX);
	return 0;
}

void group_put_addr(struct wbuf *w, const struct addr *a)
{
	wbuf_u8(w, a->len);
	wbuf_put(w, a->b, a->len);
}

void group_put_ep(struct wbuf *w, const struct ep *e)
{
	group_put_addr(w, &e->addr);
	wbuf_u16(w, e->port);
	wbuf_u32(w, e->scope);
}

void group_get_addr(struct rbuf *r, struct addr *a)
{
	uint8_t len = rbuf_u8(r);
	const uint8_t *b = rbuf_bytes(r, len);

	memset(a, 0, sizeof(*a));
	if (!r->err && len == 4)
		addr_set(a, AF_INET, b);
	else if (!r->err && len == 16)
		addr_set(a, AF_INET6, b);
	else if (len)
		r->err = -EBADMSG;
}

void group_get_ep(struct rbuf *r, struct ep *e)
{
	memset(e, 0, sizeof(*e));
	group_get_addr(r, &e->addr);
	e->port = rbuf_u16(r);
	e->scope = rbuf_u32(r);
}
