// SPDX-License-Identifier: Apache-2.0
/*
 * The files of the audit trail, without the daemon: verify, show and tail.
 * Documentation/audit.rst has the format and the exit codes.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "audit/files.h"
#include "audit/verify.h"
#include "crypto/cert.h"
#include "answer.h"
#include "lib/quote.h"
#include "mcsecctl.h"
#include "units.h"

#define DEFAULT_TRAIL "/var/lib/mcsec/gcks.db.audit"
/* Interval at which "tail" looks for new records. */
#define FOLLOW_US 200000
#define TAIL_LAST 20

/* Exit codes of verify, and of what shows a trail that is not sound. */
enum {
	EXIT_OPEN_END = 3,
	EXIT_ALTERED,
	EXIT_REMOVED,
	EXIT_REORDERED,
	EXIT_CUT,
	EXIT_SIGNATURE,
};

static const int exit_codes[] = {
	[AUDIT_SOUND] = EXIT_OK,	[AUDIT_ALTERED] = EXIT_ALTERED,
	[AUDIT_REMOVED] = EXIT_REMOVED, [AUDIT_REORDERED] = EXIT_REORDERED,
	[AUDIT_CUT] = EXIT_CUT,		[AUDIT_SIGNATURE] = EXIT_SIGNATURE,
};

struct options {
	const char *dir;
	/* The command "audit verify" takes these. */
	const char *certificate;
	uint64_t from;
	struct audit_point head;
	/* The commands "audit show" and "audit tail" take these. */
	const char *group;
	const char *id;
	const char *event;
	uint64_t uid;
	int64_t since;
	int64_t until;
	uint64_t last; /* 0: all */
};

/* ---- words --------------------------------------------------------------- */

static int set_u64(const struct word *w, const char *value, void *obj)
{
	uint64_t v;

	if (!parse_u64(value, &v) || v > INT64_MAX)
		return complain(EXIT_USAGE, "%s: \"%s\" is no number", w->name,
				value);
	memcpy((char *)obj + w->off, &v, sizeof(v));
	return EXIT_OK;
}

/* A date, a date with a time, or seconds since 1970; all in UTC. */
static int set_time(const struct word *w, const char *value, void *obj)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%SZ",
					     "%Y-%m-%dT%H:%M:%S",
					     "%Y-%m-%dT%H:%M", "%Y-%m-%d" };
	uint64_t v = 0;
	bool good = parse_u64(value, &v) && v <= INT64_MAX;
	const char *end;
	struct tm tm;
	size_t i;

	for (i = 0; !good && i < sizeof(forms) / sizeof(*forms); i++) {
		memset(&tm, 0, sizeof(tm));
		end = strptime(value, forms[i], &tm);
		good = end && !*end;
		v = (uint64_t)timegm(&tm);
	}
	if (!good)
		return complain(EXIT_USAGE,
				"%s: \"%s\" is no time: 2026-11-29, 2026-11-29T12:30:00 (UTC), or seconds since 1970",
				w->name, value);
	memcpy((char *)obj + w->off, &v, sizeof(v));
	return EXIT_OK;
}

static int set_head(const struct word *w, const char *value, void *obj)
{
	struct audit_point *p = (void *)((char *)obj + w->off);
	const char *colon = strchr(value, ':');
	char number[24];

	if (colon && colon - value < (int)sizeof(number)) {
		snprintf(number, sizeof(number), "%.*s", (int)(colon - value),
			 value);
		if (parse_u64(number, &p->n) && p->n &&
		    audit_unhex(colon + 1, p->hash, AUDIT_HASH_LEN) ==
			    AUDIT_HASH_LEN)
			return EXIT_OK;
	}
	return complain(EXIT_USAGE,
			"%s: \"%s\" is not NUMBER:HASH with 64 digits", w->name,
			value);
}

#define O(member) offsetof(struct options, member)

static const struct word verify_words[] = {
	WORD("dir", "a folder", set_string, .off = O(dir)),
	WORD("certificate", "a file", set_string, .off = O(certificate)),
	WORD("from", "a record's number", set_u64, .off = O(from)),
	WORD("head", "NUMBER:HASH", set_head, .off = O(head)),
	{}
};

