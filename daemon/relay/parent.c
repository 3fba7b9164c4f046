// SPDX-License-Identifier: Apache-2.0
#include "relay/parent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "crypto/rand.h"
#include "lib/clock.h"
#include "lib/quota.h"
#include "lib/secret.h"
#include "lib/timer.h"
#include "lib/util.h"
#include "relay/childtab.h"
#include "relay/grants.h"
#include "relay/proof.h"

/* Times after which a child may ask again, in milliseconds. */
#define WAIT_BUSY_MS 1000
/*
 * Where all hosts start at once a child may ask before the relay has its own grant. One
 * that is refused again and again waits longer by itself.
 */
#define WAIT_GROUP_MS 1000
#define WAIT_FULL_MS 10000
#define WAIT_OTHER_MS 10000

/* Least time between two looks at what is below, which cost a step for each edge. */
#define BELOW_PAUSE_MS 100

/* Why an edge ends that the kernel has not. */
#define LOST_EDGE "the kernel does not have it any more"

/*
 * A child that was silent for so long has missed the beat that is due in each third of an
 * edge's lifetime, also while datagrams come. If the relay is full, it gives way to a new
 * edge of the same identity.
 */
#define SILENT_MS (PARENT_LIFETIME_MS / 3 + 2000)

/*
 * Signatures that are verified: the grants of two full requests at once, then two a
 * second, and of all identities as many as cost a tenth of a CPU with RSA.
 */
static const struct quota_rule verify_rule = {
	.burst = 2 * EDGE_MAX_GRANTS,
	.every_ms = 500,
	.keys = 4096,
};

static const struct quota_rule verify_all_rule = {
	.burst = 2048,
	.every_ms = 2,
	.keys = 1,
};

/* A NAT forgets a mapping now and then, and not twice a second. */
static const struct quota_rule move_rule = {
	.burst = 4,
	.every_ms = 2000,
	.keys = 4096,
};

struct relayed_group {
	TAILQ_ENTRY(relayed_group) link;
	char name[GRANT_GROUP_MAX + 1];
	bool changed; /* the operation below() is due */
};

TAILQ_HEAD(relayed_groups, relayed_group);

struct parent {
	struct parent_cfg cfg;
	struct parent_ops ops;
	void *ctx;
	bool leaving;
	uint32_t last_id;
	struct relayed_groups groups;
	struct childtab edges;
	struct timer expiry;
	struct timer below;
	uint64_t told_ms; /* when the operation below() was called last */
	struct quota *verify, *verify_all, *moves;
	struct edge_parent others[EDGE_MAX_PARENTS];
	uint8_t secret[PROOF_SECRET_LEN];
	struct parent_stats stats;
};

static uint64_t parent_now(const struct parent *p)
{
	return clock_mono_ms(p->cfg.clock);
}

/* ---- edges --------------------------------------------------------------- */

static void on_below(void *arg)
{
	struct parent *p = arg;
	struct relayed_group *g;

	p->told_ms = parent_now(p);
	TAILQ_FOREACH(g, &p->groups, link) {
		if (!g->changed)
			continue;
		g->changed = false;
		p->ops.below(p->ctx, g->name);
	}
}

/*
 * Note that the grants below @g have changed. That is told soon, and once for all edges
 * that begin or end meanwhile.
 */
static void tell_below(struct parent *p, struct relayed_group *g)
{
	uint64_t now = parent_now(p), due = p->told_ms + BELOW_PAUSE_MS;

	if (!p->ops.below)
		return;
	g->changed = true;
	if (!timer_armed(&p->below))
		timer_set(p->cfg.tq, &p->below, due > now ? due - now : 0);
}

static void free_edge(struct child_edge *e)
{
	grant_set_clear(&e->grants);
	free(e->member);
	free(e);
}

static void end_edge(struct parent *p, struct child_edge *e, const char *why)
{
	struct relayed_group *group = e->group;

	childtab_del(&p->edges, e);
	p->stats.edges--;
	p->ops.edge_del(p->ctx, &e->e, why);
	free_edge(e);
	tell_below(p, group);
}

/* The edges are in the order of their last requests, so the first one ends first. */
static void arm_edge_expiry(struct parent *p)
{
	const struct child_edge *e = TAILQ_FIRST(&p->edges.list);
	uint64_t now = parent_now(p), end;

	if (!e)
		return;
	end = e->e.heard_ms + PARENT_LIFETIME_MS;
	timer_set(p->cfg.tq, &p->expiry, end > now ? end - now : 0);
}

