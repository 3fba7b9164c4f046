// SPDX-License-Identifier: Apache-2.0
/*
 * Additional key exchanges (RFC 9370): bad messages, and attackers in the middle
 * who have them left out, or who broke the key exchange of IKE_SA_INIT and alter what
 * follows.
 */
#include <errno.h>

#include "ike/exchange.h"
#include "ike_addke.h"
#include "lib/log.h"
#include "lib/util.h"
#include "tap.h"

/* ---- bad messages ------------------------------------------------------- */

static struct {
	unsigned int pld; /* type, 0: no payload */
	uint16_t method;
	size_t len;
	uint8_t fill;
	uint16_t notify;
	bool twice;
} odd;

static void put_odd(struct pchain *c)
{
	uint8_t value[128];

	memset(value, odd.fill, sizeof(value));
	if (odd.notify)
		notify_build(c, odd.notify, NULL, 0);
	if (odd.pld == IKE_PLD_KE)
		ke_build(c, odd.method, value, odd.len);
	else if (odd.pld)
		raw_build(c, odd.pld, value, odd.len);
	if (odd.twice)
		ke_build(c, odd.method, value, odd.len);
}

static int odd_request(struct ike_sa *sa, const struct ike_task *t)
{
	struct pchain c;
	struct wbuf w;
	int ret;

	(void)t;
	ret = ike_sa_state(sa, IKE_ST_INTER_SENT);
	wbuf_init(&w, IKE_INNER_MAX);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	put_odd(&c);
	if (!ret)
		ret = sa_request(sa, IKE_XCHG_IKE_INTERMEDIATE, c.first, &w);
	wbuf_free(&w);
	return ret;
}

static void odd_answer(struct ike_sa *sa, struct ike_in *in)
{
	struct pchain c;
	struct wbuf w;

	(void)in;
	wbuf_init(&w, IKE_INNER_MAX);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	put_odd(&c);
	sa_respond(sa, IKE_XCHG_IKE_INTERMEDIATE, c.first, &w);
	wbuf_free(&w);
}

static const struct {
	const char *what;
	unsigned int pld;
	uint16_t method;
	size_t len;
	uint8_t fill;
	bool twice;
} oddities[] = {
	{ .what = "no payload" },
	{ "another method", IKE_PLD_KE, P384, 96, 1, false },
	{ "a short value", IKE_PLD_KE, P256, 63, 1, false },
	{ "a long value", IKE_PLD_KE, P256, 65, 1, false },
	{ "an empty value", IKE_PLD_KE, P256, 0, 1, false },
	{ "a point that is not on the curve", IKE_PLD_KE, P256, 64, 1, false },
	{ "KE without a method", IKE_PLD_KE, 0, 64, 1, false },
	{ "a KE payload of one octet", IKE_PLD_VENDOR, 0, 1, 1, false },
	{ "KE twice", IKE_PLD_KE, P256, 64, 1, true },
	{ "a payload of another exchange", IKE_PLD_NONCE, 0, 32, 1, false },
};

static void take_oddity(size_t i)
{
	memset(&odd, 0, sizeof(odd));
	odd.pld = oddities[i].pld;
	odd.method = oddities[i].method;
	odd.len = oddities[i].len;
	odd.fill = oddities[i].fill;
	odd.twice = oddities[i].twice;
}

static void rfc9370_2_2_2_bad_requests(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(oddities); i++) {
		take_oddity(i);
		addke_setup(&both, &both);
		node_own_exchange(m, IKE_XCHG_IKE_INTERMEDIATE)->build =
			odd_request;
		node_join(m, g, GCKS, true);
		net_run(&net);
		is_int(m->seen.notify, IKE_N_INVALID_SYNTAX,
		       "%s: INVALID_SYNTAX", oddities[i].what);
		is_int(ike_engine_stats(g->engine)->sas, 0,
		       "%s: no state is left", oddities[i].what);
		is_int(ike_engine_stats(m->engine)->sas, 0,
		       "%s: the member gives up", oddities[i].what);
		is_int(g->seen.requests, 0, "%s: no group is asked for",
		       oddities[i].what);
		pair_teardown();
	}
}

