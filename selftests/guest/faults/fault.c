// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cause a fault that the test bed must detect when the module is loaded. The
 * module then refuses to load, so that only the fault remains.
 */
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

static char *fault = "none";
module_param(fault, charp, 0);
MODULE_PARM_DESC(fault, "which of the faults below, by its name");

static DEFINE_SPINLOCK(first);
static DEFINE_SPINLOCK(second);

static void lock_both(spinlock_t *outer, spinlock_t *inner)
{
	spin_lock(outer);
	spin_lock(inner);
	spin_unlock(inner);
	spin_unlock(outer);
}

static int __init fault_init(void)
{
	char *volatile p = NULL;
	int i;

	pr_info("fault: %s\n", fault);
	if (!strcmp(fault, "warn")) {
		WARN(1, "asked to warn\n");
	} else if (!strcmp(fault, "oops")) {
		*p = 1;
	} else if (!strcmp(fault, "loop")) {
		for (;;)
			cpu_relax();
	} else if (!strcmp(fault, "stuck")) {
		for (;;) {
			set_current_state(TASK_UNINTERRUPTIBLE);
			schedule();
		}
	} else if (!strcmp(fault, "leak")) {
		/* The only reference may still be on the stack. */
		for (i = 0; i < 10; i++)
			p = kmalloc(321, GFP_KERNEL);
		p = NULL;
	} else if (!strcmp(fault, "sleep")) {
		preempt_disable();
		might_sleep();
		preempt_enable();
	} else if (!strcmp(fault, "overrun")) {
		p = kmalloc(64, GFP_KERNEL);
		if (p)
			p[64] = 1;
		kfree(p);
	} else if (!strcmp(fault, "use-after-free")) {
		p = kmalloc(64, GFP_KERNEL);
		kfree(p);
		if (p)
			p[7] = 1;
	} else if (!strcmp(fault, "inversion")) {
		lock_both(&first, &second);
		lock_both(&second, &first);
	}
	return -ECANCELED;
}
module_init(fault_init);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Faults that a test bed must notice");
