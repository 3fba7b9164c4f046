/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A Data-Security SA: one key of a group, its Sender-IDs and counters, replay
 * state and lifetimes. Knows nothing of how datagrams reach it.
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
#include <linux/version.h>
#include <linux/workqueue.h>
#include <uapi/linux/mcsec.h>

#include "select.h"
#include "sender.h"

struct mcsec_cipher;
struct net;

/* Sender-IDs are numbers of 8, 12 or 16 bits (RFC 6054). */
#define MCSEC_SID_BITS_DEFAULT 16
#define MCSEC_IV_LIMIT_DEFAULT 0xffffffffULL

/* Seconds; what a timer can be set to without thought of overflow. */
#define MCSEC_TIME_MAX (100ULL * 365 * 24 * 3600)

/**
 * struct mcsec_limits - lifetimes; 0 is none
 * @soft: by enum mcsec_limit up to bytes: time in seconds since the SA was
 *	added, packets, and ESP payload octets of each direction
 * @hard: the same
 */
struct mcsec_limits {
	u64 soft[MCSEC_LIMIT_IV];
	u64 hard[MCSEC_LIMIT_IV];
};

/**
 * struct mcsec_sa_config - an SA as userspace asks for it, checked
 * @key: key, then salt; the caller's, who wipes it
 * @sids: Sender-IDs to send with, the caller's
 * @windows: those of the network namespace, which outlive the SA
 * @cipher: the cipher with the key, which a new SA takes over
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
 * struct mcsec_meter - what one CPU used of an SA in one direction
 * @packets: used; written by this CPU, see mcsec_meter_lock()
 * @bytes: used, ESP payload octets
 * @packets_max: up to where it may go on without asking; sa->lock
 * @bytes_max: the same
 */
struct mcsec_meter {
	u64 packets;
	u64 bytes;
	u64 packets_max;
	u64 bytes_max;
};

/**
 * struct mcsec_sa_cpu - what is counted on each CPU
 * @out: of sending; counts before the cipher, so that IVs are never reused
 * @in: of receiving; counts what was verified
 * @out_failed: packets counted in @out that the cipher then failed
 * @out_failed_bytes: their octets
 * @in_replays: refused by the replay check
 * @in_bad_icv: whose tag did not verify
 * @counter: last counter used of the CPU's own Sender-ID
 * @sid: that Sender-ID, where IVs have it
 * @last: of replay iv: who this CPU accepted one of last; it lives as long as
 *	the SA
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
 * @shared: last counter used, where CPUs share it; else they have their own
 * @sid: the Sender-ID
 * @warned: userspace was told that it runs out
 */
struct mcsec_slot {
	atomic64_t shared;
	u32 sid;
	unsigned long warned;
} ____cacheline_aligned_in_smp;

/**
 * struct mcsec_sa - an SA
 * @node: in the group's list; group lock
 * @node_spi: where arriving datagrams find it; group lock and RCU
 * @cipher: the cipher; NULL once the key was wiped. RCU, and @inflight
 * @spi: SPI
 * @state: enum mcsec_sa_state; written under @lock
 * @dir: enum mcsec_dir
 * @replay: enum mcsec_replay
 * @sid_shift: bits of the IV's counter
 * @slots: Sender-IDs to send with
 * @n_slots: how many
 * @slots_shared: there are fewer than CPUs
 * @iv_warn: counter from which on sending looks closer
 * @iv_limit: last counter that may be used
 * @cpu: counters
 * @senders: of replay iv
 * @seq_win: of replay seq
 * @inflight: packets that the cipher answers later. Raised under RCU, so
 *	after a grace period in which the SA or its cipher cannot be found it
 *	only falls; who frees waits for 0
 * @lock: @limits, @soft_told, @state and the grants in @cpu; BH disabled
 * @limits: lifetimes
 * @soft_told: bit by enum mcsec_limit: userspace was told
 * @timer: of the time limits, by the clock that counts suspended time too
 * @added: when, on that clock
 * @wipe: frees the cipher of an SA that has expired
 * @free: frees the SA after a grace period
 * @net: where notifications go
 * @group: whose it is; not looked into here
 * @release: called with @group as the last act of freeing
 * @name: group's name, for notifications
 * @alg: enum mcsec_alg
 * @mode: enum mcsec_mode
 * @window: size of windows
 * @id: of all SAs that ever were
 * @serial: of the group's SAs in the order of their making, from 1
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
	unsigned long soft_told;
	struct hrtimer timer;
	ktime_t added;
	struct work_struct wipe;
	struct rcu_work free;
	struct hlist_node node;
	struct net *net;
	struct mcsec_group *group;
	void (*release)(struct mcsec_group *group);
	char name[MCSEC_NAME_MAX + 1];
	u32 alg;
	u32 mode;
	u32 window;
	u32 serial;
	u64 id;
};

/* Sums over the CPUs. */
struct mcsec_sa_counts {
	u64 out_packets;
	u64 out_bytes;
	u64 in_packets;
	u64 in_bytes;
	u64 in_replays;
	u64 in_bad_icv;
};

/*
 * A new SA, or ERR_PTR: -ENOMEM, -EDQUOT if ordinary users have as many as the
 * machine has room for, or -EBUSY after mcsec_sa_refuse(); config->cipher is taken
 * over in any case. Its timer runs. Process context, under the lock that
 * @group is changed under. @release(@group) is called once when it has been
 * freed.
 */
