// SPDX-License-Identifier: Apache-2.0
#include "gcks/gather.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gather {
	gcks_done_fn *done;
	void *arg;
	unsigned int left;
	int ret; /* the first error */
	char why[512]; /* errors, as many as have room */
	unsigned int more; /* errors without room in @why */
};

/* Octets of "; and 4294967295 more". */
#define MORE_LEN 24

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

static void note_failure(struct gather *t, int ret, const char *why)
{
	size_t len = strlen(t->why), room = sizeof(t->why) - len;

	if (!t->ret)
		t->ret = ret;
	if (!len)
		snprintf(t->why, room - MORE_LEN, "%s", why);
	else if (strlen(why) + 2 + MORE_LEN < room)
		snprintf(t->why + len, room, "; %s", why);
	else
		t->more++;
}

void gather_done(void *arg, int ret, uint32_t effective_ms, const char *why)
{
	struct gather *t = arg;
	size_t len;

	(void)effective_ms;
	if (ret)
		note_failure(t, ret, why);
	if (--t->left)
		return;
	len = strlen(t->why);
	if (t->more)
		snprintf(t->why + len, sizeof(t->why) - len, "; and %u more",
			 t->more);
	t->done(t->arg, t->ret, 0, t->why);
	free(t);
}

void gather_end(struct gather *t)
{
	gather_done(t, 0, 0, "");
}
