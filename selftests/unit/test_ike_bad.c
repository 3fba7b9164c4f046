// SPDX-License-Identifier: Apache-2.0
/* Both ends of the IKE SA in one process: failures and their handling. */
#include <errno.h>

#include "crypto/cert.h"
#include "ike/exchange.h"
#include "ike_net.h"
#include "lib/log.h"
#include "lib/util.h"
#include "tap.h"

#define GCKS "gcks.example"

static struct net net;
static struct pki_pair ca, ca2;
static struct node *g, *m;

static void begin(void)
{
	net_init(&net);
	pki_ca(&net, "test CA", &ca);
	pki_ca(&net, "other CA", &ca2);
}

static void nodes(const struct pki_opt *gopt, const struct pki_pair *gtrust,
		  const struct pki_opt *mopt, const struct pki_pair *mtrust)
{
	g = node_new(&net, "192.0.2.1", gopt, gtrust, NULL);
	m = node_new(&net, "192.0.2.2", mopt, mtrust, NULL);
}

static void setup(void)
{
	struct pki_opt gopt = { .kind = PKI_GCKS, .dns = GCKS, .ca = &ca };
	struct pki_opt mopt = { .kind = PKI_MEMBER,
				.dns = "a.example",
				.ca = &ca };

	begin();
	nodes(&gopt, &ca, &mopt, &ca);
}

static void teardown(void)
{
	net_free(&net);
	pki_pair_free(&ca);
	pki_pair_free(&ca2);
}

static void nobody_in(const char *name)
{
	is_int(m->seen.registered, 0, "%s: not registered", name);
	is_int(g->seen.requests, 0, "%s: the group was not asked", name);
	is_int(ike_engine_stats(m->engine)->sas, 0,
	       "%s: no IKE SA at the member", name);
	is_int(ike_engine_stats(g->engine)->sas, 0,
	       "%s: no IKE SA at the key server", name);
}

/* ---- identities --------------------------------------------------------- */

static void member_refused(const char *name, const struct pki_opt *mopt,
			   const char *why)
{
	struct pki_opt gopt = { .kind = PKI_GCKS, .dns = GCKS, .ca = &ca };

	nodes(&gopt, &ca, mopt, &ca);
	node_join(m, g, GCKS, false);
	net_run(&net);
	nobody_in(name);
	is_int(m->seen.notify, IKE_N_AUTHENTICATION_FAILED,
	       "%s: the member is told", name);
	is_str(m->seen.text, "AUTHENTICATION_FAILED from key server",
	       "%s: in words", name);
	is_int(g->seen.auth_failed, 1, "%s: the key server notes it", name);
	if (!ok(strstr(g->seen.text, why), "%s: the event has the reason",
		name))
		diag("%s", g->seen.text);
	diag("%s", g->seen.text);
	teardown();
}

static void gcks_refused(const char *name, const struct pki_opt *gopt,
			 const char *expect, const char *why)
{
	struct pki_opt mopt = { .kind = PKI_MEMBER,
				.dns = "a.example",
				.ca = &ca };

	nodes(gopt, &ca, &mopt, &ca);
	node_join(m, g, expect, false);
	net_run(&net);
	is_int(m->seen.registered, 0, "%s: keys are not taken", name);
	is_int(m->seen.notify, 0, "%s: the reason is here", name);
	if (!ok(strstr(m->seen.text, why), "%s: in words", name))
		diag("%s", m->seen.text);
	diag("%s", m->seen.text);
	is_int(m->seen.refused, 1, "%s: said once", name);
	is_int(m->seen.sa_closed, 1, "%s: the IKE SA is closed", name);
	is_int(g->seen.ev_refused, 1, "%s: the key server is told", name);
	is_str(g->seen.reason, "AUTHENTICATION_FAILED from the peer",
	       "%s: the key server closes too", name);
	teardown();
}

