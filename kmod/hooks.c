// SPDX-License-Identifier: GPL-2.0-only
#include "hooks.h"
#include "flows.h"
#include "group.h"
#include "input.h"
#include "output.h"

#include <linux/module.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/netfilter/ipv4/nf_defrag_ipv4.h>
#include <net/netfilter/ipv6/nf_defrag_ipv6.h>

/*
 * LOCAL_OUT, last: rules have set marks, chosen routes and translated
 * addresses, and no later hook expects to read the payload. POST_ROUTING would
 * be wrong: multicast is cloned for local listeners before it, so it sees the
 * same datagram twice. Fragments, which raw sockets may send, are put together
 * in front of the rules by nf_defrag, so that rules choose the mark and the
 * route of a whole datagram.
 *
 * PRE_ROUTING, directly behind the reassembly of fragments: connection
 * tracking, rules, sockets and multicast routing see the clear datagram.
 *
 * LOCAL_IN, first: some datagrams are delivered without having passed
 * PRE_ROUTING here. Segment routing decapsulates behind it, and packets for
 * which a bridge calls the hooks of IP are left alone there (see
 * mcsec_input()). Also, a verified datagram must not be answered in the clear.
 *
 * FORWARD, first: see mcsec_keep_off_flowtables(). FORWARD and POST_ROUTING, last: see
 * mcsec_forward().
 */
static const struct {
	nf_hookfn *hook;
	unsigned int hooknum;
	int priority;
} hooks[] = {
	{ mcsec_output, NF_INET_LOCAL_OUT, NF_IP_PRI_LAST },
	{ mcsec_input, NF_INET_PRE_ROUTING, NF_IP_PRI_CONNTRACK_DEFRAG + 1 },
	{ mcsec_local_input, NF_INET_LOCAL_IN, NF_IP_PRI_FIRST },
	{ mcsec_keep_off_flowtables, NF_INET_FORWARD, NF_IP_PRI_FIRST },
	{ mcsec_forward, NF_INET_FORWARD, NF_IP_PRI_LAST },
	{ mcsec_forward, NF_INET_POST_ROUTING, NF_IP_PRI_LAST },
};

static const u8 families[] = {
	NFPROTO_IPV4,
#if IS_ENABLED(CONFIG_IPV6)
	NFPROTO_IPV6,
#endif
};

#define N_HOOKS (ARRAY_SIZE(families) * ARRAY_SIZE(hooks))

/*
 * Each namespace registers hooks with its own @priv, because looking the
 * namespace up would cost each packet as much as finding the group.
 */
static void init_ops(struct mcsec_net *mnet)
{
	unsigned int i;

	BUILD_BUG_ON(N_HOOKS > MCSEC_HOOKS);
	/* Both families have the same numbers. */
	BUILD_BUG_ON((int)NF_IP_PRI_CONNTRACK_DEFRAG !=
		     (int)NF_IP6_PRI_CONNTRACK_DEFRAG);
	for (i = 0; i < N_HOOKS; i++) {
		mnet->ops[i] = (struct nf_hook_ops){
			.hook = hooks[i % ARRAY_SIZE(hooks)].hook,
			.priv = mnet,
			.pf = families[i / ARRAY_SIZE(hooks)],
			.hooknum = hooks[i % ARRAY_SIZE(hooks)].hooknum,
			.priority = hooks[i % ARRAY_SIZE(hooks)].priority,
		};
	}
}

int mcsec_hooks_register(struct mcsec_net *mnet)
{
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
	init_ops(mnet);
	err = nf_defrag_ipv4_enable(mnet->net);
	if (err)
		goto err_module;
	err = IS_ENABLED(CONFIG_IPV6) ? nf_defrag_ipv6_enable(mnet->net) : 0;
	if (err)
		goto err_defrag4;
	err = nf_register_net_hooks(mnet->net, mnet->ops, N_HOOKS);
	if (err)
		goto err_defrag6;
	return 0;

err_defrag6:
	if (IS_ENABLED(CONFIG_IPV6))
		nf_defrag_ipv6_disable(mnet->net);
err_defrag4:
	nf_defrag_ipv4_disable(mnet->net);
err_module:
	module_put(THIS_MODULE);
	return err;
}

void mcsec_hooks_unregister(struct mcsec_net *mnet)
{
	lockdep_assert_held(&mnet->lock);

	if (mnet->n_groups)
		return;
	nf_unregister_net_hooks(mnet->net, mnet->ops, N_HOOKS);
	if (IS_ENABLED(CONFIG_IPV6))
		nf_defrag_ipv6_disable(mnet->net);
	nf_defrag_ipv4_disable(mnet->net);
	module_put(THIS_MODULE);
}