static void rfc9370_2_2_2_bad_answers(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(oddities); i++) {
		take_oddity(i);
		addke_setup(&both, &both);
		node_own_exchange(g, IKE_XCHG_IKE_INTERMEDIATE)->request =
			odd_answer;
		node_join(m, g, GCKS, true);
		net_run(&net);
		is_int(ike_engine_stats(m->engine)->sas, 0, "%s: given up",
		       oddities[i].what);
		ok(!strncmp(m->seen.reason, "bad answer: ", 12),
		   "%s: the reason: %s", oddities[i].what, m->seen.reason);
		is_int(m->seen.registered, 0, "%s: no keys", oddities[i].what);
		pair_teardown();
	}
	memset(&odd, 0, sizeof(odd));
	odd.notify = IKE_N_TEMPORARY_FAILURE;
	addke_setup(&both, &both);
	node_own_exchange(g, IKE_XCHG_IKE_INTERMEDIATE)->request = odd_answer;
	node_join(m, g, GCKS, true);
	net_run(&net);
	is_int(m->seen.notify, IKE_N_TEMPORARY_FAILURE,
	       "an error notify is the reason");
	is_int(m->seen.ev_refused, 1, "the refusal is noted at the member");
	pair_teardown();
}

/* Exchanges that are not due: too early, too many, or never agreed on. */
static void rfc9242_5_number_of_exchanges(void)
{
	struct ike_sa *msa;
	struct packet *q;

	/* GSA_AUTH before the second exchange. */
	addke_setup(&both, &both);
	msa = node_join(m, g, GCKS, true);
	for (int i = 0; i < 3; i++)
		net_step(&net);
	msa->suite.addke[1] = 0;
	net_step(&net);
	is_int(net.queue[0].p[18], GIKE_XCHG_GSA_AUTH, "GSA_AUTH too early");
	net_step(&net);
	is_int(net.n_queue, 0, "number of exchanges: the message is dropped");
	is_str(g->seen.text,
	       "exchange GSA_AUTH (39) where IKE_INTERMEDIATE is due",
	       "number of exchanges: the reason is told");
	is_int(g->seen.requests, 0,
	       "GSA_AUTH before its time asks for no group");
	pair_teardown();

	/* A third exchange. */
	addke_setup(&both, &both);
	msa = node_join(m, g, GCKS, true);
	for (int i = 0; i < 5; i++)
		net_step(&net);
	msa->suite.addke[2] = X25519;
	net_step(&net);
	is_int(net.queue[0].p[18], IKE_XCHG_IKE_INTERMEDIATE, "a third one");
	net_step(&net);
	is_int(net.n_queue, 0, "number of exchanges: the message is dropped");
	is_str(g->seen.text,
	       "exchange IKE_INTERMEDIATE (43) where GSA_AUTH or IKE_AUTH is due",
	       "number of exchanges: the reason is told");
	pair_teardown();

	/* Without any agreement, and over an IKE SA that is up. */
	pair_setup(NULL, NULL);
	node_join(m, g, GCKS, true);
	net_step(&net);
	net_step(&net);
	q = &net.queue[0];
	q->p[18] = IKE_XCHG_IKE_INTERMEDIATE;
	net_step(&net);
	is_int(net.n_queue, 0, "one that was not agreed on is dropped");
	net_pass(&net, 1500, true);
	is_int(m->seen.registered, 1,
	       "the registration goes on after an IKE_INTERMEDIATE that was dropped");
	msa = m->sa;
	msa->my_xchg = IKE_XCHG_IKE_INTERMEDIATE;
	ike_liveness(msa);
	pair_drop_all();
	pair_teardown();
}

/* ---- IKE_SA_INIT that was altered on its way ------------------------------ */

