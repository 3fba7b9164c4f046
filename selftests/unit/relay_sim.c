// SPDX-License-Identifier: Apache-2.0
#include "relay_sim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util.h"

enum rs_kind {
	RS_OPEN,
	RS_OPENED,
	RS_REQUEST,
	RS_ANSWER,
	RS_NEWS,
	RS_DELETE,
};

struct rs_sa {
	struct rs_sa *next;
	struct rs_sim *sim;
	struct rs_host *child, *parent; /* NULL: that end has closed it */
	struct upstream *upstream;
	struct ep to; /* address of the parent */
	struct ep home; /* address of the child at the begin */
	bool open; /* at the child */
	uint32_t mid; /* number of the last request */
	bool busy;
	unsigned int tries;
	struct timer resend;
	size_t len;
	uint8_t request[EDGE_GRANTS_OCTETS + 256];
	/* At the parent: the last request, and its answer. */
	uint32_t done;
	struct wbuf answer;
};

struct rs_message {
	struct rs_message *next;
	struct timer timer;
	struct rs_sim *sim;
	struct rs_sa *sa;
	enum rs_kind kind;
	struct ep from, to;
	uint32_t mid;
	size_t len;
	uint8_t octets[];
};

struct rs_octets {
	const void *p;
	size_t len;
};

/* ---- network ------------------------------------------------------------- */

static uint64_t sim_mono(void *ctx)
{
	return ((struct rs_sim *)ctx)->ms;
}

static time_t sim_wall(void *ctx)
{
	const struct rs_sim *s = ctx;

	return s->wall + (time_t)(s->ms / MSEC_PER_SEC);
}

static bool is_lost(struct rs_sim *s)
{
	s->random = s->random * 6364136223846793005ull + 1442695040888963407ull;
	return (s->random >> 33) % 100 < s->loss;
}

static struct rs_host *host_at(struct rs_sim *s, const struct ep *ep)
{
	unsigned int i;

	for (i = 0; i < s->n; i++)
		if (ep_equal(&s->host[i].ep, ep))
			return &s->host[i];
	return NULL;
}

static void message_arrives(void *arg);

static void deliver_in(struct rs_sa *sa, unsigned int ms, enum rs_kind kind,
		       const struct ep *from, const struct ep *to,
		       struct rs_octets octets)
{
	struct rs_sim *s = sa->sim;
	struct rs_message *m;

	m = calloc(1, sizeof(*m) + octets.len);
	if (!m)
		abort();
	*m = (struct rs_message){ .next = s->messages,
				  .sim = s,
				  .sa = sa,
				  .kind = kind,
				  .from = *from,
				  .to = *to,
				  .mid = sa->mid,
				  .len = octets.len };
	if (octets.len)
		memcpy(m->octets, octets.p, octets.len);
	s->messages = m;
	timer_init(&m->timer, message_arrives, m);
	timer_set(&s->tq, &m->timer, ms);
}

static void put_message(struct rs_sa *sa, enum rs_kind kind,
			const struct rs_host *from, const struct ep *to,
			const void *p, size_t len)
{
	struct rs_sim *s = sa->sim;
	struct rs_octets octets = { p, len };

	s->wire++;
	if (from->dead || is_lost(s))
		return;
	if (s->copier.port && kind == RS_REQUEST && ++s->copied % 4)
		deliver_in(sa, RS_DELAY_MS - 1, kind, &s->copier, to, octets);
	deliver_in(sa, RS_DELAY_MS, kind, &from->ep, to, octets);
}

static void free_message(struct rs_message *m)
{
	struct rs_message **at = &m->sim->messages;

	while (*at != m)
		at = &(*at)->next;
	*at = m->next;
	timer_del(&m->sim->tq, &m->timer);
	free(m);
}

/* ---- IKE SAs ------------------------------------------------------------- */

static void send_request(struct rs_sa *sa)
{
	if (sa->open)
		put_message(sa, RS_REQUEST, sa->child, &sa->to, sa->request,
			    sa->len);
	else
		put_message(sa, RS_OPEN, sa->child, &sa->to, NULL, 0);
	timer_set(&sa->sim->tq, &sa->resend, RS_RESEND_MS);
}

static void close_at_child(struct rs_sa *sa)
{
	timer_del(&sa->sim->tq, &sa->resend);
	sa->upstream->user = NULL;
	sa->child = NULL;
	sa->busy = false;
}

static void on_resend(void *arg)
{
	struct rs_sa *sa = arg;
	struct rs_host *h = sa->child;
	struct upstream *u = sa->upstream;

	if (++sa->tries < RS_TRIES) {
		send_request(sa);
		return;
	}
	close_at_child(sa);
	if (!h->dead)
		child_failed(h->child, u, "no answer");
}

