// SPDX-License-Identifier: GPL-2.0-only
#include "group.h"
#include "insert.h"
#include "notify.h"
#include "trace.h"

#include <linux/in.h>
#include <linux/jhash.h>
#include <linux/jiffies.h>
#include <linux/netdevice.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>
#include <net/ipv6.h>

unsigned int mcsec_net_id __read_mostly;

static const struct rhashtable_params params_name = {
	.head_offset = offsetof(struct mcsec_group, name_node),
	.key_offset = offsetof(struct mcsec_group, name),
	.key_len = MCSEC_NAME_MAX + 1,
	.automatic_shrinking = true,
};

static void count_drop(struct mcsec_group *group, atomic64_t *drops,
		       enum mcsec_counter why, __be32 spi, int sid)
{
	mcsec_count(group->stats, why);
	atomic64_inc(drops);
	trace_mcsec_drop(group->name, mcsec_counter_name(why), ntohl(spi), sid);
}

void mcsec_drop_out(struct mcsec_group *group, enum mcsec_counter why,
		    __be32 spi, int sid)
{
	count_drop(group, &group->out_drops, why, spi, sid);
}

void mcsec_drop_in(struct mcsec_group *group, enum mcsec_counter why,
		   __be32 spi, int sid)
{
	count_drop(group, &group->in_drops, why, spi, sid);
}

void mcsec_drop_ungrouped(struct mcsec_net *mnet, enum mcsec_counter why,
			  __be32 spi, int sid)
{
	mcsec_count(mnet->stats, why);
	trace_mcsec_drop("", mcsec_counter_name(why), ntohl(spi), sid);
}

void mcsec_opaque_observed(struct mcsec_net *mnet,
			   const struct mcsec_opaque *opaque,
			   enum mcsec_counter as)
{
	mcsec_count(mnet->stats, as);
	if (opaque->group)
		atomic64_inc(&opaque->group->observed);
}

void mcsec_opaque_drop_out(struct mcsec_net *mnet,
			   const struct mcsec_opaque *opaque,
			   enum mcsec_counter why)
{
	if (opaque->group)
		mcsec_drop_out(opaque->group, why, 0, -1);
	else
		mcsec_drop_ungrouped(mnet, why, 0, -1);
}

void mcsec_opaque_drop_in(struct mcsec_net *mnet,
			  const struct mcsec_opaque *opaque,
			  enum mcsec_counter why, __be32 spi)
{
	if (opaque->group)
		mcsec_drop_in(opaque->group, why, spi, -1);
	else
		mcsec_drop_ungrouped(mnet, why, spi, -1);
}

void mcsec_group_acquire(struct mcsec_group *group)
{
	unsigned long next = READ_ONCE(group->acquire_next);

	if (time_before(jiffies, next))
		return;
	/* One of the CPUs that arrive here at the same time notifies. */
	if (cmpxchg(&group->acquire_next, next, jiffies + HZ) != next)
		return;
	mcsec_notify_group(group->mnet->net, MCSEC_CMD_ACQUIRE, group->name,
			   &group->sel.dst, mcsec_group_addr_len(group), NULL);
}

/*
 * Return the bucket of @source. The seed changes each second, so that nobody can
 * choose the bucket of an address.
 */
static unsigned int source_bucket(const struct mcsec_group *group,
				  const struct in6_addr *source)
{
	return jhash2((const u32 *)source, sizeof(*source) / sizeof(u32),
		      READ_ONCE(group->unknown_seed)) %
	       MCSEC_UNKNOWN_PER_SECOND;
}

void mcsec_group_unknown(struct mcsec_group *group,
			 const struct in6_addr *source, __be32 spi)
{
	unsigned long next = READ_ONCE(group->unknown_next);

	if (!time_before(jiffies, next)) {
		if (cmpxchg(&group->unknown_next, next, jiffies + HZ) == next) {
			WRITE_ONCE(group->unknown_seed, get_random_u32());
			WRITE_ONCE(group->unknown_notified, 0);
			WRITE_ONCE(group->unknown_spi, 0);
		}
	}
	/* One stream with an unknown SPI must not use up the notifications of
	 * others, and neither must one source with many of them.
	 */
	if (READ_ONCE(group->unknown_spi) == spi ||
	    test_and_set_bit(source_bucket(group, source),
			     &group->unknown_notified))
		return;
	WRITE_ONCE(group->unknown_spi, spi);
	mcsec_notify_spi(group->mnet->net, MCSEC_CMD_UNKNOWN_SPI, group->name,
			 spi, 0, 0);
}

