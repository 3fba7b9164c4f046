// SPDX-License-Identifier: Apache-2.0
/*
 * Records of a group's keys in the store:
 *
 *	g/NAME/state	struct gkm_state
 *	g/NAME/sign	private key of GSA_REKEY, DER
 *	g/NAME/id	next Key ID of the tree
 *	g/NAME/t/SLOT	node of the tree
 *	g/NAME/o/SEQ	message with copies still to be sent (outbox.c)
 *	g/NAME/m/ID	member (gmc.c), g/NAME/d/ID denied identity (gmc.c)
 */
#include "gcks/gkm_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/sign.h"
#include "crypto/wrap.h"
#include "gcks/gkm_policy.h"
#include "gcks/gmc.h"
#include "gcks/group_key.h"
#include "gcks/group_time.h"
#include "gcks/outbox.h"
#include "gcks/witness.h"
#include "gcks/wraps.h"
#include "lib/log.h"
#include "lib/secret.h"

/*
 * Version 1 has no count of changes, no group time and no announced SPIs of
 * Data SAs; version 2 does not have the time of the signing key; version 3 does
 * not have what the administrator asked for; version 4 has one Data SA.
 */
#define STATE_VERSION_OLD 1
#define STATE_VERSION_UNSIGNED 2
#define STATE_VERSION_UNASKED 3
#define STATE_VERSION_ONE 4
#define STATE_VERSION 5
#define STATE_MAX 4096

int gkm_policy_digest(const struct conf_group *conf,
		      uint8_t digest[static GKM_DIGEST])
{
	char a[ADDR_STRLEN], b[EP_STRLEN], c[ADDR_STRLEN];
	struct iovec iov[2 + CONF_MAX_DATA] = {};
	char more[CONF_MAX_DATA][SELECTOR_STRLEN + 16];
	char sel[SELECTOR_STRLEN], sel_of[SELECTOR_STRLEN];
	char text[512];
	size_t i;

	iov[0].iov_base = text;
	iov[0].iov_len =
		snprintf(text, sizeof(text), "1 %s %s %s %u-%u %u-%u %u %u %u",
			 addr_str(&conf->sel.dst, a),
			 ep_str(&conf->rekey_to, b),
			 addr_str(&conf->rekey_source, c), conf->alg.encr,
			 conf->alg.key_bits, conf->kek_alg.encr,
			 conf->kek_alg.key_bits, conf->kwa, conf->rekey_sign,
			 conf->sender_id_bits);
	/*
	 * A group of an address alone has the digest of earlier releases, and
	 * keeps its keys over an upgrade.
	 */
	if (conf->tunnel || conf->sel.dst_len || selector_is_part(&conf->sel)) {
		iov[1].iov_base = sel;
		iov[1].iov_len = strlen(selector_str(&conf->sel, sel));
		iov[0].iov_len += snprintf(text + iov[0].iov_len,
					   sizeof(text) - iov[0].iov_len,
					   conf->tunnel ? " tunnel " : " ");
	}
	for (i = 1; i < conf_n_data(conf); i++) {
		const struct conf_alg *alg = conf_alg(conf, i);

		iov[1 + i].iov_base = more[i];
		iov[1 + i].iov_len =
			snprintf(more[i], sizeof(more[i]), " %u-%u %s",
				 alg->encr, alg->key_bits,
				 selector_str(conf_sel(conf, i), sel_of));
	}
	return hash_sha256(iov, 1 + i, digest);
}

/* ---- state -------------------------------------------------------------- */

static void put_key(struct wbuf *w, const struct gkey *k)
{
	wbuf_put(w, k->spi, sizeof(k->spi));
	wbuf_u64(w, k->made);
	wbuf_u32(w, k->lifetime);
	wbuf_u16(w, k->len);
	wbuf_put(w, k->keymat, k->len);
}

static void get_key(struct rbuf *r, struct gkey *k)
{
	rbuf_copy(r, k->spi, sizeof(k->spi));
	k->made = rbuf_u64(r);
	k->lifetime = rbuf_u32(r);
	k->len = rbuf_u16(r);
	if (k->len > sizeof(k->keymat))
		r->err = -EBADMSG;
	else
		rbuf_copy(r, k->keymat, k->len);
}

