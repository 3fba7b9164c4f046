/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Edges in the kernel, none of which outlives its reason: one that could not be removed
 * is removed later, and so is one whose installation has failed, since the kernel may have
 * it although its answer did not come.
 */
#ifndef APP_EDGE_KERNEL_H
#define APP_EDGE_KERNEL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "kernel/kernel.h"

struct edge_leftover;

struct edge_kernel {
	const struct kernel *kernel;
	LIST_HEAD(, edge_leftover) leftovers;
	size_t n; /* number of leftovers */
};

void edge_kernel_init(struct edge_kernel *k, const struct kernel *kernel);
/* Forget what could not be removed: the sockets end it. */
void edge_kernel_free(struct edge_kernel *k);
/* Like the operations of the kernel. Nothing is left of an edge that was not added. */
int edge_kernel_add(struct edge_kernel *k, const struct kedge *e,
		    struct err *err);
/* After an error other than -ENOENT the edge is removed later. */
int edge_kernel_del(struct edge_kernel *k, const char *group, uint32_t id,
		    struct err *err);
/* Try again to remove what is left. Returns how many edges still are. */
size_t edge_kernel_retry(struct edge_kernel *k);

#endif
