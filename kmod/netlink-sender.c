// SPDX-License-Identifier: GPL-2.0-only
#include "netlink.h"
#include "compat.h"

#include <linux/ctype.h>
#include <net/netlink.h>
#include <net/sock.h>

/**
 * struct sender_of - the object of a request about a sender
 * @sa: the SA
 * @sender: the sender, or NULL if it does not exist
 * @id: the Sender-ID
 */
struct sender_of {
	struct mcsec_sa *sa;
	struct mcsec_sender *sender;
	u32 id;
};

static int fill_sender(struct sk_buff *msg, const void *object)
{
	const struct sender_of *of = object;
	struct mcsec_sender *sender = of->sender;
	const char *name;
	u64 top, packets;

	spin_lock_bh(&sender->win.lock);
	top = sender->win.top;
	packets = sender->packets;
	spin_unlock_bh(&sender->win.lock);

	if (nla_put_string(msg, MCSEC_A_SENDER_GROUP, of->sa->name) ||
	    nla_put_be32(msg, MCSEC_A_SENDER_SPI, of->sa->spi) ||
	    nla_put_u32(msg, MCSEC_A_SENDER_SENDER_ID, sender->id) ||
	    nla_put_u64_64bit(msg, MCSEC_A_SENDER_COUNTER, top,
			      MCSEC_A_SENDER_PAD) ||
	    nla_put_u64_64bit(msg, MCSEC_A_SENDER_PACKETS, packets,
			      MCSEC_A_SENDER_PAD) ||
	    nla_put_u64_64bit(msg, MCSEC_A_SENDER_REPLAYS,
			      atomic64_read(&sender->replays),
			      MCSEC_A_SENDER_PAD))
		return -EMSGSIZE;
	name = mcsec_sender_name(&of->sa->senders, sender->id);
	return name ? nla_put_string(msg, MCSEC_A_SENDER_NAME, name) : 0;
}

/*
 * Find the object of a request. Returns 0, with of->sender NULL if the sender
 * does not exist, or -errno with extack set. The caller holds mnet->lock.
 */
static int find_sender(struct genl_info *info, struct mcsec_net *mnet,
		       struct sender_of *of)
{
	struct nlattr *name, *spi, *sid;
	struct mcsec_group *group;

	lockdep_assert_held(&mnet->lock);

	name = mcsec_nl_need(info, MCSEC_A_SENDER_GROUP, "group");
	if (!name)
		return -EINVAL;
	spi = mcsec_nl_need(info, MCSEC_A_SENDER_SPI, "spi");
	if (!spi)
		return -EINVAL;
	sid = mcsec_nl_need(info, MCSEC_A_SENDER_SENDER_ID, "sender-id");
	if (!sid)
		return -EINVAL;
	group = mcsec_nl_group(mnet, name, info->extack);
	if (!group)
		return -ENOENT;
	of->sa = mcsec_nl_sa(group, spi, info->extack);
	if (!of->sa)
		return -ENOENT;
	of->id = nla_get_u32(sid);
	of->sender = mcsec_sender_lookup(&of->sa->senders, of->id);
	return 0;
}

/* Find the object of a request for which the sender must exist. */
static int need_sender(struct genl_info *info, struct mcsec_net *mnet,
		       struct sender_of *of)
{
	int err = find_sender(info, mnet, of);

	if (err || of->sender)
		return err;
	NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[MCSEC_A_SENDER_SENDER_ID],
			    "the SA has no sender of this sender-id");
	return -ENOENT;
}

/* The name is shown on terminals, so it has printable ASCII only. */
static int check_sender_name(struct genl_info *info)
{
	struct nlattr *nla = info->attrs[MCSEC_A_SENDER_NAME];
	const char *p;

	if (!nla)
		return 0;
	for (p = nla_data(nla); *p; p++) {
		if (!isascii(*p) || !isprint(*p))
			return refuse_nla(info->extack, nla, -EINVAL,
					  "name must be printable ASCII");
	}
	return 0;
}

/* ---- sender-new, sender-set, sender-del ---- */

static int check_receiver(struct genl_info *info, const struct sender_of *of)
{
	const struct mcsec_sa *sa = of->sa;

	if (!(sa->dir & MCSEC_DIR_IN))
		return refuse(info, MCSEC_A_SENDER_SPI, -EINVAL,
			      "senders need an SA with dir in");
	if (sa->replay != MCSEC_REPLAY_IV)
		return refuse(info, MCSEC_A_SENDER_SPI, -EINVAL,
			      "senders need an SA with replay iv, which tells them apart");
	if (READ_ONCE(sa->state) == MCSEC_SA_STATE_EXPIRED)
		return refuse(info, MCSEC_A_SENDER_SPI, -EKEYEXPIRED,
			      "the SA has expired: add a new one");
	if ((u64)of->id >> (64 - sa->sid_shift))
		return refuse(info, MCSEC_A_SENDER_SENDER_ID, -ERANGE,
			      "sender-id must fit the sid-bits of the SA");
	return 0;
}

