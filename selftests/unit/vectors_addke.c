// SPDX-License-Identifier: Apache-2.0
/* Additional key exchanges of vectors (RFC 9370). */
#include <string.h>

#include "vectors_json.h"
#include "vectors_state.h"

unsigned int vectors_addke_due(const struct vec_sa *sa)
{
	unsigned int i, n = sa->addke.done;

	for (i = 0; i < IKE_ADDKE_MAX; i++)
		if (sa->suite.addke[i] && !n--)
			return sa->suite.addke[i];
	return 0;
}

static void read_ke(struct half *h, const struct ike_msg *m,
		    unsigned int method)
{
	struct ke_pld ke;
	struct rbuf r;

	rbuf_init(&r, m->ke.body, m->ke.len);
	if (!m->ke.body || ke_parse(&r, &ke) || ke.group != method ||
	    ke.len > sizeof(h->ke))
		DIE("KE of an additional key exchange");
	memcpy(h->ke, ke.data, ke.len);
	h->ke_len = ke.len;
}

/* Compute the secret of the exchange that is done, and make its object. */
static json_t *share_more(struct vectors *v, struct vec_sa *sa,
			  const struct half *r, struct ke_shared *shared)
{
	unsigned int method = vectors_addke_due(sa);
	const struct draw *priv[2];
	json_t *o = json_object();
	struct dh *i, *other;

	i = vectors_find_dh(v, method, &sa->addke.i, &priv[0]);
	other = vectors_find_dh(v, method, r, &priv[1]);
	shared->len = dh_shared_len(method);
	if (dh_shared(i, r->ke, r->ke_len, shared->p))
		DIE("shared secret");
	put_int(o, "ke", method);
	put_hex(o, "ke-private-i", priv[0]->p, priv[0]->len);
	put_hex(o, "ke-private-r", priv[1]->p, priv[1]->len);
	put_hex(o, "ke-public-i", sa->addke.i.ke, sa->addke.i.ke_len);
	put_hex(o, "ke-public-r", r->ke, r->ke_len);
	put_hex(o, "shared-secret", shared->p, shared->len);
	dh_free(i);
	dh_free(other);
	sa->addke.done++;
	if (!sa->addke.list) {
		sa->addke.list = json_array();
		json_object_set_new(sa->o, "additional", sa->addke.list);
	}
	json_array_append_new(sa->addke.list, o);
	return o;
}

/* SKEYSEED(n) = prf(SK_d(n-1), SK(n) | Ni | Nr), as in a renewal. */
static void next_keys(struct vec_sa *sa, const struct ke_shared *shared,
		      json_t *o)
{
	struct blob ni = { .p = sa->i.nonce, .len = sa->i.nonce_len };
	struct blob nr = { .p = sa->r.nonce, .len = sa->r.nonce_len };
	struct ike_keys next;
	struct ike_seed seed;

	if (seed_of_rekey(&seed, &sa->suite, &sa->keys, &ni, &nr, shared->p,
			  shared->len) ||
	    keys_derive(&next, &sa->suite, &seed, &ni, &nr, sa->i.spi,
			sa->r.spi))
		DIE("keys of an additional key exchange");
	keys_wipe(&sa->keys);
	sa->keys = next;
	vectors_put_keys(o, &seed, &sa->keys);
}

void vectors_intermediate(struct vectors *v, struct vec_sa *sa,
			  const struct ike_msg *m, const uint8_t *p,
			  const uint8_t *inner, size_t len)
{
	bool answer = m->h.flags & IKE_FLAG_RESPONSE;
	struct vec_addke *a = &sa->addke;
	struct ke_shared shared;
	struct half r = { 0 };

	if (int_auth_add(answer ? &a->by_r : &a->by_i, sa->suite.prf,
			 answer ? sa->keys.sk_pr : sa->keys.sk_pi, p, inner,
			 len))
		DIE("IntAuth");
	read_ke(answer ? &r : &a->i, m, vectors_addke_due(sa));
	if (answer)
		next_keys(sa, &shared, share_more(v, sa, &r, &shared));
}

void vectors_followup(struct vectors *v, struct vec_sa *old,
		      const struct ike_msg *m)
{
	struct vec_sa *sa = old->renewal;
	struct half r = { 0 };

	if (!sa)
		DIE("IKE_FOLLOWUP_KE without a renewal");
	if (!(m->h.flags & IKE_FLAG_RESPONSE)) {
		read_ke(&sa->addke.i, m, vectors_addke_due(sa));
		return;
	}
	read_ke(&r, m, vectors_addke_due(sa));
	share_more(v, sa, &r, &sa->addke.secrets.v[sa->addke.secrets.n]);
	sa->addke.secrets.n++;
	if (vectors_addke_due(sa))
		return;
	old->renewal = NULL;
	vectors_derive_renewal(v, sa, old);
}
