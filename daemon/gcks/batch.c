// SPDX-License-Identifier: Apache-2.0
#include "gcks/batch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gcks/gkm.h"
#include "gcks/gmc.h"
#include "gcks/place.h"
#include "gcks/term.h"
#include "gcks/witness.h"
#include "wire/proto.h"
#include "lib/log.h"
#include "lib/quote.h"

#define MS 1000u
/* What the store refused is tried again so much later. */
#define RETRY_MS 5000
/* More than one member can be given: caps of ike/ and of the kernel. */
#define SIDS_MAX 256u
/* No batch uses as many Key IDs as are left behind this one. */
#define KEY_ID_LAST (UINT32_MAX - (1u << 20))

struct batch {
	struct gmember *deny;
	int64_t now;
	uint32_t n_out; /* members that go */
	uint32_t n_in; /* requests that are granted */
	uint32_t n_new; /* of these, from who was no member */
	uint32_t senders; /* requests to send that are still to be seen */
	/* those of who was no member, by identity */
	LIST_HEAD(, join_req) newcomers[GMC_HASH];
};

void join_free(struct join_req *j)
{
	free(j->identity);
	free(j);
}

static void refuse_join(struct group *g, struct join_req *j, uint16_t notify,
			const char *why)
{
	struct gike_reply reply = {
		.notify = notify,
		.close = notify == GIKE_N_AUTHORIZATION_FAILED &&
			 !gmc_welcome(g->k, j->identity),
	};

	g->refused++;
	notice_refusal(g->k, g->conf->name, j->identity,
		       ike_notify_name(notify), NULL, why);
	ike_reply(g->k->engine, j->token, &reply);
}

/* ---- the answer --------------------------------------------------------- */

static void gw_policy(const struct group *g, const struct join_req *j,
		      struct gsa_gw *gw)
{
	gw->has |= GWP_HAS_ATD | GWP_HAS_DTD;
	/* a new sender waits while receivers may still lack the Data SA */
	gw->atd = pace_atd_left(g);
	gw->dtd = g->conf->dtd;
	if (j->send) {
		gw->has |= GWP_HAS_SENDER_ID_BITS;
		gw->sender_id_bits = g->conf->sender_id_bits;
	}
	term_tell(j->m, gw);
}

static int fill_kd(struct group *g, const struct join_req *j,
		   const struct kwk *kwk, struct kd *kd)
{
	struct lkh_wraps path;
	uint32_t i;
	int rc;

	rc = lkh_path(g->tree, j->m->leaf, &path);
	if (rc)
		return rc;
	rc = gkm_wrap(g, &g->st, &path, kwk, kd);
	lkh_wraps_free(&path);
	if (!rc)
		rc = gkm_wrap_data(&g->st, kwk, kd);
	for (i = 0; !rc && j->send && i < j->n_sids; i++)
		rc = kd_add_sender_id(kd, j->first_sid + i);
	return rc ? rc : gkm_put_auth_key(g->sign, kd);
}

void join_answer(struct group *g, struct join_req *j)
{
	struct gike_reply reply = { .transport = true };
	char name[QUOTE_LEN];
	struct ike_sa *sa;
	struct gsa gsa;
	struct kd kd;
	int rc;

	sa = ike_token_sa(g->k->engine, j->token);
	if (!sa || !ike_sa_kwk(sa))
		return; /* it is in, and will ask again */
	/* to hear at once which key it uses */
	if (j->send)
		ike_sa_keep(sa);
	gkm_registration_policy(g, &gsa);
	gw_policy(g, j, &gsa.gw);
	kd_init(&kd);
	rc = fill_kd(g, j, ike_sa_kwk(sa), &kd);
	if (rc) {
		reply.notify = GIKE_N_REGISTRATION_FAILED;
	} else {
		reply.gsa = &gsa;
		reply.kd = &kd;
	}
	if (!rc)
		rc = ike_reply(g->k->engine, j->token, &reply);
	else
		ike_reply(g->k->engine, j->token, &reply);
	kd_free(&kd);
	if (rc && rc != -ENOENT) {
		log_err("group %s: not answered: %s: %s", g->conf->name,
			quote(j->identity, name), strerror(-rc));
		batch_leave_later(g, j->m);
	}
}

