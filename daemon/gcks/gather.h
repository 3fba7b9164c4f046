/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders to several groups that are answered as one: when the last is done, by
 * the first error.
 */
#ifndef GCKS_GATHER_H
#define GCKS_GATHER_H

#include <stdint.h>

#include "gcks/gcks.h"

struct gather;

/* NULL: out of memory. */
struct gather *gather_new(gcks_done_fn *done, void *arg);
/* One more order, which is given gather_done() and @t. */
void gather_add(struct gather *t);
void gather_done(void *arg, int ret, uint32_t effective_ms, const char *why);
/* All are given; the answer may be there by now. */
void gather_end(struct gather *t);

#endif
