// SPDX-License-Identifier: Apache-2.0
/* A relay: edges to children that ask for them, and ends of their grants. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/edges.h"
#include "crypto/rand.h"
#include "gcks/identity.h"
#include "ike/psk.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/quota.h"
#include "lib/quote.h"
#include "lib/util.h"
#include "wire/fold.h"

/*
 * Ended grants that are remembered, each until every grant that it ends has expired, ten
 * minutes later.
 */
#define ENDED_MAX 4096
/* A child that asks where no relay listens may do so again after this time. */
#define REFUSED_WAIT_MS 10000

/*
 * A relay that stops looks so often whether its children have left, and waits for them at
 * most so long: a child keeps the edge for a moment when it has another one.
 */
#define LEAVE_LOOK_MS 100
#define LEAVE_MS (3 * CHILD_OVERLAP_MS)

_Static_assert(PARENT_MAX_RANGES == MCSEC_EDGE_RANGES_MAX,
	       "an edge of the machine fits into one of the kernel");

static const struct quota_rule line_rule = {
	.burst = 16,
	.every_ms = 10000,
	.keys = 4096,
};

/* A child can cause few lines, however often it asks. */
static bool may_log_of(struct edges *e, const struct parent_edge *edge)
{
	return quota_take(e->lines, edge->member->data, edge->member->len,
			  clock_mono_ms(clock_system()));
}

/*
 * Write one line about an edge that begins, or ends if there is @why, unless its child
 * has caused many of late.
 */
static void log_edge(struct edges *e, const struct parent_edge *edge,
		     const char *why)
{
	char peer[PEER_STRLEN], id[ID_STR_MAX];

	if (!may_log_of(e, edge))
		return;
	peer_str(id_str(edge->member, id, sizeof(id)), &edge->peer, peer);
	if (why)
		log_group(LOG_LEVEL_INFO, edge->group, "edge ended: %s: %s",
			  peer, why);
	else
		log_group(LOG_LEVEL_INFO, edge->group, "edge granted: %s",
			  peer);
}

/* ---- operations of the machine -------------------------------------------- */

static int verify_grant(void *ctx, const char *group, const uint8_t *p,
			size_t len);

/* Return the socket that a child has asked by, and its IKE SA with it, or NULL. */
static const struct sock *sock_of(struct edges *e, const struct ep *local)
{
	size_t i;

	for (i = 0; i < e->n_listen; i++)
		if (e->listen[i].local.port == local->port &&
		    addr_equal(&e->listen[i].local.addr, &local->addr))
			return &e->listen[i];
	return NULL;
}

static int fill_edge(struct edges *e, const struct parent_edge *from,
		     struct kedge *to)
{
	const struct sock *s = sock_of(e, ike_sa_local(from->sa));
	unsigned int i;

	if (!s)
		return -EADDRNOTAVAIL;
	*to = (struct kedge){
		.id = from->id,
		.has_socket = true,
		.socket = s->fd.fd,
		.peer = from->peer,
		.dir = MCSEC_EDGE_DIR_DOWN,
		.n_ranges = from->n_ranges,
	};
	memcpy(to->group, from->group, strlen(from->group));
	for (i = 0; i < from->n_ranges; i++) {
		to->ranges[i].first = from->range[i].first;
		to->ranges[i].last = from->range[i].last;
	}
	return 0;
}

static int warn_edge(struct edges *e, const struct parent_edge *edge, int ret,
		     const struct err *err)
{
	if (ret && may_log_of(e, edge))
		log_group(LOG_LEVEL_WARN, edge->group, "edge not installed: %s",
			  err->text[0] ? err->text : strerror(-ret));
	return ret;
}

static int add_down_edge(void *ctx, const struct parent_edge *edge)
{
	struct edges *e = ctx;
	struct kedge to;
	struct err err = {};
	int ret = fill_edge(e, edge, &to);

	if (!ret)
		ret = edge_kernel_add(&e->kernel, &to, &err);
	if (!ret)
		log_edge(e, edge, NULL);
	return warn_edge(e, edge, ret, &err);
}

