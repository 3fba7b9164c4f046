// SPDX-License-Identifier: Apache-2.0
/* First messages of IKE SAs that wait until the key server handles them. */
#include <stdlib.h>

#include "ike/inbox.h"
#include "ike_pair.h"
#include "lib/log.h"
#include "lib/util.h"
#include "tap.h"

#define LEN 320

static uint64_t next_spi;

static const struct ike_stats *gstats(void)
{
	return ike_engine_stats(g->engine);
}

static struct ep host(unsigned int n)
{
	const uint8_t o[4] = { 198, 51, n >> 8, n };
	struct ep e = { .port = 848 };

	addr_set(&e.addr, AF_INET, o);
	return e;
}

/* A first message of that host, of @len octets, and of an unknown exchange. */
static void offer(unsigned int n, size_t len)
{
	static uint8_t p[UINT16_MAX];
	const struct ep from = host(n);

	put_unaligned_be64(++next_spi, p);
	p[17] = IKE_VERSION;
	p[18] = 200;
	p[19] = IKE_FLAG_INITIATOR;
	put_unaligned_be32(len, p + 24);
	ike_engine_offer(g->engine, &from, &g->ep, p, len);
}

/* Return how many messages are handled in all. */
static uint64_t serve_all(void)
{
	uint64_t before = gstats()->in;

	while (ike_engine_serve(g->engine, 32))
		;
	return gstats()->in - before;
}

static void waits(void)
{
	pair_setup(NULL, NULL);
	node_join(m, g, GCKS, true);
	is_int(net.n_queue, 1, "a first message is under way");
	ike_engine_offer(g->engine, &m->ep, &g->ep, net.queue[0].p,
			 net.queue[0].len);
	net_drop(&net, 0);
	is_int(gstats()->in, 0, "a first message waits");
	ok(!ike_engine_serve(g->engine, 32), "none is left behind it");
	is_int(gstats()->in, 1, "the first message is handled");
	net_step(&net);
	is_int(net.n_queue, 1, "GSA_AUTH is under way");
	ike_engine_offer(g->engine, &m->ep, &g->ep, net.queue[0].p,
			 net.queue[0].len);
	net_drop(&net, 0);
	is_int(gstats()->in, 2, "GSA_AUTH does not wait");
	net_run(&net);
	is_int(m->seen.registered, 1, "the member is registered");
	offer(1, LEN);
	offer(1, IKE_HDR_LEN);
	is_int(gstats()->in, 2, "two more wait for the end");
	pair_teardown();
}

/* A member has no inbox. */
static void none_at_member(void)
{
	static const uint8_t p[IKE_HDR_LEN];

	pair_setup(NULL, NULL);
	ike_engine_offer(m->engine, &g->ep, &m->ep, p, sizeof(p));
	is_int(ike_engine_stats(m->engine)->in, 1, "a member waits for none");
	ok(!ike_engine_serve(m->engine, 1), "a member has none left");
	pair_teardown();
}

/* Networks send as much as they like, and one more sends one message. */
static void in_turn(unsigned int hosts)
{
	const struct ep newcomer = host(59999);
	unsigned int first = 0, i, k;
	uint64_t before;

	pair_setup(NULL, NULL);
	for (k = 0; k < 20000 / hosts; k++)
		for (i = 0; i < hosts; i++)
			offer(i, LEN);
	before = gstats()->in_crowded;
	offer(59999, LEN);
	is_int(gstats()->in_crowded, before,
	       "%u hosts: a newcomer finds a place", hosts);
	for (first = 0; first <= hosts; first++) {
		struct letter *t = inbox_take(g->engine->inbox);
		bool is = t && addr_equal(&t->from.addr, &newcomer.addr);

		free(t);
		if (is)
			break;
	}
	ok(first <= hosts, "%u hosts: a newcomer is served in the first turn",
	   hosts);
	pair_teardown();
}

/* Each of @hosts sends @n messages of @len octets at once, of which @get places. */
static void places(unsigned int hosts, unsigned int n, size_t len,
		   unsigned int get)
{
	unsigned int i, k;

	pair_setup(NULL, NULL);
	for (k = 0; k < n; k++)
		for (i = 0; i < hosts; i++)
			offer(i, len);
	is_int(serve_all(), get,
	       "%u hosts, %zu octets: those that find a place", hosts, len);
	is_int(gstats()->in_crowded, hosts * n - get,
	       "%u hosts, %zu octets: the others are counted", hosts, len);
	offer(0, LEN);
	is_int(serve_all(), 1, "%u hosts, %zu octets: there is room again",
	       hosts, len);
	pair_teardown();
}

static void lost(void)
{
	pair_setup(NULL, NULL);
	ok(!ike_engine_loses(g->engine), "nothing is lost");
	ike_engine_lost(g->engine, 3);
	ike_engine_lost(g->engine, 4);
	is_int(gstats()->in_lost, 7,
	       "datagrams that the sockets lost are counted");
	net.ms += 599999;
	ok(ike_engine_loses(g->engine), "datagrams were lost 599,999 ms ago");
	net.ms++;
	ok(!ike_engine_loses(g->engine), "ten minutes ago is not lately");
	pair_teardown();
}

int main(void)
{
	log_set_level(LOG_LEVEL_ERR);
	RUN(waits);
	RUN(none_at_member);
	RUN(in_turn, 1);
	RUN(in_turn, 16);
	RUN(in_turn, 500);
	RUN(in_turn, 5000);
	/* A network alone, sixteen, and more than there are places for. */
	RUN(places, 1, 1000, LEN, 1000);
	RUN(places, 1, 3000, LEN, 1365);
	RUN(places, 16, 300, LEN, 3641);
	RUN(places, 5000, 3, LEN, 5000);
	RUN(places, 20000, 1, LEN, 16384);
	/* Octets have limits, too. */
	RUN(places, 1, 1000, 8192, 171);
	RUN(places, 1, 2, 8193, 0);
	RUN(lost);
	return done();
}