/* ---- a batch ------------------------------------------------------------ */

static int put_audit(struct group *g, const struct join_req *j)
{
	char detail[96 + EP_STRLEN], ep[EP_STRLEN];

	ep_str(&j->from, ep);
	if (j->send)
		snprintf(detail, sizeof(detail),
			 "as sender, Sender-IDs %u to %u, at %s", j->first_sid,
			 j->first_sid + j->n_sids - 1, ep);
	else
		snprintf(detail, sizeof(detail), "as receiver, at %s", ep);
	return gmc_audit(g->k, g->conf->name, j->identity,
			 j->is_new ? "join" : "register", detail);
}

int join_put(struct group *g, struct join_req *j, int64_t now)
{
	struct gmember next = *j->m;
	int rc;

	next.send = j->send;
	next.receive = j->receive;
	next.fragments = j->fragments;
	next.registered = now;
	next.first_sid = j->first_sid;
	next.n_sids = j->send ? j->n_sids : 0;
	next.renewed |= j->renews;
	next.cert_ends = j->cert_ends;
	next.term_ms = j->term_ms;
	next.at = j->from.addr;
	rc = gmc_put_member(g, &next);
	/* the roster changes with a newcomer; who asks again may be noise */
	j->quiet = !notice_left(g->k, j->identity);
	if (rc || (j->quiet && !j->is_new))
		return rc;
	return put_audit(g, j);
}

static int put_leave(struct group *g, const struct gmember *m,
		     const struct batch *b)
{
	bool deny = m == b->deny;
	int rc;

	rc = gmc_del_member(g, m);
	if (!rc && deny)
		rc = gmc_put_denied(g, m->identity, b->now);
	if (!rc)
		rc = gmc_audit(g->k, g->conf->name, m->identity,
			       deny	     ? "evict"
			       : m->replaced ? "replace"
			       : m->ended    ? "expire"
					     : "leave",
			       m->ended && !deny ? m->ended : "");
	return rc;
}

/*
 * The next after @m, or the first, of those that go. A roster may be long and
 * those that go few: it is walked only if there is one.
 */
static struct gmember *out_next(struct group *g, const struct batch *b,
				struct gmember *m)
{
	if (!b->n_out)
		return NULL;
	if (b->deny)
		return m ? NULL : b->deny;
	m = m ? TAILQ_NEXT(m, all) : TAILQ_FIRST(&g->members);
	while (m && !m->out)
		m = TAILQ_NEXT(m, all);
	return m;
}

static int write_batch(struct group *g, struct gkm_change *c, void *arg)
{
	struct batch *b = arg;
	struct gmember *m;
	struct join_req *j;
	int rc = 0;

	(void)c;
	for (m = out_next(g, b, NULL); !rc && m; m = out_next(g, b, m))
		rc = put_leave(g, m, b);
	TAILQ_FOREACH(j, &g->joins, all)
	if (!rc && j->m)
		rc = join_put(g, j, b->now);
	return rc ? rc : term_put_turned(g, c, NULL);
}

/*
 * Might one change more overfill a message? Only who is in already is told by
 * it: a handful of members never does, however many join.
 */
static bool message_full(const struct group *g)
{
	uint64_t told = (uint64_t)g->n_members * (LKH_DEPTH_MAX / 2);

	return told > KD_MAX_WRAP_KEYS && !lkh_room(g->tree, KD_MAX_WRAP_KEYS);
}

static bool leaves_now(const struct group *g, const struct gmember *m)
{
	return m->leaving && m->leave_ms <= group_now_ms(g);
}

/* When the next of those who leave is due, and changes may go */
static uint64_t next_leave_ms(const struct group *g)
{
	uint64_t now = group_now_ms(g), least = UINT64_MAX;
	const struct gmember *m;

	TAILQ_FOREACH(m, &g->members, all)
	if (m->leaving && m->leave_ms < least)
		least = m->leave_ms;
	least = least > now ? least - now : 0;
	return least > pace_wait_ms(g) ? least : pace_wait_ms(g);
}

static int take_one_out(struct group *g, struct batch *b, struct gmember *m)
{
	int rc = lkh_remove(g->tree, m->leaf);

	if (rc)
		return rc;
	m->out = true;
	b->n_out++;
	return 0;
}

