// SPDX-License-Identifier: Apache-2.0
/* Lines of the audit trail about groups and their members. */
#include <string.h>

#include "gcks/gmc.h"
#include "lib/util.h"

/*
 * A change that an order causes may take joins and leaves with it, which are
 * not the administrator's doing.
 */
static bool by_order(const char *event)
{
	static const char *const events[] = {
		"order",  "order-refused", "evict",	   "admit",
		"rekey",  "reset",	   "policy",	   "signing-key",
		"reseal", "policy-signed", "order-signed", "order-confirmed",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(events); i++)
		if (!strcmp(events[i], event))
			return true;
	return false;
}

int gmc_audit(struct gcks *k, const char *group, const char *identity,
	      const char *event, const char *detail)
{
	struct store_audit a = {
		.time = clock_wall(k->deps.clock),
		.group = group,
		.identity = identity,
		.event = event,
		.detail = detail,
		.actor = by_order(event) ? k->actor : "",
	};

	return store_audit(k->deps.store, &a);
}
