/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to systemd about a service: sd_notify(3). */
#ifndef LIB_NOTIFY_H
#define LIB_NOTIFY_H

#include <stdint.h>

/*
 * Notify systemd, if NOTIFY_SOCKET is set and libsystemd was found at build
 * time: "READY=1", "STOPPING=1", "STATUS=...".
 */
void notify_systemd(const char *state);

/* Notify systemd that a reload begins, which a notified "READY=1" ends. */
void notify_reloading(void);

/*
 * Return the milliseconds in which systemd wants to be notified of
 * "WATCHDOG=1", half of those after which it restarts the process, or 0 if it
 * does not watch this process.
 */
uint64_t notify_watchdog_ms(void);

#endif
