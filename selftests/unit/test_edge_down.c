// SPDX-License-Identifier: Apache-2.0
/* Where a relay serves children, and its stop (daemon/app/edge_down.c). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/edges.h"
#include "crypto/sign.h"
#include "ike/sa.h"
#include "lib/clock.h"
#include "lib/timer.h"
#include "tap.h"

static struct edges edges;
static struct ike_sa sa;

/* Ask over an IKE SA that has this address here. */
static struct edge_answer ask_at(const char *local)
{
	struct edge_request req = { .group = "video", .n = 1 };
	static const uint8_t grant[9] = { 1 };
	struct edge_answer ans;
	static struct ike_id id;

	req.grant[0] = (struct edge_grant){ 0, grant, sizeof(grant) };
	id_set(&id, IKE_ID_FQDN, "a.example", 9);
	sa.peer_id = &id;
	if (ep_parse(local, 4500, &sa.path.local) ||
	    ep_parse("192.0.2.9", 4500, &sa.path.peer))
		bail("no address");
	edge_down_request(&edges, &sa, &sa.path.peer, &req, &ans);
	return ans;
}

static void test_where_it_listens(void)
{
	static const struct parent_ops ops;
	struct timerq tq;
	struct parent_cfg cfg = { .clock = clock_system(),
				  .tq = &tq,
				  .max_children = 1 };
	struct edge_answer ans;

	timerq_init(&tq, clock_system());
	if (parent_new(&cfg, &ops, NULL, &edges.parent, NULL) ||
	    parent_add_group(edges.parent, "video") ||
	    ep_parse("192.0.2.1", 4500, &edges.listen[0].local))
		bail("no relay");
	edges.n_listen = 1;
	is_int(ask_at("192.0.2.1").verdict, EDGE_CHALLENGED,
	       "a relay serves children where it listens");
	ans = ask_at("192.0.2.1:4501");
	is_int(ans.verdict, EDGE_REFUSED,
	       "a child's socket of the relay serves none");
	is_str(edge_reason_str(ans.reason), "does not relay this group",
	       "the child is told why");
	is_int((intmax_t)parent_stats(edges.parent)->challenged, 1,
	       "the machine has seen one of two requests");
	parent_free(edges.parent);
}

/* ---- a relay that stops --------------------------------------------------- */

static uint64_t ms;
static unsigned int stops;

static uint64_t stop_mono(void *ctx)
{
	(void)ctx;
	return ms;
}

static time_t stop_wall(void *ctx)
{
	(void)ctx;
	return 1800000000;
}

static int take_grant(void *ctx, const char *group, const uint8_t *p,
		      size_t len)
{
	(void)ctx;
	(void)group;
	(void)p;
	(void)len;
	return 0;
}

static int take_edge(void *ctx, const struct parent_edge *e)
{
	(void)ctx;
	(void)e;
	return 0;
}

static void drop_edge(void *ctx, const struct parent_edge *e, const char *why)
{
	(void)ctx;
	(void)e;
	(void)why;
}

static void count_stop(void *arg)
{
	(void)arg;
	stops++;
}

static void pass_ms(uint64_t n)
{
	for (uint64_t end = ms + n; ms < end; ms++)
		timerq_run(&edges.app->tq);
}

/* Ask for an edge as @who, or beat, over the IKE SA that this pointer stands for. */
static enum edge_verdict ask_as(struct grant *g, const void *who, bool beat)
{
	struct edge_request req = { .group = "video",
				    .beat = beat,
				    .n = !beat };
	struct parent_peer from = { .sa = who, .id = &g->member };
	static struct sigkey *key;
	struct edge_answer ans;
	struct wbuf w;

	if ((!key && sigkey_generate(SIG_ED25519, &key)) ||
	    ep_parse("192.0.2.9", 4500, &from.ep))
		bail("no key");
	wbuf_init(&w, GRANT_MAX);
	if (grant_sign(g, key, &w))
		bail("no grant");
	req.grant[0] = (struct edge_grant){ 0, w.p, w.len };
	parent_request(edges.parent, &from, &req, &ans);
	if (ans.verdict == EDGE_CHALLENGED) {
		memcpy(req.cookie, ans.cookie, sizeof(req.cookie));
		parent_request(edges.parent, &from, &req, &ans);
	}
	wbuf_free(&w);
	return ans.verdict;
}

/* Start a relay that knows another one, with one child or none. */
static void begin_relay(struct grant *g, bool child)
{
	static const struct parent_ops ops = { .verify = take_grant,
					       .edge_add = take_edge,
					       .edge_set = take_edge,
					       .edge_del = drop_edge };
	static const struct clock stop_clock = { stop_mono, stop_wall, NULL };
	static struct app app;
	static struct edge_parent other;
	struct parent_cfg cfg = { .clock = &stop_clock,
				  .tq = &app.tq,
				  .max_children = 1,
				  .n_others = 1,
				  .others = &other };

	ms = 1000;
	stops = 0;
	timerq_init(&app.tq, &stop_clock);
	memset(&edges, 0, sizeof(edges));
	edges.app = &app;
	*g = (struct grant){ .group = "video",
			     .issued = 1800000000,
			     .expires = 1800000600 };
	id_set(&g->member, IKE_ID_FQDN, "a.example", 9);
	if (parent_new(&cfg, &ops, NULL, &edges.parent, NULL) ||
	    parent_add_group(edges.parent, "video"))
		bail("no relay");
	if (child && ask_as(g, g, false) != EDGE_GRANTED)
		bail("no edge");
}

