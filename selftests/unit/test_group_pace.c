// SPDX-License-Identifier: Apache-2.0
/*
 * How long changes of keys, joins and beats wait for the change before, and when
 * senders use its Data SA. The numbers follow from the copies of a change: plain
 * ones go at 0, 1 and 3 s, those of an exclusion each 250 ms, and the last ones of
 * its second message 625 ms and 3125 ms after the change. Reordering in the network
 * adds 50 ms.
 */
#include "gcks/gkm.h"
#include "gcks/group.h"
#include "gcks/policy.h"
#include "gcks/rate.h"
#include "group_sim.h"
#include "lib/util.h"
#include "tap.h"

static struct sim s;
static struct conf_group c;
static struct group *g;

/* A group at rest with these settings. */
static void rest(unsigned int atd, unsigned int dtd)
{
	c = s.cg;
	c.atd = atd;
	c.dtd = dtd;
	g->conf = &c;
	g->pace = (struct pace){ 0 };
}

/* Let time pass for the pace alone: the group has no members. */
static void later(unsigned int ms)
{
	s.ms += ms;
}

static void waits(const char *what, unsigned int change, unsigned int copies,
		  unsigned int beat, unsigned int atd_left)
{
	is_int(pace_wait_ms(g), change, "%s: the next change waits", what);
	is_int(pace_copies_ms(g), copies, "%s: the copies are sent", what);
	is_int(pace_beat_ms(g), beat, "%s: a beat waits", what);
	is_int(pace_atd_left(g), atd_left, "%s: a new sender waits", what);
}

static void test_changes(void)
{
	rest(5, 15);
	waits("at rest", 0, 0, 0, 0);
	is_int(pace_join_ms(g), 0, "at rest: a join waits for nothing");
	is_int(pace_atd(g), 5, "at rest: ATD is as set");
	pace_changed(g, GKM_SIMPLE, true);
	waits("a rekey", 5050, 3050, 0, 5);
	is_int(pace_join_ms(g), 5050, "a rekey: a join waits for its ATD");
	later(1);
	waits("1 ms later", 5049, 3049, 0, 5);
	later(999);
	waits("1 s later", 4050, 2050, 0, 4);
	later(4050);
	waits("when it is in use", 0, 0, 0, 0);
	rest(8, 15);
	pace_changed(g, GKM_SIMPLE, true);
	waits("a long ATD", 6000, 3050, 0, 8);
	rest(0, 15);
	pace_changed(g, GKM_SIMPLE, true);
	waits("no ATD", 3050, 3050, 0, 0);
}

/* Nobody has to be told: only room for the SAs that end is waited for. */
static void test_spacing(void)
{
	static const struct {
		unsigned int atd, dtd, ms;
	} cases[] = {
		{ 5, 15, 15000 / 32 },	{ 5, 60, 60000 / 32 },
		{ 10, 4, 11000 / 32 },	{ 10, 10, 11000 / 32 },
		{ 10, 11, 11000 / 32 }, { 1, 2, 100 },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rest(cases[i].atd, cases[i].dtd);
		pace_changed(g, GKM_SIMPLE, false);
		waits("untold", cases[i].ms, 0, 0, 0);
	}
	rest(5, 15);
	pace_changed(g, GKM_EXCLUDE, false);
	waits("untold exclusion", 15000 / 32, 0, 0, 0);
	rest(5, 120);
	pace_changed(g, GKM_EXCLUDE, true);
	waits("an exclusion with a long DTD", 120000 / 32, 3175, 675, 1);
}

static void test_exclusion(void)
{
	rest(5, 15);
	pace_changed(g, GKM_EXCLUDE, true);
	waits("an exclusion", 3175, 3175, 675, 1);
	later(624);
	waits("at its last copy", 2551, 2551, 51, 1);
	later(2);
	waits("less than 1 s before it is in use", 2549, 2549, 49, 0);
	pace_changed(g, GKM_SIMPLE, true);
	waits("a rekey behind it", 5050, 3050, 49, 5);
}

