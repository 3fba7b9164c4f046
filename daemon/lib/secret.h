/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for keys: wiped when it goes, whatever the compiler thinks of it.
 */
#ifndef LIB_SECRET_H
#define LIB_SECRET_H

#include <stddef.h>

/* @n octets of zero, or NULL. Remembers its size. */
void *secret_alloc(size_t n);
/* A copy of @n octets, or NULL. */
void *secret_dup(const void *p, size_t n);
/* Wipes all of it and frees it. Only for what the two above returned; NULL is
 * fine.
 */
void secret_free(void *p);
/* Wipes @n octets that live elsewhere: on the stack or in a struct. */
void secret_wipe(void *p, size_t n);

#endif
