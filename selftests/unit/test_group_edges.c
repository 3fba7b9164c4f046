// SPDX-License-Identifier: Apache-2.0
/*
 * Cases that are rare and must be right then: damaged records, answers that
 * were overtaken or do not fit, signs of a rival, what is wiped, who waits after
 * a new beginning.
 */
#include "gcks/gkm.h"
#include "gcks/group.h"
#include "group_sim.h"
#include "member/mgroup.h"
#include "group_finish.h"
#include "tap.h"
#include "wipes.h"
#include "lib/buf.h"

#include <errno.h>
#include <netinet/in.h>

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
	for (i = 2; i < 5; i++) {
		wbuf_init(&w, STORE_VALUE_MAX);
		if (store_get(s.store, "g/video/state", &w))
			bail("state");
		memcpy(buf, w.p, w.len);
		buf[0] = i;
		put("g/video/state", buf, w.len - (i == 2 ? 10 : 5 - i));
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
	is_int(sim_out_of_step(&s), 0, "stale: all are in step");
	is_int(a->gaps, 0, "no packet is lost");
	sim_finish(&s, "stale");
}

/* ---- what a member refuses ------------------------------------------------ */

static struct gsa altered;
static struct rekey_msg altered_rekey;
static unsigned int n_altered; /* answers */

static struct mgroup *group_of(const struct sim_member *m)
{
	return TAILQ_FIRST(&m->m->groups);
}

static bool is_refused(struct sim_member *m, const struct kd *kd,
		       bool transport, const char *why)
{
	unsigned int n = m->mk.n_sas;
	int ret;

	err_clear(&err);
	ret = install_registration(group_of(m), m->m->sa, &altered, kd,
				   transport, &err);
	return ret == -EPROTO && strstr(err.text, why) && m->mk.n_sas == n;
}

/* An answer with one change is refused for a reason. */
#define REFUSED(change, what, why) \
	do { \
		altered = *gsa; \
		change; \
		ok(is_refused(m, kd, true, why), \
		   "an answer with " what " is refused: %s", err.text); \
	} while (0)

/* Selectors of the Data SA beside the one that is configured. */
static void alter_selectors(struct sim_member *m, const struct gsa *gsa,
			    struct kd *kd)
{
	static const char none[] = "traffic selectors that no group can have";
	struct ts *src = &altered.data[0].src, *dst = &altered.data[0].dst;

	REFUSED(dst->ip_proto = IPPROTO_UDP, "a protocol of the group", none);
	REFUSED(src->ip_proto = IPPROTO_UDP, "a protocol of the source", none);
	REFUSED(src->ip_proto = IPPROTO_UDP; dst->ip_proto = IPPROTO_UDP,
					     "a protocol of both",
					     "proto udp, which is less");
	REFUSED(dst->port_lo = 1, "a first port of the group", none);
	REFUSED(dst->port_hi = 5000, "a last port of the group", none);
	REFUSED(src->port_lo = 1, "a first port of the source", none);
	REFUSED(src->port_hi = 5000, "a last port of the source", none);
	REFUSED(*src = *dst, "one address as source", "which is less");
	REFUSED(addr_parse("239.1.1.2", &dst->lo); dst->hi = dst->lo,
						   "another address",
						   "configured is 239.1.1.1");
	REFUSED(addr_parse("239.1.1.2", &dst->hi), "two addresses",
		"configured is 239.1.1.1");
}

static void alter_policy(struct sim_member *m, const struct gsa *gsa,
			 struct kd *kd)
{
	struct gsa_sa *data = &altered.data[0], *rekey = &altered.rekey;

