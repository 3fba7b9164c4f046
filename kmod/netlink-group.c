// SPDX-License-Identifier: GPL-2.0-only
#include "netlink.h"
#include "flows.h"
#include "header.h"
#include "hooks.h"

#include <linux/ctype.h>
#include <linux/in.h>
#include <net/ipv6.h>
#include <net/lwtunnel.h>
#include <net/netlink.h>
#include <net/sock.h>

static int check_name(const struct nlattr *nla, struct netlink_ext_ack *extack)
{
	const char *c = nla_data(nla);

	if (!*c)
		return refuse_nla(extack, nla, -EINVAL,
				  "a name must not be empty");
	for (; *c; c++) {
		if (!isascii(*c) || !isgraph(*c))
			return refuse_nla(extack, nla, -EINVAL,
					  "a name must be printable ASCII without spaces");
	}
	return 0;
}

/* ---- the selector ---- */

static int parse_dst(struct genl_info *info, struct mcsec_selector *sel)
{
	const struct nlattr *nla = info->attrs[MCSEC_A_GROUP_DST];
	bool multicast;

	switch (nla_len(nla)) {
	case sizeof(struct in_addr):
		sel->family = AF_INET;
		multicast = ipv4_is_multicast(nla_get_in_addr(nla));
		break;
	case sizeof(struct in6_addr):
		if (!IS_ENABLED(CONFIG_IPV6))
			return refuse(info, MCSEC_A_GROUP_DST, -EAFNOSUPPORT,
				      "dst is IPv6, but this kernel is built without IPv6");
		sel->family = AF_INET6;
		multicast = ipv6_addr_is_multicast(nla_data(nla));
		break;
	default:
		return refuse(info, MCSEC_A_GROUP_DST, -EINVAL,
			      "dst must be 4 octets (IPv4) or 16 octets (IPv6) long");
	}
	if (!multicast)
		return refuse(info, MCSEC_A_GROUP_DST, -EINVAL,
			      "dst must be a multicast address");
	memcpy(&sel->dst, nla_data(nla), nla_len(nla));
	return 0;
}

/* Return true if a bit from @len on is set. */
static bool has_more_bits(const struct in6_addr *addr, unsigned int len)
{
	struct in6_addr prefix;

	ipv6_addr_prefix(&prefix, addr, len);
	return !ipv6_addr_equal(&prefix, addr);
}

static int parse_lens(struct genl_info *info, struct mcsec_selector *sel)
{
	const struct nlattr *dst_len = info->attrs[MCSEC_A_GROUP_DST_LEN];
	const struct nlattr *src_len = info->attrs[MCSEC_A_GROUP_SRC_LEN];
	const struct nlattr *src = info->attrs[MCSEC_A_GROUP_SRC];
	unsigned int bits = sel->family == AF_INET ? 32 : 128;
	unsigned int least = sel->family == AF_INET ? 4 : 8;

	sel->dst_len = dst_len ? nla_get_u8(dst_len) : bits;
	if (sel->dst_len > bits)
		return refuse(info, MCSEC_A_GROUP_DST_LEN, -ERANGE,
			      "dst-len must be at most 32 (IPv4) or 128 (IPv6)");
	/* A shorter prefix would select addresses that are not multicast. */
	if (sel->dst_len < least)
		return refuse(info, MCSEC_A_GROUP_DST_LEN, -ERANGE,
			      "dst-len must be at least 4 (IPv4) or 8 (IPv6): a shorter prefix has unicast addresses");
	if (has_more_bits(&sel->dst, sel->dst_len))
		return refuse(info, MCSEC_A_GROUP_DST, -EINVAL,
			      "dst must have no bits set beyond dst-len");
	if (!src) {
		if (src_len)
			return refuse(info, MCSEC_A_GROUP_SRC_LEN, -EINVAL,
				      "src-len needs src");
		return 0;
	}
	if (nla_len(src) * 8 != bits)
		return refuse(info, MCSEC_A_GROUP_SRC, -EINVAL,
			      "src and dst must be of the same address family");
	memcpy(&sel->src, nla_data(src), nla_len(src));
	sel->src_len = src_len ? nla_get_u8(src_len) : bits;
	if (!sel->src_len || sel->src_len > bits)
		return refuse(info, MCSEC_A_GROUP_SRC_LEN, -ERANGE,
			      "src-len must be from 1 to 32 (IPv4) or 128 (IPv6): leave src out for any source");
	if (has_more_bits(&sel->src, sel->src_len))
		return refuse(info, MCSEC_A_GROUP_SRC, -EINVAL,
			      "src must have no bits set beyond src-len");
	return 0;
}

