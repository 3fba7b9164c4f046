// SPDX-License-Identifier: Apache-2.0
/* The tables of RFC 9838 section 5, and SAg: refusals and their messages. */
#include <errno.h>

#include "gsa_good.h"
#include "tap.h"
#include "lib/util.h"

/* Change the GSA to one for GSA_REKEY. */
static void to_rekey(struct gsa *gsa, struct kd *kd)
{
	gsa->rekey.has &= ~GSA_HAS_GCAUTH;
	gsa->gw.has &= ~GWP_HAS_SENDER_ID_BITS;
	kd->n_sender_ids = 0;
	kd->auth_key_len = 0;
}

static void to_inband(struct gsa *gsa, struct kd *kd)
{
	gsa->has_rekey = false;
	free(kd->bags[0].keys);
	kd->bags[0] = kd->bags[1];
	kd->n_bags = 1;
	kd->auth_key_len = 0;
}

static const struct rule_case {
	const char *name;
	enum gcarrier where;
	bool sender;
	int want;
	int change;
} cases[] = {
	{ "registration of a sender", GC_REGISTRATION, true, 0, 0 },
	{ "registration of a receiver with Sender-ID", GC_REGISTRATION, false,
	  -EBADMSG, 0 },
	{ "sender without GWP_SENDER_ID_BITS", GC_REGISTRATION, true, -EBADMSG,
	  1 },
	{ "sender without GM_SENDER_ID", GC_REGISTRATION, true, -EBADMSG, 2 },
	{ "Sender-ID that does not fit", GC_REGISTRATION, true, -EBADMSG, 3 },
	{ "no GSA_KEY_LIFETIME", GC_REGISTRATION, true, -EBADMSG, 4 },
	{ "lifetime 0", GC_REGISTRATION, true, -EBADMSG, 5 },
	{ "no AUTH_KEY with a signature", GC_REGISTRATION, true, -EBADMSG, 6 },
	{ "AUTH_KEY with Implicit", GC_REGISTRATION, true, -EBADMSG, 7 },
	{ "Implicit", GC_REGISTRATION, true, 0, 8 },
	{ "Implicit with a signature algorithm", GC_REGISTRATION, true,
	  -EBADMSG, 9 },
	{ "64-bit sequence numbers", GC_REGISTRATION, true, -EBADMSG, 10 },
	{ "implicit IV", GC_REGISTRATION, true, -ENOTSUP, 11 },
	{ "SPI 0", GC_REGISTRATION, true, -EBADMSG, 12 },
	{ "Rekey SA to a unicast address", GC_REGISTRATION, true, -EBADMSG,
	  13 },
	{ "Rekey SA to two ports", GC_REGISTRATION, true, -EBADMSG, 14 },
	{ "no SA_KEY for the Data SA", GC_REGISTRATION, true, -EBADMSG, 15 },
	{ "two SA_KEYs at registration", GC_REGISTRATION, true, -EBADMSG, 16 },
	{ "Data SA_KEY under a tree key", GC_REGISTRATION, true, -EBADMSG, 17 },
	{ "SA_KEY with a Key ID", GC_REGISTRATION, true, -EBADMSG, 18 },
	{ "Rekey SA without KWA", GC_REGISTRATION, true, -EBADMSG, 19 },
	{ "Rekey SA without GCAUTH", GC_REGISTRATION, true, -EBADMSG, 20 },
	{ "initial Message ID in the Data SA", GC_REGISTRATION, true, -EBADMSG,
	  21 },
	{ "INTEG next to an AEAD", GC_REGISTRATION, true, -EBADMSG, 22 },
	{ "INTEG NONE", GC_REGISTRATION, true, 0, 23 },
	{ "unknown attribute", GC_REGISTRATION, true, -ENOTSUP, 24 },
	{ "registration data in GSA_REKEY", GC_REKEY, false, -EBADMSG, 0 },
	{ "GSA_REKEY", GC_REKEY, false, 0, 30 },
	{ "GSA_REKEY with a new AUTH_KEY", GC_REKEY, false, 0, 31 },
	{ "GSA_REKEY with two Rekey SA_KEYs", GC_REKEY, false, 0, 32 },
	{ "GSA_REKEY with GCAUTH", GC_REKEY, false, -EBADMSG, 33 },
	{ "GSA_REKEY with GM_SENDER_ID", GC_REKEY, false, -EBADMSG, 34 },
	{ "GSA_REKEY with GWP_SENDER_ID_BITS", GC_REKEY, false, -EBADMSG, 35 },
	{ "GSA_REKEY with two Data SA_KEYs", GC_REKEY, false, -EBADMSG, 36 },
	{ "inband registration", GC_REGISTRATION, true, 0, 40 },
	{ "inband with WRAP_KEY", GC_REGISTRATION, true, -EBADMSG, 41 },
	{ "inband with NEXT_SPI", GC_REGISTRATION, true, -EBADMSG, 42 },
	{ "Rekey SA inband", GC_INBAND, false, -EBADMSG, 30 },
	{ "key bag without a policy", GC_REGISTRATION, true, -EBADMSG, 43 },
};

