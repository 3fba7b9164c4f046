// SPDX-License-Identifier: Apache-2.0
/*
 * State of the daemon, for people: "status" and "member". With -v each group is
 * followed by all that the answer has of it, so a newer daemon needs no newer
 * mcsecctl for that.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "details.h"
#include "gcks/gcks.h"
#include "ike/engine.h"
#include "lib/util.h"
#include "member/member.h"
#include "mcsecctl.h"
#include "rekey/rekey.h"
#include "table.h"
#include "units.h"

#define TEXT_OCTETS 2048

static bool is_true_at(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

/* Append to @buf, with ", " between the parts. */
__attribute__((format(printf, 3, 4))) static void
append_part(char *buf, size_t size, const char *fmt, ...)
{
	size_t len = strlen(buf);
	va_list ap;

	if (len && len + 2 < size)
		len += (size_t)snprintf(buf + len, size - len, ", ");
	va_start(ap, fmt);
	vsnprintf(buf + len, size - len, fmt, ap);
	va_end(ap);
}

static void put_spi(struct table *t, size_t column, const json_t *o,
		    const char *key)
{
	uint32_t spi = (uint32_t)number_of(o, key);

	if (spi)
		table_printf(t, column, SPI_FMT, spi);
}

static void put_span(struct table *t, size_t column, const json_t *o,
		     const char *key)
{
	char span[UNIT_STRLEN];

	if (number_of(o, key))
		table_put(t, column,
			  span_str((uint64_t)number_of(o, key), span));
}

static void put_time(struct table *t, size_t column, const json_t *o,
		     const char *key)
{
	char time[TIME_STRLEN];

	if (number_of(o, key))
		table_put(t, column, time_iso(number_of(o, key), time));
}

static const char *rights_of(const json_t *o)
{
	bool send = is_true_at(o, "send"), receive = is_true_at(o, "receive");

	return send && receive ? "send, receive" : send ? "send" : "receive";
}

static void print_heading(const char *text)
{
	printf("\n%s%s%s\n", color_on(TINT_TITLE), text, color_off());
}

/* ---- counters ------------------------------------------------------------ */

static void join_counters(const json_t *o, const struct metric *m, char *buf,
			  size_t size)
{
	for (; m->name; m++)
		if (m->kind == METRIC_COUNTER && number_of(o, m->name))
			append_part(buf, size, "%s %" JSON_INTEGER_FORMAT,
				    m->name, number_of(o, m->name));
}

static void put_counters(struct table *t, const char *of, const json_t *o,
			 const struct metric *metrics)
{
	char text[TEXT_OCTETS] = "";

	join_counters(o, metrics, text, sizeof(text));
	if (!*text)
		return;
	table_row(t);
	table_put(t, 0, of);
	table_put(t, 1, text);
}

/* Print the counters of a role that are not 0: its groups', and its own. */
static void print_counters(const json_t *role, const struct metric *metrics)
{
	static const struct column columns[] = { { "COUNTERS OF", 0 },
						 { "VALUES", COLUMN_REST },
						 {} };
	struct table *t = table_new(columns, true);
	const json_t *o;
	size_t i;

	json_array_foreach(json_object_get(role, "groups"), i, o)
		put_counters(t, text_of(o, "name"), o, metrics);
	put_counters(t, "(refused rekeys)",
		     json_object_get(role, "rekey-drops"), rekey_metrics);
	put_counters(t, "(IKE)", json_object_get(role, "ike"), ike_metrics);
	table_print_below(t);
}

static void print_verbosely(const json_t *role)
{
	static const char *const parts[] = { "ike-sa", "rekey-drops", "ike" };
	const json_t *o;
	size_t i;

	json_array_foreach(json_object_get(role, "groups"), i, o) {
		printf("\ngroup ");
		print_safe(text_of(o, "name"));
		putchar('\n');
		print_details(o, "  ");
	}
	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		o = json_object_get(role, parts[i]);
		if (!o)
			continue;
		printf("\n%s\n", parts[i]);
		print_details(o, "  ");
	}
}