/*
 * Write the message in @q anew, without notifies of type @drop, and with its SA
 * payload as @alter leaves it, if that is not NULL.
 */
static void rewrite_init(struct packet *q, uint16_t drop,
			 void (*alter)(struct sa_pld *sa))
{
	static struct sa_pld sa;
	struct notify_pld n;
	struct pwalk walk;
	struct ike_hdr h;
	struct pchain c;
	struct pld pld;
	struct wbuf w;
	struct rbuf r;

	ike_hdr_parse(q->p, q->len, &h);
	pwalk_init(&walk, h.next, q->p + IKE_HDR_LEN, q->len - IKE_HDR_LEN);
	wbuf_init(&w, 65535);
	ike_hdr_build(&w, &h);
	pchain_init(&c, &w, IKE_HDR_NEXT_OFF);
	while (pwalk_next(&walk, &pld) > 0) {
		rbuf_init(&r, pld.body, pld.len);
		if (pld.type == IKE_PLD_NOTIFY && drop &&
		    !notify_parse(&r, &n) && n.type == drop)
			continue;
		if (pld.type == IKE_PLD_SA && alter) {
			if (sa_parse(&r, &sa))
				bail("SA");
			alter(&sa);
			sa_build(&c, &sa);
			continue;
		}
		raw_build(&c, pld.type, pld.body, pld.len);
	}
	wbuf_patch_u8(&w, c.next_off, IKE_PLD_NONE);
	msg_finish(&w);
	free(q->p);
	q->p = malloc(w.len);
	q->len = w.len;
	memcpy(q->p, w.p, w.len);
	wbuf_free(&w);
}

static void drop_first_proposal(struct sa_pld *sa)
{
	memmove(&sa->p[0], &sa->p[1], sizeof(sa->p[0]));
	sa->n--;
}

static void drop_addke(struct sa_pld *sa)
{
	struct proposal *p = &sa->p[0];
	unsigned int n = 0;

	for (unsigned int i = 0; i < p->n; i++)
		if (p->t[i].type < IKE_TT_ADDKE1 ||
		    p->t[i].type > IKE_TT_ADDKE7)
			p->t[n++] = p->t[i];
	p->n = n;
}

/* Proposal 2 has none. */
static void choose_second(struct sa_pld *sa)
{
	drop_addke(sa);
	sa->p[0].num = 2;
}

static void swap_methods(struct sa_pld *sa)
{
	for (unsigned int i = 0; i < sa->p[0].n; i++)
		if (sa->p[0].t[i].type == IKE_TT_ADDKE1)
			sa->p[0].t[i].id = P384;
		else if (sa->p[0].t[i].type == IKE_TT_ADDKE1 + 1)
			sa->p[0].t[i].id = P256;
}

static void add_none(struct sa_pld *sa)
{
	proposal_put(&sa->p[0], IKE_TT_ADDKE1, 0, 0);
}

static void leave_as_is(struct sa_pld *sa)
{
	(void)sa;
}

static const struct ike_addke offered = OFFERED(P256, P384);

/*
 * Requests that were altered. AUTH of the member covers what it sent, so that the
 * key server notices at the latest then.
 */
static const struct {
	const char *what;
	uint16_t drop;
	void (*alter)(struct sa_pld *sa);
	bool m_requires, g_requires;
	bool no_proposal; /* the key server has nothing to choose */
} requests[] = {
	{ .what = "the notify is removed",
	  .drop = IKE_N_INTERMEDIATE_EXCHANGE_SUPPORTED },
	{ .what = "the notify is removed, the member requires",
	  .drop = IKE_N_INTERMEDIATE_EXCHANGE_SUPPORTED,
	  .m_requires = true,
	  .no_proposal = true },
	{ .what = "the notify is removed, the key server requires",
	  .drop = IKE_N_INTERMEDIATE_EXCHANGE_SUPPORTED,
	  .g_requires = true,
	  .no_proposal = true },
	{ .what = "the proposal is removed", .alter = drop_first_proposal },
	{ .what = "the proposal is removed, the key server requires",
	  .alter = drop_first_proposal,
	  .g_requires = true,
	  .no_proposal = true },
	{ .what = "the transforms are removed", .alter = drop_addke },
	{ .what = "the transforms are removed, the key server requires",
	  .alter = drop_addke,
	  .m_requires = true,
	  .g_requires = true,
	  .no_proposal = true },
	{ .what = "the transforms are removed, the member requires",
	  .alter = drop_addke,
	  .m_requires = true },
	{ .what = "the methods are swapped", .alter = swap_methods },
	{ .what = "NONE is added to the first", .alter = add_none },
};

