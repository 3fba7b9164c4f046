// SPDX-License-Identifier: Apache-2.0
/*
 * The order of handshakes when there are more than a key server can make: strangers
 * of a network cost its members nothing, and newcomers little.
 */
#include "ike/admission.h"
#include "ike/session.h"
#include "ike_net.h"
#include "lib/log.h"
#include "tap.h"

#define GCKS "gcks.example"
#define RETRY_MS 500

static struct net net;
static struct pki_pair ca, ca2;
static struct node *g, *a, *x;
static const struct ike_stats *st;

static void setup(const struct ike_engine_cfg *gcfg,
		  const struct ike_engine_cfg *acfg, const char *a_addr)
{
	struct pki_opt gopt = { .kind = PKI_GCKS, .dns = GCKS, .ca = &ca };
	struct pki_opt aopt = { .kind = PKI_MEMBER,
				.dns = "a.example",
				.ca = &ca };
	struct pki_opt xopt = { .kind = PKI_MEMBER,
				.dns = "x.example",
				.ca = &ca2 };
	struct ike_engine_cfg xcfg = { .max_sas = 100000 };

	net_init(&net);
	pki_ca(&net, "test CA", &ca);
	pki_ca(&net, "another CA", &ca2);
	g = node_new(&net, "[2001:db8::1]", &gopt, &ca, gcfg);
	a = node_new(&net, a_addr, &aopt, &ca, acfg);
	x = node_new(&net, "[2001:db8:f::1]", &xopt, &ca, &xcfg);
	st = ike_engine_stats(g->engine);
}

static void teardown(void)
{
	net_free(&net);
	pki_pair_free(&ca);
	pki_pair_free(&ca2);
}

static void forget(void)
{
	struct ike_sa *sa;

	while ((sa = LIST_FIRST(&x->engine->sas))) {
		engine_enter(x->engine);
		sa_close(sa, 0, "forgotten");
		engine_leave(x->engine);
	}
	while (net.n_queue)
		net_drop(&net, 0);
}

/* ---- a stranger whose AUTH fails ---------------------------------------- */

/* Try @per_ms times in each of @ms, in turn from so many addresses of the /64. */
static void fails_from(unsigned int addrs, unsigned int per_ms, unsigned int ms)
{
	static unsigned int k;
	char addr[64];

	for (unsigned int t = 0; t < ms; t++) {
		for (unsigned int i = 0; i < per_ms; i++, k++) {
			snprintf(addr, sizeof(addr), "[2001:db8:f::%x]:%u",
				 0xbad0 + k % addrs, 1024 + k % 60000);
			ep_parse(addr, 0, &x->ep);
			node_join(x, g, GCKS, false);
			net_run(&net);
			forget();
		}
		if (t + 1 < ms)
			net_pass(&net, 1, false);
	}
}

static void gets_in_at_once(const char *what)
{
	node_clear(a);
	node_join(a, g, GCKS, false);
	net_run(&net);
	is_int(a->seen.registered, 1, "%s: in with its first request", what);
}

static void one_address(void)
{
	setup(NULL, NULL, "[2001:db8:f::aaaa]:848");
	fails_from(1, 2, 1);
	is_int(st->auth_failed, 2, "AUTH fails");
	fails_from(1, 300, 1);
	is_int(st->auth_failed, 256, "one address: 256 failures at once");
	is_int(st->paced, 46, "the others are passed over");
	net_pass(&net, 1, false);
	fails_from(1, 2, 1000);
	is_int(st->auth_failed, 256 + 250,
	       "one address: 250 failures a second more");
	gets_in_at_once("2,000 failures a second from one address of its /64");
	teardown();
}

static void fifty_addresses(void)
{
	setup(NULL, NULL, "[2001:db8:f::aaaa]:848");
	fails_from(50, 600, 1);
	is_int(st->auth_failed, 476,
	       "50 addresses: 9 or 10 times each at once");
	net_pass(&net, 1, false);
	fails_from(50, 2, 400);
	/* In 400 ms the network gets 100 back. */
	is_int(st->auth_failed, 476 + 92,
	       "the more they were served, the more they leave to others");
	gets_in_at_once("2,000 failures a second from 50 addresses of its /64");
	teardown();
}

/* ---- shares ------------------------------------------------------------- */

