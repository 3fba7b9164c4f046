// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/cert.h"
#include "crypto/sign.h"
#include "gsa_good.h"
#include "ike/psk.h"
#include "ike_net.h"

#define DIE(what) \
	do { \
		fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, what); \
		exit(1); \
	} while (0)

/* ---- clock and network -------------------------------------------------- */

static uint64_t mono(void *ctx)
{
	return ((struct net *)ctx)->ms;
}

static time_t wall(void *ctx)
{
	return ((struct net *)ctx)->wall;
}

void net_init(struct net *net)
{
	memset(net, 0, sizeof(*net));
	net->ms = 1000;
	net->wall = 1800000000;
	net->clock.mono_ms = mono;
	net->clock.wall = wall;
	net->clock.ctx = net;
	timerq_init(&net->tq, &net->clock);
}

void net_free(struct net *net)
{
	while (net->n_nodes)
		node_free(net->nodes[net->n_nodes - 1]);
	while (net->n_queue)
		net_drop(net, 0);
}

static void enqueue(struct net *net, const struct ep *from, const struct ep *to,
		    const uint8_t *p, size_t len)
{
	struct packet *q = &net->queue[net->n_queue];

	if (net->n_queue == NET_MAX_QUEUE)
		DIE("queue is full");
	net->n_queue++;
	q->from = *from;
	q->to = *to;
	/* The NAT translates outgoing packets, and answers back. */
	if (net->nat && ep_equal(from, &net->nat_inside))
		q->from = net->nat_outside;
	if (net->nat && addr_equal(&from->addr, &net->nat_inside.addr) &&
	    from->port != net->nat_inside.port) {
		q->from = net->nat_outside;
		q->from.port = net->nat_outside.port + 1;
	}
	q->p = malloc(len);
	q->len = len;
	if (!q->p)
		DIE("no memory");
	memcpy(q->p, p, len);
}

void net_drop(struct net *net, unsigned int i)
{
	free(net->queue[i].p);
	net->n_queue--;
	memmove(&net->queue[i], &net->queue[i + 1],
		(net->n_queue - i) * sizeof(net->queue[0]));
}

void net_dup(struct net *net, unsigned int i)
{
	struct packet *q = &net->queue[i];
	bool nat = net->nat;

	net->nat = false;
	enqueue(net, &q->from, &q->to, q->p, q->len);
	net->nat = nat;
}

void net_swap(struct net *net, unsigned int a, unsigned int b)
{
	struct packet q = net->queue[a];

	net->queue[a] = net->queue[b];
	net->queue[b] = q;
}

static struct node *node_at(struct net *net, struct ep *to)
{
	if (net->nat && addr_equal(&to->addr, &net->nat_outside.addr)) {
		bool floated = to->port != net->nat_outside.port;

		*to = net->nat_inside;
		if (floated)
			to->port = 4500;
	}
	for (unsigned int i = 0; i < net->n_nodes; i++)
		if (addr_equal(&net->nodes[i]->ep.addr, &to->addr))
			return net->nodes[i];
	return NULL;
}

bool net_step(struct net *net)
{
	struct packet q;
	struct node *n;

	if (!net->n_queue)
		return false;
	q = net->queue[0];
	net->n_queue--;
	memmove(&net->queue[0], &net->queue[1],
		net->n_queue * sizeof(net->queue[0]));
	n = node_at(net, &q.to);
	if (n)
		ike_engine_input(n->engine, &q.from, &q.to, q.p, q.len);
	else
		net->lost++;
	free(q.p);
	return true;
}

void net_run(struct net *net)
{
	for (unsigned int i = 0; net_step(net); i++)
		if (i > 10000)
			DIE("packets without end");
}

void net_pass(struct net *net, uint64_t ms, bool deliver)
{
	uint64_t end = net->ms + ms;

	for (;;) {
		int next = timerq_next_ms(&net->tq);

		if (next < 0 || net->ms + next > end)
			break;
		net->ms += next;
		net->wall = 1800000000 + net->ms / 1000;
		timerq_run(&net->tq);
		if (deliver)
			net_run(net);
		while (!deliver && net->n_queue)
			net_drop(net, 0);
	}
	net->ms = end;
}

