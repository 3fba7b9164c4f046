/* SPDX-License-Identifier: GPL-2.0-only */
/* One datagram, in the clear before and ESP after. */
#ifndef _MCSEC_ENCRYPT_H
#define _MCSEC_ENCRYPT_H

#include <linux/netfilter.h>
#include <linux/skbuff.h>

struct mcsec_group;

/**
 * struct mcsec_frame - where ESP goes in a datagram
 * @hlen: octets before the payload
 * @nhoff: offset of the octet that names the payload
 * @outer: octets of a header that tunnel mode puts in front; @hlen is 0 then
 * @hook: where the datagram is, behind which it goes on if the cipher answers
 *	later
 */
struct mcsec_frame {
	unsigned int hlen;
	unsigned int nhoff;
	unsigned int outer;
	nf_hookfn *hook;
};

/*
 * Protect @skb, which is whole and of @group, at the hook of @state; its first
 * frame->hlen octets are linear. Inside of rcu_read_lock(), any context but hard
 * interrupts. Returns the verdict.
 */
unsigned int mcsec_encrypt(struct sk_buff *skb,
			   const struct nf_hook_state *state,
			   struct mcsec_group *group,
			   const struct mcsec_frame *frame);

#endif /* _MCSEC_ENCRYPT_H */
