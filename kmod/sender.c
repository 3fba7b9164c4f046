// SPDX-License-Identifier: GPL-2.0-only
#include "sender.h"

#include <linux/cred.h>
#include <linux/err.h>
#include <linux/hash.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

void mcsec_senders_init(struct mcsec_senders *senders, u32 max, u32 window,
			struct mcsec_windows *windows)
{
	xa_init_flags(&senders->table, XA_FLAGS_LOCK_BH | XA_FLAGS_ACCOUNT);
	atomic_set(&senders->count, 0);
	atomic_set(&senders->nodes, 0);
	senders->max = max;
	senders->window = window;
	senders->windows = windows;
}

/* Usage of unprivileged users: of all together, and of each. */
struct users {
	atomic_long_t all;
	atomic_long_t each[1 << MCSEC_USER_BITS];
};

static struct users users_octets, users_ciphers;

static void users_give(struct users *users, u8 user, long n)
{
	atomic_long_sub(n, &users->each[user]);
	atomic_long_sub(n, &users->all);
}

static bool users_take(struct users *users, u8 user, long n, long max)
{
	long all = atomic_long_add_return(n, &users->all);
	long each = atomic_long_add_return(n, &users->each[user]);

	if (all <= max && each <= max / MCSEC_USER_PART)
		return true;
	users_give(users, user, n);
	return false;
}

/*
 * A user may nest user namespaces, and make another of its ids the owner of an
 * inner one. The owner of the outermost namespace is therefore accounted.
 */
void mcsec_windows_init(struct mcsec_windows *windows,
			const struct user_namespace *user_ns)
{
	atomic_long_set(&windows->used, 0);
	windows->ordinary = user_ns != &init_user_ns;
	if (!windows->ordinary)
		return;
	while (user_ns->parent != &init_user_ns)
		user_ns = user_ns->parent;
	windows->user = hash_32(__kuid_val(user_ns->owner), MCSEC_USER_BITS);
}

/* Return @max, or the given part of the machine's memory if that is less. */
static long share_of_ram(long max, unsigned int part)
{
	return min_t(u64, max, (totalram_pages() << PAGE_SHIFT) / part);
}

bool mcsec_cipher_take(const struct mcsec_windows *windows)
{
	long max =
		share_of_ram(LONG_MAX, MCSEC_CIPHERS_PART) / MCSEC_CIPHER_BYTES;

	return !windows->ordinary ||
	       users_take(&users_ciphers, windows->user, 1, max);
}

void mcsec_cipher_give(const struct mcsec_windows *windows)
{
	if (windows->ordinary)
		users_give(&users_ciphers, windows->user, 1);
}

static void windows_uncharge(struct mcsec_windows *windows, size_t bytes)
{
	if (windows->ordinary)
		users_give(&users_octets, windows->user, bytes);
	atomic_long_sub(bytes, &windows->used);
}

static bool windows_charge(struct mcsec_windows *windows, size_t bytes)
{
	if (atomic_long_add_return(bytes, &windows->used) <=
		    share_of_ram(MCSEC_WINDOWS_NET_MAX, 8) &&
	    (!windows->ordinary ||
	     users_take(&users_octets, windows->user, bytes,
			share_of_ram(MCSEC_WINDOWS_USERS_MAX, 16))))
		return true;
	atomic_long_sub(bytes, &windows->used);
	return false;
}

/*
 * Return how many nodes the table may have to add for @id. A node has room for
 * 64 Sender-IDs, and is as large as many windows. A user could choose Sender-IDs that
 * need one each, so nodes are charged, too.
 */
static unsigned int nodes_for(struct mcsec_senders *senders, u32 id)
{
	unsigned int shift, n = 0;
	unsigned long at, last;

	for (shift = XA_CHUNK_SHIFT;
	     shift < MCSEC_SID_BITS_MAX + XA_CHUNK_SHIFT;
	     shift += XA_CHUNK_SHIFT) {
		at = round_down(id, 1UL << shift);
		last = at + (1UL << shift) - 1;
		if (xa_find(&senders->table, &at, last, XA_PRESENT))
			break;
		n++;
	}
	return n;
}

