// SPDX-License-Identifier: Apache-2.0
/*
 * Negotiation of the algorithms of an IKE SA (RFC 7296 sections 2.7 and 3.3).
 */
#include <string.h>

#include "ike/sa.h"

static const struct transform *find_transform(const struct proposal *p,
					      const struct transform *like)
{
	for (unsigned int i = 0; i < p->n; i++)
		if (p->t[i].type == like->type && p->t[i].id == like->id &&
		    p->t[i].key_bits == like->key_bits && !p->t[i].unknown_attr)
			return &p->t[i];
	return NULL;
}

/* Return the first transform of @type in @from that @in has, too. */
static const struct transform *first_common(const struct proposal *from,
					    const struct proposal *in,
					    uint8_t type)
{
	for (unsigned int i = 0; i < from->n; i++)
		if (from->t[i].type == type && !from->t[i].unknown_attr &&
		    find_transform(in, &from->t[i]))
			return &from->t[i];
	return NULL;
}

/* With an AEAD, INTEG is absent, or NONE is among its transforms. */
static bool only_known_types(const struct proposal *p)
{
	bool integ = false, none = false;

	for (unsigned int i = 0; i < p->n; i++) {
		switch (p->t[i].type) {
		case IKE_TT_ENCR:
		case IKE_TT_PRF:
		case IKE_TT_KE:
		case GIKE_TT_KWA:
			break;
		case IKE_TT_INTEG:
			integ = true;
			none |= !p->t[i].id;
			break;
		default:
			return false;
		}
	}
	return !integ || none;
}

static bool offers_kwa(const struct proposal *p)
{
	for (unsigned int i = 0; i < p->n; i++)
		if (p->t[i].type == GIKE_TT_KWA)
			return true;
	return false;
}

/*
 * The peer's order decides; all types come from one proposal of each side. A
 * proposal whose key wrap algorithms are all unknown is not taken without one:
 * RFC 7296 section 3.3 wants a transform of each type that it has.
 */
static bool take_common(const struct proposal *theirs,
			const struct proposal *ours, bool with_kwa,
			struct ike_suite *s)
{
	const struct transform *encr = first_common(theirs, ours, IKE_TT_ENCR);
	const struct transform *prf = first_common(theirs, ours, IKE_TT_PRF);
	const struct transform *ke = first_common(theirs, ours, IKE_TT_KE);
	const struct transform *kwa = first_common(theirs, ours, GIKE_TT_KWA);

	if (!encr || !prf || !ke || (with_kwa ? !kwa : offers_kwa(theirs)))
		return false;
	s->num = theirs->num;
	s->encr = encr->id;
	s->key_bits = encr->key_bits;
	s->prf = prf->id;
	s->ke = ke->id;
	s->kwa = with_kwa ? kwa->id : 0;
	return true;
}

/* RFC 7296 sections 3.1 and 3.3.1: an SPI of an IKE SA is not zero. */
static bool has_spi(const struct proposal *p, uint8_t len)
{
	static const uint8_t zero[IKE_SPI_LEN];

	return p->spi_len == len &&
	       (!len || (len == IKE_SPI_LEN && memcmp(p->spi, zero, len)));
}

const struct proposal *suite_choose(const struct sa_pld *own,
				    const struct sa_pld *offer, uint8_t spi_len,
				    bool kwa, struct ike_suite *s)
{
	for (unsigned int i = 0; i < offer->n; i++) {
		const struct proposal *p = &offer->p[i];

		if (p->proto != IKE_PROTO_IKE || !has_spi(p, spi_len) ||
		    !only_known_types(p))
			continue;
		for (unsigned int k = 0; k < own->n; k++)
			if (take_common(p, &own->p[k], kwa, s))
				return p;
	}
	return NULL;
}

/*
 * RFC 7296 section 3.3.6: a responder chooses one proposal of ours by its
 * number, and exactly one transform of each type in it.
 */
bool suite_chosen(const struct sa_pld *own, const struct sa_pld *answer,
		  uint8_t spi_len, struct ike_suite *s)
{
	const struct proposal *p = &answer->p[0];
	unsigned int seen = 0;

	if (answer->n != 1 || p->proto != IKE_PROTO_IKE || !has_spi(p, spi_len))
		return false;
	for (unsigned int i = 0; i < p->n; i++) {
		if (p->t[i].type > GIKE_TT_KWA || (seen & 1u << p->t[i].type))
			return false;
		seen |= 1u << p->t[i].type;
	}
	if (!only_known_types(p))
		return false;
	for (unsigned int k = 0; k < own->n; k++)
		if (own->p[k].num == p->num &&
		    take_common(p, &own->p[k], offers_kwa(&own->p[k]), s))
			return true;
	return false;
}

void suite_answer(const struct ike_suite *s, struct sa_pld *sa)
{
	struct proposal *p;

	memset(sa, 0, sizeof(*sa));
	p = proposal_add(sa, s->num, IKE_PROTO_IKE);
	proposal_put(p, IKE_TT_ENCR, s->encr, s->key_bits);
	proposal_put(p, IKE_TT_PRF, s->prf, 0);
	proposal_put(p, IKE_TT_KE, s->ke, 0);
	if (s->kwa)
		proposal_put(p, GIKE_TT_KWA, s->kwa, 0);
}

bool suite_offers_ke(const struct sa_pld *own, uint16_t ke)
{
	const struct transform like = { .type = IKE_TT_KE, .id = ke };

	for (unsigned int i = 0; i < own->n; i++)
		if (find_transform(&own->p[i], &like))
			return true;
	return false;
}

static bool any_without_kwa(const struct sa_pld *offer)
{
	for (unsigned int i = 0; i < offer->n; i++)
		if (!offers_kwa(&offer->p[i]))
			return true;
	return false;
}

const char *suite_lacks(const struct sa_pld *own, const struct sa_pld *offer,
			bool plain)
{
	static const struct {
		uint8_t type;
		const char *name;
	} kinds[] = {
		{ GIKE_TT_KWA, "no acceptable key wrap algorithm (RFC 9838)" },
		{ IKE_TT_ENCR, "no acceptable AEAD cipher" },
		{ IKE_TT_PRF, "no acceptable PRF" },
		{ IKE_TT_KE, "no acceptable key exchange method" },
	};

	for (size_t t = 0; t < sizeof(kinds) / sizeof(kinds[0]); t++) {
		bool any = plain && kinds[t].type == GIKE_TT_KWA &&
			   any_without_kwa(offer);

		for (unsigned int i = 0; i < offer->n; i++)
			for (unsigned int k = 0; k < own->n; k++)
				any |= first_common(&offer->p[i], &own->p[k],
						    kinds[t].type) != NULL;
		if (!any)
			return kinds[t].name;
	}
	return "no proposal is acceptable as a whole";
}
