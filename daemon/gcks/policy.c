// SPDX-License-Identifier: Apache-2.0
#include "gcks/policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gcks/group.h"
#include "gcks/group_key.h"
#include "lib/quote.h"
#include "lib/util.h"

#define RECORD_VERSION 1
/* Octets of a record; a policy with long lists has several. */
#define RECORD_OCTETS 65536
#define POLICY_MAX (64u << 20)

enum kind {
	KIND_NUMBER, /* an unsigned integer, an enum or a bool */
	KIND_ADDR,
	KIND_EP,
	KIND_ALG,
	KIND_TEXT,
	KIND_NAMES,
	KIND_DATA,
};

/*
 * All settings of a group, and what follows from a change of each. A record in
 * the store has the number, which is therefore never given to another setting.
 * Parts of one setting of the file follow each other, and have its name.
 */
static const struct setting {
	uint8_t number;
	const char *name;
	enum kind kind;
	enum policy_change change;
	size_t offset;
	size_t size;
} settings[] = {
#define SET(number, member, name, kind, change) \
	{ \
		number, name, kind, change, \
			offsetof(struct conf_group, member), \
			sizeof(((struct conf_group *)0)->member) \
	}
	SET(1, sel.dst, "address", KIND_ADDR, POLICY_RESET),
	SET(28, sel.dst_len, "address", KIND_NUMBER, POLICY_RESET),
	SET(29, sel.src, "source", KIND_ADDR, POLICY_RESET),
	SET(30, sel.src_len, "source", KIND_NUMBER, POLICY_RESET),
	SET(31, sel.proto, "protocol", KIND_NUMBER, POLICY_RESET),
	SET(32, sel.sport, "source-port", KIND_NUMBER, POLICY_RESET),
	SET(33, sel.dport, "destination-port", KIND_NUMBER, POLICY_RESET),
	SET(37, more, "data", KIND_DATA, POLICY_RESET),
	SET(34, tunnel, "mode", KIND_NUMBER, POLICY_RESET),
	SET(2, rekey_to, "rekey-address", KIND_EP, POLICY_RESET),
	SET(3, rekey_source, "rekey-source", KIND_ADDR, POLICY_RESET),
	SET(4, rekey_interface, "rekey-interface", KIND_TEXT, POLICY_OTHER),
	SET(5, rekey_ttl, "rekey-ttl", KIND_NUMBER, POLICY_OTHER),
	SET(6, rekey_copies, "rekey-copies", KIND_NUMBER, POLICY_OTHER),
	SET(7, alg, "algorithm", KIND_ALG, POLICY_RESET),
	SET(8, kek_alg, "kek-algorithm", KIND_ALG, POLICY_RESET),
	SET(9, kwa, "key-wrap", KIND_NUMBER, POLICY_FIXED),
	SET(10, rekey_sign, "rekey-signature", KIND_NUMBER, POLICY_RESET),
	SET(11, signing_key_lifetime, "signing-key-lifetime", KIND_NUMBER,
	    POLICY_OTHER),
	SET(12, senders, "senders", KIND_NAMES, POLICY_LISTS),
	SET(13, receivers, "receivers", KIND_NAMES, POLICY_LISTS),
	SET(38, relays, "relays", KIND_NAMES, POLICY_OTHER),
	SET(14, beat, "beat", KIND_NUMBER, POLICY_TIMES),
	SET(15, rekey_interval, "rekey-interval", KIND_NUMBER, POLICY_TIMES),
	SET(16, lifetime, "lifetime", KIND_NUMBER, POLICY_TIMES),
	SET(17, kek_lifetime, "kek-lifetime", KIND_NUMBER, POLICY_TIMES),
	SET(18, atd, "atd", KIND_NUMBER, POLICY_OTHER),
	SET(19, dtd, "dtd", KIND_NUMBER, POLICY_TIMES),
	SET(20, evict_atd, "evict-atd", KIND_NUMBER, POLICY_OTHER),
	SET(21, sender_id_bits, "sender-id-bits", KIND_NUMBER, POLICY_RESET),
	SET(22, max_sender_ids, "max-sender-ids", KIND_NUMBER, POLICY_OTHER),
	SET(23, max_members, "max-members", KIND_NUMBER, POLICY_OTHER),
	SET(24, one_place, "one-place", KIND_NUMBER, POLICY_OTHER),
	SET(25, membership_lifetime, "membership-lifetime", KIND_NUMBER,
	    POLICY_OTHER),
	SET(26, batch_join_ms, "batch-join", KIND_NUMBER, POLICY_OTHER),
	SET(27, batch_leave_ms, "batch-leave", KIND_NUMBER, POLICY_OTHER),
	SET(35, inband, "inband", KIND_NUMBER, POLICY_OTHER),
	SET(36, max_inband, "max-inband", KIND_NUMBER, POLICY_OTHER),
#undef SET
};

