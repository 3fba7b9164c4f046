// SPDX-License-Identifier: Apache-2.0
#include "conf/selector.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/noaddr.h"

#define IPV4_LEN_MIN 4
#define IPV6_LEN_MIN 8

/* ---- reading ------------------------------------------------------------ */

static int read_prefix(struct conf_reader *r, const config_setting_t *s,
		       struct addr *a, uint8_t *len)
{
	const char *text = conf_text(r, s);
	char right[PREFIX_STRLEN];
	struct addr first;
	int ret;

	if (!text)
		return -EINVAL;
	ret = prefix_parse(text, a, len);
	if (ret == -ERANGE)
		return conf_bad(r, s, NULL,
				"\"%.60s\": a prefix has 1 to %u bits", text,
				a->len * 8u);
	if (ret)
		return conf_bad(r, s, NULL,
				"\"%.60s\" is not an IP address: %s", text,
				addr_why_not(text));
	if (prefix_is_first(a, *len))
		return 0;
	prefix_first(a, *len, &first);
	return conf_bad(r, s, NULL,
			"\"%.60s\" has bits behind its prefix length: write \"%s\"",
			text, prefix_str(&first, *len, right));
}

int conf_read_sel_address(struct conf_reader *r, const config_setting_t *s,
			  const struct conf_field *f, void *dst)
{
	struct selector *sel = dst;
	int ret = read_prefix(r, s, &sel->dst, &sel->dst_len);
	unsigned int least;

	(void)f;
	if (ret)
		return ret;
	if (!addr_is_multicast(&sel->dst))
		return conf_bad(r, s, NULL,
				"\"%.60s\" is not a multicast address (224.0.0.0/4 or ff00::/8)",
				config_setting_get_string(s));
	least = sel->dst.family == AF_INET ? IPV4_LEN_MIN : IPV6_LEN_MIN;
	if (prefix_bits(&sel->dst, sel->dst_len) < least)
		return conf_bad(r, s, NULL,
				"\"%.60s\" has less than %u bits, so unicast addresses too",
				config_setting_get_string(s), least);
	return 0;
}

int conf_read_sel_source(struct conf_reader *r, const config_setting_t *s,
			 const struct conf_field *f, void *dst)
{
	struct selector *sel = dst;
	int ret = read_prefix(r, s, &sel->src, &sel->src_len);

	(void)f;
	if (ret)
		return ret;
	if (addr_is_multicast(&sel->src) || addr_is_any(&sel->src))
		return conf_bad(r, s, NULL,
				"\"%.60s\" is not the address of a sender; without the setting there may be any",
				config_setting_get_string(s));
	return 0;
}

/* A name of proto_find(), or a number. */
int conf_read_sel_protocol(struct conf_reader *r, const config_setting_t *s,
			   const struct conf_field *f, void *dst)
{
	const struct conf_field number = { .min = 1, .max = 255, .size = 1 };
	struct selector *sel = dst;
	const char *text;
	int ret;

	(void)f;
	if (config_setting_type(s) != CONFIG_TYPE_STRING) {
		ret = conf_read_number(r, s, &number, &sel->proto);
		if (ret)
			return ret;
	} else {
		text = conf_text(r, s);
		if (!text)
			return -EINVAL;
		sel->proto = proto_find(text);
		if (!sel->proto)
			return conf_bad(r, s, NULL,
					"\"%.60s\" is not known; there is %s, or a number without quotes",
					text, PROTO_NAMES);
	}
	if (sel->proto == IPPROTO_ESP)
		return conf_bad(r, s, NULL,
				"50 is ESP, which is not protected again: name what the application sends");
	return 0;
}

static int read_port_number(struct conf_reader *r, const config_setting_t *s,
			    uint16_t *port)
{
	const struct conf_field number = { .min = 1, .max = 65535, .size = 2 };

	return conf_read_number(r, s, &number, port);
}

int conf_read_sel_sport(struct conf_reader *r, const config_setting_t *s,
			const struct conf_field *f, void *dst)
{
	(void)f;
	return read_port_number(r, s, &((struct selector *)dst)->sport);
}

int conf_read_sel_dport(struct conf_reader *r, const config_setting_t *s,
			const struct conf_field *f, void *dst)
{
	(void)f;
	return read_port_number(r, s, &((struct selector *)dst)->dport);
}

int conf_read_mode(struct conf_reader *r, const config_setting_t *s,
		   const struct conf_field *f, void *dst)
{
	static const struct conf_word modes[] = { { "transport", 0 },
						  { "tunnel", 1 },
						  { NULL, 0 } };
	struct conf_field word = *f;
	uint32_t v;
	int ret;

	word.words = modes;
	word.size = sizeof(v);
	ret = conf_read_word(r, s, &word, &v);
	if (!ret)
		*(bool *)dst = v;
	return ret;
}

