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

/*
 * LOCAL_OUT, last: rules have set marks, chosen routes and translated
 * addresses, and no later hook expects to read the payload. POST_ROUTING would
 * be wrong: multicast is cloned for local listeners before it, so it sees the
 * same datagram twice.
 *
 * PRE_ROUTING, directly behind the reassembly of fragments by connection
 * tracking, if that is on: connection tracking, rules, sockets and multicast
 * routing see the clear datagram.
 *
 * LOCAL_IN, first: some datagrams are delivered without having passed
 * PRE_ROUTING here. Segment routing decapsulates behind it, and packets for
 * which a bridge calls the hooks of IP are left alone there (see
 * mcsec_input()). Also, a verified datagram must not be answered in the clear.
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
	/* A module that is unloaded while groups exist would leave their
	 * traffic in the clear. Groups therefore pin the module: the
	 * administrator deletes them first. No group can be made once the
	 * module is being unloaded.
	 */
	if (!try_module_get(THIS_MODULE))
		return -EBUSY;
	/* Each namespace registers a copy with its own @priv, because looking
	 * the namespace up would cost each packet as much as finding the group.
	 */
	BUILD_BUG_ON(ARRAY_SIZE(template) > MCSEC_HOOKS);
	memcpy(mnet->ops, template, sizeof(template));
	for (i = 0; i < ARRAY_SIZE(template); i++)
		mnet->ops[i].priv = mnet;
	err = nf_register_net_hooks(mnet->net, mnet->ops, ARRAY_SIZE(template));
	if (err)
		module_put(THIS_MODULE);
	return err;
}

void mcsec_hooks_put(struct mcsec_net *mnet)
{
	lockdep_assert_held(&mnet->lock);

	if (mnet->n_groups)
		return;
	nf_unregister_net_hooks(mnet->net, mnet->ops, ARRAY_SIZE(template));
	module_put(THIS_MODULE);
}
