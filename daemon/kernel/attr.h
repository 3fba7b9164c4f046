/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Structs of kernel/kernel.h to and from attributes of the mcsec family. For
 * nl.c and its tests only; no socket is needed to call them.
 */
#ifndef KERNEL_ATTR_H
#define KERNEL_ATTR_H

#include <libmnl/libmnl.h>

#include "kernel/kernel.h"

/* Enough for the largest request: an SA with every attribute. */
#define KATTR_TX_MAX 8192

/* Starts a request of the family @type in @buf of KATTR_TX_MAX octets. */
struct nlmsghdr *kattr_begin(void *buf, uint16_t type, uint8_t cmd,
			     uint16_t flags);

/*
 * Append to a request. 0; -EINVAL for what has no form on the wire: an empty
 * or endless name, no address, too many Sender-IDs, too long a key; -EMSGSIZE.
 */
int kattr_put_group(struct nlmsghdr *nlh, const struct kgroup *g);
int kattr_put_force(struct nlmsghdr *nlh, bool force);
int kattr_put_policy(struct nlmsghdr *nlh, const char *group,
		     enum mcsec_policy policy);
int kattr_put_name(struct nlmsghdr *nlh, uint16_t attr, const char *name);
int kattr_put_sa_id(struct nlmsghdr *nlh, const char *group, uint32_t spi);
int kattr_put_sa(struct nlmsghdr *nlh, const struct ksa *sa);
int kattr_put_limits(struct nlmsghdr *nlh, const struct klimits *limits);
int kattr_put_sender_id(struct nlmsghdr *nlh, const char *group, uint32_t spi);
/* @name: "" is sent too, unlike by kattr_put_name() */
int kattr_put_sender(struct nlmsghdr *nlh, const struct ksender *s, bool name);

/*
 * Read an answer whose generic netlink header is there. 0, or -EBADMSG when
 * an attribute has a size it can't have, or one is missing without which the
 * object has no name. Attributes that are not known are skipped: a newer
 * module may have more.
 */
int kattr_get_group(const struct nlmsghdr *nlh, struct kgroup_info *g);
int kattr_get_sa(const struct nlmsghdr *nlh, struct ksa_info *sa);
int kattr_get_sender(const struct nlmsghdr *nlh, struct ksender *s);

struct kcounter {
	char name[64];
	uint64_t value;
};

int kattr_get_counter(const struct nlmsghdr *nlh, struct kcounter *c);

/* -ENOMSG: a message of the family that is no event known here. */
int kattr_get_event(const struct nlmsghdr *nlh, struct kevent *ev);

/* Name of attribute @attr of a request of @cmd, as in the spec, or NULL. */
const char *kattr_name(uint8_t cmd, uint16_t attr);

/*
 * The attribute that @off octets into the request lie in, or 0. For what the
 * kernel says about a request that it refused.
 */
uint16_t kattr_at(const struct nlmsghdr *req, uint32_t off);

#endif
