// SPDX-License-Identifier: Apache-2.0
#include "crypto/certref.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint8_t (*array_of(const struct cert_refs *refs))[CERT_REF_LEN]
{
	uint8_t(*v)[CERT_REF_LEN] = NULL;

	if (refs->n > 1)
		memcpy(&v, refs->many, sizeof(v));
	return v;
}

const uint8_t (*cert_refs_v(const struct cert_refs *refs))[CERT_REF_LEN]
{
	const void *v = refs->n > 1 ? (const void *)array_of(refs) : refs->one;

	return v;
}

static bool has_ref(const struct cert_refs *refs, const uint8_t *ref)
{
	const uint8_t(*v)[CERT_REF_LEN] = cert_refs_v(refs);
	unsigned int i;

	for (i = 0; i < refs->n; i++)
		if (!memcmp(v[i], ref, CERT_REF_LEN))
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
	if (!refs->n) {
		memcpy(refs->one, ref, CERT_REF_LEN);
		refs->n = 1;
		return 0;
	}
	v = reallocarray(array_of(refs), refs->n + 1u, sizeof(*v));
	if (!v)
		return -ENOMEM;
	if (refs->n == 1)
		memcpy(v[0], refs->one, CERT_REF_LEN);
	memcpy(v[refs->n++], ref, CERT_REF_LEN);
	memcpy(refs->many, &v, sizeof(v));
	return 0;
}

static int add_all(struct cert_refs *to, const struct cert_refs *from)
{
	const uint8_t(*v)[CERT_REF_LEN] = cert_refs_v(from);
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < from->n; i++)
		ret = cert_refs_add(to, v[i]);
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
	const uint8_t(*v)[CERT_REF_LEN] = cert_refs_v(part);
	unsigned int i;

	for (i = 0; i < part->n; i++)
		if (!has_ref(refs, v[i]))
			return false;
	return true;
}

bool cert_refs_fit(const struct cert_refs *a, const struct cert_refs *b)
{
	const uint8_t(*v)[CERT_REF_LEN] = cert_refs_v(b);
	unsigned int i, n = a->n;

	for (i = 0; i < b->n; i++)
		n += !has_ref(a, v[i]);
	return n <= CERT_REFS_MAX;
}

void cert_refs_free(struct cert_refs *refs)
{
	free(array_of(refs));
	*refs = (struct cert_refs){ 0 };
}
