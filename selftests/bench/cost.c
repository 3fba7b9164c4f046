// SPDX-License-Identifier: Apache-2.0
/*
 * The cost that strangers and members can make a key server: the real mcsecd
 * on loopback, where every peer can have an address of its own, is
 *
 *	flooded with handshakes of a stranger whose certificate nobody issued,
 *	asked by one identity from 1,000 addresses,
 *	asked by 1,000 members in the same moment,
 *	sent first messages from 16 addresses, 40,000 a second in all,
 *
 * while an honest member registers once a second. Prints a table and what was
 * to be reached, and writes build/bench/cost.json.
 *
 *	build/bench/cost [-v]
 */
#include <jansson.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loopback.h"
#include "lib/log.h"
#include "lib/udp.h"
#include "lib/util.h"
#include "tap.h"

#define SERVER "127.0.0.1:18848"
#define CROWD 1000
#define FLOOD 12000
#define FLOOD_MS 10000
#define OUT "build/bench/cost.json"

static json_t *results;
static struct lo_peer *crowd[CROWD];

static uint64_t cpu_ms(void)
{
	return lo_cpu_ns() / 1000000;
}

/* Count lines of the daemon's log that contain no word of @but. */
static unsigned int log_lines(const char *const *but)
{
	char path[128], line[2048];
	unsigned int n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/log", lo.dir);
	f = fopen(path, "r");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		bool count = true;

		for (const char *const *b = but; *b; b++)
			count &= !strstr(line, *b);
		n += count;
	}
	fclose(f);
	return n;
}

/* ---- the honest member -------------------------------------------------- */

static struct lo_peer *honest;
static uint64_t slowest, next_ask;
static unsigned int honest_asked, honest_in;
/* Time that went by, with what the processes waited for a CPU. */
static uint64_t honest_began, slowest_wall;

static void honest_begin(void)
{
	slowest = 0;
	slowest_wall = 0;
	honest_began = 0;
	honest_asked = 0;
	honest_in = 0;
	next_ask = lo_now_ms();
}

static void honest_note(void)
{
	uint64_t took = honest->in_ms;

	if (!honest_asked)
		return;
	if (!took)
		took = lo_own_ms() - honest->asked_ms;
	else
		honest_in++;
	if (took > slowest)
		slowest = took;
	if (honest->sa)
		ike_close(honest->sa, "asks again");
	honest->sa = NULL;
}

static void honest_watch(void)
{
	if (!honest_began || !honest->in_ms)
		return;
	if (lo_now_ms() - honest_began > slowest_wall)
		slowest_wall = lo_now_ms() - honest_began;
	honest_began = 0;
}

/* The honest member registers once a second, with a new IKE SA. */
static void honest_step(void)
{
	honest_watch();
	if (lo_now_ms() < next_ask || (honest_asked && !honest->in_ms))
		return;
	honest_note();
	lo_ask(honest);
	honest_began = lo_now_ms();
	honest_asked++;
	next_ask = lo_now_ms() + 1000;
}

static void honest_end(void)
{
	uint64_t end = lo_now_ms() + 60000;

	while (!honest->in_ms && lo_now_ms() < end)
		lo_run(10);
	honest_watch();
	honest_note();
}

static json_t *result(const char *name)
{
	json_t *o = json_object();

	json_object_set_new(o, "case", json_string(name));
	json_array_append_new(results, o);
	return o;
}

static void put(json_t *o, const char *name, long long v)
{
	json_object_set_new(o, name, json_integer(v));
}

static void honest_report(json_t *o, const char *name)
{
	put(o, "honest_asked", honest_asked);
	put(o, "honest_in", honest_in);
	put(o, "honest_slowest_ms", slowest);
	put(o, "honest_slowest_wall_ms", slowest_wall);
	is_int(honest_in, honest_asked,
	       "%s: the honest member is always let in", name);
	ok(slowest < 1000, "%s: within a second, at most %ju ms", name,
	   (uintmax_t)slowest);
}

/* ---- cases -------------------------------------------------------------- */

static const char *const of_honest[] = { "honest.member.example",
					 "group rekeyed: ", NULL };

