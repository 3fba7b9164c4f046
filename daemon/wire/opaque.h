/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attributes and notifies of private use that this code does not know: octets of
 * whoever uses it, carried and never interpreted.
 *
 * A list is bounded. Of a message, what is beyond the bounds is left out, and
 * @cut says so; a caller who attaches more is refused.
 */
#ifndef WIRE_OPAQUE_H
#define WIRE_OPAQUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/payload.h"

#define OPAQUE_MAX 8 /* entries */
#define OPAQUE_OCTETS 512 /* of all of them */

struct opaque_item {
	uint16_t type;
	uint16_t len;
	uint16_t off; /* in octets[] */
};

struct opaque {
	unsigned int n;
	bool cut; /* more came than there was room for */
	uint16_t used; /* octets */
	struct opaque_item v[OPAQUE_MAX];
	uint8_t octets[OPAQUE_OCTETS];
};

/*
 * Which types may be carried: private use of the registry, and none of those
 * that this code uses itself (proto.h). An attribute that has its value in place
 * of a length (TV) has IKE_ATTR_AF in its type, and 2 octets. Notifies are of
 * status type: an error is never a stranger's.
 */
bool opaque_is_attr(uint16_t type);
bool opaque_is_notify(uint16_t type);

/* 0; -E2BIG at a bound. The type is looked at when the list is written. */
int opaque_add(struct opaque *o, uint16_t type, const void *p, size_t len);
/* The first of a type, or NULL; *@len gets its octets, which may be none. */
const uint8_t *opaque_find(const struct opaque *o, uint16_t type, size_t *len);

/*
 * From a message: an attribute (@type as it came, with IKE_ATTR_AF or not), or
 * the notifies that may be carried. What does not fit sets @cut.
 */
void opaque_keep(struct opaque *o, uint16_t type, const void *p, size_t len);
void opaque_keep_notify(struct opaque *o, const struct notify_pld *n);

/*
 * To a message. A type that may not be carried, or a TV attribute of another
 * length than 2, is -EINVAL of the writer.
 */
void opaque_build_attrs(struct wbuf *w, const struct opaque *o);
void opaque_build_notifies(struct pchain *c, const struct opaque *o);

#endif
