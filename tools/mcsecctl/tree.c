// SPDX-License-Identifier: Apache-2.0
/*
 * The tree of who is in which group: the key server with its groups and their
 * members, and the groups that this host is a member of.
 */
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "lib/util.h"
#include "mcsecctl.h"
#include "table.h"
#include "units.h"

enum { TREE_NAME, TREE_STATE, TREE_MAY, TREE_KEY, TREE_AT, TREE_SINCE };

static void put_key(struct table *t, const json_t *o)
{
	uint32_t spi = (uint32_t)number_of(o, "data-spi");
	char span[UNIT_STRLEN];

	if (!spi)
		return;
	if (number_of(o, "data-left"))
		table_printf(t, TREE_KEY, SPI_FMT ", ends in %s", spi,
			     span_str((uint64_t)number_of(o, "data-left"),
				      span));
	else
		table_printf(t, TREE_KEY, SPI_FMT, spi);
}

static void put_may(struct table *t, const json_t *o)
{
	bool send = json_is_true(json_object_get(o, "send")),
	     receive = json_is_true(json_object_get(o, "receive"));

	table_printf(t, TREE_MAY, "%s%s%s", send ? "send" : "",
		     send && receive ? ", " : "", receive ? "receive" : "");
}

static void put_since(struct table *t, const json_t *o, const char *key)
{
	char time[TIME_STRLEN];

	if (number_of(o, key))
		table_put(t, TREE_SINCE, time_iso(number_of(o, key), time));
}

/* A sender confirms the current key, and a receiver does not. */
static void put_state(struct table *t, const json_t *member)
{
	const json_t *confirmed = json_object_get(member, "confirmed");
	bool good = !confirmed || json_is_true(confirmed);

	table_put(t, TREE_STATE,
		  !confirmed ? "member"
		  : good     ? "confirmed"
			     : "to confirm");
	table_tint(t, TREE_STATE, good ? TINT_GOOD : TINT_DOUBT);
}

static void put_members(struct table *t, size_t above, const json_t *roster)
{
	const json_t *o;
	size_t i;

	json_array_foreach(json_object_get(roster, "members"), i, o) {
		table_branch(t, above);
		table_put(t, TREE_NAME, text_of(o, "id"));
		put_state(t, o);
		put_may(t, o);
		table_put(t, TREE_AT, text_of(o, "address"));
		put_since(t, o, "joined");
	}
	json_array_foreach(json_object_get(roster, "denied"), i, o) {
		table_branch(t, above);
		table_put(t, TREE_NAME, text_of(o, "id"));
		table_put(t, TREE_STATE, "denied");
		table_tint(t, TREE_STATE, TINT_BAD);
		put_since(t, o, "since");
	}
}

static const json_t *roster_of(const json_t *rosters, const char *group)
{
	const json_t *o;
	size_t i;

	json_array_foreach(rosters, i, o)
		if (!strcmp(text_of(o, "group"), group))
			return o;
	return NULL;
}

/* The number of members, and why they do not hear of changes. */
static void put_group(struct table *t, const json_t *group)
{
	const char *why = text_of(group, "unsent-why");

	table_printf(t, TREE_STATE, "%" JSON_INTEGER_FORMAT " member%s%s%s",
		     number_of(group, "members"),
		     number_of(group, "members") == 1 ? "" : "s",
		     *why ? ", rekeys cannot be sent: " : "", why);
	if (*why)
		table_tint(t, TREE_STATE, TINT_BAD);
}

static void put_gcks(struct table *t, const json_t *role, const json_t *rosters)
{
	size_t i, top, group;
	const json_t *o;

	if (!role)
		return;
	top = table_row(t);
	table_put(t, TREE_NAME, "key server");
	json_array_foreach(json_object_get(role, "groups"), i, o) {
		group = table_branch(t, top);
		table_put(t, TREE_NAME, text_of(o, "name"));
		put_group(t, o);
		put_key(t, o);
		table_put(t, TREE_AT, text_of(o, "selector"));
		put_members(t, group, roster_of(rosters, text_of(o, "name")));
	}
}

static void put_member_role(struct table *t, const json_t *role)
{
	const json_t *sa = json_object_get(role, "ike-sa"), *o;
	const char *state;
	size_t i, top;

	if (!role)
		return;
	top = table_row(t);
	table_printf(t, TREE_NAME, "member%s%s", sa ? " of " : "",
		     text_of(sa, "peer"));
	table_put(t, TREE_AT, text_of(sa, "address"));
	json_array_foreach(json_object_get(role, "groups"), i, o) {
		state = text_of(o, "state");
		table_branch(t, top);
		table_put(t, TREE_NAME, text_of(o, "name"));
		table_put(t, TREE_STATE, state);
		table_tint(t, TREE_STATE,
			   !strcmp(state, "in")	   ? TINT_GOOD
			   : !strcmp(state, "out") ? TINT_BAD
						   : TINT_DOUBT);
		put_may(t, o);
		put_key(t, o);
		table_put(t, TREE_AT, text_of(o, "selector"));
	}
}

static int print_tree(const json_t *status, const json_t *members)
{
	static const struct column columns[] = {
		[TREE_NAME] = { "NAME", COLUMN_TREE },
		[TREE_STATE] = { "STATE", COLUMN_OPTIONAL },
		[TREE_MAY] = { "MAY", COLUMN_OPTIONAL | COLUMN_SPARE(1) },
		[TREE_KEY] = { "KEY", COLUMN_OPTIONAL },
		[TREE_AT] = { "ADDRESS", COLUMN_OPTIONAL | COLUMN_SPARE(2) },
		[TREE_SINCE] = { "SINCE", COLUMN_OPTIONAL | COLUMN_SPARE(3) },
		{}
	};
	struct table *t = table_new(columns, true);

	put_gcks(t, json_object_get(status, "gcks"),
		 json_object_get(members, "rosters"));
	put_member_role(t, json_object_get(status, "member"));
	return table_print(t);
}

static int ask_about(struct ctl *ctl, const char *cmd, int argc, char **argv,
		     json_t **answer)
{
	json_t *request;
	int ret = group_request(cmd, argc, argv, &request);

	return ret ? ret : query_daemon(ctl, request, answer);
}

int cmd_tree(struct ctl *ctl, int argc, char **argv)
{
	json_t *status = NULL, *members = NULL;
	int ret;

	ret = ask_about(ctl, "member", argc, argv, &members);
	if (!ret && ctl->json)
		return print_json(members);
	if (!ret)
		ret = ask_about(ctl, "status", argc, argv, &status);
	if (!ret)
		ret = print_tree(status, members);
	json_decref(status);
	json_decref(members);
	return ret;
}