static void identities(void)
{
	struct pki_opt opt;

	begin();
	opt = (struct pki_opt){ .kind = PKI_MEMBER,
				.dns = "a.example",
				.ca = &ca2 };
	member_refused("stranger of another CA", &opt,
		       "certificate: issuer unknown (");

	begin();
	opt.ca = &ca;
	opt.from = net.wall - 7200;
	opt.to = net.wall - 3600;
	member_refused("expired member", &opt, "expired");

	begin();
	opt.from = net.wall + 3600;
	opt.to = net.wall + 7200;
	member_refused("member from the future", &opt, "not yet valid");

	begin();
	opt = (struct pki_opt){ .kind = PKI_GCKS,
				.dns = "a.example",
				.ca = &ca };
	{
		struct pki_opt gopt = { .kind = PKI_GCKS,
					.dns = GCKS,
					.ca = &ca };

		g = node_new(&net, "192.0.2.1", &gopt, &ca, NULL);
		m = node_new(&net, "192.0.2.2", &opt, &ca, NULL);
		node_join(m, g, GCKS, false);
		net_run(&net);
		is_int(m->seen.registered, 1,
		       "a key server may be a member as well");
		teardown();
	}

	/* A member claims another identity. */
	begin();
	{
		struct pki_opt gopt = { .kind = PKI_GCKS,
					.dns = GCKS,
					.ca = &ca };
		struct ike_engine_cfg cfg = { 0 };

		opt.kind = PKI_MEMBER;
		id_from_text(&cfg.id, "b.example");
		g = node_new(&net, "192.0.2.1", &gopt, &ca, NULL);
		m = node_new(&net, "192.0.2.2", &opt, &ca, &cfg);
		node_join(m, g, GCKS, false);
		net_run(&net);
		nobody_in("another's name");
		is_str(g->seen.text, "certificate: does not name this identity",
		       "identities: the reason is told");
		teardown();
	}

	/*
	 * Evicted as b.example, the member claims CN=b.example, the subject of
	 * the same certificate, which no list contains.
	 */
	begin();
	{
		static const uint8_t dn[] = "\x30\x14\x31\x12\x30\x10\x06\x03"
					    "\x55\x04\x03\x0c\x09"
					    "b.example";
		struct pki_opt gopt = { .kind = PKI_GCKS,
					.dns = GCKS,
					.ca = &ca };
		struct ike_engine_cfg cfg = { 0 };

		opt.kind = PKI_MEMBER;
		opt.dns = "b.example";
		id_set(&cfg.id, IKE_ID_DER_ASN1_DN, dn, sizeof(dn) - 1);
		g = node_new(&net, "192.0.2.1", &gopt, &ca, NULL);
		m = node_new(&net, "192.0.2.2", &opt, &ca, &cfg);
		node_join(m, g, GCKS, false);
		net_run(&net);
		nobody_in("the subject instead of the name");
		ok(strstr(g->seen.text,
			  ": identity is not the first subjectAltName of the certificate"),
		   "identities: the reason is told");
		teardown();
	}

	begin();
	opt = (struct pki_opt){ .kind = PKI_GCKS, .dns = GCKS, .ca = &ca2 };
	gcks_refused("key server of another CA", &opt, GCKS,
		     "certificate: issuer unknown (");
	begin();
	opt.ca = &ca;
	opt.to = net.wall - 60;
	opt.from = net.wall - 7200;
	gcks_refused("expired key server", &opt, GCKS, "expired");
	begin();
	opt = (struct pki_opt){ .kind = PKI_GCKS,
				.dns = "evil.example",
				.ca = &ca };
	gcks_refused("another key server", &opt, GCKS,
		     "key server has identity \"evil.example\", expected is gcks.example");
}

/* A member acts as a key server, for which its certificate is not valid. */
static void member_as_gcks(void)
{
	struct pki_opt gopt = { .kind = PKI_MEMBER, .dns = GCKS, .ca = &ca };
	struct pki_opt mopt = { .kind = PKI_MEMBER,
				.dns = "a.example",
				.ca = &ca };
	/* node_new() makes responders of key servers only, unless it is told to. */
	struct ike_engine_cfg cfg = { .responder = true };

	begin();
	g = node_new(&net, "192.0.2.1", &gopt, &ca, &cfg);
	m = node_new(&net, "192.0.2.2", &mopt, &ca, NULL);
	node_join(m, g, GCKS, false);
	net_run(&net);
	is_int(m->seen.registered, 0, "a member is no key server");
	ok(strstr(m->seen.text, "certificate: "),
	   "the reason is the certificate");
	diag("%s", m->seen.text);
	teardown();
}

