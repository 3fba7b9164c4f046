// SPDX-License-Identifier: Apache-2.0
/*
 * SAs that a member installs: as the key server and the configuration say, a
 * message as a whole or not at all, and Deletes.
 */
#include <errno.h>
#include <string.h>

#include "group_finish.h"
#include "group_sim.h"
#include "lib/util.h"
#include "member/mgroup.h"
#include "tap.h"
#include "wire/proto.h"

#define KEY_LEN 20

static struct sim s;
static struct sim_member *tx, *a;
static struct mgroup *g; /* the group of a */
static struct gsa policy; /* the last answer's */
static struct rekey_msg msg;
static uint8_t serial; /* the message's, in its SPIs and keys */

static void keep_policy(struct sim *sim, struct sim_member *m, struct gsa *gsa,
			struct kd *kd)
{
	(void)sim;
	(void)kd;
	if (m == a)
		policy = *gsa;
}

static void begin(uint64_t seed)
{
	sim_init(&s, seed);
	s.cg.sender_id_bits = 12;
	s.answer = keep_policy;
}

static void up(void)
{
	struct sim_three three = sim_start_three(&s, true, 10000, 0);

	tx = three.tx;
	a = three.a;
	g = TAILQ_FIRST(&a->m->groups);
}

/* ---- SAs ---------------------------------------------------------------- */

static const struct ksa *sa_of(const struct sim_member *m, uint32_t spi)
{
	unsigned int i;

	for (i = 0; i < m->mk.n_sas; i++)
		if (m->mk.sa[i].sa.spi == spi)
			return &m->mk.sa[i].sa;
	bail("%s has no SA 0x%x", m->name, spi);
	return NULL;
}

static void test_settings(bool tunnel)
{
	const char *how = tunnel ? "tunnel" : "transport";
	const struct ksa *in, *out;
	const struct mrekey *rk;
	struct sim_member *m;
	uint32_t life, spi;
	int i;

	begin(1 + tunnel);
	s.cg.tunnel = tunnel;
	sim_gcks_up(&s);
	tx = sim_add(&s, "s.example", true, true);
	tx->cg.sender_ids = 3;
	a = sim_add(&s, "a.example", false, true);
	m = sim_add(&s, "s2.example", true, false);
	for (i = 0; i < s.n; i++) {
		s.m[i]->cg.window = 512;
		s.m[i]->cg.max_senders = 77;
		s.m[i]->cg.tunnel = tunnel;
	}
	sim_up(tx);
	sim_up(m);
	if (!sim_settle(&s, 10000))
		bail("the senders are not in");
	sim_run(&s, 10000);
	sim_up(a);
	if (!sim_settle(&s, 10000))
		bail("a is not in");
	rk = mrekey_current(TAILQ_FIRST(&a->m->groups));
	life = (rk->until_ms - s.ms) / MSEC_PER_SEC;
	ok(life >= s.cg.kek_lifetime - 3 && life < s.cg.kek_lifetime,
	   "%s: the Rekey SA ends with its age counted: %u s", how, life);
	sim_run(&s, 10000);
	spi = sim_group(&s).data_spi;
	in = sa_of(a, spi);
	out = sa_of(tx, spi);
	is_int(in->dir, MCSEC_DIR_IN, "%s: a receiver only receives", how);
	is_int(out->dir, MCSEC_DIR_IN | MCSEC_DIR_OUT,
	       "%s: a sender that receives does both", how);
	is_int(sa_of(m, spi)->dir, MCSEC_DIR_OUT, "%s: a sender only sends",
	       how);
	is_int(in->mode, tunnel ? MCSEC_MODE_TUNNEL : MCSEC_MODE_TRANSPORT,
	       "%s: the SA has the mode", how);
	is_int(in->replay, MCSEC_REPLAY_IV, "%s: IVs tell replays", how);
	is_int(in->window, 512, "%s: the window is as configured", how);
	is_int(in->max_senders, 77, "%s: senders are as configured", how);
	is_int(in->sid_bits, 16, "%s: a receiver tells all senders apart", how);
	is_int(in->n_sender_ids, 0, "%s: a receiver has no Sender-ID", how);
	is_int(out->sid_bits, 12, "%s: a sender's IDs have their size", how);
	is_int(out->n_sender_ids, 3, "%s: a sender has its Sender-IDs", how);
	is_int(out->sender_ids[0], sim_status(tx).first_sender_id,
	       "%s: the Sender-IDs are those that were given", how);
	is_int(in->key_len, KEY_LEN, "%s: the key has its length", how);
	ok(!memcmp(in->key, out->key, KEY_LEN), "%s: all have one key", how);
	ok(in->limits.hard_time >= s.cg.lifetime - 3 &&
		   in->limits.hard_time < s.cg.lifetime,
	   "%s: the SA ends with its age counted: %u s", how,
	   (unsigned int)in->limits.hard_time);
	sim_finish(&s, how);
}

