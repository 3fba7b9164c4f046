// SPDX-License-Identifier: Apache-2.0
/*
 * Negotiation of the algorithms of an IKE SA (RFC 7296 sections 2.7 and 3.3), and of
 * additional key exchanges (RFC 9370 section 2.2.1).
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

static bool is_addke(uint8_t type)
{
	return type >= IKE_TT_ADDKE1 && type <= IKE_TT_ADDKE7;
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
			/* choose_addke() and addke_chosen() look at these. */
			if (!is_addke(p->t[i].type))
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

/* ---- additional key exchanges ------------------------------------------- */

/* Return a bit for each Additional Key Exchange in @p; 1 is the first. */
static unsigned int addke_types(const struct proposal *p)
{
	unsigned int types = 0;

	for (unsigned int i = 0; i < p->n; i++)
		if (is_addke(p->t[i].type))
			types |= 1u << (p->t[i].type - IKE_TT_ADDKE1);
	return types;
}

static bool may_be_none(const struct proposal *p, unsigned int n)
{
	const struct transform none = { .type = IKE_TT_ADDKE1 + n };

	return find_transform(p, &none);
}

/*
 * The exchange of the peer's that each of our methods has. A method is done
 * once, so this is a matching, which grows by one with each augmenting path.
 */
struct addke_match {
	const struct proposal *theirs;
	const struct ike_addke *ours;
	int of[IKE_ADDKE_MAX]; /* exchange of our method, -1: none yet */
};

/* Return the place in our list of the method of @t, for the exchange @n, or -1. */
static int own_method(const struct addke_match *m, const struct transform *t,
		      int n)
{
	if (t->type != IKE_TT_ADDKE1 + n || t->unknown_attr || t->key_bits)
		return -1;
	for (unsigned int k = 0; k < m->ours->n; k++)
		if (m->ours->method[k] == t->id)
			return (int)k;
	return -1;
}

/*
 * Give the exchange @n of the peer's a method, in the peer's order: one that is
 * free, or else one whose exchange takes another. @tried has a bit for each
 * method that was looked at.
 */
static bool match_addke(struct addke_match *m, int n, unsigned int *tried)
{
	for (int pass = 0; pass < 2; pass++)
		for (unsigned int i = 0; i < m->theirs->n; i++) {
			int k = own_method(m, &m->theirs->t[i], n);

			if (k < 0 || *tried & 1u << k ||
			    (!pass && m->of[k] >= 0))
				continue;
			*tried |= 1u << k;
			if (!pass || match_addke(m, m->of[k], tried)) {
				m->of[k] = n;
				return true;
			}
		}
	return false;
}

/* Match each exchange that must not be NONE; then as many others as there can be. */
static bool match_all(struct addke_match *m, unsigned int types)
{
	for (int pass = 0; pass < 2; pass++)
		for (int n = 0; n < IKE_ADDKE_MAX; n++) {
			unsigned int tried = 0;

			if (types & 1u << n &&
			    may_be_none(m->theirs, n) == !!pass &&
			    !match_addke(m, n, &tried) && !pass)
				return false;
		}
	return true;
}

/* Responder: choose the additional key exchanges of a proposal. */
static bool choose_addke(const struct proposal *theirs,
			 const struct suite_rules *rules, struct ike_suite *s)
{
	static const struct ike_addke none;
	struct addke_match m = { .theirs = theirs,
				 .ours = rules->addke ? rules->addke : &none };
	unsigned int types = addke_types(theirs), n = 0;

	memset(s->addke, 0, sizeof(s->addke));
	s->addke_types = types;
	/*
	 * RFC 9370 section 2.2.1: without the notify, these are transform types
	 * that nobody knows.
	 */
	if (types && !rules->intermediate)
		return false;
	memset(m.of, -1, sizeof(m.of));
	if (!match_all(&m, types))
		return false;
	for (unsigned int k = 0; k < m.ours->n; k++) {
		if (m.of[k] < 0)
			continue;
		s->addke[m.of[k]] = m.ours->method[k];
		n++;
	}
	return !m.ours->required || n == m.ours->n;
}

/*
 * Initiator: take the additional key exchanges of an answer. It has one of each
 * type that was offered, and no method twice.
 */
