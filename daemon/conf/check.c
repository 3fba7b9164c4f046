// SPDX-License-Identifier: Apache-2.0
#include "conf/check.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "conf/data.h"
#include "conf/relay.h"
#include "crypto/cert.h"
#include "crypto/wrap.h"

#define MEMBERSHIP_MIN 60

/* Report that a number of the file, or its default, has to be over @least. */
static int too_small(struct conf_reader *r, const config_setting_t *s,
		     const char *name, const char *of, uint64_t least,
		     const char *why)
{
	const config_setting_t *e = config_setting_get_member(s, name);

	return conf_bad(r, e ? e : s, e ? NULL : name,
			"has to be greater than %s (%llu): %s", of,
			(unsigned long long)least, why);
}

/* Report the setting in the file, or the group that lacks it. */
static int bad_member(struct conf_reader *r, const config_setting_t *s,
		      const char *name, const char *what)
{
	const config_setting_t *e = config_setting_get_member(s, name);

	return e ? conf_bad(r, e, NULL, "%s", what)
		 : conf_bad(r, s, name, "%s", what);
}

/*
 * A replaced SA is kept for DTD after the rekey that replaces it, and a lost
 * rekey must be noticed while the old key is still valid.
 */
static int check_times(struct conf_reader *r, const config_setting_t *s,
		       const struct conf_group *g)
{
	uint64_t least = (uint64_t)g->rekey_interval + g->dtd;

	if (g->dtd <= g->atd)
		return too_small(r, s, "dtd", "atd", g->atd,
				 "receivers need a key until senders use the next one");
	if (g->evict_atd > g->atd)
		return bad_member(r, s, "evict-atd",
				  "is greater than atd; an eviction must not be slower than a rekey");
	if (g->rekey_interval <= g->dtd)
		return too_small(r, s, "rekey-interval", "dtd", g->dtd,
				 "old keys must end before the next rekey");
	if (g->lifetime <= least)
		return too_small(r, s, "lifetime", "rekey-interval + dtd",
				 least, "traffic must not stop before a rekey");
	if (g->kek_lifetime <= least)
		return too_small(r, s, "kek-lifetime", "rekey-interval + dtd",
				 least,
				 "members must be able to read the next rekey");
	return 0;
}

/* Check one Data SA of a group, and that it can be told from those before it. */
static int check_data(struct conf_reader *r, const config_setting_t *s,
		      const struct conf_group *g, size_t i)
{
	const config_setting_t *at = conf_data_at(s, i);
	struct conf_fault f;
	size_t n;

	if (conf_sel_fault(conf_sel(g, i), &f))
		return bad_member(r, at, f.name, f.what);
	for (n = 0; n < i; n++)
		if (conf_data_clash(conf_sel(g, i), conf_sel(g, n), &f))
			return bad_member(r, at, f.name, f.what);
	if (conf_selects_rekeys(conf_sel(g, i), &g->rekey_source, &g->rekey_to))
		return bad_member(r, s, "rekey-address",
				  "is the group's own address, where only ESP may go: take another one");
	/*
	 * RFC 9838 3.1: the wrapping key must not be weaker than the wrapped
	 * keys.
	 */
	if (wrap_key_len(g->kwa) * 8 < conf_alg(g, i)->key_bits)
		return bad_member(r, s, "key-wrap",
				  "is weaker than the keys that it wraps: set \"kw-256\"");
	return 0;
}

int conf_check_group(struct conf_reader *r, const config_setting_t *s,
		     const struct conf_group *g)
{
	int ret = 0;
	size_t i;

	if (addr_is_none(&g->rekey_to.addr) && g->inband != INBAND_ALWAYS)
		return conf_bad(r, s, "rekey-address",
				"is missing; only a group with inband = \"always\" has none");
	for (i = 0; !ret && i < conf_n_data(g); i++)
		ret = check_data(r, s, g, i);
	if (ret)
		return ret;
	if (!addr_is_none(&g->rekey_source) &&
	    !addr_is_none(&g->rekey_to.addr) &&
	    g->rekey_source.family != g->rekey_to.addr.family)
		return bad_member(r, s, "rekey-source",
				  "is not of the family of rekey-address: both have to be IPv4, or both IPv6");
	if (wrap_key_len(g->kwa) * 8 < g->kek_alg.key_bits)
		return bad_member(r, s, "key-wrap",
				  "is weaker than the keys that it wraps: set \"kw-256\"");
	if (g->max_sender_ids >= 1u << g->sender_id_bits)
		return bad_member(r, s, "max-sender-ids",
				  "has to be less than 2^sender-id-bits, so that there are some for other members");
	if (!g->receivers.n && !g->senders.n)
		return bad_member(r, s, "receivers",
				  "senders and receivers are both empty: name who may take part");
	/* Members renew their membership in time, and not all at once. */
	if (g->membership_lifetime && g->membership_lifetime < MEMBERSHIP_MIN)
		return bad_member(r, s, "membership-lifetime",
				  "is less than 60; 0 means no limit");
	ret = conf_check_relays(r, s, g);
	return ret ? ret : check_times(r, s, g);
}