static void test_algorithms(void)
{
	static const struct {
		struct conf_alg alg;
		enum mcsec_alg is;
		unsigned int len;
	} algs[] = {
		{ { IKE_ENCR_AES_GCM_16, 256 }, MCSEC_ALG_AES_GCM_16, 36 },
		{ { IKE_ENCR_NULL_AUTH_AES_GMAC, 128 }, MCSEC_ALG_AES_GMAC, 20 },
		{ { IKE_ENCR_CHACHA20_POLY1305, 0 },
		  MCSEC_ALG_CHACHA20_POLY1305,
		  36 },
	};
	const struct ksa *sa;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(algs); i++) {
		begin(20 + i);
		s.cg.alg = algs[i].alg;
		up();
		sa = sa_of(a, sim_group(&s).data_spi);
		is_int(sa->alg, algs[i].is, "algorithm %zu is the group's", i);
		is_int(sa->key_len, algs[i].len, "algorithm %zu has its key",
		       i);
		sim_free(&s);
	}
}

/* ---- messages ----------------------------------------------------------- */

static void add_key(uint8_t proto, const uint8_t *spi, const struct kwk *kwk,
		    uint8_t octet, size_t len)
{
	uint8_t plain[KD_PLAIN_MAX];
	struct kd_bag *bag;
	struct kd_key key;

	memset(plain, octet, sizeof(plain));
	if (kd_bag(&msg.kd, proto, spi, &bag) ||
	    kwk_wrap(kwk, 0, 0, plain, len, &key) || kd_bag_add(bag, &key))
		bail("no key");
}

static struct kd_bag *bag_of(uint8_t proto)
{
	unsigned int i;

	for (i = 0; i < msg.kd.n_bags; i++)
		if (msg.kd.bags[i].proto == proto)
			return &msg.kd.bags[i];
	bail("no bag");
	return NULL;
}

/* Make a message with a new Rekey SA and @n new Data SAs, @age_ms ago. */
static void make(unsigned int n, uint64_t age_ms)
{
	const struct kwk *kwk = &mrekey_current(g)->rs.gsk_w;
	unsigned int i;

	serial++;
	rekey_msg_init(&msg);
	msg.has_gsa = true;
	msg.transport = true;
	msg.gsa = policy;
	msg.gsa.gw.has = GWP_HAS_MADE | GWP_HAS_ATD | GWP_HAS_DTD;
	msg.gsa.gw.atd = 5;
	msg.gsa.gw.dtd = 15;
	msg.gsa.gw.made_ms = g->server_ms + (s.ms - g->local_ms) - age_ms;
	/* A rekey says nothing of who signs. */
	msg.gsa.rekey.has &= ~(GSA_HAS_GCAUTH | GSA_HAS_INITIAL_MID);
	memset(msg.gsa.rekey.spi, serial, GIKE_SPI_LEN_REKEY);
	add_key(GIKE_PROTO_GIKE_UPDATE, msg.gsa.rekey.spi, kwk, serial,
		gsa_keymat_len(&msg.gsa.rekey));
	msg.gsa.n_data = n;
	for (i = 0; i < n; i++) {
		msg.gsa.data[i] = policy.data[0];
		put_unaligned_be32(serial << 16 | i, msg.gsa.data[i].spi);
		add_key(IKE_PROTO_ESP, msg.gsa.data[i].spi, kwk, serial + i,
			KEY_LEN);
	}
}

static uint32_t spi_of(unsigned int i)
{
	return get_unaligned_be32(msg.gsa.data[i].spi);
}

