// SPDX-License-Identifier: Apache-2.0
/* Contents of the GSA_REKEYs of a change. */
#include "gcks/gkm_msg.h"

#include <errno.h>
#include <string.h>

#include "crypto/sign.h"
#include "crypto/wrap.h"
#include "gcks/copies.h"
#include "gcks/gkm_policy.h"
#include "gcks/group_time.h"
#include "gcks/mids.h"
#include "gcks/outbox.h"
#include "gcks/spread.h"
#include "gcks/wraps.h"
#include "lib/log.h"
#include "lib/util.h"

/*
 * Largest GSA_REKEY, or fragment of one, in octets, that passes everywhere:
 * IPv6's minimum MTU less the headers of IPv6 and UDP.
 */
#define FRAGMENT_MAX 1232

/* ---- wrapping ----------------------------------------------------------- */

/* Wrap a key that is the Rekey SA's, or wrapped with the default KWK. */
static int wrap_end(const struct group *g, const struct gkm_state *st,
		    const struct lkh_wrap *v, const struct kwk *def,
		    struct kd_key *key)
{
	struct kwk kwk = *def;
	int ret = 0;

	if (v->kwk_id)
		ret = kwk_set(&kwk, g->conf->kwa, v->kwk, lkh_key_len(g->tree));
	if (!ret)
		ret = kwk_wrap(&kwk, v->id, v->kwk_id,
			       v->key ? v->key : st->rekey.keymat,
			       v->key ? lkh_key_len(g->tree) : st->rekey.len,
			       key);
	kwk_wipe(&kwk);
	return ret;
}

int gkm_wrap(const struct group *g, const struct gkm_state *st,
	     const struct lkh_wraps *w, const struct kwk *def, struct kd *kd)
{
	struct kd_bag *bag;
	struct kd_key key;
	size_t i;
	int ret;

	ret = kd_bag(kd, GIKE_PROTO_GIKE_UPDATE, st->rekey.spi, &bag);
	for (i = 0; !ret && i < w->n; i++) {
		const struct lkh_wrap *v = &w->v[i];

		ret = v->id && v->kwk_id ? wraps_make(g, v, &key)
					 : wrap_end(g, st, v, def, &key);
		if (!ret)
			ret = v->id ? kd_wrap_add(kd, &key)
				    : kd_bag_add(bag, &key);
	}
	return ret;
}

int gkm_wrap_data(const struct gkm_state *st, const struct kwk *def,
		  struct kd *kd)
{
	struct kd_bag *bag;
	struct kd_key key;
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < st->n_data; i++) {
		const struct gkey *k = &st->data[i].key;

		ret = kd_bag(kd, IKE_PROTO_ESP, k->spi, &bag);
		if (!ret)
			ret = kwk_wrap(def, 0, 0, k->keymat, k->len, &key);
		if (!ret)
			ret = kd_bag_add(bag, &key);
	}
	return ret;
}

/* ---- messages ----------------------------------------------------------- */

/*
 * Every message deletes the retired Data SAs, for members that missed an
 * earlier message.
 */
static int add_data(struct group *g, const struct gkm_state *st,
		    struct rekey_msg *m, uint32_t atd, bool exclude)
{
	uint8_t spi[GIKE_SPI_LEN_DATA];
	unsigned int i;
	int ret = 0;

	m->has_gsa = true;
	m->transport = !g->conf->tunnel;
	gkm_data_policies(g, st, &m->gsa);
	m->gsa.gw.has |= GWP_HAS_ATD | GWP_HAS_DTD;
	m->gsa.gw.atd = atd;
	m->gsa.gw.dtd = spread_dtd(g);
	if (exclude) {
		m->gsa.gw.atd = copies_exclude_atd(g);
		m->gsa.gw.dtd = copies_exclude_dtd(g);
	}
	for (i = 0; !ret && i < st->n_old; i++) {
		put_unaligned_be32(st->old[i].spi, spi);
		ret = rekey_msg_delete(m, IKE_PROTO_ESP, spi);
	}
	return ret;
}

static void add_next_rekey(const struct gkm_state *st, struct gsa_gw *gw)
{
	gw->n_next_rekey = GKM_NEXT;
	memcpy(gw->next_rekey, st->next_spi, sizeof(st->next_spi));
}

int gkm_put_auth_key(const struct sigkey *sign, struct kd *kd)
{
	const uint8_t *spki;
	struct sigpub *pub;
	size_t len;
	int ret;

	ret = sigkey_pub(sign, &pub);
	if (ret)
		return ret;
	sigpub_spki(pub, &spki, &len);
	ret = kd_set_auth_key(kd, spki, len);
	sigpub_free(pub);
	return ret;
}

/* Seal @m over @rs and add it to @out. */
static int queue_message(struct group *g, struct outbox *out,
			 struct rekey_sa *rs, struct rekey_msg *m,
			 const uint32_t *at, unsigned int n)
{
	struct err err = {};
	struct out_msg *o;
	struct wbuf w;
	int ret;

	wbuf_init(&w, 2 * IKE_MSG_MAX);
	/* Fragments are used only if every recipient can reassemble them. */
	ret = rekey_build_frags(rs, m, g->n_whole ? 0 : FRAGMENT_MAX, &w, &err);
	if (ret) {
		if (notice_failure_left(g->k, g->conf->name))
			group_err(g, "rekey not built: %s%s%s", strerror(-ret),
				  err.text[0] ? ": " : "", err.text);
	} else {
		o = out_msg_new(g, &w, at, n);
		if (o)
			TAILQ_INSERT_TAIL(out, o, all);
		else
			ret = -ENOMEM;
	}
	wbuf_free(&w);
	return ret;
}

