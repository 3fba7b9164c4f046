// SPDX-License-Identifier: Apache-2.0
#include "member/member.h"

#define COUNTER(member, name, help) \
	METRIC_OF(METRIC_COUNTER, struct member_group_status, member, name, \
		  help)
#define GAUGE(member, name, help) \
	METRIC_OF(METRIC_GAUGE, struct member_group_status, member, name, help)

const struct metric member_group_metrics[] = {
	GAUGE(data_left, "data-left",
	      "Seconds that the newest Data SA has to live."),
	GAUGE(n_sas, "n-sas", "Data SAs held, old ones too."),
	GAUGE(atd, "atd",
	      "Activation time delay in seconds, as last received."),
	GAUGE(dtd, "dtd",
	      "Deactivation time delay in seconds, as last received."),
	GAUGE(n_sender_ids, "n-sender-ids", "Sender-IDs held."),
	COUNTER(registrations, "registrations",
		"Registrations that succeeded."),
	COUNTER(refusals, "refusals",
		"Registrations that the key server refused."),
	COUNTER(rekeys, "rekeys", "GSA_REKEY messages followed."),
	COUNTER(old, "too-old", "GSA_REKEY messages that came too late."),
	COUNTER(rivals, "rivals",
		"Rekeys followed that the key server then denied."),
	COUNTER(excluded, "excluded", "Times that the group was closed to us."),
	COUNTER(kernel_errors, "kernel-errors",
		"Requests that the kernel refused."),
	COUNTER(state_errors, "state-errors",
		"Moves that the state of the membership refused."),
	{},
};

const struct metric member_key_metrics[] = {
	GAUGE(rekey_left, "rekey-left",
	      "Seconds that the Rekey SA has to live."),
	{},
};
