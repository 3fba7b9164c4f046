// SPDX-License-Identifier: GPL-2.0-only
#include "chacha.h"
#include "compat.h"
#include "esp.h"

#include <crypto/algapi.h>
#include <crypto/chacha.h>
#include <crypto/poly1305.h>
#include <linux/string.h>

void mcsec_chacha_init(struct mcsec_chacha *chacha, const u8 *key)
{
	unsigned int i;

	for (i = 0; i < MCSEC_CHACHA_WORDS; i++)
		chacha->key[i] = get_unaligned_le32(key + 4 * i);
	memcpy(chacha->salt, key + 4 * MCSEC_CHACHA_WORDS, MCSEC_CHACHA_SALT);
}

/*
 * RFC 8439 2.6: block 0 is the key of Poly1305, so the text starts at block 1.
 */
static void chacha_begin(const struct mcsec_chacha *chacha, const u8 *esp,
			 struct mcsec_chacha_state *state,
			 struct poly1305_desc_ctx *poly)
{
	u8 iv[CHACHA_IV_SIZE] = {};
	u8 block[CHACHA_BLOCK_SIZE];

	memcpy(iv + 4, chacha->salt, MCSEC_CHACHA_SALT);
	memcpy(iv + 4 + MCSEC_CHACHA_SALT, esp + MCSEC_ESP_HDR, MCSEC_IV);
	chacha_init(mcsec_chacha_words(state), chacha->key, iv);
	chacha20_block(mcsec_chacha_words(state), block);
	poly1305_init(poly, block);
	/* The rest of the block is never used as key stream. */
	memzero_explicit(block, POLY1305_KEY_SIZE);
}

/*
 * Compute the ICV of the ESP header without its IV, and of @len octets of
 * ciphertext.
 */
static void chacha_icv(struct poly1305_desc_ctx *poly, const u8 *esp,
		       unsigned int len, u8 *icv)
{
	u8 head[POLY1305_BLOCK_SIZE] = {}, tail[2 * POLY1305_BLOCK_SIZE] = {};
	unsigned int pad = -len % POLY1305_BLOCK_SIZE;

	/* Zeros pad each part to a whole block. One call covers several parts
	 * where possible.
	 */
	memcpy(head, esp, MCSEC_ESP_HDR);
	put_unaligned_le64(MCSEC_ESP_HDR, tail + pad);
	put_unaligned_le64(len, tail + pad + sizeof(u64));
	poly1305_update(poly, head, sizeof(head));
	poly1305_update(poly, esp + MCSEC_HEAD, len);
	poly1305_update(poly, tail, pad + POLY1305_BLOCK_SIZE);
	poly1305_final(poly, icv);
}

void mcsec_chacha_encrypt(const struct mcsec_chacha *chacha, u8 *esp,
			  unsigned int len)
{
	struct mcsec_chacha_state state;
	struct poly1305_desc_ctx poly;
	u8 *text = esp + MCSEC_HEAD;

	chacha_begin(chacha, esp, &state, &poly);
	chacha20_crypt(mcsec_chacha_words(&state), text, text, len);
	chacha_icv(&poly, esp, len, text + len);
	memzero_explicit(&state, sizeof(state));
}

int mcsec_chacha_decrypt(const struct mcsec_chacha *chacha, u8 *esp,
			 unsigned int len)
{
	struct mcsec_chacha_state state;
	struct poly1305_desc_ctx poly;
	u8 *text = esp + MCSEC_HEAD;
	u8 icv[MCSEC_ICV];
	int err = 0;

	chacha_begin(chacha, esp, &state, &poly);
	chacha_icv(&poly, esp, len, icv);
	if (unlikely(crypto_memneq(icv, text + len, sizeof(icv))))
		err = -EBADMSG;
	else
		chacha20_crypt(mcsec_chacha_words(&state), text, text, len);
	memzero_explicit(&state, sizeof(state));
	return err;
}
