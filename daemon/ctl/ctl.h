/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local control socket: one JSON object per line in, one per line out.
 *
 *	{"cmd":"evict","group":"video","id":"b.example"}
 *	{"ok":true}
 *	{"ok":false,"error":"group \"vidio\" is not served here"}
 *
 * Commands and answers are in mcsecd(8). Mode 0600, and only root or the
 * daemon's own user is answered (SO_PEERCRED). Clients can't hold the daemon
 * up: requests are short, answers wait in a bounded buffer, and who doesn't
 * read is closed.
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <stddef.h>

#include "lib/loop.h"

struct gcks;
struct member;
struct ctl;

/*
 * @gcks, @member: roles of this process, NULL for none; they outlive the
 * socket. A socket left by a dead daemon is replaced; one that answers is not
 * (-EADDRINUSE). @err gets words.
 */
int ctl_new(struct loop *loop, const char *path, struct gcks *gcks,
	    struct member *member, struct ctl **out, char *err, size_t errlen);
/* Closes all clients and removes the socket. */
void ctl_free(struct ctl *ctl);

#endif