static int parse_port(struct genl_info *info, int attr, u8 proto, u16 *port)
{
	if (!info->attrs[attr])
		return 0;
	if (!mcsec_has_ports(proto))
		return refuse(info, attr, -EINVAL,
			      "a port needs a proto that has ports: TCP, UDP, DCCP, SCTP or UDP-Lite");
	*port = ntohs(nla_get_be16(info->attrs[attr]));
	if (!*port)
		return refuse(info, attr, -ERANGE,
			      "a port must not be 0: leave it out for any port");
	return 0;
}

/* Parse a mark and its mask. *@bits stays 0 without them. */
static int parse_mark(struct genl_info *info, int mark, int mask, u32 *value,
		      u32 *bits)
{
	const struct nlattr *nla = info->attrs[mask];

	if (!info->attrs[mark]) {
		if (nla)
			return refuse(info, mask, -EINVAL,
				      "a mark's mask needs the mark");
		return 0;
	}
	*value = nla_get_u32(info->attrs[mark]);
	*bits = nla ? nla_get_u32(nla) : U32_MAX;
	if (!*bits)
		return refuse(info, mask, -EINVAL,
			      "a mark's mask must not be 0: leave the mark out instead");
	if (*value & ~*bits)
		return refuse(info, mark, -EINVAL,
			      "a mark must have no bits set outside its mask");
	return 0;
}

static int parse_payload(struct genl_info *info, struct mcsec_selector *sel)
{
	const struct nlattr *proto = info->attrs[MCSEC_A_GROUP_PROTO];
	int err;

	if (proto) {
		sel->proto = nla_get_u8(proto);
		if (!sel->proto || sel->proto == IPPROTO_ESP)
			return refuse(info, MCSEC_A_GROUP_PROTO, -EINVAL,
				      "proto must not be 0 or 50 (ESP): leave it out for any payload");
	}
	err = parse_mark(info, MCSEC_A_GROUP_MARK, MCSEC_A_GROUP_MARK_MASK,
			 &sel->mark, &sel->mask);
	if (err)
		return err;
	return parse_port(info, MCSEC_A_GROUP_SPORT, sel->proto, &sel->sport)
		       ?: parse_port(info, MCSEC_A_GROUP_DPORT, sel->proto,
				     &sel->dport);
}

static int parse_devs(struct genl_info *info, struct mcsec_selector *sel,
		      char (*devs)[IFNAMSIZ])
{
	const struct nlattr *nla;
	unsigned int i;
	int rem;

	sel->devs = devs;
	nlmsg_for_each_attr(nla, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(nla) != MCSEC_A_GROUP_DEV)
			continue;
		if (sel->n_devs == MCSEC_DEVS_MAX)
			return refuse_nla(info->extack, nla, -E2BIG,
					  "a group has at most 64 interfaces");
		if (nla_strscpy(devs[sel->n_devs], nla, IFNAMSIZ) < 0 ||
		    !dev_valid_name(devs[sel->n_devs]))
			return refuse_nla(info->extack, nla, -EINVAL,
					  "dev must be an interface name: 1 to 15 characters, no slash, colon or space");
		for (i = 0; i < sel->n_devs; i++) {
			if (!strcmp(devs[i], devs[sel->n_devs]))
				return refuse_nla(info->extack, nla, -EINVAL,
						  "dev must name each interface once");
		}
		sel->n_devs++;
	}
	return 0;
}

/*
 * Parse group-new into @config. The strings in it are the request's, and sel.devs is
 * @devs, which has room for MCSEC_DEVS_MAX names.
 */
