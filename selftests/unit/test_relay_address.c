// SPDX-License-Identifier: Apache-2.0
/*
 * Where edges of a relay lead: to no address that has not answered, whatever source a
 * datagram has; and to where a child is, also behind a NAT that changes.
 */
#include "lib/util.h"
#include "relay_sim.h"
#include "tap.h"

static struct rs_sim s;
static struct rs_host *relay, *good, *bad;
static const char sa[4];

static void begin(void)
{
	rs_good_and_bad(&s, &relay, &good, &bad);
}

static const struct parent_stats *stats(void)
{
	return parent_stats(relay->parent);
}

static struct ep victim(void)
{
	struct ep ep;

	if (ep_parse("203.0.113.9", 4500, &ep))
		bail("no address");
	return ep;
}

/* A request of the bad child over IKE SA @which, whose source is @from. */
static struct edge_answer ask_from(const struct ep *from, unsigned int which,
				   bool beat, const uint8_t *cookie)
{
	struct edge_request req = { .group = RS_GROUP,
				    .beat = beat,
				    .n = !beat };
	struct parent_peer peer = { &sa[which], &bad->id, *from, false };
	struct edge_answer ans;

	req.grant[0] = (struct edge_grant){ 0, bad->grant, bad->grant_len };
	if (cookie)
		memcpy(req.cookie, cookie, sizeof(req.cookie));
	parent_request(relay->parent, &peer, &req, &ans);
	return ans;
}

static void test_forged_source(void)
{
	struct ep there = victim();
	struct edge_answer ans;
	unsigned int i, to = 0;

	begin();
	for (i = 0; i < 20; i++) {
		ans = ask_from(&there, 0, i > 0, NULL);
		to += !!rs_edge_to(relay, &(struct rs_host){ .ep = there });
		rs_pass(&s, 14000);
	}
	is_int(to, 0, "no edge leads to an address that has answered nothing");
	ans = ask_from(&there, 0, false, NULL);
	is_int(ans.verdict, EDGE_CHALLENGED, "a cookie goes to the address");
	is_int(stats()->verified, 1, "no signature was verified for that");
	/* The child has an edge where it is, and says that it is elsewhere. */
	ans = ask_from(&bad->ep, 0, false, NULL);
	ans = ask_from(&bad->ep, 0, false, ans.cookie);
	is_int(ans.verdict, EDGE_GRANTED, "the child gets an edge where it is");
	is_int(ask_from(&there, 0, true, NULL).verdict, EDGE_CHALLENGED,
	       "a beat from elsewhere does not move the edge");
	is_int(ask_from(&good->ep, 0, true, NULL).verdict, EDGE_CHALLENGED,
	       "a beat from another child's address does not move the edge");
	is_int(ask_from(&good->ep, 1, false, NULL).verdict, EDGE_CHALLENGED,
	       "another child's address is not taken by a new edge");
	is_int(stats()->moved, 0, "no edge has moved");
	is_int(stats()->edges, 2, "each child has its edge");
	/* Beats from elsewhere do not keep an edge, to which nobody answers. */
	for (i = 0; i < 8; i++) {
		rs_pass(&s, 2000);
		ask_from(&there, 0, true, NULL);
	}
	is_int(stats()->edges, 1, "an edge that nobody confirms expires");
	ok(rs_edge_to(relay, good), "the good child has its edge");
	rs_free(&s);
}

static void test_cookie(void)
{
	struct ep there = victim();
	struct edge_answer ans, other;
	uint8_t cookie[EDGE_COOKIE_LEN];

	begin();
	ans = ask_from(&bad->ep, 0, false, NULL);
	is_int(ans.verdict, EDGE_CHALLENGED, "a new child gets a cookie");
	memcpy(cookie, ans.cookie, sizeof(cookie));
	is_int(ask_from(&there, 0, false, cookie).verdict, EDGE_CHALLENGED,
	       "the cookie of another address is not taken");
	is_int(ask_from(&bad->ep, 1, false, cookie).verdict, EDGE_CHALLENGED,
	       "the cookie of another IKE SA is not taken");
	cookie[15] ^= 1;
	is_int(ask_from(&bad->ep, 0, false, cookie).verdict, EDGE_CHALLENGED,
	       "a cookie with another bit is not taken");
	cookie[15] ^= 1;
	other = ask_from(&there, 0, false, NULL);
	ok(memcmp(cookie, other.cookie, sizeof(cookie)),
	   "addresses have different cookies");
	rs_pass(&s, 10000);
	is_int(ask_from(&bad->ep, 0, false, cookie).verdict, EDGE_GRANTED,
	       "a cookie is good for ten seconds");
	rs_pass(&s, 20000);
	is_int(ask_from(&bad->ep, 0, false, cookie).verdict, EDGE_CHALLENGED,
	       "a cookie is not good for ever");
	rs_free(&s);
}

