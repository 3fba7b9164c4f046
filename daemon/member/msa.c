// SPDX-License-Identifier: Apache-2.0
/*
 * Data SAs. An SA receives as soon as it is in the kernel, sends after ATD, and
 * is deleted DTD after it was replaced. The kernel enforces the lifetime too,
 * so that keys end even if this process does not run.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/util.h"
#include "member/leftover.h"

/* Least time by which the old SA outlives ATD, whatever DTD is. */
#define GRACE_MS 1000

/* Return the name of the kernel's group of a flow, which may be in @buf. */
static const char *kernel_name(const struct mgroup *g, unsigned int flow,
			       char buf[static CONF_GROUP_NAME_MAX + 1])
{
	return conf_flow_name(g->conf, flow, buf);
}

static const struct kernel *kernel_of(const struct mgroup *g)
{
	return g->m->deps.kernel;
}

struct msa *msa_find(const struct mgroup *g, uint32_t spi)
{
	struct msa *s;

	TAILQ_FOREACH(s, &g->sas, all)
		if (s->spi == spi)
			return s;
	return NULL;
}

struct msa *msa_newest(const struct mgroup *g, unsigned int flow)
{
	struct msa *s;

	TAILQ_FOREACH(s, &g->sas, all)
		if (s->flow == flow && !s->retired && !s->adopted)
			return s;
	return NULL;
}

void msa_forget(struct msa *s)
{
	struct timerq *q = mgroup_tq(s->g);

	timer_del(q, &s->select);
	timer_del(q, &s->hurry);
	timer_del(q, &s->soft);
	timer_del(q, &s->end);
	TAILQ_REMOVE(&s->g->sas, s, all);
	s->g->had[s->g->n_had++ % HAD_MAX] = s->spi;
	free(s);
}

/* Store the digest of a key; NULL deletes it. */
static void store_digest(const struct mgroup *g, uint32_t spi,
			 const uint8_t *digest)
{
	const struct member_deps *d = &g->m->deps;

	if (d->note_key)
		d->note_key(d->ctx, g->conf->name, spi, digest);
}

/*
 * Only the SA itself knows which datagrams it has received. A second SA with the
 * same key would accept all of them again.
 */
void member_note_spent(struct member *m, const uint8_t digest[HASH_SHA256_LEN])
{
	struct spent *l = &m->spent;

	memcpy(l->digest[l->n++ % SPENT_MAX], digest, HASH_SHA256_LEN);
}

static bool is_spent(const struct spent *l,
		     const uint8_t digest[HASH_SHA256_LEN])
{
	unsigned int i;

	for (i = 0; i < l->n && i < SPENT_MAX; i++)
		if (!memcmp(l->digest[i], digest, HASH_SHA256_LEN))
			return true;
	return false;
}

static int key_digest(const struct ksa *ksa, uint8_t digest[HASH_SHA256_LEN])
{
	struct iovec iov = { (void *)ksa->key, ksa->key_len };

	return hash_sha256(&iov, 1, digest);
}

void msa_allow(struct mgroup *g, const struct ksa *ksa)
{
	struct spent *l = &g->m->spent;
	uint8_t digest[HASH_SHA256_LEN];
	unsigned int i;

	if (key_digest(ksa, digest))
		return;
	for (i = 0; i < l->n && i < SPENT_MAX; i++)
		if (!memcmp(l->digest[i], digest, sizeof(digest)))
			memset(l->digest[i], 0, sizeof(digest));
}

/* Delete an SA here that the kernel no longer has. */
static void msa_lost(struct msa *s)
{
	if (s->has_digest)
		member_note_spent(s->g->m, s->digest);
	msa_forget(s);
}

/* Read the SA from the kernel. Returns 0 or -errno. */
static int read_sa(const struct msa *s, struct ksa_info *info)
{
	const struct kernel *k = kernel_of(s->g);
	char name[CONF_GROUP_NAME_MAX + 1];

	return k->ops->sa_get(k->ctx, kernel_name(s->g, s->flow, name), s->spi,
			      info, NULL);
}

