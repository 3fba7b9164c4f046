/* SPDX-License-Identifier: Apache-2.0 */
/* The settings "seal-key" and "seal-wrap" of a key server; private to this folder. */
#ifndef CONF_SEAL_H
#define CONF_SEAL_H

#include <stdbool.h>

#include "conf/conf.h"
#include "conf/field.h"

/* A char * with an absolute path, or with "credential:NAME". */
conf_read_fn conf_read_place;
/* A struct conf_wrap. */
conf_read_fn conf_read_wrap;

/* Check that the key can be wrapped where it is. Returns 0 or -EINVAL. */
int conf_check_seal(struct conf_reader *r, const config_setting_t *s,
		    const struct conf_gcks *g);
bool conf_wrap_equal(const struct conf_wrap *a, const struct conf_wrap *b);
void conf_wrap_free(struct conf_wrap *w);

#endif
