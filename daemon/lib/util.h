/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is too small for a file of its own and would otherwise stand in many.
 */
#ifndef LIB_UTIL_H
#define LIB_UTIL_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* What macro @m is, in quotes. */
#define STRING(m) STRING_OF(m)
#define STRING_OF(text) #text

/* Unsigned, so that seconds of 32 bits stay unsigned in milliseconds. */
#define MSEC_PER_SEC 1000u

/* What fnv1a() begins with. */
#define FNV1A_BASIS 14695981039346656037ull

/*
 * FNV-1a with 64 bits of @n octets, after @hash. The low bits are the weak
 * ones. Where strangers choose what is hashed, @hash holds a secret seed.
 */
static inline uint64_t fnv1a(uint64_t hash, const void *p, size_t n)
{
	const uint8_t *o = p;
	size_t i;

	for (i = 0; i < n; i++)
		hash = (hash ^ o[i]) * 1099511628211ull;
	return hash;
}

/* Big-endian, at any alignment; a structure is read by lib/buf.h. */
static inline uint32_t get_unaligned_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static inline void put_unaligned_be32(uint32_t v, uint8_t *p)
{
	p[0] = v >> 24;
	p[1] = v >> 16;
	p[2] = v >> 8;
	p[3] = v;
}

/* All @n octets, of a descriptor that blocks. 0, or -errno after a part. */
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
