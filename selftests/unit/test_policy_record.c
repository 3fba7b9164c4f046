// SPDX-License-Identifier: Apache-2.0
/*
 * The record of a policy in the store: a setting has the number that it has had
 * from the first release on, wherever the source lists it. With another number,
 * an upgraded key server would take one setting for another, and reset groups or
 * evict members.
 */
#include <string.h>

#include "gcks/group.h"
#include "gcks/life.h"
#include "gcks/group_key.h"
#include "gcks/policy.h"
#include "group_sim.h"
#include "lib/util.h"
#include "store/store.h"
#include "tap.h"

#define NUMBERS 38

struct pin {
	unsigned int number;
	const char *name;
	size_t offset;
	size_t size;
};

/* Never change a line of this table: stores in the field have these numbers. */
static const struct pin pins[] = {
#define PIN(number, member) \
	{ \
		number, #member, offsetof(struct conf_group, member), \
			sizeof(((struct conf_group *)0)->member) \
	}
	PIN(1, sel.dst),
	PIN(2, rekey_to),
	PIN(3, rekey_source),
	PIN(4, rekey_interface),
	PIN(5, rekey_ttl),
	PIN(6, rekey_copies),
	PIN(7, alg),
	PIN(8, kek_alg),
	PIN(9, kwa),
	PIN(10, rekey_sign),
	PIN(11, signing_key_lifetime),
	PIN(12, senders),
	PIN(13, receivers),
	PIN(14, beat),
	PIN(15, rekey_interval),
	PIN(16, lifetime),
	PIN(17, kek_lifetime),
	PIN(18, atd),
	PIN(19, dtd),
	PIN(20, evict_atd),
	PIN(21, sender_id_bits),
	PIN(22, max_sender_ids),
	PIN(23, max_members),
	PIN(24, one_place),
	PIN(25, membership_lifetime),
	PIN(26, batch_join_ms),
	PIN(27, batch_leave_ms),
	PIN(28, sel.dst_len),
	PIN(29, sel.src),
	PIN(30, sel.src_len),
	PIN(31, sel.proto),
	PIN(32, sel.sport),
	PIN(33, sel.dport),
	PIN(34, tunnel),
	PIN(35, inband),
	PIN(36, max_inband),
	PIN(37, more),
	PIN(38, relays),
#undef PIN
};

static struct sim s;
static struct group *g;

/* Write @conf, and read what the store has for each number. */
static unsigned int record(const struct conf_group *conf,
			   uint64_t digest[static UINT8_MAX + 1])
{
	char key[STORE_KEY_MAX];
	unsigned int n = 0;
	struct policy *p;
	struct rbuf r, sub;
	struct wbuf w;

	p = policy_new(conf, 7);
	if (!p || group_key(g, "policy", key) || store_begin(s.store) ||
	    policy_put(g, p) || store_commit(s.store) ||
	    group_key_num(g, "policy", 0, key))
		bail("the policy is not stored");
	wbuf_init(&w, STORE_VALUE_MAX);
	if (store_get(s.store, key, &w))
		bail("the record is not there");
	memset(digest, 0, (UINT8_MAX + 1) * sizeof(*digest));
	rbuf_init(&r, w.p, w.len);
	is_int(rbuf_u8(&r), 1, "the record has version 1");
	is_int(rbuf_u64(&r), 7, "the record has the version of the policy");
	while (rbuf_left(&r)) {
		unsigned int number = rbuf_u8(&r);

		rbuf_sub(&r, rbuf_u32(&r), &sub);
		if (r.err || digest[number])
			bail("number %u is twice in the record", number);
		digest[number] = 1469598103934665603u;
		while (rbuf_left(&sub))
			digest[number] = (digest[number] ^ rbuf_u8(&sub)) *
					 1099511628211u;
		n++;
	}
	wbuf_free(&w);
	policy_free(p);
	return n;
}

/* Give the setting @pin another value. */
static void alter(struct conf_group *c, const struct pin *pin)
{
	static char *names[] = { (char *)"other.example" };
	void *p = (char *)c + pin->offset;
	struct conf_names *list = p;

	switch (pin->number) {
	case 1:
	case 3:
	case 29:
		if (addr_parse("239.9.9.9", p))
			bail("address");
		break;
	case 2:
		if (ep_parse("239.9.9.9:9", 0, p))
			bail("endpoint");
		break;
	case 4:
		*(char **)p = (char *)"eth9";
		break;
	case 12:
	case 13:
	case 38:
		list->v = names;
		list->n = 1;
		break;
	default:
		*(uint8_t *)p ^= 1;
	}
}

