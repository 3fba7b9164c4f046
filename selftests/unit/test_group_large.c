// SPDX-License-Identifier: Apache-2.0
/*
 * The cost of a change in a large group is that in a small one, but for the depth of
 * the tree. Whatever walks the roster shows in the ratio, which was 60 then.
 */
#include <time.h>

#include "gcks/gmc.h"
#include "gcks/group.h"
#include "gcks/waiting.h"
#include "group_sim.h"
#include "tap.h"

#define SMALL 1000
#define LARGE 60000
#define ROUNDS 10
#define CROWD_REKEYS 4
#define EXCLUDED_REKEYS 9
/* Noise that does not matter, beside the 3 ms that walks of the roster took. */
#define SLACK_MS 1

static struct sim s;
static struct group *g;
static struct err err;
static uint32_t effective_ms;
static unsigned int next;

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void name_of(unsigned int i, char name[static 48])
{
	snprintf(name, 48, "x%u.example", i);
}

/* A group of @n members, whose protocol three of them take part in. */
static void begin(unsigned int n)
{
	struct gmember *m;
	unsigned int i;
	uint32_t leaf;
	char name[48];

	sim_init_rare(&s, 7);
	s.cg.max_members = 100000;
	s.cg.beat = 3600;
	sim_start_three(&s, true, 20000, 0);
	g = TAILQ_FIRST(&s.gcks->groups);
	for (i = 0; i < n; i++) {
		name_of(i, name);
		m = gmember_new(name);
		if (!m)
			bail("no memory");
		m->number = g->st.next_number++;
		m->fragments = true;
		m->cert_ends = (int64_t)1 << 32;
		if (lkh_add(g->tree, m->number, &leaf))
			bail("the tree is full");
		m->leaf = leaf;
		gmc_enter(g, m);
	}
	if (lkh_rekey(g->tree))
		bail("no keys");
	lkh_commit(g->tree);
	next = 0;
}

/* A member at either end of the roster or in the middle. */
static struct gmember *some_member(void)
{
	char name[48];

	name_of(next++ * 37 % SMALL, name);
	return gmc_find(g, name);
}

static void evict_one(void)
{
	is_int(sim_evict(s.gcks, "video", some_member()->identity,
			 &effective_ms, &err),
	       0, "%u members: one is evicted", g->n_members + 1);
}

/* The second one has to wait for the messages of the first, and is taken out then. */
static void evict_two(void)
{
	evict_one();
	is_int(sim_evict(s.gcks, "video", some_member()->identity,
			 &effective_ms, &err),
	       0, "%u members: another one is to go", g->n_members);
	sim_run(&s, 2000);
	ok(!g->exclude_pending, "%u members: the other one is out",
	   g->n_members);
}

static void leave_one(void)
{
	uint32_t before = g->n_members;

	waiting_leave_later(g, some_member());
	sim_run(&s, 2000);
	is_int(g->n_members, before - 1, "%u members: one has left", before);
}

static void renew_path(void)
{
	uint64_t before = g->rekeys;

	gmc_set_renewed(g, some_member(), true);
	is_int(sim_rekey(s.gcks, "video", &err), 0, "%u members: a rekey",
	       g->n_members);
	sim_run(&s, 20000);
	ok(g->rekeys > before, "%u members: a leaf that has another key",
	   g->n_members);
}

static void ask_status(void)
{
	struct gcks_group_status st = sim_group(&s);

	ok(st.tree_depth >= 10 && st.members == g->n_members,
	   "%u members: status", g->n_members);
}

struct change {
	const char *name;
	void (*fn)(void);
};

static double cost_of(const struct change *c, unsigned int n)
{
	double least = 1e9, ms;
	unsigned int i;

	begin(n);
	for (i = 0; i < ROUNDS; i++) {
		ms = cpu_ms();
		c->fn();
		ms = cpu_ms() - ms;
		least = ms < least ? ms : least;
		sim_run(&s, 20000);
	}
	printf("# %s, %u members: %.2f ms of CPU\n", c->name, n, least);
	sim_free(&s);
	return least;
}

