// SPDX-License-Identifier: Apache-2.0
/* Grants that end, by their time or before it, and the edges that were there for them. */
#include <errno.h>

#include "relay_sim.h"
#include "tap.h"

static struct rs_sim s;
static struct rs_host *top, *mid, *a, *b;

/* The leaf b asks mid, which asks top, as the leaf a does. */
static void begin(void)
{
	struct rs_host *tops[1], *mids[1];

	rs_init(&s);
	top = rs_host_new(&s);
	mid = rs_host_new(&s);
	a = rs_host_new(&s);
	b = rs_host_new(&s);
	rs_relay(top, 8, NULL, 0);
	rs_relay(mid, 8, NULL, 0);
	tops[0] = top;
	mids[0] = mid;
	rs_leaf(mid, tops, 1);
	rs_leaf(a, tops, 1);
	rs_leaf(b, mids, 1);
	rs_pass(&s, 5000);
}

static bool is_of(void *arg, const struct grant *g)
{
	const struct rs_host *h = arg;

	return id_equal(&g->member, &h->id);
}

static bool takes(struct rs_host *relay, const struct rs_host *child,
		  const struct rs_host *sender)
{
	const struct rs_edge *e = rs_edge_to(relay, child);
	unsigned int i;

	for (i = 0; e && i < e->n_ranges; i++)
		if (e->range[i].first <= sender->sid &&
		    sender->sid <= e->range[i].last)
			return true;
	return false;
}

static void test_own(void)
{
	begin();
	is_int(parent_stats(top->parent)->edges, 2, "two children have edges");
	ok(rs_edge_to(top, a), "the first child has one");
	parent_recheck(top->parent, is_of, b);
	is_int(parent_stats(top->parent)->edges, 2,
	       "the end of another grant ends no edge");
	parent_recheck(top->parent, is_of, a);
	is_int(parent_stats(top->parent)->edges, 1,
	       "an edge ends at once with the grant of its child");
	ok(!rs_edge_to(top, a), "the edge of that child is gone");
	ok(rs_edge_to(top, mid), "the other edge is there");
	is_int(top->dels, 1, "one edge was removed");
	rs_free(&s);
}

static void test_below(void)
{
	begin();
	ok(takes(top, mid, b),
	   "an edge takes the Sender-IDs of a member below");
	ok(takes(top, mid, mid), "an edge takes those of its child");
	parent_recheck(top->parent, is_of, b);
	ok(!takes(top, mid, b),
	   "an edge takes no Sender-IDs of a grant that has ended");
	ok(takes(top, mid, mid), "an edge still takes those of its child");
	is_int(top->dels, 0, "no edge was removed");
	rs_free(&s);
}

static void test_expired(void)
{
	begin();
	rs_sign(&s, a, a->sid, 10);
	rs_show(a);
	rs_pass(&s, 1000);
	ok(rs_edge_to(top, a), "a short grant is good for an edge");
	rs_pass(&s, 8000);
	parent_recheck(top->parent, NULL, NULL);
	ok(rs_edge_to(top, a), "nothing ends before its time");
	/* The child is silent from now on. */
	rs_kill(a);
	rs_pass(&s, 2000);
	parent_recheck(top->parent, NULL, NULL);
	ok(!rs_edge_to(top, a),
	   "an edge ends with its grant, and not when the child was silent for long");
	ok(rs_edge_to(top, mid), "another edge has a longer grant");
	rs_free(&s);
}

/* A stand-in for the IKE SA of ask_top(). */
static const char ask_sa;

/* Show the grants of mid and b at top, or beat, with the cookie of a challenge. */
static struct edge_answer ask_top(bool beat)
{
	const struct parent_peer from = { &ask_sa, &mid->id, mid->ep, false };
	struct edge_request req = { .group = RS_GROUP, .beat = beat };
	struct edge_answer ans;

	if (!beat) {
		req.n = 2;
		req.grant[0] =
			(struct edge_grant){ 0, mid->grant, mid->grant_len };
		req.grant[1] = (struct edge_grant){ 1, b->grant, b->grant_len };
	}
	parent_request(top->parent, &from, &req, &ans);
	if (ans.verdict == EDGE_CHALLENGED) {
		memcpy(req.cookie, ans.cookie, sizeof(req.cookie));
		parent_request(top->parent, &from, &req, &ans);
	}
	return ans;
}

/* A grant below expires at a beat, and the kernel does not take the change. */
static void test_not_taken(void)
{
	rs_init(&s);
	top = rs_host_new(&s);
	mid = rs_host_new(&s);
	b = rs_host_new(&s);
	rs_relay(top, 8, NULL, 0);
	rs_sign(&s, b, b->sid, 10);
	is_int(ask_top(false).verdict, EDGE_GRANTED, "an edge for two senders");
	ok(takes(top, mid, b), "the edge takes what is from below");
	rs_pass(&s, 10000);
	top->fail_set = -EIO;
	is_int(ask_top(true).reason, EDGE_FAILED,
	       "a change that the kernel refuses is told to the child");
	ok(takes(top, mid, b), "the kernel has the ended Sender-ID still");
	parent_recheck(top->parent, NULL, NULL);
	ok(!takes(top, mid, b), "the next look takes it from the kernel");
	ok(takes(top, mid, mid), "the child's own Sender-ID stays");
	is_int(top->sets, 1,
	       "the Sender-ID is taken from the kernel in one change");
	parent_recheck(top->parent, NULL, NULL);
	is_int(top->sets, 1, "a look behind that changes nothing");
	rs_free(&s);
}

