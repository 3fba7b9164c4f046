// SPDX-License-Identifier: Apache-2.0
#include "relay/child.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/timer.h"

/* The timer never fires more often, whatever is due. */
#define TICK_MIN_MS 10

struct child {
	struct child_ops ops;
	void *ctx;
	const struct clock *clock;
	struct timerq *tq;
	char group[GRANT_GROUP_MAX + 1];
	struct ike_id self;
	struct upstream table[CHILD_MAX_PARENTS];
	unsigned int n;
	struct upstream *cur; /* the one whose edge is used */
	struct upstream *trial; /* the one that was asked for an edge */
	struct upstream *old; /* the former one, until @old_until_ms */
	uint64_t old_until_ms;
	struct timer timer;
	/* The grants that are shown: copies, each of which points into @octets. */
	unsigned int n_grants;
	struct edge_grant grants[EDGE_MAX_GRANTS];
	uint8_t *octets;
	uint64_t version; /* number of the grants; 0: there were none yet */
	struct child_stats stats;
};

static uint64_t child_now(const struct child *c)
{
	return clock_mono_ms(c->clock);
}

static void set_state(struct child *c, struct upstream *u,
		      enum upstream_state state)
{
	u->state = state;
	u->since_ms = child_now(c);
}

static void tell_change(struct child *c, const struct upstream *u,
			enum edge_reason reason, const char *why)
{
	if (c->ops.changed)
		c->ops.changed(c->ctx, u, reason, why);
}

/* ---- parents ------------------------------------------------------------- */

/* End the edge and the IKE SA with @u, and forget its requests; it may be asked again. */
static void leave_parent(struct child *c, struct upstream *u, const char *why)
{
	if (u->state == UPSTREAM_UP || u->state == UPSTREAM_RETIRES)
		c->ops.edge_del(c->ctx, u);
	if (c->cur == u)
		c->cur = NULL;
	if (c->trial == u)
		c->trial = NULL;
	if (c->old == u)
		c->old = NULL;
	set_state(c, u, UPSTREAM_IDLE);
	u->asks = false;
	u->leaving = false;
	u->shown = 0;
	u->challenges = 0;
	u->busy = 0;
	u->wait_until_ms = 0;
	c->ops.drop(c->ctx, u, why);
}

/* Ask @u no earlier than after a pause that grows with each failure. */
static void hold_parent(struct child *c, struct upstream *u, uint32_t least_ms)
{
	uint32_t ms = u->hold_ms ? 2 * u->hold_ms : CHILD_HOLD_MIN_MS;

	if (ms > CHILD_HOLD_MAX_MS)
		ms = CHILD_HOLD_MAX_MS;
	u->hold_ms = ms;
	u->refused_grant = false;
	if (ms < least_ms)
		ms = least_ms < CHILD_HOLD_MAX_MS ? least_ms
						  : CHILD_HOLD_MAX_MS;
	u->held_until_ms = child_now(c) + ms;
}

static bool is_silent(const struct child *c, const struct upstream *u)
{
	return child_now(c) - u->heard_ms >= CHILD_SILENT_MS;
}

static bool needs_other(const struct child *c)
{
	return c->n_grants &&
	       (!c->cur || c->cur->leaving || is_silent(c, c->cur));
}

/* A failure that is long past counts no more. */
static bool has_failed(const struct child *c, const struct upstream *u)
{
	return u->hold_ms &&
	       child_now(c) < u->held_until_ms + CHILD_HOLD_MAX_MS;
}

/*
 * Return the parent to be asked next, or NULL if all of them are held: the first one
 * that has not failed, or else the one whose failure is the oldest, so that those in
 * front do not keep the child from one that works.
 */
static struct upstream *next_parent(struct child *c)
{
	struct upstream *u, *found = NULL;
	uint64_t now = child_now(c);
	unsigned int i;

	for (i = 0; i < c->n; i++) {
		u = &c->table[i];
		if (u->state != UPSTREAM_IDLE || u->held_until_ms > now)
			continue;
		if (!has_failed(c, u))
			return u;
		if (!found || u->since_ms < found->since_ms)
			found = u;
	}
	return found;
}

static bool is_known_parent(const struct child *c, const struct edge_parent *at)
{
	unsigned int i;

	for (i = 0; i < c->n; i++)
		if (ep_equal(&c->table[i].at.ep, &at->ep) &&
		    id_equal(&c->table[i].at.id, &at->id))
			return true;
	return id_equal(&c->self, &at->id);
}

