// SPDX-License-Identifier: Apache-2.0
/*
 * Session resumption (RFC 5723): a ticket opens one IKE SA with the peer of the one
 * that it was given over, by keys that follow from both, and no other; whatever is
 * wrong with it costs the member a key exchange and nothing else.
 */
#include <errno.h>

#include "crypto/crl.h"
#include "crypto/prf.h"
#include "ike/exchange.h"
#include "ike/ppk.h"
#include "ike/psk.h"
#include "ike/session.h"
#include "ike_pair.h"
#include "crls.h"
#include "lib/log.h"
#include "tap.h"
#include "wipes.h"

#define LIFETIME 600
#define SA_LIFETIME 14400
#define IDLE_MS 300000

static struct ike_engine_cfg gcfg, mcfg;

static void setup(void)
{
	gcfg = (struct ike_engine_cfg){ .ticket_s = LIFETIME,
					.idle_ms = IDLE_MS };
	mcfg = (struct ike_engine_cfg){ .resume = true };
	pair_setup(&gcfg, &mcfg);
}

static const struct ike_stats *gstats(void)
{
	return ike_engine_stats(g->engine);
}

static unsigned int n_queued(uint8_t xchg)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < net.n_queue; i++)
		n += net.queue[i].p[18] == xchg;
	return n;
}

/* The member asks for keys by an IKE SA of its own, which is up then. */
static void joins(const char *what)
{
	node_clear(g);
	node_clear(m);
	node_join(m, g, GCKS, true);
	net_run(&net);
	is_int(m->seen.registered, 1, "%s: registered", what);
	is_int(m->seen.tek_ret, 0, "%s: TEK unwrapped", what);
	is_str(g->seen.peer, "a.example", "%s: the key server knows who", what);
	if (!m->seen.registered)
		diag("%s | %s", m->seen.text, g->seen.text);
}

/* The IKE SA ends where it is idle, and nothing else of it. */
static void ends(void)
{
	net_pass(&net, IDLE_MS + 1000, true);
	is_int(gstats()->sas, 0, "the IKE SA has ended");
	is_int(ike_engine_stats(m->engine)->sas, 0,
	       "the IKE SA has ended at the member");
}

static bool is_said_to_be(const struct ike_sa *sa)
{
	char algs[160];

	ike_sa_algs(sa, algs, sizeof(algs));
	return strlen(algs) > 8 && !strcmp(algs + strlen(algs) - 8, " resumed");
}

static void resumes(const char *what)
{
	uint64_t before = gstats()->resumed;

	joins(what);
	is_int(gstats()->resumed - before, 1, "%s: by the ticket", what);
	is_int(is_said_to_be(m->sa) + is_said_to_be(g->sa), 2,
	       "%s: the status of both sides says so", what);
	is_str(g->seen.about, "authenticated by a ticket",
	       "%s: the log of the key server says so", what);
}

/* The member registers, by IKE_SA_INIT. */
static void starts_anew(const char *what)
{
	uint64_t before = gstats()->resumed;

	joins(what);
	is_int(gstats()->resumed - before, 0, "%s: not by a ticket", what);
	is_int(is_said_to_be(m->sa) + is_said_to_be(g->sa), 0,
	       "%s: the status of both sides says so", what);
}

/* ---- tickets ------------------------------------------------------------- */

static void rfc5723_4_1_request(void)
{
	setup();
	joins("first");
	is_int(m->engine->n_sessions, 1, "a ticket was given, and is kept");
	is_int(gstats()->resumed, 0, "the first IKE SA is no resumed one");
	pair_teardown();

	mcfg.resume = false;
	pair_setup(&gcfg, &mcfg);
	joins("no ticket is asked for");
	ok(!g->engine->tickets, "none is made");
	pair_teardown();

	gcfg.ticket_s = 0;
	mcfg.resume = true;
	pair_setup(&gcfg, &mcfg);
	joins("tickets are off");
	is_int(m->engine->n_sessions, 0, "TICKET_NACK leaves no session");
	ends();
	starts_anew("without a ticket");
	pair_teardown();
}

