// SPDX-License-Identifier: Apache-2.0
/*
 * Requests of members. Each is refused, answered at once, or waits for a change
 * of keys (batch.c). While a change is in flight it is unknown who is a member
 * and which keys are current, so requests wait for its end.
 */
#include "gcks/registration.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gcks/answer.h"
#include "gcks/batch.h"
#include "gcks/certs.h"
#include "gcks/gkm.h"
#include "gcks/gkm_store.h"
#include "gcks/gmc.h"
#include "gcks/group_time.h"
#include "gcks/inband.h"
#include "gcks/join.h"
#include "gcks/join_check.h"
#include "gcks/key_source.h"
#include "gcks/place.h"
#include "gcks/rate.h"
#include "gcks/term.h"
#include "gcks/waiting.h"
#include "wire/gpayload.h"
#include "wire/proto.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/quote.h"

/*
 * A registration of a receiver that changes nothing is stored once within this time,
 * and one that changes little not more often than this.
 */
#define REPEAT_S 3600
#define RECENT_S 10
/* Interval of grants to a sender beyond its pace, see grants_extra_sid(). */
#define EXTRA_SID_MS 5000
/*
 * Longest wait for the change in flight. A member gives up an IKE SA on which it
 * gets no answer for 5 s, and opens another one, with a signature on both sides;
 * a store that stalls must not make all of them do that.
 */
#define REQUEST_TIMEOUT_MS 4000
/*
 * Pause until a member asks again that got no answer in REQUEST_TIMEOUT_MS, and what each
 * other one that waits adds: many members must not ask faster than the key server answers.
 */
#define AGAIN_MS 300
#define AGAIN_EACH_MS 10

static enum gike_when refuse_request(struct group *g, const char *identity,
				     uint16_t notify, const char *why,
				     struct gike_reply *reply)
{
	g->refused++;
	notice_refusal(g->k, g->conf->name, identity, ike_notify_name(notify),
		       NULL, why);
	reply->notify = notify;
	reply->close = join_refusal_closes(g->k, notify, identity);
	return GIKE_NOW;
}

/* Drop the request of a peer that was put off and leaves now. */
static void drop_put_off(struct group *g, const struct ike_sa *sa,
			 const char *identity)
{
	struct join_req *j = join_find_put_off(g, identity);

	if (!j || ike_sa_serial(sa) < j->sa_serial)
		return;
	if (j->taken) {
		j->left = true;
		return;
	}
	join_take(g, j);
	join_free(j);
}

/* The answer follows when the member is out or could not be taken out. */
static enum gike_when leave_now(struct group *g, uint64_t token)
{
	struct leaver *v = calloc(1, sizeof(*v));

	if (v) {
		v->token = token;
		TAILQ_INSERT_TAIL(&g->leavers, v, all);
	}
	batch_flush(g);
	return v ? GIKE_LATER : GIKE_NOW;
}

static enum gike_when take_report(struct group *g, const struct ike_sa *sa,
				  const struct gike_req *req,
				  const char *identity,
				  struct gike_reply *reply)
{
	struct gmember *m = gmc_find(g, identity);
	char name[QUOTE_LEN];
	uint32_t wait;

	/* The member may have another certificate by now, and this may be a thief. */
	if (join_cert_ended(g->k, sa))
		return refuse_request(g, identity, IKE_N_AUTHENTICATION_FAILED,
				      "the certificate has expired", reply);
	drop_put_off(g, sa, identity);
	/* Leaving twice is no error: the first answer may have been lost. */
	if (!m)
		return GIKE_NOW;
	/* The member has registered again since this delayed request. */
	if (ike_sa_serial(sa) < m->sa_serial) {
		if (notice_left(g->k, identity))
			group_info(g,
				   "report ignored: %s: %s over an old IKE SA",
				   quote(identity, name),
				   ike_notify_name(req->report));
		return GIKE_NOW;
	}
	if (notice_left(g->k, identity))
		group_info(g, "report received: %s: %s", quote(identity, name),
			   ike_notify_name(req->report));
	if (m->more->leaving)
		return GIKE_NOW;
	wait = rate_leave_wait_ms(g, identity);
	if (waiting_leave_in(g, m, wait))
		return refuse_request(g, identity, GIKE_N_REGISTRATION_FAILED,
				      "out of memory", reply);
	if (wait || g->conf->batch_leave_ms)
		return GIKE_NOW;
	return leave_now(g, req->token);
}

