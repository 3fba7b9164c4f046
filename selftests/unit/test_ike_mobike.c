// SPDX-License-Identifier: Apache-2.0
/* Members that move over a living IKE SA (MOBIKE, RFC 4555). */
#include "ike/mobike.h"
#include "ike/places.h"
#include "ike_pair.h"
#include "lib/log.h"
#include "tap.h"

static const struct ike_engine_cfg with = { .mobike = true,
					    .idle_ms = 10000000,
					    .natt_port = 4500 };
static const struct ike_engine_cfg without = { .idle_ms = 10000000 };

/* Time until the member has told its address and the key server has asked there. */
#define MOVE_MS 250

static struct ike_sa *msa, *gsa;
static struct ep first_ep;

static const struct ike_stats *gstats(void)
{
	return ike_engine_stats(g->engine);
}

static const struct ike_stats *mstats(void)
{
	return ike_engine_stats(m->engine);
}

static void open_sa(const struct ike_engine_cfg *gcfg,
		    const struct ike_engine_cfg *mcfg)
{
	pair_setup(gcfg, mcfg);
	m->no_local = true;
	first_ep = m->ep;
	msa = node_join(m, g, GCKS, false);
	net_run(&net);
	gsa = g->sa;
	if (!gsa || !ike_sa_is_up(gsa))
		bail("no IKE SA");
}

static void open_mobike(void)
{
	open_sa(&with, &with);
}

/* Give the member another address. What is sent to the former one is lost. */
static void move_to(const char *addr)
{
	ep_parse(addr, m->ep.port, &m->ep);
	ike_engine_moved(m->engine);
}

static bool peer_is(const char *addr)
{
	struct ep e;

	ep_parse(addr, 500, &e);
	return addr_equal(&ike_sa_peer(gsa)->addr, &e.addr);
}

static void counts(unsigned int updates, unsigned int checks,
		   unsigned int moved, unsigned int failed, const char *what)
{
	is_int(gstats()->updates, updates, "%s: updates received", what);
	is_int(gstats()->move_checks, checks, "%s: checks", what);
	is_int(gstats()->moved, moved, "%s: moved", what);
	is_int(gstats()->move_failed, failed, "%s: not proven", what);
}

/* The IKE SA serves, and nobody has registered anew. */
static void serves(const char *what)
{
	unsigned int registered = m->seen.registered;
	struct gike_req req;

	group_req(&req, "video", false);
	ike_register_more(msa, &req);
	net_run(&net);
	is_int(m->seen.registered, registered + 1, "%s: the IKE SA serves",
	       what);
	ike_liveness(gsa);
	net_run(&net);
	ok(ike_sa_is_up(gsa) && !gsa->my_busy,
	   "%s: the key server reaches the member", what);
	is_int(gstats()->up, 1, "%s: there was one IKE SA", what);
}

/* ---- negotiation --------------------------------------------------------- */

static void both_have(bool want, const char *what)
{
	is_int(!!msa->mobike, want, "%s: at the member", what);
	is_int(!!gsa->mobike, want, "%s: at the key server", what);
}

static void rfc4555_3_1_supported(void)
{
	open_sa(&with, &with);
	both_have(true, "both support it");
	ike_rekey(msa);
	net_run(&net);
	both_have(true, "the member has renewed the IKE SA");
	net_pass(&net, 70000, true);
	ike_rekey(gsa);
	net_run(&net);
	both_have(true, "the key server has renewed the IKE SA");
	is_int(gstats()->rekeyed, 2, "the IKE SA was renewed twice");
	net_pass(&net, 61000, true);
	move_to("192.0.2.3");
	net_pass(&net, MOVE_MS, true);
	ok(peer_is("192.0.2.3"), "a member moves over a renewed IKE SA");
	counts(1, 1, 1, 0, "renewed");
	pair_teardown();

	open_sa(&without, &with);
	both_have(false, "the key server does not support it");
	move_to("192.0.2.3");
	net_pass(&net, 5000, true);
	is_int(mstats()->updates, 0, "nothing is told to such a key server");
	ike_liveness(msa);
	net_run(&net);
	ok(ep_equal(ike_sa_peer(gsa), &first_ep),
	   "without MOBIKE the address is what it was");
	pair_teardown();

	open_sa(&with, &without);
	both_have(false, "the member does not support it");
	move_to("192.0.2.3");
	net_pass(&net, 5000, true);
	counts(0, 0, 0, 0, "member without MOBIKE");
	pair_teardown();
}

