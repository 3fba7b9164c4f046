// SPDX-License-Identifier: Apache-2.0
/*
 * The queue of inband rekeys at the key server: who is due, in which order, what
 * becomes of a request whose reason has gone, and of answers and ends of IKE SAs
 * that are not the member's.
 */
#include <errno.h>
#include <string.h>

#include "gcks/gmc.h"
#include "gcks/group.h"
#include "gcks/inband.h"
#include "group_finish.h"
#include "group_inband.h"
#include "group_sim.h"
#include "tap.h"

static struct sim s;
static struct group *g;
static struct gmember_more *tx, *a, *b;
static struct ike_id video;

static void usual(uint64_t seed)
{
	sim_inband_start(&s, seed, 2, false);
	sim_run(&s, 60000);
	g = TAILQ_FIRST(&s.gcks->groups);
	tx = gmember_more(gmc_find(g, "s.example"));
	a = gmember_more(gmc_find(g, "r0.example"));
	b = gmember_more(gmc_find(g, "r1.example"));
	id_set(&video, IKE_ID_KEY_ID, "video", 5);
}

static unsigned int n_due(void)
{
	const struct gmember_more *x;
	unsigned int n = 0;

	TAILQ_FOREACH(x, &g->inband_due, by_due)
		n++;
	return n;
}

/* Make a member lack the Data SA, as far as the key server knows. */
static void lack(struct gmember_more *x)
{
	x->has_spi = 0;
}

static void who_is_due(void)
{
	struct ike_sa *sa;
	uint64_t sent;

	usual(1);
	sent = g->inband_sent;
	inband_changed(g);
	is_int(n_due(), 0, "nobody is due who has the Data SA");
	lack(tx);
	lack(a);
	inband_changed(g);
	inband_changed(g);
	is_int(n_due(), 2, "each member is due once");
	ok(TAILQ_FIRST(&g->inband_due) == a, "receivers are first");
	ok(TAILQ_LAST(&g->inband_due, gmembers) == tx, "senders are last");
	lack(b);
	b->inband_open = true;
	inband_changed(g);
	ok(!b->inband_due, "a member with an open request is not due");
	b->inband_open = false;
	b->m->out = true;
	inband_changed(g);
	ok(!b->inband_due, "a member that is being taken out is not due");
	b->m->out = false;
	sa = b->sa;
	b->sa = NULL;
	inband_changed(g);
	ok(!b->inband_due, "a member without IKE SA is not due");
	b->sa = sa;
	inband_changed(g);
	ok(b->inband_due, "the member is due otherwise");
	is_int(n_due(), 3, "all three are due");
	/* The reasons of two of them go before they are sent. */
	a->has_spi = gkm_spi(&g->st);
	b->m->out = true;
	sim_run(&s, 1000);
	is_int(g->inband_sent, sent + 1,
	       "members that are not behind, or go, get nothing");
	b->m->out = false;
	is_int(inband_behind(g), 1, "one is still behind");
	lack(a);
	inband_changed(g);
	sim_run(&s, 1000);
	is_int(inband_behind(g), 0, "all have it then");
	sim_finish(&s, __func__);
}

/* Fill the queue of an IKE SA whose peer does not answer. */
static void fill_queue(struct gmember_more *x)
{
	unsigned int n;

	s.m[x == a ? 1 : 2]->offline = true;
	for (n = 0; n < 1000 && !ike_liveness(x->sa); n++)
		;
	ok(n > 1 && n < 1000, "the queue of the IKE SA is full");
}

static void full_queue(void)
{
	uint64_t sent;

	usual(2);
	fill_queue(a);
	lack(a);
	lack(b);
	inband_changed(g);
	sent = g->inband_sent;
	sim_run(&s, 300);
	ok(a->inband_due && !a->inband_open,
	   "a member whose queue is full stays due");
	is_int(n_due(), 1, "another one does not wait for it");
	is_int(g->inband_sent, sent + 1, "the other one got its rekey");
	is_int(inband_behind(g), 1, "the other one has answered");
	sim_run(&s, 1000);
	ok(timer_left_ms(&s.tq, &g->inband) > 10,
	   "alone it is not tried again each 10 ms");
	s.m[1]->offline = false;
	sim_run(&s, 10000);
	is_int(g->inband_sent, sent + 2, "there is one request for each");
	is_int(inband_behind(g), 0, "the first one got it then");
	is_int(n_due(), 0, "nobody is due any more");

	/* An IKE SA over which no rekey can be sent is not tried again. */
	lack(a);
	a->sa = member_ike_sa(s.m[1]->m);
	inband_changed(g);
	sim_run(&s, 100);
	ok(!a->sa && !a->inband_due && !a->inband_open,
	   "an IKE SA that takes no rekey is given up");
	sim_finish(&s, __func__);
}

