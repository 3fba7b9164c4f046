/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ChaCha20-Poly1305 for ESP (RFC 7634) by the kernel's library, for linear
 * packets. The template of the crypto API, rfc7539(), would split each packet into two
 * requests.
 */
#ifndef _MCSEC_CHACHA_H
#define _MCSEC_CHACHA_H

#include <linux/kconfig.h>
#include <linux/types.h>

#define MCSEC_CHACHA_WORDS 8
#define MCSEC_CHACHA_SALT 4

/**
 * struct mcsec_chacha - key of ChaCha20-Poly1305
 * @key: the key's words
 * @salt: first octets of each nonce
 */
struct mcsec_chacha {
	u32 key[MCSEC_CHACHA_WORDS];
	u8 salt[MCSEC_CHACHA_SALT];
};

/*
 * Return true if the kernel has the library and modules may use it. Otherwise
 * Kbuild does not build chacha.c, and the compiler removes the calls of its functions.
 */
static __always_inline bool mcsec_chacha_exists(void)
{
	return IS_REACHABLE(CONFIG_CRYPTO_LIB_CHACHA) &&
	       IS_REACHABLE(CONFIG_CRYPTO_LIB_POLY1305);
}

/* Set the key to @key: 32 octets of key, then the salt. */
void mcsec_chacha_init(struct mcsec_chacha *chacha, const u8 *key);

/*
 * Encrypt or decrypt in place: the ESP header is at @esp, followed by @len
 * octets of text and the ICV. Any context but hard interrupts. Decryption
 * returns 0, or -EBADMSG with the text unchanged.
 */
void mcsec_chacha_encrypt(const struct mcsec_chacha *chacha, u8 *esp,
			  unsigned int len);
int mcsec_chacha_decrypt(const struct mcsec_chacha *chacha, u8 *esp,
			 unsigned int len);

#endif /* _MCSEC_CHACHA_H */
