// SPDX-License-Identifier: Apache-2.0
/* All IKE SAs of an engine: lookup, and freeing when no call uses them. */
#include <string.h>

#include "crypto/rand.h"
#include "ike/sa.h"
#include "lib/secret.h"
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

const uint8_t *sa_own_spi(const struct ike_sa *sa)
{
	return sa->initiator ? sa->spi_i : sa->spi_r;
}

/* A peer's SAs are counted at the key server, a renewed one once. */
static bool is_counted(const struct ike_sa *sa)
{
	return sa->gcks && !sa->shadow;
}

void table_add(struct ike_engine *engine, struct ike_sa *sa)
{
	sa->serial = ++engine->next_serial;
	LIST_INSERT_HEAD(&engine->sas, sa, link);
	LIST_INSERT_HEAD(spi_bucket(engine, sa_own_spi(sa)), sa, by_spi);
	if (is_counted(sa))
		LIST_INSERT_HEAD(peer_bucket(engine, &sa->path.peer.addr), sa,
				 by_peer);
	engine->stats.sas++;
}

void table_bury(struct ike_sa *sa)
{
	LIST_REMOVE(sa, link);
	LIST_REMOVE(sa, by_spi);
	if (is_counted(sa))
		LIST_REMOVE(sa, by_peer);
	LIST_INSERT_HEAD(&sa->engine->dead, sa, link);
	sa->engine->stats.sas--;
}

void table_move(struct ike_sa *sa, const struct ep *peer)
{
	struct ike_engine *engine = sa->engine;

	if (is_counted(sa))
		LIST_REMOVE(sa, by_peer);
	sa->path.peer = *peer;
	if (is_counted(sa))
		LIST_INSERT_HEAD(peer_bucket(engine, &peer->addr), sa, by_peer);
}

#define SWAP_MEMBER(a, b, member) \
	do { \
		__typeof__((a)->member) swapped = (a)->member; \
		(a)->member = (b)->member; \
		(b)->member = swapped; \
		secret_wipe(&swapped, sizeof(swapped)); \
	} while (0)

static void swap_spi(uint8_t *a, uint8_t *b)
{
	uint8_t tmp[IKE_SPI_LEN];

	memcpy(tmp, a, IKE_SPI_LEN);
	memcpy(a, b, IKE_SPI_LEN);
	memcpy(b, tmp, IKE_SPI_LEN);
}

void table_swap(struct ike_sa *a, struct ike_sa *b)
{
	struct ike_engine *engine = a->engine;

	LIST_REMOVE(a, by_spi);
	LIST_REMOVE(b, by_spi);
	SWAP_MEMBER(a, b, initiator);
	swap_spi(a->spi_i, b->spi_i);
	swap_spi(a->spi_r, b->spi_r);
	SWAP_MEMBER(a, b, suite);
	SWAP_MEMBER(a, b, keys);
	SWAP_MEMBER(a, b, my_mid);
	SWAP_MEMBER(a, b, my_busy);
	SWAP_MEMBER(a, b, my_xchg);
	SWAP_MEMBER(a, b, my_req);
	SWAP_MEMBER(a, b, my_sent);
	SWAP_MEMBER(a, b, dead_peer_tries);
	SWAP_MEMBER(a, b, peer_mid);
	SWAP_MEMBER(a, b, kept);
	if (a->kept)
		a->kept->sa = a;
	if (b->kept)
		b->kept->sa = b;
	LIST_INSERT_HEAD(spi_bucket(engine, sa_own_spi(a)), a, by_spi);
	LIST_INSERT_HEAD(spi_bucket(engine, sa_own_spi(b)), b, by_spi);
}

struct ike_sa *table_find(struct ike_engine *engine, const uint8_t *spi)
{
	struct ike_sa *sa;

	LIST_FOREACH(sa, spi_bucket(engine, spi), by_spi)
		if (!memcmp(sa_own_spi(sa), spi, IKE_SPI_LEN))
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
	LIST_FOREACH(sa, peer_bucket(engine, &peer->addr), by_peer) {
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
