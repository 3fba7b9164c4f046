// SPDX-License-Identifier: Apache-2.0
/*
 * A line has, with blanks between: the digests of issuer and scope and of the trusted
 * CA above (struct crl_list), thisUpdate in seconds since 1970, the number of the list
 * in hexadecimal or "-", and the name of the issuer, which is for people only.
 */
#include "crypto/crlseen.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/crls.h"
#include "crypto/pkey.h"
#include "lib/buf.h"
#include "lib/file.h"
#include "lib/secret.h"

#define FILE_MAX_LEN (1 << 20)
#define MAX_LINES 4096
#define NAME_MAX_LEN 512
#define DIGITS "0123456789abcdef"

static const char head[] =
	"# mcsecd(8): the newest revocation list of each CA. To take an older list, or to\n"
	"# do without one, remove its line, and reload or restart mcsecd.\n";

struct seen_list {
	uint8_t mark[CRL_MARK_LEN];
	uint8_t anchor[CRL_MARK_LEN];
	struct crl_age age;
	char *name;
};

struct crl_seen {
	char *path;
	char *beside; /* for the next contents */
	bool written; /* the file beside is there */
	struct seen_list *v;
	size_t n;
};

void crl_seen_free(struct crl_seen *seen)
{
	if (!seen)
		return;
	while (seen->n)
		free(seen->v[--seen->n].name);
	free(seen->v);
	free(seen->path);
	free(seen->beside);
	free(seen);
}

/* Return the list with @mark, which is made if there is none; NULL without room. */
static struct seen_list *seen_slot(struct crl_seen *seen,
				   const uint8_t mark[CRL_MARK_LEN])
{
	struct seen_list *v;
	size_t i;

	for (i = 0; i < seen->n; i++)
		if (!memcmp(seen->v[i].mark, mark, CRL_MARK_LEN))
			return &seen->v[i];
	if (seen->n == MAX_LINES)
		return NULL;
	v = reallocarray(seen->v, seen->n + 1, sizeof(*v));
	if (!v)
		return NULL;
	seen->v = v;
	v += seen->n++;
	*v = (struct seen_list){ 0 };
	memcpy(v->mark, mark, CRL_MARK_LEN);
	return v;
}

/* ---- the file -------------------------------------------------------------- */

/* Read two digits for each of @n octets. Returns what follows, or NULL. */
static const char *read_hex(const char *s, uint8_t *p, size_t n)
{
	const char *hi, *lo;

	for (; n; n--, s += 2) {
		hi = *s ? strchr(DIGITS, s[0]) : NULL;
		lo = hi && s[1] ? strchr(DIGITS, s[1]) : NULL;
		if (!lo)
			return NULL;
		*p++ = (uint8_t)((hi - DIGITS) << 4 | (lo - DIGITS));
	}
	return s;
}

static const char *read_blank(const char *s)
{
	return s && *s == ' ' ? s + 1 : NULL;
}

static const char *read_time(const char *s, time_t *t)
{
	char *end;
	long long v;

	if (!s || *s < '0' || *s > '9')
		return NULL;
	errno = 0;
	v = strtoll(s, &end, 10);
	*t = (time_t)v;
	return errno ? NULL : end;
}

static const char *read_age_number(const char *s, struct crl_age *age)
{
	if (s && *s == '-')
		return s + 1;
	age->numbered = true;
	return s ? read_hex(s, age->number, CRL_NUMBER_MAX) : NULL;
}

static int take_line(struct crl_seen *seen, const char *s)
{
	struct seen_list l = { 0 }, *to;

	s = read_blank(read_hex(s, l.mark, CRL_MARK_LEN));
	s = s ? read_blank(read_hex(s, l.anchor, CRL_MARK_LEN)) : NULL;
	s = read_blank(read_time(s, &l.age.this_update));
	s = read_blank(read_age_number(s, &l.age));
	if (!s || !*s)
		return -EBADMSG;
	to = seen_slot(seen, l.mark);
	if (!to)
		return -ENOMEM;
	/* One line for each; a second one would hide the first. */
	if (to->name)
		return -EBADMSG;
	l.name = strdup(s);
	*to = l;
	return l.name ? 0 : -ENOMEM;
}

static int take_lines(struct crl_seen *seen, char *text, struct err *err)
{
	unsigned int line = 0;
	char *s;
	int ret;

	while ((s = strsep(&text, "\n"))) {
		line++;
		ret = !*s || *s == '#' ? 0 : take_line(seen, s);
		if (ret)
			return err_set(err, ret,
				       "%s: line %u: %s; remove the line, and put the newest revocation lists there",
				       seen->path, line,
				       ret == -EBADMSG
					       ? "damaged"
					       : "no room for another CA");
	}
	return 0;
}

static struct crl_seen *seen_new(const char *path)
{
	struct crl_seen *seen = calloc(1, sizeof(*seen));

	if (!seen)
		return NULL;
	seen->path = strdup(path);
	if (asprintf(&seen->beside, "%s.new", path) < 0)
		seen->beside = NULL;
	if (seen->path && seen->beside)
		return seen;
	crl_seen_free(seen);
	return NULL;
}

