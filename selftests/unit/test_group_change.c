// SPDX-License-Identifier: Apache-2.0
/*
 * A change of keys, field by field: the state that it leaves, and the GSA_REKEYs
 * that announce it.
 */
#include <errno.h>

#include "gcks/group.h"
#include "gcks/group_time.h"
#include "group_finish.h"
#include "group_sim.h"
#include "lib/util.h"
#include "member/mgroup.h"
#include "tap.h"
#include "wire/proto.h"

#define MESSAGES 8

static struct sim s;
static struct sim_member *tx, *a;
static struct group *g;
static struct err err;

/* The messages that were sent since forget(), without their copies. */
static struct {
	uint8_t p[2048];
	size_t len;
	struct ep to;
	unsigned int copies;
} wire[MESSAGES];
static unsigned int n_wire;
static struct gsa answered; /* the last answer to a */
static bool keeps;

static void keep_message(struct sim *sim, const struct ep *from,
			 const struct ep *to, const uint8_t *p, size_t len)
{
	unsigned int i;

	(void)sim;
	(void)from;
	if (!keeps || to->addr.b[0] < 224)
		return;
	for (i = 0; i < n_wire; i++)
		if (wire[i].len == len && !memcmp(wire[i].p, p, len))
			break;
	if (i == MESSAGES || len > sizeof(wire[i].p))
		bail("too many messages, or too long");
	wire[i].copies++;
	if (i < n_wire)
		return;
	memcpy(wire[i].p, p, len);
	wire[i].len = len;
	wire[i].to = *to;
	n_wire++;
}

static void usual(uint64_t seed)
{
	struct sim_three three;

	sim_init_rare(&s, seed);
	/* Times are those of the order, also where a slow store is simulated. */
	s.store_ms = 0;
	s.on_wire = keep_message;
	keeps = false;
	three = sim_start_three(&s, true, 20000, 0);
	tx = three.tx;
	a = three.a;
	g = TAILQ_FIRST(&s.gcks->groups);
}

static void forget(void)
{
	keeps = true;
	n_wire = 0;
	memset(wire, 0, sizeof(wire));
}

static void rekey(void)
{
	if (sim_rekey(s.gcks, "video", &err))
		bail("%s", err.text);
}

static void restart(void)
{
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	g = TAILQ_FIRST(&s.gcks->groups);
}

/* ---- the state ------------------------------------------------------------ */

static unsigned int zero_spis(const struct gkm_state *st)
{
	unsigned int i, n = 0;

	for (i = 0; i < GKM_NEXT; i++)
		n += !(st->next_spi[i][0] & 0x80) ||
		     !(st->next_spi[i][8] & 0x80);
	return n;
}

/* All of 40 changes within one lifetime. */
static void test_retired(void)
{
	unsigned int i, k, bad = 0, zeros = 0, announced = 0, shifted = 0;
	uint8_t next[GIKE_SPI_LEN_REKEY];
	struct gkm_state was;
	uint32_t spi[40];

	usual(1);
	g->st.n_old = 0;
	for (i = 0; i < ARRAY_SIZE(spi); i++) {
		was = g->st;
		memcpy(next, g->st.next_spi[0], sizeof(next));
		spi[i] = gkm_spi(&g->st);
		rekey();
		sim_run(&s, 6000);
		zeros += zero_spis(&g->st);
		announced += !memcmp(g->st.rekey.spi, next, sizeof(next)) &&
			     !memcmp(g->st.next_spi[0], was.next_spi[1],
				     (GKM_NEXT - 1) * GIKE_SPI_LEN_REKEY);
		shifted += !memcmp(g->st.data[0].key.spi,
				   was.data[0].next_spi[0],
				   GIKE_SPI_LEN_DATA) &&
			   !memcmp(g->st.data[0].next_spi[0],
				   was.data[0].next_spi[1],
				   (GKM_NEXT - 1) * GIKE_SPI_LEN_DATA);
		is_int(g->st.n_old,
		       i < GKM_OLD_CHANGES ? i + 1 : GKM_OLD_CHANGES,
		       "change %u: the number of retired SAs", i);
		is_int(g->st.old[g->st.n_old - 1].until,
		       was.data[0].key.made + was.data[0].key.lifetime,
		       "change %u: the last one ends with its lifetime", i);
	}
	for (k = 0; k < GKM_OLD_CHANGES; k++)
		bad += g->st.old[k].spi !=
		       spi[ARRAY_SIZE(spi) - GKM_OLD_CHANGES + k];
	is_int(bad, 0, "the last ones are retired, in their order");
	is_int(zeros, 0, "no half of an SPI of a Rekey SA can be zero");
	is_int(announced, ARRAY_SIZE(spi),
	       "each Rekey SA has the SPI that was announced first");
	is_int(shifted, ARRAY_SIZE(spi),
	       "each Data SA has the SPI that was announced first");
	is_int(sim_out_of_step(&s), 0, "all have followed");
	sim_finish(&s, "retired");
}

