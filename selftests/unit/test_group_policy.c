// SPDX-License-Identifier: Apache-2.0
/*
 * A running key server changes its configuration: groups are added and removed,
 * lists and algorithms change, under loss and with a crash at every step.
 */
#include "gcks/gmc.h"
#include "gcks/group.h"
#include "gcks/policy.h"
#include "ike/sa.h"
#include "policy_sim.h"
#include "store/store.h"
#include "wire/proto.h"

static char *only_tx[] = { (char *)"s.example" };
static struct answer both;
static char lines[2048];

static void take_line(void *arg, const char *line)
{
	(void)arg;
	snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines), "%s\n",
		 line);
}

static const char *would(void)
{
	struct err err;

	lines[0] = '\0';
	return gcks_reload_check(s.gcks, &next, NULL, take_line, NULL, &err)
		       ? "refused"
		       : lines;
}

/* ---- nothing to change, and what cannot change --------------------------- */

static void test_nothing(void)
{
	struct gcks_group_status before, after;
	unsigned int changes, wire;

	usual(1);
	before = sim_group(&s);
	changes = s.changes;
	wire = s.n_wire;
	is_str(would(), "", "the same configuration would change nothing");
	is_int(reload(), 0, "the same configuration again");
	after = sim_group(&s);
	ok(before.policy_version == 1 && after.policy_version == 1,
	   "the policy has its version");
	is_int(s.changes, changes, "nothing is written");
	is_int(s.n_wire, wire, "nothing is sent");

	groups[0].kwa = groups[0].kwa == 2 ? 3 : 2;
	groups[0].beat = 7;
	next.n_groups = 2;
	is_str(would(), "refused", "another key-wrap is refused beforehand");
	is_int(reload(), -EBUSY, "another key-wrap is refused");
	ok(strstr(why, "group video: key-wrap"), "group and setting are named");
	is_int(s.changes, changes, "nothing is written then");
	ok(!group_find(s.gcks, "audio", 5), "no group is added then");
	is_int(sim_group(&s).policy_version, 1, "the policy stays");
	sim_free(&s);
}

static void test_quiet(void)
{
	struct gcks_group_status before;
	unsigned int rekeys;

	usual(2);
	before = sim_group(&s);
	rekeys = before.rekeys;
	groups[0].beat = 5;
	groups[0].max_members = 17;
	ok(strstr(would(), "group video: beat, max-members changed"),
	   "settings that count from now on are named");
	is_int(reload(), 0, "another beat");
	is_int(sim_group(&s).policy_version, 2, "the policy has a new version");
	is_int(sim_group(&s).rekeys, rekeys, "no key changes");
	is_int(sim_group(&s).conf->beat, 5, "the status has the new beat");
	is_int(sim_audited(&s, "policy", NULL, "beat, max-members"), 1,
	       "the audit trail names what changed");
	before = sim_group(&s);
	sim_run(&s, 30000);
	ok(sim_group(&s).beats - before.beats >= 5, "beats come faster");
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	is_int(sim_group(&s).policy_version, 2,
	       "the version is the same after a restart");
	groups[0].beat = 6;
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	is_int(sim_group(&s).policy_version, 3,
	       "a change while it was down has a version, too");
	is_int(sim_audited(&s, "policy", NULL, "beat"), 2,
	       "a change while it was down has a line that names it");
	sim_run(&s, 30000);
	is_int(sim_out_of_step(&s), 0, "all are in step");
	is_int(sim_gaps(&s), 0, "nobody has lost anything");
	is_int(s.iv_repeats, 0, "no IV was used twice");
	sim_free(&s);
}

/* ---- lists ----------------------------------------------------------------- */

