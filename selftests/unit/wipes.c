// SPDX-License-Identifier: Apache-2.0
#include "wipes.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static uint8_t wanted[32];
static size_t wanted_len;
static unsigned int found;

void OPENSSL_cleanse(void *p, size_t n);
void __explicit_bzero_chk(void *p, size_t n, size_t room);

__attribute__((noinline)) static void wipe(void *p, size_t n)
{
	if (wanted_len && n >= wanted_len && memmem(p, n, wanted, wanted_len))
		found++;
	if (!n)
		return;
	memset(p, 0, n);
	/* The compiler would drop the memset() of what nobody reads again. */
	__asm__ volatile("" : : "r"(p) : "memory");
}

void explicit_bzero(void *p, size_t n)
{
	wipe(p, n);
}

/* explicit_bzero() is this where the compiler knows how large an object is. */
void __explicit_bzero_chk(void *p, size_t n, size_t room)
{
	if (n > room)
		abort();
	wipe(p, n);
}

void OPENSSL_cleanse(void *p, size_t n)
{
	wipe(p, n);
}

void wipes_look_for(const void *p, size_t n)
{
	if (n > sizeof(wanted))
		abort();
	memcpy(wanted, p, n);
	wanted_len = n;
	found = 0;
}

unsigned int wipes_found(void)
{
	return found;
}