/* ID_KEY_ID, in the form of peer_id_parse(); no certificate has it. */
static bool names_key_id(const char *id)
{
	static const char prefix[] = "key-id:";
	const char *p;

	if (strncmp(id, prefix, strlen(prefix)))
		return false;
	id += strlen(prefix);
	for (p = id; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("-._", *p))
			return false;
	return p > id && p - id <= 128;
}

/*
 * Return true if @id can be an ID payload: an address, a mail address, or a DNS
 * name.
 */
static bool good_id(const char *id)
{
	char buf[400];
	struct addr a;

	if (!addr_parse(id, &a) || names_key_id(id))
		return true;
	return !cert_id_str(strchr(id, '@') ? IKE_ID_RFC822_ADDR : IKE_ID_FQDN,
			    id, strlen(id), buf, sizeof(buf));
}

int conf_check_mgroup(struct conf_reader *r, const config_setting_t *s,
		      const struct conf_mgroup *g)
{
	const struct selector *sel;
	struct conf_fault f;
	size_t i, n;

	for (i = 0; i < conf_n_flows(g); i++) {
		sel = conf_flow_sel(g, i);
		if (conf_sel_fault(sel, &f))
			return bad_member(r, conf_data_at(s, i), f.name,
					  f.what);
		for (n = 0; n < i; n++)
			if (conf_data_clash(sel, conf_flow_sel(g, n), &f))
				return bad_member(r, conf_data_at(s, i), f.name,
						  f.what);
	}
	return 0;
}

int conf_check_member(struct conf_reader *r, const config_setting_t *s,
		      const struct conf_member *m)
{
	if (addr_is_any(&m->gcks.addr))
		return bad_member(r, s, "gcks",
				  "is not the address of one host: name that of the key server");
	if (!good_id(m->gcks_id))
		return bad_member(r, s, "gcks-id",
				  "is neither a DNS name, a mail address, an IP address nor key-id:NAME");
	if (!addr_is_none(&m->local.addr) &&
	    m->local.addr.family != m->gcks.addr.family)
		return bad_member(r, s, "local",
				  "is not of the family of gcks: both have to be IPv4, or both IPv6");
	return conf_check_relay(r, s, m);
}

int conf_check_sa_times(struct conf_reader *r, const config_setting_t *s,
			uint32_t lifetime, uint32_t *rekey)
{
	if (*rekey < lifetime)
		return 0;
	if (config_setting_get_member(s, "sa-rekey"))
		return bad_member(r, s, "sa-rekey",
				  "has to be less than sa-lifetime, or 0 for never");
	*rekey = lifetime / 4 * 3;
	return 0;
}

int conf_check_identity(struct conf_reader *r, const config_setting_t *s,
			const struct conf_identity *id)
{
	static const char needed[] =
		"is missing: an identity has certificate, key and ca, or "
		"\"id\" alone with pre-shared keys";
	bool any = id->certificate || id->key || id->ca;

	if (id->crl && !any)
		return bad_member(r, s, "crl",
				  "is for peers with certificates, and needs certificate, key and ca");
	if (!id->crl && config_setting_get_member(s, "crl-policy"))
		return bad_member(r, s, "crl-policy",
				  "is for revocation lists, and crl is missing");
	if (!id->crl && id->crl_numbers)
		return bad_member(r, s, "crl-numbers",
				  "is for revocation lists, and crl is missing");
	if (any && id->id)
		return bad_member(r, s, "id",
				  "is for an identity without a certificate, which has its own: remove it, or certificate, key and ca");
	if (!any && id->id)
		return 0;
	if (!id->certificate)
		return bad_member(r, s, "certificate", needed);
	if (!id->key)
		return bad_member(r, s, "key", needed);
	if (!id->ca)
		return bad_member(r, s, "ca", needed);
	return 0;
}

