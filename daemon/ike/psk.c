// SPDX-License-Identifier: Apache-2.0
#include "ike/psk.h"

#include <ctype.h>
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "crypto/cert.h"
#include "crypto/hash.h"
#include "lib/file.h"
#include "lib/secret.h"
#include "lib/util.h"

/* 17 octets without the terminator. */
#define PSK_PAD "Key Pad for IKEv2"
#define KEY_ID_PREFIX "key-id:"
#define KEY_ID_MAX 128

/* Every PRF that an IKE SA may have. */
static const uint16_t prfs[] = {
	IKE_PRF_HMAC_SHA2_256,
	IKE_PRF_HMAC_SHA2_384,
	IKE_PRF_HMAC_SHA2_512,
};

/* The part of AUTH that a key decides: prf(key, "Key Pad for IKEv2"). */
struct key_pad {
	unsigned int prf;
	uint8_t p[PRF_MAX_LEN];
	const struct psk *of;
};

/* An entry of the table, in secret memory. */
struct psk_entry {
	struct psk psk; /* first, so that by_id has it */
	struct key_pad pads[ARRAY_SIZE(prfs)];
};

/* Trees of the entries and of all their pads. */
struct psks {
	void *by_id;
	void *by_pad;
};

/* ---- identities --------------------------------------------------------- */

/*
 * A KEY_ID has neither '@' nor '=', so its text is no mail address and no
 * subject of a certificate.
 */
static bool is_key_id(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)p[i]) &&
		    (!p[i] || !strchr("-._", p[i])))
			return false;
	return len && len <= KEY_ID_MAX;
}

int peer_id_str(const struct ike_id *id, char *buf, size_t size)
{
	size_t n = strlen(KEY_ID_PREFIX);

	if (id->type != IKE_ID_KEY_ID)
		return cert_id_str(id->type, id->data, id->len, buf, size);
	if (!is_key_id((const char *)id->data, id->len))
		return -EINVAL;
	if (size <= n + id->len)
		return -ENOSPC;
	memcpy(buf, KEY_ID_PREFIX, n);
	memcpy(buf + n, id->data, id->len);
	buf[n + id->len] = '\0';
	return 0;
}

int peer_id_parse(struct ike_id *id, const char *text)
{
	char buf[ID_STR_MAX];
	size_t n = strlen(KEY_ID_PREFIX);
	int ret;

	if (!strncmp(text, KEY_ID_PREFIX, n))
		ret = is_key_id(text + n, strlen(text + n))
			      ? id_set(id, IKE_ID_KEY_ID, text + n,
				       strlen(text + n))
			      : -EINVAL;
	else
		ret = id_from_text(id, text);
	return ret || peer_id_str(id, buf, sizeof(buf)) ? -EINVAL : 0;
}

/* ---- the table ---------------------------------------------------------- */

static int compare_ids(const void *a, const void *b)
{
	return strcasecmp(((const struct psk *)a)->id,
			  ((const struct psk *)b)->id);
}

static int compare_pads(const void *a, const void *b)
{
	const struct key_pad *x = a, *y = b;

	if (x->prf != y->prf)
		return x->prf < y->prf ? -1 : 1;
	return memcmp(x->p, y->p, sizeof(x->p));
}

int psks_new(struct psks **out)
{
	struct psks *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	*out = p;
	return 0;
}

static void free_entry(struct psk_entry *e)
{
	free(e->psk.id);
	secret_free(e->psk.key);
	secret_free(e);
}

void psks_free(struct psks *p)
{
	if (!p)
		return;
	while (p->by_pad)
		tdelete(*(struct key_pad **)p->by_pad, &p->by_pad,
			compare_pads);
	while (p->by_id) {
		struct psk_entry *e = *(struct psk_entry **)p->by_id;

		tdelete(e, &p->by_id, compare_ids);
		free_entry(e);
	}
	free(p);
}

