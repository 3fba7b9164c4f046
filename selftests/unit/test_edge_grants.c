// SPDX-License-Identifier: Apache-2.0
/* Grants that the key server gives to this host (daemon/app/edge_grants.c). */
#include <stdlib.h>
#include <string.h>

#include "app/edges.h"
#include "ike/sa.h"
#include "ike_pair.h"
#include "lib/clock.h"
#include "member/mgroup.h"
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

static unsigned int closed;

static void note_end(void *ctx, struct ike_sa *sa, const char *reason)
{
	(void)ctx;
	(void)sa;
	(void)reason;
	closed++;
}

/* The request for a grant is one more than an IKE SA may have, and ends it. */
static void test_end_while_asked(void)
{
	static struct member member;
	static struct app app = { .member = &member };
	static struct edges edges = { .app = &app };
	struct egroup *group = calloc(1, sizeof(*group));
	uint64_t serial;

	pair_setup(NULL, NULL);
	member.sa = node_join(m, g, GCKS, false);
	net_run(&net);
	if (!group || !member.sa || !ike_sa_is_up(member.sa))
		bail("no IKE SA");
	m->engine->ops.sa_closed = note_end;
	strcpy(group->name, "video");
	group->e = &edges;
	group->in = true;
	serial = ike_sa_serial(member.sa);
	member.sa->my_mid = UINT32_MAX;
	edge_grants_run(group);
	is_int(closed, 1, "the IKE SA ends while a grant is asked for");
	is_int((intmax_t)group->asked_serial, (intmax_t)serial,
	       "the request is noted with the number of its IKE SA");
	free(group);
	pair_teardown();
}

int main(void)
{
	RUN(test_fault);
	RUN(test_end_while_asked);
	return done();
}
