// SPDX-License-Identifier: Apache-2.0
/*
 * A thief has the key server's store, its witness and its seal key, and rekeys
 * the group like the server. Members follow, because the signature is right.
 * They notice at the next beat of the real server, and return. A reset ends the
 * attack.
 */
#include "gcks/gkm.h"
#include "gcks/gkm_msg.h"
#include "gcks/gkm_policy.h"
#include "gcks/group.h"
#include "gcks/group_time.h"
#include "gcks/outbox.h"
#include "gcks/policy.h"
#include "gcks/schedule.h"
#include "ike/engine.h"
#include "ike/sa.h"
#include "member/mgroup.h"
#include "group_sim.h"
#include "group_thief.h"
#include "tap.h"

#include <errno.h>

#define RECEIVERS 6
/* Messages that are accepted before one in fragments. */
#define BEFORE 20
/* Where the number of fragments is in one. */
#define FRAG_TOTAL (IKE_HDR_LEN + IKE_PLD_HDR_LEN + 2)

static struct sim s;
static struct sim_member *tx;
static struct thief thief;
static struct err err;

static void usual(uint64_t seed)
{
	tx = sim_start_receivers(&s, seed, RECEIVERS);
	if (!tx)
		bail("not settled");
	sim_stream(&s, tx, 50);
	sim_run(&s, 1000);
}

static struct group *of(struct gcks *k)
{
	return TAILQ_FIRST(&k->groups);
}

static uint64_t denied(void)
{
	uint64_t n = 0;
	int i;

	for (i = 0; i < s.n; i++)
		n += sim_status(s.m[i]).rivals;
	return n;
}

static uint64_t lost(void)
{
	uint64_t n = 0;
	int i;

	for (i = 1; i < s.n; i++)
		n += s.m[i]->gaps;
	return n;
}

static void finish(void)
{
	is_int(mock_iv_clashes, 0, "no Sender-ID came twice under one key");
	thief_go(&thief);
	sim_free(&s);
}

static void test_theft(void)
{
	uint64_t registrations, rekeys, before;
	unsigned int turn;

	usual(1);
	thief_come(&thief, &s);
	rekeys = sim_group(&s).rekeys;
	registrations = sim_group(&s).registrations;
	thief_rekey(&thief);
	sim_run(&s, 6000);
	ok(thief_has(&thief, &s) >= 1, "%u of %d follow a thief's rekey",
	   thief_has(&thief, &s), s.n);
	sim_run(&s, 16000 + 4000);
	is_int(thief_has(&thief, &s), 0,
	       "nobody follows the thief after a beat of the key server");
	is_int(sim_out_of_step(&s), 0, "all are back in step");
	is_int(denied(), s.n, "each has noticed once");
	ok(sim_group(&s).registrations - registrations <= 4u * s.n,
	   "members ask the key server, %ju times in all",
	   (uintmax_t)(sim_group(&s).registrations - registrations));
	is_int(sim_group(&s).rivals, s.n, "the key server knows of each");
	is_int(sim_audited(&s, "rival", NULL, "reported by"), 4,
	       "the key server has a few lines of the thief on record");
	ok(sim_log_count(&s, "group video: forged rekey: ") == 4u + s.n,
	   "both sides log the forged rekey");
	sim_run(&s, 20000);
	is_int(sim_group(&s).rekeys, rekeys, "a forged rekey causes no rekey");
	is_int(tx->mk.n_sas, 1, "the sender has deleted what it was given");
	ok(lost() < 7u * 100, "%ju packets were lost by all receivers",
	   (uintmax_t)lost());

	/*
	 * Members ask about messages signed with the stolen key
	 * from then on.
	 */
	for (turn = 0; turn < 4; turn++) {
		thief_rekey(&thief);
		sim_run(&s, 200);
		if (thief_has(&thief, &s))
			break;
		sim_run(&s, 45000);
	}
	is_int(turn, 4, "a thief that goes on gets nobody any more");
	ok(sim_status(tx).wary, "members know what was stolen");
	sim_rekey(s.gcks, NULL, &err);
	sim_run(&s, 70000);
	is_int(sim_out_of_step(&s), 0, "the key server's own rekey is found");

	/* A reset is the way back. */
	is_int(sim_reset(s.gcks, "nosuch", &err), -ENOENT,
	       "a group that is not there is not reset: %s", err.text);
	thief_rekey(&thief);
	sim_run(&s, 1000);
	is_int(sim_reset(s.gcks, "video", &err), 0, "the group is reset");
	is_int(sim_audited(&s, "reset", NULL, "reset"), 1,
	       "the reset is in the audit trail");
	sim_run(&s, 40000);
	is_int(thief_has(&thief, &s), 0, "all are with the key server");
	is_int(sim_out_of_step(&s), 0, "theft: all are in step");
	ok(strcmp(sim_status(tx).signing_key, sim_group(&s).signing_key) == 0,
	   "all members believe the key server's new signing key");
	ok(!sim_status(tx).wary, "rekeys are followed again");
	before = denied();
	for (turn = 0; turn < 4; turn++) {
		thief_rekey(&thief);
		sim_run(&s, 30000);
		if (thief_has(&thief, &s) || sim_out_of_step(&s))
			break;
	}
	is_int(turn, 4, "the thief gets nobody any more");
	is_int(denied() - before, 0, "the thief gets nobody for a moment");
	finish();
}

