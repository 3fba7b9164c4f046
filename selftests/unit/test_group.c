// SPDX-License-Identifier: Apache-2.0
/* Key server and members together: the regular cases. */
#include "group_sim.h"
#include "group_finish.h"
#include "tap.h"

#include <errno.h>

#include "wire/proto.h"

static struct sim s;
static struct sim_member *tx, *a, *b, *c;
static struct err err;

/* A sender and two receivers that are in, and a stream that has begun. */
static void usual(uint64_t seed)
{
	struct sim_three three;

	sim_init(&s, seed);
	three = sim_start_three(&s, false, 10000, 10);
	tx = three.tx;
	a = three.a;
	b = three.b;
	c = sim_add(&s, "c.example", false, true);
}

/* Checks at the end of every run. */
static void test_join(void)
{
	uint64_t joined;

	usual(1);
	is_int(sim_out_of_step(&s), 0, "all have the key server's keys");
	is_int(sim_status(tx).n_sender_ids, 2, "the sender has 2 Sender-IDs");
	is_int(sim_status(a).n_sender_ids, 0, "a receiver has none");
	joined = s.ms;
	sim_up(c);
	ok(sim_settle(&s, 2000), "c joins a stream");
	is_int(sim_out_of_step(&s), 0, "all members follow the join");
	sim_run(&s, 30000);
	ok(c->got > 2000, "c gets the stream");
	is_int(sim_reads_before(&s, c, joined), 0,
	       "c has no key of what was sent before");
	is_int(sim_gaps(&s), 0, "nobody loses a packet");
	is_int(tx->mk.n_sas, 1, "the sender keeps one SA in the end");
	is_int(a->mk.n_sas, 1, "a receiver keeps one SA in the end");
	is_int(sim_audited(&s, "join", NULL, NULL), 4, "4 joins are on record");
	is_int(sim_audited(&s, "join", "s.example", "as sender"), 1,
	       "join: the sender has what was granted");
	sim_finish(&s, "join");
}

static void test_evict(void)
{
	struct gcks_member_status st;
	uint32_t ms = 0;
	uint64_t at;

	(void)st;
	usual(2);
	is_int(sim_evict(s.gcks, "nosuch", "b.example", &ms, &err), -ENOENT,
	       "no such group: %s", err.text);
	at = s.ms;
	is_int(sim_evict(s.gcks, "video", "B.Example", &ms, &err), 0,
	       "b is evicted");
	ok(ms > 0 && ms <= 2500, "effective in %u ms", ms);
	ok(!sim_has_member(&s, "b.example"), "b is in no roster");
	sim_run(&s, 4000);
	ok(!sim_status(b).keyed && b->mk.n_sas,
	   "b has no Rekey SA, and its kernel still has the Data SA");
	sim_run(&s, 26000);
	is_int(sim_reads_after(&s, b, at + ms), 0,
	       "b has no key of what was sent since then");
	ok(sim_reads_after(&s, b, at) > 0,
	   "b has the key of what was sent before");
	ok(!sim_in(b), "b is not in");
	is_int(b->notify, GIKE_N_AUTHORIZATION_FAILED, "b is told why");
	is_int(b->mk.n_sas, 0, "b has deleted its SAs");
	ok(sim_logged(&s, "registration refused: \"b.example\": evicted"),
	   "the log has why b was refused");
	is_int(sim_audited(&s, "evict", "b.example", NULL), 1,
	       "the eviction is on record");
	ok(sim_audited(&s, "refuse", "b.example", "evicted") > 0,
	   "the refusal of b is on record");
	is_int(a->gaps, 0, "a loses no packet");
	ok(a->expect == s.n_sent + 1, "a has the last one too");
	is_int(sim_evict(s.gcks, "video", "b.example", &ms, &err), -EALREADY,
	       "only once: %s", err.text);

	/* Another identity that the certificate contains does not help. */
	c = sim_add(&s, "B.Example", false, true);
	sim_up(c);
	sim_run(&s, 3000);
	is_int(c->notify, GIKE_N_AUTHORIZATION_FAILED,
	       "B.Example is b.example, and out");
	sim_down(c);

	/* A restart of the key server does not readmit an evicted member. */
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	sim_down(b);
	sim_up(b);
	sim_run(&s, 5000);
	ok(!sim_in(b), "evicted is evicted, also after a restart");
	is_int(sim_admit(s.gcks, "video", "x.example", &err), -ENOENT,
	       "an identity that is not evicted is not admitted: %s", err.text);
	is_int(sim_admit(s.gcks, "video", "b.example", &err), 0,
	       "b is admitted again");
	sim_down(b);
	at = s.ms;
	sim_up(b);
	sim_run(&s, 10000);
	ok(sim_in(b), "b is in after it was admitted");
	sim_finish(&s, "evict");
}

static int tell(void *arg, const struct gcks_member_status *st)
{
	if (!strcmp(st->identity, "s2.example"))
		*(struct gcks_member_status *)arg = *st;
	return 0;
}

