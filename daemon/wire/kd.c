// SPDX-License-Identifier: Apache-2.0
/* The KD payload (RFC 9838 section 4.5), and the wrapped keys in it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/wrap.h"
#include "wire/gpayload.h"
#include "lib/secret.h"

void kd_init(struct kd *kd)
{
	memset(kd, 0, sizeof(*kd));
}

void kd_free(struct kd *kd)
{
	for (unsigned int i = 0; i < kd->n_bags; i++)
		free(kd->bags[i].keys);
	free(kd->wrap);
	free(kd->auth_key);
	free(kd->sender_ids);
	secret_wipe(kd, sizeof(*kd));
}

/*
 * Return the array @p of @n entries with room for one more; sizes are powers
 * of two. Returns NULL and sets *@err at the limit or if memory is short; then
 * @p is unchanged.
 */
static void *grow_array(void *p, unsigned int n, unsigned int max, size_t size,
			int *err)
{
	*err = 0;
	if (n >= max) {
		*err = -E2BIG;
		return NULL;
	}
	if (n & (n - 1))
		return p;
	p = reallocarray(p, n ? 2 * (size_t)n : 1, size);
	if (!p)
		*err = -ENOMEM;
	return p;
}

static bool spi_len_of(uint8_t proto, uint8_t *len)
{
	switch (proto) {
	case GIKE_PROTO_GIKE_UPDATE:
		*len = GIKE_SPI_LEN_REKEY;
		return true;
	case IKE_PROTO_AH:
	case IKE_PROTO_ESP:
		*len = GIKE_SPI_LEN_DATA;
		return true;
	}
	return false;
}

static struct kd_bag *find_bag(const struct kd *kd, uint8_t proto,
			       const uint8_t *spi)
{
	for (unsigned int i = 0; i < kd->n_bags; i++) {
		const struct kd_bag *b = &kd->bags[i];

		if (b->proto == proto && !memcmp(b->spi, spi, b->spi_len))
			return (struct kd_bag *)b;
	}
	return NULL;
}

const struct kd_bag *kd_find(const struct kd *kd, uint8_t proto,
			     const uint8_t *spi)
{
	return find_bag(kd, proto, spi);
}

int kd_bag(struct kd *kd, uint8_t proto, const uint8_t *spi,
	   struct kd_bag **bag)
{
	struct kd_bag *b;
	uint8_t len;

	if (!spi_len_of(proto, &len))
		return -EINVAL;
	*bag = find_bag(kd, proto, spi);
	if (*bag)
		return 0;
	if (kd->n_bags == KD_MAX_BAGS)
		return -E2BIG;
	b = &kd->bags[kd->n_bags++];
	memset(b, 0, sizeof(*b));
	b->proto = proto;
	b->spi_len = len;
	memcpy(b->spi, spi, len);
	*bag = b;
	return 0;
}

int kd_bag_add(struct kd_bag *bag, const struct kd_key *key)
{
	/* @key may be an entry of the array that moves. */
	struct kd_key copy = *key;
	struct kd_key *keys;
	int ret;

	keys = grow_array(bag->keys, bag->n, KD_MAX_SA_KEYS, sizeof(*key),
			  &ret);
	if (!keys)
		return ret;
	bag->keys = keys;
	bag->keys[bag->n++] = copy;
	return 0;
}

int kd_wrap_add(struct kd *kd, const struct kd_key *key)
{
	struct kd_key copy = *key;
	struct kd_key *wrap;
	int ret;

	wrap = grow_array(kd->wrap, kd->n_wrap, KD_MAX_WRAP_KEYS, sizeof(*key),
			  &ret);
	if (!wrap)
		return ret;
	kd->wrap = wrap;
	kd->wrap[kd->n_wrap++] = copy;
	return 0;
}

int kd_set_auth_key(struct kd *kd, const uint8_t *spki, size_t len)
{
	uint8_t *copy;

	if (!len)
		return -EINVAL;
	if (len > SIG_MAX_SPKI)
		return -E2BIG;
	copy = malloc(len);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, spki, len);
	free(kd->auth_key);
	kd->auth_key = copy;
	kd->auth_key_len = len;
	return 0;
}

static int add_sender_id(struct kd *kd, uint64_t id)
{
	uint64_t *ids;
	int ret;

	ids = grow_array(kd->sender_ids, kd->n_sender_ids, KD_MAX_SENDER_IDS,
			 sizeof(id), &ret);
	if (!ids)
		return ret;
	kd->sender_ids = ids;
	kd->sender_ids[kd->n_sender_ids++] = id;
	return 0;
}

