// SPDX-License-Identifier: GPL-2.0-only
#include "share.h"

#include <linux/cpumask.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/string.h>

u64 mcsec_share_cookie __read_mostly;
DEFINE_PER_CPU(struct mcsec_share *, mcsec_share_kept);

static DEFINE_PER_CPU(u64, stamped);
static DEFINE_MUTEX(prepare_lock);
static cpumask_t prepared; /* prepare_lock */

/* Numbers of a CPU: enough to count packets for some thousand years. */
#define CPU_SHIFT 48

void mcsec_share_stamp(struct sk_buff *skb)
{
	struct mcsec_stamp *stamp = mcsec_share_slot(skb);

	stamp->cookie = mcsec_share_cookie;
	stamp->token = (u64)smp_processor_id() << CPU_SHIFT |
		       this_cpu_inc_return(stamped);
}

struct mcsec_share *mcsec_share_of(u64 token)
{
	struct mcsec_share *share;

	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		share = this_cpu_xchg(mcsec_share_kept, NULL);
	else
		/* Pairs with mcsec_share_prepare(), which may run meanwhile. */
		share = smp_load_acquire(this_cpu_ptr(&mcsec_share_kept));
	if (!share)
		return NULL;
	if (share->token != token) {
		share->many = share->copies > 1;
		share->copies = 0;
		share->full = false;
		share->token = token;
	}
	share->copies++;
	return share;
}

static int csum_start_of(const struct sk_buff *skb, unsigned int hlen)
{
	if (skb->ip_summed != CHECKSUM_PARTIAL)
		return -1;
	return skb_checksum_start_offset(skb) - (int)hlen;
}

bool mcsec_share_same(const struct mcsec_share *share, u64 sa,
		      const struct sk_buff *skb, unsigned int hlen,
		      unsigned int len, u8 next)
{
	return share->full && share->sa == sa && share->len == len &&
	       share->next == next && !skb_is_nonlinear(skb) &&
	       share->csum_start == csum_start_of(skb, hlen) &&
	       (share->csum_start < 0 ||
		share->csum_offset == skb->csum_offset) &&
	       !memcmp(share->plain, skb->data + hlen, len);
}

bool mcsec_share_begin(struct mcsec_share *share, const struct sk_buff *skb,
		       unsigned int hlen, unsigned int len, u8 next)
{
	share->full = false;
	if ((share->copies == 1 && !share->many) || len > MCSEC_SHARE_MAX ||
	    skb_is_nonlinear(skb))
		return false;
	share->len = len;
	share->next = next;
	share->csum_start = csum_start_of(skb, hlen);
	share->csum_offset = skb->csum_offset;
	memcpy(share->plain, skb->data + hlen, len);
	return true;
}

void mcsec_share_keep(struct mcsec_share *share, u64 sa, u64 iv,
		      const struct sk_buff *skb, unsigned int hlen)
{
	unsigned int len = skb->len - hlen;

	if (WARN_ON_ONCE(len > sizeof(share->esp)) ||
	    skb_copy_bits(skb, hlen, share->esp, len))
		return;
	share->sa = sa;
	share->iv = iv;
	share->esp_len = len;
	share->full = true;
}

int mcsec_share_prepare(void)
{
	struct mcsec_share *share;
	int cpu, err = 0;

	mutex_lock(&prepare_lock);
	for_each_possible_cpu(cpu) {
		if (cpumask_test_cpu(cpu, &prepared))
			continue;
		share = kzalloc_node(sizeof(*share), GFP_KERNEL_ACCOUNT,
				     cpu_to_node(cpu));
		if (!share) {
			err = -ENOMEM;
			break;
		}
		/* Packets of groups that have not waited for us may look. */
		smp_store_release(&per_cpu(mcsec_share_kept, cpu), share);
		cpumask_set_cpu(cpu, &prepared);
	}
	mutex_unlock(&prepare_lock);
	return err;
}

void mcsec_share_init(void)
{
	get_random_bytes(&mcsec_share_cookie, sizeof(mcsec_share_cookie));
}

void mcsec_share_exit(void)
{
	int cpu;

	/* They had what was in the clear. */
	for_each_possible_cpu(cpu)
		kfree_sensitive(per_cpu(mcsec_share_kept, cpu));
}
