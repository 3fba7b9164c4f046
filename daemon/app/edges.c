// SPDX-License-Identifier: Apache-2.0
/* Edges of this host: start, stop, reload, sockets and IKE SAs; see app/edges.h. */
#include "app/edges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/cert.h"
#include "crypto/rand.h"
#include "crypto/sign.h"
#include "ike/psk.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/quota.h"
#include "lib/quote.h"
#include "lib/util.h"
#include "member/member.h"

/* Intervals of looks at grants, and at all edges that the kernel has of a relay. */
#define TICK_MS 500
#define KERNEL_MS 5000
/* A relay that is gone has to be noticed soon. */
#define EDGE_REXMIT_MS 250
/* IKE SAs of one child: one for each group, and former ones. */
#define SAS_PER_CHILD 64

static const struct quota_rule stranger_rule = {
	.burst = 10,
	.every_ms = 10000,
	.keys = 1,
};

/* ---- IKE ----------------------------------------------------------------- */

static struct sock *sock_at(struct edges *e, const struct ep *from)
{
	bool v6 = from->addr.family == AF_INET6;
	struct egroup *g;
	size_t i;

	for (i = 0; i < e->n_listen; i++)
		if (e->listen[i].local.port == from->port &&
		    addr_equal(&e->listen[i].local.addr, &from->addr))
			return &e->listen[i];
	LIST_FOREACH(g, &e->groups, link)
		if (g->sock[v6].app && g->sock[v6].local.port == from->port)
			return &g->sock[v6];
	return NULL;
}

static void edges_send(void *ctx, const struct ep *from, const struct ep *to,
		       const uint8_t *p, size_t len)
{
	struct sock *s = sock_at(ctx, from);

	if (s)
		app_sock_send(s, from, to, p, len);
}

/* IKE uses the ports of edges from its first message, so no NAT makes it change to 4500. */
static bool hears_no_natt(void *ctx, const struct ep *local)
{
	(void)ctx;
	(void)local;
	return false;
}

static void on_edge_request(void *ctx, struct ike_sa *sa, const struct ep *from,
			    const struct edge_request *req,
			    struct edge_answer *ans)
{
	edge_down_request(ctx, sa, from, req, ans);
}

static void on_edge_answer(void *ctx, struct ike_sa *sa,
			   const struct edge_answer *ans)
{
	struct up_sa *up = ike_sa_user(sa);

	(void)ctx;
	if (up)
		edge_up_answer(up, ans);
}

static void on_edge_news(void *ctx, struct ike_sa *sa,
			 const struct edge_answer *ans)
{
	struct up_sa *up = ike_sa_user(sa);

	(void)ctx;
	if (up)
		child_told(up->g->child, up->u, ans);
}

static void on_edge_closed(void *ctx, struct ike_sa *sa, const char *reason)
{
	struct up_sa *up = ike_sa_user(sa);
	struct edges *e = ctx;

	if (up)
		edge_up_closed(up, reason);
	else if (e->parent)
		parent_sa_closed(e->parent, sa);
}

static void edges_event(void *ctx, const struct ike_event *ev)
{
	struct edges *e = ctx;
	char peer[PEER_STRLEN];

	peer_str(ev->peer_name, ev->peer, peer);
	if (ev->type == IKE_EV_UP || ev->type == IKE_EV_CLOSED ||
	    ev->type == IKE_EV_REQUEST_REFUSED) {
		log_debug("edge peer: %s: %s", peer, ev->text);
		return;
	}
	if (!quota_take(e->strangers, "", 1, clock_mono_ms(clock_system())))
		return;
	if (ev->type == IKE_EV_AUTH_FAILED)
		log_warn("authentication failed: edge: %s: %s", peer, ev->text);
	else if (ev->type == IKE_EV_REFUSED)
		log_warn("refused by peer: edge: %s: %s", peer, ev->text);
	else
		log_warn("limit reached: edge: %s: %s", peer, ev->text);
}

static const struct ike_ops edges_ops = {
	.send = edges_send,
	.hears_natt = hears_no_natt,
	.edge_request = on_edge_request,
	.edge_answer = on_edge_answer,
	.edge_news = on_edge_news,
	.sa_closed = on_edge_closed,
	.event = edges_event,
};

static int start_engine(struct edges *e, struct err *err)
{
	const struct conf_member *c = e->app->conf->member;
	struct ike_engine_cfg cfg = app_engine_cfg(e->app);
	int ret;

	/* Relays and children know each other by certificates alone. */
	cfg.psks = NULL;
	cfg.ppks = NULL;
	cfg.relays = true;
	cfg.responder = c->relay;
	cfg.rexmit_ms = EDGE_REXMIT_MS;
	cfg.max_per_identity = SAS_PER_CHILD;
	if (c->relay)
		cfg.max_sas = 2 * c->relay->max_children + SAS_PER_CHILD;
	cfg.lifetime_ms = c->sa_lifetime * MSEC_PER_SEC;
	cfg.rekey_ms = c->sa_rekey * MSEC_PER_SEC;
	cfg.fragment_size = c->fragment_size;
	cfg.addke = app_addke(&c->addke);
	ret = ike_engine_new(&cfg, &edges_ops, e, &e->engine);
	return ret ? err_set(err, ret, "IKE of edges: %s", strerror(-ret)) : 0;
}

