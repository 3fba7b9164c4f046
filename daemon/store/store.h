/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State of a key server that must survive a restart: keys and values in
 * transactions, and an audit trail. The back end is a table of functions, so
 * that a replicated one can replace SQLite.
 *
 * Every value is sealed (crypto/seal.h) under its own key before a back end
 * sees it: access to the file alone allows neither reading secrets nor swapping,
 * modifying or forging a record. The audit trail is in clear, for other tools,
 * and contains no secret.
 *
 * Keys are text with '/' between parts; store_key() escapes parts that come
 * from outside. All functions return 0 or -errno. -ENOSPC: no room. -EBADMSG: a
 * value was sealed with another key or is damaged. -EBUSY: another process has
 * the store. -ESTALE: another process has changed the record. After an error
 * inside a transaction only store_abort() may follow. store_reason() describes
 * an error. Single-threaded.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"

struct sealer;
struct store_txn;

#define STORE_KEY_MAX 1024 /* octets, with the terminator */
#define STORE_VALUE_MAX 131072 /* octets */

/* A line of the audit trail. Strings but @actor are never NULL; "" if unknown. */
struct store_audit {
	uint64_t seq; /* assigned by the store, from 1 */
	int64_t time; /* seconds since 1970 */
	const char *group;
	const char *identity;
	const char *event; /* "join", "evict", "refuse" ... */
	const char *detail;
	/* "UID PID USER" of who gave the order, NULL like "". */
	const char *actor;
};

typedef int store_each_fn(void *arg, const char *key, const uint8_t *val,
			  size_t len);
typedef int store_audit_fn(void *arg, const struct store_audit *a);
/*
 * Completion of a transaction: it is on the disk (@ret 0), or has changed
 * nothing (-errno, with one line in @why that is valid until the call returns).
 */
typedef void store_done_fn(void *arg, int ret, const char *why);

/*
 * Condition of a transaction: the record @key has version @from, 0 if it does
 * not exist, and gets version @to. Versions are not sealed: they protect
 * servers that share a store from each other, and not from an attacker.
 */
struct store_expect {
	const char *key;
	uint64_t from;
	uint64_t to;
};

/*
 * Operations of a back end, which stores octets as they are. put and del are
 * only called between begin and commit or abort. each iterates in the order of
 * the keys, and may not see changes that @fn makes. close frees @ctx.
 */
struct store_ops {
	int (*begin)(void *ctx);
	int (*put)(void *ctx, const char *key, const void *val, size_t len);
	int (*del)(void *ctx, const char *key);
	int (*del_prefix)(void *ctx, const char *prefix);
	int (*audit)(void *ctx, const struct store_audit *a);
	/*
	 * Within a transaction. Returns -ESTALE if the record has another
	 * version.
	 */
	int (*expect)(void *ctx, const struct store_expect *e);
	int (*commit)(void *ctx);
	void (*abort)(void *ctx);
	/* Return -ENOENT if there is no such key. */
	int (*get)(void *ctx, const char *key, struct wbuf *val);
	/* Set *@v to 0 if there is no such record. */
	int (*version)(void *ctx, const char *key, uint64_t *v);
	int (*each)(void *ctx, const char *prefix, store_each_fn *fn,
		    void *arg);
	/*
	 * Iterate over all keys with their values, in the order of the keys.
	 */
	int (*all)(void *ctx, store_each_fn *fn, void *arg);
	/* Remove all remains of replaced values from its files. */
	int (*clean)(void *ctx);
	int (*audit_each)(void *ctx, uint64_t after, size_t max,
			  store_audit_fn *fn, void *arg);
	/*
	 * Return the seq of the line that was added last, 0 if there is none.
	 * May be NULL in a back end without a trail.
	 */
	uint64_t (*audit_last)(void *ctx);
	/*
	 * Delete the oldest lines until at most @refusals of event "refuse"
	 * and @others of all other events are left.
	 */
	int (*audit_trim)(void *ctx, uint64_t refusals, uint64_t others);
	/*
	 * NULL in a synchronous back end. Otherwise the function applies @t
	 * after all transactions submitted before (by store_txn_apply()), and
	 * ends @number with store_txn_end() from the event loop. @t belongs to
	 * the store, and is freed some time after that. Every other operation
	 * sees what was submitted before it.
	 */
	void (*submit)(void *ctx, struct store_txn *t, uint64_t number);
	/*
	 * Return one line on the operation that has just failed, or NULL if it
	 * has no better one than strerror().
	 */
	const char *(*error)(void *ctx);
	/*
	 * Finishes submitted transactions without completions, then frees @ctx.
	 */
	void (*close)(void *ctx);
};

