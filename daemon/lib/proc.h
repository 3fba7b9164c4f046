/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process that holds keys does to itself before it reads any.
 */
#ifndef LIB_PROC_H
#define LIB_PROC_H

/* No core files, no ptrace by the same user, files made for us alone. */
void proc_harden(void);

/*
 * No page of ours on a swap device. Needs a right that we may not have; then
 * it is left out, and said in the log.
 */
void proc_lock_memory(void);

/*
 * Tells systemd, where it asked to be told (NOTIFY_SOCKET) and this was built
 * with libsystemd: "READY=1", "STOPPING=1", "STATUS=...". Else nothing.
 */
void proc_notify(const char *state);

#endif