static bool hold_back(struct sim *sim, struct sim_member *m, const uint8_t *p,
		      size_t len)
{
	(void)m;
	(void)len;
	return !memcmp(p, sim->drop_arg, 16);
}

/*
 * The thief is on the path as well, and holds back all messages of the key server. A
 * member asks when it checks its clock, once in 20 to 28 hours, and a sender when its IKE
 * SA ends.
 */
static void test_on_path(void)
{
	static const struct sim_who who[] = {
		{ "s.example", true, false, false },
		{ "r0.example", false, true, false },
		{ "r1.example", false, true, false },
	};
	struct gcks_group_status g;

	sim_init_rare(&s, 31);
	s.cg.beat = 60;
	sim_start(&s, who, 3, 30000, 0);
	tx = s.m[0];
	g = sim_group(&s);
	thief_come(&thief, &s);
	thief_rekey(&thief);
	sim_run(&s, 500);
	s.drop = hold_back;
	s.drop_arg = g.rekey_spi;
	sim_run(&s, 3 * 3600000);
	is_int(thief_has(&thief, &s), 3, "all follow a thief on the path");
	is_int(denied(), 0, "nobody notices a thief on the path for hours");
	sim_run(&s, 2 * 3600000);
	is_int(sim_status(tx).rivals, 1,
	       "a sender notices a thief when its IKE SA has ended");
	sim_run(&s, 14 * 3600000);
	is_int(thief_has(&thief, &s), 2,
	       "receivers follow a thief on the path for 19 hours");
	sim_run(&s, 10 * 3600000);
	is_int(thief_has(&thief, &s), 0,
	       "nobody follows a thief on the path after 29 hours");
	is_int(denied(), 3, "each has noticed a thief on the path");
	finish();
}

/* The key of the last packet is the key server's, and not the thief's. */
static bool own_key(void)
{
	return !memcmp(s.last.key, of(s.gcks)->st.data[0].key.keymat, 16);
}

/*
 * The key server rekeys by itself after the theft, with the announced SPIs,
 * which the thief has used already.
 */
static void test_same_spis(bool restarted, bool data_only)
{
	uint64_t before;

	usual(7 + restarted + 2 * data_only);
	if (restarted) {
		/* A sender's question is answered with a rekey. */
		sim_gcks_down(&s);
		sim_gcks_up(&s);
		sim_run(&s, 5000);
	}
	thief_come(&thief, &s);
	if (data_only)
		thief_group(&thief)->st.next_spi[0][3] ^= 1;
	thief_rekey(&thief);
	sim_run(&s, 6000);
	is_int(thief_has(&thief, &s), s.n, "all follow the thief");
	ok(!own_key(), "the sender uses the thief's key");
	if (!restarted)
		sim_rekey(s.gcks, NULL, &err);
	sim_run(&s, 60000);
	ok(own_key(), "the sender is back to the key server's");
	is_int(gkm_spi(&of(s.gcks)->st), gkm_spi(&thief_group(&thief)->st),
	       "the key server's key has the same SPI as the thief's");
	before = lost();
	sim_run(&s, 30000);
	is_int(lost() - before, 0,
	       "all receivers are back to the key server's key");
	is_int(sim_out_of_step(&s), 0, "same spis: all are in step");
	ok(sim_group(&s).rivals > 0, "the key server knows");
	finish();
}

