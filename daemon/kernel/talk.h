/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request and its answer, for nl.c and event.c: sequence numbers, time
 * limits, and the error messages of the kernel.
 */
#ifndef KERNEL_TALK_H
#define KERNEL_TALK_H

#include "kernel/attr.h"
#include "kernel/nl.h"
#include "lib/err.h"

/* The largest datagram of a dump, if the receiver has a buffer for it. */
#define KTALK_RX_MAX 32768

/* A dump is repeated this often if it is inconsistent because of changes. */
#define KTALK_DUMP_TRIES 16

struct knl {
	const struct knl_access *access; /* NULL: this process may send */
	struct mnl_socket *req;
	uint32_t seq;
	uint16_t family;
	uint32_t events_group;

	struct mnl_socket *ev;
	kevent_fn *fn;
	void *arg;
	/* The module may have been loaded again, and its events be unheard. */
	bool deaf;

	int lent; /* socket that the request names, or -1 */
	/* A request may contain a key, so the buffer is wiped after each. */
	uint8_t tx[KATTR_TX_MAX];
	uint8_t rx[KTALK_RX_MAX];
};

/* Called for each message of the answer. Returns 0, or -errno to give up. */
typedef int ktalk_fn(const struct nlmsghdr *nlh, void *arg);

/*
 * Send the request in n->tx, read the whole answer, and wipe n->tx. *@changed,
 * unless NULL, is set if a dump is inconsistent and must be repeated. If the
 * module was reloaded, so that the family has another number, the request is
 * sent once more. Returns -EOPNOTSUPP if the module is not loaded.
 */
int ktalk(struct knl *n, ktalk_fn *fn, void *arg, bool *changed,
	  struct err *err);

/*
 * Look up the numbers of the family. The lookup makes the kernel load the
 * module if possible. Returns -EOPNOTSUPP if it is not loaded.
 */
int ktalk_resolve(struct knl *n, struct err *err);

/* Open a socket for requests. Returns NULL, with errno and @err set. */
struct mnl_socket *knl_socket(struct err *err);

/*
 * Set the text for an @error that has no message of the kernel.
 * Returns @error.
 */
int ktalk_errno(struct err *err, int error);

#endif
