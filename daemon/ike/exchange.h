/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exchanges of an IKE SA as a table: a new exchange is a file and a row.
 * Private to daemon/ike.
 */
#ifndef IKE_EXCHANGE_H
#define IKE_EXCHANGE_H

#include "ike/sa.h"

/* Sides of the IKE SA that may send the requests of an exchange. */
#define BY_INITIATOR 1u
#define BY_RESPONDER 2u

#define IN_STATE(st) (1u << (st))

struct exchange {
	uint8_t type; /* enum ike_xchg; 0 ends the table */
	uint8_t by; /* BY_* */
	/* IN_STATE() bits: states of the side that gets the request. */
	unsigned int in_state;
	/*
	 * Whether it may begin now, if that depends on more than the state; may
	 * be NULL (true).
	 */
	bool (*due)(const struct ike_sa *sa);

	/*
	 * Build and send the request of a task. Returns 0, -ENODATA if there is
	 * nothing to send any more, or another -errno to end the SA.
	 */
	int (*build)(struct ike_sa *sa, const struct ike_task *t);
	/*
	 * request(): handles a request of the peer, decrypted and sorted into
	 * in->m. open(): for the exchange that opens an SA, handles a request
	 * without an SA, of which nothing is authenticated.
	 */
	void (*request)(struct ike_sa *sa, struct ike_in *in);
	void (*open)(struct ike_engine *engine, struct ike_in *in);
	/*
	 * answer(): handles the answer to our request, decrypted and sorted
	 * into in->m. answer_unprotected(): before there are keys, handles a message
	 * in the clear that may be the answer.
	 */
	void (*answer)(struct ike_sa *sa, struct ike_in *in);
	void (*answer_unprotected)(struct ike_sa *sa, struct ike_in *in);
	/*
	 * Called before each further copy of our request; may be NULL. Returns true if
	 * it has sent another request instead, or closed the SA.
	 */
	bool (*unanswered)(struct ike_sa *sa);
	/*
	 * Add the payloads that precede the answer of the group layer; may be
	 * NULL. Returns 0 or -errno.
	 */
	int (*head)(struct ike_sa *sa, struct pchain *c);
};

extern const struct exchange ike_exchanges[];

/* Return NULL for an unknown exchange. */
static inline const struct exchange *
exchange_find(const struct ike_engine *engine, uint8_t type)
{
	const struct exchange *x = engine->exchanges;

	while (x->type && x->type != type)
		x++;
	return x->type ? x : NULL;
}

/* ---- init.c ------------------------------------------------------------- */

/*
 * The functions of each exchange are the members of its row, see struct
 * exchange.
 */
int init_request(struct ike_sa *sa, const struct ike_task *t);
void init_got_answer(struct ike_sa *sa, struct ike_in *in);
void init_got_request(struct ike_engine *engine, struct ike_in *in);

/* Initiator: note what both kinds of a first answer tell. */
void init_note_answer(struct ike_sa *sa, const struct ike_msg *m,
		      struct ike_path path);

/* ---- resume.c ----------------------------------------------------------- */

int resume_request(struct ike_sa *sa, const struct ike_task *t);
void resume_got_answer(struct ike_sa *sa, struct ike_in *in);
void resume_got_request(struct ike_engine *engine, struct ike_in *in);
bool resume_unanswered(struct ike_sa *sa);

/* ---- intermediate.c ----------------------------------------------------- */

/*
 * Prepare for the additional key exchanges of sa->suite, if there are any: those
 * of an initiator become its next task. Returns 0 or -ENOMEM.
 */
int inter_begin(struct ike_sa *sa);
/* Return true if additional key exchanges are missing, or else AUTH is due. */
bool inter_is_due(const struct ike_sa *sa);
bool inter_is_over(const struct ike_sa *sa);
int inter_request(struct ike_sa *sa, const struct ike_task *t);
void inter_got_request(struct ike_sa *sa, struct ike_in *in);
void inter_got_answer(struct ike_sa *sa, struct ike_in *in);

/* ---- gsa_auth.c --------------------------------------------------------- */

int auth_request(struct ike_sa *sa, const struct ike_task *t);
void auth_got_request(struct ike_sa *sa, struct ike_in *in);
void auth_got_answer(struct ike_sa *sa, struct ike_in *in);

/* ---- ike_auth.c --------------------------------------------------------- */

int ike_auth_request(struct ike_sa *sa, const struct ike_task *t);
void ike_auth_got_request(struct ike_sa *sa, struct ike_in *in);
void ike_auth_got_answer(struct ike_sa *sa, struct ike_in *in);

/* ---- authenticate.c ----------------------------------------------------- */

/*
 * Initiator: begin the request with IDi, CERT, CERTREQ, IDr and AUTH. Returns 0
 * or -errno; -ECANCELED if the SA is closed, since we cannot authenticate.
 */
int authenticate_request(struct ike_sa *sa, struct pchain *c);
/*
 * Initiator: authenticate the key server by its answer. Returns true if the SA
 * is up, or false if it is closed.
 */
