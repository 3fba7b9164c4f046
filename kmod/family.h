/* SPDX-License-Identifier: GPL-2.0-only */
/* Selection of groups and SAs by the tables of a datagram's address family. */
#ifndef _MCSEC_FAMILY_H
#define _MCSEC_FAMILY_H

#include "group.h"
#include "header.h"
#include "pkt.h"

static __always_inline struct mcsec_group *
mcsec_select_group(const struct mcsec_pkt *pkt, const struct net_device *dev)
{
	const struct mcsec_select *s = pkt->mnet->select;

	return mcsec_pkt_is_ip6(pkt) ? mcsec_select6(s, pkt->skb, dev)
				     : mcsec_select4(s, pkt->skb, dev);
}

static inline struct mcsec_opaque
mcsec_select_opaque(const struct mcsec_pkt *pkt, const struct net_device *dev)
{
	return mcsec_lookup_opaque(pkt->mnet->select, pkt->skb, dev,
				   mcsec_pkt_is_ip6(pkt));
}

static inline struct mcsec_group *
mcsec_select_quoted(const struct mcsec_pkt *pkt, const struct net_device *dev)
{
	return mcsec_lookup_quoted(pkt->mnet->select, pkt->skb, dev,
				   mcsec_pkt_is_ip6(pkt));
}

static __always_inline struct mcsec_sa *
mcsec_select_sa(const struct mcsec_pkt *pkt, __be32 spi)
{
	const struct mcsec_select *s = pkt->mnet->select;

	return mcsec_sa_of(mcsec_pkt_is_ip6(pkt)
				   ? mcsec_select_sa6(s, pkt->skb, spi)
				   : mcsec_select_sa4(s, pkt->skb, spi));
}

#endif /* _MCSEC_FAMILY_H */
