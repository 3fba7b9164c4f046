// SPDX-License-Identifier: Apache-2.0
/*
 * SAs that the kernel has not deleted when it was told to. An excluded member must not
 * keep the keys until their lifetime ends, so it is told again until it has.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "member/leftover.h"

#define AGAIN_MS 1000

static struct leftover *find_undeleted(const struct member *m,
				       const char *group, uint32_t spi)
{
	struct leftover *l;

	TAILQ_FOREACH(l, &m->leftovers, all)
		if (l->spi == spi && !strcmp(l->group, group))
			return l;
	return NULL;
}

static void drop_undeleted(struct member *m, struct leftover *l)
{
	TAILQ_REMOVE(&m->leftovers, l, all);
	free(l);
}

static void delete_again(void *arg)
{
	struct member *m = arg;
	const struct kernel *k = m->deps.kernel;
	struct leftover *l, *next;
	int ret = 0;

	for (l = TAILQ_FIRST(&m->leftovers); l; l = next) {
		next = TAILQ_NEXT(l, all);
		ret = k->ops->sa_del(k->ctx, l->group, l->spi, NULL, NULL);
		/* A kernel that does not answer must not be asked for each. */
		if (ret == -ETIMEDOUT)
			break;
		if (ret && ret != -ENOENT)
			continue;
		log_group(LOG_LEVEL_INFO, l->group, "SA deleted late: " SPI_FMT,
			  l->spi);
		drop_undeleted(m, l);
	}
	if (!TAILQ_EMPTY(&m->leftovers))
		timer_set(m->deps.tq, &m->leftover_due, AGAIN_MS);
}

void leftover_init(struct member *m)
{
	TAILQ_INIT(&m->leftovers);
	timer_init(&m->leftover_due, delete_again, m);
}

void leftover_free(struct member *m)
{
	timer_del(m->deps.tq, &m->leftover_due);
	while (!TAILQ_EMPTY(&m->leftovers))
		drop_undeleted(m, TAILQ_FIRST(&m->leftovers));
}

void leftover_add(struct member *m, const char *group, uint32_t spi)
{
	struct leftover *l = find_undeleted(m, group, spi);

	if (l)
		return;
	l = calloc(1, sizeof(*l));
	if (!l) {
		log_group(LOG_LEVEL_WARN, group,
			  "SA not deleted: " SPI_FMT ": no memory to try again",
			  spi);
		return;
	}
	l->spi = spi;
	snprintf(l->group, sizeof(l->group), "%s", group);
	TAILQ_INSERT_TAIL(&m->leftovers, l, all);
	timer_set(m->deps.tq, &m->leftover_due, AGAIN_MS);
}

void leftover_replaced(struct member *m, const char *group, uint32_t spi)
{
	struct leftover *l = find_undeleted(m, group, spi);

	if (l)
		drop_undeleted(m, l);
}

bool leftover_has(const struct member *m, const char *group, uint32_t spi)
{
	return find_undeleted(m, group, spi);
}