static bool has_psk(const struct conf *c, const char *id)
{
	size_t i;

	for (i = 0; i < c->n_psks; i++)
		if (!strcasecmp(c->psks[i].id, id))
			return true;
	return false;
}

/* Without a certificate, the peers must have pre-shared keys. */
static int check_psks(struct conf_reader *r, const config_setting_t *root,
		      const struct conf *c)
{
	if (c->identity.certificate && c->member &&
	    names_key_id(c->member->gcks_id) && !has_psk(c, c->member->gcks_id))
		return bad_member(r, config_setting_get_member(root, "member"),
				  "gcks-id",
				  "has no pre-shared key in psk, and no certificate has a key-id: add an entry with this id");
	if (c->identity.certificate)
		return 0;
	if (!c->n_psks)
		return conf_bad(r, root, "psk",
				"is missing, and identity has no certificate: one of the two is needed");
	if (c->member && !has_psk(c, c->member->gcks_id))
		return bad_member(r, config_setting_get_member(root, "member"),
				  "gcks-id",
				  "has no pre-shared key in psk, and identity has no certificate: add an entry with this id");
	return 0;
}

static const config_setting_t *group_at(const config_setting_t *root,
					const char *role, size_t i)
{
	const config_setting_t *s = config_setting_get_member(root, role);

	s = config_setting_get_member(s, "groups");
	return config_setting_get_elem(s, (unsigned int)i);
}

/* Return true if a Data SA of @g selects the rekeys of @of. */
static bool selects_rekeys(const struct conf_group *g,
			   const struct conf_group *of)
{
	size_t i;

	for (i = 0; i < conf_n_data(g); i++)
		if (conf_selects_rekeys(conf_sel(g, i), &of->rekey_source,
					&of->rekey_to))
			return true;
	return false;
}

static bool flow_selects_rekeys(const struct conf_mgroup *m,
				const struct conf_group *of)
{
	size_t i;

	for (i = 0; i < conf_n_flows(m); i++)
		if (conf_selects_rekeys(conf_flow_sel(m, i), &of->rekey_source,
					&of->rekey_to))
			return true;
	return false;
}

/* Compare group @g, which is @s, with one that stands before it. */
static int check_two_groups(struct conf_reader *r, const config_setting_t *s,
			    const struct conf_group *g,
			    const struct conf_group *o)
{
	struct conf_fault f;
	size_t at;

	if (!strcmp(o->name, g->name))
		return bad_member(r, s, "name",
				  "another group has it: each needs one of its own");
	if (conf_groups_clash(g, o, &at, &f))
		return bad_member(r, conf_data_at(s, at), f.name, f.what);
	/* Members would receive, and leave, the rekey group of each other. */
	if (!addr_is_none(&g->rekey_to.addr) &&
	    ep_equal(&o->rekey_to, &g->rekey_to))
		return bad_member(r, s, "rekey-address",
				  "another group has it, with the same rekey-port: change one of the two");
	/* IKE_SA_INIT negotiates the algorithm before IDg is known. */
	if (o->kwa != g->kwa)
		return bad_member(r, s, "key-wrap",
				  "differs from another group's; one key server has one");
	return 0;
}

int conf_check_gcks(struct conf_reader *r, const config_setting_t *root,
		    const struct conf_gcks *k)
{
	const config_setting_t *gcks = config_setting_get_member(root, "gcks");
	int ret = 0;
	size_t i, n;

	for (i = 0; i < k->n_groups; i++) {
		const config_setting_t *s = group_at(root, "gcks", i);
		const struct conf_group *g = &k->groups[i];

		for (n = 0; !ret && n < k->n_groups; n++) {
			if (n < i)
				ret = check_two_groups(r, s, g, &k->groups[n]);
			if (!ret && selects_rekeys(&k->groups[n], g))
				ret = bad_member(r, s, "rekey-address",
						 "is the address of a group, where only ESP may go: take another one");
		}
		if (ret)
			return ret;
	}
	for (i = 0; i < k->n_listen; i++)
		for (n = 0; n < i; n++)
			if (ep_equal(&k->listen[i], &k->listen[n]))
				return bad_member(r, gcks, "listen",
						  "has an address twice: remove one");
	if (k->cookie_threshold > k->max_half_open)
		return bad_member(r, gcks, "cookie-threshold",
				  "is greater than max-half-open: cookies would never be asked for");
	return 0;
}

