/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A Data-Security SA: one key of a group with its Sender-IDs, counters, replay
 * state and lifetimes. How datagrams find an SA is group.c's, as @node_spi and
 * @group of it.
 */
#ifndef _MCSEC_SA_H
#define _MCSEC_SA_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/hrtimer.h>
#include <linux/local_lock.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <uapi/linux/mcsec.h>

#include "compat.h"
#include "select.h"
#include "sender.h"

struct mcsec_cipher;
struct mcsec_sa_last;
struct net;

/* Sender-IDs have 8, 12 or 16 bits (RFC 6054). */
#define MCSEC_SID_BITS_DEFAULT 16
#define MCSEC_IV_LIMIT_DEFAULT 0xffffffffULL

/* Seconds: the largest time limit, which no timer computation can overflow. */
#define MCSEC_TIME_MAX (100ULL * 365 * 24 * 3600)

/**
 * struct mcsec_limits - lifetimes; 0 means no limit
 * @soft: soft limits by enum mcsec_limit below MCSEC_LIMIT_IV: seconds since
 *	the SA was added, packets, and ESP payload octets, per direction
 * @hard: hard limits, in the same order
 */
struct mcsec_limits {
	u64 soft[MCSEC_LIMIT_IV];
	u64 hard[MCSEC_LIMIT_IV];
};

/**
 * struct mcsec_sa_config - checked parameters of a new SA
 * @spi: SPI
 * @dir: bits of enum mcsec_dir
 * @alg: enum mcsec_alg
 * @mode: enum mcsec_mode
 * @replay: enum mcsec_replay
 * @sid_bits: width of Sender-IDs: 8, 12 or 16
 * @window: packets that a replay window covers
 * @max_senders: how many senders may have a window
 * @n_sids: length of @sids
 * @key_len: length of @key in octets
 * @iv_limit: last counter that may be used
 * @limits: lifetimes
 * @key: key, then salt; owned by the caller, who wipes it
 * @sids: Sender-IDs to send with; owned by the caller
 * @windows: memory account of the network namespace; outlives the SA
 * @cipher: cipher with the key; a new SA takes it, and leaves NULL
 */
struct mcsec_sa_config {
	__be32 spi;
	u32 dir;
	u32 alg;
	u32 mode;
	u32 replay;
	u32 sid_bits;
	u32 window;
	u32 max_senders;
	u32 n_sids;
	const u32 *sids;
	struct mcsec_windows *windows;
	struct mcsec_cipher *cipher;
	const u8 *key;
	unsigned int key_len;
	u64 iv_limit;
	struct mcsec_limits limits;
};

/**
 * struct mcsec_meter - usage of an SA on one CPU in one direction
 * @packets: packets so far; written by this CPU, see struct mcsec_meters
 * @bytes: ESP payload octets so far
 * @packets_max: grant, up to which no lock is needed; sa->lock
 * @bytes_max: grant of octets; sa->lock
 */
struct mcsec_meter {
	u64 packets;
	u64 bytes;
	u64 packets_max;
	u64 bytes_max;
};

/**
 * struct mcsec_sa_cpu - per-CPU counters of an SA
 * @out: output; counted before encryption, so that no IV is reused
 * @in: input; counted after verification
 * @out_failed: packets counted in @out that could not be encrypted
 * @out_failed_bytes: octets of these packets
 * @in_replays: packets that the replay check dropped
 * @in_bad_icv: packets whose tag did not verify
 * @counter: last counter used with the CPU's own Sender-ID
 * @sid: Sender-ID, shifted to its place in the IV
 * @last: sender of the packet that this CPU accepted last, with replay iv;
 *	lives as long as the SA
 */
struct mcsec_sa_cpu {
	struct mcsec_meter out;
	struct mcsec_meter in;
	u64 out_failed;
	u64 out_failed_bytes;
	u64 in_replays;
	u64 in_bad_icv;
	u64 counter;
	u64 sid;
	struct mcsec_sender *last;
};

/**
 * struct mcsec_slot - a Sender-ID of this host
 * @shared: last counter used, if CPUs share the Sender-ID
 * @sid: the Sender-ID
 * @warned: userspace was notified that the counter runs out
 */
