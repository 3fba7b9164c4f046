// SPDX-License-Identifier: Apache-2.0
/* Grants of this host, which edges need: asked for, kept, and shown to relays. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/edges.h"
#include "crypto/sign.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/util.h"
#include "member/member.h"
#include "wire/fold.h"

/* Pauses before a grant is asked for again; after a refusal, which may be corrected, longer. */
#define ASK_PAUSE_MS 2000
#define REFUSED_PAUSE_MS 15000

static uint64_t wall_now_s(void)
{
	return (uint64_t)clock_wall(clock_system());
}

static uint64_t mono_now_ms(void)
{
	return clock_mono_ms(clock_system());
}

void edge_grants_forget(struct egroup *g)
{
	free(g->octets);
	g->octets = NULL;
	g->len = 0;
	if (g->child)
		child_set_grants(g->child, NULL, 0);
	if (g->served)
		parent_del_group(g->e->parent, g->name);
	g->served = false;
	sigpub_free(g->key);
	g->key = NULL;
}

void edge_grants_show(struct egroup *g)
{
	struct edge_grant v[EDGE_MAX_GRANTS];
	unsigned int i, n = 1;
	size_t octets = 0;
	int ret;

	if (!g->child || !g->len)
		return;
	v[0] = (struct edge_grant){ 0, g->octets, g->len };
	if (g->served)
		n += parent_below(g->e->parent, g->name, v + 1,
				  EDGE_MAX_GRANTS - 1);
	/* A request has room for so many octets, and the nearest members come first. */
	for (i = 0; i < n && octets + v[i].len <= EDGE_GRANTS_OCTETS; i++)
		octets += v[i].len;
	ret = child_set_grants(g->child, v, i);
	if (ret)
		log_group(LOG_LEVEL_ERR, g->name, "grant not shown: %s",
			  strerror(-ret));
}

/* ---- requests ------------------------------------------------------------ */

static bool is_grant_due(const struct egroup *g, const struct ike_sa *sa)
{
	uint64_t pause = g->verdict > GRANT_GIVEN ? REFUSED_PAUSE_MS
						  : ASK_PAUSE_MS;

	if (g->asked_ms && mono_now_ms() - g->asked_ms < pause)
		return false;
	if (!g->len || g->needs_new || g->asked_sid != g->first_sid ||
	    g->asked_sids != g->n_sids)
		return true;
	/* The key server tells relays of ended grants over this IKE SA. */
	if (g->relay && g->asked_serial != ike_sa_serial(sa))
		return true;
	return wall_now_s() >= g->renew_s;
}

static void ask_grant(struct egroup *g, struct ike_sa *sa)
{
	struct grant_request req = { .relay = g->relay };
	int ret;

	memcpy(req.group, g->name, sizeof(req.group));
	g->asked_serial = ike_sa_serial(sa);
	/* The IKE SA may have ended when this returns. */
	ret = ike_ask_grant(sa, &req);
	if (ret)
		log_group(LOG_LEVEL_DEBUG, g->name, "grant not asked for: %s",
			  strerror(-ret));
	g->asked_ms = mono_now_ms();
	g->asked_sid = g->first_sid;
	g->asked_sids = g->n_sids;
}

void edge_grants_run(struct egroup *g)
{
	struct ike_sa *sa = member_ike_sa(g->e->app->member);

	if (!g->in || (g->len && g->grant.expires <= wall_now_s()))
		edge_grants_forget(g);
	if (g->in && sa && ike_sa_is_up(sa) && is_grant_due(g, sa))
		ask_grant(g, sa);
}

/* ---- answers ------------------------------------------------------------- */

static void refuse_answer(struct egroup *g, enum grant_verdict verdict,
			  const char *why)
{
	/* A pause is no reason for a line each time. */
	if (g->verdict != verdict)
		log_group(LOG_LEVEL_WARN, g->name, "grant refused: %s", why);
	g->verdict = verdict;
	if (verdict != GRANT_BUSY && verdict != GRANT_FAILED)
		edge_grants_forget(g);
}

const char *edge_grant_fault(const struct grant *grant, const char *group,
			     const struct ike_id *self, uint64_t now)
{
	struct ike_id own = *self;

	id_fold(&own);
	if (strcmp(grant->group, group) || !id_equal(&grant->member, &own))
		return "it is not this host's";
	/* The key server has just signed it. */
	if (grant->expires <= now)
		return "it has expired by this host's clock, which is ahead of the key server's";
	return NULL;
}

/*
 * Return when half of the grant's time is over. The time when it was issued may be behind
 * its end (gcks/grants.c), and this host's clock behind the key server's.
 */
static uint64_t half_of_time(const struct grant *grant, uint64_t now)
{
	uint64_t from = grant->issued < grant->expires ? grant->issued : now;

	return from + (grant->expires - from) / 2;
}

/* Take over the grant of an answer. Returns 0, or -errno with the reason in *@why. */
static int take_grant(struct egroup *g, const struct grant_answer *ans,
		      const char **why)
{
	struct sigpub *key = NULL;
	const char *fault;
	struct grant grant;
	uint8_t *octets;
	int ret;

	*why = "it is not signed as it should be";
	ret = grant_parse(ans->p, ans->len, &grant);
	if (!ret)
		ret = sigpub_from_spki(ans->key, ans->key_len, &key);
	if (!ret)
		ret = grant_verify(ans->p, ans->len, key);
	fault = ret ? NULL
		    : edge_grant_fault(&grant, g->name, &g->e->self,
				       wall_now_s());
	if (fault) {
		*why = fault;
		ret = -EBADMSG;
	}
	octets = ret ? NULL : malloc(ans->len);
	if (!octets) {
		sigpub_free(key);
		if (!ret)
			*why = "out of memory";
		return ret ? ret : -ENOMEM;
	}
	memcpy(octets, ans->p, ans->len);
	free(g->octets);
	sigpub_free(g->key);
	g->octets = octets;
	g->len = ans->len;
	g->grant = grant;
	g->renew_s = half_of_time(&grant, wall_now_s());
	g->key = key;
	return 0;
}

static void use_grant(struct egroup *g)
{
	int ret = 0;

	g->needs_new = false;
	if (g->relay && !g->served)
		ret = parent_add_group(g->e->parent, g->name);
	if (ret)
		log_group(LOG_LEVEL_ERR, g->name, "relay not started: %s",
			  strerror(-ret));
	else if (g->relay && !g->served)
		log_group(LOG_LEVEL_INFO, g->name,
			  "relay started: children may ask for edges");
	g->served = g->relay && !ret;
	edge_grants_show(g);
}

static void got_grant_answer(struct egroup *g, const struct grant_answer *ans)
{
	const char *why;
	int ret;

	if (!g->in)
		return;
	if (ans->verdict != GRANT_GIVEN) {
		refuse_answer(g, ans->verdict, grant_verdict_str(ans->verdict));
		return;
	}
	ret = take_grant(g, ans, &why);
	if (ret) {
		refuse_answer(g, GRANT_FAILED, why);
		return;
	}
	g->verdict = GRANT_GIVEN;
	use_grant(g);
}

void edge_grants_answer(struct edges *e, struct ike_sa *sa,
			const struct grant_answer *ans)
{
	struct egroup *g;

	if (sa != member_ike_sa(e->app->member))
		return;
	LIST_FOREACH(g, &e->groups, link) {
		if (!ans)
			refuse_answer(g, GRANT_NO_RELAYS,
				      "the key server knows of no grants");
		else if (!strcmp(g->name, ans->group))
			got_grant_answer(g, ans);
	}
}
