// SPDX-License-Identifier: Apache-2.0
#include "ike/inbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire/proto.h"
#include "lib/htab.h"

STAILQ_HEAD(letters, letter);
TAILQ_HEAD(lanes, lane);

/* A network that has letters. */
struct lane {
	TAILQ_ENTRY(lane) turn;

	struct hnode by_net;
	uint64_t hash;
	struct addr net;
	struct letters letters;
	unsigned int n;
	size_t octets;
};

struct inbox {
	struct htab nets;
	struct lanes turns;
	unsigned int n;
	size_t octets;
};

static struct lane *lane_of(const struct hnode *n)
{
	return (struct lane *)((char *)n - offsetof(struct lane, by_net));
}

static uint64_t hash_of_lane(const struct hnode *n)
{
	return lane_of(n)->hash;
}

struct inbox *inbox_new(void)
{
	struct inbox *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	htab_init(&b->nets, hash_of_lane);
	TAILQ_INIT(&b->turns);
	return b;
}

struct letter *inbox_take(struct inbox *b)
{
	struct lane *l = TAILQ_FIRST(&b->turns);
	struct letter *t;

	if (!l)
		return NULL;
	t = STAILQ_FIRST(&l->letters);
	STAILQ_REMOVE_HEAD(&l->letters, next);
	l->n--;
	l->octets -= t->len;
	b->n--;
	b->octets -= t->len;
	TAILQ_REMOVE(&b->turns, l, turn);
	if (l->n) {
		TAILQ_INSERT_TAIL(&b->turns, l, turn);
	} else {
		htab_del(&b->nets, &l->by_net);
		free(l);
	}
	return t;
}

void inbox_free(struct inbox *b)
{
	struct letter *t;

	if (!b)
		return;
	while ((t = inbox_take(b)))
		free(t);
	htab_free(&b->nets);
	free(b);
}

bool inbox_is_empty(const struct inbox *b)
{
	return TAILQ_EMPTY(&b->turns);
}

bool inbox_is_first(const uint8_t *p, size_t len)
{
	static const uint8_t none[IKE_SPI_LEN];

	return len >= IKE_HDR_LEN &&
	       !memcmp(p + IKE_SPI_LEN, none, IKE_SPI_LEN);
}

static struct lane *find_lane(const struct inbox *b, uint64_t hash,
			      const struct addr *net)
{
	struct hnode *n;

	for (n = htab_first(&b->nets, hash); n; n = n->next)
		if (addr_equal(&lane_of(n)->net, net))
			return lane_of(n);
	return NULL;
}

static struct lane *new_lane(struct inbox *b, uint64_t hash,
			     const struct addr *net)
{
	struct lane *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->hash = hash;
	l->net = *net;
	STAILQ_INIT(&l->letters);
	htab_add(&b->nets, &l->by_net);
	TAILQ_INSERT_TAIL(&b->turns, l, turn);
	return l;
}

/* Return true if a lane that has @n of the @used out of @all may have @more. */
static bool is_fair(size_t n, size_t more, size_t all, size_t used)
{
	return used < all && n + more <= (all - used) / 2;
}

static bool has_place(const struct inbox *b, const struct lane *l, size_t len)
{
	if (len > INBOX_LEN)
		return false;
	if (!l)
		return b->nets.n < INBOX_NETS;
	return is_fair(l->n, 1, INBOX_N, b->n) &&
	       is_fair(l->octets, len, INBOX_OCTETS, b->octets);
}

static struct letter *new_letter(const struct ep *from, const struct ep *to,
				 const uint8_t *p, size_t len)
{
	struct letter *t = malloc(sizeof(*t) + len);

	if (!t)
		return NULL;
	t->from = *from;
	t->to = *to;
	t->len = len;
	memcpy(t->p, p, len);
	return t;
}

int inbox_put(struct inbox *b, uint64_t hash, const struct ep *from,
	      const struct ep *to, const uint8_t *p, size_t len)
{
	struct letter *t;
	struct addr net;
	struct lane *l;

	addr_net(&from->addr, &net);
	l = find_lane(b, hash, &net);
	if (!has_place(b, l, len))
		return -ENOBUFS;
	t = new_letter(from, to, p, len);
	if (t && !l)
		l = new_lane(b, hash, &net);
	if (!l || !t) {
		free(t);
		return -ENOMEM;
	}
	STAILQ_INSERT_TAIL(&l->letters, t, next);
	l->n++;
	l->octets += len;
	b->n++;
	b->octets += len;
	return 0;
}
