// SPDX-License-Identifier: Apache-2.0
#include "lib/mcast.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/queue.h>
#include <unistd.h>

#include "lib/udp.h"

/* The burst is limited, so that a flood leaves time for other work. */
#define BURST 32

/* The buffer holds several GSA_REKEYs of 64 kB, as the kernel counts memory. */
#define RECEIVER_ROOM (1 << 20)

struct receiver {
	LIST_ENTRY(receiver) link;
	struct mcast *m;
	struct loop_fd fd;
	/* The replaced socket, until it is drained; or -1. */
	struct loop_fd old;
	struct ep to;
	struct addr source;
	/* The interface of the membership, or 0. */
	uint32_t ifindex;
	/*
	 * The receiver was left from its own callback, and is freed
	 * afterwards.
	 */
	bool gone;
	bool busy;
};

struct mcast {
	LIST_HEAD(, receiver) receivers;
	struct loop *loop;
	mcast_fn *fn;
	void *ctx;
	uint8_t buf[UDP_MAX];
};

int mcast_new(struct loop *l, mcast_fn *fn, void *ctx, struct mcast **out)
{
	struct mcast *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	LIST_INIT(&m->receivers);
	m->loop = l;
	m->fn = fn;
	m->ctx = ctx;
	*out = m;
	return 0;
}

static void close_old(struct receiver *r)
{
	if (r->old.fd < 0)
		return;
	loop_del(r->m->loop, &r->old);
	close(r->old.fd);
	r->old.fd = -1;
}

static void receiver_free(struct receiver *r)
{
	close_old(r);
	loop_del(r->m->loop, &r->fd);
	/* Closing the socket leaves the group. */
	close(r->fd.fd);
	LIST_REMOVE(r, link);
	free(r);
}

void mcast_free(struct mcast *m)
{
	if (!m)
		return;
	while (!LIST_EMPTY(&m->receivers))
		receiver_free(LIST_FIRST(&m->receivers));
	free(m);
}

/* Read up to BURST datagrams. Returns true if the socket is empty. */
static bool drain_socket(struct receiver *r, int fd)
{
	struct mcast *m = r->m;
	struct ep from, to;
	int i, n = 0;

	for (i = 0; i < BURST && !r->gone; i++) {
		n = udp_recv(fd, m->buf, sizeof(m->buf), &from, &to, NULL);
		if (n == -EMSGSIZE)
			continue;
		if (n < 0)
			break;
		m->fn(m->ctx, &from, &to, m->buf, (size_t)n);
	}
	return n < 0 && n != -EMSGSIZE;
}

static void mcast_readable(void *arg, uint32_t events)
{
	struct receiver *r = arg;

	(void)events;
	r->busy = true;
	drain_socket(r, r->fd.fd);
	r->busy = false;
	if (r->gone)
		receiver_free(r);
}

static void old_readable(void *arg, uint32_t events)
{
	struct receiver *r = arg;
	int fd = r->old.fd;
	bool empty;

	(void)events;
	r->busy = true;
	empty = drain_socket(r, fd);
	r->busy = false;
	if (r->gone)
		receiver_free(r);
	else if (empty && r->old.fd == fd)
		close_old(r);
}

/* Keep socket @fd, which receives nothing any more, until it is drained. */
static void keep_old(struct receiver *r, int fd)
{
	int queued = 0;

	udp_mcast_leave(fd, &r->to.addr, &r->source, r->ifindex);
	close_old(r);
	r->old = (struct loop_fd){ .fd = fd, .fn = old_readable, .arg = r };
	if (ioctl(fd, FIONREAD, &queued) || !queued ||
	    loop_add(r->m->loop, &r->old, EPOLLIN)) {
		close(fd);
		r->old.fd = -1;
	}
}

static struct receiver *find_receiver(struct mcast *m, const struct ep *to,
				      const struct addr *source)
{
	struct receiver *r;

	LIST_FOREACH(r, &m->receivers, link)
		if (!r->gone && ep_equal(&r->to, to) &&
		    addr_equal(&r->source, source))
			return r;
	return NULL;
}

