// SPDX-License-Identifier: GPL-2.0-only
/*
 * The window is tested against a table of cases, and against a simple model
 * that remembers every counter.
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/prandom.h>
#include <linux/slab.h>

#define TEST_SPAN 4096
/*
 * Windows up to this size are compared completely, and larger ones only in
 * their first words.
 */
#define TEST_WHOLE 128

static bool test_advance(struct mcsec_window *win, u64 counter)
{
	bool new;

	spin_lock_bh(&win->lock);
	new = mcsec_window_advance(win, counter);
	spin_unlock_bh(&win->lock);
	return new;
}

/*
 * Return whether @counter is accepted, or -EBADE if a property of the window is
 * violated: check and advance agree; they refuse a second copy that was in
 * flight beside the first and has passed the check; a refused counter changes
 * nothing.
 */
static int __init test_window(struct mcsec_window *win, u64 counter)
{
	unsigned long bits[2 * TEST_WHOLE / BITS_PER_LONG];
	size_t len = min_t(size_t, 2 * win->size / BITS_PER_BYTE, sizeof(bits));
	bool maybe, new;
	u64 top;

	maybe = mcsec_window_check(win, counter);
	if (!maybe) {
		top = win->top;
		memcpy(bits, win->bits, len);
	}
	new = test_advance(win, counter);
	if (maybe != new) {
		pr_err("mcsec: self-test failed: replay window: check and advance differ at %llu\n",
		       counter);
		return -EBADE;
	}
	if (new) {
		top = win->top;
		memcpy(bits, win->bits, len);
	}
	if (test_advance(win, counter) || mcsec_window_check(win, counter)) {
		pr_err("mcsec: self-test failed: replay window: a second %llu is taken\n",
		       counter);
		return -EBADE;
	}
	if (win->top != top || memcmp(bits, win->bits, len)) {
		pr_err("mcsec: self-test failed: replay window: a refused %llu changes the window\n",
		       counter);
		return -EBADE;
	}
	return new;
}

static void __init test_reset(struct mcsec_window *win, u32 size)
{
	memset(win, 0, mcsec_window_bytes(size));
	mcsec_window_init(win, size);
}

/* The macro uses the variables of the functions that follow. */
#define T(counter, want) \
	do { \
		++case_nr; \
		if (test_window(win, counter) != (want)) { \
			pr_err("mcsec: self-test failed: replay window of %u, %s, case %u\n", \
			       size, __func__, case_nr); \
			ok = false; \
		} \
	} while (0)

static bool __init test_table(struct mcsec_window *win, u32 size)
{
	unsigned int case_nr = 0;
	bool ok = true;

	test_reset(win, size);
	/*  1 */ T(0, false);
	/*  2 */ T(1, true);
	/*  3 */ T(1, false);
	/*  4 */ T(0, false);
	/*  5 */ T(3, true);
	/*  6 */ T(2, true);
	/*  7 */ T(2, false);
	/*  8 */ T(3, false);
	/*  9 */ T(size, true);
	/* 10 */ T(size + 1, true);
	/* 11 */ T(1, false); /* outside, and seen */
	/* 12 */ T(4, true);
	/* 13 */ T(2 * size, true);
	/* 14 */ T(size, false); /* outside */
	/* 15 */ T(size + 1, false); /* inside, seen */
	/* 16 */ T(size + 2, true); /* the oldest inside but one */
	/* 17 */ T(2 * size - 1, true);
	/* 18 */ T(1ULL << 32, true); /* all is forgotten */
	/* 19 */ T((1ULL << 32) - size, false);
	/* 20 */ T((1ULL << 32) - size + 1, true);
	/* 21 */ T((1ULL << 32) - 1, true);
	/* 22 */ T((1ULL << 32) - 1, false);
	/* 23 */ T((1ULL << 32) + 1, true);
	/* 24 */ T((1ULL << 56) - 1, true); /* the last of 8 bits */
	/* 25 */ T((1ULL << 56) - 2, true);
	/* 26 */ T((1ULL << 56) - 1, false);
	/* 27 */ T(5, false);
	/* 28 */ T(U64_MAX, true);
	/* 29 */ T(U64_MAX, false);
	/* 30 */ T(U64_MAX - size + 1, true);
	/* 31 */ T(U64_MAX - size, false);
	return ok;
}

/* Try each counter of several turns of the ring. */
static bool __init test_turns(struct mcsec_window *win, u32 size)
{
	unsigned int case_nr = 0;
	bool ok = true;
	u64 i;

	test_reset(win, size); /* upwards, twice */
	for (i = 1; i <= 3 * size; i++)
		T(i, true);
	for (i = 1; i <= 3 * size; i++)
		T(i, false);
	test_reset(win, size); /* downwards, from the top */
	for (i = size; i >= 1; i--)
		T(i, true);
	T(0, false);
	test_reset(win, size); /* one turn of the ring and more */
	T(7, true);
	T(2 * size + 7, true);
	T(2 * size + 7 - (size - 1), true);
	T(4 * size + 6, true);
	T(3 * size + 7, true);
	if (size > 2 * BITS_PER_LONG) {
		/* The words that are skipped have bits of earlier counters. */
		test_reset(win, size);
		for (i = 1; i <= 2 * size; i++)
			T(i, true);
		T(2 * size + 2 * BITS_PER_LONG + 5, true);
		T(2 * size + BITS_PER_LONG + 3, true);
	}
	return ok;
}

