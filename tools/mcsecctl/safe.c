// SPDX-License-Identifier: Apache-2.0
/* Texts that may come from peers: what a terminal obeys is escaped. */
#include <stdio.h>

#include "lib/quote.h"
#include "mcsecctl.h"

/* Lines of the daemon are shorter, and four times as long if all is escaped. */
#define SAFE_OCTETS (4 * 2048 + 1)

void print_safe(const char *s)
{
	char safe[SAFE_OCTETS];

	fputs(quote_escape(s ? s : "", "", safe, sizeof(safe)), stdout);
}