int crl_seen_load(const char *path, struct crl_seen **out, struct err *err)
{
	struct crl_seen *seen = seen_new(path);
	uint8_t *text = NULL;
	size_t len;
	int ret;

	if (!seen)
		return err_set(err, -ENOMEM, "%s: out of memory", path);
	ret = file_read_secret(path, FILE_MAX_LEN, &text, &len, err);
	if (ret == -ENOENT)
		ret = 0;
	else if (!ret && strlen((char *)text) != len)
		ret = err_set(err, -EBADMSG,
			      "%s: a zero octet; remove the file, and put the newest revocation lists there",
			      path);
	else if (!ret)
		ret = take_lines(seen, (char *)text, err);
	secret_free(text);
	if (ret)
		crl_seen_free(seen);
	else
		*out = seen;
	return ret;
}

static void write_hex(struct wbuf *w, const uint8_t *p, size_t n)
{
	for (; n; n--, p++) {
		wbuf_u8(w, (uint8_t)DIGITS[*p >> 4]);
		wbuf_u8(w, (uint8_t)DIGITS[*p & 15]);
	}
}

static void put_seen(struct wbuf *w, const struct seen_list *l)
{
	char text[NAME_MAX_LEN + 2];
	int n;

	write_hex(w, l->mark, CRL_MARK_LEN);
	wbuf_u8(w, ' ');
	write_hex(w, l->anchor, CRL_MARK_LEN);
	n = snprintf(text, sizeof(text), " %" PRIu64 " ",
		     (uint64_t)l->age.this_update);
	wbuf_put(w, text, (size_t)n);
	if (l->age.numbered)
		write_hex(w, l->age.number, CRL_NUMBER_MAX);
	else
		wbuf_u8(w, '-');
	n = snprintf(text, sizeof(text), " %.*s\n", NAME_MAX_LEN - 1, l->name);
	wbuf_put(w, text, (size_t)n);
}

static int write_beside(struct crl_seen *seen, struct err *err)
{
	struct wbuf w;
	size_t i;
	int ret;

	wbuf_init(&w, FILE_MAX_LEN);
	wbuf_put(&w, head, sizeof(head) - 1);
	for (i = 0; i < seen->n; i++)
		put_seen(&w, &seen->v[i]);
	/* An error shows when the file is made. */
	file_make_folder(seen->path, 0700);
	unlink(seen->beside);
	ret = w.err ? err_set(err, w.err, "%s: more lines than it may have",
			      seen->path)
		    : file_create(seen->beside, 0600, w.p, w.len, err);
	wbuf_free(&w);
	seen->written = !ret;
	return ret;
}

/* ---- lists ------------------------------------------------------------------ */

static const struct crl_list *find_mark(const struct crls *crls,
					const uint8_t mark[CRL_MARK_LEN])
{
	size_t i;

	for (i = 0; i < crls->n; i++)
		if (!memcmp(crls->v[i].mark, mark, CRL_MARK_LEN))
			return &crls->v[i];
	return NULL;
}

static bool still_trusted(const struct seen_list *l, const struct trust *trust)
{
	struct stack_st_X509 *certs = trust_certs(trust);
	uint8_t mark[CRL_MARK_LEN];
	int i;

	for (i = 0; i < sk_X509_num(certs); i++)
		if (x509_key_mark(sk_X509_value(certs, i), mark) ||
		    !memcmp(mark, l->anchor, CRL_MARK_LEN))
			return true;
	return false;
}

int crl_seen_check(const struct crl_seen *seen, const struct crls *crls,
		   const struct trust *trust, struct err *err)
{
	const struct seen_list *s;
	const struct crl_list *l;
	size_t i;

	for (i = 0; i < seen->n; i++) {
		s = &seen->v[i];
		l = find_mark(crls, s->mark);
		if (l && crl_compare_age(&l->age, &s->age) < 0)
			return err_set(err, -EINVAL,
				       "the list of %.200s is older than one that was in use; put the newest one there, or remove the line of the CA from %.200s to take the older one",
				       l->name, seen->path);
		if (!l && still_trusted(s, trust))
			return err_set(err, -EINVAL,
				       "the list of %.200s, which was in use, is missing; put it or a newer one back, or remove the line of the CA from %.200s to do without it",
				       s->name, seen->path);
	}
	return 0;
}

int crl_seen_add(struct crl_seen *seen, const struct crls *crls,
		 struct err *err)
{
	const struct crl_list *l;
	struct seen_list *to;
	bool changed = false;
	size_t i;
	char *name;

	for (i = 0; i < crls->n; i++) {
		l = &crls->v[i];
		to = seen_slot(seen, l->mark);
		name = to && !to->name ? strdup(l->name) : NULL;
		if (!to || (!to->name && !name))
			return err_set(err, -ENOMEM,
				       "%s: no room for another CA; remove lines of former ones",
				       seen->path);
		if (!name && !crl_compare_age(&l->age, &to->age) &&
		    !memcmp(to->anchor, l->anchor, CRL_MARK_LEN))
			continue;
		to->name = name ?: to->name;
		to->age = l->age;
		memcpy(to->anchor, l->anchor, CRL_MARK_LEN);
		changed = true;
	}
	return changed ? write_beside(seen, err) : 0;
}

int crl_seen_commit(struct crl_seen *seen, struct err *err)
{
	int ret = seen->written ? file_replace(seen->beside, seen->path, err)
				: 0;

	seen->written = seen->written && ret;
	return ret;
}

void crl_seen_drop(struct crl_seen *seen)
{
	if (seen->written)
		unlink(seen->beside);
	seen->written = false;
}
