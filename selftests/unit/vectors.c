// SPDX-License-Identifier: Apache-2.0
#include "vectors.h"

#include <string.h>

#include "ike/auth.h"
#include "lib/secret.h"
#include "vectors_json.h"
#include "vectors_state.h"

/* ---- IKE_SA_INIT and renewals ------------------------------------------- */

static void half_copy(struct half *h, const uint8_t *p, size_t len)
{
	free(h->msg);
	h->msg = malloc(len);
	if (!h->msg)
		DIE("no memory");
	memcpy(h->msg, p, len);
	h->len = len;
}

/* Nonce and KE of a message; returns false if it has none. */
static bool half_read(struct half *h, const struct ike_msg *m)
{
	struct ke_pld ke;
	struct rbuf r;

	if (!m->ke.body || !m->nonce.body)
		return false;
	rbuf_init(&r, m->ke.body, m->ke.len);
	if (ke_parse(&r, &ke) || ke.len > sizeof(h->ke) ||
	    m->nonce.len > sizeof(h->nonce))
		DIE("KE or nonce");
	memcpy(h->ke, ke.data, ke.len);
	h->ke_len = ke.len;
	memcpy(h->nonce, m->nonce.body, m->nonce.len);
	h->nonce_len = m->nonce.len;
	return true;
}

static const struct proposal *first_proposal(const struct ike_msg *m)
{
	static struct sa_pld sa;
	struct rbuf r;

	rbuf_init(&r, m->sa.body, m->sa.len);
	if (!m->sa.body || sa_parse(&r, &sa) || !sa.n)
		DIE("SA");
	return &sa.p[0];
}

static void suite_read(struct ike_suite *s, const struct proposal *p)
{
	unsigned int i;

	for (i = 0; i < p->n; i++) {
		if (p->t[i].type == IKE_TT_ENCR) {
			s->encr = p->t[i].id;
			s->key_bits = p->t[i].key_bits;
		}
		if (p->t[i].type == IKE_TT_PRF)
			s->prf = p->t[i].id;
		if (p->t[i].type == IKE_TT_KE)
			s->ke = p->t[i].id;
		if (p->t[i].type == GIKE_TT_KWA)
			s->kwa = p->t[i].id;
		if (p->t[i].type >= IKE_TT_ADDKE1 &&
		    p->t[i].type <= IKE_TT_ADDKE7)
			s->addke[p->t[i].type - IKE_TT_ADDKE1] = p->t[i].id;
	}
}

static struct vec_sa *vec_sa_new(void)
{
	struct vec_sa *sa = calloc(1, sizeof(*sa));

	if (!sa)
		DIE("no memory");
	return sa;
}

static struct half *find_init(struct vectors *v, const uint8_t *spi)
{
	struct vec_init *i;

	for (i = v->inits; i; i = i->next)
		if (!memcmp(i->half.spi, spi, IKE_SPI_LEN))
			return &i->half;
	i = calloc(1, sizeof(*i));
	if (!i)
		DIE("no memory");
	memcpy(i->half.spi, spi, IKE_SPI_LEN);
	i->next = v->inits;
	v->inits = i;
	return &i->half;
}

static void on_init(struct vectors *v, const uint8_t *p, size_t len,
		    struct ike_msg *m)
{
	struct half *init = find_init(v, m->h.spi_i);
	struct vec_sa *sa;
	struct err err;

	if (msg_sort(m, MSG_CLEAR, m->h.next, p + IKE_HDR_LEN,
		     len - IKE_HDR_LEN, &err))
		DIE("IKE_SA_INIT: %s", err.text);
	if (!(m->h.flags & IKE_FLAG_RESPONSE)) {
		half_copy(init, p, len);
		if (!half_read(init, m))
			DIE("request without KE");
		return;
	}
	/* An answer that asks for a cookie opens no SA. */
	if (!m->ke.body)
		return;
	sa = vec_sa_new();
	sa->i = *init;
	init->msg = NULL;
	if (!sa->i.msg)
		DIE("an answer without its IKE_SA_INIT");
	half_read(&sa->r, m);
	memcpy(sa->r.spi, m->h.spi_r, IKE_SPI_LEN);
	half_copy(&sa->r, p, len);
	suite_read(&sa->suite, first_proposal(m));
	vectors_derive(v, sa, NULL);
}