static void test_leave(void)
{
	uint64_t at;

	usual(3);
	at = s.ms;
	is_int(member_leave(b->m, "video"), 0, "b leaves");
	is_int(member_leave(b->m, "video"), -EALREADY,
	       "leave: a second one is refused");
	is_int(member_leave(b->m, "nosuch"), -ENOENT, "a group it is in");
	is_int(b->mk.n_sas, 0,
	       "the SAs of the group that b left are gone at once");
	is_int(b->mk.n_groups, 1, "the group that b left stays closed");
	sim_run(&s, 1000);
	ok(member_idle(b->m) && sim_status(b).state == MEMBER_OUT,
	   "the key server has answered");
	ok(!sim_has_member(&s, "b.example"), "b is in no roster");
	sim_run(&s, 10000);
	is_int(sim_reads_after(&s, b, at + 1700), 0,
	       "b has no key of what was sent after");
	is_int(a->gaps, 0, "a loses no packet");
	is_int(sim_audited(&s, "leave", "b.example", NULL), 1,
	       "the leave is on record");
	is_int(member_join(b->m, "video"), 0, "b joins again");
	ok(sim_settle(&s, 2000), "b is in again: leaving is no eviction");
	sim_run(&s, 400000);

	/* The IKE SA has been closed by now. */
	member_leave(b->m, NULL);
	sim_run(&s, 2000);
	ok(member_idle(b->m) && !sim_has_member(&s, "b.example"),
	   "a member can leave when its IKE SA is long gone");
	member_join(b->m, NULL);
	sim_settle(&s, 2000);
	sim_gcks_down(&s);
	member_leave(b->m, NULL);
	sim_run(&s, 6000);
	ok(member_idle(b->m), "a member goes when there is no key server");
	sim_gcks_up(&s);
	sim_run(&s, 1000);
	ok(sim_has_member(&s, "b.example"),
	   "a key server that is gone knows nothing of the leave");
	is_int(a->gaps, 0, "a loses no packet");
	sim_finish(&s, "leave");
}

/* The old instance of b leaves when the new one is in. */
static void test_late_leave(void)
{
	struct sim_member *again;

	usual(7);
	/* The old instance has an IKE SA to leave by. */
	sim_down(b);
	sim_up(b);
	sim_settle(&s, 3000);
	again = sim_add(&s, "b.example", false, true);
	sim_up(again);
	ok(sim_settle(&s, 3000), "b is there again, from another address");
	sim_run(&s, 1000);
	is_int(member_leave(b->m, NULL), 0, "b's former instance leaves");
	sim_run(&s, 10000);
	ok(sim_has_member(&s, "b.example") &&
		   sim_logged(&s, "over an old IKE SA"),
	   "b stays in");
	sim_down(b);
	is_int(sim_audited(&s, "leave", "b.example", NULL), 0,
	       "no leave is on record");
	is_int(sim_out_of_step(&s), 0, "b's new instance follows");
	is_int(member_leave(again->m, NULL), 0,
	       "b's new instance can still leave");
	sim_run(&s, 10000);
	ok(!sim_has_member(&s, "b.example"),
	   "b is out when its new instance has left");
	sim_finish(&s, "late leave");
}

/* The last member leaves, and one comes back. */
static void test_empty(void)
{
	uint64_t at;

	usual(4);
	sim_stream_stop(&s);
	at = s.ms;
	member_leave(a->m, NULL);
	member_leave(b->m, NULL);
	member_leave(tx->m, NULL);
	sim_run(&s, 5000);
	is_int(sim_group(&s).members, 0, "everybody has left");
	sim_down(b);
	sim_run(&s, 20000000);
	is_int(sim_group(&s).members, 0, "hours pass");
	member_join(tx->m, NULL);
	member_join(a->m, NULL);
	ok(sim_settle(&s, 3000), "two come back");
	sim_run(&s, 6000);
	sim_stream(&s, tx, 10);
	sim_run(&s, 2000);
	ok(a->got > 190, "the stream goes on when members come back");
	is_int(sim_reads_after(&s, b, at + 5000), 0, "under new keys");
	sim_finish(&s, "empty");
}

static void in_vain(struct sim_member *m, uint16_t notify, const char *why,
		    const char *what)
{
	uint64_t refused = sim_group(&s).refused;

	sim_up(m);
	sim_run(&s, 3000);
	ok(!sim_in(m), "%s is refused", what);
	if (notify == GIKE_N_AUTHORIZATION_FAILED)
		ok(sim_group(&s).refused > refused, "the refusal is counted");
	if (notify)
		is_int(m->notify, notify, "the refused member is told: %s",
		       ike_notify_name(notify));
	ok(sim_logged(&s, why), "the key server's log has: %s", why);
	ok(sim_status(m).last_error[0], "the member's status has: %s",
	   sim_status(m).last_error);
	is_int(m->mk.n_groups, 1,
	       "the refused member's kernel protects the group all the same");
	is_int(m->mk.n_sas, 0, "the refused member's kernel has no key");
	is_int(sim_group(&s).members, 3, "nobody was added");
}

