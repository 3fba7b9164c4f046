// SPDX-License-Identifier: Apache-2.0
/*
 * Unexpected messages of an IKE SA: each is counted under its own name, changes
 * nothing, and the expected message is still accepted.
 */
#include <errno.h>

#include "ike/sa.h"
#include "ike_pair.h"
#include "tap.h"
#include "lib/util.h"

#define MOST 8192

static struct ike_stats before;

static void setup(void)
{
	pair_setup(NULL, NULL);
	node_join(m, g, GCKS, false);
}

/* Deliver until the first packet is one of the exchange @xchg to @to. */
static bool until(uint8_t xchg, const struct node *to)
{
	while (net.n_queue) {
		if (net.queue[0].p[18] == xchg &&
		    addr_equal(&net.queue[0].to.addr, &to->ep.addr))
			return true;
		net_step(&net);
	}
	return false;
}

/* Remove and return the first packet of the queue. */
static struct packet take(void)
{
	struct packet q = net.queue[0];

	net.n_queue--;
	memmove(&net.queue[0], &net.queue[1],
		net.n_queue * sizeof(net.queue[0]));
	return q;
}

/* Deliver @q to @n with the octet @at changed by @x. */
static void arrives(struct node *n, const struct packet *q, size_t at,
		    uint8_t x)
{
	uint8_t copy[MOST];

	if (q->len > sizeof(copy))
		bail("a packet of %zu octets", q->len);
	memcpy(copy, q->p, q->len);
	copy[at] ^= x;
	before = *ike_engine_stats(n->engine);
	ike_engine_input(n->engine, &q->from, &q->to, copy, q->len);
}

/* Return the increase of one counter of @n; no other may have changed. */
#define GREW(n, counter, by, ...) \
	do { \
		struct ike_stats now = *ike_engine_stats((n)->engine); \
\
		is_int(now.counter - before.counter, by, __VA_ARGS__); \
		now.counter = before.counter; \
		now.in = before.in; \
		now.out = before.out; \
		ok(!memcmp(&now, &before, sizeof(now)), \
		   "no other counter grows with: " __VA_ARGS__); \
	} while (0)

/* Requests at the key server. */
static void requests(void)
{
	struct packet q;

	setup();
	ok(until(39, g), "GSA_AUTH is on its way");
	q = take();
	arrives(g, &q, 18, 39 ^ 37);
	GREW(g, in_xchg, 1, "INFORMATIONAL where GSA_AUTH is due");
	is_int(g->seen.not_taken, 1,
	       "a request of another kind is told to the engine");
	ok(!net.n_queue, "a request of another kind is not answered");
	arrives(g, &q, q.len - 1, 1);
	GREW(g, in_icv, 1, "a request that was changed");
	ok(!net.n_queue && g->seen.not_taken == 1,
	   "requests: nothing is answered");
	arrives(g, &q, 23, 2);
	GREW(g, in_mid, 1, "a Message ID that is not the next");
	ok(!net.n_queue, "requests: nothing is answered");
	arrives(g, &q, 0, 0);
	is_int(g->seen.requests, 1, "the request itself is taken");
	is_int(net.n_queue, 1, "the request itself is answered");
	arrives(g, &q, 0, 0);
	GREW(g, in_rexmit, 1, "the same once more");
	ok(net.n_queue == 2 && net.queue[0].len == net.queue[1].len &&
		   !memcmp(net.queue[0].p, net.queue[1].p, net.queue[0].len),
	   "gets the same answer");
	arrives(g, &q, q.len - 1, 1);
	GREW(g, in_altered, 1, "other octets under its Message ID");
	is_int(net.n_queue, 2, "get none");
	free(q.p);
	net_run(&net);
	is_int(m->seen.registered, 1, "the member is in");

	/* Exchanges that are invalid once the SA is up. */
	if (ike_liveness(m->sa))
		bail("no request");
	q = take();
	arrives(g, &q, 18, 37 ^ 39);
	ok(ike_engine_stats(g->engine)->in_icv == before.in_icv + 1 ||
		   ike_engine_stats(g->engine)->in_xchg == before.in_xchg + 1,
	   "another exchange type is refused");
	arrives(g, &q, 0, 0);
	is_int(net.n_queue, 1, "the right exchange type is answered");
	free(q.p);
	net_run(&net);
	pair_teardown();
}

