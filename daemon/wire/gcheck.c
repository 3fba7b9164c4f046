// SPDX-License-Identifier: Apache-2.0
/*
 * Presence rules: the tables of RFC 9838 sections 4.4.2.1 and 5, applied to
 * what is received and to what is about to be sent; and SAg against a policy.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "crypto/wrap.h"
#include "wire/gpayload.h"

struct check {
	const struct gsa *gsa;
	const struct kd *kd;
	enum gcarrier where;
	bool inband;
	bool sender;
	struct err *err;
};

#define BAD(c, ...) err_set((c)->err, -EBADMSG, __VA_ARGS__)
#define UNKNOWN(c, ...) err_set((c)->err, -ENOTSUP, __VA_ARGS__)

static bool is_zero(const uint8_t *p, size_t len)
{
	while (len--)
		if (*p++)
			return false;
	return true;
}

/* ---- transforms, 4.4.2.1 ------------------------------------------------ */

static int check_rekey_transforms(const struct check *c,
				  const struct gsa_sa *sa)
{
	bool reg = c->where == GC_REGISTRATION;
	bool digsig;

	if (!(sa->has & GSA_HAS_ENCR))
		return BAD(c, "Rekey SA without ENCR");
	if (!(sa->has & GSA_HAS_KWA))
		return BAD(c, "Rekey SA without KWA");
	if (sa->has & GSA_HAS_SN)
		return BAD(c, "Rekey SA with SN");
	if (gsa_keymat_len(sa) < 0)
		return UNKNOWN(c, "Rekey SA with ENCR %u/%u, KWA %u", sa->encr,
			       sa->key_bits, sa->kwa);
	/* Only AEADs are supported, with which INTEG is NONE or absent. */
	if ((sa->has & GSA_HAS_INTEG) && sa->integ)
		return BAD(c, "Rekey SA with INTEG next to an AEAD");
	if (reg != !!(sa->has & GSA_HAS_GCAUTH))
		return BAD(c, reg ? "Rekey SA without GCAUTH"
				  : "GCAUTH outside of a registration");
	if (!reg)
		return 0;
	if (sa->gcauth != GIKE_GCAUTH_IMPLICIT &&
	    sa->gcauth != GIKE_GCAUTH_DIGSIG)
		return UNKNOWN(c, "GCAUTH %u", sa->gcauth);
	digsig = sa->gcauth == GIKE_GCAUTH_DIGSIG;
	if (digsig != !!sa->sigalg_len)
		return BAD(c, "GCAUTH %u %s Signature Algorithm Identifier",
			   sa->gcauth, sa->sigalg_len ? "with" : "without");
	return 0;
}

static int check_data_transforms(const struct check *c, const struct gsa_sa *sa)
{
	if (sa->proto != IKE_PROTO_ESP)
		return UNKNOWN(c, "Data SA of protocol %s",
			       ike_protoid_name(sa->proto));
	if (!(sa->has & GSA_HAS_ENCR))
		return BAD(c, "ESP SA without ENCR");
	if (!(sa->has & GSA_HAS_SN))
		return BAD(c, "ESP SA without SN");
	if (sa->has & (GSA_HAS_KWA | GSA_HAS_GCAUTH))
		return BAD(c, "ESP SA with KWA or GCAUTH");
	if (sa->sn == GIKE_SN_64_PARTIAL)
		return BAD(c, "ESP SA with 64-bit sequence numbers");
	if (sa->sn != GIKE_SN_32_SEQ && sa->sn != GIKE_SN_32_UNSPEC)
		return UNKNOWN(c, "SN %u", sa->sn);
	if (gsa_keymat_len(sa) < 0)
		return UNKNOWN(c, "ESP SA with ENCR %u/%u", sa->encr,
			       sa->key_bits);
	if ((sa->has & GSA_HAS_INTEG) && sa->integ)
		return BAD(c, "ESP SA with INTEG next to an AEAD");
	return 0;
}

/* ---- attributes, 5 ------------------------------------------------------ */

