// SPDX-License-Identifier: Apache-2.0
/*
 * IKE fragmentation (RFC 7383) of unicast messages: both directions, with loss
 * and reordering, and what strangers and peers can do with fragments.
 */
#include <errno.h>

#include "ike/sa.h"
#include "ike_pair.h"
#include "lib/log.h"
#include "lib/util.h"
#include "tap.h"

/* Less than mcsecd.conf permits, so that small certificates are cut, too. */
#define SIZE 300
/* Largest datagram without the headers of IPv4, UDP and the marker. */
#define MOST (SIZE - 32)

static void setup_with(uint32_t gsize, uint32_t msize, const char *at)
{
	struct ike_engine_cfg gcfg = { .fragment_size = gsize };
	struct ike_engine_cfg mcfg = { .fragment_size = msize };

	pair_setup_opt(&(struct pair_opt){ .gcfg = &gcfg,
					   .mcfg = &mcfg,
					   .gaddr = at ? "[2001:db8::1]" : NULL,
					   .maddr = at });
}

static void setup(void)
{
	setup_with(SIZE, SIZE, NULL);
}

/* Counts of encrypted datagrams. */
static unsigned int n_whole, n_frags, most;

static void run_and_look(void)
{
	n_whole = 0;
	n_frags = 0;
	most = 0;
	while (net.n_queue) {
		const struct packet *q = &net.queue[0];

		if (q->p[18] != IKE_XCHG_IKE_SA_INIT) {
			n_frags += msg_is_fragment(q->p, q->len);
			n_whole += !msg_is_fragment(q->p, q->len);
			if (q->len > most)
				most = q->len;
		}
		net_step(&net);
	}
}

static void joined(const char *what)
{
	is_int(m->seen.registered, 1, "%s: registered", what);
	is_int(m->seen.tek_ret, 0, "%s: TEK unwrapped", what);
	is_int(g->seen.requests, 1, "%s: the group was asked once", what);
	is_int(g->engine->frag_octets + m->engine->frag_octets, 0,
	       "%s: nothing is kept", what);
}

static void rfc7383_2_5_both_directions(void)
{
	setup();
	node_join(m, g, GCKS, true);
	run_and_look();
	joined("a small size");
	is_int(n_whole, 0, "no message of GSA_AUTH is whole");
	ok(n_frags >= 6, "%u fragments", n_frags);
	is_int(most, MOST, "the largest datagram has the size that is set");
	is_int(ike_engine_stats(g->engine)->frag_in +
		       ike_engine_stats(m->engine)->frag_in,
	       n_frags, "each is counted");
	ike_liveness(m->sa);
	run_and_look();
	is_int(n_frags, 0, "a small message is whole");
	pair_teardown();

	setup_with(SIZE, SIZE, "[2001:db8::2]");
	node_join(m, g, GCKS, true);
	run_and_look();
	joined("IPv6");
	is_int(most, SIZE - 52, "headers of IPv6 are larger");
	pair_teardown();

	setup_with(65535, 65535, NULL);
	node_join(m, g, GCKS, true);
	run_and_look();
	joined("a large MTU");
	is_int(n_frags, 0, "a message that fits is not cut");
	pair_teardown();
}

