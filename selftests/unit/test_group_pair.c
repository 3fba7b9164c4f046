// SPDX-License-Identifier: Apache-2.0
/*
 * Members of two groups, over one IKE SA with a window of one request. A join
 * that waits for a change of keys must not keep a question of the other group
 * waiting, nor be taken for silence.
 */
#include "member/mgroup.h"
#include "group_sim.h"
#include "tap.h"
#include "wire/proto.h"

static struct sim s;
static struct err err;
static struct conf_group groups[2];
static struct conf_mgroup mgroups[SIM_MAX][2];
static const char *const names[] = { "video", "audio" };

static void begin(uint64_t seed, uint32_t batch_ms, uint32_t atd)
{
	sim_init(&s, seed);
	groups[0] = s.cg;
	groups[1] = s.cg;
	groups[1].name = (char *)names[1];
	addr_parse("239.1.1.2", &groups[1].sel.dst);
	ep_parse("239.1.1.253:848", 0, &groups[1].rekey_to);
	groups[1].batch_join_ms = batch_ms;
	groups[1].atd = atd;
	s.conf.groups = groups;
	s.conf.n_groups = 2;
}

static struct sim_member *add_pair(const char *name, bool send)
{
	struct sim_member *m = sim_add(&s, name, send, !send);
	int k;

	for (k = 0; k < 2; k++) {
		mgroups[m->i][k] = m->cg;
		mgroups[m->i][k].name = groups[k].name;
		mgroups[m->i][k].sel = groups[k].sel;
	}
	m->conf.groups = mgroups[m->i];
	m->conf.n_groups = 2;
	return m;
}

static struct mgroup *of(const struct sim_member *m, int k)
{
	return mgroup_find(m->m, names[k]);
}

static bool is_in(const struct sim_member *m, int k)
{
	return m->up && mgroup_is_in(of(m, k));
}

/* Milliseconds until all are in group @k; UINT_MAX after a minute and a half. */
static unsigned int in_after(int k)
{
	unsigned int ms;
	int i;

	for (ms = 0; ms < 90000; ms += 50) {
		for (i = 0; i < s.n && is_in(s.m[i], k); i++)
			;
		if (i == s.n)
			return ms;
		sim_run(&s, 50);
	}
	return UINT32_MAX;
}

static int take_audio(void *arg, const struct gcks_group_status *st)
{
	if (!strcmp(st->conf->name, names[1]))
		*(struct gcks_group_status *)arg = *st;
	return 0;
}

static struct gcks_group_status audio(void)
{
	struct gcks_group_status st = { 0 };

	gcks_each_group(s.gcks, take_audio, &st);
	return st;
}

static unsigned int opened(void)
{
	return sim_log_count(&s, "authentication succeeded");
}

static unsigned int failed(void)
{
	return sim_log_count(&s, "registration failed");
}

static bool drop_for(struct sim *sim, struct sim_member *m, const uint8_t *p,
		     size_t len)
{
	(void)p;
	(void)len;
	return m == sim->drop_arg;
}

static struct sim_member *three(struct sim_member **tx)
{
	struct sim_member *a;

	*tx = add_pair("s.example", true);
	a = add_pair("a.example", false);
	add_pair("b.example", false);
	sim_gcks_up(&s);
	sim_up(*tx);
	sim_up(a);
	sim_up(s.m[2]);
	if (in_after(0) == UINT32_MAX || in_after(1) == UINT32_MAX)
		bail("not in");
	sim_run(&s, 30000);
	member_leave(a->m, names[1]);
	sim_run(&s, 20000);
	return a;
}

/*
 * A receiver misses a rekey of one group, and joins the other when that has just
 * been rekeyed, so that the join waits for the pace, or for a batch.
 */
static void test_question(uint32_t batch_ms, uint32_t atd)
{
	struct sim_member *a, *tx;
	unsigned int was;
	uint64_t heard;
	char what[64];

	snprintf(what, sizeof(what), "batch-join %u ms, atd %u s", batch_ms,
		 atd);
	begin(1, batch_ms, atd);
	a = three(&tx);
	sim_stream(&s, tx, 20);
	sim_run(&s, 2000);
	s.drop = drop_for;
	s.drop_arg = a;
	sim_rekey(s.gcks, names[0], &err);
	sim_run(&s, 5000);
	sim_rekey(s.gcks, names[1], &err);
	sim_run(&s, 100);
	s.drop = NULL;
	heard = s.ms;
	was = opened();
	member_join(a->m, names[1]);
	sim_run(&s, 1000);
	ok(!is_in(a, 1), "%s: the join waits", what);
	sim_run(&s, 9000);
	ok(a->last_gap_ms <= heard + 2000,
	   "%s: in step %d ms after it hears again", what,
	   (int)(a->last_gap_ms - heard));
	sim_run(&s, batch_ms);
	ok(is_in(a, 1), "%s: the join is answered", what);
	is_int(opened() - was, 0, "%s: by one IKE SA", what);
	is_int(failed(), 0, "%s: nothing fails", what);
	sim_free(&s);
}

