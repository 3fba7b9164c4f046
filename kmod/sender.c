// SPDX-License-Identifier: GPL-2.0-only
#include "sender.h"

#include <linux/err.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>

void mcsec_senders_init(struct mcsec_senders *senders, u32 max, u32 window,
			struct mcsec_windows *windows)
{
	xa_init_flags(&senders->table, XA_FLAGS_LOCK_BH);
	atomic_set(&senders->count, 0);
	senders->max = max;
	senders->window = window;
	senders->windows = windows;
}

static atomic_long_t users_used = ATOMIC_LONG_INIT(0);
static atomic_long_t users_ciphers = ATOMIC_LONG_INIT(0);

/* At most @max, and at most that part of the machine's memory. */
static long share_of_ram(long max, unsigned int part)
{
	/* Of 32 bits it may have more octets than a long can say. */
	u64 ram = (u64)totalram_pages() << PAGE_SHIFT;

	return min_t(u64, max, div_u64(ram, part));
}

bool mcsec_cipher_take(const struct mcsec_windows *windows)
{
	long max = share_of_ram(LONG_MAX, MCSEC_CIPHERS_PART) /
		   MCSEC_CIPHER_BYTES;

	if (!windows->ordinary ||
	    atomic_long_inc_return(&users_ciphers) <= max)
		return true;
	atomic_long_dec(&users_ciphers);
	return false;
}

void mcsec_cipher_give(const struct mcsec_windows *windows)
{
	if (windows->ordinary)
		atomic_long_dec(&users_ciphers);
}

static void windows_uncharge(struct mcsec_windows *windows, size_t bytes)
{
	if (windows->ordinary)
		atomic_long_sub(bytes, &users_used);
	atomic_long_sub(bytes, &windows->used);
}

static bool windows_charge(struct mcsec_windows *windows, size_t bytes)
{
	bool ok;

	ok = atomic_long_add_return(bytes, &windows->used) <=
	     share_of_ram(MCSEC_WINDOWS_NET_MAX, 8);
	if (windows->ordinary &&
	    atomic_long_add_return(bytes, &users_used) >
	    share_of_ram(MCSEC_WINDOWS_USERS_MAX, 16))
		ok = false;
	if (!ok)
		windows_uncharge(windows, bytes);
	return ok;
}

void mcsec_senders_destroy(struct mcsec_senders *senders)
{
	size_t bytes = mcsec_sender_bytes(senders->window);
	struct mcsec_sender *sender;
	unsigned long id;

	xa_for_each(&senders->table, id, sender) {
		kfree(sender);
		windows_uncharge(senders->windows, bytes);
	}
	xa_destroy(&senders->table);
}

struct mcsec_sender *mcsec_sender_get(struct mcsec_senders *senders, u32 id,
				      bool *created)
{
	size_t bytes = mcsec_sender_bytes(senders->window);
	struct mcsec_sender *sender, *other;

	*created = false;
	sender = mcsec_sender_find(senders, id);
	if (likely(sender))
		return sender;

	if (atomic_inc_return(&senders->count) > senders->max) {
		other = ERR_PTR(-ENOSPC);
		goto err_count;
	}
	if (!windows_charge(senders->windows, bytes)) {
		other = ERR_PTR(-ENOMEM);
		goto err_count;
	}
	sender = kzalloc(bytes, GFP_ATOMIC | __GFP_NOWARN);
	if (!sender) {
		other = ERR_PTR(-ENOMEM);
		goto err_used;
	}
	sender->id = id;
	mcsec_window_init(&sender->win, senders->window);

	/* Two first datagrams of one sender may be verified at a time. */
	other = xa_cmpxchg_bh(&senders->table, id, NULL, sender,
			      GFP_ATOMIC | __GFP_NOWARN);
	if (likely(!other)) {
		*created = true;
		return sender;
	}
	kfree(sender);
	if (xa_is_err(other))
		other = ERR_PTR(xa_err(other));
err_used:
	windows_uncharge(senders->windows, bytes);
err_count:
	atomic_dec(&senders->count);
	return other;
}
