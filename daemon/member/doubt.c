// SPDX-License-Identifier: Apache-2.0
/*
 * Whether the keys that are held are still the group's. Nobody acknowledges a
 * GSA_REKEY, so it is up to a member to notice that it has missed one. Then it
 * asks the key server, after a random wait: copies may still be on their way,
 * and others may have missed the same.
 */
#include <string.h>

#include "lib/log.h"
#include "lib/util.h"
#include "member/mgroup.h"

/* After its links have changed one beat is enough, and so much more. */
#define MOVED_MS 1000
/* Silence that goes on is asked about less and less often. */
#define SILENCE_BEATS 3
#define SILENCE_MAX_MS 600000
#define SILENCE_SPREAD_MS 8000

static const struct {
	const char *text;
	uint32_t wait_ms; /* for what may still come */
	uint32_t spread_ms;
} doubts[DOUBT_MAX] = {
	[DOUBT_EARLY] = { "a rekey was missed", 700, 800 },
	[DOUBT_DATA] = { "the Data SA of a Rekey SA did not come", 1000, 1000 },
	[DOUBT_ESP] = { "others use a Data SA that it does not have", 0, 800 },
	[DOUBT_SILENCE] = { "the key server is not heard", 0, 1000 },
	[DOUBT_OLD] = { "a rekey came too late to be taken", 0, 1000 },
	[DOUBT_RIVAL] = { "somebody else seems to rekey the group", 0, 3000 },
	[DOUBT_TERM] = { "its membership has ended", 0, 1000 },
};

const char *doubt_text(const struct mgroup *g)
{
	unsigned int i;

	for (i = 0; i < DOUBT_MAX; i++)
		if (g->doubts & 1u << i)
			return doubts[i].text;
	return NULL;
}

void doubt_note(struct mgroup *g, enum doubt d)
{
	uint32_t wait = doubts[d].wait_ms + member_random(doubts[d].spread_ms);

	if (!mgroup_is_in(g))
		return;
	if (!g->doubts)
		log_info("group %s: keys may be out of date: %s", g->conf->name,
			 doubts[d].text);
	g->doubts |= 1u << d;
	if (timer_armed(&g->ask) &&
	    timer_left_ms(mgroup_tq(g), &g->ask) <= wait)
		return;
	timer_set(mgroup_tq(g), &g->ask, wait);
}

void doubt_once(struct mgroup *g, enum doubt d, enum once about,
		const void *spi, size_t len, uint32_t round)
{
	struct asked a = { .about = about, .round = round };
	unsigned int i;

	if (!mgroup_is_in(g))
		return;
	memcpy(a.spi, spi, len);
	for (i = 0; i < ASKED_MAX && i < g->n_asked; i++)
		if (g->asked[i].about == a.about &&
		    g->asked[i].round == a.round &&
		    !memcmp(g->asked[i].spi, a.spi, sizeof(a.spi)))
			return;
	g->asked[g->n_asked++ % ASKED_MAX] = a;
	doubt_note(g, d);
}

static void settled(struct mgroup *g)
{
	if (!g->doubts)
		timer_del(mgroup_tq(g), &g->ask);
}

void doubt_drop(struct mgroup *g, unsigned int which)
{
	g->doubts &= ~which;
	settled(g);
}

static void arm_silence(struct mgroup *g)
{
	uint64_t ms = (uint64_t)g->beat * MSEC_PER_SEC *
		      (g->stolen_key[0] ? 1 : SILENCE_BEATS);

	if (!g->has_server_time || !g->beat)
		return;
	ms <<= g->silences < 8 ? g->silences : 8;
	if (g->silences && ms > SILENCE_MAX_MS)
		ms = SILENCE_MAX_MS;
	timer_set(mgroup_tq(g), &g->silence,
		  ms + member_random(SILENCE_SPREAD_MS));
}

void doubt_received(struct mgroup *g)
{
	g->silences = 0;
	doubt_drop(g, 1u << DOUBT_SILENCE);
	arm_silence(g);
}

/*
 * The keys are up to date with an answer; that the rekey address is silent is
 * still so.
 */
void doubt_answered(struct mgroup *g)
{
	doubt_drop(g, ~(1u << DOUBT_SILENCE));
	timer_del(mgroup_tq(g), &g->ask);
	arm_silence(g);
}

void doubt_stop(struct mgroup *g)
{
	g->doubts = 0;
	timer_del(mgroup_tq(g), &g->ask);
	timer_del(mgroup_tq(g), &g->silence);
	timer_del(mgroup_tq(g), &g->ask_time);
}

void doubt_esp(struct mgroup *g, uint32_t spi)
{
	unsigned int i;

	/* proves nothing: only those announced count */
	if (msa_find(g, spi))
		return;
	for (i = 0; i < g->n_next_data; i++)
		if (g->next_data[i] == spi)
			break;
	if (i < g->n_next_data)
		doubt_once(g, DOUBT_ESP, ONCE_ESP, &spi, sizeof(spi), 0);
}

/*
 * Links change often, and mostly others than ours: only if the next beat is
 * not heard either there is reason to ask.
 */
void doubt_moved(struct mgroup *g)
{
	uint64_t ms = (uint64_t)g->beat * MSEC_PER_SEC + MOVED_MS;

	if (!mgroup_is_in(g) || !timer_armed(&g->silence) ||
	    timer_left_ms(mgroup_tq(g), &g->silence) <= ms)
		return;
	timer_set(mgroup_tq(g), &g->silence, ms + member_random(MOVED_MS));
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

	g->silences++;
	arm_silence(g);
	doubt_note(g, DOUBT_SILENCE);
}

static void time_due(void *arg)
{
	struct mgroup *g = arg;

	g->ops->ask(g, "clocks drift");
}

void doubt_init(struct mgroup *g)
{
	timer_init(&g->ask, ask_due, g);
	timer_init(&g->silence, silence_due, g);
	timer_init(&g->ask_time, time_due, g);
}