static void test_lists(unsigned int loss)
{
	uint64_t out_ms;

	usual(10 + loss);
	s.loss = loss;
	groups[0].receivers.v = without_b;
	groups[0].receivers.n = ARRAY_SIZE(without_b);
	ok(strstr(would(), "group video: receivers (-*.example +") &&
		   strstr(lines, "\"b.example\" is evicted"),
	   "loss %u: who would be evicted is named", loss);
	is_int(reload(), 0, "loss %u: a list without one of the members", loss);
	ok(!sim_has_member(&s, "b.example"), "loss %u: b is out at once", loss);
	out_ms = s.ms + 3000;
	is_int(sim_audited(&s, "evict", "b.example", "no longer in the lists"),
	       1, "loss %u: the audit trail has the eviction", loss);
	sim_run(&s, 60000);
	is_int(sim_reads_after(&s, b, out_ms), 0,
	       "loss %u: no key of later was ever its own", loss);
	ok(!sim_in(b), "loss %u: b does not come back", loss);
	is_int(sim_group(&s).denied, 0, "loss %u: nobody is denied by name",
	       loss);
	is_int(sim_out_of_step(&s), 1, "loss %u: the others are in step", loss);
	if (!loss) {
		is_int(a->gaps, 0, "a member that stays has lost nothing");
		is_int(s.n_unsent, 0, "the sender could always send");
	}
	groups[0].receivers = s.cg.receivers;
	is_int(reload(), 0, "loss %u: the list as it was", loss);
	member_join(b->m, "video");
	sim_run(&s, 180000);
	ok(sim_in(b), "loss %u: b comes back", loss);
	is_int(s.iv_repeats, 0, "loss %u: no IV was used twice", loss);
	sim_free(&s);
}

/*
 * A sender that hears no GSA_REKEY loses its right to send. It asks because of
 * the silence, and the key server's answer ends its sending.
 */
static void test_deaf_sender(void)
{
	static char *one[] = { (char *)"s.example" };
	struct sim_member *deaf;
	uint64_t out_ms;

	usual(40);
	deaf = sim_add(&s, "s2.example", true, true);
	groups[0].senders = s.cg.receivers;
	groups[0].receivers = s.cg.receivers;
	reload();
	sim_up(deaf);
	sim_run(&s, 30000);
	ok(sim_in(deaf), "deaf sender: the second sender is in");
	deaf->deaf = true;
	groups[0].senders.v = one;
	groups[0].senders.n = 1;
	is_int(reload(), 0, "deaf sender: a list without it");
	out_ms = s.ms + 60000;
	sim_stream(&s, deaf, 100);
	sim_run(&s, 120000);
	ok(!sim_in(deaf), "deaf sender: the deaf sender is out");
	is_int(deaf->notify, GIKE_N_AUTHORIZATION_FAILED,
	       "deaf sender: the refusal is heard");
	is_int(s.key[0].last_ms > out_ms, 0,
	       "deaf sender: nothing is sent a minute later");
	sim_free(&s);
}

/* Many members join at once. */
static void test_crowd(void)
{
	struct sim_member *m[60];
	char name[32];
	unsigned int i, reads = 0;

	sim_init(&s, 3);
	s.cg.max_members = 1000;
	sim_gcks_up(&s);
	tx = sim_add(&s, "s.example", true, true);
	sim_up(tx);
	for (i = 0; i < ARRAY_SIZE(m); i++) {
		snprintf(name, sizeof(name), "m%u.example", i);
		m[i] = sim_add(&s, name, false, true);
		sim_up(m[i]);
	}
	if (!sim_settle(&s, 120000))
		bail("they are not in");
	sim_run(&s, 20000);
	sim_stream(&s, tx, 50);
	groups[0] = s.cg;
	groups[0].receivers.v = only_tx;
	groups[0].receivers.n = 1;
	next = (struct conf_gcks){ .groups = groups, .n_groups = 1 };
	is_int(reload(), 0, "a list without %zu members", ARRAY_SIZE(m));
	is_int(sim_group(&s).members, 1, "one member is left");
	is_int(sim_group(&s).evictions, ARRAY_SIZE(m),
	       "the others are evicted");
	sim_run(&s, 3000);
	for (i = 0; i < ARRAY_SIZE(m); i++)
		reads += !!sim_reads_after(&s, m[i], s.ms);
	sim_run(&s, 20000);
	is_int(reads, 0, "nobody of them has a key of later");
	is_int(s.n_unsent, 0, "the sender could always send");
	sim_free(&s);
}