/* SAs whose lifetime is over need no Delete any more. */
static void test_ended(void)
{
	uint32_t spi;

	usual(2);
	g->st.n_old = 3;
	for (spi = 0; spi < 3; spi++) {
		g->st.old[spi].spi = 0x1000 + spi;
		g->st.old[spi].until = group_wall(g) + (spi == 1 ? 1 : 0);
	}
	spi = gkm_spi(&g->st);
	rekey();
	is_int(g->st.n_old, 2, "an SA that has ended is dropped");
	is_int(g->st.old[0].spi, 0x1001, "an SA with a second left is kept");
	is_int(g->st.old[1].spi, spi, "the SA that was replaced is the last");
	sim_run(&s, 20000);
	sim_finish(&s, "ended");
}

static void test_exclusion(void)
{
	struct gkm_state was;
	unsigned int i, k, same = 0;
	uint32_t ms;

	usual(3);
	was = g->st;
	if (sim_evict(s.gcks, "video", "b.example", &ms, &err))
		bail("%s", err.text);
	ok(!memcmp(g->st.rekey.spi, was.next_spi[0], GIKE_SPI_LEN_REKEY),
	   "an exclusion uses the SPI that was announced");
	for (i = 0; i < GKM_NEXT; i++)
		for (k = 0; k < GKM_NEXT; k++)
			same += !memcmp(g->st.next_spi[i], was.next_spi[k],
					GIKE_SPI_LEN_REKEY) +
				!memcmp(g->st.data[0].next_spi[i],
					was.data[0].next_spi[k],
					GIKE_SPI_LEN_DATA);
	is_int(same, 0, "no other SPI that was announced is used again");
	is_int(zero_spis(&g->st), 0, "no half of a new SPI is zero");
	sim_run(&s, 20000);
	sim_finish(&s, "exclusion");
}

/* Another signing key, cipher and address are those of the change that has them. */
static void test_settings(void)
{
	uint64_t version, rekeys;
	uint32_t spi;

	usual(4);
	is_int(g->st.kek.encr, s.cg.kek_alg.encr, "the cipher is stored");
	is_int(g->st.kek.key_bits, s.cg.kek_alg.key_bits,
	       "settings: the key has the size that is set");
	is_int(g->st.kwa, s.cg.kwa, "the key wrap algorithm is stored");
	ok(ep_equal(&g->st.to, &s.cg.rekey_to), "the rekey address is stored");
	version = g->st.version;
	rekeys = g->rekeys;
	spi = gkm_spi(&g->st);
	sim_run(&s, 1500);
	rekey();
	is_int(g->change_out, TAILQ_FIRST(&g->out)->seq,
	       "the first message of a change is known");
	is_int(TAILQ_FIRST(&g->out)->from_spi, spi,
	       "the message has the Data SA that is replaced");
	is_int(g->st.version, version + 1, "a change has the next version");
	is_int(g->rekeys, rekeys + 1, "a change is counted");
	is_int(sim_audited(&s, "rekey", NULL, "requested"), 1,
	       "a change is in the trail");
	is_int(g->change_ms, s.ms, "the time of a change is now");
	is_int(g->change_times[g->rekeys % GKM_CHANGES], s.ms,
	       "the time of a change is kept by its number");
	is_int(g->st.time_ms, gkm_time_ms(g), "the state has the group's time");
	is_int(g->st.data[0].key.made, group_wall(g), "the Data SA begins now");
	is_int(g->st.rekey.made, group_wall(g), "the Rekey SA begins now");
	is_int(g->st.data[0].key.lifetime, s.cg.lifetime,
	       "the Data SA has its lifetime");
	is_int(g->st.rekey.lifetime, s.cg.kek_lifetime,
	       "the Rekey SA has its lifetime");
	is_int(g->n_confirmed, 0, "no sender has confirmed the new SA");
	is_int(g->confirmed_ms, 0, "the change is not confirmed");
	ok(g->fresh, "the Data SA is of this run");
	sim_run(&s, 20000);
	ok(g->confirmed_ms > 0, "the change is confirmed later");
	sim_finish(&s, "settings");
}

