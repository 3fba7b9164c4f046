// SPDX-License-Identifier: Apache-2.0
/* Orders to the daemon. Each says what was done, and where to look next. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "mcsecctl.h"

/*
 * Send @request, which is released. With -j the answer is printed and *@answer is
 * NULL, otherwise the caller releases it.
 */
static int send_order(struct ctl *ctl, json_t *request, json_t **answer)
{
	int ret = query_daemon(ctl, request, answer);

	if (ret || !ctl->json)
		return ret;
	ret = print_json(*answer);
	*answer = NULL;
	return ret;
}

/* Send @request and print @done about @group, if there is one. */
static int order_group(struct ctl *ctl, json_t *request, const char *group,
		       const char *done)
{
	json_t *answer;
	int ret = send_order(ctl, request, &answer);

	if (ret || !answer)
		return ret;
	json_decref(answer);
	if (group)
		printf("group %s: %s\n", group, done);
	else
		printf("%s\n", done);
	return EXIT_OK;
}

int cmd_rekey(struct ctl *ctl, int argc, char **argv)
{
	bool signing_key = take_flag(&argc, argv, "--signing-key");
	const char *done;
	json_t *request;
	int ret;

	ret = group_request("rekey", argc, argv, &request);
	if (ret)
		return ret;
	if (signing_key)
		json_object_set_new(request, "signing-key", json_true());
	if (argc)
		done = signing_key
			       ? "a change of keys is ordered, and of the key that signs rekeys"
			       : "a change of keys is ordered";
	else
		done = signing_key
			       ? "all groups: a change of keys is ordered, and of those that sign"
			       : "all groups: a change of keys is ordered";
	return order_group(ctl, request, argc ? argv[0] : NULL, done);
}

static int order_of_group(struct ctl *ctl, const char *cmd, const char *done,
			  int argc, char **argv)
{
	char group[MCSEC_NAME_MAX + 1];
	int ret = check_argc(argc, 1, 1);

	if (!ret)
		ret = read_group(argv[0], group);
	if (ret)
		return ret;
	return order_group(ctl,
			   json_pack("{s:s, s:s}", "cmd", cmd, "group", group),
			   group, done);
}

int cmd_reset(struct ctl *ctl, int argc, char **argv)
{
	static const char done[] =
		"reset; its members register again within seconds, under new keys";

	return order_of_group(ctl, "reset", done, argc, argv);
}

int cmd_join(struct ctl *ctl, int argc, char **argv)
{
	static const char done[] =
		"registers at the key server; \"mcsecctl status\" shows how that ends";

	return order_of_group(ctl, "join", done, argc, argv);
}

int cmd_leave(struct ctl *ctl, int argc, char **argv)
{
	static const char done[] =
		"left without keys; it stays protected, so nothing passes";

	return order_of_group(ctl, "leave", done, argc, argv);
}

int cmd_reseal(struct ctl *ctl, int argc, char **argv)
{
	int ret = check_argc(argc, 0, 0);

	(void)argv;
	if (ret)
		return ret;
	return order_group(ctl, json_pack("{s:s}", "cmd", "reseal"), NULL,
			   "the store and its witness have a new seal key");
}

static void print_changes(const json_t *changes)
{
	const json_t *line;
	size_t i;

	json_array_foreach(changes, i, line) {
		print_safe(json_string_value(line));
		putchar('\n');
	}
	if (!i)
		puts("nothing would change");
}

int cmd_reload(struct ctl *ctl, int argc, char **argv)
{
	bool check = take_flag(&argc, argv, "--check");
	json_t *request, *answer;
	int ret;

	ret = check_argc(argc, 0, 0);
	if (ret)
		return ret;
	request = json_pack("{s:s}", "cmd", "reload");
	if (check)
		json_object_set_new(request, "check", json_true());
	ret = send_order(ctl, request, &answer);
	if (ret || !answer)
		return ret;
	if (check)
		print_changes(json_object_get(answer, "changes"));
	else
		puts("the configuration was read again, and is in use");
	json_decref(answer);
	return EXIT_OK;
}

static void print_eviction(const char *group, const char *id, bool ahead,
			   const json_t *answer)
{
	json_int_t waiting = number_of(answer, "waiting-for-senders"),
		   ms = number_of(answer, "effective-ms");

	printf("group %s: ", group);
	print_safe(id);
	fputs(ahead && !ms ? " is kept out from now on" : " is evicted",
	      stdout);
	if (ms)
		printf("; the senders change keys within %" JSON_INTEGER_FORMAT
		       " ms",
		       ms);
	if (json_is_false(json_object_get(answer, "sent")))
		fputs("; the rekey could not be sent: see \"mcsecctl health\"",
		      stdout);
	if (waiting)
		printf("; %" JSON_INTEGER_FORMAT
		       " sender%s to confirm it: see \"mcsecctl member %s\"",
		       waiting, waiting == 1 ? " has" : "s have", group);
	putchar('\n');
}

int cmd_evict(struct ctl *ctl, int argc, char **argv)
{
	bool ahead = take_flag(&argc, argv, "--ahead");
	char group[MCSEC_NAME_MAX + 1];
	json_t *request, *answer;
	int ret;

	ret = check_argc(argc, 2, 2);
	if (!ret)
		ret = read_group(argv[0], group);
	if (ret)
		return ret;
	request = json_pack("{s:s, s:s, s:s}", "cmd", "evict", "group", group,
			    "id", argv[1]);
	if (ahead)
		json_object_set_new(request, "ahead", json_true());
	ret = send_order(ctl, request, &answer);
	if (ret || !answer)
		return ret;
	print_eviction(group, argv[1], ahead, answer);
	json_decref(answer);
	return EXIT_OK;
}

int cmd_admit(struct ctl *ctl, int argc, char **argv)
{
	char group[MCSEC_NAME_MAX + 1];
	json_t *answer;
	int ret;

	ret = check_argc(argc, 2, 2);
	if (!ret)
		ret = read_group(argv[0], group);
	if (!ret)
		ret = send_order(ctl,
				 json_pack("{s:s, s:s, s:s}", "cmd", "admit",
					   "group", group, "id", argv[1]),
				 &answer);
	if (ret || !answer)
		return ret;
	json_decref(answer);
	printf("group %s: ", group);
	print_safe(argv[1]);
	puts(" is admitted again, and may register");
	return EXIT_OK;
}
