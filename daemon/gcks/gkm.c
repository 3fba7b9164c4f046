// SPDX-License-Identifier: Apache-2.0
#include "gcks/gkm.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/rand.h"
#include "crypto/sign.h"
#include "crypto/wrap.h"
#include "gcks/gmc.h"
#include "gcks/signing.h"
#include "gcks/witness.h"
#include "lib/log.h"

#define SPI_MIN 256u

static void state_wipe(struct gkm_state *st)
{
	explicit_bzero(st, sizeof(*st));
}

/* ---- policies ----------------------------------------------------------- */

void gkm_rekey_policy(const struct group *g, const struct gkm_state *st,
		      struct gsa_sa *sa)
{
	const struct conf_group *c = g->conf;

	memset(sa, 0, sizeof(*sa));
	sa->proto = GIKE_PROTO_GIKE_UPDATE;
	sa->spi_len = GIKE_SPI_LEN_REKEY;
	memcpy(sa->spi, st->rekey.spi, GIKE_SPI_LEN_REKEY);
	ts_set(&sa->src,
	       addr_is_none(&c->rekey_source) ? NULL : &c->rekey_source,
	       c->rekey_to.addr.family, IPPROTO_UDP, 0);
	ts_set(&sa->dst, &c->rekey_to.addr, c->rekey_to.addr.family,
	       IPPROTO_UDP, c->rekey_to.port);
	sa->has = GSA_HAS_ENCR | GSA_HAS_KWA | GSA_HAS_LIFETIME;
	sa->encr = c->kek_alg.encr;
	sa->key_bits = c->kek_alg.encr == IKE_ENCR_CHACHA20_POLY1305
			       ? 0
			       : c->kek_alg.key_bits;
	sa->kwa = c->kwa;
	sa->lifetime = gkm_left(g, &st->rekey);
	sa->n_next_spi = GKM_NEXT;
	memcpy(sa->next_spi, st->next_spi, sizeof(st->next_spi));
}

/*
 * Sequence numbers of ID 2: even one sender counts in several CPUs, each
 * with a Sender-ID of its own (RFC 9838 2.6).
 */
void gkm_data_policy(const struct group *g, const struct gkm_state *st,
		     struct gsa_sa *sa)
{
	const struct conf_group *c = g->conf;
	unsigned int i;

	memset(sa, 0, sizeof(*sa));
	sa->proto = IKE_PROTO_ESP;
	sa->spi_len = GIKE_SPI_LEN_DATA;
	memcpy(sa->spi, st->data.spi, GIKE_SPI_LEN_DATA);
	ts_set(&sa->src, NULL, c->address.family, 0, 0);
	ts_set(&sa->dst, &c->address, c->address.family, 0, 0);
	sa->has = GSA_HAS_ENCR | GSA_HAS_SN | GSA_HAS_LIFETIME;
	sa->encr = c->alg.encr;
	sa->key_bits =
		c->alg.encr == IKE_ENCR_CHACHA20_POLY1305 ? 0 : c->alg.key_bits;
	sa->sn = GIKE_SN_32_UNSPEC;
	sa->lifetime = gkm_left(g, &st->data);
	sa->n_next_spi = GKM_NEXT;
	for (i = 0; i < GKM_NEXT; i++)
		memcpy(sa->next_spi[i], st->next_data_spi[i],
		       GIKE_SPI_LEN_DATA);
}

static void add_gcauth(const struct group *g, struct gsa_sa *sa)
{
	const uint8_t *alg;
	size_t len;

	sigkey_alg(g->sign, &alg, &len);
	sa->has |= GSA_HAS_GCAUTH;
	sa->gcauth = GIKE_GCAUTH_DIGSIG;
	if (len > sizeof(sa->sigalg))
		len = 0;
	memcpy(sa->sigalg, alg, len);
	sa->sigalg_len = len;
}

