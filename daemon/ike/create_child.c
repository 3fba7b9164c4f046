// SPDX-License-Identifier: Apache-2.0
/*
 * CREATE_CHILD_SA (RFC 7296 sections 1.3.2 and 2.18), which renews the keys of
 * an IKE SA; either side may begin. Child SAs are refused.
 *
 *	HDR, SK{ SA, Ni, KEi } -->
 *				<-- HDR, SK{ SA, Nr, KEr }
 *
 * The struct ike_sa that the group layer knows takes over SPIs, keys and windows
 * of the new IKE SA. Those of the replaced one move to another struct, a shadow,
 * which repeats answers until who began the renewal deletes it.
 *
 * If both sides begin at once, each answers the other, and there are two new IKE
 * SAs. The one with the lowest of the four nonces is redundant (section 2.8.2),
 * and who began it deletes it. Until our own request is answered, the one that
 * the peer began is a candidate: also a shadow, which takes over as soon as the
 * peer uses it, deletes the replaced one, or refuses our request.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/rand.h"
#include "ike/exchange.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/secret.h"
#include "lib/util.h"

/*
 * A shadow outlives the last retransmission of a request that it has answered,
 * which mcsecd sends after 39 s.
 */
#define SHADOW_MS 60000
/*
 * Least time between two renewals that a peer begins, so that it can neither
 * cause key exchanges nor shadows without end.
 */
#define RENEW_MIN_MS 10000
/* Time that the peer has to use a renewed IKE SA before it is asked. */
#define UNUSED_MS 1000
/* Delay before another try after TEMPORARY_FAILURE, and its random part. */
#define RETRY_MS 10000
#define RETRY_SPREAD_MS 5000

static uint64_t mono_ms(const struct ike_sa *sa)
{
	return clock_mono_ms(sa->engine->cfg.clock);
}

/* ---- shadows ------------------------------------------------------------ */

/* Make the IKE SA that a renewal creates, with the SPIs in @spi_i and @spi_r. */
static int make_shadow(struct ike_sa *sa, bool initiator,
		       const struct ike_suite *suite, const uint8_t *spi_i,
		       const uint8_t *spi_r, struct ike_sa **out)
{
	struct ike_sa *s = sa_new(sa->engine, initiator, &sa->path);

	if (!s)
		return -ENOMEM;
	s->shadow = true;
	s->gcks = sa->gcks;
	s->nat_here = sa->nat_here;
	s->nat_there = sa->nat_there;
	s->fragments = sa->fragments;
	s->suite = *suite;
	/* SK_d, from which the new keys are derived, is of these as well. */
	memcpy(s->suite.addke, sa->suite.addke, sizeof(s->suite.addke));
	memcpy(s->spi_i, spi_i, IKE_SPI_LEN);
	memcpy(s->spi_r, spi_r, IKE_SPI_LEN);
	*out = s;
	return 0;
}

/* Add a shadow to the table, where it ends by itself. */
static void enter_shadow(struct ike_sa *s)
{
	table_add(s->engine, s);
	ike_sa_state(s, IKE_ST_UP);
	timer_set(s->engine->cfg.tq, &s->t_life, SHADOW_MS);
}

/*
 * Let @sa, which the group layer knows, be the IKE SA that @s is, and @s the
 * replaced one.
 */
static void take_over(struct ike_sa *sa, struct ike_sa *s)
{
	timer_del(sa->engine->cfg.tq, &sa->t_rexmit);
	/* A request of ours that is not answered yet is given up. */
	sa->my_busy = false;
	dgrams_free(&sa->my_req);
	frags_drop(sa);
	frags_drop(s);
	table_swap(sa, s);
	memcpy(s->heir, sa_own_spi(sa), IKE_SPI_LEN);
	sa_drop_rekey(sa);
	s->main = NULL;
	sa->rekeyed_ms = mono_ms(sa);
	sa->engine->stats.rekeyed++;
	sa_arm_life(sa);
	keys_export(sa);
	sa_debug(sa, "IKE SA renewed: it was %s", sa_name(s));
}

/*
 * Let the candidate of @sa replace it, since our own renewal will not. Returns
 * false if there is none.
 */
static bool adopt_candidate(struct ike_sa *sa)
{
	struct ike_sa *s = sa->rekey ? sa->rekey->candidate : NULL;

	if (!s)
		return false;
	/* An answer that is owed belongs to the SA that is replaced. */
	if (sa->waits)
		groupreq_fail(sa);
	if (sa->dead)
		return true;
	/* Our own request in the queue is the one that is given up. */
	if (!TAILQ_EMPTY(&sa->tasks) &&
	    TAILQ_FIRST(&sa->tasks)->xchg == IKE_XCHG_CREATE_CHILD_SA)
		task_free(task_take(sa));
	take_over(sa, s);
	sa_run(sa);
	return true;
}

