// SPDX-License-Identifier: Apache-2.0
#include "gcks/notice.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "crypto/rand.h"
#include "gcks/gmc.h"
#include "gcks/group.h"
#include "lib/log.h"
#include "lib/quota.h"
#include "lib/quote.h"
#include "lib/util.h"

/* Interval of log lines about all strangers together. */
#define STRANGER_MS 1000
/* Suppressed events are summed up after this time unless a line did before. */
#define REST_MS 10000
/* Refusals that were not recorded are summed up in a record after this time. */
#define SUM_MS 600000
/* Octets of a reason in our own words. */
#define WHY_SHOWN 200

static const struct quota_rule of_nets = {
	.burst = 5,
	.every_ms = 10000,
	.keys = 1024,
};

static const struct quota_rule of_identities = {
	.burst = 32,
	.every_ms = 10000,
	.keys = 4096,
};

/* Strangers share one key, so many networks record no more than one does. */
static const struct quota_rule of_records = {
	.burst = 32,
	.every_ms = 60000,
	.keys = 4096,
};

static const struct quota_rule of_same = {
	.burst = 1,
	.every_ms = 10000,
	.keys = 1024,
};

/*
 * Reports of rivals are limited by member, so that a false report cannot fill
 * the log, and by group, since many members may report the same rival.
 */
static const struct quota_rule of_rivals = {
	.burst = 1,
	.every_ms = 60000,
	.keys = 4096,
};

static const struct quota_rule of_crowds = {
	.burst = 4,
	.every_ms = 10000,
	.keys = 256,
};

/* While the store fails, each request may be a change that fails. */
static const struct quota_rule of_failures = {
	.burst = 4,
	.every_ms = 10000,
	.keys = 256,
};

static uint64_t now_of(const struct gcks *k)
{
	return clock_mono_ms(k->deps.clock);
}

static void rest_due(void *arg)
{
	struct gcks *k = arg;
	struct notices *n = &k->notices;

	if (n->strangers)
		log_info("lines suppressed: %llu about unauthenticated peers",
			 (unsigned long long)n->strangers);
	if (n->members)
		log_info("lines suppressed: %llu about members",
			 (unsigned long long)n->members);
	if (n->failed)
		log_info("lines suppressed: %llu about changes that failed",
			 (unsigned long long)n->failed);
	n->strangers = 0;
	n->members = 0;
	n->failed = 0;
}

static void count_suppressed(struct gcks *k, uint64_t *count)
{
	++*count;
	if (!timer_armed(&k->notices.rest))
		timer_set(k->deps.tq, &k->notices.rest, REST_MS);
}

/* ---- records of the trail ------------------------------------------------ */

static void audit_as(struct gcks *k, const char *event, const char *group,
		     const char *identity, const char *detail)
{
	int ret = gmc_audit(k, group, identity, event, detail);

	if (ret)
		log_err("audit record lost: %s",
			store_reason(k->deps.store, ret));
}

static void arm_sum(struct gcks *k)
{
	if (!timer_armed(&k->notices.sum))
		timer_set(k->deps.tq, &k->notices.sum, SUM_MS);
}

static void sum_due(void *arg)
{
	struct gcks *k = arg;
	struct notices *n = &k->notices;
	char detail[128];

	if (!n->unrecorded && !n->unrecorded_members)
		return;
	/* The sum is a refusal, too, and waits for room like others. */
	if (store_audit_scarce(k->deps.store)) {
		arm_sum(k);
		return;
	}
	snprintf(detail, sizeof(detail),
		 "refusals not recorded: %llu of unauthenticated peers, %llu of members",
		 (unsigned long long)n->unrecorded,
		 (unsigned long long)n->unrecorded_members);
	audit_as(k, "refuse", "", "", detail);
	n->unrecorded = 0;
	n->unrecorded_members = 0;
}

/* Return true if the trail may have a refusal of @identity, else count it. */
static bool record_left(struct gcks *k, const char *identity, uint64_t *count)
{
	if (!store_audit_scarce(k->deps.store) &&
	    quota_take(k->notices.records, identity, strlen(identity),
		       now_of(k)))
		return true;
	++*count;
	arm_sum(k);
	return false;
}

/* ---- life -------------------------------------------------------------- */

