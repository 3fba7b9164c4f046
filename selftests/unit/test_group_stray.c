// SPDX-License-Identifier: Apache-2.0
/*
 * ESP with SPIs that nobody has announced. It makes a member ask whose keys may be of no
 * use any more, but not one that knows by other means whether they are.
 */
#include <string.h>

#include "group_finish.h"
#include "group_sim.h"
#include "lib/util.h"
#include "member/mgroup.h"
#include "tap.h"

static struct sim s;
static struct sim_member *tx, *a;

static void usual(uint64_t seed, bool inband)
{
	sim_init_rare(&s, seed);
	s.cg.inband = INBAND_ASKED;
	sim_gcks_up(&s);
	tx = sim_add(&s, "s.example", true, false);
	a = sim_add(&s, "a.example", false, true);
	a->cg.inband = inband;
	sim_up(tx);
	sim_up(a);
	if (!sim_settle(&s, 20000))
		bail("they are not in");
	sim_run(&s, 60000);
}

static struct mgroup *group_of(const struct sim_member *m)
{
	return TAILQ_FIRST(&m->m->groups);
}

/* Return how often a asks within 10 s after ESP with an SPI of nobody. */
static unsigned int asks_about(uint32_t spi)
{
	uint64_t before = sim_status(a).registrations;
	struct kevent ev = { .type = KEVENT_UNKNOWN_SPI, .spi = spi };

	snprintf(ev.group, sizeof(ev.group), "%s", a->cg.name);
	member_kernel_event(a->m, &ev);
	sim_run(&s, 10000);
	return sim_status(a).registrations - before;
}

/* GSA_REKEYs are not acknowledged, so that a member that has missed several asks. */
static void test_multicast(void)
{
	usual(1, false);
	is_int(asks_about(0x01020304), 1, "a stray SPI makes a member ask");
	is_int(asks_about(0x01020304), 0, "the same SPI makes it ask once");
	sim_finish(&s, "multicast");
}

/* A rekey over the IKE SA is acknowledged, and not missed as long as that is up. */
static void test_inband(void)
{
	usual(2, true);
	ok(group_of(a)->inband, "the member is rekeyed inband");
	is_int(asks_about(0x01020304), 0,
	       "a stray SPI makes no member ask that is rekeyed inband");
	sim_finish(&s, "inband");
}

/* Messages that are signed with a stolen key have requests of their own. */
static void test_stolen(void)
{
	usual(3, false);
	snprintf(group_of(a)->stolen_key, sizeof(group_of(a)->stolen_key),
		 "another key");
	is_int(asks_about(0x01020304), 0,
	       "a stray SPI makes no member ask that knows of a thief");
	sim_finish(&s, "stolen");
}

int main(void)
{
	RUN(test_multicast);
	RUN(test_inband);
	RUN(test_stolen);
	return done();
}