static void test_numbers(void)
{
	uint64_t before[UINT8_MAX + 1], after[UINT8_MAX + 1];
	unsigned int i, k, others;
	struct conf_group c;

	sim_init(&s, 1);
	sim_gcks_up(&s);
	g = TAILQ_FIRST(&s.gcks->groups);
	is_int(record(&s.cg, before), NUMBERS, "the record has %u settings",
	       NUMBERS);
	is_int(ARRAY_SIZE(pins), NUMBERS, "the test knows all of them");
	for (i = 0; i < ARRAY_SIZE(pins); i++) {
		c = s.cg;
		alter(&c, &pins[i]);
		record(&c, after);
		others = 0;
		for (k = 0; k <= UINT8_MAX; k++)
			others += k != pins[i].number && before[k] != after[k];
		ok(before[pins[i].number] != after[pins[i].number],
		   "%s has number %u", pins[i].name, pins[i].number);
		is_int(others, 0, "%s has no other number", pins[i].name);
	}
	sim_free(&s);
}

/* ---- what changed in a list ------------------------------------------------ */

static const char *receivers_from(char *const *from, size_t n_from,
				  char *const *to, size_t n_to)
{
	static char text[POLICY_NAMES_MAX];
	struct conf_group x = s.cg, y = s.cg;

	x.receivers = (struct conf_names){ .v = (char **)from, .n = n_from };
	y.receivers = (struct conf_names){ .v = (char **)to, .n = n_to };
	policy_diff(&x, &y, ~0U, text, sizeof(text));
	return text;
}

static void test_lists(void)
{
	char *abc[] = { "a.example", "b.example", "c.example" };
	char *cad[] = { "c.example", "A.example", "d.example" };
	char *many[100], names[100][16];
	const char *text;
	size_t i;

	sim_init(&s, 1);
	is_str(receivers_from(abc, 3, cad, 3),
	       "receivers (-b.example +d.example)",
	       "names that left a list and names that came are told");
	is_str(receivers_from(abc, 0, abc, 2),
	       "receivers (+a.example +b.example)", "a list that was empty");
	is_str(receivers_from(cad, 3, (char *[]){ cad[1], cad[0], cad[2] }, 3),
	       "receivers", "another order names nobody");
	is_str(receivers_from(abc, 3, abc, 3), "",
	       "the same list is no change");
	for (i = 0; i < ARRAY_SIZE(many); i++) {
		snprintf(names[i], sizeof(names[i]), "m%02zu.example", i);
		many[i] = names[i];
	}
	text = receivers_from(many, 0, many, 100);
	ok(strlen(text) < POLICY_LIST_MAX + 40, "a long list has a limit");
	ok(strstr(text, "+m29.example and 70 more)"), "the rest is counted: %s",
	   text);
	sim_free(&s);
}

/* A policy that cannot be read now is neither replaced nor taken for none. */
static void test_unread(void)
{
	static const char why[] =
		"group audio: policy in the store: Input/output error";
	struct conf_group audio;
	struct group_peek peek;
	struct err err;

	sim_init(&s, 3);
	sim_gcks_up(&s);
	audio = s.cg;
	audio.name = (char *)"audio";
	if (group_new(s.gcks, &audio, &g, &err))
		bail("%s", err.text);
	is_int(g->policy->version, 1, "a new group has policy 1");
	group_free(g);
	audio.beat++;
	s.store_unread = "g/audio/policy";
	is_int(group_peek(s.gcks, &audio, &peek, &err), -EIO,
	       "a check fails if the policy cannot be read");
	is_str(err.text, why, "the check says why");
	group_peek_end(&peek);
	is_int(group_new(s.gcks, &audio, &g, &err), -EIO,
	       "no group starts if its policy cannot be read");
	is_str(err.text, why, "the start says why");
	is_int(sim_log_count(&s, "policy damaged"), 0,
	       "the policy is not taken for damaged");
	s.store_unread = NULL;
	if (group_new(s.gcks, &audio, &g, &err))
		bail("%s", err.text);
	is_int(g->policy->version, 2, "the version goes on");
	group_free(g);
	sim_free(&s);
}

int main(void)
{
	RUN(test_numbers);
	RUN(test_lists);
	RUN(test_unread);
	return done();
}
