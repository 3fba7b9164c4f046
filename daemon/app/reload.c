// SPDX-License-Identifier: Apache-2.0
/* Reload of the configuration, by SIGHUP or by an administrator. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/audit.h"
#include "crypto/cert.h"
#include "crypto/crl.h"
#include "gcks/gcks.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/notify.h"
#include "member/member.h"

/* A request; those that are served together are chained. */
struct reload {
	struct reload *next;
	struct app *app;
	app_reload_fn *done;
	void *arg;
};

/* Octets of all lines of a reload. */
#define LINES_MAX (16u << 20)

/* Each change of a reload is a line of the audit trail. */
static void add_line(void *arg, const char *line)
{
	wbuf_put(arg, line, strlen(line) + 1);
}

/* All that a reload reads. */
struct inputs {
	struct conf *conf;
	struct peer_keys keys;
	struct crls *crls;
	bool crls_refused;
};

static void free_inputs(struct inputs *in)
{
	app_free_peer_keys(&in->keys);
	crls_free(in->crls);
	conf_free(in->conf);
	*in = (struct inputs){ 0 };
}

/* Read the file, and the keys of peers and revocation lists that it names. */
static int load_all(const struct app *a, const char *file, struct inputs *in,
		    struct err *err)
{
	bool refused = false;
	int ret;

	*in = (struct inputs){ 0 };
	ret = conf_load(file, &in->conf, err);
	if (!ret)
		ret = app_load_peer_keys(in->conf, &in->keys, err);
	/* Another identity is refused later, by conf_reload_check(). */
	if (!ret && a->trust) {
		ret = app_load_crls(a, in->conf, &in->crls, err);
		refused = ret;
	}
	if (ret)
		free_inputs(in);
	in->crls_refused = refused;
	return ret;
}

/*
 * The key server tells which of its members would be evicted, so it has to see the
 * lists that the reload would bring.
 */
static int check_gcks(struct app *a, const struct inputs *in,
		      conf_change_fn *fn, void *arg, struct err *err)
{
	int ret;

	if (a->trust)
		trust_set_crls(a->trust, in->crls);
	ret = gcks_reload_check(a->gcks, in->conf->gcks, in->keys.psks, fn, arg,
				err);
	if (a->trust)
		trust_set_crls(a->trust, a->crls);
	return ret;
}

/* All checks come before the first change. */
static int check_roles(struct app *a, struct inputs *in, conf_change_fn *fn,
		       void *arg, struct err *err)
{
	const struct conf *to = in->conf;
	int ret;

	ret = conf_reload_check(a->conf, to, err);
	if (!ret && a->member)
		ret = member_reload_check(a->member, to->member, fn, arg, err);
	if (!ret) {
		ret = app_check_crls(a, in->crls, fn, arg, err);
		in->crls_refused = ret;
	}
	if (!ret && a->gcks)
		ret = check_gcks(a, in, fn, arg, err);
	if (!ret)
		app_check_peer_keys(a, &in->keys, fn, arg);
	if (!ret && a->conf->log_level != to->log_level)
		fn(arg, "log-level changed");
	return ret;
}

int app_reload_check(struct app *a, const char *file, conf_change_fn *fn,
		     void *arg, struct err *err)
{
	struct inputs in;
	int ret;

	ret = load_all(a, file ? file : a->conf->file, &in, err);
	if (ret)
		return ret;
	ret = check_roles(a, &in, fn, arg, err);
	free_inputs(&in);
	return ret;
}

static void answer_all(struct reload *r, int ret, const char *why)
{
	struct reload *next;

	for (; r; r = next) {
		next = r->next;
		r->done(r->arg, ret, why);
		free(r);
	}
}

static void run_reload(struct app *a, struct reload *r);

static void reload_end(struct reload *r, int ret, const char *why)
{
	struct app *a = r->app;

	snprintf(a->reload_error, sizeof(a->reload_error), "%s",
		 ret ? why : "");
	if (ret)
		log_err("reload failed: %s", why);
	else
		log_info("reload done");
	/* After an error the daemon is as ready as before. */
	notify_systemd("READY=1");
	answer_all(r, ret, why);
	a->reloading = false;
	r = a->reload_waits;
	a->reload_waits = NULL;
	if (r)
		run_reload(a, r);
}

static void gcks_reloaded(void *arg, int ret, uint32_t effective_ms,
			  const char *why)
{
	char text[640];

	(void)effective_ms;
	if (ret)
		snprintf(text, sizeof(text),
			 "%s; everything else of the configuration is in force, reload again for what is missing",
			 why);
	reload_end(arg, ret, ret ? text : "");
}

/* End a reload that has changed nothing. */
static void refuse_reload(struct reload *r, struct inputs *in, int ret,
			  const struct err *err)
{
	if (in->crls_refused)
		app_note_event(r->app, "crl-refused", err->text);
	free_inputs(in);
	reload_end(r, ret, err->text);
}

static void run_reload(struct app *a, struct reload *r)
{
	struct wbuf changes;
	struct crl_seen *seen = NULL;
	struct err err = { "" };
	struct inputs in;
	int ret;

	a->reloading = true;
	notify_reloading();
	ret = load_all(a, a->conf->file, &in, &err);
	if (ret) {
		refuse_reload(r, &in, ret, &err);
		return;
	}
	wbuf_init(&changes, LINES_MAX);
	ret = check_roles(a, &in, add_line, &changes, &err);
	if (!ret && changes.err)
		ret = err_set(&err, changes.err,
			      "the changes cannot be recorded: %s",
			      strerror(-changes.err));
	/* Keys of peers change without a transaction that audit-required could refuse. */
	if (!ret && changes.len)
		ret = app_audit_ready(a, &err);
	if (!ret)
		ret = app_note_crls(a, in.crls, &seen, &err);
	/*
	 * The kernel may refuse a group of the member. Groups of the key server
	 * follow, because what these have told their members stands.
	 */
	if (!ret && a->member)
		ret = member_reload(a->member, in.conf->member, &err);
	app_end_note(seen, !ret);
	if (ret) {
		wbuf_free(&changes);
		refuse_reload(r, &in, ret, &err);
		return;
	}
	if (!a->debug)
		log_set_level(in.conf->log_level);
	app_note_changes(a, "reload", &changes);
	wbuf_free(&changes);
	/* The key server's groups have copies of their settings. */
	conf_free(a->conf);
	a->conf = in.conf;
	if (a->member)
		app_reload_edges(a);
	app_change_peer_keys(a, &in.keys);
	app_change_crls(a, in.crls);
	if (a->gcks)
		gcks_reload(a->gcks, a->conf->gcks, gcks_reloaded, r);
	else
		reload_end(r, 0, "");
}

void app_reload(struct app *a, app_reload_fn *done, void *arg)
{
	struct reload *r = calloc(1, sizeof(*r));

	if (!r) {
		done(arg, -ENOMEM, "out of memory");
		return;
	}
	*r = (struct reload){ a->reload_waits, a, done, arg };
	if (a->reloading) {
		a->reload_waits = r;
		return;
	}
	r->next = NULL;
	run_reload(a, r);
}

void app_stop_reload(struct app *a)
{
	struct reload *r = a->reload_waits;

	a->reload_waits = NULL;
	answer_all(r, -ECANCELED, "mcsecd stops");
}
