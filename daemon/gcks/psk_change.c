// SPDX-License-Identifier: Apache-2.0
#include "gcks/psk_change.h"

#include <string.h>

#include "gcks/gkm_store.h"
#include "gcks/gmc.h"
#include "lib/log.h"

/* Records that one transaction writes. */
#define WRITTEN_MAX 1024

#define REPLACED \
	"its pre-shared key is another one than before the key server ended"

/* ---- at a start, and when the table changes ---------------------------- */

void psk_change_start(struct group *g)
{
	struct htab_walk w = { 0 };
	struct psk_mark mark;
	struct gmember *m;

	while ((m = gmc_each(g, &w))) {
		if (!m->by_psk)
			continue;
		psk_mark_of(g->k->deps.psks, m->identity, &mark);
		if (!mark.known || psk_mark_same(&m->more->mark, &mark))
			continue;
		if (m->more->mark.known)
			gmc_set_must_go(g, m, REPLACED);
		else
			gmc_set_mark(g, m, &mark, false);
	}
}

bool psk_change_table(struct group *g)
{
	struct htab_walk w = { 0 };
	struct psk_mark mark;
	struct gmember *m;
	bool some = false;

	while ((m = gmc_each(g, &w))) {
		if (!m->by_psk || m->must_go_why)
			continue;
		if (psk_is_lost(m, g->k->deps.psks)) {
			gmc_set_must_go(g, m, PSK_REMOVED);
			some = true;
			continue;
		}
		psk_mark_of(g->k->deps.psks, m->identity, &mark);
		if (mark.known && !psk_mark_same(&m->more->mark, &mark))
			gmc_set_mark(g, m, &mark, false);
	}
	return some;
}

void psk_change_carry(const struct gmember *was, struct gmember *m)
{
	if (was->more->unmarked && !m->must_go_why && m->by_psk)
		gmc_set_mark(m->more->g, m, &was->more->mark, false);
}

/* ---- the store --------------------------------------------------------- */

static void marks_stored(struct group *g, void *arg, int ret, const char *why)
{
	struct gmember_more *x, *next;

	(void)arg;
	for (x = TAILQ_FIRST(&g->unmarked); x; x = next) {
		next = TAILQ_NEXT(x, by_mark);
		/* The table may have changed once more meanwhile. */
		if (x->marking && !ret)
			gmc_set_mark(g, x->m, &x->mark, true);
		x->marking = false;
	}
	if (!ret) {
		g->st.version++;
		return;
	}
	if (ret == -ECANCELED)
		return;
	if (notice_failure_left(g->k, g->conf->name))
		group_warn(g,
			   "store failed: records of members: %s; next try in %u s",
			   why, COMMIT_RETRY_MS / 1000);
	timer_set(g->k->deps.tq, &g->marks, COMMIT_RETRY_MS);
}

static int record_marks(struct group *g)
{
	struct gmember_more *x;
	unsigned int n = 0;
	int ret;

	ret = commit_begin(g);
	if (ret)
		return ret;
	TAILQ_FOREACH(x, &g->unmarked, by_mark) {
		if (ret || n++ == WRITTEN_MAX)
			break;
		ret = gmc_put_member(g, x->m);
		x->marking = true;
	}
	if (!ret)
		ret = gkm_count(g);
	if (ret)
		commit_discard(g);
	return ret;
}

bool psk_change_store(struct group *g)
{
	int ret;

	if (TAILQ_EMPTY(&g->unmarked) || timer_armed(&g->marks))
		return false;
	ret = record_marks(g);
	if (ret) {
		g->store_errors++;
		marks_stored(g, NULL, ret, strerror(-ret));
	} else {
		commit_send(g, g->st.version + 1, marks_stored, NULL);
	}
	return true;
}

static void marks_due(void *arg)
{
	struct group *g = arg;

	g->ops->idle(g);
}

void psk_change_init(struct group *g)
{
	timer_init(&g->marks, marks_due, g);
}

void psk_change_stop(struct group *g)
{
	timer_del(g->k->deps.tq, &g->marks);
}
