// SPDX-License-Identifier: GPL-2.0-only
#include "shape.h"

#include <linux/bitops.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/byteorder.h>

static void set_mask(u32 mask[4], unsigned int bits)
{
	unsigned int i;

	for (i = 0; i < 4; i++) {
		unsigned int n = min(bits, 32U);

		mask[i] = n ? (__force u32)htonl(~0U << (32 - n)) : 0;
		bits -= n;
	}
}

void mcsec_shape_of(const struct mcsec_selector *sel, struct mcsec_shape *shape)
{
	memset(shape, 0, sizeof(*shape));
	set_mask(shape->dst_mask, sel->dst_len);
	set_mask(shape->src_mask, sel->src_len);
	shape->dst_len = sel->dst_len;
	shape->src_len = sel->src_len;
	shape->mark_mask = sel->mask;
	shape->proto_mask = sel->proto ? 0xff : 0;
	shape->ports_mask = (sel->sport ? 0xffff0000U : 0) |
			    (sel->dport ? 0xffffU : 0);
	shape->dev = sel->n_devs > 0;
	shape->plain = !sel->src_len && !sel->mask && !sel->proto &&
		       !sel->n_devs;
}

void mcsec_shape_of_addrs(const struct mcsec_selector *sel,
			  struct mcsec_shape *shape)
{
	const struct mcsec_selector addrs = {
		.dst_len = sel->dst_len,
		.src_len = sel->src_len,
	};

	mcsec_shape_of(&addrs, shape);
}

/* Below 0 if @a comes first; 0 if they are the same. */
static int shape_cmp(const struct mcsec_shape *a, const struct mcsec_shape *b)
{
	int a_ports = hweight32(a->ports_mask),
	    b_ports = hweight32(b->ports_mask);
	int a_mark = hweight32(a->mark_mask), b_mark = hweight32(b->mark_mask);

	if (a->dst_len != b->dst_len)
		return b->dst_len - a->dst_len;
	if (a->src_len != b->src_len)
		return b->src_len - a->src_len;
	if (a->dev != b->dev)
		return b->dev - a->dev;
	if (a->proto_mask != b->proto_mask)
		return b->proto_mask - a->proto_mask;
	if (a_ports != b_ports)
		return b_ports - a_ports;
	/* The destination's port says more than the source's. */
	if (a->ports_mask != b->ports_mask)
		return a->ports_mask < b->ports_mask ? -1 : 1;
	if (a_mark != b_mark)
		return b_mark - a_mark;
	if (a->mark_mask != b->mark_mask)
		return a->mark_mask < b->mark_mask ? -1 : 1;
	return 0;
}

u32 mcsec_shape_get(struct mcsec_shapes __rcu **list,
		    const struct mcsec_shape *want, u32 *ids, int *err)
{
	struct mcsec_shapes *old = mcsec_shapes_held(*list), *new;
	unsigned int n = old ? old->n : 0, i;
	int way = 1;

	for (i = 0; i < n; i++) {
		way = shape_cmp(want, &old->shape[i]);
		if (way <= 0)
			break;
	}
	if (!way) {
		old->shape[i].users++;
		return old->shape[i].id;
	}
	if (n == MCSEC_SHAPES_MAX) {
		*err = -E2BIG;
		return 0;
	}
	new = kmalloc(struct_size(new, shape, n + 1), GFP_KERNEL_ACCOUNT);
	if (!new) {
		*err = -ENOMEM;
		return 0;
	}
	new->n = n + 1;
	if (i)
		memcpy(new->shape, old->shape, i * sizeof(*want));
	new->shape[i] = *want;
	new->shape[i].id = ++*ids;
	new->shape[i].users = 1;
	if (i < n)
		memcpy(&new->shape[i + 1], &old->shape[i],
		       (n - i) * sizeof(*want));
	rcu_assign_pointer(*list, new);
	if (old)
		kfree_rcu(old, rcu);
	return new->shape[i].id;
}

void mcsec_shape_put(struct mcsec_shapes __rcu **list, u32 id)
{
	struct mcsec_shapes *old = mcsec_shapes_held(*list), *new = NULL;
	unsigned int i;

	for (i = 0; old->shape[i].id != id; i++)
		;
	if (--old->shape[i].users)
		return;
	if (old->n > 1) {
		new = kmalloc(struct_size(new, shape, old->n - 1),
			      GFP_KERNEL_ACCOUNT);
		/* It stays, unused, and costs a look until the next time. */
		if (!new)
			return;
		new->n = old->n - 1;
		memcpy(new->shape, old->shape, i * sizeof(new->shape[0]));
		memcpy(&new->shape[i], &old->shape[i + 1],
		       (new->n - i) * sizeof(new->shape[0]));
	}
	rcu_assign_pointer(*list, new);
	kfree_rcu(old, rcu);
}
