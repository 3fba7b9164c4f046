/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings of what a group protects, which key server and members have under the
 * same names, and those of a member alone.
 */
#ifndef CONF_SELECTOR_H
#define CONF_SELECTOR_H

#include "conf/conf.h"
#include "conf/field.h"

/* Each of these reads its part of a struct selector. */
conf_read_fn conf_read_sel_address;
conf_read_fn conf_read_sel_source;
conf_read_fn conf_read_sel_protocol;
conf_read_fn conf_read_sel_sport;
conf_read_fn conf_read_sel_dport;
/* A bool: true for "tunnel". */
conf_read_fn conf_read_mode;
/* A char *: the name of an interface. */
conf_read_fn conf_read_dev;
/* A struct conf_devs: names of interfaces. */
conf_read_fn conf_read_devs;
/* A struct conf_mark: "VALUE" or "VALUE/MASK". */
conf_read_fn conf_read_mark;

/* A fault of a group: its setting, and a sentence about it. */
struct conf_fault {
	const char *name;
	char what[400];
};

/*
 * Return true, with @f set, if the parts of @sel do not fit together; if it is
 * ambiguous together with that of another group; if flows of two groups of a
 * member are.
 */
bool conf_sel_fault(const struct selector *sel, struct conf_fault *f);
bool conf_sel_clash(const struct selector *sel, const char *name,
		    const struct selector *other, struct conf_fault *f);
bool conf_flows_clash(const struct conf_mgroup *g, const struct selector *sel,
		      const struct conf_mgroup *other,
		      const struct selector *others, struct conf_fault *f);
/* Return true if datagrams from @src to @to would be those of a group. */
bool conf_selects_rekeys(const struct selector *sel, const struct addr *src,
			 const struct ep *to);

#endif
