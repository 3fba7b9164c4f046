// SPDX-License-Identifier: Apache-2.0
/*
 * Times of registration. After any failure the member retries at growing
 * intervals with a random part, so that a key server that is down or refuses is
 * not flooded.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "wire/proto.h"
#include "lib/log.h"
#include "lib/quote.h"
#include "lib/util.h"
#include "member/mgroup.h"

/* First and longest interval after a refusal, before the random part. */
static const struct {
	uint32_t first_ms;
	uint32_t max_ms;
} retries[] = {
	[REFUSAL_TRANSIENT] = { 1000, 60000 },
	/* A removed group may be configured again, and members are out until then. */
	[REFUSAL_NO_GROUP] = { 30000, 40000 },
	[REFUSAL_PERMANENT] = { 30000, 600000 },
};

/* A shorter membership does not reset the retry interval. */
#define LASTING_MS 30000
/* Longest interval of requests that change nothing for other members. */
#define ASK_MAX_MS 2000
/* Shortest interval of registrations caused by outside changes. */
#define EARLY_MS 1000
/*
 * An idle IKE SA may be dead at the other end. It is tried first, since that
 * takes one round trip and no signature, but only for a short time.
 */
#define IDLE_SA_MS 5000
/*
 * A member that only lacks beats still has its keys, and there may be many such
 * members: those that get no answer open other IKE SAs within this time, and not all
 * at once.
 */
#define IDLE_SA_SPREAD_MS 30000
/*
 * Interval of a sender's reports of its SA, with a random part of the same
 * size.
 */
#define SENDING_REPORT_MS 150000
/*
 * Random part of the wait for a key server that has put a request off, and the
 * longest wait: batch-join is a minute at most, and a change may be before it.
 */
#define PUT_OFF_SPREAD_MS 200
#define PUT_OFF_MAX_MS 90000
/* Random delay, because many senders change over at the same time. */
#define CONFIRM_SPREAD_MS 200
/* Time limit of a leave, after which the member leaves without an answer. */
#define LEAVE_MS 5000

/*
 * A key server that has not answered in this time is logged as unreachable: IKE_SA_INIT
 * was sent again after 0.5 s, and that copy had a second.
 */
#define UNREACHABLE_MS 1500

/* Return a random time from half to one and a half times @ms. */
static uint32_t randomize_ms(uint32_t ms)
{
	return ms / 2 + member_random(ms);
}

static uint32_t retry_after_ms(const struct mgroup *g)
{
	uint32_t ms = retries[g->refusal].first_ms;
	uint32_t max = retries[g->refusal].max_ms;
	unsigned int i;

	for (i = 1; i < g->attempts && ms < max; i++)
		ms *= 2;
	return randomize_ms(ms < max ? ms : max);
}

/* Return true if a group has a request in progress over the IKE SA. */
static bool sa_has_request(const struct member *m)
{
	const struct mgroup *g;

	TAILQ_FOREACH(g, &m->groups, all)
		if (mgroup_is_registering(g) || mgroup_is_leaving(g))
			return true;
	return false;
}

void register_drop_sa(struct mgroup *g)
{
	struct member *m = g->m;

	if (m->sa && !sa_has_request(m))
		ike_close(m->sa, "excluded from the group");
}

static uint32_t idle_sa_ms(const struct mgroup *g)
{
	bool calm = mgroup_is_in(g) && g->doubts == 1u << DOUBT_SILENCE;

	return IDLE_SA_MS + (calm ? member_random(IDLE_SA_SPREAD_MS) : 0);
}

/*
 * Limit the wait for an answer over the IKE SA, after which the SA counts as lost. While
 * it is being opened other limits apply, since a key server that cannot put a request
 * off may be silent then.
 */
static void limit_answer_wait(struct member *m, uint32_t ms)
{
	if (!ike_sa_is_up(m->sa) ||
	    (timer_armed(&m->idle_sa) &&
	     timer_left_ms(m->deps.tq, &m->idle_sa) <= ms))
		return;
	timer_set(m->deps.tq, &m->idle_sa, ms);
}

