// SPDX-License-Identifier: Apache-2.0
#include "audit/end.h"

#include <errno.h>
#include <string.h>

#include "audit/files.h"
#include "audit/verify.h"

/* A row counts only if its record is in the chain that was proven. */
static void follow_row(struct trail_end *e, const struct audit_record *r)
{
	if (memcmp(r->prev, e->line.hash, sizeof(r->prev)))
		e->line.row = e->proven.row;
	/* Rows begin again where the store went back to, even at 0. */
	if (r->entry.row || !strcmp(r->entry.event, AUDIT_ROLLBACK))
		e->line.row = r->entry.row;
	e->line.n = r->n;
	memcpy(e->line.hash, r->hash, sizeof(e->line.hash));
}

static bool is_next(const struct trail_end *e, const struct audit_record *r)
{
	return r->n == e->proven.n + 1 &&
	       !memcmp(r->prev, e->proven.hash, sizeof(r->prev));
}

static bool is_anchor(const struct trail_end *e, const struct audit_record *r)
{
	return e->anchor->n && r->n == e->anchor->n &&
	       !memcmp(r->hash, e->anchor->hash, sizeof(r->hash));
}

/*
 * A key that the trail names is that of the key server if it stood before the
 * anchor, or is still in use. Without an anchor there is nothing to tell by, as
 * for a reader without a certificate.
 */
static bool is_signed_by_us(const struct trail_end *e,
			    const struct audit_record *r)
{
	const struct audit_check *c = &e->check;
	const uint8_t *alg;
	size_t len;

	if (!r->sig_len)
		return false;
	if (!e->anchor->n && !c->fault && c->signed_n == r->n)
		return true;
	sigkey_alg(e->cfg->key, &alg, &len);
	return !audit_record_verify(r, e->own, alg, len) ||
	       (e->before &&
		!audit_record_verify(r, e->before, c->alg, c->alg_len));
}

/* A record that owns up to a torn line has no signature, and says no more. */
static bool is_torn_note(const struct audit_record *r)
{
	const char *digest =
		json_string_value(json_object_get(r->json, "digest"));
	struct audit_entry e = {
		.time = r->entry.time,
		.event = AUDIT_TORN,
		.group = "",
		.identity = "",
		.detail = "",
	};
	uint8_t hash[AUDIT_HASH_LEN];
	const json_t *octets = json_object_get(r->json, "octets");
	bool same;

	if (!digest || audit_unhex(digest, hash, sizeof(hash)) != sizeof(hash))
		return false;
	e.more = audit_torn(json_integer_value(octets), hash);
	same = audit_record_is(r, &e);
	json_decref(e.more);
	return same;
}

/* Lines of the store are appended one after the other: none is left out. */
static int is_known_line(struct trail_end *e, const struct audit_record *r)
{
	if (!e->asks || !is_next(e, r))
		return 0;
	/* Without a line to own up to it is somebody else's. */
	if (is_torn_note(r))
		return e->check.behind_bad;
	if (!e->cfg->knows || r->entry.row != e->proven.row + 1)
		return 0;
	return e->cfg->knows(e->cfg->arg, r, &e->why);
}

static void prove_record(struct trail_end *e)
{
	e->proven = e->line;
	e->unproven = 0;
}

static int doubt_record(struct trail_end *e, const struct audit_record *r)
{
	struct iovec iov[] = {
		{ e->digest, sizeof(e->digest) },
		{ (void *)r->hash, sizeof(r->hash) },
	};

	e->unproven++;
	return hash_sha256(iov, 2, e->digest);
}

static int judge_record(void *arg, const struct audit_record *r)
{
	struct trail_end *e = arg;
	int ret = 1;

	if (r->n == e->first)
		e->began = r->entry.time;
	follow_row(e, r);
	/* A copy of a genuine record, further on, proves nothing. */
	if (r->n <= e->proven.n)
		return 0;
	if (is_anchor(e, r)) {
		e->line.row = e->anchor->row;
		if (e->check.pub && sigpub_dup(e->check.pub, &e->before))
			return -ENOMEM;
	} else if (!is_signed_by_us(e, r)) {
		ret = is_known_line(e, r);
	}
	if (ret > 0)
		prove_record(e);
	return ret ? (ret < 0 ? ret : 0) : doubt_record(e, r);
}

static int read_from(struct trail_end *e, uint64_t from, struct err *err)
{
	struct audit_check *c = &e->check;
	int ret;

	audit_check_free(c);
	audit_check_init(c);
	c->from = from;
	c->point.n = e->anchor->n;
	memcpy(c->point.hash, e->anchor->hash, sizeof(c->point.hash));
	memset(&e->line, 0, sizeof(e->line));
	e->unproven = 0;
	memset(e->digest, 0, sizeof(e->digest));
	ret = audit_verify(e->cfg->dir, c, judge_record, e, err);
	if (ret && ret != -ENOENT && e->why.text[0])
		*err = e->why;
	return ret == -ENOENT ? 0 : ret;
}

/*
 * Read from the file of the anchor, or the last one that has a record. A file
 * may be empty after a crash.
 */
static int read_files(struct trail_end *e, const struct audit_files *files,
		      struct err *err)
{
	size_t i = files->n;
	int ret = 0;

	e->first = i ? files->first[i - 1] : 0;
	if (e->anchor->n)
		ret = read_from(e, e->anchor->n, err);
	while (!ret && !e->check.last_n && i)
		ret = read_from(e, files->first[--i], err);
	/* The store is asked only for what no signature and no anchor proves. */
	if (ret || !e->unproven)
		return ret;
	e->asks = true;
	return read_from(e, e->check.from, err);
}

int trail_end_read(const struct trail_cfg *cfg, const struct trail_head *anchor,
		   struct trail_end *e, struct err *err)
{
	struct audit_files files;
	int ret;

	memset(e, 0, sizeof(*e));
	e->cfg = cfg;
	e->anchor = anchor;
	ret = sigkey_pub(cfg->key, &e->own);
	if (ret)
		return err_set(err, ret, "audit trail %s: public key: %s",
			       cfg->dir, strerror(-ret));
	ret = audit_files_find(cfg->dir, &files, err);
	if (ret)
		return ret;
	ret = read_files(e, &files, err);
	audit_files_free(&files);
	return ret;
}

void trail_end_free(struct trail_end *e)
{
	audit_check_free(&e->check);
	sigpub_free(e->own);
	sigpub_free(e->before);
}