static int (*real_commit)(void *ctx);
static struct store_ops failing;
static unsigned int n_commits;

static int fail_second(void *ctx)
{
	if (++n_commits != 2)
		return real_commit(ctx);
	failing.abort(ctx);
	return -ENOSPC;
}

static void fail_second_commit(void)
{
	real_commit = s.store->ops->commit;
	failing = *s.store->ops;
	failing.commit = fail_second;
	failing.submit = NULL; /* SIM_STORE_MS has its own commit */
	s.store->ops = &failing;
	n_commits = 0;
}

static unsigned int barred(void)
{
	const struct group *g = TAILQ_FIRST(&s.gcks->groups);
	struct htab_walk w = { 0 };
	const struct gmember *m;
	unsigned int n = 0;

	while ((m = gmc_each(g, &w)))
		n += !!policy_refusal(g->conf, m->identity, m->send);
	return n;
}

#define CROWD 1150
#define WAVE 50
/* One of so many of the crowd stays up, and hears what the others would. */
#define WATCHED 25

/* Files of the store, with the crowd in. */
static char crowd_in[2][128];

/*
 * A crowd that has registered is no more than records of the key server, so
 * most of its members are down again.
 */
static void crowd_comes(uint64_t seed)
{
	char name[64];
	int i, k;

	sim_init(&s, seed);
	s.cg.max_members = 2 * CROWD;
	s.cg.batch_join_ms = 1000;
	sim_gcks_up(&s);
	tx = sim_add(&s, "s.example", true, true);
	sim_up(tx);
	for (i = 0; i < CROWD; i += WAVE) {
		for (k = i; k < i + WAVE; k++) {
			snprintf(name, sizeof(name), "m%d.%s.example", k,
				 k >= CROWD / 2 ? "odd" : "even");
			sim_up(sim_add(&s, name, false, true));
		}
		if (!sim_settle(&s, 20000))
			bail("they are not in");
		for (k = i; k < i + WAVE; k++)
			if (k % WATCHED)
				sim_down(s.m[1 + k]);
	}
	sim_run(&s, 20000);
	for (i = 0; i < 2; i++) {
		snprintf(crowd_in[i], sizeof(crowd_in[i]), "%s/crowd%d", s.dir,
			 i);
		sim_copy_store(i ? s.witness_path : s.path, crowd_in[i]);
	}
}

/* The key server as it was when the crowd was in; all members are down. */
static void crowd_is_in_again(void)
{
	int i;

	for (i = 0; i < s.n; i++)
		sim_down(s.m[i]);
	sim_gcks_down(&s);
	sim_copy_store(crowd_in[0], s.path);
	sim_copy_store(crowd_in[1], s.witness_path);
	s.conf.groups = &s.cg;
	sim_gcks_up(&s);
	sim_run(&s, 20000);
}

static void crowd_goes(void)
{
	char wal[160];
	int i;

	for (i = 0; i < 2; i++) {
		snprintf(wal, sizeof(wal), "%s-wal", crowd_in[i]);
		unlink(wal);
		unlink(crowd_in[i]);
	}
	sim_free(&s);
}

/*
 * More members lose their right than one change can exclude, and the second
 * change fails.
 */
static void crowd_fails_half(void)
{
	static char *even[] = { (char *)"s.example", (char *)"*.even.example" };

	is_int(sim_group(&s).members, 1 + CROWD, "the crowd is in");
	groups[0] = s.cg;
	groups[0].receivers.v = even;
	groups[0].receivers.n = ARRAY_SIZE(even);
	next = (struct conf_gcks){ .groups = groups, .n_groups = 1 };
	fail_second_commit();
	is_int(reload(), -ENOSPC, "the second change of an eviction fails");
	is_int(sim_group(&s).policy_version, 2,
	       "the policy is in force nevertheless");
	ok(barred() > 0 && barred() < CROWD / 2, "%u of %d are still in",
	   barred(), CROWD / 2);
	snprintf(lines, sizeof(lines),
		 "group \"video\": policy 2 is in force, but %u members have not been evicted yet",
		 barred());
	ok(strstr(why, lines), "the answer says so: %s", why);
}

