// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/trail.h"
#include "ctl/ctl.h"
#include "ctl/health.h"
#include "ctl/problem.h"
#include "ctl/report.h"
#include "gcks/gcks.h"
#include "gcks/quorum.h"
#include "ike/engine.h"
#include "lib/clock.h"
#include "lib/util.h"

/* Senders confirm new keys ATD after they have come, or within this time. */
#define CONFIRM_MS 30000
/* Senders repeat their reports, so that a restarted key server has them by then. */
#define REPORT_MS 330000
/* Messages that wait longer were not sent. */
#define UNSENT_MS 5000
/* Members renew after at most nine tenths of the time that they have. */
#define RENEW_PERCENT 95
/* A sync that takes longer is late, see app/audit.c. */
#define SYNC_MS 2000
/* Names in a line, and in each list. */
#define NAMES_SHOWN 3
#define NAMES_MAX 100

struct gcks_walk {
	const struct ctl_roles *r;
	const char *group;
	struct problems *p;
	json_t *confirmations;
	unsigned int n;
};

/* The members of a group, as they are looked at. */
struct roster {
	time_t now;
	json_t *confirmed;
	json_t *waiting;
	json_t *late;
	json_t *overdue; /* waiting ones that are late */
	unsigned int n_waiting;
	unsigned int n_overdue;
	unsigned int n_late;
	uint64_t patience_ms; /* until a sender that waits is overdue */
	uint64_t longest_ms;
	int64_t first_end; /* the first end of a late membership */
};

static void take_name(json_t *list, const char *name)
{
	if (json_array_size(list) < NAMES_MAX)
		json_array_append_new(list, report_text(name));
}

/* Return true if the member has used up the time in which members renew. */
static bool is_late(const struct gcks_member_status *s, time_t now)
{
	int64_t term = s->until - s->registered;

	return s->until && term > 0 &&
	       (now - s->registered) * 100 > term * RENEW_PERCENT;
}

static int judge_member(void *arg, const struct gcks_member_status *s)
{
	struct roster *l = arg;

	if (s->send && s->confirmed)
		take_name(l->confirmed, s->identity);
	if (s->send && !s->confirmed) {
		take_name(l->waiting, s->identity);
		l->n_waiting++;
	}
	if (s->late_ms > l->patience_ms) {
		take_name(l->overdue, s->identity);
		l->n_overdue++;
	}
	if (s->late_ms > l->longest_ms)
		l->longest_ms = s->late_ms;
	if (!is_late(s, l->now))
		return 0;
	take_name(l->late, s->identity);
	if (!l->n_late++ || s->until < l->first_end)
		l->first_end = s->until;
	return 0;
}

/* Write the first names of @n in @list. Returns @buf. */
static const char *names_str(const json_t *list, unsigned int n, char *buf,
			     size_t size)
{
	size_t i, len = 0;

	buf[0] = '\0';
	for (i = 0; i < n && i < NAMES_SHOWN && len < size; i++)
		len += snprintf(buf + len, size - len, "%s%s", i ? ", " : "",
				json_string_value(json_array_get(list, i)));
	if (n > NAMES_SHOWN && len < size)
		snprintf(buf + len, size - len, " and %u more",
			 n - NAMES_SHOWN);
	return buf;
}

static void judge_roster(const struct gcks_walk *w,
			 const struct gcks_group_status *s,
			 const struct roster *l)
{
	char names[512], date[DATE_STRLEN];

	if (l->n_overdue)
		problem_add(w->p, "senders-late", s->conf->name,
			    "see \"mcsecctl health\" there; what it sends by older keys is dropped once these end, and \"mcsecctl evict\" ends its right",
			    "%u of %u senders have not confirmed the current key for %" PRIu64
			    " s: %s",
			    l->n_overdue, s->senders,
			    l->longest_ms / MSEC_PER_SEC,
			    names_str(l->overdue, l->n_overdue, names,
				      sizeof(names)));
	if (s->inband_behind && s->waited_ms > CONFIRM_MS)
		problem_add(w->p, "inband-members-late", s->conf->name,
			    "see \"mcsecctl health\" there, and whether UDP passes in both directions",
			    "%u of %u members that are rekeyed inband do not have the current key",
			    s->inband_behind, s->inband);
	if (l->n_late)
		problem_add(w->p, "members-late", s->conf->name,
			    "see whether they run and reach the key server, and when their certificates end",
			    "%u of %u members have not renewed in time, and the first membership ends at %s: %s",
			    l->n_late, s->members, date_str(l->first_end, date),
			    names_str(l->late, l->n_late, names,
				      sizeof(names)));
}

static void put_confirmation(const struct gcks_walk *w,
			     const struct gcks_group_status *s,
			     const struct roster *l)
{
	json_t *o = json_object();

	json_object_set_new(o, "group", report_text(s->conf->name));
	json_object_set_new(o, "data-spi", json_integer(s->data_spi));
	json_object_set_new(o, "changed-ms",
			    json_integer((json_int_t)s->changed_ms));
	json_object_set_new(o, "members", json_integer(s->members));
	json_object_set_new(o, "senders", json_integer(s->senders));
	json_object_set_new(o, "n-waiting", json_integer(l->n_waiting));
	json_object_set(o, "confirmed", l->confirmed);
	json_object_set(o, "waiting", l->waiting);
	json_array_append_new(w->confirmations, o);
}