static void stripped_requests(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		const char *what = requests[i].what;

		addke_setup(requests[i].g_requires ? &both : &offered,
			    requests[i].m_requires ? &both : &offered);
		node_join(m, g, GCKS, true);
		rewrite_init(&net.queue[0], requests[i].drop,
			     requests[i].alter);
		net_run(&net);
		/* A member that does not get what it requires asks again. */
		net_pass(&net, 200000, false);
		is_int(m->seen.registered, 0, "%s: no keys", what);
		is_int(g->seen.requests, 0, "%s: nothing is asked for", what);
		is_int(ike_engine_stats(g->engine)->no_proposal,
		       requests[i].no_proposal, "%s: %s", what,
		       requests[i].no_proposal ? "NO_PROPOSAL_CHOSEN"
					       : "something is chosen");
		is_int(ike_engine_stats(g->engine)->sas +
			       ike_engine_stats(m->engine)->sas,
		       0, "%s: nothing is left (%s | %s)", what, m->seen.reason,
		       g->seen.text);
		pair_teardown();
	}
}

/* The same messages, written anew without a change, are good. */
static void not_stripped(void)
{
	for (int answer = 0; answer < 2; answer++) {
		addke_setup(&both, &both);
		node_join(m, g, GCKS, true);
		if (answer)
			net_step(&net);
		rewrite_init(&net.queue[0], 0, leave_as_is);
		net_run(&net);
		addke_registered("written anew", "x25519+p-256+p-384");
		pair_teardown();
	}
}

/* Without a requirement the key server sees it in AUTH of the member. */
static void stripped_is_seen_in_auth(void)
{
	addke_setup(&offered, &offered);
	node_join(m, g, GCKS, true);
	rewrite_init(&net.queue[0], 0, drop_first_proposal);
	net_run(&net);
	is_int(g->seen.auth_failed, 1, "AUTH does not verify");
	is_str(g->seen.text, "certificate: signature does not verify",
	       "the reason");
	is_int(m->seen.notify, IKE_N_AUTHENTICATION_FAILED,
	       "the member is told");
	pair_teardown();
}

/* Answers that were altered; the genuine one comes later, or never. */
static const struct {
	const char *what;
	uint16_t drop;
	void (*alter)(struct sa_pld *sa);
	bool m_requires;
	bool taken; /* the member goes on with it, in vain */
	const char *reason; /* when it gives up */
} answers[] = {
	{ .what = "the notify is removed",
	  .drop = IKE_N_INTERMEDIATE_EXCHANGE_SUPPORTED,
	  .reason =
		  "additional key exchanges, but no IKE_INTERMEDIATE at the key server" },
	{ .what = "the transforms are removed",
	  .alter = drop_addke,
	  .reason = "no answer to IKE_SA_INIT after 7 tries" },
	{ .what = "the second proposal is chosen",
	  .alter = choose_second,
	  .taken = true,
	  .reason = "no answer to GSA_AUTH after 7 tries" },
	{ .what = "the second proposal is chosen, the member requires",
	  .alter = choose_second,
	  .m_requires = true,
	  .reason = "no answer to IKE_SA_INIT after 7 tries" },
	{ .what = "the methods are swapped",
	  .alter = swap_methods,
	  .m_requires = true,
	  .reason = "no answer to IKE_SA_INIT after 7 tries" },
};

