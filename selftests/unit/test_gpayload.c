// SPDX-License-Identifier: Apache-2.0
/* GSA, KD, the tables of RFC 9838 section 5, SAg; octets as written out. */
#include <errno.h>

#include "gsa_good.h"
#include "wire/gpayload.h"
#include "crypto/prf.h"
#include "hex.h"
#include "tap.h"

static const char gsa_hex[] =
	"03040044 00010001 07000010 0000ffff 00000000 ffffffff"
	"07000010 0000ffff ef010101 ef010101 0300000c 01000014"
	"800e0100 00000008 05000002 00010004 00000e10";

static const char gw_hex[] = "00000010 80010005 8002000a 80030008";
static const char bag_hex[] =
	"03040044 00010001 00010038 00000000 00000000"
	"55dd0abebb989186138fd0c6754c9209166fc9ca84269cc3079dc1aa"
	"6b4463e0cba3dacc52ea7d837b2a24e1b3d80589";

/* A GW policy beside one Data SA. */
static void only_gw(struct gsa *gsa, unsigned int has)
{
	memset(gsa, 0, sizeof(*gsa));
	gsa->n_data = 1;
	data_sa(&gsa->data[0]);
	gsa->gw.present = true;
	gsa->gw.has = has;
}

/* Build the body of the payload from @gsa. Returns its length. */
static size_t gsa_octets(const struct gsa *gsa, uint8_t *out, size_t size)
{
	struct pchain c;
	struct wbuf w;
	size_t n;

	wbuf_init(&w, size + 4);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	gsa_build(&c, gsa);
	n = w.len - 4;
	memcpy(out, w.p + 4, n);
	wbuf_free(&w);
	return n;
}

static void vectors(void)
{
	uint8_t in[512], back[512], out[64], keymat[36];
	struct wbuf w;
	struct pchain c;
	struct kwk kwk;
	struct gsa gsa;
	struct rbuf r;
	struct kd kd;
	size_t n, m;

	wrap_key_of_sk_d(&kwk, 5, GIKE_KWA_5649_128, 32);
	n = hex("b169180742eb22165048cce7281f2e65", out, sizeof(out));
	is_mem(kwk.key, kwk.len, out, n, "GSK_w, SHA2-256, KW_5649_128");
	wrap_key_of_sk_d(&kwk, 7, GIKE_KWA_5649_256, 64);
	n = hex("eecbf641fe34aba620d0165e9633ed079bff1399574728fa1077a261150dd1e6",
		out, sizeof(out));
	is_mem(kwk.key, kwk.len, out, n, "GSK_w, SHA2-512, KW_5649_256");
	wrap_key_of_sk_d(&kwk, 5, GIKE_KWA_5649_256, 32);
	n = hex("b169180742eb22165048cce7281f2e65465010931c41a1b39a8492aff33a06d4",
		out, sizeof(out));
	is_mem(kwk.key, kwk.len, out, n, "GSK_w, SHA2-256, KW_5649_256");

	n = hex(gsa_hex, in, sizeof(in));
	m = hex(gw_hex, in + n, sizeof(in) - n);
	rbuf_init(&r, in, n + m);
	ok(!gsa_parse(&r, &gsa), "GSA with an ESP and a GW policy is read");
	ok(gsa.n_data == 1 && !gsa.has_rekey && gsa.gw.present, "both there");
	ok(gsa.data[0].encr == 20 && gsa.data[0].key_bits == 256 &&
		   gsa.data[0].sn == 2 && gsa.data[0].lifetime == 3600,
	   "the policy of the first SA has its values");
	ok(gsa.gw.atd == 5 && gsa.gw.dtd == 10 && gsa.gw.sender_id_bits == 8,
	   "GW values");
	ok(ts_is_any_addr(&gsa.data[0].src) && ts_is_one_addr(&gsa.data[0].dst),
	   "the selectors of the first SA are read");
	only_gw(&gsa, GWP_HAS_ATD | GWP_HAS_DTD | GWP_HAS_SENDER_ID_BITS);
	gsa.gw.atd = 5;
	gsa.gw.dtd = 10;
	gsa.gw.sender_id_bits = 8;
	is_mem(back, gsa_octets(&gsa, back, sizeof(back)), in, n + m,
	       "GSA is written to equal octets");

	n = hex(bag_hex, in, sizeof(in));
	rbuf_init(&r, in, n);
	ok(!kd_parse(&r, &kd), "key bag is read");
	ok(kd.n_bags == 1 && kd.bags[0].n == 1, "one SA_KEY");
	ok(!kwk_unwrap(&kwk, &kd.bags[0].keys[0], keymat, 36),
	   "the wrapped key of the SA opens");
	for (int i = 0; i < 36; i++)
		out[i] = 0xa0 + i;
	is_mem(keymat, 36, out, 36, "KEYMAT");
	is_int(kwk_unwrap(&kwk, &kd.bags[0].keys[0], keymat, 35), -EBADMSG,
	       "a wrapped key does not open with another length");
	is_int(kwk_unwrap(&kwk, &kd.bags[0].keys[0], keymat, 20), -EBADMSG,
	       "a wrapped key does not open as that of another cipher");
	kd.bags[0].keys[0].enc[9] ^= 1;
	is_int(kwk_unwrap(&kwk, &kd.bags[0].keys[0], keymat, 36), -EBADMSG,
	       "a wrapped key does not open when it was altered");
	kd.bags[0].keys[0].enc[9] ^= 1;
	wbuf_init(&w, 4096);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	kd_build(&c, &kd);
	is_mem(w.p + 4, w.len - 4, in, n, "key bag written to equal octets");
	wbuf_free(&w);
	kd_free(&kd);
}

