// SPDX-License-Identifier: Apache-2.0
/* IKE header, SK, and the table of permitted payloads. */
#include <errno.h>

#include "crypto/aead.h"
#include "wire/message.h"
#include "tap.h"
#include "wipes.h"
#include "lib/util.h"

static struct sk_key key;

static void seal(struct wbuf *w, uint64_t iv, const void *inner, size_t len)
{
	struct ike_hdr h = { .xchg = IKE_XCHG_INFORMATIONAL, .mid = 7 };

	memset(h.spi_i, 1, 8);
	memset(h.spi_r, 2, 8);
	wbuf_init(w, IKE_MSG_MAX);
	ike_hdr_build(w, &h);
	is_int(sk_seal(w, &key, iv, IKE_PLD_NOTIFY, inner, len), 0,
	       "%zu octets sealed", len);
}

static void sk(void)
{
	static const uint8_t inner[] = { 0, 0, 0, 8, 0, 0, 0x40, 0x06 };
	uint8_t k[20] = { 1, 2, 3 }, plain[128], first, *copy;
	unsigned int taken = 0;
	struct ike_hdr h;
	struct wbuf w;
	size_t n;

	is_int(sk_key_set(&key, IKE_ENCR_AES_GCM_16, 128, k, 20), 0, "sk: key");
	is_int(sk_key_set(&key, IKE_ENCR_AES_GCM_16, 128, k, 16), -EINVAL,
	       "key without salt");
	is_int(sk_key_set(&key, IKE_ENCR_AES_GCM_16_IIV, 128, k, 20), -ENOTSUP,
	       "implicit IV");
	is_int(sk_key_set(&key, IKE_ENCR_CHACHA20_POLY1305, 256, k, 20),
	       -ENOTSUP, "ChaCha20-Poly1305 with a key length");
	sk_key_set(&key, IKE_ENCR_AES_GCM_16, 128, k, 20);

	seal(&w, 0x0102030405060708, inner, sizeof(inner));
	is_int(w.len, 28 + 4 + 8 + 8 + 1 + 16, "length of all");
	ok(!ike_hdr_parse(w.p, w.len, &h) && h.next == IKE_PLD_SK && h.mid == 7,
	   "sk: header");
	is_mem(w.p + 32, 8, "\1\2\3\4\5\6\7\10", 8, "IV as given");
	ok(!sk_open(w.p, w.len, &key, plain, &n, &first) && n == 8 &&
		   first == IKE_PLD_NOTIFY && !memcmp(plain, inner, 8),
	   "sk: the message opens");
	copy = malloc(w.len);
	for (size_t i = 0; i < w.len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			memcpy(copy, w.p, w.len);
			copy[i] ^= 1 << bit;
			taken += !sk_open(copy, w.len, &key, plain, &n, &first);
		}
	}
	is_int(taken, 0, "no bit of it can change");
	free(copy);
	for (size_t len = 0; len < w.len; len++) {
		copy = malloc(len ? len : 1);
		memcpy(copy, w.p, len);
		if (len >= 32)
			copy[31] = len - 28;
		taken += sk_open(copy, len, &key, plain, &n, &first) !=
			 -EBADMSG;
		free(copy);
	}
	is_int(taken, 0, "an SK payload that is cut does not open");
	wbuf_free(&w);

	seal(&w, 1, NULL, 0);
	ok(!sk_open(w.p, w.len, &key, plain, &n, &first) && !n, "sk: empty");
	wbuf_free(&w);
}

/* A message that sk_seal() never makes, with @pad as its last octet. */
static int open_padded(uint8_t pad, size_t *n)
{
	uint8_t inner[8] = { 0, 0, 0, 4, 9, 9, 9, pad };
	uint8_t msg[28 + 4 + 8 + 8 + 16] = { 0 };
	uint8_t plain[128], first;

	msg[16] = IKE_PLD_SK;
	msg[27] = sizeof(msg);
	msg[28] = IKE_PLD_VENDOR;
	msg[31] = sizeof(msg) - 28;
	if (aead_seal(key.encr, key.key, key.len, msg + 32, msg, 32, inner, 8,
		      msg + 40))
		abort();
	return sk_open(msg, sizeof(msg), &key, plain, n, &first);
}

