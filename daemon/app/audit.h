/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit trail of the key server: lines of the store become records of the
 * trail (audit/trail.h), whose head is kept in the store.
 *
 * A line is in the transaction of the change that it tells of. No change is
 * without a line, and no line without its change. The record follows when the
 * transaction is on the disk, before anybody is answered; what a crash or a full
 * disk kept out of the trail is appended from the store as soon as that is
 * possible.
 */
#ifndef APP_AUDIT_H
#define APP_AUDIT_H

#include "lib/buf.h"
#include "lib/err.h"

struct app;
struct app_audit;
struct trail_state;

/*
 * Open the trail of the configuration, if there is to be one, once the store is
 * open. A trail that cannot be opened is an error only with audit-required;
 * otherwise it is tried again. Returns 0, or -errno with one line in @err.
 */
int app_open_audit(struct app *a, struct err *err);
/* Record the stop and close the trail, before the store is closed. */
void app_close_audit(struct app *a);
/* Record an event of the process; @detail may be "". */
void app_note_event(struct app *a, const char *event, const char *detail);
/*
 * Record a line for each of the NUL-terminated texts in @details, or one that
 * says "nothing", in one transaction.
 */
void app_note_changes(struct app *a, const char *event,
		      const struct wbuf *details);
/*
 * Ask whether a change may be made whose line is a transaction of its own.
 * Returns 0, or -errno with one line in @err if audit-required forbids it.
 */
int app_audit_ready(const struct app *a, struct err *err);
/* The state of the trail, for struct ctl_roles. */
void app_audit_state(struct app *a, struct trail_state *to);

#endif
