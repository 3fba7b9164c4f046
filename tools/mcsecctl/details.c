// SPDX-License-Identifier: Apache-2.0
#include "details.h"

#include <stdio.h>
#include <string.h>

#include "lib/util.h"
#include "mcsecctl.h"
#include "units.h"

#define LIST_OCTETS 4096

enum unit { UNIT_NONE, UNIT_SPI, UNIT_MS, UNIT_SPAN, UNIT_TIME, UNIT_OCTETS };

static const struct {
	const char *name;
	enum unit unit;
} units[] = {
	{ "spi", UNIT_SPI },
	{ "data-spi", UNIT_SPI },
	{ "out-spi", UNIT_SPI },
	{ "age", UNIT_SPAN },
	{ "soft-time", UNIT_SPAN },
	{ "hard-time", UNIT_SPAN },
	{ "data-left", UNIT_SPAN },
	{ "rekey-left", UNIT_SPAN },
	{ "next-rekey", UNIT_SPAN },
	{ "atd", UNIT_SPAN },
	{ "dtd", UNIT_SPAN },
	{ "until", UNIT_TIME },
	{ "signing-key-made", UNIT_TIME },
	{ "out-bytes", UNIT_OCTETS },
	{ "in-bytes", UNIT_OCTETS },
	{ "soft-bytes", UNIT_OCTETS },
	{ "hard-bytes", UNIT_OCTETS },
};

static enum unit unit_of(const char *name)
{
	size_t len = strlen(name), i;

	for (i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcmp(units[i].name, name))
			return units[i].unit;
	return len > 3 && !strcmp(name + len - 3, "-ms") ? UNIT_MS : UNIT_NONE;
}

static void put_quantity(struct table *t, enum unit u, json_int_t v)
{
	char text[UNIT_STRLEN], time[TIME_STRLEN];

	switch (v ? u : UNIT_NONE) {
	case UNIT_SPI:
		table_printf(t, 1, SPI_FMT, (uint32_t)v);
		break;
	case UNIT_MS:
		table_printf(t, 1, "%" JSON_INTEGER_FORMAT ".%03d s", v / 1000,
			     (int)(v % 1000));
		break;
	case UNIT_SPAN:
		table_put(t, 1, span_str((uint64_t)v, text));
		break;
	case UNIT_TIME:
		table_put(t, 1, time_iso(v, time));
		break;
	case UNIT_OCTETS:
		table_printf(t, 1, "%" JSON_INTEGER_FORMAT " (%s)", v,
			     octets_str((uint64_t)v, text));
		break;
	case UNIT_NONE:
		table_printf(t, 1, "%" JSON_INTEGER_FORMAT, v);
		break;
	}
}

/* Append @text, which has a comma before it if there is one already. */
static size_t append_text(char *to, size_t len, size_t size, const char *text)
{
	return len < size ? len + (size_t)snprintf(to + len, size - len, "%s%s",
						   len ? ", " : "", text)
			  : len;
}

/* A Data SA of several: what it protects, and its SPI. */
static void data_text(const json_t *o, char *buf, size_t size)
{
	const json_t *sel = json_object_get(o, "selector");
	const json_t *spi = json_object_get(o, "data-spi");

	snprintf(buf, size, "%s " SPI_FMT, sel ? json_string_value(sel) : "",
		 (uint32_t)json_integer_value(spi));
}

/* Put texts with commas between them, and numbers as in "1-4,9". */
static void put_list(struct table *t, const json_t *list)
{
	char text[LIST_OCTETS] = "", ids[LIST_OCTETS], one[256];
	uint32_t numbers[MCSEC_SENDER_IDS_MAX];
	size_t i, n = 0, len = 0;
	const json_t *v;

	json_array_foreach(list, i, v) {
		if (json_is_integer(v) && n < ARRAY_SIZE(numbers)) {
			numbers[n++] = (uint32_t)json_integer_value(v);
		} else if (json_is_string(v)) {
			len = append_text(text, len, sizeof(text),
					  json_string_value(v));
		} else if (json_is_object(v)) {
			data_text(v, one, sizeof(one));
			len = append_text(text, len, sizeof(text), one);
		}
	}
	table_put(t, 1,
		  n ? sender_ids_str(numbers, n, ids, sizeof(ids)) : text);
}

static void put_value(struct table *t, const char *name, const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_INTEGER:
		put_quantity(t, unit_of(name), json_integer_value(v));
		break;
	case JSON_ARRAY:
		put_list(t, v);
		break;
	case JSON_STRING:
		table_printf(t, 1, "%s%s",
			     strcmp(name, "rekey-spi") ? "" : "0x",
			     json_string_value(v));
		break;
	case JSON_REAL:
		table_printf(t, 1, "%g", json_real_value(v));
		break;
	case JSON_TRUE:
		table_put(t, 1, "yes");
		break;
	case JSON_FALSE:
		table_put(t, 1, "no");
		break;
	case JSON_NULL:
	case JSON_OBJECT:
		break;
	}
}

void print_details(const json_t *o, const char *indent)
{
	static const struct column columns[] = { { "NAME", 0 },
						 { "VALUE", 0 },
						 {} };
	struct table *t = table_new(columns, false);
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)o, key, v) {
		if (json_is_object(v) || json_is_null(v) ||
		    (json_is_string(v) && !json_string_length(v)))
			continue;
		table_row(t);
		table_printf(t, 0, "%s%s", indent, key);
		put_value(t, key, v);
	}
	table_print(t);
}
