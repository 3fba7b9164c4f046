// SPDX-License-Identifier: Apache-2.0
/*
 * Lists of identities and patterns. Each request of a member is compared with
 * those of its group, which may have as many names as the group has members.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/conf.h"
#include "lib/addr.h"

void conf_names_free(struct conf_names *names)
{
	while (names->n)
		free(names->v[--names->n]);
	free(names->v);
	free(names->index);
}

/* Patterns come first, and names in an order in which bsearch() finds them. */
static int compare_names(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;

	if ((x[0] == '*') != (y[0] == '*'))
		return x[0] == '*' ? -1 : 1;
	return strcasecmp(x, y);
}

int conf_names_index(struct conf_names *names)
{
	size_t i;

	names->index = calloc(names->n ? names->n : 1, sizeof(*names->index));
	if (!names->index)
		return -ENOMEM;
	names->n_patterns = 0;
	for (i = 0; i < names->n; i++) {
		names->index[i] = names->v[i];
		names->n_patterns += names->v[i][0] == '*';
	}
	qsort(names->index, names->n, sizeof(*names->index), compare_names);
	return 0;
}

int conf_names_copy(struct conf_names *to, const struct conf_names *from)
{
	*to = (struct conf_names){ 0 };
	to->v = calloc(from->n ? from->n : 1, sizeof(*to->v));
	if (!to->v)
		return -ENOMEM;
	while (to->n < from->n) {
		to->v[to->n] = strdup(from->v[to->n]);
		if (!to->v[to->n])
			return -ENOMEM;
		to->n++;
	}
	return conf_names_index(to);
}

/*
 * Return true if @id has only octets that cert_id_str() permits in a DNS name,
 * and is no address.
 */
static bool is_dns_name(const char *id)
{
	const char *p = id;
	struct addr a;

	while (isalnum((unsigned char)*p) || (*p && strchr("-._", *p)))
		p++;
	return !*p && addr_parse(id, &a);
}

static bool one_matches(const char *p, const char *id)
{
	size_t len = strlen(id), n;

	if (!strcmp(p, "*"))
		return true;
	if (p[0] != '*')
		return !strcasecmp(p, id);
	/*
	 * The pattern is ".example" with at least one octet before it. Only DNS
	 * names match, because a subject or a mail address with that ending was
	 * not issued for the domain.
	 */
	n = strlen(++p);
	return len > n && is_dns_name(id) && !strcasecmp(id + len - n, p);
}

bool conf_names_match(const struct conf_names *names, const char *id)
{
	char *const *v = names->index ? names->index : names->v;
	size_t i, n = names->index ? names->n_patterns : names->n;

	for (i = 0; i < n; i++)
		if (one_matches(v[i], id))
			return true;
	/* An identity with a star in front is no pattern, and in no list. */
	return names->index && id[0] != '*' &&
	       bsearch(&id, v + n, names->n - n, sizeof(*v), compare_names);
}
