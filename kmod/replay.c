// SPDX-License-Identifier: GPL-2.0-only
#include "replay.h"

#include <linux/bitops.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>

void mcsec_window_init(struct mcsec_window *win, u32 size)
{
	spin_lock_init(&win->lock);
	win->size = size;
	win->mask = 2 * size / BITS_PER_LONG - 1;
}

bool mcsec_window_check(const struct mcsec_window *win, u64 counter)
{
	u64 top = READ_ONCE(win->top);
	unsigned long word;

	/* No sender starts at 0, and an unused ring must not accept it. */
	if (unlikely(!counter))
		return false;
	if (counter > top)
		return true;
	if (top - counter >= win->size)
		return false;
	word = READ_ONCE(win->bits[(counter / BITS_PER_LONG) & win->mask]);
	return !(word & BIT(counter % BITS_PER_LONG));
}

bool mcsec_window_advance(struct mcsec_window *win, u64 counter)
{
	unsigned long *word, bit = BIT(counter % BITS_PER_LONG);
	u64 index = counter / BITS_PER_LONG;
	u64 fresh, i;

	lockdep_assert_held(&win->lock);

	if (unlikely(!counter))
		return false;
	if (counter > win->top) {
		/* Words between the old top and the new one held counters of
		 * an earlier turn of the ring. More than all need no clearing.
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
#include "selftest/replay.c"
#endif
