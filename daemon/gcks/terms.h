/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memberships in the order of their ends, for gcks/term.h: a heap in an array, since
 * a timer for each of a million members would take a third of the roster, and a
 * pause when the first of them fires.
 */
#ifndef GCKS_TERMS_H
#define GCKS_TERMS_H

#include "gcks/group.h"

void terms_free(struct terms *t);
/* Make room for @n members. Returns 0 or -ENOMEM. */
int terms_reserve(struct terms *t, uint32_t n);
/* Let @m be due at @due_s; there is room for it. */
void terms_set(struct terms *t, struct gmember *m, uint32_t due_s);
/* Remove @m, if it is there. */
void terms_drop(struct terms *t, struct gmember *m);
/* Return the member that is due first, or NULL. */
struct gmember *terms_first(const struct terms *t);

#endif