/* ---- callbacks ---------------------------------------------------------- */

static void on_send(void *ctx, const struct ep *from, const struct ep *to,
		    const uint8_t *p, size_t len)
{
	struct node *n = ctx;
	struct ep f = *from;

	/* The kernel chooses the source address. */
	if (addr_is_none(&f.addr)) {
		f.addr = n->ep.addr;
		if (!f.port)
			f.port = n->ep.port;
	}
	enqueue(n->net, &f, to, p, len);
}

static int on_local_of(void *ctx, const struct ep *peer, struct ep *local)
{
	(void)peer;
	*local = ((struct node *)ctx)->ep;
	return 0;
}

static bool on_hears_natt(void *ctx, const struct ep *local)
{
	(void)local;
	return !((struct node *)ctx)->no_natt;
}

static bool on_one_place(void *ctx)
{
	return ((struct node *)ctx)->one_place;
}

static void on_keepalive(void *ctx, const struct ep *from, const struct ep *to)
{
	struct node *n = ctx;

	n->seen.keepalives++;
	n->seen.kept_from = *from;
	n->seen.kept_to = *to;
}

static const uint8_t tek[20] = "twenty octets of key";

static void fill(struct node *g, struct ike_sa *sa, bool send, struct gsa *gsa,
		 struct kd *kd)
{
	static const uint8_t spi[4] = { 0, 0, 1, 1 };
	struct kd_bag *bag;
	struct kd_key key;

	memset(gsa, 0, sizeof(*gsa));
	kd_init(kd);
	gsa->n_data = 1;
	data_sa(&gsa->data[0]);
	memcpy(gsa->data[0].spi, spi, sizeof(spi));
	gsa->data[0].key_bits = 128;
	gsa->gw.present = true;
	gsa->gw.has = GWP_HAS_ATD | GWP_HAS_DTD;
	if (g->says_data)
		gsa->data[0].opaque = *g->says_data;
	if (g->says_gw)
		gsa->gw.opaque = *g->says_gw;
	gsa->gw.atd = 5;
	gsa->gw.dtd = 15;
	if (send && !g->broken) {
		gsa->gw.has |= GWP_HAS_SENDER_ID_BITS;
		gsa->gw.sender_id_bits = 16;
		for (unsigned int i = 0; !i || i < g->n_sids; i++)
			kd_add_sender_id(kd, 7 + i);
	}
	kwk_wrap(ike_sa_kwk(sa), 0, 0, tek, sizeof(tek), &key);
	kd_bag(kd, IKE_PROTO_ESP, gsa->data[0].spi, &bag);
	kd_bag_add(bag, &key);
}

int node_reply(struct node *g)
{
	struct ike_sa *sa = ike_token_sa(g->engine, g->token);
	struct gike_reply reply = {
		.notify = g->answer,
		.later_ms = g->later_ms,
		.opaque = g->says,
	};
	struct gsa gsa;
	struct kd kd;
	int ret;

	kd_init(&kd);
	if (!sa)
		return -ENOENT;
	if (!reply.notify && !reply.later_ms && !g->seen.req.report) {
		fill(g, sa, g->seen.req.send, &gsa, &kd);
		reply.gsa = &gsa;
		reply.kd = &kd;
		reply.transport = true;
	}
	ret = ike_reply(g->engine, g->token, &reply);
	kd_free(&kd);
	return ret;
}

static enum gike_when on_request(void *ctx, struct ike_sa *sa,
				 const struct gike_req *req,
				 struct gike_reply *reply)
{
	struct node *g = ctx;

