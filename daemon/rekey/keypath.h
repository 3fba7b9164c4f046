/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The member's working key path, RFC 9838 3.3. Knows nothing of how the key
 * server manages its keys: LKH, or everything under one key, look the same.
 */
#ifndef IKE_KEYPATH_H
#define IKE_KEYPATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/gpayload.h"

#define WKP_MAX 32 /* keys on a path; a tree of 2^32 leaves */

struct wkp_key {
	uint32_t id; /* never 0 */
	uint8_t key[KWK_MAX];
};

/* From the key nearest the Rekey SA down to the member's own leaf */
struct wkp {
	unsigned int n;
	uint8_t key_len; /* of each key */
	struct wkp_key k[WKP_MAX];
};

void wkp_init(struct wkp *w);
void wkp_wipe(struct wkp *w);
/* Wipes @to, moves @from into it, wipes @from. */
void wkp_move(struct wkp *to, struct wkp *from);

/*
 * Finds the KEYMAT of a Rekey SA.
 *
 * @old: the path held so far, NULL at registration (state from before is
 * never an anchor). @def: the default KWK of the SA that carried the message.
 * @want: octets of KEYMAT that have to come out.
 * @keymat gets them, @path the path that holds from now on; the caller moves
 * it into place once the whole message is accepted.
 *
 * 0; -ENOKEY no path: excluded from the group; -EINVAL bad arguments; -ENOMEM.
 * On error @keymat and @path hold nothing.
 * Work is bounded: each WRAP_KEY is unwrapped at most once.
 */
int keypath_resolve(const struct wkp *old, const struct kd_bag *bag,
		    const struct kd *kd, const struct kwk *def, uint8_t *keymat,
		    size_t want, struct wkp *path);

#endif
