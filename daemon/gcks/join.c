// SPDX-License-Identifier: Apache-2.0
#include "gcks/join.h"

#include <stdio.h>

#include "gcks/certs.h"
#include "gcks/gkm.h"
#include "gcks/gmc.h"
#include "gcks/inband.h"
#include "gcks/join_check.h"
#include "gcks/key_source.h"
#include "gcks/place.h"
#include "gcks/rate.h"
#include "gcks/term.h"
#include "gcks/waiting.h"
#include "wire/proto.h"
#include "lib/log.h"
#include "lib/quote.h"

/* A member never needs more Sender-IDs: ike/ and the kernel cap them too. */
#define SIDS_MAX 256u

void join_refuse(struct group *g, struct join_req *j, uint16_t notify,
		 const char *why)
{
	struct gike_reply reply = {
		.notify = notify,
		.close = join_refusal_closes(g->k, notify, j->identity),
	};

	g->refused++;
	notice_refusal(g->k, g->conf->name, j->identity,
		       ike_notify_name(notify), NULL, why);
	ike_reply(g->k->engine, j->token, &reply);
	join_free(j);
}

void join_refuse_all(struct group *g)
{
	struct join_req *j;

	while ((j = TAILQ_FIRST(&g->joins))) {
		TAILQ_REMOVE(&g->joins, j, all);
		join_refuse(g, j, GIKE_N_REGISTRATION_FAILED,
			    "the store has failed");
	}
	g->senders_waiting = 0;
}

void join_give_sids(struct group *g, struct gkm_change *c, struct join_req *j,
		    uint32_t others)
{
	uint32_t left = g->keys->sender_ids_left(g, &c->next);
	uint32_t most = g->conf->max_sender_ids;

	if (most > SIDS_MAX)
		most = SIDS_MAX;
	if (left > others && most > left - others)
		most = left - others;
	else if (left <= others)
		most = 1;
	if (j->n_sids > most)
		j->n_sids = most;
	j->first_sid = g->keys->take_sender_ids(g, &c->next, j->n_sids);
}

static int put_audit(struct group *g, const struct join_req *j)
{
	char detail[96 + EP_STRLEN], ep[EP_STRLEN];

	ep_str(&j->from, ep);
	if (j->send && j->put_off)
		snprintf(detail, sizeof(detail), "as sender, %sat %s",
			 j->inband ? "inband, " : "", ep);
	else if (j->send)
		snprintf(detail, sizeof(detail),
			 "as sender, Sender-IDs %u to %u, %sat %s",
			 j->first_sid, j->first_sid + j->n_sids - 1,
			 j->inband ? "inband, " : "", ep);
	else
		snprintf(detail, sizeof(detail), "as receiver, %sat %s",
			 j->inband ? "inband, " : "", ep);
	return gmc_audit(g->k, g->conf->name, j->identity,
			 j->is_new ? "join" : "register", detail);
}

int join_put(struct group *g, struct join_req *j, int64_t now)
{
	struct gmember_more more;
	struct gmember next;
	int ret = certs_merge(j);

	if (!ret)
		ret = gmember_reserve(j->m);
	if (ret)
		return ret;
	more = *j->m->more;
	next = *j->m;
	next.more = &more;
	if (j->cert_ends)
		j->mark = (struct psk_mark){ .known = false };
	else
		psk_mark_of(g->k->deps.psks, j->identity, &j->mark);
	next.certs = j->certs_after;
	more.former = j->former_after;
	more.former_ends = j->former_ends_after;
	next.path_renewed &= !j->renews;
	next.send = j->send;
	next.fragments = j->fragments;
	next.inband = j->inband;
	next.registered = now;
	more.first_sid = j->first_sid;
	more.n_sids = j->send ? j->n_sids : 0;
	next.renewed |= j->renews;
	next.cert_ends = j->cert_ends;
	more.mark = j->mark;
	next.term_ms = j->term_ms;
	next.at = j->from.addr;
	ret = gmc_put_member_as(g, j->identity, &next);
	/*
	 * A newcomer changes the roster and is always recorded. A repeated
	 * registration may be noise and is subject to the quota.
	 */
	j->quiet = !notice_left(g->k, j->identity);
	if (ret || (j->quiet && !j->is_new))
		return ret;
	return put_audit(g, j);
}

/*
 * Note the mark of the key by which the peer has authenticated. If the table has changed
 * while the request was being stored, psk_change_table() has looked at members that had a
 * key before; one that had none is looked at here.
 */
static void apply_mark(struct group *g, struct join_req *j, bool had_psk)
{
	struct psk_mark now = { .known = false };

	if (j->m->by_psk)
		psk_mark_of(g->k->deps.psks, j->identity, &now);
	if (psk_mark_same(&j->mark, &now)) {
		gmc_set_mark(g, j->m, &now, true);
	} else if (!had_psk) {
		gmc_set_mark(g, j->m, &j->mark, true);
		gmc_set_must_go(g, j->m, PSK_REMOVED);
		waiting_exclude_soon(g);
	}
}

static void set_sids(struct gmember *m, uint32_t first, uint32_t n)
{
	struct gmember_more *x;

	if (!m->more->sender)
		return;
	x = gmember_more(m);
	x->first_sid = first;
	x->n_sids = n;
}

void join_apply(struct group *g, struct join_req *j, int64_t now)
{
	bool moved = place_refresh(g, j), had_psk = j->m->by_psk;
	char peer[PEER_STRLEN];

	if (j->is_new) {
		j->m->send = j->send;
		j->m->fragments = j->fragments;
		j->m->inband = j->inband;
		gmc_enter(g, j->m);
		rate_count_join(g, j->m->identity);
		g->n_joins++;
	} else {
		if (j->m->send && j->send)
			place_note_twin(g, j->m, &j->from.addr);
		gmc_set_send(g, j->m, j->send);
		gmc_set_fragments(g, j->m, j->fragments);
		if (!j->put_off)
			inband_release(j->m,
				       ike_token_sa(g->k->engine, j->token));
		gmc_set_inband(g, j->m, j->inband);
		j->m->late = false;
		g->registrations++;
	}
	certs_apply(j);
	gmember_set_registered(j->m, now, true);
	j->m->keys_pending = j->put_off;
	j->m->sa_serial = j->sa_serial;
	/*
	 * A newcomer starts with the current Data SA. Other senders have to
	 * confirm that they use it.
	 */
	if (j->is_new)
		gmc_set_data_spi(g, j->m, gkm_spi(&g->st));
	if (j->send)
		pace_data_given(g);
	set_sids(j->m, j->first_sid, j->send ? j->n_sids : 0);
	j->m->at = j->from.addr;
	term_apply(j);
	apply_mark(g, j, had_psk);
	if (moved)
		place_unstored(g, j->m);
	if (!j->quiet)
		group_info(g, "%s: %s: as %s%s",
			   j->is_new ? "member joined"
				     : "member registered again",
			   peer_str(j->identity, &j->from, peer),
			   j->send ? "sender" : "receiver",
			   j->inband ? ", inband" : "");
}
