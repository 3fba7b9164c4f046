// SPDX-License-Identifier: Apache-2.0
/*
 * A library to be preloaded, which binds each IP socket of a program to the
 * interface MCSEC_VRF. "ip vrf exec" has the same effect, but needs a kernel
 * with BPF for control groups.
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
	/* The program must not continue with an unbound socket. */
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, vrf,
		       (socklen_t)strlen(vrf) + 1))
		abort();
	return fd;
}