static void padded(void)
{
	static uint8_t big[IKE_MSG_MAX];
	struct ike_hdr h = { .xchg = 37 };
	struct wbuf w;
	size_t n;

	is_int(open_padded(3, &n), 0, "a peer may pad");
	is_int(n, 4, "the padding of a peer goes");
	is_int(open_padded(7, &n), 0, "all of it may be padding");
	is_int(n, 0, "a payload of padding alone is empty");
	wipes_look_for("\0\0\0\4\11\11\11\10", 8);
	is_int(open_padded(8, &n), -EBADMSG, "more padding than octets");
	is_int(n, 0, "gives nothing");
	is_int(wipes_found(), 1,
	       "a payload with more padding than octets is wiped");
	wbuf_init(&w, IKE_MSG_MAX);
	ike_hdr_build(&w, &h);
	is_int(sk_seal(&w, &key, 3, 0, big, sizeof(big)), -EMSGSIZE,
	       "more than a datagram");
	is_int(w.len, IKE_HDR_LEN, "nothing was written");
	wbuf_free(&w);
}

/* An SKF payload (RFC 7383 2.5) that contains @first, opened as one. */
static int open_fragment(uint16_t number, uint16_t total, uint8_t first,
			 size_t len, struct skf *frag, size_t *n, uint8_t *got)
{
	static const uint8_t inner[16] = "fragment-of-keys";
	struct skf skf = { .number = number, .total = total };
	uint8_t msg[128] = { 0 }, plain[128];
	size_t all = 28 + 4 + 4 + 8 + len + 1 + 16;

	msg[16] = IKE_PLD_SKF;
	msg[27] = all;
	msg[28] = first;
	msg[31] = all - 28;
	put_unaligned_be16(skf.number, msg + 32);
	put_unaligned_be16(skf.total, msg + 34);
	memcpy(msg + 44, inner, len);
	if (aead_seal(key.encr, key.key, key.len, msg + 36, msg, 36, msg + 44,
		      len + 1, msg + 44))
		abort();
	*n = 99;
	*got = 99;
	return skf_open(msg, all, &key, frag, plain, n, got);
}

static void fragments(void)
{
	struct skf f = { 0 };
	uint8_t first;
	size_t n;

	is_int(open_fragment(1, 2, IKE_PLD_AUTH, 16, &f, &n, &first), 0,
	       "the first of two fragments");
	ok(f.number == 1 && f.total == 2 && n == 16 && first == IKE_PLD_AUTH,
	   "says what it is");
	is_int(open_fragment(0x102, 0x304, 0, 16, &f, &n, &first), 0,
	       "one of many");
	ok(f.number == 0x102 && f.total == 0x304 && !first,
	   "a fragment has its number");
	is_int(open_fragment(2, 2, 0, 16, &f, &n, &first), 0, "the last");
	is_int(open_fragment(1, 1, IKE_PLD_AUTH, 16, &f, &n, &first), 0,
	       "the only one");
	wipes_look_for("fragment-of-keys", 16);
	is_int(open_fragment(0, 2, 0, 16, &f, &n, &first), -EBADMSG,
	       "a fragment 0 is refused");
	is_int(open_fragment(3, 2, 0, 16, &f, &n, &first), -EBADMSG,
	       "a third fragment of two is refused");
	is_int(open_fragment(2, 2, IKE_PLD_AUTH, 16, &f, &n, &first), -EBADMSG,
	       "only the first says what comes first");
	is_int(wipes_found(), 3,
	       "the deciphered octets of refused fragments are wiped");
	is_int(open_fragment(1, 2, IKE_PLD_AUTH, 0, &f, &n, &first), -EBADMSG,
	       "an empty fragment is refused");
}