static void take(void)
{
	install_rekey(g, mrekey_current(g), &msg);
	rekey_msg_free(&msg);
}

/* Check that the message is not followed for @why, and changes nothing. */
static void not_taken(const char *what, const char *why)
{
	const struct mrekey *rk = mrekey_current(g);
	unsigned int n = a->mk.n_sas, lines;
	uint64_t n_rekeys = g->n_rekeys;
	char line[160];

	snprintf(line, sizeof(line), "rekey rejected: %s", why);
	lines = sim_log_count(&s, line);
	take();
	is_int(sim_log_count(&s, line) - lines, 1, "%s: the log says why",
	       what);
	is_int(a->mk.n_sas, n, "%s: no SA is installed", what);
	ok(mrekey_current(g) == rk, "%s: the Rekey SA stays", what);
	is_int(g->n_rekeys, n_rekeys, "%s: no rekey is counted", what);
	ok(timer_armed(&g->retry), "%s: the member registers again", what);
	timer_del(mgroup_tq(g), &g->retry);
}

static void test_taken(void)
{
	uint64_t n_rekeys;
	uint8_t key[KEY_LEN];
	uint32_t spi;

	begin(3);
	up();
	g->next_data[0].n = 0;
	register_now(g);
	sim_run(&s, 200);
	ok(g->next_data[0].n > 0, "an answer announces the next Data SAs");
	is_int(mrekey_current(g)->seq + 1, msa_newest(g, 0)->seq,
	       "an answer's Rekey SA came right before its Data SA");
	is_int(mrekey_current(g)->accepted.initial_mid,
	       policy.rekey.initial_mid,
	       "an answer confirms the Message IDs before its own");
	make(1, 0);
	msg.gsa.has_rekey = false;
	not_taken("after an answer", "another Data SA under one Rekey SA");
	n_rekeys = g->n_rekeys;
	g->next_data[0].n = 0;
	make(1, 2000);
	spi = spi_of(0);
	memset(key, serial, sizeof(key));
	take();
	is_int(g->n_rekeys, n_rekeys + 1, "a rekey is counted");
	ok(!memcmp(sa_of(a, spi)->key, key, KEY_LEN),
	   "the new SA is in the kernel, with its key");
	is_int(mrekey_current(g)->data[0].spi, spi,
	       "the Rekey SA knows its Data SA");
	is_int(mrekey_current(g)->seq + 1, msa_find(g, spi)->seq,
	       "a rekey's Rekey SA came right before its Data SA");

	is_int(g->next_data[0].n, policy.data[0].n_next_spi,
	       "the next Data SAs are announced");

	/* Another one under the same Rekey SA is a rival's. */
	make(1, 0);
	msg.gsa.has_rekey = false;
	doubt_drop(g, ~0u);
	not_taken("another Data SA", "another Data SA under one Rekey SA");
	ok(g->doubts & 1u << DOUBT_RIVAL, "the member suspects a rival");
	make(1, 0);
	memcpy(msg.gsa.data[0].spi, policy.data[0].spi, GIKE_SPI_LEN_DATA);
	msg.kd.bags[msg.kd.n_bags - 1].spi[0] = policy.data[0].spi[0];
	memcpy(bag_of(IKE_PROTO_ESP)->spi, policy.data[0].spi,
	       GIKE_SPI_LEN_DATA);
	doubt_drop(g, ~0u);
	not_taken("another key", "another key under one SPI");
	ok(g->doubts & 1u << DOUBT_RIVAL, "another key is a rival's, too");
	sim_free(&s);
}

static void test_atd(void)
{
	const struct msa *sa;
	uint64_t left;

	begin(13);
	up();
	g = TAILQ_FIRST(&tx->m->groups);
	make(1, 2000);
	install_rekey(g, mrekey_current(g), &msg);
	sa = msa_find(g, spi_of(0));
	rekey_msg_free(&msg);
	if (!sa)
		bail("no SA");
	left = timer_left_ms(mgroup_tq(g), &sa->select);
	ok(left >= 3000 && left <= 3000 + g->uncertain_ms,
	   "ATD counts from when the message was made: %ju ms are left",
	   (uintmax_t)left);
	make(1, 6000);
	install_rekey(g, mrekey_current(g), &msg);
	sa = msa_find(g, spi_of(0));
	rekey_msg_free(&msg);
	if (!sa)
		bail("no SA");
	sim_run(&s, g->uncertain_ms);
	ok(sa->selected, "ATD is over for a message that is older");
	sim_free(&s);
}

