/* SPDX-License-Identifier: Apache-2.0 */
/* Route lookups in the network namespace by rtnetlink. Nothing is cached. */
#ifndef KERNEL_ROUTE_H
#define KERNEL_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"

struct ifaddrs;

struct route {
	uint32_t ifindex; /* outgoing interface, never 0 */
	bool local; /* the destination is an address of this host */
	/*
	 * No administrator configured the route: the destination is an IPv6
	 * multicast address, and only ff00::/8 matches, which the kernel adds
	 * for each interface and of which it uses the first.
	 */
	bool undecided;
};

/*
 * Look up the route to @to. @oif is the index of the interface that the socket
 * is bound to, or 0. If it is a VRF, the lookup uses its table. Returns 0 or
 * -errno: -ENETUNREACH if there is no route, or only the VRF itself.
 */
int route_get(const struct ep *to, uint32_t oif, struct route *out);

/*
 * Return true if the interface is a VRF (an l3mdev master, and not one of its
 * ports).
 */
bool route_is_vrf(uint32_t ifindex);

/* Return true if multicast can be sent and received on an interface. */
bool route_is_mcast_dev(const struct ifaddrs *i);

#endif
