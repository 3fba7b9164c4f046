// SPDX-License-Identifier: Apache-2.0
/*
 * Requests of members, judged one by one: what is refused, what is answered at
 * once, and what waits for a change of keys (register.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gcks/gkm.h"
#include "gcks/gmc.h"
#include "gcks/place.h"
#include "gcks/batch.h"
#include "gcks/term.h"
#include "gcks/witness.h"
#include "wire/proto.h"
#include "lib/log.h"
#include "lib/quote.h"

/* A receiver that registers again is written down once within that. */
#define REPEAT_S 10

static enum gike_when refuse(struct group *g, const char *identity,
			     uint16_t notify, const char *why,
			     struct gike_reply *reply)
{
	g->refused++;
	notice_refusal(g->k, g->conf->name, identity, ike_notify_name(notify),
		       NULL, why);
	memset(reply, 0, sizeof(*reply));
	reply->notify = notify;
	reply->close = notify == GIKE_N_AUTHORIZATION_FAILED &&
		       !gmc_welcome(g->k, identity);
	return GIKE_NOW;
}

/* The IKE SA outlived the certificate it rests on: the peer needs both anew. */
static enum gike_when expired(struct group *g, const char *identity,
			      struct gike_reply *reply)
{
	refuse(g, identity, IKE_N_AUTHENTICATION_FAILED,
	       "its certificate has ended", reply);
	reply->close = true;
	return GIKE_NOW;
}

static enum gike_when report(struct group *g, const struct ike_sa *sa,
			     const struct gike_req *req, const char *identity,
			     struct gike_reply *reply)
{
	struct gmember *m = gmc_find(g, identity);
	char name[QUOTE_LEN];
	uint32_t wait;

	memset(reply, 0, sizeof(*reply));
	/* leaving what one is not in is no error: the answer was lost */
	if (!m)
		return GIKE_NOW;
	/* it has come back since, and this was long on its way */
	if (ike_sa_serial(sa) < m->over) {
		if (notice_left(g->k, identity))
			log_info("group %s: %s reported over an old IKE SA, ignored: %s",
				 g->conf->name, ike_notify_name(req->report),
				 quote(identity, name));
		return GIKE_NOW;
	}
	if (notice_left(g->k, identity))
		log_info("group %s: %s reported: %s", g->conf->name,
			 ike_notify_name(req->report), quote(identity, name));
	if (m->leaving)
		return GIKE_NOW;
	wait = gmc_leave_wait_ms(g, identity);
	batch_leave_in(g, m, wait);
	if (!wait && !g->conf->batch_leave_ms && batch_flush(g, NULL))
		reply->notify = GIKE_N_REGISTRATION_FAILED;
	return GIKE_NOW;
}

/* What is wrong with the member's algorithms, or NULL. */
static const char *unfit(const struct group *g, struct ike_sa *sa,
			 const struct gike_req *req, char *buf, size_t size)
{
	const struct kwk *kwk = ike_sa_kwk(sa);
	struct gsa gsa;

	/* tree keys have one size, in registrations and in rekeys */
	if (!kwk || kwk->kwa != g->conf->kwa)
		return "key wrap algorithm of its IKE SA is not the group's";
	gkm_registration_policy(g, &gsa);
	if (req->sag && !sag_covers(req->sag, &gsa, buf, size))
		return buf;
	return NULL;
}

static struct join_req *join_new(struct group *g, const struct ike_sa *sa,
				 const struct gike_req *req,
				 const char *identity)
{
	struct join_req *j = calloc(1, sizeof(*j));

	if (j)
		j->identity = strdup(identity);
	if (!j || !j->identity) {
		free(j);
		return NULL;
	}
	j->token = req->token;
	j->over = ike_sa_serial(sa);
	j->from = *ike_sa_peer(sa);
	term_of(g, sa, j);
	j->send = req->send;
	j->fragments = req->fragments;
	j->receive = gmc_may_receive(g, identity);
	j->n_sids = req->send ? req->n_sender_ids : 0;
	if (req->send && !j->n_sids)
		j->n_sids = 1;
	return j;
}

/*
 * A member that registers again changes nothing for others: it gets what is
 * current. But for one that sends there must be fresh Sender-IDs, under a key
 * that was made in this run: a key of an earlier one might have been given
 * more of them than this store knows, if its whole disk went back in time.
 */
static bool current_will_do(const struct group *g, const struct gike_req *req,
			    const struct join_req *j)
{
	if (!g->st.keyed || !gkm_left(g, &g->st.data) ||
	    !gkm_left(g, &g->st.rekey) || req->used_up)
		return false;
	return !j->send ||
	       (g->fresh &&
		g->st.next_sid + 1 + g->senders_waiting <= batch_sid_limit(g));
}

