// SPDX-License-Identifier: Apache-2.0
/*
 * Paths of an IKE SA's messages: answers go to where the request came from
 * (RFC 7296 2.11), also when it comes again and when the SA has ended over it;
 * our own requests to where the peer is (2.23).
 */
#include "ike/sa.h"
#include "ike_net.h"
#include "lib/log.h"
#include "lib/quota.h"
#include "tap.h"

#define GCKS "gcks.example"

static struct net net;
static struct pki_pair ca, ca2;
static struct node *g, *m;

static void setup(const struct pki_pair *m_ca,
		  const struct ike_engine_cfg *gcfg,
		  const struct ike_engine_cfg *mcfg)
{
	struct pki_opt gopt = { .kind = PKI_GCKS, .dns = GCKS, .ca = &ca };
	struct pki_opt mopt = { .kind = PKI_MEMBER,
				.dns = "a.example",
				.ca = m_ca };

	net_init(&net);
	pki_ca(&net, "test CA", &ca);
	pki_ca(&net, "another CA", &ca2);
	g = node_new(&net, "192.0.2.1", &gopt, &ca, gcfg);
	m = node_new(&net, "192.0.2.2", &mopt, &ca, mcfg);
}

static void teardown(void)
{
	net_free(&net);
	pki_pair_free(&ca);
	pki_pair_free(&ca2);
}

/* Deliver the first queued packet, and keep it in the queue. */
static void arrives(const struct ep *from, const struct ep *to)
{
	struct packet q = net.queue[0];
	uint8_t *copy = malloc(q.len);

	memcpy(copy, q.p, q.len);
	ike_engine_input(g->engine, from, to, copy, q.len);
	free(copy);
}

static void goes(unsigned int i, const struct ep *from, const struct ep *to,
		 const char *what)
{
	if (!ok(net.n_queue == i + 1, "%s: there is an answer", what))
		return;
	ok(ep_equal(&net.queue[i].from, from),
	   "%s: the answer leaves from there", what);
	ok(ep_equal(&net.queue[i].to, to), "%s: the answer goes there", what);
	net_drop(&net, i);
}

/* Without a NAT the peer chooses the source address. */
static void without_nat(void)
{
	struct ep here, there, else_;
	struct ike_sa *sa, *gsa;
	struct ike_id idg;

	setup(&ca, NULL, NULL);
	ep_parse("192.0.2.1:4500", 0, &here);
	ep_parse("192.0.2.2:4500", 0, &there);
	ep_parse("192.0.2.77:999", 0, &else_);
	node_join(m, g, GCKS, false);
	arrives(&m->ep, &g->ep);
	goes(1, &g->ep, &m->ep, "IKE_SA_INIT");
	arrives(&there, &here);
	goes(1, &here, &there, "the same from another port");
	net_run(&net);
	teardown();

	setup(&ca, NULL, NULL);
	sa = node_join(m, g, GCKS, false);
	net_step(&net);
	net_step(&net);
	/* GSA_AUTH comes from port 4500, as from peers with MOBIKE. */
	arrives(&there, &here);
	goes(1, &here, &there, "GSA_AUTH from another port");
	gsa = g->sa;
	ok(gsa && ep_equal(ike_sa_peer(gsa), &there) &&
		   ep_equal(ike_sa_local(gsa), &here),
	   "the peer is there from here on");
	arrives(&else_, &here);
	goes(1, &here, &else_, "the same request, repeated from elsewhere");
	ok(ep_equal(ike_sa_peer(gsa), &there),
	   "a repeated request does not move the peer");
	arrives(&there, &here);
	net_drop(&net, 0);
	net_run(&net);
	is_int(m->seen.registered, 1, "without nat: the member is in");

	id_set(&idg, IKE_ID_KEY_ID, "video", 5);
	ike_leave(sa, &idg);
	arrives(&else_, &here);
	goes(1, &here, &else_, "a new request from elsewhere");
	ok(ep_equal(ike_sa_peer(gsa), &there),
	   "a new request does not move the peer without NAT");
	net_drop(&net, 0);
	ike_close(gsa, "done");
	goes(0, &here, &there, "our own request");
	teardown();
}

