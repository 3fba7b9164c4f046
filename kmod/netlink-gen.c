// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/mcsec.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink-gen.h"

#include <uapi/linux/mcsec.h>

/* MCSEC_CMD_GROUP_NEW - do */
const struct nla_policy mcsec_group_new_nl_policy[MCSEC_A_GROUP_OWNER + 1] = {
	[MCSEC_A_GROUP_NAME] = { .type = NLA_NUL_STRING, .len = MCSEC_NAME_MAX, },
	[MCSEC_A_GROUP_DST] = { .type = NLA_BINARY, },
	[MCSEC_A_GROUP_DST_LEN] = { .type = NLA_U8, },
	[MCSEC_A_GROUP_SRC] = { .type = NLA_BINARY, },
	[MCSEC_A_GROUP_SRC_LEN] = { .type = NLA_U8, },
	[MCSEC_A_GROUP_PROTO] = { .type = NLA_U8, },
	[MCSEC_A_GROUP_SPORT] = { .type = NLA_U16, },
	[MCSEC_A_GROUP_DPORT] = { .type = NLA_U16, },
	[MCSEC_A_GROUP_MARK] = { .type = NLA_U32, },
	[MCSEC_A_GROUP_MARK_MASK] = { .type = NLA_U32, },
	[MCSEC_A_GROUP_DEV] = { .type = NLA_STRING, .len = 15, },
	[MCSEC_A_GROUP_POLICY] = NLA_POLICY_MAX(NLA_U32, 1),
	[MCSEC_A_GROUP_FORWARD] = { .type = NLA_FLAG, },
	[MCSEC_A_GROUP_IN_MARK] = { .type = NLA_U32, },
	[MCSEC_A_GROUP_IN_MARK_MASK] = { .type = NLA_U32, },
	[MCSEC_A_GROUP_OWNER] = { .type = NLA_NUL_STRING, .len = MCSEC_NAME_MAX, },
};

/* MCSEC_CMD_GROUP_DEL - do */
const struct nla_policy mcsec_group_del_nl_policy[MCSEC_A_GROUP_FORCE + 1] = {
	[MCSEC_A_GROUP_NAME] = { .type = NLA_NUL_STRING, .len = MCSEC_NAME_MAX, },
	[MCSEC_A_GROUP_FORCE] = { .type = NLA_FLAG, },
};

/* MCSEC_CMD_GROUP_GET - do */
const struct nla_policy mcsec_group_get_nl_policy[MCSEC_A_GROUP_NAME + 1] = {
	[MCSEC_A_GROUP_NAME] = { .type = NLA_NUL_STRING, .len = MCSEC_NAME_MAX, },
};

/* MCSEC_CMD_GROUP_FLUSH - do */
const struct nla_policy mcsec_group_flush_nl_policy[MCSEC_A_GROUP_FORCE + 1] = {
	[MCSEC_A_GROUP_FORCE] = { .type = NLA_FLAG, },
};

/* MCSEC_CMD_SA_NEW - do */
const struct nla_policy mcsec_sa_new_nl_policy[MCSEC_A_SA_SELECTED + 1] = {
	[MCSEC_A_SA_GROUP] = { .type = NLA_NUL_STRING, .len = MCSEC_NAME_MAX, },
	[MCSEC_A_SA_SPI] = { .type = NLA_U32, },
	[MCSEC_A_SA_DIR] = NLA_POLICY_MASK(NLA_U32, 0x3),
	[MCSEC_A_SA_ALG] = NLA_POLICY_MAX(NLA_U32, 2),
	[MCSEC_A_SA_KEY] = { .type = NLA_BINARY, },
	[MCSEC_A_SA_MODE] = NLA_POLICY_MAX(NLA_U32, 1),
	[MCSEC_A_SA_SID_BITS] = { .type = NLA_U32, },
	[MCSEC_A_SA_SENDER_ID] = { .type = NLA_U32, },
	[MCSEC_A_SA_REPLAY] = NLA_POLICY_MAX(NLA_U32, 2),
	[MCSEC_A_SA_WINDOW] = { .type = NLA_U32, },
	[MCSEC_A_SA_MAX_SENDERS] = { .type = NLA_U32, },
	[MCSEC_A_SA_SOFT_TIME] = { .type = NLA_U64, },
	[MCSEC_A_SA_HARD_TIME] = { .type = NLA_U64, },
	[MCSEC_A_SA_SOFT_PACKETS] = { .type = NLA_U64, },
	[MCSEC_A_SA_HARD_PACKETS] = { .type = NLA_U64, },
	[MCSEC_A_SA_SOFT_BYTES] = { .type = NLA_U64, },
	[MCSEC_A_SA_HARD_BYTES] = { .type = NLA_U64, },
	[MCSEC_A_SA_IV_LIMIT] = { .type = NLA_U64, },
	[MCSEC_A_SA_SELECTED] = { .type = NLA_FLAG, },
};