	REFUSED(data->proto = IKE_PROTO_AH, "AH", "for the AH SA");
	REFUSED(rekey->gcauth = GIKE_GCAUTH_IMPLICIT,
		"rekeys that nobody signs", "lacks GCAUTH");
	REFUSED(altered.n_data = 0, "a Rekey SA alone", "no Data SA");
	REFUSED(put_unaligned_be32(255, data->spi), "the last reserved SPI",
		"reserved SPI");
	/*
	 * The answer has an age of 1 s, since it may have been made when the
	 * request was sent.
	 */
	REFUSED(put_unaligned_be32(256, data->spi);
		data->lifetime = 1, "a Data SA as old as its lifetime",
		"Data SA has ended");
	REFUSED(rekey->lifetime = 1, "a Rekey SA as old as its lifetime",
		"Rekey SA has ended");
	altered = *gsa;
	ok(is_refused(m, kd, false, "for tunnel mode, configured is transport"),
	   "an answer with tunnel mode is refused: %s", err.text);
}

static bool is_not_followed(struct sim_member *m, const struct kd *kd,
			    const char *why)
{
	unsigned int n = m->mk.n_sas, lines;
	char line[160];

	snprintf(line, sizeof(line), "rekey rejected: %s", why);
	lines = sim_log_count(&s, line);
	altered_rekey = (struct rekey_msg){
		.has_gsa = true, .transport = true, .gsa = altered, .kd = *kd
	};
	install_rekey(group_of(m), mrekey_current(group_of(m)), &altered_rekey);
	return sim_log_count(&s, line) == lines + 1 && m->mk.n_sas == n;
}

#define NOT_FOLLOWED(change, what, why) \
	do { \
		altered = *gsa; \
		change; \
		ok(is_not_followed(m, kd, why), \
		   "a rekey with " what " is not followed"); \
	} while (0)

/* Only the key server's certificate may change algorithms. */
static void alter_algorithms(struct sim_member *m, const struct gsa *gsa,
			     struct kd *kd)
{
	static const char other_data[] = "another algorithm of the Data SA";
	static const char other_rekey[] = "another algorithm of the Rekey SA";
	struct gsa_sa *data = &altered.data[0], *rekey = &altered.rekey;

	NOT_FOLLOWED(data->encr = IKE_ENCR_NULL_AUTH_AES_GMAC,
		     "an algorithm that only authenticates", other_data);
	NOT_FOLLOWED(data->key_bits = 256, "a longer key", other_data);
	NOT_FOLLOWED(rekey->encr = IKE_ENCR_CHACHA20_POLY1305;
		     rekey->key_bits = 0, "another cipher of rekeys",
		     other_rekey);
	NOT_FOLLOWED(rekey->key_bits = 128, "a shorter key of rekeys",
		     other_rekey);
	NOT_FOLLOWED(rekey->kwa = GIKE_KWA_5649_128,
		     "a shorter key to wrap with", other_rekey);
}

static void alter_answer(struct sim *sim, struct sim_member *m, struct gsa *gsa,
			 struct kd *kd)
{
	if (m != a)
		return;
	sim->answer = NULL;
	n_altered++;
	alter_selectors(m, gsa, kd);
	alter_policy(m, gsa, kd);
	alter_algorithms(m, gsa, kd);
}

/* Sender-IDs that a sender cannot use. */
static void alter_sender_ids(struct sim *sim, struct sim_member *m,
			     struct gsa *gsa, struct kd *kd)
{
	static uint64_t ids[MCSEC_SENDER_IDS_MAX + 1];
	struct kd was = *kd;

	if (m != tx)
		return;
	sim->answer = NULL;
	n_altered++;
	kd->n_sender_ids = 0;
	REFUSED(, "no Sender-ID", "0 Sender-IDs for a sender");
	kd->sender_ids = ids;
	kd->n_sender_ids = MCSEC_SENDER_IDS_MAX + 1;
	REFUSED(, "257 Sender-IDs", "257 Sender-IDs for a sender");
	kd->n_sender_ids = MCSEC_SENDER_IDS_MAX;
	ids[MCSEC_SENDER_IDS_MAX - 1] = 256;
	REFUSED(altered.gw.sender_id_bits = 8,
		"a last Sender-ID of 256 that is too wide",
		"does not fit 8 bits");
	*kd = was;
}