/*
 * Members that leave in the same moment, from all over the tree: one rekey takes those
 * out that stand side by side. It took half as many rekeys again in another order.
 */
static void test_crowd(void)
{
	uint64_t rekeys, began;
	struct gmember *now;
	unsigned int i;
	char first[48], name[48];

	begin(20000);
	rekeys = g->rekeys;
	name_of(37, first);
	for (i = 1; i <= 300; i++) {
		name_of(i * 37 % 20000, name);
		waiting_leave_later(g, gmc_find(g, name));
	}
	began = s.ms;
	sim_run(&s, 20);
	now = gmc_find(g, first);
	ok(!now || !now->more->leaving,
	   "the member that asked first is among the first to be out");
	while (g->n_leaving && s.ms - began < 60000)
		sim_run(&s, 50);
	is_int(g->n_members, 20003 - 300, "a crowd is out");
	is_int(g->rekeys - rekeys, CROWD_REKEYS, "rekeys for a crowd");
	ok(sim_logged(&s, "members leaving: "),
	   "the log tells that it takes time");
	sim_free(&s);
}

/* Former certificates that end together, of more members than a message can tell of. */
static void test_former_crowd(void)
{
	uint64_t rekeys, began;
	struct gmember *m;
	char name[48];
	unsigned int i;

	begin(SMALL);
	for (i = 0; i < SMALL; i += 2) {
		name_of(i, name);
		m = gmc_find(g, name);
		if (gmember_reserve(m))
			bail("no memory");
		gmember_more(m)->former_ends = 1;
		gmc_set_renewed(g, m, true);
	}
	rekeys = g->rekeys;
	waiting_exclude_soon(g);
	began = s.ms;
	while (g->n_renewed && s.ms - began < 60000)
		sim_run(&s, 50);
	is_int(g->n_renewed, 0, "all leaves are turned");
	ok(g->rekeys - rekeys > 1,
	   "former certificates are excluded by %ju changes of keys",
	   (uintmax_t)(g->rekeys - rekeys));
	ok(s.ms - began < 20000,
	   "former certificates: all are excluded within %ju ms",
	   (uintmax_t)(s.ms - began));
	sim_run(&s, 1000);
	ok(!g->exclude_pending, "nobody is left to be excluded");
	sim_free(&s);
}

/*
 * Members that must go are taken out in the order of the tree, since neighbours have keys
 * in common: it took 16 rekeys in that of the roster.
 */
static void test_excluded_crowd(void)
{
	uint64_t rekeys, began;
	unsigned int i;
	char name[48];

	begin(20000);
	rekeys = g->rekeys;
	for (i = 0; i < 1000; i++) {
		name_of(5000 + i, name);
		gmc_set_must_go(g, gmc_find(g, name), "revoked");
	}
	began = s.ms;
	waiting_exclude_soon(g);
	while (g->exclude_pending && s.ms - began < 60000)
		sim_run(&s, 50);
	is_int(g->n_members, 20003 - 1000, "an excluded crowd is out");
	is_int(g->rekeys - rekeys, EXCLUDED_REKEYS,
	       "rekeys for an excluded crowd");
	sim_free(&s);
}

int main(void)
{
	static const struct change changes[] = {
		{ "an eviction", evict_one },
		{ "two evictions in a row", evict_two },
		{ "a leave", leave_one },
		{ "a leaf whose path is renewed", renew_path },
		{ "status", ask_status },
	};
	double small, large;
	size_t i;

	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		small = cost_of(&changes[i], SMALL);
		large = cost_of(&changes[i], FULL_OR_FEW(LARGE, 2 * SMALL));
		ok(large < 3 * small + SLACK_MS,
		   "%s costs about the same in a large group", changes[i].name);
	}
	RUN(test_crowd);
	RUN(test_former_crowd);
	RUN(test_excluded_crowd);
	return done();
}
