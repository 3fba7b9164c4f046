/* SPDX-License-Identifier: Apache-2.0 */
/* Hardening of a process before it reads keys. */
#ifndef LIB_PROC_H
#define LIB_PROC_H

/* Disable core files and ptrace by the same user, and set a umask of 077. */
void proc_harden(void);

/*
 * Keep all pages out of swap. The call needs a privilege; without it a warning
 * is logged.
 */
void proc_lock_memory(void);

/*
 * Notify systemd, if NOTIFY_SOCKET is set and libsystemd was found at build
 * time: "READY=1", "STOPPING=1", "STATUS=...".
 */
void proc_notify(const char *state);

#endif