struct mcsec_group *mcsec_group_by_name_rcu(struct mcsec_net *mnet,
					    const char *name)
{
	char key[MCSEC_NAME_MAX + 1] = {};

	/* Pairs with mcsec_net_prepare(). */
	if (!smp_load_acquire(&mnet->ready))
		return NULL;
	strscpy(key, name, sizeof(key));
	return rhashtable_lookup_fast(&mnet->by_name, key, params_name);
}

struct mcsec_group *mcsec_group_by_name(struct mcsec_net *mnet,
					const char *name)
{
	lockdep_assert_held(&mnet->lock);

	return mcsec_group_by_name_rcu(mnet, name);
}

static void group_put(struct mcsec_group *group)
{
	struct mcsec_net *mnet = group->mnet;

	if (!refcount_dec_and_test(&group->refs))
		return;
	mcsec_select_put(mnet->select, &group->candidate);
	/* Packets may still use the group. */
	kfree_rcu(group, rcu);
	if (atomic_dec_and_test(&mnet->alive))
		wake_up_var(&mnet->alive);
}

/*
 * Return true if IGMP and MLD stay in the clear, because routers and snooping
 * switches must read them. They do not if they are what the group protects: if
 * the selector names the protocol, or an address of link-local scope, which
 * hosts do not report.
 */
static bool is_exempt(const struct mcsec_selector *sel)
{
	if (sel->proto)
		return false;
	if (sel->family == AF_INET)
		return sel->dst_len < 24 ||
		       !ipv4_is_local_multicast(sel->dst.s6_addr32[0]);
	return sel->dst_len < 16 ||
	       IPV6_ADDR_MC_SCOPE(&sel->dst) != IPV6_ADDR_SCOPE_LINKLOCAL;
}

static struct mcsec_group *group_alloc(struct mcsec_net *mnet,
				       const struct mcsec_group_config *config)
{
	struct mcsec_group *group;

	group = kzalloc(struct_size(group, devs, config->sel.n_devs),
			GFP_KERNEL_ACCOUNT);
	if (!group)
		return NULL;
	strscpy(group->name, config->name, sizeof(group->name));
	group->sel = config->sel;
	group->policy = config->policy;
	if (config->owner) {
		strscpy(group->owner, config->owner, sizeof(group->owner));
		group->portid = config->portid;
	}
	group->forward = config->forward;
	group->in_mark = config->in_mark;
	group->in_mark_mask = config->in_mark_mask;
	group->exempt = is_exempt(&config->sel);
	group->mnet = mnet;
	group->stats = mnet->stats;
	group->acquire_next = jiffies;
	group->unknown_next = jiffies;
	group->id = mnet->next_id;
	INIT_HLIST_HEAD(&group->sas);
	INIT_LIST_HEAD(&group->edges);
	refcount_set(&group->refs, 1);
	group->candidate.group = group;
	group->candidate.sel = &group->sel;
	group->candidate.observes = group->policy == MCSEC_POLICY_OBSERVE;
	group->candidate.hosts = !group->forward;
	group->candidate.devs = group->devs;
	return group;
}

int mcsec_group_new(struct mcsec_net *mnet,
		    const struct mcsec_group_config *config)
{
	struct mcsec_group *group;
	unsigned int tries = 0;
	int err;

	lockdep_assert_held(&mnet->lock);

	if (mnet->n_groups >= MCSEC_GROUPS_MAX)
		return -ENOSPC;
	group = group_alloc(mnet, config);
	if (!group)
		return -ENOMEM;
	err = xa_insert(&mnet->by_id, group->id, group, GFP_KERNEL_ACCOUNT);
	if (err) {
		/* The ids have wrapped around to one that is in use. */
		err = err == -EBUSY ? -ENOSPC : err;
		goto err_free;
	}
	do {
		err = rhashtable_lookup_insert_fast(&mnet->by_name,
						    &group->name_node,
						    params_name);
	} while (mcsec_insert_again(&err, &tries));
	if (err)
		goto err_id;
	/* Packets find the group after this step, so it comes last. */
	err = mcsec_select_add(mnet->select, &group->candidate);
	/* The caller owns that array; the group has its names in group->devs. */
	group->sel.devs = NULL;
	if (err)
		goto err_name;
	mnet->next_id++;
	mnet->n_groups++;
	WRITE_ONCE(mnet->in_marks, mnet->in_marks | group->in_mark_mask);
	atomic_inc(&mnet->alive);
	return 0;

err_name:
	rhashtable_remove_fast(&mnet->by_name, &group->name_node, params_name);
err_id:
	xa_erase(&mnet->by_id, group->id);
err_free:
	/* A rule may have found the name. */
	kfree_rcu(group, rcu);
	return err;
}

