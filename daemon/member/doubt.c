// SPDX-License-Identifier: Apache-2.0
/*
 * Detection of missed rekeys. GSA_REKEY is not acknowledged, so a member must
 * notice by itself that it has missed one. It then asks the key server, after a
 * random delay: copies may still arrive, and other members may have missed the
 * same message.
 */
#include <string.h>

#include "lib/log.h"
#include "lib/util.h"
#include "member/mgroup.h"

/* Margin added to one beat after the links have changed. */
#define LINK_CHANGE_MS 1000
/* During lasting silence the member asks at growing intervals. */
#define SILENCE_MAX_MS 600000
#define SILENCE_SPREAD_MS 8000
/*
 * Anybody can send SPIs that were not announced. If the keys turn out to be
 * current the next such doubt comes after this time, then twice that, and so on.
 * Requests of a sender use up Sender-IDs, so its intervals are eight times as
 * long.
 */
#define STRAY_MS 10000
#define STRAY_MAX_MS 600000
#define STRAY_SENDER 8
/* Time in which a member that has the keys receives a packet by them. */
#define STRAY_WATCH_MS 500
/* Margin for senders that change over late. */
#define CHANGE_OVER_MS 1000

static const struct {
	const char *text;
	uint32_t wait_ms; /* until late copies have arrived */
	uint32_t spread_ms;
} doubts[DOUBT_MAX] = {
	[DOUBT_EARLY] = { "a rekey was missed", 700, 800 },
	[DOUBT_DATA] = { "no Data SA for the new Rekey SA received", 1000,
			 1000 },
	[DOUBT_ESP] = { "unknown Data SA in use", 0, 800 },
	[DOUBT_STRAY] = { "several rekeys may have been missed", 0, 800 },
	[DOUBT_SILENCE] = { "no rekey or beat received for three intervals", 0,
			    1000 },
	[DOUBT_OLD] = { "a rekey was older than the policy allows", 0, 1000 },
	/*
	 * A key server that starts with its clock set back makes all members doubt by its
	 * first beat. It brings no keys, so that nothing is lost by asking later.
	 */
	[DOUBT_OLD_BEAT] = { "a beat was older than the policy allows", 0,
			     SILENCE_SPREAD_MS },
	[DOUBT_RIVAL] = { "the rekeys may be forged", 0, 3000 },
	[DOUBT_TERM] = { "membership expired", 0, 1000 },
	[DOUBT_CHANGED] = { "the key server has changed the keys", 0, 200 },
};

const char *doubt_text(const struct mgroup *g)
{
	unsigned int i;

	for (i = 0; i < DOUBT_MAX; i++)
		if (g->doubts & 1u << i)
			return doubts[i].text;
	if (g->inband && !inband_sa_is_up(g))
		return "no IKE SA for inband rekeys";
	return NULL;
}

void doubt_note(struct mgroup *g, enum doubt d)
{
	uint32_t wait = doubts[d].wait_ms + member_random(doubts[d].spread_ms);

	if (!mgroup_is_in(g))
		return;
	if (!g->doubts)
		group_info(g, "keys may be out of date: %s", doubts[d].text);
	g->doubts |= 1u << d;
	g->doubt_ms[d] = mgroup_now(g);
	if (timer_armed(&g->ask) &&
	    timer_left_ms(mgroup_tq(g), &g->ask) <= wait)
		return;
	timer_set(mgroup_tq(g), &g->ask, wait);
}

static bool was_asked(const struct mgroup *g, const struct asked *a)
{
	unsigned int i;

	for (i = 0; i < ASKED_MAX && i < g->n_asked; i++)
		if (g->asked[i].about == a->about &&
		    g->asked[i].round == a->round &&
		    !memcmp(g->asked[i].spi, a->spi, sizeof(a->spi)))
			return true;
	return false;
}

/* Remember that this is asked now. Returns false if it was asked before. */
static bool remember_asked(struct mgroup *g, enum once about, const void *spi,
			   size_t len, uint32_t round)
{
	struct asked a = { .about = about, .round = round };

	memcpy(a.spi, spi, len);
	if (was_asked(g, &a))
		return false;
	g->asked[g->n_asked++ % ASKED_MAX] = a;
	return true;
}

bool doubt_once(struct mgroup *g, enum doubt d, enum once about,
		const void *spi, size_t len, uint32_t round)
{
	if (!mgroup_is_in(g) || !remember_asked(g, about, spi, len, round))
		return false;
	doubt_note(g, d);
	return true;
}

bool doubt_was_asked(const struct mgroup *g, enum once about, const void *spi,
		     size_t len)
{
	struct asked a = { .about = about };

	memcpy(a.spi, spi, len);
	return was_asked(g, &a);
}

static void stop_if_none(struct mgroup *g)
{
	if (!g->doubts)
		timer_del(mgroup_tq(g), &g->ask);
}

void doubt_drop(struct mgroup *g, unsigned int which)
{
	g->doubts &= ~which;
	stop_if_none(g);
}

