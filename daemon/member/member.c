// SPDX-License-Identifier: Apache-2.0
#include "member/member.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ike/psk.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/util.h"
#include "member/leftover.h"
#include "member/membership.h"
#include "wire/proto.h"

/* Random delay before a sender whose IKE SA was closed opens another one. */
#define SPREAD_MS 5000
/* Delay after a stale answer, since the rekey that overtook it is arriving. */
#define STALE_MS 1000

static void idle_sa_due(void *arg)
{
	register_idle_sa(arg);
}

static void unreachable_due(void *arg)
{
	register_unreachable(arg);
}

/* ---- life --------------------------------------------------------------- */

int member_new(const struct conf_member *conf, const struct member_deps *deps,
	       struct member **out, struct err *err)
{
	struct member *m = calloc(1, sizeof(*m));
	struct mgroup *g;
	size_t i;

	if (!m)
		return err_set(err, -ENOMEM, "out of memory");
	m->conf = conf;
	m->deps = *deps;
	TAILQ_INIT(&m->groups);
	leftover_init(m);
	timer_init(&m->idle_sa, idle_sa_due, m);
	timer_init(&m->unreachable, unreachable_due, m);
	if (peer_id_parse(&m->gcks_id, conf->gcks_id)) {
		member_free(m);
		return err_set(err, -EINVAL, "\"%s\" is not an identity",
			       conf->gcks_id);
	}
	for (i = 0; i < conf->n_groups; i++) {
		g = membership_new(m, &conf->groups[i]);
		if (!g) {
			member_free(m);
			return err_set(err, -ENOMEM, "out of memory");
		}
		TAILQ_INSERT_TAIL(&m->groups, g, all);
	}
	*out = m;
	return 0;
}

void member_set_engine(struct member *m, struct ike_engine *engine)
{
	m->engine = engine;
}

/*
 * Warn of a group that an earlier run has left open, or with keys that nobody replaces
 * now, and that is not configured. Another mcsecd on this host may have it, so that it is
 * left alone.
 */
static int warn_unconfigured(void *arg, const struct kgroup_info *info)
{
	const struct member *m = arg;
	unsigned int flow;

	if (strcmp(info->group.owner, "mcsecd") ||
	    mgroup_of_kernel(m, info->group.name, &flow))
		return 0;
	if (info->sas)
		log_group(LOG_LEVEL_WARN, info->group.name,
			  "keys left in use: the kernel has them for the group, which is not configured here; if no other mcsecd has it, \"mcsecctl sa flush %s\" ends their use",
			  info->group.name);
	if (info->group.policy != MCSEC_POLICY_ENFORCE)
		log_group(LOG_LEVEL_WARN, info->group.name,
			  "partly protected: the kernel has the group, which is not configured here, with the policy \"observe\": \"mcsecctl group set %s policy enforce\" ends that",
			  info->group.name);
	return 0;
}

int member_protect(struct member *m, struct err *err)
{
	struct mgroup *g;
	int ret;

	if (m->protected)
		return 0;
	TAILQ_FOREACH(g, &m->groups, all) {
		ret = membership_protect(g, err);
		if (ret)
			return ret;
	}
	TAILQ_FOREACH(g, &m->groups, all)
		membership_take_over(g);
	m->protected = true;
	m->deps.kernel->ops->group_dump(m->deps.kernel->ctx, warn_unconfigured,
					m, NULL);
	return 0;
}

int member_start(struct member *m, struct err *err)
{
	struct mgroup *g;
	int ret;

	/*
	 * All groups are closed in the kernel before the first message is sent.
	 */
	ret = member_protect(m, err);
	if (ret)
		return ret;
	TAILQ_FOREACH(g, &m->groups, all)
		membership_join(g);
	return 0;
}

static void drop_group(struct mgroup *g)
{
	TAILQ_REMOVE(&g->m->groups, g, all);
	membership_free(g);
}