/*
 * Daemons are restarted after they followed the thief. Their kernels have its
 * SA, with an SPI that the key server has used for another SA since. No rekey
 * arrives, and the daemons have only a digest.
 */
static void test_restarted_members(bool noted)
{
	uint64_t before;
	int i;

	usual(12 + noted);
	thief_come(&thief, &s);
	thief_rekey(&thief);
	sim_run(&s, 6000);
	is_int(thief_has(&thief, &s), s.n, "all follow the thief");
	for (i = 0; i < s.n; i++) {
		sim_down(s.m[i]);
		if (!noted)
			memset(s.m[i]->note, 0, sizeof(s.m[i]->note));
	}
	thief_go(&thief);
	sim_rekey(s.gcks, NULL, &err);
	sim_run(&s, 2000);
	for (i = 0; i < s.n; i++)
		sim_up(s.m[i]);
	sim_run(&s, 20000);
	is_int(sim_out_of_step(&s), 0, "restarted members are in step");
	if (!noted) {
		ok(!own_key(), "an SA of the same SPI is not told apart by it");
		finish();
		return;
	}
	ok(own_key(), "a restarted sender finds out at its registration");
	before = lost();
	sim_run(&s, 30000);
	is_int(lost() - before, 0, "restarted receivers find out, too");
	is_int(denied(), s.n, "each restarted member says so");
	is_int(sim_group(&s).rivals, s.n, "the key server knows of each");
	for (i = 0; i < s.n; i++)
		is_int(s.m[i]->mk.n_sas, 1, "%s has no other SA left",
		       s.m[i]->name);
	finish();
}

/*
 * The thief uses the last Message ID, so beats count as old, and goes on to send that
 * message. Once the members know, it delays nothing any more.
 */
static void test_last_mid(uint32_t mid)
{
	uint64_t registrations, beats, opened;

	usual(2);
	thief_come(&thief, &s);
	thief_group(&thief)->rs.next_mid = mid;
	thief_rekey(&thief);
	sim_run(&s, 6000);
	is_int(thief_has(&thief, &s), s.n, "all follow a message far ahead");
	sim_run(&s, 20000);
	is_int(thief_has(&thief, &s), 0,
	       "beats far behind the message bring all back");
	is_int(sim_out_of_step(&s), 0, "all are back in step");
	/* The key server does not need the Message IDs that the thief used. */
	registrations = sim_group(&s).registrations;
	beats = sim_group(&s).beats;
	opened = s.m[1]->m->drops[REKEY_OK];
	sim_run(&s, 60000);
	is_int(sim_group(&s).registrations, registrations,
	       "nobody asks about what the thief repeats, nor about beats");
	is_int(s.m[1]->m->drops[REKEY_OK] - opened, sim_group(&s).beats - beats,
	       "repeated messages of a thief are not opened again");
	sim_rekey(s.gcks, NULL, &err);
	sim_run(&s, 8000);
	is_int(sim_out_of_step(&s), 0, "all members follow the next rekey");
	finish();
}

/* Another Data SA under the same Rekey SA. */
static void beat_of_another_sa(void)
{
	struct outbox out = TAILQ_HEAD_INITIALIZER(out);
	struct group *t = thief_group(&thief);
	struct gkey was = t->st.data[0].key;

	t->st.data[0].key.spi[0] ^= 0x55;
	t->st.data[0].key.keymat[0] ^= 0x55;
	if (gkm_beat_message(t, &out))
		bail("beat");
	outbox_send_all(t, &out);
	t->st.data[0].key = was;
}

static struct mrekey *rekey_sa_of(const struct sim_member *m)
{
	return TAILQ_FIRST(&TAILQ_FIRST(&m->m->groups)->rekeys);
}

