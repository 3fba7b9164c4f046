/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request and its answer, for nl.c and event.c only: sequence numbers,
 * time limits, and what the kernel says when it refuses.
 */
#ifndef KERNEL_TALK_H
#define KERNEL_TALK_H

#include "kernel/attr.h"
#include "kernel/nl.h"
#include "lib/err.h"

/* What the kernel puts into one datagram of a dump if it is given the room. */
#define KTALK_RX_MAX 32768

/* A dump that changed under us this many times in a row is given up. */
#define KTALK_DUMP_TRIES 16

struct knl {
	struct mnl_socket *req;
	uint32_t seq;
	uint16_t family;
	uint32_t events_group;

	struct mnl_socket *ev;
	kevent_fn *fn;
	void *arg;

	/* A request may hold a key: wiped after each. */
	uint8_t tx[KATTR_TX_MAX];
	uint8_t rx[KTALK_RX_MAX];
};

/* 0, or -errno to give up; called for each message of the answer. */
typedef int ktalk_fn(const struct nlmsghdr *nlh, void *arg);

/*
 * Sends the request in n->tx and reads the answer to its end, then wipes
 * n->tx. @changed, unless NULL: a dump's answer is torn, and is to be asked for
 * again. When the module was loaded anew meanwhile, so that the family has
 * another number, the request is sent once more. -EOPNOTSUPP: it is not there.
 */
int ktalk(struct knl *n, ktalk_fn *fn, void *arg, bool *changed,
	  struct err *err);

/*
 * Finds the numbers of the family. Asking makes the kernel load the module, if
 * it may and can; -EOPNOTSUPP if not.
 */
int ktalk_resolve(struct knl *n, struct err *err);

/* Says what @error means that came without words, and returns it. */
int ktalk_errno(struct err *err, int error);

#endif
