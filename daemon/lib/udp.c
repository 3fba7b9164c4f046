// SPDX-License-Identifier: Apache-2.0
#include "lib/udp.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/util.h"

union control {
	char buf[CMSG_SPACE(sizeof(struct in6_pktinfo)) +
		 CMSG_SPACE(sizeof(uint32_t))];
	struct cmsghdr align;
};

static int set_int(int fd, int level, int name, int v)
{
	return setsockopt(fd, level, name, &v, sizeof(v)) ? -errno : 0;
}

static const struct udp_access *udp_access;

void udp_set_access(const struct udp_access *access)
{
	udp_access = access;
}

static int bind_to(int fd, const struct ep *local,
		   const struct sockaddr_storage *ss, socklen_t len)
{
	if (!bind(fd, (const struct sockaddr *)ss, len))
		return 0;
	return errno == EACCES && udp_access
		       ? udp_access->bind(udp_access->ctx, fd, local)
		       : -errno;
}

static int force_rcvbuf(int fd, int half)
{
	if (!setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &half, sizeof(half)) ||
	    (udp_access && !udp_access->rcvbuf(udp_access->ctx, fd, half)) ||
	    !setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &half, sizeof(half)))
		return 0;
	return -errno;
}

/* Set the options that a socket has before it is bound. */
static int set_options(int fd, int family, unsigned int flags)
{
	const bool shared = flags & UDP_SHARED, ip6 = family == AF_INET6;
	const struct {
		bool wanted;
		int level;
		int name;
		int value;
	} options[] = {
		{ shared, SOL_SOCKET, SO_REUSEADDR, 1 },
		{ shared, SOL_SOCKET, SO_REUSEPORT, 1 },
		/* This option of IPv4 applies to both families. */
		{ flags & UDP_FREEBIND, IPPROTO_IP, IP_FREEBIND, 1 },
		{ !ip6, IPPROTO_IP, IP_PKTINFO, 1 },
		{ ip6, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1 },
		{ ip6, IPPROTO_IPV6, IPV6_V6ONLY, 1 },
		{ true, SOL_SOCKET, SO_RXQ_OVFL, 1 },
		/* Only groups that this socket joined, and no other one's. */
		{ !ip6, IPPROTO_IP, IP_MULTICAST_ALL, 0 },
		{ ip6, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0 },
	};
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < ARRAY_SIZE(options); i++)
		if (options[i].wanted)
			ret = set_int(fd, options[i].level, options[i].name,
				      options[i].value);
	return ret;
}

int udp_open(const struct ep *local, unsigned int flags)
{
	struct sockaddr_storage ss;
	socklen_t len = ep_to_sockaddr(local, &ss);
	int fd, ret;

	if (!len)
		return -EAFNOSUPPORT;
	fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	ret = set_options(fd, ss.ss_family, flags);
	if (!ret)
		ret = bind_to(fd, local, &ss, len);
	/*
	 * The option is set after bind(), so this socket is refused if another
	 * one has the address, and the other way round. A socket of the same
	 * user for a multicast address may still have the same port beside our
	 * wildcard address.
	 */
	if (!ret && !(flags & UDP_SHARED))
		ret = set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (ret) {
		close(fd);
		return ret;
	}
	return fd;
}

int udp_set_rcvbuf(int fd, int octets)
{
	/*
	 * The kernel doubles the requested size, and returns the
	 * doubled one.
	 */
	int half = octets / 2, got = 0, ret = force_rcvbuf(fd, half);
	socklen_t len = sizeof(got);

	if (ret)
		return ret;
	if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &len))
		return -errno;
	return got;
}

int udp_source(const struct ep *to, struct addr *source)
{
	struct sockaddr_storage ss;
	socklen_t len = ep_to_sockaddr(to, &ss);
	struct ep local;
	int fd, ret = 0;

	if (!len)
		return -EAFNOSUPPORT;
	fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* connect() sends nothing: the kernel only looks up the route. */
	if (connect(fd, (struct sockaddr *)&ss, len))
		ret = -errno;
	else
		ret = udp_local(fd, &local);
	close(fd);
	if (!ret)
		*source = local.addr;
	return ret;
}

int udp_local(int fd, struct ep *local)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &len))
		return -errno;
	return ep_from_sockaddr(&ss, local);
}

