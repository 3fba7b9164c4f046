/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The member's working key path (RFC 9838 section 3.3). It does not depend on
 * how the key server manages its keys, by LKH or with one key for all.
 */
#ifndef REKEY_KEYPATH_H
#define REKEY_KEYPATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/gpayload.h"

#define WKP_MAX 32 /* keys on a path; enough for 2^32 leaves */

struct wkp_key {
	uint32_t id; /* never 0 */
	uint8_t key[KWK_MAX];
};

/* Keys from the one nearest the Rekey SA down to the member's own leaf. */
struct wkp {
	unsigned int n;
	uint8_t key_len; /* octets of each key */
	struct wkp_key k[WKP_MAX];
};

void wkp_init(struct wkp *w);
void wkp_wipe(struct wkp *w);
/* Wipe @to, then move @from into it and wipe @from. */
void wkp_move(struct wkp *to, struct wkp *from);

/*
 * Find the KEYMAT of a Rekey SA.
 *
 * @old is the path held so far; NULL at registration, where earlier state is
 * never an anchor. @def is the default KWK of the SA that carried the message.
 * @keymat gets @want octets, @path gets the new path; the caller moves it into
 * place once the whole message is accepted.
 *
 * Returns 0; -ENOKEY: no path, the member is excluded; -EINVAL: @want is 0 or
 * above KD_PLAIN_MAX, which leaves @keymat alone, or the algorithm of @def is
 * not known; -ENOMEM. After any other error @keymat is zeros, and after all of
 * them @path is empty. The work is bounded: each WRAP_KEY is unwrapped at most
 * once.
 */
int keypath_resolve(const struct wkp *old, const struct kd_bag *bag,
		    const struct kd *kd, const struct kwk *def, uint8_t *keymat,
		    size_t want, struct wkp *path);

#endif
