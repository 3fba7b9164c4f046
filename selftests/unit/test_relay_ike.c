// SPDX-License-Identifier: Apache-2.0
/*
 * The machines of two relays and a leaf (daemon/relay) over engines of daemon/ike: with
 * certificates, signed grants and all messages.
 */
#include "ike/sa.h"
#include "ike_pair.h"
#include "lib/util.h"
#include "relay/child.h"
#include "relay/parent.h"
#include "tap.h"

static const struct ike_engine_cfg relays = { .relays = true,
					      .rexmit_ms = 200 };

static struct node *node[3]; /* two relays, and the leaf */
static struct parent *parent[2];
static struct child *child;
static struct sigkey *key;
static struct sigpub *pub;
static struct ep peer[2]; /* far end of the edge of each relay */
static unsigned int ranges[2], ups, downs, lost;

/* ---- the relays ---------------------------------------------------------- */

static int relay_of(const void *ctx)
{
	return ctx == node[1];
}

static int verify(void *ctx, const char *group, const uint8_t *p, size_t len)
{
	(void)ctx;
	(void)group;
	return grant_verify(p, len, pub);
}

static int put_edge(void *ctx, const struct parent_edge *e)
{
	peer[relay_of(ctx)] = e->peer;
	ranges[relay_of(ctx)] = e->n_ranges;
	return 0;
}

static void del_edge(void *ctx, const struct parent_edge *e, const char *why)
{
	(void)e;
	(void)why;
	memset(&peer[relay_of(ctx)], 0, sizeof(peer[0]));
}

static void on_request(void *ctx, struct ike_sa *sa, const struct ep *from,
		       const struct edge_request *req, struct edge_answer *ans)
{
	const struct parent_peer who = { sa, ike_sa_peer_id(sa), *from, false };

	parent_request(parent[relay_of(ctx)], &who, req, ans);
}

static void relay_sa_closed(void *ctx, struct ike_sa *sa, const char *reason)
{
	(void)reason;
	parent_sa_closed(parent[relay_of(ctx)], sa);
}

/* ---- the leaf ------------------------------------------------------------ */

static int ask_relay(void *ctx, struct upstream *u,
		     const struct edge_request *req)
{
	struct ike_sa *sa = u->user;
	int ret = 0;

	(void)ctx;
	if (!sa)
		ret = ike_open(node[2]->engine, &node[2]->ep, &u->at.ep,
			       &u->at.id, &sa);
	if (ret)
		return ret;
	u->user = sa;
	ike_sa_set_user(sa, u);
	return ike_ask_edge(sa, req);
}

static void drop_relay(void *ctx, struct upstream *u, const char *why)
{
	struct ike_sa *sa = u->user;

	(void)ctx;
	u->user = NULL;
	if (!sa)
		return;
	ike_sa_set_user(sa, NULL);
	ike_close(sa, why);
}

static int add_up(void *ctx, struct upstream *u, struct err *err)
{
	(void)ctx;
	(void)u;
	(void)err;
	ups++;
	return 0;
}

/* No datagram comes by any edge here. */
static int has_delivered(void *ctx, struct upstream *u)
{
	(void)ctx;
	(void)u;
	return 0;
}

static void del_up(void *ctx, struct upstream *u)
{
	(void)ctx;
	(void)u;
	downs++;
}

static void on_answer(void *ctx, struct ike_sa *sa,
		      const struct edge_answer *ans)
{
	struct upstream *u = ike_sa_user(sa);

	(void)ctx;
	if (u && ans)
		child_answer(child, u, ans);
}

static void leaf_sa_closed(void *ctx, struct ike_sa *sa, const char *reason)
{
	struct upstream *u = ike_sa_user(sa);

	(void)ctx;
	if (!u)
		return;
	lost++;
	u->user = NULL;
	child_failed(child, u, reason);
}

/* ---- all of them --------------------------------------------------------- */

static void make_relay(int i, const char *addr, const char *name)
{
	static const struct parent_ops ops = { .verify = verify,
					       .edge_add = put_edge,
					       .edge_set = put_edge,
					       .edge_del = del_edge };
	struct pki_opt opt = { .kind = PKI_MEMBER, .dns = name, .ca = &ca };
	struct parent_cfg cfg = { .clock = &net.clock,
				  .tq = &net.tq,
				  .max_children = 4 };

	node[i] = node_new(&net, addr, &opt, &ca, &relays);
	node[i]->engine->ops.edge_request = on_request;
	node[i]->engine->ops.sa_closed = relay_sa_closed;
	if (parent_new(&cfg, &ops, node[i], &parent[i], NULL) ||
	    parent_add_group(parent[i], "video"))
		bail("no relay");
}

static void make_leaf(void)
{
	static const struct child_ops ops = { .ask = ask_relay,
					      .drop = drop_relay,
					      .edge_add = add_up,
					      .edge_del = del_up,
					      .delivered = has_delivered };
	struct pki_opt opt = { .kind = PKI_MEMBER,
			       .dns = "leaf.example",
			       .ca = &ca };
	struct edge_parent at[2] = { { .ep = node[0]->ep },
				     { .ep = node[1]->ep } };
	struct ike_id self;
	struct child_cfg cfg = { .clock = &net.clock,
				 .tq = &net.tq,
				 .group = "video",
				 .self = &self,
				 .n_parents = 2,
				 .parents = at };

	id_from_text(&self, "leaf.example");
	id_from_text(&at[0].id, "a.example");
	id_from_text(&at[1].id, "b.example");
	node[2] = node_new(&net, "192.0.2.3", &opt, &ca, &relays);
	node[2]->engine->ops.edge_answer = on_answer;
	node[2]->engine->ops.sa_closed = leaf_sa_closed;
	if (child_new(&cfg, &ops, NULL, &child, NULL))
		bail("no leaf");
}