static void read_overflow(struct msghdr *msg, uint32_t *lost)
{
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL)
			memcpy(lost, CMSG_DATA(c), sizeof(*lost));
}

static void read_pktinfo(struct msghdr *msg, struct ep *to, uint32_t *ifindex)
{
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo pi;

			memcpy(&pi, CMSG_DATA(c), sizeof(pi));
			addr_set(&to->addr, AF_INET, &pi.ipi_addr);
			*ifindex = (uint32_t)pi.ipi_ifindex;
		} else if (c->cmsg_level == IPPROTO_IPV6 &&
			   c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo pi;

			memcpy(&pi, CMSG_DATA(c), sizeof(pi));
			addr_set(&to->addr, AF_INET6, &pi.ipi6_addr);
			*ifindex = pi.ipi6_ifindex;
			if (addr_is_link_local(&to->addr))
				to->scope = pi.ipi6_ifindex;
		}
	}
}

int udp_recv(int fd, void *buf, size_t size, struct ep *from, struct ep *to,
	     uint32_t *ifindex)
{
	struct iovec iov = { .iov_base = buf, .iov_len = size };
	struct sockaddr_storage ss;
	union control ctl;
	struct msghdr msg = {
		.msg_name = &ss,
		.msg_namelen = sizeof(ss),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = ctl.buf,
		.msg_controllen = sizeof(ctl.buf),
	};
	struct ep f, t = { 0 };
	uint32_t ifi = 0;
	ssize_t n;
	int ret;

	n = recvmsg(fd, &msg, 0);
	if (n < 0)
		return -errno;
	if (msg.msg_flags & MSG_TRUNC)
		return -EMSGSIZE;
	ret = ep_from_sockaddr(&ss, &f);
	if (ret)
		return ret;
	if (to || ifindex) {
		struct ep bound;

		ret = udp_local(fd, &bound);
		if (ret)
			return ret;
		t.port = bound.port;
		read_pktinfo(&msg, &t, &ifi);
	}
	if (from)
		*from = f;
	if (to)
		*to = t;
	if (ifindex)
		*ifindex = ifi;
	return (int)n;
}

/* Return the length of the datagram in @m, whose source is @ss, or -errno. */
static int parse_datagram(struct mmsghdr *m, const struct sockaddr_storage *ss,
			  struct udp_datagram *d)
{
	uint32_t ifindex;
	int ret = ep_from_sockaddr(ss, &d->from);

	if (m->msg_hdr.msg_flags & MSG_TRUNC)
		return -EMSGSIZE;
	read_pktinfo(&m->msg_hdr, &d->to, &ifindex);
	return ret ? ret : (int)m->msg_len;
}

int udp_recv_batch(int fd, struct udp_batch *b)
{
	struct sockaddr_storage ss[UDP_BATCH];
	struct mmsghdr m[UDP_BATCH] = { 0 };
	union control ctl[UDP_BATCH];
	struct iovec iov[UDP_BATCH];
	struct ep bound;
	int i, n, ret;

	for (i = 0; i < UDP_BATCH; i++) {
		iov[i] = (struct iovec){ b->v[i].p, sizeof(b->v[i].p) };
		m[i].msg_hdr = (struct msghdr){
			.msg_name = &ss[i],
			.msg_namelen = sizeof(ss[i]),
			.msg_iov = &iov[i],
			.msg_iovlen = 1,
			.msg_control = ctl[i].buf,
			.msg_controllen = sizeof(ctl[i].buf),
		};
	}
	n = recvmmsg(fd, m, UDP_BATCH, MSG_DONTWAIT, NULL);
	if (n < 0)
		return -errno;
	ret = udp_local(fd, &bound);
	if (ret)
		return ret;
	for (i = 0; i < n; i++) {
		b->v[i].to = (struct ep){ .port = bound.port };
		b->v[i].ret = parse_datagram(&m[i], &ss[i], &b->v[i]);
		read_overflow(&m[i].msg_hdr, &b->lost);
	}
	return n;
}

int udp_send(int fd, const struct ep *from, const struct ep *to, const void *p,
	     size_t len)
{
	const struct iovec iov = { .iov_base = (void *)p, .iov_len = len };

	return udp_sendv(fd, from, to, &iov, 1);
}

