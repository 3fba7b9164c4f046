// SPDX-License-Identifier: Apache-2.0
/*
 * mcsecd: arguments, start and stop. app/ connects the machines of gcks/ and
 * member/ with sockets, kernel and store; the protocol is implemented below it.
 *
 * A helper does what needs privileges (priv/priv.h). The process gives its own up
 * before it reads anything, and confines itself before the loop runs.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "app/audit.h"
#include "conf/conf.h"
#include "conf/host.h"
#include "crypto/cert.h"
#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ctl/version.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/journal.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/notify.h"
#include "lib/proc.h"
#include "lib/util.h"
#include "priv/priv.h"
#include "wire/proto.h"

static void stop_all(struct app *a)
{
	app_stop_reload(a);
	ctl_free(a->ctl);
	app_stop_edges(a);
	app_stop_member(a);
	app_stop_gcks(a);
	app_free_identity(a);
	loop_free(a->loop);
	conf_free(a->conf);
}

/* The result was logged already. */
static void reload_done(void *arg, int ret, const char *why)
{
	(void)arg;
	(void)ret;
	(void)why;
}

static void stop_now(void *arg)
{
	struct app *a = arg;

	loop_stop(a->loop);
}

static void on_signal(void *arg, int signo)
{
	struct app *a = arg;

	if (signo == SIGHUP) {
		log_info("reload started: SIGHUP");
		app_reload(a, reload_done, NULL);
		return;
	}
	log_info("stopping: signal %d", signo);
	/* A second signal does not wait for children. */
	if (!app_leave_edges(a, stop_now, a))
		stop_now(a);
}

static int open_loop(struct app *a, struct err *err)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
	size_t i;
	int ret;

	signal(SIGPIPE, SIG_IGN);
	/* A limit of file sizes is an error of a write, as a full disk is. */
	signal(SIGXFSZ, SIG_IGN);
	timerq_init(&a->tq, clock_system());
	ret = loop_new(&a->tq, &a->loop);
	for (i = 0; i < ARRAY_SIZE(signals) && !ret; i++)
		ret = loop_signal(a->loop, signals[i], on_signal, a);
	return ret ? err_set(err, ret, "loop: %s", strerror(-ret)) : 0;
}

static void helper_ended(void *arg, uint32_t events)
{
	struct app *a = arg;

	(void)events;
	if (!priv_is_over())
		return;
	log_err("helper ended: keys could not be installed; exiting");
	a->failed = true;
	loop_stop(a->loop);
}

static int watch_helper(struct app *a, struct err *err)
{
	int ret;

	a->helper_fd = (struct loop_fd){ .fd = priv_fd(),
					 .fn = helper_ended,
					 .arg = a };
	ret = loop_add(a->loop, &a->helper_fd, 0);
	return ret ? err_set(err, ret, "helper: %s", strerror(-ret)) : 0;
}

/* Name all reserved ports that this configuration may bind, also after a reload. */
static int allow_ports(const struct conf *c, struct err *err)
{
	int ret = priv_allow_port(GIKE_PORT);
	size_t i;

	if (!ret)
		ret = priv_allow_port(IKE_NATT_PORT);
	for (i = 0; !ret && c->gcks && i < c->gcks->n_listen; i++)
		ret = priv_allow_port(c->gcks->listen[i].port);
	if (!ret && c->member && c->member->local.port)
		ret = priv_allow_port(c->member->local.port);
	for (i = 0; !ret && c->member && c->member->relay &&
		    i < c->member->relay->n_listen;
	     i++)
		ret = priv_allow_port(c->member->relay->listen[i].port);
	if (!ret)
		ret = priv_seal();
	return ret ? err_set(err, ret, "helper: %s", strerror(-ret)) : 0;
}

static const char *configuration_of(struct app *a)
{
	return a->conf->file;
}

static int start_all(struct app *a, struct err *err)
{
	struct ctl_roles roles = { .version = MCSEC_VERSION };
	int ret;

	ret = open_loop(a, err);
	if (!ret)
		ret = watch_helper(a, err);
	if (!ret)
		ret = allow_ports(a->conf, err);
	/*
	 * The control socket comes first, because it detects another mcsecd
	 * before any peer is contacted.
	 */
	if (!ret)
		ret = ctl_new(a->loop, &a->tq, a->conf->control, &a->ctl, err);
	if (!ret && a->conf->member)
		ret = app_protect_member(a, err);
	if (!ret)
		ret = app_open_key_export(a, err);
	if (!ret)
		ret = a->conf->gcks ? app_start_gcks(a, err)
				    : app_take_crls(a, err);
	if (!ret && a->conf->member)
		ret = app_start_member(a, err);
	if (!ret && a->conf->member)
		ret = app_start_edges(a, err);
	if (ret)
		return ret;
	roles.gcks = a->gcks;
	roles.gcks_engine = a->gcks_engine;
	roles.member = a->member;
	roles.member_engine = a->member_engine;
	roles.app = a;
	roles.reload = app_reload;
	roles.reload_check = app_reload_check;
	roles.audit = app_audit_state;
	roles.faults = app_each_fault;
	roles.edge_groups = app_each_edge_group;
	roles.relay = app_relay;
	roles.configuration = configuration_of;
	roles.chain = a->chain;
	roles.trust = a->trust;
	ctl_serve(a->ctl, &roles);
	app_watch_expiry(a);
	app_watch_crls(a);
	return 0;
}

