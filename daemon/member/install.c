// SPDX-License-Identifier: Apache-2.0
/*
 * Policy and keys of the key server, from a registration or a GSA_REKEY. A
 * message is checked as a whole, unwrapped as a whole, and only then installed.
 * A new SA receives before an old one is removed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/util.h"
#include "member/mgroup.h"

/*
 * Delay before an excluded member registers again, with a random part so that a
 * group reset does not cause a burst (RFC 9838 section 2.4.3).
 */
#define EXCLUDED_MIN_MS 500
#define EXCLUDED_SPREAD_MS 1500

/* Unwrapped SAs of one message, not installed yet. */
struct key_set {
	struct mrekey *rekey; /* NULL: no new Rekey SA */
	struct wkp wkp;
	/*
	 * The Data SA that this member sends with, if the key server says that all
	 * others have deleted it; spi 0: they have not. That of the first flow names
	 * the change (msa.c).
	 */
	struct gsa_dead dead;
	unsigned int n;
	struct ksa ksa[GSA_MAX_DATA];
	unsigned int flow[GSA_MAX_DATA];
	uint32_t lifetime[GSA_MAX_DATA];
};

/* ---- unwrapping --------------------------------------------------------- */

static void key_set_wipe(struct key_set *b)
{
	if (b->rekey)
		mrekey_free(b->rekey);
	wkp_wipe(&b->wkp);
	explicit_bzero(b->ksa, sizeof(b->ksa));
}

/*
 * Unwrap the Rekey SA. @from is the Rekey SA that carried the message, NULL at
 * registration; @def is the default KWK. Returns -ENOKEY if this member is
 * excluded.
 */
static int unwrap_rekey_sa(struct mgroup *g, struct key_set *b,
			   const struct gsa *gsa, const struct kd *kd,
			   const struct kwk *def, const struct mrekey *from,
			   struct err *err)
{
	const struct gsa_sa *policy = &gsa->rekey;
	uint8_t keymat[KD_PLAIN_MAX];
	const struct kd_bag *bag;
	int len, ret;

	bag = kd_find(kd, GIKE_PROTO_GIKE_UPDATE, policy->spi);
	len = gsa_keymat_len(policy);
	if (!bag || len < 0)
		return err_set(err, -EPROTO, "Rekey SA without a usable key");
	ret = keypath_resolve(from ? &g->wkp : NULL, bag, kd, def, keymat, len,
			      &b->wkp);
	if (ret)
		return err_set(err, ret, "no path to the Rekey SA's key");
	b->rekey = mrekey_new(g, policy,
			      policy->lifetime - accept_age_s(g, &gsa->gw));
	ret = b->rekey ? rekey_sa_init(&b->rekey->rs, policy, keymat, len,
				       from ? &from->rs : NULL)
		       : -ENOMEM;
	explicit_bzero(keymat, sizeof(keymat));
	if (!ret && kd->auth_key_len)
		ret = rekey_sa_set_auth_key(&b->rekey->rs, kd->auth_key,
					    kd->auth_key_len);
	if (ret)
		return err_set(err, ret == -ENOMEM ? ret : -EPROTO,
			       "Rekey SA does not work: %s", strerror(-ret));
	return 0;
}

static int unwrap_data_sa(struct mgroup *g, struct key_set *b,
			  const struct gsa_sa *sa, uint32_t age,
			  const struct kd *kd, const struct kwk *def,
			  struct err *err)
{
	struct ksa *ksa = &b->ksa[b->n];
	const struct kd_bag *bag = kd_find(kd, IKE_PROTO_ESP, sa->spi);
	int len = gsa_keymat_len(sa), flow = flow_of(g, sa);

