// SPDX-License-Identifier: Apache-2.0
#include "audit/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/record.h"

#define PREFIX "trail-"
#define SUFFIX ".jsonl"
/* Longest number of a name. */
#define DIGITS_MAX 19

char *audit_file_name(uint64_t first, char buf[static AUDIT_NAME_MAX])
{
	snprintf(buf, AUDIT_NAME_MAX, PREFIX "%012" PRIu64 SUFFIX, first);
	return buf;
}

/* Return the number in a name, or 0 if the file is none of a trail. */
static uint64_t name_number(const char *name)
{
	char again[AUDIT_NAME_MAX];
	const char *p = name + strlen(PREFIX);
	uint64_t n;

	if (strncmp(name, PREFIX, strlen(PREFIX)) ||
	    strspn(p, "0123456789") > DIGITS_MAX)
		return 0;
	n = strtoull(p, NULL, 10);
	return strcmp(audit_file_name(n, again), name) ? 0 : n;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int add_file(struct audit_files *f, uint64_t first)
{
	uint64_t *v = reallocarray(f->first, f->n + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	f->first = v;
	f->first[f->n++] = first;
	return 0;
}

int audit_files_find(const char *dir, struct audit_files *f, struct err *err)
{
	struct dirent *e;
	uint64_t first;
	int ret = 0;
	DIR *d;

	memset(f, 0, sizeof(*f));
	d = opendir(dir);
	if (!d) {
		ret = -errno;
		return err_set(err, ret, "audit trail %s: %s", dir,
			       strerror(-ret));
	}
	while (!ret && (e = readdir(d))) {
		first = name_number(e->d_name);
		if (first)
			ret = add_file(f, first);
	}
	closedir(d);
	if (ret) {
		audit_files_free(f);
		return err_set(err, ret, "audit trail %s: out of memory", dir);
	}
	if (f->n)
		qsort(f->first, f->n, sizeof(*f->first), by_number);
	return 0;
}

void audit_files_free(struct audit_files *f)
{
	free(f->first);
	f->first = NULL;
	f->n = 0;
}

/* Lines of one file, by a buffer that holds the longest record. */
struct reader {
	int fd;
	const char *name;
	unsigned long line;
	size_t len;
	char buf[AUDIT_LINE_MAX];
	audit_line_fn *fn;
	void *arg;
};

static int pass_lines(struct reader *r)
{
	char *p = r->buf, *end;
	int ret = 0;

	while (!ret && (end = memchr(p, '\n', r->buf + r->len - p))) {
		ret = r->fn(r->arg, r->name, ++r->line, p, end - p, true);
		p = end + 1;
	}
	r->len -= p - r->buf;
	memmove(r->buf, p, r->len);
	if (!ret && r->len == sizeof(r->buf)) {
		ret = r->fn(r->arg, r->name, ++r->line, r->buf, r->len, true);
		r->len = 0;
	}
	return ret;
}

static int read_lines(struct reader *r, struct err *err)
{
	ssize_t n;
	int ret;

	for (;;) {
		n = read(r->fd, r->buf + r->len, sizeof(r->buf) - r->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			ret = -errno;
			return err_set(err, ret, "%s: %s", r->name,
				       strerror(-ret));
		}
		if (!n)
			break;
		r->len += n;
		ret = pass_lines(r);
		if (ret)
			return ret;
	}
	return r->len ? r->fn(r->arg, r->name, ++r->line, r->buf, r->len, false)
		      : 0;
}

int audit_file_read(const char *dir, uint64_t first, audit_line_fn *fn,
		    void *arg, struct err *err)
{
	struct reader r = { .fn = fn, .arg = arg };
	char name[AUDIT_NAME_MAX], *path;
	int ret;

	r.name = audit_file_name(first, name);
	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return err_set(err, -ENOMEM, "%s: out of memory", name);
	r.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (r.fd < 0) {
		ret = -errno;
		err_set(err, ret, "%s: %s", path, strerror(-ret));
	} else {
		ret = read_lines(&r, err);
		close(r.fd);
	}
	free(path);
	return ret;
}
