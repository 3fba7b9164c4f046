// SPDX-License-Identifier: Apache-2.0
#include "lib/quote.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

const char *quote(const char *s, char buf[static QUOTE_LEN])
{
	char *p = buf;
	size_t i;

	*p++ = '"';
	for (i = 0; s[i] && i < QUOTE_SHOWN; i++) {
		bool plain = s[i] >= ' ' && s[i] < 0x7f && s[i] != '"' &&
			     s[i] != '\\';

		*p++ = plain ? s[i] : '?';
	}
	*p++ = '"';
	strcpy(p, s[i] ? "..." : "");
	return buf;
}
