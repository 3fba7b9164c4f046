// SPDX-License-Identifier: Apache-2.0
#include "lib/credential.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/file.h"

#define PREFIX "credential:"

const char *credential_name(const char *place)
{
	size_t n = strlen(PREFIX);

	return strncmp(place, PREFIX, n) ? NULL : place + n;
}

bool credential_is_name(const char *name)
{
	const char *p;

	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (p = name; *p; p++)
		if (*p <= ' ' || *p > '~' || *p == '/' || *p == ':')
			return false;
	return p - name < NAME_MAX;
}

int credential_read(const char *place, size_t max, uint8_t **out, size_t *len,
		    struct err *err)
{
	const char *folder, *name = credential_name(place);
	char path[PATH_MAX];
	int ret;

	if (!name)
		return file_read_secret(place, max, out, len, err);
	folder = getenv("CREDENTIALS_DIRECTORY");
	if (!folder || folder[0] != '/')
		return err_set(err, -EACCES,
			       "%s: this process has no credentials; systemd passes it to a service with LoadCredential=%s:... or LoadCredentialEncrypted=%s:...",
			       place, name, name);
	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= PATH_MAX)
		return err_set(err, -ENAMETOOLONG, "%s: path is too long",
			       place);
	ret = file_read_credential(path, max, out, len, err);
	if (ret == -ENOENT)
		err_set(err, ret,
			"%s: not passed to this service; it needs LoadCredential=%s:... or LoadCredentialEncrypted=%s:...",
			place, name, name);
	return ret;
}
