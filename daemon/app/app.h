/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mcsecd process: connects the machines of gcks/ and member/ with sockets,
 * kernel and store. One per process, created by main.c.
 */
#ifndef APP_APP_H
#define APP_APP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "conf/conf.h"
#include "crypto/signed.h"
#include "ike/engine.h"
#include "kernel/kernel.h"
#include "lib/addr.h"
#include "lib/err.h"
#include "lib/loop.h"
#include "lib/timer.h"
#include "lib/udp.h"
#include "relay/status.h"
#include "store/vault.h"

struct cert_chain;
struct crl_seen;
struct crls;
struct ctl;
struct edges;
struct gcks;
struct grant_answer;
struct grant_ends;
struct linkmon;
struct mcast;
struct member;
struct parent;
struct ppks;
struct psks;
struct trust;
struct app;

/*
 * Non-ESP marker: zero octets before IKE on port 4500 (RFC 7296 section 2.23).
 */
#define APP_MARKER_LEN 4
extern const uint8_t app_marker[APP_MARKER_LEN];

/* A UDP socket for unicast IKE of one role. */
struct sock {
	struct app *app; /* NULL: was never opened */
	struct loop_fd fd; /* fd.fd is -1 behind app_close_sock() */
	struct ep local;
	struct ike_engine **engine;
	bool marked; /* IKE has the non-ESP marker, whatever the ports are */
	uint32_t lost; /* the last count of SO_RXQ_OVFL */
	struct timer serve; /* first messages wait */
};

/* Secrets shared with peers; a table is NULL if there are none. */
struct peer_keys {
	struct psks *psks; /* for AUTH */
	struct ppks *ppks; /* mixed into the keys of IKE SAs */
};

struct app {
	struct conf *conf;
	bool failed; /* stopped by a fault, not by an order */
	bool seal_rejected; /* vault_open(): no other start can help */
	bool debug; /* log everything, whatever is configured */
	bool reloading; /* waiting for the stores */
	struct reload *reload_waits; /* requested during that */
	char reload_error[ERR_LEN]; /* "": the last one has succeeded */
	struct timerq tq;
	struct loop *loop;
	struct loop_fd helper_fd;
	struct ctl *ctl;
	struct udp_batch batch;

	/* Own identity. */
	struct sigkey *key;
	struct cert_chain *chain;
	struct trust *trust;
	struct crls *crls; /* revocation lists; NULL: none are configured */
	struct timer crl_watch;
	time_t crl_due; /* next warning, in seconds since 1970 */
	struct peer_keys peer_keys;
	/* Own identity if there is no certificate. */
	struct ike_id id;
	char name[SIGNED_ID_MAX]; /* either as text, or "" */
	struct timer expiry;
	FILE *key_export;

	/* Role gcks. */
	struct vault vault; /* the store and its witness */
	struct app_audit *audit; /* NULL: no trail */
	struct gcks *gcks;
	struct ike_engine *gcks_engine;
	struct sa_pld gcks_proposals;
	struct sock listen[CONF_MAX_LISTEN];
	size_t n_listen;
	/* Sockets that send GSA_REKEY: IPv4, IPv6; -1 if there is none. */
	int rekey_fd[2];
	char rekey_note[ERR_LEN]; /* last logged problem of sending rekeys */

	/* Role member. */
	struct member *member;
	struct timer lost; /* reads the kernel's counters */
	struct key_digests *key_digests;
	struct ike_engine *member_engine;
	struct sock unicast;
	struct sock natt; /* for UDP encapsulation */
	struct mcast *mcast;
	struct kernel kernel;
	bool kernel_open;
	struct loop_fd kernel_fd;
	struct timer events_retry; /* reads the kernel's events again */
	char events_error[ERR_LEN]; /* why they cannot be had, or "" */
	struct linkmon *links;
	struct loop_fd link_fd;
	struct edges *edges; /* NULL: no group has relays here */
};

/* Functions of type int return 0, or -errno with one line in @err. */

/* ---- peer_keys.c -------------------------------------------------------- */

/*
 * Read all files of pre-shared keys and PPKs that @c names, as they are now.
 * Returns 0, or -errno with one line in @err; then *@out is empty.
 */
