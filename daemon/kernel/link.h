/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of links, addresses and routes of the network namespace, from
 * rtnetlink. Changes since the last read are merged into one event per link and
 * one for all routes, so a flood of routes costs one callback.
 */
#ifndef KERNEL_LINK_H
#define KERNEL_LINK_H

#include <net/if.h>
#include <stdbool.h>

struct linkmon;

enum link_change {
	LINK_NEW = 1 << 0, /* the link appeared or was renamed */
	LINK_GONE = 1 << 1, /* the link is gone (with LINK_NEW: and is back) */
	LINK_UP = 1 << 2, /* the link became able to carry packets */
	LINK_DOWN = 1 << 3, /* the link can no longer carry packets */
	LINK_ADDR = 1 << 4, /* an address was added, changed or removed */
	LINK_ROUTE = 1 << 5, /* ifindex 0: some unicast route changed */
	/*
	 * Changes were lost, and anything may have changed. The ifindex is 0.
	 * The links have been read again before the callback.
	 */
	LINK_RESYNC = 1 << 6,
};

struct link_info {
	int ifindex;
	char name[IF_NAMESIZE];
	bool up; /* administratively up, and has carrier */
	bool multicast; /* IFF_MULTICAST */
	bool loopback;
};

struct link_event {
	unsigned int what; /* enum link_change, one or more */
	struct link_info link; /* current or last state, or all zero */
};

/*
 * The callback may call linkmon_find() and linkmon_each(), but not
 * linkmon_close().
 */
typedef void link_fn(void *arg, const struct link_event *ev);

/* Read the existing links, which cause no callback. Returns 0 or -errno. */
int linkmon_open(link_fn *fn, void *arg, struct linkmon **out);
void linkmon_close(struct linkmon *lm);

/* Return the descriptor, which is non-blocking. */
int linkmon_fd(const struct linkmon *lm);

/*
 * Deliver pending events without blocking. Returns 0, or -errno if the socket
 * is broken. An overrun is no error, but causes a LINK_RESYNC.
 */
int linkmon_read(struct linkmon *lm);

/*
 * Returns -ENODEV if no link has this name or, with a NULL @name,
 * this index.
 */
int linkmon_find(const struct linkmon *lm, const char *name, int ifindex,
		 struct link_info *link);

/*
 * Return true if packets of the link @upper may pass @lower: that is the same
 * link, one that is enslaved to it (a port of a bridge), or one that is to the
 * link below it (a VLAN of that bridge).
 */
bool linkmon_is_below(const struct linkmon *lm, int lower, int upper);

/*
 * Call @fn for each link in any order. A result other than 0 ends the
 * iteration, and is returned.
 */
int linkmon_each(const struct linkmon *lm,
		 int (*fn)(void *arg, const struct link_info *link), void *arg);

#endif
