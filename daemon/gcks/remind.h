/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Senders that do not confirm a change, because no GSA_REKEY reaches them, are told of it
 * over their IKE SAs. As long as one of them uses the former key, an evicted member can
 * read, and members that follow lose packets when their former SA ends.
 */
#ifndef GCKS_REMIND_H
#define GCKS_REMIND_H

struct group;

void remind_init(struct group *g);
void remind_stop(struct group *g);
/* The keys have changed. */
void remind_changed(struct group *g);

#endif
