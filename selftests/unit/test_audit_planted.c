// SPDX-License-Identifier: Apache-2.0
/* Records in the files of a trail that its key server did not write. */
#include "audit_trail.h"

#include <sys/stat.h>

#include "crypto/hash.h"

/* Append a record as anybody can who may write the files: without a key. */
static void plant(struct trail_head *h, const char *event, uint64_t row,
		  json_t *more, const struct sigkey *sign)
{
	struct audit_entry e = line_of(row, event);
	uint8_t hash[AUDIT_HASH_LEN];
	char *line;

	e.identity = "mallory.example";
	e.more = more;
	/* A join is the line that the store could have. */
	if (strcmp(event, "join"))
		e.actor = (struct audit_actor){ true, 1000, 99, "alice" };
	if (audit_record_make(&e, h->n + 1, h->hash, sign, &line, hash))
		bail("cannot forge");
	h->n++;
	memcpy(h->hash, hash, sizeof(hash));
	load();
	insert_line(n_lines, line);
	store();
	json_decref(more);
}

static void plant_torn(struct trail_head *h, const uint8_t *digest)
{
	struct audit_entry e = line_of(0, AUDIT_TORN);
	uint8_t hash[AUDIT_HASH_LEN];
	char *line;

	e.identity = "";
	e.detail = "";
	e.more = audit_torn(40, digest);
	if (audit_record_make(&e, h->n + 1, h->hash, NULL, &line, hash))
		bail("cannot forge");
	load();
	insert_line(n_lines, line);
	store();
	json_decref(e.more);
}

/* Make a trail of @n joins that was killed behind a checkpoint. */
static void make_killed(unsigned int n, unsigned int signed_n,
			struct trail_head *anchor)
{
	struct trail *t;
	unsigned int i;

	new_dir();
	t = open_it(NULL, 0);
	for (i = 1; i <= n; i++) {
		add(t, i, "join", "a.example");
		if (i == signed_n)
			trail_checkpoint(t, &err);
		if (i == signed_n)
			trail_head(t, anchor);
	}
	trail_close(t, NULL);
	load();
	drop_line(n_lines - 1);
	store();
}

/* Start and stop; returns the row that the next line has to come behind. */
static uint64_t restart(const struct trail_head *anchor, uint64_t row)
{
	struct trail *t = open_it(anchor, row);
	struct trail_head head;
	struct err said = err;
	uint64_t at;

	trail_head(t, &head);
	for (at = head.row; at < row; at++)
		add(t, at + 1, "join", "a.example");
	trail_close(t, NULL);
	err = said;
	return head.row;
}

/* The record that says what is not proven, or "". */
static const char *unproven_line(void)
{
	static char line[AUDIT_LINE_MAX];
	size_t i;

	line[0] = '\0';
	load();
	for (i = 0; i < n_lines; i++)
		if (strstr(lines[i], "\"trail-unproven\""))
			snprintf(line, sizeof(line), "%s", lines[i]);
	store();
	return line;
}

/* A record that owns up to a torn line where there is none. */
static void test_planted_torn(void)
{
	static const uint8_t digest[AUDIT_HASH_LEN] = { 1 };
	struct trail_head anchor, h = { 0 };

	make(5);
	verify();
	h.n = last.last_n;
	memcpy(h.hash, last.last_hash, sizeof(h.hash));
	anchor = h;
	plant_torn(&h, digest);
	is_int(verify(), AUDIT_ALTERED,
	       "a record of a torn line that is not there is found");
	is_int(last.fault_n, 8, "the record of a torn line is named");
	restart(&anchor, 5);
	like(err.text, "8 was not written by the key server",
	     "the key server remarks the record of a torn line");
	like(unproven_line(), "\"first\":8,\"records\":1,",
	     "the record of a torn line is not proven");

	/* The same behind an open end, after a crash. */
	make_killed(6, 4, &anchor);
	verify();
	h.n = last.last_n;
	memcpy(h.hash, last.last_hash, sizeof(h.hash));
	plant_torn(&h, digest);
	is_int(verify(), AUDIT_ALTERED,
	       "a record of a torn line is found behind an open end");
	restart(&anchor, 6);
	like(unproven_line(), "\"first\":9,\"records\":1,",
	     "behind an open end it is not proven either");
}

