/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The packet of one hook invocation, which the functions of the packet path
 * share.
 */
#ifndef _MCSEC_PKT_H
#define _MCSEC_PKT_H

#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/skbuff.h>
#include <net/ip.h>

#include "header.h"

struct mcsec_cipher;
struct mcsec_edge;
struct mcsec_group;
struct mcsec_net;
struct mcsec_sa;
struct mcsec_sender;

/**
 * struct mcsec_pkt - a datagram in a hook
 * @skb: the datagram; skb->data is at its IP header
 * @state: the hook's state
 * @hook: the hook's function; a deferred packet continues behind it
 * @mnet: the namespace
 * @group: the group that selects the datagram, on output
 * @sa: the SA that protects or verifies the datagram
 * @cipher: the cipher of @sa
 * @sender: on input, the sender if it was known before the cipher ran
 * @iv: the IV
 * @plaintext_len: octets between ESP header and ICV: payload, padding and trailer
 * @hlen: octets in front of the payload, or of the ESP header
 * @nhoff: offset of the octet that has the protocol of the payload
 * @next: protocol of the payload, see mcsec_header_walk(), or of tunnel mode
 * @outer: length of the outer header in tunnel mode; @hlen is 0 until it is there
 * @df: the outer header has DF set
 * @to_edges: on output: the ESP goes by the edges of @group too
 * @below: on input, like those that follow, and for groups with edges only: the
 *	datagram comes from a host below, or natively
 * @by_edge: the datagram came by an edge
 * @from: the edge, or NULL if it was deleted since
 * @kept: the ESP to send on, or NULL
 */
struct mcsec_pkt {
	struct sk_buff *skb;
	const struct nf_hook_state *state;
	nf_hookfn *hook;
	struct mcsec_net *mnet;
	struct mcsec_group *group;
	struct mcsec_sa *sa;
	struct mcsec_cipher *cipher;
	struct mcsec_sender *sender;
	u64 iv;
	unsigned int plaintext_len;
	unsigned int hlen;
	unsigned int nhoff;
	int next;
	u8 outer;
	bool df;
	bool to_edges;
	bool below;
	bool by_edge;
	struct mcsec_edge *from;
	struct sk_buff *kept;
};

/*
 * Begin with a packet in a hook. All that is not set here is set before it is
 * read, so hooks that see many packets declare theirs __uninitialized: a kernel
 * that clears the stack (CONFIG_INIT_STACK_ALL_ZERO) would clear it each time.
 */
static __always_inline void mcsec_pkt_begin(struct mcsec_pkt *pkt,
					    struct mcsec_net *mnet,
					    struct sk_buff *skb,
					    const struct nf_hook_state *state,
					    nf_hookfn *hook)
{
	pkt->skb = skb;
	pkt->state = state;
	pkt->hook = hook;
	pkt->mnet = mnet;
}

static __always_inline bool mcsec_pkt_is_ip6(const struct mcsec_pkt *pkt)
{
	return mcsec_is_ip6(pkt->state->pf);
}

/*
 * Return the interface that the packet came by. Behind PRE_ROUTING the hooks get
 * the VRF for a port of it, and groups name ports.
 */
static inline const struct net_device *
mcsec_pkt_port(const struct mcsec_pkt *pkt)
{
	const struct net_device *in = pkt->state->in, *port;

	if (likely(!netif_is_l3_master(in)) ||
	    pkt->state->hook == NF_INET_PRE_ROUTING)
		return in;
	port = dev_get_by_index_rcu(pkt->state->net,
				    mcsec_pkt_is_ip6(pkt)
					    ? IP6CB(pkt->skb)->iif
					    : IPCB(pkt->skb)->iif);
	return port ?: in;
}

/*
 * Return true for a datagram that came out of another one behind PRE_ROUTING, as
 * by segment routing: its mark is that of the outer one, and its link header is
 * not directly in front of it, or is not set. Call before the datagram is
 * decrypted, which moves headers.
 */
static inline bool mcsec_pkt_is_unwrapped(const struct mcsec_pkt *pkt)
{
	const struct sk_buff *skb = pkt->skb;

	return pkt->state->hook == NF_INET_LOCAL_IN &&
	       (!skb_mac_header_was_set(skb) ||
		skb_mac_header(skb) + skb->mac_len != skb_network_header(skb));
}

/* Walk the headers of the packet, and set hlen, nhoff and next. */
static __always_inline void mcsec_pkt_walk(struct mcsec_pkt *pkt)
{
	pkt->next = mcsec_header_walk(pkt->skb, pkt->state->pf, &pkt->hlen,
				      &pkt->nhoff);
}

#endif /* _MCSEC_PKT_H */
