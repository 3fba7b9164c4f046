// SPDX-License-Identifier: Apache-2.0
#include "gcks/term.h"

#include "gcks/gmc.h"
#include "gcks/group_time.h"
#include "gcks/waiting.h"
#include "lib/util.h"

/*
 * Interval of checks of a certificate's end, since the wall clock may be set.
 */
#define LOOK_S 3600
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
	return m->cert_ends + 1 - group_wall(m->g);
}

/* Return why the membership is over, or NULL. */
static const char *why_over(const struct gmember *m)
{
	if (m->cert_ends && seconds_of_cert(m) <= 0)
		return "the certificate has expired";
	if (m->term_ms && gkm_time_ms(m->g) >= m->term_ms)
		return "not renewed within membership-lifetime";
	return NULL;
}

static void expiry_due(void *arg);

static void arm_expiry(struct gmember *m)
{
	struct timerq *tq = m->g->k->deps.tq;
	uint64_t now = gkm_time_ms(m->g), least = UINT64_MAX;
	int64_t s;

	if (!m->term.fn)
		timer_init(&m->term, expiry_due, m);
	if (why_over(m))
		least = 0;
	else if (m->term_ms)
		least = m->term_ms - now;
	if (least && m->cert_ends) {
		s = seconds_of_cert(m);
		if (s > LOOK_S)
			s = LOOK_S;
		if ((uint64_t)s * MSEC_PER_SEC < least)
			least = (uint64_t)s * MSEC_PER_SEC;
	}
	if (least == UINT64_MAX)
		timer_del(tq, &m->term);
	else
		/* Whole seconds let memberships of one end share a batch. */
		timer_set(tq, &m->term,
			  least + (MSEC_PER_SEC -
				   (now + least) % MSEC_PER_SEC) %
					  MSEC_PER_SEC);
}

static void expiry_due(void *arg)
{
	struct gmember *m = arg;

	/* The member leaves in any case. */
	if (m->replaced)
		return;
	m->ended = why_over(m);
	if (!m->ended) {
		arm_expiry(m);
		return;
	}
	/* A leave that was delayed is due now. */
	if (m->leaving) {
		m->leave_ms = group_now_ms(m->g);
		batch_arm(m->g, 0);
	}
	batch_leave_later(m->g, m);
}

void term_start(struct group *g)
{
	uint64_t most = gkm_time_ms(g) +
			(uint64_t)g->conf->membership_lifetime * MSEC_PER_SEC;
	struct gmember *m;

	TAILQ_FOREACH(m, &g->members, all)
	{
		/*
		 * The record is of a release or a setting without membership
		 * lifetime.
		 */
		if (!m->term_ms && g->conf->membership_lifetime)
			m->term_ms = most;
		term_grace(m);
	}
}

void term_grace(struct gmember *m)
{
	uint64_t least = gkm_time_ms(m->g) + GRACE_MS;

	if (m->term_ms && m->term_ms < least)
		m->term_ms = least;
	arm_expiry(m);
}

void term_of(const struct group *g, struct join_req *j)
{
	uint64_t life = (uint64_t)g->conf->membership_lifetime * MSEC_PER_SEC;

	j->term_ms = life ? gkm_time_ms(g) + life : 0;
}

bool term_renews(const struct group *g, const struct join_req *j)
{
	uint64_t least = (uint64_t)g->conf->membership_lifetime * MSEC_PER_SEC /
			 RENEW_SHARE;
	const struct gmember *m = j->m;

	if (m->cert_ends && j->cert_ends > m->cert_ends)
		return true;
	if (!cert_refs_fit(&m->certs, &j->certs))
		return true;
	return j->term_ms && j->term_ms >= m->term_ms + least;
}

void term_settle(struct join_req *j)
{
	struct gmember *m = j->m;

	m->cert_ends = j->cert_ends;
	m->by_psk = !j->cert_ends;
	m->term_ms = j->term_ms;
	m->ended = NULL;
	if (j->renews) {
		m->g->n_renewed += !m->renewed;
		m->renewed = true;
		m->turned = false;
		m->renewed_ms = group_now_ms(m->g);
	}
	arm_expiry(m);
}

/* Return the milliseconds left, UINT64_MAX if there is no end. */
static uint64_t expiry_left_ms(const struct gmember *m)
{
	uint64_t now = gkm_time_ms(m->g), left = UINT64_MAX;
	int64_t s = seconds_of_cert(m);

	if (m->term_ms)
		left = m->term_ms > now ? m->term_ms - now : 0;
	if (m->cert_ends && (s < 0 || (uint64_t)s * MSEC_PER_SEC < left))
		left = s < 0 ? 0 : (uint64_t)s * MSEC_PER_SEC;
	return left;
}

void term_tell(const struct gmember *m, struct gsa_gw *gw)
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

	return left == UINT64_MAX
		       ? 0
		       : group_wall(m->g) + (int64_t)(left / MSEC_PER_SEC);
}

/* ---- keys above renewed leaves ------------------------------------------ */

static int turn_one(struct group *g, struct gmember *m, bool half)
{
	int ret = lkh_turn(g->tree, m->leaf);

	if (ret) {
		term_turned(g, false);
		return ret;
	}
	m->turning = true;
	m->turns_half = half;
	return 0;
}

/* Return true if the answer with the new key of @m's leaf may still be on its way. */
static bool answered_lately(const struct gmember *m)
{
	return m->renewed_ms && group_now_ms(m->g) - m->renewed_ms < ANSWER_MS;
}

int term_turn_exposed(struct group *g, bool *some_stay)
{
	struct gmember *m;
	int ret, n = 0;

	if (!g->n_renewed || !g->st.keyed)
		return 0;
	TAILQ_FOREACH(m, &g->members, all)
	{
		if (m->out || !gmc_exposed(m))
			continue;
		if (!lkh_room(g->tree, KD_MAX_WRAP_KEYS)) {
			*some_stay = true;
			break;
		}
		ret = turn_one(g, m, false);
		if (ret)
			return ret;
		n++;
	}
	return n;
}

int term_turn(struct group *g, bool excludes)
{
	struct gmember *m;
	int ret, n = 0;

	if (!g->n_renewed || !g->st.keyed)
		return 0;
	TAILQ_FOREACH(m, &g->members, all)
	{
		if (!m->renewed || m->turning || m->out)
			continue;
		/* The keys of this change are none that the former leaf key opens. */
		if (m->turned) {
			m->turning = true;
			m->turns_half = false;
			continue;
		}
		if (answered_lately(m) || !lkh_room(g->tree, KD_MAX_WRAP_KEYS))
			continue;
		ret = turn_one(g, m, !excludes);
		if (ret)
			return ret;
		n++;
	}
	return n;
}

int term_put_turned(struct group *g)
{
	struct gmember *m, next;
	int ret = 0;

	if (!g->n_renewed)
		return 0;
	TAILQ_FOREACH(m, &g->members, all)
	{
		if (ret || !m->turning)
			continue;
		next = *m;
		next.renewed = m->turns_half;
		next.turned = m->turns_half;
		ret = gmc_put_member(g, &next);
	}
	return ret;
}

static void settle_turned(struct gmember *m)
{
	m->turned = m->turns_half;
	if (m->turned)
		return;
	m->renewed = false;
	m->g->n_renewed--;
	cert_refs_free(&m->former);
}

void term_turned(struct group *g, bool done)
{
	struct gmember *m;

	if (!g->n_renewed)
		return;
	TAILQ_FOREACH(m, &g->members, all)
	{
		if (done && m->turning)
			settle_turned(m);
		m->turning = false;
	}
}