static void apply(int change, struct gsa *g, struct kd *kd)
{
	struct kd_key wrap = { .key_id = 5, .kwk_id = 0, .len = 24 };
	struct addr a;

	if (change >= 30 && change < 40)
		to_rekey(g, kd);
	if (change >= 40 && change < 43)
		to_inband(g, kd);
	switch (change) {
	case 1:
		g->gw.has &= ~GWP_HAS_SENDER_ID_BITS;
		break;
	case 2:
		kd->n_sender_ids = 0;
		break;
	case 3:
		kd->sender_ids[0] = 65536;
		break;
	case 4:
		g->data[0].has &= ~GSA_HAS_LIFETIME;
		break;
	case 5:
		g->rekey.lifetime = 0;
		break;
	case 6:
		kd->auth_key_len = 0;
		break;
	case 7:
	case 8:
		g->rekey.gcauth = GIKE_GCAUTH_IMPLICIT;
		g->rekey.sigalg_len = 0;
		if (change == 8)
			kd->auth_key_len = 0;
		break;
	case 9:
		g->rekey.gcauth = GIKE_GCAUTH_IMPLICIT;
		kd->auth_key_len = 0;
		break;
	case 10:
		g->data[0].sn = GIKE_SN_64_PARTIAL;
		break;
	case 11:
		g->data[0].encr = IKE_ENCR_AES_GCM_16_IIV;
		break;
	case 12:
		memset(g->rekey.spi, 0, 16);
		memset(kd->bags[0].spi, 0, 16);
		break;
	case 13:
		addr_parse("192.0.2.1", &a);
		ts_set(&g->rekey.dst, &a, AF_INET, 17, 848);
		break;
	case 14:
		g->rekey.dst.port_hi = 849;
		break;
	case 15:
		kd->bags[1].n = 0;
		break;
	case 16:
	case 32:
		kd_bag_add(&kd->bags[0], &kd->bags[0].keys[0]);
		break;
	case 17:
		kd->bags[1].keys[0].kwk_id = 7;
		break;
	case 18:
		kd->bags[1].keys[0].key_id = 7;
		break;
	case 19:
		g->rekey.has &= ~GSA_HAS_KWA;
		break;
	case 20:
		g->rekey.has &= ~GSA_HAS_GCAUTH;
		break;
	case 21:
		g->data[0].has |= GSA_HAS_INITIAL_MID;
		break;
	case 22:
	case 23:
		g->data[0].has |= GSA_HAS_INTEG;
		g->data[0].integ = change == 22 ? 12 : 0;
		break;
	case 24:
		g->data[0].unknown = true;
		break;
	case 31:
		kd->auth_key_len = 44;
		break;
	case 33:
		g->rekey.has |= GSA_HAS_GCAUTH;
		break;
	case 34:
		kd->n_sender_ids = 1;
		break;
	case 35:
		g->gw.has |= GWP_HAS_SENDER_ID_BITS;
		break;
	case 36:
		kd_bag_add(&kd->bags[1], &kd->bags[1].keys[0]);
		break;
	case 41:
		kd_wrap_add(kd, &wrap);
		break;
	case 42:
		g->data[0].n_next_spi = 1;
		break;
	case 43:
		g->n_data = 0;
		kd->n_sender_ids = 0;
		g->gw.has = 0;
		break;
	}
}

