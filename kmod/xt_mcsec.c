// SPDX-License-Identifier: GPL-2.0-only
/*
 * Match for iptables and ip6tables: whether a packet was verified, by which
 * group and Sender-ID. It is a separate module, so mcsec does not depend on
 * x_tables.
 */
#include <linux/module.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_mcsec.h>

#include "match.h"

#define INVERTED(info, flag) (!!((info)->invert & (flag)))

static bool mcsec_mt(const struct sk_buff *skb, struct xt_action_param *par)
{
	const struct xt_mcsec_info *info = par->matchinfo;
	bool verified, is_group, is_sender;
	u32 sender = 0;

	verified = mcsec_match(xt_net(par), skb, xt_family(par), NULL, &sender);
	if (info->flags & XT_MCSEC_PROTECTED &&
	    verified == INVERTED(info, XT_MCSEC_PROTECTED))
		return false;
	if (info->flags & XT_MCSEC_GROUP) {
		is_group = verified &&
			   mcsec_match(xt_net(par), skb, xt_family(par),
				       info->group, NULL);
		if (is_group == INVERTED(info, XT_MCSEC_GROUP))
			return false;
	}
	if (info->flags & XT_MCSEC_SENDER) {
		is_sender = verified && sender >= info->sender[0] &&
			    sender <= info->sender[1];
		if (is_sender == INVERTED(info, XT_MCSEC_SENDER))
			return false;
	}
	return true;
}

static int mcsec_mt_check(const struct xt_mtchk_param *par)
{
	const struct xt_mcsec_info *info = par->matchinfo;

	if (!info->flags || info->flags & ~XT_MCSEC_ALL ||
	    info->invert & ~info->flags || info->pad)
		return -EINVAL;
	if (info->flags & XT_MCSEC_GROUP &&
	    (!info->group[0] ||
	     strnlen(info->group, sizeof(info->group)) == sizeof(info->group)))
		return -EINVAL;
	if (info->flags & XT_MCSEC_SENDER && info->sender[0] > info->sender[1])
		return -EINVAL;
	return 0;
}

static struct xt_match matches[] __read_mostly = {
	{
		.name = "mcsec",
		.family = NFPROTO_IPV4,
		.checkentry = mcsec_mt_check,
		.match = mcsec_mt,
		.matchsize = sizeof(struct xt_mcsec_info),
		.hooks = 1 << NF_INET_PRE_ROUTING | 1 << NF_INET_LOCAL_IN |
			 1 << NF_INET_FORWARD,
		.me = THIS_MODULE,
	},
	{
		.name = "mcsec",
		.family = NFPROTO_IPV6,
		.checkentry = mcsec_mt_check,
		.match = mcsec_mt,
		.matchsize = sizeof(struct xt_mcsec_info),
		.hooks = 1 << NF_INET_PRE_ROUTING | 1 << NF_INET_LOCAL_IN |
			 1 << NF_INET_FORWARD,
		.me = THIS_MODULE,
	},
};

static int __init xt_mcsec_init(void)
{
	return xt_register_matches(matches, ARRAY_SIZE(matches));
}

static void __exit xt_mcsec_exit(void)
{
	xt_unregister_matches(matches, ARRAY_SIZE(matches));
}

module_init(xt_mcsec_init);
module_exit(xt_mcsec_exit);
MODULE_DESCRIPTION("Xtables: match packets that mcsec verified");
MODULE_LICENSE("GPL");
MODULE_ALIAS("ipt_mcsec");
MODULE_ALIAS("ip6t_mcsec");
