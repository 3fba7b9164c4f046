// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/seal.h"
#include "lib/file.h"
#include "lib/secret.h"
#include "fail.h"
#include "tap.h"

static char dir[] = "/tmp/mcsec-seal-XXXXXX";
static char path[64];

static void boxes(void)
{
	static const uint8_t key[SEAL_KEY_LEN] = { 1, 2, 3 };
	static const uint8_t other[SEAL_KEY_LEN] = { 1, 2, 4 };
	uint8_t box[64], box2[64], bad[64], back[64], zero[64] = { 0 };
	struct sealer *s, *t;
	size_t i, opened = 0;
	int ret;

	sealer_new(key, &s);
	sealer_new(other, &t);
	is_int(seal(s, "group/video", "a secret", 8, box), 0,
	       "boxes: the box is sealed");
	seal(s, "group/video", "a secret", 8, box2);
	ok(memcmp(box, box2, 8 + SEAL_OVERHEAD), "differs each time");
	is_int(unseal(s, "group/video", box, 8 + SEAL_OVERHEAD, back), 0,
	       "boxes: the box is opened");
	is_mem(back, 8, "a secret", 8, "a box holds what was sealed");
	is_int(unseal(s, "group/audio", box, 8 + SEAL_OVERHEAD, back), -EBADMSG,
	       "a box is not opened under another name");
	ok(!memcmp(back, zero, 8), "nothing is given out");
	is_int(unseal(t, "group/video", box, 8 + SEAL_OVERHEAD, back), -EBADMSG,
	       "a box is not opened with another key");
	for (i = 0; i < (8 + SEAL_OVERHEAD) * 8; i++) {
		memcpy(bad, box, sizeof(bad));
		bad[i / 8] ^= (uint8_t)(1 << i % 8);
		opened +=
			!unseal(s, "group/video", bad, 8 + SEAL_OVERHEAD, back);
	}
	for (i = 0; i < 8 + SEAL_OVERHEAD; i++)
		opened += !unseal(s, "group/video", box, i, back);
	is_int(opened, 0, "a box that is changed or cut is not opened");
	memset(back, 0xaa, sizeof(back));
	is_int(seal(s, "huge", box, (size_t)INT_MAX + 1, back), -EINVAL,
	       "more than 2 GB is not sealed");
	is_int(unseal(s, "huge", box, (size_t)INT_MAX + SEAL_OVERHEAD + 1,
		      back),
	       -EBADMSG, "more than 2 GB is not opened");
	for (i = 1;
	     fail_nth(i), ret = seal(s, "x", "a secret", 8, box), fail_came();
	     i++)
		opened += !ret;
	is_int(ret, 0, "sealed, after %zu failures of OpenSSL", i - 1);
	for (i = 1;; i++) {
		fail_nth(i);
		ret = unseal(s, "x", box, 8 + SEAL_OVERHEAD, back);
		if (!fail_came())
			break;
		opened += !ret;
	}
	is_int(ret, 0, "opened, after %zu failures of OpenSSL", i - 1);
	is_int(opened, 0, "each is noticed");
	seal(s, "empty", NULL, 0, box);
	is_int(unseal(s, "empty", box, SEAL_OVERHEAD, back), 0, "nothing too");
	sealer_free(s);
	sealer_free(t);
}

