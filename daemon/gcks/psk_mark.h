/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mark of the pre-shared key that a membership rests on, as its record has it. A key
 * server that starts compares it with the key that the identity has then: the exclusion
 * for a removed key may have failed, and nothing else tells that there was one.
 */
#ifndef GCKS_PSK_MARK_H
#define GCKS_PSK_MARK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"

#define PSK_MARK_LEN 16
#define PSK_REMOVED "its pre-shared key was removed"

struct gmember;
struct psks;

/* A digest, from which nobody learns more than whether two keys are the same. */
struct psk_mark {
	bool known; /* false: no key, or a record of an earlier release */
	uint8_t v[PSK_MARK_LEN];
};

/*
 * Mark the key of @identity in @psks. Without one, or if crypto/ fails, the mark is not
 * known.
 */
void psk_mark_of(const struct psks *psks, const char *identity,
		 struct psk_mark *mark);
bool psk_mark_same(const struct psk_mark *a, const struct psk_mark *b);
void psk_mark_put(struct wbuf *w, const struct psk_mark *mark);
void psk_mark_get(struct rbuf *r, struct psk_mark *mark);
/*
 * Return true if @m authenticated by a pre-shared key, and its identity has none
 * in @psks.
 */
bool psk_is_lost(const struct gmember *m, const struct psks *psks);

#endif
