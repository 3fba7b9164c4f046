// SPDX-License-Identifier: GPL-2.0-only
/*
 * The window against a table of cases, and against a twin that is too slow to
 * be wrong: it remembers every counter that it ever saw.
 */
#include <linux/prandom.h>
#include <linux/slab.h>

#define TEST_SPAN 4096

static bool __init test_window(struct mcsec_window *win, u32 size, u64 counter)
{
	bool maybe, new;

	maybe = mcsec_window_check(win, counter);
	spin_lock_bh(&win->lock);
	new = mcsec_window_advance(win, counter);
	spin_unlock_bh(&win->lock);
	if (maybe != new)
		pr_err("mcsec: check and advance differ at %llu\n", counter);
	return new && maybe;
}

static void __init test_reset(struct mcsec_window *win, u32 size)
{
	memset(win, 0, mcsec_window_bytes(size));
	mcsec_window_init(win, size);
}

static bool __init test_table(struct mcsec_window *win, u32 size)
{
	unsigned int case_nr = 0;
	bool ok = true;
	u64 i;

#define T(counter, want) do {						\
	++case_nr;							\
	if (test_window(win, size, counter) != (want)) {		\
		pr_err("mcsec: window of %u, case %u\n", size, case_nr); \
		ok = false;						\
	}								\
} while (0)

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
	/* 11 */ T(1, false);		/* outside, and seen */
	/* 12 */ T(4, true);
	/* 13 */ T(2 * size, true);
	/* 14 */ T(size, false);	/* outside */
	/* 15 */ T(size + 1, false);	/* inside, seen */
	/* 16 */ T(size + 2, true);	/* the oldest inside but one */
	/* 17 */ T(2 * size - 1, true);
	/* 18 */ T(1ULL << 32, true);	/* all is forgotten */
	/* 19 */ T((1ULL << 32) - size, false);
	/* 20 */ T((1ULL << 32) - size + 1, true);
	/* 21 */ T((1ULL << 32) - 1, true);
	/* 22 */ T((1ULL << 32) - 1, false);
	/* 23 */ T((1ULL << 32) + 1, true);
	/* 24 */ T((1ULL << 56) - 1, true);	/* the last of 8 bits */
	/* 25 */ T((1ULL << 56) - 2, true);
	/* 26 */ T((1ULL << 56) - 1, false);
	/* 27 */ T(5, false);
	/* 28 */ T(U64_MAX, true);
	/* 29 */ T(U64_MAX, false);
	/* 30 */ T(U64_MAX - size + 1, true);
	/* 31 */ T(U64_MAX - size, false);

	test_reset(win, size);		/* upwards, twice */
	for (i = 1; i <= 3 * size; i++)
		T(i, true);
	for (i = 1; i <= 3 * size; i++)
		T(i, false);
	test_reset(win, size);		/* downwards, from the top */
	for (i = size; i >= 1; i--)
		T(i, true);
	T(0, false);
	test_reset(win, size);		/* one turn of the ring and more */
	T(7, true);
	T(2 * size + 7, true);
	T(2 * size + 7 - (size - 1), true);
	T(4 * size + 6, true);
	T(3 * size + 7, true);
#undef T
	return ok;
}

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
		if (test_window(win, size, counter) != want) {
			pr_err("mcsec: window of %u differs from its twin at %llu\n",
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
		ok = test_table(win, sizes[i]) && ok;
	/* Larger ones would never leave the twin's memory. */
	for (i = 0; i < 3; i++)
		ok = test_twin(win, sizes[i], seen) && ok;
	pr_info("mcsec: replay window self-tests: %s\n", ok ? "pass" : "FAIL");
out:
	kvfree(seen);
	kvfree(win);
	return ok;
}
