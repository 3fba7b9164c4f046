/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a group's traffic keys come from: its Data SAs with their SPIs, and
 * Sender-IDs that nobody else has under these keys. A root key server makes
 * them itself (key_source_local); a server below another would hand on what it
 * was given. What a source has given is in the state that is committed next,
 * and counts from then on.
 */
#ifndef GCKS_KEY_SOURCE_H
#define GCKS_KEY_SOURCE_H

#include "gcks/group.h"

/* All change @st alone; int functions return 0 or -errno. */
struct key_source_ops {
	/*
	 * The next Data SA into st->data: an SPI and a KEYMAT that nobody has
	 * had. Its SPI is the first of st->next_data_spi, whose others move
	 * up; @exclude: all of them are drawn anew, since a member that is put
	 * out knows them. The former Data SA is among st->old by then.
	 */
	int (*next_data)(struct group *g, struct gkm_state *st, bool exclude);
	/* Sender-IDs that are left under the Data SA of @st. */
	uint32_t (*sender_ids_left)(const struct group *g,
				    const struct gkm_state *st);
	/* A block of @n, which are left. Its first. */
	uint32_t (*take_sender_ids)(struct group *g, struct gkm_state *st,
				    uint32_t n);
	/* Everybody is out: no key of before is used again. */
	void (*start_anew)(struct group *g, struct gkm_state *st);
};

extern const struct key_source_ops key_source_local;

/* KEYMAT of @policy's size, made @now. 0 or -errno. */
int gkey_make(struct gkey *k, const struct gsa_sa *policy, int64_t now,
	      uint32_t lifetime);

#endif
