// SPDX-License-Identifier: Apache-2.0
#include "group_sim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/rand.h"
#include "crypto/seal.h"
#include "crypto/sign.h"
#include "crypto/wrap.h"
#include "wire/proto.h"
#include "lib/log.h"
#include "lib/util.h"
#include "verified.h"

#define WALL0 1800000000

uint32_t sim_random(struct sim *s, uint32_t n)
{
	s->seed ^= s->seed << 13;
	s->seed ^= s->seed >> 7;
	s->seed ^= s->seed << 17;
	return n ? (s->seed >> 20) % n : 0;
}

/* Runs are reproducible, apart from ECDSA signatures. */
static void sim_rand(void *ctx, void *p, size_t n)
{
	uint8_t *b = p;

	while (n--)
		*b++ = sim_random(ctx, 256);
}

static uint64_t mono(void *ctx)
{
	return ((struct sim *)ctx)->ms;
}

static time_t wall(void *ctx)
{
	struct sim *s = ctx;

	return s->wall0 + s->ms / 1000;
}

/* ---- log ---------------------------------------------------------------- */

static void on_log(enum log_level level, const char *line, void *ctx)
{
	struct sim *s = ctx;
	size_t len = strlen(line);

	if (getenv("SIM_LOG"))
		fprintf(stderr, "%8.3f %s\n", s->ms / 1000.0, line);
	if (level > LOG_LEVEL_INFO)
		return;
	/*
	 * No message, even a late one, may cause a forbidden state change of a
	 * member.
	 */
	if (strstr(line, "state change refused: "))
		SIM_DIE("%s", line);
	if (s->log_len + len + 2 > sizeof(s->log))
		s->log_len = 0;
	memcpy(s->log + s->log_len, line, len);
	s->log_len += len;
	s->log[s->log_len++] = '\n';
	s->log[s->log_len] = '\0';
}

/* ---- certificates ------------------------------------------------------- */

static void issue(struct sim *s, const struct pki_pair *ca, enum pki_kind kind,
		  const char *name, struct pki_pair *out)
{
	struct pki_req req = {
		.kind = kind,
		.type = SIG_ED25519,
		.name = name,
		.not_before = s->wall0 - 86400,
		.not_after =
			s->cert_s ? s->wall0 + (int64_t)s->ms / 1000 + s->cert_s
				  : s->wall0 + 86400 * 365,
	};
	struct err err;

	if (pki_issue(ca, &req, out, &err))
		SIM_DIE("%s: %s", name, err.text);
}

static void chain_of(const struct pki_pair *pair, const struct pki_pair *ca,
		     struct cert_chain **chain, struct trust **trust)
{
	struct cert_der own = { pair->cert, pair->cert_len };
	struct cert_der root = { ca->cert, ca->cert_len };
	struct err err;

	if (cert_chain_from_der(&own, 1, chain, &err) ||
	    trust_from_der(&root, 1, trust, &err))
		SIM_DIE("%s", err.text);
}

static void host_cfg(struct sim *s, struct ike_engine_cfg *cfg,
		     const struct cert_chain *chain, const struct trust *trust,
		     const struct sigkey *key)
{
	const uint8_t *id;
	uint8_t type;
	size_t len;

	memset(cfg, 0, sizeof(*cfg));
	cfg->clock = &s->clock;
	cfg->tq = &s->tq;
	cfg->chain = chain;
	cfg->trust = trust;
	cfg->key = key;
	cfg->max_per_peer = 512;
	cfg->max_half_open = 1024;
	cfg->cookie_above = 512;
	cfg->mobike = s->mobike;
	cert_chain_id(chain, &type, &id, &len);
	id_set(&cfg->id, type, id, len);
}

/* ---- key server --------------------------------------------------------- */

static enum gike_when on_request(void *ctx, struct ike_sa *sa,
				 const struct gike_req *req,
				 struct gike_reply *reply)
{
	struct sim *s = ctx;

	return gcks_group_request(s->gcks, sa, req, reply);
}

static bool on_welcome(void *ctx, struct ike_sa *sa)
{
	struct sim *s = ctx;

	return !s->gcks || gcks_welcome(s->gcks, sa);
}

static void on_event(void *ctx, const struct ike_event *ev)
{
	struct sim *s = ctx;

	if (s->gcks)
		gcks_ike_event(s->gcks, ev);
}

