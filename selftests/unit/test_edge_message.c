// SPDX-License-Identifier: Apache-2.0
/* Grants, and the messages of edges: what is written is read, and nothing else is. */
#include <errno.h>

#include "crypto/sign.h"
#include "lib/buf.h"
#include "tap.h"
#include "wire/edge.h"

static struct sigkey *key;
static struct sigpub *pub;

static struct grant good_grant(void)
{
	struct grant g = { .group = "video",
			   .issued = 1000,
			   .expires = 2000,
			   .n_ranges = 2,
			   .range = { { 1, 4 }, { 9, 9 } } };

	id_set(&g.member, IKE_ID_FQDN, "a.example", 9);
	return g;
}

static void signed_grant(struct wbuf *w)
{
	struct grant g = good_grant();

	wbuf_init(w, GRANT_MAX);
	if (grant_sign(&g, key, w))
		bail("not signed");
}

static void test_grant(void)
{
	struct grant g = good_grant(), got;
	struct wbuf w;

	signed_grant(&w);
	is_int(grant_parse(w.p, w.len, &got), 0, "a grant is read");
	is_str(got.group, "video", "a grant has its group");
	ok(id_equal(&got.member, &g.member), "a grant has its identity");
	ok(got.issued == 1000 && got.expires == 2000, "a grant has its times");
	ok(got.n_ranges == 2 && got.range[0].first == 1 &&
		   got.range[0].last == 4 && got.range[1].first == 9,
	   "a grant has its Sender-IDs");
	is_int(grant_verify(w.p, w.len, pub), 0, "a grant has its signature");
	wbuf_free(&w);
}

/* No octet of a grant is without its signature. */
static void test_grant_altered(void)
{
	unsigned int verified = 0, crashed = 0;
	struct grant g;
	struct wbuf w;
	size_t i;

	signed_grant(&w);
	for (i = 0; i < w.len * 8; i++) {
		w.p[i / 8] ^= 1u << i % 8;
		verified += !grant_verify(w.p, w.len, pub);
		w.p[i / 8] ^= 1u << i % 8;
	}
	is_int(verified, 0, "a grant with another bit does not verify");
	for (i = 0; i < w.len; i++) {
		verified += !grant_verify(w.p, i, pub);
		/* Without the end of its signature it is still a grant. */
		crashed += !grant_parse(w.p, i, &g) && i < w.len - 64 + 1;
	}
	is_int(verified, 0, "a grant that is cut does not verify");
	is_int(crashed, 0, "without a signature it is none");
	is_int(grant_verify(w.p, w.len, pub), 0, "the same grant verifies");
	wbuf_free(&w);
}

static int sign_result(const struct grant *g)
{
	struct wbuf w;
	int ret;

	wbuf_init(&w, GRANT_MAX);
	ret = grant_sign(g, key, &w);
	wbuf_free(&w);
	return ret;
}

static void test_letters(void)
{
	struct grant g = good_grant(), got;
	struct wbuf w;
	uint8_t *at;

	id_set(&g.member, IKE_ID_FQDN, "a.eXample", 9);
	is_int(sign_result(&g), -EINVAL, "a capital letter in a DNS name");
	id_set(&g.member, IKE_ID_RFC822_ADDR, "me@a.eXample", 12);
	is_int(sign_result(&g), -EINVAL, "a capital letter in a mail domain");
	id_set(&g.member, IKE_ID_RFC822_ADDR, "Me@a.example", 12);
	is_int(sign_result(&g), 0, "a capital letter before a mail domain");
	signed_grant(&w);
	at = memmem(w.p, w.len, "a.example", 9);
	if (!at)
		bail("no identity");
	at[2] = 'E';
	is_int(grant_parse(w.p, w.len, &got), -EBADMSG,
	       "a grant of an identity in other letters is none");
	wbuf_free(&w);
}

