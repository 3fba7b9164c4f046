// SPDX-License-Identifier: Apache-2.0
#include "app/key_digests.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "conf/conf.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/secret.h"

/* Limit in octets: a thousand groups with as many SAs as the kernel allows. */
#define FILE_MAX (16u * 1024 * 1024)
#define SPI_LEN 8
#define HEX_LEN (2 * HASH_SHA256_LEN)
/* An SPI, a digest, spaces, a name and the newline. */
#define LINE_MAX_LEN (SPI_LEN + 1 + HEX_LEN + 1 + CONF_GROUP_NAME_MAX + 2)

struct key_note {
	TAILQ_ENTRY(key_note) all;
	char group[CONF_GROUP_NAME_MAX + 1];
	uint32_t spi;
	uint8_t digest[HASH_SHA256_LEN];
	bool current; /* set or asked for by this process */
};

struct key_digests {
	TAILQ_HEAD(, key_note) notes;
	unsigned int n;
	char *path;
	char *fresh; /* temporary name for writing */
};

static struct key_note *find_note(const struct key_digests *d,
				  const char *group, uint32_t spi)
{
	struct key_note *note;

	TAILQ_FOREACH(note, &d->notes, all) {
		if (note->spi == spi && !strcmp(note->group, group))
			return note;
	}
	return NULL;
}

static void drop_note(struct key_digests *d, struct key_note *note)
{
	TAILQ_REMOVE(&d->notes, note, all);
	d->n--;
	free(note);
}

/* ---- the file ----------------------------------------------------------- */

static bool parse_line(const char *line, struct key_note *note)
{
	static const char hex[] = "0123456789abcdef";
	const char *digest = line + SPI_LEN + 1, *name = digest + HEX_LEN + 1;
	unsigned int octet;
	int i;

	if (strspn(line, hex) != SPI_LEN || line[SPI_LEN] != ' ' ||
	    strspn(digest, hex) != HEX_LEN || digest[HEX_LEN] != ' ' ||
	    !*name || strlen(name) >= sizeof(note->group))
		return false;
	sscanf(line, "%8x", &note->spi);
	for (i = 0; i < HASH_SHA256_LEN; i++) {
		sscanf(digest + 2 * i, "%2x", &octet);
		note->digest[i] = (uint8_t)octet;
	}
	strcpy(note->group, name);
	return true;
}

static int parse_notes(struct key_digests *d, char *text)
{
	char *save, *line = strtok_r(text, "\n", &save);

	for (; line; line = strtok_r(NULL, "\n", &save)) {
		struct key_note *note = calloc(1, sizeof(*note));

		if (!note)
			return -ENOMEM;
		if (!parse_line(line, note)) {
			free(note);
			return -EINVAL;
		}
		TAILQ_INSERT_TAIL(&d->notes, note, all);
		d->n++;
	}
	return 0;
}

static void load_notes(struct key_digests *d)
{
	struct err err;
	uint8_t *text;
	size_t len;
	int ret;

	ret = file_read_secret(d->path, FILE_MAX, &text, &len, &err);
	if (ret == -ENOENT)
		return;
	if (ret) {
		log_warn("key digests not read: %s", err.text);
		return;
	}
	ret = parse_notes(d, (char *)text);
	secret_free(text);
	if (!ret)
		return;
	log_warn("key digests not read: %s: %s", d->path, strerror(-ret));
	while (!TAILQ_EMPTY(&d->notes))
		drop_note(d, TAILQ_FIRST(&d->notes));
}

static size_t put_line(char *to, const struct key_note *note)
{
	char *p = to;
	int i;

	p += sprintf(p, "%08x ", note->spi);
	for (i = 0; i < HASH_SHA256_LEN; i++)
		p += sprintf(p, "%02x", note->digest[i]);
	p += sprintf(p, " %s\n", note->group);
	return (size_t)(p - to);
}

static void save_notes(struct key_digests *d)
{
	char *text = malloc((size_t)d->n * (LINE_MAX_LEN + 1) + 1);
	struct err err = { "out of memory" };
	const struct key_note *note;
	size_t len = 0;
	int ret = -ENOMEM;

	if (text) {
		TAILQ_FOREACH(note, &d->notes, all)
			len += put_line(text + len, note);
		unlink(d->fresh);
		ret = file_create(d->fresh, 0600, text, len, &err);
	}
	if (!ret)
		ret = file_replace(d->fresh, d->path, &err);
	free(text);
	if (ret)
		log_warn("key digests not written: %s", err.text);
}

/* ---- notes -------------------------------------------------------------- */

struct key_digests *key_digests_new(const char *path)
{
	struct key_digests *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	TAILQ_INIT(&d->notes);
	d->path = strdup(path);
	if (!d->path || asprintf(&d->fresh, "%s.new", path) < 0) {
		free(d->path);
		free(d);
		return NULL;
	}
	load_notes(d);
	return d;
}

void key_digests_free(struct key_digests *d)
{
	if (!d)
		return;
	while (!TAILQ_EMPTY(&d->notes))
		drop_note(d, TAILQ_FIRST(&d->notes));
	free(d->path);
	free(d->fresh);
	free(d);
}

void key_digests_set(struct key_digests *d, const char *group, uint32_t spi,
		     const uint8_t *digest)
{
	struct key_note *note = find_note(d, group, spi);

	if (!note && !digest)
		return;
	if (note && !digest) {
		drop_note(d, note);
		save_notes(d);
		return;
	}
	if (!note) {
		note = calloc(1, sizeof(*note));
		if (!note) {
			log_warn("key digests not written: out of memory");
			return;
		}
		note->spi = spi;
		snprintf(note->group, sizeof(note->group), "%s", group);
		TAILQ_INSERT_TAIL(&d->notes, note, all);
		d->n++;
	}
	memcpy(note->digest, digest, sizeof(note->digest));
	note->current = true;
	save_notes(d);
}

bool key_digests_get(struct key_digests *d, const char *group, uint32_t spi,
		     uint8_t digest[HASH_SHA256_LEN])
{
	struct key_note *note = find_note(d, group, spi);

	if (!note)
		return false;
	note->current = true;
	memcpy(digest, note->digest, sizeof(note->digest));
	return true;
}

void key_digests_prune(struct key_digests *d, key_digests_fn *gone, void *arg)
{
	struct key_note *note, *next;
	bool changed = false;

	for (note = TAILQ_FIRST(&d->notes); note; note = next) {
		next = TAILQ_NEXT(note, all);
		if (note->current)
			continue;
		gone(arg, note->digest);
		drop_note(d, note);
		changed = true;
	}
	if (changed)
		save_notes(d);
}
