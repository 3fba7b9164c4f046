// SPDX-License-Identifier: Apache-2.0
#include "units.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "lib/util.h"

const char *time_iso(int64_t t, char buf[static TIME_STRLEN])
{
	time_t sec = t;
	struct tm tm;

	if (!gmtime_r(&sec, &tm) ||
	    !strftime(buf, TIME_STRLEN, "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(buf, TIME_STRLEN, "?");
	return buf;
}

const char *stamp_now(char buf[static STAMP_STRLEN])
{
	char seconds[sizeof("2026-01-01T00:00:00")];
	struct timespec ts;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf, STAMP_STRLEN, "%s.%03uZ", seconds,
		 (unsigned int)(ts.tv_nsec / 1000000) % 1000);
	return buf;
}

const char *span_str(uint64_t seconds, char buf[static UNIT_STRLEN])
{
	uint64_t m = seconds / 60, h = m / 60, d = h / 24;

	if (d)
		snprintf(buf, UNIT_STRLEN, "%" PRIu64 "d%02" PRIu64 "h", d,
			 h % 24);
	else if (h)
		snprintf(buf, UNIT_STRLEN, "%" PRIu64 "h%02" PRIu64 "m", h,
			 m % 60);
	else if (m)
		snprintf(buf, UNIT_STRLEN, "%" PRIu64 "m%02" PRIu64 "s", m,
			 seconds % 60);
	else
		snprintf(buf, UNIT_STRLEN, "%" PRIu64 "s", seconds);
	return buf;
}

const char *since_str(int64_t t, char buf[static UNIT_STRLEN])
{
	int64_t now = time(NULL);

	/* The clock may have been set back. */
	return span_str(now > t ? (uint64_t)(now - t) : 0, buf);
}

const char *octets_str(uint64_t octets, char buf[static UNIT_STRLEN])
{
	static const char *const units[] = { "B",   "KiB", "MiB", "GiB",
					     "TiB", "PiB", "EiB" };
	double v = (double)octets;
	size_t i = 0;

	/* 1023.95 would be printed as 1024.0. */
	while (v >= 1023.95 && i + 1 < ARRAY_SIZE(units)) {
		v /= 1024;
		i++;
	}
	if (i)
		snprintf(buf, UNIT_STRLEN, "%.1f %s", v, units[i]);
	else
		snprintf(buf, UNIT_STRLEN, "%" PRIu64 " B", octets);
	return buf;
}