static void rfc5723_4_3_exchanges(void)
{
	setup();
	joins("first");
	ends();
	node_clear(m);
	node_join(m, g, GCKS, false);
	is_int(n_queued(IKE_XCHG_IKE_SESSION_RESUME), 1,
	       "IKE_SESSION_RESUME comes first");
	is_int(n_queued(IKE_XCHG_IKE_SA_INIT), 0,
	       "no IKE_SA_INIT goes beside it");
	net_step(&net);
	is_int(gstats()->half_open, 1, "the IKE SA is half open");
	net_step(&net);
	is_int(n_queued(GIKE_XCHG_GSA_AUTH), 1, "GSA_AUTH is next");
	ok(net.queue[0].len < 420, "GSA_AUTH has no certificates: %zu octets",
	   net.queue[0].len);
	net_run(&net);
	is_int(m->seen.registered, 1, "registered after two exchanges");
	is_int(gstats()->half_open, 0, "nothing is half open");
	resumes("again while the IKE SA is up");
	pair_teardown();
}

/* RFC 5723 section 5.1, computed here. */
static void rfc5723_5_1_keys(void)
{
	uint8_t seed[PRF_MAX_LEN], out[32], was[32], both[2 * IKE_NONCE_LEN];
	uint8_t text[10 + sizeof(both)] = "Resumption";
	uint8_t more[sizeof(both) + 16];
	struct ike_sa *sa;

	setup();
	joins("first");
	memcpy(was, LIST_FIRST(&m->engine->sas)->keys.sk_d, sizeof(was));
	ends();
	node_clear(m);
	sa = node_join(m, g, GCKS, true);
	net_step(&net);
	net_step(&net);
	memcpy(both, sa->hs->ni.p, IKE_NONCE_LEN);
	memcpy(both + IKE_NONCE_LEN, sa->hs->nr.p, IKE_NONCE_LEN);
	memcpy(text + 10, both, sizeof(both));
	if (prf_one(sa->suite.prf, was, sizeof(was), text, sizeof(text), seed))
		bail("no PRF");
	memcpy(more, both, sizeof(both));
	memcpy(more + sizeof(both), sa->spi_i, 8);
	memcpy(more + sizeof(both) + 8, sa->spi_r, 8);
	if (prf_plus(sa->suite.prf, seed, 32, more, sizeof(more), out,
		     sizeof(out)))
		bail("no PRF");
	is_mem(sa->keys.sk_d, 32, out, 32,
	       "SK_d follows from the former SK_d, \"Resumption\", and the nonces");
	ok(memcmp(was, out, 32), "SK_d is another one");
	net_run(&net);
	is_int(m->seen.registered, 1, "AUTH is by these keys");
	pair_teardown();
}

static void what_was_proven(void)
{
	struct ike_sa *sa;
	time_t end;

	setup();
	joins("first");
	end = ike_sa_peer_ends(g->sa);
	ends();
	resumes("second");
	sa = g->sa;
	is_int(ike_sa_peer_ends(sa), end,
	       "the end of the certificate is that of the first IKE SA");
	is_int(ike_sa_peer_certs(sa)->n, 1, "the certificate is referred to");
	is_str(ike_sa_peer_name(sa), "a.example", "the identity is known");
	ends();
	resumes("third, by the ticket of the second");
	pair_teardown();
}

/* ---- what a ticket is not good for --------------------------------------- */

static struct packet copy;

static void keep_copy(unsigned int i)
{
	copy = net.queue[i];
	copy.p = malloc(copy.len);
	if (!copy.p)
		bail("no memory");
	memcpy(copy.p, net.queue[i].p, copy.len);
}

static void send_copy(const struct ep *from)
{
	ike_engine_input(g->engine, from, &g->ep, copy.p, copy.len);
}

static void rfc5723_9_1_copied(void)
{
	struct ep thief;

	setup();
	thief = m->ep;
	thief.port = 5555;
	joins("first");
	ends();
	node_clear(m);
	node_join(m, g, GCKS, true);
	keep_copy(0);
	send_copy(&thief);
	is_int(gstats()->half_open, 1,
	       "a copy from elsewhere opens what leads to nothing");
	net_run(&net);
	is_int(m->seen.registered, 1, "the owner gets in all the same");
	is_int(gstats()->resumed, 1, "the owner has used the ticket");
	net_pass(&net, 31000, true);
	is_int(gstats()->half_open, 0, "the copy's IKE SA has ended");
	copy.p[0] ^= 1;
	send_copy(&thief);
	is_int(gstats()->ticket_refused, 1, "a used ticket is refused");
	is_int(gstats()->half_open, 0, "no IKE SA begins by it");
	free(copy.p);
	pair_teardown();
}

