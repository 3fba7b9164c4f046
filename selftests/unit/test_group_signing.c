// SPDX-License-Identifier: Apache-2.0
/*
 * The key that signs rekeys is changed, by order and by schedule. A member that
 * receives the change follows, one that misses it comes back, and a key server
 * that crashes meanwhile signs with the key that its members expect.
 */
#include "group_sim.h"
#include "group_finish.h"
#include "tap.h"

#include <errno.h>

static struct sim s;
static struct sim_member *tx, *a, *b;
static struct err err;

static void usual(uint64_t seed, enum sig_type type)
{
	struct sim_three three;

	sim_init(&s, seed);
	s.cg.rekey_sign = type;
	three = sim_start_three(&s, false, 20000, 50);
	tx = three.tx;
	a = three.a;
	b = three.b;
}

static void renew(void)
{
	if (sim_renew_signing_key(s.gcks, "video", &err))
		bail("%s", err.text);
}

static void rekey(void)
{
	if (sim_rekey(s.gcks, "video", &err))
		bail("%s", err.text);
}

/* Count members that are up and expect another signing key. */
static unsigned int strangers(void)
{
	struct gcks_group_status g = sim_group(&s);
	unsigned int n = 0;
	int i;

	for (i = 0; i < s.n; i++)
		if (s.m[i]->up)
			n += !!strcmp(sim_status(s.m[i]).signing_key,
				      g.signing_key);
	return n;
}

static void change(enum sig_type type, const char *name)
{
	char was[SIGPUB_NAME_LEN];
	uint64_t registrations;

	usual(1, type);
	strcpy(was, sim_group(&s).signing_key);
	is_int(strlen(was), SIGPUB_NAME_LEN - 1, "%s: a signing key", name);
	is_int(strangers(), 0, "%s: all members know the signing key", name);
	registrations = sim_group(&s).registrations;
	renew();
	sim_run(&s, 20000);
	ok(strcmp(sim_group(&s).signing_key, was), "another one");
	is_int(strangers(), 0, "all know it");
	is_int(sim_out_of_step(&s), 0, "all follow");
	ok(sim_logged(&s, "group video: signing key changed: "),
	   "the log has it");
	strcpy(was, sim_group(&s).signing_key);
	rekey();
	sim_run(&s, 20000);
	is_str(sim_group(&s).signing_key, was, "a rekey by itself keeps it");
	is_int(sim_out_of_step(&s), 0, "a rekey by itself is believed");
	is_int(sim_group(&s).registrations, registrations,
	       "nobody had to register");
	is_int(sim_gaps(&s), 0, "no packet is lost");
	sim_finish(&s, name);
}

static void test_missed(void)
{
	uint64_t registrations;
	uint32_t ms;

	usual(2, SIG_ED25519);
	a->deaf = true;
	registrations = sim_status(a).registrations;
	renew();
	sim_run(&s, 4000);
	is_int(strangers(), 1, "a was deaf and has the old one");
	sim_run(&s, 5000);
	a->deaf = false;
	sim_run(&s, 20000);
	is_int(strangers(), 0,
	       "a finds out that it has the old signing key, and has the new one");
	is_int(sim_status(a).registrations - registrations, 1,
	       "missed: one registration was needed");
	is_int(sim_out_of_step(&s), 0, "missed: all are in step");
	/* An eviction keeps the key, and the next rekey changes it. */
	renew();
	if (sim_evict(s.gcks, "video", "b.example", &ms, &err))
		bail("%s", err.text);
	sim_run(&s, 20000);
	sim_down(b);
	is_int(strangers(), 0, "with an eviction in between");
	is_int(sim_out_of_step(&s), 0, "all follow");
	sim_finish(&s, "missed");
}

static void test_schedule(void)
{
	char first[SIGPUB_NAME_LEN], now[SIGPUB_NAME_LEN];
	unsigned int i, n = 0;

	sim_init(&s, 3);
	s.cg.rekey_interval = 600;
	s.cg.lifetime = 1300;
	s.cg.kek_lifetime = 1300;
	s.cg.signing_key_lifetime = 3600;
	sim_gcks_up(&s);
	tx = sim_add(&s, "s.example", true, false);
	a = sim_add(&s, "a.example", false, true);
	sim_up(tx);
	sim_up(a);
	if (!sim_settle(&s, 20000))
		bail("not settled");
	sim_stream(&s, tx, 500);
	s.loss = 10;
	s.burst_ms = 300;
	strcpy(first, sim_group(&s).signing_key);
	sim_run(&s, 3000000);
	is_str(sim_group(&s).signing_key, first, "50 minutes: the first one");
	/* The store has the date of the key. */
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	for (i = 0; i < 4 * 60; i++) {
		sim_run(&s, 60000);
		strcpy(now, sim_group(&s).signing_key);
		n += !!strcmp(now, first);
		if (strcmp(now, first))
			strcpy(first, now);
	}
	is_int(n, 4, "four hours: four more, at 10 %% loss");
	s.loss = 0;
	sim_run(&s, 60000);
	is_int(strangers(), 0, "all members have the last signing key");
	is_int(sim_out_of_step(&s), 0, "all members are in step at the end");
	sim_finish(&s, "schedule");
}

/*
 * The server is killed before and after the commit, and at each of the first
 * copies.
 */