static void test_refusals(void)
{
	struct sim_member *m;
	uint32_t spi;
	int i;

	usual(5);
	spi = sim_group(&s).data_spi;
	m = sim_add_stranger(&s, "x.example");
	in_vain(m, IKE_N_AUTHENTICATION_FAILED,
		"authentication failed: ", "a certificate of another CA");
	ok(sim_logged(&s,
		      "authentication failed: \"x.example\" at 10.1.0.5:848: certificate: issuer"),
	   "with the name that was claimed");
	ok(sim_audited(&s, "refuse", "",
		       "AUTHENTICATION_FAILED: \"x.example\" at ") > 0,
	   "the refusal is on record, with the name that was claimed");
	is_int(sim_audited(&s, "refuse", "x.example", NULL), 0,
	       "the refusal is not among what is known of x.example");

	m = sim_add(&s, "r.example", true, true);
	in_vain(m, GIKE_N_AUTHORIZATION_FAILED,
		"registration refused: \"r.example\": may receive only, but asked to send",
		"a receiver that asks to send");
	is_int(sim_audited(&s, "refuse", "r.example", "may receive only"), 1,
	       "the refusal of a sender is on record");

	m = sim_add(&s, "other.elsewhere", false, true);
	in_vain(m, GIKE_N_AUTHORIZATION_FAILED,
		"refused: \"other.elsewhere\": not in the lists",
		"a member of nothing");

	/* A similar name is not accepted. */
	m = sim_add(&s, "evil-example", false, true);
	in_vain(m, GIKE_N_AUTHORIZATION_FAILED, "\"evil-example\": not in",
		"a name that only looks alike");
	m = sim_add(&s, "example", false, true);
	in_vain(m, GIKE_N_AUTHORIZATION_FAILED, "example\": not in",
		"the domain itself");

	m = sim_add(&s, "d.example", false, true);
	m->cg.name = (char *)"audio";
	in_vain(m, GIKE_N_INVALID_GROUP_ID,
		"\"d.example\": no such group: \"audio\"", "an unknown group");
	is_int(sim_audited(&s, "refuse", "d.example", "INVALID_GROUP_ID"), 1,
	       "the refusal of an unknown group is on record");

	/* The member has another address than the key server. */
	m = sim_add(&s, "e.example", false, true);
	addr_parse("239.9.9.9", &m->cg.sel.dst);
	sim_up(m);
	sim_run(&s, 3000);
	ok(!sim_in(m) && !m->mk.n_sas &&
		   strstr(sim_status(m).last_error, "239.1.1.1"),
	   "a member refuses an address it was not configured with: %s",
	   sim_status(m).last_error);
	sim_down(m);
	/* The leave is a part of the next rekey. */
	sim_run(&s, 6000);
	ok(!sim_has_member(&s, "e.example"),
	   "the key server drops the member that refused");

	s.cg.max_members = 3;
	is_int(sim_reload(&s, &err), 0, "no more than 3 members");
	m = sim_add(&s, "f.example", false, true);
	spi = sim_group(&s).data_spi;
	in_vain(m, GIKE_N_REGISTRATION_FAILED,
		"\"f.example\": the group is full", "one too many");
	is_int(sim_group(&s).data_spi, spi, "a refusal changes no key");

	/* Refusals are rate limited, and do not fill the disk. */
	sim_run(&s, 600000);
	for (i = 0; i < s.n; i++)
		if (s.m[i]->up && !sim_in(s.m[i]) &&
		    sim_status(s.m[i]).refusals > 30)
			break;
	is_int(i, s.n, "no refused member asks more than 30 times in 10 min");
	is_int(sim_gaps(&s), 0, "the members do not notice");
	sim_finish(&s, "refusals");
}

static void test_sender_later(void)
{
	struct gcks_member_status st = { 0 };
	struct sim_member *s2;
	uint32_t first;

	usual(6);
	s2 = sim_add(&s, "s2.example", true, true);
	sim_up(s2);
	ok(sim_settle(&s, 3000), "a second sender joins");
	gcks_each_member(s.gcks, "video", tell, &st);
	first = st.first_sender_id;
	ok(st.send && st.receive && st.n_sender_ids == 2,
	   "the second sender may do both, with Sender-IDs %u and %u", first,
	   first + 1);
	sim_run(&s, 20000);
	ok(s2->got > 1000, "the second sender gets the first one's stream");
	is_int(sim_gaps(&s), 0, "no packet is lost");
	sim_stream(&s, s2, 10);
	sim_run(&s, 3000);
	ok(a->got > 200 && tx->got == 0, "a gets its stream, s does not");
	sim_down(s2);
	sim_up(s2);
	ok(sim_settle(&s, 3000), "s registers again");
	gcks_each_member(s.gcks, "video", tell, &st);
	ok(st.first_sender_id > first + 1,
	   "sender later: new Sender-IDs are given");
	sim_finish(&s, "second sender");
}

int main(void)
{
	RUN(test_join);
	RUN(test_evict);
	RUN(test_leave);
	RUN(test_late_leave);
	RUN(test_empty);
	RUN(test_refusals);
	RUN(test_sender_later);
	return done();
}
