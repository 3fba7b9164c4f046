// SPDX-License-Identifier: Apache-2.0
/*
 * IKE_FOLLOWUP_KE (RFC 9370 section 2.2.4): additional key exchanges of a renewal,
 * over the IKE SA that is replaced. A new IKE SA exists when the last one is done.
 *
 *	HDR, SK{ KEi(n), N(ADDITIONAL_KEY_EXCHANGE) } -->
 *			<-- HDR, SK{ KEr(n), N(ADDITIONAL_KEY_EXCHANGE) }
 *
 * The last answer has no notify. The side that answers keeps the state for FOLLOW_MS,
 * and says STATE_NOT_FOUND after that.
 */
#include <errno.h>
#include <string.h>

#include "crypto/rand.h"
#include "ike/renewal.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/secret.h"

/* Time that the next request of the peer may take. */
#define FOLLOW_MS 20000

static int new_follow(struct ike_sa *s, const struct ike_secrets *secrets,
		      const void *link, size_t len, struct ike_follow **out)
{
	struct ike_follow *f = secret_alloc(sizeof(*f));

	if (!f)
		return -ENOMEM;
	if (blob_set(&f->link, link, len)) {
		secret_free(f);
		return -ENOMEM;
	}
	f->next = s;
	f->secrets = *secrets;
	*out = f;
	return 0;
}

/* The method that is due, or 0. */
static uint16_t due_method(const struct ike_follow *f)
{
	return renewal_addke(f->next, f->secrets.n - 1);
}

/* Take the new IKE SA out of @f, with keys. Returns NULL on failure. */
static struct ike_sa *take_next(const struct ike_sa *sa, struct ike_follow *f)
{
	struct ike_sa *s = f->next;

	if (renewal_derive(sa, s, &f->secrets))
		return NULL;
	f->next = NULL;
	return s;
}

/* Return false if there is no valid KE of the method that is due. */
static bool read_ke(const struct ike_follow *f, const struct ike_msg *m,
		    struct ke_pld *ke)
{
	struct rbuf r;

	rbuf_init(&r, m->ke.body, m->ke.len);
	return m->ke.body && !ke_parse(&r, ke) && ke->group == due_method(f);
}

/* ---- who began ------------------------------------------------------------ */

int followup_begin(struct ike_sa *sa, struct ike_sa *s,
		   const struct ike_secrets *secrets,
		   const struct notify_pld *link)
{
	static const struct ike_task t = { .xchg = IKE_XCHG_IKE_FOLLOWUP_KE };
	int ret;

	ret = new_follow(s, secrets, link->data, link->len, &sa->rekey->follow);
	if (ret) {
		sa_free(s);
		return ret;
	}
	return task_push_first(sa, &t);
}

int followup_request(struct ike_sa *sa, const struct ike_task *t)
{
	struct ike_follow *f = sa->rekey ? sa->rekey->follow : NULL;
	const uint8_t *offer;
	struct pchain c;
	struct wbuf w;
	size_t len;
	int ret;

	(void)t;
	/* The renewal has ended in another way. */
	if (!f)
		return -ENODATA;
	ke_free(f->ke);
	f->ke = NULL;
	ret = ke_new(due_method(f), &f->ke);
	if (ret)
		return ret;
	wbuf_init(&w, IKE_INNER_MAX);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	offer = ke_offer(f->ke, &len);
	ke_build(&c, ke_method(f->ke), offer, len);
	notify_build(&c, IKE_N_ADDITIONAL_KEY_EXCHANGE, f->link.p, f->link.len);
	ret = sa_request(sa, IKE_XCHG_IKE_FOLLOWUP_KE, c.first, &w);
	wbuf_free(&w);
	return ret;
}

/* Add the secret of an answer. Returns false if it is malformed. */
static bool read_follow_answer(struct ike_follow *f, const struct ike_msg *m)
{
	const struct notify_pld *link =
		msg_notify(m, IKE_N_ADDITIONAL_KEY_EXCHANGE);
	struct ke_pld ke;

	if (!read_ke(f, m, &ke) ||
	    ke_finish(f->ke, ke.data, ke.len, &f->secrets.v[f->secrets.n]))
		return false;
	f->secrets.n++;
	ke_free(f->ke);
	f->ke = NULL;
	return !due_method(f) ||
	       (link && !blob_set(&f->link, link->data, link->len));
}

void followup_got_answer(struct ike_sa *sa, struct ike_in *in)
{
	struct ike_follow *f = sa->rekey ? sa->rekey->follow : NULL;
	const struct notify_pld *e = msg_error(&in->m);
	struct ike_sa *s;

	if (!f) {
		task_free(task_take(sa));
		return;
	}
	if (e || !read_follow_answer(f, &in->m)) {
		task_free(task_take(sa));
		renewal_failed(sa, e ? e->type : 0);
		return;
	}
	/* The task stays for the next one. */
	if (due_method(f))
		return;
	task_free(task_take(sa));
	s = take_next(sa, f);
	if (s)
		renewal_created(sa, s);
	else
		renewal_failed(sa, 0);
}

