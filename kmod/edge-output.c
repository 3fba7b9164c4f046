// SPDX-License-Identifier: GPL-2.0-only
#include "edge-output.h"
#include "esp.h"
#include "pmtu.h"
#include "trace.h"

#include <linux/udp.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/route.h>
#include <net/udp.h>

/* Octets in front of a copy: link header, IPv6 and UDP. */
#define COPY_HEADROOM \
	(LL_MAX_HEADER + sizeof(struct ipv6hdr) + sizeof(struct udphdr))

static unsigned int outside_len(const struct mcsec_path *path)
{
	return (path->set.v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr)) +
	       sizeof(struct udphdr);
}

/* ---- routes ---- */

static struct dst_entry *find_route4(struct mcsec_path *path, __be32 *saddr)
{
	const struct mcsec_port *port = path->edge->port;
	const struct sock *sk = port->sk;
	struct flowi4 fl4 = {
		.flowi4_proto = IPPROTO_UDP,
		.flowi4_oif = READ_ONCE(sk->sk_bound_dev_if),
		.flowi4_mark = READ_ONCE(sk->sk_mark),
		.daddr = path->set.addr.s6_addr32[0],
		.saddr = port->local.s6_addr32[0],
		.fl4_sport = port->udp,
		.fl4_dport = path->set.udp,
	};
	struct rtable *rt = dst_cache_get_ip4(&path->route, saddr);

	if (likely(rt))
		return &rt->dst;
	rt = ip_route_output_flow(sock_net(sk), &fl4, sk);
	if (IS_ERR(rt))
		return NULL;
	/* The address has become one of this host, or a broadcast. */
	if (rt->rt_flags & (RTCF_LOCAL | RTCF_BROADCAST | RTCF_MULTICAST)) {
		ip_rt_put(rt);
		return NULL;
	}
	*saddr = fl4.saddr;
	dst_cache_set_ip4(&path->route, &rt->dst, fl4.saddr);
	return &rt->dst;
}

#if IS_ENABLED(CONFIG_IPV6)
static struct dst_entry *find_route6(struct mcsec_path *path,
				     struct in6_addr *saddr)
{
	const struct mcsec_port *port = path->edge->port;
	const struct sock *sk = port->sk;
	struct flowi6 fl6 = {
		.flowi6_proto = IPPROTO_UDP,
		.flowi6_oif = READ_ONCE(sk->sk_bound_dev_if),
		.flowi6_mark = READ_ONCE(sk->sk_mark),
		.daddr = path->set.addr,
		.saddr = port->local,
		.fl6_sport = port->udp,
		.fl6_dport = path->set.udp,
	};
	struct dst_entry *dst = dst_cache_get_ip6(&path->route, saddr);

	if (likely(dst))
		return dst;
	/* No socket is passed: it may have become one of IPv4 (IPV6_ADDRFORM). */
	dst = ip6_dst_lookup_flow(sock_net(sk), NULL, &fl6, NULL);
	if (IS_ERR(dst))
		return NULL;
	if (dst_rt6_info(dst)->rt6i_flags & RTF_LOCAL) {
		dst_release(dst);
		return NULL;
	}
	*saddr = fl6.saddr;
	dst_cache_set_ip6(&path->route, dst, saddr);
	return dst;
}
#else
static struct dst_entry *find_route6(struct mcsec_path *path,
				     struct in6_addr *saddr)
{
	return NULL;
}
#endif

/* Return the route to the peer, with a reference, or NULL. */
static struct dst_entry *find_route(struct mcsec_path *path,
				    struct in6_addr *saddr)
{
	return path->set.v6 ? find_route6(path, saddr)
			    : find_route4(path, &saddr->s6_addr32[0]);
}

/* Return the largest datagram that the edge sends in one piece. */
static unsigned int path_mtu(const struct mcsec_path *path,
			     const struct dst_entry *dst)
{
	unsigned int mtu = min_t(unsigned int, dst_mtu(dst), IP_MAX_MTU);

	return path->set.mtu ? min(mtu, path->set.mtu) : mtu;
}

