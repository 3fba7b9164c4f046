// SPDX-License-Identifier: Apache-2.0
/* Both ends of the IKE SA in one process: successful cases. */
#include <errno.h>

#include "crypto/cert.h"
#include "crypto/sign.h"
#include "ike_pair.h"
#include "lib/log.h"
#include "lib/util.h"
#include "tap.h"

static void joined(const char *name)
{
	is_int(m->seen.registered, 1, "%s: registered", name);
	is_int(m->seen.tek_ret, 0, "%s: TEK unwrapped", name);
	is_int(m->seen.refused, 0, "%s: nothing refused", name);
	ok(m->seen.up == 1 && g->seen.up == 1, "%s: up on both sides", name);
	if (m->seen.refused)
		diag("%s", m->seen.text);
}

static void algorithms(void)
{
	static const struct {
		const char *name;
		uint16_t encr, bits, prf, ke, kwa;
		int gtype, mtype;
	} sets[] = {
		{ "aes-gcm-16-256 sha2-256 x25519 kw-256", 20, 256, 5, 31, 3,
		  SIG_ED25519, SIG_ED25519 },
		{ "aes-gcm-16-128 sha2-384 p-256 kw-128", 20, 128, 6, 19, 1,
		  SIG_ECDSA_P256, SIG_ED25519 },
		{ "chacha20-poly1305 sha2-512 p-384 kw-256", 28, 0, 7, 20, 3,
		  SIG_ED25519, SIG_ECDSA_P256 },
		{ "aes-gcm-16-256 sha2-512 x25519 kw-128", 20, 256, 7, 31, 1,
		  SIG_RSA_PSS, SIG_ECDSA_P384 },
		{ "chacha20-poly1305 sha2-256 p-256 kw-128", 28, 0, 5, 19, 1,
		  SIG_ECDSA_P384, SIG_RSA_PSS },
	};
	static struct sa_pld sa;
	char buf[80];

	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		struct ike_engine_cfg cfg = { .proposals = &sa };
		struct proposal *p;

		memset(&sa, 0, sizeof(sa));
		p = proposal_add(&sa, 1, IKE_PROTO_IKE);
		proposal_put(p, IKE_TT_ENCR, sets[i].encr, sets[i].bits);
		proposal_put(p, IKE_TT_PRF, sets[i].prf, 0);
		proposal_put(p, IKE_TT_KE, sets[i].ke, 0);
		proposal_put(p, GIKE_TT_KWA, sets[i].kwa, 0);
		pair_setup_opt(&(struct pair_opt){ .gtype = sets[i].gtype,
						   .mtype = sets[i].mtype,
						   .mcfg = &cfg });
		node_join(m, g, GCKS, true);
		net_run(&net);
		joined(sets[i].name);
		is_str(m->sa ? ike_sa_algs(m->sa, buf, sizeof(buf)) : NULL,
		       sets[i].name, "the IKE SA has the algorithms of %s",
		       sets[i].name);
		is_int(m->seen.sender_id, 7, "Sender-ID came");
		ok(m->seen.transport, "transport mode came");
		is_str(g->seen.peer, "a.example", "key server knows who");
		is_int(g->seen.req.n_sender_ids, 2,
		       "the key server knows how many Sender-IDs are asked for");
		ok(g->seen.had_sag,
		   "the key server knows what the member can do");
		pair_teardown();
	}
}