static void end_relay(void)
{
	edge_down_stop(&edges);
	is_int(timerq_next_ms(&edges.app->tq), -1, "a stop leaves no timer");
}

static void test_children_leave(void)
{
	struct grant g;

	begin_relay(&g, false);
	ok(!edge_down_leave(&edges, count_stop, NULL),
	   "a relay without children waits for nobody");
	end_relay();

	begin_relay(&g, true);
	ok(edge_down_leave(&edges, count_stop, NULL),
	   "a relay waits for its child");
	ok(!edge_down_leave(&edges, count_stop, NULL),
	   "a second signal waits for nobody");
	is_int(ask_as(&g, &g, true), EDGE_REDIRECTED,
	       "the next beat is answered with another relay");
	pass_ms(2000);
	is_int((intmax_t)parent_stats(edges.parent)->edges, 1,
	       "the child keeps its edge until it has another one");
	is_int(stops, 0, "the relay has not stopped meanwhile");
	parent_sa_closed(edges.parent, &g);
	pass_ms(101);
	is_int(stops, 1, "the relay stops when the child has left");
	end_relay();

	begin_relay(&g, true);
	edge_down_leave(&edges, count_stop, NULL);
	pass_ms(3000);
	is_int(stops, 0, "a child has the time to find another relay");
	pass_ms(101);
	is_int(stops, 1, "a child without another relay holds up no stop");
	end_relay();

	begin_relay(&g, true);
	edge_down_leave(&edges, count_stop, NULL);
	end_relay();
	is_int(stops, 0, "a stop that does not wait tells nobody of its end");
}

/* ---- an edge whose Sender-IDs go ------------------------------------------- */

static unsigned int in_kernel;
static int add_fails;

static int add_to_kernel(void *ctx, const struct kedge *e, struct err *err)
{
	(void)ctx;
	(void)e;
	if (add_fails)
		return err_set(err, add_fails, "not added");
	in_kernel++;
	return 0;
}

static int set_in_kernel(void *ctx, const struct kedge *e, struct err *err)
{
	(void)ctx;
	return e->n_ranges
		       ? 0
		       : err_set(err, -EINVAL, "no Sender-IDs are taken away");
}

static int del_from_kernel(void *ctx, const char *group, uint32_t id,
			   struct err *err)
{
	(void)ctx;
	(void)group;
	(void)id;
	if (!in_kernel)
		return err_set(err, -ENOENT, "there is no such edge");
	in_kernel--;
	return 0;
}

/* The identity of the grants that are shown, or NULL: that of the IKE SA. */
static const struct ike_id *letters;

/* Ask over the IKE SA @sa with a grant for @n Sender-IDs, behind the cookie. */
static struct edge_answer ask_for(unsigned int n, const struct sigkey *key)
{
	struct edge_request req = { .group = "video", .n = 1 };
	struct grant grant = { .group = "video", .n_ranges = n };
	struct edge_answer ans = { 0 };
	struct wbuf w;

	grant.member = letters ? *letters : *sa.peer_id;
	grant.issued = (uint64_t)clock_wall(clock_system());
	grant.expires = grant.issued + 600;
	wbuf_init(&w, GRANT_MAX);
	if (grant_sign(&grant, key, &w))
		bail("no grant");
	req.grant[0] = (struct edge_grant){ 0, w.p, w.len };
	edge_down_request(&edges, &sa, &sa.path.peer, &req, &ans);
	if (ans.verdict == EDGE_CHALLENGED) {
		memcpy(req.cookie, ans.cookie, sizeof(req.cookie));
		memset(&ans, 0, sizeof(ans));
		edge_down_request(&edges, &sa, &sa.path.peer, &req, &ans);
	}
	wbuf_free(&w);
	return ans;
}

static struct egroup group = { .name = "video", .e = &edges };

/* Start a relay of one group. Returns the key that signs its grants. */
static struct sigkey *begin_edges(void)
{
	static const struct kernel_ops ops = { .edge_add = add_to_kernel,
					       .edge_set = set_in_kernel,
					       .edge_del = del_from_kernel };
	static const struct conf_relay conf = { .max_children = 4 };
	static struct app app = { .kernel.ops = &ops };
	struct sigkey *key;
	struct err err = {};

	memset(&edges, 0, sizeof(edges));
	timerq_init(&app.tq, clock_system());
	edges.app = &app;
	LIST_INSERT_HEAD(&edges.groups, &group, link);
	edge_kernel_init(&edges.kernel, &app.kernel);
	edges.listen[0].local = sa.path.local;
	edges.n_listen = 1;
	if (sigkey_generate(SIG_ED25519, &key) || sigkey_pub(key, &group.key) ||
	    edge_down_start(&edges, &conf, &err) ||
	    parent_add_group(edges.parent, "video"))
		bail("no relay: %s", err.text);
	return key;
}

