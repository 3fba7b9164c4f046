/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group key management (X.1101 3.2.5): makes, distributes and renews the
 * keys of a group.
 *
 * A change goes through one door:
 *
 *	gkm_begin(g, &c)	a copy of the state to work on
 *	lkh_add(), lkh_remove(), c.next.next_sid ...
 *	gkm_commit(g, &c, ...)	new keys, messages, store, then memory and
 *				network; or nothing at all
 *
 * Each GSA_REKEY is in the store before its first copy leaves. So its
 * Message ID, which is its IV too, is never used for other octets, and a key
 * server that was killed in between sends the very same octets when it is
 * back.
 */
#ifndef GCKS_GKM_H
#define GCKS_GKM_H

#include "gcks/group.h"

/*
 * How a change is announced.
 * GKM_SIMPLE: to those who are in, under the Rekey SA's own key.
 * GKM_JOIN: the same, and tree keys of the joiners' paths are replaced.
 * GKM_EXCLUDE: two messages (RFC 9838 3.2.1): the new Rekey SA, which who is
 *	out can't open, then over it the new Data SA.
 */
enum gkm_how {
	GKM_SIMPLE,
	GKM_JOIN,
	GKM_EXCLUDE,
};

struct gkm_change {
	struct gkm_state next;
	struct rekey_sa rs;
	struct outbox out;
	/* what signs rekeys over the new Rekey SA, if it is another one */
	struct sigkey *sign;
	/* whom @write keeps out, or NULL; and since when */
	const char *deny;
	int64_t deny_since;
};

/* Writes the caller's own records, within the transaction. */
typedef int gkm_write_fn(struct group *g, struct gkm_change *c, void *arg);

/*
 * Message IDs that the store counts ahead, so that not every beat is written.
 * They are used once at most: those left at a restart are skipped.
 */
#define GKM_MIDS_AHEAD 16

/* ---- gkm.c -------------------------------------------------------------- */

int gkm_init(struct group *g);
void gkm_free(struct group *g);
void gkm_begin(struct group *g, struct gkm_change *c);
/* Gives up a change that was begun; the tree goes back. */
void gkm_abandon(struct group *g, struct gkm_change *c);
/*
 * 0, or -errno and the change was given up. @write may be NULL. @why is for
 * log and audit trail.
 */
int gkm_commit(struct group *g, struct gkm_change *c, enum gkm_how how,
	       gkm_write_fn *write, void *arg, const char *why);
/* Everybody out, Sender-IDs and keys from new: RFC 9838 2.5.1, 2.4.3. */
int gkm_restart(struct group *g, const char *why);
/* The same with another signing key. */
int gkm_reset(struct group *g, const char *why);
/*
 * The same with a store that cannot be believed: members are not told, since
 * Message IDs of the Rekey SA may have been used. They notice that they hear
 * nothing any more.
 */
int gkm_disown(struct group *g, const char *why);

/* Policies as they are now; zero SPIs when the group has no keys yet. */
void gkm_rekey_policy(const struct group *g, const struct gkm_state *st,
		      struct gsa_sa *sa);
void gkm_data_policy(const struct group *g, const struct gkm_state *st,
		     struct gsa_sa *sa);
/* GSA of a registration: both SAs, GCAUTH, Message ID; no GW policy. */
void gkm_registration_policy(const struct group *g, struct gsa *gsa);
/* The machine of @st's Rekey SA, signed by @sign of the group's kind. */
int gkm_rekey_sa(struct group *g, const struct gkm_state *st,
		 const struct sigkey *sign, struct rekey_sa *rs);
/* Wraps @w into @kd; @def is the default KWK, @st's Rekey SA the one meant. */
int gkm_wrap(const struct group *g, const struct gkm_state *st,
	     const struct lkh_wraps *w, const struct kwk *def, struct kd *kd);
/* Adds the Data SA's bag. */
int gkm_wrap_data(const struct gkm_state *st, const struct kwk *def,
		  struct kd *kd);

/* ---- gkm_timer.c -------------------------------------------------------- */