static void on_sending(void *ctx, struct ike_sa *sa, const uint8_t *group,
		       size_t len, uint32_t spi)
{
	struct sim *s = ctx;

	if (s->gcks)
		gcks_sending(s->gcks, sa, group, len, spi);
}

static void on_rival(void *ctx, struct ike_sa *sa, const uint8_t *group,
		     size_t len, uint32_t spi)
{
	struct sim *s = ctx;

	if (s->gcks)
		gcks_rival(s->gcks, sa, group, len, spi);
}

static void on_moved(void *ctx, struct ike_sa *sa, const struct ep *from)
{
	struct sim *s = ctx;

	if (s->gcks)
		gcks_moved(s->gcks, sa, from);
}

static int on_fill(void *ctx, struct ike_sa *sa, const struct ike_id *idg,
		   struct gike_inband *msg)
{
	struct sim *s = ctx;

	return gcks_inband_fill(s->gcks, sa, idg, msg);
}

static void on_done(void *ctx, struct ike_sa *sa, const struct ike_id *idg,
		    uint16_t notify)
{
	struct sim *s = ctx;

	gcks_inband_done(s->gcks, sa, idg, notify);
}

static void on_gcks_closed(void *ctx, struct ike_sa *sa, const char *reason)
{
	struct sim *s = ctx;

	(void)reason;
	if (s->gcks)
		gcks_sa_closed(s->gcks, sa);
}

static const struct ike_ops gcks_ops = {
	.send = sim_gcks_send,
	.group_request = on_request,
	.welcome = on_welcome,
	.sending = on_sending,
	.rival = on_rival,
	.moved = on_moved,
	.inband_fill = on_fill,
	.inband_done = on_done,
	.sa_closed = on_gcks_closed,
	.event = on_event,
};

void sim_gcks_up(struct sim *s)
{
	struct gcks_deps deps = {
		.clock = &s->clock,
		.tq = &s->tq,
		.send_rekey = sim_send_rekey,
		.trust = s->trust,
		.ctx = s,
		.key = s->cert.key,
		.identity = "gcks.example",
	};
	struct ike_engine_cfg cfg;
	struct err err;

	if (s->gcks_up)
		SIM_DIE("the key server is up");
	s->crashed = false;
	s->crash = SIM_NO_CRASH;
	sim_store_up(s);
	deps.store = s->store;
	deps.witness = s->witness;
	deps.psks = s->psks;
	if (gcks_new(&s->conf, &deps, &s->gcks, &err))
		SIM_DIE("%s", err.text);
	host_cfg(s, &cfg, s->chain, s->trust, s->cert.key);
	cfg.responder = true;
	cfg.psks = s->psks;
	if (s->real_limits) {
		cfg.max_half_open = 4096;
		cfg.cookie_above = 64;
	}
	if (ike_engine_new(&cfg, &gcks_ops, s, &s->engine))
		SIM_DIE("ike_engine_new");
	gcks_set_engine(s->gcks, s->engine);
	s->gcks_up = true;
}

void sim_gcks_down(struct sim *s)
{
	if (!s->gcks_up)
		return;
	/* No message may leave while the server is being destroyed. */
	s->crashed = true;
	ike_engine_free(s->engine);
	gcks_free(s->gcks);
	store_close(s->store);
	store_close(s->witness);
	s->gcks = NULL;
	s->engine = NULL;
	s->gcks_up = false;
}

/* ---- members ------------------------------------------------------------ */

static void on_registered(void *ctx, struct ike_sa *sa,
			  const struct ike_id *idg,
			  const struct gike_answer *answer)
{
	struct sim_member *m = ctx;
	struct gsa altered = *answer->gsa;

	if (m->s->answer)
		m->s->answer(m->s, m, &altered, answer->kd);
	member_registered(m->m, sa, idg, &altered, answer->kd,
			  answer->transport);
}

static void on_refused(void *ctx, struct ike_sa *sa, const struct ike_id *idg,
		       uint16_t notify, const char *text)
{
	struct sim_member *m = ctx;

	m->notify = notify;
	snprintf(m->text, sizeof(m->text), "%s", text ? text : "");
	member_refused(m->m, sa, idg, notify, text);
}

static void on_later(void *ctx, struct ike_sa *sa, const struct ike_id *idg,
		     uint32_t ms)
{
	struct sim_member *m = ctx;

	member_later(m->m, sa, idg, ms);
}

static void on_left(void *ctx, struct ike_sa *sa, const struct ike_id *idg)
{
	struct sim_member *m = ctx;

	member_left(m->m, sa, idg);
}

