// SPDX-License-Identifier: Apache-2.0
/*
 * Names that come from outside, in each kind of line that has them: whatever a
 * peer calls itself, a line stays one line that begins with our words, and the
 * name ends where its quotes end.
 */
#include <errno.h>

#include "gcks/group.h"
#include "gcks/notice.h"
#include "group_sim.h"
#include "ike/sa.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/quote.h"
#include "lib/util.h"
#include "tap.h"
#include "wire/proto.h"

static struct sim s;

static const struct {
	const char *what;
	const char *name;
} hostile[] = {
	{ "a newline",
	  "x.example\nauthentication succeeded: \"root\" at 10.0.0.9:848" },
	{ "a carriage return", "\rgroup video: group reset: x" },
	{ "an escape sequence",
	  "\x1b[2J\x1b[1;31mgroup video: group reset\x07" },
	{ "an escape sequence of one octet", "\x9b"
					     "2Jx.example" },
	{ "the same in UTF-8", "\xc2\x9b"
			       "2Jx.example" },
	{ "a quote", "x.example\" at 192.0.2.1:848: certificate: expired" },
	{ "an escaped quote", "x.example\\\" at 192.0.2.1:848: why" },
	{ "what a quote is escaped as",
	  "x.example\\x22 at 192.0.2.1:848: why" },
	{ "DEL", "x\x7f.example" },
	{ "UTF-8 that is none", "\xff\xfe\xc3(\xe2\x28\xa1.example" },
	{ "text from right to left", "\xe2\x80\xaegnp.example" },
	{ "a format", "%s%n%x.example" },
	{ "more than is shown",
	  "0123456789012345678901234567890123456789012345678901234567890123\"" },
	{ "nothing but controls", "\x01\x02\x03\x04\x05\x06\x0b\x0c\x0e\x1f" },
};

/* ---- lib ----------------------------------------------------------------- */

static char line[2048];
static unsigned int n_lines;

static void keep(enum log_level level, const char *text, void *ctx)
{
	(void)level;
	(void)ctx;
	snprintf(line, sizeof(line), "%s", text);
	n_lines++;
}

