// SPDX-License-Identifier: Apache-2.0
/*
 * Queue of our own requests, because the window is one (RFC 7296 section 2.3).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ike/sa.h"

void task_free(struct ike_task *t)
{
	if (!t)
		return;
	free(t->sag);
	free(t->opaque);
	free(t->data);
	free(t);
}

/* Return NULL for NULL, or if memory is short. */
static void *copy_of(const void *p, size_t len)
{
	void *copy = p ? malloc(len) : NULL;

	return copy ? memcpy(copy, p, len) : NULL;
}

enum queue_place { AT_HEAD, BEHIND_HEAD, AT_TAIL };

static int push_task(struct ike_sa *sa, const struct ike_task *t,
		     enum queue_place place)
{
	struct ike_task *head = TAILQ_FIRST(&sa->tasks), *copy;

	if (sa->dead)
		return -ENOTCONN;
	if (sa->n_tasks >= IKE_QUEUE_MAX)
		return -ENOBUFS;
	copy = malloc(sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	*copy = *t;
	copy->sag = copy_of(t->sag, sizeof(*t->sag));
	copy->opaque = copy_of(t->opaque, sizeof(*t->opaque));
	copy->data = copy_of(t->data, t->data_len);
	if ((t->sag && !copy->sag) || (t->opaque && !copy->opaque) ||
	    (t->data && !copy->data)) {
		task_free(copy);
		return -ENOMEM;
	}
	if (place == AT_HEAD)
		TAILQ_INSERT_HEAD(&sa->tasks, copy, link);
	else if (place == BEHIND_HEAD && head)
		TAILQ_INSERT_AFTER(&sa->tasks, head, copy, link);
	else
		TAILQ_INSERT_TAIL(&sa->tasks, copy, link);
	sa->n_tasks++;
	return 0;
}

int task_push(struct ike_sa *sa, const struct ike_task *t)
{
	return push_task(sa, t, AT_TAIL);
}

int task_push_first(struct ike_sa *sa, const struct ike_task *t)
{
	return push_task(sa, t, AT_HEAD);
}

int task_push_next(struct ike_sa *sa, const struct ike_task *t)
{
	return push_task(sa, t, sa->my_busy ? BEHIND_HEAD : AT_HEAD);
}

struct ike_task *task_take(struct ike_sa *sa)
{
	struct ike_task *t = TAILQ_FIRST(&sa->tasks);

	if (t) {
		TAILQ_REMOVE(&sa->tasks, t, link);
		sa->n_tasks--;
	}
	return t;
}