/* UDP port 9 to ff0e::/32 by ChaCha20-Poly1305, and an announced SPI. */
static const char gsa6_hex[] =
	"03040078 00010002"
	"08110028 0000ffff 00000000 00000000 00000000 00000000"
	"ffffffff ffffffff ffffffff ffffffff"
	"08110028 00090009 ff0e0000 00000000 00000000 00000000"
	"ff0e0000 ffffffff ffffffff ffffffff"
	"03000008 0100001c 00000008 05000002"
	"00010004 00000e10 00030004 00020002";

/* Two Data SAs that have nothing in common, and their key bags. */
static void several(void)
{
	struct selector sel, want = { .proto = 17, .dport = 9 };
	uint8_t in[512], back[512];
	struct gsa gsa;
	struct err err = {};
	struct kwk kwk;
	struct rbuf r;
	struct kd kd;
	size_t n;

	prefix_parse("ff0e::/32", &want.dst, &want.dst_len);
	n = hex(gsa_hex, in, sizeof(in));
	n += hex(gsa6_hex, in + n, sizeof(in) - n);
	rbuf_init(&r, in, n);
	is_int(gsa_parse(&r, &gsa), 0, "a GSA with two Data SAs is read");
	is_int(gsa.n_data, 2, "both are there");
	is_int(gsa.data[0].encr, IKE_ENCR_AES_GCM_16, "the first has AES");
	is_int(gsa.data[1].encr, IKE_ENCR_CHACHA20_POLY1305,
	       "the second has ChaCha20");
	ok(!ts_to_selector(&gsa.data[1].src, &gsa.data[1].dst, &sel) &&
		   selector_equal(&sel, &want),
	   "the second has its traffic selectors");
	ok(gsa.data[1].n_next_spi == 1 && !gsa.data[0].n_next_spi,
	   "the announced SPI is the second's");
	is_mem(back, gsa_octets(&gsa, back, sizeof(back)), in, n,
	       "both are written to equal octets");

	wrap_key_of_sk_d(&kwk, 5, GIKE_KWA_5649_256, 32);
	kd_init(&kd);
	add_key(&kd, &gsa.data[0], &kwk, 0);
	is_int(gsa_check(&gsa, &kd, GC_REKEY, false, &err), -EBADMSG,
	       "a key for one of two is too few");
	is_str(err.text, "1 key bags for 2 policies", "the reason");
	add_key(&kd, &gsa.data[1], &kwk, 0);
	is_int(gsa_check(&gsa, &kd, GC_REKEY, false, &err), 0,
	       "a key for each is what a rekey has");
	gsa.data[1].n_next_spi = 0;
	is_int(gsa_check(&gsa, &kd, GC_INBAND, false, &err), 0,
	       "the same inband");
	memcpy(gsa.data[1].spi, gsa.data[0].spi, sizeof(gsa.data[1].spi));
	is_int(gsa_check(&gsa, &kd, GC_REKEY, false, &err), -EBADMSG,
	       "one SPI for two is refused");
	is_str(err.text, "two Data SAs with one SPI", "the reason");
	kd_free(&kd);
}

static void most_data(void)
{
	struct gsa gsa = { 0 }, back;
	uint8_t in[1024];
	struct rbuf r;
	size_t n;

	for (; gsa.n_data < GSA_MAX_DATA; gsa.n_data++)
		data_sa(&gsa.data[gsa.n_data]);
	n = gsa_octets(&gsa, in, sizeof(in) - 68);
	rbuf_init(&r, in, n);
	is_int(gsa_parse(&r, &back), 0, "eight Data SAs are read");
	is_int(back.n_data, GSA_MAX_DATA, "all of them");
	memcpy(in + n, in, 68);
	rbuf_init(&r, in, n + 68);
	is_int(gsa_parse(&r, &back), -E2BIG, "nine are too many");
}

