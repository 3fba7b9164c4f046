// SPDX-License-Identifier: Apache-2.0
/*
 * INITIAL_CONTACT (RFC 7296 section 2.4): who starts anew says so, and the key
 * server ends the IKE SAs that it had with the same identity, and no others.
 */
#include <errno.h>

#include "ike/exchange.h"
#include "ike_pair.h"
#include "lib/log.h"
#include "tap.h"

static unsigned int requests, contacts;

static void count_contact(struct ike_sa *sa, struct ike_in *in)
{
	requests++;
	contacts += !!msg_notify(&in->m, IKE_N_INITIAL_CONTACT);
	auth_got_request(sa, in);
}

/* Count the GSA_AUTH requests that come to the key server, and the notify. */
static void watch(void)
{
	node_own_exchange(g, GIKE_XCHG_GSA_AUTH)->request = count_contact;
	requests = 0;
	contacts = 0;
}

static void setup(const struct ike_engine_cfg *gcfg)
{
	pair_setup(gcfg, NULL);
	watch();
}

static struct node *host(const char *name, const char *addr)
{
	struct pki_opt opt = { .kind = PKI_MEMBER, .dns = name, .ca = &ca };

	return node_new(&net, addr, &opt, &ca, NULL);
}

/* The member's host loses power, and starts again at @addr. */
static void restart_at(const char *addr)
{
	node_free(m);
	m = host("a.example", addr);
}

static unsigned int n_sas(void)
{
	return ike_engine_stats(g->engine)->sas;
}

static void joins(struct node *n, const char *what)
{
	node_clear(n);
	node_join(n, g, GCKS, false);
	net_run(&net);
	is_int(n->seen.registered, 1, "%s: registered", what);
}

static void rfc7296_2_4_first_only(void)
{
	setup(NULL);
	joins(m, "the first IKE SA");
	ok(requests == 1 && contacts == 1,
	   "the first IKE SA of a member has INITIAL_CONTACT");
	joins(m, "a second one");
	ok(requests == 2 && contacts == 1, "a second one has not");
	is_int(n_sas(), 2, "both are up at the key server");
	ike_close(m->sa, "test");
	net_run(&net);
	joins(m, "a later one");
	ok(requests == 3 && contacts == 1,
	   "a later one has not, so that two hosts do not end each other's");
	pair_teardown();

	/* Two at once: the later one would end the other. */
	setup(NULL);
	node_join(m, g, GCKS, false);
	node_join(m, g, GCKS, false);
	net_run(&net);
	is_int(requests, 2, "two at once");
	is_int(contacts, 1, "one of two has INITIAL_CONTACT");
	is_int(n_sas(), 2, "both of two are up");
	pair_teardown();

	/* An IKE SA that was never up is no contact. */
	setup(NULL);
	node_join(m, g, "other.example", false);
	net_run(&net);
	ok(m->seen.refused == 1 && contacts == 1, "a try that fails");
	joins(m, "the next try");
	is_int(contacts, 2, "the next try has INITIAL_CONTACT");
	pair_teardown();
}

static void rfc7296_2_4_old_ones_end(void)
{
	setup(NULL);
	joins(m, "before");
	joins(m, "before, again");
	is_int(n_sas(), 2, "two IKE SAs");
	node_clear(g);
	restart_at("192.0.2.2");
	joins(m, "after a restart");
	is_int(contacts, 2, "a restarted member says so");
	is_int(n_sas(), 1, "the key server has the new IKE SA only");
	is_int(g->seen.sa_closed, 2, "the group layer is told of both");
	is_str(g->seen.reason, "the peer has started anew (INITIAL_CONTACT)",
	       "the reason");
	is_int(m->seen.sa_closed, 0, "the new one stays");
	ok(ike_sa_is_up(g->sa) && g->sa->placed, "the new one is up");
	pair_teardown();
}

/* Let a second pass, and lose each GSA_AUTH that is repeated. */
static void lose_auth(void)
{
	net.ms += 1000;
	timerq_run(&net.tq);
	for (unsigned int i = net.n_queue; i-- > 0;)
		if (net.queue[i].p[18] == GIKE_XCHG_GSA_AUTH)
			net_drop(&net, i);
	net_run(&net);
}

/* GSA_AUTH of the first IKE SA is lost, and comes again when another is up. */
static void rfc7296_2_4_newer_ones_stay(void)
{
	struct ike_sa *newer;

	setup(NULL);
	node_join(m, g, GCKS, false);
	net_step(&net);
	net_step(&net);
	net_drop(&net, 0);
	newer = node_join(m, g, GCKS, false);
	net_run(&net);
	ok(ike_sa_is_up(newer) && !contacts,
	   "a newer IKE SA is up, without INITIAL_CONTACT");
	net_pass(&net, 1500, true);
	is_int(contacts, 1, "INITIAL_CONTACT of an older one is late");
	is_int(m->seen.sa_closed, 0, "an older handshake ends no newer one");
	is_int(n_sas(), 2, "the older and the newer one are up");
	pair_teardown();

	/* The request of the newer one has no answer yet. */
	setup(NULL);
	node_join(m, g, GCKS, false);
	net_step(&net);
	net_step(&net);
	net_drop(&net, 0);
	g->later = true;
	node_join(m, g, GCKS, false);
	net_run(&net);
	g->later = false;
	net_pass(&net, 1500, true);
	is_int(contacts, 1, "INITIAL_CONTACT while the newer one waits");
	is_int(m->seen.refused, 0, "a newer request is not refused");
	pair_teardown();

	/* IKE_SA_INIT of the one that is up later came first. */
	setup(NULL);
	newer = node_join(m, g, GCKS, false);
	net_step(&net);
	net_drop(&net, 0);
	node_join(m, g, GCKS, false);
	net_step(&net);
	net_step(&net);
	net_drop(&net, 0);
	lose_auth();
	ok(ike_sa_is_up(newer) && !contacts,
	   "one whose IKE_SA_INIT came first is up");
	net_pass(&net, 4000, true);
	is_int(contacts, 1, "INITIAL_CONTACT of the other one is late");
	is_int(m->seen.sa_closed, 0,
	       "an IKE_SA_INIT that came first makes no older IKE SA");
	is_int(n_sas(), 2, "both are up, whichever came first");
	pair_teardown();
}

