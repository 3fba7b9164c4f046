// SPDX-License-Identifier: Apache-2.0
/*
 * Relays and their children (daemon/relay): who is whose parent, and which datagrams
 * arrive, each exactly once.
 */
#include <errno.h>

#include "lib/util.h"
#include "relay_sim.h"
#include "tap.h"

static struct rs_sim s;

/* Let the machines settle: no parent that is there is slower. */
#define SETTLE_MS 1000

static struct rs_host *new_relay(unsigned int max)
{
	struct rs_host *h = rs_host_new(&s);

	rs_relay(h, max, NULL, 0);
	return h;
}

static struct rs_host *new_leaf(struct rs_host *a, struct rs_host *b)
{
	struct rs_host *h = rs_host_new(&s), *parents[] = { a, b };

	rs_leaf(h, parents, b ? 2 : 1);
	return h;
}

/* Each host sends @n datagrams. Returns how many arrived, of all hosts. */
static uint64_t all_send(unsigned int n)
{
	uint64_t before = 0, after = 0;
	unsigned int i, k;

	for (i = 0; i < s.n; i++)
		before += s.host[i].got;
	for (k = 0; k < n; k++)
		for (i = 0; i < s.n; i++)
			if (!s.host[i].dead)
				rs_send(&s.host[i]);
	for (i = 0; i < s.n; i++)
		after += s.host[i].got;
	return after - before;
}

static uint64_t all_dups(void)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < s.n; i++)
		n += s.host[i].dup;
	return n;
}

static uint64_t all_refused(void)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < s.n; i++)
		for (unsigned int k = 0; k < RS_MAX_EDGES; k++)
			n += s.host[i].edge[k].refused;
	return n;
}

static void test_one_leaf(void)
{
	struct rs_host *relay, *leaf;
	const struct rs_edge *e;

	rs_init(&s);
	relay = new_relay(8);
	leaf = new_leaf(relay, NULL);
	ok(!child_parent(leaf->child), "there is no edge before an answer");
	rs_pass(&s, 6 * RS_DELAY_MS);
	ok(rs_parent_of(leaf) == relay,
	   "three round trips give an edge to the relay");
	is_int(leaf->ups, 1, "the leaf has installed one edge");
	is_int(relay->adds, 1, "the relay has installed one edge");
	e = rs_edge_to(relay, leaf);
	ok(e && e->n_ranges == 1 && e->range[0].first == leaf->sid &&
		   e->range[0].last == leaf->sid,
	   "the relay takes the Sender-ID of the grant, and no other");
	is_int(all_send(5), 10, "datagrams pass in both directions");
	is_int(parent_stats(relay->parent)->verified, 1,
	       "one signature was verified");
	/* The datagrams take the place of the first beat. */
	rs_pass(&s, CHILD_BEAT_MS);
	is_int(child_stats(leaf->child)->beats, 0, "datagrams save a beat");
	/* One request each 500 ms and round trip, while there is no datagram. */
	rs_pass(&s, 10200);
	is_int(child_stats(leaf->child)->requests, 1,
	       "grants were shown once in ten seconds");
	is_int(child_stats(leaf->child)->beats, 20,
	       "a quiet edge costs two beats a second");
	is_int(parent_stats(relay->parent)->beats, 20,
	       "the relay has answered each beat");
	is_int(relay->sets, 0, "beats change nothing in the kernel");
	rs_free(&s);
}

/* Datagrams take the place of beats, but the relay must hear of the child, too. */
static void test_busy_edge(void)
{
	struct rs_host *relay, *leaf;

	rs_init(&s);
	relay = new_relay(8);
	leaf = new_leaf(relay, NULL);
	rs_pass(&s, SETTLE_MS);
	is_int(child_stats(leaf->child)->beats, 1, "a second has one beat");
	for (unsigned int i = 0; i < 200; i++) {
		rs_send(relay);
		rs_pass(&s, 100);
	}
	is_int(child_stats(leaf->child)->beats, 1 + 20000 / 5000,
	       "an edge with datagrams has a beat each third of its lifetime");
	is_int(parent_stats(relay->parent)->expired, 0,
	       "the edge does not expire");
	is_int(leaf->got, 200, "all datagrams arrive");
	rs_free(&s);
}