/* A late answer is sent to the source of its request. */
static void later(void)
{
	const struct ike_engine_cfg cfg = { .idle_ms = 5000,
					    .later_ms = 60000 };
	struct gike_req req;
	struct ep elsewhere;
	struct ike_sa *sa;

	setup(&ca, &cfg, NULL);
	sa = node_join(m, g, GCKS, false);
	net_run(&net);
	ep_parse("192.0.2.77:999", 0, &elsewhere);
	g->later = true;
	group_req(&req, "video", false);
	ike_register_more(sa, &req);
	arrives(&elsewhere, &g->ep);
	net_drop(&net, 0);
	net_pass(&net, 30000, false);
	is_int(g->seen.sa_closed, 0,
	       "sa-idle is over, but the request of the SA waits");
	is_int(node_reply(g), 0,
	       "a request that waits is answered after sa-idle");
	goes(0, &g->ep, &elsewhere, "half a minute later");
	g->later = false;
	net_pass(&net, 5000, false);
	is_int(g->seen.sa_closed, 1, "the SA is idle half a minute later");
	is_str(g->seen.reason, "idle", "the SA is closed as idle");
	teardown();
}

/* Open an IKE SA of a member behind a NAT. */
static struct ike_sa *open_behind_nat(const struct ike_engine_cfg *mcfg)
{
	struct ike_sa *sa;

	setup(&ca, NULL, mcfg);
	net.nat = true;
	net.nat_inside = m->ep;
	ep_parse("198.51.100.9:40000", 0, &net.nat_outside);
	sa = node_join(m, g, GCKS, false);
	net_run(&net);
	if (!g->sa || !ike_sa_is_up(g->sa))
		bail("no IKE SA");
	return sa;
}

/* Behind a NAT the peer has its last known address. */
static void rfc7296_2_23_peer_behind_nat(void)
{
	const struct ike_engine_cfg mcfg = { .natt_port = 4500 };
	struct gike_req req;
	struct ike_sa *sa, *gsa;
	struct ep outside;
	uint64_t serial;

	sa = open_behind_nat(&mcfg);
	gsa = g->sa;
	serial = ike_sa_serial(gsa);
	net.nat_outside.port = 50000;
	outside = net.nat_outside;
	outside.port++; /* the floated port */
	group_req(&req, "video", false);
	ike_register_more(sa, &req);
	net_run(&net);
	is_int(m->seen.registered, 2,
	       "a member is registered behind a NAT that gave it another port");
	ok(ep_equal(ike_sa_peer(gsa), &outside), "the peer has moved");
	ok(ike_sa_serial(gsa) == serial, "the SA's number has not");
	is_int(ike_engine_stats(g->engine)->sas, 1, "one SA");
	teardown();
}

/*
 * A host behind a NAT follows nobody, otherwise one packet of the peer, sent on
 * from elsewhere, would cut the connection.
 */
static void rfc7296_2_23_host_behind_nat(void)
{
	const struct ike_engine_cfg mcfg = { .natt_port = 4500 };
	struct ep elsewhere, was;
	struct gike_req req;
	struct ike_sa *sa;

	sa = open_behind_nat(&mcfg);
	was = *ike_sa_peer(sa);
	ep_parse("203.0.113.66:4500", 0, &elsewhere);
	ike_liveness(g->sa);
	ike_engine_input(m->engine, &elsewhere, ike_sa_local(sa),
			 net.queue[0].p, net.queue[0].len);
	ok(ep_equal(ike_sa_peer(sa), &was),
	   "a member behind a NAT does not follow the key server");
	is_int(net.n_queue, 2, "a request from elsewhere is answered");
	ok(ep_equal(&net.queue[1].to, &elsewhere),
	   "the answer goes where the request came from");
	net_drop(&net, 1);
	net_run(&net);
	ok(ike_sa_is_up(g->sa) && !g->sa->my_busy,
	   "the key server's own copy is answered, too");
	ike_liveness(sa);
	ok(net.n_queue == 1 && ep_equal(&net.queue[0].to, &was),
	   "a request of the member goes to the key server");
	net_run(&net);
	teardown();

	sa = open_behind_nat(&mcfg);
	g->sa->nat_here = true;
	was = *ike_sa_peer(g->sa);
	net.nat_outside.port = 50000;
	group_req(&req, "video", false);
	ike_register_more(sa, &req);
	net_run(&net);
	is_int(m->seen.registered, 2,
	       "a key server behind a NAT answers a member that has moved");
	ok(ep_equal(ike_sa_peer(g->sa), &was),
	   "a key server behind a NAT does not follow the member");
	teardown();
}

