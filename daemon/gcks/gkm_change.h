/* SPDX-License-Identifier: Apache-2.0 */
/* A change of a group's keys, from its beginning to its completion. */
#ifndef GCKS_GKM_CHANGE_H
#define GCKS_GKM_CHANGE_H

#include "gcks/group.h"

#define GKM_WHY_MAX 128

struct gkm_change {
	struct gkm_state next;
	struct rekey_sa rs;
	struct outbox out;
	/* what signs rekeys over the new Rekey SA, if it is another one */
	struct sigkey *sign;
	/* in place of the tree there is, if everybody goes */
	struct lkh *tree;
	/* what is the group's policy from then on, if it is another one */
	struct policy *policy;
	/* whom the change keeps out, or NULL; and since when */
	const char *deny;
	int64_t deny_since;
	enum gkm_how how;
	bool told; /* there is somebody to tell */
	bool disown; /* the store is not believed */
	char why[GKM_WHY_MAX]; /* for log and audit trail */
	commit_fn *done;
	void *arg;
};

#endif
