/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks of a host for "mcsecctl doctor", which need no running daemon. Each check
 * adds one line or more to a list: what holds, or what is wrong and what to do.
 *
 *	checks.c	the list
 *	module_check.c	the kernel's module, and what is needed to build it
 *	conf_check.c	the configuration, its certificates and lists, the clock
 *	start_check.c	keys, folders and ports that a start needs
 *	net_check.c	routes, interfaces, and settings of the kernel
 *	rules_check.c	rules of nft that drop what is needed
 */
#ifndef CHECKS_H
#define CHECKS_H

#include <jansson.h>
#include <stdbool.h>

struct conf;
struct ep;

enum result {
	RESULT_OK,
	RESULT_PROBLEM,
	RESULT_UNCHECKED,
};

struct checks {
	json_t *list;
	unsigned int n[RESULT_UNCHECKED + 1];
	/* Prefix of /lib, /proc and /sys, for tests; "" otherwise. */
	const char *root;
	const struct conf *conf; /* NULL: cannot be read */
	const char *group; /* the next lines are about it; NULL: the host */
};

/* Add a line about @check. */
__attribute__((format(printf, 3, 4))) void
check_ok(struct checks *c, const char *check, const char *fmt, ...);
__attribute__((format(printf, 4, 5))) void check_problem(struct checks *c,
							 const char *check,
							 const char *cure,
							 const char *fmt, ...);
__attribute__((format(printf, 4, 5))) void
check_unchecked(struct checks *c, const char *check, const char *cure,
		const char *fmt, ...);

/*
 * Read a file of @c->root with one line into @buf, without the newline. Returns
 * false if that is not possible.
 */
__attribute__((format(printf, 4, 5))) bool read_setting(const struct checks *c,
							char *buf, size_t size,
							const char *fmt, ...);

void check_module(struct checks *c);
/* Load @file and judge what it names. Sets @c->conf, which the caller frees. */
void check_conf(struct checks *c, const char *file);
void check_start(struct checks *c);
void check_net(struct checks *c);
void check_rules(struct checks *c);
/* Like check_rules() with the rules of nft as JSON, for tests. */
void check_ruleset(struct checks *c, const json_t *ruleset);

/*
 * Set @dev, of IF_NAMESIZE octets, to the interface of the route to @to unless it has
 * one already. Returns 0 or -ENETUNREACH, also if no administrator made that route.
 */
int multicast_dev(const struct ep *to, char *dev);

#endif
