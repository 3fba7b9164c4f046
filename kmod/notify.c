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

void mcsec_notify_group(struct net *net, u8 cmd, const char *group,
			const void *dst, unsigned int dst_len,
			const char *owner)
{
	struct sk_buff *msg;
	void *hdr;
	int err;

	msg = event_begin(net, cmd, &hdr);
	if (!msg)
		return;
	err = nla_put_string(msg, MCSEC_A_GROUP_NAME, group)
		      ?: nla_put(msg, MCSEC_A_GROUP_DST, dst_len, dst);
	if (!err && owner)
		err = nla_put_string(msg, MCSEC_A_GROUP_OWNER, owner);
	event_send(net, msg, hdr, err);
}

void mcsec_notify_spi(struct net *net, u8 cmd, const char *group, __be32 spi,
		      int attr, u32 value)
{
	struct sk_buff *msg;
	void *hdr;
	int err;

	/* Only new-sender is about a sender; the others are about an SA. */
	static_assert((int)MCSEC_A_SA_GROUP == (int)MCSEC_A_SENDER_GROUP);
	static_assert((int)MCSEC_A_SA_SPI == (int)MCSEC_A_SENDER_SPI);

	msg = event_begin(net, cmd, &hdr);
	if (!msg)
		return;
	err = nla_put_string(msg, MCSEC_A_SA_GROUP, group)
		      ?: nla_put_be32(msg, MCSEC_A_SA_SPI, spi);
	if (!err && attr)
		err = nla_put_u32(msg, attr, value);
	event_send(net, msg, hdr, err);
}
