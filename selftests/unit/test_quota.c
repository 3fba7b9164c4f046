// SPDX-License-Identifier: Apache-2.0
/* Rate limits by key, and quoting of names. */
#include "lib/addr.h"
#include "lib/quota.h"
#include "lib/quote.h"
#include "tap.h"

static unsigned int taken(struct quota *q, const char *key, unsigned int n,
			  uint64_t now)
{
	unsigned int got = 0;

	while (n--)
		got += quota_take(q, key, strlen(key), now);
	return got;
}

static void burst(void)
{
	const struct quota_rule rule = {
		.burst = 5,
		.every_ms = 1000,
		.keys = 64,
	};
	struct quota *q = quota_new(&rule, 7);

	is_int(taken(q, "a", 100, 5000), 5, "a burst, then no more");
	is_int(taken(q, "b", 100, 5000), 5, "another key has its own");
	is_int(taken(q, "a", 100, 5999), 0, "nothing before its time");
	is_int(taken(q, "a", 100, 6000), 1, "one when its time has come");
	is_int(taken(q, "a", 100, 1000000), 5, "a burst again after a rest");
	is_int(taken(q, "c", 1, 0), 1, "time may begin at zero");
	quota_free(q);
}

static void spending(void)
{
	const struct quota_rule rule = {
		.burst = 3,
		.every_ms = 1000,
		.keys = 64,
	};
	struct quota *q = quota_new(&rule, 7);
	unsigned int i;

	for (i = 0; i < 10; i++)
		ok(quota_left(q, "a", 1, 5000), "looking spends nothing");
	for (i = 0; i < 1000; i++)
		quota_spend(q, "a", 1, 5000);
	ok(!quota_left(q, "a", 1, 5999),
	   "a quota that is overdrawn is used up");
	ok(quota_left(q, "a", 1, 6000),
	   "a quota that is overdrawn is paid back as what was allowed");
	is_int(quota_used(q, "a", 1, 5000), 3,
	       "an overdrawn quota has used its burst, and no more");
	is_int(quota_used(q, "a", 1, 5999), 3, "a part of an event is one");
	is_int(quota_used(q, "a", 1, 6000), 2, "one event is over");
	is_int(quota_used(q, "b", 1, 5000), 0,
	       "nothing of another key is used");
	quota_free(q);
}

static void giving_back(void)
{
	const struct quota_rule rule = {
		.burst = 3,
		.every_ms = 1000,
		.keys = 64,
	};
	struct quota *q = quota_new(&rule, 7);
	unsigned int i;

	is_int(taken(q, "a", 100, 5000), 3, "a burst");
	quota_give_back(q, "a", 1, 5000);
	is_int(taken(q, "a", 100, 5000), 1,
	       "an amount that is given back is there");
	quota_give_back(q, "b", 1, 5000);
	is_int(taken(q, "b", 100, 5000), 3,
	       "an amount that was not spent is not given back");
	for (i = 0; i < 10; i++)
		quota_give_back(q, "a", 1, 5000);
	is_int(taken(q, "a", 100, 5000), 3,
	       "a quota does not exceed its burst by giving back");
	quota_give_back(q, "a", 1, 8000);
	is_int(taken(q, "a", 100, 8000), 3,
	       "a quota that is whole again does not grow by giving back");
	quota_free(q);
	ok(quota_left(NULL, "a", 1, 0) && quota_take(NULL, "a", 1, 0),
	   "without a quota all is allowed");
	quota_spend(NULL, "a", 1, 0);
	quota_give_back(NULL, "a", 1, 0);
}

/* With unlimited keys each has its burst, and memory does not grow. */
static void many(void)
{
	const struct quota_rule rule = {
		.burst = 2,
		.every_ms = 60000,
		.keys = 1024,
	};
	struct quota *q = quota_new(&rule, 99);
	unsigned int i, got = 0;
	char key[16];

	for (i = 0; i < 200; i++) {
		snprintf(key, sizeof(key), "k%u", i);
		got += taken(q, key, 3, 1000);
	}
	is_int(got, 400, "200 keys of 1024 have exactly their bursts");
	got = 0;
	for (i = 0; i < 200; i++) {
		snprintf(key, sizeof(key), "k%u", i);
		got += taken(q, key, 1, 1000);
	}
	is_int(got, 0, "none of them was pushed out by the others");
	for (i = 0; i < 100000; i++) {
		snprintf(key, sizeof(key), "n%u", i);
		if (taken(q, key, 1, 2000) != 1)
			break;
	}
	is_int(i, 100000, "a new key finds a place, however many there are");
	quota_free(q);
}

static void quotes(void)
{
	char buf[QUOTE_LEN], longer[200];

	is_str(quote("a.example", buf), "\"a.example\"", "a name");
	is_str(quote("", buf), "\"\"", "quotes: none");
	is_str(quote("x\" joins\n\\\x7f\xc3\xa4", buf),
	       "\"x\\x22 joins\\x0a\\x5c\\x7f\\xc3\\xa4\"",
	       "nothing ends the quotes or the line");
	memset(longer, 'a', sizeof(longer));
	longer[64] = '\0';
	is_int(strlen(quote(longer, buf)), 66, "64 octets are shown");
	longer[64] = 'a';
	longer[199] = '\0';
	is_int(strlen(quote(longer, buf)), 69,
	       "a quote that is cut ends in dots");
	is_str(buf + 65, "\"...", "behind the quotes");
}

static void nets(void)
{
	struct addr a, b;

	addr_parse("2001:db8:1:2:3:4:5:6", &a);
	addr_net(&a, &a);
	addr_parse("2001:db8:1:2::", &b);
	ok(addr_equal(&a, &b), "the network of an IPv6 address is its /64");
	addr_parse("192.0.2.77", &a);
	addr_net(&a, &b);
	ok(addr_equal(&a, &b), "the network of an IPv4 address is itself");
}

int main(void)
{
	RUN(burst);
	RUN(spending);
	RUN(giving_back);
	RUN(many);
	RUN(quotes);
	RUN(nets);
	return done();
}