static const struct word show_words[] = {
	WORD("dir", "a folder", set_string, .off = O(dir)),
	WORD("group", "a name", set_string, .off = O(group)),
	WORD("id", "an identity", set_string, .off = O(id)),
	WORD("event", "an event", set_string, .off = O(event)),
	WORD("uid", "a number", set_u64, .off = O(uid)),
	WORD("since", "a time", set_time, .off = O(since)),
	WORD("until", "a time", set_time, .off = O(until)),
	WORD("last", "a number", set_u64, .off = O(last)),
	{}
};

/* ---- verify -------------------------------------------------------------- */

static int load_keys(const char *path, struct audit_check *c,
		     struct sigpub *keys[static AUDIT_KEYS_MAX])
{
	struct cert_chain *chain;
	struct err err;
	size_t i;
	int ret;

	if (!path)
		return EXIT_OK;
	if (cert_chain_load(path, &chain, &err))
		return complain(EXIT_FAILED, "%s", err.text);
	for (i = 0; i < cert_chain_count(chain) && i < AUDIT_KEYS_MAX; i++) {
		ret = cert_chain_pubkey(chain, i, &keys[i]);
		if (ret) {
			cert_chain_free(chain);
			return complain(EXIT_FAILED, "%s: its key: %s", path,
					strerror(-ret));
		}
		c->trusted[c->n_trusted++] = keys[i];
	}
	cert_chain_free(chain);
	return EXIT_OK;
}

static json_t *verdict_json(const struct audit_check *c, bool proven)
{
	json_t *o = json_object();

	json_object_set_new(o, "sound", json_boolean(!c->fault));
	json_object_set_new(o, "end-proven", json_boolean(proven));
	put_json_int(o, "first", c->first);
	put_json_int(o, "records", c->records);
	put_json_int(o, "signed-up-to", c->signed_n);
	put_json_str(o, "key", c->key);
	json_object_set_new(o, "torn", json_boolean(c->torn));
	if (c->fault) {
		put_json_str(o, "fault", audit_fault_str(c->fault));
		put_json_int(o, "record", c->fault_n);
		put_json_str(o, "detail", c->why.text);
	}
	return o;
}

static void print_verdict(const struct audit_check *c, bool proven)
{
	if (c->fault) {
		printf("%s: record %" PRIu64 ": %s\n",
		       audit_fault_str(c->fault), c->fault_n, c->why.text);
		return;
	}
	printf("sound: records %" PRIu64 " to %" PRIu64
	       ", signed up to %" PRIu64 " with key %s\n",
	       c->first, c->last_n, c->signed_n, *c->key ? c->key : "(none)");
	if (!proven)
		printf("end not proven: %s; compare \"mcsecctl status\", or give head\n",
		       c->torn ? "the last line is torn"
			       : "the trail was not closed");
	if (!c->n_trusted)
		printf("key not proven: give certificate\n");
}

static int audit_verify_cmd(struct ctl *ctl, int argc, char **argv)
{
	struct sigpub *keys[AUDIT_KEYS_MAX] = { NULL };
	struct options o = { .dir = DEFAULT_TRAIL };
	struct audit_check c;
	struct err err;
	uint32_t seen;
	bool proven;
	size_t i;
	int ret;

	ret = read_words(verify_words, argc, argv, &o, &seen);
	if (ret)
		return ret;
	audit_check_init(&c);
	c.from = o.from;
	c.point = o.head;
	ret = load_keys(o.certificate, &c, keys);
	if (!ret && audit_verify(o.dir, &c, NULL, NULL, &err))
		ret = complain(EXIT_FAILED, "%s", err.text);
	if (!ret) {
		proven = !c.fault && (c.closed || o.head.n);
		if (ctl->json)
			print_json(verdict_json(&c, proven));
		else
			print_verdict(&c, proven);
		ret = c.fault  ? exit_codes[c.fault]
		      : proven ? EXIT_OK
			       : EXIT_OPEN_END;
	}
	audit_check_free(&c);
	for (i = 0; i < AUDIT_KEYS_MAX; i++)
		sigpub_free(keys[i]);
	return ret;
}

