// SPDX-License-Identifier: Apache-2.0
/*
 * Checks of a member on inband rekeys, and on the answers that begin them: bad
 * policies and keys, Deletes of each form, other groups and other IKE SAs.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "group_finish.h"
#include "group_inband.h"
#include "group_sim.h"
#include "member/mgroup.h"
#include "wire/proto.h"
#include "lib/util.h"
#include "tap.h"

static struct sim s;
static struct sim_member *tx, *a, *m;

static void usual(uint64_t seed)
{
	tx = sim_inband_start(&s, seed, 2, true);
	a = s.m[1];
	m = s.m[3];
	sim_run(&s, 60000);
}

static struct mgroup *group_of(const struct sim_member *who)
{
	return TAILQ_FIRST(&who->m->groups);
}

/* ---- keys ----------------------------------------------------------------- */

static struct gike_inband altered;
static unsigned int n_calls;

#define REFUSED(change, code, what, reason) \
	do { \
		struct err err = {}; \
		altered = *msg; \
		change; \
		is_int(install_inband(group_of(who), who->m->sa, &altered, \
				      &err), \
		       code, "%s: refused", what); \
		ok(strstr(err.text, reason), "%s: the reason is given: %s", \
		   what, err.text); \
		ok(!sim_inband_current(who), "%s: no key is installed", what); \
	} while (0)

static void bad_keys(struct sim *sim, struct sim_member *who,
		     struct gike_inband *msg)
{
	struct mgroup *g = group_of(who);
	struct kd_key *key = &msg->kd.bags[0].keys[0];
	uint64_t rekeys = g->n_rekeys, inband = g->n_inband;
	struct kd_key was = *key;
	struct err err = {};

	if (who != a)
		return;
	sim->inband = NULL;
	n_calls++;
	REFUSED(addr_parse("239.9.9.9", &altered.gsa.data[0].dst.lo);
		altered.gsa.data[0].dst.hi = altered.gsa.data[0].dst.lo,
		-EPROTO, "keys for other traffic", "configured is");
	ok(sim_status(who).keyed_sel,
	   "the status tells what the key server keys instead");
	REFUSED(altered.transport = false, -EPROTO, "keys for tunnel mode",
		"configured is transport");
	REFUSED(altered.gsa.data[0].encr = IKE_ENCR_NULL_AUTH_AES_GMAC, -EPROTO,
		"keys without encryption", "another algorithm");
	REFUSED(altered.gsa.data[0].has &= ~GSA_HAS_LIFETIME, -EPROTO,
		"keys without an end", "without GSA_KEY_LIFETIME");
	REFUSED(altered.gsa.gw.made_ms = g->applied_ms - 1, -ESTALE,
		"keys from before", "newer keys are installed");
	key->enc[3] ^= 1;
	REFUSED(, -EPROTO, "a damaged key", "did not unwrap");
	*key = was;
	who->mk.fail_add = -ENOMEM;
	REFUSED(, -ENOMEM, "a kernel without memory", "");
	is_int(g->n_rekeys, rekeys, "refused rekeys are not counted");
	/* The same keys may come twice, made in one millisecond. */
	is_int(install_inband(g, who->m->sa, msg, &err), 0,
	       "the keys as they came are taken");
	is_int(install_inband(g, who->m->sa, msg, &err), 0,
	       "a repetition is no error");
	is_int(g->n_rekeys, rekeys + 2, "both are counted as rekeys");
	is_int(g->n_inband, inband + 2, "both are counted as inband ones");
	is_int(sim_status(who).n_sas, 2, "a repetition installs nothing");
}

static void no_sender_id(struct sim *sim, struct sim_member *who,
			 struct gike_inband *msg)
{
	struct mgroup *g = group_of(who);
	struct sids was = g->sids;

	if (who != tx)
		return;
	sim->inband = NULL;
	n_calls++;
	g->sids.n = 0;
	REFUSED(, -ENOENT, "a sender without Sender-IDs", "no Sender-ID held");
	g->sids = was;
}

