/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exchanges of an IKE SA, as a table: another one is a file and a row.
 * Private to daemon/ike.
 */
#ifndef IKE_EXCHANGE_H
#define IKE_EXCHANGE_H

#include "ike/sa.h"

/* Who may send the requests of an exchange: which side of the IKE SA */
#define BY_INITIATOR 1u
#define BY_RESPONDER 2u

#define IN_STATE(st) (1u << (st))

struct exchange {
	uint8_t type; /* enum ike_xchg; 0 ends the table */
	uint8_t by; /* BY_* */
	unsigned int in_state; /* IN_STATE() of who is asked */

	/* Makes and sends the request of a task. 0, or -errno ends the SA. */
	int (*build)(struct ike_sa *sa, const struct ike_task *t);
	/*
	 * A request has come: from the peer, opened and sorted into in->m. Or, of
	 * the exchange that opens an SA, there is none and nothing is proven.
	 */
	void (*request)(struct ike_sa *sa, struct ike_in *in);
	void (*open)(struct ike_engine *engine, struct ike_in *in);
	/*
	 * The answer to our request has come, opened and sorted into in->m. Or,
	 * before there are keys, something in the clear that may be the answer.
	 */
	void (*answer)(struct ike_sa *sa, struct ike_in *in);
	void (*answer_clear)(struct ike_sa *sa, struct ike_in *in);
	/*
	 * Where the group layer answers: what stands in front of that. May be
	 * NULL. 0 or -errno.
	 */
	int (*head)(struct ike_sa *sa, struct pchain *c);
};

extern const struct exchange ike_exchanges[];

/* NULL: none that we know */
static inline const struct exchange *
exchange_find(const struct ike_engine *engine, uint8_t type)
{
	const struct exchange *x = engine->exchanges;

	while (x->type && x->type != type)
		x++;
	return x->type ? x : NULL;
}

/* ---- init.c ------------------------------------------------------------- */

int init_request(struct ike_sa *sa, const struct ike_task *t);
void init_got_answer(struct ike_sa *sa, struct ike_in *in);
void init_got_request(struct ike_engine *engine, struct ike_in *in);

/* ---- gsa_auth.c --------------------------------------------------------- */

int auth_request(struct ike_sa *sa, const struct ike_task *t);
void auth_got_request(struct ike_sa *sa, struct ike_in *in);
void auth_got_answer(struct ike_sa *sa, struct ike_in *in);
/* IDr, CERT, AUTH */
int auth_answer_head(struct ike_sa *sa, struct pchain *c);

/* ---- registration.c ----------------------------------------------------- */

int reg_request(struct ike_sa *sa, const struct ike_task *t);
void reg_got_request(struct ike_sa *sa, struct ike_in *in);
void reg_got_answer(struct ike_sa *sa, struct ike_in *in);

/* ---- informational.c ---------------------------------------------------- */

int info_request(struct ike_sa *sa, const struct ike_task *t);
void info_got_request(struct ike_sa *sa, struct ike_in *in);
void info_got_answer(struct ike_sa *sa, struct ike_in *in);

/* ---- groupreq.c --------------------------------------------------------- */

/* IDg, SAg, N(GROUP_SENDER) of a request. 0 or -errno of the writer. */
int groupreq_build(struct pchain *c, const struct ike_task *t);
/* Asks the group layer, or answers at once when that cannot be. */
void groupreq_ask(struct ike_sa *sa, const struct ike_in *in);
/* Answers the request that waits. 0 or why the keys did not go out. */
int groupreq_answer(struct ike_sa *sa, const struct gike_reply *r);
/* Answers it with REGISTRATION_FAILED. */
int groupreq_fail(struct ike_sa *sa);
/* What the answer to @t says of the group; takes @t, NULL is harmless */
void groupreq_got_answer(struct ike_sa *sa, const struct ike_in *in,
			 struct ike_task *t);

#endif