/* A root, three relays, four leaves each: sixteen hosts that all send. */
static void test_tree(void)
{
	struct rs_host *root, *relay[3];
	unsigned int i;

	rs_init(&s);
	root = new_relay(8);
	for (i = 0; i < 3; i++) {
		relay[i] = new_relay(8);
		rs_leaf(relay[i], &root, 1);
	}
	for (i = 0; i < 12; i++)
		new_leaf(relay[i / 4], NULL);
	rs_pass(&s, 2 * SETTLE_MS);
	is_int(parent_stats(root->parent)->edges, 3, "the root has 3 children");
	is_int(parent_stats(relay[2]->parent)->edges, 4,
	       "a relay has 4 children");
	is_int(rs_edge_to(root, relay[1])->n_ranges, 5,
	       "the root takes the Sender-IDs of a relay and its 4 leaves");
	is_int(all_send(10), 10 * 16 * 15,
	       "each of 16 hosts gets each datagram of the others");
	is_int(all_dups(), 0, "no datagram comes twice");
	is_int(all_refused(), 0, "no Sender-ID is refused");
	rs_free(&s);
}

/* Six relays, one below the other, and a leaf at each end. */
static void test_chain(void)
{
	struct rs_host *relay[6], *leaf, *top;
	unsigned int i;

	rs_init(&s);
	for (i = 0; i < 6; i++) {
		relay[i] = new_relay(4);
		if (i)
			rs_leaf(relay[i], &relay[i - 1], 1);
	}
	top = new_leaf(relay[0], NULL);
	leaf = new_leaf(relay[5], NULL);
	rs_pass(&s, 5 * SETTLE_MS);
	is_int(rs_edge_to(relay[0], relay[1])->n_ranges, 6,
	       "the first relay knows the Sender-IDs of all 6 below");
	is_int(all_send(10), 10 * 8 * 7,
	       "each of 8 hosts in a row gets all datagrams");
	is_int(all_dups(), 0, "no datagram comes twice");
	/* A new registration has another Sender-ID, which travels up. */
	rs_sign(&s, leaf, 4000, 86400);
	rs_show(leaf);
	rs_pass(&s, 5 * SETTLE_MS);
	ok(rs_has(top, leaf, rs_send(leaf)),
	   "a new Sender-ID at the lower end is taken at the upper end");
	/* The leaf leaves, and its Sender-ID goes from all of them. */
	child_set_grants(leaf->child, NULL, 0);
	rs_pass(&s, 5 * SETTLE_MS);
	is_int(rs_edge_to(relay[0], relay[1])->n_ranges, 5,
	       "the Sender-ID of a leaf that left is not taken any more");
	is_int(!!rs_edge_to(relay[5], leaf), 0,
	       "the edge of a leaf that left has ended");
	rs_free(&s);
}

/* A grant that has gone through too many relays is not shown again. */
static void test_deep_chain(void)
{
	struct rs_host *relay[EDGE_MAX_HOPS + 2];
	unsigned int i;

	rs_init(&s);
	for (i = 0; i < ARRAY_SIZE(relay); i++) {
		relay[i] = new_relay(4);
		if (i)
			rs_leaf(relay[i], &relay[i - 1], 1);
	}
	rs_pass(&s, 20 * SETTLE_MS);
	is_int(rs_edge_to(relay[0], relay[1])->n_ranges, EDGE_MAX_HOPS + 1,
	       "Sender-IDs are known over 8 relays");
	rs_send(relay[EDGE_MAX_HOPS + 1]);
	is_int(rs_reached(relay[EDGE_MAX_HOPS + 1], 0), EDGE_MAX_HOPS + 1,
	       "datagrams pass 8 relays");
	rs_leaf(rs_host_new(&s), &relay[EDGE_MAX_HOPS + 1], 1);
	rs_pass(&s, 20 * SETTLE_MS);
	is_int(rs_edge_to(relay[0], relay[1])->n_ranges, EDGE_MAX_HOPS + 1,
	       "a Sender-ID behind 9 relays is not known");
	rs_send(&s.host[s.n - 1]);
	ok(!rs_has(relay[0], &s.host[s.n - 1], 0),
	   "a datagram from there does not arrive");
	rs_free(&s);
}