void register_answered(struct member *m, const struct mgroup *answered)
{
	const struct mgroup *g;

	timer_del(m->deps.tq, &m->idle_sa);
	/* The next request that waited for the window is sent now. */
	TAILQ_FOREACH(g, &m->groups, all)
		if (m->sa && g != answered &&
		    (mgroup_is_registering(g) || mgroup_is_leaving(g)))
			limit_answer_wait(m, idle_sa_ms(g));
}

static bool has_other_groups(const struct mgroup *g)
{
	return TAILQ_FIRST(&g->m->groups) != g || TAILQ_NEXT(g, all);
}

static int request_gcks(struct mgroup *g, bool send)
{
	struct member *m = g->m;
	struct gike_req req = {
		.idg = g->idg,
		.send = send,
		.n_sender_ids = send ? g->conf->sender_ids : 0,
		/* A member that leaves needs no other SA. */
		.used_up = g->used_up && !mgroup_is_leaving(g),
		/*
		 * The window has one place, which others need, and an IKE SA that
		 * was idle counts as lost if no answer comes over it.
		 */
		.later = m->sa || has_other_groups(g),
	};
	struct ike_sa *old = m->sa;
	int ret;

	/* Without GIKE_UPDATE the key server can give no Rekey SA. */
	if (g->conf->inband)
		req.sag = sag_inband();
	if (m->sa && !ike_register_more(m->sa, &req)) {
		limit_answer_wait(m, idle_sa_ms(g));
		return 0;
	}
	ret = ike_register(m->engine, &m->conf->local, &m->conf->gcks,
			   &m->gcks_id, &req, &m->sa);
	if (ret)
		return ret;
	timer_del(m->deps.tq, &m->idle_sa);
	timer_set(m->deps.tq, &m->unreachable, UNREACHABLE_MS);
	if (old && !sa_has_request(m))
		ike_close(old, "replaced by a new one");
	return 0;
}

static void start_registration(struct mgroup *g, bool send)
{
	int ret;

	timer_del(mgroup_tq(g), &g->retry);
	timer_del(mgroup_tq(g), &g->ask);
	g->asked_ms = mgroup_now(g);
	g->changed = false;
	g->put_off = false;
	rival_requested(g);
	ret = request_gcks(g, send);
	if (ret)
		register_failed(g, 0, strerror(-ret));
	else if (!mgroup_is_leaving(g))
		mgroup_state(g, mgroup_is_in(g) ? MEMBER_RENEWING
						: MEMBER_REGISTERING);
}

/* Return true if no request is in progress and one is allowed. */
static bool may_ask(const struct mgroup *g)
{
	return g->state == MEMBER_WAITING || g->state == MEMBER_IN;
}

void register_now(struct mgroup *g)
{
	if (may_ask(g) && g->m->engine)
		start_registration(g, g->conf->send);
}

static void retry_due(void *arg)
{
	register_now(arg);
}

static void schedule_registration(struct mgroup *g, uint32_t delay_ms,
				  uint32_t max_ms, const char *why)
{
	uint32_t min_ms = 0;

	if (!may_ask(g))
		return;
	if (g->registered_ms && mgroup_now(g) - g->registered_ms < LASTING_MS)
		min_ms = retry_after_ms(g);
	else
		g->attempts = 0;
	if (min_ms > max_ms)
		min_ms = max_ms;
	if (delay_ms < min_ms)
		delay_ms = min_ms;
	if (timer_armed(&g->retry) &&
	    timer_left_ms(mgroup_tq(g), &g->retry) <= delay_ms)
		return;
	group_info(g, "registration scheduled: in %u ms: %s", delay_ms, why);
	g->attempts++;
	timer_set(mgroup_tq(g), &g->retry, delay_ms);
}

void register_again(struct mgroup *g, uint32_t delay_ms, const char *why)
{
	schedule_registration(g, delay_ms, UINT32_MAX, why);
}

