// SPDX-License-Identifier: Apache-2.0
/* Requests for edges over an IKE SA of two members (daemon/ike/edge.c). */
#include <errno.h>

#include "ike/places.h"
#include "ike_pair.h"
#include "tap.h"

#define RELAY "relay.example"

static const struct ike_engine_cfg relays = { .relays = true };
static struct ike_sa *sa;

/* Two members of one CA; g is the relay, m the child. */
static void two_members(const struct ike_engine_cfg *gcfg,
			const struct ike_engine_cfg *mcfg)
{
	struct pki_opt opt = { .kind = PKI_MEMBER, .dns = RELAY, .ca = &ca };
	struct ike_id id;

	pair_begin();
	g = node_new(&net, "192.0.2.1", &opt, &ca, gcfg);
	opt.dns = "a.example";
	m = node_new(&net, "192.0.2.2", &opt, &ca, mcfg);
	g->edge = (struct edge_answer){ .verdict = EDGE_GRANTED,
					.lifetime_ms = 15000 };
	id_from_text(&id, RELAY);
	if (ike_open(m->engine, &m->ep, &g->ep, &id, &sa))
		bail("no IKE SA");
	net_run(&net);
}

static void begin(void)
{
	two_members(&relays, &relays);
	if (!ike_sa_is_up(sa))
		bail("the IKE SA is not up: %s", m->seen.text);
}

static struct edge_request beat(void)
{
	return (struct edge_request){ .group = "video", .beat = true };
}

static int ask(void)
{
	struct edge_request req = beat();

	return ike_ask_edge(sa, &req);
}

static void test_request(void)
{
	struct edge_request req = { .group = "video", .n = 1 };
	static const uint8_t grant[300] = { 1, 2, 3 };

	begin();
	req.grant[0] = (struct edge_grant){ 0, grant, sizeof(grant) };
	is_int(ike_ask_edge(sa, &req), 0, "a request is sent");
	is_int(net.n_queue, 1, "a request is in one datagram");
	net_run(&net);
	is_int(g->seen.edge_requests, 1, "the relay is asked");
	is_str(g->seen.edge_req.group, "video", "the request is for the group");
	ok(!g->seen.edge_req.beat && g->seen.edge_req.n == 1,
	   "the request has one grant");
	is_mem(g->seen.edge_grant, g->seen.edge_req.grant[0].len, grant,
	       sizeof(grant), "the grant is as it was sent");
	ok(ep_equal(&g->seen.edge_from, &m->ep),
	   "the request is from where the child is");
	is_str(ike_sa_peer_name(g->sa), "a.example",
	       "the relay knows who asks");
	is_int(m->seen.edge_answers, 1, "the child has an answer");
	is_int(m->seen.edge_ans.verdict, EDGE_GRANTED, "the edge is granted");
	is_int(m->seen.edge_ans.lifetime_ms, 15000, "the edge has a lifetime");
	is_int(ask(), 0, "a beat is sent over the same IKE SA");
	net_run(&net);
	ok(g->seen.edge_requests == 2 && g->seen.edge_req.beat,
	   "the relay is asked by a beat");
	is_int(m->seen.edge_answers, 2, "the beat is answered");
	is_int(g->seen.sa_closed, 0, "the IKE SA is up until it is closed");
	ike_close(sa, "another relay is used");
	net_run(&net);
	is_int(g->seen.sa_closed, 1, "the relay is told of its end once");
	pair_teardown();

	/* An IKE SA over which nothing was asked is none of the relay's. */
	begin();
	ike_close(sa, "no edge is needed");
	net_run(&net);
	is_int(g->seen.sa_closed, 0, "the relay is not told of an unused one");
	pair_teardown();
}

/* ---- redirection --------------------------------------------------------- */

static struct notify_pld redirect;
static uint8_t redirect_data[32];

static void look_at_answer(struct ike_sa *s, struct ike_in *in)
{
	const struct notify_pld *n = msg_notify(&in->m, IKE_N_REDIRECT);

	if (n && n->len <= sizeof(redirect_data)) {
		redirect = *n;
		memcpy(redirect_data, n->data, n->len);
	}
	info_got_answer(s, in);
}