/* As many as one message can tell of; the others wait for the next. */
static int take_out(struct group *g, struct batch *b)
{
	struct gmember *m;
	int rc = 0;

	/* an eviction does not wait for a crowd, nor go with one */
	if (b->deny)
		return take_one_out(g, b, b->deny);
	if (!g->n_leaving)
		return 0;
	TAILQ_FOREACH(m, &g->members, all)
	{
		if (!leaves_now(g, m))
			continue;
		if (rc || (b->n_out && !lkh_room(g->tree, KD_MAX_WRAP_KEYS)))
			break;
		rc = take_one_out(g, b, m);
	}
	return rc;
}

uint32_t batch_sid_limit(const struct group *g)
{
	return 1u << g->conf->sender_id_bits;
}

void join_wait(struct group *g, struct join_req *j)
{
	TAILQ_INSERT_TAIL(&g->joins, j, all);
	g->senders_waiting += j->send;
}

static void join_take(struct group *g, struct join_req *j)
{
	TAILQ_REMOVE(&g->joins, j, all);
	g->senders_waiting -= j->send;
}

void join_give_sids(struct group *g, struct gkm_change *c, struct join_req *j,
		    uint32_t others)
{
	uint32_t left = batch_sid_limit(g) - c->next.next_sid;
	uint32_t most = g->conf->max_sender_ids;

	if (most > SIDS_MAX)
		most = SIDS_MAX;
	if (left > others && most > left - others)
		most = left - others;
	else if (left <= others)
		most = 1;
	if (j->n_sids > most)
		j->n_sids = most;
	j->first_sid = c->next.next_sid;
	c->next.next_sid += j->n_sids;
}

bool batch_full(const struct group *g, uint32_t members)
{
	return members >= g->conf->max_members || members >= LKH_MEMBERS_MAX;
}

/* Makes a member by an earlier request of the same batch */
static struct join_req *twin(const struct batch *b, const struct join_req *j)
{
	struct join_req *o;

	LIST_FOREACH(o, &b->newcomers[gmc_hash(j->identity)], by_id)
	if (!strcmp(o->identity, j->identity))
		return o;
	return NULL;
}

static int new_member(struct group *g, struct gkm_change *c, struct batch *b,
		      struct join_req *j)
{
	struct gmember *m = gmc_member_new(j->identity);
	int rc;

	if (!m)
		return -ENOMEM;
	m->number = c->next.next_number++;
	m->joined = b->now;
	rc = lkh_add(g->tree, m->number, &m->leaf);
	if (rc) {
		gmc_member_free(m);
		return rc;
	}
	j->m = m;
	j->is_new = true;
	LIST_INSERT_HEAD(&b->newcomers[gmc_hash(j->identity)], j, by_id);
	b->n_new++;
	return 0;
}

static int take_in(struct group *g, struct gkm_change *c, struct batch *b)
{
	struct join_req *j, *next, *first;
	const char *why;
	int rc;

	b->senders = g->senders_waiting;
	for (j = TAILQ_FIRST(&g->joins); j; j = next) {
		next = TAILQ_NEXT(j, all);
		b->senders -= j->send;
		/* it may have been evicted while it waited */
		why = gmc_may(g, j->identity, j->send, !j->send);
		if (why) {
			join_take(g, j);
			refuse_join(g, j, GIKE_N_AUTHORIZATION_FAILED, why);
			join_free(j);
			continue;
		}
		j->m = gmc_find(g, j->identity);
		if (j->m && j->m->leaving) {
			j->m = NULL;
			continue;
		}
		first = j->m ? NULL : twin(b, j);
		if (first &&
		    !place_allows(g, &first->from.addr, &j->from.addr)) {
			join_take(g, j);
			refuse_join(g, j, GIKE_N_REGISTRATION_FAILED,
				    "registers at two addresses at once");
			join_free(j);
			continue;
		}
		if (first)
			j->m = first->m;
		if (!j->m && message_full(g))
			continue;
		if (!j->m &&
		    batch_full(g, g->n_members - b->n_out + b->n_new)) {
			join_take(g, j);
			refuse_join(g, j, GIKE_N_REGISTRATION_FAILED,
				    "the group is full");
			join_free(j);
			continue;
		}
		if (!j->m) {
			rc = new_member(g, c, b, j);
			if (rc)
				return rc;
		}
		if (!j->is_new && !first) {
			j->renews = term_renews(g, j);
			rc = j->renews ? lkh_renew(g->tree, j->m->leaf) : 0;
			if (rc)
				return rc;
		}
		b->n_in++;
		if (j->send)
			join_give_sids(g, c, j, b->senders);
	}
	return 0;
}