static void rfc4555_3_1_resumed(void)
{
	struct ike_engine_cfg gcfg = with, mcfg = with;

	gcfg.ticket_s = 3600;
	mcfg.resume = true;
	open_sa(&gcfg, &mcfg);
	ike_close(msa, "bye");
	net_run(&net);
	msa = node_join(m, g, GCKS, false);
	net_run(&net);
	gsa = g->sa;
	is_int(gstats()->resumed, 1, "the IKE SA is resumed");
	both_have(true, "a resumed IKE SA");
	move_to("192.0.2.3");
	net_pass(&net, MOVE_MS, true);
	ok(peer_is("192.0.2.3"), "a member moves over a resumed IKE SA");
	pair_teardown();
}

/* ---- an update ------------------------------------------------------------ */

static void goes_to(unsigned int i, const struct ep *from, const char *to,
		    const char *what)
{
	struct ep e;

	ep_parse(to, 500, &e);
	ok(net.n_queue > i && addr_equal(&net.queue[i].from.addr, &from->addr),
	   "%s: from there", what);
	ok(net.n_queue > i && addr_equal(&net.queue[i].to.addr, &e.addr),
	   "%s: to there", what);
}

/* Let the member's update be sent, and nothing be delivered. */
static void tells(void)
{
	net.ms += MOVE_MS;
	timerq_run(&net.tq);
	is_int(net.n_queue, 1, "the member tells its address");
}

static void rfc4555_3_5_update(void)
{
	uint64_t serial;
	struct ep was;

	open_mobike();
	serial = ike_sa_serial(gsa);
	was = *ike_sa_peer(gsa);
	move_to("192.0.2.3");
	tells();
	goes_to(0, &m->ep, "192.0.2.1", "the update");
	is_int(net.queue[0].from.port, 4500,
	       "the update leaves from port 4500");
	is_int(net.queue[0].to.port, 4500, "the update goes to port 4500");
	net_step(&net);
	is_int(net.n_queue, 2, "an answer and a question");
	goes_to(0, &g->ep, "192.0.2.3", "the answer to the update");
	goes_to(1, &g->ep, "192.0.2.3", "the check");
	ok(ep_equal(ike_sa_peer(gsa), &was),
	   "the address is the former one before the proof");
	net_step(&net);
	is_int(m->seen.moved, 1, "the member notes that it has moved");
	is_str(m->seen.about, "this host is at 192.0.2.3",
	       "the member says where it is");
	net_step(&net);
	goes_to(0, &m->ep, "192.0.2.1", "the cookie");
	net_run(&net);
	ok(peer_is("192.0.2.3"), "the peer is at its new address");
	is_int(g->seen.moved, 1, "the key server says so once");
	is_str(g->seen.about, "it was at 192.0.2.2:500",
	       "the key server says where the peer was");
	is_int(g->seen.moves, 1, "the group layer is told once");
	ok(ep_equal(&g->seen.moved_from, &was),
	   "the group layer is told where the peer was");
	counts(1, 1, 1, 0, "an update");
	is_int(mstats()->updates, 1, "the member has told it once");
	is_int(mstats()->moved, 1, "the member has moved once");
	ok(ike_sa_serial(gsa) == serial, "the IKE SA is the same");
	is_int(table_placed_count(g->engine, &was.addr), 0,
	       "the former address has no IKE SA any more");
	is_int(table_placed_count(g->engine, &m->ep.addr), 1,
	       "the new address has one");
	ok(!gsa->nat_there && !gsa->nat_here && !msa->nat_here,
	   "no NAT is found");
	is_int(m->seen.registered, 1, "nothing was registered again");
	serves("moved");
	is_int(net.lost, 0, "nothing went to the former address");
	pair_teardown();
}