struct mcsec_slot {
	atomic64_t shared;
	u32 sid;
	unsigned long warned;
} ____cacheline_aligned_in_smp;

/**
 * struct mcsec_sa - a Data-Security SA
 * @node: node in the group's list; mnet->lock
 * @node_spi: node in the table of incoming packets; mnet->lock and RCU
 * @cipher: the cipher, or NULL after the key was wiped; RCU and @inflight
 * @spi: SPI
 * @state: enum mcsec_sa_state; written under @lock
 * @dir: enum mcsec_dir; written under mnet->lock
 * @replay: enum mcsec_replay
 * @sid_shift: number of counter bits in the IV
 * @counter_mask: these bits
 * @slots: Sender-IDs to send with
 * @n_slots: length of @slots
 * @sid_min: smallest Sender-ID in @slots; larger than @sid_max if there is none
 * @sid_max: largest one
 * @slots_shared: there are fewer Sender-IDs than CPUs
 * @iv_warn: counter from which the limits are checked
 * @iv_limit: last counter that may be used
 * @cpu: per-CPU counters
 * @senders: senders, with replay iv
 * @seq_win: window, with replay seq
 * @inflight: packets in an asynchronous cipher. Incremented under RCU, so
 *	it only decreases when a grace period has passed since the SA or its
 *	cipher was unlinked; freeing waits for 0
 * @lock: protects @limits, @soft_notified, @state and the grants in @cpu; taken
 *	with BH disabled
 * @limits: lifetimes; written under mnet->lock as well
 * @soft_notified: bits by enum mcsec_limit: the notification was sent
 * @timer: timer of the time limits, by CLOCK_BOOTTIME
 * @added: time of creation, by the same clock
 * @wipe: work that frees the cipher of an expired SA
 * @free: work that frees the SA after a grace period
 * @net: namespace of notifications
 * @group: the group; not dereferenced here
 * @release: called with @group after the SA was freed
 * @last: where the counts go when no packet uses the SA any more, or NULL
 * @name: name of the group, for notifications
 * @alg: enum mcsec_alg
 * @mode: enum mcsec_mode
 * @window: size of replay windows
 * @id: unique among all SAs of this kernel
 * @serial: order of creation among the group's SAs, from 1
 */
struct mcsec_sa {
	struct mcsec_node node_spi;
	struct mcsec_cipher __rcu *cipher;
	__be32 spi;
	u32 state;
	u32 dir;
	u32 replay;
	u32 sid_shift;
	u32 n_slots;
	u32 sid_min;
	u32 sid_max;
	u64 counter_mask;
	bool slots_shared;
	struct mcsec_slot *slots;
	u64 iv_warn;
	u64 iv_limit;
	struct mcsec_sa_cpu __percpu *cpu;
	struct mcsec_senders senders;
	struct mcsec_window *seq_win;
	atomic_t inflight;

	spinlock_t lock ____cacheline_aligned_in_smp;
	struct mcsec_limits limits;
	unsigned long soft_notified;
	struct hrtimer timer;
	ktime_t added;
	struct work_struct wipe;
	struct rcu_work free;
	struct hlist_node node;
	struct net *net;
	struct mcsec_group *group;
	void (*release)(struct mcsec_group *group);
	struct mcsec_sa_last *last;
	char name[MCSEC_NAME_MAX + 1];
	u32 alg;
	u32 mode;
	u32 window;
	u32 serial;
	u64 id;
};

/* Sums of the per-CPU counters. */
struct mcsec_sa_counts {
	u64 out_packets;
	u64 out_bytes;
	u64 in_packets;
	u64 in_bytes;
	u64 in_replays;
	u64 in_bad_icv;
};

/*
 * Make an SA, which takes config->cipher, and start its timer. @release(@group)
 * is called once the SA has been freed, and not after an error. Process context;
 * the caller holds the lock under which the SAs of @group change. Returns the SA,
 * or an ERR_PTR: -ENOMEM, -EDQUOT at the limit of all unprivileged user
 * namespaces, -EBUSY after mcsec_sa_refuse().
 */
struct mcsec_sa *mcsec_sa_create(struct mcsec_sa_config *config,
				 struct net *net, const char *name,
				 struct mcsec_group *group,
				 void (*release)(struct mcsec_group *group));

