// SPDX-License-Identifier: Apache-2.0
#include "mock_kernel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util.h"

#define USED_MAX 65536

unsigned int mock_iv_clashes;

/* Digests of (key, Sender-ID) of all SAs that were made for sending. */
static uint64_t used[USED_MAX];
static unsigned int n_used;

static struct kgroup *group_of(struct mock_kernel *mk, const char *name)
{
	unsigned int i;

	for (i = 0; i < mk->n_groups; i++)
		if (!strcmp(mk->group[i].name, name))
			return &mk->group[i];
	return NULL;
}

static struct mock_sa *sa_of(struct mock_kernel *mk, const char *group,
			     uint32_t spi)
{
	unsigned int i;

	for (i = 0; i < mk->n_sas; i++)
		if (mk->sa[i].sa.spi == spi &&
		    !strcmp(mk->sa[i].sa.group, group))
			return &mk->sa[i];
	return NULL;
}

static bool same_selection(const struct kgroup *a, const struct kgroup *b)
{
	const char *name = kgroup_differs(a, b);

	return !name || !strcmp(name, "in-mark") || !strcmp(name, "forward");
}

static int group_add(void *ctx, const struct kgroup *g, struct err *err)
{
	struct mock_kernel *mk = ctx;
	unsigned int i;

	for (i = 0; i < mk->n_groups; i++)
		if (mk->orphans & 1u << i &&
		    !strcmp(mk->group[i].name, g->name)) {
			mk->orphans &= ~(1u << i);
			mk->group[i].policy = g->policy;
			return 0;
		}
	for (i = 0; i < mk->n_groups; i++)
		if (!strcmp(mk->group[i].name, g->name) ||
		    same_selection(&mk->group[i], g))
			return err_set(err, -EEXIST, "group exists");
	if (mk->n_groups == MOCK_GROUPS)
		return err_set(err, -ENOSPC, "mock is full");
	mk->group[mk->n_groups++] = *g;
	return 0;
}

static void sa_remove(struct mock_kernel *mk, struct mock_sa *s)
{
	*s = mk->sa[--mk->n_sas];
}

static int sa_flush(void *ctx, const char *group, struct err *err)
{
	struct mock_kernel *mk = ctx;
	unsigned int i = 0;

	if (!group_of(mk, group))
		return err_set(err, -ENOENT, "no such group");
	while (i < mk->n_sas) {
		if (!strcmp(mk->sa[i].sa.group, group))
			sa_remove(mk, &mk->sa[i]);
		else
			i++;
	}
	return 0;
}

static int group_del(void *ctx, const char *name, bool force, struct err *err)
{
	struct mock_kernel *mk = ctx;
	struct kgroup *g = group_of(mk, name);

	(void)force;
	if (!g)
		return err_set(err, -ENOENT, "no such group");
	sa_flush(mk, name, NULL);
	*g = mk->group[--mk->n_groups];
	return 0;
}

static int group_get(void *ctx, const char *name, struct kgroup_info *info,
		     struct err *err)
{
	struct mock_kernel *mk = ctx;
	struct kgroup *g = group_of(mk, name);
	unsigned int i;

	if (!g)
		return err_set(err, -ENOENT, "no such group");
	memset(info, 0, sizeof(*info));
	info->group = *g;
	info->in_drops = mk->in_drops[g - mk->group];
	info->out_drops = mk->out_drops[g - mk->group];
	for (i = 0; i < mk->n_sas; i++) {
		if (strcmp(mk->sa[i].sa.group, name))
			continue;
		info->sas++;
		if (mk->sa[i].selected)
			info->out_spi = mk->sa[i].sa.spi;
	}
	return 0;
}

static int group_dump(void *ctx, kgroup_fn *fn, void *arg, struct err *err)
{
	struct mock_kernel *mk = ctx;
	struct kgroup_info info;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < mk->n_groups && !ret; i++) {
		ret = group_get(mk, mk->group[i].name, &info, err);
		if (!ret)
			ret = fn(arg, &info);
	}
	return ret;
}

static int stats_dump(void *ctx, kcounter_fn *fn, void *arg, struct err *err)
{
	struct mock_kernel *mk = ctx;
	size_t i;
	int ret = 0;

	(void)err;
	for (i = 0; i < ARRAY_SIZE(mk->counter) && !ret; i++)
		if (mk->counter[i].name)
			ret = fn(arg, mk->counter[i].name,
				 mk->counter[i].value);
	return ret;
}

static void do_select(struct mock_kernel *mk, struct mock_sa *s)
{
	unsigned int i;

	for (i = 0; i < mk->n_sas; i++)
		if (!strcmp(mk->sa[i].sa.group, s->sa.group))
			mk->sa[i].selected = &mk->sa[i] == s;
}