static void test_grant_refused(void)
{
	struct grant g = good_grant();
	uint8_t type = g.member.type;

	g.range[1].first = 10;
	is_int(sign_result(&g), -EINVAL, "a range that ends before it begins");
	g = good_grant();
	g.expires = 999;
	is_int(sign_result(&g), 0,
	       "a grant that a member got back while its removal is ahead of the clock");
	g = good_grant();
	g.group[0] = 0;
	is_int(sign_result(&g), -EINVAL, "no group");
	strcpy(g.group, "a b");
	is_int(sign_result(&g), -EINVAL, "a blank in the name of a group");
	g = good_grant();
	g.n_ranges = GRANT_MAX_RANGES + 1;
	is_int(sign_result(&g), -EINVAL, "seventeen ranges");
	g = good_grant();
	g.member.type = 0;
	is_int(sign_result(&g), -EINVAL, "no identity");
	g.member.type = type;
	g.n_ranges = 0;
	is_int(sign_result(&g), 0, "a member without Sender-IDs");
}

static void test_grant_of_another_key(void)
{
	struct sigkey *other;
	struct sigpub *opub;
	struct wbuf w;

	if (sigkey_generate(SIG_ECDSA_P256, &other) || sigkey_pub(other, &opub))
		bail("no key");
	signed_grant(&w);
	ok(grant_verify(w.p, w.len, opub), "a key of another kind refuses it");
	wbuf_free(&w);
	sigpub_free(opub);
	sigkey_free(other);
	if (sigkey_generate(SIG_ED25519, &other) || sigkey_pub(other, &opub))
		bail("no key");
	signed_grant(&w);
	is_int(grant_verify(w.p, w.len, opub), -EBADMSG,
	       "another key of this kind refuses it");
	wbuf_free(&w);
	sigpub_free(opub);
	sigkey_free(other);
}

/* ---- requests ------------------------------------------------------------ */

static struct edge_request good_request(const uint8_t *p)
{
	struct edge_request req = { .group = "video", .n = 2 };

	req.grant[0] = (struct edge_grant){ 0, p, 5 };
	req.grant[1] = (struct edge_grant){ EDGE_MAX_HOPS, p + 5, 3 };
	return req;
}

static int put_result(const struct edge_request *req)
{
	struct wbuf w;
	int ret;

	wbuf_init(&w, 65535);
	ret = edge_request_put(&w, req);
	wbuf_free(&w);
	return ret;
}

static void test_request(void)
{
	const uint8_t p[] = "grant123";
	struct edge_request req = good_request(p), got;
	struct wbuf w;
	size_t i;

	wbuf_init(&w, 65535);
	is_int(edge_request_put(&w, &req), 0, "a request is written");
	is_int(edge_request_parse(w.p, w.len, &got), 0, "a request is read");
	is_str(got.group, "video", "a request has its group");
	is_int(got.n, 2, "a request has its grants");
	is_mem(got.grant[0].p, got.grant[0].len, "grant", 5,
	       "the first grant is read");
	is_mem(got.grant[1].p, got.grant[1].len, "123", 3,
	       "the second grant is read");
	is_int(got.grant[1].hops, EDGE_MAX_HOPS,
	       "a grant says how far it came");
	ok(!got.beat, "a request with grants is no beat");
	for (i = 0; i < w.len; i++)
		if (edge_request_parse(w.p, i, &got) != -EBADMSG)
			break;
	is_int(i, w.len, "a request that is cut is malformed");
	wbuf_u8(&w, 0);
	is_int(edge_request_parse(w.p, w.len, &got), -EBADMSG,
	       "a request with an octet more is malformed");
	w.p[0] = 1;
	is_int(edge_request_parse(w.p, w.len - 1, &got), -EBADMSG,
	       "a request of another version is malformed");
	wbuf_free(&w);
}

static void test_beat(void)
{
	struct edge_request req = { .group = "video", .beat = true }, got;
	struct wbuf w;

	wbuf_init(&w, 100);
	is_int(edge_request_put(&w, &req), 0, "a beat is written");
	is_int(w.len, 25, "a beat has 25 octets with the place of a cookie");
	is_int(edge_request_parse(w.p, w.len, &got), 0, "a beat is read");
	ok(got.beat && !got.n, "a beat has no grants");
	w.p[1] = 0;
	is_int(edge_request_parse(w.p, w.len, &got), -EBADMSG,
	       "a request has some");
	w.p[1] = 3;
	is_int(edge_request_parse(w.p, w.len, &got), -EBADMSG,
	       "an unknown flag is malformed");
	wbuf_free(&w);
}

