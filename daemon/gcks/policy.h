/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy of a group: who may do what in it, and the algorithms, times and
 * limits. It is one object with a version, stored with the group and replaced
 * only as a whole. The configuration file is its source.
 */
#ifndef GCKS_POLICY_H
#define GCKS_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"

/* Room for what changed in a list of identities, with a NUL. */
#define POLICY_LIST_MAX 400
/* Room for the names of all settings that may differ, and two lists, with a NUL. */
#define POLICY_NAMES_MAX 1600

struct group;

struct policy {
	uint64_t version; /* from 1; every change adds one */
	struct conf_group conf;
};

/* Consequences of the change of a setting while the key server runs. */
enum policy_change {
	POLICY_LISTS =
		1 << 0, /* members that lost their authorization are evicted */
	/* Members learnt it at registration, so the group is reset. */
	POLICY_RESET = 1 << 1,
	POLICY_OTHER = 1 << 2, /* applies from now on */
	POLICY_FIXED = 1 << 3, /* is refused: needs a restart */
	/* Applies to the next keys; rekeys and beats are rescheduled. */
	POLICY_TIMES = 1 << 4,
};

/* Copy @conf. Returns NULL if memory is short; freed by policy_free(). */
struct policy *policy_new(const struct conf_group *conf, uint64_t version);
void policy_free(struct policy *p);

/*
 * Compare two policies. Returns bits of enum policy_change, 0 if they are
 * equal. @names, unless NULL, gets the names of the settings that differ and
 * whose kind is in @kinds, separated by commas; behind the name of a list of
 * identities stands what was added and removed, "(+a.example -b.example)", as
 * far as there is room.
 */
unsigned int policy_diff(const struct conf_group *from,
			 const struct conf_group *to, unsigned int kinds,
			 char *names, size_t size);
/* @name was added to the list @setting of identities, or removed from it. */
typedef void policy_name_fn(void *arg, const char *setting, bool added,
			    const char *name);
/* Pass each identity that one policy has and the other has not. Returns 0 or -ENOMEM. */
int policy_diff_names(const struct conf_group *from,
		      const struct conf_group *to, policy_name_fn *fn,
		      void *arg);
/*
 * Return NULL if the lists let @identity be a member that sends, or else that
 * receives only; otherwise the reason as a static string. A sender needs the
 * right to send and no other, although it has the same keys as receivers. A
 * request, a member whose policy has changed and a member of an earlier run are
 * all checked by this function.
 */
const char *policy_refusal(const struct conf_group *conf, const char *identity,
			   bool send);

/* Must run within a transaction of the store. Returns 0 or -errno. */
int policy_put(struct group *g, const struct policy *p);
/*
 * Read the policy; *out is the caller's. Returns 0, -ENOENT if the store has
 * none, -EBADMSG if it is damaged, or another -errno if it cannot be read now.
 */
int policy_load(struct group *g, struct policy **out);

#endif