void register_ask(struct mgroup *g, const char *why)
{
	if (mgroup_is_in(g))
		schedule_registration(g, 0, ASK_MAX_MS, why);
}

void register_done(struct mgroup *g)
{
	mgroup_state(g, MEMBER_IN);
	g->used_up = false;
	doubt_answered(g);
	register_confirm(g);
	g->refusal = REFUSAL_TRANSIENT;
	g->registered_ms = mgroup_now(g);
	g->last_error[0] = '\0';
	g->found_here = false;
	g->m->unreachable_logged = false;
	g->registrations++;
}

void register_retry_early(struct mgroup *g)
{
	uint32_t spread_ms = 1 + member_random(EARLY_MS / 2);

	if (!timer_armed(&g->retry) || g->put_off ||
	    g->refusal != REFUSAL_TRANSIENT ||
	    mgroup_now(g) - g->asked_ms < EARLY_MS ||
	    timer_left_ms(mgroup_tq(g), &g->retry) <= spread_ms)
		return;
	timer_set(mgroup_tq(g), &g->retry, spread_ms);
}

static enum refusal refusal_kind(uint16_t notify)
{
	switch (notify) {
	case IKE_N_NO_PROPOSAL_CHOSEN:
	case IKE_N_AUTHENTICATION_FAILED:
	case GIKE_N_AUTHORIZATION_FAILED:
		return REFUSAL_PERMANENT;
	case GIKE_N_INVALID_GROUP_ID:
		return REFUSAL_NO_GROUP;
	default:
		return REFUSAL_TRANSIENT;
	}
}

/* Say what authenticated this host, and what an administrator can compare. */
static const char *explain_auth_failure(const struct member *m)
{
	static const char *const texts[] = {
		"the key server does not take the certificate: compare its CA and time, and whether the key server has psk or ppk for this host",
		[MEMBER_BY_PSK] =
			"the key server does not take the pre-shared key: compare the files of psk, 0x included, and whether the key server has a ppk for this host",
		[MEMBER_WITH_PPK] =
			"the key server does not take the certificate and the PPK: compare ppk-id and the files of ppk, and the certificate's CA and time",
		[MEMBER_BY_PSK | MEMBER_WITH_PPK] =
			"the key server does not take the pre-shared key and the PPK: compare the files of psk and of ppk, 0x included, and ppk-id",
	};

	return texts[m->deps.auth ? m->deps.auth(m->deps.ctx) : 0];
}

static const char not_sender[] =
	"this host is not authorized to send: it is not in \"senders\" of the "
	"key server, or was evicted, which \"mcsecctl admit\" ends there";
static const char not_member[] =
	"this host is not authorized: it is in no list of the group at the key "
	"server, or was evicted, which \"mcsecctl admit\" ends there";
static const char no_room[] =
	"the group or the disk of the key server is full, or this host asks too "
	"often: see the key server's log";

/* Describe the notify; the key server's log has the detailed reason. */
static const char *explain_notify(const struct mgroup *g, uint16_t notify)
{
	switch (notify) {
	case GIKE_N_AUTHORIZATION_FAILED:
		return g->conf->send ? not_sender : not_member;
	case GIKE_N_INVALID_GROUP_ID:
		return "the key server has no such group";
	case GIKE_N_REGISTRATION_FAILED:
		return no_room;
	case IKE_N_NO_PROPOSAL_CHOSEN:
		return "the key server takes none of our algorithms, or no groups (RFC 9838)";
	case IKE_N_AUTHENTICATION_FAILED:
		return explain_auth_failure(g->m);
	default:
		return NULL;
	}
}

void register_end_request(struct mgroup *g)
{
	if (mgroup_is_registering(g))
		mgroup_state(g, mgroup_is_in(g) ? MEMBER_IN : MEMBER_WAITING);
}

