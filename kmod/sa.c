// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lifetime of an SA. An SA is used by
 *   (a) packets, under RCU, through its group;
 *   (b) packets in an asynchronous cipher, which sa->inflight counts;
 *   (c) its timer;
 *   (d) its wipe work;
 *   (e) netlink, under the namespace's lock, through its group.
 *
 * An SA is unlinked under that lock, which ends (e), and passed to
 * mcsec_sa_destroy(), which stops (c). The free work runs after a grace period,
 * which ends (a). That work waits for (b), which cannot increase any more.
 * Nothing is left to start (d) then, which is cancelled. An SA that expires while
 * it is linked ends the use of its key the same way: the cipher pointer is
 * cleared, and the wipe work waits for a grace period and for (b).
 */
#include "sa.h"
#include "compat.h"
#include "esp.h"
#include "notify.h"

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/wait_bit.h>

/*
 * Unprivileged user namespaces have a workqueue of their own, so that many of
 * their keys do not delay the wiping of others.
 */
static struct workqueue_struct *wq, *wq_users;
static atomic64_t last_id = ATOMIC64_INIT(0);
/* Hibernation is in progress: memory is being written to disk. */
static bool to_disk;

DEFINE_PER_CPU(struct mcsec_meters, mcsec_meters) = {
	.lock = INIT_LOCAL_LOCK(lock),
};

static struct workqueue_struct *queue_of(const struct mcsec_sa *sa)
{
	return sa->senders.windows->ordinary ? wq_users : wq;
}

static void sa_notify(const struct mcsec_sa *sa, u8 cmd, int attr, u32 value)
{
	mcsec_notify_spi(sa->net, cmd, sa->name, sa->spi, attr, value);
}

/*
 * End the SA because of @limit: notify userspace, and wipe the key. Nobody else but
 * sa_exhaust() writes the state.
 */
static void sa_expire(struct mcsec_sa *sa, u32 limit)
{
	lockdep_assert_held(&sa->lock);

	if (sa->state == MCSEC_SA_STATE_EXPIRED)
		return;
	WRITE_ONCE(sa->state, MCSEC_SA_STATE_EXPIRED);
	sa_notify(sa, MCSEC_CMD_HARD_EXPIRE, MCSEC_A_SA_LIMIT, limit);
	queue_work(queue_of(sa), &sa->wipe);
}

static void sa_exhaust(struct mcsec_sa *sa, u32 limit)
{
	spin_lock_bh(&sa->lock);
	if (sa->state == MCSEC_SA_STATE_LIVE) {
		WRITE_ONCE(sa->state, MCSEC_SA_STATE_EXHAUSTED);
		sa_notify(sa, MCSEC_CMD_HARD_EXPIRE, MCSEC_A_SA_LIMIT, limit);
	}
	spin_unlock_bh(&sa->lock);
}

void mcsec_sa_end(struct mcsec_sa *sa, bool wipe)
{
	if (wipe) {
		spin_lock_bh(&sa->lock);
		sa_expire(sa, MCSEC_LIMIT_ROLLBACK);
		spin_unlock_bh(&sa->lock);
	} else if (sa->dir & MCSEC_DIR_OUT) {
		sa_exhaust(sa, MCSEC_LIMIT_ROLLBACK);
	}
}

void mcsec_sa_refuse(bool refuse)
{
	WRITE_ONCE(to_disk, refuse);
}

void mcsec_sa_wait_wiped(void)
{
	/* SAs that were deleted just before have to be freed too. */
	rcu_barrier();
	flush_workqueue(wq);
	flush_workqueue(wq_users);
}

static void sa_soft_expire(struct mcsec_sa *sa, u32 limit)
{
	lockdep_assert_held(&sa->lock);

	if (!__test_and_set_bit(limit, &sa->soft_notified) &&
	    sa->state != MCSEC_SA_STATE_EXPIRED)
		sa_notify(sa, MCSEC_CMD_SOFT_EXPIRE, MCSEC_A_SA_LIMIT, limit);
}

/* ---- time ---- */

/* Apply the time limits. Returns the time of the next one, or 0. */
static ktime_t check_time(struct mcsec_sa *sa)
{
	u64 soft = sa->limits.soft[MCSEC_LIMIT_TIME];
	u64 hard = sa->limits.hard[MCSEC_LIMIT_TIME];
	ktime_t age = ktime_sub(ktime_get_boottime(), sa->added);
	u64 next = 0;

	if (sa->state == MCSEC_SA_STATE_EXPIRED)
		return 0;
	if (hard && age >= ktime_set(hard, 0)) {
		sa_expire(sa, MCSEC_LIMIT_TIME);
		return 0;
	}
	if (soft && age >= ktime_set(soft, 0))
		sa_soft_expire(sa, MCSEC_LIMIT_TIME);
	else
		next = soft;
	if (hard && (!next || hard < next))
		next = hard;
	return next ? ktime_add(sa->added, ktime_set(next, 0)) : 0;
}