/* Each datagram of a move is lost once. */
static void loss(void)
{
	for (unsigned int lost = 0; lost < 4; lost++) {
		open_mobike();
		move_to("192.0.2.3");
		tells();
		for (unsigned int i = 0; i < lost; i++)
			net_step(&net);
		/* The answer and the check are in the queue at once. */
		net_drop(&net, 0);
		net_run(&net);
		net_pass(&net, 4000, true);
		ok(peer_is("192.0.2.3"), "datagram %u lost: moved", lost);
		counts(1, 1, 1, 0, "a datagram lost");
		serves("a datagram lost");
		pair_teardown();
	}
}

static void rfc4555_3_5_unanswered(void)
{
	open_mobike();
	move_to("192.0.2.3");
	/* 200 ms, and then 1, 2, 4, 8 and 8 s. */
	net_pass(&net, 23100, false);
	is_int(m->seen.sa_closed, 0, "the member waits for an answer");
	is_int(mstats()->rexmit, 4, "the update was sent five times");
	net_pass(&net, 200, false);
	is_int(m->seen.sa_closed, 1, "the IKE SA ends without an answer");
	is_str(m->seen.reason, "no answer to INFORMATIONAL after 5 tries",
	       "the IKE SA that ends says why");
	is_int(mstats()->move_failed, 1, "the move is counted as failed");
	pair_teardown();
}

/* ---- who lies -------------------------------------------------------------- */

/* Count the datagrams in the queue to @addr, and lose them. */
static unsigned int lose_to(const char *addr)
{
	unsigned int i = 0, n = 0;
	struct ep e;

	ep_parse(addr, 500, &e);
	while (i < net.n_queue) {
		if (!addr_equal(&net.queue[i].to.addr, &e.addr)) {
			i++;
			continue;
		}
		net_drop(&net, i);
		n++;
	}
	return n;
}

/* Let time pass, and count the datagrams to @addr. */
static unsigned int pass_without(const char *addr, uint64_t ms)
{
	unsigned int n = lose_to(addr);
	uint64_t end = net.ms + ms;

	while (net.ms < end) {
		net.ms += 100;
		timerq_run(&net.tq);
		do
			n += lose_to(addr);
		while (net_step(&net));
	}
	return n;
}

/* A liar does not need the answer to its update. */
static void forget_update(void)
{
	msa->my_busy = false;
	timer_del(&net.tq, &msa->t_rexmit);
	task_free(task_take(msa));
	msa->my_mid++;
}

/* The member says that it is at the address of another host. */
static void claim(const char *addr)
{
	static const struct ike_task update = {
		.xchg = IKE_XCHG_INFORMATIONAL,
		.notify = IKE_N_UPDATE_SA_ADDRESSES,
	};

	sa_ask(msa, &update);
	ep_parse(addr, 4500, &net.queue[net.n_queue - 1].from);
}