/* Message IDs are reserved for beats by a record that has the group's time. */
static void test_reserved(void)
{
	uint64_t version;

	usual(10);
	sim_run(&s, 10000);
	g->st.next_mid = g->rs.next_mid;
	version = g->st.version;
	forget();
	while (!n_wire)
		sim_run(&s, 1);
	is_int(g->st.time_ms, gkm_time_ms(g), "the state has the time");
	ok(g->st.next_mid > g->rs.next_mid, "Message IDs are reserved");
	is_int(g->st.version, version + 1, "the record is the next version");
	sim_finish(&s, "reserved");
}

/* An idle group whose disk is full says why it has no beats. */
static void test_unreserved(void)
{
	usual(11);
	sim_run(&s, 10000);
	s.store_errno = -ENOSPC;
	g->st.next_mid = g->rs.next_mid;
	forget();
	sim_run(&s, 60000);
	is_int(n_wire, 0, "without a Message ID no beat is sent");
	ok(sim_logged(&s, "store failed: Message IDs: No space left on device"),
	   "the log says why");
	s.store_errno = 0;
	while (!n_wire)
		sim_run(&s, 1);
	sim_finish(&s, "unreserved");
}

/* A change that the store refuses leaves tree and Message IDs as they were. */
static void test_failed(void)
{
	uint32_t mid, ms;

	usual(12);
	mid = g->rs.next_mid;
	s.store_errno = -ENOSPC;
	is_int(sim_evict(s.gcks, "video", "b.example", &ms, &err), -ENOSPC,
	       "failed: an eviction");
	s.store_errno = 0;
	is_int(g->rs.next_mid, mid, "failed: beats have the next Message ID");
	ok(g->change_mid > mid, "failed: the messages' IDs are not used again");
	sim_down(a);
	is_int(sim_evict(s.gcks, "video", "a.example", &ms, &err), 0,
	       "failed: the eviction of another member");
	sim_run(&s, 20000);
	is_int(sim_out_of_step(&s), 0, "failed: b has followed");
	is_int(sim_status(s.m[2]).registrations, 1,
	       "failed: b did not have to ask");
	sim_finish(&s, "failed");
}

/* A group that all have left is rekeyed for nobody. */
static void test_empty(void)
{
	int i;

	usual(13);
	for (i = 0; i < s.n; i++)
		member_leave(s.m[i]->m, NULL);
	sim_run(&s, 30000);
	is_int(sim_group(&s).members, 0, "empty: all have left");
	s.log_len = 0;
	s.log[0] = '\0';
	forget();
	rekey();
	is_int(n_wire, 0, "empty: no message");
	is_int(sim_log_count(&s, "group rekeyed: requested: Data SA"), 1,
	       "empty: a rekey is logged");
	is_int(sim_log_count(&s, ", no members to notify"), 1,
	       "empty: the log says that nobody was told");
	sim_finish(&s, "empty");
}

/* ---- the messages --------------------------------------------------------- */

/* Open message @i over @rs, which stays as it is. */
static void open_message(unsigned int i, const struct rekey_sa *rs,
			 struct rekey_msg *m)
{
	struct rekey_sa copy = *rs;
	enum rekey_rc rc;

	rekey_msg_init(m);
	copy.next_mid = 0;
	if (i >= n_wire)
		bail("there is no message %u", i);
	rc = rekey_open(&copy, wire[i].p, wire[i].len, m, &err);
	if (rc)
		bail("message %u: %s: %s", i, rekey_rc_name(rc), err.text);
}

static const struct rekey_sa *current(void)
{
	return &mrekey_current(TAILQ_FIRST(&a->m->groups))->rs;
}

