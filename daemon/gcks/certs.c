// SPDX-License-Identifier: Apache-2.0
#include "gcks/certs.h"

#include <errno.h>

static const struct cert_refs none;

/* No digest of a certificate is zero. */
static const uint8_t unlisted[CERT_REF_LEN];

int certs_take(struct join_req *j, const struct cert_refs *peer)
{
	return peer->n ? cert_refs_union(peer, &none, &j->certs)
		       : cert_refs_add(&j->certs, unlisted);
}

/* Return the earlier of two ends, of which 0 is none. */
static int64_t earlier_end(int64_t a, int64_t b)
{
	return !a || (b && b < a) ? b : a;
}

/*
 * Set j->former_after and its end. If @renewed, the certificates of the leaf become
 * former ones.
 */
static int merge_former(struct join_req *j, bool renewed)
{
	const struct gmember *m = j->m;
	int ret;

	j->former_ends_after =
		earlier_end(m->more->former_ends, renewed ? m->cert_ends : 0);
	/* Nothing is known of them: see struct gmember. */
	if (m->renewed && !m->more->former.n)
		return 0;
	ret = cert_refs_union(&m->more->former, renewed ? &m->certs : &none,
			      &j->former_after);
	return ret == -ENOSPC ? 0 : ret;
}

int certs_merge(struct join_req *j)
{
	bool renewed = j->renews;
	int ret = 0;

	cert_refs_free(&j->certs_after);
	cert_refs_free(&j->former_after);
	if (!renewed)
		ret = cert_refs_union(&j->m->certs, &j->certs, &j->certs_after);
	/* Another request of this batch renews the leaf: see term_renews(). */
	renewed |= ret == -ENOSPC;
	if (renewed)
		ret = cert_refs_union(&none, &j->certs, &j->certs_after);
	return ret ? ret : merge_former(j, renewed);
}

void certs_apply(struct join_req *j)
{
	struct gmember_more *x;

	cert_refs_free(&j->m->certs);
	j->m->certs = j->certs_after;
	j->certs_after = none;
	/* The change that stores the request may have renewed the path of the leaf. */
	if (!j->renews && !j->m->renewed)
		return;
	x = gmember_more(j->m);
	cert_refs_free(&x->former);
	x->former = j->former_after;
	x->former_ends = j->former_ends_after;
	j->former_after = none;
}

bool certs_share(struct join_req *first, struct join_req *j)
{
	struct cert_refs both, copy;

	if (cert_refs_union(&first->certs, &j->certs, &both))
		return false;
	if (cert_refs_union(&both, &none, &copy)) {
		cert_refs_free(&both);
		return false;
	}
	cert_refs_free(&first->certs);
	cert_refs_free(&j->certs);
	first->certs = both;
	j->certs = copy;
	/* Both hold the keys of the leaf, so the end of either is the leaf's. */
	first->cert_ends = earlier_end(first->cert_ends, j->cert_ends);
	j->cert_ends = first->cert_ends;
	return true;
}
