// SPDX-License-Identifier: Apache-2.0
/* The table of commands, and a function for each. */
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/trail.h"
#include "crypto/cert.h"
#include "ctl/ctl.h"
#include "ctl/edge_report.h"
#include "ctl/health.h"
#include "ctl/policies.h"
#include "ctl/report.h"
#include "ctl/version.h"
#include "gcks/gcks.h"
#include "gcks/quorum.h"
#include "lib/clock.h"
#include "lib/util.h"
#include "member/member.h"

#define AUDIT_MAX 1000

/* Arguments that a command accepts. */
enum {
	WITH_GROUP = 1 << 0,
	NEEDS_GROUP = 1 << 1,
	NEEDS_ID = 1 << 2,
	WITH_AFTER = 1 << 3,
	WITH_AHEAD = 1 << 4,
	WITH_SIGNING_KEY = 1 << 5,
	WITH_CHECK = 1 << 6,
	/* An order to the key server, which is recorded before it is done. */
	IS_ORDER = 1 << 7,
	WITH_VERSION = 1 << 8,
	NEEDS_DOCUMENT = 1 << 9,
};

/* The command is not finished; its function will call request_end(). */
#define LATER 1

struct ctl_request {
	struct ctl_roles roles;
	ctl_done_fn *done; /* NULL: the client is gone */
	void *arg;
	json_t *in;
	bool running; /* the command has not returned yet */
	bool ended; /* the command has ended before it returned */
	int ret;
	const char *group;
	const char *id;
	const char *document;
	uint64_t after;
	uint64_t version;
	bool ahead;
	bool signing_key;
	bool check;
	const char *file;
	int (*fn)(struct ctl_request *q); /* the command, if it is an order */
	bool noted; /* the line of the order was stored, or not: see @ret */
	bool order; /* recorded in the audit trail */
	/* The user who asks; a request may outlive its client. */
	char actor[GCKS_ACTOR_MAX];
	/* The answer, apart from "ok". */
	json_t *out;
	struct err err;
};

static char *answer_text(struct ctl_request *q, int ret)
{
	json_t *o = json_object(), *e;
	char *text;

	json_object_set_new(o, "ok", json_boolean(!ret));
	json_object_set_new(o, "json-version",
			    json_integer(MCSEC_JSON_VERSION));
	if (ret) {
		if (!q->err.text[0])
			err_set(&q->err, ret, "%s", strerror(-ret));
		e = report_text(q->err.text);
		json_object_set_new(o, "error", e);
	} else {
		json_object_update(o, q->out);
	}
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return text;
}

static void request_free(struct ctl_request *q, int ret)
{
	ctl_done_fn *done = q->done;
	void *arg = q->arg;
	char *text = done ? answer_text(q, ret) : NULL;

	json_decref(q->in);
	json_decref(q->out);
	free(q);
	if (done)
		done(arg, text);
}

/* A change has lines of its own; only that there was none is said here. */
static void note_refusal(const struct ctl_request *q, int ret)
{
	const char *why = q->err.text[0] ? q->err.text : strerror(-ret);

	if (!q->order || !ret)
		return;
	gcks_set_actor(q->roles.gcks, q->actor);
	gcks_note_refused_order(q->roles.gcks, q->group ? q->group : "",
				q->id ? q->id : "", why);
	gcks_set_actor(q->roles.gcks, "");
}

static void request_finish(struct ctl_request *q, int ret)
{
	note_refusal(q, ret);
	request_free(q, ret);
}

/* End a command that returned LATER, possibly before it returns. */
static void request_end(struct ctl_request *q, int ret, const char *why)
{
	if (ret)
		err_set(&q->err, ret, "%s", why);
	q->ret = ret;
	q->ended = true;
	if (!q->running)
		request_finish(q, ret);
}

static int no_group(struct ctl_request *q)
{
	return err_set(&q->err, -ENOENT, "no group \"%s\"", q->group);
}

static int needs_gcks(struct ctl_request *q)
{
	return q->roles.gcks ? 0
			     : err_set(&q->err, -EOPNOTSUPP,
				       "this mcsecd has no role gcks");
}

static int needs_member(struct ctl_request *q)
{
	return q->roles.member ? 0
			       : err_set(&q->err, -EOPNOTSUPP,
					 "this mcsecd has no role member");
}

