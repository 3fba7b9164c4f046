/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a key server must know again after a restart: names and values in
 * transactions, and an audit trail. The back end is a struct of functions, so
 * that a replicated one can take the place of SQLite.
 *
 * Every value is sealed (crypto/seal.h) under its own name before a back end
 * sees it: whoever has only the file can neither read keys nor swap, alter
 * or invent a record. The audit trail is in clear, to be read with other
 * tools; no key is ever in it.
 *
 * Keys are text with '/' between parts; a part that comes from outside is
 * escaped by store_key(). All functions return 0 or -errno; -ENOSPC: no room,
 * -EBADMSG: a value was sealed by another key or is damaged, -EBUSY: another
 * process has the store, -ESTALE: somebody else has changed the record. After
 * an error inside a transaction only store_abort() is of use. store_error() has
 * words. Single-threaded.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"

struct sealer;
struct store_txn;

#define STORE_KEY_MAX 1024 /* octets of a key, with its terminator */
#define STORE_VALUE_MAX 131072 /* octets of a value */

/* One line of the audit trail. Strings are never NULL; "" where unknown. */
struct store_audit {
	uint64_t seq; /* given by the store, from 1 upwards */
	int64_t time; /* seconds since 1970 */
	const char *group;
	const char *identity;
	const char *event; /* "join", "evict", "refuse" ... */
	const char *detail;
};

typedef int store_each_fn(void *arg, const char *key, const uint8_t *val,
			  size_t len);
typedef int store_audit_fn(void *arg, const struct store_audit *a);
/*
 * A transaction is on the disk (@ret 0) or has changed nothing (-errno, with
 * one line in @why that is good until the call returns).
 */
typedef void store_done_fn(void *arg, int ret, const char *why);

/*
 * What a transaction was computed from: the record @key has version @from,
 * and gets version @to; 0 for a record that is not there. The versions are not
 * sealed: they keep servers apart that share a store, and nobody else.
 */
struct store_expect {
	const char *key;
	uint64_t from;
	uint64_t to;
};

/*
 * A back end. It stores octets as they are. put and del are only called
 * between begin and commit or abort. each goes in the order of the keys and
 * may not see changes made from @fn. close frees @ctx.
 */
struct store_ops {
	int (*begin)(void *ctx);
	int (*put)(void *ctx, const char *key, const void *val, size_t len);
	int (*del)(void *ctx, const char *key);
	int (*del_below)(void *ctx, const char *prefix);
	int (*audit)(void *ctx, const struct store_audit *a);
	/* -ESTALE: the record has another version. Within a transaction. */
	int (*expect)(void *ctx, const struct store_expect *e);
	int (*commit)(void *ctx);
	void (*abort)(void *ctx);
	/* -ENOENT: no such key */
	int (*get)(void *ctx, const char *key, struct wbuf *val);
	/* *@v is 0 where there is no such record */
	int (*version)(void *ctx, const char *key, uint64_t *v);
	int (*each)(void *ctx, const char *prefix, store_each_fn *fn,
		    void *arg);
	/* every key with its value, in the order of the keys */
	int (*all)(void *ctx, store_each_fn *fn, void *arg);
	/* leaves nothing of what was replaced in its files */
	int (*clean)(void *ctx);
	int (*audit_each)(void *ctx, uint64_t after, size_t max,
			  store_audit_fn *fn, void *arg);
	/*
	 * drops the oldest lines until at most @refusals of event "refuse"
	 * and @others of all others are left
	 */
	int (*audit_trim)(void *ctx, uint64_t refusals, uint64_t others);
	/*
	 * NULL in a back end that commits at once. Else it takes @t, applies
	 * it behind all that was submitted before (store_txn_apply() does), and
	 * ends it by store_txn_end() from the event loop. Every other
	 * function sees what was submitted before it.
	 */
	void (*submit)(void *ctx, struct store_txn *t);
	const char *(*error)(void *ctx);
	/* finishes what was submitted, without a word, before it frees @ctx */
	void (*close)(void *ctx);
};

