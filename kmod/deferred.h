/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A packet that left its netfilter hook while the cipher has it, and goes on
 * from there: what it must hold meanwhile, and how it goes on behind the hook
 * that stole it. nf_queue does the same for packets that userspace holds.
 */
#ifndef _MCSEC_DEFERRED_H
#define _MCSEC_DEFERRED_H

#include <linux/netfilter.h>
#include <linux/skbuff.h>

/**
 * struct mcsec_deferred - references of a packet outside its hook
 * @state: the hook's state; its socket and devices are held
 * @dev: skb->dev, held
 * @physin: the bridge's port that it came in through, held
 * @physout: the bridge's port that it would leave through, held
 * @held: the above is valid; if not, the packet can only be dropped
 */
struct mcsec_deferred {
	struct nf_hook_state state;
	struct net_device *dev;
	struct net_device *physin;
	struct net_device *physout;
	bool held;
};

/* Called in the hook. Sets deferred->held if the packet can come back. */
void mcsec_deferred_hold(struct mcsec_deferred *deferred, struct sk_buff *skb,
			 const struct nf_hook_state *state);
void mcsec_deferred_release(struct mcsec_deferred *deferred);

/*
 * Send @skb on behind @hook of the chain that @state describes, as accepted
 * by it. Takes @skb. Returns false if the hook is gone, and @skb was dropped.
 * The caller disabled BH and holds the RCU read lock.
 */
bool mcsec_deferred_resume(struct sk_buff *skb, struct nf_hook_state *state,
			   nf_hookfn *hook);

#endif /* _MCSEC_DEFERRED_H */
