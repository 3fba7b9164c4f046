// SPDX-License-Identifier: Apache-2.0
#include "lib/notify.h"

#ifdef HAVE_LIBSYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "lib/clock.h"

void notify_systemd(const char *state)
{
#ifdef HAVE_LIBSYSTEMD
	sd_notify(0, state);
#else
	(void)state;
#endif
}

void notify_reloading(void)
{
#ifdef HAVE_LIBSYSTEMD
	/* The time tells this reload from one that was finished before. */
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
		   (unsigned long long)(clock_ns(CLOCK_MONOTONIC) / 1000));
#endif
}

uint64_t notify_watchdog_ms(void)
{
#ifdef HAVE_LIBSYSTEMD
	uint64_t us;

	if (sd_watchdog_enabled(0, &us) > 0)
		return us / 2000 ? us / 2000 : 1;
#endif
	return 0;
}
