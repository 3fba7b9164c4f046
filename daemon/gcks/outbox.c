// SPDX-License-Identifier: Apache-2.0
/*
 * Copies of GSA_REKEY. Members do not acknowledge them (RFC 9838 section
 * 2.4.1), so each message is sent several times with the same octets, and
 * receivers drop repetitions. A message stays in the store until its last copy
 * is sent.
 */
#include "gcks/outbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gcks/gmc.h"
#include "gcks/group_key.h"
#include "gcks/place.h"
#include "gcks/twins.h"
#include "wire/message.h"
#include "lib/log.h"
#include "lib/util.h"

#define OUT_VERSION 1
/* Interval of retries after a failed send. */
#define RETRY_MS 500
/* Interval of the copies after that. */
#define SPACE_MS 100
/* Retries end before members refuse the message as a minute old. */
#define TRY_MS 55000
/*
 * Copies for senders that have not confirmed. Large messages are sent half as often after
 * a while. A sender that is back within a second of a copy, and loses the next one, has
 * lost two seconds.
 */
#define REPEAT_MS 1000
#define REPEAT_OFTEN_MS 15000
#define REPEAT_OCTETS 4000
/*
 * Changes that are repeated for a sender that missed several, and the mean
 * interval of their messages, and of every so many octets of them. The kernel of
 * a member holds 64 SAs of a group.
 */
#define EARLIER_MAX 64
#define EARLIER_MS 100
#define EARLIER_OCTETS 4000

void out_msg_free(struct out_msg *o)
{
	if (!o)
		return;
	timer_del(o->g->k->deps.tq, &o->timer);
	free(o->interface);
	free(o->msg);
	free(o);
}

void outbox_drop_all(struct outbox *out)
{
	struct out_msg *o;

	while ((o = TAILQ_FIRST(out))) {
		TAILQ_REMOVE(out, o, all);
		out_msg_free(o);
	}
}

static int out_key(const struct out_msg *o, char *key)
{
	return group_key_num(o->g, "o", o->seq, key);
}

/* A message that could not be deleted is only sent once more after a restart. */
static void delete_done(void *arg, int ret, const char *why)
{
	(void)arg;
	if (ret)
		log_warn("store failed: a sent message was not deleted: %s",
			 why);
}

static int record_delete(struct group *g, const struct out_msg *o, bool last)
{
	char key[STORE_KEY_MAX];
	int ret;

	/*
	 * The last message takes those along that could not be deleted before.
	 */
	ret = last ? group_key(g, "o", key) : out_key(o, key);
	if (!ret)
		ret = last ? store_del_prefix(group_store(g), key)
			   : store_del(group_store(g), key);
	return ret;
}

/*
 * Messages are deleted one by one: in a group that changes all the time another
 * message is always being sent, and what stays in the store is sent again at
 * the next start. While a change is in flight its messages are in the store and
 * not in the outbox yet, and deleting all with the last one would take them,
 * too.
 */
static void delete_message(struct out_msg *o)
{
	struct group *g = o->g;
	struct store *s = group_store(g);
	bool last;
	int ret;

	TAILQ_REMOVE(&g->out, o, all);
	if (g->closing && TAILQ_EMPTY(&g->out))
		g->ops->quiet(g);
	if (o->transient) {
		out_msg_free(o);
		return;
	}
	last = TAILQ_EMPTY(&g->out) && !g->commit.busy;
	ret = store_txn_begin(s);
	if (!ret)
		ret = record_delete(g, o, last);
	out_msg_free(o);
	if (!ret) {
		store_submit(s, NULL, delete_done, NULL);
		return;
	}
	store_txn_discard(s);
	delete_done(NULL, ret, strerror(-ret));
}

/* ---- confirmations ------------------------------------------------------ */

uint32_t outbox_unconfirmed(const struct group *g)
{
	return g->n_senders - g->n_confirmed;
}

/* Return true if @spi is of a Data SA that was replaced and may still be used. */
static bool is_retired_spi(const struct group *g, uint32_t spi)
{
	unsigned int i;

	for (i = 0; i < g->st.n_old; i++)
		if (g->st.old[i].spi == spi)
			return true;
	return false;
}

/* Return true if the group has, or had, the Data SA @spi; another one is counted. */
static bool check_reported_spi(struct group *g, uint32_t spi)
{
	if (spi == gkm_spi(&g->st) || is_retired_spi(g, spi))
		return true;
	g->wrong_confirms++;
	return false;
}

/*
 * A sender may report as often as it likes, so a report costs the same however
 * many members there are, and a change is confirmed, and logged, once.
 */
void outbox_confirm(struct group *g, struct gmember *m, uint32_t spi)
{
	if (!check_reported_spi(g, spi))
		return;
	stragglers_report(g, m, &m->at);
	gmc_set_data_spi(g, m, spi);
	if (gmc_confirmed(g, m))
		outbox_note_confirmed(g);
}

