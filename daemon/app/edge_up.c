// SPDX-License-Identifier: Apache-2.0
/* A child: asks relays for an edge of a group, and has it in the kernel. */
#include <errno.h>
#include <string.h>

#include "app/edges.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/quote.h"

/* First number of edges to parents; those to children have numbers from 1 on. */
#define UP_ID (PARENT_MAX_ID + 1)

static uint32_t id_of_up(const struct upstream *u)
{
	return UP_ID + u->place;
}

static struct sock *sock_towards(struct egroup *g, const struct ep *peer)
{
	struct sock *s = &g->sock[peer->addr.family == AF_INET6];

	return s->app ? s : NULL;
}

/* ---- operations of the machine -------------------------------------------- */

static int open_up(struct egroup *g, struct upstream *u)
{
	const struct sock *s = sock_towards(g, &u->at.ep);
	struct up_sa *up = &g->up[u->place];
	struct ep local = { 0 };
	int ret;

	if (!s)
		return -EAFNOSUPPORT;
	ret = udp_source(&u->at.ep, &local.addr);
	if (ret)
		return ret;
	local.port = s->local.port;
	ret = ike_open(g->e->engine, &local, &u->at.ep, &u->at.id, &up->sa);
	if (ret) {
		up->sa = NULL;
		return ret;
	}
	up->g = g;
	up->u = u;
	ike_sa_set_user(up->sa, up);
	return 0;
}

static int ask_relay(void *ctx, struct upstream *u,
		     const struct edge_request *req)
{
	struct egroup *g = ctx;
	struct up_sa *up = &g->up[u->place];
	int ret = up->sa ? 0 : open_up(g, u);

	return ret ? ret : ike_ask_edge(up->sa, req);
}

static void drop_relay(void *ctx, struct upstream *u, const char *why)
{
	struct egroup *g = ctx;
	struct ike_sa *sa = g->up[u->place].sa;

	if (!sa)
		return;
	g->up[u->place].sa = NULL;
	ike_sa_set_user(sa, NULL);
	ike_close(sa, why);
}

static int add_up_edge(void *ctx, struct upstream *u, struct err *err)
{
	struct egroup *g = ctx;
	const struct sock *s = sock_towards(g, &u->at.ep);
	struct kedge edge = {
		.id = id_of_up(u),
		.has_socket = true,
		.socket = s->fd.fd,
		.peer = u->at.ep,
		.dir = MCSEC_EDGE_DIR_UP,
	};
	int ret;

	memcpy(edge.group, g->name, sizeof(g->name));
	ret = edge_kernel_add(&g->e->kernel, &edge, err);
	if (ret)
		log_group(LOG_LEVEL_WARN, g->name, "edge not installed: %s",
			  err->text);
	g->heard = 0;
	return ret;
}

static void del_up_edge(void *ctx, struct upstream *u)
{
	struct egroup *g = ctx;
	struct err err = {};
	int ret = edge_kernel_del(&g->e->kernel, g->name, id_of_up(u), &err);

	if (ret && ret != -ENOENT)
		log_group(LOG_LEVEL_WARN, g->name, "edge not removed: %s",
			  err.text);
}

static int has_delivered(void *ctx, struct upstream *u)
{
	struct egroup *g = ctx;
	const struct kernel *k = &g->e->app->kernel;
	struct err err = {};
	struct kedge edge;
	int ret = k->ops->edge_get(k->ctx, g->name, id_of_up(u), &edge, &err);

	if (ret)
		return ret;
	ret = edge.in_packets != g->heard;
	g->heard = edge.in_packets;
	return ret;
}

static void note_parent_change(void *ctx, const struct upstream *u,
			       enum edge_reason reason, const char *why)
{
	char peer[PEER_STRLEN], id[ID_STR_MAX];
	struct egroup *g = ctx;
	bool up = u->state == UPSTREAM_UP;

	if (reason == EDGE_NOT_ENTITLED)
		g->needs_new = true;
	peer_str(id_str(&u->at.id, id, sizeof(id)), &u->at.ep, peer);
	if (up)
		log_group(LOG_LEVEL_INFO, g->name, "relay used: %s: %s", peer,
			  why);
	else
		log_group(LOG_LEVEL_WARN, g->name, "relay not used: %s: %s",
			  peer, why);
}

static const struct child_ops child_ops = {
	.ask = ask_relay,
	.drop = drop_relay,
	.edge_add = add_up_edge,
	.edge_del = del_up_edge,
	.delivered = has_delivered,
	.changed = note_parent_change,
};

/* ---- events -------------------------------------------------------------- */

void edge_up_answer(struct up_sa *up, const struct edge_answer *ans)
{
	if (ans)
		child_answer(up->g->child, up->u, ans);
	else
		child_failed(up->g->child, up->u, "is no relay");
}

void edge_up_closed(struct up_sa *up, const char *reason)
{
	up->sa = NULL;
	child_failed(up->g->child, up->u, reason);
}

/* ---- start and stop ------------------------------------------------------ */

static bool has_family(const struct egroup *g, int family)
{
	unsigned int i;

	for (i = 0; i < g->n_parents; i++)
		if (g->parents[i].ep.addr.family == family)
			return true;
	return false;
}

int edge_up_start(struct egroup *g, struct err *err)
{
	static const int families[2] = { AF_INET, AF_INET6 };
	struct child_cfg cfg = {
		.clock = clock_system(),
		.tq = &g->e->app->tq,
		.group = g->name,
		.self = &g->e->self,
		.n_parents = g->n_parents,
		.parents = g->parents,
	};
	struct ep any = { 0 };
	int i, ret;

	for (i = 0; i < 2; i++) {
		addr_set(&any.addr, families[i], &in6addr_any);
		ret = app_open_sock(g->e->app, &g->sock[i], &any, &g->e->engine,
				    err);
		if (ret && has_family(g, families[i]))
			return ret;
		g->sock[i].marked = true;
	}
	return child_new(&cfg, &child_ops, g, &g->child, err);
}

void edge_up_stop(struct egroup *g)
{
	int i;

	child_free(g->child);
	g->child = NULL;
	for (i = 0; i < 2; i++)
		app_close_sock(g->e->app, &g->sock[i]);
}
