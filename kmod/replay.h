/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sliding replay window after RFC 6479: a ring of words, in which words that
 * the window moves onto are cleared, so nothing is shifted. This layer knows
 * nothing of packets.
 */
#ifndef _MCSEC_REPLAY_H
#define _MCSEC_REPLAY_H

#include <linux/bits.h>
#include <linux/lockdep.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#define MCSEC_WINDOW_MIN 64
#define MCSEC_WINDOW_DEFAULT 1024

/**
 * struct mcsec_window - replay window of one sender
 * @lock: protects @top and @bits; taken with BH disabled
 * @top: highest counter seen, 0 before the first
 * @size: number of counters up to @top whose state is known
 * @mask: words of the ring minus one; the ring has twice the size of the
 *	window, so words being cleared are never words of the window
 * @bits: the ring
 */
struct mcsec_window {
	spinlock_t lock;
	u64 top;
	u32 size;
	u32 mask;
	unsigned long bits[];
};

/* Return the size of a window in octets. @size is a power of two. */
static inline size_t mcsec_window_bytes(u32 size)
{
	return sizeof(struct mcsec_window) + 2 * size / BITS_PER_BYTE;
}

static inline bool mcsec_window_size_ok(u32 size, u32 max)
{
	return is_power_of_2(size) && size >= MCSEC_WINDOW_MIN && size <= max;
}

/* Initialise @win, which has mcsec_window_bytes(@size) zeroed octets. */
void mcsec_window_init(struct mcsec_window *win, u32 size);

/*
 * Return true if @counter may be new. The check takes no lock: it saves the
 * decryption of obvious replays, but never decides that a counter is new.
 */
static inline bool mcsec_window_check(const struct mcsec_window *win,
				      u64 counter)
{
	u64 top = READ_ONCE(win->top);
	unsigned long word;

	/* No sender uses the counter 0, and an unused window must not accept
	 * it.
	 */
	if (unlikely(!counter))
		return false;
	if (counter > top)
		return true;
	if (top - counter >= win->size)
		return false;
	word = READ_ONCE(win->bits[(counter / BITS_PER_LONG) & win->mask]);
	return !(word & BIT(counter % BITS_PER_LONG));
}

/*
 * Record an authenticated @counter. Returns false, and changes nothing, if it
 * is not new. The caller holds @win->lock.
 */
static inline bool mcsec_window_advance(struct mcsec_window *win, u64 counter)
{
	unsigned long *word, bit = BIT(counter % BITS_PER_LONG);
	u64 index = counter / BITS_PER_LONG;
	u64 fresh, i;

	lockdep_assert_held(&win->lock);

	if (unlikely(!counter))
		return false;
	if (counter > win->top) {
		/* Words between the old top and the new one have bits of
		 * earlier counters. At most the whole ring needs to be cleared.
		 */
		fresh = min_t(u64, index - win->top / BITS_PER_LONG,
			      win->mask + 1);
		for (i = 0; i < fresh; i++)
			WRITE_ONCE(win->bits[(index - i) & win->mask], 0);
		WRITE_ONCE(win->top, counter);
	} else if (win->top - counter >= win->size) {
		return false;
	}

	word = &win->bits[index & win->mask];
	if (*word & bit)
		return false;
	WRITE_ONCE(*word, *word | bit);
	return true;
}

#ifdef DEBUG
bool mcsec_replay_selftest(void);
#endif

#endif /* _MCSEC_REPLAY_H */