/* A thief that is known sends other messages all the time. */
static void test_spam(void)
{
	struct gkm_state st;
	struct rekey_sa rs;
	struct group *t;
	uint64_t before, of_sender;
	unsigned int i;
	uint32_t mid;

	usual(24);
	thief_come(&thief, &s);
	thief_rekey(&thief);
	sim_run(&s, 60000);
	is_int(denied(), s.n, "spam: each has noticed");
	t = thief_group(&thief);
	rs = t->rs;
	st = t->st;
	t->rs = of(s.gcks)->rs;
	t->st = of(s.gcks)->st;
	mid = rekey_sa_of(tx)->rs.next_mid;
	beat_of_another_sa();
	sim_run(&s, 100);
	is_int(rekey_sa_of(tx)->rs.next_mid, mid,
	       "spam: a message that is not followed uses up no Message IDs");
	before = sim_group(&s).registrations;
	of_sender = sim_status(tx).registrations;
	for (i = 0; i < 60; i++) {
		beat_of_another_sa();
		sim_run(&s, 1000);
	}
	is_int(sim_status(tx).registrations - of_sender, 2,
	       "spam: a sender asks at growing intervals");
	ok(sim_group(&s).registrations - before <= 6u * s.n,
	   "spam: members ask %ju times about 60 messages",
	   (uintmax_t)(sim_group(&s).registrations - before));
	ok(sim_group(&s).registrations - before >= 3u * s.n,
	   "spam: members do ask about them");
	is_int(sim_out_of_step(&s), 0, "spam: all members are in step");
	t->rs = rs;
	t->st = st;
	finish();
}

static void test_data_only(void)
{
	usual(3);
	thief_come(&thief, &s);
	beat_of_another_sa();
	sim_run(&s, 500);
	is_int(sim_out_of_step(&s), 0,
	       "a second Data SA under it is not taken");
	ok(sim_logged(&s, "another Data SA under one Rekey SA"),
	   "the log says why");
	sim_run(&s, 30000);
	is_int(sim_out_of_step(&s), 0, "all ask, and go on");
	is_int(lost(), 0, "no packet is lost");
	finish();
}

/*
 * The message arrives between the two messages of an exclusion, before the key
 * server's own.
 */
static bool no_second(struct sim *sim, struct sim_member *m, const uint8_t *p,
		      size_t len)
{
	(void)m;
	(void)len;
	return memcmp(p, sim->drop_arg, 16);
}

static void test_first_data(void)
{
	struct gcks_group_status g;
	uint8_t spi[16];
	uint32_t ms;

	usual(4);
	g = sim_group(&s);
	memcpy(spi, g.rekey_spi, sizeof(spi));
	s.drop = no_second;
	s.drop_arg = spi;
	if (sim_evict(s.gcks, "video", "r5.example", &ms, &err))
		bail("%s", err.text);
	sim_run(&s, 700);
	sim_down(s.m[s.n - 1]);
	thief_come(&thief, &s);
	s.drop = NULL;
	beat_of_another_sa();
	sim_run(&s, 60000);
	is_int(sim_out_of_step(&s), 0,
	       "a Data SA in the place of the second message: all return");
	ok(denied() >= 1, "%ju members notice, and return",
	   (uintmax_t)denied());
	finish();
}

/* Loss alone, even heavy, never causes this. */
static void test_honest(void)
{
	unsigned int i;
	uint32_t ms;

	usual(5);
	s.loss = 10;
	s.burst_ms = 300;
	s.dup = 10;
	s.jitter_ms = 300;
	for (i = 0; i < 60; i++) {
		if (i % 6)
			sim_rekey(s.gcks, NULL, &err);
		else if (!sim_evict(s.gcks, "video", "r5.example", &ms, &err))
			sim_admit(s.gcks, "video", "r5.example", &err);
		sim_run(&s, 7000 + sim_random(&s, 20000));
	}
	s.loss = 0;
	s.dup = 0;
	sim_run(&s, 120000);
	is_int(denied(), 0, "60 rekeys at 10 %% loss: nobody is suspected");
	is_int(sim_group(&s).rivals, 0, "nobody is reported at 10 %% loss");
	is_int(sim_out_of_step(&s), 0,
	       "60 rekeys at 10 %% loss: all members are in step");
	is_int(s.iv_repeats, 0, "no Message ID came twice");
	finish();
}