/* MCSEC_CMD_SA_SET - do */
const struct nla_policy mcsec_sa_set_nl_policy[MCSEC_A_SA_SELECTED + 1] = {
	[MCSEC_A_SA_GROUP] = { .type = NLA_NUL_STRING, .len = MCSEC_NAME_MAX, },
	[MCSEC_A_SA_SPI] = { .type = NLA_U32, },
	[MCSEC_A_SA_DIR] = NLA_POLICY_MASK(NLA_U32, 0x3),
	[MCSEC_A_SA_SOFT_TIME] = { .type = NLA_U64, },
	[MCSEC_A_SA_HARD_TIME] = { .type = NLA_U64, },
	[MCSEC_A_SA_SOFT_PACKETS] = { .type = NLA_U64, },
	[MCSEC_A_SA_HARD_PACKETS] = { .type = NLA_U64, },
	[MCSEC_A_SA_SOFT_BYTES] = { .type = NLA_U64, },
	[MCSEC_A_SA_HARD_BYTES] = { .type = NLA_U64, },
	[MCSEC_A_SA_SELECTED] = { .type = NLA_FLAG, },
};

/* MCSEC_CMD_SA_DEL - do */
const struct nla_policy mcsec_sa_del_nl_policy[MCSEC_A_SA_LAST_COUNTS + 1] = {
	[MCSEC_A_SA_GROUP] = { .type = NLA_NUL_STRING, .len = MCSEC_NAME_MAX, },
	[MCSEC_A_SA_SPI] = { .type = NLA_U32, },
	[MCSEC_A_SA_LAST_COUNTS] = { .type = NLA_FLAG, },
};

/* MCSEC_CMD_SA_GET - do */
const struct nla_policy mcsec_sa_get_nl_policy[MCSEC_A_SA_SPI + 1] = {
	[MCSEC_A_SA_GROUP] = { .type = NLA_NUL_STRING, .len = MCSEC_NAME_MAX, },
	[MCSEC_A_SA_SPI] = { .type = NLA_U32, },
};

/* MCSEC_CMD_SA_FLUSH - do */
const struct nla_policy mcsec_sa_flush_nl_policy[MCSEC_A_SA_GROUP + 1] = {
	[MCSEC_A_SA_GROUP] = { .type = NLA_NUL_STRING, .len = MCSEC_NAME_MAX, },
};

/* MCSEC_CMD_SENDER_GET - do */
const struct nla_policy mcsec_sender_get_nl_policy[MCSEC_A_SENDER_SENDER_ID + 1] = {
	[MCSEC_A_SENDER_GROUP] = { .type = NLA_NUL_STRING, .len = MCSEC_NAME_MAX, },
	[MCSEC_A_SENDER_SPI] = { .type = NLA_U32, },
	[MCSEC_A_SENDER_SENDER_ID] = { .type = NLA_U32, },
};

/* MCSEC_CMD_STATS_GET - do */
const struct nla_policy mcsec_stats_get_nl_policy[MCSEC_A_COUNTER_NAME + 1] = {
	[MCSEC_A_COUNTER_NAME] = { .type = NLA_NUL_STRING, },
};

/* MCSEC_CMD_GROUP_SET - do */
const struct nla_policy mcsec_group_set_nl_policy[MCSEC_A_GROUP_FORCE + 1] = {
	[MCSEC_A_GROUP_NAME] = { .type = NLA_NUL_STRING, .len = MCSEC_NAME_MAX, },
	[MCSEC_A_GROUP_POLICY] = NLA_POLICY_MAX(NLA_U32, 1),
	[MCSEC_A_GROUP_FORCE] = { .type = NLA_FLAG, },
};

/* MCSEC_CMD_SENDER_NEW - do */
const struct nla_policy mcsec_sender_new_nl_policy[MCSEC_A_SENDER_NAME + 1] = {
	[MCSEC_A_SENDER_GROUP] = { .type = NLA_NUL_STRING, .len = MCSEC_NAME_MAX, },
	[MCSEC_A_SENDER_SPI] = { .type = NLA_U32, },
	[MCSEC_A_SENDER_SENDER_ID] = { .type = NLA_U32, },
	[MCSEC_A_SENDER_NAME] = { .type = NLA_NUL_STRING, .len = MCSEC_SENDER_NAME_MAX, },
};