/* All begin with both groups, and wait for both batches at the same time. */
static void test_start(unsigned int n, unsigned int loss, uint32_t batch_ms)
{
	unsigned int video_ms, audio_ms;
	char name[64], what[64];
	unsigned int i;

	snprintf(what, sizeof(what), "%u members, loss %u %%, batch-join %u ms",
		 n, loss, batch_ms);
	begin(2, batch_ms, 5);
	groups[0].batch_join_ms = batch_ms;
	s.loss = loss;
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "m%u.%sexample", i,
			 i % 8 ? "" : "send.");
		add_pair(name, !(i % 8));
	}
	sim_gcks_up(&s);
	for (i = 0; i < n; i++)
		sim_up(s.m[i]);
	video_ms = in_after(0);
	audio_ms = video_ms + in_after(1);
	ok(audio_ms <= batch_ms + (loss ? 20000 : 1500),
	   "%s: in after %u and %u ms", what, video_ms, audio_ms);
	if (!loss) {
		is_int(opened(), n, "%s: an IKE SA each", what);
		is_int(failed(), 0, "%s: nothing fails", what);
	}
	is_int(audio().members, n, "%s: all are members", what);
	is_int(mock_iv_clashes, 0, "%s: no Sender-ID came twice", what);
	sim_free(&s);
}

/*
 * A host that leaves while the key server remembers the join, or makes the change
 * of keys for it, is no member.
 */
static void test_leave(bool in_flight)
{
	struct sim_member *a, *tx;
	unsigned int i;

	begin(3, 10000, 5);
	if (in_flight)
		s.store_ms = 400;
	a = three(&tx);
	member_join(a->m, names[1]);
	sim_run(&s, 1000);
	for (i = 0; in_flight && i < 20000 && !audio().in_flight; i++)
		sim_run(&s, 1);
	is_int(audio().in_flight, in_flight, "the batch is in flight or not");
	ok(!is_in(a, 1) && of(a, 1)->put_off, "a join is put off");
	member_leave(a->m, names[1]);
	sim_run(&s, 300);
	is_int(of(a, 1)->state, MEMBER_OUT, "the member has left");
	sim_run(&s, 20000);
	is_int(audio().members, 2, "the key server has forgotten the join");
	is_int(audio().pending, 0, "nothing is pending");
	member_join(a->m, names[1]);
	sim_run(&s, 13000);
	ok(is_in(a, 1), "the next join is answered");
	ok(is_in(a, 0), "the other group goes on");
	is_int(sim_log_count(&s, "state change refused"), 0,
	       "no state is refused");
	sim_free(&s);
}

/* A sender gets Sender-IDs by its second request, which is not one too many. */
static void test_sender(void)
{
	struct sim_member *a, *tx;
	uint32_t sid, spi;

	begin(4, 5000, 5);
	a = three(&tx);
	(void)a;
	member_leave(tx->m, names[1]);
	sim_run(&s, 20000);
	member_join(tx->m, names[1]);
	sim_run(&s, 6500);
	ok(is_in(tx, 1), "a sender is in by its second request");
	is_int(of(tx, 1)->sids.n, tx->cg.sender_ids,
	       "sender: the sender has its Sender-IDs");
	is_int(failed(), 0, "a sender's second request is not refused");

	/* The sender cannot use its Data SA any more. */
	sid = of(tx, 1)->sids.v[0];
	spi = audio().data_spi;
	sim_run(&s, 60000);
	of(tx, 1)->used_up = true;
	register_now(of(tx, 1));
	sim_run(&s, 7000);
	ok(audio().data_spi != spi, "a sender that says so gets a Data SA");
	ok(of(tx, 1)->sids.v[0] != sid,
	   "a sender that says so gets other Sender-IDs");
	is_int(msa_newest(of(tx, 1), 0)->spi, audio().data_spi,
	       "the sender has that Data SA");
	spi = audio().data_spi;
	sim_run(&s, 30000);
	is_int(audio().data_spi, spi,
	       "a sender that says so changes keys once");
	is_int(failed(), 0, "a sender that says so is not refused");
	is_int(mock_iv_clashes, 0, "no Sender-ID came twice");
	sim_free(&s);
}

