// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does on loading what the test bed must notice. Refuses to load afterwards,
 * so that a fault is all that it leaves behind.
 */
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/string.h>

static char *fault = "none";
module_param(fault, charp, 0);
MODULE_PARM_DESC(fault, "warn, oops, leak, sleep or overrun");

static int __init fault_init(void)
{
	char *volatile p = NULL;

	pr_info("fault: %s\n", fault);
	if (!strcmp(fault, "warn")) {
		WARN(1, "asked to warn\n");
	} else if (!strcmp(fault, "oops")) {
		*p = 1;
	} else if (!strcmp(fault, "leak")) {
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
	}
	return -ECANCELED;
}
module_init(fault_init);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Faults that a test bed must notice");
