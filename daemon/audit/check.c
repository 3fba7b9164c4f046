// SPDX-License-Identifier: Apache-2.0
#include "audit/check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LLU(n) ((unsigned long long)(n))

void audit_check_init(struct audit_check *c)
{
	memset(c, 0, sizeof(*c));
}

void audit_check_free(struct audit_check *c)
{
	sigpub_free(c->pub);
	c->pub = NULL;
}

const char *audit_fault_str(enum audit_fault f)
{
	static const char *const words[] = {
		[AUDIT_SOUND] = "sound",     [AUDIT_ALTERED] = "altered",
		[AUDIT_REMOVED] = "removed", [AUDIT_REORDERED] = "reordered",
		[AUDIT_CUT] = "cut off",     [AUDIT_SIGNATURE] = "signature",
	};

	return words[f];
}

__attribute__((format(printf, 4, 5))) static void
set_fault(struct audit_check *c, enum audit_fault f, uint64_t n,
	  const char *fmt, ...)
{
	va_list ap;

	if (c->fault)
		return;
	c->fault = f;
	c->fault_n = n;
	va_start(ap, fmt);
	vsnprintf(c->why.text, sizeof(c->why.text), fmt, ap);
	va_end(ap);
}

/* The number that the next record has to have. */
static uint64_t expected_n(const struct audit_check *c)
{
	if (c->next)
		return c->next;
	return c->from ? c->from : 1;
}

/* ---- lines that are no records ------------------------------------------ */

static void bad_line(struct audit_check *c, const char *file,
		     unsigned long line, const char *p, size_t len, bool whole)
{
	struct iovec iov = { (void *)p, len };

	c->closed = false;
	if (c->bad)
		set_fault(c, AUDIT_ALTERED, expected_n(c),
			  "%s: the line is no record, or was altered",
			  c->bad_place);
	snprintf(c->bad_place, sizeof(c->bad_place), "%s:%lu", file, line);
	c->bad = true;
	c->bad_len = len;
	c->torn = !whole;
	if (hash_sha256(&iov, 1, c->bad_hash))
		memset(c->bad_hash, 0, sizeof(c->bad_hash));
}

/* A line that a crash has torn is owned up to by the record behind it. */
static bool owns_up(const struct audit_check *c, const struct audit_record *r)
{
	const json_t *octets = json_object_get(r->json, "octets");
	const char *s = json_string_value(json_object_get(r->json, "digest"));
	uint8_t digest[AUDIT_HASH_LEN];

	return !strcmp(r->entry.event, AUDIT_TORN) && r->n == c->next && s &&
	       audit_unhex(s, digest, sizeof(digest)) == sizeof(digest) &&
	       !memcmp(digest, c->bad_hash, sizeof(digest)) &&
	       json_integer_value(octets) == (json_int_t)c->bad_len;
}

/* ---- signatures ---------------------------------------------------------- */

static size_t hex_member(const struct audit_record *r, const char *key,
			 uint8_t *p, size_t max)
{
	const char *s = json_string_value(json_object_get(r->json, key));

	return s ? audit_unhex(s, p, max) : 0;
}

static bool is_trusted(const struct audit_check *c)
{
	size_t i;

	for (i = 0; i < c->n_trusted; i++)
		if (sigpub_equal(c->trusted[i], c->pub))
			return true;
	return !c->n_trusted;
}

static void take_key(struct audit_check *c, const struct audit_record *r)
{
	uint8_t spki[SIG_MAX_SPKI];
	size_t len = hex_member(r, "public-key", spki, sizeof(spki));

	sigpub_free(c->pub);
	c->pub = NULL;
	c->alg_len = hex_member(r, "algorithm", c->alg, sizeof(c->alg));
	if (!c->alg_len || !len || sigpub_from_spki(spki, len, &c->pub)) {
		c->pub = NULL;
		return;
	}
	sigpub_name(c->pub, c->key);
}

