/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A grant: the key server's signed word that an identity is a member of a group and
 * has these Sender-IDs. A relay believes it without asking, and knows which Sender-IDs
 * to take from that member and from whoever passes the grant on.
 *
 *	octet		version, 1
 *	octet		number of ranges
 *	8 octets	issued, seconds since 1970
 *	8 octets	expires
 *	octet, ...	length of the group's name, and the name
 *	octet, 2, ...	type of the identity, its length, and the identity
 *	2, 2		first and last Sender-ID of each range
 *	octet, ...	length of the AlgorithmIdentifier, and that
 *	...		the signature, over GRANT_CONTEXT and all octets before it
 */
#ifndef WIRE_GRANT_H
#define WIRE_GRANT_H

#include <stddef.h>
#include <stdint.h>

#include "wire/payload.h"

#define GRANT_GROUP_MAX 31 /* octets of a group's name */
#define GRANT_MAX_RANGES 16
/* Octets of a grant; the longest signature is that of ML-DSA-87. */
#define GRANT_MAX 6144

struct sigkey;
struct sigpub;

/* Sender-IDs from @first to @last. */
struct sid_range {
	uint16_t first;
	uint16_t last;
};

struct grant {
	char group[GRANT_GROUP_MAX + 1];
	struct ike_id member;
	uint64_t issued; /* seconds since 1970 */
	uint64_t expires;
	unsigned int n_ranges; /* 0: a member that only receives */
	struct sid_range range[GRANT_MAX_RANGES];
};

/*
 * Append a grant. Returns 0, -EINVAL for a name, an identity, times or ranges that no
 * grant has, or -errno of the signature.
 */
int grant_sign(const struct grant *g, const struct sigkey *key,
	       struct wbuf *out);
/*
 * Read a grant and verify nothing. Returns 0, or -EBADMSG for octets that
 * grant_sign() has not written.
 */
int grant_parse(const uint8_t *p, size_t len, struct grant *out);
/* Returns 0, -EBADMSG, or -EOPNOTSUPP for a signature that @pub cannot make. */
int grant_verify(const uint8_t *p, size_t len, const struct sigpub *pub);

#endif
