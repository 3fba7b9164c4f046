/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one setting alone can't tell: whether settings go together. All return
 * 0 or -EINVAL with the sentence written.
 */
#ifndef CONF_CHECK_H
#define CONF_CHECK_H

#include "conf/conf.h"
#include "conf/field.h"

/* One group of a key server; @s is where it stands. */
int conf_check_group(struct conf_reader *r, const config_setting_t *s,
		     const struct conf_group *g);
int conf_check_member(struct conf_reader *r, const config_setting_t *s,
		      const struct conf_member *m);
/* Everything together; @root for messages. */
int conf_check(struct conf_reader *r, const config_setting_t *root,
	       const struct conf *c);

#endif