static void test_redirect(void)
{
	static const uint8_t v4[] = { 1, 4, 192, 0, 2, 9 };
	static const uint8_t v6[] = { 2, 16, 0x20, 1, 0xd, 0xb8, 0, 0, 0,
				      0, 0,  0,	   0, 0,   0,	 0, 0, 9 };

	begin();
	node_exchange(m, IKE_XCHG_INFORMATIONAL, info_request, look_at_answer);
	g->edge = (struct edge_answer){ .verdict = EDGE_REDIRECTED,
					.reason = EDGE_FULL,
					.n_parents = 2 };
	for (int i = 0; i < 2; i++) {
		ep_parse("192.0.2.9", 4500, &g->edge.parent[i].ep);
		id_from_text(&g->edge.parent[i].id, "b.example");
	}
	ask();
	net_run(&net);
	is_mem(redirect_data, redirect.len, v4, sizeof(v4),
	       "N(REDIRECT) has the IPv4 address of the first relay");
	is_int(m->seen.edge_ans.n_parents, 2, "N(EDGE) has both of them");
	ok(ep_equal(&m->seen.edge_ans.parent[1].ep, &g->edge.parent[1].ep) &&
		   id_equal(&m->seen.edge_ans.parent[1].id,
			    &g->edge.parent[1].id),
	   "N(EDGE) has port and identity");
	ep_parse("2001:db8::9", 4500, &g->edge.parent[0].ep);
	ask();
	net_run(&net);
	is_mem(redirect_data, redirect.len, v6, sizeof(v6),
	       "N(REDIRECT) has the IPv6 address of the first relay");
	memset(&redirect, 0, sizeof(redirect));
	g->edge = (struct edge_answer){ .verdict = EDGE_REFUSED,
					.reason = EDGE_BUSY,
					.wait_ms = 77 };
	ask();
	net_run(&net);
	is_int(redirect.type, 0, "a refusal has no N(REDIRECT)");
	is_int(m->seen.edge_ans.wait_ms, 77, "a refusal has a time to wait");
	pair_teardown();
}

/* ---- retransmission ------------------------------------------------------ */

static void test_retransmission(void)
{
	const struct ike_stats *st;
	unsigned int n;

	begin();
	st = ike_engine_stats(m->engine);
	ask();
	pair_drop_all();
	for (n = 0; n < 24; n++) {
		net_pass(&net, 99, false);
		if (st->rexmit != n)
			break;
		net_pass(&net, 1, false);
		if (st->rexmit != n + 1)
			break;
	}
	is_int(n, 24, "a beat is retransmitted each tenth of a second");
	is_int(m->seen.sa_closed, 0, "the IKE SA is up until then");
	net_pass(&net, 100, false);
	is_int(m->seen.sa_closed, 1, "a relay that is silent is given up");
	is_str(m->seen.reason, "no answer to INFORMATIONAL after 25 tries",
	       "the reason is named");
	pair_teardown();

	/* Other requests of the same engine have the usual intervals. */
	begin();
	ike_liveness(sa);
	pair_drop_all();
	net_pass(&net, 999, false);
	is_int(ike_engine_stats(m->engine)->rexmit, 0,
	       "a liveness check waits for a second");
	net_pass(&net, 1, false);
	is_int(ike_engine_stats(m->engine)->rexmit, 1,
	       "a liveness check is retransmitted after a second");
	pair_teardown();
}

static void test_repeated_request(void)
{
	begin();
	ask();
	net_dup(&net, 0);
	net_run(&net);
	is_int(g->seen.edge_requests, 1,
	       "a request that comes twice counts once");
	is_int(m->seen.edge_answers, 1, "the answer counts once");
	pair_teardown();
}

/* The child is behind a NAT that gives it another port. */
static void test_moved(void)
{
	struct ep outside;

	begin();
	ask();
	net_run(&net);
	outside = m->ep;
	outside.port = 33333;
	ask();
	net.queue[0].from = outside;
	net_step(&net);
	ok(ep_equal(&g->seen.edge_from, &outside),
	   "the relay is told where a request has come from");
	ok(ep_equal(&net.queue[0].to, &outside),
	   "the relay answers where a request has come from");
	pair_teardown();
}

/* ---- hosts that are no relays ----------------------------------------------------- */