/* Two half-open IKE SAs have one ticket, and both authenticate. */
static void used_meanwhile(void)
{
	struct ike_sa *sa;

	setup();
	joins("first");
	ends();
	node_clear(g);
	node_clear(m);
	node_join(m, g, GCKS, true);
	net_step(&net);
	sa = LIST_FIRST(&g->engine->sas);
	ok(ticket_use(g->engine, &sa->hs->resume->ref),
	   "another one is authenticated first");
	net_run(&net);
	is_int(g->seen.auth_failed, 1, "the second one is refused");
	is_str(g->seen.text, "the ticket was used before, or has ended",
	       "the reason is the ticket");
	is_int(m->seen.notify, IKE_N_AUTHENTICATION_FAILED,
	       "the member is told");
	starts_anew("next time");
	pair_teardown();
}

static void altered(void)
{
	size_t bad = 0, n = 0, at;
	struct ep from;
	uint64_t was;

	setup();
	joins("first");
	ends();
	node_join(m, g, GCKS, true);
	keep_copy(0);
	pair_drop_all();
	from = m->ep;
	/* The ticket is behind the header, the nonce and the head of its notify. */
	at = 28 + 4 + IKE_NONCE_LEN + 8;
	is_int(copy.p[at - 2] << 8 | copy.p[at - 1], IKE_N_TICKET_OPAQUE,
	       "the ticket is where it is looked for");
	n = (copy.p[at - 6] << 8 | copy.p[at - 5]) - 8;
	was = gstats()->half_open;
	for (size_t i = 0; i < n; i++) {
		copy.p[at + i] ^= 0x10;
		from.port = 6000 + i % 8;
		send_copy(&from);
		copy.p[at + i] ^= 0x10;
		bad += gstats()->half_open != was;
	}
	is_int(bad, 0, "no altered octet of %zu is taken", n);
	is_int(gstats()->ticket_refused, n, "each one is counted");
	pair_drop_all();
	free(copy.p);
	pair_teardown();
}

static void other_identity(void)
{
	setup();
	joins("first");
	ends();
	node_clear(m);
	node_clear(g);
	node_join(m, g, GCKS, true);
	id_set(&m->engine->cfg.id, IKE_ID_FQDN, (const uint8_t *)"b.example",
	       9);
	net_run(&net);
	is_int(g->seen.auth_failed, 1,
	       "a ticket of another identity is refused");
	is_str(g->seen.text, "the ticket is of another identity",
	       "the reason is told");
	is_int(gstats()->sas, 0, "no IKE SA is left");
	is_int(g->seen.requests, 0, "no group is asked for");
	pair_teardown();
}

static void wrong_auth(void)
{
	struct ike_sa *sa;

	setup();
	joins("first");
	ends();
	node_clear(m);
	node_clear(g);
	sa = node_join(m, g, GCKS, true);
	net_step(&net);
	/* The answer makes the keys, from another SK_d than the ticket's. */
	sa->hs->resume->s.sk_d[0] ^= 1;
	net_run(&net);
	is_int(gstats()->in_icv, 1, "without SK_d nobody gets as far as AUTH");
	is_int(gstats()->resumed, 0, "nothing is resumed");
	pair_drop_all();
	pair_teardown();

	setup();
	joins("first");
	ends();
	node_clear(m);
	node_clear(g);
	sa = node_join(m, g, GCKS, true);
	net_step(&net);
	sa->hs->init_req.p[30] ^= 1;
	net_run(&net);
	is_int(g->seen.auth_failed, 1, "AUTH covers the first message");
	is_str(g->seen.text, "AUTH is not that of the resumed session",
	       "the reason is told");
	pair_teardown();

	setup();
	joins("first");
	ends();
	node_clear(m);
	node_clear(g);
	node_join(m, g, GCKS, true);
	net_step(&net);
	LIST_FIRST(&g->engine->sas)->hs->init_res.p[30] ^= 1;
	net_run(&net);
	is_int(m->seen.auth_failed, 1,
	       "the member checks AUTH of the key server");
	is_int(m->seen.registered, 0, "the member has taken no keys");
	pair_teardown();

	setup();
	joins("first");
	ends();
	node_clear(m);
	node_clear(g);
	node_join(m, g, GCKS, true);
	net_step(&net);
	net_step(&net);
	LIST_FIRST(&g->engine->sas)->hs->nr.p[0] ^= 1;
	net_run(&net);
	is_int(g->seen.auth_failed, 1, "AUTH covers the other side's nonce");
	pair_teardown();
}