static void note_use(const struct ksa *sa)
{
	uint64_t h;
	unsigned int i, j;

	for (i = 0; i < sa->n_sender_ids; i++) {
		h = fnv1a(FNV1A_BASIS, sa->key, sa->key_len);
		h = fnv1a(h, &sa->sender_ids[i], sizeof(sa->sender_ids[i]));
		for (j = 0; j < n_used; j++)
			if (used[j] == h)
				mock_iv_clashes++;
		if (n_used < USED_MAX)
			used[n_used++] = h;
	}
}

static int sa_check(struct mock_kernel *mk, const struct ksa *sa,
		    struct err *err)
{
	unsigned int i;

	if (!group_of(mk, sa->group))
		return err_set(err, -ENOENT, "no such group");
	if (sa_of(mk, sa->group, sa->spi))
		return err_set(err, -EEXIST, "SPI exists");
	if (sa->spi < 256 || !sa->dir || !kalg_key_ok(sa->alg, sa->key_len))
		return err_set(err, -EINVAL, "bad SPI, direction or key");
	if (sa->dir & MCSEC_DIR_OUT && !sa->n_sender_ids)
		return err_set(err, -EINVAL, "no Sender-ID");
	if (sa->window & (sa->window - 1))
		return err_set(err, -EINVAL, "bad window");
	for (i = 0; i < sa->n_sender_ids; i++)
		if (sa->sender_ids[i] >> (sa->sid_bits ? sa->sid_bits : 16))
			return err_set(err, -ERANGE, "bad Sender-ID");
	return 0;
}

static int sa_add(void *ctx, const struct ksa *sa, struct err *err)
{
	struct mock_kernel *mk = ctx;
	struct mock_sa *s;
	int rc;

	if (mk->fail_skip) {
		mk->fail_skip--;
	} else if (mk->fail_add) {
		rc = mk->fail_add;
		mk->fail_add = 0;
		return err_set(err, rc, "mock was told to fail");
	}
	if (mk->to_disk)
		return err_set(err, -EBUSY, "the machine is hibernating");
	rc = sa_check(mk, sa, err);
	if (rc)
		return rc;
	if (mk->n_sas == MOCK_SAS || mk->n_keys == MOCK_KEYS)
		return err_set(err, -ENOSPC, "mock is full");
	s = &mk->sa[mk->n_sas++];
	memset(s, 0, sizeof(*s));
	s->sa = *sa;
	s->added_ms = clock_mono_ms(mk->clock);
	mk->key[mk->n_keys].spi = sa->spi;
	mk->key[mk->n_keys].at_ms = s->added_ms;
	memcpy(mk->key[mk->n_keys++].key, sa->key, KSA_KEY_MAX);
	if (sa->dir & MCSEC_DIR_OUT)
		note_use(sa);
	if (sa->select)
		do_select(mk, s);
	return 0;
}

static bool expired(const struct mock_kernel *mk, const struct mock_sa *s)
{
	if (s->wiped)
		return true;
	return s->sa.limits.hard_time &&
	       clock_mono_ms(mk->clock) >=
		       s->added_ms + s->sa.limits.hard_time * 1000;
}

static int sa_set(void *ctx, const char *group, uint32_t spi,
		  const struct ksa_set *set, struct err *err)
{
	struct mock_kernel *mk = ctx;
	struct mock_sa *s = sa_of(mk, group, spi);
	uint32_t dir;

	if (!s)
		return err_set(err, -ENOENT, "no such SA");
	if (expired(mk, s))
		return err_set(err, -EKEYEXPIRED, "SA has expired");
	dir = set->dir ? set->dir : s->sa.dir;
	if (dir & ~s->sa.dir & MCSEC_DIR_OUT)
		return err_set(err, -EINVAL, "SA cannot begin to send");
	if (set->select && !(dir & MCSEC_DIR_OUT))
		return err_set(err, -EINVAL, "SA does not send");
	if (set->limits.set & KLIMIT_HARD_TIME)
		s->sa.limits.hard_time = set->limits.hard_time;
	s->sa.dir = dir;
	if (!(dir & MCSEC_DIR_OUT)) {
		s->selected = false;
		s->sa.n_sender_ids = 0;
	}
	if (set->select)
		do_select(mk, s);
	return 0;
}

static void info_of(const struct mock_kernel *mk, const struct mock_sa *s,
		    struct ksa_info *info)
{
	unsigned int i;

	memset(info, 0, sizeof(*info));
	info->sa = s->sa;
	memset(info->sa.key, 0, sizeof(info->sa.key));
	info->sa.select = s->selected;
	info->state = expired(mk, s) ? MCSEC_SA_STATE_EXPIRED
				     : MCSEC_SA_STATE_LIVE;
	for (i = 0; i < MCSEC_SENDER_IDS_MAX; i++)
		info->in_packets += s->got[i];
	info->age = (clock_mono_ms(mk->clock) - s->added_ms) / 1000;
}