/* Time of a message: a private attribute of the GW policy. */
static void test_made(void)
{
	struct gsa gsa, back;
	uint8_t in[256];
	struct rbuf r;
	size_t n;

	only_gw(&gsa, GWP_HAS_ATD | GWP_HAS_MADE);
	gsa.gw.atd = 5;
	gsa.gw.made_ms = 0x0123456789abcdef;
	gsa.gw.beat = 15;
	n = gsa_octets(&gsa, in, sizeof(in));
	rbuf_init(&r, in, n);
	ok(!gsa_parse(&r, &back) && back.gw.has == gsa.gw.has &&
		   back.gw.made_ms == gsa.gw.made_ms && back.gw.beat == 15 &&
		   !back.unknown,
	   "the time of making is written and read");
	/* One octet is missing in the attribute and in its container. */
	in[n - 11]--;
	in[n - 15 - 4]--;
	rbuf_init(&r, in, n - 1);
	ok(gsa_parse(&r, &back),
	   "a time of making of another length is malformed");
	in[n - 11]++;
	in[n - 15 - 4]++;
	in[n - 14] ^= 2;
	rbuf_init(&r, in, n);
	ok(!gsa_parse(&r, &back) && !(back.gw.has & GWP_HAS_MADE),
	   "another private attribute says nothing");
}

/* Lifetime of a membership: another private attribute. */
static void test_term(void)
{
	struct gsa gsa, back;
	uint8_t in[256];
	struct rbuf r;
	size_t n;

	only_gw(&gsa, GWP_HAS_ATD | GWP_HAS_TERM);
	gsa.gw.term = 604800;
	n = gsa_octets(&gsa, in, sizeof(in));
	rbuf_init(&r, in, n);
	ok(!gsa_parse(&r, &back) && back.gw.has == gsa.gw.has &&
		   back.gw.term == 604800 && !back.unknown,
	   "the end of a membership is written and read");
	/* The attribute is repeated, and both outer lengths grow by 8. */
	memcpy(in + n, in + n - 8, 8);
	in[n - 13] += 8;
	rbuf_init(&r, in, n + 8);
	ok(gsa_parse(&r, &back), "twice it is malformed");
	in[n - 13] -= 8;
	in[n - 5]--;
	in[n - 13]--;
	rbuf_init(&r, in, n - 1);
	ok(gsa_parse(&r, &back),
	   "an end of a membership of another length is malformed");
}

/* When a sender begins that has a dead Data SA: a private attribute, 6 octets for each. */
static void test_dead(void)
{
	/* One of a value, which older key servers send. */
	static const uint8_t former[] = { 0xc3, 0x53, 0, 0 };
	static const struct gsa_dead dead[] = { { 0xa1b2c3d4, 2 },
						{ 0xa1b2c3d5, 0 } };
	struct gsa gsa, back;
	uint8_t in[256];
	struct rbuf r;
	size_t n;

	only_gw(&gsa, GWP_HAS_ATD);
	gsa.gw.atd = 5;
	gsa.gw.n_dead = 2;
	memcpy(gsa.gw.dead, dead, sizeof(dead));
	n = gsa_octets(&gsa, in, sizeof(in));
	rbuf_init(&r, in, n);
	ok(!gsa_parse(&r, &back) && back.gw.has == gsa.gw.has &&
		   back.gw.atd == 5 && back.gw.n_dead == 2 &&
		   back.gw.dead[0].spi == dead[0].spi &&
		   back.gw.dead[0].seconds == 2 &&
		   back.gw.dead[1].spi == dead[1].spi &&
		   back.gw.dead[1].seconds == 0 && !back.unknown,
	   "dead Data SAs and seconds are written and read");
	/* The policy ends with the attribute, and is 24 octets long. */
	memcpy(in + n, former, sizeof(former));
	in[n - 21] += sizeof(former);
	rbuf_init(&r, in, n + sizeof(former));
	ok(!gsa_parse(&r, &back) && back.gw.has == gsa.gw.has &&
		   back.gw.n_dead == 2 && !back.gw.opaque.n && !back.unknown,
	   "seconds without a Data SA are ignored");
	memcpy(in + n, in + n - 16, 16);
	in[n - 21] += 16 - sizeof(former);
	rbuf_init(&r, in, n + 16);
	ok(gsa_parse(&r, &back), "dead Data SAs twice are malformed");
	in[n - 21] -= 17;
	in[n - 13]--;
	rbuf_init(&r, in, n - 1);
	ok(gsa_parse(&r, &back), "a dead Data SA of 5 octets is malformed");
	in[n - 21] -= 11;
	in[n - 13] -= 11;
	rbuf_init(&r, in, n - 12);
	ok(gsa_parse(&r, &back), "no dead Data SA is malformed");
}

