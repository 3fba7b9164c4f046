// SPDX-License-Identifier: Apache-2.0
/*
 * How many datagrams some CPUs send at a time, in the network namespace that it
 * runs in.
 *
 *	flood GROUP SIZE MILLISECONDS CPU...
 *
 * One process for each CPU sends as fast as it can by a socket of its own.
 * Prints the sum of what they sent, in datagrams a second.
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"

#define PORT 5000
#define CPUS 64
#define SIZE_MAX_ 9000

struct shared {
	atomic_uint ready;
	atomic_uint go;
	uint64_t sent[CPUS];
	uint64_t took[CPUS]; /* nanoseconds */
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static void send_all(struct shared *sh, unsigned int i, int cpu,
		     const char *group, size_t size, uint64_t ms)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(PORT),
	};
	struct ip_mreqn mreq = { .imr_ifindex = if_nametoindex("eth0") };
	static char out[SIZE_MAX_];
	uint64_t t0, t, n = 0;
	int no = 0, fd;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
	inet_pton(AF_INET, group, &to.sin_addr);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &mreq, sizeof(mreq)) ||
	    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, &no, sizeof(no)))
		die("socket");
	atomic_fetch_add(&sh->ready, 1);
	while (!atomic_load(&sh->go))
		;
	t0 = now();
	do {
		if (sendto(fd, out, size, 0, (void *)&to, sizeof(to)) !=
		    (ssize_t)size)
			die("sendto");
		n++;
		t = now() - t0;
	} while (t < ms * NSEC_PER_MSEC);
	sh->sent[i] = n;
	sh->took[i] = t;
}

int main(int argc, char **argv)
{
	unsigned int n = argc - 4, i;
	struct in_addr addr;
	struct shared *sh;
	uint64_t rate = 0;
	size_t size;
	int status;

	if (argc < 5 || n > CPUS) {
		fputs("usage: flood GROUP SIZE MILLISECONDS CPU...\n", stderr);
		return 2;
	}
	size = strtoul(argv[2], NULL, 0);
	if (!size || size > SIZE_MAX_ ||
	    inet_pton(AF_INET, argv[1], &addr) != 1) {
		fputs("flood: GROUP or SIZE is out of range\n", stderr);
		return 2;
	}
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sh == MAP_FAILED)
		die("mmap");
	for (i = 0; i < n; i++) {
		switch (fork()) {
		case -1:
			die("fork");
			break;
		case 0:
			send_all(sh, i, atoi(argv[4 + i]), argv[1], size,
				 strtoul(argv[3], NULL, 0));
			_exit(0);
		}
	}
	while (atomic_load(&sh->ready) < n) {
		if (waitpid(-1, &status, WNOHANG) > 0)
			return 1;
		usleep(1000);
	}
	atomic_store(&sh->go, 1);
	for (i = 0; i < n; i++)
		if (wait(&status) < 0 || status)
			return 1;
	for (i = 0; i < n; i++)
		rate += sh->sent[i] * NSEC_PER_SEC / sh->took[i];
	printf("%ju\n", (uintmax_t)rate);
	return 0;
}