static void begin(const char *granted)
{
	struct grant g = { .group = "video",
			   .n_ranges = 1,
			   .range = { { 7, 9 } } };
	struct edge_grant show = { 0 };
	struct wbuf w;

	ups = 0;
	downs = 0;
	lost = 0;
	memset(peer, 0, sizeof(peer));
	pair_begin();
	make_relay(0, "192.0.2.1", "a.example");
	make_relay(1, "192.0.2.2", "b.example");
	make_leaf();
	id_from_text(&g.member, granted);
	g.issued = (uint64_t)net.wall;
	g.expires = g.issued + 86400;
	wbuf_init(&w, GRANT_MAX);
	if (grant_sign(&g, key, &w))
		bail("no grant");
	show.p = w.p;
	show.len = w.len;
	child_set_grants(child, &show, 1);
	wbuf_free(&w);
	net_run(&net);
}

static void end(void)
{
	child_free(child);
	net_run(&net);
	is_int(parent_stats(parent[0])->edges + parent_stats(parent[1])->edges,
	       0, "a leaf that ends takes its edges with it");
	/* The engines call the machines until their end. */
	for (int i = 0; i < 3; i++)
		node[i]->engine->ops.sa_closed = NULL;
	for (int i = 0; i < 2; i++)
		parent_free(parent[i]);
	pair_teardown();
}

static void test_edge(void)
{
	begin("leaf.example");
	is_int(parent_stats(parent[0])->edges, 1,
	       "the first relay has an edge");
	ok(ep_equal(&peer[0], &node[2]->ep), "the edge leads to the leaf");
	is_int(ranges[0], 1, "the edge takes the Sender-IDs of the grant");
	is_int(ups, 1, "the leaf has an edge");
	is_int(parent_stats(parent[1])->requests, 0,
	       "the second relay is not asked");
	net_pass(&net, 10000, true);
	ok(parent_stats(parent[0])->beats >= 19, "beats are answered: %u",
	   (unsigned int)parent_stats(parent[0])->beats);
	/* The keys of the IKE SA change under the edge. */
	is_int(ike_rekey(child_parent(child)->user), 0,
	       "the IKE SA is renewed");
	net_pass(&net, 10000, true);
	is_int(ike_engine_stats(node[2]->engine)->rekeyed, 1,
	       "the renewal is complete");
	ok(parent_stats(parent[0])->beats >= 38,
	   "beats are answered after a renewal: %u",
	   (unsigned int)parent_stats(parent[0])->beats);
	is_int(parent_stats(parent[0])->granted, 1,
	       "the edge was granted once");
	is_int(lost, 0, "no IKE SA was lost");
	end();
}

static void test_silent_relay(void)
{
	struct ep there;

	begin("leaf.example");
	net_pass(&net, 3000, true);
	/* No host has the address of the first relay any more. */
	there = node[0]->ep;
	addr_parse("198.51.100.1", &node[0]->ep.addr);
	net_pass(&net, CHILD_SILENT_MS + CHILD_BEAT_MS, true);
	is_int(parent_stats(parent[1])->edges, 1,
	       "the second relay has the edge after two seconds");
	ok(ep_equal(&peer[1], &node[2]->ep),
	   "the edge of the second relay leads to the leaf");
	is_int(ups, 2, "the leaf has installed the second edge");
	net_pass(&net, 2000, true);
	is_int(downs, 1, "the leaf has removed the first edge");
	/* The first relay never got the Delete. */
	node[0]->ep = there;
	is_int(parent_stats(parent[0])->edges, 1,
	       "the first relay knows nothing");
	net_pass(&net, PARENT_LIFETIME_MS, true);
	is_int(parent_stats(parent[0])->edges, 0,
	       "the edge of the first relay expires");
	is_int(parent_stats(parent[1])->edges, 1,
	       "the edge of the second relay stays");
	end();
}

/* A beat is one message more than an IKE SA may have, and ends it. */
static void test_end_while_asked(void)
{
	struct ike_sa *sa;

	begin("leaf.example");
	sa = child_parent(child)->user;
	sa->my_mid = UINT32_MAX;
	net_pass(&net, CHILD_BEAT_MS + 100, true);
	is_int(child_stats(child)->failed, 1, "the parent is given up");
	is_int(downs, 1, "the edge of the IKE SA is removed");
	is_int(ups, 2, "another edge was installed");
	ok(child_parent(child)->user && child_parent(child)->user != sa,
	   "another IKE SA has the new edge");
	is_int(parent_stats(parent[1])->edges, 1,
	       "the second relay has the edge");
	/* No Delete could be sent. */
	net_pass(&net, PARENT_LIFETIME_MS, true);
	end();
}

static void test_not_entitled(void)
{
	begin("other.example");
	is_int(parent_stats(parent[0])->not_entitled, 1,
	       "the first relay refuses the grant of another identity");
	is_int(parent_stats(parent[1])->not_entitled, 1,
	       "the second relay refuses the grant of another identity");
	is_int(parent_stats(parent[0])->verified, 0,
	       "no signature was verified for that");
	is_int(ups, 0, "the leaf has no edge");
	end();
}

int main(void)
{
	if (sigkey_generate(SIG_ED25519, &key) || sigkey_pub(key, &pub))
		bail("no key");
	RUN(test_edge);
	RUN(test_silent_relay);
	RUN(test_end_while_asked);
	RUN(test_not_entitled);
	sigpub_free(pub);
	sigkey_free(key);
	return done();
}