	if (flow < 0 || !bag || bag->n != 1 || bag->keys[0].kwk_id || len < 0 ||
	    len > KSA_KEY_MAX || accept_alg(sa, &ksa->alg))
		return err_set(err, -EPROTO, "Data SA without a usable key");
	if (kwk_unwrap(def, &bag->keys[0], ksa->key, len))
		return err_set(err, -EPROTO, "Data SA's key did not unwrap");
	ksa->key_len = len;
	ksa->spi = get_unaligned_be32(sa->spi);
	ksa->mode = g->conf->tunnel ? MCSEC_MODE_TUNNEL : MCSEC_MODE_TRANSPORT;
	/*
	 * A receiver does not learn the size of Sender-IDs, and does not need
	 * it: counters stay far below the bits in between, so the upper 16 bits
	 * of an IV distinguish senders in any case.
	 */
	ksa->sid_bits = SID_BITS_MAX;
	ksa->replay = MCSEC_REPLAY_IV;
	ksa->window = g->conf->window;
	ksa->max_senders = g->conf->max_senders;
	if (g->conf->receive)
		ksa->dir |= MCSEC_DIR_IN;
	b->flow[b->n] = flow;
	b->lifetime[b->n++] = sa->lifetime - age;
	return 0;
}

static void set_sender_ids(const struct mgroup *g, struct key_set *b)
{
	unsigned int i;

	for (i = 0; g->conf->send && g->sids.n && i < b->n; i++) {
		struct ksa *ksa = &b->ksa[i];

		ksa->dir |= MCSEC_DIR_OUT;
		ksa->sid_bits = g->sids.bits;
		memcpy(ksa->sender_ids, g->sids.v,
		       g->sids.n * sizeof(g->sids.v[0]));
		ksa->n_sender_ids = g->sids.n;
	}
}

static int unwrap_all(struct mgroup *g, struct key_set *b,
		      const struct gsa *gsa, const struct kd *kd,
		      const struct kwk *def, const struct mrekey *from,
		      struct err *err)
{
	const struct msa *sends = msa_sending(g, 0);
	unsigned int i;
	int ret = 0;

	memset(b, 0, sizeof(*b));
	wkp_init(&b->wkp);
	for (i = 0; sends && i < gsa->gw.n_dead; i++)
		if (gsa->gw.dead[i].spi == sends->spi)
			b->dead = gsa->gw.dead[i];
	if (gsa->has_rekey)
		ret = unwrap_rekey_sa(g, b, gsa, kd, def, from, err);
	for (i = 0; !ret && i < gsa->n_data; i++)
		ret = unwrap_data_sa(g, b, &gsa->data[i],
				     accept_age_s(g, &gsa->gw), kd, def, err);
	if (ret)
		key_set_wipe(b);
	return ret;
}

/* ---- installation ------------------------------------------------------- */

static void learn_delays(struct mgroup *g, const struct gsa_gw *gw)
{
	if (gw->has & GWP_HAS_ATD)
		g->atd = gw->atd;
	if (gw->has & GWP_HAS_DTD)
		g->dtd = gw->dtd;
}

/*
 * Install all SAs, or none that sends. After an error those that existed before are as
 * they were, and of the others only what msa_undo() leaves is there.
 */
static int install_keys(struct mgroup *g, struct key_set *b, uint64_t age_ms,
			struct err *err)
{
	uint64_t atd_ms = (uint64_t)g->atd * MSEC_PER_SEC;
	uint64_t hurry_ms = (uint64_t)b->dead.seconds * MSEC_PER_SEC;
	uint64_t since = g->next_seq;
	bool was[GSA_MAX_DATA];
	const struct msa *s;
	unsigned int i;
	int ret;

	/*
	 * ATD counts from when the message was made, so that all members agree.
	 */
	atd_ms = atd_ms > age_ms ? atd_ms - age_ms : 0;
	hurry_ms = hurry_ms > age_ms ? hurry_ms - age_ms : 0;
	for (i = 0; i < b->n; i++) {
		s = msa_find(g, b->ksa[i].spi);
		was[i] = s && !s->partial;
		ret = msa_add(g, b->flow[i], &b->ksa[i], b->lifetime[i], atd_ms,
			      err);
		if (ret)
			goto undo;
		msa_find(g, b->ksa[i].spi)->since = since;
	}
	for (i = 0; b->dead.spi && i < b->n; i++)
		msa_hurry(msa_find(g, b->ksa[i].spi), b->dead.spi, hurry_ms);
	return 0;
undo:
	while (i--)
		if (!was[i])
			msa_undo(msa_find(g, b->ksa[i].spi));
	return ret;
}

