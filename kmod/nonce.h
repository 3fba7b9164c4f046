/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A memory of what this host sent with: a key and a Sender-ID that were once
 * given to a sending SA are refused from then on, in any namespace, because a
 * new SA counts from one again and would repeat IVs. It guards against a
 * mistake of who hands out Sender-IDs, whose duty uniqueness is (RFC 6054);
 * it forgets when the module is unloaded, and its oldest when it is full: of
 * the host's, or of those of all ordinary users.
 *
 * It holds keyed hashes, nothing of a key.
 */
#ifndef _MCSEC_NONCE_H
#define _MCSEC_NONCE_H

#include <linux/types.h>

#define MCSEC_NONCE_MAX 65536 /* pairs of key and Sender-ID, of either */

/*
 * Claim @n Sender-IDs of @bits bits for sending with a key, in an @ordinary
 * user's namespace or the host's. Returns 0, -ENOMEM, or -EEXIST: *@bad is then
 * the index of the first Sender-ID that was claimed before. Claims all or none.
 * Process context.
 * A claim is not given back: nobody knows what was sent with it.
 */
int mcsec_nonce_claim(bool ordinary, u32 alg, const u8 *key,
		      unsigned int key_len, u32 bits, const u32 *sids,
		      unsigned int n, unsigned int *bad);

void mcsec_nonce_init(void);
void mcsec_nonce_exit(void);

#endif /* _MCSEC_NONCE_H */