void gkm_registration_policy(const struct group *g, struct gsa *gsa)
{
	memset(gsa, 0, sizeof(*gsa));
	gsa->has_rekey = true;
	gkm_rekey_policy(g, &g->st, &gsa->rekey);
	add_gcauth(g, &gsa->rekey);
	if (g->rs.next_mid) {
		gsa->rekey.has |= GSA_HAS_INITIAL_MID;
		gsa->rekey.initial_mid = g->rs.next_mid;
	}
	gsa->n_data = 1;
	gkm_data_policy(g, &g->st, &gsa->data[0]);
	gkm_made(g, &gsa->gw);
}

/* ---- wrapping ----------------------------------------------------------- */

int gkm_wrap(const struct group *g, const struct gkm_state *st,
	     const struct lkh_wraps *w, const struct kwk *def, struct kd *kd)
{
	struct kd_bag *bag;
	struct kd_key key;
	struct kwk kwk;
	size_t i;
	int rc;

	rc = kd_bag(kd, GIKE_PROTO_GIKE_UPDATE, st->rekey.spi, &bag);
	for (i = 0; !rc && i < w->n; i++) {
		const struct lkh_wrap *v = &w->v[i];

		if (v->kwk_id)
			rc = kwk_set(&kwk, g->conf->kwa, v->kwk,
				     lkh_key_len(g->tree));
		else
			kwk = *def;
		if (!rc)
			rc = kwk_wrap(&kwk, v->id, v->kwk_id,
				      v->key ? v->key : st->rekey.keymat,
				      v->key ? lkh_key_len(g->tree)
					     : st->rekey.len,
				      &key);
		if (!rc)
			rc = v->id ? kd_wrap_add(kd, &key)
				   : kd_bag_add(bag, &key);
	}
	kwk_wipe(&kwk);
	return rc;
}

int gkm_wrap_data(const struct gkm_state *st, const struct kwk *def,
		  struct kd *kd)
{
	struct kd_bag *bag;
	struct kd_key key;
	int rc;

	rc = kd_bag(kd, IKE_PROTO_ESP, st->data.spi, &bag);
	if (!rc)
		rc = kwk_wrap(def, 0, 0, st->data.keymat, st->data.len, &key);
	return rc ? rc : kd_bag_add(bag, &key);
}

/* ---- new keys ----------------------------------------------------------- */

static int random_spi(uint8_t spi[GIKE_SPI_LEN_REKEY])
{
	int rc = rand_bytes(spi, GIKE_SPI_LEN_REKEY);

	/* neither half may be zero: it has to be an IKE header's SPIs */
	spi[0] |= 0x80;
	spi[8] |= 0x80;
	return rc;
}

static uint32_t data_spi(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static bool spi_usable(const struct gkm_state *st, uint32_t spi)
{
	unsigned int i;

	for (i = 0; i < st->n_old; i++)
		if (st->old[i].spi == spi)
			return false;
	for (i = 0; i < GKM_NEXT; i++)
		if (data_spi(st->next_data_spi[i]) == spi)
			return false;
	return spi >= SPI_MIN && (!st->keyed || gkey_spi(&st->data) != spi);
}

static int random_data_spi(const struct gkm_state *st,
			   uint8_t spi[GIKE_SPI_LEN_DATA])
{
	uint8_t fresh[GIKE_SPI_LEN_DATA];
	int rc;

	do {
		rc = rand_bytes(fresh, sizeof(fresh));
	} while (!rc && !spi_usable(st, data_spi(fresh)));
	memcpy(spi, fresh, sizeof(fresh));
	return rc;
}

/* The Data SA in @st becomes an old one. */
static void retire_data(struct gkm_state *st, int64_t now)
{
	unsigned int i, n = 0;

	for (i = 0; i < st->n_old; i++)
		if (st->old[i].until > now)
			st->old[n++] = st->old[i];
	if (n == GKM_OLD_MAX) {
		memmove(&st->old[0], &st->old[1], (n - 1) * sizeof(st->old[0]));
		n--;
	}
	if (st->keyed) {
		st->old[n].spi = gkey_spi(&st->data);
		st->old[n].until = st->data.made + st->data.lifetime;
		n++;
	}
	st->n_old = n;
}

static int make_keymat(struct gkey *k, const struct gsa_sa *policy, int64_t now,
		       uint32_t lifetime)
{
	int len = gsa_keymat_len(policy);

	if (len < 0)
		return len;
	k->len = len;
	k->made = now;
	k->lifetime = lifetime;
	return rand_bytes(k->keymat, len);
}

/* The first SPI that was announced is used, and another one announced. */
static int take_spi(struct gkm_state *st)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !st->keyed && !rc && i < GKM_NEXT; i++)
		rc = random_spi(st->next_spi[i]);
	if (rc)
		return rc;
	memcpy(st->rekey.spi, st->next_spi[0], GIKE_SPI_LEN_REKEY);
	memmove(st->next_spi[0], st->next_spi[1],
		(GKM_NEXT - 1) * GIKE_SPI_LEN_REKEY);
	return random_spi(st->next_spi[GKM_NEXT - 1]);
}

