/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Separation of privileges: mcsecd parses what strangers send in a process that has no
 * capability and may call only what it needs. A helper process, which is forked before
 * anything is read, keeps CAP_NET_ADMIN and CAP_NET_BIND_SERVICE. It reads nothing but
 * fixed messages of the daemon, and for it
 *
 *	- opens netlink sockets for the module's family, and sends requests on them
 *	  (kernel/relay.h);
 *	- binds UDP sockets to reserved ports of multicast addresses, and to those that
 *	  priv_allow_port() has named before priv_seal();
 *	- gives sockets larger receive buffers, and in a VRF another interface, for
 *	  which it keeps CAP_NET_RAW if it has it.
 *
 * The helper ends with the daemon. If it ends before, requests to it fail with -EPIPE, and
 * the daemon exits, since it could not install keys.
 *
 * Functions return 0 or -errno. They are for one thread.
 */
#ifndef PRIV_PRIV_H
#define PRIV_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

/*
 * Fork the helper, connect kernel/nl.h and lib/udp.h with it, and give up all
 * capabilities for good, also those that an execve() could give. The process must have
 * one thread. @argv is main()'s: the helper writes a title of its own there.
 */
int priv_start(int argc, char **argv, struct err *err);

/* Let the helper bind UDP sockets to @port. Returns -EPERM after priv_seal(). */
int priv_allow_port(uint16_t port);
int priv_seal(void);

/* The descriptor that becomes readable when the helper has ended, or -1. */
int priv_fd(void);
/* Has the helper ended? It says nothing by itself, so a word of it is none. */
bool priv_is_over(void);

/*
 * Let the process with all its threads call only what mcsecd needs (seccomp): neither
 * start a program nor a process, nor open other sockets than of UDP, Unix and netlink.
 * Everything else fails with EPERM. Returns -EOPNOTSUPP where the kernel or this build
 * cannot do that.
 */
int priv_confine(struct err *err);
/* The same for the helper, in which this is called. */
int priv_confine_helper(void);

#endif