/*
 * Free an SA that is in no table. Readers under RCU and packets in flight may
 * use it for a while. Process context; does not wait.
 */
void mcsec_sa_destroy(struct mcsec_sa *sa);

/*
 * Ask for the counts of an SA before it is unlinked, under the lock of its group.
 * Returns what mcsec_sa_last_wait() takes once, or NULL without memory.
 */
struct mcsec_sa_last *mcsec_sa_last_new(struct mcsec_sa *sa);

/*
 * Wait until no packet uses the SA, which was destroyed, and return its counts.
 * Process context without the lock. Returns 0, -EINTR if the process is killed, or
 * -ETIMEDOUT if the SA is still in use after a second.
 */
int mcsec_sa_last_wait(struct mcsec_sa_last *last,
		       struct mcsec_sa_counts *counts);

/* Replace the limits. Process context; the caller holds mnet->lock. */
void mcsec_sa_set_limits(struct mcsec_sa *sa,
			 const struct mcsec_limits *limits);

/*
 * Stop sending, because the SA's counters may be restored or used by a second
 * machine. With @wipe the SA expires, and the key is gone when
 * mcsec_sa_wait_wiped() has returned. Userspace is notified. Process context.
 */
void mcsec_sa_end(struct mcsec_sa *sa, bool wipe);
void mcsec_sa_wait_wiped(void);

/* Refuse, or permit, new SAs in all namespaces. */
void mcsec_sa_refuse(bool refuse);

void mcsec_sa_read_counts(const struct mcsec_sa *sa,
			  struct mcsec_sa_counts *counts);

/* The packet path: the caller has disabled BH and holds rcu_read_lock(). */

/*
 * From 6.18 on PREEMPT_RT may preempt a section that disables BH by another
 * one. Several dependent accesses to per-CPU data need a lock of their own
 * there, which costs nothing on other kernels.
 */
struct mcsec_meters {
	local_lock_t lock;
};

DECLARE_PER_CPU(struct mcsec_meters, mcsec_meters);

/*
 * Count @bytes octets of payload against the limits. Returns false if a limit
 * forbids the use; the SA has then expired.
 */
bool mcsec_sa_use_slow(struct mcsec_sa *sa, struct mcsec_meter *meter,
		       size_t meter_offset, unsigned int bytes);

static inline bool mcsec_sa_use(struct mcsec_sa *sa, size_t meter_offset,
				unsigned int bytes)
{
	struct mcsec_meter *meter =
		(void *)this_cpu_ptr(sa->cpu) + meter_offset;
	bool ok = true;

	local_lock_nested_bh(&mcsec_meters.lock);
	if (unlikely(meter->packets >= READ_ONCE(meter->packets_max) ||
		     meter->bytes + bytes > READ_ONCE(meter->bytes_max)) &&
	    !mcsec_sa_use_slow(sa, meter, meter_offset, bytes)) {
		ok = false;
	} else {
		WRITE_ONCE(meter->packets, meter->packets + 1);
		WRITE_ONCE(meter->bytes, meter->bytes + bytes);
	}
	local_unlock_nested_bh(&mcsec_meters.lock);
	return ok;
}

static inline bool mcsec_sa_use_out(struct mcsec_sa *sa, unsigned int bytes)
{
	return mcsec_sa_use(sa, offsetof(struct mcsec_sa_cpu, out), bytes);
}

static inline bool mcsec_sa_use_in(struct mcsec_sa *sa, unsigned int bytes)
{
	return mcsec_sa_use(sa, offsetof(struct mcsec_sa_cpu, in), bytes);
}

static inline struct mcsec_slot *mcsec_sa_slot(struct mcsec_sa *sa)
{
	return &sa->slots[smp_processor_id() % sa->n_slots];
}

/*
 * Notify userspace once that @counter is near its limit, and return true if it
 * may still be used. Otherwise the SA is exhausted.
 */
bool mcsec_sa_near_limit(struct mcsec_sa *sa, u64 counter);

/*
 * Take the next IV of this CPU in one atomic step, so whatever else runs on the
 * CPU, even on PREEMPT_RT, takes another one. An IV is never taken twice,
 * whatever happens to the packet. Returns false if there is none; the SA is
 * then exhausted.
 */
