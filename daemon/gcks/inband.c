// SPDX-License-Identifier: Apache-2.0
#include "gcks/inband.h"

#include <errno.h>
#include <string.h>

#include "gcks/copies.h"
#include "gcks/gkm_msg.h"
#include "gcks/gkm_policy.h"
#include "gcks/gkm_store.h"
#include "gcks/gmc.h"
#include "gcks/grants.h"
#include "gcks/group_time.h"
#include "gcks/identity.h"
#include "gcks/notice.h"
#include "gcks/spread.h"
#include "lib/log.h"
#include "lib/quote.h"
#include "lib/util.h"

/*
 * Requests that are sent at a time, and the time until the next ones: above
 * SPREAD_RATE, and no longer than a millisecond of encryption.
 */
#define STEP_N 32
#define STEP_MS 10
/* Retry after the queue of an IKE SA was full. */
#define RETRY_MS 500
/*
 * A member that lost its IKE SA notices that within two intervals of its checks,
 * which are beats of at most CHECK_MAX_S (member/inband_watch.c), and has opened
 * another one so long after that.
 */
#define BACK_MS 15000u
#define CHECK_MAX_S 30u

static void group_idg(const struct group *g, struct ike_id *idg)
{
	id_set(idg, IKE_ID_KEY_ID, g->conf->name, strlen(g->conf->name));
}

static bool is_behind(const struct group *g, const struct gmember *m)
{
	return g->st.keyed && m->more->has_spi != gkm_spi(&g->st);
}

/* ---- sending ------------------------------------------------------------ */

static void wake_inband(struct group *g, uint32_t ms)
{
	if (!timer_armed(&g->inband))
		timer_set(g->k->deps.tq, &g->inband, ms);
}

static void take_due(struct group *g, struct gmember_more *x)
{
	TAILQ_REMOVE(&g->inband_due, x, by_due);
	x->inband_due = false;
}

/*
 * A member that the change in flight takes out gets nothing; if that fails,
 * batch.c makes it due again.
 *
 * Receivers are first, because senders use the key after ATD in any case, and a
 * receiver must have it by then.
 */
static void make_due(struct group *g, struct gmember_more *x)
{
	if (x->inband_due || x->inband_open || x->m->out || !x->sa)
		return;
	if (x->m->send)
		TAILQ_INSERT_TAIL(&g->inband_due, x, by_due);
	else
		TAILQ_INSERT_HEAD(&g->inband_due, x, by_due);
	x->inband_due = true;
}

/*
 * Send to the member of @x. Returns true if that is done with: sent, or its IKE SA is
 * lost; false if the member has to wait, behind all others.
 */
static bool send_one(struct group *g, struct gmember_more *x)
{
	struct ike_id idg;
	int ret;

	group_idg(g, &idg);
	x->inband_open = true;
	x->asked_ms = group_now_ms(g);
	ret = ike_inband(x->sa, &idg);
	if (!ret)
		return true;
	x->inband_open = false;
	if (ret != -ENOBUFS && ret != -ENOMEM) {
		x->sa = NULL;
		return true;
	}
	TAILQ_INSERT_TAIL(&g->inband_due, x, by_due);
	x->inband_due = true;
	return false;
}

static void inband_step(void *arg)
{
	struct group *g = arg;
	uint32_t wait = STEP_MS;
	struct gmember_more *x;
	unsigned int n;

	for (n = 0; n < STEP_N && (x = TAILQ_FIRST(&g->inband_due)); n++) {
		take_due(g, x);
		if (!is_behind(g, x->m) || x->m->out)
			continue;
		if (send_one(g, x))
			wait = STEP_MS;
		/* Members that have to wait come last, so all others have been served. */
		else if (!n)
			wait = RETRY_MS;
	}
	if (!TAILQ_EMPTY(&g->inband_due))
		wake_inband(g, wait);
}

void inband_changed(struct group *g)
{
	struct gmember_more *x;

	TAILQ_FOREACH(x, &g->inbands, by_inband)
		if (is_behind(g, x->m))
			make_due(g, x);
	if (TAILQ_EMPTY(&g->inband_due))
		return;
	timer_del(g->k->deps.tq, &g->inband);
	wake_inband(g, 0);
}

/* ---- callbacks of ike/ --------------------------------------------------- */

/* Return what the member of @idg that is rekeyed over @sa has, or NULL. */
static struct gmember_more *member_of(struct gcks *k, struct ike_sa *sa,
				      const struct ike_id *idg)
{
	char identity[GMC_ID_MAX];
	struct gmember *m;
	struct group *g;

	TAILQ_FOREACH(g, &k->groups, all)
		if (strlen(g->conf->name) == idg->len &&
		    !memcmp(g->conf->name, idg->data, idg->len))
			break;
	if (!g || identity_of(ike_sa_peer_id(sa), identity, sizeof(identity)))
		return NULL;
	m = gmc_find(g, identity);
	return m && m->more->sa == sa ? gmember_more(m) : NULL;
}