static void test_refused(void)
{
	uint64_t before;

	usual(8);
	/* The sender may have more Sender-IDs, but does not ask by itself. */
	sim_run(&s, 130000);
	before = sim_status(a).registrations + sim_status(tx).registrations;
	n_altered = 0;
	s.answer = alter_answer;
	ask_again(a);
	s.answer = alter_sender_ids;
	ask_again(tx);
	is_int(n_altered, 2, "two answers came");
	is_int(sim_status(a).registrations + sim_status(tx).registrations,
	       before + 2, "both answers are taken as they were");
	sim_run(&s, 10000);
	is_int(sim_out_of_step(&s), 0, "refusals leave all in step");
	is_int(sim_gaps(&s), 0, "refusals lose no packet");
	sim_finish(&s, "refused");
}

/* ---- the age of a message -------------------------------------------------- */

static void test_age(void)
{
	struct gsa_gw gw = { .has = GWP_HAS_MADE, .made_ms = 998000 };
	struct mgroup *g;

	usual(9);
	g = group_of(a);
	g->has_server_time = true;
	g->server_ms = 1000000;
	g->local_ms = mgroup_now(g);
	g->uncertain_ms = 500;
	is_int(age_most_ms(g, &gw), 2000, "a message has an age at most");
	is_int(age_least_ms(g, &gw), 1500, "a message has an age at least");
	gw.made_ms = 999600;
	is_int(age_least_ms(g, &gw), 0,
	       "a message with an uncertain age may have none");
	gw.made_ms = 1000005;
	is_int(age_most_ms(g, &gw), 0, "a message of the future has no age");
	gw.made_ms = 1000000 - 60500;
	ok(!age_too_old(g, &gw), "a message of a minute is not too old");
	gw.made_ms--;
	ok(age_too_old(g, &gw), "an older message is too old");
	g->has_server_time = false;
	is_int(age_most_ms(g, &gw), 0,
	       "without the server's time no age is known");
	g->has_server_time = true;
	gw.has = 0;
	is_int(age_most_ms(g, &gw), 0, "a message without a time has no age");
	sim_free(&s);
}

/* ---- signs of a missed rekey ------------------------------------------------- */

/* The log has the first sign, and not those that come until there is an answer. */
static void test_signs(void)
{
	static const char line[] = "keys may be out of date: ";
	unsigned int before;
	struct mgroup *g;

	usual(12);
	g = group_of(a);
	before = sim_log_count(&s, line);
	doubt_note(g, DOUBT_ESP);
	is_int(sim_log_count(&s, line), before + 1,
	       "the first sign of a missed rekey is logged");
	doubt_note(g, DOUBT_OLD);
	is_int(sim_log_count(&s, line), before + 1,
	       "the next sign before an answer is not logged");
	sim_free(&s);
}

/* ---- a message over an unknown Rekey SA ---------------------------------------- */

/* The member can miss a beat only if it knows that there are some. */
static void test_unknown_rekey_sa(void)
{
	static const uint8_t spi[GIKE_SPI_LEN_REKEY] = { 1 };
	struct mgroup *g;
	uint32_t beat;

	usual(11);
	g = group_of(a);
	beat = g->beat;
	g->beat = 0;
	doubt_rekey(g, spi, false);
	ok(!timer_armed(&g->stray_rekey.due),
	   "without beats an unknown Rekey SA is no sign");
	g->beat = beat;
	g->has_server_time = false;
	doubt_rekey(g, spi, false);
	ok(!timer_armed(&g->stray_rekey.due),
	   "without the server's time an unknown Rekey SA is no sign");
	g->has_server_time = true;
	doubt_rekey(g, spi, false);
	ok(timer_armed(&g->stray_rekey.due),
	   "with beats an unknown Rekey SA is watched");
	sim_free(&s);
}