static void stripped_answers(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
		for (int later = 0; later < 2; later++) {
			const char *what = answers[i].what;

			addke_setup(&offered,
				    answers[i].m_requires ? &both : &offered);
			node_join(m, g, GCKS, true);
			net_step(&net);
			if (later)
				net_dup(&net, 0);
			rewrite_init(&net.queue[0], answers[i].drop,
				     answers[i].alter);
			net_run(&net);
			if (later && !answers[i].taken) {
				addke_registered(what, "x25519+p-256+p-384");
				pair_teardown();
				continue;
			}
			is_int(g->seen.requests, 0, "%s: nothing is asked for",
			       what);
			net_pass(&net, 200000, false);
			is_int(m->seen.registered, 0, "%s: no keys", what);
			is_str(m->seen.reason, answers[i].reason,
			       "%s: the reason", what);
			pair_teardown();
		}
}

/* ---- who broke the key exchange of IKE_SA_INIT ---------------------------- */

/* Changes that an attacker makes inside of a message. */
enum change { VENDOR_ADDED, NOTIFY_ADDED, RESERVED_BIT, NOTHING };

static const char *const changes[] = { "a Vendor ID is added",
				       "a notify is added",
				       "a reserved bit is set",
				       "sealed anew without a change" };

static void change_inner(struct packet *q, const struct sk_key *key,
			 enum change change)
{
	uint8_t plain[4096], first;
	struct pchain c;
	struct wbuf w;
	size_t len;

	if (sk_open(q->p, q->len, key, plain, &len, &first))
		bail("the attacker has other keys");
	wbuf_init(&w, 65535);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	if (change == VENDOR_ADDED)
		raw_build(&c, IKE_PLD_VENDOR, (const uint8_t *)"x", 1);
	if (change == NOTIFY_ADDED)
		notify_build(&c, 40000, NULL, 0);
	if (w.len) {
		wbuf_patch_u8(&w, c.next_off, first);
		first = c.first;
	}
	wbuf_put(&w, plain, len);
	addke_flags = change == RESERVED_BIT;
	addke_replace(q, key, first, w.p, w.len);
	addke_flags = 0;
	wbuf_free(&w);
}

/*
 * Each of the four messages is altered by who has the keys, and does no harm to
 * the key exchange. AUTH must fail, and must not without the change.
 */
static void rfc9242_3_3_2_altered(void)
{
	for (int at = 0; at < 4; at++)
		for (enum change change = 0; change <= NOTHING; change++) {
			struct ike_sa *msa, *gsa;
			struct packet *q;

			addke_setup(&both, &both);
			msa = node_join(m, g, GCKS, true);
			for (int i = 0; i < 2 + at; i++)
				net_step(&net);
			gsa = addke_half_open();
			q = &net.queue[0];
			is_int(q->p[18], IKE_XCHG_IKE_INTERMEDIATE,
			       "message %d is IKE_INTERMEDIATE", at);
			change_inner(q, at & 1 ? &msa->keys.er : &gsa->keys.ei,
				     change);
			net_run(&net);
			if (change == NOTHING) {
				addke_registered(changes[change],
						 "x25519+p-256+p-384");
				pair_teardown();
				continue;
			}
			is_int(g->seen.auth_failed, 1, "message %d, %s: noted",
			       at, changes[change]);
			is_str(g->seen.text,
			       "certificate: signature does not verify",
			       "message %d, %s: AUTH fails", at,
			       changes[change]);
			is_int(m->seen.notify, IKE_N_AUTHENTICATION_FAILED,
			       "message %d, %s: the member is told", at,
			       changes[change]);
			is_int(m->seen.registered + g->seen.requests, 0,
			       "message %d, %s: no keys", at, changes[change]);
			pair_teardown();
		}
}

