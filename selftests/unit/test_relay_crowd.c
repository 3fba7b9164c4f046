// SPDX-License-Identifier: Apache-2.0
/*
 * Members below a relay that show many valid grants: they keep neither other members from
 * being heard farther up, nor the relay from its own parent.
 */
#include "relay_sim.h"
#include "tap.h"

static struct rs_sim s;
static struct rs_host *top, *mid, *good, *bad[2];
static const char sa[2];

struct crowd_grant {
	uint8_t p[GRANT_MAX];
	size_t len;
};

static void begin(void)
{
	rs_init(&s);
	top = rs_host_new(&s);
	mid = rs_host_new(&s);
	good = rs_host_new(&s);
	bad[0] = rs_host_new(&s);
	bad[1] = rs_host_new(&s);
	rs_relay(top, 8, NULL, 0);
	rs_relay(mid, 8, NULL, 0);
	rs_leaf(mid, &top, 1);
	rs_pass(&s, 1000);
}

/* Grants of @h, which the key server gives up to 32 at once. */
static void sign_many(struct rs_host *h, struct crowd_grant *g, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		rs_sign(&s, h, h->sid, 600 - i);
		memcpy(g[i].p, h->grant, h->grant_len);
		g[i].len = h->grant_len;
	}
}

/* Bad member @which asks a relay: with grants of its own, or with none, a beat. */
static enum edge_verdict show_many(struct rs_host *relay, unsigned int which,
				   const struct crowd_grant *g, unsigned int n)
{
	struct rs_host *h = bad[which];
	struct edge_request req = { .group = RS_GROUP, .beat = !n, .n = n };
	struct parent_peer from = { &sa[which], &h->id, h->ep, false };
	struct edge_answer ans;

	for (unsigned int i = 0; i < n; i++)
		req.grant[i] = (struct edge_grant){ !!i, g[i].p, g[i].len };
	parent_request(relay->parent, &from, &req, &ans);
	if (ans.verdict == EDGE_CHALLENGED) {
		memcpy(req.cookie, ans.cookie, sizeof(req.cookie));
		parent_request(relay->parent, &from, &req, &ans);
	}
	return ans.verdict;
}

static void test_one_of_each(void)
{
	static struct crowd_grant g[EDGE_MAX_GRANTS];
	struct edge_grant below[EDGE_MAX_GRANTS];
	unsigned int i, lost = 0;

	begin();
	sign_many(bad[0], g, EDGE_MAX_GRANTS);
	is_int(show_many(mid, 0, g, EDGE_MAX_GRANTS), EDGE_GRANTED,
	       "a member shows 16 grants of its own");
	rs_leaf(good, &mid, 1);
	rs_pass(&s, 1000);
	is_int(parent_below(mid->parent, RS_GROUP, below, EDGE_MAX_GRANTS), 2,
	       "one grant of each member is passed on");
	for (i = 0; i < 100; i++) {
		lost += !rs_has(top, good, rs_send(good));
		rs_pass(&s, 100);
		if (i % 10 == 9)
			show_many(mid, 0, NULL, 0);
	}
	is_int(lost, 0, "all datagrams of another member arrive at the top");
	rs_free(&s);
}

static void test_newest(void)
{
	static struct crowd_grant g[2];
	struct edge_grant below[EDGE_MAX_GRANTS];
	struct grant first, got;

	begin();
	sign_many(bad[0], &g[0], 1);
	rs_pass(&s, 2000);
	sign_many(bad[0], &g[1], 1);
	if (grant_parse(g[1].p, g[1].len, &first))
		bail("no grant");
	/* The older one comes first. */
	is_int(show_many(mid, 0, g, 2), EDGE_GRANTED, "two grants are shown");
	is_int(parent_below(mid->parent, RS_GROUP, below, EDGE_MAX_GRANTS), 1,
	       "one of two grants is passed on");
	is_int(grant_parse(below[0].p, below[0].len, &got), 0,
	       "a grant is passed on as it is");
	is_int((intmax_t)got.issued, (intmax_t)first.issued,
	       "the newer one is passed on");
	is_int(below[0].hops, 2, "the newer one has come over one more relay");
	rs_free(&s);
}