/* Records have the values of these enums, too. */
_Static_assert(SIG_ED25519 == 1 && SIG_ECDSA_P256 == 2 && SIG_ECDSA_P384 == 3 &&
		       SIG_RSA_PSS == 4,
	       "a stored policy names another signature algorithm");
_Static_assert(ONE_PLACE_ALLOW == 0 && ONE_PLACE_REPLACE == 1 &&
		       ONE_PLACE_REFUSE == 2,
	       "a stored policy has another rule about places");

_Static_assert(INBAND_NEVER == 0 && INBAND_ASKED == 1 && INBAND_ALWAYS == 2,
	       "a stored policy has another rule about inband rekeys");

static const void *setting_field(const struct conf_group *c,
				 const struct setting *s)
{
	return (const char *)c + s->offset;
}

static uint64_t get_number(const void *p, size_t size)
{
	return size == 1   ? *(const uint8_t *)p
	       : size == 2 ? *(const uint16_t *)p
	       : size == 4 ? *(const uint32_t *)p
			   : *(const uint64_t *)p;
}

static void set_number(void *p, size_t size, uint64_t v)
{
	if (size == 1)
		*(uint8_t *)p = v;
	else if (size == 2)
		*(uint16_t *)p = v;
	else if (size == 4)
		*(uint32_t *)p = v;
	else
		*(uint64_t *)p = v;
}

/* ---- comparison --------------------------------------------------------- */

struct policy *policy_new(const struct conf_group *conf, uint64_t version)
{
	struct policy *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->version = version;
	if (!conf_group_copy(&p->conf, conf))
		return p;
	free(p);
	return NULL;
}

void policy_free(struct policy *p)
{
	if (!p)
		return;
	conf_group_free(&p->conf);
	free(p);
}

static bool same_names(const struct conf_names *a, const struct conf_names *b)
{
	size_t i;

	for (i = 0; a->n == b->n && i < a->n; i++)
		if (strcasecmp(a->v[i], b->v[i]))
			return false;
	return a->n == b->n;
}

static bool same_data(const struct conf_more *a, const struct conf_more *b)
{
	size_t i;

	for (i = 0; a->n == b->n && i < a->n; i++)
		if (!selector_equal(&a->v[i].sel, &b->v[i].sel) ||
		    a->v[i].alg.encr != b->v[i].alg.encr ||
		    a->v[i].alg.key_bits != b->v[i].alg.key_bits)
			return false;
	return a->n == b->n;
}

static bool same_setting(const struct setting *s, const void *a, const void *b)
{
	const struct conf_alg *x = a, *y = b;

	switch (s->kind) {
	case KIND_NUMBER:
		return get_number(a, s->size) == get_number(b, s->size);
	case KIND_ADDR:
		return addr_equal(a, b);
	case KIND_EP:
		return ep_equal(a, b);
	case KIND_ALG:
		return x->encr == y->encr && x->key_bits == y->key_bits;
	case KIND_TEXT:
		return !strcmp(*(char *const *)a, *(char *const *)b);
	case KIND_NAMES:
		return same_names(a, b);
	case KIND_DATA:
		return same_data(a, b);
	}
	return false;
}

static int compare_text(const void *a, const void *b)
{
	return strcasecmp(*(char *const *)a, *(char *const *)b);
}

