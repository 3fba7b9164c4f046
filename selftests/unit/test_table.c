// SPDX-License-Identifier: Apache-2.0
/* Tables of mcsecctl on terminals of many widths, which the test makes. */
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <termios.h>

#include "../../tools/mcsecctl/common.c"
#include "../../tools/mcsecctl/daemon.c"
#include "../../tools/mcsecctl/details.c"
#include "../../tools/mcsecctl/group.c"
#include "../../tools/mcsecctl/keyfile.c"
#include "../../tools/mcsecctl/listing.c"
#undef AT
#define add_words sa_add_words
#define set_words sa_set_words
#include "../../tools/mcsecctl/sa.c"
#include "../../tools/mcsecctl/safe.c"
#include "../../tools/mcsecctl/status.c"
#include "../../tools/mcsecctl/table.c"
#include "../../tools/mcsecctl/units.c"
#include "../../tools/mcsecctl/words.c"
#include "tap.h"

/* ---- the terminal -------------------------------------------------------- */

/* Return what @print writes to a terminal of so many columns, or to a file for 0. */
static const char *shown(int width, void (*print)(void))
{
	struct winsize w = { .ws_col = (unsigned short)width, .ws_row = 24 };
	int out = dup(STDOUT_FILENO), from, to;
	static char text[65536];
	struct termios raw;
	size_t n = 0;
	ssize_t got;
	FILE *f = tmpfile();

	fflush(stdout);
	if (openpty(&from, &to, NULL, NULL, &w))
		bail("openpty: %s", strerror(errno));
	tcgetattr(to, &raw);
	cfmakeraw(&raw);
	tcsetattr(to, TCSANOW, &raw);
	fcntl(from, F_SETFL, O_NONBLOCK);
	dup2(width ? to : fileno(f), STDOUT_FILENO);
	print();
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	close(out);
	rewind(f);
	if (!width)
		n = fread(text, 1, sizeof(text) - 1, f);
	else
		while ((got = read(from, text + n, sizeof(text) - 1 - n)) > 0)
			n += (size_t)got;
	text[n] = '\0';
	close(to);
	close(from);
	fclose(f);
	return text;
}

static size_t longest_line(const char *text)
{
	size_t most = 0, len;

	for (; *text; text += len + !!text[len]) {
		len = strcspn(text, "\n");
		if (len > most)
			most = len;
	}
	return most;
}

/* ---- a table of the test ------------------------------------------------- */

static const char *rest;

/* 4 + 2 + 6 + 2 + 5 places, and 2 + 5 of the rest without a text. */
static void print_sample(void)
{
	static const struct column columns[] = {
		{ "STAY", 0 },
		{ "SECOND", COLUMN_SPARE(1) },
		{ "FIRST", COLUMN_RIGHT | COLUMN_SPARE(7) },
		{ "NEVER", COLUMN_OPTIONAL | COLUMN_SPARE(9) },
		{ "REST", COLUMN_OPTIONAL | COLUMN_REST },
		{}
	};
	struct table *t = table_new(columns, true);

	table_row(t);
	table_put(t, 0, "a");
	table_put(t, 1, "b");
	table_count(t, 2, 7);
	table_put(t, 4, rest);
	table_print(t);
}

static void test_spare_columns(void)
{
	static const char all[] = "STAY  SECOND  FIRST\n"
				  "a     b           7\n";

	rest = NULL;
	is_str(shown(0, print_sample), all, "a file gets all columns");
	is_str(shown(80, print_sample), all,
	       "a terminal with room gets all columns that have a value");
	is_str(shown(19, print_sample), all, "the last place is used");
	is_str(shown(18, print_sample),
	       "STAY  SECOND\na     b\nmore with -v: FIRST\n",
	       "one place less costs the column that is spared first");
	is_str(shown(12, print_sample),
	       "STAY  SECOND\na     b\nmore with -v: FIRST\n",
	       "no more is left out than has to be");
	is_str(shown(11, print_sample),
	       "STAY\na\nmore with -v: SECOND,\n  FIRST\n",
	       "the next one goes, and both are named in their order");
	is_str(shown(2, print_sample),
	       "STAY\na\nmore with -v: SECOND,\n  FIRST\n",
	       "a column that cannot be spared stays on any terminal");
}

