// SPDX-License-Identifier: Apache-2.0
/*
 * CREATE_CHILD_SA (RFC 7296 sections 1.3.2 and 2.18), which renews the keys of
 * an IKE SA; either side may begin. Child SAs are refused.
 *
 *	HDR, SK{ SA, Ni, KEi } -->
 *			<-- HDR, SK{ SA, Nr, KEr, N(ADDITIONAL_KEY_EXCHANGE) }
 *
 * With the notify, additional key exchanges follow before there is a new IKE SA
 * (followup.c).
 *
 * The struct ike_sa that the group layer knows takes over SPIs, keys and windows
 * of the new IKE SA. Those of the replaced one move to another struct, a shadow,
 * which repeats answers until who began the renewal deletes it.
 *
 * If both sides begin at once, each answers the other, and there are two new IKE
 * SAs. The one with the lowest of the four nonces is redundant (section 2.8.2),
 * and who began it deletes it. Until our own request is answered, the one that
 * the peer began is a candidate: also a shadow, which takes over as soon as the
 * peer uses it, deletes the replaced one, or refuses our request. A renewal with
 * additional key exchanges is refused while one of ours is open: then there is
 * nothing yet that could be deleted, and both try again, at random times.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/rand.h"
#include "ike/renewal.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/secret.h"
#include "lib/util.h"

/*
 * Least time between two renewals that a peer begins, so that it can neither
 * cause key exchanges nor shadows without end.
 */
#define RENEW_MIN_MS 10000
/* Time that the peer has to use a renewed IKE SA before it is asked. */
#define UNUSED_MS 1000

static uint64_t mono_ms(const struct ike_sa *sa)
{
	return clock_mono_ms(sa->engine->cfg.clock);
}

/* ---- shadows ------------------------------------------------------------ */

void child_old_deleted(struct ike_sa *s)
{
	struct ike_sa *sa = s->shadow ? table_find(s->engine, s->successor)
				      : NULL;

	if (sa && !sa->shadow && !sa->gcks)
		timer_set(sa->engine->cfg.tq, &sa->t_idle, UNUSED_MS);
}

bool child_deleted(struct ike_sa *sa)
{
	struct ike_sa *s = sa->rekey ? sa->rekey->candidate : NULL;

	if (!renewal_adopt(sa))
		return false;
	child_old_deleted(s);
	sa_close(s, 0, "replaced");
	return true;
}

struct ike_sa *child_shadow_request(struct ike_sa *s, const struct ike_in *in)
{
	uint8_t xchg = in->m.h.xchg;
	struct ike_sa *sa = s->main;

	if (xchg == IKE_XCHG_INFORMATIONAL &&
	    (!sa || msg_deletes_ike_sa(&in->m)))
		return s;
	if (sa) {
		/* The peer uses the new IKE SA, so it does not know of ours. */
		renewal_adopt(sa);
		return sa->dead ? NULL : sa;
	}
	/*
	 * RFC 7296 section 2.25.2: requests over an IKE SA that is being
	 * closed.
	 */
	sa_respond_notify(s, xchg, IKE_N_TEMPORARY_FAILURE, NULL, 0);
	return NULL;
}

/* ---- payloads and keys --------------------------------------------------- */

/* Compute SK(0), the secret of CREATE_CHILD_SA itself. */
static int first_secret(const struct dh *dh, const struct ke_pld *ke,
			struct ike_secrets *secrets)
{
	memset(secrets, 0, sizeof(*secrets));
	secrets->n = 1;
	secrets->v[0].len = dh_shared_len(dh_group(dh));
	return dh_shared(dh, ke->data, ke->len, secrets->v[0].p);
}

static int fresh_nonce(struct blob *b)
{
	uint8_t nonce[IKE_NONCE_LEN];
	int ret = rand_bytes(nonce, sizeof(nonce));

	return ret ? ret : blob_set(b, nonce, sizeof(nonce));
}

/*
 * Make what we propose for a renewal of @sa: the algorithms that it has, with its
 * additional key exchanges, and without them unless they are required.
 */
static void renewal_offer(const struct ike_sa *sa, struct sa_pld *offer)
{
	/* Static here and below, since it is large; no callback runs while it is used. */
	static struct sa_pld plain;
	struct ike_addke addke = { .required = sa->engine->cfg.addke.required };
	struct ike_suite same = sa->suite;
	uint16_t method;

	same.addke_types = 0;
	suite_answer(&same, &plain);
	while ((method = suite_addke(&sa->suite, addke.n)))
		addke.method[addke.n++] = method;
	suite_offer(&plain, &addke, offer);
}