static char **sorted_names(const struct conf_names *names)
{
	char **v = calloc(names->n + 1, sizeof(*v));

	if (!v)
		return NULL;
	if (names->n)
		memcpy(v, names->v, names->n * sizeof(*v));
	qsort(v, names->n, sizeof(*v), compare_text);
	return v;
}

/*
 * Pass what differs: an administrator later looks for who was added or removed. A
 * list that only has another order passes nothing. Returns 0 or -ENOMEM.
 */
static int diff_names(const struct setting *s, const struct conf_names *from,
		      const struct conf_names *to, policy_name_fn *fn,
		      void *arg)
{
	char **x = sorted_names(from), **y = sorted_names(to);
	int order, ret = x && y ? 0 : -ENOMEM;
	size_t i = 0, j = 0;

	while (!ret && (i < from->n || j < to->n)) {
		order = i == from->n ? 1
			: j == to->n ? -1
				     : strcasecmp(x[i], y[j]);
		if (order)
			fn(arg, s->name, order > 0, order > 0 ? y[j] : x[i]);
		i += order <= 0;
		j += order >= 0;
	}
	free(x);
	free(y);
	return ret;
}

int policy_diff_names(const struct conf_group *from,
		      const struct conf_group *to, policy_name_fn *fn,
		      void *arg)
{
	int ret = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(settings) && !ret; i++)
		if (settings[i].kind == KIND_NAMES)
			ret = diff_names(&settings[i],
					 setting_field(from, &settings[i]),
					 setting_field(to, &settings[i]), fn,
					 arg);
	return ret;
}

struct name_changes {
	char *text;
	size_t n, size;
	unsigned int left_out;
};

/* Add "+a.example" or "-b.example". */
static void put_name_change(void *arg, const char *setting, bool added,
			    const char *name)
{
	struct name_changes *c = arg;
	char safe[POLICY_LIST_MAX + 1];
	size_t need;

	(void)setting;
	need = strlen(quote_escape(name, "", safe, sizeof(safe))) + 2;
	/* The end of a list says how many have no room. */
	if (c->left_out || c->n + need >= c->size) {
		c->left_out++;
		return;
	}
	c->n += snprintf(c->text + c->n, c->size - c->n, "%s%c%s",
			 c->n ? " " : "", added ? '+' : '-', safe);
}

static size_t put_names_changes(char *text, size_t size,
				const struct setting *s, const void *from,
				const void *to)
{
	char buf[POLICY_LIST_MAX];
	struct name_changes c = { .text = buf, .size = sizeof(buf) };
	char more[sizeof(" and 4294967295 more")] = "";

	buf[0] = '\0';
	diff_names(s, from, to, put_name_change, &c);
	if (c.left_out)
		snprintf(more, sizeof(more), " and %u more", c.left_out);
	return buf[0] || c.left_out ? snprintf(text, size, " (%s%s)", buf, more)
				    : 0;
}

unsigned int policy_diff(const struct conf_group *from,
			 const struct conf_group *to, unsigned int kinds,
			 char *names, size_t size)
{
	unsigned int change = 0;
	const char *last = "";
	size_t i, n = 0;

	if (names)
		names[0] = '\0';
	for (i = 0; i < ARRAY_SIZE(settings); i++) {
		const struct setting *s = &settings[i];

		if (same_setting(s, setting_field(from, s),
				 setting_field(to, s)))
			continue;
		change |= s->change;
		/* An address and its prefix length are one setting of the file. */
		if (!names || !(s->change & kinds) || n >= size ||
		    !strcmp(s->name, last))
			continue;
		n += snprintf(names + n, size - n, "%s%s", n ? ", " : "",
			      s->name);
		if (s->kind == KIND_NAMES && n < size)
			n += put_names_changes(names + n, size - n, s,
					       setting_field(from, s),
					       setting_field(to, s));
		last = s->name;
	}
	return change;
}

const char *policy_refusal(const struct conf_group *conf, const char *identity,
			   bool send)
{
	bool sends = conf_names_match(&conf->senders, identity);
	bool receives = conf_names_match(&conf->receivers, identity);

	if (send ? sends : receives)
		return NULL;
	if (send)
		return receives ? "may receive only, but asked to send"
				: "may not send";
	return sends ? "may send only, but did not ask to send"
		     : "not in the lists of the group";
}

