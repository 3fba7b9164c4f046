/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receivers of multicast datagrams: a socket for each group address, port and
 * source, joined on one interface. Joining again follows changes of links and
 * routes: an existing membership stays without a gap, and one that was lost
 * with its interface is restored.
 */
#ifndef LIB_MCAST_H
#define LIB_MCAST_H

#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/loop.h"

struct mcast;

/* The callback may join and leave. @p is valid until it returns. */
typedef void mcast_fn(void *ctx, const struct ep *from, const struct ep *to,
		      const uint8_t *p, size_t len);

int mcast_new(struct loop *l, mcast_fn *fn, void *ctx, struct mcast **out);
void mcast_free(struct mcast *m);

/*
 * Join @to on @ifindex, which may be in a VRF, and from @source unless it is
 * none. Datagrams on other interfaces are ignored. A membership on another
 * interface moves to this one. Returns 0 or -errno, for example -ENODEV if
 * there is no such interface; an earlier membership then stays.
 */
int mcast_join(struct mcast *m, const struct ep *to, const struct addr *source,
	       uint32_t ifindex);
/*
 * Say again, by the reports of IGMP or MLD, that this host wants the datagrams of a group
 * that it has joined: a switch may have forgotten while the link was down, and the kernel
 * does not report by itself when that is back. Joining again reports nothing. Returns 0 or
 * -errno; the next mcast_join() then makes up for it.
 */
int mcast_report(struct mcast *m, const struct ep *to,
		 const struct addr *source);
/* Leave a group; without a membership this is a no-op. */
void mcast_leave(struct mcast *m, const struct ep *to,
		 const struct addr *source);

#endif