static void arm_silence(struct mgroup *g)
{
	uint64_t ms = (uint64_t)g->beat * MSEC_PER_SEC *
		      (g->stolen_key[0] ? 1 : REKEY_SILENCE_BEATS);

	if (g->inband) {
		inband_watch(g);
		return;
	}
	if (!g->has_server_time || !g->beat)
		return;
	g->link_changed = false;
	ms <<= g->silences < 8 ? g->silences : 8;
	if (g->silences && ms > SILENCE_MAX_MS)
		ms = SILENCE_MAX_MS;
	timer_set(mgroup_tq(g), &g->silence,
		  ms + member_random(SILENCE_SPREAD_MS));
}

void doubt_received(struct mgroup *g, uint64_t made_ms)
{
	g->silences = 0;
	if (g->stray_silent.n)
		g->stray_silent.n--;
	g->received_ms = mgroup_now(g);
	g->received_made_ms = made_ms;
	doubt_drop(g, 1u << DOUBT_SILENCE);
	arm_silence(g);
}

/*
 * Return the doubts that are newer than an answer made at @ms. Each sign is noted once
 * and may not come again, so these stay: the answer may have been lost and sent again.
 * Two are settled by any accepted answer, which extends the membership and has the Data
 * SA of its Rekey SA.
 */
static unsigned int doubts_after(const struct mgroup *g, uint64_t ms)
{
	const unsigned int settled = 1u << DOUBT_TERM | 1u << DOUBT_DATA;
	unsigned int i, newer = 0;

	for (i = 0; i < DOUBT_MAX; i++)
		if (g->doubt_ms[i] > ms)
			newer |= 1u << i;
	return g->doubts & newer & ~settled;
}

static void note_remaining(struct mgroup *g)
{
	unsigned int i;

	for (i = 0; i < DOUBT_MAX; i++)
		if (i != DOUBT_SILENCE && g->doubts & 1u << i)
			doubt_note(g, i);
}

/*
 * The answer brings the keys up to date, but does not end the silence of the
 * rekey address.
 */
void doubt_answered(struct mgroup *g)
{
	g->switched_ms =
		g->answer_ms + (uint64_t)g->atd * MSEC_PER_SEC + CHANGE_OVER_MS;
	doubt_drop(g, ~(1u << DOUBT_SILENCE | doubts_after(g, g->answer_ms)));
	timer_del(mgroup_tq(g), &g->ask);
	note_remaining(g);
	arm_silence(g);
}

void doubt_stop(struct mgroup *g)
{
	g->doubts = 0;
	g->received_ms = 0;
	g->received_made_ms = 0;
	timer_del(mgroup_tq(g), &g->ask);
	timer_del(mgroup_tq(g), &g->silence);
	timer_del(mgroup_tq(g), &g->ask_time);
	timer_del(mgroup_tq(g), &g->stray_esp.due);
	timer_del(mgroup_tq(g), &g->stray_rekey.due);
}

/* Return the milliseconds until a beat is overdue. */
static uint64_t beat_left_ms(const struct mgroup *g)
{
	uint64_t due = g->received_ms;

	if (due < g->registered_ms)
		due = g->registered_ms;
	due += (uint64_t)g->beat * MSEC_PER_SEC + LINK_CHANGE_MS;
	return due > mgroup_now(g) ? due - mgroup_now(g) : 0;
}

static void back_off(struct mgroup *g, struct backoff *b)
{
	uint64_t wait = STRAY_MS;

	if (mgroup_now(g) > b->until_ms + STRAY_MAX_MS)
		b->n = 0;
	wait <<= b->n < 8 ? b->n : 8;
	if (wait > STRAY_MAX_MS)
		wait = STRAY_MAX_MS;
	if (g->conf->send)
		wait *= STRAY_SENDER;
	b->n++;
	b->until_ms = mgroup_now(g) + wait / 2 + member_random(wait);
}

static void ask_about_stray(struct mgroup *g, const struct stray *t,
			    struct backoff *b)
{
	const struct asked *a = &t->sign;

	if (mgroup_now(g) < b->until_ms ||
	    (!t->again &&
	     !remember_asked(g, a->about, a->spi, sizeof(a->spi), 0)))
		return;
	back_off(g, b);
	doubt_note(g, DOUBT_STRAY);
}

/*
 * Ask about ESP with an SPI that was not announced. An exclusion replaces the announced
 * SPIs, so a member that has missed two of them, or more changes than SPIs were
 * announced, sees SPIs that it does not know.
 *
 * A member that reads other packets has the keys, and what strangers send makes it not
 * ask. Without beats that proves nothing, as whoever was excluded by a change that this
 * member has missed may send. It asks then in any case, at a rate of its own
 * (stray_silent): strangers cannot keep beats away, nor use that rate up while they
 * come.
 */
static void stray_esp_due(void *arg)
{
	struct mgroup *g = arg;
	bool silent = g->doubts & 1u << DOUBT_SILENCE;

	if (mgroup_is_in(g) &&
	    (silent || msa_received(g) == g->stray_esp.received))
		ask_about_stray(g, &g->stray_esp,
				silent ? &g->stray_silent : &g->stray_heard);
}