static enum hrtimer_restart timer_fired(struct hrtimer *timer)
{
	struct mcsec_sa *sa = container_of(timer, struct mcsec_sa, timer);
	ktime_t next;

	spin_lock_bh(&sa->lock);
	next = check_time(sa);
	if (next)
		hrtimer_set_expires(timer, next);
	spin_unlock_bh(&sa->lock);
	return next ? HRTIMER_RESTART : HRTIMER_NORESTART;
}

static void start_timer(struct mcsec_sa *sa)
{
	ktime_t next;

	spin_lock_bh(&sa->lock);
	next = check_time(sa);
	spin_unlock_bh(&sa->lock);
	if (next)
		hrtimer_start(&sa->timer, next, HRTIMER_MODE_ABS_SOFT);
}

/* ---- packets and bytes ---- */

/*
 * Each CPU counts against a grant of its own, without a lock. When it is used
 * up the CPU gets another here: a thousandth of what remains to the next limit,
 * and finally single packets. Grants of other CPUs count as used, so a limit is
 * never exceeded. With one CPU a limit is met exactly, and each further CPU may
 * waste a thousandth of it.
 *
 * A grant ends one before the soft limit, so the packet that reaches the limit
 * takes this path, and userspace is notified immediately.
 */
#define GRANT_SHIFT 10

struct grant {
	u64 used; /* by this CPU */
	u64 others; /* granted to other CPUs */
	u64 need;
	u32 limit;
};

/*
 * Return the count up to which this CPU may go on without the lock, or 0 if the
 * limit is reached.
 */
static u64 sa_grant(struct mcsec_sa *sa, const struct grant *g)
{
	u64 soft = sa->limits.soft[g->limit];
	u64 hard = sa->limits.hard[g->limit];
	u64 after = g->used + g->others + g->need;
	u64 stop;

	if (!soft && !hard)
		return U64_MAX;
	if (hard && after > hard) {
		sa_expire(sa, g->limit);
		return 0;
	}
	if (soft && after >= soft)
		sa_soft_expire(sa, g->limit);
	/* The last permitted packet passes, and the SA expires. */
	if (hard && after == hard)
		sa_expire(sa, g->limit);

	if (soft && after < soft)
		stop = soft - 1;
	else if (hard)
		stop = hard - 1;
	else
		return U64_MAX;
	if (hard && stop >= hard)
		stop = hard - 1;
	if (stop <= after)
		return g->used + g->need;
	return g->used + g->need + ((stop - after) >> GRANT_SHIFT);
}

bool mcsec_sa_use_slow(struct mcsec_sa *sa, struct mcsec_meter *meter,
		       size_t meter_offset, unsigned int bytes)
{
	struct grant packets = {
		.used = meter->packets,
		.need = 1,
		.limit = MCSEC_LIMIT_PACKETS,
	};
	struct grant octets = {
		.used = meter->bytes,
		.need = bytes,
		.limit = MCSEC_LIMIT_BYTES,
	};
	u64 packets_max, bytes_max;
	bool ok = false;
	int cpu;

	spin_lock_bh(&sa->lock);
	if (sa->state == MCSEC_SA_STATE_EXPIRED)
		goto out;
	for_each_possible_cpu(cpu) {
		struct mcsec_meter *other =
			(void *)per_cpu_ptr(sa->cpu, cpu) + meter_offset;

		if (other == meter)
			continue;
		packets.others += other->packets_max == U64_MAX
					  ? READ_ONCE(other->packets)
					  : other->packets_max;
		octets.others += other->bytes_max == U64_MAX
					 ? READ_ONCE(other->bytes)
					 : other->bytes_max;
	}
	packets_max = sa_grant(sa, &packets);
	if (!packets_max)
		goto out;
	bytes_max = sa_grant(sa, &octets);
	if (!bytes_max)
		goto out;
	WRITE_ONCE(meter->packets_max, packets_max);
	WRITE_ONCE(meter->bytes_max, bytes_max);
	ok = true;
out:
	spin_unlock_bh(&sa->lock);
	return ok;
}