static int sa_del(void *ctx, const char *group, uint32_t spi,
		  struct ksa_info *last, struct err *err)
{
	struct mock_kernel *mk = ctx;
	struct mock_sa *s = sa_of(mk, group, spi);

	if (!s)
		return err_set(err, -ENOENT, "no such SA");
	if (last) {
		info_of(mk, s, last);
		last->in_packets += mk->late;
	}
	sa_remove(mk, s);
	return 0;
}

static int sa_get(void *ctx, const char *group, uint32_t spi,
		  struct ksa_info *info, struct err *err)
{
	struct mock_kernel *mk = ctx;
	struct mock_sa *s = sa_of(mk, group, spi);

	if (!s)
		return err_set(err, -ENOENT, "no such SA");
	info_of(mk, s, info);
	return 0;
}

static int sa_dump(void *ctx, const char *group, ksa_fn *fn, void *arg,
		   struct err *err)
{
	struct mock_kernel *mk = ctx;
	struct ksa_info info;
	unsigned int i;
	int rc = 0;

	(void)err;
	for (i = 0; !rc && i < mk->n_sas; i++) {
		if (group && strcmp(mk->sa[i].sa.group, group))
			continue;
		info_of(mk, &mk->sa[i], &info);
		rc = fn(arg, &info);
	}
	return rc;
}

static int group_set(void *ctx, const char *name, enum mcsec_policy policy,
		     bool force, struct err *err)
{
	struct mock_kernel *mk = ctx;
	unsigned int i;

	for (i = 0; i < mk->n_groups; i++) {
		if (strcmp(mk->group[i].name, name))
			continue;
		if (policy != MCSEC_POLICY_ENFORCE && !force)
			return err_set(err, -EPERM, "another owner");
		mk->group[i].policy = policy;
		return 0;
	}
	return err_set(err, -ENOENT, "no such group");
}

/* Only functions that the member uses are implemented. */
static const struct kernel_ops mock_ops = {
	.group_add = group_add,
	.group_set = group_set,
	.group_del = group_del,
	.group_get = group_get,
	.group_dump = group_dump,
	.sa_add = sa_add,
	.sa_set = sa_set,
	.sa_del = sa_del,
	.sa_flush = sa_flush,
	.sa_get = sa_get,
	.sa_dump = sa_dump,
	.stats_dump = stats_dump,
};

void mock_kernel_forget(void)
{
	n_used = 0;
}

void mock_kernel_init(struct mock_kernel *mk, const struct clock *clock)
{
	mk->k.ops = &mock_ops;
	mk->k.ctx = mk;
	mk->clock = clock;
}

void mock_kernel_hibernate(struct mock_kernel *mk)
{
	unsigned int i;

	mk->to_disk = true;
	for (i = 0; i < mk->n_sas; i++)
		mk->sa[i].wiped = true;
}

void mock_kernel_reset(struct mock_kernel *mk)
{
	mk->n_groups = 0;
	mk->n_sas = 0;
}

bool mock_kernel_send(struct mock_kernel *mk, const struct addr *dst,
		      struct mock_packet *p)
{
	unsigned int i, j;

	for (i = 0; i < mk->n_groups; i++) {
		if (!addr_equal(&mk->group[i].dst, dst))
			continue;
		for (j = 0; j < mk->n_sas; j++) {
			struct mock_sa *s = &mk->sa[j];

			if (!s->selected || expired(mk, s) ||
			    strcmp(s->sa.group, mk->group[i].name))
				continue;
			memset(p, 0, sizeof(*p));
			p->dst = *dst;
			p->spi = s->sa.spi;
			p->sender_id = s->sa.sender_ids[0];
			p->counter = ++s->counter;
			memcpy(p->key, s->sa.key, KSA_KEY_MAX);
			return true;
		}
	}
	return false;
}

bool mock_kernel_recv(struct mock_kernel *mk, const struct mock_packet *p)
{
	unsigned int i;

	for (i = 0; i < mk->n_sas; i++) {
		struct mock_sa *s = &mk->sa[i];
		uint64_t *got = &s->got[p->sender_id % MCSEC_SENDER_IDS_MAX];

		if (s->sa.spi != p->spi || !(s->sa.dir & MCSEC_DIR_IN) ||
		    expired(mk, s) || memcmp(s->sa.key, p->key, KSA_KEY_MAX))
			continue;
		if (p->counter <= *got) {
			mk->replays++;
			return false;
		}
		*got = p->counter;
		return true;
	}
	mk->unknown++;
	return false;
}

bool mock_kernel_had(const struct mock_kernel *mk, const uint8_t *key)
{
	unsigned int i;

	for (i = 0; i < mk->n_keys; i++)
		if (!memcmp(mk->key[i].key, key, KSA_KEY_MAX))
			return true;
	return false;
}
