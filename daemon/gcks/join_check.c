// SPDX-License-Identifier: Apache-2.0
#include "gcks/join_check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/cert.h"
#include "gcks/gkm_policy.h"
#include "gcks/gmc.h"
#include "gcks/policy.h"
#include "gcks/term.h"
#include "ike/psk.h"
#include "wire/gpayload.h"
#include "wire/proto.h"

/* Octets of a generic payload header, which sa_build() writes. */
#define PAYLOAD_HEADER 4

const char join_no_inband[] =
	"too many members are rekeyed inband (max-inband)";

/*
 * The payload is kept in its encoded form: as a struct it has 16 kB, and
 * thousands of members may wait.
 */
int join_copy_sag(struct join_req *j, const struct sa_pld *sag)
{
	struct pchain c;
	struct wbuf w;
	int ret;

	if (!sag)
		return 0;
	wbuf_init(&w, UINT16_MAX);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	sa_build(&c, sag);
	ret = w.err;
	if (!ret) {
		j->sag = malloc(w.len);
		ret = j->sag ? 0 : -ENOMEM;
	}
	if (!ret) {
		memcpy(j->sag, w.p, w.len);
		j->sag_len = w.len;
	}
	wbuf_free(&w);
	return ret;
}

static uint16_t check_sag(const struct group *g, const struct join_req *j,
			  struct err *err)
{
	struct sa_pld *sag = malloc(sizeof(*sag));
	uint16_t notify = 0;
	struct rbuf r;
	struct gsa gsa;

	if (!sag) {
		err_set(err, 0, "out of memory");
		return GIKE_N_REGISTRATION_FAILED;
	}
	rbuf_init(&r, j->sag + PAYLOAD_HEADER, j->sag_len - PAYLOAD_HEADER);
	if (j->inband)
		gkm_inband_policy(g, &gsa);
	else
		gkm_registration_policy(g, &gsa);
	if (sa_parse(&r, sag)) {
		err_set(err, 0, "malformed SAg");
		notify = IKE_N_NO_PROPOSAL_CHOSEN;
	} else if (!sag_covers(sag, &gsa, err)) {
		notify = IKE_N_NO_PROPOSAL_CHOSEN;
	}
	free(sag);
	return notify;
}

static bool is_inband(const struct group *g, const struct join_req *j)
{
	return g->conf->inband == INBAND_ALWAYS ||
	       (g->conf->inband == INBAND_ASKED && j->asks_inband);
}

uint16_t join_check(const struct group *g, struct join_req *j, struct err *err)
{
	uint16_t notify = 0;
	const char *why;

	if (j->cert_ends && group_wall(g) > j->cert_ends) {
		err_set(err, 0, "the certificate has expired");
		return IKE_N_AUTHENTICATION_FAILED;
	}
	if (gmc_revoked(g, &j->certs)) {
		err_set(err, 0, GMC_REVOKED);
		return IKE_N_AUTHENTICATION_FAILED;
	}
	if (!j->cert_ends && !psks_find(g->k->deps.psks, j->identity)) {
		err_set(err, 0, "the pre-shared key was removed");
		return IKE_N_AUTHENTICATION_FAILED;
	}
	why = gmc_refusal(g, j->identity, j->send);
	if (why) {
		err_set(err, 0, "%s", why);
		return GIKE_N_AUTHORIZATION_FAILED;
	}
	j->inband = is_inband(g, j);
	if (j->sag)
		notify = check_sag(g, j, err);
	/* The age limit is that of today's policy, too. */
	term_set(g, j);
	return notify;
}

bool join_cert_ended(const struct gcks *k, const struct ike_sa *sa)
{
	int64_t ends = ike_sa_peer_ends(sa);

	return ends && clock_wall(k->deps.clock) > ends;
}

bool join_refusal_closes(const struct gcks *k, uint16_t notify,
			 const char *identity)
{
	return notify == IKE_N_AUTHENTICATION_FAILED ||
	       (notify == GIKE_N_AUTHORIZATION_FAILED &&
		!gmc_admitted_somewhere(k, identity));
}