#undef T

static bool __init test_twin(struct mcsec_window *win, u32 size, u8 *seen)
{
	struct rnd_state rnd;
	unsigned int i;
	u64 counter, top = 0;
	bool want;

	prandom_seed_state(&rnd, size);
	memset(seen, 0, TEST_SPAN);
	test_reset(win, size);
	for (i = 0; i < 20000; i++) {
		counter = prandom_u32_state(&rnd) %
			  min_t(u64, TEST_SPAN, top + 2 + size / 2);
		want = counter && !seen[counter] && counter + size > top;
		if (test_window(win, counter) != want) {
			pr_err("mcsec: self-test failed: replay window of %u differs from its twin at %llu\n",
			       size, counter);
			return false;
		}
		if (want)
			seen[counter] = 1;
		if (want && counter > top)
			top = counter;
	}
	return true;
}

/*
 * The window advances while a datagram that has passed the check is being
 * verified.
 */
static bool __init test_overtaken(struct mcsec_window *win, u32 size)
{
	bool ok;

	test_reset(win, size);
	ok = mcsec_window_check(win, 7) && test_advance(win, size + 6) &&
	     test_advance(win, 7);
	test_reset(win, size);
	ok = mcsec_window_check(win, 7) && test_advance(win, size + 7) &&
	     !test_advance(win, 7) && ok;
	if (!ok)
		pr_err("mcsec: self-test failed: replay window of %u, overtaken\n",
		       size);
	return ok;
}

/* ---- several CPUs with copies of the same datagrams ---- */

#define TEST_RACERS 4

struct test_racer {
	struct mcsec_window *win;
	struct completion *go;
	struct completion done;
	struct task_struct *task;
	unsigned int taken;
	bool differs;
};

static int test_race(void *data)
{
	struct test_racer *r = data;
	bool maybe;
	u64 i;

	wait_for_completion(r->go);
	for (i = 1; i <= TEST_SPAN; i++) {
		maybe = mcsec_window_check(r->win, i);
		if (!test_advance(r->win, i))
			continue;
		r->taken++;
		/* A counter that was a certain replay is never accepted. */
		r->differs |= !maybe;
		if (!(i % 64))
			cond_resched();
	}
	complete(&r->done);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

/*
 * Several threads offer the same ascending counters. The first of them to offer
 * a counter finds it in the window, because no thread is ahead of it by other
 * counters. Each counter must therefore be accepted exactly once.
 */
static bool __init test_racers(struct mcsec_window *win, u32 size)
{
	struct test_racer r[TEST_RACERS] = {};
	DECLARE_COMPLETION_ONSTACK(go);
	unsigned int i, taken = 0;
	bool ok = true;

	test_reset(win, size);
	for (i = 0; i < TEST_RACERS; i++) {
		r[i].win = win;
		r[i].go = &go;
		init_completion(&r[i].done);
		r[i].task = kthread_run(test_race, &r[i], "mcsec-test/%u", i);
		if (IS_ERR(r[i].task))
			ok = false;
	}
	complete_all(&go);
	for (i = 0; i < TEST_RACERS; i++) {
		if (IS_ERR(r[i].task))
			continue;
		wait_for_completion(&r[i].done);
		kthread_stop(r[i].task);
		taken += r[i].taken;
		ok = ok && !r[i].differs;
	}
	if (!ok || taken != TEST_SPAN) {
		pr_err("mcsec: self-test failed: replay window of %u: %u of %u taken by several\n",
		       size, taken, TEST_SPAN);
		return false;
	}
	return true;
}

bool __init mcsec_replay_selftest(void)
{
	static const u32 sizes[] __initconst = { 64, 128, 1024, 32768 };
	struct mcsec_window *win;
	bool ok = true;
	unsigned int i;
	u8 *seen;

	win = kvmalloc(mcsec_window_bytes(32768), GFP_KERNEL);
	seen = kvmalloc(TEST_SPAN, GFP_KERNEL);
	if (!win || !seen) {
		ok = false;
		goto out;
	}
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		ok = test_table(win, sizes[i]) && test_turns(win, sizes[i]) &&
		     test_overtaken(win, sizes[i]) &&
		     test_racers(win, sizes[i]) && ok;
	/* Larger windows would exceed the memory of the model. */
	for (i = 0; i < 3; i++)
		ok = test_twin(win, sizes[i], seen) && ok;
	if (ok)
		pr_info("mcsec: self-test passed: replay window\n");
out:
	kvfree(seen);
	kvfree(win);
	return ok;
}
