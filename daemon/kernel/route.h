/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the routing of the network namespace says of a destination, from
 * rtnetlink. Nothing is kept: each question is asked anew.
 */
#ifndef KERNEL_ROUTE_H
#define KERNEL_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"

struct route {
	uint32_t ifindex; /* of the outgoing interface, never 0 */
	bool local; /* the destination is an address of this host */
	/*
	 * Nobody decided it: an IPv6 multicast address for which there is no
	 * route but ff00::/8, which the kernel has for each interface and of
	 * which it takes the first.
	 */
	bool undecided;
};

/*
 * @oif: index of the interface that the socket is bound to, or 0. Of a VRF:
 * what is looked up in its table. 0, or -errno: -ENETUNREACH when there is no
 * route, or none but the VRF itself.
 */
int route_get(const struct ep *to, uint32_t oif, struct route *out);

/* Whether the interface is a VRF (an l3mdev master, not a port of one). */
bool route_is_vrf(uint32_t ifindex);

#endif
