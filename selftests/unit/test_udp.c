// SPDX-License-Identifier: Apache-2.0
/* Sockets that receive from many peers at once. */
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

static void send_crowd(const struct ep *to)
{
	char msg[LEN] = { 0 };
	struct ep any;
	int fd;

	ep_parse("127.0.0.1:0", 1, &any);
	any.port = 0;
	fd = udp_open(&any, 0);
	for (unsigned int i = 0; i < CROWD; i++)
		if (udp_send(fd, NULL, to, msg, LEN))
			bail("nothing can be sent");
	close(fd);
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
	send_crowd(&to);
	diag("%u of %u find room by default", heard(fd), CROWD);
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