static void presence(void)
{
	struct err err;
	struct gsa gsa;
	struct kd kd;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct rule_case *c = &cases[i];

		good(&gsa, &kd);
		apply(c->change, &gsa, &kd);
		if (!is_int(gsa_check(&gsa, &kd, c->where, c->sender, &err),
			    c->want, "%s: %s", c->name,
			    c->want ? "refused" : "fine"))
			diag("%s", err.text);
		if (c->want && !err.text[0])
			ok(false, "%s: no reason given", c->name);
		kd_free(&kd);
	}
}

/*
 * Each refusal has a message of its own, since another check might
 * refuse too.
 */
static const struct word_case {
	enum gcarrier where;
	const char *says; /* NULL: it is taken */
} worded[] = {
	{ GC_REGISTRATION, "Rekey SA without ENCR" },
	{ GC_REGISTRATION, "Rekey SA with SN" },
	{ GC_REGISTRATION, "Rekey SA with ENCR 20/192, KWA 1" },
	{ GC_REGISTRATION, "Rekey SA with INTEG" },
	{ GC_REGISTRATION, NULL },
	{ GC_REGISTRATION, "GCAUTH 7" },
	{ GC_REGISTRATION, "Data SA of protocol" },
	{ GC_REGISTRATION, "ESP SA without ENCR" },
	{ GC_REGISTRATION, "ESP SA without SN" },
	{ GC_REGISTRATION, "ESP SA with KWA" },
	{ GC_REGISTRATION, "ESP SA with KWA" },
	{ GC_REGISTRATION, NULL },
	{ GC_REGISTRATION, "SN 7" },
	{ GC_REGISTRATION, "ESP SA with ENCR 20/192" },
	{ GC_REGISTRATION, "INITIAL_MESSAGE_ID inband" },
	{ GC_REGISTRATION, NULL },
	{ GC_REGISTRATION, "ESP SA with selectors of two families" },
	{ GC_REGISTRATION, "not UDP" },
	{ GC_REGISTRATION, "not UDP" },
	{ GC_REGISTRATION, NULL },
	{ GC_REGISTRATION, "SA_KEY of 31 octets" },
	{ GC_REGISTRATION, "Sender-IDs of 0 bits" },
	{ GC_REGISTRATION, "Sender-IDs of 33 bits" },
	{ GC_REGISTRATION, NULL },
	{ GC_REGISTRATION, "Key ID 0" },
	{ GC_REGISTRATION, NULL },
	{ GC_REGISTRATION, "AUTH_KEY inband" },
	{ GC_REGISTRATION, "not one port" },
	{ GC_REGISTRATION, "not one port" },
	{ GC_REGISTRATION, "2 key bags for 3 policies" },
};

