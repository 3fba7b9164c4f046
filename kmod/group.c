// SPDX-License-Identifier: GPL-2.0-only
#include "group.h"
#include "notify.h"

#include <linux/hash.h>
#include <linux/jiffies.h>
#include <linux/netdevice.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>
#include <net/ipv6.h>

unsigned int mcsec_net_id __read_mostly;

/*
 * Every multicast packet of the namespace looks here: inlined they take a
 * third of the instructions that the general functions do.
 */
static __always_inline u32 mix(u32 key, u32 seed)
{
	/* Who may make groups picks the keys, so that a cheap hash will do.
	 * The table takes the low bits, which a product mixes least.
	 */
	u32 h = (key ^ seed) * GOLDEN_RATIO_32;

	return h ^ h >> 16;
}

static u32 hash4(const void *key, u32 len, u32 seed)
{
	return mix(*(const u32 *)key, seed);
}

static int differs4(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct mcsec_group *group = obj;

	return *(const u32 *)arg->key != *(const u32 *)&group->dst;
}

static u32 hash6(const void *key, u32 len, u32 seed)
{
	const struct in6_addr *addr = key;

	seed = mix((__force u32)addr->s6_addr32[0], seed);
	seed = mix((__force u32)addr->s6_addr32[1], seed);
	seed = mix((__force u32)addr->s6_addr32[2], seed);
	return mix((__force u32)addr->s6_addr32[3], seed);
}

static int differs6(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct mcsec_group *group = obj;

	return !ipv6_addr_equal(arg->key, &group->dst);
}

static const struct rhashtable_params params4 = {
	.head_offset = offsetof(struct mcsec_group, addr_node),
	.key_offset = offsetof(struct mcsec_group, dst),
	.key_len = sizeof(__be32),
	.hashfn = hash4,
	.obj_cmpfn = differs4,
	.automatic_shrinking = true,
};

static const struct rhashtable_params params6 = {
	.head_offset = offsetof(struct mcsec_group, addr_node),
	.key_offset = offsetof(struct mcsec_group, dst),
	.key_len = sizeof(struct in6_addr),
	.hashfn = hash6,
	.obj_cmpfn = differs6,
	.automatic_shrinking = true,
};

static const struct rhashtable_params params_name = {
	.head_offset = offsetof(struct mcsec_group, name_node),
	.key_offset = offsetof(struct mcsec_group, name),
	.key_len = MCSEC_NAME_MAX + 1,
	.automatic_shrinking = true,
};

struct mcsec_group *mcsec_group_find4(struct mcsec_net *mnet, __be32 dst)
{
	return rhashtable_lookup(&mnet->groups4, &dst, params4);
}

struct mcsec_group *mcsec_group_find6(struct mcsec_net *mnet,
				      const struct in6_addr *dst)
{
	return rhashtable_lookup(&mnet->groups6, dst, params6);
}

void mcsec_group_acquire(struct mcsec_group *group)
{
	unsigned long next = READ_ONCE(group->acquire_next);

	if (time_before(jiffies, next))
		return;
	/* Of several CPUs that come here at once, one tells. */
	if (cmpxchg(&group->acquire_next, next, jiffies + HZ) != next)
		return;
	mcsec_notify_acquire(group->mnet->net, group->name, &group->dst,
			     mcsec_group_dst_len(group));
}

struct mcsec_group *mcsec_group_by_name(struct mcsec_net *mnet,
					const char *name)
{
	char key[MCSEC_NAME_MAX + 1] = {};

	lockdep_assert_held(&mnet->lock);

	strscpy(key, name, sizeof(key));
	return rhashtable_lookup_fast(&mnet->by_name, key, params_name);
}

static void put(struct mcsec_group *group)
{
	struct mcsec_net *mnet = group->mnet;

	if (!refcount_dec_and_test(&group->refs))
		return;
	/* Packets may still look at it. */
	kfree_rcu(group, rcu);
	if (atomic_dec_and_test(&mnet->alive))
		wake_up_var(&mnet->alive);
}

int mcsec_group_new(struct mcsec_net *mnet, const char *name, const void *dst,
		    unsigned int dst_len, bool *name_taken)
{
	struct mcsec_group *group;
	int err;

	lockdep_assert_held(&mnet->lock);

	*name_taken = false;
	if (mnet->n_groups >= MCSEC_GROUPS_MAX)
		return -ENOSPC;
	group = kzalloc(sizeof(*group), GFP_KERNEL_ACCOUNT);
	if (!group)
		return -ENOMEM;
	strscpy(group->name, name, sizeof(group->name));
	memcpy(&group->dst, dst, dst_len);
	group->family = dst_len == 4 ? AF_INET : AF_INET6;
	group->mnet = mnet;
	group->stats = mnet->stats;
	group->acquire_next = jiffies;
	group->id = mnet->next_id;
	INIT_HLIST_HEAD(&group->sas);
	refcount_set(&group->refs, 1);

	err = xa_insert(&mnet->by_id, group->id, group, GFP_KERNEL_ACCOUNT);
	if (err) {
		/* Ids are not used again before 2^32 groups were made. */
		err = err == -EBUSY ? -ENOSPC : err;
		goto err_free;
	}
	err = rhashtable_lookup_insert_fast(&mnet->by_name, &group->name_node,
					    params_name);
	if (err) {
		*name_taken = err == -EEXIST;
		goto err_id;
	}
	/* Last: packets find it from here on. */
	if (group->family == AF_INET)
		err = rhashtable_lookup_insert_fast(&mnet->groups4,
						    &group->addr_node,
						    params4);
	else
		err = rhashtable_lookup_insert_fast(&mnet->groups6,
						    &group->addr_node,
						    params6);
	if (err)
		goto err_name;
	mnet->next_id++;
	mnet->n_groups++;
	atomic_inc(&mnet->alive);
	return 0;

err_name:
	rhashtable_remove_fast(&mnet->by_name, &group->name_node, params_name);
err_id:
	xa_erase(&mnet->by_id, group->id);
err_free:
	kfree(group);
	return err;
}