static void close_at_parent(struct rs_sa *sa)
{
	struct rs_host *h = sa->parent;

	sa->parent = NULL;
	if (h->parent)
		parent_sa_closed(h->parent, sa);
}

static void answer_request(struct rs_sa *sa, const struct rs_message *m)
{
	struct rs_host *h = sa->parent;
	struct parent_peer from = { sa, &sa->child->id, m->from,
				    sa->child->direct &&
					    !ep_equal(&sa->home, &m->from) };
	struct edge_request req;
	struct edge_answer ans;

	if (m->mid == sa->done + 1) {
		sa->done = m->mid;
		if (edge_request_parse(m->octets, m->len, &req))
			abort();
		parent_request(h->parent, &from, &req, &ans);
		wbuf_free(&sa->answer);
		if (edge_answer_put(&sa->answer, &ans))
			abort();
	}
	if (m->mid == sa->done)
		put_message(sa, RS_ANSWER, h, &m->from, sa->answer.p,
			    sa->answer.len);
}

static void take_answer(struct rs_sa *sa, const struct rs_message *m)
{
	struct edge_answer ans;

	if (m->mid != sa->mid || !sa->busy)
		return;
	sa->busy = false;
	timer_del(&sa->sim->tq, &sa->resend);
	if (edge_answer_parse(m->octets, m->len, &ans))
		abort();
	child_answer(sa->child->child, sa->upstream, &ans);
}

static void take_message(struct rs_sa *sa, const struct rs_message *m,
			 struct rs_host *at)
{
	struct rs_host *h = sa->child;
	struct edge_answer ans;

	switch (m->kind) {
	case RS_OPEN:
		if (h && at->parent && !sa->done)
			sa->parent = at;
		if (sa->parent)
			put_message(sa, RS_OPENED, at, &m->from, NULL, 0);
		break;
	case RS_OPENED:
		if (!h || sa->open)
			break;
		sa->open = true;
		sa->tries = 0;
		send_request(sa);
		break;
	case RS_REQUEST:
		if (sa->parent && h)
			answer_request(sa, m);
		break;
	case RS_ANSWER:
		if (h)
			take_answer(sa, m);
		break;
	case RS_NEWS:
		if (h && edge_answer_parse(m->octets, m->len, &ans))
			abort();
		if (h)
			child_told(h->child, sa->upstream, &ans);
		break;
	case RS_DELETE:
		if (at == sa->parent) {
			close_at_parent(sa);
		} else if (at == h) {
			close_at_child(sa);
			child_failed(h->child, sa->upstream, "deleted");
		}
		break;
	}
}

static void message_arrives(void *arg)
{
	struct rs_message *m = arg;
	struct rs_host *at = host_at(m->sim, &m->to);

	if (at && !at->dead)
		take_message(m->sa, m, at);
	free_message(m);
}

static struct rs_sa *open_sa(struct rs_host *h, struct upstream *u)
{
	struct rs_sa *sa = calloc(1, sizeof(*sa));

	if (!sa)
		abort();
	sa->sim = h->sim;
	sa->next = h->sim->sas;
	h->sim->sas = sa;
	sa->child = h;
	sa->upstream = u;
	sa->to = u->at.ep;
	sa->home = h->ep;
	wbuf_init(&sa->answer, 65535);
	timer_init(&sa->resend, on_resend, sa);
	u->user = sa;
	return sa;
}

/* ---- the child ----------------------------------------------------------- */

static int ask_relay(void *ctx, struct upstream *u,
		     const struct edge_request *req)
{
	struct rs_host *h = ctx;
	struct rs_sa *sa = u->user ? u->user : open_sa(h, u);
	struct wbuf w;

	if (sa->busy)
		abort();
	wbuf_init(&w, sizeof(sa->request));
	if (edge_request_put(&w, req))
		abort();
	memcpy(sa->request, w.p, w.len);
	sa->len = w.len;
	wbuf_free(&w);
	sa->mid++;
	sa->busy = true;
	sa->tries = 0;
	send_request(sa);
	return 0;
}

static void drop_relay(void *ctx, struct upstream *u, const char *why)
{
	struct rs_host *h = ctx;
	struct rs_sa *sa = u->user;

	(void)why;
	if (!sa)
		return;
	if (sa->open)
		put_message(sa, RS_DELETE, h, &sa->to, NULL, 0);
	close_at_child(sa);
}

static struct rs_edge *free_edge(struct rs_host *h)
{
	unsigned int i;

