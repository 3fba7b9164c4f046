/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registry of what this host has sent with. A pair of key and Sender-ID that was
 * given to a sending SA is refused while the registry has it, in every namespace,
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

/**
 * struct mcsec_nonces - Sender-IDs to send with, and the key
 * @ordinary: the namespace is an unprivileged user's
 * @alg: algorithm, enum mcsec_alg
 * @key: key, then salt
 * @key_len: length of @key in octets
 * @bits: width of the Sender-IDs
 * @sids: Sender-IDs
 * @n: length of @sids
 */
struct mcsec_nonces {
	bool ordinary;
	u32 alg;
	const u8 *key;
	unsigned int key_len;
	u32 bits;
	const u32 *sids;
	unsigned int n;
};

/*
 * Claim all of @nonces for sending, or none. Returns 0, -ENOMEM, -ENOTUNIQ if the
 * key was claimed with Sender-IDs of another width, or -EEXIST with the index of the
 * first Sender-ID that was claimed before in *@bad. Process context.
 *
 * A claim cannot be returned, because packets may have been sent with it.
 */
int mcsec_nonce_claim(const struct mcsec_nonces *nonces, unsigned int *bad);

void mcsec_nonce_init(void);
void mcsec_nonce_exit(void);

#endif /* _MCSEC_NONCE_H */
