// SPDX-License-Identifier: Apache-2.0
#include "app/edge_kernel.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/log.h"
#include "lib/util.h"

struct edge_leftover {
	struct hnode node;
	uint32_t id;
	char group[MCSEC_NAME_MAX + 1];
};

static struct edge_leftover *leftover_of(const struct hnode *n)
{
	return (void *)((char *)n - offsetof(struct edge_leftover, node));
}

static uint64_t hash_of_number(const char *group, uint32_t id)
{
	return fnv1a(fnv1a(FNV1A_BASIS, group, strlen(group)), &id, sizeof(id));
}

static uint64_t hash_of_leftover(const struct hnode *n)
{
	return hash_of_number(leftover_of(n)->group, leftover_of(n)->id);
}

void edge_kernel_init(struct edge_kernel *k, const struct kernel *kernel)
{
	k->kernel = kernel;
	htab_init(&k->leftovers, hash_of_leftover);
	k->mute = false;
}

static struct edge_leftover *find_leftover(const struct edge_kernel *k,
					   const char *group, uint32_t id)
{
	struct edge_leftover *l;
	struct hnode *n;

	for (n = htab_first(&k->leftovers, hash_of_number(group, id)); n;
	     n = n->next) {
		l = leftover_of(n);
		if (l->id == id && !strcmp(l->group, group))
			return l;
	}
	return NULL;
}

static void forget_leftover(struct edge_kernel *k, struct edge_leftover *l)
{
	htab_del(&k->leftovers, &l->node);
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
	htab_add(&k->leftovers, &l->node);
}

size_t edge_kernel_retry(struct edge_kernel *k)
{
	const struct kernel *kernel = k->kernel;
	struct htab_walk walk = {};
	struct edge_leftover *l;
	struct hnode *n;
	struct err err;
	int ret;

	k->mute = false;
	while (!k->mute && (n = htab_each(&k->leftovers, &walk))) {
		l = leftover_of(n);
		err_clear(&err);
		ret = kernel->ops->edge_del(kernel->ctx, l->group, l->id, &err);
		if (!ret || ret == -ENOENT)
			forget_leftover(k, l);
		k->mute = ret == -ETIMEDOUT;
	}
	return k->leftovers.n;
}

int edge_kernel_del(struct edge_kernel *k, const char *group, uint32_t id,
		    struct err *err)
{
	const struct kernel *kernel = k->kernel;
	int ret;

	if (k->mute)
		ret = err_set(err, -ETIMEDOUT, "the kernel does not answer");
	else
		ret = kernel->ops->edge_del(kernel->ctx, group, id, err);
	k->mute = ret == -ETIMEDOUT;
	if (ret && ret != -ENOENT)
		note_leftover(k, group, id);
	return ret;
}

/*
 * Return true if the kernel has certainly not added the edge: it has refused it, or has
 * another one with its number or peer.
 */
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
	if (k->mute)
		return err_set(err, -ETIMEDOUT, "the kernel does not answer");
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
	struct htab_walk walk = {};
	struct hnode *n;

	while ((n = htab_each(&k->leftovers, &walk)))
		forget_leftover(k, leftover_of(n));
	htab_free(&k->leftovers);
}
