/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks of settings that depend on each other. All functions return 0, or
 * -EINVAL with the error text set.
 */
#ifndef CONF_CHECK_H
#define CONF_CHECK_H

#include "conf/conf.h"
#include "conf/field.h"

/* Read one group of a key server, with its defaults, and check it (conf.c). */
int conf_read_gcks_group(struct conf_reader *r, const config_setting_t *s,
			 struct conf_group *g);
/* Check one group of a key server; @s is its setting, for error messages. */
int conf_check_group(struct conf_reader *r, const config_setting_t *s,
		     const struct conf_group *g);
int conf_check_mgroup(struct conf_reader *r, const config_setting_t *s,
		      const struct conf_mgroup *g);
int conf_check_member(struct conf_reader *r, const config_setting_t *s,
		      const struct conf_member *m);
/*
 * Check the lifetime of IKE SAs, and set *@rekey to 3/4 of it if the default
 * does not fit.
 */
int conf_check_sa_times(struct conf_reader *r, const config_setting_t *s,
			uint32_t lifetime, uint32_t *rekey);
/* Check that there is a policy only with a list. */
int conf_check_addke(struct conf_reader *r, const config_setting_t *s,
		     const struct conf_addke *a);
int conf_check_identity(struct conf_reader *r, const config_setting_t *s,
			const struct conf_identity *id);
/*
 * Turn off the files of the audit trail if there is no key to sign them with.
 * Called after conf_check().
 */
int conf_settle_audit(struct conf_reader *r, const config_setting_t *root,
		      struct conf *c);
/* Check the groups of a key server with each other. */
int conf_check_gcks(struct conf_reader *r, const config_setting_t *root,
		    const struct conf_gcks *k);
/* Check the whole configuration; @root is for error messages. */
int conf_check(struct conf_reader *r, const config_setting_t *root,
	       const struct conf *c);

#endif
