/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process that holds keys does to itself before it reads any.
 */
#ifndef LIB_PROC_H
#define LIB_PROC_H

/*
 * No core files, no ptrace by the same user, files made for us alone (umask
 * 077), and no page of ours on a swap device. The last needs a right that we
 * may not have; then it is left out, and said in the log.
 */
void proc_harden(void);

/*
 * Tells systemd, where it asked to be told (NOTIFY_SOCKET) and this was built
 * with libsystemd: "READY=1", "STOPPING=1", "STATUS=...". Else nothing.
 */
void proc_notify(const char *state);

#endif
