// SPDX-License-Identifier: Apache-2.0
#include "lib/secret.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct secret {
	size_t size;
	max_align_t data[];
};

void *secret_alloc(size_t n)
{
	struct secret *s;

	if (n > SIZE_MAX - sizeof(*s))
		return NULL;
	s = calloc(1, sizeof(*s) + n);
	if (!s)
		return NULL;
	s->size = n;
	return s->data;
}

void *secret_dup(const void *p, size_t n)
{
	void *d = secret_alloc(n);

	if (d && n)
		memcpy(d, p, n);
	return d;
}

void secret_free(void *p)
{
	struct secret *s;

	if (!p)
		return;
	s = (void *)((char *)p - offsetof(struct secret, data));
	explicit_bzero(s->data, s->size);
	free(s);
}

void secret_wipe(void *p, size_t n)
{
	if (n)
		explicit_bzero(p, n);
}
