// SPDX-License-Identifier: Apache-2.0
/*
 * The module's groups with what passes and what is dropped per second. On a terminal
 * the table is drawn again until q is typed, elsewhere it is printed once.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/util.h"
#include "mcsecctl.h"
#include "sample.h"
#include "table.h"
#include "units.h"

#define CONTROL_C 3
/* Lines above the groups, and above the counters. */
#define HEAD_LINES 3
#define COUNTER_LINES 2
/* A line below the groups, which names columns that are left out. */
#define NOTE_LINES 1

struct top {
	struct ctl *ctl;
	uint32_t interval; /* seconds */
	bool live; /* on a terminal */
	struct sample before;
	struct sample now;
	struct growth *rows;
	struct termios saved;
};

static volatile sig_atomic_t interrupted;

static void note_signal(int signal)
{
	(void)signal;
	interrupted = 1;
}

/* ---- text ---------------------------------------------------------------- */

enum {
	TOP_GROUP,
	TOP_ADDRESS,
	TOP_OUT,
	TOP_OUT_OCTETS,
	TOP_IN,
	TOP_IN_OCTETS,
	TOP_OUT_DROPS,
	TOP_IN_DROPS,
	TOP_REPLAYS,
	TOP_BAD_ICV,
	TOP_KEY,
	TOP_AGE,
};

static double per_second(const struct top *t, uint64_t n)
{
	uint64_t ms = t->now.at_ms - t->before.at_ms;

	return (double)n * 1000 / (double)(ms ? ms : 1);
}

static void put_rate(const struct top *t, struct table *table, size_t column,
		     uint64_t n)
{
	double v = per_second(t, n);

	if (n)
		table_printf(table, column, v < 10 ? "%.1f" : "%.0f", v);
}

static void put_octet_rate(const struct top *t, struct table *table,
			   size_t column, uint64_t n)
{
	char text[UNIT_STRLEN];

	if (n)
		table_printf(table, column, "%s/s",
			     octets_str((uint64_t)per_second(t, n), text));
}

/* Drops stand out. */
static void put_drops(const struct top *t, struct table *table, size_t column,
		      uint64_t n)
{
	put_rate(t, table, column, n);
	if (n)
		table_tint(table, column, TINT_BAD);
}

static void put_growth(const struct top *t, struct table *table,
		       const struct growth *g)
{
	const struct kgroup *k = &g->group->group;
	char text[PREFIX_STRLEN], span[UNIT_STRLEN];

	table_row(table);
	table_put(table, TOP_GROUP, k->name);
	table_put(table, TOP_ADDRESS, prefix_str(&k->dst, k->dst_len, text));
	put_rate(t, table, TOP_OUT, g->out_packets);
	put_octet_rate(t, table, TOP_OUT_OCTETS, g->out_bytes);
	put_rate(t, table, TOP_IN, g->in_packets);
	put_octet_rate(t, table, TOP_IN_OCTETS, g->in_bytes);
	put_drops(t, table, TOP_OUT_DROPS, g->out_drops);
	put_drops(t, table, TOP_IN_DROPS, g->in_drops);
	put_drops(t, table, TOP_REPLAYS, g->replays);
	put_drops(t, table, TOP_BAD_ICV, g->bad_icv);
	if (g->spi) {
		table_printf(table, TOP_KEY, SPI_FMT, g->spi);
		table_put(table, TOP_AGE, span_str(g->age, span));
	} else {
		table_put(table, TOP_KEY, "none");
		table_tint(table, TOP_KEY, TINT_BAD);
	}
}

/* Return how many of @n rows are shown in @room lines: the last says what is left. */
static size_t rows_shown(size_t n, size_t room)
{
	return n <= room ? n : room > 1 ? room - 1 : room;
}

static void tell_left(size_t n, size_t shown, size_t room)
{
	if (n > shown && shown < room)
		printf("and %zu more\n", n - shown);
}

static void print_rows(const struct top *t, size_t room)
{
	enum { number = COLUMN_RIGHT };
	enum { drops = COLUMN_RIGHT | COLUMN_OPTIONAL };
	static const struct column columns[] = {
		[TOP_GROUP] = { "GROUP", 0 },
		[TOP_ADDRESS] = { "ADDRESS", COLUMN_SPARE(5) },
		[TOP_OUT] = { "OUT/s", number },
		[TOP_OUT_OCTETS] = { "OCTETS", drops | COLUMN_SPARE(4) },
		[TOP_IN] = { "IN/s", number },
		[TOP_IN_OCTETS] = { "OCTETS", drops | COLUMN_SPARE(3) },
		[TOP_OUT_DROPS] = { "OUT-DROPS/s", drops },
		[TOP_IN_DROPS] = { "IN-DROPS/s", drops },
		[TOP_REPLAYS] = { "REPLAYS/s", drops },
		[TOP_BAD_ICV] = { "BAD-ICV/s", drops },
		[TOP_KEY] = { "KEY", COLUMN_SPARE(2) },
		[TOP_AGE] = { "KEY AGE", number | COLUMN_SPARE(1) },
		{}
	};
	struct table *table = table_new(columns, true);
	size_t i, shown = rows_shown(t->now.n_groups, room);

	for (i = 0; i < shown; i++)
		put_growth(t, table, &t->rows[i]);
	table_print(table);
	if (!t->now.n_groups)
		puts("no groups");
	tell_left(t->now.n_groups, shown, room);
}

