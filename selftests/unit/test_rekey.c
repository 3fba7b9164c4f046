// SPDX-License-Identifier: Apache-2.0
/* GSA_REKEY: built by a key server, opened by members, attacked by others. */
#include <errno.h>

#include "crypto/sign.h"
#include "wire/message.h"
#include "rekey/rekey.h"
#include "fail.h"
#include "tap.h"
#include "lib/util.h"

struct ends {
	struct gsa_sa policy;
	uint8_t keymat[KD_PLAIN_MAX];
	struct sigkey *key;
	struct rekey_sa tx, rx;
};

static void policy_set(struct gsa_sa *sa, uint16_t encr, uint16_t bits,
		       uint16_t kwa)
{
	struct addr group;

	memset(sa, 0, sizeof(*sa));
	addr_parse("239.1.1.254", &group);
	sa->proto = GIKE_PROTO_GIKE_UPDATE;
	sa->spi_len = 16;
	memset(sa->spi, 0x5a, 16);
	sa->spi[15] = 1;
	ts_set(&sa->src, NULL, AF_INET, 17, 0);
	ts_set(&sa->dst, &group, AF_INET, 17, 848);
	sa->has = GSA_HAS_ENCR | GSA_HAS_KWA | GSA_HAS_GCAUTH |
		  GSA_HAS_LIFETIME;
	sa->encr = encr;
	sa->key_bits = bits;
	sa->kwa = kwa;
	sa->lifetime = 3600;
}

static void make(struct ends *e, int type, uint16_t encr, uint16_t bits,
		 uint16_t kwa)
{
	const uint8_t *p;
	struct sigpub *pub;
	size_t len;
	int n;

	memset(e, 0, sizeof(*e));
	policy_set(&e->policy, encr, bits, kwa);
	n = gsa_keymat_len(&e->policy);
	for (int i = 0; i < n; i++)
		e->keymat[i] = i * 7 + 1;
	if (!type) {
		e->policy.gcauth = GIKE_GCAUTH_IMPLICIT;
	} else {
		sigkey_generate(type, &e->key);
		e->policy.gcauth = GIKE_GCAUTH_DIGSIG;
		sigkey_alg(e->key, &p, &len);
		memcpy(e->policy.sigalg, p, len);
		e->policy.sigalg_len = len;
	}
	is_int(rekey_sa_init(&e->tx, &e->policy, e->keymat, n, NULL), 0,
	       "sender's Rekey SA, ENCR %u/%u", encr, bits);
	is_int(rekey_sa_init(&e->rx, &e->policy, e->keymat, n, NULL), 0,
	       "receiver's Rekey SA");
	if (!type)
		return;
	is_int(rekey_sa_set_key(&e->tx, e->key), 0, "signing key");
	sigkey_pub(e->key, &pub);
	sigpub_spki(pub, &p, &len);
	is_int(rekey_sa_set_auth_key(&e->rx, p, len), 0, "AUTH_KEY");
	sigpub_free(pub);
}

static void unmake(struct ends *e)
{
	rekey_sa_wipe(&e->tx);
	rekey_sa_wipe(&e->rx);
	if (e->key)
		sigkey_free(e->key);
}

static void data_msg(struct rekey_msg *m, struct rekey_sa *rs)
{
	const uint8_t spi[4] = { 0, 1, 0, 2 };
	uint8_t tek[20] = { 9 };
	struct kd_bag *bag;
	struct addr group;
	struct gsa_sa *sa;
	struct kd_key k;

	rekey_msg_init(m);
	addr_parse("239.1.1.1", &group);
	m->has_gsa = true;
	m->gsa.n_data = 1;
	sa = &m->gsa.data[0];
	sa->proto = IKE_PROTO_ESP;
	sa->spi_len = 4;
	memcpy(sa->spi, spi, 4);
	ts_set(&sa->src, NULL, AF_INET, 0, 0);
	ts_set(&sa->dst, &group, AF_INET, 0, 0);
	sa->has = GSA_HAS_ENCR | GSA_HAS_SN | GSA_HAS_LIFETIME;
	sa->encr = IKE_ENCR_AES_GCM_16;
	sa->key_bits = 128;
	sa->sn = GIKE_SN_32_UNSPEC;
	sa->lifetime = 3600;
	m->gsa.gw.present = true;
	m->gsa.gw.has = GWP_HAS_ATD | GWP_HAS_DTD;
	m->gsa.gw.atd = 5;
	m->gsa.gw.dtd = 15;
	kwk_wrap(&rs->gsk_w, 0, 0, tek, sizeof(tek), &k);
	kd_bag(&m->kd, IKE_PROTO_ESP, spi, &bag);
	kd_bag_add(bag, &k);
	m->transport = true;
	rekey_msg_delete(m, IKE_PROTO_ESP, (const uint8_t *)"\0\1\0\1");
	rekey_msg_delete(m, IKE_PROTO_ESP, (const uint8_t *)"\0\1\0\7");
}