void outbox_confirm_twin(struct group *g, struct gmember *m,
			 const struct addr *from, uint32_t spi)
{
	if (!check_reported_spi(g, spi))
		return;
	stragglers_report(g, m, from);
	place_set_twin_spi(g, m, from, spi);
	if (gmc_confirmed(g, m))
		outbox_note_confirmed(g);
}

void outbox_note_confirmed(struct group *g)
{
	uint64_t after;

	if (outbox_unconfirmed(g) || g->confirmed_ms)
		return;
	after = group_now_ms(g) - g->change_ms;
	g->confirmed_ms = after > UINT32_MAX ? UINT32_MAX : after ? after : 1;
	group_info(g,
		   "rekey confirmed: all %u senders use Data SA " SPI_FMT
		   ": %u ms after the change",
		   g->n_senders, gkm_spi(&g->st), g->confirmed_ms);
}

/* ---- copies -------------------------------------------------------------- */

bool outbox_unsent(const struct group *g)
{
	const struct out_msg *o;

	TAILQ_FOREACH(o, &g->out, all)
		if (!o->transient && !o->sent &&
		    (o->seq == g->change_out ||
		     (o->seq > g->change_out && o->failed)))
			return true;
	return false;
}

/* A message is one IKE message, or one for each of its fragments. */
static int send_datagrams(struct group *g, const struct gcks_dest *dest,
			  const uint8_t *p, size_t len)
{
	int ret = 0, one;

	while (len) {
		size_t n = ike_msg_len(p, len);

		one = g->k->deps.send_rekey(g->k->deps.ctx, dest, p, n);
		if (one)
			ret = one;
		p += n;
		len -= n;
	}
	return ret;
}

static int send_copy(struct out_msg *o)
{
	struct group *g = o->g;
	struct gcks_dest dest = {
		.to = o->to,
		.source = o->source,
		.interface = o->interface,
		.ttl = o->ttl,
	};
	char ep[EP_STRLEN];
	int ret;

	ret = send_datagrams(g, &dest, o->msg, o->len);
	if (!ret && o->seq >= g->change_out && !o->transient)
		pace_sent(g);
	if (!ret)
		replaced_sent(o);
	o->failed = ret;
	if (ret)
		g->unsent++;
	if (ret == g->send_errno)
		return ret;
	if (ret)
		group_warn(g, "rekey not sent: to %s%s%s: %s; sent again later",
			   ep_str(&o->to, ep), o->interface[0] ? " by " : "",
			   o->interface, strerror(-ret));
	else
		group_info(g, "rekey sending resumed: to %s",
			   ep_str(&o->to, ep));
	g->send_errno = ret;
	return ret;
}

/* Return true if @o announces a change that another one has replaced. */
static bool is_earlier_change(const struct out_msg *o)
{
	return o->from_spi && o->seq < o->g->change_out;
}

/* Return true if a sender that hears copies has not confirmed the change. */
static bool some_need_copies(const struct group *g)
{
	uint32_t others = outbox_unconfirmed(g);
	const struct gmember_more *x;

	if (!others)
		return false;
	TAILQ_FOREACH(x, &g->inbands, by_inband)
		others -= x->m->send && !gmc_confirmed(g, x->m);
	return others > 0;
}

/*
 * A sender that missed all copies continues with a key that others have dropped
 * or that an evicted member has. The message is repeated until the sender
 * confirms the change or members would refuse it as too old. That of an earlier
 * change is kept for as long, and repeated by send_earlier_changes().
 */
static uint32_t repeat_ms(const struct out_msg *o, uint64_t age)
{
	const struct group *g = o->g;

	if (o->transient || (o->seq < g->change_out && !is_earlier_change(o)) ||
	    age > TRY_MS || !some_need_copies(g))
		return 0;
	return age < REPEAT_OFTEN_MS || o->len <= REPEAT_OCTETS ? REPEAT_MS
								: 2 * REPEAT_MS;
}

static struct out_msg *next_earlier(struct out_msg *o)
{
	while (o && !is_earlier_change(o))
		o = TAILQ_NEXT(o, all);
	return o;
}

/*
 * Return the earliest change that a sender is known to lack. A sender that uses
 * a Data SA from before the first link cannot follow the links, so it does not
 * count.
 */
static struct out_msg *first_missed(const struct group *g)
{
	struct out_msg *first = next_earlier(TAILQ_FIRST(&g->out)), *o;
	struct out_msg *missed = NULL;
	const struct gmember_more *x;

	if (!first)
		return NULL;
	TAILQ_FOREACH(x, &g->senders, by_send)
		for (o = first; !x->m->inband && o && o != missed;
		     o = next_earlier(TAILQ_NEXT(o, all)))
			if (o->from_spi == x->sends_spi ||
			    twins_some_uses(x->m, o->from_spi))
				missed = o;
	return missed;
}

