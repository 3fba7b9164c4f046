// SPDX-License-Identifier: Apache-2.0
/*
 * Requests that wait for a batch or for a change in flight, while what they were
 * judged by changes: algorithms, the certificate, the limit of a membership.
 */
#include "gcks/gmc.h"
#include "gcks/group.h"
#include "group_sim.h"
#include "ike/psk.h"
#include "ike/sa.h"
#include "tap.h"
#include "wire/proto.h"

#define BATCH_MS 20000

static struct sim s;
static struct sim_member *x;
static struct err err;
static bool offers_all;

/* Leave AES with 128 bits alone in what the members x* offer. */
static void only_128(struct sa_pld *sag)
{
	unsigned int i, k, n;

	for (i = 0; i < sag->n; i++) {
		struct proposal *p = &sag->p[i];

		for (k = n = 0; k < p->n; k++)
			if (p->proto != IKE_PROTO_ESP ||
			    p->t[k].type != IKE_TT_ENCR ||
			    p->t[k].key_bits == 128)
				p->t[n++] = p->t[k];
		p->n = n;
	}
}

static enum gike_when offer_128(void *ctx, struct ike_sa *sa,
				const struct gike_req *req,
				struct gike_reply *reply)
{
	static struct sa_pld sag;
	struct gike_req r = *req;

	(void)ctx;
	if (r.peer_name[0] == 'x' && r.sag && !offers_all) {
		sag = *r.sag;
		only_128(&sag);
		r.sag = &sag;
	}
	return gcks_group_request(s.gcks, sa, &r, reply);
}

static void start(uint64_t seed, unsigned int store_ms, unsigned int batch_ms)
{
	sim_init(&s, seed);
	s.store_ms = store_ms;
	sim_start_three(&s, true, 20000, 20);
	s.engine->ops.group_request = offer_128;
	s.cg.batch_join_ms = batch_ms;
	if (sim_reload(&s, &err))
		bail("%s", err.text);
	x = sim_add(&s, "x.example", false, true);
}

static void finish(const char *when)
{
	is_int(s.n_unsent, 0, "%s: the sender always had a key", when);
	is_int(s.iv_repeats, 0, "%s: no IV was used twice", when);
	sim_free(&s);
}

static void test_algorithm_in_batch(void)
{
	start(1, 0, BATCH_MS);
	sim_up(x);
	sim_run(&s, 1000);
	is_int(sim_group(&s).pending, 1, "the request waits for the batch");
	s.cg.alg.key_bits = 256;
	is_int(sim_reload(&s, &err), 0, "another algorithm meanwhile");
	sim_run(&s, BATCH_MS + 5000);
	ok(!sim_has_member(&s, "x.example"),
	   "the batch lets nobody in who does not offer the algorithm");
	is_int(x->notify, IKE_N_NO_PROPOSAL_CHOSEN,
	       "the refusal says that the algorithms differ");
	sim_down(x);
	sim_run(&s, 30000);
	is_int(sim_out_of_step(&s), 0, "the others are in step");
	finish("algorithm, batch");
}

/* The change of the algorithm itself is in flight when the request comes. */
static void test_algorithm_in_flight(bool member)
{
	const char *who = member ? "member" : "newcomer";

	start(2 + member, 5, 0);
	if (member) {
		offers_all = true;
		sim_up(x);
		if (!sim_settle(&s, 60000))
			bail("x is not in");
		sim_run(&s, 20000);
	}
	offers_all = false;
	s.store_ms = 2000;
	s.cg.alg.key_bits = 256;
	if (member)
		sim_down(x);
	sim_up(x);
	sim_run(&s, 5);
	is_int(sim_reload(&s, &err), 0, "%s: another algorithm", who);
	s.store_ms = 5;
	sim_run(&s, 60000);
	ok(!sim_has_member(&s, "x.example"),
	   "%s: who does not offer the new algorithm has no keys", who);
	is_int(x->notify, IKE_N_NO_PROPOSAL_CHOSEN, "%s: the refusal says why",
	       who);
	sim_down(x);
	is_int(sim_out_of_step(&s), 0, "%s: the others are in step", who);
	finish(who);
}

