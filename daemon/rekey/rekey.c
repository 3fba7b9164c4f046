// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "crypto/rand.h"
#include "crypto/sign.h"
#include "wire/message.h"
#include "rekey/rekey.h"
#include "lib/secret.h"
#include "lib/util.h"

/* IKE header and generic header of SK: "A" of RFC 9838 section 2.4.1.1. */
#define A_LEN (IKE_HDR_LEN + IKE_PLD_HDR_LEN)
/* Octets of a fragment besides its part of the message. */
#define REKEY_FRAG_OVERHEAD (A_LEN + SKF_HDR_LEN + SK_IV_LEN + 1 + SK_ICV_LEN)

/* ---- Rekey SA ----------------------------------------------------------- */

static int inherit_auth(struct rekey_sa *rs, const struct rekey_sa *from)
{
	rs->gcauth = from->gcauth;
	rs->sigalg_len = from->sigalg_len;
	memcpy(rs->sigalg, from->sigalg, sizeof(rs->sigalg));
	rs->key = from->key;
	return from->pub ? sigpub_dup(from->pub, &rs->pub) : 0;
}

int rekey_sa_init(struct rekey_sa *rs, const struct gsa_sa *policy,
		  const uint8_t *keymat, size_t len,
		  const struct rekey_sa *from)
{
	int want = gsa_keymat_len(policy);
	int ret, e_len;

	memset(rs, 0, sizeof(*rs));
	if (policy->proto != GIKE_PROTO_GIKE_UPDATE)
		return -EINVAL;
	if (want < 0)
		return want;
	/* The length is the only check that policy and keys belong together. */
	if ((size_t)want != len)
		return -EINVAL;
	if (!from == !(policy->has & GSA_HAS_GCAUTH))
		return -EINVAL;
	e_len = sk_key_len(policy->encr, policy->key_bits);
	if (e_len < 0 || e_len > REKEY_KEY_MAX || e_len >= want)
		return -ENOTSUP;

	memcpy(rs->spi, policy->spi, sizeof(rs->spi));
	rs->encr = policy->encr;
	rs->key_bits = policy->key_bits;
	rs->next_mid = policy->has & GSA_HAS_INITIAL_MID ? policy->initial_mid
							 : 0;
	if (from) {
		ret = inherit_auth(rs, from);
	} else {
		rs->gcauth = policy->gcauth;
		rs->sigalg_len = policy->sigalg_len;
		memcpy(rs->sigalg, policy->sigalg, sizeof(rs->sigalg));
		ret = 0;
	}
	/* KEYMAT = GSK_e | GSK_w, as there is no GSK_a with an AEAD. */
	if (!ret)
		ret = kwk_set(&rs->gsk_w, policy->kwa, keymat + e_len,
			      len - e_len);
	if (ret) {
		rekey_sa_wipe(rs);
		return ret;
	}
	rs->gsk_e_len = e_len;
	memcpy(rs->gsk_e, keymat, e_len);
	return 0;
}

void rekey_sa_wipe(struct rekey_sa *rs)
{
	if (rs->pub)
		sigpub_free(rs->pub);
	secret_wipe(rs, sizeof(*rs));
}

int rekey_sa_set_key(struct rekey_sa *rs, const struct sigkey *key)
{
	const uint8_t *alg;
	size_t len;

	if (rs->gcauth != GIKE_GCAUTH_DIGSIG)
		return -EINVAL;
	sigkey_alg(key, &alg, &len);
	if (len != rs->sigalg_len || memcmp(alg, rs->sigalg, len))
		return -EINVAL;
	rs->key = key;
	return 0;
}

