// SPDX-License-Identifier: Apache-2.0
#include "loopback.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/cert.h"
#include "wire/proto.h"
#include "lib/clock.h"
#include "lib/udp.h"
#include "tap.h"

/* The time in which the daemon has to answer after its start. */
#define START_MS 60000

struct lo lo;

uint64_t lo_now_ms(void)
{
	return clock_mono_ms(clock_system());
}

/* Set *@ran and *@waited to what a thread ran and waited for a CPU, or 0. */
static void read_sched(pid_t pid, const char *task, unsigned long long *ran,
		       unsigned long long *waited)
{
	char path[300];
	FILE *f;

	*ran = 0;
	*waited = 0;
	snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", pid, task);
	f = fopen(path, "r");
	if (!f)
		return;
	if (fscanf(f, "%llu %llu", ran, waited) != 2)
		*ran = *waited = 0;
	fclose(f);
}

static uint64_t waited_ms(pid_t pid)
{
	unsigned long long ran, waited;
	char task[16];

	snprintf(task, sizeof(task), "%d", pid);
	read_sched(pid, task, &ran, &waited);
	return waited / 1000000;
}

uint64_t lo_own_ms(void)
{
	static uint64_t own, last, last_waited;
	uint64_t now = lo_now_ms();
	uint64_t waited = waited_ms(getpid()) + waited_ms(lo.pid);
	uint64_t went = now - last, lost = waited - last_waited;

	if (went > lost)
		own += went - lost;
	last = now;
	last_waited = waited;
	return own;
}

uint64_t lo_cpu_ns(void)
{
	unsigned long long ran, waited;
	uint64_t sum = 0;
	struct dirent *e;
	char path[64];
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", lo.pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		read_sched(lo.pid, e->d_name, &ran, &waited);
		sum += ran;
	}
	if (d)
		closedir(d);
	return sum;
}

uint64_t lo_resident(void)
{
	unsigned long pages = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/statm", lo.pid);
	f = fopen(path, "r");
	if (!f)
		return 0;
	if (fscanf(f, "%*u %lu", &pages) != 1)
		pages = 0;
	fclose(f);
	return (uint64_t)pages * sysconf(_SC_PAGESIZE);
}

/* ---- certificates ------------------------------------------------------- */