static void test_no_relay(void)
{
	struct edge_request req = beat();

	pair_setup(NULL, NULL);
	node_join(m, g, GCKS, false);
	net_run(&net);
	is_int(m->seen.registered, 1, "a member is registered");
	sa = m->sa;
	is_int(ike_ask_edge(sa, &req), -EINVAL,
	       "a key server is not asked for an edge");
	m->engine->cfg.relays = true;
	is_int(ike_ask_edge(sa, &req), 0, "a child asks a key server");
	net_run(&net);
	is_int(g->seen.edge_requests, 0,
	       "an engine of a key server knows of no edges");
	ok(m->seen.edge_answers == 1 && m->seen.edge_no_relay,
	   "the child is told that it is no relay");
	ok(ike_sa_is_up(sa), "the IKE SA stays");
	pair_teardown();

	begin();
	is_int(ike_ask_edge(LIST_FIRST(&g->engine->sas), &req), -EINVAL,
	       "a relay does not ask its child");
	req.beat = false;
	is_int(ike_ask_edge(sa, &req), -EINVAL,
	       "a request without grants is not sent");
	pair_teardown();
}

/* A member's certificate is enough between relays, and nowhere else. */
static void test_certificates(void)
{
	struct ike_id id;

	id_from_text(&id, "a.example");
	two_members(&relays, NULL);
	is_int(m->seen.auth_failed, 1,
	       "a member does not take a relay for a key server");
	is_int(m->seen.sa_closed, 1, "the member ends the IKE SA");
	pair_teardown();

	begin();
	is_int(g->seen.up, 1, "two members authenticate each other");
	pair_teardown();

	/* The relay of another name. */
	begin();
	is_int(ike_open(m->engine, &m->ep, &g->ep, &id, &sa), 0,
	       "a relay of another identity is expected");
	net_run(&net);
	is_int(m->seen.auth_failed, 1, "the relay has another one");
	is_str(m->seen.text,
	       "relay has identity \"relay.example\", expected is a.example",
	       "the refusal has both names");
	pair_teardown();
}

/* ---- malformed messages -------------------------------------------------- */

static const uint8_t *octets;
static size_t n_octets;

/* Send @octets in place of a request. */
static int odd_request(struct ike_sa *s, const struct ike_task *t)
{
	struct pchain c;
	struct wbuf w;
	int ret;

	(void)t;
	wbuf_init(&w, IKE_INNER_MAX);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	notify_build(&c, MCSEC_N_EDGE_REQUEST, octets, n_octets);
	ret = sa_request(s, IKE_XCHG_INFORMATIONAL, c.first, &w);
	wbuf_free(&w);
	return ret;
}

static void test_malformed_request(void)
{
	static const uint8_t odd[] = { 2, 0, 5, 'v', 'i', 'd', 'e', 'o', 0 };

	begin();
	node_exchange(m, IKE_XCHG_INFORMATIONAL, odd_request, info_got_answer);
	octets = odd;
	n_octets = sizeof(odd);
	ask();
	net_step(&net);
	is_int(g->seen.edge_requests, 0, "a malformed request is not handled");
	is_int(ike_engine_stats(g->engine)->in_syntax, 1,
	       "a malformed request is counted");
	is_str(g->seen.about, "malformed request for an edge",
	       "a malformed request ends the IKE SA");
	pair_teardown();
}

static void odd_answer(struct ike_sa *s, struct ike_in *in)
{
	struct pchain c;
	struct wbuf w;

	(void)in;
	wbuf_init(&w, IKE_INNER_MAX);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	notify_build(&c, MCSEC_N_EDGE, octets, n_octets);
	sa_respond(s, IKE_XCHG_INFORMATIONAL, c.first, &w);
	wbuf_free(&w);
}

static void test_malformed_answer(void)
{
	static const uint8_t odd[] = { 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };

	begin();
	node_own_exchange(g, IKE_XCHG_INFORMATIONAL)->request = odd_answer;
	octets = odd;
	n_octets = sizeof(odd);
	ask();
	net_step(&net);
	net_step(&net);
	is_int(m->seen.edge_answers, 0, "a malformed answer is not handled");
	is_int(ike_engine_stats(m->engine)->in_syntax, 1,
	       "a malformed answer is counted");
	is_str(m->seen.reason, "malformed answer about an edge",
	       "a malformed answer ends the IKE SA");
	pair_teardown();
}

/* A renewal of keys changes nothing for the edge of an IKE SA. */
static void test_renewed(void)
{
	struct ike_sa *before;

	begin();
	ask();
	net_run(&net);
	before = g->sa;
	is_int(ike_rekey(sa), 0, "the keys of the IKE SA are renewed");
	net_run(&net);
	is_int(ike_engine_stats(m->engine)->rekeyed, 1,
	       "the renewal is complete");
	ask();
	net_run(&net);
	ok(g->sa == before, "the relay knows the IKE SA by the same pointer");
	is_int(m->seen.edge_answers, 2, "the relay answers after a renewal");
	pair_teardown();
}