/* ---- who answers ---------------------------------------------------------- */

static void on_follow_late(void *arg)
{
	struct ike_sa *sa = arg;

	sa_debug(sa, "IKE SA not renewed: the peer did not go on");
	sa_drop_follow(sa);
}

int followup_expect(struct ike_sa *sa, struct ike_sa *s,
		    const struct ike_secrets *secrets, const uint8_t **link)
{
	uint8_t octets[FOLLOW_LINK];
	int ret = rand_bytes(octets, sizeof(octets));

	sa_drop_follow(sa);
	if (!ret)
		ret = new_follow(s, secrets, octets, sizeof(octets),
				 &sa->follow);
	if (ret) {
		sa_free(s);
		return ret;
	}
	*link = sa->follow->link.p;
	timer_init(&sa->follow->timer, on_follow_late, sa);
	timer_set(sa->engine->cfg.tq, &sa->follow->timer, FOLLOW_MS);
	/* The peer causes key exchanges, whether it goes on or not. */
	sa->begun_ms = clock_mono_ms(sa->engine->cfg.clock);
	return 0;
}

static int send_follow_answer(struct ike_sa *sa, bool last, uint16_t method,
			      const struct ke_answer *answer)
{
	const struct blob *link = &sa->follow->link;
	struct pchain c;
	struct wbuf w;
	int ret;

	wbuf_init(&w, IKE_INNER_MAX);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	ke_build(&c, method, answer->p, answer->len);
	if (!last)
		notify_build(&c, IKE_N_ADDITIONAL_KEY_EXCHANGE, link->p,
			     link->len);
	ret = sa_respond(sa, IKE_XCHG_IKE_FOLLOWUP_KE, c.first, &w);
	wbuf_free(&w);
	return ret;
}

/* Answer, now that the key exchange is computed; the last one replaces the IKE SA. */
static void finish_follow_request(struct ike_sa *sa, uint16_t method,
				  const struct ke_answer *answer)
{
	struct ike_follow *f = sa->follow;
	bool last = !due_method(f);
	struct ike_sa *s = last ? take_next(sa, f) : NULL;

	if (last && !s) {
		renewal_refuse(sa, IKE_XCHG_IKE_FOLLOWUP_KE,
			       IKE_N_TEMPORARY_FAILURE);
		sa_drop_follow(sa);
		return;
	}
	if (send_follow_answer(sa, last, method, answer)) {
		if (s)
			sa_free(s);
		sa_drop_follow(sa);
		return;
	}
	if (!last) {
		timer_set(sa->engine->cfg.tq, &f->timer, FOLLOW_MS);
		return;
	}
	renewal_enter(s);
	/* The peer deletes the replaced one. */
	renewal_take_over(sa, s);
	sa_run(sa);
}

void followup_got_request(struct ike_sa *sa, struct ike_in *in)
{
	const struct notify_pld *link =
		msg_notify(&in->m, IKE_N_ADDITIONAL_KEY_EXCHANGE);
	struct ike_follow *f = sa->follow;
	struct ke_answer answer;
	struct ke_pld ke;
	int ret;

	if (!f || !link || !blob_is(&f->link, link->data, link->len)) {
		renewal_refuse(sa, IKE_XCHG_IKE_FOLLOWUP_KE,
			       IKE_N_STATE_NOT_FOUND);
		return;
	}
	if (renewal_in_way(sa)) {
		renewal_refuse(sa, IKE_XCHG_IKE_FOLLOWUP_KE,
			       IKE_N_TEMPORARY_FAILURE);
		sa_drop_follow(sa);
		return;
	}
	if (!read_ke(f, &in->m, &ke)) {
		renewal_malformed(sa, IKE_XCHG_IKE_FOLLOWUP_KE,
				  "KE is missing, malformed or of another method");
		return;
	}
	ret = ke_answer(ke.group, ke.data, ke.len, &answer,
			&f->secrets.v[f->secrets.n]);
	if (ret == -EBADMSG) {
		renewal_malformed(sa, IKE_XCHG_IKE_FOLLOWUP_KE,
				  "KE has no valid value");
	} else if (ret) {
		renewal_refuse(sa, IKE_XCHG_IKE_FOLLOWUP_KE,
			       IKE_N_TEMPORARY_FAILURE);
		sa_drop_follow(sa);
	} else {
		f->secrets.n++;
		finish_follow_request(sa, ke.group, &answer);
	}
}