void child_old_deleted(struct ike_sa *s)
{
	struct ike_sa *sa = s->shadow ? table_find(s->engine, s->heir) : NULL;

	if (sa && !sa->shadow && !sa->gcks)
		timer_set(sa->engine->cfg.tq, &sa->t_idle, UNUSED_MS);
}

bool child_deleted(struct ike_sa *sa)
{
	struct ike_sa *s = sa->rekey ? sa->rekey->candidate : NULL;

	if (!adopt_candidate(sa))
		return false;
	child_old_deleted(s);
	sa_close(s, 0, "replaced");
	return true;
}

static bool deletes_ike_sa(const struct ike_msg *m)
{
	for (unsigned int i = 0; i < m->n_delete; i++)
		if (m->del[i].proto == IKE_PROTO_IKE)
			return true;
	return false;
}

struct ike_sa *child_shadow_request(struct ike_sa *s, const struct ike_in *in)
{
	uint8_t xchg = in->m.h.xchg;
	struct ike_sa *sa = s->main;

	if (xchg == IKE_XCHG_INFORMATIONAL && (!sa || deletes_ike_sa(&in->m)))
		return s;
	if (sa) {
		/* The peer uses the new IKE SA, so it does not know of ours. */
		adopt_candidate(sa);
		return sa->dead ? NULL : sa;
	}
	/*
	 * RFC 7296 section 2.25.2: requests over an IKE SA that is being
	 * closed.
	 */
	sa_respond_notify(s, xchg, IKE_N_TEMPORARY_FAILURE, NULL, 0);
	return NULL;
}

/* Delete an IKE SA that we have to end; the answer ends the shadow. */
static void delete_shadow(struct ike_sa *s)
{
	static const struct ike_task t = {
		.xchg = IKE_XCHG_INFORMATIONAL,
		.del = true,
	};

	if (sa_ask(s, &t))
		sa_close(s, 0, "replaced");
}

/* ---- keys --------------------------------------------------------------- */

static int derive_renewed(const struct ike_sa *sa, struct ike_sa *s,
			  const struct dh *dh, const struct ke_pld *ke)
{
	uint8_t shared[DH_MAX_SHARED];
	struct ike_seed seed;
	int ret;

	ret = dh_shared(dh, ke->data, ke->len, shared);
	if (!ret)
		ret = seed_of_rekey(&seed, &sa->suite, &sa->keys, &s->hs->ni,
				    &s->hs->nr, shared,
				    dh_shared_len(dh_group(dh)));
	secret_wipe(shared, sizeof(shared));
	if (!ret)
		ret = keys_derive(&s->keys, &s->suite, &seed, &s->hs->ni,
				  &s->hs->nr, s->spi_i, s->spi_r);
	seed_wipe(&seed);
	/* A renewal has no AUTH. */
	keys_drop_auth(&s->keys);
	return ret;
}

static int fresh_nonce(struct blob *b)
{
	uint8_t nonce[IKE_NONCE_LEN];
	int ret = rand_bytes(nonce, sizeof(nonce));

	return ret ? ret : blob_set(b, nonce, sizeof(nonce));
}

/*
 * Make the SA payload of a renewal with @suite. Additional key exchanges are not
 * done again: they are part of SK_d, from which the new keys are derived.
 */
static void renewal_sa(const struct ike_suite *suite, struct sa_pld *sa)
{
	struct ike_suite same = *suite;

	same.addke_types = 0;
	suite_answer(&same, sa);
}

/* SA with the one proposal of @suite and @spi, nonce, KE. */
static void put_renewal(struct pchain *c, const struct ike_suite *suite,
			const uint8_t *spi, const struct blob *nonce,
			const struct dh *dh)
{
	static struct sa_pld own;

	renewal_sa(suite, &own);
	own.p[0].spi_len = IKE_SPI_LEN;
	memcpy(own.p[0].spi, spi, IKE_SPI_LEN);
	sa_build(c, &own);
	raw_build(c, IKE_PLD_NONCE, nonce->p, nonce->len);
	ke_build(c, dh_group(dh), dh_public(dh), dh_public_len(dh_group(dh)));
}

