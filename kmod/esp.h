/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ESP (RFC 4303) with the AEADs of RFC 4106, RFC 4543 and RFC 7634: wire
 * format, transforms, and the cipher for one packet. Of struct mcsec_pkt it reads
 * what a cipher needs, and passes the rest through an asynchronous one.
 *
 *	| SPI 4 | sequence 4 | IV 8 | payload, padding, pad length 1,
 *	| next header 1 | ICV 16 |
 *
 * The nonce is the salt and the IV. AES-GCM and ChaCha20-Poly1305 authenticate
 * the SPI and the sequence number as associated data. AES-GMAC authenticates
 * all but the ICV, and encrypts nothing.
 */
#ifndef _MCSEC_ESP_H
#define _MCSEC_ESP_H

#include <crypto/aead.h>
#include <linux/align.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/percpu.h>
#include <linux/scatterlist.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/types.h>

#include "chacha.h"
#include "deferred.h"
#include "pkt.h"

#define MCSEC_SPI_MIN 256 /* RFC 4303 2.1: 1 to 255 are reserved */
#define MCSEC_ESP_HDR 8
#define MCSEC_IV 8
#define MCSEC_HEAD (MCSEC_ESP_HDR + MCSEC_IV)
#define MCSEC_ICV 16
#define MCSEC_TRAILER 2 /* pad length, next header */
#define MCSEC_SALT 4
#define MCSEC_NONCE (MCSEC_SALT + MCSEC_IV)
#define MCSEC_KEY_MAX 36 /* salt included */

/* The shortest ESP datagram, without its IP header. */
#define MCSEC_ESP_MIN (MCSEC_HEAD + MCSEC_TRAILER + MCSEC_ICV)

struct mcsec_esp_hdr {
	__be32 spi;
	__be32 seq;
	__be64 iv;
} __packed __aligned(4);

/*
 * Return the length of an ESP datagram with @len octets of payload: header, IV,
 * padding, trailer and ICV, without the IP header.
 */
static inline unsigned int mcsec_esp_len(unsigned int len)
{
	return MCSEC_HEAD + ALIGN(len + MCSEC_TRAILER, 4) + MCSEC_ICV;
}

/**
 * struct mcsec_op - one packet in the cipher
 * @pkt: the packet, if the cipher is asynchronous
 * @done: completion of the packet
 * @deferred: references of the packet until then
 * @meet: set by the first of submitter and completion; the second of them
 *	continues the packet (see mcsec_op_park())
 * @err: result of the request
 * @kept: has the size that a CPU keeps for its next packet
 * @nonce: salt and IV of the request; must outlive the submitting function
 * @esp: ESP header of the packet
 * @sg: entries of a linear packet; others are behind the transform's context
 * @req: the request; the transform's context follows it
 */
struct mcsec_op {
	struct mcsec_pkt pkt;
	void (*done)(struct mcsec_op *op, int err);
	struct mcsec_deferred deferred;
	atomic_t meet;
	int err;
	bool kept;
	u8 nonce[MCSEC_NONCE];
	u8 *esp;
	struct scatterlist sg[2];
	struct aead_request req;
};

/**
 * struct mcsec_cipher - a cipher with its key
 * @aead: the transform
 * @salt: salt of the nonces
 * @is_mac: the cipher only authenticates
 * @direct: linear packets use @chacha
 * @chacha: the key, if @direct
 */
struct mcsec_cipher {
	struct crypto_aead *aead;
	u8 salt[MCSEC_SALT];
	bool is_mac;
	bool direct;
	struct mcsec_chacha chacha;
};

/*
 * Return a cipher with @key (key, then salt), or an ERR_PTR. Process context.
 * mcsec_cipher_free() wipes the key and accepts NULL.
 */
struct mcsec_cipher *mcsec_cipher_create(u32 alg, const u8 *key,
					 unsigned int len);
void mcsec_cipher_free(struct mcsec_cipher *cipher);

/* Return true if @alg takes a key of @len octets, including the salt. */
bool mcsec_esp_key_ok(u32 alg, unsigned int len);

