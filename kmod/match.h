/* SPDX-License-Identifier: GPL-2.0-only */
/* The interface for match modules of rules: whether a datagram was verified. */
#ifndef _MCSEC_MATCH_H
#define _MCSEC_MATCH_H

#include <linux/skbuff.h>
#include <net/net_namespace.h>

/**
 * mcsec_match() - tell whether a datagram was verified, and by which group
 * @net: network namespace
 * @skb: datagram at PRE_ROUTING behind mcsec, at LOCAL_IN or at FORWARD
 * @family: AF_INET or AF_INET6
 * @name: name of a group in @net, or NULL for any
 * @sender: set to the Sender-ID if the datagram was verified by any group;
 *	may be NULL
 *
 * Context: any context of a netfilter hook; the caller holds rcu_read_lock().
 * Return: true if an SA of the group verified the datagram.
 */
bool mcsec_match(const struct net *net, const struct sk_buff *skb, u8 family,
		 const char *name, u32 *sender);

#endif /* _MCSEC_MATCH_H */