/* ---- records ------------------------------------------------------------ */

static void put_policy_text(struct wbuf *w, const char *s)
{
	wbuf_u32(w, strlen(s));
	wbuf_put(w, s, strlen(s));
}

static void put_data(struct wbuf *w, const struct conf_data *d)
{
	struct ep dst = { .addr = d->sel.dst }, src = { .addr = d->sel.src };

	group_put_ep(w, &dst);
	group_put_ep(w, &src);
	wbuf_u8(w, d->sel.dst_len);
	wbuf_u8(w, d->sel.src_len);
	wbuf_u8(w, d->sel.proto);
	wbuf_u16(w, d->sel.sport);
	wbuf_u16(w, d->sel.dport);
	wbuf_u16(w, d->alg.encr);
	wbuf_u16(w, d->alg.key_bits);
}

static void put_setting(struct wbuf *w, const struct setting *s, const void *p)
{
	const struct conf_names *names = p;
	const struct conf_more *more = p;
	const struct conf_alg *alg = p;
	struct ep e = { 0 };
	size_t i;

	switch (s->kind) {
	case KIND_NUMBER:
		wbuf_u64(w, get_number(p, s->size));
		break;
	case KIND_ADDR:
		e.addr = *(const struct addr *)p;
		group_put_ep(w, &e);
		break;
	case KIND_EP:
		group_put_ep(w, p);
		break;
	case KIND_ALG:
		wbuf_u16(w, alg->encr);
		wbuf_u16(w, alg->key_bits);
		break;
	case KIND_TEXT:
		put_policy_text(w, *(char *const *)p);
		break;
	case KIND_NAMES:
		wbuf_u32(w, names->n);
		for (i = 0; i < names->n; i++)
			put_policy_text(w, names->v[i]);
		break;
	case KIND_DATA:
		wbuf_u8(w, more->n);
		for (i = 0; i < more->n; i++)
			put_data(w, &more->v[i]);
		break;
	}
}

static int put_chunks(struct group *g, const struct wbuf *w)
{
	char key[STORE_KEY_MAX];
	size_t off, n;
	int ret;

	ret = group_key(g, "policy", key);
	if (!ret)
		ret = store_del_prefix(group_store(g), key);
	for (off = 0; !ret && off < w->len; off += RECORD_OCTETS) {
		n = w->len - off < RECORD_OCTETS ? w->len - off : RECORD_OCTETS;
		ret = group_key_num(g, "policy", off / RECORD_OCTETS, key);
		if (!ret)
			ret = store_put(group_store(g), key, w->p + off, n);
	}
	return ret;
}

int policy_put(struct group *g, const struct policy *p)
{
	struct wbuf w;
	size_t i;
	int ret;

	wbuf_init(&w, POLICY_MAX);
	wbuf_u8(&w, RECORD_VERSION);
	wbuf_u64(&w, p->version);
	for (i = 0; i < ARRAY_SIZE(settings); i++) {
		size_t at;

		wbuf_u8(&w, settings[i].number);
		at = wbuf_reserve(&w, 4);
		put_setting(&w, &settings[i],
			    setting_field(&p->conf, &settings[i]));
		wbuf_patch_u32(&w, at, w.len - at - 4);
	}
	ret = w.err ? w.err : put_chunks(g, &w);
	wbuf_free(&w);
	return ret;
}

static char *get_text(struct rbuf *r)
{
	uint32_t n = rbuf_u32(r);
	const uint8_t *p = rbuf_bytes(r, n);
	char *s = r->err ? NULL : strndup((const char *)p, n);

	if (!s && !r->err)
		r->err = -ENOMEM;
	return s;
}

static void get_names(struct rbuf *r, struct conf_names *names)
{
	uint32_t n = rbuf_u32(r);

	if (n > CONF_MAX_NAMES) {
		r->err = -EBADMSG;
		return;
	}
	names->v = calloc(n ? n : 1, sizeof(*names->v));
	if (!names->v)
		r->err = -ENOMEM;
	while (!r->err && names->n < n) {
		names->v[names->n] = get_text(r);
		names->n += !!names->v[names->n];
	}
	if (!r->err)
		r->err = conf_names_index(names);
}

