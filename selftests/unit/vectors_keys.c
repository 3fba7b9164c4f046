// SPDX-License-Identifier: Apache-2.0
/* Keys of vectors: those of IKE SAs, and those in KD. */
#include <string.h>

#include "vectors_json.h"
#include "vectors_state.h"

/* ---- IKE SAs ------------------------------------------------------------ */

static void blob_of(struct blob *b, const struct half *h)
{
	b->p = (uint8_t *)h->nonce;
	b->len = h->nonce_len;
}

static void put_suite(json_t *o, const struct ike_suite *s)
{
	put_int(o, "encr", s->encr);
	put_int(o, "encr-key-bits", s->key_bits);
	put_int(o, "prf", s->prf);
	put_int(o, "ke", s->ke);
	put_int(o, "kwa", s->kwa);
}

void vectors_put_keys(json_t *o, const struct ike_seed *seed,
		      const struct ike_keys *k)
{
	put_hex(o, "skeyseed", seed->p, seed->len);
	put_hex(o, "sk-d", k->sk_d, k->prf_len);
	put_hex(o, "sk-ei", k->ei.key, k->ei.len);
	put_hex(o, "sk-er", k->er.key, k->er.len);
	put_hex(o, "sk-pi", k->sk_pi, k->prf_len);
	put_hex(o, "sk-pr", k->sk_pr, k->prf_len);
	put_hex(o, "gsk-w", k->gsk_w.key, k->gsk_w.len);
}

/* Compute the shared secret of IKE_SA_INIT or CREATE_CHILD_SA, and record it. */
static void share(struct vectors *v, struct vec_sa *sa, json_t *o)
{
	const struct draw *priv[2];
	struct ke_shared *shared = &sa->addke.secrets.v[0];
	struct dh *i = vectors_find_dh(v, sa->suite.ke, &sa->i, &priv[0]);
	struct dh *r = vectors_find_dh(v, sa->suite.ke, &sa->r, &priv[1]);

	shared->len = dh_shared_len(sa->suite.ke);
	if (dh_shared(i, dh_public(r), dh_public_len(sa->suite.ke), shared->p))
		DIE("shared secret");
	sa->addke.secrets.n = 1;
	put_hex(o, "ke-private-i", priv[0]->p, priv[0]->len);
	put_hex(o, "ke-private-r", priv[1]->p, priv[1]->len);
	put_hex(o, "ke-public-i", sa->i.ke, sa->i.ke_len);
	put_hex(o, "ke-public-r", sa->r.ke, sa->r.ke_len);
	put_hex(o, "shared-secret", shared->p, shared->len);
	dh_free(i);
	dh_free(r);
}

/* Make the object of an IKE SA, without its keys. */
static json_t *sa_object(struct vectors *v, struct vec_sa *sa,
			 const struct vec_sa *old)
{
	json_t *o = json_object();

	snprintf(sa->name, sizeof(sa->name), "ike-sa-%u", ++v->n_sas);
	put_text(o, "name", sa->name);
	if (old)
		put_text(o, "renews", old->name);
	put_suite(o, &sa->suite);
	put_hex(o, "spi-i", sa->i.spi, IKE_SPI_LEN);
	put_hex(o, "spi-r", sa->r.spi, IKE_SPI_LEN);
	put_hex(o, "nonce-i", sa->i.nonce, sa->i.nonce_len);
	put_hex(o, "nonce-r", sa->r.nonce, sa->r.nonce_len);
	share(v, sa, o);
	return o;
}

static void add_sa(struct vectors *v, struct vec_sa *sa)
{
	if (v->multicast_only) {
		json_decref(sa->o);
		sa->o = NULL;
	} else {
		json_array_append_new(v->ike_sas, sa->o);
	}
	sa->next = v->sas;
	v->sas = sa;
}

void vectors_derive_renewal(struct vectors *v, struct vec_sa *sa,
			    const struct vec_sa *old)
{
	struct ike_seed seed;
	struct blob ni, nr;
	int ret;

	blob_of(&ni, &sa->i);
	blob_of(&nr, &sa->r);
	ret = seed_of_renewal(&seed, &old->suite, &old->keys, &ni, &nr,
			      &sa->addke.secrets);
	if (!ret)
		ret = keys_derive(&sa->keys, &sa->suite, &seed, &ni, &nr,
				  sa->i.spi, sa->r.spi);
	if (ret)
		DIE("keys: %s", strerror(-ret));
	vectors_put_keys(sa->o, &seed, &sa->keys);
	add_sa(v, sa);
}