int rekey_sa_set_auth_key(struct rekey_sa *rs, const uint8_t *spki, size_t len)
{
	struct sigpub *pub;
	int ret;

	if (rs->gcauth != GIKE_GCAUTH_DIGSIG)
		return -EINVAL;
	ret = sigpub_from_spki(spki, len, &pub);
	if (ret)
		return ret == -ENOMEM ? ret : -EBADMSG;
	if (!sigpub_fits_alg(pub, rs->sigalg, rs->sigalg_len)) {
		sigpub_free(pub);
		return -EINVAL;
	}
	if (rs->pub)
		sigpub_free(rs->pub);
	rs->pub = pub;
	return 0;
}

static int set_sk_key(const struct rekey_sa *rs, struct sk_key *k)
{
	return sk_key_set(k, rs->encr, rs->key_bits, rs->gsk_e, rs->gsk_e_len);
}

/* ---- message ------------------------------------------------------------ */

void rekey_msg_init(struct rekey_msg *m)
{
	memset(m, 0, sizeof(*m));
	kd_init(&m->kd);
}

void rekey_msg_free(struct rekey_msg *m)
{
	kd_free(&m->kd);
	secret_wipe(m, sizeof(*m));
}

int rekey_msg_delete(struct rekey_msg *m, uint8_t proto, const uint8_t *spi)
{
	struct delete_pld *d;
	uint8_t len;

	if (proto == GIKE_PROTO_GIKE_UPDATE)
		len = GIKE_SPI_LEN_REKEY;
	else if (proto == IKE_PROTO_ESP || proto == IKE_PROTO_AH)
		len = GIKE_SPI_LEN_DATA;
	else
		return -EINVAL;
	for (d = m->del; d < m->del + m->n_del; d++)
		if (d->proto == proto && !delete_is_all(d) && spi &&
		    d->n < DELETE_MAX_SPIS)
			break;
	if (d == m->del + m->n_del) {
		if (m->n_del == REKEY_MAX_DEL)
			return -E2BIG;
		m->n_del++;
		memset(d, 0, sizeof(*d));
		d->proto = proto;
		d->spi_len = len;
	}
	if (spi)
		memcpy(d->spi[d->n], spi, len);
	d->n++;
	return 0;
}

bool delete_is_all(const struct delete_pld *d)
{
	static const uint8_t zero[GIKE_SPI_MAX];

	if (d->proto == IKE_PROTO_NONE)
		return true;
	return d->n == 1 && d->spi_len && !memcmp(d->spi[0], zero, d->spi_len);
}

bool delete_excludes(const struct delete_pld *d)
{
	return (d->proto == GIKE_PROTO_GIKE_UPDATE ||
		d->proto == IKE_PROTO_NONE) &&
	       delete_is_all(d);
}

/*
 * Build A | P of RFC 9838 section 2.4.1.1, which is signed: the lengths are
 * those that the message would have with P in the clear. @head are the 32
 * octets that A is made from. The signature value in P must be zero already.
 */
static int tbs_build(struct wbuf *w, const uint8_t *head, const uint8_t *p,
		     size_t len)
{
	wbuf_put(w, head, A_LEN);
	wbuf_patch_u32(w, IKE_HDR_LEN_OFF, A_LEN + len);
	wbuf_patch_u16(w, IKE_HDR_LEN + 2, IKE_PLD_HDR_LEN + len);
	wbuf_put(w, p, len);
	return w->err;
}

/* ---- key server --------------------------------------------------------- */

static int check_out(const struct rekey_sa *rs, const struct rekey_msg *m,
		     struct err *err)
{
	if (!m->has_gsa && !m->n_del)
		return err_set(err, -EBADMSG,
			       "GSA_REKEY without GSA and Delete");
	if (!m->has_gsa && (m->kd.n_bags || m->kd.n_wrap ||
			    m->kd.auth_key_len || m->kd.n_sender_ids))
		return err_set(err, -EBADMSG, "KD without GSA");
	if (rs->gcauth == GIKE_GCAUTH_DIGSIG && !rs->key)
		return err_set(err, -EBADMSG, "no key to sign with");
	if (!m->has_gsa)
		return 0;
	return gsa_check(&m->gsa, &m->kd, GC_REKEY, false, err);
}

