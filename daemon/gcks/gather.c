// SPDX-License-Identifier: Apache-2.0
#include "gcks/gather.h"

#include <stdio.h>
#include <stdlib.h>

struct gather {
	gcks_done_fn *done;
	void *arg;
	unsigned int left;
	int ret;
	char why[512];
};

struct gather *gather_new(gcks_done_fn *done, void *arg)
{
	struct gather *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->done = done;
	t->arg = arg;
	t->left = 1;
	return t;
}

void gather_add(struct gather *t)
{
	t->left++;
}

void gather_done(void *arg, int ret, uint32_t effective_ms, const char *why)
{
	struct gather *t = arg;

	(void)effective_ms;
	if (ret && !t->ret) {
		t->ret = ret;
		snprintf(t->why, sizeof(t->why), "%s", why);
	}
	if (--t->left)
		return;
	t->done(t->arg, t->ret, 0, t->why);
	free(t);
}

void gather_end(struct gather *t)
{
	gather_done(t, 0, 0, "");
}