static void build(struct ends *e, struct wbuf *w)
{
	struct rekey_msg m;
	struct err err;

	data_msg(&m, &e->tx);
	wbuf_init(w, 65535);
	if (!is_int(rekey_build(&e->tx, &m, w, &err), 0, "message %u is built",
		    m.mid))
		diag("%s", err.text);
	rekey_msg_free(&m);
}

static void expect(struct ends *e, const uint8_t *p, size_t len,
		   enum rekey_rc want, const char *name)
{
	uint32_t before = e->rx.next_mid;
	struct rekey_msg m;
	struct err err;

	rekey_msg_init(&m);
	if (!is_int(rekey_open(&e->rx, p, len, &m, &err), want, "%s: %s", name,
		    rekey_rc_name(want)))
		diag("%s", err.text);
	if (want == REKEY_OK)
		is_int(e->rx.next_mid, m.mid + 1, "%s: expected ID", name);
	else if (want != REKEY_POLICY && want != REKEY_UNSUPPORTED)
		is_int(e->rx.next_mid, before, "%s: no state changed", name);
	if (want != REKEY_OK)
		ok(!m.has_gsa && !m.kd.n_bags && !m.n_del, "%s: gives nothing",
		   name);
	rekey_msg_free(&m);
}

static void round_trip(int type, uint16_t encr, uint16_t bits, uint16_t kwa)
{
	uint8_t tek[20];
	struct rekey_msg m;
	struct ends e;
	struct wbuf w;

	make(&e, type, encr, bits, kwa);
	build(&e, &w);
	rekey_msg_init(&m);
	is_int(rekey_open(&e.rx, w.p, w.len, &m, NULL), REKEY_OK,
	       "round trip: the message opens");
	ok(m.has_gsa && m.gsa.n_data == 1 && m.kd.n_bags == 1 && m.transport,
	   "content is there");
	ok(m.n_del == 1 && m.del[0].n == 2 && m.del[0].spi[1][3] == 7 &&
		   !delete_is_all(&m.del[0]),
	   "Deletes are there");
	is_int(kwk_unwrap(&e.rx.gsk_w, &m.kd.bags[0].keys[0], tek, 20), 0,
	       "TEK unwraps with GSK_w");
	rekey_msg_free(&m);
	expect(&e, w.p, w.len, REKEY_OLD, "the same again");
	wbuf_free(&w);
	build(&e, &w);
	wbuf_free(&w);
	build(&e, &w);
	expect(&e, w.p, w.len, REKEY_OK, "after one that was lost");
	wbuf_free(&w);
	unmake(&e);
}

/* ---- fragments ---------------------------------------------------------- */

#define MOST 600
static void build_long(struct ends *e, struct wbuf *w)
{
	uint8_t key[32] = { 5 };
	struct rekey_msg m;
	struct kd_key k;
	struct err err;
	unsigned int i;

	data_msg(&m, &e->tx);
	for (i = 0; i < 60; i++) {
		kwk_wrap(&e->tx.gsk_w, 100 + i, 1000 + i, key, sizeof(key), &k);
		kd_wrap_add(&m.kd, &k);
	}
	wbuf_init(w, 131072);
	is_int(rekey_build_frags(&e->tx, &m, MOST, w, &err), 0,
	       "a message of many fragments is built");
	rekey_msg_free(&m);
}

static unsigned int pieces(const struct wbuf *w, const uint8_t **at,
			   size_t *len)
{
	size_t off = 0;
	unsigned int n = 0;

	while (off < w->len) {
		at[n] = w->p + off;
		len[n] = ike_msg_len(w->p + off, w->len - off);
		off += len[n++];
	}
	return n;
}

static enum rekey_rc give(struct ends *e, struct refrag *f, const uint8_t *p,
			  size_t len, unsigned int *wraps)
{
	struct rekey_msg m;
	enum rekey_rc rc;

	rekey_msg_init(&m);
	rc = rekey_open_frags(&e->rx, f, p, len, &m, NULL);
	*wraps = rc ? 0 : m.kd.n_wrap;
	rekey_msg_free(&m);
	return rc;
}

