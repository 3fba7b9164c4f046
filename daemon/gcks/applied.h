/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies that administrators have signed and the key server has applied: the store
 * has the last ones of each group, and the newest takes the place of the settings
 * that the configuration file has for the group.
 */
#ifndef GCKS_APPLIED_H
#define GCKS_APPLIED_H

#include <stdint.h>

#include "conf/conf.h"
#include "lib/err.h"
#include "store/store.h"

/* Versions of a group that are kept. */
#define APPLIED_KEPT 64

struct applied {
	uint64_t version;
	int64_t time; /* when it was applied, in seconds since 1970 */
	const char *signers; /* identities, one a line */
	const char *signed_doc; /* PEM */
};

/* A return value other than 0 ends the iteration and is returned. */
typedef int applied_fn(void *arg, const struct applied *a);
/* Pass the versions of @group to @fn, oldest first. Returns 0 or -errno. */
int applied_each(struct store *s, const char *group, applied_fn *fn, void *arg);
/*
 * Get the newest version of @group, and its document unless @text is NULL. *@version
 * is 0 if there is none, *@text NULL or freed with free(). Returns 0, or -errno with
 * one line in @err.
 */
int applied_newest(struct store *s, const char *group, uint64_t *version,
		   char **text, struct err *err);
/*
 * Add a version, which is newer than all others, within a transaction of the store,
 * and remove the oldest beyond APPLIED_KEPT. Returns 0 or -errno.
 */
int applied_put(struct store *s, const char *group, const struct applied *a);

/*
 * Copy @conf to @to with the applied policy of each group that has one, if there is a
 * quorum. applied_groups_free() frees @to, also after an error. Returns 0, or -errno
 * with one line in @err if a policy cannot be used beside the rest of @conf.
 */
int applied_groups(struct store *s, const struct conf_gcks *conf,
		   struct conf_gcks *to, struct err *err);
void applied_groups_free(struct conf_gcks *to);
/*
 * Check the policy that @all has for @group beside the newest ones of the others, which
 * may be stored and not in force yet: a start would find them together. Returns 0, or
 * -errno with one line in @err.
 */
int applied_check_beside(struct store *s, const struct conf_gcks *all,
			 const char *group, struct err *err);

#endif
