// SPDX-License-Identifier: Apache-2.0
/*
 * Things that a child with a valid certificate can do to a relay and to its other
 * children: ask without a right, ask a million times, move about, and come twice.
 */
#include <errno.h>
#include <malloc.h>

#include "lib/util.h"
#include "relay_sim.h"
#include "tap.h"

static struct rs_sim s;
static struct rs_host *relay, *good, *bad;

/*
 * How often a child asks in ten seconds. The sanitizers show what a request does, and
 * the full number what it adds up to.
 */
#define REQUESTS FULL_OR_FEW(1000000, 50000)
#define REQUESTS_PER_MS (REQUESTS / 10000)

/* IKE SAs are only told apart here. */
static const char sa[8];

static void begin(void)
{
	rs_good_and_bad(&s, &relay, &good, &bad);
}

static const struct parent_stats *stats(void)
{
	return parent_stats(relay->parent);
}

/* The answer behind the cookie, which a child sends back from where it is. */
static struct edge_answer answer_to(const struct parent_peer *from,
				    const struct edge_request *req)
{
	struct edge_request again = *req;
	struct edge_answer ans;

	parent_request(relay->parent, from, req, &ans);
	if (ans.verdict == EDGE_CHALLENGED) {
		memcpy(again.cookie, ans.cookie, sizeof(again.cookie));
		parent_request(relay->parent, from, &again, &ans);
	}
	return ans;
}

/* Ask as @h over IKE SA @which with a grant, or with none: a beat. */
static struct edge_answer ask_with(const struct rs_host *h, unsigned int which,
				   const uint8_t *grant, size_t len)
{
	struct edge_request req = { .group = RS_GROUP, .beat = !len };
	struct parent_peer from = { &sa[which], &h->id, h->ep, false };

	req.n = !!len;
	req.grant[0] = (struct edge_grant){ 0, grant, len };
	return answer_to(&from, &req);
}

static struct edge_answer ask(const struct rs_host *h, unsigned int which)
{
	return ask_with(h, which, h->grant, h->grant_len);
}

static void is_refused(struct edge_answer ans, enum edge_reason reason,
		       const char *what)
{
	is_int(ans.verdict, EDGE_REFUSED, "%s: refused", what);
	is_str(edge_reason_str(ans.reason), edge_reason_str(reason),
	       "%s: for its reason", what);
}

static void test_not_entitled(void)
{
	struct parent_peer from;
	struct edge_request req = { .group = RS_GROUP, .n = 1 };
	struct edge_answer ans;
	uint8_t copy[GRANT_MAX];
	struct sigkey *key, *own;
	struct grant g;
	struct wbuf w;

	begin();
	is_refused(ask_with(bad, 0, good->grant, good->grant_len),
		   EDGE_NOT_ENTITLED, "the grant of another identity");
	memcpy(copy, bad->grant, bad->grant_len);
	copy[bad->grant_len - 1] ^= 1;
	is_refused(ask_with(bad, 0, copy, bad->grant_len), EDGE_NOT_ENTITLED,
		   "a signature with another octet");
	is_int(stats()->verified, 2, "one signature was looked at for that");
	memcpy(copy, bad->grant, bad->grant_len);
	/* The last octet of the only range. */
	copy[bad->grant_len - 64 - 8] ^= 2;
	is_refused(ask_with(bad, 0, copy, bad->grant_len), EDGE_NOT_ENTITLED,
		   "another Sender-ID under the signature");
	is_refused(ask_with(bad, 0, bad->grant, bad->grant_len - 1),
		   EDGE_NOT_ENTITLED, "a grant that is cut");
	is_refused(ask_with(bad, 0, bad->grant, 3), EDGE_NOT_ENTITLED,
		   "three octets of a grant");
	/* A member that signs for itself. */
	own = s.key;
	if (sigkey_generate(SIG_ED25519, &key))
		bail("no key");
	s.key = key;
	rs_sign(&s, bad, bad->sid, 86400);
	is_refused(ask(bad, 0), EDGE_NOT_ENTITLED, "a grant of another key");
	sigkey_free(key);
	s.key = own;
	/* The key server's grant for another group. */
	if (grant_parse(good->grant, good->grant_len, &g))
		bail("no grant");
	strcpy(g.group, "audio");
	g.member = bad->id;
	wbuf_init(&w, GRANT_MAX);
	if (grant_sign(&g, s.key, &w))
		bail("no signature");
	is_refused(ask_with(bad, 0, w.p, w.len), EDGE_NOT_ENTITLED,
		   "the grant of another group");
	strcpy(req.group, "audio");
	req.grant[0] = (struct edge_grant){ 0, w.p, w.len };
	from = (struct parent_peer){ &sa[0], &bad->id, bad->ep, false };
	ans = answer_to(&from, &req);
	is_refused(ans, EDGE_NO_GROUP, "a group that is not relayed");
	wbuf_free(&w);
	rs_sign(&s, bad, bad->sid, 0);
	is_refused(ask(bad, 0), EDGE_NOT_ENTITLED, "a grant that has expired");
	is_refused(ask_with(bad, 0, NULL, 0), EDGE_UNKNOWN,
		   "a beat without an edge");
	is_int(stats()->edges, 1, "the good child's edge is the only one");
	is_int(relay->adds, 1, "the kernel has seen no other");
	rs_free(&s);
}

