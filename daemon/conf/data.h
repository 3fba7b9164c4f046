/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings of the Data SAs of a group. Those of the only one stand in the group
 * itself, those of several in its list "data", with the names that they have
 * there.
 */
#ifndef CONF_DATA_H
#define CONF_DATA_H

#include "conf/field.h"
#include "conf/selector.h"

/* A struct conf_alg, one of words, which are conf_algs for traffic. */
conf_read_fn conf_read_alg;
extern const struct conf_word conf_algs[];
extern const struct conf_word conf_kek_algs[];

/* Permits the setting "data", which the functions below read. */
conf_read_fn conf_read_data_later;
/*
 * Read the Data SAs of group @s, when all other settings are in @g. Return 0 or
 * -errno, with the error text set.
 */
int conf_read_data(struct conf_reader *r, const config_setting_t *s,
		   struct conf_group *g);
int conf_read_member_data(struct conf_reader *r, const config_setting_t *s,
			  struct conf_mgroup *g);
/* Return the setting with the selector of Data SA @i of group @s. */
const config_setting_t *conf_data_at(const config_setting_t *s, size_t i);
/*
 * Return true, with @f set, if two Data SAs of one group are ambiguous, of which
 * @other is for the second selector.
 */
bool conf_data_clash(const struct selector *sel, const struct selector *other,
		     struct conf_fault *f);
/*
 * Return true, with @f set, if the names or the selectors of two groups of a key
 * server or of a member are ambiguous. *@at is the Data SA of @g that is.
 */
bool conf_groups_clash(const struct conf_group *g,
		       const struct conf_group *other, size_t *at,
		       struct conf_fault *f);
bool conf_mgroups_clash(const struct conf_mgroup *g,
			const struct conf_mgroup *other, size_t *at,
			struct conf_fault *f);

#endif