/* Count members that lost their right and have the keys of now. */
static unsigned int odd_in_step(void)
{
	unsigned int n = 0;
	int i;

	for (i = 0; i < s.n; i++)
		n += strstr(s.m[i]->name, "odd") && sim_in(s.m[i]) &&
		     sim_status(s.m[i]).data_spi == sim_group(&s).data_spi;
	return n;
}

static void test_crowd_by_half(void)
{
	struct err err;
	uint32_t ms;

	crowd_comes(8);
	is_int(odd_in_step(), CROWD / 2 / WATCHED,
	       "some of those that will lose their right are watched");
	crowd_fails_half();
	is_int(sim_evict(s.gcks, "video", "m0.even.example", &ms, &err), 0,
	       "another member is evicted meanwhile");
	sim_run(&s, 3000);
	is_int(odd_in_step(), 0, "the eviction gives them no new keys");
	is_int(barred(), 0, "the eviction takes them out");
	is_int(sim_audited(&s, "evict", NULL, "no longer in the lists"),
	       CROWD / 2, "each of them is evicted in the audit trail");
	is_int(reload(), 0, "the same configuration again");

	crowd_is_in_again();
	crowd_fails_half();
	sim_gcks_down(&s);
	s.conf.groups = groups;
	sim_gcks_up(&s);
	sim_run(&s, 3000);
	is_int(barred(), 0, "the rest is evicted after a restart");
	is_int(sim_audited(&s, "evict", NULL, "no longer in the lists"),
	       CROWD / 2,
	       "each is evicted in the audit trail, after a restart, too");
	crowd_goes();
}

/* A sender loses its right to send. */
static void test_sender(void)
{
	struct sim_member *s2;

	usual(4);
	s2 = sim_add(&s, "s2.example", true, true);
	sim_up(s2);
	if (!sim_settle(&s, 60000))
		bail("not in");
	sim_run(&s, 20000);
	groups[0].senders.v = only_tx;
	groups[0].senders.n = 1;
	is_int(reload(), 0, "a list with one sender less");
	ok(!sim_has_member(&s, "s2.example"),
	   "a sender without the right is out");
	sim_run(&s, 60000);
	ok(!sim_in(s2), "a sender without the right does not come back");
	is_int(sim_group(&s).senders, 1, "one sender is left");
	is_int(a->gaps, 0, "the others lose nothing");
	sim_free(&s);
}

/*
 * A sender that may not receive any more, in a group whose other settings
 * change later. It needs the right to send alone, however it lost the other.
 */
static struct sim_member *usual_sender(uint64_t seed)
{
	struct sim_member *s2;

	usual(seed);
	groups[0].receivers.v = without_b;
	groups[0].receivers.n = ARRAY_SIZE(without_b);
	s2 = sim_add(&s, "s2.example", true, false);
	return s2;
}

static void nothing_but_a_beat(struct sim_member *s2, const char *what)
{
	unsigned int rekeys;

	sim_run(&s, 60000);
	ok(sim_in(s2), "%s: a sender that may send is in", what);
	rekeys = sim_group(&s).rekeys;
	groups[0].beat = 14;
	is_int(reload(), 0, "%s: another beat and nothing else", what);
	sim_run(&s, 30000);
	is_int(sim_group(&s).rekeys, rekeys, "%s: no key changes", what);
	is_int(sim_audited(&s, "evict", "s2.example", NULL), 0,
	       "%s: the sender is not evicted", what);
	ok(sim_in(s2), "%s: the sender stays in", what);
	sim_free(&s);
}

static void test_sends_only_since_reload(void)
{
	struct sim_member *s2 = usual_sender(5);

	sim_up(s2);
	sim_run(&s, 20000);
	is_int(reload(), 0, "a list of receivers without the sender");
	nothing_but_a_beat(s2, "list");
}

static void test_sends_only_since_restart(void)
{
	struct sim_member *s2 = usual_sender(6);

	sim_up(s2);
	sim_run(&s, 20000);
	sim_gcks_down(&s);
	s.conf.groups = groups;
	sim_gcks_up(&s);
	nothing_but_a_beat(s2, "restart");
}