/* The kernel has lost an edge, as its change or a look at it shows. */
static void test_lost_edge(void)
{
	begin();
	rs_sign(&s, a, 77, 600);
	top->fail_set = -ENOENT;
	rs_show(a);
	rs_pass(&s, 3 * CHILD_BEAT_MS);
	is_int(top->dels, 1,
	       "an edge that the kernel does not have cannot be changed, and ends");
	ok(takes(top, a, a), "the child has another edge with the next beat");
	is_int((intmax_t)child_stats(a->child)->failed, 0,
	       "the child has not given its parent up for that");
	is_int((intmax_t)parent_stats(top->parent)->edges, 2,
	       "the relay has an edge to each child");
	rs_free(&s);

	rs_init(&s);
	top = rs_host_new(&s);
	mid = rs_host_new(&s);
	b = rs_host_new(&s);
	rs_relay(top, 8, NULL, 0);
	ask_top(false);
	parent_edge_lost(top->parent, &ask_sa);
	is_str(top->why, "the kernel does not have it any more",
	       "the end of an edge names the kernel, and not an IKE SA that is up");
	is_int(ask_top(true).reason, EDGE_UNKNOWN,
	       "the child is told that it has no edge");
	rs_free(&s);
}

/* ---- a new grant behind a refused one ------------------------------------------ */

/* Sign a grant that no relay takes, and show it. */
static void show_foreign(struct rs_host *h, struct sigkey *foreign)
{
	struct sigkey *own = s.key;

	s.key = foreign;
	rs_sign(&s, h, h->sid, 600);
	s.key = own;
}

static void test_new_grant(void)
{
	struct rs_host *relay[2];
	struct sigkey *foreign;
	unsigned int i, asked;

	rs_init(&s);
	if (sigkey_generate(SIG_ED25519, &foreign))
		bail("no key");
	for (i = 0; i < 2; i++) {
		relay[i] = rs_host_new(&s);
		rs_relay(relay[i], 8, NULL, 0);
	}
	a = rs_host_new(&s);
	show_foreign(a, foreign);
	rs_leaf(a, relay, 2);
	rs_pass(&s, 500);
	is_int(a->not_entitled, 2,
	       "both relays refuse a grant of a former key");
	rs_sign(&s, a, a->sid, 600);
	rs_show(a);
	rs_pass(&s, 500);
	ok(rs_parent_of(a) == relay[0], "a new grant is shown at once");

	/* Grants that are refused again and again do not do away with pauses. */
	asked = a->not_entitled;
	for (i = 0; i < 10; i++) {
		rs_sign(&s, a, a->sid, 600);
		show_foreign(a, foreign);
		parent_recheck(relay[0]->parent, is_of, a);
		parent_recheck(relay[1]->parent, is_of, a);
		rs_show(a);
		rs_pass(&s, 1000);
	}
	ok(a->not_entitled - asked <= 6,
	   "a child that shows bad grants is refused rarely: %u times",
	   a->not_entitled - asked);
	sigkey_free(foreign);
	rs_free(&s);
}

/* ---- more senders below than go up ---------------------------------------------- */

#define LEAVES 18
#define GO_UP (EDGE_MAX_GRANTS - 1)

static void test_choice_stays(void)
{
	static struct rs_host *leaf[LEAVES];
	struct rs_host *tops[1], *mids[1];
	unsigned int i, t, up = 0, others = 0;
	uint64_t verified;

	rs_init(&s);
	top = rs_host_new(&s);
	mid = rs_host_new(&s);
	rs_relay(top, 8, NULL, 0);
	rs_relay(mid, 24, NULL, 0);
	tops[0] = top;
	mids[0] = mid;
	rs_leaf(mid, tops, 1);
	for (i = 0; i < LEAVES; i++) {
		leaf[i] = rs_host_new(&s);
		rs_sign(&s, leaf[i], (uint16_t)(100 + 2 * i), 86400);
		rs_leaf(leaf[i], mids, 1);
		rs_pass(&s, 130);
	}
	rs_pass(&s, 20000);
	verified = parent_stats(top->parent)->verified;
	for (t = 0; t < 60; t++) {
		rs_pass(&s, 1000);
		for (i = 0; i < GO_UP; i++)
			up += takes(top, mid, leaf[i]);
		for (; i < LEAVES; i++)
			others += takes(top, mid, leaf[i]);
	}
	is_int(up, 60 * GO_UP,
	       "the senders that came first go up all the time");
	is_int(others, 0, "no other sender takes their place");
	is_int((intmax_t)(parent_stats(top->parent)->verified - verified), 0,
	       "a choice that stays costs no signatures");
	rs_sign(&s, leaf[3], leaf[3]->sid, 86401);
	rs_show(leaf[3]);
	rs_pass(&s, 3000);
	is_int((intmax_t)(parent_stats(top->parent)->verified - verified), 1,
	       "a renewed grant costs one signature above");
	ok(takes(top, mid, leaf[3]), "the sender with a renewed grant goes up");
	rs_free(&s);
}

int main(void)
{
	RUN(test_own);
	RUN(test_below);
	RUN(test_expired);
	RUN(test_not_taken);
	RUN(test_lost_edge);
	RUN(test_new_grant);
	RUN(test_choice_stays);
	return done();
}