static void test_planted(void)
{
	struct trail_head anchor, h = { 0 };
	struct trail *t;
	unsigned int i;

	new_dir();
	t = open_it(NULL, 0);
	for (i = 1; i <= 5; i++)
		add(t, i, "join", "a.example");
	trail_close(t, &anchor);
	h = anchor;
	plant(&h, "admit", 0, NULL, NULL);
	is_int(verify(), AUDIT_ALTERED, "a record behind the close is found");
	is_int(last.fault_n, 8, "the record behind the close is named");
	is_int(restart(&anchor, 5), 5, "the rows of the trail are the same");
	like(err.text, "8 was not written by the key server",
	     "the key server remarks the record behind the close");
	like(unproven_line(), "\"first\":8,\"records\":1,\"digest\":\"",
	     "a record says which ones are not proven");
	is_int(verify(), AUDIT_ALTERED,
	       "the signature behind it proves nothing");
	is_int(last.fault_n, 8, "the planted record is named for good");

	/* Behind a line that looks as if it was torn, and a record of that. */
	make(5);
	verify();
	h.n = last.last_n;
	memcpy(h.hash, last.last_hash, sizeof(h.hash));
	anchor = h;
	plant(&h, AUDIT_ROLLBACK, 0, NULL, NULL);
	plant(&h, "admit", 0, NULL, NULL);
	is_int(verify(), AUDIT_ALTERED,
	       "a record is found behind one that the trail itself may write");
	restart(&anchor, 5);
	verify();
	is_int(last.fault_n, 8, "the first planted record is named then");
	like(unproven_line(), "\"first\":8,\"records\":2,",
	     "both planted records are not proven");

	test_planted_torn();

	/* After a crash nothing says where the end was. */
	make_killed(6, 4, &anchor);
	verify();
	h.n = last.last_n;
	memcpy(h.hash, last.last_hash, sizeof(h.hash));
	plant(&h, "admit", 0, NULL, NULL);
	plant(&h, "join", 8, NULL, NULL);
	is_int(verify(), AUDIT_SOUND, "an open end proves nothing");
	ok(!last.closed, "the open end is known as open");
	is_int(restart(&anchor, 8), 6,
	       "lines that only somebody else's records have are missing");
	like(err.text, "records from 9 on (2 in number)",
	     "the key server remarks both records");
	is_int(verify(), AUDIT_ALTERED, "both stay found");
	is_int(last.fault_n, 9, "the first of both is named");
	is_int(last.last_row, 8, "the lines of the store are in the trail");
	is_int(restart(NULL, 8), 8, "the next start has all lines");

	/* A signature with another key. */
	make_killed(6, 4, &anchor);
	verify();
	h.n = last.last_n;
	memcpy(h.hash, last.last_hash, sizeof(h.hash));
	plant(&h, AUDIT_OPEN, 9, NULL, other_key);
	restart(&anchor, 9);
	like(unproven_line(), "\"first\":9,\"records\":1,",
	     "a signature of another key proves nothing");
}

