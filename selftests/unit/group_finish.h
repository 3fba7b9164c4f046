/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a test of groups. */
#ifndef GROUP_FINISH_H
#define GROUP_FINISH_H

#include "group_sim.h"
#include "tap.h"

/* Check that no IV was used twice in the whole simulation, and free it. */
static inline void sim_finish(struct sim *s, const char *what)
{
	is_int(s->iv_repeats, 0, "%s: no Message ID came twice", what);
	is_int(mock_iv_clashes, 0, "%s: no Sender-ID came twice", what);
	sim_free(s);
}

#endif
