// SPDX-License-Identifier: Apache-2.0
/*
 * A group with several Data SAs (RFC 9838 section 4.4.2), which have selectors,
 * algorithms and keys of their own: one registration and one Rekey SA are for all.
 */
#include "gcks/gkm_policy.h"
#include "gcks/group.h"
#include "gcks/group_time.h"
#include "gcks/policy.h"
#include "group_finish.h"
#include "group_sim.h"
#include "lib/util.h"
#include "member/mgroup.h"
#include "tap.h"

#include <errno.h>

#define N 3

static struct sim s;
static struct err err;

static const struct data {
	const char *dst;
	const char *src; /* NULL: any */
	struct conf_alg alg;
	enum mcsec_alg kalg;
	const char *kname; /* the kernel's group */
} data[N] = {
	{ "239.1.1.1",
	  NULL,
	  { IKE_ENCR_AES_GCM_16, 128 },
	  MCSEC_ALG_AES_GCM_16,
	  "video" },
	{ "239.1.2.0/24",
	  NULL,
	  { IKE_ENCR_AES_GCM_16, 256 },
	  MCSEC_ALG_AES_GCM_16,
	  "video#2" },
	{ "232.1.1.1",
	  "10.9.0.1",
	  { IKE_ENCR_CHACHA20_POLY1305, 256 },
	  MCSEC_ALG_CHACHA20_POLY1305,
	  "video#3" },
};

static struct selector sel_of(unsigned int i)
{
	struct selector sel = { 0 };

	if (prefix_parse(data[i].dst, &sel.dst, &sel.dst_len) ||
	    (data[i].src && prefix_parse(data[i].src, &sel.src, &sel.src_len)))
		bail("selector %u", i);
	return sel;
}

/* A key server with the first @n of these Data SAs. */
static void data_init(uint64_t seed, unsigned int n)
{
	unsigned int i;

	sim_init(&s, seed);
	s.cg.sel = sel_of(0);
	s.cg.alg = data[0].alg;
	s.cg.more.n = n - 1;
	for (i = 1; i < n; i++)
		s.cg.more.v[i - 1] =
			(struct conf_data){ sel_of(i), data[i].alg };
}

static const struct sim_who who[] = {
	{ .identity = "s.example", .send = true, .receive = true },
	{ .identity = "a.example", .receive = true },
	{ .identity = "b.example", .receive = true },
};

static void start(uint64_t seed)
{
	data_init(seed, N);
	sim_start(&s, who, ARRAY_SIZE(who), 40000, 0);
}

/* The SA of a flow that the member's kernel has for the key server's newest. */
static const struct mock_sa *sa_of(const struct sim_member *m, unsigned int i)
{
	uint32_t spi = sim_group(&s).data_spis[i];
	unsigned int n;

	for (n = 0; n < m->mk.n_sas; n++)
		if (m->mk.sa[n].sa.spi == spi &&
		    !strcmp(m->mk.sa[n].sa.group, data[i].kname))
			return &m->mk.sa[n];
	return NULL;
}

/* Keys of the key server, as they are now. */
struct keys {
	uint32_t spi[N];
	uint8_t key[N][KSA_KEY_MAX];
	size_t len[N];
};

static struct keys keys_now(void)
{
	const struct gkm_state *st = &TAILQ_FIRST(&s.gcks->groups)->st;
	struct keys k = { 0 };
	unsigned int i;

	for (i = 0; i < st->n_data && i < N; i++) {
		k.spi[i] = gkey_spi(&st->data[i].key);
		k.len[i] = st->data[i].key.len;
		memcpy(k.key[i], st->data[i].key.keymat, k.len[i]);
	}
	return k;
}

/* Check that each key and each SPI of @b is in none of @a. */
static void all_new(const struct keys *a, const struct keys *b,
		    const char *what)
{
	unsigned int i, k, same = 0;

	for (i = 0; i < N; i++)
		for (k = 0; k < N; k++)
			same += a->spi[i] == b->spi[k] ||
				!memcmp(a->key[i], b->key[k], 16);
	is_int(same, 0, "%s: each SA has another SPI and key", what);
}