static void on_renewal(struct vectors *v, struct vec_sa *old,
		       const struct ike_msg *m)
{
	bool by_i = m->h.flags & IKE_FLAG_INITIATOR;
	const struct proposal *p;
	struct vec_sa *sa;

	if (!m->ke.body)
		return;
	p = first_proposal(m);
	if (!(m->h.flags & IKE_FLAG_RESPONSE)) {
		half_read(&old->ask, m);
		memcpy(old->ask.spi, p->spi, IKE_SPI_LEN);
		old->asked_by_i = by_i;
		return;
	}
	sa = vec_sa_new();
	sa->i = old->ask;
	half_read(&sa->r, m);
	memcpy(sa->r.spi, p->spi, IKE_SPI_LEN);
	suite_read(&sa->suite, p);
	vectors_derive(v, sa, old);
}

/* ---- AUTH --------------------------------------------------------------- */

static void put_auth(json_t *o, const struct vec_sa *sa,
		     const struct ike_msg *m)
{
	bool by_i = m->idi.body;
	const struct pld *id = by_i ? &m->idi : &m->idr;
	const struct half *own = by_i ? &sa->i : &sa->r;
	const struct half *peer = by_i ? &sa->r : &sa->i;
	uint8_t *sk_p = by_i ? sa->keys.sk_pi : sa->keys.sk_pr;
	size_t n = sa->keys.prf_len;
	const struct auth_side side = {
		.prf_id = sa->suite.prf,
		.sk_p = { sk_p, n },
		.msg = { (void *)own->msg, own->len },
		.nonce = { (void *)peer->nonce, peer->nonce_len },
		.id = { (void *)id->body, id->len },
	};
	uint8_t int_auth[INT_AUTH_MAX];
	struct auth_octets octets;
	struct wbuf w;

	if (!m->auth.body)
		return;
	if (auth_octets(&side, &octets))
		DIE("AUTH");
	wbuf_init(&w, 65535);
	wbuf_put(&w, octets.p, octets.len);
	put_hex(o, "maced-id", octets.p + octets.len - n, n);
	if (sa->addke.by_i.n) {
		n = int_auth_put(&sa->addke.by_i, &sa->addke.by_r,
				 sa->suite.prf, sa->addke.done + 1, int_auth);
		put_hex(o, "int-auth", int_auth, n);
		wbuf_put(&w, int_auth, n);
	}
	put_hex(o, "signed-octets", w.p, w.len);
	wbuf_free(&w);
	secret_free(octets.p);
}

/* ---- messages ----------------------------------------------------------- */

/* A message in the hands of the recorder. */
struct vec_msg {
	json_t *o;
	const uint8_t *p;
	size_t len;
	struct vec_sa *sa; /* one of these if it is protected */
	struct vec_rekey *rekey;
	struct ike_msg m;
};

/* A | P of RFC 9838 section 2.4.1.1, with the signature value zeroed. */
static void put_rekey_signed(const struct vec_msg *msg, uint8_t first,
			     const uint8_t *inner, size_t len)
{
	const struct pld *pld = &msg->m.auth;
	struct auth_pld auth;
	struct wbuf w;
	struct rbuf r;

	if (!pld->body)
		return;
	rbuf_init(&r, pld->body, pld->len);
	if (auth_parse(&r, &auth))
		DIE("AUTH of GSA_REKEY");
	wbuf_init(&w, 65535);
	wbuf_put(&w, msg->p, IKE_HDR_LEN);
	wbuf_patch_u8(&w, IKE_HDR_NEXT_OFF, IKE_PLD_SK);
	wbuf_patch_u32(&w, IKE_HDR_LEN_OFF, IKE_HDR_LEN + 4 + len);
	wbuf_u8(&w, first);
	wbuf_u8(&w, 0);
	wbuf_u16(&w, 4 + len);
	wbuf_put(&w, inner, len);
	if (w.err)
		DIE("GSA_REKEY is too long");
	memset(w.p + IKE_HDR_LEN + 4 + (auth.sig - inner), 0, auth.sig_len);
	put_hex(msg->o, "signed-octets", w.p, w.len);
	wbuf_free(&w);
}