static void test_request_refused(void)
{
	static uint8_t large[GRANT_MAX + 1];
	struct edge_request req = good_request(large);

	req.grant[0].hops = 1;
	is_int(put_result(&req), -EINVAL, "the first grant is the child's");
	req = good_request(large);
	req.grant[1].hops = EDGE_MAX_HOPS + 1;
	is_int(put_result(&req), -EINVAL, "a grant has come too far");
	req = good_request(large);
	req.grant[1].len = GRANT_MAX + 1;
	is_int(put_result(&req), -EINVAL, "a grant is too long");
	req.grant[1].len = 0;
	is_int(put_result(&req), -EINVAL, "a grant is empty");
	req = good_request(large);
	for (req.n = 0; req.n < 6; req.n++)
		req.grant[req.n] =
			(struct edge_grant){ !!req.n, large, GRANT_MAX };
	is_int(put_result(&req), -EINVAL, "all of them are too long");
	req.n = 5;
	is_int(put_result(&req), 0, "five long ones fit");
	req.n = EDGE_MAX_GRANTS + 1;
	is_int(put_result(&req), -EINVAL, "seventeen grants");
	req = good_request(large);
	req.beat = true;
	is_int(put_result(&req), -EINVAL, "a beat with grants");
	req = good_request(large);
	req.group[0] = 0;
	is_int(put_result(&req), -EINVAL, "no group");
}

/* ---- answers ------------------------------------------------------------- */

static struct edge_answer redirection(void)
{
	struct edge_answer ans = { .verdict = EDGE_REDIRECTED,
				   .reason = EDGE_FULL,
				   .n_parents = 2 };

	if (ep_parse("192.0.2.9", 4500, &ans.parent[0].ep) ||
	    ep_parse("[2001:db8::9]:4501", 0, &ans.parent[1].ep))
		bail("no address");
	id_set(&ans.parent[0].id, IKE_ID_FQDN, "b.example", 9);
	id_set(&ans.parent[1].id, IKE_ID_FQDN, "c.example", 9);
	return ans;
}

static int answer_result(const struct edge_answer *ans)
{
	struct wbuf w;
	int ret;

	wbuf_init(&w, 65535);
	ret = edge_answer_put(&w, ans);
	wbuf_free(&w);
	return ret;
}

static void test_answer(void)
{
	struct edge_answer ans = redirection(), got;
	struct wbuf w;
	size_t i;

	wbuf_init(&w, 65535);
	is_int(edge_answer_put(&w, &ans), 0, "a redirection is written");
	is_int(edge_answer_parse(w.p, w.len, &got), 0, "a redirection is read");
	is_int(got.n_parents, 2, "a redirection names two relays");
	for (i = 0; i < 2; i++)
		ok(ep_equal(&got.parent[i].ep, &ans.parent[i].ep) &&
			   id_equal(&got.parent[i].id, &ans.parent[i].id),
		   "relay %zu with its address and identity", i + 1);
	for (i = 0; i < w.len; i++)
		if (edge_answer_parse(w.p, i, &got) != -EBADMSG)
			break;
	is_int(i, w.len, "an answer that is cut is malformed");
	wbuf_u8(&w, 0);
	is_int(edge_answer_parse(w.p, w.len, &got), -EBADMSG,
	       "an answer with an octet more is malformed");
	wbuf_free(&w);

	ans = (struct edge_answer){ .verdict = EDGE_GRANTED,
				    .lifetime_ms = 15000 };
	is_int(answer_result(&ans), 0, "an edge is granted");
	ans.reason = EDGE_FULL;
	is_int(answer_result(&ans), -EINVAL,
	       "an edge is not granted for a reason");
	ans = (struct edge_answer){ .verdict = EDGE_GRANTED };
	is_int(answer_result(&ans), -EINVAL, "an edge has a lifetime");
	ans = (struct edge_answer){ .verdict = EDGE_REFUSED };
	is_int(answer_result(&ans), -EINVAL, "a refusal has a reason");
	ans.reason = EDGE_REASONS;
	is_int(answer_result(&ans), -EINVAL,
	       "a refusal has a reason that is known");
	ans.reason = EDGE_BUSY;
	is_int(answer_result(&ans), 0,
	       "a refusal of a child that asks too often");
	ans.verdict = EDGE_CHALLENGED + 1;
	is_int(answer_result(&ans), -EINVAL, "an unknown verdict");
}