/* @ports is the number of ports that the stranger uses in turn. */
static void failing(const char *name, unsigned int ports, unsigned int a,
		    unsigned int honest_a)
{
	struct lo_peer *x = lo_peer_new(&lo.other_ca, "x.member.example");
	unsigned int before, first = lo.n_socks, asked = 0;
	uint64_t begin, own_begin, took;
	long long failed;
	uint64_t cpu;
	json_t *o;

	for (unsigned int i = 0; i < ports; i++)
		lo_socket_new(x->engine);
	lo_from_addr(honest, honest_a, 0, 2, 0);
	before = log_lines(of_honest);
	failed = lo_counter("auth-failed");
	cpu = cpu_ms();
	honest_begin();
	begin = lo_now_ms();
	own_begin = lo_own_ms();
	while (asked < FLOOD) {
		unsigned int due = (lo_now_ms() - begin) * FLOOD / FLOOD_MS;

		for (; asked < due && asked < FLOOD; asked++) {
			lo_from_addr(x, a, 0, 2, first + asked % ports);
			lo_ask(x);
			/* A missing answer is not waited for. */
			if (asked % 512 == 511)
				lo_run(1);
		}
		honest_step();
		lo_run(1);
	}
	took = lo_own_ms() - own_begin;
	honest_end();
	failed = lo_counter("auth-failed") - failed;
	o = result(name);
	put(o, "tries", asked);
	put(o, "looked_at", failed);
	put(o, "log_lines", log_lines(of_honest) - before);
	put(o, "server_cpu_ms", cpu_ms() - cpu);
	ok(took <= FLOOD_MS * 105 / 100, "%s: %u tries in %ju ms", name, asked,
	   (uintmax_t)took);
	ok(log_lines(of_honest) - before <= 20 && log_lines(of_honest) > before,
	   "%s: %u lines in the log", name, log_lines(of_honest) - before);
	honest_report(o, name);
	ike_engine_free(x->engine);
	x->engine = NULL;
	for (unsigned int i = first; i < lo.n_socks; i++)
		close(lo.socks[i].fd);
	lo.n_socks = first;
}

static void one_identity(void)
{
	const char *name = "one identity, 1,000 addresses";
	struct lo_peer *x = lo_peer_new(&lo.ca, "x.member.example");
	unsigned int first = lo.n_socks, i;
	long long sas, before;
	json_t *o;

	lo_socket_new(x->engine);
	before = lo_counter("sas");
	honest_begin();
	for (i = 0; i < 1000; i++) {
		lo_from_addr(x, 2, i >> 8, i & 0xff, first);
		lo_ask(x);
		honest_step();
		lo_run(10);
	}
	honest_end();
	lo_run(500);
	sas = lo_counter("sas") - before;
	o = result(name);
	put(o, "addresses", i);
	put(o, "handshakes_done", x->up);
	put(o, "sas", sas);
	ok(sas >= 1 && sas <= 4, "%s: %lld IKE SAs, of 4 that it may have",
	   name, sas);
	ok(x->up >= 5, "%s: %u handshakes were done", name, x->up);
	honest_report(o, name);
	ike_engine_free(x->engine);
	close(lo.socks[--lo.n_socks].fd);
}

static int by_ms(const void *a, const void *b)
{
	const struct lo_peer *const *x = a, *const *y = b;

	return ((*x)->in_ms > (*y)->in_ms) - ((*x)->in_ms < (*y)->in_ms);
}

static void all_at_once(void)
{
	const char *name = "1,000 members start at once";
	unsigned int in = 0, i;
	uint64_t end;
	char id[64];
	json_t *o;
	uint64_t cpu;

	lo_socket_new(NULL);
	lo.crowd = crowd;
	lo.n_crowd = CROWD;
	for (i = 0; i < CROWD; i++) {
		snprintf(id, sizeof(id), "n%u.member.example", i);
		crowd[i] = lo_peer_new(&lo.ca, id);
		lo_from_addr(crowd[i], 3, i >> 8, i & 0xff, lo.n_socks - 1);
	}
	cpu = cpu_ms();
	for (i = 0; i < CROWD; i++)
		lo_ask(crowd[i]);
	end = lo_now_ms() + 60000;
	while (in < CROWD && lo_now_ms() < end) {
		lo_run(20);
		for (i = in = 0; i < CROWD; i++)
			in += crowd[i]->in_ms != 0;
	}
	qsort(crowd, CROWD, sizeof(crowd[0]), by_ms);
	o = result(name);
	put(o, "in", in);
	put(o, "half_in_ms", crowd[CROWD / 2]->in_ms);
	put(o, "all_in_ms", crowd[CROWD - 1]->in_ms);
	put(o, "server_cpu_ms", cpu_ms() - cpu);
	is_int(in, CROWD, "%s: all are in", name);
	ok(in == CROWD && crowd[CROWD - 1]->in_ms < 10000,
	   "%s: the last after %ju ms", name,
	   (uintmax_t)crowd[CROWD - 1]->in_ms);
}

/* ---- many first messages -------------------------------------------------- */

