// SPDX-License-Identifier: Apache-2.0
/* Sockets that receive from many peers at once. */
#include <errno.h>
#include <unistd.h>

#include "lib/udp.h"
#include "tap.h"

#define CROWD 1000
/* An IKE_SA_INIT request. */
#define LEN 320

static unsigned int heard(int fd)
{
	char buf[2048];
	unsigned int n = 0;

	while (udp_recv(fd, buf, sizeof(buf), NULL, NULL, NULL) == LEN)
		n++;
	return n;
}

static void send_many(const struct ep *to, unsigned int n)
{
	char msg[LEN] = { 0 };
	struct ep any;
	int fd;

	ep_parse("127.0.0.1:0", 1, &any);
	any.port = 0;
	fd = udp_open(&any, 0);
	for (unsigned int i = 0; i < n; i++) {
		msg[0] = i;
		if (udp_send(fd, NULL, to, msg, LEN))
			bail("nothing can be sent");
	}
	close(fd);
}

static void send_crowd(const struct ep *to)
{
	send_many(to, CROWD);
}

static unsigned int heard_in_batches(int fd, const struct ep *to,
				     struct udp_batch *b)
{
	unsigned int n = 0;
	int got;

	while ((got = udp_recv_batch(fd, b)) > 0)
		for (int i = 0; i < got; i++)
			n += b->v[i].ret == LEN && ep_equal(&b->v[i].to, to) &&
			     b->v[i].p[0] == (n & 0xff);
	is_int(got, -EAGAIN, "the socket is empty behind %u", n);
	return n;
}

/* Datagrams without room are counted with the next one that has some. */
static void test_batches(int fd, const struct ep *to)
{
	static struct udp_batch b;
	unsigned int n;

	send_many(to, UDP_BATCH + 1);
	is_int(udp_recv_batch(fd, &b), UDP_BATCH, "a batch is full");
	is_int(udp_recv_batch(fd, &b), 1, "one is left for the next batch");
	is_int(b.v[0].p[0], UDP_BATCH, "the last one has come last");
	ok(ep_equal(&b.v[0].to, to),
	   "a datagram of a batch has the address that it was sent to");
	is_int(b.lost, 0, "nothing was lost");
	send_crowd(to);
	n = heard_in_batches(fd, to, &b);
	ok(n > 2 * UDP_BATCH && n < CROWD, "a part of the crowd has room: %u",
	   n);
	send_many(to, 1);
	is_int(heard_in_batches(fd, to, &b), 1, "there is room again");
	is_int(b.lost, CROWD - n, "the others of the crowd are counted");
}

int main(void)
{
	struct ep any, to;
	int fd, got;

	if (ep_parse("127.0.0.1:1", 0, &any))
		bail("no address");
	any.port = 0;
	fd = udp_open(&any, 0);
	if (fd < 0 || udp_local(fd, &to))
		bail("no socket");
	if (udp_set_rcvbuf(fd, 65536) < 0)
		bail("no receive buffer");
	test_batches(fd, &to);
	got = udp_set_rcvbuf(fd, 8 << 20);
	if (got < 8 << 20) {
		skip("room for a crowd",
		     "needs CAP_NET_ADMIN or net.core.rmem_max");
		return done();
	}
	is_int(got, 8 << 20, "the kernel says what it has given");
	send_crowd(&to);
	is_int(heard(fd), CROWD, "a crowd of 1,000 finds room");
	close(fd);
	return done();
}