/* MCSEC_CMD_SENDER_SET - do */
const struct nla_policy mcsec_sender_set_nl_policy[MCSEC_A_SENDER_NAME + 1] = {
	[MCSEC_A_SENDER_GROUP] = { .type = NLA_NUL_STRING, .len = MCSEC_NAME_MAX, },
	[MCSEC_A_SENDER_SPI] = { .type = NLA_U32, },
	[MCSEC_A_SENDER_SENDER_ID] = { .type = NLA_U32, },
	[MCSEC_A_SENDER_NAME] = { .type = NLA_NUL_STRING, .len = MCSEC_SENDER_NAME_MAX, },
};

/* MCSEC_CMD_SENDER_DEL - do */
const struct nla_policy mcsec_sender_del_nl_policy[MCSEC_A_SENDER_SENDER_ID + 1] = {
	[MCSEC_A_SENDER_GROUP] = { .type = NLA_NUL_STRING, .len = MCSEC_NAME_MAX, },
	[MCSEC_A_SENDER_SPI] = { .type = NLA_U32, },
	[MCSEC_A_SENDER_SENDER_ID] = { .type = NLA_U32, },
};

/* MCSEC_CMD_EDGE_NEW - do */
const struct nla_policy mcsec_edge_new_nl_policy[MCSEC_A_EDGE_DEV + 1] = {
	[MCSEC_A_EDGE_GROUP] = { .type = NLA_NUL_STRING, .len = MCSEC_NAME_MAX, },
	[MCSEC_A_EDGE_ID] = { .type = NLA_U32, },
	[MCSEC_A_EDGE_SOCKET] = { .type = NLA_U32, },
	[MCSEC_A_EDGE_LOCAL] = { .type = NLA_BINARY, },
	[MCSEC_A_EDGE_LOCAL_PORT] = { .type = NLA_U16, },
	[MCSEC_A_EDGE_PEER] = { .type = NLA_BINARY, },
	[MCSEC_A_EDGE_PEER_PORT] = { .type = NLA_U16, },
	[MCSEC_A_EDGE_DIR] = NLA_POLICY_MASK(NLA_U32, 0x3),
	[MCSEC_A_EDGE_SENDERS] = { .type = NLA_U32, },
	[MCSEC_A_EDGE_MTU] = { .type = NLA_U32, },
	[MCSEC_A_EDGE_DEV] = { .type = NLA_NUL_STRING, .len = 15, },
};

/* MCSEC_CMD_EDGE_SET - do */
const struct nla_policy mcsec_edge_set_nl_policy[MCSEC_A_EDGE_MTU + 1] = {
	[MCSEC_A_EDGE_GROUP] = { .type = NLA_NUL_STRING, .len = MCSEC_NAME_MAX, },
	[MCSEC_A_EDGE_ID] = { .type = NLA_U32, },
	[MCSEC_A_EDGE_PEER] = { .type = NLA_BINARY, },
	[MCSEC_A_EDGE_PEER_PORT] = { .type = NLA_U16, },
	[MCSEC_A_EDGE_DIR] = NLA_POLICY_MASK(NLA_U32, 0x3),
	[MCSEC_A_EDGE_SENDERS] = { .type = NLA_U32, },
	[MCSEC_A_EDGE_MTU] = { .type = NLA_U32, },
};

/* MCSEC_CMD_EDGE_DEL - do */
const struct nla_policy mcsec_edge_del_nl_policy[MCSEC_A_EDGE_ID + 1] = {
	[MCSEC_A_EDGE_GROUP] = { .type = NLA_NUL_STRING, .len = MCSEC_NAME_MAX, },
	[MCSEC_A_EDGE_ID] = { .type = NLA_U32, },
};

/* MCSEC_CMD_EDGE_GET - do */
const struct nla_policy mcsec_edge_get_nl_policy[MCSEC_A_EDGE_ID + 1] = {
	[MCSEC_A_EDGE_GROUP] = { .type = NLA_NUL_STRING, .len = MCSEC_NAME_MAX, },
	[MCSEC_A_EDGE_ID] = { .type = NLA_U32, },
};

