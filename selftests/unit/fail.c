// SPDX-License-Identifier: Apache-2.0
#include "fail.h"

#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>

static unsigned int left;
static bool came;

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

static bool fails(void)
{
	if (!left || --left)
		return false;
	came = true;
	return true;
}

/* The function of OpenSSL that the caller's name hides */
static void *real(const char *name)
{
	void *p = dlsym(RTLD_NEXT, name);

	if (!p)
		abort();
	return p;
}

#define FAILS(name, args, ...)						\
int name args								\
{									\
	static int (*next) args;					\
									\
	if (!next)							\
		next = (int (*) args)real(#name);			\
	return fails() ? 0 : next(__VA_ARGS__);				\
}

FAILS(RAND_priv_bytes, (unsigned char *p, int n), p, n)
FAILS(EVP_CipherInit_ex, (EVP_CIPHER_CTX *c, const EVP_CIPHER *type,
			  ENGINE *e, const unsigned char *key,
			  const unsigned char *iv, int enc),
      c, type, e, key, iv, enc)
FAILS(EVP_CipherUpdate, (EVP_CIPHER_CTX *c, unsigned char *out, int *n,
			 const unsigned char *in, int len),
      c, out, n, in, len)
FAILS(EVP_CipherFinal_ex, (EVP_CIPHER_CTX *c, unsigned char *out, int *n),
      c, out, n)
FAILS(EVP_CIPHER_CTX_ctrl, (EVP_CIPHER_CTX *c, int type, int arg, void *p),
      c, type, arg, p)
FAILS(EVP_MAC_init, (EVP_MAC_CTX *c, const unsigned char *key, size_t len,
		     const OSSL_PARAM params[]), c, key, len, params)
FAILS(EVP_MAC_update, (EVP_MAC_CTX *c, const unsigned char *p, size_t n),
      c, p, n)
FAILS(EVP_MAC_final, (EVP_MAC_CTX *c, unsigned char *out, size_t *n,
		      size_t size), c, out, n, size)
