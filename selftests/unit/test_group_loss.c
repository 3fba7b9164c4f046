// SPDX-License-Identifier: Apache-2.0
/*
 * GSA_REKEYs that are lost, late, repeated, reordered, replayed, altered; the
 * stream must not notice, or only as much as cannot be helped.
 */
#include "gcks/group.h"
#include "group_sim.h"
#include "rekey/rekey.h"
#include "member/mgroup.h"
#include "group_finish.h"
#include "tap.h"

static struct sim s;
static struct sim_member *tx, *a, *b, *c;
static struct err err;

static void usual(uint64_t seed)
{
	struct sim_three three;

	sim_init(&s, seed);
	three = sim_start_three(&s, false, 10000, 5);
	tx = three.tx;
	a = three.a;
	b = three.b;
	c = sim_add(&s, "c.example", false, true);
}

static void rekey(void)
{
	if (sim_rekey(s.gcks, NULL, &err))
		bail("%s", err.text);
}

/* ---- copies ------------------------------------------------------------- */

/* Count how often a member has seen each message, to lose the first copies. */
static struct {
	uint8_t id[20];
	unsigned int n;
} seen[64];
static unsigned int n_seen;

static unsigned int copy_of(const uint8_t *p)
{
	unsigned int i;

	for (i = 0; i < n_seen; i++)
		if (!memcmp(seen[i].id, p, 16) &&
		    !memcmp(seen[i].id + 16, p + 20, 4))
			return seen[i].n++;
	memcpy(seen[n_seen].id, p, 16);
	memcpy(seen[n_seen].id + 16, p + 20, 4);
	seen[n_seen].n = 1;
	n_seen++;
	return 0;
}

struct losing {
	struct sim_member *m;
	unsigned int first;
};

static bool lose_first(struct sim *sim, struct sim_member *m, const uint8_t *p,
		       size_t len)
{
	struct losing *l = sim->drop_arg;

	(void)len;
	return m == l->m && copy_of(p) < l->first;
}

static void test_copies_lost(void)
{
	struct losing l;
	unsigned int who, first;
	uint64_t missed;
	uint32_t ms;

	for (who = 0; who < 2; who++) {
		for (first = 1; first <= 2; first++) {
			usual(10 * who + first);
			l.m = who ? tx : a;
			l.first = first;
			s.drop = lose_first;
			s.drop_arg = &l;
			n_seen = 0;
			rekey();
			sim_run(&s, 30000);
			sim_up(c);
			sim_run(&s, 30000);
			is_int(sim_out_of_step(&s), 0,
			       "%s loses %u copies of each: in step",
			       who ? "the sender" : "a receiver", first);
			is_int(sim_gaps(&s), 0,
			       "no packet is lost with the copies");
			sim_evict(s.gcks, "video", "b.example", &ms, &err);
			sim_run(&s, 30000);
			missed = a->gaps + c->gaps + s.n_unsent;
			is_int(missed, 0, "no packet is lost in an eviction");
			sim_down(b);
			is_int(sim_out_of_step(&s), 0, "all are in step");
			sim_free(&s);
		}
	}
}

/*
 * The store takes @store_ms four times for a change, which is sent after that. A receiver
 * has only the last copy of a rekey, and of the burst of an eviction.
 */
