// SPDX-License-Identifier: Apache-2.0
#include "lib/noaddr.h"

#include <string.h>

#include "lib/addr.h"

static const char no_name[] =
	"names are not looked up: write the address (\"getent ahosts NAME\" shows it)";
static const char no_text[] = "it is empty";
static const char no_host[] = "there is no address in front of the port";
static const char bad_v4[] =
	"IPv4 has four numbers from 0 to 255, without zeros in front, such as 239.1.1.1";
static const char bad_v6[] =
	"IPv6 has eight groups of hexadecimal digits, or \"::\" in place of some, such as ff3e::1";
static const char bad_port[] = "a port is a number from 1 to 65535";

/* Copy the first @len octets to @buf. Returns false if that is not an address. */
static bool begins_with_addr(const char *s, size_t len)
{
	char buf[ADDR_STRLEN];
	struct addr a;

	if (len >= sizeof(buf))
		return false;
	memcpy(buf, s, len);
	buf[len] = '\0';
	return !addr_parse(buf, &a);
}

static bool has_only(const char *s, size_t len, const char *set)
{
	return strspn(s, set) >= len;
}

/* Say what is wrong with the first @len octets, which have neither port nor brackets. */
static const char *host_why_not(const char *s, size_t len)
{
	if (!len)
		return no_text;
	if (has_only(s, len, "0123456789."))
		return bad_v4;
	if (memchr(s, ':', len) && has_only(s, len, "0123456789abcdefABCDEF:."))
		return bad_v6;
	return no_name;
}

/* Return the length of what stands in front of a single colon, or all. */
static size_t host_len(const char *s)
{
	const char *colon = strchr(s, ':');

	return colon && !strchr(colon + 1, ':') ? (size_t)(colon - s)
						: strlen(s);
}

const char *addr_why_not(const char *s)
{
	size_t len = strcspn(s, "/"), host;

	if (*s == '[' || strchr(s, ']'))
		return "brackets are for an address with a port, here is none: leave them out";
	if (strchr(s, '%'))
		return "an interface has a setting of its own: write the address alone";
	if (s[len] && begins_with_addr(s, len))
		return "a prefix length has no place here: write the address alone";
	if (s[len])
		return host_why_not(s, len);
	host = host_len(s);
	if (s[host] && (!host || begins_with_addr(s, host)))
		return "a port has no place here, but a setting "
		       "of its own: write the address alone";
	return host_why_not(s, s[host] ? host : len);
}

/* Say what is wrong with "[" and what follows. */
static const char *brackets_why_not(const char *s)
{
	const char *end = strchr(s, ']');
	size_t len;

	if (!end)
		return "the bracket is not closed";
	s++;
	len = (size_t)(end - s);
	if (memchr(s, '%', len))
		return "only link-local addresses of IPv6 (fe80::/10) have an interface";
	if (!begins_with_addr(s, len))
		return memchr(s, ':', len)
			       ? bad_v6
			       : "brackets are for addresses of IPv6 only";
	if (!memchr(s, ':', len))
		return "brackets are for addresses of IPv6 only";
	return end[1] ? bad_port : "the port is missing";
}

const char *ep_why_not(const char *s)
{
	size_t len = host_len(s), slash = strcspn(s, "/");

	if (!*s)
		return no_text;
	if (s[slash])
		return "a prefix length has no place here";
	if (*s == '[')
		return brackets_why_not(s);
	if (!len)
		return no_host;
	if (memchr(s, '%', len))
		return "only link-local addresses of IPv6 (fe80::/10) have an interface";
	if (begins_with_addr(s, len))
		return s[len] ? bad_port : "the port is missing";
	return host_why_not(s, len);
}
