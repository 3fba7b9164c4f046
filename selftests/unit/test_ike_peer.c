// SPDX-License-Identifier: Apache-2.0
/*
 * An IKE SA with a peer that has its keys and misbehaves, a flood, and strange
 * headers; no IV is used twice.
 */
#include <errno.h>

#include "ike/sa.h"
#include "ike_pair.h"
#include "lib/log.h"
#include "lib/util.h"
#include "tap.h"

/* ---- with the keys of the SA: a peer that misbehaves -------------------- */

static struct ike_sa *msa, *gsa;

static void up(void)
{
	pair_setup(NULL, NULL);
	msa = node_join(m, g, GCKS, false);
	net_run(&net);
	gsa = g->sa;
	ok(ike_sa_is_up(msa) && gsa && ike_sa_is_up(gsa),
	   "up: the IKE SA is up");
}

static void send_req(uint8_t xchg, uint8_t first, const void *inner, size_t len)
{
	struct wbuf w;

	wbuf_init(&w, IKE_INNER_MAX);
	wbuf_put(&w, inner, len);
	sa_request(msa, xchg, first, &w);
	wbuf_free(&w);
}

/*
 * Return the type of the notify in the queued answer, 0 for none, -1 without an
 * answer.
 */
static int answer_notify(void)
{
	uint8_t plain[2048], first;
	struct ike_msg msg = { 0 };
	size_t len;

	if (net.n_queue != 1)
		return -1;
	ike_hdr_parse(net.queue[0].p, net.queue[0].len, &msg.h);
	if (sk_open(net.queue[0].p, net.queue[0].len, &msa->keys.er, plain,
		    &len, &first))
		return -2;
	/*
	 * Exchanges that only a key server answers are not accepted
	 * as answers.
	 */
	if (msg_sort(&msg, MSG_ENC, first, plain, len, NULL))
		return first == IKE_PLD_NOTIFY ? get_unaligned_be16(plain + 6)
					       : -3;
	return msg.n_notify ? msg.notify[0].type : 0;
}

/* The window advances although the member has not seen the answer. */
static void skip_answer(void)
{
	pair_drop_all();
	msa->my_busy = false;
	msa->my_mid++;
	timer_del(&net.tq, &msa->t_rexmit);
}

static void misbehave(void)
{
	static const uint8_t critical[] = { 0, 0x80, 0, 4 };
	static const uint8_t harmless[] = { 0, 0, 0, 4 };
	static const uint8_t no_idg[] = { 0, 0, 0, 8, 0, 0, 0x40, 0x2d };
	struct wbuf w;

	up();
	send_req(IKE_XCHG_INFORMATIONAL, 200, critical, 4);
	net_step(&net);
	is_int(answer_notify(), IKE_N_UNSUPPORTED_CRITICAL_PAYLOAD,
	       "unknown critical payload");
	ok(ike_sa_is_up(gsa), "the SA stays");
	skip_answer();
	send_req(IKE_XCHG_INFORMATIONAL, 200, harmless, 4);
	net_step(&net);
	is_int(answer_notify(), 0, "unknown payload is passed over");
	skip_answer();
	send_req(99, 0, NULL, 0);
	net_step(&net);
	is_int(answer_notify(), IKE_N_INVALID_SYNTAX, "unknown exchange");
	ok(ike_sa_is_up(gsa), "the SA stays");
	skip_answer();
	send_req(IKE_XCHG_CREATE_CHILD_SA, 0, NULL, 0);
	net_step(&net);
	is_int(answer_notify(), IKE_N_NO_ADDITIONAL_SAS, "CREATE_CHILD_SA");
	skip_answer();
	send_req(GIKE_XCHG_GSA_AUTH, 0, NULL, 0);
	net_step(&net);
	is_int(answer_notify(), IKE_N_INVALID_SYNTAX, "GSA_AUTH once more");
	ok(ike_sa_is_up(gsa), "the SA stays");
	skip_answer();
	send_req(GIKE_XCHG_GSA_REGISTRATION, IKE_PLD_NOTIFY, no_idg, 8);
	net_step(&net);
	is_int(answer_notify(), IKE_N_INVALID_SYNTAX, "no IDg");
	is_int(g->seen.requests, 1, "the group was not asked");
	is_int(g->seen.sa_closed, 1, "malformed: the SA goes");
	pair_teardown();

	/* The request has a Message ID outside of the window. */
	up();
	msa->my_mid++;
	send_req(IKE_XCHG_INFORMATIONAL, 0, NULL, 0);
	net_step(&net);
	is_int(net.n_queue, 0, "Message ID ahead of the window");
	is_int(ike_engine_stats(g->engine)->in_mid, 1,
	       "misbehave: the event is counted");
	msa->my_mid--;
	skip_answer();
	msa->my_mid--;
	send_req(IKE_XCHG_INFORMATIONAL, 0, NULL, 0);
	net_step(&net);
	is_int(answer_notify(), 0, "misbehave: in the window");
	net_drop(&net, 0);
	/*
	 * The same ID with other octets (another IV) does not get the cached
	 * answer.
	 */
	msa->my_busy = false;
	send_req(IKE_XCHG_INFORMATIONAL, 200, harmless, 4);
	net_step(&net);
	is_int(net.n_queue, 0, "altered retransmission is not answered");
	is_int(ike_engine_stats(g->engine)->in_altered, 1,
	       "misbehave: the event is counted");
	pair_teardown();

	/* A key server sends malformed answers. */
	up();
	ike_liveness(msa);
	net_drop(&net, 0);
	gsa->peer_mid++;
	wbuf_init(&w, 100);
	wbuf_put(&w, "\0\0\0\3", 4);
	sa_respond(gsa, IKE_XCHG_INFORMATIONAL, IKE_PLD_NOTIFY, &w);
	wbuf_free(&w);
	net_run(&net);
	is_int(m->seen.sa_closed, 1, "malformed answer closes the SA");
	is_str(m->seen.reason, "bad answer: payload lengths do not add up",
	       "misbehave: the reason is told");
	pair_teardown();
}

