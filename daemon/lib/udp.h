/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UDP sockets that know which of our addresses a datagram was sent to and
 * answer from that one, and multicast membership by interface. All sockets are
 * non-blocking and close-on-exec. All return 0 or -errno unless said.
 */
#ifndef LIB_UDP_H
#define LIB_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"

/* Larger than any UDP datagram: what is received is never cut unseen. */
#define UDP_MAX 65536

enum udp_flag {
	/* several sockets may bind the same multicast address and port */
	UDP_SHARED = 1 << 0,
	/* the address need not be there yet: it works as soon as it is */
	UDP_ANYTIME = 1 << 1,
};

/*
 * Bound to @local (port 0: any free port). An IPv6 socket takes IPv6 only, so
 * that 0.0.0.0 and :: may both be listened on. Returns the descriptor.
 */
int udp_open(const struct ep *local, unsigned int flags);
/*
 * Octets of memory that datagrams may wait in until they are read, as the
 * kernel counts it (a small datagram takes more than a kilobyte). Without
 * CAP_NET_ADMIN no more than net.core.rmem_max. Returns what there is now.
 */
int udp_room(int fd, int octets);
/* The address of ours that routing takes towards @to now; -ENETUNREACH. */
int udp_source(const struct ep *to, struct addr *source);
/* The address and port a socket is bound to. */
int udp_local(int fd, struct ep *local);
/*
 * One datagram. @to gets the address it was sent to (with the port of the
 * socket), @ifindex the interface it came in by; either may be NULL. Returns
 * its length, or -EAGAIN, -EMSGSIZE (longer than @size; it is gone), or
 * another -errno.
 */
int udp_recv(int fd, void *buf, size_t size, struct ep *from, struct ep *to,
	     uint32_t *ifindex);
/*
 * @from: source address (none or any: the kernel chooses); its port is not
 * looked at, the socket has one. The head may be prefixed by @prefix_len
 * octets (the non-ESP marker of RFC 7296 2.23); 0 for none.
 */
int udp_send(int fd, const struct ep *from, const struct ep *to,
	     const void *prefix, size_t prefix_len, const void *p, size_t len);

/*
 * For sending to multicast groups: hop limit, outgoing interface (0: routing
 * decides), and whether this host's own members hear it too.
 */
int udp_mcast_out(int fd, int family, unsigned int ttl, uint32_t ifindex,
		  bool loop);
/*
 * Any-source when @source is none. Joining twice says -EADDRINUSE, leaving
 * what was not joined -EADDRNOTAVAIL. @ifindex 0: the kernel's choice by route.
 */
int udp_mcast_join(int fd, const struct addr *group, const struct addr *source,
		   uint32_t ifindex);
int udp_mcast_leave(int fd, const struct addr *group, const struct addr *source,
		    uint32_t ifindex);
/*
 * From now on takes only what comes in by the interface, be it in a VRF or not,
 * and sends by it. 0: by any again.
 */
int udp_bind_interface(int fd, uint32_t ifindex);

#endif
