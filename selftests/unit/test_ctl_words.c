// SPDX-License-Identifier: Apache-2.0
/*
 * Parsing of words and key files by mcsecctl. The sources are included here,
 * and this program catches their error messages.
 */
#include <stdarg.h>
#include <sys/stat.h>

#include "../../tools/mcsecctl/words.c"
#include "../../tools/mcsecctl/keyfile.c"
#include "tap.h"

static char said[512];
static int complaints;

int complain(int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
	complaints++;
	return code;
}

void warn_user(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
	complaints++;
}

static void test_numbers(void)
{
	static const char *const bad[] = { "",
					   "0x",
					   " 1",
					   "1 ",
					   "-1",
					   "+1",
					   "1.5",
					   "18446744073709551616",
					   "0xg",
					   "12a",
					   "0x1p3",
					   "1e3",
					   "0x10000000000000000",
					   NULL };
	uint32_t spi;
	uint64_t v;
	size_t i;

	ok(parse_u64("0", &v) && !v, "0");
	ok(parse_u64("18446744073709551615", &v) && v == UINT64_MAX,
	   "the largest");
	ok(parse_u64("0xFFffffffffffffff", &v) && v == UINT64_MAX,
	   "the largest number is read in hexadecimal");
	ok(parse_u64("010", &v) && v == 10, "a leading zero is not octal");
	for (i = 0; bad[i]; i++)
		ok(!parse_u64(bad[i], &v), "\"%s\" is no number", bad[i]);

	is_int(read_spi("256", &spi), 0, "the smallest SPI");
	is_int(read_spi("0xffffffff", &spi), 0, "the largest SPI is read");
	is_int(spi, UINT32_MAX, "the largest SPI is 0xffffffff");
	is_int(read_spi("255", &spi), EXIT_USAGE, "255 is reserved");
	is_int(read_spi("0x100000000", &spi), EXIT_USAGE, "33 bits are none");
	ok(strstr(said, "0x100000000"), "the complaint has the word");
}

static void test_sender_ids(void)
{
	static const char *const bad[] = {
		"",	   ",",
		"1,",	   ",1",
		"2-1",	   "1-",
		"-1",	   "1--2",
		"1,,2",	   "65536",
		"0-65536", "a",
		"1-2-3",   "11111111111111111111111111111111111111111111",
		NULL
	};
	uint32_t ids[MCSEC_SENDER_IDS_MAX];
	size_t i, n;

	is_int(read_sender_ids("7", ids, &n), 0, "one Sender-ID");
	ok(n == 1 && ids[0] == 7, "one Sender-ID is 7");
	is_int(read_sender_ids("0-3,9,0x10-0x11", ids, &n), 0,
	       "sender ids: ranges");
	is_int(n, 7, "ranges have 7 Sender-IDs");
	ok(ids[3] == 3 && ids[4] == 9 && ids[6] == 17, "sender ids: in order");
	is_int(read_sender_ids("65535", ids, &n), 0, "the largest");
	is_int(read_sender_ids("0-255", ids, &n), 0, "256 Sender-IDs are read");
	is_int(n, 256, "256 Sender-IDs are counted");
	is_int(read_sender_ids("0-256", ids, &n), EXIT_USAGE, "257 are not");
	is_int(read_sender_ids("0-254,1,2", ids, &n), EXIT_USAGE,
	       "257 Sender-IDs are refused in pieces");
	for (i = 0; bad[i]; i++)
		is_int(read_sender_ids(bad[i], ids, &n), EXIT_USAGE,
		       "\"%s\" are no Sender-IDs", bad[i]);
}

static void test_groups(void)
{
	char name[MCSEC_NAME_MAX + 1];

	is_int(read_group("video", name), 0, "a group's name");
	is_str(name, "video", "a group's name is copied");
	is_int(read_group("0123456789012345678901234567890", name), 0,
	       "the longest");
	is_int(read_group("01234567890123456789012345678901", name), EXIT_USAGE,
	       "one longer");
	is_int(read_group("", name), EXIT_USAGE, "groups: no name is refused");
	is_int(read_group("a b", name), EXIT_USAGE, "two words");
	is_int(read_group("a\nb", name), EXIT_USAGE, "two lines");
	ok(!strchr(said, '\n'),
	   "a name of two lines is not repeated in the complaint");
	is_str(name, "0123456789012345678901234567890",
	       "a name that is refused is not copied");
}

struct object {
	uint32_t n;
	uint32_t other;
	bool yes;
	const char *text;
	enum mcsec_alg alg;
};

#define AT(member) .off = offsetof(struct object, member)

static const struct word table[] = {
	WORD("number", "a number", set_u32, AT(n), .min = 5, .max = 10),
	WORD("yes", NULL, set_true, AT(yes)),
	WORD("text", "a text", set_string, AT(text)),
	WORD("alg", "a transform", set_name, AT(alg), .names = kalg_names),
	{}
};

