// SPDX-License-Identifier: Apache-2.0
#include "gcks/gkm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/rand.h"
#include "crypto/sign.h"
#include "crypto/wrap.h"
#include "gcks/gkm_msg.h"
#include "gcks/gkm_policy.h"
#include "gcks/gkm_store.h"
#include "gcks/gmc.h"
#include "gcks/grants.h"
#include "gcks/group_time.h"
#include "gcks/inband.h"
#include "gcks/key_source.h"
#include "gcks/mids.h"
#include "gcks/outbox.h"
#include "gcks/policy.h"
#include "gcks/signing.h"
#include "gcks/spread.h"
#include "gcks/witness.h"
#include "gcks/wraps.h"
#include "lib/log.h"
#include "lib/quote.h"
#include "lib/secret.h"
#include "lib/util.h"

/* ---- new keys ----------------------------------------------------------- */

static int random_spi(uint8_t spi[GIKE_SPI_LEN_REKEY])
{
	int ret = rand_bytes(spi, GIKE_SPI_LEN_REKEY);

	/* Both halves must be nonzero: they are the SPIs of an IKE header. */
	spi[0] |= 0x80;
	spi[8] |= 0x80;
	return ret;
}

/* Add the Data SAs in @st to the retired ones, which makes the oldest ones leave. */
static void retire_data(struct gkm_state *st, int64_t now)
{
	unsigned int i, n = 0, more = st->keyed ? st->n_data : 0, drop;
	unsigned int most = GKM_OLD_CHANGES * (more ? more : 1);

	if (most > GKM_OLD_MAX)
		most = GKM_OLD_MAX;
	for (i = 0; i < st->n_old; i++)
		if (st->old[i].until > now)
			st->old[n++] = st->old[i];
	if (n + more > most) {
		drop = n + more - most;
		n -= drop;
		memmove(&st->old[0], &st->old[drop], n * sizeof(st->old[0]));
	}
	for (i = 0; i < more; i++) {
		const struct gkey *k = &st->data[i].key;

		st->old[n].spi = gkey_spi(k);
		st->old[n++].until = k->made + k->lifetime;
	}
	st->n_old = n;
}

/* Give the next Rekey SA the first announced SPI, and announce another one. */
static int take_spi(struct gkm_state *st)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !st->keyed && !ret && i < GKM_NEXT; i++)
		ret = random_spi(st->next_spi[i]);
	if (ret)
		return ret;
	memcpy(st->rekey.spi, st->next_spi[0], GIKE_SPI_LEN_REKEY);
	memmove(st->next_spi[0], st->next_spi[1],
		(GKM_NEXT - 1) * GIKE_SPI_LEN_REKEY);
	return random_spi(st->next_spi[GKM_NEXT - 1]);
}

/* An excluded member knows the announced SPIs, so all of them are replaced. */
static int replace_spis(struct gkm_state *st)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < GKM_NEXT; i++)
		ret = random_spi(st->next_spi[i]);
	return ret;
}

/* Make the next state: a Rekey SA and all Data SAs, with fresh keys. */
static int make_keys(struct group *g, struct gkm_change *c)
{
	/* Lifetimes are those of the policy that the change adopts. */
	const struct conf_group *conf = c->policy ? &c->policy->conf : g->conf;
	struct gkm_state *st = &c->next;
	int64_t now = group_wall(g);
	struct gsa_sa policy;
	int ret = 0;

	st->time_ms = gkm_time_ms(g);
	if (!c->keep_data) {
		retire_data(st, now);
		ret = g->keys->next_data(g, st, conf->lifetime,
					 c->how == GKM_EXCLUDE);
	}
	if (!ret)
		ret = take_spi(st);
	if (!ret && c->how == GKM_EXCLUDE)
		ret = replace_spis(st);
	if (ret)
		return ret;
	gkm_rekey_policy(g, st, &policy);
	st->kek.encr = policy.encr;
	st->kek.key_bits = policy.key_bits;
	st->kwa = policy.kwa;
	st->to = g->conf->rekey_to;
	ret = gkey_make(&st->rekey, &policy, now, conf->kek_lifetime);
	if (ret)
		return ret;
	st->keyed = true;
	return gkm_rekey_sa(g, st, c->sign ? c->sign : g->sign, &c->rs);
}

