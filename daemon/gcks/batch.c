// SPDX-License-Identifier: Apache-2.0
#include "gcks/batch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gcks/reset.h"
#include "gcks/answer.h"
#include "gcks/certs.h"
#include "gcks/gkm.h"
#include "gcks/gmc.h"
#include "gcks/grants.h"
#include "gcks/inband.h"
#include "gcks/join.h"
#include "gcks/join_check.h"
#include "gcks/key_source.h"
#include "gcks/place.h"
#include "gcks/policy.h"
#include "gcks/term.h"
#include "gcks/terms.h"
#include "gcks/waiting.h"
#include "wire/proto.h"
#include "lib/log.h"
#include "lib/quote.h"
#include "lib/util.h"

/* A change of keys, from its beginning until it is done. */
struct batch {
	/* If set, the batch is the eviction of this member alone. */
	struct gmember *deny;
	/* The batch takes out members that are not authorized any more, and no others. */
	bool exclude;
	bool rechecked; /* members that may have lost their authorization were checked */
	bool rechecked_all; /* the whole roster was checked */
	bool some_stay; /* the message has no room for all that are to go */
	uint32_t asks; /* g->exclude_requests when members were checked */
	/* With exclude: the policy to adopt, not yet the group's; owned. */
	struct policy *policy;
	bool adopts; /* the change adopts it */
	bool keeps_data; /* the change keeps the Data SA */
	/* Completion of the caller that waits for the batch, or NULL. */
	commit_fn *done;
	void *arg;
	struct join_reqs in; /* granted requests */
	struct leavers leavers; /* answered when the batch is done */
	int64_t now;
	struct gmember **out; /* members taken out */
	uint32_t n_out;
	uint32_t n_exposed; /* members with a former certificate that is bad */
	uint32_t n_in; /* granted requests */
	uint32_t n_new; /* granted requests of newcomers */
	uint32_t n_inband; /* newcomers that are rekeyed inband */
	uint32_t senders; /* requests to send not yet handled */
	/* The first granted request of each identity, hashed by that. */
	LIST_HEAD(, join_req) firsts[REQUEST_BUCKETS];
};

/* ---- leaves and requests ----------------------------------------------- */

static int put_leave(struct group *g, const struct gmember *m,
		     const struct batch *b)
{
	const char *ended = gmember_ended(m);
	bool deny = m == b->deny;
	int ret;

	ret = gmc_del_member(g, m);
	if (!ret && deny)
		ret = gmc_put_denied(g, m->identity, b->now);
	if (!ret)
		ret = gmc_audit(g->k, g->conf->name, m->identity,
				deny || m->not_authorized ? "evict"
				: m->replaced		  ? "replace"
				: ended			  ? "expire"
							  : "leave",
				ended && !deny ? ended : "");
	return ret;
}

static int write_batch(struct group *g, struct gkm_change *c, void *arg)
{
	struct batch *b = arg;
	struct join_req *j;
	uint32_t i;
	int ret;

	(void)c;
	/* A request of the same member writes the record once more. */
	ret = term_put_paths(g);
	for (i = 0; !ret && i < b->n_out; i++)
		ret = put_leave(g, b->out[i], b);
	TAILQ_FOREACH(j, &b->in, all) {
		if (ret)
			break;
		ret = join_put(g, j, b->now);
	}
	return ret;
}

/*
 * Return true if one more join might be more than a message can announce. The
 * message is for the members that there are: few never overfill it, however many
 * join.
 */
static bool message_full(const struct group *g)
{
	uint64_t most = (uint64_t)g->n_members * (LKH_DEPTH_MAX / 2);

	return most > KD_MAX_WRAP_KEYS && !lkh_room(g->tree, KD_MAX_WRAP_KEYS);
}

/*
 * Return the milliseconds for which the next batch has to wait. Members that had no
 * room in an exclusion follow by another one, as soon as that is allowed.
 */
static uint32_t batch_wait_ms(const struct group *g)
{
	return g->exclude_pending || g->leave_backlog ? pace_exclude_ms(g)
						      : pace_wait_ms(g);
}