/* An SA whose answer is still owed ends as well. */
static void rfc7296_2_4_old_one_waits(void)
{
	setup(NULL);
	g->later = true;
	node_join(m, g, GCKS, false);
	net_run(&net);
	is_int(g->seen.requests, 1, "a request that waits");
	g->later = false;
	restart_at("192.0.2.2");
	joins(m, "the restarted one");
	is_int(n_sas(), 1, "the one that waited has ended");
	is_int(node_reply(g), -ENOENT, "the answer has no receiver");
	pair_teardown();
}

static void others_stay(void)
{
	struct node *b;

	setup(NULL);
	b = host("b.example", "192.0.2.3");
	joins(b, "another identity");
	joins(m, "the member");
	restart_at("192.0.2.2");
	joins(m, "the restarted one");
	is_int(n_sas(), 2, "another identity keeps its IKE SA");
	is_int(b->seen.sa_closed, 0, "another identity hears nothing of it");
	pair_teardown();

	/* Two identities may have one address, as behind a NAT. */
	setup(NULL);
	b = host("b.example", "192.0.2.2");
	node_join(b, g, GCKS, false);
	net_step(&net);
	net.nodes[1] = b;
	net.nodes[2] = m;
	net_run(&net);
	is_int(b->seen.registered, 1, "another identity at the same address");
	net.nodes[1] = m;
	net.nodes[2] = b;
	joins(m, "the member");
	is_int(n_sas(), 2, "an address does not matter by itself");
	pair_teardown();
}

static void rfc7296_2_4_several_places(void)
{
	for (int one = 0; one < 2; one++) {
		struct node *other;

		setup(NULL);
		g->one_place = one;
		other = host("a.example", "192.0.2.3");
		joins(other, "one place");
		joins(m, "another place");
		is_int(n_sas(), one ? 1 : 2, "%s: the IKE SA of the other",
		       one ? "one place replaces another"
			   : "an identity may be at several places");
		is_int(other->seen.sa_closed, one,
		       "the other place is told by a Delete");
		/* The two do not push each other out a second time. */
		joins(other, "the first one, again");
		is_int(n_sas(), one ? 2 : 3, "nobody starts anew twice");
		pair_teardown();
	}
}

/* Only AUTH proves whose IKE SAs they are. */
static void only_after_auth(void)
{
	struct pki_opt opt = { .kind = PKI_MEMBER, .dns = "a.example" };
	struct pki_pair other_ca;
	struct node *thief;

	setup(NULL);
	g->one_place = true;
	joins(m, "the member");
	pki_ca(&net, "other CA", &other_ca);
	opt.ca = &other_ca;
	thief = node_new(&net, "192.0.2.4", &opt, &ca, NULL);
	node_join(thief, g, GCKS, false);
	net_run(&net);
	ok(contacts == 2 && g->seen.auth_failed == 1,
	   "INITIAL_CONTACT of one who is not who it claims");
	is_int(n_sas(), 1, "the member's IKE SA stays");
	is_int(m->seen.sa_closed, 0, "the member hears nothing of it");
	pki_pair_free(&other_ca);
	pair_teardown();

	/* A recorded request does not verify a second time. */
	setup(NULL);
	joins(m, "the member");
	restart_at("192.0.2.2");
	node_join(m, g, GCKS, false);
	net_step(&net);
	net_step(&net);
	net_dup(&net, 0);
	net_run(&net);
	joins(m, "a later one");
	is_int(contacts, 2, "the repeated request is not handled twice");
	is_int(n_sas(), 2, "the later one stays");
	pair_teardown();
}

static void lost(void)
{
	for (int lose = 0; lose < 4; lose++) {
		setup(NULL);
		joins(m, "before");
		restart_at("192.0.2.2");
		node_join(m, g, GCKS, false);
		for (int i = 0; i < lose; i++)
			net_step(&net);
		net_drop(&net, 0);
		net_pass(&net, 1500, true);
		is_int(m->seen.registered, 1, "packet %d lost: registered",
		       lose);
		is_int(n_sas(), 1, "packet %d lost: one IKE SA", lose);
		pair_teardown();
	}
}

int main(void)
{
	log_set_level(LOG_LEVEL_ERR);
	RUN(rfc7296_2_4_first_only);
	RUN(rfc7296_2_4_old_ones_end);
	RUN(rfc7296_2_4_newer_ones_stay);
	RUN(rfc7296_2_4_old_one_waits);
	RUN(others_stay);
	RUN(rfc7296_2_4_several_places);
	RUN(only_after_auth);
	RUN(lost);
	return done();
}