/* Send one packet of each flow, and count those that @m can read. */
static unsigned int reads(const struct sim_member *tx, struct sim_member *m)
{
	struct mock_packet p;
	unsigned int i, n = 0;
	struct selector sel;

	for (i = 0; i < N; i++) {
		sel = sel_of(i);
		if (!mock_kernel_send((struct mock_kernel *)&tx->mk, &sel.dst,
				      &p))
			continue;
		n += mock_kernel_recv(&m->mk, &p);
	}
	return n;
}

/* ---- both sides --------------------------------------------------------- */

static void check_sa(const struct sim_member *m, unsigned int i, bool sends)
{
	const struct mock_sa *sa = sa_of(m, i);
	struct keys k = keys_now();

	ok(sa && sa->sa.alg == data[i].kalg && sa->sa.key_len == k.len[i] &&
		   !memcmp(sa->sa.key, k.key[i], k.len[i]),
	   "%s: %s has algorithm and key of its Data SA", m->name,
	   data[i].kname);
	ok(sa && sa->selected == sends, "%s: %s %s", m->name, data[i].kname,
	   sends ? "sends" : "does not send");
	is_int(sim_status(m).flow[i].out_spi, sends ? k.spi[i] : 0,
	       "%s: the status has what sends", m->name);
}

static void test_registration(void)
{
	const struct mock_sa *first;
	struct selector want, got;
	struct keys k;
	unsigned int i;

	start(1);
	k = keys_now();
	is_int(k.len[0], 20, "AES with 128 bits has 20 octets of key and salt");
	is_int(k.len[1], 36, "AES with 256 bits has 36");
	is_int(k.len[2], 36, "ChaCha20 has 36");
	is_int(sim_out_of_step(&s), 0, "all members have all keys");
	for (i = 0; i < N; i++) {
		check_sa(s.m[0], i, true);
		check_sa(s.m[1], i, false);
		want = sel_of(i);
		kgroup_selector(&s.m[1]->mk.group[i], &got);
		ok(selector_equal(&want, &got) &&
			   !strcmp(s.m[1]->mk.group[i].name, data[i].kname),
		   "the kernel has %s for %s", data[i].kname, data[i].dst);
	}
	first = sa_of(s.m[0], 0);
	for (i = 1; i < N; i++)
		ok(sa_of(s.m[0], i)->sa.n_sender_ids == 2 &&
			   sa_of(s.m[0], i)->sa.sender_ids[0] ==
				   first->sa.sender_ids[0],
		   "%s has the Sender-IDs of the registration", data[i].kname);
	is_int(reads(s.m[0], s.m[1]), N, "a receiver reads all flows");
	is_int(sim_group(&s).unconfirmed, 0, "the sender has confirmed");
	is_int(sim_status(s.m[1]).registrations, 1,
	       "one registration brings all SAs");
	sim_finish(&s, "registration");
}

static void test_rekey(void)
{
	struct gkm_state was;
	struct keys a, b;
	unsigned int i;

	start(2);
	was = TAILQ_FIRST(&s.gcks->groups)->st;
	a = keys_now();
	if (sim_rekey(s.gcks, "video", &err))
		bail("%s", err.text);
	is_int(sim_status(s.m[0]).flow[2].out_spi, a.spi[2],
	       "the former SAs send for a while");
	sim_run(&s, 40000);
	b = keys_now();
	all_new(&a, &b, "rekey");
	for (i = 0; i < N; i++) {
		is_int(b.spi[i], get_unaligned_be32(was.data[i].next_spi[0]),
		       "%s has the SPI that was announced", data[i].kname);
		check_sa(s.m[0], i, true);
	}
	is_int(sim_out_of_step(&s), 0, "all members have followed");
	is_int(s.m[0]->mk.n_sas, N, "the former SAs are deleted");
	is_int(sim_status(s.m[1]).registrations, 1, "nobody had to ask");
	is_int(reads(s.m[0], s.m[1]), N, "a receiver reads all flows");
	is_int(TAILQ_FIRST(&s.gcks->groups)->st.n_old, was.n_old + N,
	       "all former SAs are in Deletes");
	sim_finish(&s, "rekey");
}

