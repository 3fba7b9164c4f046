// SPDX-License-Identifier: Apache-2.0
/*
 * Keys of an IKE SA (RFC 7296 section 2.14), and its key wrap key (RFC 9838
 * section 3.4).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ike/sa.h"
#include "ike/session.h"
#include "lib/buf.h"
#include "lib/secret.h"

/* 20 octets without the terminator. */
#define GSK_W_LABEL "Key Wrap for G-IKEv2"
#define RESUMPTION_LABEL "Resumption"

void seed_wipe(struct ike_seed *seed)
{
	secret_wipe(seed, sizeof(*seed));
}

/* GSK_w = prf+(SK_d, "Key Wrap for G-IKEv2"); none without an algorithm. */
static int derive_kwk(const struct ike_suite *s, const uint8_t *sk_d,
		      struct kwk *kwk)
{
	int len = s->kwa ? kwa_key_len(s->kwa) : 0;
	uint8_t key[KWK_MAX];
	int ret;

	memset(kwk, 0, sizeof(*kwk));
	if (len <= 0)
		return len;
	ret = prf_plus(s->prf, sk_d, prf_len(s->prf), GSK_W_LABEL,
		       sizeof(GSK_W_LABEL) - 1, key, len);
	if (!ret)
		ret = kwk_set(kwk, s->kwa, key, len);
	secret_wipe(key, sizeof(key));
	return ret;
}

/* SKEYSEED = prf(Ni | Nr, g^ir). */
int seed_of_shared(struct ike_seed *seed, const struct ike_suite *s,
		   const struct blob *ni, const struct blob *nr,
		   const uint8_t *shared, size_t shared_len)
{
	uint8_t nonces[2 * IKE_NONCE_MAX];

	seed->len = prf_len(s->prf);
	if (!seed->len)
		return -ENOTSUP;
	if (ni->len > IKE_NONCE_MAX || nr->len > IKE_NONCE_MAX)
		return -EINVAL;
	memcpy(nonces, ni->p, ni->len);
	memcpy(nonces + ni->len, nr->p, nr->len);
	return prf_one(s->prf, nonces, ni->len + nr->len, shared, shared_len,
		       seed->p);
}

/* SKEYSEED = prf(SK_d (old), "Resumption" | Ni | Nr). */
int seed_of_session(struct ike_seed *seed, const struct ike_session *s,
		    const struct blob *ni, const struct blob *nr)
{
	const struct iovec iov[] = {
		{ (void *)RESUMPTION_LABEL, sizeof(RESUMPTION_LABEL) - 1 },
		{ ni->p, ni->len },
		{ nr->p, nr->len },
	};

	seed->len = prf_len(s->suite.prf);
	if (!seed->len)
		return -ENOTSUP;
	if (ni->len > IKE_NONCE_MAX || nr->len > IKE_NONCE_MAX)
		return -EINVAL;
	return prf(s->suite.prf, s->sk_d, seed->len, iov, 3, seed->p);
}

/* SKEYSEED = prf(SK_d (old), SK(0) | Ni | Nr | SK(1) | ... SK(n)). */
int seed_of_renewal(struct ike_seed *seed, const struct ike_suite *s,
		    const struct ike_keys *old, const struct blob *ni,
		    const struct blob *nr, const struct ike_secrets *secrets)
{
	struct iovec iov[3 + IKE_ADDKE_MAX] = {
		{ (void *)secrets->v[0].p, secrets->v[0].len },
		{ ni->p, ni->len },
		{ nr->p, nr->len },
	};
	unsigned int n = 3;

	for (unsigned int i = 1; i < secrets->n; i++)
		iov[n++] = (struct iovec){ (void *)secrets->v[i].p,
					   secrets->v[i].len };
	seed->len = prf_len(s->prf);
	if (!seed->len)
		return -ENOTSUP;
	if (ni->len > IKE_NONCE_MAX || nr->len > IKE_NONCE_MAX || !old->have)
		return -EINVAL;
	return prf(s->prf, old->sk_d, old->prf_len, iov, n, seed->p);
}

/* SKEYSEED = prf(SK_d (old), g^ir (new) | Ni | Nr). */
int seed_of_rekey(struct ike_seed *seed, const struct ike_suite *s,
		  const struct ike_keys *old, const struct blob *ni,
		  const struct blob *nr, const uint8_t *shared,
		  size_t shared_len)
{
	const struct iovec iov[] = {
		{ (void *)shared, shared_len },
		{ ni->p, ni->len },
		{ nr->p, nr->len },
	};

	seed->len = prf_len(s->prf);
	if (!seed->len)
		return -ENOTSUP;
	if (ni->len > IKE_NONCE_MAX || nr->len > IKE_NONCE_MAX || !old->have)
		return -EINVAL;
	return prf(s->prf, old->sk_d, old->prf_len, iov, 3, seed->p);
}

/*
 * { SK_d | SK_ei | SK_er | SK_pi | SK_pr } = prf+(SKEYSEED, Ni|Nr|SPIi|SPIr),
 * since SK_ai and SK_ar are empty with an AEAD.
 */
