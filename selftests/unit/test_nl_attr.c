// SPDX-License-Identifier: Apache-2.0
/*
 * Requests as kernel/attr.c builds them, read back with libmnl and, since most
 * attributes are the same both ways, by the parser of answers.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/genetlink.h>

#include "kernel/attr.h"
#include "tap.h"

#define FAMILY 0x1234

static uint8_t buf[KATTR_TX_MAX];

static const struct nlattr *find(const struct nlmsghdr *nlh, uint16_t type)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(a) == type)
			return a;
	return NULL;
}

static struct nlmsghdr *start(uint8_t cmd)
{
	memset(buf, 0xee, sizeof(buf));
	return kattr_begin(buf, FAMILY, cmd, 0);
}

static void test_group(void)
{
	struct kgroup g = { .name = "video" };
	struct kgroup_info got;
	struct genlmsghdr *genl;
	const struct nlattr *a;
	struct nlmsghdr *nlh;

	nlh = start(MCSEC_CMD_GROUP_NEW);
	is_int(kattr_put_group(nlh, &g), -EINVAL, "a group needs an address");

	addr_parse("239.1.2.3", &g.dst);
	nlh = start(MCSEC_CMD_GROUP_NEW);
	is_int(kattr_put_group(nlh, &g), 0, "an IPv4 group is encoded");
	genl = mnl_nlmsg_get_payload(nlh);
	is_int(nlh->nlmsg_type, FAMILY, "the group's message is of the family");
	is_int(nlh->nlmsg_flags, NLM_F_REQUEST,
	       "the group's message is a request");
	is_int(genl->cmd, MCSEC_CMD_GROUP_NEW,
	       "the group's message has the command");
	is_int(genl->version, MCSEC_FAMILY_VERSION,
	       "the group's message has the version");
	a = find(nlh, MCSEC_A_GROUP_NAME);
	is_mem(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a), "video", 6,
	       "the name ends with a zero");
	a = find(nlh, MCSEC_A_GROUP_DST);
	is_mem(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a),
	       "\xef\x01\x02\x03", 4, "the address is 4 octets");
	is_int(kattr_get_group(nlh, &got), 0, "the group's message parses");
	is_str(got.group.name, "video", "the group's name comes back");
	ok(addr_equal(&got.group.dst, &g.dst),
	   "the group's address comes back");
	is_int(got.out_spi, 0, "the group has no SA to send with");

	addr_parse("ff3e::8000:1", &g.dst);
	nlh = start(MCSEC_CMD_GROUP_NEW);
	is_int(kattr_put_group(nlh, &g), 0, "an IPv6 group is encoded");
	is_int(mnl_attr_get_payload_len(find(nlh, MCSEC_A_GROUP_DST)), 16,
	       "the address is 16 octets");
	kattr_get_group(nlh, &got);
	ok(addr_equal(&got.group.dst, &g.dst),
	   "the IPv6 group's address comes back");

	nlh = start(MCSEC_CMD_GROUP_NEW);
	memset(g.name, 'x', sizeof(g.name));
	is_int(kattr_put_group(nlh, &g), -EINVAL,
	       "a name without an end is refused");
	g.name[MCSEC_NAME_MAX] = '\0';
	is_int(kattr_put_group(nlh, &g), 0, "one of %d octets is not",
	       MCSEC_NAME_MAX);
	is_int(kattr_put_name(nlh, MCSEC_A_GROUP_NAME, ""), -EINVAL,
	       "an empty name is refused");
}

static const struct ksa sample = {
	.group = "g",
	.spi = 0x01020304,
	.dir = MCSEC_DIR_IN | MCSEC_DIR_OUT,
	.alg = MCSEC_ALG_CHACHA20_POLY1305,
	.key = "0123456789abcdef0123456789abcdefSALT",
	.key_len = 36,
	.sid_bits = 12,
	.sender_ids = { 0, 7, 4095 },
	.n_sender_ids = 3,
	.replay = MCSEC_REPLAY_SEQ,
	.window = 64,
	.max_senders = 5,
	.limits = {
		.set = KLIMIT_SOFT_TIME | KLIMIT_HARD_BYTES | KLIMIT_IV |
		       KLIMIT_HARD_PACKETS,
		.soft_time = 3600,
		.hard_bytes = 1ULL << 40,
		.iv_limit = UINT32_MAX,
	},
	.select = true,
};

static void test_sa(void)
{
	const struct nlattr *a;
	struct ksa_info got;
	struct nlmsghdr *nlh;
	struct ksa sa = sample;
	size_t i, n;

	nlh = start(MCSEC_CMD_SA_NEW);
	is_int(kattr_put_sa(nlh, &sa), 0, "an SA is encoded");
	a = find(nlh, MCSEC_A_SA_SPI);
	is_mem(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a),
	       "\x01\x02\x03\x04", 4, "the SPI is in network order");
	a = find(nlh, MCSEC_A_SA_KEY);
	is_mem(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a), sa.key, 36,
	       "the key is as given");
	ok(!find(nlh, MCSEC_A_SA_SOFT_BYTES), "a limit not set is absent");
	ok(!!find(nlh, MCSEC_A_SA_HARD_PACKETS),
	   "a limit set to 0 is there, and means none");

	is_int(kattr_get_sa(nlh, &got), 0, "the SA's message parses");
	is_str(got.sa.group, "g", "sa: group");
	is_int(got.sa.spi, 0x01020304, "SPI");
	is_int(got.sa.dir, 3, "sa: directions");
	is_int(got.sa.alg, MCSEC_ALG_CHACHA20_POLY1305, "sa: transform");
	is_int(got.sa.sid_bits, 12, "Sender-ID bits");
	is_int(got.sa.replay, MCSEC_REPLAY_SEQ, "replay check");
	is_int(got.sa.window, 64, "sa: window");
	is_int(got.sa.max_senders, 5, "most senders");
	is_int(got.sa.n_sender_ids, 3, "number of Sender-IDs");
	is_mem(got.sa.sender_ids, 12, sample.sender_ids, 12, "Sender-IDs");
	is_int(got.sa.limits.set, sample.limits.set,
	       "the SA's limits come back");
	is_int(got.sa.limits.soft_time, 3600, "soft time");
	is_int(got.sa.limits.hard_bytes, 1LL << 40, "hard bytes");
	is_int(got.sa.limits.iv_limit, UINT32_MAX, "IV limit");
	ok(got.sa.select, "sa: selected");
	is_int(got.sa.key_len, 0, "a key is never taken from an answer");

	/* The kernel chooses the defaults. */
	memset(&sa, 0, sizeof(sa));
	memcpy(sa.group, "g", 2);
	sa.spi = 256;
	nlh = start(MCSEC_CMD_SA_NEW);
	is_int(kattr_put_sa(nlh, &sa), 0, "an SA of zeros is encoded");
	ok(!find(nlh, MCSEC_A_SA_SID_BITS) && !find(nlh, MCSEC_A_SA_WINDOW) &&
		   !find(nlh, MCSEC_A_SA_MAX_SENDERS) &&
		   !find(nlh, MCSEC_A_SA_SENDER_ID) &&
		   !find(nlh, MCSEC_A_SA_REPLAY) &&
		   !find(nlh, MCSEC_A_SA_IV_LIMIT) &&
		   !find(nlh, MCSEC_A_SA_SELECTED),
	   "fields of an SA that are not given are absent");

	sa = sample;
	sa.n_sender_ids = MCSEC_SENDER_IDS_MAX;
	sa.limits.set = ~0U;
	memset(sa.group, 'y', MCSEC_NAME_MAX);
	nlh = start(MCSEC_CMD_SA_NEW);
	is_int(kattr_put_sa(nlh, &sa), 0, "the largest request there is fits");
	n = 0;
	mnl_attr_for_each(a, nlh, sizeof(struct genlmsghdr))
		n += mnl_attr_get_type(a) == MCSEC_A_SA_SENDER_ID;
	is_int(n, MCSEC_SENDER_IDS_MAX,
	       "the largest request has all Sender-IDs");

	sa.n_sender_ids++;
	is_int(kattr_put_sa(start(MCSEC_CMD_SA_NEW), &sa), -EINVAL,
	       "one Sender-ID more is refused");
	sa = sample;
	sa.key_len = KSA_KEY_MAX + 1;
	is_int(kattr_put_sa(start(MCSEC_CMD_SA_NEW), &sa), -EINVAL,
	       "a key longer than its room is refused");

	/* An answer with too many Sender-IDs. */
	nlh = start(MCSEC_CMD_SA_GET);
	kattr_put_sa_id(nlh, "g", 256);
	for (i = 0; i <= MCSEC_SENDER_IDS_MAX; i++)
		mnl_attr_put_u32(nlh, MCSEC_A_SA_SENDER_ID, i);
	is_int(kattr_get_sa(nlh, &got), -EBADMSG,
	       "an answer with too many Sender-IDs is refused");
}