/* Return when the next pending leave is due and changes are allowed. */
static uint64_t next_leave_ms(const struct group *g)
{
	uint64_t now = group_now_ms(g), least = UINT64_MAX;
	const struct gmember_more *x;

	TAILQ_FOREACH(x, &g->leaving, by_leave)
		if (x->leave_ms < least)
			least = x->leave_ms;
	least = least > now ? least - now : 0;
	return least > batch_wait_ms(g) ? least : batch_wait_ms(g);
}

static int remove_member(struct group *g, struct batch *b, struct gmember *m)
{
	struct gmember **out;
	int ret;

	/* The array has a power of two of entries. */
	if (!(b->n_out & (b->n_out - 1))) {
		out = reallocarray(b->out, b->n_out ? 2 * b->n_out : 1,
				   sizeof(*out));
		if (!out)
			return -ENOMEM;
		b->out = out;
	}
	ret = lkh_remove(g->tree, m->leaf);
	if (ret)
		return ret;
	m->out = true;
	b->out[b->n_out++] = m;
	return 0;
}

/* Members that are to be checked, in the order of the tree if memory suffices. */
struct rechecks {
	struct gmember **v;
	uint32_t n;
	uint32_t at;
	struct htab_walk w;
};

static struct gmember *next_recheck(const struct group *g, struct rechecks *r)
{
	struct gmember *m;

	if (r->v)
		return r->at < r->n ? r->v[r->at++] : NULL;
	do {
		m = gmc_each(g, &r->w);
	} while (m && !m->recheck);
	return m;
}

/*
 * Take out as many members without authorization or a valid certificate as one message
 * can announce. The following change takes out the rest. Neighbours in the tree follow
 * each other, since they have keys in common; without memory for that, more changes are
 * needed, and none fails.
 */
static int remove_not_authorized(struct group *g, struct batch *b)
{
	const struct conf_group *conf = b->policy ? &b->policy->conf : g->conf;
	struct rechecks r = { 0 };
	struct gmember *m;
	const char *why;
	int ret = 0;

	b->rechecked = true;
	b->asks = g->exclude_requests;
	b->rechecked_all = b->policy || g->recheck_all;
	if (b->rechecked_all)
		gmc_recheck_not_authorized(g, conf);
	r.v = rechecks_in_order(g, &r.n);
	while ((m = next_recheck(g, &r))) {
		if (m->out)
			continue;
		why = gmc_member_refusal(m, conf, g->k->deps.psks);
		if (!why) {
			gmc_set_recheck(g, m, false);
			continue;
		}
		if (b->n_out && !lkh_room(g->tree, KD_MAX_WRAP_KEYS))
			b->some_stay = true;
		if (ret || b->some_stay)
			break;
		ret = remove_member(g, b, m);
		m->not_authorized = !ret;
		if (!ret)
			gmember_set_ended(m, why);
	}
	free(r.v);
	return ret;
}

/*
 * Take out as many leavers as one message can announce; the others wait for
 * the next change.
 */
static int remove_members(struct group *g, struct batch *b)
{
	struct gmember **v;
	uint32_t i, n;
	int ret = 0;

	/*
	 * An eviction is not delayed by pending joins and leaves, and is not
	 * batched with them.
	 */
	if (b->deny)
		ret = remove_member(g, b, b->deny);
	/* The keys of this change are not for members without authorization. */
	if (!ret && (b->exclude || g->exclude_pending))
		ret = remove_not_authorized(g, b);
	if (ret || b->exclude || b->deny)
		return ret;
	g->leave_backlog = false;
	if (!g->n_leaving)
		return 0;
	v = leavers_due(g, &n);
	if (!v)
		return -ENOMEM;
	for (i = 0; !ret && i < n; i++) {
		g->leave_backlog = b->n_out &&
				   !lkh_room(g->tree, KD_MAX_WRAP_KEYS);
		if (g->leave_backlog)
			break;
		ret = remove_member(g, b, v[i]);
	}
	free(v);
	return ret;
}

bool batch_full(const struct group *g, uint32_t members)
{
	return members >= g->conf->max_members || members >= LKH_MEMBERS_MAX;
}

/* Return the first request of the same batch and identity, or NULL. */
static struct join_req *find_first(const struct batch *b,
				   const struct join_req *j)
{
	struct join_req *o;

	LIST_FOREACH(o, &b->firsts[gmc_hash(j->identity)], by_id)
		if (!strcmp(o->identity, j->identity))
			return o;
	return NULL;
}

