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

static struct key_note *find_note(const struct key_digests *n,
				  const char *group, uint32_t spi)
{
	struct key_note *e;

	TAILQ_FOREACH(e, &n->notes, all) {
		if (e->spi == spi && !strcmp(e->group, group))
			return e;
	}
	return NULL;
}

static void drop_note(struct key_digests *n, struct key_note *e)
{
	TAILQ_REMOVE(&n->notes, e, all);
	n->n--;
	free(e);
}

/* ---- the file ----------------------------------------------------------- */

static bool parse_line(const char *line, struct key_note *e)
{
	static const char hex[] = "0123456789abcdef";
	const char *digest = line + SPI_LEN + 1, *name = digest + HEX_LEN + 1;
	unsigned int octet;
	int i;

	if (strspn(line, hex) != SPI_LEN || line[SPI_LEN] != ' ' ||
	    strspn(digest, hex) != HEX_LEN || digest[HEX_LEN] != ' ' ||
	    !*name || strlen(name) >= sizeof(e->group))
		return false;
	sscanf(line, "%8x", &e->spi);
	for (i = 0; i < HASH_SHA256_LEN; i++) {
		sscanf(digest + 2 * i, "%2x", &octet);
		e->digest[i] = (uint8_t)octet;
	}
	strcpy(e->group, name);
	return true;
}

static int parse_notes(struct key_digests *n, char *text)
{
	char *save, *line = strtok_r(text, "\n", &save);

	for (; line; line = strtok_r(NULL, "\n", &save)) {
		struct key_note *e = calloc(1, sizeof(*e));

		if (!e)
			return -ENOMEM;
		if (!parse_line(line, e)) {
			free(e);
			return -EINVAL;
		}
		TAILQ_INSERT_TAIL(&n->notes, e, all);
		n->n++;
	}
	return 0;
}

static void load_notes(struct key_digests *n)
{
	struct err err;
	uint8_t *text;
	size_t len;
	int ret;

	ret = file_read_secret(n->path, FILE_MAX, &text, &len, &err);
	if (ret == -ENOENT)
		return;
	if (ret) {
		log_warn("key digests not read: %s", err.text);
		return;
	}
	ret = parse_notes(n, (char *)text);
	secret_free(text);
	if (!ret)
		return;
	log_warn("key digests not read: %s: %s", n->path, strerror(-ret));
	while (!TAILQ_EMPTY(&n->notes))
		drop_note(n, TAILQ_FIRST(&n->notes));
}

static size_t put_line(char *to, const struct key_note *e)
{
	char *p = to;
	int i;

	p += sprintf(p, "%08x ", e->spi);
	for (i = 0; i < HASH_SHA256_LEN; i++)
		p += sprintf(p, "%02x", e->digest[i]);
	p += sprintf(p, " %s\n", e->group);
	return (size_t)(p - to);
}

static void save_notes(struct key_digests *n)
{
	char *text = malloc((size_t)n->n * (LINE_MAX_LEN + 1) + 1);
	struct err err = { "out of memory" };
	const struct key_note *e;
	size_t len = 0;
	int ret = -ENOMEM;

	if (text) {
		TAILQ_FOREACH(e, &n->notes, all)
			len += put_line(text + len, e);
		unlink(n->fresh);
		ret = file_create(n->fresh, 0600, text, len, &err);
	}
	if (!ret)
		ret = file_replace(n->fresh, n->path, &err);
	free(text);
	if (ret)
		log_warn("key digests not written: %s", err.text);
}

/* ---- notes -------------------------------------------------------------- */

struct key_digests *key_digests_new(const char *path)
{
	struct key_digests *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	TAILQ_INIT(&n->notes);
	n->path = strdup(path);
	if (!n->path || asprintf(&n->fresh, "%s.new", path) < 0) {
		free(n->path);
		free(n);
		return NULL;
	}
	load_notes(n);
	return n;
}

void key_digests_free(struct key_digests *n)
{
	if (!n)
		return;
	while (!TAILQ_EMPTY(&n->notes))
		drop_note(n, TAILQ_FIRST(&n->notes));
	free(n->path);
	free(n->fresh);
	free(n);
}

void key_digests_set(struct key_digests *n, const char *group, uint32_t spi,
		     const uint8_t *digest)
{
	struct key_note *e = find_note(n, group, spi);

	if (!e && !digest)
		return;
	if (e && !digest) {
		drop_note(n, e);
		save_notes(n);
		return;
	}
	if (!e) {
		e = calloc(1, sizeof(*e));
		if (!e) {
			log_warn("key digests not written: out of memory");
			return;
		}
		e->spi = spi;
		snprintf(e->group, sizeof(e->group), "%s", group);
		TAILQ_INSERT_TAIL(&n->notes, e, all);
		n->n++;
	}
	memcpy(e->digest, digest, sizeof(e->digest));
	e->current = true;
	save_notes(n);
}

bool key_digests_get(struct key_digests *n, const char *group, uint32_t spi,
		     uint8_t digest[HASH_SHA256_LEN])
{
	struct key_note *e = find_note(n, group, spi);

	if (!e)
		return false;
	e->current = true;
	memcpy(digest, e->digest, sizeof(e->digest));
	return true;
}

void key_digests_prune(struct key_digests *n, key_digests_fn *gone, void *arg)
{
	struct key_note *e, *next;
	bool changed = false;

	for (e = TAILQ_FIRST(&n->notes); e; e = next) {
		next = TAILQ_NEXT(e, all);
		if (e->current)
			continue;
		gone(arg, e->digest);
		drop_note(n, e);
		changed = true;
	}
	if (changed)
		save_notes(n);
}
