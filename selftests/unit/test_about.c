// SPDX-License-Identifier: Apache-2.0
/*
 * Fields of lines of the log: each form that Documentation/logging.rst has, and names
 * of peers that would be other fields if what is in quotes were looked at.
 */
#include "lib/about.h"

#include "lib/phrase_ids.h"
#include "lib/quote.h"
#include "lib/util.h"
#include "tap.h"

static const struct {
	const char *line;
	/* Phrase|group|IKE SA|name|address|SPI|Message ID. */
	const char *fields;
} lines[] = {
	{ "stopping", "stopping||||||" },
	{ "started: 2 groups", "started||||||" },
	{ "group video: group closed", "group closed|video|||||" },
	{ "group video: group rekeyed: join: Data SA 0x00000abc, atd 1 s",
	  "group rekeyed|video||||0x00000abc|" },
	{ "group video: rekey accepted: Message ID 17",
	  "rekey accepted|video|||||17" },
	{ "group video: member joined: \"a.lab\" at 192.0.2.1:848: sender",
	  "member joined|video||a.lab|192.0.2.1:848||" },
	{ "group video: member evicted: \"a.lab\"",
	  "member evicted|video||a.lab|||" },
	{ "authentication failed: \"a b\"... at [2001:db8::1]:848: certificate: expired",
	  "authentication failed|||a b|[2001:db8::1]:848||" },
	{ "authentication failed: 192.0.2.1:4500: timed out",
	  "authentication failed||||192.0.2.1:4500||" },
	{ "key server unreachable: 192.0.2.1 port 848: no answer",
	  "key server unreachable||||||" },
	{ "IKE SA 0x0102030405060708_0x1112131415161718: IKE SA closed: idle",
	  "IKE SA closed||0x0102030405060708_0x1112131415161718||||" },
	{ "IKE SA closed: \"a.lab\" at 192.0.2.1:848: idle",
	  "IKE SA closed|||a.lab|192.0.2.1:848||" },
	/* A phrase without its group is no group either. */
	{ "group not deleted: busy", "group not deleted||||||" },
	{ "group video: SA selected: 0x0000000a, then 0x0000000b",
	  "SA selected|video||||0x0000000a|" },
	{ "group video: forged rekey: Data SA (0x0000000a) 0x0102030405060708",
	  "forged rekey|video||||0x0000000a|" },
	{ "group video: state changed: 0x0000000a_0x0000000b 00x0000000c Message ID x",
	  "state changed|video|||||" },
	{ "", "||||||" },
	{ "group ", "group ||||||" },
	{ "group : stopping", "group ||||||" },
	{ "stopping: ", "stopping||||||" },
	{ "stopping: \"", "stopping||||||" },
	{ "stopping: \"\"", "stopping||||||" },
	{ "IKE SA 0x", "IKE SA 0x||||||" },
};

static const char *hostile[] = {
	"x Message ID 7",
	" Message ID 7",
	"0x00000bad",
	" 0x00000bad ",
	"x\": 0x00000bad",
	"x\" at 192.0.2.9:1: 0x00000bad Message ID 7 \"",
	"group news: group reset",
	": group reset: 0x00000bad",
	"\nMCSEC_GROUP=news",
	"\\\" 0x00000bad",
	"0123456789012345678901234567890123456789012345678901234567890123\" 0x00000bad",
};

static const char *joined(const char *line, char buf[static 512])
{
	struct about a;
	const struct about_part *parts[] = {
		&a.phrase,  &a.group, &a.ike_sa,     &a.name,
		&a.address, &a.spi,   &a.message_id,
	};
	size_t len = 0;
	unsigned int i;

	about_line(line, &a);
	buf[0] = '\0';
	for (i = 0; i < ARRAY_SIZE(parts); i++)
		len += snprintf(buf + len, 512 - len, "%s%.*s", i ? "|" : "",
				(int)parts[i]->len,
				parts[i]->len ? parts[i]->at : "");
	return buf;
}

static void test_forms(void)
{
	char got[512];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lines); i++)
		is_str(joined(lines[i].line, got), lines[i].fields,
		       "the fields of \"%s\"", lines[i].line);
}

/* A name of a peer gives its line one field, which is the name, and no other. */
static void test_names_of_strangers(void)
{
	char line[1024], got[512], want[512], shown[QUOTE_LEN], cut[QUOTE_LEN];
	const char *end;
	struct ep ep;
	char peer[PEER_STRLEN];
	unsigned int i;

	if (ep_parse("192.0.2.1:848", 0, &ep))
		bail("ep_parse");
	for (i = 0; i < ARRAY_SIZE(hostile); i++) {
		snprintf(line, sizeof(line),
			 "group video: member joined: %s: SPI 0x0000000a",
			 peer_str(hostile[i], &ep, peer));
		quote(hostile[i], shown);
		end = strchr(shown + 1, '"');
		snprintf(cut, sizeof(cut), "%.*s", (int)(end - shown - 1),
			 shown + 1);
		snprintf(want, sizeof(want),
			 "member joined|video||%s|192.0.2.1:848|0x0000000a|",
			 cut);
		is_str(joined(line, got), want,
		       "name %u changes no other field", i);
	}
}

static void test_ids(void)
{
	unsigned int i, bad = 0;

	for (i = 0; i < ARRAY_SIZE(phrase_ids); i++) {
		bad += strlen(phrase_ids[i].id) != 32;
		bad += i && strcmp(phrase_ids[i - 1].phrase,
				   phrase_ids[i].phrase) >= 0;
	}
	ok(ARRAY_SIZE(phrase_ids) > 100 && !bad,
	   "phrases stand in the order that they are searched in");
}

int main(void)
{
	RUN(test_forms);
	RUN(test_names_of_strangers);
	RUN(test_ids);
	return done();
}
