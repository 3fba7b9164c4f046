// SPDX-License-Identifier: Apache-2.0
#include "sample.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"

/* A sample that is being taken, with the room of its lists. */
struct taking {
	struct sample *s;
	size_t group_room;
	size_t sa_room;
};

/* Make room for one more entry of @size octets. Returns false without memory. */
static bool make_room(void **list, size_t n, size_t *room, size_t size)
{
	size_t more = *room ? 2 * *room : 64;
	void *p;

	if (n < *room)
		return true;
	p = reallocarray(*list, more, size);
	if (!p)
		return false;
	*list = p;
	*room = more;
	return true;
}

static int keep_group(void *arg, const struct kgroup_info *g)
{
	struct taking *t = arg;

	if (!make_room((void **)&t->s->groups, t->s->n_groups, &t->group_room,
		       sizeof(*g)))
		return -ENOMEM;
	t->s->groups[t->s->n_groups++] = *g;
	return 0;
}

static int keep_sa(void *arg, const struct ksa_info *i)
{
	struct taking *t = arg;

	if (!make_room((void **)&t->s->sas, t->s->n_sas, &t->sa_room,
		       sizeof(*i)))
		return -ENOMEM;
	t->s->sas[t->s->n_sas++] = *i;
	return 0;
}

static int keep_counter(void *arg, const char *name, uint64_t value)
{
	return json_object_set_new(arg, name, json_integer((json_int_t)value))
		       ? -ENOMEM
		       : 0;
}

static int compare_groups(const void *a, const void *b)
{
	const struct kgroup_info *ga = a, *gb = b;

	return strcmp(ga->group.name, gb->group.name);
}

static int compare_sas(const void *a, const void *b)
{
	const struct ksa_info *sa = a, *sb = b;
	int ret = strcmp(sa->sa.group, sb->sa.group);

	if (ret)
		return ret;
	return (sa->sa.spi > sb->sa.spi) - (sa->sa.spi < sb->sa.spi);
}

int sample_take(struct kernel *kernel, struct sample *s, struct err *err)
{
	const struct kernel_ops *ops = kernel->ops;
	struct taking t = { .s = s };
	int ret;

	*s = (struct sample){ .counters = json_object() };
	ret = ops->group_dump(kernel->ctx, keep_group, &t, err);
	if (!ret)
		ret = ops->sa_dump(kernel->ctx, NULL, keep_sa, &t, err);
	if (!ret)
		ret = ops->stats_dump(kernel->ctx, keep_counter, s->counters,
				      err);
	if (ret == -ENOMEM)
		err_set(err, ret, "out of memory");
	if (ret) {
		sample_free(s);
		return ret;
	}
	s->at_ms = clock_mono_ms(clock_system());
	if (s->n_groups)
		qsort(s->groups, s->n_groups, sizeof(*s->groups),
		      compare_groups);
	if (s->n_sas)
		qsort(s->sas, s->n_sas, sizeof(*s->sas), compare_sas);
	return 0;
}

void sample_free(struct sample *s)
{
	free(s->groups);
	free(s->sas);
	json_decref(s->counters);
	*s = (struct sample){};
}

/* A count begins anew if the module was loaded again. */
static uint64_t grown_by(uint64_t before, uint64_t now)
{
	return now >= before ? now - before : now;
}

/* The SA that sends is the group's key; without one it is the newest. */
static bool is_better_key(const struct growth *g, const struct ksa_info *i)
{
	uint32_t sends = g->group->out_spi;

	if (!g->spi || i->sa.spi == sends)
		return true;
	return g->spi != sends && i->age < g->age;
}

static void add_sa(const struct sample *before, const struct ksa_info *i,
		   struct growth *g)
{
	static const struct ksa_info none;
	const struct ksa_info *old = NULL;

	if (before->n_sas)
		old = bsearch(i, before->sas, before->n_sas, sizeof(*i),
			      compare_sas);
	if (!old)
		old = &none;
	g->out_packets += grown_by(old->out_packets, i->out_packets);
	g->out_bytes += grown_by(old->out_bytes, i->out_bytes);
	g->in_packets += grown_by(old->in_packets, i->in_packets);
	g->in_bytes += grown_by(old->in_bytes, i->in_bytes);
	g->replays += grown_by(old->in_replays, i->in_replays);
	g->bad_icv += grown_by(old->in_bad_icv, i->in_bad_icv);
	if (is_better_key(g, i)) {
		g->spi = i->sa.spi;
		g->age = i->age;
	}
}

/* Return the index of the first SA of a group, or of the one behind its place. */
static size_t first_sa(const struct sample *s, const char *group)
{
	size_t low = 0, high = s->n_sas, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (strcmp(s->sas[middle].sa.group, group) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void sample_growth(const struct sample *before, const struct sample *now,
		   size_t i, struct growth *g)
{
	const struct kgroup_info *group = &now->groups[i], *old = NULL;
	const char *name = group->group.name;
	size_t n;

	*g = (struct growth){ .group = group };
	if (before->n_groups)
		old = bsearch(group, before->groups, before->n_groups,
			      sizeof(*group), compare_groups);
	g->out_drops = grown_by(old ? old->out_drops : 0, group->out_drops);
	g->in_drops = grown_by(old ? old->in_drops : 0, group->in_drops);
	for (n = first_sa(now, name);
	     n < now->n_sas && !strcmp(now->sas[n].sa.group, name); n++)
		add_sa(before, &now->sas[n], g);
}
