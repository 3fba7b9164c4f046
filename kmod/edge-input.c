// SPDX-License-Identifier: GPL-2.0-only
#include "edge-input.h"
#include "compat.h"
#include "decrypt.h"
#include "edge.h"
#include "esp.h"
#include "input.h"
#include "pkt.h"
#include "trace.h"

#include <linux/udp.h>
#include <net/dst_metadata.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/l3mdev.h>
#include <net/route.h>
#include <net/sock.h>

/* ---- the interface that a datagram arrives by ---- */

static struct net_device *home_dev4(struct mcsec_path *path,
				    const struct mcsec_group *group)
{
	struct net *net = group->mnet->net;
	struct flowi4 fl4 = { .daddr = group->sel.dst.s6_addr32[0] };
	struct net_device *dev;
	struct rtable *rt;
	__be32 saddr;

	rt = dst_cache_get_ip4(&path->home, &saddr);
	if (!rt) {
		rt = ip_route_output_key(net, &fl4);
		if (IS_ERR(rt))
			return NULL;
		dst_cache_set_ip4(&path->home, &rt->dst, fl4.saddr);
	}
	dev = rt->dst.dev;
	ip_rt_put(rt);
	return dev;
}

#if IS_ENABLED(CONFIG_IPV6)
static struct net_device *home_dev6(struct mcsec_path *path,
				    const struct mcsec_group *group)
{
	struct net *net = group->mnet->net;
	struct flowi6 fl6 = { .daddr = group->sel.dst };
	struct net_device *dev;
	struct dst_entry *dst;
	struct in6_addr saddr;

	dst = dst_cache_get_ip6(&path->home, &saddr);
	if (!dst) {
		dst = ip6_route_output(net, NULL, &fl6);
		if (dst->error) {
			dst_release(dst);
			return NULL;
		}
		dst_cache_set_ip6(&path->home, dst, &fl6.saddr);
	}
	dev = dst->dev;
	dst_release(dst);
	return dev;
}
#else
static struct net_device *home_dev6(struct mcsec_path *path,
				    const struct mcsec_group *group)
{
	return NULL;
}
#endif

/*
 * Return the device by which datagrams of the edge arrive: the one that it names, or
 * that of the route to the group. RCU protects it. NULL if there is none.
 */
static struct net_device *home_dev(struct mcsec_path *path,
				   const struct mcsec_edge *edge)
{
	const struct mcsec_group *group = edge->group;

	if (*edge->dev)
		return dev_get_by_name_rcu(group->mnet->net, edge->dev);
	return group->sel.family == AF_INET6 ? home_dev6(path, group)
					     : home_dev4(path, group);
}

/* ---- the datagram inside ---- */

/*
 * The end of PRE_ROUTING, in place of ip_rcv_finish() and its like of IPv6, which
 * are not exported: find the route, and deliver.
 */
static int finish_input(struct net *net, struct sock *sk, struct sk_buff *skb)
{
	struct net_device *dev = skb->dev;
	int err;

	/* l3mdev_ip*_rcv() replaces a port of a VRF by the VRF. The route of IPv4
	 * is looked up from the port; that of IPv6 the VRF has set.
	 */
	if (skb->protocol == htons(ETH_P_IPV6)) {
		skb = l3mdev_ip6_rcv(skb);
		if (!skb)
			return 0;
		if (!skb_valid_dst(skb))
			mcsec_route_input6(skb);
		return dst_input(skb);
	}
	skb = l3mdev_ip_rcv(skb);
	if (!skb)
		return 0;
	err = skb_valid_dst(skb) ? 0 : mcsec_route_input4(skb, dev);
	if (err) {
		kfree_skb(skb);
		return err;
	}
	return dst_input(skb);
}

/*
 * Make the packet, which is at its UDP header, one that arrived by @dev, with
 * the outer header as it is.
 */
static void prepare_skb(struct mcsec_pkt *pkt, struct net_device *dev, bool v6)
{
	struct sk_buff *skb = pkt->skb;

	pkt->hlen = skb_transport_offset(skb) - skb_network_offset(skb) +
		    sizeof(struct udphdr);
	__skb_push(skb, -skb_network_offset(skb));
	skb_orphan(skb);
	skb_scrub_packet(skb, false);
	memset(skb->cb, 0, sizeof(skb->cb));
	skb->dev = dev;
	skb->skb_iif = dev->ifindex;
	skb->mark = 0;
	skb->pkt_type = PACKET_MULTICAST;
	skb->encapsulation = 0;
	/* The link header has no place in front of the datagram inside. Set one of
	 * no length, as tunnels do: LOG of older kernels reads one that is not set.
	 */
	skb_reset_mac_header(skb);
	skb->mac_len = 0;
	if (v6) {
		skb->protocol = htons(ETH_P_IPV6);
		IP6CB(skb)->iif = dev->ifindex;
	} else {
		skb->protocol = htons(ETH_P_IP);
		IPCB(skb)->iif = dev->ifindex;
	}
}

/* ---- what the socket gets ---- */