/* ---- room at a relay -------------------------------------------------------------- */

/* A node of @authority that has a member's certificate. */
static struct node *member_node(const char *dns, const char *addr,
				const struct pki_pair *authority)
{
	struct pki_opt opt = { .kind = PKI_MEMBER,
			       .dns = dns,
			       .ca = authority };

	return node_new(&net, addr, &opt, authority, &relays);
}

/* Return true if the IKE SA of that number, which may be freed, is up. */
static bool has_sa(const struct node *n, uint64_t serial)
{
	const struct ike_sa *s;

	LIST_FOREACH(s, &n->engine->sas, link)
		if (ike_sa_serial(s) == serial)
			return ike_sa_is_up(s);
	return false;
}

/* Open an IKE SA from @from to the relay, and return its number. */
static uint64_t open_to_relay(struct node *from)
{
	struct ike_sa *s = NULL;
	struct ike_id id;

	id_from_text(&id, RELAY);
	is_int(ike_open(from->engine, &from->ep, &g->ep, &id, &s), 0,
	       "an IKE SA to the relay is opened");
	return ike_sa_serial(s);
}

/* Lose what comes behind IKE_SA_INIT. */
static void run_init_only(void)
{
	while (net.n_queue) {
		if (net.queue[0].p[18] == IKE_XCHG_IKE_SA_INIT)
			net_step(&net);
		else
			net_drop(&net, 0);
	}
}

static void test_half_open(void)
{
	static const struct ike_engine_cfg few = { .relays = true,
						   .max_sas = 4 };
	struct node *stranger, *parent;
	struct ike_sa *up[5];
	struct pki_pair evil;
	struct ike_id id;
	int i;

	two_members(&few, &relays);
	pki_ca(&net, "evil CA", &evil);
	stranger = member_node("x.example", "198.51.100.7", &evil);
	parent = member_node("parent.example", "192.0.2.3", &ca);
	for (i = 0; i < 9; i++) {
		open_to_relay(stranger);
		run_init_only();
	}
	is_int(ike_engine_stats(g->engine)->half_open, 9,
	       "a stranger has made half-open IKE SAs");
	id_from_text(&id, "parent.example");
	for (i = 0; i < 4; i++)
		is_int(ike_open(g->engine, &g->ep, &parent->ep, &id, &up[i]), 0,
		       "the relay opens an IKE SA to its parent, whatever strangers do");
	net_run(&net);
	ok(ike_sa_is_up(up[0]) && ike_sa_is_up(up[3]),
	   "the IKE SAs to the parent are up");
	is_int(ike_open(g->engine, &g->ep, &parent->ep, &id, &up[4]), -EMFILE,
	       "the relay opens no more than it may have");
	ike_close(up[3], "the parent is left");
	net_run(&net);
	is_int(ike_open(g->engine, &g->ep, &parent->ep, &id, &up[4]), 0,
	       "one that has ended makes room for another one");
	pki_pair_free(&evil);
	pair_teardown();
}

static void refuse_edge(struct edge_answer *ans)
{
	*ans = (struct edge_answer){ .verdict = EDGE_REFUSED,
				     .reason = EDGE_BUSY };
}

static void test_displaced(void)
{
	static const struct ike_engine_cfg few = { .relays = true,
						   .max_sas = 4,
						   .max_per_identity = 64 };
	struct node *x;
	int i;

	two_members(&few, &relays);
	is_int(ask(), 0, "the child asks for an edge");
	net_run(&net);
	x = member_node("x.example", "198.51.100.7", &ca);
	for (i = 0; i < 6; i++) {
		open_to_relay(x);
		net_run(&net);
	}
	is_int(ike_engine_stats(g->engine)->sas, 4, "the relay is full");
	is_int(m->seen.sa_closed, 0,
	       "the IKE SA of a child with an edge does not give way");
	/* A child that asks too often has its edge still. */
	net_pass(&net, 14000, true);
	refuse_edge(&g->edge);
	is_int(ask(), 0, "the child asks too often");
	net_run(&net);
	net_pass(&net, 14000, true);
	open_to_relay(x);
	net_run(&net);
	is_int(m->seen.sa_closed, 0,
	       "the edge of a child that is refused as busy stays");
	net_pass(&net, 2000, true);
	for (i = 0; i < 4; i++) {
		open_to_relay(x);
		net_run(&net);
	}
	is_int(m->seen.sa_closed, 1, "an edge that has ended keeps no place");
	pair_teardown();
}