static int make_pad(unsigned int prf_id, const struct psk *psk,
		    uint8_t out[PRF_MAX_LEN])
{
	return prf_one(prf_id, psk->key, psk->len, PSK_PAD, sizeof(PSK_PAD) - 1,
		       out);
}

/*
 * Keys of other octets may give one AUTH: HMAC fills a key with zeros, and hashes
 * one that is longer than a block. Two keys are therefore equal if their pads are,
 * by any PRF.
 */
static int make_pads(struct psk_entry *e)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < ARRAY_SIZE(prfs); i++) {
		e->pads[i].prf = prfs[i];
		e->pads[i].of = &e->psk;
		ret = make_pad(prfs[i], &e->psk, e->pads[i].p);
	}
	return ret;
}

static void remove_pads(struct psks *p, struct psk_entry *e, size_t n)
{
	while (n--)
		tdelete(&e->pads[n], &p->by_pad, compare_pads);
}

static int insert_pads(struct psks *p, struct psk_entry *e, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(prfs); i++) {
		struct key_pad **at =
			tsearch(&e->pads[i], &p->by_pad, compare_pads);
		const struct psk *has = at ? (*at)->of : NULL;

		if (has == &e->psk)
			continue;
		remove_pads(p, e, i);
		if (!has)
			return err_set(err, -ENOMEM, "out of memory");
		return err_set(err, -EEXIST,
			       "%s has the key of %s, and either could claim to be the other; give each its own",
			       e->psk.id, has->id);
	}
	return 0;
}

/* Add to both trees, or to none. */
static int insert_entry(struct psks *p, struct psk_entry *e, struct err *err)
{
	struct psk_entry **at = tsearch(e, &p->by_id, compare_ids);
	int ret;

	if (!at)
		return err_set(err, -ENOMEM, "out of memory");
	if (*at != e)
		return err_set(err, -EEXIST, "%s is there twice", e->psk.id);
	ret = insert_pads(p, e, err);
	if (ret)
		tdelete(e, &p->by_id, compare_ids);
	return ret;
}

int psks_add(struct psks *p, const char *id, const void *key, size_t len,
	     struct err *err)
{
	char name[ID_STR_MAX];
	struct ike_id parsed;
	struct psk_entry *e;
	int ret;

	if (peer_id_parse(&parsed, id) ||
	    peer_id_str(&parsed, name, sizeof(name)))
		return err_set(err, -EINVAL,
			       "%s is neither a DNS name, a mail address, an IP address nor key-id:NAME",
			       id);
	if (len < PSK_MIN || len > PSK_MAX)
		return err_set(err, -EINVAL,
			       "the key of %s has %zu octets, and needs %d to %d; \"openssl rand -hex 32\" makes one, to be written behind 0x",
			       id, len, PSK_MIN, PSK_MAX);
	e = secret_alloc(sizeof(*e));
	if (!e)
		return err_set(err, -ENOMEM, "out of memory");
	/* An address has several forms, and psks_find() is given this one. */
	e->psk.id = strdup(name);
	e->psk.key = secret_dup(key, len);
	e->psk.len = len;
	if (!e->psk.id || !e->psk.key)
		ret = err_set(err, -ENOMEM, "out of memory");
	else if (make_pads(e))
		ret = err_set(err, -EIO, "the key of %s cannot be used by HMAC",
			      id);
	else
		ret = insert_entry(p, e, err);
	if (ret)
		free_entry(e);
	return ret;
}

/* Decode the digits in place. Returns their octets, 0 if they are none. */
static size_t decode_hex(uint8_t *p, size_t len)
{
	if (len % 2)
		return 0;
	for (size_t i = 0; i < len / 2; i++) {
		int hi = hex_value(p[2 * i]), lo = hex_value(p[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return 0;
		p[i] = hi << 4 | lo;
	}
	return len / 2;
}

static bool is_printable(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] < ' ' || p[i] > '~')
			return false;
	return true;
}