void batch_arm(struct group *g, uint64_t delay)
{
	uint64_t due = group_now_ms(g) + delay;

	if (timer_armed(&g->batch) && g->batch_ms <= due)
		return;
	g->batch_ms = due;
	timer_set(g->k->deps.tq, &g->batch, delay);
}

/* Nothing has happened: who wanted in is told so, who leaves tries again. */
static void batch_failed(struct group *g, struct batch *b)
{
	struct gmember *m;
	struct join_req *j;

	for (m = out_next(g, b, NULL); m; m = out_next(g, b, m))
		m->out = false;
	/* the members first: two requests may share one */
	TAILQ_FOREACH(j, &g->joins, all)
	if (j->is_new)
		gmc_member_free(j->m);
	if (!b->deny) {
		while ((j = TAILQ_FIRST(&g->joins))) {
			join_take(g, j);
			refuse_join(g, j, GIKE_N_REGISTRATION_FAILED,
				    "the key server cannot store it");
			join_free(j);
		}
	}
	if (g->n_leaving)
		batch_arm(g, RETRY_MS);
}

static void settle_out(struct group *g, struct batch *b)
{
	struct gmember *m, *next;
	char name[QUOTE_LEN];

	for (m = out_next(g, b, NULL); m; m = next) {
		next = out_next(g, b, m);
		if (m == b->deny || notice_left(g->k, m->identity))
			log_info("group %s: %s: %s%s%s", g->conf->name,
				 m == b->deny  ? "evicted"
				 : m->replaced ? "replaced"
				 : m->ended    ? "membership has ended"
					       : "has left",
				 quote(m->identity, name), m->ended ? ": " : "",
				 m->ended ? m->ended : "");
		if (m == b->deny) {
			g->evictions++;
			if (gmc_note_denied(g, m->identity, b->now))
				log_err("group %s: out of memory, not kept out: %s",
					g->conf->name, name);
		} else if (m->ended && !m->replaced) {
			g->expired++;
		} else {
			g->leaves++;
		}
		gmc_drop(g, m);
	}
}

void join_settle(struct group *g, struct join_req *j, int64_t now)
{
	char name[QUOTE_LEN];

	if (j->is_new) {
		j->m->send = j->send;
		j->m->fragments = j->fragments;
		gmc_enter(g, j->m);
		gmc_came(g, j->m->identity);
		g->n_joins++;
	} else {
		gmc_set_send(g, j->m, j->send);
		gmc_set_fragments(g, j->m, j->fragments);
		g->registrations++;
	}
	j->m->receive = j->receive;
	j->m->registered = now;
	j->m->over = j->over;
	/* who is new begins with what is current; others have to confirm */
	if (j->is_new)
		j->m->sends_spi = gkey_spi(&g->st.data);
	j->m->first_sid = j->first_sid;
	j->m->n_sids = j->send ? j->n_sids : 0;
	j->m->at = j->from.addr;
	term_settle(j);
	if (!j->quiet)
		log_info("group %s: %s as %s: %s", g->conf->name,
			 j->is_new ? "joins" : "registers again",
			 j->send ? "sender" : "receiver",
			 quote(j->identity, name));
}

static void settle(struct group *g, struct batch *b)
{
	struct join_req *j, *next;
	struct join_reqs done;

	TAILQ_INIT(&done);
	settle_out(g, b);
	for (j = TAILQ_FIRST(&g->joins); j; j = next) {
		next = TAILQ_NEXT(j, all);
		if (!j->m)
			continue;
		join_take(g, j);
		TAILQ_INSERT_TAIL(&done, j, all);
		join_settle(g, j, b->now);
	}
	while ((j = TAILQ_FIRST(&done))) {
		TAILQ_REMOVE(&done, j, all);
		join_answer(g, j);
		join_free(j);
	}
	if (!TAILQ_EMPTY(&g->joins))
		batch_arm(g, pace_wait_ms(g));
	else if (g->n_leaving)
		batch_arm(g, next_leave_ms(g));
}