/* A key server answers with algorithms that the member has not offered. */
static void not_asked_for(void)
{
	static struct sa_pld sag;
	struct pki_opt gopt = { .kind = PKI_GCKS, .dns = GCKS, .ca = &ca };
	struct pki_opt mopt = { .kind = PKI_MEMBER,
				.dns = "a.example",
				.ca = &ca };
	struct gike_req req;
	struct proposal *p;
	struct ike_sa *sa;
	struct ike_id id;

	memset(&sag, 0, sizeof(sag));
	p = proposal_add(&sag, 1, IKE_PROTO_ESP);
	proposal_put(p, IKE_TT_ENCR, IKE_ENCR_AES_GCM_16, 256);
	proposal_put(p, IKE_TT_SN, GIKE_SN_32_UNSPEC, 0);
	begin();
	nodes(&gopt, &ca, &mopt, &ca);
	id_from_text(&id, GCKS);
	group_req(&req, "video", false);
	req.sag = &sag;
	if (ike_register(m->engine, &m->ep, &g->ep, &id, &req, &sa))
		bail("ike_register");
	net_run(&net);
	is_int(m->seen.registered, 0, "AES-128 where AES-256 was asked for");
	is_str(m->seen.text, "policy refused: member lacks ENCR for the ESP SA",
	       "the reason names the lacking transform");
	is_int(g->seen.req.report, IKE_N_NO_PROPOSAL_CHOSEN,
	       "the key server is told");
	/* The same answer to a member that has offered them. */
	p->t[0].key_bits = 128;
	node_clear(m);
	if (ike_register(m->engine, &m->ep, &g->ep, &id, &req, &sa))
		bail("ike_register");
	net_run(&net);
	is_int(m->seen.registered, 1, "an exchange that was offered is taken");

	/* Sender-IDs: the key server of this test assigns one. */
	node_clear(m);
	group_req(&req, "video", true);
	g->n_sids = 3;
	if (ike_register(m->engine, &m->ep, &g->ep, &id, &req, &sa))
		bail("ike_register");
	net_run(&net);
	is_int(m->seen.registered, 0, "three Sender-IDs for two");
	is_str(m->seen.text, "policy refused: 3 Sender-IDs instead of 2",
	       "the reason names both numbers of Sender-IDs");
	teardown();
}

/* ---- on the wire -------------------------------------------------------- */

/* Run the handshake up to packet @stage, and leave that one queued. */
static void run_until(unsigned int stage)
{
	setup();
	node_join(m, g, GCKS, false);
	for (unsigned int i = 0; i < stage; i++)
		net_step(&net);
}

static void deliver(const struct packet *q, uint8_t *p, size_t len)
{
	struct node *n = addr_equal(&q->to.addr, &g->ep.addr) ? g : m;

	ike_engine_input(n->engine, &q->from, &q->to, p, len);
}

static void put_len(uint8_t *p, size_t len)
{
	if (len < 28)
		return;
	p[24] = 0;
	p[25] = 0;
	put_unaligned_be16(len, p + 26);
}

/* Answers to the damaged copies are dropped. */
static void drop_behind(unsigned int n)
{
	while (net.n_queue > n)
		net_drop(&net, net.n_queue - 1);
}

/*
 * After the unprotected exchange a damaged packet changes nothing, and the
 * genuine one is accepted afterwards.
 */
static void protected_stages(void)
{
	static const char *const names[] = { "GSA_AUTH request",
					     "GSA_AUTH answer" };

	for (unsigned int stage = 2; stage < 4; stage++) {
		unsigned int n = 0;
		struct packet *q;
		uint8_t *p;

		run_until(stage);
		q = &net.queue[0];
		for (size_t i = 0; i < q->len; i++, n++) {
			p = malloc(q->len);
			memcpy(p, q->p, q->len);
			p[i] ^= 1 << i % 8;
			deliver(q, p, q->len);
			free(p);
			drop_behind(1);
		}
		for (size_t len = 0; len < q->len; len++, n++) {
			p = malloc(len ? len : 1);
			memcpy(p, q->p, len);
			put_len(p, len);
			deliver(q, p, len);
			free(p);
			drop_behind(1);
		}
		is_int(g->seen.requests, stage == 3,
		       "%s: %u damaged copies change nothing", names[stage - 2],
		       n);
		is_int(m->seen.registered + m->seen.refused, 0,
		       "%s: damaged copies change nothing at the member",
		       names[stage - 2]);
		net_run(&net);
		is_int(m->seen.registered, 1,
		       "%s: the genuine message is accepted", names[stage - 2]);
		is_int(m->seen.tek_ret, 0, "%s: the member has the keys",
		       names[stage - 2]);
		teardown();
	}
}