void register_put_off(struct mgroup *g, uint32_t ms)
{
	if (ms > PUT_OFF_MAX_MS)
		ms = PUT_OFF_MAX_MS;
	ms += 1 + member_random(PUT_OFF_SPREAD_MS);
	register_end_request(g);
	/* The key server remembers that the keys are used up. */
	g->used_up = false;
	g->put_off = true;
	g->refusal = REFUSAL_TRANSIENT;
	snprintf(g->last_error, sizeof(g->last_error),
		 "the next change of keys is in %u s",
		 (unsigned int)msec_to_sec_up(ms));
	g->found_here = false;
	group_info(g, "registration put off: asked again in %u ms", ms);
	timer_set(mgroup_tq(g), &g->retry, ms);
}

void register_changed(struct mgroup *g)
{
	g->changed = true;
	g->refusal = REFUSAL_TRANSIENT;
	g->attempts = 0;
	register_now(g);
}

bool register_outdated(struct mgroup *g)
{
	if (!mgroup_is_registering(g) || !g->changed)
		return false;
	register_end_request(g);
	register_now(g);
	return true;
}

void register_failed(struct mgroup *g, uint16_t notify, const char *text)
{
	const char *means = explain_notify(g, notify);
	enum refusal refusal = refusal_kind(notify);
	uint32_t ms;

	if (mgroup_is_leaving(g)) {
		register_left(g);
		return;
	}
	if (register_outdated(g))
		return;
	register_end_request(g);
	if (refusal != g->refusal)
		g->attempts = 0;
	g->refusal = refusal;
	g->attempts++;
	g->refusals++;
	snprintf(g->last_error, sizeof(g->last_error), "%s%s%s",
		 notify ? ike_notify_name(notify) : "", notify ? ": " : "",
		 means ? means : text);
	if (!notify && g->m->send_error)
		snprintf(g->last_error, sizeof(g->last_error),
			 "%s; datagrams are not sent: %s", text,
			 strerror(-g->m->send_error));
	/*
	 * An administrator has to look at this host if there is no answer, or one that
	 * only says that names or groups of both differ.
	 */
	g->found_here = !notify || notify == GIKE_N_INVALID_GROUP_ID;
	ms = retry_after_ms(g);
	group_warn(g, "registration failed: as %s: %s; next try in %u s",
		   g->conf->send ? "sender" : "receiver", g->last_error,
		   (unsigned int)msec_to_sec_up(ms));
	timer_set(mgroup_tq(g), &g->retry, ms);
}

void register_unreachable(struct member *m)
{
	const char *xchg = m->sa ? ike_sa_opens_by(m->sa) : NULL;
	char text[128], ep[EP_STRLEN], peer[PEER_STRLEN];
	struct mgroup *g;

	if (!xchg)
		return;
	ep_str(&m->conf->gcks, ep);
	if (m->send_error)
		snprintf(text, sizeof(text), "datagrams to %s are not sent: %s",
			 ep, strerror(-m->send_error));
	else
		snprintf(text, sizeof(text), "no answer to %s yet from %s",
			 xchg, ep);
	TAILQ_FOREACH(g, &m->groups, all)
		if (mgroup_is_registering(g))
			snprintf(g->last_error, sizeof(g->last_error), "%s",
				 text);
	if (!m->unreachable_logged)
		log_warn("key server unreachable: %s: %s",
			 peer_str(m->conf->gcks_id, &m->conf->gcks, peer),
			 text);
	m->unreachable_logged = true;
}

/*
 * Close the IKE SA that gave no answer: its requests fail by register_failed(), and are
 * repeated over another one.
 */
void register_idle_sa(struct member *m)
{
	struct ike_sa *sa = m->sa;

	if (!sa || !sa_has_request(m))
		return;
	m->sa = NULL;
	ike_close(sa, "no answer over an IKE SA that was idle");
}

