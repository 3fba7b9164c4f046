/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine that is copied, or goes back to what it was, would send with counters
 * that were used: an IV twice under one key. Where the kernel is told of it,
 * sending ends.
 */
#ifndef _MCSEC_ROLLBACK_H
#define _MCSEC_ROLLBACK_H

int mcsec_rollback_init(void);
void mcsec_rollback_exit(void);

#endif /* _MCSEC_ROLLBACK_H */