/* The key server has told the relay later than its child that it relays the group. */
static void test_late_relay(void)
{
	struct rs_host *relay, *leaf;

	rs_init(&s);
	relay = new_relay(8);
	parent_del_group(relay->parent, RS_GROUP);
	leaf = new_leaf(relay, NULL);
	rs_pass(&s, 500);
	ok(!child_parent(leaf->child),
	   "a host that does not relay the group yet gives no edge");
	is_str(leaf->why, edge_reason_str(EDGE_NO_GROUP),
	       "the child knows the reason");
	is_int(parent_add_group(relay->parent, RS_GROUP), 0,
	       "the host relays the group");
	rs_pass(&s, 1000);
	ok(rs_parent_of(leaf) == relay, "the child has its edge in a second");
	/* A relay that never relays it is not asked each second. */
	parent_del_group(relay->parent, RS_GROUP);
	rs_pass(&s, 60000);
	is_int(parent_stats(relay->parent)->requests, 7,
	       "a relay of another group is asked less and less");
	rs_free(&s);
}

static void note_sa(void *arg, const struct parent_edge *e)
{
	*(const void **)arg = e->sa;
}

/* A relay has ended an edge of its own accord, and the child still has its end. */
static void test_forgotten_edge(void)
{
	struct rs_host *relay, *leaf;
	const void *sa = NULL;

	rs_init(&s);
	relay = new_relay(8);
	leaf = new_leaf(relay, NULL);
	rs_pass(&s, SETTLE_MS);
	parent_each_edge(relay->parent, note_sa, &sa);
	parent_sa_closed(relay->parent, sa);
	ok(!rs_edge_to(relay, leaf), "the relay has ended the edge");
	/* The beat, the request, and the request with the cookie. */
	rs_pass(&s, CHILD_BEAT_MS + 8 * RS_DELAY_MS);
	ok(rs_edge_to(relay, leaf),
	   "the edge is there again three round trips after the next beat");
	is_int(parent_stats(relay->parent)->granted, 2,
	       "an edge was granted a second time");
	is_int(leaf->ups, 1, "the child has kept its end");
	rs_free(&s);
}

static struct upstream *asked;
static unsigned int n_asked;

static int count_ask(void *ctx, struct upstream *u,
		     const struct edge_request *req)
{
	(void)ctx;
	(void)req;
	asked = u;
	n_asked++;
	return 0;
}

static void drop_nothing(void *ctx, struct upstream *u, const char *why)
{
	(void)ctx;
	(void)u;
	(void)why;
}

static int add_nothing(void *ctx, struct upstream *u, struct err *err)
{
	(void)ctx;
	(void)u;
	(void)err;
	return 0;
}

static void del_nothing(void *ctx, struct upstream *u)
{
	(void)ctx;
	(void)u;
}

static int deliver_nothing(void *ctx, struct upstream *u)
{
	(void)ctx;
	(void)u;
	return 0;
}

/* A hostile relay has no edge to the child, whatever it is asked. */
static void test_unknown_always(void)
{
	static const struct child_ops ops = { .ask = count_ask,
					      .drop = drop_nothing,
					      .edge_add = add_nothing,
					      .edge_del = del_nothing,
					      .delivered = deliver_nothing };
	struct edge_answer ans = { .verdict = EDGE_GRANTED,
				   .lifetime_ms = PARENT_LIFETIME_MS };
	struct rs_host *relay, *leaf;
	struct edge_grant show = { 0 };
	struct edge_parent at;
	struct child_cfg cfg = { .clock = &s.clock,
				 .tq = &s.tq,
				 .group = RS_GROUP,
				 .n_parents = 1,
				 .parents = &at };
	struct child *child;

	rs_init(&s);
	relay = rs_host_new(&s);
	leaf = rs_host_new(&s);
	at = rs_at(relay);
	cfg.self = &leaf->id;
	show.p = leaf->grant;
	show.len = leaf->grant_len;
	if (child_new(&cfg, &ops, NULL, &child, NULL) ||
	    child_set_grants(child, &show, 1))
		bail("no child");
	child_answer(child, asked, &ans);
	ans = (struct edge_answer){ .verdict = EDGE_REFUSED,
				    .reason = EDGE_UNKNOWN };
	n_asked = 0;
	for (int ms = 0; ms < 10000; ms++) {
		rs_pass(&s, 1);
		child_answer(child, asked, &ans);
	}
	/* The first one is a beat, and the second one follows at once. */
	is_int(n_asked, 10000 / CHILD_BEAT_MS + 1,
	       "a relay that knows of no edge is asked no faster than by beats");
	child_free(child);
	rs_free(&s);
}

