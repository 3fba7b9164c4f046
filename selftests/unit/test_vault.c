// SPDX-License-Identifier: Apache-2.0
/*
 * The seal key is changed: nothing is lost, wherever the change is interrupted,
 * and the old key opens nothing afterwards.
 */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/envelope.h"
#include "crypto/seal.h"
#include "crypto/sealkey.h"
#include "lib/log.h"
#include "store/store.h"
#include "store/vault.h"

#define RECORDS 5
#define DIED 9

static char dir[] = "/tmp/mcsec-vault-XXXXXX";
static char key[64], key_new[72], old_key[72];
static struct sealkey_cfg place = { .place = key };
static char path[VAULT_STORES][64];
static const char *const paths[VAULT_STORES] = { path[0], path[1] };
static struct err err;

static void open_it(struct vault *v)
{
	if (vault_open(v, &place, paths, true, &err))
		bail("%s", err.text);
}

static void fill(struct store *s, const char *what)
{
	char name[32];
	int i;

	if (store_begin(s))
		bail("begin");
	for (i = 0; i < RECORDS; i++) {
		snprintf(name, sizeof(name), "g/v/%d", i);
		if (store_put(s, name, what, strlen(what)))
			bail("put");
	}
	if (store_put_u64(s, "top", 77) || store_commit(s))
		bail("commit");
}

static bool holds(struct store *s, const char *what)
{
	char name[32];
	uint64_t n = 0;
	bool good = true;
	struct wbuf w;
	int i;

	for (i = 0; i < RECORDS; i++) {
		snprintf(name, sizeof(name), "g/v/%d", i);
		wbuf_init(&w, STORE_VALUE_MAX);
		good &= !store_get(s, name, &w) && w.len == strlen(what) &&
			!memcmp(w.p, what, w.len);
		wbuf_free(&w);
	}
	return good && !store_get_u64(s, "top", &n) && n == 77;
}

static size_t slurp(const char *p, uint8_t *buf, size_t size)
{
	int fd = open(p, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, size);

	if (fd >= 0)
		close(fd);
	return n < 0 ? 0 : (size_t)n;
}

static void copy(const char *from, const char *to)
{
	uint8_t buf[4096];
	size_t n = slurp(from, buf, sizeof(buf));
	int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, buf, n) != (ssize_t)n)
		bail("%s", to);
	close(fd);
}

/* Both stores are complete, under the key in the file. */
static bool whole(void)
{
	struct vault v;
	bool good;

	if (vault_open(&v, &place, paths, false, &err)) {
		printf("# %s\n", err.text);
		vault_close(&v);
		return false;
	}
	good = holds(v.store[0], "one") && holds(v.store[1], "two") &&
	       v.store[0]->sealer == v.sealer &&
	       v.store[1]->sealer == v.sealer && !v.next &&
	       access(key_new, F_OK);
	vault_close(&v);
	return good;
}

static bool same_key(const char *a, const char *b)
{
	uint8_t x[4096], y[4096];
	size_t n = slurp(a, x, sizeof(x));

	return n >= SEAL_KEY_LEN && slurp(b, y, sizeof(y)) == n &&
	       !memcmp(x, y, n);
}