static void test_fragments(void)
{
	const uint8_t *at[REFRAG_MAX];
	struct refrag f = { 0 };
	size_t len[REFRAG_MAX];
	uint8_t bad[MOST];
	unsigned int n, i, j, wraps, same = 0, large = 0;
	struct rekey_msg m;
	enum rekey_rc rc = REKEY_OK;
	struct sk_key k;
	struct ends e;
	struct wbuf w, forged;
	struct ike_hdr h;
	struct skf skf = { .number = 3 };

	make(&e, SIG_ED25519, IKE_ENCR_AES_GCM_16, 256, GIKE_KWA_5649_256);
	build_long(&e, &w);
	n = pieces(&w, at, len);
	for (i = 0; i < n; i++) {
		large += len[i] > MOST;
		for (j = 0; j < i; j++)
			same += !memcmp(at[i] + 36, at[j] + 36, 8);
	}
	ok(n > 5 && !large, "%u fragments, none above %u octets", n, MOST);
	is_int(same, 0, "no two have one IV");
	rekey_msg_init(&m);
	is_int(rekey_open(&e.rx, at[0], len[0], &m, NULL), REKEY_ICV,
	       "a receiver that takes no fragments refuses them");

	/* Alternate fragments of two copies, out of order. */
	for (i = 0; i < n; i += 2)
		is_int(give(&e, &f, at[i], len[i], &wraps), REKEY_FRAGMENT,
		       "fragment %u: others are missing", i + 1);
	is_int(give(&e, &f, at[0], len[0], &wraps), REKEY_FRAGMENT,
	       "the same again adds nothing");
	memcpy(bad, at[1], len[1]);
	bad[len[1] - 20] ^= 1;
	is_int(give(&e, &f, bad, len[1], &wraps), REKEY_ICV,
	       "one that was altered is refused");
	memcpy(bad, at[1], len[1]);
	bad[33] ^= 4;
	is_int(give(&e, &f, bad, len[1], &wraps), REKEY_ICV,
	       "a fragment under another number is refused");
	for (i = 1 + (n - 2) / 2 * 2; i < n; i -= 2)
		rc = give(&e, &f, at[i], len[i], &wraps);
	is_int(rc, REKEY_OK, "the last one makes it whole");
	is_int(wraps, 60, "all of it");
	ok(!f.total, "nothing is kept");
	is_int(give(&e, &f, at[0], len[0], &wraps), REKEY_OLD,
	       "a late copy is old");
	wbuf_free(&w);

	/* A member has the key, but not the signing key. */
	build_long(&e, &w);
	n = pieces(&w, at, len);
	ike_hdr_parse(at[2], len[2], &h);
	sk_key_set(&k, e.tx.encr, e.tx.key_bits, e.tx.gsk_e, e.tx.gsk_e_len);
	skf.total = n;
	wbuf_init(&forged, MOST);
	ike_hdr_build(&forged, &h);
	skf_seal(&forged, &k, 1ull << 40 | h.mid, 0, &skf, bad, len[2] - 61);
	give(&e, &f, forged.p, forged.len, &wraps);
	for (j = 0; j < 2; j++) {
		for (i = 0; i < n; i++)
			rc = give(&e, &f, at[i], len[i], &wraps);
		is_int(rc, j ? REKEY_OK : REKEY_AUTH_BAD,
		       "one forged among them: refused; then taken");
	}
	wbuf_free(&forged);
	wbuf_free(&w);

	/* Half of one message, then another one. */
	for (j = 0; j < 2; j++) {
		build_long(&e, &w);
		n = pieces(&w, at, len);
		for (i = 0; i < (j ? n : 1); i++)
			rc = give(&e, &f, at[i], len[i], &wraps);
		wbuf_free(&w);
	}
	is_int(rc, REKEY_OK, "a later message takes the place of half of one");

	/* More fragments than may be kept. */
	build_long(&e, &w);
	n = pieces(&w, at, len);
	give(&e, &f, at[0], len[0], &wraps);
	ok(f.total, "half of a message is kept");
	ike_hdr_parse(at[0], len[0], &h);
	skf.total = REFRAG_MAX + 1;
	wbuf_init(&forged, MOST);
	ike_hdr_build(&forged, &h);
	skf_seal(&forged, &k, 2ull << 40 | h.mid, 0, &skf, bad, len[0] - 61);
	is_int(give(&e, &f, forged.p, forged.len, &wraps), REKEY_FRAGMENT,
	       "a fragment of too many is ignored");
	is_int(f.n, 1, "the one that was kept is kept on");
	wbuf_free(&forged);
	wbuf_free(&w);
	refrag_drop(&f);
	sk_key_wipe(&k);
	unmake(&e);
}