/* Return a place for a relay that was learned: a new one, or of one that failed. */
static struct upstream *place_learned(struct child *c)
{
	struct upstream *u, *found = NULL;
	unsigned int i;

	if (c->n < CHILD_MAX_PARENTS) {
		c->table[c->n].place = c->n;
		return &c->table[c->n++];
	}
	for (i = 0; i < c->n; i++) {
		u = &c->table[i];
		if (u->learned && u->state == UPSTREAM_IDLE && u->hold_ms &&
		    (!found || u->since_ms < found->since_ms))
			found = u;
	}
	return found;
}

/* A redirection says who may be asked as well; it forbids nobody who is configured. */
static void learn_parents(struct child *c, const struct edge_answer *ans)
{
	struct upstream *u;
	unsigned int i, place;
	void *user;

	for (i = 0; i < ans->n_parents; i++) {
		if (is_known_parent(c, &ans->parent[i]))
			continue;
		u = place_learned(c);
		if (!u)
			return;
		place = u->place;
		user = u->user;
		*u = (struct upstream){ .at = ans->parent[i],
					.place = place,
					.user = user,
					.learned = true };
		set_state(c, u, UPSTREAM_IDLE);
	}
}

/* ---- requests ------------------------------------------------------------ */

/* Send a request or beat, with a cookie unless @cookie is NULL. */
static int request_edge(struct child *c, struct upstream *u,
			const uint8_t *cookie)
{
	struct edge_request req = { .beat = u->shown == c->version };
	int ret;

	memcpy(req.group, c->group, sizeof(req.group));
	if (!req.beat) {
		req.n = c->n_grants;
		memcpy(req.grant, c->grants, sizeof(req.grant));
	}
	if (cookie)
		memcpy(req.cookie, cookie, sizeof(req.cookie));
	u->asks = true;
	u->beat = req.beat;
	u->asked_ms = child_now(c);
	u->shown = c->version;
	ret = c->ops.ask(c->ctx, u, &req);
	if (ret)
		u->asks = false;
	return ret;
}

static int ask_parent(struct child *c, struct upstream *u)
{
	bool beat = u->shown == c->version;

	c->stats.beats += beat;
	c->stats.requests += !beat;
	return request_edge(c, u, NULL);
}

static void give_up(struct child *c, struct upstream *u, const char *why)
{
	c->stats.failed++;
	leave_parent(c, u, why);
	hold_parent(c, u, 0);
	tell_change(c, u, EDGE_NO_REASON, why);
}

/* Ask one relay after the other, until a request is on its way. */
static void try_next(struct child *c)
{
	struct upstream *u;

	while (!c->trial && (u = next_parent(c))) {
		set_state(c, u, UPSTREAM_ASKED);
		c->trial = u;
		if (!ask_parent(c, u))
			return;
		give_up(c, u, "could not be asked");
	}
}

/*
 * Return true if @u has to be asked again: it has not seen the present grants, was quiet for
 * a beat, or a third of the lifetime is over. One request is open at a time.
 */
static bool is_beat_due(const struct child *c, const struct upstream *u)
{
	uint64_t now = child_now(c);

	if (u->asks || now - u->asked_ms < CHILD_BEAT_MS ||
	    now < u->wait_until_ms)
		return false;
	return u->shown != c->version || now - u->heard_ms >= CHILD_BEAT_MS ||
	       now - u->asked_ms >= u->lifetime_ms / 3;
}

static void take_earlier(uint64_t *due, uint64_t ms)
{
	if (ms < *due)
		*due = ms;
}

/*
 * Return when the edge of @u is looked at next: when a quiet one would get a beat, and
 * before its parent counts as silent.
 */
static uint64_t look_at(const struct upstream *u)
{
	uint64_t at = u->heard_ms + CHILD_BEAT_MS;
	uint64_t silent = u->heard_ms + CHILD_SILENT_MS;

	if (at < u->looked_ms + CHILD_BEAT_MS)
		at = u->looked_ms + CHILD_BEAT_MS;
	if (u->looked_ms < silent)
		take_earlier(&at, silent);
	return at;
}

static uint64_t beat_at(const struct child *c, const struct upstream *u)
{
	uint64_t at = u->heard_ms + CHILD_BEAT_MS;

	take_earlier(&at, u->asked_ms + u->lifetime_ms / 3);
	if (u->shown != c->version || at < u->asked_ms + CHILD_BEAT_MS)
		at = u->asked_ms + CHILD_BEAT_MS;
	return at < u->wait_until_ms ? u->wait_until_ms : at;
}