static void on_closed(void *ctx, struct ike_sa *sa, const char *reason)
{
	struct sim_member *m = ctx;

	member_sa_closed(m->m, sa, reason);
}

static void on_inband(void *ctx, struct ike_sa *sa, const struct ike_id *idg,
		      struct gike_inband *msg)
{
	struct sim_member *m = ctx;

	if (m->s->inband)
		m->s->inband(m->s, m, msg);
	member_inband(m->m, sa, idg, msg);
}

static void on_changed(void *ctx, struct ike_sa *sa, const uint8_t *group,
		       size_t len, uint32_t spi)
{
	struct sim_member *m = ctx;

	(void)sa;
	m->n_told++;
	member_changed(m->m, group, len, spi);
}

static int on_local_of(void *ctx, const struct ep *peer, struct ep *local)
{
	struct sim_member *m = ctx;

	(void)peer;
	*local = m->ep;
	return m->s->mobike ? 0 : -ENOTSUP;
}

static const struct ike_ops member_ops = {
	.send = sim_member_send,
	.local_of = on_local_of,
	.registered = on_registered,
	.refused = on_refused,
	.later = on_later,
	.left = on_left,
	.inband = on_inband,
	.changed = on_changed,
	.sa_closed = on_closed,
};

static int join_rekey(void *ctx, const struct ep *to, const struct addr *source,
		      const char *interface, struct err *err)
{
	struct sim_member *m = ctx;

	(void)source;
	if (m->join_errno)
		return err_set(err, m->join_errno, "no interface eth7");
	snprintf(m->interface, sizeof(m->interface), "%s", interface);
	m->listens |= ep_equal(to, &m->s->cg.rekey_to);
	return m->ifindex;
}

static void report_rekey(void *ctx, const struct ep *to,
			 const struct addr *source)
{
	struct sim_member *m = ctx;

	(void)source;
	m->n_reported += ep_equal(to, &m->s->cg.rekey_to);
}

static bool carries(void *ctx, uint32_t ifindex)
{
	const struct sim_member *m = ctx;

	(void)ifindex;
	return !m->no_carrier;
}

static bool is_below(void *ctx, uint32_t lower, uint32_t upper)
{
	const struct sim_member *m = ctx;

	return lower == m->port && upper == (uint32_t)m->ifindex;
}

static void leave_rekey(void *ctx, const struct ep *to,
			const struct addr *source)
{
	struct sim_member *m = ctx;

	(void)source;
	if (ep_equal(to, &m->s->cg.rekey_to))
		m->listens = false;
}

static struct sim_note *find_note(struct sim_member *m, uint32_t spi)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(m->note); i++)
		if (m->note[i].spi == spi)
			return &m->note[i];
	return NULL;
}

static void note_key(void *ctx, const char *group, uint32_t spi,
		     const uint8_t *digest)
{
	struct sim_member *m = ctx;
	struct sim_note *n = find_note(m, spi);

	if (strcmp(group, m->s->cg.name))
		return;
	if (!n && digest)
		n = find_note(m, 0);
	if (!n && digest)
		SIM_DIE("more notes than SAs");
	if (!n)
		return;
	memset(n, 0, sizeof(*n));
	if (!digest)
		return;
	n->spi = spi;
	memcpy(n->digest, digest, sizeof(n->digest));
}

static bool find_key_note(void *ctx, const char *group, uint32_t spi,
			  uint8_t *digest)
{
	struct sim_member *m = ctx;
	const struct sim_note *n = find_note(m, spi);

	if (!n || strcmp(group, m->s->cg.name))
		return false;
	memcpy(digest, n->digest, sizeof(n->digest));
	return true;
}

