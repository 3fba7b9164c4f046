/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The place of a seal key: a file that has it, a credential of systemd, or a file that has
 * it in an envelope (crypto/envelope.h). While it is changed, the next key is in the same
 * place with ".new" appended.
 */
#ifndef CRYPTO_SEALKEY_H
#define CRYPTO_SEALKEY_H

#include <stdbool.h>

#include "crypto/envelope.h"
#include "crypto/seal.h"
#include "lib/err.h"

/* @place: see lib/credential.h; @wrap: NULL if the key is not wrapped. */
struct sealkey_cfg {
	const char *place;
	const struct envelope_cfg *wrap;
};

struct sealkey;

/* Copy @cfg. Returns 0, or -errno with one line in @err. */
int sealkey_open(const struct sealkey_cfg *cfg, struct sealkey **out,
		 struct err *err);
void sealkey_close(struct sealkey *k); /* NULL is allowed */

/*
 * Load the key, or the next one. Returns 0, or -errno with one line in @err, among them
 * -ENOENT: there is none. -EINVAL: it was not written completely.
 */
int sealkey_load(const struct sealkey *k, bool next, struct sealer **out,
		 struct err *err);
/*
 * Make the key, or the next one, which must not exist. The holder of the private key
 * shows that it can unwrap the first one, and is not needed for the next. Returns 0, or
 * -errno with one line in @err: -EOPNOTSUPP, since systemd makes credentials.
 */
int sealkey_make(const struct sealkey *k, bool next, struct sealer **out,
		 struct err *err);
/* Remove a next key that was not written completely. Returns 0 or -errno. */
int sealkey_drop_next(const struct sealkey *k);
/* Put the next key in place of the other one; a credential stays where it is. */
int sealkey_replace(const struct sealkey *k, struct err *err);
/* Say what has to be done by hand after that, or NULL. */
const char *sealkey_remains(const struct sealkey *k);

/*
 * The process will be confined: from now on no envelope is unwrapped, and loading one
 * returns -EBUSY.
 */
void sealkey_confine(struct sealkey *k);
const char *sealkey_place(const struct sealkey *k);

#endif