static void rekeys(void)
{
	usual(1);
	s.inband = bad_keys;
	sim_inband_rekey(&s);
	sim_run(&s, 20000);
	s.inband = no_sender_id;
	sim_inband_rekey(&s);
	sim_run(&s, 20000);
	is_int(n_calls, 2, "two rekeys came");
	is_int(sim_inband_lacking(&s), 0, "all have the Data SA");
	is_int(sim_status(a).registrations, 1,
	       "keys that are not delivered cause no registration");
	sim_finish(&s, __func__);
}

/* Deliver an altered rekey instead of the one that came. */
static void (*change)(struct sim_member *who, struct gike_inband *msg);

static void delivered(struct sim *sim, struct sim_member *who,
		      struct gike_inband *msg)
{
	if (who != a)
		return;
	sim->inband = NULL;
	change(who, msg);
}

static void made_before(struct sim_member *who, struct gike_inband *msg)
{
	msg->gsa.gw.made_ms = group_of(who)->applied_ms - 1;
}

static void cannot_use(struct sim_member *who, struct gike_inband *msg)
{
	(void)who;
	msg->unusable = "SN 99";
	msg->has_keys = false;
}

static void kernel_fails(struct sim_member *who, struct gike_inband *msg)
{
	(void)msg;
	who->mk.fail_add = -ENOMEM;
}

static void reactions(void)
{
	uint64_t n;

	usual(2);
	n = sim_status(a).registrations;
	s.inband = delivered;
	change = made_before;
	sim_inband_rekey(&s);
	sim_run(&s, 10000);
	is_int(sim_status(a).registrations, n,
	       "older keys cause no registration");
	sim_inband_rekey(&s);
	sim_run(&s, 40000);
	is_int(sim_inband_lacking(&s), 0,
	       "the next rekey brings it up to date");

	s.inband = delivered;
	change = cannot_use;
	sim_inband_rekey(&s);
	sim_run(&s, 400);
	ok(sim_logged(&s, "rekey rejected: SN 99"),
	   "a policy that cannot be used is logged");
	ok(sim_logged(&s,
		      "report received: \"r0.example\": NO_PROPOSAL_CHOSEN"),
	   "a policy that cannot be used is reported");
	sim_run(&s, 120000);
	is_int(sim_inband_lacking(&s), 0, "the reporter is back");

	n = sim_status(a).registrations;
	s.inband = delivered;
	change = kernel_fails;
	sim_inband_rekey(&s);
	sim_run(&s, 30000);
	is_int(sim_status(a).registrations, n + 1,
	       "keys that the kernel refuses cause a registration");
	is_int(sim_inband_lacking(&s), 0, "all have the Data SA");
	sim_finish(&s, __func__);
}

/* Keys that came in between make the member note the newest ones. */
static struct gike_inband kept;

static void keep(struct sim_member *who, struct gike_inband *msg)
{
	(void)who;
	kept.gsa = msg->gsa;
}

/* ---- Deletes, other groups, other IKE SAs --------------------------------- */

static void add_delete(struct gike_inband *msg, uint8_t proto, uint8_t len,
		       uint32_t spi)
{
	struct delete_pld *d = &msg->del[msg->n_del++];

	memset(d, 0, sizeof(*d));
	d->proto = proto;
	d->spi_len = len;
	d->n = len ? 1 : 0;
	if (len)
		put_unaligned_be32(spi, d->spi[0]);
}

static void take(struct sim_member *who, const char *group,
		 struct gike_inband *msg)
{
	struct ike_id idg;

	if (group)
		id_set(&idg, IKE_ID_KEY_ID, group, strlen(group));
	member_inband(who->m, who->m->sa, group ? &idg : NULL, msg);
}

static unsigned int n_retired(const struct sim_member *who)
{
	const struct msa *sa;
	unsigned int n = 0;

	TAILQ_FOREACH(sa, &group_of(who)->sas, all)
		n += sa->retired;
	return n;
}

