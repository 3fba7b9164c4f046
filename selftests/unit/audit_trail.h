/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trail on real files, for tests that tamper with it. The store behind it has
 * the lines that line_of() makes, in any number.
 */
#ifndef TEST_AUDIT_TRAIL_H
#define TEST_AUDIT_TRAIL_H

#include "tap.h"

#include <errno.h>
#include <unistd.h>

#include "audit/files.h"
#include "audit/trail.h"
#include "audit/verify.h"
#include "lib/clock.h"

#define like(text, part, ...) ok(strstr(text, part), __VA_ARGS__)

/* Thousands of syncs, which cost nothing in memory. */
static char base[64] = "/dev/shm/mcsec-audit-XXXXXX";
static char dir[128];
static struct sigkey *key, *other_key;
static struct sigpub *pub, *other_pub;
static struct err err;
static time_t wall = 1800000000;

static inline uint64_t no_mono(void *ctx)
{
	(void)ctx;
	return 0;
}

static inline time_t my_wall(void *ctx)
{
	(void)ctx;
	return wall;
}

static const struct clock my_clock = { no_mono, my_wall, NULL };

/* The identity in each line of the store that is not one of a.example. */
static const char *ids[64];
static int knows_ret;

static inline struct audit_entry line_of(uint64_t row, const char *event)
{
	return (struct audit_entry){
		.time = wall,
		.row = row,
		.event = event,
		.group = "video",
		.identity = row < ARRAY_SIZE(ids) && ids[row] ? ids[row]
							      : "a.example",
		.detail = "as receiver, at 10.0.0.1:848",
		.actor = { .user = "" },
	};
}

static inline int knows(void *arg, const struct audit_record *r,
			struct err *why)
{
	struct audit_entry e = line_of(r->entry.row, "join");

	(void)arg;
	if (knows_ret)
		return err_set(why, knows_ret, "the store cannot be read");
	return audit_record_is(r, &e);
}

static inline struct trail_cfg cfg_of(void)
{
	return (struct trail_cfg){
		.dir = dir,
		.key = key,
		.clock = &my_clock,
		.file_size = 1 << 20,
		.knows = knows,
	};
}

/* A folder of its own for each test. */
static inline void new_dir(void)
{
	static int n;

	snprintf(dir, sizeof(dir), "%s/%d", base, n++);
}

static inline struct trail *open_as(const struct trail_cfg *cfg,
				    const struct trail_head *anchor,
				    uint64_t row)
{
	static const struct trail_head none;
	struct trail *t;

	if (trail_open(cfg, anchor ? anchor : &none, row, &t, &err))
		bail("trail_open: %s", err.text);
	return t;
}

static inline struct trail *open_it(const struct trail_head *anchor,
				    uint64_t row)
{
	struct trail_cfg cfg = cfg_of();

	return open_as(&cfg, anchor, row);
}

static inline int add(struct trail *t, uint64_t row, const char *event,
		      const char *id)
{
	struct audit_entry e = line_of(row, event);

	e.identity = id;
	return trail_append(t, &e, &err);
}

/* Make a trail that was closed: open, @n joins, close. */
static inline void make(unsigned int n)
{
	struct trail *t;
	unsigned int i;

	new_dir();
	t = open_it(NULL, 0);
	for (i = 1; i <= n; i++)
		if (add(t, i, "join", "a.example"))
			bail("trail_append: %s", err.text);
	trail_close(t, NULL);
}

static inline char *first_path(void)
{
	static char path[256];
	struct audit_files f;
	char name[AUDIT_NAME_MAX];

	if (audit_files_find(dir, &f, &err) || !f.n)
		bail("no file in %s", dir);
	snprintf(path, sizeof(path), "%s/%s", dir,
		 audit_file_name(f.first[0], name));
	audit_files_free(&f);
	return path;
}

static inline char *read_file(size_t *len)
{
	FILE *f = fopen(first_path(), "r");
	char *p = calloc(1, 1 << 20);

	if (!f || !p)
		bail("cannot read %s", dir);
	*len = fread(p, 1, (1 << 20) - 1, f);
	fclose(f);
	return p;
}

