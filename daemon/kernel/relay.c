// SPDX-License-Identifier: Apache-2.0
#include "kernel/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "kernel/talk.h"

struct krelay {
	struct kernel k; /* for the numbers of the family */
};

struct krelay *krelay_new(void)
{
	return calloc(1, sizeof(struct krelay));
}

void krelay_free(struct krelay *r)
{
	if (!r)
		return;
	knl_close(&r->k);
	free(r);
}

/* The module may be loaded, or loaded again, at any time. */
static int learn_family(struct krelay *r, struct knl **n)
{
	struct err err;
	int ret = r->k.ctx ? ktalk_resolve(r->k.ctx, &err)
			   : knl_open(&r->k, &err);

	*n = r->k.ctx;
	return ret;
}

int krelay_open_requests(struct krelay *r)
{
	struct mnl_socket *s = knl_socket(&(struct err){});
	int fd;

	(void)r;
	if (!s)
		return -errno;
	fd = fcntl(mnl_socket_get_fd(s), F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		fd = -errno;
	mnl_socket_close(s);
	return fd;
}

static bool is_netlink(int fd)
{
	int domain = 0, protocol = 0;
	socklen_t len = sizeof(int);

	return !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) &&
	       !getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) &&
	       domain == AF_NETLINK && protocol == NETLINK_GENERIC;
}

int krelay_join(struct krelay *r, int fd, uint32_t group)
{
	struct knl *n;
	int ret;

	/* Other protocols have other groups of the same number. */
	if (!is_netlink(fd))
		return -EPERM;
	ret = learn_family(r, &n);
	if (ret)
		return ret;
	if (group != n->events_group)
		return -EPERM;
	return setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
			  sizeof(group))
		       ? -errno
		       : 0;
}

/*
 * Return true if the daemon makes such requests. Others are for administrators: to empty
 * a namespace of groups, where other programs have some, or to name senders.
 */
static bool is_daemons(uint8_t cmd)
{
	switch (cmd) {
	case MCSEC_CMD_GROUP_NEW:
	case MCSEC_CMD_GROUP_SET:
	case MCSEC_CMD_GROUP_DEL:
	case MCSEC_CMD_GROUP_GET:
	case MCSEC_CMD_SA_NEW:
	case MCSEC_CMD_SA_SET:
	case MCSEC_CMD_SA_DEL:
	case MCSEC_CMD_SA_GET:
	case MCSEC_CMD_EDGE_NEW:
	case MCSEC_CMD_EDGE_SET:
	case MCSEC_CMD_EDGE_DEL:
	case MCSEC_CMD_EDGE_GET:
	case MCSEC_CMD_STATS_GET:
		return true;
	}
	return false;
}

/*
 * The kernel looks the number up among the descriptors of the process that sends, where
 * it would be another socket.
 */
static int put_lent(struct nlmsghdr *nlh, int lent)
{
	struct nlattr *a;
	uint32_t fd = (uint32_t)lent;

	mnl_attr_for_each(a, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(a) != MCSEC_A_EDGE_SOCKET)
			continue;
		if (lent < 0 || mnl_attr_get_payload_len(a) != sizeof(fd))
			return -EPERM;
		memcpy(mnl_attr_get_payload(a), &fd, sizeof(fd));
	}
	return 0;
}

int krelay_send(struct krelay *r, int fd, int lent, void *request, size_t len)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct nlmsghdr *nlh = request;
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	struct knl *n = r->k.ctx;
	int ret = 0;

	if (len < MNL_NLMSG_HDRLEN + sizeof(*genl) || nlh->nlmsg_len != len ||
	    !is_daemons(genl->cmd) || !is_netlink(fd))
		return -EPERM;
	if (!n || nlh->nlmsg_type != n->family)
		ret = learn_family(r, &n);
	if (ret)
		return ret;
	if (nlh->nlmsg_type != n->family)
		return -EPERM;
	if (genl->cmd == MCSEC_CMD_EDGE_NEW) {
		ret = put_lent(nlh, lent);
		if (ret)
			return ret;
	}
	return sendto(fd, request, len, MSG_DONTWAIT,
		      (const struct sockaddr *)&kernel, sizeof(kernel)) < 0
		       ? -errno
		       : 0;
}
