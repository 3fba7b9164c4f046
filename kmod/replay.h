/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sliding replay window after RFC 6479: a ring of words, of which those that
 * the window moves onto are cleared, so that nothing is ever shifted. Knows
 * nothing of packets.
 */
#ifndef _MCSEC_REPLAY_H
#define _MCSEC_REPLAY_H

#include <linux/bits.h>
#include <linux/log2.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#define MCSEC_WINDOW_MIN 64
#define MCSEC_WINDOW_DEFAULT 1024

/**
 * struct mcsec_window - which counters were seen
 * @lock: protects top and bits; taken with BH disabled
 * @top: highest counter seen, 0 before the first
 * @size: counters from top - size + 1 on can be told from seen ones
 * @mask: words of the ring less one; the ring is twice the window, so that
 *	the words of the window never meet those that are being cleared
 * @bits: the ring
 */
struct mcsec_window {
	spinlock_t lock;
	u64 top;
	u32 size;
	u32 mask;
	unsigned long bits[];
};

/* Size of a window in octets. @size is a power of two. */
static inline size_t mcsec_window_bytes(u32 size)
{
	return sizeof(struct mcsec_window) + 2 * size / BITS_PER_BYTE;
}

static inline bool mcsec_window_size_ok(u32 size, u32 max)
{
	return is_power_of_2(size) && size >= MCSEC_WINDOW_MIN && size <= max;
}

/* @win is mcsec_window_bytes(@size) zeroed octets. */
void mcsec_window_init(struct mcsec_window *win, u32 size);

/*
 * Whether @counter may be new. Takes no lock: a hint that spares deciphering
 * what is surely a replay, never the last word.
 */
bool mcsec_window_check(const struct mcsec_window *win, u64 counter);

/*
 * Record an authenticated @counter. Returns whether it is new; if it is not,
 * nothing has changed. The caller holds @win->lock.
 */
bool mcsec_window_advance(struct mcsec_window *win, u64 counter);

#ifdef DEBUG
bool mcsec_replay_selftest(void);
#endif

#endif /* _MCSEC_REPLAY_H */
