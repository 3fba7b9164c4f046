// SPDX-License-Identifier: Apache-2.0
/* Where rekeys are heard: the address is joined, again when links change. */
#include <stdio.h>
#include <string.h>

#include "lib/log.h"
#include "member/mgroup.h"

/* A rekey address that could not be joined is tried again. */
#define LISTEN_RETRY_MS 5000

/* Said when it changes; the status has it all the time. */
static void tell_heard(struct mgroup *g, int rc, const char *note)
{
	char ep[EP_STRLEN];

	if (rc == g->heard_on && !strcmp(note, g->heard_note))
		return;
	g->heard_on = rc;
	snprintf(g->heard_note, sizeof(g->heard_note), "%s", note);
	ep_str(&g->rekey_to, ep);
	if (rc < 0)
		log_warn("group %s: %s not joined, rekeys are not heard: %s",
			 g->conf->name, ep, note);
	else if (note[0])
		log_info("group %s: %s joined: %s", g->conf->name, ep, note);
}

void listen_join(struct mgroup *g)
{
	struct member *m = g->m;
	struct mrekey *rk = TAILQ_FIRST(&g->rekeys);
	char note[sizeof(g->heard_note)] = "";
	int rc;

	if (!rk || rk->going)
		return;
	rc = m->deps.join_rekey(m->deps.ctx, &g->rekey_to, &g->rekey_source,
				m->conf->interface, note, sizeof(note));
	g->heard = true;
	tell_heard(g, rc, note);
	if (rc >= 0)
		timer_del(mgroup_tq(g), &g->listen);
	else
		timer_set(mgroup_tq(g), &g->listen, LISTEN_RETRY_MS);
}

void listen_leave(struct mgroup *g)
{
	struct member *m = g->m;

	timer_del(mgroup_tq(g), &g->listen);
	if (!g->heard)
		return;
	m->deps.leave_rekey(m->deps.ctx, &g->rekey_to, &g->rekey_source);
	g->heard = false;
	g->heard_on = 0;
	g->heard_note[0] = 0;
}

void listen_to(struct mgroup *g, const struct gsa_sa *policy)
{
	struct ep to = { .addr = policy->dst.lo, .port = policy->dst.port_lo };
	struct addr source = { 0 };

	if (ts_is_one_addr(&policy->src))
		source = policy->src.lo;
	if (g->heard && (!ep_equal(&to, &g->rekey_to) ||
			 !addr_equal(&source, &g->rekey_source)))
		listen_leave(g);
	g->rekey_to = to;
	g->rekey_source = source;
	if (!g->heard)
		listen_join(g);
}

static void listen_due(void *arg)
{
	listen_join(arg);
}

void listen_init(struct mgroup *g)
{
	timer_init(&g->listen, listen_due, g);
}