/* Find the key in the octets of a file, which hexadecimal digits change. */
static int decode_key(uint8_t *text, size_t len, const uint8_t **key,
		      size_t *key_len)
{
	if (len && text[len - 1] == '\n')
		len--;
	if (len && text[len - 1] == '\r')
		len--;
	*key = text;
	*key_len = len;
	if (len >= 2 && text[0] == '0' && (text[1] | 0x20) == 'x') {
		*key = text + 2;
		*key_len = decode_hex(text + 2, len - 2);
		return *key_len ? 0 : -EINVAL;
	}
	return is_printable(text, len) ? 0 : -EINVAL;
}

int psk_read_file(const char *path, uint8_t **out, size_t *out_len,
		  struct err *err)
{
	const uint8_t *key;
	size_t len, key_len;
	uint8_t *text;
	int ret;

	ret = file_read_secret(path, 2 * PSK_MAX + 4, &text, &len, err);
	if (ret)
		return ret;
	if (decode_key(text, len, &key, &key_len)) {
		ret = err_set(err, -EINVAL,
			      "%s: neither 0x and pairs of hexadecimal digits nor one line of printable ASCII",
			      path);
	} else {
		*out = secret_dup(key, key_len);
		*out_len = key_len;
		if (!*out)
			ret = err_set(err, -ENOMEM, "%s: out of memory", path);
	}
	secret_free(text);
	return ret;
}

int psks_load(struct psks *p, const char *id, const char *path, struct err *err)
{
	struct err why;
	uint8_t *key;
	size_t len;
	int ret;

	ret = psk_read_file(path, &key, &len, err);
	if (ret)
		return ret;
	ret = psks_add(p, id, key, len, &why);
	secret_free(key);
	return ret ? err_set(err, ret, "%s: %s", path, why.text) : 0;
}

const struct psk *psks_find(const struct psks *p, const char *id)
{
	const struct psk like = { .id = (char *)id };
	struct psk **at;

	if (!p)
		return NULL;
	at = tfind(&like, &p->by_id, compare_ids);
	return at ? *at : NULL;
}

bool psk_same(const struct psk *a, const struct psk *b)
{
	if (!a || !b)
		return a == b;
	return a->len == b->len && crypto_equal(a->key, b->key, a->len);
}

struct diff {
	const struct psks *other;
	bool removed; /* report those that @other lacks, and no others */
	psk_diff_fn *fn;
	void *arg;
};

static void diff_entry(const void *node, VISIT which, void *arg)
{
	const struct psk *e = *(const struct psk *const *)node;
	const struct psk *o;
	struct diff *d = arg;

	if (which != postorder && which != leaf)
		return;
	o = psks_find(d->other, e->id);
	if (d->removed && !o)
		d->fn(d->arg, e->id, e, NULL);
	else if (!d->removed && !psk_same(o, e))
		d->fn(d->arg, e->id, o, e);
}

void psks_diff(const struct psks *from, const struct psks *to, psk_diff_fn *fn,
	       void *arg)
{
	struct diff d = { .other = to, .removed = true, .fn = fn, .arg = arg };

	if (from)
		twalk_r(from->by_id, diff_entry, &d);
	d.other = from;
	d.removed = false;
	if (to)
		twalk_r(to->by_id, diff_entry, &d);
}

/* ---- AUTH --------------------------------------------------------------- */

int psk_mac(unsigned int prf_id, const struct psk *psk, const uint8_t *octets,
	    size_t len, uint8_t out[PRF_MAX_LEN])
{
	uint8_t pad[PRF_MAX_LEN];
	int ret;

	ret = make_pad(prf_id, psk, pad);
	if (!ret)
		ret = prf_one(prf_id, pad, prf_len(prf_id), octets, len, out);
	secret_wipe(pad, sizeof(pad));
	if (ret)
		secret_wipe(out, PRF_MAX_LEN);
	return ret;
}
