// SPDX-License-Identifier: Apache-2.0
#include "gcks/key_source.h"

#include <string.h>

#include "crypto/rand.h"
#include "gcks/gkm_policy.h"
#include "lib/util.h"

int gkey_make(struct gkey *k, const struct gsa_sa *policy, int64_t now,
	      uint32_t lifetime)
{
	int len = gsa_keymat_len(policy);

	if (len < 0)
		return len;
	k->len = len;
	k->made = now;
	k->lifetime = lifetime;
	return rand_bytes(k->keymat, len);
}

/* ---- local keys --------------------------------------------------------- */

static bool is_spi_of(const struct gkm_data *d, uint32_t spi)
{
	unsigned int i;

	for (i = 0; i < GKM_NEXT; i++)
		if (get_unaligned_be32(d->next_spi[i]) == spi)
			return true;
	return gkey_spi(&d->key) == spi;
}

static bool spi_usable(const struct gkm_state *st, uint32_t spi)
{
	unsigned int i;

	for (i = 0; i < st->n_old; i++)
		if (st->old[i].spi == spi)
			return false;
	for (i = 0; i < CONF_MAX_DATA; i++)
		if (is_spi_of(&st->data[i], spi))
			return false;
	return spi >= ESP_SPI_MIN;
}

static int random_data_spi(const struct gkm_state *st,
			   uint8_t spi[GIKE_SPI_LEN_DATA])
{
	uint8_t fresh[GIKE_SPI_LEN_DATA];
	int ret;

	do {
		ret = rand_bytes(fresh, sizeof(fresh));
	} while (!ret && !spi_usable(st, get_unaligned_be32(fresh)));
	memcpy(spi, fresh, sizeof(fresh));
	return ret;
}

/* Give Data SA @d of @st its first announced SPI, and announce another one. */
static int take_data_spi(const struct gkm_state *st, struct gkm_data *d)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < GKM_NEXT; i++)
		if (!st->keyed || !get_unaligned_be32(d->next_spi[i]))
			ret = random_data_spi(st, d->next_spi[i]);
	if (ret)
		return ret;
	memset(d->key.spi, 0, sizeof(d->key.spi));
	memcpy(d->key.spi, d->next_spi[0], GIKE_SPI_LEN_DATA);
	memmove(d->next_spi[0], d->next_spi[1],
		(GKM_NEXT - 1) * GIKE_SPI_LEN_DATA);
	memset(d->next_spi[GKM_NEXT - 1], 0, GIKE_SPI_LEN_DATA);
	return random_data_spi(st, d->next_spi[GKM_NEXT - 1]);
}

/* Each Data SA has a key of its own, so that one Sender-ID is for all of them. */
static int next_of_data(struct group *g, struct gkm_state *st, unsigned int n,
			uint32_t lifetime, bool exclude)
{
	struct gkm_data *d = &st->data[n];
	struct gsa_sa policy;
	unsigned int i;
	int ret;

	ret = take_data_spi(st, d);
	for (i = 0; !ret && exclude && i < GKM_NEXT; i++)
		ret = random_data_spi(st, d->next_spi[i]);
	if (ret)
		return ret;
	gkm_data_policy(g, st, n, &policy);
	return gkey_make(&d->key, &policy, group_wall(g), lifetime);
}

static int local_next_data(struct group *g, struct gkm_state *st,
			   uint32_t lifetime, bool exclude)
{
	unsigned int i;
	int ret = 0;

	st->n_data = (unsigned int)conf_n_data(g->conf);
	for (i = 0; !ret && i < st->n_data; i++)
		ret = next_of_data(g, st, i, lifetime, exclude);
	return ret;
}

static uint32_t local_sender_ids_left(const struct group *g,
				      const struct gkm_state *st)
{
	uint32_t all = 1u << g->conf->sender_id_bits;

	return st->next_sid < all ? all - st->next_sid : 0;
}

static uint32_t local_take_sender_ids(struct group *g, struct gkm_state *st,
				      uint32_t n)
{
	uint32_t first = st->next_sid;

	(void)g;
	st->next_sid += n;
	return first;
}

static void local_reset(struct group *g, struct gkm_state *st)
{
	(void)g;
	st->next_sid = 0;
}

const struct key_source_ops key_source_local = {
	.next_data = local_next_data,
	.sender_ids_left = local_sender_ids_left,
	.take_sender_ids = local_take_sender_ids,
	.reset = local_reset,
};