static int new_member(struct group *g, struct gkm_change *c, struct batch *b,
		      struct join_req *j)
{
	struct gmember *m = NULL;
	uint32_t leaf;
	int ret;

	if (!terms_reserve(&g->terms, g->n_members + b->n_new + 1))
		m = gmember_new(j->identity);
	if (!m)
		return -ENOMEM;
	m->number = c->next.next_number++;
	m->joined = b->now;
	ret = lkh_add(g->tree, m->number, &leaf);
	if (ret) {
		gmember_free(m);
		return ret;
	}
	m->leaf = leaf;
	j->m = m;
	j->is_new = true;
	b->n_new++;
	b->n_inband += j->inband;
	return 0;
}

/*
 * Return true if the identity of @j can become a member by this batch. Otherwise @j keeps
 * waiting or was refused.
 */
static bool has_room_for(struct group *g, const struct batch *b,
			 struct join_req *j)
{
	if (message_full(g))
		return false;
	if (j->inband && !inband_room(g, b->n_inband)) {
		join_take(g, j);
		join_refuse(g, j, GIKE_N_REGISTRATION_FAILED, join_no_inband);
		return false;
	}
	if (!batch_full(g, g->n_members - b->n_out + b->n_new))
		return true;
	join_take(g, j);
	join_refuse(g, j, GIKE_N_REGISTRATION_FAILED, "the group is full");
	return false;
}

/* Return true if the batch grants @j. Otherwise @j keeps waiting or was refused. */
static bool accept_request(struct group *g, struct batch *b, struct join_req *j)
{
	struct join_req *first = find_first(b, j);
	struct err err = {};
	uint16_t notify;

	/* Revocation lists, policy and clock may have changed since it came. */
	notify = join_check(g, j, &err);
	if (notify) {
		join_take(g, j);
		join_refuse(g, j, notify, err.text);
		return false;
	}
	j->m = gmc_find(g, j->identity);
	if (j->m)
		return !j->m->more->leaving && !j->m->must_go_why &&
		       (!first || certs_share(first, j));
	if (!first)
		return has_room_for(g, b, j);
	if (!place_allows(g, &first->from.addr, &j->from.addr)) {
		join_take(g, j);
		join_refuse(g, j, GIKE_N_REGISTRATION_FAILED,
			    "registers at two addresses at once");
		return false;
	}
	if (!certs_share(first, j))
		return false;
	j->m = first->m;
	j->is_repeated = true;
	return true;
}

static int accept_requests(struct group *g, struct gkm_change *c,
			   struct batch *b)
{
	struct join_req *j, *next;
	int ret;

	b->senders = g->senders_waiting;
	for (j = TAILQ_FIRST(&g->joins); j; j = next) {
		next = TAILQ_NEXT(j, all);
		b->senders -= j->send;
		j->m = NULL;
		j->is_new = false;
		j->is_repeated = false;
		j->renews = false;
		if (!accept_request(g, b, j))
			continue;
		ret = j->m ? 0 : new_member(g, c, b, j);
		if (ret)
			return ret;
		join_take(g, j);
		TAILQ_INSERT_TAIL(&b->in, j, all);
		if (!find_first(b, j))
			LIST_INSERT_HEAD(&b->firsts[gmc_hash(j->identity)], j,
					 by_id);
		if (!j->is_new && !j->is_repeated) {
			j->renews = term_renews(g, j);
			ret = j->renews ? lkh_renew(g->tree, j->m->leaf) : 0;
			if (ret)
				return ret;
		}
		b->n_in++;
		if (j->put_off) {
			/* The peer's next request gets Sender-IDs. */
			j->first_sid = j->m->more->first_sid;
			j->n_sids = j->m->more->n_sids;
		} else if (j->send) {
			join_give_sids(g, c, j, b->senders);
		}
	}
	return 0;
}

/* ---- completion -------------------------------------------------------- */

static void batch_drop(struct batch *b)
{
	struct join_req *j;
	struct leaver *v;

	while ((j = TAILQ_FIRST(&b->in))) {
		TAILQ_REMOVE(&b->in, j, all);
		join_free(j);
	}
	while ((v = TAILQ_FIRST(&b->leavers))) {
		TAILQ_REMOVE(&b->leavers, v, all);
		free(v);
	}
	policy_free(b->policy);
	free(b->out);
	free(b);
}