static int words(struct object *o, uint32_t *seen, ...)
{
	char *argv[16];
	int argc = 0;
	va_list ap;

	memset(o, 0, sizeof(*o));
	va_start(ap, seen);
	while ((argv[argc] = va_arg(ap, char *)))
		argc++;
	va_end(ap);
	return read_words(table, argc, argv, o, seen);
}

static void test_words(void)
{
	struct object o;
	uint32_t seen;

	is_int(words(&o, &seen, NULL), 0, "no words");
	is_int(seen, 0, "none were seen");
	is_int(words(&o, &seen, "text", "number", "--yes", "alg", "aes-gmac",
		     "number", "10", NULL),
	       0, "words in any order");
	ok(o.n == 10 && o.yes && o.alg == MCSEC_ALG_AES_GMAC && !o.other,
	   "have their values");
	is_str(o.text, "number", "a value may look like a word");
	is_int(seen, 15, "all words were seen");

	is_int(words(&o, &seen, "number", NULL), EXIT_USAGE, "no value");
	is_str(said, "number: a number is missing",
	       "a missing value is reported");
	is_int(words(&o, &seen, "number", "4", NULL), EXIT_USAGE,
	       "a number that is too small is refused");
	is_int(words(&o, &seen, "number", "11", NULL), EXIT_USAGE,
	       "a number that is too large is refused");
	is_str(said, "number \"11\": not a number from 5 to 10",
	       "the complaint has the permitted range");
	is_int(words(&o, &seen, "yes", "yes", NULL), EXIT_USAGE,
	       "words: a word that comes twice is refused");
	is_int(words(&o, &seen, "alg", "rot13", NULL), EXIT_USAGE,
	       "an unknown name");
	is_str(said,
	       "unknown alg \"rot13\": aes-gcm-16, aes-gmac or chacha20-poly1305",
	       "the complaint has the known names");
	is_int(words(&o, &seen, "foo", NULL), EXIT_USAGE, "an unknown word");
	is_str(said, "unknown word \"foo\": number, yes, text or alg",
	       "the complaint has the known words");
	is_int(words(&o, &seen, "unmber", "7", NULL), EXIT_USAGE,
	       "a word with two letters swapped is refused");
	is_str(said, "unknown word \"unmber\"; there is \"number\"",
	       "the complaint has the word that is nearest");
	is_int(words(&o, &seen, "--txet", "a", NULL), EXIT_USAGE,
	       "a word with dashes and two letters swapped is refused");
	is_str(said, "unknown word \"--txet\"; there is \"text\"",
	       "dashes do not make a word another one");
	is_int(words(&o, &seen, "text", "", NULL), EXIT_USAGE,
	       "an empty value");
	is_int(words(&o, &seen, "--", NULL), EXIT_USAGE, "dashes alone");
}

#define K20 "000102030405060708090a0b0c0d0e0f10111213"
#define K36 K20 "1415161718191A1B1C1D1E1F20212223"

static int key_from(const char *path, const char *text, enum mcsec_alg alg,
		    uint8_t *key, size_t *len)
{
	FILE *f = fopen(path, "w");

	fputs(text, f);
	fclose(f);
	return read_key(path, alg, key, len);
}