void mcsec_sa_set_limits(struct mcsec_sa *sa, const struct mcsec_limits *limits)
{
	struct mcsec_sa_cpu *c;
	int cpu, i;

	hrtimer_cancel(&sa->timer);
	spin_lock_bh(&sa->lock);
	for (i = 0; i < MCSEC_LIMIT_IV; i++)
		if (sa->limits.soft[i] != limits->soft[i])
			__clear_bit(i, &sa->soft_notified);
	sa->limits = *limits;
	/* The grants are from the old limits. A CPU that is just using a grant
	 * exceeds the new one by at most one packet.
	 */
	for_each_possible_cpu(cpu) {
		c = per_cpu_ptr(sa->cpu, cpu);
		WRITE_ONCE(c->out.packets_max, READ_ONCE(c->out.packets));
		WRITE_ONCE(c->out.bytes_max, READ_ONCE(c->out.bytes));
		WRITE_ONCE(c->in.packets_max, READ_ONCE(c->in.packets));
		WRITE_ONCE(c->in.bytes_max, READ_ONCE(c->in.bytes));
	}
	spin_unlock_bh(&sa->lock);
	start_timer(sa);
}

void mcsec_sa_read_counts(const struct mcsec_sa *sa,
			  struct mcsec_sa_counts *counts)
{
	int cpu;

	memset(counts, 0, sizeof(*counts));
	for_each_possible_cpu(cpu) {
		const struct mcsec_sa_cpu *c = per_cpu_ptr(sa->cpu, cpu);

		counts->out_packets +=
			READ_ONCE(c->out.packets) - READ_ONCE(c->out_failed);
		counts->out_bytes += READ_ONCE(c->out.bytes) -
				     READ_ONCE(c->out_failed_bytes);
		counts->in_packets += READ_ONCE(c->in.packets);
		counts->in_bytes += READ_ONCE(c->in.bytes);
		counts->in_replays += READ_ONCE(c->in_replays);
		counts->in_bad_icv += READ_ONCE(c->in_bad_icv);
	}
}

/* ---- IVs ---- */

bool mcsec_sa_near_limit(struct mcsec_sa *sa, u64 counter)
{
	struct mcsec_slot *slot = mcsec_sa_slot(sa);

	if (!test_and_set_bit(0, &slot->warned))
		sa_notify(sa, MCSEC_CMD_IV_EXHAUSTING, MCSEC_A_SA_SENDER_ID,
			  slot->sid);
	if (counter >= sa->iv_limit)
		sa_exhaust(sa, MCSEC_LIMIT_IV);
	return counter <= sa->iv_limit;
}

/* ---- replay ---- */

int mcsec_sa_replayed(struct mcsec_sa *sa)
{
	this_cpu_inc(sa->cpu->in_replays);
	return -EALREADY;
}

bool mcsec_sa_is_own_slow(const struct mcsec_sa *sa, u64 iv)
{
	u32 i;

	if (sa->replay != MCSEC_REPLAY_IV)
		return false;
	for (i = 0; i < sa->n_slots; i++)
		if (sa->slots[i].sid == iv >> sa->sid_shift)
			return true;
	return false;
}

bool mcsec_sa_replay_check_slow(struct mcsec_sa *sa, u32 seq, u64 iv,
				struct mcsec_sender **found)
{
	struct mcsec_sender *sender;

	*found = NULL;
	switch ((enum mcsec_replay)sa->replay) {
	case MCSEC_REPLAY_IV:
		*found = sender =
			mcsec_sender_find(&sa->senders, iv >> sa->sid_shift);
		if (unlikely(!sender)) {
			if (mcsec_iv_counter(sa, iv))
				return true;
		} else if (mcsec_window_check(&sender->win,
					      mcsec_iv_counter(sa, iv))) {
			return true;
		} else {
			atomic64_inc(&sender->replays);
		}
		break;
	case MCSEC_REPLAY_SEQ:
		if (mcsec_window_check(sa->seq_win, seq))
			return true;
		break;
	case MCSEC_REPLAY_NONE:
		return true;
	}
	mcsec_sa_replayed(sa);
	return false;
}

void mcsec_sa_new_sender(const struct mcsec_sa *sa,
			 const struct mcsec_sender *sender)
{
	sa_notify(sa, MCSEC_CMD_NEW_SENDER, MCSEC_A_SENDER_SENDER_ID,
		  sender->id);
}