static unsigned int n_begun;

static bool begins_from(const struct ep *from, const struct ike_resume *ticket)
{
	enum guest guest = admission_guest(g->engine, from, ticket);

	if (!admission_left(g->engine, from, guest))
		return false;
	admission_charge(g->engine, from, guest, ticket);
	n_begun++;
	return true;
}

/* Set the last 32 bits of an address of IPv6. */
static void at_host(struct ep *from, unsigned int host, unsigned int port)
{
	for (unsigned int i = 0; i < 4; i++)
		from->addr.b[12 + i] = host >> (24 - 8 * i);
	from->port = port;
}

static bool begins(unsigned int host, unsigned int port)
{
	struct ep from;

	ep_parse("[2001:db8:f::]:848", 0, &from);
	at_host(&from, host, port);
	return begins_from(&from, NULL);
}

static bool begins_by(unsigned int host, const struct ike_resume *ticket)
{
	struct ep from;

	ep_parse("[2001:db8:f:0:2::]:848", 0, &from);
	at_host(&from, host, 848);
	return begins_from(&from, ticket);
}

/*
 * A stranger with so many addresses opens 10 IKE SAs in each ms, and whoever comes
 * next comes behind them.
 */
static void floods(unsigned int addrs, unsigned int ms)
{
	static unsigned int k;
	struct ep from;

	ep_parse("[2001:db8:f:0:1::]:848", 0, &from);
	for (unsigned int t = 0; t < ms; t++) {
		net.ms++;
		for (unsigned int i = 0; i < 10; i++, k++) {
			at_host(&from, k % addrs, 1024 + k % 60000);
			begins_from(&from, NULL);
		}
	}
}

/*
 * Return after how many ms a newcomer, which retransmits, has begun. The stranger
 * sends between two of its requests all the time.
 */
static unsigned int newcomer_waits(unsigned int addrs, unsigned int most)
{
	uint64_t from = net.ms;

	while (!begins(0xaaaa, 848)) {
		if (net.ms - from > most)
			break;
		floods(addrs, RETRY_MS);
	}
	return net.ms - from;
}

static void newcomers(unsigned int addrs, unsigned int before_ms,
		      unsigned int most)
{
	unsigned int ms;

	setup(NULL, NULL, "[2001:db8:f::aaaa]:848");
	n_begun = 0;
	floods(addrs, before_ms);
	ok(n_begun <= 512 + before_ms / 4, "%u addresses begin %u times", addrs,
	   n_begun);
	ms = newcomer_waits(addrs, most);
	ok(ms <= most, "%u addresses of a /64: a newcomer begins after %u ms",
	   addrs, ms);
	teardown();
}

/* More addresses than anybody remembers. */
static void all_addresses(void)
{
	struct ike_resume ticket = { .ref = { .key = 1, .number = 2 } };
	unsigned int n = 0;

	setup(NULL, NULL, "[2001:db8:f::aaaa]:848");
	gets_in_at_once("no flood");
	floods(1u << 30, 20000);
	is_int(begins(0xaaaa, 848), 1,
	       "an address and port that has authenticated begins at once");
	for (unsigned int i = 0; i < 10; i++)
		n += begins_by(i, &ticket);
	is_int(n, 4, "a ticket begins 4 times, from wherever it comes");
	net.ms += 10000;
	floods(1u << 30, 1);
	is_int(begins_by(1, &ticket), 1,
	       "a ticket begins once more after 10 s");
	net.ms += 86400000;
	floods(1u << 30, 1000);
	is_int(begins(0xaaaa, 848), 0, "after a day it is a stranger");
	teardown();
}

/* Begin once by each of @n tickets of an identity, from strange addresses. */
static unsigned int begun_by_tickets(const char *name, unsigned int n)
{
	struct ike_resume ticket = { .ref = { .key = 1 } };
	struct ep from;

	id_from_text(&ticket.s.peer, name);
	ep_parse("[2001:db8:f:0:3::]:848", 0, &from);
	n_begun = 0;
	for (; n; n--) {
		at_host(&from, n, 848);
		ticket.ref.number++;
		if (admission_guest(g->engine, &from, &ticket) == GUEST_TICKET)
			begins_from(&from, &ticket);
	}
	return n_begun;
}

