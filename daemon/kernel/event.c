// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/genetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "kernel/talk.h"

/* The buffer has room for the events of many SAs that expire together. */
#define RCVBUF (1024 * 1024)

/*
 * The multicast group of the netlink core for families has had the number of
 * its own family since Linux 2.6.32, for programs that cannot look it up.
 */
#define CTRL_GROUP GENL_ID_CTRL

static int join_group(struct knl *n, unsigned int group)
{
	/* Everybody may hear of families. */
	if (n->access && group != CTRL_GROUP)
		return n->access->join(n->access->ctx, mnl_socket_get_fd(n->ev),
				       group);
	if (mnl_socket_setsockopt(n->ev, NETLINK_ADD_MEMBERSHIP, &group,
				  sizeof(group)) < 0)
		return -errno;
	return 0;
}

int knl_events_open(struct kernel *k, kevent_fn *fn, void *arg, struct err *err)
{
	struct knl *n = k->ctx;
	int size = RCVBUF;
	int fd, ret;

	n->ev = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!n->ev || mnl_socket_bind(n->ev, 0, MNL_SOCKET_AUTOPID) < 0) {
		ret = -errno;
		goto close;
	}
	fd = mnl_socket_get_fd(n->ev);
	/*
	 * SO_RCVBUFFORCE needs CAP_NET_ADMIN. Without it the usual limit
	 * applies.
	 */
	if (n->access)
		n->access->room(n->access->ctx, fd, size);
	else if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size,
			    sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	ret = join_group(n, n->events_group);
	if (!ret)
		ret = join_group(n, CTRL_GROUP);
	if (ret)
		goto close;
	n->fn = fn;
	n->arg = arg;
	return fd;

close:
	err_set(err, ret, "kernel events not available: %s", strerror(-ret));
	if (n->ev)
		mnl_socket_close(n->ev);
	n->ev = NULL;
	return ret;
}

static void resync_all(struct knl *n)
{
	struct kevent ev = { .type = KEVENT_RESYNC };

	n->fn(n->arg, &ev);
}

/* Return true if @nlh announces the registration of our family. */
static bool family_is_new(const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*genl) ||
	    genl->cmd != CTRL_CMD_NEWFAMILY)
		return false;
	mnl_attr_for_each(a, nlh, sizeof(*genl))
		if (mnl_attr_get_type(a) == CTRL_ATTR_FAMILY_NAME &&
		    !mnl_attr_validate(a, MNL_TYPE_NUL_STRING))
			return !strcmp(mnl_attr_get_str(a), MCSEC_FAMILY_NAME);
	return false;
}

/*
 * The module was unloaded, which deleted every group and SA, and loaded again.
 * The netlink multicast group of the new module has another number, so the
 * socket joins it again.
 */
static void family_came(struct knl *n)
{
	if (ktalk_resolve(n, NULL))
		return;
	/* EEXIST is no error, because the membership is not counted. */
	join_group(n, n->events_group);
	resync_all(n);
}

static void take_event(struct knl *n, const struct nlmsghdr *nlh)
{
	struct kevent ev;

	if (nlh->nlmsg_type == GENL_ID_CTRL) {
		if (family_is_new(nlh))
			family_came(n);
	} else if (nlh->nlmsg_type == n->family) {
		if (!kattr_get_event(nlh, &ev))
			n->fn(n->arg, &ev);
	}
}

int knl_events_read(struct kernel *k)
{
	struct knl *n = k->ctx;
	const struct nlmsghdr *nlh;
	uint8_t buf[8192];
	ssize_t got;
	int len;

	for (;;) {
		got = mnl_socket_recvfrom(n->ev, buf, sizeof(buf));
		if (got < 0) {
			switch (errno) {
			case EAGAIN:
				return 0;
			case EINTR:
				continue;
			case ENOBUFS:
			case ENOSPC:
				/*
				 * An overrun is reported once, and the queued
				 * events follow.
				 */
				resync_all(n);
				continue;
			}
			return -errno;
		}
		len = got;
		nlh = (const void *)buf;
		for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len))
			take_event(n, nlh);
	}
}
