// SPDX-License-Identifier: Apache-2.0
#include "group_thief.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gcks/group.h"
#include "tap.h"

void thief_come(struct thief *t, struct sim *s)
{
	struct gcks_deps deps = {
		.clock = &s->clock,
		.tq = &s->tq,
		.send_rekey = sim_send_rekey,
		.ctx = s,
	};
	struct err err;
	int i;

	for (i = 0; i < 2; i++) {
		snprintf(t->path[i], sizeof(t->path[i]), "%s/loot%d", s->dir,
			 i);
		sim_copy_store(i ? s->witness_path : s->path, t->path[i]);
		if (store_open(t->path[i], s->sealer, &t->loot[i], &err))
			bail("%s", err.text);
	}
	deps.store = t->loot[0];
	deps.witness = t->loot[1];
	if (gcks_new(&s->conf, &deps, &t->k, &err))
		bail("%s", err.text);
}

void thief_rekey(struct thief *t)
{
	struct err err;

	if (sim_rekey(t->k, "video", &err))
		bail("%s", err.text);
}

struct group *thief_group(struct thief *t)
{
	return TAILQ_FIRST(&t->k->groups);
}

unsigned int thief_has(struct thief *t, struct sim *s)
{
	uint32_t spi = gkm_spi(&thief_group(t)->st);
	unsigned int n = 0;
	int i;

	for (i = 0; i < s->n; i++)
		n += sim_status(s->m[i]).data_spi == spi;
	return n;
}

void thief_go(struct thief *t)
{
	char wal[288];
	int i;

	if (!t->k)
		return;
	gcks_free(t->k);
	for (i = 0; i < 2; i++) {
		store_close(t->loot[i]);
		unlink(t->path[i]);
		snprintf(wal, sizeof(wal), "%s-wal", t->path[i]);
		unlink(wal);
	}
	memset(t, 0, sizeof(*t));
}
