/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages about grants (wire/grant.h) between members and their key server, in notifies
 * of private use: a member's request for its own grant, the answer, and what the key
 * server tells relays of identities whose grants end before their time. A parsed one
 * refers to the octets that it was read from.
 */
#ifndef WIRE_ENTITLE_H
#define WIRE_ENTITLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/grant.h"

/* A key of ML-DSA-87 has 2592 octets, and RSA keys are shorter. */
#define GRANT_KEY_MAX 4096
/* Identities of one message, and octets of each. */
#define GRANT_ENDS_MAX 64
#define GRANT_ID_MAX 600

struct grant_request {
	char group[GRANT_GROUP_MAX + 1];
	bool relay; /* to relay the group, and not only to have an edge */
};

enum grant_verdict {
	GRANT_GIVEN = 1,
	GRANT_NO_MEMBER, /* the peer is none of the group */
	GRANT_NO_RELAYS, /* the group has no relays */
	GRANT_NO_RELAY, /* this member may not relay the group */
	GRANT_BUSY, /* asked too often */
	GRANT_FAILED,
	GRANT_VERDICTS,
};

struct grant_answer {
	char group[GRANT_GROUP_MAX + 1];
	enum grant_verdict verdict;
	/* GRANT_GIVEN: the SubjectPublicKeyInfo that signs grants, and the grant. */
	const uint8_t *key;
	size_t key_len;
	const uint8_t *p;
	size_t len;
};

/* Grants of these identities that were issued until @at are valid no longer. */
struct grant_ends {
	char group[GRANT_GROUP_MAX + 1];
	uint64_t at; /* seconds since 1970 */
	uint64_t until; /* the last of them expires then */
	unsigned int n;
	/* As the key server writes identities; not terminated when parsed. */
	struct {
		const char *p;
		size_t len;
	} id[GRANT_ENDS_MAX];
};

/* Append the octets of a notify. Returns 0, or -EINVAL for what cannot be read back. */
int grant_request_put(struct wbuf *w, const struct grant_request *req);
int grant_answer_put(struct wbuf *w, const struct grant_answer *ans);
int grant_ends_put(struct wbuf *w, const struct grant_ends *ends);
/* Return 0 or -EBADMSG. */
int grant_request_parse(const uint8_t *p, size_t len,
			struct grant_request *out);
int grant_answer_parse(const uint8_t *p, size_t len, struct grant_answer *out);
int grant_ends_parse(const uint8_t *p, size_t len, struct grant_ends *out);

/* Return a few words for logs and status, never NULL. */
const char *grant_verdict_str(enum grant_verdict verdict);

#endif
