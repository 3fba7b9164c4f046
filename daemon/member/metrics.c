// SPDX-License-Identifier: Apache-2.0
#include "member/member.h"

#define AT(member) METRIC_AT(struct member_group_status, member)
#define SECONDS(member) METRIC_SECONDS(struct member_group_status, member)

const struct metric member_group_metrics[] = {
	{ "data-left", METRIC_GAUGE,
	  "Remaining lifetime of the newest Data SA in seconds.",
	  SECONDS(data_left) },
	{ "n-sas", METRIC_GAUGE, "Data SAs, including old ones.", AT(n_sas) },
	{ "atd", METRIC_GAUGE,
	  "Activation time delay in seconds, as last received.", SECONDS(atd) },
	{ "dtd", METRIC_GAUGE,
	  "Deactivation time delay in seconds, as last received.",
	  SECONDS(dtd) },
	{ "n-sender-ids", METRIC_GAUGE, "Sender-IDs of this member.",
	  AT(n_sender_ids) },
	{ "registrations", METRIC_COUNTER, "Registrations that succeeded.",
	  AT(registrations) },
	{ "refusals", METRIC_COUNTER,
	  "Registrations that the key server refused.", AT(refusals) },
	{ "rekeys", METRIC_COUNTER, "GSA_REKEY messages followed.",
	  AT(rekeys) },
	{ "inband-rekeys", METRIC_COUNTER, "GSA_INBAND_REKEYs followed.",
	  AT(inband_rekeys) },
	{ "too-old", METRIC_COUNTER,
	  "Authentic GSA_REKEY messages that were too old.", AT(old) },
	{ "rivals", METRIC_COUNTER, "Forged rekeys that were followed.",
	  AT(rivals) },
	{ "excluded", METRIC_COUNTER, "Exclusions by the key server.",
	  AT(excluded) },
	{ "kernel-errors", METRIC_COUNTER, "Requests that the kernel refused.",
	  AT(kernel_errors) },
	{ "state-errors", METRIC_COUNTER, "Refused state transitions.",
	  AT(state_errors) },
	{},
};

const struct metric member_key_metrics[] = {
	{ "rekey-left", METRIC_GAUGE,
	  "Remaining lifetime of the Rekey SA in seconds.",
	  SECONDS(rekey_left) },
	{},
};
