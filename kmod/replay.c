// SPDX-License-Identifier: GPL-2.0-only
#include "replay.h"

void mcsec_window_init(struct mcsec_window *win, u32 size)
{
	spin_lock_init(&win->lock);
	win->size = size;
	win->mask = 2 * size / BITS_PER_LONG - 1;
}

#ifdef DEBUG
#include "selftest/replay.c"
#endif