/* ---- signs of a rival -------------------------------------------------------- */

/* Return true if an old message makes the member ask. */
static bool asks_about(struct mrekey *rk, uint32_t mid)
{
	uint8_t p[64] = { 0 };

	put_unaligned_be32(mid, p + 20);
	rk->g->n_asked = 0;
	doubt_drop(rk->g, 1u << DOUBT_RIVAL);
	rival_rejected(rk, REKEY_OLD, p, sizeof(p));
	return rk->g->doubts & 1u << DOUBT_RIVAL;
}

static void test_explained(void)
{
	uint8_t p[64] = { 0 };
	struct accepted *h;
	uint64_t digest;
	struct mrekey *rk;

	usual(10);
	rk = mrekey_current(group_of(a));
	h = &rk->accepted;
	memset(h, 0, sizeof(*h));
	h->initial_mid = 10;
	ok(!asks_about(rk, 9),
	   "a Message ID that an answer confirms is explained");
	ok(asks_about(rk, 10), "the first Message ID behind it is not");
	put_unaligned_be32(10, p + 20);
	rival_accepted(rk, rk->rs.next_mid, p, sizeof(p));
	ok(!asks_about(rk, 10), "a copy of what was accepted is explained");
	ok(asks_about(rk, 11), "another message is not explained by it");
	digest = h->v[0];
	h->n = 0;
	ok(asks_about(rk, 10),
	   "a message that is not in the list is not explained");
	memset(h->v, 0, sizeof(h->v));
	/* The digest is behind the list, whose number is above its size. */
	memcpy((uint8_t *)h + offsetof(struct accepted, n), &digest,
	       sizeof(digest));
	ok(asks_about(rk, 10),
	   "a full list of other messages explains nothing");
	sim_free(&s);
}

/* Let the member accept @mid when it expects @expected. */
static void accept_mid(struct mrekey *rk, uint32_t expected, uint32_t mid)
{
	uint8_t p[64] = { 0 };

	put_unaligned_be32(mid, p + 20);
	rk->rs.next_mid = mid + 1;
	rival_accepted(rk, expected, p, sizeof(p));
}

/* Message IDs that were skipped may arrive late, after many that come in order. */
static void test_overtaken(void)
{
	struct mrekey *rk;
	uint32_t mid;

	usual(10);
	rk = mrekey_current(group_of(a));
	memset(&rk->accepted, 0, sizeof(rk->accepted));
	accept_mid(rk, 100, 103);
	ok(asks_about(rk, 104),
	   "the Message ID behind what was accepted is not explained");
	for (mid = 104; mid < 104 + 2 * GAPS_MAX; mid++)
		accept_mid(rk, mid, mid);
	is_int(rk->accepted.n_gaps, 1, "messages in order leave no gap");
	ok(asks_about(rk, 99), "a Message ID before the gap is not explained");
	ok(!asks_about(rk, 100), "the first Message ID of a gap is explained");
	ok(!asks_about(rk, 102), "the last Message ID of a gap is explained");
	sim_free(&s);
}

static void test_clash(void)
{
	static struct mrekey other;
	struct ksa ksa = { .key_len = 20 };
	struct mrekey *rk;
	uint64_t seq = 0;
	struct mgroup *g;
	struct msa *sa;

	usual(11);
	g = group_of(a);
	rk = mrekey_current(g);
	sa = TAILQ_FIRST(&g->sas);
	rk->seq = 77;
	sa->since = 54;
	ksa.spi = sa->spi;
	other.rs = rk->rs;
	ok(!rival_clash(g, &other, NULL, 0, &seq),
	   "the same Rekey SA is no clash");
	other.rs.pub = NULL;
	ok(!rival_clash(g, &other, NULL, 0, &seq),
	   "a Rekey SA without a signing key yet is no clash");
	other.rs = rk->rs;
	other.rs.gsk_e[0] ^= 1;
	ok(rival_clash(g, &other, NULL, 0, &seq) && seq == 77,
	   "another key of a Rekey SA is a clash, with what it came behind");
	ok(!rival_clash(g, NULL, &ksa, 0, &seq), "no Data SA is no clash");
	ok(rival_clash(g, NULL, &ksa, 1, &seq) && seq == 54,
	   "another key of a Data SA is a clash, with what it came behind");
	ksa.spi ^= 1;
	ok(!rival_clash(g, NULL, &ksa, 1, &seq), "another Data SA is no clash");
	sim_free(&s);
}