static void test_slow_store(unsigned int store_ms, unsigned int atd_s,
			    unsigned int evict_atd_s, unsigned int lost)
{
	struct losing l = { .first = 3 };
	uint64_t at_ms;
	uint32_t ms;

	usual(60 + store_ms);
	sim_gcks_down(&s);
	s.store_ms = store_ms;
	sim_gcks_up(&s);
	sim_run(&s, 60000);
	/* The first change tells how long one takes. */
	rekey();
	sim_run(&s, 30000);
	l.m = a;
	s.drop = lose_first;
	s.drop_arg = &l;
	n_seen = 0;
	rekey();
	is_int(pace_switch_ms(TAILQ_FIRST(&s.gcks->groups)), atd_s * 1000,
	       "store %u ms: senders wait for receivers", store_ms);
	sim_run(&s, 30000);
	is_int(sim_gaps(&s), 0,
	       "store %u ms: a receiver of the last copy loses nothing",
	       store_ms);
	l.first = 2;
	n_seen = 0;
	is_int(sim_evict(s.gcks, "video", "b.example", &ms, &err), 0,
	       "store %u ms: b is evicted", store_ms);
	is_int(ms, 625 + evict_atd_s * 1000,
	       "store %u ms: the order tells until when b reads", store_ms);
	at_ms = s.ms + ms;
	sim_run(&s, 30000);
	/* For an even slower store, senders do not wait longer. */
	is_int(a->gaps, lost,
	       "store %u ms: a receiver of the burst's last copy loses %u packets",
	       store_ms, lost);
	is_int(s.n_unsent, 0, "store %u ms: the sender always had a key",
	       store_ms);
	is_int(sim_reads_after(&s, b, at_ms), 0,
	       "store %u ms: b reads no longer than that", store_ms);
	sim_free(&s);
}

/*
 * The clock of the sender has run ahead of the key server's since it last asked, and a
 * receiver has only the last copy of the burst of an eviction, or of a rekey.
 */
static void test_clock_ahead(unsigned int ahead_ms)
{
	struct losing l = { .first = 2 };
	uint64_t at_ms;
	uint32_t ms;

	usual(70);
	TAILQ_FIRST(&tx->m->groups)->local_ms -= ahead_ms;
	/* The last four beats tell. */
	sim_run(&s, 61000);
	l.m = a;
	s.drop = lose_first;
	s.drop_arg = &l;
	n_seen = 0;
	is_int(sim_evict(s.gcks, "video", "b.example", &ms, &err), 0,
	       "%u ms ahead: b is evicted", ahead_ms);
	at_ms = s.ms + ms;
	sim_run(&s, 30000);
	is_int(a->gaps, 0, "%u ms ahead: an eviction loses no packet",
	       ahead_ms);
	is_int(sim_reads_after(&s, b, at_ms), 0,
	       "%u ms ahead: b reads no longer than was promised", ahead_ms);
	l.first = 3;
	n_seen = 0;
	rekey();
	sim_run(&s, 30000);
	is_int(a->gaps, 0, "%u ms ahead: a rekey loses no packet", ahead_ms);
	is_int(s.n_unsent, 0, "%u ms ahead: the sender always had a key",
	       ahead_ms);
	sim_free(&s);
}

/* The last copy is sent before a sender changes, even with a short ATD. */
static void test_short_atd(void)
{
	struct losing l = { .first = 2 };
	unsigned int atd;

	for (atd = 1; atd <= 4; atd++) {
		usual(34 + atd);
		s.cg.atd = atd;
		l.m = a;
		s.drop = lose_first;
		s.drop_arg = &l;
		n_seen = 0;
		rekey();
		sim_run(&s, 30000);
		rekey();
		sim_run(&s, 30000);
		is_int(sim_out_of_step(&s), 0, "ATD %u s, two copies lost",
		       atd);
		is_int(sim_gaps(&s), 0, "no packet is");
		sim_finish(&s, "short ATD");
	}
}

/* A new sender waits until all receivers have its key. */
static void test_new_sender(void)
{
	struct losing l = { .first = 2 };
	struct sim_member *s2;

	usual(31);
	sim_stream_stop(&s);
	s2 = sim_add(&s, "s2.example", true, true);
	l.m = a;
	s.drop = lose_first;
	s.drop_arg = &l;
	n_seen = 0;
	sim_up(s2);
	sim_settle(&s, 2000);
	s.n_sent = 0;
	sim_stream(&s, s2, 5);
	sim_run(&s, 10000);
	ok(s.n_sent > 500, "a new sender sends");
	ok(a->got == s.n_sent && b->got == s.n_sent,
	   "the first packet of a new sender is heard by all, also by who lost two copies");
	sim_finish(&s, "new sender");
}

/*
 * A rekey close behind an eviction must not overtake its second message, which
 * has the first Message ID of its Rekey SA.
 */