static int do_version(struct ctl_request *q)
{
	json_object_set_new(q->out, "version", json_string(q->roles.version));
	return 0;
}

static void add_trail(struct ctl_request *q)
{
	const struct ctl_roles *r = &q->roles;
	struct trail_state s = { 0 };

	if (r->audit)
		r->audit(r->app, &s);
	if (s.dir)
		json_object_set_new(q->out, "audit", report_trail(&s));
}

static void add_crls(struct ctl_request *q)
{
	const struct ctl_roles *r = &q->roles;
	const struct crls *crls = r->trust ? trust_crls(r->trust) : NULL;

	if (crls)
		json_object_set_new(q->out, "crl",
				    report_crls(crls, r->trust,
						clock_wall(clock_system())));
}

static void add_member(struct ctl_request *q, int *found)
{
	const struct ctl_roles *r = &q->roles;
	json_t *o;

	if (!r->member)
		return;
	o = report_member(r->member, r->member_engine, q->group, found);
	report_edges(r, q->group, o);
	json_object_set_new(q->out, "member", o);
}

static int do_status(struct ctl_request *q)
{
	const struct ctl_roles *r = &q->roles;
	int found = 0;

	if (!q->group)
		add_crls(q);
	json_object_set_new(q->out, "version", json_string(r->version));
	if (r->gcks)
		json_object_set_new(q->out, "gcks",
				    report_gcks(r->gcks, r->gcks_engine,
						q->group, &found));
	if (r->gcks && !q->group)
		add_trail(q);
	add_member(q, &found);
	return q->group && !found ? no_group(q) : 0;
}

static int do_health(struct ctl_request *q)
{
	int found = 0;

	report_health(&q->roles, q->group, q->out, &found);
	return q->group && !found ? no_group(q) : 0;
}

static int do_watch(struct ctl_request *q)
{
	const struct ctl_roles *r = &q->roles;
	int ret = r->watch ? r->watch(r->client) : -EOPNOTSUPP;

	return ret == -EBUSY ? err_set(&q->err, ret, "%d clients watch already",
				       CTL_MAX_WATCHERS)
			     : ret;
}

static int do_member(struct ctl_request *q)
{
	const struct ctl_roles *r = &q->roles;
	int found = 0;

	if (r->gcks)
		json_object_set_new(q->out, "rosters",
				    report_rosters(r->gcks, q->group, &found));
	add_member(q, &found);
	return q->group && !found ? no_group(q) : 0;
}

struct change {
	const char *group;
	bool unsent;
	uint32_t unconfirmed;
};

static int command_note_change(void *arg, const struct gcks_group_status *s)
{
	struct change *c = arg;

	if (strcmp(c->group, s->conf->name))
		return 0;
	c->unsent = s->unsent_change;
	c->unconfirmed = s->unconfirmed;
	return 1;
}

/* The answer has the current state. The status shows later changes. */
static void command_evict_done(void *arg, int ret, uint32_t effective_ms,
			       const char *why)
{
	struct ctl_request *q = arg;
	struct change c = { .group = q->group };

	if (!ret) {
		gcks_each_group(q->roles.gcks, command_note_change, &c);
		json_object_set_new(q->out, "effective-ms",
				    json_integer(effective_ms));
		json_object_set_new(q->out, "sent", json_boolean(!c.unsent));
		json_object_set_new(q->out, "waiting-for-senders",
				    json_integer(c.unconfirmed));
	}
	request_end(q, ret, why);
}

static void order_done(void *arg, int ret, uint32_t effective_ms,
		       const char *why)
{
	(void)effective_ms;
	request_end(arg, ret, why);
}

static int do_evict(struct ctl_request *q)
{
	int ret = needs_gcks(q);

	if (ret)
		return ret;
	(q->ahead ? gcks_evict_ahead : gcks_evict)(q->roles.gcks, q->group,
						   q->id, command_evict_done,
						   q);
	return LATER;
}

static int do_admit(struct ctl_request *q)
{
	int ret = needs_gcks(q);

	if (ret)
		return ret;
	gcks_admit(q->roles.gcks, q->group, q->id, order_done, q);
	return LATER;
}

static int do_rekey(struct ctl_request *q)
{
	int ret = needs_gcks(q);

	if (ret)
		return ret;
	(q->signing_key ? gcks_renew_signing_key
			: gcks_rekey)(q->roles.gcks, q->group, order_done, q);
	return LATER;
}