/* Return true if the IKE SA wraps keys by the algorithm of the group's rekeys. */
static bool same_key_wrap(const struct group *g, struct ike_sa *sa)
{
	const struct kwk *kwk = ike_sa_kwk(sa);

	return kwk && kwk->kwa == g->conf->kwa;
}

static struct join_req *join_new(const struct group *g, const struct ike_sa *sa,
				 const struct gike_req *req,
				 const char *identity)
{
	struct join_req *j = calloc(1, sizeof(*j));

	if (j)
		j->identity = strdup(identity);
	if (!j || !j->identity || join_copy_sag(j, req->sag) ||
	    certs_take(j, ike_sa_peer_certs(sa))) {
		join_free(j);
		return NULL;
	}
	j->token = req->token;
	j->since_ms = group_now_ms(g);
	j->sa_serial = ike_sa_serial(sa);
	j->from = *ike_sa_peer(sa);
	j->cert_ends = ike_sa_peer_ends(sa);
	j->send = req->send;
	j->asks_inband = req->sag && sag_is_inband(req->sag);
	j->fragments = req->fragments;
	j->used_up = req->used_up;
	j->may_put_off = req->later;
	j->n_sids = req->send ? req->n_sender_ids : 0;
	if (req->send && !j->n_sids)
		j->n_sids = 1;
	return j;
}

/*
 * Return true if the Data SA may have been in use before @m was a member, who gets
 * another one then. This key server has noted that; of an earlier run it is only known
 * that the SA is older than the membership.
 */
static bool joined_later(const struct group *g, const struct gmember *m)
{
	int64_t made = g->st.data[0].key.made;

	return m->late ? m->joined >= made : !g->fresh && m->joined > made;
}

/*
 * Return true if the current SAs suffice for the request, so that nothing changes
 * for other members. A sender also needs fresh Sender-IDs, under a key that was
 * made in this run: for an earlier key, more of them may have been given out
 * than this store knows, if the whole disk was restored.
 */
static bool current_keys_suffice(const struct group *g,
				 const struct join_req *j, uint32_t others)
{
	if (!g->st.keyed || !gkm_left(g, &g->st.data[0].key) ||
	    !gkm_left(g, &g->st.rekey) || j->used_up ||
	    (j->m && joined_later(g, j->m)))
		return false;
	return !j->send ||
	       (g->fresh && g->keys->sender_ids_left(g, &g->st) > others);
}

/* Return true if the last registration of @m was stored within @s seconds. */
static bool stored_within(const struct gmember *m, int64_t now, int64_t s)
{
	return now >= gmember_stored(m) && now - gmember_stored(m) < s;
}

static bool stored_recently(const struct gmember *m, int64_t now)
{
	return stored_within(m, now, RECENT_S);
}

/* Return true if the store has what @j would have it write, but for the time. */
static bool is_stored(const struct gmember *m, const struct join_req *j)
{
	return addr_equal(&m->at, &j->from.addr) &&
	       m->cert_ends == j->cert_ends && m->by_psk == !j->cert_ends &&
	       m->term_ms <= j->term_ms && !m->term_ms == !j->term_ms;
}

/*
 * Return true if the request changes nothing that is stored. The store does not
 * know of a leave before it is carried out.
 */
static bool repeats_last(const struct gmember *m, const struct join_req *j,
			 int64_t now)
{
	return !j->send && !m->send && !j->renews && !m->ended_why &&
	       m->fragments == j->fragments && m->inband == j->inband &&
	       stored_within(m, now, is_stored(m, j) ? REPEAT_S : RECENT_S) &&
	       cert_refs_cover(&m->certs, &j->certs);
}

/*
 * A sender that has not confirmed the last change goes on with a key that others drop,
 * and that an evicted member has. Such a sender gets one Sender-ID in each interval and
 * after each change, whatever it asked for before. More than one would let a host that
 * starts again at each change use up those of all.
 */
