// SPDX-License-Identifier: Apache-2.0
#include "listing.h"

#include <stdio.h>

#include "mcsecctl.h"
#include "table.h"

void listing_begin(struct listing *l, const struct ctl *ctl,
		   struct table *(*make)(void))
{
	*l = (struct listing){};
	if (ctl->json)
		l->json = json_array();
	else if (make)
		l->table = make();
}

bool listing_next(struct listing *l)
{
	l->n++;
	return l->json;
}

void listing_put(struct listing *l, json_t *o)
{
	json_array_append_new(l->json, o);
}

int listing_end(struct listing *l, int ret, const char *command,
		const struct err *err, const char *none)
{
	if (ret) {
		json_decref(l->json);
		table_free(l->table);
		return refused(command, err);
	}
	if (l->json)
		return print_json(l->json);
	ret = l->table ? table_print(l->table) : EXIT_OK;
	if (!l->n)
		puts(none);
	return ret;
}
