// SPDX-License-Identifier: Apache-2.0
/* Revocation lists with the key server's certificate, and with members inband. */
#include "group_crl.h"
#include "member/mgroup.h"
#include "rekey/rekey.h"

/* ---- the key server ----------------------------------------------------------- */

/* Give the key server another certificate, and restart it. */
static void renew_gcks(struct pki_pair *former)
{
	struct pki_req req = {
		.kind = PKI_GCKS,
		.type = SIG_ED25519,
		.name = "gcks.example",
		.not_before = s.wall0 - 86400,
		.not_after = s.wall0 + 86400 * 365,
	};
	struct cert_der der;

	sim_gcks_down(&s);
	*former = s.cert;
	if (pki_issue(&s.ca, &req, &s.cert, &err))
		bail("%s", err.text);
	der = (struct cert_der){ s.cert.cert, s.cert.cert_len };
	cert_chain_free(s.chain);
	if (cert_chain_from_der(&der, 1, &s.chain, &err))
		bail("%s", err.text);
	sim_gcks_up(&s);
}

static void test_gcks_revoked(void)
{
	struct pki_pair former;

	usual(9);
	reload_member(a);
	is_int(sim_log_count(&s, "key server revoked: "), 0,
	       "a list without the key server stops nobody");
	revoke_cert(&s.cert);
	reload_member(a);
	reload_member(a);
	is_int(sim_log_count(&s, "key server revoked: "), 1,
	       "the member says once that it stops");
	ok(sim_status(a).gcks_revoked,
	   "the status of the member says that it stops");
	is_int(sim_rekey(s.gcks, "video", &err), 0, "a rekey");
	sim_run(&s, 5000);
	ok(sim_status(a).data_spi != sim_group(&s).data_spi,
	   "the rekey is not followed");
	ok(member_rekey_drops(a->m)[REKEY_REVOKED] > 0,
	   "the rekey is counted as one of a revoked key server");
	is_int(member_rekey_drops(a->m)[REKEY_AUTH_BAD], 0,
	       "the rekey is not counted as badly signed");
	ok(sim_in(b) && sim_status(b).data_spi == sim_group(&s).data_spi,
	   "a member without that list follows it");
	sim_run(&s, 20000);
	ok(!sim_in(a) && !sim_status(a).keyed,
	   "the keys are gone after a while");
	ok(strstr(a->text, "revoked by its CA"),
	   "the key server is not believed: %s", a->text);
	sim_run(&s, 120000);
	ok(!sim_in(a), "the member stays out");
	is_int(sim_log_count(&s, "key server certificate changed"), 0,
	       "the certificate of the key server is still the same");
	renew_gcks(&former);
	sim_run(&s, 120000);
	ok(sim_in(a), "a key server with another certificate is accepted");
	ok(!sim_status(a).gcks_revoked, "the status is as before");
	is_int(sim_out_of_step(&s), 0, "all are in step");
	pki_pair_free(&former);
	trust_set_crls(a->trust, NULL);
	finish("key server revoked");
}

/*
 * A CA that takes back a revocation, which was on hold, in time. The member needs no
 * answer of the key server then, which it may not @hear.
 */
static void test_gcks_unrevoked(bool hear)
{
	usual(24);
	revoke_cert(&s.cert);
	reload_member(a);
	sim_run(&s, 3000);
	memset(revoked, 0, sizeof(revoked));
	reload_member(a);
	ok(!sim_status(a).gcks_revoked, "the key server is followed again");
	a->mute = !hear;
	sim_run(&s, 15000);
	ok(sim_status(a).keyed, "the member has its keys when time is up");
	a->mute = false;
	sim_run(&s, 120000);
	ok(sim_in(a) && !sim_logged(&s, "excluded: "),
	   "the member has kept its keys");
	is_int(sim_out_of_step(&s), 0, "all are in step");
	trust_set_crls(a->trust, NULL);
	finish("key server revoked for a while");
}

/* Only who has keys of the key server has something to give up. */
static void test_gcks_revoked_outside(void)
{
	struct sim_member *c;

	usual(26);
	gckscert_refused(a->m);
	ok(!sim_status(a).gcks_revoked,
	   "keys of this run are not doubted because of another handshake");
	member_leave(a->m, "video");
	sim_run(&s, 5000);
	revoke_cert(&s.cert);
	reload_member(a);
	is_int(sim_log_count(&s, "key server revoked: "), 0,
	       "a member that has left gives up no keys");
	c = sim_add(&s, "c.example", false, true);
	sim_up(c);
	trust_set_crls(c->trust, theirs);
	sim_run(&s, 20000);
	ok(!sim_in(c) && strstr(c->text, "revoked by its CA"),
	   "a newcomer does not believe the key server: %s", c->text);
	is_int(sim_log_count(&s, "key server revoked: "), 0,
	       "a newcomer has no keys of an earlier run");
	trust_set_crls(a->trust, NULL);
	trust_set_crls(c->trust, NULL);
	sim_down(c);
	finish("key server revoked, outside");
}

/* The usual order: another certificate first, and then the former one is revoked. */
static void test_gcks_superseded(void)
{
	struct pki_pair former;

	usual(10);
	renew_gcks(&former);
	sim_run(&s, 5000);
	revoke_cert(&former);
	reload_member(b);
	sim_run(&s, 30000);
	ok(sim_in(b), "the member has registered again");
	is_int(b->gaps, 0, "the member has missed no packet");
	is_int(sim_log_count(&s, "key server certificate changed"), 1,
	       "the member says that it has another certificate");
	ok(!sim_logged(&s, "excluded: "), "the member has kept its keys");
	is_int(sim_group(&s).evictions, 0, "nobody is evicted");
	pki_pair_free(&former);
	trust_set_crls(b->trust, NULL);
	finish("key server superseded");
}

