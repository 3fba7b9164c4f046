// SPDX-License-Identifier: GPL-2.0-only
#include "esp.h"
#include "compat.h"

#include <uapi/linux/mcsec.h>

DEFINE_PER_CPU(struct mcsec_op *, mcsec_op_kept);

static const struct {
	const char *name;
	unsigned int key[2]; /* key lengths without salt, ascending */
} transforms[] = {
	[MCSEC_ALG_AES_GCM_16] = { "gcm(aes)", { 16, 32 } },
	[MCSEC_ALG_AES_GMAC] = { "gcm(aes)", { 16, 32 } },
	[MCSEC_ALG_CHACHA20_POLY1305] = { "rfc7539(chacha20,poly1305)",
					  { 32, 32 } },
};

bool mcsec_esp_key_ok(u32 alg, unsigned int len)
{
	return alg < ARRAY_SIZE(transforms) &&
	       (len == transforms[alg].key[0] + MCSEC_SALT ||
		len == transforms[alg].key[1] + MCSEC_SALT);
}

static struct crypto_aead *alloc_aead(u32 alg, const u8 *key, unsigned int len)
{
	struct crypto_aead *aead;
	int err;

	/* Asynchronous transforms are permitted, because the fast ones are
	 * among them.
	 */
	aead = crypto_alloc_aead(transforms[alg].name, 0, 0);
	if (IS_ERR(aead))
		return aead;
	err = crypto_aead_setkey(aead, key, len - MCSEC_SALT);
	if (!err)
		err = crypto_aead_setauthsize(aead, MCSEC_ICV);
	if (!err && crypto_aead_ivsize(aead) != MCSEC_NONCE)
		err = -EINVAL;
	if (err) {
		crypto_free_aead(aead);
		return ERR_PTR(err);
	}
	return aead;
}

/*
 * Return true if the library may replace the transform. An asynchronous
 * transform is a device, or was chosen by the administrator.
 */
static bool is_direct(u32 alg, struct crypto_aead *aead)
{
	return alg == MCSEC_ALG_CHACHA20_POLY1305 && mcsec_chacha_exists() &&
	       !(crypto_aead_alg(aead)->base.cra_flags & CRYPTO_ALG_ASYNC);
}

struct mcsec_cipher *mcsec_cipher_create(u32 alg, const u8 *key,
					 unsigned int len)
{
	struct mcsec_cipher *cipher;
	int err;

	cipher = kzalloc(sizeof(*cipher), GFP_KERNEL_ACCOUNT);
	if (!cipher)
		return ERR_PTR(-ENOMEM);
	cipher->aead = alloc_aead(alg, key, len);
	if (IS_ERR(cipher->aead)) {
		err = PTR_ERR(cipher->aead);
		kfree(cipher);
		return ERR_PTR(err);
	}
	memcpy(cipher->salt, key + len - MCSEC_SALT, MCSEC_SALT);
	cipher->is_mac = alg == MCSEC_ALG_AES_GMAC;
	cipher->direct = is_direct(alg, cipher->aead);
	if (mcsec_chacha_exists() && cipher->direct)
		mcsec_chacha_init(&cipher->chacha, key);
	return cipher;
}

void mcsec_cipher_free(struct mcsec_cipher *cipher)
{
	if (!cipher)
		return;
	crypto_free_aead(cipher->aead);
	kfree_sensitive(cipher);
}

/* ---- room ---- */

/*
 * Return the number of scatterlist entries. A packet of very many fragments, as a
 * gateway may get it, is linearised: one copy costs less than thousands of entries.
 * Returns -ENOMEM without memory.
 */
static int limit_entries(struct sk_buff *skb, int nsg)
{
	int err;

	if (likely(nsg <= (int)MAX_SKB_FRAGS + 1))
		return nsg;
	err = skb_linearize(skb);
	return err ?: 1;
}