static bool is_recent(const struct ike_sa *sa)
{
	return sa->rekeyed_ms && mono_ms(sa) - sa->rekeyed_ms < RENEW_MIN_MS;
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
	struct ike_rekey *rk = sa->rekey;
	struct pchain c;
	struct wbuf w;
	int ret;

	(void)t;
	/* The peer was first, or what it authenticated by has ended. */
	if (is_recent(sa) || is_outdated(sa)) {
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
		put_renewal(&c, &sa->suite, rk->spi, &rk->nonce, rk->dh);
		ret = sa_request(sa, IKE_XCHG_CREATE_CHILD_SA, c.first, &w);
	}
	wbuf_free(&w);
	return ret;
}

/* Try again later, or let the IKE SA end at the end of its lifetime. */
static void renewal_failed(struct ike_sa *sa, uint16_t type)
{
	uint32_t spread = 0;

	if (adopt_candidate(sa))
		return;
	sa_drop_rekey(sa);
	sa->engine->stats.rekey_failed++;
	sa_debug(sa, "IKE SA not renewed: %s",
		 type ? ike_notify_name(type) : "malformed answer");
	if (type != IKE_N_TEMPORARY_FAILURE) {
		sa_arm_end(sa);
		return;
	}
	if (rand_bytes(&spread, sizeof(spread)))
		spread = 0;
	sa_arm_retry(sa, RETRY_MS + spread % RETRY_SPREAD_MS);
}

/* Read the answer into a new shadow. Returns 0 or -errno. */
static int read_renewal(struct ike_sa *sa, const struct ike_msg *m,
			struct ike_sa **out)
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
	renewal_sa(&sa->suite, &own);
	if (sa_parse(&r, &answer) ||
	    !suite_chosen(&own, &answer, IKE_SPI_LEN, &suite) ||
	    nonce_check(&m->nonce, suite.prf))
		return -EBADMSG;
	rbuf_init(&r, m->ke.body, m->ke.len);
	if (ke_parse(&r, &ke) || ke.group != suite.ke)
		return -EBADMSG;
	ret = make_shadow(sa, true, &suite, rk->spi, p->spi, &s);
	if (ret)
		return ret;
	ret = blob_set(&s->hs->ni, rk->nonce.p, rk->nonce.len);
	if (!ret)
		ret = blob_set(&s->hs->nr, m->nonce.body, m->nonce.len);
	if (!ret)
		ret = derive_renewed(sa, s, rk->dh, &ke);
	if (ret)
		sa_free(s);
	else
		*out = s;
	return ret;
}

static const struct blob *lower_nonce(const struct blob *a,
				      const struct blob *b)
{
	size_t n = a->len < b->len ? a->len : b->len;
	int d = memcmp(a->p, b->p, n);

	return d < 0 || (!d && a->len < b->len) ? a : b;
}

/*
 * RFC 7296 section 2.8.2: the IKE SA with the lowest of the four nonces is the
 * redundant one.
 */
static bool is_redundant(const struct ike_sa *s, const struct ike_sa *other)
{
	const struct blob *mine = lower_nonce(&s->hs->ni, &s->hs->nr);

	return lower_nonce(mine, lower_nonce(&other->hs->ni, &other->hs->nr)) ==
	       mine;
}

void child_got_answer(struct ike_sa *sa, struct ike_in *in)
{
	const struct notify_pld *e = msg_error(&in->m);
	struct ike_sa *s = NULL, *candidate;

	task_free(task_take(sa));
	if (!sa->rekey || !sa->rekey->dh)
		return;
	if (e || read_renewal(sa, &in->m, &s)) {
		renewal_failed(sa, e ? e->type : 0);
		return;
	}
	/*
	 * An answer that the group layer owes belongs to the IKE SA that is
	 * replaced. The peer should not have renewed it meanwhile.
	 */
	if (sa->waits)
		groupreq_fail(sa);
	if (sa->dead) {
		sa_free(s);
		return;
	}
	enter_shadow(s);
	candidate = sa->rekey->candidate;
	if (candidate && is_redundant(s, candidate)) {
		/* The peer began the one that stays, and deletes the old one. */
		take_over(sa, candidate);
		delete_shadow(s);
		return;
	}
	if (candidate)
		candidate->main = NULL;
	take_over(sa, s);
	delete_shadow(s);
}

/* ---- the peer's request ------------------------------------------------- */

static void refuse_renewal(struct ike_sa *sa, uint16_t type)
{
	sa_respond_notify(sa, IKE_XCHG_CREATE_CHILD_SA, type, NULL, 0);
}

static void bad_renewal(struct ike_sa *sa, const char *why)
{
	sa->engine->stats.in_syntax++;
	refuse_renewal(sa, IKE_N_INVALID_SYNTAX);
	sa_close(sa, 0, why);
}