/* ---- begin and commit --------------------------------------------------- */

struct gkm_change *gkm_begin(struct group *g)
{
	struct gkm_change *c = secret_alloc(sizeof(*c));

	if (!c)
		return NULL;
	c->next = g->st;
	c->next.version++;
	mids_reserve(g, &c->next);
	TAILQ_INIT(&c->out);
	return c;
}

static void change_free(struct gkm_change *c)
{
	outbox_drop_all(&c->out);
	rekey_sa_wipe(&c->rs);
	sigkey_free(c->sign);
	lkh_free(c->tree);
	policy_free(c->policy);
	dismiss_free(&c->dismissal);
	secret_free(c);
}

/* Adopt the new policy, once the store has it. */
static void policy_take(struct group *g, struct gkm_change *c)
{
	if (!c->policy)
		return;
	policy_free(g->policy);
	g->policy = c->policy;
	g->conf = &g->policy->conf;
	c->policy = NULL;
}

void gkm_abandon(struct group *g, struct gkm_change *c)
{
	lkh_undo(g->tree);
	change_free(c);
}

void gkm_complete(struct group *g, struct gkm_change *c)
{
	lkh_commit(g->tree);
	policy_take(g, c);
	g->st.next_sid = c->next.next_sid;
	mids_reserved(g, &c->next);
	g->st.time_ms = c->next.time_ms;
	g->st.asked = c->next.asked;
	g->st.version = c->next.version;
	change_free(c);
}

/* Undo @c in memory and pass the error to the waiting caller. */
static void change_failed(struct group *g, struct gkm_change *c, int ret,
			  const char *why)
{
	commit_fn *done = c->done;
	void *arg = c->arg;

	if (ret != -ECANCELED && notice_failure_left(g->k, g->conf->name))
		group_err(g, "group change failed: %s: %s", c->why, why);
	gkm_abandon(g, c);
	done(g, arg, ret, why);
}

/* The change that is finished has another Data SA: no sender can have confirmed it yet. */
static void data_changed(struct group *g)
{
	g->n_confirmed = 0;
	g->change_ms = group_now_ms(g);
	g->confirmed_ms = 0;
	g->fresh = true;
}

/* Senders that have confirmed the Data SA have, as it is, confirmed the change. */
static void data_kept(struct group *g)
{
	struct gmember_more *x;

	TAILQ_FOREACH(x, &g->senders, by_send)
		if (gmc_confirmed(g, x->m))
			x->confirmed_at = g->rekeys;
}

static void keys_changed(struct group *g, struct gkm_change *c)
{
	uint32_t former = g->st.keyed && !c->keep_data ? gkm_spi(&g->st) : 0;

	if (!TAILQ_EMPTY(&c->out)) {
		g->change_out = TAILQ_FIRST(&c->out)->seq;
		TAILQ_FIRST(&c->out)->from_spi = gkm_spi(&g->st);
	}
	lkh_commit(g->tree);
	mids_reset(g);
	rekey_sa_wipe(&g->rs);
	g->rs = c->rs;
	g->st = c->next;
	signing_take(g, c);
	explicit_bzero(&c->rs, sizeof(c->rs));
	g->rekeys++;
	g->change_times[g->rekeys % GKM_CHANGES] = group_now_ms(g);
	if (c->keep_data)
		data_kept(g);
	else
		data_changed(g);
	wraps_reserve(g);
	policy_take(g, c);
	if (c->keep_data)
		pace_data_kept(g, c->announced);
	else
		pace_changed(g, c->how, c->announced);
	if (former)
		replaced_note(g, former, &c->out);
	group_info(g, "group rekeyed: %s: Data SA " SPI_FMT "%s", c->why,
		   gkm_spi(&g->st),
		   c->announced ? "" : ", no members to notify");
	outbox_send_all(g, &c->out);
	inband_changed(g);
	g->ops->changed(g);
}

