// SPDX-License-Identifier: Apache-2.0
/*
 * Cases that are rare and must be right then: damaged records, answers that
 * were overtaken or do not fit, what is wiped, who waits after a new beginning.
 */
#include "gcks/gkm.h"
#include "gcks/group.h"
#include "group_sim.h"
#include "member/mgroup.h"
#include "group_finish.h"
#include "tap.h"
#include "wipes.h"

#include <errno.h>

static struct sim s;
static struct sim_member *tx, *a, *b;
static struct err err;

static void usual(uint64_t seed)
{
	struct sim_three three;

	sim_init(&s, seed);
	three = sim_start_three(&s, false, 20000, 20);
	tx = three.tx;
	a = three.a;
	b = three.b;
}

/* ---- records of the store ----------------------------------------------- */

/* Start on the store as it is. Returns true if it is refused as "damaged". */
static bool refused(void)
{
	struct gcks_deps deps = {
		.clock = &s.clock,
		.tq = &s.tq,
		.send_rekey = sim_send_rekey,
		.ctx = &s,
		.store = s.store,
		.witness = s.witness,
	};
	struct gcks *k;

	err_clear(&err);
	if (gcks_new(&s.conf, &deps, &k, &err))
		return strstr(err.text, "damaged");
	gcks_free(k);
	return false;
}

/* Records of the witness have keys of their own. */
static struct store *store_of(const char *key)
{
	return key[0] == 'w' ? s.witness : s.store;
}

static void put(const char *key, const void *p, size_t len)
{
	struct store *store = store_of(key);

	if (store_begin(store) || store_put(store, key, p, len) ||
	    store_commit(store))
		bail("store");
}

static void test_damaged(void)
{
	static const struct {
		const char *what, *key;
		bool longer; /* longer, or shorter, by an octet */
	} cases[] = {
		{ "a denial that is too short", "g/video/d/b.example", false },
		{ "a denial that is too long", "g/video/d/b.example", true },
		{ "a member that is too short", "g/video/m/a.example", false },
		{ "a member that is too long", "g/video/m/a.example", true },
		{ "a state that is too short", "g/video/state", false },
		{ "a state that is too long", "g/video/state", true },
		{ "a Key ID that is too short", "g/video/id", false },
		{ "a witnessed denial that is too short", "w/video/d/b.example",
		  false },
		{ "a witnessed denial that is too long", "w/video/d/b.example",
		  true },
		{ "a witnessed version that is too short", "w/video/version",
		  false },
	};
	uint8_t buf[4096];
	struct wbuf w;
	uint32_t ms;
	size_t i, len;

	usual(1);
	if (sim_evict(s.gcks, "video", "b.example", &ms, &err))
		bail("%s", err.text);
	sim_run(&s, 5000);
	sim_gcks_down(&s);
	s.crashed = false;
	sim_store_up(&s);
	ok(!refused(), "a whole store is taken: %s", err.text);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		wbuf_init(&w, STORE_VALUE_MAX);
		if (store_get(store_of(cases[i].key), cases[i].key, &w) ||
		    w.len + 1 > sizeof(buf))
			bail("%s", cases[i].key);
		memcpy(buf, w.p, w.len);
		buf[w.len] = 0;
		len = w.len - 1;
		if (cases[i].longer)
			len = w.len + 1;
		put(cases[i].key, buf, len);
		ok(refused(), "%s is refused: %s", cases[i].what, err.text);
		put(cases[i].key, w.p, w.len);
		wbuf_free(&w);
	}
	/* Versions that no release has written. */
	for (i = 3; i < 6; i += 2) {
		wbuf_init(&w, STORE_VALUE_MAX);
		if (store_get(s.store, cases[i].key, &w))
			bail("%s", cases[i].key);
		memcpy(buf, w.p, w.len);
		buf[0] = 0x7f;
		put(cases[i].key, buf, w.len);
		ok(refused(), "%s of another version is refused: %s",
		   cases[i].key, err.text);
		put(cases[i].key, w.p, w.len);
		wbuf_free(&w);
	}
	/* Earlier releases wrote a shorter state. */
	for (i = 2; i < 4; i++) {
		wbuf_init(&w, STORE_VALUE_MAX);
		if (store_get(s.store, "g/video/state", &w))
			bail("state");
		memcpy(buf, w.p, w.len);
		buf[0] = i;
		put("g/video/state", buf, w.len - (i == 2 ? 9 : 1));
		ok(!refused(), "a state of version %zu is taken: %s", i,
		   err.text);
		put("g/video/state", buf, w.len);
		ok(refused(), "a longer state of version %zu is refused: %s", i,
		   err.text);
		put("g/video/state", w.p, w.len);
		wbuf_free(&w);
	}
	ok(!refused(), "put right, it is taken: %s", err.text);
	store_close(s.store);
	store_close(s.witness);
	sim_gcks_up(&s);
	is_int(sim_group(&s).denied, 1, "the denial holds");
	sim_finish(&s, "damaged");
}