int kd_add_sender_id(struct kd *kd, uint32_t sender_id)
{
	return add_sender_id(kd, sender_id);
}

/* ---- parsing ------------------------------------------------------------ */

/* Parse Key ID, KWK ID and Encrypted Key (RFC 9838 section 4.5.4). */
static int key_parse(struct rbuf *r, struct kd_key *k)
{
	size_t len;

	k->key_id = rbuf_u32(r);
	k->kwk_id = rbuf_u32(r);
	len = rbuf_left(r);
	if (r->err || !len)
		return -EBADMSG;
	if (len > KD_ENC_MAX)
		return -E2BIG;
	rbuf_copy(r, k->enc, len);
	k->len = len;
	return 0;
}

/*
 * Parse one attribute. Returns 1 with its value in @val, 0 at the end, or
 * -EBADMSG. TV attributes are unknown here and are returned as type 0.
 */
static int kd_attr(struct rbuf *r, uint16_t *type, struct rbuf *val)
{
	uint16_t len;

	if (!rbuf_left(r))
		return r->err ? -EBADMSG : 0;
	*type = rbuf_u16(r);
	len = rbuf_u16(r);
	if (r->err)
		return -EBADMSG;
	if (*type & IKE_ATTR_AF) {
		*type = 0;
		return 1;
	}
	return rbuf_sub(r, len, val) ? 1 : -EBADMSG;
}

static int group_bag_parse(struct rbuf *r, uint8_t proto, uint8_t spi_len,
			   struct kd *kd)
{
	uint8_t spi[GIKE_SPI_MAX];
	struct kd_bag *bag;
	struct rbuf val;
	uint8_t want;
	uint16_t type;
	int ret;

	/*
	 * An unknown protocol has no policy that could be used, so its bag is
	 * skipped.
	 */
	if (!spi_len_of(proto, &want))
		return 0;
	if (spi_len != want || !rbuf_copy(r, spi, want) ||
	    find_bag(kd, proto, spi))
		return -EBADMSG;
	ret = kd_bag(kd, proto, spi, &bag);
	if (ret)
		return ret;
	while ((ret = kd_attr(r, &type, &val)) > 0) {
		struct kd_key key;

		if (type != GIKE_GKB_SA_KEY)
			continue;
		ret = key_parse(&val, &key);
		if (!ret)
			ret = kd_bag_add(bag, &key);
		if (ret)
			return ret;
	}
	return ret;
}

/* RFC 9838 gives no length: 1 to 8 octets are accepted, 4 are sent. */
static int sender_id_parse(struct rbuf *r, struct kd *kd)
{
	size_t len = rbuf_left(r);
	uint64_t id = 0;

	if (!len || len > 8)
		return -EBADMSG;
	while (len--)
		id = id << 8 | rbuf_u8(r);
	return add_sender_id(kd, id);
}

static int member_attr(uint16_t type, struct rbuf *val, struct kd *kd)
{
	struct kd_key key;
	size_t len;
	int ret;

	switch (type) {
	case GIKE_MKB_WRAP_KEY:
		ret = key_parse(val, &key);
		if (!ret && !key.key_id)
			ret = -EBADMSG;
		return ret ? ret : kd_wrap_add(kd, &key);
	case GIKE_MKB_AUTH_KEY:
		len = rbuf_left(val);
		if (kd->auth_key_len || !len)
			return -EBADMSG;
		return kd_set_auth_key(kd, rbuf_bytes(val, len), len);
	case GIKE_MKB_GM_SENDER_ID:
		return sender_id_parse(val, kd);
	}
	return 0;
}

static int member_bag_parse(struct rbuf *r, struct kd *kd)
{
	struct rbuf val;
	uint16_t type;
	int ret;

	while ((ret = kd_attr(r, &type, &val)) > 0) {
		ret = type ? member_attr(type, &val, kd) : 0;
		if (ret)
			return ret;
	}
	return ret;
}

static int bag_parse(struct rbuf *r, struct kd *kd)
{
	uint8_t proto = rbuf_u8(r);
	uint8_t spi_len = rbuf_u8(r);
	uint16_t len = rbuf_u16(r);
	struct rbuf sub;

	if (r->err || len < 4 || !rbuf_sub(r, len - 4, &sub))
		return -EBADMSG;
	if (proto == IKE_PROTO_NONE)
		return member_bag_parse(&sub, kd);
	return group_bag_parse(&sub, proto, spi_len, kd);
}