static int take_data_spi(struct gkm_state *st)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < GKM_NEXT; i++)
		if (!st->keyed || !data_spi(st->next_data_spi[i]))
			rc = random_data_spi(st, st->next_data_spi[i]);
	if (rc)
		return rc;
	memset(st->data.spi, 0, sizeof(st->data.spi));
	memcpy(st->data.spi, st->next_data_spi[0], GIKE_SPI_LEN_DATA);
	memmove(st->next_data_spi[0], st->next_data_spi[1],
		(GKM_NEXT - 1) * GIKE_SPI_LEN_DATA);
	memset(st->next_data_spi[GKM_NEXT - 1], 0, GIKE_SPI_LEN_DATA);
	return random_data_spi(st, st->next_data_spi[GKM_NEXT - 1]);
}

/* A member that is put out knows the SPIs that were announced before. */
static int draw_spis_anew(struct gkm_state *st)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < GKM_NEXT; i++) {
		rc = random_spi(st->next_spi[i]);
		if (!rc)
			rc = random_data_spi(st, st->next_data_spi[i]);
	}
	return rc;
}

/* The state that comes next: a Rekey SA and a Data SA that nobody has seen. */
static int make_keys(struct group *g, struct gkm_change *c, enum gkm_how how)
{
	struct gkm_state *st = &c->next;
	int64_t now = group_wall(g);
	struct gsa_sa policy;
	int rc;

	retire_data(st, now);
	rc = take_data_spi(st);
	if (rc)
		return rc;
	st->time_ms = gkm_time_ms(g);
	gkm_data_policy(g, st, &policy);
	rc = make_keymat(&st->data, &policy, now, g->conf->lifetime);
	if (rc)
		return rc;

	rc = take_spi(st);
	if (!rc && how == GKM_EXCLUDE)
		rc = draw_spis_anew(st);
	if (rc)
		return rc;
	gkm_rekey_policy(g, st, &policy);
	st->kek.encr = policy.encr;
	st->kek.key_bits = policy.key_bits;
	st->kwa = policy.kwa;
	st->to = g->conf->rekey_to;
	rc = make_keymat(&st->rekey, &policy, now, g->conf->kek_lifetime);
	if (rc)
		return rc;
	st->keyed = true;
	return gkm_rekey_sa(g, st, c->sign ? c->sign : g->sign, &c->rs);
}

int gkm_rekey_sa(struct group *g, const struct gkm_state *st,
		 const struct sigkey *sign, struct rekey_sa *rs)
{
	struct gsa_sa policy;
	int rc;

	gkm_rekey_policy(g, st, &policy);
	policy.encr = st->kek.encr;
	policy.key_bits = st->kek.key_bits;
	policy.kwa = st->kwa;
	add_gcauth(g, &policy);
	rc = rekey_sa_init(rs, &policy, st->rekey.keymat, st->rekey.len, NULL);
	if (!rc)
		rc = rekey_sa_set_key(rs, sign);
	return rc;
}

