// SPDX-License-Identifier: Apache-2.0
/*
 * The record of a group's keys in the store: one that is damaged is refused as a
 * whole, and the digest of what a group cannot change keeps its value over
 * releases.
 */
#include <string.h>
#include <unistd.h>

#include "gcks/group.h"
#include "gcks/group_time.h"
#include "gcks/gkm_store.h"
#include "group_sim.h"
#include "lib/buf.h"
#include "lib/util.h"
#include "store/store.h"
#include "tap.h"

#define KEY "g/video/state"
/* Octets in front of the key of the Rekey SA. */
#define AT_NUMBER (1 + GKM_DIGEST + 8 + 1)
#define AT_REKEY (AT_NUMBER + 8 + 4 + 4)
/* Octets of a key in front of its length. */
#define KEY_HEAD (GIKE_SPI_LEN_REKEY + 8 + 4)
/* Octets of a retired Data SA, and behind all of them. */
#define OLD_LEN (4 + 8)
#define TAIL (8 + 1 + 1)

static struct sim s;
static uint8_t rec[4096];
static size_t rec_len;

/* ---- damaged records ---------------------------------------------------- */

static void ignore_line(void *arg, const char *line)
{
	(void)arg;
	(void)line;
}

/* Return why a key server would not start with its store, or NULL. */
static const char *why_not(void)
{
	struct gcks_deps deps = { .clock = &s.clock, .tq = &s.tq };
	static struct err err;
	int ret;

	err.text[0] = '\0';
	ret = store_open_copy(s.path, s.sealer, &deps.store, &err);
	if (!ret)
		ret = store_open_copy(s.witness_path, s.sealer, &deps.witness,
				      &err);
	if (ret)
		bail("%s", err.text);
	ret = gcks_start_check(&s.conf, &deps, ignore_line, NULL, &err);
	store_close(deps.store);
	store_close(deps.witness);
	return ret ? err.text : NULL;
}

/* Write the record, and return why a key server would not start with it. */
static const char *would_refuse(void)
{
	s.crashed = false;
	sim_store_up(&s);
	if (store_begin(s.store) || store_put(s.store, KEY, rec, rec_len) ||
	    store_commit(s.store))
		bail("the record is not written");
	store_close(s.store);
	store_close(s.witness);
	return why_not();
}

static void read_record(void)
{
	struct wbuf w;

	wbuf_init(&w, sizeof(rec));
	if (store_get(s.store, KEY, &w))
		bail("the record is not there");
	memcpy(rec, w.p, w.len);
	rec_len = w.len;
	wbuf_free(&w);
}

/* Return the length of the key whose length is at @at. */
static uint8_t key_len(size_t at)
{
	if (rec[at] || !rec[at + 1] || rec[at + 1] > KD_PLAIN_MAX)
		bail("no key is where it should be");
	return rec[at + 1];
}

static void remove_octets(size_t at, uint8_t n)
{
	memmove(rec + at, rec + at + n, rec_len - at - n);
	rec_len -= n;
}

static void insert_octets(size_t at, uint8_t n)
{
	memmove(rec + at + n, rec + at, rec_len - at);
	memset(rec + at, 0, n);
	rec_len += n;
}

static void set_old(unsigned int n)
{
	size_t at = rec_len - TAIL - 1;

	if (rec[at])
		bail("a Data SA has retired already");
	rec_len = at + 1 + n * OLD_LEN + TAIL;
	memset(rec + at, 0, rec_len - at);
	rec[at] = n;
	/* The last octet is the number of Data SAs. */
	rec[rec_len - 1] = 1;
}

static uint8_t was[sizeof(rec)];
static size_t was_len;

/* Check that the record is refused, and that it is taken as it was before. */
static void refused(const char *what)
{
	const char *why = would_refuse();

	memcpy(rec, was, sizeof(rec));
	rec_len = was_len;
	ok(why && strstr(why, "keys in the store"), "%s: %s", what,
	   why ? why : "taken");
	if (would_refuse())
		bail("the right record is refused");
}