static void test_change(void)
{
	static uint8_t file[1 << 20];
	struct sealer *old;
	struct store *s;
	struct wbuf raw;
	struct vault v;
	char wal[80];
	size_t n;

	open_it(&v);
	fill(v.store[0], "one");
	fill(v.store[1], "two");
	copy(key, old_key);
	wbuf_init(&raw, STORE_VALUE_MAX);
	if (v.store[0]->ops->get(v.store[0]->ctx, "g/v/3", &raw))
		bail("raw");
	is_int(vault_rekey(&v, &err), 0, "a new seal key");
	ok(holds(v.store[0], "one") && holds(v.store[1], "two"),
	   "all is there under it, without a restart");
	fill(v.store[0], "one");
	snprintf(wal, sizeof(wal), "%s-wal", path[0]);
	n = slurp(path[0], file, sizeof(file));
	ok(n && !memmem(file, n, raw.p, raw.len),
	   "the file has no record of the old one");
	n = slurp(wal, file, sizeof(file));
	ok(!memmem(file, n, raw.p, raw.len),
	   "the log has no record of the old key");
	wbuf_free(&raw);
	vault_close(&v);
	ok(!same_key(key, old_key), "the file has another key");
	ok(whole(), "all is there after a restart");
	is_int(vault_open_copy(&v, &place, paths, &err), 0, "both are copied");
	ok(holds(v.store[0], "one") && holds(v.store[1], "two"),
	   "the copies have all records");
	vault_close(&v);
	if (sealer_load(old_key, false, &old, &err))
		bail("%s", err.text);
	is_int(store_open(path[0], old, &s, &err), -EBADMSG,
	       "the old key does not open it: %s", err.text);
	is_int(store_open(path[1], old, &s, &err), -EBADMSG,
	       "the old key does not open the other store");
	sealer_free(old);
}

/* ---- interruptions ------------------------------------------------------ */

static const struct store_ops *real_ops;
static int steps; /* until it dies; -1: never */

static void step(void)
{
	if (steps >= 0 && !steps--)
		_exit(DIED);
}

static int dying_begin(void *ctx)
{
	int rc;

	step();
	rc = real_ops->begin(ctx);
	step();
	return rc;
}

static int dying_put(void *ctx, const char *k, const void *v, size_t len)
{
	int rc = real_ops->put(ctx, k, v, len);

	step();
	return rc;
}

static int dying_commit(void *ctx)
{
	int rc;

	step();
	rc = real_ops->commit(ctx);
	step();
	return rc;
}

static int dying_clean(void *ctx)
{
	int rc = real_ops->clean(ctx);

	step();
	return rc;
}

static int failing_clean(void *ctx)
{
	(void)ctx;
	return -EIO;
}

/* The log contains values under the old key until it is truncated. */
static void test_not_cleaned(int which)
{
	static uint8_t file[1 << 20];
	struct store_ops ops;
	struct wbuf raw;
	struct vault v;
	char wal[80];
	size_t n;

	open_it(&v);
	fill(v.store[0], "one");
	fill(v.store[1], "two");
	wbuf_init(&raw, STORE_VALUE_MAX);
	if (v.store[which]->ops->get(v.store[which]->ctx, "g/v/3", &raw))
		bail("raw");
	real_ops = v.store[which]->ops;
	ops = *real_ops;
	ops.clean = failing_clean;
	v.store[which]->ops = &ops;
	is_int(vault_rekey(&v, &err), -EIO,
	       "the log of store %d cannot be emptied", which);
	v.store[which]->ops = real_ops;
	is_int(vault_rekey(&v, &err), 0,
	       "a change that could not be cleaned is gone on with");
	snprintf(wal, sizeof(wal), "%s-wal", path[which]);
	n = slurp(wal, file, sizeof(file));
	ok(!memmem(file, n, raw.p, raw.len),
	   "the log has no record of the old key then");
	n = slurp(path[which], file, sizeof(file));
	ok(n && !memmem(file, n, raw.p, raw.len),
	   "the file has no record of the old key then");
	wbuf_free(&raw);
	vault_close(&v);
	ok(whole(), "all is there");
}

static unsigned int asked;

/* The second time the record cannot be read. */
static int failing_get(void *ctx, const char *k, struct wbuf *val)
{
	if (!strcmp(k, "next-seal-key") && asked++ == 1)
		return -EIO;
	return real_ops->get(ctx, k, val);
}