static void install_rekey_sa(struct mgroup *g, struct key_set *b)
{
	wkp_move(&g->wkp, &b->wkp);
	mrekey_install(g, b->rekey);
	b->rekey = NULL;
}

/* ---- registration ------------------------------------------------------- */

/*
 * Return true if a rekey has overtaken the answer, which then describes a
 * former state (RFC 9838 section 2.3.3). An answer for the current Rekey SA
 * agrees with the messages over it, because a new Data SA comes with a new
 * Rekey SA.
 */
static bool is_stale(const struct mgroup *g, const struct gsa_sa *policy)
{
	const struct mrekey *rk;

	TAILQ_FOREACH(rk, &g->rekeys, all) {
		if (memcmp(rk->rs.spi, policy->spi, sizeof(rk->rs.spi)))
			continue;
		return rk->retired;
	}
	return false;
}

/* Return true if @policy is of another Rekey SA than the one in use. */
static bool is_other_rekey_sa(const struct mgroup *g,
			      const struct gsa_sa *policy)
{
	const struct mrekey *rk = mrekey_current(g);

	return !rk || memcmp(rk->rs.spi, policy->spi, sizeof(rk->rs.spi));
}

/* Return true if there are no Data SAs but those of an earlier run of the daemon. */
static bool only_adopted(const struct mgroup *g)
{
	const struct msa *s;

	TAILQ_FOREACH(s, &g->sas, all)
		if (!s->adopted)
			return false;
	return true;
}

static bool has_adopted(const struct mgroup *g)
{
	return !TAILQ_EMPTY(&g->sas) && only_adopted(g);
}

/*
 * Return true if senders may still use a Data SA that this member never had, until ATD
 * of the one in the answer is over. That is so if it has just joined, has missed more
 * than one change, or was down. A member that followed knows the SPI of the new Data SA
 * as the first announced one, or has the answer's Rekey SA.
 *
 * One that was out did not follow, and a reset of the group and its own eviction look
 * the same to it: after a reset senders go on with an SA that it has, after an eviction
 * they do not. store_unread() lets packets decide.
 */
static bool may_lack_sa(const struct mgroup *g, const struct gsa *gsa)
{
	bool in = mgroup_is_in(g);

	if (!g->conf->receive || flows_have(g, gsa, in) ||
	    (gsa->has_rekey && !is_other_rekey_sa(g, &gsa->rekey)))
		return false;
	return only_adopted(g) || !in ||
	       g->doubts & (1u << DOUBT_EARLY | 1u << DOUBT_ESP |
			    1u << DOUBT_STRAY);
}

/*
 * Store until when the member may lack that SA, once the others are installed. If it
 * has SAs of an earlier run, or of before a Delete, the first packet that is read with
 * one of them ends that, since it shows that senders use it.
 */
static void store_unread(struct mgroup *g, bool lacks, bool adopted)
{
	adopted = adopted || g->was_deleted;
	g->was_deleted = false;
	if (!lacks)
		return;
	g->unread_ms = mgroup_now(g) + (uint64_t)g->atd * MSEC_PER_SEC;
	g->unread_unless = adopted;
	if (adopted)
		g->unread_received = msa_received(g);
}

/* Store the announced SPIs for doubt_esp(). */
static void store_announced(struct mgroup *g, const struct gsa *gsa)
{
	struct mrekey *rk = mrekey_current(g);
	unsigned int i, k;
	int flow;

	if (rk && gsa->gw.n_next_rekey && !gsa->has_rekey) {
		rk->n_next = gsa->gw.n_next_rekey;
		memcpy(rk->next, gsa->gw.next_rekey, sizeof(rk->next));
	}
	for (i = 0; i < gsa->n_data; i++) {
		const struct gsa_sa *sa = &gsa->data[i];

		flow = flow_of(g, sa);
		if (flow < 0)
			continue;
		g->next_data[flow].n = sa->n_next_spi;
		for (k = 0; k < sa->n_next_spi; k++)
			g->next_data[flow].spi[k] =
				get_unaligned_be32(sa->next_spi[k]);
	}
}

