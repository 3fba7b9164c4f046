// SPDX-License-Identifier: Apache-2.0
/*
 * A group with several Data SAs, of which a member has some and lacks others: it missed
 * changes, or its kernel refuses one of them. None stands for all.
 */
#include <errno.h>

#include "gcks/gkm_policy.h"
#include "gcks/group.h"
#include "group_finish.h"
#include "group_sim.h"
#include "lib/util.h"
#include "member/mgroup.h"
#include "tap.h"

static struct sim s;
static struct group *g;
static struct err err;

static void init(uint64_t seed, unsigned int flows)
{
	struct selector sel = { 0 };
	unsigned int i;
	char dst[32];

	sim_init_rare(&s, seed);
	for (i = 1; i < flows; i++) {
		snprintf(dst, sizeof(dst), "239.1.%u.0/24", i + 1);
		prefix_parse(dst, &sel.dst, &sel.dst_len);
		s.cg.more.v[i - 1] = (struct conf_data){ sel, s.cg.alg };
	}
	s.cg.more.n = flows - 1;
}

/* The destination of a flow. */
static struct addr dst_of(unsigned int flow)
{
	struct addr a = s.cg.sel.dst;

	if (flow)
		a = s.cg.more.v[flow - 1].sel.dst;
	return a;
}

static bool sends(struct sim_member *m, unsigned int flow,
		  struct mock_packet *p)
{
	struct addr a = dst_of(flow);

	return mock_kernel_send(&m->mk, &a, p);
}

static void start(unsigned int every_ms)
{
	struct sim_who who[] = {
		{ .identity = "s.example", .send = true, .receive = true },
		{ .identity = "a.example", .receive = true },
		{ .identity = "b.example", .receive = true },
	};

	sim_start(&s, who, ARRAY_SIZE(who), 40000, every_ms);
	g = TAILQ_FIRST(&s.gcks->groups);
}

/* ---- retired Data SAs ---------------------------------------------------- */

static bool is_named(uint32_t spi)
{
	unsigned int i;

	for (i = 0; i < g->st.n_old; i++)
		if (g->st.old[i].spi == spi)
			return true;
	return false;
}

/* A Delete has 32 SPIs, and a message four of them. */
static void test_retired(unsigned int flows, unsigned int most)
{
	unsigned int i, n, old, named = 0;
	uint32_t first[CONF_MAX_DATA];

	init(flows, flows);
	start(0);
	old = g->st.n_old;
	for (i = 0; i < flows; i++)
		first[i] = gkey_spi(&g->st.data[i].key);
	for (n = 1; n <= 14; n++) {
		if (sim_rekey(s.gcks, "video", &err))
			bail("%s", err.text);
		sim_run(&s, 12000);
		is_int(g->st.n_old,
		       old + n * flows < most ? old + n * flows : most,
		       "%u flows: retired Data SAs after %u changes", flows, n);
	}
	for (i = 0; i < flows; i++)
		named += is_named(first[i]);
	is_int(named, flows,
	       "%u flows: Data SAs of fourteen changes ago are named", flows);
	sim_run(&s, 20000);
	is_int(sim_out_of_step(&s), 0, "%u flows: all members follow", flows);
	is_int(sim_status(s.m[1]).registrations, 1,
	       "%u flows: nobody had to ask", flows);
	sim_finish(&s, "retired");
}

#define EVICTIONS 5

/* A host that was evicted sends with the key of before, and any Sender-ID. */
static bool is_fooled(struct sim_member *m, struct mock_packet p, uint32_t id)
{
	p.sender_id = id;
	p.counter = 1;
	return mock_kernel_recv(&m->mk, &p);
}

/*
 * Members that were off the network for five evictions follow by multicast alone. @forgets:
 * the key server names the Data SAs of the last change only.
 */
static void test_evictions(unsigned int flows, bool forgets)
{
	struct sim_member *e[EVICTIONS];
	struct mock_packet p;
	char name[32];
	unsigned int i;
	uint32_t ms;

	init(20 + flows, flows);
	start(0);
	for (i = 0; i < EVICTIONS; i++) {
		snprintf(name, sizeof(name), "e%u.example", i);
		e[i] = sim_add(&s, name, false, true);
		sim_up(e[i]);
	}
	ok(sim_settle(&s, 60000), "%u flows: five more are in", flows);
	sim_run(&s, 60000);
	ok(sends(s.m[0], 0, &p), "%u flows: the sender has a key", flows);
	for (i = 0; i < 2; i++)
		s.m[i]->offline = true;
	sim_run(&s, 500);
	for (i = 0; i < EVICTIONS; i++) {
		if (forgets)
			g->st.n_old = 0;
		is_int(sim_evict(s.gcks, "video", e[i]->name, &ms, &err), 0,
		       "%u flows: eviction %u is done", flows, i);
		sim_run(&s, 1200);
	}
	for (i = 0; i < 2; i++) {
		s.m[i]->offline = false;
		s.m[i]->mute = true;
	}
	sim_run(&s, 45000);
	is_int(sim_out_of_step(&s), EVICTIONS,
	       "%u flows: all but those have followed", flows);
	for (i = 0; i < 2; i++) {
		is_int(sim_status(s.m[i]).registrations, 1,
		       "%u flows: %s has not asked", flows, s.m[i]->name);
		ok(!is_fooled(s.m[i], p, 7000),
		   "%u flows: %s drops what an evicted host sends", flows,
		   s.m[i]->name);
		is_int(s.m[i]->mk.n_sas, flows,
		       "%u flows: %s has one Data SA of each flow", flows,
		       s.m[i]->name);
	}
	sim_finish(&s, "evictions");
}

