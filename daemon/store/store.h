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
 * process has the store. After an error inside a transaction only
 * store_abort() is of use. store_error() has words. Single-threaded.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"

struct sealer;

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
	int (*commit)(void *ctx);
	void (*abort)(void *ctx);
	/* -ENOENT: no such key */
	int (*get)(void *ctx, const char *key, struct wbuf *val);
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
	const char *(*error)(void *ctx);
	void (*close)(void *ctx);
};

struct store {
	const struct store_ops *ops;
	void *ctx;
	const struct sealer *sealer; /* not owned */
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

/*
 * Seals every value anew for @to, in one transaction, and goes on with it:
 * after an error all is as it was, unless s->sealer is @to: then what the
 * former key had sealed may be in the files still. @to outlives the store.
 */
int store_reseal(struct store *s, const struct sealer *to);
/* Takes what was replaced out of the files; for after such an error, too. */
int store_clean(struct store *s);

/* Inside of a transaction, or as one of its own. @a->seq is not looked at. */
int store_audit(struct store *s, const struct store_audit *a);
/* Lines with seq > @after, oldest first, at most @max. */
int store_audit_each(struct store *s, uint64_t after, size_t max,
		     store_audit_fn *fn, void *arg);

/* One line on the last failure; never NULL. */
const char *store_error(struct store *s);

#endif