static int inner_build(const struct rekey_sa *rs, const struct rekey_msg *m,
		       struct pchain *c, size_t *sig_off, size_t sig_len)
{
	static const uint8_t zero[SIG_MAX_LEN];

	if (m->has_gsa) {
		gsa_build(c, &m->gsa);
		kd_build(c, &m->kd);
	}
	for (unsigned int i = 0; i < m->n_del; i++)
		delete_build(c, &m->del[i]);
	if (m->transport)
		notify_build(c, IKE_N_USE_TRANSPORT_MODE, NULL, 0);
	if (rs->gcauth == GIKE_GCAUTH_DIGSIG)
		*sig_off = auth_build(c, rs->sigalg, rs->sigalg_len, zero,
				      sig_len);
	return c->w->err;
}

static int sign_message(const struct rekey_sa *rs, const struct ike_hdr *h,
			struct pchain *c, size_t sig_off, size_t sig_len)
{
	struct wbuf *inner = c->w;
	struct wbuf head, tbs;
	uint8_t *sig;
	int ret;

	wbuf_init(&head, A_LEN);
	wbuf_init(&tbs, A_LEN + inner->len);
	ike_hdr_build(&head, h);
	wbuf_patch_u8(&head, IKE_HDR_NEXT_OFF, IKE_PLD_SK);
	wbuf_u8(&head, c->first);
	wbuf_zero(&head, 3);
	ret = head.err;
	if (!ret)
		ret = tbs_build(&tbs, head.p, inner->p, inner->len);
	sig = wbuf_at(inner, sig_off, sig_len);
	if (!ret && !sig)
		ret = -EINVAL;
	if (!ret)
		ret = sig_sign_len(rs->key, tbs.p, tbs.len, sig, sig_len);
	wbuf_free(&head);
	wbuf_free(&tbs);
	return ret;
}

/*
 * The fragments of a message differ in what is added to the random half of the
 * IV, so that no two of them have the same IV.
 */
static int seal_fragments(struct wbuf *out, const struct ike_hdr *h,
			  const struct sk_key *k, uint64_t iv, uint8_t first,
			  const struct wbuf *inner, size_t most)
{
	size_t room = most - REKEY_FRAG_OVERHEAD, at = 0;
	struct skf frag = { .total = (inner->len + room - 1) / room };
	int ret = 0;

	if (frag.total > REFRAG_MAX)
		return -EMSGSIZE;
	while (!ret && at < inner->len) {
		size_t n = inner->len - at < room ? inner->len - at : room;
		struct wbuf one;

		frag.number++;
		wbuf_init(&one, most);
		ike_hdr_build(&one, h);
		ret = skf_seal(&one, k,
			       iv + ((uint64_t)(frag.number - 1) << 32), first,
			       &frag, inner->p + at, n);
		if (!ret)
			wbuf_put(out, one.p, one.len);
		wbuf_free(&one);
		at += n;
	}
	return ret ? ret : out->err;
}

/*
 * The Message ID alone makes IVs unique as long as the counter does not go
 * back. The random half protects against a counter that does: a store restored
 * from a backup, or a change that was computed, not committed, and computed
 * again.
 */
static int make_iv(uint32_t mid, uint64_t *iv)
{
	uint32_t fresh;
	int ret;

	ret = rand_bytes(&fresh, sizeof(fresh));
	*iv = (uint64_t)fresh << 32 | mid;
	return ret;
}

/* AUTH is part of the signed octets, so its length must be known first. */
static int build_and_sign(const struct rekey_sa *rs, const struct rekey_msg *m,
			  const struct ike_hdr *h, struct pchain *chain)
{
	size_t sig_off = 0, sig_len = 0;
	int ret;

	if (rs->gcauth == GIKE_GCAUTH_DIGSIG)
		sig_len = sigkey_sig_len(rs->key);
	if (sig_len > SIG_MAX_LEN)
		return -EMSGSIZE;
	ret = inner_build(rs, m, chain, &sig_off, sig_len);
	if (!ret && sig_len)
		ret = sign_message(rs, h, chain, sig_off, sig_len);
	return ret;
}

