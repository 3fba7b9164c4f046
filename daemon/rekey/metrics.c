// SPDX-License-Identifier: Apache-2.0
#include "rekey/rekey.h"

struct rekey_drops {
	uint64_t by[REKEY_RC_MAX];
};

#define AT(rc) METRIC_AT(struct rekey_drops, by[rc])

const struct metric rekey_metrics[] = {
	{ "short", METRIC_COUNTER,
	  "No IKE header, or another length than it says.", AT(REKEY_SHORT) },
	{ "not-rekey", METRIC_COUNTER, "Not a GSA_REKEY.",
	  AT(REKEY_NOT_REKEY) },
	{ "other-spi", METRIC_COUNTER,
	  "The SPI is of no Rekey SA of this member.", AT(REKEY_OTHER_SPI) },
	{ "old", METRIC_COUNTER,
	  "The Message ID is not newer than the last one: mostly copies of a message that was taken.",
	  AT(REKEY_OLD) },
	{ "icv", METRIC_COUNTER, "The ICV did not verify.", AT(REKEY_ICV) },
	{ "syntax", METRIC_COUNTER, "Malformed payloads.", AT(REKEY_SYNTAX) },
	{ "auth-absent", METRIC_COUNTER,
	  "No signature where the policy has one.", AT(REKEY_AUTH_ABSENT) },
	{ "auth-present", METRIC_COUNTER,
	  "A signature where the policy has none.", AT(REKEY_AUTH_PRESENT) },
	{ "auth-alg", METRIC_COUNTER,
	  "Signed with another algorithm than the policy's.",
	  AT(REKEY_AUTH_ALG) },
	{ "auth-bad", METRIC_COUNTER, "The signature did not verify.",
	  AT(REKEY_AUTH_BAD) },
	{ "critical", METRIC_COUNTER, "A critical payload of an unknown type.",
	  AT(REKEY_CRITICAL) },
	{ "policy", METRIC_COUNTER, "A policy that contradicts itself.",
	  AT(REKEY_POLICY) },
	{ "unsupported", METRIC_COUNTER, "Unsupported algorithm in the policy.",
	  AT(REKEY_UNSUPPORTED) },
	{ "resource", METRIC_COUNTER, "No memory.", AT(REKEY_RESOURCE) },
	{ "fragment", METRIC_COUNTER,
	  "Fragments of incomplete messages, or useless ones.",
	  AT(REKEY_FRAGMENT) },
	{ "revoked", METRIC_COUNTER,
	  "The certificate of the key server is revoked.", AT(REKEY_REVOKED) },
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
