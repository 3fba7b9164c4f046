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
	/* The group of the netlink core needs no privilege. */
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
	struct err why;
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
	/* A module that is loaded again from here on is announced. */
	ret = join_group(n, CTRL_GROUP);
	if (ret)
		goto close;
	ret = ktalk_resolve(n, &why);
	if (ret) {
		err_set(err, ret, "kernel events not available: %s", why.text);
		goto free;
	}
	ret = join_group(n, n->events_group);
	if (ret)
		goto close;
	n->fn = fn;
	n->arg = arg;
	return fd;

close:
	err_set(err, ret, "kernel events not available: %s", strerror(-ret));
free:
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
 * The module may have been unloaded, which deleted every group and SA, and loaded
 * again. The multicast group of the new one has another number. Until it is joined
 * nobody hears of its SAs; the groups are made at once nevertheless, as their traffic
 * would leave in the clear. Returns 0, or -EAGAIN if that has to be repeated.
 */
static int follow_module(struct knl *n, struct err *err)
{
	struct err why = {};
	int ret = ktalk_resolve(n, &why);

	if (!ret) {
		ret = join_group(n, n->events_group);
		if (ret == -EEXIST)
			ret = 0;
		if (ret)
			err_set(&why, ret, "%s", strerror(-ret));
		resync_all(n);
	}
	n->deaf = ret;
	return ret ? err_set(err, -EAGAIN, "%s", why.text) : 0;
}

static void take_event(struct knl *n, const struct nlmsghdr *nlh)
{
	struct kevent ev;
	int ret;

	if (nlh->nlmsg_type == GENL_ID_CTRL) {
		if (family_is_new(nlh))
			n->deaf = true;
	} else if (nlh->nlmsg_type == n->family) {
		ret = kattr_get_event(nlh, &ev);
		if (!ret)
			n->fn(n->arg, &ev);
		else if (ret == -EBADMSG)
			/* A newer module may have values that are unknown here. */
			resync_all(n);
	}
}

/* Take one datagram. Returns false if there is none, or *@ret is set. */
static bool read_datagram(struct knl *n, int *ret)
{
	const struct nlmsghdr *nlh;
	uint8_t buf[8192];
	ssize_t got;
	int len;

	got = mnl_socket_recvfrom(n->ev, buf, sizeof(buf));
	if (got < 0 && (errno == ENOBUFS || errno == ENOSPC)) {
		/*
		 * An overrun is reported once, and the queued events follow. The
		 * one that is lost may have announced the module.
		 */
		n->deaf = true;
		return true;
	}
	if (got < 0) {
		*ret = errno == EAGAIN || errno == EINTR ? 0 : -errno;
		return errno == EINTR;
	}
	len = (int)got;
	nlh = (const void *)buf;
	for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len))
		take_event(n, nlh);
	return true;
}

int knl_events_read(struct kernel *k, struct err *err)
{
	struct knl *n = k->ctx;
	int ret = 0, again = 0;

	do {
		if (n->deaf && !again)
			again = follow_module(n, err);
	} while (read_datagram(n, &ret));
	return ret ? err_set(err, ret, "%s", strerror(-ret)) : again;
}