static void test_planted_row(void)
{
	struct trail_head anchor, h = { 0 };

	/* Line 5 of the store is left out, and line 6 is what it is there. */
	make_killed(6, 4, &anchor);
	load();
	drop_line(7);
	drop_line(6);
	store();
	h = anchor;
	ids[6] = "mallory.example";
	plant(&h, "join", 6, NULL, NULL);
	is_int(restart(&anchor, 6), 4, "a line that was left out is missing");
	ids[6] = NULL;
	is_int(verify(), AUDIT_ALTERED, "the record without it is found");
	is_int(last.fault_n, 7, "the record without it is named");

	/* The rows of records that were moved in front of a signature. */
	make_killed(6, 4, &anchor);
	load();
	h.n = 4;
	memset(h.hash, 0, sizeof(h.hash));
	store();
	plant(&h, "join", 60, NULL, NULL);
	load();
	swap_lines(5, 8);
	store();
	is_int(restart(&anchor, 6), 4,
	       "a row counts only in the chain of a signature");
}

static void test_planted_removal(void)
{
	struct trail_cfg cfg = cfg_of();
	struct trail_head anchor, h = { 0 };
	char name[AUDIT_NAME_MAX], path[256];
	struct audit_files f;
	struct trail *t;
	uint8_t hash[AUDIT_HASH_LEN];
	struct audit_entry e;
	unsigned int i;
	char *line;
	FILE *o;

	new_dir();
	cfg.file_size = 2000;
	t = open_as(&cfg, NULL, 0);
	for (i = 1; i <= 40; i++)
		add(t, i, "join", "a.example");
	trail_close(t, &anchor);
	unlink(first_path());
	audit_files_find(dir, &f, &err);
	e = line_of(0, AUDIT_REMOVED_FILES);
	e.more = json_pack("{s:I}", "first-kept", (json_int_t)f.first[0]);
	h = anchor;
	if (audit_record_make(&e, h.n + 1, h.hash, NULL, &line, hash))
		bail("cannot forge");
	snprintf(path, sizeof(path), "%s/%s", dir,
		 audit_file_name(f.first[f.n - 1], name));
	o = fopen(path, "a");
	fputs(line, o);
	fclose(o);
	free(line);
	json_decref(e.more);
	audit_files_free(&f);
	is_int(verify(), AUDIT_REMOVED,
	       "only a signed record explains that files are gone");
	t = open_as(&cfg, &anchor, 40);
	ok(err.text[0], "the key server remarks the explanation");
	trail_close(t, NULL);
	ok(verify() != AUDIT_SOUND, "the next signature explains nothing");
}

static void test_numbers(void)
{
	struct trail_head anchor, h = { 0 };
	struct trail *t;

	make(5);
	verify();
	anchor.n = last.last_n;
	anchor.row = 5;
	memcpy(anchor.hash, last.last_hash, sizeof(anchor.hash));
	h = anchor;
	h.n = AUDIT_N_MAX - 1;
	plant(&h, "join", 0, NULL, NULL);
	t = open_it(&anchor, 5);
	is_int(add(t, 6, "join", "b.example"), 0, "a record is appended");
	trail_head(t, &h);
	is_int(h.n, anchor.n + 4, "a number from somebody else is not taken");
	trail_close(t, NULL);
	verify();
	is_int(last.last_row, 6, "the record can be read");
	is_int(last.last_n, anchor.n + 5, "the end of the trail can be read");

	new_dir();
	t = open_it(NULL, 0);
	is_int(add(t, AUDIT_N_MAX + 1, "join", "b.example"), -EOVERFLOW,
	       "a record that nobody could read is refused");
	is_int(add(t, AUDIT_N_MAX, "join", "b.example"), 0,
	       "the largest row is taken");
	trail_close(t, NULL);
	is_int(verify(), AUDIT_SOUND,
	       "the trail with the largest row is sound");
}

/* ---- the last record that is genuine ------------------------------------- */

static void hash_on(uint8_t digest[AUDIT_HASH_LEN],
		    const uint8_t hash[AUDIT_HASH_LEN])
{
	struct iovec iov[] = {
		{ digest, AUDIT_HASH_LEN },
		{ (void *)hash, AUDIT_HASH_LEN },
	};

	if (hash_sha256(iov, 2, digest))
		bail("SHA-256");
}