static int parse_group(struct genl_info *info,
		       struct mcsec_group_config *config,
		       char (*devs)[IFNAMSIZ])
{
	struct mcsec_selector *sel = &config->sel;
	struct nlattr *name;
	int err;

	name = mcsec_nl_need(info, MCSEC_A_GROUP_NAME, "name");
	if (!name || !mcsec_nl_need(info, MCSEC_A_GROUP_DST, "dst"))
		return -EINVAL;
	err = check_name(name, info->extack);
	if (err)
		return err;
	config->name = nla_data(name);
	if (info->attrs[MCSEC_A_GROUP_OWNER]) {
		err = check_name(info->attrs[MCSEC_A_GROUP_OWNER],
				 info->extack);
		if (err)
			return err;
		config->owner = nla_data(info->attrs[MCSEC_A_GROUP_OWNER]);
		config->portid = info->snd_portid;
	}
	config->forward = info->attrs[MCSEC_A_GROUP_FORWARD];
	err = parse_mark(info, MCSEC_A_GROUP_IN_MARK,
			 MCSEC_A_GROUP_IN_MARK_MASK, &config->in_mark,
			 &config->in_mark_mask);
	if (err)
		return err;
	if (info->attrs[MCSEC_A_GROUP_POLICY])
		config->policy = nla_get_u32(info->attrs[MCSEC_A_GROUP_POLICY]);
	return parse_dst(info, sel) ?: parse_lens(info, sel) ?:
	       parse_payload(info, sel) ?: parse_devs(info, sel, devs);
}

/* ---- requests ---- */

static int group_new(struct genl_info *info, struct mcsec_net *mnet,
		     const struct mcsec_group_config *config)
{
	int err;

	lockdep_assert_held(&mnet->lock);

	if (mcsec_group_readopt(mnet, config))
		return 0;
	if (mcsec_group_by_name(mnet, config->name))
		return refuse(info, MCSEC_A_GROUP_NAME, -EEXIST,
			      "a group of this name exists");
	err = mcsec_net_prepare(mnet);
	if (err)
		return refuse_nla(info->extack, NULL, err, "out of memory");
	/* Packets see the group only when the hooks are registered. */
	err = mcsec_hooks_register(mnet);
	if (err == -EBUSY)
		return refuse_nla(info->extack, NULL, err,
				  "the module is being unloaded");
	if (err)
		return refuse_nla(info->extack, NULL, err,
				  "the netfilter hooks cannot be registered");
	err = mcsec_group_new(mnet, config);
	if (!err)
		return 0;
	mcsec_hooks_unregister(mnet);
	switch (err) {
	case -EEXIST:
		if (config->sel.src_len || config->sel.proto ||
		    config->sel.mask || config->sel.n_devs)
			return refuse(info, MCSEC_A_GROUP_DST, err,
				      "another group selects the same datagrams: change a selector of one");
		return refuse(info, MCSEC_A_GROUP_DST, err,
			      "another group has this address: add a source, payload, mark or interface to one");
	case -E2BIG:
		return refuse(info, MCSEC_A_GROUP_DST, err,
			      "a dst has at most 512 groups, counted per interface: each datagram is compared with all of them");
	case -EMLINK:
		return refuse(info, MCSEC_A_GROUP_DST_LEN, -E2BIG,
			      "groups have at most 15 different dst-len besides full addresses, as each costs a lookup");
	case -ENOTUNIQ:
		return refuse(info, MCSEC_A_GROUP_DEV, -EINVAL,
			      "dev is an alternative name of an interface: give its primary name");
	case -EOPNOTSUPP:
		return refuse(info, MCSEC_A_GROUP_DEV, err,
			      "dev is a VRF: name its ports, which packets pass through");
	case -ENOSPC:
		return refuse_nla(info->extack, NULL, err,
				  "a network namespace has at most 65536 groups at a time");
	case -ENOMEM:
		return refuse_nla(info->extack, NULL, err, "out of memory");
	default:
		return refuse_nla(info->extack, NULL, err,
				  "the group cannot be made");
	}
}

/*
 * Return true if packets of routes with encap seg6 pass no hooks, without
 * net.netfilter.nf_hooks_lwtunnel. There need not be such a route, and it may
 * come later.
 */
static bool routes_hide(void)
{
#if defined(CONFIG_LWTUNNEL) && defined(CONFIG_IPV6_SEG6_LWTUNNEL)
	return !static_key_enabled(&nf_hooks_lwtunnel_enabled);
#else
	return false;
#endif
}

