/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Detection of copied and restored machines. A machine that runs again from an
 * earlier state would repeat counters, and so IVs under a key. Sending ends
 * where the kernel reports such an event.
 */
#ifndef _MCSEC_ROLLBACK_H
#define _MCSEC_ROLLBACK_H

int mcsec_rollback_init(void);
void mcsec_rollback_exit(void);

#endif /* _MCSEC_ROLLBACK_H */
