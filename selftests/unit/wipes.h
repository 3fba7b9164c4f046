/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether secrets are wiped: explicit_bzero() and OPENSSL_cleanse() of a test
 * program come by here (wipes.c), and are asked whether they wipe what the test
 * looks for.
 *
 *	wipes_look_for(key, 16);
 *	thing_free(t);
 *	is_int(wipes_found(), 1, "its key is wiped");
 */
#ifndef WIPES_H
#define WIPES_H

#include <stddef.h>

/* Start to count wipes of memory that contains these octets, at most 32. */
void wipes_look_for(const void *p, size_t n);
unsigned int wipes_found(void);

#endif