static void test_admitted(void)
{
	uint32_t ms;

	usual(2);
	sim_evict(s.gcks, "video", "b.example", &ms, &err);
	sim_evict_ahead(s.gcks, "video", "x.example", &ms, &err);
	is_int(sim_group(&s).denied, 2, "two are kept out");
	sim_admit(s.gcks, "video", "b.example", &err);
	is_int(sim_group(&s).denied, 1, "one is admitted");
	sim_run(&s, 60000);
	sim_down(b);
	sim_up(b);
	sim_run(&s, 10000);
	ok(sim_in(b), "the admitted member is in");
	is_int(sim_evict_ahead(s.gcks, "video", "x.example", &ms, &err),
	       -EALREADY, "the other is not");
	is_int(sim_evict(s.gcks, "video", "b.example", &ms, &err), 0,
	       "the admitted member is evicted once more");
	is_int(sim_group(&s).denied, 2, "the evicted member counts again");
	sim_finish(&s, "admitted");
}

/* ---- answers ------------------------------------------------------------ */

static uint16_t bits;

static void other_width(struct sim *sim, struct sim_member *m, struct gsa *gsa,
			struct kd *kd)
{
	(void)sim;
	if (m == tx)
		gsa->gw.sender_id_bits = bits;
	if (m == tx)
		kd->sender_ids[0] &= 0x7f;
	if (m == tx)
		kd->sender_ids[1] &= 0x7f;
}

static void ask_again(struct sim_member *m)
{
	register_now(TAILQ_FIRST(&m->m->groups));
	sim_run(&s, 1000);
}

static void test_widths(void)
{
	static const uint16_t bad[] = { 0, 7, 9, 10, 11, 13, 15, 17, 24, 32 };
	uint64_t before;
	char why[64];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		usual(30 + i);
		/*
		 * The member may have more Sender-IDs, but does not ask by
		 * itself.
		 */
		sim_run(&s, 130000);
		bits = bad[i];
		before = sim_status(tx).registrations;
		s.answer = other_width;
		register_now(TAILQ_FIRST(&tx->m->groups));
		sim_run(&s, 300);
		snprintf(why, sizeof(why), "Sender-IDs of %u bits", bad[i]);
		ok(sim_status(tx).registrations == before &&
			   sim_logged(&s, why),
		   "%s are not taken", why);
		sim_free(&s);
	}
}

/* A rekey in flight arrives before the answer. */
static void rekey_first(struct sim *sim, struct sim_member *m, struct gsa *gsa,
			struct kd *kd)
{
	struct sim_packet *q, *next;

	(void)gsa;
	(void)kd;
	sim->answer = NULL;
	sim_rekey(sim->gcks, NULL, &err);
	for (q = TAILQ_FIRST(&sim->queue); q; q = next) {
		next = TAILQ_NEXT(q, all);
		if (q->member != m->i)
			continue;
		TAILQ_REMOVE(&sim->queue, q, all);
		sim_deliver(sim, q);
		free(q);
	}
}

