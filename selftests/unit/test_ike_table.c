// SPDX-License-Identifier: Apache-2.0
/* The tables of IKE SAs: each SA is found, and none costs a walk, however many are up. */
#include <stdlib.h>

#include "ike/sa.h"
#include "tap.h"

#define MANY 20000u
/* SAs of one peer address. */
#define OF_ONE 4u

static struct ike_engine engine;
static struct ike_sa *sas;

static void address_of(unsigned int i, struct addr *a)
{
	uint8_t ip[4] = { 10, i >> 16, i >> 8, i };

	addr_set(a, AF_INET, ip);
}

static void add_all(void)
{
	unsigned int i;

	table_init(&engine);
	sas = calloc(MANY, sizeof(*sas));
	if (!sas)
		bail("no memory");
	for (i = 0; i < MANY; i++) {
		sas[i].engine = &engine;
		sas[i].gcks = true;
		sas[i].placed = i % 2;
		address_of(i / OF_ONE, &sas[i].path.peer.addr);
		if (table_new_spi(&engine, sas[i].spi_r))
			bail("no SPI");
		sas[i].waits = true;
		sas[i].token =
			(uint64_t)get_unaligned_be32(sas[i].spi_r) << 32 | i;
		table_add(&engine, &sas[i]);
	}
}

static void test_found(void)
{
	uint8_t none[IKE_SPI_LEN] = { 0 };
	unsigned int i, wrong = 0;

	add_all();
	for (i = 0; i < MANY; i++) {
		wrong += table_find(&engine, sas[i].spi_r) != &sas[i];
		wrong += ike_token_sa(&engine, sas[i].token) != &sas[i];
	}
	is_int(wrong, 0, "each is found by its SPI and by its token");
	ok(!table_find(&engine, none), "an SPI that was not given out is not");
	is_int(engine.by_spi.buckets, MANY / 2,
	       "there is a place for each two");
	is_int(engine.by_peer.buckets, MANY / 2,
	       "there is a place for each two by address");
}

static void test_peers(void)
{
	uint8_t hash[HASH_SHA256_LEN] = { 1 };
	struct ep peer = { .port = 848 };
	struct ike_sa *same;
	unsigned int i, wrong = 0;

	for (i = 0; i < MANY / OF_ONE; i++) {
		address_of(i, &peer.addr);
		wrong += table_peer_count(&engine, &peer, hash, &same) !=
			 OF_ONE;
		wrong += !!same;
		wrong += table_placed_count(&engine, &peer.addr) != OF_ONE / 2;
	}
	is_int(wrong, 0, "the SAs of each address are counted");
	memcpy(sas[5].init_hash, hash, sizeof(hash));
	address_of(5 / OF_ONE, &peer.addr);
	table_peer_count(&engine, &peer, hash, &same);
	ok(same == &sas[5], "a request that came before is known");
	address_of(1 << 20, &peer.addr);
	table_move(&sas[5], &peer);
	is_int(table_peer_count(&engine, &peer, hash, &same), 1,
	       "one has another address");
	address_of(5 / OF_ONE, &peer.addr);
	is_int(table_peer_count(&engine, &peer, hash, &same), OF_ONE - 1,
	       "the former address has one less");
}

static void test_swap(void)
{
	uint8_t a[IKE_SPI_LEN], b[IKE_SPI_LEN];

	memcpy(a, sas[7].spi_r, sizeof(a));
	memcpy(b, sas[8].spi_r, sizeof(b));
	table_swap(&sas[7], &sas[8]);
	ok(table_find(&engine, a) == &sas[8] &&
		   table_find(&engine, b) == &sas[7],
	   "two that change places are found by the SPI that they have then");
}

static void test_gone(void)
{
	unsigned int i, wrong = 0;

	for (i = 0; i < MANY; i++) {
		table_bury(&sas[i]);
		wrong += !!table_find(&engine, sas[i].spi_r);
		if (i + 1 < MANY)
			wrong += table_find(&engine, sas[i + 1].spi_r) !=
				 &sas[i + 1];
	}
	is_int(wrong, 0, "one that is buried is not found, and the others are");
	is_int(engine.by_spi.n + engine.by_peer.n + engine.stats.sas, 0,
	       "none is left");
	table_clear(&engine);
	free(sas);
}

int main(void)
{
	RUN(test_found);
	RUN(test_peers);
	RUN(test_swap);
	RUN(test_gone);
	return done();
}
