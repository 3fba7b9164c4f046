/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversion between the structs of kernel/kernel.h and attributes of the mcsec
 * family. Only nl.c and tests use it; no socket is needed.
 */
#ifndef KERNEL_ATTR_H
#define KERNEL_ATTR_H

#include <libmnl/libmnl.h>

#include "kernel/kernel.h"

/* Enough for the largest request: an SA with every attribute. */
#define KATTR_TX_MAX 8192

/*
 * Start a request of the family @type in @buf, which has
 * KATTR_TX_MAX octets.
 */
struct nlmsghdr *kattr_begin(void *buf, uint16_t type, uint8_t cmd,
			     uint16_t flags);

/*
 * Append to a request. Returns 0, -EMSGSIZE, or -EINVAL for a value that cannot
 * be encoded: an empty or unterminated name, no address, too many Sender-IDs,
 * interfaces or ranges, or a key that is too long.
 */
int kattr_put_group(struct nlmsghdr *nlh, const struct kgroup *g);
int kattr_put_force(struct nlmsghdr *nlh, bool force);
int kattr_put_policy(struct nlmsghdr *nlh, const char *group,
		     enum mcsec_policy policy);
int kattr_put_name(struct nlmsghdr *nlh, uint16_t attr, const char *name);
int kattr_put_sa_id(struct nlmsghdr *nlh, const char *group, uint32_t spi);
int kattr_put_sa(struct nlmsghdr *nlh, const struct ksa *sa);
int kattr_put_sa_set(struct nlmsghdr *nlh, const struct ksa_set *set);
int kattr_put_last_counts(struct nlmsghdr *nlh);
int kattr_put_sender_id(struct nlmsghdr *nlh, const char *group, uint32_t spi);
/* With @name an empty name is sent too, which removes the sender's name. */
int kattr_put_sender(struct nlmsghdr *nlh, const struct ksender *s, bool name);

/* Append the group and the number of an edge, without a number if it is 0. */
int kattr_put_edge_id(struct nlmsghdr *nlh, const char *group, uint32_t id);
/* With @change only what edge_set() changes is appended. */
int kattr_put_edge(struct nlmsghdr *nlh, const struct kedge *e, bool change);

/*
 * Parse an answer that has a generic netlink header. Returns 0, or -EBADMSG if
 * an attribute has an impossible size, or one is missing that identifies the
 * object. Unknown attributes are skipped, because a newer module may have more.
 */
int kattr_get_group(const struct nlmsghdr *nlh, struct kgroup_info *g);
int kattr_get_sa(const struct nlmsghdr *nlh, struct ksa_info *sa);
int kattr_get_sender(const struct nlmsghdr *nlh, struct ksender *s);
int kattr_get_edge(const struct nlmsghdr *nlh, struct kedge *e);

struct kcounter {
	char name[64];
	uint64_t value;
};

int kattr_get_counter(const struct nlmsghdr *nlh, struct kcounter *c);

/* Returns -ENOMSG for a message of the family that is no known event. */
int kattr_get_event(const struct nlmsghdr *nlh, struct kevent *ev);

/*
 * Return the name of attribute @attr in requests of @cmd, as in the spec, or
 * NULL.
 */
const char *kattr_name(uint8_t cmd, uint16_t attr);

/*
 * Return the attribute that contains the offset @off of the request, or 0. The
 * kernel reports such an offset when it refuses a request.
 */
uint16_t kattr_at(const struct nlmsghdr *req, uint32_t off);

#endif