/* The message is cut to each length, and lacks the pad length. */
static void too_short(void)
{
	uint8_t msg[28 + 4 + 4 + 8 + 16] = { 0 }, first, *copy, *plain;
	unsigned int head, taken = 0;
	struct skf f;
	size_t n, len;

	for (head = 0; head <= 4; head += 4) {
		msg[16] = head ? IKE_PLD_SKF : IKE_PLD_SK;
		for (len = 32; len <= sizeof(msg) - 4 + head; len++) {
			msg[27] = len;
			msg[31] = len - 28;
			msg[33] = 1;
			msg[35] = 1;
			if (len == sizeof(msg) - 4 + head &&
			    aead_seal(key.encr, key.key, key.len,
				      msg + 32 + head, msg, 32 + head, NULL, 0,
				      msg + 40 + head))
				abort();
			copy = malloc(len);
			plain = malloc(len);
			memcpy(copy, msg, len);
			taken += (head ? skf_open(copy, len, &key, &f, plain,
						  &n, &first)
				       : sk_open(copy, len, &key, plain, &n,
						 &first)) != -EBADMSG;
			free(copy);
			free(plain);
		}
	}
	is_int(taken, 0,
	       "a payload without room for its padding's length is refused");
}

/* After a refusal there is neither a length nor a type. */
static void nothing_left(void)
{
	uint8_t msg[28 + 4 + 8 + 1 + 16] = { 0 }, plain[64], first = 99;
	size_t n = 99;

	msg[16] = IKE_PLD_SK;
	is_int(sk_open(msg, sizeof(msg), &key, plain, &n, &first), -EBADMSG,
	       "a message that does not open");
	ok(!n && first == IKE_PLD_NONE, "gives nothing");
	msg[16] = IKE_PLD_SKF;
	msg[31] = sizeof(msg) - 28;
	is_int(sk_open(msg, sizeof(msg), &key, plain, &n, &first), -EBADMSG,
	       "a fragment is no message");
}

static int sort(uint8_t xchg, bool res, enum msg_side side, uint8_t type,
		unsigned int times)
{
	static const uint8_t del[] = { 0, 0, 0, 8, 1, 0, 0, 0 };
	uint8_t buf[1024], *p = buf;
	struct ike_msg m = { 0 };
	struct err err = {};

	for (unsigned int i = 0; i < times; i++, p += 8) {
		memcpy(p, del, 8);
		p[0] = i + 1 < times ? type : 0;
	}
	m.h.xchg = xchg;
	m.h.flags = res ? IKE_FLAG_RESPONSE : 0;
	return msg_sort(&m, side, type, buf, p - buf, &err);
}