/* Return how much a counter of the namespace has grown. */
static uint64_t counter_growth(const struct top *t, const char *name,
			       const json_t *now)
{
	json_int_t was =
		json_integer_value(json_object_get(t->before.counters, name));
	json_int_t is = json_integer_value(now);

	return (uint64_t)(is >= was ? is - was : is);
}

static size_t count_reasons(const struct top *t)
{
	const char *name;
	size_t n = 0;
	json_t *v;

	json_object_foreach(t->now.counters, name, v)
		n += !!counter_growth(t, name, v);
	return n;
}

static void print_reasons(const struct top *t, size_t room)
{
	static const struct column columns[] = {
		{ "COUNTER", 0 },
		{ "PER SECOND", COLUMN_RIGHT },
		{ "IN ALL", COLUMN_RIGHT },
		{ "MEANING", COLUMN_REST },
		{},
	};
	struct table *table = table_new(columns, true);
	size_t n = count_reasons(t), shown = rows_shown(n, room), i = 0;
	const char *name;
	json_t *v;

	json_object_foreach(t->now.counters, name, v) {
		if (!counter_growth(t, name, v) || i++ >= shown)
			continue;
		table_row(table);
		table_put(table, 0, name);
		put_rate(t, table, 1, counter_growth(t, name, v));
		table_count(table, 2, (uint64_t)json_integer_value(v));
		table_put(table, 3, counter_meaning(name));
	}
	table_print_below(table);
	tell_left(n, shown, room);
}

/* ---- JSON ---------------------------------------------------------------- */

static json_t *growth_json(const struct growth *g)
{
	json_t *o = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
			      "name", g->group->group.name, "out-packets",
			      (json_int_t)g->out_packets, "out-bytes",
			      (json_int_t)g->out_bytes, "in-packets",
			      (json_int_t)g->in_packets, "in-bytes",
			      (json_int_t)g->in_bytes, "out-drops",
			      (json_int_t)g->out_drops, "in-drops",
			      (json_int_t)g->in_drops, "in-replays",
			      (json_int_t)g->replays, "in-bad-icv",
			      (json_int_t)g->bad_icv);

	if (g->spi) {
		json_object_set_new(o, "spi", json_integer(g->spi));
		json_object_set_new(o, "age", json_integer((json_int_t)g->age));
	}
	return o;
}

static int print_growth_json(const struct top *t)
{
	json_t *groups = json_array(), *counters = json_object();
	json_t *v, *o;
	const char *name;
	uint64_t grown;
	size_t i;

	for (i = 0; i < t->now.n_groups; i++)
		json_array_append_new(groups, growth_json(&t->rows[i]));
	json_object_foreach(t->now.counters, name, v) {
		grown = counter_growth(t, name, v);
		if (grown)
			json_object_set_new(counters, name,
					    json_integer((json_int_t)grown));
	}
	o = json_pack("{s:I, s:o, s:o}", "ms",
		      (json_int_t)(t->now.at_ms - t->before.at_ms), "groups",
		      groups, "counters", counters);
	return print_json(o);
}

/* ---- the screen ---------------------------------------------------------- */

/* The busiest are first, and those that do nothing by name. */
static int compare_rows(const void *a, const void *b)
{
	const struct growth *ga = a, *gb = b;
	uint64_t na =
		ga->out_packets + ga->in_packets + ga->out_drops + ga->in_drops;
	uint64_t nb =
		gb->out_packets + gb->in_packets + gb->out_drops + gb->in_drops;

	if (na != nb)
		return na > nb ? -1 : 1;
	return strcmp(ga->group->group.name, gb->group->group.name);
}

static int compute_rows(struct top *t, struct err *err)
{
	size_t i;

	free(t->rows);
	t->rows = calloc(t->now.n_groups + 1, sizeof(*t->rows));
	if (!t->rows)
		return err_set(err, EXIT_FAILED, "out of memory");
	for (i = 0; i < t->now.n_groups; i++)
		sample_growth(&t->before, &t->now, i, &t->rows[i]);
	qsort(t->rows, t->now.n_groups, sizeof(*t->rows), compare_rows);
	return EXIT_OK;
}

