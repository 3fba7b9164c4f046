// SPDX-License-Identifier: Apache-2.0
#include "audit/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/quote.h"
#include "lib/util.h"

#define HEX_LEN (2 * AUDIT_HASH_LEN + 1)
#define HASH_MARK ",\"hash\":\""
#define SIG_MARK "\",\"signature\":\""
#define LINE_END "\"}"
/* Events of the trail itself besides "open", "checkpoint" and "close". */
#define OWN_PREFIX "trail-"
/* Octets of one text; longer ones are cut. */
#define TEXT_MAX 1024

char *audit_hex(const uint8_t *p, size_t n, char *buf)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < n; i++) {
		buf[2 * i] = digits[p[i] >> 4];
		buf[2 * i + 1] = digits[p[i] & 15];
	}
	buf[2 * n] = '\0';
	return buf;
}

/* A record has one spelling, which its hash covers: capitals are refused. */
static int record_hex_value(char c)
{
	return c >= 'A' && c <= 'F' ? -1 : hex_value(c);
}

size_t audit_unhex(const char *s, uint8_t *p, size_t max)
{
	size_t n;

	for (n = 0; s[2 * n]; n++) {
		int hi = record_hex_value(s[2 * n]);
		int lo = hi < 0 ? -1 : record_hex_value(s[2 * n + 1]);

		if (lo < 0 || n == max)
			return 0;
		p[n] = hi << 4 | lo;
	}
	return n;
}

bool audit_record_is_signed(const char *event)
{
	return !strcmp(event, AUDIT_OPEN) || !strcmp(event, AUDIT_CHECKPOINT) ||
	       !strcmp(event, AUDIT_CLOSE) || !strcmp(event, AUDIT_UNPROVEN);
}

bool audit_record_is_own(const char *event)
{
	return audit_record_is_signed(event) ||
	       !strncmp(event, OWN_PREFIX, strlen(OWN_PREFIX));
}

json_t *audit_torn(uint64_t octets, const uint8_t digest[AUDIT_HASH_LEN])
{
	char hex[HEX_LEN];

	return json_pack("{s:I,s:s}", "octets", (json_int_t)octets, "digest",
			 audit_hex(digest, AUDIT_HASH_LEN, hex));
}

/* ---- writing ------------------------------------------------------------ */

static int record_put_text(json_t *o, const char *key, const char *s)
{
	char safe[4 * TEXT_MAX + 1];
	json_t *v;

	if (!*s)
		return 0;
	v = strlen(s) <= TEXT_MAX ? json_string(s) : NULL;
	/* A text that is not UTF-8, or too long, is escaped or cut. */
	if (!v)
		v = json_string(quote_escape(s, "", safe, TEXT_MAX + 1));
	return json_object_set_new(o, key, v);
}

static int record_put_number(json_t *o, const char *key, int64_t v)
{
	return json_object_set_new(o, key, json_integer(v));
}

static int put_actor(json_t *o, const struct audit_actor *a)
{
	if (!a->known)
		return 0;
	return record_put_number(o, "uid", a->uid) ||
	       record_put_number(o, "pid", a->pid) ||
	       record_put_text(o, "user", a->user);
}

static json_t *entry_json(const struct audit_entry *e, uint64_t n,
			  const uint8_t prev[AUDIT_HASH_LEN])
{
	json_t *o = json_object();
	char hex[HEX_LEN];
	int bad;

	if (!o)
		return NULL;
	bad = record_put_number(o, "n", n) ||
	      record_put_number(o, "time", e->time) ||
	      (e->row && record_put_number(o, "row", e->row)) ||
	      record_put_text(o, "event", e->event) ||
	      record_put_text(o, "group", e->group) ||
	      record_put_text(o, "id", e->identity) ||
	      put_actor(o, &e->actor) ||
	      record_put_text(o, "detail", e->detail) ||
	      (e->more && json_object_update(o, e->more)) ||
	      record_put_text(o, "prev", audit_hex(prev, AUDIT_HASH_LEN, hex));
	if (!bad)
		return o;
	json_decref(o);
	return NULL;
}

static int line_hash(const char *p, size_t len, uint8_t hash[AUDIT_HASH_LEN])
{
	struct iovec iov = { (void *)p, len };

	return hash_sha256(&iov, 1, hash);
}

static size_t signed_text(const uint8_t hash[AUDIT_HASH_LEN],
			  uint8_t msg[sizeof(AUDIT_CONTEXT) + AUDIT_HASH_LEN])
{
	memcpy(msg, AUDIT_CONTEXT, strlen(AUDIT_CONTEXT));
	memcpy(msg + strlen(AUDIT_CONTEXT), hash, AUDIT_HASH_LEN);
	return strlen(AUDIT_CONTEXT) + AUDIT_HASH_LEN;
}

static int sign_hash(const struct sigkey *key,
		     const uint8_t hash[AUDIT_HASH_LEN], char *hex)
{
	uint8_t msg[sizeof(AUDIT_CONTEXT) + AUDIT_HASH_LEN], sig[SIG_MAX_LEN];
	size_t len = signed_text(hash, msg), sig_len;
	int ret = sig_sign(key, msg, len, sig, &sig_len);

	if (!ret)
		audit_hex(sig, sig_len, hex);
	return ret;
}