/* SA with @spi in each proposal, nonce, KE. */
static void put_renewal(struct pchain *c, struct sa_pld *own,
			const uint8_t *spi, const struct blob *nonce,
			const struct dh *dh)
{
	for (unsigned int i = 0; i < own->n; i++) {
		own->p[i].spi_len = IKE_SPI_LEN;
		memcpy(own->p[i].spi, spi, IKE_SPI_LEN);
	}
	sa_build(c, own);
	raw_build(c, IKE_PLD_NONCE, nonce->p, nonce->len);
	ke_build(c, dh_group(dh), dh_public(dh), dh_public_len(dh_group(dh)));
}

static bool is_recent(const struct ike_sa *sa, uint64_t since_ms)
{
	return since_ms && mono_ms(sa) - since_ms < RENEW_MIN_MS;
}

/* The peer's certificate has ended, and with it what it authenticated. */
static bool is_outdated(const struct ike_sa *sa)
{
	return sa->peer_ends &&
	       clock_wall(sa->engine->cfg.clock) > sa->peer_ends;
}

/* ---- our request -------------------------------------------------------- */

/*
 * The algorithms stay: a renewal changes keys only, and the group of the key
 * exchange is one that the peer has taken before.
 */
int child_request(struct ike_sa *sa, const struct ike_task *t)
{
	static struct sa_pld offer;
	struct ike_rekey *rk = sa->rekey;
	struct pchain c;
	struct wbuf w;
	int ret;

	(void)t;
	/* The peer has begun, and may not go on. */
	if (sa->follow) {
		task_free(task_take(sa));
		sa_arm_retry(sa, RENEWAL_RETRY_MS);
		sa_run(sa);
		return 0;
	}
	/*
	 * The peer was first, or what it authenticated by has ended. A renewal that the
	 * peer began and gave up does not count: this one must not be left out for it.
	 */
	if (is_recent(sa, sa->rekeyed_ms) || is_outdated(sa)) {
		task_free(task_take(sa));
		sa_run(sa);
		return 0;
	}
	if (!rk) {
		rk = calloc(1, sizeof(*rk));
		if (!rk)
			return -ENOMEM;
		sa->rekey = rk;
	}
	ret = dh_new(sa->suite.ke, &rk->dh);
	if (!ret)
		ret = fresh_nonce(&rk->nonce);
	if (!ret)
		ret = table_new_spi(sa->engine, rk->spi);
	wbuf_init(&w, IKE_INNER_MAX);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	if (!ret) {
		renewal_offer(sa, &offer);
		put_renewal(&c, &offer, rk->spi, &rk->nonce, rk->dh);
		ret = sa_request(sa, IKE_XCHG_CREATE_CHILD_SA, c.first, &w);
	}
	wbuf_free(&w);
	return ret;
}

/* Read the answer into a new shadow, without keys. Returns 0 or -errno. */
static int read_renewal(struct ike_sa *sa, const struct ike_msg *m,
			struct ike_secrets *secrets, struct ike_sa **out)
{
	static struct sa_pld own, answer;
	struct ike_rekey *rk = sa->rekey;
	const struct proposal *p = &answer.p[0];
	struct ike_suite suite = { 0 };
	struct ike_sa *s;
	struct ke_pld ke;
	struct rbuf r;
	int ret;

	if (!m->sa.body || !m->ke.body || !m->nonce.body)
		return -EBADMSG;
	rbuf_init(&r, m->sa.body, m->sa.len);
	renewal_offer(sa, &own);
	if (sa_parse(&r, &answer) ||
	    !suite_chosen(&own, &answer, IKE_SPI_LEN, &suite) ||
	    nonce_check(&m->nonce, suite.prf))
		return -EBADMSG;
	rbuf_init(&r, m->ke.body, m->ke.len);
	if (ke_parse(&r, &ke) || ke.group != suite.ke)
		return -EBADMSG;
	ret = renewal_make(sa, true, &suite, rk->spi, p->spi, &s);
	if (ret)
		return ret;
	ret = blob_set(&s->hs->ni, rk->nonce.p, rk->nonce.len);
	if (!ret)
		ret = blob_set(&s->hs->nr, m->nonce.body, m->nonce.len);
	if (!ret)
		ret = first_secret(rk->dh, &ke, secrets);
	if (ret)
		sa_free(s);
	else
		*out = s;
	return ret;
}

