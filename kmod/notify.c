// SPDX-License-Identifier: GPL-2.0-only
#include "notify.h"
#include "netlink-gen.h"

#include <net/genetlink.h>
#include <net/netlink.h>

/* Return NULL if there is no listener or no memory. */
static struct sk_buff *event_begin(struct net *net, u8 cmd, void **hdr)
{
	struct sk_buff *msg;

	if (!genl_has_listeners(&mcsec_nl_family, net, MCSEC_NLGRP_EVENTS))
		return NULL;
	msg = genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_ATOMIC);
	if (!msg)
		return NULL;
	*hdr = genlmsg_put(msg, 0, 0, &mcsec_nl_family, 0, cmd);
	if (!*hdr) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static void event_send(struct net *net, struct sk_buff *msg, void *hdr, int err)
{
	if (err) {
		nlmsg_free(msg);
		return;
	}
	genlmsg_end(msg, hdr);
	genlmsg_multicast_netns(&mcsec_nl_family, net, msg, 0,
				MCSEC_NLGRP_EVENTS, GFP_ATOMIC);
}

void mcsec_notify_acquire(struct net *net, const char *group, const void *dst,
			  unsigned int dst_len)
{
	struct sk_buff *msg;
	void *hdr;

	msg = event_begin(net, MCSEC_CMD_ACQUIRE, &hdr);
	if (msg)
		event_send(net, msg, hdr,
			   nla_put_string(msg, MCSEC_A_GROUP_NAME, group)
				   ?: nla_put(msg, MCSEC_A_GROUP_DST, dst_len,
					      dst));
}

void mcsec_notify_group_gone(struct net *net, const char *group,
			     const char *owner, const void *dst,
			     unsigned int dst_len)
{
	struct sk_buff *msg;
	void *hdr;

	msg = event_begin(net, MCSEC_CMD_GROUP_GONE, &hdr);
	if (msg)
		event_send(net, msg, hdr,
			   nla_put_string(msg, MCSEC_A_GROUP_NAME, group) ?:
			   nla_put(msg, MCSEC_A_GROUP_DST, dst_len, dst) ?:
			   nla_put_string(msg, MCSEC_A_GROUP_OWNER, owner));
}

void mcsec_notify_expire(struct net *net, u8 cmd, const char *group, __be32 spi,
			 u32 limit)
{
	struct sk_buff *msg;
	void *hdr;

	msg = event_begin(net, cmd, &hdr);
	if (msg)
		event_send(net, msg, hdr,
			   nla_put_string(msg, MCSEC_A_SA_GROUP, group) ?:
			   nla_put_be32(msg, MCSEC_A_SA_SPI, spi) ?:
			   nla_put_u32(msg, MCSEC_A_SA_LIMIT, limit));
}

void mcsec_notify_iv(struct net *net, const char *group, __be32 spi, u32 sid)
{
	struct sk_buff *msg;
	void *hdr;

	msg = event_begin(net, MCSEC_CMD_IV_EXHAUSTING, &hdr);
	if (msg)
		event_send(net, msg, hdr,
			   nla_put_string(msg, MCSEC_A_SA_GROUP, group) ?:
			   nla_put_be32(msg, MCSEC_A_SA_SPI, spi) ?:
			   nla_put_u32(msg, MCSEC_A_SA_SENDER_ID, sid));
}

void mcsec_notify_sender(struct net *net, const char *group, __be32 spi,
			 u32 sid)
{
	struct sk_buff *msg;
	void *hdr;

	msg = event_begin(net, MCSEC_CMD_NEW_SENDER, &hdr);
	if (msg)
		event_send(net, msg, hdr,
			   nla_put_string(msg, MCSEC_A_SENDER_GROUP, group) ?:
			   nla_put_be32(msg, MCSEC_A_SENDER_SPI, spi) ?:
			   nla_put_u32(msg, MCSEC_A_SENDER_SENDER_ID, sid));
}

void mcsec_notify_unknown(struct net *net, const char *group, __be32 spi)
{
	struct sk_buff *msg;
	void *hdr;

	msg = event_begin(net, MCSEC_CMD_UNKNOWN_SPI, &hdr);
	if (msg)
		event_send(net, msg, hdr,
			   nla_put_string(msg, MCSEC_A_SA_GROUP, group)
				   ?: nla_put_be32(msg, MCSEC_A_SA_SPI, spi));
}