static void reword(size_t i, struct gsa *g, struct kd *kd)
{
	struct kd_key wrap = { .key_id = 0, .kwk_id = 7, .len = 24 };
	struct gsa_sa *rekey = &g->rekey, *data = &g->data[0];
	struct addr six;

	addr_parse("ff3e::1", &six);
	if (i == 14 || i == 26)
		to_inband(g, kd);
	switch (i) {
	case 0:
		rekey->has &= ~GSA_HAS_ENCR;
		break;
	case 1:
		rekey->has |= GSA_HAS_SN;
		break;
	case 2:
		rekey->key_bits = 192;
		break;
	case 3:
		rekey->has |= GSA_HAS_INTEG;
		rekey->integ = 12;
		break;
	case 4: /* INTEG NONE */
		rekey->has |= GSA_HAS_INTEG;
		break;
	case 5:
		rekey->gcauth = 7;
		break;
	case 6:
		data->proto = IKE_PROTO_AH;
		break;
	case 7:
		data->has &= ~GSA_HAS_ENCR;
		break;
	case 8:
		data->has &= ~GSA_HAS_SN;
		break;
	case 9:
		data->has |= GSA_HAS_KWA;
		break;
	case 10:
		data->has |= GSA_HAS_GCAUTH;
		break;
	case 11:
		data->sn = GIKE_SN_32_SEQ;
		break;
	case 12:
		data->sn = 7;
		break;
	case 13:
		data->key_bits = 192;
		break;
	case 14:
		data->has |= GSA_HAS_INITIAL_MID;
		break;
	case 15:
		rekey->has |= GSA_HAS_INITIAL_MID;
		break;
	case 16:
		ts_set(&data->dst, &six, AF_INET6, 0, 0);
		break;
	case 17:
		rekey->dst.ip_proto = 6;
		break;
	case 18:
		rekey->src.ip_proto = 6;
		break;
	case 19: /* any protocol is UDP, too */
		rekey->src.ip_proto = 0;
		rekey->dst.ip_proto = 0;
		break;
	case 20:
		kd->bags[0].keys[0].len = 31;
		break;
	case 21:
		g->gw.sender_id_bits = 0;
		break;
	case 22:
		g->gw.sender_id_bits = 33;
		break;
	case 23:
		g->gw.sender_id_bits = 32;
		kd->sender_ids[0] = UINT32_MAX;
		break;
	case 24:
		kd_wrap_add(kd, &wrap);
		break;
	case 25:
		wrap.key_id = 5;
		kd_wrap_add(kd, &wrap);
		break;
	case 26:
		kd->auth_key_len = 44;
		break;
	case 27:
		rekey->dst.port_lo = 0;
		rekey->dst.port_hi = 0;
		break;
	case 28:
		rekey->dst.port_lo = 0;
		break;
	case 29:
		g->n_data = 2;
		g->data[1] = g->data[0];
		g->data[1].spi[3]++;
		break;
	}
}

static void words(void)
{
	struct err err;
	struct gsa gsa;
	struct kd kd;
	size_t i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(worded); i++) {
		const char *says = worded[i].says;

		good(&gsa, &kd);
		reword(i, &gsa, &kd);
		ret = gsa_check(&gsa, &kd, worded[i].where, i != 11, &err);
		if (i == 11) /* plain sequence numbers need no Sender-IDs */
			ok(ret == -EBADMSG &&
				   strstr(err.text, "GWP_SENDER_ID_BITS"),
			   "case 11: Sender-IDs of no use: %s", err.text);
		else if (says)
			ok(ret && strstr(err.text, says), "case %zu: %s", i,
			   err.text);
		else
			is_int(ret, 0, "case %zu is taken: %s", i, err.text);
		kd_free(&kd);
	}
}

/* Return the transform that a proposal lacks, by its name. */
static void lacking(void)
{
	static const char *const want[] = {
		"ENCR for the", "ENCR for the", "INTEG", "SN", "GCAUTH", "KWA",
	};
	struct sa_pld sag;
	struct err err;
	struct gsa gsa;
	struct kd kd;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		good(&gsa, &kd);
		sag = *sag_default();
		if (!i)
			ok(sag_covers(&sag, &gsa, &err),
			   "SAg of a member that asks for a group covers the group");
		switch (i) {
		case 0:
			gsa.data[0].encr = IKE_ENCR_AES_GCM_16_IIV;
			break;
		case 1:
			gsa.rekey.key_bits = 192;
			break;
		case 2:
			gsa.data[0].has |= GSA_HAS_INTEG;
			gsa.data[0].integ = 0;
			ok(sag_covers(&sag, &gsa, &err),
			   "INTEG NONE is nothing to lack");
			gsa.data[0].integ = 12;
			break;
		case 3:
			gsa.data[0].sn = GIKE_SN_64_PARTIAL;
			break;
		case 4:
			gsa.rekey.gcauth = GIKE_GCAUTH_IMPLICIT;
			break;
		case 5:
			gsa.rekey.kwa = 77;
			break;
		}
		ok(!sag_covers(&sag, &gsa, &err) && strstr(err.text, want[i]),
		   "lacking %s: %s", want[i], err.text);
		kd_free(&kd);
	}
}

int main(void)
{
	RUN(presence);
	RUN(words);
	RUN(lacking);
	return done();
}
