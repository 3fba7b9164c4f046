/* SPDX-License-Identifier: GPL-2.0-only */
/* The hooks for outgoing traffic: a clear datagram goes in, ESP comes out. */
#ifndef _MCSEC_OUTPUT_H
#define _MCSEC_OUTPUT_H

#include <linux/netfilter.h>

/* Hook function for LOCAL_OUT; @priv is the namespace's struct mcsec_net. */
unsigned int mcsec_output(void *priv, struct sk_buff *skb,
			  const struct nf_hook_state *state);

/*
 * Hook function for FORWARD, which sees routed datagrams, and for POST_ROUTING,
 * which sees all that leave. No clear datagram of a group passes from one
 * device to another.
 */
unsigned int mcsec_forward(void *priv, struct sk_buff *skb,
			   const struct nf_hook_state *state);

#endif /* _MCSEC_OUTPUT_H */