static void test_sends_only_since_it_waits(void)
{
	struct conf_names receivers;
	struct sim_member *s2;

	s2 = usual_sender(7);
	receivers = groups[0].receivers;
	groups[0].receivers = s.cg.receivers;
	groups[0].batch_join_ms = 10000;
	is_int(reload(), 0, "joins wait for a batch");
	sim_up(s2);
	sim_run(&s, 2000);
	groups[0].receivers = receivers;
	is_int(reload(), 0, "a list without the sender, which waits");
	nothing_but_a_beat(s2, "waiting");
}

/* ---- algorithms ------------------------------------------------------------- */

static void test_algorithm(unsigned int loss)
{
	uint64_t restarts, got;
	unsigned int i, wrong = 0;

	usual(20 + loss);
	s.loss = loss;
	restarts = sim_group(&s).restarts;
	groups[0].alg.key_bits = 256;
	groups[0].dtd = 20;
	ok(strstr(would(), "algorithm changed: the group is reset, and its 3"),
	   "loss %u: a reset is named beforehand", loss);
	is_int(reload(), 0, "loss %u: another algorithm", loss);
	is_int(sim_group(&s).restarts, restarts + 1,
	       "loss %u: another algorithm causes one reset", loss);
	is_int(sim_group(&s).policy_version, 2,
	       "loss %u: the policy has the next version", loss);
	sim_run(&s, loss ? 120000 : 60000);
	is_int(sim_out_of_step(&s), 0, "loss %u: all are back, in step", loss);
	for (i = 0; i < 3; i++)
		wrong += s.m[i]->mk.sa[s.m[i]->mk.n_sas - 1].sa.key_len !=
			 256 / 8 + 4;
	is_int(wrong, 0, "loss %u: with keys of the new size", loss);
	got = a->got;
	sim_run(&s, 5000);
	ok(a->got > got, "loss %u: traffic goes on", loss);
	is_int(s.iv_repeats, 0, "loss %u: no IV was used twice", loss);
	sim_free(&s);
}

/*
 * Lists change together with an algorithm, by which the group starts anew: the
 * member that lost its right reads no longer than if the lists had changed
 * alone.
 */
static uint64_t reads_for(bool alg, unsigned int deaf_ms)
{
	uint64_t start_ms, ms = 0;

	usual(30);
	groups[0].receivers.v = without_b;
	groups[0].receivers.n = ARRAY_SIZE(without_b);
	if (alg)
		groups[0].alg.key_bits = 256;
	ok(strstr(would(), "\"b.example\" is evicted"),
	   "lists%s: who would be evicted is named", alg ? ", algorithm" : "");
	tx->deaf = deaf_ms;
	start_ms = s.ms;
	both = (struct answer){ 0 };
	gcks_reload(s.gcks, &next, take, &both);
	sim_run(&s, deaf_ms);
	tx->deaf = false;
	sim_run(&s, 180000 - deaf_ms);
	is_int(both.ret, 0, "lists%s: adopted", alg ? ", algorithm" : "");
	while (sim_reads_after(&s, b, start_ms + ms))
		ms += 100;
	is_int(a->gaps, 0, "lists%s, deaf %u ms: who stays loses nothing",
	       alg ? ", algorithm" : "", deaf_ms);
	is_int(sim_out_of_step(&s), 1, "lists%s, deaf %u ms: two are in step",
	       alg ? ", algorithm" : "", deaf_ms);
	is_int(s.n_unsent, 0,
	       "lists%s, deaf %u ms: the sender always had a key",
	       alg ? ", algorithm" : "", deaf_ms);
	ok(!sim_in(b), "lists%s, deaf %u ms: b is out",
	   alg ? ", algorithm" : "", deaf_ms);
	sim_free(&s);
	return ms;
}

static void test_both(unsigned int deaf_ms)
{
	uint64_t lists = reads_for(false, deaf_ms);
	uint64_t both_ms = reads_for(true, deaf_ms);

	printf("# deaf %u ms: read for %u ms, with an algorithm %u ms\n",
	       deaf_ms, (unsigned int)lists, (unsigned int)both_ms);
	ok(both_ms <= lists + 200,
	   "deaf %u ms: an algorithm lets nobody read longer", deaf_ms);
}

