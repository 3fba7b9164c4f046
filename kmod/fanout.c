// SPDX-License-Identifier: GPL-2.0-only
#include "fanout.h"

#include <linux/cpumask.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/string.h>

u64 mcsec_fanout_cookie __read_mostly;
DEFINE_PER_CPU(struct mcsec_fanout *, mcsec_fanout_kept);

static DEFINE_PER_CPU(u64, stamped);
static DEFINE_MUTEX(prepare_lock);
static cpumask_t prepared; /* prepare_lock */

/* Numbers of a CPU: enough to count packets for some thousand years. */
#define CPU_SHIFT 48

void mcsec_fanout_stamp(struct sk_buff *skb)
{
	struct mcsec_stamp *stamp = mcsec_fanout_slot(skb);

	stamp->cookie = mcsec_fanout_cookie;
	stamp->token = (u64)smp_processor_id() << CPU_SHIFT |
		       this_cpu_inc_return(stamped);
}

struct mcsec_fanout *mcsec_fanout_of(u64 token)
{
	struct mcsec_fanout *fanout;

	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		fanout = this_cpu_xchg(mcsec_fanout_kept, NULL);
	else
		/* Pairs with mcsec_fanout_prepare(), which may run meanwhile. */
		fanout = smp_load_acquire(this_cpu_ptr(&mcsec_fanout_kept));
	if (!fanout)
		return NULL;
	if (fanout->token != token) {
		fanout->many = fanout->copies > 1;
		fanout->copies = 0;
		fanout->full = false;
		fanout->token = token;
	}
	fanout->copies++;
	return fanout;
}

static int csum_start_of(const struct sk_buff *skb, unsigned int hlen)
{
	if (skb->ip_summed != CHECKSUM_PARTIAL)
		return -1;
	return skb_checksum_start_offset(skb) - (int)hlen;
}

bool mcsec_fanout_same(const struct mcsec_fanout *fanout, u64 sa,
		       const struct sk_buff *skb, unsigned int hlen,
		       unsigned int len, u8 next)
{
	return fanout->full && fanout->sa == sa && fanout->len == len &&
	       fanout->next == next && !skb_is_nonlinear(skb) &&
	       fanout->csum_start == csum_start_of(skb, hlen) &&
	       (fanout->csum_start < 0 ||
		fanout->csum_offset == skb->csum_offset) &&
	       !memcmp(fanout->plain, skb->data + hlen, len);
}

bool mcsec_fanout_begin(struct mcsec_fanout *fanout, const struct sk_buff *skb,
			unsigned int hlen, unsigned int len, u8 next)
{
	fanout->full = false;
	if ((fanout->copies == 1 && !fanout->many) || len > MCSEC_FANOUT_MAX ||
	    skb_is_nonlinear(skb))
		return false;
	fanout->len = len;
	fanout->next = next;
	fanout->csum_start = csum_start_of(skb, hlen);
	fanout->csum_offset = skb->csum_offset;
	memcpy(fanout->plain, skb->data + hlen, len);
	return true;
}

void mcsec_fanout_keep(struct mcsec_fanout *fanout, u64 sa, u64 iv,
		       const struct sk_buff *skb, unsigned int hlen)
{
	unsigned int len = skb->len - hlen;

	if (WARN_ON_ONCE(len > sizeof(fanout->esp)) ||
	    skb_copy_bits(skb, hlen, fanout->esp, len))
		return;
	fanout->sa = sa;
	fanout->iv = iv;
	fanout->esp_len = len;
	fanout->full = true;
}

int mcsec_fanout_prepare(void)
{
	struct mcsec_fanout *fanout;
	int cpu, err = 0;

	mutex_lock(&prepare_lock);
	for_each_possible_cpu(cpu) {
		if (cpumask_test_cpu(cpu, &prepared))
			continue;
		fanout = kzalloc_node(sizeof(*fanout), GFP_KERNEL_ACCOUNT,
				      cpu_to_node(cpu));
		if (!fanout) {
			err = -ENOMEM;
			break;
		}
		/* Packets of groups that have not waited for us may look. */
		smp_store_release(&per_cpu(mcsec_fanout_kept, cpu), fanout);
		cpumask_set_cpu(cpu, &prepared);
	}
	mutex_unlock(&prepare_lock);
	return err;
}

void mcsec_fanout_init(void)
{
	get_random_bytes(&mcsec_fanout_cookie, sizeof(mcsec_fanout_cookie));
}

void mcsec_fanout_exit(void)
{
	int cpu;

	/* They had what was in the clear. */
	for_each_possible_cpu(cpu)
		kfree_sensitive(per_cpu(mcsec_fanout_kept, cpu));
}
