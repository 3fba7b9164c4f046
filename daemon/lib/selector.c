// SPDX-License-Identifier: Apache-2.0
#include "lib/selector.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/util.h"

static const struct {
	const char *name;
	uint8_t number;
} protos[] = {
	{ "icmp", IPPROTO_ICMP },     { "igmp", IPPROTO_IGMP },
	{ "tcp", IPPROTO_TCP },	      { "udp", IPPROTO_UDP },
	{ "icmpv6", IPPROTO_ICMPV6 }, { "ospf", 89 },
	{ "pim", IPPROTO_PIM },	      { "vrrp", 112 },
	{ "sctp", IPPROTO_SCTP },     { "udplite", IPPROTO_UDPLITE },
};

/* ---- prefixes ----------------------------------------------------------- */

int prefix_parse(const char *s, struct addr *a, uint8_t *len)
{
	const char *slash = strchr(s, '/'), *p;
	size_t n = slash ? (size_t)(slash - s) : strlen(s);
	char buf[ADDR_STRLEN];
	unsigned int bits = 0;

	*len = 0;
	memset(a, 0, sizeof(*a));
	if (n >= sizeof(buf))
		return -EINVAL;
	memcpy(buf, s, n);
	buf[n] = '\0';
	if (addr_parse(buf, a))
		return -EINVAL;
	if (!slash)
		return 0;
	for (p = slash + 1; *p >= '0' && *p <= '9' && bits <= 128; p++)
		bits = 10 * bits + (unsigned int)(*p - '0');
	if (*p || !bits || bits > a->len * 8u)
		return -ERANGE;
	if (bits < a->len * 8u)
		*len = (uint8_t)bits;
	return 0;
}

const char *prefix_str(const struct addr *a, uint8_t len,
		       char buf[static PREFIX_STRLEN])
{
	addr_str(a, buf);
	if (len && len != a->len * 8)
		sprintf(buf + strlen(buf), "/%u", len);
	return buf;
}

uint8_t prefix_bits(const struct addr *a, uint8_t len)
{
	return len ? len : a->len * 8;
}

/* Return the bits of octet @i that a prefix of @bits fixes. */
static uint8_t octet_mask(unsigned int bits, unsigned int i)
{
	if (bits >= 8 * (i + 1))
		return 0xff;
	if (bits <= 8 * i)
		return 0;
	return (uint8_t)(0xff << (8 - (bits - 8 * i)));
}

static bool same_bits(const struct addr *a, const struct addr *b,
		      unsigned int bits)
{
	unsigned int i;

	if (a->family != b->family)
		return false;
	for (i = 0; i < a->len; i++)
		if ((a->b[i] ^ b->b[i]) & octet_mask(bits, i))
			return false;
	return true;
}

bool prefix_has(const struct addr *net, uint8_t len, const struct addr *a)
{
	return !addr_is_none(a) && same_bits(net, a, prefix_bits(net, len));
}

bool prefix_is_first(const struct addr *a, uint8_t len)
{
	unsigned int i;

	for (i = 0; i < a->len; i++)
		if (a->b[i] & (uint8_t)~octet_mask(prefix_bits(a, len), i))
			return false;
	return true;
}

void prefix_first(const struct addr *a, uint8_t len, struct addr *first)
{
	unsigned int i;

	*first = *a;
	for (i = 0; i < a->len; i++)
		first->b[i] &= octet_mask(prefix_bits(a, len), i);
}

void prefix_last(const struct addr *net, uint8_t len, struct addr *last)
{
	unsigned int i;

	*last = *net;
	for (i = 0; i < net->len; i++)
		last->b[i] |= (uint8_t)~octet_mask(prefix_bits(net, len), i);
}

int prefix_of_range(const struct addr *first, const struct addr *last,
		    uint8_t *len)
{
	unsigned int bits;
	struct addr end;

	*len = 0;
	if (addr_equal(first, last))
		return 0;
	for (bits = first->len * 8; bits && --bits;) {
		prefix_last(first, (uint8_t)bits, &end);
		if (addr_equal(&end, last) &&
		    prefix_is_first(first, (uint8_t)bits)) {
			*len = (uint8_t)bits;
			return 0;
		}
	}
	return -EINVAL;
}