static void get_data(struct rbuf *r, struct conf_data *d)
{
	struct ep dst, src;

	group_get_ep(r, &dst);
	group_get_ep(r, &src);
	d->sel.dst = dst.addr;
	d->sel.src = src.addr;
	d->sel.dst_len = rbuf_u8(r);
	d->sel.src_len = rbuf_u8(r);
	d->sel.proto = rbuf_u8(r);
	d->sel.sport = rbuf_u16(r);
	d->sel.dport = rbuf_u16(r);
	d->alg.encr = rbuf_u16(r);
	d->alg.key_bits = rbuf_u16(r);
}

static void get_more(struct rbuf *r, struct conf_more *more)
{
	size_t i, n = rbuf_u8(r);

	if (n > ARRAY_SIZE(more->v)) {
		r->err = -EBADMSG;
		return;
	}
	more->n = n;
	for (i = 0; i < n; i++)
		get_data(r, &more->v[i]);
}

static void get_setting(struct rbuf *r, const struct setting *s, void *p)
{
	struct conf_alg *alg = p;
	struct ep e;

	switch (s->kind) {
	case KIND_NUMBER:
		set_number(p, s->size, rbuf_u64(r));
		break;
	case KIND_ADDR:
		group_get_ep(r, &e);
		*(struct addr *)p = e.addr;
		break;
	case KIND_EP:
		group_get_ep(r, p);
		break;
	case KIND_ALG:
		alg->encr = rbuf_u16(r);
		alg->key_bits = rbuf_u16(r);
		break;
	case KIND_TEXT:
		*(char **)p = get_text(r);
		break;
	case KIND_NAMES:
		get_names(r, p);
		break;
	case KIND_DATA:
		get_more(r, p);
		break;
	}
}

static const struct setting *find_setting(uint8_t number)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(settings); i++)
		if (settings[i].number == number)
			return &settings[i];
	return NULL;
}

static int parse_policy(struct rbuf *r, struct policy *p)
{
	struct rbuf sub;

	if (rbuf_u8(r) != RECORD_VERSION)
		return -EBADMSG;
	p->version = rbuf_u64(r);
	while (!r->err && rbuf_left(r)) {
		const struct setting *set = find_setting(rbuf_u8(r));

		rbuf_sub(r, rbuf_u32(r), &sub);
		/* A setting of a newer release is skipped. */
		if (r->err || !set)
			continue;
		get_setting(&sub, set, (char *)&p->conf + set->offset);
		if (sub.err)
			return sub.err;
	}
	return r->err;
}

static int collect_chunk(void *arg, const char *key, const uint8_t *val,
			 size_t len)
{
	struct wbuf *w = arg;

	(void)key;
	wbuf_put(w, val, len);
	return w->err;
}

int policy_load(struct group *g, struct policy **out)
{
	char key[STORE_KEY_MAX];
	struct policy *p;
	struct rbuf r;
	struct wbuf w;
	int ret;

	wbuf_init(&w, POLICY_MAX);
	p = calloc(1, sizeof(*p));
	ret = p ? group_key(g, "policy", key) : -ENOMEM;
	if (!ret)
		ret = store_each(group_store(g), key, collect_chunk, &w);
	if (!ret && !w.len)
		ret = -ENOENT;
	rbuf_init(&r, w.p, w.len);
	if (!ret) {
		p->conf.name = strdup(g->conf->name);
		p->conf.rekey_interface = NULL;
		ret = p->conf.name ? parse_policy(&r, p) : -ENOMEM;
	}
	if (!ret && !p->conf.rekey_interface)
		ret = -EBADMSG;
	/* More than policy_put() has room for. */
	if (ret == -EMSGSIZE)
		ret = -EBADMSG;
	wbuf_free(&w);
	if (ret) {
		policy_free(p);
		return ret;
	}
	*out = p;
	return 0;
}