int mcsec_sa_replay_accept_slow(struct mcsec_sa *sa, u32 seq, u64 iv)
{
	struct mcsec_sender *sender;
	bool first, new = true;

	switch ((enum mcsec_replay)sa->replay) {
	case MCSEC_REPLAY_IV:
		sender = mcsec_sender_get(&sa->senders, iv >> sa->sid_shift,
					  GFP_ATOMIC);
		if (IS_ERR(sender))
			return PTR_ERR(sender);
		new = mcsec_sender_accept(sender, mcsec_iv_counter(sa, iv),
					  &first);
		if (likely(first))
			mcsec_sa_new_sender(sa, sender);
		break;
	case MCSEC_REPLAY_SEQ:
		spin_lock(&sa->seq_win->lock);
		new = mcsec_window_advance(sa->seq_win, seq);
		spin_unlock(&sa->seq_win->lock);
		break;
	case MCSEC_REPLAY_NONE:
		break;
	}
	return likely(new) ? 0 : mcsec_sa_replayed(sa);
}

/* ---- creation and destruction ---- */

void mcsec_sa_put(struct mcsec_sa *sa)
{
	/* The SA may be gone once the count is 0, so only its
	 * address is used.
	 */
	if (atomic_dec_and_test(&sa->inflight))
		wake_up_var(&sa->inflight);
}

static void wait_for_inflight(struct mcsec_sa *sa)
{
	wait_var_event(&sa->inflight, !atomic_read_acquire(&sa->inflight));
}

static void wipe_work(struct work_struct *work)
{
	struct mcsec_sa *sa = container_of(work, struct mcsec_sa, wipe);
	struct mcsec_cipher *cipher;

	cipher = unrcu_pointer(xchg(&sa->cipher, NULL));
	if (!cipher)
		return;
	synchronize_rcu();
	wait_for_inflight(sa);
	mcsec_cipher_free(cipher);
}

static void sa_free(struct mcsec_sa *sa)
{
	/* Nobody else has the SA any more. */
	mcsec_cipher_free(rcu_dereference_protected(sa->cipher, true));
	mcsec_cipher_give(sa->senders.windows);
	mcsec_senders_destroy(&sa->senders);
	kfree(sa->seq_win);
	kfree(sa->slots);
	free_percpu(sa->cpu);
	kfree(sa);
}

/* ---- the last counts ---- */

/*
 * A request holds generic netlink's cb_lock for reading. A module that registers
 * a family waits for that, and all other requests behind the module, so the wait
 * is short.
 */
#define LAST_WAIT HZ

/*
 * Counts of an SA that is being freed, for who has deleted it. Both have a reference,
 * as the waiting process may be killed.
 */
struct mcsec_sa_last {
	refcount_t refs;
	struct completion done;
	struct mcsec_sa_counts counts;
};

struct mcsec_sa_last *mcsec_sa_last_new(struct mcsec_sa *sa)
{
	struct mcsec_sa_last *last = kzalloc(sizeof(*last), GFP_KERNEL_ACCOUNT);

	if (!last)
		return NULL;
	refcount_set(&last->refs, 2);
	init_completion(&last->done);
	sa->last = last;
	return last;
}

static void last_put(struct mcsec_sa_last *last)
{
	if (refcount_dec_and_test(&last->refs))
		kfree(last);
}

int mcsec_sa_last_wait(struct mcsec_sa_last *last,
		       struct mcsec_sa_counts *counts)
{
	long left =
		wait_for_completion_killable_timeout(&last->done, LAST_WAIT);

	if (left > 0)
		*counts = last->counts;
	last_put(last);
	if (left > 0)
		return 0;
	return left ? -EINTR : -ETIMEDOUT;
}

/* Tell mcsec_sa_last_wait() the counts, which are final: no packet uses the SA. */
static void tell_last(struct mcsec_sa *sa)
{
	struct mcsec_sa_last *last = sa->last;

	if (!last)
		return;
	mcsec_sa_read_counts(sa, &last->counts);
	complete(&last->done);
	last_put(last);
}

static void free_work(struct work_struct *work)
{
	struct mcsec_sa *sa =
		container_of(to_rcu_work(work), struct mcsec_sa, free);
	struct mcsec_group *group = sa->group;
	typeof(sa->release) release = sa->release;

	wait_for_inflight(sa);
	tell_last(sa);
	cancel_work_sync(&sa->wipe);
	sa_free(sa);
	release(group);
}

void mcsec_sa_destroy(struct mcsec_sa *sa)
{
	hrtimer_cancel(&sa->timer);
	queue_rcu_work(queue_of(sa), &sa->free);
}