/* The messages of a change are sent at once, but for the breaks. */
static void pace(void)
{
	struct gmember_more *x;
	uint64_t sent;

	sim_inband_start(&s, 6, 70, false);
	sim_run(&s, 60000);
	g = TAILQ_FIRST(&s.gcks->groups);
	a = gmember_more(gmc_find(g, "r0.example"));
	fill_queue(a);
	TAILQ_FOREACH(x, &g->inbands, by_inband)
		lack(x);
	inband_changed(g);
	/* The first one that is due has to wait. */
	TAILQ_REMOVE(&g->inband_due, a, by_due);
	TAILQ_INSERT_HEAD(&g->inband_due, a, by_due);
	sent = g->inband_sent;
	sim_run(&s, 5);
	is_int(g->inband_sent, sent + 31, "31 of 32 tries succeed at once");
	sim_run(&s, 10);
	is_int(g->inband_sent, sent + 63, "the next ones follow after 10 ms");
	sim_run(&s, 10);
	is_int(g->inband_sent, sent + 70, "the last ones follow after 20 ms");
	sim_finish(&s, __func__);
}

/* The reason of a request goes while it waits for others over the IKE SA. */
static void reason_gone(void)
{
	uint64_t sent;

	usual(3);
	s.m[1]->offline = true;
	ike_liveness(a->sa);
	lack(a);
	inband_changed(g);
	sim_run(&s, 100);
	ok(a->inband_open, "a request waits behind another one");
	a->has_spi = gkm_spi(&g->st);
	sent = g->inband_sent;
	s.m[1]->offline = false;
	sim_run(&s, 3000);
	is_int(g->inband_sent, sent,
	       "a member that is up to date gets nothing");
	ok(!a->inband_open, "the request is not open any more");

	s.m[1]->offline = true;
	ike_liveness(a->sa);
	lack(a);
	inband_changed(g);
	sim_run(&s, 100);
	a->m->out = true;
	s.m[1]->offline = false;
	sim_run(&s, 3000);
	is_int(g->inband_sent, sent, "a member that goes gets nothing");
	ok(!a->inband_open,
	   "the request to a member that goes is not open any more");
	a->m->out = false;
	inband_changed(g);
	sim_run(&s, 1000);
	is_int(g->inband_sent, sent + 1,
	       "the member gets a rekey when it stays");
	is_int(inband_behind(g), 0, "all have the Data SA");
	sim_finish(&s, __func__);
}

/* Answers that are not for the open request of a member. */
static void other_answers(void)
{
	static struct gike_inband msg;
	struct ike_sa *sa;
	struct ike_id idg;
	uint64_t done;

	usual(4);
	done = g->inband_done;
	gcks_inband_done(s.gcks, a->sa, &video, 0);
	is_int(g->inband_done, done, "nothing was asked");
	a->inband_open = true;
	id_set(&idg, IKE_ID_KEY_ID, "audio", 5);
	is_int(gcks_inband_fill(s.gcks, a->sa, &idg, &msg), -ENOENT,
	       "there are no keys for another group");
	gcks_inband_done(s.gcks, a->sa, &idg, 0);
	is_int(g->inband_done, done, "an answer for another group");
	id_set(&idg, IKE_ID_KEY_ID, "videos", 6);
	gcks_inband_done(s.gcks, a->sa, &idg, 0);
	is_int(g->inband_done, done, "an answer for a group of a longer name");
	sa = a->sa;
	a->sa = NULL;
	gcks_inband_done(s.gcks, sa, &video, 0);
	is_int(g->inband_done, done, "an answer over a former IKE SA");
	a->sa = sa;
	gcks_inband_done(s.gcks, a->sa, &video, 14);
	is_int(g->inband_done, done, "an error is no answer");
	ok(!a->inband_open, "an error ends the request");
	ok(sim_logged(&s, "rekey rejected: \"r0.example\": NO_PROPOSAL_CHOSEN"),
	   "an error is logged");
	a->inband_open = true;
	a->sent_spi = gkm_spi(&g->st);
	gcks_inband_done(s.gcks, a->sa, &video, 0);
	is_int(g->inband_done, done + 1, "the answer is taken");
	sim_finish(&s, __func__);
}

static void ends(void)
{
	usual(5);
	lack(a);
	lack(b);
	inband_changed(g);
	tx->inband_open = true;
	is_int(n_due(), 2, "two are due");
	ike_close(a->sa, "test");
	ok(!a->sa && !a->inband_due, "without IKE SA a member is not due");
	is_int(n_due(), 1, "the queue does not have it any more");
	ike_close(tx->sa, "test");
	ok(!tx->sa && !tx->inband_open,
	   "without IKE SA a member has no open request");
	is_int(g->inband_lost, 1, "the open one is counted");
	b->inband_open = true;
	inband_release(b->m, b->sa);
	ok(b->sa && b->inband_due && b->inband_open,
	   "a registration over the same IKE SA changes nothing");
	inband_release(b->m, NULL);
	ok(!b->sa && !b->inband_due && !b->inband_open,
	   "one over another IKE SA releases it");
	is_int(n_due(), 0, "nobody is due");
	inband_release(b->m, NULL);
	sim_run(&s, 60000);
	is_int(inband_behind(g), 0, "all have registered again");
	ok(a->sa && b->sa && tx->sa, "all have an IKE SA again");
	is_int(sim_inband_lacking(&s), 0, "all have the Data SA");
	sim_finish(&s, __func__);
}

int main(void)
{
	RUN(who_is_due);
	RUN(full_queue);
	RUN(pace);
	RUN(reason_gone);
	RUN(other_answers);
	RUN(ends);
	return done();
}