/*
 * A sender that missed several changes cannot open the messages of the last one
 * and, as an exclusion replaces the announced SPIs, need not notice anything.
 * The first message of each change leads to the next one, so these are repeated
 * in order before the last one. Receivers have accepted the same octets, or do
 * not know the Rekey SA; a second message would look like a rival's to those
 * that have overtaken it, and is not needed.
 */
static void send_earlier_changes(struct group *g)
{
	uint64_t now = group_now_ms(g);
	struct out_msg *missed = first_missed(g), *o;
	unsigned int n = 0, units = 0;

	for (o = missed; o; o = next_earlier(TAILQ_NEXT(o, all))) {
		n++;
		units += 1 + o->len / EARLIER_OCTETS;
	}
	if (n > EARLIER_MAX)
		missed = NULL;
	for (o = TAILQ_FIRST(&g->out); o && o != missed; o = TAILQ_NEXT(o, all))
		if (is_earlier_change(o))
			o->from_spi = 0;
	if (!missed || now - g->earlier_ms < units * EARLIER_MS)
		return;
	g->earlier_ms = now;
	for (o = missed; o; o = next_earlier(TAILQ_NEXT(o, all)))
		send_copy(o);
}

static int send_with_earlier(struct out_msg *o)
{
	if (o->sent && o->seq == o->g->change_out)
		send_earlier_changes(o->g);
	return send_copy(o);
}

/*
 * Copies that could not be sent when they were due follow the first one that could:
 * senders that hear one use the key at once, as ATD may be over.
 */
static void space_copies(struct out_msg *o, uint64_t age)
{
	unsigned int i;

	for (i = o->sent; i < o->n; i++) {
		uint64_t ms = age + (i - o->sent + 1) * SPACE_MS;

		if (o->at_ms[i] < ms)
			o->at_ms[i] = (uint32_t)ms;
	}
}

/*
 * Send the copies that are due. Returns the milliseconds until the next one, 0
 * if the message is done with.
 */
static uint32_t send_due(struct out_msg *o)
{
	uint64_t age = group_now_ms(o->g) - o->start_ms;
	bool failed;

	while (o->sent < o->n && o->at_ms[o->sent] <= age) {
		failed = o->failed;
		if (send_with_earlier(o))
			return o->transient || age > TRY_MS ? 0 : RETRY_MS;
		o->sent++;
		if (failed)
			space_copies(o, age);
		/* The loop may be late: then one copy stands for several. */
		while (o->sent < o->n && o->at_ms[o->sent] <= age)
			o->sent++;
	}
	return o->sent < o->n ? o->at_ms[o->sent] - age : 0;
}

static void copy_due(void *arg)
{
	struct out_msg *o = arg;
	uint64_t age = group_now_ms(o->g) - o->start_ms;
	uint32_t next;

	if (o->sent == o->n && !is_earlier_change(o) && repeat_ms(o, age))
		send_with_earlier(o);
	next = send_due(o);
	if (!next)
		next = repeat_ms(o, age);
	if (next)
		timer_set(o->g->k->deps.tq, &o->timer, next);
	else
		delete_message(o);
}

struct out_msg *out_msg_new(struct group *g, struct wbuf *w,
			    const uint32_t *at_ms, unsigned int n)
{
	const struct conf_group *c = g->conf;
	struct out_msg *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->g = g;
	timer_init(&o->timer, copy_due, o);
	o->interface = strdup(c->rekey_interface);
	if (w->len) {
		o->msg = malloc(w->len);
		o->len = w->len;
	}
	if (!o->interface || (w->len && !o->msg)) {
		out_msg_free(o);
		return NULL;
	}
	if (w->len)
		memcpy(o->msg, w->p, w->len);
	o->seq = g->next_out++;
	o->made = group_wall(g);
	o->to = c->rekey_to;
	o->source = c->rekey_source;
	o->ttl = c->rekey_ttl;
	o->n = n;
	memcpy(o->at_ms, at_ms, n * sizeof(*at_ms));
	return o;
}

static void start_message(struct group *g, struct out_msg *o)
{
	TAILQ_INSERT_TAIL(&g->out, o, all);
	o->start_ms = group_now_ms(g);
	/*
	 * Even a message of one copy is deleted from the loop, not from here.
	 */
	timer_set(g->k->deps.tq, &o->timer, send_due(o));
}

/*
 * Members refuse a Message ID below one that they have accepted, so a message
 * that waits for its first copy is sent before those of a later change.
 */
static void send_first_copies(struct group *g)
{
	uint64_t now = group_now_ms(g);
	struct out_msg *o;
	bool failed;

	TAILQ_FOREACH(o, &g->out, all) {
		failed = o->failed;
		if (o->sent || send_copy(o))
			continue;
		o->sent = 1;
		if (!failed)
			continue;
		space_copies(o, now - o->start_ms);
		timer_set(g->k->deps.tq, &o->timer, SPACE_MS);
	}
}

