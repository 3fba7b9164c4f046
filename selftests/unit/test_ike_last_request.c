// SPDX-License-Identifier: Apache-2.0
/*
 * A Delete that the peer must receive is retransmitted until it is answered,
 * and only the peer can answer it.
 */
#include "ike/sa.h"
#include "ike_pair.h"
#include "lib/log.h"
#include "tap.h"
#include "wipes.h"

static void setup(void)
{
	pair_setup(NULL, NULL);
	node_join(m, g, GCKS, false);
	net_run(&net);
	if (!g->sa || !m->sa)
		bail("no IKE SA");
}

static unsigned int drop_all(void)
{
	unsigned int n = 0;

	for (; net.n_queue; n++)
		net_drop(&net, 0);
	return n;
}

/* Let time pass while every datagram is lost. Returns the number sent. */
static unsigned int silence(uint64_t ms)
{
	uint64_t was = ike_engine_stats(g->engine)->out;

	drop_all();
	net_pass(&net, ms, false);
	return ike_engine_stats(g->engine)->out - was;
}

static void lost(void)
{
	unsigned int i;

	setup();
	ike_close_repeat(g->sa, "the group is reset");
	is_int(g->seen.sa_closed, 1, "the IKE SA is closed at once");
	is_int(drop_all(), 1, "a Delete is sent, and lost");
	is_int(silence(999), 0, "nothing for a second");
	is_int(silence(1), 1, "a second later the Delete is sent again");
	is_int(silence(1999), 0, "nothing for two");
	is_int(silence(1), 1,
	       "two seconds later the Delete is sent a last time");
	is_int(silence(100000), 0, "no Delete after the third");
	is_int(g->engine->n_last_requests, 0,
	       "nothing is kept of a Delete that is over");
	is_int(m->seen.sa_closed, 0, "the member knows nothing");
	pair_teardown();

	for (i = 0; i < 3; i++) {
		setup();
		ike_close_repeat(g->sa, "the group is reset");
		if (i)
			drop_all();
		if (i == 2)
			silence(1000);
		net_run(&net);
		net_pass(&net, 2000, true);
		is_int(m->seen.sa_closed, 1, "%u lost: the member learns", i);
		is_str(m->seen.reason, "closed by the peer", "%u lost: why", i);
		is_int(g->engine->n_last_requests, 0,
		       "%u lost: the answer ends it", i);
		is_int(ike_engine_stats(g->engine)->rexmit, i,
		       "%u lost: sent again so many times", i);
		is_int(silence(100000), 0,
		       "%u lost: no Delete after the answer", i);
		/* No other message waits behind the last. */
		is_int(ike_engine_stats(g->engine)->in_no_sa, i == 2,
		       "%u lost: answers of no IKE SA", i);
		pair_teardown();
	}
}

/* The answer to the first request, as it was sent. */
static void answer_is(uint8_t *copy, size_t *len)
{
	setup();
	ike_close_repeat(g->sa, "the group is reset");
	net_step(&net);
	if (net.n_queue != 1)
		bail("no answer");
	*len = net.queue[0].len;
	memcpy(copy, net.queue[0].p, *len);
	drop_all();
}

static void answers(const uint8_t *copy, size_t len, size_t at, uint8_t x,
		    unsigned int left, const char *what)
{
	uint8_t bad[1024];

	memcpy(bad, copy, len);
	bad[at] ^= x;
	ike_engine_input(g->engine, &m->ep, &g->ep, bad, len);
	is_int(g->engine->n_last_requests, left, "%s", what);
}

static void forged(void)
{
	uint8_t copy[1024];
	size_t len;

	answer_is(copy, &len);
	answers(copy, len, len - 1, 1, 1, "an answer that was changed is none");
	answers(copy, len, 0, 1, 1, "an answer of another SPI is none");
	answers(copy, len, 15, 1, 1, "an answer to another SPI is none");
	answers(copy, len, 23, 1, 1, "an answer to another request is none");
	answers(copy, len, 18, 37 ^ 39, 1,
		"an answer of another exchange is none");
	answers(copy, len, 19, IKE_FLAG_INITIATOR, 1,
		"an answer of our own is none");
	answers(copy, len, 19, IKE_FLAG_RESPONSE, 1, "a request is no answer");
	is_int(silence(1000), 1, "unanswered, the Delete is sent again");
	answers(copy, len, 0, 0, 0, "the answer is taken");
	is_int(silence(100000), 0, "answered, the Delete is not sent again");
	pair_teardown();
}

