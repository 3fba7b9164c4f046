// SPDX-License-Identifier: Apache-2.0
/* Grants that the key server gives to this host (daemon/app/edge_grants.c). */
#include "app/edges.h"
#include "tap.h"

static struct grant grant_for(const char *name)
{
	struct grant g = { .group = "video", .issued = 1000, .expires = 1600 };

	id_set(&g.member, IKE_ID_FQDN, name, strlen(name));
	return g;
}

static void test_fault(void)
{
	struct grant g = grant_for("a.example"), other = grant_for("b.example");

	ok(!edge_grant_fault(&g, "video", &g.member, 1000),
	   "a grant of now is good");
	ok(!edge_grant_fault(&g, "video", &g.member, 1599),
	   "a grant is good until its last second");
	ok(!edge_grant_fault(&g, "video", &g.member, 900),
	   "a clock that is behind does no harm");
	is_str(edge_grant_fault(&g, "audio", &g.member, 1000),
	       "it is not this host's", "a grant for another group");
	is_str(edge_grant_fault(&other, "video", &g.member, 1000),
	       "it is not this host's", "a grant of another identity");
	is_str(edge_grant_fault(&g, "video", &g.member, 1600),
	       "it has expired by this host's clock, which is ahead of the key server's",
	       "a clock that is ahead is named");
}

int main(void)
{
	RUN(test_fault);
	return done();
}
