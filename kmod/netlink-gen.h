/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/mcsec.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_MCSEC_GEN_H
#define _LINUX_MCSEC_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/mcsec.h>

extern const struct nla_policy mcsec_group_new_nl_policy[MCSEC_A_GROUP_OWNER + 1];

extern const struct nla_policy mcsec_group_del_nl_policy[MCSEC_A_GROUP_FORCE + 1];

extern const struct nla_policy mcsec_group_get_nl_policy[MCSEC_A_GROUP_NAME + 1];

extern const struct nla_policy mcsec_group_flush_nl_policy[MCSEC_A_GROUP_FORCE + 1];

extern const struct nla_policy mcsec_sa_new_nl_policy[MCSEC_A_SA_SELECTED + 1];

extern const struct nla_policy mcsec_sa_set_nl_policy[MCSEC_A_SA_SELECTED + 1];

extern const struct nla_policy mcsec_sa_del_nl_policy[MCSEC_A_SA_LAST_COUNTS + 1];

extern const struct nla_policy mcsec_sa_get_nl_policy[MCSEC_A_SA_SPI + 1];

extern const struct nla_policy mcsec_sa_flush_nl_policy[MCSEC_A_SA_GROUP + 1];

extern const struct nla_policy mcsec_sender_get_nl_policy[MCSEC_A_SENDER_SENDER_ID + 1];

extern const struct nla_policy mcsec_stats_get_nl_policy[MCSEC_A_COUNTER_NAME + 1];

extern const struct nla_policy mcsec_group_set_nl_policy[MCSEC_A_GROUP_FORCE + 1];

extern const struct nla_policy mcsec_sender_new_nl_policy[MCSEC_A_SENDER_NAME + 1];

extern const struct nla_policy mcsec_sender_set_nl_policy[MCSEC_A_SENDER_NAME + 1];

extern const struct nla_policy mcsec_sender_del_nl_policy[MCSEC_A_SENDER_SENDER_ID + 1];

extern const struct nla_policy mcsec_edge_new_nl_policy[MCSEC_A_EDGE_DEV + 1];

extern const struct nla_policy mcsec_edge_set_nl_policy[MCSEC_A_EDGE_MTU + 1];

extern const struct nla_policy mcsec_edge_del_nl_policy[MCSEC_A_EDGE_ID + 1];

extern const struct nla_policy mcsec_edge_get_nl_policy[MCSEC_A_EDGE_ID + 1];

/* Ops table for mcsec */
extern const struct genl_ops mcsec_nl_ops[19];

int mcsec_nl_group_new_doit(struct sk_buff *skb, struct genl_info *info);
int mcsec_nl_group_del_doit(struct sk_buff *skb, struct genl_info *info);
int mcsec_nl_group_get_doit(struct sk_buff *skb, struct genl_info *info);
int mcsec_nl_group_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int mcsec_nl_group_flush_doit(struct sk_buff *skb, struct genl_info *info);
int mcsec_nl_sa_new_doit(struct sk_buff *skb, struct genl_info *info);
int mcsec_nl_sa_set_doit(struct sk_buff *skb, struct genl_info *info);
int mcsec_nl_sa_del_doit(struct sk_buff *skb, struct genl_info *info);
int mcsec_nl_sa_get_doit(struct sk_buff *skb, struct genl_info *info);
int mcsec_nl_sa_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int mcsec_nl_sa_flush_doit(struct sk_buff *skb, struct genl_info *info);
int mcsec_nl_sender_get_doit(struct sk_buff *skb, struct genl_info *info);
int mcsec_nl_sender_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int mcsec_nl_stats_get_doit(struct sk_buff *skb, struct genl_info *info);
int mcsec_nl_stats_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int mcsec_nl_group_set_doit(struct sk_buff *skb, struct genl_info *info);
int mcsec_nl_sender_new_doit(struct sk_buff *skb, struct genl_info *info);
int mcsec_nl_sender_set_doit(struct sk_buff *skb, struct genl_info *info);
int mcsec_nl_sender_del_doit(struct sk_buff *skb, struct genl_info *info);
int mcsec_nl_edge_new_doit(struct sk_buff *skb, struct genl_info *info);
int mcsec_nl_edge_set_doit(struct sk_buff *skb, struct genl_info *info);
int mcsec_nl_edge_del_doit(struct sk_buff *skb, struct genl_info *info);
int mcsec_nl_edge_get_doit(struct sk_buff *skb, struct genl_info *info);
int mcsec_nl_edge_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);

enum {
	MCSEC_NLGRP_EVENTS,
};

#endif /* _LINUX_MCSEC_GEN_H */