/* An earlier answer of the peer opens with the same key. */
static void replayed(void)
{
	uint8_t copy[1024];
	size_t len;

	setup();
	ike_liveness(g->sa);
	net_step(&net);
	if (net.n_queue != 1)
		bail("no answer");
	len = net.queue[0].len;
	memcpy(copy, net.queue[0].p, len);
	net_run(&net);
	ike_close_repeat(g->sa, "the group is reset");
	answers(copy, len, 0, 0, 1, "an answer of before is none");
	is_int(silence(1000), 1, "the Delete is sent again all the same");
	pair_teardown();
}

/* The key that verifies answers is wiped. */
static void wiped(void)
{
	struct sk_key key;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		setup();
		key = g->sa->keys.ei;
		ike_close_repeat(g->sa, "the group is reset");
		wipes_look_for(key.key, 16);
		if (i == 0)
			net_run(&net);
		else if (i == 1)
			silence(3000);
		else
			node_free(g);
		ok(wipes_found() >= 1, "the key is wiped after %s",
		   i == 0   ? "the answer"
		   : i == 1 ? "three seconds"
			    : "the end of the engine");
		pair_teardown();
	}
}

static void once(void)
{
	setup();
	ike_close(g->sa, "idle");
	is_int(drop_all(), 1, "any other Delete is sent once");
	is_int(silence(100000), 0, "any other Delete is not sent again");
	pair_teardown();
}

/* Make a request that is lost. Returns its Message ID. */
static unsigned int lost_request(void)
{
	setup();
	if (ike_liveness(g->sa) || net.n_queue != 1)
		bail("no request");
	net_drop(&net, 0);
	return g->sa->my_mid;
}

/*
 * RFC 7296 section 2.3: a request that has no answer yet fills the window.
 */
static void in_window(void)
{
	unsigned int mid = lost_request();

	ike_close_repeat(g->sa, "the group is reset");
	is_int(g->seen.sa_closed, 1, "in a full window the IKE SA is closed");
	is_int(net.n_queue, 1, "in a full window one message is sent");
	is_int(net.queue[0].p[23], mid, "the lost request is sent once more");
	is_int(ike_engine_stats(g->engine)->rexmit, 1,
	       "the lost request is counted as sent again");
	net_step(&net);
	is_int(m->seen.sa_closed, 0, "the lost request ends nothing");
	net_step(&net);
	is_int(net.n_queue, 1, "after its answer one message is sent");
	is_int(net.queue[0].p[23], mid + 1, "after its answer the Delete");
	net_run(&net);
	is_str(m->seen.reason, "closed by the peer",
	       "after a lost request the member learns");
	is_int(g->engine->n_last_requests, 0,
	       "after both answers nothing is kept");
	is_int(silence(100000), 0, "after both answers nothing is sent");
	pair_teardown();

	mid = lost_request();
	ike_close_repeat(g->sa, "the group is reset");
	drop_all();
	is_int(silence(1000), 1, "the request is lost again, and sent again");
	net_pass(&net, 2000, true);
	is_int(m->seen.sa_closed, 1,
	       "the last copy of a request is answered: a Delete");
	is_int(g->engine->n_last_requests, 0, "the late answer ends it");
	pair_teardown();

	lost_request();
	ike_close_repeat(g->sa, "the group is reset");
	drop_all();
	/* Nothing drops what the last millisecond sends. */
	silence(999);
	net.ms++;
	timerq_run(&net.tq);
	is_int(net.n_queue, 1, "the second copy of the request arrives");
	net_step(&net);
	net_step(&net);
	is_int(drop_all(), 1, "the Delete behind it is sent, and lost");
	is_int(silence(999), 0, "a Delete that waited has a second of its own");
	is_int(silence(1), 1,
	       "a second later the Delete that waited is sent again");
	is_int(silence(2000), 1,
	       "two seconds later the Delete that waited is sent a last time");
	is_int(silence(100000), 0, "a Delete that waited is not sent forever");
	pair_teardown();

	lost_request();
	ike_close_repeat(g->sa, "the group is reset");
	is_int(silence(6999), 2, "unanswered, the request is sent three times");
	is_int(g->engine->n_last_requests, 1, "an answer may come for seven s");
	is_int(silence(1), 0, "without an answer no Delete is sent");
	is_int(g->engine->n_last_requests, 0, "without an answer it is over");
	pair_teardown();
}

