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

/* Let the @n-th call from now on fail, and no other; 0 for none. */
void fail_nth(unsigned int n);
/* Return true if it did. Afterwards no call fails. */
bool fail_came(void);

#endif
