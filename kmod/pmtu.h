/* SPDX-License-Identifier: GPL-2.0-only */
/* How large a datagram may be, and who is told. */
#ifndef _MCSEC_PMTU_H
#define _MCSEC_PMTU_H

#include <linux/netfilter.h>
#include <linux/skbuff.h>

/*
 * A datagram that ESP makes larger than the MTU is fragmented on its way out,
 * unless its sender forbids: with IP_PMTUDISC_DO or _PROBE, or by a header of
 * its own. The default, _WANT, sets DF on what fits the MTU before ESP, and
 * leaves ignore_df as its permission.
 *
 * Of what is routed IPv6 is never fragmented, and its sender is told. IPv4 has
 * no way to tell the sender of multicast (RFC 1122 3.2.2), which sets DF
 * without thinking, so DF does not bind a gateway.
 * @usable: how large it may be.
 */
bool mcsec_pmtu_may_fragment(const struct sk_buff *skb,
			     const struct nf_hook_state *state,
			     unsigned int usable);

/*
 * The largest datagram that ESP behind @hlen octets, or all of it behind a new
 * header of @outer octets, does not make larger than @mtu. 0 if none.
 */
unsigned int mcsec_pmtu_usable(unsigned int mtu, unsigned int hlen,
			       unsigned int outer);

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
