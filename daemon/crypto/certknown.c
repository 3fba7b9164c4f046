// SPDX-License-Identifier: Apache-2.0
#include "crypto/certknown.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util.h"

TAILQ_HEAD(known_certs, known_cert);

struct known {
	struct htab table;
	struct known_certs by_use; /* the one that was used last is last */
};

static struct known_cert *of_digest(const struct hnode *n)
{
	return (struct known_cert *)((char *)n -
				     offsetof(struct known_cert, by_digest));
}

/* A digest needs no hash. */
static uint64_t hash_digest(const uint8_t *digest)
{
	return get_unaligned_be64(digest);
}

static uint64_t hash_known(const struct hnode *n)
{
	return hash_digest(of_digest(n)->digest);
}

struct known *known_new(void)
{
	struct known *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	htab_init(&k->table, hash_known);
	TAILQ_INIT(&k->by_use);
	return k;
}

void known_put(struct known_cert *c)
{
	if (--c->users)
		return;
	cert_refs_free(&c->refs);
	free(c);
}

static void forget_one(struct known *k, struct known_cert *c)
{
	htab_del(&k->table, &c->by_digest);
	TAILQ_REMOVE(&k->by_use, c, by_use);
	known_put(c);
}

void known_free(struct known *k)
{
	if (!k)
		return;
	while (!TAILQ_EMPTY(&k->by_use))
		forget_one(k, TAILQ_FIRST(&k->by_use));
	htab_free(&k->table);
	free(k);
}

int known_digest(const struct cert_der *ders, size_t n,
		 uint8_t digest[static HASH_SHA256_LEN])
{
	struct iovec iov[2 * CERT_MAX_CHAIN];
	uint8_t len[CERT_MAX_CHAIN][4];
	size_t i;

	if (n > CERT_MAX_CHAIN)
		return -E2BIG;
	for (i = 0; i < n; i++) {
		put_unaligned_be32(ders[i].len, len[i]);
		iov[2 * i] = (struct iovec){ len[i], sizeof(len[i]) };
		iov[2 * i + 1] =
			(struct iovec){ (void *)ders[i].p, ders[i].len };
	}
	return hash_sha256(iov, 2 * n, digest);
}

static struct known_cert *find_known(const struct known *k,
				     const uint8_t *digest)
{
	const struct hnode *n = htab_first(&k->table, hash_digest(digest));

	for (; n; n = n->next)
		if (!memcmp(of_digest(n)->digest, digest, HASH_SHA256_LEN))
			return of_digest(n);
	return NULL;
}

struct known_cert *known_get(struct known *k, const uint8_t *digest, time_t now)
{
	struct known_cert *c = find_known(k, digest);

	if (!c || now < c->begins || now > c->ends)
		return NULL;
	TAILQ_REMOVE(&k->by_use, c, by_use);
	TAILQ_INSERT_TAIL(&k->by_use, c, by_use);
	c->users++;
	return c;
}

struct known_cert *known_cert_new(size_t id_len, size_t spki_len)
{
	struct known_cert *c;

	if (id_len > UINT16_MAX || spki_len > UINT16_MAX)
		return NULL;
	c = calloc(1, sizeof(*c) + id_len + spki_len);
	if (!c)
		return NULL;
	c->users = 1;
	c->id_len = id_len;
	c->spki_len = spki_len;
	return c;
}

void known_add(struct known *k, struct known_cert *c)
{
	struct known_cert *old = find_known(k, c->digest);

	if (old)
		forget_one(k, old);
	else if (k->table.n == KNOWN_MAX)
		forget_one(k, TAILQ_FIRST(&k->by_use));
	htab_add(&k->table, &c->by_digest);
	TAILQ_INSERT_TAIL(&k->by_use, c, by_use);
}
