// SPDX-License-Identifier: GPL-2.0-only
#include "flows.h"
#include "compat.h"
#include "group.h"
#include "header.h"
#include "verified.h"

#include <linux/netdevice.h>
#include <linux/string.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/netfilter/nf_conntrack.h>

/* ---- flowtables ---- */

/*
 * Return true if nft may offload the connection of @skb, which it may once that was
 * confirmed, at its first POST_ROUTING.
 */
static __always_inline bool may_flow(const struct sk_buff *skb)
{
#if IS_ENABLED(CONFIG_NF_CONNTRACK)
	enum ip_conntrack_info info;
	struct nf_conn *ct = nf_ct_get(skb, &info);

	return ct && nf_ct_is_confirmed(ct);
#else
	return false;
#endif
}

/*
 * Return true if the connection of @skb goes to a multicast address, before or
 * after address translation. A flow is offloaded in both directions at once,
 * so a unicast answer to a translated datagram would offload the multicast, too, and
 * so would an ICMP error about one.
 */
static __always_inline bool is_conn_multicast(const struct sk_buff *skb, u8 pf)
{
#if IS_ENABLED(CONFIG_NF_CONNTRACK)
	const union nf_inet_addr *before, *after;
	enum ip_conntrack_info info;
	struct nf_conn *ct = nf_ct_get(skb, &info);

	if (!ct)
		return false;
	before = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple.dst.u3;
	after = &ct->tuplehash[IP_CT_DIR_REPLY].tuple.src.u3;
	return mcsec_is_ip6(pf) ? ipv6_addr_is_multicast(&before->in6) ||
					  ipv6_addr_is_multicast(&after->in6)
				: ipv4_is_multicast(before->ip) ||
					  ipv4_is_multicast(after->ip);
#else
	return false;
#endif
}

bool mcsec_flow_is_translated_error(const struct sk_buff *skb, u8 pf)
{
#if IS_ENABLED(CONFIG_NF_CONNTRACK)
	enum ip_conntrack_info info;
	const struct nf_conn *ct = nf_ct_get(skb, &info);

	return ct && (info == IP_CT_RELATED || info == IP_CT_RELATED_REPLY) &&
	       ct->status & IPS_NAT_MASK && is_conn_multicast(skb, pf);
#else
	return false;
#endif
}

/*
 * Keep @skb off flowtables by an empty sec_path, or without xfrm by taking its
 * connection away. Returns NF_DROP, and counts, what cannot be kept off.
 */
static unsigned int keep_out(struct mcsec_net *mnet, struct sk_buff *skb)
{
#ifdef CONFIG_XFRM
	if (likely(skb_sec_path(skb) || secpath_set(skb)))
		return NF_ACCEPT;
	mcsec_drop_ungrouped(mnet, MCSEC_OUT_NO_MEMORY, 0, -1);
	return NF_DROP;
#else
	enum ip_conntrack_info info;

	/* An error would not be translated back, and mcsec_icmp_check_quote()
	 * could not recognise that it quotes a group.
	 */
	nf_ct_get(skb, &info);
	if (info == IP_CT_RELATED || info == IP_CT_RELATED_REPLY) {
		mcsec_drop_ungrouped(mnet, MCSEC_OUT_QUOTED, 0, -1);
		return NF_DROP;
	}
	/* Rules then see no connection, so nothing can be offloaded. */
	nf_reset_ct(skb);
	nf_ct_set(skb, NULL, IP_CT_UNTRACKED);
	return NF_ACCEPT;
#endif
}

