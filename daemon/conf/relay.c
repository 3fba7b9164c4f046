// SPDX-License-Identifier: Apache-2.0
#include "conf/relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/conf.h"
#include "wire/proto.h"

static const char one_host[] =
	"is not the address of one host: name that at which children reach it";

static int read_host(struct conf_reader *r, const config_setting_t *s,
		     struct ep *out)
{
	const struct conf_field port = { .min = IKE_NATT_PORT };
	int ret = conf_read_ep(r, s, &port, out);

	/* An edge is told by exactly this address at its other end. */
	return !ret && addr_is_any(&out->addr) ? conf_bad(r, s, NULL, one_host)
					       : ret;
}

static int read_address(struct conf_reader *r, const config_setting_t *s,
			const struct conf_field *f, void *dst)
{
	(void)f;
	return read_host(r, s, dst);
}

/* ---- parents ------------------------------------------------------------- */

#define P(member, text, fn, ...) \
	CONF_FIELD(struct conf_parent, member, text, fn, __VA_ARGS__)
static const struct conf_field parent_fields[] = {
	P(at, "address", read_address, .required = true,
	  .example = "\"192.0.2.1\""),
	P(id, "id", conf_read_text, .required = true,
	  .example = "\"relay.example\"", .min = 1, .max = 320),
	{ 0 }
};

static bool is_twice(const struct conf_parents *p)
{
	size_t i;

	for (i = 0; i + 1 < p->n; i++)
		if (ep_equal(&p->v[i].at, &p->v[p->n - 1].at))
			return true;
	return false;
}

int conf_read_parents(struct conf_reader *r, const config_setting_t *s,
		      const struct conf_field *f, void *dst)
{
	int i, n = config_setting_length(s), ret = 0;
	struct conf_parents *p = dst;

	(void)f;
	if (!config_setting_is_list(s) || n < 1 || n > CONF_MAX_PARENTS)
		return conf_bad(r, s, NULL,
				"has to be a list of 1 to %d relays, ( { address = ...; id = ...; }, ... )",
				CONF_MAX_PARENTS);
	for (i = 0; i < n && !ret; i++) {
		const config_setting_t *e =
			config_setting_get_elem(s, (unsigned int)i);

		ret = conf_read_group(r, e, parent_fields, &p->v[p->n++]);
		if (!ret && is_twice(p))
			ret = conf_bad(r, e, "address",
				       "is that of another relay of the list: remove one");
	}
	return ret;
}

void conf_parents_clear(struct conf_parents *p)
{
	while (p->n)
		free(p->v[--p->n].id);
}

/* ---- the relay ----------------------------------------------------------- */

static int read_relay_listen(struct conf_reader *r, const config_setting_t *s,
			     const struct conf_field *f, void *dst)
{
	struct conf_relay *relay = (void *)((char *)dst - f->offset);
	bool one = config_setting_type(s) == CONFIG_TYPE_STRING;
	int i, k, ret, n = one ? 1 : config_setting_length(s);
	const config_setting_t *e;

	if (!one && !config_setting_is_array(s) && !config_setting_is_list(s))
		n = 0;
	if (n < 1 || n > CONF_MAX_RELAY_LISTEN)
		return conf_bad(r, s, NULL,
				"has to be a list of 1 to %d addresses, with ports or without",
				CONF_MAX_RELAY_LISTEN);
	for (i = 0; i < n; i++) {
		e = one ? s : config_setting_get_elem(s, (unsigned int)i);
		ret = read_host(r, e, &relay->listen[i]);
		if (ret)
			return ret;
		for (k = 0; k < i; k++)
			if (ep_equal(&relay->listen[k], &relay->listen[i]))
				return conf_bad(r, e, NULL,
						"is in the list twice: remove one");
		relay->n_listen++;
	}
	return 0;
}

#define Y(member, text, fn, ...) \
	CONF_FIELD(struct conf_relay, member, text, fn, __VA_ARGS__)
static const struct conf_field relay_fields[] = {
	Y(listen, "listen", read_relay_listen, .required = true,
	  .example = "\"192.0.2.1:4500\""),
	Y(max_children, "max-children", conf_read_number, .min = 1,
	  .max = 65536),
	Y(others, "others", conf_read_parents, 0),
	{ 0 }
};

int conf_read_relay(struct conf_reader *r, const config_setting_t *s,
		    const struct conf_field *f, void *dst)
{
	struct conf_relay *relay = calloc(1, sizeof(*relay));

	(void)f;
	if (!relay)
		return -ENOMEM;
	*(struct conf_relay **)dst = relay;
	relay->max_children = 64;
	return conf_read_group(r, s, relay_fields, relay);
}

void conf_relay_free(struct conf_relay *relay)
{
	if (!relay)
		return;
	conf_parents_clear(&relay->others);
	free(relay);
}

/* ---- checks -------------------------------------------------------------- */

static int bad_setting(struct conf_reader *r, const config_setting_t *s,
		       const char *name, const char *what)
{
	const config_setting_t *e = config_setting_get_member(s, name);

	return conf_bad(r, e ? e : s, e ? NULL : name, "%s", what);
}

/* Only the header inside has the addresses of the group, and ESP names one SA. */
static int check_mode(struct conf_reader *r, const config_setting_t *s,
		      bool tunnel, size_t more)
{
	if (!tunnel)
		return bad_setting(r, s, "mode",
				   "has to be \"tunnel\" in a group with relays");
	if (more)
		return bad_setting(r, s, "data",
				   "is for several Data SAs, and a group with relays has one: make a group of each");
	return 0;
}

int conf_check_relays(struct conf_reader *r, const config_setting_t *s,
		      const struct conf_group *g)
{
	return g->relays.n ? check_mode(r, s, g->tunnel, g->more.n) : 0;
}

int conf_check_relay(struct conf_reader *r, const config_setting_t *s,
		     const struct conf_member *m)
{
	const config_setting_t *groups = config_setting_get_member(s, "groups");
	bool relays = false;
	size_t i;
	int ret;

	for (i = 0; i < m->n_groups; i++) {
		const struct conf_mgroup *g = &m->groups[i];
		const config_setting_t *at =
			config_setting_get_elem(groups, (unsigned int)i);

		if (!g->relay && !g->parents.n)
			continue;
		ret = check_mode(r, at, g->tunnel, g->more.n);
		if (ret)
			return ret;
		if (g->relay && !m->relay)
			return bad_setting(r, at, "relay",
					   "needs member.relay: add relay: { listen = \"ADDRESS\"; };");
		relays |= g->relay;
	}
	if (m->relay && !relays)
		return bad_setting(r, s, "relay",
				   "is for groups with relay = true, and there is none: set that in the groups that this host relays");
	return 0;
}

int conf_check_edge_auth(struct conf_reader *r, const config_setting_t *root,
			 const struct conf *c)
{
	static const char why[] =
		"needs a certificate in identity, by which relays and children know each other";
	const config_setting_t *s = config_setting_get_member(root, "gcks");
	bool any = false;
	size_t i;

	if (c->identity.certificate)
		return 0;
	for (i = 0; c->gcks && i < c->gcks->n_groups; i++)
		any |= c->gcks->groups[i].relays.n > 0;
	if (any)
		return bad_setting(r, s, "groups", why);
	s = config_setting_get_member(root, "member");
	for (i = 0; c->member && i < c->member->n_groups; i++)
		any |= c->member->groups[i].relay ||
		       c->member->groups[i].parents.n;
	return any ? bad_setting(r, s, "groups", why) : 0;
}