/* Fragments that another member forges: none is accepted, and few are kept. */
static void test_made_up(void)
{
	uint32_t rnd = 12345, taken = 0;
	struct refrag f = { 0 };
	struct ike_hdr h = { .xchg = GIKE_XCHG_GSA_REKEY,
			     .flags = IKE_FLAG_INITIATOR };
	uint8_t junk[300];
	unsigned int i, wraps;
	size_t most = 0;
	struct sk_key k;
	struct ends e;
	struct wbuf w;

	make(&e, SIG_ED25519, IKE_ENCR_AES_GCM_16, 256, GIKE_KWA_5649_256);
	sk_key_set(&k, e.tx.encr, e.tx.key_bits, e.tx.gsk_e, e.tx.gsk_e_len);
	memcpy(h.spi_i, e.tx.spi, IKE_SPI_LEN);
	memcpy(h.spi_r, e.tx.spi + IKE_SPI_LEN, IKE_SPI_LEN);
	for (i = 0; i < 20000; i++) {
		struct skf skf;

		rnd = rnd * 1664525 + 1013904223;
		h.mid = rnd >> 8 & 1;
		skf.total = rnd >> 10 & 64 ? 2 : rnd >> 12 & 0x7f;
		skf.number = rnd >> 20 & 0x7f;
		memset(junk, rnd >> 3, sizeof(junk));
		wbuf_init(&w, MOST);
		ike_hdr_build(&w, &h);
		skf_seal(&w, &k, ((uint64_t)i + 9) << 32 | h.mid, GIKE_PLD_GSA,
			 &skf, junk, rnd >> 5 & 0xff);
		taken += give(&e, &f, w.p, w.len, &wraps) == REKEY_OK;
		most = f.octets > most ? f.octets : most;
		wbuf_free(&w);
	}
	ok(!taken && !e.rx.next_mid, "20000 made-up fragments: none is taken");
	ok(most && most <= REFRAG_MAX * 256, "%zu octets were kept", most);
	refrag_drop(&f);
	sk_key_wipe(&k);
	unmake(&e);
}

/* Open the message and encrypt it again, as any member can. */
static void forge(struct ends *e, const struct wbuf *in, struct wbuf *out,
		  void (*change)(uint8_t *p, size_t *len, uint8_t *first))
{
	uint8_t plain[4096];
	struct ike_hdr h;
	struct sk_key k;
	uint8_t first;
	size_t len;

	sk_key_set(&k, e->tx.encr, e->tx.key_bits, e->tx.gsk_e,
		   e->tx.gsk_e_len);
	if (sk_open(in->p, in->len, &k, plain, &len, &first))
		abort();
	change(plain, &len, &first);
	ike_hdr_parse(in->p, in->len, &h);
	wbuf_init(out, 65535);
	ike_hdr_build(out, &h);
	if (sk_seal(out, &k, 0x1234567800000000ull + h.mid, first, plain, len))
		abort();
}

/* AUTH is the last payload: find it, and the field that refers to it. */
static size_t find_auth(uint8_t *p, size_t len, uint8_t first, size_t *prev)
{
	struct pwalk w;
	struct pld pld;

	*prev = SIZE_MAX;
	pwalk_init(&w, first, p, len);
	while (pwalk_next(&w, &pld) > 0) {
		if (pld.type == IKE_PLD_AUTH)
			return pld.body - 4 - p;
		*prev = pld.body - 4 - p;
	}
	abort();
}

static void drop_auth(uint8_t *p, size_t *len, uint8_t *first)
{
	size_t prev, at = find_auth(p, *len, *first, &prev);

	p[prev] = IKE_PLD_NONE;
	*len = at;
}

static void flip_sig(uint8_t *p, size_t *len, uint8_t *first)
{
	(void)first;
	p[*len - 1] ^= 1;
}

static void flip_inner(uint8_t *p, size_t *len, uint8_t *first)
{
	(void)len;
	(void)first;
	p[10] ^= 1; /* the SPI of the Data SA */
}

static void other_alg(uint8_t *p, size_t *len, uint8_t *first)
{
	size_t prev, at = find_auth(p, *len, *first, &prev);

	p[at + 8 + 1 + 6] ^= 1; /* last octet of the OID */
}

static void other_method(uint8_t *p, size_t *len, uint8_t *first)
{
	size_t prev, at = find_auth(p, *len, *first, &prev);

	p[at + 4] = IKE_AUTH_DIGITAL_SIGNATURE - 1;
}

static void no_policy(uint8_t *p, size_t *len, uint8_t *first)
{
	(void)len;
	(void)first;
	p[6] ^= 0xff; /* length of the first policy */
}

static void long_alg(uint8_t *p, size_t *len, uint8_t *first)
{
	size_t prev, at = find_auth(p, *len, *first, &prev);

	p[at + 8] = 0xff; /* length of the AlgorithmIdentifier */
}