/* Headers of the former Rekey SA are no proof, and cause one question. */
static void test_forged(void)
{
	struct gcks_group_status g;
	uint64_t before, after;
	uint8_t p[64] = { 0 };
	unsigned int i, k;

	usual(6);
	g = sim_group(&s);
	sim_rekey(s.gcks, NULL, &err);
	sim_run(&s, 20000);
	before = sim_group(&s).registrations;
	memcpy(p, g.rekey_spi, 16);
	p[17] = 0x20;
	p[18] = 41;
	p[27] = sizeof(p);
	for (i = 0; i < 200; i++) {
		p[22] = i;
		for (k = 0; k < (unsigned int)s.n; k++)
			member_rekey_input(s.m[k]->m, &s.ep, p, sizeof(p));
		sim_run(&s, 1000);
	}
	after = sim_group(&s).registrations;
	is_int(after - before, s.n, "200 forged headers: each asks once");
	is_int(denied(), 0, "the key server tells each that all is well");
	is_int(sim_out_of_step(&s), 0,
	       "200 forged headers: all members are in step");
	is_int(lost(), 0, "no packet is lost");
	finish();
}

/* The reports of a lying member, with any SPI, must not displace all others. */
static void test_liar(void)
{
	struct member *m;
	unsigned int i;
	uint32_t spi;

	usual(8);
	m = tx->m;
	for (i = 0; i < 60; i++) {
		if (!m->sa ||
		    ike_report_rival(m->sa, &TAILQ_FIRST(&m->groups)->idg,
				     0x1000 + i))
			bail("not said");
		sim_run(&s, 100);
	}
	is_int(sim_audited(&s, "rival", "s.example", ""), 1,
	       "60 lies in six seconds: one record");
	thief_come(&thief, &s);
	thief_rekey(&thief);
	spi = gkm_spi(&thief_group(&thief)->st);
	for (i = 0; i < 400; i++) {
		if (m->sa)
			ike_report_rival(m->sa, &TAILQ_FIRST(&m->groups)->idg,
					 spi);
		sim_run(&s, 100);
	}
	is_int(denied(), s.n, "others notice a thief meanwhile");
	ok(sim_audited(&s, "rival", NULL, "says that it followed") -
			   sim_audited(&s, "rival", "s.example", "") >=
		   3,
	   "%u records of others",
	   sim_audited(&s, "rival", NULL, "") -
		   sim_audited(&s, "rival", "s.example", ""));
	finish();
}

/* There is no room for the report, so it is sent later. */
static void test_unsaid(void)
{
	const unsigned int full = IKE_QUEUE_MAX;
	struct sim_member *m;
	struct ike_sa *sa = NULL;
	unsigned int i;

	usual(9);
	thief_come(&thief, &s);
	thief_rekey(&thief);
	m = s.m[3];
	for (i = 0; i < 30000 && !sim_status(m).rivals; i++) {
		/*
		 * The counter is set as if full, and stays so when an entry is
		 * removed.
		 */
		if (!sa && mgroup_is_registering(TAILQ_FIRST(&m->m->groups))) {
			sa = m->m->sa;
			sa->n_tasks += full;
		}
		sim_run(&s, 1);
	}
	ok(sa && sa == m->m->sa, "the question is answered over one IKE SA");
	ok(ike_liveness(sa) < 0, "an IKE SA has no place for another task");
	sa->n_tasks -= full;
	is_int(sim_status(m).rivals, 1, "a member with a full queue notices");
	sim_run(&s, 40000);
	is_int(sim_group(&s).rivals, s.n,
	       "the report of a member with a full queue comes, too");
	finish();
}

/*
 * With losses a reset does not reach all members. They ignore messages signed
 * with the old key, so one missing beat is enough to make them ask.
 */
static void test_reset_lost(void)
{
	unsigned int slow = 0, seed;

	for (seed = 300; seed < 320; seed++) {
		usual(seed);
		thief_come(&thief, &s);
		thief_rekey(&thief);
		sim_run(&s, 60000);
		thief_rekey(&thief);
		sim_run(&s, 20000);
		thief_go(&thief);
		s.loss = 20;
		if (sim_reset(s.gcks, "video", &err))
			bail("%s", err.text);
		sim_run(&s, 40000);
		slow += sim_out_of_step(&s);
		sim_free(&s);
	}
	ok(slow <= 3,
	   "20 resets at 20 %% loss: %u of 140 are behind after 40 s", slow);
}

