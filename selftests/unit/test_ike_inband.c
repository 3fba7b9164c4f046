// SPDX-License-Identifier: Apache-2.0
/* GSA_INBAND_REKEY between two engines (RFC 9838 sections 2.4.2 and 2.4.3). */
#include <errno.h>

#include "gsa_good.h"
#include "ike/sa.h"
#include "ike_pair.h"
#include "lib/util.h"
#include "tap.h"

static struct ike_id video;

static void begin(void)
{
	pair_setup(NULL, NULL);
	id_set(&video, IKE_ID_KEY_ID, "video", 5);
	node_join(m, g, GCKS, false);
	net_run(&net);
	if (!m->seen.registered || !g->sa)
		bail("not registered");
	node_clear(m);
	node_clear(g);
}

static void rfc9838_2_4_2_keys(void)
{
	begin();
	is_int(ike_inband(g->sa, &video), 0, "a rekey is sent");
	net_run(&net);
	is_int(m->seen.inband, 1, "the member gets it");
	ok(m->seen.inband_keys && !m->seen.tek_ret,
	   "the key unwraps with GSK_w of the IKE SA");
	ok(m->seen.transport, "transport mode came");
	is_str(m->seen.inband_group, "video", "N(MCSEC_GROUP) names the group");
	is_int(g->seen.inband_done, 1, "the member has answered");
	is_int(g->seen.inband_notify, 0, "the answer has no error");
	is_int(ike_inband(m->sa, &video), -EINVAL,
	       "a member cannot send one by the interface");
	/* A rekey without need is dropped, and the next request goes. */
	g->no_inband = true;
	is_int(ike_inband(g->sa, &video), 0, "a rekey is queued");
	is_int(net.n_queue, 0, "nothing is sent if there is nothing to send");
	g->no_inband = false;
	is_int(ike_inband(g->sa, &video), 0, "another rekey is sent");
	net_run(&net);
	is_int(m->seen.inband, 2, "the member gets the other one");
	pair_teardown();
}

static void rfc9838_2_4_3_delete(void)
{
	begin();
	is_int(ike_inband_exclude(g->sa, &video), 0, "an exclusion is sent");
	net_step(&net);
	is_int(net.n_queue, 1, "there is one answer");
	net_run(&net);
	is_int(m->seen.inband, 1, "the member gets it");
	ok(!m->seen.inband_keys, "the exclusion has no keys");
	is_int(m->seen.inband_deletes, 2,
	       "the exclusion has Deletes of ESP and GIKE_UPDATE");
	is_int(g->seen.inband_done, 0, "no keys are confirmed by it");
	ok(g->sa && ike_sa_is_up(g->sa) && !g->sa->my_busy,
	   "the IKE SA stays, and the request is answered");
	pair_teardown();
}

/* Retransmission is that of IKEv2, and quicker at first. */
static void rfc9838_2_4_2_retransmitted(void)
{
	static const uint32_t at[] = { 250, 750, 1750, 3750, 7750 };
	unsigned int i, n;

	begin();
	ike_inband(g->sa, &video);
	pair_drop_all();
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		net_pass(&net, (i ? at[i] - at[i - 1] : at[i]) - 1, false);
		n = ike_engine_stats(g->engine)->rexmit;
		net_pass(&net, 1, false);
		is_int(ike_engine_stats(g->engine)->rexmit, n + 1,
		       "sent again after %u ms", at[i]);
	}
	/* The next one arrives, and twice: the member takes it once. */
	timerq_next_ms(&net.tq);
	while (!net.n_queue) {
		net.ms += timerq_next_ms(&net.tq);
		timerq_run(&net.tq);
	}
	net_dup(&net, 0);
	net_run(&net);
	is_int(m->seen.inband, 1, "the member takes it once");
	is_int(g->seen.inband_done, 1, "one answer is taken");
	/* No answer ever: the IKE SA ends, and nothing else happens. */
	ike_inband(g->sa, &video);
	pair_drop_all();
	net_pass(&net, 60000, false);
	is_int(g->seen.sa_closed, 1, "without an answer the IKE SA ends");
	is_str(g->seen.reason, "no answer to GSA_INBAND_REKEY after 9 tries",
	       "the reason is given");
	is_int(g->seen.inband_done, 1, "nothing is confirmed");
	pair_teardown();
}

/* A renewed IKE SA has another GSK_w: the keys are wrapped when they are sent. */
static void rfc9838_3_4_renewed(void)
{
	begin();
	is_int(ike_rekey(g->sa), 0, "a renewal begins");
	is_int(ike_inband(g->sa, &video), 0, "a rekey waits behind it");
	net_run(&net);
	is_int(m->seen.inband, 1, "the member gets it");
	is_int(m->seen.tek_ret, 0, "the key unwraps with the new GSK_w");
	is_int(g->seen.inband_done, 1,
	       "the member has answered over the new IKE SA");
	pair_teardown();
}