void msa_delete(struct msa *s)
{
	const struct kernel *k = kernel_of(s->g);
	char name[CONF_GROUP_NAME_MAX + 1];
	const char *group = kernel_name(s->g, s->flow, name);
	struct err err = {};
	int ret;

	ret = k->ops->sa_del(k->ctx, group, s->spi, NULL, &err);
	if (ret && ret != -ENOENT) {
		s->g->kernel_errors++;
		leftover_add(s->g->m, group, s->spi);
		group_warn(s->g, "SA not deleted: " SPI_FMT ": %s", s->spi,
			   err.text);
	}
	store_digest(s->g, s->spi, NULL);
	msa_lost(s);
}

bool msa_drop_if_lost(struct msa *s)
{
	struct ksa_info info;

	if (read_sa(s, &info) != -ENOENT)
		return false;
	msa_lost(s);
	return true;
}

struct msa *msa_sending(const struct mgroup *g, unsigned int flow)
{
	struct msa *s;

	TAILQ_FOREACH(s, &g->sas, all)
		if (s->selected && s->flow == flow)
			return s;
	return NULL;
}

bool msa_all_send(const struct mgroup *g)
{
	unsigned int i;

	for (i = 0; i < mgroup_flows(g); i++)
		if (!msa_sending(g, i))
			return false;
	return true;
}

bool msa_at_one_change(const struct mgroup *g)
{
	unsigned int i;

	for (i = 0; i < mgroup_flows(g); i++)
		if (!msa_sending(g, i) ||
		    msa_sending(g, i)->since != msa_sending(g, 0)->since)
			return false;
	return true;
}

static void set_selected(struct msa *s)
{
	struct msa *o;

	TAILQ_FOREACH(o, &s->g->sas, all)
		if (o->flow == s->flow)
			o->selected = o == s;
	s->g->ops->selected(s->g);
}

/* Send with @s when its ATD is over, unless a later SA, with a shorter ATD, sends already. */
static void select_due(void *arg)
{
	struct msa *s = arg;
	struct mgroup *g = s->g;
	const struct kernel *k = kernel_of(g);
	const struct ksa_set set = { .select = true };
	struct msa *now = msa_sending(g, s->flow);
	char name[CONF_GROUP_NAME_MAX + 1];
	struct err err = {};
	int ret;

	/* The SA of an eviction has a shorter ATD. */
	if (now && now->seq > s->seq)
		return;
	ret = k->ops->sa_set(k->ctx, kernel_name(g, s->flow, name), s->spi,
			     &set, &err);
	if (!ret) {
		set_selected(s);
		group_info(g, "SA selected: " SPI_FMT, s->spi);
		return;
	}
	g->kernel_errors++;
	group_warn(g, "SA not selected: " SPI_FMT ": %s", s->spi, err.text);
	if (ret == -ENOENT)
		msa_lost(s);
	g->ops->again(g, 0, "the kernel has not selected the SA");
}

/*
 * The Data SA that this member sent with is dead: send with @s before its ATD is over.
 * The key server judged by what this member had reported; one that has followed another
 * change since waits as others do, as some receivers may lack @s. The first flow names
 * the change, which may have begun with @s just now.
 */
static void hurry_due(void *arg)
{
	struct msa *s = arg;
	const struct msa *now = msa_sending(s->g, 0);

	if (!timer_armed(&s->select) || !now ||
	    (now->spi != s->dead_spi && now->since != s->since))
		return;
	timer_del(mgroup_tq(s->g), &s->select);
	select_due(s);
}

void msa_hurry(struct msa *s, uint32_t dead, uint64_t ms)
{
	s->dead_spi = dead;
	timer_set(mgroup_tq(s->g), &s->hurry, ms);
}

static void soft_due(void *arg)
{
	struct msa *s = arg;

	if (s == msa_newest(s->g, s->flow))
		s->g->ops->again(s->g, 0, "the Data SA ends soon");
}

static void end_due(void *arg)
{
	struct msa *s = arg;
	struct mgroup *g = s->g;
	bool newest = s == msa_newest(g, s->flow);

	group_debug(g, "SA expired: " SPI_FMT, s->spi);
	msa_delete(s);
	if (newest)
		g->ops->again(g, 0, "the Data SA has ended");
}

