// SPDX-License-Identifier: Apache-2.0
#include "wire/entitle.h"

#include <errno.h>
#include <string.h>

#define VERSION 1

#define FLAG_RELAY 0x01

static int put_name(struct wbuf *w, const char *group)
{
	size_t len = strnlen(group, GRANT_GROUP_MAX + 1);

	if (!len || len > GRANT_GROUP_MAX)
		return -EINVAL;
	wbuf_u8(w, (uint8_t)len);
	wbuf_put(w, group, len);
	return w->err;
}

static bool read_name(struct rbuf *r, char group[GRANT_GROUP_MAX + 1])
{
	size_t len = rbuf_u8(r);
	const uint8_t *p = rbuf_bytes(r, len);

	if (!p || !len || len > GRANT_GROUP_MAX || memchr(p, 0, len))
		return false;
	memcpy(group, p, len);
	return true;
}

/* ---- request ------------------------------------------------------------ */

int grant_request_put(struct wbuf *w, const struct grant_request *req)
{
	wbuf_u8(w, VERSION);
	wbuf_u8(w, req->relay ? FLAG_RELAY : 0);
	return put_name(w, req->group);
}

int grant_request_parse(const uint8_t *p, size_t len, struct grant_request *out)
{
	struct rbuf r;
	uint8_t flags;

	memset(out, 0, sizeof(*out));
	rbuf_init(&r, p, len);
	if (rbuf_u8(&r) != VERSION)
		return -EBADMSG;
	flags = rbuf_u8(&r);
	if (flags & ~FLAG_RELAY || !read_name(&r, out->group))
		return -EBADMSG;
	out->relay = flags & FLAG_RELAY;
	return r.err || rbuf_left(&r) ? -EBADMSG : 0;
}

/* ---- answer ------------------------------------------------------------- */

static bool is_grant_answer_sound(const struct grant_answer *ans)
{
	bool given = ans->verdict == GRANT_GIVEN;

	return ans->verdict >= GRANT_GIVEN && ans->verdict < GRANT_VERDICTS &&
	       given == !!ans->key_len && given == !!ans->len &&
	       ans->key_len <= GRANT_KEY_MAX && ans->len <= GRANT_MAX;
}

int grant_answer_put(struct wbuf *w, const struct grant_answer *ans)
{
	if (!is_grant_answer_sound(ans))
		return -EINVAL;
	wbuf_u8(w, VERSION);
	wbuf_u8(w, (uint8_t)ans->verdict);
	if (put_name(w, ans->group))
		return -EINVAL;
	wbuf_u16(w, (uint16_t)ans->key_len);
	wbuf_put(w, ans->key, ans->key_len);
	wbuf_u16(w, (uint16_t)ans->len);
	wbuf_put(w, ans->p, ans->len);
	return w->err;
}

int grant_answer_parse(const uint8_t *p, size_t len, struct grant_answer *out)
{
	struct rbuf r;

	memset(out, 0, sizeof(*out));
	rbuf_init(&r, p, len);
	if (rbuf_u8(&r) != VERSION)
		return -EBADMSG;
	out->verdict = rbuf_u8(&r);
	if (!read_name(&r, out->group))
		return -EBADMSG;
	out->key_len = rbuf_u16(&r);
	out->key = rbuf_bytes(&r, out->key_len);
	out->len = rbuf_u16(&r);
	out->p = rbuf_bytes(&r, out->len);
	return r.err || rbuf_left(&r) || !is_grant_answer_sound(out) ? -EBADMSG
								     : 0;
}

const char *grant_verdict_str(enum grant_verdict verdict)
{
	static const char *const text[GRANT_VERDICTS] = {
		[GRANT_GIVEN] = "given",
		[GRANT_NO_MEMBER] = "this host is no member of the group",
		[GRANT_NO_RELAYS] =
			"the group has no relays: name them in \"relays\" of the key server's group",
		[GRANT_NO_RELAY] =
			"this host may not relay the group: name it in \"relays\" of the key server's group",
		[GRANT_BUSY] = "the key server was asked too often",
		[GRANT_FAILED] = "the key server could not sign it",
	};

	return verdict > 0 && verdict < GRANT_VERDICTS ? text[verdict]
						       : "unknown";
}

/* ---- ends --------------------------------------------------------------- */

int grant_ends_put(struct wbuf *w, const struct grant_ends *ends)
{
	unsigned int i;

	if (!ends->n || ends->n > GRANT_ENDS_MAX || ends->at > ends->until)
		return -EINVAL;
	wbuf_u8(w, VERSION);
	if (put_name(w, ends->group))
		return -EINVAL;
	wbuf_u64(w, ends->at);
	wbuf_u64(w, ends->until);
	wbuf_u8(w, (uint8_t)ends->n);
	for (i = 0; i < ends->n; i++) {
		if (!ends->id[i].len || ends->id[i].len > GRANT_ID_MAX)
			return -EINVAL;
		wbuf_u16(w, (uint16_t)ends->id[i].len);
		wbuf_put(w, ends->id[i].p, ends->id[i].len);
	}
	return w->err;
}

int grant_ends_parse(const uint8_t *p, size_t len, struct grant_ends *out)
{
	unsigned int i;
	struct rbuf r;

	memset(out, 0, sizeof(*out));
	rbuf_init(&r, p, len);
	if (rbuf_u8(&r) != VERSION || !read_name(&r, out->group))
		return -EBADMSG;
	out->at = rbuf_u64(&r);
	out->until = rbuf_u64(&r);
	out->n = rbuf_u8(&r);
	if (!out->n || out->n > GRANT_ENDS_MAX || out->at > out->until)
		return -EBADMSG;
	for (i = 0; i < out->n; i++) {
		out->id[i].len = rbuf_u16(&r);
		out->id[i].p = (const char *)rbuf_bytes(&r, out->id[i].len);
		if (!out->id[i].p || !out->id[i].len ||
		    out->id[i].len > GRANT_ID_MAX ||
		    memchr(out->id[i].p, 0, out->id[i].len))
			return -EBADMSG;
	}
	return r.err || rbuf_left(&r) ? -EBADMSG : 0;
}