void outbox_send_all(struct group *g, struct outbox *out)
{
	struct out_msg *o;

	send_first_copies(g);
	while ((o = TAILQ_FIRST(out))) {
		TAILQ_REMOVE(out, o, all);
		start_message(g, o);
	}
}

/* ---- the store ----------------------------------------------------------- */

int outbox_put(struct group *g, const struct out_msg *o)
{
	struct ep source = { .addr = o->source };
	char key[STORE_KEY_MAX];
	struct wbuf w;
	unsigned int i;
	int ret;

	ret = out_key(o, key);
	if (ret)
		return ret;
	wbuf_init(&w, STORE_VALUE_MAX);
	wbuf_u8(&w, OUT_VERSION);
	wbuf_u64(&w, o->made);
	wbuf_u8(&w, o->n);
	for (i = 0; i < o->n; i++)
		wbuf_u32(&w, o->at_ms[i]);
	group_put_ep(&w, &o->to);
	group_put_ep(&w, &source);
	wbuf_u8(&w, o->ttl);
	wbuf_u8(&w, strlen(o->interface));
	wbuf_put(&w, o->interface, strlen(o->interface));
	wbuf_put(&w, o->msg, o->len);
	ret = w.err;
	if (!ret)
		ret = store_put(group_store(g), key, w.p, w.len);
	wbuf_free(&w);
	return ret;
}

static int load_out(void *arg, const char *key, const uint8_t *val, size_t len)
{
	uint32_t at[GKM_COPIES_MAX];
	struct group *g = arg;
	char iface[256] = "";
	struct ep source;
	uint8_t n, n_iface;
	struct out_msg *o;
	struct rbuf r;
	struct wbuf w;
	unsigned int i;
	int64_t made;

	rbuf_init(&r, val, len);
	if (rbuf_u8(&r) != OUT_VERSION)
		return -EBADMSG;
	made = rbuf_u64(&r);
	n = rbuf_u8(&r);
	if (!n || n > GKM_COPIES_MAX)
		return -EBADMSG;
	for (i = 0; i < n; i++)
		at[i] = rbuf_u32(&r);
	wbuf_init(&w, IKE_MSG_MAX);
	o = out_msg_new(g, &w, at, n);
	if (!o)
		return -ENOMEM;
	o->seq = group_key_number(key);
	o->made = made;
	group_get_ep(&r, &o->to);
	group_get_ep(&r, &source);
	o->source = source.addr;
	o->ttl = rbuf_u8(&r);
	n_iface = rbuf_u8(&r);
	rbuf_copy(&r, iface, n_iface);
	free(o->interface);
	o->interface = strdup(iface);
	o->len = rbuf_left(&r);
	o->msg = malloc(o->len + 1);
	if (o->len < GIKE_SPI_LEN_REKEY)
		r.err = -EBADMSG;
	if (r.err || !o->msg || !o->interface) {
		out_msg_free(o);
		return r.err ? r.err : -ENOMEM;
	}
	memcpy(o->msg, rbuf_here(&r), o->len);
	if (o->seq >= g->next_out)
		g->next_out = o->seq + 1;
	TAILQ_INSERT_TAIL(&g->out, o, all);
	return 0;
}

/* Members that need a stale message learn of the change by the next beat. */
static void drop_stale(struct group *g)
{
	int64_t now = group_wall(g);
	struct out_msg *o, *next;

	for (o = TAILQ_FIRST(&g->out); o; o = next) {
		next = TAILQ_NEXT(o, all);
		if (now - o->made <= GKM_STALE_S)
			continue;
		TAILQ_REMOVE(&g->out, o, all);
		out_msg_free(o);
	}
}

int outbox_del_all(struct group *g)
{
	char key[STORE_KEY_MAX];
	int ret = group_key(g, "o", key);

	return ret ? ret : store_del_prefix(group_store(g), key);
}

/*
 * A message is stored without the change that it is of. An exclusion has two, so the
 * last two are repeated for senders that have not confirmed, and no others: there
 * may be one for each change of the last minute.
 */
static void find_last_change(struct group *g)
{
	const struct out_msg *last = TAILQ_LAST(&g->out, outbox), *before;

	if (!last)
		return;
	before = TAILQ_PREV(last, outbox, all);
	g->change_out = before ? before->seq : last->seq;
}

int outbox_load(struct group *g)
{
	char key[STORE_KEY_MAX];
	int ret = group_key(g, "o", key);

	if (!ret)
		ret = store_each(group_store(g), key, load_out, g);
	if (!ret)
		drop_stale(g);
	if (!ret)
		find_last_change(g);
	return ret;
}
