// SPDX-License-Identifier: Apache-2.0
/*
 * Members that register again: what they get, what is stored of it, and what the
 * others notice.
 */
#include <errno.h>

#include "gcks/gmc.h"
#include "gcks/group.h"
#include "gcks/group_time.h"
#include "gcks/lkh.h"
#include "gcks/policy.h"
#include "group_finish.h"
#include "group_sim.h"
#include "ike/sa.h"
#include "member/mgroup.h"
#include "tap.h"
#include "wire/proto.h"

#define HOUR 3600000u

static struct sim s;
static struct sim_member *tx, *a, *b;
static struct err err;
static enum gike_when reported;
static bool as_report, as_used_up;
static uint64_t serial; /* the last request's IKE SA */

/*
 * A report comes in the place of the next request, if as_report says so, or the
 * request says that the Data SA is used up.
 */
static enum gike_when note_when(void *ctx, struct ike_sa *sa,
				const struct gike_req *req,
				struct gike_reply *reply)
{
	struct gike_req r = *req;
	enum gike_when when;

	(void)ctx;
	serial = ike_sa_serial(sa);
	if (as_report)
		r.report = GIKE_N_REGISTRATION_FAILED;
	as_report = false;
	r.used_up |= as_used_up;
	as_used_up = false;
	when = gcks_group_request(s.gcks, sa, &r, reply);
	if (r.report)
		reported = when;
	return when;
}

static struct group *group(void)
{
	return TAILQ_FIRST(&s.gcks->groups);
}

/* The store wants to hear of the next registration of each member. */
static void store_next(void)
{
	struct htab_walk w = { 0 };
	struct gmember *gm;

	while ((gm = gmc_each(group(), &w)))
		gm->unstored_s += HOUR / 1000;
}

static void up(void)
{
	struct sim_three three = sim_start_three(&s, true, 20000, 0);

	tx = three.tx;
	a = three.a;
	b = three.b;
	store_next();
}

static struct gmember *member(const struct sim_member *m)
{
	struct gmember *gm = gmc_find(group(), m->name);

	if (!gm)
		bail("%s is no member", m->name);
	return gm;
}

static void ask(struct sim_member *m)
{
	register_now(TAILQ_FIRST(&m->m->groups));
	sim_run(&s, 200);
}

/* Let @m report that it leaves, though it keeps its keys. */
static void report(struct sim_member *m)
{
	s.engine->ops.group_request = note_when;
	as_report = true;
	ask(m);
	if (!member(m)->more->leaving)
		bail("%s does not leave", m->name);
}

static void rekeyed(void *arg, int ret, uint32_t effective_ms, const char *why)
{
	(void)arg;
	(void)effective_ms;
	is_int(ret, 0, "a rekey is done: %s", why);
}

/* Ask while a rekey is in flight, so that one transaction stores what all ask for. */
static void ask_together(struct sim_member *const *m, unsigned int n)
{
	unsigned int i;

	s.store_ms = 100;
	gcks_rekey(s.gcks, "video", rekeyed, NULL);
	for (i = 0; i < n; i++)
		register_now(TAILQ_FIRST(&m[i]->m->groups));
	sim_run(&s, 900);
}

/* Kill the key server, and start it again. */
static void restart(void)
{
	sim_gcks_down(&s);
	sim_gcks_up(&s);
}

/* Return the ID of the key of @m's leaf. */
static uint32_t leaf_id(const struct sim_member *m)
{
	struct lkh_wraps w;
	uint32_t id;

	if (lkh_path(group()->tree, member(m)->leaf, &w) || !w.n)
		bail("no path of %s", m->name);
	id = w.v[w.n - 1].id;
	lkh_wraps_free(&w);
	return id;
}

/* ---- receivers ---------------------------------------------------------- */

/* Whole seconds of the key server's clock count. */
static void to_next_second(void)
{
	sim_run(&s, 1000 - s.ms % 1000);
}