static void rfc9838_2_4_3_forms(void)
{
	static struct gike_inband msg;
	uint64_t excluded;
	struct ike_id video;

	usual(3);
	sim_inband_rekey(&s);
	sim_run(&s, 1000);
	excluded = sim_status(a).excluded;

	memset(&msg, 0, sizeof(msg));
	take(a, "video", &msg);
	add_delete(&msg, IKE_PROTO_ESP, 4, 0);
	add_delete(&msg, GIKE_PROTO_GIKE_UPDATE, 16, 0);
	take(a, "audio", &msg);
	ok(sim_in(a), "a Delete for another group is not for this one");
	id_set(&video, IKE_ID_KEY_ID, "video", 5);
	member_inband(a->m, s.m[2]->m->sa, &video, &msg);
	ok(sim_in(a), "a Delete over another IKE SA is not taken");
	take(m, "video", &msg);
	ok(sim_in(m), "a member with a Rekey SA takes none");
	is_int(n_retired(a), 1, "nothing was deleted by these");

	memset(&msg, 0, sizeof(msg));
	add_delete(&msg, IKE_PROTO_ESP, 4, 0x12345678);
	take(a, "video", &msg);
	is_int(n_retired(a), 1, "an SPI that is not known deletes nothing");
	memset(&msg, 0, sizeof(msg));
	add_delete(&msg, GIKE_PROTO_GIKE_UPDATE, 16, 0x12345678);
	take(a, "video", &msg);
	is_int(n_retired(a), 1, "a Rekey SA that is not held deletes nothing");
	ok(sim_in(a), "Deletes of other SAs exclude nobody");

	memset(&msg, 0, sizeof(msg));
	add_delete(&msg, IKE_PROTO_ESP, 4, (uint32_t)sim_status(a).data_spi);
	take(a, "video", &msg);
	is_int(n_retired(a), 2, "a Data SA is deleted by its SPI");
	sim_inband_rekey(&s);
	sim_run(&s, 8000);
	ok(sim_inband_current(a), "a new Data SA came");
	memset(&msg, 0, sizeof(msg));
	add_delete(&msg, IKE_PROTO_ESP, 4, 0);
	take(a, "video", &msg);
	is_int(n_retired(a), sim_status(a).n_sas, "SPI 0 deletes all Data SAs");
	is_int(sim_status(a).excluded, excluded, "nobody was excluded yet");

	sim_inband_rekey(&s);
	sim_run(&s, 20000);
	memset(&msg, 0, sizeof(msg));
	add_delete(&msg, GIKE_PROTO_GIKE_UPDATE, 16, 0);
	take(a, NULL, &msg);
	is_int(sim_status(a).excluded, excluded + 1,
	       "SPI 0 of the Rekey SA excludes, also without a name");
	sim_run(&s, 60000);
	ok(sim_in(a), "the member is back");
	memset(&msg, 0, sizeof(msg));
	add_delete(&msg, 0, 0, 0);
	take(a, "video", &msg);
	is_int(sim_status(a).excluded, excluded + 2,
	       "a Delete of everything excludes");
	is_int(n_retired(a), sim_status(a).n_sas,
	       "a Delete of everything retires all Data SAs");
	sim_run(&s, 60000);
	is_int(sim_inband_lacking(&s), 0, "all have the Data SA");
	sim_finish(&s, __func__);
}