/* An eviction is announced with a short DTD, which a reset finds in force. */
static void test_reset_after_eviction(void)
{
	struct err err;
	uint32_t ms;

	usual(32);
	if (sim_evict(s.gcks, "video", "b.example", &ms, &err))
		bail("%s", err.text);
	sim_run(&s, 2000);
	is_int(sim_reset(s.gcks, "video", &err), 0,
	       "a reset after an eviction");
	sim_run(&s, 60000);
	is_int(s.n_unsent, 0, "reset after an eviction: the sender had a key");
	is_int(a->gaps, 0, "reset after an eviction: who stays loses nothing");
	sim_free(&s);
}

/* ---- groups ---------------------------------------------------------------- */

static int count_group(void *arg, const struct gcks_group_status *st)
{
	(void)st;
	++*(int *)arg;
	return 0;
}

static int n_groups(void)
{
	int n = 0;

	gcks_each_group(s.gcks, count_group, &n);
	return n;
}

static void test_groups(void)
{
	struct sim_member *c;
	struct err err;
	uint32_t ms;

	usual(5);
	if (sim_evict(s.gcks, "video", "b.example", &ms, &err))
		bail("%s", err.text);
	sim_run(&s, 20000);
	next.n_groups = 2;
	is_str(would(), "group audio: added\n", "a group would be added");
	is_int(reload(), 0, "one more group");
	is_int(n_groups(), 2, "both are there");
	c = sim_add(&s, "c.example", false, true);
	c->cg.name = groups[1].name;
	c->cg.sel.dst = groups[1].sel.dst;
	sim_up(c);
	sim_run(&s, 5000);
	ok(sim_in(c), "a member of the new one comes in");
	is_int(a->gaps, 0, "the one there was has lost nothing");

	/* The first group is removed. */
	groups[0] = groups[1];
	next.n_groups = 1;
	ok(strstr(would(),
		  "group video: removed: its 2 members delete all SAs"),
	   "a group would be removed");
	is_int(reload(), 0, "a reload without the first group");
	is_int(n_groups(), 1, "one group is left");
	sim_run(&s, 500);
	ok(!sim_in(a) && !sim_in(tx),
	   "members of a removed group are told, and out");
	sim_run(&s, 40000);
	is_int(a->notify, GIKE_N_INVALID_GROUP_ID,
	       "a request for a removed group is refused as such");
	ok(sim_in(c), "the other group goes on");
	ok(TAILQ_EMPTY(&s.gcks->closing), "when all is said it is gone");

	/* The store remembers the removal. */
	groups[0] = s.cg;
	groups[1].name = (char *)"audio";
	next.n_groups = 2;
	is_int(reload(), 0, "a reload with the first group again");
	is_int(n_groups(), 2, "both are there again");
	sim_run(&s, 300000);
	ok(sim_in(a) && sim_in(tx),
	   "members of a group that is there again come back");
	ok(!sim_in(b) && !sim_has_member(&s, "b.example"),
	   "an evicted member stays out");
	is_int(s.iv_repeats, 0, "no IV was used twice");
	sim_free(&s);
}

/* ---- a reload that fails, as a whole or in part -------------------------- */

