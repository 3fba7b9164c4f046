/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ways past the hooks of netfilter. A flowtable of nft forwards the packets of
 * a flow before the hooks of IP are called, so incoming packets would not be
 * verified and outgoing ones not protected. No flow to a group's address is
 * therefore offloaded, even while the group observes, and existing ones are
 * removed when a group is made. Other ways (XDP, tc, netdev chains) are the
 * administrator's own, and only cause a warning.
 */
#ifndef _MCSEC_FLOWS_H
#define _MCSEC_FLOWS_H

#include <linux/netfilter.h>
#include <linux/skbuff.h>
#include <net/net_namespace.h>
#include <net/xfrm.h>

#include "select.h"

/* Whether @skb has the sec_path that mcsec_keep_off_flowtables() adds. */
static inline bool mcsec_has_empty_secpath(struct sk_buff *skb)
{
#ifdef CONFIG_XFRM
	struct sec_path *sp = skb_sec_path(skb);

	return unlikely(sp) && !sp->len;
#else
	return false;
#endif
}

/*
 * Remove that sec_path, in which xfrm would look for states. Called at FORWARD,
 * last, and for copies that rules made in between where they leave.
 */
static inline void mcsec_drop_empty_secpath(struct sk_buff *skb)
{
#ifdef CONFIG_XFRM
	if (mcsec_has_empty_secpath(skb))
		secpath_reset(skb);
#endif
}

/*
 * Hook function for FORWARD, first: keep packets to a group's address, verified
 * packets to any address, and answers to multicast out of flowtables. They get
 * an empty sec_path until the last hook, by which the flow expression of nft
 * takes them for IPsec.
 */
unsigned int mcsec_keep_off_flowtables(void *priv, struct sk_buff *skb,
				       const struct nf_hook_state *state);

/*
 * Return true for an ICMP error about multicast whose addresses rules translated: NAT
 * translates the quote back behind mcsec's check of it.
 */
bool mcsec_flow_is_translated_error(const struct sk_buff *skb, u8 pf);

/*
 * Delete the connections to destinations that @sel selects, and so the flows
 * that were offloaded for them. The caller has made @sel visible to packets
 * first, so no new flow is offloaded. Process context; may sleep.
 */
void mcsec_flows_forget(struct net *net, const struct mcsec_selector *sel);

/*
 * Return a warning, which is a string literal, if the configuration of an
 * interface lets group traffic bypass the hooks, or NULL. Looks at every
 * interface.
 */
const char *mcsec_flows_bypass(struct net *net);

#endif /* _MCSEC_FLOWS_H */