static void confirm_due(void *arg)
{
	struct mgroup *g = arg;
	const struct msa *s = msa_sending(g, 0);
	struct member *m = g->m;

	/* The SPI of the first flow names the change, which all have to be at. */
	if (!msa_at_one_change(g) || !mgroup_is_in(g) || !g->has_server_time)
		return;
	if (!m->sa || ike_report_sending(m->sa, &g->idg, s->spi))
		register_ask(g,
			     "the key server does not know the sending SA yet");
	/*
	 * The report is repeated, since the key server may have been restarted
	 * or have lost the IKE SA.
	 */
	timer_set(mgroup_tq(g), &g->confirm,
		  SENDING_REPORT_MS + member_random(SENDING_REPORT_MS));
}

void register_confirm(struct mgroup *g)
{
	if (g->conf->send)
		timer_set(mgroup_tq(g), &g->confirm,
			  member_random(CONFIRM_SPREAD_MS));
}

/* The keys have changed, so that the next try may succeed. */
static void retry_after_change(struct mgroup *g)
{
	uint32_t ms = 1 + member_random(CONFIRM_SPREAD_MS);

	if (g->state == MEMBER_WAITING && timer_armed(&g->retry) &&
	    !g->put_off && g->refusal == REFUSAL_TRANSIENT &&
	    timer_left_ms(mgroup_tq(g), &g->retry) > ms)
		timer_set(mgroup_tq(g), &g->retry, ms);
}

/*
 * A member that is rekeyed inband gets the keys the same way. One that has the Data SA,
 * or had it, reports that once more, since the key server has no report.
 */
void register_keys_changed(struct mgroup *g, uint32_t spi)
{
	if (g->inband)
		return;
	if (!mgroup_is_in(g))
		retry_after_change(g);
	else if (msa_find(g, spi) || msa_held_before(g, spi))
		register_confirm(g);
	else
		doubt_note(g, DOUBT_CHANGED);
}

void register_unwatch(struct mgroup *g)
{
	doubt_stop(g);
	term_stop(g);
	rival_cancel_report(g);
}

/* ---- leaving ------------------------------------------------------------ */

static void leave_due(void *arg)
{
	struct mgroup *g = arg;

	group_info(g,
		   "leave unanswered: the key server may count this host as a member until its membership ends");
	register_left(g);
}

/*
 * Without an IKE SA a member can only leave after registering (RFC 9838 leaves
 * this open). It registers as a receiver, so that no Sender-ID is used up.
 */
void register_leave(struct mgroup *g)
{
	struct member *m = g->m;
	bool asked = mgroup_is_registering(g);

	timer_del(mgroup_tq(g), &g->retry);
	register_unwatch(g);
	if (g->state == MEMBER_WAITING && !g->put_off) {
		mgroup_state(g, MEMBER_OUT);
		return;
	}
	if (g->state == MEMBER_REJOINING) {
		mgroup_state(g, MEMBER_LEAVING);
		return;
	}
	mgroup_state(g, MEMBER_LEAVING);
	timer_set(mgroup_tq(g), &g->leave, LEAVE_MS);
	/* The leave follows the answer to the registration in progress. */
	if (asked)
		return;
	if (m->sa && !ike_leave(m->sa, &g->idg)) {
		limit_answer_wait(m, IDLE_SA_MS / 2);
		return;
	}
	start_registration(g, g->conf->send && !g->conf->receive);
}

void register_left(struct mgroup *g)
{
	bool rejoins = g->state == MEMBER_REJOINING;

	if (!mgroup_is_leaving(g))
		return;
	timer_del(mgroup_tq(g), &g->leave);
	mgroup_state(g, rejoins ? MEMBER_WAITING : MEMBER_OUT);
	group_info(g, "leave completed");
	if (rejoins)
		register_now(g);
}

void register_init(struct mgroup *g)
{
	timer_init(&g->retry, retry_due, g);
	timer_init(&g->confirm, confirm_due, g);
	timer_init(&g->leave, leave_due, g);
}

void register_stop(struct mgroup *g)
{
	timer_del(mgroup_tq(g), &g->confirm);
	timer_del(mgroup_tq(g), &g->retry);
	register_unwatch(g);
	timer_del(mgroup_tq(g), &g->leave);
}