static int sender_new(struct genl_info *info, const struct sender_of *of)
{
	const struct nlattr *name = info->attrs[MCSEC_A_SENDER_NAME];
	int err;

	err = check_receiver(info, of);
	if (err)
		return err;
	err = mcsec_sender_announce(&of->sa->senders, of->id,
				    name ? nla_data(name) : NULL);
	switch (err) {
	case 0:
		return 0;
	case -EEXIST:
		return refuse(info, MCSEC_A_SENDER_SENDER_ID, err,
			      "the SA has a sender of this sender-id already");
	case -ENOSPC:
		return refuse(info, MCSEC_A_SENDER_SENDER_ID, err,
			      "the SA has max-senders senders already: delete one, or add an SA for more");
	case -EDQUOT:
		return refuse_nla(info->extack, NULL, err,
				  "too much memory in replay windows of this namespace, of its user's or of all unprivileged users': delete SAs");
	default:
		return refuse_nla(info->extack, NULL, err, "out of memory");
	}
}

int mcsec_nl_sender_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct mcsec_net *mnet = mcsec_net_of(genl_info_net(info));
	struct sender_of of = {};
	int err;

	err = check_sender_name(info);
	if (err)
		return err;
	mutex_lock(&mnet->lock);
	err = find_sender(info, mnet, &of) ?: sender_new(info, &of);
	mutex_unlock(&mnet->lock);
	return err;
}

int mcsec_nl_sender_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct mcsec_net *mnet = mcsec_net_of(genl_info_net(info));
	struct sender_of of = {};
	struct nlattr *name;
	int err;

	name = mcsec_nl_need(info, MCSEC_A_SENDER_NAME, "name");
	if (!name)
		return -EINVAL;
	err = check_sender_name(info);
	if (err)
		return err;
	mutex_lock(&mnet->lock);
	err = need_sender(info, mnet, &of);
	if (!err) {
		err = mcsec_sender_rename(&of.sa->senders, of.id,
					  nla_data(name));
		if (err)
			NL_SET_ERR_MSG(info->extack, "out of memory");
	}
	mutex_unlock(&mnet->lock);
	return err;
}

int mcsec_nl_sender_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct mcsec_net *mnet = mcsec_net_of(genl_info_net(info));
	struct sender_of of = {};
	int err;

	mutex_lock(&mnet->lock);
	err = need_sender(info, mnet, &of);
	if (!err)
		mcsec_sender_del(&of.sa->senders, of.sender);
	mutex_unlock(&mnet->lock);
	return err;
}

/* ---- sender-get ---- */

int mcsec_nl_sender_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct mcsec_net *mnet = mcsec_net_of(genl_info_net(info));
	struct sender_of of = {};
	int err;

	mutex_lock(&mnet->lock);
	err = need_sender(info, mnet, &of)
		      ?: mcsec_nl_reply(info, fill_sender, &of);
	mutex_unlock(&mnet->lock);
	return err;
}

static void dump_senders(struct sk_buff *skb, struct netlink_callback *cb,
			 struct sender_of *of)
{
	struct mcsec_senders *senders = &of->sa->senders;
	unsigned long id;

	xa_for_each_start(&senders->table, id, of->sender, cb->args[0]) {
		if (mcsec_sender_lookup(senders, id) &&
		    mcsec_nl_dump_one(skb, cb, MCSEC_CMD_SENDER_GET,
				      fill_sender, of))
			break;
		cb->args[0] = id + 1;
	}
}

int mcsec_nl_sender_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nlattr **attrs = mcsec_dump_attrs(cb);
	struct mcsec_net *mnet = mcsec_net_of(sock_net(skb->sk));
	struct mcsec_group *group;
	struct sender_of of = {};
	int err = -ENOENT;

	if (!attrs[MCSEC_A_SENDER_GROUP] || !attrs[MCSEC_A_SENDER_SPI])
		return refuse_nla(cb->extack, NULL, -EINVAL,
				  "missing attribute: group and spi name the SA whose senders to list");
	mutex_lock(&mnet->lock);
	group = mcsec_nl_group(mnet, attrs[MCSEC_A_SENDER_GROUP], cb->extack);
	if (group)
		of.sa = mcsec_nl_sa(group, attrs[MCSEC_A_SENDER_SPI],
				    cb->extack);
	if (of.sa) {
		dump_senders(skb, cb, &of);
		err = skb->len;
	}
	mutex_unlock(&mnet->lock);
	return err;
}