static void test_stored_once(void)
{
	struct gcks_group_status before, after;
	unsigned int changes;
	uint64_t version;
	int64_t stored;

	sim_init_rare(&s, 1);
	up();
	before = sim_group(&s);
	changes = s.changes;
	version = group()->st.version;
	to_next_second();
	ask(a);
	is_int(s.changes - changes, 1, "a registration is stored");
	is_int(group()->st.version, version + 1,
	       "a registration is the next version");
	stored = gmember_stored(member(a));
	ask(a);
	is_int(s.changes - changes, 1,
	       "the same one is not stored again in that second");
	sim_run(&s, 3590000);
	changes = s.changes;
	ask(a);
	is_int(s.changes - changes, 0,
	       "the same one is not stored within an hour either");
	is_int(gmember_stored(member(a)), stored, "the record is the old one");
	ok(member(a)->registered >= stored + 3590,
	   "the time of the one that is not stored is known");
	sim_run(&s, 10000);
	changes = s.changes;
	ask(a);
	is_int(s.changes - changes, 1, "a registration after that is stored");
	ok(gmember_stored(member(a)) >= stored + 3600,
	   "a registration is stored with its time");
	after = sim_group(&s);
	is_int(after.registrations - before.registrations, 4,
	       "all four are counted");
	is_int(after.refused, 0, "none is refused");
	is_int(after.rekeys, before.rekeys, "no key changes");
	sim_finish(&s, "stored once");
}

/* A request that was stored lately is not stored again, but its IKE SA counts. */
static void test_newer_ike_sa(void)
{
	unsigned int changes;
	uint64_t first;

	sim_init_rare(&s, 14);
	up();
	s.engine->ops.group_request = note_when;
	ask(a);
	first = serial;
	changes = s.changes;
	sim_down(a);
	sim_up(a);
	if (!sim_settle(&s, 3000))
		bail("a is not in");
	is_int(s.changes - changes, 0,
	       "the same registration over another IKE SA is not stored");
	ok(serial != first, "the IKE SA is another one");
	is_int(member(a)->sa_serial, serial,
	       "a report over the IKE SA of before would be ignored");
	sim_finish(&s, "newer IKE SA");
}

/* Keys whose time is over are given to nobody, even before they are replaced. */
static void test_over(bool rekey_sa)
{
	const char *what = rekey_sa ? "Rekey SA" : "Data SA";
	struct gkey *key;
	uint32_t spi;

	sim_init_rare(&s, 11 + rekey_sa);
	up();
	spi = sim_group(&s).data_spi;
	key = rekey_sa ? &group()->st.rekey : &group()->st.data[0].key;
	key->made -= key->lifetime;
	ask(a);
	ok(sim_group(&s).data_spi != spi, "%s: the key server makes new keys",
	   what);
	is_int(sim_group(&s).leaves, 0, "%s: the member goes on", what);
	sim_run(&s, 20000);
	is_int(sim_out_of_step(&s), 0, "%s: all are in step", what);
	sim_finish(&s, what);
}

/* ---- senders ------------------------------------------------------------ */

static void test_sids_stored(void)
{
	struct gcks_group_status before, after;
	uint32_t first;

	sim_init_rare(&s, 2);
	up();
	before = sim_group(&s);
	first = sim_status(tx).first_sender_id;
	ask(tx);
	after = sim_group(&s);
	ok(after.next_sender_id > before.next_sender_id,
	   "a sender takes Sender-IDs");
	ok(sim_status(tx).first_sender_id >= before.next_sender_id &&
		   sim_status(tx).first_sender_id != first,
	   "the Sender-IDs are fresh");
	is_int(after.data_spi, before.data_spi, "under the same key");
	restart();
	is_int(sim_group(&s).next_sender_id, after.next_sender_id,
	       "a key server that was killed knows that they are taken");
	sim_run(&s, 20000);
	is_int(sim_out_of_step(&s), 0, "all are in step");
	sim_finish(&s, "Sender-IDs");
}

/* Two senders ask at once, and there are Sender-IDs for both. */
static void test_sids_for_both(void)
{
	struct gcks_group_status before, after;
	struct sim_member *m[2];

	sim_init_rare(&s, 15);
	s.store_ms = 5;
	up();
	m[0] = tx;
	m[1] = sim_add(&s, "s2.example", true, true);
	sim_up(m[1]);
	if (!sim_settle(&s, 30000))
		bail("the second sender is not in");
	sim_run(&s, 20000);
	before = sim_group(&s);
	ask_together(m, 2);
	after = sim_group(&s);
	is_int(after.registrations - before.registrations, 2,
	       "two senders are answered together");
	is_int(after.next_sender_id - before.next_sender_id,
	       sim_status(m[0]).n_sender_ids + sim_status(m[1]).n_sender_ids,
	       "each of two senders has other Sender-IDs");
	sim_run(&s, 20000);
	is_int(sim_group(&s).rekeys, before.rekeys + 1,
	       "no key changes for senders that ask at once");
	is_int(sim_out_of_step(&s), 0, "all are in step");
	sim_finish(&s, "Sender-IDs for both");
}