static struct sim_member *add(struct sim *s, const struct pki_pair *ca,
			      const char *name, bool send, bool receive)
{
	struct sim_member *m = calloc(1, sizeof(*m));
	char ip[32];

	if (!m || s->n == SIM_MAX)
		SIM_DIE("too many members");
	m->s = s;
	m->i = s->n;
	snprintf(m->name, sizeof(m->name), "%s", name);
	snprintf(ip, sizeof(ip), "10.1.%d.%d:848", s->n / 200, s->n % 200 + 1);
	if (ep_parse(ip, 0, &m->ep))
		SIM_DIE("%s", ip);
	issue(s, ca, PKI_MEMBER, name, &m->cert);
	/* All members, including strangers, trust the CA of the key server. */
	chain_of(&m->cert, &s->ca, &m->chain, &m->trust);
	m->cg.name = s->cg.name;
	m->cg.sel = s->cg.sel;
	m->cg.more = s->cg.more;
	m->cg.tunnel = s->cg.tunnel;
	m->cg.send = send;
	m->cg.receive = receive;
	m->cg.sender_ids = 2;
	m->cg.window = 1024;
	m->cg.max_senders = 64;
	m->conf.gcks = s->ep;
	m->conf.gcks_id = (char *)"gcks.example";
	m->conf.local = m->ep;
	m->conf.interface = (char *)"";
	m->conf.groups = &m->cg;
	m->conf.n_groups = 1;
	mock_kernel_init(&m->mk, &s->clock);
	s->m[s->n++] = m;
	return m;
}

struct sim_member *sim_add(struct sim *s, const char *name, bool send,
			   bool receive)
{
	return add(s, &s->ca, name, send, receive);
}

struct sim_member *sim_add_stranger(struct sim *s, const char *name)
{
	struct sim_member *m;
	struct pki_pair ca;

	issue(s, NULL, PKI_CA, "Another CA", &ca);
	m = add(s, &ca, name, false, true);
	pki_pair_free(&ca);
	return m;
}

void sim_up(struct sim_member *m)
{
	struct member_deps deps = {
		.clock = &m->s->clock,
		.tq = &m->s->tq,
		.kernel = &m->mk.k,
		.join_rekey = join_rekey,
		.report_rekey = report_rekey,
		.leave_rekey = leave_rekey,
		.note_key = note_key,
		.find_key_note = find_key_note,
		.carries = carries,
		.is_below = is_below,
		.ctx = m,
	};
	struct ike_engine_cfg cfg;
	struct err err;

	if (member_new(&m->conf, &deps, &m->m, &err))
		SIM_DIE("%s", err.text);
	host_cfg(m->s, &cfg, m->chain, m->trust, m->cert.key);
	cfg.psks = m->psks;
	/* The times are those of app/member.c. */
	cfg.rexmit_ms = 500;
	cfg.rexmit_max = 12;
	if (ike_engine_new(&cfg, &member_ops, m, &m->engine))
		SIM_DIE("ike_engine_new");
	member_set_engine(m->m, m->engine);
	m->up = true;
	if (member_start(m->m, &err))
		SIM_DIE("%s", err.text);
}

void sim_down(struct sim_member *m)
{
	if (!m->up)
		return;
	m->up = false;
	ike_engine_free(m->engine);
	member_free(m->m);
	m->listens = false;
	m->m = NULL;
	m->engine = NULL;
}

/* ---- stream ------------------------------------------------------------- */

/* At most one per second is sent, as by the module. */
static void tell_unknown(struct sim_member *m, const struct mock_packet *p)
{
	struct kevent ev = { .type = KEVENT_UNKNOWN_SPI, .spi = p->spi };

	if (!m->up || !m->cg.receive ||
	    (m->told_ms && m->s->ms - m->told_ms < 1000))
		return;
	m->told_ms = m->s->ms;
	snprintf(ev.group, sizeof(ev.group), "%s", m->cg.name);
	member_kernel_event(m->m, &ev);
}

static void arrive(struct sim_member *m, const struct mock_packet *p)
{
	uint64_t unknown = m->mk.unknown;

	if (m->offline)
		return;
	if (!mock_kernel_recv(&m->mk, p)) {
		if (m->mk.unknown > unknown)
			tell_unknown(m, p);
		m->last_gap_ms = m->s->ms;
		return;
	}
	if (m->expect && p->n > m->expect)
		m->gaps += p->n - m->expect;
	m->expect = p->n + 1;
	m->got++;
}

static void note_stream_key(struct sim *s, const struct mock_packet *p)
{
	struct sim_key *k;
	unsigned int i;

	for (i = 0; i < s->n_keys; i++)
		if (!memcmp(s->key[i].key, p->key, KSA_KEY_MAX))
			break;
	k = &s->key[i];
	if (i == s->n_keys) {
		if (++s->n_keys == SIM_KEYS)
			SIM_DIE("too many keys");
		memcpy(k->key, p->key, KSA_KEY_MAX);
		k->first_ms = s->ms;
	}
	k->last_ms = s->ms;
}

