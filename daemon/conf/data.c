// SPDX-License-Identifier: Apache-2.0
#include "conf/data.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "wire/proto.h"
#include "lib/util.h"

/* A cipher is packed into one number for a table of words. */
#define ALG(encr, bits) ((encr) << 16 | (bits))

const struct conf_word conf_algs[] = {
	{ "aes-gcm-16-128", ALG(IKE_ENCR_AES_GCM_16, 128) },
	{ "aes-gcm-16-256", ALG(IKE_ENCR_AES_GCM_16, 256) },
	{ "aes-gmac-128", ALG(IKE_ENCR_NULL_AUTH_AES_GMAC, 128) },
	{ "aes-gmac-256", ALG(IKE_ENCR_NULL_AUTH_AES_GMAC, 256) },
	{ "chacha20-poly1305", ALG(IKE_ENCR_CHACHA20_POLY1305, 256) },
	{ NULL, 0 }
};

/*
 * Rekey messages carry keys, so a cipher without encryption is not
 * permitted.
 */
const struct conf_word conf_kek_algs[] = {
	{ "aes-gcm-16-128", ALG(IKE_ENCR_AES_GCM_16, 128) },
	{ "aes-gcm-16-256", ALG(IKE_ENCR_AES_GCM_16, 256) },
	{ "chacha20-poly1305", ALG(IKE_ENCR_CHACHA20_POLY1305, 256) },
	{ NULL, 0 }
};

/* ---- reading ------------------------------------------------------------ */

int conf_read_alg(struct conf_reader *r, const config_setting_t *s,
		  const struct conf_field *f, void *dst)
{
	struct conf_field word = *f;
	struct conf_alg *alg = dst;
	uint32_t v;
	int ret;

	word.size = sizeof(v);
	ret = conf_read_word(r, s, &word, &v);
	if (!ret)
		*alg = (struct conf_alg){ v >> 16, v & 0xffff };
	return ret;
}

const char *conf_alg_str(const struct conf_alg *alg)
{
	const struct conf_word *w;

	for (w = conf_algs; w->word; w++)
		if (w->value == ALG(alg->encr, alg->key_bits))
			return w->word;
	return "?";
}

#define D(member, text, fn, ...) \
	CONF_FIELD(struct conf_data, member, text, fn, __VA_ARGS__)
#define SELECTOR_FIELDS \
	D(sel, "address", conf_read_sel_address, .required = true, \
	  .example = "\"239.1.1.1\""), \
		D(sel, "source", conf_read_sel_source, 0), \
		D(sel, "protocol", conf_read_sel_protocol, 0), \
		D(sel, "source-port", conf_read_sel_sport, 0), \
		D(sel, "destination-port", conf_read_sel_dport, 0)

static const struct conf_field data_fields[] = {
	SELECTOR_FIELDS,
	D(alg, "algorithm", conf_read_alg, .words = conf_algs),
	{ 0 }
};

/* A member learns the algorithm from the key server. */
static const struct conf_field member_data_fields[] = { SELECTOR_FIELDS,
							{ 0 } };

int conf_read_data_later(struct conf_reader *r, const config_setting_t *s,
			 const struct conf_field *f, void *dst)
{
	(void)r;
	(void)s;
	(void)f;
	(void)dst;
	return 0;
}

const config_setting_t *conf_data_at(const config_setting_t *s, size_t i)
{
	const config_setting_t *list = config_setting_get_member(s, "data");

	return list ? config_setting_get_elem(list, (unsigned int)i) : s;
}

/* Refuse what stands in a group although each Data SA has its own. */
static int refuse_beside(struct conf_reader *r, const config_setting_t *s)
{
	const struct conf_field *f;
	const config_setting_t *e;

	for (f = member_data_fields; f->name; f++) {
		e = config_setting_get_member(s, f->name);
		if (e)
			return conf_bad(r, e, NULL,
					"is that of one Data SA, and belongs into an entry of data");
	}
	return 0;
}

static int read_list(struct conf_reader *r, const config_setting_t *list,
		     const struct conf_field *fields,
		     struct conf_data v[CONF_MAX_DATA], size_t *count)
{
	int i, n = config_setting_length(list), ret = 0;

	if (!config_setting_is_list(list) || n < 1 || n > CONF_MAX_DATA)
		return conf_bad(r, list, NULL,
				"has to be a list of 1 to %d Data SAs, ( { ... }, { ... } )",
				CONF_MAX_DATA);
	for (i = 0; !ret && i < n; i++)
		ret = conf_read_group(r, config_setting_get_elem(list, i),
				      fields, &v[i]);
	*count = n;
	return ret;
}

/*
 * Read the list into @first and @more. Without one @first has been read with the
 * other settings of the group.
 */
static int read_data(struct conf_reader *r, const config_setting_t *s,
		     const struct conf_field *fields, struct conf_data *first,
		     struct conf_more *more)
{
	const config_setting_t *list = config_setting_get_member(s, "data");
	struct conf_data v[CONF_MAX_DATA] = {};
	struct conf_alg alg = first->alg;
	size_t i, n = 0;
	int ret;