void vectors_derive(struct vectors *v, struct vec_sa *sa, struct vec_sa *old)
{
	const struct ke_shared *shared = &sa->addke.secrets.v[0];
	struct ike_seed seed;
	struct blob ni, nr;
	int ret;

	sa->o = sa_object(v, sa, old);
	if (old && vectors_addke_due(sa)) {
		old->renewal = sa;
		return;
	}
	if (old) {
		vectors_derive_renewal(v, sa, old);
		return;
	}
	blob_of(&ni, &sa->i);
	blob_of(&nr, &sa->r);
	ret = seed_of_shared(&seed, &sa->suite, &ni, &nr, shared->p,
			     shared->len);
	if (!ret)
		ret = keys_derive(&sa->keys, &sa->suite, &seed, &ni, &nr,
				  sa->i.spi, sa->r.spi);
	if (ret)
		DIE("keys: %s", strerror(-ret));
	vectors_put_keys(sa->o, &seed, &sa->keys);
	add_sa(v, sa);
}

void vectors_mix_ppk(struct vectors *v, struct vec_sa *sa,
		     const struct ike_msg *m)
{
	const struct notify_pld *n = msg_notify(m, IKE_N_PPK_IDENTITY);
	struct ike_keys *k = &sa->keys;
	struct ike_unmixed before;
	json_t *o;

	/* The answer confirms it, and has the notify without a name. */
	if (!n || !v->ppk || !ppk_is_named(v->ppk, n))
		return;
	if (keys_mix_ppk(k, &sa->suite, v->ppk->key, v->ppk->len, &before))
		DIE("PPK");
	o = json_object();
	put_hex(o, "ppk-id", n->data, n->len);
	put_hex(o, "sk-d", k->sk_d, k->prf_len);
	put_hex(o, "sk-pi", k->sk_pi, k->prf_len);
	put_hex(o, "sk-pr", k->sk_pr, k->prf_len);
	put_hex(o, "gsk-w", k->gsk_w.key, k->gsk_w.len);
	json_object_set_new(sa->o, "ppk", o);
}

/* ---- KD ----------------------------------------------------------------- */

static const struct kwk *find_kwk(const struct vectors *v, uint32_t id,
				  const struct kwk *def)
{
	const struct vec_key *k;

	if (!id)
		return def;
	for (k = v->tree; k; k = k->next)
		if (k->id == id)
			return &k->kwk;
	return NULL;
}

static void put_wrapped(json_t *list, const struct kd_key *k,
			const struct kwk *kwk, const uint8_t *plain, size_t len,
			const uint8_t *spi, size_t spi_len)
{
	json_t *o = json_object();

	if (spi)
		put_hex(o, "spi", spi, spi_len);
	put_int(o, "key-id", k->key_id);
	put_int(o, "kwk-id", k->kwk_id);
	put_hex(o, "wrapping-key", kwk->key, kwk->len);
	put_hex(o, "wrapped-key", k->enc, k->len);
	put_hex(o, "key", plain, len);
	json_array_append_new(list, o);
}

static void learn_tree_key(struct vectors *v, const struct kd_key *w,
			   const struct kwk *kwk, const uint8_t *key)
{
	const struct kwk *known = find_kwk(v, w->key_id, NULL);
	struct vec_key *k;
	json_t *o;

	if (known) {
		if (memcmp(known->key, key, known->len))
			DIE("Key ID %u has two keys", w->key_id);
		return;
	}
	k = calloc(1, sizeof(*k));
	if (!k || kwk_set(&k->kwk, kwk->kwa, key, kwk->len))
		DIE("no memory");
	k->id = w->key_id;
	k->next = v->tree;
	v->tree = k;
	o = json_object();
	put_int(o, "key-id", k->id);
	put_hex(o, "key", key, kwk->len);
	json_array_append_new(v->tree_keys, o);
}

/* Keys that only members under other branches can unwrap come in any order. */
static void unwrap_tree(struct vectors *v, const struct kd *kd,
			const struct kwk *def, json_t *list)
{
	bool *seen = calloc(kd->n_wrap + 1, sizeof(*seen)), more = true;
	uint8_t key[KWK_MAX];
	unsigned int i;

	if (!seen)
		DIE("no memory");
	while (more) {
		more = false;
		for (i = 0; i < kd->n_wrap; i++) {
			const struct kd_key *w = &kd->wrap[i];
			const struct kwk *kwk = find_kwk(v, w->kwk_id, def);

			if (seen[i] || !kwk)
				continue;
			if (kwk_unwrap(kwk, w, key, kwk->len))
				DIE("WRAP_KEY %u", w->key_id);
			put_wrapped(list, w, kwk, key, kwk->len, NULL, 0);
			learn_tree_key(v, w, kwk, key);
			seen[i] = true;
			more = true;
		}
	}
	for (i = 0; i < kd->n_wrap; i++)
		if (!seen[i])
			DIE("nobody can unwrap Key ID %u", kd->wrap[i].key_id);
	free(seen);
}

