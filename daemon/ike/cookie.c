// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "crypto/hash.h"
#include "crypto/prf.h"
#include "crypto/rand.h"
#include "ike/cookie.h"
#include "lib/secret.h"
#include "lib/util.h"

int cookies_init(struct cookies *c, uint64_t now_ms)
{
	memset(c, 0, sizeof(*c));
	c->made_ms = now_ms;
	return rand_bytes(c->secret, sizeof(c->secret));
}

void cookies_wipe(struct cookies *c)
{
	secret_wipe(c, sizeof(*c));
}

static int rotate_secret(struct cookies *c, uint64_t now_ms)
{
	uint8_t fresh[sizeof(c->secret)];
	int ret;

	if (now_ms - c->made_ms < COOKIE_ROTATE_MS)
		return 0;
	ret = rand_bytes(fresh, sizeof(fresh));
	if (ret)
		return ret;
	/* After a long silence no cookie of the former secret can be valid. */
	c->have_old = now_ms - c->made_ms < 2 * COOKIE_ROTATE_MS;
	memcpy(c->old, c->secret, sizeof(c->old));
	memcpy(c->secret, fresh, sizeof(c->secret));
	secret_wipe(fresh, sizeof(fresh));
	c->version++;
	c->made_ms = now_ms;
	return 0;
}

static int make_cookie(uint8_t version, const uint8_t secret[32],
		       const struct ep *from, const uint8_t spi_i[8],
		       const uint8_t *ni, size_t ni_len,
		       uint8_t out[COOKIE_LEN])
{
	uint8_t port[2];
	struct iovec iov[] = {
		{ (void *)ni, ni_len },
		{ (void *)from->addr.b, sizeof(from->addr.b) },
		{ port, sizeof(port) },
		{ (void *)spi_i, 8 },
	};

	put_unaligned_be16(from->port, port);
	out[0] = version;
	return prf(IKE_PRF_HMAC_SHA2_256, secret, 32, iov, 4, out + 1);
}

int cookie_make(struct cookies *c, uint64_t now_ms, const struct ep *from,
		const uint8_t spi_i[8], const uint8_t *ni, size_t ni_len,
		uint8_t out[COOKIE_LEN])
{
	int ret = rotate_secret(c, now_ms);

	if (ret)
		return ret;
	return make_cookie(c->version, c->secret, from, spi_i, ni, ni_len, out);
}

unsigned int cookie_all(struct cookies *c, uint64_t now_ms,
			const struct ep *from, const uint8_t spi_i[8],
			const uint8_t *ni, size_t ni_len,
			uint8_t out[COOKIES_GOOD][COOKIE_LEN])
{
	unsigned int n = 0;

	if (rotate_secret(c, now_ms))
		return 0;
	n += !make_cookie(c->version, c->secret, from, spi_i, ni, ni_len,
			  out[n]);
	if (c->have_old)
		n += !make_cookie(c->version - 1, c->old, from, spi_i, ni,
				  ni_len, out[n]);
	return n;
}

bool cookie_good(struct cookies *c, uint64_t now_ms, const struct ep *from,
		 const uint8_t spi_i[8], const uint8_t *ni, size_t ni_len,
		 const uint8_t *cookie, size_t len)
{
	uint8_t want[COOKIE_LEN];
	const uint8_t *secret;

	if (len != COOKIE_LEN || rotate_secret(c, now_ms))
		return false;
	if (cookie[0] == c->version)
		secret = c->secret;
	else if (c->have_old && cookie[0] == (uint8_t)(c->version - 1))
		secret = c->old;
	else
		return false;
	if (make_cookie(cookie[0], secret, from, spi_i, ni, ni_len, want))
		return false;
	return crypto_equal(want, cookie, COOKIE_LEN);
}