static void critical(uint8_t *p, size_t *len, uint8_t *first)
{
	memmove(p + 4, p, *len);
	p[0] = *first;
	p[1] = IKE_PLD_CRITICAL;
	p[2] = 0;
	p[3] = 4;
	*first = 200;
	*len += 4;
}

static void no_kd(uint8_t *p, size_t *len, uint8_t *first)
{
	(void)len;
	(void)first;
	p[0] = IKE_PLD_VENDOR; /* the type of what follows the GSA */
}

static void unknown_sn(uint8_t *p, size_t *len, uint8_t *first)
{
	static const uint8_t sn[] = { 0, 8, IKE_TT_SN, 0, 0, GIKE_SN_32_UNSPEC };
	uint8_t *at = memmem(p, *len, sn, sizeof(sn));

	(void)first;
	if (!at)
		abort();
	at[sizeof(sn) - 1] = 99;
}

static void one_more_delete(uint8_t *p, size_t *len, uint8_t *first)
{
	static const uint8_t all[] = { 0, 0, 0, 8, 0, 0, 0, 0 };

	memmove(p + sizeof(all), p, *len);
	memcpy(p, all, sizeof(all));
	p[0] = *first;
	*first = IKE_PLD_DELETE;
	*len += sizeof(all);
}

static void cut(uint8_t *p, size_t *len, uint8_t *first)
{
	(void)p;
	(void)first;
	*len -= 3;
}

static void attacks(void)
{
	unsigned int shorter = 0, taken = 0;
	struct rekey_msg m;
	struct ends e, other;
	struct sigpub *pub;
	struct wbuf w, f;
	uint8_t *copy;

	make(&e, SIG_ED25519, IKE_ENCR_AES_GCM_16, 256, GIKE_KWA_5649_256);
	make(&other, SIG_ED25519, IKE_ENCR_AES_GCM_16, 256, GIKE_KWA_5649_256);
	build(&e, &w);

	forge(&e, &w, &f, drop_auth);
	expect(&e, f.p, f.len, REKEY_AUTH_ABSENT, "forged without AUTH");
	wbuf_free(&f);
	forge(&e, &w, &f, flip_sig);
	expect(&e, f.p, f.len, REKEY_AUTH_BAD, "signature altered");
	wbuf_free(&f);
	forge(&e, &w, &f, flip_inner);
	expect(&e, f.p, f.len, REKEY_AUTH_BAD, "content altered");
	wbuf_free(&f);
	forge(&e, &w, &f, other_alg);
	expect(&e, f.p, f.len, REKEY_AUTH_ALG, "another algorithm");
	wbuf_free(&f);
	forge(&e, &w, &f, other_method);
	expect(&e, f.p, f.len, REKEY_AUTH_ALG, "another method");
	wbuf_free(&f);
	forge(&e, &w, &f, long_alg);
	expect(&e, f.p, f.len, REKEY_SYNTAX, "AUTH that is cut off");
	wbuf_free(&f);
	forge(&e, &w, &f, critical);
	expect(&e, f.p, f.len, REKEY_CRITICAL, "unknown critical payload");
	wbuf_free(&f);
	forge(&e, &w, &f, cut);
	expect(&e, f.p, f.len, REKEY_SYNTAX, "cut inside");
	wbuf_free(&f);

	/* The message is signed by another party that knows the KEK. */
	build(&other, &f);
	expect(&e, f.p, f.len, REKEY_AUTH_BAD, "another's signature");
	wbuf_free(&f);

	pub = e.rx.pub;
	e.rx.pub = NULL;
	expect(&e, w.p, w.len, REKEY_AUTH_BAD, "without a key to verify with");
	e.rx.pub = pub;

	copy = malloc(w.len);
	memcpy(copy, w.p, w.len);
	copy[15] ^= 1;
	expect(&e, copy, w.len, REKEY_OTHER_SPI, "another SPI");
	copy[15] ^= 1;
	copy[18] = 37;
	expect(&e, copy, w.len, REKEY_NOT_REKEY, "another exchange");
	copy[18] = 41;
	copy[19] |= IKE_FLAG_RESPONSE;
	expect(&e, copy, w.len, REKEY_NOT_REKEY, "a response");
	copy[19] &= ~IKE_FLAG_RESPONSE;
	copy[23] ^= 1;
	expect(&e, copy, w.len, REKEY_ICV, "another Message ID");
	copy[23] ^= 1;
	copy[40] ^= 1;
	expect(&e, copy, w.len, REKEY_ICV, "an octet altered");
	copy[40] ^= 1;
	for (size_t n = 0; n < w.len; n++) {
		enum rekey_rc rc;
		uint8_t *part = malloc(n ? n : 1);

		memcpy(part, w.p, n);
		if (n >= 28)
			put_unaligned_be16(n, part + 26);
		rekey_msg_init(&m);
		rc = rekey_open(&e.rx, part, n, &m, NULL);
		shorter += rc == REKEY_SHORT;
		taken += rc == REKEY_OK;
		rekey_msg_free(&m);
		free(part);
	}
	is_int(taken, 0, "no message that was cut is taken");
	is_int(shorter, IKE_HDR_LEN, "one without a whole header is too short");
	expect(&e, copy, w.len, REKEY_OK, "unchanged, after all of that");
	free(copy);
	wbuf_free(&w);
	unmake(&e);
	unmake(&other);

	/* With implicit authentication there must be no AUTH payload. */
	make(&e, 0, IKE_ENCR_AES_GCM_16, 256, GIKE_KWA_5649_256);
	make(&other, SIG_ED25519, IKE_ENCR_AES_GCM_16, 256, GIKE_KWA_5649_256);
	build(&other, &w);
	expect(&e, w.p, w.len, REKEY_AUTH_PRESENT, "AUTH with Implicit");
	wbuf_free(&w);
	/* Content that the key server itself would not build. */
	build(&e, &w);
	forge(&e, &w, &f, flip_inner);
	expect(&e, f.p, f.len, REKEY_POLICY, "a Data SA without a key");
	wbuf_free(&f);
	wbuf_free(&w);
	build(&e, &w);
	forge(&e, &w, &f, no_policy);
	/* The Message ID is used up, since what came was authenticated. */
	rekey_msg_init(&m);
	is_int(rekey_open(&e.rx, f.p, f.len, &m, NULL), REKEY_SYNTAX,
	       "a GSA that cannot be read");
	ok(!m.has_gsa && !m.n_del, "a GSA that cannot be read gives nothing");
	rekey_msg_free(&m);
	wbuf_free(&f);
	wbuf_free(&w);
	build(&e, &w);
	expect(&e, w.p, w.len, REKEY_OK, "none with Implicit");
	wbuf_free(&w);
	unmake(&e);
	unmake(&other);
}

