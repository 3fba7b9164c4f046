// SPDX-License-Identifier: Apache-2.0
#include "gcks/term.h"

#include "gcks/gmc.h"
#include "gcks/group_time.h"
#include "gcks/terms.h"
#include "gcks/waiting.h"
#include "lib/util.h"

/*
 * Interval of checks of a certificate's end, since the wall clock may be set.
 */
#define CHECK_S 3600
/* Memberships that are checked in one step of the event loop. */
#define STEP_N 512
/* A registration renews the leaf if it adds 1/RENEW_SHARE of the lifetime. */
#define RENEW_SHARE 4
/*
 * Extension for a member that could not renew because the key server was down
 * or could not write. It exceeds the longest pause between a member's tries, 90
 * s.
 */
#define GRACE_MS 120000
/*
 * Time for a repeated request, if the answer with a renewed leaf's key is lost.
 */
#define ANSWER_MS 30000

static int64_t seconds_of_cert(const struct gmember *m)
{
	/* The certificate is valid in its last second, too. */
	return m->cert_ends + 1 - group_wall(m->more->g);
}

/* Return why the membership has ended, or NULL. */
static const char *why_ended(const struct gmember *m)
{
	if (m->cert_ends && seconds_of_cert(m) <= 0)
		return "the certificate has expired";
	if (m->term_ms && gkm_time_ms(m->more->g) >= m->term_ms)
		return "not renewed within membership-lifetime";
	return NULL;
}

/* Let the timer fire when the first member is due. */
static void arm_first(struct group *g)
{
	const struct gmember *m = terms_first(&g->terms);
	struct timerq *tq = g->k->deps.tq;
	uint64_t now = gkm_time_ms(g), due;

	if (!m) {
		timer_del(tq, &g->terms.timer);
		return;
	}
	due = (uint64_t)m->due_s * MSEC_PER_SEC;
	timer_set(tq, &g->terms.timer, due > now ? due - now : 0);
}

/*
 * Members that joined together are not checked together for ever: there may be a
 * million of them.
 */
static int64_t check_interval_s(const struct gmember *m)
{
	return CHECK_S - (int64_t)(m->number % (CHECK_S / 2));
}

/*
 * Return the milliseconds until the end of a former certificate whose holder can still
 * read; UINT64_MAX: it has passed, which term_apply() handles, or there is none (0).
 */
static uint64_t former_left_ms(const struct gmember *m)
{
	int64_t s = m->more->former_ends + 1 - group_wall(m->more->g);

	if (s <= 0)
		return UINT64_MAX;
	return (uint64_t)(s > CHECK_S ? check_interval_s(m) : s) * MSEC_PER_SEC;
}

/* Set when @m is due; arm_first() has to follow. */
static void set_due(struct gmember *m)
{
	uint64_t now = gkm_time_ms(m->more->g), least = UINT64_MAX;
	struct terms *t = &m->more->g->terms;
	int64_t s;

	if (why_ended(m))
		least = 0;
	else if (m->term_ms)
		least = m->term_ms - now;
	if (least && m->cert_ends) {
		s = seconds_of_cert(m);
		if (s > CHECK_S)
			s = check_interval_s(m);
		if ((uint64_t)s * MSEC_PER_SEC < least)
			least = (uint64_t)s * MSEC_PER_SEC;
	}
	if (former_left_ms(m) < least)
		least = former_left_ms(m);
	if (least == UINT64_MAX)
		terms_drop(t, m);
	else
		/* Whole seconds let memberships of one end share a batch. */
		terms_set(t, m, msec_to_sec_up(now + least));
}

static void arm_expiry(struct gmember *m)
{
	set_due(m);
	arm_first(m->more->g);
}

