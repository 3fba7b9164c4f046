/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables of metrics, one for each struct that contains the values. The control
 * socket, mcsecctl and exporters read the tables, and "make style" compares
 * them with Documentation/counters.rst.
 */
#ifndef LIB_METRIC_H
#define LIB_METRIC_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * @METRIC_COUNTER: starts at 0 and never decreases
 * @METRIC_GAUGE: increases and decreases.
 */
enum metric_kind {
	METRIC_COUNTER,
	METRIC_GAUGE,
};

/*
 * @name: words with hyphens, unique in its table; stable for programs
 * @help: a sentence for people
 * @unit: base unit of the value, such as "seconds"; NULL: it has none
 * @offset, @size: place of the unsigned integer in the struct, 4 or 8 octets;
 *	size 0 if the value is not in a struct but is found by its name.
 */
struct metric {
	const char *name; /* NULL at the end of a table */
	enum metric_kind kind;
	const char *help;
	const char *unit;
	size_t offset;
	size_t size;
};

/* The place of a value, at the end of { name, kind, help, METRIC_AT(struct x, y) }. */
#define METRIC_AT(type, member) \
	.offset = offsetof(type, member), .size = sizeof(((type *)0)->member)

/* The same for a value in seconds. */
#define METRIC_SECONDS(type, member) METRIC_AT(type, member), .unit = "seconds"

static inline uint64_t metric_read(const struct metric *m, const void *obj)
{
	const char *p = (const char *)obj + m->offset;
	uint64_t v8;
	uint32_t v4;

	if (m->size == sizeof(v4)) {
		memcpy(&v4, p, sizeof(v4));
		return v4;
	}
	memcpy(&v8, p, sizeof(v8));
	return v8;
}

#endif