/* A member lets the kernel choose its address, as mcsecd does. */
static void finds_nat(void)
{
	const struct ike_engine_cfg gcfg = { .idle_ms = 1000000 };
	const struct ike_engine_cfg mcfg = { .natt_port = 4500 };
	struct ike_sa *sa;

	for (unsigned int i = 0; i < 3; i++) {
		/* No NAT; a NAT; a NAT and a server without port 4500. */
		setup(&ca, &gcfg, &mcfg);
		g->no_natt = i == 2;
		m->no_local = true;
		net.nat = i > 0;
		net.nat_inside = m->ep;
		ep_parse("198.51.100.9:40000", 0, &net.nat_outside);
		sa = node_join(m, g, GCKS, false);
		net_run(&net);
		is_int(m->seen.registered, 1, "%u: registered", i);
		is_int(sa->nat_here, i == 1, "%u: a NAT is found", i);
		is_int(ike_sa_peer(sa)->port, i == 1 ? 4500 : IKE_PORT,
		       "%u: port", i);
		is_int(ike_sa_peer(g->sa)->port,
		       i == 0	? IKE_PORT
		       : i == 1 ? 40001
				: 40000,
		       "%u: port as g sees it", i);
		net_pass(&net, 100000, true);
		is_int(m->seen.keepalives, i == 1 ? 5 : 0,
		       "%u: keepalives in 100 s", i);
		if (i == 1)
			ok(m->seen.kept_from.port == 4500 &&
				   ep_equal(&m->seen.kept_to, ike_sa_peer(sa)),
			   "from the port that needs them, to the server");
		ike_close(sa, "bye");
		net_run(&net);
		net_pass(&net, 100000, true);
		is_int(m->seen.keepalives, i == 1 ? 5 : 0,
		       "%u: none for an SA that has ended", i);
		teardown();
	}
}

/* ---- answers that end their SA ------------------------------------------ */

static void last_answer(void)
{
	struct ike_sa *sa;
	struct packet first;

	setup(&ca2, NULL, NULL);
	node_join(m, g, GCKS, false);
	net_step(&net);
	net_step(&net);
	net_step(&net);
	is_int(g->seen.auth_failed, 1, "a stranger is not believed");
	is_int(ike_engine_stats(g->engine)->sas, 0,
	       "the SA of a stranger is gone");
	/* The answer is lost, and requested again. */
	net_drop(&net, 0);
	net_pass(&net, 1500, true);
	is_int(m->seen.notify, IKE_N_AUTHENTICATION_FAILED,
	       "a stranger that asks again gets the same answer");
	is_int(g->seen.auth_failed, 1,
	       "the repeated message is not verified again");
	is_int(ike_engine_stats(g->engine)->in_rexmit, 1,
	       "counted as repeated");
	teardown();

	/* The answer to a Delete is lost. */
	setup(&ca, NULL, NULL);
	sa = node_join(m, g, GCKS, false);
	net_run(&net);
	ike_close(sa, "bye");
	arrives(&m->ep, &g->ep);
	is_int(net.n_queue, 2, "a Delete is answered");
	net_drop(&net, 1);
	arrives(&m->ep, &g->ep);
	is_int(net.n_queue, 2, "a Delete that comes again is answered");
	first = net.queue[1];
	ok(first.p[16] == IKE_PLD_SK, "the same answer is sent again");
	net_drop(&net, 1);
	/* Other octets with the same SPIs. */
	net.queue[0].p[net.queue[0].len - 1] ^= 1;
	arrives(&m->ep, &g->ep);
	ok(net.n_queue == 2 && net.queue[1].p[16] == IKE_PLD_NOTIFY,
	   "anything else is told that there is no such SA");
	net_drop(&net, 1);
	net.queue[0].p[net.queue[0].len - 1] ^= 1;
	net_pass(&net, 0, false);
	teardown();
}

