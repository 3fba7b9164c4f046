// SPDX-License-Identifier: Apache-2.0
/*
 * Grants that members ask their key server for: who gets one, with what in it, and what
 * relays are told when a member is taken out.
 */
#include "crypto/sign.h"
#include "group_sim.h"
#include "group_finish.h"
#include "ike/sa.h"
#include "lib/util.h"
#include "tap.h"
#include "wire/entitle.h"

static struct sim s;
static struct sim_member *tx, *a, *relay;

/* The last answers to a member. */
static struct seen {
	unsigned int answers, ends, named;
	enum grant_verdict verdict;
	int verified;
	struct grant grant;
	char ended[64];
	uint64_t at, until;
} seen[3];

/* The key server has room for no grant. */
static bool no_room;

static struct seen *seen_of(const void *m)
{
	return &seen[m == relay ? 2 : m == a ? 1 : 0];
}

static void on_grant_request(void *ctx, struct ike_sa *sa,
			     const struct grant_request *req, struct wbuf *w,
			     struct grant_answer *ans)
{
	struct wbuf small;

	wbuf_init(&small, 8);
	gcks_grant_request(((struct sim *)ctx)->gcks, sa, req,
			   no_room ? &small : w, ans);
	wbuf_free(&small);
}

static void on_grant_answer(void *ctx, struct ike_sa *sa,
			    const struct grant_answer *ans)
{
	struct seen *n = seen_of(ctx);
	struct sigpub *pub;

	(void)sa;
	n->answers++;
	n->verdict = ans->verdict;
	n->verified = -1;
	if (ans->verdict != GRANT_GIVEN ||
	    sigpub_from_spki(ans->key, ans->key_len, &pub))
		return;
	n->verified = grant_verify(ans->p, ans->len, pub);
	if (!n->verified)
		n->verified = grant_parse(ans->p, ans->len, &n->grant);
	sigpub_free(pub);
}

static void on_grant_ends(void *ctx, struct ike_sa *sa,
			  const struct grant_ends *ends)
{
	struct seen *n = seen_of(ctx);

	(void)sa;
	n->ends++;
	n->named += ends->n;
	n->at = ends->at;
	n->until = ends->until;
	snprintf(n->ended, sizeof(n->ended), "%.*s", (int)ends->id[0].len,
		 ends->id[0].p);
}

/* Wire up members after sim_start(). */
static void set_ops(unsigned int n)
{
	unsigned int i;

	tx = s.m[0];
	a = s.m[1];
	relay = s.m[2];
	s.engine->ops.grant_request = on_grant_request;
	for (i = 0; i < n; i++) {
		s.m[i]->engine->ops.grant_answer = on_grant_answer;
		s.m[i]->engine->ops.grant_ends = on_grant_ends;
	}
}

/* The group has relays if @relays is not NULL. */
static void begin(uint64_t seed, const char *relays)
{
	static const struct sim_who who[] = {
		{ .identity = "s.example", .send = true },
		{ .identity = "a.example", .receive = true },
		{ .identity = "r.example", .receive = true },
	};
	static char *names[1];

	memset(seen, 0, sizeof(seen));
	sim_init(&s, seed);
	names[0] = (char *)relays;
	if (relays)
		s.cg.relays = (struct conf_names){ .v = names, .n = 1 };
	sim_start(&s, who, ARRAY_SIZE(who), 10000, 50);
	set_ops(ARRAY_SIZE(who));
}

static void ask(struct sim_member *m, const char *group, bool as_relay)
{
	struct grant_request req = { .relay = as_relay };

	snprintf(req.group, sizeof(req.group), "%s", group);
	is_int(ike_ask_grant(member_ike_sa(m->m), &req), 0,
	       "%s asks for a grant", m->name);
	sim_run(&s, 1000);
}

static void test_given(void)
{
	struct seen *n = &seen[0];

	begin(1, "r.example");
	ask(tx, "video", false);
	is_int(n->verdict, GRANT_GIVEN, "a sender gets a grant");
	is_int(n->verified, 0, "the grant is signed by the key that it has");
	is_str(n->grant.group, "video", "the grant is for the group");
	ok(n->grant.member.len == 9 &&
		   !memcmp(n->grant.member.data, "s.example", 9),
	   "the grant is for the sender");
	is_int(n->grant.expires - n->grant.issued, 600,
	       "the grant is good for ten minutes");
	ok(n->grant.n_ranges == 1 && n->grant.range[0].first == 0 &&
		   n->grant.range[0].last == 1,
	   "the grant has the Sender-IDs that the sender has");
	ask(a, "video", false);
	is_int(seen_of(a)->grant.n_ranges, 0,
	       "a receiver has a grant without Sender-IDs");
	is_int(seen_of(a)->verified, 0, "a receiver's grant is signed");
	sim_finish(&s, "a group with grants");
}

static void test_failed(void)
{
	begin(9, "r.example");
	no_room = true;
	ask(tx, "video", false);
	no_room = false;
	is_int(seen[0].verdict, GRANT_FAILED,
	       "the sender is told of a failure");
	is_int(sim_log_count(&s, "group video: grant not given: \"s.example\": "
				 "Message too long"),
	       1, "the key server says why it gives no grant");
	ask(tx, "video", false);
	is_int(seen[0].verdict, GRANT_GIVEN, "the next request is granted");
	sim_finish(&s, "a grant that fails");
}