/* As many Data SAs as a message may have, each of which sends. */
static void test_all(void)
{
	unsigned int i, sending = 0;
	uint32_t spi[GSA_MAX_DATA];

	begin(14);
	up();
	g = TAILQ_FIRST(&tx->m->groups);
	make(GSA_MAX_DATA, 0);
	for (i = 0; i < GSA_MAX_DATA; i++)
		spi[i] = spi_of(i);
	install_rekey(g, mrekey_current(g), &msg);
	rekey_msg_free(&msg);
	for (i = 0; i < GSA_MAX_DATA; i++)
		sending += sa_of(tx, spi[i])->sender_ids[0] == g->sids.v[0] &&
			   sa_of(tx, spi[i])->dir & MCSEC_DIR_OUT;
	is_int(sending, GSA_MAX_DATA, "all SAs of a message can send");
	sim_free(&s);
}

/* Only a message without anything new can be a beat. */
static void test_too_old(void)
{
	static const struct {
		bool has_rekey, has_data;
		enum doubt doubt;
		const char *name;
	} cases[] = {
		{ true, true, DOUBT_OLD, "two new SAs" },
		{ true, false, DOUBT_OLD, "a new Rekey SA" },
		{ false, true, DOUBT_OLD, "a new Data SA" },
		{ false, false, DOUBT_OLD_BEAT, "no new SA" },
	};
	uint32_t spi;
	uint64_t n;
	size_t i;

	begin(4);
	up();
	spi = sim_status(a).data_spi;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		n = g->n_too_old;
		doubt_drop(g, ~0u);
		make(1, 70000);
		msg.gsa.has_rekey = cases[i].has_rekey;
		if (!cases[i].has_data)
			put_unaligned_be32(spi, msg.gsa.data[0].spi);
		take();
		is_int(g->n_too_old, n + 1, "an old message is counted: %s",
		       cases[i].name);
		is_int(g->doubts, 1u << cases[i].doubt,
		       "an old message makes the member ask: %s",
		       cases[i].name);
	}
	sim_free(&s);
}

/* Messages that count as rekeys, or let a member wait for a Data SA. */
static void test_counted(void)
{
	uint64_t n;

	begin(16);
	up();
	n = g->n_rekeys;
	sim_run(&s, 40000);
	is_int(g->n_rekeys, n, "a beat is no rekey");
	make(1, 0);
	take();
	is_int(g->n_rekeys, n + 1, "a message with new SAs is a rekey");
	serial--;
	make(1, 0);
	memset(msg.gsa.rekey.spi, 0xee, GIKE_SPI_LEN_REKEY);
	memset(bag_of(GIKE_PROTO_GIKE_UPDATE)->spi, 0xee, GIKE_SPI_LEN_REKEY);
	take();
	is_int(g->n_rekeys, n + 2, "a message with a new Rekey SA is a rekey");
	make(1, 0);
	msg.gsa.has_rekey = false;
	mrekey_current(g)->n_data = 0;
	take();
	is_int(g->n_rekeys, n + 3, "a message with a new Data SA is a rekey");
	doubt_drop(g, ~0u);
	rekey_msg_init(&msg);
	if (rekey_msg_delete(&msg, IKE_PROTO_ESP, (const uint8_t *)"none"))
		bail("no Delete");
	take();
	is_int(g->n_rekeys, n + 4, "a message with a Delete alone is one");
	is_int(g->doubts, 0, "after a Delete alone no Data SA is waited for");
	sim_free(&s);
}