/* ---- tickets that end ---------------------------------------------------- */

static void refused_then_anew(const char *what)
{
	uint64_t before = gstats()->ticket_refused;

	starts_anew(what);
	is_int(gstats()->ticket_refused - before, 1,
	       "%s: the ticket was refused", what);
}

static void rfc5723_4_3_2_nack(void)
{
	setup();
	joins("first");
	ends();
	tickets_free(g->engine);
	refused_then_anew("the key server was restarted");
	is_int(m->engine->n_sessions, 1, "there is a new ticket");
	ends();
	resumes("by the new ticket");
	pair_teardown();
}

/* Somebody on the way answers. INVALID_SYNTAX is a key server's as well. */
static void forged(uint16_t type)
{
	setup();
	joins("first");
	ends();
	node_clear(m);
	node_join(m, g, GCKS, true);
	keep_copy(0);
	copy.p[19] = IKE_FLAG_RESPONSE;
	copy.p[16] = IKE_PLD_NOTIFY;
	memcpy(copy.p + 28, "\0\0\0\10\0\0", 6);
	copy.p[34] = type >> 8;
	copy.p[35] = type & 0xff;
	memset(copy.p + 24, 0, 3);
	copy.p[27] = 36;
	ike_engine_input(m->engine, &g->ep, &m->ep, copy.p, 36);
	is_int(n_queued(IKE_XCHG_IKE_SA_INIT), 1,
	       "IKE_SA_INIT follows notify %u", type);
	net_run(&net);
	is_int(m->seen.registered, 1, "the member is in all the same");
	free(copy.p);
	pair_teardown();
}

static void rfc5723_6_2_lifetime(void)
{
	setup();
	joins("first");
	net_pass(&net, (LIFETIME + 1) * 1000, true);
	joins("the member knows that its ticket has ended");
	is_int(gstats()->ticket_refused, 0, "no ended ticket is sent");
	is_int(gstats()->resumed, 0, "nothing is resumed");
	TAILQ_FIRST(&m->engine->sessions)->ends_ms += 10000;
	net_pass(&net, (LIFETIME + 1) * 1000, true);
	refused_then_anew("the key server knows as well");
	/* RFC 5723 section 6.2: a key outlives IKE SAs as well. */
	net_pass(&net, (SA_LIFETIME - 2 * LIFETIME + 100) * 1000, true);
	ok(g->engine->tickets->key[0].sealer ||
		   g->engine->tickets->key[1].sealer,
	   "a key outlives an IKE SA");
	net_pass(&net, (2 * LIFETIME + 1) * 1000, true);
	ok(!g->engine->tickets->key[0].sealer &&
		   !g->engine->tickets->key[1].sealer,
	   "no key outlives the last ticket that it has made");
	pair_teardown();
}

static bool is_there(const struct sealer *key)
{
	const struct tickets *t = g->engine->tickets;

	return t->key[0].sealer == key || t->key[1].sealer == key;
}

/* The next key is made long after the first one has ended making tickets. */
static void keys_end(void)
{
	const struct sealer *first;

	setup();
	joins("first");
	first = g->engine->tickets->key[0].sealer;
	net_pass(&net, (SA_LIFETIME + LIFETIME / 2) * 1000, true);
	joins("by the next key");
	ok(is_there(first), "the first key is there for its last ticket");
	net_pass(&net, (LIFETIME / 2 + 1) * 1000, true);
	ok(!is_there(first), "the first key ends with that ticket");
	pair_teardown();
}

/* Tickets follow from one another no longer than an IKE SA may live. */
static void chain_ends(void)
{
	gcfg = (struct ike_engine_cfg){ .ticket_s = LIFETIME,
					.idle_ms = IDLE_MS,
					.lifetime_ms = 1000000 };
	mcfg = (struct ike_engine_cfg){ .resume = true };
	pair_setup(&gcfg, &mcfg);
	joins("first");
	ends();
	resumes("second");
	ends();
	resumes("third");
	is_int(TAILQ_FIRST(&m->engine->sessions)->ends_ms - net.ms, 398000,
	       "a ticket ends with the time of the first AUTH");
	ends();
	resumes("fourth");
	ends();
	starts_anew("after the lifetime of an IKE SA");
	ends();
	resumes("by the ticket of another AUTH");
	pair_teardown();
}

