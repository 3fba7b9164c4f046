/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stateless cookies (RFC 7296 section 2.6). The secret changes every
 * COOKIE_ROTATE_MS milliseconds, and cookies of the previous secret stay valid:
 *	version | HMAC-SHA2-256(secret, Ni | address | port | SPIi)
 */
#ifndef IKE_COOKIE_H
#define IKE_COOKIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"

#define COOKIE_LEN 33
#define COOKIE_ROTATE_MS 60000

struct cookies {
	uint64_t made_ms;
	uint8_t version;
	bool have_old;
	uint8_t secret[32];
	uint8_t old[32];
};

/* Return 0, or -errno of the random source. */
int cookies_init(struct cookies *c, uint64_t now_ms);
void cookies_wipe(struct cookies *c);
int cookie_make(struct cookies *c, uint64_t now_ms, const struct ep *from,
		const uint8_t spi_i[8], const uint8_t *ni, size_t ni_len,
		uint8_t out[COOKIE_LEN]);
/*
 * Compute the cookies that are valid now or were given out recently for these
 * values. Returns their number.
 */
#define COOKIES_GOOD 2
unsigned int cookie_all(struct cookies *c, uint64_t now_ms,
			const struct ep *from, const uint8_t spi_i[8],
			const uint8_t *ni, size_t ni_len,
			uint8_t out[COOKIES_GOOD][COOKIE_LEN]);
bool cookie_good(struct cookies *c, uint64_t now_ms, const struct ep *from,
		 const uint8_t spi_i[8], const uint8_t *ni, size_t ni_len,
		 const uint8_t *cookie, size_t len);

#endif
