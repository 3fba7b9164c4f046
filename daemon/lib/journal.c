// SPDX-License-Identifier: Apache-2.0
#include "lib/journal.h"

#ifdef HAVE_LIBSYSTEMD
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <unistd.h>

/* Where in the source a line was logged is not for administrators. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "lib/about.h"
#include "lib/phrase_ids.h"
#include "lib/util.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define MAX_FIELDS 12
/* A line, each part of it once more, and the names of the fields have room. */
#define FIELDS_SIZE 4096

struct entry {
	struct iovec iov[MAX_FIELDS];
	unsigned int n;
	char text[FIELDS_SIZE];
	size_t len;
};

/* Append a field; one that does not fit is left out, which no line comes to. */
__attribute__((format(printf, 2, 3))) static void
entry_add(struct entry *e, const char *fmt, ...)
{
	size_t room = sizeof(e->text) - e->len;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(e->text + e->len, room, fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= room || e->n == MAX_FIELDS)
		return;
	e->iov[e->n++] = (struct iovec){ e->text + e->len, len };
	e->len += len;
}

static void entry_add_part(struct entry *e, const char *field,
			   const struct about_part *part)
{
	if (part->len)
		entry_add(e, "%s=%.*s", field, (int)part->len, part->at);
}

static int phrase_compare(const void *key, const void *row)
{
	const struct about_part *phrase = key;
	const char *known = ((const struct phrase_id *)row)->phrase;
	int order = strncmp(phrase->at, known, phrase->len);

	return order || !known[phrase->len] ? order : -1;
}

static void entry_add_id(struct entry *e, const struct about_part *phrase)
{
	const struct phrase_id *id =
		bsearch(phrase, phrase_ids, ARRAY_SIZE(phrase_ids),
			sizeof(phrase_ids[0]), phrase_compare);

	if (id)
		entry_add(e, "MESSAGE_ID=%s", id->id);
}

bool journal_here(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	/* The variable is inherited by children whose standard error is another. */
	return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
	       !fstat(STDERR_FILENO, &st) && st.st_dev == dev &&
	       st.st_ino == ino && !access(JOURNAL_SOCKET, W_OK);
}

bool journal_send(const char *ident, int priority, const char *line)
{
	struct entry e = { .n = 0 };
	struct about a;

	about_line(line, &a);
	entry_add(&e, "MESSAGE=%s", line);
	entry_add(&e, "PRIORITY=%d", priority);
	entry_add(&e, "SYSLOG_IDENTIFIER=%s", ident);
	entry_add(&e, "SYSLOG_FACILITY=%d", LOG_DAEMON >> 3);
	entry_add_id(&e, &a.phrase);
	entry_add_part(&e, "MCSEC_PHRASE", &a.phrase);
	entry_add_part(&e, "MCSEC_GROUP", &a.group);
	entry_add_part(&e, "MCSEC_IKE_SA", &a.ike_sa);
	entry_add_part(&e, "MCSEC_NAME", &a.name);
	entry_add_part(&e, "MCSEC_ADDRESS", &a.address);
	entry_add_part(&e, "MCSEC_SPI", &a.spi);
	entry_add_part(&e, "MCSEC_MESSAGE_ID", &a.message_id);
	/* sd_journal_sendv() succeeds, and the entry is lost, without its socket. */
	return !access(JOURNAL_SOCKET, W_OK) && !sd_journal_sendv(e.iov, e.n);
}

#else

bool journal_here(void)
{
	return false;
}

bool journal_send(const char *ident, int priority, const char *line)
{
	(void)ident;
	(void)priority;
	(void)line;
	return false;
}

#endif