static void rfc4555_3_7_victim(void)
{
	open_mobike();
	claim("198.51.100.66");
	net_step(&net);
	is_int(pass_without("198.51.100.66", 300000), 5,
	       "another host gets one answer and four questions");
	ok(ep_equal(ike_sa_peer(gsa), &first_ep),
	   "the address does not change to that of another host");
	counts(1, 1, 0, 1, "another host");
	is_int(g->seen.moves, 0, "the group layer hears nothing");
	ok(ike_sa_is_up(gsa), "the IKE SA goes on");
	serves("after a lie");
	pair_teardown();

	/* The liar knows when the key server asks, and answers for the other host. */
	open_mobike();
	claim("198.51.100.66");
	net_step(&net);
	forget_update();
	is_int(lose_to("198.51.100.66"), 2, "an answer and a question");
	for (unsigned int i = 0; i < 4; i++) {
		net.ms += 8000;
		timerq_run(&net.tq);
		is_int(lose_to("198.51.100.66"), i < 3, "%u: asked again", i);
	}
	is_int(net.n_queue, 1, "the former address is asked as well");
	net_step(&net);
	goes_to(0, &m->ep, "192.0.2.1", "the cookie");
	ep_parse("198.51.100.66:4500", 0, &net.queue[0].from);
	net_run(&net);
	ok(ep_equal(ike_sa_peer(gsa), &first_ep),
	   "a cookie that went elsewhere as well proves nothing");
	counts(1, 1, 0, 1, "a cookie that went elsewhere");
	pair_teardown();
}

static unsigned int cookie_kind;

/* Answers with a wrong cookie, none, one of another length, or from elsewhere. */
static void answers_wrongly(struct ike_sa *sa, struct ike_in *in)
{
	const struct notify_pld *n = msg_notify(&in->m, IKE_N_COOKIE2);
	uint8_t cookie[64] = { 0 };

	if (n)
		memcpy(cookie, n->data, n->len);
	if (!n || cookie_kind == 1)
		sa_respond_notify(sa, IKE_XCHG_INFORMATIONAL, MCSEC_N_LATER,
				  NULL, 0);
	cookie[0] ^= cookie_kind == 0;
	if (n && cookie_kind != 1)
		sa_respond_notify(sa, IKE_XCHG_INFORMATIONAL, IKE_N_COOKIE2,
				  cookie, n->len + (cookie_kind == 2));
}

static void rfc4555_3_7_wrong_cookie(void)
{
	static const char *const what[] = { "a wrong cookie", "no cookie",
					    "a longer cookie",
					    "a cookie from elsewhere" };

	for (cookie_kind = 0; cookie_kind < 4; cookie_kind++) {
		open_mobike();
		node_own_exchange(m, IKE_XCHG_INFORMATIONAL)->request =
			answers_wrongly;
		move_to("192.0.2.3");
		tells();
		net_step(&net);
		net_step(&net);
		net_step(&net);
		if (cookie_kind == 3)
			ep_parse("192.0.2.9:4500", 0, &net.queue[0].from);
		net_run(&net);
		ok(ep_equal(ike_sa_peer(gsa), &first_ep),
		   "%s does not move the peer", what[cookie_kind]);
		counts(1, 1, 0, 1, what[cookie_kind]);
		ok(ike_sa_is_up(gsa), "%s: the IKE SA goes on",
		   what[cookie_kind]);
		pair_teardown();
	}
}

/* Somebody on the way has copied an update. */
static void rfc4555_3_5_replay(void)
{
	struct ep elsewhere;
	uint8_t copy[1024];
	size_t len;

	open_mobike();
	ep_parse("198.51.100.66:4500", 0, &elsewhere);
	move_to("192.0.2.3");
	tells();
	len = net.queue[0].len;
	memcpy(copy, net.queue[0].p, len);
	net_run(&net);
	ike_engine_input(g->engine, &elsewhere, &g->ep, copy, len);
	is_int(net.n_queue, 1, "a copy gets the answer again");
	goes_to(0, &g->ep, "198.51.100.66", "where it came from");
	net_drop(&net, 0);
	ok(peer_is("192.0.2.3"),
	   "a copy from elsewhere does not move the peer");
	is_int(gstats()->in_rexmit, 1, "counted as repeated");
	net_pass(&net, 61000, true);
	move_to("192.0.2.4");
	net_pass(&net, MOVE_MS, true);
	ok(peer_is("192.0.2.4"), "the member has moved on");
	ep_parse("192.0.2.3:4500", 0, &elsewhere);
	ike_engine_input(g->engine, &elsewhere, &g->ep, copy, len);
	is_int(net.n_queue, 0, "a former update gets no answer");
	is_int(gstats()->in_mid, 1, "a former update is outside of the window");
	ok(peer_is("192.0.2.4"), "a former update does not move the peer back");
	counts(2, 2, 2, 0, "replay");
	pair_teardown();
}