void mcsec_group_del(struct mcsec_group *group)
{
	struct mcsec_net *mnet = group->mnet;

	lockdep_assert_held(&mnet->lock);

	/* Before its SAs: as long as packets find the group they are either
	 * protected or dropped, and once they do not it has been deleted.
	 */
	if (group->family == AF_INET)
		rhashtable_remove_fast(&mnet->groups4, &group->addr_node,
				       params4);
	else
		rhashtable_remove_fast(&mnet->groups6, &group->addr_node,
				       params6);
	rhashtable_remove_fast(&mnet->by_name, &group->name_node, params_name);
	xa_erase(&mnet->by_id, group->id);
	mnet->n_groups--;
	mcsec_group_sa_flush(group);
	put(group);
}

struct mcsec_sa *mcsec_group_sa_new(struct mcsec_group *group,
				    const struct mcsec_sa_config *config)
{
	struct mcsec_sa *sa;

	lockdep_assert_held(&group->mnet->lock);

	if (mcsec_group_sa(group, config->spi))
		return ERR_PTR(-EEXIST);
	if (group->n_sas >= MCSEC_SAS_MAX)
		return ERR_PTR(-ENOSPC);
	refcount_inc(&group->refs);
	sa = mcsec_sa_create(config, group->mnet->net, group->name, group, put);
	if (IS_ERR(sa)) {
		put(group);
		return sa;
	}
	group->n_sas++;
	sa->serial = ++group->serial;
	hlist_add_head_rcu(&sa->node, &group->sas);
	return sa;
}

void mcsec_group_sa_del(struct mcsec_group *group, struct mcsec_sa *sa)
{
	lockdep_assert_held(&group->mnet->lock);

	if (rcu_access_pointer(group->out) == sa)
		RCU_INIT_POINTER(group->out, NULL);
	hlist_del_rcu(&sa->node);
	group->n_sas--;
	mcsec_sa_destroy(sa);
}

void mcsec_group_sa_flush(struct mcsec_group *group)
{
	struct hlist_node *next;
	struct mcsec_sa *sa;

	lockdep_assert_held(&group->mnet->lock);

	hlist_for_each_entry_safe(sa, next, &group->sas, node)
		mcsec_group_sa_del(group, sa);
}

void mcsec_group_select(struct mcsec_group *group, struct mcsec_sa *sa)
{
	lockdep_assert_held(&group->mnet->lock);

	rcu_assign_pointer(group->out, sa);
}

int mcsec_net_init(struct mcsec_net *mnet, struct net *net)
{
	int err;

	mnet->net = net;
	mutex_init(&mnet->lock);
	xa_init(&mnet->by_id);
	atomic_set(&mnet->alive, 0);
	atomic_long_set(&mnet->windows, 0);
	mnet->stats = alloc_percpu(struct mcsec_stats);
	if (!mnet->stats)
		return -ENOMEM;
	err = rhashtable_init(&mnet->groups4, &params4);
	if (err)
		goto err_stats;
	err = rhashtable_init(&mnet->groups6, &params6);
	if (err)
		goto err_groups4;
	err = rhashtable_init(&mnet->by_name, &params_name);
	if (err)
		goto err_groups6;
	return 0;

err_groups6:
	rhashtable_destroy(&mnet->groups6);
err_groups4:
	rhashtable_destroy(&mnet->groups4);
err_stats:
	free_percpu(mnet->stats);
	return err;
}

void mcsec_net_flush(struct mcsec_net *mnet)
{
	struct mcsec_group *group;
	unsigned long id;

	lockdep_assert_held(&mnet->lock);

	xa_for_each(&mnet->by_id, id, group)
		mcsec_group_del(group);
}

void mcsec_net_exit(struct mcsec_net *mnet)
{
	/* Packets that are still in a hook, which use groups and counters,
	 * then SAs, which tell and count until they are freed.
	 */
	if (mnet->next_id)
		synchronize_net();
	wait_var_event(&mnet->alive, !atomic_read(&mnet->alive));
	rhashtable_destroy(&mnet->by_name);
	rhashtable_destroy(&mnet->groups6);
	rhashtable_destroy(&mnet->groups4);
	xa_destroy(&mnet->by_id);
	free_percpu(mnet->stats);
}