static void check_data(const struct rekey_msg *m, const char *what)
{
	const struct delete_pld *d = &m->del[0];
	unsigned int i, bad = 0;

	ok(m->has_gsa && m->transport, "%s: a GSA for transport mode", what);
	is_int(m->gsa.n_data, 1, "%s: one Data SA", what);
	ok(!memcmp(m->gsa.data[0].spi, g->st.data[0].key.spi,
		   GIKE_SPI_LEN_DATA),
	   "%s: the Data SA is the key server's", what);
	is_int(m->gsa.data[0].lifetime, gkm_left(g, &g->st.data[0].key),
	       "%s: its lifetime is what is left", what);
	is_int(m->gsa.data[0].sn, GIKE_SN_32_UNSPEC,
	       "%s: sequence numbers tell no replay", what);
	is_int(m->gsa.data[0].n_next_spi, GKM_NEXT, "%s: next SPIs", what);
	ok(!memcmp(m->gsa.data[0].next_spi[GKM_NEXT - 1],
		   g->st.data[0].next_spi[GKM_NEXT - 1], GIKE_SPI_LEN_DATA),
	   "%s: the last of them is the key server's", what);
	is_int(m->n_del, 1, "%s: one Delete", what);
	is_int(d->proto, IKE_PROTO_ESP, "%s: of Data SAs", what);
	is_int(d->n, g->st.n_old, "%s: of all that are retired", what);
	for (i = 0; i < d->n; i++)
		bad += get_unaligned_be32(d->spi[i]) != g->st.old[i].spi;
	is_int(bad, 0, "%s: by their SPIs", what);
	ok(kd_find(&m->kd, IKE_PROTO_ESP, g->st.data[0].key.spi),
	   "%s: the key of the Data SA is in it", what);
}

static void test_rekey_message(void)
{
	struct rekey_sa before;
	struct rekey_msg m;

	usual(5);
	before = *current();
	forget();
	rekey();
	is_int(n_wire, 1, "rekey: one message");
	open_message(0, &before, &m);
	check_data(&m, "rekey");
	is_int(m.gsa.gw.made_ms, gkm_time_ms(g), "rekey: made now");
	is_int(m.gsa.gw.beat, s.cg.beat, "rekey: the interval of beats");
	is_int(m.gsa.gw.atd, s.cg.atd, "rekey: ATD");
	is_int(m.gsa.gw.dtd, s.cg.dtd, "rekey: DTD");
	ok(m.gsa.has_rekey, "rekey: a Rekey SA");
	ok(!memcmp(m.gsa.rekey.spi, g->st.rekey.spi, GIKE_SPI_LEN_REKEY),
	   "rekey: the Rekey SA is the key server's");
	is_int(m.gsa.rekey.n_next_spi, GKM_NEXT, "rekey: next Rekey SAs");
	ok(!memcmp(m.gsa.rekey.next_spi, g->st.next_spi,
		   sizeof(g->st.next_spi)),
	   "rekey: the next Rekey SAs are the key server's");
	is_int(m.gsa.rekey.lifetime, s.cg.kek_lifetime,
	       "rekey: lifetime of the Rekey SA");
	is_int(m.kd.auth_key_len, 0, "rekey: no signing key");
	rekey_msg_free(&m);
	sim_run(&s, 3500);
	is_int(wire[0].copies, 3, "rekey: three copies");
	is_int(n_wire, 1, "rekey: no second message");
	sim_run(&s, 16500);
	sim_finish(&s, "rekey message");
}

static void test_beat_message(void)
{
	struct rekey_msg m;

	usual(6);
	rekey();
	sim_run(&s, 14000);
	forget();
	while (!n_wire)
		sim_run(&s, 1);
	open_message(0, current(), &m);
	check_data(&m, "beat");
	ok(!m.gsa.has_rekey, "beat: no Rekey SA");
	is_int(m.gsa.gw.made_ms, gkm_time_ms(g), "beat: made now");
	is_int(m.gsa.gw.atd, 0, "beat: nothing of ATD is left");
	is_int(m.gsa.gw.dtd, s.cg.dtd, "beat: DTD");
	is_int(m.gsa.gw.n_next_rekey, GKM_NEXT, "beat: next Rekey SAs");
	ok(!memcmp(m.gsa.gw.next_rekey, g->st.next_spi, sizeof(g->st.next_spi)),
	   "beat: the next Rekey SAs are the key server's");
	rekey_msg_free(&m);
	sim_run(&s, 5000);
	is_int(wire[0].copies, 1, "beat: one copy");
	sim_finish(&s, "beat message");
}