static void test_evict(void)
{
	struct keys a, b;
	unsigned int i;
	uint32_t ms;

	start(3);
	a = keys_now();
	if (sim_evict(s.gcks, "video", "b.example", &ms, &err))
		bail("%s", err.text);
	sim_run(&s, 60000);
	b = keys_now();
	all_new(&a, &b, "eviction");
	for (i = 0; i < N; i++) {
		ok(!mock_kernel_had(&s.m[2]->mk, b.key[i]),
		   "the evicted member has no key of %s", data[i].kname);
		ok(mock_kernel_had(&s.m[1]->mk, b.key[i]),
		   "another one has the key of %s", data[i].kname);
	}
	is_int(reads(s.m[0], s.m[2]), 0, "the evicted member reads no flow");
	is_int(reads(s.m[0], s.m[1]), N, "another one reads all flows");
	is_int(s.m[2]->mk.n_sas, 0, "the evicted member has no SA");
	is_int(s.m[2]->mk.n_groups, N,
	       "the groups of the evicted member stay closed");
	is_int(sim_status(s.m[1]).registrations, 1, "others did not ask");
	sim_finish(&s, "eviction");
}

static void test_reset(void)
{
	struct keys a, b;

	start(4);
	a = keys_now();
	if (sim_reset(s.gcks, "video", &err))
		bail("%s", err.text);
	sim_run(&s, 60000);
	ok(sim_settle(&s, 60000), "all are in again");
	b = keys_now();
	all_new(&a, &b, "reset");
	sim_run(&s, 60000);
	is_int(sim_out_of_step(&s), 0, "all have the keys");
	is_int(s.m[0]->mk.n_sas, N, "no former SA is left");
	is_int(reads(s.m[0], s.m[1]), N, "a receiver reads all flows");
	sim_finish(&s, "reset");
}

/* The retired SAs of many changes are more than a Delete has SPIs. */
static void test_many(void)
{
	struct group *g;
	struct keys k;
	unsigned int i, n, old;

	start(5);
	g = TAILQ_FIRST(&s.gcks->groups);
	old = g->st.n_old;
	for (n = 1; n <= 14; n++) {
		k = keys_now();
		if (sim_rekey(s.gcks, "video", &err))
			bail("%s", err.text);
		sim_run(&s, 12000);
		is_int(g->st.n_old,
		       old + n * N < GKM_OLD_MAX ? old + n * N : GKM_OLD_MAX,
		       "retired SAs after %u changes", n);
		for (i = 0; i < N; i++)
			is_int(g->st.old[g->st.n_old - N + i].spi, k.spi[i],
			       "the last ones are those of the last change");
	}
	sim_run(&s, 30000);
	is_int(sim_out_of_step(&s), 0, "all members have followed");
	is_int(sim_status(s.m[1]).registrations, 1, "nobody had to ask");
	sim_finish(&s, "many changes");
}

/* ---- Data SAs of a message ---------------------------------------------- */

static void put_data(struct gsa_sa *sa, unsigned int flow, uint32_t spi)
{
	struct selector sel = sel_of(flow);

	ts_from_selector(&sel, &sa->src, &sa->dst);
	put_unaligned_be32(spi, sa->spi);
}