	for (i = 0; i < RS_MAX_EDGES; i++)
		if (!h->edge[i].used)
			return &h->edge[i];
	abort();
}

static struct rs_edge *edge_from(struct rs_host *h, const struct ep *peer)
{
	unsigned int i;

	for (i = 0; i < RS_MAX_EDGES; i++)
		if (h->edge[i].used && ep_equal(&h->edge[i].peer, peer))
			return &h->edge[i];
	return NULL;
}

static int add_up(void *ctx, struct upstream *u, struct err *err)
{
	struct rs_host *h = ctx;
	unsigned int i, n = 0;
	int ret = h->fail_add;

	h->fail_add = 0;
	if (ret)
		return err_set(err, ret, "no room in the kernel");
	if (edge_from(h, &u->at.ep))
		abort();
	*free_edge(h) = (struct rs_edge){
		.used = true, .peer = u->at.ep, .up = true, .upstream = u
	};
	h->ups++;
	for (i = 0; i < RS_MAX_EDGES; i++)
		n += h->edge[i].used && h->edge[i].up;
	if (n > h->most_ups)
		h->most_ups = n;
	return 0;
}

static void del_up(void *ctx, struct upstream *u)
{
	struct rs_host *h = ctx;
	unsigned int i;

	for (i = 0; i < RS_MAX_EDGES; i++) {
		if (!h->edge[i].used || h->edge[i].upstream != u)
			continue;
		h->edge[i].used = false;
		h->downs++;
		return;
	}
	abort();
}

static int has_delivered(void *ctx, struct upstream *u)
{
	struct rs_edge *e = edge_from(ctx, &u->at.ep);
	bool more;

	if (!e)
		return -ENOENT;
	more = e->in != e->looked;
	e->looked = e->in;
	return more;
}

static void note_change(void *ctx, const struct upstream *u,
			enum edge_reason reason, const char *why)
{
	struct rs_host *h = ctx;

	(void)u;
	h->not_entitled += reason == EDGE_NOT_ENTITLED;
	snprintf(h->why, sizeof(h->why), "%s", why);
}

static const struct child_ops child_ops = {
	.ask = ask_relay,
	.drop = drop_relay,
	.edge_add = add_up,
	.edge_del = del_up,
	.delivered = has_delivered,
	.changed = note_change,
};

/* ---- the parent ---------------------------------------------------------- */

static int check_grant(void *ctx, const char *group, const uint8_t *grant,
		       size_t len)
{
	struct rs_host *h = ctx;

	(void)group;
	return grant_verify(grant, len, h->sim->pub);
}

static struct rs_edge *edge_of_id(struct rs_host *h, uint32_t id)
{
	unsigned int i;

	for (i = 0; i < RS_MAX_EDGES; i++)
		if (h->edge[i].used && h->edge[i].id == id)
			return &h->edge[i];
	return NULL;
}

static void fill_down(struct rs_edge *to, const struct parent_edge *e)
{
	to->used = true;
	to->id = e->id;
	to->peer = e->peer;
	to->n_ranges = e->n_ranges;
	memcpy(to->range, e->range, sizeof(to->range));
}

/* The kernel has neither two edges of a number nor two of a peer. */
static int add_down(void *ctx, const struct parent_edge *e)
{
	struct rs_host *h = ctx;
	struct rs_edge *to;
	int ret = h->fail_add;

	h->fail_add = 0;
	if (ret)
		return ret;
	if (edge_of_id(h, e->id) || edge_from(h, &e->peer))
		abort();
	to = free_edge(h);
	*to = (struct rs_edge){ 0 };
	fill_down(to, e);
	h->adds++;
	return 0;
}

static int set_down(void *ctx, const struct parent_edge *e)
{
	struct rs_host *h = ctx;
	struct rs_edge *to = edge_of_id(h, e->id);
	const struct rs_edge *other = edge_from(h, &e->peer);
	int ret = h->fail_set;

	h->fail_set = 0;
	if (ret)
		return ret;
	if (!to || (other && other != to))
		abort();
	fill_down(to, e);
	h->sets++;
	return 0;
}

static void del_down(void *ctx, const struct parent_edge *e, const char *why)
{
	struct rs_host *h = ctx;
	struct rs_edge *edge = edge_of_id(h, e->id);

	snprintf(h->why, sizeof(h->why), "%s", why);
	if (!edge)
		abort();
	edge->used = false;
	h->dels++;
}

static void tell_child(void *ctx, const struct parent_edge *e,
		       const struct edge_answer *ans)
{
	struct rs_sa *sa = (struct rs_sa *)e->sa;
	struct wbuf w;

	wbuf_init(&w, 65535);
	if (edge_answer_put(&w, ans))
		abort();
	put_message(sa, RS_NEWS, ctx, &e->peer, w.p, w.len);
	wbuf_free(&w);
}