static struct msa *msa_new(struct mgroup *g, unsigned int flow, uint32_t spi,
			   uint32_t dir)
{
	struct msa *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->g = g;
	s->flow = flow;
	s->spi = spi;
	s->dir = dir;
	s->since = g->next_seq;
	s->seq = ++g->next_seq;
	timer_init(&s->select, select_due, s);
	timer_init(&s->hurry, hurry_due, s);
	timer_init(&s->soft, soft_due, s);
	timer_init(&s->end, end_due, s);
	TAILQ_INSERT_HEAD(&g->sas, s, all);
	return s;
}

static void set_limits(struct ksa *ksa, uint32_t lifetime)
{
	memset(&ksa->limits, 0, sizeof(ksa->limits));
	ksa->limits.set = KLIMIT_HARD_TIME;
	ksa->limits.hard_time = lifetime;
}

static void arm_life(struct msa *s, uint32_t lifetime)
{
	uint64_t life_ms = (uint64_t)lifetime * MSEC_PER_SEC;
	struct timerq *q = mgroup_tq(s->g);

	s->until_ms = mgroup_now(s->g) + life_ms;
	timer_set(q, &s->end, life_ms);
	timer_set(q, &s->soft, member_soft_ms(life_ms));
}

/*
 * Keep an SA that comes again: a registration repeats what a rekey has just
 * brought, or what the kernel has from an earlier run. Its Sender-IDs, counters
 * and replay windows stay, since a new one would accept old packets again.
 */
static void renew_sa(struct msa *s, uint32_t lifetime, uint64_t atd_ms)
{
	struct mgroup *g = s->g;
	bool fresh = s->adopted || s->retired;
	uint64_t until = mgroup_now(g) + (uint64_t)lifetime * MSEC_PER_SEC;

	TAILQ_REMOVE(&g->sas, s, all);
	TAILQ_INSERT_HEAD(&g->sas, s, all);
	s->seq = ++g->next_seq;
	s->adopted = false;
	s->retired = false;
	s->partial = false;
	/* A repetition never extends the lifetime. */
	if (fresh || until < s->until_ms)
		arm_life(s, lifetime);
	if (s->dir & MCSEC_DIR_OUT && !s->selected && !timer_armed(&s->select))
		timer_set(mgroup_tq(g), &s->select, atd_ms);
}

/*
 * Make room below the kernel's limit by deleting the SA that was replaced
 * first before its time. Otherwise a key server that rekeys faster than old SAs
 * end, by many single evictions, would leave this member without the new key.
 */
static bool delete_oldest_sa(struct mgroup *g, unsigned int flow)
{
	struct msa *s;

	TAILQ_FOREACH_REVERSE(s, &g->sas, msas, all)
		if (s->flow == flow && s->retired && !s->selected)
			break;
	if (!s)
		return false;
	group_info(g, "SA deleted early: " SPI_FMT ": the kernel has no room",
		   s->spi);
	msa_delete(s);
	return true;
}

bool msa_differs(const struct msa *s, const struct ksa *ksa)
{
	uint8_t digest[HASH_SHA256_LEN];

	return s->has_digest && !key_digest(ksa, digest) &&
	       memcmp(digest, s->digest, sizeof(digest));
}

/*
 * Return true if the kernel has wiped the key before hibernation: the SA does neither
 * send nor receive any more, and its replay windows are lost.
 */
static bool is_dead(const struct msa *s)
{
	struct ksa_info info;

	return !read_sa(s, &info) && info.state == MCSEC_SA_STATE_EXPIRED;
}

bool msa_has_ended(const struct msa *s)
{
	struct ksa_info info;

	return !read_sa(s, &info) && info.state != MCSEC_SA_STATE_LIVE;
}

bool msa_held_before(const struct mgroup *g, uint32_t spi)
{
	unsigned int i;

	for (i = 0; i < HAD_MAX && i < g->n_had; i++)
		if (g->had[i] == spi)
			return true;
	return false;
}

uint64_t msa_received(const struct mgroup *g)
{
	struct ksa_info info;
	const struct msa *s;
	uint64_t n = 0;

	TAILQ_FOREACH(s, &g->sas, all)
		if (!read_sa(s, &info))
			n += info.in_packets;
	return n;
}

uint32_t msa_dir(const struct conf_mgroup *conf)
{
	return (conf->receive ? MCSEC_DIR_IN : 0) |
	       (conf->send ? MCSEC_DIR_OUT : 0);
}

