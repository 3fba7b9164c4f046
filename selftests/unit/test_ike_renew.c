// SPDX-License-Identifier: Apache-2.0
/*
 * Renewal of an IKE SA by CREATE_CHILD_SA (RFC 7296 sections 1.3.2, 2.8, 2.18,
 * 2.25), begun by either side or by both at once, with loss, and with peers that
 * misuse it.
 */
#include <errno.h>

#include "crypto/prf.h"
#include "ike/exchange.h"
#include "ike_renewal.h"
#include "lib/log.h"
#include "lib/util.h"
#include "tap.h"

/* The member or the key server begins. */
static void rfc7296_2_18_either_side(void)
{
	for (int by = 0; by < 2; by++) {
		const char *who = by ? "key server" : "member";
		char before[64];
		uint8_t gsk_w[32];
		uint64_t serial;

		setup();
		serial = ike_sa_serial(gsa);
		snprintf(before, sizeof(before), "%s", ike_sa_name(gsa));
		memcpy(gsk_w, ike_sa_kwk(gsa)->key, 32);
		node_clear(g);
		node_clear(m);
		is_int(ike_rekey(by ? gsa : msa), 0, "%s begins", who);
		is_int(ike_rekey(by ? gsa : msa), -EALREADY,
		       "%s does not begin twice", who);
		net_run(&net);
		ok(strcmp(before, ike_sa_name(gsa)), "%s: other SPIs", who);
		ok(memcmp(gsk_w, ike_sa_kwk(gsa)->key, 32), "%s: another GSK_w",
		   who);
		is_int(msa->my_mid, 0, "%s: Message IDs begin with 0", who);
		is_int(gsa->my_mid, 0, "%s: at both ends", who);
		is_int(sas_of(g), 1, "%s: the old one is gone", who);
		is_int(sas_of(m), 1, "%s: at the member, too", who);
		is_int(g->seen.closed + m->seen.closed + g->seen.sa_closed +
			       m->seen.sa_closed,
		       0, "%s: nothing ended for the users", who);
		is_int(g->seen.up + m->seen.up, 0, "%s: nothing new came up",
		       who);
		is_int(ike_sa_serial(gsa), serial, "%s: the serial stays", who);
		ok(!ike_sa_is_initiator(gsa) && ike_sa_is_initiator(msa),
		   "%s: the roles stay", who);
		agrees(who);
		/* Once more, over the renewed one, by the other side. */
		net_pass(&net, 11000, true);
		is_int(ike_rekey(by ? msa : gsa), 0,
		       "the other side begins later");
		net_run(&net);
		is_int(ike_engine_stats(g->engine)->rekeyed, 2,
		       "renewed twice");
		agrees("renewed twice");
		ike_close(by ? gsa : msa, "done");
		net_run(&net);
		is_int(sas_of(g) + sas_of(m), 0, "closed at both ends");
		pair_teardown();
	}
}

/* SKEYSEED = prf(SK_d (old), g^ir (new) | Ni | Nr), by the old PRF. */
static void rfc7296_2_18_seed(void)
{
	uint8_t ni_octets[32] = { 1 }, nr_octets[16] = { 2 },
		shared[32] = { 3 };
	const struct blob ni = { ni_octets, 32 }, nr = { nr_octets, 16 };
	const struct ike_suite s = { .prf = IKE_PRF_HMAC_SHA2_384 };
	struct ike_suite none = { .prf = 99 };
	struct ike_keys old = { .have = true, .prf_len = 48 };
	uint8_t in[80], want[48];
	struct ike_seed seed;

	memset(old.sk_d, 0x5c, 48);
	memcpy(in, shared, 32);
	memcpy(in + 32, ni_octets, 32);
	memcpy(in + 64, nr_octets, 16);
	prf_one(IKE_PRF_HMAC_SHA2_384, old.sk_d, 48, in, sizeof(in), want);
	is_int(seed_of_rekey(&seed, &s, &old, &ni, &nr, shared, 32), 0,
	       "the seed is made");
	is_mem(seed.p, seed.len, want, 48, "prf(SK_d, g^ir | Ni | Nr)");
	is_int(seed_of_rekey(&seed, &none, &old, &ni, &nr, shared, 32),
	       -ENOTSUP, "no such PRF");
	old.have = false;
	is_int(seed_of_rekey(&seed, &s, &old, &ni, &nr, shared, 32), -EINVAL,
	       "no SK_d");
}

