// SPDX-License-Identifier: Apache-2.0
/*
 * IKE_INTERMEDIATE (RFC 9242) with additional key exchanges (RFC 9370 section
 * 2.2.2), one in each, between IKE_SA_INIT and GSA_AUTH or IKE_AUTH.
 *
 *	HDR, SK{ KEi(n) } -->
 *				<-- HDR, SK{ KEr(n) }
 *
 * Both messages are encrypted by the keys of before, which the shared secret then
 * replaces. AUTH covers all of these messages (intauth.h), and the number of them
 * is that of the methods which were agreed on.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ike/exchange.h"
#include "lib/log.h"
#include "lib/secret.h"

int inter_begin(struct ike_sa *sa)
{
	static const struct ike_task t = { .xchg = IKE_XCHG_IKE_INTERMEDIATE };

	if (!suite_addke(&sa->suite, 0))
		return 0;
	sa->hs->inter = secret_alloc(sizeof(*sa->hs->inter));
	if (!sa->hs->inter)
		return -ENOMEM;
	return sa->initiator ? task_push_first(sa, &t) : 0;
}

bool inter_is_due(const struct ike_sa *sa)
{
	return sa->hs && sa->hs->inter &&
	       suite_addke(&sa->suite, sa->hs->inter->done);
}

bool inter_is_over(const struct ike_sa *sa)
{
	return !inter_is_due(sa);
}

/*
 * Derive the next keys: SKEYSEED(n) = prf(SK_d(n-1), SK(n) | Ni | Nr), by the same
 * formula as those of a renewal.
 */
static int derive_next(const struct ike_sa *sa, const struct ke_shared *shared,
		       struct ike_keys *next)
{
	struct ike_seed seed;
	int ret;

	ret = seed_of_rekey(&seed, &sa->suite, &sa->keys, &sa->hs->ni,
			    &sa->hs->nr, shared->p, shared->len);
	if (!ret)
		ret = keys_derive(next, &sa->suite, &seed, &sa->hs->ni,
				  &sa->hs->nr, sa->spi_i, sa->spi_r);
	seed_wipe(&seed);
	return ret;
}

/* The exchange is complete: use the keys, which are taken over. */
static void use_next(struct ike_sa *sa, struct ike_keys *next)
{
	keys_wipe(&sa->keys);
	sa->keys = *next;
	secret_wipe(next, sizeof(*next));
	sa->hs->inter->done++;
	if (inter_is_over(sa))
		keys_export(sa);
}

/* Return NULL and set @ke, or return why @m has none of the method that is due. */
static const char *take_ke(const struct ike_sa *sa, const struct ike_msg *m,
			   struct ke_pld *ke)
{
	struct rbuf r;

	if (!m->ke.body)
		return "KE is missing";
	rbuf_init(&r, m->ke.body, m->ke.len);
	if (ke_parse(&r, ke))
		return "KE is malformed";
	if (ke->group != suite_addke(&sa->suite, sa->hs->inter->done))
		return "KE is of another method than was agreed on";
	return NULL;
}

/* ---- initiator ---------------------------------------------------------- */

int inter_request(struct ike_sa *sa, const struct ike_task *t)
{
	struct ike_inter *inter = sa->hs->inter;
	const uint8_t *offer;
	struct pchain c;
	struct wbuf w;
	size_t len;
	int ret;

	(void)t;
	ke_free(inter->ke);
	inter->ke = NULL;
	ret = ke_new(suite_addke(&sa->suite, inter->done), &inter->ke);
	if (!ret && sa->state != IKE_ST_INTER_SENT)
		ret = ike_sa_state(sa, IKE_ST_INTER_SENT);
	if (ret)
		return ret;
	wbuf_init(&w, IKE_INNER_MAX);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	offer = ke_offer(inter->ke, &len);
	ke_build(&c, ke_method(inter->ke), offer, len);
	ret = sa_request(sa, IKE_XCHG_IKE_INTERMEDIATE, c.first, &w);
	if (!ret)
		ret = int_auth_add(&inter->i, sa->suite.prf, sa->keys.sk_pi,
				   sa->my_req.v[0].p, w.p, w.len);
	wbuf_free(&w);
	return ret;
}

