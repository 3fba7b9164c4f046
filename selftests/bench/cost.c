// SPDX-License-Identifier: Apache-2.0
/*
 * The cost that strangers and members can make a key server: the real mcsecd
 * on loopback, where every peer can have an address of its own, is
 *
 *	flooded with handshakes of a stranger whose certificate nobody issued,
 *	asked by one identity from 1,000 addresses,
 *	asked by 1,000 members in the same moment,
 *
 * while an honest member registers once a second. Prints a table and what was
 * to be reached, and writes build/bench/cost.json.
 *
 *	build/bench/cost [-v]
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/cert.h"
#include "crypto/pki.h"
#include "ike/engine.h"
#include "wire/proto.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/timer.h"
#include "lib/udp.h"
#include "tap.h"

#define SERVER "127.0.0.1:18848"
#define CROWD 1000
#define FLOOD 12000
#define FLOOD_MS 10000
/* A peer may use this many ports. */
#define PORTS 16
#define OUT "build/bench/cost.json"

struct peer {
	struct ike_engine *engine;
	struct cert_chain *chain;
	struct ep from;
	int first_fd; /* in fds */
	uint64_t asked_ms; /* by own_ms() */
	uint64_t in_ms; /* after so long it was registered; 0: not yet */
	struct ike_sa *sa;
	unsigned int registered;
	unsigned int refused;
	unsigned int up;
};

static char dir[] = "/tmp/mcsec-cost-XXXXXX";
static struct timerq tq;
static struct pki_pair ca, other_ca;
static struct trust *trust;
static struct ep server;
static pid_t daemon_pid;
static json_t *results;

/*
 * There is one socket per port, and the source address is given
 * when sending.
 */
static struct {
	int fd;
	uint16_t port;
	struct ike_engine *engine; /* gets what comes; or by address */
} socks[2 * PORTS];
static unsigned int n_socks;
/*
 * All members of the crowd share a socket; the index is in the address
 * 127.3.a.b.
 */
static struct peer *crowd[CROWD];

static uint64_t now_ms(void)
{
	return clock_mono_ms(clock_system());
}

/* Return the time for which a thread waited for a CPU, 0 if it is unknown. */
static uint64_t waited_ms(pid_t pid)
{
	unsigned long long ns = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", pid, pid);
	f = fopen(path, "r");
	if (!f)
		return 0;
	if (fscanf(f, "%*u %llu", &ns) != 1)
		ns = 0;
	fclose(f);
	return ns / 1000000;
}

/*
 * A clock that stands still while this program or the key server waits for a
 * CPU: the machine's other work is not what is measured.
 */
static uint64_t own_ms(void)
{
	static uint64_t own, last, last_waited;
	uint64_t now = now_ms();
	uint64_t waited = waited_ms(getpid()) + waited_ms(daemon_pid);
	uint64_t went = now - last, lost = waited - last_waited;

	if (went > lost)
		own += went - lost;
	last = now;
	last_waited = waited;
	return own;
}

/* ---- certificates ------------------------------------------------------- */

static void issue(const struct pki_pair *by, enum pki_kind kind,
		  const char *name, struct pki_pair *out)
{
	time_t now = clock_wall(clock_system());
	struct pki_req req = {
		.kind = kind,
		.type = SIG_ED25519,
		.name = name,
		.not_before = now - 3600,
		.not_after = now + 86400,
	};
	struct err err;

	if (pki_issue(by, &req, out, &err))
		bail("%s", err.text);
}

static void save(const struct pki_pair *p, const char *name)
{
	char cert[128], key[128];
	struct err err;

	snprintf(cert, sizeof(cert), "%s/%s.pem", dir, name);
	snprintf(key, sizeof(key), "%s/%s.key", dir, name);
	if (pki_save(p, cert, key, &err))
		bail("%s", err.text);
}

static void make_authorities(void)
{
	struct cert_der der;
	struct pki_pair own;
	struct err err;

	issue(NULL, PKI_CA, "cost CA", &ca);
	issue(NULL, PKI_CA, "another CA", &other_ca);
	issue(&ca, PKI_GCKS, "gcks.example", &own);
	save(&ca, "ca");
	save(&own, "gcks");
	pki_pair_free(&own);
	der.p = ca.cert;
	der.len = ca.cert_len;
	if (trust_from_der(&der, 1, &trust, &err))
		bail("%s", err.text);
}

/* ---- the key server ----------------------------------------------------- */