static void on_expiry(void *arg)
{
	struct parent *p = arg;
	struct child_edge *e;

	while ((e = TAILQ_FIRST(&p->edges.list)) &&
	       e->e.heard_ms + PARENT_LIFETIME_MS <= parent_now(p)) {
		p->stats.expired++;
		end_edge(p, e, "the child is silent");
	}
	arm_edge_expiry(p);
}

static void note_child(struct parent *p, struct child_edge *e)
{
	e->e.heard_ms = parent_now(p);
	childtab_heard(&p->edges, e);
}

/* ---- answers ------------------------------------------------------------- */

static void answer_granted(struct edge_answer *ans)
{
	ans->verdict = EDGE_GRANTED;
	ans->lifetime_ms = PARENT_LIFETIME_MS;
}

static void answer_refused(struct parent *p, enum edge_reason reason,
			   struct edge_answer *ans)
{
	ans->verdict = EDGE_REFUSED;
	ans->reason = reason;
	ans->wait_ms = reason == EDGE_UNKNOWN	 ? 0
		       : reason == EDGE_BUSY	 ? WAIT_BUSY_MS
		       : reason == EDGE_NO_GROUP ? WAIT_GROUP_MS
		       : reason == EDGE_FULL	 ? WAIT_FULL_MS
						 : WAIT_OTHER_MS;
	p->stats.refused++;
	p->stats.busy += reason == EDGE_BUSY;
	p->stats.not_entitled += reason == EDGE_NOT_ENTITLED;
}

/* Name other relays, or refuse if there are none. */
static void answer_elsewhere(struct parent *p, enum edge_reason reason,
			     struct edge_answer *ans)
{
	if (!p->cfg.n_others) {
		answer_refused(p, reason, ans);
		return;
	}
	ans->verdict = EDGE_REDIRECTED;
	ans->reason = reason;
	ans->n_parents = p->cfg.n_others;
	memcpy(ans->parent, p->others, sizeof(ans->parent));
	p->stats.redirected++;
}

/* ---- grants -------------------------------------------------------------- */

static bool take_quota(struct quota *q, const struct ike_id *id, uint64_t now)
{
	return quota_take(q, id->data, id->len, now);
}

/*
 * Return true if a signature of @id may be verified now. The limit of one identity comes
 * first, so that who has used up its own takes nothing of the others'.
 */
static bool may_verify(struct parent *p, const struct ike_id *id)
{
	uint64_t now = parent_now(p);

	return take_quota(p->verify, id, now) &&
	       quota_take(p->verify_all, "", 1, now);
}

/*
 * Get one grant of a request into *@out, which stays NULL if it is not valid. Returns
 * false if its signature would have to be verified, and the quota does not allow that.
 */
static bool get_grant(struct parent *p, const struct child_edge *e,
		      const struct parent_peer *from, const char *group,
		      const struct edge_grant *in, struct held_grant **out)
{
	struct held_grant *had = NULL;
	struct grant g;

	*out = NULL;
	if (grant_parse(in->p, in->len, &g) || strcmp(g.group, group) ||
	    g.expires <= (uint64_t)clock_wall(p->cfg.clock) ||
	    (!in->hops && !id_equal(&g.member, from->id)))
		return true;
	if (e)
		had = grant_set_find(&e->grants, in->p, in->len);
	if (had) {
		had->refs++;
		*out = had;
		return true;
	}
	if (!may_verify(p, from->id))
		return false;
	p->stats.verified++;
	if (!p->ops.verify(p->ctx, group, in->p, in->len))
		*out = grant_hold(&g, in->p, in->len);
	return true;
}

/*
 * Get all grants of a request. Returns EDGE_NO_REASON if the child is entitled, and
 * EDGE_BUSY if the quota leaves some of them unverified. The others are in @set then, so
 * that what has been verified is not verified again with the next request.
 */
static enum edge_reason get_grants(struct parent *p, const struct child_edge *e,
				   const struct parent_peer *from,
				   const struct edge_request *req,
				   struct grant_set *set)
{
	enum edge_reason reason = EDGE_NO_REASON;
	struct held_grant *g;
	unsigned int i;