static int do_reset(struct ctl_request *q)
{
	int ret = needs_gcks(q);

	if (ret)
		return ret;
	gcks_reset(q->roles.gcks, q->group, order_done, q);
	return LATER;
}

static int do_reseal(struct ctl_request *q)
{
	int ret = needs_gcks(q);

	return ret ? ret : gcks_reseal(q->roles.gcks, &q->err);
}

static void command_reload_done(void *arg, int ret, const char *why)
{
	request_end(arg, ret, why);
}

static void add_change(void *arg, const char *line)
{
	json_array_append_new(arg, report_text(line));
}

static int do_reload(struct ctl_request *q)
{
	const struct ctl_roles *r = &q->roles;
	json_t *changes;

	if (!r->app)
		return err_set(&q->err, -EOPNOTSUPP,
			       "this mcsecd cannot reload");
	if (q->file && !q->check)
		return err_set(&q->err, -EINVAL, "\"file\" is for a check");
	if (!q->check) {
		r->reload(r->app, command_reload_done, q);
		return LATER;
	}
	changes = json_array();
	json_object_set_new(q->out, "changes", changes);
	return r->reload_check(r->app, q->file, add_change, changes, &q->err);
}

static int member_result(struct ctl_request *q, int ret, const char *already)
{
	if (ret == -ENOENT)
		return no_group(q);
	if (ret == -EALREADY)
		return err_set(&q->err, ret, "group \"%s\": %s", q->group,
			       already);
	return ret ? err_set(&q->err, ret, "group \"%s\": %s", q->group,
			     strerror(-ret))
		   : 0;
}

static int do_leave(struct ctl_request *q)
{
	int ret = needs_member(q);

	return ret ? ret
		   : member_result(q, member_leave(q->roles.member, q->group),
				   "the member has left already");
}

static int do_join(struct ctl_request *q)
{
	int ret = needs_member(q);

	return ret ? ret
		   : member_result(q, member_join(q->roles.member, q->group),
				   "the member has joined already");
}

static int do_audit(struct ctl_request *q)
{
	int ret = needs_gcks(q);

	if (!ret)
		json_object_set_new(q->out, "audit",
				    report_audit(q->roles.gcks, q->after,
						 AUDIT_MAX));
	return ret;
}

static int do_policy(struct ctl_request *q)
{
	int ret = needs_gcks(q);

	return ret ? ret
		   : report_policies(q->roles.gcks, q->group, q->version,
				     q->out, &q->err);
}

static int do_policy_check(struct ctl_request *q)
{
	int ret = needs_gcks(q);

	return ret ? ret
		   : report_verdict(q->roles.gcks, q->group, q->document,
				    q->out);
}

static void command_applied(void *arg, int ret, uint32_t effective_ms,
			    const char *why)
{
	struct ctl_request *q = arg;

	if (!ret && effective_ms)
		json_object_set_new(q->out, "effective-ms",
				    json_integer(effective_ms));
	if (!ret)
		report_waiting(q->roles.gcks, q->group, q->out);
	request_end(q, ret, why);
}

static int do_policy_apply(struct ctl_request *q)
{
	int ret = needs_gcks(q);

	if (ret)
		return ret;
	quorum_apply(q->roles.gcks, q->group, q->document, strlen(q->document),
		     command_applied, q);
	return LATER;
}

/* Carry out an order whose line is in the store. */
static int run_order(struct ctl_request *q)
{
	int ret;

	q->order = true;
	gcks_set_actor(q->roles.gcks, q->actor);
	ret = q->fn(q);
	gcks_set_actor(q->roles.gcks, "");
	return ret;
}

/* The store has the line of an order, perhaps before ctl_ask() returns. */
static void order_noted(void *arg, int ret, const char *why)
{
	struct ctl_request *q = arg;
	bool at_once = q->running;

	q->running = true;
	if (ret)
		err_set(&q->err, ret,
			"the order cannot be recorded, so it is not carried out: %s",
			why);
	else
		ret = run_order(q);
	q->running = at_once;
	q->noted = true;
	if (ret == LATER && q->ended)
		ret = q->ret;
	if (at_once)
		q->ret = ret;
	else if (ret != LATER)
		request_finish(q, ret);
}

