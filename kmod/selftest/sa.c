// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two tests of SAs. Copies of a packet are both checked before either is accepted, as
 * by two CPUs at once: one of them is a replay.
 *
 * IVs are taken by this thread, and at the same time by a timer that interrupts
 * it on the same CPU. The timer may interrupt between any two instructions,
 * which is more than softirqs of PREEMPT_RT do to each other. Each counter must
 * be taken once.
 */
#include <linux/completion.h>

#define SELFTEST_TAKES BIT(18)
#define SELFTEST_EVERY (60 * NSEC_PER_USEC)

struct iv_test {
	struct hrtimer timer;
	struct mcsec_sa *sa;
	u64 highest;
	unsigned int taken;
};

static struct iv_test iv_test __initdata;
static DECLARE_COMPLETION(iv_test_freed);

/* Not __init: a worker calls this and still returns from here while the thread
 * that was woken ends the module's init and has its text freed.
 */
static void iv_test_released(struct mcsec_group *group)
{
	complete(&iv_test_freed);
}

static u64 __init iv_test_take(struct iv_test *t)
{
	u64 iv = 0;

	if (!mcsec_sa_take_iv(t->sa, &iv))
		return 0;
	return mcsec_iv_counter(t->sa, iv);
}

static enum hrtimer_restart __init iv_test_fired(struct hrtimer *timer)
{
	struct iv_test *t = container_of(timer, struct iv_test, timer);

	t->highest = max(t->highest, iv_test_take(t));
	t->taken++;
	hrtimer_forward_now(timer, SELFTEST_EVERY);
	return HRTIMER_RESTART;
}

static bool __init test_copies(void)
{
	struct mcsec_windows windows = {};
	struct mcsec_sa_config config = {
		.dir = MCSEC_DIR_IN,
		.sid_bits = 16,
		.replay = MCSEC_REPLAY_SEQ,
		.window = MCSEC_WINDOW_MIN,
		.windows = &windows,
	};
	struct mcsec_sender *sender;
	struct mcsec_sa *sa;
	bool ok;

	sa = mcsec_sa_create(&config, &init_net, "self-test", NULL,
			     iv_test_released);
	if (IS_ERR(sa))
		return false;
	local_bh_disable();
	ok = mcsec_sa_replay_check(sa, 7, 7, &sender) &&
	     mcsec_sa_replay_check(sa, 7, 7, &sender) &&
	     !mcsec_sa_replay_accept(sa, sender, 7, 7) &&
	     mcsec_sa_replay_accept(sa, sender, 7, 7) == -EALREADY;
	local_bh_enable();
	if (ok)
		pr_info("mcsec: self-test passed: copies: one of two accepted\n");
	else
		pr_err("mcsec: self-test failed: copies: not one of two accepted\n");
	mcsec_sa_destroy(sa);
	wait_for_completion(&iv_test_freed);
	return ok;
}

static bool __init test_ivs(void)
{
	struct mcsec_windows windows = {};
	struct mcsec_sa_config config = {
		.dir = MCSEC_DIR_OUT,
		.sid_bits = 16,
		.iv_limit = MCSEC_IV_LIMIT_DEFAULT,
		.n_sids = nr_cpu_ids,
		.windows = &windows,
	};
	struct iv_test *t = &iv_test;
	u64 highest = 0;
	unsigned int i;
	u32 *sids;
	bool ok;

	sids = kcalloc(nr_cpu_ids, sizeof(*sids), GFP_KERNEL);
	if (!sids)
		return false;
	for (i = 0; i < nr_cpu_ids; i++)
		sids[i] = i;
	config.sids = sids;
	t->sa = mcsec_sa_create(&config, &init_net, "self-test", NULL,
				iv_test_released);
	kfree(sids);
	if (IS_ERR(t->sa))
		return false;
	hrtimer_setup(&t->timer, iv_test_fired, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_HARD);

	migrate_disable();
	hrtimer_start(&t->timer, SELFTEST_EVERY, HRTIMER_MODE_REL_PINNED_HARD);
	for (i = 0; i < SELFTEST_TAKES; i++)
		highest = max(highest, iv_test_take(t));
	hrtimer_cancel(&t->timer);
	migrate_enable();

	highest = max(highest, t->highest);
	ok = highest == (u64)SELFTEST_TAKES + t->taken;
	if (ok)
		pr_info("mcsec: self-test passed: IVs: %u interrupts, none given out twice\n",
			t->taken);
	else
		pr_err("mcsec: self-test failed: IVs: %u interrupts, %lld given out twice\n",
		       t->taken, (s64)SELFTEST_TAKES + t->taken - (s64)highest);
	mcsec_sa_destroy(t->sa);
	wait_for_completion(&iv_test_freed);
	return ok;
}

bool __init mcsec_sa_selftest(void)
{
	return test_copies() && test_ivs();
}
