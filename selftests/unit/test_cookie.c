// SPDX-License-Identifier: Apache-2.0
/*
 * Stateless cookies (RFC 7296 2.6): what they are bound to, and
 * their lifetime.
 */
#include <errno.h>

#include "crypto/rand.h"
#include "ike/cookie.h"
#include "fail.h"
#include "tap.h"
#include "wipes.h"

#define T0 1000
#define ROTATE COOKIE_ROTATE_MS

static struct cookies c;
static struct ep from;
static uint8_t spi[8] = { 1 }, ni[32] = { 2 };
static uint8_t octet;

/* Each secret consists of a different octet. */
static void next_octet(void *ctx, void *p, size_t n)
{
	(void)ctx;
	memset(p, ++octet, n);
}

static void start(void)
{
	memset(&c, 0xee, sizeof(c));
	is_int(cookies_init(&c, T0), 0, "a new secret");
}

static void make(uint64_t now, uint8_t out[COOKIE_LEN])
{
	if (cookie_make(&c, now, &from, spi, ni, sizeof(ni), out))
		bail("no cookie");
}

static bool good(uint64_t now, const uint8_t *cookie)
{
	return cookie_good(&c, now, &from, spi, ni, sizeof(ni), cookie,
			   COOKIE_LEN);
}

static unsigned int all(uint64_t now, uint8_t out[COOKIES_GOOD][COOKIE_LEN])
{
	return cookie_all(&c, now, &from, spi, ni, sizeof(ni), out);
}

static void bound(void)
{
	uint8_t a[COOKIE_LEN], bad[COOKIE_LEN + 1];
	unsigned int i, taken = 0;
	struct ep was = from;

	start();
	make(T0, a);
	ok(good(T0, a), "good at once");
	from.port++;
	ok(!good(T0, a), "a cookie is not good from another port");
	from.port += 255;
	ok(!good(T0, a),
	   "a cookie is not good from a port whose low octet is the same");
	from = was;
	from.addr.b[3]++;
	ok(!good(T0, a), "a cookie is not good from another address");
	from = was;
	ni[31]++;
	ok(!good(T0, a), "a cookie is not good with another nonce");
	ni[31]--;
	spi[7]++;
	ok(!good(T0, a), "a cookie is not good with another SPI");
	spi[7]--;
	ok(!cookie_good(&c, T0, &from, spi, ni, 31, a, COOKIE_LEN),
	   "a cookie is not good with a part of the nonce");
	for (i = 0; i < COOKIE_LEN * 8; i++) {
		memcpy(bad, a, COOKIE_LEN);
		bad[i / 8] ^= 1 << i % 8;
		taken += good(T0, bad);
	}
	is_int(taken, 0, "no bit of it can change");
	memcpy(bad, a, COOKIE_LEN);
	bad[COOKIE_LEN] = 0;
	ok(!cookie_good(&c, T0, &from, spi, ni, 32, bad, COOKIE_LEN - 1) &&
		   !cookie_good(&c, T0, &from, spi, ni, 32, bad,
				COOKIE_LEN + 1),
	   "a cookie is not good when cut or longer");
	ok(good(T0, a), "the right one still is");
	cookies_wipe(&c);
}

static void rotated(void)
{
	uint8_t a[COOKIE_LEN], b[COOKIE_LEN], d[COOKIE_LEN];
	uint8_t two[COOKIES_GOOD][COOKIE_LEN];
	uint64_t t = T0;

	start();
	make(t, a);
	is_int(all(t, two), 1, "one is good at first");
	is_mem(two[0], COOKIE_LEN, a, COOKIE_LEN,
	       "the one cookie that is good is the first");
	memcpy(b, a, sizeof(b));
	b[0]--;
	ok(!good(t, b), "there is no cookie before the first");
	make(t + ROTATE - 1, b);
	is_mem(b, COOKIE_LEN, a, COOKIE_LEN, "the same for a minute");
	t += ROTATE;
	make(t, b);
	ok(b[0] == (uint8_t)(a[0] + 1) && memcmp(a + 1, b + 1, COOKIE_LEN - 1),
	   "a cookie of the next minute is made by another secret");
	ok(good(t, a) && good(t, b), "both are good");
	is_int(all(t, two), 2, "both cookies are known");
	ok(!memcmp(two[0], b, COOKIE_LEN) && !memcmp(two[1], a, COOKIE_LEN),
	   "the newer one first");
	ok(good(t + ROTATE - 1, a), "the older one for another minute");
	t += ROTATE;
	make(t, d);
	ok(memcmp(b + 1, d + 1, COOKIE_LEN - 1) &&
		   memcmp(a + 1, d + 1, COOKIE_LEN - 1),
	   "a third secret");
	ok(!good(t, a) && good(t, b) && good(t, d), "the first is over");
	cookies_wipe(&c);
}