void mcsec_senders_destroy(struct mcsec_senders *senders)
{
	size_t bytes = mcsec_sender_bytes(senders->window);
	size_t nodes = atomic_read(&senders->nodes) * sizeof(struct xa_node);
	struct mcsec_sender *sender;
	unsigned long id;

	xa_for_each(&senders->table, id, sender) {
		kfree(sender->name);
		kfree(sender);
		windows_uncharge(senders->windows, bytes);
	}
	windows_uncharge(senders->windows, nodes);
	xa_destroy(&senders->table);
}

struct mcsec_sender *mcsec_sender_get(struct mcsec_senders *senders, u32 id,
				      gfp_t gfp)
{
	size_t bytes = mcsec_sender_bytes(senders->window), charge;
	struct mcsec_sender *sender, *other;
	unsigned int nodes;

	sender = mcsec_sender_find(senders, id);
	if (likely(sender))
		return sender;

	if (atomic_inc_return(&senders->count) > senders->max) {
		other = ERR_PTR(-ENOSPC);
		goto err_count;
	}
	nodes = nodes_for(senders, id);
	charge = bytes + nodes * sizeof(struct xa_node);
	if (!windows_charge(senders->windows, charge)) {
		other = ERR_PTR(-EDQUOT);
		goto err_count;
	}
	sender = kzalloc(bytes, gfp | __GFP_NOWARN);
	if (!sender) {
		other = ERR_PTR(-ENOMEM);
		goto err_used;
	}
	sender->id = id;
	mcsec_window_init(&sender->win, senders->window);

	/* Two first datagrams of a sender may be verified at the same time. */
	other = xa_cmpxchg_bh(&senders->table, id, NULL, sender,
			      gfp | __GFP_NOWARN);
	if (likely(!other)) {
		atomic_add(nodes, &senders->nodes);
		return sender;
	}
	kfree(sender);
	if (xa_is_err(other))
		other = ERR_PTR(xa_err(other));
err_used:
	windows_uncharge(senders->windows, charge);
err_count:
	atomic_dec(&senders->count);
	return other;
}

/* ---- requests: the caller holds mnet->lock ---- */

struct mcsec_sender *mcsec_sender_lookup(struct mcsec_senders *senders, u32 id)
{
	struct mcsec_sender *sender = mcsec_sender_find(senders, id);
	bool exists;

	if (!sender)
		return NULL;
	spin_lock_bh(&sender->win.lock);
	exists = sender->packets || sender->announced;
	spin_unlock_bh(&sender->win.lock);
	return exists ? sender : NULL;
}

int mcsec_sender_rename(struct mcsec_sender *sender, const char *name)
{
	char *copy = NULL;

	if (*name) {
		copy = kstrdup(name, GFP_KERNEL_ACCOUNT);
		if (!copy)
			return -ENOMEM;
	}
	kfree(sender->name);
	sender->name = copy;
	return 0;
}

int mcsec_sender_announce(struct mcsec_senders *senders, u32 id,
			  const char *name)
{
	struct mcsec_sender *sender;
	int err;

	if (mcsec_sender_lookup(senders, id))
		return -EEXIST;
	sender = mcsec_sender_get(senders, id, GFP_KERNEL_ACCOUNT);
	if (IS_ERR(sender))
		return PTR_ERR(sender);
	/* Without memory for the name the new entry remains as a deleted
	 * sender.
	 */
	err = name ? mcsec_sender_rename(sender, name) : 0;
	if (!err)
		sender->announced = true;
	return err;
}

void mcsec_sender_del(struct mcsec_sender *sender)
{
	kfree(sender->name);
	sender->name = NULL;
	sender->announced = false;
	/* The window is unchanged, so what it has seen stays a replay. */
	spin_lock_bh(&sender->win.lock);
	sender->packets = 0;
	spin_unlock_bh(&sender->win.lock);
	atomic64_set(&sender->replays, 0);
}
