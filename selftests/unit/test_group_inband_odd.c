// SPDX-License-Identifier: Apache-2.0
/*
 * Members that are rekeyed inband, when messages come late or never, when an
 * identity is at two places, and when an IKE SA is not the one that it was.
 */
#include "gcks/gmc.h"
#include "group_finish.h"
#include "group_inband.h"
#include "group_sim.h"
#include "member/mgroup.h"
#include "lib/util.h"
#include "tap.h"

static struct sim s;
static struct err err;

static struct mgroup *group_of(const struct sim_member *m)
{
	return TAILQ_FIRST(&m->m->groups);
}

static void evict(const char *identity)
{
	uint32_t ms;

	if (sim_evict(s.gcks, "video", identity, &ms, &err))
		bail("%s", err.text);
}

static struct mgroup *the_group(const struct sim_member *m)
{
	return TAILQ_FIRST(&m->m->groups);
}

/* Run until the key server has granted the next request of a member. */
static void until_granted(const char *what)
{
	unsigned int i;

	s.log_len = 0;
	s.log[0] = '\0';
	for (i = 0; i < 10000 && !sim_logged(&s, what); i++)
		sim_run(&s, 1);
	if (!sim_logged(&s, what))
		bail("not granted: %s", s.log);
}

/*
 * A member changes from multicast to inband rekeys, its answer is lost, and a rekey
 * overtakes it: by GSA_INBAND_REKEY, which the member cannot take yet.
 */
static void changed_and_overtaken(void)
{
	struct sim_member *tx = sim_inband_start(&s, 1, 1, true), *m = s.m[2];

	s.store_ms = 0;
	sim_stream(&s, tx, 20);
	sim_run(&s, 60000);
	sim_inband_reload(m, true);
	until_granted("member registered again");
	sim_inband_lose_all(&s);
	sim_inband_rekey(&s);
	sim_run(&s, 400);
	ok(sim_status(m).keyed, "the member has no answer yet");
	sim_run(&s, 20000);
	ok(sim_logged(&s, "overtaken by a rekey"),
	   "the answer from before the rekey is not taken");
	ok(sim_status(m).inband, "the member is rekeyed inband");
	is_int(sim_inband_lacking(&s), 0, "all have the Data SA");
	is_int(sim_gaps(&s), 0, "no packet is lost");
	sim_finish(&s, __func__);
}

/*
 * A sender that needs another Data SA is put off, and asks again over the IKE SA
 * that its rekeys come over.
 */
static void put_off(void)
{
	struct sim_member *tx = sim_inband_start(&s, 1, 3, false);
	struct mgroup *g = TAILQ_FIRST(&tx->m->groups);
	unsigned int opened;

	sim_stream(&s, tx, 20);
	sim_run(&s, 1000);
	sim_inband_rekey(&s);
	sim_run(&s, 500);
	opened = sim_log_count(&s, "authentication succeeded");
	g->used_up = true;
	register_now(g);
	sim_run(&s, 20000);
	is_int(sim_log_count(&s, "put off"), 1,
	       "the sender's request is put off");
	is_int(sim_log_count(&s, "its rekeys go over another"), 0,
	       "the IKE SA of its rekeys stays");
	is_int(sim_log_count(&s, "authentication succeeded"), opened,
	       "there is no other handshake");
	ok(sim_in(tx), "the sender has keys");
	sim_finish(&s, __func__);
}

/* A member's first request is put off, and the second one asks for inband rekeys. */
enum second {
	SECOND_TOO_MANY, /* there is no room for it */
	SECOND_NEEDS_KEYS, /* other ones, like the first request */
	SECOND_ANSWERED, /* by the current keys */
};

static const char *const seconds[] = { "no room", "other keys",
				       "current keys" };