/* The batch changed nothing: joiners get a failure, leavers are retried. */
static void batch_failed(struct group *g, struct batch *b, int ret)
{
	struct gmember *m;
	struct join_req *j;
	uint32_t i;

	for (i = 0; i < b->n_out; i++) {
		m = b->out[i];
		m->out = false;
		if (m->not_authorized)
			gmember_set_ended(m, NULL);
		m->not_authorized = false;
	}
	inband_changed(g);
	/*
	 * Members are freed before their requests, since two requests may share
	 * one.
	 */
	TAILQ_FOREACH(j, &b->in, all)
		if (j->is_new)
			gmember_free(j->m);
	if (ret == -ECANCELED)
		return;
	TAILQ_FOREACH(j, &b->in, all)
		if (!j->is_new && !j->is_repeated)
			gmember_release(j->m);
	/* As long as an exclusion fails, no batch is made for requests. */
	if (!b->deny && (!b->exclude || g->exclude_pending)) {
		TAILQ_CONCAT(&g->joins, &b->in, all);
		join_refuse_all(g);
	}
	waiting_answer_leavers(g, &b->leavers, ret);
	if (g->n_leaving || g->exclude_pending)
		waiting_arm(g, COMMIT_RETRY_MS);
}

static void apply_removals(struct group *g, struct batch *b)
{
	char name[QUOTE_LEN];
	struct gmember *m;
	const char *ended;
	uint32_t i;

	for (i = 0; i < b->n_out; i++) {
		m = b->out[i];
		ended = gmember_ended(m);
		if (m == b->deny || m->not_authorized ||
		    notice_left(g->k, m->identity))
			group_info(g, "%s: %s%s%s",
				   m == b->deny || m->not_authorized
					   ? "member evicted"
				   : m->replaced ? "member replaced"
				   : ended	 ? "member expired"
						 : "member left",
				   quote(m->identity, name), ended ? ": " : "",
				   ended ? ended : "");
		if (m == b->deny) {
			g->evictions++;
			if (gmc_note_denied(g, m->identity, b->now))
				group_err(g,
					  "eviction incomplete: %s: out of memory",
					  name);
		} else if (m->not_authorized) {
			g->evictions++;
		} else if (ended && !m->replaced) {
			g->expired++;
		} else {
			g->leaves++;
		}
		if (m == b->deny || ended)
			inband_exclude(g, m);
		grants_end(g, m->identity);
		gmc_drop(g, m);
	}
}

/* Set whether members without authorization are left, once @b is done. */
static void update_pending(struct group *g, const struct batch *b)
{
	/* A member may have lost its authorization while the batch was being stored. */
	bool asked = b->rechecked && g->exclude_requests != b->asks;

	if (b->rechecked_all && !asked)
		g->recheck_all = false;
	if (b->rechecked)
		g->exclude_pending = b->some_stay || asked;
	/* The policy that does not admit those who are left has come into force. */
	if (b->adopts && b->some_stay)
		gmc_recheck_not_authorized(g, g->conf);
	if (g->exclude_pending)
		waiting_exclude_soon(g);
	else
		pace_calm_exclusion(g);
}

/* Log how many leavers are left, if one message has no room for all of them. */
static void log_backlog(struct group *g, const struct batch *b)
{
	bool crowd = g->leave_backlog && b->n_out;

	if (crowd && !g->backlog_logged)
		progress_begin(&g->progress, g->k->deps.clock);
	else if (crowd && progress_due(&g->progress))
		group_info(g,
			   "members leaving: %u have to wait for the next rekey",
			   g->n_leaving);
	g->backlog_logged = crowd;
}

/*
 * The peer of @j joined by a change that took so long that the Data SA was in use before.
 * The peer could read what was sent until then, and so waits for another Data SA.
 */
static void join_wait_again(struct group *g, struct join_req *j)
{
	j->m->late = true;
	gmember_release(j->m);
	j->m = NULL;
	join_wait(g, j);
	waiting_arm(g, pace_join_ms(g));
	if (j->may_put_off && !j->put_off)
		join_tell_later(g, j);
}

