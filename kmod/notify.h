/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Notifications of the netlink family, from any context but hard interrupts. They cost
 * little without a listener. A notification that cannot be allocated is lost, as any
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

/*
 * Send @cmd about the group, whose address has @dst_len octets. @owner is NULL
 * if the notification does not name it.
 */
void mcsec_notify_group(struct net *net, u8 cmd, const char *group,
			const void *dst, unsigned int dst_len,
			const char *owner);
/*
 * Send @cmd about @spi of the group, with the attribute @attr, or without one if
 * it is 0.
 */
void mcsec_notify_spi(struct net *net, u8 cmd, const char *group, __be32 spi,
		      int attr, u32 value);

#endif /* _MCSEC_NOTIFY_H */
