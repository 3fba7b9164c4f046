// SPDX-License-Identifier: Apache-2.0
/*
 * Limits of what one identity, address or network can use of a key server:
 * places, handshakes, answers. Other members must not notice.
 */
#include "ike/sa.h"
#include "ike_net.h"
#include "lib/log.h"
#include "tap.h"

#define GCKS "gcks.example"

static struct net net;
static struct pki_pair ca, ca2;
static struct node *g, *a, *x;
static const struct ike_stats *st;

/* @x_ca issues the certificate of x. */
static void setup(const struct ike_engine_cfg *gcfg,
		  const struct pki_pair *x_ca)
{
	struct pki_opt gopt = { .kind = PKI_GCKS, .dns = GCKS, .ca = &ca };
	struct pki_opt aopt = { .kind = PKI_MEMBER,
				.dns = "a.example",
				.ca = &ca };
	struct pki_opt xopt = { .kind = PKI_MEMBER,
				.dns = "x.example",
				.ca = x_ca };
	struct ike_engine_cfg xcfg = { .max_sas = 100000 };

	net_init(&net);
	pki_ca(&net, "test CA", &ca);
	pki_ca(&net, "another CA", &ca2);
	g = node_new(&net, "[2001:db8::1]", &gopt, &ca, gcfg);
	a = node_new(&net, "[2001:db8:a::1]", &aopt, &ca, NULL);
	x = node_new(&net, "[2001:db8:f::1]", &xopt, &ca, &xcfg);
	st = ike_engine_stats(g->engine);
}

static void teardown(void)
{
	net_free(&net);
	pki_pair_free(&ca);
	pki_pair_free(&ca2);
}

/* The peer x loses its SAs without a message. */
static void forget(void)
{
	struct ike_sa *sa;

	while ((sa = LIST_FIRST(&x->engine->sas))) {
		engine_enter(x->engine);
		sa_close(sa, 0, "forgotten");
		engine_leave(x->engine);
	}
	while (net.n_queue)
		net_drop(&net, 0);
}

static struct ike_sa *x_from(const char *addr)
{
	struct ike_sa *sa;

	ep_parse(addr, IKE_PORT, &x->ep);
	sa = node_join(x, g, GCKS, false);
	net_run(&net);
	return sa;
}

static void a_gets_in(const char *name)
{
	uint64_t from = net.ms;

	node_clear(a);
	node_join(a, g, GCKS, false);
	net_run(&net);
	while (!a->seen.registered && net.ms - from < 60000)
		net_pass(&net, 100, true);
	ok(a->seen.registered == 1 && net.ms - from < 1000,
	   "%s: a.example is in after %u ms", name,
	   (unsigned int)(net.ms - from));
}

/* ---- places ------------------------------------------------------------- */

static void one_identity(void)
{
	const struct ike_engine_cfg cfg = { .max_sas = 64,
					    .idle_ms = 10000000 };
	struct ike_sa *first, *last = NULL;
	char addr[64];

	setup(&cfg, &ca);
	a_gets_in("no attack");
	first = x_from("[2001:db8:f::1]");
	ok(ike_sa_is_up(first), "x has an IKE SA");
	for (unsigned int i = 2; i <= 1000; i++) {
		snprintf(addr, sizeof(addr), "[2001:db8:f:%x::1]", i);
		last = x_from(addr);
		net_pass(&net, 1000, true);
	}
	is_int(st->sas, 4 + 1, "1,000 addresses of one identity: 4 places");
	ok(ike_sa_is_up(last), "the newest is up");
	is_int(g->seen.sa_closed, 996, "the others have ended");
	is_str(g->seen.reason, "replaced by a newer one of the same identity",
	       "the reason is a newer one of the same identity");
	/* The place of a.example was not used. */
	is_int(a->seen.sa_closed, 0, "a.example still has its own");
	a_gets_in("an attack is over");
	teardown();
}

