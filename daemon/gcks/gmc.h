/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group and membership control (X.1101 section 3.2.3): authorization, the
 * roster, denied identities, and the records of these. Identities were
 * authenticated by ike/ before.
 */
#ifndef GCKS_GMC_H
#define GCKS_GMC_H

#include "gcks/group.h"
#include "lib/err.h"

/* Return a hash of @identity below REQUEST_BUCKETS. */
unsigned int gmc_hash(const char *identity);
void gmc_init(struct group *g);
/* Free roster and denied identities; the store keeps both. */
void gmc_free(struct group *g);
/*
 * Read the roster and the denied identities. Returns 0, or -errno with one
 * line in @err.
 */
int gmc_load(struct group *g, struct err *err);

/* ---- authorization ------------------------------------------------------ */

/*
 * Return NULL if @identity may be a member that sends, or else that receives
 * only; otherwise the reason as a static string. See policy_refusal().
 */
const char *gmc_refusal(const struct group *g, const char *identity, bool send);
#define GMC_REVOKED "the certificate is revoked"
/* Return true if a certificate of @refs is revoked, by the lists as they are now. */
bool gmc_revoked(const struct group *g, const struct cert_refs *refs);
/*
 * Return how it is with a former certificate of @m that has ended, or that the lists
 * revoke or may revoke, and whose holder can still read what the group sends: the path
 * of @m's leaf has to be renewed. NULL: there is none.
 */
const char *gmc_exposed(const struct gmember *m);
/* Return true if some member has a certificate that is revoked, or is exposed. */
bool gmc_some_revoked(const struct group *g);
/*
 * Return NULL if @m may stay a member under @conf, @psks and the revocation lists, and
 * it was not decided before that it may not (gmc_set_must_go()); otherwise the reason
 * as a static string. The identity is not denied for it: it may have another
 * certificate or key, or be in the lists again.
 */
const char *gmc_member_refusal(const struct gmember *m,
			       const struct conf_group *conf,
			       const struct psks *psks);
/* Return true if @identity was evicted, and not admitted again. */
bool gmc_denied(const struct group *g, const char *identity);

/* ---- roster ------------------------------------------------------------- */

/* Return the next member of all, in no order; see htab_each(). */
struct gmember *gmc_each(const struct group *g, struct htab_walk *w);
/*
 * Add @m to the roster, which owns it from then on. This, and what makes it a member that
 * has struct gmember_more, is for one that has it, or is reserved: see gmember.h.
 */
void gmc_enter(struct group *g, struct gmember *m);
/* Remove @m from the roster and free it. */
void gmc_drop(struct group *g, struct gmember *m);
void gmc_drop_all(struct group *g);
/*
 * Return true if @m is a sender that is known to use the current Data SA. Their
 * number is g->n_confirmed, which g->st.data[0].key must not change behind.
 */
bool gmc_confirmed(const struct group *g, const struct gmember *m);
/* Note that @m sends with the Data SA @spi. */
void gmc_set_data_spi(struct group *g, struct gmember *m, uint32_t spi);
/*
 * Return the milliseconds since the last change of keys, since the start at most:
 * what members have not reported after a longer time is late.
 */
uint64_t gmc_waited_ms(const struct group *g);
/*
 * Return the milliseconds since the first change that a sender has not confirmed,
 * since the start at most; 0: it uses the current Data SA.
 */
uint64_t gmc_late_ms(const struct group *g, const struct gmember *m);
/* Set fields of @m, and the lists and counters of @g that depend on them. */
void gmc_set_send(struct group *g, struct gmember *m, bool send);
void gmc_set_fragments(struct group *g, struct gmember *m, bool fragments);
void gmc_set_inband(struct group *g, struct gmember *m, bool inband);
/*
 * Note that @m waits for a batch to leave, or that it does not any more. Returns 0, or
 * -ENOMEM if it was not to leave before.
 */
int gmc_set_leaving(struct group *g, struct gmember *m, bool leaving);
/* Note that @m may have lost its authorization: the next exclusion checks. */
void gmc_set_recheck(struct group *g, struct gmember *m, bool recheck);
/*
 * Note that the next exclusion takes @m out for @why, a static string. The exclusion may
 * have to wait, and only that ends it: by registering meanwhile with what it has then,
 * a member takes no keys from whoever has those that it was to lose. Requests of the
 * member wait until it is out.
 */
void gmc_set_must_go(struct group *g, struct gmember *m, const char *why);
/*
 * Note the mark of the pre-shared key of @m. @stored: its record has that; otherwise
 * psk_change_store() writes it.
 */
void gmc_set_mark(struct group *g, struct gmember *m,
		  const struct psk_mark *mark, bool stored);
/*
 * Set m->renewed; m->path_renewed was set before, and gmember_more() works.
 * gmc_set_path_renewing() is for a member with m->renewed, and lasts until
 * gmc_set_renewed() is called again.
 */
void gmc_set_renewed(struct group *g, struct gmember *m, bool renewed);
void gmc_set_path_renewing(struct group *g, struct gmember *m);
/* Return the member of @identity, which the roster owns, or NULL. */
struct gmember *gmc_find(const struct group *g, const char *identity);
/*
 * Return the member of that number, or NULL, from gmc_load() until gmc_load_end(), and
 * before the roster changes.
 */
struct gmember *gmc_find_number(const struct group *g, uint64_t number);
void gmc_load_end(struct group *g);

/* ---- within a transaction of the store; 0 or -errno --------------------- */

int gmc_put_member(struct group *g, const struct gmember *m);
/* The same for a copy of a member, which has no identity of its own. */
int gmc_put_member_as(struct group *g, const char *identity,
		      const struct gmember *m);
int gmc_del_member(struct group *g, const struct gmember *m);
int gmc_del_members(struct group *g);
/* @since: seconds since 1970. */
int gmc_put_denied(struct group *g, const char *identity, int64_t since);
int gmc_del_denied(struct group *g, const char *identity);
/*
 * Add a line to the audit trail; @group and @identity may be "". Returns 0 or
 * -errno.
 */
int gmc_audit(struct gcks *k, const char *group, const char *identity,
	      const char *event, const char *detail);

/*
 * Apply to memory what the store has taken; @since is in seconds since 1970. Returns 0
 * or -ENOMEM.
 */
int gmc_note_denied(struct group *g, const char *identity, int64_t since);
void gmc_note_admitted(struct group *g, const char *identity);

/*
 * Return true if a member may not stay under the settings @conf, or the keys have to
 * change for it.
 */
bool gmc_some_refused(const struct group *g, const struct conf_group *conf);
/* Count the members that may not stay under the settings in force. */
uint32_t gmc_count_refused(const struct group *g);
/*
 * Let the next exclusion check each of these members, see gmc_set_recheck(). Those that
 * the settings in force do not admit have to go, see gmc_set_must_go().
 */
void gmc_recheck_not_authorized(struct group *g, const struct conf_group *conf);
/*
 * Return true if some group of @k would admit @identity. If none would, only
 * an administrator can change that.
 */
bool gmc_admitted_somewhere(const struct gcks *k, const char *identity);

#endif