/* A member that only sends needs Sender-IDs for what a rekey brings. */
static void test_no_sids(void)
{
	struct sim_member *m;
	unsigned int n;

	begin(17);
	up();
	m = sim_add(&s, "s2.example", true, false);
	sim_up(m);
	if (!sim_settle(&s, 10000))
		bail("the sender is not in");
	sim_run(&s, 10000);
	a = m;
	g = TAILQ_FIRST(&m->m->groups);
	g->sids.n = 0;
	n = m->mk.n_sas;
	make(1, 0);
	take();
	is_int(m->mk.n_sas, n, "no SA is installed that could not send");
	ok(sim_logged(&s, "rekey rejected: no Sender-ID held"),
	   "the log says that the sender has no Sender-ID");
	ok(timer_armed(&g->retry), "the sender asks for Sender-IDs");
	sim_free(&s);
}

/* Each message has one fault, and nothing of it is installed. */
static void test_faults(void)
{
	struct kd_bag *bag;

	begin(5);
	up();
	make(1, 0);
	bag_of(IKE_PROTO_ESP)->spi[0] ^= 1;
	not_taken("no key of the Data SA", "Data SA without a usable key");
	make(1, 0);
	bag = bag_of(IKE_PROTO_ESP);
	if (kd_bag_add(bag, &bag->keys[0]))
		bail("no key");
	not_taken("two keys of the Data SA", "Data SA without a usable key");
	make(1, 0);
	bag_of(IKE_PROTO_ESP)->keys[0].kwk_id = 1;
	not_taken("a key below another", "Data SA without a usable key");
	make(1, 0);
	bag_of(IKE_PROTO_ESP)->keys[0].enc[3] ^= 1;
	not_taken("a damaged key", "Data SA's key did not unwrap");
	make(1, 0);
	bag_of(GIKE_PROTO_GIKE_UPDATE)->spi[0] ^= 1;
	not_taken("no key of the Rekey SA", "Rekey SA without a usable key");
	make(1, 0);
	memcpy(msg.gsa.rekey.spi, mrekey_current(g)->rs.spi,
	       GIKE_SPI_LEN_REKEY);
	memcpy(bag_of(GIKE_PROTO_GIKE_UPDATE)->spi, msg.gsa.rekey.spi,
	       GIKE_SPI_LEN_REKEY);
	not_taken("the Rekey SA itself", "Rekey SA that replaces itself");
	make(1, 0);
	if (kd_set_auth_key(&msg.kd, (const uint8_t *)"no key", 6))
		bail("no key");
	not_taken("a signing key that is none", "Rekey SA does not work");
	make(1, 0);
	msg.gsa.data[0].has &= ~GSA_HAS_LIFETIME;
	not_taken("no lifetime", "Data SA without GSA_KEY_LIFETIME");
	sim_run(&s, 60000);
	is_int(sim_out_of_step(&s), 0, "all are in step");
	sim_free(&s);
}

/* The kernel refuses the second SA of a message. */
static void test_undone(void)
{
	unsigned int n;

	begin(6);
	up();
	n = a->mk.n_sas;
	make(2, 0);
	a->mk.fail_add = -EIO;
	a->mk.fail_skip = 1;
	take();
	is_int(a->mk.n_sas, n, "the first SA is removed, too");
	is_int(a->mk.fail_add, 0, "the kernel was asked for both");
	ok(sim_log_count(&s, "rekey rejected: "),
	   "the log says that the rekey was not followed");
	sim_free(&s);

	begin(7);
	up();
	make(1, 0);
	take();
	n = a->mk.n_sas;
	serial--;
	make(2, 0);
	memset(msg.gsa.rekey.spi, 0xee, GIKE_SPI_LEN_REKEY);
	memset(bag_of(GIKE_PROTO_GIKE_UPDATE)->spi, 0xee, GIKE_SPI_LEN_REKEY);
	a->mk.fail_add = -EIO;
	take();
	is_int(a->mk.n_sas, n, "an SA that was there before stays");
	ok(msa_find(g, (uint32_t)serial << 16), "the member knows it, too");
	sim_free(&s);
}

/* An SA that stayed from a message that was not followed, see msa_undo(). */
static void test_partial_replaced(void)
{
	uint32_t was, now;
	unsigned int n;

	begin(31);
	up();
	make(1, 0);
	was = spi_of(0);
	take();
	n = a->mk.n_sas;
	msa_find(g, was)->partial = true;
	make(1, 0);
	now = spi_of(0);
	take();
	ok(msa_find(g, was) && msa_find(g, was)->retired,
	   "a partial SA is retired by the next message");
	is_int(a->mk.n_sas, n + 1, "the kernel receives with both SAs");
	ok(msa_find(g, now) && !msa_find(g, now)->retired,
	   "the SA of the next message stays");
	sim_run(&s, g->dtd * 1000 + 1000);
	ok(!msa_find(g, was), "a partial SA ends when DTD is over");
	sim_free(&s);
}

