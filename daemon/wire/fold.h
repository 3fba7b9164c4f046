/* SPDX-License-Identifier: Apache-2.0 */
/* Identities whose letters certificates do not tell apart. */
#ifndef WIRE_FOLD_H
#define WIRE_FOLD_H

#include "wire/payload.h"

/*
 * Make letters small where a certificate is for both: in a DNS name, and behind the last
 * "@" of a mail address. Two identities of one certificate are equal then, octet by octet.
 */
void id_fold(struct ike_id *id);
/* Return true if id_fold() would change nothing. */
bool id_is_folded(const struct ike_id *id);

#endif