static void test_exclusion_messages(void)
{
	struct rekey_sa before;
	struct rekey_msg m;
	uint64_t made_ms;
	uint32_t ms;

	usual(7);
	before = *current();
	forget();
	if (sim_evict(s.gcks, "video", "b.example", &ms, &err))
		bail("%s", err.text);
	made_ms = gkm_time_ms(g);
	sim_run(&s, 1000);
	is_int(n_wire, 2, "exclusion: two messages");
	open_message(0, &before, &m);
	is_int(m.gsa.n_data, 0, "exclusion, first: no Data SA");
	ok(!kd_find(&m.kd, IKE_PROTO_ESP, g->st.data[0].key.spi),
	   "exclusion, first: no key of one");
	ok(m.gsa.has_rekey, "exclusion, first: a Rekey SA");
	is_int(m.gsa.rekey.n_next_spi, 0,
	       "exclusion, first: no SPI is announced to who is out");
	is_int(m.gsa.gw.n_next_rekey, 0,
	       "exclusion, first: the policy of the group has no SPI");
	is_int(m.n_del, 0, "exclusion, first: no Delete");
	is_int(m.gsa.gw.made_ms, made_ms, "exclusion, first: made then");
	rekey_msg_free(&m);
	open_message(1, current(), &m);
	ok(!m.gsa.has_rekey, "exclusion, second: no Rekey SA");
	is_int(m.gsa.gw.made_ms, made_ms, "exclusion, second: made then");
	is_int(m.gsa.gw.atd, s.cg.evict_atd, "exclusion, second: ATD");
	is_int(m.gsa.gw.dtd, s.cg.evict_atd + 5, "exclusion, second: DTD");
	is_int(m.gsa.gw.n_next_rekey, GKM_NEXT,
	       "exclusion, second: next Rekey SAs");
	ok(!memcmp(m.gsa.gw.next_rekey, g->st.next_spi, sizeof(g->st.next_spi)),
	   "exclusion, second: they are the key server's");
	rekey_msg_free(&m);
	sim_run(&s, 20000);
	sim_finish(&s, "exclusion messages");
}

/* A new signing key is announced by the old one. */
static void test_signing_message(void)
{
	struct rekey_sa before;
	struct rekey_msg m;

	usual(8);
	before = *current();
	forget();
	if (sim_renew_signing_key(s.gcks, "video", &err))
		bail("%s", err.text);
	open_message(0, &before, &m);
	ok(m.kd.auth_key_len > 0, "signing key: the message has it");
	rekey_msg_free(&m);
	is_int(g->st.sign_made, group_wall(g), "signing key: the time is now");
	is_int(g->st.asked, 0, "signing key: nothing more is asked for");
	sim_run(&s, 20000);
	is_int(sim_out_of_step(&s), 0, "signing key: all follow");
	sim_finish(&s, "signing message");
}

static void test_delete_all(void)
{
	struct rekey_sa before;
	struct rekey_msg m;

	usual(9);
	before = *current();
	forget();
	s.store_errno = -ENOSPC;
	is_int(sim_reset(s.gcks, "video", &err), -ENOSPC,
	       "Delete all: a reset that cannot be stored");
	is_int(n_wire, 0, "Delete all: nothing is said then");
	is_int(sim_group(&s).members, 3, "Delete all: nobody is out");
	s.store_errno = 0;
	if (sim_reset(s.gcks, "video", &err))
		bail("%s", err.text);
	is_int(n_wire, 1, "Delete all: one message");
	open_message(0, &before, &m);
	ok(!m.has_gsa, "Delete all: no policy");
	is_int(m.n_del, 2, "Delete all: two Deletes");
	is_int(m.del[0].proto, IKE_PROTO_ESP, "Delete all: of the Data SAs");
	is_int(m.del[1].proto, GIKE_PROTO_GIKE_UPDATE,
	       "Delete all: of the Rekey SA");
	ok(delete_is_all(&m.del[0]) && delete_is_all(&m.del[1]),
	   "Delete all: of all of them");
	rekey_msg_free(&m);
	is_int(g->st.keyed, 0, "Delete all: there are no keys");
	is_int(g->st.n_old, 0, "Delete all: nothing is retired");
	is_int(g->st.next_sid, 0, "Delete all: Sender-IDs begin at 0");
	is_int(g->st.next_mid, 0, "Delete all: Message IDs begin at 0");
	is_int(g->st.sign_made, group_wall(g),
	       "Delete all: another signing key");
	ok(!g->fresh, "Delete all: no Data SA of this run");
	is_int(g->restarts, 1, "Delete all: a reset is counted");
	is_int(g->rs.gsk_e_len, 0, "Delete all: the Rekey SA is wiped");
	sim_run(&s, 60000);
	is_int(sim_out_of_step(&s), 0, "Delete all: all are back");
	restart();
	rekey();
	sim_run(&s, 10000);
	is_int(sim_out_of_step(&s), 0,
	       "Delete all: the new signing key is that of a restart");
	sim_finish(&s, "Delete all");
}

static void keep_answer(struct sim *sim, struct sim_member *m, struct gsa *gsa,
			struct kd *kd)
{
	(void)sim;
	(void)kd;
	if (m == a)
		answered = *gsa;
}