static void states(void)
{
	up();
	is_int(ike_sa_state(msa, IKE_ST_INIT_SENT), -EINVAL, "UP -> INIT_SENT");
	is_int(ike_sa_state(msa, IKE_ST_UP), -EINVAL, "UP -> UP");
	is_str(ike_sa_state_name(msa), "UP",
	       "states: a state that may not follow is refused");
	pair_teardown();
}

/* ---- caps --------------------------------------------------------------- */

static void caps(void)
{
	struct ike_engine_cfg cfg = { .max_per_peer = 3, .cookie_above = 1000 };
	uint8_t init[4096];
	struct packet q;

	pair_setup(&cfg, NULL);
	node_join(m, g, GCKS, false);
	q = net.queue[0];
	memcpy(init, q.p, q.len);
	for (int i = 0; i < 10; i++) {
		init[0] = i;
		ike_engine_input(g->engine, &q.from, &q.to, init, q.len);
	}
	is_int(ike_engine_stats(g->engine)->sas, 3, "IKE SAs per address");
	is_int(ike_engine_stats(g->engine)->cap, 7,
	       "caps: the event is counted");
	is_int(g->seen.cap, 1, "said once");
	for (int i = 0; i < 10; i++) {
		q.from.addr.b[3] = 50 + i;
		ike_engine_input(g->engine, &q.from, &q.to, init, q.len);
	}
	is_int(ike_engine_stats(g->engine)->sas, 13,
	       "addresses beside the full one have places");
	net_pass(&net, 31000, false);
	is_int(ike_engine_stats(g->engine)->sas, 0, "half-open SAs go");
	is_int(ike_engine_stats(g->engine)->half_open, 0,
	       "half-open SAs that go are counted out");
	pair_teardown();

	cfg.max_per_peer = 0;
	cfg.max_half_open = 5;
	pair_setup(&cfg, NULL);
	node_join(m, g, GCKS, false);
	q = net.queue[0];
	memcpy(init, q.p, q.len);
	for (int i = 0; i < 10; i++) {
		init[0] = i;
		ike_engine_input(g->engine, &q.from, &q.to, init, q.len);
	}
	is_int(ike_engine_stats(g->engine)->half_open, 5, "half-open cap");
	pair_teardown();
}

/* ---- half-open SAs ------------------------------------------------------ */

static uint8_t knocked[4096];
static size_t knocked_len;

static void knocker(void)
{
	pair_setup(NULL, NULL);
	node_join(m, g, GCKS, false);
	knocked_len = net.queue[0].len;
	memcpy(knocked, net.queue[0].p, knocked_len);
	ike_close(m->sa ? m->sa : LIST_FIRST(&m->engine->sas), "test");
	node_clear(m);
	pair_drop_all();
}

/*
 * Send IKE_SA_INIT from @addr as a peer that returns cookies, and stop there.
 * Returns true if a cookie was requested.
 */
