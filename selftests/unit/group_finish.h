/* SPDX-License-Identifier: Apache-2.0 */
/* How a test of groups ends. */
#ifndef GROUP_FINISH_H
#define GROUP_FINISH_H

#include "group_sim.h"
#include "tap.h"

/* sim_free(), and that no IV was used twice in all of what was simulated. */
static inline void sim_finish(struct sim *s, const char *what)
{
	is_int(s->iv_repeats, 0, "%s: no Message ID came twice", what);
	is_int(mock_iv_clashes, 0, "%s: no Sender-ID came twice", what);
	sim_free(s);
}

#endif