/* A Data SA behind the last one of a message is none of it. */
static void test_behind_last(void)
{
	static struct gsa gsa;
	struct mrekey *rk;
	struct mgroup *g;

	start(9);
	g = TAILQ_FIRST(&s.m[1]->m->groups);
	rk = mrekey_current(g);
	gsa.n_data = 1;
	put_data(&gsa.data[0], 0, rk->data[0].spi);
	put_data(&gsa.data[1], 1, 0x1234);
	is_int(flow_spi(g, &gsa, 0), rk->data[0].spi,
	       "a flow has the SPI of its Data SA");
	is_int(flow_spi(g, &gsa, 1), 0,
	       "a flow without a Data SA in the message has no SPI");
	is_int(flows_in(g, &gsa), 1u << 0, "a message has the flows it says");
	ok(flows_have(g, &gsa, false),
	   "a member has all Data SAs of the message");
	ok(!flows_differ(rk, &gsa), "a message repeats what came before");
	rk->data[rk->n_data].spi = 0x4321;
	put_data(&gsa.data[0], 0, 0x4321);
	ok(flows_differ(rk, &gsa),
	   "a Data SA did not come before because it is behind the last");
	sim_finish(&s, "behind the last");
}

/* A Rekey SA has each Data SA of a message once that is of a flow of the member. */
static void test_stored(void)
{
	static struct mrekey rk;
	static struct gsa gsa;
	struct mgroup *g;
	unsigned int i;

	start(9);
	g = TAILQ_FIRST(&s.m[1]->m->groups);
	rk.g = g;
	gsa.n_data = 4;
	put_data(&gsa.data[0], 1, 0x1000);
	put_data(&gsa.data[1], 1, 0x1000);
	put_data(&gsa.data[3], 2, 0x3000);
	put_unaligned_be32(0x2000, gsa.data[2].spi);
	put_data(&gsa.data[4], 0, 0x4000);
	is_int(flow_of(g, &gsa.data[2]), -ENOENT,
	       "traffic that no selector has is of no flow");
	flows_store_spis(&rk, &gsa);
	is_int(rk.n_data, 2, "two Data SAs of four are stored");
	ok(rk.data[0].spi == 0x1000 && rk.data[0].flow == 1,
	   "a Data SA that comes twice is stored once");
	ok(rk.data[1].spi == 0x3000 && rk.data[1].flow == 2,
	   "a Data SA behind one of no flow is stored");
	for (i = 0; i < GSA_MAX_DATA; i++)
		rk.data[i].spi = i + 1;
	rk.n_data = GSA_MAX_DATA;
	flows_store_spis(&rk, &gsa);
	is_int(rk.n_data, GSA_MAX_DATA, "a full Rekey SA takes no more");
	sim_finish(&s, "stored");
}

/* Only all Data SAs of before, and nothing else, repeat what came before. */
static void test_repeated(void)
{
	static struct mrekey rk;
	static struct gsa gsa;

	ok(!flows_repeat(&rk, &gsa), "a message without SAs repeats nothing");
	rk.n_data = 2;
	rk.data[0].spi = 0x1000;
	rk.data[1].spi = 0x2000;
	gsa.n_data = 2;
	put_data(&gsa.data[0], 0, 0x2000);
	put_data(&gsa.data[1], 1, 0x1000);
	ok(flows_repeat(&rk, &gsa), "the same Data SAs repeat what came");
	gsa.has_rekey = true;
	ok(!flows_repeat(&rk, &gsa), "with a Rekey SA they are a rekey");
	gsa.has_rekey = false;
	gsa.n_data = 1;
	ok(!flows_repeat(&rk, &gsa), "one Data SA of two is another message");
	gsa.n_data = 2;
	put_data(&gsa.data[1], 1, 0x3000);
	ok(!flows_repeat(&rk, &gsa), "another Data SA is another message");
}

/* ---- what was missed ---------------------------------------------------- */

/* ESP of any flow with an announced SPI shows a member that it missed a rekey. */
static void test_missed(void)
{
	struct kevent ev = { .type = KEVENT_UNKNOWN_SPI };
	unsigned int i;

	for (i = 0; i < N; i++) {
		start(6 + i);
		s.m[1]->deaf = true;
		if (sim_rekey(s.gcks, "video", &err))
			bail("%s", err.text);
		sim_run(&s, 8000);
		is_int(sim_out_of_step(&s), 1, "one member has missed a rekey");
		strcpy(ev.group, data[i].kname);
		ev.spi = keys_now().spi[i];
		member_kernel_event(s.m[1]->m, &ev);
		sim_run(&s, 5000);
		is_int(sim_status(s.m[1]).registrations, 2,
		       "ESP of %s makes it ask", data[i].kname);
		is_int(sim_out_of_step(&s), 0, "the answer has all keys");
		sim_finish(&s, data[i].kname);
	}
}

