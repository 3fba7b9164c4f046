// SPDX-License-Identifier: Apache-2.0
/*
 * GSA_INBAND_REKEY (RFC 9838 sections 2.4.2 and 2.4.3): the key server rekeys or
 * excludes one member over its IKE SA.
 *
 *				<-- HDR, SK{ GSA, KD, N }  or  SK{ D, D, N }
 *	HDR, SK{} -->
 *
 * The exchange does not say which group it is for, and one IKE SA may be that of
 * several groups. N(MCSEC_GROUP) has the name, and other members ignore it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ike/exchange.h"
#include "lib/log.h"

static struct gike_inband *inband_new(void)
{
	struct gike_inband *msg = calloc(1, sizeof(*msg));

	if (msg)
		kd_init(&msg->kd);
	return msg;
}

static void inband_free(struct gike_inband *msg)
{
	kd_free(&msg->kd);
	free(msg);
}

/* ---- key server --------------------------------------------------------- */

/* Fill in Deletes with SPI 0: all Data SAs, and the Rekey SA. */
static void fill_exclusion(struct gike_inband *msg)
{
	msg->n_del = 2;
	msg->del[0].proto = IKE_PROTO_ESP;
	msg->del[0].spi_len = GIKE_SPI_LEN_DATA;
	msg->del[0].n = 1;
	msg->del[1].proto = GIKE_PROTO_GIKE_UPDATE;
	msg->del[1].spi_len = GIKE_SPI_LEN_REKEY;
	msg->del[1].n = 1;
}

static int fill_request(struct ike_sa *sa, const struct ike_task *t,
			struct gike_inband *msg)
{
	struct ike_engine *engine = sa->engine;
	struct err err = {};
	int ret;

	if (t->exclude) {
		fill_exclusion(msg);
		return 0;
	}
	ret = engine->ops.inband_fill
		      ? engine->ops.inband_fill(engine->ctx, sa, &t->idg, msg)
		      : -ENOENT;
	if (ret)
		return ret == -ENOENT ? -ENODATA : ret;
	if (!msg->has_keys)
		return 0;
	ret = gsa_check(&msg->gsa, &msg->kd, GC_INBAND, false, &err);
	if (ret)
		sa_err(sa, "rekey not built: GSA_INBAND_REKEY: %s", err.text);
	return ret;
}

static int build_payloads(const struct gike_inband *msg,
			  const struct ike_id *idg, struct pchain *c)
{
	if (msg->has_keys) {
		gsa_build(c, &msg->gsa);
		kd_build(c, &msg->kd);
	}
	for (unsigned int i = 0; i < msg->n_del; i++)
		delete_build(c, &msg->del[i]);
	if (msg->has_keys && msg->transport)
		notify_build(c, IKE_N_USE_TRANSPORT_MODE, NULL, 0);
	notify_build(c, MCSEC_N_GROUP, idg->data, idg->len);
	return c->w->err;
}

int inband_request(struct ike_sa *sa, const struct ike_task *t)
{
	struct gike_inband *msg = inband_new();
	struct pchain c;
	struct wbuf w;
	int ret;

	if (!msg)
		return -ENOMEM;
	wbuf_init(&w, IKE_INNER_MAX);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	ret = fill_request(sa, t, msg);
	if (!ret)
		ret = build_payloads(msg, &t->idg, &c);
	if (!ret)
		ret = sa_request(sa, GIKE_XCHG_GSA_INBAND_REKEY, c.first, &w);
	wbuf_free(&w);
	inband_free(msg);
	return ret;
}

void inband_got_answer(struct ike_sa *sa, struct ike_in *in)
{
	const struct notify_pld *e = msg_error(&in->m);
	struct ike_engine *engine = sa->engine;
	struct ike_task *t = task_take(sa);

	if (t && !t->exclude && engine->ops.inband_done)
		engine->ops.inband_done(engine->ctx, sa, &t->idg,
					e ? e->type : 0);
	task_free(t);
}

