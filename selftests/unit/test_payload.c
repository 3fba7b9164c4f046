// SPDX-License-Identifier: Apache-2.0
/* Payloads of RFC 7296, octet by octet. */
#include <errno.h>

#include "wire/payload.h"
#include "hex.h"
#include "tap.h"

/*
 * Body of an SA payload: IKE, AES-GCM-16 256 and ChaCha20-Poly1305, PRF 5,
 * X25519, KWA 3; written by hand after RFC 7296 3.3.
 */
static const char sa_hex[] =
	"00000034 01010005 0300000c 01000014 800e0100 03000008"
	"0100001c 03000008 02000005 03000008 0400001f 00000008"
	"0d000003";

static struct sa_pld sa, sa2;

static void sa_payload(void)
{
	uint8_t in[256];
	struct proposal *p;
	struct pchain c;
	struct wbuf w;
	struct rbuf r;
	unsigned int taken = 0;
	size_t n = hex(sa_hex, in, sizeof(in));

	rbuf_init(&r, in, n);
	is_int(sa_parse(&r, &sa), 0, "SA is read");
	ok(sa.n == 1 && sa.p[0].n == 5 && sa.p[0].num == 1 &&
		   sa.p[0].proto == IKE_PROTO_IKE,
	   "one proposal, five transforms");
	ok(sa.p[0].t[0].id == 20 && sa.p[0].t[0].key_bits == 256,
	   "the first transform has a key length");
	ok(sa.p[0].t[4].type == GIKE_TT_KWA && sa.p[0].t[4].id == 3,
	   "a proposal with a KWA");
	wbuf_init(&w, 4096);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	memset(&sa2, 0, sizeof(sa2));
	p = proposal_add(&sa2, 1, IKE_PROTO_IKE);
	proposal_put(p, IKE_TT_ENCR, 20, 256);
	proposal_put(p, IKE_TT_ENCR, 28, 0);
	proposal_put(p, IKE_TT_PRF, 5, 0);
	proposal_put(p, IKE_TT_KE, 31, 0);
	proposal_put(p, GIKE_TT_KWA, 3, 0);
	sa_build(&c, &sa2);
	is_mem(w.p + 4, w.len - 4, in, n,
	       "a proposal is written to equal octets");
	wbuf_free(&w);

	for (size_t len = 0; len < n; len++) {
		uint8_t *part = malloc(len ? len : 1);

		memcpy(part, in, len);
		rbuf_init(&r, part, len);
		taken += !sa_parse(&r, &sa);
		free(part);
	}
	is_int(taken, 0, "no part of it is an SA");
	in[7] = 4;
	rbuf_init(&r, in, n);
	is_int(sa_parse(&r, &sa), -EBADMSG, "transform count that lies");
	in[7] = 5;
	in[0] = 2;
	rbuf_init(&r, in, n);
	is_int(sa_parse(&r, &sa), -EBADMSG,
	       "a next proposal that is not there");
	in[0] = 1;
	rbuf_init(&r, in, n);
	is_int(sa_parse(&r, &sa), -EBADMSG,
	       "a proposal that is neither last nor followed is refused");
	in[0] = 0;
	in[16] = 0x80;
	in[17] = 15;
	rbuf_init(&r, in, n);
	is_int(sa_parse(&r, &sa), 0, "an attribute that is not known");
	ok(sa.p[0].t[0].unknown_attr, "is noted: such a one is not chosen");

	memset(&sa2, 0, sizeof(sa2));
	for (n = 0; (p = proposal_add(&sa2, n, IKE_PROTO_ESP)); n++)
		;
	is_int(n, SA_MAX_PROPOSALS, "proposals stop at the cap");
	for (n = 0; !proposal_put(&sa2.p[0], 1, n, 0); n++)
		;
	is_int(n, SA_MAX_TRANSFORMS, "transforms stop at the cap");
}