/* ---- inband ------------------------------------------------------------- */

/* GSA_INBAND_REKEY has all Data SAs, too. */
static void test_inband(void)
{
	struct keys a, b;
	unsigned int i;
	uint32_t ms;

	data_init(16, N);
	s.cg.inband = INBAND_ALWAYS;
	sim_start(&s, who, ARRAY_SIZE(who), 40000, 0);
	a = keys_now();
	is_int(sim_group(&s).inband, ARRAY_SIZE(who), "all are rekeyed inband");
	is_int(reads(s.m[0], s.m[1]), N, "a receiver reads all flows");
	if (sim_rekey(s.gcks, "video", &err))
		bail("%s", err.text);
	sim_run(&s, 40000);
	b = keys_now();
	all_new(&a, &b, "inband");
	for (i = 0; i < N; i++) {
		check_sa(s.m[0], i, true);
		check_sa(s.m[1], i, false);
	}
	is_int(s.m[1]->mk.n_sas, N, "the former SAs are deleted");
	is_int(sim_status(s.m[1]).inband_rekeys, 1,
	       "one message brings all SAs");
	if (sim_evict(s.gcks, "video", "b.example", &ms, &err))
		bail("%s", err.text);
	sim_run(&s, 40000);
	a = keys_now();
	for (i = 0; i < N; i++)
		ok(!mock_kernel_had(&s.m[2]->mk, a.key[i]) &&
			   mock_kernel_had(&s.m[1]->mk, a.key[i]),
		   "the evicted member alone lacks the key of %s",
		   data[i].kname);
	sim_finish(&s, "inband");
}

/* ---- starts ------------------------------------------------------------- */

static void test_restarts(void)
{
	struct keys a, b;

	start(10);
	a = keys_now();
	sim_down(s.m[0]);
	sim_down(s.m[1]);
	sim_run(&s, 1000);
	is_int(reads(s.m[0], s.m[1]), N, "the kernel goes on without mcsecd");
	sim_up(s.m[0]);
	sim_up(s.m[1]);
	is_int(TAILQ_FIRST(&s.m[1]->m->groups)->made, 0,
	       "no group of the kernel is made again");
	ok(sim_settle(&s, 30000), "the members are in again");
	sim_run(&s, 60000);
	is_int(sim_out_of_step(&s), 0, "the members have all keys");
	is_int(s.m[0]->mk.n_sas, N, "each flow has one SA at last");
	a = keys_now();
	sim_gcks_down(&s);
	sim_run(&s, 1000);
	sim_gcks_up(&s);
	b = keys_now();
	ok(!memcmp(&a, &b, sizeof(a)), "the store has the keys of all SAs");
	if (sim_rekey(s.gcks, "video", &err))
		bail("%s", err.text);
	sim_run(&s, 40000);
	b = keys_now();
	all_new(&a, &b, "after a restart");
	is_int(sim_out_of_step(&s), 0, "the members have followed");
	sim_finish(&s, "restarts");
}

/* ---- policies ----------------------------------------------------------- */

static char lines[2048];

static void add_line(void *arg, const char *line)
{
	size_t len = strlen(lines);

	(void)arg;
	snprintf(lines + len, sizeof(lines) - len, "%s\n", line);
}

