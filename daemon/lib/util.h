/* SPDX-License-Identifier: Apache-2.0 */
/* Small helpers that many files need. */
#ifndef LIB_UTIL_H
#define LIB_UTIL_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define BIT(n) (1u << (n))

/* Expand macro @m and quote the result. */
#define STRING(m) STRING_OF(m)
#define STRING_OF(text) #text

/* An SPI of ESP, wherever people read it. */
#define SPI_FMT "0x%08x"

/* The constant is unsigned, so 32-bit seconds stay unsigned in milliseconds. */
#define SEC_PER_DAY 86400
#define MSEC_PER_SEC 1000u
#define NSEC_PER_MSEC 1000000u
#define NSEC_PER_SEC 1000000000ull

/* Return @ms milliseconds as seconds, rounded up. */
static inline uint64_t msec_to_sec_up(uint64_t ms)
{
	return (ms + MSEC_PER_SEC - 1) / MSEC_PER_SEC;
}

/* Initial hash value for fnv1a(). */
#define FNV1A_BASIS 14695981039346656037ull

/*
 * Continue the 64-bit FNV-1a hash @hash with @n octets. The low bits are weak.
 * If strangers choose the input, @hash must start with a secret seed.
 */
static inline uint64_t fnv1a(uint64_t hash, const void *p, size_t n)
{
	const uint8_t *o = p;
	size_t i;

	for (i = 0; i < n; i++)
		hash = (hash ^ o[i]) * 1099511628211ull;
	return hash;
}

/* Return the value of a hexadecimal digit, or -1. */
static inline int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Big-endian access at any alignment. lib/buf.h reads whole structures. */
static inline uint16_t get_unaligned_be16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static inline uint32_t get_unaligned_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static inline uint64_t get_unaligned_be64(const uint8_t *p)
{
	return (uint64_t)get_unaligned_be32(p) << 32 |
	       get_unaligned_be32(p + 4);
}

static inline void put_unaligned_be16(uint16_t v, uint8_t *p)
{
	p[0] = v >> 8;
	p[1] = v;
}

static inline void put_unaligned_be32(uint32_t v, uint8_t *p)
{
	p[0] = v >> 24;
	p[1] = v >> 16;
	p[2] = v >> 8;
	p[3] = v;
}

static inline void put_unaligned_be64(uint64_t v, uint8_t *p)
{
	put_unaligned_be32(v >> 32, p);
	put_unaligned_be32(v, p + 4);
}

/*
 * Read from a blocking descriptor until @size octets are there or the file
 * ends. Returns 0 or -errno; @len says how many octets were read in either case.
 */
static inline int read_all(int fd, void *p, size_t size, size_t *len)
{
	uint8_t *o = p;

	*len = 0;
	while (*len < size) {
		ssize_t n = read(fd, o + *len, size - *len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		*len += (size_t)n;
	}
	return 0;
}

/*
 * Write all @n octets to a blocking descriptor. Returns 0, or -errno after a
 * partial write.
 */
static inline int write_all(int fd, const void *p, size_t n)
{
	const uint8_t *o = p;

	while (n) {
		ssize_t done = write(fd, o, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		o += done;
		n -= (size_t)done;
	}
	return 0;
}

#endif
