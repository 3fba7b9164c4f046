/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Join orders to several groups into one answer, given when the last order is
 * done. The answer has the first error.
 */
#ifndef GCKS_GATHER_H
#define GCKS_GATHER_H

#include <stdint.h>

#include "gcks/gcks.h"

struct gather;

/* Return NULL if memory is short. Freed when @done has been called. */
struct gather *gather_new(gcks_done_fn *done, void *arg);
/* Count one more order, whose completion is gather_done() with @t. */
void gather_add(struct gather *t);
void gather_done(void *arg, int ret, uint32_t effective_ms, const char *why);
/* End the list of orders. @done may be called before this returns. */
void gather_end(struct gather *t);

#endif