static void behind_nat(void)
{
	gcfg = (struct ike_engine_cfg){ .ticket_s = LIFETIME,
					.idle_ms = IDLE_MS };
	mcfg = (struct ike_engine_cfg){ .resume = true, .natt_port = 4500 };
	pair_setup(&gcfg, &mcfg);
	net.nat = true;
	net.nat_inside = m->ep;
	ep_parse("198.51.100.9:40000", 0, &net.nat_outside);
	joins("behind a NAT");
	ends();
	resumes("behind a NAT");
	pair_teardown();
}

static void certificate_ends(void)
{
	gcfg = (struct ike_engine_cfg){ .ticket_s = LIFETIME };
	mcfg = (struct ike_engine_cfg){ .resume = true };
	pair_setup_opt(&(struct pair_opt){
		.gcfg = &gcfg, .mcfg = &mcfg, .member_s = 400 });
	joins("first");
	is_int(TAILQ_FIRST(&m->engine->sessions)->ends_ms - net.ms, 400000,
	       "a ticket ends with the certificate");
	TAILQ_FIRST(&m->engine->sessions)->ends_ms += 1000000;
	net_pass(&net, 401000, true);
	net.wall += 401;
	node_clear(m);
	node_join(m, g, GCKS, true);
	net_run(&net);
	is_int(gstats()->ticket_refused, 1, "the ticket is refused after that");
	is_int(m->seen.registered, 0, "the certificate is refused, too");
	pair_teardown();
}

/* A list that revokes the certificate of @n, of CA @ca. */
static struct crls *list_of(const struct node *n, enum crl_policy policy)
{
	struct crl_spec spec = crl_week(&ca, net.wall);
	char path[] = "/tmp/mcsec-resume.XXXXXX";
	int fd = mkstemp(path);
	struct crls *lists;
	struct err err;

	if (fd < 0)
		bail("no file");
	close(fd);
	spec.revokes[0] = &n->cert;
	crl_write(path, &spec, false);
	if (crls_load(path, policy, g->trust, NULL, &lists, &err))
		bail("%s", err.text);
	unlink(path);
	return lists;
}

static void revoked(void)
{
	struct crls *lists;

	setup();
	joins("first");
	ends();
	lists = list_of(m, CRL_RELAXED);
	trust_set_crls(g->trust, lists);
	node_clear(m);
	node_join(m, g, GCKS, true);
	net_run(&net);
	is_int(gstats()->ticket_refused, 1,
	       "the ticket of a revoked certificate is refused");
	is_int(m->seen.registered, 0, "the certificate is refused, too");
	trust_set_crls(g->trust, NULL);
	crls_free(lists);
	pair_teardown();

	setup();
	joins("first");
	ends();
	lists = list_of(m, CRL_RELAXED);
	node_clear(m);
	node_clear(g);
	node_join(m, g, GCKS, true);
	net_step(&net);
	trust_set_crls(g->trust, lists);
	net_run(&net);
	is_str(g->seen.text, "the certificate of the peer is revoked",
	       "a list that comes between both exchanges is minded");
	is_int(m->seen.registered, 0, "no keys are given out");
	trust_set_crls(g->trust, NULL);
	crls_free(lists);
	pair_teardown();

	setup();
	joins("first");
	ends();
	lists = list_of(g, CRL_RELAXED);
	trust_set_crls(m->trust, lists);
	node_join(m, g, GCKS, true);
	is_int(n_queued(IKE_XCHG_IKE_SA_INIT), 1,
	       "a member resumes nothing with a revoked key server");
	trust_set_crls(m->trust, NULL);
	crls_free(lists);
	pair_teardown();
}

/* A list that is strict revokes nobody else, but it has to be looked at as a whole. */
static void strict(void)
{
	struct crls *lists;

	setup();
	joins("first");
	ends();
	lists = list_of(g, CRL_STRICT);
	trust_set_crls(g->trust, lists);
	starts_anew("a list is strict");
	is_int(gstats()->ticket_refused, 1, "the ticket is refused");
	trust_set_crls(g->trust, NULL);
	crls_free(lists);
	pair_teardown();
}