void member_free(struct member *m)
{
	if (!m)
		return;
	timer_del(m->deps.tq, &m->idle_sa);
	timer_del(m->deps.tq, &m->unreachable);
	leftover_free(m);
	while (!TAILQ_EMPTY(&m->groups))
		drop_group(TAILQ_FIRST(&m->groups));
	free(m);
}

/* ---- GSA_REKEY input ---------------------------------------------------- */

/* Handle a message over @rk, which may be freed by it. */
static void open_rekey(struct mrekey *rk, const uint8_t *p, size_t len)
{
	struct member *m = rk->g->m;
	uint32_t expected = rk->rs.next_mid;
	struct rekey_msg msg;
	enum rekey_rc rc;
	struct err err = {};

	if (rival_repeats(rk, p, len)) {
		m->drops[REKEY_OLD]++;
		return;
	}
	rekey_msg_init(&msg);
	rc = rekey_open_frags(&rk->rs, &rk->frags, p, len, &msg, &err);
	m->drops[rc]++;
	if (!rk->retired && (rc == REKEY_OK || rc == REKEY_FRAGMENT))
		rival_accepted(rk, expected, p, len);
	else if (!rk->retired)
		rival_rejected(rk, rc, p, len);
	if (rc == REKEY_OK) {
		/* A replaced Rekey SA brings nothing new. */
		if (!rk->retired)
			install_rekey(rk->g, rk, &msg);
	} else if (msg_is_fragment(p, len) && rc >= REKEY_SYNTAX &&
		   rc <= REKEY_CRITICAL) {
		/*
		 * Another member forged a fragment: ask, even though copies may
		 * follow.
		 */
		doubt_once(rk->g, DOUBT_EARLY, ONCE_FRAGMENT, rk->rs.spi,
			   sizeof(rk->rs.spi), 0);
	} else if (rc == REKEY_POLICY || rc == REKEY_UNSUPPORTED) {
		group_warn(rk->g, "rekey not supported: %s", err.text);
		register_again(rk->g, 0, "a rekey has an unsupported policy");
	}
	rekey_msg_free(&msg);
}

/*
 * Open early messages whose Rekey SA is installed now, and those that depend
 * on them.
 */
static void open_early(struct mgroup *g)
{
	struct mrekey *rk;
	struct early *e;

	for (;;) {
		rk = TAILQ_FIRST(&g->rekeys);
		e = rk && !rk->retired ? early_take(g, &rk->rs) : NULL;
		if (!e)
			return;
		open_rekey(rk, e->p, e->len);
		free(e);
	}
}

/* ---- callbacks of ike/ -------------------------------------------------- */

static struct mgroup *find_by_idg(struct member *m, const struct ike_id *idg)
{
	struct mgroup *g;

	TAILQ_FOREACH(g, &m->groups, all)
		if (id_equal(&g->idg, idg))
			return g;
	return NULL;
}

void member_registered(struct member *m, struct ike_sa *sa,
		       const struct ike_id *idg, const struct gsa *gsa,
		       struct kd *kd, bool transport)
{
	struct mgroup *g = find_by_idg(m, idg);
	struct err err = {};
	int ret;

	if (!g || (!mgroup_is_registering(g) && !mgroup_is_leaving(g)))
		return;
	register_answered(m, g);
	if (register_outdated(g))
		return;
	if (mgroup_is_leaving(g)) {
		if (ike_leave(sa, idg))
			register_left(g);
		return;
	}
	ret = install_registration(g, sa, gsa, kd, transport, &err);
	if (!ret) {
		gckscert_learn(g, sa);
		register_done(g);
		term_learn(g, &gsa->gw);
		open_early(g);
		group_info(g, "registration succeeded: as %s",
			   g->conf->send ? "sender" : "receiver");
		return;
	}
	if (ret == -ESTALE) {
		register_end_request(g);
		register_again(g, STALE_MS, err.text);
		return;
	}
	if (ret == -EPROTO)
		ike_report(sa, idg, IKE_N_NO_PROPOSAL_CHOSEN);
	register_failed(g, 0, err.text);
}