/* A next key is not removed because the store could not be asked whether it names it. */
static void test_not_asked(void)
{
	struct sealer *next;
	struct store_ops ops;
	struct vault v;

	open_it(&v);
	fill(v.store[0], "one");
	fill(v.store[1], "two");
	if (sealkey_make(v.key, true, &next, &err))
		bail("%s", err.text);
	sealer_free(next);
	if (store_begin(v.store[0]) ||
	    store_put(v.store[0], "next-seal-key", "x", 1) ||
	    store_commit(v.store[0]))
		bail("the record of the next key");
	real_ops = v.store[0]->ops;
	ops = *real_ops;
	ops.get = failing_get;
	v.store[0]->ops = &ops;
	is_int(vault_rekey(&v, &err), -EIO, "the store does not say it");
	is_str(err.text, "store: Input/output error",
	       "the error is the store's");
	is_int(access(key_new, F_OK), 0, "the next key is still there");
	v.store[0]->ops = real_ops;
	is_int(vault_rekey(&v, &err), 0, "the key changes when it says no");
	vault_close(&v);
	ok(whole(), "all is there");
}

static void die_at(int n)
{
	static struct store_ops ops;
	struct vault v;
	int i;

	open_it(&v);
	real_ops = v.store[0]->ops;
	ops = *real_ops;
	ops.begin = dying_begin;
	ops.put = dying_put;
	ops.commit = dying_commit;
	ops.clean = dying_clean;
	for (i = 0; i < VAULT_STORES; i++)
		v.store[i]->ops = &ops;
	steps = n;
	_exit(vault_rekey(&v, &err) ? 1 : 0);
}

/* Copies are complete, and leave an interrupted change as it is. */
static bool copied(void)
{
	int left = access(key_new, F_OK);
	struct vault v;
	bool good;

	good = !vault_open_copy(&v, &place, paths, &err) &&
	       holds(v.store[0], "one") && holds(v.store[1], "two");
	vault_close(&v);
	return good && access(key_new, F_OK) == left;
}

static void test_killed(void)
{
	int n, status = 0, old = 0, changed = 0, uncopied = 0;
	pid_t pid;

	for (n = 0; n < 1000; n++) {
		copy(key, old_key);
		fflush(stdout);
		pid = fork();
		if (!pid)
			die_at(n);
		waitpid(pid, &status, 0);
		if (!WIFEXITED(status) ||
		    (WEXITSTATUS(status) && WEXITSTATUS(status) != DIED))
			bail("step %d: status %d", n, status);
		uncopied += !copied();
		if (!whole())
			break;
		if (same_key(key, old_key))
			old++;
		else
			changed++;
		if (!WEXITSTATUS(status))
			break;
	}
	ok(WIFEXITED(status) && !WEXITSTATUS(status) && whole(),
	   "killed at each of %d steps: all is there", n);
	/*
	 * Two stores: begin, records, the format's, commit and clean; before, the next
	 * key is named, which is one record more in the main store, and not any more.
	 */
	is_int(n, 2 * (2 + RECORDS + 2 + 2 + 1) + 5 + 1 + 4,
	       "killed: at every one");
	is_int(uncopied, 0, "killed at each step: copies are complete");
	is_int(old, 4, "a change whose key is named is finished");
	is_int(changed + old, n + 1, "killed: one key after each step");
}

static void test_files(void)
{
	struct vault v;
	uint8_t half[SEAL_KEY_LEN / 2] = { 1 };
	int fd;

	/* The new key was written partially. */
	copy(key, old_key);
	fd = open(key_new, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || write(fd, half, sizeof(half)) != sizeof(half))
		bail("half");
	close(fd);
	ok(whole() && same_key(key, old_key), "half a key is no key");
	fd = open(key_new, O_WRONLY | O_CREAT | O_EXCL, 0600);
	close(fd);
	ok(whole() && same_key(key, old_key), "an empty file is no key");

	/* A change fails and is repeated. */
	open_it(&v);
	if (v.store[0]->ops->begin(v.store[0]->ctx))
		bail("begin");
	ok(vault_rekey(&v, &err) < 0, "a store that refuses: %s", err.text);
	v.store[0]->ops->abort(v.store[0]->ctx);
	ok(holds(v.store[0], "one") && holds(v.store[1], "two"),
	   "all can still be read");
	is_int(vault_rekey(&v, &err), 0,
	       "a change that a store refused is finished later");
	vault_close(&v);
	ok(whole() && !same_key(key, old_key), "under a new key");

	chmod(key, 0644);
	ok(vault_open(&v, &place, paths, false, &err) == -EPERM,
	   "a key that others can read is refused: %s", err.text);
	vault_close(&v);
	chmod(key, 0600);
}