/* ---- key server ---------------------------------------------------------- */

static void put_gcks_state(struct table *t, size_t column, const json_t *o)
{
	json_int_t n = number_of(o, "waiting-for-senders");
	char text[TEXT_OCTETS] = "";
	enum tint tint = TINT_DOUBT;

	if (!is_true_at(o, "keyed"))
		append_part(text, sizeof(text), "no keys yet");
	if (*text_of(o, "unsent-why")) {
		append_part(text, sizeof(text), "rekeys cannot be sent: %s",
			    text_of(o, "unsent-why"));
		tint = TINT_BAD;
	}
	if (n)
		append_part(text, sizeof(text),
			    "%" JSON_INTEGER_FORMAT " sender%s to confirm it",
			    n, n == 1 ? " has" : "s have");
	n = number_of(o, "pending");
	if (n)
		append_part(text, sizeof(text),
			    "%" JSON_INTEGER_FORMAT
			    " join%s or leave%s to come",
			    n, n == 1 ? "" : "s", n == 1 ? "" : "s");
	table_put(t, column, *text ? text : "ready");
	table_tint(t, column, *text ? tint : TINT_GOOD);
}

/* The first of several Data SAs, and how many there are beside it. */
static void put_selectors(struct table *t, size_t column, const json_t *o)
{
	size_t n = json_array_size(json_object_get(o, "data"));

	if (n > 1)
		table_printf(t, column, "%s +%zu", text_of(o, "selector"),
			     n - 1);
	else
		table_put(t, column, text_of(o, "selector"));
}

static void print_gcks_groups(const json_t *groups)
{
	enum {
		GROUP,
		ADDRESS,
		MEMBERS,
		SENDERS,
		DENIED,
		KEY,
		LEFT,
		NEXT,
		STATE
	};
	enum { number = COLUMN_RIGHT | COLUMN_OPTIONAL };
	static const struct column columns[] = {
		[GROUP] = { "GROUP", 0 },
		[ADDRESS] = { "ADDRESS", 0 },
		[MEMBERS] = { "MEMBERS", COLUMN_RIGHT },
		[SENDERS] = { "SENDERS", COLUMN_RIGHT | COLUMN_SPARE(5) },
		[DENIED] = { "DENIED", number | COLUMN_SPARE(1) },
		[KEY] = { "KEY", COLUMN_OPTIONAL | COLUMN_SPARE(4) },
		[LEFT] = { "ENDS IN", number | COLUMN_SPARE(3) },
		[NEXT] = { "REKEY IN", number | COLUMN_SPARE(2) },
		[STATE] = { "STATE", COLUMN_REST },
		{}
	};
	struct table *t = table_new(columns, true);
	const json_t *o;
	size_t i;

	json_array_foreach(groups, i, o) {
		table_row(t);
		table_put(t, GROUP, text_of(o, "name"));
		put_selectors(t, ADDRESS, o);
		table_count(t, MEMBERS, (uint64_t)number_of(o, "members"));
		table_count(t, SENDERS, (uint64_t)number_of(o, "senders"));
		table_count(t, DENIED, (uint64_t)number_of(o, "denied"));
		put_spi(t, KEY, o, "data-spi");
		put_span(t, LEFT, o, "data-left");
		put_span(t, NEXT, o, "next-rekey");
		put_gcks_state(t, STATE, o);
	}
	table_print(t);
}

static void print_gcks(const struct ctl *ctl, const json_t *role)
{
	print_heading("Key server");
	print_gcks_groups(json_object_get(role, "groups"));
	if (ctl->verbose)
		print_verbosely(role);
	else
		print_counters(role, gcks_group_metrics);
}

/* ---- member -------------------------------------------------------------- */