static inline void write_file(const char *p, size_t len)
{
	FILE *f = fopen(first_path(), "w");

	if (!f || fwrite(p, 1, len, f) != len || fclose(f))
		bail("cannot write %s", dir);
}

static struct audit_check last;

static inline enum audit_fault verify_with(const struct sigpub *trust,
					   const struct audit_point *point,
					   uint64_t from)
{
	audit_check_free(&last);
	audit_check_init(&last);
	if (trust)
		last.trusted[last.n_trusted++] = trust;
	if (point)
		last.point = *point;
	last.from = from;
	if (audit_verify(dir, &last, NULL, NULL, &err))
		bail("audit_verify: %s", err.text);
	return last.fault;
}

static inline enum audit_fault verify(void)
{
	return verify_with(pub, NULL, 0);
}

/* Lines with their newlines. */
static char *lines[64];
static size_t n_lines;

static inline void split(char *text)
{
	char *end;

	for (n_lines = 0; *text; text = end) {
		end = strchr(text, '\n');
		end = end ? end + 1 : text + strlen(text);
		lines[n_lines++] = strndup(text, end - text);
	}
}

static inline void load(void)
{
	size_t len;
	char *p = read_file(&len);

	split(p);
	free(p);
}

static inline void store(void)
{
	char *all = calloc(1, 1 << 20);
	size_t i;

	for (i = 0; i < n_lines; i++)
		strcat(all, lines[i]);
	write_file(all, strlen(all));
	free(all);
	for (i = 0; i < n_lines; i++)
		free(lines[i]);
}

static inline void drop_line(size_t at)
{
	free(lines[at]);
	memmove(&lines[at], &lines[at + 1], (--n_lines - at) * sizeof(*lines));
}

static inline void insert_line(size_t at, char *text)
{
	memmove(&lines[at + 1], &lines[at], (n_lines++ - at) * sizeof(*lines));
	lines[at] = text;
}

static inline void swap_lines(size_t a, size_t b)
{
	char *p = lines[a];

	lines[a] = lines[b];
	lines[b] = p;
}

/* Write record @at anew with another text, and its right hash. */
static inline void forge(size_t at, const char *id, const struct sigkey *sign)
{
	struct audit_record r;
	uint8_t hash[AUDIT_HASH_LEN];

	if (audit_record_read(lines[at], strlen(lines[at]) - 1, &r))
		bail("line %zu is no record", at);
	r.entry.identity = id;
	free(lines[at]);
	if (audit_record_make(&r.entry, r.n, r.prev, sign, &lines[at], hash))
		bail("cannot forge");
	audit_record_free(&r);
}

/* Chain the records behind @at to it, as a forger would. */
static inline void forge_rest(size_t at, const struct sigkey *sign)
{
	uint8_t hash[AUDIT_HASH_LEN];
	struct audit_record r;
	bool is_signed;

	if (audit_record_read(lines[at], strlen(lines[at]) - 1, &r))
		bail("line %zu is no record", at);
	memcpy(hash, r.hash, sizeof(hash));
	audit_record_free(&r);
	while (++at < n_lines) {
		audit_record_read(lines[at], strlen(lines[at]) - 1, &r);
		is_signed = audit_record_is_signed(r.entry.event);
		free(lines[at]);
		audit_record_make(&r.entry, r.n, hash, is_signed ? sign : NULL,
				  &lines[at], hash);
		audit_record_free(&r);
	}
}

/* Make the folder and the keys. */
static inline void audit_begin(void)
{
	if (access("/dev/shm", W_OK))
		strcpy(base, "/tmp/mcsec-audit-XXXXXX");
	if (!mkdtemp(base) || sigkey_generate(SIG_ED25519, &key) ||
	    sigkey_generate(SIG_ECDSA_P256, &other_key) ||
	    sigkey_pub(key, &pub) || sigkey_pub(other_key, &other_pub))
		bail("no folder or no keys");
}

static inline int audit_done(void)
{
	audit_check_free(&last);
	sigkey_free(key);
	sigkey_free(other_key);
	sigpub_free(pub);
	sigpub_free(other_pub);
	snprintf(dir, sizeof(dir), "rm -rf %s", base);
	if (system(dir))
		diag("%s is left", base);
	return done();
}

#endif