/* ---- registrations ------------------------------------------------------ */

static bool altered;

/* Answers with one fault before the right one, which has no ATD. */
static void alter_answer(struct sim *sim, struct sim_member *m, struct gsa *gsa,
			 struct kd *kd)
{
	struct kd_key *data = NULL, *rekey = NULL, was;
	unsigned int i, n = m->mk.n_sas;
	struct err err;

	(void)sim;
	if (m != a || altered)
		return;
	altered = true;
	for (i = 0; i < kd->n_bags; i++)
		if (kd->bags[i].proto == IKE_PROTO_ESP)
			data = &kd->bags[i].keys[0];
		else
			rekey = &kd->bags[i].keys[0];
	if (!data || !rekey)
		bail("no keys");
	was = *data;
	data->enc[3] ^= 1;
	is_int(install_registration(g, m->m->sa, gsa, kd, true, &err), -EPROTO,
	       "an answer with a damaged key is refused");
	*data = was;
	was = *rekey;
	rekey->kwk_id = 0x7fffffff;
	is_int(install_registration(g, m->m->sa, gsa, kd, true, &err), -EPROTO,
	       "an answer without a path excludes nobody");
	*rekey = was;
	is_int(m->mk.n_sas, n, "refused answers install nothing");
	gsa->gw.has &= ~GWP_HAS_ATD;
}

static void test_answers(void)
{
	begin(15);
	up();
	sim_rekey(s.gcks, "video", &(struct err){});
	sim_run(&s, 500);
	is_int(g->atd, 5, "a rekey has told ATD");
	altered = false;
	s.answer = alter_answer;
	register_now(g);
	sim_run(&s, 200);
	ok(altered, "an answer came");
	is_int(g->atd, 0, "an answer without ATD means none");
	is_int(sim_out_of_step(&s), 0, "the right answer is taken");
	sim_finish(&s, "answers");
}

/* A missed rekey: the Rekey SA before it stays for what is still under way. */
static void test_missed(void)
{
	const struct mrekey *rk;

	begin(18);
	up();
	a->deaf = true;
	sim_rekey(s.gcks, "video", &(struct err){});
	sim_run(&s, 100);
	register_now(g);
	sim_run(&s, 200);
	rk = mrekey_current(g);
	ok(rk && !memcmp(rk->rs.spi, policy.rekey.spi, GIKE_SPI_LEN_REKEY),
	   "the answer brings the Rekey SA that was missed");
	rk = TAILQ_NEXT(rk, all);
	ok(rk && rk->retired, "the Rekey SA before it is kept for DTD");
	is_int(g->rivals, 0, "a missed rekey is no rival's");
	sim_free(&s);
}

/* An answer for the Rekey SA that a rekey has replaced denies that rekey. */
static void test_denied(void)
{
	const struct mrekey *rk;
	uint32_t theirs;

	begin(19);
	up();
	make(1, 0);
	theirs = spi_of(0);
	take();
	sim_run(&s, 1000);
	ok(msa_find(g, theirs), "a rival's rekey is taken at first");
	register_now(g);
	sim_run(&s, 200);
	is_int(g->rivals, 1, "the answer shows that there is a rival");
	rk = mrekey_current(g);
	ok(rk && !memcmp(rk->rs.spi, policy.rekey.spi, GIKE_SPI_LEN_REKEY),
	   "the key server's Rekey SA is in use again");
	ok(rk && !TAILQ_NEXT(rk, all), "the rival's Rekey SA is gone");
	ok(!msa_find(g, theirs), "the rival's Data SA is gone");
	ok(msa_find(g, sim_group(&s).data_spi),
	   "the key server's Data SA is there");
	sim_run(&s, 30000);
	is_int(sim_out_of_step(&s), 0, "all are in step after a rival");
	sim_free(&s);
}

