// SPDX-License-Identifier: Apache-2.0
#include "wire/edge.h"

#include <errno.h>
#include <string.h>

#define VERSION 2

#define FLAG_BEAT 0x01

/* ---- request ------------------------------------------------------------ */

static bool is_request_sound(const struct edge_request *req)
{
	size_t octets = 0;
	unsigned int i;

	if (!req->group[0] ||
	    strnlen(req->group, sizeof(req->group)) > GRANT_GROUP_MAX ||
	    req->n > EDGE_MAX_GRANTS || req->beat != !req->n)
		return false;
	for (i = 0; i < req->n; i++) {
		octets += req->grant[i].len;
		if (!req->grant[i].len || req->grant[i].len > GRANT_MAX ||
		    req->grant[i].hops > EDGE_MAX_HOPS)
			return false;
	}
	/* The relay checks the first one against the identity of the child. */
	return octets <= EDGE_GRANTS_OCTETS && (!req->n || !req->grant[0].hops);
}

int edge_request_put(struct wbuf *w, const struct edge_request *req)
{
	size_t len = strnlen(req->group, sizeof(req->group));
	unsigned int i;

	if (!is_request_sound(req))
		return -EINVAL;
	wbuf_u8(w, VERSION);
	wbuf_u8(w, req->beat ? FLAG_BEAT : 0);
	wbuf_u8(w, (uint8_t)len);
	wbuf_put(w, req->group, len);
	wbuf_u8(w, (uint8_t)req->n);
	for (i = 0; i < req->n; i++) {
		wbuf_u8(w, req->grant[i].hops);
		wbuf_u16(w, (uint16_t)req->grant[i].len);
		wbuf_put(w, req->grant[i].p, req->grant[i].len);
	}
	wbuf_put(w, req->cookie, sizeof(req->cookie));
	return w->err;
}

static void read_cookie(struct rbuf *r, uint8_t cookie[EDGE_COOKIE_LEN])
{
	const uint8_t *p = rbuf_bytes(r, EDGE_COOKIE_LEN);

	if (p)
		memcpy(cookie, p, EDGE_COOKIE_LEN);
}

static bool read_group(struct rbuf *r, char group[GRANT_GROUP_MAX + 1])
{
	size_t len = rbuf_u8(r);
	const uint8_t *p = rbuf_bytes(r, len);

	if (!p || len > GRANT_GROUP_MAX || memchr(p, 0, len))
		return false;
	memcpy(group, p, len);
	return true;
}

int edge_request_parse(const uint8_t *p, size_t len, struct edge_request *out)
{
	struct rbuf r;
	unsigned int i;
	uint8_t flags;

	memset(out, 0, sizeof(*out));
	rbuf_init(&r, p, len);
	if (rbuf_u8(&r) != VERSION)
		return -EBADMSG;
	flags = rbuf_u8(&r);
	if (flags & ~FLAG_BEAT || !read_group(&r, out->group))
		return -EBADMSG;
	out->beat = flags & FLAG_BEAT;
	out->n = rbuf_u8(&r);
	if (out->n > EDGE_MAX_GRANTS)
		return -EBADMSG;
	for (i = 0; i < out->n; i++) {
		out->grant[i].hops = rbuf_u8(&r);
		out->grant[i].len = rbuf_u16(&r);
		out->grant[i].p = rbuf_bytes(&r, out->grant[i].len);
	}
	read_cookie(&r, out->cookie);
	return r.err || rbuf_left(&r) || !is_request_sound(out) ? -EBADMSG : 0;
}

/* ---- answer ------------------------------------------------------------- */

static bool is_parent_sound(const struct edge_parent *p)
{
	return !addr_is_none(&p->ep.addr) && !addr_is_any(&p->ep.addr) &&
	       !addr_is_multicast(&p->ep.addr) && p->ep.port && p->id.type &&
	       p->id.len;
}