/* The key server's AUTH covers all of that as well, and the member looks. */
static void rfc9242_3_3_2_both_sign(void)
{
	for (int which = 0; which < 3; which++) {
		struct ike_sa *msa;

		addke_setup(&both, &both);
		msa = node_join(m, g, GCKS, true);
		while (net.queue[0].p[18] != GIKE_XCHG_GSA_AUTH)
			net_step(&net);
		net_step(&net);
		if (which)
			(which == 1 ? msa->hs->inter->i.v
				    : msa->hs->inter->r.v)[0] ^= 1;
		net_run(&net);
		is_int(m->seen.registered, !which, "%s",
		       which == 0 ? "the member takes what it has seen"
		       : which == 1
			       ? "another request than the member's"
			       : "another answer than the member has seen");
		is_int(m->seen.auth_failed, !!which, "AUTH of the key server");
		pair_teardown();
	}
}

/*
 * The attacker puts its own key exchange into the first IKE_INTERMEDIATE, in both
 * directions, so that it has all keys of that. AUTH shows it.
 */
static void own_exchange(void)
{
	static const struct ike_addke one = REQUIRED(P256);
	uint8_t plain[4096], first;
	struct ke_shared to_g, to_m;
	struct ike_sa *msa, *gsa;
	struct ike_keys gkeys;
	struct ke_answer answer;
	const uint8_t *offer;
	struct ke_pld kep;
	struct ke *mine;
	struct pchain c;
	struct rbuf r;
	struct wbuf w;
	size_t len;

	addke_setup(&one, &one);
	msa = node_join(m, g, GCKS, true);
	net_step(&net);
	net_step(&net);
	gsa = addke_half_open();
	/* The request of the attacker, and its answer to the member's. */
	offer = ke_offer(msa->hs->inter->ke, &len);
	ke_answer(P256, offer, len, &answer, &to_m);
	ke_new(P256, &mine);
	offer = ke_offer(mine, &len);
	wbuf_init(&w, 1024);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	ke_build(&c, P256, offer, len);
	addke_replace(&net.queue[0], &gsa->keys.ei, c.first, w.p, w.len);
	wbuf_free(&w);
	net_step(&net);
	sk_open(net.queue[0].p, net.queue[0].len, &msa->keys.er, plain, &len,
		&first);
	rbuf_init(&r, plain + 4, len - 4);
	ke_parse(&r, &kep);
	ke_finish(mine, kep.data, kep.len, &to_g);
	ke_free(mine);
	wbuf_init(&w, 1024);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	ke_build(&c, P256, answer.p, answer.len);
	addke_replace(&net.queue[0], &msa->keys.er, c.first, w.p, w.len);
	wbuf_free(&w);
	net_step(&net);
	ok(memcmp(to_g.p, to_m.p, to_g.len), "two exchanges with the attacker");
	/* GSA_AUTH is decrypted by the attacker, and encrypted for the key server. */
	gkeys = gsa->keys;
	is_int(net.queue[0].p[18], GIKE_XCHG_GSA_AUTH, "GSA_AUTH");
	if (sk_open(net.queue[0].p, net.queue[0].len, &msa->keys.ei, plain,
		    &len, &first))
		bail("the attacker has the member's keys");
	addke_replace(&net.queue[0], &gkeys.ei, first, plain, len);
	net_run(&net);
	is_int(g->seen.auth_failed, 1, "AUTH fails");
	is_int(g->seen.requests, 0, "no group is asked for");
	pair_teardown();
}

int main(void)
{
	log_set_level(LOG_LEVEL_ERR);
	RUN(rfc9370_2_2_2_bad_requests);
	RUN(rfc9370_2_2_2_bad_answers);
	RUN(rfc9242_5_number_of_exchanges);
	RUN(stripped_requests);
	RUN(not_stripped);
	RUN(stripped_is_seen_in_auth);
	RUN(stripped_answers);
	RUN(rfc9242_3_3_2_altered);
	RUN(rfc9242_3_3_2_both_sign);
	RUN(own_exchange);
	return done();
}
