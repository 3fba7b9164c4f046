/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPv4 and IPv6 addresses and UDP endpoints as values: comparable, printable,
 * no allocation. An all-zero struct addr is "none" and is neither family.
 */
#ifndef LIB_ADDR_H
#define LIB_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* @family: AF_INET, AF_INET6 or AF_UNSPEC; @len: 4, 16 or 0. Octets behind
 * @len are zero, so that two equal addresses are equal octet by octet.
 */
struct addr {
	uint8_t family;
	uint8_t len;
	uint8_t b[16];
};

/* @scope: interface index of a link-local IPv6 address, else 0.
 * @port is in host order.
 */
struct ep {
	struct addr addr;
	uint16_t port;
	uint32_t scope;
};

#define ADDR_STRLEN 46
/* [addr%scope]:port */
#define EP_STRLEN 72

/* Numbers only, no names are looked up. 0 or -EINVAL. */
int addr_parse(const char *s, struct addr *a);
/* @b: 4 octets (AF_INET) or 16 (AF_INET6) in network order. */
void addr_set(struct addr *a, int family, const void *b);
/* Each gives back @buf. None prints as "none". */
const char *addr_str(const struct addr *a, char buf[static ADDR_STRLEN]);
const char *ep_str(const struct ep *e, char buf[static EP_STRLEN]);

bool addr_equal(const struct addr *a, const struct addr *b);
/*
 * The part of an address that one host cannot choose: the address of IPv4,
 * the /64 of IPv6, its other octets zero. None stays none.
 */
void addr_net(const struct addr *a, struct addr *net);
/* Total order: family, then octets. */
int addr_cmp(const struct addr *a, const struct addr *b);
bool addr_is_none(const struct addr *a);
/* 0.0.0.0 or :: */
bool addr_is_any(const struct addr *a);
bool addr_is_multicast(const struct addr *a);
/* Never leaves its link: 224.0.0.0/24, ff01::/16, ff02::/16, fe80::/10,
 * 169.254.0.0/16.
 */
bool addr_is_link_local(const struct addr *a);

/*
 * "192.0.2.1:848", "[2001:db8::1]:848", "[fe80::1%eth0]:848", or an address
 * alone, which takes @port (0: a port must be given). 0 or -EINVAL; -ENODEV
 * for an unknown interface.
 */
int ep_parse(const char *s, uint16_t port, struct ep *e);
bool ep_equal(const struct ep *a, const struct ep *b);

/* 0 or -EAFNOSUPPORT. An IPv4-mapped IPv6 address becomes IPv4. */
int ep_from_sockaddr(const struct sockaddr_storage *ss, struct ep *e);
/* Returns the length used; 0 for none. */
socklen_t ep_to_sockaddr(const struct ep *e, struct sockaddr_storage *ss);

#endif