static void put_member_note(struct table *t, size_t column, const json_t *o)
{
	static const char *const texts[] = { "doubt", "last-error",
					     "interface-note", "rekey-note",
					     NULL };
	static const struct {
		const char *key, *text;
	} flags[] = {
		{ "removed", "not configured any more; stays closed" },
		{ "key-server-revoked",
		  "the key server's certificate is revoked" },
		{ "signing-key-stolen", "the signing key was stolen" },
	};
	char note[TEXT_OCTETS] = "", span[UNIT_STRLEN];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(flags); i++)
		if (is_true_at(o, flags[i].key))
			append_part(note, sizeof(note), "%s", flags[i].text);
	for (i = 0; texts[i]; i++)
		if (*text_of(o, texts[i]))
			append_part(note, sizeof(note), "%s",
				    text_of(o, texts[i]));
	if (number_of(o, "unread-ms"))
		append_part(note, sizeof(note),
			    "senders may use older keys for %s",
			    span_str(((uint64_t)number_of(o, "unread-ms") +
				      999) / 1000,
				     span));
	if (number_of(o, "retry-ms"))
		append_part(note, sizeof(note), "tries again in %s",
			    span_str((uint64_t)number_of(o, "retry-ms") / 1000,
				     span));
	table_put(t, column, note);
}

static void print_member_groups(const json_t *groups)
{
	enum { GROUP, ADDRESS, STATE, RIGHTS, KEY, LEFT, OUT, HEARD, NOTE };
	enum { number = COLUMN_RIGHT | COLUMN_OPTIONAL };
	static const struct column columns[] = {
		[GROUP] = { "GROUP", 0 },
		[ADDRESS] = { "ADDRESS", 0 },
		[STATE] = { "STATE", 0 },
		[RIGHTS] = { "MAY", COLUMN_SPARE(3) },
		[KEY] = { "KEY", COLUMN_OPTIONAL | COLUMN_SPARE(4) },
		[LEFT] = { "ENDS IN", number | COLUMN_SPARE(2) },
		[OUT] = { "SENDS WITH", COLUMN_OPTIONAL | COLUMN_SPARE(5) },
		[HEARD] = { "HEARD", number | COLUMN_SPARE(1) },
		[NOTE] = { "NOTE", COLUMN_OPTIONAL | COLUMN_REST },
		{}
	};
	struct table *t = table_new(columns, true);
	char span[UNIT_STRLEN];
	const char *state;
	const json_t *o;
	size_t i;

	json_array_foreach(groups, i, o) {
		state = text_of(o, "state");
		table_row(t);
		table_put(t, GROUP, text_of(o, "name"));
		put_selectors(t, ADDRESS, o);
		table_put(t, STATE, state);
		table_tint(t, STATE,
			   !strcmp(state, "in")	   ? TINT_GOOD
			   : !strcmp(state, "out") ? TINT_BAD
						   : TINT_DOUBT);
		table_put(t, RIGHTS, rights_of(o));
		put_spi(t, KEY, o, "data-spi");
		put_span(t, LEFT, o, "data-left");
		put_spi(t, OUT, o, "out-spi");
		if (json_object_get(o, "heard-ms"))
			table_printf(t, HEARD, "%s ago",
				     span_str((uint64_t)number_of(o,
								  "heard-ms") /
						      1000,
					      span));
		put_member_note(t, NOTE, o);
	}
	table_print(t);
}

/* One line of each group, with the relay that serves this host. */
static void print_edge_group(const json_t *o)
{
	const char *refusal = text_of(o, "refusal");
	const char *parent = text_of(o, "parent");

	fputs("Edges of ", stdout);
	print_safe(text_of(o, "name"));
	fputs(": ", stdout);
	if (*parent) {
		fputs("served by ", stdout);
		print_safe(parent);
		fputs(" at ", stdout);
		print_safe(text_of(o, "address"));
	} else if (*refusal) {
		fputs("no grant: ", stdout);
		print_safe(refusal);
	} else if (json_object_get(o, "requests")) {
		fputs("no relay serves this host", stdout);
	} else {
		fputs("asks no relay", stdout);
	}
	puts(json_is_true(json_object_get(o, "relays")) ? ", relays the group"
							: "");
}

