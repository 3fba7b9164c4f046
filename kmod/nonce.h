/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registry of what this host has sent with. A pair of key and Sender-ID that
 * was once given to a sending SA is refused from then on, in every namespace,
 * because a new SA would count from 1 again and repeat IVs. The registry is a
 * safeguard: Sender-IDs have to be unique by assignment (RFC 6054). It starts
 * empty when the module is loaded. It has a limit for the host, and one for all
 * unprivileged user namespaces together, and drops the oldest entry at either.
 *
 * The registry stores keyed hashes, and no part of a key.
 */
#ifndef _MCSEC_NONCE_H
#define _MCSEC_NONCE_H

#include <linux/types.h>

#define MCSEC_NONCE_MAX 65536 /* pairs of key and Sender-ID, for each limit */

/*
 * Claim @n Sender-IDs of @bits bits for sending with a key, for an unprivileged
 * user namespace if @ordinary. Either all are claimed or none. Returns 0,
 * -ENOMEM, or -EEXIST with the index of the first Sender-ID that was claimed
 * before in *@bad. Process context.
 *
 * A claim cannot be returned, because packets may have been sent with it.
 */
int mcsec_nonce_claim(bool ordinary, u32 alg, const u8 *key,
		      unsigned int key_len, u32 bits, const u32 *sids,
		      unsigned int n, unsigned int *bad);

void mcsec_nonce_init(void);
void mcsec_nonce_exit(void);

#endif /* _MCSEC_NONCE_H */