/* Two senders ask at once, and there are Sender-IDs for one of them. */
static void test_sids_for_one(void)
{
	struct sim_member *m[2];
	unsigned int i;

	sim_init_rare(&s, 3);
	s.cg.sender_id_bits = 8;
	s.cg.max_sender_ids = 100;
	s.store_ms = 5;
	up();
	for (i = 0; i < 2; i++) {
		m[i] = sim_add(&s, i ? "s3.example" : "s2.example", true, true);
		m[i]->cg.sender_ids = 100;
		sim_up(m[i]);
		if (!sim_settle(&s, 30000))
			bail("the senders are not in");
		sim_run(&s, 20000);
	}
	ok(sim_group(&s).next_sender_id < 256, "some Sender-IDs are left");
	ask_together(m, 2);
	ok(sim_group(&s).next_sender_id <= 256, "the last Sender-ID is 255");
	sim_run(&s, 60000);
	ok(sim_group(&s).next_sender_id <= 256, "no Sender-ID has 9 bits");
	for (i = 0; i < 2; i++)
		ok(sim_in(m[i]) && sim_status(m[i]).first_sender_id < 256 &&
			   sim_status(m[i]).n_sender_ids > 0,
		   "%s has Sender-IDs", m[i]->name);
	is_int(sim_out_of_step(&s), 0, "all are in step");
	sim_finish(&s, "Sender-IDs for one");
}

/* ---- renewals ----------------------------------------------------------- */

static void test_renewal_stored(void)
{
	uint32_t leaf, other;
	uint64_t term;

	sim_init_rare(&s, 4);
	s.cg.membership_lifetime = 4 * 3600;
	up();
	leaf = leaf_id(a);
	other = leaf_id(b);
	term = member(a)->term_ms;
	ask(a);
	is_int(leaf_id(a), leaf, "a member that has hours left is not renewed");
	sim_run(&s, HOUR + HOUR / 8);
	leaf = leaf_id(a);
	term = member(a)->term_ms;
	other = leaf_id(b);
	if (member(a)->renewed || s.ms + 3 * HOUR > term + HOUR)
		bail("a has renewed by itself");
	ask(a);
	ok(leaf_id(a) != leaf, "a member that renews has another leaf key");
	ok(member(a)->term_ms > term + HOUR, "the membership lasts longer");
	ok(member(a)->renewed, "the keys above it are to be replaced");
	leaf = leaf_id(a);
	s.store_errno = -ENOSPC;
	is_int(sim_rekey(s.gcks, "video", &err), -ENOSPC, "a rekey fails");
	s.store_errno = 0;
	is_int(leaf_id(a), leaf, "a rekey that fails undoes no renewal");
	is_int(leaf_id(b), other, "the leaf key of another member stays");
	leaf = leaf_id(a);
	term = member(a)->term_ms;
	restart();
	is_int(leaf_id(a), leaf,
	       "a key server that was killed has the leaf key");
	ok(member(a)->term_ms == term,
	   "a key server that was killed knows how long the membership is");
	ok(member(a)->renewed,
	   "a key server that was killed replaces the keys above the leaf");
	sim_run(&s, 20000);
	is_int(sim_out_of_step(&s), 0, "all are in step");
	sim_finish(&s, "renewal");
}

/* ---- leaves ------------------------------------------------------------- */

