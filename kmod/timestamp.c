// SPDX-License-Identifier: GPL-2.0-only
#include "timestamp.h"

#include <linux/netdevice.h>
#include <net/dst.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/sock.h>

/*
 * Return the length of the headers that each fragment repeats, or -1 if the
 * datagram must not be fragmented. *@frag_hlen is set to the length of the
 * fragment header.
 */
static int repeated_headers(struct sk_buff *skb, unsigned int *frag_hlen)
{
	u8 *nexthdr;

	*frag_hlen = 0;
	if (ip_hdr(skb)->version == 4)
		return ip_hdr(skb)->frag_off & htons(IP_DF) ? -1
							    : ip_hdrlen(skb);
	if (!IS_ENABLED(CONFIG_IPV6))
		return -1;
	*frag_hlen = sizeof(struct frag_hdr);
	return ip6_find_1stfragopt(skb, &nexthdr);
}

/*
 * Return the size of fragments, as ip_fragment() and ip6_fragment() determine
 * it.
 */
static unsigned int fragment_mtu(const struct sk_buff *skb,
				 const struct dst_entry *dst)
{
	unsigned int mtu = dst_mtu(dst);
	unsigned int asked;

	/* The socket may have a smaller MTU (IPV6_MTU). */
	if (IS_ENABLED(CONFIG_IPV6) && ip_hdr(skb)->version == 6 &&
	    sk_fullsock(skb->sk) && skb->sk->sk_family == AF_INET6) {
		asked = READ_ONCE(inet6_sk(skb->sk)->frag_size);
		if (asked)
			mtu = min(mtu, asked);
	}
	return mtu;
}

/* Copy @n octets of @skb from @at on, with room for headers in front. */
static struct sk_buff *copy_part(const struct sk_buff *skb, unsigned int at,
				 unsigned int n, unsigned int room)
{
	struct sk_buff *part;

	part = alloc_skb(room + n, GFP_ATOMIC | __GFP_NOWARN);
	if (!part)
		return NULL;
	skb_reserve(part, room);
	skb_copy_bits(skb, at, skb_put(part, n), n);
	return part;
}

void mcsec_timestamp_keep_slow(struct sk_buff *skb)
{
	struct dst_entry *dst = skb_dst(skb);
	struct sk_buff *list = NULL, **at = &list;
	unsigned int mtu, frag_hlen, first, step, off, room, truesize = 0;
	unsigned int total = skb->len;
	int hlen;

	/* Only with sock_wfree() IP moves the size of parts between them and @skb. */
	if (!dst || !skb->sk || skb->destructor != sock_wfree)
		return;
	mtu = fragment_mtu(skb, dst);
	hlen = repeated_headers(skb, &frag_hlen);
	if (total <= dst_mtu(dst) || hlen < 0 || mtu < hlen + frag_hlen + 8)
		return;
	step = round_down(mtu - hlen - frag_hlen, 8);
	first = hlen + step;
	room = LL_RESERVED_SPACE(dst->dev) + frag_hlen;
	if (skb_linearize(skb) || skb_cow(skb, room))
		return;
	/* One skb for each fragment behind the first, which @skb keeps. */
	for (off = first; off < total; off += step) {
		*at = copy_part(skb, off, min(step, total - off), room + hlen);
		if (!*at) {
			kfree_skb_list(list);
			return;
		}
		truesize += (*at)->truesize;
		at = &(*at)->next;
	}
	__skb_trim(skb, first);
	skb_shinfo(skb)->frag_list = list;
	skb->data_len = total - first;
	skb->len = total;
	/* IP subtracts the size again when it charges the parts to the socket. */
	skb->truesize += truesize;
	refcount_add(truesize, &skb->sk->sk_wmem_alloc);
}
