/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TAP for unit tests in C, kept to what the tests use:
 *
 *	#include "tap.h"
 *
 *	int main(void)
 *	{
 *		ok(buf_len(b) == 0, "a new buffer is empty");
 *		is_int(f(), -EINVAL, "f refuses %d", 7);
 *		is_mem(got, gotlen, want, wantlen, "digest");
 *		return done();
 *	}
 *
 * Each check prints one line at once, so that a crash shows how far the
 * program came; the plan comes last, from done(), so that a program which
 * died is seen to have died. Single-threaded, one program per file.
 */
#ifndef TAP_H
#define TAP_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The size of what takes long: @few under the sanitizers, which make it two to
 * three times dearer and look at what each path does, not at how it scales.
 */
#ifdef __SANITIZE_ADDRESS__
#define FULL_OR_FEW(full, few) (few)
#else
#define FULL_OR_FEW(full, few) (full)
#endif

static int tap_count;
static int tap_failed;
static const char *tap_section = "";

/*
 * The checks that follow are about @title, until the next title; "" ends it.
 * The name of each check is printed behind it ("title: name"), so that a line
 * of a log stands alone. @title is kept, not copied.
 */
static inline void section(const char *title)
{
	tap_section = title;
}

/*
 * Calls a test of a program's, whose name is the section of what it checks,
 * without the test_ that it may begin with. One that checks nothing fails: a loop
 * in it ran over nothing.
 */
#define RUN(fn, ...) \
	do { \
		int tap_before = tap_count; \
		section(!strncmp(#fn, "test_", 5) ? &#fn[5] : #fn); \
		fn(__VA_ARGS__); \
		if (tap_count == tap_before) \
			tap_ok(false, __FILE__, __LINE__, "has a check"); \
		section(""); \
	} while (0)

static inline void tap_line(bool good)
{
	printf("%s %d - %s%s", good ? "ok" : "not ok", ++tap_count, tap_section,
	       *tap_section ? ": " : "");
}

__attribute__((format(printf, 4, 0))) static inline bool
tap_result(bool good, const char *file, int line, const char *fmt, va_list ap)
{
	tap_line(good);
	vprintf(fmt, ap);
	putchar('\n');
	if (!good) {
		tap_failed++;
		printf("# at %s:%d\n", file, line);
	}
	fflush(stdout);
	return good;
}

__attribute__((format(printf, 4, 5))) static inline bool
tap_ok(bool good, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tap_result(good, file, line, fmt, ap);
	va_end(ap);
	return good;
}

__attribute__((format(printf, 5, 6))) static inline bool
tap_is_int(intmax_t got, intmax_t want, const char *file, int line,
	   const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tap_result(got == want, file, line, fmt, ap);
	va_end(ap);
	if (got != want)
		printf("#      got %" PRIdMAX "\n# expected %" PRIdMAX "\n",
		       got, want);
	return got == want;
}

__attribute__((format(printf, 5, 6))) static inline bool
tap_is_str(const char *got, const char *want, const char *file, int line,
	   const char *fmt, ...)
{
	bool good = got && want ? !strcmp(got, want) : got == want;
	va_list ap;

	va_start(ap, fmt);
	tap_result(good, file, line, fmt, ap);
	va_end(ap);
	if (!good)
		printf("#      got %s\n# expected %s\n", got ? got : "(null)",
		       want ? want : "(null)");
	return good;
}

static inline void tap_hex(const char *name, const void *data, size_t len)
{
	const uint8_t *p = data;
	size_t i;

	printf("# %s (%zu octets)", name, len);
	for (i = 0; i < len && i < 256; i++)
		printf("%s%02x", i % 16 ? " " : "\n#   ", p[i]);
	printf("%s\n", len > 256 ? " ..." : "");
}

__attribute__((format(printf, 7, 8))) static inline bool
tap_is_mem(const void *got, size_t gotlen, const void *want, size_t wantlen,
	   const char *file, int line, const char *fmt, ...)
{
	bool good = gotlen == wantlen &&
		    (!gotlen || (got && want && !memcmp(got, want, gotlen)));
	va_list ap;

	va_start(ap, fmt);
	tap_result(good, file, line, fmt, ap);
	va_end(ap);
	if (!good) {
		tap_hex("got", got, got ? gotlen : 0);
		tap_hex("expected", want, want ? wantlen : 0);
	}
	return good;
}

/* Each function returns the result of the check, so a test can stop early. */
#define ok(cond, ...) tap_ok(cond, __FILE__, __LINE__, __VA_ARGS__)
#define is_int(got, want, ...) \
	tap_is_int(got, want, __FILE__, __LINE__, __VA_ARGS__)
#define is_str(got, want, ...) \
	tap_is_str(got, want, __FILE__, __LINE__, __VA_ARGS__)
/* Arguments: result, its length, expected octets, their length, name. */
#define is_mem(got, gotlen, want, wantlen, ...) \
	tap_is_mem(got, gotlen, want, wantlen, __FILE__, __LINE__, __VA_ARGS__)

/* Print a remark, which is not judged. */
__attribute__((format(printf, 1, 2))) static inline void diag(const char *fmt,
							      ...)
{
	va_list ap;

	fputs("# ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

/* Skip a check that is not possible here, with the reason. */
static inline void skip(const char *name, const char *why)
{
	tap_line(true);
	printf("%s # SKIP %s\n", name, why);
	fflush(stdout);
}

/* Abort after a failure that makes further checks meaningless. */
#define bail(...) \
	do { \
		printf("Bail out! "); \
		printf(__VA_ARGS__); \
		putchar('\n'); \
		exit(1); \
	} while (0)

/* Print the plan. Returns the exit code for main(). */
static inline int done(void)
{
	printf("1..%d\n", tap_count);
	if (tap_failed)
		printf("# %d of %d failed\n", tap_failed, tap_count);
	fflush(stdout);
	return tap_failed || !tap_count;
}

#endif