/* Cut the last octets off the nonce of an IKE_SA_INIT. */
static void cut_nonce(struct packet *q, size_t keep)
{
	struct ike_hdr h;
	struct pwalk w;
	struct pld pld;
	size_t at, cut;

	ike_hdr_parse(q->p, q->len, &h);
	pwalk_init(&w, h.next, q->p + IKE_HDR_LEN, q->len - IKE_HDR_LEN);
	while (pwalk_next(&w, &pld) > 0 && pld.type != IKE_PLD_NONCE)
		;
	if (pld.type != IKE_PLD_NONCE || pld.len < keep)
		bail("no such nonce");
	at = pld.body - q->p;
	cut = pld.len - keep;
	put_unaligned_be16(IKE_PLD_HDR_LEN + keep, q->p + at - 2);
	memmove(q->p + at + keep, q->p + at + pld.len, q->len - at - pld.len);
	q->len -= cut;
	put_len(q->p, q->len);
}

/* Our nonces have 32 octets, half of the longest key of a PRF. */
static void nonce_of(uint16_t prf, size_t keep, bool taken)
{
	struct pki_opt gopt = { .kind = PKI_GCKS, .dns = GCKS, .ca = &ca };
	struct pki_opt mopt = { .kind = PKI_MEMBER,
				.dns = "a.example",
				.ca = &ca };
	static struct sa_pld only;
	struct ike_engine_cfg cfg = { .proposals = &only };
	struct proposal *p;

	memset(&only, 0, sizeof(only));
	p = proposal_add(&only, 1, IKE_PROTO_IKE);
	proposal_put(p, IKE_TT_ENCR, IKE_ENCR_AES_GCM_16, 256);
	proposal_put(p, IKE_TT_PRF, prf, 0);
	proposal_put(p, IKE_TT_KE, IKE_KE_X25519, 0);
	proposal_put(p, GIKE_TT_KWA, GIKE_KWA_5649_256, 0);
	for (unsigned int stage = 0; stage < 2; stage++) {
		struct node **at = stage ? &m : &g;

		begin();
		g = node_new(&net, "192.0.2.1", &gopt, &ca, &cfg);
		m = node_new(&net, "192.0.2.2", &mopt, &ca, &cfg);
		node_join(m, g, GCKS, false);
		if (stage)
			net_step(&net);
		cut_nonce(&net.queue[0], keep);
		net_step(&net);
		is_int(ike_engine_stats((*at)->engine)->in_syntax, !taken,
		       "PRF %u, nonce of %zu octets in the %s: %s", prf, keep,
		       stage ? "answer" : "request",
		       taken ? "taken" : "malformed");
		is_int(ike_engine_stats(g->engine)->sas, stage || taken,
		       "PRF %u, nonce of %zu octets: IKE SAs of the key server",
		       prf, keep);
		is_int(net.n_queue, taken || !stage,
		       "PRF %u, nonce of %zu octets: the next message", prf,
		       keep);
		teardown();
	}
}

/* A nonce has 16 octets or more, and at least half of the PRF's key. */
static void rfc7296_2_10_nonces(void)
{
	nonce_of(IKE_PRF_HMAC_SHA2_256, 15, false);
	nonce_of(IKE_PRF_HMAC_SHA2_256, 16, true);
	nonce_of(IKE_PRF_HMAC_SHA2_384, 23, false);
	nonce_of(IKE_PRF_HMAC_SHA2_384, 24, true);
	nonce_of(IKE_PRF_HMAC_SHA2_512, 31, false);
	nonce_of(IKE_PRF_HMAC_SHA2_512, 32, true);
}

/* The SPI that an initiator chooses is not zero, nor is that of the answer. */
static void rfc7296_3_1_zero_spi(void)
{
	run_until(0);
	memset(net.queue[0].p, 0, IKE_SPI_LEN);
	net_step(&net);
	is_int(ike_engine_stats(g->engine)->sas, 0,
	       "an initiator's SPI of zero opens no IKE SA");
	is_int(ike_engine_stats(g->engine)->in_xchg, 1,
	       "an initiator's SPI of zero is counted");
	is_int(net.n_queue, 0, "an initiator's SPI of zero is not answered");
	teardown();

	run_until(1);
	memset(net.queue[0].p + IKE_SPI_LEN, 0, IKE_SPI_LEN);
	net_step(&net);
	is_int(ike_engine_stats(m->engine)->in_syntax, 1,
	       "a responder's SPI of zero is counted");
	is_int(net.n_queue, 0, "a responder's SPI of zero has no GSA_AUTH");
	teardown();
}

