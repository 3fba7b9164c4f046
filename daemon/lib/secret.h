/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for keys, which is wiped before it is freed, and not
 * optimised away.
 */
#ifndef LIB_SECRET_H
#define LIB_SECRET_H

#include <stddef.h>

/* Return @n zero octets, or NULL. The size is stored with them. */
void *secret_alloc(size_t n);
/* Return a copy of @n octets, or NULL. */
void *secret_dup(const void *p, size_t n);
/* Wipe and free what secret_alloc() or secret_dup() returned, or NULL. */
void secret_free(void *p);
/* Wipe @n octets of other memory, on the stack or in a struct. */
void secret_wipe(void *p, size_t n);

#endif