int rekey_build(struct rekey_sa *rs, struct rekey_msg *m, struct wbuf *out,
		struct err *err)
{
	return rekey_build_frags(rs, m, 0, out, err);
}

int rekey_build_frags(struct rekey_sa *rs, struct rekey_msg *m, size_t most,
		      struct wbuf *out, struct err *err)
{
	struct ike_hdr h = {
		.xchg = GIKE_XCHG_GSA_REKEY,
		.flags = IKE_FLAG_INITIATOR,
	};
	struct pchain chain;
	struct wbuf inner;
	struct sk_key k;
	uint64_t iv;
	int ret;

	err_clear(err);
	if (rs->spent)
		return err_set(err, -EOVERFLOW, "Message IDs are used up");
	ret = check_out(rs, m, err);
	if (ret)
		return ret;
	ret = set_sk_key(rs, &k);
	if (ret)
		return err_set(err, ret, "GSA_REKEY not built: %s",
			       strerror(-ret));

	h.mid = rs->next_mid;
	m->mid = h.mid;
	if (rs->next_mid == UINT32_MAX)
		rs->spent = true;
	else
		rs->next_mid++;
	memcpy(h.spi_i, rs->spi, IKE_SPI_LEN);
	memcpy(h.spi_r, rs->spi + IKE_SPI_LEN, IKE_SPI_LEN);

	wbuf_init(&inner, IKE_INNER_MAX);
	pchain_init(&chain, &inner, PCHAIN_DETACHED);
	ret = build_and_sign(rs, m, &h, &chain);
	if (!ret)
		ret = make_iv(h.mid, &iv);
	if (!ret && most && inner.len + REKEY_FRAG_OVERHEAD > most) {
		ret = seal_fragments(out, &h, &k, iv, chain.first, &inner,
				     most);
	} else if (!ret) {
		ike_hdr_build(out, &h);
		ret = sk_seal(out, &k, iv, chain.first, inner.p, inner.len);
	}
	if (ret)
		err_set(err, ret, "GSA_REKEY not built: %s", strerror(-ret));
	sk_key_wipe(&k);
	wbuf_free(&inner);
	return ret;
}

/* ---- member ------------------------------------------------------------- */

const uint8_t *rekey_peek_spi(const uint8_t *p, size_t len)
{
	return len >= IKE_HDR_LEN ? p : NULL;
}

uint32_t rekey_peek_mid(const uint8_t *p)
{
	return get_unaligned_be32(p + IKE_HDR_MID_OFF);
}

/* Steps 1 and 2 of RFC 9838 section 2.4.1.4, which need no cryptography. */
static enum rekey_rc open_header(const struct rekey_sa *rs, const uint8_t *p,
				 size_t len, struct ike_hdr *h)
{
	if (ike_hdr_parse(p, len, h))
		return REKEY_SHORT;
	if ((h->version & 0xf0) != IKE_VERSION ||
	    h->xchg != GIKE_XCHG_GSA_REKEY || (h->flags & IKE_FLAG_RESPONSE))
		return REKEY_NOT_REKEY;
	if (memcmp(rs->spi, p, sizeof(rs->spi)))
		return REKEY_OTHER_SPI;
	if (rs->spent || h->mid < rs->next_mid)
		return REKEY_OLD;
	return REKEY_OK;
}