/* Add a message over the Rekey SA in use that is sent when the store has it. */
static int queue_change(struct group *g, struct gkm_change *c,
			struct rekey_msg *m, const uint32_t *at, unsigned int n)
{
	uint32_t beat = mids_change(g);
	int ret = queue_message(g, &c->out, &g->rs, m, at, n);

	mids_change_end(g, beat);
	return ret;
}

/*
 * Build the message over the Rekey SA that all members, excluded ones too,
 * have.
 */
static int first_message(struct group *g, struct gkm_change *c,
			 enum gkm_how how, const struct lkh_wraps *w)
{
	static const struct lkh_wrap simple;
	struct lkh_wraps one = { .v = (struct lkh_wrap *)&simple,
				 .n = 1,
				 .n_sa = 1 };
	uint32_t at[GKM_COPIES_MAX];
	struct rekey_msg m;
	unsigned int n;
	int ret;

	rekey_msg_init(&m);
	m.has_gsa = true;
	gkm_made(g, &m.gsa.gw);
	m.gsa.has_rekey = true;
	gkm_rekey_policy(g, &c->next, &m.gsa.rekey);
	/*
	 * An excluded member can read this message: the announced SPIs go into
	 * the second one.
	 */
	if (how == GKM_EXCLUDE)
		m.gsa.rekey.n_next_spi = 0;
	ret = gkm_wrap(g, &c->next, how == GKM_SIMPLE ? &one : w, &g->rs.gsk_w,
		       &m.kd);
	if (how == GKM_EXCLUDE) {
		n = copies_exclude(g, false, at);
	} else {
		n = copies_plain(g, at);
		if (!ret)
			ret = add_data(g, &c->next, &m,
				       c->keep_data ? pace_atd_left(g)
						    : pace_atd(g),
				       false);
		if (!ret)
			ret = gkm_wrap_data(&c->next, &g->rs.gsk_w, &m.kd);
	}
	/* The message is signed with the old key (RFC 9838 section 2.4.1.1). */
	if (!ret && c->sign)
		ret = gkm_put_auth_key(c->sign, &m.kd);
	if (!ret)
		ret = queue_change(g, c, &m, at, n);
	rekey_msg_free(&m);
	return ret;
}

/*
 * Build the message over the new Rekey SA, which excluded members cannot read.
 */
static int second_message(struct group *g, struct gkm_change *c)
{
	uint32_t at[GKM_COPIES_MAX];
	struct rekey_msg m;
	int ret;

	rekey_msg_init(&m);
	gkm_made(g, &m.gsa.gw);
	ret = add_data(g, &c->next, &m, 0, true);
	add_next_rekey(&c->next, &m.gsa.gw);
	if (!ret)
		ret = gkm_wrap_data(&c->next, &c->rs.gsk_w, &m.kd);
	if (!ret)
		ret = queue_message(g, &c->out, &c->rs, &m, at,
				    copies_exclude(g, true, at));
	rekey_msg_free(&m);
	return ret;
}

int gkm_beat_message(struct group *g, struct outbox *out)
{
	static const uint32_t at[1];
	struct rekey_msg m;
	int ret;

	rekey_msg_init(&m);
	gkm_made(g, &m.gsa.gw);
	ret = add_data(g, &g->st, &m, pace_atd_left(g), false);
	add_next_rekey(&g->st, &m.gsa.gw);
	if (!ret)
		ret = gkm_wrap_data(&g->st, &g->rs.gsk_w, &m.kd);
	if (!ret)
		ret = queue_message(g, out, &g->rs, &m, at, 1);
	rekey_msg_free(&m);
	/*
	 * A lost beat is not missed after a restart, since another one follows.
	 */
	if (!ret)
		TAILQ_LAST(out, outbox)->transient = true;
	return ret;
}

int gkm_messages(struct group *g, struct gkm_change *c, enum gkm_how how,
		 bool *announced)
{
	struct lkh_wraps w = { 0 };
	bool multicast;
	int ret = 0;

	*announced = g->st.keyed && g->n_members;
	if (how != GKM_SIMPLE) {
		ret = lkh_changes(g->tree, &w);
		/* No member that was there before is left. */
		if (!w.n_sa)
			*announced = false;
	}
	/* Members that are rekeyed inband follow when the store has the change. */
	multicast = *announced && group_multicast(g);
	if (!ret && multicast)
		ret = first_message(g, c, how, &w);
	if (!ret && multicast && how == GKM_EXCLUDE)
		ret = second_message(g, c);
	lkh_wraps_free(&w);
	return ret;
}

int gkm_delete_message(struct group *g, struct gkm_change *c)
{
	uint32_t at[GKM_COPIES_MAX];
	struct rekey_msg m;
	int ret;

	rekey_msg_init(&m);
	ret = rekey_msg_delete(&m, IKE_PROTO_ESP, NULL);
	if (!ret)
		ret = rekey_msg_delete(&m, GIKE_PROTO_GIKE_UPDATE, NULL);
	if (!ret)
		ret = queue_change(g, c, &m, at,
				   copies_reset(g, pace_reset_copies_ms(g),
						at));
	rekey_msg_free(&m);
	/*
	 * Members listen at the address they were given, not at the new
	 * policy's.
	 */
	if (!ret)
		TAILQ_LAST(&c->out, outbox)->to = g->st.to;
	return ret;
}
