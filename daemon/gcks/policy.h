/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy of a group: who may do what in it, and by which algorithms, times
 * and limits. One object with a version, which is in the store with the group;
 * the configuration file is where it comes from today. A group is only ever
 * given a whole one.
 */
#ifndef GCKS_POLICY_H
#define GCKS_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"

struct gmember;
struct group;

struct policy {
	uint64_t version; /* from 1 upwards; another one, another number */
	struct conf_group conf;
};

/* What it takes to go from one policy to another */
enum policy_change {
	POLICY_LISTS = 1 << 0, /* who lost a right is evicted */
	POLICY_RESET = 1 << 1, /* members were told it when they registered */
	POLICY_OTHER = 1 << 2, /* counts from now on */
	POLICY_FIXED = 1 << 3, /* cannot change while the key server runs */
};

/* A copy of @conf. NULL: out of memory. */
struct policy *policy_new(const struct conf_group *conf, uint64_t version);
void policy_free(struct policy *p);

/*
 * Bits of enum policy_change, 0 if they are equal. @names, unless NULL, gets
 * the settings that differ and are of a kind in @kinds, with commas between.
 */
unsigned int policy_diff(const struct conf_group *from,
			 const struct conf_group *to, unsigned int kinds,
			 char *names, size_t size);
/* @m keeps every right that it has in its group. */
bool policy_keeps(const struct conf_group *conf, const struct gmember *m);

/* Within a transaction. 0 or -errno. */
int policy_put(struct group *g, const struct policy *p);
/* -ENOENT: the store has none. -EBADMSG, -ENOMEM. */
int policy_load(struct group *g, struct policy **out);

#endif