/* ---- a kernel that refuses ----------------------------------------------- */

static struct kernel_ops broken;
static const struct kernel_ops *good;
static const char *bad_group;
static bool busy; /* a packet of the first flow comes before the refusal */

static int refuse_select(void *ctx, const char *group, uint32_t spi,
			 const struct ksa_set *set, struct err *e)
{
	if (set->select && !strcmp(group, bad_group))
		return err_set(e, -ENOMEM, "no memory");
	return good->sa_set(ctx, group, spi, set, e);
}

static int refuse_sa(void *ctx, const struct ksa *sa, struct err *e)
{
	struct mock_packet p;

	if (strcmp(sa->group, bad_group))
		return good->sa_add(ctx, sa, e);
	if (busy && sends(s.m[0], 0, &p))
		mock_kernel_recv(ctx, &p);
	return err_set(e, -ENOENT, "no such cipher");
}

static void break_kernel(struct sim_member *m, const char *group)
{
	bad_group = group;
	good = m->mk.k.ops;
	broken = *good;
	m->mk.k.ops = &broken;
}

/* Count the flows that the first member encrypts with a key that @m has. */
static unsigned int n_known(const struct sim_member *m)
{
	unsigned int flow, n = 0;
	struct mock_packet p;

	for (flow = 0; flow < 2; flow++)
		n += sends(s.m[0], flow, &p) && mock_kernel_had(&m->mk, p.key);
	return n;
}

/* An eviction has come into force when no flow of a sender uses the key of before. */
static void test_unselected(const char *group)
{
	struct sim_member *b;
	struct mock_packet p;
	unsigned int flow, i, n;
	uint32_t ms;

	init(40, 2);
	start(0);
	b = s.m[2];
	break_kernel(s.m[0], group);
	broken.sa_set = refuse_select;
	is_int(sim_evict(s.gcks, "video", "b.example", &ms, &err), 0,
	       "%s: b is evicted", group);
	for (i = 0; i < 100 && n_known(b) == 2; i++)
		sim_run(&s, 100);
	sim_run(&s, 500);
	is_int(n_known(b), 1, "%s: one flow uses the key of before", group);
	is_int(sim_group(&s).unconfirmed, 1, "%s: the sender has not confirmed",
	       group);
	sim_run(&s, 20000);
	is_int(n_known(b), 0, "%s: that key has ended", group);
	is_int(sim_group(&s).unconfirmed, 1,
	       "%s: the sender has still not confirmed", group);
	s.m[0]->mk.k.ops = good;
	sim_run(&s, 60000);
	for (flow = n = 0; flow < 2; flow++)
		n += sends(s.m[0], flow, &p) && !mock_kernel_had(&b->mk, p.key);
	is_int(n, 2, "%s: both flows use another key", group);
	is_int(sim_group(&s).unconfirmed, 0, "%s: the sender has confirmed",
	       group);
	sim_finish(&s, group);
}

/* A sender hears the last copies of an eviction, and its kernel lacks memory once. */
static void test_late(unsigned int flows, unsigned int deaf_ms)
{
	unsigned int i, lacks = 0;
	struct mock_packet p;
	uint64_t rekeys;
	uint32_t ms;

	init(50 + flows, flows);
	start(0);
	rekeys = sim_group(&s).rekeys;
	s.m[0]->deaf = true;
	is_int(sim_evict(s.gcks, "video", "b.example", &ms, &err), 0,
	       "late by %u ms: b is evicted", deaf_ms);
	sim_run(&s, deaf_ms);
	s.m[0]->mk.fail_add = -ENOMEM;
	s.m[0]->mk.fail_skip = flows - 1;
	s.m[0]->deaf = false;
	for (i = 0; i < 600; i++) {
		sim_run(&s, 50);
		lacks += !sends(s.m[0], 0, &p);
	}
	is_int(s.m[0]->mk.fail_add, 0, "late by %u ms: an SA was refused",
	       deaf_ms);
	is_int(lacks, 0, "late by %u ms: the sender always has an SA", deaf_ms);
	is_int(sim_group(&s).rekeys - rekeys, 1,
	       "late by %u ms: the keys change once", deaf_ms);
	is_int(sim_log_count(&s, "was held before"), 0,
	       "late by %u ms: no key is given up", deaf_ms);
	is_int(sim_out_of_step(&s), 1, "late by %u ms: all but b are in step",
	       deaf_ms);
	sim_finish(&s, "late");
}

