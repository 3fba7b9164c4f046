/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reassembly: only a whole ESP datagram can be verified, and only a whole clear
 * datagram shows the payload that groups select by.
 */
#ifndef _MCSEC_DEFRAG_H
#define _MCSEC_DEFRAG_H

#include <linux/netfilter.h>
#include <linux/skbuff.h>

/*
 * Gather the fragments of a datagram for which mcsec_may_be_fragment() is true.
 * Returns NF_ACCEPT if @skb is a whole datagram now, or a fragment that cannot be
 * gathered; NF_STOLEN if it is queued; or NF_DROP. The limits of IP for memory and
 * time apply. The caller holds the RCU read lock; any context but hard interrupts.
 */
unsigned int mcsec_defrag(struct sk_buff *skb,
			  const struct nf_hook_state *state);

#endif /* _MCSEC_DEFRAG_H */