static int open_relay(struct edges *e, const struct conf_relay *c,
		      struct err *err)
{
	struct err why = {};
	size_t i;
	int ret;

	for (i = 0; i < c->n_listen; i++) {
		ret = app_open_sock(e->app, &e->listen[i], &c->listen[i],
				    &e->engine, &why);
		if (ret)
			return err_set(err, ret, "member.relay.listen: %s",
				       why.text);
		e->listen[i].marked = true;
		e->n_listen++;
	}
	return edge_down_start(e, c, err);
}

/* ---- groups -------------------------------------------------------------- */

static void free_egroup(struct egroup *g)
{
	edge_grants_forget(g);
	edge_up_stop(g);
	LIST_REMOVE(g, link);
	free(g);
}

static int fill_parents(struct egroup *g, const struct conf_mgroup *c,
			struct err *err)
{
	size_t i;

	for (i = 0; i < c->parents.n; i++) {
		g->parents[i].ep = c->parents.v[i].at;
		if (peer_id_parse(&g->parents[i].id, c->parents.v[i].id))
			return err_set(err, -EINVAL,
				       "group %s: parents.id: %s is neither a DNS name, a mail address nor an IP address",
				       c->name, c->parents.v[i].id);
	}
	g->n_parents = (unsigned int)c->parents.n;
	return 0;
}

static int add_egroup(struct edges *e, const struct conf_mgroup *c,
		      struct err *err)
{
	struct egroup *g = calloc(1, sizeof(*g));
	int ret;

	if (!g)
		return err_set(err, -ENOMEM, "out of memory");
	g->e = e;
	g->relay = c->relay;
	memcpy(g->name, c->name, strnlen(c->name, GRANT_GROUP_MAX));
	LIST_INSERT_HEAD(&e->groups, g, link);
	ret = fill_parents(g, c, err);
	if (!ret && g->n_parents)
		ret = edge_up_start(g, err);
	if (ret)
		free_egroup(g);
	return ret;
}

/*
 * Ask other relays with the grant that is there. The children of a relay keep their edges,
 * which have nothing to do with those that it asks itself.
 */
static int change_parents(struct egroup *g, const struct conf_mgroup *c,
			  struct err *err)
{
	int ret;

	edge_up_stop(g);
	ret = fill_parents(g, c, err);
	if (!ret && g->n_parents)
		ret = edge_up_start(g, err);
	if (ret) {
		/* The next reload finds a difference, and tries again. */
		edge_up_stop(g);
		g->n_parents = 0;
	}
	edge_grants_show(g);
	return ret;
}

static bool same_parents(const struct egroup *g, const struct conf_mgroup *c)
{
	struct ike_id id;
	size_t i;

	if (g->n_parents != c->parents.n)
		return false;
	for (i = 0; i < c->parents.n; i++)
		if (!ep_equal(&g->parents[i].ep, &c->parents.v[i].at) ||
		    peer_id_parse(&id, c->parents.v[i].id) ||
		    !id_equal(&g->parents[i].id, &id))
			return false;
	return true;
}

/* ---- the clock ----------------------------------------------------------- */

static int note_membership(void *arg, const struct member_group_status *s)
{
	struct egroup *g = edges_find(arg, s->conf->name);

	if (!g || s->removed)
		return 0;
	g->in = member_state_is_in(s->state);
	g->n_sids = s->n_sender_ids;
	g->first_sid = s->n_sender_ids ? s->first_sender_id : 0;
	return 0;
}

static void run_edges(void *arg)
{
	struct edges *e = arg;
	uint64_t now = clock_mono_ms(clock_system());
	bool kernel = now - e->checked_ms >= KERNEL_MS;
	struct egroup *g;

	LIST_FOREACH(g, &e->groups, link)
		g->in = false;
	member_each_group(e->app->member, note_membership, e);
	LIST_FOREACH(g, &e->groups, link)
		edge_grants_run(g);
	edge_kernel_retry(&e->kernel);
	edge_down_check(e, kernel);
	if (kernel)
		e->checked_ms = now;
	timer_set(&e->app->tq, &e->tick, TICK_MS);
}

void app_wake_edges(struct app *a)
{
	if (a->edges)
		timer_set(&a->tq, &a->edges->tick, 0);
}

/* ---- grants -------------------------------------------------------------- */

void app_edges_grant(struct app *a, struct ike_sa *sa,
		     const struct grant_answer *ans)
{
	if (a->edges)
		edge_grants_answer(a->edges, sa, ans);
}