/* An edge as it was asked for is what a dump of the kernel says. */
static void test_edge(void)
{
	struct kedge asked = {
		.group = "g",
		.id = 7,
		.local.port = 4500,
		.peer.port = 4501,
		.dir = MCSEC_EDGE_DIR_DOWN,
		.ranges = { { 1, 4 }, { 9, 9 } },
		.n_ranges = 2,
		.has_mtu = true,
		.mtu = 1400,
		.dev = "dummy0",
	};
	struct nlmsghdr *nlh;
	struct kedge got;

	addr_parse("192.0.2.1", &asked.local.addr);
	addr_parse("2001:db8::1", &asked.peer.addr);
	nlh = start(MCSEC_CMD_EDGE_NEW);
	is_int(kattr_put_edge(nlh, &asked, false), 0, "an edge is a request");
	is_int(kattr_get_edge(nlh, &got), 0, "the request is an edge");
	is_mem(&got, sizeof(got), &asked, sizeof(asked),
	       "the edge has what was asked for");
	nlh = start(MCSEC_CMD_EDGE_SET);
	asked.n_ranges = MCSEC_EDGE_RANGES_MAX + 1;
	is_int(kattr_put_edge(nlh, &asked, true), -EINVAL,
	       "an edge with too many ranges is no request");
	asked.n_ranges = 0;
	asked.has_mtu = false;
	asked.dir = 0;
	nlh = start(MCSEC_CMD_EDGE_SET);
	is_int(kattr_put_edge(nlh, &asked, true), 0, "a change is a request");
	is_int(kattr_get_edge(nlh, &got), 0, "the change names the edge");
	is_int(got.local.port, 0, "a change has no socket");
	is_int(got.mtu, 0, "a change leaves the MTU out");
	is_int(*got.dev, 0, "a change has no interface");
	is_int(got.peer.port, 4501, "a change has the peer");
}