static int check_member_groups(struct conf_reader *r,
			       const config_setting_t *root,
			       const struct conf_member *m)
{
	struct conf_fault f;
	size_t i, n, at;

	for (i = 0; i < m->n_groups; i++) {
		const config_setting_t *s = group_at(root, "member", i);

		for (n = 0; n < i; n++)
			if (conf_mgroups_clash(&m->groups[i], &m->groups[n],
					       &at, &f))
				return bad_member(r,
						  strcmp(f.name, "address")
							  ? s
							  : conf_data_at(s, at),
						  f.name, f.what);
	}
	return 0;
}

/*
 * Return the first setting in which a group of a member differs from that of the
 * key server, or NULL.
 */
static const char *groups_differ(const struct conf_mgroup *m,
				 const struct conf_group *g)
{
	const char *other = NULL;
	size_t i;

	if (!m->more.n && !g->more.n)
		other = selector_differs(&m->sel, &g->sel);
	else if (m->more.n != g->more.n)
		other = "data";
	/* No group has a selector twice, so the order does not matter. */
	for (i = 0; !other && i < conf_n_data(g); i++)
		if (conf_flow_of(m, conf_sel(g, i)) < 0)
			other = "data";
	if (!other && m->tunnel != g->tunnel)
		other = "mode";
	return other;
}

/* Check a key server that is also a member of its own groups. */
static int check_both(struct conf_reader *r, const config_setting_t *root,
		      const struct conf *c)
{
	const char *other;
	size_t i, n;

	for (i = 0; i < c->member->n_groups; i++) {
		const config_setting_t *s = group_at(root, "member", i);
		const struct conf_mgroup *m = &c->member->groups[i];

		for (n = 0; n < c->gcks->n_groups; n++) {
			const struct conf_group *g = &c->gcks->groups[n];

			if (flow_selects_rekeys(m, g))
				return bad_member(r, s, "address",
						  "is a rekey-address, where rekeys have to be sent in the clear: take another one");
			other = strcmp(m->name, g->name) ? NULL
							 : groups_differ(m, g);
			if (other)
				return bad_member(r, s, other,
						  "is not the one that gcks has for this group: both have to be the same");
		}
	}
	return 0;
}

/*
 * The key of the certificate signs the audit trail, so without one there are no
 * files of it.
 */
int conf_settle_audit(struct conf_reader *r, const config_setting_t *root,
		      struct conf *c)
{
	static const char why[] =
		"needs a certificate, whose key signs the audit trail, and identity has none";
	const config_setting_t *s = config_setting_get_member(root, "gcks");

	if (!c->gcks || !c->gcks->audit || c->identity.certificate)
		return 0;
	if (config_setting_get_member(s, "audit"))
		return bad_member(r, s, "audit", why);
	if (c->gcks->audit_required)
		return bad_member(r, s, "audit-required", why);
	c->gcks->audit = false;
	return 0;
}

int conf_check(struct conf_reader *r, const config_setting_t *root,
	       const struct conf *c)
{
	int ret;

	if (!c->gcks && !c->member)
		return conf_bad(r, root, "gcks, member",
				"one of the two roles is needed");
	ret = check_psks(r, root, c);
	if (!ret && c->gcks)
		ret = conf_check_gcks(r, root, c->gcks);
	if (!ret && c->gcks && c->gcks->quorum.needed &&
	    !c->identity.certificate)
		ret = bad_member(r, config_setting_get_member(root, "gcks"),
				 "quorum",
				 "needs identity.ca, which administrators are verified by");
	if (!ret && c->member)
		ret = check_member_groups(r, root, c->member);
	if (!ret && c->gcks && c->member)
		ret = check_both(r, root, c);
	return ret ? ret : conf_check_edge_auth(r, root, c);
}
