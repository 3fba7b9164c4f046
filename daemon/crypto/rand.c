// SPDX-License-Identifier: Apache-2.0
#include "crypto/rand.h"

#include <errno.h>
#include <limits.h>
#include <openssl/rand.h>

static void (*test_fn)(void *ctx, void *p, size_t n);
static void *test_ctx;

int rand_bytes(void *p, size_t n)
{
	if (test_fn) {
		test_fn(test_ctx, p, n);
		return 0;
	}
	if (n > INT_MAX || RAND_priv_bytes(p, (int)n) != 1)
		return -EIO;
	return 0;
}

void crypto_rand_set_test(void (*fn)(void *ctx, void *p, size_t n), void *ctx)
{
	test_fn = fn;
	test_ctx = ctx;
}