/* Lines for the rows of both tables. */
struct room {
	size_t groups;
	size_t counters;
};

/*
 * Divide the screen, whose last line stays empty since the cursor is there. The counters
 * have a third, and groups what these leave; where it is too low for both there are no
 * counters.
 */
static struct room screen_room(const struct top *t)
{
	size_t lines = 24, counters = count_reasons(t), most;
	struct winsize w;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) && w.ws_row)
		lines = w.ws_row;
	lines = lines > HEAD_LINES + NOTE_LINES + 2
			? lines - HEAD_LINES - NOTE_LINES - 1
			: 1;
	most = lines / 3 > COUNTER_LINES ? lines / 3 - COUNTER_LINES : 0;
	if (counters > most)
		counters = most;
	return (struct room){
		.groups = lines - (counters ? counters + COUNTER_LINES : 0),
		.counters = counters,
	};
}

static int print_top(const struct top *t)
{
	struct room room = { SIZE_MAX, SIZE_MAX };
	char time[STAMP_STRLEN];

	if (t->ctl->json)
		return print_growth_json(t);
	if (t->live) {
		room = screen_room(t);
		printf("\033[H\033[Jmcsecctl top  %s  every %" PRIu32
		       " s, q ends\n\n",
		       stamp_now(time), t->interval);
	}
	print_rows(t, room.groups);
	if (room.counters)
		print_reasons(t, room.counters);
	return fflush(stdout) ? EXIT_FAILED : EXIT_OK;
}

/* Use the terminal letter by letter, without what is on the screen being lost. */
static void enter_screen(struct top *t)
{
	struct sigaction act = { .sa_handler = note_signal };
	struct termios raw;

	if (!t->live)
		return;
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGQUIT, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
	tcgetattr(STDIN_FILENO, &t->saved);
	raw = t->saved;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	fputs("\033[?1049h\033[?25l\033[H\033[Jq ends\n", stdout);
	fflush(stdout);
}

static void leave_screen(struct top *t)
{
	if (!t->live)
		return;
	tcsetattr(STDIN_FILENO, TCSANOW, &t->saved);
	fputs("\033[?25h\033[?1049l", stdout);
	fflush(stdout);
}

/* Wait for the next sample. Returns true if it is the end. */
static bool waits_for_end(const struct top *t)
{
	uint64_t ms = 1000ull * t->interval,
		 end = clock_mono_ms(clock_system()) + ms;
	struct pollfd pfd = { .fd = t->live ? STDIN_FILENO : -1,
			      .events = POLLIN };
	char c;

	while (!interrupted && ms) {
		if (poll(&pfd, 1, (int)ms) > 0 &&
		    (read(STDIN_FILENO, &c, 1) != 1 || c == 'q' ||
		     c == CONTROL_C))
			return true;
		ms = clock_mono_ms(clock_system());
		ms = ms < end ? end - ms : 0;
	}
	return interrupted;
}

/* A failure has its reason in @err, which is told when the screen is left. */
static int watch_rates(struct top *t, struct err *err)
{
	int ret;

	if (sample_take(&t->ctl->kernel, &t->before, err))
		return EXIT_FAILED;
	do {
		if (waits_for_end(t))
			return EXIT_OK;
		if (sample_take(&t->ctl->kernel, &t->now, err))
			return EXIT_FAILED;
		ret = compute_rows(t, err);
		if (!ret)
			ret = print_top(t);
		sample_free(&t->before);
		t->before = t->now;
		t->now = (struct sample){};
	} while (!ret && t->live);
	return ret;
}

int cmd_top(struct ctl *ctl, int argc, char **argv)
{
	static const struct word words[] = {
		WORD("interval", "seconds", set_u32,
		     .off = offsetof(struct top, interval), .min = 1,
		     .max = 3600),
		{}
	};
	struct top t = { .ctl = ctl, .interval = 1 };
	struct err err = {};
	uint32_t seen;
	int ret;

	ret = read_words(words, argc, argv, &t, &seen);
	if (!ret)
		ret = need_kernel(ctl);
	if (ret)
		return ret;
	t.live = !ctl->json && isatty(STDOUT_FILENO) && isatty(STDIN_FILENO);
	enter_screen(&t);
	ret = watch_rates(&t, &err);
	leave_screen(&t);
	if (ret && *err.text)
		refused("top", &err);
	sample_free(&t.before);
	sample_free(&t.now);
	free(t.rows);
	return ret;
}
