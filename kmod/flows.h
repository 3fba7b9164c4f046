/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ways past netfilter's hooks. A flowtable of nft forwards what belongs to a
 * flow before IP's hooks are called: neither would what arrives be verified
 * nor what leaves be protected. So no flow to a group's address gets there,
 * also while the group observes, and those that are there when it comes are
 * forgotten. The other ways belong to who configured them, who can only be
 * warned.
 */
#ifndef _MCSEC_FLOWS_H
#define _MCSEC_FLOWS_H

#include <linux/netfilter.h>
#include <linux/skbuff.h>
#include <net/net_namespace.h>
#include <net/xfrm.h>

#include "select.h"

/*
 * Take away what mcsec_flow() gave: xfrm would look for states in it. At FORWARD,
 * last; and of copies that rules made in between, where they leave.
 */
static inline void mcsec_flow_release(struct sk_buff *skb)
{
#ifdef CONFIG_XFRM
	struct sec_path *sp = skb_sec_path(skb);

	if (unlikely(sp) && !sp->len)
		secpath_reset(skb);
#endif
}

/*
 * FORWARD, first: rules for flowtables behind us must not take what has a
 * group's address, nor what was verified, wherever it goes. It has a sec_path
 * meanwhile, which tells them that it is IPsec's; it is xfrm's, but without
 * states.
 */
unsigned int mcsec_flow(void *priv, struct sk_buff *skb,
			const struct nf_hook_state *state);

/*
 * Forget the connections to what @sel, which packets find already, selects by
 * its destination, with all that was made of them. Of those that are tracked
 * from now on none gets by us. Process context; may sleep.
 */
void mcsec_flows_forget(struct net *net, const struct mcsec_selector *sel);

/*
 * Why a group's traffic may pass by us where it comes or goes, in the words of
 * a warning; or NULL.
 */
const char *mcsec_flows_ways(struct net *net);

#endif /* _MCSEC_FLOWS_H */