	if (!list)
		return config_setting_get_member(s, "address")
			       ? 0
			       : conf_bad(r, s, "address",
					  "is missing: add address = \"239.1.1.1\";, or data");
	ret = refuse_beside(r, s);
	if (!ret)
		ret = read_list(r, list, fields, v, &n);
	if (ret)
		return ret;
	for (i = 0; i < n; i++)
		if (!v[i].alg.encr)
			v[i].alg = alg;
	*first = v[0];
	more->n = n - 1;
	memcpy(more->v, v + 1, sizeof(more->v));
	return 0;
}

int conf_read_data(struct conf_reader *r, const config_setting_t *s,
		   struct conf_group *g)
{
	struct conf_data first = { g->sel, g->alg };
	int ret = read_data(r, s, data_fields, &first, &g->more);

	g->sel = first.sel;
	g->alg = first.alg;
	return ret;
}

int conf_read_member_data(struct conf_reader *r, const config_setting_t *s,
			  struct conf_mgroup *g)
{
	struct conf_data first = { g->sel, { 0 } };
	int ret = read_data(r, s, member_data_fields, &first, &g->more);

	g->sel = first.sel;
	if (!ret && g->more.n && strlen(g->name) > CONF_GROUP_NAME_MAX - 2)
		return conf_bad(r, s, "name",
				"has more than %d characters; the kernel has a group for each Data SA, %.8s...#2 and so on",
				CONF_GROUP_NAME_MAX - 2, g->name);
	return ret;
}

/* ---- Data SAs by number ------------------------------------------------- */

size_t conf_n_data(const struct conf_group *g)
{
	return 1 + g->more.n;
}

const struct selector *conf_sel(const struct conf_group *g, size_t i)
{
	return i ? &g->more.v[i - 1].sel : &g->sel;
}

const struct conf_alg *conf_alg(const struct conf_group *g, size_t i)
{
	return i ? &g->more.v[i - 1].alg : &g->alg;
}

size_t conf_n_flows(const struct conf_mgroup *g)
{
	return 1 + g->more.n;
}

const struct selector *conf_flow_sel(const struct conf_mgroup *g, size_t i)
{
	return i ? &g->more.v[i - 1].sel : &g->sel;
}

int conf_flow_of(const struct conf_mgroup *g, const struct selector *sel)
{
	size_t i;

	for (i = 0; i < conf_n_flows(g); i++)
		if (selector_equal(conf_flow_sel(g, i), sel))
			return (int)i;
	return -ENOENT;
}

const struct conf_mgroup *conf_find_mgroup(const struct conf_member *c,
					   const char *name)
{
	size_t i;

	for (i = 0; i < c->n_groups; i++)
		if (!strcmp(c->groups[i].name, name))
			return &c->groups[i];
	return NULL;
}

const char *conf_flow_name(const struct conf_mgroup *g, size_t i,
			   char buf[static CONF_GROUP_NAME_MAX + 1])
{
	if (!i)
		return g->name;
	/* conf_read_member_data() has seen that there is room. */
	snprintf(buf, CONF_GROUP_NAME_MAX + 1, "%.*s#%u",
		 CONF_GROUP_NAME_MAX - 2, g->name, (unsigned int)(i + 1) % 10);
	return buf;
}

/* ---- comparison --------------------------------------------------------- */

bool conf_data_clash(const struct selector *sel, const struct selector *other,
		     struct conf_fault *f)
{
	char text[SELECTOR_STRLEN];

	f->name = "address";
	if (selector_equal(sel, other)) {
		snprintf(f->what, sizeof(f->what),
			 "another Data SA of the group has it: each needs other datagrams");
		return true;
	}
	if (!selector_overlaps(sel, other) || selector_within(sel, other) ||
	    selector_within(other, sel))
		return false;
	snprintf(f->what, sizeof(f->what),
		 "another Data SA of the group (%s) selects some of the same datagrams, and neither is a part of the other",
		 selector_str(other, text));
	return true;
}

bool conf_groups_clash(const struct conf_group *g,
		       const struct conf_group *other, size_t *at,
		       struct conf_fault *f)
{
	size_t i, n;

	for (i = 0; i < conf_n_data(g); i++)
		for (n = 0; n < conf_n_data(other); n++)
			if (conf_sel_clash(conf_sel(g, i), other->name,
					   conf_sel(other, n), f)) {
				*at = i;
				return true;
			}
	return false;
}

/* Two groups of the kernel must not have one name. */
static bool names_clash(const struct conf_mgroup *g,
			const struct conf_mgroup *other, struct conf_fault *f)
{
	char a[CONF_GROUP_NAME_MAX + 1], b[CONF_GROUP_NAME_MAX + 1];
	size_t i, n;

	for (i = 0; i < conf_n_flows(g); i++)
		for (n = 0; n < conf_n_flows(other); n++) {
			if (strcmp(conf_flow_name(g, i, a),
				   conf_flow_name(other, n, b)))
				continue;
			f->name = "name";
			if (!i && !n)
				snprintf(f->what, sizeof(f->what),
					 "another group has it: each needs one of its own");
			else
				snprintf(f->what, sizeof(f->what),
					 "the kernel's group \"%s\" is that of a Data SA of another group",
					 conf_flow_name(g, i, a));
			return true;
		}
	return false;
}