int notice_init(struct gcks *k)
{
	struct notices *n = &k->notices;
	uint64_t seed;
	int ret;

	timer_init(&n->rest, rest_due, k);
	timer_init(&n->sum, sum_due, k);
	ret = rand_bytes(&seed, sizeof(seed));
	if (ret)
		return ret;
	n->nets = quota_new(&of_nets, seed);
	n->identities = quota_new(&of_identities, seed);
	n->same = quota_new(&of_same, seed);
	n->rivals = quota_new(&of_rivals, seed);
	n->crowds = quota_new(&of_crowds, seed);
	n->failures = quota_new(&of_failures, seed);
	n->records = quota_new(&of_records, seed);
	return n->nets && n->identities && n->same && n->rivals && n->crowds &&
			       n->failures && n->records
		       ? 0
		       : -ENOMEM;
}

void notice_free(struct gcks *k)
{
	struct notices *n = &k->notices;

	timer_del(k->deps.tq, &n->rest);
	timer_del(k->deps.tq, &n->sum);
	quota_free(n->nets);
	quota_free(n->identities);
	quota_free(n->same);
	quota_free(n->rivals);
	quota_free(n->crowds);
	quota_free(n->failures);
	quota_free(n->records);
}

/* ---- strangers ---------------------------------------------------------- */

/*
 * Return true if a line may be written; @more then tells how many were
 * suppressed.
 */
static bool stranger_left(struct gcks *k, const struct ep *from, char *more,
			  size_t size)
{
	struct notices *n = &k->notices;
	uint64_t now = now_of(k);
	struct addr net;

	addr_net(&from->addr, &net);
	if ((n->stranger_ms && now - n->stranger_ms < STRANGER_MS) ||
	    !quota_take(n->nets, &net, sizeof(net), now)) {
		count_suppressed(k, &n->strangers);
		return false;
	}
	more[0] = '\0';
	if (n->strangers)
		snprintf(more, size, " (%llu more not written)",
			 (unsigned long long)n->strangers);
	n->stranger_ms = now ? now : 1;
	n->strangers = 0;
	return true;
}

static void audit_refusal(struct gcks *k, const char *group,
			  const char *identity, const char *detail)
{
	audit_as(k, "refuse", group, identity, detail);
}

/*
 * An unauthenticated name must not get into the trail's column of identities,
 * where searches for a member would find it.
 */
static void auth_failed(struct gcks *k, const struct ike_event *ev)
{
	char peer[PEER_STRLEN], more[48], detail[640];
	struct notices *n = &k->notices;

	if (!stranger_left(k, ev->peer, more, sizeof(more))) {
		n->unrecorded++;
		arm_sum(k);
		return;
	}
	peer_str(ev->peer_name, ev->peer, peer);
	log_info("authentication failed: %s: %.*s%s", peer, WHY_SHOWN, ev->text,
		 more);
	if (!record_left(k, "", &n->unrecorded))
		return;
	more[0] = '\0';
	if (n->unrecorded)
		snprintf(more, sizeof(more), " (%llu more not written)",
			 (unsigned long long)n->unrecorded);
	n->unrecorded = 0;
	snprintf(detail, sizeof(detail), "AUTHENTICATION_FAILED: %s: %.*s%s",
		 peer, WHY_SHOWN, ev->text, more);
	audit_refusal(k, "", "", detail);
}

static void log_stranger(struct gcks *k, enum log_level level,
			 const char *words, const struct ike_event *ev)
{
	char ep[EP_STRLEN], more[48];

	if (stranger_left(k, ev->peer, more, sizeof(more)))
		log_line(level, "%s: %s: %.*s%s", words, ep_str(ev->peer, ep),
			 WHY_SHOWN, ev->text, more);
}

/* ---- members ------------------------------------------------------------ */

bool notice_left(struct gcks *k, const char *identity)
{
	struct notices *n = &k->notices;

	if (quota_take(n->identities, identity, strlen(identity), now_of(k)))
		return true;
	count_suppressed(k, &n->members);
	return false;
}

bool notice_failure_left(struct gcks *k, const char *group)
{
	struct notices *n = &k->notices;

	if (quota_take(n->failures, group, strlen(group), now_of(k)))
		return true;
	count_suppressed(k, &n->failed);
	return false;
}

static void log_member(struct gcks *k, enum log_level level, const char *words,
		       const struct ike_event *ev)
{
	char peer[PEER_STRLEN];

	if (notice_left(k, ev->peer_name))
		log_line(level, "%s: %s: %.*s", words,
			 peer_str(ev->peer_name, ev->peer, peer), WHY_SHOWN,
			 ev->text);
}

