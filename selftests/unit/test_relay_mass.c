// SPDX-License-Identifier: Apache-2.0
/*
 * A thousand children of a relay whose edges end at the same time: the work grows with
 * their number, and not with its square.
 */
#include <stdio.h>
#include <string.h>

#include "crypto/sign.h"
#include "lib/clock.h"
#include "lib/timer.h"
#include "lib/util.h"
#include "relay/parent.h"
#include "tap.h"

#define CHILDREN 1000u

static uint64_t ms;
static struct clock mass_clock;
static struct timerq tq;
static struct parent *parent;
static struct sigkey *key;
/* IKE SAs are only told apart here. */
static const char sa[CHILDREN];
/* Calls of the operations, and grants that were collected for relays above. */
static unsigned int adds, dels, belows, shown;

static uint64_t mono_now(void *ctx)
{
	(void)ctx;
	return ms;
}

static time_t wall_now(void *ctx)
{
	(void)ctx;
	return (time_t)(1800000000 + ms / MSEC_PER_SEC);
}

static int check_grant(void *ctx, const char *group, const uint8_t *p,
		       size_t len)
{
	(void)ctx;
	(void)group;
	(void)p;
	(void)len;
	return 0;
}

static int add_edge(void *ctx, const struct parent_edge *e)
{
	(void)ctx;
	(void)e;
	adds++;
	return 0;
}

static int set_edge(void *ctx, const struct parent_edge *e)
{
	(void)ctx;
	(void)e;
	return 0;
}

static void del_edge(void *ctx, const struct parent_edge *e, const char *why)
{
	(void)ctx;
	(void)e;
	(void)why;
	dels++;
}

/* Collecting costs a step for each edge that is there. */
static void show_below(void *ctx, const char *group)
{
	struct edge_grant g[EDGE_MAX_GRANTS];

	(void)ctx;
	belows++;
	shown = parent_below(parent, group, g, EDGE_MAX_GRANTS);
}

static void pass(uint64_t time_ms)
{
	uint64_t end = ms + time_ms;
	int next;

	while ((next = timerq_next_ms(&tq)) >= 0 &&
	       ms + (uint64_t)next <= end) {
		ms += (uint64_t)next;
		timerq_run(&tq);
	}
	ms = end;
}

static void ask_for_edge(unsigned int i)
{
	struct grant g = { .group = "video",
			   .issued = (uint64_t)wall_now(NULL),
			   .n_ranges = 1 };
	struct edge_request req = { .group = "video", .n = 1 };
	uint8_t addr[4] = { 192, 0, (uint8_t)(i >> 8), (uint8_t)i };
	struct parent_peer from = { .sa = &sa[i], .id = &g.member };
	struct edge_answer ans;
	char name[32];
	struct wbuf w;

	snprintf(name, sizeof(name), "child%u.example", i);
	id_set(&g.member, IKE_ID_FQDN, name, strlen(name));
	addr_set(&from.ep.addr, AF_INET, addr);
	from.ep.port = 4500;
	g.expires = g.issued + 600;
	g.range[0] = (struct sid_range){ (uint16_t)i, (uint16_t)i };
	wbuf_init(&w, GRANT_MAX);
	if (grant_sign(&g, key, &w))
		bail("no grant");
	req.grant[0] = (struct edge_grant){ 0, w.p, w.len };
	parent_request(parent, &from, &req, &ans);
	memcpy(req.cookie, ans.cookie, sizeof(req.cookie));
	parent_request(parent, &from, &req, &ans);
	if (ans.verdict != EDGE_GRANTED)
		bail("no edge");
	wbuf_free(&w);
}

static void begin(void)
{
	static const struct parent_ops ops = { .verify = check_grant,
					       .edge_add = add_edge,
					       .edge_set = set_edge,
					       .edge_del = del_edge,
					       .below = show_below };
	struct parent_cfg cfg = { .clock = &mass_clock,
				  .tq = &tq,
				  .max_children = CHILDREN };

	ms = 1000000;
	mass_clock = (struct clock){ mono_now, wall_now, NULL };
	timerq_init(&tq, &mass_clock);
	if (parent_new(&cfg, &ops, NULL, &parent, NULL) ||
	    parent_add_group(parent, "video"))
		bail("no relay");
	adds = 0;
	belows = 0;
	for (unsigned int i = 0; i < CHILDREN; i++)
		ask_for_edge(i);
	pass(1000);
	is_int(adds, CHILDREN, "each child has an edge");
	is_int(belows, 1, "the grants of all children are passed on in one go");
	is_int(shown, EDGE_MAX_GRANTS,
	       "a relay passes on as many grants as a request has");
	dels = 0;
	belows = 0;
}

static void all_gone(void)
{
	is_int(dels, CHILDREN, "each edge has ended once");
	is_int((intmax_t)parent_stats(parent)->edges, 0, "none is left");
	pass(1000);
	is_int(belows, 1, "a thousand ends of edges are passed on in one go");
	is_int(shown, 0, "no grant is passed on any more");
	parent_free(parent);
	is_int(timerq_next_ms(&tq), -1, "no timer is left");
}

static void test_expired(void)
{
	begin();
	pass(PARENT_LIFETIME_MS);
	is_int((intmax_t)parent_stats(parent)->expired, CHILDREN,
	       "all children were silent");
	all_gone();
}

static void test_closed(void)
{
	begin();
	for (unsigned int i = 0; i < CHILDREN; i++)
		parent_sa_closed(parent, &sa[i]);
	all_gone();
}

static bool all_ended(void *arg, const struct grant *g)
{
	(void)arg;
	(void)g;
	return true;
}

static void test_taken_out(void)
{
	begin();
	parent_recheck(parent, all_ended, NULL);
	all_gone();
}

/* A change is passed on at once, and the next ones together. */
static void test_pace(void)
{
	begin();
	parent_sa_closed(parent, &sa[0]);
	pass(0);
	is_int(belows, 1, "the first change is passed on at once");
	for (unsigned int i = 1; i < 100; i++) {
		parent_sa_closed(parent, &sa[i]);
		pass(10);
	}
	is_int(belows, 1 + 990 / 100,
	       "others are passed on together, ten times a second");
	parent_free(parent);
}

int main(void)
{
	if (sigkey_generate(SIG_ED25519, &key))
		bail("no key");
	RUN(test_expired);
	RUN(test_closed);
	RUN(test_taken_out);
	RUN(test_pace);
	sigkey_free(key);
	return done();
}