static void below_changed(void *ctx, const char *group)
{
	(void)group;
	rs_show(ctx);
}

static const struct parent_ops parent_ops = {
	.verify = check_grant,
	.edge_add = add_down,
	.edge_set = set_down,
	.edge_del = del_down,
	.below = below_changed,
	.tell = tell_child,
};

/* ---- hosts --------------------------------------------------------------- */

void rs_init(struct rs_sim *s)
{
	memset(s, 0, sizeof(*s));
	s->ms = 1000000;
	s->wall = 1800000000;
	s->random = 1;
	s->clock = (struct clock){ sim_mono, sim_wall, s };
	timerq_init(&s->tq, &s->clock);
	if (sigkey_generate(SIG_ED25519, &s->key) ||
	    sigkey_pub(s->key, &s->pub))
		abort();
}

static void free_host(struct rs_host *h)
{
	unsigned int i;

	child_free(h->child);
	h->child = NULL;
	parent_free(h->parent);
	h->parent = NULL;
	for (i = 0; i < RS_MAX_HOSTS; i++)
		free(h->seen[i]);
}

void rs_free(struct rs_sim *s)
{
	struct rs_sa *sa;
	unsigned int i;

	for (i = 0; i < s->n; i++)
		free_host(&s->host[i]);
	while (s->messages)
		free_message(s->messages);
	while ((sa = s->sas)) {
		s->sas = sa->next;
		timer_del(&s->tq, &sa->resend);
		wbuf_free(&sa->answer);
		free(sa);
	}
	sigpub_free(s->pub);
	sigkey_free(s->key);
}

void rs_pass(struct rs_sim *s, uint64_t ms)
{
	uint64_t end = s->ms + ms;
	int next;

	while ((next = timerq_next_ms(&s->tq)) >= 0 &&
	       s->ms + (uint64_t)next <= end) {
		s->ms += (uint64_t)next;
		timerq_run(&s->tq);
	}
	s->ms = end;
}

struct rs_host *rs_host_new(struct rs_sim *s)
{
	uint8_t b[4] = { 192, 0, 2, (uint8_t)(s->n + 1) };
	struct rs_host *h = &s->host[s->n];

	if (s->n == RS_MAX_HOSTS)
		abort();
	h->sim = s;
	h->number = s->n++;
	snprintf(h->name, sizeof(h->name), "h%u.example", h->number);
	id_set(&h->id, IKE_ID_FQDN, h->name, strlen(h->name));
	addr_set(&h->ep.addr, AF_INET, b);
	h->ep.port = 4500;
	h->sid = (uint16_t)(2 * h->number + 1);
	rs_sign(s, h, h->sid, 86400);
	return h;
}

void rs_sign(struct rs_sim *s, struct rs_host *h, uint16_t sid,
	     uint32_t seconds)
{
	struct grant g = { .group = RS_GROUP, .n_ranges = !!sid };
	struct wbuf w;

	g.member = h->id;
	g.issued = (uint64_t)clock_wall(&s->clock);
	g.expires = g.issued + seconds;
	g.range[0] = (struct sid_range){ sid, sid };
	h->sid = sid;
	wbuf_init(&w, sizeof(h->grant));
	if (grant_sign(&g, s->key, &w))
		abort();
	memcpy(h->grant, w.p, w.len);
	h->grant_len = w.len;
	wbuf_free(&w);
}

struct edge_parent rs_at(const struct rs_host *h)
{
	return (struct edge_parent){ .ep = h->ep, .id = h->id };
}

void rs_relay(struct rs_host *h, unsigned int max_children,
	      struct rs_host *const *others, unsigned int n)
{
	struct edge_parent at[EDGE_MAX_PARENTS];
	struct parent_cfg cfg = { .clock = &h->sim->clock,
				  .tq = &h->sim->tq,
				  .max_children = max_children,
				  .n_others = n,
				  .others = at };
	unsigned int i;

	for (i = 0; i < n; i++)
		at[i] = rs_at(others[i]);
	if (parent_new(&cfg, &parent_ops, h, &h->parent, NULL) ||
	    parent_add_group(h->parent, RS_GROUP))
		abort();
}

void rs_leaf(struct rs_host *h, struct rs_host *const *parents, unsigned int n)
{
	struct edge_parent at[CHILD_MAX_CONFIGURED];
	struct child_cfg cfg = { .clock = &h->sim->clock,
				 .tq = &h->sim->tq,
				 .group = RS_GROUP,
				 .self = &h->id,
				 .n_parents = n,
				 .parents = at };
	unsigned int i;

	for (i = 0; i < n; i++)
		at[i] = rs_at(parents[i]);
	if (child_new(&cfg, &child_ops, h, &h->child, NULL))
		abort();
	rs_show(h);
}