/* Each of four relays has the next one as parent, and a leaf. */
static void test_ring(void)
{
	struct rs_host *relay[4], *leaf[4];
	unsigned int i, ranges = 0;
	uint32_t seq;

	rs_init(&s);
	for (i = 0; i < 4; i++)
		relay[i] = new_relay(8);
	for (i = 0; i < 4; i++)
		rs_leaf(relay[i], &relay[(i + 1) % 4], 1);
	for (i = 0; i < 4; i++)
		leaf[i] = new_leaf(relay[i], relay[(i + 1) % 4]);
	rs_pass(&s, 10 * SETTLE_MS);
	is_int(all_send(10), 10 * 8 * 7,
	       "each of 8 hosts in a ring gets all datagrams");
	ok(all_dups() > 0, "the window drops the second copy");
	is_int(all_refused(), 0, "no Sender-ID is refused");
	/* The ring breaks, and its relay's leaf finds another one. */
	rs_kill(relay[1]);
	rs_pass(&s, 5 * SETTLE_MS);
	ok(rs_parent_of(leaf[1]) == relay[2],
	   "the leaf of a relay that fails has another parent");
	seq = rs_send(leaf[1]);
	is_int(rs_reached(leaf[1], seq), 6,
	       "each of the 7 hosts that are left is reached");
	/* The Sender-ID of a leaf that left does not go around for ever. */
	child_set_grants(leaf[3]->child, NULL, 0);
	rs_pass(&s, 15 * SETTLE_MS);
	for (i = 0; i < 4; i++)
		for (unsigned int k = 0; k < RS_MAX_EDGES; k++)
			for (unsigned int j = 0; j < PARENT_MAX_RANGES; j++) {
				const struct rs_edge *e = &relay[i]->edge[k];

				ranges += !relay[i]->dead && e->used &&
					  j < e->n_ranges &&
					  e->range[j].first == leaf[3]->sid;
			}
	is_int(ranges, 0, "no relay takes the Sender-ID of a leaf that left");
	rs_free(&s);
}

/* The same with the ring whole, where its grant comes back to where it began. */
static void test_ring_forgets(void)
{
	struct rs_host *relay[3], *leaf;
	unsigned int i;

	rs_init(&s);
	for (i = 0; i < 3; i++)
		relay[i] = new_relay(8);
	for (i = 0; i < 3; i++)
		rs_leaf(relay[i], &relay[(i + 1) % 3], 1);
	leaf = new_leaf(relay[0], NULL);
	rs_pass(&s, 15 * SETTLE_MS);
	is_int(rs_edge_to(relay[0], relay[2])->n_ranges, 4,
	       "the grant of a leaf has gone around the ring");
	child_set_grants(leaf->child, NULL, 0);
	rs_pass(&s, 15 * SETTLE_MS);
	for (i = 0; i < 3; i++)
		is_int(rs_edge_to(relay[i], relay[(i + 2) % 3])->n_ranges, 3,
		       "relay %u has forgotten the leaf", i);
	rs_free(&s);
}

