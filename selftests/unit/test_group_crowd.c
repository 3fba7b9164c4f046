// SPDX-License-Identifier: Apache-2.0
/*
 * Thousands of members that ask while a change is in flight, and what they cost
 * the key server beyond its cryptography.
 */
#include <stdlib.h>
#include <time.h>

#include "gcks/gmc.h"
#include "gcks/group.h"
#include "gcks/outbox.h"
#include "gcks/policy.h"
#include "gcks/registration.h"
#include "group_sim.h"
#include "member/mgroup.h"
#include "tap.h"

#define FEW 1000
#define SOME 4000
#define MANY 16000

static struct sim s;

/*
 * Other programs make a measurement longer, by what they take of the caches, and never
 * shorter. A cost that grows too fast is too high in all of these.
 */
#define MEASUREMENTS 3

static bool once_true(bool (*measure)(void))
{
	unsigned int i;

	for (i = 0; i < MEASUREMENTS; i++)
		if (measure())
			return true;
	return false;
}

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

/*
 * Members that ask again, and senders that need Sender-IDs among them; their
 * IKE SAs are gone by the time of the answer, which costs nothing therefore.
 */
static void wait_again(struct group *g, unsigned int n)
{
	struct join_req *j;
	struct gmember *m;
	char name[48];
	unsigned int i;

	for (i = 0; i < n; i++) {
		j = calloc(1, sizeof(*j));
		snprintf(name, sizeof(name), "m%u.%s.example", i,
			 i % 2 ? "send" : "read");
		m = gmember_new(name);
		if (!j || !m)
			bail("no memory");
		m->number = g->st.next_number++;
		m->send = i % 2;
		m->registered = 1;
		gmc_enter(g, m);
		j->identity = strdup(name);
		j->send = i % 2;
		j->n_sids = j->send;
		j->cert_ends = (int64_t)1 << 40; /* by certificate */
		TAILQ_INSERT_TAIL(&g->requests, j, all);
	}
}

static double cost(unsigned int n)
{
	uint64_t before;
	struct group *g;
	double ms;

	sim_init(&s, 1);
	s.cg.max_members = 65536;
	sim_start_three(&s, true, 20000, 0);
	g = TAILQ_FIRST(&s.gcks->groups);
	g->fresh = true;
	wait_again(g, n);
	before = g->registrations;
	ms = cpu_ms();
	g->ops->idle(g);
	/* The store may take its time, see SIM_STORE_MS. */
	while (g->commit.busy)
		sim_run(&s, 1);
	ms = cpu_ms() - ms;
	is_int(g->registrations - before, n, "%u waiting members are handled",
	       n);
	ok(TAILQ_EMPTY(&g->requests), "%u waiting members: none is left", n);
	printf("# %u waiting members: %.1f ms of CPU\n", n, ms);
	sim_free(&s);
	return ms;
}

/* ---- what a member of a large group can cause again and again ------------ */

#define SMALL 1000
#define LARGE 60000
#define REPORTS 5000

static void enter_many(struct group *g, unsigned int n)
{
	struct gmember *m;
	char name[48];
	unsigned int i;

	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "x%u.example", i);
		m = gmember_new(name);
		if (!m)
			bail("no memory");
		m->number = g->st.next_number++;
		gmc_enter(g, m);
	}
}

/* A sender that falls back to its old Data SA, and confirms the current one. */
static double report_cost(unsigned int n)
{
	struct gmember *tx, *other;
	uint32_t was, spi;
	struct err err;
	struct group *g;
	unsigned int i;
	double ms;

	sim_init(&s, 2);
	sim_start_three(&s, true, 20000, 0);
	was = sim_group(&s).data_spi;
	sim_rekey(s.gcks, NULL, &err);
	sim_run(&s, 10000);
	spi = sim_group(&s).data_spi;
	g = TAILQ_FIRST(&s.gcks->groups);
	enter_many(g, n);
	tx = gmc_find(g, "s.example");
	other = gmc_find(g, "x0.example");
	gmc_set_send(g, other, true);
	is_int(outbox_unconfirmed(g), 1, "%u members: one sender is waited for",
	       n);
	ms = cpu_ms();
	for (i = 0; i < REPORTS; i++) {
		outbox_confirm(g, tx, was);
		outbox_confirm(g, tx, spi);
	}
	ms = cpu_ms() - ms;
	is_int(outbox_unconfirmed(g), 1,
	       "%u members: that sender is waited for still", n);
	gmc_drop(g, other);
	is_int(outbox_unconfirmed(g), 0, "%u members: all have confirmed", n);
	printf("# %u members: %.2f us of CPU for two reports of a sender\n", n,
	       ms * 1e3 / REPORTS);
	sim_free(&s);
	return ms;
}

static bool reports_cost_the_same(void)
{
	double small = report_cost(SMALL), large = report_cost(LARGE);

	/* Each report took 60 times as long when it walked the roster. */
	return large < 6 * small + 2;
}

static void test_reports(void)
{
	ok(once_true(reports_cost_the_same),
	   "a report costs the same in a large group");
}

