/* SPDX-License-Identifier: GPL-2.0-only */
/* Who is told how much would have fit. */
#ifndef _MCSEC_PMTU_H
#define _MCSEC_PMTU_H

#include <linux/netfilter.h>
#include <linux/skbuff.h>

/*
 * The sender of @skb, which was too big in the hook of @state, may send @mtu
 * octets with IP's header. Beside EMSGSIZE a socket of this host that asked for
 * errors (IP_RECVERR, IPV6_RECVERR) finds the number in its error queue, as it
 * does without us; the sender of what is routed over IPv6 gets a Packet Too
 * Big. IPv4 tells nobody about multicast (RFC 1122 3.2.2).
 */
void mcsec_pmtu_tell(struct sk_buff *skb, const struct nf_hook_state *state,
		     u32 mtu);

#endif /* _MCSEC_PMTU_H */
