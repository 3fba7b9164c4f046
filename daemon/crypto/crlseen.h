/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The age of the newest revocation list of each CA, in a file, so that no list is
 * replaced by an older one, or left out, over a restart either. The file has a line for
 * each CA and scope, and no secret. An administrator who wants an older list removes
 * the line, or the file.
 */
#ifndef CRYPTO_CRLSEEN_H
#define CRYPTO_CRLSEEN_H

#include "lib/err.h"

struct crl_seen;
struct crls;
struct trust;

/*
 * Read the file at @path; a missing one is as good as an empty one. It must be of the
 * owner alone. Returns 0 with *@out, which is freed by crl_seen_free(), or -errno with
 * one line in @err.
 */
int crl_seen_load(const char *path, struct crl_seen **out, struct err *err);
void crl_seen_free(struct crl_seen *seen);
/*
 * Check that @crls may be used: no list is older than the one of @seen, and none is
 * missing whose CA is below one of @trust still. Returns 0, or -EINVAL with one line in
 * @err.
 */
int crl_seen_check(const struct crl_seen *seen, const struct crls *crls,
		   const struct trust *trust, struct err *err);
/*
 * Add @crls to @seen, and write that to a file beside that of @seen, which
 * crl_seen_commit() or crl_seen_drop() has to follow. Returns 0, or -errno with one
 * line in @err.
 */
int crl_seen_add(struct crl_seen *seen, const struct crls *crls,
		 struct err *err);
/* Replace the file. Returns 0, or -errno with one line in @err. */
int crl_seen_commit(struct crl_seen *seen, struct err *err);
/* Remove the file beside it, if there is one. */
void crl_seen_drop(struct crl_seen *seen);

#endif
