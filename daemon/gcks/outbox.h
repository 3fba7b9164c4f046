/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of GSA_REKEY on their way, and who has changed over since.
 */
#ifndef GCKS_OUTBOX_H
#define GCKS_OUTBOX_H

#include "gcks/group.h"

/*
 * A message with @n copies due at @at_ms after it is sent off. Takes over
 * what @w holds. NULL: no memory.
 */
struct out_msg *out_msg_new(struct group *g, struct wbuf *w,
			    const uint32_t *at_ms, unsigned int n);
void out_msg_free(struct out_msg *o);
void outbox_drop_all(struct outbox *out);
/* Sends what is due of all of @out, which g->out takes over, and arms timers. */
void outbox_send_all(struct group *g, struct outbox *out);
/* Copies of the last change that are still to go for the first time. */
bool outbox_unsent(const struct group *g);
/* Senders that have not said that they use the Data SA there is. */
uint32_t outbox_unconfirmed(const struct group *g);
/* @m has said so of @spi. */
void outbox_confirm(struct group *g, struct gmember *m, uint32_t spi);

/* Within a transaction. 0 or -errno. */
int outbox_put(struct group *g, const struct out_msg *o);
int outbox_del_all(struct group *g);
/* Into g->out, without timers, what members would still take. 0 or -errno. */
int outbox_load(struct group *g);

#endif