/* Each of the four messages is lost once, delivered twice, or late. */
static void rfc7296_2_1_lost(void)
{
	for (int by = 0; by < 2; by++)
		for (int lose = 0; lose < 4; lose++) {
			setup();
			ike_rekey(by ? gsa : msa);
			for (int i = 0; i < lose; i++)
				net_step(&net);
			is_int(net.n_queue, 1, "message %d is on its way",
			       lose);
			net_drop(&net, 0);
			net_pass(&net, 1500, true);
			agrees(by ? "key server began" : "member began");
			net_pass(&net, 70000, true);
			is_int(sas_of(g) + sas_of(m), 2,
			       "message %d lost: nothing is left over", lose);
			pair_teardown();
		}

	setup();
	ike_rekey(msa);
	for (int i = 0; i < 4; i++) {
		net_dup(&net, 0);
		net_dup(&net, 0);
		for (unsigned int n = net.n_queue; n; n--)
			net_step(&net);
	}
	net_run(&net);
	is_int(ike_engine_stats(g->engine)->rekeyed, 1,
	       "each message three times: renewed once");
	agrees("each message three times");
	pair_teardown();

	/* No answer ever: the SA ends. */
	setup();
	node_clear(m);
	ike_rekey(msa);
	net_drop(&net, 0);
	net_pass(&net, 60000, false);
	is_str(m->seen.reason, "no answer to CREATE_CHILD_SA after 7 tries",
	       "a peer that does not answer is dead");
	is_int(sas_of(m), 0, "nothing is left");
	pair_teardown();
}

/*
 * Both begin at once. Messages of both directions are delivered in any order,
 * and one of them may be lost.
 */
static unsigned int chaos;

static unsigned int some_number(unsigned int n)
{
	chaos = chaos * 1103515245 + 12345;
	return (chaos >> 16) % n;
}

static void rfc7296_2_8_2_both_at_once(void)
{
	unsigned int bad = 0, twice = 0, left = 0, closed = 0;

	for (unsigned int i = 0; i < 48; i++) {
		unsigned int steps = 0, lose = some_number(12);
		struct gike_req req;

		setup();
		node_clear(m);
		node_clear(g);
		ike_rekey(msa);
		ike_rekey(gsa);
		while (net.n_queue && steps < 100) {
			unsigned int n = some_number(net.n_queue);

			if (i % 3 && steps == lose)
				net_drop(&net, n);
			else if (i % 3 == 2 && some_number(4) == 0 &&
				 net.n_queue < 16)
				net_dup(&net, n);
			if (n < net.n_queue)
				net_swap(&net, 0, n);
			net_step(&net);
			steps++;
		}
		net_pass(&net, 9000, true);
		group_req(&req, "video", true);
		ike_register_more(msa, &req);
		net_pass(&net, 9000, true);
		bad += strcmp(ike_sa_name(msa), ike_sa_name(gsa)) ||
		       m->seen.registered != 1 || m->seen.tek_ret ||
		       g->sa != gsa;
		twice += ike_engine_stats(g->engine)->rekeyed != 1 ||
			 ike_engine_stats(m->engine)->rekeyed != 1;
		closed += m->seen.sa_closed + g->seen.sa_closed +
			  m->seen.closed + g->seen.closed;
		net_pass(&net, 70000, true);
		left += sas_of(g) != 1 || sas_of(m) != 1;
		pair_teardown();
	}
	is_int(bad, 0, "in 48 collisions both ends agree and register");
	is_int(twice, 0, "each time one renewal is left at each end");
	is_int(closed, 0, "nothing ends for the users");
	is_int(left, 0, "nothing is left over");
}

