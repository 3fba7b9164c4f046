/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receivers of multicast datagrams: a socket per group address, port, source
 * and interface, in a loop. Joining again is how to follow changes of links
 * and routes: what is joined stays joined without a gap, what was lost with
 * its interface comes back.
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
 * @source none: from anybody. @interface "": where routing sends to @to. 0 or
 * -errno: -ENODEV, -ENETUNREACH when there is no such interface or route now;
 * what was joined before stays.
 */
int mcast_join(struct mcast *m, const struct ep *to, const struct addr *source,
	       const char *interface);
/* Nothing happens when it was not joined. */
void mcast_leave(struct mcast *m, const struct ep *to,
		 const struct addr *source, const char *interface);

#endif