static const char usage[] =
	"usage: mcsecd [-c FILE] [-d] [-l]\n"
	"       mcsecd --check [FILE]\n"
	"\n"
	"  -c, -f, --config FILE  configuration (" CONF_DEFAULT_FILE ")\n"
	"      --check            check the configuration, list what a reload\n"
	"                         or a start would change, and exit\n"
	"  -d, --debug            also log the steps of the protocol\n"
	"  -l, --syslog           log to syslog, not to stderr\n"
	"  -V, --version          print the version and exit\n"
	"  -h, --help             print this help and exit\n"
	"\n"
	"mcsecd stays in the foreground. See mcsecd(8), mcsecd.conf(5).\n";

struct options {
	const char *file;
	bool check;
	bool debug;
	bool syslog;
};

/* Return 0, or 1 if the program must exit with *status. */
static int parse_args(int argc, char **argv, struct options *o, int *status)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, 'C' },
		{ "debug", no_argument, NULL, 'd' },
		{ "syslog", no_argument, NULL, 'l' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	int c;

	*status = 0;
	while ((c = getopt_long(argc, argv, "c:f:dlVh", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
		case 'f':
			o->file = optarg;
			break;
		case 'C':
			o->check = true;
			break;
		case 'd':
			o->debug = true;
			break;
		case 'l':
			o->syslog = true;
			break;
		case 'V':
			puts("mcsecd " MCSEC_VERSION);
			return 1;
		case 'h':
			fputs(usage, stdout);
			return 1;
		default:
			fputs(usage, stderr);
			*status = 2;
			return 1;
		}
	}
	if (o->check && optind + 1 == argc)
		o->file = argv[optind++];
	if (optind < argc) {
		fprintf(stderr, "mcsecd: unknown option \"%s\"\n%s",
			argv[optind], usage);
		*status = 2;
		return 1;
	}
	return 0;
}

/* Differences found by a check, and what the configuration was compared with. */
struct listing {
	char source[2 * PATH_MAX + 64];
	unsigned int n;
};

static void print_change(void *arg, const char *line)
{
	struct listing *l = arg;

	if (!l->n++)
		printf("compared with %s:\n", l->source);
	printf("  %s\n", line);
}

/* A store that cannot be read now is no fault of the configuration. */
static int not_compared(const struct listing *l, const struct err *err)
{
	printf("not compared with %s: %s\n", l->source, err->text);
	return 0;
}

/* End a check of @what, a reload or a start. Returns the exit status. */
static int end_listing(const struct listing *l, const char *what, int ret,
		       const struct err *err)
{
	if (ret) {
		fprintf(stderr, "a %s would be refused: %s\n", what, err->text);
		return 1;
	}
	if (l->n)
		printf("a %s would make the changes above\n", what);
	else
		printf("compared with %s: a %s would change nothing\n",
		       l->source, what);
	return 0;
}

/* Show what a start would change, from the store of a key server that is down. */
static int check_store(struct app *a)
{
	const struct conf *c = a->conf;
	struct listing l = {};
	struct err err = {};
	int ret;

	snprintf(l.source, sizeof(l.source), "%s", c->identity.crl_numbers);
	ret = app_check_crls(a, a->crls, print_change, &l, &err);
	if (ret == -EACCES || ret == -EPERM)
		not_compared(&l, &err);
	else if (ret)
		return end_listing(&l, "start", ret, &err);
	if (!c->gcks) {
		printf("not compared: no mcsecd runs at %s, and a member has no store\n",
		       c->control);
		return 0;
	}
	snprintf(l.source, sizeof(l.source),
		 "the store %s and its witness %s, as no mcsecd runs",
		 c->gcks->store, c->gcks->witness);
	ret = app_start_check(a, print_change, &l, &err);
	return ret == -EACCES || ret == -EBUSY
		       ? not_compared(&l, &err)
		       : end_listing(&l, "start", ret, &err);
}

/* Show what a running daemon would change, or a start if none runs. */
static int check_change(struct app *a)
{
	const struct conf *c = a->conf;
	struct listing l = {};
	struct err err = {};
	int ret;

	snprintf(l.source, sizeof(l.source), "the mcsecd that runs at %s",
		 c->control);
	ret = ctl_check_reload(c->control, c->file, print_change, &l, &err);
	if (ret == -ENOENT)
		return check_store(a);
	return ret == -EACCES ? not_compared(&l, &err)
			      : end_listing(&l, "reload", ret, &err);
}

/* The first folder that would keep mcsecd from a start. */
struct obstacle {
	bool found;
	char text[ERR_LEN];
};

static void note_folder(void *arg, const char *setting, const char *path,
			const char *wrong, const char *cure)
{
	struct obstacle *o = arg;

	(void)path;
	if (!wrong || o->found)
		return;
	o->found = true;
	snprintf(o->text, sizeof(o->text), "%s: %s: %s", setting, wrong, cure);
}

static void print_gap(void *arg, const char *line)
{
	(void)arg;
	printf("warning: %s\n", line);
}

/*
 * Check all that a start would refuse and that needs neither privileges nor
 * network.
 */
static int check_start(struct app *a)
{
	time_t now = clock_wall(clock_system());
	const char *wrong = NULL;
	struct obstacle o = {};
	struct err err = {};

	if (a->chain && cert_chain_not_after(a->chain) <= now)
		wrong = "has expired";
	else if (a->chain && cert_chain_not_before(a->chain) > now)
		wrong = "is not yet valid: is the clock right?";
	if (wrong) {
		fprintf(stderr, "%s: identity.certificate: %s %s\n",
			a->conf->file, a->conf->identity.certificate, wrong);
		return 1;
	}
	if (app_read_crls(a, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	conf_each_folder(a->conf, note_folder, &o);
	if (o.found) {
		fprintf(stderr, "%s: %s\n", a->conf->file, o.text);
		return 1;
	}
	printf("%s: configuration is valid\n", a->conf->file);
	conf_each_gap(a->conf, print_gap, NULL);
	conf_each_control(a->conf, print_gap, NULL);
	/* The log is not buffered, and the verdict comes first. */
	fflush(stdout);
	app_warn_of_crls(a);
	return check_change(a);
}

/* Restarts a daemon whose loop has stopped: systemd misses this message. */
struct watchdog {
	struct timer timer;
	struct timerq *tq;
	uint64_t every_ms;
};

static void feed_watchdog(void *arg)
{
	struct watchdog *w = arg;

	notify_systemd("WATCHDOG=1");
	timer_set(w->tq, &w->timer, w->every_ms);
}

/*
 * Status of a start whose seal key was refused, which another one cannot help: a token
 * that has refused a PIN would be locked by a few of them. The units do not restart the
 * daemon then. A revocation list that is refused may be corrected, so that has 1.
 */
#define EXIT_SEAL_REJECTED 77

static int run_daemon(struct app *a)
{
	struct watchdog w = { .tq = &a->tq, .every_ms = notify_watchdog_ms() };
	struct err err = {};
	int ret;

	timer_init(&w.timer, feed_watchdog, &w);
	ret = start_all(a, &err);
	if (ret) {
		log_err("not started: %s",
			err.text[0] ? err.text : strerror(-ret));
		return a->seal_rejected ? EXIT_SEAL_REJECTED : 1;
	}
	if (priv_confine(&err))
		log_warn("system calls not confined: %s", err.text);
	notify_systemd("READY=1");
	if (w.every_ms)
		feed_watchdog(&w);
	ret = loop_run(a->loop);
	timer_del(&a->tq, &w.timer);
	notify_systemd("STOPPING=1");
	return ret || a->failed ? 1 : 0;
}

/*
 * Read the configuration. A check by root goes on with the rights of the user that the
 * units run mcsecd as, to whom keys and folders have to belong.
 */
static int load_conf(const struct options *o, struct conf **out,
		     struct err *err)
{
	int ret = conf_load(o->file, out, err);

	if (ret || !o->check || !conf_be_daemon(*out) ||
	    !conf_is_of_units(o->file))
		return ret;
	conf_free(*out);
	*out = NULL;
	return conf_load(o->file, out, err);
}

int main(int argc, char **argv)
{
	static struct app app = {
		.rekey_fd = { -1, -1 },
		.unicast.fd.fd = -1,
		.kernel_fd.fd = -1,
		.link_fd.fd = -1,
		.helper_fd.fd = -1,
	};
	struct options o = { .file = CONF_DEFAULT_FILE };
	struct err err = {};
	int status;

	if (parse_args(argc, argv, &o, &status))
		return status;
	log_init("mcsecd", LOG_LEVEL_WARN, !o.syslog);
	if (journal_here())
		log_set_journal(journal_send);
	proc_harden();
	if (!o.check)
		proc_lock_memory();
	if (!o.check && priv_start(argc, argv, &err)) {
		log_err("not started: %s", err.text);
		return 1;
	}
	if (load_conf(&o, &app.conf, &err) || app_load_identity(&app, &err)) {
		log_err("configuration invalid: %s", err.text);
		status = 1;
	} else if (o.check) {
		status = check_start(&app);
	} else {
		app.debug = o.debug;
		log_set_level(o.debug ? LOG_LEVEL_DEBUG : app.conf->log_level);
		status = run_daemon(&app);
	}
	stop_all(&app);
	return status;
}
