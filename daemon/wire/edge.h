/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of edges, which a child and its relay exchange in notifies of private use:
 * a request with grants, or a beat, which is one without; and the answer. A parsed one
 * refers to the octets that it was read from.
 */
#ifndef WIRE_EDGE_H
#define WIRE_EDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "wire/grant.h"
#include "wire/payload.h"

/* Grants of one request: the child's own, and those of members below it. */
#define EDGE_MAX_GRANTS 16
/* Octets of all of them. */
#define EDGE_GRANTS_OCTETS 32768
#define EDGE_MAX_PARENTS 8
/* A grant that has passed so many relays goes no further. */
#define EDGE_MAX_HOPS 8
/* A child sends a cookie back from an address to show that it receives there. */
#define EDGE_COOKIE_LEN 16

struct edge_grant {
	uint8_t hops; /* relays that have passed it on; 0: of the child itself */
	const uint8_t *p;
	size_t len;
};

struct edge_request {
	char group[GRANT_GROUP_MAX + 1];
	bool beat; /* whether the edge is there; no grants */
	unsigned int n;
	struct edge_grant grant[EDGE_MAX_GRANTS];
	/* The cookie of the answer before, or zeros; the place is there in any case. */
	uint8_t cookie[EDGE_COOKIE_LEN];
};

/* A relay that may be asked: its address and port, and whom its certificate names. */
struct edge_parent {
	struct ep ep;
	struct ike_id id;
};

enum edge_verdict {
	EDGE_GRANTED = 1,
	EDGE_REDIRECTED, /* the child is to ask edge_answer.parent */
	EDGE_REFUSED,
	/*
	 * The child is to send the request again with edge_answer.cookie. This answer
	 * is shorter than any request, since it may go to an address of somebody else.
	 */
	EDGE_CHALLENGED,
};

enum edge_reason {
	EDGE_NO_REASON,
	EDGE_FULL, /* has as many children as it may have */
	EDGE_LEAVING, /* the relay is going away */
	EDGE_NO_GROUP, /* does not relay the group */
	EDGE_NOT_ENTITLED, /* no valid grant of the child itself */
	EDGE_UNKNOWN, /* a beat, and there is no edge: ask with grants */
	EDGE_BUSY, /* asked too often */
	EDGE_OTHER_GROUP, /* the IKE SA has an edge of another group */
	EDGE_FAILED, /* could not be installed */
	EDGE_REASONS,
};

struct edge_answer {
	enum edge_verdict verdict;
	enum edge_reason reason; /* why it is redirected or refused */
	uint32_t lifetime_ms; /* granted: the edge ends so long after a request */
	uint32_t wait_ms; /* refused: the child asks again after this time */
	unsigned int n_parents;
	struct edge_parent parent[EDGE_MAX_PARENTS];
	uint8_t cookie[EDGE_COOKIE_LEN]; /* challenged */
};

/* Append the octets of a notify. Returns 0, or -EINVAL for what cannot be read back. */
int edge_request_put(struct wbuf *w, const struct edge_request *req);
int edge_answer_put(struct wbuf *w, const struct edge_answer *ans);
/* Return 0 or -EBADMSG. */
int edge_request_parse(const uint8_t *p, size_t len, struct edge_request *out);
int edge_answer_parse(const uint8_t *p, size_t len, struct edge_answer *out);

/* Return a few words for logs and status, never NULL. */
const char *edge_reason_str(enum edge_reason reason);

#endif
