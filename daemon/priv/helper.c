// SPDX-License-Identifier: Apache-2.0
#include "priv/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/relay.h"
#include "lib/secret.h"
#include "priv/message.h"

#define PORTS_MAX 256
/* No socket gets a larger receive buffer, in octets. */
#define ROOM_MAX (64 << 20)

struct helper {
	struct krelay *relay;
	uint16_t ports[PORTS_MAX];
	unsigned int n_ports;
	bool sealed;
	/* A socket that the next order may use, which then is closed; or -1. */
	int lent;
};

static int allow_port(struct helper *h, uint32_t port)
{
	if (h->sealed)
		return -EPERM;
	if (!port || port > UINT16_MAX)
		return -EINVAL;
	if (h->n_ports == PORTS_MAX)
		return -ENOSPC;
	h->ports[h->n_ports++] = (uint16_t)port;
	return 0;
}

static bool is_allowed(const struct helper *h, uint16_t port)
{
	unsigned int i;

	for (i = 0; i < h->n_ports; i++)
		if (h->ports[i] == port)
			return true;
	return false;
}

static int int_option(int fd, int name)
{
	socklen_t len = sizeof(int);
	int v = -1;

	return getsockopt(fd, SOL_SOCKET, name, &v, &len) ? -1 : v;
}

static bool is_udp(int fd)
{
	return int_option(fd, SO_TYPE) == SOCK_DGRAM &&
	       int_option(fd, SO_PROTOCOL) == IPPROTO_UDP;
}

static int set_interface(int fd, uint32_t ifindex)
{
	int v = (int)ifindex;

	if (!is_udp(fd))
		return -EINVAL;
	return setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &v, sizeof(v))
		       ? -errno
		       : 0;
}

static int bind_udp(const struct helper *h, int fd, const struct ep *local)
{
	struct sockaddr_storage ss;
	socklen_t len = ep_to_sockaddr(local, &ss);

	if (!len || !is_udp(fd))
		return -EINVAL;
	/* The key server of a group chooses the port of its rekeys. */
	if (!addr_is_multicast(&local->addr) && !is_allowed(h, local->port))
		return -EACCES;
	return bind(fd, (struct sockaddr *)&ss, len) ? -errno : 0;
}

static int set_rcvbuf(int fd, uint32_t octets)
{
	int v = octets > ROOM_MAX ? ROOM_MAX : (int)octets;

	return setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &v, sizeof(v))
		       ? -errno
		       : 0;
}

static int keep_lent(struct helper *h, int fd)
{
	int copy;

	if (!is_udp(fd))
		return -EINVAL;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return -errno;
	h->lent = copy;
	return 0;
}

/* Do what @head says. Returns 0 or -errno; *@give is a descriptor to answer with. */
static int obey_order(struct helper *h, const struct priv_head *head,
		      void *data, size_t len, int fd, int *give)
{
	switch (head->op) {
	case PRIV_ALLOW_PORT:
		return allow_port(h, head->value);
	case PRIV_SEAL:
		h->sealed = true;
		return 0;
	case PRIV_OPEN_REQUESTS:
		*give = krelay_open_requests(h->relay);
		return *give < 0 ? *give : 0;
	case PRIV_SEND:
		return krelay_send(h->relay, fd, h->lent, data, len);
	case PRIV_LEND:
		return keep_lent(h, fd);
	case PRIV_JOIN:
		return krelay_join(h->relay, fd, head->value);
	case PRIV_BIND:
		return bind_udp(h, fd, &head->local);
	case PRIV_ROOM:
		return set_rcvbuf(fd, head->value);
	case PRIV_INTERFACE:
		return set_interface(fd, head->value);
	}
	return -EINVAL;
}

void helper_run(int sock)
{
	struct helper h = { .relay = krelay_new(), .lent = -1 };
	uint8_t data[PRIV_DATA_MAX];
	struct priv_answer answer;
	struct priv_head head;
	int ret, fd, give, lent;
	size_t len;

	if (!h.relay)
		return;
	for (;;) {
		give = -1;
		ret = priv_message_recv(sock, &head, sizeof(head), data,
					sizeof(data), &len, &fd);
		if (ret)
			break;
		answer = (struct priv_answer){ .seq = head.seq };
		lent = h.lent;
		answer.ret = obey_order(&h, &head, data, len, fd, &give);
		/* An edge ends with the last descriptor of its socket. */
		if (lent >= 0)
			close(lent);
		if (h.lent == lent)
			h.lent = -1;
		/* A request may have a key. */
		secret_wipe(data, len);
		if (fd >= 0)
			close(fd);
		ret = priv_message_send(sock, &answer, sizeof(answer), NULL, 0,
					give);
		/*
		 * The socket is the daemon's alone: its groups are without an
		 * owner as soon as it ends.
		 */
		if (give >= 0)
			close(give);
		if (ret)
			break;
	}
	krelay_free(h.relay);
}
