// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "kernel/nl.h"
#include "lib/util.h"
#include "mcsecctl.h"

json_t *event_json(const struct kevent *ev)
{
	char buf[ADDR_STRLEN];
	json_t *o = json_object();

	put_json_str(o, "event", kevent_names[ev->type]);
	if (ev->type == KEVENT_RESYNC)
		return o;
	put_json_str(o, "group", ev->group);
	if (ev->type != KEVENT_ACQUIRE && ev->type != KEVENT_GROUP_GONE)
		put_json_int(o, "spi", ev->spi);

	switch (ev->type) {
	case KEVENT_ACQUIRE:
	case KEVENT_GROUP_GONE:
		put_json_str(o, "dst", addr_str(&ev->dst, buf));
		break;
	case KEVENT_SOFT_EXPIRE:
	case KEVENT_HARD_EXPIRE:
		put_json_str(o, "limit", klimit_names[ev->limit]);
		break;
	case KEVENT_IV_EXHAUSTING:
	case KEVENT_NEW_SENDER:
		put_json_int(o, "sender-id", ev->sender_id);
		break;
	case KEVENT_UNKNOWN_SPI:
	case KEVENT_RESYNC:
		break;
	}
	return o;
}

void event_print(const struct kevent *ev)
{
	char buf[ADDR_STRLEN];

	printf("%s", kevent_names[ev->type]);
	switch (ev->type) {
	case KEVENT_ACQUIRE:
	case KEVENT_GROUP_GONE:
		printf(" group %s %s", ev->group, addr_str(&ev->dst, buf));
		break;
	case KEVENT_SOFT_EXPIRE:
	case KEVENT_HARD_EXPIRE:
		printf(" sa %s " SPI_FMT " limit %s", ev->group, ev->spi,
		       klimit_names[ev->limit]);
		break;
	case KEVENT_IV_EXHAUSTING:
	case KEVENT_NEW_SENDER:
		printf(" sa %s " SPI_FMT " sender-id %" PRIu32, ev->group,
		       ev->spi, ev->sender_id);
		break;
	case KEVENT_UNKNOWN_SPI:
		printf(" group %s spi " SPI_FMT, ev->group, ev->spi);
		break;
	case KEVENT_RESYNC:
		printf(" events lost or module reloaded");
		break;
	}
	putchar('\n');
}

static void show_event(void *arg, const struct kevent *ev)
{
	const struct ctl *ctl = arg;

	if (ctl->json)
		print_json(event_json(ev));
	else
		event_print(ev);
	/* The output may be a pipe whose reader waits for this line. */
	fflush(stdout);
}

int cmd_monitor(struct ctl *ctl, int argc, char **argv)
{
	struct pollfd pfd = { .events = POLLIN };
	struct err err;
	int ret, got = 0;

	(void)argv;
	ret = check_argc(argc, 0, 0);
	if (!ret)
		ret = need_kernel(ctl);
	if (ret)
		return ret;
	pfd.fd = knl_events_open(&ctl->kernel, show_event, ctl, &err);
	if (pfd.fd < 0)
		return refused("monitor", &err);

	/*
	 * The loop ends with a signal, or when the reader of the output is
	 * gone.
	 */
	while (!ferror(stdout)) {
		if (poll(&pfd, 1, got ? KNL_AGAIN_MS : -1) < 0 &&
		    errno != EINTR)
			return complain(EXIT_FAILED, "monitor: %s",
					strerror(errno));
		ret = knl_events_read(&ctl->kernel, &err);
		if (ret && ret != got)
			refused("monitor", &err);
		if (ret && ret != -EAGAIN)
			return EXIT_FAILED;
		got = ret;
	}
	return EXIT_FAILED;
}
