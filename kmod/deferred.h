/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * References of a packet that left its netfilter hook while an asynchronous
 * cipher has it, and the way back into the chain behind that hook. nf_queue
 * does the same for packets that userspace holds.
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

/*
 * Take references from inside of the hook. Sets deferred->held if the packet
 * can be resumed later.
 */
void mcsec_deferred_hold(struct mcsec_deferred *deferred, struct sk_buff *skb,
			 const struct nf_hook_state *state);
void mcsec_deferred_release(struct mcsec_deferred *deferred);

/*
 * Continue @skb behind @hook of the chain that @state describes, as if the hook
 * had accepted it. Takes @skb. Returns false if the hook is gone, and @skb has
 * been dropped; the verdict of the rest of the chain is not told. The caller has
 * disabled BH and holds rcu_read_lock().
 */
bool mcsec_deferred_resume(struct sk_buff *skb, struct nf_hook_state *state,
			   nf_hookfn *hook);

#endif /* _MCSEC_DEFERRED_H */