/* Grants of others let nobody use an edge, and are not shown as one's own. */
static void test_two_own_grants(void)
{
	struct edge_request req = { .group = RS_GROUP, .n = 2 };
	struct parent_peer from;
	struct edge_answer ans;

	begin();
	from = (struct parent_peer){ &sa[0], &bad->id, bad->ep, false };
	req.grant[0] = (struct edge_grant){ 0, bad->grant, bad->grant_len };
	req.grant[1] = (struct edge_grant){ 0, good->grant, good->grant_len };
	ans = answer_to(&from, &req);
	is_refused(ans, EDGE_NOT_ENTITLED, "two grants of no hops");
	/* As a relay shows it that has the good child below. */
	req.grant[1].hops = 1;
	ans = answer_to(&from, &req);
	is_int(ans.verdict, EDGE_GRANTED, "a grant is passed on");
	is_int(rs_edge_to(relay, bad)->n_ranges, 2,
	       "both Sender-IDs are taken");
	/* A forged one beside it costs nothing but itself. */
	req.n = 3;
	req.grant[2] = (struct edge_grant){ 1, bad->grant, bad->grant_len - 1 };
	ans = answer_to(&from, &req);
	is_int(ans.verdict, EDGE_GRANTED, "a malformed grant is left out");
	is_int(stats()->dropped_grants, 1, "a malformed grant is counted");
	is_int(rs_edge_to(relay, bad)->n_ranges, 2, "the others count");
	rs_free(&s);
}

/* Many requests, each with another grant that is forged. */
static void test_many_forged(void)
{
	uint64_t refused, before, verified;
	size_t used;
	uint8_t copy[GRANT_MAX];
	unsigned int i, wrong = 0;

	begin();
	memcpy(copy, bad->grant, bad->grant_len);
	/* The signature is another one for every number. */
	copy[bad->grant_len - 9] ^= 1;
	verified = stats()->verified;
	refused = stats()->refused;
	before = s.ms;
	used = mallinfo2().uordblks;
	for (i = 0; i < REQUESTS; i++) {
		/* Octets of the signature. */
		memcpy(copy + bad->grant_len - 8, &i, sizeof(i));
		wrong += ask_with(bad, 0, copy, bad->grant_len).verdict !=
			 EDGE_REFUSED;
		/* Ten seconds in all. */
		if (i % REQUESTS_PER_MS == 0)
			rs_pass(&s, 1);
	}
	is_int(wrong, 0, "%d forged grants are refused", REQUESTS);
	is_int(stats()->refused - refused, REQUESTS, "each of them is counted");
	ok(stats()->verified - verified <= 32 + (s.ms - before) / 500,
	   "for %u of them a signature is looked at",
	   (unsigned int)(stats()->verified - verified));
	is_int(stats()->edges, 1, "no edge was made");
	ok(mallinfo2().uordblks < used + 65536, "forged grants take no memory");
	ok(rs_parent_of(good) == relay && !stats()->expired,
	   "the good child keeps its edge");
	is_int(child_stats(good->child)->failed, 0,
	       "the good child is answered");
	rs_free(&s);
}

