// SPDX-License-Identifier: Apache-2.0
/* Faults of this process and of its host, for those who ask for its health. */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "conf/host.h"
#include "lib/err.h"

/* Return true if the host does not have the address: a socket that is bound to it tells. */
static bool is_missing(const struct addr *addr)
{
	const struct ep e = { .addr = *addr };
	int fd;

	if (addr_is_any(addr))
		return false;
	fd = udp_open(&e, 0);
	if (fd >= 0)
		close(fd);
	return fd == -EADDRNOTAVAIL;
}

static void judge_listeners(const struct app *a, app_fault_fn *fn, void *arg)
{
	char text[ERR_LEN], ep[EP_STRLEN];
	size_t i;

	for (i = 0; i < a->n_listen; i++) {
		if (!is_missing(&a->listen[i].local.addr))
			continue;
		snprintf(text, sizeof(text),
			 "%s of \"listen\" is not an address of this host, so nobody reaches the key server there",
			 ep_str(&a->listen[i].local, ep));
		fn(arg, "address-missing",
		   "correct \"listen\" and restart mcsecd, or give the address to an interface (\"ip address\")",
		   text);
	}
}

static void judge_room(const struct app *a, app_fault_fn *fn, void *arg)
{
	const char *store = a->conf->gcks ? a->conf->gcks->store : NULL;
	char folder[PATH_MAX], text[ERR_LEN];

	if (!store || strlen(store) >= sizeof(folder))
		return;
	strcpy(folder, store);
	if (!conf_disk_is_full(dirname(folder)))
		return;
	snprintf(text, sizeof(text),
		 "the file system of the store %.256s is full, so that registrations and changes of keys fail",
		 store);
	fn(arg, "store-full", "make room on it", text);
}

void app_each_fault(struct app *a, app_fault_fn *fn, void *arg)
{
	char text[ERR_LEN];

	if (a->reload_error[0]) {
		snprintf(text, sizeof(text),
			 "the last reload has failed: %.400s", a->reload_error);
		fn(arg, "reload-failed",
		   "correct that, and \"mcsecctl reload\"; until then the former configuration is in use, and a start may fail",
		   text);
	}
	if (a->events_error[0]) {
		snprintf(text, sizeof(text),
			 "the module was loaded again, and its events cannot be had: %.400s",
			 a->events_error);
		fn(arg, "kernel-events-missing",
		   "mcsecd tries again each second; if this stays, see \"lsmod\" and the log of mcsecd",
		   text);
	}
	judge_listeners(a, fn, arg);
	judge_room(a, fn, arg);
}