/* A well-formed payload survives writing and parsing, and no prefix does. */
static void truncation(void)
{
	struct gsa gsa, back;
	unsigned int taken = 0;
	struct kd kd, kd2;
	struct pchain c;
	struct wbuf w;
	struct rbuf r;

	good(&gsa, &kd);
	gsa.rekey.n_next_spi = 2;
	gsa.rekey.has |= GSA_HAS_INITIAL_MID;
	gsa.rekey.initial_mid = 77;
	wbuf_init(&w, 65535);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	gsa_build(&c, &gsa);
	rbuf_init(&r, w.p + 4, w.len - 4);
	ok(!gsa_parse(&r, &back), "GSA read back");
	is_mem(&back.rekey, sizeof(back.rekey), &gsa.rekey, sizeof(gsa.rekey),
	       "Rekey SA policy is the same");
	is_mem(&back.data, sizeof(back.data), &gsa.data, sizeof(gsa.data),
	       "Data SA policy is the same");
	for (size_t n = 0; n < w.len - 4; n++) {
		uint8_t *copy = malloc(n ? n : 1);

		memcpy(copy, w.p + 4, n);
		rbuf_init(&r, copy, n);
		taken += !gsa_parse(&r, &back);
		free(copy);
	}
	/*
	 * Complete leading substructures are a valid GSA, which allows two
	 * cuts.
	 */
	is_int(taken, 2, "cut GSAs are refused but where a policy ends");
	wbuf_free(&w);

	wbuf_init(&w, 65535);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	kd_build(&c, &kd);
	taken = 0;
	for (size_t n = 1; n < w.len - 4; n++) {
		uint8_t *copy = malloc(n);

		memcpy(copy, w.p + 4, n);
		rbuf_init(&r, copy, n);
		if (!kd_parse(&r, &kd2)) {
			taken++;
			kd_free(&kd2);
		}
		free(copy);
	}
	is_int(taken, 2, "cut KDs are refused but where a bag ends");
	wbuf_free(&w);
	kd_free(&kd);
}

static void caps(void)
{
	struct kd_key key = { .key_id = 1, .len = 24 };
	struct kd_bag *bag;
	uint8_t spi[4] = { 0 };
	unsigned int n;
	struct kd kd;

	kd_init(&kd);
	for (n = 0; !kd_wrap_add(&kd, &key); n++)
		;
	is_int(n, KD_MAX_WRAP_KEYS, "WRAP_KEYs stop at the cap");
	for (n = 0; spi[0] = n, !kd_bag(&kd, IKE_PROTO_ESP, spi, &bag); n++)
		;
	is_int(n, KD_MAX_BAGS, "bags stop at the cap");
	for (n = 0; !kd_bag_add(&kd.bags[0], &key); n++)
		;
	is_int(n, KD_MAX_SA_KEYS, "SA_KEYs stop at the cap");
	for (n = 0; !kd_add_sender_id(&kd, n); n++)
		;
	is_int(n, KD_MAX_SENDER_IDS, "Sender-IDs stop at the cap");
	kd_free(&kd);
	ok(!kd.wrap && !kd.n_bags, "kd_free() leaves an empty KD");
}

static void sag(void)
{
	static struct sa_pld sag;
	struct proposal *p;
	struct gsa gsa;
	struct err err;
	struct kd kd;

	good(&gsa, &kd);
	sag = *sag_default();
	ok(sag_covers(&sag, &gsa, &err), "SAg covers the policy");
	gsa.rekey.kwa = GIKE_KWA_5649_192;
	ok(!sag_covers(&sag, &gsa, &err), "SAg does not cover another KWA");
	is_str(err.text, "member lacks KWA for the GIKE_UPDATE SA",
	       "the lacking transform is named");
	gsa.rekey.kwa = GIKE_KWA_5649_128;
	/* ESP and Rekey SA from proposals with different numbers. */
	sag.p[1].num = 2;
	ok(!sag_covers(&sag, &gsa, &err), "proposal numbers go together");
	p = proposal_add(&sag, 2, GIKE_PROTO_GIKE_UPDATE);
	*p = sag.p[0];
	p->num = 2;
	ok(sag_covers(&sag, &gsa, &err), "now they do");
	sag.n = 0;
	ok(!sag_covers(&sag, &gsa, &err), "empty SAg covers none");
	kd_free(&kd);
}

int main(void)
{
	RUN(test_made);
	RUN(test_term);
	RUN(test_dead);
	RUN(vectors);
	RUN(several);
	RUN(most_data);
	RUN(truncation);
	RUN(caps);
	RUN(sag);
	return done();
}