static int create_slots(struct mcsec_sa *sa,
			const struct mcsec_sa_config *config)
{
	u32 i;

	if (!(config->dir & MCSEC_DIR_OUT))
		return 0;
	sa->slots =
		kcalloc(config->n_sids, sizeof(*sa->slots), GFP_KERNEL_ACCOUNT);
	if (!sa->slots)
		return -ENOMEM;
	for (i = 0; i < config->n_sids; i++) {
		sa->slots[i].sid = config->sids[i];
		sa->sid_min = min(sa->sid_min, config->sids[i]);
		sa->sid_max = max(sa->sid_max, config->sids[i]);
	}
	sa->n_slots = config->n_sids;
	/* The number of possible CPUs decides, so a CPU that comes online later
	 * never shares a counter with a CPU that uses it exclusively.
	 */
	sa->slots_shared = config->n_sids < nr_cpu_ids;
	return 0;
}

static int create_replay(struct mcsec_sa *sa,
			 const struct mcsec_sa_config *config)
{
	mcsec_senders_init(&sa->senders, config->max_senders, config->window,
			   config->windows);
	/* An SA that only sends may be set to receive later. */
	if (config->replay != MCSEC_REPLAY_SEQ)
		return 0;
	sa->seq_win =
		kzalloc(mcsec_window_bytes(config->window), GFP_KERNEL_ACCOUNT);
	if (!sa->seq_win)
		return -ENOMEM;
	mcsec_window_init(sa->seq_win, config->window);
	return 0;
}

/* Allocate an SA without its senders, Sender-IDs, counters and cipher. */
static struct mcsec_sa *sa_alloc(const struct mcsec_sa_config *config)
{
	struct mcsec_sa *sa;

	/* See pm_event(). */
	if (READ_ONCE(to_disk))
		return ERR_PTR(-EBUSY);
	if (!mcsec_cipher_take(config->windows))
		return ERR_PTR(-EDQUOT);
	sa = kzalloc(sizeof(*sa), GFP_KERNEL_ACCOUNT);
	if (!sa) {
		mcsec_cipher_give(config->windows);
		return ERR_PTR(-ENOMEM);
	}
	sa->id = atomic64_inc_return(&last_id);
	sa->spi = config->spi;
	sa->dir = config->dir;
	sa->alg = config->alg;
	sa->mode = config->mode;
	sa->replay = config->replay;
	sa->window = config->window;
	sa->sid_shift = 64 - config->sid_bits;
	sa->counter_mask = BIT_ULL(sa->sid_shift) - 1;
	sa->sid_min = U32_MAX;
	sa->iv_limit = config->iv_limit;
	sa->iv_warn = config->iv_limit - config->iv_limit / 8;
	sa->limits = config->limits;
	sa->state = MCSEC_SA_STATE_LIVE;
	spin_lock_init(&sa->lock);
	INIT_WORK(&sa->wipe, wipe_work);
	INIT_RCU_WORK(&sa->free, free_work);
	hrtimer_setup(&sa->timer, timer_fired, CLOCK_BOOTTIME,
		      HRTIMER_MODE_ABS_SOFT);
	return sa;
}

static int create_counters(struct mcsec_sa *sa)
{
	int cpu;

	sa->cpu = alloc_percpu_gfp(struct mcsec_sa_cpu, GFP_KERNEL_ACCOUNT);
	if (!sa->cpu)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		if (!sa->n_slots)
			break;
		per_cpu_ptr(sa->cpu, cpu)->sid =
			(u64)sa->slots[cpu % sa->n_slots].sid << sa->sid_shift;
	}
	return 0;
}

struct mcsec_sa *mcsec_sa_create(struct mcsec_sa_config *config,
				 struct net *net, const char *name,
				 struct mcsec_group *group,
				 void (*release)(struct mcsec_group *group))
{
	struct mcsec_sa *sa = sa_alloc(config);
	int err;

	if (IS_ERR(sa))
		return sa;
	sa->net = net;
	sa->group = group;
	sa->release = release;
	strscpy(sa->name, name, sizeof(sa->name));
	err = create_replay(sa, config) ?: create_slots(sa, config) ?:
	      create_counters(sa);
	if (err) {
		sa_free(sa);
		return ERR_PTR(err);
	}
	rcu_assign_pointer(sa->cipher, config->cipher);
	config->cipher = NULL;
	sa->added = ktime_get_boottime();
	start_timer(sa);
	return sa;
}

int mcsec_sa_init(void)
{
	wq = alloc_workqueue("mcsec", WQ_UNBOUND, 0);
	if (!wq)
		return -ENOMEM;
	wq_users = alloc_workqueue("mcsec_users", WQ_UNBOUND, 0);
	if (wq_users)
		return 0;
	destroy_workqueue(wq);
	return -ENOMEM;
}

void mcsec_sa_exit(void)
{
	/* The exit of the namespaces has waited for every SA. */
	destroy_workqueue(wq_users);
	destroy_workqueue(wq);
}

#ifdef DEBUG
#include "selftest/sa.c"
#endif