int mcsec_esp_grow_slow(struct sk_buff *skb, unsigned int hlen,
			unsigned int tail, unsigned int headroom)
{
	struct sk_buff *trailer;
	int more, nsg;

	more = MCSEC_HEAD + headroom - skb_headroom(skb);
	if (more < 0)
		more = 0;
	if (skb_cloned(skb) || more > 0) {
		int behind = 0;

		if (!skb_is_nonlinear(skb) && skb_tailroom(skb) < tail)
			behind = tail - skb_tailroom(skb);
		if (pskb_expand_head(skb, SKB_DATA_ALIGN(more), behind,
				     GFP_ATOMIC))
			return -ENOMEM;
	}
	/* skb_cow_data() copies pages, which others may have mapped, and shared
	 * fragments.
	 */
	nsg = skb_cow_data(skb, tail, &trailer);
	if (nsg < 0)
		return nsg;
	pskb_put(skb, trailer, tail);
	mcsec_esp_shift(skb, hlen);
	return limit_entries(skb, nsg);
}

/*
 * Not every kernel can tell who else owns the pages of an skb. They may be of a
 * file in the page cache, which must not be written to. Data in pages is
 * therefore copied, whether marked as shared or not.
 */
bool mcsec_esp_writable_slow(struct sk_buff *skb)
{
	return !skb_linearize_cow(skb);
}

void mcsec_esp_pull_outer(struct sk_buff *skb, unsigned int hlen)
{
	__skb_pull(skb, hlen + MCSEC_HEAD);
	skb_reset_network_header(skb);
	if (skb_mac_header_was_set(skb))
		skb_mac_header_rebuild(skb);
}

/* ---- the cipher ---- */

MCSEC_CRYPTO_DONE(op_completed, data, err)
{
	struct mcsec_op *op = data;

	/* -EINPROGRESS would say that a backlogged request has begun, but no
	 * request is ever backlogged.
	 */
	if (WARN_ON_ONCE(err == -EINPROGRESS))
		return;
	mcsec_op_restore(op);
	op->err = err;
	if (atomic_xchg(&op->meet, 1))
		op->done(op, err);
}

struct mcsec_op *mcsec_op_alloc(size_t size)
{
	bool kept = size <= MCSEC_OP_KEPT;
	struct mcsec_op *op;

	op = kmalloc(kept ? MCSEC_OP_KEPT : size, GFP_ATOMIC | __GFP_NOWARN);
	if (!op)
		return NULL;
	op->kept = kept;
	sg_init_table(op->sg, ARRAY_SIZE(op->sg));
	/* CRYPTO_TFM_REQ_MAY_BACKLOG is not set: a full queue drops packets, as
	 * any queue does.
	 */
	aead_request_set_callback(&op->req, 0, op_completed, op);
	return op;
}

int mcsec_op_map(struct mcsec_op *op, const struct mcsec_pkt *pkt, int nsg,
		 unsigned int at)
{
	struct sk_buff *skb = pkt->skb;
	struct scatterlist *sg;
	int err;

	sg = PTR_ALIGN((void *)op + sizeof(*op) +
			       crypto_aead_reqsize(pkt->cipher->aead),
		       __alignof__(struct scatterlist));
	sg_init_table(sg, nsg);
	err = skb_to_sgvec(skb, sg, at, skb->len - at);
	if (unlikely(err < 0))
		return err;
	op->req.src = sg;
	op->req.dst = sg;
	return 0;
}

void mcsec_op_park(struct mcsec_op *op, const struct mcsec_pkt *pkt,
		   void (*done)(struct mcsec_op *op, int err))
{
	mcsec_deferred_hold(&op->deferred, pkt->skb, pkt->state);
	op->pkt = *pkt;
	op->pkt.state = &op->deferred.state;
	op->done = done;
	/* An asynchronous transform may have changed the request, so the op is
	 * not reused.
	 */
	op->kept = false;
	/* The completion may run on another CPU before this line does. Only the
	 * second of the two continues the packet, so a transform that completes
	 * at once, as nearly all do, costs no reference.
	 */
	if (atomic_xchg(&op->meet, 1))
		op->done(op, op->err);
}

void mcsec_esp_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		kfree_sensitive(per_cpu(mcsec_op_kept, cpu));
}

#ifdef DEBUG
#include "selftest/esp.c"
#endif