/* An identity can have a ticket for each second of an hour. */
static void many_tickets(void)
{
	setup(NULL, NULL, "[2001:db8:f::aaaa]:848");
	is_int(begun_by_tickets("a.example", 3600), 16,
	       "3,600 tickets of one identity begin 16 times at once");
	is_int(begun_by_tickets("A.Example", 10), 0,
	       "another case is the same identity");
	is_int(begun_by_tickets("b.example", 3), 3,
	       "another identity has its tickets");
	net.ms += 5000;
	is_int(begun_by_tickets("a.example", 3600), 5,
	       "one identity begins by a ticket once more in a second");
	teardown();
}

static bool is_known(unsigned int host)
{
	struct ep from;

	ep_parse("[2001:db8:f::]:848", 0, &from);
	at_host(&from, host, 848);
	return admission_guest(g->engine, &from, NULL) == GUEST_KNOWN;
}

/* The day begins with the last authentication. */
static void a_day(void)
{
	const unsigned int hour = 3600000;

	setup(NULL, NULL, "[2001:db8:f::aaaa]:848");
	is_int(is_known(0xaaaa), 0, "nobody is known at first");
	gets_in_at_once("the first time");
	net.ms += 23 * hour;
	gets_in_at_once("the second time");
	net.ms += 24 * hour - 1;
	is_int(is_known(0xaaaa), 1, "an address and port is known for a day");
	net.ms++;
	is_int(is_known(0xaaaa), 0,
	       "an address and port is not known for longer");
	teardown();
}

/* A known one uses up nothing of others that are known. */
static void known_that_floods(void)
{
	setup(NULL, NULL, "[2001:db8:f::aaaa]:848");
	gets_in_at_once("no flood");
	ep_parse("[2001:db8:f::bbbb]:848", 0, &a->ep);
	gets_in_at_once("no flood, elsewhere");
	n_begun = 0;
	for (unsigned int i = 0; i < 1000; i++)
		begins(0xaaaa, 848);
	is_int(n_begun, 256, "a known one begins 256 times at once");
	is_int(begins(0xbbbb, 848), 1,
	       "another known one of its network has its turn");
	is_int(begins(0xcccc, 848), 1,
	       "a newcomer of that network has its turn");
	is_int(begins(0xaaaa, 849), 1, "another port is that of a stranger");
	teardown();
}

/* One identity cannot displace those that are known. */
static void few_places(void)
{
	unsigned int known = 0;
	char addr[64];

	setup(NULL, NULL, "[2001:db8:f::aaaa]:848");
	for (unsigned int i = 0; i < 20; i++) {
		snprintf(addr, sizeof(addr), "[2001:db8:f::%x]:848", i + 1);
		ep_parse(addr, 0, &a->ep);
		gets_in_at_once(addr);
	}
	for (unsigned int i = 0; i < 20; i++)
		known += is_known(i + 1);
	is_int(known, 16, "an identity makes 16 places known");
	teardown();
}

/* ---- a ticket ----------------------------------------------------------- */

static void ticket_in_a_flood(void)
{
	const struct ike_engine_cfg gcfg = { .ticket_s = 600,
					     .idle_ms = 300000 };
	const struct ike_engine_cfg acfg = { .resume = true };

	setup(&gcfg, &acfg, "[2001:db8:f::aaaa]:848");
	gets_in_at_once("no flood");
	net_pass(&net, 301000, true);
	floods(1u << 30, 5000);
	/* The owner has moved, so that nothing but its ticket is known. */
	ep_parse("[2001:db8:f::cccc]:848", 0, &a->ep);
	gets_in_at_once("a ticket in a flood");
	is_int(st->resumed, 1, "the ticket has opened the IKE SA");
	is_int(st->ticket_refused, 0, "no ticket was refused");
	teardown();
}

/* ---- half-open IKE SAs -------------------------------------------------- */

static void opens_from(const char *addr)
{
	ep_parse(addr, 0, &x->ep);
	node_join(x, g, GCKS, false);
	for (unsigned int i = 0; i < 8 && net.n_queue; i++) {
		struct packet *q = &net.queue[0];

		/* Cookies are returned, and nothing else. */
		if (ep_equal(&q->from, &g->ep) && q->len > 120)
			net_drop(&net, 0);
		else
			net_step(&net);
	}
	forget();
}