static void test_full_parent(void)
{
	struct rs_host *full, *other, *leaf[4], *strict;
	unsigned int i;

	rs_init(&s);
	full = rs_host_new(&s);
	other = new_relay(8);
	rs_relay(full, 2, &other, 1);
	rs_leaf(other, &full, 1);
	rs_pass(&s, SETTLE_MS);
	for (i = 0; i < 4; i++) {
		leaf[i] = new_leaf(full, NULL);
		rs_pass(&s, SETTLE_MS);
	}
	ok(rs_parent_of(leaf[0]) == full, "the second child has a place");
	for (i = 1; i < 4; i++)
		ok(rs_parent_of(leaf[i]) == other,
		   "child %u is redirected to a relay that it did not know",
		   i + 2);
	is_int(parent_stats(full->parent)->redirected, 3,
	       "each was redirected once");
	is_int(parent_stats(full->parent)->verified, 2 + 3,
	       "a full relay verifies grants of its 2 children and of 3 below");
	is_int(all_send(3), 3 * 6 * 5, "all of them are in one tree");
	rs_free(&s);

	/* A relay that names nobody refuses, and is asked again later. */
	rs_init(&s);
	strict = new_relay(1);
	leaf[0] = new_leaf(strict, NULL);
	rs_pass(&s, SETTLE_MS);
	leaf[1] = new_leaf(strict, NULL);
	rs_pass(&s, 25000);
	ok(!rs_parent_of(leaf[1]), "there is no place for a second child");
	is_str(leaf[1]->why, "has as many children as it may have",
	       "the refusal says why");
	is_int(parent_stats(strict->parent)->refused, 3,
	       "the relay is asked each ten seconds");
	child_set_grants(leaf[0]->child, NULL, 0);
	rs_pass(&s, 30000);
	ok(rs_parent_of(leaf[1]) == strict,
	   "a child that was refused gets a place that is free");
	rs_free(&s);
}

/* A stream of 100 datagrams a second, and the relay of a leaf falls silent. */
static void test_silent_parent(void)
{
	struct rs_host *root, *a, *b, *leaf;
	unsigned int i, missed = 0;

	rs_init(&s);
	root = new_relay(8);
	a = new_relay(8);
	b = new_relay(8);
	rs_leaf(a, &root, 1);
	rs_leaf(b, &root, 1);
	leaf = new_leaf(a, b);
	rs_pass(&s, SETTLE_MS);
	ok(rs_parent_of(leaf) == a, "the first relay is the parent");
	for (i = 0; i < 1000; i++) {
		if (i == 300)
			rs_kill(a);
		rs_send(root);
		rs_pass(&s, 10);
	}
	for (i = 0; i < 1000; i++)
		missed += !rs_has(leaf, root, i);
	ok(rs_parent_of(leaf) == b, "the second relay is the parent then");
	for (i = 0; i < 300; i++)
		if (!rs_has(leaf, root, i))
			break;
	is_int(i, 300, "nothing is lost while the relay is there");
	/* The child has looked for the last time 50 ms after the relay's end. */
	is_int(missed, 207,
	       "the stream is lost for two seconds and three round trips since a look at the edge");
	is_int(child_stats(leaf->child)->silent, 1,
	       "one parent was given up as silent");
	is_int(leaf->most_ups, 2,
	       "the new edge was there before the old one went");
	is_int(leaf->downs, 1, "the old edge has ended");
	rs_free(&s);
}

static void test_silence_without_stream(void)
{
	struct rs_host *a, *b, *leaf;
	uint64_t killed;

	rs_init(&s);
	a = new_relay(8);
	b = new_relay(8);
	leaf = new_leaf(a, b);
	rs_pass(&s, SETTLE_MS);
	rs_kill(a);
	killed = s.ms;
	while (rs_parent_of(leaf) != b && s.ms < killed + 60000)
		rs_pass(&s, 1);
	ok(s.ms - killed <= CHILD_SILENT_MS + 4 * RS_DELAY_MS,
	   "a quiet edge is changed in two seconds as well: %u ms",
	   (unsigned int)(s.ms - killed));
	/* Back to the first one only when the second one fails. */
	a->dead = false;
	rs_pass(&s, 60000);
	ok(rs_parent_of(leaf) == b, "a child stays where it is served");
	rs_kill(b);
	rs_pass(&s, 3000);
	ok(rs_parent_of(leaf) == a, "a child goes back when it has to");
	rs_free(&s);
}