static void why_text(const struct batch *b, char *buf, size_t size)
{
	uint32_t again = b->n_in - b->n_new;
	int n = 0;

	buf[0] = '\0';
	if (b->n_new)
		n += snprintf(buf + n, size - n, ", %u join", b->n_new);
	if (again)
		n += snprintf(buf + n, size - n, ", %u again", again);
	if (b->n_out)
		snprintf(buf + n, size - n, ", %u %s", b->n_out,
			 b->deny ? "evicted" : "leave");
}

/* Numbers that must never be given twice come to an end. */
static int start_anew_if_used_up(struct group *g)
{
	if (g->st.next_sid + g->senders_waiting > batch_sid_limit(g))
		return gkm_restart(g, "Sender-IDs are used up");
	if (lkh_next_id(g->tree) > KEY_ID_LAST)
		return gkm_restart(g, "Key IDs are used up");
	return 0;
}

/* One change for all that waits, or for the eviction of @deny alone. */
int batch_flush(struct group *g, struct gmember *deny)
{
	struct batch b = { .deny = deny, .now = group_wall(g) };
	struct gkm_change c;
	struct join_req *j;
	enum gkm_how how;
	char why[96];
	int rc = 0;

	if (!deny && pace_wait_ms(g)) {
		batch_arm(g, pace_wait_ms(g));
		return 0;
	}
	if (!deny)
		rc = start_anew_if_used_up(g);
	TAILQ_FOREACH(j, &g->joins, all)
	{
		j->m = NULL;
		j->is_new = false;
		j->renews = false;
	}
	if (rc) {
		batch_failed(g, &b);
		return rc;
	}
	gkm_begin(g, &c);
	if (deny) {
		c.deny = deny->identity;
		c.deny_since = b.now;
	}
	rc = take_out(g, &b);
	if (!rc && !deny)
		rc = take_in(g, &c, &b);
	if (!rc && !deny && (b.n_out || b.n_new)) {
		rc = term_turn(g);
		rc = rc < 0 ? rc : 0;
	}
	if (rc || (!b.n_out && !b.n_in)) {
		gkm_abandon(g, &c);
		if (!rc && g->n_leaving)
			batch_arm(g, next_leave_ms(g));
		if (rc)
			batch_failed(g, &b);
		return rc;
	}
	how = b.n_out ? GKM_EXCLUDE : b.n_new ? GKM_JOIN : GKM_SIMPLE;
	why_text(&b, why, sizeof(why));
	rc = gkm_commit(g, &c, how, write_batch, &b, why + 2);
	term_turned(g, !rc);
	if (rc)
		batch_failed(g, &b);
	else
		settle(g, &b);
	return rc;
}

static void batch_due(void *arg)
{
	batch_flush(arg, NULL);
}

/* ---- the rest of the group's life --------------------------------------- */

bool batch_waits(const struct group *g, const char *identity)
{
	const struct join_req *j;

	TAILQ_FOREACH(j, &g->joins, all)
	if (!strcmp(j->identity, identity))
		return true;
	return false;
}

void batch_leave_later(struct group *g, struct gmember *m)
{
	if (m->leaving)
		return;
	batch_leave_in(g, m, 0);
}

void batch_leave_in(struct group *g, struct gmember *m, uint32_t wait_ms)
{
	uint32_t delay = g->conf->batch_leave_ms;

	if (delay < wait_ms)
		delay = wait_ms;
	m->leaving = true;
	m->leave_ms = group_now_ms(g) + wait_ms;
	g->n_leaving++;
	batch_arm(g, delay);
}

int batch_evict(struct group *g, struct gmember *m)
{
	return batch_flush(g, m);
}

void batch_init(struct group *g)
{
	TAILQ_INIT(&g->joins);
	timer_init(&g->batch, batch_due, g);
}

void batch_free(struct group *g)
{
	struct join_req *j;

	timer_del(g->k->deps.tq, &g->batch);
	while ((j = TAILQ_FIRST(&g->joins))) {
		join_take(g, j);
		join_free(j);
	}
}
