// SPDX-License-Identifier: Apache-2.0
#include "lib/quote.h"

#include <stdio.h>
#include <string.h>

#define ESCAPED_LEN 4

char *quote_escape(const char *s, const char *also, char *buf, size_t size)
{
	static const char hex[] = "0123456789abcdef";
	char *p = buf, *end = buf + size - 1;

	for (; *s; s++) {
		unsigned char c = *s;
		bool plain = c >= ' ' && c < 0x7f && !strchr(also, c);

		if (end - p < (plain ? 1 : ESCAPED_LEN))
			break;
		if (plain) {
			*p++ = c;
			continue;
		}
		*p++ = '\\';
		*p++ = 'x';
		*p++ = hex[c >> 4];
		*p++ = hex[c & 0xf];
	}
	*p = '\0';
	return buf;
}

const char *quote(const char *s, char buf[static QUOTE_LEN])
{
	size_t len = strnlen(s, QUOTE_SHOWN + 1);
	char shown[QUOTE_SHOWN + 1], safe[QUOTE_LEN];
	bool cut = len > QUOTE_SHOWN;

	snprintf(shown, sizeof(shown), "%s", s);
	snprintf(buf, QUOTE_LEN, "\"%s\"%s",
		 quote_escape(shown, "\"\\", safe, sizeof(safe)),
		 cut ? "..." : "");
	return buf;
}

bool quote_has_control(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	for (; *p; p++)
		if (*p < ' ' || *p == 0x7f ||
		    (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0))
			return true;
	return false;
}

const char *peer_str(const char *name, const struct ep *at,
		     char buf[static PEER_STRLEN])
{
	char quoted[QUOTE_LEN], ep[EP_STRLEN];

	ep_str(at, ep);
	if (*name)
		snprintf(buf, PEER_STRLEN, "%s at %s", quote(name, quoted), ep);
	else
		snprintf(buf, PEER_STRLEN, "%s", ep);
	return buf;
}