/* A child whose edge is gone asks on and on, and is refused as busy. */
static void test_busy_without_edge(void)
{
	static const struct ike_engine_cfg few = { .relays = true,
						   .max_sas = 4,
						   .max_per_identity = 64 };
	struct ike_sa *child;
	struct node *x;
	int i;

	two_members(&few, &relays);
	is_int(ask(), 0, "the child asks for an edge");
	net_run(&net);
	child = LIST_FIRST(&g->engine->sas);
	ok(child && place_has_edge(child),
	   "the IKE SA of the edge has its place");
	ike_sa_edge_ended(child);
	ok(!place_has_edge(child), "the place ends with the edge");
	refuse_edge(&g->edge);
	is_int(ask(), 0, "the child asks too often");
	net_run(&net);
	is_int(m->seen.edge_ans.reason, EDGE_BUSY,
	       "the child is refused as busy");
	ok(!place_has_edge(child), "a refusal gives no place");
	x = member_node("x.example", "198.51.100.7", &ca);
	for (i = 0; i < 4; i++) {
		open_to_relay(x);
		net_run(&net);
	}
	is_int(m->seen.sa_closed, 1,
	       "the IKE SA of a child without an edge gives way");
	pair_teardown();
}

static void test_full_of_edges(void)
{
	static const struct ike_engine_cfg one = { .relays = true,
						   .max_sas = 1 };
	static const struct ike_engine_cfg two = { .relays = true,
						   .max_per_identity = 2 };
	uint64_t first, third;
	struct node *x;

	two_members(&one, &relays);
	ask();
	net_run(&net);
	x = member_node("x.example", "198.51.100.7", &ca);
	open_to_relay(x);
	net_run(&net);
	is_int(m->seen.sa_closed, 0,
	       "a child with an edge keeps the only place");
	is_int(x->seen.sa_closed, 1, "another peer is refused");
	is_int(g->seen.up, 1, "the relay has one authenticated peer");
	pair_teardown();

	/* The IKE SA without an edge gives way before an older one of its identity. */
	two_members(&two, &relays);
	ask();
	net_run(&net);
	first = ike_sa_serial(sa);
	open_to_relay(m);
	net_run(&net);
	third = open_to_relay(m);
	net_run(&net);
	ok(has_sa(m, first),
	   "the oldest IKE SA of an identity stays with its edge");
	ok(has_sa(m, third), "the newest IKE SA of an identity is up");
	is_int(m->seen.sa_closed, 1, "the one in between has given way");
	pair_teardown();
}

static unsigned int news;
static struct edge_answer last_news;

static void on_news(void *ctx, struct ike_sa *from,
		    const struct edge_answer *ans)
{
	(void)ctx;
	(void)from;
	news++;
	last_news = *ans;
}

/* A relay that goes away says so without being asked. */
static void test_news(void)
{
	struct edge_answer ans = { .verdict = EDGE_REFUSED,
				   .reason = EDGE_LEAVING,
				   .wait_ms = 10000 };

	begin();
	news = 0;
	m->engine->ops.edge_news = on_news;
	ask();
	net_run(&net);
	is_int(ike_tell_edge(sa, &ans), -EINVAL, "a child has nothing to tell");
	is_int(ike_tell_edge(g->sa, &ans), 0, "a relay tells its child");
	net_run(&net);
	is_int(news, 1, "the child is told once");
	is_int(last_news.reason, EDGE_LEAVING, "the child is told the reason");
	is_int(last_news.wait_ms, 10000, "the child is told how long to wait");
	is_int(m->seen.edge_answers, 1, "news is no answer to a request");
	m->engine->ops.edge_news = NULL;
	is_int(ike_tell_edge(g->sa, &ans), 0,
	       "a relay tells a child that is older");
	net_run(&net);
	is_int(news, 1, "a child that knows of no news ignores it");
	ok(ike_sa_is_up(sa) && ike_sa_is_up(g->sa), "the IKE SA stays up");
	pair_teardown();
}

int main(void)
{
	RUN(test_request);
	RUN(test_news);
	RUN(test_redirect);
	RUN(test_retransmission);
	RUN(test_repeated_request);
	RUN(test_moved);
	RUN(test_no_relay);
	RUN(test_certificates);
	RUN(test_malformed_request);
	RUN(test_malformed_answer);
	RUN(test_renewed);
	RUN(test_half_open);
	RUN(test_displaced);
	RUN(test_busy_without_edge);
	RUN(test_full_of_edges);
	return done();
}