/* ---- pre-shared keys and PPKs -------------------------------------------- */

static struct psks *psks_of(const char *id, const char *key)
{
	struct psks *p;
	struct err err;

	if (psks_new(&p) || psks_add(p, id, key, strlen(key), &err))
		bail("no key");
	return p;
}

static void pre_shared(void)
{
	struct psks *gk = psks_of("a.example", "the key of a, a long one");
	struct psks *mk = psks_of(GCKS, "the key of a, a long one");
	struct psks *gk2 = psks_of("a.example", "another key, as long as it");
	struct psks *mk2 = psks_of(GCKS, "another key, as long as it");

	gcfg = (struct ike_engine_cfg){ .ticket_s = LIFETIME,
					.idle_ms = IDLE_MS,
					.psks = gk };
	mcfg = (struct ike_engine_cfg){ .resume = true, .psks = mk };
	pair_setup(&gcfg, &mcfg);
	joins("first");
	ends();
	resumes("with a pre-shared key");
	ends();
	ike_engine_set_psks(g->engine, gk2);
	node_clear(m);
	node_join(m, g, GCKS, true);
	net_run(&net);
	is_int(gstats()->ticket_refused, 1,
	       "a ticket ends with the pre-shared key");
	is_int(m->seen.registered, 0, "the former key is refused");
	ike_engine_set_psks(m->engine, mk2);
	starts_anew("by the new key");
	is_int(m->engine->n_sessions, 1, "there is a new ticket");
	ike_engine_set_psks(m->engine, mk);
	is_int(m->engine->n_sessions, 0,
	       "a member drops its tickets when its keys change");
	ike_engine_set_psks(m->engine, mk2);
	starts_anew("once more");
	ends();
	node_clear(m);
	node_join(m, g, GCKS, true);
	ike_engine_set_psks(m->engine, mk);
	net_run(&net);
	is_int(m->seen.sa_closed, 1,
	       "an IKE SA that is being resumed ends with the key");
	is_int(m->seen.registered, 0,
	       "no key server is believed because of a former key");
	pair_teardown();
	psks_free(gk);
	psks_free(gk2);
	psks_free(mk);
	psks_free(mk2);
}

static struct ppks *ppks_of(const char *peer)
{
	static uint8_t key[] = "a post-quantum key of many octets";
	struct ppk like = { .id = (char *)peer,
			    .name = "ppk-1",
			    .key = key,
			    .len = sizeof(key),
			    .mandatory = true };
	struct ppks *p;
	struct err err;

	if (ppks_new(&p) || ppks_add(p, &like, &err))
		bail("no PPK");
	return p;
}

static void post_quantum(void)
{
	struct ppks *gp = ppks_of("a.example");
	struct ppks *mp = ppks_of(GCKS);

	setup();
	joins("first");
	ends();
	ike_engine_set_ppks(g->engine, gp);
	node_clear(m);
	node_join(m, g, GCKS, true);
	net_run(&net);
	is_int(gstats()->ticket_refused, 1,
	       "a ticket is refused where a PPK is mandatory now");
	ike_engine_set_ppks(m->engine, mp);
	joins("with the PPK");
	is_int(m->engine->n_sessions, 0, "with a PPK there is no ticket");
	pair_teardown();
	ppks_free(gp);
	ppks_free(mp);
}

/* ---- additional key exchanges --------------------------------------------- */

/* SK_d, from which the keys follow, is of all exchanges. */
static void additional(void)
{
	static const struct ike_addke both = {
		.n = 2,
		.method = { IKE_KE_P256, IKE_KE_P384 },
		.required = true,
	};

	gcfg = (struct ike_engine_cfg){ .ticket_s = LIFETIME,
					.idle_ms = IDLE_MS,
					.addke = both };
	mcfg = (struct ike_engine_cfg){ .resume = true, .addke = both };
	pair_setup(&gcfg, &mcfg);
	joins("by three key exchanges");
	ends();
	resumes("after three key exchanges");
	ends();
	resumes("by the ticket of a resumed IKE SA");
	pair_teardown();
}