/* Return why the answer cannot be used, or NULL. */
static const char *read_inter_answer(struct ike_sa *sa, const struct ike_in *in)
{
	struct ike_inter *inter = sa->hs->inter;
	struct ke_shared shared = { 0 };
	struct ike_keys next;
	const char *why;
	struct ke_pld ke;
	int ret;

	why = take_ke(sa, &in->m, &ke);
	if (why)
		return why;
	ret = ke_finish(inter->ke, ke.data, ke.len, &shared);
	if (!ret)
		ret = int_auth_add(&inter->r, sa->suite.prf, sa->keys.sk_pr,
				   in->opened->dgram.p, in->opened->plain,
				   in->opened->len);
	if (!ret)
		ret = derive_next(sa, &shared, &next);
	ke_wipe(&shared);
	ke_free(inter->ke);
	inter->ke = NULL;
	if (ret)
		return ret == -EBADMSG ? "KE has no valid value"
				       : "no keys could be derived";
	use_next(sa, &next);
	return NULL;
}

void inter_got_answer(struct ike_sa *sa, struct ike_in *in)
{
	const struct notify_pld *e = msg_error(&in->m);
	const char *why;
	char text[96];

	if (e) {
		snprintf(text, sizeof(text), "%s from key server",
			 ike_notify_name(e->type));
		sa_event(sa, IKE_EV_REFUSED, text);
		sa_close(sa, e->type, text);
		return;
	}
	why = read_inter_answer(sa, in);
	if (why) {
		sa->engine->stats.in_syntax++;
		snprintf(text, sizeof(text), "bad answer: %s", why);
		sa_close(sa, 0, text);
		return;
	}
	if (inter_is_over(sa))
		task_free(task_take(sa));
}

/* ---- responder ---------------------------------------------------------- */

/* Nothing is authenticated yet, so that the SA ends (RFC 7296 section 2.21.2). */
static void refuse_inter(struct ike_sa *sa, const char *why)
{
	char text[96];

	sa->engine->stats.in_syntax++;
	engine_request_refused(sa->engine, &sa->path.peer,
			       "IKE_INTERMEDIATE, INVALID_SYNTAX: %s", why);
	sa_respond_notify(sa, IKE_XCHG_IKE_INTERMEDIATE, IKE_N_INVALID_SYNTAX,
			  NULL, 0);
	snprintf(text, sizeof(text), "bad request: %s", why);
	sa_close(sa, 0, text);
}

/* Send the answer, and add it to IntAuth. */
static int send_inter_answer(struct ike_sa *sa, uint16_t method,
			     const struct ke_answer *answer)
{
	struct ike_inter *inter = sa->hs->inter;
	struct pchain c;
	struct wbuf w;
	int ret;

	wbuf_init(&w, IKE_INNER_MAX);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	ke_build(&c, method, answer->p, answer->len);
	ret = sa_respond(sa, IKE_XCHG_IKE_INTERMEDIATE, c.first, &w);
	if (!ret)
		ret = int_auth_add(&inter->r, sa->suite.prf, sa->keys.sk_pr,
				   sa->kept->res.dgrams.v[0].p, w.p, w.len);
	wbuf_free(&w);
	return ret;
}

void inter_got_request(struct ike_sa *sa, struct ike_in *in)
{
	const struct opened *o = in->opened;
	struct ke_shared shared = { 0 };
	struct ike_inter *inter = sa->hs->inter;
	struct ike_keys next = { 0 };
	struct ke_answer answer;
	const char *why;
	struct ke_pld ke;
	int ret;

	why = take_ke(sa, &in->m, &ke);
	if (why) {
		refuse_inter(sa, why);
		return;
	}
	ret = ke_answer(ke.group, ke.data, ke.len, &answer, &shared);
	if (ret == -EBADMSG) {
		refuse_inter(sa, "KE has no valid value");
		return;
	}
	if (!ret)
		ret = int_auth_add(&inter->i, sa->suite.prf, sa->keys.sk_pi,
				   o->dgram.p, o->plain, o->len);
	if (!ret)
		ret = derive_next(sa, &shared, &next);
	if (!ret)
		ret = send_inter_answer(sa, ke.group, &answer);
	ke_wipe(&shared);
	if (ret) {
		keys_wipe(&next);
		sa_close(sa, 0, "the response could not be built");
		return;
	}
	inter->was = sa->keys.ei;
	use_next(sa, &next);
}