void notice_refusal(struct gcks *k, const char *group, const char *identity,
		    const char *what, const char *same, const char *why)
{
	char key[2048], detail[512], name[QUOTE_LEN];
	int len;

	len = snprintf(key, sizeof(key), "%s\n%s\n%s", identity, group,
		       same ? same : why);
	if (len >= (int)sizeof(key))
		len = sizeof(key) - 1;
	/*
	 * The same refusal was written already: it is not counted as
	 * suppressed.
	 */
	if (!quota_take(k->notices.same, key, len, now_of(k)))
		return;
	if (!notice_left(k, identity))
		return;
	quote(identity, name);
	if (*group)
		log_group(LOG_LEVEL_INFO, group,
			  "registration refused: %s: %.*s (%s)", name,
			  WHY_SHOWN, why, what);
	else
		log_info("registration refused: %s: %.*s (%s)", name, WHY_SHOWN,
			 why, what);
	if (!record_left(k, identity, &k->notices.unrecorded_members))
		return;
	snprintf(detail, sizeof(detail), "%s: %.*s", what, WHY_SHOWN, why);
	audit_refusal(k, group, identity, detail);
}

void notice_place(struct gcks *k, const char *group, const char *identity,
		  const struct addr *at, const struct ep *from)
{
	char key[1024], detail[160], peer[PEER_STRLEN], ep[EP_STRLEN];
	char a[ADDR_STRLEN];
	int len;

	len = snprintf(key, sizeof(key), "place\n%s\n%s", group, identity);
	if (len >= (int)sizeof(key))
		len = sizeof(key) - 1;
	if (!quota_take(k->notices.same, key, len, now_of(k)) ||
	    !notice_left(k, identity))
		return;
	addr_str(at, a);
	ep_str(from, ep);
	log_group(LOG_LEVEL_WARN, group,
		  "one identity at two addresses: %s: already a member at %s",
		  peer_str(identity, from, peer), a);
	snprintf(detail, sizeof(detail), "at %s, a member at %s", ep, a);
	audit_as(k, "two-places", group, identity, detail);
}

void notice_moved(struct gcks *k, const char *group, const char *identity,
		  const struct addr *at, const struct ep *to)
{
	char detail[160], peer[PEER_STRLEN], ep[EP_STRLEN], a[ADDR_STRLEN];

	if (!notice_left(k, identity))
		return;
	addr_str(at, a);
	log_group(LOG_LEVEL_INFO, group, "member moved: %s: it was at %s",
		  peer_str(identity, to, peer), a);
	snprintf(detail, sizeof(detail), "from %s to %s", a, ep_str(to, ep));
	audit_as(k, "moved", group, identity, detail);
}

void notice_rival(struct gcks *k, const char *group, const char *identity,
		  const struct ep *peer, uint32_t spi)
{
	char key[1024], detail[160], from[PEER_STRLEN], ep[EP_STRLEN];
	int len;

	/* False reports of one member must not use up the lines of others. */
	len = snprintf(key, sizeof(key), "%s\n%s", group, identity);
	if (len >= (int)sizeof(key))
		len = sizeof(key) - 1;
	if (!quota_take(k->notices.rivals, key, len, now_of(k)) ||
	    !quota_take(k->notices.crowds, group, strlen(group), now_of(k)))
		return;
	if (!notice_left(k, identity))
		return;
	log_group(LOG_LEVEL_ERR, group,
		  "forged rekey: %s: followed Data SA " SPI_FMT
		  ", which is not ours; the signing key is stolen, run mcsecctl reset %s",
		  peer_str(identity, peer, from), spi, group);
	snprintf(detail, sizeof(detail),
		 "reported by the member at %s: Data SA " SPI_FMT,
		 ep_str(peer, ep), spi);
	audit_as(k, "rival", group, identity, detail);
}

/* ---- events of ike/ ----------------------------------------------------- */

void notice_ike(struct gcks *k, const struct ike_event *ev)
{
	switch (ev->type) {
	case IKE_EV_UP:
		log_member(k, LOG_LEVEL_INFO, "authentication succeeded", ev);
		break;
	case IKE_EV_CLOSED:
		log_member(k, LOG_LEVEL_INFO, "IKE SA closed", ev);
		break;
	case IKE_EV_REFUSED:
		log_member(k, LOG_LEVEL_WARN, "refused by peer", ev);
		break;
	case IKE_EV_AUTH_FAILED:
		auth_failed(k, ev);
		break;
	case IKE_EV_REQUEST_REFUSED:
		log_stranger(k, LOG_LEVEL_INFO, "request refused", ev);
		break;
	case IKE_EV_MOVED:
		log_member(k, LOG_LEVEL_INFO, "address changed", ev);
		break;
	case IKE_EV_CAP:
		log_stranger(k, LOG_LEVEL_WARN, "limit reached", ev);
		break;
	}
}