static void test_keys(void)
{
	static const uint8_t zero[KSA_KEY_MAX];
	uint8_t key[KSA_KEY_MAX], want[KSA_KEY_MAX];
	enum mcsec_alg gcm = MCSEC_ALG_AES_GCM_16;
	char dir[] = "/tmp/test-keys-XXXXXX";
	char path[64], big[2000];
	size_t len;
	int i;

	for (i = 0; i < KSA_KEY_MAX; i++)
		want[i] = i;
	if (!mkdtemp(dir))
		bail("mkdtemp");
	snprintf(path, sizeof(path), "%s/k", dir);
	umask(077);

	is_int(key_from(path, K20 "\n", gcm, key, &len), 0, "a key of 128");
	is_mem(key, len, want, 20, "keys: octets");
	is_int(key_from(path, K36, gcm, key, &len), 0,
	       "a key of 256 bits is read");
	is_mem(key, len, want, 36, "keys: octets");
	is_int(key_from(path,
			" 00010203 04050607\t08090a0b\r\n 0c0d0e0f\n10111213\n\n",
			gcm, key, &len),
	       0, "white space does not matter");
	is_mem(key, len, want, 20, "keys: blanks may be anywhere");
	complaints = 0;

	is_int(key_from(path, "", gcm, key, &len), EXIT_FAILED, "no key");
	is_int(key_from(path, K20 "1", gcm, key, &len), EXIT_FAILED,
	       "half an octet");
	is_int(key_from(path, K20 "14", gcm, key, &len), EXIT_FAILED,
	       "an octet too many");
	is_int(key_from(path, K36 "24", gcm, key, &len), EXIT_FAILED,
	       "more than any key has");
	is_mem(key, sizeof(key), zero, sizeof(zero),
	       "nothing is left of what was refused");
	is_int(key_from(path, K20, MCSEC_ALG_CHACHA20_POLY1305, key, &len),
	       EXIT_FAILED, "a key too short for the transform is refused");
	is_int(key_from(path, "0x" K20, gcm, key, &len), EXIT_FAILED,
	       "a key with what is no digit is refused");
	ok(strstr(said, "character 2") && !strstr(said, "0001"),
	   "the digit is named by its place, and the key is not repeated");
	memset(big, 'a', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	is_int(key_from(path, big, gcm, key, &len), EXIT_FAILED,
	       "a file far too long");
	is_int(complaints, 7, "each was complained about once");

	complaints = 0;
	chmod(path, 0604);
	key_from(path, K20, gcm, key, &len);
	is_int(complaints, 1, "a file that others can read is warned about");
	unlink(path);
	is_int(read_key(path, gcm, key, &len), EXIT_FAILED, "no file");
	is_int(read_key(dir, gcm, key, &len), EXIT_FAILED, "a folder");
	rmdir(dir);
}

/* Two keys on stdin are read by two commands. */
static void test_stdin(void)
{
	uint8_t key[KSA_KEY_MAX];
	size_t len;
	int fd[2];

	if (pipe(fd) || dup2(fd[0], STDIN_FILENO) < 0)
		bail("pipe");
	dprintf(fd[1], K20 "\n" K36 "\n");
	close(fd[1]);
	is_int(read_key(NULL, MCSEC_ALG_AES_GCM_16, key, &len), 0,
	       "a key from stdin");
	is_int(len, 20, "the first key is one line of 20 octets");
	is_int(read_key("-", MCSEC_ALG_AES_GCM_16, key, &len), 0,
	       "the next line");
	is_int(len, 36, "the second line has the next key, of 36 octets");
	is_int(read_key("-", MCSEC_ALG_AES_GCM_16, key, &len), EXIT_FAILED,
	       "after the last line of stdin there is no key");
}

/* @want has the words, separated by |. */
static void splits(const char *line, const char *want, const char *name)
{
	char buf[256], got[256] = "", *v[4];
	int i, n;

	snprintf(buf, sizeof(buf), "%s", line);
	n = split_line(buf, v, 4);
	for (i = 0; i < n; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s",
			 i ? "|" : "", v[i]);
	ok(n >= 0, "%s: can be split", name);
	is_str(got, want, "%s", name);
}

static void test_split(void)
{
	static const char *const bad[] = { "\"",     "a \"b",	   "a \"b c",
					   "a\"b\"", "\"a\"b",	   "\"a\"#",
					   "a\"",    "\"a\"\"b\"", "\"a\\\"b\"",
					   NULL };
	char buf[64], *v[4];
	size_t i;

	splits("", "", "nothing");
	splits("\n", "", "an empty line");
	splits(" \t \r\n", "", "blanks");
	splits("group add a 239.1.1.1\n", "group|add|a|239.1.1.1", "words");
	splits("\t group \t flush  ", "group|flush", "blanks around words");
	splits("show\r\n", "show", "a line of another system");
	splits("show", "show", "a last line without an end");
	splits("# group flush", "", "a comment");
	splits("  #", "", "a short one");
	splits("show # all \"", "show", "one behind words");
	splits("group del a#b", "group|del|a#b", "no comment inside a word");
	splits("a \"b c\" d", "a|b c|d", "quotes");
	splits("\"#\" \"\"", "#|", "quotes keep what is in them as it is");
	splits("\"a\"\n", "a", "quotes at the end");
	for (i = 0; bad[i]; i++) {
		snprintf(buf, sizeof(buf), "%s", bad[i]);
		is_int(split_line(buf, v, 4), -EINVAL, "quotes: %s", bad[i]);
	}
	strcpy(buf, "a b c d # e");
	is_int(split_line(buf, v, 4), 4,
	       "a line has as many words as there is room for");
	strcpy(buf, "a b c d e");
	is_int(split_line(buf, v, 4), -E2BIG, "one more");
}

/*
 * A batch on stdin must detect all names by which a key would be read from
 * there.
 */
static void test_names_stdin(void)
{
	char path[] = "/tmp/test-stdin-XXXXXX";
	int fd = mkstemp(path);
	int pipes[2];

	if (fd < 0 || dup2(fd, STDIN_FILENO) < 0)
		bail("mkstemp");
	ok(names_stdin(NULL) && names_stdin("-"), "stdin is stdin");
	ok(names_stdin("/dev/stdin"), "/dev/stdin is stdin");
	ok(names_stdin(path), "stdin is known by the name of the file it is");
	ok(!names_stdin("/dev/null"), "another file is another");
	ok(!names_stdin("/tmp/test-stdin-none"),
	   "a file that is not there is not stdin");
	if (pipe(pipes) || dup2(pipes[0], STDIN_FILENO) < 0)
		bail("pipe");
	ok(names_stdin("/dev/stdin"), "a pipe too");
	ok(!names_stdin(path), "a pipe on stdin is not that file");
	close(fd);
	unlink(path);
}

int main(void)
{
	RUN(test_split);
	RUN(test_numbers);
	RUN(test_sender_ids);
	RUN(test_groups);
	RUN(test_words);
	RUN(test_keys);
	RUN(test_stdin);
	RUN(test_names_stdin);
	return done();
}