/* Record the decrypted payloads of a whole message. */
static void on_inner(struct vectors *v, struct vec_msg *msg, uint8_t first,
		     const uint8_t *p, size_t len)
{
	struct ike_msg *m = &msg->m;
	struct err err;

	put_int(msg->o, "first-payload", first);
	put_hex(msg->o, "inner", p, len);
	if (msg_sort(m, MSG_ENC, first, p, len, &err))
		DIE("message: %s", err.text);
	if (msg->rekey)
		put_rekey_signed(msg, first, p, len);
	if (m->h.xchg == GIKE_XCHG_GSA_AUTH || m->h.xchg == IKE_XCHG_IKE_AUTH) {
		vectors_mix_ppk(v, msg->sa, m);
		put_auth(msg->o, msg->sa, m);
	}
	if (m->h.xchg == IKE_XCHG_IKE_INTERMEDIATE)
		vectors_intermediate(v, msg->sa, m, msg->p, p, len);
	if (m->h.xchg == IKE_XCHG_IKE_FOLLOWUP_KE)
		vectors_followup(v, msg->sa, m);
	if (m->kd.body)
		vectors_put_kd(v, msg->o, m,
			       msg->rekey ? &msg->rekey->kwk
					  : &msg->sa->keys.gsk_w);
	if (m->h.xchg == IKE_XCHG_CREATE_CHILD_SA)
		on_renewal(v, msg->sa, m);
}

/* Returns whether @parts are complete, and are in @whole then. */
static bool parts_add(struct parts *parts, const struct skf *frag,
		      const uint8_t *p, size_t len, struct wbuf *whole)
{
	unsigned int i = frag->number - 1u;

	if (frag->total > PARTS || !frag->number || frag->number > frag->total)
		DIE("fragment %u of %u", frag->number, frag->total);
	parts->total = frag->total;
	free(parts->v[i].p);
	parts->v[i].p = malloc(len);
	if (!parts->v[i].p)
		DIE("no memory");
	memcpy(parts->v[i].p, p, len);
	parts->v[i].len = len;
	for (i = 0; i < parts->total; i++)
		if (!parts->v[i].p)
			return false;
	for (i = 0; i < parts->total; i++) {
		wbuf_put(whole, parts->v[i].p, parts->v[i].len);
		free(parts->v[i].p);
		parts->v[i].p = NULL;
	}
	return true;
}

static void open_message(struct vectors *v, struct vec_msg *msg,
			 const struct sk_key *k, uint8_t *plain)
{
	uint8_t first;
	size_t n;

	if (sk_open(msg->p, msg->len, k, plain, &n, &first))
		DIE("the ICV is wrong");
	on_inner(v, msg, first, plain, n);
}

static void open_fragment(struct vectors *v, struct vec_msg *msg,
			  const struct sk_key *k, struct parts *parts,
			  uint8_t *plain)
{
	struct wbuf whole;
	struct skf frag;
	uint8_t first;
	size_t n;

	wbuf_init(&whole, 65535);
	if (skf_open(msg->p, msg->len, k, &frag, plain, &n, &first))
		DIE("the ICV of a fragment is wrong");
	put_int(msg->o, "fragment", frag.number);
	put_int(msg->o, "fragments", frag.total);
	put_hex(msg->o, "fragment-inner", plain, n);
	if (frag.number == 1)
		parts->first = first;
	if (parts_add(parts, &frag, plain, n, &whole))
		on_inner(v, msg, parts->first, whole.p, whole.len);
	wbuf_free(&whole);
}

static void on_protected(struct vectors *v, struct vec_msg *msg)
{
	bool by_i = msg->rekey || (msg->m.h.flags & IKE_FLAG_INITIATOR);
	uint8_t *plain = malloc(msg->len);
	const struct sk_key *k;
	struct parts *parts;

	if (!plain)
		DIE("no memory");
	if (msg->rekey) {
		k = &msg->rekey->key;
		parts = &msg->rekey->parts;
		put_hex(msg->o, "rekey-sa", msg->rekey->spi,
			sizeof(msg->rekey->spi));
		put_text(msg->o, "encryption-key", "gsk-e");
	} else {
		k = by_i ? &msg->sa->keys.ei : &msg->sa->keys.er;
		parts = &msg->sa->parts[!by_i];
		put_text(msg->o, "ike-sa", msg->sa->name);
		put_text(msg->o, "encryption-key", by_i ? "sk-ei" : "sk-er");
		/* Each IKE_INTERMEDIATE replaces the keys. */
		if (msg->sa->addke.by_i.n && msg->sa->addke.done)
			put_int(msg->o, "key-exchanges", msg->sa->addke.done);
	}
	if (msg_is_fragment(msg->p, msg->len))
		open_fragment(v, msg, k, parts, plain);
	else
		open_message(v, msg, k, plain);
	free(plain);
}

