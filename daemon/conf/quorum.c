// SPDX-License-Identifier: Apache-2.0
#include "conf/quorum.h"

#include <strings.h>

#define Q(member, text, fn, ...) \
	CONF_FIELD(struct conf_quorum, member, text, fn, __VA_ARGS__)
static const struct conf_field quorum_fields[] = {
	Q(admins, "administrators", conf_read_names, .required = true,
	  .example = "[ \"a@example\", \"b@example\" ]"),
	Q(needed, "needed", conf_read_number, .required = true, .example = "2",
	  .min = 1, .max = CONF_MAX_ADMINS),
	Q(orders, "orders", conf_read_bool, 0),
	Q(confirm_within, "confirm-within", conf_read_number, .min = 60,
	  .max = 30 * 86400),
	{ 0 }
};

static int check_admins(struct conf_reader *r, const config_setting_t *s,
			const struct conf_names *admins)
{
	size_t i, n;

	if (!admins->n || admins->n > CONF_MAX_ADMINS)
		return conf_bad(r, s, "administrators",
				"has to have 1 to %d identities",
				CONF_MAX_ADMINS);
	for (i = 0; i < admins->n; i++) {
		if (admins->v[i][0] == '*')
			return conf_bad(r, s, "administrators",
					"\"%.60s\" is a pattern, and each administrator has to be named",
					admins->v[i]);
		for (n = 0; n < i; n++)
			if (!strcasecmp(admins->v[i], admins->v[n]))
				return conf_bad(r, s, "administrators",
						"\"%.60s\" is named twice",
						admins->v[i]);
	}
	return 0;
}

int conf_read_quorum(struct conf_reader *r, const config_setting_t *s,
		     const struct conf_field *f, void *dst)
{
	struct conf_quorum *q = dst;
	int ret;

	(void)f;
	q->confirm_within = 86400;
	ret = conf_read_group(r, s, quorum_fields, q);
	if (!ret)
		ret = check_admins(r, s, &q->admins);
	if (!ret && q->needed > q->admins.n)
		return conf_bad(r, s, "needed",
				"%u is more than the %zu administrators",
				q->needed, q->admins.n);
	return ret;
}

bool conf_quorum_equal(const struct conf_quorum *a, const struct conf_quorum *b)
{
	size_t i;

	for (i = 0; a->admins.n == b->admins.n && i < a->admins.n; i++)
		if (strcasecmp(a->admins.v[i], b->admins.v[i]))
			return false;
	return a->admins.n == b->admins.n && a->needed == b->needed &&
	       a->orders == b->orders && a->confirm_within == b->confirm_within;
}