/* The kernel refuses what an answer brings: all is as it was. */
static void test_answer_undone(void)
{
	uint64_t registrations;
	struct sids before;
	unsigned int n;

	begin(8);
	up();
	g = TAILQ_FIRST(&tx->m->groups);
	sim_run(&s, 130000);
	before = g->sids;
	registrations = sim_status(tx).registrations;
	n = tx->mk.n_sas;
	tx->deaf = true;
	sim_rekey(s.gcks, "video", &(struct err){});
	sim_run(&s, 100);
	tx->mk.fail_add = -EIO;
	register_now(g);
	sim_run(&s, 100);
	is_int(tx->mk.fail_add, 0, "the kernel refuses the SA of an answer");
	is_int(tx->mk.n_sas, n, "no SA is installed");
	is_int(g->sids.v[0], before.v[0], "the Sender-IDs are the old ones");
	is_int(sim_status(tx).registrations, registrations,
	       "the registration does not count as done");
	ok(strstr(sim_status(tx).last_error, "mock was told to fail"),
	   "the member's status says why: %s", sim_status(tx).last_error);
	tx->deaf = false;
	sim_run(&s, 60000);
	is_int(sim_out_of_step(&s), 0, "all are in step in the end");
	sim_finish(&s, "answer");
}

/* ---- Deletes ------------------------------------------------------------ */

/* A message with a Delete of @proto and @spi, NULL: all, and new SAs. */
static void make_delete(uint8_t proto, const uint8_t *spi)
{
	make(1, 0);
	if (rekey_msg_delete(&msg, proto, spi))
		bail("no Delete");
}

static void test_deletes(void)
{
	uint8_t old[GIKE_SPI_LEN_DATA];
	uint32_t spi, next;

	begin(9);
	up();
	make(1, 0);
	spi = spi_of(0);
	memcpy(old, msg.gsa.data[0].spi, sizeof(old));
	take();
	make_delete(IKE_PROTO_ESP, old);
	next = spi_of(0);
	take();
	ok(msa_find(g, spi) && msa_find(g, spi)->retired,
	   "a Data SA that a Delete names ends");
	ok(msa_find(g, next) && !msa_find(g, next)->retired,
	   "the Data SA of the same message does not");

	/* As many as a Delete has room for. */
	make_delete(IKE_PROTO_ESP, old);
	msg.del[0].n = ARRAY_SIZE(msg.del[0].spi);
	next = spi_of(0);
	take();
	ok(!msa_find(g, next)->retired, "a full Delete ends what it names");

	make_delete(IKE_PROTO_ESP, NULL);
	spi = next;
	next = spi_of(0);
	take();
	ok(msa_find(g, spi)->retired, "a Delete of all Data SAs ends them");
	ok(!msa_find(g, next)->retired,
	   "the Data SAs of the same message stay");

	make(1, 0);
	if (rekey_msg_delete(&msg, IKE_PROTO_ESP, msg.gsa.data[0].spi))
		bail("no Delete");
	next = spi_of(0);
	take();
	ok(!msa_find(g, next)->retired,
	   "a Delete does not end what its message brings");
	ok(member_state_is_in(g->state), "no Delete of Data SAs excludes");

	make_delete(GIKE_PROTO_GIKE_UPDATE, msg.gsa.rekey.spi);
	take();
	ok(member_state_is_in(g->state), "the end of one Rekey SA is no end");
	is_int(g->excluded, 0, "the member was not excluded yet");
	make_delete(GIKE_PROTO_GIKE_UPDATE, NULL);
	take();
	is_int(g->excluded, 1, "a Delete of all Rekey SAs excludes");
	ok(!mrekey_current(g), "an excluded member has no Rekey SA");
	sim_run(&s, 60000);
	ok(sim_in(a), "an excluded member comes back if it may");
	sim_free(&s);
}

/* A path that does not lead to the member: it is excluded. */
static void test_no_path(void)
{
	begin(10);
	up();
	make(0, 0);
	bag_of(GIKE_PROTO_GIKE_UPDATE)->keys[0].kwk_id = 0x7fffffff;
	take();
	is_int(g->excluded, 1, "a member without a path is excluded");
	ok(!mrekey_current(g), "a member without a path has no Rekey SA");
	sim_free(&s);

	begin(11);
	up();
	doubt_drop(g, ~0u);
	make(0, 0);
	take();
	ok(g->doubts & 1u << DOUBT_DATA,
	   "a Rekey SA alone lets the member wait for a Data SA");
	sim_free(&s);
}