/* Each attribute once with each length from none to 40 octets. */
static void test_lengths(void)
{
	static const uint8_t junk[40] = { 1, 1, 1, 1, 1, 1, 1, 1 };
	int refused = 0, taken = 0, ret;
	struct kgroup_info g;
	struct ksender s;
	struct kcounter c;
	struct kedge e;
	struct ksa_info i;
	struct kevent ev;
	struct nlmsghdr *nlh;
	uint16_t type;
	size_t len;

	for (type = 0; type <= MCSEC_A_SA_MAX + 2; type++) {
		for (len = 0; len <= sizeof(junk); len++) {
			nlh = start(MCSEC_CMD_SOFT_EXPIRE);
			mnl_attr_put(nlh, type, len, junk);
			ret = kattr_get_sa(nlh, &i);
			/* A single attribute is never a complete SA. */
			refused += ret == -EBADMSG;
			taken += !ret;
			kattr_get_group(nlh, &g);
			kattr_get_sender(nlh, &s);
			kattr_get_edge(nlh, &e);
			kattr_get_counter(nlh, &c);
			kattr_get_event(nlh, &ev);
		}
	}
	is_int(taken, 0, "no attribute alone, of any length, is an SA");
	is_int(refused, (MCSEC_A_SA_MAX + 3) * 41, "all are refused");

	nlh = start(MCSEC_CMD_SA_GET);
	kattr_put_sa_id(nlh, "g", 256);
	mnl_attr_put_u32(nlh, MCSEC_A_SA_ALG, 3);
	is_int(kattr_get_sa(nlh, &i), -EBADMSG,
	       "a transform of a newer module has no name here");
	nlh = start(MCSEC_CMD_SA_GET);
	kattr_put_sa_id(nlh, "g", 256);
	mnl_attr_put_u32(nlh, MCSEC_A_SA_MAX + 1, 3);
	is_int(kattr_get_sa(nlh, &i), 0,
	       "an attribute of a newer module is skipped");

	nlh = mnl_nlmsg_put_header(buf);
	is_int(kattr_get_sa(nlh, &i), -EBADMSG, "an SA without a header");
	is_int(kattr_get_group(nlh, &g), -EBADMSG, "a group without a header");
	is_int(kattr_get_sender(nlh, &s), -EBADMSG,
	       "a sender without a header");
	is_int(kattr_get_edge(nlh, &e), -EBADMSG, "an edge without a header");
	is_int(kattr_get_counter(nlh, &c), -EBADMSG,
	       "a counter without a header");
	is_int(kattr_get_event(nlh, &ev), -EBADMSG,
	       "an event without a header");
}