/* A full relay names others at length, and not to an address that was forged. */
static void test_redirection(void)
{
	struct ep there = victim();
	struct rs_host *other, *h[4];
	unsigned int i;

	rs_init(&s);
	relay = rs_host_new(&s);
	other = rs_host_new(&s);
	rs_relay(relay, 1, &other, 1);
	h[0] = rs_host_new(&s);
	rs_leaf(h[0], &relay, 1);
	bad = rs_host_new(&s);
	rs_pass(&s, 1000);
	for (i = 0; i < 10; i++)
		is_int(ask_from(&there, 0, false, NULL).verdict,
		       EDGE_CHALLENGED, "request %u gets a cookie only", i + 1);
	is_int(stats()->redirected, 0, "nobody was redirected");
	parent_leave(relay->parent);
	is_int(ask_from(&there, 0, false, NULL).verdict, EDGE_CHALLENGED,
	       "a relay that leaves sends a cookie only");
	is_int(ask_from(&there, 0, true, NULL).verdict, EDGE_REFUSED,
	       "a beat without an edge gets a short answer");
	rs_free(&s);
}

/* Somebody on the way copies each request, and his copy comes first. */
static void test_copied_requests(void)
{
	uint64_t got;

	begin();
	good->direct = true;
	s.copier = bad->ep;
	got = relay->got;
	for (unsigned int i = 0; i < 300; i++) {
		rs_send(good);
		rs_pass(&s, 100);
	}
	is_int(relay->got - got, 300, "the relay has all datagrams");
	ok(!rs_edge_to(relay, bad), "no edge leads to who has copied");
	is_int(stats()->moved, 0, "the edge has not moved");
	is_int(child_stats(good->child)->failed, 0, "no beat has failed");
	ok(stats()->challenged >= 30, "each copy was asked for a cookie");
	rs_free(&s);
}

/* A NAT takes another port each three seconds, and a fifth of all is lost. */
static void test_nat_and_loss(void)
{
	unsigned int i, at = 0, looks = 0;

	begin();
	s.loss = 20;
	for (i = 0; i < 200; i++) {
		good->ep.port = (uint16_t)(20000 + i);
		rs_pass(&s, 2500);
		at += !!rs_edge_to(relay, good);
		looks++;
		rs_pass(&s, 500);
	}
	ok(at >= looks * 95 / 100,
	   "the edge has followed within 2.5 s: %u of %u times", at, looks);
	is_int(stats()->edges, 1, "the child has one edge");
	is_int(child_stats(good->child)->failed, 0,
	       "the child has not lost its parent");
	is_int(stats()->expired, 0, "the edge has not expired");
	s.loss = 0;
	rs_pass(&s, 1000);
	ok(rs_has(relay, good, rs_send(good)), "datagrams are taken");
	rs_free(&s);
}

/* All answers are lost for a while in which the NAT changes, more than once. */
static void test_lost_answers(void)
{
	begin();
	s.loss = 100;
	rs_pass(&s, 700);
	good->ep.port = 20001;
	rs_pass(&s, 700);
	good->ep.port = 20002;
	s.loss = 0;
	rs_pass(&s, 1000);
	ok(rs_edge_to(relay, good), "the edge leads to the last address");
	is_int(stats()->moved, 1, "the edge has moved once");
	/* The port changes between a cookie and its way back. */
	good->ep.port = 20003;
	while (stats()->challenged == 2)
		rs_pass(&s, 1);
	good->ep.port = 20004;
	rs_pass(&s, 200);
	ok(rs_edge_to(relay, good), "the edge leads to the address behind it");
	is_int(stats()->moved, 2, "the edge has moved once more");
	is_int(child_stats(good->child)->failed, 0,
	       "the child has not lost its parent");
	rs_free(&s);
}

/* A host without a NAT that has another address needs another IKE SA. */
static void test_moved_host(void)
{
	begin();
	good->direct = true;
	good->ep.port = 20001;
	rs_pass(&s, 600);
	is_str(good->why, "takes no address of this host for its own",
	       "the child gives up an IKE SA of another address");
	is_int(child_stats(good->child)->challenged, 1 + CHILD_MAX_CHALLENGES,
	       "the child has sent its cookies back");
	is_int(stats()->moved, 0, "the edge has not moved");
	rs_pass(&s, CHILD_HOLD_MIN_MS + 100);
	ok(rs_edge_to(relay, good), "the child has an edge from there then");
	is_int(stats()->edges, 1, "the former edge has ended");
	rs_free(&s);
}

int main(void)
{
	RUN(test_forged_source);
	RUN(test_cookie);
	RUN(test_redirection);
	RUN(test_copied_requests);
	RUN(test_nat_and_loss);
	RUN(test_lost_answers);
	RUN(test_moved_host);
	return done();
}