	(void)reply;
	g->seen.requests++;
	g->seen.req = *req;
	g->seen.had_sag = req->sag;
	g->seen.req.sag = NULL;
	g->seen.opaque = *req->opaque;
	g->seen.req.opaque = NULL;
	snprintf(g->seen.peer, sizeof(g->seen.peer), "%s", req->peer_name);
	g->token = req->token;
	g->sa = sa;
	if (g->close_inside) {
		ike_close(sa, "closed from within");
		return GIKE_NOW;
	}
	if (g->later)
		return GIKE_LATER;
	if (g->answer) {
		reply->notify = g->answer;
		return GIKE_NOW;
	}
	node_reply(g);
	return GIKE_LATER;
}

static void on_registered(void *ctx, struct ike_sa *sa,
			  const struct ike_id *idg,
			  const struct gike_answer *answer)
{
	const struct kd *kd = answer->kd;
	struct node *m = ctx;

	(void)idg;
	m->sa = sa;
	m->seen.registered++;
	m->seen.transport = answer->transport;
	m->seen.opaque = *answer->opaque;
	m->seen.data = answer->gsa->data[0].opaque;
	m->seen.gw = answer->gsa->gw.opaque;
	m->seen.sender_id = kd->n_sender_ids ? kd->sender_ids[0] : 0;
	m->seen.tek_ret = kwk_unwrap(ike_sa_kwk(sa), &kd->bags[0].keys[0],
				     m->seen.tek, sizeof(tek));
	if (!m->seen.tek_ret && memcmp(m->seen.tek, tek, sizeof(tek)))
		m->seen.tek_ret = -EBADMSG;
}

static void on_refused(void *ctx, struct ike_sa *sa, const struct ike_id *idg,
		       uint16_t notify, const char *text)
{
	struct node *m = ctx;

	(void)idg;
	m->sa = sa;
	m->seen.refused++;
	m->seen.notify = notify;
	snprintf(m->seen.text, sizeof(m->seen.text), "%s", text);
}

static void on_later(void *ctx, struct ike_sa *sa, const struct ike_id *idg,
		     uint32_t ms)
{
	struct node *m = ctx;

	(void)sa;
	(void)idg;
	m->seen.later_ms = ms;
}

static void on_left(void *ctx, struct ike_sa *sa, const struct ike_id *idg)
{
	struct node *m = ctx;

	(void)idg;
	m->sa = sa;
	m->seen.left++;
}

static int on_inband_fill(void *ctx, struct ike_sa *sa,
			  const struct ike_id *idg, struct gike_inband *msg)
{
	struct node *g = ctx;

	(void)idg;
	if (g->no_inband)
		return -ENOENT;
	kd_free(&msg->kd);
	fill(g, sa, false, &msg->gsa, &msg->kd);
	msg->has_keys = true;
	msg->transport = true;
	if (g->alter_inband)
		g->alter_inband(msg);
	return 0;
}

static void on_inband_done(void *ctx, struct ike_sa *sa,
			   const struct ike_id *idg, uint16_t notify)
{
	struct node *g = ctx;

	(void)sa;
	(void)idg;
	g->seen.inband_done++;
	g->seen.inband_notify = notify;
}

static void on_inband(void *ctx, struct ike_sa *sa, const struct ike_id *idg,
		      struct gike_inband *msg)
{
	struct node *m = ctx;

	m->seen.inband++;
	snprintf(m->seen.inband_group, sizeof(m->seen.inband_group), "%.*s",
		 idg ? (int)idg->len : 0, idg ? (const char *)idg->data : "");
	m->seen.inband_deletes = msg->n_del;
	m->seen.inband_keys = msg->has_keys;
	m->seen.transport = msg->transport;
	snprintf(m->seen.inband_unusable, sizeof(m->seen.inband_unusable), "%s",
		 msg->unusable ? msg->unusable : "");
	memset(m->seen.tek, 0, sizeof(m->seen.tek));
	if (!msg->has_keys || !msg->kd.n_bags || !msg->kd.bags[0].n)
		return;
	m->seen.tek_ret = kwk_unwrap(ike_sa_kwk(sa), &msg->kd.bags[0].keys[0],
				     m->seen.tek, sizeof(tek));
	if (!m->seen.tek_ret && memcmp(m->seen.tek, tek, sizeof(tek)))
		m->seen.tek_ret = -EBADMSG;
}