static void end_edges(struct sigkey *key)
{
	edge_down_stop(&edges);
	edge_kernel_free(&edges.kernel);
	sigpub_free(group.key);
	sigkey_free(key);
}

/* The kernel removes the edge, and does not add it again without Sender-IDs. */
static void test_not_added_again(void)
{
	struct sigkey *key = begin_edges();

	is_int(ask_for(1, key).verdict, EDGE_GRANTED, "a sender has an edge");
	is_int(ask_for(0, key).verdict, EDGE_GRANTED,
	       "a host that sends no more keeps its edge");
	is_int(in_kernel, 1,
	       "the edge was removed and added without Sender-IDs");
	ask_for(1, key);
	add_fails = -ENOMEM;
	is_str(edge_reason_str(ask_for(0, key).reason),
	       edge_reason_str(EDGE_UNKNOWN),
	       "the host is told that the edge could not be added again");
	is_int(in_kernel, 0, "the kernel has no edge");
	is_int((intmax_t)parent_stats(edges.parent)->edges, 0,
	       "the relay has no edge either");
	add_fails = 0;
	is_int(ask_for(0, key).verdict, EDGE_GRANTED,
	       "the host gets another edge when it asks again");
	is_int(in_kernel, 1, "the kernel has the other edge");
	end_edges(key);
	is_int(in_kernel, 0, "a stop removes the edge");
}

/* The IKE SAs of a child have its identity in any letters. */
static void test_letters(void)
{
	struct sigkey *key = begin_edges();
	static struct ike_id other;
	const struct ike_id *was = sa.peer_id;
	struct edge_answer ans;

	is_int(ask_for(1, key).verdict, EDGE_GRANTED, "a child has an edge");
	id_set(&other, IKE_ID_FQDN, "A.eXample", 9);
	sa.peer_id = &other;
	letters = was;
	ans = ask_for(1, key);
	letters = NULL;
	is_int(ans.verdict, EDGE_GRANTED,
	       "the child has an edge by an identity in other letters");
	sa.peer_id = (struct ike_id *)was;
	end_edges(key);
}

/* ---- grants that end before their time --------------------------------------- */

/* The key server has taken out these members until @at. */
static void end_grants(const char *const *names, unsigned int n, uint64_t at)
{
	struct grant_ends ends = { .group = "video",
				   .at = at,
				   .until = at + 600 };

	for (ends.n = 0; ends.n < n; ends.n++) {
		ends.id[ends.n].p = names[ends.n];
		ends.id[ends.n].len = strlen(names[ends.n]);
	}
	edge_down_ends(&edges, &ends);
}

static void test_ended_grants(void)
{
	static const char *const others[] = { "b.example", "a.exampl",
					      "a.example.org" };
	static const char *const child[] = { "a.example" };
	uint64_t now = (uint64_t)clock_wall(clock_system());
	static char text[64][16];
	const char *many[64];
	struct sigkey *key;
	unsigned int i, k;

	key = begin_edges();
	is_int(ask_for(1, key).verdict, EDGE_GRANTED, "a member has an edge");
	/* As the IKE SA has it behind that answer. */
	sa.edge_ends_s = UINT32_MAX;
	end_grants(others, 3, now + 100);
	is_int(in_kernel, 1,
	       "the ends of grants of other members leave the edge");
	end_grants(child, 1, now - 100);
	is_int(in_kernel, 1,
	       "an end from before the grant was issued leaves the edge");
	is_int(sa.edge_ends_s, UINT32_MAX, "the IKE SA has its place still");
	end_grants(child, 1, now + 100);
	is_int(in_kernel, 0, "the edge goes with the grant of its member");
	is_int(sa.edge_ends_s, 0, "the IKE SA keeps no place without the edge");
	is_str(edge_reason_str(ask_for(1, key).reason),
	       edge_reason_str(EDGE_NOT_ENTITLED),
	       "a grant from before the end gets no edge");
	end_grants(child, 1, now - 100);
	is_str(edge_reason_str(ask_for(1, key).reason),
	       edge_reason_str(EDGE_NOT_ENTITLED),
	       "an older message does not give the grant back");
	is_int(edges.ended.n, 4, "each member is noted once");
	for (i = 0; i < 70; i++) {
		for (k = 0; k < 64; k++) {
			snprintf(text[k], sizeof(text[k]), "m%u", 64 * i + k);
			many[k] = text[k];
		}
		end_grants(many, 64, now - 50);
	}
	is_int(edges.ended.n, 4096, "no more than 4096 are noted");
	is_str(edge_reason_str(ask_for(1, key).reason),
	       edge_reason_str(EDGE_NOT_ENTITLED),
	       "the end that lasts longest is kept, whatever was said of it later");
	end_edges(key);
	is_int(edges.ended.n, 0, "a stop forgets all of them");
}

int main(void)
{
	RUN(test_where_it_listens);
	RUN(test_children_leave);
	RUN(test_not_added_again);
	RUN(test_letters);
	RUN(test_ended_grants);
	return done();
}