/*
 * Move the first @hlen octets down by MCSEC_HEAD, for which the headroom has the room,
 * and set the headers of network and transport, which is ESP.
 */
static inline void mcsec_esp_shift(struct sk_buff *skb, unsigned int hlen)
{
	u8 *data = skb_push(skb, MCSEC_HEAD);

	memmove(data, data + MCSEC_HEAD, hlen);
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, hlen);
}

/*
 * Make room in a linear packet that is not shared and has the tailroom, without
 * a copy: its headers move down, or its payload moves up.
 */
static __always_inline bool mcsec_esp_grow_in_place(struct sk_buff *skb,
						    unsigned int hlen,
						    unsigned int tail,
						    unsigned int headroom)
{
	unsigned int len = skb->len - hlen;
	u8 *payload;

	if (skb_tailroom(skb) < tail)
		return false;
	if (skb_headroom(skb) >= MCSEC_HEAD + headroom) {
		mcsec_esp_shift(skb, hlen);
	} else if (skb_tailroom(skb) >= MCSEC_HEAD + tail) {
		payload = skb->data + hlen;
		memmove(payload + MCSEC_HEAD, payload, len);
		skb_set_transport_header(skb, hlen);
		tail += MCSEC_HEAD;
	} else {
		return false;
	}
	__skb_put(skb, tail);
	return true;
}

int mcsec_esp_grow_slow(struct sk_buff *skb, unsigned int hlen,
			unsigned int tail, unsigned int headroom);

/*
 * Make room for ESP in @skb: MCSEC_HEAD octets behind the first @hlen, and
 * @tail octets at the end. @headroom octets stay free in front for link headers, unless
 * the payload moves up: IP expands the headroom later then. Afterwards every
 * octet of @skb may be overwritten. Returns the number of scatterlist entries
 * that cover it, or -errno.
 */
static __always_inline int mcsec_esp_grow(struct sk_buff *skb,
					  unsigned int hlen, unsigned int tail,
					  unsigned int headroom)
{
	if (likely(!skb_cloned(skb) && !skb_is_nonlinear(skb)) &&
	    likely(mcsec_esp_grow_in_place(skb, hlen, tail, headroom)))
		return 1;
	return mcsec_esp_grow_slow(skb, hlen, tail, headroom);
}

bool mcsec_esp_writable_slow(struct sk_buff *skb);

/* Make @skb linear, and all of it writable. Returns false without memory. */
static inline bool mcsec_esp_writable(struct sk_buff *skb)
{
	return likely(!skb_cloned(skb) && !skb_is_nonlinear(skb)) ||
	       mcsec_esp_writable_slow(skb);
}

/*
 * Move the link header, which mostly is Ethernet's directly in front of IP at
 * @network, up to where the IP header has moved.
 */
static __always_inline void mcsec_esp_move_mac(struct sk_buff *skb,
					       const u8 *network)
{
	u8 *mac = skb_mac_header(skb);

	if (likely(skb->mac_len == ETH_HLEN && mac + ETH_HLEN == network)) {
		memcpy(mac + MCSEC_HEAD, mac, ETH_HLEN);
		skb->mac_header += MCSEC_HEAD;
	} else if (skb_mac_header_was_set(skb)) {
		skb_mac_header_rebuild(skb);
	}
}

/* Remove the ESP header behind the first @hlen octets of @skb. */
static __always_inline void mcsec_esp_pull_header(struct sk_buff *skb,
						  unsigned int hlen)
{
	u8 *data = skb->data;

	/* Two steps without overlap need no memmove(). */
	if (likely(hlen == sizeof(struct iphdr))) {
		memcpy(data + 2 * MCSEC_HEAD, data + MCSEC_HEAD,
		       sizeof(struct iphdr) - MCSEC_HEAD);
		memcpy(data + MCSEC_HEAD, data, MCSEC_HEAD);
	} else {
		memmove(data + MCSEC_HEAD, data, hlen);
	}
	__skb_pull(skb, MCSEC_HEAD);
	skb_reset_network_header(skb);
	/* The offsets that IP has parsed are relative to the headers, which
	 * have moved.
	 */
	skb->transport_header += MCSEC_HEAD;
	mcsec_esp_move_mac(skb, data);
}