int keys_derive(struct ike_keys *k, const struct ike_suite *s,
		const struct ike_seed *seed, const struct blob *ni,
		const struct blob *nr, const uint8_t spi_i[8],
		const uint8_t spi_r[8])
{
	uint8_t out[3 * PRF_MAX_LEN + 2 * SK_KEY_MAX];
	int e_len = sk_key_len(s->encr, s->key_bits);
	size_t p_len = prf_len(s->prf);
	uint8_t *p = out;
	struct wbuf w;
	int ret;

	memset(k, 0, sizeof(*k));
	if (e_len < 0 || !p_len)
		return -ENOTSUP;
	k->sk_pi = secret_alloc(2 * PRF_MAX_LEN);
	if (!k->sk_pi)
		return -ENOMEM;
	k->sk_pr = k->sk_pi + PRF_MAX_LEN;
	wbuf_init(&w, 2 * IKE_NONCE_MAX + 2 * IKE_SPI_LEN);
	wbuf_put(&w, ni->p, ni->len);
	wbuf_put(&w, nr->p, nr->len);
	wbuf_put(&w, spi_i, IKE_SPI_LEN);
	wbuf_put(&w, spi_r, IKE_SPI_LEN);
	ret = w.err;
	if (!ret)
		ret = prf_plus(s->prf, seed->p, seed->len, w.p, w.len, out,
			       3 * p_len + 2 * e_len);
	if (!ret) {
		k->prf_len = p_len;
		memcpy(k->sk_d, p, p_len);
		p += p_len;
		ret = sk_key_set(&k->ei, s->encr, s->key_bits, p, e_len);
		p += e_len;
	}
	if (!ret) {
		ret = sk_key_set(&k->er, s->encr, s->key_bits, p, e_len);
		p += e_len;
		memcpy(k->sk_pi, p, p_len);
		memcpy(k->sk_pr, p + p_len, p_len);
	}
	if (!ret)
		ret = derive_kwk(s, k->sk_d, &k->gsk_w);
	secret_wipe(out, sizeof(out));
	wbuf_free(&w);
	if (ret)
		keys_wipe(k);
	else
		k->have = true;
	return ret;
}

void keys_drop_auth(struct ike_keys *k)
{
	secret_free(k->sk_pi);
	k->sk_pi = NULL;
	k->sk_pr = NULL;
}

void keys_wipe(struct ike_keys *k)
{
	keys_drop_auth(k);
	secret_wipe(k, sizeof(*k));
}

int keys_mix_ppk(struct ike_keys *k, const struct ike_suite *s,
		 const uint8_t *ppk, size_t len, struct ike_unmixed *before)
{
	uint8_t *const keys[] = { k->sk_d, k->sk_pi, k->sk_pr };
	struct ike_unmixed new;
	uint8_t *const mixed[] = { new.sk_d, new.sk_pi, new.sk_pr };
	int ret = k->have ? 0 : -EINVAL;

	memset(&new, 0, sizeof(new));
	for (int i = 0; !ret && i < 3; i++)
		ret = prf_plus(s->prf, ppk, len, keys[i], k->prf_len, mixed[i],
			       k->prf_len);
	if (!ret)
		ret = derive_kwk(s, new.sk_d, &new.gsk_w);
	if (!ret) {
		memcpy(before->sk_d, k->sk_d, sizeof(k->sk_d));
		memcpy(before->sk_pi, k->sk_pi, PRF_MAX_LEN);
		memcpy(before->sk_pr, k->sk_pr, PRF_MAX_LEN);
		before->gsk_w = k->gsk_w;
		keys_unmix(k, &new);
	}
	secret_wipe(&new, sizeof(new));
	return ret;
}

void keys_unmix(struct ike_keys *k, const struct ike_unmixed *before)
{
	memcpy(k->sk_d, before->sk_d, sizeof(k->sk_d));
	memcpy(k->sk_pi, before->sk_pi, PRF_MAX_LEN);
	memcpy(k->sk_pr, before->sk_pr, PRF_MAX_LEN);
	k->gsk_w = before->gsk_w;
}

static size_t put_hex(char *to, const uint8_t *p, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		to[2 * i] = digits[p[i] >> 4];
		to[2 * i + 1] = digits[p[i] & 15];
	}
	to[2 * len] = 0;
	return 2 * len;
}

/*
 * SPIi,SPIr,SK_ei,SK_er,"cipher",SK_ai,SK_ar,"integrity": the names are those
 * of tshark's table, which has no ChaCha20-Poly1305.
 */
bool keys_line(const struct ike_sa *sa, char *buf, size_t size)
{
	char i[17], r[17], ei[2 * SK_KEY_MAX + 1], er[2 * SK_KEY_MAX + 1];
	const char *alg;
	int n;

	if (!sa->keys.have || sa->suite.encr != IKE_ENCR_AES_GCM_16)
		return false;
	alg = sa->suite.key_bits == 256
		      ? "AES-GCM-256 with 16 octet ICV [RFC5282]"
		      : "AES-GCM-128 with 16 octet ICV [RFC5282]";
	put_hex(i, sa->spi_i, IKE_SPI_LEN);
	put_hex(r, sa->spi_r, IKE_SPI_LEN);
	put_hex(ei, sa->keys.ei.key, sa->keys.ei.len);
	put_hex(er, sa->keys.er.key, sa->keys.er.len);
	n = snprintf(buf, size, "%s,%s,%s,%s,\"%s\",,,\"NONE [RFC4306]\"", i, r,
		     ei, er, alg);
	secret_wipe(ei, sizeof(ei));
	secret_wipe(er, sizeof(er));
	return n > 0 && (size_t)n < size;
}

void keys_export(const struct ike_sa *sa)
{
	struct ike_engine *engine = sa->engine;
	char line[512];

	if (engine->cfg.export_keys && keys_line(sa, line, sizeof(line)))
		engine->cfg.export_keys(engine->ctx, line);
	secret_wipe(line, sizeof(line));
}