void mcsec_group_del(struct mcsec_group *group)
{
	struct mcsec_net *mnet = group->mnet;

	lockdep_assert_held(&mnet->lock);

	/* The selector is removed before the SAs: while packets find the group
	 * they are protected or dropped, and when they no longer find it the
	 * group is deleted.
	 */
	mcsec_select_del(mnet->select, &group->candidate);
	rhashtable_remove_fast(&mnet->by_name, &group->name_node, params_name);
	xa_erase(&mnet->by_id, group->id);
	if (!--mnet->n_groups)
		WRITE_ONCE(mnet->in_marks, 0);
	if (group->flush_edges)
		group->flush_edges(group);
	mcsec_group_sa_flush(group);
	group_put(group);
}

/* Return true if both select by the same interfaces, in whatever order. */
static bool has_same_devs(const struct mcsec_group *group,
			  const struct mcsec_selector *sel)
{
	unsigned int i, j;

	if (group->sel.n_devs != sel->n_devs)
		return false;
	for (i = 0; i < sel->n_devs; i++) {
		for (j = 0; j < sel->n_devs; j++)
			if (!strcmp(group->devs[i]->name, sel->devs[j]))
				break;
		if (j == sel->n_devs)
			return false;
	}
	return true;
}

bool mcsec_group_readopt(struct mcsec_net *mnet,
			 const struct mcsec_group_config *config)
{
	struct mcsec_group *group = mcsec_group_by_name(mnet, config->name);
	struct mcsec_selector sel = config->sel;

	if (!group || !config->owner || strcmp(group->owner, config->owner) ||
	    (group->portid && group->portid != config->portid))
		return false;
	WRITE_ONCE(group->portid, config->portid);
	/* The structs are alike in all octets but this pointer, which is the
	 * request's.
	 */
	sel.devs = NULL;
	if (!group->orphaned || !has_same_devs(group, &config->sel) ||
	    group->forward != config->forward ||
	    group->in_mark != config->in_mark ||
	    group->in_mark_mask != config->in_mark_mask ||
	    memcmp(&group->sel, &sel, sizeof(sel)))
		return false;
	group->orphaned = false;
	mcsec_group_set_policy(group, config->policy);
	return true;
}

void mcsec_group_orphan(struct mcsec_group *group)
{
	lockdep_assert_held(&group->mnet->lock);

	mcsec_group_sa_flush(group);
	mcsec_group_set_policy(group, MCSEC_POLICY_ENFORCE);
	group->orphaned = true;
	mcsec_notify_group(group->mnet->net, MCSEC_CMD_GROUP_GONE, group->name,
			   &group->sel.dst, mcsec_group_addr_len(group),
			   group->owner);
}

void mcsec_net_portid_closed(struct mcsec_net *mnet, u32 portid)
{
	struct mcsec_group *group;
	unsigned long id;

	rcu_read_lock();
	xa_for_each(&mnet->by_id, id, group)
		cmpxchg(&group->portid, portid, 0);
	rcu_read_unlock();
}

void mcsec_group_set_policy(struct mcsec_group *group, u32 policy)
{
	lockdep_assert_held(&group->mnet->lock);

	WRITE_ONCE(group->policy, policy);
	WRITE_ONCE(group->candidate.observes, policy == MCSEC_POLICY_OBSERVE);
}

struct mcsec_sa *mcsec_group_sa(struct mcsec_group *group, __be32 spi)
{
	struct mcsec_sa *sa;

	lockdep_assert_held(&group->mnet->lock);

	hlist_for_each_entry(sa, &group->sas, node)
		if (sa->spi == spi)
			return sa;
	return NULL;
}

struct mcsec_sa *mcsec_group_sa_new(struct mcsec_group *group,
				    struct mcsec_sa_config *config)
{
	struct mcsec_sa *sa;
	int err;

	lockdep_assert_held(&group->mnet->lock);

	if (group->n_sas >= MCSEC_SAS_MAX)
		return ERR_PTR(-ENOSPC);
	refcount_inc(&group->refs);
	sa = mcsec_sa_create(config, group->mnet->net, group->name, group,
			     group_put);
	if (IS_ERR(sa)) {
		group_put(group);
		return sa;
	}
	err = mcsec_select_sa_add(group->mnet->select, &group->candidate,
				  &sa->node_spi, config->spi);
	if (err) {
		mcsec_sa_destroy(sa);
		return ERR_PTR(err);
	}
	group->n_sas++;
	sa->serial = ++group->serial;
	hlist_add_head(&sa->node, &group->sas);
	return sa;
}

