/* SPDX-License-Identifier: GPL-2.0-only */
/* Timestamps of what is fragmented on its way out. */
#ifndef _MCSEC_TIMESTAMP_H
#define _MCSEC_TIMESTAMP_H

#include <linux/skbuff.h>

/*
 * A program may ask when a datagram left (SO_TIMESTAMPING). IP forgets that
 * where it copies a datagram into fragments, but not where the datagram is a list
 * of parts that fit, as sockets make large ones. ESP is none: what is larger than
 * the MTU and has such a request becomes one here. Where there is no memory for
 * that, the datagram leaves all the same. Any context.
 */
void mcsec_timestamp_keep_slow(struct sk_buff *skb);

static inline void mcsec_timestamp_keep(struct sk_buff *skb)
{
	if (unlikely(skb_shinfo(skb)->tx_flags & SKBTX_ANY_TSTAMP))
		mcsec_timestamp_keep_slow(skb);
}

#endif /* _MCSEC_TIMESTAMP_H */