/* Warn of ways past the hooks. The group is made nevertheless. */
static void warn_of_bypass(struct genl_info *info, bool forward)
{
	const char *why = mcsec_flows_bypass(genl_info_net(info));

	/* Each text is a string literal, which extack requires. */
	if (why && info->extack)
		info->extack->_msg = why;
	else if (forward && routes_hide())
		NL_SET_ERR_MSG(info->extack,
			       "if a route of this gateway has encap seg6, ICMP errors of hosts inside leave by it in the clear: set net.netfilter.nf_hooks_lwtunnel to 1 first");
}

int mcsec_nl_group_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct mcsec_net *mnet = mcsec_net_of(genl_info_net(info));
	struct mcsec_group_config config = {};
	char(*devs)[IFNAMSIZ];
	int err;

	devs = kcalloc(MCSEC_DEVS_MAX, sizeof(*devs), GFP_KERNEL);
	if (!devs)
		return refuse_nla(info->extack, NULL, -ENOMEM, "out of memory");
	err = parse_group(info, &config, devs);
	if (!err) {
		mutex_lock(&mnet->lock);
		err = group_new(info, mnet, &config);
		mutex_unlock(&mnet->lock);
	}
	kfree(devs);
	if (err)
		return err;
	mcsec_flows_forget(genl_info_net(info), &config.sel);
	warn_of_bypass(info, config.forward);
	return 0;
}

/* Return true if the requester may delete the group, or weaken its policy. */
static bool may_change(const struct genl_info *info,
		       const struct mcsec_group *group)
{
	if (!*group->owner || group->portid == info->snd_portid ||
	    info->attrs[MCSEC_A_GROUP_FORCE])
		return true;
	return refuse_nla(info->extack, NULL, false,
			  "another program owns the group: change it there, or take it over with --force");
}

static void delete_group(const struct genl_info *info,
			 struct mcsec_group *group)
{
	struct mcsec_net *mnet = group->mnet;

	if (*group->owner && group->portid &&
	    group->portid != info->snd_portid) {
		mcsec_group_orphan(group);
		NL_SET_ERR_MSG(info->extack,
			       "the group's SAs are deleted; its datagrams are dropped until the owner, which is notified, makes it again");
		return;
	}
	mcsec_group_del(group);
	mcsec_hooks_unregister(mnet);
}

/* Call @act for the group that the request names. */
static int act_on_named(struct genl_info *info,
			int (*act)(struct genl_info *info,
				   struct mcsec_group *group))
{
	if (!mcsec_nl_need(info, MCSEC_A_GROUP_NAME, "name"))
		return -EINVAL;
	return mcsec_nl_act_on_group(info, act);
}

static int group_set(struct genl_info *info, struct mcsec_group *group)
{
	u32 policy = nla_get_u32(info->attrs[MCSEC_A_GROUP_POLICY]);

	if (policy != MCSEC_POLICY_ENFORCE && !may_change(info, group))
		return -EPERM;
	mcsec_group_set_policy(group, policy);
	return 0;
}

int mcsec_nl_group_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	if (!mcsec_nl_need(info, MCSEC_A_GROUP_NAME, "name") ||
	    !mcsec_nl_need(info, MCSEC_A_GROUP_POLICY, "policy"))
		return -EINVAL;
	return mcsec_nl_act_on_group(info, group_set);
}

static int group_del(struct genl_info *info, struct mcsec_group *group)
{
	if (!may_change(info, group))
		return -EPERM;
	delete_group(info, group);
	return 0;
}

int mcsec_nl_group_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	return act_on_named(info, group_del);
}

int mcsec_nl_group_flush_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct mcsec_net *mnet = mcsec_net_of(genl_info_net(info));
	struct mcsec_group *group;
	unsigned long id;
	u32 end;
	int err = 0;

	mutex_lock(&mnet->lock);
	end = mnet->next_id;
	xa_for_each(&mnet->by_id, id, group) {
		if (may_change(info, group))
			continue;
		err = -EPERM;
		break;
	}
	mutex_unlock(&mnet->lock);
	/* The lock is released in between, because other requests wait for it.
	 * Groups that are made meanwhile stay.
	 */
	for (id = 0; !err; id++) {
		mutex_lock(&mnet->lock);
		group = xa_find(&mnet->by_id, &id, ULONG_MAX, XA_PRESENT);
		if (group && group->id < end)
			delete_group(info, group);
		else
			err = 1;
		mutex_unlock(&mnet->lock);
		cond_resched();
	}
	return min(err, 0);
}

