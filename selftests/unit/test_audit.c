// SPDX-License-Identifier: Apache-2.0
/* The audit trail on real files: chain, tampering, torn writes, full disks. */
#include "audit_trail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- sound trails --------------------------------------------------------- */

static void test_chain(void)
{
	struct trail_head head;
	struct trail *t;

	make(20);
	is_int(verify(), AUDIT_SOUND, "a trail of 20 joins is sound");
	is_int(last.records, 22, "a trail of 20 joins has 22 records");
	ok(last.closed && !last.torn, "the trail was closed");
	is_int(last.signed_n, 22, "the last record is signed");
	is_int(last.last_row, 20, "line 20 of the store is in it");
	t = open_it(NULL, 20);
	is_str(err.text, "", "nothing is remarked when it is opened again");
	trail_head(t, &head);
	is_int(head.n, 23, "record 23 opens it again");
	is_int(head.row, 20, "the writer knows the last line of the store");
	is_int(add(t, 21, "leave", "a.example"), 0, "a record is appended");
	is_int(verify(), AUDIT_SOUND, "the open trail is sound");
	ok(!last.closed, "the open trail is not closed");
	is_int(last.signed_n, 23, "all up to record 23 is signed");
	is_int(trail_checkpoint(t, &err), 0, "a checkpoint is made");
	is_int(trail_checkpoint(t, &err), 0, "a second one is not needed");
	trail_head(t, &head);
	is_int(head.n, 25, "one checkpoint was appended");
	is_int(verify(), AUDIT_SOUND, "a trail with a checkpoint is sound");
	is_int(last.signed_n, 25, "all up to the checkpoint is signed");
	trail_close(t, NULL);
	is_int(verify_with(other_pub, NULL, 0), AUDIT_SIGNATURE,
	       "another key is not trusted");
	is_int(last.fault_n, 1, "the first record names the key");
	is_int(verify_with(NULL, NULL, 0), AUDIT_SOUND,
	       "the key of the trail is believed without a certificate");
}

static void test_texts(void)
{
	struct audit_entry e = {
		.time = wall,
		.event = "order",
		.group = "video",
		.identity = "b\xff\x01.example",
		.detail = "line\nend \"},\"hash\":\"",
		.actor = { true, 0, 77, "root" },
	};
	struct trail *t;
	size_t len;
	char *p;

	new_dir();
	t = open_it(NULL, 0);
	is_int(trail_append(t, &e, &err), 0, "odd texts are appended");
	trail_close(t, NULL);
	is_int(verify(), AUDIT_SOUND, "a trail with odd texts is sound");
	is_int(last.records, 3, "odd texts end no line");
	p = read_file(&len);
	ok(strstr(p, "\"id\":\"b\\\\xff\\\\x01.example\""),
	   "octets that are not UTF-8 are escaped");
	ok(strstr(p, "\"uid\":0,\"pid\":77,\"user\":\"root\""),
	   "uid, pid and user are in the record");
	free(p);
}

/* ---- tampering ------------------------------------------------------------- */

static void expect(enum audit_fault f, uint64_t n, const char *what)
{
	store();
	is_int(verify(), f, "%s: %s", what, audit_fault_str(f));
	is_int(last.fault_n, n, "%s: record %d is named (%s)", what, (int)n,
	       last.why.text);
}

static void test_altered(void)
{
	char *last;

	make(10);
	load();
	memcpy(strstr(lines[4], "a.example"), "z", 1);
	expect(AUDIT_ALTERED, 5, "an identity is changed");

	make(0);
	load();
	while (n_lines > 1)
		drop_line(1);
	lines[0][0] = '[';
	expect(AUDIT_ALTERED, 1, "the only record is changed");

	make(0);
	load();
	while (n_lines > 1)
		drop_line(1);
	insert_line(1, strdup(lines[0]));
	lines[0][0] = '[';
	lines[1][0] = '[';
	expect(AUDIT_ALTERED, 1, "both lines of a trail are changed");

	make(10);
	load();
	forge(4, "z.example", NULL);
	expect(AUDIT_ALTERED, 5, "a record is changed with its hash");

	make(10);
	load();
	forge(4, "z.example", NULL);
	forge_rest(4, other_key);
	expect(AUDIT_SIGNATURE, 12, "all behind it is chained anew");

	make(10);
	load();
	memset(lines[4], ' ', strlen(lines[4]) - 1);
	expect(AUDIT_ALTERED, 5, "a line is blank");

	make(10);
	load();
	insert_line(5, strdup("{}\n"));
	expect(AUDIT_ALTERED, 6, "a line is put in");

	make(10);
	load();
	last = &lines[11][strlen(lines[11]) - 10];
	*last = *last == '0' ? '1' : '0';
	expect(AUDIT_SIGNATURE, 12, "the last signature is changed");

	make(10);
	load();
	*strstr(lines[11], ",\"signature\"") = '\0';
	strcat(lines[11], "}\n");
	expect(AUDIT_SIGNATURE, 12, "the last signature is taken away");
}

