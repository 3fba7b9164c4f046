// SPDX-License-Identifier: Apache-2.0
/*
 * The costs that a large group makes its key server: CPU, messages and memory of
 * joins, leaves, evictions and status with 2^10 to 2^20 members of one group in one
 * process, and registrations with the real daemon on loopback. Prints a table and
 * what was to be reached.
 *
 *	build/bench/keyserver [FILE.json [LOG2_OF_MEMBERS | PART]...]
 *
 * With sizes or parts ("short-keys", "growth", "crowd", "idle", "registrations") named, only these,
 * and nothing else. CPU is that of the key server
 * alone, by the process's clock, so that it depends on the machine: compare what is
 * in one run.
 */
#include <jansson.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "keyserver.h"
#include "lib/log.h"
#include "lib/util.h"
#include "tap.h"

#define SIZES_MAX 8

static json_t *rows;
static struct ks_row kept[128];
static unsigned int n_kept;

double ks_cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void put_number(json_t *o, const char *name, double v)
{
	json_object_set_new(o, name,
			    v == (json_int_t)v ? json_integer(v)
					       : json_real(v));
}

static void print_number(double v, int width)
{
	if (!v)
		printf(" %*s", width, "-");
	else
		printf(" %*.*f", width, v < 100 && v != (long long)v ? 1 : 0,
		       v);
}

void ks_put(const struct ks_row *r)
{
	json_t *o = json_object();

	json_object_set_new(o, "bench", json_string(r->bench));
	put_number(o, "members", r->members);
	put_number(o, "cpu_us", r->cpu_us);
	put_number(o, "bytes", r->bytes);
	put_number(o, "messages", r->messages);
	if (r->worst_us)
		put_number(o, "worst_us", r->worst_us);
	if (r->seconds)
		put_number(o, "seconds", r->seconds);
	if (r->ratio)
		put_number(o, "ratio", r->ratio);
	json_array_append_new(rows, o);
	if (n_kept < sizeof(kept) / sizeof(kept[0]))
		kept[n_kept++] = *r;
	printf("%-34s %8u", r->bench, r->members);
	print_number(r->cpu_us, 10);
	print_number(r->worst_us, 10);
	print_number(r->bytes, 9);
	print_number(r->messages, 5);
	print_number(r->seconds, 7);
	print_number(r->ratio, 7);
	putchar('\n');
	fflush(stdout);
}

/* ---- what was to be reached ---------------------------------------------- */

static const struct ks_row *find_row(const char *bench, unsigned int members)
{
	unsigned int i;

	for (i = 0; i < n_kept; i++)
		if (!strcmp(kept[i].bench, bench) &&
		    (!members || kept[i].members == members))
			return &kept[i];
	return NULL;
}

static void judge_goal(const char *what, double got, double goal, bool least)
{
	printf("  %s: %.4g, at %s %.4g: %s\n", what, got,
	       least ? "least" : "most", goal,
	       (least ? got >= goal : got <= goal) ? "reached" : "MISSED");
}

static void judge_most(const char *bench, unsigned int members,
		       const char *what, size_t field, double most)
{
	const struct ks_row *r = find_row(bench, members);
	char text[96];

	snprintf(text, sizeof(text), "%s, %u members, %s", bench, members,
		 what);
	if (r)
		judge_goal(text, *(const double *)((const char *)r + field),
			   most, false);
	else
		printf("  %s: not measured: MISSED\n", text);
}

/*
 * A cost that grows with the logarithm of the members is twice as high for 2^20 as for
 * 2^10; half of that more is for caches that are missed.
 */
static void judge_growth(const char *bench)
{
	const struct ks_row *few = find_row(bench, 1 << 10);
	const struct ks_row *many = find_row(bench, 1 << 20);
	char text[96];

	snprintf(text, sizeof(text), "%s, CPU of 2^20 members to 2^10", bench);
	if (few && many && few->cpu_us)
		judge_goal(text, many->cpu_us / few->cpu_us, 3, false);
	else
		printf("  %s: not measured: MISSED\n", text);
}

