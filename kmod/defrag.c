// SPDX-License-Identifier: GPL-2.0-only
#include "defrag.h"
#include "compat.h"

#include <linux/netfilter_bridge.h>
#include <net/ip.h>
#include <net/ipv6_frag.h>
#include <net/netfilter/ipv6/nf_defrag_ipv6.h>
#include <net/sock.h>

/*
 * Fragments are gathered for the users of connection tracking, which gathers
 * them in front of mcsec where it is enabled.
 */
static int gather_fragment4(struct sk_buff *skb,
			    const struct nf_hook_state *state)
{
	const struct sock *sk = skb->sk;
	u32 user = IP_DEFRAG_CONNTRACK_OUT;
	int err;

	/* IP_NODEFRAG */
	if (sk && sk_fullsock(sk) && sk->sk_family == AF_INET &&
	    mcsec_nodefrag(sk))
		return 0;
	if (nf_bridge_in_prerouting(skb))
		user = IP_DEFRAG_CONNTRACK_BRIDGE_IN;
	else if (state->hook == NF_INET_PRE_ROUTING)
		user = IP_DEFRAG_CONNTRACK_IN;
	local_bh_disable();
	err = ip_defrag(state->net, skb, user);
	local_bh_enable();
	/* IP has queued or freed the fragment. */
	if (err)
		return -EINPROGRESS;
	skb->ignore_df = 1;
	return 0;
}

#if IS_ENABLED(CONFIG_IPV6)
static int gather_fragment6(struct sk_buff *skb,
			    const struct nf_hook_state *state)
{
	u32 user = IP6_DEFRAG_CONNTRACK_OUT;

	if (nf_bridge_in_prerouting(skb))
		user = IP6_DEFRAG_CONNTRACK_BRIDGE_IN;
	else if (state->hook == NF_INET_PRE_ROUTING)
		user = IP6_DEFRAG_CONNTRACK_IN;
	return nf_ct_frag6_gather(state->net, skb, user);
}
#endif

unsigned int mcsec_defrag(struct sk_buff *skb,
			  const struct nf_hook_state *state)
{
	int err;

#if IS_ENABLED(CONFIG_IPV6)
	if (state->pf == NFPROTO_IPV6)
		err = gather_fragment6(skb, state);
	else
#endif
		err = gather_fragment4(skb, state);
	if (!err)
		return NF_ACCEPT;
	return err == -EINPROGRESS ? NF_STOLEN : NF_DROP;
}
