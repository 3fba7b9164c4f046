/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of build/bench/keyserver.json, and the parts of the bench that make them. */
#ifndef BENCH_KEYSERVER_H
#define BENCH_KEYSERVER_H

#include <stdint.h>

/*
 * A measurement. @cpu_us is of the key server alone, and the mean of one operation;
 * @worst_us is the longest single step of the event loop. @bytes and @messages are
 * different datagrams, each counted once however many copies are sent; or octets of
 * memory or of the store for each member. What does not apply is 0.
 */
struct ks_row {
	const char *bench;
	unsigned int members;
	double cpu_us;
	double worst_us;
	double bytes;
	double messages;
	double seconds; /* simulated, until all was done */
	double ratio; /* to the ceiling; of asking again: how much faster it is */
};

void ks_put(const struct ks_row *row);

/* The CPU time of this process in microseconds. */
double ks_cpu_us(void);

/* large_group.c: one group of that many members in this process. */
void ks_group(unsigned int members);
/* Joins and evictions of one whose tree has keys of 128 bits. */
void ks_short_keys(unsigned int members);
/* The step that grows what has room for @members. */
void ks_growth(unsigned int members);
/* @leave of @members leave in the same moment. */
void ks_crowd_leaves(unsigned int members, unsigned int leave);
/* Memory of idle IKE SAs. */
void ks_idle_sas(unsigned int sas);

/* registrations.c: the real daemon on loopback. */
void ks_registrations(unsigned int members);

#endif