unsigned int mcsec_edge_room(const struct mcsec_group *group)
{
	unsigned int room = IP_MAX_MTU, mtu;
	const struct mcsec_edge *edge;
	struct mcsec_path *path;
	struct in6_addr saddr;
	struct dst_entry *dst;

	list_for_each_entry_rcu(edge, &group->edges, node) {
		path = rcu_dereference(edge->path);
		dst = find_route(path, &saddr);
		/* An edge without a route sends nothing now. */
		if (!dst)
			continue;
		mtu = path_mtu(path, dst);
		dst_release(dst);
		room = min(room, mcsec_pmtu_usable(mtu, 0, outside_len(path)));
	}
	return room;
}

/* ---- one copy ---- */

static void push_udp(struct sk_buff *skb, const struct mcsec_path *path)
{
	struct udphdr *uh = __skb_push(skb, sizeof(*uh));

	skb_reset_transport_header(skb);
	uh->source = path->edge->port->udp;
	uh->dest = path->set.udp;
	uh->len = htons(skb->len);
	/* RFC 3948 2.1: IPv4 has no checksum here, since ESP has its own. */
	uh->check = 0;
}

static int xmit_ip4(struct mcsec_path *path, struct sk_buff *skb, u8 tos,
		    const struct in6_addr *saddr, unsigned int mtu)
{
	struct sock *sk = path->edge->port->sk;
	struct iphdr *iph;

	iph = __skb_push(skb, sizeof(*iph));
	skb_reset_network_header(skb);
	*iph = (struct iphdr){
		.version = 4,
		.ihl = sizeof(*iph) / 4,
		.tos = tos,
		.tot_len = htons(skb->len),
		.ttl = ip4_dst_hoplimit(skb_dst(skb)),
		.protocol = IPPROTO_UDP,
		.saddr = saddr->s6_addr32[0],
		.daddr = path->set.addr.s6_addr32[0],
	};
	__ip_select_ident(sock_net(sk), iph, 1);
	skb->protocol = htons(ETH_P_IP);
	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
	if (skb->len > mtu)
		IPCB(skb)->frag_max_size = mtu;
	return ip_local_out(sock_net(sk), sk, skb);
}

#if IS_ENABLED(CONFIG_IPV6)
static int xmit_ip6(struct mcsec_path *path, struct sk_buff *skb, u8 tos,
		    const struct in6_addr *saddr, unsigned int mtu)
{
	struct sock *sk = path->edge->port->sk;
	struct ipv6hdr *ip6h;

	udp6_set_csum(false, skb, saddr, &path->set.addr, skb->len);
	ip6h = __skb_push(skb, sizeof(*ip6h));
	skb_reset_network_header(skb);
	ip6_flow_hdr(ip6h, tos, 0);
	ip6h->payload_len = htons(skb->len - sizeof(*ip6h));
	ip6h->nexthdr = IPPROTO_UDP;
	ip6h->hop_limit = ip6_dst_hoplimit(skb_dst(skb));
	ip6h->saddr = *saddr;
	ip6h->daddr = path->set.addr;
	skb->protocol = htons(ETH_P_IPV6);
	memset(IP6CB(skb), 0, sizeof(*IP6CB(skb)));
	if (skb->len > mtu)
		IP6CB(skb)->frag_max_size = mtu;
	/* Only the source may fragment IPv6, and this host is it. */
	skb->ignore_df = 1;
	return ip6_local_out(sock_net(sk), sk, skb);
}
#else
static int xmit_ip6(struct mcsec_path *path, struct sk_buff *skb, u8 tos,
		    const struct in6_addr *saddr, unsigned int mtu)
{
	kfree_skb(skb);
	return -EAFNOSUPPORT;
}
#endif

/* Count and trace a copy that does not leave, and free it; NULL was not made. */
static void drop_copy(const struct mcsec_edge *edge, struct sk_buff *skb,
		      enum mcsec_counter why)
{
	__be32 spi = skb ? get_unaligned((__be32 *)skb->data) : 0;

	this_cpu_inc(edge->cpu->out_drops);
	mcsec_drop_out(edge->group, why, spi, -1);
	kfree_skb(skb);
}

