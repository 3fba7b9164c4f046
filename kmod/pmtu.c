// SPDX-License-Identifier: GPL-2.0-only
#include "pmtu.h"
#include "compat.h"
#include "esp.h"

#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/sock.h>
#include <net/xfrm.h>

static bool is_inet(const struct sock *sk)
{
	return sk_fullsock(sk) &&
	       (sk->sk_family == AF_INET || sk->sk_family == AF_INET6);
}

/*
 * Return true if a socket option forbids fragments. Neither DF nor ignore_df
 * reflects these options.
 */
static bool forbids_fragments(const struct sock *sk, u8 pf)
{
	if (!is_inet(sk))
		return false;
	if (!mcsec_is_ip6(pf))
		return READ_ONCE(inet_sk(sk)->pmtudisc) ==
		       IP_PMTUDISC_INTERFACE;
	return sk->sk_family == AF_INET6 && mcsec_dontfrag6(sk);
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
	if (mcsec_is_ip6(state->pf) && state->hook == NF_INET_FORWARD &&
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

	/* The headers may be as long as the minimum MTU, so possibly nothing fits,
	 * not even 4 octets: padding and trailer.
	 */
	if (unlikely(mtu < taken + 4))
		return 0;
	return hlen - MCSEC_TRAILER + round_down(mtu - taken, 4);
}

void mcsec_pmtu_report(struct sk_buff *skb, const struct nf_hook_state *state,
		       u32 mtu)
{
	if (state->hook == NF_INET_FORWARD) {
		if (mcsec_is_ip6(state->pf))
			icmpv6_send(skb, ICMPV6_PKT_TOOBIG, 0, mtu);
		return;
	}
#ifdef CONFIG_XFRM
	/* The socket of a tunnel's datagram may be of any family, and did not
	 * send it to this address.
	 */
	if (state->sk && state->sk == skb->sk && is_inet(state->sk))
		xfrm_local_error(skb, mtu);
#endif
}
