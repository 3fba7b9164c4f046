/* SPDX-License-Identifier: Apache-2.0 */
/* A valid GSA and KD, for tests that corrupt them. */
#ifndef GSA_GOOD_H
#define GSA_GOOD_H

#include <string.h>

#include "crypto/prf.h"
#include "wire/gpayload.h"

static inline void wrap_key_of_sk_d(struct kwk *k, unsigned int prf_id,
				    uint16_t kwa, size_t sk_d_len)
{
	uint8_t sk_d[64], out[32];

	for (unsigned int i = 0; i < sizeof(sk_d); i++)
		sk_d[i] = i;
	prf_plus(prf_id, sk_d, sk_d_len, "Key Wrap for G-IKEv2", 20, out,
		 kwa_key_len(kwa));
	kwk_set(k, kwa, out, kwa_key_len(kwa));
}

static inline void data_sa(struct gsa_sa *sa)
{
	const uint8_t spi[4] = { 0, 1, 0, 1 };
	struct addr group;

	memset(sa, 0, sizeof(*sa));
	addr_parse("239.1.1.1", &group);
	sa->proto = IKE_PROTO_ESP;
	sa->spi_len = 4;
	memcpy(sa->spi, spi, 4);
	ts_set(&sa->src, NULL, AF_INET, 0, 0);
	ts_set(&sa->dst, &group, AF_INET, 0, 0);
	sa->has = GSA_HAS_ENCR | GSA_HAS_SN | GSA_HAS_LIFETIME;
	sa->encr = IKE_ENCR_AES_GCM_16;
	sa->key_bits = 256;
	sa->sn = GIKE_SN_32_UNSPEC;
	sa->lifetime = 3600;
}

static inline void rekey_sa(struct gsa_sa *sa)
{
	static const uint8_t ed25519[] = { 0x30, 5, 6, 3, 0x2b, 0x65, 0x70 };
	struct addr group;

	memset(sa, 0, sizeof(*sa));
	addr_parse("239.1.1.254", &group);
	sa->proto = GIKE_PROTO_GIKE_UPDATE;
	sa->spi_len = 16;
	memset(sa->spi, 0x5a, 16);
	ts_set(&sa->src, NULL, AF_INET, 17, 0);
	ts_set(&sa->dst, &group, AF_INET, 17, 848);
	sa->has = GSA_HAS_ENCR | GSA_HAS_KWA | GSA_HAS_GCAUTH |
		  GSA_HAS_LIFETIME;
	sa->encr = IKE_ENCR_AES_GCM_16;
	sa->key_bits = 128;
	sa->kwa = GIKE_KWA_5649_128;
	sa->gcauth = GIKE_GCAUTH_DIGSIG;
	memcpy(sa->sigalg, ed25519, sizeof(ed25519));
	sa->sigalg_len = sizeof(ed25519);
	sa->lifetime = 86400;
}

static inline void add_key(struct kd *kd, const struct gsa_sa *sa,
			   const struct kwk *kwk, uint32_t kwk_id)
{
	uint8_t keymat[KD_PLAIN_MAX];
	struct kd_bag *bag;
	struct kd_key key;

	memset(keymat, 0x77, sizeof(keymat));
	kwk_wrap(kwk, 0, kwk_id, keymat, gsa_keymat_len(sa), &key);
	kd_bag(kd, sa->proto, sa->spi, &bag);
	kd_bag_add(bag, &key);
}

/* A valid registration of a sender. */
static inline void good(struct gsa *gsa, struct kd *kd)
{
	static const uint8_t spki[44] = { 0x30, 42 };
	struct kwk kwk;

	wrap_key_of_sk_d(&kwk, 5, GIKE_KWA_5649_128, 32);
	memset(gsa, 0, sizeof(*gsa));
	kd_init(kd);
	gsa->has_rekey = true;
	rekey_sa(&gsa->rekey);
	gsa->n_data = 1;
	data_sa(&gsa->data[0]);
	gsa->gw.present = true;
	gsa->gw.has = GWP_HAS_ATD | GWP_HAS_DTD | GWP_HAS_SENDER_ID_BITS;
	gsa->gw.sender_id_bits = 16;
	add_key(kd, &gsa->rekey, &kwk, 7);
	add_key(kd, &gsa->data[0], &kwk, 0);
	kd_set_auth_key(kd, spki, sizeof(spki));
	kd_add_sender_id(kd, 3);
}

#endif