/*
 * IKE_SA_INIT is not protected. An altered one may open an SA, but AUTH covers
 * its octets, so it is never authenticated. A copy that makes the member ask
 * again (INVALID_KE_PAYLOAD) has the same final result.
 */
static void unprotected_stages(void)
{
	size_t len = 1;
	unsigned int in = 0, n = 0, weak = 0, again = 0;
	static const char strongest[] = "aes-gcm-16-256 sha2-256 x25519 kw-256";
	char algs[80];

	for (unsigned int stage = 0; stage < 2; stage++) {
		for (size_t i = 0; i < len; i += 3) {
			run_until(stage);
			len = net.queue[0].len;
			net.queue[0].p[i] ^= 1 << i % 8;
			net_run(&net);
			n++;
			if (m->seen.registered) {
				bool asked = ike_engine_stats(m->engine)->out >
					     2;

				again += asked;
				in += !asked;
				ike_sa_algs(m->sa, algs, sizeof(algs));
				weak += !!strcmp(algs, strongest);
			}
			teardown();
		}
		len = 1;
	}
	is_int(in, 0, "%u altered IKE_SA_INITs: nobody gets in", n);
	is_int(weak, 0, "%u asked again: with the strongest all the same",
	       again);

	/*
	 * The altered copy is sent beside the genuine request, and both are
	 * answered.
	 */
	run_until(0);
	len = net.queue[0].len;
	for (size_t i = 0; i < len; i++) {
		uint8_t *p = malloc(len);

		memcpy(p, net.queue[0].p, len);
		p[i] ^= 1 << i % 8;
		ike_engine_input(g->engine, &net.queue[0].from,
				 &net.queue[0].to, p, len);
		free(p);
		drop_behind(1);
		/* Half-open SAs would reach the limit of the address. */
		while (LIST_FIRST(&g->engine->sas))
			ike_close(LIST_FIRST(&g->engine->sas), "test");
	}
	for (size_t k = 0; k < len; k++) {
		uint8_t *p = malloc(k ? k : 1);

		memcpy(p, net.queue[0].p, k);
		put_len(p, k);
		ike_engine_input(g->engine, &net.queue[0].from,
				 &net.queue[0].to, p, k);
		free(p);
		drop_behind(1);
	}
	net_run(&net);
	is_int(m->seen.registered, 1, "the true one gets in beside them");
	teardown();
}

/* Remove AES-256 and P-256 from the offer, as a man in the middle. */
static void downgrade(void)
{
	struct ike_msg msg = { 0 };
	struct packet *q;
	uint8_t *p;

	run_until(0);
	q = &net.queue[0];
	ike_hdr_parse(q->p, q->len, &msg.h);
	msg_sort(&msg, MSG_CLEAR, msg.h.next, q->p + 28, q->len - 28, NULL);
	/*
	 * The first transform is changed from AES-GCM 256 to 128, which is
	 * offered too.
	 */
	p = (uint8_t *)msg.sa.body + 8;
	ok(p[4] == IKE_TT_ENCR && p[10] == 1 && p[11] == 0, "AES-256 first");
	p[10] = 0;
	p[11] = 128;
	net_run(&net);
	is_int(m->seen.registered, 0, "downgraded offer: not registered");
	is_int(g->seen.requests, 0, "downgraded offer: not believed");
	teardown();

	/* The answer has an algorithm that was not chosen. */
	run_until(1);
	q = &net.queue[0];
	ike_hdr_parse(q->p, q->len, &msg.h);
	msg_sort(&msg, MSG_CLEAR, msg.h.next, q->p + 28, q->len - 28, NULL);
	p = (uint8_t *)msg.sa.body + 8;
	p[10] = 0;
	p[11] = 128;
	net_run(&net);
	is_int(m->seen.registered + g->seen.requests, 0,
	       "downgraded answer: nobody in");
	teardown();
}

/* ---- hash and URL ------------------------------------------------------- */

static uint8_t cert_encoding;
static bool cert_too; /* the certificate itself, before it */
static unsigned int lookups; /* N(HTTP_CERT_LOOKUP_SUPPORTED) */