static void print_edges(const json_t *role)
{
	const json_t *relay = json_object_get(role, "relay"), *o;
	size_t i;

	json_array_foreach(json_object_get(role, "edges"), i, o)
		print_edge_group(o);
	if (relay)
		printf("Relay of %lld children\n",
		       (long long)number_of(relay, "children"));
}

static void print_member_role(const struct ctl *ctl, const json_t *role)
{
	const json_t *sa = json_object_get(role, "ike-sa");

	if (sa) {
		printf("\n%sMember%s of ", color_on(TINT_TITLE), color_off());
		print_safe(text_of(sa, "peer"));
		fputs(" at ", stdout);
		print_safe(text_of(sa, "address"));
		fputs(", IKE SA ", stdout);
		print_safe(text_of(sa, "state"));
		putchar('\n');
	} else {
		print_heading("Member");
	}
	print_member_groups(json_object_get(role, "groups"));
	print_edges(role);
	if (ctl->verbose)
		print_verbosely(role);
	else
		print_counters(role, member_group_metrics);
}

/* ---- status -------------------------------------------------------------- */

static void print_trail(const json_t *trail)
{
	if (!trail)
		return;
	print_heading("Audit trail");
	fputs("at ", stdout);
	print_safe(text_of(trail, "trail"));
	printf(": %" JSON_INTEGER_FORMAT " records, %" JSON_INTEGER_FORMAT
	       " not signed yet; head %" JSON_INTEGER_FORMAT ":",
	       number_of(trail, "records"), number_of(trail, "unsigned"),
	       number_of(trail, "records"));
	print_safe(text_of(trail, "head"));
	putchar('\n');
	if (*text_of(trail, "error")) {
		fputs("error: ", stdout);
		print_safe(text_of(trail, "error"));
		putchar('\n');
	}
}

static void print_crls(const json_t *crl)
{
	enum { ISSUER, STATE, MADE, NEXT, REVOKED };
	static const struct column columns[] = {
		[ISSUER] = { "ISSUER", 0 },
		[STATE] = { "STATE", 0 },
		[MADE] = { "MADE", COLUMN_SPARE(1) },
		[NEXT] = { "NEXT UPDATE", COLUMN_OPTIONAL },
		[REVOKED] = { "REVOKED", COLUMN_RIGHT },
		{}
	};
	struct table *t;
	const json_t *o;
	size_t i;

	if (!crl)
		return;
	print_heading("Revocation lists");
	t = table_new(columns, true);
	json_array_foreach(json_object_get(crl, "lists"), i, o) {
		table_row(t);
		table_put(t, ISSUER, text_of(o, "issuer"));
		table_put(t, STATE, text_of(o, "state"));
		table_tint(t, STATE,
			   strcmp(text_of(o, "state"), "valid") ? TINT_BAD
								: TINT_GOOD);
		put_time(t, MADE, o, "this-update");
		put_time(t, NEXT, o, "next-update");
		table_count(t, REVOKED, (uint64_t)number_of(o, "revoked"));
	}
	json_array_foreach(json_object_get(crl, "missing"), i, o) {
		table_row(t);
		table_put(t, ISSUER, json_string_value(o));
		table_put(t, STATE, "missing");
		table_tint(t, STATE, TINT_DOUBT);
	}
	table_print(t);
}

static void print_status(const struct ctl *ctl, const json_t *answer)
{
	const json_t *gcks = json_object_get(answer, "gcks"),
		     *member = json_object_get(answer, "member");

	fputs("mcsecd ", stdout);
	print_safe(text_of(answer, "version"));
	printf(" is %s%s%s\n", gcks ? "key server" : "",
	       gcks && member ? " and " : "", member ? "member" : "");
	if (gcks)
		print_gcks(ctl, gcks);
	print_trail(json_object_get(answer, "audit"));
	if (member)
		print_member_role(ctl, member);
	print_crls(json_object_get(answer, "crl"));
}