/* Answers at the member. */
static void answers(void)
{
	struct packet q;

	setup();
	ok(until(39, m), "the answer to GSA_AUTH is on its way");
	q = take();
	arrives(m, &q, 18, 39 ^ 37);
	GREW(m, in_xchg, 1, "an answer of another exchange");
	arrives(m, &q, 23, 2);
	GREW(m, in_mid, 1, "an answer to another Message ID");
	arrives(m, &q, q.len - 1, 1);
	GREW(m, in_icv, 1, "an answer that was changed");
	is_int(m->seen.registered, 0, "none of them is taken");
	arrives(m, &q, 0, 0);
	is_int(m->seen.registered, 1, "the right one is");
	arrives(m, &q, 0, 0);
	GREW(m, in_mid, 1, "and not twice");
	/* The Message ID of the next request. */
	arrives(m, &q, 23, 1 ^ 2);
	GREW(m, in_mid, 1, "nor one that was not asked for");
	free(q.p);
	pair_teardown();
}

/* A clear notify, as an observer of our packets can send it. */
static void in_the_clear(const struct packet *q, uint16_t type, uint8_t lie)
{
	uint8_t *p = calloc(1, 36);

	memcpy(p, q->p, 28);
	p[16] = IKE_PLD_NOTIFY;
	p[19] = IKE_FLAG_RESPONSE;
	memset(p + 24, 0, 3);
	p[27] = 36;
	p[31] = 8 + lie;
	put_unaligned_be16(type, p + 34);
	before = *ike_engine_stats(m->engine);
	ike_engine_input(m->engine, &q->to, &q->from, p, 36);
	free(p);
}

/* Count the retransmissions of a request in a minute of silence. */
static unsigned int sent_again(void)
{
	uint64_t was = ike_engine_stats(m->engine)->rexmit;
	unsigned int i;

	for (i = 0; i < 600; i++) {
		net_pass(&net, 100, false);
		while (net.n_queue)
			net_drop(&net, 0);
	}
	return ike_engine_stats(m->engine)->rexmit - was;
}

/* An answer is kept for some minutes, and then the IKE SA is small. */
static void kept(void)
{
	const struct ike_engine_cfg cfg = { .responder = true,
					    .idle_ms = 86400000 };
	struct packet q;

	pair_setup(&cfg, NULL);
	node_join(m, g, GCKS, false);
	if (!until(39, g))
		bail("no GSA_AUTH");
	q = take();
	arrives(g, &q, 0, 0);
	net_run(&net);
	is_int(m->seen.registered, 1, "kept: the member is in");
	ok(!g->sa->hs && !g->sa->keys.sk_pi,
	   "kept: what only the handshake needs is gone");
	net_pass(&net, 239000, true);
	arrives(g, &q, 0, 0);
	GREW(g, in_rexmit, 1, "kept: a retransmission after 239 s");
	is_int(net.n_queue, 1, "kept: that retransmission is answered");
	net_drop(&net, 0);
	net_pass(&net, 1000, true);
	ok(!g->sa->kept, "kept: request and answer are forgotten after 240 s");
	arrives(g, &q, 0, 0);
	GREW(g, in_mid, 1, "kept: a retransmission after that");
	is_int(net.n_queue, 0, "kept: the late retransmission is not answered");
	/* The structure is the most of it, beside two names. */
	ok(sizeof(*g->sa) <= 928, "kept: the IKE SA has %zu octets",
	   sizeof(*g->sa));
	if (ike_liveness(m->sa))
		bail("no request");
	net_run(&net);
	ok(ike_sa_is_up(m->sa) && g->sa->kept,
	   "kept: the IKE SA goes on, and the next answer is kept");
	is_int(ike_engine_stats(g->engine)->in_rexmit, 1,
	       "kept: no request is taken twice");
	free(q.p);
	pair_teardown();
}

