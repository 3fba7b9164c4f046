/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A membership from beginning to end: the kernel's group, which is made first and kept
 * longest; joining and leaving.
 */
#ifndef MEMBER_MEMBERSHIP_H
#define MEMBER_MEMBERSHIP_H

#include "member/mgroup.h"

/*
 * Make a group with a copy of @conf, outside the member's list. Returns NULL
 * if memory is short.
 */
struct mgroup *membership_new(struct member *m, const struct conf_mgroup *conf);
/* Free @g, which is in no list. The kernel keeps group and SAs. */
void membership_free(struct mgroup *g);
/* Copy all settings of @conf but the name. */
void membership_configure(struct mgroup *g, const struct conf_mgroup *conf);
/* Set @kg to the kernel's group for a flow of @conf. */
void membership_kgroup(const struct conf_mgroup *conf, unsigned int flow,
		       struct kgroup *kg);
/* Note which configured interfaces exist, and log what has changed. */
void membership_watch_devs(struct mgroup *g);
/*
 * Make the kernel's group for each flow, or adopt the one of an earlier run with its
 * SAs. A group that the kernel has is left as it is until membership_take_over();
 * g->made has the flows for which it had none, which membership_undo() takes back.
 * Returns 0, or -errno with one line in @err; other flows may be made nevertheless.
 */
int membership_protect(struct mgroup *g, struct err *err);
/*
 * Delete what membership_protect() has made, so that those addresses are no longer
 * protected.
 */
void membership_undo(struct mgroup *g);
/*
 * Nothing can be refused any more: restrict adopted SAs to the directions that are
 * configured, and give adopted groups their policy, which is tried again until the
 * kernel does it.
 */
void membership_take_over(struct mgroup *g);
/* Return true if the kernel's group is to pass in the clear what it cannot protect. */
bool membership_observes(const struct mgroup *g);
/*
 * Give the kernel's groups the policy that they are to have. Returns 0, or -errno with
 * one line in @err and g->other_policy set.
 */
int membership_set_policy(struct mgroup *g, struct err *err);
/* The same, tried again until the kernel does it. An error is logged. */
void membership_apply_policy(struct mgroup *g);
/*
 * Delete the kernel's group for a flow, so that its address is no longer protected.
 * Returns 0 or -errno.
 */
int membership_unprotect(struct mgroup *g, unsigned int flow);
/*
 * Compare with the kernel after the module was loaded again or events were lost, and
 * make again what is missing, until the kernel has it.
 */
void membership_resync(struct mgroup *g);
/* Return 0 or -EALREADY. */
int membership_leave(struct mgroup *g);
int membership_join(struct mgroup *g);

#endif