/* Another signing key comes without another Rekey SA. */
static void test_signing_key(void)
{
	const struct mrekey *rk;
	struct sigkey *key;
	struct sigpub *pub;
	const uint8_t *spki;
	size_t len;

	begin(12);
	up();
	rk = mrekey_current(g);
	if (sigkey_generate(SIG_ED25519, &key) || sigkey_pub(key, &pub))
		bail("no key");
	sigpub_spki(pub, &spki, &len);
	make(0, 0);
	msg.gsa.has_rekey = false;
	if (kd_set_auth_key(&msg.kd, spki, len))
		bail("no key");
	take();
	is_int(rk->n_signed, 1, "another signing key is counted");
	ok(mrekey_current(g) == rk && sigpub_equal(rk->rs.pub, pub),
	   "another signing key is used from now on");
	sigpub_free(pub);
	sigkey_free(key);
	sim_free(&s);
}

/* A signing key that cannot be used would have every later rekey refused. */
static void test_bad_signing_key(void)
{
	static const uint8_t bad[] = "no SubjectPublicKeyInfo";
	const struct mrekey *rk;

	begin(13);
	up();
	rk = mrekey_current(g);
	make(0, 0);
	msg.gsa.has_rekey = false;
	if (kd_set_auth_key(&msg.kd, bad, sizeof(bad)))
		bail("no key");
	not_taken("a signing key that is none",
		  "new signing key does not work: ");
	is_int(rk->n_signed, 0, "a signing key that is none is not counted");
	sim_free(&s);
}

/* The end of a Rekey SA has passed when its timer has not run yet. */
static void test_ended(void)
{
	struct mrekey *rk;
	uint64_t n;

	begin(14);
	up();
	rk = mrekey_current(g);
	rk->until_ms = mgroup_now(g) - 1;
	n = g->registrations;
	register_now(g);
	while (g->registrations == n)
		sim_run(&s, 1);
	rk = mrekey_current(g);
	ok(!rk || timer_left_ms(mgroup_tq(g), &rk->end) < 2,
	   "a Rekey SA that has ended does not last by an answer");
	sim_free(&s);
}

/* ---- doubts ------------------------------------------------------------- */

/* The member asks for as long as one of its doubts is left. */
static void test_doubts(void)
{
	begin(40);
	up();
	doubt_drop(g, ~0u);
	ok(!timer_armed(&g->ask) && !doubt_text(g), "no doubt: nobody asks");
	doubt_note(g, DOUBT_ESP);
	doubt_note(g, DOUBT_SILENCE);
	ok(timer_armed(&g->ask), "two doubts: the member is about to ask");
	is_int(sim_log_count(&s, "keys may be out of date"), 1,
	       "two doubts: the log has the first");
	is_str(doubt_text(g), "unknown Data SA in use",
	       "two doubts: the first is shown");
	doubt_drop(g, 1u << DOUBT_ESP);
	ok(timer_armed(&g->ask), "one doubt is left: the member will ask");
	is_str(doubt_text(g), "no rekey or beat received for three intervals",
	       "one doubt is left: that is shown");
	doubt_received(g, 0);
	ok(!timer_armed(&g->ask) && !doubt_text(g),
	   "no doubt is left: the member does not ask");
	sim_finish(&s, "doubts");
}

int main(void)
{
	RUN(test_settings, false);
	RUN(test_settings, true);
	RUN(test_algorithms);
	RUN(test_taken);
	RUN(test_atd);
	RUN(test_all);
	RUN(test_counted);
	RUN(test_no_sids);
	RUN(test_too_old);
	RUN(test_faults);
	RUN(test_undone);
	RUN(test_partial_replaced);
	RUN(test_answers);
	RUN(test_missed);
	RUN(test_denied);
	RUN(test_answer_undone);
	RUN(test_deletes);
	RUN(test_no_path);
	RUN(test_signing_key);
	RUN(test_bad_signing_key);
	RUN(test_ended);
	RUN(test_doubts);
	return done();
}