#define STORM_HOSTS 16
#define STORM_RATE 40000 /* datagrams a second */
#define STORM_MS 8000
#define STORM_BATCH 40

/* Return an IKE_SA_INIT request, as a member sends it. */
static size_t first_message(uint8_t *p, size_t size)
{
	struct lo_peer *x = lo_peer_new(&lo.other_ca, "x.member.example");
	struct ep server = lo.server, any;
	unsigned int first = lo.n_socks;
	int fd, n;

	ep_parse("127.0.0.1:0", 0, &any);
	any.port = 0;
	fd = udp_open(&any, 0);
	if (fd < 0 || udp_local(fd, &lo.server))
		bail("no socket");
	lo_socket_new(x->engine);
	lo_from_addr(x, 1, 0, 2, first);
	lo_ask(x);
	n = udp_recv(fd, p, size, NULL, NULL, NULL);
	if (n <= 0)
		bail("no first message");
	lo.server = server;
	close(fd);
	lo_peer_free(x);
	close(lo.socks[--lo.n_socks].fd);
	return n;
}

static int storm_socket(unsigned int host)
{
	const uint8_t o[4] = { 127, 9, 0, 1 + host };
	struct ep local = { 0 };
	struct sockaddr_storage to;
	int fd;

	addr_set(&local.addr, AF_INET, o);
	fd = udp_open(&local, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to,
			      ep_to_sockaddr(&lo.server, &to)))
		bail("no socket for %u", host);
	return fd;
}

/* Send from each host in turn, each time with another SPI. */
static void storm(const uint8_t *msg, size_t len)
{
	static uint8_t copy[STORM_BATCH][2048];
	struct mmsghdr m[STORM_BATCH] = { 0 };
	struct iovec iov[STORM_BATCH];
	int fd[STORM_HOSTS];
	uint64_t begin, n = 0;

	for (unsigned int i = 0; i < STORM_HOSTS; i++)
		fd[i] = storm_socket(i);
	for (unsigned int i = 0; i < STORM_BATCH; i++) {
		memcpy(copy[i], msg, len);
		iov[i] = (struct iovec){ copy[i], len };
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	begin = lo_now_ms();
	while (lo_now_ms() - begin < STORM_MS) {
		uint64_t due = (lo_now_ms() - begin) * STORM_RATE / 1000;

		for (; n < due; n += STORM_BATCH) {
			for (unsigned int i = 0; i < STORM_BATCH; i++)
				put_unaligned_be64(n + i + 1, copy[i]);
			sendmmsg(fd[n / STORM_BATCH % STORM_HOSTS], m,
				 STORM_BATCH, MSG_DONTWAIT);
		}
		usleep(500);
	}
	_exit(0);
}

static void first_messages(void)
{
	const char *name = "first messages from 16 addresses";
	uint8_t msg[2048];
	size_t len = first_message(msg, sizeof(msg));
	long long in = lo_counter("in"), lost = lo_counter("in-lost");
	long long crowded = lo_counter("in-crowded");
	uint64_t cpu = cpu_ms(), begin;
	int status = 0;
	json_t *o;
	pid_t pid;

	lo_from_addr(honest, 8, 0, 1, 0);
	pid = fork();
	if (!pid)
		storm(msg, len);
	honest_begin();
	begin = lo_now_ms();
	while (!waitpid(pid, &status, WNOHANG)) {
		honest_step();
		lo_run(1);
	}
	honest_end();
	o = result(name);
	put(o, "ms", lo_now_ms() - begin);
	put(o, "in", lo_counter("in") - in);
	put(o, "crowded", lo_counter("in-crowded") - crowded);
	put(o, "lost", lo_counter("in-lost") - lost);
	put(o, "server_cpu_ms", cpu_ms() - cpu);
	is_int(status, 0, "%s: they send as long as they were to", name);
	honest_report(o, name);
}

int main(int argc, char **argv)
{
	log_set_level(LOG_LEVEL_ERR);
	results = json_array();
	lo_begin(SERVER);
	lo_start("", "");
	honest = lo_peer_new(&lo.ca, "honest.member.example");
	lo_socket_new(honest->engine);

	failing("a stranger fails, from one port", 1, 1, 0);
	failing("a stranger fails, from 16 ports of the honest member's address",
		LO_PORTS, 4, 4);
	one_identity();
	first_messages();
	all_at_once();

	mkdir("build/bench", 0755);
	if (json_dump_file(results, OUT, JSON_INDENT(2)))
		ok(false, "cannot write %s", OUT);
	if (argc > 1 && !strcmp(argv[1], "-v"))
		json_dumpf(results, stdout, JSON_INDENT(2));
	return done();
}
