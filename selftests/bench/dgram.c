// SPDX-License-Identifier: Apache-2.0
/*
 * The cost of one datagram: sends and receives in turn, from one network
 * namespace to another, and reads the time stamp counter around it.
 *
 *	dgram NAMESPACE-A NAMESPACE-B GROUP SIZE COUNT
 *
 * Where the counter counts instructions (a guest with -icount, one CPU), the
 * result is instructions per datagram: both system calls and all that the
 * kernel does in between, of both ends. Prints the median of several rounds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <x86intrin.h>

#define PORT 5000
#define ROUNDS 5
#define SIZE_MAX_ 9000

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void enter(const char *ns)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", ns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die(ns);
}

struct dest {
	struct sockaddr_storage ss;
	socklen_t len;
	int family;
};

static void resolve(const char *group, struct dest *d)
{
	struct sockaddr_in *in = (void *)&d->ss;
	struct sockaddr_in6 *in6 = (void *)&d->ss;

	memset(d, 0, sizeof(*d));
	if (inet_pton(AF_INET, group, &in->sin_addr) == 1) {
		d->family = AF_INET;
		in->sin_family = AF_INET;
		in->sin_port = htons(PORT);
		d->len = sizeof(*in);
	} else if (inet_pton(AF_INET6, group, &in6->sin6_addr) == 1) {
		d->family = AF_INET6;
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(PORT);
		d->len = sizeof(*in6);
	} else {
		fprintf(stderr, "dgram: %s is no address\n", group);
		exit(2);
	}
}

static int sender(const struct dest *d)
{
	int fd = socket(d->family, SOCK_DGRAM, 0), no = 0, hops = 8;
	struct ip_mreqn mreq = { .imr_ifindex = if_nametoindex("eth0") };

	if (fd < 0)
		die("socket");
	if (d->family == AF_INET) {
		if (setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &mreq,
			       sizeof(mreq)) ||
		    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &hops,
			       sizeof(hops)) ||
		    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, &no,
			       sizeof(no)))
			die("IP_MULTICAST_IF");
	} else if (setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF,
			      &mreq.imr_ifindex, sizeof(int)) ||
		   setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops,
			      sizeof(hops)) ||
		   setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &no,
			      sizeof(no))) {
		die("IPV6_MULTICAST_IF");
	}
	return fd;
}

static int receiver(const struct dest *d)
{
	int fd = socket(d->family, SOCK_DGRAM, 0);
	struct timeval tv = { .tv_sec = 2 };
	struct group_req req = { .gr_interface = if_nametoindex("eth0") };

	memcpy(&req.gr_group, &d->ss, sizeof(d->ss));
	if (fd < 0 || bind(fd, (const void *)&d->ss, d->len))
		die("bind");
	if (setsockopt(fd, d->family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
		       MCAST_JOIN_GROUP, &req, sizeof(req)))
		die("MCAST_JOIN_GROUP");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	return fd;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	static char out[SIZE_MAX_], in[SIZE_MAX_ + 1];
	uint64_t took[ROUNDS], t0;
	unsigned int i, r, count;
	struct dest d;
	size_t size;
	int tx, rx;

	if (argc != 6) {
		fputs("usage: dgram NS-A NS-B GROUP SIZE COUNT\n", stderr);
		return 2;
	}
	size = strtoul(argv[4], NULL, 0);
	count = strtoul(argv[5], NULL, 0);
	if (!size || size > SIZE_MAX_ || !count) {
		fputs("dgram: SIZE or COUNT is out of range\n", stderr);
		return 2;
	}
	resolve(argv[3], &d);
	enter(argv[1]);
	tx = sender(&d);
	enter(argv[2]);
	rx = receiver(&d);
	mlockall(MCL_CURRENT | MCL_FUTURE);
	memset(out, 'x', size);

	/* The first round is to warm up, and not counted. */
	for (r = 0; r <= ROUNDS; r++) {
		t0 = __rdtsc();
		for (i = 0; i < count; i++) {
			if (sendto(tx, out, size, 0, (const void *)&d.ss,
				   d.len) != (ssize_t)size)
				die("sendto");
			if (recv(rx, in, sizeof(in), 0) != (ssize_t)size)
				die("recv");
		}
		if (r)
			took[r - 1] = (__rdtsc() - t0) / count;
	}
	if (memcmp(in, out, size)) {
		fputs("dgram: something else arrived\n", stderr);
		return 1;
	}
	qsort(took, ROUNDS, sizeof(took[0]), by_value);
	printf("%ju\n", (uintmax_t)took[ROUNDS / 2]);
	return 0;
}
