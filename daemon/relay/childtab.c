// SPDX-License-Identifier: Apache-2.0
#include "relay/childtab.h"

#include <stddef.h>

#include "lib/util.h"

static uint64_t hash_of_sa(const void *sa)
{
	return fnv1a(FNV1A_BASIS, &sa, sizeof(sa));
}

static uint64_t hash_of_address(const struct ep *ep)
{
	uint64_t hash = fnv1a(FNV1A_BASIS, ep->addr.b, ep->addr.len);

	return fnv1a(hash, &ep->port, sizeof(ep->port));
}

static uint64_t hash_of_child(const struct relayed_group *g,
			      const struct ike_id *id)
{
	return fnv1a(fnv1a(FNV1A_BASIS, &g, sizeof(g)), id->data, id->len);
}

static struct child_edge *edge_by(const struct hnode *n, size_t place)
{
	return (void *)((char *)n - place);
}

#define BY_SA offsetof(struct child_edge, by_sa)
#define BY_PEER offsetof(struct child_edge, by_peer)
#define BY_MEMBER offsetof(struct child_edge, by_member)

static uint64_t hash_by_sa(const struct hnode *n)
{
	return hash_of_sa(edge_by(n, BY_SA)->e.sa);
}

static uint64_t hash_by_peer(const struct hnode *n)
{
	return hash_of_address(&edge_by(n, BY_PEER)->e.peer);
}

static uint64_t hash_by_member(const struct hnode *n)
{
	const struct child_edge *e = edge_by(n, BY_MEMBER);

	return hash_of_child(e->group, e->member);
}

struct child_edge *childtab_by_sa(const struct childtab *t, const void *sa)
{
	struct hnode *n;

	for (n = htab_first(&t->by_sa, hash_of_sa(sa)); n; n = n->next)
		if (edge_by(n, BY_SA)->e.sa == sa)
			return edge_by(n, BY_SA);
	return NULL;
}

struct child_edge *childtab_by_peer(const struct childtab *t,
				    const struct ep *ep)
{
	struct hnode *n;

	for (n = htab_first(&t->by_peer, hash_of_address(ep)); n; n = n->next)
		if (ep_equal(&edge_by(n, BY_PEER)->e.peer, ep))
			return edge_by(n, BY_PEER);
	return NULL;
}

static bool was_heard_before(const struct child_edge *a,
			     const struct child_edge *b)
{
	return a->e.heard_ms != b->e.heard_ms ? a->e.heard_ms < b->e.heard_ms
					      : a->e.id < b->e.id;
}

unsigned int childtab_by_member(const struct childtab *t,
				const struct relayed_group *group,
				const struct ike_id *id,
				struct child_edge **first)
{
	struct hnode *n = htab_first(&t->by_member, hash_of_child(group, id));
	unsigned int found = 0;
	struct child_edge *e;

	*first = NULL;
	for (; n; n = n->next) {
		e = edge_by(n, BY_MEMBER);
		if (e->group != group || !id_equal(e->member, id))
			continue;
		found++;
		if (!*first || was_heard_before(e, *first))
			*first = e;
	}
	return found;
}

void childtab_init(struct childtab *t)
{
	TAILQ_INIT(&t->list);
	TAILQ_INIT(&t->by_age);
	htab_init(&t->by_sa, hash_by_sa);
	htab_init(&t->by_peer, hash_by_peer);
	htab_init(&t->by_member, hash_by_member);
}

void childtab_free(struct childtab *t)
{
	htab_free(&t->by_sa);
	htab_free(&t->by_peer);
	htab_free(&t->by_member);
}

void childtab_add(struct childtab *t, struct child_edge *e)
{
	TAILQ_INSERT_TAIL(&t->list, e, link);
	TAILQ_INSERT_TAIL(&t->by_age, e, by_age);
	htab_add(&t->by_sa, &e->by_sa);
	htab_add(&t->by_peer, &e->by_peer);
	htab_add(&t->by_member, &e->by_member);
}

void childtab_del(struct childtab *t, struct child_edge *e)
{
	TAILQ_REMOVE(&t->list, e, link);
	TAILQ_REMOVE(&t->by_age, e, by_age);
	htab_del(&t->by_sa, &e->by_sa);
	htab_del(&t->by_peer, &e->by_peer);
	htab_del(&t->by_member, &e->by_member);
}

void childtab_heard(struct childtab *t, struct child_edge *e)
{
	TAILQ_REMOVE(&t->list, e, link);
	TAILQ_INSERT_TAIL(&t->list, e, link);
}

void childtab_change(struct childtab *t, struct child_edge *e,
		     const struct parent_edge *to)
{
	htab_del(&t->by_peer, &e->by_peer);
	e->e = *to;
	htab_add(&t->by_peer, &e->by_peer);
}
