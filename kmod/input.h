/* SPDX-License-Identifier: GPL-2.0-only */
/* The receive hooks: ESP goes in, the verified clear datagram comes out. */
#ifndef _MCSEC_INPUT_H
#define _MCSEC_INPUT_H

#include <linux/netfilter.h>

/* Hook function for PRE_ROUTING; @priv is the namespace's struct mcsec_net. */
unsigned int mcsec_input(void *priv, struct sk_buff *skb,
			 const struct nf_hook_state *state);

/* Hook function for LOCAL_IN; @priv is the namespace's struct mcsec_net. */
unsigned int mcsec_local_input(void *priv, struct sk_buff *skb,
			       const struct nf_hook_state *state);

struct mcsec_pkt;

/*
 * Return the verdict about a datagram that this host routes: ESP that it sent itself is
 * dropped, and clear ones are treated as at PRE_ROUTING.
 * Softirq; the caller holds rcu_read_lock(), and has walked the headers.
 */
unsigned int mcsec_routed_input(struct mcsec_pkt *pkt);

#endif /* _MCSEC_INPUT_H */
