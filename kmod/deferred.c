// SPDX-License-Identifier: GPL-2.0-only
#include "deferred.h"

#include <linux/netfilter_bridge.h>
#include <net/dst.h>
#include <net/inet_hashtables.h>
#include <net/sock.h>

static struct net_device *physin_of(const struct sk_buff *skb, struct net *net)
{
#if IS_ENABLED(CONFIG_BRIDGE_NETFILTER)
	return nf_bridge_get_physindev(skb, net);
#else
	return NULL;
#endif
}

static struct net_device *physout_of(const struct sk_buff *skb)
{
#if IS_ENABLED(CONFIG_BRIDGE_NETFILTER)
	return nf_bridge_get_physoutdev(skb);
#else
	return NULL;
#endif
}

void mcsec_deferred_hold(struct mcsec_deferred *deferred, struct sk_buff *skb,
			 const struct nf_hook_state *state)
{
	deferred->state = *state;
	deferred->dev = skb->dev;
	deferred->physin = physin_of(skb, state->net);
	deferred->physout = physout_of(skb);
	deferred->held = false;

	/* A route without a reference whose device is being unregistered cannot
	 * be held.
	 */
	if (skb_dst(skb) && !skb_dst_force(skb))
		return;
	if (state->sk && !refcount_inc_not_zero(&state->sk->sk_refcnt))
		return;
	dev_hold(deferred->dev);
	dev_hold(deferred->physin);
	dev_hold(deferred->physout);
	dev_hold(state->in);
	dev_hold(state->out);
	deferred->held = true;
}

void mcsec_deferred_release(struct mcsec_deferred *deferred)
{
	struct nf_hook_state *state = &deferred->state;

	if (!deferred->held)
		return;
	dev_put(state->out);
	dev_put(state->in);
	dev_put(deferred->physout);
	dev_put(deferred->physin);
	dev_put(deferred->dev);
	if (state->sk)
		sock_gen_put(state->sk);
}

/*
 * Return the chain that the hook of @state is in. nf_hook_slow() continues a
 * chain, and is exported for that, but no exported function finds one.
 * nf_hook() starts at its head, so hooks in front of ours would see the packet
 * twice, once in the clear and once as ESP. nf_reinject() is there for modules
 * in Linux 6.1, but no longer in 6.12. Calling okfn directly would skip the
 * rules behind our hook.
 */
static struct nf_hook_entries *chain_of(const struct nf_hook_state *state)
{
	struct net *net = state->net;

	switch (state->pf) {
	case NFPROTO_IPV4:
		return rcu_dereference(net->nf.hooks_ipv4[state->hook]);
#if IS_ENABLED(CONFIG_IPV6)
	case NFPROTO_IPV6:
		return rcu_dereference(net->nf.hooks_ipv6[state->hook]);
#endif
	}
	return NULL;
}

bool mcsec_deferred_resume(struct sk_buff *skb, struct nf_hook_state *state,
			   nf_hookfn *hook)
{
	const struct nf_hook_entries *chain = chain_of(state);
	unsigned int i;

	/* The chain may have changed meanwhile, so the hook is looked up again.
	 * If it is not there the namespace has no groups any more, and the
	 * hooks that remain were not meant for this packet.
	 */
	for (i = 0; chain && i < chain->num_hook_entries; i++) {
		if (chain->hooks[i].hook != hook)
			continue;
		if (nf_hook_slow(skb, state, chain, i + 1) == 1)
			state->okfn(state->net, state->sk, skb);
		return true;
	}
	kfree_skb(skb);
	return false;
}
