// SPDX-License-Identifier: Apache-2.0
#include "fail.h"

#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>

static unsigned int left;
static bool came;
/*
 * OpenSSL calls these functions internally for random numbers, which is not
 * counted.
 */
static unsigned int depth;

void fail_nth(unsigned int n)
{
	left = n;
	came = false;
}

bool fail_came(void)
{
	left = 0;
	return came;
}

/* Decide whether this call fails; otherwise @next is the hidden function. */
static bool fails(void *next, const char *name)
{
	void **p = next;

	if (!*p)
		*p = dlsym(RTLD_NEXT, name);
	if (!*p)
		abort();
	if (depth || !left || --left)
		return false;
	came = true;
	return true;
}

int RAND_priv_bytes(unsigned char *p, int n)
{
	static typeof(RAND_priv_bytes) *next;
	int ret = 0;

	if (!fails(&next, "RAND_priv_bytes")) {
		depth++;
		ret = next(p, n);
		depth--;
	}
	return ret;
}

int EVP_CipherInit_ex(EVP_CIPHER_CTX *c, const EVP_CIPHER *type, ENGINE *e,
		      const unsigned char *key, const unsigned char *iv,
		      int enc)
{
	static typeof(EVP_CipherInit_ex) *next;
	int ret = 0;

	if (!fails(&next, "EVP_CipherInit_ex")) {
		depth++;
		ret = next(c, type, e, key, iv, enc);
		depth--;
	}
	return ret;
}

int EVP_CipherUpdate(EVP_CIPHER_CTX *c, unsigned char *out, int *n,
		     const unsigned char *in, int len)
{
	static typeof(EVP_CipherUpdate) *next;
	int ret = 0;

	if (!fails(&next, "EVP_CipherUpdate")) {
		depth++;
		ret = next(c, out, n, in, len);
		depth--;
	}
	return ret;
}

int EVP_CipherFinal_ex(EVP_CIPHER_CTX *c, unsigned char *out, int *n)
{
	static typeof(EVP_CipherFinal_ex) *next;
	int ret = 0;

	if (!fails(&next, "EVP_CipherFinal_ex")) {
		depth++;
		ret = next(c, out, n);
		depth--;
	}
	return ret;
}

int EVP_CIPHER_CTX_ctrl(EVP_CIPHER_CTX *c, int type, int arg, void *p)
{
	static typeof(EVP_CIPHER_CTX_ctrl) *next;
	int ret = 0;

	if (!fails(&next, "EVP_CIPHER_CTX_ctrl")) {
		depth++;
		ret = next(c, type, arg, p);
		depth--;
	}
	return ret;
}

int EVP_MAC_init(EVP_MAC_CTX *c, const unsigned char *key, size_t len,
		 const OSSL_PARAM params[])
{
	static typeof(EVP_MAC_init) *next;
	int ret = 0;

	if (!fails(&next, "EVP_MAC_init")) {
		depth++;
		ret = next(c, key, len, params);
		depth--;
	}
	return ret;
}

int EVP_MAC_update(EVP_MAC_CTX *c, const unsigned char *p, size_t n)
{
	static typeof(EVP_MAC_update) *next;
	int ret = 0;

	if (!fails(&next, "EVP_MAC_update")) {
		depth++;
		ret = next(c, p, n);
		depth--;
	}
	return ret;
}

int EVP_MAC_final(EVP_MAC_CTX *c, unsigned char *out, size_t *n, size_t size)
{
	static typeof(EVP_MAC_final) *next;
	int ret = 0;

	if (!fails(&next, "EVP_MAC_final")) {
		depth++;
		ret = next(c, out, n, size);
		depth--;
	}
	return ret;
}
