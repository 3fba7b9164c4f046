// SPDX-License-Identifier: Apache-2.0
/* Traffic selectors (RFC 7296 section 3.13.1), one substructure at a time. */
#include <errno.h>
#include <string.h>

#include "wire/payload.h"

static bool all_octets(const struct addr *a, uint8_t octet)
{
	for (unsigned int i = 0; i < a->len; i++)
		if (a->b[i] != octet)
			return false;
	return true;
}

int ts_parse(struct rbuf *r, struct ts *ts)
{
	uint8_t alen, lo[16], hi[16];
	struct rbuf sub;
	uint16_t len;
	uint8_t type;

	memset(ts, 0, sizeof(*ts));
	type = rbuf_u8(r);
	ts->ip_proto = rbuf_u8(r);
	len = rbuf_u16(r);
	if (r->err)
		return -EBADMSG;
	if (type == IKE_TS_IPV4_ADDR_RANGE)
		alen = 4;
	else if (type == IKE_TS_IPV6_ADDR_RANGE)
		alen = 16;
	else
		return -EBADMSG;
	if (len != 8 + 2 * alen || !rbuf_sub(r, len - 4, &sub))
		return -EBADMSG;
	ts->port_lo = rbuf_u16(&sub);
	ts->port_hi = rbuf_u16(&sub);
	rbuf_copy(&sub, lo, alen);
	if (!rbuf_copy(&sub, hi, alen) || rbuf_left(&sub))
		return -EBADMSG;
	/*
	 * An empty range selects nothing, and OPAQUE (65535 to 0) is not
	 * supported.
	 */
	if (ts->port_lo > ts->port_hi || memcmp(lo, hi, alen) > 0)
		return -EBADMSG;
	addr_set(&ts->lo, alen == 4 ? AF_INET : AF_INET6, lo);
	addr_set(&ts->hi, alen == 4 ? AF_INET : AF_INET6, hi);
	return 0;
}

void ts_build(struct wbuf *w, const struct ts *ts)
{
	wbuf_u8(w, ts->lo.family == AF_INET ? IKE_TS_IPV4_ADDR_RANGE
					    : IKE_TS_IPV6_ADDR_RANGE);
	wbuf_u8(w, ts->ip_proto);
	wbuf_u16(w, 8 + 2 * ts->lo.len);
	wbuf_u16(w, ts->port_lo);
	wbuf_u16(w, ts->port_hi);
	wbuf_put(w, ts->lo.b, ts->lo.len);
	wbuf_put(w, ts->hi.b, ts->hi.len);
}

bool ts_equal(const struct ts *a, const struct ts *b)
{
	return a->ip_proto == b->ip_proto && a->port_lo == b->port_lo &&
	       a->port_hi == b->port_hi && addr_equal(&a->lo, &b->lo) &&
	       addr_equal(&a->hi, &b->hi);
}

void ts_set(struct ts *ts, const struct addr *a, uint8_t family,
	    uint8_t ip_proto, uint16_t port)
{
	uint8_t any[16];

	memset(ts, 0, sizeof(*ts));
	ts->ip_proto = ip_proto;
	ts->port_lo = port;
	ts->port_hi = port ? port : UINT16_MAX;
	if (a) {
		ts->lo = *a;
		ts->hi = *a;
		return;
	}
	memset(any, 0, sizeof(any));
	addr_set(&ts->lo, family, any);
	memset(any, 0xff, sizeof(any));
	addr_set(&ts->hi, family, any);
}

bool ts_is_any_addr(const struct ts *ts)
{
	return ts->lo.len && all_octets(&ts->lo, 0) &&
	       all_octets(&ts->hi, 0xff);
}

bool ts_is_one_addr(const struct ts *ts)
{
	return ts->lo.len && addr_equal(&ts->lo, &ts->hi);
}

/* Set the addresses from the first to the last of a prefix. */
static void set_prefix(struct ts *ts, const struct addr *net, uint8_t len)
{
	ts->lo = *net;
	prefix_last(net, len, &ts->hi);
}

void ts_from_selector(const struct selector *sel, struct ts *src,
		      struct ts *dst)
{
	ts_set(src, NULL, sel->dst.family, sel->proto, sel->sport);
	if (!addr_is_none(&sel->src))
		set_prefix(src, &sel->src, sel->src_len);
	ts_set(dst, NULL, sel->dst.family, sel->proto, sel->dport);
	set_prefix(dst, &sel->dst, sel->dst_len);
}

/* Set *@port to the only port of @ts, or to 0 if that is any. */
static int port_of_ts(const struct ts *ts, uint16_t *port)
{
	*port = ts->port_lo;
	if (!ts->port_lo && ts->port_hi == UINT16_MAX)
		return 0;
	return ts->port_lo && ts->port_lo == ts->port_hi ? 0 : -EINVAL;
}

int ts_to_selector(const struct ts *src, const struct ts *dst,
		   struct selector *sel)
{
	memset(sel, 0, sizeof(*sel));
	if (src->ip_proto != dst->ip_proto ||
	    src->lo.family != dst->lo.family || port_of_ts(src, &sel->sport) ||
	    port_of_ts(dst, &sel->dport) ||
	    prefix_of_range(&dst->lo, &dst->hi, &sel->dst_len))
		return -EINVAL;
	sel->proto = dst->ip_proto;
	if ((sel->sport || sel->dport) && !proto_has_ports(sel->proto))
		return -EINVAL;
	sel->dst = dst->lo;
	if (ts_is_any_addr(src))
		return 0;
	sel->src = src->lo;
	return prefix_of_range(&src->lo, &src->hi, &sel->src_len);
}