static void commit_done(struct group *g, void *arg, int ret, const char *why)
{
	struct gkm_change *c = arg;
	commit_fn *done = c->done;

	if (ret) {
		change_failed(g, c, ret, why);
		return;
	}
	arg = c->arg;
	keys_changed(g, c);
	change_free(c);
	done(g, arg, 0, "");
}

static int record_outs(struct group *g, const struct gkm_change *c)
{
	const struct out_msg *o;
	int ret = 0;

	TAILQ_FOREACH(o, &c->out, all) {
		ret = outbox_put(g, o);
		if (ret)
			break;
	}
	return ret;
}

static int record_change(struct group *g, struct gkm_change *c,
			 gkm_write_fn *write)
{
	int ret;

	ret = commit_begin(g);
	if (ret)
		return ret;
	if (write)
		ret = write(g, c, c->arg);
	if (!ret)
		ret = gkm_put_state(g, &c->next);
	if (!ret)
		ret = gkm_put_tree(g);
	if (!ret)
		ret = signing_put(g, c);
	if (!ret)
		ret = record_outs(g, c);
	if (!ret && c->policy)
		ret = policy_put(g, c->policy);
	if (!ret)
		ret = gmc_audit(g->k, g->conf->name, "", "rekey", c->why);
	if (ret)
		commit_discard(g);
	return ret;
}

void gkm_commit(struct group *g, struct gkm_change *c, enum gkm_how how,
		gkm_write_fn *write, const char *why, commit_fn *done,
		void *arg)
{
	int ret;

	c->how = how;
	c->done = done;
	c->arg = arg;
	snprintf(c->why, sizeof(c->why), "%s", why);
	spread_note_store(g);
	ret = how == GKM_SIMPLE ? 0 : lkh_rekey(g->tree);
	if (!ret)
		ret = signing_make(g, c, how);
	if (!ret)
		ret = make_keys(g, c);
	signing_asked(c);
	if (!ret)
		ret = gkm_messages(g, c, how, &c->announced);
	if (!ret) {
		c->next.next_mid = mids_ahead(c->rs.next_mid);
		ret = record_change(g, c, write);
	}
	if (ret) {
		change_failed(g, c, ret, strerror(-ret));
		return;
	}
	g->commit.deny = c->deny;
	g->commit.deny_since = c->deny_since;
	commit_send(g, c->next.version, commit_done, c);
}

/* ---- group reset -------------------------------------------------------- */

static int put_denied_list(struct group *g)
{
	const struct deny_entry *d;
	int ret = 0;

	TAILQ_FOREACH(d, &g->denied, all) {
		ret = gmc_put_denied(g, d->identity, d->since);
		if (ret)
			break;
	}
	return ret;
}

enum reset_how {
	RESET_KEYS,
	RESET_SIGN_KEY, /* a new signing key, too */
	RESET_UNTRUSTED, /* the store is not trusted, either */
};

/*
 * Mark and record the members that may not come back under the policy of @c, which are
 * out like all others. Returns 0 or -errno.
 */
static int record_evicted(struct group *g, const struct gkm_change *c)
{
	const struct conf_group *conf = c->policy ? &c->policy->conf : g->conf;
	struct htab_walk w = { 0 };
	struct gmember *m;
	const char *why;
	int ret = 0;

	if (c->deny)
		ret = gmc_put_denied(g, c->deny, c->deny_since);
	while ((m = gmc_each(g, &w))) {
		why = c->deny && !strcmp(m->identity, c->deny)
			      ? ""
			      : gmc_member_refusal(m, conf, g->k->deps.psks);
		if (ret || !why)
			continue;
		m->not_authorized = true;
		gmember_set_ended(m, why);
		ret = gmc_audit(g->k, g->conf->name, m->identity, "evict", why);
	}
	return ret;
}