/* Parents that do not answer at all do not keep a child from one that does. */
static void test_dead_parents(void)
{
	struct rs_host *parents[4], *leaf;
	unsigned int i;

	rs_init(&s);
	for (i = 0; i < 4; i++)
		parents[i] = new_relay(8);
	for (i = 0; i < 3; i++)
		rs_kill(parents[i]);
	leaf = rs_host_new(&s);
	rs_leaf(leaf, parents, 4);
	rs_pass(&s, 3 * RS_TRIES * RS_RESEND_MS + 6 * RS_DELAY_MS);
	ok(rs_parent_of(leaf) == parents[3],
	   "the fourth parent is used when three have not answered");
	is_int(child_stats(leaf->child)->failed, 3, "three have failed");
	rs_free(&s);
}

/* Only the refusal of a grant lets the child ask the key server for another one. */
static void test_refused_once(void)
{
	struct rs_host *relay, *leaf;

	rs_init(&s);
	relay = new_relay(8);
	leaf = rs_host_new(&s);
	rs_sign(&s, leaf, leaf->sid, 0);
	rs_leaf(leaf, &relay, 1);
	rs_pass(&s, SETTLE_MS);
	is_int(leaf->not_entitled, 1, "a grant that has ended is refused");
	rs_kill(relay);
	rs_pass(&s, 60000);
	is_int(child_stats(leaf->child)->failed, 5,
	       "the relay does not answer any more");
	is_int(leaf->not_entitled, 1,
	       "a relay that does not answer has refused no grant");
	rs_free(&s);
}

/* A relay that goes away in good order costs no datagram. */
static void test_leaving_parent(void)
{
	struct rs_host *root, *a, *b, *leaf;
	unsigned int i, missed = 0;

	rs_init(&s);
	root = new_relay(8);
	a = rs_host_new(&s);
	b = new_relay(8);
	rs_relay(a, 8, &b, 1);
	rs_leaf(a, &root, 1);
	rs_leaf(b, &root, 1);
	leaf = new_leaf(a, NULL);
	rs_pass(&s, SETTLE_MS);
	for (i = 0; i < 1500; i++) {
		if (i == 300)
			parent_leave(a->parent);
		if (i == 305)
			ok(rs_parent_of(leaf) == b,
			   "a busy child changes four round trips after the relay said so");
		rs_send(root);
		rs_send(leaf);
		rs_pass(&s, 10);
	}
	ok(rs_parent_of(leaf) == b, "the relay that was named is the parent");
	is_int(parent_stats(a->parent)->edges, 0, "the other one has no child");
	for (i = 0; i < 1500; i++)
		missed += !rs_has(leaf, root, i) + !rs_has(root, leaf, i);
	is_int(missed, 0, "no datagram is lost in either direction");
	is_int(leaf->dup, 2 * CHILD_OVERLAP_MS / 10,
	       "for a second both streams come by both edges");
	is_int(child_stats(leaf->child)->silent, 0, "nobody was silent");
	rs_free(&s);
}

/* The relay ends its IKE SAs, as at a stop. */
static void test_closed_by_parent(void)
{
	struct rs_host *a, *b, *leaf;

	rs_init(&s);
	a = new_relay(8);
	b = new_relay(8);
	leaf = new_leaf(a, b);
	rs_pass(&s, SETTLE_MS);
	rs_kill(a);
	a->dead = false;
	rs_close_children(a);
	is_int(parent_stats(a->parent)->edges, 0, "the edge has ended here");
	rs_pass(&s, 7 * RS_DELAY_MS);
	ok(rs_parent_of(leaf) == b, "a Delete makes the child change at once");
	rs_free(&s);
}

/*
 * Loss of 20 % in each direction for ten minutes: edges stay, and what is lost is what
 * the network loses.
 */
