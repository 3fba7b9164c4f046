// SPDX-License-Identifier: GPL-2.0-only
#include "select.h"
#include "table.h"

#include <linux/delay.h>
#include <linux/hash.h>
#include <linux/jhash.h>
#include <linux/mm.h>
#include <linux/netdevice.h>
#include <linux/random.h>
#include <linux/slab.h>

static struct mcsec_tables *tables_of(struct mcsec_select *s, u16 family)
{
	return family == AF_INET ? &s->v4 : &s->v6;
}

static int insert_once(struct rhashtable *table, struct mcsec_node *node,
		       u16 family)
{
	if (family == AF_INET)
		return rhashtable_lookup_insert_fast(table, &node->head,
						     mcsec_params4);
	return rhashtable_lookup_insert_fast(table, &node->head, mcsec_params6);
}

/* Process context: a table that is being rehashed is waited for. */
static int table_insert(struct rhashtable *table, struct mcsec_node *node,
			u16 family)
{
	unsigned int tries = 100;
	int err;

	while ((err = insert_once(table, node, family)) == -EBUSY && --tries)
		usleep_range(500, 2000);
	return err == -EBUSY || err == -E2BIG ? -ENOMEM : err;
}

static void take_out(struct rhashtable *table, struct mcsec_node *node,
		     u16 family)
{
	if (family == AF_INET)
		rhashtable_remove_fast(table, &node->head, mcsec_params4);
	else
		rhashtable_remove_fast(table, &node->head, mcsec_params6);
}

static void copy_masked(u32 to[4], const struct in6_addr *addr,
			const u32 mask[4])
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		to[i] = (__force u32)addr->s6_addr32[i] & mask[i];
}

static void key_of_selector(struct mcsec_key *key,
			    const struct mcsec_selector *sel,
			    const struct mcsec_shape *shape, u32 id)
{
	memset(key, 0, sizeof(*key));
	copy_masked(key->dst, &sel->dst, shape->dst_mask);
	copy_masked(key->src, &sel->src, shape->src_mask);
	key->shape = id;
	key->plain = shape->plain;
	key->mark = sel->mark & shape->mark_mask;
	key->proto = sel->proto & shape->proto_mask;
	key->ports = ((u32)sel->sport << 16 | sel->dport) & shape->ports_mask;
}

/* ---- parts ---- */

static int part_get(struct mcsec_tables *t, struct mcsec_sel *sel)
{
	struct mcsec_key key = sel->node.key;
	struct mcsec_part *part;
	struct mcsec_node *node;
	int err;

	if (!key.proto)
		return 0;
	key.proto = 0;
	key.ports = 0;
	/* It stays for as long as we hold the namespace's lock. */
	rcu_read_lock();
	node = mcsec_table_find(&t->parts, &key, sel->family);
	rcu_read_unlock();
	if (node) {
		part = container_of(node, struct mcsec_part, node);
		part->refs++;
		WRITE_ONCE(part->strict, part->strict + !sel->observes);
		sel->part = part;
		return 0;
	}
	part = kzalloc(sizeof(*part), GFP_KERNEL_ACCOUNT);
	if (!part)
		return -ENOMEM;
	part->node.key = key;
	part->refs = 1;
	part->strict = !sel->observes;
	err = table_insert(&t->parts, &part->node, sel->family);
	if (err)
		kfree(part);
	else
		sel->part = part;
	return err;
}

static void part_put(struct mcsec_tables *t, struct mcsec_sel *sel)
{
	struct mcsec_part *part = sel->part;

	if (!part)
		return;
	sel->part = NULL;
	WRITE_ONCE(part->strict, part->strict - !sel->observes);
	if (--part->refs)
		return;
	take_out(&t->parts, &part->node, sel->family);
	kfree_rcu(part, rcu);
}

/* ---- selectors ---- */

static int sel_insert(struct mcsec_tables *t, struct mcsec_sel *sel)
{
	int err;

	err = part_get(t, sel);
	if (err)
		return err;
	err = table_insert(&t->sels, &sel->node, sel->family);
	if (err)
		part_put(t, sel);
	else
		WRITE_ONCE(sel->in_table, true);
	return err;
}

static void sel_remove(struct mcsec_tables *t, struct mcsec_sel *sel)
{
	take_out(&t->sels, &sel->node, sel->family);
	part_put(t, sel);
	WRITE_ONCE(sel->in_table, false);
}

static int replace_once(struct rhashtable *table, struct mcsec_node *old,
			struct mcsec_node *node, u16 family)
{
	if (family == AF_INET)
		return rhashtable_replace_fast(table, &old->head, &node->head,
					       mcsec_params4);
	return rhashtable_replace_fast(table, &old->head, &node->head,
				       mcsec_params6);
}