int app_load_peer_keys(const struct conf *c, struct peer_keys *out,
		       struct err *err);
void app_free_peer_keys(struct peer_keys *keys); /* wipes */
/* Pass to @fn, line by line, what app_change_peer_keys() would change. */
void app_check_peer_keys(const struct app *a, const struct peer_keys *to,
			 conf_change_fn *fn, void *arg);
/*
 * Take over the keys of @to, which is empty afterwards, and log what changes.
 * IKE SAs that their peers could not open in this way any more are closed.
 */
void app_change_peer_keys(struct app *a, struct peer_keys *to);

/* ---- crl.c --------------------------------------------------------------- */

/*
 * Read the revocation lists that @c names, as they are now; *@out is NULL if it names
 * none, and freed by crls_free(). Returns 0, or -errno with one line in @err.
 */
int app_load_crls(const struct app *a, const struct conf *c, struct crls **out,
		  struct err *err);
/*
 * Check that no list of @to is older than one that is in use or was used before, and pass
 * to @fn, line by line, what @to would change. Returns 0, or -errno with one line in @err.
 */
int app_check_crls(const struct app *a, const struct crls *to,
		   conf_change_fn *fn, void *arg, struct err *err);
/*
 * Write down which lists @to has, for the next start: *@out, which may be NULL, has to
 * be passed to app_end_note(). Returns 0, or -errno with one line in @err.
 */
int app_note_crls(const struct app *a, const struct crls *to,
		  struct crl_seen **out, struct err *err);
/* Keep the note if the lists are @used from now on, or drop it. Frees @seen. */
void app_end_note(struct crl_seen *seen, bool used);
/*
 * Read the revocation lists of the configuration and use them, once. Returns 0, or
 * -errno with one line in @err.
 */
int app_read_crls(struct app *a, struct err *err);
/*
 * The same for a start, before the first peer is heard and after app_protect_member():
 * the lists must follow those that were in use, and are noted. An error is recorded in the
 * audit trail as well.
 */
int app_take_crls(struct app *a, struct err *err);
/*
 * Judge peers by @to, which is taken over, or by no lists if it is NULL, and log what
 * changes. IKE SAs of peers with revoked certificates are closed; the caller also lets
 * the key server look at its members.
 */
void app_change_crls(struct app *a, struct crls *to);
/*
 * Log which lists are missing, outdated or about to be, and whether one revokes the own
 * certificate.
 */
void app_warn_of_crls(const struct app *a);
/* The same now, and of outdated lists and the own certificate whenever that changes. */
void app_watch_crls(struct app *a);

/* ---- identity.c --------------------------------------------------------- */

/* Load certificate, key, CA, pre-shared keys and PPKs of the configuration. */
int app_load_identity(struct app *a, struct err *err);
/* Warn daily once the end of the certificate is near. */
void app_watch_expiry(struct app *a);
int app_open_key_export(struct app *a, struct err *err);
void app_free_identity(struct app *a);
/* Return the settings that the IKE engines of both roles share. */
struct ike_engine_cfg app_engine_cfg(struct app *a);
/* Return the additional key exchanges of a role for its engine. */
struct ike_addke app_addke(const struct conf_addke *c);
/* Close all IKE SAs, which tells the peers. */
void app_close_sas(struct ike_engine *engine);

/* ---- sock.c ------------------------------------------------------------- */

/*
 * Open a socket; @s must not move afterwards. *@engine may be set later. After an error
 * @s->app is NULL.
 */
int app_open_sock(struct app *a, struct sock *s, const struct ep *local,
		  struct ike_engine **engine, struct err *err);
void app_close_sock(struct app *a, struct sock *s);
/* Like udp_send(), behind the non-ESP marker (RFC 7296 2.23) if @mark is set. */
int app_send(int fd, const struct ep *from, const struct ep *to, bool mark,
	     const uint8_t *p, size_t len);
/*
 * Send one datagram. Returns 0 or -errno; retransmission handles errors of the
 * network.
 */
int app_sock_send(struct sock *s, const struct ep *from, const struct ep *to,
		  const uint8_t *p, size_t len);
/* Strip the non-ESP marker. Returns false if it is missing. */
bool app_strip_marker(const uint8_t **p, size_t *len);

