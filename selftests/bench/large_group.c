// SPDX-License-Identifier: Apache-2.0
/*
 * A key server with one large group, and a few members that take part in its
 * protocol, in one process and in simulated time. The other members are entered by
 * one transaction, as if they had joined earlier.
 */
#include <malloc.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keyserver.h"
#include "crypto/cert.h"
#include "crypto/pki.h"
#include "crypto/seal.h"
#include "gcks/gcks.h"
#include "gcks/gkm_store.h"
#include "gcks/gmc.h"
#include "gcks/waiting.h"
#include "wire/message.h"
#include "wire/proto.h"
#include "lib/timer.h"
#include "tap.h"

#define WALL0 1800000000
#define YEAR_S (365 * 86400)
/* Members with an engine, which join and leave one after the other. */
#define ACTIVE 64
/* Members that are evicted one after the other. */
#define EVICTED 32
/* Longer than all copies of a change, and than what the next one waits for. */
#define QUIET_MS 10000
/* Different messages of one operation that are told apart. */
#define SEEN_MAX 4096

struct packet {
	TAILQ_ENTRY(packet) all;
	struct ep from;
	struct ep to;
	size_t len;
	uint8_t p[];
};

struct peer {
	struct pki_pair pair;
	struct cert_chain *chain;
	struct ike_engine *engine;
	struct ep ep;
	struct ike_sa *sa;
	bool in;
};

TAILQ_HEAD(packets, packet);

static struct {
	char dir[64];
	uint64_t ms;
	struct clock clock;
	struct timerq server_tq, peer_tq;
	struct pki_pair ca, own;
	struct cert_chain *chain;
	struct trust *trust;
	struct sealer *sealer;
	struct store *store, *witness;
	struct conf_group cg;
	struct conf_gcks conf;
	struct ike_engine_cfg cfg;
	struct ike_engine *engine;
	struct gcks *gcks;
	struct group *g;
	struct ep ep;
	struct packets queue;
	struct peer *peers;
	unsigned int n_peers;
	unsigned int members; /* the group is to have so many */
	unsigned int populated;
	/* Work of the key server since cost_begin(). */
	double cpu_us, worst_us;
	uint64_t bytes, messages;
	uint64_t seen[SEEN_MAX];
	unsigned int n_seen;
} w;

/* ---- the clock, and what the key server costs ----------------------------- */

static uint64_t mono_ms(void *ctx)
{
	(void)ctx;
	return w.ms;
}

static time_t wall_s(void *ctx)
{
	(void)ctx;
	return WALL0 + w.ms / 1000;
}

static void cost_begin(void)
{
	w.cpu_us = 0;
	w.worst_us = 0;
	w.bytes = 0;
	w.messages = 0;
	w.n_seen = 0;
}

static void add_step(double since_us)
{
	double us = ks_cpu_us() - since_us;

	w.cpu_us += us;
	if (us > w.worst_us)
		w.worst_us = us;
}

static void count_once(const uint8_t *p, size_t len)
{
	uint64_t h = fnv1a(FNV1A_BASIS, p, len);
	unsigned int i;

	for (i = 0; i < w.n_seen; i++)
		if (w.seen[i] == h)
			return;
	if (w.n_seen == SEEN_MAX)
		bail("more messages than expected");
	w.seen[w.n_seen++] = h;
	w.bytes += len;
	w.messages++;
}

static int send_rekey(void *ctx, const struct gcks_dest *dest, const uint8_t *p,
		      size_t len)
{
	(void)ctx;
	(void)dest;
	count_once(p, len);
	return 0;
}

/* ---- the network between the key server and its peers --------------------- */

static void send_packet(void *ctx, const struct ep *from, const struct ep *to,
			const uint8_t *p, size_t len)
{
	struct packet *q = malloc(sizeof(*q) + len);

	(void)ctx;
	if (!q)
		bail("no memory");
	q->from = *from;
	q->to = *to;
	q->len = len;
	memcpy(q->p, p, len);
	TAILQ_INSERT_TAIL(&w.queue, q, all);
}