static struct vec_sa *find_sa(const struct vectors *v, const struct ike_hdr *h)
{
	struct vec_sa *sa;

	for (sa = v->sas; sa; sa = sa->next)
		if (!memcmp(sa->i.spi, h->spi_i, IKE_SPI_LEN) &&
		    !memcmp(sa->r.spi, h->spi_r, IKE_SPI_LEN))
			return sa;
	DIE("a message over an unknown IKE SA");
}

static json_t *message_object(const struct vectors *v, uint64_t ms,
			      const struct ep *from, const struct ep *to,
			      const struct ike_hdr *h)
{
	char text[EP_STRLEN];
	json_t *o = json_object();

	put_text(o, "step", v->step);
	put_int(o, "at-ms", ms);
	put_text(o, "from", ep_str(from, text));
	put_text(o, "to", ep_str(to, text));
	put_text(o, "exchange", exchange_text(h->xchg));
	put_int(o, "exchange-type", h->xchg);
	json_object_set_new(o, "response",
			    json_boolean(h->flags & IKE_FLAG_RESPONSE));
	put_int(o, "message-id", h->mid);
	return o;
}

/* Returns whether the same octets were sent before. */
static bool is_copy(struct vectors *v, const uint8_t *p, size_t len)
{
	uint64_t hash = fnv1a(FNV1A_BASIS, p, len);
	struct sent *s;
	json_t *n;

	for (s = v->sent; s; s = s->next) {
		if (s->hash != hash)
			continue;
		if (s->o) {
			n = json_object_get(s->o, "copies");
			put_int(s->o, "copies", json_integer_value(n) + 1);
		}
		return true;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		DIE("no memory");
	s->hash = hash;
	s->next = v->sent;
	v->sent = s;
	return false;
}

static void note_fragments(struct vectors *v, const json_t *o)
{
	json_int_t n = json_integer_value(json_object_get(o, "fragments"));

	if (n > v->fragments)
		v->fragments = (unsigned int)n;
}

unsigned int vectors_fragments(const struct vectors *v)
{
	return v->fragments;
}

void vectors_message(struct vectors *v, uint64_t ms, const struct ep *from,
		     const struct ep *to, const uint8_t *p, size_t len)
{
	struct vec_msg msg = { .p = p, .len = len };
	struct ike_hdr *h = &msg.m.h;

	if (ike_hdr_parse(p, len, h))
		DIE("no IKE header");
	if (is_copy(v, p, len))
		return;
	msg.o = message_object(v, ms, from, to, h);
	put_int(msg.o, "copies", 1);
	put_hex(msg.o, "octets", p, len);
	if (h->xchg == GIKE_XCHG_GSA_REKEY) {
		msg.rekey = vectors_find_rekey(v, p);
		if (!msg.rekey)
			DIE("GSA_REKEY over an unknown Rekey SA");
		on_protected(v, &msg);
	} else if (h->xchg == IKE_XCHG_IKE_SA_INIT) {
		on_init(v, p, len, &msg.m);
	} else if (h->next == IKE_PLD_SK || h->next == IKE_PLD_SKF) {
		msg.sa = find_sa(v, h);
		on_protected(v, &msg);
	}
	if (v->multicast_only && !msg.rekey) {
		json_decref(msg.o);
		return;
	}
	note_fragments(v, msg.o);
	v->sent->o = msg.o;
	json_array_append_new(v->messages, msg.o);
}

/* ---- the document ------------------------------------------------------- */

static json_t *new_list(json_t *doc, const char *name)
{
	json_t *list = json_array();

	if (json_object_set_new(doc, name, list))
		DIE("no memory");
	return list;
}

struct vectors *vectors_begin(const char *name, const char *about)
{
	struct vectors *v = calloc(1, sizeof(*v));

	if (!v)
		DIE("no memory");
	v->name = name;
	v->step = "";
	v->doc = json_object();
	put_int(v->doc, "json-version", 1);
	put_text(v->doc, "name", name);
	put_text(v->doc, "about", about);
	v->identities = new_list(v->doc, "identities");
	v->psks = new_list(v->doc, "pre-shared-keys");
	v->signing = new_list(v->doc, "signing-keys");
	v->ike_sas = new_list(v->doc, "ike-sas");
	v->rekey_sas = new_list(v->doc, "rekey-sas");
	v->data_sas = new_list(v->doc, "data-sas");
	v->tree_keys = new_list(v->doc, "tree-keys");
	v->messages = new_list(v->doc, "messages");
	vectors_draw(v);
	return v;
}

void vectors_multicast_only(struct vectors *v)
{
	v->multicast_only = true;
}

void vectors_step(struct vectors *v, const char *what)
{
	v->step = what;
}

static void put_private(json_t *o, const struct sigkey *key)
{
	uint8_t *der;
	size_t len;

	if (sigkey_to_der(key, &der, &len))
		DIE("a key cannot be exported");
	put_hex(o, "private-key", der, len);
	secret_free(der);
}

void vectors_identity(struct vectors *v, const char *name,
		      const struct pki_pair *pair, const struct ep *at)
{
	char text[EP_STRLEN];
	json_t *o = json_object();

	put_text(o, "name", name);
	if (at)
		put_text(o, "address", ep_str(at, text));
	put_hex(o, "certificate", pair->cert, pair->cert_len);
	put_private(o, pair->key);
	json_array_append_new(v->identities, o);
}

void vectors_psk(struct vectors *v, const char *initiator,
		 const char *responder, const void *key, size_t len)
{
	json_t *o = json_object();

	put_text(o, "initiator", initiator);
	put_text(o, "responder", responder);
	put_hex(o, "key", key, len);
	json_array_append_new(v->psks, o);
}

void vectors_ppk(struct vectors *v, const char *initiator,
		 const char *responder, const struct ppk *ppk)
{
	json_t *o = json_object(), *list = json_array();

	v->ppk = ppk;
	put_text(o, "initiator", initiator);
	put_text(o, "responder", responder);
	put_text(o, "name", ppk->name);
	put_hex(o, "key", ppk->key, ppk->len);
	json_array_append_new(list, o);
	json_object_set_new(v->doc, "post-quantum-pre-shared-keys", list);
}

void vectors_signing_key(struct vectors *v, const struct sigkey *key)
{
	struct sigpub *pub;
	const uint8_t *spki;
	size_t len;
	json_t *o = json_object();

	if (sigkey_pub(key, &pub))
		DIE("no public key");
	sigpub_spki(pub, &spki, &len);
	put_hex(o, "public-key", spki, len);
	sigpub_free(pub);
	put_private(o, key);
	json_array_append_new(v->signing, o);
}

static void free_parts(struct parts *parts)
{
	unsigned int i;

	for (i = 0; i < PARTS; i++)
		free(parts->v[i].p);
}

static void free_keys(struct vectors *v)
{
	struct vec_init *i;
	struct vec_rekey *r;
	struct vec_key *k;
	struct vec_sa *sa;
	struct sent *s;

	while ((i = v->inits)) {
		v->inits = i->next;
		free(i->half.msg);
		free(i);
	}
	while ((sa = v->sas)) {
		v->sas = sa->next;
		free(sa->i.msg);
		free(sa->r.msg);
		free_parts(&sa->parts[0]);
		free_parts(&sa->parts[1]);
		keys_wipe(&sa->keys);
		free(sa->renewal);
		free(sa);
	}
	while ((r = v->rekeys)) {
		v->rekeys = r->next;
		free_parts(&r->parts);
		free(r);
	}
	while ((k = v->tree)) {
		v->tree = k->next;
		free(k);
	}
	while ((s = v->sent)) {
		v->sent = s->next;
		free(s);
	}
}

char *vectors_end(struct vectors *v)
{
	char *text = json_dumps(v->doc, JSON_INDENT(1));

	if (!text)
		DIE("no memory");
	vectors_draw_end();
	json_decref(v->doc);
	free_keys(v);
	free(v->draws);
	free(v);
	return text;
}
