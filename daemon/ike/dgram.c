// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ike/dgram.h"
#include "lib/secret.h"

int blob_set(struct blob *b, const void *p, size_t len)
{
	uint8_t *copy = secret_dup(p, len);

	if (!copy)
		return -ENOMEM;
	blob_free(b);
	b->p = copy;
	b->len = len;
	return 0;
}

void blob_free(struct blob *b)
{
	secret_free(b->p);
	b->p = NULL;
	b->len = 0;
}

bool blob_is(const struct blob *b, const void *p, size_t len)
{
	return b->p && b->len == len && !memcmp(b->p, p, len);
}

int dgrams_add(struct dgrams *d, const void *p, size_t len)
{
	struct blob *v;
	int ret;

	if (d->n == DGRAMS_MAX)
		return -E2BIG;
	v = reallocarray(d->v, d->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	d->v = v;
	memset(&v[d->n], 0, sizeof(v[0]));
	ret = blob_set(&v[d->n], p, len);
	if (!ret)
		d->n++;
	return ret;
}

int dgrams_set(struct dgrams *d, const void *p, size_t len)
{
	struct dgrams fresh = { 0 };
	int ret = dgrams_add(&fresh, p, len);

	if (!ret)
		dgrams_move(d, &fresh);
	else
		dgrams_free(&fresh);
	return ret;
}

void dgrams_free(struct dgrams *d)
{
	while (d->n)
		blob_free(&d->v[--d->n]);
	free(d->v);
	d->v = NULL;
}

void dgrams_move(struct dgrams *to, struct dgrams *from)
{
	dgrams_free(to);
	*to = *from;
	memset(from, 0, sizeof(*from));
}

bool dgrams_has(const struct dgrams *d, const void *p, size_t len)
{
	for (unsigned int i = 0; i < d->n; i++)
		if (blob_is(&d->v[i], p, len))
			return true;
	return false;
}