unsigned int mcsec_keep_off_flowtables(void *priv, struct sk_buff *skb,
				       const struct nf_hook_state *state)
{
	bool verified = mcsec_is_verified(skb, state->pf);
	struct mcsec_net *mnet = priv;

	if (likely(!verified && !mcsec_is_multicast(skb, state->pf)))
		return likely(!is_conn_multicast(skb, state->pf))
			       ? NF_ACCEPT
			       : keep_out(mnet, skb);
	/* The mark, the source and the policy do not matter: later rules may
	 * set the mark and translate the source.
	 */
	if (!may_flow(skb) ||
	    (!verified &&
	     !mcsec_lookup_dst(mnet->select, skb, mcsec_is_ip6(state->pf))))
		return NF_ACCEPT;
	return keep_out(mnet, skb);
}

#if IS_ENABLED(CONFIG_NF_CONNTRACK)
/* ipv6_prefix_equal() serves IPv4, too, which is in the first word of both. */
static bool is_dst_selected(const union nf_inet_addr *addr,
			    const struct mcsec_selector *sel)
{
	return ipv6_prefix_equal(&addr->in6, &sel->dst, sel->dst_len);
}

/*
 * Return true if @sel selects an address of the connection, in either
 * direction, before or after address translation.
 */
static int is_conn_selected(struct nf_conn *ct, void *data)
{
	const struct mcsec_selector *sel = data;
	const struct nf_conntrack_tuple *tuple;
	unsigned int dir;

	if (nf_ct_l3num(ct) != sel->family)
		return 0;
	for (dir = 0; dir < IP_CT_DIR_MAX; dir++) {
		tuple = &ct->tuplehash[dir].tuple;
		if (is_dst_selected(&tuple->dst.u3, sel) ||
		    is_dst_selected(&tuple->src.u3, sel))
			return 1;
	}
	return 0;
}

void mcsec_flows_forget(struct net *net, const struct mcsec_selector *sel)
{
	struct nf_ct_iter_data data = {
		.net = net,
		.data = (void *)sel,
	};

	nf_ct_iterate_cleanup_net(is_conn_selected, &data);
}
#else
void mcsec_flows_forget(struct net *net, const struct mcsec_selector *sel)
{
}
#endif

/* ---- other ways ---- */

#if defined(CONFIG_NETFILTER_INGRESS) || defined(CONFIG_NETFILTER_EGRESS)
/*
 * Return true if there is a chain of nft, which may forward and copy packets. A
 * flowtable registers hooks of another type.
 */
static bool has_nft_chain(const struct nf_hook_entries *hooks)
{
	struct nf_hook_ops **ops;
	unsigned int i;

	if (!hooks)
		return false;
	ops = nf_hook_entries_get_hook_ops(hooks);
	for (i = 0; i < hooks->num_hook_entries; i++)
		if (ops[i]->hook_ops_type == NF_HOOK_OP_NF_TABLES)
			return true;
	return false;
}
#endif

static bool has_netdev_chain(const struct net_device *dev)
{
#ifdef CONFIG_NETFILTER_INGRESS
	if (has_nft_chain(rcu_dereference(dev->nf_hooks_ingress)))
		return true;
#endif
#ifdef CONFIG_NETFILTER_EGRESS
	if (has_nft_chain(rcu_dereference(dev->nf_hooks_egress)))
		return true;
#endif
	return false;
}

#define WAY_PAST ", which can take the group's traffic past mcsec"

static const char *bypass_of(struct net_device *dev)
{
	if (dev_xdp_prog_count(dev))
		return "an interface has an XDP program" WAY_PAST;
	if (mcsec_has_tc(dev))
		return "an interface has tc filters" WAY_PAST;
	if (has_netdev_chain(dev))
		return "an interface has an nft netdev chain" WAY_PAST;
	return NULL;
}

/*
 * All interfaces are checked, because traffic may be redirected from an
 * interface that a group names to any other one.
 */
const char *mcsec_flows_bypass(struct net *net)
{
	const char *why = NULL;
	struct net_device *dev;

	rcu_read_lock();
	for_each_netdev_rcu(net, dev) {
		why = bypass_of(dev);
		if (why)
			break;
	}
	rcu_read_unlock();
	return why;
}