/* ---- show and tail ------------------------------------------------------- */

/* The last records that fit, in a ring, or each of them at once. */
struct shower {
	const struct ctl *ctl;
	const struct options *o;
	uint32_t seen;
	uint64_t after; /* records up to this one were shown */
	json_t **ring;
	uint64_t n; /* records put into it */
};

static bool has_word(const struct shower *s, const char *name)
{
	size_t i;

	for (i = 0; strcmp(show_words[i].name, name); i++)
		;
	return s->seen & 1u << i;
}

static bool is_wanted(const struct shower *s, const struct audit_record *r)
{
	const struct audit_entry *e = &r->entry;
	const struct options *o = s->o;

	return r->n > s->after && (!o->group || !strcmp(o->group, e->group)) &&
	       (!o->id || !strcasecmp(o->id, e->identity)) &&
	       (!o->event || !strcmp(o->event, e->event)) &&
	       (!has_word(s, "uid") || (int64_t)o->uid == e->actor.uid) &&
	       (!has_word(s, "since") || e->time >= o->since) &&
	       (!has_word(s, "until") || e->time <= o->until);
}

static void who_str(const json_t *o, char *buf, size_t size)
{
	const json_t *uid = json_object_get(o, "uid");
	const char *user = text_of(o, "user");

	if (!uid)
		snprintf(buf, size, "-");
	else if (*user)
		snprintf(buf, size, "%s/%" JSON_INTEGER_FORMAT, user,
			 json_integer_value(json_object_get(o, "pid")));
	else
		snprintf(buf, size,
			 "%" JSON_INTEGER_FORMAT "/%" JSON_INTEGER_FORMAT,
			 json_integer_value(uid),
			 json_integer_value(json_object_get(o, "pid")));
}

/* Texts come from peers: what a terminal obeys is escaped. */
static void print_cell(const char *s, int width)
{
	char safe[4 * 1024 + 1];

	printf(" %-*s", width,
	       *s ? quote_escape(s, "", safe, sizeof(safe)) : "-");
}

static void print_record(const struct shower *s, json_t *o)
{
	char time[TIME_STRLEN], who[80];

	if (s->ctl->json) {
		print_json(json_incref(o));
		return;
	}
	printf("%6" JSON_INTEGER_FORMAT " %s",
	       json_integer_value(json_object_get(o, "n")),
	       time_iso(json_integer_value(json_object_get(o, "time")), time));
	who_str(o, who, sizeof(who));
	print_cell(text_of(o, "event"), 12);
	print_cell(text_of(o, "group"), 8);
	print_cell(text_of(o, "id"), 20);
	print_cell(who, 10);
	print_cell(text_of(o, "detail"), 0);
	putchar('\n');
}

static int take_shown(void *arg, const struct audit_record *r)
{
	struct shower *s = arg;
	json_t **at;

	if (!is_wanted(s, r))
		return 0;
	if (!s->ring) {
		print_record(s, r->json);
		return 0;
	}
	at = &s->ring[s->n++ % s->o->last];
	json_decref(*at);
	*at = json_incref(r->json);
	return 0;
}

static void print_ring(struct shower *s)
{
	uint64_t i = s->n > s->o->last ? s->n - s->o->last : 0;

	for (; i < s->n; i++) {
		print_record(s, s->ring[i % s->o->last]);
		json_decref(s->ring[i % s->o->last]);
	}
	free(s->ring);
	s->ring = NULL;
}

static int show_once(struct shower *s, uint64_t from, bool quiet)
{
	struct audit_check c;
	struct err err;
	int ret = EXIT_OK;

	audit_check_init(&c);
	c.from = from;
	if (audit_verify(s->o->dir, &c, take_shown, s, &err))
		ret = complain(EXIT_FAILED, "%s", err.text);
	if (s->ring)
		print_ring(s);
	if (!ret && c.fault && !quiet)
		ret = complain(exit_codes[c.fault],
			       "the trail is not sound: %s: %s",
			       audit_fault_str(c.fault), c.why.text);
	if (c.last_n > s->after)
		s->after = c.last_n;
	audit_check_free(&c);
	return ret;
}