/* The four messages in order, so that both notice the collision. */
static void rfc7296_2_8_2_lowest_nonce(void)
{
	unsigned int by_member = 0, by_gcks = 0, wrong = 0;

	for (unsigned int i = 0; i < 16; i++) {
		uint8_t low[32];
		struct ike_sa *c;
		bool member_lowest;

		setup();
		ike_rekey(msa);
		ike_rekey(gsa);
		/* Both requests arrive before an answer does. */
		net_step(&net);
		net_step(&net);
		is_int(net.n_queue, 2, "two answers are on their way");
		c = msa->rekey->candidate;
		if (!c || !gsa->rekey->candidate)
			bail("no candidate");
		/* @c is of the key server; its twin at @gsa of the member. */
		memcpy(low, gsa->rekey->candidate->hs->ni.p, 32);
		if (memcmp(gsa->rekey->candidate->hs->nr.p, low, 32) < 0)
			memcpy(low, gsa->rekey->candidate->hs->nr.p, 32);
		member_lowest = memcmp(low, c->hs->ni.p, 32) < 0 &&
				memcmp(low, c->hs->nr.p, 32) < 0;
		net_run(&net);
		/* The one with the lowest nonce is gone. */
		wrong += msa->initiator == member_lowest;
		wrong += gsa->initiator != member_lowest;
		by_member += msa->initiator;
		by_gcks += gsa->initiator;
		wrong += sas_of(g) != 1 || sas_of(m) != 1;
		pair_teardown();
	}
	is_int(wrong, 0, "the SA with the lowest nonce is deleted");
	ok(by_member && by_gcks && by_member + by_gcks == 16,
	   "%u of the member's and %u of the key server's stay", by_member,
	   by_gcks);
}

/* Only one side notices. */
static void rfc7296_2_8_2_one_notices(void)
{
	/* The key server's request is late: it has been served already. */
	setup();
	ike_rekey(gsa);
	ike_rekey(msa);
	net_swap(&net, 0, 1);
	net_step(&net); /* request of the member arrives */
	net_swap(&net, 0, 1);
	net_step(&net); /* the answer, before the other request */
	is_int(ike_engine_stats(m->engine)->rekeyed, 1,
	       "the member has renewed the SA");
	net_run(&net);
	is_int(ike_engine_stats(g->engine)->rekeyed, 1,
	       "the key server takes the member's renewal");
	ok(msa->initiator, "the member's is the one that stays");
	is_int(sas_of(g) + sas_of(m), 2, "nothing is left over");
	agrees("late request");
	pair_teardown();

	/* The peer uses the new SA while our request is still open. */
	setup();
	ike_rekey(gsa);
	net_drop(&net, 0);
	ike_rekey(msa);
	net_step(&net);
	net_step(&net);
	/* The Delete of the old one is lost as well. */
	net_drop(&net, 0);
	ok(gsa->rekey && gsa->rekey->candidate, "a candidate waits");
	ike_liveness(msa);
	net_run(&net);
	ok(!gsa->rekey, "a request over the candidate makes it the SA");
	agrees("used early");
	net_pass(&net, 70000, true);
	is_int(sas_of(g) + sas_of(m), 2, "nothing is left over");
	pair_teardown();
}