/*
 * A sender needs Sender-IDs of this run of the key server, which come with another
 * Data SA. Other joins may wait for company longer than it has its keys.
 */
static void test_gcks_superseded_sender(void)
{
	struct pki_pair former;
	uint64_t unsent;

	usual(25);
	s.cg.batch_join_ms = 60000;
	renew_gcks(&former);
	sim_run(&s, 5000);
	revoke_cert(&former);
	unsent = s.n_unsent;
	reload_member(tx);
	sim_run(&s, 70000);
	ok(sim_in(tx), "the sender has registered again");
	is_int(s.n_unsent - unsent, 0, "the sender has sent each packet");
	is_int(a->gaps + b->gaps, 0, "receivers miss no packet of the sender");
	ok(!sim_logged(&s, "excluded: "), "the sender has kept its keys");
	is_int(sim_out_of_step(&s), 0, "all are in step with the sender");
	pki_pair_free(&former);
	trust_set_crls(tx->trust, NULL);
	finish("key server superseded, a sender");
}

/* A member that starts again holds keys of a key server that it does not know. */
static void test_gcks_revoked_restart(void)
{
	struct pki_pair former;

	usual(16);
	sim_down(a);
	sim_down(b);
	revoke_cert(&s.cert);
	reload_member(a);
	sim_up(a);
	sim_up(b);
	sim_run(&s, 5000);
	ok(sim_status(a).gcks_revoked && a->mk.n_sas,
	   "restart: the keys of the earlier run are held for a while");
	ok(sim_logged(&s, "keys of an earlier run are deleted in 10 s"),
	   "restart: the member says so");
	sim_run(&s, 20000);
	is_int(a->mk.n_sas, 0, "restart: the keys of the earlier run are gone");
	ok(sim_in(b), "restart: a member without that list is in");
	renew_gcks(&former);
	sim_run(&s, 120000);
	ok(sim_in(a) && !sim_status(a).gcks_revoked,
	   "restart: another certificate is accepted");
	is_int(sim_out_of_step(&s), 0, "restart: all are in step");
	pki_pair_free(&former);
	trust_set_crls(a->trust, NULL);
	finish("key server revoked before a restart");
}

/* If the key server has another certificate by then, nothing is lost. */
static void test_gcks_superseded_restart(void)
{
	struct pki_pair former;

	usual(17);
	renew_gcks(&former);
	sim_run(&s, 5000);
	sim_down(b);
	revoke_cert(&former);
	reload_member(b);
	sim_up(b);
	sim_run(&s, 30000);
	ok(sim_in(b) && !sim_status(b).gcks_revoked,
	   "superseded: the member is in");
	ok(!sim_logged(&s, "keys of an earlier run deleted"),
	   "superseded: its keys are not deleted");
	is_int(sim_out_of_step(&s), 0, "superseded: all are in step");
	pki_pair_free(&former);
	trust_set_crls(b->trust, NULL);
	finish("key server superseded before a restart");
}

/* ---- members that are rekeyed over their IKE SAs -------------------------------- */

static struct sim_member *start_inband(uint64_t seed)
{
	struct sim_member *c;

	inband = true;
	usual(seed);
	inband = false;
	c = sim_add(&s, "c.example", false, true);
	c->cg.inband = true;
	sim_up(c);
	if (!sim_settle(&s, 20000) || !sim_status(c).inband)
		bail("c.example is not rekeyed inband");
	return c;
}

/* The end of its IKE SA alone would take out such a member, too. */
static void test_inband_revoked(void)
{
	struct sim_member *c = start_inband(18);
	uint64_t then;

	revoke_cert(&c->cert);
	is_int(reload(), 0, "inband: a list that revokes a member");
	ok(!sim_has_member(&s, "c.example"), "inband: the member is out");
	is_int(sim_audited(&s, "evict", "c.example",
			   "the certificate is revoked"),
	       1, "inband: the audit trail has that");
	sim_run(&s, 10000);
	then = s.ms;
	sim_run(&s, 60000);
	is_int(sim_reads_after(&s, c, then), 0,
	       "inband: the member has no key of the time after");
	is_int(c->notify, IKE_N_AUTHENTICATION_FAILED,
	       "inband: the member is refused");
	ok(!a->gaps && !b->gaps, "inband: the others miss no packet");
	sim_down(c);
	finish("inband");
}

static void test_inband_gcks(void)
{
	struct sim_member *c = start_inband(19);
	uint32_t spi;

	revoke_cert(&s.cert);
	reload_member(c);
	spi = sim_status(c).data_spi;
	is_int(sim_rekey(s.gcks, "video", &err), 0, "inband: a rekey");
	sim_run(&s, 5000);
	is_int(sim_status(c).data_spi, spi,
	       "inband: the key server that is revoked is not followed");
	sim_run(&s, 20000);
	ok(!sim_in(c), "inband: the member has given up its keys");
	ok(sim_in(a) && sim_in(b), "inband: members without that list stay");
	trust_set_crls(c->trust, NULL);
	finish("inband, key server");
}

int main(void)
{
	sim_order_init(&s);
	RUN(test_gcks_revoked);
	RUN(test_gcks_unrevoked, true);
	RUN(test_gcks_unrevoked, false);
	RUN(test_gcks_revoked_outside);
	RUN(test_gcks_superseded);
	RUN(test_gcks_superseded_sender);
	RUN(test_gcks_revoked_restart);
	RUN(test_gcks_superseded_restart);
	RUN(test_inband_revoked);
	RUN(test_inband_gcks);
	return done();
}