void gkm_timers_init(struct group *g);
void gkm_timers_stop(struct group *g);
/* Now, in the time that goes into messages: milliseconds, never backwards. */
uint64_t gkm_time_ms(const struct group *g);
/* The store has been read: time goes on from there at least. */
void gkm_time_floor(struct group *g);
/* A member that hears nothing of its group for so long asks. */
uint32_t gkm_silence_ms(const struct group *g);
/* When a message was made, for members to see how old it is. */
void gkm_made(const struct group *g, struct gsa_gw *gw);
/* A rekey as soon as it may go. */
int gkm_rekey_now(struct group *g, const char *why);
/* (Re)arms the timers of the periodic rekey and of the beat. */
void gkm_schedule(struct group *g);
/* The next beat comes in @ms at the latest, if there is to be one. */
void gkm_beat_soon(struct group *g, uint32_t ms);
/* Seconds of lifetime left. */
uint32_t gkm_left(const struct group *g, const struct gkey *key);

/* ---- gkm_msg.c ---------------------------------------------------------- */

/*
 * Builds what announces @c into c->out. *told: there was somebody to tell.
 * Message IDs of g->rs are consumed; nothing is sent.
 */
int gkm_messages(struct group *g, struct gkm_change *c, enum gkm_how how,
		 bool *told);
/* AUTH_KEY of @sign. */
int gkm_put_auth_key(const struct sigkey *sign, struct kd *kd);
/* D(ESP, all), D(GIKE_UPDATE, all) to where members listen now. */
int gkm_farewell(struct group *g, struct gkm_change *c);
/* The Data SA there is, once more, over the Rekey SA there is: one copy. */
int gkm_beat_message(struct group *g, struct gkm_change *c);
/* Milliseconds until the last copy of a change has gone. */
uint32_t gkm_copies_ms(const struct group *g, enum gkm_how how);
/* Milliseconds from the first message of an exclusion to the last copy of
 * the second, but for the late one.
 */
uint32_t gkm_burst_ms(const struct group *g);
/* Milliseconds from the first message until senders have changed over. */
uint32_t gkm_effective_ms(const struct group *g);

/* ---- gkm_store.c -------------------------------------------------------- */

/*
 * Reads state, signing key, tree and unsent messages. Roster comes first.
 * *changed: the settings are not those that members know. Then the tree has
 * not been read, and gkm_restart() has to follow. *disown: why the store is
 * not to be believed, or NULL. Then neither tree nor messages have been read,
 * and gkm_disown() has to follow.
 */
int gkm_load(struct group *g, bool *changed, const char **disown, char *err,
	     size_t errlen);
int gkm_put_state(struct group *g, const struct gkm_state *st);
/* Counts a change that is not one of keys, within its transaction. */
int gkm_count(struct group *g);
int gkm_put_tree(struct group *g);
int gkm_del_tree(struct group *g);
int gkm_del_outs(struct group *g);
int gkm_put_sign(struct group *g, const struct sigkey *key);
int gkm_out_key(const struct out_msg *o, char *key);
int gkm_put_out(struct group *g, const struct out_msg *o);
/* A digest of every setting that members were told when they registered. */
int gkm_policy_digest(const struct conf_group *conf,
		      uint8_t digest[static GKM_DIGEST]);

/* ---- gkm_send.c --------------------------------------------------------- */

/*
 * A message with @n copies due at @at_ms after it is sent off. Takes over
 * what @w holds. NULL: no memory.
 */
struct out_msg *out_msg_new(struct group *g, struct wbuf *w,
			    const uint32_t *at_ms, unsigned int n);
void out_msg_free(struct out_msg *o);
/* Sends what is due at once and arms the timer; @o is in g->out from now on. */
void out_msg_start(struct group *g, struct out_msg *o);
void outbox_drop_all(struct outbox *out);
/* Copies of the last change that are still to go for the first time. */
bool gkm_unsent(const struct group *g);
/* Senders that have not said that they use the Data SA there is. */
uint32_t gkm_unconfirmed(const struct group *g);
/* @m has said so of @spi. */
void gkm_confirm(struct group *g, struct gmember *m, uint32_t spi);
/* Sends off and takes over all of @out. */
void gkm_send_all(struct group *g, struct outbox *out);

#endif