static void test_damaged(void)
{
	const char *why;
	uint8_t len;
	size_t at;

	sim_init(&s, 1);
	/* No Data SA has retired when the first member is in. */
	sim_gcks_up(&s);
	sim_up(sim_add(&s, "s.example", true, true));
	if (!sim_settle(&s, 10000))
		bail("no member is in");
	read_record();
	sim_gcks_down(&s);
	at = AT_REKEY + KEY_HEAD;
	len = key_len(at);
	ok(!would_refuse(), "the record is taken as it was");
	memcpy(was, rec, sizeof(rec));
	was_len = rec_len;
	rec_len--;
	refused("an octet too few");
	rec[rec_len++] = 0;
	refused("an octet too many");
	rec[0] = 0;
	refused("no version");
	rec[0]++;
	refused("a later version");
	memset(rec + AT_NUMBER, 0, 8);
	refused("no number of the next member");
	rec[rec_len - 1] = 0;
	refused("keys without a Data SA");
	rec[rec_len - 1] = CONF_MAX_DATA + 1;
	refused("more Data SAs than a group has");
	rec[rec_len - 1] = 2;
	refused("a second Data SA that is not there");
	set_old(GKM_OLD_MAX + 1);
	refused("more retired Data SAs than a Delete has room for");
	set_old(GKM_OLD_MAX);
	why = would_refuse();
	ok(!why, "a Delete full of retired Data SAs is taken: %s", why);
	at += 2 + len + KEY_HEAD;
	len = key_len(at);
	memcpy(was, rec, sizeof(rec));
	was_len = rec_len;
	rec[at + 1] = KD_PLAIN_MAX + 1;
	remove_octets(at + 2, len);
	refused("a key longer than any");
	rec[at + 1] = KD_PLAIN_MAX;
	insert_octets(at + 2, KD_PLAIN_MAX - len);
	ok(!would_refuse(), "the longest key is taken");
	sim_free(&s);
}

/* ---- damaged trees ------------------------------------------------------ */

static void up(uint64_t seed)
{
	sim_init(&s, seed);
	sim_start_three(&s, true, 5000, 0);
	sim_gcks_down(&s);
}

/* Remove what is at @key or below, and put @id there, if it is not 0. */
static const char *refused_without(const char *key, uint64_t id)
{
	s.crashed = false;
	sim_store_up(&s);
	if (store_begin(s.store) || store_del(s.store, key) ||
	    store_del_prefix(s.store, key) ||
	    (id && store_put_u64(s.store, key, id)) || store_commit(s.store))
		bail("the record is not removed");
	store_close(s.store);
	store_close(s.witness);
	return why_not();
}

static void test_tree(void)
{
	static const struct {
		const char *what, *key;
		uint64_t id;
	} faults[] = {
		{ "a tree without its next Key ID", "g/video/id", 0 },
		{ "a next Key ID of 33 bits", "g/video/id", 1ull << 32 | 1000 },
		{ "members without leaves", "g/video/t", 0 },
		{ "a signing key that is none", "g/video/sign", 1 },
		{ "leaves without members", "g/video/m", 0 },
	};
	const char *why;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		up(2 + i);
		why = refused_without(faults[i].key, faults[i].id);
		ok(why && strstr(why, "keys in the store"), "%s: %s",
		   faults[i].what, why ? why : "taken");
		sim_free(&s);
	}
	up(2 + i);
	why = refused_without("g/video/id", UINT32_MAX);
	ok(!why, "the largest next Key ID: %s", why);
	sim_free(&s);
}

/* A reset leaves nothing in the store that would not fit its empty tree. */
static void test_reset(void)
{
	struct sim_three three;
	struct err err = {};
	const char *why;

	sim_init(&s, 10);
	three = sim_start_three(&s, true, 5000, 0);
	is_int(sim_reset(s.gcks, "video", &err), 0, "a reset is done");
	sim_gcks_down(&s);
	why = why_not();
	ok(!why, "a key server that is killed then starts again: %s", why);
	sim_gcks_up(&s);
	is_int(sim_group(&s).members, 0, "a reset key server has no members");
	sim_run(&s, 60000);
	is_int(sim_group(&s).members, 3, "all have come back");
	is_int(sim_out_of_step(&s), 0, "all are in step");
	/* The tree of one member is smaller than that of three. */
	sim_down(three.a);
	sim_down(three.b);
	is_int(sim_reset(s.gcks, "video", &err), 0, "another reset is done");
	sim_run(&s, 20000);
	is_int(sim_group(&s).members, 1, "one member has come back");
	sim_gcks_down(&s);
	why = why_not();
	ok(!why, "a key server that is killed starts with the smaller tree: %s",
	   why);
	sim_free(&s);
}

/* A group that nobody has joined yet is no new one either. */
static void test_empty(void)
{
	const char *why;

	sim_init(&s, 14);
	sim_gcks_up(&s);
	sim_gcks_down(&s);
	ok(!why_not(), "a group without members starts");
	why = refused_without("g/video/state", 1);
	ok(why && strstr(why, "keys in the store"),
	   "a damaged state of a group without members: %s",
	   why ? why : "taken");
	sim_free(&s);
}

/* A setting that a group cannot change was changed while it was down. */
static void test_settings(void)
{
	sim_init(&s, 15);
	sim_start_three(&s, true, 5000, 0);
	sim_gcks_down(&s);
	s.cg.sender_id_bits = 8;
	sim_gcks_up(&s);
	is_int(sim_group(&s).members, 0,
	       "a group with another size of Sender-IDs starts anew");
	sim_run(&s, 60000);
	is_int(sim_group(&s).members, 3, "all have come back to new settings");
	is_int(sim_out_of_step(&s), 0, "all are in step with new settings");
	sim_free(&s);
}

/* ---- what a start goes on with ------------------------------------------ */

static struct group *group(void)
{
	return TAILQ_FIRST(&s.gcks->groups);
}