void rs_show(struct rs_host *h)
{
	struct edge_grant g[EDGE_MAX_GRANTS] = { { 0, h->grant,
						   h->grant_len } };
	unsigned int n = 1;

	if (!h->child)
		return;
	if (h->parent)
		n += parent_below(h->parent, RS_GROUP, g + 1,
				  EDGE_MAX_GRANTS - 1);
	if (child_set_grants(h->child, g, n))
		abort();
}

void rs_kill(struct rs_host *h)
{
	h->dead = true;
}

void rs_close_children(struct rs_host *h)
{
	struct rs_sa *sa;

	for (sa = h->sim->sas; sa; sa = sa->next) {
		if (sa->parent != h || !sa->child)
			continue;
		put_message(sa, RS_DELETE, h, &sa->child->ep, NULL, 0);
		close_at_parent(sa);
	}
}

/* ---- datagrams ----------------------------------------------------------- */

static bool takes_sid(const struct rs_edge *e, uint16_t sid)
{
	unsigned int i;

	for (i = 0; i < e->n_ranges; i++)
		if (sid >= e->range[i].first && sid <= e->range[i].last)
			return true;
	return e->up;
}

/* The window; returns true for a datagram that is new. */
static bool is_new(struct rs_host *h, const struct rs_host *from, uint32_t seq)
{
	uint8_t **seen = &h->seen[from->number];

	if (!*seen)
		*seen = calloc(1, RS_MAX_SEQ);
	if (!*seen || seq >= RS_MAX_SEQ)
		abort();
	if ((*seen)[seq]) {
		h->dup++;
		return false;
	}
	(*seen)[seq] = 1;
	return true;
}

static void copy_on(struct rs_host *h, const struct rs_host *from, uint32_t seq,
		    const struct rs_edge *by);

static void datagram_arrives(struct rs_host *h, const struct ep *source,
			     const struct rs_host *from, uint32_t seq)
{
	struct rs_edge *e = edge_from(h, source);

	if (h->dead)
		return;
	if (!e) {
		h->unknown++;
		return;
	}
	if (!takes_sid(e, from->sid)) {
		e->refused++;
		return;
	}
	e->in++;
	if (!is_new(h, from, seq))
		return;
	h->got++;
	copy_on(h, from, seq, e);
}

/* A datagram from above goes on down only, and none goes back. */
static void copy_on(struct rs_host *h, const struct rs_host *from, uint32_t seq,
		    const struct rs_edge *by)
{
	struct rs_host *to;
	unsigned int i;

	for (i = 0; i < RS_MAX_EDGES; i++) {
		struct rs_edge *e = &h->edge[i];

		if (!e->used || e == by || (by && by->up && e->up) ||
		    is_lost(h->sim))
			continue;
		to = host_at(h->sim, &e->peer);
		if (to)
			datagram_arrives(to, &h->ep, from, seq);
	}
}

uint32_t rs_send(struct rs_host *h)
{
	uint32_t seq = h->sent++;

	is_new(h, h, seq);
	copy_on(h, h, seq, NULL);
	return seq;
}

bool rs_has(const struct rs_host *h, const struct rs_host *from, uint32_t seq)
{
	return h->seen[from->number] && h->seen[from->number][seq];
}

unsigned int rs_reached(const struct rs_host *from, uint32_t seq)
{
	unsigned int i, n = 0;

	for (i = 0; i < from->sim->n; i++)
		n += &from->sim->host[i] != from &&
		     rs_has(&from->sim->host[i], from, seq);
	return n;
}

struct rs_host *rs_parent_of(const struct rs_host *h)
{
	const struct upstream *u = child_parent(h->child);

	return u ? host_at(h->sim, &u->at.ep) : NULL;
}

struct rs_edge *rs_edge_to(struct rs_host *h, const struct rs_host *child)
{
	return edge_from(h, &child->ep);
}

void rs_good_and_bad(struct rs_sim *s, struct rs_host **relay,
		     struct rs_host **good, struct rs_host **bad)
{
	rs_init(s);
	*relay = rs_host_new(s);
	rs_relay(*relay, 4, NULL, 0);
	*good = rs_host_new(s);
	rs_leaf(*good, relay, 1);
	*bad = rs_host_new(s);
	rs_pass(s, 1000);
	if (rs_parent_of(*good) != *relay)
		abort();
}
