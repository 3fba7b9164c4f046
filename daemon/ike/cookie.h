/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stateless cookies, RFC 7296 2.6:
 *	version | HMAC-SHA2-256(secret, Ni | address | port | SPIi)
 * The secret changes every COOKIE_ROTATE_MS, the previous one stays good.
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

/* 0 or -errno of the random source */
int cookies_init(struct cookies *c, uint64_t now_ms);
void cookies_wipe(struct cookies *c);
int cookie_make(struct cookies *c, uint64_t now_ms, const struct ep *from,
		const uint8_t spi_i[8], const uint8_t *ni, size_t ni_len,
		uint8_t out[COOKIE_LEN]);
/*
 * All cookies that are good for this now, or were given out for it lately.
 * Returns how many.
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