static inline bool mcsec_sa_take_iv(struct mcsec_sa *sa, u64 *iv)
{
	u64 counter;

	if (likely(!sa->slots_shared))
		counter = this_cpu_inc_return(sa->cpu->counter);
	else
		counter = atomic64_inc_return(&mcsec_sa_slot(sa)->shared);
	if (unlikely(counter >= sa->iv_warn) &&
	    !mcsec_sa_near_limit(sa, counter))
		return false;
	*iv = this_cpu_read(sa->cpu->sid) | counter;
	return true;
}

/* Return the counter in an IV. */
static inline u64 mcsec_iv_counter(const struct mcsec_sa *sa, u64 iv)
{
	return iv & sa->counter_mask;
}

bool mcsec_sa_replay_check_slow(struct mcsec_sa *sa, u32 seq, u64 iv,
				struct mcsec_sender **sender);
int mcsec_sa_replay_accept_slow(struct mcsec_sa *sa, u32 seq, u64 iv);
/* Notify userspace of the first datagram of a sender. */
void mcsec_sa_new_sender(const struct mcsec_sa *sa,
			 const struct mcsec_sender *sender);
/* Count a replay. Returns -EALREADY. */
int mcsec_sa_replayed(struct mcsec_sa *sa);

bool mcsec_sa_is_own_slow(const struct mcsec_sa *sa, u64 iv);

/*
 * Return true if the IV has a Sender-ID that this host has, so that no other host
 * can have made it by this key. Always false without replay iv: an IV of another
 * host may be any number then.
 */
static inline bool mcsec_sa_is_own(const struct mcsec_sa *sa, u64 iv)
{
	u32 sid = iv >> sa->sid_shift;

	return unlikely(sid >= sa->sid_min && sid <= sa->sid_max) &&
	       mcsec_sa_is_own_slow(sa, iv);
}

/*
 * Check before decryption, so that an obvious replay costs no cipher. Returns
 * false for a replay. *@sender is set to the sender that @iv names, if the SA
 * has its window, and is passed to mcsec_sa_replay_accept(). The sender lives
 * as long as the SA.
 */
static inline bool mcsec_sa_replay_check(struct mcsec_sa *sa, u32 seq, u64 iv,
					 struct mcsec_sender **sender)
{
	struct mcsec_sender *last = this_cpu_read(sa->cpu->last);

	/* Most packets come from the same sender as the one before. */
	if (likely(last && last->id == iv >> sa->sid_shift)) {
		*sender = last;
		if (likely(mcsec_window_check(&last->win,
					      mcsec_iv_counter(sa, iv))))
			return true;
	}
	return mcsec_sa_replay_check_slow(sa, seq, iv, sender);
}

/*
 * Record a packet after it was verified. Returns 0, -EALREADY for a replay,
 * -ENOSPC if there are too many senders, -EDQUOT if there are too many windows,
 * or -ENOMEM.
 */
static __always_inline int mcsec_sa_replay_accept(struct mcsec_sa *sa,
						  struct mcsec_sender *sender,
						  u32 seq, u64 iv)
{
	bool first;

	/* The sender has no window yet, or the SA does not use replay iv. */
	if (unlikely(!sender))
		return mcsec_sa_replay_accept_slow(sa, seq, iv);
	if (unlikely(!mcsec_sender_accept(sender, mcsec_iv_counter(sa, iv),
					  &first)))
		return mcsec_sa_replayed(sa);
	if (unlikely(first))
		mcsec_sa_new_sender(sa, sender);
	this_cpu_write(sa->cpu->last, sender);
	return 0;
}

/*
 * Hold the SA while an asynchronous cipher has a packet; mcsec_sa_put() ends
 * it.
 */
static inline void mcsec_sa_hold(struct mcsec_sa *sa)
{
	atomic_inc(&sa->inflight);
}

void mcsec_sa_put(struct mcsec_sa *sa);

int mcsec_sa_init(void);
void mcsec_sa_exit(void);

#ifdef DEBUG
bool mcsec_sa_selftest(void);
#endif

#endif /* _MCSEC_SA_H */
