/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A selector is what all hosts of a group protect alike, and what a pair of
 * traffic selectors can have (RFC 7296 section 3.13): destination, source,
 * protocol of the payload and ports. Interfaces and marks are a host's own
 * matter.
 *
 * A zeroed member means any; a prefix length of 0 means the whole address, and
 * no other value does: selector_equal() compares members. Ports are in host byte
 * order.
 */
#ifndef LIB_SELECTOR_H
#define LIB_SELECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"

struct selector {
	struct addr dst; /* multicast, the first address of a prefix */
	uint8_t dst_len; /* bits of a prefix; 0: one address */
	struct addr src; /* none: any source */
	uint8_t src_len;
	uint8_t proto; /* IP protocol of the payload */
	uint16_t sport;
	uint16_t dport;
};

/* The text is "ADDRESS/LEN src ADDRESS/LEN proto NAME sport N dport N". */
#define SELECTOR_STRLEN 160
#define PREFIX_STRLEN (ADDR_STRLEN + 4)
#define PROTO_STRLEN 8

/*
 * Parse "ADDRESS" or "ADDRESS/LENGTH". *@len becomes 0 for one address, also if
 * the text has its full length. Returns 0, -EINVAL if there is no address, or
 * -ERANGE if the length is not one from 1 to the bits of the address.
 */
int prefix_parse(const char *s, struct addr *a, uint8_t *len);
/* Returns @buf. A @len of 0, or of all bits, is not printed. */
const char *prefix_str(const struct addr *a, uint8_t len,
		       char buf[static PREFIX_STRLEN]);
/* Return the bits that a prefix length of this meaning compares. */
uint8_t prefix_bits(const struct addr *a, uint8_t len);
/* Return true if @a is in @net/@len. None is in no prefix. */
bool prefix_has(const struct addr *net, uint8_t len, const struct addr *a);
/* Return true if no bit of @a behind its first @len ones is set. */
bool prefix_is_first(const struct addr *a, uint8_t len);
/* Set @first to @a without the bits behind its first @len ones. */
void prefix_first(const struct addr *a, uint8_t len, struct addr *first);
/* Set @last to the last address of @net/@len. */
void prefix_last(const struct addr *net, uint8_t len, struct addr *last);
/*
 * Set *@len to that of the prefix from @first to @last, 0 for one address.
 * Returns 0, or -EINVAL if the addresses are no prefix.
 */
int prefix_of_range(const struct addr *first, const struct addr *last,
		    uint8_t *len);

/* Return the number of an IP protocol by its name, or 0. */
uint8_t proto_find(const char *name);
/* Returns the name of the protocol, or its number in @buf. */
const char *proto_str(uint8_t number, char buf[static PROTO_STRLEN]);
/* All names that proto_find() knows, with commas between them. */
#define PROTO_NAMES \
	"icmp, igmp, tcp, udp, icmpv6, ospf, pim, vrrp, sctp, udplite"
bool proto_has_ports(uint8_t number);

/* Returns @buf, which has no more than the address of a group without more. */
const char *selector_str(const struct selector *s,
			 char buf[static SELECTOR_STRLEN]);
bool selector_equal(const struct selector *a, const struct selector *b);
/* Return true if there are datagrams that both select. */
bool selector_overlaps(const struct selector *a, const struct selector *b);
/* Return true if @b selects all datagrams that @a selects. */
bool selector_within(const struct selector *a, const struct selector *b);
/* Return true if there are datagrams to its addresses that it does not select. */
bool selector_is_part(const struct selector *s);
/*
 * Return the first setting in which the two differ, by its name in a
 * configuration, or NULL.
 */
const char *selector_differs(const struct selector *a,
			     const struct selector *b);

#endif
