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
 * Batches that are read from one socket in a row, and first messages of IKE SAs that are
 * handled in a row, so that a flood does not block the loop. While the socket is not empty
 * fewer messages are handled, since it loses what it has no room for, whoever sent it.
 */
#define BATCHES 64
#define FIRST_MAX 32
#define FIRST_MAX_BEHIND 8

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

/* First messages that are left are handled when other events had their turn. */
static void handle_first_messages(struct sock *s, unsigned int most)
{
	if (*s->engine && ike_engine_serve(*s->engine, most))
		timer_set(&s->app->tq, &s->serve, 0);
}

static void first_messages_due(void *arg)
{
	handle_first_messages(arg, FIRST_MAX_BEHIND);
}

static void pass_datagram(struct sock *s, const struct udp_datagram *d)
{
	const uint8_t *p = d->p;
	size_t len = (size_t)d->ret;

	/* Answers could not be sent from a multicast address. */
	if (addr_is_multicast(&d->to.addr))
		return;
	/*
	 * Datagrams without marker are UDP-encapsulated ESP or
	 * keepalives.
	 */
	if ((s->marked || has_marker(d->to.port, d->from.port)) &&
	    !app_strip_marker(&p, &len))
		return;
	if (*s->engine)
		ike_engine_offer(*s->engine, &d->from, &d->to, p, len);
}

static void note_lost(struct sock *s, uint32_t lost)
{
	if (lost == s->lost || !*s->engine)
		return;
	ike_engine_lost(*s->engine, lost - s->lost);
	s->lost = lost;
}

static void sock_readable(void *arg, uint32_t events)
{
	struct sock *s = arg;
	struct udp_batch *b = &s->app->batch;
	int i, k, n = UDP_BATCH;

	(void)events;
	b->lost = s->lost;
	for (i = 0; i < BATCHES && n == UDP_BATCH; i++) {
		n = udp_recv_batch(s->fd.fd, b);
		for (k = 0; k < n; k++)
			if (b->v[k].ret >= 0)
				pass_datagram(s, &b->v[k]);
	}
	note_lost(s, b->lost);
	handle_first_messages(s, n == UDP_BATCH ? FIRST_MAX_BEHIND : FIRST_MAX);
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

	s->app = NULL;
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
	timer_init(&s->serve, first_messages_due, s);
	ret = udp_local(fd, &s->local);
	if (!ret)
		ret = loop_add(a->loop, &s->fd, EPOLLIN);
	if (ret) {
		close(fd);
		s->fd.fd = -1;
		s->app = NULL;
		return err_set(err, ret, "UDP %s: %s", ep_str(local, ep),
			       strerror(-ret));
	}
	return 0;
}

void app_close_sock(struct app *a, struct sock *s)
{
	if (!s->app || s->fd.fd < 0)
		return;
	timer_del(&a->tq, &s->serve);
	loop_del(a->loop, &s->fd);
	close(s->fd.fd);
	s->fd.fd = -1;
}
