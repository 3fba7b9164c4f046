// SPDX-License-Identifier: Apache-2.0
/* Requests of ours that wait for their turn: the window is one (RFC 7296 2.3) */
#include <errno.h>
#include <stdlib.h>

#include "ike/sa.h"

void task_free(struct ike_task *t)
{
	if (!t)
		return;
	free(t->sag);
	free(t);
}

int task_push(struct ike_sa *sa, const struct ike_task *t)
{
	struct ike_task *copy;

	if (sa->dead)
		return -ENOTCONN;
	if (sa->n_tasks >= IKE_QUEUE_MAX)
		return -ENOBUFS;
	copy = malloc(sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	*copy = *t;
	if (t->sag) {
		copy->sag = malloc(sizeof(*t->sag));
		if (!copy->sag) {
			free(copy);
			return -ENOMEM;
		}
		*copy->sag = *t->sag;
	}
	TAILQ_INSERT_TAIL(&sa->tasks, copy, link);
	sa->n_tasks++;
	return 0;
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
