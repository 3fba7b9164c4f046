/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Senders of a receiving SA: for each Sender-ID (RFC 6054) that sent a verified
 * datagram or was announced, a replay window, counters, and a name.
 */
#ifndef _MCSEC_SENDER_H
#define _MCSEC_SENDER_H

#include <linux/atomic.h>
#include <linux/slab.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "replay.h"

struct user_namespace;

#define MCSEC_SENDERS_DEFAULT 1024
/* Sender-IDs have at most so many bits (RFC 6054). */
#define MCSEC_SID_BITS_MAX 16

/*
 * Limits for the memory of windows: for one SA, for a network namespace, and
 * for all unprivileged user namespaces together, of which a user can make any
 * number. Windows are allocated in softirq, where no memory cgroup is charged.
 * On a small machine a namespace gets at most an eighth of the memory, and all
 * unprivileged users together a sixteenth. A single one of these users gets a
 * quarter of that, however many namespaces there are.
 */
#define MCSEC_WINDOWS_SA_MAX (32UL << 20)
#define MCSEC_WINDOWS_NET_MAX (256L << 20)
#define MCSEC_WINDOWS_USERS_MAX (512L << 20)

/*
 * Limit for the SAs of all unprivileged user namespaces together. A cipher
 * takes about this many octets, which the crypto API cannot charge to anyone.
 * All together may take a 32nd of the memory.
 */
#define MCSEC_CIPHER_BYTES 4096
#define MCSEC_CIPHERS_PART 32

/* One unprivileged user may take this part of the limit for all of them. */
#define MCSEC_USER_PART 4
/*
 * Users are counted by a hash of their id. Users with the same hash share their
 * part.
 */
#define MCSEC_USER_BITS 8

/**
 * struct mcsec_windows - memory account of a network namespace
 * @used: octets of windows
 * @ordinary: the namespace belongs to an unprivileged user
 * @user: hash of that user's id
 */
struct mcsec_windows {
	atomic_long_t used;
	bool ordinary;
	u8 user;
};

/* @user_ns is the user namespace that owns the network namespace. */
void mcsec_windows_init(struct mcsec_windows *windows,
			const struct user_namespace *user_ns);

/**
 * struct mcsec_sender - a sender of an SA
 * @id: the Sender-ID
 * @announced: a request made the sender; mnet->lock
 * @name: name, or NULL; mnet->lock
 * @packets: datagrams accepted since the last deletion; win.lock
 * @replays: datagrams that the window dropped
 * @win: the window; last member, because its ring follows
 */
struct mcsec_sender {
	u32 id;
	bool announced;
	char *name;
	u64 packets;
	atomic64_t replays;
	struct mcsec_window win;
};

/**
 * struct mcsec_senders - the senders of one SA
 * @table: senders by Sender-ID. Entries are freed with the SA only, so a
 *	reader under RCU that found the SA may use them. A deleted sender keeps
 *	its window, and exists again when it is announced or has packets
 * @count: number of entries
 * @max: limit of @count
 * @window: size of each window
 * @nodes: number of the table's nodes that are in the memory account
 * @windows: memory account of the network namespace; outlives the SA
 */
struct mcsec_senders {
	struct xarray table;
	atomic_t count;
	atomic_t nodes;
	u32 max;
	u32 window;
	struct mcsec_windows *windows;
};

/*
 * Return the octets of a sender with a window of @window packets, as allocators
 * round them up.
 */
static inline size_t mcsec_sender_bytes(u32 window)
{
	return kmalloc_size_roundup(offsetof(struct mcsec_sender, win) +
				    mcsec_window_bytes(window));
}

void mcsec_senders_init(struct mcsec_senders *senders, u32 max, u32 window,
			struct mcsec_windows *windows);
/* Free all senders, which are not in use any more. Process context. */
void mcsec_senders_destroy(struct mcsec_senders *senders);

/* Return the sender, even if it was deleted, or NULL. */
static inline struct mcsec_sender *
mcsec_sender_find(struct mcsec_senders *senders, u32 id)
{
	return xa_load(&senders->table, id);
}

/*
 * Charge an SA to the namespace. Returns false if its unprivileged user, or all
 * of them together, have reached the limit.
 */
bool mcsec_cipher_take(const struct mcsec_windows *windows);
void mcsec_cipher_give(const struct mcsec_windows *windows);

/*
 * Return the sender @id, which is made if needed, or an ERR_PTR: -ENOSPC at the
 * limit of the SA, -EDQUOT at the memory limit of the namespace or its user,
 * -ENOMEM. Any context that @gfp permits.
 */
struct mcsec_sender *mcsec_sender_get(struct mcsec_senders *senders, u32 id,
				      gfp_t gfp);

/*
 * Functions for requests; the caller holds mnet->lock. A deleted sender does
 * not exist (-ENOENT), and may be announced again. Its window continues from
 * where it was, so an old datagram is never accepted a second time.
 */

/* Return NULL if the sender does not exist. */
struct mcsec_sender *mcsec_sender_lookup(struct mcsec_senders *senders, u32 id);
/* Returns 0, -EEXIST, or an error of mcsec_sender_get(). @name may be NULL. */
int mcsec_sender_announce(struct mcsec_senders *senders, u32 id,
			  const char *name);
/* Set the name, or remove it if @name is empty. Returns 0 or -ENOMEM. */
int mcsec_sender_rename(struct mcsec_sender *sender, const char *name);
void mcsec_sender_del(struct mcsec_sender *sender);

/*
 * Record a verified counter. Returns true if it is new. *@first is set if it is
 * the first of the sender. The caller has disabled BH.
 */
static inline bool mcsec_sender_accept(struct mcsec_sender *sender, u64 counter,
				       bool *first)
{
	bool new;

	spin_lock(&sender->win.lock);
	new = mcsec_window_advance(&sender->win, counter);
	*first = new && !sender->packets;
	if (likely(new))
		sender->packets++;
	spin_unlock(&sender->win.lock);
	if (unlikely(!new))
		atomic64_inc(&sender->replays);
	return new;
}

#endif /* _MCSEC_SENDER_H */