static void silence(void)
{
	uint8_t a[COOKIE_LEN], two[COOKIES_GOOD][COOKIE_LEN];

	start();
	make(T0, a);
	ok(good(T0 + 2 * ROTATE - 1, a),
	   "after less than two minutes it is good");
	cookies_wipe(&c);
	start();
	make(T0, a);
	ok(!good(T0 + 2 * ROTATE, a), "after two of silence it is not");
	is_int(all(T0 + 2 * ROTATE, two), 1,
	       "one cookie is known after two minutes of silence");
	cookies_wipe(&c);
	start();
	make(T0, a);
	is_int(all(T0 + ROTATE, two), 2, "whoever asks which are good");
	cookies_wipe(&c);
}

static void many_turns(void)
{
	uint8_t a[COOKIE_LEN], b[COOKIE_LEN];
	uint64_t t = T0;
	unsigned int i;

	start();
	make(t, a);
	for (i = 0; i < 256; i++, t += ROTATE)
		make(t, b);
	is_int(b[0], (uint8_t)(a[0] + 255), "the version goes round");
	make(t, a);
	ok(good(t, b) && good(t, a), "across which both are good");
	cookies_wipe(&c);
}

static void secrets(void)
{
	uint8_t none[COOKIE_LEN] = { 99 }, wanted[32], zero[sizeof(c)] = { 0 };

	crypto_rand_set_test(next_octet, NULL);
	start();
	memset(wanted, octet + 1, sizeof(wanted));
	wipes_look_for(wanted, sizeof(wanted));
	/* Make no MAC, because OpenSSL would wipe its copy of the key. */
	ok(!good(T0 + ROTATE, none), "a cookie of a version that is not there");
	is_int(wipes_found(), 1, "the copy of a fresh secret is wiped");
	cookies_wipe(&c);
	is_int(wipes_found(), 2, "the first secret is wiped");
	is_mem(&c, sizeof(c), zero, sizeof(c),
	       "cookies_wipe() wipes the whole struct");
	crypto_rand_set_test(NULL, NULL);
}

/* Without random numbers there is no cookie; an old secret is not used. */
static void failures(void)
{
	uint8_t a[COOKIE_LEN], two[COOKIES_GOOD][COOKIE_LEN];

	fail_nth(1);
	ok(cookies_init(&c, T0) && fail_came(), "no random numbers at first");
	start();
	make(T0, a);
	fail_nth(1);
	ok(cookie_make(&c, T0 + ROTATE, &from, spi, ni, sizeof(ni), a) &&
		   fail_came(),
	   "without random numbers no cookie is made later");
	fail_nth(1);
	ok(!good(T0 + ROTATE, a) && fail_came(), "none is good then");
	fail_nth(1);
	ok(!all(T0 + ROTATE, two) && fail_came(),
	   "without random numbers no cookie is known");
	fail_nth(1);
	ok(!good(T0, a) && fail_came(), "without a MAC no cookie is good");
	ok(good(T0, a), "a cookie is good again after a failure");
	cookies_wipe(&c);
}

int main(void)
{
	if (ep_parse("192.0.2.1:500", 0, &from))
		bail("no address");
	RUN(bound);
	RUN(rotated);
	RUN(silence);
	RUN(many_turns);
	RUN(secrets);
	RUN(failures);
	return done();
}
