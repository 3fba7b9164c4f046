/* SPDX-License-Identifier: GPL-2.0-only */
/* One datagram in a hook: what the functions of the packet path hand on. */
#ifndef _MCSEC_PKT_H
#define _MCSEC_PKT_H

#include <linux/netfilter.h>
#include <linux/skbuff.h>

#include "group.h"
#include "header.h"

/**
 * struct mcsec_pkt - a datagram in a hook
 * @skb: the datagram; skb->data is at its IP header
 * @state: the hook's state
 * @hook: the hook's function, behind which a deferred packet goes on
 * @mnet: the namespace
 * @hlen: octets in front of the payload, which is ESP on the way in
 * @nhoff: offset of the octet that names the payload
 * @next: the payload, see mcsec_header_walk()
 * @sa: the SA that it is verified with
 * @iv: its IV
 */
struct mcsec_pkt {
	struct sk_buff *skb;
	const struct nf_hook_state *state;
	nf_hookfn *hook;
	struct mcsec_net *mnet;
	unsigned int hlen;
	unsigned int nhoff;
	int next;
	struct mcsec_sa *sa;
	u64 iv;
};

static __always_inline void mcsec_pkt_init(struct mcsec_pkt *pkt,
					   struct mcsec_net *mnet,
					   struct sk_buff *skb,
					   const struct nf_hook_state *state,
					   nf_hookfn *hook)
{
	pkt->skb = skb;
	pkt->state = state;
	pkt->hook = hook;
	pkt->mnet = mnet;
}

/* Sets hlen, nhoff and next. */
static __always_inline void mcsec_pkt_walk(struct mcsec_pkt *pkt)
{
	pkt->next = mcsec_header_walk(pkt->skb, pkt->state->pf, &pkt->hlen,
				      &pkt->nhoff);
}

/* ---- the selection of its family ---- */

static __always_inline struct mcsec_group *
mcsec_pkt_select(const struct mcsec_pkt *pkt, const struct net_device *dev)
{
	const struct mcsec_select *s = &pkt->mnet->select;

	return mcsec_is_ip6(pkt->state->pf) ? mcsec_select6(s, pkt->skb, dev)
					    : mcsec_select4(s, pkt->skb, dev);
}

static inline struct mcsec_opaque
mcsec_pkt_select_opaque(const struct mcsec_pkt *pkt,
			const struct net_device *dev)
{
	const struct mcsec_select *s = &pkt->mnet->select;

	return mcsec_is_ip6(pkt->state->pf)
		       ? mcsec_select_opaque6(s, pkt->skb, dev)
		       : mcsec_select_opaque4(s, pkt->skb, dev);
}

static __always_inline struct mcsec_sa *
mcsec_pkt_select_sa(const struct mcsec_pkt *pkt, __be32 spi)
{
	const struct mcsec_select *s = &pkt->mnet->select;

	return mcsec_sa_of(mcsec_is_ip6(pkt->state->pf)
				   ? mcsec_select_sa6(s, pkt->skb, spi)
				   : mcsec_select_sa4(s, pkt->skb, spi));
}

#endif /* _MCSEC_PKT_H */