static void on_closed(void *ctx, struct ike_sa *sa, const char *reason)
{
	struct node *n = ctx;

	n->seen.sa_closed++;
	snprintf(n->seen.reason, sizeof(n->seen.reason), "%s", reason);
	if (n->sa == sa)
		n->sa = NULL;
}

static void on_moved(void *ctx, struct ike_sa *sa, const struct ep *from)
{
	struct node *n = ctx;

	n->sa = sa;
	n->seen.moves++;
	n->seen.moved_from = *from;
}

static void on_event(void *ctx, const struct ike_event *ev)
{
	struct seen *s = &((struct node *)ctx)->seen;

	switch (ev->type) {
	case IKE_EV_UP:
		s->up++;
		snprintf(s->about, sizeof(s->about), "%s", ev->text);
		return;
	case IKE_EV_CLOSED:
		s->closed++;
		snprintf(s->about, sizeof(s->about), "%s", ev->text);
		return;
	case IKE_EV_AUTH_FAILED:
		s->auth_failed++;
		break;
	case IKE_EV_REFUSED:
		s->ev_refused++;
		break;
	case IKE_EV_REQUEST_REFUSED:
		s->not_taken++;
		break;
	case IKE_EV_CAP:
		s->cap++;
		break;
	case IKE_EV_MOVED:
		s->moved++;
		snprintf(s->about, sizeof(s->about), "%s", ev->text);
		return;
	}
	snprintf(s->text, sizeof(s->text), "%s", ev->text);
}

static void on_keys(void *ctx, const char *line)
{
	struct node *n = ctx;

	snprintf(n->seen.line, sizeof(n->seen.line), "%s", line);
}

static void on_edge_request(void *ctx, struct ike_sa *sa, const struct ep *from,
			    const struct edge_request *req,
			    struct edge_answer *ans)
{
	struct node *n = ctx;

	n->sa = sa;
	n->seen.edge_requests++;
	n->seen.edge_req = *req;
	n->seen.edge_from = *from;
	if (req->n && req->grant[0].len <= sizeof(n->seen.edge_grant))
		memcpy(n->seen.edge_grant, req->grant[0].p, req->grant[0].len);
	*ans = n->edge;
}

static void on_edge_answer(void *ctx, struct ike_sa *sa,
			   const struct edge_answer *ans)
{
	struct node *n = ctx;

	(void)sa;
	n->seen.edge_answers++;
	n->seen.edge_no_relay = !ans;
	if (ans)
		n->seen.edge_ans = *ans;
}

static const struct ike_ops ops = {
	.send = on_send,
	.local_of = on_local_of,
	.keepalive = on_keepalive,
	.hears_natt = on_hears_natt,
	.one_place = on_one_place,
	.group_request = on_request,
	.registered = on_registered,
	.refused = on_refused,
	.later = on_later,
	.left = on_left,
	.inband_fill = on_inband_fill,
	.inband_done = on_inband_done,
	.inband = on_inband,
	.sa_closed = on_closed,
	.moved = on_moved,
	.edge_request = on_edge_request,
	.edge_answer = on_edge_answer,
	.event = on_event,
};

/* ---- certificates and nodes --------------------------------------------- */

static void issue(struct net *net, const struct pki_opt *opt,
		  struct pki_pair *out)
{
	const char *dns[2] = { opt->dns };
	struct pki_req req = {
		.kind = opt->kind,
		.type = opt->type ? opt->type : SIG_ED25519,
		.name = opt->dns,
		.dns = dns,
		.not_before = opt->from ? opt->from : net->wall - 3600,
		.not_after = opt->to ? opt->to : net->wall + 86400 * 365,
	};
	struct err err;

	if (opt->kind == PKI_CA)
		req.dns = NULL;
	if (pki_issue(opt->ca, &req, out, &err))
		DIE(err.text);
}

