// SPDX-License-Identifier: Apache-2.0
/*
 * What goes out under an IKE SA: our requests one after the other, as a
 * queue of tasks, and our answers.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ike/sa.h"
#include "lib/log.h"

/* ---- our requests ------------------------------------------------------- */

void task_free(struct ike_task *t)
{
	free(t->sag);
	free(t);
}

int task_push(struct ike_sa *sa, const struct ike_task *t)
{
	struct ike_task *copy;

	if (sa->dead)
		return -ENOTCONN;
	if (sa->n_tasks >= IKE_QUEUE_MAX)
		return -ENOBUFS;
	copy = malloc(sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	*copy = *t;
	if (t->sag) {
		copy->sag = malloc(sizeof(*t->sag));
		if (!copy->sag) {
			free(copy);
			return -ENOMEM;
		}
		*copy->sag = *t->sag;
	}
	TAILQ_INSERT_TAIL(&sa->tasks, copy, link);
	sa->n_tasks++;
	return 0;
}

struct ike_task *task_take(struct ike_sa *sa)
{
	struct ike_task *t = TAILQ_FIRST(&sa->tasks);

	if (t) {
		TAILQ_REMOVE(&sa->tasks, t, link);
		sa->n_tasks--;
	}
	return t;
}

static int task_start(struct ike_sa *sa, const struct ike_task *t)
{
	switch (t->type) {
	case TASK_INIT:
		return init_request(sa);
	case TASK_AUTH:
		return auth_request(sa, t);
	case TASK_REGISTER:
	case TASK_REPORT:
		return reg_request(sa, t);
	case TASK_LIVENESS:
		return info_request(sa);
	case TASK_SENDING:
	case TASK_RIVAL:
		return info_of_data(sa, t);
	}
	return -EINVAL;
}

void sa_run(struct ike_sa *sa)
{
	struct ike_task *t = TAILQ_FIRST(&sa->tasks);
	char why[96];
	int ret;

	if (sa->dead || sa->my_busy || !t)
		return;
	if (sa->my_mid == UINT32_MAX) {
		sa_close(sa, 0, "Message IDs are used up");
		return;
	}
	ret = task_start(sa, t);
	if (!ret || sa->dead)
		return;
	snprintf(why, sizeof(why), "request cannot be made: %s",
		 strerror(-ret));
	sa_close(sa, 0, why);
}

static void hdr_of(const struct ike_sa *sa, struct ike_hdr *h, uint8_t xchg,
		   bool response, uint32_t mid)
{
	memset(h, 0, sizeof(*h));
	memcpy(h->spi_i, sa->spi_i, IKE_SPI_LEN);
	memcpy(h->spi_r, sa->spi_r, IKE_SPI_LEN);
	h->xchg = xchg;
	h->flags = (sa->initiator ? IKE_FLAG_INITIATOR : 0) |
		   (response ? IKE_FLAG_RESPONSE : 0);
	h->mid = mid;
}

/*
 * Each message takes an IV of its own; one that is sent again is sent as the
 * octets that it was.
 */
static int seal(struct ike_sa *sa, const struct ike_hdr *h, uint8_t first,
		const struct wbuf *inner, struct wbuf *out)
{
	struct sk_key *k = sa->initiator ? &sa->keys.ei : &sa->keys.er;

	if (!sa->keys.have || k->iv == UINT64_MAX)
		return -ENOTCONN;
	if (inner->err)
		return inner->err;
	ike_hdr_build(out, h);
	return sk_seal(out, k, k->iv++, first, inner->p, inner->len);
}

int sa_request_raw(struct ike_sa *sa, uint8_t xchg, const struct wbuf *msg)
{
	struct ike_engine_cfg *cfg = &sa->engine->cfg;
	int ret;

	if (msg->err)
		return msg->err;
	ret = blob_set(&sa->my_req, msg->p, msg->len);
	if (ret)
		return ret;
	sa->my_xchg = xchg;
	sa->my_busy = true;
	sa->my_sent = 0;
	timer_set(cfg->tq, &sa->t_rexmit, cfg->rexmit_ms);
	engine_send(sa->engine, &sa->local, &sa->peer, sa->my_req.p,
		    sa->my_req.len);
	return 0;
}

int sa_request(struct ike_sa *sa, uint8_t xchg, uint8_t first,
	       const struct wbuf *inner)
{
	struct ike_hdr h;
	struct wbuf out;
	int ret;

	wbuf_init(&out, IKE_MSG_MAX);
	hdr_of(sa, &h, xchg, false, sa->my_mid);
	ret = seal(sa, &h, first, inner, &out);
	if (!ret)
		ret = sa_request_raw(sa, xchg, &out);
	wbuf_free(&out);
	return ret;
}

void sa_last_word(struct ike_sa *sa, uint8_t first, const struct wbuf *inner)
{
	struct ike_hdr h;
	struct wbuf out;

	wbuf_init(&out, IKE_MSG_MAX);
	/* Behind a request that may have arrived, its answer being lost */
	hdr_of(sa, &h, IKE_XCHG_INFORMATIONAL, false, sa->my_mid + sa->my_busy);
	if (!seal(sa, &h, first, inner, &out))
		engine_send(sa->engine, &sa->local, &sa->peer, out.p, out.len);
	wbuf_free(&out);
}

/* ---- our answers -------------------------------------------------------- */

int sa_respond(struct ike_sa *sa, uint8_t xchg, uint8_t first,
	       const struct wbuf *inner)
{
	struct ike_hdr h;
	struct wbuf out;
	int ret;

	wbuf_init(&out, IKE_MSG_MAX);
	hdr_of(sa, &h, xchg, true, sa->peer_mid - 1);
	ret = seal(sa, &h, first, inner, &out);
	if (!ret)
		ret = blob_set(&sa->last_res, out.p, out.len);
	if (!ret)
		engine_send(sa->engine, &sa->ans_local, &sa->ans_peer,
			    sa->last_res.p, sa->last_res.len);
	else
		log_warn("ike %s: answer cannot be made: %s", sa->name,
			 strerror(-ret));
	wbuf_free(&out);
	return ret;
}

int sa_respond_notify(struct ike_sa *sa, uint8_t xchg, uint16_t type,
		      const void *data, size_t len)
{
	struct pchain c;
	struct wbuf w;
	int ret;

	wbuf_init(&w, IKE_INNER_MAX);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	notify_build(&c, type, data, len);
	ret = sa_respond(sa, xchg, c.first, &w);
	wbuf_free(&w);
	return ret;
}
