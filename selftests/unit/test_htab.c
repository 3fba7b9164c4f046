// SPDX-License-Identifier: Apache-2.0
/* The hash table: every node is found at every size, and none costs a walk. */
#include "tap.h"

#include "lib/htab.h"
#include "lib/util.h"

#define MANY 100000u

struct thing {
	struct hnode node;
	uint32_t number;
	bool in;
};

static struct thing things[MANY];
static struct htab t;
static unsigned int hashed;

static uint64_t hash_number(uint32_t number)
{
	return fnv1a(FNV1A_BASIS, &number, sizeof(number));
}

static uint64_t hash_thing(const struct hnode *n)
{
	hashed++;
	return hash_number(((const struct thing *)n)->number);
}

/* Count the nodes that are compared until @number is found; 0: it is not there. */
static unsigned int steps_to(uint32_t number)
{
	const struct hnode *n;
	unsigned int steps = 0;

	for (n = htab_first(&t, hash_number(number)); n; n = n->next) {
		steps++;
		if (((const struct thing *)n)->number == number)
			return steps;
	}
	return 0;
}

static void test_sizes(void)
{
	unsigned int i, k, lost = 0, ghosts = 0;

	htab_init(&t, hash_thing);
	ok(!htab_first(&t, 7), "an empty table has nothing");
	for (i = 0; i < 300; i++) {
		things[i].number = i;
		htab_add(&t, &things[i].node);
		for (k = 0; k <= i; k++)
			lost += !steps_to(k);
		ghosts += steps_to(i + 1);
	}
	is_int(lost, 0, "all are found at each size up to 300");
	is_int(ghosts, 0, "a node that was not added is not found");
	for (i = 0; i < 300; i++) {
		htab_del(&t, &things[i].node);
		ghosts += steps_to(i);
		for (k = i + 1; k < 300; k++)
			lost += !steps_to(k);
	}
	is_int(lost, 0, "the others are found when one after the other goes");
	is_int(ghosts, 0, "a node that has gone is not found");
	is_int(t.n, 0, "the table is empty again");
	htab_free(&t);
}

static void test_growth(void)
{
	unsigned int i, worst = 0, sum = 0, longest = 0, steps;

	htab_init(&t, hash_thing);
	for (i = 0; i < MANY; i++) {
		things[i].number = i;
		hashed = 0;
		htab_add(&t, &things[i].node);
		if (hashed > worst)
			worst = hashed;
	}
	is_int(t.n, MANY, "all are in");
	is_int(t.buckets, MANY / 2, "there is a bucket for each two");
	for (i = 0; i < MANY; i++) {
		steps = steps_to(i);
		sum += steps;
		if (steps > longest)
			longest = steps;
	}
	ok(worst <= 20, "none of them moves many others: at most %u", worst);
	ok(sum <= 2 * MANY + MANY / 4 && longest <= 20,
	   "each is found soon: %.2f compared, at most %u", (double)sum / MANY,
	   longest);
	htab_free(&t);
	is_int(t.buckets, 1, "a table that was freed is as new");
	ok(!htab_first(&t, hash_number(1)), "a table that was freed is empty");
}

static void test_random(void)
{
	unsigned int i, wrong = 0, in = 0;
	uint64_t r = 88172645463325252ull;

	htab_init(&t, hash_thing);
	for (i = 0; i < 1000; i++)
		things[i] = (struct thing){ .number = i };
	for (i = 0; i < 50000; i++) {
		struct thing *x;

		r ^= r << 13;
		r ^= r >> 7;
		r ^= r << 17;
		x = &things[(r >> 20) % 1000];
		wrong += x->in != !!steps_to(x->number);
		if (x->in)
			htab_del(&t, &x->node);
		else
			htab_add(&t, &x->node);
		x->in = !x->in;
		in += x->in ? 1 : -1;
		wrong += t.n != in;
	}
	is_int(wrong, 0, "nodes that come and go are in or out as they should");
	htab_free(&t);
}

/* Each node comes once, also if it is removed when it came. */
static void test_each(void)
{
	unsigned int i, n = 0, twice = 0;
	struct htab_walk w = { 0 };
	struct hnode *node;

	htab_init(&t, hash_thing);
	ok(!htab_each(&t, &w), "an empty table has no node");
	for (i = 0; i < 1000; i++) {
		things[i] = (struct thing){ .number = i };
		htab_add(&t, &things[i].node);
	}
	for (w = (struct htab_walk){ 0 }; (node = htab_each(&t, &w)); n++) {
		twice += ((struct thing *)node)->in;
		((struct thing *)node)->in = true;
		if (n % 3)
			htab_del(&t, node);
	}
	is_int(n, 1000, "all nodes come");
	is_int(twice, 0, "none comes twice");
	ok(!htab_each(&t, &w), "behind the last one is none");
	is_int(t.n, 334, "nodes that were not removed are there");
	w = (struct htab_walk){ 0 };
	for (n = 0; (node = htab_each(&t, &w)); n++)
		htab_del(&t, node);
	is_int(n, 334, "nodes that are there come once more");
	htab_free(&t);
}

int main(void)
{
	RUN(test_sizes);
	RUN(test_growth);
	RUN(test_random);
	RUN(test_each);
	return done();
}
