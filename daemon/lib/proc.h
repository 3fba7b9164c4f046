/* SPDX-License-Identifier: Apache-2.0 */
/* Hardening of a process before it reads keys. */
#ifndef LIB_PROC_H
#define LIB_PROC_H

#include <stdbool.h>

/* Disable core files and ptrace by the same user, and set a umask of 077. */
void proc_harden(void);

/*
 * Let root, until proc_be_root(), have the rights of the user that the units run mcsecd
 * as, so that a check sees what a start will see. Returns false, and changes nothing,
 * if this is not root or there is no such user. For processes of one thread.
 */
bool proc_be_daemon(void);
void proc_be_root(void);

/*
 * Keep all pages out of swap. The call needs a privilege; without it a warning
 * is logged.
 */
void proc_lock_memory(void);

#endif