static void test_half_way(void)
{
	/* The check refuses all that can be known before, which costs nobody. */
	usual(41);
	next.n_groups = 2;
	groups[1].kwa = groups[0].kwa == 2 ? 3 : 2;
	is_int(reload(), -EBUSY, "another key-wrap is refused: %s", why);
	is_int(n_groups(), 1, "a refused reload serves no group");
	groups[1].kwa = groups[0].kwa;
	is_int(reload(), 0, "a group is added");
	is_int(sim_log_count(&s, "group audio: added"), 1,
	       "the added group is logged once");
	is_int(n_groups(), 2, "both groups are served");
	ok(sim_in(a) && sim_in(b), "a group that is added costs nobody");

	/* A group that cannot be read holds up no other, nor is one closed. */
	next.n_groups = 1;
	is_int(reload(), 0, "the group is removed again");
	sim_run(&s, 60000);
	if (store_begin(s.store) ||
	    store_put(s.store, "g/audio/state", "damaged", 7) ||
	    store_commit(s.store))
		bail("store");
	next.n_groups = 2;
	groups[0].beat++;
	ok(reload() < 0 && strstr(why, "group audio"),
	   "a group with damaged records is named: %s", why);
	is_int(n_groups(), 1, "a group with damaged records is not served");
	is_str(would(), "group audio: added\n", "the other one has changed");
	sim_free(&s);

	usual(42);
	next.n_groups = 2;
	is_int(reload(), 0, "a group is added, whole");
	/* All groups that did not change are named. */
	groups[0].beat++;
	groups[1].beat++;
	s.store_errno = -ENOSPC;
	ok(reload() < 0, "a reload is refused by the store");
	ok(strstr(why, "\"video\": policy not changed") &&
		   strstr(why, "; group \"audio\": policy not changed"),
	   "each group that has not changed is named: %s", why);
	s.store_errno = 0;
	is_int(reload(), 0, "a second reload takes what is missing");
	sim_free(&s);
}

/* ---- members that do not hear the Delete --------------------------------- */

enum anew {
	BY_RESET,
	BY_ALGORITHM,
	BY_REMOVAL,
};

static int begin_anew(enum anew how)
{
	struct err err;

	switch (how) {
	case BY_RESET:
		return sim_reset(s.gcks, "video", &err);
	case BY_ALGORITHM:
		groups[0].alg.key_bits = 256;
		return reload();
	case BY_REMOVAL:
		groups[0] = groups[1];
		return reload();
	}
	return -EINVAL;
}

/*
 * The sender hears no multicast for 4 s, so it misses the Delete over the Rekey
 * SA. The end of its IKE SA tells it the same.
 */
static void test_deaf(enum anew how)
{
	static const char *const names[] = { "reset", "algorithm", "removal" };
	uint64_t start_ms;

	usual(40 + how);
	tx->deaf = true;
	start_ms = s.ms;
	is_int(begin_anew(how), 0, "%s: all members are out", names[how]);
	sim_run(&s, 4000);
	tx->deaf = false;
	sim_run(&s, 60000);
	ok(s.key[0].last_ms - start_ms <= (how == BY_REMOVAL ? 20000 : 15000),
	   "%s: a sender that is deaf stops using the old key", names[how]);
	is_int(a->gaps, 0, "%s: receivers lose nothing", names[how]);
	is_int(sim_in(tx), how != BY_REMOVAL, "%s: the sender is in or out",
	       names[how]);
	sim_free(&s);
}

/* A group is removed and added again before all messages were sent. */
static void test_back_at_once(void)
{
	usual(6);
	groups[0] = groups[1];
	is_int(reload(), 0, "back at once: without a group");
	sim_run(&s, 100);
	groups[0] = s.cg;
	is_int(reload(), 0, "with it again, at once");
	sim_run(&s, 120000);
	ok(sim_in(a) && sim_in(b) && sim_in(tx), "all are in");
	is_int(sim_out_of_step(&s), 0, "all are in step");
	is_int(s.iv_repeats, 0, "no IV was used twice");
	sim_free(&s);
}

/*
 * A group is away for long, by a mistake in the configuration. Its members ask
 * for it at bounded intervals, at different times.
 */
static void test_away(unsigned int away_s)
{
	uint64_t since, back_ms;

	usual(50);
	groups[0] = groups[1];
	is_int(reload(), 0, "away %u s: without the group", away_s);
	sim_run(&s, 30000);
	since = s.engine->stats.group_requests;
	sim_run(&s, (away_s - 30) * MSEC_PER_SEC);
	ok(s.engine->stats.group_requests - since <= 3 * away_s / 20,
	   "away %u s: three members ask each 20 s at most", away_s);
	groups[0] = s.cg;
	is_int(reload(), 0, "away %u s: with the group again", away_s);
	back_ms = s.ms;
	ok(sim_settle(&s, 65000), "away %u s: all are back within 65 s",
	   away_s);
	ok(s.ms - back_ms > 100, "away %u s: not all come at once", away_s);
	is_int(s.iv_repeats, 0, "away %u s: no IV was used twice", away_s);
	sim_free(&s);
}