/* ---- attributes that are not allowed ---------------------------------------------- */

static void (*alter)(struct gsa *gsa, struct kd *kd);
static bool only_gsa, only_kd, with_ike_delete, with_delete, nothing;
static uint8_t malformed; /* type of the payload */
static const char *name; /* in N(MCSEC_GROUP); NULL: none */

/* A payload whose only substructure is longer than itself. */
static void put_malformed(struct pchain *c, uint8_t type)
{
	static const uint8_t body[] = { 0, 0, 0xff, 0xff, 1, 2, 3, 4 };

	pchain_begin(c, type);
	wbuf_put(c->w, body, sizeof(body));
	pchain_end(c);
}

/* Build a request that no key server would send. */
static int bad_request(struct ike_sa *sa, const struct ike_task *t)
{
	static struct gsa gsa;
	const struct delete_pld del = { .proto = IKE_PROTO_IKE };
	const struct delete_pld esp = { .proto = IKE_PROTO_ESP,
					.spi_len = 4,
					.n = 1 };
	uint8_t key[20] = { 1 };
	struct kd_bag *bag;
	struct kd_key k;
	struct pchain c;
	struct wbuf w;
	struct kd kd;
	int ret;

	(void)t;
	memset(&gsa, 0, sizeof(gsa));
	kd_init(&kd);
	gsa.n_data = 1;
	data_sa(&gsa.data[0]);
	gsa.data[0].key_bits = 128;
	gsa.gw.present = true;
	kwk_wrap(ike_sa_kwk(sa), 0, 0, key, sizeof(key), &k);
	kd_bag(&kd, IKE_PROTO_ESP, gsa.data[0].spi, &bag);
	kd_bag_add(bag, &k);
	if (alter)
		alter(&gsa, &kd);
	wbuf_init(&w, IKE_INNER_MAX);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	if (malformed == GIKE_PLD_GSA)
		put_malformed(&c, GIKE_PLD_GSA);
	else if (!nothing && !only_kd)
		gsa_build(&c, &gsa);
	if (malformed == GIKE_PLD_KD)
		put_malformed(&c, GIKE_PLD_KD);
	else if (!nothing && !only_gsa)
		kd_build(&c, &kd);
	if (with_ike_delete)
		delete_build(&c, &del);
	if (with_delete)
		delete_build(&c, &esp);
	if (name)
		notify_build(&c, MCSEC_N_GROUP, name, strlen(name));
	ret = sa_request(sa, GIKE_XCHG_GSA_INBAND_REKEY, c.first, &w);
	wbuf_free(&w);
	kd_free(&kd);
	return ret;
}

static void next_spi(struct gsa *gsa, struct kd *kd)
{
	(void)kd;
	gsa->data[0].n_next_spi = 1;
	gsa->data[0].next_spi[0][0] = 1;
}

static void initial_mid(struct gsa *gsa, struct kd *kd)
{
	(void)kd;
	gsa->data[0].has |= GSA_HAS_INITIAL_MID;
}

static void sid_bits(struct gsa *gsa, struct kd *kd)
{
	(void)kd;
	gsa->gw.has |= GWP_HAS_SENDER_ID_BITS;
	gsa->gw.sender_id_bits = 16;
}

static void sender_id(struct gsa *gsa, struct kd *kd)
{
	(void)gsa;
	kd_add_sender_id(kd, 7);
}

static void wrap_key(struct gsa *gsa, struct kd *kd)
{
	struct kd_key k = kd->bags[0].keys[0];

	(void)gsa;
	k.key_id = 5;
	kd_wrap_add(kd, &k);
}

static void auth_key(struct gsa *gsa, struct kd *kd)
{
	(void)gsa;
	kd_set_auth_key(kd, (const uint8_t *)"\x30\x00", 2);
}

static void rekey_policy(struct gsa *gsa, struct kd *kd)
{
	(void)kd;
	gsa->has_rekey = true;
	rekey_sa(&gsa->rekey);
}

static void no_key(struct gsa *gsa, struct kd *kd)
{
	(void)gsa;
	kd_free(kd);
}

static void refused(const char *what)
{
	is_int(ike_inband(g->sa, &video), 0, "%s: sent", what);
	net_run(&net);
	is_int(m->seen.inband, 0, "%s: the member takes nothing of it", what);
	is_int(g->seen.inband_notify, IKE_N_INVALID_SYNTAX,
	       "%s: the answer is INVALID_SYNTAX", what);
	is_int(m->seen.sa_closed, 1, "%s: the IKE SA ends", what);
	is_int(ike_engine_stats(m->engine)->in_syntax, 1, "%s: counted", what);
}

static void good_request(void)
{
	alter = NULL;
	only_gsa = false;
	only_kd = false;
	with_ike_delete = false;
	with_delete = false;
	nothing = false;
	malformed = 0;
	name = NULL;
}

