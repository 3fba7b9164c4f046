/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private-use attributes and notifies that this code does not know. They are
 * carried for their users and never interpreted.
 *
 * A list is bounded. When parsing, entries beyond the bounds are dropped and
 * @cut is set; a caller that adds more gets an error.
 */
#ifndef WIRE_OPAQUE_H
#define WIRE_OPAQUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/payload.h"

#define OPAQUE_MAX 8 /* entries */
#define OPAQUE_OCTETS 512 /* octets of all entries */

struct opaque_item {
	uint16_t type;
	uint16_t len;
	uint16_t off; /* offset in octets[] */
};

struct opaque {
	unsigned int n;
	bool cut; /* some entries were dropped */
	uint16_t used; /* octets in use */
	struct opaque_item v[OPAQUE_MAX];
	uint8_t octets[OPAQUE_OCTETS];
};

/*
 * Types that may be carried: the private-use range of the registry without
 * those that this code uses itself (proto.h). A TV attribute, which has its
 * value in place of a length, has IKE_ATTR_AF in its type and 2 octets.
 * Notifies must be status types: an error must not be carried for others.
 */
bool opaque_is_attr(uint16_t type);
bool opaque_is_notify(uint16_t type);

/*
 * Return 0, or -E2BIG at a bound. The type is checked when the list is
 * written.
 */
int opaque_add(struct opaque *o, uint16_t type, const void *p, size_t len);
/*
 * Return the first entry of a type, or NULL; *@len is its length, perhaps 0.
 */
const uint8_t *opaque_find(const struct opaque *o, uint16_t type, size_t *len);

/*
 * Keep from a message an attribute (@type as received, with IKE_ATTR_AF if
 * set), or a notify if it may be carried. An entry beyond the bounds sets @cut.
 */
void opaque_keep(struct opaque *o, uint16_t type, const void *p, size_t len);
void opaque_keep_notify(struct opaque *o, const struct notify_pld *n);

/*
 * Write to a message. A type that may not be carried, or a TV attribute whose
 * length is not 2, sets -EINVAL in the writer.
 */
void opaque_build_attrs(struct wbuf *w, const struct opaque *o);
void opaque_build_notifies(struct pchain *c, const struct opaque *o);

#endif