/* Handshakes cost signatures, so their rate is limited per identity. */
static void one_identity_at_once(void)
{
	unsigned int up;

	setup(NULL, &ca);
	for (unsigned int i = 0; i < 1000; i++) {
		x_from("[2001:db8:f::1]");
		if (i % 100 == 99)
			net_pass(&net, 1000, true);
	}
	up = st->up;
	ok(up >= 32 && up <= 32 + 11,
	   "1,000 handshakes of one identity in 10 s: %u were done", up);
	is_int(x->seen.notify, IKE_N_TEMPORARY_FAILURE,
	       "the others were told to wait");
	is_int(st->sas, 4, "one identity at once: places");
	a_gets_in("an attack under one identity");
	net_pass(&net, 2000, true);
	node_clear(x);
	x_from("[2001:db8:f::1]");
	is_int(x->seen.registered, 1, "x may come again, later");
	teardown();
}

/* Idle IKE SAs make room for others. */
static void all_places(void)
{
	const struct ike_engine_cfg cfg = {
		.max_sas = 8,
		.max_per_identity = 100,
		.max_per_peer = 5,
	};
	struct ike_sa *sa[8], *more;
	char addr[64];

	setup(&cfg, &ca);
	for (unsigned int i = 0; i < 8; i++) {
		snprintf(addr, sizeof(addr), "[2001:db8:f:%x::1]", i);
		sa[i] = x_from(addr);
		net_pass(&net, 1000, true);
	}
	is_int(st->sas, 8, "all places are taken");
	ike_liveness(sa[0]);
	net_run(&net);
	a_gets_in("no place is free");
	is_int(st->sas, 8, "one was given away");
	is_int(g->seen.sa_closed, 1, "one of the holders of places was closed");
	ok(ike_sa_is_up(sa[0]),
	   "the place that was given away is not that of the SA used just now");
	teardown();

	/* The limit per address. */
	setup(&cfg, &ca);
	for (unsigned int i = 0; i < 5; i++)
		sa[i] = x_from("[2001:db8:f::1]");
	is_int(st->sas, 5, "an address has its places");
	ike_liveness(sa[0]);
	net_run(&net);
	more = x_from("[2001:db8:f::1]");
	ok(ike_sa_is_up(more) && ike_sa_is_up(sa[0]),
	   "one more replaces the idlest there");
	is_int(st->sas, 5, "the newcomer takes no place of another address");
	teardown();

	/* All of them wait for their answers, so none is idle. */
	setup(&cfg, &ca);
	g->later = true;
	for (unsigned int i = 0; i < 8; i++) {
		snprintf(addr, sizeof(addr), "[2001:db8:f:%x::1]", i);
		x_from(addr);
	}
	node_join(a, g, GCKS, false);
	net_run(&net);
	is_int(a->seen.notify, IKE_N_TEMPORARY_FAILURE,
	       "nobody who waits is put out");
	is_int(st->sas, 8, "all of them are there");
	teardown();
}

/* ---- handshakes that fail ----------------------------------------------- */

static void failing(void)
{
	/* Tries in 10 ms from a port, then from a network. */
	const unsigned int port = FULL_OR_FEW(12, 1);
	const unsigned int many = FULL_OR_FEW(20, 2);
	unsigned int before;

	setup(NULL, &ca2);
	for (unsigned int i = 0; i < 1000 * port; i++) {
		x_from("[2001:db8:f::1]");
		forget();
		if (i % port == port - 1)
			net_pass(&net, 10, false);
	}
	ok(st->auth_failed >= 5 && st->auth_failed <= 7,
	   "%u tries in 10 s from one port: %u were looked at", 1000 * port,
	   (unsigned int)st->auth_failed);
	ok(st->paced >= 1000 * port - 100, "the others were passed over");
	a_gets_in("an attack from one port");
	/* A neighbour has the same address, and another port. */
	ep_parse("[2001:db8:f::1]:5000", 0, &a->ep);
	a_gets_in("an attack from the same address");
	teardown();

	/* The number of ports is unlimited, so the network has a rate limit. */
	setup(NULL, &ca2);
	before = 0;
	for (unsigned int i = 0; i < 1000 * many; i++) {
		char addr[64];

		snprintf(addr, sizeof(addr), "[2001:db8:f::%x]:%u", i % 50 + 1,
			 1024 + i);
		x_from(addr);
		forget();
		if (i % many == many - 1)
			net_pass(&net, 10, false);
		if (i == 500 * many)
			before = st->auth_failed;
	}
	ok(before <= 512 + 1300 && st->auth_failed - before <= 1300,
	   "%u a second from a network: %u in 5 s, then %u", 100 * many, before,
	   (unsigned int)(st->auth_failed - before));
	a_gets_in("an attack from one network");
	teardown();
}

