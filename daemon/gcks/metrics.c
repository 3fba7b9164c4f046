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
	{ "next-sender-id", METRIC_GAUGE, "The Sender-ID that is given next.",
	  AT(next_sender_id) },
	{ "max-sender-id", METRIC_GAUGE,
	  "The last Sender-ID that the current keys allow.",
	  AT(max_sender_id) },
	{ "outbox", METRIC_GAUGE,
	  "Messages with copies that are still to be sent.", AT(outbox) },
	{ "waiting-for-senders", METRIC_GAUGE,
	  "Senders that have not confirmed the current keys.",
	  AT(unconfirmed) },
	{ "rekeys", METRIC_COUNTER, "GSA_REKEY messages made, beats aside.",
	  AT(rekeys) },
	{ "joins", METRIC_COUNTER, "Members let in.", AT(joins) },
	{ "registrations", METRIC_COUNTER,
	  "Registrations of who was a member already.", AT(registrations) },
	{ "leaves", METRIC_COUNTER, "Members that left.", AT(leaves) },
	{ "evictions", METRIC_COUNTER, "Members put out.", AT(evictions) },
	{ "expired", METRIC_COUNTER, "Memberships that were not renewed.",
	  AT(expired) },
	{ "rivals", METRIC_COUNTER,
	  "Reports of rekeys that are not this key server's.", AT(rivals) },
	{ "refused", METRIC_COUNTER, "Registrations refused.", AT(refused) },
	{ "restarts", METRIC_COUNTER, "Times that all members were put out.",
	  AT(restarts) },
	{ "store-errors", METRIC_COUNTER,
	  "Changes that the store did not take.", AT(store_errors) },
	{ "beats", METRIC_COUNTER, "Beats made.", AT(beats) },
	{ "unsent", METRIC_COUNTER, "Copies that could not be sent.",
	  AT(unsent) },
	{},
};

const struct metric gcks_key_metrics[] = {
	{ "data-left", METRIC_GAUGE, "Seconds that the Data SA has to live.",
	  AT(data_left) },
	{ "rekey-left", METRIC_GAUGE, "Seconds that the Rekey SA has to live.",
	  AT(rekey_left) },
	{ "next-rekey", METRIC_GAUGE, "Seconds to the next periodic rekey.",
	  AT(next_rekey) },
	{},
};