/* Many requests that are good, over one IKE SA and over many. */
static void test_many_good(void)
{
	unsigned int i, adds, granted = 0;
	uint64_t verified;

	begin();
	adds = relay->adds;
	for (i = 0; i < REQUESTS; i++)
		granted += ask(bad, 0).verdict == EDGE_GRANTED;
	is_int(granted, REQUESTS, "the same request is answered each time");
	is_int(stats()->verified, 2,
	       "the signature of a grant was verified once");
	is_int(relay->adds - adds, 1, "the kernel has heard of it once");
	is_int(relay->sets, 0, "the kernel has heard of no change");
	verified = stats()->verified;
	for (i = 0; i < REQUESTS; i++) {
		ask(bad, i % 8);
		if (i % REQUESTS_PER_MS == 0)
			rs_pass(&s, 1);
	}
	is_int(stats()->edges, 2,
	       "one of eight IKE SAs from one address has the edge");
	ok(stats()->verified - verified < 32 + 20 + 1,
	   "the signature was verified %u times in ten seconds",
	   (unsigned int)(stats()->verified - verified));
	ok(rs_parent_of(good) == relay, "the good child keeps its edge");
	rs_free(&s);
}

/* Each request comes from another port. */
static void test_many_moves(void)
{
	unsigned int i, ended = 0;
	struct ep ep;

	begin();
	ok(ask(bad, 0).verdict == EDGE_GRANTED, "the child has an edge");
	for (i = 0; i < REQUESTS; i++) {
		bad->ep.port = (uint16_t)(1024 + i % 60000);
		ask_with(bad, 0, NULL, 0);
		if (i % REQUESTS_PER_MS == 0)
			rs_pass(&s, 1);
	}
	ok(stats()->moved >= 4 && stats()->moved <= 4 + 10 / 2,
	   "the edge moves at most each two seconds: %u times in ten",
	   (unsigned int)stats()->moved);
	is_int(relay->sets, (intmax_t)stats()->moved,
	       "the kernel has heard of no other change");
	/* The address of another child is not its own just by a claim. */
	rs_pass(&s, 60000);
	ep = good->ep;
	ended = relay->dels;
	ok(rs_edge_to(relay, good), "the good child keeps its edge");
	ok(ask_with(good, 7, good->grant, good->grant_len).verdict ==
		   EDGE_GRANTED,
	   "a newer IKE SA of one address takes the edge over");
	is_int(relay->dels - ended, 1, "the edge of the older one ends");
	ok(ep_equal(&rs_edge_to(relay, good)->peer, &ep),
	   "two edges never have one address");
	rs_free(&s);
}

/* Many hosts with one certificate: they replace each other, and nobody else. */
static void test_many_of_one_identity(void)
{
	unsigned int i;

	begin();
	for (i = 0; i < 6; i++) {
		bad->ep.port = (uint16_t)(5000 + i);
		ask(bad, i);
		rs_pass(&s, 10);
	}
	is_int(stats()->edges, 4, "there is no fifth edge in a relay for four");
	ok(rs_edge_to(relay, good), "the good child keeps its edge");
	rs_free(&s);

	rs_init(&s);
	relay = rs_host_new(&s);
	rs_relay(relay, 20, NULL, 0);
	bad = rs_host_new(&s);
	for (i = 0; i < 8; i++) {
		bad->ep.port = (uint16_t)(5000 + i);
		is_int(ask(bad, i).verdict, EDGE_GRANTED,
		       "IKE SA %u of one identity gets an edge", i + 1);
	}
	is_int(stats()->edges, PARENT_MAX_PER_IDENTITY,
	       "the oldest ones make room");
	bad->ep.port = 5000;
	is_refused(ask_with(bad, 0, NULL, 0), EDGE_UNKNOWN,
		   "the first of them is told that it has none");
	rs_free(&s);
}

