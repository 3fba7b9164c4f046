/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Edges in the kernel, none of which outlives its reason: one that could not be removed
 * is removed later, and so is one whose installation has failed, since the kernel may have
 * it although its answer did not come.
 */
#ifndef APP_EDGE_KERNEL_H
#define APP_EDGE_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/kernel.h"
#include "lib/htab.h"

struct edge_kernel {
	const struct kernel *kernel;
	struct htab leftovers; /* edges that are to be removed */
	bool mute; /* the last request has had no answer in its time */
};

void edge_kernel_init(struct edge_kernel *k, const struct kernel *kernel);
/* Forget what could not be removed: the sockets end it. */
void edge_kernel_free(struct edge_kernel *k);
/*
 * Like the operation of the kernel. If its answer does not tell whether the edge was added,
 * it is removed, now or later.
 */
int edge_kernel_add(struct edge_kernel *k, const struct kedge *e,
		    struct err *err);
/*
 * Like the operation of the kernel, but after an error other than -ENOENT the edge is
 * removed later. A kernel that has not answered is not asked for the next edges until
 * edge_kernel_retry(), as each request would wait for it.
 */
int edge_kernel_del(struct edge_kernel *k, const char *group, uint32_t id,
		    struct err *err);
/* Try again to remove what is left. Returns how many edges still are. */
size_t edge_kernel_retry(struct edge_kernel *k);

#endif