static bool addke_chosen(const struct proposal *answer,
			 const struct proposal *ours, struct ike_suite *s)
{
	memset(s->addke, 0, sizeof(s->addke));
	s->addke_types = addke_types(answer);
	if (s->addke_types != addke_types(ours))
		return false;
	for (unsigned int i = 0; i < answer->n; i++) {
		const struct transform *t = &answer->t[i];

		if (!is_addke(t->type))
			continue;
		if (!find_transform(ours, t))
			return false;
		for (int n = 0; t->id && n < IKE_ADDKE_MAX; n++)
			if (s->addke[n] == t->id)
				return false;
		s->addke[t->type - IKE_TT_ADDKE1] = t->id;
	}
	return true;
}

uint16_t suite_addke(const struct ike_suite *s, unsigned int n)
{
	for (int i = 0; i < IKE_ADDKE_MAX; i++)
		if (s->addke[i] && !n--)
			return s->addke[i];
	return 0;
}

static void copy_proposal(const struct proposal *p, unsigned int n_addke,
			  const uint16_t *addke, struct sa_pld *offer)
{
	struct proposal *to = proposal_add(offer, offer->n + 1, p->proto);
	uint8_t num;

	if (!to)
		return;
	num = to->num;
	*to = *p;
	to->num = num;
	for (unsigned int i = 0; i < n_addke; i++)
		proposal_put(to, IKE_TT_ADDKE1 + i, addke[i], 0);
}

void suite_offer(const struct sa_pld *own, const struct ike_addke *addke,
		 struct sa_pld *offer)
{
	memset(offer, 0, sizeof(*offer));
	for (unsigned int i = 0; addke->n && i < own->n; i++)
		copy_proposal(&own->p[i], addke->n, addke->method, offer);
	for (unsigned int i = 0; !(addke->n && addke->required) && i < own->n;
	     i++)
		copy_proposal(&own->p[i], 0, NULL, offer);
}

/* ---- both sides --------------------------------------------------------- */

/* RFC 7296 sections 3.1 and 3.3.1: an SPI of an IKE SA is not zero. */
static bool has_spi(const struct proposal *p, uint8_t len)
{
	static const uint8_t zero[IKE_SPI_LEN];

	return p->spi_len == len &&
	       (!len || (len == IKE_SPI_LEN && memcmp(p->spi, zero, len)));
}

const struct proposal *suite_choose(const struct suite_rules *rules,
				    const struct sa_pld *offer,
				    struct ike_suite *s)
{
	const struct sa_pld *own = rules->own;

	for (unsigned int i = 0; i < offer->n; i++) {
		const struct proposal *p = &offer->p[i];

		if (p->proto != IKE_PROTO_IKE || !has_spi(p, rules->spi_len) ||
		    !only_known_types(p) || !choose_addke(p, rules, s))
			continue;
		for (unsigned int k = 0; k < own->n; k++)
			if (take_common(p, &own->p[k], rules->kwa, s))
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
		    take_common(p, &own->p[k], offers_kwa(&own->p[k]), s) &&
		    addke_chosen(p, &own->p[k], s))
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
	for (int i = 0; i < IKE_ADDKE_MAX; i++)
		if (s->addke_types & 1u << i)
			proposal_put(p, IKE_TT_ADDKE1 + i, s->addke[i], 0);
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

static bool any_addke(const struct suite_rules *rules,
		      const struct sa_pld *offer)
{
	struct ike_suite s;

	for (unsigned int i = 0; i < offer->n; i++)
		if (choose_addke(&offer->p[i], rules, &s))
			return true;
	return false;
}

const char *suite_lacks(const struct suite_rules *rules,
			const struct sa_pld *offer, bool plain)
{
	const struct sa_pld *own = rules->own;
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
	if (any_addke(rules, offer))
		return "no proposal is acceptable as a whole";
	if (!rules->addke || !rules->addke->n)
		return "all have additional key exchanges (RFC 9370), and none is done here";
	return rules->addke->required
		       ? "an additional key exchange (RFC 9370) is required here"
		       : "all have additional key exchanges (RFC 9370) of other methods";
}