static void check_signature(struct audit_check *c, const struct audit_record *r,
			    const char *place)
{
	if (!strcmp(r->entry.event, AUDIT_OPEN))
		take_key(c, r);
	if (!c->pub)
		set_fault(c, AUDIT_SIGNATURE, r->n,
			  "%s: record %llu is signed, and no key is known for it",
			  place, LLU(r->n));
	else if (audit_record_verify(r, c->pub, c->alg, c->alg_len))
		set_fault(c, AUDIT_SIGNATURE, r->n,
			  "%s: the signature of record %llu is wrong: something behind record %llu was not written by the key server",
			  place, LLU(r->n), LLU(c->signed_n));
	else if (!is_trusted(c))
		set_fault(c, AUDIT_SIGNATURE, r->n,
			  "%s: record %llu is signed with key %s, which none of the certificates has",
			  place, LLU(r->n), c->key);
	else
		c->signed_n = r->n;
}

/* ---- the chain ----------------------------------------------------------- */

static void note_removal(struct audit_check *c, const struct audit_record *r)
{
	const json_t *v = json_object_get(r->json, "first-kept");

	if (!c->removal_n && !strcmp(r->entry.event, AUDIT_REMOVED_FILES) &&
	    json_integer_value(v) == (json_int_t)c->first)
		c->removal_n = r->n;
}

/*
 * The key server says that it did not write records that it found at a start.
 * They come before a fault that is known already, or are the first one.
 */
static void note_unproven(struct audit_check *c, const struct audit_record *r,
			  const char *place)
{
	uint64_t n = json_integer_value(json_object_get(r->json, "first"));

	if (strcmp(r->entry.event, AUDIT_UNPROVEN) || !n || n >= r->n ||
	    !c->pub || !is_trusted(c) ||
	    audit_record_verify(r, c->pub, c->alg, c->alg_len))
		return;
	if (c->fault && c->fault_n <= n)
		return;
	c->fault = AUDIT_SOUND;
	set_fault(c, AUDIT_ALTERED, n,
		  "%s: record %llu says that records from %llu on are not known to the key server, which found them when it started",
		  place, LLU(r->n), LLU(n));
}

static void check_point(struct audit_check *c, const struct audit_record *r,
			const char *place)
{
	if (!c->point.n || r->n != c->point.n)
		return;
	c->point_seen = true;
	if (memcmp(r->hash, c->point.hash, sizeof(r->hash)))
		set_fault(c, AUDIT_ALTERED, r->n,
			  "%s: record %llu is not the one that is known from elsewhere",
			  place, LLU(r->n));
}

static void set_cut(struct audit_check *c, uint64_t next, const char *place)
{
	set_fault(c, AUDIT_CUT, c->missing,
		  "%s: records %llu to %llu were cut off, which the daemon noticed when it started",
		  place, LLU(c->missing), LLU(next - 1));
}

static void check_gap(struct audit_check *c, const struct audit_record *r,
		      const char *place)
{
	bool cut = !strcmp(r->entry.event, AUDIT_CUT_OFF) ||
		   !strcmp(r->entry.event, AUDIT_TORN);

	c->missing = c->next;
	if (!strcmp(r->entry.event, AUDIT_OPEN))
		c->gap_n = r->n;
	if (cut)
		set_cut(c, r->n, place);
	else if (c->next == r->n - 1)
		set_fault(c, AUDIT_REMOVED, c->next,
			  "%s: record %llu is missing before record %llu",
			  place, LLU(c->next), LLU(r->n));
	else
		set_fault(c, AUDIT_REMOVED, c->next,
			  "%s: records %llu to %llu are missing before record %llu",
			  place, LLU(c->next), LLU(r->n - 1), LLU(r->n));
}

/*
 * The next start writes a record of its own first, which it signs, unless that
 * owns up to a torn line.
 */
static bool may_follow_close(const struct audit_check *c,
			     const struct audit_record *r)
{
	if (!strcmp(r->entry.event, AUDIT_TORN))
		return c->bad;
	return r->sig_len && audit_record_is_own(r->entry.event);
}

static void check_place(struct audit_check *c, const struct audit_record *r,
			const char *place)
{
	if (!c->first) {
		c->first = r->n;
		c->explained = r->n <= (c->from ? c->from : 1);
		return;
	}
	if (c->bad && !owns_up(c, r))
		set_fault(c, AUDIT_ALTERED, c->next,
			  "%s: record %llu, or what stands in its place, is not what was written",
			  c->bad_place, LLU(c->next));
	else if (r->n > c->next)
		check_gap(c, r, place);
	else if (r->n < c->next)
		set_fault(c, AUDIT_REORDERED, r->n,
			  "%s: record %llu stands behind record %llu", place,
			  LLU(r->n), LLU(c->next - 1));
	else if (memcmp(r->prev, c->head, sizeof(c->head)))
		set_fault(c, AUDIT_ALTERED, r->n - 1,
			  "%s: record %llu is not the one that record %llu was written behind",
			  place, LLU(r->n - 1), LLU(r->n));
	else if (c->stopped && !may_follow_close(c, r))
		set_fault(c, AUDIT_ALTERED, r->n,
			  "%s: record %llu was not written by the key server, which had stopped before",
			  place, LLU(r->n));
	else if (!c->bad && !strcmp(r->entry.event, AUDIT_TORN))
		set_fault(c, AUDIT_ALTERED, r->n,
			  "%s: record %llu owns up to a torn line, and there is none",
			  place, LLU(r->n));
}