static void test_refused(void)
{
	unsigned int i;

	begin(2, "r.example");
	ask(a, "video", true);
	is_int(seen_of(a)->verdict, GRANT_NO_RELAY,
	       "a member that is not in \"relays\" may not relay");
	ask(a, "radio", false);
	is_int(seen_of(a)->verdict, GRANT_NO_MEMBER,
	       "there is no grant for another group");
	for (i = 0; i < 32; i++)
		ask(a, "video", false);
	is_int(seen_of(a)->verdict, GRANT_GIVEN, "32 grants are signed");
	for (i = 0; i < 6; i++)
		ask(a, "video", false);
	is_int(seen_of(a)->verdict, GRANT_BUSY,
	       "a member that asks on and on is refused");
	ask(tx, "video", false);
	is_int(seen_of(tx)->verdict, GRANT_GIVEN,
	       "another member has its own share");
	sim_run(&s, 10000);
	ask(a, "video", false);
	is_int(seen_of(a)->verdict, GRANT_GIVEN,
	       "a member that has waited gets another one");
	sim_finish(&s, "a group with grants");

	begin(3, NULL);
	ask(a, "video", false);
	is_int(seen_of(a)->verdict, GRANT_NO_RELAYS,
	       "a group without relays has no grants");
	sim_finish(&s, "a group with grants");
}

static void test_ended(void)
{
	struct seen *n = &seen[2];
	uint64_t issued, now;
	uint32_t effective;
	struct err err;

	begin(4, "r.example");
	ask(relay, "video", true);
	is_int(n->verdict, GRANT_GIVEN, "the relay gets a grant");
	is_int(n->ends, 0, "nobody is out");
	ask(a, "video", false);
	issued = seen_of(a)->grant.issued;
	is_int(sim_evict(s.gcks, "video", "A.example", &effective, &err), 0,
	       "a member is evicted");
	sim_run(&s, 2000);
	now = (uint64_t)s.clock.wall(s.clock.ctx);
	is_int(n->ends, 1, "the relay is told once");
	is_str(n->ended, "a.example", "the relay is told who is out");
	ok(n->at >= issued && n->at <= now,
	   "grants of before the eviction end with it");
	is_int(n->until - n->at, 600,
	       "the last of them is over in ten minutes");
	is_int(seen_of(tx)->ends, 0,
	       "a member that is no relay is told nothing");
	is_int(seen_of(a)->ends, 0,
	       "an excluded member is told nothing of grants");
	/* A relay that was out of reach hears it with its own grant. */
	ask(relay, "video", true);
	is_int(n->ends, 2, "the relay is told again when it asks again");
	is_str(n->ended, "a.example", "the relay is told of the same member");
	sim_run(&s, 600000);
	n->ends = 0;
	ask(relay, "video", true);
	is_int(n->ends, 0, "an eviction of long ago is no matter of relays");
	sim_finish(&s, "a group with grants");
}

#define CROWD 150

/* More members than a message names are out at once. */
static void test_crowd(void)
{
	static char *keep[] = { (char *)"s.example", (char *)"a.example",
				(char *)"r.example" };
	static struct sim_who who[3 + CROWD] = {
		{ .identity = "s.example", .send = true },
		{ .identity = "a.example", .receive = true },
		{ .identity = "r.example", .receive = true },
	};
	static char names[CROWD][24];
	struct seen *n = &seen[2];
	struct err err = { "" };
	int i;

	for (i = 0; i < CROWD; i++) {
		snprintf(names[i], sizeof(names[i]), "m%d.example", i);
		who[3 + i] = (struct sim_who){ .identity = names[i],
					       .receive = true };
	}
	memset(seen, 0, sizeof(seen));
	sim_init(&s, 5);
	s.cg.relays = (struct conf_names){ .v = keep + 2, .n = 1 };
	sim_start(&s, who, ARRAY_SIZE(who), 20000, 50);
	set_ops(ARRAY_SIZE(who));
	ask(relay, "video", true);
	is_int(n->verdict, GRANT_GIVEN, "the relay gets a grant");
	s.cg.receivers = (struct conf_names){ .v = keep, .n = 3 };
	is_int(sim_reload(&s, &err), 0, "a reload takes a crowd out");
	sim_run(&s, 20000);
	is_int(n->named, CROWD, "the relay is told of each of the crowd once");
	ok(n->ends < CROWD / 2, "messages name many of the crowd");
	n->named = 0;
	n->ends = 0;
	ask(relay, "video", true);
	sim_run(&s, 2000);
	is_int(n->named, CROWD,
	       "a relay that asks again is told of each of the crowd again");
	sim_run(&s, 600000);
	n->named = 0;
	ask(relay, "video", true);
	is_int(n->named, 0, "the crowd is forgotten when its grants are over");
	sim_finish(&s, "a group with grants");
}