/* ---- keys that nobody here has made --------------------------------------- */

static const uint8_t evil_key[SEAL_KEY_LEN] = "a key that an attacker knows...";

/* Put a key beside the present one, as whoever can write there is able to. */
static void plant(const uint8_t key_of[SEAL_KEY_LEN])
{
	struct envelope *e;
	size_t len = SEAL_KEY_LEN;
	char *pem = NULL;
	int fd;

	if (place.wrap && (envelope_new(place.wrap, &e, &err) ||
			   envelope_wrap(e, key_of, len, &pem, &len, &err)))
		bail("%s", err.text);
	fd = open(key_new, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 ||
	    write(fd, pem ? pem : (const void *)key_of, len) != (ssize_t)len)
		bail("%s", key_new);
	close(fd);
	free(pem);
	if (place.wrap)
		envelope_free(e);
}

/* Seal a new store of an attacker, or the one that is there, with his key. */
static void seal_evil(int which, bool anew)
{
	struct sealer *evil, *now;
	struct store *s;

	if (anew)
		unlink(path[which]);
	if (sealer_new(evil_key, &evil) || sealer_load(key, false, &now, &err))
		bail("%s", err.text);
	if (store_open(path[which], anew ? evil : now, &s, &err) ||
	    (!anew && store_reseal(s, evil)))
		bail("%s", err.text);
	store_close(s);
	sealer_free(evil);
	sealer_free(now);
}

static void test_planted(void)
{
	struct vault v;

	copy(key, old_key);
	plant(evil_key);
	ok(copied() && !access(key_new, F_OK),
	   "a planted key: copies are complete, and it stays");
	ok(whole() && same_key(key, old_key),
	   "a planted key is not taken at a start, and is removed");
	open_it(&v);
	plant(evil_key);
	is_int(vault_rekey(&v, &err), 0,
	       "a key that was planted while the server runs is none to go on with");
	vault_close(&v);
	ok(whole() && !same_key(key, old_key), "a key of its own was made");

	/* The name of a change in progress is for one key alone. */
	open_it(&v);
	if (v.store[0]->ops->begin(v.store[0]->ctx))
		bail("begin");
	ok(vault_rekey(&v, &err) < 0, "a change that cannot begin: %s",
	   err.text);
	v.store[0]->ops->abort(v.store[0]->ctx);
	is_int(vault_rekey(&v, &err), 0, "begins later");
	vault_close(&v);
	copy(key, old_key);
	open_it(&v);
	if (v.store[1]->ops->begin(v.store[1]->ctx))
		bail("begin");
	ok(vault_rekey(&v, &err) < 0, "a change that stops behind its name: %s",
	   err.text);
	v.store[1]->ops->abort(v.store[1]->ctx);
	vault_close(&v);
	plant(evil_key);
	ok(whole() && same_key(key, old_key),
	   "a key planted instead of the named one is not taken");
	copy(old_key, key_new);
	ok(whole() && same_key(key, old_key),
	   "the present key, planted once more, is not taken");
}

