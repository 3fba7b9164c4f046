/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The privileged end of a struct kernel whose other end has no privileges, see
 * knl_set_access(). The kernel lets a request pass if both the process that has
 * opened its socket and the one that sends it have CAP_NET_ADMIN; the answer is read by
 * anyone who has the socket. So this end opens sockets and sends, and the other end
 * makes requests and reads answers.
 *
 * Requests are those of the module's family only. Functions return 0 or a descriptor,
 * or -errno.
 */
#ifndef KERNEL_RELAY_H
#define KERNEL_RELAY_H

#include <stddef.h>
#include <stdint.h>

struct krelay;

struct krelay *krelay_new(void);
void krelay_free(struct krelay *r);
/* Open a socket for requests, which the caller closes. */
int krelay_open_requests(struct krelay *r);
/* Let @fd, a netlink socket of the caller, hear @group, which has to be the module's. */
int krelay_join(struct krelay *r, int fd, uint32_t group);
/*
 * Send one request on @fd, a socket of krelay_open_requests(). Returns -EPERM if it is not
 * one, and only one, of the module's family, or is one that no daemon makes. A request
 * for an edge names a descriptor of the other process, in whose place @lent goes, which
 * is the same socket here; without one (-1) such a request is refused.
 */
int krelay_send(struct krelay *r, int fd, int lent, void *request, size_t len);

#endif