/* Set the timer for whatever comes next. */
static void arm_timer(struct child *c)
{
	uint64_t due = UINT64_MAX, now = child_now(c);
	unsigned int i;

	if (c->old)
		take_earlier(&due, c->old_until_ms);
	if (c->trial)
		take_earlier(&due, c->trial->since_ms + CHILD_ANSWER_MS);
	if (c->cur)
		take_earlier(&due, look_at(c->cur));
	if (c->cur && !c->cur->asks)
		take_earlier(&due, beat_at(c, c->cur));
	if (c->cur && !needs_other(c))
		take_earlier(&due, c->cur->heard_ms + CHILD_SILENT_MS);
	for (i = 0; needs_other(c) && !c->trial && i < c->n; i++)
		if (c->table[i].state == UPSTREAM_IDLE)
			take_earlier(&due, c->table[i].held_until_ms);
	if (due == UINT64_MAX)
		timer_del(c->tq, &c->timer);
	else
		timer_set(c->tq, &c->timer,
			  due > now + TICK_MIN_MS ? due - now : TICK_MIN_MS);
}

/* A parent that is heard again needs no successor. */
static void parent_was_heard(struct child *c, struct upstream *u)
{
	u->heard_ms = child_now(c);
	if (u == c->cur && !u->leaving && c->trial)
		leave_parent(c, c->trial, "the former parent is there again");
}

static void look_at_edge(struct child *c, struct upstream *u)
{
	int ret;

	if (child_now(c) < look_at(u))
		return;
	u->looked_ms = child_now(c);
	ret = c->ops.delivered(c->ctx, u);
	if (ret == -ENOENT)
		give_up(c, u, "its edge is gone from the kernel");
	else if (ret > 0)
		parent_was_heard(c, u);
}

/* Do what is due now. */
static void run_child(struct child *c)
{
	if (c->cur)
		look_at_edge(c, c->cur);
	if (c->old && child_now(c) >= c->old_until_ms)
		leave_parent(c, c->old, "another parent is used");
	if (c->trial && child_now(c) - c->trial->since_ms >= CHILD_ANSWER_MS)
		give_up(c, c->trial, "no answer");
	if (c->cur && is_beat_due(c, c->cur) && ask_parent(c, c->cur))
		give_up(c, c->cur, "could not be asked");
	if (needs_other(c))
		try_next(c);
	arm_timer(c);
}

static void on_timer(void *arg)
{
	run_child(arg);
}

/* ---- answers ------------------------------------------------------------- */

static bool was_busy_too_often(const struct upstream *u)
{
	return u->busy >= CHILD_MAX_BUSY;
}

/* The edge of @u is used from now on; the former one stays for a moment. */
static void adopt_parent(struct child *c, struct upstream *u)
{
	const char *why = !c->cur ? "an edge was granted"
			  : was_busy_too_often(c->cur)
				  ? "the former parent is busy"
			  : c->cur->leaving ? "the former parent is going away"
					    : "the former parent is silent";
	struct err err = {};

	if (c->ops.edge_add(c->ctx, u, &err)) {
		give_up(c, u, err.text[0] ? err.text : "no edge");
		return;
	}
	if (c->old)
		leave_parent(c, c->old, "another parent is used");
	if (c->cur) {
		c->stats.changes++;
		c->stats.silent += !c->cur->leaving;
		set_state(c, c->cur, UPSTREAM_RETIRES);
		hold_parent(c, c->cur, 0);
		c->old = c->cur;
		c->old_until_ms = child_now(c) + CHILD_OVERLAP_MS;
	}
	c->trial = NULL;
	c->cur = u;
	c->stats.granted++;
	set_state(c, u, UPSTREAM_UP);
	u->hold_ms = 0;
	tell_change(c, u, EDGE_NO_REASON, why);
}

static void got_granted(struct child *c, struct upstream *u,
			const struct edge_answer *ans)
{
	u->lifetime_ms = ans->lifetime_ms;
	u->leaving = false;
	u->busy = 0;
	if (u == c->trial)
		adopt_parent(c, u);
}

/* Give up @u because of its answer, and ask it no earlier than in @least_ms. */
static void leave_with_answer(struct child *c, struct upstream *u,
			      const struct edge_answer *ans, uint32_t least_ms)
{
	const char *why = edge_reason_str(ans->reason);

	leave_parent(c, u, why);
	hold_parent(c, u, least_ms);
	u->refused_grant = ans->reason == EDGE_NOT_ENTITLED;
	tell_change(c, u, ans->reason, why);
}