static int send_url(struct ike_sa *sa, const struct ike_task *t)
{
	static const char url[] = "twenty octets of SHA"
				  "http://192.0.2.9/a.crt";
	struct cert_der der = cert_chain_der(sa->engine->cfg.chain, 0);
	static const uint8_t sig[64];
	static const uint8_t ed25519[] = { 0x30, 5, 6, 3, 0x2b, 0x65, 0x70 };
	struct pchain c;
	struct wbuf w;
	int ret;

	ret = ike_sa_state(sa, IKE_ST_AUTH_SENT);
	wbuf_init(&w, IKE_INNER_MAX);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	id_build(&c, IKE_PLD_IDI, &sa->engine->cfg.id);
	if (cert_too)
		cert_build(&c, IKE_PLD_CERT, IKE_CERT_X509_SIGNATURE, der.p,
			   der.len);
	cert_build(&c, IKE_PLD_CERT, cert_encoding, (const uint8_t *)url,
		   sizeof(url) - 1);
	auth_build(&c, ed25519, sizeof(ed25519), sig, sizeof(sig));
	if (!ret)
		ret = groupreq_build(&c, t);
	if (!ret)
		ret = sa_request(sa, GIKE_XCHG_GSA_AUTH, c.first, &w);
	wbuf_free(&w);
	return ret;
}

static void count_lookup(const struct packet *q)
{
	static const uint8_t notify[] = { 0, 8, 0, 0, 16392 >> 8, 16392 & 255 };

	lookups += !!memmem(q->p, q->len, notify, sizeof(notify));
}

static void rfc7296_3_6_hash_and_url(void)
{
	for (int kind = 0; kind < 4; kind++) {
		cert_encoding = kind & 1 ? IKE_CERT_HASH_URL_BUNDLE
					 : IKE_CERT_HASH_URL_X509;
		cert_too = kind & 2;
		setup();
		node_own_exchange(m, GIKE_XCHG_GSA_AUTH)->build = send_url;
		node_join(m, g, GCKS, false);
		count_lookup(&net.queue[0]);
		net_step(&net);
		count_lookup(&net.queue[0]);
		net_run(&net);
		nobody_in("hash and URL");
		is_int(lookups, 0,
		       "HTTP_CERT_LOOKUP_SUPPORTED is not sent by either side");
		is_int(m->seen.notify, IKE_N_AUTHENTICATION_FAILED,
		       "encoding %u: the peer is told", cert_encoding);
		is_str(g->seen.text,
		       "certificate: sent as hash and URL, which is not supported; the peer has to send the certificate itself",
		       "the log says what is to be done");
		is_int(net.lost, 0, "nothing is sent to the host of the URL");
		teardown();
	}
}

static void replays(void)
{
	static uint8_t copy[8][8192];
	struct packet saved[8];
	unsigned int n = 0, sas;

	setup();
	node_join(m, g, GCKS, false);
	while (net.n_queue) {
		saved[n] = net.queue[0];
		memcpy(copy[n], net.queue[0].p, net.queue[0].len);
		saved[n].p = copy[n];
		n++;
		net_step(&net);
	}
	is_int(n, 4, "four packets");
	is_int(m->seen.registered, 1, "replays: the member is registered");
	sas = ike_engine_stats(g->engine)->sas;
	for (unsigned int i = 0; i < n; i++) {
		deliver(&saved[i], saved[i].p, saved[i].len);
		net_run(&net);
	}
	is_int(m->seen.registered, 1, "all of it again: not registered again");
	is_int(g->seen.requests, 1,
	       "a registration that is replayed is not asked for");
	is_int(ike_engine_stats(g->engine)->sas, sas, "no other IKE SA");
	ok(ike_sa_is_up(m->sa), "the IKE SA is up after a replay");
	/* Packets are reflected to their senders. */
	for (unsigned int i = 0; i < n; i++) {
		struct packet q = saved[i];

		q.from = saved[i].to;
		q.to = saved[i].from;
		deliver(&q, saved[i].p, saved[i].len);
	}
	net_run(&net);
	is_int(m->seen.registered + g->seen.requests, 2, "reflected: nothing");
	ok(ike_sa_is_up(m->sa), "the IKE SA is up after a reflection");
	teardown();
}

int main(void)
{
	log_init("test", LOG_LEVEL_ERR, true);
	RUN(identities);
	RUN(member_as_gcks);
	RUN(not_asked_for);
	RUN(protected_stages);
	RUN(unprotected_stages);
	RUN(rfc7296_2_10_nonces);
	RUN(rfc7296_3_1_zero_spi);
	RUN(downgrade);
	RUN(rfc7296_3_6_hash_and_url);
	RUN(replays);
	return done();
}
