/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to a registration. */
#ifndef GCKS_ANSWER_H
#define GCKS_ANSWER_H

#include "gcks/group.h"

/* Send the current SAs to j->m. Does not free @j. */
void join_answer(struct group *g, struct join_req *j);

#endif