static void chains(void)
{
	/* Two notifies, and the end. */
	uint8_t in[] = { 41,   0, 0, 8, 0, 0,	 0x40, 0x06, 0,
			 0x80, 0, 9, 0, 0, 0x40, 0x07, 1 };
	struct pwalk w;
	struct pld p;
	uint8_t deep[4 * (PWALK_MAX + 2)];
	int n, ret;

	pwalk_init(&w, 41, in, sizeof(in));
	ok(pwalk_next(&w, &p) == 1 && p.type == 41 && p.len == 4 &&
		   p.next == 41 && !p.critical,
	   "chains: the first payload");
	ok(pwalk_next(&w, &p) == 1 && p.critical && p.len == 5 && !p.next,
	   "chains: the second payload");
	is_int(pwalk_next(&w, &p), 0, "chains: the end of the chain");
	pwalk_init(&w, 41, in, sizeof(in) - 1);
	pwalk_next(&w, &p);
	is_int(pwalk_next(&w, &p), -EBADMSG, "length beyond the end");
	pwalk_init(&w, 0, in, 1);
	is_int(pwalk_next(&w, &p), -EBADMSG, "octets behind the end");
	in[3] = 3;
	pwalk_init(&w, 41, in, sizeof(in));
	is_int(pwalk_next(&w, &p), -EBADMSG, "length below its header");
	for (n = 0; n < PWALK_MAX + 2; n++)
		memcpy(deep + 4 * n, (uint8_t[]){ 43, 0, 0, 4 }, 4);
	deep[sizeof(deep) - 4] = 0;
	pwalk_init(&w, 43, deep, sizeof(deep));
	for (n = 0; (ret = pwalk_next(&w, &p)) > 0; n++)
		;
	ok(ret == -EBADMSG && n == PWALK_MAX, "payloads stop at the cap");
}

static int id_of(const char *text, struct ike_id *id)
{
	uint8_t in[1024];
	struct rbuf r;

	rbuf_init(&r, in, hex(text, in, sizeof(in)));
	return id_parse(&r, id);
}

static void ids(void)
{
	char buf[ID_STR_MAX], small[6];
	uint8_t big[IKE_ID_MAX + 5] = { 11 };
	struct ike_id id, id2;
	struct rbuf r;

	memset(&id, 0xee, sizeof(id));
	is_int(id_of("02000000 612e6578616d706c65", &id), 0, "FQDN");
	ok(!id.data[9] && !id.data[IKE_ID_MAX - 1],
	   "the rest of the buffer is zero");
	is_str(id_str(&id, buf, sizeof(buf)), "a.example", "FQDN as text");
	is_str(id_str(&id, small, sizeof(small)), "a.exa", "cut, terminated");
	is_int(id_of("01000000 c0000201", &id), 0, "IPv4");
	is_str(id_str(&id, buf, sizeof(buf)), "192.0.2.1", "IPv4 as text");
	memset(small, 'x', sizeof(small));
	is_str(id_str(&id, small, sizeof(small)), "192.0", "cut, terminated");
	is_int(id_of("01000000 c00002", &id), -EBADMSG, "IPv4 of 3 octets");
	is_int(id_of("05000000 c0000201", &id), -EBADMSG, "IPv6 of 4");
	is_int(id_of("02000000", &id), -EBADMSG, "ids: empty");
	is_int(id_of("020000", &id), -EBADMSG, "cut in its header");
	is_int(id_of("00000000 61", &id), -EBADMSG, "type 0");
	is_int(id_of("0b000000 0a41", &id), 0, "KEY_ID with a newline");
	is_str(id_str(&id, buf, sizeof(buf)), "11:0a41", "KEY_ID as hex");
	rbuf_init(&r, big, sizeof(big));
	is_int(id_parse(&r, &id), -E2BIG, "longer than the cap");
	rbuf_init(&r, big, sizeof(big) - 1);
	is_int(id_parse(&r, &id), 0, "an ID as long as the cap");
	ok(!id_from_text(&id, "192.0.2.9") && id.type == IKE_ID_IPV4_ADDR,
	   "text: address");
	ok(!id_from_text(&id, "2001:db8::1") && id.type == IKE_ID_IPV6_ADDR,
	   "text: IPv6 address");
	ok(!id_from_text(&id, "a@b.example") && id.type == IKE_ID_RFC822_ADDR,
	   "text: mail");
	ok(!id_from_text(&id, "b.example") && id.type == IKE_ID_FQDN,
	   "text: name");
	is_int(id_from_text(&id, "b example"), -EINVAL, "text: blank in it");
	is_int(id_from_text(&id, ""), -EINVAL, "text: empty");
	id_from_text(&id, "b.example");
	id_from_text(&id2, "c.example");
	ok(!id_equal(&id, &id2) && id_equal(&id, &id), "ids: equals are equal");
}

static int del_of(const char *text, struct delete_pld *d)
{
	uint8_t in[8 + 4 * (DELETE_MAX_SPIS + 1)];
	struct rbuf r;

	rbuf_init(&r, in, hex(text, in, sizeof(in)));
	return delete_parse(&r, d);
}