/* Nothing about it is new: no word of it goes to the store. */
static bool repeats(const struct gmember *m, const struct join_req *j,
		    int64_t now)
{
	return !j->send && !m->send && !m->leaving && !j->renews &&
	       m->receive == j->receive && m->fragments == j->fragments &&
	       now >= m->registered && now - m->registered < REPEAT_S;
}

/* It is a member and stays one, also if it was about to leave. */
static int register_again(struct group *g, struct gmember *m,
			  struct join_req *j)
{
	struct store *s = group_store(g);
	int64_t now = group_wall(g);
	struct gkm_change c;
	int rc;

	j->m = m;
	j->renews = term_renews(g, j);
	if (repeats(m, j, now)) {
		m->over = j->over;
		g->registrations++;
		join_answer(g, j);
		join_free(j);
		return 0;
	}
	gkm_begin(g, &c);
	if (j->send)
		join_give_sids(g, &c, j, g->senders_waiting);
	rc = j->renews ? lkh_renew(g->tree, m->leaf) : 0;
	if (!rc)
		rc = store_begin(s);
	if (!rc)
		rc = join_put(g, j, now);
	if (!rc && j->renews)
		rc = gkm_put_tree(g);
	if (!rc)
		rc = gkm_put_state(g, &c.next);
	if (!rc)
		rc = store_commit(s);
	if (rc) {
		store_abort(s);
		g->store_errors++;
		gkm_abandon(g, &c);
		if (j->renews)
			term_grace(m);
		return rc;
	}
	g->st.next_sid = c.next.next_sid;
	g->st.version = c.next.version;
	witness_note(g, NULL, 0, NULL);
	lkh_commit(g->tree);
	gkm_abandon(g, &c);
	if (m->leaving) {
		m->leaving = false;
		g->n_leaving--;
	}
	join_settle(g, j, now);
	join_answer(g, j);
	join_free(j);
	return 0;
}

enum gike_when registration_request(struct group *g, struct ike_sa *sa,
				    const struct gike_req *req,
				    const char *identity,
				    struct gike_reply *reply)
{
	uint64_t delay = g->conf->batch_join_ms;
	const char *why;
	struct gmember *m;
	struct join_req *j;
	bool elsewhere;
	char buf[160];

	if (req->report)
		return report(g, sa, req, identity, reply);
	if (term_over(g, sa))
		return expired(g, identity, reply);
	why = gmc_may(g, identity, req->send, !req->send);
	if (why)
		return refuse(g, identity, GIKE_N_AUTHORIZATION_FAILED, why,
			      reply);
	why = unfit(g, sa, req, buf, sizeof(buf));
	if (why)
		return refuse(g, identity, IKE_N_NO_PROPOSAL_CHOSEN, why,
			      reply);
	m = gmc_find(g, identity);
	elsewhere = m && place_judge(g, m, ike_sa_peer(sa), &why);
	if (elsewhere && why)
		return refuse(g, identity,
			      m->replaced ? GIKE_N_REGISTRATION_FAILED
					  : GIKE_N_AUTHORIZATION_FAILED,
			      why, reply);
	if (!m && batch_full(g, g->n_members - g->n_leaving))
		return refuse(g, identity, GIKE_N_REGISTRATION_FAILED,
			      "the group is full", reply);
	/* or one sender makes everybody start anew, again and again */
	if (req->send && !gmc_pace(g, identity))
		return refuse(g, identity, GIKE_N_REGISTRATION_FAILED,
			      "asks for Sender-IDs too often", reply);
	j = join_new(g, sa, req, identity);
	if (!j)
		return refuse(g, identity, GIKE_N_REGISTRATION_FAILED,
			      "out of memory", reply);
	if (elsewhere)
		place_replace(g, m);
	if (m && !elsewhere && current_will_do(g, req, j)) {
		if (!register_again(g, m, j))
			return GIKE_LATER;
		join_free(j);
		return refuse(g, identity, GIKE_N_REGISTRATION_FAILED,
			      "the key server cannot store it", reply);
	}
	/* it left and is back before its batch was due */
	if (m && m->leaving)
		delay = 0;
	join_wait(g, j);
	if (delay < pace_join_ms(g))
		delay = pace_join_ms(g);
	if (delay)
		batch_arm(g, delay);
	else
		batch_flush(g, NULL);
	return GIKE_LATER;
}
