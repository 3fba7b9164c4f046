// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "details.h"
#include "lib/secret.h"
#include "lib/util.h"
#include "listing.h"
#include "mcsecctl.h"
#include "units.h"

/* Parameters of "sa add" and "sa set". */
struct sa_request {
	struct ksa sa;
	const char *key_path;
	bool key_stdin;
};

static int set_spi(const struct word *w, const char *value, void *obj)
{
	struct sa_request *r = obj;

	(void)w;
	return read_spi(value, &r->sa.spi);
}

static int set_dir(const struct word *w, const char *value, void *obj)
{
	/* The index plus 1 is the value of enum mcsec_dir. */
	static const char *const names[] = { "in", "out", "inout", NULL };
	struct sa_request *r = obj;
	int n = kname_find(names, value);

	if (n < 0)
		return complain(EXIT_USAGE,
				"unknown %s \"%s\": in, out or inout", w->name,
				value);
	r->sa.dir = n + MCSEC_DIR_IN;
	return EXIT_OK;
}

static int set_sender_ids(const struct word *w, const char *value, void *obj)
{
	struct sa_request *r = obj;

	(void)w;
	return read_sender_ids(value, r->sa.sender_ids, &r->sa.n_sender_ids);
}

/*
 * Parse "key -", which means stdin. A key on the command line is refused, and
 * not printed.
 */
static int set_key(const struct word *w, const char *value, void *obj)
{
	struct sa_request *r = obj;

	(void)w;
	if (strcmp(value, "-"))
		return complain(EXIT_USAGE,
				"key: not on the command line, where every user can read it: key-file FILE or key-stdin");
	r->key_stdin = true;
	return EXIT_OK;
}

/* Parse seconds, or a number with s, m, h or d. */
static bool parse_time(const char *s, uint64_t *v)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	size_t len = strlen(s), i;
	uint64_t mul = 1;
	char buf[32];

	if (!len || len >= sizeof(buf))
		return false;
	memcpy(buf, s, len + 1);
	/*
	 * The suffix of a hexadecimal number is a digit: 0x10d is
	 * not 16 days.
	 */
	for (i = 0; i < 4 && strncmp(s, "0x", 2); i++) {
		if (buf[len - 1] == units[i].unit) {
			buf[len - 1] = '\0';
			mul = units[i].seconds;
			break;
		}
	}
	return parse_u64(buf, v) && !__builtin_mul_overflow(*v, mul, v);
}

static int set_limit(const struct word *w, const char *value, void *obj)
{
	bool time = w->bit & (KLIMIT_SOFT_TIME | KLIMIT_HARD_TIME);
	struct sa_request *r = obj;
	uint64_t v;

	if (time ? !parse_time(value, &v) : !parse_u64(value, &v))
		return complain(EXIT_USAGE, "%s \"%s\": not %s", w->name, value,
				w->takes);
	memcpy((char *)obj + w->off, &v, sizeof(v));
	r->sa.limits.set |= w->bit;
	return EXIT_OK;
}

#define REQ(member) .off = offsetof(struct sa_request, member)
#define AT(member) REQ(sa.member)
#define COUNT "a number, 0 for none"
#define SECONDS "seconds or a number with m, h or d, 0 for none"