/* Without memory it is tried again a second later. */
static void end_member(struct group *g, struct gmember *m)
{
	/* The member leaves in any case. */
	if (m->replaced)
		return;
	gmember_set_ended(m, why_ended(m));
	if (!m->ended_why) {
		if (gmc_exposed(m))
			waiting_exclude_soon(g);
		set_due(m);
		return;
	}
	/* A leave that was delayed is due now. */
	if (m->more->leaving) {
		gmember_more(m)->leave_ms = group_now_ms(g);
		waiting_arm(g, 0);
		return;
	}
	if (waiting_leave_later(g, m))
		terms_set(&g->terms, m, msec_to_sec_up(gkm_time_ms(g)) + 1);
	else
		gmember_more(m)->lapsed = true;
}

static void expiry_due(void *arg)
{
	struct group *g = arg;
	uint64_t now = gkm_time_ms(g);
	struct gmember *m;
	unsigned int n;

	for (n = 0; n < STEP_N; n++) {
		m = terms_first(&g->terms);
		if (!m || (uint64_t)m->due_s * MSEC_PER_SEC > now)
			break;
		terms_drop(&g->terms, m);
		end_member(g, m);
	}
	arm_first(g);
}

void term_prepare(struct group *g)
{
	timer_init(&g->terms.timer, expiry_due, g);
}

void term_disarm(struct group *g)
{
	timer_del(g->k->deps.tq, &g->terms.timer);
}

static void grant_grace(struct gmember *m)
{
	uint64_t least = gkm_time_ms(m->more->g) + GRACE_MS;

	if (m->term_ms && m->term_ms < least)
		m->term_ms = least;
	set_due(m);
}

void term_start(struct group *g)
{
	uint64_t most = gkm_time_ms(g) +
			(uint64_t)g->conf->membership_lifetime * MSEC_PER_SEC;
	struct htab_walk w = { 0 };
	struct gmember *m;

	while ((m = gmc_each(g, &w))) {
		/*
		 * The record is of a release or a setting without membership
		 * lifetime.
		 */
		if (!m->term_ms && g->conf->membership_lifetime)
			m->term_ms = most;
		grant_grace(m);
	}
	arm_first(g);
}

void term_grace(struct gmember *m)
{
	grant_grace(m);
	arm_first(m->more->g);
}

void term_set(const struct group *g, struct join_req *j)
{
	uint64_t life = (uint64_t)g->conf->membership_lifetime * MSEC_PER_SEC;

	j->term_ms = life ? gkm_time_ms(g) + life : 0;
}

bool term_renews(const struct group *g, const struct join_req *j)
{
	uint64_t least = (uint64_t)g->conf->membership_lifetime * MSEC_PER_SEC /
			 RENEW_SHARE;
	const struct gmember *m = j->m;

	/* A pre-shared key has no end. */
	if (m->cert_ends && (!j->cert_ends || j->cert_ends > m->cert_ends))
		return true;
	if (!cert_refs_fit(&m->certs, &j->certs))
		return true;
	return j->term_ms && j->term_ms >= m->term_ms + least;
}

void term_apply(struct join_req *j)
{
	struct gmember *m = j->m;
	struct group *g = m->more->g;

	/* The end came while what renews the membership was being stored. */
	if (m->more->lapsed)
		gmc_set_leaving(g, m, false);
	m->cert_ends = j->cert_ends;
	m->by_psk = !j->cert_ends;
	m->term_ms = j->term_ms;
	gmember_set_ended(m, NULL);
	if (j->renews) {
		m->path_renewed = false;
		gmc_set_renewed(g, m, true);
		gmember_more(m)->renewed_ms = group_now_ms(g);
	}
	/* No timer fires for an end that passed while this was being stored. */
	if (m->renewed && m->more->former_ends &&
	    former_left_ms(m) == UINT64_MAX)
		waiting_exclude_soon(g);
	arm_expiry(m);
}

/* Return the milliseconds left, UINT64_MAX if there is no end. */
static uint64_t expiry_left_ms(const struct gmember *m)
{
	uint64_t now = gkm_time_ms(m->more->g), left = UINT64_MAX;
	int64_t s = seconds_of_cert(m);

	if (m->term_ms)
		left = m->term_ms > now ? m->term_ms - now : 0;
	if (m->cert_ends && (s < 0 || (uint64_t)s * MSEC_PER_SEC < left))
		left = s < 0 ? 0 : (uint64_t)s * MSEC_PER_SEC;
	return left;
}

