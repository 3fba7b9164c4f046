// SPDX-License-Identifier: Apache-2.0
/* Queries of the state of a simulation, for tests. */
#include "group_sim.h"

#include <stdio.h>
#include <string.h>

bool sim_logged(const struct sim *s, const char *text)
{
	return strstr(s->log, text);
}

unsigned int sim_log_count(const struct sim *s, const char *what)
{
	const char *line = s->log, *end, *at;
	unsigned int n = 0;

	while ((end = strchr(line, '\n'))) {
		at = strstr(line, what);
		n += at && at < end;
		line = end + 1;
	}
	return n;
}

unsigned int sim_reads_before(const struct sim *s, const struct sim_member *m,
			      uint64_t ms)
{
	unsigned int i, n = 0;

	for (i = 0; i < s->n_keys; i++)
		n += s->key[i].first_ms < ms &&
		     mock_kernel_had(&m->mk, s->key[i].key);
	return n;
}

unsigned int sim_reads_after(const struct sim *s, const struct sim_member *m,
			     uint64_t ms)
{
	unsigned int i, n = 0;

	for (i = 0; i < s->n_keys; i++)
		n += s->key[i].last_ms >= ms &&
		     mock_kernel_had(&m->mk, s->key[i].key);
	return n;
}

uint64_t sim_gaps(const struct sim *s)
{
	uint64_t gaps = s->n_unsent;
	int i;

	for (i = 0; i < s->n; i++) {
		const struct sim_member *m = s->m[i];

		if (m->expect)
			gaps += m->gaps + (s->n_sent + 1 - m->expect);
	}
	return gaps;
}

static int take_status(void *arg, const struct member_group_status *st)
{
	*(struct member_group_status *)arg = *st;
	return 1;
}

struct member_group_status sim_status(const struct sim_member *m)
{
	struct member_group_status st = { 0 };

	if (m->up)
		member_each_group(m->m, take_status, &st);
	return st;
}

bool sim_in(const struct sim_member *m)
{
	struct member_group_status st = sim_status(m);

	return m->up && member_state_is_in(st.state) && !st.doubt;
}

static int take_group(void *arg, const struct gcks_group_status *st)
{
	*(struct gcks_group_status *)arg = *st;
	return 1;
}

struct gcks_group_status sim_group(const struct sim *s)
{
	struct gcks_group_status st = { 0 };

	if (s->gcks_up)
		gcks_each_group(s->gcks, take_group, &st);
	return st;
}

struct wanted {
	const char *a, *b, *c;
	unsigned int n;
};

static int match_member(void *arg, const struct gcks_member_status *st)
{
	struct wanted *w = arg;

	w->n += !strcmp(w->a, st->identity);
	return 0;
}

bool sim_has_member(const struct sim *s, const char *identity)
{
	struct wanted w = { .a = identity };

	gcks_each_member(s->gcks, s->cg.name, match_member, &w);
	return w.n == 1;
}

static bool has_data(const struct member_group_status *st,
		     const struct gcks_group_status *g)
{
	unsigned int i;

	for (i = 0; i < st->n_flows; i++)
		if (st->flow[i].data_spi != g->data_spis[i])
			return false;
	return st->n_flows == conf_n_data(g->conf);
}

unsigned int sim_out_of_step(const struct sim *s)
{
	struct gcks_group_status g = sim_group(s);
	unsigned int n = 0;
	int i;

	for (i = 0; i < s->n; i++) {
		struct member_group_status st;

		if (!s->m[i]->up)
			continue;
		st = sim_status(s->m[i]);
		if (!member_state_is_in(st.state) || !has_data(&st, &g) ||
		    memcmp(st.rekey_spi, g.rekey_spi, sizeof(g.rekey_spi)))
			n++;
	}
	return n;
}

static int match_audit(void *arg, const struct store_audit *a)
{
	struct wanted *w = arg;

	w->n += !strcmp(a->event, w->a) &&
		(!w->b || !strcmp(a->identity, w->b)) &&
		(!w->c || strstr(a->detail, w->c));
	return 0;
}

unsigned int sim_audited(const struct sim *s, const char *event,
			 const char *identity, const char *detail)
{
	struct wanted w = { .a = event, .b = identity, .c = detail };

	gcks_audit(s->gcks, 0, 1000000, match_audit, &w);
	return w.n;
}