static void judge_sending(const struct gcks_walk *w,
			  const struct gcks_group_status *s)
{
	/* A change that the store has refused is not sent either, for another reason. */
	bool unsent = s->unsent_change && !s->store_failed &&
		      s->waited_ms > UNSENT_MS;

	if (s->unsent_why || unsent)
		problem_add(w->p, "rekeys-not-sent", s->conf->name,
			    "give \"rekey-interface\" of the group, or a route to the rekey address",
			    "rekeys cannot be sent%s%s",
			    s->unsent_why ? ": " : "",
			    s->unsent_why ? s->unsent_why : "");
}

static void judge_stores(const struct gcks_walk *w,
			 const struct gcks_group_status *s)
{
	if (s->store_failed)
		problem_add(w->p, "store-failed", s->conf->name,
			    "see the log of mcsecd and the file system of \"store\": its room, its owner",
			    "the store has refused the last change of the group");
	if (s->witness_behind)
		problem_add(w->p, "witness-failed", s->conf->name,
			    "see the log of mcsecd and the file system of \"witness\"",
			    "the witness lacks the last change of the group, so a store that goes back in time may not be noticed");
}

struct overdue {
	json_t *names;
	unsigned int n;
};

static int take_overdue(void *arg, const struct signed_order *o)
{
	struct overdue *v = arg;

	if (o->notified) {
		v->n++;
		take_name(v->names, o->identity);
	}
	return 0;
}

static void judge_orders(const struct gcks_walk *w,
			 const struct gcks_group_status *s)
{
	struct overdue v = { json_array(), 0 };
	char names[512];

	quorum_waiting(w->r->gcks, s->conf->name, take_overdue, &v);
	if (v.n)
		problem_add(w->p, "evictions-unconfirmed", s->conf->name,
			    "let other administrators sign the order too, or one to admit them again, and bring it by \"mcsecctl policy apply\"",
			    "%u evicted by one administrator alone, and not confirmed in time, stay out: %s",
			    v.n, names_str(v.names, v.n, names, sizeof(names)));
	json_decref(v.names);
}

static int judge_keyed_group(void *arg, const struct gcks_group_status *s)
{
	struct gcks_walk *w = arg;
	struct roster l = {
		.now = clock_wall(w->r->clock ? w->r->clock : clock_system()),
		.patience_ms =
			s->changed ? s->conf->atd * MSEC_PER_SEC + CONFIRM_MS
				   : REPORT_MS,
	};

	if (w->group && strcmp(w->group, s->conf->name))
		return 0;
	w->n++;
	l.confirmed = json_array();
	l.waiting = json_array();
	l.late = json_array();
	l.overdue = json_array();
	gcks_each_member(w->r->gcks, s->conf->name, judge_member, &l);
	judge_sending(w, s);
	judge_stores(w, s);
	judge_orders(w, s);
	if (s->keyed) {
		judge_roster(w, s, &l);
		put_confirmation(w, s, &l);
	}
	json_decref(l.confirmed);
	json_decref(l.waiting);
	json_decref(l.late);
	json_decref(l.overdue);
	return 0;
}

static void judge_sockets(const struct ctl_roles *r, struct problems *p)
{
	if (r->gcks_engine && ike_engine_loses(r->gcks_engine))
		problem_add(p, "datagrams-lost", NULL,
			    "let a firewall in front of the key server limit who sends most, and see what else uses its CPUs and whether the log asks for a larger net.core.rmem_max",
			    "sockets of the key server had no room for datagrams in the last ten minutes, of members too: %ju since it started",
			    (uintmax_t)ike_engine_stats(r->gcks_engine)
				    ->in_lost);
}

unsigned int health_of_gcks(const struct ctl_roles *r, const char *group,
			    struct problems *p, json_t *confirmations)
{
	struct gcks_walk w = {
		.r = r,
		.group = group,
		.p = p,
		.confirmations = confirmations,
	};

	if (!group)
		judge_sockets(r, p);
	gcks_each_group(r->gcks, judge_keyed_group, &w);
	return w.n;
}

void health_of_trail(const struct trail_state *s, struct problems *p)
{
	if (s->error)
		problem_add(p, "audit-not-written", NULL,
			    "see the file system of the trail: its room, its owner; lines wait in the store until it can be written",
			    "the audit trail cannot be written: %s", s->error);
	if (s->damage)
		problem_add(p, "audit-damaged", NULL,
			    "\"mcsecctl audit verify\" shows where; find out who has changed it, then restart mcsecd, which goes on behind the damage",
			    "the audit trail was damaged before the last start: %s",
			    s->damage);
	if (s->scarce)
		problem_add(p, "audit-scarce", NULL,
			    "make room on the file system of the trail, or set audit-keep",
			    "the file system of the audit trail is nearly full, so that refusals are only counted");
	if (s->late_ms > SYNC_MS)
		problem_add(p, "audit-late", NULL,
			    "see what keeps the disk of the trail busy",
			    "the disk has not taken the audit trail for %" PRIu64
			    " s",
			    s->late_ms / MSEC_PER_SEC);
}