/*
 * Put @sel in the place of one with the same key, of an interface that was
 * called otherwise: packets find the one or the other. Needs no memory: the part
 * is there.
 */
static int sel_replace(struct mcsec_tables *t, struct mcsec_sel *sel)
{
	struct mcsec_node *node;
	struct mcsec_sel *old;
	int err;

	rcu_read_lock();
	node = mcsec_table_find(&t->sels, &sel->node.key, sel->family);
	rcu_read_unlock();
	if (WARN_ON_ONCE(!node))
		return -ENOENT;
	old = container_of(node, struct mcsec_sel, node);
	err = part_get(t, sel);
	if (err)
		return err;
	err = replace_once(&t->sels, &old->node, &sel->node, sel->family);
	if (WARN_ON_ONCE(err)) {
		part_put(t, sel);
		return err;
	}
	WRITE_ONCE(sel->in_table, true);
	part_put(t, old);
	hlist_del(&old->by_dev);
	WRITE_ONCE(old->in_table, false);
	return 0;
}

static bool is_firm(const struct mcsec_selector *sel)
{
	return !sel->mask && !sel->n_devs;
}

/* Whether mcsec_select_quoted4() has to look for it. */
static bool is_loose(const struct mcsec_selector *sel, bool hosts)
{
	return sel->mask || (sel->n_devs && hosts);
}

static struct mcsec_addr *addr_get(struct mcsec_select *s,
				   struct mcsec_tables *t,
				   const struct mcsec_selector *sel, int *err)
{
	struct mcsec_addr *addr;
	struct mcsec_shape shape;
	struct mcsec_node *node;
	struct mcsec_key key;
	u32 id;

	mcsec_shape_of_addrs(sel, &shape);
	id = mcsec_shape_get(&t->prefixes, &shape, &s->shape_ids, err);
	if (!id)
		return NULL;
	key_of_selector(&key, sel, &shape, id);
	/* It stays for as long as we hold the namespace's lock. */
	rcu_read_lock();
	node = mcsec_table_find(&t->addrs, &key, sel->family);
	rcu_read_unlock();
	if (node) {
		addr = container_of(node, struct mcsec_addr, node);
	} else {
		addr = kzalloc(sizeof(*addr), GFP_KERNEL_ACCOUNT);
		*err = addr ? 0 : -ENOMEM;
		if (addr) {
			addr->node.key = key;
			*err = table_insert(&t->addrs, &addr->node,
					    sel->family);
		}
		if (*err) {
			kfree(addr);
			mcsec_shape_put(&t->prefixes, id);
			return NULL;
		}
	}
	addr->refs++;
	if (is_firm(sel))
		WRITE_ONCE(addr->firm, addr->firm + 1);
	return addr;
}

static void addr_put(struct mcsec_tables *t, const struct mcsec_selector *sel,
		     struct mcsec_addr *addr)
{
	u32 id = addr->node.key.shape;

	if (is_firm(sel))
		WRITE_ONCE(addr->firm, addr->firm - 1);
	if (!--addr->refs) {
		take_out(&t->addrs, &addr->node, sel->family);
		kfree_rcu(addr, rcu);
	}
	mcsec_shape_put(&t->prefixes, id);
}

/* ---- interfaces ---- */

static struct hlist_head *devs_by_name(const struct mcsec_select *s,
				       const char *dev)
{
	u32 hash = jhash(dev, strlen(dev), s->devs->seed);

	return &s->devs->by_name[hash >> (32 - MCSEC_DEV_BITS)];
}

static struct hlist_head *devs_by_dev(const struct mcsec_select *s,
				      const void *dev)
{
	return &s->devs->by_dev[hash_ptr(dev, MCSEC_DEV_BITS)];
}

static int devs_prepare(struct mcsec_select *s)
{
	if (s->devs)
		return 0;
	s->devs = kvzalloc(sizeof(*s->devs), GFP_KERNEL_ACCOUNT);
	if (!s->devs)
		return -ENOMEM;
	get_random_bytes(&s->devs->seed, sizeof(s->devs->seed));
	return 0;
}

/* Whether one that waits for the same interface looks for the same. */
static bool sel_is_waiting(struct mcsec_select *s, const struct mcsec_sel *sel)
{
	const struct mcsec_sel *other;
	struct mcsec_key key;

	hlist_for_each_entry(other, devs_by_name(s, sel->dev), by_name) {
		if (strcmp(other->dev, sel->dev))
			continue;
		key = other->node.key;
		key.ifindex = sel->node.key.ifindex;
		if (!memcmp(&key, &sel->node.key, sizeof(key)))
			return true;
	}
	return false;
}

