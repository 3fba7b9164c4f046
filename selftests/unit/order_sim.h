/* SPDX-License-Identifier: Apache-2.0 */
/* Orders for the key server of quorum_sim.h. */
#ifndef ORDER_SIM_H
#define ORDER_SIM_H

#include "quorum_sim.h"

static inline const char *order_text(const char *order,
				     unsigned long long number,
				     const char *identity, int64_t until_s,
				     const char *more)
{
	static char text[512];

	snprintf(text, sizeof(text),
		 "{\"mcsec-order\":1," KEY_SERVER
		 "\"group\":\"video\",\"number\":%llu,"
		 "\"order\":\"%s\",\"identity\":\"%s\",\"until\":%lld%s}",
		 number, order, identity,
		 (long long)(s.wall0 + (int64_t)(s.ms / 1000) + until_s), more);
	return text;
}

#endif
