// SPDX-License-Identifier: Apache-2.0
#include "lib/about.h"

#include <stdbool.h>
#include <string.h>

#include "lib/addr.h"

#define HEX "0123456789abcdef"
#define DIGITS "0123456789"
/* SPI_FMT prints "0x" and eight digits. */
#define SPI_LEN 10

static struct about_part about_part(const char *at, size_t len)
{
	return (struct about_part){ .at = at, .len = len };
}

/* If @*p begins with @words, step over them. */
static bool take_words(const char **p, const char *words)
{
	size_t len = strlen(words);

	if (strncmp(*p, words, len))
		return false;
	*p += len;
	return true;
}

/* If ": " is in @*p, give what is before it, and step over both. */
static struct about_part take_before_colon(const char **p)
{
	const char *begin = *p, *end = strstr(begin, ": ");

	if (!end)
		return about_part(NULL, 0);
	*p = end + 2;
	return about_part(begin, end - begin);
}

/* A name in quotes, which may be cut behind them. */
static struct about_part take_quoted(const char **p)
{
	const char *begin = *p + 1, *end;

	if (**p != '"')
		return about_part(NULL, 0);
	end = strchr(begin, '"');
	if (!end)
		return about_part(NULL, 0);
	*p = end + 1;
	take_words(p, "...");
	return about_part(begin, end - begin);
}

/* An address with its port is what ep_parse() accepts up to a blank or the end. */
static struct about_part address_at(const char *p)
{
	char text[EP_STRLEN];
	size_t len = strcspn(p, " ");
	struct ep ep;

	if (len && strchr(":;,", p[len - 1]))
		len--;
	if (!len || len >= sizeof(text))
		return about_part(NULL, 0);
	memcpy(text, p, len);
	text[len] = '\0';
	/* Without a port it fails, since none is given for it. */
	if (ep_parse(text, 0, &ep) || !ep.port)
		return about_part(NULL, 0);
	return about_part(p, len);
}

/* Is the word that begins at @p an SPI of ESP? */
static bool is_spi(const char *p)
{
	return !strncmp(p, "0x", 2) && strspn(p + 2, HEX) == SPI_LEN - 2 &&
	       p[SPI_LEN] != '_';
}

/* Find numbers in @p, the details of a line, outside of quotes. */
static void about_numbers(const char *p, struct about *a)
{
	static const char mid[] = "Message ID ";
	bool quoted = false, begins = true;

	for (; *p; begins = *p == ' ' || *p == '(', p++) {
		quoted ^= *p == '"';
		if (quoted || !begins)
			continue;
		if (!a->spi.len && is_spi(p))
			a->spi = about_part(p, SPI_LEN);
		if (!a->message_id.len && !strncmp(p, mid, sizeof(mid) - 1))
			a->message_id =
				about_part(p + sizeof(mid) - 1,
					   strspn(p + sizeof(mid) - 1, DIGITS));
	}
}

void about_line(const char *line, struct about *a)
{
	const char *p = line, *details;

	memset(a, 0, sizeof(*a));
	if (take_words(&p, "group ")) {
		a->group = take_before_colon(&p);
		/* The name of a group has no blank; a phrase may begin so. */
		if (!a->group.len || memchr(a->group.at, ' ', a->group.len)) {
			a->group = about_part(NULL, 0);
			p = line;
		}
	} else if (!strncmp(p, "IKE SA 0x", 9) && strstr(p, ": ")) {
		p += 7;
		a->ike_sa = take_before_colon(&p);
	}
	details = p;
	a->phrase = take_before_colon(&details);
	if (!a->phrase.len) {
		a->phrase = about_part(p, strlen(p));
		return;
	}
	p = details;
	a->name = take_quoted(&p);
	if (!a->name.at || take_words(&p, " at "))
		a->address = address_at(p);
	about_numbers(details, a);
}