static void unmark_evicted(struct group *g)
{
	struct htab_walk w = { 0 };
	struct gmember *m;

	while ((m = gmc_each(g, &w))) {
		if (m->not_authorized)
			gmember_set_ended(m, NULL);
		m->not_authorized = false;
	}
}

static void apply_evicted(struct group *g, const struct gkm_change *c)
{
	struct htab_walk w = { 0 };
	const struct gmember *m;
	char name[QUOTE_LEN];
	const char *ended;

	while ((m = gmc_each(g, &w))) {
		if (!m->not_authorized)
			continue;
		g->evictions++;
		grants_end(g, m->identity);
		ended = gmember_ended(m);
		group_info(g, "member evicted: %s%s%s",
			   quote(m->identity, name), *ended ? ": " : "", ended);
	}
	if (c->deny)
		grants_end(g, c->deny);
	if (c->deny && gmc_note_denied(g, c->deny, c->deny_since))
		group_err(g, "eviction incomplete: %s: out of memory",
			  quote(c->deny, name));
}

static void remove_all_members(struct group *g, struct gkm_change *c)
{
	bool announced = !TAILQ_EMPTY(&c->out) || g->n_inband;

	apply_evicted(g, c);
	inband_exclude_all(g);
	stragglers_collect(g, c->disown);
	gmc_drop_all(g);
	lkh_free(g->tree);
	g->tree = c->tree;
	c->tree = NULL;
	wraps_clear(g);
	mids_reset(g);
	replaced_forget(g);
	rekey_sa_wipe(&g->rs);
	if (c->sign) {
		sigkey_free(g->sign);
		g->sign = c->sign;
		c->sign = NULL;
	}
	g->st = c->next;
	g->fresh = false;
	/* The old policy's delays apply: members were told these. */
	pace_reset(g, announced, c->unannounced ? gkm_silence_ms(g) : 0);
	policy_take(g, c);
	g->restarts++;
	outbox_send_all(g, &c->out);
	g->ops->changed(g);
}

static void reset_committed(struct group *g, void *arg, int ret,
			    const char *why)
{
	struct gkm_change *c = arg;
	commit_fn *done = c->done;

	if (ret) {
		unmark_evicted(g);
		change_failed(g, c, ret, why);
		return;
	}
	if (c->disown)
		group_err(g,
			  "store restored: %s: %u evicted identities stay out",
			  c->why, g->n_denied);
	group_warn(g, "group reset: %s", c->why);
	remove_all_members(g, c);
	dismiss_members(g, &c->dismissal, c->why);
	arg = c->arg;
	change_free(c);
	done(g, arg, 0, "");
}

static int record_reset(struct group *g, struct gkm_change *c)
{
	int ret;

	ret = commit_begin(g);
	if (ret)
		return ret;
	ret = gmc_del_members(g);
	if (!ret)
		ret = gkm_del_tree(g);
	if (!ret)
		ret = signing_put(g, c);
	if (!ret && c->disown)
		ret = outbox_del_all(g);
	if (!ret && c->disown)
		ret = put_denied_list(g);
	if (!ret)
		ret = record_evicted(g, c);
	if (!ret)
		ret = gkm_put_state(g, &c->next);
	if (!ret)
		ret = record_outs(g, c);
	if (!ret && c->policy)
		ret = policy_put(g, c->policy);
	if (!ret && c->disown)
		ret = gmc_audit(g->k, g->conf->name, "", "rollback", c->why);
	if (!ret)
		ret = gmc_audit(g->k, g->conf->name, "", "reset", c->why);
	if (ret)
		commit_discard(g);
	return ret;
}

/* Fill in the state of a group without members. */
static int empty_state(struct group *g, struct gkm_change *c,
		       enum reset_how how)
{
	const struct conf_group *conf = c->policy ? &c->policy->conf : g->conf;
	bool resign = how == RESET_SIGN_KEY ||
		      sigkey_type(g->sign) != conf->rekey_sign;
	int ret = 0;