static void write_conf(void)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/conf", dir);
	f = fopen(path, "w");
	if (!f)
		bail("%s: %s", path, strerror(errno));
	fprintf(f,
		"identity: { certificate = \"%s/gcks.pem\";"
		" key = \"%s/gcks.key\"; ca = \"%s/ca.pem\"; };\n"
		"control = \"%s/sock\";\n"
		"gcks: { listen = ( \"" SERVER "\" );"
		" store = \"%s/gcks.db\"; seal-key = \"%s/seal.key\";\n"
		" groups = ( { name = \"video\"; address = \"239.1.1.1\";"
		" rekey-address = \"239.1.1.254\"; rekey-interface = \"lo\";"
		" senders = [ \"s.example\" ];"
		" receivers = [ \"*.member.example\" ]; } ); };\n",
		dir, dir, dir, dir, dir, dir);
	fclose(f);
}

static void start_daemon(void)
{
	char conf[128], log[128];
	int fd;

	write_conf();
	snprintf(conf, sizeof(conf), "%s/conf", dir);
	snprintf(log, sizeof(log), "%s/log", dir);
	daemon_pid = fork();
	if (!daemon_pid) {
		fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
		if (fd >= 0) {
			dup2(fd, 2);
			execl("build/mcsecd", "mcsecd", "-c", conf, NULL);
		}
		_exit(127);
	}
}

static void stop_daemon(void)
{
	if (daemon_pid <= 0)
		return;
	kill(daemon_pid, SIGTERM);
	waitpid(daemon_pid, NULL, 0);
	daemon_pid = 0;
}

/* Return a counter of mcsecctl status, or -1 without an answer. */
static long long counter(const char *name)
{
	char cmd[160];
	json_t *o, *v;
	long long n = -1;
	FILE *f;

	snprintf(cmd, sizeof(cmd),
		 "build/mcsecctl -s %s/sock -j status 2>/dev/null", dir);
	f = popen(cmd, "r");
	if (!f)
		return -1;
	o = json_loadf(f, 0, NULL);
	v = json_object_get(json_object_get(json_object_get(o, "gcks"), "ike"),
			    name);
	if (v)
		n = json_integer_value(v);
	json_decref(o);
	pclose(f);
	return n;
}

