// SPDX-License-Identifier: Apache-2.0
/* An IKE SA as an object: state, name, memory. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ike/sa.h"
#include "lib/log.h"
#include "lib/secret.h"
#include "lib/util.h"

/* ---- state -------------------------------------------------------------- */

static const char *const st_names[] = {
	[IKE_ST_NEW] = "NEW",
	[IKE_ST_INIT_SENT] = "INIT_SENT",
	[IKE_ST_INTER_SENT] = "INTER_SENT",
	[IKE_ST_AUTH_SENT] = "AUTH_SENT",
	[IKE_ST_INIT_DONE] = "INIT_DONE",
	[IKE_ST_AUTH_WAIT] = "AUTH_WAIT",
	[IKE_ST_UP] = "UP",
	[IKE_ST_CLOSED] = "CLOSED",
};

/* Allowed transitions of each state. */
static const unsigned int moves[] = {
	/* A renewed SA is up at once. */
	[IKE_ST_NEW] = BIT(IKE_ST_INIT_SENT) | BIT(IKE_ST_INIT_DONE) |
		       BIT(IKE_ST_UP) | BIT(IKE_ST_CLOSED),
	[IKE_ST_INIT_SENT] = BIT(IKE_ST_INTER_SENT) | BIT(IKE_ST_AUTH_SENT) |
			     BIT(IKE_ST_CLOSED),
	[IKE_ST_INTER_SENT] = BIT(IKE_ST_AUTH_SENT) | BIT(IKE_ST_CLOSED),
	[IKE_ST_AUTH_SENT] = BIT(IKE_ST_UP) | BIT(IKE_ST_CLOSED),
	[IKE_ST_INIT_DONE] = BIT(IKE_ST_AUTH_WAIT) | BIT(IKE_ST_UP) |
			     BIT(IKE_ST_CLOSED),
	[IKE_ST_AUTH_WAIT] = BIT(IKE_ST_UP) | BIT(IKE_ST_CLOSED),
	[IKE_ST_UP] = BIT(IKE_ST_CLOSED),
	[IKE_ST_CLOSED] = 0,
};

const char *ike_st_name(enum ike_sa_st st)
{
	return st_names[st];
}

int ike_sa_state(struct ike_sa *sa, enum ike_sa_st to)
{
	if (!(moves[sa->state] & BIT(to))) {
		sa_warn(sa, "state change refused: %s to %s",
			ike_st_name(sa->state), ike_st_name(to));
		return -EINVAL;
	}
	sa_debug(sa, "state changed: %s to %s", ike_st_name(sa->state),
		 ike_st_name(to));
	if (sa->state == IKE_ST_INIT_DONE)
		half_open_leave(sa);
	sa->state = to;
	return 0;
}

/* ---- name and memory ---------------------------------------------------- */

void sa_set_name(struct ike_sa *sa)
{
	char *p = sa->name;

	p += sprintf(p, "0x");
	for (int i = 0; i < IKE_SPI_LEN; i++)
		p += sprintf(p, "%02x", sa->spi_i[i]);
	p += sprintf(p, "_0x");
	for (int i = 0; i < IKE_SPI_LEN; i++)
		p += sprintf(p, "%02x", sa->spi_r[i]);
}

void sa_drop_handshake(struct ike_sa *sa)
{
	if (sa->dh)
		dh_free(sa->dh);
	sa->dh = NULL;
	if (sa->inter)
		ke_free(sa->inter->ke);
	secret_free(sa->inter);
	sa->inter = NULL;
	blob_free(&sa->ni);
	blob_free(&sa->nr);
	blob_free(&sa->init_req);
	blob_free(&sa->init_res);
	blob_free(&sa->cookie);
	secret_free(sa->unmixed);
	sa->unmixed = NULL;
}

void sa_drop_rekey(struct ike_sa *sa)
{
	struct ike_rekey *rk = sa->rekey;

	if (!rk)
		return;
	if (rk->dh)
		dh_free(rk->dh);
	blob_free(&rk->nonce);
	free(rk);
	sa->rekey = NULL;
}

void sa_free(struct ike_sa *sa)
{
	struct ike_task *t;

	/* The callback of the close may have queued more requests. */
	while ((t = task_take(sa)))
		task_free(t);
	keys_wipe(&sa->keys);
	sa_drop_handshake(sa);
	sa_drop_rekey(sa);
	frags_drop(sa);
	dgrams_free(&sa->my_req.dgrams);
	dgrams_free(&sa->last_req);
	dgrams_free(&sa->last_res.dgrams);
	cert_refs_free(&sa->peer_certs);
	secret_wipe(sa, sizeof(*sa));
	free(sa);
}
