// SPDX-License-Identifier: GPL-2.0-only
#include "hooks.h"
#include "flows.h"
#include "group.h"
#include "input.h"
#include "output.h"

#include <linux/module.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/string.h>
#include <net/netfilter/ipv4/nf_defrag_ipv4.h>
#include <net/netfilter/ipv6/nf_defrag_ipv6.h>

/*
 * LOCAL_OUT, last: rules have set marks, chosen routes and translated
 * addresses, and nothing after us expects the payload. Not POST_ROUTING:
 * multicast is cloned for local listeners before it, so it sees the same
 * datagram twice.
 *
 * PRE_ROUTING, right behind the reassembly of fragments: what connection
 * tracking, rules, sockets and multicast routing see is the clear datagram.
 *
 * LOCAL_IN, first: not everything that is delivered here came by way of
 * PRE_ROUTING. Segment routing decapsulates behind it, and what a bridge calls
 * IP's hooks for is left as it is there (see mcsec_input()). And what is
 * verified must not be answered in the clear.
 *
 * FORWARD, first: see mcsec_flow(). FORWARD and POST_ROUTING, last: see
 * mcsec_forward().
 */
static const struct nf_hook_ops template[] = {
	{
		.hook = mcsec_output,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_LOCAL_OUT,
		.priority = NF_IP_PRI_LAST,
	},
	{
		.hook = mcsec_input,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_PRE_ROUTING,
		.priority = NF_IP_PRI_CONNTRACK_DEFRAG + 1,
	},
	{
		.hook = mcsec_local_input,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_LOCAL_IN,
		.priority = NF_IP_PRI_FIRST,
	},
	{
		.hook = mcsec_flow,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_FORWARD,
		.priority = NF_IP_PRI_FIRST,
	},
	{
		.hook = mcsec_forward,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_FORWARD,
		.priority = NF_IP_PRI_LAST,
	},
	{
		.hook = mcsec_forward,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_POST_ROUTING,
		.priority = NF_IP_PRI_LAST,
	},
#if IS_ENABLED(CONFIG_IPV6)
	{
		.hook = mcsec_output,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_LOCAL_OUT,
		.priority = NF_IP6_PRI_LAST,
	},
	{
		.hook = mcsec_input,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_PRE_ROUTING,
		.priority = NF_IP6_PRI_CONNTRACK_DEFRAG + 1,
	},
	{
		.hook = mcsec_local_input,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_LOCAL_IN,
		.priority = NF_IP6_PRI_FIRST,
	},
	{
		.hook = mcsec_flow,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_FORWARD,
		.priority = NF_IP6_PRI_FIRST,
	},
	{
		.hook = mcsec_forward,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_FORWARD,
		.priority = NF_IP6_PRI_LAST,
	},
	{
		.hook = mcsec_forward,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_POST_ROUTING,
		.priority = NF_IP6_PRI_LAST,
	},
#endif
};

int mcsec_hooks_get(struct mcsec_net *mnet)
{
	unsigned int i;
	int err;

	lockdep_assert_held(&mnet->lock);

	if (mnet->n_groups)
		return 0;
	/* A module that goes while groups exist would leave their traffic in
	 * the clear: whoever wants that deletes the groups first. And none is
	 * made any more once it is going.
	 */
	if (!try_module_get(THIS_MODULE))
		return -EBUSY;
	/* A namespace's own, which have it at hand: to look it up would cost
	 * packets as much as to find the group.
	 */
	BUILD_BUG_ON(ARRAY_SIZE(template) > MCSEC_HOOKS);
	memcpy(mnet->ops, template, sizeof(template));
	for (i = 0; i < ARRAY_SIZE(template); i++)
		mnet->ops[i].priv = mnet;
	err = nf_defrag_ipv4_enable(mnet->net);
	if (err)
		goto err_module;
#if IS_ENABLED(CONFIG_IPV6)
	err = nf_defrag_ipv6_enable(mnet->net);
	if (err)
		goto err_defrag4;
#endif
	err = nf_register_net_hooks(mnet->net, mnet->ops, ARRAY_SIZE(template));
	if (err)
		goto err_defrag6;
	return 0;

err_defrag6:
#if IS_ENABLED(CONFIG_IPV6)
	nf_defrag_ipv6_disable(mnet->net);
err_defrag4:
#endif
	nf_defrag_ipv4_disable(mnet->net);
err_module:
	module_put(THIS_MODULE);
	return err;
}

void mcsec_hooks_put(struct mcsec_net *mnet)
{
	lockdep_assert_held(&mnet->lock);

	if (mnet->n_groups)
		return;
	nf_unregister_net_hooks(mnet->net, mnet->ops, ARRAY_SIZE(template));
#if IS_ENABLED(CONFIG_IPV6)
	nf_defrag_ipv6_disable(mnet->net);
#endif
	nf_defrag_ipv4_disable(mnet->net);
	module_put(THIS_MODULE);
}
