/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UDP sockets that report the local address of a datagram and answer from it,
 * and multicast membership by interface. All sockets are non-blocking and
 * close-on-exec. Functions return 0 or -errno unless stated otherwise.
 */
#ifndef LIB_UDP_H
#define LIB_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "lib/addr.h"

/* No UDP datagram is larger, so none is truncated. */
#define UDP_MAX 65536

enum udp_flag {
	/* Several sockets may bind the same multicast address and port. */
	UDP_SHARED = 1 << 0,
	/* The address may be missing; the socket works as soon as it appears. */
	UDP_FREEBIND = 1 << 1,
};

/*
 * Another process does with the descriptor for this one, which may not. Functions
 * return 0 or -errno.
 */
struct udp_access {
	/* Bind @fd to @local, whose port is reserved for privileged processes. */
	int (*bind)(void *ctx, int fd, const struct ep *local);
	/* Give socket @fd a receive buffer of @octets, beyond net.core.rmem_max. */
	int (*rcvbuf)(void *ctx, int fd, int octets);
	/* Restrict @fd, which is bound to a device (a VRF), to @ifindex. */
	int (*interface)(void *ctx, int fd, uint32_t ifindex);
	void *ctx;
};

/* Use @access from now on; it has to stay valid. NULL: there is no such process. */
void udp_set_access(const struct udp_access *access);

/*
 * Open a socket bound to @local (port 0: any free port). An IPv6 socket accepts
 * IPv6 only, so 0.0.0.0 and :: can both be used. Returns the descriptor.
 */
int udp_open(const struct ep *local, unsigned int flags);
/*
 * Set the receive buffer to @octets, as the kernel counts them (a small
 * datagram takes more than a kilobyte). Without CAP_NET_ADMIN net.core.rmem_max
 * is the limit. Returns the actual size.
 */
int udp_set_rcvbuf(int fd, int octets);
/* Return the local address that routing uses towards @to, or -ENETUNREACH. */
int udp_source(const struct ep *to, struct addr *source);
/* Return the address and port that the socket is bound to. */
int udp_local(int fd, struct ep *local);
/*
 * Receive one datagram. *@to is set to its destination address and the port of
 * the socket, and *@ifindex to its interface; either may be NULL. Returns the
 * length, -EAGAIN, -EMSGSIZE if the datagram was longer than @size and is lost,
 * or another -errno.
 */
int udp_recv(int fd, void *buf, size_t size, struct ep *from, struct ep *to,
	     uint32_t *ifindex);
/*
 * Datagrams that are read at once. @ret is the length, or what udp_recv() returns for
 * such a datagram.
 */
#define UDP_BATCH 16

struct udp_datagram {
	struct ep from;
	struct ep to;
	int ret;
	uint8_t p[UDP_MAX];
};

struct udp_batch {
	struct udp_datagram v[UDP_BATCH];
	/*
	 * Datagrams that the socket had no room for since it was opened, modulo 2^32, as
	 * of the last datagram.
	 */
	uint32_t lost;
};

/*
 * Receive what has come, at most UDP_BATCH datagrams. Returns their number, or -EAGAIN or
 * another -errno.
 */
int udp_recv_batch(int fd, struct udp_batch *b);
/*
 * Send one datagram. @from is the source address (none or any: the kernel
 * chooses); its port is ignored, because the socket has one.
 */
int udp_send(int fd, const struct ep *from, const struct ep *to, const void *p,
	     size_t len);
/* Like udp_send(), for a datagram of @n parts. */
int udp_sendv(int fd, const struct ep *from, const struct ep *to,
	      const struct iovec *iov, size_t n);

/*
 * Set the options for sending to multicast groups: hop limit, outgoing
 * interface (0: by routing), and whether members on this host receive the
 * datagrams.
 */
int udp_mcast_out(int fd, int family, unsigned int ttl, uint32_t ifindex,
		  bool loop);
/*
 * Join or leave @group, for any source if @source is none. A repeated join
 * returns -EADDRINUSE, and a leave without membership -EADDRNOTAVAIL. With
 * @ifindex 0 the kernel chooses the interface by route.
 */
int udp_mcast_join(int fd, const struct addr *group, const struct addr *source,
		   uint32_t ifindex);
int udp_mcast_leave(int fd, const struct addr *group, const struct addr *source,
		    uint32_t ifindex);
/*
 * Restrict the socket to one interface, in a VRF or not, for receiving and
 * sending. 0 removes the restriction.
 */
int udp_bind_interface(int fd, uint32_t ifindex);

#endif
