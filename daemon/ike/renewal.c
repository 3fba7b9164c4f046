// SPDX-License-Identifier: Apache-2.0
#include "ike/renewal.h"

#include <errno.h>
#include <string.h>

#include "crypto/rand.h"
#include "ike/session.h"
#include "lib/clock.h"
#include "lib/log.h"

/*
 * A shadow outlives the last retransmission of a request that it has answered,
 * which mcsecd sends after 39 s.
 */
#define SHADOW_MS 60000
/* STATE_NOT_FOUND in a row, after which the IKE SA ends (RFC 9370, 2.2.4). */
#define LOST_MAX 3

/* ---- the new IKE SA ------------------------------------------------------ */

int renewal_make(struct ike_sa *sa, bool initiator,
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
	/* SK_d, from which the new keys are derived, has the former ones in it. */
	if (!suite_addke(suite, 0)) {
		memcpy(s->suite.addke, sa->suite.addke, sizeof(s->suite.addke));
		s->suite.addke_types = 0;
	}
	memcpy(s->spi_i, spi_i, IKE_SPI_LEN);
	memcpy(s->spi_r, spi_r, IKE_SPI_LEN);
	*out = s;
	return 0;
}

uint16_t renewal_addke(const struct ike_sa *s, unsigned int n)
{
	return s->suite.addke_types ? suite_addke(&s->suite, n) : 0;
}

int renewal_derive(const struct ike_sa *sa, struct ike_sa *s,
		   const struct ike_secrets *secrets)
{
	struct ike_seed seed;
	int ret;

	ret = seed_of_renewal(&seed, &sa->suite, &sa->keys, &s->hs->ni,
			      &s->hs->nr, secrets);
	if (!ret)
		ret = keys_derive(&s->keys, &s->suite, &seed, &s->hs->ni,
				  &s->hs->nr, s->spi_i, s->spi_r);
	seed_wipe(&seed);
	/* A renewal has no AUTH. */
	keys_drop_auth(&s->keys);
	return ret;
}

void renewal_enter(struct ike_sa *s)
{
	table_add(s->engine, s);
	ike_sa_state(s, IKE_ST_UP);
	timer_set(s->engine->cfg.tq, &s->t_life, SHADOW_MS);
}

/* ---- one in place of the other -------------------------------------------- */

/*
 * RFC 5723 section 6.2: a ticket has the keys of before, and ends. The member asks for
 * another; without one it registers by IKE_SA_INIT.
 */
static void renew_ticket(struct ike_sa *sa)
{
	static const struct ike_task ask = {
		.xchg = IKE_XCHG_INFORMATIONAL,
		.notify = IKE_N_TICKET_REQUEST,
	};

	if (sa->gcks)
		ticket_end(sa);
	else if (session_end(sa))
		task_push(sa, &ask);
}

void renewal_take_over(struct ike_sa *sa, struct ike_sa *s)
{
	timer_del(sa->engine->cfg.tq, &sa->t_rexmit);
	/* A request of ours that is not answered yet is given up. */
	sa->my_busy = false;
	dgrams_free(&sa->my_req);
	frags_drop(sa);
	frags_drop(s);
	table_swap(sa, s);
	memcpy(s->successor, sa_own_spi(sa), IKE_SPI_LEN);
	sa_drop_rekey(sa);
	sa_drop_follow(sa);
	s->main = NULL;
	sa->rekeyed_ms = clock_mono_ms(sa->engine->cfg.clock);
	sa->lost_follows = 0;
	sa->engine->stats.rekeyed++;
	renew_ticket(sa);
	sa_arm_life(sa);
	keys_export(sa);
	sa_debug(sa, "IKE SA renewed: it was %s", sa_name(s));
}

static bool is_of_renewal(const struct ike_task *t)
{
	return t && (t->xchg == IKE_XCHG_CREATE_CHILD_SA ||
		     t->xchg == IKE_XCHG_IKE_FOLLOWUP_KE);
}

bool renewal_adopt(struct ike_sa *sa)
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
	if (is_of_renewal(TAILQ_FIRST(&sa->tasks)))
		task_free(task_take(sa));
	renewal_take_over(sa, s);
	sa_run(sa);
	return true;
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

void renewal_created(struct ike_sa *sa, struct ike_sa *s)
{
	struct ike_sa *candidate;

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
	renewal_enter(s);
	candidate = sa->rekey->candidate;
	if (candidate && is_redundant(s, candidate)) {
		/* The peer began the one that stays, and deletes the old one. */
		renewal_take_over(sa, candidate);
		delete_shadow(s);
		return;
	}
	if (candidate)
		candidate->main = NULL;
	renewal_take_over(sa, s);
	delete_shadow(s);
}

/* ---- failures ------------------------------------------------------------ */

void renewal_failed(struct ike_sa *sa, uint16_t type)
{
	uint32_t spread = 0;

	if (renewal_adopt(sa))
		return;
	sa_drop_rekey(sa);
	sa->engine->stats.rekey_failed++;
	sa_debug(sa, "IKE SA not renewed: %s",
		 type ? ike_notify_name(type) : "malformed answer");
	if (type == IKE_N_STATE_NOT_FOUND && ++sa->lost_follows >= LOST_MAX) {
		last_request_delete(sa, false);
		sa_close(sa, 0, "the peer loses the state of each renewal");
		return;
	}
	if (type != IKE_N_TEMPORARY_FAILURE && type != IKE_N_STATE_NOT_FOUND) {
		sa_arm_end(sa);
		return;
	}
	if (rand_bytes(&spread, sizeof(spread)))
		spread = 0;
	sa_arm_retry(sa, RENEWAL_RETRY_MS + spread % RETRY_SPREAD_MS);
}

void renewal_refuse(struct ike_sa *sa, uint8_t xchg, uint16_t type)
{
	sa_respond_notify(sa, xchg, type, NULL, 0);
}

void renewal_malformed(struct ike_sa *sa, uint8_t xchg, const char *why)
{
	sa->engine->stats.in_syntax++;
	renewal_refuse(sa, xchg, IKE_N_INVALID_SYNTAX);
	sa_close(sa, 0, why);
}

bool renewal_in_way(const struct ike_sa *sa)
{
	return sa->my_busy && sa->my_xchg != IKE_XCHG_CREATE_CHILD_SA &&
	       sa->my_xchg != IKE_XCHG_INFORMATIONAL;
}