static void test_others(void)
{
	struct nlmsghdr *nlh;
	struct kcounter c;
	struct kevent ev;
	struct ksender s;

	nlh = start(MCSEC_CMD_SENDER_GET);
	is_int(kattr_put_sender_id(nlh, "g", 0x1000), 0, "name of a sender");
	mnl_attr_put_u32(nlh, MCSEC_A_SENDER_SENDER_ID, 9);
	mnl_attr_put_u64(nlh, MCSEC_A_SENDER_COUNTER, 1ULL << 33);
	mnl_attr_put_u64(nlh, MCSEC_A_SENDER_PACKETS, 5);
	mnl_attr_put_u64(nlh, MCSEC_A_SENDER_REPLAYS, 6);
	is_int(kattr_get_sender(nlh, &s), 0, "a sender parses");
	is_int(s.spi, 0x1000, "SPI of a sender");
	is_int(s.sender_id, 9, "Sender-ID");
	is_int(s.counter, 1LL << 33, "others: counter");
	is_int(s.packets, 5, "others: packets");
	is_int(s.replays, 6, "others: replays");
	is_str(s.name, "", "a sender without a name");

	nlh = start(MCSEC_CMD_SENDER_NEW);
	memset(s.name, 'n', sizeof(s.name) - 1);
	is_int(kattr_put_sender(nlh, &s, true), 0, "a sender's longest name");
	memset(&s, 0, sizeof(s));
	is_int(kattr_get_sender(nlh, &s), 0, "a sender with a name parses");
	is_int(s.sender_id, 9, "Sender-ID of a sender with a name");
	is_int(strspn(s.name, "n"), MCSEC_SENDER_NAME_MAX, "all of its name");
	mnl_attr_put_strz(nlh, MCSEC_A_SENDER_NAME,
			  "0123456789012345678901234567890123456789012345678901234567890123");
	is_int(kattr_get_sender(nlh, &s), -EBADMSG, "a name that is too long");
	nlh = start(MCSEC_CMD_SENDER_DEL);
	strcpy(s.group, "g");
	is_int(kattr_put_sender(nlh, &s, false), 0, "a sender to delete");
	is_int(kattr_get_sender(nlh, &s), 0, "the request parses");
	is_str(s.name, "", "a request without a name");
	is_str(kattr_name(MCSEC_CMD_SENDER_SET, MCSEC_A_SENDER_NAME), "name",
	       "the name of the attribute");

	nlh = start(MCSEC_CMD_STATS_GET);
	mnl_attr_put_strz(nlh, MCSEC_A_COUNTER_NAME, "in-no-sa");
	mnl_attr_put_u64(nlh, MCSEC_A_COUNTER_VALUE, UINT64_MAX);
	is_int(kattr_get_counter(nlh, &c), 0, "a counter parses");
	is_str(c.name, "in-no-sa", "the counter's name");
	ok(c.value == UINT64_MAX, "the counter's value");

	nlh = start(MCSEC_CMD_ACQUIRE);
	mnl_attr_put_strz(nlh, MCSEC_A_GROUP_NAME, "g");
	mnl_attr_put(nlh, MCSEC_A_GROUP_DST, 4, "\xef\1\1\1");
	is_int(kattr_get_event(nlh, &ev), 0, "acquire parses");
	is_int(ev.type, KEVENT_ACQUIRE, "others: type");
	ok(addr_is_multicast(&ev.dst), "others: address");

	nlh = start(MCSEC_CMD_HARD_EXPIRE);
	kattr_put_sa_id(nlh, "g", 300);
	mnl_attr_put_u32(nlh, MCSEC_A_SA_LIMIT, MCSEC_LIMIT_BYTES);
	is_int(kattr_get_event(nlh, &ev), 0, "hard-expire parses");
	is_int(ev.type, KEVENT_HARD_EXPIRE, "others: type");
	is_int(ev.spi, 300, "SPI");
	is_int(ev.limit, MCSEC_LIMIT_BYTES, "others: limit");

	nlh = start(MCSEC_CMD_IV_EXHAUSTING);
	kattr_put_sa_id(nlh, "g", 300);
	mnl_attr_put_u32(nlh, MCSEC_A_SA_SENDER_ID, 77);
	is_int(kattr_get_event(nlh, &ev), 0, "iv-exhausting parses");
	is_int(ev.sender_id, 77, "Sender-ID");

	nlh = start(MCSEC_CMD_NEW_SENDER);
	kattr_put_sender_id(nlh, "g", 300);
	mnl_attr_put_u32(nlh, MCSEC_A_SENDER_SENDER_ID, 78);
	is_int(kattr_get_event(nlh, &ev), 0, "new-sender parses");
	is_int(ev.type, KEVENT_NEW_SENDER, "others: type");
	is_int(ev.sender_id, 78, "Sender-ID");

	nlh = start(MCSEC_CMD_UNKNOWN_SPI);
	kattr_put_sa_id(nlh, "g", 300);
	is_int(kattr_get_event(nlh, &ev), 0, "unknown-spi parses");
	is_int(ev.type, KEVENT_UNKNOWN_SPI, "others: type");
	is_int(ev.spi, 300, "SPI");

	nlh = start(MCSEC_CMD_SA_GET);
	is_int(kattr_get_event(nlh, &ev), -ENOMSG, "an answer is no event");
	is_int(kattr_get_event(start(MCSEC_CMD_MAX + 1), &ev), -ENOMSG,
	       "an event of a newer module is no event");
}