static void begin_bad(void)
{
	begin();
	node_exchange(g, GIKE_XCHG_GSA_INBAND_REKEY, bad_request,
		      inband_got_answer);
	good_request();
}

static void rfc9838_5_inband(void)
{
	static const struct {
		const char *what;
		void (*alter)(struct gsa *gsa, struct kd *kd);
	} bad[] = {
		{ "GSA_NEXT_SPI", next_spi },
		{ "GSA_INITIAL_MESSAGE_ID", initial_mid },
		{ "GWP_SENDER_ID_BITS", sid_bits },
		{ "GM_SENDER_ID", sender_id },
		{ "WRAP_KEY", wrap_key },
		{ "AUTH_KEY", auth_key },
		{ "a Rekey SA with GCAUTH", rekey_policy },
		{ "no key", no_key },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		begin_bad();
		alter = bad[i].alter;
		refused(bad[i].what);
		pair_teardown();
	}
	begin_bad();
	only_gsa = true;
	refused("GSA without KD");
	pair_teardown();
	begin_bad();
	only_gsa = true;
	with_delete = true;
	refused("GSA without KD, and a Delete");
	pair_teardown();
	begin_bad();
	only_kd = true;
	with_delete = true;
	refused("KD without GSA, and a Delete");
	pair_teardown();
	begin_bad();
	malformed = GIKE_PLD_GSA;
	refused("a malformed GSA");
	pair_teardown();
	begin_bad();
	malformed = GIKE_PLD_KD;
	refused("a malformed KD");
	pair_teardown();
	begin_bad();
	name = "";
	refused("an empty name of the group");
	pair_teardown();
	begin_bad();
	with_ike_delete = true;
	refused("a Delete of the IKE SA");
	pair_teardown();
	begin_bad();
	nothing = true;
	refused("an empty request");
	pair_teardown();
}

static void unknown_sn(struct gsa *gsa, struct kd *kd)
{
	(void)kd;
	gsa->data[0].sn = 99;
}

static void rfc9838_2_4_2_not_supported(void)
{
	begin_bad();
	alter = unknown_sn;
	with_delete = true;
	ike_inband(g->sa, &video);
	net_run(&net);
	is_int(g->seen.inband_notify, 0, "the answer is empty");
	is_int(g->seen.inband_done, 1,
	       "the key server takes that as an answer");
	is_int(m->seen.inband, 1, "the group layer is told");
	ok(!m->seen.inband_keys, "the group layer gets no keys");
	is_int(m->seen.inband_deletes, 0, "the group layer gets no Deletes");
	is_str(m->seen.inband_unusable, "SN 99", "the group layer is told why");
	ok(m->sa && ike_sa_is_up(m->sa), "the IKE SA stays");
	is_str(m->seen.inband_group, "", "the group was not named");
	pair_teardown();
}

static void build_next_spi(struct gike_inband *msg)
{
	next_spi(&msg->gsa, &msg->kd);
}

static void build_delete(struct gike_inband *msg)
{
	msg->has_keys = false;
	msg->n_del = 1;
	msg->del[0].proto = IKE_PROTO_ESP;
	msg->del[0].spi_len = 4;
	msg->del[0].n = 1;
}

/* The key server checks what it sends by the rules of the member. */
static void rfc9838_5_built(void)
{
	begin();
	g->alter_inband = build_delete;
	is_int(ike_inband(g->sa, &video), 0, "Deletes without keys are sent");
	net_run(&net);
	is_int(m->seen.inband_deletes, 1, "Deletes without keys arrive");
	ok(m->sa && ike_sa_is_up(m->sa), "Deletes leave the IKE SA up");
	g->alter_inband = build_next_spi;
	ike_inband(g->sa, &video);
	is_int(net.n_queue, 0, "GSA_NEXT_SPI is never sent inband");
	is_int(g->seen.sa_closed, 1, "the IKE SA without rekeys ends");
	g->alter_inband = NULL;
	pair_teardown();
}

/* Only the key server may send one. */
static void by_a_member(void)
{
	struct ike_task t = { .xchg = GIKE_XCHG_GSA_INBAND_REKEY };

	begin();
	t.idg = video;
	node_exchange(m, GIKE_XCHG_GSA_INBAND_REKEY, bad_request,
		      inband_got_answer);
	good_request();
	sa_ask(m->sa, &t);
	net_run(&net);
	is_int(g->seen.inband, 0, "a key server takes none");
	is_int(m->seen.inband_notify, IKE_N_INVALID_SYNTAX,
	       "the answer is INVALID_SYNTAX");
	pair_teardown();
}

int main(void)
{
	RUN(rfc9838_2_4_2_keys);
	RUN(rfc9838_2_4_3_delete);
	RUN(rfc9838_2_4_2_retransmitted);
	RUN(rfc9838_3_4_renewed);
	RUN(rfc9838_5_inband);
	RUN(rfc9838_2_4_2_not_supported);
	RUN(rfc9838_5_built);
	RUN(by_a_member);
	return done();
}