/* A relay that is full, and a child that comes back after a crash. */
static void test_crashed_child(void)
{
	begin();
	for (unsigned int i = 0; i < 3; i++)
		ask(rs_host_new(&s), i);
	is_int(stats()->edges, 4, "the relay is full");
	s.host[3].ep.port = 9999;
	is_refused(ask(&s.host[3], 5), EDGE_FULL, "a second edge of a child");
	rs_pass(&s, PARENT_LIFETIME_MS / 3 + 1999);
	is_refused(ask(&s.host[3], 5), EDGE_FULL,
		   "a child that may still be alive");
	rs_pass(&s, 1);
	is_int(ask(&s.host[3], 5).verdict, EDGE_GRANTED,
	       "a child whose edge is silent may replace it");
	is_int(stats()->edges, 4, "no other child has lost its edge");
	rs_pass(&s, PARENT_LIFETIME_MS);
	is_int(stats()->edges, 1, "silent children lose their edges");
	is_int(stats()->expired, 3, "silent children are counted");
	ok(rs_edge_to(relay, good), "a child that is heard keeps its edge");
	rs_free(&s);
}

/*
 * A child with datagrams beats rarely, and is no child that has crashed: a second host of
 * its identity does not get its place in a full relay.
 */
static void test_twin_of_busy_child(void)
{
	static struct rs_host twin;
	unsigned int i, full = 0;

	rs_init(&s);
	relay = rs_host_new(&s);
	rs_relay(relay, 1, NULL, 0);
	good = rs_host_new(&s);
	rs_leaf(good, &relay, 1);
	rs_pass(&s, 1000);
	twin = *good;
	twin.ep.port = 9999;
	for (i = 0; i < 200; i++) {
		rs_send(relay);
		rs_pass(&s, 100);
		full += i % 10 == 0 && ask(&twin, 1).reason == EDGE_FULL;
	}
	is_int(full, 20,
	       "a full relay refuses each request of the second host");
	is_int(child_stats(good->child)->beats, 1 + 20000 / 5000,
	       "the child beats each third of the edge's lifetime");
	is_int(good->got, 200, "the child gets each datagram");
	is_int(stats()->granted, 1, "no edge but the child's was made");
	rs_free(&s);
}

/* A NAT that forgets: the next authenticated request moves the edge. */
static void test_nat(void)
{
	struct ep before;
	uint32_t seq;

	begin();
	before = good->ep;
	good->ep.port = 61000;
	seq = rs_send(good);
	ok(!rs_has(relay, good, seq),
	   "a datagram from another port is not taken");
	is_int(relay->unknown, 1, "the datagram is from no edge's peer");
	ok(ep_equal(&relay->edge[0].peer, &before),
	   "the datagram does not move the edge");
	rs_pass(&s, CHILD_BEAT_MS + 2 * RS_DELAY_MS);
	is_int(relay->edge[0].peer.port, 61000, "a beat moves the edge");
	is_int(stats()->moved, 1, "a move is counted");
	ok(rs_has(relay, good, rs_send(good)), "datagrams are taken again");
	is_int(child_stats(good->child)->requests, 1,
	       "nothing had to be asked for");
	rs_free(&s);
}

static void test_grant_expires(void)
{
	struct edge_request req = { .group = RS_GROUP, .n = 2 };
	struct parent_peer from;
	struct rs_host *below;

	begin();
	below = rs_host_new(&s);
	rs_sign(&s, below, 77, 5);
	rs_sign(&s, bad, 78, 10);
	from = (struct parent_peer){ &sa[0], &bad->id, bad->ep, false };
	req.grant[0] = (struct edge_grant){ 0, bad->grant, bad->grant_len };
	req.grant[1] = (struct edge_grant){ 1, below->grant, below->grant_len };
	answer_to(&from, &req);
	is_int(rs_edge_to(relay, bad)->n_ranges, 1,
	       "two neighbouring Sender-IDs are one range");
	is_int(rs_edge_to(relay, bad)->range[0].first, 77,
	       "the range begins with the first Sender-ID");
	is_int(rs_edge_to(relay, bad)->range[0].last, 78,
	       "the range ends with the last Sender-ID");
	rs_pass(&s, 6000);
	is_int(ask_with(bad, 0, NULL, 0).verdict, EDGE_GRANTED,
	       "the edge stays when a grant from below expires");
	is_int(rs_edge_to(relay, bad)->range[0].first, 78,
	       "the Sender-ID of that is not taken any more");
	rs_pass(&s, 5000);
	is_refused(ask_with(bad, 0, NULL, 0), EDGE_NOT_ENTITLED,
		   "a beat behind the end of the own grant");
	ok(!rs_edge_to(relay, bad), "the edge of an expired grant has ended");
	rs_free(&s);
}