/*
 * Go on with additional key exchanges of our renewal. Returns 0 or -errno; then @s
 * is freed.
 */
static int follow_up(struct ike_sa *sa, struct ike_sa *s,
		     const struct ike_secrets *secrets, const struct ike_msg *m)
{
	const struct notify_pld *link =
		msg_notify(m, IKE_N_ADDITIONAL_KEY_EXCHANGE);

	/* The peer's renewal, which has none, is complete. */
	if (!link || sa->rekey->candidate) {
		sa_free(s);
		return -EBADMSG;
	}
	return followup_begin(sa, s, secrets, link);
}

void child_got_answer(struct ike_sa *sa, struct ike_in *in)
{
	const struct notify_pld *e = msg_error(&in->m);
	struct ike_secrets secrets;
	struct ike_sa *s = NULL;
	int ret = 0;

	task_free(task_take(sa));
	if (!sa->rekey || !sa->rekey->dh)
		return;
	if (e || read_renewal(sa, &in->m, &secrets, &s)) {
		renewal_failed(sa, e ? e->type : 0);
		return;
	}
	if (renewal_addke(s, 0)) {
		ret = follow_up(sa, s, &secrets, &in->m);
	} else {
		ret = renewal_derive(sa, s, &secrets);
		if (ret)
			sa_free(s);
		else
			renewal_created(sa, s);
	}
	secret_wipe(&secrets, sizeof(secrets));
	if (ret)
		renewal_failed(sa, 0);
}

/* ---- the peer's request ------------------------------------------------- */

static void refuse_renewal(struct ike_sa *sa, uint16_t type)
{
	renewal_refuse(sa, IKE_XCHG_CREATE_CHILD_SA, type);
}

static void bad_renewal(struct ike_sa *sa, const char *why)
{
	renewal_malformed(sa, IKE_XCHG_CREATE_CHILD_SA, why);
}

static bool is_for_ike(const struct sa_pld *offer)
{
	for (unsigned int i = 0; i < offer->n; i++)
		if (offer->p[i].proto == IKE_PROTO_IKE)
			return true;
	return false;
}

/* Return true if the IKE SA cannot be renewed now. */
static bool is_inconvenient(const struct ike_sa *sa,
			    const struct ike_suite *suite)
{
	if (renewal_in_way(sa) || is_recent(sa, sa->rekeyed_ms) ||
	    is_recent(sa, sa->begun_ms))
		return true;
	/* RFC 9370 section 2.2.4: ours is in progress, or would be hard to tell. */
	return sa->rekey && (sa->rekey->candidate || sa->rekey->follow ||
			     suite_addke(suite, 0));
}

/* A renewal that the peer has asked for. */
struct renewal_ask {
	const struct ike_msg *m;
	struct ike_suite suite;
	const uint8_t *spi_i;
	struct ke_pld ke;
};

/* Make the new IKE SA, and keys unless more exchanges follow. Returns 0 or -errno. */
static int make_renewed(struct ike_sa *sa, const struct renewal_ask *ask,
			const struct dh *dh, struct ike_secrets *secrets,
			struct ike_sa **out)
{
	uint8_t spi_r[IKE_SPI_LEN];
	struct ike_sa *s;
	int ret = table_new_spi(sa->engine, spi_r);

	if (!ret)
		ret = renewal_make(sa, false, &ask->suite, ask->spi_i, spi_r,
				   &s);
	if (ret)
		return ret;
	ret = blob_set(&s->hs->ni, ask->m->nonce.body, ask->m->nonce.len);
	if (!ret)
		ret = fresh_nonce(&s->hs->nr);
	if (!ret)
		ret = first_secret(dh, &ask->ke, secrets);
	if (!ret && !renewal_addke(s, 0))
		ret = renewal_derive(sa, s, secrets);
	if (ret)
		sa_free(s);
	else
		*out = s;
	return ret;
}

/*
 * Answer the request. *@out gets the new IKE SA, or NULL if more exchanges follow.
 */
static int answer_renewal(struct ike_sa *sa, const struct renewal_ask *ask,
			  struct ike_sa **out)
{
	static struct sa_pld answer;
	struct ike_secrets secrets = { 0 };
	const uint8_t *link = NULL;
	struct ike_sa *s = NULL;
	struct dh *dh = NULL;
	struct pchain c;
	struct wbuf w;
	int ret;