int msa_set_dir(struct msa *s, uint32_t dir)
{
	const struct ksa_set set = { .dir = dir & (s->dir | MCSEC_DIR_IN) };
	const struct kernel *k = kernel_of(s->g);
	char name[CONF_GROUP_NAME_MAX + 1];
	struct err err = {};
	int ret;

	if (!set.dir || set.dir == s->dir)
		return 0;
	ret = k->ops->sa_set(k->ctx, kernel_name(s->g, s->flow, name), s->spi,
			     &set, &err);
	if (ret) {
		s->g->kernel_errors++;
		group_warn(s->g, "SA direction not changed: " SPI_FMT ": %s",
			   s->spi, err.text);
		return ret;
	}
	s->dir = set.dir;
	if (!(s->dir & MCSEC_DIR_OUT)) {
		timer_del(mgroup_tq(s->g), &s->select);
		s->selected = false;
	}
	return 0;
}

/* Let the next registration request a Data SA that this host never had. */
static int request_other_sa(struct mgroup *g, const struct ksa *ksa,
			    const char *reason, struct err *err)
{
	g->used_up = true;
	return err_set(err, -EAGAIN,
		       "SA " SPI_FMT " %s; requesting another Data SA",
		       ksa->spi, reason);
}

/*
 * Delete @s if it has received nothing, so that it can be added anew: its replay
 * windows are empty, as when a rekey brings it a moment before the answer that lets
 * this host send with it. A datagram that comes between the question and the end of the
 * SA counts, as its key cannot be used again then. Returns false if @s stays.
 */
static bool delete_unused_sa(struct msa *s)
{
	const struct kernel *k = kernel_of(s->g);
	char name[CONF_GROUP_NAME_MAX + 1];
	struct ksa_info info, last;

	if (s->selected || read_sa(s, &info) || info.in_packets)
		return false;
	if (k->ops->sa_del(k->ctx, kernel_name(s->g, s->flow, name), s->spi,
			   &last, NULL))
		return msa_drop_if_lost(s);
	if (last.in_packets) {
		store_digest(s->g, s->spi, NULL);
		msa_lost(s);
	} else {
		msa_forget(s);
	}
	return true;
}

/*
 * An SA that has received stays, and only receives: added again it would have empty
 * windows, and another Data SA would change the keys of all members.
 */
void msa_undo(struct msa *s)
{
	if (delete_unused_sa(s) || msa_drop_if_lost(s))
		return;
	if (s->selected) {
		msa_delete(s);
		return;
	}
	timer_del(mgroup_tq(s->g), &s->select);
	s->partial = true;
}

/*
 * A later message replaces what an incomplete one has left. Senders that could install
 * that one go on with its SAs until DTD, so that these are retired like any other.
 */
static void retire_partial_sas(struct mgroup *g, unsigned int flow)
{
	struct msa *s;

	TAILQ_FOREACH(s, &g->sas, all)
		if (s->flow == flow && s->partial && !s->retired)
			msa_retire(s);
}

/* Go on with the kernel's SA, which has the expected key. */
static int reuse_sa(struct msa *s, const struct ksa *ksa, uint32_t lifetime,
		    uint64_t atd_ms, struct err *err)
{
	if (is_dead(s))
		return request_other_sa(s->g, ksa, "has lost its key", err);
	if (msa_set_dir(s, ksa->dir))
		return request_other_sa(s->g, ksa,
					"cannot change its directions", err);
	if (s->dir != ksa->dir)
		return request_other_sa(s->g, ksa, "cannot start sending", err);
	renew_sa(s, lifetime, atd_ms);
	return 0;
}