/* ---- interface.c -------------------------------------------------------- */

/* Hints for choosing the interface on which rekeys are sent or received. */
struct rekey_path {
	struct ep to; /* multicast address of rekeys */
	const char *interface; /* configured interface, or "" */
	/*
	 * At a member the key server's address, at the key server its own, or
	 * unspecified.
	 */
	struct ep other;
	int fd; /* socket of this role, may be bound to a VRF */
	const char *setting; /* name of the setting behind @interface */
};

/*
 * Choose the interface. Returns 0 or -errno. One line in @err: after an error
 * the reason and the setting that helps; on success an assumption that was
 * made, or "".
 */
int app_choose_interface(const struct rekey_path *w, uint32_t *ifindex,
			 struct err *err);

/* ---- reload.c ----------------------------------------------------------- */

/* Completion of a reload: @ret is 0, or -errno with one line in @why. */
typedef void app_reload_fn(void *arg, int ret, const char *why);

/*
 * Pass to @fn, line by line, what a reload of @file (NULL: the loaded file)
 * would change, so that an administrator can check first. Changes nothing.
 */
int app_reload_check(struct app *a, const char *file, conf_change_fn *fn,
		     void *arg, struct err *err);
/*
 * Read the configuration file again and apply it, or change nothing and
 * report why. @done is called once, perhaps before this returns. Requests that
 * come while a reload is in flight are served together by one reload behind it,
 * because the file may have changed after the first one read it.
 */
void app_reload(struct app *a, app_reload_fn *done, void *arg);
/* Answer the requests that still wait; call before the roles are stopped. */
void app_stop_reload(struct app *a);

/* ---- faults.c ----------------------------------------------------------- */

/*
 * Called for each fault with its kind, what to do, and what is wrong, as for
 * problem_add() of ctl/.
 */
typedef void app_fault_fn(void *arg, const char *kind, const char *cure,
			  const char *text);
void app_each_fault(struct app *a, app_fault_fn *fn, void *arg);

/* ---- gcks.c, member.c --------------------------------------------------- */

/*
 * Start a role, once. app_stop_gcks() or app_stop_member() must be called also
 * if the start has failed.
 */
int app_start_gcks(struct app *a, struct err *err);
/*
 * Pass to @fn, line by line, what app_start_gcks() would change compared with the
 * key server's store. No other process may have it open, and it does not change.
 * Returns 0, -EACCES or -EBUSY if the store cannot be read now, as when its seal key
 * needs a PIN, or the error of such a start, with one line in @err.
 */
int app_start_check(struct app *a, conf_change_fn *fn, void *arg,
		    struct err *err);
void app_stop_gcks(struct app *a);
/*
 * Close the groups of the member in the kernel: from here on no cleartext leaves,
 * whatever else fails. Comes before app_start_member().
 */
int app_protect_member(struct app *a, struct err *err);
int app_start_member(struct app *a, struct err *err);
void app_stop_member(struct app *a);

/* ---- edges.c ------------------------------------------------------------ */

/*
 * Relay groups, and ask relays, as the configuration says. app_stop_edges() must be
 * called also if the start has failed, and before app_stop_member().
 */
int app_start_edges(struct app *a, struct err *err);
/*
 * Send the children of a relay to others before it stops. @done is called when they have
 * left, after seconds at most, but not if false is returned: there are none, or they were
 * sent away already.
 */
bool app_leave_edges(struct app *a, void (*done)(void *arg), void *arg);
void app_stop_edges(struct app *a);
/* Follow a->conf, which has changed. Errors are logged. */
void app_reload_edges(struct app *a);
/* Look at all edges soon, as a membership has changed. */
void app_wake_edges(struct app *a);
/* For struct ike_ops of the member: grants of the key server, and their ends. */
void app_edges_grant(struct app *a, struct ike_sa *sa,
		     const struct grant_answer *ans);
void app_edges_ends(struct app *a, const struct grant_ends *ends);
/* Close IKE SAs of edges whose peers the present revocation lists revoke. */
void app_edges_crls(struct app *a);
/* Return the machine of the relay that this host is, or NULL. */
const struct parent *app_relay(const struct app *a);
void app_each_edge_group(struct app *a, edge_group_fn *fn, void *arg);

#endif