static bool grants_extra_sid(const struct group *g, struct join_req *j)
{
	struct gmember *m = j->m;
	uint64_t now = group_now_ms(g);
	struct gmember_more *x;

	if (!m || !m->send || !j->send || j->used_up || gmc_confirmed(g, m))
		return false;
	x = gmember_more(m);
	if ((x->extra_at == g->rekeys && x->extra_ms) ||
	    (x->extra_ms && now - x->extra_ms < EXTRA_SID_MS))
		return false;
	x->extra_at = g->rekeys;
	x->extra_ms = now ? now : 1;
	j->n_sids = 1;
	return true;
}

/*
 * Return true if the rate limit of the identity allows the request now: a sender gets
 * Sender-IDs, which are finite; a member that cannot use the Data SA any more makes all
 * others change it; a receiver whose registrations differ makes the store write.
 */
static bool pace_allows(struct group *g, const struct gmember *m,
			struct join_req *j)
{
	if (!j->send && !j->used_up &&
	    (!m || !stored_recently(m, group_wall(g)) ||
	     repeats_last(m, j, group_wall(g))))
		return true;
	return rate_allows(g, j->identity) || grants_extra_sid(g, j);
}

/* ---- members that register again ----------------------------------------- */

/* A change in flight that stores repeated registrations. */
struct rereg {
	struct gkm_change *c;
	struct join_reqs in;
	int64_t now;
};

static void rereg_failed(struct group *g, struct rereg *a, int ret)
{
	struct join_req *j;

	while ((j = TAILQ_FIRST(&a->in))) {
		TAILQ_REMOVE(&a->in, j, all);
		if (ret == -ECANCELED) {
			join_free(j);
			continue;
		}
		if (j->renews)
			term_grace(j->m);
		gmember_release(j->m);
		join_refuse(g, j, GIKE_N_REGISTRATION_FAILED,
			    "the store has failed");
	}
}

/* Cancel the leave of a member that is back before the leave was due. */
static void cancel_leave(struct group *g, struct gmember *m)
{
	gmc_set_leaving(g, m, false);
}

/* Put @j into the place of @old, whose peer was put off. */
static void replace_put_off(struct group *g, struct join_req *old,
			    struct join_req *j)
{
	j->m = NULL;
	j->renews = false;
	join_replace(g, old, j);
}

/*
 * Answer @j, and free it. If an older request of the identity is put off, @j takes its
 * place in the next change of keys, which would store outdated data otherwise.
 */
static void rereg_answer(struct group *g, struct join_req *j)
{
	struct join_req *old = join_find_put_off(g, j->identity);

	join_answer(g, j);
	if (!old) {
		join_free(j);
		return;
	}
	replace_put_off(g, old, j);
	join_put_off(g, j);
}

static void rereg_apply(struct group *g, struct join_req *j, int64_t now)
{
	struct gmember *m = j->m;

	cancel_leave(g, m);
	join_apply(g, j, now);
	rereg_answer(g, j);
	gmember_release(m);
}

static void rereg_done(struct group *g, void *arg, int ret, const char *why)
{
	struct rereg *a = arg;
	struct join_req *j;

	if (ret) {
		commit_log_failure(g, "registrations", ret, why);
		gkm_abandon(g, a->c);
		rereg_failed(g, a, ret);
	} else {
		gkm_complete(g, a->c);
		while ((j = TAILQ_FIRST(&a->in))) {
			TAILQ_REMOVE(&a->in, j, all);
			rereg_apply(g, j, a->now);
		}
	}
	free(a);
}

static int rereg_record(struct group *g, struct rereg *a)
{
	struct join_req *j;
	bool renews = false;
	int ret;

	ret = commit_begin(g);
	if (ret)
		return ret;
	TAILQ_FOREACH(j, &a->in, all) {
		renews |= j->renews;
		if (!ret)
			ret = join_put(g, j, a->now);
	}
	if (!ret && renews)
		ret = gkm_put_tree(g);
	if (!ret)
		ret = gkm_put_state(g, &a->c->next);
	if (ret)
		commit_discard(g);
	return ret;
}

