/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mcsecd as a process: what holds the machines of gcks/ and member/ together
 * with sockets, kernel and store. One per process; main.c makes it.
 */
#ifndef APP_APP_H
#define APP_APP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "conf/conf.h"
#include "ike/engine.h"
#include "kernel/kernel.h"
#include "lib/addr.h"
#include "lib/err.h"
#include "lib/loop.h"
#include "lib/timer.h"
#include "lib/udp.h"
#include "store/vault.h"

struct cert_chain;
struct ctl;
struct gcks;
struct linkmon;
struct mcast;
struct member;
struct trust;
struct app;

/* UDP encapsulation (RFC 7296 2.23): octets of zero before IKE on 4500 */
#define APP_MARKER_LEN 4
extern const uint8_t app_marker[APP_MARKER_LEN];

/* A UDP socket for unicast IKE, of one role. */
struct sock {
	struct app *app;
	struct loop_fd fd;
	struct ep local;
	struct ike_engine **engine;
};

struct app {
	struct conf *conf;
	bool debug; /* log all, whatever the configuration says */
	bool reloading; /* the stores have not answered yet */
	struct timerq tq;
	struct loop *loop;
	struct ctl *ctl;
	uint8_t buf[UDP_MAX];

	/* who we are */
	struct sigkey *key;
	struct cert_chain *chain;
	struct trust *trust;
	struct timer expiry;
	FILE *key_export;

	/* role gcks */
	struct vault vault; /* the store and its witness */
	struct gcks *gcks;
	struct ike_engine *gcks_engine;
	struct sa_pld gcks_proposals;
	struct sock listen[CONF_MAX_LISTEN];
	size_t n_listen;
	/* where GSA_REKEY leaves: IPv4, IPv6; -1 for none */
	int rekey_fd[2];
	char rekey_note[ERR_LEN]; /* about the way of rekeys, as last logged */

	/* role member */
	struct member *member;
	struct key_notes *key_notes;
	struct ike_engine *member_engine;
	struct sock unicast;
	struct sock natt; /* behind a NAT */
	struct mcast *mcast;
	struct kernel kernel;
	bool kernel_open;
	struct loop_fd kernel_fd;
	struct linkmon *links;
	struct loop_fd link_fd;
};

/* All int functions return 0 or -errno with one line in @err. */

/* identity.c */

/* Certificate, key and CA of the configuration. */
int app_load_identity(struct app *a, struct err *err);
/* Warns, and again each day, when the certificate is about to end. */
void app_watch_expiry(struct app *a);
int app_open_key_export(struct app *a, struct err *err);
void app_free_identity(struct app *a);
/* What hosts of both roles have in common. */
struct ike_engine_cfg app_engine_cfg(struct app *a);
/* Tells the peers of all IKE SAs that these end. */
void app_close_sas(struct ike_engine *engine);

/* sock.c */

/* @s has to stay where it is. @engine may be filled in later. */
int app_open_sock(struct app *a, struct sock *s, const struct ep *local,
		  struct ike_engine **engine, struct err *err);
void app_close_sock(struct app *a, struct sock *s);
/* Failures are the network's, and left to retransmission. */
void app_sock_send(struct sock *s, const struct ep *from, const struct ep *to,
		   const uint8_t *p, size_t len);
/* Strips the non-ESP marker; false when it is missing. */
bool app_strip_marker(const uint8_t **p, size_t *len);

/* where.c */

/* The hints that say which interface rekeys are sent or heard by. */
struct where {
	struct ep to; /* the rekey address */
	const char *interface; /* as configured, or "" */
	/* the key server for a member, for it our own address; or none */
	struct ep other;
	int fd; /* a socket of this role, may be of a VRF */
	const char *setting; /* the name of what @interface sets */
};

/*
 * 0 or -errno, and one line in @why: what is wrong and what to set; on success
 * what was assumed where nobody decided, or "".
 */
int app_where(const struct where *w, uint32_t *ifindex, struct err *why);

/* reload.c */

/* One line about one thing that a reload changes, for an operator. */
typedef void app_change_fn(void *arg, const char *line);
/* All is done (@ret 0), or an error has one line in @why. */
typedef void app_reload_fn(void *arg, int ret, const char *why);

/*
 * Tells @fn, a line each, what a reload of @file (NULL: of the file that was
 * loaded) would change, so that an administrator sees it first. 0 or -errno.
 */
int app_reload_check(struct app *a, const char *file, app_change_fn *fn,
		     void *arg, struct err *err);
/*
 * Reads the configuration's file again and goes over to it, or changes nothing
 * and says why. @done is called once, perhaps before this returns.
 */
void app_reload(struct app *a, app_reload_fn *done, void *arg);

/* gcks.c, member.c: to be called once; what failed is stopped as well */

int app_start_gcks(struct app *a, struct err *err);
void app_stop_gcks(struct app *a);
int app_start_member(struct app *a, struct err *err);
void app_stop_member(struct app *a);

#endif