/* Grants that children pass on come behind those that they show of their own. */
static void test_own_first(void)
{
	struct edge_request req = { .group = RS_GROUP, .n = EDGE_MAX_GRANTS };
	struct edge_grant below[EDGE_MAX_GRANTS];
	struct parent_peer from;
	struct edge_answer ans;
	struct rs_host *h;
	struct grant g;
	unsigned int i, n, found = 0;

	begin();
	from = (struct parent_peer){ &sa[0], &bad[0]->id, bad[0]->ep, false };
	req.grant[0] =
		(struct edge_grant){ 0, bad[0]->grant, bad[0]->grant_len };
	for (i = 1; i < EDGE_MAX_GRANTS; i++) {
		h = rs_host_new(&s);
		req.grant[i] = (struct edge_grant){ 1, h->grant, h->grant_len };
	}
	parent_request(mid->parent, &from, &req, &ans);
	memcpy(req.cookie, ans.cookie, sizeof(req.cookie));
	parent_request(mid->parent, &from, &req, &ans);
	is_int(ans.verdict, EDGE_GRANTED, "a relay passes on 15 grants");
	rs_leaf(good, &mid, 1);
	rs_pass(&s, 1000);
	n = parent_below(mid->parent, RS_GROUP, below, EDGE_MAX_GRANTS - 1);
	is_int(n, EDGE_MAX_GRANTS - 1, "fifteen grants are passed on");
	for (i = 0; i < n; i++)
		found += !grant_parse(below[i].p, below[i].len, &g) &&
			 (id_equal(&g.member, &good->id) ||
			  id_equal(&g.member, &bad[0]->id)) &&
			 i < 2;
	is_int(found, 2, "the grants of both children come first");
	rs_free(&s);
}

/* Two members change between valid grants, as often as they may. */
static void test_churn(void)
{
	static struct crowd_grant a[2][32];
	unsigned int i, k, up = 0, lost = 0;

	begin();
	rs_leaf(good, &mid, 1);
	rs_pass(&s, 20000);
	for (k = 0; k < 2; k++)
		sign_many(bad[k], a[k], 32);
	for (i = 0; i < 240; i++) {
		for (k = 0; k < 2; k++)
			show_many(mid, k, a[k] + i / 8 % 4 * 8,
				  i % 8 == 4 * k && i < 160 ? 7 : 0);
		rs_pass(&s, 500);
		up += !!rs_edge_to(top, mid);
		lost += !rs_has(good, top, rs_send(top));
	}
	is_int(up, i, "the relay keeps its edge to its parent");
	is_int(lost, 0, "all datagrams from above reach the other member");
	is_int(parent_stats(top->parent)->expired, 0,
	       "a relay that asks is not taken for silent");
	ok(rs_has(top, good, rs_send(good)), "the other member is heard above");
	rs_free(&s);
}

/* A parent whose quota is used up makes progress with each request nevertheless. */
static void test_busy_parent(void)
{
	static struct crowd_grant g[40];
	unsigned int i, busy = 0, n = 0;
	uint64_t before;

	begin();
	sign_many(bad[0], g, 40);
	is_int(show_many(mid, 0, g, 16), EDGE_GRANTED, "the first 16 grants");
	is_int(show_many(mid, 0, g + 16, 16), EDGE_GRANTED, "other 16 grants");
	before = parent_stats(mid->parent)->verified;
	/* The own one is known, the seven others are not. */
	memcpy(&g[32], &g[16], sizeof(g[0]));
	while (show_many(mid, 0, g + 32, 8) != EDGE_GRANTED && n++ < 60) {
		busy++;
		rs_pass(&s, 500);
	}
	is_int(busy, 7, "seven grants take seven requests");
	is_int((intmax_t)(parent_stats(mid->parent)->verified - before), 7,
	       "each of them is verified once");
	/* A grant of its own that is not known gets no edge, and keeps one. */
	for (i = 0; i < 4; i++) {
		rs_pass(&s, 5000);
		while (show_many(mid, 0, g + i, 1) == EDGE_GRANTED && i < 3)
			i++;
	}
	ok(rs_edge_to(mid, bad[0]), "a child that is busy keeps its edge");
	is_int(parent_stats(mid->parent)->expired, 0, "no edge has expired");
	rs_free(&s);
}

/* The child's side of it, with answers that the test makes. */
static void test_child_waits(void)
{
	struct edge_answer ans = { .verdict = EDGE_REFUSED,
				   .reason = EDGE_BUSY,
				   .wait_ms = 1000 };
	struct rs_host *parents[2];
	struct upstream *u;
	uint64_t asked;
	unsigned int i;

	begin();
	parents[0] = top;
	parents[1] = mid;
	rs_leaf(good, parents, 2);
	rs_pass(&s, 1000);
	u = child_parent(good->child);
	ok(rs_parent_of(good) == top, "the first relay is the parent");
	for (i = 0; i < CHILD_MAX_BUSY; i++) {
		while (!u->asks)
			rs_pass(&s, 1);
		if (i) {
			is_int(s.ms - asked >= 1000, true,
			       "the child asks no sooner than it may: %u",
			       i + 1);
			ok(s.ms - asked < CHILD_SILENT_MS,
			   "the child asks before it takes the parent for silent");
		}
		asked = s.ms;
		child_answer(good->child, u, &ans);
		ok(child_parent(good->child) == u, "the parent stays");
	}
	rs_pass(&s, 200);
	ok(rs_parent_of(good) == mid,
	   "a parent that is busy too often is left");
	is_str(good->why, "the former parent is busy", "the reason is named");
	rs_free(&s);
}

int main(void)
{
	RUN(test_one_of_each);
	RUN(test_newest);
	RUN(test_own_first);
	RUN(test_churn);
	RUN(test_busy_parent);
	RUN(test_child_waits);
	return done();
}