static void store_sender_ids(struct mgroup *g, const struct gsa *gsa,
			     const struct kd *kd)
{
	unsigned int i;

	g->sids.n = g->conf->send ? kd->n_sender_ids : 0;
	for (i = 0; i < g->sids.n; i++)
		g->sids.v[i] = kd->sender_ids[i];
	g->sids.bits = gsa->gw.sender_id_bits;
}

/*
 * Return true if newer keys came before: the IKE SA has one window in each
 * direction, so that an answer may be overtaken by a GSA_INBAND_REKEY, and the
 * other way round. The keys of a key server that sends no time count as new.
 */
static bool has_newer_keys(const struct mgroup *g, const struct gsa_gw *gw)
{
	return gw->has & GWP_HAS_MADE && gw->made_ms < g->applied_ms;
}

static bool is_applied(const struct mgroup *g, const struct gsa *gsa)
{
	unsigned int i;

	for (i = 0; i < mgroup_flows(g); i++)
		if (flow_spi(g, gsa, i) != g->applied_spi[i])
			return false;
	return true;
}

/*
 * Return true if a rekey is newer than the answer; made in the same millisecond, they
 * are told apart by their SPIs.
 */
static bool answer_overtaken(const struct mgroup *g, const struct gsa *gsa)
{
	if (g->inband_ms < g->asked_ms)
		return false;
	return has_newer_keys(g, &gsa->gw) ||
	       (gsa->gw.has & GWP_HAS_MADE &&
		gsa->gw.made_ms == g->applied_ms && !is_applied(g, gsa));
}

static void store_applied(struct mgroup *g, const struct gsa *gsa)
{
	unsigned int i;

	g->applied_ms = gsa->gw.made_ms;
	for (i = 0; i < mgroup_flows(g); i++)
		g->applied_spi[i] = flow_spi(g, gsa, i);
}

void install_inband_early(struct mgroup *g, const struct gsa *gsa)
{
	if (has_newer_keys(g, &gsa->gw))
		return;
	store_applied(g, gsa);
	g->inband_ms = mgroup_now(g);
}

/*
 * Drop what belongs to multicast rekeys, once there is no Rekey SA any more: rekeys
 * come over @sa.
 */
static void begin_inband(struct mgroup *g, struct ike_sa *sa)
{
	rekey_group_leave(g);
	early_drop(g);
	mrekey_drop_all(g);
	wkp_wipe(&g->wkp);
	memset(g->next_data, 0, sizeof(g->next_data));
	g->inband = true;
	g->inband_sa = sa;
}

/* Install the Data SAs of an answer. After an error the Sender-IDs are those of before. */
static int install_answer(struct mgroup *g, const struct gsa *gsa,
			  const struct kd *kd, struct key_set *b,
			  struct err *err)
{
	struct sids old = g->sids;
	int ret;

	store_sender_ids(g, gsa, kd);
	g->atd = 0;
	learn_delays(g, &gsa->gw);
	set_sender_ids(g, b);
	ret = install_keys(g, b, 0, err);
	if (ret) {
		g->sids = old;
		key_set_wipe(b);
	}
	return ret;
}

static int accept_answer(struct mgroup *g, const struct gsa *gsa,
			 const struct kd *kd, bool transport, struct err *err)
{
	int ret = accept_policy(g, gsa, transport, true, err);

	return ret ? ret : accept_sender_ids(g, gsa, kd, err);
}

/* Install an answer without a Rekey SA (RFC 9838 section 2.3.3). */
static int install_inband_registration(struct mgroup *g, struct ike_sa *sa,
				       const struct gsa *gsa,
				       const struct kd *kd, bool transport,
				       struct err *err)
{
	uint64_t before = g->next_seq + 1;
	bool lacks = may_lack_sa(g, gsa), adopted = has_adopted(g);
	struct key_set b;
	int ret;