static void test_names(void)
{
	const struct nlattr *a;
	struct nlmsghdr *nlh;
	uint32_t off;

	nlh = start(MCSEC_CMD_SA_NEW);
	kattr_put_sa(nlh, &sample);
	a = find(nlh, MCSEC_A_SA_WINDOW);
	off = (const char *)a - (const char *)nlh;
	is_int(kattr_at(nlh, off), MCSEC_A_SA_WINDOW,
	       "an attribute is found by where it starts");
	is_int(kattr_at(nlh, off + 4), MCSEC_A_SA_WINDOW,
	       "an attribute is found by where its value starts");
	is_int(kattr_at(nlh, 0), 0, "none is where the header is");
	is_int(kattr_at(nlh, nlh->nlmsg_len), 0, "none is behind the end");
	is_int(kattr_at(nlh, UINT32_MAX), 0,
	       "no attribute is far behind the end");

	is_str(kattr_name(MCSEC_CMD_SA_NEW, MCSEC_A_SA_SENDER_ID), "sender-id",
	       "names are those of the spec");
	is_str(kattr_name(MCSEC_CMD_GROUP_NEW, MCSEC_A_GROUP_DST), "dst",
	       "each set has its own");
	ok(!kattr_name(MCSEC_CMD_SA_NEW, 500), "an unknown one has none");
	ok(!kattr_name(200, 1),
	   "an attribute of an unknown command has no name");

	is_int(kname_find(kalg_names, "aes-gmac"), MCSEC_ALG_AES_GMAC,
	       "a transform by name");
	is_int(kname_find(kalg_names, "des"), -1, "an unknown one");
	ok(kalg_key_ok(MCSEC_ALG_AES_GCM_16, 20) &&
		   kalg_key_ok(MCSEC_ALG_AES_GCM_16, 36) &&
		   !kalg_key_ok(MCSEC_ALG_AES_GCM_16, 28) &&
		   !kalg_key_ok(MCSEC_ALG_CHACHA20_POLY1305, 20) &&
		   !kalg_key_ok(MCSEC_ALG_AES_GMAC, 16),
	   "keys have the lengths of their transforms");
}

