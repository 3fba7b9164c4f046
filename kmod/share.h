/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One encryption for several outputs of a gateway.
 *
 * Multicast routing gives FORWARD a copy for each output, one after the other on
 * one CPU. What arrives in the clear is stamped with a number of its own at
 * PRE_ROUTING, which copies inherit. The CPU keeps what the last number was
 * enciphered to, and what it was before: a further copy that has the number and
 * is the same to the last octet becomes the same ESP datagram. The number alone
 * would not do, since rules may have changed one of the copies, and equality
 * alone would not do either: a datagram that is sent twice is no replay.
 */
#ifndef _MCSEC_SHARE_H
#define _MCSEC_SHARE_H

#include <linux/percpu.h>
#include <linux/skbuff.h>
#include <linux/types.h>

#include "esp.h"
#include "verified.h"

#define MCSEC_SHARE_MAX 2048 /* octets of payload; larger ones are not kept */

/**
 * struct mcsec_share - the last datagram of a CPU that was routed
 * @token: its number, not 0
 * @sa: id of the SA that it was enciphered under, if @esp is full
 * @iv: its IV
 * @len: octets of @plain
 * @esp_len: octets of @esp
 * @csum_start: the checksum that a device was to fill in, from the payload on,
 *	or -1
 * @csum_offset: see struct sk_buff
 * @next: what @plain is
 * @copies: how many were seen
 * @full: @esp has it
 * @many: the one before had several copies, so that keeping this one pays
 * @plain: the payload
 * @esp: the ESP datagram behind its IP headers
 */
struct mcsec_share {
	u64 token;
	u64 sa;
	u64 iv;
	unsigned int len;
	unsigned int esp_len;
	int csum_start;
	u16 csum_offset;
	u8 next;
	unsigned int copies;
	bool full;
	bool many;
	u8 plain[MCSEC_SHARE_MAX];
	u8 esp[MCSEC_SHARE_MAX + MCSEC_HEAD + 8 + MCSEC_ICV];
};

extern u64 mcsec_share_cookie;
DECLARE_PER_CPU(struct mcsec_share *, mcsec_share_kept);

struct mcsec_stamp {
	u64 cookie;
	u64 token;
};

/* In place of what verified datagrams have there. */
static inline struct mcsec_stamp *mcsec_share_slot(const struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct mcsec_stamp) !=
		     sizeof(struct mcsec_verified));
	return (struct mcsec_stamp *)mcsec_verified_slot(skb);
}

/* The number of @skb, or 0. */
static inline u64 mcsec_share_token(const struct sk_buff *skb)
{
	const struct mcsec_stamp *stamp = mcsec_share_slot(skb);

	return stamp->cookie == mcsec_share_cookie ? stamp->token : 0;
}

/* It is another datagram from here on. */
static inline void mcsec_share_forget(struct sk_buff *skb)
{
	if (mcsec_share_token(skb))
		mcsec_share_slot(skb)->cookie = 0;
}

/* Give @skb, which has just arrived, a number. BH disabled or softirq. */
void mcsec_share_stamp(struct sk_buff *skb);

/*
 * What this CPU keeps, for a copy with @token; or NULL. BH are disabled until
 * the copy is done with. On PREEMPT_RT it is this copy's alone meanwhile, and what
 * comes in between is enciphered by itself.
 */
struct mcsec_share *mcsec_share_of(u64 token);

static inline void mcsec_share_done(struct mcsec_share *share)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		this_cpu_write(mcsec_share_kept, share);
}

/*
 * Whether the @len octets behind the first @hlen of @skb, which are @next, are
 * what @share was made of under the SA with the id @sa.
 */
bool mcsec_share_same(const struct mcsec_share *share, u64 sa,
		      const struct sk_buff *skb, unsigned int hlen,
		      unsigned int len, u8 next);

/*
 * Keep the payload. Returns whether it is worth while and was done; then its ESP
 * is to be given to mcsec_share_keep() if it becomes ESP.
 */
bool mcsec_share_begin(struct mcsec_share *share, const struct sk_buff *skb,
		       unsigned int hlen, unsigned int len, u8 next);
void mcsec_share_keep(struct mcsec_share *share, u64 sa, u64 iv,
		      const struct sk_buff *skb, unsigned int hlen);

/* Before the first gateway's group: process context. 0 or -ENOMEM. */
int mcsec_share_prepare(void);
void mcsec_share_init(void);
void mcsec_share_exit(void);

#endif /* _MCSEC_SHARE_H */
