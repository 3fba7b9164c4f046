// SPDX-License-Identifier: Apache-2.0
/* All IKE SAs of an engine: lookup, and freeing when no call uses them. */
#include <string.h>

#include "crypto/rand.h"
#include "ike/sa.h"
#include "lib/util.h"

/* Our own SPIs are random, so their first octets serve as a hash. */
static struct ike_sa_list *spi_bucket(struct ike_engine *engine,
				      const uint8_t *spi)
{
	return &engine->by_spi[get_unaligned_be16(spi) % ENGINE_BUCKETS];
}

static struct ike_sa_list *peer_bucket(struct ike_engine *engine,
				       const struct addr *a)
{
	return &engine->by_peer[engine_hash(engine, a, sizeof(*a)) %
				ENGINE_BUCKETS];
}

static const uint8_t *own_spi(const struct ike_sa *sa)
{
	return sa->initiator ? sa->spi_i : sa->spi_r;
}

void table_add(struct ike_engine *engine, struct ike_sa *sa)
{
	sa->serial = ++engine->next_serial;
	LIST_INSERT_HEAD(&engine->sas, sa, link);
	LIST_INSERT_HEAD(spi_bucket(engine, own_spi(sa)), sa, by_spi);
	if (!sa->initiator)
		LIST_INSERT_HEAD(peer_bucket(engine, &sa->path.peer.addr), sa,
				 by_peer);
	engine->stats.sas++;
}

void table_bury(struct ike_sa *sa)
{
	LIST_REMOVE(sa, link);
	LIST_REMOVE(sa, by_spi);
	if (!sa->initiator)
		LIST_REMOVE(sa, by_peer);
	LIST_INSERT_HEAD(&sa->engine->dead, sa, link);
	sa->engine->stats.sas--;
}

void table_move(struct ike_sa *sa, const struct ep *peer)
{
	struct ike_engine *engine = sa->engine;

	if (!sa->initiator)
		LIST_REMOVE(sa, by_peer);
	sa->path.peer = *peer;
	if (!sa->initiator)
		LIST_INSERT_HEAD(peer_bucket(engine, &peer->addr), sa, by_peer);
}

struct ike_sa *table_find(struct ike_engine *engine, const uint8_t *spi)
{
	struct ike_sa *sa;

	LIST_FOREACH(sa, spi_bucket(engine, spi), by_spi)
	if (!memcmp(own_spi(sa), spi, IKE_SPI_LEN))
		return sa;
	return NULL;
}

unsigned int table_peer_count(struct ike_engine *engine, const struct ep *peer,
			      const uint8_t init_hash[HASH_SHA256_LEN],
			      struct ike_sa **same)
{
	struct ike_sa *sa;
	unsigned int n = 0;

	*same = NULL;
	LIST_FOREACH(sa, peer_bucket(engine, &peer->addr), by_peer)
	{
		if (!addr_equal(&sa->path.peer.addr, &peer->addr))
			continue;
		n++;
		if (!memcmp(sa->init_hash, init_hash, HASH_SHA256_LEN))
			*same = sa;
	}
	return n;
}

unsigned int table_placed_count(struct ike_engine *engine, const struct addr *a)
{
	struct ike_sa *sa;
	unsigned int n = 0;

	LIST_FOREACH(sa, peer_bucket(engine, a), by_peer)
	n += sa->placed && addr_equal(&sa->path.peer.addr, a);
	return n;
}

int table_new_spi(struct ike_engine *engine, uint8_t spi[IKE_SPI_LEN])
{
	static const uint8_t zero[IKE_SPI_LEN];

	do {
		int ret = rand_bytes(spi, IKE_SPI_LEN);

		if (ret)
			return ret;
	} while (!memcmp(spi, zero, IKE_SPI_LEN) || table_find(engine, spi));
	return 0;
}

struct ike_sa *ike_token_sa(struct ike_engine *engine, uint64_t token)
{
	uint8_t head[4] = { token >> 56, token >> 48, token >> 40,
			    token >> 32 };
	struct ike_sa *sa;

	LIST_FOREACH(sa, spi_bucket(engine, head), by_spi)
	if (sa->waits && sa->token == token)
		return sa;
	return NULL;
}

/* ---- re-entry ----------------------------------------------------------- */

void engine_enter(struct ike_engine *engine)
{
	engine->depth++;
}

void engine_leave(struct ike_engine *engine)
{
	struct ike_sa *sa;

	if (engine->depth == 1) {
		while ((sa = LIST_FIRST(&engine->dead))) {
			LIST_REMOVE(sa, link);
			sa_free(sa);
		}
	}
	engine->depth--;
}
