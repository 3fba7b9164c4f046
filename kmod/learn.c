// SPDX-License-Identifier: GPL-2.0-only
#include "learn.h"
#include "esp.h"
#include "group.h"
#include "pkt.h"

#include <linux/icmpv6.h>
#include <linux/netfilter_ipv6.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>

#if IS_ENABLED(CONFIG_IPV6)

/*
 * Copy the ESP header of the quoted datagram or first fragment, and return true. A
 * router quotes at least that.
 */
static bool quoted_esp(struct mcsec_pkt *pkt, struct mcsec_esp_hdr *esp)
{
	struct frag_hdr frag;
	unsigned int at;

	mcsec_pkt_walk(pkt);
	at = pkt->hlen;
	if (pkt->next == MCSEC_NEXT_FRAGMENT) {
		if (skb_copy_bits(pkt->skb, at, &frag, sizeof(frag)) ||
		    frag.nexthdr != NEXTHDR_ESP ||
		    frag.frag_off & htons(IP6_OFFSET))
			return false;
		at += sizeof(frag);
	} else if (pkt->next != NEXTHDR_ESP) {
		return false;
	}
	return !skb_copy_bits(pkt->skb, at, esp, sizeof(*esp));
}

/* Routes that a mark selects are not found. */
static void update_route(const struct mcsec_pkt *pkt, __be32 mtu, int oif)
{
	struct net *net = pkt->state->net;

	ip6_update_pmtu(pkt->skb, net, mtu, oif, 0, sock_net_uid(net, NULL));
}

/*
 * The error may come by another interface than the one that the group leaves by.
 * For a group without interfaces, update the route by the port that the error
 * came by, and the default one.
 */
static void update_routes(const struct mcsec_pkt *pkt, __be32 mtu,
			  const struct mcsec_candidate *c)
{
	const struct net_device *dev;
	unsigned int i;

	for (i = 0; i < c->n_devs; i++) {
		dev = dev_get_by_name_rcu(pkt->state->net, c->devs[i]->name);
		if (dev)
			update_route(pkt, mtu, dev->ifindex);
	}
	if (c->n_devs)
		return;
	update_route(pkt, mtu, mcsec_pkt_port(pkt)->ifindex);
	update_route(pkt, mtu, 0);
}

/**
 * struct too_big - a Packet Too Big about ESP
 * @pkt: the error; skb->data is at the quoted datagram
 * @mtu: MTU of the error, as it is in the message
 * @iv: the IV of the quoted ESP
 */
struct too_big {
	const struct mcsec_pkt *pkt;
	__be32 mtu;
	u64 iv;
};

/*
 * Several groups may send under the SPI, by different interfaces, which the error
 * does not show. The Sender-ID in the IV tells them apart with replay iv; otherwise any
 * SA that sends may be meant.
 */
static bool learn_of(struct mcsec_node *node, void *arg)
{
	const struct mcsec_sa *sa = mcsec_sa_of(node);
	const struct too_big *big = arg;

	if (READ_ONCE(sa->dir) & MCSEC_DIR_OUT &&
	    (sa->replay != MCSEC_REPLAY_IV || mcsec_sa_is_own(sa, big->iv)))
		update_routes(big->pkt, big->mtu, &sa->group->candidate);
	return false;
}

/*
 * Update the routes if the error quotes ESP that this host, @to, has sent. A
 * stranger that does not see the traffic knows neither SPI nor IV. One that does
 * can lower the MTU to 1280.
 */
static void learn_quoted(struct mcsec_pkt *pkt, __be32 mtu,
			 const struct in6_addr *to)
{
	struct too_big big = { .pkt = pkt, .mtu = mtu };
	struct mcsec_esp_hdr esp;

	if (ipv6_hdr(pkt->skb)->version != 6 ||
	    !mcsec_is_multicast(pkt->skb, pkt->state->pf) ||
	    !ipv6_addr_equal(&ipv6_hdr(pkt->skb)->saddr, to) ||
	    !quoted_esp(pkt, &esp))
		return;
	big.iv = be64_to_cpu(esp.iv);
	mcsec_lookup_each_sa(pkt->mnet->select, pkt, esp.spi, learn_of, &big);
}

void mcsec_learn_pmtu(struct mcsec_pkt *pkt)
{
	const unsigned int hlen = sizeof(struct ipv6hdr);
	const unsigned int at = hlen + sizeof(struct icmp6hdr);
	struct sk_buff *skb = pkt->skb;
	struct in6_addr to;
	struct icmp6hdr *icmp;
	__be32 mtu;

	if (!pskb_may_pull(skb, at + hlen))
		return;
	icmp = (struct icmp6hdr *)(skb->data + hlen);
	mtu = icmp->icmp6_mtu;
	to = ipv6_hdr(skb)->daddr;
	if (icmp->icmp6_type != ICMPV6_PKT_TOOBIG ||
	    nf_ip6_checksum(skb, pkt->state->hook, hlen, IPPROTO_ICMPV6))
		return;
	__skb_pull(skb, at);
	skb_reset_network_header(skb);
	learn_quoted(pkt, mtu, &to);
	__skb_push(skb, at);
	skb_reset_network_header(skb);
}

#else

void mcsec_learn_pmtu(struct mcsec_pkt *pkt)
{
}

#endif
