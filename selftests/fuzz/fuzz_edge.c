// SPDX-License-Identifier: Apache-2.0
/*
 * Messages of edges and about grants: what is read is written and read again; and a relay
 * that hostile children ask as they like, whose kernel never has two edges of one number
 * or peer.
 *
 * The first octet of an input is an enum fuzz_edge. A relay gets records of an octet
 * that says what happens, one that says who does it, 16 bits of length, and octets.
 */
#include <stdlib.h>
#include <string.h>

#include "crypto/sign.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/timer.h"
#include "relay/parent.h"
#include "wire/edge.h"
#include "wire/entitle.h"

enum fuzz_edge {
	FE_REQUEST,
	FE_ANSWER,
	FE_GRANT,
	FE_RELAY,
	FE_ASK_GRANT,
	FE_GIVE_GRANT,
	FE_END_GRANTS,
	FE_MAX,
};

enum happens {
	H_REQUEST, /* octets: a request */
	H_MOVED, /* the same from another port */
	H_CLOSED,
	H_TIME, /* 16 bits of milliseconds in place of the length */
	H_LEAVE,
	H_NO_GROUP,
	H_ENDED, /* grants end before their time */
	H_MAX,
};

#define CHILDREN 8
#define PLACES 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool fine)
{
	if (!fine)
		abort();
}

static void as_request(const uint8_t *p, size_t len)
{
	struct edge_request a, b;
	struct wbuf w;

	if (edge_request_parse(p, len, &a))
		return;
	check(a.beat != !!a.n && a.n <= EDGE_MAX_GRANTS);
	wbuf_init(&w, len);
	check(!edge_request_put(&w, &a) && w.len == len &&
	      !memcmp(w.p, p, len));
	check(!edge_request_parse(w.p, w.len, &b) && a.n == b.n);
	wbuf_free(&w);
}

static void as_answer(const uint8_t *p, size_t len)
{
	struct edge_answer a;
	struct wbuf w;

	if (edge_answer_parse(p, len, &a))
		return;
	check(edge_reason_str(a.reason));
	wbuf_init(&w, len);
	check(!edge_answer_put(&w, &a) && w.len == len && !memcmp(w.p, p, len));
	wbuf_free(&w);
}

static void as_grant(const uint8_t *p, size_t len)
{
	static struct sigkey *key;
	static struct sigpub *pub;
	struct grant g;

	if (!key)
		check(!sigkey_generate(SIG_ED25519, &key) &&
		      !sigkey_pub(key, &pub));
	if (grant_parse(p, len, &g))
		return;
	check(g.group[0] && g.member.len && g.n_ranges <= GRANT_MAX_RANGES);
	/* Nobody can sign with a key of now. */
	check(grant_verify(p, len, pub));
}

static void as_grant_request(const uint8_t *p, size_t len)
{
	struct grant_request a;
	struct wbuf w;

	if (grant_request_parse(p, len, &a))
		return;
	wbuf_init(&w, len);
	check(!grant_request_put(&w, &a) && w.len == len &&
	      !memcmp(w.p, p, len));
	wbuf_free(&w);
}

static void as_grant_answer(const uint8_t *p, size_t len)
{
	struct grant_answer a;
	struct wbuf w;

	if (grant_answer_parse(p, len, &a))
		return;
	check(grant_verdict_str(a.verdict)[0]);
	wbuf_init(&w, len);
	check(!grant_answer_put(&w, &a) && w.len == len &&
	      !memcmp(w.p, p, len));
	wbuf_free(&w);
}

static void as_grant_ends(const uint8_t *p, size_t len)
{
	struct grant_ends a;
	struct wbuf w;

	if (grant_ends_parse(p, len, &a))
		return;
	check(a.n && a.n <= GRANT_ENDS_MAX && a.at <= a.until);
	wbuf_init(&w, len);
	check(!grant_ends_put(&w, &a) && w.len == len && !memcmp(w.p, p, len));
	wbuf_free(&w);
}

/* ---- a relay ------------------------------------------------------------- */

static uint64_t now;

static uint64_t mono_now(void *ctx)
{
	(void)ctx;
	return now;
}

static time_t wall_now(void *ctx)
{
	(void)ctx;
	return 1500 + (time_t)(now / 1000);
}

static struct {
	uint32_t id; /* 0: none */
	struct ep peer;
} edges[PLACES];

static int place_of(uint32_t id)
{
	for (int i = 0; i < PLACES; i++)
		if (edges[i].id == id)
			return i;
	return -1;
}

static void check_peers(void)
{
	for (int i = 0; i < PLACES; i++)
		for (int k = 0; k < i; k++)
			check(!edges[i].id || !edges[k].id ||
			      !ep_equal(&edges[i].peer, &edges[k].peer));
}

static int any_grant(void *ctx, const char *group, const uint8_t *grant,
		     size_t len)
{
	(void)ctx;
	(void)group;
	return len % 7 ? 0 : -grant[0];
}

