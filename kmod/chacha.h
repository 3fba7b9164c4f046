/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ChaCha20-Poly1305 for ESP (RFC 7634) by the kernel's library, for packets in
 * one piece: the crypto API's template makes two requests of each.
 */
#ifndef _MCSEC_CHACHA_H
#define _MCSEC_CHACHA_H

#include <linux/types.h>

#define MCSEC_CHACHA_WORDS 8
#define MCSEC_CHACHA_SALT 4

/**
 * struct mcsec_chacha - a key
 * @key: the key's words
 * @salt: first octets of each nonce
 */
struct mcsec_chacha {
	u32 key[MCSEC_CHACHA_WORDS];
	u8 salt[MCSEC_CHACHA_SALT];
};

/* Whether the kernel has the library. */
bool mcsec_chacha_exists(void);

/* @key: 32 octets, and the salt. */
void mcsec_chacha_init(struct mcsec_chacha *chacha, const u8 *key);

/*
 * The ESP header at @esp, then @len octets of text, then the ICV, in place. Any
 * context but hard interrupts. Decrypting returns 0, or -EBADMSG, and then the text
 * is as it was.
 */
void mcsec_chacha_encrypt(const struct mcsec_chacha *chacha, u8 *esp,
			  unsigned int len);
int mcsec_chacha_decrypt(const struct mcsec_chacha *chacha, u8 *esp,
			 unsigned int len);

#endif /* _MCSEC_CHACHA_H */