/* Ops table for mcsec */
const struct genl_ops mcsec_nl_ops[19] = {
	{
		.cmd		= MCSEC_CMD_GROUP_NEW,
		.doit		= mcsec_nl_group_new_doit,
		.policy		= mcsec_group_new_nl_policy,
		.maxattr	= MCSEC_A_GROUP_OWNER,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= MCSEC_CMD_GROUP_DEL,
		.doit		= mcsec_nl_group_del_doit,
		.policy		= mcsec_group_del_nl_policy,
		.maxattr	= MCSEC_A_GROUP_FORCE,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= MCSEC_CMD_GROUP_GET,
		.doit		= mcsec_nl_group_get_doit,
		.dumpit		= mcsec_nl_group_get_dumpit,
		.policy		= mcsec_group_get_nl_policy,
		.maxattr	= MCSEC_A_GROUP_NAME,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= MCSEC_CMD_GROUP_FLUSH,
		.doit		= mcsec_nl_group_flush_doit,
		.policy		= mcsec_group_flush_nl_policy,
		.maxattr	= MCSEC_A_GROUP_FORCE,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= MCSEC_CMD_SA_NEW,
		.doit		= mcsec_nl_sa_new_doit,
		.policy		= mcsec_sa_new_nl_policy,
		.maxattr	= MCSEC_A_SA_SELECTED,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= MCSEC_CMD_SA_SET,
		.doit		= mcsec_nl_sa_set_doit,
		.policy		= mcsec_sa_set_nl_policy,
		.maxattr	= MCSEC_A_SA_SELECTED,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= MCSEC_CMD_SA_DEL,
		.doit		= mcsec_nl_sa_del_doit,
		.policy		= mcsec_sa_del_nl_policy,
		.maxattr	= MCSEC_A_SA_LAST_COUNTS,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= MCSEC_CMD_SA_GET,
		.doit		= mcsec_nl_sa_get_doit,
		.dumpit		= mcsec_nl_sa_get_dumpit,
		.policy		= mcsec_sa_get_nl_policy,
		.maxattr	= MCSEC_A_SA_SPI,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= MCSEC_CMD_SA_FLUSH,
		.doit		= mcsec_nl_sa_flush_doit,
		.policy		= mcsec_sa_flush_nl_policy,
		.maxattr	= MCSEC_A_SA_GROUP,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= MCSEC_CMD_SENDER_GET,
		.doit		= mcsec_nl_sender_get_doit,
		.dumpit		= mcsec_nl_sender_get_dumpit,
		.policy		= mcsec_sender_get_nl_policy,
		.maxattr	= MCSEC_A_SENDER_SENDER_ID,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= MCSEC_CMD_STATS_GET,
		.doit		= mcsec_nl_stats_get_doit,
		.dumpit		= mcsec_nl_stats_get_dumpit,
		.policy		= mcsec_stats_get_nl_policy,
		.maxattr	= MCSEC_A_COUNTER_NAME,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= MCSEC_CMD_GROUP_SET,
		.doit		= mcsec_nl_group_set_doit,
		.policy		= mcsec_group_set_nl_policy,
		.maxattr	= MCSEC_A_GROUP_FORCE,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= MCSEC_CMD_SENDER_NEW,
		.doit		= mcsec_nl_sender_new_doit,
		.policy		= mcsec_sender_new_nl_policy,
		.maxattr	= MCSEC_A_SENDER_NAME,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= MCSEC_CMD_SENDER_SET,
		.doit		= mcsec_nl_sender_set_doit,
		.policy		= mcsec_sender_set_nl_policy,
		.maxattr	= MCSEC_A_SENDER_NAME,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= MCSEC_CMD_SENDER_DEL,
		.doit		= mcsec_nl_sender_del_doit,
		.policy		= mcsec_sender_del_nl_policy,
		.maxattr	= MCSEC_A_SENDER_SENDER_ID,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= MCSEC_CMD_EDGE_NEW,
		.doit		= mcsec_nl_edge_new_doit,
		.policy		= mcsec_edge_new_nl_policy,
		.maxattr	= MCSEC_A_EDGE_DEV,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= MCSEC_CMD_EDGE_SET,
		.doit		= mcsec_nl_edge_set_doit,
		.policy		= mcsec_edge_set_nl_policy,
		.maxattr	= MCSEC_A_EDGE_MTU,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= MCSEC_CMD_EDGE_DEL,
		.doit		= mcsec_nl_edge_del_doit,
		.policy		= mcsec_edge_del_nl_policy,
		.maxattr	= MCSEC_A_EDGE_ID,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= MCSEC_CMD_EDGE_GET,
		.doit		= mcsec_nl_edge_get_doit,
		.dumpit		= mcsec_nl_edge_get_dumpit,
		.policy		= mcsec_edge_get_nl_policy,
		.maxattr	= MCSEC_A_EDGE_ID,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
};

static const struct genl_multicast_group mcsec_nl_mcgrps[] = {
	[MCSEC_NLGRP_EVENTS] = { "events", },
};