static void print_title(const struct ctl *ctl)
{
	if (!ctl->json)
		printf("%6s %-20s %-12s %-8s %-20s %-10s %s\n", "RECORD",
		       "TIME", "EVENT", "GROUP", "IDENTITY", "WHO", "DETAIL");
}

/* Begin to show; @last is the default of that word. */
static int begin_show(struct ctl *ctl, int argc, char **argv, uint64_t last,
		      struct options *o, struct shower *s)
{
	int ret;

	*o = (struct options){ .dir = DEFAULT_TRAIL, .last = last };
	*s = (struct shower){ .ctl = ctl, .o = o };
	ret = read_words(show_words, argc, argv, o, &s->seen);
	if (ret)
		return ret;
	if (o->last > 1000000)
		return complain(EXIT_USAGE, "last: at most 1000000");
	if (o->last) {
		s->ring = calloc(o->last, sizeof(*s->ring));
		if (!s->ring)
			return complain(EXIT_FAILED, "out of memory");
	}
	print_title(ctl);
	return EXIT_OK;
}

static int audit_show(struct ctl *ctl, int argc, char **argv)
{
	struct options o;
	struct shower s;
	int ret = begin_show(ctl, argc, argv, 0, &o, &s);

	return ret ? ret : show_once(&s, 0, false);
}

/* Return true once the newest file of the trail has another size. */
static bool has_grown(const char *dir, uint64_t *file, off_t *size)
{
	char name[AUDIT_NAME_MAX], path[4096];
	struct audit_files f;
	struct stat st = { 0 };
	uint64_t newest;
	bool grown;

	if (audit_files_find(dir, &f, NULL))
		return false;
	newest = f.n ? f.first[f.n - 1] : 0;
	audit_files_free(&f);
	snprintf(path, sizeof(path), "%s/%s", dir,
		 audit_file_name(newest, name));
	if (!newest || stat(path, &st))
		return false;
	grown = newest != *file || st.st_size != *size;
	*file = newest;
	*size = st.st_size;
	return grown;
}

/* Ends by a signal, or when nobody reads the output any more. */
static int audit_tail(struct ctl *ctl, int argc, char **argv)
{
	struct options o;
	struct shower s;
	uint64_t file = 0;
	off_t size = 0;
	int ret = begin_show(ctl, argc, argv, TAIL_LAST, &o, &s);

	if (ret)
		return ret;
	has_grown(o.dir, &file, &size);
	ret = show_once(&s, 0, true);
	while (!ret && !fflush(stdout)) {
		usleep(FOLLOW_US);
		if (has_grown(o.dir, &file, &size))
			ret = show_once(&s, s.after, true);
	}
	return ret;
}

static int audit_after(struct ctl *ctl, int argc, char **argv)
{
	char after[] = "after";
	char *words[] = { after, argv[0] };
	int ret = check_argc(argc, 1, 1);

	return ret ? ret : cmd_audit(ctl, 2, words);
}

const struct command audit_commands[] = {
	COMMAND("verify", audit_verify_cmd, "[WORD VALUE]...",
		"check the files of the trail, without the daemon",
		.words = verify_words),
	COMMAND("show", audit_show, "[WORD VALUE]...",
		"show records of the files", .words = show_words),
	COMMAND("tail", audit_tail, "[WORD VALUE]...",
		"show the last records of the files, and new ones",
		.words = show_words),
	COMMAND("after", audit_after, "N",
		"show the lines in the daemon's store after that number"),
	{}
};

/* Without a word, the lines that the daemon has in its store. */
int cmd_trail(struct ctl *ctl, int argc, char **argv)
{
	if (!argc)
		return cmd_audit(ctl, argc, argv);
	if (!strcmp(argv[0], "--after"))
		argv[0] += 2;
	return dispatch(ctl, ctl->command, argc, argv);
}
