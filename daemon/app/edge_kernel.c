// SPDX-License-Identifier: Apache-2.0
#include "app/edge_kernel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/log.h"

struct edge_leftover {
	LIST_ENTRY(edge_leftover) link;
	uint32_t id;
	char group[MCSEC_NAME_MAX + 1];
};

void edge_kernel_init(struct edge_kernel *k, const struct kernel *kernel)
{
	k->kernel = kernel;
	LIST_INIT(&k->leftovers);
	k->n = 0;
}

static struct edge_leftover *find_leftover(const struct edge_kernel *k,
					   const char *group, uint32_t id)
{
	struct edge_leftover *l;

	LIST_FOREACH(l, &k->leftovers, link)
		if (l->id == id && !strcmp(l->group, group))
			return l;
	return NULL;
}

static void forget_leftover(struct edge_kernel *k, struct edge_leftover *l)
{
	LIST_REMOVE(l, link);
	k->n--;
	free(l);
}

static void note_leftover(struct edge_kernel *k, const char *group, uint32_t id)
{
	struct edge_leftover *l = find_leftover(k, group, id);

	if (l)
		return;
	l = calloc(1, sizeof(*l));
	if (!l) {
		log_group(LOG_LEVEL_WARN, group,
			  "edge not removed: out of memory");
		return;
	}
	l->id = id;
	memcpy(l->group, group, strnlen(group, MCSEC_NAME_MAX));
	LIST_INSERT_HEAD(&k->leftovers, l, link);
	k->n++;
}

size_t edge_kernel_retry(struct edge_kernel *k)
{
	const struct kernel *kernel = k->kernel;
	struct edge_leftover *l, *next;
	struct err err;
	int ret;

	for (l = LIST_FIRST(&k->leftovers); l; l = next) {
		next = LIST_NEXT(l, link);
		err_clear(&err);
		ret = kernel->ops->edge_del(kernel->ctx, l->group, l->id, &err);
		if (!ret || ret == -ENOENT)
			forget_leftover(k, l);
		else if (ret == -ETIMEDOUT)
			/* A kernel that does not answer must not be asked for each. */
			break;
	}
	return k->n;
}

int edge_kernel_del(struct edge_kernel *k, const char *group, uint32_t id,
		    struct err *err)
{
	const struct kernel *kernel = k->kernel;
	int ret = kernel->ops->edge_del(kernel->ctx, group, id, err);

	if (ret && ret != -ENOENT)
		note_leftover(k, group, id);
	return ret;
}

/* The kernel has refused it, or had such an edge before. */
static bool is_surely_not_added(int ret)
{
	return ret == -EEXIST || ret == -ENOTUNIQ || ret == -EINVAL ||
	       ret == -ENOENT || ret == -EPERM;
}

int edge_kernel_add(struct edge_kernel *k, const struct kedge *e,
		    struct err *err)
{
	const struct kernel *kernel = k->kernel;
	struct edge_leftover *l;
	struct err unused = {};
	int ret;

	/* A leftover may have the number or the peer of the new one. */
	edge_kernel_retry(k);
	ret = kernel->ops->edge_add(kernel->ctx, e, err);
	l = ret ? NULL : find_leftover(k, e->group, e->id);
	if (l)
		forget_leftover(k, l);
	if (ret && !is_surely_not_added(ret))
		edge_kernel_del(k, e->group, e->id, &unused);
	return ret;
}

void edge_kernel_free(struct edge_kernel *k)
{
	while (!LIST_EMPTY(&k->leftovers))
		forget_leftover(k, LIST_FIRST(&k->leftovers));
}