static void issue_pair(const struct pki_pair *by, enum pki_kind kind,
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

static void save_pair(const struct pki_pair *p, const char *name)
{
	char cert[128], key[128];
	struct err err;

	snprintf(cert, sizeof(cert), "%s/%s.pem", lo.dir, name);
	snprintf(key, sizeof(key), "%s/%s.key", lo.dir, name);
	if (pki_save(p, cert, key, &err))
		bail("%s", err.text);
}

static void make_authorities(void)
{
	struct cert_der der;
	struct pki_pair own;
	struct err err;

	issue_pair(NULL, PKI_CA, "bench CA", &lo.ca);
	issue_pair(NULL, PKI_CA, "another CA", &lo.other_ca);
	issue_pair(&lo.ca, PKI_GCKS, "gcks.example", &own);
	save_pair(&lo.ca, "ca");
	save_pair(&own, "gcks");
	pki_pair_free(&own);
	der.p = lo.ca.cert;
	der.len = lo.ca.cert_len;
	if (trust_from_der(&der, 1, &lo.trust, &err))
		bail("%s", err.text);
}

/* ---- the key server ----------------------------------------------------- */

static void write_conf(const char *gcks, const char *group)
{
	char path[128], server[EP_STRLEN];
	FILE *f;

	snprintf(path, sizeof(path), "%s/conf", lo.dir);
	f = fopen(path, "w");
	if (!f)
		bail("%s: %s", path, strerror(errno));
	fprintf(f,
		"identity: { certificate = \"%s/gcks.pem\";"
		" key = \"%s/gcks.key\"; ca = \"%s/ca.pem\"; };\n"
		"control = \"%s/sock\";\n"
		"gcks: { listen = ( \"%s\" );"
		" store = \"%s/gcks.db\"; seal-key = \"%s/seal.key\"; %s\n"
		" groups = ( { name = \"video\"; address = \"239.1.1.1\";"
		" rekey-address = \"239.1.1.254\"; rekey-interface = \"lo\";"
		" senders = [ \"s.example\" ];"
		" receivers = [ \"*.member.example\" ]; %s } ); };\n",
		lo.dir, lo.dir, lo.dir, lo.dir, ep_str(&lo.server, server),
		lo.dir, lo.dir, gcks, group);
	fclose(f);
}

void lo_start(const char *gcks, const char *group)
{
	uint64_t end = lo_now_ms() + START_MS;
	char conf[128], log[128];
	int fd;

	write_conf(gcks, group);
	snprintf(conf, sizeof(conf), "%s/conf", lo.dir);
	snprintf(log, sizeof(log), "%s/log", lo.dir);
	lo.pid = fork();
	if (!lo.pid) {
		fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
		if (fd >= 0) {
			dup2(fd, 2);
			execl("build/mcsecd", "mcsecd", "-c", conf, NULL);
		}
		_exit(127);
	}
	while (lo_counter("sas") < 0 && lo_now_ms() < end)
		usleep(50000);
	if (lo_counter("sas") < 0)
		bail("mcsecd does not answer; was \"make userspace\" run?");
}

static void stop_daemon(void)
{
	if (lo.pid <= 0)
		return;
	kill(lo.pid, SIGTERM);
	waitpid(lo.pid, NULL, 0);
	lo.pid = 0;
}

static void clean_up(void)
{
	char cmd[96];

	stop_daemon();
	snprintf(cmd, sizeof(cmd), "rm -rf %s", lo.dir);
	if (system(cmd))
		diag("%s stays", lo.dir);
}

void lo_begin(const char *server)
{
	timerq_init(&lo.tq, clock_system());
	snprintf(lo.dir, sizeof(lo.dir), "/tmp/mcsec-bench-XXXXXX");
	if (!mkdtemp(lo.dir) || ep_parse(server, 0, &lo.server))
		bail("no folder");
	atexit(clean_up);
	make_authorities();
}

long long lo_counter(const char *name)
{
	char cmd[160];
	json_t *o, *v;
	long long n = -1;
	FILE *f;

	snprintf(cmd, sizeof(cmd),
		 "build/mcsecctl -s %s/sock -j status 2>/dev/null", lo.dir);
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

/* ---- peers -------------------------------------------------------------- */

static void on_send(void *ctx, const struct ep *from, const struct ep *to,
		    const uint8_t *p, size_t len)
{
	(void)ctx;
	for (unsigned int i = 0; i < lo.n_socks; i++)
		if (lo.socks[i].port == from->port)
			udp_send(lo.socks[i].fd, from, to, p, len);
}

static void on_registered(void *ctx, struct ike_sa *sa,
			  const struct ike_id *idg,
			  const struct gike_answer *answer)
{
	struct lo_peer *p = ctx;

	(void)sa;
	(void)idg;
	(void)answer;
	p->registered++;
	if (!p->in_ms)
		p->in_ms = lo_own_ms() - p->asked_ms + 1;
}

static void on_refused(void *ctx, struct ike_sa *sa, const struct ike_id *idg,
		       uint16_t notify, const char *text)
{
	(void)sa;
	(void)idg;
	(void)notify;
	(void)text;
	((struct lo_peer *)ctx)->refused++;
}

static void on_closed(void *ctx, struct ike_sa *sa, const char *reason)
{
	struct lo_peer *p = ctx;

	(void)reason;
	if (p->sa == sa)
		p->sa = NULL;
}

static void on_event(void *ctx, const struct ike_event *ev)
{
	if (ev->type == IKE_EV_UP)
		((struct lo_peer *)ctx)->up++;
}

static const struct ike_ops ops = {
	.send = on_send,
	.registered = on_registered,
	.refused = on_refused,
	.sa_closed = on_closed,
	.event = on_event,
};

struct lo_peer *lo_peer_new(const struct pki_pair *by, const char *name)
{
	struct ike_engine_cfg cfg = {
		.clock = clock_system(),
		.tq = &lo.tq,
		.trust = lo.trust,
		.max_sas = 100000,
		.rexmit_ms = lo.rexmit_ms,
		.resume = true,
	};
	struct lo_peer *p = calloc(1, sizeof(*p));
	struct cert_der der;
	struct err err;

	if (!p)
		bail("no memory");
	issue_pair(by, PKI_MEMBER, name, &p->pair);
	der.p = p->pair.cert;
	der.len = p->pair.cert_len;
	if (cert_chain_from_der(&der, 1, &p->chain, &err))
		bail("%s: %s", name, err.text);
	cfg.chain = p->chain;
	cfg.key = p->pair.key;
	if (ike_engine_new(&cfg, &ops, p, &p->engine))
		bail("%s: no engine", name);
	return p;
}

void lo_peer_free(struct lo_peer *p)
{
	ike_engine_free(p->engine);
	cert_chain_free(p->chain);
	pki_pair_free(&p->pair);
	free(p);
}

void lo_socket_new(struct ike_engine *engine)
{
	struct ep local = { 0 };
	unsigned int n = lo.n_socks;

	if (n == LO_SOCKS)
		bail("too many sockets");
	ep_parse("0.0.0.0:1", 0, &local);
	local.port = 0;
	lo.socks[n].fd = udp_open(&local, 0);
	if (lo.socks[n].fd < 0 || udp_local(lo.socks[n].fd, &local))
		bail("no socket");
	udp_set_rcvbuf(lo.socks[n].fd, 8 << 20);
	lo.socks[n].port = local.port;
	lo.socks[n].engine = engine;
	lo.n_socks++;
}

void lo_from_addr(struct lo_peer *p, unsigned int a, unsigned int b,
		  unsigned int c, unsigned int sock)
{
	uint8_t o[4] = { 127, a, b, c };

	memset(&p->from, 0, sizeof(p->from));
	addr_set(&p->from.addr, AF_INET, o);
	p->from.port = lo.socks[sock].port;
}

static void ask_over(struct lo_peer *p, bool again)
{
	struct gike_req req = { 0 };
	struct ike_id id;
	int ret;

	id_from_text(&id, "gcks.example");
	id_set(&req.idg, IKE_ID_KEY_ID, "video", 5);
	p->asked_ms = lo_own_ms();
	p->in_ms = 0;
	ret = again ? ike_register_more(p->sa, &req)
		    : ike_register(p->engine, &p->from, &lo.server, &id, &req,
				   &p->sa);
	if (ret)
		bail("cannot ask: %s", strerror(-ret));
}

void lo_ask(struct lo_peer *p)
{
	ask_over(p, false);
}

void lo_ask_again(struct lo_peer *p)
{
	ask_over(p, true);
}

static void receive_all(unsigned int sock)
{
	static uint8_t buf[UDP_MAX];
	struct ep from, to;
	int n;

	while ((n = udp_recv(lo.socks[sock].fd, buf, sizeof(buf), &from, &to,
			     NULL)) > 0) {
		struct ike_engine *h = lo.socks[sock].engine;
		unsigned int nr = (to.addr.b[2] << 8) + to.addr.b[3];

		if (!h && nr < lo.n_crowd && lo.crowd[nr])
			h = lo.crowd[nr]->engine;
		if (h)
			ike_engine_input(h, &from, &to, buf, n);
	}
}

void lo_run(unsigned int ms)
{
	uint64_t end = lo_now_ms() + ms;
	struct pollfd fds[LO_SOCKS];
	int wait;

	do {
		for (unsigned int i = 0; i < lo.n_socks; i++)
			fds[i] = (struct pollfd){ lo.socks[i].fd, POLLIN, 0 };
		wait = timerq_next_ms(&lo.tq);
		if (wait < 0 || wait > (int)ms)
			wait = ms;
		if (wait > 5)
			wait = 5;
		poll(fds, lo.n_socks, wait);
		for (unsigned int i = 0; i < lo.n_socks; i++)
			receive_all(i);
		timerq_run(&lo.tq);
	} while (lo_now_ms() < end);
}
