// SPDX-License-Identifier: Apache-2.0
/* Memberships in the order of their ends. */
#include "tap.h"

#include "gcks/terms.h"

#define MEMBERS 500

static struct gmember m[MEMBERS];
static struct terms t;
static uint64_t seed = 88172645463325252ull;

static uint32_t draw(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 20) % n;
}

/* Return how many members of the heap have another place than theirs, or are late. */
static unsigned int disorder(void)
{
	unsigned int i, wrong = 0;

	for (i = 0; i < t.n; i++) {
		wrong += t.v[i]->at_terms != i;
		wrong += i && t.v[i]->due_s < t.v[(i - 1) / 2]->due_s;
	}
	return wrong;
}

static void begin(void)
{
	unsigned int i;

	memset(&t, 0, sizeof(t));
	for (i = 0; i < MEMBERS; i++)
		m[i] = (struct gmember){ .at_terms = TERM_NONE };
}

static void test_order(void)
{
	unsigned int i, wrong = 0;
	uint32_t last = 0;

	begin();
	ok(!terms_first(&t), "nobody is due");
	for (i = 0; i < MEMBERS; i++) {
		terms_set(&t, &m[i], draw(200));
		wrong += disorder();
	}
	is_int(t.n, MEMBERS, "all are in");
	is_int(wrong, 0, "the order is right at each size");
	for (i = 0; i < MEMBERS; i++) {
		struct gmember *first = terms_first(&t);

		wrong += first->due_s < last;
		last = first->due_s;
		terms_drop(&t, first);
		wrong += first->at_terms != TERM_NONE;
		wrong += disorder();
	}
	is_int(wrong, 0, "members are due one after the other");
	ok(!terms_first(&t), "nobody is left");
	terms_free(&t);
}

/* A member that is due at another time, or gone, without any order. */
static void test_random(void)
{
	unsigned int i, k, wrong = 0, in = 0;
	uint32_t least;

	begin();
	for (i = 0; i < 20000; i++) {
		struct gmember *x = &m[draw(MEMBERS)];

		if (draw(3)) {
			in += x->at_terms == TERM_NONE;
			terms_set(&t, x, draw(1000));
		} else {
			in -= x->at_terms != TERM_NONE;
			terms_drop(&t, x);
		}
		wrong += t.n != in;
		if (i % 50)
			continue;
		wrong += disorder();
		least = UINT32_MAX;
		for (k = 0; k < MEMBERS; k++)
			if (m[k].at_terms != TERM_NONE && m[k].due_s < least)
				least = m[k].due_s;
		wrong += in && terms_first(&t)->due_s != least;
	}
	is_int(wrong, 0, "the first is always the one that is due first");
	terms_free(&t);
}

int main(void)
{
	RUN(test_order);
	RUN(test_random);
	return done();
}
