/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All metrics of mcsec, in the text format that Prometheus and others collect, and
 * the server that gives them out.
 */
#ifndef MCSECCTL_METRICS_H
#define MCSECCTL_METRICS_H

#include <jansson.h>
#include <stdio.h>

#include "lib/metric.h"

struct ctl;

/*
 * @path: place of the values in the output of "stats" and "status"
 * @prefix: begin of the names of their time series.
 */
struct metric_table {
	const char *path;
	const struct metric *metrics;
	const char *prefix;
};

/* The last table has no path. */
extern const struct metric_table metric_tables[];

/*
 * Values of one moment, as "stats", "status" and "health" print them. NULL: the
 * module or the daemon does not answer.
 */
struct scrape {
	json_t *stats;
	json_t *status;
	json_t *health;
};

/* Write all values of @s to @f, in the text format 0.0.4 of Prometheus. */
void prometheus_write(const struct scrape *s, FILE *f);

/*
 * Ask module and daemon, and return the text, which the caller frees, with its length
 * in *@len; NULL: memory is short. What does not answer is absent in the text, which
 * says so, and nothing is printed.
 */
char *metrics_text(struct ctl *ctl, size_t *len);

/*
 * Give out the text by HTTP at @where, a path or a loopback address with a port, until
 * a signal ends that. Returns an enum exit_code, after a message if it is not EXIT_OK.
 */
int metrics_serve(struct ctl *ctl, const char *where);

#endif