static void kept_for_a_while(void)
{
	uint8_t copy[4096];
	struct ike_sa *sa;
	size_t len;

	setup(&ca, NULL, NULL);
	sa = node_join(m, g, GCKS, false);
	net_run(&net);
	ike_close(sa, "bye");
	len = net.queue[0].len;
	memcpy(copy, net.queue[0].p, len);
	net_run(&net);
	net_pass(&net, 39000, false);
	ike_engine_input(g->engine, &m->ep, &g->ep, copy, len);
	ok(net.n_queue == 1 && net.queue[0].p[16] == IKE_PLD_SK,
	   "an answer is kept as long as a peer repeats itself");
	net_drop(&net, 0);
	net_pass(&net, 2000, false);
	ike_engine_input(g->engine, &m->ep, &g->ep, copy, len);
	ok(net.n_queue == 1 && net.queue[0].p[16] == IKE_PLD_NOTIFY,
	   "an answer is not kept longer than a peer repeats itself");
	teardown();

	/* The number is limited: one identity per second would fill 40. */
	setup(&ca, NULL, NULL);
	quota_free(g->engine->name_quota);
	g->engine->name_quota = NULL;
	for (unsigned int i = 0; i < 1100; i++) {
		sa = node_join(m, g, GCKS, false);
		net_run(&net);
		ike_close(sa, "bye");
		net_run(&net);
	}
	is_int(m->seen.registered, 1100, "1,100 IKE SAs came and went");
	is_int(g->engine->n_last_answers, 1024,
	       "1,024 answers are kept of them");
	teardown();
}

/* ---- contents of the first answer --------------------------------------- */

static void certreq(void)
{
	const uint8_t *hashes;
	struct ike_msg msg = { 0 };
	struct pwalk w;
	struct pld pld;
	size_t len;
	int found = 0;

	setup(&ca, NULL, NULL);
	node_join(m, g, GCKS, false);
	net_step(&net);
	ike_hdr_parse(net.queue[0].p, net.queue[0].len, &msg.h);
	trust_authorities(g->trust, &hashes, &len);
	pwalk_init(&w, msg.h.next, net.queue[0].p + IKE_HDR_LEN,
		   net.queue[0].len - IKE_HDR_LEN);
	while (pwalk_next(&w, &pld) > 0) {
		if (pld.type != IKE_PLD_CERTREQ)
			continue;
		found++;
		is_int(pld.body[0], IKE_CERT_X509_SIGNATURE,
		       "CERTREQ asks for X.509 certificates");
		is_mem(pld.body + 1, pld.len - 1, hashes, len,
		       "CERTREQ has the authorities that the key server believes");
	}
	is_int(found, 1, "one CERTREQ in the answer to IKE_SA_INIT");
	net_run(&net);
	is_int(m->seen.registered, 1,
	       "a member takes the CERTREQ in the answer");
	teardown();
}

int main(void)
{
	log_set_level(LOG_LEVEL_ERR);
	RUN(without_nat);
	RUN(later);
	RUN(rfc7296_2_23_peer_behind_nat);
	RUN(rfc7296_2_23_host_behind_nat);
	RUN(finds_nat);
	RUN(last_answer);
	RUN(kept_for_a_while);
	RUN(certreq);
	return done();
}