/* The digest names which records are not proven, whatever was read before. */
static void test_digest(void)
{
	char hex[2 * AUDIT_HASH_LEN + 1];
	uint8_t digest[AUDIT_HASH_LEN] = { 0 };
	struct trail_head anchor, h;
	unsigned int i;

	/* Lines 5 and 6 are known only when the store is asked. */
	make_killed(6, 4, &anchor);
	verify();
	h.n = last.last_n;
	memcpy(h.hash, last.last_hash, sizeof(h.hash));
	for (i = 0; i < 2; i++) {
		plant(&h, "admit", 0, NULL, NULL);
		hash_on(digest, h.hash);
	}
	restart(&anchor, 6);
	like(unproven_line(), audit_hex(digest, AUDIT_HASH_LEN, hex),
	     "the digest is that of the two planted records");
}

/* Without a store only signatures prove, and each of them begins anew. */
static void test_digest_alone(void)
{
	char hex[2 * AUDIT_HASH_LEN + 1];
	uint8_t digest[AUDIT_HASH_LEN] = { 0 };
	struct trail_cfg cfg = cfg_of();
	struct trail_head h = { 0 };
	struct trail *t;

	cfg.knows = NULL;
	make(5);
	verify();
	h.n = last.last_n;
	memcpy(h.hash, last.last_hash, sizeof(h.hash));
	plant(&h, "admit", 0, NULL, NULL);
	hash_on(digest, h.hash);
	t = open_as(&cfg, NULL, 5);
	trail_close(t, NULL);
	like(unproven_line(), audit_hex(digest, AUDIT_HASH_LEN, hex),
	     "the digest has nothing of what a signature proves");

	make(1);
	load();
	while (n_lines)
		drop_line(0);
	store();
	memset(&h, 0, sizeof(h));
	memset(digest, 0, sizeof(digest));
	plant(&h, "admit", 0, NULL, NULL);
	hash_on(digest, h.hash);
	plant(&h, "admit", 0, NULL, NULL);
	hash_on(digest, h.hash);
	t = open_as(&cfg, NULL, 5);
	trail_close(t, NULL);
	like(unproven_line(), audit_hex(digest, AUDIT_HASH_LEN, hex),
	     "the digest of a trail without a signature has each record once");
}

/* Return how many records are not proven at a start with this anchor and key. */
static unsigned int unproven_at(const struct trail_head *anchor, uint64_t row)
{
	const char *at;

	restart(anchor, row);
	at = strstr(unproven_line(), "\"records\":");
	return at ? atoi(at + 10) : 0;
}

/* The record at the anchor's place is another one. */
static void test_replaced(void)
{
	struct trail_head anchor, h;

	make_killed(6, 0, &anchor);
	verify();
	anchor.n = last.last_n;
	anchor.row = 6;
	memcpy(anchor.hash, last.last_hash, sizeof(anchor.hash));
	load();
	drop_line(n_lines - 1);
	store();
	verify();
	h.n = last.last_n;
	memcpy(h.hash, last.last_hash, sizeof(h.hash));
	plant(&h, "admit", 0, NULL, NULL);
	ok(unproven_at(&anchor, 6) > 0,
	   "a record in the place of the anchor is not proven");
}

