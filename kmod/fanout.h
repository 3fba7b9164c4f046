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
#ifndef _MCSEC_FANOUT_H
#define _MCSEC_FANOUT_H

#include <linux/percpu.h>
#include <linux/skbuff.h>
#include <linux/types.h>

#include "esp.h"
#include "verified.h"

#define MCSEC_FANOUT_MAX 2048 /* octets of payload; larger ones are not kept */

/**
 * struct mcsec_fanout - the last datagram of a CPU that was routed
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
struct mcsec_fanout {
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
	u8 plain[MCSEC_FANOUT_MAX];
	u8 esp[MCSEC_FANOUT_MAX + MCSEC_HEAD + 8 + MCSEC_ICV];
};

extern u64 mcsec_fanout_cookie;
DECLARE_PER_CPU(struct mcsec_fanout *, mcsec_fanout_kept);

struct mcsec_stamp {
	u64 cookie;
	u64 token;
};

/* In place of what verified datagrams have there. */
static inline struct mcsec_stamp *mcsec_fanout_slot(const struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct mcsec_stamp) !=
		     sizeof(struct mcsec_verified));
	return (struct mcsec_stamp *)mcsec_verified_slot(skb);
}

/* The number of @skb, or 0. */
static inline u64 mcsec_fanout_token(const struct sk_buff *skb)
{
	const struct mcsec_stamp *stamp = mcsec_fanout_slot(skb);

	return stamp->cookie == mcsec_fanout_cookie ? stamp->token : 0;
}

/* It is another datagram from here on. */
static inline void mcsec_fanout_forget(struct sk_buff *skb)
{
	if (mcsec_fanout_token(skb))
		mcsec_fanout_slot(skb)->cookie = 0;
}

/* Give @skb, which has just arrived, a number. BH disabled or softirq. */
void mcsec_fanout_stamp(struct sk_buff *skb);

/*
 * What this CPU keeps, for a copy with @token; or NULL. BH are disabled until
 * the copy is done with. On PREEMPT_RT it is this copy's alone meanwhile, and what
 * comes in between is enciphered by itself.
 */
struct mcsec_fanout *mcsec_fanout_of(u64 token);

static inline void mcsec_fanout_done(struct mcsec_fanout *fanout)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		this_cpu_write(mcsec_fanout_kept, fanout);
}

/*
 * Whether the @len octets behind the first @hlen of @skb, which are @next, are
 * what @fanout was made of under the SA with the id @sa.
 */
bool mcsec_fanout_same(const struct mcsec_fanout *fanout, u64 sa,
		       const struct sk_buff *skb, unsigned int hlen,
		       unsigned int len, u8 next);

/*
 * Keep the payload. Returns whether it is worth while and was done; then its ESP
 * is to be given to mcsec_fanout_keep() if it becomes ESP.
 */
bool mcsec_fanout_begin(struct mcsec_fanout *fanout, const struct sk_buff *skb,
			unsigned int hlen, unsigned int len, u8 next);
void mcsec_fanout_keep(struct mcsec_fanout *fanout, u64 sa, u64 iv,
		       const struct sk_buff *skb, unsigned int hlen);

/* Before the first gateway's group: process context. 0 or -ENOMEM. */
int mcsec_fanout_prepare(void);
void mcsec_fanout_init(void);
void mcsec_fanout_exit(void);

#endif /* _MCSEC_FANOUT_H */