	for (i = 0; i < req->n; i++) {
		/* Only the first one may be the child's own. */
		if (i && !req->grant[i].hops)
			return EDGE_NOT_ENTITLED;
		if (!get_grant(p, e, from, req->group, &req->grant[i], &g)) {
			if (!i)
				return EDGE_BUSY;
			reason = EDGE_BUSY;
			continue;
		}
		if (!g && !i)
			return EDGE_NOT_ENTITLED;
		if (g)
			grant_set_add(set, g, req->grant[i].hops);
		else
			p->stats.dropped_grants++;
	}
	return reason;
}

static void set_ranges(struct parent *p, struct parent_edge *e,
		       const struct grant_set *set)
{
	unsigned int left_out;

	e->n_ranges =
		grant_set_ranges(set, e->range, PARENT_MAX_RANGES, &left_out);
	p->stats.dropped_grants += left_out;
}

/* ---- an edge that is there ----------------------------------------------- */

static bool same_ranges(const struct parent_edge *a,
			const struct parent_edge *b)
{
	return a->n_ranges == b->n_ranges &&
	       !memcmp(a->range, b->range, a->n_ranges * sizeof(a->range[0]));
}

/* End another edge that has the address of @from, which has shown that it receives there. */
static void free_address(struct parent *p, const struct parent_peer *from)
{
	struct child_edge *e = childtab_by_peer(&p->edges, &from->ep);

	if (e && e->e.sa != from->sa)
		end_edge(p, e, "another IKE SA has its address now");
}

/*
 * Change the edge as the kernel has it to what @to says. Returns EDGE_NO_REASON, or why it
 * stays as it was; EDGE_UNKNOWN: the kernel does not have it, and it has ended. Edges that
 * have the new address end in any case.
 */
static enum edge_reason change_edge(struct parent *p, struct child_edge *e,
				    const struct parent_peer *from,
				    const struct parent_edge *to)
{
	bool moves = !ep_equal(&e->e.peer, &to->peer);
	int ret;

	if (!moves && same_ranges(&e->e, to))
		return EDGE_NO_REASON;
	if (moves && !take_quota(p->moves, from->id, parent_now(p)))
		return EDGE_BUSY;
	if (moves)
		free_address(p, from);
	ret = p->ops.edge_set(p->ctx, to);
	if (ret == -ENOENT) {
		end_edge(p, e, LOST_EDGE);
		return EDGE_UNKNOWN;
	}
	if (ret)
		return EDGE_FAILED;
	p->stats.moved += moves;
	childtab_change(&p->edges, e, to);
	return EDGE_NO_REASON;
}

/* The edge stays if it can; @set, if there is one, replaces its grants. */
static void keep_edge(struct parent *p, struct child_edge *e,
		      const struct parent_peer *from, struct grant_set *set,
		      struct edge_answer *ans)
{
	uint64_t now = (uint64_t)clock_wall(p->cfg.clock);
	struct parent_edge to = e->e;
	enum edge_reason reason;
	bool changed;

	if (!set && e->grants.v[0]->expires <= now) {
		end_edge(p, e, "its grant has expired");
		answer_refused(p, EDGE_NOT_ENTITLED, ans);
		return;
	}
	if (!set && grant_set_expire(&e->grants, now))
		e->stale = true;
	changed = set ? !grant_set_equal(set, &e->grants) : e->stale;
	to.peer = from->ep;
	if (changed)
		set_ranges(p, &to, set ? set : &e->grants);
	reason = change_edge(p, e, from, &to);
	if (reason) {
		answer_refused(p, reason, ans);
		return;
	}
	if (set && changed) {
		struct grant_set was = e->grants;

		e->grants = *set;
		*set = was;
	}
	e->stale = false;
	note_child(p, e);
	answer_granted(ans);
	if (changed)
		tell_below(p, e->group);
}

/* ---- a new edge ---------------------------------------------------------- */

/* Return the edge that a new one of @from replaces, or NULL. */
static struct child_edge *replaced_edge(const struct parent *p,
					const struct parent_peer *from,
					const struct relayed_group *group)
{
	struct child_edge *e = childtab_by_peer(&p->edges, &from->ep), *first;
	unsigned int n;

	/* An edge of the same address ends before all others. */
	if (e && e->group == group && id_equal(e->member, from->id))
		return e;
	n = childtab_by_member(&p->edges, group, from->id, &first);
	if (n >= PARENT_MAX_PER_IDENTITY)
		return first;
	return first && p->stats.edges >= p->cfg.max_children &&
			       parent_now(p) - first->e.heard_ms >= SILENT_MS
		       ? first
		       : NULL;
}