static void impatience(void)
{
	static const struct {
		uint16_t type;
		uint8_t lie;
		unsigned int again;
	} t[] = {
		{ IKE_N_INVALID_IKE_SPI, 0, 2 },
		{ IKE_N_INVALID_SYNTAX, 0, 6 },
		{ IKE_N_INVALID_IKE_SPI, 8, 6 },
	};
	struct packet q;
	unsigned int i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		setup();
		net_run(&net);
		if (ike_liveness(m->sa))
			bail("no request");
		q = take();
		in_the_clear(&q, t[i].type, t[i].lie);
		GREW(m, in_icv, 1, "a notify %u in the clear", t[i].type);
		is_int(sent_again(), t[i].again,
		       "the request is sent %u times more", t[i].again);
		is_int(m->seen.closed, 1, "the unanswered request is given up");
		ok(!!strstr(m->seen.reason[0] ? m->seen.reason : m->seen.text,
			    "no longer has the IKE SA") == !i,
		   "the unanswered request says why: %s", m->seen.text);
		free(q.p);
		pair_teardown();
	}

	/*
	 * The request is retransmitted at once, however long the interval was
	 * by then.
	 */
	setup();
	net_run(&net);
	ike_liveness(m->sa);
	q = take();
	while (ike_engine_stats(m->engine)->rexmit < 3) {
		net_pass(&net, 100, false);
		while (net.n_queue)
			net_drop(&net, 0);
	}
	in_the_clear(&q, IKE_N_INVALID_IKE_SPI, 0);
	net_pass(&net, m->engine->cfg.rexmit_ms, false);
	is_int(ike_engine_stats(m->engine)->rexmit, 4, "sent again at once");
	free(q.p);
	pair_teardown();

	/* A half-open SA has fewer retransmissions, to start again soon. */
	setup();
	ok(until(39, g), "GSA_AUTH is on its way");
	q = take();
	in_the_clear(&q, IKE_N_INVALID_IKE_SPI, 0);
	GREW(m, in_icv, 1, "a half-open one's notify in the clear");
	is_int(sent_again(), 1, "while half-open it is sent once more");
	free(q.p);
	pair_teardown();

	/* An answer ends the doubt. */
	setup();
	net_run(&net);
	ike_liveness(m->sa);
	q = take();
	in_the_clear(&q, IKE_N_INVALID_IKE_SPI, 0);
	arrives(g, &q, 0, 0);
	free(q.p);
	net_run(&net);
	ike_liveness(m->sa);
	net_drop(&net, 0);
	is_int(sent_again(), 6, "after an answer it is as patient as before");
	pair_teardown();
}

/* An answer with a valid tag and malformed content. */
static void bad_inside(void)
{
	struct ike_hdr h = { .xchg = IKE_XCHG_INFORMATIONAL,
			     .flags = IKE_FLAG_RESPONSE };
	static const uint8_t inner[] = { 0, 0, 0, 200 };
	struct packet q;
	struct wbuf w;

	setup();
	net_run(&net);
	ike_liveness(m->sa);
	q = take();
	memcpy(h.spi_i, q.p, 8);
	memcpy(h.spi_r, q.p + 8, 8);
	h.mid = m->sa->my_mid;
	wbuf_init(&w, MOST);
	ike_hdr_build(&w, &h);
	if (sk_seal(&w, &m->sa->keys.er, 1ull << 40, IKE_PLD_NOTIFY, inner,
		    sizeof(inner)))
		bail("cannot seal");
	before = *ike_engine_stats(m->engine);
	ike_engine_input(m->engine, &q.to, &q.from, w.p, w.len);
	is_int(ike_engine_stats(m->engine)->in_syntax - before.in_syntax, 1,
	       "a bad answer is counted");
	is_int(m->seen.closed, 1, "a bad answer ends the SA");
	wbuf_free(&w);
	free(q.p);
	pair_teardown();
}

/* A request with the right key of an exchange that is no longer valid. */
static void out_of_place(void)
{
	struct ike_hdr h = { .xchg = GIKE_XCHG_GSA_AUTH,
			     .flags = IKE_FLAG_INITIATOR };
	struct wbuf w;

	setup();
	net_run(&net);
	memcpy(h.spi_i, m->sa->spi_i, 8);
	memcpy(h.spi_r, m->sa->spi_r, 8);
	h.mid = m->sa->my_mid;
	wbuf_init(&w, MOST);
	ike_hdr_build(&w, &h);
	if (sk_seal(&w, &m->sa->keys.ei, 1ull << 40, IKE_PLD_NONE, NULL, 0))
		bail("cannot seal");
	before = *ike_engine_stats(g->engine);
	ike_engine_input(g->engine, &m->ep, &g->ep, w.p, w.len);
	GREW(g, in_xchg, 1, "GSA_AUTH over an IKE SA that is up");
	is_int(g->seen.not_taken, 1, "GSA_AUTH over an IKE SA is told");
	is_int(net.n_queue, 1, "GSA_AUTH over an IKE SA is answered");
	ok(ike_sa_is_up(g->sa), "GSA_AUTH over an IKE SA leaves it up");
	wbuf_free(&w);
	pair_teardown();
}

/*
 * An IKE SA that is up can only change to its end, and from there
 * to no state.
 */
static void states(void)
{
	enum ike_sa_st st;
	unsigned int moved = 0;

	setup();
	net_run(&net);
	is_int(m->sa->state, IKE_ST_UP, "an IKE SA is up");
	for (st = IKE_ST_NEW; st <= IKE_ST_UP; st++)
		moved += ike_sa_state(m->sa, st) != -EINVAL ||
			 m->sa->state != IKE_ST_UP;
	is_int(moved, 0, "the state does not go back");
	pair_teardown();
}

int main(void)
{
	kept();
	RUN(requests);
	RUN(answers);
	RUN(impatience);
	RUN(bad_inside);
	RUN(out_of_place);
	RUN(states);
	return done();
}