static void tick(void *arg)
{
	struct sim *s = arg;
	struct mock_packet p;
	int i;

	if (mock_kernel_send(&s->m[s->sender]->mk, &s->cg.sel.dst, &p)) {
		p.n = ++s->n_sent;
		for (i = 0; i < s->n; i++)
			if (i != s->sender && !s->m[s->sender]->offline)
				arrive(s->m[i], &p);
		note_stream_key(s, &p);
		s->last = p;
	} else {
		s->n_unsent++;
	}
	timer_set(&s->tq, &s->tick, s->every_ms);
}

void sim_stream(struct sim *s, struct sim_member *m, unsigned int every_ms)
{
	int i;

	s->sender = m->i;
	s->every_ms = every_ms;
	s->n_unsent = 0;
	for (i = 0; i < s->n; i++) {
		s->m[i]->expect = 0;
		s->m[i]->got = 0;
		s->m[i]->gaps = 0;
	}
	timer_set(&s->tq, &s->tick, every_ms);
}

void sim_stream_stop(struct sim *s)
{
	timer_del(&s->tq, &s->tick);
	s->sender = -1;
}

/* ---- time --------------------------------------------------------------- */

void sim_run(struct sim *s, uint64_t ms)
{
	uint64_t end = s->ms + ms;
	struct sim_packet *q;

	for (;;) {
		int t = timerq_next_ms(&s->tq);
		uint64_t next = t < 0 ? UINT64_MAX : s->ms + t;

		q = TAILQ_FIRST(&s->queue);
		if (q && q->at_ms <= next) {
			if (q->at_ms > end)
				break;
			if (q->at_ms > s->ms)
				s->ms = q->at_ms;
			TAILQ_REMOVE(&s->queue, q, all);
			if (sim_deliver(s, q))
				free(q);
			continue;
		}
		if (next > end)
			break;
		s->ms = next;
		timerq_run(&s->tq);
	}
	s->ms = end;
}

bool sim_settle(struct sim *s, uint64_t ms)
{
	uint64_t end = s->ms + ms;
	int i;

	do {
		sim_run(s, 50);
		for (i = 0; i < s->n; i++)
			if (s->m[i]->up && !sim_in(s->m[i]))
				break;
		if (i == s->n)
			return true;
	} while (s->ms < end);
	return false;
}

/* ---- life --------------------------------------------------------------- */

static char *sender_names[] = {
	(char *)"s.example",
	(char *)"s2.example",
	(char *)"s3.example",
	(char *)"*.send.example",
};

static char *receivers[] = {
	(char *)"*.example",
};