/* Fragments are used only if both sides have the notify. */
static void rfc7383_2_3_negotiated(void)
{
	static const struct {
		uint32_t gsize, msize;
	} sides[] = { { 0, SIZE }, { SIZE, 0 }, { 0, 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
		setup_with(sides[i].gsize, sides[i].msize, NULL);
		node_join(m, g, GCKS, true);
		run_and_look();
		joined("without the notify of one side");
		is_int(n_frags, 0, "no fragments");
		pair_teardown();
	}
}

/* Parts of the request, which are the first datagrams in the queue. */
static unsigned int to_request(void)
{
	node_join(m, g, GCKS, false);
	net_step(&net);
	net_step(&net);
	return net.n_queue;
}

static void rfc7383_2_6_lost_and_reordered(void)
{
	unsigned int n, bad = 0;

	setup();
	n = to_request();
	ok(n >= 3, "the request has %u fragments", n);
	pair_teardown();
	for (unsigned int lose = 0; lose < n; lose++) {
		setup();
		to_request();
		net_drop(&net, lose);
		net_run(&net);
		is_int(g->seen.requests, 0, "one is missing");
		net_pass(&net, 1500, true);
		joined("sent again");
		pair_teardown();
	}
	/* A fragment of the answer is lost. */
	setup();
	to_request();
	for (unsigned int i = 0; i < n; i++)
		net_step(&net);
	ok(net.n_queue >= 3, "the answer has %u fragments", net.n_queue);
	net_drop(&net, 1);
	net_run(&net);
	is_int(m->seen.registered, 0, "one of the answer is missing");
	net_pass(&net, 1500, true);
	joined("answered again");
	is_int(ike_engine_stats(g->engine)->in_rexmit, 1,
	       "the request was answered again once");
	pair_teardown();

	/* Every order, and each one twice. */
	for (unsigned int i = 0; i < 24; i++) {
		setup();
		to_request();
		for (unsigned int k = 0; k < n; k++)
			net_dup(&net, k);
		for (unsigned int k = 0; k < 2 * n; k++)
			net_swap(&net, k, (k * 7 + i * 3 + 1) % (2 * n));
		net_run(&net);
		bad += m->seen.registered != 1 || g->seen.requests != 1;
		pair_teardown();
	}
	is_int(bad, 0, "in 24 orders, each fragment twice: registered once");
}

static void rfc7383_2_6_altered(void)
{
	unsigned int n;

	setup();
	n = to_request();
	net_dup(&net, 0);
	net.queue[0].p[60] ^= 1;
	net_step(&net);
	is_int(ike_engine_stats(g->engine)->in_icv, 1,
	       "a fragment whose ICV is wrong is dropped");
	is_int(g->engine->frag_octets, 0, "nothing of it is kept");
	net_run(&net);
	joined("the genuine one came, too");
	pair_teardown();

	/* Number and total are authenticated. */
	setup();
	n = to_request();
	net_dup(&net, 0);
	net.queue[0].p[33] = 2;
	net_step(&net);
	net_dup(&net, 0);
	n = net.n_queue - 1;
	net.queue[n].p[35]++;
	net_swap(&net, 0, n);
	net_run(&net);
	is_int(ike_engine_stats(g->engine)->in_icv, 2,
	       "another number, another total");
	joined("numbers changed");
	pair_teardown();
}

/* Seal a fragment of the member's next request. */
static void forge(struct ike_sa *sa, uint16_t number, uint16_t total,
		  size_t len, uint32_t mid)
{
	static uint8_t octets[60000];
	struct ike_hdr h = { .xchg = GIKE_XCHG_GSA_AUTH,
			     .flags = IKE_FLAG_INITIATOR,
			     .mid = mid };
	struct skf skf = { .number = number, .total = total };
	struct wbuf w;

	memcpy(h.spi_i, sa->spi_i, IKE_SPI_LEN);
	memcpy(h.spi_r, sa->spi_r, IKE_SPI_LEN);
	wbuf_init(&w, IKE_MSG_MAX);
	ike_hdr_build(&w, &h);
	if (skf_seal(&w, &sa->keys.ei, sa->keys.ei.iv++, IKE_PLD_IDI, &skf,
		     octets, len))
		bail("cannot seal");
	ike_engine_input(g->engine, &m->ep, &g->ep, w.p, w.len);
	wbuf_free(&w);
}

/* A larger total replaces what was received, a smaller one is dropped. */
static void rfc7383_2_6_totals(void)
{
	struct ike_sa *sa;

	setup();
	to_request();
	while (net.n_queue)
		net_drop(&net, 0);
	sa = LIST_FIRST(&m->engine->sas);
	forge(sa, 1, 3, 100, 1);
	forge(sa, 2, 3, 100, 1);
	is_int(g->engine->frag_octets, 200, "two of three are kept");
	forge(sa, 2, 2, 100, 1);
	is_int(g->engine->frag_octets, 200, "a smaller total is dropped");
	forge(sa, 2, 5, 70, 1);
	is_int(g->engine->frag_octets, 70, "a larger one replaces them");
	forge(sa, 2, 5, 80, 1);
	is_int(g->engine->frag_octets, 70, "a number that came is dropped");
	forge(sa, 3, 5, 80, 7);
	is_int(g->engine->frag_octets, 70, "another Message ID is dropped");
	net_pass(&net, 40000, false);
	is_int(g->engine->frag_octets, 0, "all is gone with the half-open SA");
	pair_teardown();
}

static void rfc7383_6_bounded(void)
{
	struct ike_sa *sa, *newer;
	size_t kept, extra;
	struct frags *f;

	setup();
	to_request();
	while (net.n_queue)
		net_drop(&net, 0);
	sa = LIST_FIRST(&m->engine->sas);
	forge(sa, 1, FRAGS_TOTAL_MAX + 1, 100, 1);
	is_int(g->engine->frag_octets, 0,
	       "fragments above the limit are dropped");
	/*
	 * A leaf and a sub-CA of ML-DSA-87, with a public key and a signature each; AUTH
	 * with and without the PPK; and 1256 octets of other payloads.
	 */
	for (uint16_t i = 1; i <= 21; i++)
		forge(sa, i, 22, 1188, 1);
	is_int(g->engine->frag_octets, 2 * (2592 + 4627) + 2 * 4627 + 1256,
	       "the largest request of a stranger has room");
	for (uint16_t i = 1; i <= 10; i++)
		forge(sa, i, 32, 4000, 1);
	kept = g->engine->frag_octets;
	is_int(kept, FRAGS_OCTETS_STRANGER / 4000 * 4000,
	       "a stranger's octets are limited");
	/* The oldest incomplete message of all peers gives way. */
	to_request();
	while (net.n_queue)
		net_drop(&net, 0);
	newer = LIST_FIRST(&m->engine->sas);
	extra = FRAGS_OCTETS_ALL - kept - 10;
	g->engine->frag_octets += extra;
	forge(newer, 1, 5, 100, 1);
	g->engine->frag_octets -= extra;
	is_int(g->engine->frag_octets, 100, "octets of all are limited");
	f = TAILQ_FIRST(&g->engine->frags);
	ok(f && f->total == 5 && !TAILQ_NEXT(f, link),
	   "the older message gives way");
	pair_teardown();
}

/* RFC 7383 2.6.1: only fragment 1 of a request triggers the answer. */
static void rfc7383_2_6_1_replayed(void)
{
	struct packet copy[16];
	struct ep strange;
	unsigned int n;

	setup();
	n = to_request();
	for (unsigned int i = 0; i < n; i++) {
		copy[i] = net.queue[i];
		copy[i].p = malloc(copy[i].len);
		memcpy(copy[i].p, net.queue[i].p, copy[i].len);
	}
	net_run(&net);
	joined("first");
	for (unsigned int i = 1; i < n; i++)
		ike_engine_input(g->engine, &m->ep, &g->ep, copy[i].p,
				 copy[i].len);
	is_int(net.n_queue, 0, "later fragments trigger nothing");
	ike_engine_input(g->engine, &m->ep, &g->ep, copy[0].p, copy[0].len);
	ok(net.n_queue >= 3, "the first one triggers the answer: %u datagrams",
	   net.n_queue);
	while (net.n_queue)
		net_drop(&net, 0);
	ep_parse("203.0.113.7:500", 0, &strange);
	ike_engine_input(g->engine, &strange, &g->ep, copy[0].p, copy[0].len);
	is_int(net.n_queue, 0, "a stranger gets no more than it sent");
	/* The same after the SA has ended. */
	ike_close(g->sa, "done");
	net_run(&net);
	is_int(ike_engine_stats(g->engine)->sas, 0, "the SA has ended");
	ike_engine_input(g->engine, &strange, &g->ep, copy[1].p, copy[1].len);
	is_int(net.n_queue, 0, "nothing for a later fragment of an ended SA");
	ike_engine_input(g->engine, &strange, &g->ep, copy[0].p, copy[0].len);
	is_int(net.n_queue, 0, "a stranger gets nothing for the first one");
	ike_engine_input(g->engine, &m->ep, &g->ep, copy[0].p, copy[0].len);
	ok(net.n_queue >= 3, "the peer itself gets the answer again");
	for (unsigned int i = 0; i < n; i++)
		free(copy[i].p);
	pair_teardown();
}

/* The answer is lost, and the peer tries smaller fragments. */
static void rfc7383_2_5_2_smaller_fragments(void)
{
	struct ike_sa *sa;
	unsigned int n;

	setup();
	n = to_request();
	sa = LIST_FIRST(&m->engine->sas);
	for (unsigned int i = 0; i < n; i++)
		net_step(&net);
	is_int(g->seen.requests, 1, "the request has come");
	while (net.n_queue)
		net_drop(&net, 0);
	forge(sa, 2, n + 5, 60, 1);
	is_int(net.n_queue, 0, "a later fragment of a new cut is dropped");
	forge(sa, 1, n + 5, 60, 1);
	ok(net.n_queue >= 3, "the first one triggers the answer");
	net_run(&net);
	joined("smaller fragments");
	pair_teardown();
}

/* An IKE SA that is renewed keeps on cutting. */
static void renewed(void)
{
	struct gike_req req;
	struct ike_sa *sa;

	setup();
	sa = node_join(m, g, GCKS, false);
	net_run(&net);
	ike_rekey(g->sa);
	net_run(&net);
	g->engine->cfg.fragment_size = 160;
	m->engine->cfg.fragment_size = 160;
	node_clear(m);
	group_req(&req, "video", true);
	ike_register_more(sa, &req);
	run_and_look();
	ok(n_frags >= 2, "%u fragments over the renewed SA", n_frags);
	is_int(m->seen.registered, 1, "registered over it");
	pair_teardown();
}

int main(void)
{
	log_set_level(LOG_LEVEL_ERR);
	RUN(rfc7383_2_3_negotiated);
	RUN(rfc7383_2_5_both_directions);
	RUN(rfc7383_2_6_lost_and_reordered);
	RUN(rfc7383_2_6_altered);
	RUN(rfc7383_2_6_totals);
	RUN(rfc7383_2_6_1_replayed);
	RUN(rfc7383_6_bounded);
	RUN(rfc7383_2_5_2_smaller_fragments);
	RUN(renewed);
	return done();
}
