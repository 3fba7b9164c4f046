// SPDX-License-Identifier: Apache-2.0
/*
 * Whether somebody else rekeys the group. Who has stolen the key server's store
 * and its seal key can sign a GSA_REKEY as it does; what the thief lacks is its
 * certificate. The key server itself never says anything over a Rekey SA that
 * it has replaced, but for copies of the message that did. So if anything else
 * comes over it, a beat say, that replacement was perhaps not the key server's.
 * Nothing proves such a header: it makes the member ask once for each Rekey SA.
 * If the key server's answer has the Rekey SA that was replaced before the
 * question, or another Data SA for the one in use, it is so: what came by that
 * message is deleted, and the key server is told. The thief knows the SPIs that
 * the key server will use next, too: so the same SPI with another key is such a
 * denial, and what does not open under it a reason to ask.
 *
 * From then on the group's signing key proves nothing, and Message IDs may be
 * used up: until the key server gives another key, which a reset of the group
 * brings, nothing that comes to the rekey address is followed. It is a reason
 * to ask, but not all the time.
 */
#include <string.h>

#include "lib/log.h"
#include "member/mgroup.h"

/*
 * Somebody who has the key can send whatever, as often as the link carries. A
 * sender spends Sender-IDs with each question, so it asks less and less often.
 */
#define WARY_MS 10000u
#define WARY_MAX_MS 60000u

static uint32_t spi_of(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* Of the Rekey SA in use */
static void key_name(const struct mgroup *g, char buf[static SIGPUB_NAME_LEN])
{
	const struct mrekey *rk = TAILQ_FIRST(&g->rekeys);

	buf[0] = '\0';
	if (rk && rk->rs.pub)
		sigpub_name(rk->rs.pub, buf);
}

static struct former *find(struct mgroup *g, const uint8_t *spi)
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

void rival_replaced(struct mgroup *g, const struct mrekey *rk,
		    const struct rekey_msg *msg)
{
	struct former *f = &g->former[g->n_former++ % FORMER_MAX];

	memset(f, 0, sizeof(*f));
	memcpy(f->spi, rk->rs.spi, sizeof(f->spi));
	f->at_ms = mgroup_now(g);
	f->mid = msg->mid;
	f->jumped = msg->mid - rk->last_mid > 1;
	f->seq = g->next_seq;
}

void rival_heard(struct member *m, const uint8_t *p)
{
	uint32_t mid = rekey_peek_mid(p);
	struct former *f;
	size_t i;

	for (i = 0; i < m->conf->n_groups; i++) {
		struct mgroup *g = &m->groups[i];

		f = g->in ? find(g, p) : NULL;
		if (!f || mid == f->mid || (mid < f->mid && !f->jumped))
			continue;
		doubt_once(g, DOUBT_RIVAL, ONCE_FORMER, f->spi,
			   sizeof(f->spi));
	}
}

bool rival_data(const struct mrekey *rk, const struct gsa *gsa)
{
	return !gsa->has_rekey && gsa->n_data && rk->data_spi &&
		rk->data_spi != spi_of(gsa->data[0].spi);
}

bool rival_denied(struct mgroup *g, const struct gsa *gsa, uint64_t *seq)
{
	const struct former *f = find(g, gsa->rekey.spi);
	const struct mrekey *rk = TAILQ_FIRST(&g->rekeys);

	if (f && f->at_ms < g->tried_ms) {
		*seq = f->seq;
		return true;
	}
	if (!rk || rk->going || !rk->data_spi ||
	    memcmp(rk->rs.spi, gsa->rekey.spi, sizeof(rk->rs.spi)) ||
	    rk->data_spi == spi_of(gsa->data[0].spi))
		return false;
	*seq = rk->seq;
	return true;
}

static void ask(struct mgroup *g)
{
	uint64_t now = mgroup_now(g);
	uint32_t wait = WARY_MS;

	if (g->conf->send)
		wait <<= g->n_wary;
	if (wait > WARY_MAX_MS)
		wait = WARY_MAX_MS;
	if (g->wary_ms && now - g->wary_ms < wait)
		return;
	g->wary_ms = now;
	if (g->n_wary < 3)
		g->n_wary++;
	doubt_note(g, DOUBT_RIVAL);
}

bool rival_wary(struct mgroup *g, const struct mrekey *rk,
		const struct rekey_msg *msg)
{
	const struct gsa *gsa = &msg->gsa;

	if (!g->stolen[0])
		return false;
	if (!msg->has_gsa || gsa->has_rekey || gsa->n_data != 1 ||
	    rk->data_spi != spi_of(gsa->data[0].spi))
		ask(g);
	else
		doubt_heard(g);
	return true;
}

/* One that is not ours may have come over an SA of the same SPI. */
void rival_unopened(struct mrekey *rk, enum rekey_rc rc)
{
	if (rk->g->stolen[0])
		ask(rk->g);
	if (rc == REKEY_ICV)
		doubt_once(rk->g, DOUBT_RIVAL, ONCE_UNOPENED, rk->rs.spi,
			   sizeof(rk->rs.spi));
}

void rival_settled(struct mgroup *g)
{
	char now[SIGPUB_NAME_LEN];

	if (!g->stolen[0])
		return;
	key_name(g, now);
	if (!strcmp(now, g->stolen))
		return;
	log_info("group %s: rekeys are signed with another key, and followed again",
		 g->conf->name);
	g->stolen[0] = '\0';
	g->n_wary = 0;
}

bool rival_clash(const struct mgroup *g, const struct mrekey *rk,
		 const struct ksa *ksa, unsigned int n, uint64_t *seq)
{
	const struct mrekey *old;
	const struct msa *s;
	unsigned int i;

	TAILQ_FOREACH(old, &g->rekeys, all) {
		if (!rk || memcmp(old->rs.spi, rk->rs.spi, sizeof(rk->rs.spi)) ||
		    !memcmp(old->rs.gsk_e, rk->rs.gsk_e, sizeof(rk->rs.gsk_e)))
			continue;
		*seq = old->seq;
		return true;
	}
	for (i = 0; i < n; i++) {
		s = msa_find(g, ksa[i].spi);
		if (!s || !msa_differs(s, &ksa[i]))
			continue;
		*seq = s->seq - 1;
		return true;
	}
	return false;
}

void rival_undo(struct mgroup *g, struct ike_sa *sa, const struct gsa *gsa,
		uint64_t seq)
{
	uint32_t ours = spi_of(gsa->data[0].spi), theirs = ours;
	struct msa *s, *next;

	g->rivals++;
	for (s = TAILQ_FIRST(&g->sas); s; s = next) {
		next = TAILQ_NEXT(s, all);
		if (s->seq <= seq || s->spi == ours)
			continue;
		theirs = s->spi;
		msa_delete(s);
	}
	early_drop(g);
	g->n_former = 0;
	g->n_asked = 0;
	key_name(g, g->stolen);
	log_err("group %s: SOMEBODY ELSE REKEYS IT: Data SA %08x was not the key server's, back to %08x",
		g->conf->name, theirs, ours);
	ike_rival(sa, &g->idg, theirs);
}