/* ---- members of a key server --------------------------------------------- */

enum {
	ROSTER_GROUP,
	ROSTER_ID,
	ROSTER_RIGHTS,
	ROSTER_KEY,
	ROSTER_AT,
	ROSTER_JOINED,
	ROSTER_SEEN,
	ROSTER_UNTIL,
	ROSTER_IDS,
	ROSTER_INBAND,
};

static const struct column roster_columns[] = {
	[ROSTER_GROUP] = { "GROUP", 0 },
	[ROSTER_ID] = { "MEMBER", 0 },
	[ROSTER_RIGHTS] = { "MAY", COLUMN_SPARE(2) },
	[ROSTER_KEY] = { "KEY", COLUMN_OPTIONAL },
	[ROSTER_AT] = { "ADDRESS", COLUMN_OPTIONAL | COLUMN_SPARE(3) },
	[ROSTER_JOINED] = { "JOINED", COLUMN_SPARE(6) },
	[ROSTER_SEEN] = { "REGISTERED", COLUMN_RIGHT | COLUMN_SPARE(4) },
	[ROSTER_UNTIL] = { "UNTIL", COLUMN_OPTIONAL | COLUMN_SPARE(5) },
	[ROSTER_IDS] = { "SENDER-IDS", COLUMN_OPTIONAL | COLUMN_SPARE(7) },
	[ROSTER_INBAND] = { "REKEYED", COLUMN_OPTIONAL | COLUMN_SPARE(1) },
	{}
};

static void put_roster_member(struct table *t, const char *group,
			      const json_t *o)
{
	json_int_t first = number_of(o, "first-sender-id"),
		   n = number_of(o, "n-sender-ids");
	const json_t *confirmed = json_object_get(o, "confirmed");
	char span[UNIT_STRLEN];

	table_row(t);
	table_put(t, ROSTER_GROUP, group);
	table_put(t, ROSTER_ID, text_of(o, "id"));
	table_put(t, ROSTER_RIGHTS, rights_of(o));
	if (confirmed) {
		table_put(t, ROSTER_KEY,
			  json_is_true(confirmed) ? "confirmed" : "waiting");
		table_tint(t, ROSTER_KEY,
			   json_is_true(confirmed) ? TINT_GOOD : TINT_DOUBT);
	}
	table_put(t, ROSTER_AT, text_of(o, "address"));
	put_time(t, ROSTER_JOINED, o, "joined");
	table_printf(t, ROSTER_SEEN, "%s ago",
		     since_str(number_of(o, "registered"), span));
	put_time(t, ROSTER_UNTIL, o, "until");
	if (n > 1)
		table_printf(t, ROSTER_IDS,
			     "%" JSON_INTEGER_FORMAT "-%" JSON_INTEGER_FORMAT,
			     first, first + n - 1);
	else if (n)
		table_printf(t, ROSTER_IDS, "%" JSON_INTEGER_FORMAT, first);
	if (is_true_at(o, "inband"))
		table_put(t, ROSTER_INBAND, "inband");
}

static void print_denied(const json_t *rosters)
{
	static const struct column columns[] = {
		{ "GROUP", 0 }, { "DENIED", 0 }, { "SINCE", 0 }, {}
	};
	struct table *t = table_new(columns, true);
	const json_t *roster, *o;
	size_t i, n;

	json_array_foreach(rosters, i, roster) {
		json_array_foreach(json_object_get(roster, "denied"), n, o) {
			table_row(t);
			table_put(t, 0, text_of(roster, "group"));
			table_put(t, 1, text_of(o, "id"));
			put_time(t, 2, o, "since");
		}
	}
	table_print_below(t);
}

