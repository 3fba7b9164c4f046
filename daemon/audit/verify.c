// SPDX-License-Identifier: Apache-2.0
#include "audit/verify.h"

#include <errno.h>

#include "audit/files.h"

struct walk {
	struct audit_check *c;
	audit_record_fn *fn;
	void *arg;
};

static int walk_line(void *arg, const char *file, unsigned long line,
		     const char *p, size_t len, bool whole)
{
	struct walk *w = arg;
	struct audit_record r;
	int ret = 0;

	if (!audit_check_line(w->c, file, line, p, len, whole, &r))
		return 0;
	if (w->fn)
		ret = w->fn(w->arg, &r);
	audit_record_free(&r);
	return ret;
}

int audit_verify(const char *dir, struct audit_check *c, audit_record_fn *fn,
		 void *arg, struct err *err)
{
	struct walk w = { c, fn, arg };
	struct audit_files files;
	int ret;
	size_t i;

	ret = audit_files_find(dir, &files, err);
	if (!ret && !files.n)
		ret = err_set(err, -ENOENT, "audit trail %s: no file of it",
			      dir);
	for (i = 0; !ret && i < files.n; i++)
		if (i + 1 == files.n || files.first[i + 1] > c->from)
			ret = audit_file_read(dir, files.first[i], walk_line,
					      &w, err);
	audit_files_free(&files);
	audit_check_end(c);
	return ret;
}