static void apply_batch(struct group *g, struct batch *b)
{
	bool too_late = b->keeps_data && pace_data_used(g);
	struct join_req *j;

	apply_removals(g, b);
	TAILQ_FOREACH(j, &b->in, all)
		join_apply(g, j, b->now);
	while ((j = TAILQ_FIRST(&b->in))) {
		TAILQ_REMOVE(&b->in, j, all);
		if (too_late && !j->left) {
			join_wait_again(g, j);
			continue;
		}
		join_answer(g, j);
		if (j->left)
			waiting_leave_later(g, j->m);
		gmember_release(j->m);
		join_free(j);
	}
	waiting_answer_leavers(g, &b->leavers, 0);
	update_pending(g, b);
	log_backlog(g, b);
	if (waiting_any(g))
		waiting_arm(g, batch_wait_ms(g));
	else if (g->n_leaving)
		waiting_arm(g, next_leave_ms(g));
}

static void batch_done(struct group *g, void *arg, int ret, const char *why)
{
	struct batch *b = arg;
	commit_fn *done = b->done;

	arg = b->arg;
	term_paths_done(g, !ret);
	if (ret)
		batch_failed(g, b, ret);
	else
		apply_batch(g, b);
	batch_drop(b);
	if (done)
		done(g, arg, ret, why);
}

static void describe_batch(const struct batch *b, char *buf, size_t size)
{
	uint32_t again = b->n_in - b->n_new;
	int n = 0;

	buf[0] = '\0';
	if (b->n_new)
		n += snprintf(buf + n, size - n, ", %u join", b->n_new);
	if (again)
		n += snprintf(buf + n, size - n, ", %u again", again);
	if (b->n_out)
		n += snprintf(buf + n, size - n, ", %u %s", b->n_out,
			      b->deny || b->exclude ? "evicted" : "leave");
	if (b->n_exposed)
		snprintf(buf + n, size - n,
			 ", %u former certificate%s no longer valid",
			 b->n_exposed, b->n_exposed == 1 ? "" : "s");
}

/* ---- beginning --------------------------------------------------------- */

static struct batch *batch_new(struct group *g)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->now = group_wall(g);
	TAILQ_INIT(&b->in);
	TAILQ_INIT(&b->leavers);
	return b;
}

const char *batch_used_up(const struct group *g)
{
	return g->keys->sender_ids_left(g, &g->st) < g->senders_waiting
		       ? "Sender-IDs are used up"
		       : reset_needed(g);
}

/* Gather the changes of the batch, and apply them to the key tree. */
static int batch_gather(struct group *g, struct gkm_change *c, struct batch *b)
{
	int ret = remove_members(g, b);

	if (!ret && b->rechecked) {
		ret = term_renew_exposed(g, &b->some_stay);
		b->n_exposed = ret > 0 ? ret : 0;
		ret = ret < 0 ? ret : 0;
	}
	if (!ret && !b->deny && !b->exclude)
		ret = accept_requests(g, c, b);
	if (!ret && (b->n_out || b->n_exposed || b->n_new)) {
		ret = term_renew_paths(g, b->n_out || b->n_exposed);
		ret = ret < 0 ? ret : 0;
	}
	return ret;
}

static void batch_empty(struct group *g, struct batch *b)
{
	commit_fn *done = b->done;
	void *arg = b->arg;

	waiting_answer_leavers(g, &b->leavers, 0);
	update_pending(g, b);
	/* An exclusion of nobody took the place of the batch that was due. */
	if (b->exclude && waiting_any(g))
		waiting_arm(g, batch_wait_ms(g));
	batch_drop(b);
	if (done)
		done(g, arg, 0, "");
}

/*
 * New members that get a Data SA of before are stored as younger than that, also within
 * the same second, or if the clock was set back: another run sees by it that the SA may
 * have been in use without them (joined_later()).
 */
static void join_after_data(const struct group *g, struct batch *b)
{
	int64_t made = g->st.data[0].key.made;
	struct join_req *j;

	TAILQ_FOREACH(j, &b->in, all)
		if (j->is_new && j->m->joined <= made)
			j->m->joined = made + 1;
}

static enum gkm_how how_to_announce(const struct batch *b)
{
	if (b->n_out || b->n_exposed)
		return GKM_EXCLUDE;
	return b->n_new ? GKM_JOIN : GKM_SIMPLE;
}

/*
 * Make one change of keys for everything that waits, or for an eviction alone.
 * Takes over @b.
 */