/* Count and trace a packet of an edge, and free it, if @skb is not NULL. */
static void drop_packet(const struct mcsec_edge *edge, struct sk_buff *skb,
			enum mcsec_counter why, __be32 spi, int sid)
{
	this_cpu_inc(edge->cpu->in_drops);
	mcsec_drop_in(edge->group, why, spi, sid);
	kfree_skb(skb);
}

static void drop_unknown(struct mcsec_port *port, struct sk_buff *skb,
			 __be32 spi)
{
	mcsec_drop_ungrouped(port->mnet, MCSEC_EDGE_UNKNOWN, spi, -1);
	kfree_skb(skb);
}

/* Decrypt ESP of the edge of @path, and deliver the datagram inside. Takes @skb. */
static void take_esp(struct mcsec_path *path, struct sk_buff *skb, __be32 spi,
		     u64 iv)
{
	struct mcsec_edge *edge = path->edge;
	struct mcsec_group *group = edge->group;
	struct nf_hook_state state = {
		.hook = NF_INET_PRE_ROUTING,
		.pf = group->sel.family == AF_INET6 ? NFPROTO_IPV6
						    : NFPROTO_IPV4,
		.net = group->mnet->net,
		.okfn = finish_input,
	};
	struct mcsec_pkt pkt = { .by_edge = true, .from = edge };
	struct net_device *dev;
	struct mcsec_sa *sa;
	int err;

	sa = mcsec_sa_of(mcsec_select_sa_of(group->mnet->select,
					    &group->candidate, spi));
	if (unlikely(!sa)) {
		mcsec_group_unknown(group, &path->set.addr, spi);
		drop_packet(edge, skb, MCSEC_IN_NO_SA, spi, -1);
		return;
	}
	if (unlikely(!mcsec_path_admits(path, iv >> sa->sid_shift))) {
		drop_packet(edge, skb, MCSEC_EDGE_SENDER, spi,
			    iv >> sa->sid_shift);
		return;
	}
	dev = home_dev(path, edge);
	if (unlikely(!dev)) {
		drop_packet(edge, skb, MCSEC_EDGE_NO_DEVICE, spi, -1);
		return;
	}
	state.in = dev;
	mcsec_pkt_begin(&pkt, group->mnet, skb, &state, mcsec_input);
	pkt.sa = sa;
	pkt.below = path->set.dir & MCSEC_EDGE_DIR_DOWN;
	prepare_skb(&pkt, dev, mcsec_pkt_is_ip6(&pkt));
	err = mcsec_decrypt_edge(&pkt);
	if (err && err != -EINPROGRESS)
		kfree_skb(pkt.skb);
	else if (!err && !mcsec_deferred_resume(pkt.skb, &state, mcsec_input))
		drop_packet(edge, NULL, MCSEC_IN_GONE, spi,
			    iv >> sa->sid_shift);
}

/* Kinds of packets of a port (RFC 3948 2). */
enum kind {
	KIND_ESP,
	KIND_OWNERS, /* IKE, with the non-ESP marker, or a keepalive */
	KIND_SHORT, /* shorter than any ESP */
};

/* Returns the kind, with SPI and IV of ESP. skb->data is at the UDP header. */
static enum kind read_packet(struct sk_buff *skb, __be32 *spi, u64 *iv)
{
	const unsigned int at = sizeof(struct udphdr);
	const struct mcsec_esp_hdr *esp;
	unsigned int len = skb->len - at;

	*spi = 0;
	if (len == 1)
		return KIND_OWNERS;
	if (!pskb_may_pull(skb, at + sizeof(*spi)))
		return KIND_SHORT;
	*spi = get_unaligned((__be32 *)(skb->data + at));
	if (!*spi)
		return KIND_OWNERS;
	if (len < MCSEC_ESP_MIN || !pskb_may_pull(skb, at + sizeof(*esp)))
		return KIND_SHORT;
	esp = (void *)(skb->data + at);
	*iv = get_unaligned_be64(&esp->iv);
	return KIND_ESP;
}

/*
 * Return true if the packet was sent to this host alone. An edge takes nothing else,
 * and the datagram inside of one is multicast, so nesting cannot exhaust the stack.
 */
static bool is_unicast(const struct sk_buff *skb)
{
	if (ip_hdr(skb)->version == 4)
		return !ipv4_is_multicast(ip_hdr(skb)->daddr);
	return !ipv6_addr_is_multicast(&ipv6_hdr(skb)->daddr);
}

int mcsec_edge_input(struct sock *sk, struct sk_buff *skb)
{
	struct mcsec_port *port = rcu_dereference_sk_user_data(sk);
	struct mcsec_path *path;
	enum kind kind;
	__be32 spi;
	u64 iv;

	/* port_put() has cleared it since UDP called this function. */
	if (unlikely(!port))
		return 1;
	kind = read_packet(skb, &spi, &iv);
	if (kind == KIND_OWNERS) {
		if (!port->made)
			return 1;
		kfree_skb(skb);
		return 0;
	}
	path = is_unicast(skb) ? mcsec_path_find(port, skb) : NULL;
	if (unlikely(!path))
		drop_unknown(port, skb, spi);
	else if (unlikely(kind == KIND_SHORT))
		drop_packet(path->edge, skb, MCSEC_IN_MALFORMED, spi, -1);
	else
		take_esp(path, skb, spi, iv);
	return 0;
}