/* ---- the one door ------------------------------------------------------- */

void gkm_begin(struct group *g, struct gkm_change *c)
{
	memset(c, 0, sizeof(*c));
	c->next = g->st;
	c->next.version++;
	TAILQ_INIT(&c->out);
}

void gkm_abandon(struct group *g, struct gkm_change *c)
{
	lkh_undo(g->tree);
	outbox_drop_all(&c->out);
	rekey_sa_wipe(&c->rs);
	state_wipe(&c->next);
	sigkey_free(c->sign);
	c->sign = NULL;
}

static int store_change(struct group *g, struct gkm_change *c,
			gkm_write_fn *write, void *arg, const char *why)
{
	struct store *s = group_store(g);
	struct out_msg *o;
	int rc;

	rc = store_begin(s);
	if (!rc && write)
		rc = write(g, c, arg);
	if (!rc)
		rc = gkm_put_state(g, &c->next);
	if (!rc)
		rc = gkm_put_tree(g);
	if (!rc && c->sign)
		rc = gkm_put_sign(g, c->sign);
	TAILQ_FOREACH(o, &c->out, all)
	if (!rc)
		rc = gkm_put_out(g, o);
	if (!rc)
		rc = gmc_audit(g->k, g->conf->name, "", "rekey", why);
	if (!rc)
		rc = store_commit(s);
	if (rc) {
		g->store_errors++;
		log_err("group %s: %s: not done, the store refused: %s",
			g->conf->name, why, store_error(s));
		store_abort(s);
	}
	return rc;
}

int gkm_commit(struct group *g, struct gkm_change *c, enum gkm_how how,
	       gkm_write_fn *write, void *arg, const char *why)
{
	bool told = false;
	int rc;

	rc = how == GKM_SIMPLE ? 0 : lkh_rekey(g->tree);
	if (!rc)
		rc = signing_make(g, c, how);
	if (!rc)
		rc = make_keys(g, c, how);
	if (!rc)
		rc = gkm_messages(g, c, how, &told);
	if (!rc) {
		c->next.next_mid = c->rs.next_mid + GKM_MIDS_AHEAD;
		rc = store_change(g, c, write, arg, why);
	}
	if (rc) {
		gkm_abandon(g, c);
		return rc;
	}
	lkh_commit(g->tree);
	rekey_sa_wipe(&g->rs);
	g->rs = c->rs;
	g->st = c->next;
	signing_take(g, c);
	state_wipe(&c->next);
	explicit_bzero(&c->rs, sizeof(c->rs));
	witness_note(g, c->deny, c->deny_since, NULL);
	if (!TAILQ_EMPTY(&c->out))
		g->change_out = TAILQ_FIRST(&c->out)->seq;
	g->change_ms = group_now_ms(g);
	g->confirmed_ms = 0;
	g->rekeys++;
	g->fresh = true;
	pace_changed(g, how, told);
	log_info("group %s: rekey (%s): Data SA %08x%s", g->conf->name, why,
		 gkey_spi(&g->st.data), told ? "" : ", nobody to tell");
	gkm_send_all(g, &c->out);
	gkm_schedule(g);
	return 0;
}

/* ---- everybody out ------------------------------------------------------ */

static int put_all_denied(struct group *g)
{
	const struct deny_entry *d;
	int rc = 0;

	TAILQ_FOREACH(d, &g->denied, all)
	if (!rc)
		rc = gmc_put_denied(g, d->identity, d->since);
	return rc;
}