static bool is_plain(const char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

static void test_quote(void)
{
	char buf[QUOTE_LEN], name[QUOTE_SHOWN + 2], small[8];
	char peer[PEER_STRLEN];
	struct ep ep;
	unsigned int i;

	is_str(quote("a.example", buf), "\"a.example\"", "a name as it is");
	is_str(quote("", buf), "\"\"", "no name");
	is_str(quote("a\n\x1b\"\\\x7f\xff b", buf),
	       "\"a\\x0a\\x1b\\x22\\x5c\\x7f\\xff b\"",
	       "each octet that is not plain by its number");
	memset(name, 'a', sizeof(name));
	name[QUOTE_SHOWN] = '\0';
	quote(name, buf);
	ok(strlen(buf) == QUOTE_SHOWN + 2 && buf[QUOTE_SHOWN + 1] == '"',
	   "the longest name that is shown");
	name[QUOTE_SHOWN] = 'a';
	name[QUOTE_SHOWN + 1] = '\0';
	ok(strlen(quote(name, buf)) == QUOTE_SHOWN + 5 &&
		   !strcmp(buf + QUOTE_SHOWN + 1, "\"..."),
	   "a name that is one octet longer is cut, behind its quotes");
	memset(name, '\n', QUOTE_SHOWN + 1);
	ok(strlen(quote(name, buf)) == QUOTE_LEN - 1,
	   "the longest of all has room");
	for (i = 0; i < ARRAY_SIZE(hostile); i++) {
		quote(hostile[i].name, buf);
		ok(is_plain(buf) && strchr(buf + 1, '"') &&
			   strrchr(buf, '"') == strchr(buf + 1, '"'),
		   "%s: between two quotes, and plain", hostile[i].what);
	}

	is_str(quote_escape("ab\ncd", "c", small, sizeof(small)), "ab\\x0a",
	       "octets that do not fit are left out");
	is_str(quote_escape("abcde\n", "", small, sizeof(small)), "abcde",
	       "nothing is escaped in part");
	is_str(quote_escape("a", "", small, 1), "", "no room at all");

	ok(!ep_parse("192.0.2.1", 848, &ep), "an address");
	is_str(peer_str("a.example", &ep, peer),
	       "\"a.example\" at 192.0.2.1:848", "a peer with a name");
	is_str(peer_str("", &ep, peer), "192.0.2.1:848",
	       "a peer without a name");
}

static void test_line(void)
{
	static struct ike_sa sa = { .spi_i = { 1, 2, 3, 4, 5, 6, 7, 8 } };
	unsigned int i;

	log_set_level(LOG_LEVEL_DEBUG);
	log_set_sink(keep, NULL);
	for (i = 0; i < ARRAY_SIZE(hostile); i++) {
		n_lines = 0;
		errno = EXDEV;
		log_info("kernel warning: %s", hostile[i].name);
		ok(n_lines == 1 && is_plain(line) && errno == EXDEV &&
			   !strncmp(line, "kernel warning: ", 16),
		   "%s: unquoted, one plain line all the same",
		   hostile[i].what);
	}
	log_group(LOG_LEVEL_INFO, "video", "SA selected: " SPI_FMT, 0xabcu);
	is_str(line, "group video: SA selected: 0x00000abc",
	       "a group and an SPI in their form");
	sa_debug(&sa, "IKE SA closed: %s", "idle");
	is_str(line,
	       "IKE SA 0x0102030405060708_0x0000000000000000: IKE SA closed: idle",
	       "the SPIs of an IKE SA in theirs");
	log_set_sink(NULL, NULL);
}

/* ---- the key server ------------------------------------------------------ */

/*
 * The line behind its group is @phrase, then a name in quotes that has none in
 * it, then @behind.
 */
static bool is_formed(const char *text, const char *phrase, const char *behind)
{
	static const char about[] = "group video: ";
	size_t len = strlen(phrase);

	if (!strncmp(text, about, sizeof(about) - 1))
		text += sizeof(about) - 1;
	if (strncmp(text, phrase, len) || !is_plain(text))
		return false;
	text = strchr(text + len, '"');
	text = text ? strchr(text + 1, '"') : NULL;
	if (!text)
		return false;
	text++;
	if (!strncmp(text, "...", 3))
		text += 3;
	return !strncmp(text, behind, strlen(behind)) && !strchr(text, '"');
}

/* The log has one line more than its first @before octets, of that form. */
static void one_line(size_t before, const char *what, const char *phrase,
		     const char *behind)
{
	const char *text = s.log + before, *end = strchr(text, '\n');
	char got[2048];

	snprintf(got, sizeof(got), "%.*s", end ? (int)(end - text) : 0, text);
	if (!ok(end && !end[1] && is_formed(got, phrase, behind),
		"%s: one line, and %sthe name in quotes", what, phrase))
		diag("%s", text);
}

/* Lines are limited by network and identity, and said with their rest later. */
static size_t begin(void)
{
	sim_run(&s, 120000);
	s.log_len = 0;
	s.log[0] = '\0';
	return 0;
}

struct trail {
	unsigned int n;
	unsigned int bad;
};

static int check_record(void *arg, const struct store_audit *a)
{
	struct trail *t = arg;
	const char *p = a->detail;
	unsigned int quotes = 0;

	for (; *p; p++)
		quotes += *p == '"';
	t->n++;
	t->bad += !is_plain(a->detail) || quotes % 2 || quotes > 2;
	return 0;
}

static void by_events(const char *what, const char *name)
{
	static const struct {
		enum ike_event_type type;
		const char *phrase;
	} events[] = {
		{ IKE_EV_AUTH_FAILED, "authentication failed: " },
		{ IKE_EV_UP, "authentication succeeded: " },
		{ IKE_EV_CLOSED, "IKE SA closed: " },
		{ IKE_EV_REFUSED, "refused by peer: " },
	};
	struct ike_event ev = { .text = "why", .peer_name = name };
	struct ep ep;
	unsigned int i;

	if (ep_parse("192.0.2.77", 848, &ep))
		bail("ep_parse");
	ev.peer = &ep;
	for (i = 0; i < ARRAY_SIZE(events); i++) {
		size_t before = begin();

		ev.type = events[i].type;
		gcks_ike_event(s.gcks, &ev);
		one_line(before, what, events[i].phrase,
			 " at 192.0.2.77:848: why");
	}
}

static void by_notices(const char *what, const char *name)
{
	struct addr at;
	struct ep ep;
	size_t before;

	if (ep_parse("192.0.2.77", 848, &ep) || addr_parse("192.0.2.78", &at))
		bail("ep_parse");
	before = begin();
	notice_refusal(s.gcks, "video", name, "AUTHORIZATION_FAILED", NULL,
		       "why");
	one_line(before, what,
		 "registration refused: ", ": why (AUTHORIZATION_FAILED)");
	before = begin();
	notice_refusal(s.gcks, "", name, "AUTHORIZATION_FAILED", NULL, "why");
	one_line(before, what,
		 "registration refused: ", ": why (AUTHORIZATION_FAILED)");
	before = begin();
	notice_place(s.gcks, "video", name, &at, &ep);
	one_line(before, what, "one identity at two addresses: ",
		 " at 192.0.2.77:848: already a member at 192.0.2.78");
	before = begin();
	notice_rival(s.gcks, "video", name, &ep, 0x1234);
	one_line(before, what, "forged rekey: ",
		 " at 192.0.2.77:848: followed Data SA 0x00001234, which is not ours;");
}

/* A peer that is authenticated asks for a group of that name. */
static void by_group(const char *what, const char *name)
{
	struct gike_req req = { .peer_name = "a.example" };
	struct gike_reply reply;
	struct ike_id me;
	size_t before = begin();

	id_from_text(&me, "a.example");
	req.peer = &me;
	id_set(&req.idg, IKE_ID_KEY_ID, name, strlen(name));
	gcks_group_request(s.gcks, NULL, &req, &reply);
	is_int(reply.notify, GIKE_N_INVALID_GROUP_ID, "%s: no such group",
	       what);
	one_line(before, what,
		 "registration refused: \"a.example\": no such group: ",
		 " (INVALID_GROUP_ID)");
}

/* An administrator's word, or that of a program that has it from a peer. */
static void by_order(const char *what, const char *name)
{
	struct err err;
	uint32_t ms;
	size_t before = begin();

	if (sim_evict_ahead(s.gcks, "video", name, &ms, &err))
		bail("evict: %s", err.text);
	one_line(before, what, "identity denied: ", ": not a member now");
	before = begin();
	if (sim_admit(s.gcks, "video", name, &err))
		bail("admit: %s", err.text);
	one_line(before, what, "identity admitted: ", "");
}

static void test_names(void)
{
	struct trail t = { 0 };
	unsigned int i;

	sim_init(&s, 1);
	sim_gcks_up(&s);
	for (i = 0; i < ARRAY_SIZE(hostile); i++) {
		by_events(hostile[i].what, hostile[i].name);
		by_notices(hostile[i].what, hostile[i].name);
		by_group(hostile[i].what, hostile[i].name);
		by_order(hostile[i].what, hostile[i].name);
	}
	gcks_audit(s.gcks, 0, 1000000, check_record, &t);
	ok(t.n > 5 * ARRAY_SIZE(hostile) && !t.bad,
	   "details of %u lines of the audit trail: plain, one name in each",
	   t.n);
	sim_free(&s);
}

int main(void)
{
	RUN(test_quote);
	RUN(test_line);
	RUN(test_names);
	return done();
}
