// SPDX-License-Identifier: Apache-2.0
#include "gcks/gkm_policy.h"

#include <netinet/in.h>
#include <string.h>

#include "crypto/sign.h"
#include "gcks/group_time.h"

void gkm_rekey_policy(const struct group *g, const struct gkm_state *st,
		      struct gsa_sa *sa)
{
	const struct conf_group *c = g->conf;

	memset(sa, 0, sizeof(*sa));
	sa->proto = GIKE_PROTO_GIKE_UPDATE;
	sa->spi_len = GIKE_SPI_LEN_REKEY;
	memcpy(sa->spi, st->rekey.spi, GIKE_SPI_LEN_REKEY);
	ts_set(&sa->src,
	       addr_is_none(&c->rekey_source) ? NULL : &c->rekey_source,
	       c->rekey_to.addr.family, IPPROTO_UDP, 0);
	ts_set(&sa->dst, &c->rekey_to.addr, c->rekey_to.addr.family,
	       IPPROTO_UDP, c->rekey_to.port);
	sa->has = GSA_HAS_ENCR | GSA_HAS_KWA | GSA_HAS_LIFETIME;
	sa->encr = c->kek_alg.encr;
	sa->key_bits = c->kek_alg.encr == IKE_ENCR_CHACHA20_POLY1305
			       ? 0
			       : c->kek_alg.key_bits;
	sa->kwa = c->kwa;
	sa->lifetime = gkm_left(g, &st->rekey);
	sa->n_next_spi = GKM_NEXT;
	memcpy(sa->next_spi, st->next_spi, sizeof(st->next_spi));
}

/*
 * Anti-replay by sequence number (transform ID 2, RFC 9838 section 2.6): a
 * single sender already counts on several CPUs, each with a Sender-ID of its
 * own.
 */
void gkm_data_policy(const struct group *g, const struct gkm_state *st,
		     unsigned int n, struct gsa_sa *sa)
{
	const struct conf_alg *alg = conf_alg(g->conf, n);
	const struct gkm_data *d = &st->data[n];
	unsigned int i;

	memset(sa, 0, sizeof(*sa));
	sa->proto = IKE_PROTO_ESP;
	sa->spi_len = GIKE_SPI_LEN_DATA;
	memcpy(sa->spi, d->key.spi, GIKE_SPI_LEN_DATA);
	ts_from_selector(conf_sel(g->conf, n), &sa->src, &sa->dst);
	sa->has = GSA_HAS_ENCR | GSA_HAS_SN | GSA_HAS_LIFETIME;
	sa->encr = alg->encr;
	sa->key_bits = alg->encr == IKE_ENCR_CHACHA20_POLY1305 ? 0
							       : alg->key_bits;
	sa->sn = GIKE_SN_32_UNSPEC;
	sa->lifetime = gkm_left(g, &d->key);
	sa->n_next_spi = GKM_NEXT;
	for (i = 0; i < GKM_NEXT; i++)
		memcpy(sa->next_spi[i], d->next_spi[i], GIKE_SPI_LEN_DATA);
}

void gkm_data_policies(const struct group *g, const struct gkm_state *st,
		       struct gsa *gsa)
{
	gsa->n_data = 0;
	while (gsa->n_data < conf_n_data(g->conf)) {
		gkm_data_policy(g, st, gsa->n_data, &gsa->data[gsa->n_data]);
		gsa->n_data++;
	}
}

static void add_gcauth(const struct group *g, struct gsa_sa *sa)
{
	const uint8_t *alg;
	size_t len;

	sigkey_alg(g->sign, &alg, &len);
	sa->has |= GSA_HAS_GCAUTH;
	sa->gcauth = GIKE_GCAUTH_DIGSIG;
	if (len > sizeof(sa->sigalg))
		len = 0;
	memcpy(sa->sigalg, alg, len);
	sa->sigalg_len = len;
}

void gkm_registration_policy(const struct group *g, struct gsa *gsa)
{
	memset(gsa, 0, sizeof(*gsa));
	gsa->has_rekey = true;
	gkm_rekey_policy(g, &g->st, &gsa->rekey);
	add_gcauth(g, &gsa->rekey);
	if (g->rs.next_mid) {
		gsa->rekey.has |= GSA_HAS_INITIAL_MID;
		gsa->rekey.initial_mid = g->rs.next_mid;
	}
	gkm_data_policies(g, &g->st, gsa);
	gkm_made(g, &gsa->gw);
}

void gkm_inband_policy(const struct group *g, struct gsa *gsa)
{
	unsigned int i;

	memset(gsa, 0, sizeof(*gsa));
	gkm_data_policies(g, &g->st, gsa);
	/* RFC 9838 section 4.4.2.2.3: MUST NOT be sent inband. */
	for (i = 0; i < gsa->n_data; i++)
		gsa->data[i].n_next_spi = 0;
	gkm_made(g, &gsa->gw);
}

int gkm_rekey_sa(struct group *g, const struct gkm_state *st,
		 const struct sigkey *sign, struct rekey_sa *rs)
{
	struct gsa_sa policy;
	int ret;

	gkm_rekey_policy(g, st, &policy);
	policy.encr = st->kek.encr;
	policy.key_bits = st->kek.key_bits;
	policy.kwa = st->kwa;
	add_gcauth(g, &policy);
	ret = rekey_sa_init(rs, &policy, st->rekey.keymat, st->rekey.len, NULL);
	if (!ret)
		ret = rekey_sa_set_key(rs, sign);
	return ret;
}
