/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source of a group's traffic keys: Data SAs with their SPIs, and Sender-IDs
 * that are unique under these keys. A root key server makes them itself
 * (key_source_local); a subordinate server would pass on those it was given.
 * Keys and Sender-IDs of a source are valid from the next commit on, of whose
 * state they are part: before it a crash could give them out twice.
 */
#ifndef GCKS_KEY_SOURCE_H
#define GCKS_KEY_SOURCE_H

#include "gcks/group.h"

/* The operations change @st only; those of type int return 0 or -errno. */
struct key_source_ops {
	/*
	 * Make the next Data SAs in st->data, as many as the policy has, each
	 * with a fresh SPI and a KEYMAT of its own, that live for @lifetime
	 * seconds. The SPI is the first announced one, and the others move up;
	 * with @exclude all of them are replaced, since the excluded member knows
	 * them. The former Data SAs are among st->old already.
	 */
	int (*next_data)(struct group *g, struct gkm_state *st,
			 uint32_t lifetime, bool exclude);
	/* Return how many Sender-IDs are left under the Data SAs of @st. */
	uint32_t (*sender_ids_left)(const struct group *g,
				    const struct gkm_state *st);
	/*
	 * Take a block of @n Sender-IDs, which must be left. Returns the
	 * first.
	 */
	uint32_t (*take_sender_ids)(struct group *g, struct gkm_state *st,
				    uint32_t n);
	/* Forget Sender-IDs in a group reset: no earlier key is used again. */
	void (*reset)(struct group *g, struct gkm_state *st);
};

extern const struct key_source_ops key_source_local;

/*
 * Make a KEYMAT of @policy's size; @now is in seconds since 1970. Returns 0 or
 * -errno.
 */
int gkey_make(struct gkey *k, const struct gsa_sa *policy, int64_t now,
	      uint32_t lifetime);

#endif
