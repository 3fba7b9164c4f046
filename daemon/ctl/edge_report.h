/* SPDX-License-Identifier: Apache-2.0 */
/* Relays and children in the state of a member, and in its health. */
#ifndef CTL_EDGE_REPORT_H
#define CTL_EDGE_REPORT_H

#include <jansson.h>

struct ctl_roles;
struct problems;

/* Add what there is to @member, which may be NULL; @group NULL: all groups. */
void report_edges(const struct ctl_roles *r, const char *group, json_t *member);
void health_of_edges(const struct ctl_roles *r, const char *group,
		     struct problems *p);

#endif
