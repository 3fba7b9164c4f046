/* SPDX-License-Identifier: GPL-2.0-only */
/* Path MTU: how large a datagram may be, and the error for a larger one. */
#ifndef _MCSEC_PMTU_H
#define _MCSEC_PMTU_H

#include <linux/netfilter.h>
#include <linux/skbuff.h>

/*
 * Return true if the ESP datagram may be fragmented. @usable is the largest clear
 * datagram that would fit: below 1280, an error would not help the sender of IPv6.
 *
 * A datagram that ESP makes larger than the MTU is fragmented, unless its sender
 * forbids that: with IP_PMTUDISC_DO, _PROBE or _INTERFACE, with IPV6_DONTFRAG, or
 * by a header of its own. The default, IP_PMTUDISC_WANT, sets DF on datagrams
 * that fit the MTU before ESP, and permits fragmentation by ignore_df.
 *
 * A routed IPv6 datagram is never fragmented, and its sender gets an error.
 * IPv4 has no error for the sender of multicast (RFC 1122 3.2.2), and senders
 * set DF by default, so a gateway ignores DF.
 */
bool mcsec_pmtu_may_fragment(const struct sk_buff *skb,
			     const struct nf_hook_state *state,
			     unsigned int usable);

/*
 * Return the size of the largest datagram that fits @mtu after ESP is added
 * behind @hlen octets, or behind a new outer header of @outer octets. Returns 0
 * if none fits.
 */
unsigned int mcsec_pmtu_usable(unsigned int mtu, unsigned int hlen,
			       unsigned int outer);

/*
 * Tell the sender of @skb, which was too big in the hook of @state, that it may
 * send @mtu octets including the IP header. A socket of this host that asked
 * for errors (IP_RECVERR, IPV6_RECVERR) finds the number in its error queue, as
 * with xfrm, beside EMSGSIZE; a kernel without xfrm has no function for that.
 * The sender of a routed IPv6 datagram gets a Packet Too Big. IPv4 sends no
 * error about multicast (RFC 1122 3.2.2).
 */
void mcsec_pmtu_report(struct sk_buff *skb, const struct nf_hook_state *state,
		       u32 mtu);

#endif /* _MCSEC_PMTU_H */
