// SPDX-License-Identifier: Apache-2.0
/*
 * How rekeys arrive: every case of selftests/unit/deliver.h at its full size,
 * with losses one by one, in bursts and by IP fragment. Prints a table, and
 * with a file named writes it as JSON:
 *
 *	build/bench/delivery [FILE.json [WORD]]
 *
 * @WORD: only cases with that in their name. All of it is simulated time; the
 * numbers are the same in each run.
 */
#include <stdio.h>
#include <string.h>

#include "deliver.h"

struct row {
	char name[96];
	struct deliver_net net;
	struct deliver d;
	const char *most; /* in words */
	bool held;
};

static struct row rows[64];
static unsigned int n_rows;
static const char *only = "";

static const struct deliver_net none;

static struct row *wanted(const char *name, const struct deliver_net *net,
			  const char *most)
{
	struct row *r = &rows[n_rows];

	if (!strstr(name, only))
		return NULL;
	snprintf(r->name, sizeof(r->name), "%s", name);
	r->net = *net;
	r->most = most;
	n_rows++;
	fprintf(stderr, "# %s\n", name);
	return r;
}

static void show(struct row *r, struct deliver d, bool held)
{
	r->d = d;
	r->held = held && !d.iv_repeats;
	printf("%-58s %5u %2u%s %8.4f%% %7.1f %7.1f %6u %6u %7.1f  %s\n",
	       r->name, d.members, r->net.loss,
	       r->net.by_fragment ? "f"
	       : r->net.burst_ms  ? "b"
				  : " ",
	       100 * d.entitled_lost, d.worst_lost_s, d.evicted_read_s,
	       d.rekeys, d.registrations, d.in_step_after_s,
	       r->held ? "ok" : "NOT HELD");
	fflush(stdout);
}

static bool back(double s, double most)
{
	return s >= 0 && s <= most;
}

static void away(void)
{
	static const unsigned int secs[] = { 4, 30 };
	char name[96];
	struct row *r;
	unsigned int i, only_rekeys;

	for (i = 0; i < 4; i++) {
		only_rekeys = i % 2;
		snprintf(name, sizeof(name), "receiver %s %u s in a rekey",
			 only_rekeys ? "deaf for rekeys" : "off the network",
			 secs[i / 2]);
		r = wanted(name, &none, "back after 2 s");
		if (r) {
			struct deliver d =
				deliver_receiver_away(secs[i / 2], only_rekeys);

			show(r, d,
			     back(d.in_step_after_s, 2) && d.worst_lost_s <= 2);
		}
		snprintf(name, sizeof(name), "sender %s %u s in a rekey",
			 only_rekeys ? "deaf for rekeys" : "off the network",
			 secs[i / 2]);
		r = wanted(name, &none, "receivers lose 2 s more");
		if (r) {
			struct deliver d =
				deliver_sender_away(secs[i / 2], only_rekeys);

			show(r, d, d.worst_lost_s <= 2);
		}
	}
}

static void second(void)
{
	struct deliver d;
	struct row *r;

	r = wanted("second message of an eviction lost to a sender", &none,
		   "evicted reads 20 s");
	if (r) {
		d = deliver_second_lost(true);
		show(r, d, d.evicted_read_s <= 20);
	}
	r = wanted("second message of an eviction lost to a receiver", &none,
		   "back within 5 s");
	if (r) {
		d = deliver_second_lost(false);
		show(r, d, back(d.in_step_after_s, 5));
	}
}

static void joins(void)
{
	static const struct {
		struct deliver_net net;
		double most;
	} v[] = {
		{ { .loss = 1 }, 0 },
		{ { .loss = 3 }, 0 },
		{ { .loss = 10 }, 0.001 },
		{ { .loss = 1, .burst_ms = 300 }, 0.001 },
		{ { .loss = 3, .burst_ms = 300 }, 0.001 },
		{ { .loss = 10, .burst_ms = 300 }, 0.001 },
	};
	unsigned int i;

	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct row *r = wanted("2 joins a second for 60 s, 20 viewers",
				       &v[i].net, "0 / 0 / 0.1 % lost");
		struct deliver d;

		if (!r)
			continue;
		d = deliver_joins(&v[i].net, 60);
		show(r, d, d.entitled_lost <= v[i].most);
	}
}

static void restarts(void)
{
	static const struct deliver_net v[] = {
		{ .loss = 5 },
		{ .loss = 5, .burst_ms = 300 },
	};
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct row *r = wanted("one of 200 restarts each 500 ms", &v[i],
				       "99 % hold the newest");
		struct deliver d;

		if (!r)
			continue;
		d = deliver_restarts(&v[i], 200, 90);
		show(r, d, d.entitled_lost <= 0.01 && !d.rekeys);
	}
}

