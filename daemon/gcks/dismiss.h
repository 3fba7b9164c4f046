/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The IKE SAs of the members of a group that is reset or closed. Members learn of it
 * by the Delete over the Rekey SA, and also by the end of their IKE SAs: that reaches
 * them without multicast, and a rival that has the signing key cannot forge it without
 * the certificate.
 */
#ifndef GCKS_DISMISS_H
#define GCKS_DISMISS_H

#include <stddef.h>
#include <stdint.h>

struct group;

/* Serial numbers of IKE SAs, sorted. */
struct serials {
	uint64_t *v;
	size_t n;
	size_t room;
};

struct dismissal {
	struct serials members;
};

/*
 * Collect the IKE SAs of all members, before they are out. If memory is short, some
 * are missing, and their peers learn of it by the Delete alone. @d must be zero.
 */
void dismiss_collect(struct group *g, struct dismissal *d);
/*
 * Close those that still exist, @why being for the log; but not those over which
 * a member waits for an answer, which will have the new keys. Frees @d.
 */
void dismiss_members(struct group *g, struct dismissal *d, const char *why);
/* Free @d without closing an IKE SA. */
void dismiss_free(struct dismissal *d);

#endif
