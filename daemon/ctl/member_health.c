// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/edge_report.h"
#include "ctl/health.h"
#include "ctl/problem.h"
#include "lib/util.h"
#include "member/member.h"

/* A larger difference of the clocks is reported. */
#define CLOCK_MS 60000

struct member_walk {
	const struct ctl_roles *r;
	const char *group;
	struct problems *p;
	unsigned int n;
	bool clock_told; /* one key server has one clock */
};

static const char no_group_cure[] =
	"wait a moment, then see the log of mcsecd; \"mcsecctl group show\" "
	"lists the groups that are there";
static const char again_cure[] =
	"\"mcsecctl group del NAME --force\" lets mcsecd add it again";
static const char enforce_cure[] =
	"\"mcsecctl group set NAME policy enforce\" ends that, or \"policy\" in "
	"mcsecd.conf if it stands there";
static const char sa_cure[] =
	"ask for other keys: \"mcsecctl rekey\" at the key server, or "
	"\"mcsecctl leave\" and \"mcsecctl join\" here; find out who changes the "
	"module's groups";

/* Name of each fault of the kernel's group, and what helps. */
static const struct {
	const char *kind;
	const char *cure;
} faults[] = {
	[MEMBER_FAULT_UNREAD] = { "kernel-unread",
				  "see whether the module is loaded: \"lsmod\"" },
	[MEMBER_FAULT_NO_GROUP] = { "kernel-group-missing", no_group_cure },
	[MEMBER_FAULT_OBSERVES] = { "kernel-group-observes", enforce_cure },
	[MEMBER_FAULT_OTHER_GROUP] = { "kernel-group-differs", again_cure },
	[MEMBER_FAULT_NO_SA] = { "kernel-sa-missing", sa_cure },
	[MEMBER_FAULT_DEAD_SA] = { "kernel-sa-ended", sa_cure },
	[MEMBER_FAULT_OTHER_SA] = { "kernel-sa-differs", sa_cure },
};

static void judge_kernel(const struct member_walk *w,
			 const struct member_group_status *s)
{
	const char *name = s->conf->name;
	enum member_fault fault;
	struct err why = {};

	fault = member_difference(w->r->member, name, &why);
	if (fault == MEMBER_FAULT_UNREAD)
		problem_unchecked(w->p, faults[fault].kind, name,
				  faults[fault].cure, "%s", why.text);
	else if (fault != MEMBER_FAULT_NONE)
		problem_add(w->p, faults[fault].kind, name, faults[fault].cure,
			    "%s", why.text);
}

static const char here_cure[] =
	"correct that here, or at the key server; mcsecd tries again by itself, "
	"and \"mcsecctl join\" does so at once";
static const char there_cure[] =
	"the log of the key server has its reason; mcsecd tries again by itself, "
	"and \"mcsecctl join\" does so at once";

/* Why the member is not in, and what an administrator can do about it. */
static void judge_absence(const struct member_walk *w,
			  const struct member_group_status *s)
{
	const char *name = s->conf->name;

	if (s->state == MEMBER_OUT || s->state == MEMBER_LEAVING ||
	    s->state == MEMBER_REJOINING)
		problem_add(w->p, "left", name,
			    "\"mcsecctl join\" with the name of the group registers again",
			    "this host has left the group, whose traffic is dropped");
	else if (*s->last_error)
		problem_add(w->p, "not-registered", name,
			    s->found_here ? here_cure : there_cure,
			    "not registered, %s: %s",
			    s->n_sas
				    ? "and what has the keys of before passes until they end"
				    : "so traffic is dropped",
			    s->last_error);
	else
		problem_add(w->p, "registering", name,
			    "wait some seconds, then ask again",
			    "the registration is not answered yet, so traffic is dropped");
}

static const char *heard_str(const struct member_group_status *s, char *buf,
			     size_t size)
{
	if (s->heard)
		snprintf(buf, size, "the last one came %" PRIu64 " s ago",
			 s->heard_ms / MSEC_PER_SEC);
	else
		snprintf(buf, size, "none has come since the registration");
	return buf;
}

static const char *rekey_dev(const struct member_group_status *s,
			     char name[static IF_NAMESIZE])
{
	if (!s->rekey_ifindex)
		return "any interface";
	return if_indextoname(s->rekey_ifindex, name) ? name : "?";
}

static void judge_reception(const struct member_walk *w,
			    const struct member_group_status *s)
{
	char ep[EP_STRLEN], heard[64], name[IF_NAMESIZE] = "?";
	const char *note = s->rekey_note;

	ep_str(&s->rekey_to, ep);
	heard_str(s, heard, sizeof(heard));
	if (s->deaf && !s->rekey_ifindex) {
		problem_add(w->p, "rekeys-not-joined", s->conf->name,
			    "give \"interface\" in the role member, or a route to the rekey address",
			    "rekeys cannot be received: %s%s%s", s->deaf,
			    *note ? ": " : "", note);
		return;
	}
	if (s->deaf) {
		if_indextoname(s->rekey_ifindex, name);
		problem_add(w->p, "rekey-interface-down", s->conf->name,
			    "set the link up (\"ip link\"), or give another \"interface\" in the role member",
			    "rekeys cannot be received at %s: %s has no carrier or is down",
			    ep, name);
	}
	if (s->silent && !s->inband)
		problem_add(w->p, "rekeys-not-heard", s->conf->name,
			    "see whether UDP to that address gets from the key server to this interface (if it is the wrong one, set \"interface\" in the role member): firewalls, IGMP snooping without a querier, multicast routing",
			    "no rekey or beat arrives at %s on %s: %s", ep,
			    rekey_dev(s, name), heard);
}