/* The answer to a check comes after the next update: only the newest address counts. */
static void newest_counts(void)
{
	open_mobike();
	move_to("192.0.2.3");
	tells();
	net_step(&net);
	net_step(&net);
	net_step(&net);
	is_int(net.n_queue, 1, "the cookie of the first address is on its way");
	move_to("192.0.2.4");
	net.ms += 1000;
	timerq_run(&net.tq);
	is_int(net.n_queue, 3, "a copy of the check, and the second update");
	net_swap(&net, 0, 2);
	net_step(&net);
	counts(2, 1, 0, 0, "the second update overtakes");
	net_step(&net);
	net_step(&net);
	counts(2, 2, 0, 0, "the cookie of the first address");
	ok(ep_equal(ike_sa_peer(gsa), &first_ep),
	   "the cookie of an address that is not the newest moves nothing");
	net_run(&net);
	ok(peer_is("192.0.2.4"), "the peer is at the newest address");
	counts(2, 2, 1, 0, "two updates");
	serves("two updates");
	pair_teardown();
}

/* ---- NAT -------------------------------------------------------------------- */

static void rfc4555_3_8_nat(void)
{
	open_mobike();
	ep_parse("192.0.2.3", 500, &m->ep);
	net.nat = true;
	net.nat_inside = m->ep;
	ep_parse("198.51.100.9:40000", 0, &net.nat_outside);
	ike_engine_moved(m->engine);
	net_pass(&net, MOVE_MS, true);
	ok(peer_is("198.51.100.9"), "the peer is at the NAT's address");
	ok(gsa->nat_there && msa->nat_here, "both know of the NAT");
	counts(1, 1, 1, 0, "into a NAT");
	net_pass(&net, 20000, true);
	is_int(m->seen.keepalives, 1, "the member keeps the NAT's mapping");
	serves("behind a NAT");

	net.nat_outside.port = 50000;
	ike_liveness(msa);
	net_run(&net);
	is_int(ike_sa_peer(gsa)->port, 50001,
	       "another port of the NAT is followed");
	counts(1, 1, 2, 0, "another port");

	net_pass(&net, 61000, true);
	ep_parse("198.51.100.10:40000", 0, &net.nat_outside);
	ike_liveness(msa);
	net_step(&net);
	ok(peer_is("198.51.100.9"),
	   "another address of the NAT is asked first");
	net_run(&net);
	ok(peer_is("198.51.100.10"), "another address of the NAT is followed");
	counts(1, 2, 3, 0, "another address of the NAT");
	serves("the NAT has moved");

	net_pass(&net, 61000, true);
	is_int(m->seen.keepalives, 7, "keepalives go on");
	net.nat = false;
	move_to("192.0.2.4");
	net_pass(&net, MOVE_MS, true);
	ok(peer_is("192.0.2.4") && !gsa->nat_there && !msa->nat_here,
	   "out of the NAT");
	net_pass(&net, 100000, true);
	is_int(m->seen.keepalives, 7, "no keepalives without a NAT");
	pair_teardown();
}

/* A member that claims to be behind a NAT sends from the address of another host. */
static void nat_is_no_excuse(void)
{
	open_mobike();
	gsa->nat_there = true;
	ike_liveness(msa);
	ep_parse("198.51.100.66:500", 0, &net.queue[0].from);
	net_step(&net);
	is_int(pass_without("198.51.100.66", 100000), 5,
	       "another host gets one answer and four questions");
	ok(ep_equal(ike_sa_peer(gsa), &first_ep),
	   "a peer behind a NAT is not followed without a proof");
	counts(0, 1, 0, 1, "NAT claimed");
	pair_teardown();
}

