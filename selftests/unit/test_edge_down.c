// SPDX-License-Identifier: Apache-2.0
/* Where a relay serves children (daemon/app/edge_down.c). */
#include "app/edges.h"
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

int main(void)
{
	RUN(test_where_it_listens);
	return done();
}