/*
 * A thief rekeys the group to an algorithm that only authenticates, or to a shorter
 * key. No member follows, and the key server's answer keeps all in step.
 */
static void test_weaker(uint16_t encr, uint16_t bits, bool kek)
{
	struct conf_group *c;
	struct mock_kernel *mk;
	unsigned int weak = 0;
	unsigned int i;

	usual(21);
	thief_come(&thief, &s);
	c = &thief_group(&thief)->policy->conf;
	*(kek ? &c->kek_alg : &c->alg) = (struct conf_alg){ encr, bits };
	thief_rekey(&thief);
	sim_run(&s, 6500);
	mk = &tx->mk;
	for (i = 0; i < mk->n_sas; i++)
		weak += mk->sa[i].sa.alg != MCSEC_ALG_AES_GCM_16;
	is_int(weak, 0, "weaker, %u/%u: the sender has no SA of it", encr,
	       bits);
	is_int(sim_status(tx).out_spi, gkm_spi(&of(s.gcks)->st),
	       "weaker, %u/%u: the key server's key is used", encr, bits);
	thief_go(&thief);
	sim_run(&s, 60000);
	is_int(sim_out_of_step(&s), 0, "weaker, %u/%u: all are in step", encr,
	       bits);
	is_int(lost(), 0, "weaker, %u/%u: no packet is lost", encr, bits);
	sim_free(&s);
}

/*
 * Evictions one upon the other replace a Rekey SA before the Data SA of the one
 * before has been announced over it. Nobody suspects the key server of that,
 * also where copies are lost or overtaken.
 */
static void test_evictions(unsigned int apart_ms, int n, unsigned int loss)
{
	uint64_t registrations;
	char name[32], what[64];
	uint32_t ms;
	int i;

	snprintf(what, sizeof(what), "%d evictions, %u ms apart, loss %u %%", n,
		 apart_ms, loss);
	usual(20);
	registrations = sim_group(&s).registrations;
	s.loss = loss;
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "r%d.example", i);
		if (sim_evict(s.gcks, "video", name, &ms, &err))
			bail("%s", err.text);
		sim_run(&s, apart_ms);
	}
	sim_run(&s, 10000);
	s.loss = 0;
	sim_run(&s, 60000);
	if (!loss) {
		is_int(sim_group(&s).registrations, registrations,
		       "%s: nobody has to ask", what);
		is_int(s.m[s.n - 1]->gaps, 0,
		       "%s: no packet is lost to those who stay", what);
	}
	is_int(sim_log_count(&s, "the rekeys may be forged"), 0,
	       "%s: nobody is suspected", what);
	is_int(denied(), 0, "%s: no key is denied", what);
	is_int(sim_out_of_step(&s), n, "%s: all but the evicted are in step",
	       what);
	sim_free(&s);
}

/*
 * Build the key server's next message, a beat, in @n fragments at most; 1: as a
 * whole. Returns their number.
 */
static unsigned int build_beat(struct wbuf *out, unsigned int n)
{
	struct outbox box = TAILQ_HEAD_INITIALIZER(box);
	struct group *g = of(s.gcks);
	uint32_t mid = g->rs.next_mid;
	unsigned int total = 1;
	struct rekey_msg msg;
	struct rekey_sa rs;
	struct out_msg *o;
	size_t most;

	wbuf_init(out, 2 * IKE_MSG_MAX);
	if (gkm_beat_message(g, &box))
		bail("beat");
	o = TAILQ_FIRST(&box);
	wbuf_put(out, o->msg, o->len);
	rs = rekey_sa_of(s.m[1])->rs;
	rs.next_mid = mid;
	rekey_msg_init(&msg);
	if (rekey_open(&rs, o->msg, o->len, &msg, &err))
		bail("not opened");
	for (most = 64; n > 1 && (total == 1 || total > n); most++) {
		wbuf_free(out);
		g->rs.next_mid = mid;
		rekey_build_frags(&g->rs, &msg, most, out, &err);
		total = out->len ? get_unaligned_be16(out->p + FRAG_TOTAL) : 1;
	}
	rekey_msg_free(&msg);
	outbox_drop_all(&box);
	return total;
}

