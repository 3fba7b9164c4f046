// SPDX-License-Identifier: Apache-2.0
/*
 * Messages as lists of datagrams, each with a path of its own: if a request or
 * an answer consists of several, all are kept, and all are retransmitted.
 */
#include <errno.h>

#include "ike/sa.h"
#include "ike_pair.h"
#include "lib/log.h"
#include "tap.h"
#include "wipes.h"

static bool queued(unsigned int i, const char *octets)
{
	return i < net.n_queue && net.queue[i].len == strlen(octets) &&
	       !memcmp(net.queue[i].p, octets, net.queue[i].len);
}

/* ---- the list itself ---------------------------------------------------- */

static void lists(void)
{
	struct dgrams d = { 0 }, e = { 0 };
	unsigned int n = 0;
	int ret;

	is_int(dgrams_add(&d, "one", 3), 0, "a datagram");
	is_int(dgrams_add(&d, "two", 3), 0, "a second datagram");
	ok(d.n == 2 && dgrams_has(&d, "one", 3) && dgrams_has(&d, "two", 3),
	   "both are there");
	ok(!dgrams_has(&d, "tw", 2) && !dgrams_has(&d, "twos", 4) &&
		   !dgrams_has(&d, "six", 3),
	   "shorter, longer and other octets are not");
	dgrams_move(&e, &d);
	ok(!d.n && !d.v && e.n == 2, "lists: moved");
	wipes_look_for("two", 3);
	is_int(dgrams_set(&e, "three", 5), 0, "one in place of both");
	ok(wipes_found() == 1 && e.n == 1 && dgrams_has(&e, "three", 5) &&
		   !dgrams_has(&e, "one", 3),
	   "the datagrams that were there are wiped");
	while (!(ret = dgrams_add(&e, "x", 1)))
		n++;
	is_int(ret, -E2BIG, "there is an end");
	is_int(n, DGRAMS_MAX - 1, "after so many");
	dgrams_free(&e);
	ok(!e.n && !e.v, "lists: freed");
}

/* ---- as an IKE SA keeps them -------------------------------------------- */

static void request_again(void)
{
	pair_setup(NULL, NULL);
	node_join(m, g, GCKS, false);
	net_run(&net);
	ike_liveness(m->sa);
	pair_drop_all();
	dgrams_set(&m->sa->my_req, "first", 5);
	dgrams_add(&m->sa->my_req, "second", 6);
	/*
	 * The packets are delivered as by net_pass(), but kept for
	 * inspection.
	 */
	net.ms += m->engine->cfg.rexmit_ms;
	timerq_run(&net.tq);
	ok(net.n_queue == 2 && queued(0, "first") && queued(1, "second"),
	   "a request that is sent again goes as all of its datagrams");
	ok(ep_equal(&net.queue[0].to, &g->ep) &&
		   ep_equal(&net.queue[1].to, &g->ep),
	   "all of them to the peer");
	is_int(ike_engine_stats(m->engine)->rexmit, 1, "counted as one");
	pair_teardown();
}

static void answer_again(void)
{
	struct packet q;
	struct ep elsewhere;
	uint8_t copy[2048];

	pair_setup(NULL, NULL);
	node_join(m, g, GCKS, false);
	net_run(&net);
	ike_liveness(m->sa);
	q = net.queue[0];
	memcpy(copy, q.p, q.len);
	net_step(&net);
	pair_drop_all();
	dgrams_set(&g->sa->kept->res.dgrams, "first", 5);
	dgrams_add(&g->sa->kept->res.dgrams, "second", 6);
	ep_parse("192.0.2.77:999", 0, &elsewhere);
	ike_engine_input(g->engine, &elsewhere, &g->ep, copy, q.len);
	ok(net.n_queue == 2 && queued(0, "first") && queued(1, "second"),
	   "an answer that is asked for again goes as all of its datagrams");
	ok(ep_equal(&net.queue[0].to, &elsewhere) &&
		   ep_equal(&net.queue[1].to, &elsewhere),
	   "all of them where that request came from");
	pair_drop_all();

	/* The last one belongs to an SA that has ended. */
	ike_close(g->sa, "done");
	pair_drop_all();
	ike_engine_input(g->engine, &elsewhere, &g->ep, copy, q.len);
	ok(net.n_queue == 2 && queued(0, "first") && queued(1, "second"),
	   "the last answer of an IKE SA that has ended goes as all of its datagrams");
	pair_teardown();
}

static void request_of_several(void)
{
	uint8_t copy[2048];
	size_t len;

	pair_setup(NULL, NULL);
	node_join(m, g, GCKS, false);
	net_run(&net);
	ike_liveness(m->sa);
	len = net.queue[0].len;
	memcpy(copy, net.queue[0].p, len);
	net_step(&net);
	pair_drop_all();
	dgrams_add(&g->sa->kept->req, "another fragment", 16);
	ike_engine_input(g->engine, &m->ep, &g->ep, copy, len);
	is_int(net.n_queue, 1,
	       "any datagram of the request answered last is known again");
	is_int(ike_engine_stats(g->engine)->in_rexmit, 1,
	       "the request is counted as repeated");
	copy[len - 1] ^= 1;
	ike_engine_input(g->engine, &m->ep, &g->ep, copy, len);
	is_int(net.n_queue, 1,
	       "octets that are in no datagram of the request are not known");
	is_int(ike_engine_stats(g->engine)->in_altered, 1,
	       "the other octets are counted as altered");
	pair_teardown();
}

/* ---- the path of a message ---------------------------------------------- */

/* A peer behind a NAT changes its port during a request. */
static void peer_moves(void)
{
	const struct ike_engine_cfg mcfg = { .natt_port = 4500 };
	struct ep before, after;
	struct gike_req req;

	pair_setup(NULL, &mcfg);
	net.nat = true;
	net.nat_inside = m->ep;
	ep_parse("198.51.100.9:40000", 0, &net.nat_outside);
	node_join(m, g, GCKS, false);
	net_run(&net);
	before = *ike_sa_peer(g->sa);
	ike_liveness(g->sa);
	ok(net.n_queue == 1 && ep_equal(&net.queue[0].to, &before),
	   "a request goes where the peer is");
	pair_drop_all();
	net.nat_outside.port = 50000;
	after = net.nat_outside;
	after.port++; /* the floated port */
	group_req(&req, "video", false);
	ike_register_more(m->sa, &req);
	net_run(&net);
	ok(ep_equal(ike_sa_peer(g->sa), &after), "the peer has moved");
	net.ms += g->engine->cfg.rexmit_ms;
	timerq_run(&net.tq);
	ok(net.n_queue == 1 && ep_equal(&net.queue[0].to, &after),
	   "the request that is under way goes after it");
	net_run(&net);
	ok(!g->sa->my_busy, "the request that went after the peer is answered");
	pair_teardown();
}

int main(void)
{
	log_set_level(LOG_LEVEL_ERR);
	RUN(lists);
	RUN(request_again);
	RUN(answer_again);
	RUN(request_of_several);
	RUN(peer_moves);
	return done();
}