static int set_down_edge(void *ctx, const struct parent_edge *edge)
{
	struct edges *e = ctx;
	const struct kernel *k = &e->app->kernel;
	struct kedge to;
	struct err err = {};
	int ret = fill_edge(e, edge, &to);

	if (ret)
		return ret;
	if (to.n_ranges) {
		ret = k->ops->edge_set(k->ctx, &to, &err);
	} else {
		/* Without Sender-IDs a change would leave those of before. */
		ret = k->ops->edge_del(k->ctx, to.group, to.id, &err);
		if (!ret && edge_kernel_add(&e->kernel, &to, &err))
			ret = -ENOENT;
	}
	return warn_edge(e, edge, ret, &err);
}

static void del_down_edge(void *ctx, const struct parent_edge *edge,
			  const char *why)
{
	struct edges *e = ctx;
	struct err err = {};
	int ret = edge_kernel_del(&e->kernel, edge->group, edge->id, &err);

	if (ret && ret != -ENOENT)
		log_group(LOG_LEVEL_WARN, edge->group, "edge not removed: %s",
			  err.text);
	/* Each edge has the IKE SA of edge_down_request(). */
	ike_sa_edge_ended((struct ike_sa *)edge->sa);
	log_edge(e, edge, why);
}

static void below_changed(void *ctx, const char *group)
{
	struct egroup *g = edges_find(ctx, group);

	if (g)
		edge_grants_show(g);
}

static void tell_child(void *ctx, const struct parent_edge *edge,
		       const struct edge_answer *ans)
{
	/* Each edge has the IKE SA of edge_down_request(). */
	int ret = ike_tell_edge((struct ike_sa *)edge->sa, ans);

	(void)ctx;
	if (ret)
		log_group(LOG_LEVEL_DEBUG, edge->group,
			  "edge peer: not told that the relay ends: %s",
			  strerror(-ret));
}

static const struct parent_ops parent_ops = {
	.verify = verify_grant,
	.edge_add = add_down_edge,
	.edge_set = set_down_edge,
	.edge_del = del_down_edge,
	.below = below_changed,
	.tell = tell_child,
};

void edge_down_request(struct edges *e, struct ike_sa *sa,
		       const struct ep *from, const struct edge_request *req,
		       struct edge_answer *ans)
{
	const struct ike_id *id = ike_sa_peer_id(sa);
	struct ike_id folded;
	const struct parent_peer who = {
		.sa = sa,
		.id = &folded,
		.ep = *from,
		.elsewhere = !ike_sa_behind_nat(sa) &&
			     !ep_equal(from, ike_sa_peer(sa)),
	};

	/* The identity of an IKE SA has only the octets that it needs. */
	id_set(&folded, id->type, id->data, id->len);
	id_fold(&folded);
	/* The sockets that this host asks its own parents by are none of its relay. */
	if (!sock_of(e, ike_sa_local(sa))) {
		*ans = (struct edge_answer){ .verdict = EDGE_REFUSED,
					     .reason = EDGE_NO_GROUP,
					     .wait_ms = REFUSED_WAIT_MS };
		return;
	}
	parent_request(e->parent, &who, req, ans);
}

/* ---- ends of grants ------------------------------------------------------- */

static struct ended_grant *ended_of(const struct hnode *n)
{
	return (void *)((char *)n - offsetof(struct ended_grant, node));
}

static uint64_t hash_of_member(const char *group, const char *identity,
			       size_t len)
{
	return fnv1a(fnv1a(FNV1A_BASIS, group, strlen(group)), identity, len);
}

static uint64_t hash_of_ended(const struct hnode *n)
{
	const struct ended_grant *x = ended_of(n);

	return hash_of_member(x->group, x->identity, strlen(x->identity));
}

static struct ended_grant *find_ended(const struct edges *e, const char *group,
				      const char *identity, size_t len)
{
	struct hnode *n =
		htab_first(&e->ended, hash_of_member(group, identity, len));
	struct ended_grant *x;

	for (; n; n = n->next) {
		x = ended_of(n);
		if (!strcmp(x->group, group) && strlen(x->identity) == len &&
		    !memcmp(x->identity, identity, len))
			return x;
	}
	return NULL;
}

