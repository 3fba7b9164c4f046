/* SPDX-License-Identifier: Apache-2.0 */
/* SAs that the kernel has not deleted when it was told to: they are deleted again. */
#ifndef MEMBER_LEFTOVER_H
#define MEMBER_LEFTOVER_H

#include "member/mgroup.h"

struct leftover {
	TAILQ_ENTRY(leftover) all;
	uint32_t spi;
	char group[MCSEC_NAME_MAX + 1];
};

void leftover_init(struct member *m);
/* Give up what the kernel has not deleted: the next run takes it over. */
void leftover_free(struct member *m);
/* Delete the SA of the kernel's group again until it is gone. */
void leftover_add(struct member *m, const char *group, uint32_t spi);
/* Forget a leftover, since the kernel has a new SA with this SPI. */
void leftover_replaced(struct member *m, const char *group, uint32_t spi);
bool leftover_has(const struct member *m, const char *group, uint32_t spi);

#endif