#define CONF_DEV_MAX ((int)sizeof(((struct conf_devs *)0)->name[0]) - 1)

/* Return true for what the kernel takes as the name of an interface. */
static bool is_dev_name(const char *s)
{
	return *s && strlen(s) < sizeof(((struct conf_devs *)0)->name[0]) &&
	       strcmp(s, ".") && strcmp(s, "..") &&
	       !strpbrk(s, "/: \t\n\v\f\r");
}

int conf_read_dev(struct conf_reader *r, const config_setting_t *s,
		  const struct conf_field *f, void *dst)
{
	const char *text = conf_text(r, s);

	if (!text)
		return -EINVAL;
	if (!is_dev_name(text))
		return conf_bad(r, s, NULL,
				"\"%.40s\" is not the name of an interface, of 1 to %d octets without blanks, colons and slashes",
				text, CONF_DEV_MAX);
	return conf_read_text(r, s, f, dst);
}

static int read_dev(struct conf_reader *r, const config_setting_t *s,
		    struct conf_devs *devs)
{
	const char *text = conf_text(r, s);
	size_t i;

	if (!text)
		return -EINVAL;
	if (!is_dev_name(text))
		return conf_bad(r, s, NULL,
				"\"%.40s\" is not the name of an interface, of 1 to %d octets without blanks, colons and slashes",
				text, CONF_DEV_MAX);
	for (i = 0; i < devs->n; i++)
		if (!strcmp(devs->name[i], text))
			return conf_bad(r, s, NULL,
					"\"%.40s\" is there twice: remove one",
					text);
	strcpy(devs->name[devs->n++], text);
	return 0;
}

int conf_read_devs(struct conf_reader *r, const config_setting_t *s,
		   const struct conf_field *f, void *dst)
{
	struct conf_devs *devs = dst;
	int i, n, ret = 0;

	(void)f;
	devs->n = 0;
	if (config_setting_type(s) == CONFIG_TYPE_STRING)
		return read_dev(r, s, devs);
	n = config_setting_length(s);
	if ((!config_setting_is_array(s) && !config_setting_is_list(s)) ||
	    n < 1 || n > CONF_MAX_DEVS)
		return conf_bad(r, s, NULL,
				"has to be a list of 1 to %d interfaces, [ \"eth0\", \"eth1\" ]",
				CONF_MAX_DEVS);
	for (i = 0; !ret && i < n; i++)
		ret = read_dev(r, config_setting_get_elem(s, (unsigned int)i),
			       devs);
	return ret;
}

/* Read a number of decimal or, with 0x, hexadecimal digits up to @end. */
static bool read_bits(const char *s, char end, uint32_t *v)
{
	char *stop;
	unsigned long n;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	n = strtoul(s, &stop, s[0] == '0' && s[1] == 'x' ? 16 : 10);
	*v = (uint32_t)n;
	return !errno && n <= UINT32_MAX && *stop == end;
}

int conf_read_mark(struct conf_reader *r, const config_setting_t *s,
		   const struct conf_field *f, void *dst)
{
	const char *text = conf_text(r, s), *slash;
	struct conf_mark *m = dst;

	(void)f;
	if (!text)
		return -EINVAL;
	slash = strchr(text, '/');
	m->mask = UINT32_MAX;
	if (!read_bits(text, slash ? '/' : '\0', &m->value) ||
	    (slash && !read_bits(slash + 1, '\0', &m->mask)))
		return conf_bad(r, s, NULL,
				"\"%.40s\" is not like \"0x10\" or \"0x10/0xf0\"",
				text);
	if (!m->mask)
		return conf_bad(r, s, NULL,
				"\"%.40s\": the mask is 0; leave the setting out to take every mark",
				text);
	if (m->value & ~m->mask)
		return conf_bad(r, s, NULL,
				"\"%.40s\": the mark has bits outside the mask",
				text);
	return 0;
}

static const char used_text[] =
	"another group has it: select less in one of them, by protocol, port or source";

/* ---- comparison --------------------------------------------------------- */

static bool is_fault(struct conf_fault *f, const char *name, const char *fmt,
		     ...) __attribute__((format(printf, 3, 4)));

static bool is_fault(struct conf_fault *f, const char *name, const char *fmt,
		     ...)
{
	va_list ap;

	f->name = name;
	va_start(ap, fmt);
	vsnprintf(f->what, sizeof(f->what), fmt, ap);
	va_end(ap);
	return true;
}

/*
 * Return the reason why no datagram of the family has a payload of this
 * protocol, so that all of the group would be in the clear, or NULL.
 */
