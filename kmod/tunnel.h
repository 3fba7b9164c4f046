/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The outer header of tunnel mode, with the addresses of the inner one (RFC
 * 5374 3.1): so multicast routing, RPF checks and IGMP work on the outer as on
 * the inner. Hop limits and what routers mark travel in it both ways.
 */
#ifndef _MCSEC_TUNNEL_H
#define _MCSEC_TUNNEL_H

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <net/net_namespace.h>

struct mcsec_tunnel_hdr {
	union {
		struct iphdr v4;
		struct ipv6hdr v6;
	};
};

static inline unsigned int mcsec_tunnel_len(const struct sk_buff *skb)
{
	return ip_hdr(skb)->version == 4 ? sizeof(struct iphdr)
					 : sizeof(struct ipv6hdr);
}

/*
 * The outer header of @skb, of mcsec_tunnel_len() octets, with the offset of the
 * octet that names what follows. Returns the protocol number of @skb inside.
 */
u8 mcsec_tunnel_of(struct mcsec_tunnel_hdr *outer, const struct sk_buff *skb,
		   unsigned int *nhoff);

/*
 * Put it in front of @skb, for which there is room. @df: set DF. Lengths and
 * checksum are left to the caller.
 */
void mcsec_tunnel_push(struct sk_buff *skb,
		       const struct mcsec_tunnel_hdr *outer, struct net *net,
		       unsigned int len, bool df);

/*
 * What came out of the tunnel, with skb->data at its header, becomes the
 * datagram, or a fragment of one, if its header makes sense and has the
 * addresses of @outer. Returns false if not.
 */
bool mcsec_tunnel_remove(struct sk_buff *skb,
			 const struct mcsec_tunnel_hdr *outer);

/*
 * Of a fragment that came out of a tunnel (RFC 4301 7), whose sender made
 * fragments before ESP: wait for the others of @user, which are none but what
 * came the same way. Returns 0 if @skb is a whole datagram, or has become one;
 * -EINPROGRESS if it has been taken, to wait or because it does not fit; another
 * -errno if it is still the caller's and of no use. IP's own limits of
 * memory and time apply. BH disabled.
 */
int mcsec_tunnel_gather(struct sk_buff *skb, struct net *net, u32 user);

#endif /* _MCSEC_TUNNEL_H */