/* Only an exclusion makes the answer that is on its way out of date. */
static void while_registering(void)
{
	static struct gike_inband msg;
	struct mgroup *g;

	usual(4);
	g = group_of(a);
	s.inband = delivered;
	change = keep;
	sim_inband_rekey(&s);
	sim_run(&s, 20000);
	if (member_leave(a->m, NULL))
		bail("leave");
	sim_run(&s, 20000);
	a->offline = true;
	if (member_join(a->m, NULL))
		bail("join");
	is_int(g->state, MEMBER_REGISTERING, "the member registers");
	memset(&msg, 0, sizeof(msg));
	take(a, "video", &msg);
	ok(!g->changed, "an empty message changes nothing");
	add_delete(&msg, IKE_PROTO_ESP, 4, 0);
	take(a, "video", &msg);
	ok(!g->changed, "a Delete of Data SAs is no exclusion");
	add_delete(&msg, GIKE_PROTO_GIKE_UPDATE, 16, 7);
	take(a, "video", &msg);
	ok(!g->changed, "a Delete of another Rekey SA is no exclusion");
	add_delete(&msg, GIKE_PROTO_GIKE_UPDATE, 16, 0);
	take(a, "video", &msg);
	ok(g->changed, "a Delete of the Rekey SA is one");
	g->changed = false;
	msg.n_del = 0;
	add_delete(&msg, 0, 0, 0);
	take(a, "video", &msg);
	ok(g->changed, "a Delete of everything is one");
	g->changed = false;
	/* Without a name the second policy would match, if it were there. */
	memset(&msg, 0, sizeof(msg));
	msg.has_keys = true;
	msg.gsa = kept.gsa;
	msg.gsa.data[1] = msg.gsa.data[0];
	addr_parse("239.9.9.9", &msg.gsa.data[0].dst.lo);
	msg.gsa.data[0].dst.hi = msg.gsa.data[0].dst.lo;
	g->applied_ms = 0;
	take(a, NULL, &msg);
	is_int(g->applied_ms, 0, "keys for other traffic are not noted");
	a->offline = false;
	sim_run(&s, 60000);
	is_int(sim_inband_lacking(&s), 0, "all have the Data SA");

	/* An exclusion while a member registers again. */
	register_now(g);
	is_int(g->state, MEMBER_RENEWING, "the member registers again");
	memset(&msg, 0, sizeof(msg));
	add_delete(&msg, GIKE_PROTO_GIKE_UPDATE, 16, 0);
	take(a, "video", &msg);
	ok(g->changed, "the answer on its way is out of date");
	sim_run(&s, 60000);
	is_int(sim_inband_lacking(&s), 0, "all are back");
	sim_finish(&s, __func__);
}

/* ---- answers --------------------------------------------------------------- */

#define ANSWER_REFUSED(who, code, what, reason) \
	do { \
		struct err err = {}; \
		is_int(install_registration(group_of(who), (who)->m->sa, \
					    &policy, kd, true, &err), \
		       code, "%s: refused", what); \
		ok(strstr(err.text, reason), "%s: the reason is given: %s", \
		   what, err.text); \
	} while (0)

static struct gsa policy;

static void bad_answer(struct sim *sim, struct sim_member *who, struct gsa *gsa,
		       struct kd *kd)
{
	struct mgroup *g = group_of(who);
	struct kd_key *key = &kd->bags[0].keys[0];
	uint64_t was_ms = g->inband_ms, applied_ms = g->applied_ms;
	struct kd_key was = *key;
	uint32_t spi = get_unaligned_be32(gsa->data[0].spi);
	unsigned int n_ids = kd->n_sender_ids;
	struct sids ids = g->sids;
	struct err err = {};

	if (who != tx)
		return;
	sim->answer = NULL;
	n_calls++;
	policy = *gsa;
	addr_parse("239.9.9.9", &policy.data[0].dst.lo);
	policy.data[0].dst.hi = policy.data[0].dst.lo;
	ANSWER_REFUSED(who, -EPROTO, "an answer for other traffic",
		       "configured is");
	policy = *gsa;
	kd->n_sender_ids = 0;
	ANSWER_REFUSED(who, -EPROTO, "an answer without Sender-IDs",
		       "0 Sender-IDs for a sender");
	kd->n_sender_ids = n_ids;
	key->enc[3] ^= 1;
	ANSWER_REFUSED(who, -EPROTO, "an answer with a damaged key",
		       "did not unwrap");
	*key = was;
	tx->mk.fail_add = -ENOMEM;
	ANSWER_REFUSED(who, -ENOMEM, "an answer that the kernel refuses", "");
	ok(!memcmp(&g->sids, &ids, sizeof(ids)),
	   "the Sender-IDs of a refused answer are not kept");