/* A request of ours is open that is not INFORMATIONAL. */
static void rfc7296_2_25_busy(void)
{
	struct gike_req req;

	setup();
	group_req(&req, "video", true);
	node_clear(m);
	node_clear(g);
	ike_register_more(msa, &req);
	ike_rekey(gsa);
	net_swap(&net, 0, 1);
	net_step(&net); /* CREATE_CHILD_SA at the member */
	net_run(&net);
	is_int(m->seen.registered, 1, "the registration is answered");
	is_int(ike_engine_stats(g->engine)->rekeyed, 0,
	       "TEMPORARY_FAILURE: not renewed");
	is_int(ike_engine_stats(g->engine)->rekey_failed, 1,
	       "busy: the event is counted");
	net_pass(&net, 9000, true);
	is_int(ike_engine_stats(g->engine)->rekeyed, 0,
	       "nobody tries again at once");
	net_pass(&net, 7000, true);
	is_int(ike_engine_stats(g->engine)->rekeyed, 1,
	       "the keys are renewed by another try");
	agrees("later");
	pair_teardown();

	/* The answer to a registration is still owed. */
	setup();
	g->later = true;
	node_clear(m);
	ike_register_more(msa, &req);
	net_run(&net);
	ike_rekey(gsa);
	net_run(&net);
	is_int(ike_engine_stats(g->engine)->rekeyed, 0,
	       "no renewal while an answer is owed");
	is_int(node_reply(g), 0, "the answer goes");
	net_run(&net);
	is_int(m->seen.registered, 1, "the answer arrives");
	is_int(m->seen.tek_ret, 0,
	       "keys of the answer are wrapped by the SA's key");
	g->later = false;
	net_pass(&net, 16000, true);
	is_int(ike_engine_stats(g->engine)->rekeyed, 1, "renewed afterwards");
	agrees("afterwards");
	pair_teardown();
}

/* Another implementation does not delete the IKE SA that it has replaced. */
static void not_deleted(void)
{
	const struct ike_stats *st;
	struct ike_sa *sa;
	uint64_t out;

	setup();
	is_int(ike_rekey(msa), 0, "the member begins");
	net_step(&net);
	net_step(&net);
	while (net.n_queue)
		net_drop(&net, 0);
	LIST_FOREACH(sa, &m->engine->sas, link)
		if (sa->shadow)
			break;
	if (!sa)
		bail("no replaced IKE SA");
	engine_enter(m->engine);
	sa_close(sa, 0, "forgotten");
	engine_leave(m->engine);
	st = ike_engine_stats(g->engine);
	out = st->out;
	net_pass(&net, 59999, false);
	is_int(sas_of(g), 2, "the key server keeps the replaced one");
	is_int(st->out - out, 0,
	       "the key server leaves the Delete to the peer");
	is_int(ike_engine_stats(m->engine)->in_no_sa, 0,
	       "the member has got nothing meanwhile");
	net_pass(&net, 1, true);
	is_int(sas_of(g), 1, "after a minute the replaced one is gone");
	is_int(st->out - out, 1, "the key server sends a datagram then");
	is_int(ike_engine_stats(m->engine)->in_no_sa, 1,
	       "the datagram is over the replaced one, which the member forgot");
	agrees("after a minute");
	pair_teardown();
}

/* An INFORMATIONAL that is open goes on over the new SA. */
static void tasks_follow(void)
{
	struct gike_req req;

	setup();
	node_clear(m);
	ike_liveness(msa);
	group_req(&req, "video", true);
	ike_register_more(msa, &req);
	net_drop(&net, 0);
	ike_rekey(gsa);
	net_run(&net);
	is_int(ike_engine_stats(g->engine)->rekeyed, 1,
	       "tasks follow: the keys are renewed");
	is_int(m->seen.registered, 1, "queued requests go over the new SA");
	agrees("with a queue");
	pair_teardown();
}

/* A peer that renews again and again, and one that never deletes. */
static void bounded(void)
{
	unsigned int most = 0;

	setup();
	for (int i = 0; i < 200; i++) {
		/* The peer has no such limit for its own. */
		msa->rekeyed_ms = 0;
		ike_rekey(msa);
		while (net.n_queue) {
			struct packet *q = &net.queue[0];

			/* No Delete arrives. */
			if (q->p[18] == IKE_XCHG_INFORMATIONAL)
				net_drop(&net, 0);
			else
				net_step(&net);
		}
		if (sas_of(g) > most)
			most = sas_of(g);
		net.ms += 500;
		timerq_run(&net.tq);
	}
	ok(ike_engine_stats(g->engine)->rekeyed <= 11,
	   "%u renewals in 100 s are accepted",
	   (unsigned int)ike_engine_stats(g->engine)->rekeyed);
	ok(most <= 8, "no more than %u SAs at a time", most);
	pair_teardown();
}