static void test_overtaken(void)
{
	unsigned int i;
	uint32_t ms;
	uint64_t at;

	for (i = 0; i < 7; i++) {
		usual(70 + i);
		at = s.ms;
		sim_evict(s.gcks, "video", "b.example", &ms, &err);
		sim_run(&s, 100 * i);
		rekey();
		sim_up(c);
		sim_run(&s, 20000);
		is_int(sim_reads_after(&s, b, at + ms), 0,
		       "rekey %u ms after an eviction: effective as promised",
		       100 * i);
		sim_down(b);
		is_int(sim_out_of_step(&s), 0,
		       "all other members follow the rekey");
		is_int(a->gaps + s.n_unsent, 0, "overtaken: nothing is lost");
		sim_free(&s);
	}
}

/* The late copy of an eviction reaches a member that had a short outage. */
static void test_late_copy(void)
{
	struct losing l = { .first = 3 };
	uint32_t ms;
	uint64_t at;

	usual(30);
	l.m = tx;
	s.drop = lose_first;
	s.drop_arg = &l;
	n_seen = 0;
	at = s.ms;
	sim_evict(s.gcks, "video", "b.example", &ms, &err);
	sim_run(&s, 20000);
	is_int(a->gaps, 0, "a sender that has only the late copy: no loss");
	ok(sim_reads_after(&s, b, at + ms) > 0 &&
		   !sim_reads_after(&s, b, at + 4500),
	   "the evicted one reads on for up to 4.5 s without the first copies");
	sim_finish(&s, "late copy");
}

/* ---- a bad network ------------------------------------------------------ */

static void test_bad_network(void)
{
	unsigned int i;

	usual(40);
	s.jitter_ms = 400;
	s.dup = 30;
	for (i = 0; i < 12; i++) {
		rekey();
		sim_run(&s, 1000 * (1 + sim_random(&s, 20)));
	}
	sim_run(&s, 20000);
	is_int(sim_gaps(&s), 0, "late, repeated, reordered: no packet is lost");
	is_int(sim_out_of_step(&s), 0,
	       "late, repeated, reordered: all are in step");
	is_int(sim_status(a).registrations, 1, "nobody registered again");
	ok(member_rekey_drops(a->m)[REKEY_OLD] > 0,
	   "copies were dropped as such");
	sim_finish(&s, "bad network");

	usual(41);
	s.loss = 25;
	s.jitter_ms = 100;
	for (i = 0; i < 30; i++) {
		rekey();
		sim_run(&s, 20000);
	}
	s.loss = 0;
	rekey();
	sim_run(&s, 30000);
	is_int(sim_out_of_step(&s), 0,
	       "a quarter of all datagrams lost: in step in the end");
	diag("%ju of %ju packets were lost at a, %ju at b", (uintmax_t)a->gaps,
	     (uintmax_t)s.n_sent, (uintmax_t)b->gaps);
	/*
	 * Three copies are lost: 1.6 % of rekeys, and 20 s of the
	 * stream each.
	 */
	ok(a->gaps < s.n_sent / 10 && b->gaps < s.n_sent / 10,
	   "a quarter of all datagrams lost: nine tenths of the stream arrived at least");
	sim_finish(&s, "lossy network");
}

/*
 * Rekeys are closer together than ATD, and the sender must always
 * have a key.
 */
static void test_storm(void)
{
	int i;

	usual(42);
	for (i = 0; i < 60; i++) {
		rekey();
		sim_run(&s, 700);
	}
	is_int(sim_gaps(&s), 0, "60 rekeys in 42 s: no packet is lost");
	sim_run(&s, 30000);
	is_int(sim_gaps(&s), 0, "no packet is lost after 60 rekeys");
	ok(tx->mk.n_sas == 1 && a->mk.n_sas == 1,
	   "the old SAs are gone after 60 rekeys");
	sim_finish(&s, "storm");
}

/*
 * Members join one after the other. A member that misses one message cannot
 * open those that follow, keeps them, and is in step when it gets the missing
 * one.
 */