/* Check that each attribute of a request has a name, by which a refusal tells of it. */
static void all_named(const struct nlmsghdr *nlh, const char *what)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(*genl))
		ok(kattr_name(genl->cmd, mnl_attr_get_type(a)),
		   "%s: attribute %u has a name", what, mnl_attr_get_type(a));
}

static void test_refused_attributes(void)
{
	static const struct ksender sender = {
		.group = "g", .spi = 256, .sender_id = 1, .name = "x"
	};
	static const struct ksa_set set = {
		.select = true,
		.dir = MCSEC_DIR_IN,
		.limits = { .set = KLIMIT_SOFT_TIME, .soft_time = 9 },
	};
	struct kgroup g = {
		.name = "g",
		.owner = "mcsecd",
		.dst_len = 24,
		.src_len = 16,
		.proto = 17,
		.sport = 1,
		.dport = 2,
		.mark = { 1, 1 },
		.in_mark = { 2, 2 },
		.policy = MCSEC_POLICY_OBSERVE,
		.forward = true,
		.n_devs = 1,
		.devs = { "eth0" },
	};
	struct kedge e = { .group = "g",
			   .id = 1,
			   .has_mtu = true,
			   .mtu = 1400,
			   .dir = MCSEC_EDGE_DIR_UP,
			   .dev = "eth0" };
	struct nlmsghdr *nlh;

	if (addr_parse("239.1.2.0", &g.dst) || addr_parse("10.1.0.0", &g.src) ||
	    ep_parse("10.1.0.2:4500", 0, &e.peer) ||
	    ep_parse("10.1.0.1:4500", 0, &e.local))
		bail("addresses");
	nlh = start(MCSEC_CMD_GROUP_NEW);
	is_int(kattr_put_group(nlh, &g), 0, "a group with every setting");
	all_named(nlh, "a new group");
	nlh = start(MCSEC_CMD_GROUP_SET);
	is_int(kattr_put_policy(nlh, "g", MCSEC_POLICY_OBSERVE), 0, "a policy");
	is_int(kattr_put_force(nlh, true), 0, "a policy by force");
	all_named(nlh, "a group's policy");
	nlh = start(MCSEC_CMD_SA_NEW);
	is_int(kattr_put_sa(nlh, &sample), 0, "an SA with every setting");
	all_named(nlh, "a new SA");
	nlh = start(MCSEC_CMD_SA_SET);
	is_int(kattr_put_sa_set(nlh, &set), 0, "a change of an SA");
	ok(find(nlh, MCSEC_A_SA_DIR) && find(nlh, MCSEC_A_SA_SELECTED) &&
		   find(nlh, MCSEC_A_SA_SOFT_TIME),
	   "a change of an SA has all three");
	all_named(nlh, "a change of an SA");
	nlh = start(MCSEC_CMD_SA_DEL);
	is_int(kattr_put_last_counts(nlh), 0, "the last counts of an SA");
	all_named(nlh, "the last counts of an SA");
	nlh = start(MCSEC_CMD_SENDER_SET);
	is_int(kattr_put_sender(nlh, &sender, true), 0, "a sender");
	all_named(nlh, "a sender's name");
	nlh = start(MCSEC_CMD_EDGE_NEW);
	is_int(kattr_put_edge(nlh, &e, false), 0, "an edge");
	all_named(nlh, "a new edge");
}

int main(void)
{
	RUN(test_group);
	RUN(test_sa);
	RUN(test_edge);
	RUN(test_lengths);
	RUN(test_others);
	RUN(test_names);
	RUN(test_refused_attributes);
	return done();
}
