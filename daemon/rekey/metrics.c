// SPDX-License-Identifier: Apache-2.0
#include "rekey/rekey.h"

struct rekey_drops {
	uint64_t by[REKEY_RC_MAX];
};

#define DROP(rc, name, help) \
	METRIC_OF(METRIC_COUNTER, struct rekey_drops, by[rc], name, help)

const struct metric rekey_metrics[] = {
	DROP(REKEY_SHORT, "short", "Shorter than its header says."),
	DROP(REKEY_NOT_REKEY, "not-rekey", "Not a GSA_REKEY."),
	DROP(REKEY_OTHER_SPI, "other-spi", "Of a Rekey SA that is not held."),
	DROP(REKEY_OLD, "old", "A Message ID that was seen, or a later one."),
	DROP(REKEY_ICV, "icv", "The ICV did not verify."),
	DROP(REKEY_SYNTAX, "syntax", "Payloads that make no sense."),
	DROP(REKEY_AUTH_ABSENT, "auth-absent",
	     "No signature where the policy has one."),
	DROP(REKEY_AUTH_PRESENT, "auth-present",
	     "A signature where the policy has none."),
	DROP(REKEY_AUTH_ALG, "auth-alg",
	     "Signed with another algorithm than the policy's."),
	DROP(REKEY_AUTH_BAD, "auth-bad", "The signature did not verify."),
	DROP(REKEY_CRITICAL, "critical",
	     "A critical payload of an unknown type."),
	DROP(REKEY_POLICY, "policy", "A policy that contradicts itself."),
	DROP(REKEY_UNSUPPORTED, "unsupported",
	     "A policy with what this member cannot do."),
	DROP(REKEY_RESOURCE, "resource", "No memory."),
	DROP(REKEY_FRAGMENT, "fragment",
	     "Fragments kept until the others come, or of no use."),
	{},
};

const char *rekey_rc_name(enum rekey_rc rc)
{
	const struct metric *m;

	for (m = rekey_metrics; m->name; m++)
		if (m->offset == offsetof(struct rekey_drops, by[rc]))
			return m->name;
	return rc == REKEY_OK ? "ok" : "unknown";
}