static struct peer *peer_at(const struct ep *to)
{
	unsigned int i;

	for (i = 0; i < w.n_peers; i++)
		if (ep_equal(&w.peers[i].ep, to))
			return &w.peers[i];
	return NULL;
}

static void deliver_one(struct packet *q)
{
	struct peer *p;
	double us;

	if (ep_equal(&q->to, &w.ep)) {
		us = ks_cpu_us();
		ike_engine_input(w.engine, &q->from, &q->to, q->p, q->len);
		add_step(us);
		return;
	}
	p = peer_at(&q->to);
	if (p && p->engine)
		ike_engine_input(p->engine, &q->from, &q->to, q->p, q->len);
}

static void deliver_all(void)
{
	struct packet *q;

	while ((q = TAILQ_FIRST(&w.queue))) {
		TAILQ_REMOVE(&w.queue, q, all);
		deliver_one(q);
		free(q);
	}
}

/* Run timers and deliver datagrams for @ms. */
static void pass_time(uint64_t ms)
{
	uint64_t end = w.ms + ms;
	int next, other;
	double us;

	for (;;) {
		deliver_all();
		us = ks_cpu_us();
		if (timerq_run(&w.server_tq))
			add_step(us);
		timerq_run(&w.peer_tq);
		if (!TAILQ_EMPTY(&w.queue))
			continue;
		next = timerq_next_ms(&w.server_tq);
		other = timerq_next_ms(&w.peer_tq);
		if (next < 0 || (other >= 0 && other < next))
			next = other;
		if (next < 0 || w.ms + next > end)
			break;
		w.ms += next;
	}
	w.ms = end;
}

/* ---- the key server ------------------------------------------------------- */

static enum gike_when on_request(void *ctx, struct ike_sa *sa,
				 const struct gike_req *req,
				 struct gike_reply *reply)
{
	(void)ctx;
	return gcks_group_request(w.gcks, sa, req, reply);
}

static bool on_welcome(void *ctx, struct ike_sa *sa)
{
	(void)ctx;
	return gcks_welcome(w.gcks, sa);
}

static void on_closed(void *ctx, struct ike_sa *sa, const char *reason)
{
	(void)ctx;
	(void)reason;
	if (w.gcks)
		gcks_sa_closed(w.gcks, sa);
}

static const struct ike_ops server_ops = {
	.send = send_packet,
	.group_request = on_request,
	.welcome = on_welcome,
	.sa_closed = on_closed,
};

static void issue_pair(const struct pki_pair *by, enum pki_kind kind,
		       const char *name, struct pki_pair *out)
{
	struct pki_req req = {
		.kind = kind,
		.type = SIG_ED25519,
		.name = name,
		.not_before = WALL0 - 3600,
		.not_after = WALL0 + YEAR_S,
	};
	struct err err;

	if (pki_issue(by, &req, out, &err))
		bail("%s", err.text);
}

static struct cert_chain *chain_of(const struct pki_pair *p)
{
	struct cert_der der = { p->cert, p->cert_len };
	struct cert_chain *chain;
	struct err err;

	if (cert_chain_from_der(&der, 1, &chain, &err))
		bail("%s", err.text);
	return chain;
}

/* Groups made from now on have trees with keys of 128 bits, not of 256. */
static bool short_keys;
static char *senders[] = { (char *)"s.example" };
static char *receivers[] = { (char *)"*.example" };

/* The settings are those of conf/, but no beat and no periodic rekey comes. */
static void make_conf(void)
{
	struct conf_group *c = &w.cg;

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
	c->senders.v = senders;
	c->senders.n = 1;
	c->receivers.v = receivers;
	c->receivers.n = 1;
	c->beat = 60000;
	c->rekey_interval = YEAR_S;
	c->lifetime = 2 * YEAR_S;
	c->kek_lifetime = 2 * YEAR_S;
	c->atd = 5;
	c->dtd = 15;
	c->evict_atd = 1;
	c->sender_id_bits = 16;
	c->max_sender_ids = 16;
	c->max_members = UINT32_MAX;
	c->max_inband = 256;
	c->membership_lifetime = YEAR_S;
	if (short_keys) {
		c->kek_alg.key_bits = 128;
		c->kwa = GIKE_KWA_5649_128;
	}
	w.conf.groups = c;
	w.conf.n_groups = 1;
}

