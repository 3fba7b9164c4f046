/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a receiving SA knows of the Sender-IDs (RFC 6054) that it verified
 * datagrams of, or was told of before: a replay window each, counts, and a name.
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

/* Octets of windows that one SA may come to, a network namespace, and all
 * namespaces of ordinary users together, who can make any number of them. They
 * are made in softirq, where no memory control group pays for them. Of a small
 * machine a namespace gets an eighth, and all ordinary users a sixteenth. One of
 * them gets a quarter of what all get, however many namespaces there are.
 */
#define MCSEC_WINDOWS_SA_MAX (32UL << 20)
#define MCSEC_WINDOWS_NET_MAX (256L << 20)
#define MCSEC_WINDOWS_USERS_MAX (512L << 20)

/*
 * SAs of all ordinary users together: a cipher takes about so many octets,
 * which the crypto API has no way to charge to who asked for it. Together they
 * get a 32nd part of the machine.
 */
#define MCSEC_CIPHER_BYTES 4096
#define MCSEC_CIPHERS_PART 32

/* So many may use up what there is for all. */
#define MCSEC_USER_PART 4
/* Users are counted by a hash; those with the same share a part. */
#define MCSEC_USER_BITS 8

/**
 * struct mcsec_windows - those of a network namespace
 * @used: octets
 * @ordinary: it is an ordinary user's
 * @user: whose, hashed
 */
struct mcsec_windows {
	atomic_long_t used;
	bool ordinary;
	u8 user;
};

/* @user_ns: of the network namespace. */
void mcsec_windows_init(struct mcsec_windows *windows,
			const struct user_namespace *user_ns);

/* Of entries in struct mcsec_senders.table: made by a request. */
#define MCSEC_SENDER_ANNOUNCED XA_MARK_0

/**
 * struct mcsec_sender - one Sender-ID
 * @id: the Sender-ID
 * @packets: datagrams accepted, 0 again after a deletion; win.lock
 * @replays: datagrams refused by the window
 * @win: the window; last, its ring follows
 */
struct mcsec_sender {
	u32 id;
	u64 packets;
	atomic64_t replays;
	struct mcsec_window win;
};

/**
 * struct mcsec_senders - those of one SA
 * @table: by Sender-ID; entries are never removed before the SA goes, so a
 *	reader under RCU that found the SA may use what it finds here. One that
 *	was deleted stays for its window; it is there for others when it is
 *	announced or has packets
 * @names: char *, by Sender-ID; mnet->lock
 * @count: how many there are
 * @max: how many there may be
 * @window: size of each window
 * @windows: of the network namespace; outlives this
 */
struct mcsec_senders {
	struct xarray table;
	struct xarray names;
	atomic_t count;
	u32 max;
	u32 window;
	struct mcsec_windows *windows;
};

/* Octets of one sender with a window of @window packets, which allocators round
 * up.
 */
static inline size_t mcsec_sender_bytes(u32 window)
{
	return kmalloc_size_roundup(offsetof(struct mcsec_sender, win) +
				    mcsec_window_bytes(window));
}

void mcsec_senders_init(struct mcsec_senders *senders, u32 max, u32 window,
			struct mcsec_windows *windows);
/* Nobody may use them any more. Process context. */
void mcsec_senders_destroy(struct mcsec_senders *senders);

static inline struct mcsec_sender *
mcsec_sender_find(struct mcsec_senders *senders, u32 id)
{
	return xa_load(&senders->table, id);
}

/*
 * An SA of the namespace: false if this ordinary user, or all, have as many as
 * they may.
 */
bool mcsec_cipher_take(const struct mcsec_windows *windows);
void mcsec_cipher_give(const struct mcsec_windows *windows);

/*
 * The sender @id, made if need be, or ERR_PTR: -ENOSPC at the SA's cap, -EDQUOT
 * where the namespace or its user has as many windows as it may, -ENOMEM. In any
 * context that @gfp fits.
 */
struct mcsec_sender *mcsec_sender_get(struct mcsec_senders *senders, u32 id,
				      gfp_t gfp);

/*
 * Requests, under mnet->lock. One that was deleted is not there (-ENOENT), and
 * may be announced again: its window goes on from where it was, so nothing that
 * came before is ever accepted a second time.
 */

/* NULL if it is not there. */
struct mcsec_sender *mcsec_sender_lookup(struct mcsec_senders *senders, u32 id);
/* 0, -EEXIST, and as mcsec_sender_get(). @name may be NULL. */
int mcsec_sender_announce(struct mcsec_senders *senders, u32 id,
			  const char *name);
/* An empty @name takes away the one there is. 0 or -ENOMEM. */
int mcsec_sender_rename(struct mcsec_senders *senders, u32 id,
			const char *name);
void mcsec_sender_del(struct mcsec_senders *senders,
		      struct mcsec_sender *sender);

static inline const char *mcsec_sender_name(struct mcsec_senders *senders,
					    u32 id)
{
	return xa_load(&senders->names, id);
}

/*
 * Record a verified counter. Returns whether it is new; *@first, whether it is
 * the first of the sender. BH are disabled.
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