/*
 * Remove the first @hlen octets and the ESP header. skb->data and the network
 * header are at the inner datagram then, and the link header in front of it.
 */
void mcsec_esp_pull_outer(struct sk_buff *skb, unsigned int hlen);

/*
 * Each CPU keeps one op for its next packet. The size fits the transforms of
 * the kernel with a linear packet. Larger ops are allocated.
 */
#define MCSEC_OP_KEPT 1024
DECLARE_PER_CPU(struct mcsec_op *, mcsec_op_kept);

/* Allocate an op of @size octets, or of a size to be kept. NULL without memory. */
struct mcsec_op *mcsec_op_alloc(size_t size);

static inline struct mcsec_op *mcsec_op_take(size_t size)
{
	struct mcsec_op *op;

	if (IS_ENABLED(CONFIG_PREEMPT_RT)) {
		/* On PREEMPT_RT disabled BH exclude no other task, so one
		 * atomic step is needed.
		 */
		op = size <= MCSEC_OP_KEPT ? this_cpu_xchg(mcsec_op_kept, NULL)
					   : NULL;
		return op ?: mcsec_op_alloc(size);
	}
	op = __this_cpu_read(mcsec_op_kept);
	if (unlikely(size > MCSEC_OP_KEPT || !op))
		return mcsec_op_alloc(size);
	__this_cpu_write(mcsec_op_kept, NULL);
	return op;
}

/*
 * Get an op for @nsg scatterlist entries in *@op, which is NULL if the cipher
 * needs none. Returns false without memory. The caller disables BH until the op
 * is put.
 */
static inline bool mcsec_op_get(const struct mcsec_cipher *cipher, int nsg,
				struct mcsec_op **op)
{
	size_t size = sizeof(**op) + crypto_aead_reqsize(cipher->aead);

	if (unlikely(nsg > 1)) {
		size += __alignof__(struct scatterlist) +
			nsg * sizeof(struct scatterlist);
	} else if (unlikely(cipher->direct)) {
		*op = NULL;
		return true;
	}
	*op = mcsec_op_take(size);
	return likely(*op);
}

/*
 * Give back an op, or NULL. One that is kept has the transform's context of its packet
 * until the next one; others are wiped and freed. The caller has disabled BH.
 */
static inline void mcsec_op_put(struct mcsec_op *op)
{
	if (!op)
		return;
	memset(op->nonce, 0, MCSEC_SALT);
	if (IS_ENABLED(CONFIG_PREEMPT_RT)) {
		if (!op->kept || this_cpu_cmpxchg(mcsec_op_kept, NULL, op))
			kfree_sensitive(op);
		return;
	}
	if (likely(op->kept && !__this_cpu_read(mcsec_op_kept)))
		__this_cpu_write(mcsec_op_kept, op);
	else
		kfree_sensitive(op); /* salts and one-time keys */
}

/*
 * Map a packet of several parts, from offset @at on, into the request. Returns
 * 0 or -errno.
 */
int mcsec_op_map(struct mcsec_op *op, const struct mcsec_pkt *pkt, int nsg,
		 unsigned int at);

/*
 * Set up the request for the packet's plaintext and @icv octets behind it.
 * Associated data must stand directly in front of it, so the SPI and the
 * sequence number replace the IV until mcsec_op_restore(): then a linear packet
 * needs one scatterlist entry for both.
 */