	/* A rekey in the same millisecond as the request has overtaken it. */
	g->inband_ms = g->asked_ms;
	g->applied_ms = gsa->gw.made_ms + 1;
	ANSWER_REFUSED(who, -ESTALE, "an answer older than a rekey",
		       "overtaken");
	g->applied_ms = gsa->gw.made_ms;
	g->applied_spi[0] = spi + 1;
	ANSWER_REFUSED(who, -ESTALE,
		       "an answer as old as a rekey with other keys",
		       "overtaken");
	/* The following answers are as good as the one that came. */
	g->inband_ms = g->asked_ms - 1;
	g->applied_ms = gsa->gw.made_ms + 1;
	is_int(install_registration(g, who->m->sa, gsa, kd, true, &err), 0,
	       "a rekey from before the request does not matter");
	g->inband_ms = g->asked_ms;
	g->applied_ms = gsa->gw.made_ms - 1;
	g->applied_spi[0] = spi + 1;
	is_int(install_registration(g, who->m->sa, gsa, kd, true, &err), 0,
	       "an answer newer than a rekey is taken");
	policy = *gsa;
	policy.gw.has &= ~GWP_HAS_MADE;
	g->inband_ms = g->asked_ms;
	g->applied_ms = policy.gw.made_ms;
	g->applied_spi[0] = spi + 1;
	is_int(install_registration(g, who->m->sa, &policy, kd, true, &err), 0,
	       "an answer without a time is believed");
	policy = *gsa;
	policy.gw.has &= ~GWP_HAS_ATD;
	g->inband_ms = was_ms;
	g->atd = 7;
	is_int(install_registration(g, who->m->sa, &policy, kd, true, &err), 0,
	       "an answer without ATD is taken");
	is_int(g->atd, 0, "without ATD there is none");
	is_int(g->applied_ms, gsa->gw.made_ms,
	       "the time of the answer is noted");
	g->applied_ms = applied_ms;
}

static void answers(void)
{
	unsigned int calls = n_calls;

	usual(5);
	tx->offline = true;
	sim_inband_rekey(&s);
	sim_run(&s, 20000);
	tx->offline = false;
	s.answer = bad_answer;
	register_now(group_of(tx));
	sim_run(&s, 20000);
	is_int(n_calls, calls + 1, "an answer came");
	is_int(sim_inband_lacking(&s), 0, "all have the Data SA");

	/* The answer brings another Data SA: the former one ends after DTD. */
	a->offline = true;
	sim_inband_rekey(&s);
	sim_run(&s, 20000);
	a->offline = false;
	register_now(group_of(a));
	sim_run(&s, 40000);
	is_int(sim_inband_lacking(&s), 0, "the member is up to date");
	is_int(sim_status(a).n_sas, 1,
	       "the Data SA that the answer replaced has ended");

	/* Nothing of multicast rekeys is left. */
	ok(group_of(m)->wkp.n && group_of(m)->next_data[0].n,
	   "a member with a Rekey SA has a key path and announced SPIs");
	sim_inband_reload(m, true);
	early_store(group_of(m), (const uint8_t *)"early", 5);
	strcpy(group_of(m)->stolen_key, "another key");
	group_of(m)->unreported = true;
	sim_run(&s, 40000);
	ok(sim_status(m).inband, "the member is rekeyed inband");
	ok(!group_of(m)->wkp.n && !group_of(m)->next_data[0].n,
	   "a member that is rekeyed inband has neither");
	ok(!group_of(m)->n_early, "no early GSA_REKEY is kept any more");
	is_str(group_of(m)->stolen_key, "another key",
	       "a stolen signing key is remembered");
	ok(!group_of(m)->unreported, "a forged rekey of before is reported");
	sim_inband_reload(m, false);
	sim_run(&s, 40000);
	is_str(group_of(m)->stolen_key, "",
	       "a Rekey SA with another signing key is followed again");

	/* No IKE SA is found out at the next check. */
	group_of(a)->inband_sa = NULL;
	calls = (unsigned int)sim_status(a).registrations;
	sim_run(&s, 25000);
	is_int(sim_status(a).registrations, calls + 1,
	       "a member without IKE SA registers again at its next check");
	sim_finish(&s, __func__);
}

int main(void)
{
	RUN(rekeys);
	RUN(reactions);
	RUN(rfc9838_2_4_3_forms);
	RUN(while_registering);
	RUN(answers);
	return done();
}