static void lost(void)
{
	const struct ike_stats *st;

	/* Each of the four packets is lost once. */
	for (int lose = 0; lose < 4; lose++) {
		pair_setup(NULL, NULL);
		node_join(m, g, GCKS, false);
		for (int i = 0; i < lose; i++)
			net_step(&net);
		is_int(net.n_queue, 1, "one packet on its way");
		net_drop(&net, 0);
		net_pass(&net, 1500, true);
		joined("after a loss");
		is_int(g->seen.requests, 1, "the group was asked once");
		is_int(ike_engine_stats(m->engine)->rexmit, 1,
		       "sent again once");
		pair_teardown();
	}

	/* Each packet is delivered twice, the second time at the end. */
	pair_setup(NULL, NULL);
	node_join(m, g, GCKS, false);
	while (net.n_queue) {
		if (net.n_queue < 40)
			net_dup(&net, 0);
		if (ike_engine_stats(g->engine)->in > 12)
			break;
		net_step(&net);
	}
	net_run(&net);
	joined("everything many times");
	is_int(g->seen.requests, 1, "the group was asked once");
	is_int(ike_engine_stats(g->engine)->sas, 1, "one IKE SA");
	st = ike_engine_stats(g->engine);
	ok(st->in_rexmit > 0, "answers were repeated");
	pair_teardown();

	/* No answer ever. */
	pair_setup(NULL, NULL);
	node_join(m, g, GCKS, false);
	net_drop(&net, 0);
	net_pass(&net, 200000, false);
	is_int(m->seen.refused, 1, "an unanswered IKE_SA_INIT is given up");
	is_str(m->seen.text, "no answer to IKE_SA_INIT after 7 tries",
	       "the reason names the exchange and the tries");
	is_int(m->seen.sa_closed, 1, "lost: the IKE SA is closed");
	is_int(ike_engine_stats(m->engine)->sas, 0, "no IKE SA left");
	pair_teardown();

	pair_setup(NULL, NULL);
	node_join(m, g, GCKS, false);
	net_step(&net);
	net_step(&net);
	net_drop(&net, 0);
	net_pass(&net, 200000, false);
	is_str(m->seen.text, "no answer to GSA_AUTH after 7 tries",
	       "why, later");
	is_int(ike_engine_stats(g->engine)->half_open, 0,
	       "half-open SA is gone at the key server");
	is_int(ike_engine_stats(g->engine)->sas, 0, "no IKE SA left there");
	pair_teardown();
}

static void reorder(void)
{
	pair_setup(NULL, NULL);
	node_join(m, g, GCKS, false);
	net_dup(&net, 0);
	net_step(&net);
	net_step(&net);
	/*
	 * There are two INIT answers, and the GSA_AUTH for the
	 * first overtakes.
	 */
	net_step(&net);
	net_swap(&net, 0, 1);
	net_run(&net);
	joined("reordered");
	pair_teardown();
}

static void cookies(void)
{
	struct ike_engine_cfg cfg = { .cookie_always = true };
	struct ep strange;
	struct packet *q;

	pair_setup(&cfg, NULL);
	node_join(m, g, GCKS, false);
	net_step(&net);
	is_int(ike_engine_stats(g->engine)->sas, 0, "no state before a cookie");
	is_int(ike_engine_stats(g->engine)->cookie_sent, 1, "cookie sent");
	net_run(&net);
	joined("with a cookie");
	pair_teardown();

	/* A cookie is bound to its address. */
	pair_setup(&cfg, NULL);
	node_join(m, g, GCKS, false);
	net_step(&net);
	net_step(&net);
	q = &net.queue[0];
	strange = q->from;
	strange.addr.b[3]++;
	ike_engine_input(g->engine, &strange, &q->to, q->p, q->len);
	is_int(ike_engine_stats(g->engine)->cookie_bad, 1, "stolen cookie");
	is_int(ike_engine_stats(g->engine)->sas, 0, "opens nothing");
	/*
	 * After two changes of the secret the cookie is stale, and another is
	 * sent.
	 */
	net_drop(&net, 1);
	net.ms += 200000;
	net_run(&net);
	joined("with a second cookie");
	pair_teardown();

	/* Cookies are only used above a threshold. */
	cfg.cookie_always = false;
	cfg.cookie_above = 1;
	pair_setup(&cfg, NULL);
	node_join(m, g, GCKS, false);
	net_step(&net);
	net_drop(&net, 0);
	is_int(ike_engine_stats(g->engine)->half_open, 1,
	       "first without cookie");
	node_join(m, g, GCKS, false);
	net_step(&net);
	is_int(ike_engine_stats(g->engine)->half_open, 1, "second with");
	is_int(ike_engine_stats(g->engine)->cookie_sent, 1, "cookie asked for");
	pair_teardown();
}

static void another_group(void)
{
	static struct sa_pld only;
	struct ike_engine_cfg cfg = { .proposals = &only };
	struct proposal *p;
	char buf[80];

	memset(&only, 0, sizeof(only));
	p = proposal_add(&only, 1, IKE_PROTO_IKE);
	proposal_put(p, IKE_TT_ENCR, 20, 128);
	proposal_put(p, IKE_TT_PRF, 5, 0);
	proposal_put(p, IKE_TT_KE, IKE_KE_P384, 0);
	proposal_put(p, GIKE_TT_KWA, 1, 0);
	pair_setup(&cfg, NULL);
	node_join(m, g, GCKS, false);
	net_step(&net);
	is_int(ike_engine_stats(g->engine)->invalid_ke, 1,
	       "INVALID_KE_PAYLOAD");
	is_int(ike_engine_stats(g->engine)->sas, 0,
	       "INVALID_KE_PAYLOAD leaves no state");
	net_run(&net);
	joined("with the group that was asked for");
	is_str(ike_sa_algs(m->sa, buf, sizeof(buf)),
	       "aes-gcm-16-128 sha2-256 p-384 kw-128",
	       "the group that was asked for is P-384");
	pair_teardown();

	/* The cookie comes first, then the group. */
	cfg.cookie_always = true;
	pair_setup(&cfg, NULL);
	node_join(m, g, GCKS, false);
	net_run(&net);
	joined("cookie and another group");
	pair_teardown();

	/* The proposals have nothing in common. */
	p->t[3].id = GIKE_KWA_ARX;
	cfg.cookie_always = false;
	pair_setup(&cfg, NULL);
	node_join(m, g, GCKS, false);
	net_pass(&net, 100000, true);
	is_int(m->seen.notify, IKE_N_NO_PROPOSAL_CHOSEN, "nothing in common");
	is_str(m->seen.text, "NO_PROPOSAL_CHOSEN from key server",
	       "another group: the reason is told");
	pair_teardown();
}