/* Send @skb, which begins with ESP, by the edge. NULL counts as a loss. */
static void xmit_copy(const struct mcsec_edge *edge, struct sk_buff *skb,
		      u8 tos, enum mcsec_counter as)
{
	struct mcsec_path *path = rcu_dereference(edge->path);
	unsigned int outside = outside_len(path), len, mtu, room;
	struct in6_addr saddr;
	struct dst_entry *dst;
	int err;

	if (unlikely(!skb)) {
		drop_copy(edge, NULL, MCSEC_EDGE_NO_MEMORY);
		return;
	}
	len = skb->len;
	if (unlikely(outside + len > IP_MAX_MTU)) {
		drop_copy(edge, skb, MCSEC_EDGE_TOO_BIG);
		return;
	}
	dst = find_route(path, &saddr);
	if (unlikely(!dst)) {
		drop_copy(edge, skb, MCSEC_EDGE_NO_ROUTE);
		return;
	}
	skb_dst_set(skb, dst);
	/* Rules see the mark of the socket. A route may still be that of an earlier
	 * one.
	 */
	skb->mark = READ_ONCE(path->edge->port->sk->sk_mark);
	room = LL_RESERVED_SPACE(dst->dev) + outside;
	if (unlikely(skb_cow_head(skb, room))) {
		drop_copy(edge, skb, MCSEC_EDGE_NO_MEMORY);
		return;
	}
	trace_mcsec_edge_send(edge->group->name, edge->id, skb);
	mtu = path_mtu(path, dst);
	push_udp(skb, path);
	err = path->set.v6 ? xmit_ip6(path, skb, tos, &saddr, mtu)
			   : xmit_ip4(path, skb, tos, &saddr, mtu);
	if (unlikely(net_xmit_eval(err))) {
		drop_copy(edge, NULL, MCSEC_EDGE_REFUSED);
		return;
	}
	this_cpu_inc(edge->cpu->out_packets);
	this_cpu_add(edge->cpu->out_bytes, len);
	mcsec_count(edge->group->stats, as);
}

/* ---- no copies of copies ---- */

/*
 * A task that sends copies. A copy that leaves through a tunnel may become a
 * datagram of a group, the edges of which may lead through tunnels in turn. Each
 * level would stay on the stack, and multiply the copies, so only one is permitted.
 */
struct copying_task {
	struct copying_task *next;
	const struct task_struct *task;
};

/*
 * With BH disabled a task stays on its CPU, so there are several only on PREEMPT_RT,
 * where one preempts another.
 */
static DEFINE_PER_CPU(struct copying_task *, copying_tasks);

bool mcsec_edge_may_send(struct mcsec_group *group)
{
	const struct copying_task *other;

	preempt_disable();
	other = __this_cpu_read(copying_tasks);
	while (other && other->task != current)
		other = other->next;
	preempt_enable();
	if (likely(!other))
		return true;
	mcsec_drop_out(group, MCSEC_EDGE_LOOP, 0, -1);
	return false;
}

/* Returns false, and counts the datagram, if the task is sending already. */
static bool begin_sending(struct copying_task *me, struct mcsec_group *group)
{
	if (!mcsec_edge_may_send(group))
		return false;
	preempt_disable();
	me->task = current;
	me->next = __this_cpu_read(copying_tasks);
	__this_cpu_write(copying_tasks, me);
	preempt_enable();
	return true;
}

static void end_sending(struct copying_task *me)
{
	struct copying_task **at;

	preempt_disable();
	at = this_cpu_ptr(&copying_tasks);
	while (*at != me)
		at = &(*at)->next;
	*at = me->next;
	preempt_enable();
}

/* ---- all copies ---- */

/*
 * Return true if a datagram goes on by @edge that came by the edge @from, or
 * natively if that is NULL. What came from above, which is not @below, does not go
 * up again by another edge: a host with two of them is no relay between them.
 */
static bool goes_on(const struct mcsec_edge *edge,
		    const struct mcsec_edge *from, bool below)
{
	const struct mcsec_path *path = rcu_dereference(edge->path);

	return edge != from && (below || path->set.dir & MCSEC_EDGE_DIR_DOWN);
}

