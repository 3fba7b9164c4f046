// SPDX-License-Identifier: Apache-2.0
/*
 * Detection of another party that rekeys the group. An attacker with the key
 * server's store and seal key can sign GSA_REKEYs, but does not have the key
 * server's certificate.
 *
 * The key server sends nothing but copies over a Rekey SA that it has replaced.
 * Any other message over a replaced one, such as a beat, shows that the
 * replacement may not have been the key server's. The same holds for old or
 * badly signed messages over the Rekey SA in use: the attacker may have used up
 * Message IDs, or introduced another signing key. Message IDs prove nothing, as
 * the attacker chooses them; accepted messages are known by digest.
 *
 * Such a header is not authenticated, so it makes the member ask once. The
 * answer proves the attack if it has the Rekey SA that was replaced before the
 * request, another Data SA or signing key for the one in use, or a Message ID
 * below one that was accepted. What the forged message brought is then deleted,
 * and the key server gets a report. The attacker also knows the SPIs that the
 * key server will use next; the same SPI with another key is therefore a proof
 * as well, and a message that does not open under it a reason to ask.
 *
 * From then on the signing key authenticates nothing, and Message IDs may be
 * used up. Until the key server provides another key, by a reset of the group,
 * no message to the rekey address is followed. Such messages cause requests at
 * a limited rate, each of them one, and use up no Message IDs.
 */
#include <string.h>

#include "lib/log.h"
#include "lib/util.h"
#include "member/mgroup.h"

/*
 * Interval of requests while the signing key is not trusted, since its thief
 * can send at any rate. It grows, because each request of a sender uses up
 * Sender-IDs.
 */
#define DISTRUST_MS 10000u
#define DISTRUST_MAX_MS 60000u
/* Beats within which the key server's next message over its Rekey SA is due. */
#define FORGET_BEATS 3u
/*
 * Copies of a message may arrive for so long after a message with a higher
 * Message ID: the key server repeats the second message of an exclusion until
 * 3 seconds after the first one.
 */
#define OVERTAKEN_MS 5000u
/* Message IDs after which a member asks again about messages that do not fit. */
#define ROUND_MIDS 64u
/* Interval of retries of the report to the key server. */
#define RIVAL_REPORT_MS 10000u

/* Get the name of the signing key of the Rekey SA in use. */
static void key_name(const struct mgroup *g, char buf[static SIGPUB_NAME_LEN])
{
	const struct mrekey *rk = TAILQ_FIRST(&g->rekeys);

	buf[0] = '\0';
	if (rk && rk->rs.pub)
		sigpub_name(rk->rs.pub, buf);
}

static struct former *find_former(struct mgroup *g, const uint8_t *spi)
{
	unsigned int i, n = g->n_former;
	struct former *f;

	for (i = 0; i < FORMER_MAX && i < n; i++) {
		f = &g->former[(n - 1 - i) % FORMER_MAX];
		if (!memcmp(f->spi, spi, sizeof(f->spi)))
			return f;
	}
	return NULL;
}

static uint64_t short_digest(const uint8_t *p, size_t len)
{
	struct iovec iov = { (void *)p, len };
	uint8_t d[HASH_SHA256_LEN] = { 0 };
	uint64_t v;

	hash_sha256(&iov, 1, d);
	memcpy(&v, d, sizeof(v));
	return v;
}

/*
 * Return true if @mid was overtaken a short time ago. Each Message ID is in one
 * gap at most, whose time does not change, so a thief that goes on to use up
 * Message IDs does not prolong that time.
 */
static bool is_overtaken(const struct accepted *a, uint32_t mid, uint64_t now)
{
	const struct mid_gap *gap;
	unsigned int i;

	for (i = 0; i < a->n_gaps && i < GAPS_MAX; i++) {
		gap = &a->gaps[i];
		if (mid >= gap->first && mid < gap->end)
			return now - gap->at_ms < OVERTAKEN_MS;
	}
	return false;
}

static bool is_known(const struct accepted *a, uint64_t d)
{
	unsigned int i;

	for (i = 0; i < a->n && i < ACCEPTED_MAX; i++)
		if (a->v[i] == d)
			return true;
	return false;
}

/*
 * Return true if the message is one of the key server's, so it is no sign of a
 * rival.
 */
static bool is_from_gcks(const struct accepted *a, uint64_t now,
			 const uint8_t *p, size_t len)
{
	uint32_t mid = rekey_peek_mid(p);

	return mid < a->initial_mid || is_overtaken(a, mid, now) ||
	       is_known(a, short_digest(p, len));
}