static void test_policy(void)
{
	start(11);
	s.cg.more.n = 1;
	lines[0] = '\0';
	is_int(gcks_reload_check(s.gcks, &s.conf, NULL, add_line, NULL, &err),
	       0, "a check with one Data SA less");
	is_str(lines,
	       "group video: data changed: the group is reset, and its 3 members register again\n"
	       "group video: members refuse its keys until their configuration has 239.1.1.1, 239.1.2.0/24 in transport mode, too\n",
	       "the check says what follows");
	is_int(sim_reload(&s, &err), 0, "a reload with one Data SA less");
	sim_run(&s, 30000);
	ok(!sim_in(s.m[1]), "members that have more configured are out");
	is_str(sim_status(s.m[1]).last_error,
	       "no Data SA for 232.1.1.1 src 10.9.0.1, which is configured",
	       "the reason");
	is_int(s.m[1]->mk.n_groups, N, "all of it stays closed");
	s.cg.more.n = 2;
	s.cg.more.v[1].alg = data[1].alg;
	is_int(sim_reload(&s, &err), 0, "a reload with another algorithm");
	ok(sim_settle(&s, 1200000), "all members are in again");
	is_int(keys_now().len[2], 36, "the third SA has a key of its size");
	is_int(sa_of(s.m[1], 2)->sa.alg, MCSEC_ALG_AES_GCM_16,
	       "the third SA has the other algorithm");
	sim_finish(&s, "policy");
}

/* A record of the store, as it is read after a restart. */
static void test_record(void)
{
	struct policy *p;

	data_init(12, N);
	sim_gcks_up(&s);
	if (policy_load(TAILQ_FIRST(&s.gcks->groups), &p))
		bail("no policy in the store");
	is_int(p->conf.more.n, N - 1, "the record has the Data SAs");
	is_int(policy_diff(&p->conf, &s.cg, 0, NULL, 0), 0,
	       "the record is equal to the policy");
	p->conf.more.v[1].sel.dport ^= 1;
	is_int(policy_diff(&p->conf, &s.cg, 0, NULL, 0), POLICY_RESET,
	       "another port of one of them resets the group");
	policy_free(p);
	sim_finish(&s, "record");
}

/* ---- members with another configuration --------------------------------- */

static void refused(struct sim_member *m, const char *reason)
{
	sim_up(m);
	sim_run(&s, 3000);
	ok(!sim_in(m) && !m->mk.n_sas, "%s: no key is taken", m->name);
	is_str(sim_status(m).last_error, reason, "the reason");
	is_int(m->mk.n_groups, conf_n_flows(&m->cg),
	       "%s: all that is configured stays closed", m->name);
}

static void test_others(void)
{
	struct sim_member *m;

	data_init(13, 2);
	sim_gcks_up(&s);
	m = sim_add(&s, "a.example", false, true);
	m->cg.more.n = 0;
	refused(m,
		"Data SA is for 239.1.2.0/24, configured is 239.1.1.1: address differs");
	m = sim_add(&s, "b.example", false, true);
	m->cg.more.n = 2;
	m->cg.more.v[1].sel = sel_of(2);
	refused(m,
		"no Data SA for 232.1.1.1 src 10.9.0.1, which is configured");
	m = sim_add(&s, "c.example", false, true);
	m->cg.more.v[0].sel.dst_len = 25;
	refused(m,
		"Data SA is for 239.1.2.0/24, which is in no entry of data in the configuration");
	m = sim_add(&s, "d.example", false, true);
	m->cg.more.v[0].sel = m->cg.sel;
	m->cg.sel = sel_of(1);
	sim_up(m);
	sim_run(&s, 20000);
	ok(sim_in(m) &&
		   sim_status(m).flow[0].data_spi ==
			   sim_group(&s).data_spis[1] &&
		   sim_status(m).flow[1].data_spi == sim_group(&s).data_spis[0],
	   "the order does not matter: %s", sim_status(m).last_error);
	sim_finish(&s, "others");
}

/* ---- rekeys that are not the key server's ------------------------------- */

/* Fill in what a beat has. */
static void make_beat(struct rekey_msg *msg)
{
	struct group *g = TAILQ_FIRST(&s.gcks->groups);

	rekey_msg_init(msg);
	msg->has_gsa = true;
	msg->transport = true;
	gkm_made(g, &msg->gsa.gw);
	gkm_data_policies(g, &g->st, &msg->gsa);
}

