/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct kernel over the generic netlink family of the module. Requests are
 * synchronous on one socket, with a time limit of KNL_TIMEOUT_MS each; events
 * come on a second one, whose descriptor a loop can wait for. The sockets stay
 * with the network namespace that the process was in when they were opened.
 */
#ifndef KERNEL_NL_H
#define KERNEL_NL_H

#include "kernel/kernel.h"
#include "lib/err.h"

#define KNL_TIMEOUT_MS 5000

/*
 * Fills @k. -EOPNOTSUPP: the module is not there and did not load by itself.
 * Needs no rights; requests need CAP_NET_ADMIN in the user namespace of the
 * network namespace, and fail with -EPERM.
 */
int knl_open(struct kernel *k, struct err *err);

/* Of a @k that knl_open() filled. Closes the event socket too. */
void knl_close(struct kernel *k);

/* @fn is called with @arg for each event. Descriptor (non-blocking) or -errno. */
int knl_events_open(struct kernel *k, kevent_fn *fn, void *arg,
		    struct err *err);

/*
 * Delivers what has come, without blocking. 0, or -errno if the socket is
 * broken. An overrun is no error, but a KEVENT_RESYNC.
 */
int knl_events_read(struct kernel *k);

#endif