static void judge_keys(const struct member_walk *w,
		       const struct member_group_status *s)
{
	bool told = (s->silent && !s->inband) ||
		    (s->deaf && s->doubt && !strcmp(s->deaf, s->doubt));

	if (s->doubt && !told)
		problem_add(w->p, "keys-in-doubt", s->conf->name,
			    "mcsecd asks the key server by itself; if this stays, see the log of both",
			    "the keys may be out of date: %s", s->doubt);
	if (*s->last_error && !s->n_sas)
		problem_add(w->p, "not-answered", s->conf->name,
			    s->found_here ? here_cure : there_cure,
			    "the keys have ended, so traffic is dropped, and the key server gives no others: %s",
			    s->last_error);
	else if (*s->last_error)
		problem_add(w->p, "not-answered", s->conf->name,
			    "see the log of the key server; this host keeps its keys until they end",
			    "the key server does not confirm the keys: %s",
			    s->last_error);
	if (s->unread_ms)
		problem_add(w->p, "keys-not-in-use", s->conf->name,
			    "wait so long, then ask again",
			    "this host has registered just now, and may lack the keys that senders still use, for %u s at most",
			    (unsigned int)msec_to_sec_up(s->unread_ms));
	if (s->gcks_revoked)
		problem_add(w->p, "key-server-revoked", s->conf->name,
			    "give the key server another certificate",
			    "the certificate of the key server is revoked, so it is not followed any more");
	if (s->wary)
		problem_add(w->p, "signing-key-stolen", s->conf->name,
			    "\"mcsecctl reset\" at the key server makes another signing key",
			    "somebody else rekeys the group with a stolen signing key");
}

static void judge_interfaces(const struct member_walk *w,
			     const struct member_group_status *s)
{
	const struct conf_devs *d = &s->conf->devs;
	size_t i;

	for (i = 0; i < d->n; i++)
		if (s->no_devs & 1ull << i)
			problem_add(w->p, "interface-missing", s->conf->name,
				    "add the interface, or correct \"interfaces\" of the group",
				    "no interface %s, on which the group is to be protected",
				    d->name[i]);
}

static void judge_clock(struct member_walk *w,
			const struct member_group_status *s)
{
	int64_t ahead = s->clock_ahead_ms;

	if (w->clock_told || !s->has_clock ||
	    (ahead < CLOCK_MS && ahead > -CLOCK_MS))
		return;
	w->clock_told = true;
	problem_add(w->p, "clock-differs", NULL,
		    "set the clock that is wrong, best by NTP; a key server whose clock was set after its start has the former time until it is restarted",
		    "the clock of this host is %" PRId64
		    " s %s that of the key server",
		    (ahead < 0 ? -ahead : ahead) / (int64_t)MSEC_PER_SEC,
		    ahead < 0 ? "behind" : "ahead of");
}

static int judge_mgroup(void *arg, const struct member_group_status *s)
{
	struct member_walk *w = arg;

	if (w->group && strcmp(w->group, s->conf->name))
		return 0;
	w->n++;
	judge_kernel(w, s);
	if (s->removed) {
		problem_add(w->p, "removed-group", s->conf->name,
			    "\"mcsecctl group del NAME --force\" releases its address",
			    "the group is not configured any more, and its address is kept closed");
		return 0;
	}
	judge_interfaces(w, s);
	judge_clock(w, s);
	if (!member_state_is_in(s->state)) {
		judge_absence(w, s);
		return 0;
	}
	judge_reception(w, s);
	judge_keys(w, s);
	return 0;
}

/* Kind of each loss, its number in words, and what helps. */
static const struct {
	const char *kind;
	const char *text;
	const char *cure;
} losses[MEMBER_LOST_REASONS] = {
	[MEMBER_LOST_CLEAR] = {
		"clear-dropped", "arrived in the clear and were dropped",
		"let the sender be a member of the group: \"tcpdump\" shows its address; if this host routes the group, set \"forward\"",
	},
	[MEMBER_LOST_UNKNOWN] = {
		"unknown-dropped",
		"arrived with a key that this host does not have, and were dropped",
		"compare the SPIs of \"mcsecctl sa show\" here and at the sender, and see \"mcsecctl health\" there",
	},
	[MEMBER_LOST_SENDERS] = {
		"senders-dropped",
		"arrived of one sender too many, and were dropped",
		"raise \"max-senders\" of the group here, and restart mcsecd",
	},
	[MEMBER_LOST_UNSENT] = {
		"unsent",
		"of this host were dropped, as it has no key to send with",
		"see \"mcsecctl status\"",
	},
};

static const char receiver_cure[] =
	"end the program that sends, or set \"send = true\" of the group here and "
	"name this host in \"senders\" at the key server";

static void judge_loss(void *arg, const struct conf_mgroup *conf,
		       enum member_lost why, uint64_t n)
{
	const struct member_walk *w = arg;
	const char *cure = losses[why].cure;

	if (w->group && strcmp(w->group, conf->name))
		return;
	if (why == MEMBER_LOST_UNSENT && !conf->send)
		cure = receiver_cure;
	problem_add(w->p, losses[why].kind, conf->name, cure,
		    "%" PRIu64 " datagram%s %s within the last minute", n,
		    n == 1 ? "" : "s", losses[why].text);
}

unsigned int health_of_member(const struct ctl_roles *r, const char *group,
			      struct problems *p)
{
	struct member_walk w = { .r = r, .group = group, .p = p };

	if (member_gcks_unreachable(r->member))
		problem_add(p, "key-server-not-heard", NULL,
			    "see whether mcsecd runs there, \"gcks\" has its address, a route leads to it, and UDP 848 and 4500 pass in both directions",
			    "the key server does not answer");
	member_each_group(r->member, judge_mgroup, &w);
	member_each_lost(r->member, judge_loss, &w);
	health_of_edges(r, group, p);
	return w.n;
}