/*
 * The line of an order is stored before it is carried out: no order takes
 * effect without a line of who gave it.
 */
static int note_order(struct ctl_request *q, const char *name)
{
	char words[64];
	int ret;

	snprintf(words, sizeof(words), "%s%s%s", name, q->ahead ? " ahead" : "",
		 q->signing_key ? " signing-key" : "");
	ret = gcks_note_order(q->roles.gcks, q->group ? q->group : "",
			      q->id ? q->id : "", words, order_noted, q);
	if (ret)
		return err_set(&q->err, ret,
			       "the order cannot be recorded, so it is not carried out: %s",
			       strerror(-ret));
	return q->noted ? q->ret : LATER;
}

static const struct command {
	const char *name;
	unsigned int takes;
	int (*fn)(struct ctl_request *q);
} commands[] = {
	{ "version", 0, do_version },
	{ "status", WITH_GROUP, do_status },
	{ "health", WITH_GROUP, do_health },
	{ "watch", 0, do_watch },
	{ "member", WITH_GROUP, do_member },
	{ "evict", NEEDS_GROUP | NEEDS_ID | WITH_AHEAD | IS_ORDER, do_evict },
	{ "admit", NEEDS_GROUP | NEEDS_ID | IS_ORDER, do_admit },
	{ "rekey", WITH_GROUP | WITH_SIGNING_KEY | IS_ORDER, do_rekey },
	{ "reset", NEEDS_GROUP | IS_ORDER, do_reset },
	{ "reseal", IS_ORDER, do_reseal },
	{ "reload", WITH_CHECK | IS_ORDER, do_reload },
	{ "leave", NEEDS_GROUP, do_leave },
	{ "join", NEEDS_GROUP, do_join },
	{ "audit", WITH_AFTER, do_audit },
	{ "policy", NEEDS_GROUP | WITH_VERSION, do_policy },
	{ "policy-check", NEEDS_GROUP | NEEDS_DOCUMENT, do_policy_check },
	{ "policy-apply", NEEDS_GROUP | NEEDS_DOCUMENT | IS_ORDER,
	  do_policy_apply },
};

static const struct command *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

/* Get an argument, NULL if there is none. Without @with the command refuses it. */
static int find_value(struct ctl_request *q, json_t *o, const char *key,
		      bool with, json_t **v)
{
	*v = json_object_get(o, key);
	if (*v && !with)
		return err_set(&q->err, -EINVAL,
			       "\"%s\" is not for this command", key);
	return 0;
}

/* Take a text argument. *@to is unchanged if there is none. */
static int take_text(struct ctl_request *q, json_t *o, const char *key,
		     bool with, bool needs, const char **to)
{
	json_t *v;
	int ret = find_value(q, o, key, with || needs, &v);

	if (ret)
		return ret;
	if (!v)
		return needs ? err_set(&q->err, -EINVAL, "\"%s\" is missing",
				       key)
			     : 0;
	if (!json_is_string(v) || !*json_string_value(v))
		return err_set(&q->err, -EINVAL, "\"%s\" has to be a string",
			       key);
	*to = json_string_value(v);
	return 0;
}

static int take_count(struct ctl_request *q, json_t *o, const char *key,
		      bool with, uint64_t *to)
{
	json_t *v;
	int ret = find_value(q, o, key, with, &v);

	if (ret || !v)
		return ret;
	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return err_set(&q->err, -EINVAL, "\"%s\" has to be a number",
			       key);
	*to = (uint64_t)json_integer_value(v);
	return 0;
}

static int take_bool(struct ctl_request *q, json_t *o, const char *key,
		     bool with, bool *to)
{
	json_t *v;
	int ret = find_value(q, o, key, with, &v);

	if (ret || !v)
		return ret;
	if (!json_is_boolean(v))
		return err_set(&q->err, -EINVAL,
			       "\"%s\" has to be true or false", key);
	*to = json_is_true(v);
	return 0;
}

/* A program may state its JSON version, and gets an error if it differs. */
static int check_version(struct ctl_request *q, json_t *o)
{
	json_t *v = json_object_get(o, "json-version");

	if (!v || json_integer_value(v) == MCSEC_JSON_VERSION)
		return 0;
	return err_set(&q->err, -EPROTONOSUPPORT,
		       "\"json-version\" has to be %d", MCSEC_JSON_VERSION);
}