static bool knock(const char *addr, unsigned int nr)
{
	struct ep from;
	uint8_t buf[4096], *p = buf;
	bool asked = false;
	size_t len = 0;

	if (ep_parse(addr, IKE_PORT, &from))
		abort();
	put_unaligned_be16(nr, knocked);
	ike_engine_input(g->engine, &from, &g->ep, knocked, knocked_len);
	/* The answer has a header and one notify. */
	if (net.n_queue && net.queue[0].p[16] == IKE_PLD_NOTIFY &&
	    net.queue[0].p[35] == (IKE_N_COOKIE & 0xff)) {
		asked = true;
		len = net.queue[0].len - 28;
		memcpy(p, knocked, 28);
		p[16] = IKE_PLD_NOTIFY;
		memcpy(p + 28, net.queue[0].p + 28, len);
		p[28] = knocked[16];
		memcpy(p + 28 + len, knocked + 28, knocked_len - 28);
		len += knocked_len;
		put_unaligned_be16(len, p + 26);
		ike_engine_input(g->engine, &from, &g->ep, buf, len);
	}
	pair_drop_all();
	return asked;
}

/* Count the SAs of an address. */
static unsigned int held(const char *addr)
{
	struct ike_sa *sa;
	unsigned int n = 0;
	struct addr a;

	addr_parse(addr, &a);
	LIST_FOREACH(sa, &g->engine->sas, link)
		n += addr_equal(&sa->path.peer.addr, &a);
	return n;
}

static void gets_in(const char *name)
{
	node_clear(m);
	node_join(m, g, GCKS, false);
	net_run(&net);
	is_int(m->seen.registered, 1, "%s: a member gets in at once", name);
}

static void one_network(void)
{
	const struct ike_stats *st;
	unsigned int asked = 0;
	char addr[64];

	knocker();
	st = ike_engine_stats(g->engine);
	for (unsigned int i = 0; i < 600; i++) {
		snprintf(addr, sizeof(addr), "2001:db8:0:1::%x", i + 1);
		asked += knock(addr, i);
	}
	is_int(st->half_open, 512, "600 addresses of one /64: half-open SAs");
	is_int(asked, 600 - 64, "cookies asked for from the 65th on");
	knock("2001:db8:0:2::1", 1000);
	is_int(st->half_open, 513, "the next /64 has a place of its own");
	/* A neighbour of the flooding hosts, a second later. */
	net_pass(&net, 1000, false);
	knock("2001:db8:0:1::ffff", 1001);
	is_int(held("2001:db8:0:1::ffff"), 1,
	       "a neighbour of the full /64 has a place, later");
	is_int(held("2001:db8:0:1::1"), 0, "the oldest there gave way");
	is_int(st->half_open, 513, "no more for that");
	gets_in("one /64 full");
	pair_teardown();

	knocker();
	st = ike_engine_stats(g->engine);
	for (unsigned int i = 0; i < 600; i++) {
		snprintf(addr, sizeof(addr), "198.51.100.1:%u", 2000 + i);
		knock(addr, i);
	}
	is_int(st->half_open, 512, "half-open SAs of one IPv4 address");
	knock("198.51.100.2", 600);
	is_int(st->half_open, 513,
	       "addresses beside the full one of IPv4 have places");
	net_pass(&net, 1000, false);
	knock("198.51.100.1", 601);
	ok(st->half_open == 513 && held("198.51.100.1") == 512,
	   "the oldest gives way");
	pair_teardown();
}

static void all_full(void)
{
	const struct ike_stats *st;
	char addr[64];

	knocker();
	st = ike_engine_stats(g->engine);
	for (unsigned int i = 0; i < 2500; i++) {
		snprintf(addr, sizeof(addr), "2001:db8:0:%x::1", i + 1);
		knock(addr, i);
	}
	is_int(st->half_open, 2048, "2500 networks: half-open SAs");
	is_int(held("2001:db8:0:1::1"), 1, "the first is not pushed out");
	is_int(held("2001:db8:0:9c4::1"), 0,
	       "the last network to come has to repeat");
	net_pass(&net, 1000, false);
	knock("2001:db8:0:9c4::1", 2499);
	is_int(held("2001:db8:0:9c4::1"), 1,
	       "the last network to come is in, a second later");
	is_int(held("2001:db8:0:1::1"), 0, "the oldest gave way");
	gets_in("all full");
	is_int(st->half_open, 2047, "one gave way for it");
	net_pass(&net, 31000, false);
	is_int(st->half_open, 0, "all go in the end");
	pair_teardown();
}

