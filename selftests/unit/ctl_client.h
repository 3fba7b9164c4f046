/* SPDX-License-Identifier: Apache-2.0 */
/* A control socket with a fake clock, its loop, and clients of it. */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "ctl/ctl.h"
#include "lib/clock.h"
#include "lib/loop.h"
#include "lib/timer.h"
#include "tap.h"

static uint64_t now_ms = 1000;
static struct timerq tq;
static struct loop *loop;
static struct ctl *ctl;
static char path[80]; /* names the socket */

static inline uint64_t ctl_mono(void *ctx)
{
	(void)ctx;
	return now_ms;
}

static inline time_t ctl_wall(void *ctx)
{
	(void)ctx;
	return 0;
}

static const struct clock ctl_clock = { .mono_ms = ctl_mono, .wall = ctl_wall };

static inline int client(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(sun.sun_path, path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sun, sizeof(sun)))
		bail("connect: %s", strerror(errno));
	return fd;
}

/* Run the loop until it has no more events. */
static inline void turn(void)
{
	int i;

	for (i = 0; i < 30; i++)
		loop_once(loop, 1);
}

/* Return what has come: "" for nothing, NULL if the daemon has closed. */
static inline const char *answer(int fd)
{
	static char buf[65536];
	ssize_t n = recv(fd, buf, sizeof(buf) - 1, 0);

	if (n < 0 && errno == EAGAIN)
		return "";
	if (n <= 0)
		return NULL;
	buf[n] = '\0';
	return buf;
}

#endif