/* An exclusion waits for the burst of the one before it, and not for ever. */
static void test_excluded_next(void)
{
	rest(5, 15);
	is_int(pace_exclude_ms(g), 0,
	       "at rest: an exclusion waits for nothing");
	pace_changed(g, GKM_JOIN, true);
	is_int(pace_exclude_ms(g), 0, "a join: an exclusion waits for nothing");
	pace_changed(g, GKM_EXCLUDE, true);
	is_int(pace_exclude_ms(g), 675,
	       "an exclusion: the next one waits for its burst");
	later(674);
	is_int(pace_exclude_ms(g), 1,
	       "an exclusion: the next one waits until that is sent");
	later(1);
	is_int(pace_exclude_ms(g), 0,
	       "an exclusion: the next one does not wait for late copies");

	pace_hurry_exclusion(g);
	pace_changed(g, GKM_EXCLUDE, true);
	later(9500);
	pace_changed(g, GKM_EXCLUDE, true);
	pace_hurry_exclusion(g);
	is_int(pace_exclude_ms(g), 500,
	       "exclusions wait: not longer than 10 s");
	later(499);
	is_int(pace_exclude_ms(g), 1,
	       "exclusions wait: 10 s from when the first one waits");
	later(1);
	pace_changed(g, GKM_EXCLUDE, true);
	is_int(pace_exclude_ms(g), 0,
	       "exclusions have waited 10 s: the next ones follow at once");
	pace_calm_exclusion(g);
	is_int(pace_exclude_ms(g), 675,
	       "no exclusion waits any more: the next one waits for a burst");
}

static void test_resumed(void)
{
	rest(5, 15);
	pace_resumed(g);
	waits("copies once more", 3000, 3000, 675, 5);
}

/* ---- resets ------------------------------------------------------------- */

static void test_reset(void)
{
	rest(5, 15);
	pace_reset(g, true, 0);
	ok(pace_is_held(g), "senders are held");
	is_int(pace_join_ms(g), 2500, "joins are gathered");
	is_int(pace_atd(g), 13, "ATD ends 2 s before the old SAs");
	later(500);
	is_int(pace_atd(g), 13, "ATD has whole seconds, rounded up");
	pace_changed(g, GKM_SIMPLE, true);
	waits("the first change", 5050, 3050, 0, 13);
	later(700);
	is_int(pace_atd(g), 12, "the next change keeps the time of the first");
	pace_changed(g, GKM_EXCLUDE, true);
	waits("an exclusion meanwhile", 3175, 3175, 675, 12);
	later(11800);
	ok(!pace_is_held(g), "senders are free");
	is_int(pace_atd(g), 5, "ATD is as set");

	rest(5, 2);
	pace_reset(g, true, 0);
	ok(!pace_is_held(g), "nobody is held for a DTD of 2 s");
	rest(5, 3);
	pace_reset(g, true, 0);
	later(999);
	ok(pace_is_held(g), "senders are held 1 s for a DTD of 3 s");
	later(1);
	ok(!pace_is_held(g), "senders are not held longer for a DTD of 3 s");

	rest(5, 15);
	pace_reset(g, false, 40000);
	is_int(pace_atd(g), 40, "untold: until all have noticed the silence");
	is_int(pace_join_ms(g), 0, "untold: joins are not gathered");
}

/* Members may have the short DTD of an exclusion, or the usual one. */
static void test_short_dtd(void)
{
	later(100000);
	rest(5, 15);
	pace_changed(g, GKM_EXCLUDE, true);
	later(54999);
	pace_reset(g, true, 0);
	is_int(pace_atd(g), 5, "soon after an exclusion");
	later(3999);
	ok(pace_is_held(g), "soon after an exclusion: held 4 s");
	later(1);
	ok(!pace_is_held(g), "soon after an exclusion: no longer");

	rest(5, 15);
	pace_changed(g, GKM_EXCLUDE, true);
	later(55000);
	pace_reset(g, true, 0);
	is_int(pace_atd(g), 13, "three beats after an exclusion");

	rest(5, 15);
	pace_changed(g, GKM_EXCLUDE, false);
	pace_reset(g, true, 0);
	is_int(pace_atd(g), 13, "an exclusion that nobody heard of");
	rest(5, 15);
	pace_changed(g, GKM_SIMPLE, true);
	pace_reset(g, true, 0);
	is_int(pace_atd(g), 13, "after a rekey");
}

/* An exclusion while senders are held for @hold_ms. */
static void excluded_while_held(unsigned int hold_ms, unsigned int atd_left)
{
	rest(5, 15);
	pace_reset(g, false, hold_ms);
	pace_changed(g, GKM_EXCLUDE, true);
	is_int(pace_atd_left(g), atd_left, "held %u ms: a new sender waits",
	       hold_ms);
}

