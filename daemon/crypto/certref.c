// SPDX-License-Identifier: Apache-2.0
#include "crypto/certref.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool has_ref(const struct cert_refs *refs, const uint8_t *ref)
{
	unsigned int i;

	for (i = 0; i < refs->n; i++)
		if (!memcmp(refs->v[i], ref, CERT_REF_LEN))
			return true;
	return false;
}

int cert_refs_add(struct cert_refs *refs, const uint8_t ref[CERT_REF_LEN])
{
	uint8_t(*v)[CERT_REF_LEN];

	if (has_ref(refs, ref))
		return 0;
	if (refs->n == CERT_REFS_MAX)
		return -ENOSPC;
	v = reallocarray(refs->v, refs->n + 1u, sizeof(*v));
	if (!v)
		return -ENOMEM;
	memcpy(v[refs->n++], ref, CERT_REF_LEN);
	refs->v = v;
	return 0;
}

static int add_all(struct cert_refs *to, const struct cert_refs *from)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < from->n; i++)
		ret = cert_refs_add(to, from->v[i]);
	return ret;
}

int cert_refs_union(const struct cert_refs *a, const struct cert_refs *b,
		    struct cert_refs *out)
{
	int ret;

	*out = (struct cert_refs){ 0 };
	ret = add_all(out, a);
	if (!ret)
		ret = add_all(out, b);
	if (ret)
		cert_refs_free(out);
	return ret;
}

bool cert_refs_cover(const struct cert_refs *refs, const struct cert_refs *part)
{
	unsigned int i;

	for (i = 0; i < part->n; i++)
		if (!has_ref(refs, part->v[i]))
			return false;
	return true;
}

bool cert_refs_fit(const struct cert_refs *a, const struct cert_refs *b)
{
	unsigned int i, n = a->n;

	for (i = 0; i < b->n; i++)
		n += !has_ref(a, b->v[i]);
	return n <= CERT_REFS_MAX;
}

void cert_refs_free(struct cert_refs *refs)
{
	free(refs->v);
	*refs = (struct cert_refs){ 0 };
}
