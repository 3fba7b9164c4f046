/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places of secrets: a file, or a credential of systemd, "credential:NAME". Systemd
 * passes credentials as files of a folder that only the service can read, and names it
 * in CREDENTIALS_DIRECTORY (systemd.exec(5), LoadCredential=).
 */
#ifndef LIB_CREDENTIAL_H
#define LIB_CREDENTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

/* Return the name of the credential that @place is, or NULL if it is a file. */
const char *credential_name(const char *place);
/* Can systemd pass a credential with this name? */
bool credential_is_name(const char *name);

/*
 * Like file_read_secret(), from a file or a credential. Returns -ENOENT if there is no
 * such credential, -EACCES if this process has none at all.
 */
int credential_read(const char *place, size_t max, uint8_t **out, size_t *len,
		    struct err *err);

#endif