/* Open a message of the genuine sender, which uses up its Message ID. */
static void expect_content(struct ends *e, const struct wbuf *w,
			   enum rekey_rc want, const char *name)
{
	struct rekey_msg m;

	rekey_msg_init(&m);
	is_int(rekey_open(&e->rx, w->p, w->len, &m, NULL), want, "%s: %s", name,
	       rekey_rc_name(want));
	ok(want == REKEY_OK || (!m.has_gsa && !m.n_del), "%s: no other effect",
	   name);
	rekey_msg_free(&m);
	is_int(e->rx.next_mid, e->tx.next_mid, "%s: its Message ID is used up",
	       name);
}

/* Content that the key server itself would not build, though authenticated. */
static void contents(void)
{
	static const uint8_t spi[GIKE_SPI_MAX] = { 1 };
	struct rekey_msg m;
	struct ends e;
	struct wbuf w, f;

	make(&e, 0, IKE_ENCR_AES_GCM_16, 256, GIKE_KWA_5649_256);
	build(&e, &w);
	forge(&e, &w, &f, no_kd);
	expect_content(&e, &f, REKEY_POLICY, "a GSA without KD");
	wbuf_free(&f);
	wbuf_free(&w);
	build(&e, &w);
	forge(&e, &w, &f, unknown_sn);
	expect_content(&e, &f, REKEY_UNSUPPORTED, "a transform of tomorrow");
	wbuf_free(&f);
	wbuf_free(&w);

	rekey_msg_init(&m);
	rekey_msg_delete(&m, GIKE_PROTO_GIKE_UPDATE, NULL);
	rekey_msg_delete(&m, IKE_PROTO_ESP, spi);
	rekey_msg_delete(&m, IKE_PROTO_AH, spi);
	rekey_msg_delete(&m, IKE_PROTO_ESP, NULL);
	wbuf_init(&w, 65535);
	is_int(rekey_build(&e.tx, &m, &w, NULL), 0, "four Deletes are built");
	expect_content(&e, &w, REKEY_OK, "four Deletes");
	wbuf_free(&w);
	wbuf_init(&w, 65535);
	is_int(rekey_build(&e.tx, &m, &w, NULL), 0, "four more are built");
	forge(&e, &w, &f, one_more_delete);
	expect(&e, f.p, f.len, REKEY_SYNTAX, "five Deletes");
	wbuf_free(&f);
	wbuf_free(&w);
	rekey_msg_free(&m);

	rekey_msg_init(&m);
	m.n_del = 1;
	m.del[0].proto = IKE_PROTO_IKE;
	wbuf_init(&w, 65535);
	is_int(rekey_build(&e.tx, &m, &w, NULL), 0, "a Delete of IKE is built");
	expect_content(&e, &w, REKEY_POLICY, "a Delete of an IKE SA");
	wbuf_free(&w);
	rekey_msg_free(&m);
	unmake(&e);
}