static void test_killed(void)
{
	static const enum sim_crash how[] = {
		SIM_BEFORE_COMMIT,
		SIM_AFTER_COMMIT,
		SIM_AT_SEND,
	};
	unsigned int i, k, bad = 0, runs = 0, kept = 0;
	char was[SIGPUB_NAME_LEN];

	for (i = 0; i < 3; i++) {
		for (k = 0; k < 6; k++) {
			usual(100 + 10 * i + k, SIG_ED25519);
			strcpy(was, sim_group(&s).signing_key);
			s.crash = how[i];
			s.crash_in = k;
			sim_renew_signing_key(s.gcks, "video", &err);
			sim_run(&s, 2000);
			sim_gcks_down(&s);
			sim_run(&s, 3000);
			sim_gcks_up(&s);
			kept += !strcmp(sim_group(&s).signing_key, was);
			sim_run(&s, 40000);
			bad += strangers() + sim_out_of_step(&s) + s.iv_repeats;
			rekey();
			sim_run(&s, 20000);
			bad += strangers() + sim_out_of_step(&s) + s.iv_repeats;
			runs++;
			sim_free(&s);
		}
	}
	is_int(bad, 0,
	       "killed in %u ways: all are in step, now and after the next rekey",
	       runs);
	is_int(kept, 1, "only before the commit the old key is kept");
}

/*
 * The change is ordered while another rekey is pending, and an eviction comes
 * first.
 */
static void test_waits(void)
{
	char was[SIGPUB_NAME_LEN];
	uint32_t ms;

	usual(14, SIG_ED25519);
	strcpy(was, sim_group(&s).signing_key);
	rekey();
	sim_run(&s, 500);
	renew();
	sim_run(&s, 500);
	if (sim_evict(s.gcks, "video", "b.example", &ms, &err))
		bail("%s", err.text);
	is_str(sim_group(&s).signing_key, was, "an eviction does not wait");
	sim_run(&s, 60000);
	ok(strcmp(was, sim_group(&s).signing_key),
	   "after an eviction the signing key that was asked for comes");
	is_int(strangers(), 1,
	       "after an eviction all but the evicted believe it");
	sim_finish(&s, "waits");
}

/*
 * The answer promises the pending rekey. A key server that is killed in between
 * sends it after its restart, long before the next periodic rekey.
 */
static void test_promised(void)
{
	char was[SIGPUB_NAME_LEN], newest[SIGPUB_NAME_LEN];
	uint64_t rekeys;

	usual(16, SIG_ED25519);
	strcpy(was, sim_group(&s).signing_key);
	rekey();
	sim_run(&s, 500);
	renew();
	is_str(sim_group(&s).signing_key, was, "a new signing key has to wait");
	sim_gcks_down(&s);
	sim_run(&s, 500);
	sim_gcks_up(&s);
	sim_run(&s, 20000);
	strcpy(newest, sim_group(&s).signing_key);
	ok(strcmp(was, newest),
	   "a signing key that was asked for comes after a restart");
	is_int(sim_audited(&s, "signing-key", NULL, newest), 1,
	       "the audit trail names the new signing key");
	is_int(strangers(), 0, "all members know the signing key after it");
	rekeys = sim_group(&s).rekeys;
	rekey();
	sim_run(&s, 500);
	rekey();
	is_int(sim_group(&s).rekeys, rekeys + 1,
	       "the second rekey has to wait");
	sim_gcks_down(&s);
	sim_run(&s, 500);
	sim_gcks_up(&s);
	sim_run(&s, 20000);
	is_int(sim_group(&s).rekeys, 1,
	       "a rekey that was asked for comes once after a restart");
	is_str(sim_group(&s).signing_key, newest,
	       "a rekey alone leaves the signing key");
	sim_finish(&s, "promised");
}

/* The wall clock was ahead when the key was made, and has been corrected. */
static void test_clock(void)
{
	char was[SIGPUB_NAME_LEN];

	sim_init(&s, 15);
	s.cg.rekey_interval = 600;
	s.cg.lifetime = 1300;
	s.cg.kek_lifetime = 1300;
	s.cg.signing_key_lifetime = 3600;
	sim_gcks_up(&s);
	a = sim_add(&s, "a.example", false, true);
	sim_up(a);
	sim_settle(&s, 30000);
	sim_run(&s, 20000);
	s.wall0 += 100 * 86400;
	renew();
	s.wall0 -= 100 * 86400;
	strcpy(was, sim_group(&s).signing_key);
	sim_run(&s, 1300000);
	ok(strcmp(was, sim_group(&s).signing_key),
	   "a key of a day to come is replaced with the next rekeys");
	strcpy(was, sim_group(&s).signing_key);
	sim_run(&s, 1300000);
	is_str(sim_group(&s).signing_key, was,
	       "the successor of a signing key from a day to come is made by schedule");
	sim_finish(&s, "clock");
}

int main(void)
{
	RUN(test_waits);
	RUN(test_promised);
	RUN(test_clock);
	RUN(change, SIG_ED25519, "Ed25519");
	RUN(change, SIG_ECDSA_P256, "ECDSA");
	RUN(test_missed);
	RUN(test_schedule);
	RUN(test_killed);
	return done();
}