/*
 * A stranger on the /64 of the members opens SAs, returns cookies, and does not
 * continue.
 */
static void same_net(unsigned int per_s)
{
	unsigned int n = 0;
	uint64_t end;
	char addr[64];

	setup(NULL, &ca2);
	ep_parse("[2001:db8:f::aaaa]:848", 0, &a->ep);
	end = net.ms + 10000;
	while (net.ms < end + 60000 && !a->seen.registered) {
		bool due = net.ms >= end && !n++;

		snprintf(addr, sizeof(addr), "[2001:db8:f::%x]:%u",
			 (unsigned int)net.ms % 5000 + 1,
			 1024 + (unsigned int)(net.ms % 60000));
		ep_parse(addr, 0, &x->ep);
		node_join(x, g, GCKS, false);
		if (due)
			node_join(a, g, GCKS, false);
		for (unsigned int i = 0; i < 16 && net.n_queue; i++) {
			struct packet *q = &net.queue[0];

			/* The answer without a cookie is not used. */
			if (ep_equal(&q->from, &g->ep) &&
			    !ep_equal(&q->to, &a->ep) && q->len > 120)
				net_drop(&net, 0);
			else
				net_step(&net);
		}
		net_run(&net);
		forget();
		net_pass(&net, 1000 / per_s, true);
	}
	ok(a->seen.registered && net.ms - end < 10000,
	   "%u IKE_SA_INIT a second in its /64: a.example is in after %u ms",
	   per_s, (unsigned int)(net.ms - end));
	teardown();
}

/* ---- cookies ------------------------------------------------------------ */

/*
 * The first IKE_SA_INIT of a.example is answered with a cookie. A delayed copy
 * is answered in full, because cookies are off again. a.example uses that
 * answer, after it has returned the cookie.
 */
static void late_copy(void)
{
	const struct ike_engine_cfg cfg = { .cookie_above = 1 };
	uint8_t copy[2048];
	size_t len;

	setup(&cfg, &ca);
	node_join(x, g, GCKS, false);
	net_step(&net);
	is_int(st->half_open, 1, "half-open: cookies from here on");
	net_drop(&net, 0);
	node_join(a, g, GCKS, false);
	len = net.queue[0].len;
	memcpy(copy, net.queue[0].p, len);
	net_step(&net);
	is_int(st->cookie_sent, 1, "a.example gets one");
	net_step(&net);
	/* The request with the cookie is lost. */
	net_drop(&net, 0);
	engine_enter(g->engine);
	sa_close(LIST_FIRST(&g->engine->sas), 0, "nobody is half-open now");
	engine_leave(g->engine);
	ike_engine_input(g->engine, &a->ep, &g->ep, copy, len);
	is_int(st->half_open, 1, "the late copy is answered");
	net_run(&net);
	is_int(a->seen.registered, 1, "a.example is in");
	is_int(st->auth_failed, 0,
	       "a member whose copy comes late has not failed");
	teardown();
}

