/* SPDX-License-Identifier: GPL-2.0-only */
/* Transmit timestamps of datagrams that are fragmented. */
#ifndef _MCSEC_TIMESTAMP_H
#define _MCSEC_TIMESTAMP_H

#include <linux/skbuff.h>

/*
 * Keep a request for transmit timestamps (SO_TIMESTAMPING). IP drops the
 * request when it copies a datagram into fragments, but keeps it if the
 * datagram is a list of parts that fit the MTU, as sockets make it. A large ESP
 * datagram with a request is therefore converted into such a list. Without
 * memory the datagram is sent without a timestamp. Any context.
 */
void mcsec_timestamp_keep_slow(struct sk_buff *skb);

static inline void mcsec_timestamp_keep(struct sk_buff *skb)
{
	if (unlikely(skb_shinfo(skb)->tx_flags & SKBTX_ANY_TSTAMP))
		mcsec_timestamp_keep_slow(skb);
}

#endif /* _MCSEC_TIMESTAMP_H */
