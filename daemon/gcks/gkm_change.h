/* SPDX-License-Identifier: Apache-2.0 */
/* A change of a group's keys, from gkm_begin() to its completion. */
#ifndef GCKS_GKM_CHANGE_H
#define GCKS_GKM_CHANGE_H

#include "gcks/dismiss.h"
#include "gcks/group.h"

#define GKM_WHY_MAX 128

struct gkm_change {
	struct gkm_state next;
	struct rekey_sa rs;
	struct outbox out;
	/* New signing key for the new Rekey SA, or NULL. */
	struct sigkey *sign;
	/* Replace the key tree in a group reset, or NULL. */
	struct lkh *tree;
	/* New policy, or NULL. */
	struct policy *policy;
	/*
	 * Identity that the change denies, or NULL, and since when (seconds
	 * since 1970).
	 */
	const char *deny;
	int64_t deny_since;
	enum gkm_how how;
	/* The Data SA stays, which no sender has used: see pace_data_unused(). */
	bool keep_data;
	bool announced; /* to members, of which there are some */
	bool disown; /* the store is not trusted */
	bool unannounced; /* no message can: members notice the silence */
	struct dismissal dismissal; /* members to be told of a reset */
	char why[GKM_WHY_MAX]; /* recorded in log and audit trail */
	commit_fn *done;
	void *arg;
};

#endif