static void registration(void)
{
	struct gike_req req;
	struct ike_sa *sa;

	pair_setup(NULL, NULL);
	sa = node_join(m, g, GCKS, false);
	/* Requests before the SA is up are queued, and answered in order. */
	group_req(&req, "audio", true);
	is_int(ike_register_more(sa, &req), 0, "a second group is queued");
	net_run(&net);
	is_int(m->seen.registered, 2, "both registered");
	is_int(g->seen.req.xchg, GIKE_XCHG_GSA_REGISTRATION,
	       "the second group is registered by GSA_REGISTRATION");
	ok(g->seen.req.send, "registered as a sender");
	is_int(m->seen.sender_id, 7, "the sender has its Sender-ID");

	/* A group error does not close the IKE SA. */
	g->answer = GIKE_N_AUTHORIZATION_FAILED;
	ike_register_more(sa, &req);
	net_run(&net);
	is_int(m->seen.refused, 1, "registration: the request is refused");
	is_int(m->seen.notify, GIKE_N_AUTHORIZATION_FAILED,
	       "the refusal has its notify");
	is_str(m->seen.text, "AUTHORIZATION_FAILED from key server",
	       "registration: the error is in words");
	ok(ike_sa_is_up(sa), "IKE SA is up");
	g->answer = 0;

	/* Only a request that says so is put off. */
	g->later_ms = 4321;
	req.later = true;
	ike_register_more(sa, &req);
	net_run(&net);
	ok(g->seen.req.later, "the key server knows that it may be");
	is_int(m->seen.later_ms, 4321, "put off");
	is_int(m->seen.registered + m->seen.refused, 3, "no keys, no refusal");
	ok(ike_sa_is_up(sa), "IKE SA is free");
	req.later = false;
	ike_register_more(sa, &req);
	net_step(&net);
	ok(!g->seen.req.later, "the key server knows that it may not be");
	net_run(&net);
	is_int(m->seen.refused, 2, "no keys without that");
	is_str(m->seen.text, "policy refused: answer lacks GSA or KD",
	       "the answer is malformed");
	is_int(m->seen.left, 1, "the member reports the malformed answer");
	g->later_ms = 0;

	is_int(ike_leave(sa, &req.idg), 0, "registration: the member leaves");
	net_run(&net);
	is_int(m->seen.left, 2, "the member has left");
	is_int(g->seen.req.report, GIKE_N_REGISTRATION_FAILED, "49 was sent");

	is_int(ike_liveness(sa), 0, "registration: liveness");
	net_run(&net);
	ok(ike_sa_is_up(sa), "registration: the request is answered");

	/* A lost answer to a registration is repeated with the same octets. */
	node_clear(g);
	ike_register_more(sa, &req);
	net_step(&net);
	net_drop(&net, 0);
	net_pass(&net, 1200, true);
	is_int(g->seen.requests, 1, "asked once");
	is_int(m->seen.registered, 3, "registered again");

	for (unsigned int i = 0;; i++) {
		int ret = ike_register_more(sa, &req);

		if (!ret)
			continue;
		is_int(ret, -ENOBUFS, "the queue has an end");
		is_int(i, IKE_QUEUE_MAX, "registration: the queue has its cap");
		break;
	}
	net_run(&net);
	is_int(m->seen.registered, 3 + IKE_QUEUE_MAX, "all were answered");

	ike_close(sa, "done");
	is_int(m->seen.sa_closed, 1, "the SA is closed at the member");
	net_run(&net);
	is_int(g->seen.sa_closed, 1, "closed there");
	is_str(g->seen.reason, "closed by the peer",
	       "registration: the reason is told");
	pair_teardown();
}