/* The member is back before its leave was carried out. */
static void test_back_again(bool soon)
{
	const char *how = soon ? "soon" : "late";
	struct sim_member *c;
	uint64_t rekeys;

	sim_init_rare(&s, 5 + soon);
	s.cg.batch_leave_ms = 30000;
	up();
	c = sim_add(&s, "c.example", false, true);
	if (soon)
		ask(a);
	rekeys = sim_group(&s).rekeys;
	report(a);
	ask(a);
	ok(sim_in(a) && !member(a)->more->leaving, "%s: who is back stays",
	   how);
	is_int(group()->n_leaving, 0, "%s: nobody is to leave", how);
	s.cg.max_members = 3;
	/* The request is refused at once, and not by the batch. */
	s.cg.batch_join_ms = 60000;
	if (sim_reload(&s, &err))
		bail("%s", err.text);
	sim_up(c);
	sim_run(&s, 2000);
	is_int(c->notify, GIKE_N_REGISTRATION_FAILED,
	       "%s: the place of who is back is not free", how);
	sim_down(c);
	sim_run(&s, 60000);
	ok(sim_has_member(&s, "a.example"), "%s: the leave is forgotten", how);
	is_int(sim_group(&s).rekeys, rekeys, "%s: no key changes", how);
	is_int(sim_out_of_step(&s), 0, "%s: all are in step", how);
	sim_finish(&s, how);
}

/* A member that was about to leave has lost its SAs: it gets others, and stays. */
static void test_back_for_keys(void)
{
	struct gcks_group_status before, after;

	sim_init_rare(&s, 16);
	s.cg.batch_leave_ms = 30000;
	up();
	before = sim_group(&s);
	report(a);
	as_used_up = true;
	ask(a);
	ok(!member(a)->more->leaving,
	   "a member that asks for other keys does not leave");
	is_int(group()->n_leaving, 0, "nobody who asks for keys is to leave");
	sim_run(&s, 60000);
	after = sim_group(&s);
	is_int(after.rekeys - before.rekeys, 1, "one change brings the keys");
	is_int(after.joins - before.joins, 0, "nobody joins");
	is_int(after.leaves - before.leaves, 0, "nobody leaves");
	is_int(sim_out_of_step(&s), 0, "all are in step with who is back");
	sim_finish(&s, "back for keys");
}

/*
 * A receiver that needs other keys is put off. Its next request gets these, whatever
 * its pace; the one after that is paced.
 */
static void test_owed_once(void)
{
	unsigned int i;

	sim_init_rare(&s, 17);
	up();
	s.engine->ops.group_request = note_when;
	if (sim_rekey(s.gcks, "video", &err))
		bail("%s", err.text);
	sim_run(&s, 200);
	as_used_up = true;
	ask(a);
	is_int(sim_log_count(&s, "put off"), 1, "the request is put off");
	for (i = 0; i < 10000 && !member(a)->keys_pending; i++)
		sim_run(&s, 1);
	ok(member(a)->keys_pending,
	   "the next request gets what this one was for");
	sim_run(&s, 2000);
	ok(!member(a)->keys_pending,
	   "the request after the next is one of its own");
	is_int(sim_out_of_step(&s), 0, "all are in step after that");
	sim_finish(&s, "owed");
}

/* A member that leaves hears so when it is out. */
static void test_leave_answered(void)
{
	sim_init_rare(&s, 7);
	s.store_ms = 5;
	up();
	s.engine->ops.group_request = note_when;
	s.store_ms = 200;
	reported = GIKE_NOW;
	member_leave(a->m, NULL);
	sim_run(&s, 100);
	is_int(reported, GIKE_LATER, "the answer waits for the store");
	sim_run(&s, 5000);
	ok(!sim_has_member(&s, "a.example"), "a is out");
	ok(sim_logged(&s, "report received: \"a.example\""),
	   "the log has the report of a member that leaves");
	sim_finish(&s, "leave");
}

/* ---- refusals ----------------------------------------------------------- */

static void test_key_wrap(void)
{
	uint16_t other = GIKE_KWA_5649_128;

	sim_init_rare(&s, 8);
	up();
	/* IKE SAs have the algorithm that all groups had when they began. */
	s.cg.kwa = s.cg.kwa == other ? GIKE_KWA_5649_256 : other;
	group()->policy->conf.kwa = s.cg.kwa;
	a->notify = 0;
	ask(a);
	is_int(a->notify, IKE_N_NO_PROPOSAL_CHOSEN,
	       "an IKE SA of another key wrap algorithm brings no keys");
	ok(sim_logged(&s, "key wrap algorithm of its IKE SA"),
	   "the log names the key wrap algorithm");
	sim_free(&s);
}

