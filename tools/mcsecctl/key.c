// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crypto/rand.h"
#include "lib/secret.h"
#include "lib/util.h"
#include "mcsecctl.h"

#define SALT_LEN 4

struct key_request {
	uint32_t bits;
	const char *path;
};

#define AT(member) .off = offsetof(struct key_request, member)

static const struct word words[] = {
	WORD("bits", "128 or 256", set_u32, AT(bits), .min = 128, .max = 256),
	WORD("file", "a file that is not there yet", set_string, AT(path)),
	{}
};

/*
 * Write a new file. An existing one is never overwritten, because it may be the
 * only copy of a key.
 */
static int save_key(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int ret;

	if (fd < 0)
		return complain(EXIT_FAILED, "key file %s: %s", path,
				strerror(errno));
	ret = write_all(fd, text, len);
	if (!ret && fsync(fd) && errno != EINVAL)
		ret = -errno;
	close(fd);
	if (ret) {
		unlink(path);
		return complain(EXIT_FAILED, "key file %s: %s", path,
				strerror(-ret));
	}
	return EXIT_OK;
}

static int key_generate(struct ctl *ctl, int argc, char **argv)
{
	struct key_request r = { .bits = 256 };
	char text[2 * KSA_KEY_MAX + 1];
	uint8_t key[KSA_KEY_MAX];
	enum mcsec_alg alg;
	uint32_t seen;
	size_t len, i;
	int ret;

	if (!argc)
		return check_argc(argc, 1, 5);
	ret = read_alg(argv[0], &alg);
	if (!ret)
		ret = read_words(words, argc - 1, argv + 1, &r, &seen);
	if (ret)
		return ret;
	len = r.bits / 8 + SALT_LEN;
	if (r.bits % 8 || !kalg_key_ok(alg, len))
		return complain(EXIT_USAGE, "bits: %s has keys of %s", argv[0],
				kalg_key_ok(alg, 128 / 8 + SALT_LEN)
					? "128 or 256"
					: "256");

	if (rand_bytes(key, len))
		return complain(EXIT_FAILED,
				"key generate: random number generator failed");
	for (i = 0; i < len; i++) {
		text[2 * i] = "0123456789abcdef"[key[i] >> 4];
		text[2 * i + 1] = "0123456789abcdef"[key[i] & 15];
	}
	text[2 * len] = '\n';

	/* stdio is not used, because its buffer is not wiped. */
	if (r.path) {
		ret = save_key(r.path, text, 2 * len + 1);
	} else {
		ret = write_all(STDOUT_FILENO, text, 2 * len + 1);
		if (ret)
			ret = complain(EXIT_FAILED, "key generate: %s",
				       strerror(-ret));
	}
	secret_wipe(key, sizeof(key));
	secret_wipe(text, sizeof(text));
	if (!ret && r.path)
		tell_done(ctl, "%s: a key for %s, of %" PRIu32 " bits", r.path,
			  argv[0], r.bits);
	return ret;
}

const struct command key_commands[] = {
	COMMAND("generate", key_generate, "ALG [bits N] [file FILE]",
		"print a random key, or write it to a new file",
		.words = words),
	{}
};
