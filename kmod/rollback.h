/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Detection of copied and restored machines. A machine that runs again from an
 * earlier state would repeat counters, and so IVs under a key. Sending ends when
 * the kernel reports such an event: a clone or a snapshot of a virtual machine, or
 * hibernation.
 */
#ifndef _MCSEC_ROLLBACK_H
#define _MCSEC_ROLLBACK_H

/* Listen to the events. Process context. Returns 0 or -errno. */
int mcsec_rollback_init(void);
void mcsec_rollback_exit(void);

#endif /* _MCSEC_ROLLBACK_H */
