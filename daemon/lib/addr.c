// SPDX-License-Identifier: Apache-2.0
#include "lib/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

void addr_set(struct addr *a, int family, const void *b)
{
	memset(a, 0, sizeof(*a));
	if (family != AF_INET && family != AF_INET6)
		return;
	a->family = family;
	a->len = family == AF_INET ? 4 : 16;
	memcpy(a->b, b, a->len);
}

int addr_parse(const char *s, struct addr *a)
{
	uint8_t b[16];

	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, s, b) == 1)
		addr_set(a, AF_INET, b);
	else if (inet_pton(AF_INET6, s, b) == 1)
		addr_set(a, AF_INET6, b);
	else
		return -EINVAL;
	return 0;
}

const char *addr_str(const struct addr *a, char buf[static ADDR_STRLEN])
{
	if (addr_is_none(a) || !inet_ntop(a->family, a->b, buf, ADDR_STRLEN))
		strcpy(buf, "none");
	return buf;
}

const char *ep_str(const struct ep *e, char buf[static EP_STRLEN])
{
	char a[ADDR_STRLEN], name[IF_NAMESIZE];

	addr_str(&e->addr, a);
	if (e->addr.family != AF_INET6)
		snprintf(buf, EP_STRLEN, "%s:%u", a, e->port);
	else if (!e->scope)
		snprintf(buf, EP_STRLEN, "[%s]:%u", a, e->port);
	else if (if_indextoname(e->scope, name))
		snprintf(buf, EP_STRLEN, "[%s%%%s]:%u", a, name, e->port);
	else
		snprintf(buf, EP_STRLEN, "[%s%%%u]:%u", a, e->scope, e->port);
	return buf;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return !addr_cmp(a, b);
}

void addr_net(const struct addr *a, struct addr *net)
{
	*net = *a;
	if (net->family == AF_INET6)
		memset(net->b + 8, 0, 8);
}

int addr_cmp(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->b, b->b, sizeof(a->b));
}

bool addr_is_none(const struct addr *a)
{
	return a->family != AF_INET && a->family != AF_INET6;
}

bool addr_is_any(const struct addr *a)
{
	static const uint8_t zero[16];

	return !addr_is_none(a) && !memcmp(a->b, zero, sizeof(zero));
}

bool addr_is_multicast(const struct addr *a)
{
	if (a->family == AF_INET)
		return a->b[0] >> 4 == 0xe;
	return a->family == AF_INET6 && a->b[0] == 0xff;
}

bool addr_is_link_local(const struct addr *a)
{
	if (a->family == AF_INET)
		return (a->b[0] == 224 && !a->b[1] && !a->b[2]) ||
		       (a->b[0] == 169 && a->b[1] == 254);
	if (a->family != AF_INET6)
		return false;
	if (a->b[0] == 0xff)
		return (a->b[1] & 0xf) == 1 || (a->b[1] & 0xf) == 2;
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

/* Parse a decimal port. strtoul() would also accept signs and spaces. */
static int parse_port(const char *s, uint16_t *port)
{
	uint32_t v = 0;

	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return -EINVAL;
		v = v * 10 + (uint32_t)(*s - '0');
		if (v > 65535)
			return -EINVAL;
	}
	if (!v)
		return -EINVAL;
	*port = v;
	return 0;
}

int ep_parse(const char *s, uint16_t port, struct ep *e)
{
	const char *rest = "", *host = s;
	char buf[EP_STRLEN], *scope;
	size_t len = strlen(s);
	bool v6;

	memset(e, 0, sizeof(*e));
	e->port = port;
	if (*s == '[') {
		const char *end = strchr(s, ']');

		if (!end)
			return -EINVAL;
		host = s + 1;
		len = (size_t)(end - host);
		rest = end + 1;
	} else if (strchr(s, ':') && strchr(s, ':') == strrchr(s, ':')) {
		rest = strchr(s, ':');
		len = (size_t)(rest - s);
	}
	if (len >= sizeof(buf))
		return -EINVAL;
	memcpy(buf, host, len);
	buf[len] = '\0';
	scope = strchr(buf, '%');
	if (scope)
		*scope++ = '\0';
	if (addr_parse(buf, &e->addr))
		return -EINVAL;
	/* Brackets are for IPv6 only. */
	v6 = e->addr.family == AF_INET6;
	if ((*s == '[' && !v6) || (*s != '[' && v6 && *rest))
		return -EINVAL;
	if (scope) {
		if (e->addr.family != AF_INET6 || !addr_is_link_local(&e->addr))
			return -EINVAL;
		e->scope = if_nametoindex(scope);
		if (!e->scope)
			return -ENODEV;
	}
	if (!*rest)
		return port ? 0 : -EINVAL;
	if (*rest != ':')
		return -EINVAL;
	return parse_port(rest + 1, &e->port);
}

bool ep_equal(const struct ep *a, const struct ep *b)
{
	return a->port == b->port && a->scope == b->scope &&
	       addr_equal(&a->addr, &b->addr);
}

int ep_from_sockaddr(const struct sockaddr_storage *ss, struct ep *e)
{
	const struct sockaddr_in6 *in6 = (const void *)ss;
	const struct sockaddr_in *in = (const void *)ss;

	memset(e, 0, sizeof(*e));
	switch (ss->ss_family) {
	case AF_INET:
		addr_set(&e->addr, AF_INET, &in->sin_addr);
		e->port = ntohs(in->sin_port);
		return 0;
	case AF_INET6:
		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
			addr_set(&e->addr, AF_INET,
				 in6->sin6_addr.s6_addr + 12);
		} else {
			addr_set(&e->addr, AF_INET6, &in6->sin6_addr);
			if (addr_is_link_local(&e->addr))
				e->scope = in6->sin6_scope_id;
		}
		e->port = ntohs(in6->sin6_port);
		return 0;
	default:
		return -EAFNOSUPPORT;
	}
}

socklen_t ep_to_sockaddr(const struct ep *e, struct sockaddr_storage *ss)
{
	struct sockaddr_in6 *in6 = (void *)ss;
	struct sockaddr_in *in = (void *)ss;

	memset(ss, 0, sizeof(*ss));
	switch (e->addr.family) {
	case AF_INET:
		in->sin_family = AF_INET;
		in->sin_port = htons(e->port);
		memcpy(&in->sin_addr, e->addr.b, 4);
		return sizeof(*in);
	case AF_INET6:
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(e->port);
		in6->sin6_scope_id = e->scope;
		memcpy(&in6->sin6_addr, e->addr.b, 16);
		return sizeof(*in6);
	default:
		return 0;
	}
}