static int check_attrs(const struct check *c, const struct gsa_sa *sa)
{
	const char *name = ike_protoid_name(sa->proto);

	if (!c->inband && !(sa->has & GSA_HAS_LIFETIME))
		return BAD(c, "%s SA without GSA_KEY_LIFETIME", name);
	if ((sa->has & GSA_HAS_LIFETIME) && !sa->lifetime)
		return BAD(c, "%s SA with a lifetime of 0", name);
	if (sa->has & GSA_HAS_INITIAL_MID) {
		if (c->inband)
			return BAD(c, "GSA_INITIAL_MESSAGE_ID inband");
		if (sa->proto != GIKE_PROTO_GIKE_UPDATE)
			return BAD(c, "GSA_INITIAL_MESSAGE_ID in a Data SA");
	}
	if (sa->n_next_spi && c->inband)
		return BAD(c, "GSA_NEXT_SPI inband");
	if (sa->unknown)
		return UNKNOWN(c,
			       "%s SA with a transform or attribute that is not known",
			       name);
	if (is_zero(sa->spi, sa->spi_len))
		return BAD(c, "%s SA with SPI 0", name);
	if (sa->src.lo.family != sa->dst.lo.family)
		return BAD(c, "%s SA with selectors of two families", name);
	return 0;
}

static int check_rekey_selectors(const struct check *c, const struct gsa_sa *sa)
{
	const struct ts *d = &sa->dst;

	if (!ts_is_one_addr(d) || !addr_is_multicast(&d->lo))
		return BAD(c,
			   "Rekey SA whose destination is not one multicast address");
	if (!d->port_lo || d->port_lo != d->port_hi)
		return BAD(c, "Rekey SA whose destination is not one port");
	if ((d->ip_proto && d->ip_proto != IPPROTO_UDP) ||
	    (sa->src.ip_proto && sa->src.ip_proto != IPPROTO_UDP))
		return BAD(c, "Rekey SA that is not UDP");
	return 0;
}

static int check_policies(const struct check *c)
{
	const struct gsa *gsa = c->gsa;
	int ret;

	if (!gsa->has_rekey && !gsa->n_data && !gsa->unknown)
		return BAD(c, "GSA without an SA policy");
	if (gsa->unknown)
		return UNKNOWN(c, "GSA with a policy that is not known");
	if (gsa->has_rekey && gsa->rekey.proto != GIKE_PROTO_GIKE_UPDATE)
		return BAD(c, "Rekey SA of protocol %u", gsa->rekey.proto);
	if (c->where == GC_INBAND && gsa->has_rekey)
		return BAD(c, "Rekey SA inband");
	if (gsa->has_rekey) {
		ret = check_rekey_transforms(c, &gsa->rekey);
		if (!ret)
			ret = check_attrs(c, &gsa->rekey);
		if (!ret)
			ret = check_rekey_selectors(c, &gsa->rekey);
		if (ret)
			return ret;
	}
	for (unsigned int i = 0; i < gsa->n_data; i++) {
		ret = check_data_transforms(c, &gsa->data[i]);
		if (!ret)
			ret = check_attrs(c, &gsa->data[i]);
		if (ret)
			return ret;
		for (unsigned int k = 0; k < i; k++)
			if (!memcmp(gsa->data[i].spi, gsa->data[k].spi,
				    GIKE_SPI_LEN_DATA))
				return BAD(c, "two Data SAs with one SPI");
	}
	return 0;
}

/* ---- key bags against policies ------------------------------------------ */

static int check_bag(const struct check *c, const struct gsa_sa *sa)
{
	const struct kd_bag *bag = kd_find(c->kd, sa->proto, sa->spi);
	const char *name = ike_protoid_name(sa->proto);
	bool data = sa->proto != GIKE_PROTO_GIKE_UPDATE;
	size_t len = wrap_len(gsa_keymat_len(sa));

	if (!bag || !bag->n)
		return BAD(c, "%s SA without SA_KEY", name);
	if (bag->n > 1 && (data || c->where != GC_REKEY))
		return BAD(c, "%s SA with %u SA_KEYs", name, bag->n);
	for (unsigned int i = 0; i < bag->n; i++) {
		if (bag->keys[i].key_id)
			return BAD(c, "SA_KEY with a Key ID");
		if (data && bag->keys[i].kwk_id)
			return BAD(c, "SA_KEY of a Data SA with a KWK ID");
		if (bag->keys[i].len != len)
			return BAD(c, "SA_KEY of %u octets, %zu fit the %s SA",
				   bag->keys[i].len, len, name);
	}
	return 0;
}