/* Requests that differ only by a cookie of the server are the same request. */
static void another_request(void)
{
	const struct ike_engine_cfg cfg = { .cookie_above = 1 };
	struct ike_sa *sa;

	setup(&cfg, &ca);
	node_join(x, g, GCKS, false);
	net_step(&net);
	net_drop(&net, 0);
	sa = node_join(a, g, GCKS, false);
	net_step(&net);
	net_step(&net);
	is_int(st->cookie_sent, 1, "cookies are given out");
	/* a.example signs other octets than the key server has received. */
	sa->hs->init_req.p[sa->hs->init_req.len - 1] ^= 1;
	net_run(&net);
	is_int(a->seen.registered, 0, "an altered IKE_SA_INIT is noticed");
	is_int(st->auth_failed, 1,
	       "an altered IKE_SA_INIT is AUTH that does not verify");
	teardown();
}

/* ---- answers to unknown peers ------------------------------------------- */

/* A header of an unknown IKE SA. */
static void unknown_sa(const char *addr, uint8_t nr)
{
	uint8_t msg[32] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, nr };
	struct ep from;

	ep_parse(addr, IKE_PORT, &from);
	msg[16] = IKE_PLD_SK;
	msg[17] = IKE_VERSION;
	msg[18] = IKE_XCHG_INFORMATIONAL;
	msg[19] = IKE_FLAG_INITIATOR;
	msg[27] = sizeof(msg);
	ike_engine_input(g->engine, &from, &g->ep, msg, sizeof(msg));
}

static void answers(void)
{
	char addr[64];

	setup(NULL, &ca2);
	for (unsigned int i = 0; i < 1000; i++) {
		snprintf(addr, sizeof(addr), "2001:db8:f::%x", i + 1);
		unknown_sa(addr, i);
	}
	is_int(net.n_queue, 20, "1,000 questions of one /64: 20 answers");
	is_int(st->mute, 980, "the others are counted");
	unknown_sa("2001:db8:a::1", 1);
	is_int(net.n_queue, 21, "a member elsewhere has its answer at once");
	teardown();
}

/* A handshake whose half-open SA was dropped starts again soon. */
static void pushed_out(void)
{
	struct ike_sa *sa;

	setup(NULL, &ca2);
	node_join(a, g, GCKS, false);
	net_step(&net);
	net_step(&net);
	is_int(st->half_open, 1, "pushed out: the SA is half-open");
	sa = LIST_FIRST(&g->engine->sas);
	engine_enter(g->engine);
	sa_close(sa, 0, "gives way");
	engine_leave(g->engine);
	net_pass(&net, 3000, true);
	is_int(a->seen.refused, 1, "known after 3 s at most");
	is_str(a->seen.text, "the peer no longer has the IKE SA",
	       "the member knows why its IKE SA is gone");
	teardown();
}

/* ---- reasons in the log ------------------------------------------------- */