/* ---- member ------------------------------------------------------------- */

static int parse_deletes(const struct ike_msg *m, struct gike_inband *msg,
			 struct err *err)
{
	for (unsigned int i = 0; i < m->n_delete; i++) {
		if (m->del[i].proto == IKE_PROTO_IKE)
			return err_set(err, -EBADMSG, "Delete of the IKE SA");
		if (msg->n_del == IKE_INBAND_MAX_DEL)
			return err_set(err, -EBADMSG, "too many Deletes");
		msg->del[msg->n_del++] = m->del[i];
	}
	return 0;
}

static int parse_inband(const struct ike_msg *m, struct gike_inband *msg,
			struct err *err)
{
	struct rbuf r;
	int ret;

	ret = parse_deletes(m, msg, err);
	if (ret)
		return ret;
	if (!m->gsa.body && !m->kd.body)
		return msg->n_del ? 0
				  : err_set(err, -EBADMSG,
					    "neither GSA nor Delete");
	if (!m->gsa.body || !m->kd.body)
		return err_set(err, -EBADMSG, "GSA and KD come together");
	rbuf_init(&r, m->gsa.body, m->gsa.len);
	if (gsa_parse(&r, &msg->gsa))
		return err_set(err, -EBADMSG, "malformed GSA payload");
	rbuf_init(&r, m->kd.body, m->kd.len);
	if (kd_parse(&r, &msg->kd))
		return err_set(err, -EBADMSG, "malformed KD payload");
	msg->has_keys = true;
	msg->transport = msg_notify(m, IKE_N_USE_TRANSPORT_MODE);
	return gsa_check(&msg->gsa, &msg->kd, GC_INBAND, false, err);
}

static void answer_empty(struct ike_sa *sa)
{
	struct wbuf empty;

	wbuf_init(&empty, IKE_INNER_MAX);
	sa_respond(sa, GIKE_XCHG_GSA_INBAND_REKEY, IKE_PLD_NONE, &empty);
	wbuf_free(&empty);
}

static void take_inband(struct ike_sa *sa, const struct ike_id *idg,
			struct gike_inband *msg)
{
	struct ike_engine *engine = sa->engine;

	/* A callback that is told of an exclusion may close the SA. */
	if (!msg->has_keys)
		answer_empty(sa);
	if (engine->ops.inband)
		engine->ops.inband(engine->ctx, sa, idg, msg);
	if (msg->has_keys && !sa->dead)
		answer_empty(sa);
}

/* Return false if the name is malformed. */
static bool group_of(const struct ike_msg *m, struct ike_id *idg)
{
	const struct notify_pld *n = msg_notify(m, MCSEC_N_GROUP);

	memset(idg, 0, sizeof(*idg));
	return !n || !id_set(idg, IKE_ID_KEY_ID, n->data, n->len);
}

void inband_got_request(struct ike_sa *sa, struct ike_in *in)
{
	struct gike_inband *msg = inband_new();
	struct ike_id idg;
	struct err err = {};
	char why[ERR_LEN + 32];
	int ret = -ENOMEM;

	if (msg && !group_of(&in->m, &idg))
		ret = err_set(&err, -EBADMSG, "malformed name of the group");
	else if (msg)
		ret = parse_inband(&in->m, msg, &err);
	if (ret == -ENOTSUP) {
		msg->unusable = err.text;
		msg->has_keys = false;
		msg->n_del = 0;
		ret = 0;
	}
	if (!ret) {
		take_inband(sa, idg.type ? &idg : NULL, msg);
	} else {
		sa->engine->stats.in_syntax++;
		sa_respond_notify(sa, GIKE_XCHG_GSA_INBAND_REKEY,
				  IKE_N_INVALID_SYNTAX, NULL, 0);
		snprintf(why, sizeof(why), "bad GSA_INBAND_REKEY: %s",
			 err.text[0] ? err.text : strerror(-ret));
		sa_close(sa, 0, why);
	}
	if (msg)
		inband_free(msg);
}