/*
 * The key server, authenticated over an IKE SA that is up, may say that this
 * member is not authorized any more. The member then stops at once, because the
 * GSA_REKEY that excluded it may have been lost. Answers to requests that are out
 * of date do not count, and a receiver that is not allowed to send stays a receiver.
 */
static bool ends_membership(const struct mgroup *g, const struct ike_sa *sa,
			    uint16_t notify)
{
	if (!ike_sa_is_up(sa) || !mgroup_is_in(g) || g->changed)
		return false;
	return notify == GIKE_N_INVALID_GROUP_ID ||
	       (notify == GIKE_N_AUTHORIZATION_FAILED &&
		(!g->conf->send || msa_all_send(g)));
}

void member_refused(struct member *m, struct ike_sa *sa,
		    const struct ike_id *idg, uint16_t notify, const char *text)
{
	struct mgroup *g = find_by_idg(m, idg);

	register_answered(m, g);
	if (notify)
		m->unreachable_logged = false;
	if (!g || (!mgroup_is_registering(g) && !mgroup_is_leaving(g)))
		return;
	if (ends_membership(g, sa, notify))
		install_excluded(g, ike_notify_name(notify));
	register_failed(g, notify, text ? text : "");
}

void member_later(struct member *m, struct ike_sa *sa, const struct ike_id *idg,
		  uint32_t ms)
{
	struct mgroup *g = find_by_idg(m, idg);

	register_answered(m, g);
	if (!g || (!mgroup_is_registering(g) && !mgroup_is_leaving(g)))
		return;
	if (register_outdated(g))
		return;
	m->unreachable_logged = false;
	if (!mgroup_is_leaving(g))
		register_put_off(g, ms);
	else if (ike_leave(sa, idg))
		register_left(g);
}

void member_changed(struct member *m, const uint8_t *group, size_t len,
		    uint32_t spi)
{
	struct mgroup *g;

	TAILQ_FOREACH(g, &m->groups, all)
		if (strlen(g->conf->name) == len &&
		    !memcmp(g->conf->name, group, len))
			register_keys_changed(g, spi);
}

void member_sent(struct member *m, int ret)
{
	m->send_error = ret;
}

void member_left(struct member *m, struct ike_sa *sa, const struct ike_id *idg)
{
	struct mgroup *g = find_by_idg(m, idg);

	(void)sa;
	register_answered(m, g);
	if (g)
		register_left(g);
}

/*
 * Return true if @g must register again because @sa has ended, over which requests
 * were made if @was_used.
 *
 * The membership depends on the Rekey SA and continues. A member without one is
 * excluded (RFC 9838 section 2.3.3; see inband_watch.c) by the end of the IKE SA
 * that its rekeys come over, also if other groups use another one by now. Senders
 * must stay in contact with the key server, and so must a member that has detected
 * a rival, and one that has edges, which needs grants.
 */
static bool needs_ike_sa(const struct mgroup *g, const struct ike_sa *sa,
			 bool was_used)
{
	if (!mgroup_is_in(g))
		return false;
	if (g->inband)
		return g->inband_sa == sa;
	return was_used &&
	       (ike_sa_move_failed(sa) || g->conf->send || g->conf->relay ||
		g->conf->parents.n || g->stolen_key[0]);
}

void member_sa_closed(struct member *m, struct ike_sa *sa, const char *reason)
{
	bool was_used = m->sa == sa;
	struct mgroup *g;

	log_debug("IKE SA closed: to the key server: %s", reason);
	if (ike_sa_peer_revoked(sa))
		gckscert_refused(m);
	if (was_used) {
		m->sa = NULL;
		timer_del(m->deps.tq, &m->idle_sa);
	}
	TAILQ_FOREACH(g, &m->groups, all) {
		bool needed = needs_ike_sa(g, sa, was_used);

		if (g->inband_sa == sa)
			g->inband_sa = NULL;
		if (needed)
			register_again(g, member_random(SPREAD_MS),
				       "IKE SA closed");
	}
}