/* ---- protocols ---------------------------------------------------------- */

uint8_t proto_find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(protos); i++)
		if (!strcmp(protos[i].name, name))
			return protos[i].number;
	return 0;
}

const char *proto_str(uint8_t number, char buf[static PROTO_STRLEN])
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(protos); i++)
		if (protos[i].number == number)
			return protos[i].name;
	snprintf(buf, PROTO_STRLEN, "%u", number);
	return buf;
}

bool proto_has_ports(uint8_t number)
{
	return number == IPPROTO_TCP || number == IPPROTO_UDP ||
	       number == IPPROTO_DCCP || number == IPPROTO_SCTP ||
	       number == IPPROTO_UDPLITE;
}

/* ---- selectors ---------------------------------------------------------- */

const char *selector_str(const struct selector *s,
			 char buf[static SELECTOR_STRLEN])
{
	char a[PREFIX_STRLEN], proto[PROTO_STRLEN];
	size_t n;

	n = snprintf(buf, SELECTOR_STRLEN, "%s",
		     prefix_str(&s->dst, s->dst_len, a));
	if (!addr_is_none(&s->src))
		n += snprintf(buf + n, SELECTOR_STRLEN - n, " src %s",
			      prefix_str(&s->src, s->src_len, a));
	if (s->proto)
		n += snprintf(buf + n, SELECTOR_STRLEN - n, " proto %s",
			      proto_str(s->proto, proto));
	if (s->sport)
		n += snprintf(buf + n, SELECTOR_STRLEN - n, " sport %u",
			      s->sport);
	if (s->dport)
		snprintf(buf + n, SELECTOR_STRLEN - n, " dport %u", s->dport);
	return buf;
}

const char *selector_differs(const struct selector *a, const struct selector *b)
{
	if (!addr_equal(&a->dst, &b->dst) || a->dst_len != b->dst_len)
		return "address";
	if (!addr_equal(&a->src, &b->src) || a->src_len != b->src_len)
		return "source";
	if (a->proto != b->proto)
		return "protocol";
	if (a->sport != b->sport)
		return "source-port";
	return a->dport != b->dport ? "destination-port" : NULL;
}

bool selector_equal(const struct selector *a, const struct selector *b)
{
	return !selector_differs(a, b);
}

/* Two prefixes have addresses in common only if one contains the other. */
static bool prefixes_meet(const struct addr *a, uint8_t alen,
			  const struct addr *b, uint8_t blen)
{
	uint8_t abits = prefix_bits(a, alen), bbits = prefix_bits(b, blen);

	return same_bits(a, b, abits < bbits ? abits : bbits);
}

static bool prefix_in(const struct addr *a, uint8_t alen, const struct addr *b,
		      uint8_t blen)
{
	return prefix_bits(a, alen) >= prefix_bits(b, blen) &&
	       same_bits(a, b, prefix_bits(b, blen));
}

bool selector_overlaps(const struct selector *a, const struct selector *b)
{
	return prefixes_meet(&a->dst, a->dst_len, &b->dst, b->dst_len) &&
	       (addr_is_none(&a->src) || addr_is_none(&b->src) ||
		prefixes_meet(&a->src, a->src_len, &b->src, b->src_len)) &&
	       (!a->proto || !b->proto || a->proto == b->proto) &&
	       (!a->sport || !b->sport || a->sport == b->sport) &&
	       (!a->dport || !b->dport || a->dport == b->dport);
}

bool selector_within(const struct selector *a, const struct selector *b)
{
	return prefix_in(&a->dst, a->dst_len, &b->dst, b->dst_len) &&
	       (addr_is_none(&b->src) ||
		(!addr_is_none(&a->src) &&
		 prefix_in(&a->src, a->src_len, &b->src, b->src_len))) &&
	       (!b->proto || a->proto == b->proto) &&
	       (!b->sport || a->sport == b->sport) &&
	       (!b->dport || a->dport == b->dport);
}

bool selector_is_part(const struct selector *s)
{
	return !addr_is_none(&s->src) || s->proto;
}
