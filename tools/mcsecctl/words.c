// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/nearest.h"
#include "lib/noaddr.h"
#include "wire/proto.h"
#include "mcsecctl.h"

static const char blank[] = " \t\r\n";

int split_line(char *line, char **words, int max)
{
	char *end;
	int n = 0;

	for (line += strspn(line, blank); *line && *line != '#';
	     line += strspn(line, blank)) {
		if (n == max)
			return -E2BIG;
		if (*line == '"') {
			end = strchr(++line, '"');
			if (!end || (end[1] && !strchr(blank, end[1])))
				return -EINVAL;
		} else {
			end = line + strcspn(line, blank);
			if (memchr(line, '"', end - line))
				return -EINVAL;
		}
		words[n++] = line;
		line = end;
		if (*line)
			*line++ = '\0';
	}
	return n;
}

bool take_flag(int *argc, char **argv, const char *flag)
{
	int i;

	for (i = 0; i < *argc; i++) {
		if (strcmp(argv[i], flag))
			continue;
		--*argc;
		memmove(argv + i, argv + i + 1,
			(size_t)(*argc - i) * sizeof(*argv));
		return true;
	}
	return false;
}

const char *join_names(const char *const *names, char *buf, size_t size)
{
	size_t i, len = 0;

	buf[0] = '\0';
	for (i = 0; names[i] && len < size; i++)
		len += snprintf(buf + len, size - len, "%s%s",
				!i	       ? ""
				: names[i + 1] ? ", "
					       : " or ",
				names[i]);
	return buf;
}

/*
 * Parse a decimal number, or a hexadecimal one with 0x, without a sign or other
 * characters.
 */
bool parse_u64(const char *s, uint64_t *v)
{
	bool hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
	const char *p = hex ? s + 2 : s;
	char *end;

	if (!*p || strspn(p, hex ? "0123456789abcdefABCDEF" : "0123456789") !=
			   strlen(p))
		return false;
	errno = 0;
	*v = strtoull(p, &end, hex ? 16 : 10);
	return !errno && !*end;
}

int set_u32(const struct word *w, const char *value, void *obj)
{
	uint64_t v;
	uint32_t n;

	if (!parse_u64(value, &v) || v < w->min || v > w->max)
		return complain(EXIT_USAGE,
				"%s \"%s\": not a number from %" PRIu64
				" to %" PRIu64,
				w->name, value, w->min, w->max);
	n = v;
	memcpy((char *)obj + w->off, &n, sizeof(n));
	return EXIT_OK;
}

int set_true(const struct word *w, const char *value, void *obj)
{
	bool yes = true;

	(void)value;
	memcpy((char *)obj + w->off, &yes, sizeof(yes));
	return EXIT_OK;
}

int set_string(const struct word *w, const char *value, void *obj)
{
	if (!*value)
		return complain(EXIT_USAGE, "%s: the value is empty", w->name);
	memcpy((char *)obj + w->off, &value, sizeof(value));
	return EXIT_OK;
}

int set_list(const struct word *w, const char *value, void *obj)
{
	const char **list = (const char **)((char *)obj + w->off);
	char *p = (char *)value;
	struct addr a;
	size_t n = 0;

	while (p) {
		if (n == w->max)
			return complain(EXIT_USAGE, "%s: at most %" PRIu64,
					w->name, w->max);
		list[n++] = strsep(&p, ",");
		if (!*list[n - 1])
			return complain(EXIT_USAGE,
					"%s: empty element in the list: write names with one comma between two, and no blanks",
					w->name);
		if (w->bit == LIST_ADDRESSES && addr_parse(list[n - 1], &a))
			return complain(EXIT_USAGE,
					"%s \"%s\": not an IPv4 or IPv6 address: %s",
					w->name, list[n - 1],
					addr_why_not(list[n - 1]));
	}
	return EXIT_OK;
}

int set_name(const struct word *w, const char *value, void *obj)
{
	unsigned int n = kname_find(w->names, value);
	char buf[256];

	if (n == -1U)
		return complain(EXIT_USAGE, "unknown %s \"%s\": %s", w->name,
				value, join_names(w->names, buf, sizeof(buf)));
	memcpy((char *)obj + w->off, &n, sizeof(n));
	return EXIT_OK;
}

static const char *word_name(const void *arg, size_t i)
{
	return ((const struct word *)arg)[i].name;
}

