// SPDX-License-Identifier: Apache-2.0
/* An IKE SA as an object: state, name, memory. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ike/admission.h"
#include "ike/psk.h"
#include "ike/sa.h"
#include "ike/session.h"
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

const char *sa_name(const struct ike_sa *sa)
{
	/* A line of the log may name two of them. */
	static char names[2][sizeof("0x0123456789abcdef_0x0123456789abcdef")];
	static unsigned int next;
	char *name = names[next++ % 2], *p = name;

	p += sprintf(p, "0x");
	for (int i = 0; i < IKE_SPI_LEN; i++)
		p += sprintf(p, "%02x", sa->spi_i[i]);
	p += sprintf(p, "_0x");
	for (int i = 0; i < IKE_SPI_LEN; i++)
		p += sprintf(p, "%02x", sa->spi_r[i]);
	return name;
}

int sa_set_peer_id(struct ike_sa *sa, const struct ike_id *id)
{
	size_t size = offsetof(struct ike_id, data) + id->len;
	struct ike_id *copy = malloc(size);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, id, size);
	free(sa->peer_id);
	sa->peer_id = copy;
	return 0;
}

int sa_name_peer(struct ike_sa *sa, const struct ike_id *id)
{
	char name[ID_STR_MAX], *copy;

	if (peer_id_str(id, name, sizeof(name)))
		id_str(id, name, sizeof(name));
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	free(sa->peer_name);
	sa->peer_name = copy;
	return 0;
}

void sa_drop_handshake(struct ike_sa *sa)
{
	struct ike_hs *hs = sa->hs;

	keys_drop_auth(&sa->keys);
	if (!hs)
		return;
	if (hs->dh)
		dh_free(hs->dh);
	if (hs->inter)
		ke_free(hs->inter->ke);
	secret_free(hs->inter);
	blob_free(&hs->ni);
	blob_free(&hs->nr);
	blob_free(&hs->init_req);
	blob_free(&hs->init_res);
	blob_free(&hs->cookie);
	secret_free(hs->unmixed);
	resume_free(hs->resume);
	free(hs);
	sa->hs = NULL;
}

static void free_follow(struct ike_sa *sa, struct ike_follow *f)
{
	if (!f)
		return;
	timer_del(sa->engine->cfg.tq, &f->timer);
	if (f->next)
		sa_free(f->next);
	ke_free(f->ke);
	blob_free(&f->link);
	secret_free(f);
}

void sa_drop_follow(struct ike_sa *sa)
{
	free_follow(sa, sa->follow);
	sa->follow = NULL;
}

void sa_drop_rekey(struct ike_sa *sa)
{
	struct ike_rekey *rk = sa->rekey;

	if (!rk)
		return;
	if (rk->dh)
		dh_free(rk->dh);
	blob_free(&rk->nonce);
	free_follow(sa, rk->follow);
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
	sa_drop_follow(sa);
	frags_drop(sa);
	dgrams_free(&sa->my_req);
	kept_drop(sa);
	cert_refs_free(&sa->peer_certs);
	free(sa->peer_id);
	free(sa->peer_name);
	free(sa->t_keepalive);
	if (sa->mobike)
		secret_wipe(sa->mobike, sizeof(*sa->mobike));
	free(sa->mobike);
	secret_wipe(sa, sizeof(*sa));
	free(sa);
}