static __always_inline int mcsec_op_prepare(struct mcsec_op *op,
					    const struct mcsec_pkt *pkt,
					    int nsg, unsigned int icv)
{
	const struct mcsec_cipher *cipher = pkt->cipher;
	unsigned int len = pkt->plaintext_len;
	unsigned int at = pkt->hlen;
	struct sk_buff *skb = pkt->skb;
	u8 *esp = skb->data + at;

	atomic_set(&op->meet, 0);
	op->esp = esp;
	memcpy(op->nonce, cipher->salt, MCSEC_SALT);
	memcpy(op->nonce + MCSEC_SALT, esp + MCSEC_ESP_HDR, MCSEC_IV);
	aead_request_set_tfm(&op->req, cipher->aead);
	if (unlikely(cipher->is_mac)) {
		/* RFC 4543: all but the ICV is authenticated only. */
		aead_request_set_ad(&op->req, MCSEC_HEAD + len);
		len = 0;
	} else {
		memcpy(esp + MCSEC_IV, esp, MCSEC_ESP_HDR);
		aead_request_set_ad(&op->req, MCSEC_ESP_HDR);
		at += MCSEC_IV;
	}
	aead_request_set_crypt(&op->req, op->sg, op->sg, len + icv, op->nonce);
	if (unlikely(nsg > 1))
		return mcsec_op_map(op, pkt, nsg, at);
	/* The ICV has an entry of its own. If no entry began with it,
	 * scatterwalk_ffwd() would make a list that does, for each packet.
	 */
	sg_set_buf(&op->sg[0], skb->data + at, skb->len - at - MCSEC_ICV);
	sg_set_page(&op->sg[1], sg_page(&op->sg[0]), MCSEC_ICV,
		    op->sg[0].offset + op->sg[0].length);
	return 0;
}

/* Put the IV back into the ESP header. */
static __always_inline void mcsec_op_restore(const struct mcsec_op *op)
{
	memcpy(op->esp + MCSEC_ESP_HDR, op->nonce + MCSEC_SALT, MCSEC_IV);
}

/*
 * Run the cipher in place over pkt->skb from pkt->hlen on; @op may be NULL, see
 * mcsec_op_get(). Returns 0 or -errno. After -EINPROGRESS the caller must call
 * mcsec_op_park() next.
 *
 * An op whose request failed is not kept for the next packet: the transform may have
 * put a completion of its own into it, as cryptd does before it finds its queue full.
 */
static __always_inline int
mcsec_op_encrypt(struct mcsec_op *op, const struct mcsec_pkt *pkt, int nsg)
{
	int err;

	if (mcsec_chacha_exists() && !op) {
		mcsec_chacha_encrypt(&pkt->cipher->chacha,
				     pkt->skb->data + pkt->hlen,
				     pkt->plaintext_len);
		return 0;
	}
	err = mcsec_op_prepare(op, pkt, nsg, 0);
	if (unlikely(err))
		return err;
	err = crypto_aead_encrypt(&op->req);
	if (likely(err != -EINPROGRESS))
		mcsec_op_restore(op);
	if (unlikely(err))
		op->kept = false;
	return err;
}

/*
 * Decrypt a linear packet. Returns as mcsec_op_encrypt() does, and -EBADMSG if the ICV
 * does not verify. The IV is not restored, because a
 * packet that verified loses its ESP header.
 */
static __always_inline int mcsec_op_decrypt(struct mcsec_op *op,
					    const struct mcsec_pkt *pkt)
{
	int err;

	if (mcsec_chacha_exists() && !op)
		return mcsec_chacha_decrypt(&pkt->cipher->chacha,
					    pkt->skb->data + pkt->hlen,
					    pkt->plaintext_len);
	err = mcsec_op_prepare(op, pkt, 1, MCSEC_ICV);
	if (unlikely(err))
		return err;
	err = crypto_aead_decrypt(&op->req);
	if (unlikely(err && err != -EBADMSG))
		op->kept = false;
	return err;
}

/*
 * Keep @pkt and its references after -EINPROGRESS, while still in the hook,
 * until @done runs, which may be immediately. The caller no longer owns the
 * packet. @done finds it in op->pkt, and puts @op.
 */
void mcsec_op_park(struct mcsec_op *op, const struct mcsec_pkt *pkt,
		   void (*done)(struct mcsec_op *op, int err));

/* Free the op that each CPU keeps. No packet is in a cipher. */
void mcsec_esp_exit(void);

#ifdef DEBUG
bool mcsec_esp_selftest(void);
#endif

#endif /* _MCSEC_ESP_H */