bool conf_mgroups_clash(const struct conf_mgroup *g,
			const struct conf_mgroup *other, size_t *at,
			struct conf_fault *f)
{
	size_t i, n;

	*at = 0;
	if (names_clash(g, other, f))
		return true;
	for (i = 0; i < conf_n_flows(g); i++)
		for (n = 0; n < conf_n_flows(other); n++)
			if (conf_flows_clash(g, conf_flow_sel(g, i), other,
					     conf_flow_sel(other, n), f)) {
				*at = i;
				return true;
			}
	return false;
}

/* ---- what is left out --------------------------------------------------- */

static void tell_gap(const struct conf_mgroup *g, const struct selector *sel,
		     conf_change_fn *fn, void *arg)
{
	char text[SELECTOR_STRLEN], a[PREFIX_STRLEN], line[512];
	size_t i, n;

	n = snprintf(line, sizeof(line), "group %s: only %s", g->name,
		     selector_str(sel, text));
	for (i = 0; i < g->devs.n && n < sizeof(line) / 2; i++)
		n += snprintf(line + n, sizeof(line) - n, "%s%s",
			      i ? "," : " dev ", g->devs.name[i]);
	if (i < g->devs.n)
		n += snprintf(line + n, sizeof(line) - n, ",...");
	if (g->mark.mask)
		n += snprintf(line + n, sizeof(line) - n, " mark 0x%x/0x%x",
			      g->mark.value, g->mark.mask);
	snprintf(line + n, sizeof(line) - n,
		 " is protected; other datagrams to %s are sent and accepted in the clear",
		 prefix_str(&sel->dst, sel->dst_len, a));
	fn(arg, line);
}

static void tell_observing(const struct conf_mgroup *g,
			   const struct selector *sel, conf_change_fn *fn,
			   void *arg)
{
	char a[PREFIX_STRLEN], line[512];

	snprintf(line, sizeof(line),
		 "group %s: policy observe: datagrams to %s that cannot be protected are sent and accepted in the clear",
		 g->name, prefix_str(&sel->dst, sel->dst_len, a));
	fn(arg, line);
}

static void each_gap_of(const struct conf_mgroup *g, conf_change_fn *fn,
			void *arg)
{
	size_t i;

	for (i = 0; i < conf_n_flows(g); i++) {
		const struct selector *sel = conf_flow_sel(g, i);

		if (selector_is_part(sel) || g->devs.n || g->mark.mask)
			tell_gap(g, sel, fn, arg);
		if (g->observe)
			tell_observing(g, sel, fn, arg);
	}
}

void conf_each_gap(const struct conf *c, conf_change_fn *fn, void *arg)
{
	size_t i;

	for (i = 0; c->member && i < c->member->n_groups; i++)
		each_gap_of(&c->member->groups[i], fn, arg);
}

/* ---- addresses of the network itself ------------------------------------- */

/* Traffic in the clear that a group of all protocols would drop there. */
static const struct {
	const char *address;
	const char *what;
} controls[] = {
	{ "224.0.0.1", "queries of IGMP" },
	{ "224.0.0.2", "messages of IGMP by hosts that leave a group" },
	{ "224.0.0.22", "reports of IGMP" },
	{ "ff02::1", "router advertisements and queries of MLD" },
	{ "ff02::2", "router solicitations" },
	{ "ff02::16", "reports of MLD" },
	{ "ff02::1:ff00:0/104", "neighbour solicitations" },
};

/* A wider prefix leaves IGMP and MLD in the clear, see dataplane.rst. */
static bool takes_control(const struct selector *sel, const char *address)
{
	uint8_t bits = prefix_bits(&sel->dst, sel->dst_len), len;
	struct addr a;

	if (sel->proto || bits < (sel->dst.family == AF_INET6 ? 16 : 24) ||
	    prefix_parse(address, &a, &len))
		return false;
	return prefix_has(&sel->dst, sel->dst_len, &a) ||
	       prefix_has(&a, len, &sel->dst);
}

static void tell_control(const struct conf_mgroup *g,
			 const struct selector *sel, conf_change_fn *fn,
			 void *arg)
{
	char line[512];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(controls); i++) {
		if (!takes_control(sel, controls[i].address))
			continue;
		snprintf(line, sizeof(line),
			 "group %s: without \"protocol\" it drops the %s, which are in the clear and go to %s: name the protocol of the application, or take another address",
			 g->name, controls[i].what, controls[i].address);
		fn(arg, line);
	}
}

void conf_each_control(const struct conf *c, conf_change_fn *fn, void *arg)
{
	const struct conf_mgroup *g;
	size_t i, n;

	for (i = 0; c->member && i < c->member->n_groups; i++) {
		g = &c->member->groups[i];
		for (n = 0; n < conf_n_flows(g); n++)
			tell_control(g, conf_flow_sel(g, n), fn, arg);
	}
}