static void table(void)
{
	static const struct {
		uint8_t xchg, type;
		/*
		 * Clear request, clear answer, encrypted request, encrypted
		 * answer.
		 */
		bool may[4];
	} t[] = {
		{ 34, IKE_PLD_SA, { 1, 1, 0, 0 } },
		{ 34, IKE_PLD_KE, { 1, 1, 0, 0 } },
		{ 34, IKE_PLD_NONCE, { 1, 1, 0, 0 } },
		{ 34, IKE_PLD_NOTIFY, { 1, 1, 0, 0 } },
		{ 34, IKE_PLD_CERT, { 0, 0, 0, 0 } },
		{ 34, IKE_PLD_AUTH, { 0, 0, 0, 0 } },
		{ 34, GIKE_PLD_KD, { 0, 0, 0, 0 } },
		{ 34, IKE_PLD_DELETE, { 0, 0, 0, 0 } },
		{ 39, IKE_PLD_IDI, { 0, 0, 1, 0 } },
		{ 39, IKE_PLD_IDR, { 0, 0, 1, 1 } },
		{ 39, IKE_PLD_CERT, { 0, 0, 1, 1 } },
		{ 39, IKE_PLD_AUTH, { 0, 0, 1, 1 } },
		{ 39, GIKE_PLD_IDG, { 0, 0, 1, 0 } },
		{ 39, IKE_PLD_SA, { 0, 0, 1, 0 } },
		{ 39, GIKE_PLD_GSA, { 0, 0, 0, 1 } },
		{ 39, GIKE_PLD_KD, { 0, 0, 0, 1 } },
		{ 39, IKE_PLD_NOTIFY, { 0, 0, 1, 1 } },
		{ 39, IKE_PLD_DELETE, { 0, 0, 0, 0 } },
		{ 39, IKE_PLD_KE, { 0, 0, 0, 0 } },
		{ 40, GIKE_PLD_IDG, { 0, 0, 1, 0 } },
		{ 40, GIKE_PLD_GSA, { 0, 0, 0, 1 } },
		{ 40, GIKE_PLD_KD, { 0, 0, 0, 1 } },
		{ 40, IKE_PLD_AUTH, { 0, 0, 0, 0 } },
		{ 40, IKE_PLD_IDI, { 0, 0, 0, 0 } },
		{ 41, GIKE_PLD_GSA, { 0, 0, 1, 0 } },
		{ 41, GIKE_PLD_KD, { 0, 0, 1, 0 } },
		{ 41, IKE_PLD_AUTH, { 0, 0, 1, 0 } },
		{ 41, IKE_PLD_DELETE, { 0, 0, 1, 0 } },
		{ 41, GIKE_PLD_IDG, { 0, 0, 0, 0 } },
		{ 37, IKE_PLD_DELETE, { 0, 0, 1, 1 } },
		{ 37, IKE_PLD_NOTIFY, { 0, 0, 1, 1 } },
		{ 37, GIKE_PLD_GSA, { 0, 0, 0, 0 } },
	};
	unsigned int wrong = 0;

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		for (int k = 0; k < 4; k++) {
			int ret = sort(t[i].xchg, k & 1,
				       k < 2 ? MSG_CLEAR : MSG_ENC, t[i].type,
				       1);

			if (ret == (t[i].may[k] ? 0 : -EBADMSG))
				continue;
			wrong++;
			diag("%s in %s, case %d: %d", ike_pld_name(t[i].type),
			     ike_xchg_name(t[i].xchg), k, ret);
		}
	}
	is_int(wrong, 0,
	       "payloads stand where the table allows them, and nowhere else");
	is_int(sort(39, false, MSG_ENC, IKE_PLD_AUTH, 2), -EBADMSG, "two AUTH");
	is_int(sort(39, true, MSG_ENC, GIKE_PLD_GSA, 2), -EBADMSG, "two GSA");
	is_int(sort(39, true, MSG_ENC, GIKE_PLD_KD, 2), -EBADMSG, "two KD");
	is_int(sort(39, false, MSG_ENC, IKE_PLD_CERT, 8), 0, "8 CERT");
	is_int(sort(39, false, MSG_ENC, IKE_PLD_CERT, 9), -EBADMSG, "9 CERT");
	is_int(sort(37, false, MSG_ENC, IKE_PLD_NOTIFY, MSG_MAX_NOTIFY), 0,
	       "notifies at the cap");
	is_int(sort(37, false, MSG_ENC, IKE_PLD_NOTIFY, MSG_MAX_NOTIFY + 1),
	       -EBADMSG, "notifies above the cap are refused");
	is_int(sort(99, false, MSG_ENC, IKE_PLD_NOTIFY, 1), -ENOMSG,
	       "unknown exchange");
	is_int(sort(37, false, MSG_ENC, 99, 1), 0, "unknown payload");
	is_int(sort(34, false, MSG_CLEAR, IKE_PLD_SK, 1), -EBADMSG,
	       "SK in IKE_SA_INIT");
}

static void criticals(void)
{
	uint8_t p[] = { 0, 0x80, 0, 4 };
	struct ike_msg m = { .h = { .xchg = 37 } };
	struct err err;

	is_int(msg_sort(&m, MSG_ENC, 99, p, 4, &err), -EPROTONOSUPPORT,
	       "unknown critical payload");
	is_int(m.critical, 99, "the critical payload is named");
	is_str(err.text, "critical payload of type 99",
	       "criticals: the error has words, too");
	/* The critical bit has no meaning in a known payload: RFC 7296 2.5. */
	p[3] = 4;
	is_int(msg_sort(&m, MSG_ENC, IKE_PLD_VENDOR, p, 4, &err), 0,
	       "critical bit of a known payload");
}

static void headers(void)
{
	uint8_t p[32] = { 0 };
	struct ike_hdr h;

	p[27] = 28;
	is_int(ike_hdr_parse(p, 28, &h), 0,
	       "a header of the length that it says is read");
	is_int(ike_hdr_parse(p, 29, &h), -EBADMSG, "headers: longer");
	is_int(ike_hdr_parse(p, 27, &h), -EBADMSG, "no header");
	p[24] = 1;
	is_int(ike_hdr_parse(p, 28, &h), -EBADMSG, "says it is 16 MB");
}

int main(void)
{
	RUN(sk);
	RUN(padded);
	RUN(fragments);
	RUN(too_short);
	RUN(nothing_left);
	RUN(table);
	RUN(criticals);
	RUN(headers);
	return done();
}
