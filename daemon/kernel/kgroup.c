// SPDX-License-Identifier: Apache-2.0
/* Groups as a whole: comparison, and text. */
#include <stdio.h>
#include <string.h>

#include "kernel/kernel.h"
#include "lib/util.h"

void kgroup_selector(const struct kgroup *g, struct selector *sel)
{
	memset(sel, 0, sizeof(*sel));
	sel->dst = g->dst;
	if (g->dst_len != g->dst.len * 8)
		sel->dst_len = g->dst_len;
	sel->src = g->src;
	if (g->src_len != g->src.len * 8)
		sel->src_len = g->src_len;
	sel->proto = g->proto;
	sel->sport = g->sport;
	sel->dport = g->dport;
}

static bool has_dev(const struct kgroup *g, const char *name)
{
	size_t i;

	for (i = 0; i < g->n_devs; i++)
		if (!strcmp(g->devs[i], name))
			return true;
	return false;
}

/* Names occur once in each list. */
static bool same_devs(const struct kgroup *a, const struct kgroup *b)
{
	size_t i;

	for (i = 0; a->n_devs == b->n_devs && i < a->n_devs; i++)
		if (!has_dev(b, a->devs[i]))
			return false;
	return a->n_devs == b->n_devs;
}

static bool same_mark(const struct kmark *a, const struct kmark *b)
{
	return a->value == b->value && a->mask == b->mask;
}

const char *kgroup_differs(const struct kgroup *a, const struct kgroup *b)
{
	struct selector x, y;
	const char *name;

	kgroup_selector(a, &x);
	kgroup_selector(b, &y);
	name = selector_differs(&x, &y);
	if (name)
		return name;
	if (!same_devs(a, b))
		return "interfaces";
	if (!same_mark(&a->mark, &b->mark))
		return "mark";
	if (!same_mark(&a->in_mark, &b->in_mark))
		return "in-mark";
	return a->forward != b->forward ? "forward" : NULL;
}

/* Append to @buf, which is cut when it is full. */
#define ADD(...) \
	do { \
		if (n < KGROUP_STRLEN) \
			n += snprintf(buf + n, KGROUP_STRLEN - n, \
				      __VA_ARGS__); \
	} while (0)

const char *kgroup_str(const struct kgroup *g, char buf[static KGROUP_STRLEN])
{
	const struct {
		const char *name;
		const struct kmark *mark;
	} marks[] = { { "mark", &g->mark }, { "in-mark", &g->in_mark } };
	char text[SELECTOR_STRLEN];
	const struct kmark *m;
	struct selector sel;
	size_t i, n = 0;

	kgroup_selector(g, &sel);
	ADD("%s", selector_str(&sel, text));
	for (i = 0; i < ARRAY_SIZE(marks); i++) {
		m = marks[i].mark;
		if (m->mask)
			ADD(" %s 0x%x", marks[i].name, m->value);
		if (m->mask && m->mask != UINT32_MAX)
			ADD("/0x%x", m->mask);
	}
	if (g->forward)
		ADD(" forward");
	for (i = 0; i < g->n_devs; i++)
		ADD("%s%s", i ? "," : " dev ", g->devs[i]);
	return buf;
}