static int start_anew(struct group *g, const char *why, bool disown,
		      bool resign)
{
	struct store *s = group_store(g);
	struct sigkey *sign = NULL;
	struct gkm_change c;
	struct lkh *tree;
	struct out_msg *o;
	int rc = 0;

	tree = lkh_new(wrap_key_len(g->conf->kwa));
	if (!tree)
		return -ENOMEM;
	gkm_begin(g, &c);
	explicit_bzero(&c.next.rekey, sizeof(c.next.rekey));
	explicit_bzero(&c.next.data, sizeof(c.next.data));
	c.next.keyed = false;
	c.next.next_sid = 0;
	c.next.next_mid = 0;
	c.next.n_old = 0;
	if (g->st.keyed && g->n_members && !disown)
		rc = gkm_farewell(g, &c);
	if (!rc)
		rc = gkm_policy_digest(g->conf, c.next.policy);
	if (!rc && (resign || sigkey_type(g->sign) != g->conf->rekey_sign))
		rc = sigkey_generate(g->conf->rekey_sign, &sign);
	if (sign)
		c.next.sign_made = group_wall(g);
	if (!rc)
		rc = store_begin(s);
	if (!rc)
		rc = gmc_del_members(g);
	if (!rc)
		rc = gkm_del_tree(g);
	if (!rc && sign)
		rc = gkm_put_sign(g, sign);
	if (!rc && disown)
		rc = gkm_del_outs(g);
	if (!rc && disown)
		rc = put_all_denied(g);
	if (!rc)
		rc = gkm_put_state(g, &c.next);
	TAILQ_FOREACH(o, &c.out, all)
	if (!rc)
		rc = gkm_put_out(g, o);
	if (!rc)
		rc = gmc_audit(g->k, g->conf->name, "", "restart", why);
	if (!rc)
		rc = store_commit(s);
	if (rc) {
		g->store_errors++;
		log_err("group %s: %s: not started anew: %s", g->conf->name,
			why, store_error(s));
		store_abort(s);
		gkm_abandon(g, &c);
		sigkey_free(sign);
		lkh_free(tree);
		return rc;
	}
	if (disown)
		log_err("group %s: %s; %u evicted identities stay out",
			g->conf->name, why, g->n_denied);
	log_warn("group %s: everybody out, starting anew: %s", g->conf->name,
		 why);
	gmc_drop_all(g);
	lkh_free(g->tree);
	g->tree = tree;
	rekey_sa_wipe(&g->rs);
	if (sign) {
		sigkey_free(g->sign);
		g->sign = sign;
	}
	g->st = c.next;
	g->fresh = false;
	pace_anew(g, !TAILQ_EMPTY(&c.out), disown ? gkm_silence_ms(g) : 0);
	g->restarts++;
	if (!disown)
		witness_note(g, NULL, 0, NULL);
	gkm_send_all(g, &c.out);
	gkm_schedule(g);
	return 0;
}

int gkm_restart(struct group *g, const char *why)
{
	return start_anew(g, why, false, false);
}

int gkm_reset(struct group *g, const char *why)
{
	int rc = start_anew(g, why, false, true);

	/* whoever had to ask often, because of a thief, asks at once */
	if (!rc)
		gmc_pace_forget(g->k);
	return rc;
}

int gkm_disown(struct group *g, const char *why)
{
	int rc = start_anew(g, why, true, false);

	return rc ? rc : witness_rewrite(g);
}

/* ---- life --------------------------------------------------------------- */

int gkm_init(struct group *g)
{
	TAILQ_INIT(&g->out);
	gkm_timers_init(g);
	g->next_out = 1;
	g->st.next_number = 1;
	g->tree = lkh_new(wrap_key_len(g->conf->kwa));
	return g->tree ? 0 : -ENOMEM;
}

void gkm_free(struct group *g)
{
	gkm_timers_stop(g);
	outbox_drop_all(&g->out);
	lkh_free(g->tree);
	rekey_sa_wipe(&g->rs);
	state_wipe(&g->st);
	sigkey_free(g->sign);
}
