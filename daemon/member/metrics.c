// SPDX-License-Identifier: Apache-2.0
#include "member/member.h"

#define AT(member) METRIC_AT(struct member_group_status, member)

const struct metric member_group_metrics[] = {
	{ "data-left", METRIC_GAUGE,
	  "Seconds that the newest Data SA has to live.", AT(data_left) },
	{ "n-sas", METRIC_GAUGE, "Data SAs held, old ones too.", AT(n_sas) },
	{ "atd", METRIC_GAUGE,
	  "Activation time delay in seconds, as last received.", AT(atd) },
	{ "dtd", METRIC_GAUGE,
	  "Deactivation time delay in seconds, as last received.", AT(dtd) },
	{ "n-sender-ids", METRIC_GAUGE, "Sender-IDs held.", AT(n_sender_ids) },
	{ "registrations", METRIC_COUNTER, "Registrations that succeeded.",
	  AT(registrations) },
	{ "refusals", METRIC_COUNTER,
	  "Registrations that the key server refused.", AT(refusals) },
	{ "rekeys", METRIC_COUNTER, "GSA_REKEY messages followed.",
	  AT(rekeys) },
	{ "too-old", METRIC_COUNTER, "GSA_REKEY messages that came too late.",
	  AT(old) },
	{ "rivals", METRIC_COUNTER,
	  "Rekeys followed that the key server then denied.", AT(rivals) },
	{ "excluded", METRIC_COUNTER, "Times that the group was closed to us.",
	  AT(excluded) },
	{ "kernel-errors", METRIC_COUNTER, "Requests that the kernel refused.",
	  AT(kernel_errors) },
	{ "state-errors", METRIC_COUNTER,
	  "Moves that the state of the membership refused.", AT(state_errors) },
	{},
};

const struct metric member_key_metrics[] = {
	{ "rekey-left", METRIC_GAUGE, "Seconds that the Rekey SA has to live.",
	  AT(rekey_left) },
	{},
};
