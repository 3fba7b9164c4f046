/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors as the documents print them: hex digits, blanks where they like. */
#ifndef HEX_H
#define HEX_H

#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

static inline unsigned int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned int)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned int)(c - 'A') + 10;
	/* Report a mistake in the test itself. */
	abort();
}

/* Returns the number of octets; more than @size ends the program. */
static inline size_t hex(const char *s, void *out, size_t size)
{
	uint8_t *p = out;
	size_t n = 0;

	while (*s) {
		if (isspace((unsigned char)*s)) {
			s++;
			continue;
		}
		if (!s[1] || n == size)
			abort();
		p[n++] = (uint8_t)(hex_digit(s[0]) << 4 | hex_digit(s[1]));
		s += 2;
	}
	return n;
}

#endif