static void group_errors(void)
{
	static const uint16_t errors[] = {
		IKE_N_NO_PROPOSAL_CHOSEN,
		GIKE_N_INVALID_GROUP_ID,
		GIKE_N_AUTHORIZATION_FAILED,
		GIKE_N_REGISTRATION_FAILED,
	};
	struct gike_req req;

	for (unsigned int i = 0; i < 4; i++) {
		pair_setup(NULL, NULL);
		g->answer = errors[i];
		node_join(m, g, GCKS, false);
		net_run(&net);
		is_int(m->seen.notify, errors[i], "%s in GSA_AUTH",
		       ike_notify_name(errors[i]));
		ok(m->sa && ike_sa_is_up(m->sa), "IKE SA is up all the same");
		g->answer = 0;
		group_req(&req, "video", false);
		ike_register_more(m->sa, &req);
		net_run(&net);
		is_int(m->seen.registered, 1,
		       "the IKE SA is good for another try");
		pair_teardown();
	}
}

static void later(void)
{
	pair_setup(NULL, NULL);
	g->later = true;
	node_join(m, g, GCKS, false);
	net_run(&net);
	is_int(m->seen.registered, 0, "no answer yet");
	is_int(ike_engine_stats(g->engine)->half_open, 0,
	       "a request that waits is authenticated");
	net_pass(&net, 1100, true);
	is_int(ike_engine_stats(g->engine)->in_busy, 1,
	       "asked again meanwhile");
	is_int(g->seen.requests, 1,
	       "a request that is asked again is not passed on again");
	is_int(node_reply(g), 0, "later: the request is answered");
	is_int(node_reply(g), -ENOENT, "once only");
	net_run(&net);
	joined("later");
	pair_teardown();

	/* Never. */
	pair_setup(NULL, NULL);
	g->later = true;
	node_join(m, g, GCKS, false);
	net_pass(&net, 40000, true);
	is_int(m->seen.notify, GIKE_N_REGISTRATION_FAILED, "patience ends");
	is_int(node_reply(g), -ENOENT,
	       "an answer after the end of patience is too late");
	pair_teardown();

	/* The member has gone meanwhile. */
	pair_setup(NULL, NULL);
	g->later = true;
	node_join(m, g, GCKS, false);
	net_run(&net);
	ike_close(g->sa, "evicted");
	is_int(g->seen.sa_closed, 1, "closed while it waited");
	is_int(node_reply(g), -ENOENT, "nobody to answer");
	net_run(&net);
	is_int(m->seen.notify, GIKE_N_REGISTRATION_FAILED,
	       "the member is told so");
	is_int(m->seen.sa_closed, 1,
	       "the member is told that the SA is closed");
	pair_teardown();

	pair_setup(NULL, NULL);
	g->close_inside = true;
	node_join(m, g, GCKS, false);
	net_run(&net);
	is_int(g->seen.sa_closed, 1, "closed from within the callback");
	is_int(ike_engine_stats(g->engine)->sas, 0,
	       "an SA closed from within the callback is gone");
	pair_teardown();

	/* An invalid answer is not sent. */
	pair_setup(NULL, NULL);
	g->broken = true;
	node_join(m, g, GCKS, true);
	net_run(&net);
	is_int(m->seen.notify, GIKE_N_REGISTRATION_FAILED,
	       "REGISTRATION_FAILED in place of it");
	is_int(m->seen.registered, 0, "nothing registered");
	pair_teardown();
}

static void lifetimes(void)
{
	struct ike_engine_cfg cfg = { .lifetime_ms = 600000 };

	pair_setup(NULL, NULL);
	node_join(m, g, GCKS, false);
	net_run(&net);
	net_pass(&net, 299000, true);
	is_int(g->seen.sa_closed, 0, "idle SA stays for a while");
	net_pass(&net, 2000, true);
	is_str(g->seen.reason, "idle",
	       "an SA that is idle for long is closed by the key server");
	is_str(m->seen.reason, "closed by the peer",
	       "the key server says that it closes the SA");
	is_int(ike_engine_stats(m->engine)->sas +
		       ike_engine_stats(g->engine)->sas,
	       0, "none left");
	pair_teardown();

	pair_setup(NULL, &cfg);
	node_join(m, g, GCKS, false);
	for (int i = 0; i < 11; i++) {
		net_pass(&net, 50000, true);
		ike_liveness(m->sa);
		net_run(&net);
	}
	is_int(m->seen.sa_closed, 0, "SA in use stays");
	net_pass(&net, 60000, true);
	is_str(m->seen.reason, "lifetime of the IKE SA has ended",
	       "lifetimes: the SA is kept until its lifetime");
	is_int(g->seen.sa_closed, 1, "lifetimes: on both sides");
	pair_teardown();
}