static void put_off_for_more(enum second how)
{
	struct sim_member *tx, *m;
	const char *name = seconds[how];
	bool room = how != SECOND_TOO_MANY;
	unsigned int opened;
	int i;

	sim_init(&s, 5);
	s.cg.inband = INBAND_ASKED;
	s.cg.max_inband = 1 + room;
	sim_gcks_up(&s);
	tx = sim_add(&s, "s.example", true, false);
	sim_inband_add(&s, "a.example", false, true);
	m = sim_add(&s, "b.example", false, true);
	sim_up(tx);
	sim_up(s.m[1]);
	sim_up(m);
	if (!sim_settle(&s, 60000))
		bail("not all are in");
	sim_stream(&s, tx, 20);
	sim_run(&s, 20000);
	sim_rekey(s.gcks, "video", &err);
	sim_run(&s, 500);
	the_group(m)->used_up = true;
	register_now(the_group(m));
	/* The pace of the identity allows another request after a second. */
	sim_run(&s, 1500);
	is_int(sim_log_count(&s, "put off"), 1, "%s: the first is put off",
	       name);
	opened = sim_log_count(&s, "authentication succeeded");
	the_group(m)->used_up = how == SECOND_NEEDS_KEYS;
	sim_inband_reload(m, true);
	sim_run(&s, 200);
	is_int(sim_log_count(&s, "put off"), 1 + (how == SECOND_NEEDS_KEYS),
	       "%s: the second is put off or not", name);
	is_int(sim_group(&s).inband, 1 + (how == SECOND_ANSWERED),
	       "%s: the second is granted at once or not", name);
	for (i = 0; !room && i < 5; i++) {
		sim_run(&s, 300);
		the_group(m)->used_up = true;
		register_now(the_group(m));
	}
	sim_run(&s, 20000);
	is_int(sim_group(&s).inband, 1 + room,
	       "%s: members that are rekeyed inband", name);
	is_int(sim_log_count(&s, "authentication succeeded"), opened,
	       "%s: there is no other handshake", name);
	is_int(m->gaps, 0, "%s: the member loses no packet", name);
	is_int(sim_inband_lacking(&s), 0, "%s: all have the Data SA", name);
	sim_finish(&s, name);
}

/*
 * A host that waits for other keys starts again, for inband rekeys now, and is answered
 * at once. Nobody waits for its first request any more.
 */
static void restarted_for_inband(void)
{
	struct sim_member *tx, *m;

	sim_init_rare(&s, 6);
	s.cg.inband = INBAND_ASKED;
	sim_gcks_up(&s);
	tx = sim_add(&s, "s.example", true, false);
	m = sim_add(&s, "b.example", false, true);
	sim_up(tx);
	sim_up(m);
	if (!sim_settle(&s, 60000))
		bail("not all are in");
	sim_stream(&s, tx, 20);
	/* The IKE SA of the member ends, and another one waits for its answer. */
	sim_run(&s, 400000);
	sim_rekey(s.gcks, "video", &err);
	sim_run(&s, 100);
	the_group(m)->used_up = true;
	register_now(the_group(m));
	sim_run(&s, 500);
	is_int(sim_group(&s).pending, 1, "the first request waits");
	sim_down(m);
	m->cg.inband = true;
	sim_up(m);
	sim_run(&s, 1000);
	is_int(sim_group(&s).inband, 1, "the second request is granted");
	sim_run(&s, 20000);
	is_int(sim_group(&s).inband, 1, "the member is still rekeyed inband");
	is_int(sim_group(&s).pending, 0, "nothing waits");
	is_int(sim_inband_lacking(&s), 0, "all have the Data SA");
	sim_finish(&s, __func__);
}

/* A member is evicted while the answer to its registration is lost. */
static void evicted_before_the_answer(void)
{
	struct sim_member *a, *tx = sim_inband_start(&s, 2, 2, false);
	uint64_t at;

	a = s.m[1];
	s.store_ms = 0;
	sim_stream(&s, tx, 20);
	sim_run(&s, 60000);
	if (member_leave(a->m, NULL))
		bail("leave");
	sim_run(&s, 20000);
	if (member_join(a->m, NULL))
		bail("join");
	until_granted("member joined");
	sim_inband_lose_all(&s);
	evict("r0.example");
	at = s.ms + 2500;
	sim_run(&s, 5000);
	ok(!sim_in(a), "a newcomer does not take the answer from before");
	is_int(a->notify, 46, "AUTHORIZATION_FAILED");
	is_int(sim_reads_after(&s, a, at), 0,
	       "the evicted newcomer reads nothing afterwards");

	/* The same for a member that was in. */
	a = s.m[2];
	gmc_find(TAILQ_FIRST(&s.gcks->groups), "r1.example")->unstored_s =
		GMEMBER_UNSTORED_MAX;
	register_now(group_of(a));
	until_granted("member registered again");
	sim_inband_lose_all(&s);
	evict("r1.example");
	at = s.ms + 2500;
	sim_run(&s, 5000);
	ok(!sim_in(a), "a member does not take the answer from before");
	sim_run(&s, 30000);
	is_int(sim_status(a).n_sas, 0,
	       "the evicted member's Data SAs have ended");
	is_int(sim_reads_after(&s, a, at), 0,
	       "the evicted member reads nothing afterwards");
	sim_finish(&s, __func__);
}