static void test_early(void)
{
	struct losing l = { .first = 2 };
	struct sim_member *m;
	char name[32];
	uint64_t regs;
	int i;

	usual(43);
	l.m = a;
	s.drop_arg = &l;
	n_seen = 0;
	regs = sim_status(a).registrations;
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "m%d.example", i);
		m = sim_add(&s, name, false, true);
		/* For one message in five only the third copy arrives. */
		s.drop = i % 5 ? NULL : lose_first;
		sim_up(m);
		sim_run(&s, 500);
	}
	sim_run(&s, 30000);
	is_int(sim_gaps(&s), 0, "copies lost while 20 join: no packet is");
	is_int(sim_status(a).registrations, regs, "nobody registers again");
	is_int(sim_out_of_step(&s), 0, "all are in step");
	sim_finish(&s, "early");
}

/* Early messages are unauthenticated, and only kept while there is room. */
static void test_early_flood(void)
{
	const uint8_t *spi;
	struct gcks_group_status g;
	uint8_t buf[60000] = { 0 };
	unsigned int i;

	usual(44);
	a->deaf = true;
	rekey();
	g = sim_group(&s);
	spi = g.rekey_spi;
	memcpy(buf, spi, sizeof(g.rekey_spi));
	for (i = 0; i < 1000; i++) {
		buf[100] = i;
		buf[101] = i >> 8;
		member_rekey_input(a->m, &b->ep, buf,
				   i % 2 ? sizeof(buf) : 200);
	}
	ok(TAILQ_FIRST(&a->m->groups)->n_early <= 16 &&
		   TAILQ_FIRST(&a->m->groups)->early_octets <= 256 * 1024,
	   "1000 forged early messages: %u of %zu octets are kept",
	   TAILQ_FIRST(&a->m->groups)->n_early,
	   TAILQ_FIRST(&a->m->groups)->early_octets);
	a->deaf = false;
	sim_run(&s, 20000);
	is_int(sim_out_of_step(&s), 0,
	       "the true message among forged ones is followed");
	sim_finish(&s, "early flood");
}

/* ---- loss of all copies ------------------------------------------------- */

static void test_deaf(void)
{
	struct member_group_status st;
	uint64_t regs;

	usual(50);
	regs = sim_status(a).registrations;
	a->deaf = true;
	rekey();
	sim_run(&s, 4500);
	is_int(sim_out_of_step(&s), 1, "a has missed a rekey");
	sim_run(&s, 3000);
	is_int(sim_status(a).registrations, regs + 1,
	       "ESP of an announced Data SA makes it ask, once");
	is_int(sim_out_of_step(&s), 0, "a member that asked is in step");
	is_int(s.n_unsent + b->gaps, 0, "nobody else notices");

	/* Nothing is sent, and the member notices the silence. */
	sim_stream_stop(&s);
	rekey();
	regs = sim_status(a).registrations;
	sim_run(&s, 70000);
	ok(sim_status(a).registrations > regs && !sim_out_of_step(&s),
	   "three beats of silence do the same");
	st = sim_status(a);
	ok(!strcmp(member_state_text(&st), "behind") &&
		   strstr(st.doubt, "no rekey or beat"),
	   "a member is not \"in\" while it does not hear the key server: %s",
	   st.doubt);
	regs = st.registrations;
	sim_run(&s, 3600000);
	ok(sim_status(a).registrations - regs < 20,
	   "an hour without beats: the member asks %ju times",
	   (uintmax_t)(sim_status(a).registrations - regs));
	a->deaf = false;
	sim_run(&s, 40000);
	is_int(sim_status(a).state, MEMBER_IN,
	       "a member that hears a beat is in");
	is_int(sim_out_of_step(&s), 0, "a member that hears a beat is in step");
	sim_finish(&s, "deaf");

	/* An excluded member that missed its exclusion returns the same way. */
	usual(51);
	b->deaf = true;
	member_leave(a->m, NULL);
	sim_run(&s, 20000);
	b->deaf = false;
	rekey();
	sim_run(&s, 20000);
	sim_down(a);
	is_int(sim_out_of_step(&s), 0, "missing an exclusion is mended too");
	sim_finish(&s, "missed exclusion");
}