static void open_server(void)
{
	struct gcks_deps deps = {
		.clock = &w.clock,
		.tq = &w.server_tq,
		.send_rekey = send_rekey,
		.trust = w.trust,
	};
	char path[96];
	struct err err;

	snprintf(path, sizeof(path), "%s/gcks.db", w.dir);
	if (store_open(path, w.sealer, &w.store, &err))
		bail("%s", err.text);
	snprintf(path, sizeof(path), "%s/gcks.db.witness", w.dir);
	if (store_open(path, w.sealer, &w.witness, &err))
		bail("%s", err.text);
	deps.store = w.store;
	deps.witness = w.witness;
	if (gcks_new(&w.conf, &deps, &w.gcks, &err))
		bail("%s", err.text);
	w.g = TAILQ_FIRST(&w.gcks->groups);
}

/* IKE SAs have the key wrap of the Rekey SA. */
static void propose_short_keys(struct sa_pld *sa)
{
	struct proposal *p;

	memset(sa, 0, sizeof(*sa));
	p = proposal_add(sa, 1, IKE_PROTO_IKE);
	proposal_put(p, IKE_TT_ENCR, IKE_ENCR_AES_GCM_16, 128);
	proposal_put(p, IKE_TT_PRF, IKE_PRF_HMAC_SHA2_256, 0);
	proposal_put(p, IKE_TT_KE, IKE_KE_X25519, 0);
	proposal_put(p, GIKE_TT_KWA, GIKE_KWA_5649_128, 0);
}

static void open_engine(void)
{
	static struct sa_pld proposals;

	w.cfg.clock = &w.clock;
	w.cfg.tq = &w.server_tq;
	w.cfg.chain = w.chain;
	w.cfg.key = w.own.key;
	w.cfg.trust = w.trust;
	w.cfg.responder = true;
	w.cfg.max_sas = 1 << 20;
	w.cfg.max_per_peer = 1 << 20;
	w.cfg.max_per_identity = 1 << 20;
	w.cfg.max_half_open = 1 << 20;
	w.cfg.max_half_open_addr = 1 << 20;
	w.cfg.cookie_above = 1 << 20;
	w.cfg.idle_ms = YEAR_S;
	w.cfg.lifetime_ms = UINT32_MAX;
	if (short_keys) {
		propose_short_keys(&proposals);
		w.cfg.proposals = &proposals;
	}
	if (ike_engine_new(&w.cfg, &server_ops, NULL, &w.engine))
		bail("no engine");
	if (w.gcks)
		gcks_set_engine(w.gcks, w.engine);
}

