// SPDX-License-Identifier: Apache-2.0
/*
 * Codes of errors that the process with the libraries of a token returns: it cannot say
 * that there is no key, or half of one, by which a file would be made or removed.
 */
#include "tap.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/envelope.h"
#include "crypto/seal.h"
#include "crypto/sealkey.h"
#include "lib/apart.h"
#include "lib/log.h"
#include "store/vault.h"

static char dir[] = "/tmp/mcsec-envelope-XXXXXX";
static char cert[80], holder[88], key[80], store[80], witness[88];
static struct err err;
static int code; /* returned by the process */

/* In place of the one of lib/apart.h. */
int apart_run(apart_fn *fn, void *arg, void *out, size_t len,
	      unsigned int seconds, struct err *e)
{
	(void)seconds;
	if (!code)
		return fn(arg, out, len, e);
	return err_set(e, code, "an answer");
}

static void test_codes(void)
{
	static const struct {
		int told;
		int got;
	} codes[] = {
		{ -EBADMSG, -EBADMSG }, { -EKEYREJECTED, -EKEYREJECTED },
		{ -EACCES, -EACCES },	{ -ENODEV, -ENODEV },
		{ -ENOMEM, -ENOMEM },	{ -ETIMEDOUT, -ETIMEDOUT },
		{ -EIO, -EIO },		{ -EINVAL, -EIO },
		{ -ENOENT, -EIO },	{ -EBUSY, -EIO },
	};
	const struct envelope_cfg wrap = {
		.certificate = cert,
		.key = holder,
		.provider = "default",
		.oaep = true,
	};
	const struct sealkey_cfg place = { .place = key, .wrap = &wrap };
	const char *const paths[VAULT_STORES] = { store, witness };
	struct vault v;
	size_t i;

	is_int(vault_open(&v, &place, paths, true, &err), 0, "a store: %s",
	       err.text);
	vault_close(&v);
	for (i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		code = codes[i].told;
		is_int(vault_open(&v, &place, paths, true, &err), codes[i].got,
		       "a start when the process returns %d: %s", code,
		       err.text);
		vault_close(&v);
	}
	code = 0;
	is_int(vault_open(&v, &place, paths, false, &err), 0,
	       "the key and the store are as they were: %s", err.text);
	vault_close(&v);
}

int main(void)
{
	char cmd[512];

	log_set_level(LOG_LEVEL_ERR);
	if (!mkdtemp(dir))
		bail("mkdtemp");
	snprintf(cert, sizeof(cert), "%s/w.pem", dir);
	snprintf(holder, sizeof(holder), "file:%s/w.key", dir);
	snprintf(key, sizeof(key), "%s/seal.key", dir);
	snprintf(store, sizeof(store), "%s/gcks.db", dir);
	snprintf(witness, sizeof(witness), "%s/witness.db", dir);
	snprintf(cmd, sizeof(cmd),
		 "cd %s && openssl req -x509 -newkey rsa:2048 -nodes -keyout w.key -subj /CN=w -out w.pem 2>log || cat log >&2",
		 dir);
	if (system(cmd))
		bail("%s", cmd);
	RUN(test_codes);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	if (system(cmd))
		bail("%s", cmd);
	return done();
}