/*
 * Another place for the lines of the audit trail.
 * @record: called with each line whose transaction is on the disk, in the order
 *	of their seq, and before the completion of the transaction.
 * @ready: NULL, or called before a transaction that has lines and other writes:
 *	-errno with one line in @err refuses it.
 * @scarce: NULL, or returns true while the place has room for little else than
 *	lines of changes.
 */
struct store_sink {
	void (*record)(void *arg, const struct store_audit *a);
	int (*ready)(void *arg, struct err *err);
	void *arg;
	bool (*scarce)(void *arg);
};

struct store {
	const struct store_ops *ops;
	void *ctx;
	const struct sealer *sealer; /* not owned */
	/* The transaction being recorded, or NULL. */
	struct store_txn *rec;
	/* Submitted transactions that have not ended, in this order. */
	struct store_txn *first;
	struct store_txn *last;
	uint64_t n_submitted;
	uint64_t n_ended;
	/* With submit(): the last line of the transactions that have ended. */
	uint64_t audit_last;
	bool ending; /* a completion is running */
	bool begun; /* between store_begin() and its end */
	const struct store_sink *sink; /* not owned; or NULL */
};

/*
 * Open or create an SQLite file with mode 0600, for this process alone.
 * @sealer must outlive the store. Returns 0, or -errno with one line in @err: a
 * file that others can read, that has a newer format, that was sealed with
 * another key, or that another process has open is rejected.
 */
int store_open(const char *path, const struct sealer *sealer,
	       struct store **out, struct err *err);
/*
 * Copy the contents of the file at @path into a store in memory. Neither the file
 * nor its log changes; a missing file counts as empty and is not created. The file
 * is locked until this returns. Errors are those of store_open(), and -EACCES
 * without the right to read and write it.
 */
int store_open_copy(const char *path, const struct sealer *sealer,
		    struct store **out, struct err *err);
void store_close(struct store *s);
/* Open the back end alone, for store_open() and for tests that wrap it. */
int store_sqlite(struct store *s, const char *path, struct err *err);
int store_sqlite_copy(struct store *s, const char *path, struct err *err);
/* Check or write the record that proves the seal key. */
int store_check_seal(struct store *s, struct err *err);

/*
 * Make "a/b/c" from parts up to a NULL; '/', '%' and control characters in a
 * part become %XX. Returns 0 or -ENAMETOOLONG.
 */
int store_key(char key[static STORE_KEY_MAX], ...) __attribute__((sentinel));
/* Unescape the last part of @key into @buf. Returns @buf. */
const char *store_key_last(const char *key, char *buf, size_t size);

/*
 * Begin, commit and abort a transaction. A commit that returned 0 is on the
 * disk; after an error nothing has changed.
 */
int store_begin(struct store *s);
int store_commit(struct store *s);
void store_abort(struct store *s);

/* Write and delete one value; within a transaction. */
int store_put(struct store *s, const char *key, const void *val, size_t len);
int store_put_u64(struct store *s, const char *key, uint64_t val);
int store_del(struct store *s, const char *key);
/* Delete all keys that begin with @prefix followed by '/'. */
int store_del_prefix(struct store *s, const char *prefix);
/*
 * Read one value. @val must be empty, with a limit of STORE_VALUE_MAX. Return
 * 0, -ENOENT or another -errno.
 */
