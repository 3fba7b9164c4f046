// SPDX-License-Identifier: Apache-2.0
/*
 * Traffic keys, their SPIs and Sender-IDs, as the key server itself makes them:
 * from random numbers that the test gives.
 */
#include <string.h>

#include "crypto/rand.h"
#include "gcks/group.h"
#include "gcks/group_time.h"
#include "gcks/key_source.h"
#include "gcks/policy.h"
#include "group_sim.h"
#include "lib/util.h"
#include "tap.h"
#include "wire/proto.h"

#define SIGN_MADE 0x1111222233334444

static struct sim s;
static struct conf_group c;
static struct group *g;
static struct gkm_state st;
static const uint32_t *spis; /* drawn one after the other */
static unsigned int n_drawn;
static uint8_t octet; /* the last key's */

static void draw(void *ctx, void *p, size_t n)
{
	(void)ctx;
	if (n == GIKE_SPI_LEN_DATA)
		put_unaligned_be32(spis[n_drawn++], p);
	else
		memset(p, ++octet, n);
}

/* Make the next key while these SPIs are drawn. */
static int next(const uint32_t *drawn, bool exclude)
{
	int ret;

	st.sign_made = SIGN_MADE;
	spis = drawn;
	n_drawn = 0;
	crypto_rand_set_test(draw, NULL);
	ret = key_source_local.next_data(g, &st, 777, exclude);
	crypto_rand_set_test(NULL, NULL);
	/* This time stands behind the announced SPIs. */
	if (st.sign_made != SIGN_MADE)
		bail("more than the SPIs was written");
	return ret;
}

static uint32_t announced(unsigned int i)
{
	return get_unaligned_be32(st.data[0].next_spi[i]);
}

static void announces(const char *what, uint32_t a, uint32_t b, uint32_t d,
		      uint32_t e)
{
	ok(announced(0) == a && announced(1) == b && announced(2) == d &&
		   announced(3) == e,
	   "%s: announced are %u, %u, %u and %u", what, announced(0),
	   announced(1), announced(2), announced(3));
}

static void test_keys(void)
{
	static const uint32_t first[] = { 1000, 1001, 1002, 1003, 1004 };
	static const uint32_t second[] = { 1005 };
	static const uint32_t third[] = { 1006 };
	static const uint32_t fourth[] = { 1007 };
	uint8_t key[KD_PLAIN_MAX];

	is_int(GKM_NEXT, 4, "four SPIs are announced");
	memset(&st, 0, sizeof(st));
	is_int(next(first, false), 0, "a first key is made");
	is_int(gkm_spi(&st), 1000, "the first SPI is used");
	announces("at first", 1001, 1002, 1003, 1004);
	is_int(st.data[0].key.len, 20,
	       "a key for AES with 128 bits has its salt");
	is_int(st.data[0].key.lifetime, 777, "the key has the lifetime");
	is_int(st.data[0].key.made, group_wall(g), "the key has the time");
	memset(key, octet, sizeof(key));
	ok(!memcmp(st.data[0].key.keymat, key, 20),
	   "the key is what was drawn");

	st.keyed = true;
	is_int(next(second, false), 0, "a second key is made");
	is_int(gkm_spi(&st), 1001, "the announced SPI is used");
	announces("by the second key", 1002, 1003, 1004, 1005);
	memset(key, octet, sizeof(key));
	ok(!memcmp(st.data[0].key.keymat, key, 20),
	   "the second key is another one");
	is_int(octet, 2, "each key is drawn");

	c.alg.key_bits = 256;
	is_int(next(third, false), 0, "a key of 256 bits is made");
	is_int(st.data[0].key.len, 36, "a key for AES with 256 bits is longer");
	c.alg.encr = 999;
	ok(next(fourth, false) < 0, "no key is made for an unknown algorithm");
	c.alg = s.cg.alg;
}