static void rfc7296_2_8_lifetimes(void)
{
	struct ike_engine_cfg gcfg = { .lifetime_ms = 100000,
				       .idle_ms = 9000000 };
	struct ike_engine_cfg mcfg = { .lifetime_ms = 100000,
				       .rekey_ms = 50000 };

	setup_with(&gcfg, &mcfg, 0);
	net_pass(&net, 44000, true);
	is_int(ike_engine_stats(m->engine)->rekeyed, 0,
	       "lifetimes: the SA is young");
	net_pass(&net, 7000, true);
	is_int(ike_engine_stats(m->engine)->rekeyed, 1, "renewed in time");
	net_pass(&net, 949000, true);
	ok(ike_engine_stats(m->engine)->rekeyed >= 18,
	   "renewed %u times in 1000 s",
	   (unsigned int)ike_engine_stats(m->engine)->rekeyed);
	is_int(m->seen.sa_closed + g->seen.sa_closed, 0, "no SA has ended");
	agrees("ten lifetimes later");
	pair_teardown();

	/* The key server begins. */
	gcfg.rekey_ms = 50000;
	mcfg.rekey_ms = 0;
	setup_with(&gcfg, &mcfg, 0);
	net_pass(&net, 1000000, true);
	is_int(m->seen.sa_closed + g->seen.sa_closed, 0,
	       "no SA has ended that the key server renews");
	agrees("renewed by the key server");
	pair_teardown();

	/* Both do. */
	mcfg.rekey_ms = 50000;
	setup_with(&gcfg, &mcfg, 0);
	net_pass(&net, 1000000, true);
	is_int(m->seen.sa_closed + g->seen.sa_closed, 0,
	       "no SA has ended that both renew");
	agrees("renewed by both");
	pair_teardown();

	/* A peer that refuses. */
	setup_with(NULL, &mcfg, 0);
	g->engine->proposals.p[0].n = 0;
	node_clear(m);
	net_pass(&net, 99000, true);
	is_int(ike_engine_stats(m->engine)->rekey_failed, 1,
	       "a peer that refuses is asked once");
	is_int(m->seen.sa_closed, 0, "the SA goes on");
	net_pass(&net, 2000, true);
	is_str(m->seen.reason, "lifetime of the IKE SA has ended",
	       "up to the end of its lifetime");
	pair_teardown();
}

/* The key server has lost the IKE SA, whoever has renewed it. */
static void rfc7296_2_21_4_lost_sa(void)
{
	for (int by = 0; by < 2; by++) {
		const char *who = by ? "key server" : "member";
		struct pki_opt opt = { .kind = PKI_GCKS, .dns = GCKS };

		setup();
		ike_rekey(by ? gsa : msa);
		net_run(&net);
		is_int(msa->initiator, !by, "renewed by the %s", who);
		node_free(g);
		opt.ca = &ca;
		g = node_new(&net, "192.0.2.1", &opt, &ca, NULL);
		node_clear(m);
		ike_liveness(msa);
		net_pass(&net, 5000, true);
		is_str(m->seen.reason, "the peer no longer has the IKE SA",
		       "renewed by the %s: the member learns of it in 5 s",
		       who);
		pair_teardown();
	}
}

/*
 * The key server ends the IKE SA while its own renewal is open, whose answer is
 * lost: the member has an IKE SA that the key server never had.
 */
static void rfc7296_2_25_2_closed_meanwhile(void)
{
	for (int both = 0; both < 2; both++) {
		const char *who = both ? "both" : "key server";

		setup();
		node_clear(m);
		if (both)
			ike_rekey(msa);
		while (both && net.n_queue)
			net_drop(&net, 0);
		ike_rekey(gsa);
		net_step(&net);
		is_int(net.n_queue, 1, "%s: the answer is on its way", who);
		net_drop(&net, 0);
		ike_close_repeat(gsa, "group reset");
		net_pass(&net, 8000, true);
		is_int(m->seen.sa_closed, 1,
		       "%s began: the member learns of the end in 8 s", who);
		is_int(sas_of(g), 0, "%s: no SA at the key server", who);
		net_pass(&net, 70000, true);
		is_int(sas_of(m), 0, "%s: none at the member", who);
		pair_teardown();
	}

	/* The member goes on without a question if the new one is used. */
	setup();
	ike_rekey(gsa);
	net_run(&net);
	ike_liveness(gsa);
	net_run(&net);
	net_pass(&net, 3000, true);
	is_int(msa->my_mid, 0, "an SA that is in use is not asked for");
	pair_teardown();
	setup();
	ike_rekey(gsa);
	net_pass(&net, 3000, true);
	is_int(msa->my_mid, 1, "one that is not in use is asked for once");
	net_pass(&net, 60000, true);
	is_int(msa->my_mid, 1, "one that is not in use is not asked for again");
	pair_teardown();
}