static bool any_counter(const struct gsa *gsa)
{
	for (unsigned int i = 0; i < gsa->n_data; i++)
		if (gsa_is_counter(&gsa->data[i]))
			return true;
	return false;
}

static int check_sender_ids(const struct check *c)
{
	bool want = c->where == GC_REGISTRATION && c->sender &&
		    any_counter(c->gsa);
	bool bits = c->gsa->gw.has & GWP_HAS_SENDER_ID_BITS;
	unsigned int b = c->gsa->gw.sender_id_bits;

	if (want != bits)
		return BAD(c, "GWP_SENDER_ID_BITS %s",
			   bits ? "not allowed without a sending Data SA (RFC 9838 4.4.3.1)"
				: "is missing");
	if (want != !!c->kd->n_sender_ids)
		return BAD(c, "GM_SENDER_ID %s",
			   want ? "is missing" : "where none may be");
	if (!want)
		return 0;
	if (!b || b > 32)
		return BAD(c, "Sender-IDs of %u bits", b);
	for (unsigned int i = 0; i < c->kd->n_sender_ids; i++)
		if (c->kd->sender_ids[i] >> b)
			return BAD(c, "Sender-ID does not fit %u bits", b);
	return 0;
}

static int check_keys(const struct check *c)
{
	const struct gsa *gsa = c->gsa;
	const struct kd *kd = c->kd;
	bool digsig;
	int ret;

	if (kd->n_bags != gsa->n_data + gsa->has_rekey)
		return BAD(c, "%u key bags for %u policies", kd->n_bags,
			   gsa->n_data + gsa->has_rekey);
	if (gsa->has_rekey) {
		ret = check_bag(c, &gsa->rekey);
		if (ret)
			return ret;
	}
	for (unsigned int i = 0; i < gsa->n_data; i++) {
		ret = check_bag(c, &gsa->data[i]);
		if (ret)
			return ret;
	}

	if (kd->n_wrap && c->inband)
		return BAD(c, "WRAP_KEY inband");
	for (unsigned int i = 0; i < kd->n_wrap; i++)
		if (!kd->wrap[i].key_id)
			return BAD(c, "WRAP_KEY with Key ID 0");

	digsig = gsa->has_rekey && gsa->rekey.gcauth == GIKE_GCAUTH_DIGSIG;
	if (kd->auth_key_len && c->inband)
		return BAD(c, "AUTH_KEY inband");
	if (c->where == GC_REGISTRATION && digsig != !!kd->auth_key_len)
		return BAD(c, "AUTH_KEY %s",
			   digsig ? "is missing" : "where nothing is signed");
	return check_sender_ids(c);
}

int gsa_check(const struct gsa *gsa, const struct kd *kd, enum gcarrier where,
	      bool sender, struct err *err)
{
	struct check c = {
		.gsa = gsa,
		.kd = kd,
		.where = where,
		.sender = sender,
		.err = err,
	};
	int ret;

	err_clear(err);
	if (!gsa || !kd)
		return gsa || (kd && kd->n_bags)
			       ? BAD(&c, "GSA and KD come together")
			       : 0;
	c.inband = where == GC_INBAND ||
		   (where == GC_REGISTRATION && !gsa->has_rekey);
	ret = check_policies(&c);
	return ret ? ret : check_keys(&c);
}

/* ---- SAg ---------------------------------------------------------------- */

static void sag_add_rekey(struct sa_pld *sag)
{
	struct proposal *p = proposal_add(sag, 1, GIKE_PROTO_GIKE_UPDATE);

	proposal_put(p, IKE_TT_ENCR, IKE_ENCR_AES_GCM_16, 128);
	proposal_put(p, IKE_TT_ENCR, IKE_ENCR_AES_GCM_16, 256);
	proposal_put(p, IKE_TT_ENCR, IKE_ENCR_CHACHA20_POLY1305, 0);
	proposal_put(p, GIKE_TT_KWA, GIKE_KWA_5649_128, 0);
	proposal_put(p, GIKE_TT_KWA, GIKE_KWA_5649_256, 0);
	/*
	 * Implicit authentication is left out, since any member could forge a
	 * rekey.
	 */
	proposal_put(p, GIKE_TT_GCAUTH, GIKE_GCAUTH_DIGSIG, 0);
}