/* No message is built if OpenSSL fails, its random numbers included. */
static void failures(void)
{
	unsigned int n, unnoticed = 0;
	struct rekey_msg m;
	struct ends e;
	struct wbuf w;
	int ret;

	make(&e, SIG_ED25519, IKE_ENCR_AES_GCM_16, 256, GIKE_KWA_5649_256);
	data_msg(&m, &e.tx);
	for (n = 1;; n++) {
		wbuf_init(&w, 65535);
		fail_nth(n);
		ret = rekey_build(&e.tx, &m, &w, NULL);
		wbuf_free(&w);
		if (!fail_came())
			break;
		unnoticed += !ret;
	}
	ok(n > 2 && !unnoticed, "each of %u failures is noticed", n - 1);
	rekey_msg_free(&m);
	unmake(&e);
}

static void message_ids(void)
{
	struct rekey_sa next;
	struct rekey_msg m;
	struct gsa_sa p2;
	struct ends e;
	struct wbuf w;
	struct err err;

	make(&e, SIG_ED25519, IKE_ENCR_CHACHA20_POLY1305, 0, GIKE_KWA_5649_256);
	e.rx.next_mid = 5;
	build(&e, &w);
	expect(&e, w.p, w.len, REKEY_OLD, "below GSA_INITIAL_MESSAGE_ID");
	wbuf_free(&w);
	e.tx.next_mid = 5;
	build(&e, &w);
	expect(&e, w.p, w.len, REKEY_OK, "at it");
	wbuf_free(&w);
	e.tx.next_mid = UINT32_MAX;
	build(&e, &w);
	rekey_msg_init(&m);
	is_int(rekey_open(&e.rx, w.p, w.len, &m, &err), REKEY_OK,
	       "the last Message ID");
	rekey_msg_free(&m);
	expect(&e, w.p, w.len, REKEY_OLD,
	       "no message comes after the last Message ID");
	wbuf_free(&w);
	data_msg(&m, &e.tx);
	wbuf_init(&w, 65535);
	is_int(rekey_build(&e.tx, &m, &w, &err), -EOVERFLOW,
	       "the Message ID does not wrap");
	ok(!w.len, "nothing was written");
	rekey_msg_free(&m);

	/* A new Rekey SA by rekey has the same method and key. */
	p2 = e.policy;
	p2.spi[0] ^= 0xff;
	is_int(rekey_sa_init(&next, &p2, e.keymat, gsa_keymat_len(&p2), &e.rx),
	       -EINVAL, "GCAUTH outside of a registration");
	p2.has &= ~GSA_HAS_GCAUTH;
	is_int(rekey_sa_init(&next, &p2, e.keymat, gsa_keymat_len(&p2), NULL),
	       -EINVAL, "none at registration");
	is_int(rekey_sa_init(&next, &p2, e.keymat, gsa_keymat_len(&p2) - 1,
			     &e.rx),
	       -EINVAL, "KEYMAT of another length");
	is_int(rekey_sa_init(&next, &p2, e.keymat, gsa_keymat_len(&p2), &e.rx),
	       0, "new Rekey SA from the old one");
	ok(next.next_mid == 0 && next.gcauth == GIKE_GCAUTH_DIGSIG &&
		   next.pub && next.pub != e.rx.pub,
	   "method and key go with it");
	rekey_sa_wipe(&next);
	unmake(&e);
}

static uint64_t iv_of(const struct wbuf *w)
{
	uint64_t iv = 0;

	for (int i = 0; i < SK_IV_LEN; i++)
		iv = iv << 8 | w->p[IKE_HDR_LEN + IKE_PLD_HDR_LEN + i];
	return iv;
}

static void as_it_is(uint8_t *p, size_t *len, uint8_t *first)
{
	(void)p;
	(void)len;
	(void)first;
}

/*
 * Same key and Message ID, other content: the store of a key server is an old
 * copy, or it computes a change again that could not be written.
 */