void term_put_gw(const struct gmember *m, struct gsa_gw *gw)
{
	uint64_t s = expiry_left_ms(m) / MSEC_PER_SEC;

	if (expiry_left_ms(m) == UINT64_MAX)
		return;
	gw->has |= GWP_HAS_TERM;
	gw->term = s < UINT32_MAX ? s : UINT32_MAX;
}

int64_t term_until(const struct gmember *m)
{
	uint64_t left = expiry_left_ms(m);

	return left == UINT64_MAX ? 0
				  : group_wall(m->more->g) +
					    (int64_t)(left / MSEC_PER_SEC);
}

/* ---- keys above renewed leaves ------------------------------------------ */

static int renew_path(struct group *g, struct gmember *m, bool half)
{
	int ret = lkh_renew_path(g->tree, m->leaf);

	if (ret) {
		term_paths_done(g, false);
		return ret;
	}
	gmc_set_path_renewing(g, m);
	m->path_by_join = half;
	return 0;
}

/* Return true if the answer with the new key of @m's leaf may still be on its way. */
static bool answered_recently(const struct gmember *m)
{
	return m->more->renewed_ms &&
	       group_now_ms(m->more->g) - m->more->renewed_ms < ANSWER_MS;
}

int term_renew_exposed(struct group *g, bool *some_stay)
{
	struct gmember_more *x, *next;
	int ret, n = 0;

	if (!g->st.keyed)
		return 0;
	for (x = TAILQ_FIRST(&g->renewed); x; x = next) {
		next = TAILQ_NEXT(x, by_renewed);
		if (x->m->out || !gmc_exposed(x->m))
			continue;
		if (!lkh_room(g->tree, KD_MAX_WRAP_KEYS)) {
			*some_stay = true;
			break;
		}
		ret = renew_path(g, x->m, false);
		if (ret)
			return ret;
		n++;
	}
	return n;
}

int term_renew_paths(struct group *g, bool excludes)
{
	struct gmember_more *x, *next;
	int ret, n = 0;

	if (!g->st.keyed)
		return 0;
	for (x = TAILQ_FIRST(&g->renewed); x; x = next) {
		next = TAILQ_NEXT(x, by_renewed);
		if (x->m->out)
			continue;
		/* The keys of this change are none that the former leaf key opens. */
		if (x->m->path_renewed) {
			gmc_set_path_renewing(g, x->m);
			x->m->path_by_join = false;
			continue;
		}
		/* Members that are left follow with later changes. */
		if (!lkh_room(g->tree, KD_MAX_WRAP_KEYS))
			break;
		if (answered_recently(x->m))
			continue;
		ret = renew_path(g, x->m, !excludes);
		if (ret)
			return ret;
		n++;
	}
	return n;
}

int term_put_paths(struct group *g)
{
	const struct gmember_more *x;
	struct gmember next;
	int ret = 0;

	TAILQ_FOREACH(x, &g->path_renewing, by_renewed) {
		if (ret)
			break;
		next = *x->m;
		next.renewed = x->m->path_by_join;
		next.path_renewed = x->m->path_by_join;
		ret = gmc_put_member_as(g, x->m->identity, &next);
	}
	return ret;
}

static void apply_path(struct gmember *m)
{
	struct gmember_more *x = gmember_more(m);

	m->path_renewed = m->path_by_join;
	gmc_set_renewed(x->g, m, m->path_renewed);
	if (m->path_renewed)
		return;
	x->former_ends = 0;
	cert_refs_free(&x->former);
	gmember_settle(m);
}

void term_paths_done(struct group *g, bool done)
{
	struct gmember_more *x;

	while ((x = TAILQ_FIRST(&g->path_renewing))) {
		if (done)
			apply_path(x->m);
		else
			gmc_set_renewed(g, x->m, true);
	}
}