void pki_ca(struct net *net, const char *name, struct pki_pair *ca)
{
	const struct pki_opt opt = { .kind = PKI_CA, .dns = name };

	issue(net, &opt, ca);
}

struct node *node_new(struct net *net, const char *addr,
		      const struct pki_opt *opt, const struct pki_pair *trust,
		      const struct ike_engine_cfg *cfg)
{
	struct node *n = calloc(1, sizeof(*n));
	struct pki_opt issued = *opt;
	struct cert_der der;
	struct err err;

	if (!n || net->n_nodes == NET_MAX_NODES)
		DIE("no room for a node");
	n->net = net;
	n->name = opt->dns;
	ep_parse(addr, IKE_PORT, &n->ep);
	if (opt->psk_only)
		issued.dns = "unused.example";
	issue(net, &issued, &n->cert);
	der.p = n->cert.cert;
	der.len = n->cert.cert_len;
	if (cert_chain_from_der(&der, 1, &n->chain, &err))
		DIE(err.text);
	der.p = trust->cert;
	der.len = trust->cert_len;
	if (trust_from_der(&der, 1, &n->trust, &err))
		DIE(err.text);
	if (cfg)
		n->cfg = *cfg;
	n->cfg.clock = &net->clock;
	n->cfg.tq = &net->tq;
	n->cfg.chain = n->chain;
	n->cfg.key = n->cert.key;
	n->cfg.trust = n->trust;
	if (opt->psk_only) {
		n->cfg.chain = NULL;
		n->cfg.key = NULL;
		n->cfg.trust = NULL;
		if (peer_id_parse(&n->cfg.id, opt->dns))
			DIE("no identity");
	}
	n->cfg.responder |= opt->kind == PKI_GCKS || n->cfg.relays;
	if (n->cfg.export_keys)
		n->cfg.export_keys = on_keys;
	if (ike_engine_new(&n->cfg, &ops, n, &n->engine))
		DIE("ike_engine_new");
	net->nodes[net->n_nodes++] = n;
	return n;
}

void node_clear(struct node *n)
{
	memset(&n->seen, 0, sizeof(n->seen));
}

struct exchange *node_own_exchange(struct node *n, uint8_t type)
{
	struct exchange *found = NULL;
	unsigned int i = 0;

	do {
		n->exchanges[i] = ike_exchanges[i];
		if (n->exchanges[i].type == type)
			found = &n->exchanges[i];
	} while (ike_exchanges[i++].type);
	n->engine->exchanges = n->exchanges;
	if (!found)
		DIE("there is no such exchange");
	return found;
}

void node_exchange(struct node *n, uint8_t type,
		   int (*build)(struct ike_sa *sa, const struct ike_task *t),
		   void (*answer)(struct ike_sa *sa, struct ike_in *in))
{
	struct exchange *e = node_own_exchange(n, type);

	e->build = build;
	e->answer = answer;
}

void node_free(struct node *n)
{
	struct net *net = n->net;

	for (unsigned int i = 0; i < net->n_nodes; i++)
		if (net->nodes[i] == n)
			net->nodes[i] = net->nodes[--net->n_nodes];
	ike_engine_free(n->engine);
	cert_chain_free(n->chain);
	trust_free(n->trust);
	pki_pair_free(&n->cert);
	free(n);
}

void group_req(struct gike_req *req, const char *group, bool send)
{
	memset(req, 0, sizeof(*req));
	id_set(&req->idg, IKE_ID_KEY_ID, group, strlen(group));
	req->send = send;
	req->n_sender_ids = send ? 2 : 0;
}

struct ike_sa *node_join(struct node *m, struct node *g, const char *gcks_id,
			 bool send)
{
	static const struct ep none;
	struct gike_req req;
	struct ike_sa *sa;
	struct ike_id id;

	id_from_text(&id, gcks_id);
	group_req(&req, "video", send);
	req.opaque = m->says;
	return ike_register(m->engine, m->no_local ? &none : &m->ep, &g->ep,
			    &id, &req, &sa)
		       ? NULL
		       : sa;
}