/* Each octet of each record, one after the other. */
static void test_every_octet(void)
{
	enum audit_fault f;
	unsigned int noticed = 0, named = 0;
	size_t len, i, at, line = 1;
	char *p;

	make(3);
	p = read_file(&len);
	for (i = 0; i < len; i++) {
		at = line;
		line += p[i] == '\n';
		p[i] ^= 4;
		write_file(p, len);
		p[i] ^= 4;
		f = verify();
		noticed += f != AUDIT_SOUND || last.torn;
		named += last.fault_n == at || last.torn;
	}
	is_int(noticed, len, "a change of any octet of the file is noticed");
	is_int(named, len, "the changed record is named");
	free(p);
}

static void test_removed(void)
{
	struct audit_point point;

	make(10);
	load();
	drop_line(4);
	expect(AUDIT_REMOVED, 5, "one record is removed");
	like(last.why.text, "record 5 is missing", "the sentence names it");

	make(10);
	load();
	drop_line(4);
	drop_line(4);
	expect(AUDIT_REMOVED, 5, "two records are removed");
	like(last.why.text, "records 5 to 6 are missing",
	     "the sentence names both");

	make(10);
	load();
	drop_line(0);
	expect(AUDIT_REMOVED, 1, "the first record is removed");
	is_int(verify_with(NULL, NULL, 2), AUDIT_SIGNATURE,
	       "without the first record there is no key");

	make(10);
	verify();
	point.n = last.last_n;
	memcpy(point.hash, last.last_hash, sizeof(point.hash));
	load();
	drop_line(11);
	drop_line(10);
	store();
	is_int(verify(), AUDIT_SOUND, "the rest of a cut trail is sound");
	ok(!last.closed, "a cut trail was not closed");
	is_int(verify_with(pub, &point, 0), AUDIT_CUT,
	       "a cut is noticed by a head that was kept");
	is_int(last.fault_n, 11, "the first record that was cut off is named");
	point.n = 5;
	is_int(verify_with(pub, &point, 0), AUDIT_ALTERED,
	       "a kept head must be in the trail");
}

static void test_reordered(void)
{
	make(10);
	load();
	swap_lines(3, 6);
	expect(AUDIT_REORDERED, 4, "two records are swapped");

	make(10);
	load();
	insert_line(9, strdup(lines[3]));
	expect(AUDIT_REORDERED, 4, "a record is repeated");

	make(10);
	load();
	insert_line(11, lines[3]);
	memmove(&lines[3], &lines[4], (--n_lines - 3) * sizeof(*lines));
	expect(AUDIT_REORDERED, 4, "a record is moved to the end");
}

/* ---- torn writes ------------------------------------------------------------ */

/* The file ends after each of its octets, then the writer goes on. */
static void test_torn(void)
{
	unsigned int sound = 0, torn = 0, forged = 0, n = 0;
	struct trail_head head;
	size_t len, i, start;
	struct trail *t;
	char *p;

	make(2);
	p = read_file(&len);
	start = strchr(p, '\n') + 1 - p;
	for (i = start; i < len; i++, n++) {
		write_file(p, i);
		forged += verify() != AUDIT_SOUND;
		torn += last.torn;
		t = open_it(NULL, 2);
		forged += *err.text != '\0';
		trail_head(t, &head);
		/* The caller appends again what is missing. */
		while (head.row < 2) {
			add(t, head.row + 1, "join", "a.example");
			trail_head(t, &head);
		}
		trail_close(t, NULL);
		sound += verify() == AUDIT_SOUND && last.closed &&
			 last.last_row == 2;
	}
	is_int(sound, n, "a trail torn at any octet goes on and is sound");
	is_int(forged, 0, "a torn line is not taken for an altered one");
	is_int(torn, n - 3, "all that end inside of a line are known as torn");
	write_file(p, start + 40);
	t = open_it(NULL, 2);
	trail_close(t, NULL);
	load();
	like(lines[2], "\"event\":\"trail-torn\"", "a record owns up to it");
	like(lines[2], "\"octets\":40", "it says how much was torn");
	lines[1][20] ^= 1;
	expect(AUDIT_ALTERED, 2, "a torn line is changed afterwards");
	free(p);
}