	ret = accept_answer(g, gsa, kd, transport, err);
	if (ret)
		return ret;
	if (answer_overtaken(g, gsa))
		return err_set(err, -ESTALE, "overtaken by a rekey");
	ret = unwrap_all(g, &b, gsa, kd, ike_sa_kwk(sa), NULL, err);
	if (ret)
		return ret;
	ret = install_answer(g, gsa, kd, &b, err);
	if (ret)
		return ret;
	key_set_wipe(&b);
	store_unread(g, lacks, adopted);
	msa_retire_older(g, before, ALL_FLOWS);
	begin_inband(g, sa);
	store_applied(g, gsa);
	rival_registered(g, sa);
	accept_store_algs(g, gsa);
	return 0;
}

int install_registration(struct mgroup *g, struct ike_sa *sa,
			 const struct gsa *gsa, const struct kd *kd,
			 bool transport, struct err *err)
{
	uint64_t before = g->next_seq + 1;
	bool denied, lacks, adopted;
	struct key_set b;
	unsigned int i;
	uint64_t seq;
	int ret;

	age_learn(g, &gsa->gw, g->asked_ms);
	if (!gsa->n_data)
		return err_set(err, -EPROTO, "no Data SA");
	accept_store_keyed(g, gsa, transport);
	lacks = may_lack_sa(g, gsa);
	adopted = has_adopted(g);
	if (!gsa->has_rekey)
		return install_inband_registration(g, sa, gsa, kd, transport,
						   err);
	ret = accept_answer(g, gsa, kd, transport, err);
	if (ret)
		return ret;
	denied = rival_denied(g, gsa, &seq);
	if (!denied && is_stale(g, &gsa->rekey))
		return err_set(err, -ESTALE, "overtaken by a rekey");
	ret = unwrap_all(g, &b, gsa, kd, ike_sa_kwk(sa), NULL, err);
	if (ret)
		return ret == -ENOKEY ? -EPROTO : ret;
	if (!denied)
		denied = rival_clash(g, b.rekey, b.ksa, b.n, &seq);
	for (i = 0; denied && i < b.n; i++)
		msa_allow(g, &b.ksa[i]);
	ret = install_answer(g, gsa, kd, &b, err);
	if (ret)
		return ret;
	store_unread(g, lacks, adopted);
	g->inband = false;
	g->inband_sa = NULL;
	if (is_other_rekey_sa(g, &gsa->rekey))
		doubt_confirmed(g);
	if (denied)
		mrekey_drop_all(g);
	flows_store_spis(b.rekey, gsa);
	b.rekey->seq = before - 1;
	b.rekey->accepted.initial_mid = b.rekey->rs.next_mid;
	install_rekey_sa(g, &b);
	msa_retire_older(g, before, ALL_FLOWS);
	if (denied)
		rival_undo(g, sa, gsa, seq);
	rival_registered(g, sa);
	store_announced(g, gsa);
	accept_store_algs(g, gsa);
	rekey_group_set(g, &gsa->rekey);
	key_set_wipe(&b);
	return 0;
}

/* ---- GSA_REKEY ---------------------------------------------------------- */

void install_excluded(struct mgroup *g, const char *why)
{
	group_info(g, "excluded: %s", why);
	g->excluded++;
	mgroup_state(g, g->state == MEMBER_RENEWING ? MEMBER_REGISTERING
						    : MEMBER_WAITING);
	register_unwatch(g);
	early_drop(g);
	mrekey_drop_all(g);
	wkp_wipe(&g->wkp);
	msa_retire_older(g, UINT64_MAX, ALL_FLOWS);
	register_drop_sa(g);
	snprintf(g->last_error, sizeof(g->last_error), "excluded: %s", why);
	register_again(g, EXCLUDED_MIN_MS + member_random(EXCLUDED_SPREAD_MS),
		       why);
}

/*
 * Remove the SAs named in a Delete, except those that this message installed.
 * Returns true if the member is excluded.
 */