static void headers(void)
{
	uint8_t msg[64] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	struct ike_hdr h;

	pair_setup(NULL, NULL);
	msg[17] = 0x30;
	msg[18] = IKE_XCHG_IKE_SA_INIT;
	msg[19] = IKE_FLAG_INITIATOR;
	msg[27] = 28;
	ike_engine_input(g->engine, &m->ep, &g->ep, msg, 28);
	is_int(net.n_queue, 1, "a higher version is answered");
	ike_hdr_parse(net.queue[0].p, net.queue[0].len, &h);
	ok(h.flags == IKE_FLAG_RESPONSE && h.version == IKE_VERSION,
	   "the answer has our version");
	is_int(net.queue[0].p[35], IKE_N_INVALID_MAJOR_VERSION,
	       "INVALID_MAJOR_VERSION");
	net_drop(&net, 0);
	msg[19] |= IKE_FLAG_RESPONSE;
	ike_engine_input(g->engine, &m->ep, &g->ep, msg, 28);
	is_int(net.n_queue, 0,
	       "an answer of another major version gets no answer");
	msg[17] = 0x10;
	msg[19] = IKE_FLAG_INITIATOR;
	ike_engine_input(g->engine, &m->ep, &g->ep, msg, 28);
	is_int(net.n_queue, 0, "a message of IKEv1 gets no answer");
	msg[17] = 0x20;
	ike_engine_input(g->engine, &m->ep, &g->ep, msg, 27);
	ike_engine_input(g->engine, &m->ep, &g->ep, msg, 29);
	is_int(ike_engine_stats(g->engine)->in_short, 2, "lengths that differ");
	/* The port of a key server answers, and a member's does not. */
	ike_engine_input(g->engine, &m->ep, &g->ep, msg, 28);
	is_int(net.n_queue, 1, "empty IKE_SA_INIT: INVALID_SYNTAX");
	ok(net.queue[0].len <= 36, "no longer than a notify");
	net_drop(&net, 0);
	ike_engine_input(m->engine, &g->ep, &m->ep, msg, 28);
	is_int(net.n_queue, 0, "a member answers no IKE_SA_INIT");
	pair_teardown();
}

/* ---- IVs ---------------------------------------------------------------- */

#define MAX_SEEN 600

/* No IV is used twice under a key, apart from retransmissions. */
static void ivs(void)
{
	static struct {
		uint8_t key[17], iv[8], *p;
		size_t len;
	} seen[MAX_SEEN];
	unsigned int n = 0, again = 0, twice = 0;
	struct gike_req req;

	up();
	group_req(&req, "audio", false);
	for (int i = 0; i < 60; i++) {
		ike_register_more(msa, &req);
		ike_liveness(msa);
		while (net.n_queue && n < MAX_SEEN) {
			struct packet *q = &net.queue[0];

			seen[n].p = malloc(q->len);
			memcpy(seen[n].p, q->p, q->len);
			seen[n].len = q->len;
			memcpy(seen[n].key, q->p, 16);
			seen[n].key[16] = q->p[19] & IKE_FLAG_INITIATOR;
			memcpy(seen[n].iv, q->p + 32, 8);
			for (unsigned int k = 0; k < n; k++) {
				if (memcmp(seen[k].key, seen[n].key, 17) ||
				    memcmp(seen[k].iv, seen[n].iv, 8))
					continue;
				if (seen[k].len == seen[n].len &&
				    !memcmp(seen[k].p, seen[n].p, seen[n].len))
					again++;
				else
					twice++;
			}
			n++;
			/* Every third packet is lost. */
			if (n % 3)
				net_step(&net);
			else
				net_drop(&net, 0);
			if (!net.n_queue) {
				net.ms += 1000;
				timerq_run(&net.tq);
				net.ms += 2000;
				timerq_run(&net.tq);
			}
		}
	}
	ok(n > 300 && again > 50, "%u packets, %u of them again", n, again);
	is_int(twice, 0, "no IV twice for two packets");
	for (unsigned int i = 0; i < n; i++)
		free(seen[i].p);
	pair_teardown();
}

int main(void)
{
	log_init("test", LOG_LEVEL_ERR, true);
	RUN(misbehave);
	RUN(states);
	RUN(caps);
	RUN(one_network);
	RUN(all_full);
	RUN(headers);
	RUN(ivs);
	return done();
}