static struct ike_id *copy_id(const struct ike_id *id)
{
	size_t size = offsetof(struct ike_id, data) + id->len;
	struct ike_id *copy = malloc(size);

	return copy ? memcpy(copy, id, size) : NULL;
}

static struct child_edge *make_edge(struct parent *p,
				    const struct parent_peer *from,
				    struct relayed_group *group)
{
	struct child_edge *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->member = copy_id(from->id);
	if (!e->member) {
		free(e);
		return NULL;
	}
	p->last_id = p->last_id % PARENT_MAX_ID + 1;
	e->group = group;
	e->e.id = p->last_id;
	e->e.sa = from->sa;
	e->e.group = group->name;
	e->e.member = e->member;
	e->e.peer = from->ep;
	e->e.since_ms = parent_now(p);
	e->e.heard_ms = e->e.since_ms;
	return e;
}

/* Install an edge for a child that is entitled by @set, which is empty afterwards. */
static enum edge_reason add_edge(struct parent *p,
				 const struct parent_peer *from,
				 struct relayed_group *group,
				 struct grant_set *set)
{
	struct child_edge *e = make_edge(p, from, group), *old;

	if (!e)
		return EDGE_FAILED;
	set_ranges(p, &e->e, set);
	/* The kernel has one edge to each address, so the former ones go first. */
	old = replaced_edge(p, from, group);
	if (old)
		end_edge(p, old, "replaced by a newer one of the same child");
	free_address(p, from);
	if (p->ops.edge_add(p->ctx, &e->e)) {
		free_edge(e);
		return EDGE_FAILED;
	}
	e->grants = *set;
	set->n = 0;
	childtab_add(&p->edges, e);
	p->stats.edges++;
	p->stats.granted++;
	if (!timer_armed(&p->expiry))
		arm_edge_expiry(p);
	tell_below(p, group);
	return EDGE_NO_REASON;
}

/* ---- requests ------------------------------------------------------------ */

static struct relayed_group *find_group(const struct parent *p,
					const char *name)
{
	struct relayed_group *g;

	TAILQ_FOREACH(g, &p->groups, link)
		if (!strcmp(g->name, name))
			return g;
	return NULL;
}

static void request_with_grants(struct parent *p, struct child_edge *e,
				const struct parent_peer *from,
				struct relayed_group *group,
				const struct edge_request *req,
				struct edge_answer *ans)
{
	struct grant_set set = { 0 };
	enum edge_reason reason;

	/* A full relay verifies nothing. */
	if (!e && p->stats.edges >= p->cfg.max_children &&
	    !replaced_edge(p, from, group)) {
		answer_elsewhere(p, EDGE_FULL, ans);
		return;
	}
	reason = get_grants(p, e, from, req, &set);
	if (e && (!reason || reason == EDGE_BUSY)) {
		keep_edge(p, e, from, set.n ? &set : NULL, ans);
		/* The child is heard, and has to ask again. */
		if (reason && ans->verdict == EDGE_GRANTED) {
			memset(ans, 0, sizeof(*ans));
			answer_refused(p, reason, ans);
		}
	} else {
		if (!reason)
			reason = add_edge(p, from, group, &set);
		if (reason)
			answer_refused(p, reason, ans);
		else
			answer_granted(ans);
	}
	grant_set_clear(&set);
}

/*
 * Return true if the child receives where it asks from: at the address of its edge, or
 * because it sends back what was sent there.
 */
static bool receives_there(const struct parent *p, const struct child_edge *e,
			   const struct parent_peer *from,
			   const struct edge_request *req)
{
	if (from->elsewhere)
		return false;
	return (e && ep_equal(&e->e.peer, &from->ep)) ||
	       proof_is_good(p->secret, parent_now(p), from, req->cookie);
}

static void answer_challenged(struct parent *p, const struct parent_peer *from,
			      struct edge_answer *ans)
{
	ans->verdict = EDGE_CHALLENGED;
	p->stats.challenged++;
	if (proof_make(p->secret, parent_now(p), from, ans->cookie))
		answer_refused(p, EDGE_FAILED, ans);
}