/*
 * Send copies of @skb, which is taken, by all edges that it goes on to. NULL, for want
 * of memory, is a loss of each.
 */
static void send_all(const struct mcsec_pkt *pkt, struct mcsec_group *group,
		     struct sk_buff *skb, u8 tos)
{
	enum mcsec_counter as = pkt ? MCSEC_EDGE_RELAYED : MCSEC_EDGE_SENT;
	const struct mcsec_edge *edge, *last = NULL;

	list_for_each_entry_rcu(edge, &group->edges, node) {
		if (pkt && !goes_on(edge, pkt->from, pkt->below))
			continue;
		if (last)
			xmit_copy(last, skb ? skb_copy(skb, GFP_ATOMIC) : NULL,
				  tos, as);
		last = edge;
	}
	if (last)
		xmit_copy(last, skb, tos, as);
	else
		consume_skb(skb);
}

/* Return a copy of what follows the first @hlen octets, or NULL. */
static struct sk_buff *copy_esp(const struct sk_buff *skb, unsigned int hlen)
{
	unsigned int len = skb->len - hlen;
	struct sk_buff *copy = alloc_skb(COPY_HEADROOM + len, GFP_ATOMIC);

	if (unlikely(!copy))
		return NULL;
	skb_reserve(copy, COPY_HEADROOM);
	if (unlikely(skb_copy_bits(skb, hlen, skb_put(copy, len), len))) {
		kfree_skb(copy);
		return NULL;
	}
	copy->priority = skb->priority;
	return copy;
}

void mcsec_edge_send(struct mcsec_group *group, const struct sk_buff *skb,
		     unsigned int hlen)
{
	struct copying_task me;

	if (unlikely(!begin_sending(&me, group)))
		return;
	/* RFC 6040 4.1: the outside has the traffic class of the tunnel header,
	 * which has that of the datagram.
	 */
	send_all(NULL, group, copy_esp(skb, hlen), mcsec_traffic_class(skb));
	end_sending(&me);
}

void mcsec_edge_keep(struct mcsec_pkt *pkt)
{
	struct mcsec_group *group = pkt->sa->group;
	const struct mcsec_edge *edge;

	/* A copy that IP made for local sockets has left by the edges already. */
	if (mcsec_sa_is_own(pkt->sa, pkt->iv))
		return;
	list_for_each_entry_rcu(edge, &group->edges, node) {
		if (!goes_on(edge, pkt->from, pkt->below))
			continue;
		pkt->kept = copy_esp(pkt->skb, pkt->hlen);
		if (unlikely(!pkt->kept))
			send_all(pkt, group, NULL, 0);
		return;
	}
}

/* Return DSCP and ECN of the datagram inside, or 0 for a dummy packet without one. */
static u8 inner_class(const struct mcsec_pkt *pkt)
{
	const u8 *inner = pkt->skb->data + pkt->hlen + MCSEC_HEAD;

	if (*inner >> 4 == 4 && pkt->plaintext_len >= sizeof(struct iphdr))
		return ((const struct iphdr *)inner)->tos;
	if (*inner >> 4 == 6 && pkt->plaintext_len >= sizeof(struct ipv6hdr))
		return ipv6_get_dsfield((const struct ipv6hdr *)inner);
	return 0;
}

void mcsec_edge_relay(struct mcsec_pkt *pkt)
{
	u8 outer = mcsec_traffic_class(pkt->skb), tos = inner_class(pkt);
	struct sk_buff *kept = pkt->kept;
	struct copying_task me;

	pkt->kept = NULL;
	/* RFC 6040 4.2: a mark of congestion goes on. A datagram that cannot have
	 * it does not; decap_esp() counts and drops that one here, too.
	 */
	if (INET_ECN_is_ce(outer)) {
		if (INET_ECN_is_not_ect(tos)) {
			kfree_skb(kept);
			return;
		}
		tos |= INET_ECN_CE;
	}
	if (unlikely(!begin_sending(&me, pkt->sa->group))) {
		kfree_skb(kept);
		return;
	}
	send_all(pkt, pkt->sa->group, kept, tos);
	end_sending(&me);
}
