// SPDX-License-Identifier: Apache-2.0
#include "gcks/commit.h"

#include <errno.h>
#include <string.h>

#include "gcks/group.h"
#include "gcks/witness.h"
#include "lib/log.h"

static int record_key(const struct group *g, char *key)
{
	return store_key(key, "g", g->conf->name, NULL);
}

static void clear_commit(struct commit *c)
{
	c->deny = NULL;
	c->admit = NULL;
	c->no_witness = false;
}

int commit_begin(struct group *g)
{
	struct commit *c = &g->commit;

	if (c->busy)
		return -EBUSY;
	clear_commit(c);
	return store_txn_begin(group_store(g));
}

void commit_discard(struct group *g)
{
	store_txn_discard(group_store(g));
}

/*
 * The group is free for the next change before the completion is called, so
 * that the completion may begin one.
 */
static void commit_end(struct group *g, int ret, const char *why)
{
	struct commit *c = &g->commit;
	commit_fn *done = c->done;

	c->txn = NULL;
	c->done = NULL;
	c->busy = false;
	c->took_ms = group_now_ms(g) - c->sent_ms;
	done(g, c->arg, ret, why);
}

static void commit_finish(struct group *g, int ret, const char *why)
{
	commit_end(g, ret, why);
	g->ops->idle(g);
}

/*
 * Keep @txn for commit_cancel(). NULL: the transaction has ended already, and its
 * completion may have begun another change, whose transaction stays.
 */
static void set_txn(struct group *g, struct store_txn *txn)
{
	if (txn)
		g->commit.txn = txn;
}

static void witness_done(void *arg, int ret, const char *why)
{
	struct group *g = arg;

	g->commit.behind = ret;
	if (ret) {
		g->store_errors++;
		if (notice_failure_left(g->k, g->conf->name))
			group_err(g,
				  "store failed: the witness was not written: %s",
				  why);
		timer_set(g->k->deps.tq, &g->commit.again, COMMIT_RETRY_MS);
	}
	commit_finish(g, 0, "");
}

static void write_witness(struct group *g)
{
	struct store *w = g->k->deps.witness;
	struct commit *c = &g->commit;
	struct err err = { "" };
	int ret;

	ret = witness_record(g, c->version, c->deny, c->deny_since, c->admit);
	if (ret) {
		witness_done(g, ret, strerror(-ret));
	} else if (g->k->starting) {
		ret = store_submit_wait(w, NULL, &err);
		witness_done(g, ret, err.text);
	} else {
		set_txn(g, store_submit(w, NULL, witness_done, g));
	}
}

static void witness_caught_up(struct group *g, void *arg, int ret,
			      const char *why)
{
	(void)arg;
	(void)ret;
	(void)why;
	if (!g->commit.behind)
		group_info(g,
			   "witness complete again: all denials and the version are written");
}

/*
 * The witness lacks a version, and perhaps a denial. A change in flight writes
 * these with its own; otherwise they must not wait for the next change, since
 * the store might be lost before.
 */
static void witness_retry(void *arg)
{
	struct group *g = arg;
	struct commit *c = &g->commit;

	if (!c->behind)
		return;
	/* The store may refuse that change. */
	if (c->busy) {
		timer_set(g->k->deps.tq, &c->again, COMMIT_RETRY_MS);
		return;
	}
	clear_commit(c);
	c->busy = true;
	c->sent_ms = group_now_ms(g);
	c->version = g->st.version;
	c->done = witness_caught_up;
	write_witness(g);
}

int commit_load(struct group *g)
{
	char key[STORE_KEY_MAX];
	int ret = record_key(g, key);

	timer_init(&g->commit.again, witness_retry, g);
	return ret ? ret
		   : store_version(group_store(g), key, &g->commit.record);
}

/*
 * Return true if the store has another version than the change was made from. A
 * back end may have committed and report an error nevertheless, because the
 * answer was lost on the way or the disk failed after the write.
 */
static bool store_has_other(const struct group *g)
{
	char key[STORE_KEY_MAX];
	uint64_t version;

	return !record_key(g, key) &&
	       !store_version(group_store(g), key, &version) &&
	       version != g->commit.record;
}

/*
 * The witness is written after the store, so that it is never ahead of the
 * store, and before anything is sent.
 */
static void store_done(void *arg, int ret, const char *why)
{
	struct group *g = arg;
	struct commit *c = &g->commit;

	g->store_failed = ret;
	if (ret) {
		g->store_errors++;
		if (ret == -ESTALE || store_has_other(g))
			g->ops->stale(g);
		commit_finish(g, ret, why);
		return;
	}
	c->record = c->version;
	if (c->no_witness || !g->k->deps.witness) {
		commit_finish(g, 0, "");
		return;
	}
	write_witness(g);
}

void commit_send(struct group *g, uint64_t version, commit_fn *done, void *arg)
{
	struct store *s = group_store(g);
	struct commit *c = &g->commit;
	struct store_expect e = { .from = c->record, .to = version };
	char key[STORE_KEY_MAX];
	struct err err = { "" };
	int ret;

	c->busy = true;
	c->sent_ms = group_now_ms(g);
	c->version = version;
	c->done = done;
	c->arg = arg;
	e.key = key;
	ret = record_key(g, key);
	if (ret) {
		store_txn_discard(s);
		store_done(g, ret, "the name of the group is too long");
	} else if (g->k->starting) {
		ret = store_submit_wait(s, &e, &err);
		store_done(g, ret, err.text);
	} else {
		set_txn(g, store_submit(s, &e, store_done, g));
	}
}

void commit_log_failure(struct group *g, const char *what, int ret,
			const char *why)
{
	if (ret != -ECANCELED && notice_failure_left(g->k, g->conf->name))
		group_err(g, "store failed: %s: %s", what, why);
}

void commit_cancel(struct group *g)
{
	struct commit *c = &g->commit;

	timer_del(g->k->deps.tq, &c->again);
	if (!c->busy)
		return;
	store_forget(c->txn);
	commit_end(g, -ECANCELED, "the group is closed");
}