static void test_forged(void)
{
	struct rekey_msg msg;
	struct mgroup *g;
	unsigned int i;

	start(14);
	g = TAILQ_FIRST(&s.m[1]->m->groups);
	for (i = 0; i < N; i++) {
		make_beat(&msg);
		msg.gsa.data[i].spi[3] ^= 1;
		install_rekey(g, mrekey_current(g), &msg);
		is_int(sim_log_count(&s,
				     "rekey rejected: another Data SA under one Rekey SA"),
		       i + 1, "another SA of %s alone is refused",
		       data[i].kname);
		rekey_msg_free(&msg);
	}
	make_beat(&msg);
	msg.gsa.data[1].key_bits = 128;
	install_rekey(g, mrekey_current(g), &msg);
	ok(sim_logged(&s, "rekey rejected: another algorithm of the Data SA"),
	   "the algorithm of another flow is refused");
	rekey_msg_free(&msg);
	is_int(s.m[1]->mk.n_sas, N, "none of them brings an SA");
	sim_run(&s, 60000);
	ok(sim_in(s.m[1]) && !sim_out_of_step(&s),
	   "the member asks, and has the keys");
	sim_finish(&s, "forged");
}

/* ---- a failing kernel --------------------------------------------------- */

/* All SAs of a change are installed, or none. */
static void test_kernel(void)
{
	struct sim_member *m;
	unsigned int i;

	for (i = 0; i < N; i++) {
		data_init(20 + i, N);
		sim_gcks_up(&s);
		m = sim_add(&s, "a.example", false, true);
		m->mk.fail_add = -ENOMEM;
		m->mk.fail_skip = i;
		sim_up(m);
		sim_run(&s, 500);
		ok(!sim_in(m) && !m->mk.n_sas,
		   "without SA %u there is none of them", i + 1);
		ok(sim_settle(&s, 60000) && m->mk.n_sas == N,
		   "the next try has all of them");
		is_int(sim_group(&s).rekeys, 1,
		       "SA %u: keys that were not used are given again", i + 1);
		sim_finish(&s, data[i].kname);
	}
}

/*
 * The kernel loses the SAs of a member that does not receive, and nobody answers it: the
 * beat that comes next has the same keys, with which it has sent.
 */
static void test_send_only(void)
{
	struct kevent ev = { .type = KEVENT_RESYNC };
	struct sim_who w[ARRAY_SIZE(who)];

	memcpy(w, who, sizeof(w));
	w[0].receive = false;
	data_init(95, N);
	sim_start(&s, w, ARRAY_SIZE(w), 40000, 0);
	sim_run(&s, 60000);
	is_int(s.m[0]->mk.n_sas, N, "the sender has its SAs");
	s.m[0]->mute = true;
	mock_kernel_reset(&s.m[0]->mk);
	member_kernel_event(s.m[0]->m, &ev);
	sim_run(&s, 30000);
	is_int(mock_iv_clashes, 0,
	       "no key is installed again with its Sender-IDs");
	s.m[0]->mute = false;
	ok(sim_settle(&s, 60000) && s.m[0]->mk.n_sas == N,
	   "an answer brings others");
	sim_finish(&s, "send only");
}

/* ---- a group that is given up ------------------------------------------- */

static void goes(struct sim_member *m, const char *name)
{
	struct kevent ev = { .type = KEVENT_GROUP_GONE };

	snprintf(ev.group, sizeof(ev.group), "%s", name);
	m->mk.k.ops->group_del(&m->mk, name, true, NULL);
	member_kernel_event(m->m, &ev);
}