void app_edges_ends(struct app *a, const struct grant_ends *ends)
{
	if (a->edges)
		edge_down_ends(a->edges, ends);
}

void app_edges_crls(struct app *a)
{
	if (a->edges && a->edges->engine)
		ike_engine_close_revoked(a->edges->engine);
}

/* ---- start, reload, stop ------------------------------------------------- */

static int make_edges(struct app *a, struct err *err)
{
	const struct conf_member *c = a->conf->member;
	struct edges *e = calloc(1, sizeof(*e));
	const uint8_t *data;
	uint64_t seed = 0;
	uint8_t type;
	size_t len;
	int ret;

	if (!e)
		return err_set(err, -ENOMEM, "out of memory");
	a->edges = e;
	e->app = a;
	LIST_INIT(&e->groups);
	edge_kernel_init(&e->kernel, &a->kernel);
	timer_init(&e->tick, run_edges, e);
	cert_chain_id(a->chain, &type, &data, &len);
	ret = id_set(&e->self, type, data, len);
	if (!ret)
		ret = rand_bytes(&seed, sizeof(seed));
	e->strangers = ret ? NULL : quota_new(&stranger_rule, seed);
	if (!e->strangers)
		return err_set(err, ret ? ret : -ENOMEM, "edges: %s",
			       strerror(ret ? -ret : ENOMEM));
	ret = start_engine(e, err);
	if (!ret && c->relay)
		ret = open_relay(e, c->relay, err);
	return ret;
}

bool app_leave_edges(struct app *a, void (*done)(void *arg), void *arg)
{
	return a->edges && edge_down_leave(a->edges, done, arg);
}

void app_stop_edges(struct app *a)
{
	struct edges *e = a->edges;
	size_t i;

	if (!e)
		return;
	timer_del(&a->tq, &e->tick);
	while (!LIST_EMPTY(&e->groups))
		free_egroup(LIST_FIRST(&e->groups));
	/* A Delete to each child lets it change to another relay at once. */
	app_close_sas(e->engine);
	edge_down_stop(e);
	ike_engine_free(e->engine);
	e->engine = NULL;
	for (i = 0; i < e->n_listen; i++)
		app_close_sock(a, &e->listen[i]);
	edge_kernel_free(&e->kernel);
	quota_free(e->strangers);
	a->edges = NULL;
	free(e);
}

/* Follow the configuration. Returns 0, or the first error. */
static int follow_conf(struct app *a, struct err *err)
{
	const struct conf_member *c = a->conf->member;
	struct err why = {};
	int ret = 0, one; /* @one is of this group */
	size_t i;

	for (i = 0; i < c->n_groups; i++) {
		const struct conf_mgroup *m = &c->groups[i];

		if (!m->relay && !m->parents.n)
			continue;
		one = a->edges ? 0 : make_edges(a, &why);
		if (one) {
			/* The next groups need the same sockets. */
			app_stop_edges(a);
			return err_set(err, one, "%s", why.text);
		}
		if (!edges_find(a->edges, m->name))
			one = add_egroup(a->edges, m, &why);
		if (one && !ret)
			ret = err_set(err, one, "%s", why.text);
	}
	return ret;
}

int app_start_edges(struct app *a, struct err *err)
{
	int ret = follow_conf(a, err);

	if (!ret && a->edges)
		run_edges(a->edges);
	return ret;
}

void app_reload_edges(struct app *a)
{
	const struct conf_mgroup *c;
	struct egroup *g, *next;
	struct err err = {};

	for (g = a->edges ? LIST_FIRST(&a->edges->groups) : NULL; g; g = next) {
		next = LIST_NEXT(g, link);
		c = conf_find_mgroup(a->conf->member, g->name);
		if (!c || g->relay != c->relay || (!c->relay && !c->parents.n))
			free_egroup(g);
		else if (!same_parents(g, c) && change_parents(g, c, &err))
			log_err("edges not changed: %s", err.text);
	}
	if (follow_conf(a, &err))
		log_err("edges not changed: %s", err.text);
	app_wake_edges(a);
}

void app_each_edge_group(struct app *a, edge_group_fn *fn, void *arg)
{
	struct edge_group_status s;
	const struct egroup *g;

	if (!a->edges)
		return;
	LIST_FOREACH(g, &a->edges->groups, link) {
		s = (struct edge_group_status){
			.group = g->name,
			.granted = g->len > 0,
			.expires = g->len ? g->grant.expires : 0,
			.refusal = !g->len && g->verdict > GRANT_GIVEN
					   ? grant_verdict_str(g->verdict)
					   : NULL,
			.relays = g->served,
			.child = g->child,
		};
		fn(arg, &s);
	}
}

const struct parent *app_relay(const struct app *a)
{
	return a->edges ? a->edges->parent : NULL;
}