static int run_recorded(struct ctl_request *q, const struct command *c)
{
	struct gcks *k = c->takes & IS_ORDER && !q->check ? q->roles.gcks
							  : NULL;
	int ret;

	if (!k)
		return c->fn(q);
	q->fn = c->fn;
	gcks_set_actor(k, q->actor);
	ret = note_order(q, c->name);
	gcks_set_actor(k, "");
	return ret;
}

/* Refuse a member that no command takes. */
static int check_request_keys(struct ctl_request *q, json_t *o)
{
	static const char *const known[] = {
		"cmd",	    "group",	   "id",	  "after",
		"ahead",    "signing-key", "check",	  "file",
		"document", "version",	   "json-version"
	};
	const char *key;
	json_t *v;
	size_t i;

	json_object_foreach(o, key, v) {
		for (i = 0; i < ARRAY_SIZE(known); i++)
			if (!strcmp(key, known[i]))
				break;
		if (i == ARRAY_SIZE(known))
			return err_set(&q->err, -EINVAL,
				       "\"%.60s\" is not known", key);
	}
	return 0;
}

static int take_arguments(struct ctl_request *q, json_t *o, unsigned int takes)
{
	int ret;

	ret = take_text(q, o, "group", takes & WITH_GROUP, takes & NEEDS_GROUP,
			&q->group);
	if (!ret)
		ret = take_text(q, o, "id", false, takes & NEEDS_ID, &q->id);
	if (!ret)
		ret = take_count(q, o, "after", takes & WITH_AFTER, &q->after);
	if (!ret)
		ret = take_count(q, o, "version", takes & WITH_VERSION,
				 &q->version);
	if (!ret)
		ret = take_bool(q, o, "ahead", takes & WITH_AHEAD, &q->ahead);
	if (!ret)
		ret = take_bool(q, o, "signing-key", takes & WITH_SIGNING_KEY,
				&q->signing_key);
	if (!ret)
		ret = take_bool(q, o, "check", takes & WITH_CHECK, &q->check);
	if (!ret)
		ret = take_text(q, o, "file", takes & WITH_CHECK, false,
				&q->file);
	return ret ? ret
		   : take_text(q, o, "document", false, takes & NEEDS_DOCUMENT,
			       &q->document);
}

static int run_command(struct ctl_request *q, json_t *o)
{
	const struct command *c;
	json_t *v;
	int ret;

	ret = check_version(q, o);
	if (ret)
		return ret;
	v = json_object_get(o, "cmd");
	if (!json_is_string(v))
		return err_set(&q->err, -EINVAL, "\"cmd\" is missing");
	c = find_command(json_string_value(v));
	if (!c)
		return err_set(&q->err, -EINVAL, "unknown command \"%.60s\"",
			       json_string_value(v));
	ret = check_request_keys(q, o) ?: take_arguments(q, o, c->takes);
	return ret ? ret : run_recorded(q, c);
}

static int request_parse(struct ctl_request *q, const char *request, size_t len)
{
	json_error_t je;

	q->in = json_loadb(request, len, JSON_REJECT_DUPLICATES, &je);
	if (!q->in)
		return err_set(&q->err, -EINVAL, "not JSON: %s", je.text);
	if (!json_is_object(q->in))
		return err_set(&q->err, -EINVAL, "not a JSON object");
	return 0;
}

struct ctl_request *ctl_ask(const struct ctl_roles *roles, const char *request,
			    size_t len, ctl_done_fn *done, void *arg)
{
	struct ctl_request *q = calloc(1, sizeof(*q));
	int ret;

	if (q)
		q->out = json_object();
	if (!q || !q->out) {
		free(q);
		done(arg, NULL);
		return NULL;
	}
	q->roles = *roles;
	q->roles.actor = NULL;
	if (roles->actor)
		snprintf(q->actor, sizeof(q->actor), "%s", roles->actor);
	q->done = done;
	q->arg = arg;
	q->running = true;
	ret = request_parse(q, request, len);
	if (!ret)
		ret = run_command(q, q->in);
	q->running = false;
	if (ret == LATER && !q->ended)
		return q;
	request_finish(q, ret == LATER ? q->ret : ret);
	return NULL;
}

void ctl_forget(struct ctl_request *q)
{
	if (q)
		q->done = NULL;
}