static void large(void)
{
	static const struct deliver_net one = { .loss = 20 };
	static const struct deliver_net burst = { .loss = 20, .burst_ms = 300 };
	static const struct deliver_net frag = { .loss = 5,
						 .by_fragment = true };
	struct deliver d;
	struct row *r;

	r = wanted("periodic rekeys of 1,000", &one, "in step after 10 s");
	if (r) {
		d = deliver_periodic(&one, 1000, 5);
		show(r, d,
		     back(d.in_step_after_s, 10) &&
			     d.registrations <= 2 * d.missed);
	}
	r = wanted("periodic rekeys of 1,000, bursts", &burst,
		   "in step after 10 s");
	if (r) {
		d = deliver_periodic(&burst, 1000, 5);
		show(r, d,
		     back(d.in_step_after_s, 10) &&
			     d.registrations <= 2 * d.missed);
	}
	r = wanted("100 of 1,000 leave at once", &frag, "in step after 10 s");
	if (r) {
		d = deliver_leave(&frag, 1000, 100);
		show(r, d, back(d.in_step_after_s, 10));
	}
	r = wanted("1,000 start at once, 3,000 handshakes a second", &none,
		   "all in after 7 s");
	if (r) {
		d = deliver_start(&none, 1000, 333);
		show(r, d, back(d.waited_s, 7));
	}
}

static void hostile(void)
{
	struct deliver d;
	struct row *r;

	r = wanted("one identity registers each 100 ms", &none, "no rekeys");
	if (r) {
		d = deliver_pest(false, 60);
		show(r, d, !d.rekeys && !d.entitled_lost);
	}
	r = wanted("one identity leaves and joins each 100 ms", &none,
		   "nothing lost");
	if (r) {
		d = deliver_pest(true, 60);
		show(r, d, d.rekeys <= 7 && !d.entitled_lost);
	}
	r = wanted("rekeys to a sender blocked, then an eviction", &none,
		   "evicted reads for lifetime");
	if (r) {
		d = deliver_held_back(false);
		show(r, d, d.evicted_read_s <= 135);
	}
	r = wanted("rekeys to a sender fed slowly, then an eviction", &none,
		   "evicted reads for lifetime");
	if (r) {
		d = deliver_held_back(true);
		show(r, d, d.evicted_read_s <= 135);
	}
	r = wanted("a rekey missed in the start phase", &none,
		   "back after 2 s");
	if (r) {
		d = deliver_start_phase();
		show(r, d, back(d.in_step_after_s, 2));
	}
}

static int write_json(const char *path)
{
	FILE *f = fopen(path, "w");
	unsigned int i;

	if (!f) {
		perror(path);
		return 1;
	}
	fprintf(f, "[");
	for (i = 0; i < n_rows; i++) {
		const struct row *r = &rows[i];

		fprintf(f,
			"%s\n  {\"case\": \"%s\", \"members\": %u, "
			"\"loss\": %.2f, \"loss_kind\": \"%s\", "
			"\"entitled_lost\": %.6f, \"worst_lost_s\": %.2f, "
			"\"evicted_read_s\": %.2f, \"rekeys\": %u, "
			"\"registrations\": %u, \"in_step_after_s\": %.2f, "
			"\"wanted\": \"%s\", \"held\": %s}",
			i ? "," : "", r->name, r->d.members,
			r->net.loss / 100.0,
			r->net.by_fragment ? "fragment"
			: r->net.burst_ms  ? "burst"
					   : "datagram",
			r->d.entitled_lost, r->d.worst_lost_s,
			r->d.evicted_read_s, r->d.rekeys, r->d.registrations,
			r->d.in_step_after_s, r->most,
			r->held ? "true" : "false");
	}
	fprintf(f, "\n]\n");
	return fclose(f) ? 1 : 0;
}

int main(int argc, char **argv)
{
	unsigned int i, bad = 0;

	if (argc > 2)
		only = argv[2];
	printf("%-58s %5s %3s %9s %7s %7s %6s %6s %7s\n", "case", "mem", "%",
	       "lost", "worst s", "evict s", "rekeys", "regs", "step s");
	away();
	second();
	joins();
	restarts();
	large();
	hostile();
	for (i = 0; i < n_rows; i++)
		bad += !rows[i].held;
	if (argc > 1 && write_json(argv[1]))
		return 1;
	return bad ? 1 : 0;
}