/* A line of the store counts where it follows the last genuine record. */
static void test_chain(void)
{
	struct trail_head anchor, h = { 0 };

	ids[7] = "mallory.example";
	make_killed(6, 4, &anchor);
	verify();
	h.n = last.last_n;
	plant(&h, "join", 7, NULL, NULL);
	is_int(restart(&anchor, 7), 6, "a line with another predecessor");
	make_killed(6, 4, &anchor);
	verify();
	h.n = last.last_n + 3;
	memcpy(h.hash, last.last_hash, sizeof(h.hash));
	plant(&h, "join", 7, NULL, NULL);
	is_int(restart(&anchor, 7), 6, "a line with another number");
	ids[7] = NULL;

	/* A row that stands in front of the close, and not in its chain. */
	make(5);
	h.n = 6;
	memset(h.hash, 0, sizeof(h.hash));
	plant(&h, "join", 60, NULL, NULL);
	load();
	swap_lines(6, 7);
	store();
	is_int(restart(NULL, 5), 0, "a row of another chain does not count");

	/* A copy of a genuine record. */
	make(5);
	verify();
	anchor = (struct trail_head){ .n = last.last_n, .row = 5 };
	memcpy(anchor.hash, last.last_hash, sizeof(anchor.hash));
	load();
	insert_line(n_lines, strdup(lines[3]));
	store();
	is_int(unproven_at(&anchor, 5), 0,
	       "a copy further on is found by its number alone");
	ok(verify() != AUDIT_SOUND, "a copy further on is found");
}

/* Make a trail of five joins as somebody with another key would. */
static void make_theirs(void)
{
	struct trail_cfg cfg = cfg_of();
	struct trail *t;
	unsigned int i;

	new_dir();
	cfg.key = other_key;
	t = open_as(&cfg, NULL, 0);
	for (i = 1; i <= 5; i++)
		add(t, i, "join", "b.example");
	trail_close(t, NULL);
}

static void test_other_key(void)
{
	struct trail_cfg cfg = cfg_of();
	struct trail_head anchor;
	struct trail *t;

	/* Behind the anchor only the key from before it counts, and ours. */
	make(5);
	verify();
	anchor = (struct trail_head){ .n = last.last_n, .row = 5 };
	memcpy(anchor.hash, last.last_hash, sizeof(anchor.hash));
	cfg.key = other_key;
	t = open_as(&cfg, &anchor, 5);
	add(t, 6, "admit", "mallory.example");
	trail_close(t, NULL);
	ok(unproven_at(&anchor, 5) >= 2,
	   "records behind the anchor with a key of their own are not proven");

	/* Without one nothing tells the key that a sound trail names from ours. */
	make_theirs();
	is_int(unproven_at(NULL, 5), 0,
	       "a sound trail with an earlier key is proven without an anchor");
	make_theirs();
	load();
	swap_lines(2, 3);
	store();
	ok(unproven_at(NULL, 5) > 0,
	   "a damaged trail with another key is not proven");
}

/* A torn line is owned up to, and the next crash comes at once. */
static void test_torn_twice(void)
{
	static const uint8_t digest[AUDIT_HASH_LEN] = { 2 };
	struct trail_head anchor, h = { 0 };
	struct trail *t;
	size_t i;

	make_killed(6, 4, &anchor);
	load();
	lines[n_lines - 1][40] = '\0';
	store();
	t = open_it(&anchor, 6);
	trail_close(t, NULL);
	load();
	for (i = 0; i < n_lines; i++)
		if (strstr(lines[i], "\"" AUDIT_TORN "\""))
			break;
	if (i == n_lines)
		bail("no record of the torn line");
	while (n_lines > i + 1)
		drop_line(n_lines - 1);
	store();
	is_int(unproven_at(&anchor, 6), 0,
	       "the record of a torn line is the key server's own");

	/* Somebody else's record has what such a one has, and more. */
	make_killed(6, 4, &anchor);
	verify();
	h.n = last.last_n - 1;
	load();
	i = n_lines - 2;
	lines[n_lines - 1][40] = '\n';
	lines[n_lines - 1][41] = '\0';
	store();
	verify();
	h.n = last.last_n;
	memcpy(h.hash, last.last_hash, sizeof(h.hash));
	plant(&h, "admit", 0, audit_torn(41, digest), NULL);
	is_int(unproven_at(&anchor, 6), 1,
	       "no other record is taken for that of a torn line");
}