/* The request that waits for its answer may be one of another exchange. */
static void in_window_registration(void)
{
	struct gike_req req;

	setup();
	group_req(&req, "video", false);
	if (ike_register_more(m->sa, &req) || net.n_queue != 1)
		bail("no request");
	net_drop(&net, 0);
	ike_close_repeat(m->sa, "idle");
	is_int(net.n_queue, 1,
	       "the Delete waits for the registration's answer");
	net_step(&net);
	net_step(&net);
	is_int(net.n_queue, 1, "the answer to a registration is one");
	net_run(&net);
	is_str(g->seen.reason, "closed by the peer",
	       "the key server gets the Delete behind it");
	is_int(m->engine->n_last_requests, 0,
	       "the answer to the Delete behind a registration ends it");
	pair_teardown();
}

/* A Delete that is sent once waits, too, but sends the request no more. */
static void in_window_once(void)
{
	setup();
	if (ike_liveness(g->sa) || net.n_queue != 1)
		bail("no request");
	ike_close(g->sa, "idle");
	is_int(net.n_queue, 1, "a Delete that is sent once waits");
	net_step(&net);
	net_step(&net);
	is_int(net.n_queue, 1, "a Delete that waited is sent");
	net_drop(&net, 0);
	is_int(silence(100000), 0, "a Delete that waited is sent once");
	is_int(g->engine->n_last_requests, 0,
	       "a Delete that waited is forgotten");
	pair_teardown();

	lost_request();
	ike_close(g->sa, "idle");
	is_int(silence(100000), 0, "without an answer nothing is sent");
	is_int(g->engine->n_last_requests, 0,
	       "without an answer nothing is kept");
	pair_teardown();
}

/* ---- right behind the answer that opened the IKE SA --------------------- */

static bool not_welcome(void *ctx, struct ike_sa *sa)
{
	(void)ctx;
	(void)sa;
	return false;
}

static enum gike_when refuse(void *ctx, struct ike_sa *sa,
			     const struct gike_req *req,
			     struct gike_reply *reply)
{
	(void)ctx;
	(void)sa;
	(void)req;
	reply->notify = GIKE_N_AUTHORIZATION_FAILED;
	reply->close = true;
	return GIKE_NOW;
}

/* The answer and the Delete behind it are on their way, and change places. */
static void overtakes(const char *what)
{
	net_step(&net);
	net_step(&net);
	net_step(&net);
	is_int(net.n_queue, 2, "%s: an answer, and a Delete", what);
	if (net.n_queue == 2)
		net_swap(&net, 0, 1);
	net_run(&net);
	is_int(m->seen.up, 1, "%s: the peer has its answer", what);
	is_int(m->seen.closed, 0, "%s: the peer ignored the Delete", what);
	is_int(g->engine->n_last_requests, 1, "%s: the Delete is not answered",
	       what);
	net_pass(&net, 1000, true);
	is_int(m->seen.closed, 1, "%s: the Delete comes again", what);
	is_int(g->engine->n_last_requests, 0, "%s: the Delete is answered",
	       what);
	pair_teardown();
}

static void overtaken(void)
{
	struct ike_sa *sa;
	struct ike_id id;

	id_from_text(&id, GCKS);
	pair_setup(NULL, NULL);
	g->engine->ops.welcome = not_welcome;
	if (ike_open(m->engine, &m->ep, &g->ep, &id, &sa))
		bail("ike_open");
	overtakes("IKE_AUTH");

	pair_setup(NULL, NULL);
	g->engine->ops.group_request = refuse;
	node_join(m, g, GCKS, false);
	overtakes("GSA_AUTH");
}

int main(void)
{
	log_set_level(LOG_LEVEL_ERR);
	lost();
	forged();
	replayed();
	wiped();
	once();
	in_window();
	in_window_registration();
	in_window_once();
	RUN(overtaken);
	return done();
}