static void deletes(void)
{
	char hex[9 + 8 * (DELETE_MAX_SPIS + 1)];
	struct delete_pld d;
	unsigned int n;

	memset(&d, 0xee, sizeof(d));
	is_int(del_of("00000000", &d), 0, "Delete, over what was there");
	ok(!d.n && !d.spi_len && !d.spi[0][0], "leaves nothing of that");
	for (n = DELETE_MAX_SPIS; n <= DELETE_MAX_SPIS + 1; n++) {
		sprintf(hex, "0304%04x", n);
		memset(hex + 8, '1', 8 * n);
		hex[8 + 8 * n] = 0;
		is_int(del_of(hex, &d), n > DELETE_MAX_SPIS ? -E2BIG : 0,
		       "%u SPIs", n);
	}
	is_int(del_of("01000000", &d), 0, "Delete of the IKE SA");
	is_int(del_of("00000000", &d), 0, "Delete of the whole group");
	is_int(del_of("03040002 00000001 00000002", &d), 0,
	       "Delete of two ESP SAs");
	ok(d.n == 2 && d.spi[1][3] == 2,
	   "Delete of two ESP SAs has their SPIs");
	is_int(del_of("03040002 00000001", &d), -EBADMSG, "one missing");
	is_int(del_of("03040001 00000001 00", &d), -EBADMSG, "one octet more");
	is_int(del_of("03100001 00000001", &d), -EBADMSG,
	       "SPI size of another");
	is_int(del_of("01000001", &d), -EBADMSG, "SPI of an IKE SA");
	is_int(del_of("03040000", &d), -EBADMSG, "no SPI at all");
	is_int(del_of("07040001 00000001", &d), -EBADMSG, "unknown protocol");
	is_int(del_of("0304ffff 00000001", &d), -EBADMSG, "a count that lies");
}

static void auths(void)
{
	uint8_t in[80] = { 14, 0, 0, 0, 7, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70 };
	struct auth_pld a;
	struct pchain c;
	struct wbuf w;
	struct rbuf r;

	/* RFC 7296 3.8: RSA without an algorithm identifier. */
	memset(&a, 0xee, sizeof(a));
	rbuf_init(&r, "\1\0\0\0sig", 7);
	ok(!auth_parse(&r, &a) && a.method == 1 && a.sig_len == 3 && !a.alg &&
		   !a.alg_len,
	   "AUTH of another method");
	rbuf_init(&r, in, 76);
	is_int(auth_parse(&r, &a), 0, "AUTH with Ed25519");
	ok(a.alg_len == 7 && a.sig_len == 64,
	   "AUTH with Ed25519 has its parts");
	wbuf_init(&w, 200);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	is_int(auth_build(&c, a.alg, 7, a.sig, 64), 16, "where it is signed");
	is_int(w.len, 80, "80 octets, as the reference says");
	is_mem(w.p + 4, 76, in, 76, "equal octets");
	wbuf_free(&w);
	rbuf_init(&r, in, 12);
	is_int(auth_parse(&r, &a), -EBADMSG, "no signature");
	in[4] = 200;
	rbuf_init(&r, in, 76);
	is_int(auth_parse(&r, &a), -EBADMSG, "ASN.1 length beyond the end");
	in[4] = 0;
	rbuf_init(&r, in, 76);
	is_int(auth_parse(&r, &a), -EBADMSG, "no algorithm");
}

static int ts_of(const char *text, struct ts *ts)
{
	uint8_t in[64];
	struct rbuf r;

	rbuf_init(&r, in, hex(text, in, sizeof(in)));
	return ts_parse(&r, ts);
}

static void selectors(void)
{
	struct ts ts;

	is_int(ts_of("07110010 03500350 ef010101 ef010101", &ts), 0, "IPv4");
	ok(ts_is_one_addr(&ts) && ts.port_lo == 848 && ts.ip_proto == 17,
	   "one address, one port");
	is_int(ts_of("07110010 03510350 ef010101 ef010101", &ts), -EBADMSG,
	       "ports the wrong way");
	is_int(ts_of("07110010 03500350 ef010102 ef010101", &ts), -EBADMSG,
	       "addresses the wrong way");
	is_int(ts_of("07110011 03500350 ef010101 ef010101", &ts), -EBADMSG,
	       "length of none");
	is_int(ts_of("08110010 03500350 ef010101 ef010101", &ts), -EBADMSG,
	       "IPv6 of IPv4's length");
	is_int(ts_of("09110010 03500350 ef010101 ef010101", &ts), -EBADMSG,
	       "unknown type");
	is_int(ts_of("07110010 03500350 ef010101 ef0101", &ts), -EBADMSG,
	       "cut short");
}

static void too_long(void)
{
	static uint8_t big[70000];
	struct pchain c;
	struct wbuf w;

	wbuf_init(&w, 100000);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	raw_build(&c, IKE_PLD_NONCE, big, sizeof(big));
	is_int(w.err, -EMSGSIZE, "a payload past 16 bits fails, not wraps");
	wbuf_free(&w);
}

int main(void)
{
	RUN(sa_payload);
	RUN(chains);
	RUN(ids);
	RUN(deletes);
	RUN(auths);
	RUN(selectors);
	RUN(too_long);
	return done();
}