static bool is_for_ike(const struct sa_pld *offer)
{
	for (unsigned int i = 0; i < offer->n; i++)
		if (offer->p[i].proto == IKE_PROTO_IKE)
			return true;
	return false;
}

/* Return true if the IKE SA cannot be renewed now. */
static bool is_inconvenient(const struct ike_sa *sa)
{
	/* Another exchange of ours is open (RFC 7296 section 2.25.2). */
	if (sa->my_busy && sa->my_xchg != IKE_XCHG_CREATE_CHILD_SA &&
	    sa->my_xchg != IKE_XCHG_INFORMATIONAL)
		return true;
	if (sa->rekey && sa->rekey->candidate)
		return true;
	return is_recent(sa);
}

/* Make the shadow and the answer to the request, and send it. */
static int answer_renewal(struct ike_sa *sa, const struct ike_msg *m,
			  const struct ike_suite *suite, const uint8_t *spi_i,
			  const struct ke_pld *ke, struct ike_sa **out)
{
	uint8_t spi_r[IKE_SPI_LEN];
	struct ike_sa *s = NULL;
	struct dh *dh = NULL;
	struct pchain c;
	struct wbuf w;
	int ret;

	wbuf_init(&w, IKE_INNER_MAX);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	ret = table_new_spi(sa->engine, spi_r);
	if (!ret)
		ret = make_shadow(sa, false, suite, spi_i, spi_r, &s);
	if (!ret)
		ret = dh_new(suite->ke, &dh);
	if (!ret)
		ret = blob_set(&s->hs->ni, m->nonce.body, m->nonce.len);
	if (!ret)
		ret = fresh_nonce(&s->hs->nr);
	if (!ret)
		ret = derive_renewed(sa, s, dh, ke);
	if (!ret) {
		put_renewal(&c, suite, spi_r, &s->hs->nr, dh);
		ret = sa_respond(sa, IKE_XCHG_CREATE_CHILD_SA, c.first, &w);
	}
	wbuf_free(&w);
	if (dh)
		dh_free(dh);
	if (ret && s)
		sa_free(s);
	else
		*out = s;
	return ret;
}

static void accept_renewal(struct ike_sa *sa, const struct ike_msg *m,
			   const struct ike_suite *suite, const uint8_t *spi_i,
			   const struct ke_pld *ke)
{
	struct ike_sa *s = NULL;
	int ret = answer_renewal(sa, m, suite, spi_i, ke, &s);

	if (ret == -EBADMSG) {
		bad_renewal(sa, "KE is not a point of its curve");
	} else if (ret) {
		refuse_renewal(sa, IKE_N_TEMPORARY_FAILURE);
	} else if (sa->rekey) {
		enter_shadow(s);
		/* The peer may delete the candidate, but that gives it no other. */
		sa->rekeyed_ms = mono_ms(sa);
		s->main = sa;
		sa->rekey->candidate = s;
	} else {
		enter_shadow(s);
		/* The peer deletes the replaced one. */
		take_over(sa, s);
		sa_run(sa);
	}
}

void child_got_request(struct ike_sa *sa, struct ike_in *in)
{
	static struct sa_pld offer;
	const struct ike_msg *m = &in->m;
	const struct proposal *p;
	/* An IKE SA neither gets nor loses key wrap by a renewal. */
	const struct suite_rules rules = {
		.own = &sa->engine->proposals,
		.spi_len = IKE_SPI_LEN,
		.kwa = sa->suite.kwa,
	};
	struct ike_suite suite;
	struct ke_pld ke;
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
	    ke_parse(&r, &ke)) {
		bad_renewal(sa, "KE or nonce is missing or malformed");
		return;
	}
	if (is_inconvenient(sa)) {
		refuse_renewal(sa, IKE_N_TEMPORARY_FAILURE);
		return;
	}
	p = suite_choose(&rules, &offer, &suite);
	if (!p) {
		refuse_renewal(sa, IKE_N_NO_PROPOSAL_CHOSEN);
		return;
	}
	if (nonce_check(&m->nonce, suite.prf)) {
		bad_renewal(sa, "nonce of less than half of the PRF's key");
		return;
	}
	if (ke.group != suite.ke) {
		put_unaligned_be16(suite.ke, group);
		sa_respond_notify(sa, IKE_XCHG_CREATE_CHILD_SA,
				  IKE_N_INVALID_KE_PAYLOAD, group, 2);
		return;
	}
	accept_renewal(sa, m, &suite, p->spi, &ke);
}
