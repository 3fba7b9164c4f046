/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The generic netlink family of Documentation/netlink/specs/mcsec.yaml.
 * netlink.c has the family and the counters, and each other object has a file
 * of its own. Every refusal but that of memory for a reply has an extack message.
 */
#ifndef _MCSEC_NETLINK_H
#define _MCSEC_NETLINK_H

#include <net/genetlink.h>

#include "group.h"
#include "netlink-gen.h"
#include "notify.h"

/*
 * Return the attribute, or NULL with extack set. @what is a string literal with
 * its name in the spec.
 */
#define mcsec_nl_need(info, attr, what) \
	({ \
		struct nlattr *nla_ = (info)->attrs[attr]; \
		if (!nla_) { \
			GENL_SET_ERR_MSG(info, "missing attribute: " what); \
			NL_SET_ERR_ATTR_MISS((info)->extack, NULL, attr); \
		} \
		nla_; \
	})

/* Refuse a request because of @nla, which may be NULL: @err, with extack set. */
#define refuse_nla(extack, nla, err, msg) \
	({ \
		NL_SET_ERR_MSG_ATTR(extack, nla, msg); \
		err; \
	})

/* Refuse a request because of its attribute @attr. */
#define refuse(info, attr, err, msg) \
	refuse_nla((info)->extack, (info)->attrs[attr], err, msg)

/*
 * The attributes that name a group and an SA have the same numbers in all
 * requests, so one function finds the object of any of them.
 */
static_assert((int)MCSEC_A_GROUP_NAME == (int)MCSEC_A_SA_GROUP);
static_assert((int)MCSEC_A_SENDER_GROUP == (int)MCSEC_A_SA_GROUP);
static_assert((int)MCSEC_A_SENDER_SPI == (int)MCSEC_A_SA_SPI);

/*
 * Return the group, or the SA, that a request with @attrs names, or NULL with
 * extack set. The request has the attributes. The caller holds mnet->lock.
 */
struct mcsec_group *mcsec_nl_group(struct mcsec_net *mnet,
				   struct nlattr **attrs,
				   struct netlink_ext_ack *extack);
struct mcsec_sa *mcsec_nl_sa(struct mcsec_net *mnet, struct nlattr **attrs,
			     struct netlink_ext_ack *extack);

/*
 * Call @act with mnet->lock held for the group, or the SA, that a do request
 * names. Returns what @act does, or -errno with extack set. The caller has checked that
 * a request about a group has its name.
 */
int mcsec_nl_act_on_group(struct genl_info *info,
			  int (*act)(struct genl_info *info,
				     struct mcsec_group *group));
int mcsec_nl_act_on_sa(struct genl_info *info,
		       int (*act)(struct genl_info *info, struct mcsec_sa *sa));

/*
 * Reply to a do request with the attributes that @fill adds, under the locks of the
 * caller; it returns 0 or -EMSGSIZE. Returns 0 or -errno.
 */
int mcsec_nl_reply(struct genl_info *info,
		   int (*fill)(struct sk_buff *msg, const void *object),
		   const void *object);

/* Add one object of a dump to @skb. Returns 0, or -EMSGSIZE if @skb is full. */
int mcsec_nl_dump_one(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd,
		      int (*fill)(struct sk_buff *msg, const void *object),
		      const void *object);

int mcsec_netlink_init(void);
void mcsec_netlink_exit(void);

#endif /* _MCSEC_NETLINK_H */