/* ---- events ------------------------------------------------------------- */

/* Return the Rekey SA in use if it announced @spi, else NULL. */
static struct mrekey *announced_by(const struct mgroup *g, const uint8_t *spi)
{
	struct mrekey *rk = TAILQ_FIRST(&g->rekeys);
	unsigned int i;

	for (i = 0; rk && i < rk->n_next; i++)
		if (!memcmp(rk->next[i], spi, GIKE_SPI_LEN_REKEY))
			return rk;
	return NULL;
}

static struct mrekey *find_rekey(struct member *m, const uint8_t *spi)
{
	struct mgroup *g;
	struct mrekey *rk;

	TAILQ_FOREACH(g, &m->groups, all)
		TAILQ_FOREACH(rk, &g->rekeys, all)
			if (!memcmp(rk->rs.spi, spi, GIKE_SPI_LEN_REKEY))
				return rk;
	return NULL;
}

/*
 * The SPI of a Rekey SA is secret until its first use (RFC 9838 section
 * 4.4.2.2.3), so a message over the next one shows that a rekey was missed.
 * Former members know these SPIs as well, though, and the header is not
 * authenticated: it causes one registration per Rekey SA at most.
 */
static void handle_unknown_spi(struct member *m, const uint8_t *p, size_t len)
{
	const uint8_t *spi = rekey_peek_spi(p, len);
	struct mrekey *rk;
	struct mgroup *g;

	m->drops[REKEY_OTHER_SPI]++;
	TAILQ_FOREACH(g, &m->groups, all) {
		rk = announced_by(g, spi);
		if (!mgroup_is_in(g))
			continue;
		if (!rk) {
			doubt_rekey(g, spi, false);
			continue;
		}
		early_store(g, p, len);
		if (!doubt_once(g, DOUBT_EARLY, ONCE_OUTRUN, rk->rs.spi,
				sizeof(rk->rs.spi), 0))
			doubt_rekey(g, spi, true);
	}
}

void member_rekey_input(struct member *m, const struct ep *from,
			const uint8_t *p, size_t len)
{
	const uint8_t *spi = rekey_peek_spi(p, len);
	struct mrekey *rk;
	struct mgroup *g;

	(void)from;
	if (!spi) {
		m->drops[REKEY_SHORT]++;
		return;
	}
	rk = find_rekey(m, spi);
	if (!rk || rk->retired)
		rival_other_sa(m, p, len);
	if (!rk) {
		handle_unknown_spi(m, p, len);
		return;
	}
	g = rk->g;
	if (g->gcks_revoked) {
		m->drops[REKEY_REVOKED]++;
		return;
	}
	open_rekey(rk, p, len);
	open_early(g);
}

/*
 * An administrator deleted a group that is no longer configured. The kernel
 * keeps it closed until this process releases it, too.
 */
static void release_group(struct mgroup *g, unsigned int flow)
{
	char text[SELECTOR_STRLEN];

	if (membership_unprotect(g, flow))
		return;
	g->gone |= 1u << flow;
	if (mgroup_flows(g) > 1)
		group_info(g, "group released: %s is no longer protected",
			   selector_str(conf_flow_sel(g->conf, flow), text));
	else
		group_info(g,
			   "group released: its address is no longer protected");
	if (g->gone == (1u << mgroup_flows(g)) - 1)
		drop_group(g);
}

/*
 * A reload that failed has asked for a group that it could not have, and that this
 * process owns since. The kernel refuses this for groups of other daemons.
 */
static void release_unknown(const struct member *m, const char *name)
{
	const struct kernel *k = m->deps.kernel;

	if (!k->ops->group_del(k->ctx, name, false, NULL))
		log_group(LOG_LEVEL_INFO, name,
			  "group released: its address is no longer protected");
}