/* ---- loss, cookies, limits ----------------------------------------------- */

static void lost(void)
{
	for (unsigned int i = 0; i < 4; i++) {
		setup();
		joins("first");
		ends();
		node_clear(m);
		node_join(m, g, GCKS, true);
		for (unsigned int k = 0; k < i; k++)
			net_step(&net);
		net_drop(&net, 0);
		net_run(&net);
		net_pass(&net, 1500, true);
		is_int(m->seen.registered, 1, "datagram %u is lost once", i);
		is_int(gstats()->resumed, 1, "datagram %u: resumed", i);
		pair_teardown();
	}
}

static void gives_up(void)
{
	setup();
	joins("first");
	ends();
	node_clear(m);
	node_join(m, g, GCKS, true);
	net_pass(&net, 120000, false);
	pair_drop_all();
	is_int(m->seen.refused, 1, "without an answer the request fails");
	starts_anew("next time, as the ticket may be the reason");
	pair_teardown();
}

/* A key server that does not know the exchange drops it. */
static void silent(void)
{
	struct ike_sa *sa;
	unsigned int s;

	gcfg = (struct ike_engine_cfg){ .ticket_s = LIFETIME,
					.idle_ms = IDLE_MS };
	mcfg = (struct ike_engine_cfg){ .resume = true,
					.rexmit_ms = 500,
					.rexmit_max = 12 };
	pair_setup(&gcfg, &mcfg);
	joins("first");
	ends();
	node_own_exchange(g, IKE_XCHG_IKE_SESSION_RESUME)->type = 250;
	node_clear(m);
	sa = node_join(m, g, GCKS, true);
	net_run(&net);
	is_str(ike_sa_opens_by(sa), "IKE_SESSION_RESUME",
	       "the member says what is not answered");
	for (s = 0; s < 60 && !m->seen.registered; s++)
		net_pass(&net, 500, true);
	is_int(m->seen.registered, 1, "the member is in by IKE_SA_INIT");
	is_int(s, 7, "IKE_SA_INIT follows after three copies, in 3.5 s");
	is_int(m->seen.refused, 0, "no request has failed");
	pair_teardown();
}

static void cookies(void)
{
	gcfg = (struct ike_engine_cfg){ .ticket_s = LIFETIME,
					.idle_ms = IDLE_MS,
					.cookie_always = true };
	mcfg = (struct ike_engine_cfg){ .resume = true };
	pair_setup(&gcfg, &mcfg);
	joins("first");
	ends();
	resumes("with a cookie");
	ends();
	node_clear(m);
	node_join(m, g, GCKS, true);
	net_dup(&net, 0);
	net_step(&net);
	/* A late copy is answered without a cookie, when none is asked for. */
	g->engine->cfg.cookie_always = false;
	net_run(&net);
	is_int(m->seen.registered, 1,
	       "AUTH is checked with and without the cookie");
	pair_teardown();
}

static void wiped(void)
{
	uint8_t sk_d[32];

	setup();
	joins("first");
	memcpy(sk_d, LIST_FIRST(&m->engine->sas)->keys.sk_d, sizeof(sk_d));
	ends();
	wipes_look_for(sk_d, sizeof(sk_d));
	sessions_drop(m->engine);
	is_int(wipes_found(), 1, "a ticket that is dropped is wiped");
	pair_teardown();
}

int main(void)
{
	RUN(rfc5723_4_1_request);
	RUN(rfc5723_4_3_exchanges);
	RUN(rfc5723_5_1_keys);
	RUN(what_was_proven);
	RUN(rfc5723_9_1_copied);
	RUN(used_meanwhile);
	RUN(altered);
	RUN(other_identity);
	RUN(wrong_auth);
	RUN(rfc5723_4_3_2_nack);
	RUN(forged, IKE_N_TICKET_NACK);
	RUN(forged, IKE_N_INVALID_SYNTAX);
	RUN(silent);
	RUN(rfc5723_6_2_lifetime);
	RUN(keys_end);
	RUN(chain_ends);
	RUN(behind_nat);
	RUN(certificate_ends);
	RUN(revoked);
	RUN(strict);
	RUN(pre_shared);
	RUN(post_quantum);
	RUN(additional);
	RUN(lost);
	RUN(gives_up);
	RUN(cookies);
	RUN(wiped);
	return done();
}