void parent_request(struct parent *p, const struct parent_peer *from,
		    const struct edge_request *req, struct edge_answer *ans)
{
	struct child_edge *e = childtab_by_sa(&p->edges, from->sa);
	struct relayed_group *group = e && !strcmp(e->group->name, req->group)
					      ? e->group
					      : find_group(p, req->group);

	memset(ans, 0, sizeof(*ans));
	if (group && (e || !req->beat) && !receives_there(p, e, from, req)) {
		answer_challenged(p, from, ans);
		return;
	}
	p->stats.beats += req->beat;
	p->stats.requests += !req->beat;
	if (!group) {
		answer_refused(p, EDGE_NO_GROUP, ans);
	} else if (e && e->group != group) {
		answer_refused(p, EDGE_OTHER_GROUP, ans);
	} else if (p->leaving && (e || !req->beat)) {
		/* The edge carries datagrams until the child has another one. */
		if (e)
			note_child(p, e);
		answer_elsewhere(p, EDGE_LEAVING, ans);
	} else if (!req->beat) {
		request_with_grants(p, e, from, group, req, ans);
	} else if (e) {
		keep_edge(p, e, from, NULL, ans);
	} else {
		answer_refused(p, EDGE_UNKNOWN, ans);
	}
}

void parent_edge_lost(struct parent *p, const void *sa)
{
	struct child_edge *e = childtab_by_sa(&p->edges, sa);

	if (e)
		end_edge(p, e, LOST_EDGE);
}

void parent_sa_closed(struct parent *p, const void *sa)
{
	struct child_edge *e = childtab_by_sa(&p->edges, sa);

	if (e)
		end_edge(p, e, "its IKE SA has ended");
}

/* ---- ends of grants ------------------------------------------------------- */

struct ended_check {
	bool (*ended)(void *arg, const struct grant *g);
	void *arg;
	uint64_t now; /* seconds since 1970 */
};

static bool grant_has_ended(const struct ended_check *j,
			    const struct held_grant *h)
{
	struct grant g;

	return h->expires <= j->now ||
	       (j->ended && !grant_parse(h->octets, h->len, &g) &&
		j->ended(j->arg, &g));
}

/* Return true if grants of members below have gone. */
static bool drop_ended(const struct ended_check *j, struct grant_set *s)
{
	unsigned int i, before = s->n;

	for (i = s->n - 1; i; i--)
		if (grant_has_ended(j, s->v[i]))
			grant_set_drop(s, i);
	return s->n < before;
}

static void recheck_edge(struct parent *p, struct child_edge *e,
			 const struct ended_check *j)
{
	struct parent_edge to = e->e;

	if (grant_has_ended(j, e->grants.v[0])) {
		end_edge(p, e, "its grant has ended");
		return;
	}
	/* The kernel may have refused to forget those of an earlier grant, too. */
	if (!drop_ended(j, &e->grants) && !e->stale)
		return;
	set_ranges(p, &to, &e->grants);
	if (!same_ranges(&e->e, &to) && p->ops.edge_set(p->ctx, &to)) {
		end_edge(p, e, "Sender-IDs could not be taken from it");
		return;
	}
	e->e = to;
	e->stale = false;
	tell_below(p, e->group);
}

void parent_recheck(struct parent *p,
		    bool (*ended)(void *arg, const struct grant *g), void *arg)
{
	struct ended_check j = { ended, arg,
				 (uint64_t)clock_wall(p->cfg.clock) };
	struct child_edge *e, *next;

	for (e = TAILQ_FIRST(&p->edges.list); e; e = next) {
		next = TAILQ_NEXT(e, link);
		recheck_edge(p, e, &j);
	}
}

void parent_leave(struct parent *p)
{
	struct child_edge *e, *next;
	struct edge_answer ans;

	p->leaving = true;
	for (e = TAILQ_FIRST(&p->edges.list); p->ops.tell && e; e = next) {
		next = TAILQ_NEXT(e, link);
		memset(&ans, 0, sizeof(ans));
		answer_elsewhere(p, EDGE_LEAVING, &ans);
		p->ops.tell(p->ctx, &e->e, &ans);
	}
}

/* ---- what is below ------------------------------------------------------- */

unsigned int parent_below(const struct parent *p, const char *group,
			  struct edge_grant *out, unsigned int max)
{
	struct grants_below b = {
		.out = out, .max = max < EDGE_MAX_GRANTS ? max : EDGE_MAX_GRANTS
	};
	const struct child_edge *e;
	unsigned int i;

