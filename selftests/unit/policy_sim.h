/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A key server of one group, or two, whose configuration changes while it runs,
 * for the test programs of policies.
 */
#ifndef POLICY_SIM_H
#define POLICY_SIM_H

#include <errno.h>

#include "gcks/life.h"
#include "group_sim.h"
#include "lib/util.h"
#include "tap.h"

static struct sim s;
static struct sim_member *tx, *a, *b;
static struct conf_group groups[2];
static struct conf_gcks next;

static char *without_b[]
	__attribute__((unused)) = { (char *)"s.example", (char *)"a.example",
				    (char *)"c.example", (char *)"m*.example",
				    (char *)"d.example" };
static void usual(uint64_t seed)
{
	struct sim_three three;

	sim_init(&s, seed);
	three = sim_start_three(&s, true, 20000, 20);
	tx = three.tx;
	a = three.a;
	b = three.b;
	sim_run(&s, 1000);
	groups[0] = s.cg;
	groups[1] = s.cg;
	groups[1].name = (char *)"audio";
	addr_parse("239.1.1.2", &groups[1].sel.dst);
	ep_parse("239.1.1.253:848", 0, &groups[1].rekey_to);
	next = (struct conf_gcks){ .groups = groups, .n_groups = 1 };
}

struct answer {
	bool done;
	int ret;
	char why[512];
};

static void take(void *arg, int ret, uint32_t effective_ms, const char *why)
{
	struct answer *w = arg;

	(void)effective_ms;
	if (w->done)
		bail("answered twice");
	w->done = true;
	w->ret = ret;
	snprintf(w->why, sizeof(w->why), "%s", why);
}

static char why[512];

/* Change the configuration as SIGHUP does; the next start uses it too. */
static inline int reload(void)
{
	struct answer w = { 0 };

	gcks_reload(s.gcks, &next, take, &w);
	while (!w.done && !s.crashed)
		sim_run(&s, 1);
	if (!w.done)
		sim_gcks_down(&s);
	snprintf(why, sizeof(why), "%s", w.why);
	s.conf.groups = groups;
	s.conf.n_groups = next.n_groups;
	return w.done ? w.ret : -EIO;
}

#endif