struct store {
	const struct store_ops *ops;
	void *ctx;
	const struct sealer *sealer; /* not owned */
	/* the transaction that is being recorded, or NULL */
	struct store_txn *rec;
	/* submitted and not ended, in that order */
	struct store_txn *first;
	struct store_txn *last;
	uint64_t n_submitted;
	uint64_t n_ended;
	bool ending; /* a completion is being called */
};

/*
 * Opens or creates an SQLite file, mode 0600, for this process alone.
 * @sealer outlives the store. What is refused is said in @err: a file that
 * others can read, one of a newer format, one sealed by another key, one
 * that another process has open.
 */
int store_open(struct store **out, const char *path,
	       const struct sealer *sealer, char *err, size_t errlen);
void store_close(struct store *s);
/* The back end alone, for store_open() and for tests that wrap it. */
int store_sqlite(struct store *s, const char *path, char *err, size_t errlen);
/* Checks or writes the record that proves the sealing key. */
int store_check_seal(struct store *s, char *err, size_t errlen);

/*
 * "a/b/c" from parts up to a NULL; '/', '%' and control characters in a part
 * become %XX. -ENAMETOOLONG.
 */
int store_key(char key[static STORE_KEY_MAX], ...) __attribute__((sentinel));
/* Undoes the escaping of the last part of @key. Returns @buf. */
const char *store_key_last(const char *key, char *buf, size_t size);

int store_begin(struct store *s);
int store_commit(struct store *s);
void store_abort(struct store *s);

int store_put(struct store *s, const char *key, const void *val, size_t len);
int store_put_u64(struct store *s, const char *key, uint64_t val);
int store_del(struct store *s, const char *key);
/* All keys that begin with @prefix followed by '/'. */
int store_del_below(struct store *s, const char *prefix);
/* @val must be empty with a cap of STORE_VALUE_MAX. -ENOENT. */
int store_get(struct store *s, const char *key, struct wbuf *val);
int store_get_u64(struct store *s, const char *key, uint64_t *val);
int store_each(struct store *s, const char *prefix, store_each_fn *fn,
	       void *arg);

/* Of a record, as struct store_expect wants it. */
int store_version(struct store *s, const char *key, uint64_t *v);

/* ---- transactions that may take time (txn.c) ------------------------------ */

/*
 * From store_record() to store_submit() or store_drop() whatever is put,
 * deleted or audited is written down and not done; reads see none of it.
 * -ENOMEM. Only one transaction is recorded at a time.
 */
int store_record(struct store *s);
void store_drop(struct store *s);
/*
 * Hands over what was recorded. @done is called exactly once: before this
 * returns, or later from the event loop, and always in the order of the
 * submissions. @e may be NULL. The handle is for store_forget() until @done is
 * called; NULL: it has been called already.
 */
struct store_txn *store_submit(struct store *s, const struct store_expect *e,
			       store_done_fn *done, void *arg);
/* The same, and waits. 0 or -errno; store_error() has words. */
int store_submit_wait(struct store *s, const struct store_expect *e);
/* Whoever waited for @t is gone: it goes on, and nobody is told. */
void store_forget(struct store_txn *t);

/* For back ends: all of @t, within one transaction of @ops. 0 or -errno. */
int store_txn_apply(const struct store_txn *t, const struct store_ops *ops,
		    void *ctx);
/*
 * For back ends: @t is done, or was not. Completions are called in the order of
 * the submissions, whatever the order of these calls. @t is not to be touched
 * from here on.
 */
void store_txn_end(struct store_txn *t, int ret, const char *why);

/*
 * Seals every value anew for @to, in one transaction, and goes on with it:
 * after an error all is as it was, unless s->sealer is @to: then what the
 * former key had sealed may be in the files still. @to outlives the store.
 */
int store_reseal(struct store *s, const struct sealer *to);
/* Takes what was replaced out of the files; for after such an error, too. */
int store_clean(struct store *s);

/*
 * Inside of a transaction, or as one of its own; that may take time, and a line
 * that is lost then is logged. @a->seq is not looked at.
 */
int store_audit(struct store *s, const struct store_audit *a);
/* Lines with seq > @after, oldest first, at most @max. */
int store_audit_each(struct store *s, uint64_t after, size_t max,
		     store_audit_fn *fn, void *arg);

/* One line on the last failure; never NULL. */
const char *store_error(struct store *s);

#endif