/* The age of a file counts from its first record, over restarts. */
static void test_age(void)
{
	struct trail_cfg cfg = cfg_of();
	struct audit_files f;
	struct trail *t;

	new_dir();
	cfg.file_age = 1000;
	t = open_as(&cfg, NULL, 0);
	add(t, 1, "join", "a.example");
	wall += 300;
	trail_close(t, NULL);
	wall += 300;
	t = open_as(&cfg, NULL, 1);
	add(t, 2, "join", "a.example");
	wall += 600;
	add(t, 3, "join", "a.example");
	add(t, 4, "join", "a.example");
	trail_close(t, NULL);
	if (audit_files_find(dir, &f, &err))
		bail("%s", err.text);
	is_int(f.n, 2, "a file that is too old is followed by another");
	audit_files_free(&f);
}

/* Only what is behind the anchor is read, and errors are not lost. */
static void test_read(void)
{
	struct trail_cfg cfg = cfg_of();
	struct trail_head anchor;
	char path[256];
	struct trail *t;
	unsigned int i;

	new_dir();
	cfg.file_size = 2000;
	t = open_as(&cfg, NULL, 0);
	for (i = 1; i <= 40; i++)
		add(t, i, "join", "a.example");
	trail_close(t, &anchor);
	unlink(first_path());
	t = open_as(&cfg, &anchor, 40);
	is_str(err.text, "", "files before the anchor's are not read");
	trail_close(t, NULL);

	make(5);
	verify();
	anchor = (struct trail_head){ .n = last.last_n, .row = 5 };
	memcpy(anchor.hash, last.last_hash, sizeof(anchor.hash));
	snprintf(path, sizeof(path), "%s", first_path());
	unlink(path);
	if (mkdir(path, 0700))
		bail("mkdir");
	cfg = cfg_of();
	err.text[0] = '\0';
	ok(trail_open(&cfg, &anchor, 5, &t, &err) < 0,
	   "a trail that cannot be read is not opened");
	like(err.text, strrchr(path, '/') + 1,
	     "the file that cannot be read is named: %s", err.text);
	rmdir(path);
}

/* A crash never leaves what is taken for somebody else's. */
static void test_honest(void)
{
	static const struct trail_head none;
	struct trail_cfg cfg = cfg_of();
	struct trail_head anchor;
	struct trail *t;

	make_killed(6, 4, &anchor);
	is_int(restart(&anchor, 6), 6, "lines behind the anchor are known");
	is_str(err.text, "", "nothing is remarked after a crash");
	is_int(verify(), AUDIT_SOUND, "the trail is sound after a crash");

	make_killed(6, 4, &anchor);
	is_int(restart(NULL, 6), 6, "lines are known without an anchor");
	is_str(err.text, "", "nothing is remarked without an anchor");

	make_killed(6, 4, &anchor);
	knows_ret = -EIO;
	is_int(trail_open(&cfg, &none, 6, &t, &err), -EIO,
	       "nothing is judged while the store cannot be read");
	is_str(err.text, "the store cannot be read", "the reason is told");
	knows_ret = 0;
	is_int(restart(&anchor, 6), 6, "the store is asked again");
	is_int(verify(), AUDIT_SOUND, "nothing was remarked meanwhile");

	/* The certificate is renewed after the crash. */
	make_killed(6, 4, &anchor);
	cfg.key = other_key;
	t = open_as(&cfg, &anchor, 6);
	is_str(err.text, "", "a crash before a new certificate is none either");
	trail_close(t, NULL);
	is_int(verify_with(NULL, NULL, 0), AUDIT_SOUND,
	       "the trail goes on with the key of the new certificate");
}

int main(void)
{
	audit_begin();
	RUN(test_planted);
	RUN(test_planted_row);
	RUN(test_planted_removal);
	RUN(test_numbers);
	RUN(test_digest);
	RUN(test_digest_alone);
	RUN(test_replaced);
	RUN(test_chain);
	RUN(test_other_key);
	RUN(test_torn_twice);
	RUN(test_age);
	RUN(test_read);
	RUN(test_honest);
	return audit_done();
}