static int add(void *ctx, const struct parent_edge *e)
{
	int at = place_of(0);

	(void)ctx;
	check(at >= 0 && e->id && place_of(e->id) < 0);
	if (e->peer.port % 16 == 15)
		return -1;
	edges[at].id = e->id;
	edges[at].peer = e->peer;
	check_peers();
	return 0;
}

static int set(void *ctx, const struct parent_edge *e)
{
	int at = place_of(e->id);

	(void)ctx;
	check(at >= 0 && e->n_ranges <= PARENT_MAX_RANGES);
	for (unsigned int i = 0; i < e->n_ranges; i++)
		check(e->range[i].first <= e->range[i].last &&
		      (!i || e->range[i - 1].last + 1 < e->range[i].first));
	if (e->peer.port % 16 == 14)
		return -1;
	edges[at].peer = e->peer;
	check_peers();
	return 0;
}

static void del(void *ctx, const struct parent_edge *e, const char *why)
{
	int at = place_of(e->id);

	(void)ctx;
	check(at >= 0 && why && why[0]);
	edges[at].id = 0;
}

static bool some_ended(void *arg, const struct grant *g)
{
	return g->member.data[0] % 4 == *(const uint8_t *)arg % 4;
}

static void happen(struct parent *p, struct timerq *tq, uint8_t what,
		   uint8_t who, struct rbuf *r)
{
	static const char sa[CHILDREN];
	struct edge_request req;
	struct edge_answer ans;
	struct ike_id id = { 0 };
	struct parent_peer from = {
		&sa[who % CHILDREN], &id, { .port = who }, who % 64 == 63
	};
	uint8_t ip[4] = { 192, 0, 2, who };
	char name[] = "a.example";

	name[0] = (char)('a' + who % 4);
	id_set(&id, IKE_ID_FQDN, name, strlen(name));
	addr_set(&from.ep.addr, AF_INET, ip);
	switch (what) {
	case H_MOVED:
		from.ep.port += 256;
		/* Falls through. */
	case H_REQUEST:
		if (edge_request_parse(r->p, r->len, &req))
			break;
		parent_request(p, &from, &req, &ans);
		/* Some children receive nothing where they ask from. */
		if (ans.verdict == EDGE_CHALLENGED && who % 32 != 31) {
			memcpy(req.cookie, ans.cookie, sizeof(req.cookie));
			parent_request(p, &from, &req, &ans);
			check(ans.verdict != EDGE_CHALLENGED);
		}
		check(ans.verdict == EDGE_GRANTED ||
		      ans.verdict == EDGE_CHALLENGED || ans.reason);
		break;
	case H_CLOSED:
		parent_sa_closed(p, from.sa);
		break;
	case H_TIME:
		now += r->len;
		timerq_run(tq);
		break;
	case H_LEAVE:
		parent_leave(p);
		break;
	case H_NO_GROUP:
		parent_del_group(p, "video");
		break;
	case H_ENDED:
		parent_recheck(p, some_ended, &who);
		break;
	}
}

static void as_relay(const uint8_t *data, size_t len)
{
	static const struct clock clock = { mono_now, wall_now, NULL };
	static const struct parent_ops ops = { .verify = any_grant,
					       .edge_add = add,
					       .edge_set = set,
					       .edge_del = del };
	struct edge_parent other = { .ep.port = 4500 };
	struct timerq tq;
	struct parent_cfg cfg = { .clock = &clock,
				  .tq = &tq,
				  .max_children = PLACES,
				  .n_others = len % 2,
				  .others = &other };
	struct parent *p;
	struct rbuf r, one;

	memset(edges, 0, sizeof(edges));
	now = 1000;
	timerq_init(&tq, &clock);
	check(!parent_new(&cfg, &ops, NULL, &p, NULL));
	check(!parent_add_group(p, "video") && !parent_add_group(p, "audio"));
	rbuf_init(&r, data, len);
	while (!r.err && rbuf_left(&r)) {
		uint8_t what = rbuf_u8(&r) % H_MAX, who = rbuf_u8(&r);
		uint16_t n = rbuf_u16(&r);

		rbuf_init(&one, NULL, n);
		if (what != H_TIME && !rbuf_sub(&r, n, &one))
			break;
		happen(p, &tq, what, who, &one);
		check(parent_stats(p)->edges <= PLACES);
	}
	parent_free(p);
	for (int i = 0; i < PLACES; i++)
		check(!edges[i].id);
	check(!tq.root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	switch (data[0] % FE_MAX) {
	case FE_REQUEST:
		as_request(data + 1, size - 1);
		break;
	case FE_ANSWER:
		as_answer(data + 1, size - 1);
		break;
	case FE_GRANT:
		as_grant(data + 1, size - 1);
		break;
	case FE_RELAY:
		as_relay(data + 1, size - 1);
		break;
	case FE_ASK_GRANT:
		as_grant_request(data + 1, size - 1);
		break;
	case FE_GIVE_GRANT:
		as_grant_answer(data + 1, size - 1);
		break;
	case FE_END_GRANTS:
		as_grant_ends(data + 1, size - 1);
		break;
	}
	return 0;
}