static void test_certificate_in_batch(void)
{
	unsigned int keys;

	start(4, 0, BATCH_MS);
	s.cert_s = 10;
	x = sim_add(&s, "y.example", false, true);
	sim_up(x);
	sim_run(&s, 1000);
	is_int(sim_group(&s).pending, 1, "the request waits for the batch");
	keys = x->mk.n_sas;
	sim_run(&s, BATCH_MS + 5000);
	is_int(sim_audited(&s, "join", "y.example", NULL), 0,
	       "a peer does not join if its certificate ended meanwhile");
	is_int(x->mk.n_sas, keys, "the peer gets no keys");
	ok(sim_audited(&s, "refuse", "y.example", "certificate has expired"),
	   "the trail says why");
	finish("certificate");
}

static void test_age_in_batch(void)
{
	struct gmember *m;

	start(5, 0, BATCH_MS);
	sim_up(x);
	sim_run(&s, 1000);
	s.cg.membership_lifetime = 600;
	is_int(sim_reload(&s, &err), 0, "memberships end with an age from now");
	sim_run(&s, BATCH_MS + 5000);
	ok(sim_in(x), "the request that waited is granted");
	m = gmc_find(TAILQ_FIRST(&s.gcks->groups), "x.example");
	ok(m && m->term_ms, "the membership has the age limit of today");
	finish("age");
}

/*
 * A peer that a pre-shared key authenticates may have ID_KEY_ID, which lists
 * name like any other identity.
 */
static void test_key_id(void)
{
	static char *names[] = { "*.example", "key-id:PLC-7" };
	struct gike_req req = { .peer_name = "key-id:plc-7", .token = 1 };
	struct gike_reply reply;
	struct ike_id peer;
	uint32_t ms;

	start(6, 0, 0);
	s.cg.receivers.v = names;
	s.cg.receivers.n = 2;
	if (sim_reload(&s, &err))
		bail("%s", err.text);
	id_set(&req.idg, IKE_ID_KEY_ID, "video", 5);
	if (peer_id_parse(&peer, "key-id:plc-7"))
		bail("no identity");
	req.peer = &peer;
	is_int(gcks_group_request(s.gcks, LIST_FIRST(&s.engine->sas), &req,
				  &reply),
	       GIKE_LATER, "a member with ID_KEY_ID is taken");
	sim_run(&s, 10000);
	ok(sim_has_member(&s, "key-id:plc-7"),
	   "a member with ID_KEY_ID is in the roster");
	is_int(sim_evict(s.gcks, "video", "key-id:PLC-7", &ms, &err), 0,
	       "an eviction finds it: %s", err.text);
	req.token = 2;
	is_int(gcks_group_request(s.gcks, LIST_FIRST(&s.engine->sas), &req,
				  &reply),
	       GIKE_NOW, "an evicted member with ID_KEY_ID is not taken");
	is_int(reply.notify, GIKE_N_AUTHORIZATION_FAILED,
	       "because it was evicted");
	if (peer_id_parse(&peer, "key-id:plc-8"))
		bail("no identity");
	gcks_group_request(s.gcks, LIST_FIRST(&s.engine->sas), &req, &reply);
	is_int(reply.notify, GIKE_N_AUTHORIZATION_FAILED,
	       "another one has no right");
	finish("ID_KEY_ID");
}

int main(void)
{
	RUN(test_algorithm_in_batch);
	RUN(test_algorithm_in_flight, false);
	RUN(test_algorithm_in_flight, true);
	RUN(test_certificate_in_batch);
	RUN(test_age_in_batch);
	RUN(test_key_id);
	return done();
}