/* A certificate that has ended is not extended by a renewal. */
static void outdated(void)
{
	struct ike_engine_cfg cfg = { .lifetime_ms = 100000,
				      .rekey_ms = 50000,
				      .idle_ms = 9000000 };

	setup_with(&cfg, &cfg, 120);
	net_pass(&net, 300000, true);
	is_int(m->seen.sa_closed, 1, "the SA has ended");
	ok(ike_engine_stats(g->engine)->rekeyed >= 1,
	   "the SA was renewed before");
	is_int(sas_of(g), 0, "no SA outlives the certificate by a lifetime");
	pair_teardown();
}

/* Over the replaced SA there is only its end. */
static void rfc7296_2_25_2_old_sa(void)
{
	struct ike_sa *s, *old = NULL;
	struct gike_req req;

	setup();
	ike_rekey(msa);
	net_step(&net);
	net_step(&net);
	net_drop(&net, 0);
	LIST_FOREACH(s, &m->engine->sas, link)
		if (s->shadow)
			old = s;
	if (!old)
		bail("no old SA");
	/* A peer that goes on over the old one: the Delete has Message ID 2. */
	task_free(task_take(old));
	timer_del(&net.tq, &old->t_rexmit);
	old->my_busy = false;
	group_req(&req, "video", true);
	node_clear(g);
	is_int(ike_register_more(old, &req), 0, "a request over the old SA");
	net_run(&net);
	is_int(g->seen.requests, 0, "no group is asked for over it");
	is_int(m->seen.notify, IKE_N_TEMPORARY_FAILURE,
	       "TEMPORARY_FAILURE is the answer");
	is_int(ike_report_sending(old, &req.idg, 7), 0,
	       "a report over the old SA");
	net_run(&net);
	agrees("after that");
	net_pass(&net, 70000, true);
	is_int(sas_of(g) + sas_of(m), 2, "the old one ends by itself");
	pair_teardown();
}

static void nat(void)
{
	struct ike_engine_cfg cfg = { .natt_port = 4500 };

	pair_setup_opt(&(struct pair_opt){ .mcfg = &cfg, .maddr = "10.0.0.2" });
	net.nat = true;
	net.nat_inside = m->ep;
	ep_parse("192.0.2.9:1024", 0, &net.nat_outside);
	join_pair();
	is_int(m->seen.registered, 1, "registered from behind a NAT");
	ike_rekey(gsa);
	net_run(&net);
	is_int(ike_sa_peer(msa)->port, 4500, "the renewed SA stays on 4500");
	agrees("behind a NAT");
	pair_teardown();
}

int main(void)
{
	log_set_level(LOG_LEVEL_ERR);
	RUN(rfc7296_2_18_seed);
	RUN(rfc7296_2_18_either_side);
	RUN(rfc7296_2_1_lost);
	RUN(rfc7296_2_8_2_both_at_once);
	RUN(rfc7296_2_8_2_lowest_nonce);
	RUN(rfc7296_2_8_2_one_notices);
	RUN(rfc7296_2_25_busy);
	RUN(rfc7296_2_25_2_old_sa);
	RUN(not_deleted);
	RUN(tasks_follow);
	RUN(bounded);
	RUN(rfc7296_2_8_lifetimes);
	RUN(rfc7296_2_21_4_lost_sa);
	RUN(rfc7296_2_25_2_closed_meanwhile);
	RUN(outdated);
	RUN(nat);
	return done();
}
