// SPDX-License-Identifier: Apache-2.0
#include "lib/metric.h"
#include "relay/status.h"

#define AT(member) METRIC_AT(struct parent_stats, member)

const struct metric relay_metrics[] = {
	{ "children", METRIC_GAUGE, "Edges to children.", AT(edges) },
	{ "requests", METRIC_COUNTER, "Requests of children for edges.",
	  AT(requests) },
	{ "beats", METRIC_COUNTER, "Beats of children.", AT(beats) },
	{ "challenged", METRIC_COUNTER,
	  "Requests that were answered with a cookie.", AT(challenged) },
	{ "granted", METRIC_COUNTER, "Edges that were granted.", AT(granted) },
	{ "moved", METRIC_COUNTER, "Edges whose address has changed.",
	  AT(moved) },
	{ "redirected", METRIC_COUNTER,
	  "Children that were sent to other relays.", AT(redirected) },
	{ "refused", METRIC_COUNTER, "Requests that were refused.",
	  AT(refused) },
	{ "busy", METRIC_COUNTER,
	  "Requests that were refused because the child asks too often.",
	  AT(busy) },
	{ "not-entitled", METRIC_COUNTER,
	  "Requests that were refused without a valid grant.",
	  AT(not_entitled) },
	{ "signatures", METRIC_COUNTER, "Signatures that were verified.",
	  AT(verified) },
	{ "dropped-grants", METRIC_COUNTER,
	  "Grants of members below that could not be used.",
	  AT(dropped_grants) },
	{ "expired", METRIC_COUNTER, "Edges of children that were silent.",
	  AT(expired) },
	{},
};

#undef AT
#define AT(member) METRIC_AT(struct child_stats, member)

const struct metric child_metrics[] = {
	{ "requests", METRIC_COUNTER, "Requests for an edge.", AT(requests) },
	{ "beats", METRIC_COUNTER, "Beats to relays.", AT(beats) },
	{ "challenged", METRIC_COUNTER,
	  "Requests that were sent again with the cookie of a relay.",
	  AT(challenged) },
	{ "granted", METRIC_COUNTER, "Edges that relays have granted.",
	  AT(granted) },
	{ "changes", METRIC_COUNTER,
	  "Changes to another relay while the former edge was there.",
	  AT(changes) },
	{ "silent", METRIC_COUNTER, "Relays that were given up as silent.",
	  AT(silent) },
	{ "redirected", METRIC_COUNTER, "Redirections to other relays.",
	  AT(redirected) },
	{ "refused", METRIC_COUNTER, "Refusals of relays.", AT(refused) },
	{ "failed", METRIC_COUNTER,
	  "Relays that did not answer, or whose edge could not be used.",
	  AT(failed) },
	{},
};