static void test_one_group_each(void)
{
	struct edge_request req = { .group = "audio", .beat = true };
	struct parent_peer from;
	struct edge_answer ans;

	begin();
	is_int(parent_add_group(relay->parent, "audio"), 0,
	       "a relay has a second group");
	is_int(parent_add_group(relay->parent, "audio"), -EEXIST,
	       "a group that is there already");
	is_int(parent_add_group(relay->parent, ""), -EINVAL,
	       "a group has a name");
	ask(bad, 0);
	from = (struct parent_peer){ &sa[0], &bad->id, bad->ep, false };
	ans = answer_to(&from, &req);
	is_refused(ans, EDGE_OTHER_GROUP, "a second group over one IKE SA");
	is_int(stats()->edges, 2, "the first edge stays");
	parent_sa_closed(relay->parent, &sa[0]);
	is_int(stats()->edges, 1, "the edge ends with its IKE SA");
	parent_sa_closed(relay->parent, &sa[0]);
	parent_sa_closed(relay->parent, &sa[1]);
	is_int(stats()->edges, 1, "another IKE SA ends nothing");
	parent_del_group(relay->parent, RS_GROUP);
	is_int(stats()->edges, 0, "edges end with their group");
	parent_del_group(relay->parent, RS_GROUP);
	rs_pass(&s, 1000);
	ok(!rs_parent_of(good), "the child is told");
	is_str(good->why, "does not relay this group", "the child is told why");
	rs_free(&s);
}

/* More Sender-IDs than an edge can have in the kernel. */
static void test_many_ranges(void)
{
	struct edge_request req = { .group = RS_GROUP, .n = EDGE_MAX_GRANTS };
	struct rs_host *below[EDGE_MAX_GRANTS];
	struct edge_grant g[EDGE_MAX_GRANTS];
	struct parent_peer from;
	unsigned int i, n;

	begin();
	from = (struct parent_peer){ &sa[0], &bad->id, bad->ep, false };
	req.grant[0] = (struct edge_grant){ 0, bad->grant, bad->grant_len };
	for (i = 1; i < EDGE_MAX_GRANTS; i++) {
		below[i] = rs_host_new(&s);
		req.grant[i] = (struct edge_grant){ 1, below[i]->grant,
						    below[i]->grant_len };
	}
	answer_to(&from, &req);
	is_int(rs_edge_to(relay, bad)->n_ranges, 16,
	       "sixteen Sender-IDs that are apart are sixteen ranges");
	is_int(stats()->dropped_grants, 0, "none is left out");
	n = parent_below(relay->parent, RS_GROUP, g, EDGE_MAX_GRANTS);
	is_int(n, 16, "no more than there is room for go farther up");
	is_int(parent_below(relay->parent, "audio", g, EDGE_MAX_GRANTS), 0,
	       "nothing is below another group");
	rs_free(&s);
}

int main(void)
{
	RUN(test_not_entitled);
	RUN(test_two_own_grants);
	RUN(test_many_forged);
	RUN(test_many_good);
	RUN(test_many_moves);
	RUN(test_many_of_one_identity);
	RUN(test_crashed_child);
	RUN(test_twin_of_busy_child);
	RUN(test_nat);
	RUN(test_grant_expires);
	RUN(test_one_group_each);
	RUN(test_many_ranges);
	return done();
}