static void stray_rekey_due(void *arg)
{
	struct mgroup *g = arg;

	if (mgroup_is_in(g) && !beat_left_ms(g))
		ask_about_stray(g, &g->stray_rekey, &g->stray_silent);
}

/*
 * @again: the SPI was announced, and one request about it was in vain. Each member
 * knows it before its time and could send with it; another request must stay possible
 * when the SA is really in use, so it is limited by rate, as for a stranger's SPI.
 */
static void watch_stray(struct mgroup *g, struct stray *t, enum once about,
			const void *spi, size_t len, bool again)
{
	struct asked sign = { .about = about };
	uint64_t wait = STRAY_WATCH_MS;

	memcpy(sign.spi, spi, len);
	/*
	 * Messages signed with a stolen key cause requests at a rate of their
	 * own, and inband rekeys are not missed.
	 */
	if (!mgroup_is_in(g) || g->stolen_key[0] || g->inband ||
	    timer_armed(&t->due))
		return;
	/* A stranger that repeats one SPI must not keep others from being watched. */
	if (again ? g->doubts & ~(1u << DOUBT_SILENCE) : was_asked(g, &sign))
		return;
	if (t == &g->stray_rekey && wait < beat_left_ms(g))
		wait = beat_left_ms(g);
	t->sign = sign;
	t->again = again;
	t->received = msa_received(g);
	timer_set(mgroup_tq(g), &t->due, wait);
}

void doubt_confirmed(struct mgroup *g)
{
	memset(&g->stray_heard, 0, sizeof(g->stray_heard));
	memset(&g->stray_silent, 0, sizeof(g->stray_silent));
}

static bool is_announced(const struct mgroup *g, uint32_t spi)
{
	unsigned int i, k;

	for (i = 0; i < mgroup_flows(g); i++)
		for (k = 0; k < g->next_data[i].n; k++)
			if (g->next_data[i].spi[k] == spi)
				return true;
	return false;
}

void doubt_esp(struct mgroup *g, uint32_t spi)
{
	bool again;

	if (msa_find(g, spi))
		return;
	if (g->inband)
		inband_esp(g);
	/*
	 * No key was held for this SPI, so a sender has changed keys and does not use
	 * an SA of the earlier run (unread_unless). A thief of such a key can send, but
	 * with an SPI that was held.
	 */
	if (!msa_held_before(g, spi))
		g->unread_unless = false;
	again = is_announced(g, spi);
	if (again && doubt_once(g, DOUBT_ESP, ONCE_ESP, &spi, sizeof(spi), 0))
		return;
	/* After an answer senders still use the SA before the current one. */
	if (!again &&
	    (msa_held_before(g, spi) || mgroup_now(g) < g->switched_ms))
		return;
	if (g->conf->receive)
		watch_stray(g, &g->stray_esp, ONCE_STRAY_ESP, &spi, sizeof(spi),
			    again);
}

/*
 * The message may be another group's that has the same rekey address, so this
 * member only asks if it misses a beat of its own group, too.
 */
void doubt_rekey(struct mgroup *g, const uint8_t *spi, bool again)
{
	if (g->has_server_time && g->beat)
		watch_stray(g, &g->stray_rekey, ONCE_STRAY_REKEY, spi,
			    GIKE_SPI_LEN_REKEY, again);
}

/*
 * Link events are frequent and mostly concern other links, so the member only
 * asks if it misses the next beat, too.
 */
void doubt_link_changed(struct mgroup *g)
{
	uint64_t ms = (uint64_t)g->beat * MSEC_PER_SEC + LINK_CHANGE_MS;

	if (!mgroup_is_in(g) || !timer_armed(&g->silence) ||
	    timer_left_ms(mgroup_tq(g), &g->silence) <= ms)
		return;
	timer_set(mgroup_tq(g), &g->silence,
		  ms + member_random(LINK_CHANGE_MS));
	g->link_changed = true;
}

static void ask_due(void *arg)
{
	struct mgroup *g = arg;
	const char *text = doubt_text(g);

	g->ops->ask(g, text ? text : "a rekey was missed");
}

static void silence_due(void *arg)
{
	struct mgroup *g = arg;

	if (g->inband) {
		inband_check(g);
		return;
	}
	/* A request that is early must not delay those after it. */
	if (!g->link_changed)
		g->silences++;
	arm_silence(g);
	doubt_note(g, DOUBT_SILENCE);
}

static void time_due(void *arg)
{
	struct mgroup *g = arg;

	g->ops->ask(g, "periodic check of the clocks");
}

void doubt_init(struct mgroup *g)
{
	timer_init(&g->ask, ask_due, g);
	timer_init(&g->silence, silence_due, g);
	timer_init(&g->ask_time, time_due, g);
	timer_init(&g->stray_esp.due, stray_esp_due, g);
	timer_init(&g->stray_rekey.due, stray_rekey_due, g);
}
