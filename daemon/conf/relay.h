/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of relays and of members that ask them, see struct conf_relay. */
#ifndef CONF_RELAY_H
#define CONF_RELAY_H

#include "conf/field.h"

struct conf;
struct conf_group;
struct conf_member;
struct conf_parents;
struct conf_relay;

/* A struct conf_relay *, which is made; conf_relay_free() frees it. */
conf_read_fn conf_read_relay;
/* A struct conf_parents, whose texts conf_parents_clear() frees. */
conf_read_fn conf_read_parents;

void conf_relay_free(struct conf_relay *relay);
void conf_parents_clear(struct conf_parents *p);

/* Check the group at @s of a key server, and the role member at @s. */
int conf_check_relays(struct conf_reader *r, const config_setting_t *s,
		      const struct conf_group *g);
int conf_check_relay(struct conf_reader *r, const config_setting_t *s,
		     const struct conf_member *m);
/* Check that this host has what both ends of an edge authenticate by. */
int conf_check_edge_auth(struct conf_reader *r, const config_setting_t *root,
			 const struct conf *c);

#endif