int gkm_put_state(struct group *g, const struct gkm_state *st)
{
	char key[STORE_KEY_MAX];
	struct wbuf w;
	unsigned int i;
	int ret;

	ret = group_key(g, "state", key);
	if (ret)
		return ret;
	wbuf_init(&w, STATE_MAX);
	wbuf_u8(&w, STATE_VERSION);
	wbuf_put(&w, st->policy, sizeof(st->policy));
	wbuf_u64(&w, st->version);
	wbuf_u8(&w, st->keyed);
	wbuf_u64(&w, st->next_number);
	wbuf_u32(&w, st->next_sid);
	wbuf_u32(&w, st->next_mid);
	put_key(&w, &st->rekey);
	put_key(&w, &st->data[0].key);
	wbuf_put(&w, st->next_spi, sizeof(st->next_spi));
	wbuf_put(&w, st->data[0].next_spi, sizeof(st->data[0].next_spi));
	wbuf_u64(&w, st->time_ms);
	wbuf_u16(&w, st->kek.encr);
	wbuf_u16(&w, st->kek.key_bits);
	wbuf_u16(&w, st->kwa);
	group_put_ep(&w, &st->to);
	wbuf_u8(&w, st->n_old);
	for (i = 0; i < st->n_old; i++) {
		wbuf_u32(&w, st->old[i].spi);
		wbuf_u64(&w, st->old[i].until);
	}
	wbuf_u64(&w, st->sign_made);
	wbuf_u8(&w, st->asked);
	wbuf_u8(&w, st->n_data);
	for (i = 1; i < st->n_data; i++) {
		put_key(&w, &st->data[i].key);
		wbuf_put(&w, st->data[i].next_spi,
			 sizeof(st->data[i].next_spi));
	}
	ret = w.err;
	if (!ret)
		ret = store_put(group_store(g), key, w.p, w.len);
	wbuf_free(&w);
	return ret;
}

int gkm_count(struct group *g)
{
	struct gkm_state next = g->st;
	int ret;

	next.version++;
	ret = gkm_put_state(g, &next);
	explicit_bzero(&next, sizeof(next));
	return ret;
}

/* Read the Data SAs behind the first one, which a former release did not have. */
static void get_more_data(struct rbuf *r, struct gkm_state *st,
			  unsigned int version)
{
	unsigned int i;

	st->n_data = version > STATE_VERSION_ONE ? rbuf_u8(r) : st->keyed;
	if (st->n_data > CONF_MAX_DATA || (st->keyed && !st->n_data)) {
		st->n_data = 0;
		r->err = -EBADMSG;
	}
	for (i = 1; i < st->n_data; i++) {
		get_key(r, &st->data[i].key);
		rbuf_copy(r, st->data[i].next_spi,
			  sizeof(st->data[i].next_spi));
	}
}

static int parse_state(struct gkm_state *st, const struct wbuf *w)
{
	unsigned int i, version;
	struct rbuf r;

	rbuf_init(&r, w->p, w->len);
	version = rbuf_u8(&r);
	if (!version || version > STATE_VERSION)
		return -EBADMSG;
	rbuf_copy(&r, st->policy, sizeof(st->policy));
	st->version = version == STATE_VERSION_OLD ? 0 : rbuf_u64(&r);
	st->keyed = rbuf_u8(&r);
	st->next_number = rbuf_u64(&r);
	st->next_sid = rbuf_u32(&r);
	st->next_mid = rbuf_u32(&r);
	get_key(&r, &st->rekey);
	get_key(&r, &st->data[0].key);
	rbuf_copy(&r, st->next_spi, sizeof(st->next_spi));
	if (version != STATE_VERSION_OLD) {
		rbuf_copy(&r, st->data[0].next_spi,
			  sizeof(st->data[0].next_spi));
		st->time_ms = rbuf_u64(&r);
	}
	st->kek.encr = rbuf_u16(&r);
	st->kek.key_bits = rbuf_u16(&r);
	st->kwa = rbuf_u16(&r);
	group_get_ep(&r, &st->to);
	st->n_old = rbuf_u8(&r);
	if (st->n_old > GKM_OLD_MAX)
		return -EBADMSG;
	for (i = 0; i < st->n_old; i++) {
		st->old[i].spi = rbuf_u32(&r);
		st->old[i].until = rbuf_u64(&r);
	}
	if (version > STATE_VERSION_UNSIGNED)
		st->sign_made = rbuf_u64(&r);
	if (version > STATE_VERSION_UNASKED)
		st->asked = rbuf_u8(&r);
	get_more_data(&r, st, version);
	return r.err || rbuf_left(&r) || !st->next_number ? -EBADMSG : 0;
}

/* ---- signing key -------------------------------------------------------- */

int gkm_put_sign(struct group *g, const struct sigkey *sign)
{
	char key[STORE_KEY_MAX];
	uint8_t *der;
	size_t len;
	int ret;

	ret = group_key(g, "sign", key);
	if (!ret)
		ret = sigkey_to_der(sign, &der, &len);
	if (ret)
		return ret;
	ret = store_put(group_store(g), key, der, len);
	secret_free(der);
	return ret;
}

/* Read the signing key, or make one for a new group or another key type. */
static int load_sign(struct group *g)
{
	struct store *s = group_store(g);
	char key[STORE_KEY_MAX];
	struct wbuf w;
	int ret;

	ret = group_key(g, "sign", key);
	if (ret)
		return ret;
	wbuf_init(&w, STORE_VALUE_MAX);
	ret = store_get(s, key, &w);
	if (!ret)
		ret = sigkey_from_der(w.p, w.len, &g->sign);
	wbuf_free(&w);
	if (ret != -ENOENT)
		return ret;
	ret = sigkey_generate(g->conf->rekey_sign, &g->sign);
	if (!ret)
		ret = store_begin(s);
	if (ret)
		return ret;
	ret = gkm_put_sign(g, g->sign);
	if (!ret)
		return store_commit(s);
	store_abort(s);
	return ret;
}

