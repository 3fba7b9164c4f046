// SPDX-License-Identifier: Apache-2.0
/*
 * The verifier of the audit trail: any octets, as lines of a file. A fault has a
 * sentence and a record; a trail without a fault has a chain without a gap.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "audit/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A record that is right by itself is made again octet by octet. */
static void check_again(const char *line, size_t len,
			const struct audit_record *r)
{
	struct audit_record again;

	if (audit_record_read(line, len, &again))
		abort();
	if (again.n != r->n || memcmp(again.hash, r->hash, AUDIT_HASH_LEN) ||
	    !*again.entry.event || !again.n)
		abort();
	audit_record_free(&again);
}

/* A forger gives each line the hash that it has: then its place counts. */
static void put_hashes(char *p, char *end)
{
	static const char mark[] = ",\"hash\":\"";
	uint8_t hash[AUDIT_HASH_LEN];
	char hex[2 * AUDIT_HASH_LEN + 1], *nl, *at;
	struct iovec iov;

	for (; p < end; p = nl + 1) {
		nl = memchr(p, '\n', end - p);
		if (!nl)
			return;
		at = memmem(p, nl - p, mark, strlen(mark));
		if (!at || nl - at < (int)(strlen(mark) + sizeof(hex)))
			continue;
		iov = (struct iovec){ p, at - p };
		if (hash_sha256(&iov, 1, hash))
			abort();
		audit_hex(hash, sizeof(hash), hex);
		memcpy(at + strlen(mark), hex, 2 * AUDIT_HASH_LEN);
	}
}

static void check_trail(const char *p, const char *end)
{
	const char *nl;
	struct audit_record r;
	struct audit_check c;
	unsigned long line = 0;
	uint64_t good = 0;

	audit_check_init(&c);
	for (; p < end; p = nl + 1) {
		nl = memchr(p, '\n', end - p);
		if (audit_check_line(&c, "fuzz", ++line, p, (nl ? nl : end) - p,
				     nl, &r)) {
			check_again(p, (nl ? nl : end) - p, &r);
			audit_record_free(&r);
			good++;
		}
		if (!nl)
			break;
	}
	audit_check_end(&c);
	if (c.records != good || (c.fault && !c.why.text[0]) ||
	    (c.fault && !c.fault_n))
		abort();
	if (!c.fault && good && c.last_n - c.first + 1 != good)
		abort();
	audit_check_free(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	check_trail(copy, copy + size);
	put_hashes(copy, copy + size);
	check_trail(copy, copy + size);
	free(copy);
	return 0;
}