void mcsec_group_sa_del(struct mcsec_group *group, struct mcsec_sa *sa)
{
	lockdep_assert_held(&group->mnet->lock);

	if (rcu_access_pointer(group->out) == sa)
		RCU_INIT_POINTER(group->out, NULL);
	mcsec_select_sa_del(group->mnet->select, &sa->node_spi);
	hlist_del(&sa->node);
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

void mcsec_group_sa_set_dir(struct mcsec_group *group, struct mcsec_sa *sa,
			    u32 dir)
{
	lockdep_assert_held(&group->mnet->lock);

	if (!(dir & MCSEC_DIR_OUT) && rcu_access_pointer(group->out) == sa)
		RCU_INIT_POINTER(group->out, NULL);
	WRITE_ONCE(sa->dir, dir);
}

void mcsec_group_select(struct mcsec_group *group, struct mcsec_sa *sa)
{
	lockdep_assert_held(&group->mnet->lock);

	rcu_assign_pointer(group->out, sa);
}

/*
 * All namespaces with the module. The kernel's own list lacks those that are
 * being deleted, which may take seconds in which their keys still exist.
 */
static LIST_HEAD(nets);
static DEFINE_MUTEX(nets_lock);

void mcsec_net_init(struct mcsec_net *mnet, struct net *net)
{
	mnet->net = net;
	mutex_init(&mnet->lock);
	xa_init(&mnet->by_id);
	INIT_LIST_HEAD(&mnet->ports);
	atomic_set(&mnet->alive, 0);
	mcsec_windows_init(&mnet->windows, net->user_ns);
	mutex_lock(&nets_lock);
	list_add_tail(&mnet->node, &nets);
	mutex_unlock(&nets_lock);
}

int mcsec_net_prepare(struct mcsec_net *mnet)
{
	int err;

	lockdep_assert_held(&mnet->lock);

	if (mnet->ready)
		return 0;
	mnet->stats = alloc_percpu_gfp(struct mcsec_stats, GFP_KERNEL_ACCOUNT);
	if (!mnet->stats)
		return -ENOMEM;
	mnet->select = mcsec_select_create(mnet->net);
	if (!mnet->select) {
		err = -ENOMEM;
		goto err_stats;
	}
	err = rhashtable_init(&mnet->by_name, &params_name);
	if (err)
		goto err_select;
	/* Pairs with the acquire in mcsec_group_by_name_rcu(): rules look names
	 * up without the lock.
	 */
	smp_store_release(&mnet->ready, true);
	/* Pairs with the barrier in dev_event(): no group looks an interface up
	 * before @ready is visible.
	 */
	smp_mb();
	return 0;

err_select:
	mcsec_select_destroy(mnet->select);
	mnet->select = NULL;
err_stats:
	free_percpu(mnet->stats);
	mnet->stats = NULL;
	return err;
}

static void end_sas(struct mcsec_net *mnet, bool wipe)
{
	struct mcsec_group *group;
	struct mcsec_sa *sa;
	unsigned long id;

	mutex_lock(&mnet->lock);
	xa_for_each(&mnet->by_id, id, group)
		hlist_for_each_entry(sa, &group->sas, node)
			mcsec_sa_end(sa, wipe);
	mutex_unlock(&mnet->lock);
}

void mcsec_nets_end_sas(bool wipe)
{
	struct mcsec_net *mnet;

	mutex_lock(&nets_lock);
	list_for_each_entry(mnet, &nets, node)
		end_sas(mnet, wipe);
	mutex_unlock(&nets_lock);
}

void mcsec_net_flush(struct mcsec_net *mnet)
{
	struct mcsec_group *group;
	unsigned long id;

	/* Nobody else deletes a group, so it stays until the lock is taken. */
	xa_for_each(&mnet->by_id, id, group) {
		mutex_lock(&mnet->lock);
		mcsec_group_del(group);
		mutex_unlock(&mnet->lock);
		cond_resched();
	}
}

void mcsec_net_exit(struct mcsec_net *mnet)
{
	mutex_lock(&nets_lock);
	list_del(&mnet->node);
	mutex_unlock(&nets_lock);
	/* SAs send notifications and count packets until they are freed, and
	 * ports have sockets of the namespace.
	 */
	wait_var_event(&mnet->alive, !atomic_read(&mnet->alive));
	xa_destroy(&mnet->by_id);
	if (!mnet->ready)
		return;
	rhashtable_destroy(&mnet->by_name);
	mcsec_select_destroy(mnet->select);
	free_percpu(mnet->stats);
}
