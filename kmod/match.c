// SPDX-License-Identifier: GPL-2.0-only
#include <linux/export.h>

#include "match.h"
#include "group.h"
#include "verified.h"

bool mcsec_match(const struct net *net, const struct sk_buff *skb, u8 family,
		 const char *name, u32 *sender)
{
	const struct mcsec_verified *slot = mcsec_verified_slot(skb);
	const struct mcsec_group *group;

	if (family == AF_INET ? !mcsec_is_verified4(skb)
			      : !mcsec_is_verified6(skb))
		return false;
	if (sender)
		*sender = slot->sender;
	if (!name)
		return true;
	/* The id is compared, because a group that was deleted and made again
	 * is another group.
	 */
	group = mcsec_group_by_name_rcu(mcsec_net_of(net), name);
	return group && group->id == slot->group;
}
EXPORT_SYMBOL_GPL(mcsec_match);
