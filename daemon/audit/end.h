/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a trail, as its writer finds it: which records are genuine.
 *
 * The hashes of records need no key, so anybody who can write the files can
 * append records, and the next signature would vouch for them. A record is
 * genuine if a signature of the key server is on it or behind it, if it comes
 * before a head that is known from the store, or if it is the line of the store
 * that its row names. Whatever else stands behind those is unproven. The writer
 * signs its own records, and a crash leaves none of them without a signature.
 */
#ifndef AUDIT_END_H
#define AUDIT_END_H

#include "audit/check.h"
#include "audit/trail.h"

struct trail_end {
	struct audit_check check;
	uint64_t first; /* first record of the last file; 0: no file */
	int64_t began; /* time of that record */
	struct trail_head proven; /* the last genuine record; n = 0: none */
	uint64_t unproven; /* records behind it */
	/* Each of them makes it the SHA-256 of the digest before and its hash. */
	uint8_t digest[AUDIT_HASH_LEN];

	/* Private. */
	const struct trail_cfg *cfg;
	const struct trail_head *anchor;
	struct sigpub *own; /* the key of @cfg */
	struct sigpub *before; /* the key of the trail at @anchor */
	struct trail_head line; /* the record that is read */
	bool asks; /* this pass asks the store */
	struct err why; /* the store's answer */
};

/*
 * Read the end of the trail of @cfg, where @anchor was its head once, unless
 * its n is 0. Returns 0 or -errno with one line in @err; a trail without a file
 * is none. Free with trail_end_free(), also after an error.
 */
int trail_end_read(const struct trail_cfg *cfg, const struct trail_head *anchor,
		   struct trail_end *e, struct err *err);
void trail_end_free(struct trail_end *e);

#endif
