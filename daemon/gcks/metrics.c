// SPDX-License-Identifier: Apache-2.0
#include "gcks/gcks.h"

#define COUNTER(member, name, help) \
	METRIC_OF(METRIC_COUNTER, struct gcks_group_status, member, name, help)
#define GAUGE(member, name, help) \
	METRIC_OF(METRIC_GAUGE, struct gcks_group_status, member, name, help)

const struct metric gcks_group_metrics[] = {
	GAUGE(members, "members", "Members of the group."),
	GAUGE(senders, "senders", "Members that may send."),
	GAUGE(denied, "denied", "Identities that were evicted."),
	GAUGE(pending, "pending", "Joins and leaves that wait for a rekey."),
	GAUGE(tree_depth, "tree-depth", "Levels of the key tree."),
	GAUGE(next_sender_id, "next-sender-id",
	      "The Sender-ID that is given next."),
	GAUGE(max_sender_id, "max-sender-id",
	      "The last Sender-ID that the current keys allow."),
	GAUGE(outbox, "outbox",
	      "Messages with copies that are still to be sent."),
	GAUGE(unconfirmed, "waiting-for-senders",
	      "Senders that have not confirmed the current keys."),
	COUNTER(rekeys, "rekeys", "GSA_REKEY messages made, beats aside."),
	COUNTER(joins, "joins", "Members let in."),
	COUNTER(registrations, "registrations",
		"Registrations of who was a member already."),
	COUNTER(leaves, "leaves", "Members that left."),
	COUNTER(evictions, "evictions", "Members put out."),
	COUNTER(expired, "expired", "Memberships that were not renewed."),
	COUNTER(rivals, "rivals",
		"Reports of rekeys that are not this key server's."),
	COUNTER(refused, "refused", "Registrations refused."),
	COUNTER(restarts, "restarts", "Times that all members were put out."),
	COUNTER(store_errors, "store-errors",
		"Changes that the store did not take."),
	COUNTER(beats, "beats", "Beats made."),
	COUNTER(unsent, "unsent", "Copies that could not be sent."),
	{},
};

const struct metric gcks_key_metrics[] = {
	GAUGE(data_left, "data-left", "Seconds that the Data SA has to live."),
	GAUGE(rekey_left, "rekey-left",
	      "Seconds that the Rekey SA has to live."),
	GAUGE(next_rekey, "next-rekey", "Seconds to the next periodic rekey."),
	{},
};