#define JUDGED 5000

/* An identity that is not denied, in a list with @n denied and @n listed names. */
static double judge_cost(unsigned int n, bool denied)
{
	struct conf_names names = { 0 };
	struct conf_group conf;
	unsigned int i, good = 0;
	char name[48];
	struct group *g;
	double ms;

	sim_init(&s, 3);
	sim_start_three(&s, true, 2000, 0);
	g = TAILQ_FIRST(&s.gcks->groups);
	names.v = calloc(n, sizeof(*names.v));
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "x%u.example", i * 7 % n);
		if (!denied)
			names.v[names.n++] = strdup(name);
		else if (gmc_note_denied(g, name, 1))
			bail("no memory");
	}
	if (conf_names_index(&names))
		bail("no memory");
	if (!denied) {
		conf = *g->conf;
		conf.receivers = names;
		g->conf = &conf;
	}
	ms = cpu_ms();
	for (i = 0; i < JUDGED; i++) {
		snprintf(name, sizeof(name), "%s%u.example", denied ? "y" : "x",
			 i % n);
		good += !gmc_refusal(g, name, false);
	}
	ms = cpu_ms() - ms;
	is_int(good, JUDGED, "%u %s identities: all others may join", n,
	       denied ? "denied" : "listed");
	snprintf(name, sizeof(name), "%s%u.example", denied ? "x" : "y", n - 1);
	ok(gmc_refusal(g, name, false), "%u %s identities: who may not may not",
	   n, denied ? "denied" : "listed");
	printf("# %u %s identities: %.2f us of CPU to judge a request\n", n,
	       denied ? "denied" : "listed", ms * 1e3 / JUDGED);
	if (!denied)
		g->conf = &g->policy->conf;
	conf_names_free(&names);
	sim_free(&s);
	return ms;
}

/* A request took 60 times as long or more when each identity was compared. */
static bool denied_cost_little(void)
{
	double small = judge_cost(SMALL, true), large = judge_cost(LARGE, true);

	return large < 6 * small + 2;
}

static bool listed_cost_little(void)
{
	double small = judge_cost(SMALL, false);
	double large = judge_cost(LARGE, false);

	return large < 6 * small + 2;
}

static void test_judged(void)
{
	ok(once_true(denied_cost_little),
	   "60 times as many are denied, at little cost");
	ok(once_true(listed_cost_little),
	   "60 times as many are listed, at little cost");
}

/* ---- members that claim that they need other keys -------------------------- */

#define CLAIMERS 40
#define CLAIMS_MS 300000

static void claim(struct sim_member *m)
{
	struct mgroup *g = TAILQ_FIRST(&m->m->groups);

	if (g->state != MEMBER_IN)
		return;
	g->used_up = true;
	register_now(g);
}

/*
 * Every member may claim once a minute, so that all together would change the keys
 * as often as the group can. One alone does not wait for the company of joins.
 */
static void test_claims(unsigned int loss)
{
	struct sim_member *tx;
	struct err err;
	uint64_t rekeys;
	uint32_t spi;
	unsigned int t;

	tx = sim_start_receivers(&s, 4 + loss, CLAIMERS);
	if (!tx)
		bail("the members are not in");
	s.cg.batch_join_ms = 60000;
	is_int(sim_reload(&s, &err), 0, "loss %u: joins wait", loss);
	sim_stream(&s, tx, 100);
	sim_run(&s, 60000);
	s.loss = loss;
	rekeys = sim_group(&s).rekeys;
	spi = sim_group(&s).data_spi;
	claim(tx);
	sim_run(&s, 500);
	ok(sim_group(&s).data_spi != spi, "loss %u: one claim does not wait",
	   loss);
	for (t = 0; t < CLAIMS_MS; t += 50) {
		claim(s.m[1 + t / 50 % CLAIMERS]);
		sim_run(&s, 50);
	}
	is_int(sim_group(&s).rekeys - rekeys, 8,
	       "loss %u: changes for the claims of five minutes", loss);
	is_int(s.n_unsent, 0, "loss %u: the sender could always send", loss);
	s.loss = 0;
	sim_run(&s, 60000);
	is_int(sim_gaps(&s), 0, "loss %u: nobody lost a packet", loss);
	is_int(sim_out_of_step(&s), 0, "loss %u: all are in step", loss);
	is_int(mock_iv_clashes, 0, "loss %u: no Sender-ID came twice", loss);
	sim_free(&s);
}

/* Sixteen times as many cost 265 times as much when each was searched. */
static bool cost_grows_with_size(void)
{
	double few = cost(FEW), some = cost(SOME), many = cost(MANY);

	return some < few * 6 * SOME / FEW && many < few * 6 * MANY / FEW;
}

static void test_cost(void)
{
	ok(once_true(cost_grows_with_size),
	   "the cost of a crowd grows with its size, not faster");
}

int main(void)
{
	RUN(test_cost);
	RUN(test_reports);
	RUN(test_judged);
	RUN(test_claims, 0);
	RUN(test_claims, 10);
	return done();
}
