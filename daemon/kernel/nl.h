/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The struct kernel over the generic netlink family of the module. Requests are
 * synchronous on one socket, with a time limit of KNL_TIMEOUT_MS each. Events
 * arrive on a second socket, whose descriptor can be polled. The sockets belong
 * to the network namespace in which they were opened.
 */
#ifndef KERNEL_NL_H
#define KERNEL_NL_H

#include "kernel/kernel.h"
#include "lib/err.h"

#define KNL_TIMEOUT_MS 5000

/*
 * Connect @k to the kernel. Returns -EOPNOTSUPP if the module is not loaded and
 * cannot be loaded automatically. Opening needs no privilege. Requests need
 * CAP_NET_ADMIN in the user namespace of the network namespace, and fail with
 * -EPERM without it.
 */
int knl_open(struct kernel *k, struct err *err);

/* Disconnect @k, and close the event socket too. */
void knl_close(struct kernel *k);

/*
 * Subscribe to events, for which knl_events_read() calls @fn with @arg. Returns
 * the non-blocking descriptor, or -errno.
 */
int knl_events_open(struct kernel *k, kevent_fn *fn, void *arg,
		    struct err *err);

/*
 * Deliver pending events without blocking. Returns 0, or -errno if the socket
 * is broken. An overrun is no error, but causes a KEVENT_RESYNC.
 */
int knl_events_read(struct kernel *k);

#endif