static void all_half_open(void)
{
	const struct ike_engine_cfg cfg = { .max_half_open = 128,
					    .max_half_open_addr = 32 };
	uint64_t first;
	char addr[64];

	setup(&cfg, NULL, "203.0.113.5:848");
	/* The oldest is of none of these. */
	opens_from("203.0.113.9:848");
	first = LIST_FIRST(&g->engine->sas)->serial;
	for (unsigned int i = 0; i < 127; i++) {
		snprintf(addr, sizeof(addr), "198.51.100.%u:%u", i % 4 + 1,
			 2000 + i);
		opens_from(addr);
	}
	is_int(st->half_open, 128, "4 addresses have all but one half-open");
	gets_in_at_once("all but one half-open IKE SA are of 4 addresses");
	is_int(TAILQ_FIRST(&g->engine->half_open)->serial, first,
	       "the one that is alone stays");
	is_int(st->half_open, 127, "one of the crowd gave way");
	opens_from("198.51.100.1:3000");
	is_int(st->half_open, 128, "the crowd takes the place that was left");
	opens_from("198.51.100.1:3001");
	is_int(st->half_open, 128, "one of the crowd displaces nobody");
	is_int(st->cap, 1 + 1, "the last one was refused");
	teardown();
}

/* An address that has some itself gives others less room to be a crowd. */
static void some_of_its_own(void)
{
	const struct ike_engine_cfg cfg = { .max_half_open = 60 };
	uint64_t newest;
	char addr[64];

	setup(&cfg, NULL, "203.0.113.5:848");
	for (unsigned int i = 0; i < 60; i++) {
		snprintf(addr, sizeof(addr), "198.51.100.%u:%u", i / 45 + 1,
			 2000 + i);
		opens_from(addr);
	}
	is_int(st->half_open, 60, "two addresses have 45 and 15 half-open");
	newest = LIST_FIRST(&g->engine->sas)->serial;
	opens_from("198.51.100.2:3000");
	is_int(LIST_FIRST(&g->engine->sas)->serial, newest,
	       "the address with 15 displaces none of 45");
	opens_from("198.51.100.3:3000");
	ok(LIST_FIRST(&g->engine->sas)->serial > newest,
	   "an address with none displaces one of 45");
	is_int(st->half_open, 60, "there are no more than before");
	teardown();
}

/* A stranger behind the NAT of a newcomer opens 2 IKE SAs in each ms. */
static void same_address(void)
{
	char addr[64];

	setup(NULL, NULL, "192.0.2.78:848");
	for (unsigned int i = 0; i < 3000; i++) {
		snprintf(addr, sizeof(addr), "203.0.113.5:%u", 2000 + i % 50);
		opens_from(addr);
		net.ms += i % 2;
	}
	is_int(st->half_open, 512, "the address has all its places half-open");
	ep_parse("203.0.113.5:848", 0, &a->ep);
	gets_in_at_once("2,000 handshakes a second from its own address");
	teardown();
}

/* A known one that is old gives way before strangers that are not. */
static void old_and_strong(void)
{
	const struct ike_engine_cfg cfg = { .max_half_open_addr = 32 };
	uint64_t second;
	char addr[64];

	setup(&cfg, NULL, "203.0.113.5:848");
	gets_in_at_once("no flood");
	ep_parse("192.0.2.78:848", 0, &a->ep);
	for (unsigned int i = 0; i < 32; i++) {
		snprintf(addr, sizeof(addr), "203.0.113.5:%u", 848 + i);
		opens_from(addr);
		if (!i)
			net.ms += 1000;
	}
	is_int(st->half_open, 32, "one is old, and 31 are young");
	is_int(TAILQ_FIRST(&g->engine->half_open)->hs->guest, GUEST_KNOWN,
	       "the old one is known");
	second = TAILQ_NEXT(TAILQ_FIRST(&g->engine->half_open), hs->by_age)
			 ->serial;
	opens_from("203.0.113.5:2000");
	is_int(st->half_open, 32, "another stranger has a place");
	is_int(TAILQ_FIRST(&g->engine->half_open)->serial, second,
	       "the known one that was old has given way");
	opens_from("203.0.113.5:2001");
	is_int(TAILQ_FIRST(&g->engine->half_open)->serial, second,
	       "a young one gives way to nobody of its address");
	teardown();
}

