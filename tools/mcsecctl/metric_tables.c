// SPDX-License-Identifier: Apache-2.0
#include "metrics.h"

#include "gcks/gcks.h"
#include "ike/engine.h"
#include "kernel/kernel.h"
#include "member/member.h"
#include "rekey/rekey.h"
#include "relay/status.h"

const struct metric_table metric_tables[] = {
	{ "stats", kernel_metrics, "mcsec_module" },
	{ "gcks.groups", gcks_group_metrics, "mcsec_gcks" },
	{ "gcks.groups", gcks_key_metrics, "mcsec_gcks" },
	{ "member.groups", member_group_metrics, "mcsec_member" },
	{ "member.groups", member_key_metrics, "mcsec_member" },
	{ "member.rekey-drops", rekey_metrics, "mcsec_member_rekey_drops" },
	{ "member.edges", child_metrics, "mcsec_child" },
	{ "member.relay", relay_metrics, "mcsec_relay" },
	{ "gcks.ike", ike_metrics, "mcsec_gcks_ike" },
	{ "member.ike", ike_metrics, "mcsec_member_ike" },
	{},
};