static void got_redirected(struct child *c, struct upstream *u,
			   const struct edge_answer *ans)
{
	c->stats.redirected++;
	learn_parents(c, ans);
	if (u == c->cur) {
		u->leaving = true;
		/* Beats keep its edge until another relay has given one. */
		u->shown = c->version;
		return;
	}
	leave_with_answer(c, u, ans, CHILD_HOLD_FULL_MS);
}

static void got_refused(struct child *c, struct upstream *u,
			const struct edge_answer *ans)
{
	c->stats.refused++;
	if (u == c->cur && ans->reason == EDGE_LEAVING) {
		u->leaving = true;
	} else if (u == c->cur && ans->reason == EDGE_UNKNOWN) {
		/*
		 * Each moment without an edge costs datagrams, so a beat is followed
		 * by a request at once. A parent that does not know the edge after
		 * a request either is asked no faster than by beats.
		 */
		u->shown = 0;
		if (u->beat && ask_parent(c, u))
			give_up(c, u, "could not be asked");
	} else if (u == c->cur && ans->reason == EDGE_BUSY) {
		u->shown = 0;
		u->wait_until_ms =
			child_now(c) + (ans->wait_ms < CHILD_WAIT_MAX_MS
						? ans->wait_ms
						: CHILD_WAIT_MAX_MS);
		u->busy++;
		/* The edge stays until another relay has one. */
		if (was_busy_too_often(u))
			u->leaving = true;
	} else {
		leave_with_answer(c, u, ans, ans->wait_ms);
	}
}

/*
 * The parent asks whether this host receives at the address that it has asked from. A NAT
 * may change that before the cookie is back there, but not CHILD_MAX_CHALLENGES times in
 * a row.
 */
static void got_challenged(struct child *c, struct upstream *u,
			   const struct edge_answer *ans)
{
	if (++u->challenges > CHILD_MAX_CHALLENGES) {
		give_up(c, u, "takes no address of this host for its own");
		return;
	}
	c->stats.challenged++;
	if (!u->beat)
		u->shown = 0;
	if (request_edge(c, u, ans->cookie))
		give_up(c, u, "could not be asked");
}

void child_answer(struct child *c, struct upstream *u,
		  const struct edge_answer *ans)
{
	if (!u->asks)
		return;
	u->asks = false;
	parent_was_heard(c, u);
	if (u->state != UPSTREAM_ASKED && u->state != UPSTREAM_UP)
		return;
	if (ans->verdict != EDGE_CHALLENGED)
		u->challenges = 0;
	switch (ans->verdict) {
	case EDGE_GRANTED:
		got_granted(c, u, ans);
		break;
	case EDGE_REDIRECTED:
		got_redirected(c, u, ans);
		break;
	case EDGE_REFUSED:
		got_refused(c, u, ans);
		break;
	case EDGE_CHALLENGED:
		got_challenged(c, u, ans);
		break;
	}
	run_child(c);
}

void child_told(struct child *c, struct upstream *u,
		const struct edge_answer *ans)
{
	if (u != c->cur || u->leaving || ans->reason != EDGE_LEAVING)
		return;
	if (ans->verdict == EDGE_REDIRECTED)
		got_redirected(c, u, ans);
	else if (ans->verdict == EDGE_REFUSED)
		got_refused(c, u, ans);
	run_child(c);
}

void child_failed(struct child *c, struct upstream *u, const char *why)
{
	if (u->state == UPSTREAM_IDLE)
		return;
	if (u->state == UPSTREAM_RETIRES)
		leave_parent(c, u, why);
	else
		give_up(c, u, why);
	run_child(c);
}

/* ---- grants -------------------------------------------------------------- */

static bool same_grant(const struct edge_grant *a, const struct edge_grant *b)
{
	return a->hops == b->hops && a->len == b->len &&
	       !memcmp(a->p, b->p, a->len);
}

static bool is_shown(const struct child *c, const struct edge_grant *g)
{
	unsigned int i;

	for (i = 1; i < c->n_grants; i++)
		if (same_grant(&c->grants[i], g))
			return true;
	return false;
}

static bool same_own(const struct child *c, const struct edge_grant *g)
{
	return c->n_grants && same_grant(&c->grants[0], g);
}

/*
 * The own grant comes first. Parents do not mind the order of the others, each of which is
 * there once.
 */