/* An IKE SA of a relay ends while relays are told. */
static void test_lost_relay(void)
{
	uint32_t effective;
	struct ike_sa *sa;
	struct err err;

	begin(6, "*.example");
	ask(tx, "video", true);
	is_int(seen[0].verdict, GRANT_GIVEN, "the first relay has a grant");
	ask(relay, "video", true);
	is_int(seen[2].verdict, GRANT_GIVEN, "the second relay has a grant");
	LIST_FOREACH(sa, &s.engine->sas, link)
		if (!strcmp(ike_sa_peer_name(sa), "r.example"))
			sa->my_mid = UINT32_MAX; /* no request can be built */
	is_int(sim_evict(s.gcks, "video", "a.example", &effective, &err), 0,
	       "a member is evicted while a relay cannot be told");
	sim_run(&s, 500);
	is_int(seen[2].ends, 0, "the relay without an IKE SA is told nothing");
	is_int(seen[0].ends, 1, "the other relay is told");
	is_str(seen[0].ended, "a.example", "the other relay knows who is out");
	sim_run(&s, 1000);
	sim_finish(&s, "a group with a lost relay");
}

static int64_t back_s;

static time_t wall_back(void *ctx)
{
	struct sim *x = ctx;

	return (time_t)(x->wall0 + (int64_t)(x->ms / 1000) - back_s);
}

/* The clock of the key server is set back after a grant. */
static void test_clock_back(void)
{
	struct seen *n = &seen[2];
	uint32_t effective;
	uint64_t issued;
	struct err err;

	begin(7, "r.example");
	ask(relay, "video", true);
	ask(a, "video", false);
	issued = seen_of(a)->grant.issued;
	back_s = 5;
	s.clock.wall = wall_back;
	ask(tx, "video", false);
	ok(seen_of(tx)->grant.issued < issued,
	   "a grant has the time of the clock");
	is_int(sim_evict(s.gcks, "video", "a.example", &effective, &err), 0,
	       "a member is evicted after the clock was set back");
	sim_run(&s, 2000);
	is_int(n->ends, 1, "the relay is told of the eviction");
	is_int(n->at, issued, "the last grant ends with the eviction");
	is_int(n->until, issued + 600, "the relay remembers it for as long");
	is_int(sim_admit(s.gcks, "video", "a.example", &err), 0,
	       "the member is admitted again");
	sim_down(a);
	sim_up(a);
	ok(sim_settle(&s, 20000), "the member is back");
	a->engine->ops.grant_answer = on_grant_answer;
	ask(a, "video", false);
	is_int(seen_of(a)->grant.issued, issued + 1,
	       "a grant of a member that is back does not end with its last one");
	sim_finish(&s, "a group with a clock that was set back");
}

/* The clock of the key server is an hour ahead when a member leaves, and is then right. */
static void test_clock_ahead(void)
{
	uint32_t effective;
	struct err err;
	uint64_t now;

	begin(8, "r.example");
	ask(relay, "video", true);
	back_s = -3600;
	s.clock.wall = wall_back;
	sim_run(&s, 1000);
	ask(a, "video", false);
	is_int(sim_evict(s.gcks, "video", "a.example", &effective, &err), 0,
	       "a member is evicted while the clock is ahead");
	sim_run(&s, 2000);
	back_s = 0;
	is_int(sim_admit(s.gcks, "video", "a.example", &err), 0,
	       "the member is admitted when the clock is right again");
	sim_down(a);
	sim_up(a);
	ok(sim_settle(&s, 20000), "the member that was admitted is back");
	a->engine->ops.grant_answer = on_grant_answer;
	now = (uint64_t)s.clock.wall(s.clock.ctx);
	ask(a, "video", false);
	is_int(seen_of(a)->verified, 0, "the member has a grant that is sound");
	is_int(seen_of(a)->grant.issued, seen[2].at + 1,
	       "the grant of a member that is back is later than its removal");
	ok(seen_of(a)->grant.expires >= now + 600 &&
		   seen_of(a)->grant.expires <= now + 601,
	   "the grant ends ten minutes from now, whatever the clock was before");
	sim_finish(&s, "a group with a clock that was ahead");
}

/* A member claims its identity in letters that its certificate does not have. */
static void test_letters(void)
{
	begin(10, "r.example");
	sim_down(a);
	sim_up(a);
	id_set(&a->engine->cfg.id, IKE_ID_FQDN, "A.eXample", 9);
	ok(sim_settle(&s, 20000), "the member in other letters is in");
	a->engine->ops.grant_answer = on_grant_answer;
	ask(a, "video", false);
	is_int(seen_of(a)->verified, 0,
	       "the member in other letters has a grant");
	ok(seen_of(a)->grant.member.len == 9 &&
		   !memcmp(seen_of(a)->grant.member.data, "a.example", 9),
	   "the grant has the identity in small letters");
	sim_finish(&s, "a group with other letters");
}

int main(void)
{
	RUN(test_given);
	RUN(test_failed);
	RUN(test_refused);
	RUN(test_ended);
	RUN(test_crowd);
	RUN(test_lost_relay);
	RUN(test_clock_back);
	RUN(test_clock_ahead);
	RUN(test_letters);
	return done();
}
