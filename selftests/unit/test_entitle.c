// SPDX-License-Identifier: Apache-2.0
/* Messages about grants: what is written is read, and nothing else is. */
#include <errno.h>

#include "lib/buf.h"
#include "tap.h"
#include "wire/entitle.h"

static const uint8_t key[] = { 1, 2, 3 };
static const uint8_t octets[] = { 4, 5, 6, 7 };

static void test_request(void)
{
	struct grant_request req = { .group = "video", .relay = true }, got;
	struct wbuf w;

	wbuf_init(&w, 1000);
	is_int(grant_request_put(&w, &req), 0, "a request is written");
	is_int(grant_request_parse(w.p, w.len, &got), 0, "a request is read");
	ok(!strcmp(got.group, "video") && got.relay, "a request is as it was");
	is_int(grant_request_parse(w.p, w.len - 1, &got), -EBADMSG,
	       "a request that is cut off");
	w.p[1] = 2;
	is_int(grant_request_parse(w.p, w.len, &got), -EBADMSG,
	       "a request with an unknown flag");
	w.p[1] = 0;
	w.p[0] = 2;
	is_int(grant_request_parse(w.p, w.len, &got), -EBADMSG,
	       "a request of another version");
	wbuf_free(&w);
	req.group[0] = '\0';
	is_int(grant_request_put(&w, &req), -EINVAL, "a request for no group");
	wbuf_free(&w);
}

static void test_answer(void)
{
	struct grant_answer ans = { .group = "video",
				    .verdict = GRANT_GIVEN,
				    .key = key,
				    .key_len = sizeof(key),
				    .p = octets,
				    .len = sizeof(octets) },
			    got;
	struct wbuf w;
	size_t i;

	wbuf_init(&w, 1000);
	is_int(grant_answer_put(&w, &ans), 0, "an answer is written");
	is_int(grant_answer_parse(w.p, w.len, &got), 0, "an answer is read");
	is_str(got.group, "video", "an answer has its group");
	is_mem(got.key, got.key_len, key, sizeof(key), "an answer has the key");
	is_mem(got.p, got.len, octets, sizeof(octets),
	       "an answer has the grant");
	for (i = 0; i < w.len; i++)
		if (grant_answer_parse(w.p, i, &got) != -EBADMSG)
			break;
	is_int(i, w.len, "an answer that is cut off anywhere is none");
	w.p[1] = GRANT_NO_RELAY;
	is_int(grant_answer_parse(w.p, w.len, &got), -EBADMSG,
	       "a refusal has no grant");
	w.p[1] = GRANT_VERDICTS;
	is_int(grant_answer_parse(w.p, w.len, &got), -EBADMSG,
	       "an unknown verdict");
	wbuf_free(&w);
	ans.len = 0;
	is_int(grant_answer_put(&w, &ans), -EINVAL,
	       "a grant without octets is not given");
	wbuf_free(&w);
	ans = (struct grant_answer){ .group = "video", .verdict = GRANT_BUSY };
	is_int(grant_answer_put(&w, &ans), 0, "a refusal is written");
	is_int(grant_answer_parse(w.p, w.len, &got), 0, "a refusal is read");
	is_int(got.verdict, GRANT_BUSY, "a refusal is as it was");
	wbuf_free(&w);
	for (i = 0; i <= GRANT_VERDICTS; i++)
		if (!*grant_verdict_str((enum grant_verdict)i))
			break;
	is_int(i, GRANT_VERDICTS + 1, "each verdict has words");
}

static void test_ends(void)
{
	struct grant_ends ends = { .group = "video",
				   .at = 1000,
				   .until = 1600,
				   .n = 2,
				   .id = { { "a.example", 9 },
					   { "b.example", 9 } } },
			  got;
	struct wbuf w;
	size_t i;

	wbuf_init(&w, 1000);
	is_int(grant_ends_put(&w, &ends), 0, "ends are written");
	is_int(grant_ends_parse(w.p, w.len, &got), 0, "ends are read");
	ok(got.at == 1000 && got.until == 1600 && got.n == 2,
	   "ends have their times");
	is_mem(got.id[1].p, got.id[1].len, "b.example", 9,
	       "ends have the identities");
	for (i = 0; i < w.len; i++)
		if (grant_ends_parse(w.p, i, &got) != -EBADMSG)
			break;
	is_int(i, w.len, "ends that are cut off anywhere are none");
	w.p[w.len - 1] = '\0';
	is_int(grant_ends_parse(w.p, w.len, &got), -EBADMSG,
	       "an identity is a text");
	wbuf_free(&w);
	ends.n = 0;
	is_int(grant_ends_put(&w, &ends), -EINVAL, "ends of nobody");
	wbuf_free(&w);
	ends.n = 1;
	ends.until = 999;
	is_int(grant_ends_put(&w, &ends), -EINVAL, "ends before they begin");
	wbuf_free(&w);
}

int main(void)
{
	RUN(test_request);
	RUN(test_answer);
	RUN(test_ends);
	return done();
}