/* A change is in use 1625 ms after an exclusion, or 1500 ms before the end. */
static void test_early(void)
{
	excluded_while_held(1624, 1);
	excluded_while_held(1625, 1);
	excluded_while_held(1626, 2);
	excluded_while_held(3125, 2);
	excluded_while_held(3126, 4);

	rest(5, 15);
	pace_reset(g, false, 12500);
	g->pace.switch_ms = s.ms + 11000;
	is_int(pace_atd(g), 11, "1.5 s before the end is near enough");
	pace_reset(g, false, 12501);
	is_int(pace_atd(g), 13, "1.501 s before it is not");
}

/* ---- claims --------------------------------------------------------------- */

static void test_claims(void)
{
	static const unsigned int pauses[] = { 0,     5000,  10000, 20000,
					       40000, 60000, 60000 };
	size_t i;

	later(1000000);
	rest(5, 15);
	for (i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++) {
		is_int(pace_claim_ms(g), pauses[i], "claim %zu waits", i);
		if (!i)
			continue;
		later(pauses[i] - 1);
		is_int(pace_claim_ms(g), 1,
		       "claim %zu: one that comes meanwhile shares it", i);
		later(1);
	}
	later(120000);
	is_int(pace_claim_ms(g), 0, "after a rest of two minutes: none waits");
	is_int(pace_claim_ms(g), 60000, "a rest of two minutes: the next one");
	later(60000 + 4 * 120000 - 1);
	is_int(pace_claim_ms(g), 0, "a rest of less than eight minutes");
	is_int(pace_claim_ms(g), 15000, "a short rest: the next one");
	later(15000 + 8 * 60000);
	is_int(pace_claim_ms(g), 0, "a rest of eight minutes");
	is_int(pace_claim_ms(g), 5000, "a rest of eight minutes: from anew");
	rest(5, 15);
	is_int(pace_claim_ms(g), 0, "a single claim");
	later(120000);
	is_int(pace_claim_ms(g), 0, "a single claim, and another after a rest");
	is_int(pace_claim_ms(g), 5000, "a single claim, a rest, and two more");
}

/* ---- rates of an identity ------------------------------------------------- */

static void test_grants(void)
{
	static const unsigned int pauses[] = { 1000,  2000,  4000,  8000,
					       16000, 32000, 60000, 60000 };
	size_t i;

	later(1000000);
	ok(rate_allows(g, "x.example"), "the first request is granted");
	for (i = 0; i < ARRAY_SIZE(pauses); i++) {
		later(pauses[i] - 1);
		ok(!rate_allows(g, "x.example"),
		   "grant %zu waits for %u ms after the one before", i,
		   pauses[i]);
		later(1);
		ok(rate_allows(g, "x.example"), "grant %zu is due", i);
	}
	ok(rate_allows(g, "y.example"), "another identity waits for none");
	later(240000);
	ok(rate_allows(g, "x.example"), "a request after four minutes of rest");
	later(29999);
	ok(!rate_allows(g, "x.example"),
	   "four minutes of rest halve the pause twice, and no more");
	later(1);
	ok(rate_allows(g, "x.example"), "the halved pause has ended");
}

static void test_churn(void)
{
	static const unsigned int waits_ms[] = { 0,	0,     4000,  8000,
						 16000, 32000, 60000, 60000 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(waits_ms); i++) {
		is_int(rate_leave_wait_ms(g, "z.example"), waits_ms[i],
		       "the leave after %zu joins waits", i);
		rate_count_join(g, "z.example");
	}
	later(59999);
	is_int(rate_leave_wait_ms(g, "z.example"), 60000,
	       "less than a minute forgives no join");
	later(1 + 4 * 60000);
	is_int(rate_leave_wait_ms(g, "z.example"), 8000,
	       "five minutes forgive five of eight joins");
}

int main(void)
{
	sim_init(&s, 1);
	sim_gcks_up(&s);
	g = TAILQ_FIRST(&s.gcks->groups);
	RUN(test_changes);
	RUN(test_spacing);
	RUN(test_exclusion);
	RUN(test_excluded_next);
	RUN(test_resumed);
	RUN(test_reset);
	RUN(test_short_dtd);
	RUN(test_early);
	RUN(test_claims);
	RUN(test_grants);
	RUN(test_churn);
	g->conf = &g->policy->conf;
	sim_free(&s);
	return done();
}
