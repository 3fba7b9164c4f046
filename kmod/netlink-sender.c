// SPDX-License-Identifier: GPL-2.0-only
#include "netlink.h"
#include "compat.h"

#include <linux/ctype.h>
#include <net/netlink.h>
#include <net/sock.h>

/* The object that a message about a sender is filled from. */
struct sender_of {
	struct mcsec_sa *sa;
	struct mcsec_sender *sender;
};

static int fill_sender(struct sk_buff *msg, const void *object)
{
	const struct sender_of *of = object;
	struct mcsec_sender *sender = of->sender;
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
	return sender->name
		       ? nla_put_string(msg, MCSEC_A_SENDER_NAME, sender->name)
		       : 0;
}

/*
 * Return the sender that the request names, or an ERR_PTR with extack set. The
 * caller holds mnet->lock.
 */
static struct mcsec_sender *find_sender(struct genl_info *info,
					struct mcsec_sa *sa)
{
	struct nlattr *sid =
		mcsec_nl_need(info, MCSEC_A_SENDER_SENDER_ID, "sender-id");
	struct mcsec_sender *sender;

	if (!sid)
		return ERR_PTR(-EINVAL);
	sender = mcsec_sender_lookup(&sa->senders, nla_get_u32(sid));
	if (sender)
		return sender;
	NL_SET_ERR_MSG_ATTR(info->extack, sid,
			    "the SA has no sender of this sender-id");
	return ERR_PTR(-ENOENT);
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

static int check_receiver(struct genl_info *info, const struct mcsec_sa *sa,
			  u32 id)
{
	if (!(sa->dir & MCSEC_DIR_IN))
		return refuse(info, MCSEC_A_SENDER_SPI, -EINVAL,
			      "senders need an SA with dir in");
	if (sa->replay != MCSEC_REPLAY_IV)
		return refuse(info, MCSEC_A_SENDER_SPI, -EINVAL,
			      "senders need an SA with replay iv, which tells them apart");
	if (READ_ONCE(sa->state) == MCSEC_SA_STATE_EXPIRED)
		return refuse(info, MCSEC_A_SENDER_SPI, -EKEYEXPIRED,
			      "the SA has expired: add a new one");
	if (id >> (64 - sa->sid_shift))
		return refuse(info, MCSEC_A_SENDER_SENDER_ID, -ERANGE,
			      "sender-id must fit the sid-bits of the SA");
	return 0;
}

static int sender_new(struct genl_info *info, struct mcsec_sa *sa)
{
	const struct nlattr *name = info->attrs[MCSEC_A_SENDER_NAME];
	const struct nlattr *sid =
		mcsec_nl_need(info, MCSEC_A_SENDER_SENDER_ID, "sender-id");
	int err;

	err = sid ? check_receiver(info, sa, nla_get_u32(sid)) : -EINVAL;
	if (err)
		return err;
	err = mcsec_sender_announce(&sa->senders, nla_get_u32(sid),
				    name ? nla_data(name) : NULL);
	switch (err) {
	case 0:
		return 0;
	case -EEXIST:
		return refuse(info, MCSEC_A_SENDER_SENDER_ID, err,
			      "the SA has a sender of this sender-id already");
	case -ENOSPC:
		return refuse(info, MCSEC_A_SENDER_SENDER_ID, err,
			      "the SA has windows for max-senders senders, and deleted ones keep theirs: add an SA with more");
	case -EDQUOT:
		return refuse_nla(info->extack, NULL, err,
				  "too much memory in replay windows of this namespace, of its user, or of all unprivileged users together: delete SAs");
	default:
		return refuse_nla(info->extack, NULL, err, "out of memory");
	}
}

int mcsec_nl_sender_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	return check_sender_name(info) ?: mcsec_nl_act_on_sa(info, sender_new);
}

static int sender_set(struct genl_info *info, struct mcsec_sa *sa)
{
	struct mcsec_sender *sender = find_sender(info, sa);
	int err;

	if (IS_ERR(sender))
		return PTR_ERR(sender);
	err = mcsec_sender_rename(sender,
				  nla_data(info->attrs[MCSEC_A_SENDER_NAME]));
	if (err)
		NL_SET_ERR_MSG(info->extack, "out of memory");
	return err;
}

int mcsec_nl_sender_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	if (!mcsec_nl_need(info, MCSEC_A_SENDER_NAME, "name"))
		return -EINVAL;
	return check_sender_name(info) ?: mcsec_nl_act_on_sa(info, sender_set);
}

static int sender_del(struct genl_info *info, struct mcsec_sa *sa)
{
	struct mcsec_sender *sender = find_sender(info, sa);

	if (IS_ERR(sender))
		return PTR_ERR(sender);
	mcsec_sender_del(sender);
	return 0;
}

int mcsec_nl_sender_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	return mcsec_nl_act_on_sa(info, sender_del);
}

/* ---- sender-get ---- */

static int sender_get(struct genl_info *info, struct mcsec_sa *sa)
{
	struct sender_of of = { sa, find_sender(info, sa) };

	return PTR_ERR_OR_ZERO(of.sender)
		       ?: mcsec_nl_reply(info, fill_sender, &of);
}

int mcsec_nl_sender_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return mcsec_nl_act_on_sa(info, sender_get);
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
	struct sender_of of;
	int err = -ENOENT;

	if (!attrs[MCSEC_A_SENDER_GROUP] || !attrs[MCSEC_A_SENDER_SPI])
		return refuse_nla(cb->extack, NULL, -EINVAL,
				  "missing attribute: group and spi name the SA whose senders to list");
	mutex_lock(&mnet->lock);
	of.sa = mcsec_nl_sa(mnet, attrs, cb->extack);
	if (of.sa) {
		dump_senders(skb, cb, &of);
		err = skb->len;
	}
	mutex_unlock(&mnet->lock);
	return err;
}
