/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The problems of the roles of this daemon, as it can know them now. The daemon finds
 * them, and mcsecctl prints.
 *
 *	health.c	all of it, and the certificates
 *	member_health.c	the role member, and the kernel's groups
 *	gcks_health.c	the role gcks, its members and its audit trail
 */
#ifndef CTL_HEALTH_H
#define CTL_HEALTH_H

#include <jansson.h>

struct ctl_roles;
struct problems;
struct trail_state;

/*
 * Add "health", the lists of problems and what they are about to @out. @group
 * selects one group, and nothing beside the groups; NULL: everything. *@found is
 * set to 1 if there is such a group, and unchanged otherwise.
 */
void report_health(const struct ctl_roles *r, const char *group, json_t *out,
		   int *found);

/*
 * Add the problems of a role, or of @group alone. Each returns the number of groups
 * that were checked.
 */
unsigned int health_of_member(const struct ctl_roles *r, const char *group,
			      struct problems *p);
/* Senders that use the current keys, and others, are added to @confirmations. */
unsigned int health_of_gcks(const struct ctl_roles *r, const char *group,
			    struct problems *p, json_t *confirmations);
/* Add the problems of the audit trail. */
void health_of_trail(const struct trail_state *s, struct problems *p);

#endif