static void batch_run(struct group *g, struct batch *b)
{
	struct gkm_change *c = gkm_begin(g);
	enum gkm_how how;
	char why[96];
	int ret;

	if (!c) {
		batch_done(g, b, -ENOMEM, "out of memory");
		return;
	}
	ret = batch_gather(g, c, b);
	if (ret || (!b->n_out && !b->n_exposed && !b->n_in)) {
		gkm_abandon(g, c);
		if (!ret && g->n_leaving)
			waiting_arm(g, next_leave_ms(g));
		if (ret)
			batch_done(g, b, ret, strerror(-ret));
		else
			batch_empty(g, b);
		return;
	}
	b->adopts = b->policy;
	c->policy = b->policy;
	b->policy = NULL;
	if (b->deny) {
		c->deny = b->deny->identity;
		c->deny_since = b->now;
	}
	how = how_to_announce(b);
	/* A member that used up its Sender-IDs needs another one, as a renewed leaf does. */
	c->keep_data = how == GKM_JOIN && b->n_in == b->n_new &&
		       !g->n_renewed && !g->st.asked && pace_data_unused(g);
	b->keeps_data = c->keep_data;
	if (b->keeps_data)
		join_after_data(g, b);
	describe_batch(b, why, sizeof(why));
	/* Each part of it begins with ", ". */
	gkm_commit(g, c, how, write_batch, why + 2, batch_done, b);
}

static void flush_now(struct group *g)
{
	struct batch *b = batch_new(g);

	if (!b) {
		join_refuse_all(g);
		waiting_answer_leavers(g, &g->leavers, -ENOMEM);
		return;
	}
	TAILQ_CONCAT(&b->leavers, &g->leavers, all);
	batch_run(g, b);
}

static void flush_after_reset(struct group *g, void *arg, int ret,
			      const char *why)
{
	struct batch *b;

	(void)arg;
	(void)why;
	if (!ret) {
		flush_now(g);
		return;
	}
	if (ret == -ECANCELED)
		return;
	b = batch_new(g);
	if (!b)
		return;
	TAILQ_CONCAT(&b->leavers, &g->leavers, all);
	batch_failed(g, b, ret);
	batch_drop(b);
}

void batch_flush(struct group *g)
{
	const char *why;

	if (g->commit.busy) {
		g->due |= DUE_BATCH;
		return;
	}
	g->due &= ~DUE_BATCH;
	if (batch_wait_ms(g)) {
		waiting_arm(g, batch_wait_ms(g));
		waiting_answer_leavers(g, &g->leavers, 0);
		return;
	}
	if (g->exclude_pending) {
		batch_exclude(g, NULL, NULL, NULL);
		return;
	}
	why = batch_used_up(g);
	if (why)
		gkm_reset(g, why, flush_after_reset, NULL);
	else
		flush_now(g);
}

void batch_evict(struct group *g, struct gmember *m, commit_fn *done, void *arg)
{
	struct batch *b;

	if (reset_needed(g) && reset_exclude(g, m->identity, NULL, done, arg))
		return;
	b = batch_new(g);
	if (!b) {
		done(g, arg, -ENOMEM, "out of memory");
		return;
	}
	b->deny = m;
	b->done = done;
	b->arg = arg;
	batch_run(g, b);
}

void batch_exclude(struct group *g, struct policy *policy, commit_fn *done,
		   void *arg)
{
	struct batch *b;

	if (reset_needed(g) && reset_exclude(g, NULL, policy, done, arg))
		return;
	b = batch_new(g);
	if (!b) {
		policy_free(policy);
		if (g->exclude_pending)
			waiting_arm(g, COMMIT_RETRY_MS);
		if (done)
			done(g, arg, -ENOMEM, "out of memory");
		return;
	}
	b->exclude = true;
	b->policy = policy;
	b->done = done;
	b->arg = arg;
	batch_run(g, b);
}

static void batch_due(void *arg)
{
	batch_flush(arg);
}

void batch_init(struct group *g)
{
	TAILQ_INIT(&g->joins);
	TAILQ_INIT(&g->leavers);
	timer_init(&g->batch, batch_due, g);
}

void batch_free(struct group *g)
{
	struct join_req *j;

	timer_del(g->k->deps.tq, &g->batch);
	waiting_answer_leavers(g, &g->leavers, -ECANCELED);
	while ((j = TAILQ_FIRST(&g->joins))) {
		join_take(g, j);
		join_free(j);
	}
}
