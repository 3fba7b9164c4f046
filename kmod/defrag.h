/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fragments become the datagram that they are of: ESP is verified as a whole, and
 * only a whole datagram shows the payload that groups select by.
 */
#ifndef _MCSEC_DEFRAG_H
#define _MCSEC_DEFRAG_H

#include <linux/netfilter.h>
#include <linux/skbuff.h>

#include "header.h"

unsigned int mcsec_defrag_slow(struct sk_buff *skb,
			       const struct nf_hook_state *state);

/*
 * Put @skb together with the rest of its datagram. Returns NF_ACCEPT if @skb is
 * the whole datagram, or a fragment that nothing can be made of; NF_STOLEN if it
 * waits for others; NF_DROP. IP's own limits of memory and time apply. Inside of
 * rcu_read_lock(), any context but hard interrupts.
 */
static __always_inline unsigned int
mcsec_defrag(struct sk_buff *skb, const struct nf_hook_state *state)
{
	if (likely(!mcsec_may_be_fragment(skb, state->pf)))
		return NF_ACCEPT;
	return mcsec_defrag_slow(skb, state);
}

#endif /* _MCSEC_DEFRAG_H */