static void judge_steps(void)
{
	static const char *const benches[] = { "join",		"leave",
					       "evict",		"status",
					       "join, growing", NULL };
	double worst = 0;
	unsigned int i, k;

	for (i = 0; i < n_kept; i++)
		for (k = 0; benches[k]; k++)
			if (!strcmp(kept[i].bench, benches[k]) &&
			    kept[i].worst_us > worst)
				worst = kept[i].worst_us;
	judge_goal("slowest step of a join, leave, eviction or status, ms",
		   worst / 1e3, 20, false);
}

#define MOST(bench, members, what, field, most) \
	judge_most(bench, members, what, offsetof(struct ks_row, field), most)

static void judge_all(void)
{
	const struct ks_row *r;

	puts("goals");
	MOST("evict", 1 << 20, "us", cpu_us, 1000);
	MOST("evict", 1 << 20, "octets", bytes, 3072);
	MOST("evict, keys of 128 bits", 1 << 20, "octets", bytes, 3072);
	judge_growth("join");
	judge_growth("leave");
	judge_growth("evict");
	judge_growth("status");
	judge_steps();
	MOST("memory of a member", 1 << 20, "octets", bytes, 256);
	MOST("store of a member", 1 << 20, "octets", bytes, 300);
	MOST("start", 1 << 20, "us", cpu_us, 5e6);
	MOST("memory of an idle IKE SA", 10000, "octets", bytes, 1024);
	MOST("1,000 leave at once", 65536, "seconds", seconds, 3);
	r = find_row("registration", 0);
	if (r)
		judge_goal("registrations, percent of the ceiling",
			   100 * r->ratio, 60, true);
	r = find_row("resumed registration", 0);
	if (r)
		judge_goal("resumed registration, times as fast as a full one",
			   r->ratio, 10, true);
	r = find_row("asking again", 0);
	if (r)
		judge_goal("asking again, times as fast as registering",
			   r->ratio, 20, true);
}

static void measure_short_keys(void)
{
	ks_short_keys(1 << 20);
}

static void measure_growth(void)
{
	ks_growth(1 << 19);
}

static void measure_crowd(void)
{
	ks_crowd_leaves(65536, 1000);
}

static void measure_idle(void)
{
	ks_idle_sas(10000);
}

static void measure_registrations(void)
{
	ks_registrations(2048);
}

static const struct part {
	const char *name;
	void (*fn)(void);
} parts[] = {
	{ "short-keys", measure_short_keys },
	{ "growth", measure_growth },
	{ "crowd", measure_crowd },
	{ "idle", measure_idle },
	{ "registrations", measure_registrations },
};

/* Measure what @word names: a part, or a group of a size. */
static void measure_one(const char *word)
{
	const struct part *p;

	for (p = parts; p < parts + ARRAY_SIZE(parts); p++)
		if (!strcmp(p->name, word)) {
			p->fn();
			return;
		}
	if (atoi(word) < 8 || atoi(word) > 20)
		bail("\"%s\" is neither a part nor 8 to 20", word);
	ks_group(1u << atoi(word));
}

int main(int argc, char **argv)
{
	static const char *const sizes[] = { "10", "14", "17", "20" };
	unsigned int i;

	log_set_level(LOG_LEVEL_ERR);
	rows = json_array();
	printf("%-34s %8s %10s %10s %9s %5s %7s %7s\n", "bench", "members",
	       "cpu us", "worst us", "octets", "msgs", "seconds", "ratio");
	for (i = 2; i < (unsigned int)argc; i++)
		measure_one(argv[i]);
	for (i = 0; argc <= 2 && i < ARRAY_SIZE(sizes); i++)
		measure_one(sizes[i]);
	for (i = 0; argc <= 2 && i < ARRAY_SIZE(parts); i++)
		parts[i].fn();
	if (argc <= 2)
		judge_all();
	if (argc > 1 && json_dump_file(rows, argv[1], JSON_INDENT(2)))
		bail("cannot write %s", argv[1]);
	return 0;
}