static int enter_dev(struct mcsec_select *s, struct mcsec_tables *t,
		     struct mcsec_sel *sel)
{
	struct net_device *dev;
	bool other = false, vrf = false;
	int err;

	if (sel_is_waiting(s, sel))
		return -EEXIST;
	/* One that comes meanwhile waits in mcsec_select_dev() for our lock. */
	rcu_read_lock();
	dev = dev_get_by_name_rcu(s->net, sel->dev);
	if (dev) {
		sel->node.key.ifindex = dev->ifindex;
		sel->of = dev;
		/* Found by another name: that is not what we would be told of. */
		other = strcmp(dev->name, sel->dev);
		vrf = netif_is_l3_master(dev);
	}
	rcu_read_unlock();
	if (vrf)
		return -EOPNOTSUPP;
	if (other)
		return -ENOTUNIQ;
	if (dev) {
		err = sel_insert(t, sel);
		if (err)
			return err;
		hlist_add_head(&sel->by_dev, devs_by_dev(s, dev));
	}
	hlist_add_head(&sel->by_name, devs_by_name(s, sel->dev));
	return 0;
}

static int sel_enter(struct mcsec_select *s, struct mcsec_tables *t,
		     struct mcsec_sel *sel)
{
	int err;

	if (!*sel->dev)
		return sel_insert(t, sel);
	err = devs_prepare(s);
	if (err)
		return err;
	WRITE_ONCE(s->n_devs, s->n_devs + 1);
	/* Before we look for it: pairs with mcsec_select_has_devs(). */
	smp_mb();
	err = enter_dev(s, t, sel);
	if (err)
		WRITE_ONCE(s->n_devs, s->n_devs - 1);
	return err;
}

static void sel_leave(struct mcsec_select *s, struct mcsec_tables *t,
		      struct mcsec_sel *sel)
{
	if (*sel->dev) {
		hlist_del(&sel->by_name);
		WRITE_ONCE(s->n_devs, s->n_devs - 1);
	}
	if (sel->in_table) {
		if (*sel->dev)
			hlist_del(&sel->by_dev);
		sel_remove(t, sel);
	}
}

int mcsec_select_add(struct mcsec_select *s, struct mcsec_group *group,
		     const struct mcsec_selector *sel, bool observes,
		     bool hosts, struct mcsec_sel **sels,
		     struct mcsec_addr **addr)
{
	struct mcsec_tables *t = tables_of(s, sel->family);
	unsigned int n = sel->n_devs ?: 1, i;
	struct mcsec_shape shape;
	struct mcsec_key key;
	int err;
	u32 id;

	*sels = kcalloc(n, sizeof(**sels), GFP_KERNEL_ACCOUNT);
	if (!*sels)
		return -ENOMEM;
	*addr = addr_get(s, t, sel, &err);
	if (!*addr)
		goto err_free;
	mcsec_shape_of(sel, &shape);
	id = mcsec_shape_get(&t->shapes, &shape, &s->shape_ids, &err);
	if (!id)
		goto err_addr;
	key_of_selector(&key, sel, &shape, id);
	for (i = 0; i < n; i++) {
		(*sels)[i].node.key = key;
		(*sels)[i].group = group;
		(*sels)[i].family = sel->family;
		(*sels)[i].observes = observes;
		(*sels)[i].hosts = hosts;
		if (sel->n_devs)
			strscpy((*sels)[i].dev, sel->devs[i], IFNAMSIZ);
		err = sel_enter(s, t, &(*sels)[i]);
		if (err)
			goto err_enter;
	}
	for (i = 0; is_loose(sel, hosts) && i < n; i++)
		hlist_add_head_rcu(&(*sels)[i].by_addr, &(*addr)->loose);
	return 0;

err_enter:
	while (i--)
		sel_leave(s, t, &(*sels)[i]);
	mcsec_shape_put(&t->shapes, id);
err_addr:
	addr_put(t, sel, *addr);
	/* Packets may have found one of them. */
	kfree_rcu(*sels, rcu);
	return err;
err_free:
	kfree(*sels);
	return err;
}

void mcsec_select_observe(const struct mcsec_selector *sel,
			  struct mcsec_sel *sels, bool observes)
{
	struct mcsec_part *part;
	unsigned int i;

	for (i = 0; i < (sel->n_devs ?: 1); i++) {
		part = sels[i].part;
		if (part)
			WRITE_ONCE(part->strict,
				   part->strict + sels[i].observes - observes);
		WRITE_ONCE(sels[i].observes, observes);
	}
}