static void crowd_of_many(void)
{
	const struct ike_engine_cfg cfg = { .max_half_open = 128 };
	char addr[64];

	setup(&cfg, NULL, "203.0.113.5:848");
	for (unsigned int i = 0; i < 128; i++) {
		snprintf(addr, sizeof(addr), "198.51.100.%u:848", i + 1);
		opens_from(addr);
	}
	node_join(a, g, GCKS, false);
	net_run(&net);
	is_int(a->seen.registered, 0, "nobody of many is pushed out");
	is_int(st->half_open, 128, "all of them are there");
	net_pass(&net, 2000, true);
	is_int(a->seen.registered, 1, "a second later there is room");
	opens_from("198.51.100.200:848");
	is_int(st->half_open, 128, "nothing is left for others again");
	for (unsigned int i = 0; i < 128; i++) {
		snprintf(addr, sizeof(addr), "198.51.101.%u:848", i + 1);
		opens_from(addr);
	}
	is_int(g->engine->stats.half_open, 128, "many others have all");
	gets_in_at_once("a member among many strangers");
	teardown();
}

/* ---- crowds of members -------------------------------------------------- */

struct guest_sim {
	uint64_t next, ends; /* next request, and end of the handshake */
	unsigned int tries;
	bool done;
};

/*
 * All of @n members begin at once. A handshake takes 60 ms, and one of ten loses a
 * message on its way, which costs it 500 ms. They differ by the port, or
 * else by the last part of @of. Returns when the last one is in.
 */
static unsigned int crowd_is_in(const char *of, unsigned int n, bool port)
{
	static struct guest_sim s[2000];
	unsigned int left = n;
	uint64_t from = net.ms;
	struct ep ep;

	ep_parse(of, 0, &ep);

	memset(s, 0, sizeof(s));
	for (; left && net.ms - from < 60000; net.ms++) {
		for (unsigned int i = 0; i < n; i++) {
			if (port)
				ep.port = 2000 + i;
			else
				at_host(&ep, i + 1, 848);
			if (s[i].ends && s[i].ends <= net.ms && !s[i].done) {
				admission_give_back(g->engine, &ep,
						    GUEST_STRANGER);
				s[i].done = true;
				left--;
			}
			if (s[i].ends || s[i].next > net.ms)
				continue;
			if (begins_from(&ep, NULL))
				s[i].ends = net.ms + 60 +
					    (rand() % 10 ? 0 : RETRY_MS);
			else
				s[i].next = net.ms +
					    (RETRY_MS << (s[i].tries++ / 2));
		}
	}
	return net.ms - from;
}

static void crowds(void)
{
	unsigned int ms;

	setup(NULL, NULL, "203.0.113.5:848");
	srand(1);
	ms = crowd_is_in("[2001:db8:f::]:848", 2000, false);
	ok(ms < 5000, "2,000 members of a /64 are in after %u ms", ms);
	ms = crowd_is_in("198.51.100.7:848", 2000, true);
	ok(ms < 5000, "2,000 members behind a NAT are in after %u ms", ms);
	ms = crowd_is_in("[2001:db8:e::1]:848", 300, true);
	ok(ms < 5000, "300 members of one IPv6 address are in after %u ms", ms);
	teardown();
}

int main(void)
{
	log_set_level(LOG_LEVEL_ERR);
	RUN(one_address);
	RUN(fifty_addresses);
	RUN(newcomers, 1, 5000, 0);
	RUN(newcomers, 8, 5000, 0);
	RUN(newcomers, 50, 5000, 0);
	RUN(newcomers, 1000, 5000, RETRY_MS);
	RUN(newcomers, 4000, 1000, 16000);
	RUN(newcomers, 12000, 1000, 48000);
	RUN(all_addresses);
	RUN(many_tickets);
	RUN(a_day);
	RUN(known_that_floods);
	RUN(few_places);
	RUN(ticket_in_a_flood);
	RUN(all_half_open);
	RUN(some_of_its_own);
	RUN(same_address);
	RUN(old_and_strong);
	RUN(crowd_of_many);
	RUN(crowds);
	return done();
}