/* Step 4. @plain is the caller's copy; the signature in it is zeroed. */
static enum rekey_rc open_auth(const struct rekey_sa *rs,
			       const struct ike_msg *msg, const uint8_t *head,
			       uint8_t *plain, size_t plain_len)
{
	uint8_t sig[SIG_MAX_LEN];
	struct auth_pld auth;
	struct wbuf tbs;
	struct rbuf r;
	int ret;

	if (rs->gcauth != GIKE_GCAUTH_DIGSIG)
		return msg->auth.body ? REKEY_AUTH_PRESENT : REKEY_OK;
	if (!msg->auth.body)
		return REKEY_AUTH_ABSENT;
	rbuf_init(&r, msg->auth.body, msg->auth.len);
	if (auth_parse(&r, &auth) || auth.sig_len > sizeof(sig))
		return REKEY_SYNTAX;
	if (auth.method != IKE_AUTH_DIGITAL_SIGNATURE ||
	    auth.alg_len != rs->sigalg_len ||
	    memcmp(auth.alg, rs->sigalg, auth.alg_len))
		return REKEY_AUTH_ALG;
	if (!rs->pub)
		return REKEY_AUTH_BAD;

	memcpy(sig, auth.sig, auth.sig_len);
	/* auth.sig points into @plain, through a const pointer. */
	memset(plain + (auth.sig - plain), 0, auth.sig_len);
	wbuf_init(&tbs, A_LEN + plain_len);
	ret = tbs_build(&tbs, head, plain, plain_len);
	if (!ret)
		ret = sig_verify(rs->pub, auth.alg, auth.alg_len, tbs.p,
				 tbs.len, sig, auth.sig_len);
	wbuf_free(&tbs);
	if (ret == -ENOMEM)
		return REKEY_RESOURCE;
	return ret ? REKEY_AUTH_BAD : REKEY_OK;
}

/* Step 6. The contents are authenticated by now. */
static enum rekey_rc open_content(const struct ike_msg *msg,
				  struct rekey_msg *m, struct err *err)
{
	struct rbuf r;
	int ret;

	if (!msg->gsa.body != !msg->kd.body)
		return err_set(err, REKEY_POLICY, "GSA and KD come together");
	if (msg->n_delete > REKEY_MAX_DEL)
		return REKEY_SYNTAX;
	for (unsigned int i = 0; i < msg->n_delete; i++) {
		if (msg->del[i].proto == IKE_PROTO_IKE)
			return err_set(err, REKEY_POLICY,
				       "Delete of protocol IKE");
		m->del[m->n_del++] = msg->del[i];
	}
	m->transport = msg_notify(msg, IKE_N_USE_TRANSPORT_MODE);
	if (!msg->gsa.body)
		return REKEY_OK;

	rbuf_init(&r, msg->gsa.body, msg->gsa.len);
	ret = gsa_parse(&r, &m->gsa);
	if (!ret) {
		rbuf_init(&r, msg->kd.body, msg->kd.len);
		ret = kd_parse(&r, &m->kd);
	}
	if (ret)
		return ret == -ENOMEM ? REKEY_RESOURCE : REKEY_SYNTAX;
	m->has_gsa = true;
	ret = gsa_check(&m->gsa, &m->kd, GC_REKEY, false, err);
	if (ret)
		return ret == -ENOTSUP ? REKEY_UNSUPPORTED : REKEY_POLICY;
	return REKEY_OK;
}

/* A message that is being opened, as it was received. */
struct rekey_in {
	struct rekey_sa *rs;
	struct ike_msg msg;
	struct sk_key k;
	const uint8_t *p;
	size_t len;
};

/* The decrypted content of a whole message. */
struct rekey_plain {
	const uint8_t *head; /* headers as the signature covers them */
	uint8_t first; /* type of the first payload */
	uint8_t *p; /* is modified */
	size_t len;
};

static enum rekey_rc open_inner(struct rekey_in *in,
				const struct rekey_plain *t,
				struct rekey_msg *m, struct err *err)
{
	struct rekey_sa *rs = in->rs;
	enum rekey_rc rc;
	int ret;

