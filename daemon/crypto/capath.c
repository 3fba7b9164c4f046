// SPDX-License-Identifier: Apache-2.0
/* Names from a trusted CA down to another one. */
#include "crypto/capath.h"

#include "crypto/pkey.h"

/* A CA that issues for its own name changes its key: there is no other CA between. */
static bool path_add(struct ca_path *path, const X509_NAME *name)
{
	if (path->n && !X509_NAME_cmp(path->v[path->n - 1], name))
		return true;
	if (path->n == CA_PATH_MAX)
		return false;
	path->v[path->n++] = name;
	return true;
}

/* @top ends the chain, and its issuer has the last name so far. */
static bool path_climb(const struct trust *trust, X509 *top,
		       struct ca_path *path)
{
	X509 *up = trust_above(trust, top);
	int steps;

	for (steps = 0; up && steps < CERT_MAX_CHAIN; steps++) {
		top = up;
		if (!path_add(path, X509_get_issuer_name(top)))
			return false;
		up = trust_above(trust, top);
	}
	path->open = X509_NAME_cmp(X509_get_subject_name(top),
				   X509_get_issuer_name(top));
	return !up;
}

void ca_path_of_anchor(const struct trust *trust, X509 *x, struct ca_path *path)
{
	*path = (struct ca_path){ 0 };
	if (!path_add(path, X509_get_subject_name(x)) ||
	    !path_add(path, X509_get_issuer_name(x)) ||
	    !path_climb(trust, x, path))
		*path = (struct ca_path){ 0 };
}

void ca_path_of(const struct trust *trust, struct stack_st_X509 *chain,
		int from, struct ca_path *path)
{
	X509 *x = sk_X509_value(chain, from);
	bool fits;
	int i;

	*path = (struct ca_path){ 0 };
	fits = x && path_add(path, X509_get_subject_name(x));
	for (i = from; fits && i < sk_X509_num(chain); i++) {
		x = sk_X509_value(chain, i);
		fits = path_add(path, X509_get_issuer_name(x));
	}
	if (!fits || !path_climb(trust, x, path))
		*path = (struct ca_path){ 0 };
}

bool ca_path_same(const struct ca_path *a, const struct ca_path *b)
{
	int i;

	if (!a->n || a->n != b->n || a->open != b->open)
		return false;
	for (i = 0; i < a->n; i++)
		if (X509_NAME_cmp(a->v[i], b->v[i]))
			return false;
	return true;
}