/* The peers stay members, also those that were about to leave. */
static int rereg_compute(struct group *g, struct rereg *a)
{
	struct join_req *j;
	int ret = 0;

	TAILQ_FOREACH(j, &a->in, all) {
		if (j->send)
			join_give_sids(g, a->c, j, g->senders_waiting);
		if (!ret && j->renews)
			ret = lkh_renew(g->tree, j->m->leaf);
	}
	return ret;
}

static void rereg_commit(struct group *g, struct join_reqs *in)
{
	struct rereg *a = calloc(1, sizeof(*a));
	struct rereg none = { .in = TAILQ_HEAD_INITIALIZER(none.in) };
	int ret;

	if (a)
		a->c = gkm_begin(g);
	if (!a || !a->c) {
		free(a);
		TAILQ_CONCAT(&none.in, in, all);
		commit_log_failure(g, "registrations", -ENOMEM,
				   "out of memory");
		rereg_failed(g, &none, -ENOMEM);
		return;
	}
	TAILQ_INIT(&a->in);
	TAILQ_CONCAT(&a->in, in, all);
	a->now = group_wall(g);
	ret = rereg_compute(g, a);
	if (!ret)
		ret = rereg_record(g, a);
	if (ret) {
		g->store_errors++;
		rereg_done(g, a, ret, strerror(-ret));
	} else {
		commit_send(g, a->c->next.version, rereg_done, a);
	}
}

/* ---- decision ----------------------------------------------------------- */

/*
 * Requests that registration_run() has granted, for one change of struct rereg. Thousands
 * may wait, so members and Sender-IDs among them are counted and never searched for.
 */
struct granted {
	struct join_reqs in;
	uint32_t sids; /* wanted by them */
	uint32_t inband; /* changes to inband rekeys */
};

/*
 * Return how much of the @delay of joins a member waits for that needs another Data SA.
 * The key server cannot check a claim that the current one is used up, and so pauses
 * claims; it knows itself that keys have ended, or that they are of an earlier run.
 */
static uint64_t claim_delay_ms(struct group *g, const struct join_req *j,
			       uint64_t delay)
{
	uint64_t ms = j->used_up && delay ? pace_claim_ms(g) : 0;

	return ms < delay ? ms : delay;
}

/* Queue a request that joins or needs a new Data SA for the next batch. */
static void join_enqueue(struct group *g, struct join_req *j,
			 const struct gmember *m)
{
	/*
	 * Members that register again after a reset must not wait until their
	 * old keys have ended.
	 */
	uint64_t delay = pace_is_held(g) ? 0 : g->conf->batch_join_ms;

	/* The batch looks for the member again, which may be gone by then. */
	j->m = NULL;
	j->renews = false;
	/*
	 * A member for which the current SAs do not suffice may have none, or lose
	 * them soon, so it does not wait for others to join. Its rate limit bounds
	 * how often it changes the keys; for a host in the place of another one,
	 * the wait before that leaves does.
	 */
	if (m)
		delay = claim_delay_ms(g, j, delay);
	join_wait(g, j);
	if (delay < pace_join_ms(g))
		delay = pace_join_ms(g);
	if (delay)
		waiting_arm(g, delay);
	else
		g->due |= DUE_BATCH;
	if (delay && j->may_put_off)
		join_tell_later(g, j);
}

/* Return true if @j asks for more than @old, for which room and rate were checked. */
static bool asks_for_more(const struct join_req *old, const struct join_req *j)
{
	return (j->send && !old->send) || (j->inband && !old->inband);
}

/*
 * The peer of @old asks again, and the change is still to be made. Takes over @j,
 * which costs nothing, however often it comes.
 */
static void answer_put_off_again(struct group *g, struct join_req *old,
				 struct join_req *j)
{
	/* Like requests of one batch. */
	if (!place_allows(g, &old->from.addr, &j->from.addr)) {
		join_refuse(g, j, GIKE_N_REGISTRATION_FAILED,
			    "registers at two addresses at once");
		return;
	}
	replace_put_off(g, old, j);
	join_tell_later(g, j);
}

/*
 * Handle the request of a member that changes nothing for others. Takes over
 * @j.
 */