static int open_receiver(const struct ep *to, uint32_t ifindex)
{
	struct ep at = *to;
	int fd;

	/* A socket for a link-local group is bound with its interface. */
	if (at.addr.family == AF_INET6 && addr_is_link_local(&at.addr))
		at.scope = ifindex;
	fd = udp_open(&at, UDP_SHARED);
	/*
	 * Copies of large rekeys arrive together. A smaller buffer is
	 * acceptable.
	 */
	if (fd >= 0)
		udp_set_rcvbuf(fd, RECEIVER_ROOM);
	return fd;
}

static int receiver_new(struct mcast *m, const struct ep *to,
			const struct addr *source, uint32_t ifindex,
			struct receiver **out)
{
	struct receiver *r;
	int fd, ret;

	fd = open_receiver(to, ifindex);
	if (fd < 0)
		return fd;
	r = calloc(1, sizeof(*r));
	if (!r) {
		close(fd);
		return -ENOMEM;
	}
	r->m = m;
	r->fd = (struct loop_fd){ .fd = fd, .fn = mcast_readable, .arg = r };
	r->old.fd = -1;
	r->to = *to;
	r->source = *source;
	LIST_INSERT_HEAD(&m->receivers, r, link);
	ret = loop_add(m->loop, &r->fd, EPOLLIN);
	if (ret) {
		receiver_free(r);
		return ret;
	}
	*out = r;
	return 0;
}

/*
 * Receive by another socket. One that is bound to an interface cannot be bound to
 * another one without CAP_NET_RAW.
 */
static int replace_socket(struct receiver *r, uint32_t ifindex)
{
	int old = r->fd.fd, fd = open_receiver(&r->to, ifindex), ret;

	if (fd < 0)
		return fd;
	ret = udp_mcast_join(fd, &r->to.addr, &r->source, ifindex);
	if (!ret)
		ret = udp_bind_interface(fd, ifindex);
	if (!ret) {
		loop_del(r->m->loop, &r->fd);
		r->fd.fd = fd;
		ret = loop_add(r->m->loop, &r->fd, EPOLLIN);
	}
	if (!ret) {
		keep_old(r, old);
		r->ifindex = ifindex;
		return 0;
	}
	if (r->fd.fd == fd) {
		r->fd.fd = old;
		loop_add(r->m->loop, &r->fd, EPOLLIN);
	}
	close(fd);
	return ret;
}

static int move_receiver(struct receiver *r, uint32_t ifindex)
{
	int ret;

	if (r->ifindex && r->ifindex != ifindex)
		return replace_socket(r, ifindex);
	ret = udp_mcast_join(r->fd.fd, &r->to.addr, &r->source, ifindex);
	/* The membership on this interface still exists. */
	if (r->ifindex == ifindex &&
	    (ret == -EADDRINUSE || ret == -EADDRNOTAVAIL))
		return 0;
	/* The socket is bound already, if only the membership was lost. */
	if (ret || r->ifindex == ifindex)
		return ret;
	ret = udp_bind_interface(r->fd.fd, ifindex);
	if (ret) {
		udp_mcast_leave(r->fd.fd, &r->to.addr, &r->source, ifindex);
		return ret;
	}
	r->ifindex = ifindex;
	return 0;
}

int mcast_join(struct mcast *m, const struct ep *to, const struct addr *source,
	       uint32_t ifindex)
{
	struct receiver *r = find_receiver(m, to, source);
	bool made = !r;
	int ret;

	if (!r) {
		ret = receiver_new(m, to, source, ifindex, &r);
		if (ret)
			return ret;
	}
	ret = move_receiver(r, ifindex);
	if (ret && made)
		receiver_free(r);
	return ret;
}

int mcast_report(struct mcast *m, const struct ep *to,
		 const struct addr *source)
{
	struct receiver *r = find_receiver(m, to, source);

	if (!r)
		return -ENOENT;
	udp_mcast_leave(r->fd.fd, &r->to.addr, &r->source, r->ifindex);
	return udp_mcast_join(r->fd.fd, &r->to.addr, &r->source, r->ifindex);
}

void mcast_leave(struct mcast *m, const struct ep *to,
		 const struct addr *source)
{
	struct receiver *r = find_receiver(m, to, source);

	if (!r)
		return;
	if (r->busy)
		r->gone = true;
	else
		receiver_free(r);
}