int store_get(struct store *s, const char *key, struct wbuf *val);
int store_get_u64(struct store *s, const char *key, uint64_t *val);
/*
 * Pass all values below @prefix to @fn, in the order of their keys, until it
 * returns another value than 0, which is returned. @fn may read the store, and
 * must not write.
 */
int store_each(struct store *s, const char *prefix, store_each_fn *fn,
	       void *arg);

/* Read the version of a record, for struct store_expect. */
int store_version(struct store *s, const char *key, uint64_t *v);

/* ---- asynchronous transactions (txn.c) ---------------------------------- */

/*
 * From store_txn_begin() to store_submit() or store_txn_discard(), puts, deletes and
 * audit lines are recorded and not executed; reads do not see them. Only one
 * transaction is recorded at a time. Returns 0 or -ENOMEM.
 */
int store_txn_begin(struct store *s);
void store_txn_discard(struct store *s);
/*
 * Submit the recorded transaction, which there must be. @done is called exactly once, before this
 * returns or later from the event loop, and always in the order of the
 * submissions. @e may be NULL. Returns a handle for store_forget(), valid until
 * @done is called, or NULL if that has happened already.
 */
struct store_txn *store_submit(struct store *s, const struct store_expect *e,
			       store_done_fn *done, void *arg);
/*
 * Like store_submit(), but waits for the end. Returns 0, or -errno with one
 * line in @err.
 */
int store_submit_wait(struct store *s, const struct store_expect *e,
		      struct err *err);
/*
 * End a transaction whose recording has returned @ret: submit it like
 * store_submit_wait(), or discard it after an error. Returns what
 * store_submit_wait() does, or @ret with one line in @err.
 */
int store_end_wait(struct store *s, int ret, const struct store_expect *e,
		   struct err *err);
/* Drop the completion of @t, whose user is gone; the transaction goes on. */
void store_forget(struct store_txn *t);

/*
 * For back ends: applies @t within one transaction of @ops. Returns 0 or
 * -errno.
 */
int store_txn_apply(struct store_txn *t, const struct store_ops *ops,
		    void *ctx);
/*
 * For back ends: ends the transaction that submit() was given with @number, with
 * the result @ret. Completions are called in the order of the submissions,
 * whatever the order of these calls. The transaction must not be used
 * afterwards. A number is never given to another one, so that a second end
 * finds nothing: it is logged and changes nothing.
 */
void store_txn_end(struct store *s, uint64_t number, int ret, const char *why);

/*
 * Seal every value with @to, in one transaction, and continue with that
 * sealer, which must outlive the store. After an error nothing has changed,
 * unless s->sealer is @to: then remains of the old values may still be in the
 * files.
 */
int store_reseal(struct store *s, const struct sealer *to);
/* Remove the remains of replaced values from the files, as store_reseal() does. */
int store_clean(struct store *s);

/*
 * Add a line, inside a transaction or as a transaction of its own. The latter
 * may be asynchronous, and its failure is logged. @a->seq is ignored.
 */
int store_audit(struct store *s, const struct store_audit *a);
/*
 * Set the sink, which must outlive the store, or NULL. It is not told of lines
 * between store_begin() and store_commit().
 */
void store_set_sink(struct store *s, const struct store_sink *sink);
/*
 * Ask the sink whether a change may be made now whose line will be in another
 * transaction than the change. Submitting asks by itself if a transaction has
 * both. Returns 0, or -errno with one line in @err.
 */
int store_audit_ready(const struct store *s, struct err *err);
/* Return true if lines that peers cause should be counted instead of added. */
bool store_audit_scarce(const struct store *s);
/*
 * Return the seq of the line that was added last, 0 if none is known. Lines of
 * transactions that have not ended do not count, and are not waited for.
 */
uint64_t store_audit_last(struct store *s);
/* Pass lines with seq > @after to @fn, oldest first, at most @max. */
int store_audit_each(struct store *s, uint64_t after, size_t max,
		     store_audit_fn *fn, void *arg);

/*
 * Return one line on a call that has just failed with @ret, and on what helps;
 * never NULL.
 */
const char *store_reason(struct store *s, int ret);

#endif
