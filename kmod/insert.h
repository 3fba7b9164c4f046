/* SPDX-License-Identifier: GPL-2.0-only */
/* Insertion into hash tables that grow. */
#ifndef _MCSEC_INSERT_H
#define _MCSEC_INSERT_H

#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/types.h>

/*
 * Return true if an insertion that gave *@err is to be tried again, because a
 * rehash of the table is in its way, which ends soon. Otherwise *@err is -ENOMEM
 * if the rehash did not end or the table cannot grow, so that the caller's own
 * -EBUSY and -E2BIG mean something else. *@tries begins with 0. Process context;
 * waits.
 */
static inline bool mcsec_insert_again(int *err, unsigned int *tries)
{
	if (*err != -EBUSY && *err != -E2BIG)
		return false;
	if (*err == -EBUSY && ++*tries < 100) {
		usleep_range(500, 2000);
		return true;
	}
	*err = -ENOMEM;
	return false;
}

#endif /* _MCSEC_INSERT_H */