/* ---- tree --------------------------------------------------------------- */

static int put_node(void *ctx, uint32_t slot, const uint8_t *rec, size_t len)
{
	char key[STORE_KEY_MAX];
	struct group *g = ctx;
	int ret;

	ret = group_key_num(g, "t", slot, key);
	if (ret)
		return ret;
	return rec ? store_put(group_store(g), key, rec, len)
		   : store_del(group_store(g), key);
}

int gkm_put_tree(struct group *g)
{
	char key[STORE_KEY_MAX];
	int ret;

	ret = group_key(g, "id", key);
	if (!ret)
		ret = store_put_u64(group_store(g), key, lkh_next_id(g->tree));
	return ret ? ret : lkh_export(g->tree, put_node, g);
}

/* The next Key ID may stay: an empty tree begins with any. */
int gkm_del_tree(struct group *g)
{
	char key[STORE_KEY_MAX];
	int ret = group_key(g, "t", key);

	return ret ? ret : store_del_prefix(group_store(g), key);
}

static int load_node(void *arg, const char *key, const uint8_t *val, size_t len)
{
	struct group *g = arg;
	uint64_t slot = group_key_number(key);

	if (progress_step(&g->progress))
		group_info(g, "store being read: %u keys of the tree so far",
			   g->progress.n);
	return slot > UINT32_MAX ? -EBADMSG
				 : lkh_import(g->tree, slot, val, len);
}

static int load_leaf(void *arg, uint64_t member, uint32_t leaf)
{
	struct group *g = arg;
	struct gmember *m = gmc_find_number(g, member);

	if (!m || m->leaf)
		return -EBADMSG;
	m->leaf = leaf;
	return 0;
}

static int load_tree(struct group *g)
{
	struct htab_walk w = { 0 };
	char key[STORE_KEY_MAX];
	struct gmember *m;
	uint64_t id;
	int ret;

	ret = group_key(g, "id", key);
	if (!ret)
		ret = store_get_u64(group_store(g), key, &id);
	if (ret == -ENOENT)
		return g->n_members ? -EBADMSG : 0;
	if (!ret && id > UINT32_MAX)
		ret = -EBADMSG;
	g->progress.n = 0;
	if (!ret)
		ret = group_key(g, "t", key);
	if (!ret)
		ret = store_each(group_store(g), key, load_node, g);
	if (!ret)
		ret = lkh_import_end(g->tree, id, load_leaf, g);
	if (ret)
		return ret;
	while ((m = gmc_each(g, &w)))
		if (!m->leaf)
			return -EBADMSG;
	return 0;
}

int gkm_load(struct group *g, bool *changed, const char **disown,
	     struct err *err)
{
	uint8_t digest[GKM_DIGEST];
	char key[STORE_KEY_MAX];
	struct wbuf w;
	int64_t age;
	bool known;
	int ret;

	*changed = false;
	*disown = NULL;
	ret = commit_load(g);
	if (!ret)
		ret = gkm_policy_digest(g->conf, digest);
	if (!ret)
		ret = load_sign(g);
	if (ret)
		goto out;
	ret = group_key(g, "state", key);
	if (ret)
		goto out;
	wbuf_init(&w, STATE_MAX);
	ret = store_get(group_store(g), key, &w);
	if (!ret)
		ret = parse_state(&g->st, &w);
	wbuf_free(&w);
	known = !ret;
	gkm_time_floor(g);
	/*
	 * The key was made just now, or by a release that did not store the
	 * time.
	 */
	if (!g->st.sign_made)
		g->st.sign_made = group_wall(g);
	if (ret == -ENOENT && !g->n_members) {
		memcpy(g->st.policy, digest, sizeof(digest));
		ret = 0;
	} else if (!ret) {
		*changed = memcmp(g->st.policy, digest, sizeof(digest));
	}
	if (!ret) {
		ret = witness_check(g, known, disown, err);
		if (ret || *disown) {
			gmc_load_end(g);
			return ret;
		}
	}
	if (!ret && !*changed)
		ret = load_tree(g);
	wraps_reserve(g);
	if (!ret && g->st.keyed) {
		ret = gkm_rekey_sa(g, &g->st, g->sign, &g->rs);
		g->rs.next_mid = g->st.next_mid;
		/* Nobody can have reported to this key server before its start. */
		g->change_times[g->rekeys % GKM_CHANGES] = group_now_ms(g);
		age = group_wall(g) - g->st.data[0].key.made;
		if (age > 0)
			g->change_ms = group_now_ms(g) - age * MSEC_PER_SEC;
	}
	if (!ret)
		ret = outbox_load(g);
out:
	gmc_load_end(g);
	if (ret)
		err_set(err, ret, "group %s: keys in the store: %s",
			g->conf->name, store_reason(group_store(g), ret));
	return ret;
}