/* An answer says which messages over the Rekey SA came before it. */
static void test_answer(void)
{
	usual(15);
	s.answer = keep_answer;
	rekey();
	is_int(g->rs.next_mid, 0, "answer: no message over the Rekey SA");
	register_now(TAILQ_FIRST(&a->m->groups));
	sim_run(&s, 200);
	ok(answered.has_rekey && !(answered.rekey.has & GSA_HAS_INITIAL_MID),
	   "answer: no Message ID is before it");
	sim_run(&s, 40000);
	ok(g->rs.next_mid > 0, "answer: beats have gone out");
	register_now(TAILQ_FIRST(&a->m->groups));
	sim_run(&s, 200);
	ok(answered.rekey.has & GSA_HAS_INITIAL_MID,
	   "answer: the first Message ID that counts is told");
	is_int(answered.rekey.initial_mid, g->rs.next_mid,
	       "answer: that is the next one");
	s.answer = NULL;
	sim_finish(&s, "answer");
}

/*
 * The cipher of rekeys, or the algorithm that wraps their keys, is another one while
 * the key server is down. Members are told over the Rekey SA that they have.
 */
static void test_other_ciphers(bool wrap)
{
	struct rekey_sa before;
	struct rekey_msg m;

	usual(16 + wrap);
	before = *current();
	forget();
	sim_gcks_down(&s);
	if (wrap)
		s.cg.kwa = GIKE_KWA_5649_128;
	else
		s.cg.kek_alg.encr = IKE_ENCR_CHACHA20_POLY1305;
	sim_gcks_up(&s);
	g = TAILQ_FIRST(&s.gcks->groups);
	is_int(g->restarts, 1, "wrap %d: the group starts anew", wrap);
	open_message(0, &before, &m);
	is_int(m.n_del, 2, "wrap %d: members are told to delete all", wrap);
	rekey_msg_free(&m);
	/* IKE SAs of the simulation have one algorithm for wrapping. */
	if (!wrap) {
		sim_run(&s, 90000);
		is_int(sim_out_of_step(&s), 0, "other cipher: all are back");
		is_int(current()->encr, IKE_ENCR_CHACHA20_POLY1305,
		       "other cipher: rekeys have it");
	}
	sim_finish(&s, "other ciphers");
}

/* Members listen where they were told to, also while the key server is @down. */
static void test_other_address(bool down)
{
	struct ep was;

	usual(18 + down);
	was = s.cg.rekey_to;
	forget();
	ep_parse("239.1.1.253:848", 0, &s.cg.rekey_to);
	if (down)
		restart();
	else
		is_int(sim_reload(&s, &err), 0, "other address: a reload");
	is_int(n_wire, 1, "other address: one message");
	ok(ep_equal(&wire[0].to, &was),
	   "other address: the message goes to the former one");
	sim_run(&s, 60000);
	is_int(sim_out_of_step(&s), 0, "other address: all are back");
	sim_finish(&s, "other address");
}

/* Another algorithm of the Data SA begins with a group without members. */
static void test_other_algorithm(void)
{
	usual(11);
	forget();
	s.cg.alg.key_bits = 256;
	is_int(sim_reload(&s, &err), 0, "other algorithm: a reload");
	is_int(n_wire, 1, "other algorithm: members are told");
	is_int(g->conf->alg.key_bits, 256,
	       "other algorithm: the policy is the new one");
	sim_run(&s, 60000);
	is_int(g->restarts, 1, "other algorithm: all were out once");
	is_int(g->st.data[0].key.len, 36,
	       "other algorithm: keys have its size");
	is_int(sim_out_of_step(&s), 0, "other algorithm: all are back");
	sim_finish(&s, "other algorithm");
}

int main(void)
{
	sim_order_init(&s);
	RUN(test_retired);
	RUN(test_ended);
	RUN(test_exclusion);
	RUN(test_settings);
	RUN(test_reserved);
	RUN(test_unreserved);
	RUN(test_failed);
	RUN(test_empty);
	RUN(test_rekey_message);
	RUN(test_beat_message);
	RUN(test_exclusion_messages);
	RUN(test_signing_message);
	RUN(test_delete_all);
	RUN(test_other_algorithm);
	RUN(test_other_address, false);
	RUN(test_other_address, true);
	RUN(test_answer);
	RUN(test_other_ciphers, false);
	RUN(test_other_ciphers, true);
	return done();
}