int audit_record_make(const struct audit_entry *e, uint64_t n,
		      const uint8_t prev[AUDIT_HASH_LEN],
		      const struct sigkey *key, char **line,
		      uint8_t hash[AUDIT_HASH_LEN])
{
	char hex[HEX_LEN], sig[2 * SIG_MAX_LEN + 1] = "", *text;
	size_t len;
	json_t *o;
	int ret;

	if (n > AUDIT_N_MAX || e->row > AUDIT_N_MAX)
		return -EOVERFLOW;
	o = entry_json(e, n, prev);
	text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	if (!text)
		return -ENOMEM;
	/* The brace at the end comes behind the hash. */
	len = strlen(text) - 1;
	ret = line_hash(text, len, hash);
	if (!ret && key)
		ret = sign_hash(key, hash, sig);
	if (!ret &&
	    asprintf(line, "%.*s" HASH_MARK "%s%s%s" LINE_END "\n", (int)len,
		     text, audit_hex(hash, AUDIT_HASH_LEN, hex),
		     key ? SIG_MARK : "", sig) < 0)
		ret = -ENOMEM;
	free(text);
	if (!ret && strlen(*line) > AUDIT_LINE_MAX) {
		free(*line);
		ret = -EMSGSIZE;
	}
	return ret;
}

bool audit_record_is(const struct audit_record *r, const struct audit_entry *e)
{
	uint8_t hash[AUDIT_HASH_LEN];
	char *line;

	if (audit_record_make(e, r->n, r->prev, NULL, &line, hash))
		return false;
	free(line);
	return !memcmp(hash, r->hash, sizeof(hash));
}

/* ---- reading ------------------------------------------------------------ */

static bool read_text(const json_t *o, const char *key, const char **s)
{
	const json_t *v = json_object_get(o, key);

	*s = v ? json_string_value(v) : "";
	return *s;
}

/* Return false if @key is there and no number from @min. */
static bool read_number(const json_t *o, const char *key, int64_t min,
			int64_t *n)
{
	const json_t *v = json_object_get(o, key);

	if (!v)
		return true;
	if (!json_is_integer(v) || json_integer_value(v) < min)
		return false;
	*n = json_integer_value(v);
	return true;
}

static bool read_hash(const json_t *o, const char *key, uint8_t *hash)
{
	const char *s;

	return read_text(o, key, &s) &&
	       audit_unhex(s, hash, AUDIT_HASH_LEN) == AUDIT_HASH_LEN;
}

static bool read_members(struct audit_record *r)
{
	struct audit_entry *e = &r->entry;
	int64_t n = 0, row = 0;

	e->actor.uid = -1;
	e->actor.pid = -1;
	e->time = -1;
	if (!read_number(r->json, "n", 1, &n) ||
	    !read_number(r->json, "time", 0, &e->time) ||
	    !read_number(r->json, "row", 1, &row) ||
	    !read_number(r->json, "uid", 0, &e->actor.uid) ||
	    !read_number(r->json, "pid", 0, &e->actor.pid) ||
	    !read_text(r->json, "event", &e->event) ||
	    !read_text(r->json, "group", &e->group) ||
	    !read_text(r->json, "id", &e->identity) ||
	    !read_text(r->json, "user", &e->actor.user) ||
	    !read_text(r->json, "detail", &e->detail) ||
	    !read_hash(r->json, "prev", r->prev) ||
	    !read_hash(r->json, "hash", r->hash))
		return false;
	r->n = n;
	e->row = row;
	e->actor.known = e->actor.uid >= 0;
	return n && r->n <= AUDIT_N_MAX && e->row <= AUDIT_N_MAX &&
	       e->time >= 0 && *e->event;
}

/* Return the octets in front of ,"hash": or 0 if the line ends otherwise. */
static size_t hashed_len(const struct audit_record *r, const char *line,
			 size_t len, const char *sig)
{
	char end[sizeof(HASH_MARK SIG_MARK LINE_END) + HEX_LEN +
		 2 * SIG_MAX_LEN];
	char hex[HEX_LEN];
	size_t n;

	n = snprintf(end, sizeof(end), HASH_MARK "%s%s%s" LINE_END,
		     audit_hex(r->hash, AUDIT_HASH_LEN, hex),
		     *sig ? SIG_MARK : "", sig);
	if (n >= len || memcmp(line + len - n, end, n))
		return 0;
	return len - n;
}

static int read_line(const char *line, size_t len, struct audit_record *r)
{
	uint8_t hash[AUDIT_HASH_LEN];
	const char *sig;
	size_t n;
	int ret;

	if (!json_is_object(r->json) || !read_members(r) ||
	    !read_text(r->json, "signature", &sig))
		return -EBADMSG;
	r->sig_len = audit_unhex(sig, r->sig, sizeof(r->sig));
	if (*sig && !r->sig_len)
		return -EBADMSG;
	n = hashed_len(r, line, len, sig);
	if (!n)
		return -EBADMSG;
	ret = line_hash(line, n, hash);
	if (ret)
		return ret;
	return memcmp(hash, r->hash, sizeof(hash)) ? -EBADMSG : 0;
}

int audit_record_read(const char *line, size_t len, struct audit_record *r)
{
	int ret;

	memset(r, 0, sizeof(*r));
	/* The newline counts. */
	if (len >= AUDIT_LINE_MAX)
		return -EBADMSG;
	r->json = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	ret = read_line(line, len, r);
	if (ret)
		audit_record_free(r);
	return ret;
}

void audit_record_free(struct audit_record *r)
{
	json_decref(r->json);
	r->json = NULL;
}

int audit_record_verify(const struct audit_record *r, const struct sigpub *key,
			const uint8_t *alg, size_t alg_len)
{
	uint8_t msg[sizeof(AUDIT_CONTEXT) + AUDIT_HASH_LEN];
	size_t len = signed_text(r->hash, msg);

	if (!r->sig_len)
		return -EBADMSG;
	return sig_verify(key, alg, alg_len, msg, len, r->sig, r->sig_len);
}