void rival_accepted(struct mrekey *rk, uint32_t expected, const uint8_t *p,
		    size_t len)
{
	struct accepted *a = &rk->accepted;
	uint32_t next = rk->rs.next_mid;
	uint64_t d = short_digest(p, len);

	a->last = d;
	a->before = expected;
	/* A fragment leaves the next Message ID as it was. */
	if (next > expected && next - 1 > expected)
		a->gaps[a->n_gaps++ % GAPS_MAX] = (struct mid_gap){
			.first = expected,
			.end = next - 1,
			.at_ms = mgroup_now(rk->g),
		};
	/* Copies of fragments come until the message is complete. */
	if (!is_known(a, d))
		a->v[a->n++ % ACCEPTED_MAX] = d;
}

void rival_requested(struct mgroup *g)
{
	struct mrekey *rk = TAILQ_FIRST(&g->rekeys);

	if (rk)
		rk->requested_mid = rk->rs.next_mid;
}

void rival_replaced(struct mgroup *g, const struct mrekey *rk)
{
	struct former *f = &g->former[g->n_former++ % FORMER_MAX];

	/*
	 * More than FORMER_MAX replacements within three beats: the entry that is
	 * overwritten may be the last genuine one, unless an answer has shown that
	 * its replacement was genuine.
	 */
	if (g->n_former > FORMER_MAX && g->has_server_time &&
	    f->at_ms >= g->upheld_ms &&
	    mgroup_now(g) - f->at_ms < FORGET_BEATS * MSEC_PER_SEC * g->beat)
		doubt_note(g, DOUBT_RIVAL);
	memset(f, 0, sizeof(*f));
	memcpy(f->spi, rk->rs.spi, sizeof(f->spi));
	f->at_ms = mgroup_now(g);
	f->accepted = rk->accepted;
	f->seq = g->next_seq;
}

void rival_other_sa(struct member *m, const uint8_t *p, size_t len)
{
	struct former *f;
	struct mgroup *g;

	TAILQ_FOREACH(g, &m->groups, all) {
		f = mgroup_is_in(g) ? find_former(g, p) : NULL;
		if (f && !is_from_gcks(&f->accepted, mgroup_now(g), p, len))
			doubt_once(g, DOUBT_RIVAL, ONCE_FORMER, f->spi,
				   sizeof(f->spi), 0);
	}
}

bool rival_data(const struct mrekey *rk, const struct gsa *gsa)
{
	return !gsa->has_rekey && flows_differ(rk, gsa);
}

bool rival_denied(struct mgroup *g, const struct gsa *gsa, uint64_t *seq)
{
	const struct former *f = find_former(g, gsa->rekey.spi);
	const struct mrekey *rk = TAILQ_FIRST(&g->rekeys);
	uint32_t mid;

	if (f && f->at_ms < g->asked_ms) {
		*seq = f->seq;
		return true;
	}
	if (!rk || rk->retired ||
	    memcmp(rk->rs.spi, gsa->rekey.spi, sizeof(rk->rs.spi)))
		return false;
	/* Message IDs that were used up prove nothing more once a theft is known. */
	mid = gsa->rekey.has & GSA_HAS_INITIAL_MID ? gsa->rekey.initial_mid : 0;
	if ((g->stolen_key[0] || mid >= rk->requested_mid) &&
	    !flows_differ(rk, gsa))
		return false;
	*seq = rk->seq;
	return true;
}

/*
 * Ask about the message with the digest @d, once: its copies must not delay the question
 * about another one.
 */
static void ask_about_rekey(struct mgroup *g, uint64_t d)
{
	uint64_t now = mgroup_now(g);
	uint32_t wait = DISTRUST_MS;

	if (g->conf->send)
		wait <<= g->n_distrust;
	if (wait > DISTRUST_MAX_MS)
		wait = DISTRUST_MAX_MS;
	if (g->distrust_ms && now - g->distrust_ms < wait)
		return;
	if (!doubt_once(g, DOUBT_RIVAL, ONCE_DISTRUSTED, &d, sizeof(d), 0))
		return;
	g->distrust_ms = now;
	if (g->n_distrust < 3)
		g->n_distrust++;
}

bool rival_repeats(const struct mrekey *rk, const uint8_t *p, size_t len)
{
	uint64_t d;

	if (!rk->g->stolen_key[0])
		return false;
	d = short_digest(p, len);
	return doubt_was_asked(rk->g, ONCE_DISTRUSTED, &d, sizeof(d));
}

bool rival_distrusts(struct mgroup *g, struct mrekey *rk,
		     const struct rekey_msg *msg)
{
	if (!g->stolen_key[0])
		return false;
	if (!msg->has_gsa || !flows_repeat(rk, &msg->gsa)) {
		/* A message that is not followed uses up no Message IDs. */
		rk->rs.next_mid = rk->accepted.before;
		rk->rs.spent = false;
		ask_about_rekey(g, rk->accepted.last);
	} else {
		doubt_received(g, 0);
	}
	return true;
}

