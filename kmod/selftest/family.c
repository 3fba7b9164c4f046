// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module with a family of generic netlink, as those of many drivers. It can
 * neither come nor go while a request of any family waits.
 */
#include <linux/module.h>
#include <net/genetlink.h>

static int answer_nothing(struct sk_buff *skb, struct genl_info *info)
{
	return 0;
}

static const struct genl_small_ops family_ops[] = {
	{ .cmd = 1, .doit = answer_nothing },
};

static struct genl_family test_family __ro_after_init = {
	.name = "mcsec_test",
	.version = 1,
	.module = THIS_MODULE,
	.small_ops = family_ops,
	.n_small_ops = ARRAY_SIZE(family_ops),
	.resv_start_op = 2,
};

static int __init family_init(void)
{
	return genl_register_family(&test_family);
}

static void __exit family_exit(void)
{
	genl_unregister_family(&test_family);
}

module_init(family_init);
module_exit(family_exit);
MODULE_DESCRIPTION("Family of generic netlink for tests");
MODULE_LICENSE("GPL");