static int build_no_nats(struct ike_sa *sa, const struct ike_task *t)
{
	struct ep to = *ike_sa_peer(sa);
	struct pchain c;
	struct wbuf w, data;

	(void)t;
	wbuf_init(&w, IKE_INNER_MAX);
	wbuf_init(&data, 64);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	wbuf_put(&data, m->ep.addr.b, m->ep.addr.len);
	wbuf_put(&data, to.addr.b, to.addr.len);
	wbuf_u16(&data, m->ep.port);
	wbuf_u16(&data, to.port);
	notify_build(&c, IKE_N_UPDATE_SA_ADDRESSES, NULL, 0);
	notify_build(&c, IKE_N_NO_NATS_ALLOWED, data.p, data.len);
	sa_request(sa, IKE_XCHG_INFORMATIONAL, c.first, &w);
	wbuf_free(&data);
	wbuf_free(&w);
	return 0;
}

static void rfc4555_3_9_no_nats_allowed(void)
{
	static const struct ike_task t = {
		.xchg = IKE_XCHG_INFORMATIONAL,
		.notify = IKE_N_UPDATE_SA_ADDRESSES,
	};

	for (int nat = 0; nat < 2; nat++) {
		open_mobike();
		node_own_exchange(m, IKE_XCHG_INFORMATIONAL)->build =
			build_no_nats;
		ep_parse("192.0.2.3", 500, &m->ep);
		net.nat = nat;
		net.nat_inside = m->ep;
		ep_parse("198.51.100.9:40000", 0, &net.nat_outside);
		sa_ask(msa, &t);
		net_run(&net);
		is_int(gstats()->move_refused, nat, "%d: refused", nat);
		is_int(gstats()->moved, !nat, "%d: moved", nat);
		is_int(m->seen.sa_closed, nat, "%d: the member ends it", nat);
		if (nat)
			is_str(m->seen.reason,
			       "UNEXPECTED_NAT_DETECTED: the new address is not taken",
			       "a NAT that the member does not want");
		pair_teardown();
	}
}

/* ---- limits ------------------------------------------------------------------ */

/* A cable that is pulled and put back again and again. */
static void ping_pong(void)
{
	open_mobike();
	for (unsigned int i = 0; i < 200; i++) {
		move_to(i % 2 ? "192.0.2.3" : "192.0.2.4");
		net_pass(&net, 300, true);
	}
	is_int(mstats()->updates, 6, "updates in a minute of changes");
	ok(gstats()->move_checks <= 6, "the key server asks no more often");
	is_int(gstats()->move_failed, 0, "no check fails");
	move_to("192.0.2.5");
	net_pass(&net, 100000, true);
	ok(peer_is("192.0.2.5"), "the last address counts");
	serves("after many changes");
	pair_teardown();
}

/* A member without that patience names the addresses of many hosts. */
static void many_victims(void)
{
	unsigned int to_others = 0;
	char addr[32];

	open_mobike();
	for (unsigned int i = 0; i < 200; i++) {
		snprintf(addr, sizeof(addr), "198.51.100.%u", i + 1);
		claim(addr);
		net_step(&net);
		forget_update();
		for (unsigned int k = 0; k <= i; k++) {
			snprintf(addr, sizeof(addr), "198.51.100.%u", k + 1);
			to_others += lose_to(addr);
		}
		net_pass(&net, 100, true);
	}
	is_int(gstats()->updates, 200, "200 updates in 20 s");
	ok(ep_equal(ike_sa_peer(gsa), &first_ep), "no lie is believed");
	is_int(gstats()->moved, 0, "nobody has moved");
	is_int(gstats()->move_checks, 2, "two addresses were asked");
	is_int(to_others, 201,
	       "each update gets its answer, the first a check");
	is_int(gsa->n_tasks <= 1, 1, "one check at most is in the queue");
	pair_teardown();
}

