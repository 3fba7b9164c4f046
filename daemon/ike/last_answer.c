// SPDX-License-Identifier: Apache-2.0
/*
 * Last answers of IKE SAs that have ended. RFC 7296 section 2.1: a
 * retransmitted request gets the same answer, even if that answer ended the SA,
 * as AUTHENTICATION_FAILED does. If it was lost, the peer would never learn the
 * reason.
 *
 * The encrypted octets are kept as they were sent, without keys; in a limited
 * number, and no longer than peers retransmit.
 */
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "ike/sa.h"
#include "lib/clock.h"
#include "lib/util.h"

#define LAST_ANSWERS_MAX 1024
/* Longer than mcsecd retransmits a request: 39 s, by the times of app/member.c. */
#define LAST_ANSWER_MS 40000

struct last_answer {
	TAILQ_ENTRY(last_answer) all;
	LIST_ENTRY(last_answer) by_spi;
	uint64_t until_ms;
	uint8_t req[HASH_SHA256_LEN];
	struct dgrams res;
	struct ep to;
};

static struct last_answer_list *last_answer_bucket(struct ike_engine *engine,
						   const uint8_t *own_spi)
{
	return &engine->last_answer_by_spi[get_unaligned_be16(own_spi) %
					   ENGINE_BUCKETS];
}

static void last_answer_free(struct ike_engine *engine, struct last_answer *r)
{
	TAILQ_REMOVE(&engine->last_answers, r, all);
	LIST_REMOVE(r, by_spi);
	engine->n_last_answers--;
	dgrams_free(&r->res);
	free(r);
}

static void forget_old(struct ike_engine *engine, uint64_t now)
{
	struct last_answer *r;

	while ((r = TAILQ_FIRST(&engine->last_answers)) &&
	       (r->until_ms <= now ||
		engine->n_last_answers >= LAST_ANSWERS_MAX))
		last_answer_free(engine, r);
}

void last_answer_keep(struct ike_sa *sa)
{
	uint64_t now = clock_mono_ms(sa->engine->cfg.clock);
	struct ike_engine *engine = sa->engine;
	struct iovec iov;
	struct last_answer *r;

	if ((!sa->gcks && !sa->shadow && !sa->rekeyed_ms) || !sa->kept ||
	    !sa->kept->req.n || !sa->kept->res.dgrams.n || engine->dying)
		return;
	/*
	 * RFC 7383 section 2.6.1: only the first fragment triggers a
	 * retransmission.
	 */
	iov = (struct iovec){ sa->kept->req.v[0].p, sa->kept->req.v[0].len };
	forget_old(engine, now);
	r = calloc(1, sizeof(*r));
	if (!r)
		return;
	if (hash_sha256(&iov, 1, r->req)) {
		free(r);
		return;
	}
	r->until_ms = now + LAST_ANSWER_MS;
	dgrams_move(&r->res, &sa->kept->res.dgrams);
	r->to = sa->kept->res.path.peer;
	TAILQ_INSERT_TAIL(&engine->last_answers, r, all);
	LIST_INSERT_HEAD(last_answer_bucket(engine, sa_own_spi(sa)), r, by_spi);
	engine->n_last_answers++;
}

bool last_answer_send(struct ike_engine *engine, const struct ike_in *in)
{
	uint64_t now = clock_mono_ms(engine->cfg.clock);
	struct iovec iov = { (void *)in->p, in->len };
	bool initiates = in->m.h.flags & IKE_FLAG_INITIATOR;
	const uint8_t *spi = initiates ? in->m.h.spi_r : in->m.h.spi_i;
	uint8_t hash[HASH_SHA256_LEN];
	struct last_answer *r;

	if (LIST_EMPTY(last_answer_bucket(engine, spi)) ||
	    hash_sha256(&iov, 1, hash))
		return false;
	LIST_FOREACH(r, last_answer_bucket(engine, spi), by_spi) {
		if (r->until_ms <= now || memcmp(r->req, hash, HASH_SHA256_LEN))
			continue;
		if (out_too_much(&r->res, in, &r->to)) {
			engine->stats.frag_dropped++;
			return true;
		}
		engine->stats.in_rexmit++;
		out_send(engine, &in->path, &r->res);
		return true;
	}
	return false;
}

void last_answers_free(struct ike_engine *engine)
{
	struct last_answer *r;

	while ((r = TAILQ_FIRST(&engine->last_answers)))
		last_answer_free(engine, r);
}