static void not_taken(void)
{
	static struct sa_pld ours, theirs;
	struct ike_engine_cfg gcfg = { .proposals = &ours };
	struct pki_opt opt = { .kind = PKI_MEMBER,
			       .dns = "y.example",
			       .ca = &ca };
	struct ike_engine_cfg ycfg = { .proposals = &theirs };
	struct packet *q;
	struct node *y;

	ike_default_proposals(&ours);
	ike_default_proposals(&theirs);
	for (unsigned int i = 0; i < ours.p[0].n; i++)
		if (ours.p[0].t[i].type == GIKE_TT_KWA)
			ours.p[0].t[i].id = GIKE_KWA_5649_256;
	theirs.p[0].n = 9;
	setup(&gcfg, &ca);
	/* An IKEv2 initiator without support for RFC 9838. */
	y = node_new(&net, "[2001:db8:e::1]", &opt, &ca, &ycfg);
	node_join(y, g, GCKS, false);
	net_step(&net);
	is_int(g->seen.not_taken, 1, "IKE_SA_INIT without key wrap is noted");
	ok(strstr(g->seen.text, "NO_PROPOSAL_CHOSEN") &&
		   strstr(g->seen.text, "key wrap"),
	   "with the reason: %s", g->seen.text);

	/* An exchange that nobody has defined, instead of GSA_AUTH. */
	node_clear(g);
	node_join(a, g, GCKS, false);
	while (net.n_queue && net.queue[0].p[18] != GIKE_XCHG_GSA_AUTH)
		net_step(&net);
	q = &net.queue[0];
	q->p[18] = 99;
	net_step(&net);
	is_int(g->seen.not_taken, 1, "another exchange is noted");
	ok(strstr(g->seen.text, "(99) where GSA_AUTH"),
	   "the number of the exchange is told: %s", g->seen.text);

	/* IKEv1, and a truncated IKE_SA_INIT. */
	node_clear(g);
	{
		uint8_t msg[28] = { 1, 2, 3, 4, 5, 6, 7, 8 };

		msg[17] = 0x10;
		msg[18] = 2;
		msg[27] = sizeof(msg);
		ike_engine_input(g->engine, &x->ep, &g->ep, msg, sizeof(msg));
		is_str(g->seen.text, "IKE version 1.0", "IKEv1");
		msg[17] = IKE_VERSION;
		msg[18] = IKE_XCHG_IKE_SA_INIT;
		msg[19] = IKE_FLAG_INITIATOR;
		ike_engine_input(g->engine, &x->ep, &g->ep, msg, sizeof(msg));
		is_str(g->seen.text,
		       "IKE_SA_INIT, INVALID_SYNTAX: SA, KE or nonce is missing",
		       "an empty IKE_SA_INIT");
	}
	is_int(g->seen.not_taken, 2, "two malformed IKE_SA_INITs are counted");
	teardown();
}

/* ---- key exchanges ------------------------------------------------------ */

static uint8_t bad[2048];
static size_t bad_len;

/* Offer one group of two, with a value of the one that is first. */
static const struct sa_pld *offer_of(unsigned int first, unsigned int second)
{
	static struct sa_pld sa;
	struct proposal *p;

	memset(&sa, 0, sizeof(sa));
	p = proposal_add(&sa, 1, IKE_PROTO_IKE);
	proposal_put(p, IKE_TT_ENCR, IKE_ENCR_AES_GCM_16, 256);
	proposal_put(p, IKE_TT_PRF, IKE_PRF_HMAC_SHA2_256, 0);
	proposal_put(p, IKE_TT_KE, first, 0);
	if (second)
		proposal_put(p, IKE_TT_KE, second, 0);
	proposal_put(p, GIKE_TT_KWA, GIKE_KWA_5649_256, 0);
	return &sa;
}

/* Make an IKE_SA_INIT of x whose public value is zero. */
static void make_bad_ke(void)
{
	struct ike_sa *sa = node_join(x, g, GCKS, false);
	size_t n = dh_public_len(dh_group(sa->hs->dh));
	uint8_t *at;

	bad_len = net.queue[0].len;
	memcpy(bad, net.queue[0].p, bad_len);
	at = memmem(bad, bad_len, dh_public(sa->hs->dh), n);
	if (!at)
		bail("no KE in IKE_SA_INIT");
	memset(at, 0, n);
	forget();
}

/* Send it @n times; return cookies if @returns. */
static void bad_kes(unsigned int n, bool returns)
{
	static unsigned int k;
	uint8_t msg[2048];

	for (; n; n--) {
		put_unaligned_be32(++k, bad);
		ike_engine_input(g->engine, &x->ep, &g->ep, bad, bad_len);
		if (returns && net.n_queue &&
		    net.queue[0].p[35] == (IKE_N_COOKIE & 0xff)) {
			size_t len = net.queue[0].len - IKE_HDR_LEN;

			memcpy(msg, bad, IKE_HDR_LEN);
			memcpy(msg + IKE_HDR_LEN, net.queue[0].p + IKE_HDR_LEN,
			       len);
			memcpy(msg + IKE_HDR_LEN + len, bad + IKE_HDR_LEN,
			       bad_len - IKE_HDR_LEN);
			msg[IKE_HDR_LEN] = bad[16];
			msg[16] = IKE_PLD_NOTIFY;
			put_unaligned_be32(bad_len + len, msg + 24);
			ike_engine_input(g->engine, &x->ep, &g->ep, msg,
					 bad_len + len);
		}
		while (net.n_queue)
			net_drop(&net, 0);
	}
}