static void nat(void)
{
	struct ike_engine_cfg cfg = { .natt_port = 4500 };

	pair_setup(NULL, &cfg);
	net.nat = true;
	net.nat_inside = m->ep;
	ep_parse("198.51.100.9:1024", 0, &net.nat_outside);
	node_join(m, g, GCKS, false);
	net_run(&net);
	joined("behind a NAT");
	is_int(ike_sa_local(m->sa)->port, 4500,
	       "the member uses its port 4500");
	is_int(ike_sa_peer(m->sa)->port, 4500, "the member sends to port 4500");
	is_int(ike_sa_peer(g->sa)->port, 1025,
	       "the key server sends to the NAT's port");
	net.nat = false;
	pair_teardown();

	pair_setup(NULL, &cfg);
	node_join(m, g, GCKS, false);
	net_run(&net);
	is_int(ike_sa_peer(m->sa)->port, 500, "no NAT, no other port");
	pair_teardown();
}

static void exported(void)
{
	struct ike_engine_cfg cfg = { .export_keys = (void *)1 };

	pair_setup(&cfg, &cfg);
	node_join(m, g, GCKS, false);
	net_run(&net);
	is_str(m->seen.line, g->seen.line, "both export the same keys");
	ok(strlen(m->seen.line) > 150 && m->seen.line[16] == ',' &&
		   m->seen.line[33] == ',',
	   "16 digits of each SPI");
	ok(strstr(m->seen.line, "\"AES-GCM-256 with 16 octet ICV [RFC5282]\""),
	   "cipher by tshark's name");
	pair_teardown();

	pair_setup(NULL, NULL);
	node_join(m, g, GCKS, false);
	net_run(&net);
	is_str(m->seen.line, "", "nothing is exported unless asked for");
	pair_teardown();
}

/* The restarted key server has lost its SAs. */
static void restarted(void)
{
	struct gike_req req;
	uint64_t then;

	pair_setup(NULL, NULL);
	node_join(m, g, GCKS, false);
	net_run(&net);
	while (m->sa && ike_engine_stats(g->engine)->sas) {
		ike_close(g->sa, "restart");
		while (net.n_queue)
			net_drop(&net, 0);
	}
	group_req(&req, "audio", false);
	ike_register_more(m->sa, &req);
	then = net.ms;
	while (!m->seen.sa_closed && net.ms - then < 60000)
		net_pass(&net, 100, true);
	is_str(m->seen.reason, "the peer no longer has the IKE SA",
	       "a restart is noticed");
	ok(net.ms - then <= 5000, "within %d ms", (int)(net.ms - then));
	is_int(m->seen.refused, 1, "the request is refused");
	pair_teardown();

	/* A forged message has no effect while the key server is up. */
	pair_setup(NULL, NULL);
	node_join(m, g, GCKS, false);
	net_run(&net);
	ike_register_more(m->sa, &req);
	{
		uint8_t no[36];

		memcpy(no, net.queue[0].p, 28);
		no[16] = IKE_PLD_NOTIFY;
		no[19] = IKE_FLAG_RESPONSE;
		memcpy(no + 24, "\0\0\0\44\0\0\0\10\0\0\0\4", 12);
		ike_engine_input(m->engine, &g->ep, &m->ep, no, sizeof(no));
	}
	net_run(&net);
	is_int(m->seen.registered, 2, "a forged denial changes nothing");
	ok(ike_sa_is_up(m->sa), "the SA stays");
	pair_teardown();
}

static void freed(void)
{
	pair_setup(NULL, NULL);
	node_join(m, g, GCKS, false);
	node_join(m, g, GCKS, false);
	net_step(&net);
	ike_engine_free(m->engine);
	is_int(m->seen.refused, 2, "open requests are refused at the end");
	is_int(m->seen.sa_closed, 2, "every SA is closed at the end");
	is_str(m->seen.reason, "shutting down",
	       "the reason is the end of the engine");
	m->engine = NULL;
	pair_teardown();
}

int main(void)
{
	log_init("test", LOG_LEVEL_ERR, true);
	RUN(algorithms);
	RUN(lost);
	RUN(reorder);
	RUN(cookies);
	RUN(another_group);
	RUN(registration);
	RUN(group_errors);
	RUN(later);
	RUN(lifetimes);
	RUN(nat);
	RUN(exported);
	RUN(restarted);
	RUN(freed);
	return done();
}