/* Give fragments @first to @last of @w to a receiver. */
static void give(const struct wbuf *w, unsigned int first, unsigned int last)
{
	const uint8_t *p = w->p;
	unsigned int i;
	size_t len;

	for (i = 1; i <= last; i++, p += len) {
		len = ike_msg_len(p, w->len - (p - w->p));
		if (i >= first)
			member_rekey_input(s.m[1]->m, &s.ep, p, len);
	}
}

/*
 * A message in about as many fragments as there can be is complete with its fourth
 * copy, and a further one follows, and one of each message before it.
 */
static void test_fragments_again(void)
{
	struct wbuf before[BEFORE], w;
	unsigned int i, n;
	uint64_t old;

	usual(22);
	for (i = 0; i < BEFORE; i++) {
		build_beat(&before[i], 1);
		give(&before[i], 1, 1);
	}
	n = build_beat(&w, REFRAG_MAX);
	give(&w, 1, n - 1);
	for (i = 0; i < 3; i++)
		give(&w, 2, n - 1);
	old = s.m[1]->m->drops[REKEY_OLD];
	give(&w, 1, n);
	is_int(s.m[1]->m->drops[REKEY_OLD] - old, 0,
	       "a message in %u fragments is complete with the last", n);
	give(&w, 1, n);
	for (i = 0; i < BEFORE; i++)
		give(&before[i], 1, 1);
	is_int(s.m[1]->m->drops[REKEY_OLD] - old, n + BEFORE,
	       "copies of it, and of the messages before, are old");
	is_int(sim_log_count(&s, "the rekeys may be forged"), 0,
	       "copies of fragments: nobody is suspected");
	for (i = 0; i < BEFORE; i++)
		wbuf_free(&before[i]);
	wbuf_free(&w);
	finish();
}

/*
 * More Rekey SAs are replaced within three beats than a member knows. The first
 * answer shows that they were the key server's.
 */
static void test_many_rekeys(void)
{
	const unsigned int n = FORMER_MAX + 20;
	uint64_t registrations;
	unsigned int i;

	sim_init(&s, 23);
	s.cg.beat = 3600;
	s.cg.rekey_copies = 1;
	sim_start_three(&s, true, 20000, 0);
	registrations = sim_group(&s).registrations;
	for (i = 0; i < n; i++) {
		if (sim_rekey(s.gcks, NULL, &err))
			bail("%s", err.text);
		sim_run(&s, 7000);
	}
	is_int(sim_group(&s).registrations - registrations, s.n,
	       "%u rekeys within three beats: each member asks once", n);
	is_int(sim_out_of_step(&s), 0, "%u rekeys: all are in step", n);
	sim_free(&s);
}

int main(void)
{
	RUN(test_fragments_again);
	RUN(test_many_rekeys);
	RUN(test_weaker, IKE_ENCR_NULL_AUTH_AES_GMAC, 128, false);
	RUN(test_weaker, IKE_ENCR_CHACHA20_POLY1305, 0, false);
	RUN(test_weaker, IKE_ENCR_AES_GCM_16, 128, true);
	RUN(test_evictions, 0, 2, 0);
	RUN(test_evictions, 50, 2, 0);
	RUN(test_evictions, 100, 4, 0);
	RUN(test_evictions, 1000, 2, 0);
	RUN(test_evictions, 0, 3, 20);
	RUN(test_evictions, 60, 4, 30);
	RUN(test_reset_lost);
	RUN(test_liar);
	RUN(test_unsaid);
	RUN(test_theft);
	RUN(test_on_path);
	RUN(test_same_spis, false, false);
	RUN(test_same_spis, true, false);
	RUN(test_same_spis, false, true);
	RUN(test_same_spis, true, true);
	RUN(test_restarted_members, false);
	RUN(test_restarted_members, true);
	RUN(test_last_mid, UINT32_MAX - 1);
	RUN(test_last_mid, UINT32_MAX);
	RUN(test_spam);
	RUN(test_data_only);
	RUN(test_first_data);
	RUN(test_honest);
	RUN(test_forged);
	return done();
}
