/* SPDX-License-Identifier: Apache-2.0 */
/* Times and amounts with their units, for people. */
#ifndef MCSECCTL_UNITS_H
#define MCSECCTL_UNITS_H

#include <stdint.h>

#define TIME_STRLEN sizeof("2026-01-01T00:00:00Z")
#define STAMP_STRLEN sizeof("2026-01-01T00:00:00.000Z")
#define UNIT_STRLEN 32

/* Write a time in UTC, given in seconds since 1970, as in ISO 8601. Returns @buf. */
const char *time_iso(int64_t t, char buf[static TIME_STRLEN]);
/* Write the time of this moment in the same form, with milliseconds. */
const char *stamp_now(char buf[static STAMP_STRLEN]);
/* Write a span of seconds by its two largest units: 18s, 3m12s, 2h05m, 3d04h. */
const char *span_str(uint64_t seconds, char buf[static UNIT_STRLEN]);
/* Write the span since @t, which is in seconds since 1970. */
const char *since_str(int64_t t, char buf[static UNIT_STRLEN]);
/* Write octets as B, KiB, MiB and so on. */
const char *octets_str(uint64_t octets, char buf[static UNIT_STRLEN]);

#endif