static void rereg_queue(struct group *g, struct gmember *m, struct join_req *j,
			struct granted *again)
{
	if (!repeats_last(m, j, group_wall(g))) {
		TAILQ_INSERT_TAIL(&again->in, j, all);
		again->inband += j->inband && !m->inband;
		again->sids += j->send ? j->n_sids : 0;
		m->asked = true;
		return;
	}
	cancel_leave(g, m);
	gmember_set_registered(m, group_wall(g), false);
	m->keys_pending = false;
	m->sa_serial = j->sa_serial;
	g->registrations++;
	rereg_answer(g, j);
}

/* Return why the group has no room for @j, or NULL. */
static const char *no_room(const struct group *g, const struct gmember *m,
			   const struct join_req *j,
			   const struct granted *again)
{
	if (!m && batch_full(g, g->n_members - g->n_leaving))
		return "the group is full";
	if (j->inband && !(m && m->inband) && !inband_room(g, again->inband))
		return join_no_inband;
	return NULL;
}

/*
 * The refusal must not end a membership that the request would renew, and the
 * member does not want to leave any more.
 */
static void refuse_too_often(struct group *g, struct join_req *j,
			     struct gmember *m)
{
	if (m)
		term_grace(m);
	if (m && !m->replaced)
		cancel_leave(g, m);
	join_refuse(g, j, GIKE_N_REGISTRATION_FAILED,
		    j->send ? "asks for Sender-IDs too often"
			    : "changes its registration too often");
}

/* Decide about a request that is granted if room and rate limit allow it. */
static void decide_granted(struct group *g, struct join_req *j,
			   enum place_verdict place, struct granted *again)
{
	uint32_t others = g->senders_waiting + again->sids;
	struct join_req *old = NULL;
	struct gmember *m = j->m;
	const char *why;
	bool waits;

	waits = !m || m->must_go_why || place == PLACE_REPLACE ||
		!current_keys_suffice(g, j, others);
	if (waits && j->may_put_off)
		old = join_find_put_off(g, j->identity);
	if (old && !asks_for_more(old, j)) {
		answer_put_off_again(g, old, j);
		return;
	}
	why = no_room(g, m, j, again);
	if (why) {
		join_refuse(g, j, GIKE_N_REGISTRATION_FAILED, why);
		return;
	}
	/*
	 * The rate limit allowed the request that was put off; one for another
	 * Data SA counts again.
	 */
	if (!(m && m->keys_pending && !j->used_up) && !pace_allows(g, m, j)) {
		refuse_too_often(g, j, m);
		return;
	}
	if (old) {
		answer_put_off_again(g, old, j);
		return;
	}
	if (place == PLACE_REPLACE && place_replace(g, m)) {
		join_refuse(g, j, GIKE_N_REGISTRATION_FAILED, "out of memory");
		return;
	}
	/* The member has deleted its SAs: it needs other keys, and does not leave. */
	if (place != PLACE_REPLACE && m && j->used_up && !m->replaced)
		cancel_leave(g, m);
	if (waits)
		join_enqueue(g, j, m);
	else
		rereg_queue(g, m, j, again);
}

/* Refuse @j, or queue it for a batch, or add it to @again. */
static void decide_request(struct group *g, struct join_req *j,
			   struct granted *again)
{
	struct gmember *m = gmc_find(g, j->identity);
	enum place_verdict place = PLACE_ADMIT;
	struct err err = {};
	uint16_t notify;

	notify = join_check(g, j, &err);
	if (notify) {
		join_refuse(g, j, notify, err.text);
		return;
	}
	if (m)
		place = place_check(g, m, &j->from, &err);
	if (place == PLACE_REFUSE) {
		/* The identity may be a member, so its keys stay valid. */
		join_refuse(g, j, GIKE_N_REGISTRATION_FAILED, err.text);
		return;
	}
	j->m = m;
	j->renews = m && term_renews(g, j);
	decide_granted(g, j, place, again);
}

