// SPDX-License-Identifier: Apache-2.0
#include "verified.h"

#include <dlfcn.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define KEY_LEN 32
#define SIG_LEN 64
#define KNOWN 64

/* A signature that OpenSSL has verified. */
static struct known {
	uint8_t key[KEY_LEN];
	uint8_t sig[SIG_LEN];
	uint8_t *msg;
	size_t len;
} known[KNOWN];
static unsigned int n_known;
static bool remembers;

void verified_remember(bool yes)
{
	unsigned int i;

	remembers = yes;
	for (i = 0; !yes && i < KNOWN; i++) {
		free(known[i].msg);
		memset(&known[i], 0, sizeof(known[i]));
	}
}

static bool get_key(EVP_MD_CTX *ctx, uint8_t key[static KEY_LEN])
{
	EVP_PKEY_CTX *pctx = EVP_MD_CTX_get_pkey_ctx(ctx);
	EVP_PKEY *pkey = pctx ? EVP_PKEY_CTX_get0_pkey(pctx) : NULL;
	size_t len = KEY_LEN;

	return pkey && EVP_PKEY_get_base_id(pkey) == EVP_PKEY_ED25519 &&
	       EVP_PKEY_get_raw_public_key(pkey, key, &len) == 1 &&
	       len == KEY_LEN;
}

static bool is_known(const uint8_t *key, const uint8_t *sig, const uint8_t *msg,
		     size_t len)
{
	const struct known *k;

	for (k = known; k < known + KNOWN; k++)
		if (k->msg && k->len == len && !memcmp(k->sig, sig, SIG_LEN) &&
		    !memcmp(k->key, key, KEY_LEN) && !memcmp(k->msg, msg, len))
			return true;
	return false;
}

static void note(const uint8_t *key, const uint8_t *sig, const uint8_t *msg,
		 size_t len)
{
	struct known *k = &known[n_known++ % KNOWN];

	free(k->msg);
	k->msg = malloc(len);
	if (!k->msg)
		return;
	memcpy(k->msg, msg, len);
	memcpy(k->key, key, KEY_LEN);
	memcpy(k->sig, sig, SIG_LEN);
	k->len = len;
}

int EVP_DigestVerify(EVP_MD_CTX *ctx, const unsigned char *sig, size_t sig_len,
		     const unsigned char *msg, size_t len)
{
	static typeof(EVP_DigestVerify) *next;
	uint8_t key[KEY_LEN];
	bool noted;
	int ret;

	if (!next)
		next = (typeof(next))dlsym(RTLD_NEXT, "EVP_DigestVerify");
	if (!next)
		abort();
	noted = remembers && len && sig_len == SIG_LEN && get_key(ctx, key);
	if (noted && is_known(key, sig, msg, len))
		return 1;
	ret = next(ctx, sig, sig_len, msg, len);
	if (noted && ret == 1)
		note(key, sig, msg, len);
	return ret;
}