/*
 * Another group of the host has given the IKE SA up, and opens one of its own. The
 * rekeys of this group still come over the former one.
 */
static void other_ike_sa(void)
{
	struct sim_member *a, *tx = sim_inband_start(&s, 3, 2, false);
	struct ike_sa *sa;

	a = s.m[1];
	sim_stream(&s, tx, 20);
	sim_run(&s, 60000);
	sa = a->m->sa;
	a->m->sa = NULL;
	sim_inband_rekey(&s);
	sim_run(&s, 1000);
	ok(sim_inband_current(a), "a rekey over the former IKE SA is followed");
	ok(!sim_status(a).doubt, "the member knows that it is up to date");
	sim_run(&s, 60000);
	is_int(sim_status(a).registrations, 1,
	       "checks of the IKE SA cause no registration");
	ike_close(sa, "test");
	is_str(sim_status(a).doubt, "no IKE SA for inband rekeys",
	       "the end of the former IKE SA is noticed");
	sim_run(&s, 6000);
	is_int(sim_status(a).registrations, 2, "the member registers again");
	sim_inband_rekey(&s);
	sim_run(&s, 20000);
	is_int(sim_inband_lacking(&s), 0, "the new IKE SA brings rekeys");

	/* A registration over another IKE SA ends the former one. */
	sa = a->m->sa;
	a->m->sa = NULL;
	register_now(group_of(a));
	sim_run(&s, 1000);
	ok(a->m->sa && a->m->sa != sa && sim_in(a),
	   "a registration over another IKE SA");
	ok(sim_logged(&s, "IKE SA closed") ||
		   group_of(a)->inband_sa == a->m->sa,
	   "rekeys come over the new one");
	sim_inband_rekey(&s);
	sim_run(&s, 20000);
	is_int(sim_inband_lacking(&s), 0, "all have the Data SA");
	is_int(sim_gaps(&s), 0, "no packet is lost");
	sim_finish(&s, __func__);
}

/*
 * Two hosts with one identity: rekeys go to the one that registered last. The other
 * one is told by the end of its IKE SA, and does not believe that it is up to date.
 */
static void two_places(void)
{
	struct sim_member *tx = sim_inband_start(&s, 4, 2, false);
	struct sim_member *a = s.m[1], *twin;
	uint64_t unaware = 0, registrations;
	unsigned int i;

	sim_stream(&s, tx, 20);
	twin = sim_inband_add(&s, "r0.example", false, true);
	sim_up(twin);
	sim_run(&s, 10000);
	for (i = 0; i < 300; i++) {
		if (i % 10 == 0)
			sim_inband_rekey(&s);
		sim_run(&s, 1000);
		if (i % 10 > 1)
			unaware += sim_in(a) && !sim_status(a).doubt &&
				   !sim_inband_current(a);
		if (i % 10 > 1)
			unaware += sim_in(twin) && !sim_status(twin).doubt &&
				   !sim_inband_current(twin);
	}
	is_int(unaware, 0,
	       "no host lacks keys without knowing, two seconds after a rekey");
	registrations =
		sim_status(a).registrations + sim_status(twin).registrations;
	ok(registrations <= 60, "%llu registrations of both in five minutes",
	   (unsigned long long)registrations);
	diag("of %llu packets the two hosts lost %llu and %llu",
	     (unsigned long long)s.n_sent, (unsigned long long)a->gaps,
	     (unsigned long long)twin->gaps);
	is_int(s.m[2]->gaps, 0, "another member loses nothing");
	sim_down(twin);
	sim_run(&s, 120000);
	sim_inband_rekey(&s);
	sim_run(&s, 20000);
	is_int(sim_inband_lacking(&s), 0,
	       "all is well when one of them has gone");
	sim_finish(&s, __func__);
}

