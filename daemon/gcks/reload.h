/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of groups, in words; gcks.h has the reload. */
#ifndef GCKS_RELOAD_H
#define GCKS_RELOAD_H

#include "conf/conf.h"

struct group;

/*
 * Pass to @fn, line by line, what changes if @c becomes the policy of @g, with every
 * name that comes into a list or leaves it.
 */
void reload_list_changes(const struct group *g, const struct conf_group *c,
			 conf_change_fn *fn, void *arg);

#endif