#define LIMIT(word, member, BIT, what) \
	WORD(word, what, set_limit, AT(limits.member), .bit = KLIMIT_##BIT)

/* These words of "sa add" are also for "sa set". */
#define SET_WORDS \
	WORD("dir", "in, out or inout", set_dir), \
		WORD("select", NULL, set_true, AT(select)), \
		LIMIT("soft-time", soft_time, SOFT_TIME, SECONDS), \
		LIMIT("hard-time", hard_time, HARD_TIME, SECONDS), \
		LIMIT("soft-packets", soft_packets, SOFT_PACKETS, COUNT), \
		LIMIT("hard-packets", hard_packets, HARD_PACKETS, COUNT), \
		LIMIT("soft-bytes", soft_bytes, SOFT_BYTES, COUNT), \
		LIMIT("hard-bytes", hard_bytes, HARD_BYTES, COUNT)

static const struct word add_words[] = {
	WORD("spi", "an SPI", set_spi),
	WORD("alg", "a transform", set_name, AT(alg), .names = kalg_names),
	WORD("key-file", "a file", set_string, REQ(key_path)),
	WORD("key-stdin", NULL, set_true, REQ(key_stdin)),
	WORD("mode", "a mode", set_name, AT(mode), .names = kmode_names),
	WORD("sid-bits", "8, 12 or 16", set_u32, AT(sid_bits), .min = 1,
	     .max = 64),
	WORD("sender-id", "one or more, like 1-4,9", set_sender_ids),
	WORD("replay", "iv, seq or none", set_name, AT(replay),
	     .names = kreplay_names),
	WORD("window", "a number of packets", set_u32, AT(window), .min = 1,
	     .max = UINT32_MAX),
	WORD("max-senders", "a number", set_u32, AT(max_senders), .min = 1,
	     .max = UINT32_MAX),
	LIMIT("iv-limit", iv_limit, IV, "a number of packets"),
	WORD("key", "-, which is stdin", set_key),
	SET_WORDS,
	{}
};

static const struct word set_words[] = { SET_WORDS, {} };

/* Indices of the mandatory words; "dir" is mandatory, too. */
enum { ADD_SPI, ADD_ALG };

static int add_sa(struct ctl *ctl, struct sa_request *r)
{
	struct err err;
	int ret;

	ret = need_kernel(ctl);
	if (!ret)
		ret = read_key(r->key_path, r->sa.alg, r->sa.key,
			       &r->sa.key_len);
	if (ret)
		return ret;
	if (ctl->kernel.ops->sa_add(ctl->kernel.ctx, &r->sa, &err))
		return refused("sa add", &err);
	tell_done(ctl, "group %s: SA " SPI_FMT " is added%s", r->sa.group,
		  r->sa.spi, r->sa.select ? ", and sends" : "");
	return EXIT_OK;
}

static int sa_add(struct ctl *ctl, int argc, char **argv)
{
	struct sa_request r = {};
	uint32_t seen;
	int ret, i;

	if (!argc)
		return check_argc(argc, 1, 1);
	ret = read_group(argv[0], r.sa.group);
	if (!ret)
		ret = read_words(add_words, argc - 1, argv + 1, &r, &seen);
	if (ret)
		return ret;
	for (i = ADD_SPI; i <= ADD_ALG; i++)
		if (!(seen & 1U << i))
			return complain(EXIT_USAGE, "sa add: %s is missing",
					add_words[i].name);
	if (!r.sa.dir)
		return complain(EXIT_USAGE,
				"sa add: dir is missing: in, out or inout");
	if (!r.key_path == !r.key_stdin)
		return complain(EXIT_USAGE,
				"sa add: one of key-file FILE and key-stdin is needed");
	/* Reading a key from stdin would consume a part of the batch. */
	if (ctl->stdin_taken && names_stdin(r.key_path))
		return complain(EXIT_USAGE,
				"sa add: the batch comes from stdin, and no key can: key-file FILE");

	ret = add_sa(ctl, &r);
	secret_wipe(&r, sizeof(r));
	return ret;
}

/* Parse the two words with which most commands begin. */
static int read_sa(char **argv, struct ksa *sa)
{
	int ret = read_group(argv[0], sa->group);

	return ret ?: read_spi(argv[1], &sa->spi);
}

static int sa_set(struct ctl *ctl, int argc, char **argv)
{
	struct sa_request r = {};
	struct ksa_set set;
	struct err err;
	uint32_t seen;
	int ret;

	if (argc < 3)
		return check_argc(argc, 3, 3);
	ret = read_sa(argv, &r.sa);
	if (!ret)
		ret = read_words(set_words, argc - 2, argv + 2, &r, &seen);
	if (!ret)
		ret = need_kernel(ctl);
	if (ret)
		return ret;
	set.select = r.sa.select;
	set.dir = r.sa.dir;
	set.limits = r.sa.limits;
	if (ctl->kernel.ops->sa_set(ctl->kernel.ctx, r.sa.group, r.sa.spi, &set,
				    &err))
		return refused("sa set", &err);
	tell_done(ctl, "group %s: SA " SPI_FMT " is changed%s", r.sa.group,
		  r.sa.spi, r.sa.select ? ", and sends" : "");
	return EXIT_OK;
}

static int sa_del(struct ctl *ctl, int argc, char **argv)
{
	struct ksa_info last;
	struct ksa sa;
	struct err err;
	int ret;

	ret = check_argc(argc, 2, 2);
	if (!ret)
		ret = read_sa(argv, &sa);
	if (!ret)
		ret = need_kernel(ctl);
	if (ret)
		return ret;
	/* The counts of the last packet take time, which only who reads them has. */
	if (ctl->kernel.ops->sa_del(ctl->kernel.ctx, sa.group, sa.spi,
				    ctl->verbose ? &last : NULL, &err))
		return refused("sa del", &err);
	if (ctl->verbose)
		tell_done(ctl,
			  "group %s: SA " SPI_FMT " is deleted, after %" PRIu64
			  " packets out and %" PRIu64 " in",
			  sa.group, sa.spi, last.out_packets, last.in_packets);
	else
		tell_done(ctl, "group %s: SA " SPI_FMT " is deleted", sa.group,
			  sa.spi);
	return EXIT_OK;
}

static int sa_flush(struct ctl *ctl, int argc, char **argv)
{
	char group[MCSEC_NAME_MAX + 1];
	struct err err;
	int ret;

	ret = check_argc(argc, 1, 1);
	if (!ret)
		ret = read_group(argv[0], group);
	if (!ret)
		ret = need_kernel(ctl);
	if (ret)
		return ret;
	if (ctl->kernel.ops->sa_flush(ctl->kernel.ctx, group, &err))
		return refused("sa flush", &err);
	tell_done(ctl, "group %s: all SAs are deleted", group);
	return EXIT_OK;
}

/* ---- show ---------------------------------------------------------------- */

json_t *sa_json(const struct ksa_info *i)
{
	const struct klimits *l = &i->sa.limits;
	const struct ksa *sa = &i->sa;
	json_t *o = json_object();
	json_t *ids;
	size_t n;

	put_json_str(o, "group", sa->group);
	put_json_int(o, "spi", sa->spi);
	put_json_str(o, "dir", kdir_name(sa->dir));
	put_json_str(o, "alg", kalg_names[sa->alg]);
	put_json_str(o, "mode", kmode_names[sa->mode]);
	put_json_str(o, "state", kstate_names[i->state]);
	json_object_set_new(o, "selected", json_boolean(sa->select));
	put_json_int(o, "age", i->age);
	put_json_int(o, "sid-bits", sa->sid_bits);
	if (sa->dir & MCSEC_DIR_OUT) {
		ids = json_array();
		for (n = 0; n < sa->n_sender_ids; n++)
			json_array_append_new(ids,
					      json_integer(sa->sender_ids[n]));
		json_object_set_new(o, "sender-id", ids);
		put_json_int(o, "iv-limit", l->iv_limit);
		put_json_int(o, "out-packets", i->out_packets);
		put_json_int(o, "out-bytes", i->out_bytes);
	}
	if (sa->dir & MCSEC_DIR_IN) {
		put_json_str(o, "replay", kreplay_names[sa->replay]);
		put_json_int(o, "window", sa->window);
		put_json_int(o, "max-senders", sa->max_senders);
		put_json_int(o, "senders", i->senders);
		put_json_int(o, "in-packets", i->in_packets);
		put_json_int(o, "in-bytes", i->in_bytes);
		put_json_int(o, "in-replays", i->in_replays);
		put_json_int(o, "in-bad-icv", i->in_bad_icv);
	}
	put_json_int(o, "soft-time", l->soft_time);
	put_json_int(o, "hard-time", l->hard_time);
	put_json_int(o, "soft-packets", l->soft_packets);
	put_json_int(o, "hard-packets", l->hard_packets);
	put_json_int(o, "soft-bytes", l->soft_bytes);
	put_json_int(o, "hard-bytes", l->hard_bytes);
	return o;
}

enum {
	SA_GROUP,
	SA_SPI,
	SA_DIR,
	SA_STATE,
	SA_ALG,
	SA_MODE,
	SA_AGE,
	SA_LEFT,
	SA_OUT_PACKETS,
	SA_OUT_BYTES,
	SA_IN_PACKETS,
	SA_IN_BYTES,
	SA_SENDERS,
	SA_REPLAYS,
	SA_BAD_ICV,
};

struct table *sa_table_new(void)
{
	enum { number = COLUMN_OPTIONAL | COLUMN_RIGHT };
	static const struct column columns[] = {
		[SA_GROUP] = { "GROUP", 0 },
		[SA_SPI] = { "SPI", 0 },
		[SA_DIR] = { "DIR", 0 },
		[SA_STATE] = { "STATE", 0 },
		[SA_ALG] = { "ALG", COLUMN_SPARE(8) },
		[SA_MODE] = { "MODE", COLUMN_SPARE(9) },
		[SA_AGE] = { "AGE", COLUMN_RIGHT | COLUMN_SPARE(4) },
		[SA_LEFT] = { "ENDS IN", number | COLUMN_SPARE(1) },
		[SA_OUT_PACKETS] = { "OUT-PACKETS", number | COLUMN_SPARE(3) },
		[SA_OUT_BYTES] = { "OUT-BYTES", number | COLUMN_SPARE(5) },
		[SA_IN_PACKETS] = { "IN-PACKETS", number | COLUMN_SPARE(2) },
		[SA_IN_BYTES] = { "IN-BYTES", number | COLUMN_SPARE(6) },
		[SA_SENDERS] = { "SENDERS", number | COLUMN_SPARE(7) },
		[SA_REPLAYS] = { "REPLAYS", number },
		[SA_BAD_ICV] = { "BAD-ICV", number },
		{}
	};

	return table_new(columns, true);
}

static void put_octets(struct table *t, size_t column, uint64_t n)
{
	char text[UNIT_STRLEN];

	if (n)
		table_put(t, column, octets_str(n, text));
}

void sa_table_add(struct table *t, const struct ksa_info *i)
{
	uint64_t hard = i->sa.limits.hard_time;
	const struct ksa *sa = &i->sa;
	char span[UNIT_STRLEN];

	table_row(t);
	table_put(t, SA_GROUP, sa->group);
	table_printf(t, SA_SPI, SPI_FMT, sa->spi);
	table_put(t, SA_DIR, kdir_name(sa->dir));
	table_printf(t, SA_STATE, "%s%s", kstate_names[i->state],
		     sa->select ? ", selected" : "");
	table_tint(t, SA_STATE,
		   i->state == MCSEC_SA_STATE_LIVE ? TINT_GOOD : TINT_BAD);
	table_put(t, SA_ALG, kalg_names[sa->alg]);
	table_put(t, SA_MODE, kmode_names[sa->mode]);
	table_put(t, SA_AGE, span_str(i->age, span));
	if (hard)
		table_put(t, SA_LEFT,
			  span_str(hard > i->age ? hard - i->age : 0, span));
	table_count(t, SA_OUT_PACKETS, i->out_packets);
	put_octets(t, SA_OUT_BYTES, i->out_bytes);
	table_count(t, SA_IN_PACKETS, i->in_packets);
	put_octets(t, SA_IN_BYTES, i->in_bytes);
	table_count(t, SA_SENDERS, i->senders);
	table_count(t, SA_REPLAYS, i->in_replays);
	table_count(t, SA_BAD_ICV, i->in_bad_icv);
}

static int list_sa(void *arg, const struct ksa_info *i)
{
	struct listing *l = arg;
	json_t *o;

	if (listing_next(l)) {
		listing_put(l, sa_json(i));
	} else if (l->table) {
		sa_table_add(l->table, i);
	} else {
		o = sa_json(i);
		if (l->n > 1)
			putchar('\n');
		print_details(o, "");
		json_decref(o);
	}
	return 0;
}

static int sa_show(struct ctl *ctl, int argc, char **argv)
{
	struct ksa_info i;
	struct listing l;
	struct err err;
	struct ksa sa;
	int ret;

	ret = check_argc(argc, 0, 2);
	if (!ret && argc == 1)
		ret = read_group(argv[0], sa.group);
	if (!ret && argc == 2)
		ret = read_sa(argv, &sa);
	if (!ret)
		ret = need_kernel(ctl);
	if (ret)
		return ret;

	/* One SA, or each with -v, is told with all that there is. */
	listing_begin(&l, ctl, argc < 2 && !ctl->verbose ? sa_table_new : NULL);
	if (argc == 2) {
		ret = ctl->kernel.ops->sa_get(ctl->kernel.ctx, sa.group, sa.spi,
					      &i, &err);
		if (!ret)
			list_sa(&l, &i);
	} else {
		ret = ctl->kernel.ops->sa_dump(ctl->kernel.ctx,
					       argc ? sa.group : NULL, list_sa,
					       &l, &err);
	}
	return listing_end(&l, ret, "sa show", &err, "no SAs");
}

const struct command sa_commands[] = {
	COMMAND("add", sa_add,
		"GROUP spi SPI dir DIR alg ALG key-file FILE|key-stdin [WORD VALUE]...",
		"add an SA with a key from a file or stdin",
		.words = add_words),
	COMMAND("set", sa_set, "GROUP SPI [WORD VALUE]...",
		"change direction or lifetimes of an SA, or send with it",
		.words = set_words),
	COMMAND("del", sa_del, "GROUP SPI", "delete an SA and its key"),
	COMMAND("show", sa_show, "[GROUP [SPI]] [-v]",
		"show all of one SA, or a line of each, without keys",
		.has_verbose = true),
	COMMAND("flush", sa_flush, "GROUP", "delete all SAs of a group"),
	{}
};