/*
 * A member whose kernel lacks the cipher of one flow has none of the others change their
 * keys, and is in as soon as its kernel has that.
 */
static void test_refused(bool send, bool is_busy)
{
	const char *what = is_busy ? "busy" : send ? "sender" : "receiver";
	struct sim_member *m;
	struct mock_packet p;
	uint64_t rekeys;
	unsigned int i;

	init(60, 3);
	start(is_busy ? 0 : 100);
	m = sim_add(&s, send ? "s2.example" : "c.example", send, true);
	break_kernel(m, "video#3");
	broken.sa_add = refuse_sa;
	busy = is_busy;
	rekeys = sim_group(&s).rekeys;
	sim_up(m);
	sim_run(&s, 1200000);
	ok(!sim_in(m), "%s: not in without a cipher", what);
	is_int(sim_group(&s).rekeys - rekeys, 1,
	       "%s: the keys change for the join alone", what);
	is_int(m->mk.n_sas, is_busy, "%s: SAs that are left", what);
	ok(sim_rekey(s.gcks, "video", &err) == 0, "%s: a rekey", what);
	sim_run(&s, 120000);
	is_int(m->mk.n_sas, is_busy, "%s: SAs that are left after it", what);
	m->mk.k.ops = good;
	sim_run(&s, 120000);
	ok(sim_in(m), "%s: in with a cipher", what);
	is_int(sim_group(&s).rekeys - rekeys, 2,
	       "%s: the keys have not changed again", what);
	is_int(sim_out_of_step(&s), 0, "%s: all are in step", what);
	is_int(m->mk.n_sas, 3, "%s: an SA of each flow", what);
	for (i = 0; i < 3 && send; i++)
		ok(sends(m, i, &p), "%s: sends flow %u", what, i);
	is_int(sim_log_count(&s, "was held before"), 0,
	       "%s: no key is given up", what);
	sim_finish(&s, what);
}

/* Return how often the kernel of @m had the key of that SA. */
static unsigned int times_had(const struct sim_member *m,
			      const struct mock_sa *sa)
{
	unsigned int i, n = 0;

	for (i = 0; i < m->mk.n_keys; i++)
		n += !memcmp(m->mk.key[i].key, sa->sa.key, sa->sa.key_len);
	return n;
}

/*
 * SAs are undone that had received nothing when the kernel was asked. What they receive
 * until they have ended could be sent again to another SA of the same key.
 */
static void test_received_late(uint64_t late)
{
	struct sim_member *m;
	unsigned int i;

	init(61, 3);
	start(0);
	m = sim_add(&s, "c.example", false, true);
	break_kernel(m, "video#3");
	broken.sa_add = refuse_sa;
	busy = false;
	m->mk.late = late;
	sim_up(m);
	sim_run(&s, 60000);
	ok(!sim_in(m), "%u datagrams late: not in without a cipher",
	   (unsigned int)late);
	m->mk.late = 0;
	m->mk.k.ops = good;
	sim_run(&s, 120000);
	ok(sim_in(m), "%u datagrams late: in with a cipher",
	   (unsigned int)late);
	is_int(m->mk.n_sas, 3, "%u datagrams late: an SA of each flow",
	       (unsigned int)late);
	for (i = 0; i < m->mk.n_sas; i++)
		if (late)
			is_int(times_had(m, &m->mk.sa[i]), 1,
			       "%u datagrams late: SA %u has a key of its own",
			       (unsigned int)late, i);
	is_int(!sim_log_count(&s, "was held before"), !late,
	       "%u datagrams late: whether a key is given up",
	       (unsigned int)late);
	is_int(sim_out_of_step(&s), 0, "%u datagrams late: all are in step",
	       (unsigned int)late);
	sim_finish(&s, "late datagrams");
}

int main(void)
{
	RUN(test_received_late, 0);
	RUN(test_received_late, 1);
	RUN(test_retired, 1, 31);
	RUN(test_retired, 3, 93);
	RUN(test_retired, 8, 128);
	RUN(test_evictions, 1, false);
	RUN(test_evictions, 8, false);
	RUN(test_evictions, 8, true);
	RUN(test_unselected, "video");
	RUN(test_unselected, "video#2");
	RUN(test_late, 2, 700);
	RUN(test_late, 2, 1500);
	RUN(test_late, 1, 1500);
	RUN(test_refused, false, false);
	RUN(test_refused, false, true);
	RUN(test_refused, true, false);
	return done();
}
