// SPDX-License-Identifier: Apache-2.0
/*
 * The changes that a start of a key server would make, compared with the stores of
 * one that is down. The stores must not change.
 */
#include <unistd.h>

#include "gcks/gcks.h"
#include "policy_sim.h"
#include "store/store.h"

static char *with_s2[] = { (char *)"s.example", (char *)"s2.example" };
static char lines[2048];

static void take_line(void *arg, const char *line)
{
	(void)arg;
	snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines), "%s\n",
		 line);
}

/* Return the report of a start, or the reason of a refusal. */
static const char *would_start(void)
{
	struct gcks_deps deps = { .clock = &s.clock, .tq = &s.tq };
	struct err err = {};
	int ret;

	lines[0] = '\0';
	ret = store_open_copy(s.path, s.sealer, &deps.store, &err);
	if (!ret)
		ret = store_open_copy(s.witness_path, s.sealer, &deps.witness,
				      &err);
	if (!ret)
		ret = gcks_start_check(&next, &deps, take_line, NULL, &err);
	store_close(deps.store);
	store_close(deps.witness);
	if (ret)
		snprintf(lines, sizeof(lines), "refused: %.1024s", err.text);
	return lines;
}

/* Hash the contents of a file, 0 if there is none. */
static uint64_t hash_of(const char *path)
{
	uint64_t sum = FNV1A_BASIS;
	FILE *f = fopen(path, "r");
	char buf[4096];
	size_t n;

	if (!f)
		return 0;
	while ((n = fread(buf, 1, sizeof(buf), f)))
		sum = fnv1a(sum, buf, n);
	fclose(f);
	return sum;
}

static void exclude_b(void)
{
	groups[0].receivers.v = without_b;
	groups[0].receivers.n = ARRAY_SIZE(without_b);
}

static void test_differences(void)
{
	uint64_t hash, witness_hash;
	struct store *again;
	struct err err;

	usual(9);
	ok(!strncmp(would_start(), "refused: ", 9) &&
		   strstr(lines, "another process has it open"),
	   "a store in use is refused: %s", lines);
	sim_gcks_down(&s);
	hash = hash_of(s.path);
	witness_hash = hash_of(s.witness_path);
	is_str(would_start(), "", "a start would change nothing");
	exclude_b();
	groups[0].beat = 7;
	next.n_groups = 2;
	is_str(would_start(),
	       "group video: receivers (-*.example +a.example +c.example +d.example +m*.example +s.example) changed\n"
	       "group video: beat changed, from the start on\n"
	       "group video: \"b.example\" is evicted, no longer in senders or receivers\n"
	       "group audio: added\n",
	       "a start would change, evict and add");
	groups[0].alg.key_bits = 256;
	ok(strstr(would_start(),
		  "group video: algorithm changed: the group is reset, and its 3"),
	   "a start would reset: %s", lines);
	ok(strstr(lines, "\"b.example\" is evicted, no longer in"),
	   "a member that lost a right is evicted before a reset");
	groups[0].kwa = GIKE_KWA_5649_128;
	ok(strstr(would_start(), "key-wrap changed: the group is reset") &&
		   !strstr(lines, "evicted"),
	   "a reset with another key wrap is for all at once: %s", lines);
	groups[0].kwa = s.cg.kwa;
	groups[0] = groups[1];
	next.n_groups = 1;
	is_str(would_start(),
	       "group \"video\": not configured: its 3 members are kept in the store and not told\n"
	       "group audio: added\n",
	       "a start would not serve a group");
	ok(hash_of(s.path) == hash && hash_of(s.witness_path) == witness_hash,
	   "no check changes the stores");
	if (store_open(s.path, s.sealer, &again, &err))
		bail("%s", err.text);
	store_close(again);
	sim_free(&s);
}

/* A start does what the check said; the next check finds nothing to do. */
static void test_start(void)
{
	usual(10);
	sim_gcks_down(&s);
	exclude_b();
	groups[0].senders.v = with_s2;
	groups[0].senders.n = ARRAY_SIZE(with_s2);
	ok(strstr(would_start(),
		  "group video: senders (-*.send.example -s3.example), receivers (-*.example +") &&
		   strstr(lines, "\"b.example\" is evicted"),
	   "both lists are named: %s", lines);
	s.conf.groups = groups;
	sim_gcks_up(&s);
	sim_run(&s, 10000);
	ok(!sim_has_member(&s, "b.example") && sim_has_member(&s, "a.example"),
	   "the start evicts whom the check named");
	sim_gcks_down(&s);
	is_str(would_start(), "", "the next start would change nothing");
	sim_free(&s);
}

/* A start need not change again what a reload has changed. */
static void test_after_reload(void)
{
	usual(13);
	exclude_b();
	groups[0].beat = 7;
	is_int(reload(), 0, "a list and a setting change while it runs");
	sim_gcks_down(&s);
	is_str(would_start(), "",
	       "after a reload a start would change nothing");
	sim_free(&s);
}

static void test_disowned(void)
{
	char old[128];

	usual(11);
	snprintf(old, sizeof(old), "%s.old", s.path);
	sim_gcks_down(&s);
	sim_copy_store(s.path, old);
	exclude_b();
	s.conf.groups = groups;
	sim_gcks_up(&s);
	sim_run(&s, 10000);
	sim_gcks_down(&s);
	sim_copy_store(old, s.path);
	is_str(would_start(),
	       "group video: the store is older than its witness: it starts anew with other keys and without members\n",
	       "a store that went back in time is named");
	unlink(s.path);
	is_str(would_start(),
	       "group video: the group is missing in the store: it starts anew with other keys and without members\n",
	       "a store that is gone is named");
	ok(access(s.path, F_OK), "a check does not create the store");
	unlink(old);
	sim_free(&s);
}

static void test_damaged(void)
{
	FILE *f;

	usual(12);
	sim_gcks_down(&s);
	f = fopen(s.path, "r+");
	if (!f || fputs("no database", f) < 0 || fclose(f))
		bail("%s", s.path);
	ok(!strncmp(would_start(), "refused: ", 9) && strstr(lines, s.path),
	   "a file that is no database is refused: %s", lines);
	sim_free(&s);
}

int main(void)
{
	test_differences();
	test_start();
	test_after_reload();
	test_disowned();
	test_damaged();
	return done();
}