bool registration_run(struct group *g)
{
	struct granted again = { .in = TAILQ_HEAD_INITIALIZER(again.in) };
	const struct gmember *m;
	struct join_req *j;

	if (g->commit.busy || TAILQ_EMPTY(&g->requests))
		return false;
	while ((j = TAILQ_FIRST(&g->requests))) {
		/*
		 * A second request of one member must see the changes of the
		 * first.
		 */
		m = gmc_find(g, j->identity);
		if (m && m->asked)
			break;
		TAILQ_REMOVE(&g->requests, j, all);
		decide_request(g, j, &again);
	}
	TAILQ_FOREACH(j, &again.in, all)
		j->m->asked = false;
	if (!TAILQ_EMPTY(&again.in))
		rereg_commit(g, &again.in);
	return true;
}

enum gike_when registration_request(struct group *g, struct ike_sa *sa,
				    const struct gike_req *req,
				    const char *identity,
				    struct gike_reply *reply)
{
	struct join_req *j;
	struct err err = {};
	uint16_t notify;

	if (req->report)
		return take_report(g, sa, req, identity, reply);
	j = join_new(g, sa, req, identity);
	if (!j)
		return refuse_request(g, identity, GIKE_N_REGISTRATION_FAILED,
				      "out of memory", reply);
	notify = join_check(g, j, &err);
	if (!notify && !same_key_wrap(g, sa)) {
		err_set(&err, 0,
			"key wrap algorithm of its IKE SA is not the group's");
		notify = IKE_N_NO_PROPOSAL_CHOSEN;
	}
	if (notify) {
		join_free(j);
		return refuse_request(g, identity, notify, err.text, reply);
	}
	TAILQ_INSERT_TAIL(&g->requests, j, all);
	if (!timer_armed(&g->requests_timer))
		timer_set(g->k->deps.tq, &g->requests_timer,
			  REQUEST_TIMEOUT_MS);
	g->ops->idle(g);
	return GIKE_LATER;
}

/*
 * The peer may ask again, and is as much a member as before. One that is put off does not
 * wait longer each time, but would not say again that its Data SAs are used up.
 */
static void answer_late(struct group *g, struct join_req *j, uint32_t waiting)
{
	struct gmember *m = gmc_find(g, j->identity);
	struct gike_reply again = {
		.later_ms = AGAIN_MS + waiting * AGAIN_EACH_MS,
	};

	if (m && !m->out)
		term_grace(m);
	if (j->may_put_off && !j->used_up) {
		ike_reply(g->k->engine, j->token, &again);
		join_free(j);
		return;
	}
	join_refuse(g, j, GIKE_N_REGISTRATION_FAILED,
		    "the store is busy with another change");
}

static void requests_timed_out(void *arg)
{
	struct group *g = arg;
	uint64_t now = group_now_ms(g);
	uint32_t waiting = 0;
	struct join_req *j;

	TAILQ_FOREACH(j, &g->requests, all)
		waiting++;
	while ((j = TAILQ_FIRST(&g->requests)) &&
	       j->since_ms + REQUEST_TIMEOUT_MS <= now) {
		TAILQ_REMOVE(&g->requests, j, all);
		answer_late(g, j, waiting);
	}
	if (j)
		timer_set(g->k->deps.tq, &g->requests_timer,
			  j->since_ms + REQUEST_TIMEOUT_MS - now);
}

void registration_init(struct group *g)
{
	TAILQ_INIT(&g->requests);
	timer_init(&g->requests_timer, requests_timed_out, g);
}

void registration_refuse_all(struct group *g)
{
	static const char why[] = "the group is no longer served";
	struct join_req *j;

	while ((j = TAILQ_FIRST(&g->requests))) {
		TAILQ_REMOVE(&g->requests, j, all);
		join_refuse(g, j, GIKE_N_INVALID_GROUP_ID, why);
	}
	while ((j = TAILQ_FIRST(&g->joins))) {
		join_take(g, j);
		join_refuse(g, j, GIKE_N_INVALID_GROUP_ID, why);
	}
	waiting_answer_leavers(g, &g->leavers, 0);
}

void registration_free(struct group *g)
{
	struct join_req *j;

	timer_del(g->k->deps.tq, &g->requests_timer);
	while ((j = TAILQ_FIRST(&g->requests))) {
		TAILQ_REMOVE(&g->requests, j, all);
		join_free(j);
	}
}