	explicit_bzero(&c->next.rekey, sizeof(c->next.rekey));
	explicit_bzero(&c->next.data, sizeof(c->next.data));
	c->next.n_data = 0;
	c->next.keyed = false;
	g->keys->reset(g, &c->next);
	c->next.next_mid = 0;
	c->next.n_old = 0;
	c->unannounced = c->disown || mids_ended(g);
	if (g->st.keyed && group_multicast(g) && !c->unannounced)
		ret = gkm_delete_message(g, c);
	if (!ret)
		ret = gkm_policy_digest(conf, c->next.policy);
	if (!ret && resign)
		ret = sigkey_generate(conf->rekey_sign, &c->sign);
	if (c->sign)
		c->next.sign_made = group_wall(g);
	signing_asked(c);
	return ret;
}

/* A reset, and the changes that come with it; @policy is taken over. */
struct reset_spec {
	enum reset_how how;
	struct policy *policy;
	const char *deny; /* an identity, or NULL */
};

static void reset_begin(struct group *g, const struct reset_spec *a,
			const char *why, commit_fn *done, void *arg)
{
	struct gkm_change *c = gkm_begin(g);
	int ret;

	if (!c) {
		policy_free(a->policy);
		done(g, arg, -ENOMEM, "out of memory");
		return;
	}
	c->done = done;
	c->arg = arg;
	c->policy = a->policy;
	c->deny = a->deny;
	c->deny_since = group_wall(g);
	c->disown = a->how == RESET_UNTRUSTED;
	dismiss_collect(g, &c->dismissal);
	snprintf(c->why, sizeof(c->why), "%s", why);
	c->tree = lkh_new(wrap_key_len(g->conf->kwa));
	ret = c->tree ? empty_state(g, c, a->how) : -ENOMEM;
	if (!ret)
		ret = record_reset(g, c);
	if (ret) {
		unmark_evicted(g);
		change_failed(g, c, ret, strerror(-ret));
		return;
	}
	g->commit.no_witness = c->disown;
	g->commit.deny = c->deny;
	g->commit.deny_since = c->deny_since;
	commit_send(g, c->next.version, reset_committed, c);
}

void gkm_reset(struct group *g, const char *why, commit_fn *done, void *arg)
{
	reset_begin(g, &(struct reset_spec){ .how = RESET_KEYS }, why, done,
		    arg);
}

void gkm_reset_sign_key(struct group *g, const char *why, commit_fn *done,
			void *arg)
{
	reset_begin(g, &(struct reset_spec){ .how = RESET_SIGN_KEY }, why, done,
		    arg);
}

void gkm_disown(struct group *g, const char *why, commit_fn *done, void *arg)
{
	reset_begin(g, &(struct reset_spec){ .how = RESET_UNTRUSTED }, why,
		    done, arg);
}

void gkm_adopt(struct group *g, struct policy *policy, const char *why,
	       commit_fn *done, void *arg)
{
	reset_begin(g,
		    &(struct reset_spec){ .how = RESET_KEYS, .policy = policy },
		    why, done, arg);
}

void gkm_reset_denying(struct group *g, const char *deny, const char *why,
		       commit_fn *done, void *arg)
{
	reset_begin(g, &(struct reset_spec){ .how = RESET_KEYS, .deny = deny },
		    why, done, arg);
}

/* ---- life --------------------------------------------------------------- */

int gkm_init(struct group *g)
{
	TAILQ_INIT(&g->out);
	g->next_out = 1;
	g->st.next_number = 1;
	g->tree = lkh_new(wrap_key_len(g->conf->kwa));
	return g->tree ? 0 : -ENOMEM;
}

void gkm_free(struct group *g)
{
	outbox_drop_all(&g->out);
	lkh_free(g->tree);
	wraps_clear(g);
	rekey_sa_wipe(&g->rs);
	explicit_bzero(&g->st, sizeof(g->st));
	sigkey_free(g->sign);
}