/* Return true if the key server has ended the grant before its time. */
static bool is_ended(void *arg, const struct grant *grant)
{
	const struct edges *e = arg;
	const struct ended_grant *x;
	char id[GRANT_ID_MAX];

	if (!e->ended.n)
		return false;
	/* An identity without a text cannot be named by the key server either. */
	if (identity_of(&grant->member, id, sizeof(id)))
		return false;
	x = find_ended(e, grant->group, id, strlen(id));
	return x && grant->issued <= x->at;
}

static int verify_grant(void *ctx, const char *group, const uint8_t *p,
			size_t len)
{
	const struct egroup *g = edges_find(ctx, group);
	struct grant grant;
	int ret = g && g->key ? grant_verify(p, len, g->key) : -ENOKEY;

	if (!ret)
		ret = grant_parse(p, len, &grant);
	return !ret && is_ended(ctx, &grant) ? -EKEYREVOKED : ret;
}

static void forget_ended(struct edges *e, struct ended_grant *x)
{
	htab_del(&e->ended, &x->node);
	free(x);
}

/* Forget ended grants that have expired at @time, in seconds since 1970. */
static void drop_until(struct edges *e, uint64_t time)
{
	struct htab_walk walk = {};
	struct hnode *n;

	while ((n = htab_each(&e->ended, &walk)))
		if (ended_of(n)->until <= time)
			forget_ended(e, ended_of(n));
}

/* Drop the one that is forgotten next. */
static void drop_first(struct edges *e)
{
	struct ended_grant *x, *first = NULL;
	struct htab_walk walk = {};
	struct hnode *n;

	while ((n = htab_each(&e->ended, &walk))) {
		x = ended_of(n);
		if (!first || x->until < first->until)
			first = x;
	}
	if (first)
		forget_ended(e, first);
}

static int note_ended(struct edges *e, const struct grant_ends *ends,
		      unsigned int i)
{
	const char *identity = (const char *)ends->id[i].p;
	size_t len = ends->id[i].len;
	struct ended_grant *x = find_ended(e, ends->group, identity, len);

	if (!x) {
		if (e->ended.n >= ENDED_MAX)
			drop_first(e);
		x = calloc(1, sizeof(*x) + len + 1);
		if (!x)
			return -ENOMEM;
		memcpy(x->group, ends->group, sizeof(x->group));
		memcpy(x->identity, identity, len);
		htab_add(&e->ended, &x->node);
	}
	/* The key server repeats what it has said; another eviction may be later. */
	if (ends->at > x->at)
		x->at = ends->at;
	if (ends->until > x->until)
		x->until = ends->until;
	return 0;
}

void edge_down_ends(struct edges *e, const struct grant_ends *ends)
{
	unsigned int i;

	if (!e->parent)
		return;
	drop_until(e, (uint64_t)clock_wall(clock_system()));
	for (i = 0; i < ends->n; i++)
		if (note_ended(e, ends, i))
			log_group(LOG_LEVEL_ERR, ends->group,
				  "grant not ended: out of memory");
	parent_recheck(e->parent, is_ended, e);
}

/* ---- what the kernel has -------------------------------------------------- */

/* Numbers of the edges that the kernel has of a group. */
struct kernel_ids {
	const char *group;
	uint32_t *v;
	size_t n, size;
	bool failed;
	/* IKE SAs of edges that it does not have. */
	const void **gone;
	size_t n_gone;
};

static int note_id(void *arg, const struct kedge *e)
{
	struct kernel_ids *k = arg;
	uint32_t *v;

	if (k->n == k->size) {
		k->size = k->size ? 2 * k->size : 64;
		v = realloc(k->v, k->size * sizeof(*v));
		if (!v)
			return -ENOMEM;
		k->v = v;
	}
	k->v[k->n++] = e->id;
	return 0;
}

static int compare_edge_ids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void find_gone(void *arg, const struct parent_edge *edge)
{
	struct kernel_ids *k = arg;

	if (!strcmp(edge->group, k->group) &&
	    !bsearch(&edge->id, k->v, k->n, sizeof(*k->v), compare_edge_ids))
		k->gone[k->n_gone++] = edge->sa;
}