static int unknown_word(const struct word *table, const char *given)
{
	const char *names[WORDS_MAX + 1] = {};
	char buf[512];
	size_t i;

	if (conf_nearest(word_name, table,
			 given + (strncmp(given, "--", 2) ? 0 : 2), buf,
			 sizeof(buf)))
		return complain(EXIT_USAGE, "unknown word \"%s\"; there is %s",
				given, buf);
	for (i = 0; table[i].name; i++)
		names[i] = table[i].name;
	return complain(EXIT_USAGE, "unknown word \"%s\": %s", given,
			join_names(names, buf, sizeof(buf)));
}

int read_words(const struct word *table, int argc, char **argv, void *obj,
	       uint32_t *seen)
{
	const struct word *w;
	const char *name;
	size_t n;
	int i, ret;

	*seen = 0;
	for (i = 0; i < argc; i++) {
		name = argv[i] + (strncmp(argv[i], "--", 2) ? 0 : 2);
		for (n = 0; table[n].name; n++)
			if (!strcmp(table[n].name, name))
				break;
		w = &table[n];
		if (!w->name)
			return unknown_word(table, argv[i]);
		if (*seen & 1U << n)
			return complain(EXIT_USAGE,
					"%s: given twice: remove one", w->name);
		*seen |= 1U << n;
		if (w->takes && ++i == argc)
			return complain(EXIT_USAGE, "%s: %s is missing",
					w->name, w->takes);
		ret = w->set(w, w->takes ? argv[i] : NULL, obj);
		if (ret)
			return ret;
	}
	return EXIT_OK;
}

int read_group(const char *s, char name[static MCSEC_NAME_MAX + 1])
{
	size_t len = strlen(s), i;

	if (!len || len > MCSEC_NAME_MAX)
		return complain(EXIT_USAGE,
				"group \"%s\": a name has 1 to %d octets", s,
				MCSEC_NAME_MAX);
	/* A name is printed as one word on one line. */
	for (i = 0; i < len; i++)
		if ((unsigned char)s[i] <= ' ' || s[i] == 0x7f)
			return complain(EXIT_USAGE,
					"a group's name has no spaces or control characters");
	memcpy(name, s, len + 1);
	return EXIT_OK;
}

int read_spi(const char *s, uint32_t *spi)
{
	uint64_t v;

	if (!parse_u64(s, &v) || v < ESP_SPI_MIN || v > UINT32_MAX)
		return complain(EXIT_USAGE,
				"spi \"%s\": not a number from 0x%x to 0xffffffff",
				s, ESP_SPI_MIN);
	*spi = v;
	return EXIT_OK;
}

int read_alg(const char *s, enum mcsec_alg *alg)
{
	const struct word w = { .name = "alg", .names = kalg_names };

	return set_name(&w, s, alg);
}

int read_sender_ids(const char *s, uint32_t *ids, size_t *n)
{
	uint64_t from, to;
	char part[32];
	size_t len;
	char *dash;

	*n = 0;
	do {
		len = strcspn(s, ",");
		if (!len || len >= sizeof(part))
			goto bad;
		memcpy(part, s, len);
		part[len] = '\0';
		dash = strchr(part, '-');
		if (dash)
			*dash++ = '\0';
		if (!parse_u64(part, &from) || !parse_u64(dash ?: part, &to) ||
		    from > to || to > SENDER_ID_MAX)
			goto bad;
		for (; from <= to; from++) {
			if (*n == MCSEC_SENDER_IDS_MAX)
				return complain(EXIT_USAGE,
						"sender-id: an SA has at most %d",
						MCSEC_SENDER_IDS_MAX);
			ids[(*n)++] = from;
		}
		s += len;
	} while (*s++);
	return EXIT_OK;

bad:
	return complain(EXIT_USAGE,
			"sender-id \"%s\": not like 1 or 1-4,9 with numbers from 0 to %d",
			s, SENDER_ID_MAX);
}

const char *sender_ids_str(const uint32_t *ids, size_t n, char *buf,
			   size_t size)
{
	size_t i, j, len = 0;

	buf[0] = '\0';
	for (i = 0; i < n && len < size; i = j) {
		for (j = i + 1; j < n && ids[j] == ids[j - 1] + 1; j++)
			;
		len += (size_t)snprintf(buf + len, size - len, "%s%" PRIu32,
					i ? "," : "", ids[i]);
		if (j > i + 1 && len < size)
			len += (size_t)snprintf(buf + len, size - len,
						"-%" PRIu32, ids[j - 1]);
	}
	return buf;
}