/* ---- an anchor ----------------------------------------------------------------- */

static void test_anchor(void)
{
	static const struct trail_head none;
	struct trail_head anchor;
	struct trail *t;
	size_t i;

	new_dir();
	t = open_it(NULL, 0);
	for (i = 1; i <= 10; i++)
		add(t, i, "join", "a.example");
	trail_close(t, &anchor);
	is_int(anchor.n, 12, "the anchor is the close");
	t = open_it(&anchor, 10);
	is_str(err.text, "", "the anchor is found");
	trail_close(t, NULL);

	load();
	while (n_lines > 6)
		drop_line(n_lines - 1);
	store();
	t = open_it(&anchor, 10);
	like(err.text, "records 7 to 12 were cut off",
	     "a cut is noticed at the start");
	trail_head(t, &anchor);
	is_int(anchor.n, 14, "the numbers that were cut off are not reused");
	is_int(anchor.row, 5, "the caller may append the missing lines again");
	trail_close(t, &anchor);
	is_int(verify(), AUDIT_CUT, "the cut stays visible");
	is_int(last.fault_n, 7, "the first missing record is named");

	unlink(first_path());
	t = open_it(&anchor, 10);
	like(err.text, "cut off", "a trail that is gone is noticed");
	trail_close(t, NULL);

	make(10);
	t = open_it(&none, 4);
	like(err.text, "line 10 of the store, whose last one is 4",
	     "a store that went back is noticed");
	trail_head(t, &anchor);
	is_int(anchor.row, 4, "lines of the store count anew");
	trail_close(t, NULL);
	is_int(verify(), AUDIT_SOUND, "the trail itself is sound");

	make(10);
	load();
	forge(9, "z.example", NULL);
	forge_rest(9, other_key);
	store();
	verify();
	anchor.n = 10;
	memset(anchor.hash, 1, sizeof(anchor.hash));
	t = open_it(&anchor, 10);
	like(err.text, "record 10 is not the one",
	     "an altered end is noticed at the start");
	trail_close(t, NULL);
}

/* ---- files ----------------------------------------------------------------------- */

static unsigned int count_files(void)
{
	struct audit_files f;
	unsigned int n;

	audit_files_find(dir, &f, &err);
	n = f.n;
	audit_files_free(&f);
	return n;
}

static void test_rotation(void)
{
	struct trail_cfg cfg = cfg_of();
	unsigned int i, n;
	struct trail *t;

	new_dir();
	cfg.dir = dir;
	cfg.file_size = 2000;
	t = open_as(&cfg, NULL, 0);
	for (i = 1; i <= 40; i++)
		add(t, i, "join", "a.example");
	trail_close(t, NULL);
	n = count_files();
	ok(n >= 5, "40 records are in %u files", n);
	is_int(verify(), AUDIT_SOUND, "the chain goes on over the files");
	t = open_as(&cfg, NULL, 40);
	is_str(err.text, "", "the last file is enough to go on");
	trail_close(t, NULL);
	is_int(verify(), AUDIT_SOUND, "the trail is sound after that");
	unlink(first_path());
	is_int(verify(), AUDIT_REMOVED, "a file that is removed is missed");
	is_int(last.fault_n, 1, "rotation: the trail begins with record 1");
	is_int(verify_with(pub, NULL, last.first), AUDIT_SOUND,
	       "a trail may begin later for who knows that");

	new_dir();
	cfg.keep = 3;
	t = open_as(&cfg, NULL, 0);
	for (i = 1; i <= 60; i++)
		add(t, i, "join", "a.example");
	trail_close(t, NULL);
	is_int(count_files(), 3, "three files are kept");
	is_int(verify(), AUDIT_SOUND, "the removal is owned up to");
	ok(last.first > 1, "the trail begins with record %d", (int)last.first);
	unlink(first_path());
	is_int(verify(), AUDIT_REMOVED, "another removal is not");

	new_dir();
	cfg = cfg_of();
	cfg.file_age = 3600;
	t = open_as(&cfg, NULL, 0);
	add(t, 1, "join", "a.example");
	wall += 3601;
	add(t, 2, "join", "a.example");
	trail_close(t, NULL);
	is_int(count_files(), 2, "an old file is followed by another");
	is_int(verify(), AUDIT_SOUND, "both are one chain");
}