/* ---- a store that fails, and deaths ---------------------------------------- */

static void test_full(void)
{
	usual(7);
	groups[0].receivers.v = without_b;
	groups[0].receivers.n = ARRAY_SIZE(without_b);
	s.store_errno = -ENOSPC;
	is_int(reload(), -ENOSPC, "a store that is full");
	ok(strstr(why, "group \"video\": policy not changed"),
	   "a full store is reported");
	ok(sim_has_member(&s, "b.example"), "a member that would be out is in");
	is_int(sim_group(&s).policy_version, 1, "the policy is the old one");
	s.store_errno = 0;
	is_int(reload(), 0, "again, with room");
	ok(!sim_has_member(&s, "b.example"), "the member is out then");
	sim_run(&s, 60000);
	is_int(a->gaps, 0, "a member that stays has lost nothing");
	is_int(s.iv_repeats, 0, "no IV was used twice");
	sim_free(&s);
}

static bool die_once(enum sim_crash step, unsigned int n, bool alg,
		     unsigned int *bad)
{
	bool died;

	usual(100 + 10 * step + n);
	s.loss = 5;
	groups[0].receivers.v = without_b;
	groups[0].receivers.n = ARRAY_SIZE(without_b);
	if (alg)
		groups[0].alg.key_bits = 256;
	s.crash = step;
	s.crash_in = n;
	reload();
	sim_run(&s, 3000);
	died = s.crashed;
	if (died) {
		sim_gcks_down(&s);
		sim_run(&s, 1000);
		sim_gcks_up(&s);
	}
	s.crash = SIM_NO_CRASH;
	sim_run(&s, 180000);
	if (sim_has_member(&s, "b.example") || sim_in(b))
		*bad |= 1;
	if (!sim_in(a) || !sim_in(tx) || sim_out_of_step(&s) != 1)
		*bad |= 2;
	if (s.iv_repeats)
		*bad |= 4;
	/* With both, the lists are a version of their own, if they came first. */
	if (sim_group(&s).policy_version != 2 &&
	    !(alg && sim_group(&s).policy_version == 3))
		*bad |= 8;
	sim_free(&s);
	return died;
}

static void test_deaths(enum sim_crash step, bool alg)
{
	const char *what = alg ? "algorithm" : "list";
	unsigned int n, bad = 0;

	for (n = 0; n < 40 && die_once(step, n, alg, &bad); n++)
		;
	ok(n >= 1, "%s, step %d: the key server died %u times", what, step, n);
	is_int(bad & 1, 0, "%s, step %d: who lost its right is out", what,
	       step);
	is_int(bad & 2, 0, "%s, step %d: the others are in step", what, step);
	is_int(bad & 4, 0, "%s, step %d: no IV was used twice", what, step);
	is_int(bad & 8, 0, "%s, step %d: the policy has its new version", what,
	       step);
}

int main(void)
{
	RUN(test_half_way);
	test_nothing();
	test_quiet();
	test_lists(0);
	test_lists(20);
	test_deaf_sender();
	test_crowd();
	test_crowd_by_half();
	test_sender();
	test_sends_only_since_reload();
	test_sends_only_since_restart();
	test_sends_only_since_it_waits();
	test_algorithm(0);
	test_algorithm(20);
	test_groups();
	test_both(0);
	test_both(4000);
	test_reset_after_eviction();
	test_deaf(BY_RESET);
	test_deaf(BY_ALGORITHM);
	test_deaf(BY_REMOVAL);
	test_back_at_once();
	test_away(120);
	test_away(1200);
	test_full();
	test_deaths(SIM_BEFORE_COMMIT, false);
	test_deaths(SIM_AFTER_COMMIT, false);
	test_deaths(SIM_AT_SEND, false);
	test_deaths(SIM_BEFORE_COMMIT, true);
	test_deaths(SIM_AFTER_COMMIT, true);
	return done();
}
