// SPDX-License-Identifier: GPL-2.0-only
#include "pmtu.h"
#include "compat.h"
#include "esp.h"

#include <linux/errqueue.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <net/icmp.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/sock.h>

/*
 * Return true if a socket option forbids fragments. Neither DF nor ignore_df
 * reflects these options.
 */
static bool forbids_fragments(const struct sock *sk, u8 pf)
{
	if (!sk_fullsock(sk) ||
	    (sk->sk_family != AF_INET && sk->sk_family != AF_INET6))
		return false;
	if (pf == NFPROTO_IPV4)
		return inet_sk(sk)->pmtudisc == IP_PMTUDISC_INTERFACE;
#if IS_ENABLED(CONFIG_IPV6)
	return sk->sk_family == AF_INET6 && mcsec_dontfrag6(sk);
#else
	return false;
#endif
}

bool mcsec_pmtu_may_fragment(const struct sk_buff *skb,
			     const struct nf_hook_state *state,
			     unsigned int usable)
{
	const struct iphdr *iph = ip_hdr(skb);

	if (state->sk && state->hook == NF_INET_LOCAL_OUT &&
	    forbids_fragments(state->sk, state->pf))
		return false;
	/* No sender has to go below the minimum MTU, so an error would not
	 * help.
	 */
	if (state->pf == NFPROTO_IPV6 && state->hook == NF_INET_FORWARD &&
	    usable < IPV6_MIN_MTU)
		return true;
	if (skb->ignore_df)
		return true;
	return iph->version == 4 && (state->hook == NF_INET_FORWARD ||
				     !(iph->frag_off & htons(IP_DF)));
}

unsigned int mcsec_pmtu_usable(unsigned int mtu, unsigned int hlen,
			       unsigned int outer)
{
	unsigned int taken = hlen + outer + MCSEC_HEAD + MCSEC_ICV;

	/* The headers may be as long as the minimum MTU, so possibly nothing
	 * fits.
	 */
	if (unlikely(mtu < taken + 4))
		return 0;
	return hlen - MCSEC_TRAILER + round_down(mtu - taken, 4);
}

/*
 * Queue EMSGSIZE with @mtu for a datagram to @dst, which is an address of @len
 * octets at @offset of an IP header of @hlen octets.
 */
static void queue_error(struct sock *sk, const void *dst, unsigned int len,
			unsigned int offset, unsigned int hlen, u32 mtu)
{
	struct sock_exterr_skb *serr;
	struct sk_buff *skb;

	skb = alloc_skb(hlen, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return;
	skb->protocol = hlen == sizeof(struct iphdr) ? htons(ETH_P_IP)
						     : htons(ETH_P_IPV6);
	skb_put_zero(skb, hlen);
	skb_reset_network_header(skb);
	memcpy(skb->data + offset, dst, len);
	serr = SKB_EXT_ERR(skb);
	memset(serr, 0, sizeof(*serr));
	serr->ee.ee_errno = EMSGSIZE;
	serr->ee.ee_origin = SO_EE_ORIGIN_LOCAL;
	serr->ee.ee_info = mtu;
	serr->addr_offset = offset;
	/* The reader gets the error and the address, but no payload. */
	__skb_pull(skb, hlen);
	skb_reset_transport_header(skb);
	if (sock_queue_err_skb(sk, skb))
		kfree_skb(skb);
}

void mcsec_pmtu_tell(struct sk_buff *skb, const struct nf_hook_state *state,
		     u32 mtu)
{
	/* The socket of the skb is not used: for a tunnel it may be of any
	 * family.
	 */
	struct sock *sk = state->sk;

#if IS_ENABLED(CONFIG_IPV6)
	if (state->pf == NFPROTO_IPV6 && state->hook == NF_INET_FORWARD) {
		icmpv6_send(skb, ICMPV6_PKT_TOOBIG, 0, mtu);
		return;
	}
#endif
	if (state->hook == NF_INET_FORWARD || !sk || !sk_fullsock(sk))
		return;
	if (sk->sk_family != AF_INET && sk->sk_family != AF_INET6)
		return;
	if (state->pf == NFPROTO_IPV4 && mcsec_recverr4(sk))
		queue_error(sk, &ip_hdr(skb)->daddr, sizeof(struct in_addr),
			    offsetof(struct iphdr, daddr), sizeof(struct iphdr),
			    mtu);
#if IS_ENABLED(CONFIG_IPV6)
	else if (state->pf == NFPROTO_IPV6 && sk->sk_family == AF_INET6 &&
		 mcsec_recverr6(sk))
		queue_error(sk, &ipv6_hdr(skb)->daddr, sizeof(struct in6_addr),
			    offsetof(struct ipv6hdr, daddr),
			    sizeof(struct ipv6hdr), mtu);
#endif
}