struct vec_rekey *vectors_find_rekey(const struct vectors *v,
				     const uint8_t *spi)
{
	struct vec_rekey *r;

	for (r = v->rekeys; r; r = r->next)
		if (!memcmp(r->spi, spi, sizeof(r->spi)))
			return r;
	return NULL;
}

static void learn_rekey(struct vectors *v, const struct gsa_sa *p,
			const uint8_t *keymat, size_t len)
{
	int e = sk_key_len(p->encr, p->key_bits);
	struct vec_rekey *r;
	json_t *o;

	if (vectors_find_rekey(v, p->spi))
		return;
	r = calloc(1, sizeof(*r));
	if (!r || e < 0 ||
	    sk_key_set(&r->key, p->encr, p->key_bits, keymat, e) ||
	    kwk_set(&r->kwk, p->kwa, keymat + e, len - e))
		DIE("Rekey SA");
	memcpy(r->spi, p->spi, sizeof(r->spi));
	r->next = v->rekeys;
	v->rekeys = r;
	o = json_object();
	put_hex(o, "spi", p->spi, sizeof(r->spi));
	put_int(o, "encr", p->encr);
	put_int(o, "encr-key-bits", p->key_bits);
	put_int(o, "kwa", p->kwa);
	put_hex(o, "keymat", keymat, len);
	put_hex(o, "gsk-e", r->key.key, r->key.len);
	put_hex(o, "gsk-w", r->kwk.key, r->kwk.len);
	json_array_append_new(v->rekey_sas, o);
}

static bool has_keymat(const json_t *list, const char *key, const char *value)
{
	const json_t *o;
	size_t i;

	json_array_foreach(list, i, o)
		if (!strcmp(json_string_value(json_object_get(o, key)), value))
			return true;
	return false;
}

bool vectors_has_keymat(const struct vectors *v, const uint8_t *p, size_t len)
{
	char *text = hex_text(p, len);
	bool has = has_keymat(v->rekey_sas, "keymat", text) ||
		   has_keymat(v->data_sas, "keymat", text);

	free(text);
	return has;
}

static void learn_data(struct vectors *v, const struct gsa_sa *p,
		       const uint8_t *keymat, size_t len)
{
	char *spi = hex_text(p->spi, p->spi_len);
	json_t *o;

	if (!has_keymat(v->data_sas, "spi", spi)) {
		o = json_object();
		put_text(o, "spi", spi);
		put_int(o, "encr", p->encr);
		put_int(o, "encr-key-bits", p->key_bits);
		put_hex(o, "keymat", keymat, len);
		json_array_append_new(v->data_sas, o);
	}
	free(spi);
}

static const struct gsa_sa *policy_of(const struct gsa *gsa,
				      const struct kd_bag *bag)
{
	unsigned int i;

	if (gsa->has_rekey && bag->proto == GIKE_PROTO_GIKE_UPDATE)
		return &gsa->rekey;
	for (i = 0; i < gsa->n_data; i++)
		if (gsa->data[i].proto == bag->proto &&
		    !memcmp(gsa->data[i].spi, bag->spi, bag->spi_len))
			return &gsa->data[i];
	DIE("a key bag without its policy");
}

static void unwrap_bag(struct vectors *v, const struct gsa *gsa,
		       const struct kd_bag *bag, const struct kwk *def,
		       json_t *list)
{
	const struct gsa_sa *policy = policy_of(gsa, bag);
	uint8_t keymat[KD_PLAIN_MAX];
	int len = gsa_keymat_len(policy);
	unsigned int i;

	for (i = 0; i < bag->n; i++) {
		const struct kd_key *k = &bag->keys[i];
		const struct kwk *kwk = find_kwk(v, k->kwk_id, def);

		if (!kwk || len < 0 || kwk_unwrap(kwk, k, keymat, len))
			DIE("SA_KEY under %u", k->kwk_id);
		put_wrapped(list, k, kwk, keymat, len, bag->spi, bag->spi_len);
	}
	if (!bag->n)
		DIE("an empty key bag");
	if (policy == &gsa->rekey)
		learn_rekey(v, policy, keymat, len);
	else
		learn_data(v, policy, keymat, len);
}

void vectors_put_kd(struct vectors *v, json_t *o, const struct ike_msg *m,
		    const struct kwk *def)
{
	json_t *list = json_array();
	static struct gsa gsa;
	struct rbuf r;
	struct kd kd;
	unsigned int i;

	kd_init(&kd);
	rbuf_init(&r, m->gsa.body, m->gsa.len);
	if (gsa_parse(&r, &gsa))
		DIE("GSA");
	rbuf_init(&r, m->kd.body, m->kd.len);
	if (kd_parse(&r, &kd))
		DIE("KD");
	unwrap_tree(v, &kd, def, list);
	for (i = 0; i < kd.n_bags; i++)
		unwrap_bag(v, &gsa, &kd.bags[i], def, list);
	kd_free(&kd);
	json_object_set_new(o, "keys", list);
}
