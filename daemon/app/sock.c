// SPDX-License-Identifier: Apache-2.0
/* UDP sockets for unicast IKE. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "wire/proto.h"
#include "lib/err.h"
#include "lib/log.h"

/*
 * Datagrams read from one socket in a row, so that a flood does not block the
 * loop.
 */
#define BURST 64

const uint8_t app_marker[APP_MARKER_LEN];

static bool has_marker(uint16_t local_port, uint16_t peer_port)
{
	return local_port == IKE_NATT_PORT || peer_port == IKE_NATT_PORT;
}

bool app_strip_marker(const uint8_t **p, size_t *len)
{
	if (*len < APP_MARKER_LEN || memcmp(*p, app_marker, APP_MARKER_LEN))
		return false;
	*p += APP_MARKER_LEN;
	*len -= APP_MARKER_LEN;
	return true;
}

static void sock_readable(void *arg, uint32_t events)
{
	struct sock *s = arg;
	struct app *a = s->app;
	struct ep from, to;
	int i, n;

	(void)events;
	for (i = 0; i < BURST; i++) {
		const uint8_t *p = a->buf;
		size_t len;

		n = udp_recv(s->fd.fd, a->buf, sizeof(a->buf), &from, &to,
			     NULL);
		if (n == -EMSGSIZE)
			continue;
		if (n < 0)
			return;
		/* Answers could not be sent from a multicast address. */
		if (addr_is_multicast(&to.addr))
			continue;
		len = (size_t)n;
		/*
		 * Datagrams without marker are UDP-encapsulated ESP or
		 * keepalives.
		 */
		if ((s->marked || has_marker(to.port, from.port)) &&
		    !app_strip_marker(&p, &len))
			continue;
		if (*s->engine)
			ike_engine_input(*s->engine, &from, &to, p, len);
	}
}

int app_send(int fd, const struct ep *from, const struct ep *to, bool mark,
	     const uint8_t *p, size_t len)
{
	const struct iovec iov[2] = {
		{ .iov_base = (void *)app_marker,
		  .iov_len = mark ? APP_MARKER_LEN : 0 },
		{ .iov_base = (void *)p, .iov_len = len },
	};

	return udp_sendv(fd, from, to, iov, 2);
}

int app_sock_send(struct sock *s, const struct ep *from, const struct ep *to,
		  const uint8_t *p, size_t len)
{
	bool mark = s->marked || has_marker(s->local.port, to->port);
	char ep[EP_STRLEN];
	int ret = app_send(s->fd.fd, from, to, mark, p, len);

	if (ret)
		log_debug("datagram not sent: to %s: %s", ep_str(to, ep),
			  strerror(-ret));
	return ret;
}

int app_open_sock(struct app *a, struct sock *s, const struct ep *local,
		  struct ike_engine **engine, struct err *err)
{
	char ep[EP_STRLEN];
	int fd, ret;

	fd = udp_open(local, 0);
	if (fd == -EADDRNOTAVAIL) {
		fd = udp_open(local, UDP_FREEBIND);
		if (fd >= 0)
			log_warn("address not available: %s is not one of this host yet",
				 ep_str(local, ep));
	}
	if (fd < 0)
		return err_set(err, fd, "UDP %s: %s%s", ep_str(local, ep),
			       strerror(-fd),
			       fd == -EADDRINUSE
				       ? ": \"ss -ulnp\" shows who has the port"
				       : "");
	*s = (struct sock){ .app = a, .engine = engine };
	s->fd = (struct loop_fd){ .fd = fd, .fn = sock_readable, .arg = s };
	ret = udp_local(fd, &s->local);
	if (!ret)
		ret = loop_add(a->loop, &s->fd, EPOLLIN);
	if (ret) {
		close(fd);
		s->fd.fd = -1;
		return err_set(err, ret, "UDP %s: %s", ep_str(local, ep),
			       strerror(-ret));
	}
	return 0;
}

void app_close_sock(struct app *a, struct sock *s)
{
	if (!s->app || s->fd.fd < 0)
		return;
	loop_del(a->loop, &s->fd);
	close(s->fd.fd);
	s->fd.fd = -1;
}