static bool same_grants(const struct child *c, const struct edge_grant *g,
			unsigned int n)
{
	unsigned int i;

	if (n != c->n_grants || (n && !same_own(c, &g[0])))
		return false;
	for (i = 1; i < n; i++)
		if (!is_shown(c, &g[i]))
			return false;
	return true;
}

static void forget_grants(struct child *c)
{
	free(c->octets);
	c->octets = NULL;
	c->n_grants = 0;
}

static int keep_grants(struct child *c, const struct edge_grant *g,
		       unsigned int n)
{
	size_t octets = 0, at = 0;
	unsigned int i;
	uint8_t *p;

	if (n > EDGE_MAX_GRANTS || g[0].hops)
		return -EINVAL;
	for (i = 0; i < n; i++) {
		if (!g[i].len || g[i].len > GRANT_MAX ||
		    g[i].hops > EDGE_MAX_HOPS)
			return -EINVAL;
		octets += g[i].len;
	}
	if (octets > EDGE_GRANTS_OCTETS)
		return -EINVAL;
	p = malloc(octets);
	if (!p)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		memcpy(p + at, g[i].p, g[i].len);
		c->grants[i] =
			(struct edge_grant){ g[i].hops, p + at, g[i].len };
		at += g[i].len;
	}
	free(c->octets);
	c->octets = p;
	c->n_grants = n;
	return 0;
}

static void leave_all(struct child *c, const char *why)
{
	unsigned int i;

	for (i = 0; i < c->n; i++)
		if (c->table[i].state != UPSTREAM_IDLE)
			leave_parent(c, &c->table[i], why);
}

/*
 * A parent that has refused the former grant may take the new one. If it refuses on and on
 * the pauses grow as ever, so that new grants are no way to ask it all the time.
 */
static void forgive_refusals(struct child *c)
{
	unsigned int i;

	for (i = 0; i < c->n; i++)
		if (c->table[i].refused_grant &&
		    c->table[i].hold_ms <= CHILD_HOLD_MIN_MS)
			c->table[i].held_until_ms = child_now(c);
}

int child_set_grants(struct child *c, const struct edge_grant *grants,
		     unsigned int n)
{
	bool own;
	int ret;

	if (same_grants(c, grants, n))
		return 0;
	if (!n) {
		forget_grants(c);
		leave_all(c, "this host has no grant");
		timer_del(c->tq, &c->timer);
		return 0;
	}
	own = same_own(c, &grants[0]);
	ret = keep_grants(c, grants, n);
	if (ret)
		return ret;
	c->version++;
	if (!own)
		forgive_refusals(c);
	run_child(c);
	return 0;
}

/* ---- the machine --------------------------------------------------------- */

int child_new(const struct child_cfg *cfg, const struct child_ops *ops,
	      void *ctx, struct child **out, struct err *err)
{
	size_t len = strnlen(cfg->group, GRANT_GROUP_MAX + 1);
	struct child *c;
	unsigned int i;

	if (!len || len > GRANT_GROUP_MAX || !cfg->n_parents ||
	    cfg->n_parents > CHILD_MAX_CONFIGURED)
		return err_set(err, -EINVAL,
			       "a child has a group and 1 to %u parents",
			       CHILD_MAX_CONFIGURED);
	c = calloc(1, sizeof(*c));
	if (!c)
		return err_set(err, -ENOMEM, "out of memory");
	c->ops = *ops;
	c->ctx = ctx;
	c->clock = cfg->clock;
	c->tq = cfg->tq;
	memcpy(c->group, cfg->group, len);
	c->self = *cfg->self;
	for (i = 0; i < cfg->n_parents; i++) {
		c->table[i].at = cfg->parents[i];
		c->table[i].place = i;
	}
	c->n = cfg->n_parents;
	timer_init(&c->timer, on_timer, c);
	*out = c;
	return 0;
}

void child_free(struct child *c)
{
	if (!c)
		return;
	leave_all(c, "the child ends");
	timer_del(c->tq, &c->timer);
	free(c->octets);
	free(c);
}

struct upstream *child_parent(const struct child *c)
{
	return c->cur;
}

void child_each(const struct child *c,
		void (*fn)(void *arg, const struct upstream *u), void *arg)
{
	unsigned int i;

	for (i = 0; i < c->n; i++)
		fn(arg, &c->table[i]);
}

const struct child_stats *child_stats(const struct child *c)
{
	return &c->stats;
}