static bool is_answer_sound(const struct edge_answer *ans)
{
	bool granted = ans->verdict == EDGE_GRANTED;
	bool redirected = ans->verdict == EDGE_REDIRECTED;
	unsigned int i;

	if (ans->verdict == EDGE_CHALLENGED)
		return true;
	if ((unsigned int)ans->reason >= EDGE_REASONS ||
	    granted == !!ans->reason || granted != !!ans->lifetime_ms ||
	    redirected != !!ans->n_parents || ans->n_parents > EDGE_MAX_PARENTS)
		return false;
	for (i = 0; i < ans->n_parents; i++)
		if (!is_parent_sound(&ans->parent[i]))
			return false;
	return granted || redirected || ans->verdict == EDGE_REFUSED;
}

static void put_parent(struct wbuf *w, const struct edge_parent *p)
{
	/* The interface of a link-local address is a matter of each host. */
	wbuf_u8(w, p->ep.addr.len);
	wbuf_put(w, p->ep.addr.b, p->ep.addr.len);
	wbuf_u16(w, p->ep.port);
	wbuf_u8(w, p->id.type);
	wbuf_u16(w, p->id.len);
	wbuf_put(w, p->id.data, p->id.len);
}

int edge_answer_put(struct wbuf *w, const struct edge_answer *ans)
{
	unsigned int i;

	if (!is_answer_sound(ans))
		return -EINVAL;
	wbuf_u8(w, VERSION);
	wbuf_u8(w, (uint8_t)ans->verdict);
	if (ans->verdict == EDGE_CHALLENGED) {
		wbuf_put(w, ans->cookie, sizeof(ans->cookie));
		return w->err;
	}
	wbuf_u8(w, (uint8_t)ans->reason);
	wbuf_u32(w, ans->lifetime_ms);
	wbuf_u32(w, ans->wait_ms);
	wbuf_u8(w, (uint8_t)ans->n_parents);
	for (i = 0; i < ans->n_parents; i++)
		put_parent(w, &ans->parent[i]);
	return w->err;
}

static bool read_parent(struct rbuf *r, struct edge_parent *p)
{
	size_t len = rbuf_u8(r);
	const uint8_t *b = rbuf_bytes(r, len);
	uint8_t type;

	if (!b || (len != 4 && len != 16))
		return false;
	addr_set(&p->ep.addr, len == 4 ? AF_INET : AF_INET6, b);
	p->ep.port = rbuf_u16(r);
	type = rbuf_u8(r);
	len = rbuf_u16(r);
	b = rbuf_bytes(r, len);
	return b && !id_set(&p->id, type, b, len);
}

int edge_answer_parse(const uint8_t *p, size_t len, struct edge_answer *out)
{
	struct rbuf r;
	unsigned int i;

	memset(out, 0, sizeof(*out));
	rbuf_init(&r, p, len);
	if (rbuf_u8(&r) != VERSION)
		return -EBADMSG;
	out->verdict = rbuf_u8(&r);
	if (out->verdict == EDGE_CHALLENGED) {
		read_cookie(&r, out->cookie);
		return r.err || rbuf_left(&r) ? -EBADMSG : 0;
	}
	out->reason = rbuf_u8(&r);
	out->lifetime_ms = rbuf_u32(&r);
	out->wait_ms = rbuf_u32(&r);
	out->n_parents = rbuf_u8(&r);
	if (out->n_parents > EDGE_MAX_PARENTS)
		return -EBADMSG;
	for (i = 0; i < out->n_parents; i++)
		if (!read_parent(&r, &out->parent[i]))
			return -EBADMSG;
	return r.err || rbuf_left(&r) || !is_answer_sound(out) ? -EBADMSG : 0;
}

const char *edge_reason_str(enum edge_reason reason)
{
	static const char *const text[EDGE_REASONS] = {
		[EDGE_NO_REASON] = "granted",
		[EDGE_FULL] = "has as many children as it may have",
		[EDGE_LEAVING] = "is going away",
		[EDGE_NO_GROUP] = "does not relay this group",
		[EDGE_NOT_ENTITLED] = "has no valid grant of the child",
		[EDGE_UNKNOWN] = "has no such edge",
		[EDGE_BUSY] = "was asked too often",
		[EDGE_OTHER_GROUP] =
			"has an edge of another group with this IKE SA",
		[EDGE_FAILED] = "could not install the edge",
	};

	return (unsigned int)reason < EDGE_REASONS ? text[reason] : "unknown";
}