static void sag_add_data(struct sa_pld *sag)
{
	struct proposal *p = proposal_add(sag, 1, IKE_PROTO_ESP);

	proposal_put(p, IKE_TT_ENCR, IKE_ENCR_AES_GCM_16, 128);
	proposal_put(p, IKE_TT_ENCR, IKE_ENCR_AES_GCM_16, 256);
	proposal_put(p, IKE_TT_ENCR, IKE_ENCR_NULL_AUTH_AES_GMAC, 128);
	proposal_put(p, IKE_TT_ENCR, IKE_ENCR_NULL_AUTH_AES_GMAC, 256);
	proposal_put(p, IKE_TT_ENCR, IKE_ENCR_CHACHA20_POLY1305, 0);
	proposal_put(p, IKE_TT_SN, GIKE_SN_32_UNSPEC, 0);
	proposal_put(p, IKE_TT_SN, GIKE_SN_32_SEQ, 0);
}

const struct sa_pld *sag_default(void)
{
	static struct sa_pld sag;

	if (!sag.n) {
		sag_add_rekey(&sag);
		sag_add_data(&sag);
	}
	return &sag;
}

const struct sa_pld *sag_inband(void)
{
	static struct sa_pld sag;

	if (!sag.n)
		sag_add_data(&sag);
	return &sag;
}

bool sag_is_inband(const struct sa_pld *sag)
{
	for (unsigned int i = 0; i < sag->n; i++)
		if (sag->p[i].proto == GIKE_PROTO_GIKE_UPDATE)
			return false;
	return sag->n;
}

static bool has_transform(const struct proposal *p, uint8_t type, uint16_t id,
			  uint16_t key_bits)
{
	for (unsigned int i = 0; i < p->n; i++) {
		const struct transform *t = &p->t[i];

		if (t->type == type && t->id == id && t->key_bits == key_bits &&
		    !t->unknown_attr)
			return true;
	}
	return false;
}

/*
 * Return NULL if @p covers @sa, else the name of the missing transform type.
 */
static const char *first_lacking(const struct proposal *p,
				 const struct gsa_sa *sa)
{
	if ((sa->has & GSA_HAS_ENCR) &&
	    !has_transform(p, IKE_TT_ENCR, sa->encr, sa->key_bits))
		return "ENCR";
	if ((sa->has & GSA_HAS_INTEG) && sa->integ &&
	    !has_transform(p, IKE_TT_INTEG, sa->integ, 0))
		return "INTEG";
	if ((sa->has & GSA_HAS_SN) && !has_transform(p, IKE_TT_SN, sa->sn, 0))
		return "SN";
	if ((sa->has & GSA_HAS_KWA) &&
	    !has_transform(p, GIKE_TT_KWA, sa->kwa, 0))
		return "KWA";
	if ((sa->has & GSA_HAS_GCAUTH) &&
	    !has_transform(p, GIKE_TT_GCAUTH, sa->gcauth, 0))
		return "GCAUTH";
	return NULL;
}

static const char *num_lacks(const struct sa_pld *sag, uint8_t num,
			     const struct gsa_sa *sa)
{
	const char *what = "a proposal";

	for (unsigned int i = 0; i < sag->n; i++) {
		const struct proposal *p = &sag->p[i];

		if (p->num != num || p->proto != sa->proto)
			continue;
		what = first_lacking(p, sa);
		if (!what)
			return NULL;
	}
	return what;
}

bool sag_covers(const struct sa_pld *sag, const struct gsa *gsa,
		struct err *err)
{
	const struct gsa_sa *sa = NULL;
	const char *what = "a proposal";

	for (unsigned int i = 0; i < sag->n; i++) {
		uint8_t num = sag->p[i].num;
		unsigned int d = 0;

		what = NULL;
		if (gsa->has_rekey) {
			sa = &gsa->rekey;
			what = num_lacks(sag, num, sa);
		}
		for (; !what && d < gsa->n_data; d++) {
			sa = &gsa->data[d];
			what = num_lacks(sag, num, sa);
		}
		if (!what)
			return true;
	}
	err_set(err, 0, "member lacks %s for the %s SA", what,
		sa ? ike_protoid_name(sa->proto) : "group");
	return false;
}