static void test_loss(void)
{
	struct rs_host *root, *relay[3];
	uint64_t changes = 0, failed = 0;
	unsigned int i;

	rs_init(&s);
	root = new_relay(8);
	for (i = 0; i < 3; i++) {
		relay[i] = new_relay(8);
		rs_leaf(relay[i], &root, 1);
	}
	s.loss = 20;
	for (i = 0; i < 12; i++)
		new_leaf(relay[i / 4], relay[(i / 4 + 1) % 3]);
	rs_pass(&s, 5000);
	for (i = 4; i < s.n; i++)
		ok(rs_parent_of(&s.host[i]), "%s has an edge in five seconds",
		   s.host[i].name);
	rs_pass(&s, 600000);
	for (i = 1; i < s.n; i++) {
		changes += child_stats(s.host[i].child)->changes;
		failed += child_stats(s.host[i].child)->failed;
	}
	is_int(changes, 0, "no parent was taken for silent in ten minutes");
	is_int(failed, 0, "no request was given up");
	is_int(parent_stats(relay[0]->parent)->expired, 0,
	       "no edge has expired at a relay");
	s.loss = 0;
	rs_pass(&s, SETTLE_MS);
	is_int(all_send(5), 5 * 16 * 15, "all datagrams arrive afterwards");
	rs_free(&s);
}

/* An edge that the kernel refuses is no edge. */
static void test_kernel_refuses(void)
{
	struct rs_host *a, *b, *leaf;

	rs_init(&s);
	a = new_relay(8);
	b = new_relay(8);
	leaf = rs_host_new(&s);
	leaf->fail_add = -ENOSPC;
	rs_leaf(leaf, (struct rs_host *[]){ a, b }, 2);
	rs_pass(&s, SETTLE_MS);
	ok(rs_parent_of(leaf) == b,
	   "a parent whose edge cannot be installed is left");
	is_int(parent_stats(a->parent)->edges, 0,
	       "an edge that could not be installed has ended");
	a->fail_add = -ENOSPC;
	b->fail_add = -ENOSPC;
	leaf = rs_host_new(&s);
	rs_leaf(leaf, (struct rs_host *[]){ a, b }, 2);
	rs_pass(&s, SETTLE_MS);
	ok(!rs_parent_of(leaf), "two relays could not install the edge");
	is_str(leaf->why, "could not install the edge", "the child is told");
	is_int(parent_stats(a->parent)->edges, 0, "nothing is left of it");
	rs_pass(&s, 11000);
	ok(rs_parent_of(leaf) == a, "a relay that has failed is tried again");
	rs_free(&s);
}

static void test_bad_settings(void)
{
	struct edge_parent at = { .ep.port = 1 };
	struct parent_cfg pcfg = { .max_children = 0 };
	struct child_cfg ccfg = { .group = "", .n_parents = 1, .parents = &at };
	struct parent *p = NULL;
	struct child *c = NULL;
	struct err err = {};

	is_int(parent_new(&pcfg, &(struct parent_ops){ 0 }, NULL, &p, &err),
	       -EINVAL, "a relay without children");
	is_str(err.text,
	       "a relay has 1 to 65536 children and names at most 8 others",
	       "the limits of a relay are named");
	is_int(child_new(&ccfg, &(struct child_ops){ 0 }, NULL, &c, &err),
	       -EINVAL, "a child without a group");
	is_str(err.text, "a child has a group and 1 to 8 parents",
	       "the limits of a child are named");
	ccfg.group = RS_GROUP;
	ccfg.n_parents = 0;
	is_int(child_new(&ccfg, &(struct child_ops){ 0 }, NULL, &c, NULL),
	       -EINVAL, "a child without a parent");
	ok(!p && !c, "nothing was made");
}

int main(void)
{
	RUN(test_one_leaf);
	RUN(test_busy_edge);
	RUN(test_tree);
	RUN(test_chain);
	RUN(test_deep_chain);
	RUN(test_late_relay);
	RUN(test_forgotten_edge);
	RUN(test_unknown_always);
	RUN(test_ring);
	RUN(test_ring_forgets);
	RUN(test_full_parent);
	RUN(test_silent_parent);
	RUN(test_silence_without_stream);
	RUN(test_dead_parents);
	RUN(test_refused_once);
	RUN(test_leaving_parent);
	RUN(test_closed_by_parent);
	RUN(test_loss);
	RUN(test_kernel_refuses);
	RUN(test_bad_settings);
	return done();
}
