// SPDX-License-Identifier: Apache-2.0
/*
 * Copies of GSA_REKEY. Nobody answers them (RFC 9838 2.4.1), so each message
 * goes out several times, the same octets, and receivers drop what they have
 * had. A message stays in the store until its last copy has gone.
 */
#include "gcks/gkm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"

void gout_free(struct gout *o)
{
	if (!o)
		return;
	timer_del(o->g->k->deps.tq, &o->timer);
	free(o->interface);
	free(o->msg);
	free(o);
}

void gout_drop_all(struct gouts *out)
{
	struct gout *o;

	while ((o = TAILQ_FIRST(out))) {
		TAILQ_REMOVE(out, o, all);
		gout_free(o);
	}
}

/*
 * Each for itself: where changes never cease there is always another message
 * on its way, and what is kept is sent again at the next start.
 */
static void forget(struct gout *o)
{
	struct group *g = o->g;
	struct store *s = group_store(g);
	char key[STORE_KEY_MAX];
	bool last;
	int rc;

	TAILQ_REMOVE(&g->out, o, all);
	if (o->passing) {
		gout_free(o);
		return;
	}
	last = TAILQ_EMPTY(&g->out);
	/* with the last one go those that could not be deleted before */
	rc = last ? store_key(key, "g", g->conf->name, "o", NULL) :
		gkm_out_key(o, key);
	gout_free(o);
	if (!rc)
		rc = store_begin(s);
	if (!rc) {
		rc = last ? store_del_below(s, key) : store_del(s, key);
		if (!rc)
			rc = store_commit(s);
		else
			store_abort(s);
	}
	/* they would only be sent once more after a restart */
	if (rc)
		log_warn("group %s: a sent message stays in the store: %s",
			 g->conf->name, store_error(s));
}

static void send_due(struct gout *o)
{
	struct group *g = o->g;
	struct gcks_dest dest = {
		.to = o->to,
		.source = o->source,
		.interface = o->interface,
		.ttl = o->ttl,
	};
	uint64_t age = group_now_ms(g) - o->start_ms;

	while (o->sent < o->n && o->at_ms[o->sent] <= age) {
		o->sent++;
		g->k->deps.send_rekey(g->k->deps.ctx, &dest, o->msg, o->len);
	}
	if (o->sent < o->n)
		timer_set(g->k->deps.tq, &o->timer, o->at_ms[o->sent] - age);
}

static void fire(void *arg)
{
	struct gout *o = arg;

	send_due(o);
	if (o->sent == o->n)
		forget(o);
}

struct gout *gout_new(struct group *g, struct wbuf *w, const uint32_t *at_ms,
		      unsigned int n)
{
	const struct conf_group *c = g->conf;
	struct gout *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->g = g;
	timer_init(&o->timer, fire, o);
	o->interface = strdup(c->rekey_interface);
	if (w->len) {
		o->msg = malloc(w->len);
		o->len = w->len;
	}
	if (!o->interface || (w->len && !o->msg)) {
		gout_free(o);
		return NULL;
	}
	if (w->len)
		memcpy(o->msg, w->p, w->len);
	o->seq = g->next_out++;
	o->made = group_wall(g);
	o->to = c->rekey_to;
	o->source = c->rekey_source;
	o->ttl = c->rekey_ttl;
	o->n = n;
	memcpy(o->at_ms, at_ms, n * sizeof(*at_ms));
	return o;
}

void gout_start(struct group *g, struct gout *o)
{
	TAILQ_INSERT_TAIL(&g->out, o, all);
	o->start_ms = group_now_ms(g);
	send_due(o);
	/* who sends one copy only still forgets it from the loop */
	if (o->sent == o->n)
		timer_set(g->k->deps.tq, &o->timer, 0);
}

void gkm_send_all(struct group *g, struct gouts *out)
{
	struct gout *o;

	while ((o = TAILQ_FIRST(out))) {
		TAILQ_REMOVE(out, o, all);
		gout_start(g, o);
	}
}