static bool is_newest(const struct msa *s)
{
	return s && s == msa_newest(s->g, s->flow);
}

void member_kernel_event(struct member *m, const struct kevent *ev)
{
	unsigned int flow;
	struct mgroup *g = mgroup_of_kernel(m, ev->group, &flow);
	struct msa *s;

	if (ev->type == KEVENT_RESYNC) {
		TAILQ_FOREACH(g, &m->groups, all)
			membership_resync(g);
		return;
	}
	if (!g && ev->type == KEVENT_GROUP_GONE)
		release_unknown(m, ev->group);
	if (!g)
		return;
	if (ev->type == KEVENT_GROUP_GONE && g->removed) {
		release_group(g, flow);
		return;
	}
	if (ev->type == KEVENT_GROUP_GONE) {
		group_warn(g,
			   "group deleted by another program: traffic is dropped until it is added again");
		membership_resync(g);
		return;
	}
	s = msa_find(g, ev->spi);
	switch (ev->type) {
	case KEVENT_ACQUIRE:
		if (!mgroup_is_in(g))
			register_retry_early(g);
		break;
	case KEVENT_SOFT_EXPIRE:
	case KEVENT_HARD_EXPIRE:
		if (is_newest(s)) {
			g->used_up |= ev->limit != MCSEC_LIMIT_TIME;
			register_again(g, 0,
				       ev->limit == MCSEC_LIMIT_ROLLBACK
					       ? "the machine was copied or is hibernating"
					       : "the Data SA is used up");
		}
		break;
	case KEVENT_IV_EXHAUSTING:
		if (is_newest(s)) {
			g->used_up = true;
			register_again(g, 0, "a Sender-ID is used up");
		}
		break;
	case KEVENT_UNKNOWN_SPI:
		doubt_esp(g, ev->spi);
		break;
	case KEVENT_NEW_SENDER:
	case KEVENT_GROUP_GONE:
	case KEVENT_RESYNC:
		break;
	}
}

void member_link_event(struct member *m, const struct link_event *ev)
{
	struct mgroup *g;

	TAILQ_FOREACH(g, &m->groups, all)
		membership_watch_devs(g);
	if (!(ev->what &
	      (LINK_NEW | LINK_UP | LINK_ADDR | LINK_ROUTE | LINK_RESYNC)))
		return;
	TAILQ_FOREACH(g, &m->groups, all) {
		if (ev->what & (LINK_UP | LINK_RESYNC))
			rekey_group_link_up(g, (uint32_t)ev->link.ifindex);
		if (g->joined)
			rekey_group_join(g);
		register_retry_early(g);
		doubt_link_changed(g);
	}
	if (m->engine)
		ike_engine_moved(m->engine);
}

/* ---- control ------------------------------------------------------------ */

static int each_group(struct member *m, const char *name,
		      int (*fn)(struct mgroup *))
{
	struct mgroup *g;

	if (name) {
		g = mgroup_find(m, name);
		return g && !g->removed ? fn(g) : -ENOENT;
	}
	TAILQ_FOREACH(g, &m->groups, all)
		if (!g->removed)
			fn(g);
	return 0;
}

int member_leave(struct member *m, const char *group)
{
	return each_group(m, group, membership_leave);
}

int member_join(struct member *m, const char *group)
{
	return each_group(m, group, membership_join);
}

bool member_idle(const struct member *m)
{
	const struct mgroup *g;

	TAILQ_FOREACH(g, &m->groups, all)
		if (mgroup_is_leaving(g))
			return false;
	return true;
}

/* ---- status ------------------------------------------------------------- */

const uint64_t *member_rekey_drops(const struct member *m)
{
	return m->drops;
}

struct ike_sa *member_ike_sa(const struct member *m)
{
	return m->sa;
}

bool member_gcks_unreachable(const struct member *m)
{
	return m->unreachable_logged;
}
