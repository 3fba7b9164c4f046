/* SPDX-License-Identifier: Apache-2.0 */
/* The setting quorum of a key server. */
#ifndef CONF_QUORUM_H
#define CONF_QUORUM_H

#include "conf/conf.h"
#include "conf/field.h"

/* A struct conf_quorum. */
conf_read_fn conf_read_quorum;
bool conf_quorum_equal(const struct conf_quorum *a,
		       const struct conf_quorum *b);

#endif
