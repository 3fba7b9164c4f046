// SPDX-License-Identifier: Apache-2.0
/* A member to which nothing happens is small, and is so again when that is over. */
#include "gcks/gmc.h"
#include "tap.h"

static struct group g;

static void test_size(void)
{
	struct gmember *m = gmember_new("m0000000.example");

	ok(offsetof(struct gmember, identity) + sizeof("m0000000.example") <=
		   120,
	   "a member with a name of 16 octets takes 120");
	is_str(m->identity, "m0000000.example", "the name is in the member");
	is_int(m->at_terms, TERM_NONE, "a member that is made is not due");
	is_int(m->leaf, 0, "a member that is made has no leaf");
	ok(!m->more->g && !m->more->m, "a member that is made is in no group");
	gmember_settle(m);
	gmember_free(m);
	gmember_free(NULL);
}

/* A member has more than others as long as it needs that. */
static void test_more(void)
{
	struct gmember *m = gmember_new("a.example");
	struct gmember *n = gmember_new("b.example");
	const struct gmember_more *x;

	gmc_enter(&g, m);
	ok(m->more == &g.quiet, "a member that receives has nothing more");
	is_int(gmc_set_leaving(&g, m, true), 0, "a member is to leave");
	x = m->more;
	ok(x->m == m && x->g == &g && x->leaving,
	   "a member that leaves has more of its own");
	is_int(gmc_set_leaving(&g, m, false), 0,
	       "a member that was to leave stays");
	ok(m->more == &g.quiet, "a member that stays has nothing more again");
	is_int(gmember_reserve(m), 0, "a reservation");
	gmc_set_leaving(&g, m, true);
	gmc_set_leaving(&g, m, false);
	ok(m->more->m == m, "a member that is reserved keeps its own");
	gmember_release(m);
	ok(m->more == &g.quiet, "a member that is released has nothing more");

	is_int(gmember_reserve(n), 0, "a newcomer");
	n->send = true;
	gmc_enter(&g, n);
	gmember_release(n);
	ok(n->more->m == n && n->more->g == &g && n->more->sender,
	   "a sender keeps it");
	is_int(g.n_senders, 1, "one sender");
	gmc_set_send(&g, n, false);
	gmember_settle(n);
	ok(n->more->m == n, "one that was a sender keeps it");
	is_int(g.n_senders, 0, "no sender");
	gmc_set_must_go(&g, m, "a reason");
	ok(m->more == &g.quiet, "to lose its authorization takes no memory");
	is_int(g.n_rechecks, 1, "one is to be checked");
	gmc_drop(&g, m);
	is_int(g.n_rechecks, 0,
	       "a member that is dropped is not to be checked");
	gmc_drop_all(&g);
	is_int(g.n_members, 0, "nobody is left");
	ok(!g.quiet.m && !g.quiet.leaving && g.quiet.g == &g,
	   "nothing was written where all of them read");
}

static void test_reasons(void)
{
	static char texts[80][8];
	struct gmember *m = gmember_new("a.example");
	unsigned int i, lost = 0, unknown = 0;

	ok(!gmember_ended(m) && !gmember_must_go(m), "no reason");
	for (i = 0; i < 80; i++) {
		snprintf(texts[i], sizeof(texts[i]), "%u", i);
		gmember_set_ended(m, texts[i]);
		lost += !gmember_ended(m);
		unknown += gmember_ended(m) != texts[i];
	}
	is_int(lost, 0, "a reason is never taken for none");
	/* The test before has added another reason. */
	is_int(unknown, 80 - 61, "the first reasons are told as they are");
	gmember_set_ended(m, texts[0]);
	is_str(gmember_ended(m), "0", "the first one");
	gmember_set_ended(m, NULL);
	ok(!gmember_ended(m), "no reason again");
	gmember_free(m);
}

static void test_registered(void)
{
	struct gmember *m = gmember_new("a.example");

	gmember_set_registered(m, 1800000000, true);
	is_int(gmember_stored(m), 1800000000, "a registration is stored");
	gmember_set_registered(m, 1800000100, false);
	gmember_set_registered(m, 1800003000, false);
	is_int(m->registered, 1800003000, "the last one is known");
	is_int(gmember_stored(m), 1800000000,
	       "the stored registration is known");
	gmember_set_registered(m, 2800003000, false);
	is_int(m->registered - gmember_stored(m), GMEMBER_UNSTORED_MAX,
	       "one that was stored long ago is out of date");
	gmember_set_registered(m, 1800003001, true);
	is_int(gmember_stored(m), 1800003001, "the next one is stored");
	gmember_free(m);
}

int main(void)
{
	gmc_init(&g);
	RUN(test_size);
	RUN(test_more);
	RUN(test_reasons);
	RUN(test_registered);
	return done();
}