/* A value that fails costs a key exchange, and leaves nothing half-open. */
static void bad_ke(unsigned int group)
{
	const struct ike_engine_cfg cfg = { .proposals = offer_of(group, 0) };

	setup(&cfg, &ca);
	x->engine->proposals = *offer_of(group, 0);
	make_bad_ke();
	bad_kes(100, false);
	is_int(st->in_syntax, 64, "group %u: 64 bad values at once", group);
	is_int(st->cookie_sent, 36, "group %u: a cookie comes before the 65th",
	       group);
	net_pass(&net, 1000, false);
	bad_kes(100, false);
	is_int(st->in_syntax, 64 + 2, "group %u: two more in a second", group);
	bad_kes(1000, true);
	is_int(st->in_syntax, 66 + 256,
	       "group %u: its address has its share behind a cookie", group);
	is_int(st->paced, 1000 - 256, "group %u: the others are passed over",
	       group);
	a_gets_in("a stranger sends bad values");
	net_pass(&net, 32000, false);
	bad_kes(64, false);
	is_int(st->in_syntax, 322 + 64, "group %u: after 32 s all are back",
	       group);
	teardown();
}

/* Forged requests use up nothing of their alleged sender. */
static void bad_ke_forged(void)
{
	setup(NULL, &ca);
	make_bad_ke();
	bad_kes(1000, false);
	is_int(st->in_syntax, 64, "forged: 64 bad values");
	x_from("[2001:db8:f::1]");
	is_int(x->seen.registered, 1, "the alleged sender is in at once");
	is_int(st->paced, 0, "the alleged sender was not passed over");
	teardown();
}

/* RFC 7296 section 1.2: another group than we chose is no bad value. */
static void other_group(void)
{
	const struct ike_engine_cfg cfg = {
		.proposals = offer_of(IKE_KE_X25519, 0),
	};

	setup(&cfg, &ca);
	x->engine->proposals = *offer_of(IKE_KE_P256, IKE_KE_X25519);
	for (unsigned int i = 0; i < 200; i++) {
		node_join(x, g, GCKS, false);
		net_step(&net);
		forget();
	}
	is_int(st->invalid_ke, 200, "200 requests have another group");
	is_int(st->cookie_sent, 0, "another group asks for no cookie");
	x->engine->proposals = *offer_of(IKE_KE_X25519, 0);
	make_bad_ke();
	bad_kes(100, false);
	is_int(st->cookie_sent, 36, "bad values do");
	a->engine->proposals = *offer_of(IKE_KE_P256, IKE_KE_X25519);
	a_gets_in("another group, while a stranger sends bad values");
	is_int(st->invalid_ke, 201, "a.example has tried with another group");
	teardown();
}

int main(void)
{
	log_set_level(LOG_LEVEL_ERR);
	RUN(one_identity);
	RUN(one_identity_at_once);
	RUN(all_places);
	RUN(failing);
	RUN(same_net, 20);
	RUN(same_net, 100);
	RUN(same_net, 500);
	RUN(late_copy);
	RUN(another_request);
	RUN(answers);
	RUN(pushed_out);
	RUN(not_taken);
	RUN(bad_ke, IKE_KE_X25519);
	RUN(bad_ke, IKE_KE_P384);
	RUN(bad_ke_forged);
	RUN(other_group);
	return done();
}
