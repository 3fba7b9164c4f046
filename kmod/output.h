/* SPDX-License-Identifier: GPL-2.0-only */
/* What this host sends: in the clear into the hook, as ESP out of it. */
#ifndef _MCSEC_OUTPUT_H
#define _MCSEC_OUTPUT_H

#include <linux/netfilter.h>

/* At LOCAL_OUT. */
unsigned int mcsec_output(void *priv, struct sk_buff *skb,
			  const struct nf_hook_state *state);

/*
 * What is routed, and at POST_ROUTING all that leaves: nothing that is in the
 * clear for a group passes from device to device.
 */
unsigned int mcsec_forward(void *priv, struct sk_buff *skb,
			   const struct nf_hook_state *state);

#endif /* _MCSEC_OUTPUT_H */
