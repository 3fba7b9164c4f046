/* SPDX-License-Identifier: Apache-2.0 */
/* The counts of the module at one moment, and how much they have grown. */
#ifndef MCSECCTL_SAMPLE_H
#define MCSECCTL_SAMPLE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/kernel.h"

struct sample {
	uint64_t at_ms; /* monotonic */
	struct kgroup_info *groups; /* by name */
	size_t n_groups;
	struct ksa_info *sas; /* by group and SPI */
	size_t n_sas;
	json_t *counters; /* all of the namespace */
};

/* Growth of a group between two samples. */
struct growth {
	const struct kgroup_info *group;
	uint64_t out_packets;
	uint64_t out_bytes;
	uint64_t in_packets;
	uint64_t in_bytes;
	uint64_t out_drops;
	uint64_t in_drops;
	uint64_t replays;
	uint64_t bad_icv;
	uint32_t spi; /* the SA that sends, or else the newest; 0: none */
	uint64_t age; /* seconds since that SA was added */
};

/* Take a sample. Returns 0, or -errno with one line in @err; then it is empty. */
int sample_take(struct kernel *kernel, struct sample *s, struct err *err);
void sample_free(struct sample *s);

/*
 * Compare group number @i of @now with @before. An SA that came since has grown by
 * all that it has, and one that is gone counts nothing.
 */
void sample_growth(const struct sample *before, const struct sample *now,
		   size_t i, struct growth *g);

#endif
