// SPDX-License-Identifier: Apache-2.0
/*
 * Random octets of vectors: hashes of a counter in place of all generators.
 * RAND_set_rand_method() is deprecated, and there is no shorter way.
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/rand.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/rand.h"
#include "vectors_state.h"

static struct vectors *drawing;

/* Read the stream for draws of this size by this party. */
static void stream_read(struct vectors *v, unsigned int party, uint8_t *p,
			size_t n)
{
	struct stream *s = v->stream[party];
	uint8_t block[HASH_SHA256_LEN];
	char seed[160];
	struct iovec iov = { seed, 0 };
	size_t at, k;

	while (s->size && s->size != n)
		if (++s == v->stream[party] + STREAMS)
			DIE("draws of too many sizes");
	s->size = n;
	for (at = 0; at < n; at += k) {
		snprintf(seed, sizeof(seed), "mcsec vectors %s %u %zu %ju %zu",
			 v->name, party, n, (uintmax_t)s->n, at);
		iov.iov_len = strlen(seed);
		if (hash_sha256(&iov, 1, block))
			DIE("no SHA-256");
		k = n - at < sizeof(block) ? n - at : sizeof(block);
		memcpy(p + at, block, k);
	}
	s->n++;
}

static void note_draw(struct vectors *v, const uint8_t *p, size_t n)
{
	struct draw *d;

	if (n > DRAW_MAX)
		return;
	d = reallocarray(v->draws, v->n_draws + 1, sizeof(*d));
	if (!d)
		DIE("no memory");
	v->draws = d;
	memcpy(d[v->n_draws].p, p, n);
	d[v->n_draws++].len = n;
}

static void on_rand(void *ctx, void *p, size_t n)
{
	stream_read(ctx, 0, p, n);
	note_draw(ctx, p, n);
}

static int on_openssl(unsigned char *p, int n)
{
	stream_read(drawing, 1, p, (size_t)n);
	return 1;
}

static int on_status(void)
{
	return 1;
}

void vectors_draw(struct vectors *v)
{
	static const RAND_METHOD method = {
		.bytes = on_openssl,
		.pseudorand = on_openssl,
		.status = on_status,
	};

	drawing = v;
	crypto_rand_set_test(on_rand, v);
	if (RAND_set_rand_method(&method) != 1)
		DIE("RAND_set_rand_method");
}

void vectors_draw_end(void)
{
	drawing = NULL;
	RAND_set_rand_method(NULL);
	crypto_rand_set_test(NULL, NULL);
}

struct dh *vectors_find_dh(const struct vectors *v, unsigned int ke,
			   const struct half *h, const struct draw **out)
{
	struct dh *dh;
	size_t i;

	for (i = 0; i < v->n_draws; i++) {
		const struct draw *d = &v->draws[i];

		if (d->len != dh_shared_len(ke) ||
		    dh_new_private(ke, d->p, d->len, &dh))
			continue;
		if (h->ke_len == dh_public_len(ke) &&
		    !memcmp(dh_public(dh), h->ke, h->ke_len)) {
			*out = d;
			return dh;
		}
		dh_free(dh);
	}
	DIE("no draw is the private value of KE");
}