/*
 * End the edges of @g that the kernel does not have any more. The child is told with its
 * next beat, and asks for another one.
 */
static void look_at_group(struct edges *e, const struct egroup *g)
{
	const struct kernel *kernel = &e->app->kernel;
	size_t edges = parent_stats(e->parent)->edges;
	struct kernel_ids k = { .group = g->name };
	struct err err;
	int ret;

	if (!edges)
		return;
	k.gone = calloc(edges, sizeof(const void *));
	ret = k.gone ? kernel->ops->edge_dump(kernel->ctx, g->name, note_id, &k,
					      &err)
		     : -ENOMEM;
	if (!ret || ret == -ENOENT) {
		if (k.n)
			qsort(k.v, k.n, sizeof(*k.v), compare_edge_ids);
		parent_each_edge(e->parent, find_gone, &k);
	}
	while (k.n_gone)
		parent_edge_lost(e->parent, k.gone[--k.n_gone]);
	free(k.gone);
	free(k.v);
}

void edge_down_check(struct edges *e, bool ask_kernel)
{
	const struct egroup *g;

	if (!e->parent)
		return;
	parent_recheck(e->parent, NULL, NULL);
	LIST_FOREACH(g, &e->groups, link)
		if (ask_kernel && g->served)
			look_at_group(e, g);
}

/* ---- start and stop ------------------------------------------------------ */

static int fill_others(const struct conf_parents *from, struct edge_parent *to,
		       struct err *err)
{
	size_t i;

	for (i = 0; i < from->n; i++) {
		to[i].ep = from->v[i].at;
		if (peer_id_parse(&to[i].id, from->v[i].id))
			return err_set(err, -EINVAL,
				       "member.relay.others.id: %s is neither a DNS name, a mail address nor an IP address",
				       from->v[i].id);
	}
	return 0;
}

int edge_down_start(struct edges *e, const struct conf_relay *conf,
		    struct err *err)
{
	struct edge_parent others[EDGE_MAX_PARENTS];
	struct parent_cfg cfg = {
		.clock = clock_system(),
		.tq = &e->app->tq,
		.max_children = conf->max_children,
		.n_others = (unsigned int)conf->others.n,
		.others = others,
	};
	int ret = rand_bytes(&cfg.seed, sizeof(cfg.seed));

	htab_init(&e->ended, hash_of_ended);
	if (ret)
		return err_set(err, ret, "no random octets");
	ret = fill_others(&conf->others, others, err);
	if (ret)
		return ret;
	e->lines = quota_new(&line_rule, cfg.seed);
	if (!e->lines)
		return err_set(err, -ENOMEM, "out of memory");
	return parent_new(&cfg, &parent_ops, e, &e->parent, err);
}

static unsigned long long children_of(const struct edges *e)
{
	return e->parent ? parent_stats(e->parent)->edges : 0;
}

static void on_leave(void *arg)
{
	struct timerq *tq;
	struct edges *e = arg;

	tq = &e->app->tq;
	if (children_of(e) && clock_mono_ms(tq->clock) < e->leave_until_ms) {
		timer_set(tq, &e->leave, LEAVE_LOOK_MS);
		return;
	}
	if (children_of(e))
		log_info("relay stopped: %llu children have found no other one",
			 children_of(e));
	e->left(e->left_arg);
}

bool edge_down_leave(struct edges *e, void (*done)(void *arg), void *arg)
{
	struct timerq *tq = &e->app->tq;

	if (!children_of(e) || e->left)
		return false;
	log_info("relay stopping: %llu children are sent to others",
		 children_of(e));
	parent_leave(e->parent);
	e->left = done;
	e->left_arg = arg;
	e->leave_until_ms = clock_mono_ms(tq->clock) + LEAVE_MS;
	timer_init(&e->leave, on_leave, e);
	timer_set(tq, &e->leave, LEAVE_LOOK_MS);
	return true;
}

void edge_down_stop(struct edges *e)
{
	if (e->left)
		timer_del(&e->app->tq, &e->leave);
	parent_free(e->parent);
	e->parent = NULL;
	drop_until(e, UINT64_MAX);
	htab_free(&e->ended);
	quota_free(e->lines);
	e->lines = NULL;
}
