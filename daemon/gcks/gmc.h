/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group and membership control (X.1101 3.2.3): who may be in a group, who
 * is, who must not come back, and what of it is written down. That a peer is
 * who it says was settled by ike/ before.
 */
#ifndef GCKS_GMC_H
#define GCKS_GMC_H

#include "gcks/group.h"

/* Below GMC_HASH */
unsigned int gmc_hash(const char *identity);
void gmc_init(struct group *g);
void gmc_free(struct group *g);
/* Reads roster and denied identities. 0 or -errno, one line in @err. */
int gmc_load(struct group *g, char *err, size_t errlen);

/* ---- authorisation ------------------------------------------------------ */

/* 0: may; else the reason in words, static. */
const char *gmc_may(const struct group *g, const char *identity, bool send,
		    bool receive);
/* What the lists say, without a look at who is denied. */
bool gmc_may_send(const struct group *g, const char *identity);
bool gmc_may_receive(const struct group *g, const char *identity);
const struct deny_entry *gmc_denied(const struct group *g,
				    const char *identity);

/* ---- roster ------------------------------------------------------------- */

/* Not in the roster until gmc_enter(). NULL: no memory. */
struct gmember *gmc_member_new(const char *identity);
void gmc_member_free(struct gmember *m);
void gmc_enter(struct group *g, struct gmember *m);
/* Takes it out and frees it. */
void gmc_drop(struct group *g, struct gmember *m);
void gmc_drop_all(struct group *g);
void gmc_set_send(struct group *g, struct gmember *m, bool send);
void gmc_set_fragments(struct group *g, struct gmember *m, bool fragments);
struct gmember *gmc_find(const struct group *g, const char *identity);
struct gmember *gmc_find_number(const struct group *g, uint64_t number);

/* ---- within a transaction of the store ---------------------------------- */

int gmc_put_member(struct group *g, const struct gmember *m);
int gmc_del_member(struct group *g, const struct gmember *m);
int gmc_del_members(struct group *g);
int gmc_put_denied(struct group *g, const char *identity, int64_t since);
int gmc_del_denied(struct group *g, const char *identity);
int gmc_audit(struct gcks *k, const char *group, const char *identity,
	      const char *event, const char *detail);

/* Once the store has taken it. -ENOMEM only. */
int gmc_note_denied(struct group *g, const char *identity, int64_t since);
void gmc_note_admitted(struct group *g, const char *identity);

/*
 * Some group of @k would let @identity in. If none would, only an
 * administrator can change that.
 */
bool gmc_welcome(const struct gcks *k, const char *identity);

/* ---- Sender-IDs --------------------------------------------------------- */

/*
 * May @identity have Sender-IDs of the group now? If so that counts: the
 * next time is a second later at the earliest, then two, and so on up to a
 * minute; each two minutes of rest halve it.
 */
bool gmc_pace(struct group *g, const char *identity);
/* Forgets how fast anybody asked, of all groups. */
void gmc_pace_forget(struct gcks *k);

/* ---- coming and going --------------------------------------------------- */

/* @identity has joined. */
void gmc_came(struct group *g, const char *identity);
/*
 * How long the rekey for @identity's leave waits, in milliseconds: not at all,
 * unless it comes and goes again and again; then up to a minute. If it is back
 * by then nothing has to change.
 */
uint32_t gmc_leave_wait_ms(struct group *g, const char *identity);

#endif