struct mcsec_sa *mcsec_sa_create(const struct mcsec_sa_config *config,
				 struct net *net, const char *name,
				 struct mcsec_group *group,
				 void (*release)(struct mcsec_group *group));

/*
 * Let go of an SA that nobody can find any more, or nobody could yet. Readers
 * under RCU and packets in flight may go on with it for a while. Process
 * context; does not wait.
 */
void mcsec_sa_destroy(struct mcsec_sa *sa);

/* Replace the limits. Process context. */
void mcsec_sa_set_limits(struct mcsec_sa *sa,
			 const struct mcsec_limits *limits);

/*
 * The SA's counters may go back, or run in a second machine. It sends no more;
 * @wipe: it ends, and its key is gone once mcsec_sa_wait_wiped() has returned.
 * Userspace is told. Process context.
 */
void mcsec_sa_rolled_back(struct mcsec_sa *sa, bool wipe);
void mcsec_sa_wait_wiped(void);

/* Whether any SA that is made from now on is refused, in all namespaces. */
void mcsec_sa_refuse(bool refuse);

void mcsec_sa_read_counts(const struct mcsec_sa *sa,
			  struct mcsec_sa_counts *counts);

/*
 * The packet path: BH disabled, RCU read lock held.
 */

/*
 * PREEMPT_RT runs sections that disable BH one in another, from 6.18 on: what
 * takes several steps on what is this CPU's needs a lock of its own there.
 */
#if defined(CONFIG_PREEMPT_RT) && LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
struct mcsec_meters {
	local_lock_t lock;
};

DECLARE_PER_CPU(struct mcsec_meters, mcsec_meters);

static inline void mcsec_meter_lock(void)
{
	local_lock_nested_bh(&mcsec_meters.lock);
}

static inline void mcsec_meter_unlock(void)
{
	local_unlock_nested_bh(&mcsec_meters.lock);
}
#else
static inline void mcsec_meter_lock(void)
{
}

static inline void mcsec_meter_unlock(void)
{
}
#endif

/*
 * Use the SA for @bytes octets of payload: count them against its limits.
 * Returns false if a limit forbids it; the SA has then expired.
 */
bool mcsec_sa_use_slow(struct mcsec_sa *sa, struct mcsec_meter *meter,
		       size_t meter_offset, unsigned int bytes);

static inline bool mcsec_sa_use(struct mcsec_sa *sa, size_t meter_offset,
				unsigned int bytes)
{
	struct mcsec_meter *meter =
		(void *)this_cpu_ptr(sa->cpu) + meter_offset;
	bool ok = true;

	mcsec_meter_lock();
	if (unlikely(meter->packets >= READ_ONCE(meter->packets_max) ||
		     meter->bytes + bytes > READ_ONCE(meter->bytes_max)) &&
	    !mcsec_sa_use_slow(sa, meter, meter_offset, bytes)) {
		ok = false;
	} else {
		WRITE_ONCE(meter->packets, meter->packets + 1);
		WRITE_ONCE(meter->bytes, meter->bytes + bytes);
	}
	mcsec_meter_unlock();
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

/* The warning, and whether @counter may still be used. */
bool mcsec_sa_near_limit(struct mcsec_sa *sa, u64 counter);

/*
 * Take the next IV of this CPU, in one step: whatever else runs on it, of
 * PREEMPT_RT too, takes another. It is never given out again, whatever becomes
 * of the packet. Returns false if there is none; the SA is then exhausted.
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

/* The counter part of an IV. */
static inline u64 mcsec_iv_counter(const struct mcsec_sa *sa, u64 iv)
{
	return iv & (BIT_ULL(sa->sid_shift) - 1);
}

bool mcsec_sa_replay_check_slow(struct mcsec_sa *sa, u32 seq, u64 iv,
				struct mcsec_sender **sender);
int mcsec_sa_replay_accept_slow(struct mcsec_sa *sa, u32 seq, u64 iv);
/* Tells userspace of the first datagram of a sender. */
void mcsec_sa_new_sender(const struct mcsec_sa *sa,
			 const struct mcsec_sender *sender);
/* Counts it. Returns -EALREADY. */
int mcsec_sa_replayed(struct mcsec_sa *sa);

/*
 * Before deciphering: false if it is a replay for certain. *@sender gets who
 * @iv says it is of, if the SA has a window of it, for the function below; it
 * lives as long as the SA.
 */
static inline bool mcsec_sa_replay_check(struct mcsec_sa *sa, u32 seq, u64 iv,
					 struct mcsec_sender **sender)
{
	struct mcsec_sender *last = this_cpu_read(sa->cpu->last);

	/* Who sent the one before sends the next, mostly. */
	if (likely(last && last->id == iv >> sa->sid_shift)) {
		*sender = last;
		if (likely(mcsec_window_check(&last->win,
					      mcsec_iv_counter(sa, iv))))
			return true;
	}
	return mcsec_sa_replay_check_slow(sa, seq, iv, sender);
}

/*
 * After verifying: record it. Returns 0, -EALREADY for a replay, -ENOSPC when
 * there are too many senders, -EDQUOT when there are too many windows, -ENOMEM.
 */
static inline int mcsec_sa_replay_accept(struct mcsec_sa *sa,
					 struct mcsec_sender *sender, u32 seq,
					 u64 iv)
{
	bool first;

	/* One that is not known yet, or the SA's replay is not iv. */
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

/* A packet went into a cipher that answers later, and came back. */
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
