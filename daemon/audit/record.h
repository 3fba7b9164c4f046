/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record of the audit trail: one line of JSON, chained to the one before it.
 *
 *	{"n":7,"time":1796000000,"row":12,"event":"evict","group":"video",
 *	 "id":"b.example","uid":0,"pid":812,"user":"root","detail":"...",
 *	 "prev":"HEX","hash":"HEX"}
 *
 * The hash is the SHA-256 of all octets of the line in front of ,"hash": and so
 * of "prev", the hash of the record before. A record of the trail itself has a
 * "signature" behind its hash: that of AUDIT_CONTEXT and the 32 octets of the
 * hash, with the key of the last "open".
 * "audit-record" in Documentation/schema/mcsec.json describes the members.
 */
#ifndef AUDIT_RECORD_H
#define AUDIT_RECORD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/hash.h"
#include "crypto/sign.h"

/* Octets of a line with its newline; a longer one is no record. */
#define AUDIT_LINE_MAX 16384
#define AUDIT_HASH_LEN HASH_SHA256_LEN
#define AUDIT_CONTEXT "mcsec audit trail checkpoint\n"
/* Largest number of a record or row, which every reader of JSON has exactly. */
#define AUDIT_N_MAX ((UINT64_C(1) << 53) - 1)

/* Events that the trail itself writes; all others come from the store. */
#define AUDIT_OPEN "open"
#define AUDIT_CHECKPOINT "checkpoint"
#define AUDIT_CLOSE "close"
#define AUDIT_TORN "trail-torn"
#define AUDIT_CUT_OFF "trail-cut"
#define AUDIT_DAMAGED "trail-damaged"
#define AUDIT_ROLLBACK "trail-rollback"
#define AUDIT_LOST "trail-lost"
#define AUDIT_REMOVED_FILES "trail-files-removed"
#define AUDIT_UNPROVEN "trail-unproven"

/* The user who gave an order at the control socket. */
struct audit_actor {
	bool known;
	int64_t uid;
	int64_t pid;
	const char *user; /* "": the uid has no name */
};

/* A record before it has a place. Strings are never NULL, and "" is left out. */
struct audit_entry {
	int64_t time; /* seconds since 1970 */
	uint64_t row; /* number of the line in the store; 0: none */
	const char *event;
	const char *group;
	const char *identity;
	const char *detail;
	struct audit_actor actor;
	json_t *more; /* further members, or NULL; not owned */
};

/* A record that was read. Strings live as long as @json. */
struct audit_record {
	json_t *json;
	uint64_t n;
	struct audit_entry entry; /* without @more */
	uint8_t prev[AUDIT_HASH_LEN];
	uint8_t hash[AUDIT_HASH_LEN];
	uint8_t sig[SIG_MAX_LEN];
	size_t sig_len; /* 0: it has no signature */
};

/*
 * Return the line of record @n behind @prev, with a newline, in *@line, which
 * the caller frees, and its hash. @key signs it, unless it is NULL. Returns 0,
 * -ENOMEM, -EMSGSIZE, -EOVERFLOW for a number above AUDIT_N_MAX, or -errno of
 * the signature.
 */
int audit_record_make(const struct audit_entry *e, uint64_t n,
		      const uint8_t prev[AUDIT_HASH_LEN],
		      const struct sigkey *key, char **line,
		      uint8_t hash[AUDIT_HASH_LEN]);
/*
 * Read a line of @len octets without its newline. Returns 0, -ENOMEM, or
 * -EBADMSG if it is no record or does not have the hash that it names. Neither
 * signature nor place in the chain is looked at. Free with audit_record_free().
 */
int audit_record_read(const char *line, size_t len, struct audit_record *r);
void audit_record_free(struct audit_record *r);
/* Return true for the events that are evidence only with a signature. */
bool audit_record_is_signed(const char *event);
/* Return true for the events of the trail itself, which the writer signs. */
bool audit_record_is_own(const char *event);
/* Return true if @r is what @e becomes in the place of @r. */
bool audit_record_is(const struct audit_record *r, const struct audit_entry *e);
/*
 * Verify the signature. Returns 0, -EBADMSG, or -EOPNOTSUPP for a key that does
 * not fit @alg.
 */
int audit_record_verify(const struct audit_record *r, const struct sigpub *key,
			const uint8_t *alg, size_t alg_len);

/* Return the members of a record that owns up to a torn line, or NULL. */
json_t *audit_torn(uint64_t octets, const uint8_t digest[AUDIT_HASH_LEN]);

/* Write @n octets as 2 * @n lower-case digits and a NUL. Returns @buf. */
char *audit_hex(const uint8_t *p, size_t n, char *buf);
/*
 * Read lower-case digits. Returns the number of octets, or 0 if @s is no text
 * of them or has more than @max.
 */
size_t audit_unhex(const char *s, uint8_t *p, size_t max);

#endif
