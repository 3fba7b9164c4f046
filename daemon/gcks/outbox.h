/* SPDX-License-Identifier: Apache-2.0 */
/* GSA_REKEYs with copies to send, and the senders that have confirmed. */
#ifndef GCKS_OUTBOX_H
#define GCKS_OUTBOX_H

#include "gcks/group.h"

/*
 * Make a message with @n copies, due at @at_ms milliseconds after
 * outbox_send_all(). Takes over the buffer of @w. Returns NULL if memory is
 * short.
 */
struct out_msg *out_msg_new(struct group *g, struct wbuf *w,
			    const uint32_t *at_ms, unsigned int n);
/* Disarm and free a message that is in no outbox; NULL is allowed. */
void out_msg_free(struct out_msg *o);
void outbox_drop_all(struct outbox *out);
/*
 * Send the copies of @out that are due and arm timers for the others. The
 * messages move to g->out.
 */
void outbox_send_all(struct group *g, struct outbox *out);
/* Return true if first copies of the last change are still to be sent. */
bool outbox_unsent(const struct group *g);
/* Return the number of senders that have not confirmed the current Data SA. */
uint32_t outbox_unconfirmed(const struct group *g);
/*
 * Note the report of @m that it sends with the Data SA @spi. One that the group
 * never had is counted in g->wrong_confirms and ignored. If @m was the last sender,
 * that all have confirmed is logged.
 */
void outbox_confirm(struct group *g, struct gmember *m, uint32_t spi);
/* The same of the other host of @m's identity, see place.h. */
void outbox_confirm_twin(struct group *g, struct gmember *m,
			 const struct addr *from, uint32_t spi);
/* Log that all senders have confirmed, if that is so, after another event than a report. */
void outbox_note_confirmed(struct group *g);

/* Must run within a transaction of the store. Return 0 or -errno. */
int outbox_put(struct group *g, const struct out_msg *o);
int outbox_del_all(struct group *g);
/*
 * Read into g->out, without timers, the messages that members would still
 * accept. Returns 0 or -errno.
 */
int outbox_load(struct group *g);

#endif
