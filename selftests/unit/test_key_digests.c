// SPDX-License-Identifier: Apache-2.0
/*
 * Digests of the keys of the kernel's SAs are kept in a file over a restart of
 * the daemon.
 */
#include "app/key_digests.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/log.h"
#include "tap.h"

static char dir[] = "/tmp/mcsec-notes-XXXXXX";
static char path[64];
static unsigned int warnings;

static void count(enum log_level level, const char *line, void *ctx)
{
	(void)line;
	(void)ctx;
	warnings += level <= LOG_LEVEL_WARN;
}

static struct key_digests *open_notes(void)
{
	struct key_digests *n = key_digests_new(path);

	if (!n)
		bail("no memory");
	return n;
}

static bool knows(struct key_digests *n, const char *group, uint32_t spi,
		  uint8_t first)
{
	uint8_t digest[HASH_SHA256_LEN], want[HASH_SHA256_LEN];

	memset(want, first, sizeof(want));
	return key_digests_get(n, group, spi, digest) &&
	       !memcmp(digest, want, sizeof(want));
}

static void set(struct key_digests *n, const char *group, uint32_t spi,
		uint8_t first)
{
	uint8_t digest[HASH_SHA256_LEN];

	memset(digest, first, sizeof(digest));
	key_digests_set(n, group, spi, digest);
}

/* The sum of the octets that the digests of this test are made of. */
static void gone(void *arg, const uint8_t digest[HASH_SHA256_LEN])
{
	*(unsigned int *)arg += digest[0];
}

static void test_restart(void)
{
	static const char longest[] = "a group of thirty-one octets 89";
	struct key_digests *n = open_notes();
	unsigned int n_gone = 0;
	struct stat st;

	ok(!knows(n, "video", 0x100, 1), "nothing is known without a file");
	set(n, "video", 0x100, 1);
	set(n, "video", 0xffffffff, 2);
	set(n, longest, 0x100, 3);
	set(n, "video", 0x100, 4);
	is_int(strlen(longest), 31, "the longest name of a group");
	if (stat(path, &st))
		bail("%s is not there", path);
	is_int(st.st_mode & 0777, 0600, "nobody else reads the file");
	key_digests_free(n);

	n = open_notes();
	ok(knows(n, "video", 0x100, 4), "a later run knows the last digest");
	ok(knows(n, "video", 0xffffffff, 2), "a later run knows another SPI");
	ok(knows(n, longest, 0x100, 3),
	   "a later run tells groups with one SPI apart");
	ok(!knows(n, "audio", 0x100, 4), "another group has no such SA");
	key_digests_set(n, "video", 0x100, NULL);
	key_digests_set(n, "audio", 0x100, NULL);
	ok(!knows(n, "video", 0x100, 4), "an SA that is gone is forgotten");
	key_digests_free(n);

	n = open_notes();
	ok(!knows(n, "video", 0x100, 4), "a later run has forgotten it, too");
	ok(knows(n, longest, 0x100, 3), "one that is asked for is current");
	key_digests_prune(n, gone, &n_gone);
	is_int(n_gone, 2, "only one that nobody asked for is told of");
	ok(!knows(n, "video", 0xffffffff, 2),
	   "one that nobody asked for is forgotten");
	key_digests_free(n);
	n = open_notes();
	ok(!knows(n, "video", 0xffffffff, 2) && knows(n, longest, 0x100, 3),
	   "a later run knows the current one only");
	key_digests_free(n);
	is_int(warnings, 0, "nothing was warned of");
}

/* A malformed note must be ignored, and must not stop the daemon. */
static void test_garbage(void)
{
	static const char *const texts[] = {
		"\n0",
		"00000100",
		"00000100 0101",
		"0000010g 0101010101010101010101010101010101010101010101010101010101010101 video",
		"00000100 010101010101010101010101010101010101010101010101010101010101010x video",
		"00000100 0101010101010101010101010101010101010101010101010101010101010101",
		"00000100 0101010101010101010101010101010101010101010101010101010101010101 ",
		"00000100 0101010101010101010101010101010101010101010101010101010101010101 a-name-of-more-than-31-octets-is-no-group",
		"100 0101010101010101010101010101010101010101010101010101010101010101 video0000",
	};
	unsigned int i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct key_digests *n;
		FILE *f = fopen(path, "w");

		if (!f)
			bail("fopen");
		fprintf(f,
			"00000200 0202020202020202020202020202020202020202020202020202020202020202 video\n%s\n",
			texts[i]);
		fclose(f);
		chmod(path, 0600);
		warnings = 0;
		n = open_notes();
		ok(!knows(n, "video", 0x200, 2) && !knows(n, "video", 0x100, 1),
		   "a file with a bad line is not believed: %.20s", texts[i]);
		is_int(warnings, 1, "a file with a bad line is warned of");
		set(n, "video", 0x300, 3);
		key_digests_free(n);
		n = open_notes();
		ok(knows(n, "video", 0x300, 3), "a new file takes its place");
		key_digests_free(n);
	}
	chmod(path, 0644);
	warnings = 0;
	key_digests_free(open_notes());
	is_int(warnings, 1, "a file that others read is warned of");
}

/* Without a writable file the daemon continues. */
static void test_no_place(void)
{
	struct key_digests *n;

	unlink(path);
	rmdir(dir);
	warnings = 0;
	n = open_notes();
	set(n, "video", 0x100, 1);
	ok(knows(n, "video", 0x100, 1), "without a folder this run knows it");
	is_int(warnings, 1, "without a folder a warning says so");
	key_digests_free(n);
}

int main(void)
{
	log_set_sink(count, NULL);
	if (!mkdtemp(dir))
		bail("mkdtemp");
	snprintf(path, sizeof(path), "%s/mcsecd.sock.keys", dir);
	RUN(test_restart);
	RUN(test_garbage);
	RUN(test_no_place);
	return done();
}