int udp_sendv(int fd, const struct ep *from, const struct ep *to,
	      const struct iovec *iov, size_t n)
{
	struct sockaddr_storage ss;
	union control ctl = { 0 };
	struct msghdr msg = {
		.msg_name = &ss,
		.msg_iov = (struct iovec *)iov,
		.msg_iovlen = n,
	};
	struct cmsghdr *c = &ctl.align;

	msg.msg_namelen = ep_to_sockaddr(to, &ss);
	if (!msg.msg_namelen)
		return -EAFNOSUPPORT;
	if (from && from->addr.family == to->addr.family &&
	    !addr_is_any(&from->addr)) {
		msg.msg_control = ctl.buf;
		if (from->addr.family == AF_INET) {
			struct in_pktinfo pi = { 0 };

			memcpy(&pi.ipi_spec_dst, from->addr.b, 4);
			msg.msg_controllen = CMSG_SPACE(sizeof(pi));
			c->cmsg_level = IPPROTO_IP;
			c->cmsg_type = IP_PKTINFO;
			c->cmsg_len = CMSG_LEN(sizeof(pi));
			memcpy(CMSG_DATA(c), &pi, sizeof(pi));
		} else {
			struct in6_pktinfo pi = { 0 };

			memcpy(&pi.ipi6_addr, from->addr.b, 16);
			pi.ipi6_ifindex = from->scope;
			msg.msg_controllen = CMSG_SPACE(sizeof(pi));
			c->cmsg_level = IPPROTO_IPV6;
			c->cmsg_type = IPV6_PKTINFO;
			c->cmsg_len = CMSG_LEN(sizeof(pi));
			memcpy(CMSG_DATA(c), &pi, sizeof(pi));
		}
	}
	return sendmsg(fd, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int udp_mcast_out(int fd, int family, unsigned int ttl, uint32_t ifindex,
		  bool loop)
{
	int ret;

	if (family == AF_INET) {
		struct ip_mreqn mr = { .imr_ifindex = (int)ifindex };

		ret = set_int(fd, IPPROTO_IP, IP_MULTICAST_TTL, (int)ttl);
		if (!ret)
			ret = set_int(fd, IPPROTO_IP, IP_MULTICAST_LOOP, loop);
		if (!ret && setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &mr,
				       sizeof(mr)))
			ret = -errno;
		return ret;
	}
	if (family != AF_INET6)
		return -EAFNOSUPPORT;
	ret = set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, (int)ttl);
	if (!ret)
		ret = set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, loop);
	if (!ret)
		ret = set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF,
			      (int)ifindex);
	return ret;
}

static int set_membership(int fd, bool join, const struct addr *group,
			  const struct addr *source, uint32_t ifindex)
{
	struct ep g = { .addr = *group }, s = { .addr = { 0 } };
	int level = group->family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;

	if (!addr_is_multicast(group))
		return -EINVAL;
	if (source && !addr_is_none(source)) {
		struct group_source_req req = { .gsr_interface = ifindex };

		if (source->family != group->family)
			return -EINVAL;
		s.addr = *source;
		ep_to_sockaddr(&g, &req.gsr_group);
		ep_to_sockaddr(&s, &req.gsr_source);
		return setsockopt(fd, level,
				  join ? MCAST_JOIN_SOURCE_GROUP
				       : MCAST_LEAVE_SOURCE_GROUP,
				  &req, sizeof(req))
			       ? -errno
			       : 0;
	} else {
		struct group_req req = { .gr_interface = ifindex };

		ep_to_sockaddr(&g, &req.gr_group);
		return setsockopt(fd, level,
				  join ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP,
				  &req, sizeof(req))
			       ? -errno
			       : 0;
	}
}

int udp_mcast_join(int fd, const struct addr *group, const struct addr *source,
		   uint32_t ifindex)
{
	return set_membership(fd, true, group, source, ifindex);
}

int udp_mcast_leave(int fd, const struct addr *group, const struct addr *source,
		    uint32_t ifindex)
{
	return set_membership(fd, false, group, source, ifindex);
}

int udp_bind_interface(int fd, uint32_t ifindex)
{
	int ret = set_int(fd, SOL_SOCKET, SO_BINDTOIFINDEX, (int)ifindex);

	return ret == -EPERM && udp_access
		       ? udp_access->interface(udp_access->ctx, fd, ifindex)
		       : ret;
}
