// SPDX-License-Identifier: Apache-2.0
/*
 * What IKE SAs that have ended answered last. RFC 7296 2.1: who repeats a
 * request gets the same answer, also when that answer was the end, as
 * AUTHENTICATION_FAILED is: if it was lost the peer would never know why.
 *
 * Octets as they were sent, sealed; no keys are kept. So many, and no longer
 * than a peer repeats itself.
 */
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "ike/sa.h"
#include "lib/clock.h"

#define REST_MAX 1024
/* Repetitions of mcsecd go on for 39 s. */
#define REST_MS 40000

struct rest {
	TAILQ_ENTRY(rest) all;
	LIST_ENTRY(rest) by_spi;
	uint64_t until_ms;
	uint8_t req[HASH_SHA256_LEN];
	struct blob res;
};

static struct rest_list *rest_bucket(struct ike_engine *engine,
				     const uint8_t *own_spi)
{
	return &engine->rest_by_spi[(own_spi[0] << 8 | own_spi[1]) %
				    ENGINE_BUCKETS];
}

static void rest_free(struct ike_engine *engine, struct rest *r)
{
	TAILQ_REMOVE(&engine->rests, r, all);
	LIST_REMOVE(r, by_spi);
	engine->n_rests--;
	blob_free(&r->res);
	free(r);
}

static void sweep(struct ike_engine *engine, uint64_t now)
{
	struct rest *r;

	while ((r = TAILQ_FIRST(&engine->rests)) &&
	       (r->until_ms <= now || engine->n_rests >= REST_MAX))
		rest_free(engine, r);
}

void rest_keep(struct ike_sa *sa)
{
	uint64_t now = clock_mono_ms(sa->engine->cfg.clock);
	struct iovec iov = { sa->last_req.p, sa->last_req.len };
	struct ike_engine *engine = sa->engine;
	struct rest *r;

	if (sa->initiator || !sa->last_req.p || !sa->last_res.p ||
	    engine->dying)
		return;
	sweep(engine, now);
	r = calloc(1, sizeof(*r));
	if (!r)
		return;
	if (hash_sha256(&iov, 1, r->req)) {
		free(r);
		return;
	}
	r->until_ms = now + REST_MS;
	r->res = sa->last_res;
	memset(&sa->last_res, 0, sizeof(sa->last_res));
	TAILQ_INSERT_TAIL(&engine->rests, r, all);
	LIST_INSERT_HEAD(rest_bucket(engine, sa->spi_r), r, by_spi);
	engine->n_rests++;
}

bool rest_answer(struct ike_engine *engine, const struct ep *from,
		 const struct ep *to, const uint8_t *p, size_t len,
		 const struct ike_hdr *h)
{
	uint64_t now = clock_mono_ms(engine->cfg.clock);
	struct iovec iov = { (void *)p, len };
	uint8_t hash[HASH_SHA256_LEN];
	struct rest *r;

	if (LIST_EMPTY(rest_bucket(engine, h->spi_r)) ||
	    hash_sha256(&iov, 1, hash))
		return false;
	LIST_FOREACH(r, rest_bucket(engine, h->spi_r), by_spi)
	{
		if (r->until_ms <= now || memcmp(r->req, hash, HASH_SHA256_LEN))
			continue;
		engine->stats.in_rexmit++;
		engine_send(engine, to, from, r->res.p, r->res.len);
		return true;
	}
	return false;
}

void rest_free_all(struct ike_engine *engine)
{
	struct rest *r;

	while ((r = TAILQ_FIRST(&engine->rests)))
		rest_free(engine, r);
}
