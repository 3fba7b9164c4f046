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

/*
 * How a process without privileges reaches the kernel: by another one, which has
 * CAP_NET_ADMIN (kernel/relay.h). Functions return a descriptor or 0, or -errno.
 */
struct knl_access {
	int (*open_requests)(void *ctx);
	/* Send on @fd, a socket for requests. */
	int (*send)(void *ctx, int fd, const void *request, size_t len);
	/*
	 * Send UDP socket @fd to the other process, for the next request, which names
	 * it.
	 */
	int (*lend)(void *ctx, int fd);
	/* Let socket @fd hear multicast group @group of the module's. */
	int (*join)(void *ctx, int fd, uint32_t group);
	/* Give socket @fd a receive buffer of @octets. */
	int (*room)(void *ctx, int fd, int octets);
	void *ctx;
};

/*
 * Use @access for all connections that are opened from now on. It has to stay valid.
 * NULL: this process asks the kernel itself.
 */
void knl_set_access(const struct knl_access *access);

/* Disconnect @k, and close the event socket too. */
void knl_close(struct kernel *k);

/*
 * Subscribe to events, for which knl_events_read() calls @fn with @arg. Returns
 * the non-blocking descriptor, or -errno.
 */
int knl_events_open(struct kernel *k, kevent_fn *fn, void *arg,
		    struct err *err);

/* Time after which events that could not be had are asked for again. */
#define KNL_AGAIN_MS 1000

/*
 * Deliver pending events without waiting for any. An overrun is no error, but causes a
 * KEVENT_RESYNC, like a module that was loaded again. Returns 0; -EAGAIN with one line
 * in @err if the events of such a module cannot be had: the caller calls again in
 * KNL_AGAIN_MS, until it returns 0; or another -errno if the socket is broken.
 */
int knl_events_read(struct kernel *k, struct err *err);

#endif
