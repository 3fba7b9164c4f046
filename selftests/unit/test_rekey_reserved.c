// SPDX-License-Identifier: Apache-2.0
/*
 * GSA_REKEYs of a key server that sets RESERVED in the header of the encrypted payload.
 * RFC 9838 section 2.4.1.2: that of the first fragment is the one of the message, and so
 * it is under the signature.
 */
#include <errno.h>

#include "crypto/aead.h"
#include "crypto/sign.h"
#include "rekey/rekey.h"
#include "tap.h"
#include "wire/message.h"
#include "lib/util.h"

#define HEAD_LEN (IKE_HDR_LEN + 4)

static struct sigkey *key;
static struct gsa_sa policy;
static uint8_t keymat[KD_PLAIN_MAX];
static struct rekey_sa rx;

static void setup(void)
{
	struct sigpub *pub;
	struct addr group;
	const uint8_t *p;
	size_t len;
	int n;

	addr_parse("239.1.1.254", &group);
	policy = (struct gsa_sa){
		.proto = GIKE_PROTO_GIKE_UPDATE,
		.spi_len = GIKE_SPI_LEN_REKEY,
		.spi = { 1, 2, 3, 4, 5, 6, 7, 8, 9 },
		.has = GSA_HAS_ENCR | GSA_HAS_KWA | GSA_HAS_GCAUTH |
		       GSA_HAS_LIFETIME,
		.encr = IKE_ENCR_AES_GCM_16,
		.key_bits = 256,
		.kwa = GIKE_KWA_5649_256,
		.gcauth = GIKE_GCAUTH_DIGSIG,
		.lifetime = 3600,
	};
	ts_set(&policy.src, NULL, AF_INET, 17, 0);
	ts_set(&policy.dst, &group, AF_INET, 17, 848);
	sigkey_generate(SIG_ED25519, &key);
	sigkey_alg(key, &p, &len);
	memcpy(policy.sigalg, p, len);
	policy.sigalg_len = len;
	n = gsa_keymat_len(&policy);
	memset(keymat, 0x11, n);
	if (rekey_sa_init(&rx, &policy, keymat, n, NULL))
		bail("Rekey SA");
	sigkey_pub(key, &pub);
	sigpub_spki(pub, &p, &len);
	if (rekey_sa_set_auth_key(&rx, p, len))
		bail("key to verify with");
	sigpub_free(pub);
}

/* Build a Delete and AUTH, signed as for a whole message with @reserved. */
static uint8_t build_signed(struct wbuf *inner, const struct ike_hdr *h,
			    uint8_t reserved)
{
	static const uint8_t zero[SIG_MAX_LEN];
	struct delete_pld d = { .proto = IKE_PROTO_ESP, .spi_len = 4, .n = 1 };
	size_t alg_len, sig_len = sigkey_sig_len(key), at;
	const uint8_t *alg;
	struct pchain c;
	struct wbuf tbs;

	wbuf_init(inner, 1024);
	pchain_init(&c, inner, PCHAIN_DETACHED);
	put_unaligned_be32(0x1234, d.spi[0]);
	delete_build(&c, &d);
	sigkey_alg(key, &alg, &alg_len);
	at = auth_build(&c, alg, alg_len, zero, sig_len);
	wbuf_init(&tbs, 2048);
	ike_hdr_build(&tbs, h);
	wbuf_patch_u8(&tbs, IKE_HDR_NEXT_OFF, IKE_PLD_SK);
	wbuf_patch_u32(&tbs, IKE_HDR_LEN_OFF, HEAD_LEN + inner->len);
	wbuf_u8(&tbs, c.first);
	wbuf_u8(&tbs, reserved);
	wbuf_u16(&tbs, 4 + inner->len);
	wbuf_put(&tbs, inner->p, inner->len);
	if (tbs.err || sig_sign_len(key, tbs.p, tbs.len,
				    wbuf_at(inner, at, sig_len), sig_len))
		bail("signature");
	wbuf_free(&tbs);
	return c.first;
}

