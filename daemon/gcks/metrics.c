// SPDX-License-Identifier: Apache-2.0
#include "gcks/gcks.h"

#define AT(member) METRIC_AT(struct gcks_group_status, member)

const struct metric gcks_group_metrics[] = {
	{ "members", METRIC_GAUGE, "Members of the group.", AT(members) },
	{ "senders", METRIC_GAUGE, "Members that may send.", AT(senders) },
	{ "denied", METRIC_GAUGE, "Identities that were evicted.", AT(denied) },
	{ "pending", METRIC_GAUGE, "Joins and leaves that wait for a rekey.",
	  AT(pending) },
	{ "tree-depth", METRIC_GAUGE, "Levels of the key tree.",
	  AT(tree_depth) },
	{ "next-sender-id", METRIC_GAUGE,
	  "The Sender-ID that is assigned next.", AT(next_sender_id) },
	{ "max-sender-id", METRIC_GAUGE,
	  "The last Sender-ID that the current keys allow.",
	  AT(max_sender_id) },
	{ "outbox", METRIC_GAUGE,
	  "Messages with copies that have not been sent yet.", AT(outbox) },
	{ "waiting-for-senders", METRIC_GAUGE,
	  "Senders that have not confirmed the current keys.",
	  AT(unconfirmed) },
	{ "rekeys", METRIC_COUNTER, "GSA_REKEY messages built, without beats.",
	  AT(rekeys) },
	{ "joins", METRIC_COUNTER, "Members admitted.", AT(joins) },
	{ "registrations", METRIC_COUNTER, "Repeated registrations of members.",
	  AT(registrations) },
	{ "leaves", METRIC_COUNTER, "Members that left.", AT(leaves) },
	{ "evictions", METRIC_COUNTER, "Members evicted.", AT(evictions) },
	{ "expired", METRIC_COUNTER, "Memberships that have ended.",
	  AT(expired) },
	{ "rivals", METRIC_COUNTER, "Reports of forged rekeys by members.",
	  AT(rivals) },
	{ "refused", METRIC_COUNTER, "Registrations refused.", AT(refused) },
	{ "restarts", METRIC_COUNTER, "Group resets.", AT(restarts) },
	{ "store-errors", METRIC_COUNTER, "Changes that the store has refused.",
	  AT(store_errors) },
	{ "beats", METRIC_COUNTER, "Beats built.", AT(beats) },
	{ "unsent", METRIC_COUNTER, "Copies that could not be sent.",
	  AT(unsent) },
	{},
};

const struct metric gcks_key_metrics[] = {
	{ "data-left", METRIC_GAUGE,
	  "Remaining lifetime of the Data SA in seconds.", AT(data_left) },
	{ "rekey-left", METRIC_GAUGE,
	  "Remaining lifetime of the Rekey SA in seconds.", AT(rekey_left) },
	{ "next-rekey", METRIC_GAUGE, "Seconds until the next periodic rekey.",
	  AT(next_rekey) },
	{},
};