/* Count lines of the daemon's log that contain no word of @but. */
static unsigned int log_lines(const char *const *but)
{
	char path[128], line[2048];
	unsigned int n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/log", dir);
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

/* Return the daemon's CPU time in milliseconds. */
static long cpu_ms(void)
{
	unsigned long user = 0, sys = 0;
	char path[64];
	FILE *f;
	int n;

	snprintf(path, sizeof(path), "/proc/%d/stat", daemon_pid);
	f = fopen(path, "r");
	if (!f)
		return 0;
	n = fscanf(f,
		   "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
		   &user, &sys);
	fclose(f);
	return n == 2 ? (user + sys) * 1000 / sysconf(_SC_CLK_TCK) : 0;
}

/* ---- peers -------------------------------------------------------------- */

static void on_send(void *ctx, const struct ep *from, const struct ep *to,
		    const uint8_t *p, size_t len)
{
	(void)ctx;
	for (unsigned int i = 0; i < n_socks; i++)
		if (socks[i].port == from->port)
			udp_send(socks[i].fd, from, to, NULL, 0, p, len);
}

static void on_registered(void *ctx, struct ike_sa *sa,
			  const struct ike_id *idg,
			  const struct gike_answer *answer)
{
	struct peer *p = ctx;

	(void)sa;
	(void)idg;
	(void)answer;
	p->registered++;
	if (!p->in_ms)
		p->in_ms = own_ms() - p->asked_ms + 1;
}

static void on_refused(void *ctx, struct ike_sa *sa, const struct ike_id *idg,
		       uint16_t notify, const char *text)
{
	(void)sa;
	(void)idg;
	(void)notify;
	(void)text;
	((struct peer *)ctx)->refused++;
}

static void on_closed(void *ctx, struct ike_sa *sa, const char *reason)
{
	struct peer *p = ctx;

	(void)reason;
	if (p->sa == sa)
		p->sa = NULL;
}

static void on_event(void *ctx, const struct ike_event *ev)
{
	if (ev->type == IKE_EV_UP)
		((struct peer *)ctx)->up++;
}

static const struct ike_ops ops = {
	.send = on_send,
	.registered = on_registered,
	.refused = on_refused,
	.sa_closed = on_closed,
	.event = on_event,
};

static struct peer *peer_new(const struct pki_pair *by, const char *name)
{
	struct ike_engine_cfg cfg = {
		.clock = clock_system(),
		.tq = &tq,
		.trust = trust,
		.max_sas = 100000,
	};
	struct peer *p = calloc(1, sizeof(*p));
	struct pki_pair pair;
	struct cert_der der;
	struct err err;

	issue(by, PKI_MEMBER, name, &pair);
	der.p = pair.cert;
	der.len = pair.cert_len;
	if (!p || cert_chain_from_der(&der, 1, &p->chain, &err))
		bail("%s: %s", name, err.text);
	cfg.chain = p->chain;
	cfg.key = pair.key;
	if (ike_engine_new(&cfg, &ops, p, &p->engine))
		bail("%s: no engine", name);
	return p;
}

static void socket_new(struct ike_engine *engine)
{
	struct ep local = { 0 };

	ep_parse("0.0.0.0:1", 0, &local);
	local.port = 0;
	socks[n_socks].fd = udp_open(&local, 0);
	if (socks[n_socks].fd < 0 || udp_local(socks[n_socks].fd, &local))
		bail("no socket");
	udp_room(socks[n_socks].fd, 8 << 20);
	socks[n_socks].port = local.port;
	socks[n_socks++].engine = engine;
}

static void from_addr(struct peer *p, unsigned int a, unsigned int b,
		      unsigned int c, unsigned int sock)
{
	uint8_t o[4] = { 127, a, b, c };

	memset(&p->from, 0, sizeof(p->from));
	addr_set(&p->from.addr, AF_INET, o);
	p->from.port = socks[sock].port;
}

static void ask(struct peer *p)
{
	struct gike_req req = { 0 };
	struct ike_id id;
	int ret;

	id_from_text(&id, "gcks.example");
	id_set(&req.idg, IKE_ID_KEY_ID, "video", 5);
	p->asked_ms = own_ms();
	p->in_ms = 0;
	ret = ike_register(p->engine, &p->from, &server, &id, &req, &p->sa);
	if (ret)
		bail("cannot ask: %s", strerror(-ret));
}

/* Handle datagrams and timers of all peers for at least @ms. */
static void run(unsigned int ms)
{
	static uint8_t buf[UDP_MAX];
	uint64_t end = now_ms() + ms;
	struct pollfd fds[2 * PORTS];
	struct ep from, to;
	int n, wait;

	do {
		for (unsigned int i = 0; i < n_socks; i++)
			fds[i] = (struct pollfd){ socks[i].fd, POLLIN, 0 };
		wait = timerq_next_ms(&tq);
		if (wait < 0 || wait > (int)ms)
			wait = ms;
		if (wait > 5)
			wait = 5;
		poll(fds, n_socks, wait);
		for (unsigned int i = 0; i < n_socks; i++) {
			while ((n = udp_recv(socks[i].fd, buf, sizeof(buf),
					     &from, &to, NULL)) > 0) {
				struct ike_engine *h = socks[i].engine;
				unsigned int nr =
					(to.addr.b[2] << 8) + to.addr.b[3];

				if (!h && nr < CROWD && crowd[nr])
					h = crowd[nr]->engine;
				if (h)
					ike_engine_input(h, &from, &to, buf, n);
			}
		}
		timerq_run(&tq);
	} while (now_ms() < end);
}

/* ---- the honest member -------------------------------------------------- */

static struct peer *honest;
static uint64_t slowest, next_ask;
static unsigned int honest_asked, honest_in;

static void honest_begin(void)
{
	slowest = 0;
	honest_asked = 0;
	honest_in = 0;
	next_ask = now_ms();
}

static void honest_note(void)
{
	uint64_t took = honest->in_ms;

	if (!honest_asked)
		return;
	if (!took)
		took = own_ms() - honest->asked_ms;
	else
		honest_in++;
	if (took > slowest)
		slowest = took;
	if (honest->sa)
		ike_close(honest->sa, "asks again");
	honest->sa = NULL;
}

/* The honest member registers once a second, with a new IKE SA. */
static void honest_step(void)
{
	if (now_ms() < next_ask || (honest_asked && !honest->in_ms))
		return;
	honest_note();
	ask(honest);
	honest_asked++;
	next_ask = now_ms() + 1000;
}

static void honest_end(void)
{
	uint64_t end = now_ms() + 60000;

	while (!honest->in_ms && now_ms() < end)
		run(10);
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
	struct peer *x = peer_new(&other_ca, "x.member.example");
	unsigned int before, first = n_socks, asked = 0;
	uint64_t begin, own_begin, took;
	long long failed;
	long cpu;
	json_t *o;

	for (unsigned int i = 0; i < ports; i++)
		socket_new(x->engine);
	from_addr(honest, honest_a, 0, 2, 0);
	before = log_lines(of_honest);
	failed = counter("auth-failed");
	cpu = cpu_ms();
	honest_begin();
	begin = now_ms();
	own_begin = own_ms();
	while (asked < FLOOD) {
		unsigned int due = (now_ms() - begin) * FLOOD / FLOOD_MS;

		for (; asked < due && asked < FLOOD; asked++) {
			from_addr(x, a, 0, 2, first + asked % ports);
			ask(x);
			/* A missing answer is not waited for. */
			if (asked % 512 == 511)
				run(1);
		}
		honest_step();
		run(1);
	}
	took = own_ms() - own_begin;
	honest_end();
	failed = counter("auth-failed") - failed;
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
	for (unsigned int i = first; i < n_socks; i++)
		close(socks[i].fd);
	n_socks = first;
}

static void one_identity(void)
{
	const char *name = "one identity, 1,000 addresses";
	struct peer *x = peer_new(&ca, "x.member.example");
	unsigned int first = n_socks, i;
	long long sas, before;
	json_t *o;

	socket_new(x->engine);
	before = counter("sas");
	honest_begin();
	for (i = 0; i < 1000; i++) {
		from_addr(x, 2, i >> 8, i & 0xff, first);
		ask(x);
		honest_step();
		run(10);
	}
	honest_end();
	run(500);
	sas = counter("sas") - before;
	o = result(name);
	put(o, "addresses", i);
	put(o, "handshakes_done", x->up);
	put(o, "sas", sas);
	ok(sas >= 1 && sas <= 4, "%s: %lld IKE SAs, of 4 that it may have",
	   name, sas);
	ok(x->up >= 5, "%s: %u handshakes were done", name, x->up);
	honest_report(o, name);
	ike_engine_free(x->engine);
	close(socks[--n_socks].fd);
}

static int by_ms(const void *a, const void *b)
{
	const struct peer *const *x = a, *const *y = b;

	return ((*x)->in_ms > (*y)->in_ms) - ((*x)->in_ms < (*y)->in_ms);
}

static void all_at_once(void)
{
	const char *name = "1,000 members start at once";
	unsigned int in = 0, i;
	uint64_t end;
	char id[64];
	json_t *o;
	long cpu;

	socket_new(NULL);
	for (i = 0; i < CROWD; i++) {
		snprintf(id, sizeof(id), "n%u.member.example", i);
		crowd[i] = peer_new(&ca, id);
		from_addr(crowd[i], 3, i >> 8, i & 0xff, n_socks - 1);
	}
	cpu = cpu_ms();
	for (i = 0; i < CROWD; i++)
		ask(crowd[i]);
	end = now_ms() + 60000;
	while (in < CROWD && now_ms() < end) {
		run(20);
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

static void clean_up(void)
{
	char cmd[96];

	stop_daemon();
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	if (system(cmd))
		diag("%s stays", dir);
}

int main(int argc, char **argv)
{
	uint64_t end;

	log_set_level(LOG_LEVEL_ERR);
	timerq_init(&tq, clock_system());
	if (!mkdtemp(dir) || ep_parse(SERVER, 0, &server))
		bail("no folder");
	atexit(clean_up);
	results = json_array();
	make_authorities();
	start_daemon();
	end = now_ms() + 10000;
	while (counter("sas") < 0 && now_ms() < end)
		usleep(50000);
	if (counter("sas") < 0)
		bail("mcsecd does not answer; was \"make userspace\" run?");
	honest = peer_new(&ca, "honest.member.example");
	socket_new(honest->engine);

	failing("a stranger fails, from one port", 1, 1, 0);
	failing("a stranger fails, from 16 ports of the honest member's address",
		PORTS, 4, 4);
	one_identity();
	all_at_once();

	mkdir("build/bench", 0755);
	if (json_dump_file(results, OUT, JSON_INDENT(2)))
		ok(false, "cannot write %s", OUT);
	if (argc > 1 && !strcmp(argv[1], "-v"))
		json_dumpf(results, stdout, JSON_INDENT(2));
	return done();
}
