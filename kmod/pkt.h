/* SPDX-License-Identifier: GPL-2.0-only */
/* One datagram in a hook: what the functions of the packet path hand on. */
#ifndef _MCSEC_PKT_H
#define _MCSEC_PKT_H

#include <linux/netfilter.h>
#include <linux/skbuff.h>

#include "header.h"

struct mcsec_cipher;
struct mcsec_group;
struct mcsec_net;
struct mcsec_sa;
struct mcsec_sender;

/**
 * struct mcsec_pkt - a datagram in a hook
 * @skb: the datagram; skb->data is at its IP header
 * @state: the hook's state
 * @hook: the hook's function, behind which a deferred packet goes on
 * @mnet: the namespace
 * @group: whose it is, on the way out
 * @sa: the SA that it is protected or verified with
 * @cipher: that SA's cipher
 * @sender: on the way in: who sent it, if the SA knew before the cipher ran
 * @iv: the IV
 * @hlen: octets in front of the payload, or of the ESP header
 * @nhoff: offset of the octet that names what is there
 * @next: what that octet is in the clear, see mcsec_header_walk()
 * @outer: octets of a header that tunnel mode puts in front; @hlen is 0 then
 * @df: that header forbids fragments
 */
struct mcsec_pkt {
	struct sk_buff *skb;
	const struct nf_hook_state *state;
	nf_hookfn *hook;
	struct mcsec_net *mnet;
	struct mcsec_group *group;
	struct mcsec_sa *sa;
	struct mcsec_cipher *cipher;
	struct mcsec_sender *sender;
	u64 iv;
	unsigned int hlen;
	unsigned int nhoff;
	int next;
	u8 outer;
	bool df;
};

static __always_inline bool mcsec_pkt_is_ip6(const struct mcsec_pkt *pkt)
{
	return mcsec_is_ip6(pkt->state->pf);
}

/* Sets hlen, nhoff and next. */
static __always_inline void mcsec_pkt_walk(struct mcsec_pkt *pkt)
{
	pkt->next = mcsec_header_walk(pkt->skb, pkt->state->pf, &pkt->hlen,
				      &pkt->nhoff);
}

#endif /* _MCSEC_PKT_H */
