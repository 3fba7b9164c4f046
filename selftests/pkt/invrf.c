// SPDX-License-Identifier: Apache-2.0
/*
 * To be preloaded: each IP socket of the program is bound to the interface
 * MCSEC_VRF as it is made. That is what a program under "ip vrf exec" gets,
 * which needs a kernel with BPF for control groups.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int socket(int domain, int type, int protocol)
{
	const char *vrf = getenv("MCSEC_VRF");
	int (*next)(int domain, int type, int protocol);
	int fd;

	*(void **)&next = dlsym(RTLD_NEXT, "socket");
	fd = next(domain, type, protocol);
	if (fd < 0 || !vrf || (domain != AF_INET && domain != AF_INET6))
		return fd;
	/* a program that does not get what was asked for must not go on */
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, vrf,
		       (socklen_t)strlen(vrf) + 1))
		abort();
	return fd;
}