void sim_init(struct sim *s, uint64_t seed)
{
	struct conf_group *c = &s->cg;
	uint8_t key[SEAL_KEY_LEN] = { 7 };

	memset(s, 0, sizeof(*s));
	s->seed = seed * 2654435761u + 88172645463325252ull;
	s->ms = 1000;
	s->wall0 = WALL0;
	s->sender = -1;
	s->clock.mono_ms = mono;
	s->clock.wall = wall;
	s->clock.ctx = s;
	timerq_init(&s->tq, &s->clock);
	timer_init(&s->tick, tick, s);
	TAILQ_INIT(&s->queue);
	mock_kernel_forget();
	sim_order_init(s);
	if (getenv("SIM_STORE_MS"))
		s->store_ms = atoi(getenv("SIM_STORE_MS"));
	crypto_rand_set_test(sim_rand, s);
	verified_remember(true);
	log_set_level(LOG_LEVEL_DEBUG);
	log_set_sink(on_log, s);
	snprintf(s->dir, sizeof(s->dir), "%s/mcsec-sim-XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	if (!mkdtemp(s->dir) || sealer_new(key, &s->sealer))
		SIM_DIE("setup");
	snprintf(s->path, sizeof(s->path), "%s/gcks.db", s->dir);
	snprintf(s->witness_path, sizeof(s->witness_path), "%s.witness",
		 s->path);

	issue(s, NULL, PKI_CA, "Test CA", &s->ca);
	issue(s, &s->ca, PKI_GCKS, "gcks.example", &s->cert);
	chain_of(&s->cert, &s->ca, &s->chain, &s->trust);
	ep_parse("10.0.0.1:848", 0, &s->ep);

	c->name = (char *)"video";
	addr_parse("239.1.1.1", &c->sel.dst);
	ep_parse("239.1.1.254:848", 0, &c->rekey_to);
	c->rekey_interface = (char *)"";
	c->rekey_ttl = 32;
	c->rekey_copies = 3;
	c->alg = (struct conf_alg){ IKE_ENCR_AES_GCM_16, 128 };
	c->kek_alg = (struct conf_alg){ IKE_ENCR_AES_GCM_16, 256 };
	c->kwa = GIKE_KWA_5649_256;
	c->rekey_sign = SIG_ED25519;
	c->senders.v = sender_names;
	c->senders.n = 4;
	c->receivers.v = receivers;
	c->receivers.n = 1;
	c->beat = 15;
	c->rekey_interval = 3600;
	c->lifetime = 7200;
	c->kek_lifetime = 14400;
	c->atd = 5;
	c->dtd = 15;
	c->evict_atd = 1;
	c->sender_id_bits = 16;
	c->max_sender_ids = 16;
	c->max_members = 1000;
	c->max_inband = 1000;
	s->conf.groups = c;
	s->conf.n_groups = 1;
}

void sim_init_rare(struct sim *s, uint64_t seed)
{
	sim_init(s, seed);
	s->cg.rekey_interval = 10 * 86400;
	s->cg.lifetime = 21 * 86400;
	s->cg.kek_lifetime = 21 * 86400;
}

void sim_free(struct sim *s)
{
	struct sim_packet *q;
	char wal[128];
	int i;

	sim_stream_stop(s);
	for (i = 0; i < s->n; i++) {
		struct sim_member *m = s->m[i];

		sim_down(m);
		cert_chain_free(m->chain);
		trust_free(m->trust);
		pki_pair_free(&m->cert);
		free(m);
	}
	sim_gcks_down(s);
	while ((q = TAILQ_FIRST(&s->queue))) {
		TAILQ_REMOVE(&s->queue, q, all);
		free(q);
	}
	cert_chain_free(s->chain);
	trust_free(s->trust);
	pki_pair_free(&s->cert);
	pki_pair_free(&s->ca);
	sealer_free(s->sealer);
	unlink(s->path);
	unlink(s->witness_path);
	snprintf(wal, sizeof(wal), "%s-wal", s->path);
	unlink(wal);
	snprintf(wal, sizeof(wal), "%s-wal", s->witness_path);
	unlink(wal);
	rmdir(s->dir);
	log_set_sink(NULL, NULL);
	verified_remember(false);
	crypto_rand_set_test(NULL, NULL);
	memset(s, 0, sizeof(*s));
}

void sim_limit_store(unsigned int most_ms)
{
	const char *ms = getenv("SIM_STORE_MS");
	char most[16];

	if (!ms || atoi(ms) <= (int)most_ms)
		return;
	snprintf(most, sizeof(most), "%u", most_ms);
	setenv("SIM_STORE_MS", most, 1);
}

struct sim_member *sim_start_receivers(struct sim *s, uint64_t seed,
				       int receivers)
{
	struct sim_member *tx;
	char name[32];
	int i;

	sim_init(s, seed);
	sim_gcks_up(s);
	tx = sim_add(s, "s.example", true, false);
	for (i = 0; i < receivers; i++) {
		snprintf(name, sizeof(name), "r%d.example", i);
		sim_add(s, name, false, true);
	}
	for (i = 0; i < s->n; i++)
		sim_up(s->m[i]);
	if (!sim_settle(s, 30000))
		return NULL;
	sim_run(s, 40000);
	return tx;
}

void sim_start(struct sim *s, const struct sim_who *who, unsigned int n,
	       unsigned int rest_ms, unsigned int every_ms)
{
	unsigned int i;

	sim_gcks_up(s);
	for (i = 0; i < n; i++)
		sim_add(s, who[i].identity, who[i].send, who[i].receive);
	for (i = 0; i < n; i++)
		if (!who[i].later)
			sim_up(s->m[i]);
	if (!sim_settle(s, 60000))
		SIM_DIE("the members are not in");
	sim_run(s, rest_ms);
	if (!every_ms)
		return;
	sim_stream(s, s->m[0], every_ms);
	sim_run(s, 1000);
}

struct sim_three sim_start_three(struct sim *s, bool tx_receives,
				 unsigned int rest_ms, unsigned int every_ms)
{
	const struct sim_who three[] = {
		{ .identity = "s.example",
		  .send = true,
		  .receive = tx_receives },
		{ .identity = "a.example", .receive = true },
		{ .identity = "b.example", .receive = true },
	};

	sim_start(s, three, ARRAY_SIZE(three), rest_ms, every_ms);
	return (struct sim_three){ s->m[0], s->m[1], s->m[2] };
}