static void test_rest(void)
{
	rest = "one two three four five six seven eight nine";
	is_str(shown(0, print_sample),
	       "STAY  SECOND  FIRST  REST\n"
	       "a     b           7  one two three four five six seven eight nine\n",
	       "a file gets a long text on one line");
	ok(strstr(shown(41, print_sample), "FIRST  REST"),
	   "a text that is wrapped needs twenty places");
	is_int(longest_line(shown(41, print_sample)) <= 41, 1,
	       "the text is wrapped on a terminal that has those");
	ok(!strstr(shown(40, print_sample), "FIRST  REST"),
	   "with less than those a column is left out");
	ok(strstr(shown(40, print_sample), "more with -v: FIRST\n"),
	   "the column that made room is named");
}

/* ---- tables of commands -------------------------------------------------- */

static const char roster[] =
	"[{\"group\":\"video\",\"members\":["
	"{\"id\":\"camera-14.example\",\"send\":true,\"receive\":true,\"confirmed\":true,"
	"\"address\":\"192.0.2.114:848\",\"joined\":1795894501,\"registered\":1795894501,"
	"\"until\":1795980901,\"first-sender-id\":16,\"n-sender-ids\":4,\"inband\":true}]}]";

static void print_roster(void)
{
	json_t *rosters = json_loads(roster, 0, NULL);

	print_rosters(rosters);
	json_decref(rosters);
}

static const char groups[] =
	"[{\"name\":\"video\",\"selector\":\"239.1.1.1\",\"state\":\"in\",\"send\":true,"
	"\"receive\":true,\"members\":12,\"senders\":3,\"denied\":1,\"keyed\":true,"
	"\"data-spi\":2835932481,\"data-left\":7200,\"next-rekey\":3599,"
	"\"out-spi\":2835932481,\"heard-ms\":30000,"
	"\"last-error\":\"a reason that is long enough to be wrapped on most terminals\"}]";

static void print_both_roles(void)
{
	json_t *list = json_loads(groups, 0, NULL);

	print_gcks_groups(list);
	print_member_groups(list);
	json_decref(list);
}

static void print_sa(void)
{
	struct ksa_info i = { .sa = { .group = "video",
				      .spi = 0xa9086541,
				      .dir = MCSEC_DIR_IN | MCSEC_DIR_OUT,
				      .select = true,
				      .limits.hard_time = 7300 },
			      .state = MCSEC_SA_STATE_LIVE,
			      .age = 1234,
			      .out_packets = 123456789,
			      .out_bytes = 98765432100,
			      .in_packets = 12345678,
			      .in_bytes = 9876543210,
			      .senders = 12,
			      .in_replays = 5 };
	struct table *t = sa_table_new();

	sa_table_add(t, &i);
	table_print(t);
}

static void print_group(void)
{
	struct kgroup_info i = { .group = { .name = "video",
					    .owner = "mcsecd 31415",
					    .dst_len = 32,
					    .proto = 17,
					    .dport = 5000 },
				 .sas = 2,
				 .out_spi = 0xa9086541,
				 .out_drops = 17,
				 .in_drops = 1234567 };
	struct table *t = group_table_new();

	addr_parse("239.1.1.1", &i.group.dst);
	group_table_add(t, &i);
	table_print(t);
}

static void test_usual_terminal(void)
{
	static const struct {
		void (*print)(void);
		const char *name, *kept;
	} tables[] = {
		{ print_roster, "members", "confirmed" },
		{ print_both_roles, "groups of both roles", "a reason" },
		{ print_sa, "SAs", "REPLAYS" },
		{ print_group, "groups of the kernel", "1234567" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(tables); i++) {
		ok(longest_line(shown(0, tables[i].print)) > 80,
		   "%s: the table is wider than 80 places", tables[i].name);
		is_int(longest_line(shown(80, tables[i].print)) <= 80, 1,
		       "%s: a terminal of 80 places has room", tables[i].name);
		ok(strstr(shown(80, tables[i].print), "more with -v: "),
		   "%s: what is left out is named", tables[i].name);
		ok(strstr(shown(80, tables[i].print), tables[i].kept),
		   "%s: what matters is kept", tables[i].name);
		ok(!strstr(shown(300, tables[i].print), "more with -v: "),
		   "%s: a wide terminal has all", tables[i].name);
	}
}

static void test_whole(void)
{
	rest = NULL;
	tables_are_whole();
	is_str(shown(10, print_sample),
	       "STAY  SECOND  FIRST\na     b           7\n",
	       "-v leaves out nothing");
}

int main(void)
{
	color_choose("never");
	RUN(test_spare_columns);
	RUN(test_rest);
	RUN(test_usual_terminal);
	RUN(test_whole);
	return done();
}
