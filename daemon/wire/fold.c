// SPDX-License-Identifier: Apache-2.0
#include "wire/fold.h"

/* Return where letters begin that are folded; the length if none are. */
static size_t fold_start(const struct ike_id *id)
{
	size_t i = id->len;

	if (id->type == IKE_ID_FQDN)
		return 0;
	if (id->type != IKE_ID_RFC822_ADDR)
		return id->len;
	while (i && id->data[i - 1] != '@')
		i--;
	return i ? i : id->len;
}

static bool is_capital(uint8_t c)
{
	return c >= 'A' && c <= 'Z';
}

void id_fold(struct ike_id *id)
{
	size_t i;

	for (i = fold_start(id); i < id->len; i++)
		if (is_capital(id->data[i]))
			id->data[i] += 'a' - 'A';
}

bool id_is_folded(const struct ike_id *id)
{
	size_t i;

	for (i = fold_start(id); i < id->len; i++)
		if (is_capital(id->data[i]))
			return false;
	return true;
}
