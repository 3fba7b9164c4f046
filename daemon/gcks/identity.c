// SPDX-License-Identifier: Apache-2.0
#include "gcks/identity.h"

#include <ctype.h>
#include <errno.h>

#include "ike/psk.h"
#include "wire/payload.h"

int identity_lower(const char *identity, char *buf, size_t size)
{
	size_t i;

	for (i = 0; identity[i] && i + 1 < size; i++)
		buf[i] = tolower((unsigned char)identity[i]);
	buf[i] = '\0';
	return identity[i] ? -ENAMETOOLONG : 0;
}

int identity_of(const struct ike_id *id, char *buf, size_t size)
{
	int ret = peer_id_str(id, buf, size);

	return ret ? ret : identity_lower(buf, buf, size);
}