/* A host that is put off starts again and again, and asks each time. */
static void test_asks_again(bool send)
{
	const char *who = send ? "sender" : "receiver";
	struct sim_member *m, *tx;
	unsigned int i;

	begin(7, 10000, 5);
	m = three(&tx);
	if (send) {
		m = tx;
		member_leave(m->m, names[1]);
		member_join(s.m[1]->m, names[1]);
		sim_run(&s, 40000);
	}
	member_join(m->m, names[1]);
	sim_run(&s, 1000);
	for (i = 1; i < 4; i++) {
		ok(of(m, 1)->put_off, "%s: the join is put off, %u", who, i);
		is_int(audio().pending, 1, "%s: one join waits, %u", who, i);
		sim_down(m);
		sim_up(m);
		sim_run(&s, 500);
	}
	is_int(audio().refused, 0, "%s: no request is refused", who);
	sim_run(&s, 20000);
	ok(is_in(m, 1), "%s: the last request is answered", who);
	is_int(audio().members, 3, "%s: who asks often is one member", who);
	sim_free(&s);
}

/* Another host of the identity asks, where only one may be a member. */
static void test_two_addresses(void)
{
	struct sim_member *a, *tx, *twin;

	begin(9, 10000, 5);
	groups[0].one_place = ONE_PLACE_ALLOW;
	groups[1].one_place = ONE_PLACE_REFUSE;
	a = three(&tx);
	member_join(a->m, names[1]);
	sim_run(&s, 1000);
	twin = add_pair("a.example", false);
	sim_up(twin);
	sim_run(&s, 500);
	is_int(twin->notify, GIKE_N_REGISTRATION_FAILED,
	       "the second host is refused");
	is_int(audio().refused, 1, "one request is refused");
	is_int(audio().pending, 1, "the join of the first host waits");
	sim_run(&s, 15000);
	ok(is_in(a, 1) && !is_in(twin, 1), "the first host is in alone");
	sim_free(&s);
}

/*
 * A host that is put off since it needs other keys starts again, and has no keys that
 * are used up: the current ones serve it.
 */
static void test_needs_less(void)
{
	struct sim_member *a, *tx;

	begin(8, 0, 5);
	a = three(&tx);
	member_join(a->m, names[1]);
	sim_run(&s, 20000);
	sim_rekey(s.gcks, names[1], &err);
	sim_run(&s, 500);
	of(a, 1)->used_up = true;
	register_now(of(a, 1));
	sim_run(&s, 500);
	ok(of(a, 1)->put_off, "a member that needs other keys is put off");
	sim_down(a);
	sim_up(a);
	sim_run(&s, 500);
	ok(is_in(a, 1) && !of(a, 1)->put_off,
	   "a member that needs none is answered at once");
	is_int(audio().pending, 1, "the change that it needed is still made");
	sim_run(&s, 20000);
	is_int(audio().pending, 0, "the change that it needed is made");
	is_int(msa_newest(of(a, 1), 0)->spi, audio().data_spi,
	       "the member has the keys of that change");
	sim_free(&s);
}

/* The key server is restarted, and remembers nothing of the join. */
static void test_restart(void)
{
	struct sim_member *a, *tx;

	begin(5, 10000, 5);
	a = three(&tx);
	member_join(a->m, names[1]);
	sim_run(&s, 5000);
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	sim_run(&s, 45000);
	ok(is_in(a, 1), "the join is made again after a restart");
	is_int(audio().members, 3, "a restart leaves all as members");
	sim_free(&s);
}

/* An old IKE SA is dead at the other end: two groups ask, and wait 5 s each. */
static void test_dead(void)
{
	struct sim_member *a, *tx;
	unsigned int was;

	begin(6, 0, 5);
	a = three(&tx);
	member_join(a->m, names[1]);
	sim_run(&s, 15000);
	was = opened();
	a->offline = true;
	register_ask(of(a, 0), "test");
	sim_run(&s, 2000);
	register_ask(of(a, 1), "test");
	sim_run(&s, 2000);
	is_int(opened() - was, 0, "silence is borne for 5 s");
	a->offline = false;
	sim_run(&s, 6000);
	ok(of(a, 0)->state == MEMBER_IN && of(a, 1)->state == MEMBER_IN,
	   "both questions are answered");
	sim_free(&s);
}

int main(void)
{
	RUN(test_question, 0, 5);
	RUN(test_question, 0, 10);
	RUN(test_question, 60000, 5);
	RUN(test_start, 3, 0, 0);
	RUN(test_start, 3, 0, 20000);
	RUN(test_start, 60, 0, 0);
	RUN(test_start, 60, 20, 0);
	RUN(test_leave, false);
	RUN(test_leave, true);
	RUN(test_sender);
	RUN(test_asks_again, false);
	RUN(test_asks_again, true);
	RUN(test_two_addresses);
	RUN(test_needs_less);
	RUN(test_restart);
	RUN(test_dead);
	return done();
}
