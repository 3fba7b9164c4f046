/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of links, addresses and routes of the network namespace, from
 * rtnetlink. What came since the last read is merged into one event per link
 * and one for all routes, so that a flood of routes costs one callback.
 */
#ifndef KERNEL_LINK_H
#define KERNEL_LINK_H

#include <net/if.h>
#include <stdbool.h>

struct linkmon;

enum link_change {
	LINK_NEW = 1 << 0, /* the link appeared, or got another name */
	LINK_GONE = 1 << 1, /* it is gone (with LINK_NEW: and came back) */
	LINK_UP = 1 << 2, /* it can carry packets, which it could not */
	LINK_DOWN = 1 << 3, /* it no longer can */
	LINK_ADDR = 1 << 4, /* an address was added, changed or removed */
	LINK_ROUTE = 1 << 5, /* ifindex 0: some unicast route changed */
	/*
	 * ifindex 0: changes were lost; everything may be different. The links
	 * have been read again before the callback.
	 */
	LINK_RESYNC = 1 << 6,
};

struct link_info {
	int ifindex;
	char name[IF_NAMESIZE];
	bool up; /* administratively, and has carrier */
	bool multicast; /* IFF_MULTICAST */
	bool loopback;
};

struct link_event {
	unsigned int what; /* enum link_change, one or more */
	struct link_info link; /* as it is now, or last was; or all zero */
};

/* May call linkmon_find() and linkmon_each(), not linkmon_close(). */
typedef void link_fn(void *arg, const struct link_event *ev);

/* Reads the links there are (no callback for them). 0 or -errno. */
int linkmon_open(struct linkmon **lm, link_fn *fn, void *arg);
void linkmon_close(struct linkmon *lm);

/* Non-blocking, for a loop. */
int linkmon_fd(const struct linkmon *lm);

/*
 * Delivers what has come, without blocking. 0, or -errno if the socket is
 * broken; an overrun is no error, but a LINK_RESYNC.
 */
int linkmon_read(struct linkmon *lm);

/* -ENODEV: no link of this name or, with @name NULL, of this index. */
int linkmon_find(const struct linkmon *lm, const char *name, int ifindex,
		 struct link_info *link);

/* In no order. What is not 0 ends it and is returned. */
int linkmon_each(const struct linkmon *lm,
		 int (*fn)(void *arg, const struct link_info *link), void *arg);

#endif
