/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pre-shared keys of members that change. A removed key ends the membership that it gave.
 * One that is replaced while the key server runs does not, and its mark is stored. At a
 * start another key than that of the mark ends the membership: the key server does not
 * know whether the former one was removed before.
 */
#ifndef GCKS_PSK_CHANGE_H
#define GCKS_PSK_CHANGE_H

#include "gcks/group.h"

void psk_change_init(struct group *g);
void psk_change_stop(struct group *g);
/* Compare the members' keys with the table, once the roster was read at a start. */
void psk_change_start(struct group *g);
/*
 * g->k->deps.psks is another table. Returns true if members have lost their keys: the next
 * exclusion takes these out (gmc_set_must_go()).
 */
bool psk_change_table(struct group *g);
/* Store the marks that the records lack. Returns false if none waits for it. */
bool psk_change_store(struct group *g);
/* Take over the mark that is not stored yet from @was, of the group as it was read before. */
void psk_change_carry(const struct gmember *was, struct gmember *m);

#endif
