/* SPDX-License-Identifier: Apache-2.0 */
/* Common parts of the tests of members that are rekeyed inband. */
#ifndef GROUP_INBAND_H
#define GROUP_INBAND_H

#include "group_sim.h"
#include "tap.h"

/* Add a member that cannot receive multicast rekeys, without starting it. */
static inline struct sim_member *sim_inband_add(struct sim *s, const char *name,
						bool send, bool receive)
{
	struct sim_member *m = sim_add(s, name, send, receive);

	m->cg.inband = true;
	return m;
}

/*
 * A sender and @n receivers that are rekeyed inband, and "m.example", which is
 * not, if @mixed. Returns the sender.
 */
static inline struct sim_member *sim_inband_start(struct sim *s, uint64_t seed,
						  int n, bool mixed)
{
	struct sim_member *tx;
	char name[32];
	int i;

	sim_init(s, seed);
	s->cg.inband = INBAND_ASKED;
	sim_gcks_up(s);
	tx = sim_inband_add(s, "s.example", true, false);
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "r%d.example", i);
		sim_inband_add(s, name, false, true);
	}
	if (mixed)
		sim_add(s, "m.example", false, true);
	for (i = 0; i < s->n; i++)
		sim_up(s->m[i]);
	if (!sim_settle(s, 60000))
		bail("not all are in: %s", s->log);
	sim_run(s, 20000);
	return tx;
}

/* Return true if @m is in, with the Data SA of the key server. */
static inline bool sim_inband_current(const struct sim_member *m)
{
	return sim_in(m) && sim_status(m).data_spi == sim_group(m->s).data_spi;
}

/* Count members that are up and do not have the Data SA of the key server. */
static inline unsigned int sim_inband_lacking(const struct sim *s)
{
	unsigned int n = 0;
	int i;

	for (i = 0; i < s->n; i++)
		n += s->m[i]->up && !sim_inband_current(s->m[i]);
	return n;
}

static inline void sim_inband_rekey(struct sim *s)
{
	struct err err = {};

	if (sim_rekey(s->gcks, "video", &err))
		bail("%s", err.text);
}

/* Lose the datagrams that are on their way. */
static inline void sim_inband_lose_all(struct sim *s)
{
	struct sim_packet *q;

	while ((q = TAILQ_FIRST(&s->queue))) {
		TAILQ_REMOVE(&s->queue, q, all);
		free(q);
	}
}

/* Make a member change to inband rekeys, or back. */
static inline void sim_inband_reload(struct sim_member *m, bool is_inband)
{
	/* The member uses one of them while the next one is checked. */
	static struct conf_mgroup cg[2];
	static struct conf_member conf[2];
	unsigned int i = is_inband;
	struct err err = {};

	cg[i] = m->cg;
	cg[i].inband = is_inband;
	conf[i] = m->conf;
	conf[i].groups = &cg[i];
	if (member_reload(m->m, &conf[i], &err))
		bail("%s", err.text);
}

#endif
