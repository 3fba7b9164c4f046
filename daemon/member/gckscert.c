// SPDX-License-Identifier: Apache-2.0
/*
 * The certificate of the key server, after a revocation list has revoked it. A thief of
 * its key can act as the key server, and may have done so for some time. Rekeys are
 * therefore not followed any more, and the member registers again. If the key server
 * has another certificate by then, the group goes on without a lost packet. If no key
 * server proves another one in OTHER_CERT_MS, the member deletes the keys that it got.
 */
#include "crypto/cert.h"
#include "crypto/crl.h"
#include "lib/log.h"
#include "member/mgroup.h"

/* Members that read the same list at once do not ask all at once. */
#define CERT_ASK_SPREAD_MS 1000
/* Longer than an attempt with lost datagrams takes. */
#define OTHER_CERT_MS 10000

static const char why[] = "the certificate of the key server is revoked";

void gckscert_learn(struct mgroup *g, const struct ike_sa *sa)
{
	static const struct cert_refs none;
	bool was_revoked = g->gcks_revoked;
	struct cert_refs now;

	if (was_revoked)
		group_info(g, "key server certificate changed");
	g->gcks_revoked = false;
	timer_del(mgroup_tq(g), &g->gcks_timeout);
	/*
	 * Without memory the former certificates stay known, as they are mostly the
	 * same; but not those whose revocation would count against the new ones.
	 */
	if (cert_refs_union(ike_sa_peer_certs(sa), &none, &now)) {
		if (was_revoked)
			cert_refs_free(&g->gcks_certs);
		return;
	}
	cert_refs_free(&g->gcks_certs);
	g->gcks_certs = now;
}

static void gcks_cert_timeout(void *arg)
{
	struct mgroup *g = arg;

	if (mgroup_is_in(g)) {
		install_excluded(g, why);
		return;
	}
	group_info(g, "keys of an earlier run deleted: %s", why);
	msa_retire_older(g, UINT64_MAX, ALL_FLOWS);
}

static void check_gcks_cert(struct mgroup *g, const struct crls *crls)
{
	bool was = g->gcks_revoked;

	g->gcks_revoked = crls_revoke(crls, &g->gcks_certs);
	if (was && !g->gcks_revoked)
		timer_del(mgroup_tq(g), &g->gcks_timeout);
	if (was || !g->gcks_revoked || !mgroup_is_in(g))
		return;
	group_err(g,
		  "key server revoked: %s: its rekeys are not followed, and its keys are deleted in %u s unless it proves another certificate",
		  g->m->conf->gcks_id, OTHER_CERT_MS / 1000);
	timer_set(mgroup_tq(g), &g->gcks_timeout, OTHER_CERT_MS);
	register_again(g, member_random(CERT_ASK_SPREAD_MS), why);
}

/*
 * SAs of an earlier run have no record of the key server that gave them. They are
 * treated as if the one that has just proven a revoked certificate had given them.
 */
void gckscert_refused(struct member *m)
{
	struct mgroup *g;

	TAILQ_FOREACH(g, &m->groups, all) {
		if (g->gcks_revoked || g->gcks_certs.n || TAILQ_EMPTY(&g->sas))
			continue;
		g->gcks_revoked = true;
		group_err(g,
			  "key server revoked: %s: keys of an earlier run are deleted in %u s unless it proves another certificate",
			  m->conf->gcks_id, OTHER_CERT_MS / 1000);
		timer_set(mgroup_tq(g), &g->gcks_timeout, OTHER_CERT_MS);
	}
}

void member_check_gcks(struct member *m, const struct trust *trust)
{
	struct mgroup *g;

	TAILQ_FOREACH(g, &m->groups, all)
		check_gcks_cert(g, trust_crls(trust));
}

void gckscert_init(struct mgroup *g)
{
	timer_init(&g->gcks_timeout, gcks_cert_timeout, g);
}

void gckscert_stop(struct mgroup *g)
{
	timer_del(mgroup_tq(g), &g->gcks_timeout);
	cert_refs_free(&g->gcks_certs);
}