/*
 * A message that does not open may be of another SA with the same SPI; an old
 * or badly signed one may be the key server's, after a forged one. A stranger
 * can make both. Only a holder of the signing key can use up Message IDs and
 * signing keys, and then another request is justified.
 */
void rival_rejected(struct mrekey *rk, enum rekey_rc rc, const uint8_t *p,
		    size_t len)
{
	if (rk->g->stolen_key[0]) {
		ask_about_rekey(rk->g, short_digest(p, len));
		return;
	}
	if (rc != REKEY_ICV && rc != REKEY_AUTH_BAD &&
	    (rc != REKEY_OLD ||
	     is_from_gcks(&rk->accepted, mgroup_now(rk->g), p, len)))
		return;
	doubt_once(rk->g, DOUBT_RIVAL, ONCE_UNOPENED, rk->rs.spi,
		   sizeof(rk->rs.spi),
		   rk->rs.next_mid / ROUND_MIDS + rk->n_signed);
}

/*
 * A report that cannot be queued is sent later, or with the next registration.
 */
static void report_rival(struct mgroup *g, struct ike_sa *sa)
{
	if (!g->unreported || !sa)
		return;
	if (ike_report_rival(sa, &g->idg, g->unreported_spi)) {
		timer_set(mgroup_tq(g), &g->report, RIVAL_REPORT_MS);
		return;
	}
	g->unreported = false;
	rival_cancel_report(g);
}

static void report_due(void *arg)
{
	struct mgroup *g = arg;

	report_rival(g, g->m->sa);
}

void rival_registered(struct mgroup *g, struct ike_sa *sa)
{
	char now[SIGPUB_NAME_LEN];

	g->upheld_ms = g->asked_ms;
	report_rival(g, sa);
	if (!g->stolen_key[0])
		return;
	key_name(g, now);
	/* Without a Rekey SA nothing tells whether the key is still in use. */
	if (!now[0] || !strcmp(now, g->stolen_key))
		return;
	group_info(g, "signing key changed: rekeys are followed again");
	g->stolen_key[0] = '\0';
	g->n_distrust = 0;
}

static bool same_keys(const struct rekey_sa *a, const struct rekey_sa *b)
{
	return !memcmp(a->gsk_e, b->gsk_e, sizeof(a->gsk_e)) &&
	       (!a->pub || !b->pub || sigpub_equal(a->pub, b->pub));
}

bool rival_clash(const struct mgroup *g, const struct mrekey *rk,
		 const struct ksa *ksa, unsigned int n, uint64_t *seq)
{
	const struct mrekey *old;
	const struct msa *s;
	unsigned int i;

	TAILQ_FOREACH(old, &g->rekeys, all) {
		if (!rk ||
		    memcmp(old->rs.spi, rk->rs.spi, sizeof(rk->rs.spi)) ||
		    same_keys(&old->rs, &rk->rs))
			continue;
		*seq = old->seq;
		return true;
	}
	for (i = 0; i < n; i++) {
		s = msa_find(g, ksa[i].spi);
		if (!s || !msa_differs(s, &ksa[i]))
			continue;
		*seq = s->since;
		return true;
	}
	return false;
}

static bool has_data_spi(const struct gsa *gsa, uint32_t spi)
{
	unsigned int i;

	for (i = 0; i < gsa->n_data; i++)
		if (get_unaligned_be32(gsa->data[i].spi) == spi)
			return true;
	return false;
}

void rival_undo(struct mgroup *g, struct ike_sa *sa, const struct gsa *gsa,
		uint64_t seq)
{
	uint32_t ours = get_unaligned_be32(gsa->data[0].spi), theirs = ours;
	struct msa *s, *next;

	g->rivals++;
	for (s = TAILQ_FIRST(&g->sas); s; s = next) {
		next = TAILQ_NEXT(s, all);
		if (s->seq <= seq || has_data_spi(gsa, s->spi))
			continue;
		theirs = s->spi;
		msa_delete(s);
	}
	early_drop(g);
	g->n_former = 0;
	g->n_asked = 0;
	key_name(g, g->stolen_key);
	if (theirs != ours)
		group_err(g,
			  "forged rekey: Data SA " SPI_FMT
			  " was not from the key server, back to " SPI_FMT,
			  theirs, ours);
	else
		group_err(g,
			  "forged rekey: SAs installed with Data SA " SPI_FMT
			  " were not from the key server",
			  ours);
	g->unreported = true;
	g->unreported_spi = theirs;
	report_rival(g, sa);
}

void rival_init(struct mgroup *g)
{
	timer_init(&g->report, report_due, g);
}

void rival_cancel_report(struct mgroup *g)
{
	timer_del(mgroup_tq(g), &g->report);
}