static void full_address(void)
{
	struct pki_opt opt = { .kind = PKI_MEMBER,
			       .dns = "b.example",
			       .ca = &ca };
	struct ike_engine_cfg gcfg = with;
	struct node *b;

	gcfg.max_per_peer = 1;
	open_sa(&gcfg, &with);
	b = node_new(&net, "192.0.2.3", &opt, &ca, &with);
	node_join(b, g, GCKS, false);
	net_run(&net);
	node_free(b);
	move_to("192.0.2.3");
	net_pass(&net, MOVE_MS, true);
	is_str(m->seen.reason,
	       "UNACCEPTABLE_ADDRESSES: the new address is not taken",
	       "an address that has no room is refused");
	is_int(m->seen.sa_closed, 1, "the member has to register anew");
	counts(1, 0, 0, 0, "no room");
	is_int(gstats()->move_refused, 1, "the update is counted as refused");
	is_int(table_placed_count(g->engine, &m->ep.addr), 1,
	       "the other host keeps its IKE SA");
	pair_teardown();
}

/* ---- requests in progress ------------------------------------------------------ */

/* The window of the key server has a request that went to the former address. */
static void request_in_progress(void)
{
	static const uint8_t zeros[220];
	struct opaque much = { 0 };
	struct ike_id idg;

	open_mobike();
	ike_liveness(gsa);
	net_drop(&net, 0);
	move_to("192.0.2.3");
	tells();
	net_step(&net);
	is_int(net.n_queue, 2, "the answer, and a copy of the request");
	goes_to(1, &g->ep, "192.0.2.3", "the copy");
	net_run(&net);
	ok(peer_is("192.0.2.3"),
	   "the address is proven after the copy is answered");
	is_int(gstats()->rexmit, 0, "nobody waits for a retransmission");
	counts(1, 1, 1, 0, "a request in progress");
	pair_teardown();

	/* A request that is larger than what came from there. */
	open_mobike();
	opaque_add(&much, 32000, zeros, sizeof(zeros));
	g->says_data = &much;
	id_set(&idg, IKE_ID_KEY_ID, "video", 5);
	ike_inband(gsa, &idg);
	is_int(net.queue[0].len > 400, 1, "a large request is lost");
	net_drop(&net, 0);
	move_to("192.0.2.3");
	net.ms += MOVE_MS;
	timerq_run(&net.tq);
	is_int(lose_to("192.0.2.2"), 1, "a copy of it is lost as well");
	is_int(net.queue[0].len * 3 < gsa->my_req.v[0].len, 1,
	       "the request is more than three times as long as an update");
	net_step(&net);
	is_int(net.n_queue, 1, "only the answer goes to where nobody may be");
	net_run(&net);
	/* The member hears nothing, and asks. */
	ike_liveness(msa);
	net_run(&net);
	ike_liveness(msa);
	net_run(&net);
	is_int(m->seen.inband, 1,
	       "requests from there allow for a copy of the large one");
	ok(peer_is("192.0.2.3"), "the address is proven after the large one");
	counts(1, 1, 1, 0, "a large request in progress");
	pair_teardown();
}

int main(void)
{
	log_set_level(LOG_LEVEL_ERR);
	RUN(rfc4555_3_1_supported);
	RUN(rfc4555_3_1_resumed);
	RUN(rfc4555_3_5_update);
	RUN(loss);
	RUN(rfc4555_3_5_unanswered);
	RUN(rfc4555_3_7_victim);
	RUN(rfc4555_3_7_wrong_cookie);
	RUN(rfc4555_3_5_replay);
	RUN(newest_counts);
	RUN(rfc4555_3_8_nat);
	RUN(nat_is_no_excuse);
	RUN(rfc4555_3_9_no_nats_allowed);
	RUN(ping_pong);
	RUN(many_victims);
	RUN(full_address);
	RUN(request_in_progress);
	return done();
}