static void world_begin(void)
{
	uint8_t key[SEAL_KEY_LEN] = { 7 };
	struct cert_der der;
	struct err err;

	memset(&w, 0, sizeof(w));
	w.ms = 1000;
	w.clock = (struct clock){ .mono_ms = mono_ms, .wall = wall_s };
	timerq_init(&w.server_tq, &w.clock);
	timerq_init(&w.peer_tq, &w.clock);
	TAILQ_INIT(&w.queue);
	snprintf(w.dir, sizeof(w.dir), "%s/mcsec-bench-XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	if (!mkdtemp(w.dir) || sealer_new(key, &w.sealer))
		bail("no folder");
	issue_pair(NULL, PKI_CA, "bench CA", &w.ca);
	issue_pair(&w.ca, PKI_GCKS, "gcks.example", &w.own);
	w.chain = chain_of(&w.own);
	der.p = w.ca.cert;
	der.len = w.ca.cert_len;
	if (trust_from_der(&der, 1, &w.trust, &err))
		bail("%s", err.text);
	ep_parse("10.0.0.1:848", 0, &w.ep);
	make_conf();
}

static void close_server(void)
{
	struct gcks *k = w.gcks;

	ike_engine_free(w.engine);
	w.engine = NULL;
	w.gcks = NULL;
	gcks_free(k);
	store_close(w.store);
	store_close(w.witness);
	w.store = NULL;
}

static void free_peers(void)
{
	struct peer *p;

	for (p = w.peers; p < w.peers + w.n_peers; p++) {
		ike_engine_free(p->engine);
		cert_chain_free(p->chain);
		pki_pair_free(&p->pair);
	}
	free(w.peers);
	w.peers = NULL;
	w.n_peers = 0;
}

static void world_end(void)
{
	char cmd[96];

	free_peers();
	deliver_all();
	close_server();
	cert_chain_free(w.chain);
	trust_free(w.trust);
	pki_pair_free(&w.own);
	pki_pair_free(&w.ca);
	sealer_free(w.sealer);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", w.dir);
	if (system(cmd))
		diag("%s stays", w.dir);
}

/* ---- peers ---------------------------------------------------------------- */

static void peer_registered(void *ctx, struct ike_sa *sa,
			    const struct ike_id *idg,
			    const struct gike_answer *answer)
{
	(void)sa;
	(void)idg;
	(void)answer;
	((struct peer *)ctx)->in = true;
}

static void peer_left(void *ctx, struct ike_sa *sa, const struct ike_id *idg)
{
	(void)sa;
	(void)idg;
	((struct peer *)ctx)->in = false;
}

static const struct ike_ops peer_ops = {
	.send = send_packet,
	.registered = peer_registered,
	.left = peer_left,
};

static void make_peers(unsigned int n)
{
	struct ike_engine_cfg cfg = {
		.clock = &w.clock,
		.tq = &w.peer_tq,
		.trust = w.trust,
		.max_sas = 1 << 20,
		.lifetime_ms = UINT32_MAX,
	};
	char text[64];
	unsigned int i;

	w.peers = calloc(n, sizeof(*w.peers));
	for (i = 0; i < n; i++) {
		struct peer *p = &w.peers[i];

		snprintf(text, sizeof(text), "a%u.example", i);
		issue_pair(&w.ca, PKI_MEMBER, text, &p->pair);
		p->chain = chain_of(&p->pair);
		cfg.chain = p->chain;
		cfg.key = p->pair.key;
		if (ike_engine_new(&cfg, &peer_ops, p, &p->engine))
			bail("no engine");
		snprintf(text, sizeof(text), "10.1.%u.%u:848", i >> 8,
			 i & 0xff);
		ep_parse(text, 0, &p->ep);
		w.n_peers++;
	}
}

static void open_sa(struct peer *p)
{
	struct ike_id id;

	id_from_text(&id, "gcks.example");
	if (ike_open(p->engine, &p->ep, &w.ep, &id, &p->sa))
		bail("no IKE SA");
	pass_time(0);
	if (!ike_sa_is_up(p->sa))
		bail("the IKE SA is not up");
}

static void group_id(struct ike_id *id)
{
	id_set(id, IKE_ID_KEY_ID, "video", 5);
}

static void join_group(struct peer *p)
{
	struct gike_req req = { .fragments = true };

	group_id(&req.idg);
	if (ike_register_more(p->sa, &req))
		bail("cannot register");
	pass_time(QUIET_MS);
	if (!p->in)
		bail("a member is not in");
}

static void leave_group(struct peer *p)
{
	struct ike_id id;

	group_id(&id);
	if (ike_leave(p->sa, &id))
		bail("cannot leave");
	pass_time(QUIET_MS);
	if (p->in)
		bail("a member is not out");
}

/* ---- members without an engine -------------------------------------------- */

static void member_name(unsigned int i, char *buf, size_t size)
{
	snprintf(buf, size, "m%07u.example", i);
}

static struct gmember *new_member(unsigned int i)
{
	uint8_t ref[CERT_REF_LEN] = { i >> 24, i >> 16, i >> 8, i, 1 };
	uint8_t ip[4] = { 11, i >> 16, i >> 8, i };
	struct gmember *m;
	char name[32];

	member_name(i, name, sizeof(name));
	m = gmember_new(name);
	if (!m || cert_refs_add(&m->certs, ref))
		bail("no memory");
	m->number = w.g->st.next_number++;
	m->fragments = true;
	m->joined = WALL0;
	m->registered = WALL0;
	m->cert_ends = WALL0 + YEAR_S;
	m->term_ms = (uint64_t)YEAR_S * 1000;
	addr_set(&m->at, AF_INET, ip);
	return m;
}

/* A transaction that is not recorded first may be of any size. */
static void write_members(struct gmember **v, unsigned int n)
{
	int ret = store_begin(w.store);
	unsigned int i;

	for (i = 0; !ret && i < n; i++)
		ret = gmc_put_member(w.g, v[i]);
	if (!ret)
		ret = gkm_put_tree(w.g);
	if (!ret)
		ret = gkm_put_state(w.g, &w.g->st);
	if (!ret)
		ret = store_commit(w.store);
	if (ret)
		bail("the store has failed: %s", store_reason(w.store, ret));
}

/* Enter members until there are @members. */
static void populate(unsigned int members)
{
	unsigned int n = members - w.g->n_members, i;
	uint32_t leaf;
	struct gmember **v = calloc(n, sizeof(*v));

	for (i = 0; i < n; i++) {
		v[i] = new_member(i);
		if (lkh_add(w.g->tree, v[i]->number, &leaf))
			bail("the tree is full");
		v[i]->leaf = leaf;
	}
	if (lkh_rekey(w.g->tree))
		bail("no keys");
	write_members(v, n);
	lkh_commit(w.g->tree);
	for (i = 0; i < n; i++)
		gmc_enter(w.g, v[i]);
	w.populated = n;
	free(v);
}

/* ---- measurements --------------------------------------------------------- */

static void report(const char *bench, unsigned int n)
{
	ks_put(&(struct ks_row){
		.bench = bench,
		.members = w.members,
		.cpu_us = w.cpu_us / n,
		.worst_us = w.worst_us,
		.bytes = (double)w.bytes / n,
		.messages = (double)w.messages / n,
	});
}

/* A group with @members, of which the last ones join, one by one, with a key each. */
static void start_group(unsigned int members, const char *bench)
{
	unsigned int i;

	world_begin();
	w.members = members;
	open_server();
	open_engine();
	make_peers(ACTIVE);
	for (i = 0; i < ACTIVE; i++)
		open_sa(&w.peers[i]);
	join_group(&w.peers[0]);
	populate(members - ACTIVE + 1);
	cost_begin();
	for (i = 1; i < ACTIVE; i++)
		join_group(&w.peers[i]);
	report(bench, ACTIVE - 1);
}

static void evict_done(void *arg, int ret, uint32_t effective_ms,
		       const char *why)
{
	(void)effective_ms;
	if (ret)
		bail("not evicted: %s", why);
	*(bool *)arg = true;
}

static void evict_some(const char *bench)
{
	unsigned int i;
	char name[32];
	bool done;
	double us;

	cost_begin();
	for (i = 0; i < EVICTED; i++) {
		member_name(i * 2654435761u % w.populated, name, sizeof(name));
		done = false;
		us = ks_cpu_us();
		gcks_evict(w.gcks, "video", name, evict_done, &done);
		add_step(us);
		pass_time(QUIET_MS);
		if (!done)
			bail("an eviction is not done");
	}
	report(bench, EVICTED);
}

static int note_status(void *arg, const struct gcks_group_status *s)
{
	*(unsigned int *)arg = s->tree_depth;
	return 0;
}

static void ask_status(void)
{
	unsigned int depth = 0, i;
	double us;

	cost_begin();
	for (i = 0; i < EVICTED; i++) {
		us = ks_cpu_us();
		gcks_each_group(w.gcks, note_status, &depth);
		add_step(us);
	}
	report("status", EVICTED);
	if (!depth)
		bail("no status");
}

static void measure_store(void)
{
	struct stat st;
	char path[96];
	int ret = store_clean(w.store);

	if (ret)
		bail("the store has failed: %s", store_reason(w.store, ret));
	snprintf(path, sizeof(path), "%s/gcks.db", w.dir);
	if (stat(path, &st))
		bail("no store");
	ks_put(&(struct ks_row){
		.bench = "store of a member",
		.members = w.members,
		.bytes = (double)st.st_size / w.g->n_members,
	});
}

/* The memory that is allocated, without that of SQLite's cache. */
static double heap_octets(void)
{
	struct mallinfo2 m = mallinfo2();

	return (double)m.uordblks + m.hblkhd - sqlite3_memory_used();
}

static void restart(void)
{
	double before, us, heap;

	free_peers();
	close_server();
	heap = heap_octets();
	before = ks_cpu_us();
	open_server();
	us = ks_cpu_us() - before;
	heap = heap_octets() - heap;
	open_engine();
	ks_put(&(struct ks_row){
		.bench = "start", .members = w.members, .cpu_us = us });
	ks_put(&(struct ks_row){
		.bench = "memory of a member",
		.members = w.members,
		.bytes = heap / w.g->n_members,
	});
}

void ks_group(unsigned int members)
{
	unsigned int i;

	if (members > LKH_MEMBERS_MAX) {
		printf("# %u members: a group has room for %u\n", members,
		       LKH_MEMBERS_MAX);
		return;
	}
	start_group(members, "join");
	evict_some("evict");
	cost_begin();
	for (i = 0; i < EVICTED; i++)
		leave_group(&w.peers[i]);
	report("leave", EVICTED);
	ask_status();
	measure_store();
	restart();
	world_end();
}

void ks_short_keys(unsigned int members)
{
	if (members > LKH_MEMBERS_MAX)
		return;
	short_keys = true;
	start_group(members, "join, keys of 128 bits");
	evict_some("evict, keys of 128 bits");
	world_end();
	short_keys = false;
}

void ks_growth(unsigned int members)
{
	if (members + ACTIVE / 2 > LKH_MEMBERS_MAX)
		return;
	start_group(members + ACTIVE / 2, "join, growing");
	world_end();
}

/* ---- many leave in the same moment ---------------------------------------- */

void ks_crowd_leaves(unsigned int members, unsigned int leave)
{
	unsigned int i;
	uint64_t began;
	char name[32];

	if (members > LKH_MEMBERS_MAX)
		return;
	world_begin();
	open_server();
	open_engine();
	make_peers(1);
	open_sa(w.peers);
	join_group(w.peers);
	populate(members);
	pass_time(QUIET_MS);
	cost_begin();
	began = w.ms;
	for (i = 0; i < leave; i++) {
		member_name((i * 2654435761u) % w.populated, name,
			    sizeof(name));
		waiting_leave_later(w.g, gmc_find(w.g, name));
	}
	while (w.g->n_members > members - leave) {
		pass_time(50);
		if (w.ms - began > 600000)
			bail("members do not get out");
	}
	ks_put(&(struct ks_row){
		.bench = "1,000 leave at once",
		.members = members,
		.cpu_us = w.cpu_us,
		.worst_us = w.worst_us,
		.bytes = w.bytes,
		.messages = w.messages,
		.seconds = (w.ms - began) / 1e3,
	});
	world_end();
}

/* ---- memory of IKE SAs ---------------------------------------------------- */

/* One identity may have few, since all of them are compared with a new one. */
#define OF_ONE 100

void ks_idle_sas(unsigned int sas)
{
	unsigned int i, k;
	double heap;

	world_begin();
	open_server();
	open_engine();
	make_peers(sas / OF_ONE);
	for (i = 0; i < w.n_peers; i++)
		for (k = 0; k < OF_ONE; k++) {
			open_sa(&w.peers[i]);
			/* One identity may authenticate once a second. */
			pass_time(1000);
		}
	free_peers();
	pass_time(600000);
	heap = heap_octets();
	ike_engine_free(w.engine);
	open_engine();
	heap -= heap_octets();
	ks_put(&(struct ks_row){ .bench = "memory of an idle IKE SA",
				 .members = sas,
				 .bytes = heap / sas });
	world_end();
}
