// SPDX-License-Identifier: Apache-2.0
#include "gcks/certs.h"

#include <errno.h>

static const struct cert_refs none;

int certs_note(struct join_req *j)
{
	int ret = -ENOSPC;

	cert_refs_free(&j->certs_after);
	if (!j->renews)
		ret = cert_refs_union(&j->m->certs, &j->certs, &j->certs_after);
	/* Another request of this batch renews the leaf: see term_renews(). */
	if (ret == -ENOSPC)
		ret = cert_refs_union(&none, &j->certs, &j->certs_after);
	return ret;
}

void certs_settle(struct join_req *j)
{
	cert_refs_free(&j->m->certs);
	j->m->certs = j->certs_after;
	j->certs_after = none;
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
	return true;
}
