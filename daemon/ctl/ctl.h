/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local control socket: one JSON object per line in each direction.
 *
 *	{"cmd":"evict","group":"video","id":"b.example"}
 *	{"ok":true,"json-version":1,"effective-ms":9000,...}
 *	{"ok":false,"json-version":1,"error":"there is no ..."}
 *
 * mcsecd(8) describes commands and answers, and Documentation/schema their
 * format. The socket has mode 0600, and only root and the daemon's own user are
 * answered (SO_PEERCRED). Clients cannot delay the daemon: requests are short,
 * answers wait in a buffer per client, and idle clients are closed.
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <stddef.h>

#include "lib/err.h"
#include "lib/loop.h"
#include "lib/timer.h"

/* Size of a request, including its newline; one with a signed document is the largest. */
#define CTL_REQUEST_MAX 262144
#define CTL_MAX_CLIENTS 32
/* An idle client is closed after this time. */
#define CTL_IDLE_MS 60000
/* Clients that watch, and octets of lines that wait for one that reads slowly. */
#define CTL_MAX_WATCHERS 8
#define CTL_WATCH_ROOM 65536

struct gcks;
struct edge_group_status;
struct ike_engine;
struct member;
struct parent;
struct trail_state;
struct trust;
struct ctl;

struct app;
struct cert_chain;
struct clock;
struct trust;

/* Roles of this process, or NULL; they outlive the socket. */
struct ctl_roles {
	/* @app may be NULL. app/app.h describes the functions. */
	struct app *app;
	void (*reload)(struct app *app,
		       void (*done)(void *arg, int ret, const char *why),
		       void *arg);
	int (*reload_check)(struct app *app, const char *file,
			    void (*fn)(void *arg, const char *line), void *arg,
			    struct err *err);
	void (*audit)(struct app *app, struct trail_state *to);
	void (*faults)(struct app *app,
		       void (*fn)(void *arg, const char *kind, const char *cure,
				  const char *text),
		       void *arg);
	/* Edges of groups, and the relay that this host is or NULL. */
	void (*edge_groups)(struct app *app,
			    void (*fn)(void *arg,
				       const struct edge_group_status *s),
			    void *arg);
	const struct parent *(*relay)(const struct app *app);
	/* The file of the configuration that is in use. */
	const char *(*configuration)(struct app *app);
	/* Own certificates and CAs; NULL: none. */
	const struct cert_chain *chain;
	const struct trust *trust;
	const struct clock *clock; /* for their dates; NULL: the system's */
	/*
	 * Send the lines of the log to the client that asks, behind the answer.
	 * Returns 0 or -EBUSY. NULL: there is no client that waits for them.
	 */
	int (*watch)(void *client);
	void *client;
	/* The user who asks, as for gcks_set_actor(); NULL: no user. */
	const char *actor;
	struct gcks *gcks;
	struct ike_engine *gcks_engine;
	struct member *member;
	struct ike_engine *member_engine;
	const char *version;
};

/*
 * Open the socket at @path. One that a dead daemon left is replaced. @loop and @tq must
 * outlive it. Returns 0, or -errno with one line in @err: -EADDRINUSE if another process
 * listens there, -EEXIST for another kind of file.
 */
int ctl_new(struct loop *loop, struct timerq *tq, const char *path,
	    struct ctl **out, struct err *err);
/* Set the roles, before the loop runs for the first time. */
void ctl_serve(struct ctl *ctl, const struct ctl_roles *roles);
/* Close all clients, and remove the socket. */
void ctl_free(struct ctl *ctl);

/*
 * Completion with the answer to a request, without a newline. The callee frees
 * @text, which is NULL without memory.
 */
typedef void ctl_done_fn(void *arg, char *text);
struct ctl_request;

/*
 * Process one request of a client, for the socket and for tests. @done is
 * called once: before the function returns NULL, or later, since a store may
 * take time.
 */
struct ctl_request *ctl_ask(const struct ctl_roles *roles, const char *request,
			    size_t len, ctl_done_fn *done, void *arg);
/*
 * Forget the client of a request. The request is completed, but @done is not
 * called.
 */
void ctl_forget(struct ctl_request *q);

#endif