bool authenticate_gcks(struct ike_sa *sa, const struct ike_in *in);
/*
 * Responder: authenticate the peer by its request and give its SA a place.
 * Returns false if the request was answered with an error and the SA is closed.
 */
bool authenticate_member(struct ike_sa *sa, const struct ike_in *in);
/*
 * Responder: the peer has our answer to AUTH, as it uses @sa: end the IKE SA that @sa
 * resumes, if that is still there.
 */
void authenticate_proven(struct ike_sa *sa);
/* Responder: answer with AUTHENTICATION_FAILED, and close the SA. */
void authenticate_refuse(struct ike_sa *sa, const struct ike_in *in,
			 const char *why);
/* Responder: add IDr, CERT and AUTH. Returns 0 or -errno. */
int authenticate_head(struct ike_sa *sa, struct pchain *c);

/* ---- registration.c ----------------------------------------------------- */

int reg_request(struct ike_sa *sa, const struct ike_task *t);
void reg_got_request(struct ike_sa *sa, struct ike_in *in);
void reg_got_answer(struct ike_sa *sa, struct ike_in *in);

/* ---- inband_rekey.c ----------------------------------------------------- */

int inband_request(struct ike_sa *sa, const struct ike_task *t);
void inband_got_request(struct ike_sa *sa, struct ike_in *in);
void inband_got_answer(struct ike_sa *sa, struct ike_in *in);

/* ---- informational.c ---------------------------------------------------- */

int info_request(struct ike_sa *sa, const struct ike_task *t);
void info_got_request(struct ike_sa *sa, struct ike_in *in);
void info_got_answer(struct ike_sa *sa, struct ike_in *in);

/* ---- edge.c ------------------------------------------------------------- */

/* Return true if @m is a request for an edge, and this is the engine of a relay. */
bool edge_is_request(const struct ike_sa *sa, const struct ike_msg *m);
/* Answer such a request. */
void edge_got_request(struct ike_sa *sa, const struct ike_in *in);
/* Handle the answer to such a request of ours; the SA may be closed then. */
void edge_got_answer(struct ike_sa *sa, const struct ike_in *in);
/* Handle what an answered message of a relay says of an edge, if it does. */
void edge_got_news(struct ike_sa *sa, const struct ike_msg *m);

/* ---- grant.c ------------------------------------------------------------ */

/* Return true if @m is a request for a grant, and this is a key server. */
bool grant_is_request(const struct ike_sa *sa, const struct ike_msg *m);
/* Answer such a request; the SA may be closed then. */
void grant_got_request(struct ike_sa *sa, const struct ike_in *in);
/* Handle the answer to such a request of ours; the SA may be closed then. */
void grant_got_answer(struct ike_sa *sa, const struct ike_in *in);
/* Handle what an answered message of the key server says of ended grants, if it does. */
void grant_got_ends(struct ike_sa *sa, const struct ike_msg *m);

/* ---- create_child.c ----------------------------------------------------- */

int child_request(struct ike_sa *sa, const struct ike_task *t);
void child_got_request(struct ike_sa *sa, struct ike_in *in);
void child_got_answer(struct ike_sa *sa, struct ike_in *in);
/*
 * The peer has deleted @sa. Returns true if it had renewed that before and does
 * not know of our renewal (RFC 7296 section 2.8.2): then only the replaced one
 * ends.
 */
bool child_deleted(struct ike_sa *sa);
/*
 * The peer has deleted the replaced IKE SA @s. It does so when it has renewed
 * that, but also when it ends the IKE SA while its own renewal is open: then it
 * never had the new one. A member therefore checks that the key server has it,
 * unless a message over it says so within a second.
 */
void child_old_deleted(struct ike_sa *s);
/*
 * Handle an authenticated request over a shadow. Returns the SA that it is for,
 * or NULL if it was answered.
 */
struct ike_sa *child_shadow_request(struct ike_sa *s, const struct ike_in *in);

/* ---- followup.c --------------------------------------------------------- */

int followup_request(struct ike_sa *sa, const struct ike_task *t);
void followup_got_request(struct ike_sa *sa, struct ike_in *in);
void followup_got_answer(struct ike_sa *sa, struct ike_in *in);

/* ---- groupreq.c --------------------------------------------------------- */

/* Add IDg, SAg and N(GROUP_SENDER). Returns 0 or -errno of the writer. */
int groupreq_build(struct pchain *c, const struct ike_task *t);
/* Pass a request to the group layer, or answer a malformed one at once. */
void groupreq_ask(struct ike_sa *sa, const struct ike_in *in);
/* Answer the pending request. Returns 0, or -errno if keys were not sent. */
int groupreq_answer(struct ike_sa *sa, const struct gike_reply *r);
/* Answer the pending request with REGISTRATION_FAILED. Returns 0 or -errno. */
int groupreq_fail(struct ike_sa *sa);
/*
 * Handle the part of an answer that concerns the group. Takes over @t, which
 * may be NULL.
 */
void groupreq_got_answer(struct ike_sa *sa, const struct ike_in *in,
			 struct ike_task *t);

#endif
