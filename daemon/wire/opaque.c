// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "wire/opaque.h"

bool opaque_is_attr(uint16_t type)
{
	switch (type & ~IKE_ATTR_AF) {
	case GIKE_GWP_MADE:
	case GIKE_GWP_NEXT_REKEY:
	case GIKE_GWP_TERM:
	case GIKE_GWP_SENDER_ATD:
	case GIKE_GWP_DEAD:
		return false;
	}
	return (type & ~IKE_ATTR_AF) >= IKE_ATTR_PRIVATE;
}

bool opaque_is_notify(uint16_t type)
{
	switch (type) {
	case MCSEC_N_USED_UP:
	case MCSEC_N_SENDING:
	case MCSEC_N_REKEY_FRAGMENTS:
	case MCSEC_N_RIVAL:
	case MCSEC_N_GROUP:
	case MCSEC_N_LATER:
	case MCSEC_N_CHANGED:
	case MCSEC_N_EDGE_REQUEST:
	case MCSEC_N_EDGE:
	case MCSEC_N_GRANT_REQUEST:
	case MCSEC_N_GRANT:
	case MCSEC_N_GRANT_ENDS:
		return false;
	}
	return type >= IKE_N_STATUS_PRIVATE;
}

int opaque_add(struct opaque *o, uint16_t type, const void *p, size_t len)
{
	struct opaque_item *item;

	if (o->n == OPAQUE_MAX || len > (size_t)(OPAQUE_OCTETS - o->used))
		return -E2BIG;
	item = &o->v[o->n];
	item->type = type;
	item->len = len;
	item->off = o->used;
	if (len)
		memcpy(o->octets + o->used, p, len);
	o->used += len;
	o->n++;
	return 0;
}

const uint8_t *opaque_find(const struct opaque *o, uint16_t type, size_t *len)
{
	for (unsigned int i = 0; i < o->n; i++) {
		if (o->v[i].type != type)
			continue;
		*len = o->v[i].len;
		return o->octets + o->v[i].off;
	}
	return NULL;
}

void opaque_keep(struct opaque *o, uint16_t type, const void *p, size_t len)
{
	if (opaque_is_attr(type) && opaque_add(o, type, p, len))
		o->cut = true;
}

void opaque_keep_notify(struct opaque *o, const struct notify_pld *n)
{
	/*
	 * A notify with an SPI concerns an SA that is not known here, so it is
	 * skipped.
	 */
	if (opaque_is_notify(n->type) && !n->spi_len &&
	    opaque_add(o, n->type, n->data, n->len))
		o->cut = true;
}

void opaque_build_attrs(struct wbuf *w, const struct opaque *o)
{
	for (unsigned int i = 0; i < o->n; i++) {
		const struct opaque_item *item = &o->v[i];
		bool tv = item->type & IKE_ATTR_AF;

		if (!opaque_is_attr(item->type) || (tv && item->len != 2)) {
			if (!w->err)
				w->err = -EINVAL;
			return;
		}
		wbuf_u16(w, item->type);
		if (!tv)
			wbuf_u16(w, item->len);
		wbuf_put(w, o->octets + item->off, item->len);
	}
}

void opaque_build_notifies(struct pchain *c, const struct opaque *o)
{
	for (unsigned int i = 0; i < o->n; i++) {
		const struct opaque_item *item = &o->v[i];

		if (!opaque_is_notify(item->type)) {
			if (!c->w->err)
				c->w->err = -EINVAL;
			return;
		}
		notify_build(c, item->type, o->octets + item->off, item->len);
	}
}