int gcks_inband_fill(struct gcks *k, struct ike_sa *sa,
		     const struct ike_id *idg, struct gike_inband *msg)
{
	struct gmember_more *x = member_of(k, sa, idg);
	const struct kwk *kwk = ike_sa_kwk(sa);
	struct group *g;

	if (!x)
		return -ENOENT;
	g = x->g;
	if (!kwk || x->m->out || !is_behind(g, x->m)) {
		x->inband_open = false;
		return -ENOENT;
	}
	msg->has_keys = true;
	msg->transport = !g->conf->tunnel;
	gkm_inband_policy(g, &msg->gsa);
	msg->gsa.gw.has |= GWP_HAS_ATD | GWP_HAS_DTD;
	msg->gsa.gw.atd = pace_atd_left(g);
	msg->gsa.gw.dtd = pace_dtd(g);
	if (x->m->send)
		replaced_hurry(g, x->m, &msg->gsa.gw);
	x->sent_spi = gkm_spi(&g->st);
	g->inband_sent++;
	return gkm_wrap_data(&g->st, kwk, &msg->kd);
}

void gcks_inband_done(struct gcks *k, struct ike_sa *sa,
		      const struct ike_id *idg, uint16_t notify)
{
	struct gmember_more *x = member_of(k, sa, idg);
	char name[QUOTE_LEN];
	struct group *g;

	if (!x || !x->inband_open)
		return;
	g = x->g;
	x->inband_open = false;
	if (notify) {
		/* The member reports what it cannot use, or registers again. */
		if (notice_left(k, x->m->identity))
			group_warn(g, "rekey rejected: %s: %s",
				   quote(x->m->identity, name),
				   ike_notify_name(notify));
		return;
	}
	g->inband_done++;
	x->has_spi = x->sent_spi;
	if (is_behind(g, x->m)) {
		make_due(g, x);
		wake_inband(g, 0);
	}
}

void gcks_sa_closed(struct gcks *k, struct ike_sa *sa)
{
	struct gmember_more *x;
	struct group *g;

	grants_sa_closed(k, sa);
	/* Only inband_bind() sets it. */
	if (!ike_sa_user(sa))
		return;
	TAILQ_FOREACH(g, &k->groups, all)
		TAILQ_FOREACH(x, &g->inbands, by_inband) {
			if (x->sa != sa)
				continue;
			g->inband_lost += x->inband_open;
			x->inband_open = false;
			if (x->inband_due)
				take_due(g, x);
			x->sa = NULL;
		}
}

/* ---- members ------------------------------------------------------------- */

void inband_release(struct gmember *m, const struct ike_sa *by)
{
	struct ike_sa *former = m->more->sa;
	struct gmember_more *x;

	if (!former || former == by)
		return;
	x = gmember_more(m);
	x->inband_open = false;
	if (x->inband_due)
		take_due(x->g, x);
	x->sa = NULL;
	ike_close(former, "its rekeys go over another IKE SA");
}

void inband_bind(struct group *g, struct gmember *m, struct ike_sa *sa)
{
	struct gmember_more *x;

	/* A later request of the same change may have ended that again. */
	if (!m->inband)
		return;
	inband_release(m, sa);
	ike_sa_keep(sa);
	ike_sa_set_user(sa, g->k);
	x = gmember_more(m);
	x->sa = sa;
	x->has_spi = gkm_spi(&g->st);
}

void inband_exclude(struct group *g, struct gmember *m)
{
	struct ike_id idg;

	if (!m->inband || !m->more->sa)
		return;
	group_idg(g, &idg);
	ike_inband_exclude(m->more->sa, &idg);
}

void inband_exclude_all(struct group *g)
{
	struct gmember_more *x;

	TAILQ_FOREACH(x, &g->inbands, by_inband)
		inband_exclude(g, x->m);
}

bool inband_room(const struct group *g, uint32_t others)
{
	return g->n_inband + others < g->conf->max_inband;
}

uint32_t inband_behind(const struct group *g)
{
	const struct gmember_more *x;
	uint32_t n = 0;

	TAILQ_FOREACH(x, &g->inbands, by_inband)
		n += is_behind(g, x->m);
	return n;
}

/* ---- life ---------------------------------------------------------------- */

void inband_start(struct group *g)
{
	uint32_t check = g->conf->beat < CHECK_MAX_S ? g->conf->beat
						     : CHECK_MAX_S;

	if (g->n_inband)
		g->inband_back_ms =
			group_now_ms(g) + 2 * check * MSEC_PER_SEC + BACK_MS;
}

uint32_t inband_wait_ms(const struct group *g)
{
	uint32_t wait = spread_back_ms(g);

	return wait < MSEC_PER_SEC ? wait : MSEC_PER_SEC;
}

void inband_init(struct group *g)
{
	timer_init(&g->inband, inband_step, g);
}

void inband_stop(struct group *g)
{
	timer_del(g->k->deps.tq, &g->inband);
}