static const char *other_family(const struct selector *sel)
{
	bool six = sel->dst.family == AF_INET6;

	switch (sel->proto) {
	case IPPROTO_ICMP:
		return six ? "icmp is that of IPv4; IPv6 has icmpv6" : NULL;
	case IPPROTO_IGMP:
		return six ? "IPv6 has no igmp, but MLD, which is icmpv6"
			   : NULL;
	case IPPROTO_ICMPV6:
		return six ? NULL : "IPv4 has no icmpv6, but icmp";
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_DSTOPTS:
		return six ? "is a header of IPv6 in front of the payload"
			   : NULL;
	}
	return NULL;
}

bool conf_sel_fault(const struct selector *sel, struct conf_fault *f)
{
	const char *why = other_family(sel);

	if (!addr_is_none(&sel->src) && sel->src.family != sel->dst.family)
		return is_fault(f, "source",
				"is not of the family of address: both have to be IPv4, or both IPv6");
	if (why)
		return is_fault(f, "protocol", "%s", why);
	if ((sel->sport || sel->dport) && !proto_has_ports(sel->proto))
		return is_fault(f,
				sel->sport ? "source-port" : "destination-port",
				"needs a protocol that has ports: udp, tcp, sctp, udplite or 33 (DCCP)");
	return false;
}

bool conf_sel_clash(const struct selector *sel, const char *name,
		    const struct selector *other, struct conf_fault *f)
{
	char text[SELECTOR_STRLEN];

	/* On another link the same link-local address is another group's. */
	if (selector_equal(sel, other))
		return !addr_is_link_local(&sel->dst) &&
		       is_fault(f, "address", used_text);
	/*
	 * The kernel takes the group that selects least. If neither is a part of
	 * the other, only the order of its comparison would say which keys a
	 * datagram gets.
	 */
	if (!selector_overlaps(sel, other) || selector_within(sel, other) ||
	    selector_within(other, sel))
		return false;
	return is_fault(f, "address",
			"group \"%s\" (%s) selects some of the same datagrams, and neither is a part of the other: make it one group, or select less",
			name, selector_str(other, text));
}

static bool devs_meet(const struct conf_devs *a, const struct conf_devs *b)
{
	size_t i, n;

	if (!a->n || !b->n)
		return true;
	for (i = 0; i < a->n; i++)
		for (n = 0; n < b->n; n++)
			if (!strcmp(a->name[i], b->name[n]))
				return true;
	return false;
}

/*
 * The kernel compares interfaces before protocol and ports. There a group of
 * less, but of all interfaces, would lose its datagrams to the wider one, whose
 * keys its members do not take for them.
 */
static bool devs_hide(const struct conf_mgroup *g, const struct selector *sel,
		      const struct conf_mgroup *other,
		      const struct selector *others, struct conf_fault *f)
{
	const struct conf_mgroup *inner = g, *outer = other;
	const struct selector *in = sel, *out = others;

	if (selector_within(others, sel)) {
		inner = other;
		outer = g;
		in = others;
		out = sel;
	} else if (!selector_within(sel, others)) {
		return false;
	}
	if (!outer->devs.n || inner->devs.n || in->dst_len != out->dst_len ||
	    in->src_len != out->src_len ||
	    addr_is_none(&in->src) != addr_is_none(&out->src))
		return false;
	return is_fault(f, "interfaces",
			"group \"%s\" selects a part of \"%s\" by protocol or ports, so both or none of them have to name interfaces",
			inner->name, outer->name);
}

bool conf_flows_clash(const struct conf_mgroup *g, const struct selector *sel,
		      const struct conf_mgroup *other,
		      const struct selector *others, struct conf_fault *f)
{
	uint32_t common = g->mark.mask & other->mark.mask;

	if (!devs_meet(&g->devs, &other->devs) ||
	    (g->mark.value ^ other->mark.value) & common)
		return false;
	if (!selector_equal(sel, others))
		return conf_sel_clash(sel, other->name, others, f) ||
		       devs_hide(g, sel, other, others, f);
	if (!g->devs.n && !other->devs.n && !g->mark.mask && !other->mark.mask)
		return is_fault(f, "address", used_text);
	return is_fault(f, "address",
			"group \"%s\" has it, on some of the same interfaces and with marks that do not differ",
			other->name);
}

bool conf_selects_rekeys(const struct selector *sel, const struct addr *src,
			 const struct ep *to)
{
	return prefix_has(&sel->dst, sel->dst_len, &to->addr) &&
	       (addr_is_none(&sel->src) || addr_is_none(src) ||
		prefix_has(&sel->src, sel->src_len, src)) &&
	       (!sel->proto || sel->proto == IPPROTO_UDP) &&
	       (!sel->dport || sel->dport == to->port);
}