static void print_rosters(const json_t *rosters)
{
	struct table *t = table_new(roster_columns, true);
	const json_t *roster, *o;
	size_t i, n, found = 0;

	json_array_foreach(rosters, i, roster) {
		json_array_foreach(json_object_get(roster, "members"), n, o) {
			put_roster_member(t, text_of(roster, "group"), o);
			found++;
		}
	}
	table_print(t);
	if (!found)
		puts("no members");
	print_denied(rosters);
}

/* ---- lines of the audit trail in the store ------------------------------- */

static void print_lines(const json_t *lines)
{
	enum { NUMBER, TIME, EVENT, GROUP, ID, WHO, DETAIL };
	static const struct column columns[] = {
		[NUMBER] = { "LINE", COLUMN_RIGHT | COLUMN_SPARE(3) },
		[TIME] = { "TIME", 0 },
		[EVENT] = { "EVENT", 0 },
		[GROUP] = { "GROUP", COLUMN_OPTIONAL | COLUMN_SPARE(1) },
		[ID] = { "IDENTITY", COLUMN_OPTIONAL },
		[WHO] = { "WHO (UID PID USER)",
			  COLUMN_OPTIONAL | COLUMN_SPARE(2) },
		[DETAIL] = { "DETAIL", COLUMN_OPTIONAL | COLUMN_REST },
		{}
	};
	struct table *t = table_new(columns, true);
	const json_t *o;
	size_t i;

	json_array_foreach(lines, i, o) {
		table_row(t);
		table_count(t, NUMBER, (uint64_t)number_of(o, "seq"));
		put_time(t, TIME, o, "time");
		table_put(t, EVENT, text_of(o, "event"));
		table_put(t, GROUP, text_of(o, "group"));
		table_put(t, ID, text_of(o, "id"));
		table_put(t, WHO, text_of(o, "actor"));
		table_put(t, DETAIL, text_of(o, "detail"));
	}
	table_print(t);
	if (!i)
		puts("no lines");
}

/* ---- commands ------------------------------------------------------------ */

/* Ask for @cmd, of a group if one is named. Returns NULL after a message. */
static json_t *ask_state(struct ctl *ctl, const char *cmd, int argc,
			 char **argv, int *ret)
{
	json_t *request, *answer = NULL;

	*ret = group_request(cmd, argc, argv, &request);
	if (*ret)
		return NULL;
	*ret = query_daemon(ctl, request, &answer);
	if (*ret || !ctl->json)
		return answer;
	*ret = print_json(answer);
	return NULL;
}

int cmd_status(struct ctl *ctl, int argc, char **argv)
{
	int ret;
	json_t *answer = ask_state(ctl, "status", argc, argv, &ret);

	if (answer)
		print_status(ctl, answer);
	json_decref(answer);
	return ret;
}

int cmd_member(struct ctl *ctl, int argc, char **argv)
{
	int ret;
	json_t *answer = ask_state(ctl, "member", argc, argv, &ret);
	const json_t *rosters = json_object_get(answer, "rosters"),
		     *member = json_object_get(answer, "member");

	if (rosters)
		print_rosters(rosters);
	if (member)
		print_member_role(ctl, member);
	json_decref(answer);
	return ret;
}

int cmd_audit(struct ctl *ctl, int argc, char **argv)
{
	static const struct word words[] = { WORD("after", "a line's number",
						  set_u32, .off = 0,
						  .max = UINT32_MAX),
					     {} };
	json_t *request, *answer;
	uint32_t after, seen;
	int ret;

	ret = read_words(words, argc, argv, &after, &seen);
	if (ret)
		return ret;
	request = json_pack("{s:s}", "cmd", "audit");
	if (seen)
		json_object_set_new(request, "after", json_integer(after));
	ret = query_daemon(ctl, request, &answer);
	if (ret)
		return ret;
	if (ctl->json)
		return print_json(answer);
	print_lines(json_object_get(answer, "audit"));
	json_decref(answer);
	return EXIT_OK;
}
