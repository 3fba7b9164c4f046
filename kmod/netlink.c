// SPDX-License-Identifier: GPL-2.0-only
#include "netlink.h"

#include <linux/module.h>
#include <net/netlink.h>
#include <net/sock.h>

struct mcsec_group *mcsec_nl_group(struct mcsec_net *mnet,
				   struct nlattr **attrs,
				   struct netlink_ext_ack *extack)
{
	const struct nlattr *name = attrs[MCSEC_A_GROUP_NAME];
	struct mcsec_group *group = mcsec_group_by_name(mnet, nla_data(name));

	if (!group)
		NL_SET_ERR_MSG_ATTR(extack, name, "no group of this name");
	return group;
}

struct mcsec_sa *mcsec_nl_sa(struct mcsec_net *mnet, struct nlattr **attrs,
			     struct netlink_ext_ack *extack)
{
	struct mcsec_group *group = mcsec_nl_group(mnet, attrs, extack);
	const struct nlattr *spi = attrs[MCSEC_A_SA_SPI];
	struct mcsec_sa *sa;

	if (!group)
		return NULL;
	sa = mcsec_group_sa(group, nla_get_be32(spi));
	if (!sa)
		NL_SET_ERR_MSG_ATTR(extack, spi,
				    "the group has no SA of this spi");
	return sa;
}

int mcsec_nl_act_on_group(struct genl_info *info,
			  int (*act)(struct genl_info *info,
				     struct mcsec_group *group))
{
	struct mcsec_net *mnet = mcsec_net_of(genl_info_net(info));
	struct mcsec_group *group;
	int err;

	mutex_lock(&mnet->lock);
	group = mcsec_nl_group(mnet, info->attrs, info->extack);
	err = group ? act(info, group) : -ENOENT;
	mutex_unlock(&mnet->lock);
	return err;
}

int mcsec_nl_act_on_sa(struct genl_info *info,
		       int (*act)(struct genl_info *info, struct mcsec_sa *sa))
{
	struct mcsec_net *mnet = mcsec_net_of(genl_info_net(info));
	struct mcsec_sa *sa;
	int err;

	if (!mcsec_nl_need(info, MCSEC_A_SA_GROUP, "group") ||
	    !mcsec_nl_need(info, MCSEC_A_SA_SPI, "spi"))
		return -EINVAL;
	mutex_lock(&mnet->lock);
	sa = mcsec_nl_sa(mnet, info->attrs, info->extack);
	err = sa ? act(info, sa) : -ENOENT;
	mutex_unlock(&mnet->lock);
	return err;
}

int mcsec_nl_reply(struct genl_info *info,
		   int (*fill)(struct sk_buff *msg, const void *object),
		   const void *object)
{
	struct sk_buff *msg;
	void *hdr;
	int err;

	msg = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!msg)
		return -ENOMEM;
	hdr = genlmsg_put_reply(msg, info, &mcsec_nl_family, 0,
				info->genlhdr->cmd);
	err = hdr ? fill(msg, object) : -EMSGSIZE;
	if (err) {
		nlmsg_free(msg);
		return err;
	}
	genlmsg_end(msg, hdr);
	return genlmsg_reply(msg, info);
}

int mcsec_nl_dump_one(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd,
		      int (*fill)(struct sk_buff *msg, const void *object),
		      const void *object)
{
	void *hdr;
	int err;

	hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			  &mcsec_nl_family, NLM_F_MULTI, cmd);
	if (!hdr)
		return -EMSGSIZE;
	err = fill(skb, object);
	if (err)
		genlmsg_cancel(skb, hdr);
	else
		genlmsg_end(skb, hdr);
	return err;
}

/* ---- counters ---- */

struct counter_of {
	struct mcsec_net *mnet;
	enum mcsec_counter counter;
};

static int fill_counter(struct sk_buff *msg, const void *object)
{
	const struct counter_of *of = object;
	struct mcsec_net *mnet = of->mnet;
	u64 value = 0;

	/* The counters are allocated with the first group. */
	if (smp_load_acquire(&mnet->ready))
		value = mcsec_stats_read(mnet->stats, of->counter);
	if (nla_put_string(msg, MCSEC_A_COUNTER_NAME,
			   mcsec_counter_name(of->counter)) ||
	    nla_put_u64_64bit(msg, MCSEC_A_COUNTER_VALUE, value,
			      MCSEC_A_COUNTER_PAD))
		return -EMSGSIZE;
	return 0;
}

int mcsec_nl_stats_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct counter_of of = { .mnet = mcsec_net_of(genl_info_net(info)) };
	struct nlattr *name;

	name = mcsec_nl_need(info, MCSEC_A_COUNTER_NAME, "name");
	if (!name)
		return -EINVAL;
	of.counter = mcsec_counter_find(nla_data(name));
	if (of.counter == MCSEC_N_COUNTERS) {
		NL_SET_ERR_MSG_ATTR(info->extack, name,
				    "no counter of this name");
		return -ENOENT;
	}
	return mcsec_nl_reply(info, fill_counter, &of);
}

int mcsec_nl_stats_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct counter_of of = { .mnet = mcsec_net_of(sock_net(skb->sk)) };

	for (; cb->args[0] < MCSEC_N_COUNTERS; cb->args[0]++) {
		of.counter = cb->args[0];
		if (mcsec_nl_dump_one(skb, cb, MCSEC_CMD_STATS_GET,
				      fill_counter, &of))
			break;
	}
	return skb->len;
}

/* ---- the family ---- */

/* The list of the generated code lacks the flag. */
static const struct genl_multicast_group mcgrps[] = {
	[MCSEC_NLGRP_EVENTS] = {
		.name = MCSEC_MCGRP_EVENTS,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
};

struct genl_family mcsec_nl_family __ro_after_init = {
	.name = MCSEC_FAMILY_NAME,
	.version = MCSEC_FAMILY_VERSION,
	.netnsok = true,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.ops = mcsec_nl_ops,
	.n_ops = ARRAY_SIZE(mcsec_nl_ops),
	.resv_start_op = __MCSEC_CMD_MAX,
	.mcgrps = mcgrps,
	.n_mcgrps = ARRAY_SIZE(mcgrps),
};

static int socket_released(struct notifier_block *nb, unsigned long action,
			   void *data)
{
	struct netlink_notify *n = data;

	if (action == NETLINK_URELEASE && n->protocol == NETLINK_GENERIC)
		mcsec_net_portid_closed(mcsec_net_of(n->net), n->portid);
	return NOTIFY_DONE;
}

static struct notifier_block release_notifier = {
	.notifier_call = socket_released,
};

int __init mcsec_netlink_init(void)
{
	int err;

	err = netlink_register_notifier(&release_notifier);
	if (err)
		return err;
	err = genl_register_family(&mcsec_nl_family);
	if (err)
		netlink_unregister_notifier(&release_notifier);
	return err;
}

void mcsec_netlink_exit(void)
{
	genl_unregister_family(&mcsec_nl_family);
	netlink_unregister_notifier(&release_notifier);
}