static void files(void)
{
	uint8_t box[64], back[64], *raw;
	struct sealer *s, *t;
	struct stat st;
	struct err err;
	size_t len;

	is_int(sealer_load(path, false, &s, &err), -ENOENT, "no key file");
	ok(strstr(err.text, path), "said so: %s", err.text);
	is_int(sealer_load(path, true, &s, &err), 0,
	       "a missing seal key is created on request");
	ok(!stat(path, &st) && (st.st_mode & 07777) == 0600 &&
		   st.st_size == SEAL_KEY_LEN,
	   "the seal key has mode 0600");
	seal(s, "x", "abc", 3, box);
	is_int(sealer_load(path, true, &t, &err), 0, "read again");
	is_int(unseal(t, "x", box, 3 + SEAL_OVERHEAD, back), 0,
	       "a seal key that is read again is the same key");
	sealer_free(s);
	sealer_free(t);

	chmod(path, 0640);
	is_int(sealer_load(path, true, &s, &err), -EPERM,
	       "readable by others: refused");
	ok(strstr(err.text, path) && strstr(err.text, "0640"), "said so: %s",
	   err.text);
	chmod(path, 0600);
	if (truncate(path, 31))
		bail("truncate");
	is_int(sealer_load(path, true, &s, &err), -EINVAL,
	       "a seal key that is too short is refused, not made anew");
	unlink(path);
	if (mkfifo(path, 0600))
		bail("mkfifo");
	is_int(sealer_load(path, true, &s, &err), -EINVAL,
	       "a FIFO neither opens nor holds us up");
	unlink(path);

	is_int(file_create(path, 0600, "12", 2, &err), 0, "a file is made");
	is_int(file_create(path, 0600, "34", 2, &err), -EEXIST,
	       "a file is not made again");
	is_int(file_read_secret(path, 2, &raw, &len, &err), 0,
	       "files: the file is read");
	ok(len == 2 && !memcmp(raw, "12", 3), "the text ends with a zero");
	secret_free(raw);
	is_int(file_read_secret(path, 1, &raw, &len, &err), -EFBIG,
	       "larger than expected: %s", err.text);
	unlink(path);
	is_int(symlink("/nonexistent/target", path), 0, "a dangling link");
	is_int(file_create(path, 0600, "1", 1, &err), -EEXIST,
	       "a dangling link is not followed");
	unlink(path);
}

/*
 * ---- an external key
 * ------------------------------------------------------
 */

struct elsewhere {
	struct sealer *s;
	unsigned int asked, freed;
	int fails;
};

static int elsewhere_seal(void *ctx, const char *name, const void *in,
			  size_t len, uint8_t *out)
{
	struct elsewhere *e = ctx;

	e->asked++;
	return e->fails ? e->fails : seal(e->s, name, in, len, out);
}

static int elsewhere_unseal(void *ctx, const char *name, const uint8_t *in,
			    size_t len, void *out)
{
	struct elsewhere *e = ctx;

	e->asked++;
	return e->fails ? e->fails : unseal(e->s, name, in, len, out);
}

static void elsewhere_free(void *ctx)
{
	((struct elsewhere *)ctx)->freed++;
}

static void elsewhere(void)
{
	static const uint8_t key[SEAL_KEY_LEN] = { 1, 2, 3 };
	static const struct sealer_ops ops = {
		.seal = elsewhere_seal,
		.unseal = elsewhere_unseal,
		.free = elsewhere_free,
	};
	uint8_t box[64], back[64];
	struct elsewhere e = { 0 };
	struct sealer *s;

	sealer_new(key, &e.s);
	is_int(sealer_with(&ops, &e, &s), 0, "a sealer elsewhere");
	is_int(seal(s, "a name", "a secret", 8, box), 0,
	       "a sealer elsewhere seals");
	is_int(unseal(e.s, "a name", box, 8 + SEAL_OVERHEAD, back), 0,
	       "a sealer with the key opens that");
	is_int(unseal(s, "a name", box, 8 + SEAL_OVERHEAD, back), 0,
	       "a sealer elsewhere unseals");
	is_mem(back, 8, "a secret", 8, "a secret comes back from elsewhere");
	is_int(unseal(s, "another", box, 8 + SEAL_OVERHEAD, back), -EBADMSG,
	       "a wrong name is refused there as here");
	is_int(e.asked, 3, "each call is one question");
	e.fails = -EPIPE;
	is_int(seal(s, "a name", "a secret", 8, box), -EPIPE,
	       "a failure there to seal is one here");
	is_int(unseal(s, "a name", box, 8 + SEAL_OVERHEAD, back), -EPIPE,
	       "a failure there to unseal is one here");
	is_int(e.freed, 0, "a sealer in use is not given back");
	sealer_free(s);
	is_int(e.freed, 1, "a sealer is given back once");
	sealer_free(e.s);
}

int main(void)
{
	if (!mkdtemp(dir))
		bail("no folder to work in");
	snprintf(path, sizeof(path), "%s/key", dir);
	RUN(boxes);
	RUN(files);
	RUN(elsewhere);
	rmdir(dir);
	return done();
}