bool install_deletes(struct mgroup *g, const struct delete_pld *del,
		     unsigned int n, uint64_t before)
{
	bool out = false;
	unsigned int i, j;
	struct msa *s;

	for (i = 0; i < n; i++) {
		const struct delete_pld *d = &del[i];

		out |= delete_excludes(d);
		if ((d->proto == IKE_PROTO_ESP || d->proto == IKE_PROTO_NONE) &&
		    delete_is_all(d))
			msa_retire_older(g, before, ALL_FLOWS);
		if (d->proto != IKE_PROTO_ESP)
			continue;
		for (j = 0; j < d->n; j++) {
			s = msa_find(g, get_unaligned_be32(d->spi[j]));
			if (s && s->seq < before)
				msa_retire(s);
		}
	}
	return out;
}

/*
 * Return true if Data SAs are deleted. The key server names those that it remembers;
 * what a member that missed changes has from before these is as much replaced, and a
 * member that was excluded since may have its key.
 */
static bool deletes_esp(const struct rekey_msg *msg)
{
	unsigned int i;

	for (i = 0; i < msg->n_del; i++)
		if (msg->del[i].proto == IKE_PROTO_ESP)
			return true;
	return false;
}

/* Take another signing key. With the former one all later rekeys would be refused. */
static int take_auth_key(struct mrekey *rk, const struct kd *kd,
			 struct err *err)
{
	int ret =
		rekey_sa_set_auth_key(&rk->rs, kd->auth_key, kd->auth_key_len);

	if (ret)
		return err_set(err, -EPROTO,
			       "new signing key does not work: %s",
			       strerror(-ret));
	rk->n_signed++;
	return 0;
}

/* Check a GSA_REKEY before its keys are unwrapped. */
static int accept_rekey(struct mgroup *g, const struct mrekey *rk,
			const struct rekey_msg *msg, struct err *err)
{
	int ret = accept_policy(g, &msg->gsa, msg->transport, false, err);

	if (!ret)
		ret = accept_algs(g, &msg->gsa, err);
	if (!ret && msg->gsa.has_rekey &&
	    !memcmp(msg->gsa.rekey.spi, rk->rs.spi, sizeof(rk->rs.spi)))
		ret = err_set(err, -EPROTO, "Rekey SA that replaces itself");
	if (!ret && rival_data(rk, &msg->gsa)) {
		doubt_note(g, DOUBT_RIVAL);
		ret = err_set(err, -EPROTO,
			      "another Data SA under one Rekey SA");
	}
	return ret;
}

static int apply_rekey(struct mgroup *g, struct mrekey *rk,
		       struct rekey_msg *msg, struct err *err)
{
	struct key_set b;
	uint64_t seq;
	int ret;

	ret = accept_rekey(g, rk, msg, err);
	if (!ret)
		ret = unwrap_all(g, &b, &msg->gsa, &msg->kd, &rk->rs.gsk_w, rk,
				 err);
	if (ret)
		return ret;
	if (rival_clash(g, b.rekey, b.ksa, b.n, &seq)) {
		key_set_wipe(&b);
		doubt_note(g, DOUBT_RIVAL);
		return err_set(err, -EPROTO, "another key under one SPI");
	}
	if (!b.rekey && msg->kd.auth_key_len)
		ret = take_auth_key(rk, &msg->kd, err);
	if (ret) {
		key_set_wipe(&b);
		return ret;
	}
	if (b.rekey) {
		b.rekey->seq = g->next_seq;
		rival_replaced(g, rk);
	}
	flows_store_spis(b.rekey ? b.rekey : rk, &msg->gsa);
	learn_delays(g, &msg->gsa.gw);
	/*
	 * A member that becomes a sender by a reload keeps receiving until it
	 * has Sender-IDs.
	 */
	if (b.n && g->conf->send && !g->sids.n && !g->conf->receive) {
		ret = err_set(err, -EPROTO, "no Sender-ID held");
	} else {
		set_sender_ids(g, &b);
		ret = install_keys(g, &b, age_for_atd_ms(g, &msg->gsa.gw), err);
	}
	store_announced(g, &msg->gsa);
	/*
	 * The Rekey SA is installed in any case, otherwise the next message
	 * could not be decrypted either.
	 */
	if (b.rekey) {
		install_rekey_sa(g, &b);
		/* The missed rekey has arrived. */
		doubt_drop(g, 1u << DOUBT_EARLY | 1u << DOUBT_OLD |
				      1u << DOUBT_OLD_BEAT);
	}
	key_set_wipe(&b);
	return ret;
}