/* Stores that were sealed with a planted key do not make it the next one. */
static void test_planted_with_store(void)
{
	uint8_t real[SEAL_KEY_LEN];
	struct vault v;

	if (slurp(key, real, sizeof(real)) != sizeof(real))
		bail("%s", key);
	copy(path[1], old_key);
	plant(evil_key);
	seal_evil(1, false);
	is_int(vault_open(&v, &place, paths, false, &err), -EBADMSG,
	       "a witness under a planted key is refused");
	ok(strstr(err.text, "store does not name it") && !access(key_new, F_OK),
	   "with the reason, and nothing is removed: %s", err.text);
	vault_close(&v);
	seal_evil(1, true);
	is_int(vault_open(&v, &place, paths, false, &err), -EBADMSG,
	       "a new witness under it as well");
	vault_close(&v);

	/* The witness is the one of the server again. */
	unlink(key_new);
	unlink(path[1]);
	open_it(&v);
	fill(v.store[1], "two");
	vault_close(&v);
	plant(evil_key);
	seal_evil(0, true);
	is_int(vault_open(&v, &place, paths, false, &err), -EBADMSG,
	       "a main store under it does not bring the witness: %s",
	       err.text);
	vault_close(&v);
	unlink(path[0]);
	open_it(&v);
	fill(v.store[0], "one");
	ok(holds(v.store[1], "two") && access(key_new, F_OK),
	   "the witness is as it was");
	vault_close(&v);
	ok(whole(), "all is there after the attacks");
}

/* The same with a key in an envelope, whose holder is asked at each start. */
static void test_killed_wrapped(void)
{
	static char cmd[512], cert[80], holder[80];
	static struct envelope_cfg wrap = {
		.certificate = cert,
		.key = holder,
		.provider = "default",
		.oaep = true,
	};
	struct vault v;

	snprintf(cert, sizeof(cert), "%s/w.pem", dir);
	snprintf(holder, sizeof(holder), "file:%s/w.key", dir);
	snprintf(cmd, sizeof(cmd),
		 "cd %s && rm -f seal.key* *.db* && openssl req -x509 -newkey rsa:2048 -nodes -keyout w.key -subj /CN=w -out w.pem 2>log || cat log >&2",
		 dir);
	if (system(cmd))
		bail("%s", cmd);
	place.wrap = &wrap;
	open_it(&v);
	fill(v.store[0], "one");
	fill(v.store[1], "two");
	vault_close(&v);
	test_killed();
	test_planted();
}

/* A key that is lost cannot be made again, and whoever lost it is told what is left. */
static void test_lost(void)
{
	char want[400];
	struct vault v;

	open_it(&v);
	vault_close(&v);
	if (rename(key, old_key))
		bail("rename");
	is_int(vault_open(&v, &place, paths, false, &err), -ENOENT,
	       "a store without its seal key is not opened");
	vault_close(&v);
	snprintf(want, sizeof(want),
		 "%s: No such file or directory: the store cannot be read without its seal key: put the key back, or move the store and its witness away, after which the members of a new store register again",
		 key);
	is_str(err.text, want, "the key is named, and what helps");
	ok(access(key, F_OK), "no other key is made in its place");
	if (rename(old_key, key))
		bail("rename");
	ok(!vault_open(&v, &place, paths, false, &err),
	   "with the key that was put back the store is opened");
	vault_close(&v);
}

static void remove_all(void)
{
	char cmd[96];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	if (system(cmd))
		bail("%s", cmd);
}

int main(void)
{
	log_set_level(LOG_LEVEL_ERR);
	if (!mkdtemp(dir))
		bail("mkdtemp");
	snprintf(key, sizeof(key), "%s/seal.key", dir);
	snprintf(key_new, sizeof(key_new), "%s.new", key);
	snprintf(old_key, sizeof(old_key), "%s/old.key", dir);
	snprintf(path[0], sizeof(path[0]), "%s/gcks.db", dir);
	snprintf(path[1], sizeof(path[1]), "%s/witness.db", dir);
	RUN(test_change);
	RUN(test_not_cleaned, 0);
	RUN(test_not_cleaned, 1);
	RUN(test_not_asked);
	RUN(test_killed);
	RUN(test_files);
	RUN(test_planted);
	RUN(test_planted_with_store);
	RUN(test_killed_wrapped);
	RUN(test_lost);
	remove_all();
	return done();
}
