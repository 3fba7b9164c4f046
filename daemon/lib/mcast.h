/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receivers of multicast datagrams: a socket per group address, port and
 * source in a loop, joined on one interface. Joining again is how to follow
 * changes of links and routes: what is joined stays joined without a gap, what
 * was lost with its interface comes back.
 */
#ifndef LIB_MCAST_H
#define LIB_MCAST_H

#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/loop.h"

struct mcast;

/* May join and leave. @p is good until it returns. */
typedef void mcast_fn(void *ctx, const struct ep *from, const struct ep *to,
		      const uint8_t *p, size_t len);

int mcast_new(struct loop *l, mcast_fn *fn, void *ctx, struct mcast **out);
void mcast_free(struct mcast *m);

/*
 * @source none: from anybody. What comes in by another interface than @ifindex
 * is not taken; the interface may be in a VRF. Joined on another interface
 * before: changes to this one. 0 or -errno, -ENODEV when there is no such
 * interface; what was joined before stays then.
 */
int mcast_join(struct mcast *m, const struct ep *to, const struct addr *source,
	       uint32_t ifindex);
/* Nothing happens when it was not joined. */
void mcast_leave(struct mcast *m, const struct ep *to,
		 const struct addr *source);

#endif
