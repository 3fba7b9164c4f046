// SPDX-License-Identifier: Apache-2.0
/* IKE_SA_INIT requests with and without a cookie (RFC 7296 section 2.6). */
#include <errno.h>
#include <string.h>

#include "ike/sa.h"
#include "lib/clock.h"
#include "lib/util.h"

/*
 * Return the octets of N(COOKIE) at the front of a request, 0 if there is
 * none.
 */
static size_t cookie_in_front(const struct blob *msg)
{
	const uint8_t *p = msg->p + IKE_HDR_LEN;
	size_t len;

	if (msg->p[IKE_HDR_NEXT_OFF] != IKE_PLD_NOTIFY ||
	    msg->len < IKE_HDR_LEN + 8 ||
	    get_unaligned_be16(p + 6) != IKE_N_COOKIE)
		return 0;
	len = get_unaligned_be16(p + 2);
	return len >= 8 && len <= msg->len - IKE_HDR_LEN ? len : 0;
}

/* Copy the request, with @cookie replacing the cookie that it had. */
static int put_cookie(struct ike_sa *sa, const uint8_t *cookie,
		      struct blob *out)
{
	const struct blob *msg = &sa->hs->init_req;
	size_t skip = cookie_in_front(msg);
	uint8_t next = msg->p[skip ? IKE_HDR_LEN : IKE_HDR_NEXT_OFF];
	struct pchain c;
	struct wbuf w;
	int ret;

	wbuf_init(&w, IKE_MSG_MAX);
	wbuf_put(&w, msg->p, IKE_HDR_LEN);
	wbuf_patch_u8(&w, IKE_HDR_NEXT_OFF, next);
	if (cookie) {
		pchain_init(&c, &w, IKE_HDR_NEXT_OFF);
		notify_build(&c, IKE_N_COOKIE, cookie, COOKIE_LEN);
		wbuf_patch_u8(&w, IKE_HDR_LEN, next);
	}
	wbuf_put(&w, msg->p + IKE_HDR_LEN + skip,
		 msg->len - IKE_HDR_LEN - skip);
	msg_finish(&w);
	ret = w.err ? w.err : blob_set(out, w.p, w.len);
	wbuf_free(&w);
	return ret;
}

int init_variant(struct ike_sa *sa, unsigned int i, struct blob *out)
{
	struct ike_engine *engine = sa->engine;
	uint64_t now = clock_mono_ms(engine->cfg.clock);
	uint8_t good[COOKIES_GOOD][COOKIE_LEN];
	const uint8_t *cookie = NULL;
	int ret;

	/* No cookie was given out recently. */
	if (sa->initiator || !engine->stats.cookie_sent ||
	    now - engine->cookie_ms > 2 * COOKIE_ROTATE_MS)
		return -ENOENT;
	if (i) {
		if (i > cookie_all(&engine->cookies, now, &sa->hs->init_from,
				   sa->spi_i, sa->hs->ni.p, sa->hs->ni.len,
				   good))
			return -ENOENT;
		cookie = good[i - 1];
	}
	ret = put_cookie(sa, cookie, out);
	if (!ret && out->len == sa->hs->init_req.len &&
	    !memcmp(out->p, sa->hs->init_req.p, out->len)) {
		blob_free(out);
		ret = -ENOENT;
	}
	return ret;
}
