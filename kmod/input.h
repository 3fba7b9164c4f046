/* SPDX-License-Identifier: GPL-2.0-only */
/* What arrives: as ESP into the hook, verified and in the clear out of it. */
#ifndef _MCSEC_INPUT_H
#define _MCSEC_INPUT_H

#include <linux/netfilter.h>

/* At PRE_ROUTING. */
unsigned int mcsec_input(void *priv, struct sk_buff *skb,
			 const struct nf_hook_state *state);

/* At LOCAL_IN. */
unsigned int mcsec_local_input(void *priv, struct sk_buff *skb,
			       const struct nf_hook_state *state);

#endif /* _MCSEC_INPUT_H */