/*
 * Deliver the message @mid, which is signed with @is_signed, in three fragments. The first
 * has @first in its header, and the others have @others.
 */
static enum rekey_rc deliver(uint32_t mid, uint8_t is_signed, uint8_t first,
			     uint8_t others)
{
	struct ike_hdr h = {
		.xchg = GIKE_XCHG_GSA_REKEY,
		.flags = IKE_FLAG_INITIATOR,
		.mid = mid,
	};
	enum rekey_rc rc = REKEY_SHORT;
	struct refrag frags = { 0 };
	struct wbuf inner, one;
	struct rekey_msg m;
	struct skf skf = { .total = 3 };
	struct sk_key k;
	uint8_t next;
	size_t len;

	memcpy(h.spi_i, policy.spi, IKE_SPI_LEN);
	memcpy(h.spi_r, policy.spi + IKE_SPI_LEN, IKE_SPI_LEN);
	next = build_signed(&inner, &h, is_signed);
	sk_key_set(&k, policy.encr, policy.key_bits, keymat,
		   sk_key_len(policy.encr, policy.key_bits));
	len = inner.len / skf.total;
	for (skf.number = 1; skf.number <= skf.total; skf.number++) {
		size_t at = (skf.number - 1u) * len;

		skf.reserved = skf.number == 1 ? first : others;
		wbuf_init(&one, 1024);
		ike_hdr_build(&one, &h);
		if (skf_seal(&one, &k, (uint64_t)skf.number << 32 | mid, next,
			     &skf, inner.p + at,
			     skf.number == skf.total ? inner.len - at : len))
			bail("fragment");
		rekey_msg_init(&m);
		rc = rekey_open_frags(&rx, &frags, one.p, one.len, &m, NULL);
		rekey_msg_free(&m);
		wbuf_free(&one);
	}
	refrag_drop(&frags);
	sk_key_wipe(&k);
	wbuf_free(&inner);
	return rc;
}

static void test_fragments(void)
{
	is_int(deliver(0, 0, 0, 0), REKEY_OK, "fragments without RESERVED");
	is_int(deliver(1, 0x2a, 0x2a, 0x2a), REKEY_OK,
	       "all fragments have the RESERVED that is signed");
	is_int(deliver(2, 0x2a, 0x2a, 0), REKEY_OK,
	       "the first fragment has the RESERVED that is signed");
	is_int(deliver(3, 0x2a, 0, 0x2a), REKEY_AUTH_BAD,
	       "the first fragment lacks the RESERVED that is signed");
	is_int(deliver(3, 0, 0x2a, 0), REKEY_AUTH_BAD,
	       "the first fragment has a RESERVED that is not signed");
	is_int(deliver(3, 0, 0, 0), REKEY_OK,
	       "the message is taken when it comes as it was signed");
}

/* A message that cannot be built has a reason. */
static void test_unknown_cipher(void)
{
	struct rekey_sa tx = rx;
	struct rekey_msg m;
	struct wbuf out;
	struct err err;

	tx.gcauth = GIKE_GCAUTH_IMPLICIT;
	tx.encr = 99;
	rekey_msg_init(&m);
	rekey_msg_delete(&m, IKE_PROTO_ESP, NULL);
	wbuf_init(&out, IKE_MSG_MAX);
	is_int(rekey_build(&tx, &m, &out, &err), -ENOTSUP,
	       "no message is built with an unknown cipher");
	is_str(err.text, "GSA_REKEY not built: Operation not supported",
	       "the reason is given");
	is_int(tx.next_mid, rx.next_mid, "no Message ID is used up");
	wbuf_free(&out);
	rekey_msg_free(&m);
}

int main(void)
{
	setup();
	RUN(test_fragments);
	RUN(test_unknown_cipher);
	rekey_sa_wipe(&rx);
	sigkey_free(key);
	return done();
}