static void test_clock_back(void)
{
	uint64_t then;

	sim_init(&s, 11);
	sim_start_three(&s, true, 5000, 0);
	ok(group()->st.sign_made >= s.wall0 &&
		   group()->st.sign_made <= s.wall0 + 2,
	   "a new group's signing key has the time when it was made");
	then = group()->st.time_ms;
	sim_gcks_down(&s);
	s.wall0 -= 7200;
	sim_gcks_up(&s);
	ok(gkm_time_ms(group()) >= then,
	   "a group's time does not go back with the clock");
	sim_free(&s);
}

/* A store that went back is not read any further, so that damage does not count. */
static void test_older_and_damaged(void)
{
	struct err err = {};
	char bak[128];

	up(12);
	snprintf(bak, sizeof(bak), "%s.bak", s.path);
	sim_copy_store(s.path, bak);
	sim_gcks_up(&s);
	is_int(sim_rekey(s.gcks, "video", &err), 0, "a rekey is done");
	sim_gcks_down(&s);
	sim_copy_store(bak, s.path);
	unlink(bak);
	refused_without("g/video/id", 0);
	sim_gcks_up(&s);
	is_int(sim_group(&s).members, 0,
	       "a group whose store is older than its witness starts anew");
	sim_free(&s);
}

/* The key server dies between the commit of a rekey and its first copy. */
static void test_unsent(void)
{
	uint64_t registrations;
	struct sim_three three;
	struct err err = {};
	uint32_t spi;

	sim_init(&s, 13);
	three = sim_start_three(&s, true, 20000, 0);
	registrations = sim_status(three.a).registrations;
	spi = sim_group(&s).data_spi;
	s.crash = SIM_AFTER_COMMIT;
	s.crash_in = 1;
	sim_rekey(s.gcks, "video", &err);
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	ok(sim_group(&s).data_spi != spi, "the rekey is in the store");
	sim_run(&s, 4000);
	is_int(sim_out_of_step(&s), 0, "the next run sends the rekey");
	is_int(sim_status(three.a).registrations, registrations,
	       "no member had to ask");
	sim_free(&s);
}

/* ---- the digest of what a group cannot change ---------------------------- */

static void has_digest(const struct conf_group *conf, const char *text)
{
	struct iovec iov = { (void *)text, strlen(text) };
	uint8_t want[HASH_SHA256_LEN], got[GKM_DIGEST];

	if (hash_sha256(&iov, 1, want) || gkm_policy_digest(conf, got))
		bail("SHA-256");
	ok(!memcmp(want, got, sizeof(got)), "the digest is that of \"%s\"",
	   text);
}

static void test_digest(void)
{
	struct conf_group c = {
		.alg = { .encr = 20, .key_bits = 256 },
		.kek_alg = { .encr = 28, .key_bits = 0 },
		.kwa = 3,
		.rekey_sign = 5,
		.sender_id_bits = 12,
	};

	if (addr_parse("239.1.1.0", &c.sel.dst) ||
	    ep_parse("239.1.1.254:848", 0, &c.rekey_to) ||
	    addr_parse("10.1.1.1", &c.rekey_source))
		bail("address");
	has_digest(&c,
		   "1 239.1.1.0 239.1.1.254:848 10.1.1.1 20-256 28-0 3 5 12");
	c.tunnel = true;
	has_digest(&c,
		   "1 239.1.1.0 239.1.1.254:848 10.1.1.1 20-256 28-0 3 5 12 tunnel 239.1.1.0");
	c.tunnel = false;
	c.sel.dst_len = 24;
	has_digest(&c,
		   "1 239.1.1.0 239.1.1.254:848 10.1.1.1 20-256 28-0 3 5 12 239.1.1.0/24");
	c.sel.dst_len = 0;
	c.sel.proto = IPPROTO_UDP;
	c.sel.dport = 5000;
	has_digest(&c,
		   "1 239.1.1.0 239.1.1.254:848 10.1.1.1 20-256 28-0 3 5 12 239.1.1.0 proto udp dport 5000");
	c.more.n = 2;
	c.more.v[0].alg = (struct conf_alg){ .encr = 20, .key_bits = 128 };
	c.more.v[1].alg = (struct conf_alg){ .encr = 28 };
	if (addr_parse("239.1.2.1", &c.more.v[0].sel.dst) ||
	    addr_parse("239.1.2.2", &c.more.v[1].sel.dst))
		bail("address");
	has_digest(&c,
		   "1 239.1.1.0 239.1.1.254:848 10.1.1.1 20-256 28-0 3 5 12 239.1.1.0 proto udp dport 5000 20-128 239.1.2.1 28-0 239.1.2.2");
}

int main(void)
{
	RUN(test_damaged);
	RUN(test_tree);
	RUN(test_reset);
	RUN(test_empty);
	RUN(test_settings);
	RUN(test_clock_back);
	RUN(test_older_and_damaged);
	RUN(test_unsent);
	RUN(test_digest);
	return done();
}