/* A challenge may go to an address that somebody has forged. */
static void test_challenge(void)
{
	struct edge_answer ans = { .verdict = EDGE_CHALLENGED }, got;
	struct edge_request req = { .group = "v", .beat = true }, back;
	struct wbuf w, beat;
	size_t i;

	memset(ans.cookie, 0xc7, sizeof(ans.cookie));
	wbuf_init(&w, 100);
	is_int(edge_answer_put(&w, &ans), 0, "a challenge is written");
	is_int(edge_answer_parse(w.p, w.len, &got), 0, "a challenge is read");
	is_int(got.verdict, EDGE_CHALLENGED, "a challenge is no other answer");
	is_mem(got.cookie, sizeof(got.cookie), ans.cookie, sizeof(ans.cookie),
	       "a challenge has its cookie");
	for (i = 0; i < w.len; i++)
		if (edge_answer_parse(w.p, i, &got) != -EBADMSG)
			break;
	is_int(i, w.len, "a challenge that is cut is malformed");
	wbuf_init(&beat, 100);
	is_int(edge_request_put(&beat, &req), 0, "the shortest beat");
	ok(w.len < beat.len, "a challenge is shorter: %zu of %zu octets", w.len,
	   beat.len);
	wbuf_u8(&w, 0);
	is_int(edge_answer_parse(w.p, w.len, &got), -EBADMSG,
	       "a challenge with an octet more is malformed");
	wbuf_free(&beat);
	wbuf_init(&beat, 100);
	memcpy(req.cookie, ans.cookie, sizeof(req.cookie));
	is_int(edge_request_put(&beat, &req), 0, "a beat with a cookie");
	is_int(edge_request_parse(beat.p, beat.len, &back), 0,
	       "a beat with a cookie is read");
	is_mem(back.cookie, sizeof(back.cookie), ans.cookie, sizeof(ans.cookie),
	       "the beat has the cookie");
	wbuf_free(&beat);
	wbuf_free(&w);
}

/* A child would send to these addresses. */
static void test_redirected_nowhere(void)
{
	static const char *const where[] = { "0.0.0.0", "::", "224.0.0.1",
					     "ff02::1" };
	struct edge_answer ans;

	for (size_t i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
		ans = redirection();
		addr_parse(where[i], &ans.parent[1].ep.addr);
		is_int(answer_result(&ans), -EINVAL, "no redirection to %s",
		       where[i]);
	}
	ans = redirection();
	ans.parent[1].ep.port = 0;
	is_int(answer_result(&ans), -EINVAL, "no redirection to port 0");
	ans = redirection();
	ans.n_parents = 0;
	is_int(answer_result(&ans), -EINVAL, "no redirection to nobody");
	ans.n_parents = EDGE_MAX_PARENTS + 1;
	is_int(answer_result(&ans), -EINVAL, "no redirection to nine relays");
}

static void test_reasons(void)
{
	for (unsigned int i = 0; i < EDGE_REASONS; i++)
		ok(strcmp(edge_reason_str(i), "unknown"),
		   "reason %u has words: %s", i, edge_reason_str(i));
	is_str(edge_reason_str(EDGE_REASONS), "unknown", "others have none");
}

int main(void)
{
	if (sigkey_generate(SIG_ED25519, &key) || sigkey_pub(key, &pub))
		bail("no key");
	RUN(test_grant);
	RUN(test_grant_altered);
	RUN(test_letters);
	RUN(test_grant_refused);
	RUN(test_grant_of_another_key);
	RUN(test_request);
	RUN(test_beat);
	RUN(test_request_refused);
	RUN(test_answer);
	RUN(test_challenge);
	RUN(test_redirected_nowhere);
	RUN(test_reasons);
	sigpub_free(pub);
	sigkey_free(key);
	return done();
}
