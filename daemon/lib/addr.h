/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPv4 and IPv6 addresses and UDP endpoints as values: comparable, printable,
 * and without allocation. A zeroed struct addr is "none" and has no family.
 */
#ifndef LIB_ADDR_H
#define LIB_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/*
 * An address. @family is AF_INET, AF_INET6 or AF_UNSPEC, and @len is 4, 16 or
 * 0. Octets behind @len are zero, so equal addresses have equal octets.
 */
struct addr {
	uint8_t family;
	uint8_t len;
	uint8_t b[16];
};

/*
 * An endpoint. @scope is the interface index of a link-local IPv6 address, or
 * else 0. @port is in host byte order.
 */
struct ep {
	struct addr addr;
	uint16_t port;
	uint32_t scope;
};

#define ADDR_STRLEN 46
/* The longest form is [addr%scope]:port. */
#define EP_STRLEN 72

/* Parse a numeric address; names are not resolved. Returns 0 or -EINVAL. */
int addr_parse(const char *s, struct addr *a);
/* @b has 4 octets (AF_INET) or 16 (AF_INET6) in network byte order. */
void addr_set(struct addr *a, int family, const void *b);
/* Both return @buf. An address that is none is printed as "none". */
const char *addr_str(const struct addr *a, char buf[static ADDR_STRLEN]);
const char *ep_str(const struct ep *e, char buf[static EP_STRLEN]);

bool addr_equal(const struct addr *a, const struct addr *b);
/*
 * Set @net to the part of the address that a single host cannot choose: the
 * whole IPv4 address, or the /64 of an IPv6 address with zeros behind it. None
 * stays none.
 */
void addr_net(const struct addr *a, struct addr *net);
/* Compare by family, then by octets. The order is total. */
int addr_cmp(const struct addr *a, const struct addr *b);
bool addr_is_none(const struct addr *a);
/* Return true for 0.0.0.0 and ::. */
bool addr_is_any(const struct addr *a);
bool addr_is_multicast(const struct addr *a);
/*
 * Return true for an address that never leaves its link: 224.0.0.0/24,
 * ff01::/16, ff02::/16, fe80::/10, 169.254.0.0/16.
 */
bool addr_is_link_local(const struct addr *a);

/*
 * Parse "192.0.2.1:848", "[2001:db8::1]:848", "[fe80::1%eth0]:848", or an
 * address without a port, for which @port is used unless it is 0. Returns 0,
 * -EINVAL, or -ENODEV for an unknown interface.
 */
int ep_parse(const char *s, uint16_t port, struct ep *e);
bool ep_equal(const struct ep *a, const struct ep *b);

/* Returns 0 or -EAFNOSUPPORT. An IPv4-mapped IPv6 address becomes IPv4. */
int ep_from_sockaddr(const struct sockaddr_storage *ss, struct ep *e);
/* Return the length of the sockaddr, or 0 for none. */
socklen_t ep_to_sockaddr(const struct ep *e, struct sockaddr_storage *ss);

#endif