static void test_denied(void)
{
	struct mrekey *rk;
	uint64_t seq = 0;
	struct mgroup *g;

	usual(12);
	g = group_of(a);
	rk = mrekey_current(g);
	rk->seq = 77;
	rk->requested_mid = 5;
	g->asked_ms = 1000;
	g->n_former = 1;
	memset(&g->former[0], 0, sizeof(g->former[0]));
	memset(g->former[0].spi, 0x77, sizeof(g->former[0].spi));
	g->former[0].at_ms = 1000;
	g->former[0].seq = 31;
	memset(&altered, 0, sizeof(altered));
	altered.n_data = 1;
	ts_from_selector(&g->conf->sel, &altered.data[0].src,
			 &altered.data[0].dst);
	put_unaligned_be32(rk->data[0].spi, altered.data[0].spi);
	memset(altered.rekey.spi, 0x77, sizeof(altered.rekey.spi));
	ok(!rival_denied(g, &altered, &seq),
	   "a Rekey SA that was replaced after the request is not denied");
	g->former[0].at_ms = 999;
	ok(rival_denied(g, &altered, &seq) && seq == 31,
	   "a replacement from before the request is denied");
	memcpy(altered.rekey.spi, rk->rs.spi, sizeof(rk->rs.spi));
	altered.rekey.has = GSA_HAS_INITIAL_MID;
	altered.rekey.initial_mid = 5;
	ok(!rival_denied(g, &altered, &seq),
	   "the Rekey SA in use is confirmed");
	altered.rekey.initial_mid = 4;
	ok(rival_denied(g, &altered, &seq) && seq == 77,
	   "a Message ID below one that was accepted denies it");
	altered.rekey.initial_mid = 5;
	altered.data[0].spi[3] ^= 1;
	ok(rival_denied(g, &altered, &seq) && seq == 77,
	   "another Data SA under the Rekey SA denies it");
	sim_free(&s);
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
	ok(!is_zero(&c->next.data[0].key.keymat,
		    sizeof(c->next.data[0].key.keymat)),
	   "a change has the keys there are");
	memset(c->rs.gsk_e, 0xa5, sizeof(c->rs.gsk_e));
	memset(c->rs.gsk_w.key, 0xa5, sizeof(c->rs.gsk_w.key));
	wipes_look_for(gsk, sizeof(gsk));
	gkm_abandon(TAILQ_FIRST(&s.gcks->groups), c);
	ok(wipes_found(), "given up, its Rekey SA is wiped");
	c = gkm_begin(TAILQ_FIRST(&s.gcks->groups));
	wipes_look_for(c->next.data[0].key.keymat, sizeof(gsk));
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
	ike_report_rival(m->sa, &TAILQ_FIRST(&m->groups)->idg, 0x1234);
	sim_run(&s, 1000);
	is_int(sim_group(&s).beats - beats, 1,
	       "rival: the first report brings a beat for the others");
	for (i = 0; i < 80 && m->sa; i++) {
		ike_report_rival(m->sa, &TAILQ_FIRST(&m->groups)->idg,
				 0x2000 + i);
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
	RUN(test_refused);
	RUN(test_age);
	RUN(test_signs);
	RUN(test_unknown_rekey_sa);
	RUN(test_explained);
	RUN(test_overtaken);
	RUN(test_clash);
	RUN(test_denied);
	RUN(test_hold);
	RUN(test_wiped);
	return done();
}
