// SPDX-License-Identifier: Apache-2.0
/*
 * An answer of the key server is lost and comes again when the keys have changed. What
 * the member noticed meanwhile is not settled by that: it says so, and asks again.
 */
#include <stdio.h>
#include <string.h>

#include "gcks/group.h"
#include "group_finish.h"
#include "group_sim.h"
#include "ike/sa.h"
#include "member/mgroup.h"
#include "tap.h"

static struct sim s;
static struct sim_member *a, *b;
static struct err err;
static struct sim_member *loses; /* the next answer, and all after it */

static enum gike_when lose_answer(void *ctx, struct ike_sa *sa,
				  const struct gike_req *req,
				  struct gike_reply *reply)
{
	(void)ctx;
	if (loses) {
		loses->deaf = true;
		loses->mute = true;
		loses = NULL;
	}
	return gcks_group_request(s.gcks, sa, req, reply);
}

static struct mgroup *group_of(const struct sim_member *m)
{
	return TAILQ_FIRST(&m->m->groups);
}

static bool is_current(const struct sim_member *m)
{
	return sim_status(m).data_spi == sim_group(&s).data_spi;
}

static void begin(uint64_t seed)
{
	struct sim_three three;

	sim_init_rare(&s, seed);
	three = sim_start_three(&s, false, 40000, 20);
	a = three.a;
	b = three.b;
	s.engine->ops.group_request = lose_answer;
}

/* The answer to @m is made, and lost. */
static void ask_in_vain(struct sim_member *m)
{
	uint64_t t0 = s.ms;

	loses = m;
	ike_close(m->m->sa, "idle");
	group_of(m)->ops->ask(group_of(m), "periodic check of the clocks");
	while (loses && s.ms - t0 < 10000)
		sim_run(&s, 1);
	ok(!loses, "the answer is made");
	sim_run(&s, 100);
}

static bool run_until(bool (*is)(const struct sim_member *m),
		      const struct sim_member *m)
{
	uint64_t t0 = s.ms;

	while (!is(m) && s.ms - t0 < 60000)
		sim_run(&s, 20);
	return is(m);
}

static bool is_answered(const struct sim_member *m)
{
	return sim_status(m).registrations == 2;
}

/*
 * @change: e evicts, r is a rekey without exclusion. The clock of the member has fallen
 * behind the key server's since it last asked, so that the answer seems new by that.
 */
static void test_receiver(char change, unsigned int away_ms,
			  unsigned int behind_ms)
{
	uint64_t back;
	uint32_t ms;

	begin(away_ms);
	group_of(a)->local_ms += behind_ms;
	ask_in_vain(a);
	if (change == 'e')
		is_int(sim_evict(s.gcks, "video", b->name, &ms, &err), 0,
		       "a member is evicted: %s", err.text);
	else
		is_int(sim_rekey(s.gcks, NULL, &err), 0, "a rekey: %s",
		       err.text);
	sim_run(&s, away_ms);
	a->deaf = false;
	a->mute = false;
	back = s.ms;
	ok(run_until(is_answered, a), "the answer comes again");
	ok(!is_current(a), "late answer: the member has old keys");
	ok(sim_status(a).doubt, "the member does not take them for current");
	ok(run_until(is_current, a),
	   "late answer: the member gets the current keys");
	/* The request is repeated after 4 s at most, and the doubt is asked about. */
	ok(s.ms - back < 8000, "%u ms after it hears again",
	   (unsigned int)(s.ms - back));
	sim_run(&s, 8000);
	is_int(sim_status(a).registrations, 3,
	       "receiver: one more request was needed");
	is_str(sim_status(a).doubt ?: "", "", "no doubt is left");
	sim_down(b);
	sim_finish(&s, "late answer");
}

/* An answer that was made after the doubt settles it. */
static void test_settled(void)
{
	uint64_t regs;

	begin(5);
	regs = sim_status(a).registrations;
	a->deaf = true;
	is_int(sim_rekey(s.gcks, NULL, &err), 0, "a rekey: %s", err.text);
	sim_run(&s, 15000);
	a->deaf = false;
	sim_run(&s, 20000);
	ok(is_current(a), "a member that missed a rekey has its keys");
	is_int(sim_status(a).registrations - regs, 1,
	       "settled: one request was needed");
	sim_finish(&s, "late answer");
}

int main(void)
{
	RUN(test_receiver, 'e', 3500, 0);
	RUN(test_receiver, 'r', 5600, 0);
	RUN(test_receiver, 'e', 3500, 10000);
	RUN(test_receiver, 'r', 5600, 10000);
	RUN(test_settled);
	return done();
}
