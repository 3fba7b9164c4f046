/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local control socket: one JSON object per line in, one per line out.
 *
 *	{"cmd":"evict","group":"video","id":"b.example"}
 *	{"ok":true,"json-version":1,"effective-ms":9000,...}
 *	{"ok":false,"json-version":1,"error":"there is no ..."}
 *
 * Commands and answers are in mcsecd(8), their form is in
 * Documentation/schema. Mode 0600, and only root or the daemon's own user is
 * answered (SO_PEERCRED). Clients can't hold the daemon up: requests are
 * short, answers wait in a buffer of the client's own, and who neither asks
 * nor reads is closed.
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <stddef.h>

#include "lib/err.h"
#include "lib/loop.h"
#include "lib/timer.h"

/* Octets of a request, its newline included. */
#define CTL_REQUEST_MAX 4096
#define CTL_MAX_CLIENTS 32
/* A client that does nothing for so long is closed. */
#define CTL_IDLE_MS 60000

struct gcks;
struct ike_engine;
struct member;
struct ctl;

struct app;

/* Roles of this process, NULL for none; they outlive the socket. */
struct ctl_roles {
	/* may be NULL; app/app.h has what they do */
	struct app *app;
	void (*reload)(struct app *app,
		       void (*done)(void *arg, int ret, const char *why),
		       void *arg);
	int (*reload_check)(struct app *app, const char *file,
			    void (*fn)(void *arg, const char *line), void *arg,
			    struct err *err);
	struct gcks *gcks;
	struct ike_engine *gcks_engine;
	struct member *member;
	struct ike_engine *member_engine;
	const char *version;
};

/*
 * A socket left by a dead daemon is replaced; one that answers is not
 * (-EADDRINUSE), nor is a file that is no socket. @err gets words.
 */
int ctl_new(struct loop *loop, struct timerq *tq, const char *path,
	    struct ctl **out, struct err *err);
/* What it answers of, before the loop runs for the first time. */
void ctl_serve(struct ctl *ctl, const struct ctl_roles *roles);
/* Closes all clients and removes the socket. */
void ctl_free(struct ctl *ctl);

/*
 * The answer to a request, without newline, for free(); NULL when memory is
 * out.
 */
typedef void ctl_done_fn(void *arg, char *text);
struct ctl_request;

/*
 * One request of a client, for the socket and for tests. @done is called once:
 * before this returns, which is NULL then, or later, since a store may take its
 * time.
 */
struct ctl_request *ctl_ask(const struct ctl_roles *roles, const char *request,
			    size_t len, ctl_done_fn *done, void *arg);
/* The client is gone: what it asked for is done, and @done is not called. */
void ctl_forget(struct ctl_request *q);

#endif
