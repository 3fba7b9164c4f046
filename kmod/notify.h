/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Notifications of the netlink family, from any context. They cost nothing
 * without a listener. A notification that cannot be allocated is lost, as any
 * multicast netlink message may be.
 */
#ifndef _MCSEC_NOTIFY_H
#define _MCSEC_NOTIFY_H

#include <linux/types.h>

struct net;

/*
 * netlink.c defines the family, whose multicast group gets the
 * notifications.
 */
extern struct genl_family mcsec_nl_family;

void mcsec_notify_acquire(struct net *net, const char *group, const void *dst,
			  unsigned int dst_len);
void mcsec_notify_group_gone(struct net *net, const char *group,
			     const char *owner, const void *dst,
			     unsigned int dst_len);
/*
 * @cmd is MCSEC_CMD_SOFT_EXPIRE or MCSEC_CMD_HARD_EXPIRE; @limit is an enum
 * mcsec_limit.
 */
void mcsec_notify_expire(struct net *net, u8 cmd, const char *group, __be32 spi,
			 u32 limit);
void mcsec_notify_iv(struct net *net, const char *group, __be32 spi, u32 sid);
void mcsec_notify_sender(struct net *net, const char *group, __be32 spi,
			 u32 sid);
void mcsec_notify_unknown(struct net *net, const char *group, __be32 spi);

#endif /* _MCSEC_NOTIFY_H */