/* ---- replays ------------------------------------------------------------ */

static uint8_t tape[64][4096];
static size_t tape_len[64];
static unsigned int n_tape;

static bool record(struct sim *sim, struct sim_member *m, const uint8_t *p,
		   size_t len)
{
	(void)sim;
	if (m == a && n_tape < 64 && len <= sizeof(tape[0])) {
		memcpy(tape[n_tape], p, len);
		tape_len[n_tape++] = len;
	}
	return false;
}

static uint64_t drops(const struct sim_member *m)
{
	const uint64_t *d = member_rekey_drops(m->m);
	uint64_t n = 0;
	unsigned int i;

	for (i = REKEY_OK + 1; i < REKEY_RC_MAX; i++)
		n += d[i];
	return n;
}

static void test_attacker(void)
{
	struct member_group_status before, after;
	uint8_t buf[4096];
	unsigned int i, bit, sent = 0, n;
	uint64_t was;

	usual(60);
	n_tape = 0;
	s.drop = record;
	for (i = 0; i < 4; i++) {
		rekey();
		sim_run(&s, 5000);
	}
	sim_run(&s, 10000);
	n = n_tape;
	before = sim_status(a);
	was = drops(a);
	for (i = 0; i < n; i++)
		member_rekey_input(a->m, &s.ep, tape[i], tape_len[i]);
	sim_run(&s, 10000);
	after = sim_status(a);
	ok(n >= 16 && drops(a) == was + n, "%u replayed: all dropped", n);
	ok(before.rekeys == after.rekeys && before.data_spi == after.data_spi &&
		   before.registrations == after.registrations,
	   "replays have changed nothing");

	/* Hold the next message back, and deliver altered ones first. */
	n_tape = 0;
	a->deaf = true;
	s.drop = NULL;
	rekey();
	a->deaf = false;
	s.drop = record;
	sim_run(&s, 3500);
	s.drop = NULL;
	sim_finish(&s, "replay");

	usual(61);
	n_tape = 0;
	s.drop = record;
	b->deaf = true;
	rekey();
	b->deaf = false;
	was = drops(b);
	before = sim_status(b);
	for (bit = 0; bit < tape_len[0] * 8; bit += 3) {
		memcpy(buf, tape[0], tape_len[0]);
		buf[bit / 8] ^= 1 << bit % 8;
		/*
		 * The I flag is ignored for interoperability, but the tag
		 * covers it.
		 */
		member_rekey_input(b->m, &s.ep, buf, tape_len[0]);
		sent++;
	}
	for (i = 0; i < tape_len[0]; i += 7) {
		member_rekey_input(b->m, &s.ep, tape[0], i);
		sent++;
	}
	after = sim_status(b);
	ok(drops(b) == was + sent, "%u altered or cut: all dropped", sent);
	ok(before.rekeys == after.rekeys && before.data_spi == after.data_spi &&
		   before.next_mid == after.next_mid,
	   "altered messages have changed nothing");
	sim_run(&s, 10000);
	is_int(sim_status(b).rekeys, before.rekeys + 1,
	       "the true one is followed after that");
	is_int(sim_gaps(&s), 0, "no packet is lost");
	sim_finish(&s, "altered");
}

int main(void)
{
	RUN(test_copies_lost);
	RUN(test_clock_ahead, 0);
	RUN(test_clock_ahead, 1000);
	RUN(test_clock_ahead, 4000);
	RUN(test_slow_store, 5, 5, 1, 0);
	RUN(test_slow_store, 100, 5, 2, 0);
	RUN(test_slow_store, 400, 6, 3, 0);
	RUN(test_slow_store, 700, 7, 3, 85);
	RUN(test_short_atd);
	RUN(test_new_sender);
	RUN(test_overtaken);
	RUN(test_late_copy);
	RUN(test_bad_network);
	RUN(test_storm);
	RUN(test_early);
	RUN(test_early_flood);
	RUN(test_deaf);
	RUN(test_attacker);
	return done();
}
