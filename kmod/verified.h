/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mark of a datagram that was verified at PRE_ROUTING, for later hooks. It
 * has two parts. The first is a flag in the control block of IP, which IP clears
 * on arrival, so a packet that arrives again out of a tunnel loses the flag. The
 * bit is one that IP does not use. IPSKB_XFRM_TRANSFORMED, for example, would
 * keep NAT from looking up xfrm policies for translated addresses. Segment
 * routing on older kernels, however, hands a decapsulated packet to IP without
 * clearing: frag_max_size of the outer IPv6 packet stands where IPv4 has its
 * flags, so the flag alone could be forged. The second part is therefore a random
 * number that is not known outside of this kernel, at a place that nobody else
 * writes while IP has the packet.
 */
#ifndef _MCSEC_VERIFIED_H
#define _MCSEC_VERIFIED_H

#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <net/ip.h>

#include "header.h"

/* The highest bit of the flags of both families is not used by IP. */
#define MCSEC_SKB_VERIFIED BIT(15)

extern u64 mcsec_verified_cookie;

/**
 * struct mcsec_verified - mark of a verified datagram, behind IP's skb->cb
 * @cookie: mcsec_verified_cookie; with any other value there is no mark
 * @group: id of the group
 * @sender: the Sender-ID
 */
struct mcsec_verified {
	u64 cookie;
	u32 group;
	u32 sender;
};

static inline struct mcsec_verified *
mcsec_verified_slot(const struct sk_buff *skb)
{
	const size_t at = sizeof(skb->cb) - sizeof(struct mcsec_verified);

	BUILD_BUG_ON(sizeof(struct inet_skb_parm) > at ||
		     sizeof(struct inet6_skb_parm) > at);
	BUILD_BUG_ON(sizeof_field(struct inet_skb_parm, flags) != 2 ||
		     sizeof_field(struct inet6_skb_parm, flags) != 2);
	return (struct mcsec_verified *)(skb->cb + at);
}

static inline bool mcsec_is_verified4(const struct sk_buff *skb)
{
	return IPCB(skb)->flags & MCSEC_SKB_VERIFIED &&
	       mcsec_verified_slot(skb)->cookie == mcsec_verified_cookie;
}

static inline bool mcsec_is_verified6(const struct sk_buff *skb)
{
	return IP6CB(skb)->flags & MCSEC_SKB_VERIFIED &&
	       mcsec_verified_slot(skb)->cookie == mcsec_verified_cookie;
}

static __always_inline bool mcsec_is_verified(const struct sk_buff *skb, u8 pf)
{
	return mcsec_is_ip6(pf) ? mcsec_is_verified6(skb)
				: mcsec_is_verified4(skb);
}

/*
 * Mark @skb as verified. With @here the datagram is for this host alone, and is
 * also marked as forwarded already: multicast routing would otherwise send the
 * clear datagram to other links, tunnels and routing daemons. Without
 * @here the datagram may also be fragmented: otherwise an IPv6 router would quote the
 * decrypted payload in a Packet Too Big, and send that through the network that the
 * payload was hidden from.
 */
static inline void mcsec_set_verified(struct sk_buff *skb, u8 pf, bool here,
				      u32 group, u32 sender)
{
	struct mcsec_verified *slot = mcsec_verified_slot(skb);

	if (!here)
		skb->ignore_df = 1;
	slot->cookie = mcsec_verified_cookie;
	slot->group = group;
	slot->sender = sender;
	/* The fragment size belongs to the ESP datagram. */
	if (!mcsec_is_ip6(pf)) {
		IPCB(skb)->flags |= MCSEC_SKB_VERIFIED |
				    (here ? IPSKB_FORWARDED : 0);
		IPCB(skb)->frag_max_size = 0;
	} else {
		IP6CB(skb)->flags |= MCSEC_SKB_VERIFIED |
				     (here ? IP6SKB_FORWARDED : 0);
		IP6CB(skb)->frag_max_size = 0;
	}
}

#endif /* _MCSEC_VERIFIED_H */
