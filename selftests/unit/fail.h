/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes OpenSSL fail: the functions of it that are in fail.c and that the
 * daemon's crypto/ calls. What each caller does with a failure is tested by
 * letting the first call fail, then the second, and so on:
 *
 *	unsigned int n, unnoticed = 0;
 *
 *	for (n = 1; fail_nth(n), ret = f(), fail_came(); n++)
 *		unnoticed += !ret;
 */
#ifndef FAIL_H
#define FAIL_H

#include <stdbool.h>

/* The @n-th call from now on fails, others do not; 0: none. */
void fail_nth(unsigned int n);
/* Whether it did. Afterwards none fails. */
bool fail_came(void);

#endif