static void test_removed(void)
{
	static struct conf_member none, back;
	struct sim_member *m;
	struct mgroup *g;

	start(15);
	m = s.m[1];
	none = *m->m->conf;
	none.n_groups = 0;
	lines[0] = '\0';
	is_int(member_reload_check(m->m, &none, add_line, NULL, &err), 0,
	       "a check without the group");
	is_str(lines,
	       "group video: removed: leaves; clear traffic to 239.1.1.1 is dropped until \"mcsecctl group del video --force\"\n"
	       "group video: removed: leaves; clear traffic to 239.1.2.0/24 is dropped until \"mcsecctl group del video#2 --force\"\n"
	       "group video: removed: leaves; clear traffic to 232.1.1.1 src 10.9.0.1 is dropped until \"mcsecctl group del video#3 --force\"\n",
	       "the check has each of them");
	g = TAILQ_FIRST(&m->m->groups);
	g->has_keyed = true;
	g->keyed_tunnel = true;
	lines[0] = '\0';
	is_int(member_reload_check(m->m, m->m->conf, add_line, NULL, &err), 0,
	       "a check with other keys at the key server");
	ok(strstr(lines,
		  " in tunnel mode, and here what \"data\" of the group has in transport"),
	   "the check names no single one of the entries: %s", lines);
	is_int(member_reload(m->m, &none, &err), 0, "a reload without it");
	sim_run(&s, 5000);
	goes(m, "video#2");
	ok(sim_logged(&s,
		      "group released: 239.1.2.0/24 is no longer protected"),
	   "one of them is released");
	is_int(m->mk.n_groups, N - 1, "the others stay closed");
	back = none;
	back.n_groups = 1;
	is_int(member_reload(m->m, &back, &err), 0, "a reload with it again");
	is_int(m->mk.n_groups, N, "all of it is closed again");
	ok(sim_settle(&s, 60000) && m->mk.n_sas == N, "the member is in");
	is_int(member_reload(m->m, &none, &err), 0, "a reload without it");
	sim_run(&s, 5000);
	goes(m, "video");
	goes(m, "video#3");
	ok(!TAILQ_EMPTY(&m->m->groups), "the group is held by the last one");
	goes(m, "video#2");
	ok(TAILQ_EMPTY(&m->m->groups), "the group is gone with the last one");
	sim_finish(&s, "removed");
}

/* The kernel has no room for all of what was released and is to come back. */
static void test_back_refused(void)
{
	static struct conf_member none, two;
	static struct conf_mgroup groups[2];
	struct kgroup strange = { .name = "strange0" };
	struct sim_member *m;
	unsigned int i;

	start(16);
	m = s.m[1];
	none = *m->m->conf;
	none.n_groups = 0;
	two = *m->m->conf;
	groups[0] = two.groups[0];
	groups[1] = two.groups[0];
	groups[1].name = (char *)"third";
	groups[1].more.n = 0;
	if (addr_parse("239.9.9.9", &groups[1].sel.dst) ||
	    addr_parse("239.9.9.0", &strange.dst))
		bail("addresses");
	two.groups = groups;
	two.n_groups = 2;
	is_int(member_reload(m->m, &none, &err), 0, "a reload without it");
	sim_run(&s, 5000);
	goes(m, "video#2");
	goes(m, "video#3");
	for (i = m->mk.n_groups; i < MOCK_GROUPS - 2; i++) {
		strange.name[7] = (char)('0' + i);
		strange.dst.b[3] = (uint8_t)i;
		if (m->mk.k.ops->group_add(&m->mk, &strange, NULL))
			bail("a group by hand");
	}
	is_int(member_reload(m->m, &two, &err), -ENOSPC,
	       "the kernel has room for one of two parts");
	is_int(m->mk.n_groups, MOCK_GROUPS - 2,
	       "a part that was made is taken back");
	goes(m, "video");
	ok(TAILQ_EMPTY(&m->m->groups),
	   "a part that was taken back counts as released");
	sim_finish(&s, "back refused");
}

int main(void)
{
	RUN(test_registration);
	RUN(test_rekey);
	RUN(test_evict);
	RUN(test_reset);
	RUN(test_many);
	RUN(test_behind_last);
	RUN(test_stored);
	RUN(test_repeated);
	RUN(test_missed);
	RUN(test_inband);
	RUN(test_restarts);
	RUN(test_policy);
	RUN(test_record);
	RUN(test_others);
	RUN(test_forged);
	RUN(test_kernel);
	RUN(test_send_only);
	RUN(test_removed);
	RUN(test_back_refused);
	return done();
}