/* A sender that asks too often, at the end of its membership. */
static void test_refused_at_the_end(void)
{
	uint64_t now, refused;
	unsigned int i;

	sim_init_rare(&s, 9);
	s.cg.membership_lifetime = 3600;
	up();
	for (i = 0; i < 20 && !sim_group(&s).refused; i++)
		ask(tx);
	ok(sim_group(&s).refused, "a sender that asks all the time is refused");
	ok(sim_has_member(&s, "s.example"),
	   "a sender that is refused is still a member");
	/* A member that is refused at the end gets time for another try. */
	now = gkm_time_ms(group());
	member(tx)->term_ms = now + 1000;
	ask(tx);
	ok(member(tx)->term_ms >= now + 60000,
	   "the membership does not end with the refusal");
	s.cg.batch_leave_ms = 30000;
	if (sim_reload(&s, &err))
		bail("%s", err.text);
	report(tx);
	refused = sim_group(&s).refused;
	ask(tx);
	is_int(sim_group(&s).refused, refused + 1, "the sender is refused");
	ok(!member(tx)->more->leaving,
	   "a member that asks does not leave any more");
	sim_free(&s);
}

/*
 * The store takes long for another change when a member is about to end. A member is told
 * when to ask again, unless it needs other keys, which it would take for known then.
 */
static void test_sent_away(bool used_up)
{
	uint64_t asked_ms;

	sim_init_rare(&s, 18);
	s.cg.membership_lifetime = 3600;
	s.store_ms = 5;
	up();
	s.store_ms = 10000;
	gcks_rekey(s.gcks, "video", rekeyed, NULL);
	s.store_ms = 5;
	asked_ms = gkm_time_ms(group());
	member(a)->term_ms = asked_ms + 10000;
	a->notify = 0;
	TAILQ_FIRST(&a->m->groups)->used_up = used_up;
	ask(a);
	sim_run(&s, 3700);
	is_int(a->notify, 0, "a request waits for a store that is busy");
	sim_run(&s, 200);
	is_int(a->notify, used_up ? GIKE_N_REGISTRATION_FAILED : 0,
	       "a request that has waited for 4 s is sent away");
	is_int(sim_group(&s).refused, used_up, "one request is refused: %d",
	       used_up);
	is_int(TAILQ_FIRST(&a->m->groups)->put_off, !used_up,
	       "one request is put off: %d", !used_up);
	ok(member(a)->term_ms >= asked_ms + 4000 + 120000,
	   "a member that is sent away has time for another try");
	sim_run(&s, 60000);
	is_int(sim_out_of_step(&s), 0,
	       "all are in step with who was sent away");
	sim_finish(&s, "sent away");
}

/* A sender that never becomes a member, since the store fails. */
static void test_newcomer_too_often(void)
{
	struct sim_member *m;
	unsigned int i;

	sim_init_rare(&s, 13);
	up();
	m = sim_add(&s, "s2.example", true, false);
	s.store_errno = -ENOSPC;
	sim_up(m);
	sim_run(&s, 1000);
	for (i = 0; i < 20; i++)
		ask(m);
	ok(sim_logged(&s, "\"s2.example\": asks for Sender-IDs too often"),
	   "a newcomer that asks all the time is refused");
	s.store_errno = 0;
	ok(sim_settle(&s, 900000),
	   "the newcomer is let in when the store is well");
	is_int(sim_out_of_step(&s), 0, "all are in step with the newcomer");
	sim_finish(&s, "newcomer");
}

int main(void)
{
	RUN(test_stored_once);
	RUN(test_newer_ike_sa);
	RUN(test_over, false);
	RUN(test_over, true);
	RUN(test_sids_stored);
	RUN(test_sids_for_both);
	RUN(test_sids_for_one);
	RUN(test_renewal_stored);
	RUN(test_back_again, false);
	RUN(test_back_again, true);
	RUN(test_back_for_keys);
	RUN(test_owed_once);
	RUN(test_leave_answered);
	RUN(test_key_wrap);
	RUN(test_refused_at_the_end);
	RUN(test_sent_away, false);
	RUN(test_sent_away, true);
	RUN(test_newcomer_too_often);
	return done();
}