/* Numbers that are reserved or in use are drawn again. */
static void test_spis(void)
{
	static const uint32_t drawn[] = { 0,	255,  900,  901, 1001,
					  1002, 1003, 1004, 256 };
	static const uint32_t missing[] = { 2000, 2001 };
	static const uint32_t anew[] = { 3000, 3001, 3002, 3003, 3004, 3005 };
	unsigned int i;

	memset(&st, 0, sizeof(st));
	st.keyed = true;
	for (i = 0; i < GKM_NEXT; i++)
		put_unaligned_be32(1001 + i, st.data[0].next_spi[i]);
	st.n_old = 2;
	st.old[0].spi = 900;
	st.old[1].spi = 901;
	st.old[2].spi = 256;
	is_int(next(drawn, false), 0, "a key is made after some tries");
	is_int(n_drawn, ARRAY_SIZE(drawn), "each number in use is drawn again");
	is_int(gkm_spi(&st), 1001, "the key has the announced SPI");
	announces("after some tries", 1002, 1003, 1004, 256);

	/* Older releases announced none. */
	memset(st.data[0].next_spi[0], 0, GIKE_SPI_LEN_DATA);
	is_int(next(missing, false), 0,
	       "a key is made where none is announced");
	is_int(gkm_spi(&st), 2000, "the key has an SPI of its own");
	announces("where none was", 1003, 1004, 256, 2001);

	/* An excluded member knows the announced SPIs. */
	is_int(next(anew, true), 0, "a key is made for an exclusion");
	is_int(n_drawn, 5, "five SPIs are drawn for an exclusion");
	announces("for an exclusion", 3001, 3002, 3003, 3004);
}

static void test_sender_ids(void)
{
	const struct key_source_ops *local = &key_source_local;

	c.sender_id_bits = 8;
	memset(&st, 0, sizeof(st));
	is_int(local->sender_ids_left(g, &st), 256, "8 bits are 256 numbers");
	is_int(local->take_sender_ids(g, &st, 255), 0, "the first one is 0");
	is_int(local->sender_ids_left(g, &st), 1, "one is left");
	is_int(local->take_sender_ids(g, &st, 1), 255, "the last one is 255");
	is_int(local->sender_ids_left(g, &st), 0, "none is left");
	st.next_sid = 300;
	is_int(local->sender_ids_left(g, &st), 0,
	       "none is left when the size was reduced");
	local->reset(g, &st);
	is_int(local->sender_ids_left(g, &st), 256, "all are there anew");
}

static void test_times(void)
{
	struct gkey key = { .made = group_wall(g), .lifetime = 100 };
	struct gsa_gw gw = { .has = GWP_HAS_DTD };
	uint64_t now;

	is_int(gkm_left(g, &key), 100, "a new key has its lifetime");
	s.ms += 40000;
	is_int(gkm_left(g, &key), 60, "a key has what is left");
	s.ms += 60000;
	is_int(gkm_left(g, &key), 0, "a key ends after its lifetime");
	s.ms += 10000;
	is_int(gkm_left(g, &key), 0, "an old key has ended");
	s.wall0 -= 1000;
	is_int(gkm_left(g, &key), 100,
	       "a clock that went back does not make a key live longer");
	s.wall0 += 1000;
	is_int(gkm_silence_ms(g), 55000,
	       "three beats of 15 s and the delay of members are silence");
	now = gkm_time_ms(g);
	gkm_made(g, &gw);
	ok(gw.present && gw.has == (GWP_HAS_DTD | GWP_HAS_MADE),
	   "a message says when it was made");
	ok(gw.made_ms == now, "a message has the group's time");
	is_int(gw.beat, 15, "a message says how often there is a beat");
	s.ms += 5;
	ok(gkm_time_ms(g) == now + 5, "the group's time goes on");
	g->st.time_ms = now + 5;
	gkm_time_floor(g);
	ok(gkm_time_ms(g) == now + 5, "a time that has passed changes nothing");
	g->st.time_ms = now + 1000;
	gkm_time_floor(g);
	ok(gkm_time_ms(g) == now + 1000, "the time begins with the store's");
	s.ms += 7;
	g->st.time_ms = now + 2007;
	gkm_time_floor(g);
	ok(gkm_time_ms(g) == now + 2007, "the time is put on once more");
	s.ms++;
	ok(gkm_time_ms(g) == now + 2008, "the time goes on from there");
}

int main(void)
{
	sim_init(&s, 1);
	sim_gcks_up(&s);
	g = TAILQ_FIRST(&s.gcks->groups);
	c = s.cg;
	g->conf = &c;
	RUN(test_keys);
	RUN(test_spis);
	RUN(test_sender_ids);
	RUN(test_times);
	g->conf = &g->policy->conf;
	sim_free(&s);
	return done();
}