int kd_parse(struct rbuf *r, struct kd *kd)
{
	int ret = 0;

	kd_init(kd);
	while (!ret && rbuf_left(r))
		ret = bag_parse(r, kd);
	if (!ret && r->err)
		ret = -EBADMSG;
	if (ret)
		kd_free(kd);
	return ret;
}

/* ---- building ----------------------------------------------------------- */

static void key_build(struct wbuf *w, uint16_t type, const struct kd_key *k)
{
	wbuf_u16(w, type);
	wbuf_u16(w, 8 + k->len);
	wbuf_u32(w, k->key_id);
	wbuf_u32(w, k->kwk_id);
	wbuf_put(w, k->enc, k->len);
}

static size_t bag_begin(struct wbuf *w, uint8_t proto, uint8_t spi_len)
{
	size_t start = w->len;

	wbuf_u8(w, proto);
	wbuf_u8(w, spi_len);
	wbuf_u16(w, 0);
	return start;
}

/*
 * A bag longer than 16 bits makes its payload longer than 16 bits, which
 * pchain_end() detects.
 */
static void bag_end(struct wbuf *w, size_t start)
{
	wbuf_patch_u16(w, start + 2, w->len - start);
}

void kd_build(struct pchain *c, const struct kd *kd)
{
	struct wbuf *w = c->w;
	size_t start;

	pchain_begin(c, GIKE_PLD_KD);
	for (unsigned int i = 0; i < kd->n_bags; i++) {
		const struct kd_bag *b = &kd->bags[i];

		start = bag_begin(w, b->proto, b->spi_len);
		wbuf_put(w, b->spi, b->spi_len);
		for (unsigned int k = 0; k < b->n; k++)
			key_build(w, GIKE_GKB_SA_KEY, &b->keys[k]);
		bag_end(w, start);
	}
	if (kd->n_wrap || kd->auth_key_len || kd->n_sender_ids) {
		start = bag_begin(w, IKE_PROTO_NONE, 0);
		for (unsigned int i = 0; i < kd->n_wrap; i++)
			key_build(w, GIKE_MKB_WRAP_KEY, &kd->wrap[i]);
		if (kd->auth_key_len) {
			wbuf_u16(w, GIKE_MKB_AUTH_KEY);
			wbuf_u16(w, kd->auth_key_len);
			wbuf_put(w, kd->auth_key, kd->auth_key_len);
		}
		for (unsigned int i = 0; i < kd->n_sender_ids; i++) {
			wbuf_u16(w, GIKE_MKB_GM_SENDER_ID);
			wbuf_u16(w, 4);
			wbuf_u32(w, kd->sender_ids[i]);
		}
		bag_end(w, start);
	}
	pchain_end(c);
}

/* ---- key wrapping ------------------------------------------------------- */

int kwa_key_len(uint16_t kwa)
{
	size_t len = wrap_key_len(kwa);

	return len ? (int)len : -ENOTSUP;
}

int kwk_set(struct kwk *k, uint16_t kwa, const uint8_t *key, size_t len)
{
	int want = kwa_key_len(kwa);

	if (want < 0)
		return want;
	if ((size_t)want != len || len > KWK_MAX)
		return -EINVAL;
	memset(k, 0, sizeof(*k));
	k->kwa = kwa;
	k->len = len;
	memcpy(k->key, key, len);
	return 0;
}

void kwk_wipe(struct kwk *k)
{
	secret_wipe(k, sizeof(*k));
}

int kwk_wrap(const struct kwk *k, uint32_t key_id, uint32_t kwk_id,
	     const uint8_t *plain, size_t plain_len, struct kd_key *out)
{
	memset(out, 0, sizeof(*out));
	if (!plain_len || plain_len > KD_PLAIN_MAX)
		return -EINVAL;
	out->key_id = key_id;
	out->kwk_id = kwk_id;
	out->len = wrap_len(plain_len);
	return wrap_key(k->kwa, k->key, k->len, plain, plain_len, out->enc);
}

int kwk_unwrap(const struct kwk *k, const struct kd_key *in, uint8_t *plain,
	       size_t want)
{
	size_t len = 0;
	int ret;

	if (!want || want > KD_PLAIN_MAX || in->len > KD_ENC_MAX)
		return -EINVAL;
	/*
	 * The lengths are public, so they are checked before the key is used.
	 */
	if (in->len != wrap_len(want)) {
		secret_wipe(plain, want);
		return -EBADMSG;
	}
	ret = unwrap_key(k->kwa, k->key, k->len, in->enc, in->len, plain, want,
			 &len);
	if (!ret && len == want)
		return 0;
	secret_wipe(plain, want);
	return ret == -EOPNOTSUPP || ret == -EIO ? ret : -EBADMSG;
}