void mcsec_select_del(struct mcsec_select *s, const struct mcsec_selector *sel,
		      struct mcsec_sel *sels, struct mcsec_addr *addr)
{
	struct mcsec_tables *t = tables_of(s, sel->family);
	unsigned int i;

	for (i = 0; i < (sel->n_devs ?: 1); i++) {
		if (is_loose(sel, sels->hosts))
			hlist_del_rcu(&sels[i].by_addr);
		sel_leave(s, t, &sels[i]);
	}
	mcsec_shape_put(&t->shapes, sels->node.key.shape);
	addr_put(t, sel, addr);
}

int mcsec_select_sa_add(struct mcsec_select *s, u16 family,
			const struct mcsec_addr *addr, struct mcsec_node *node,
			__be32 spi)
{
	node->key = addr->node.key;
	node->key.spi = (__force u32)spi;
	return table_insert(&tables_of(s, family)->sas, node, family);
}

void mcsec_select_sa_del(struct mcsec_select *s, u16 family,
			 struct mcsec_node *node)
{
	take_out(&tables_of(s, family)->sas, node, family);
}

/* Enter those that wait for @dev. */
static int place_dev(struct mcsec_select *s, const struct net_device *dev,
		     bool *removed)
{
	struct mcsec_tables *t;
	struct mcsec_sel *sel;
	int err;

	hlist_for_each_entry(sel, devs_by_name(s, dev->name), by_name) {
		if (sel->in_table || strcmp(sel->dev, dev->name))
			continue;
		/* Packets come and go by its ports. */
		if (netif_is_l3_master(dev))
			return -EOPNOTSUPP;
		t = tables_of(s, sel->family);
		WRITE_ONCE(sel->node.key.ifindex, dev->ifindex);
		sel->of = dev;
		err = sel_insert(t, sel);
		if (err == -EEXIST) {
			err = sel_replace(t, sel);
			*removed = true;
		}
		if (err)
			return err;
		hlist_add_head(&sel->by_dev, devs_by_dev(s, dev));
	}
	return 0;
}

int mcsec_select_dev(struct mcsec_select *s, const struct net_device *dev,
		     bool gone)
{
	bool removed = false;
	struct hlist_node *next;
	struct mcsec_sel *sel;
	int err;

	if (!s->n_devs)
		return 0;
	/* First: if there is no memory for them the old name comes back, and
	 * what was entered under it must still be there.
	 */
	err = gone ? 0 : place_dev(s, dev, &removed);
	hlist_for_each_entry_safe(sel, next, devs_by_dev(s, dev), by_dev) {
		/* Not by index: one that is gone is told of again for as long
		 * as it is referred to, and another may have its index.
		 */
		if (err || sel->of != dev ||
		    (!gone && !strcmp(sel->dev, dev->name)))
			continue;
		hlist_del(&sel->by_dev);
		sel_remove(tables_of(s, sel->family), sel);
		removed = true;
	}
	/* Before a key changes that somebody may be looking at. */
	if (removed)
		synchronize_net();
	return err;
}

static int tables_init(struct mcsec_tables *t,
		       const struct rhashtable_params *params)
{
	int err;

	err = rhashtable_init(&t->sels, params);
	if (err)
		return err;
	err = rhashtable_init(&t->sas, params);
	if (err)
		goto err_sels;
	err = rhashtable_init(&t->addrs, params);
	if (err)
		goto err_sas;
	err = rhashtable_init(&t->parts, params);
	if (err)
		goto err_addrs;
	return 0;

err_addrs:
	rhashtable_destroy(&t->addrs);
err_sas:
	rhashtable_destroy(&t->sas);
err_sels:
	rhashtable_destroy(&t->sels);
	return err;
}

static void tables_exit(struct mcsec_tables *t)
{
	rhashtable_destroy(&t->parts);
	rhashtable_destroy(&t->addrs);
	rhashtable_destroy(&t->sas);
	rhashtable_destroy(&t->sels);
	/* One of unused shapes, when there was no memory for less. */
	kfree(mcsec_shapes_held(t->shapes));
	kfree(mcsec_shapes_held(t->prefixes));
}

int mcsec_select_init(struct mcsec_select *s, struct net *net)
{
	int err;

	s->net = net;
	err = tables_init(&s->v4, &mcsec_params4);
	if (err)
		return err;
	err = tables_init(&s->v6, &mcsec_params6);
	if (err)
		tables_exit(&s->v4);
	return err;
}

void mcsec_select_exit(struct mcsec_select *s)
{
	tables_exit(&s->v6);
	tables_exit(&s->v4);
	kvfree(s->devs);
}
