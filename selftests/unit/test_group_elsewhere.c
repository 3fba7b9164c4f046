// SPDX-License-Identifier: Apache-2.0
/*
 * A host that has the identity of a sender, and is a member of another group, reports
 * over its IKE SA which Data SA the sender uses: that is not its to say.
 */
#include "gcks/gmc.h"
#include "policy_sim.h"

static struct addr want;
static struct err err;

static void find_sa(void *arg, struct ike_sa *sa)
{
	struct ike_sa **found = arg;

	if (ike_sa_is_up(sa) && addr_equal(&ike_sa_peer(sa)->addr, &want))
		*found = sa;
}

static struct ike_sa *sa_of(const struct sim_member *m)
{
	struct ike_sa *found = NULL;

	want = m->ep.addr;
	ike_engine_each(s.engine, find_sa, &found);
	if (!found)
		bail("no IKE SA");
	return found;
}

/* Report the current Data SA of the group, as a notify of @m would. */
static void report_for(const struct sim_member *m)
{
	gcks_sending(s.gcks, sa_of(m), (const uint8_t *)"video", 5,
		     sim_group(&s).data_spi);
}

static void test_elsewhere(void)
{
	struct sim_member *third;
	uint32_t ms;

	usual(30);
	next.n_groups = 2;
	is_int(reload(), 0, "a second group: %s", why);
	sim_run(&s, 5000);
	third = sim_add(&s, "s.example", false, true);
	third->cg.name = (char *)"audio";
	third->cg.sel = groups[1].sel;
	sim_up(third);
	sim_run(&s, 20000);
	is_int(sim_group(&s).unconfirmed, 0, "all senders have confirmed");
	tx->deaf = true;
	is_int(sim_evict(s.gcks, "video", "a.example", &ms, &err), 0,
	       "an eviction that the sender does not hear of");
	sim_run(&s, 100);
	is_int(sim_group(&s).unconfirmed, 1, "the sender has not confirmed");
	report_for(third);
	is_int(sim_group(&s).unconfirmed, 1,
	       "a host elsewhere does not confirm for the sender");
	is_int(sim_group(&s).confirmed_ms, 0, "the change is not confirmed");
	report_for(tx);
	is_int(sim_group(&s).unconfirmed, 0, "the sender confirms itself");
	sim_free(&s);
}

int main(void)
{
	RUN(test_elsewhere);
	return done();
}