	ret = msg_sort(&in->msg, MSG_ENC, t->first, t->p, t->len, err);
	if (ret)
		return ret == -EPROTONOSUPPORT ? REKEY_CRITICAL : REKEY_SYNTAX;
	rc = open_auth(rs, &in->msg, t->head, t->p, t->len);
	if (rc)
		return rc;
	/* Step 5: from here on the Message ID is used up. */
	if (in->msg.h.mid == UINT32_MAX)
		rs->spent = true;
	else
		rs->next_mid = in->msg.h.mid + 1;
	m->mid = in->msg.h.mid;
	return open_content(&in->msg, m, err);
}

static enum rekey_rc open_whole(struct rekey_in *in,
				const struct rekey_plain *t,
				struct rekey_msg *m, struct err *err)
{
	enum rekey_rc rc = open_inner(in, t, m, err);

	if (rc) {
		/* A message that was parsed in part must not be used. */
		rekey_msg_free(m);
		rekey_msg_init(m);
	}
	return rc;
}

/*
 * Handle one fragment (RFC 9838 section 2.4.1.2), decrypted into @plain. The signature
 * is verified over the reassembled message as if it had not been fragmented.
 */
static enum rekey_rc open_rekey_fragment(struct rekey_in *in,
					 struct refrag *frags, uint8_t *plain,
					 struct rekey_msg *m, struct err *err)
{
	uint8_t head[A_LEN];
	struct rekey_plain whole = { .head = head };
	size_t plain_len;
	enum rekey_rc rc;
	struct skf frag;
	uint8_t first;
	int ret;

	if (skf_open(in->p, in->len, &in->k, &frag, plain, &plain_len, &first))
		return REKEY_ICV;
	ret = refrag_add(frags, in->msg.h.mid, &frag, first, plain, plain_len);
	if (ret == -EAGAIN || ret == -E2BIG)
		return REKEY_FRAGMENT;
	whole.p = ret ? NULL : secret_alloc(frags->octets);
	if (!whole.p) {
		refrag_drop(frags);
		return REKEY_RESOURCE;
	}
	refrag_copy(frags, whole.p);
	whole.len = frags->octets;
	whole.first = frags->first;
	memcpy(head, in->p, IKE_HDR_LEN);
	head[IKE_HDR_NEXT_OFF] = IKE_PLD_SK;
	memset(head + IKE_HDR_LEN, 0, IKE_PLD_HDR_LEN);
	head[IKE_HDR_LEN] = frags->first;
	head[IKE_HDR_LEN + 1] = frags->reserved;
	rc = open_whole(in, &whole, m, err);
	secret_free(whole.p);
	refrag_drop(frags);
	return rc;
}

enum rekey_rc rekey_open(struct rekey_sa *rs, const uint8_t *p, size_t len,
			 struct rekey_msg *m, struct err *err)
{
	return rekey_open_frags(rs, NULL, p, len, m, err);
}

enum rekey_rc rekey_open_frags(struct rekey_sa *rs, struct refrag *frags,
			       const uint8_t *p, size_t len,
			       struct rekey_msg *m, struct err *err)
{
	struct rekey_in in = { .rs = rs, .p = p, .len = len };
	struct rekey_plain t = { .head = p };
	enum rekey_rc rc;

	err_clear(err);
	rc = open_header(rs, p, len, &in.msg.h);
	if (rc)
		return rc;
	if (set_sk_key(rs, &in.k))
		return REKEY_UNSUPPORTED;
	t.p = secret_alloc(len);
	if (!t.p) {
		sk_key_wipe(&in.k);
		return REKEY_RESOURCE;
	}
	if (frags && msg_is_fragment(p, len))
		rc = open_rekey_fragment(&in, frags, t.p, m, err);
	else if (sk_open(p, len, &in.k, t.p, &t.len, &t.first))
		rc = REKEY_ICV;
	else
		rc = open_whole(&in, &t, m, err);
	sk_key_wipe(&in.k);
	secret_free(t.p);
	return rc;
}