/* Two hosts with one identity ask for both kinds of rekeys, in one batch. */
static void both_kinds_at_once(void)
{
	struct sim_member *a, *b;

	sim_init(&s, 5);
	s.cg.inband = INBAND_ASKED;
	s.cg.batch_join_ms = 1000;
	sim_gcks_up(&s);
	a = sim_inband_add(&s, "a.example", false, true);
	b = sim_add(&s, "a.example", false, true);
	sim_up(a);
	sim_up(b);
	sim_run(&s, 2500);
	is_int(sim_log_count(&s, "registration failed"), 1,
	       "one of two in a batch is refused");
	is_int(a->notify, 49, "REGISTRATION_FAILED");
	sim_run(&s, 60000);
	is_int(sim_group(&s).members, 1,
	       "two hosts with one identity are one member");
	sim_down(b);
	sim_run(&s, 120000);
	sim_inband_rekey(&s);
	sim_run(&s, 20000);
	is_int(sim_inband_lacking(&s), 0, "the one that remains is rekeyed");
	ok(sim_status(a).inband && sim_group(&s).inband == 1,
	   "the key server knows how");
	sim_finish(&s, __func__);
}

/* Return the milliseconds until all have the Data SA. */
static uint64_t settle_ms(uint64_t most)
{
	uint64_t from = s.ms;

	while (sim_inband_lacking(&s) && s.ms < from + most)
		sim_run(&s, 50);
	return s.ms - from;
}

/* A fifth of all control datagrams is lost, in each direction. */
static void heavy_loss(void)
{
	int n = FULL_OR_FEW(200, 30);
	struct sim_member *tx = sim_inband_start(&s, 6, n - 1, false);
	uint64_t ms, worst = 0, sum = 0, unaware = 0;
	unsigned int i, k;
	int j;

	sim_stream(&s, tx, 50);
	sim_run(&s, 1000);
	s.loss = 20;
	for (i = 0; i < 10; i++) {
		sim_inband_rekey(&s);
		ms = settle_ms(60000);
		sum += ms;
		worst = ms > worst ? ms : worst;
		for (k = 0; k < 20; k++)
			sim_run(&s, 1000);
	}
	diag("20 %% lost, %d members: all have the key after %llu ms, at worst %llu ms",
	     n, (unsigned long long)sum / 10, (unsigned long long)worst);
	diag("%llu of %llu packets lost; %llu IKE SAs ended",
	     (unsigned long long)sim_gaps(&s),
	     (unsigned long long)s.n_sent * (n - 1),
	     (unsigned long long)sim_group(&s).inband_lost);
	s.loss = 0;
	sim_run(&s, 60000);
	for (j = 0; j < s.n; j++)
		unaware += !sim_inband_current(s.m[j]);
	is_int(unaware, 0, "all have the Data SA when the loss is over");
	ok(worst < 40000, "no rekey takes as long as an IKE SA lasts");
	sim_finish(&s, __func__);
}

/* Return how often the message of the last change was sent. */
static unsigned int most_copies(uint64_t since)
{
	unsigned int i, n = 0;

	for (i = 0; i < s.n_wire; i++)
		if (s.wire[i].at_ms >= since && s.wire[i].copies > n)
			n = s.wire[i].copies;
	return n;
}

/*
 * Messages are repeated for senders that have not confirmed a change. One that is rekeyed
 * inband cannot open them.
 */
static void repeated_for_nobody(void)
{
	struct sim_member *tx = sim_inband_start(&s, 4, 1, true);
	uint64_t since;

	sim_stream(&s, tx, 20);
	sim_run(&s, 60000);
	tx->offline = true;
	since = s.ms;
	sim_inband_rekey(&s);
	sim_run(&s, 58000);
	is_int(sim_group(&s).confirmed_ms, 0,
	       "for nobody: the sender has not confirmed");
	is_int(most_copies(since), 4, "for nobody: copies of the change");
	tx->offline = false;
	sim_run(&s, 30000);
	is_int(sim_inband_lacking(&s), 0, "for nobody: all are in step");
	sim_finish(&s, "for nobody");
}

int main(void)
{
	RUN(repeated_for_nobody);
	RUN(changed_and_overtaken);
	RUN(put_off);
	RUN(put_off_for_more, SECOND_TOO_MANY);
	RUN(put_off_for_more, SECOND_NEEDS_KEYS);
	RUN(put_off_for_more, SECOND_ANSWERED);
	RUN(restarted_for_inband);
	RUN(evicted_before_the_answer);
	RUN(other_ike_sa);
	RUN(two_places);
	RUN(both_kinds_at_once);
	RUN(heavy_loss);
	return done();
}