static void ivs(void)
{
	unsigned int same = 0, wrong = 0;
	uint64_t seen[64];
	struct wbuf w, f;
	struct ends e;

	make(&e, 0, IKE_ENCR_AES_GCM_16, 256, GIKE_KWA_5649_256);
	for (unsigned int i = 0; i < 64; i++) {
		if (i % 8 == 7) {
			/* Continue with the stored state. */
			rekey_sa_wipe(&e.tx);
			rekey_sa_init(&e.tx, &e.policy, e.keymat,
				      gsa_keymat_len(&e.policy), NULL);
		}
		e.tx.next_mid = 41 + i % 2;
		build(&e, &w);
		seen[i] = iv_of(&w);
		wrong += (uint32_t)seen[i] != 41 + i % 2;
		for (unsigned int k = 0; k < i; k++)
			same += seen[k] == seen[i];
		wbuf_free(&w);
	}
	is_int(same, 0, "a Message ID again, but never an IV");
	is_int(wrong, 0, "the Message ID is in each");

	/*
	 * The IV of a message that forge() encrypts was not chosen by the
	 * sender.
	 */
	e.tx.next_mid = 50;
	build(&e, &w);
	forge(&e, &w, &f, as_it_is);
	ok(iv_of(&f) != iv_of(&w), "another IV");
	expect(&e, f.p, f.len, REKEY_OK, "IV from the wire");
	wbuf_free(&f);
	wbuf_free(&w);
	unmake(&e);
}

static void refusals(void)
{
	struct sigkey *p256;
	struct rekey_msg m;
	struct sigpub *pub;
	const uint8_t *der;
	struct ends e;
	struct wbuf w;
	struct err err;
	size_t len;

	make(&e, SIG_ED25519, IKE_ENCR_AES_GCM_16, 128, GIKE_KWA_5649_128);
	wbuf_init(&w, 65535);
	rekey_msg_init(&m);
	is_int(rekey_build(&e.tx, &m, &w, &err), -EBADMSG,
	       "an empty message is not sent");
	is_int(e.tx.next_mid, 0,
	       "a message that is not sent takes no Message ID");
	rekey_msg_delete(&m, GIKE_PROTO_GIKE_UPDATE, NULL);
	is_int(rekey_build(&e.tx, &m, &w, &err), 0,
	       "Delete of the Rekey SA alone");
	rekey_msg_free(&m);
	rekey_msg_init(&m);
	is_int(rekey_open(&e.rx, w.p, w.len, &m, &err), REKEY_OK,
	       "Delete of the Rekey SA opens");
	ok(m.n_del == 1 && delete_is_all(&m.del[0]), "SPI 0 means all");
	rekey_msg_free(&m);
	wbuf_free(&w);

	data_msg(&m, &e.tx);
	kd_add_sender_id(&m.kd, 4);
	is_int(rekey_build(&e.tx, &m, &w, &err), -EBADMSG,
	       "GM_SENDER_ID is not sent in a rekey");
	rekey_msg_free(&m);

	sigkey_generate(SIG_ECDSA_P256, &p256);
	is_int(rekey_sa_set_key(&e.tx, p256), -EINVAL,
	       "signing key of another type");
	sigkey_pub(p256, &pub);
	sigpub_spki(pub, &der, &len);
	is_int(rekey_sa_set_auth_key(&e.rx, der, len), -EINVAL,
	       "AUTH_KEY of another type");
	is_int(rekey_sa_set_auth_key(&e.rx, der, len - 1), -EBADMSG,
	       "AUTH_KEY cut short");
	ok(e.rx.pub, "the key held before stays");
	sigpub_free(pub);
	sigkey_free(p256);
	unmake(&e);
}

int main(void)
{
	RUN(test_fragments);
	RUN(test_made_up);
	RUN(round_trip, SIG_ED25519, IKE_ENCR_AES_GCM_16, 128,
	    GIKE_KWA_5649_128);
	RUN(round_trip, SIG_ED25519, IKE_ENCR_AES_GCM_16, 256,
	    GIKE_KWA_5649_256);
	RUN(round_trip, SIG_ECDSA_P256, IKE_ENCR_AES_GCM_16, 256,
	    GIKE_KWA_5649_256);
	RUN(round_trip, SIG_RSA_PSS, IKE_ENCR_AES_GCM_16, 128,
	    GIKE_KWA_5649_192);
	RUN(round_trip, 0, IKE_ENCR_CHACHA20_POLY1305, 0, GIKE_KWA_5649_256);
	for (int i = 0; i < 20; i++)
		RUN(round_trip, SIG_ECDSA_P256, IKE_ENCR_CHACHA20_POLY1305, 0,
		    GIKE_KWA_5649_128);
	RUN(attacks);
	RUN(contents);
	RUN(failures);
	RUN(message_ids);
	RUN(ivs);
	RUN(refusals);
	return done();
}