static void note_last(struct audit_check *c, const struct audit_record *r)
{
	c->last_n = r->n;
	memcpy(c->last_hash, r->hash, sizeof(c->last_hash));
	if (r->entry.row)
		c->last_row = r->entry.row;
}

/* The daemon opens a trail that was cut, and then says so. */
static void look_for_cut(struct audit_check *c, const struct audit_record *r,
			 const char *place)
{
	if (c->fault != AUDIT_REMOVED || !c->gap_n || r->n != c->gap_n + 1 ||
	    strcmp(r->entry.event, AUDIT_CUT_OFF))
		return;
	c->fault = AUDIT_SOUND;
	set_cut(c, c->gap_n, place);
}

/* A record that seemed to be missing, and comes later, was moved. */
static void look_for_missing(struct audit_check *c,
			     const struct audit_record *r, const char *place)
{
	if (c->fault != AUDIT_REMOVED || !c->missing || r->n != c->missing)
		return;
	c->fault = AUDIT_REORDERED;
	snprintf(c->why.text, sizeof(c->why.text),
		 "%s: record %llu stands behind later ones", place, LLU(r->n));
}

static void take_record(struct audit_check *c, const struct audit_record *r,
			const char *place)
{
	note_last(c, r);
	c->records++;
	if (c->fault) {
		look_for_missing(c, r, place);
		look_for_cut(c, r, place);
		note_unproven(c, r, place);
	} else {
		check_place(c, r, place);
		check_point(c, r, place);
		if (!c->fault &&
		    (r->sig_len || audit_record_is_signed(r->entry.event)))
			check_signature(c, r, place);
		note_unproven(c, r, place);
		note_removal(c, r);
		c->next = r->n + 1;
		memcpy(c->head, r->hash, sizeof(c->head));
	}
	c->behind_bad = c->bad;
	c->bad = false;
	c->torn = false;
	c->closed = !strcmp(r->entry.event, AUDIT_CLOSE);
	if (c->closed || !strcmp(r->entry.event, AUDIT_OPEN))
		c->stopped = c->closed;
}

bool audit_check_line(struct audit_check *c, const char *file,
		      unsigned long line, const char *p, size_t len, bool whole,
		      struct audit_record *r)
{
	char place[160];

	if (audit_record_read(p, len, r)) {
		bad_line(c, file, line, p, len, whole);
		return false;
	}
	snprintf(place, sizeof(place), "%s:%lu", file, line);
	take_record(c, r, place);
	/* A newline is missing: the writer was stopped in front of it. */
	if (!whole)
		c->torn = true;
	return true;
}

void audit_check_end(struct audit_check *c)
{
	/* Only what is signed explains why files are missing. */
	if (c->removal_n && c->removal_n <= c->signed_n)
		c->explained = true;
	if (c->first && !c->explained) {
		c->fault = AUDIT_SOUND;
		set_fault(c, AUDIT_REMOVED, c->from ? c->from : 1,
			  "the trail begins with record %llu: records %llu to %llu are missing",
			  LLU(c->first), LLU(c->from ? c->from : 1),
			  LLU(c->first - 1));
	}
	c->bad_end = c->bad && !c->torn && !c->fault;
	if (c->bad && !c->torn)
		set_fault(c, AUDIT_ALTERED, expected_n(c),
			  "%s: record %llu, or what stands in its place, is not what was written",
			  c->bad_place, LLU(expected_n(c)));
	if (c->point.n && !c->point_seen && c->point.n >= c->next)
		set_fault(c, AUDIT_CUT, expected_n(c),
			  "records %llu to %llu were cut off from the end",
			  LLU(expected_n(c)), LLU(c->point.n));
}