	wbuf_init(&w, IKE_INNER_MAX);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	ret = dh_new(ask->suite.ke, &dh);
	if (!ret)
		ret = make_renewed(sa, ask, dh, &secrets, &s);
	if (!ret) {
		suite_answer(&ask->suite, &answer);
		put_renewal(&c, &answer, s->spi_r, &s->hs->nr, dh);
	}
	if (!ret && renewal_addke(s, 0)) {
		ret = followup_expect(sa, s, &secrets, &link);
		s = NULL;
	}
	if (link)
		notify_build(&c, IKE_N_ADDITIONAL_KEY_EXCHANGE, link,
			     FOLLOW_LINK);
	if (!ret)
		ret = sa_respond(sa, IKE_XCHG_CREATE_CHILD_SA, c.first, &w);
	wbuf_free(&w);
	secret_wipe(&secrets, sizeof(secrets));
	dh_free(dh);
	if (ret && s)
		sa_free(s);
	else
		*out = s;
	return ret;
}

static void accept_renewal(struct ike_sa *sa, const struct renewal_ask *ask)
{
	struct ike_sa *s = NULL;
	int ret = answer_renewal(sa, ask, &s);

	if (ret == -EBADMSG) {
		bad_renewal(sa, "KE is not a point of its curve");
	} else if (ret) {
		sa_drop_follow(sa);
		refuse_renewal(sa, IKE_N_TEMPORARY_FAILURE);
	} else if (!s) {
		return;
	} else if (sa->rekey) {
		renewal_enter(s);
		/* The peer may delete the candidate, and gets no other one sooner by that. */
		sa->begun_ms = mono_ms(sa);
		s->main = sa;
		sa->rekey->candidate = s;
	} else {
		renewal_enter(s);
		/* The peer deletes the replaced one. */
		renewal_take_over(sa, s);
		sa_run(sa);
	}
}

/*
 * Choose the algorithms. An IKE SA neither gets nor loses key wrap by a renewal.
 * Additional key exchanges are not required, as SK_d has those of before in it.
 */
static const struct proposal *choose_renewal(const struct ike_sa *sa,
					     const struct sa_pld *offer,
					     struct ike_suite *suite)
{
	struct ike_addke addke = sa->engine->cfg.addke;
	const struct suite_rules rules = {
		.own = &sa->engine->proposals,
		.spi_len = IKE_SPI_LEN,
		.kwa = sa->suite.kwa,
		.addke = &addke,
		.intermediate = true,
	};

	addke.required = false;
	return suite_choose(&rules, offer, suite);
}

void child_got_request(struct ike_sa *sa, struct ike_in *in)
{
	static struct sa_pld offer;
	const struct ike_msg *m = &in->m;
	struct renewal_ask ask = { .m = m };
	const struct proposal *p;
	uint8_t group[2];
	struct rbuf r;

	if (m->tsi.body || m->tsr.body || !m->sa.body) {
		refuse_renewal(sa, IKE_N_NO_ADDITIONAL_SAS);
		return;
	}
	rbuf_init(&r, m->sa.body, m->sa.len);
	if (sa_parse(&r, &offer)) {
		bad_renewal(sa, "malformed SA payload");
		return;
	}
	if (!is_for_ike(&offer) || is_outdated(sa)) {
		refuse_renewal(sa, IKE_N_NO_ADDITIONAL_SAS);
		return;
	}
	rbuf_init(&r, m->ke.body, m->ke.len);
	if (!m->ke.body || !m->nonce.body || nonce_check(&m->nonce, 0) ||
	    ke_parse(&r, &ask.ke)) {
		bad_renewal(sa, "KE or nonce is missing or malformed");
		return;
	}
	p = choose_renewal(sa, &offer, &ask.suite);
	if (is_inconvenient(sa, &ask.suite)) {
		refuse_renewal(sa, IKE_N_TEMPORARY_FAILURE);
		return;
	}
	if (!p) {
		refuse_renewal(sa, IKE_N_NO_PROPOSAL_CHOSEN);
		return;
	}
	if (nonce_check(&m->nonce, ask.suite.prf)) {
		bad_renewal(sa, "nonce of less than half of the PRF's key");
		return;
	}
	if (ask.ke.group != ask.suite.ke) {
		put_unaligned_be16(ask.suite.ke, group);
		sa_respond_notify(sa, IKE_XCHG_CREATE_CHILD_SA,
				  IKE_N_INVALID_KE_PAYLOAD, group, 2);
		return;
	}
	ask.spi_i = p->spi;
	accept_renewal(sa, &ask);
}