	/*
	 * A child that passes on many takes the place of no other child. Where more are
	 * below than go up, those that came first stay, because each change of the choice
	 * takes Sender-IDs from some and costs signatures at all relays above.
	 */
	TAILQ_FOREACH(e, &p->edges.by_age, by_age)
		if (!strcmp(e->group->name, group))
			grants_below_add(&b, e->grants.v[0],
					 e->grants.hops[0] + 1);
	TAILQ_FOREACH(e, &p->edges.by_age, by_age) {
		if (strcmp(e->group->name, group))
			continue;
		for (i = 1; i < e->grants.n; i++)
			grants_below_add(&b, e->grants.v[i],
					 e->grants.hops[i] + 1);
	}
	return b.n;
}

/* ---- the machine --------------------------------------------------------- */

static int make_quotas(struct parent *p)
{
	p->verify = quota_new(&verify_rule, p->cfg.seed);
	p->verify_all = quota_new(&verify_all_rule, p->cfg.seed);
	p->moves = quota_new(&move_rule, p->cfg.seed);
	return p->verify && p->verify_all && p->moves ? 0 : -ENOMEM;
}

int parent_new(const struct parent_cfg *cfg, const struct parent_ops *ops,
	       void *ctx, struct parent **out, struct err *err)
{
	struct parent *p;

	if (!cfg->max_children || cfg->max_children > PARENT_MAX_CHILDREN ||
	    cfg->n_others > EDGE_MAX_PARENTS)
		return err_set(err, -EINVAL,
			       "a relay has 1 to %u children and names at most %u others",
			       PARENT_MAX_CHILDREN, EDGE_MAX_PARENTS);
	p = calloc(1, sizeof(*p));
	if (!p)
		return err_set(err, -ENOMEM, "out of memory");
	p->cfg = *cfg;
	p->ops = *ops;
	p->ctx = ctx;
	if (cfg->n_others)
		memcpy(p->others, cfg->others,
		       cfg->n_others * sizeof(p->others[0]));
	p->cfg.others = p->others;
	TAILQ_INIT(&p->groups);
	childtab_init(&p->edges);
	timer_init(&p->expiry, on_expiry, p);
	timer_init(&p->below, on_below, p);
	if (rand_bytes(p->secret, sizeof(p->secret))) {
		parent_free(p);
		return err_set(err, -EIO, "no random octets");
	}
	if (make_quotas(p)) {
		parent_free(p);
		return err_set(err, -ENOMEM, "out of memory");
	}
	*out = p;
	return 0;
}

void parent_free(struct parent *p)
{
	struct relayed_group *g;

	if (!p)
		return;
	while ((g = TAILQ_FIRST(&p->groups)))
		parent_del_group(p, g->name);
	timer_del(p->cfg.tq, &p->expiry);
	timer_del(p->cfg.tq, &p->below);
	childtab_free(&p->edges);
	quota_free(p->verify);
	quota_free(p->verify_all);
	quota_free(p->moves);
	secret_wipe(p->secret, sizeof(p->secret));
	free(p);
}

int parent_add_group(struct parent *p, const char *group)
{
	size_t len = strnlen(group, GRANT_GROUP_MAX + 1);
	struct relayed_group *g;

	if (!len || len > GRANT_GROUP_MAX)
		return -EINVAL;
	if (find_group(p, group))
		return -EEXIST;
	g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	memcpy(g->name, group, len);
	TAILQ_INSERT_TAIL(&p->groups, g, link);
	return 0;
}

void parent_del_group(struct parent *p, const char *group)
{
	struct relayed_group *g = find_group(p, group);
	struct child_edge *e, *next;

	if (!g)
		return;
	for (e = TAILQ_FIRST(&p->edges.list); e; e = next) {
		next = TAILQ_NEXT(e, link);
		if (e->group == g)
			end_edge(p, e, "the group is not relayed any more");
	}
	TAILQ_REMOVE(&p->groups, g, link);
	free(g);
}

void parent_each_edge(const struct parent *p,
		      void (*fn)(void *arg, const struct parent_edge *e),
		      void *arg)
{
	const struct child_edge *e;

	TAILQ_FOREACH(e, &p->edges.list, link)
		fn(arg, &e->e);
}

const struct parent_stats *parent_stats(const struct parent *p)
{
	return &p->stats;
}