static int fill_selector(struct sk_buff *msg, const struct mcsec_group *group)
{
	const struct mcsec_selector *sel = &group->sel;
	unsigned int len = mcsec_group_addr_len(group), i;

	if (nla_put(msg, MCSEC_A_GROUP_DST, len, &sel->dst) ||
	    nla_put_u8(msg, MCSEC_A_GROUP_DST_LEN, sel->dst_len))
		return -EMSGSIZE;
	if (sel->src_len &&
	    (nla_put(msg, MCSEC_A_GROUP_SRC, len, &sel->src) ||
	     nla_put_u8(msg, MCSEC_A_GROUP_SRC_LEN, sel->src_len)))
		return -EMSGSIZE;
	if ((sel->proto && nla_put_u8(msg, MCSEC_A_GROUP_PROTO, sel->proto)) ||
	    (sel->sport &&
	     nla_put_be16(msg, MCSEC_A_GROUP_SPORT, htons(sel->sport))) ||
	    (sel->dport &&
	     nla_put_be16(msg, MCSEC_A_GROUP_DPORT, htons(sel->dport))))
		return -EMSGSIZE;
	if (sel->mask && (nla_put_u32(msg, MCSEC_A_GROUP_MARK, sel->mark) ||
			  nla_put_u32(msg, MCSEC_A_GROUP_MARK_MASK, sel->mask)))
		return -EMSGSIZE;
	for (i = 0; i < sel->n_devs; i++)
		if (nla_put_string(msg, MCSEC_A_GROUP_DEV,
				   group->devs[i]->name))
			return -EMSGSIZE;
	return 0;
}

static int put_group_u64(struct sk_buff *msg, int attr, const atomic64_t *value)
{
	return nla_put_u64_64bit(msg, attr, atomic64_read(value),
				 MCSEC_A_GROUP_PAD);
}

static int fill_group(struct sk_buff *msg, const void *object)
{
	const struct mcsec_group *group = object;
	struct mcsec_sa *out;

	out = rcu_dereference_protected(group->out,
					lockdep_is_held(&group->mnet->lock));
	if (nla_put_string(msg, MCSEC_A_GROUP_NAME, group->name) ||
	    fill_selector(msg, group) ||
	    nla_put_u32(msg, MCSEC_A_GROUP_POLICY, group->policy) ||
	    (*group->owner &&
	     nla_put_string(msg, MCSEC_A_GROUP_OWNER, group->owner)) ||
	    (group->forward && nla_put_flag(msg, MCSEC_A_GROUP_FORWARD)) ||
	    (group->in_mark_mask &&
	     (nla_put_u32(msg, MCSEC_A_GROUP_IN_MARK, group->in_mark) ||
	      nla_put_u32(msg, MCSEC_A_GROUP_IN_MARK_MASK,
			  group->in_mark_mask))) ||
	    (out && nla_put_be32(msg, MCSEC_A_GROUP_OUT_SPI, out->spi)) ||
	    nla_put_u32(msg, MCSEC_A_GROUP_SAS, group->n_sas) ||
	    put_group_u64(msg, MCSEC_A_GROUP_OUT_DROPS, &group->out_drops) ||
	    put_group_u64(msg, MCSEC_A_GROUP_IN_DROPS, &group->in_drops) ||
	    put_group_u64(msg, MCSEC_A_GROUP_OBSERVED, &group->observed))
		return -EMSGSIZE;
	return 0;
}

static int group_get(struct genl_info *info, struct mcsec_group *group)
{
	return mcsec_nl_reply(info, fill_group, group);
}

int mcsec_nl_group_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return act_on_named(info, group_get);
}

/*
 * A dump continues behind the last id that was dumped. Ids only grow, so a
 * group that exists during the whole dump is shown exactly once.
 */
int mcsec_nl_group_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct mcsec_net *mnet = mcsec_net_of(sock_net(skb->sk));
	struct mcsec_group *group;
	unsigned long id = cb->args[0];

	mutex_lock(&mnet->lock);
	xa_for_each_start(&mnet->by_id, id, group, cb->args[0]) {
		if (mcsec_nl_dump_one(skb, cb, MCSEC_CMD_GROUP_GET, fill_group,
				      group))
			break;
		cb->args[0] = id + 1;
	}
	mutex_unlock(&mnet->lock);
	return skb->len;
}
