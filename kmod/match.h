/* SPDX-License-Identifier: GPL-2.0-only */
/* How a datagram came, for other modules. */
#ifndef _MCSEC_MATCH_H
#define _MCSEC_MATCH_H

#include <linux/skbuff.h>
#include <net/net_namespace.h>

/**
 * mcsec_match - whether a datagram came protected, and by what
 * @net: where it is
 * @skb: at PRE_ROUTING behind mcsec, LOCAL_IN or FORWARD
 * @family: AF_INET or AF_INET6, of @skb
 * @name: a group of @net, or NULL for any
 * @sender: is set to the Sender-ID if the datagram was verified, whichever
 *	its group; may be NULL
 *
 * Context: any that IP gives to hooks, inside of rcu_read_lock().
 * Return: true if it was verified by an SA of the group.
 */
bool mcsec_match(const struct net *net, const struct sk_buff *skb, u8 family,
		 const char *name, u32 *sender);

#endif /* _MCSEC_MATCH_H */