static void test_stale(void)
{
	uint64_t before;

	usual(4);
	sim_run(&s, 30000);
	before = sim_status(a).registrations;
	s.answer = rekey_first;
	ask_again(a);
	ok(sim_logged(&s, "overtaken by a rekey"),
	   "an answer that a rekey has overtaken is not taken");
	is_int(sim_status(a).registrations, before,
	       "an answer that a rekey has overtaken is not counted");
	is_int(sim_status(a).data_spi, sim_group(&s).data_spi,
	       "the keys that the rekey brought stay");
	sim_run(&s, 10000);
	is_int(sim_status(a).registrations, before + 1,
	       "the member asks once more");
	is_int(sim_status(a).rivals, 0, "the member suspects nobody");
	is_int(sim_out_of_step(&s), 0, "in step");
	is_int(a->gaps, 0, "no packet is lost");
	sim_finish(&s, "stale");
}

/* ---- a reset ------------------------------------------------------------ */

static void test_hold(void)
{
	uint32_t old;
	unsigned int i;

	usual(5);
	old = sim_status(tx).out_spi;
	if (sim_reset(s.gcks, "video", &err))
		bail("%s", err.text);
	for (i = 0; i < 100 && !(sim_in(tx) && sim_in(a) && sim_in(b)); i++)
		sim_run(&s, 100);
	ok(sim_in(tx) && sim_in(a) && sim_in(b), "all are back in %u ms",
	   i * 100);
	ok(i * 100 < 8000, "before the old SAs end");
	sim_run(&s, 10000 - i * 100);
	is_int(sim_status(tx).out_spi, old,
	       "10 s: the sender goes on with the old SA");
	sim_run(&s, 5000);
	is_int(sim_status(tx).out_spi, sim_group(&s).data_spi,
	       "15 s: with the new one");
	sim_run(&s, 5000);
	is_int(sim_gaps(&s), 0, "no packet is lost");
	sim_finish(&s, "hold");
}

static bool is_zero(const void *p, size_t n)
{
	const uint8_t *b = p;

	while (n && !*b) {
		b++;
		n--;
	}
	return !n;
}

static void test_wiped(void)
{
	struct gkm_change *c;
	uint8_t gsk[16];

	usual(6);
	memset(gsk, 0xa5, sizeof(gsk));
	c = gkm_begin(TAILQ_FIRST(&s.gcks->groups));
	ok(!is_zero(&c->next.data.keymat, sizeof(c->next.data.keymat)),
	   "a change has the keys there are");
	memset(c->rs.gsk_e, 0xa5, sizeof(c->rs.gsk_e));
	memset(c->rs.gsk_w.key, 0xa5, sizeof(c->rs.gsk_w.key));
	wipes_look_for(gsk, sizeof(gsk));
	gkm_abandon(TAILQ_FIRST(&s.gcks->groups), c);
	ok(wipes_found(), "given up, its Rekey SA is wiped");
	c = gkm_begin(TAILQ_FIRST(&s.gcks->groups));
	wipes_look_for(c->next.data.keymat, sizeof(gsk));
	gkm_abandon(TAILQ_FIRST(&s.gcks->groups), c);
	ok(wipes_found(), "the state of a change that is given up is wiped");
	sim_finish(&s, "wiped");
}

/* ---- a member reports a rival -------------------------------------------- */

static void test_rival_beat(void)
{
	struct member *m;
	uint64_t beats;
	int i;

	usual(70);
	m = a->m;
	if (!m->sa)
		bail("no IKE SA");
	beats = sim_group(&s).beats;
	for (i = 0; i < 60 && sim_group(&s).beats == beats; i++)
		sim_run(&s, 1000);
	beats = sim_group(&s).beats;
	sim_run(&s, 2000);
	ike_rival(m->sa, &TAILQ_FIRST(&m->groups)->idg, 0x1234);
	sim_run(&s, 1000);
	is_int(sim_group(&s).beats - beats, 1,
	       "rival: the first report brings a beat for the others");
	for (i = 0; i < 80 && m->sa; i++) {
		ike_rival(m->sa, &TAILQ_FIRST(&m->groups)->idg, 0x2000 + i);
		sim_run(&s, 100);
	}
	is_int(sim_group(&s).beats - beats, 1,
	       "rival: eighty more within ten seconds bring none");
	sim_free(&s);
}

int main(void)
{
	RUN(test_rival_beat);
	RUN(test_damaged);
	RUN(test_admitted);
	RUN(test_widths);
	RUN(test_stale);
	RUN(test_hold);
	RUN(test_wiped);
	return done();
}
