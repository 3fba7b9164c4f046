// SPDX-License-Identifier: Apache-2.0
#include "crypto/ke.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/dh.h"
#include "crypto/kem.h"

/* One of the two. */
struct ke {
	struct dh *dh;
	struct kem *kem;
};

static const struct {
	unsigned int method;
	const char *name;
} names[] = {
	{ IKE_KE_X25519, "x25519" },
	{ IKE_KE_P256, "p-256" },
	{ IKE_KE_P384, "p-384" },
	{ IKE_KE_ML_KEM_768, "ml-kem-768" },
	{ IKE_KE_ML_KEM_1024, "ml-kem-1024" },
};

#define NAMES (sizeof(names) / sizeof(names[0]))

static bool is_kem(unsigned int method)
{
	return kem_name(method);
}

bool ke_available(unsigned int method)
{
	return is_kem(method) ? kem_available(method) : dh_public_len(method);
}

const char *ke_library(void)
{
	return OpenSSL_version(OPENSSL_VERSION_STRING);
}

const char *ke_name(unsigned int method)
{
	for (size_t i = 0; i < NAMES; i++)
		if (names[i].method == method)
			return names[i].name;
	return "?";
}

unsigned int ke_by_name(const char *name)
{
	for (size_t i = 0; i < NAMES; i++)
		if (!strcmp(names[i].name, name))
			return names[i].method;
	return 0;
}

int ke_new(unsigned int method, struct ke **out)
{
	struct ke *ke = calloc(1, sizeof(*ke));
	int ret;

	if (!ke)
		return -ENOMEM;
	ret = is_kem(method) ? kem_new(method, &ke->kem)
			     : dh_new(method, &ke->dh);
	if (ret)
		free(ke);
	else
		*out = ke;
	return ret;
}

void ke_free(struct ke *ke)
{
	if (!ke)
		return;
	kem_free(ke->kem);
	dh_free(ke->dh);
	free(ke);
}

unsigned int ke_method(const struct ke *ke)
{
	return ke->kem ? kem_method(ke->kem) : dh_group(ke->dh);
}

const uint8_t *ke_offer(const struct ke *ke, size_t *len)
{
	if (ke->kem) {
		*len = kem_public_len(kem_method(ke->kem));
		return kem_public(ke->kem);
	}
	*len = dh_public_len(dh_group(ke->dh));
	return dh_public(ke->dh);
}

static int answer_dh(unsigned int method, const uint8_t *offer, size_t len,
		     struct ke_answer *answer, struct ke_shared *shared)
{
	struct dh *dh;
	int ret = dh_new(method, &dh);

	if (ret)
		return ret;
	ret = dh_shared(dh, offer, len, shared->p);
	answer->len = dh_public_len(method);
	memcpy(answer->p, dh_public(dh), answer->len);
	shared->len = dh_shared_len(method);
	dh_free(dh);
	return ret;
}

int ke_answer(unsigned int method, const uint8_t *offer, size_t len,
	      struct ke_answer *answer, struct ke_shared *shared)
{
	int ret;

	if (is_kem(method)) {
		answer->len = kem_cipher_len(method);
		shared->len = KEM_SHARED_LEN;
		ret = kem_encapsulate(method, offer, len, answer->p, shared->p);
	} else {
		ret = answer_dh(method, offer, len, answer, shared);
	}
	if (ret)
		ke_wipe(shared);
	return ret;
}

int ke_finish(const struct ke *ke, const uint8_t *answer, size_t len,
	      struct ke_shared *shared)
{
	int ret;

	if (ke->kem) {
		shared->len = KEM_SHARED_LEN;
		ret = kem_decapsulate(ke->kem, answer, len, shared->p);
	} else {
		shared->len = dh_shared_len(dh_group(ke->dh));
		ret = dh_shared(ke->dh, answer, len, shared->p);
	}
	if (ret)
		ke_wipe(shared);
	return ret;
}

void ke_wipe(struct ke_shared *shared)
{
	OPENSSL_cleanse(shared, sizeof(*shared));
}
