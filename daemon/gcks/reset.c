// SPDX-License-Identifier: Apache-2.0
#include "gcks/reset.h"

#include <errno.h>
#include <stdlib.h>

#include "gcks/gkm.h"
#include "gcks/join.h"
#include "gcks/lkh.h"
#include "gcks/mids.h"
#include "gcks/waiting.h"

/* Margin of Key IDs: no batch uses as many as are left above this one. */
#define KEY_ID_LAST (UINT32_MAX - (1u << 20))
/* More than changes may take while an exclusion waits. */
#define KEY_IDS_SOON (1u << 16)

const char *reset_needed(const struct group *g)
{
	if (lkh_next_id(g->tree) > KEY_ID_LAST)
		return "Key IDs are used up";
	return mids_ended(g) ? "Message IDs are used up" : NULL;
}

uint32_t reset_wait_ms(const struct group *g)
{
	/* The Delete of a reset takes a Message ID; members that get none notice silence. */
	if (mids_end_soon(g))
		return pace_reset_ms(g, false);
	if (lkh_next_id(g->tree) > KEY_ID_LAST - KEY_IDS_SOON)
		return pace_reset_ms(g, true);
	return 0;
}

struct exclusion {
	commit_fn *done;
	void *arg;
};

static void reset_exclude_done(struct group *g, void *arg, int ret,
			       const char *why)
{
	struct exclusion x = *(struct exclusion *)arg;

	free(arg);
	/* The reset has taken the place of the batch that was due; the next finds who is left. */
	if (ret != -ECANCELED && g->exclude_pending)
		waiting_arm(g, ret ? COMMIT_RETRY_MS : 0);
	if (ret && ret != -ECANCELED && g->exclude_pending)
		join_refuse_all(g);
	if (x.done)
		x.done(g, x.arg, ret, why);
}

bool reset_exclude(struct group *g, const char *deny, struct policy *policy,
		   commit_fn *done, void *arg)
{
	struct exclusion *x = malloc(sizeof(*x));
	const char *why = reset_needed(g);

	if (!x)
		return false;
	*x = (struct exclusion){ done, arg };
	if (policy)
		gkm_adopt(g, policy, why, reset_exclude_done, x);
	else if (deny)
		gkm_reset_denying(g, deny, why, reset_exclude_done, x);
	else
		gkm_reset(g, why, reset_exclude_done, x);
	return true;
}
