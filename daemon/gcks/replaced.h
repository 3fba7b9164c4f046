/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data SAs that were replaced, and when others delete them. A sender that missed the
 * change goes on with such a one.
 */
#ifndef GCKS_REPLACED_H
#define GCKS_REPLACED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gmember;
struct group;
struct gsa_gw;
struct out_msg;
struct outbox;

/* Changes that are known; senders may report Data SAs of the last GKM_OLD_CHANGES. */
#define REPLACED_MAX 64

struct replaced_sa {
	uint32_t spi;
	uint32_t dtd_ms; /* for which members keep it */
	unsigned int unsent; /* messages of the change without a copy sent */
	uint64_t sent_ms; /* when each had one; 0: not yet */
	uint64_t due_ms; /* when senders that have not followed are told; 0: not noted */
};

struct replaced {
	uint64_t n; /* changes since the start or a reset; the last ones are known */
	struct replaced_sa sa[REPLACED_MAX];
};

/*
 * Note that a change has replaced the Data SA @spi, with the messages @out that are about
 * to be sent. Must follow pace_changed().
 */
void replaced_note(struct group *g, uint32_t spi, struct outbox *out);
/* Note that a copy of @o was sent. */
void replaced_sent(struct out_msg *o);
/* Forget all: nobody has keys of before a reset. */
void replaced_forget(struct group *g);
/*
 * Note that senders have to follow the newest change within @ms. A change of other keys
 * after it does not put that off.
 */
void replaced_set_due(struct group *g, uint32_t ms);
/*
 * Return true if a sender of @spi has had that time for one of the changes since. One that
 * uses no Data SA that is known has.
 */
bool replaced_is_due(const struct group *g, uint32_t spi);
/* Return the milliseconds until that time of another change ends; UINT32_MAX: never. */
uint32_t replaced_next_due_ms(const struct group *g);
/*
 * Tell the sender @m in @gw that it may change to the current Data SA after some seconds,
 * before ATD is over, if others will have deleted the one that it sends with by then.
 */
void replaced_hurry(const struct group *g, const struct gmember *m,
		    struct gsa_gw *gw);

#endif
