// SPDX-License-Identifier: Apache-2.0
/* Texts that are no address are refused, and the reason of each is told. */
#include "lib/addr.h"
#include "lib/noaddr.h"
#include "lib/selector.h"
#include "lib/util.h"
#include "tap.h"

#define V4 \
	"IPv4 has four numbers from 0 to 255, without zeros in front, such as 239.1.1.1"
#define V6 \
	"IPv6 has eight groups of hexadecimal digits, or \"::\" in place of some, such as ff3e::1"
#define NAME \
	"names are not looked up: write the address (\"getent ahosts NAME\" shows it)"
#define ALONE "but a setting of its own: write the address alone"
#define PORT "a port has no place here, " ALONE
#define BRACKETS \
	"brackets are for an address with a port, here is none: leave them out"

static void addresses(void)
{
	static const char *const bad[][2] = {
		{ "", "it is empty" },
		{ "239.001", V4 },
		{ "239.1.1.256", V4 },
		{ "239.01.1.1", V4 },
		{ "239.1.1.1.1", V4 },
		{ "ff3e:::1", V6 },
		{ "1:2:3", V6 },
		{ "video.example", NAME },
		{ "localhost", NAME },
		{ ":5000", PORT },
		{ "239.1.1.1:5000", PORT },
		{ "video.example:5000", NAME },
		{ "[ff3e::1]", BRACKETS },
		{ "[239.1.1.1]:5000", BRACKETS },
		{ "ff3e::1%eth0",
		  "an interface has a setting of its own: write the address alone" },
		{ "239.1.1.1%eth0",
		  "an interface has a setting of its own: write the address alone" },
		{ "239.001/16", V4 },
		{ "/16", "it is empty" },
	};
	struct addr a;
	uint8_t len;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		is_int(addr_parse(bad[i][0], &a), -EINVAL, "no address: \"%s\"",
		       bad[i][0]);
		is_int(prefix_parse(bad[i][0], &a, &len), -EINVAL,
		       "no prefix: \"%s\"", bad[i][0]);
		is_str(addr_why_not(bad[i][0]), bad[i][1], "why not: \"%s\"",
		       bad[i][0]);
	}
	is_int(addr_parse("192.0.2.1/32", &a), -EINVAL,
	       "an address is no prefix");
	is_str(addr_why_not("192.0.2.1/32"),
	       "a prefix length has no place here: write the address alone",
	       "a prefix where an address belongs");
}

static void endpoints(void)
{
	static const char scope[] =
		"only link-local addresses of IPv6 (fe80::/10) have an interface";
	static const char port[] = "a port is a number from 1 to 65535";
	static const char brackets[] =
		"brackets are for addresses of IPv6 only";
	const char *const bad[][2] = {
		{ "", "it is empty" },
		{ ":5000", "there is no address in front of the port" },
		{ "192.0.2.1", "the port is missing" },
		{ "[2001:db8::1]", "the port is missing" },
		{ "192.0.2.1:", port },
		{ "192.0.2.1:0", port },
		{ "192.0.2.1:65536", port },
		{ "192.0.2.1:http", port },
		{ "[2001:db8::1]848", port },
		{ "[2001:db8::1:848", "the bracket is not closed" },
		{ "[192.0.2.1]:848", brackets },
		{ "[host]:848", brackets },
		{ "[2001:::1]:848", V6 },
		{ "192.0.2.1/32:848", "a prefix length has no place here" },
		{ "[2001:db8::1%lo]:848", scope },
		{ "192.0.2.1%lo:848", scope },
		{ "192.0.2:848", V4 },
		{ "gcks.example:848", NAME },
		{ "gcks.example", NAME },
	};
	struct ep ep;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		is_int(ep_parse(bad[i][0], 0, &ep), -EINVAL,
		       "no endpoint: \"%s\"", bad[i][0]);
		is_str(ep_why_not(bad[i][0]), bad[i][1], "why not: \"%s\"",
		       bad[i][0]);
	}
}

int main(void)
{
	RUN(addresses);
	RUN(endpoints);
	return done();
}