static int add_new_sa(struct mgroup *g, unsigned int flow, struct ksa *ksa,
		      uint32_t lifetime, uint64_t atd_ms, struct err *err)
{
	const struct kernel *k = kernel_of(g);
	bool out = ksa->dir & MCSEC_DIR_OUT;
	char name[CONF_GROUP_NAME_MAX + 1];
	struct err why = {};
	struct msa *s;
	int ret;

	snprintf(ksa->group, sizeof(ksa->group), "%s",
		 kernel_name(g, flow, name));
	set_limits(ksa, lifetime);
	/* The SAs of the other flows may be refused, and those before be undone. */
	ksa->select = out && !atd_ms && mgroup_flows(g) == 1;
	s = msa_new(g, flow, ksa->spi, ksa->dir);
	if (!s)
		return err_set(err, -ENOMEM, "out of memory");
	s->has_digest = !key_digest(ksa, s->digest);
	/*
	 * The digest is stored before the SA is added, so that no SA in the
	 * kernel is without one.
	 */
	store_digest(g, s->spi, s->has_digest ? s->digest : NULL);
	ret = k->ops->sa_add(k->ctx, ksa, &why);
	if (ret == -ENOSPC && delete_oldest_sa(g, flow))
		ret = k->ops->sa_add(k->ctx, ksa, &why);
	if (ret) {
		g->kernel_errors++;
		err_set(err, ret, "kernel refused SA " SPI_FMT ": %s", ksa->spi,
			why.text);
		store_digest(g, s->spi, NULL);
		msa_forget(s);
		return ret;
	}
	leftover_replaced(g->m, ksa->group, ksa->spi);
	arm_life(s, lifetime);
	if (ksa->select)
		set_selected(s);
	else if (out)
		timer_set(mgroup_tq(g), &s->select, atd_ms);
	return 0;
}

int msa_add(struct mgroup *g, unsigned int flow, struct ksa *ksa,
	    uint32_t lifetime, uint64_t atd_ms, struct err *err)
{
	bool out = ksa->dir & MCSEC_DIR_OUT;
	struct msa *s = msa_find(g, ksa->spi);
	uint8_t digest[HASH_SHA256_LEN];

	if (s && s->flow != flow)
		return err_set(err, -EPROTO,
			       "SA " SPI_FMT " is for other traffic", ksa->spi);
	if (s && !msa_differs(s, ksa) && out && !(s->dir & MCSEC_DIR_OUT) &&
	    delete_unused_sa(s))
		s = NULL;
	if (s && !msa_differs(s, ksa))
		return reuse_sa(s, ksa, lifetime, atd_ms, err);
	if (!key_digest(ksa, digest) && is_spent(&g->m->spent, digest))
		return request_other_sa(g, ksa, "was held before", err);
	/* The Data SA is another one, but a sender may lack Sender-IDs still. */
	if (out || !g->conf->send)
		g->used_up = false;
	/* The kernel has one SA of this SPI, from a rival and with another key. */
	if (s)
		msa_delete(s);
	retire_partial_sas(g, flow);
	return add_new_sa(g, flow, ksa, lifetime, atd_ms, err);
}

int msa_adopt(struct mgroup *g, unsigned int flow, const struct ksa_info *info)
{
	struct msa *s = msa_new(g, flow, info->sa.spi, info->sa.dir);
	const struct member_deps *d = &g->m->deps;

	if (!s)
		return -ENOMEM;
	s->adopted = true;
	s->has_digest =
		d->find_key_note &&
		d->find_key_note(d->ctx, g->conf->name, s->spi, s->digest);
	s->selected = info->sa.select;
	return 0;
}

void msa_take_over(struct msa *s)
{
	if (s->adopted && !is_dead(s))
		msa_set_dir(s, msa_dir(s->g->conf));
}

/*
 * The SA still becomes the sending one if it has not been: rekeys may follow
 * each other faster than ATD, and a sender must always have an SA. A shorter
 * DTD later shortens its life.
 */
void msa_retire(struct msa *s)
{
	struct mgroup *g = s->g;
	uint64_t delay = (uint64_t)g->dtd * MSEC_PER_SEC;

	s->retired = true;
	timer_del(mgroup_tq(g), &s->soft);
	if (s->dir & MCSEC_DIR_OUT &&
	    delay < (uint64_t)g->atd * MSEC_PER_SEC + GRACE_MS)
		delay = (uint64_t)g->atd * MSEC_PER_SEC + GRACE_MS;
	if (!timer_armed(&s->end) ||
	    delay < timer_left_ms(mgroup_tq(g), &s->end))
		timer_set(mgroup_tq(g), &s->end, delay);
}

void msa_retire_older(struct mgroup *g, uint64_t before, unsigned int flows)
{
	struct msa *s;

	TAILQ_FOREACH(s, &g->sas, all)
		if (s->seq < before && flows & 1u << s->flow)
			msa_retire(s);
}
