// SPDX-License-Identifier: Apache-2.0
#include "gcks/gmember.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gcks/group.h"

/* ---- reasons -------------------------------------------------------------- */

/*
 * Reasons are a few static strings, so a member has the place of its reason in this
 * table. Only the daemon's main thread has members. The last place is for those that
 * come when the table is full: a member must not stay because its reason is unknown.
 */
#define REASONS_MAX 64u

static const char *reasons[REASONS_MAX];

static unsigned int place_of_reason(const char *why)
{
	unsigned int i;

	if (!why)
		return 0;
	for (i = 1; i < REASONS_MAX - 1 && reasons[i]; i++)
		if (reasons[i] == why)
			return i;
	if (i == REASONS_MAX - 1)
		why = "not authorized any more";
	reasons[i] = why;
	return i;
}

const char *gmember_must_go(const struct gmember *m)
{
	return reasons[m->must_go_why];
}

void gmember_set_must_go(struct gmember *m, const char *why)
{
	m->must_go_why = place_of_reason(why);
}

const char *gmember_ended(const struct gmember *m)
{
	return reasons[m->ended_why];
}

void gmember_set_ended(struct gmember *m, const char *why)
{
	m->ended_why = place_of_reason(why);
}

/* ---- members -------------------------------------------------------------- */

static const struct gmember_more in_no_group;

struct gmember *gmember_new(const char *identity)
{
	size_t len = strlen(identity) + 1;
	struct gmember *m = calloc(1, offsetof(struct gmember, identity) + len);

	if (!m)
		return NULL;
	m->more = &in_no_group;
	m->at_terms = TERM_NONE;
	memcpy(m->identity, identity, len);
	return m;
}

static void free_more(const struct gmember_more *more)
{
	struct gmember_more *x = (struct gmember_more *)more;

	if (!x->m)
		return;
	cert_refs_free(&x->former);
	free(x->twins);
	free(x);
}

void gmember_free(struct gmember *m)
{
	if (!m)
		return;
	free_more(m->more);
	cert_refs_free(&m->certs);
	free(m);
}

void gmember_set_registered(struct gmember *m, int64_t now, bool stored)
{
	int64_t s = stored ? 0 : now - gmember_stored(m);

	m->registered = now;
	m->unstored_s = s < 0 || s > GMEMBER_UNSTORED_MAX ? GMEMBER_UNSTORED_MAX
							  : s;
}

struct gmember_more *gmember_more(struct gmember *m)
{
	struct gmember_more *x;

	if (m->more->m)
		return (struct gmember_more *)m->more;
	/* A caller that has reserved it does not look whether there is memory. */
	assert(!m->reserved);
	x = calloc(1, sizeof(*x));
	if (!x)
		return NULL;
	x->g = m->more->g;
	x->m = m;
	m->more = x;
	return x;
}

int gmember_reserve(struct gmember *m)
{
	if (!gmember_more(m))
		return -ENOMEM;
	m->reserved = true;
	return 0;
}

/*
 * A sender that only receives now is known as long as it is a member: it may send again,
 * and other hosts still send with its identity.
 */
static bool needs_more(const struct gmember *m)
{
	const struct gmember_more *x = m->more;

	return x->sender || m->send || m->inband || m->renewed || m->by_psk ||
	       x->leaving || x->unmarked;
}

void gmember_settle(struct gmember *m)
{
	const struct gmember_more *x = m->more;

	if (!x->m || !x->g || m->reserved || needs_more(m))
		return;
	m->more = &x->g->quiet;
	free_more(x);
}

void gmember_release(struct gmember *m)
{
	m->reserved = false;
	gmember_settle(m);
}