static void test_empty_file(void)
{
	char path[256], name[AUDIT_NAME_MAX];
	struct trail *t;
	int fd;

	make(3);
	snprintf(path, sizeof(path), "%s/%s", dir, audit_file_name(6, name));
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	t = open_it(NULL, 3);
	is_str(err.text, "", "a crash behind the creation of a file is none");
	trail_close(t, NULL);
	is_int(verify(), AUDIT_SOUND, "the trail goes on in the empty file");
	is_int(last.records, 7, "the trail has all records");
}

static void test_two_writers(void)
{
	struct trail_cfg cfg = cfg_of();
	static const struct trail_head none;
	struct trail *t, *u = NULL;

	new_dir();
	t = open_as(&cfg, NULL, 0);
	is_int(trail_open(&cfg, &none, 0, &u, &err), -EBUSY,
	       "a second writer is refused");
	like(err.text, "another process writes it", "it is told why");
	trail_close(t, NULL);
	is_int(trail_open(&cfg, &none, 0, &u, &err), 0,
	       "the next writer comes behind the first");
	trail_close(u, NULL);
	is_int(verify(), AUDIT_SOUND, "the trail is sound");
}

/* ---- a full disk ------------------------------------------------------------------- */

static void limit_file(rlim_t octets)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_FSIZE, &r))
		bail("getrlimit");
	r.rlim_cur = octets < r.rlim_max ? octets : r.rlim_max;
	if (setrlimit(RLIMIT_FSIZE, &r))
		bail("setrlimit");
}

static void test_full(void)
{
	unsigned int sound = 0, refused = 0, n = 0;
	struct trail_head head;
	struct trail *t;
	struct stat st;
	off_t room;
	int ret;

	signal(SIGXFSZ, SIG_IGN);
	for (room = 0; room < 300; room += 7, n++) {
		new_dir();
		t = open_it(NULL, 0);
		add(t, 1, "join", "a.example");
		stat(first_path(), &st);
		limit_file(st.st_size + room);
		ret = add(t, 2, "join", "b.example");
		if (!ret)
			ret = add(t, 3, "join", "b.example");
		refused += ret == -EFBIG;
		trail_head(t, &head);
		limit_file(RLIM_INFINITY);
		sound += verify() == AUDIT_SOUND && !last.torn &&
			 last.last_n == head.n;
		while (head.row < 3) {
			add(t, head.row + 1, "join", "c.example");
			trail_head(t, &head);
		}
		trail_close(t, NULL);
		sound += verify() == AUDIT_SOUND && last.last_row == 3;
	}
	is_int(refused, n, "a full disk is an error");
	is_int(sound, 2 * n, "nothing is half written, and all comes later");
}

/* A process that is killed, after any number of records. */
static void test_killed(void)
{
	unsigned int sound = 0, i, n = 8;
	struct trail_head head;
	struct trail *t;
	int begun[2];
	pid_t pid;
	char c;

	new_dir();
	for (i = 0; i < n; i++) {
		if (pipe(begun))
			bail("pipe");
		pid = fork();
		if (!pid) {
			t = open_it(NULL, 1000);
			if (write(begun[1], "", 1) != 1)
				_exit(1);
			for (;;) {
				trail_head(t, &head);
				add(t, head.row + 1, "join", "a.example");
			}
		}
		/* A busy machine starts the writer late. */
		close(begun[1]);
		if (read(begun[0], &c, 1) != 1)
			bail("the writer did not begin");
		close(begun[0]);
		usleep(3000);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		sound += verify() == AUDIT_SOUND;
	}
	is_int(sound, n, "a writer that is killed leaves a sound trail");
	t = open_it(NULL, UINT64_MAX);
	is_str(err.text, "", "the next one has nothing to remark");
	trail_close(t, NULL);
	is_int(verify(), AUDIT_SOUND, "the trail goes on");
}

int main(void)
{
	audit_begin();
	RUN(test_chain);
	RUN(test_texts);
	RUN(test_altered);
	RUN(test_every_octet);
	RUN(test_removed);
	RUN(test_reordered);
	RUN(test_torn);
	RUN(test_anchor);
	RUN(test_rotation);
	RUN(test_empty_file);
	RUN(test_two_writers);
	RUN(test_full);
	RUN(test_killed);
	return audit_done();
}