void install_rekey(struct mgroup *g, struct mrekey *rk, struct rekey_msg *msg)
{
	bool had_all = flows_have(g, &msg->gsa, false);
	bool current = rk == mrekey_current(g);
	uint64_t before = g->next_seq + 1;
	struct err err = {};
	int ret = 0;

	if (rival_distrusts(g, rk, msg))
		return;
	doubt_received(g, msg->gsa.gw.has & GWP_HAS_MADE ? msg->gsa.gw.made_ms
							 : 0);
	if (msg->has_gsa && age_too_old(g, &msg->gsa.gw)) {
		g->n_too_old++;
		doubt_note(g, had_all && !msg->gsa.has_rekey ? DOUBT_OLD_BEAT
							     : DOUBT_OLD);
		return;
	}
	if (msg->has_gsa)
		ret = apply_rekey(g, rk, msg, &err);
	if (!ret && had_all && !msg->gsa.has_rekey)
		age_note(g, &msg->gsa.gw);
	if (!ret && msg->has_gsa && msg->gsa.n_data)
		doubt_drop(g, 1u << DOUBT_DATA | 1u << DOUBT_ESP);
	else if (!ret && msg->has_gsa)
		doubt_note(g, DOUBT_DATA);
	if (ret == -ENOKEY) {
		install_excluded(g, err.text);
		return;
	}
	if (ret)
		group_warn(g, "rekey rejected: %s", err.text);
	else if (msg->gsa.has_rekey || !msg->has_gsa || !had_all)
		g->n_rekeys++;
	if (!ret && current && deletes_esp(msg))
		msa_retire_older(g, before, flows_in(g, &msg->gsa));
	/*
	 * A Delete applies even if the message has nothing new for this member.
	 */
	if (install_deletes(g, msg->del, msg->n_del, before)) {
		install_excluded(g, "by the key server");
		g->was_deleted = true;
	} else if (ret) {
		register_again(g, 0, err.text);
	} else {
		group_debug(g, "rekey accepted: Message ID %u", msg->mid);
	}
}

/* ---- GSA_INBAND_REKEY --------------------------------------------------- */

int install_inband(struct mgroup *g, struct ike_sa *sa, struct gike_inband *msg,
		   struct err *err)
{
	const struct gsa *gsa = &msg->gsa;
	uint64_t before = g->next_seq + 1;
	struct key_set b;
	int ret;

	if (has_newer_keys(g, &gsa->gw))
		return err_set(err, -ESTALE, "newer keys are installed");
	accept_store_keyed(g, gsa, msg->transport);
	ret = accept_policy(g, gsa, msg->transport, false, err);
	if (!ret)
		ret = accept_algs(g, gsa, err);
	if (ret)
		return ret;
	ret = unwrap_all(g, &b, gsa, &msg->kd, ike_sa_kwk(sa), NULL, err);
	if (ret)
		return ret;
	learn_delays(g, &gsa->gw);
	set_sender_ids(g, &b);
	/*
	 * As in apply_rekey(); but the policy is acceptable, so that no report follows
	 * (-ENOENT, see inband.c).
	 */
	if (b.n && g->conf->send && !g->sids.n && !g->conf->receive)
		ret = err_set(err, -ENOENT, "no Sender-ID held");
	else
		ret = install_keys(g, &b, age_least_ms(g, &gsa->gw), err);
	key_set_wipe(&b);
	if (ret)
		return ret;
	msa_retire_older(g, before, flows_in(g, gsa));
	store_applied(g, gsa);
	g->inband_ms = mgroup_now(g);
	g->n_rekeys++;
	g->n_inband++;
	return 0;
}
