// SPDX-License-Identifier: Apache-2.0
/* All IKE SAs of an engine: lookup, and freeing when no call uses them. */
#include <stddef.h>
#include <string.h>

#include "crypto/rand.h"
#include "ike/places.h"
#include "ike/sa.h"
#include "lib/secret.h"
#include "lib/util.h"

static struct ike_sa *sa_around(const struct hnode *n, size_t offset)
{
	return (struct ike_sa *)((char *)n - offset);
}

#define SA_OF(node, member) sa_around(node, offsetof(struct ike_sa, member))

/* Our own SPIs are random, so their first octets serve as a hash. */
static uint64_t hash_of_spi(const struct hnode *n)
{
	return get_unaligned_be32(sa_own_spi(SA_OF(n, by_spi)));
}

static uint64_t hash_of_peer(const struct hnode *n)
{
	return SA_OF(n, by_peer)->peer_hash;
}

static uint64_t hash_of_name(const struct hnode *n)
{
	return SA_OF(n, by_name)->name_hash;
}

void table_init(struct ike_engine *engine)
{
	htab_init(&engine->by_spi, hash_of_spi);
	htab_init(&engine->by_peer, hash_of_peer);
	htab_init(&engine->by_name, hash_of_name);
}

void table_clear(struct ike_engine *engine)
{
	htab_free(&engine->by_spi);
	htab_free(&engine->by_peer);
	htab_free(&engine->by_name);
}

static void add_peer(struct ike_engine *engine, struct ike_sa *sa)
{
	const struct addr *a = &sa->path.peer.addr;

	sa->peer_hash = engine_hash(engine, a, sizeof(*a));
	htab_add(&engine->by_peer, &sa->by_peer);
}

static struct hnode *first_of_peer(const struct ike_engine *engine,
				   const struct addr *a)
{
	return htab_first(&engine->by_peer,
			  (uint32_t)engine_hash(engine, a, sizeof(*a)));
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
	htab_add(&engine->by_spi, &sa->by_spi);
	if (is_counted(sa))
		add_peer(engine, sa);
	engine->stats.sas++;
	engine->n_opened += !sa->gcks;
}

void table_bury(struct ike_sa *sa)
{
	LIST_REMOVE(sa, link);
	htab_del(&sa->engine->by_spi, &sa->by_spi);
	if (is_counted(sa))
		htab_del(&sa->engine->by_peer, &sa->by_peer);
	LIST_INSERT_HEAD(&sa->engine->dead, sa, link);
	sa->engine->stats.sas--;
	sa->engine->n_opened -= !sa->gcks;
}

void table_move(struct ike_sa *sa, const struct ep *peer)
{
	struct ike_engine *engine = sa->engine;

	if (is_counted(sa))
		htab_del(&engine->by_peer, &sa->by_peer);
	sa->path.peer = *peer;
	if (is_counted(sa))
		add_peer(engine, sa);
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

	htab_del(&engine->by_spi, &a->by_spi);
	htab_del(&engine->by_spi, &b->by_spi);
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
	htab_add(&engine->by_spi, &a->by_spi);
	htab_add(&engine->by_spi, &b->by_spi);
}

struct ike_sa *table_find(struct ike_engine *engine, const uint8_t *spi)
{
	struct hnode *n;

	for (n = htab_first(&engine->by_spi, get_unaligned_be32(spi)); n;
	     n = n->next)
		if (!memcmp(sa_own_spi(SA_OF(n, by_spi)), spi, IKE_SPI_LEN))
			return SA_OF(n, by_spi);
	return NULL;
}

unsigned int table_peer_count(struct ike_engine *engine, const struct ep *peer,
			      const uint8_t init_hash[HASH_SHA256_LEN],
			      struct ike_sa **same)
{
	unsigned int n = 0;
	struct hnode *node;
	struct ike_sa *sa;

	*same = NULL;
	for (node = first_of_peer(engine, &peer->addr); node;
	     node = node->next) {
		sa = SA_OF(node, by_peer);
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
	const struct ike_sa *sa;
	unsigned int n = 0;
	struct hnode *node;

	for (node = first_of_peer(engine, a); node; node = node->next) {
		sa = SA_OF(node, by_peer);
		n += sa->placed && addr_equal(&sa->path.peer.addr, a);
	}
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
	struct hnode *n;
	struct ike_sa *sa;

	/* A token begins with the first octets of the own SPI. */
	for (n = htab_first(&engine->by_spi, token >> 32); n; n = n->next) {
		sa = SA_OF(n, by_spi);
		if (sa->waits && sa->token == token)
			return sa;
	}
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
