// SPDX-License-Identifier: Apache-2.0
/*
 * The state of a membership: the permitted changes. All others are refused,
 * logged and counted.
 */
#include <errno.h>
#include <string.h>

#include "lib/log.h"
#include "member/mgroup.h"
#include "tap.h"

#define N_STATES (MEMBER_REJOINING + 1)

static const char *const names[N_STATES] = {
	[MEMBER_OUT] = "out",
	[MEMBER_WAITING] = "waiting",
	[MEMBER_REGISTERING] = "registering",
	[MEMBER_IN] = "in",
	[MEMBER_RENEWING] = "renewing",
	[MEMBER_LEAVING] = "leaving",
	[MEMBER_REJOINING] = "rejoining",
};

/* Rows are old states and columns new ones, both in the order of the enum. */
static const char *const allowed[N_STATES] = {
	".x.....", /* out */
	"x.x..x.", /* waiting */
	".x.x.x.", /* registering */
	".x..xx.", /* in */
	"..xx.x.", /* renewing */
	"x.....x", /* leaving */
	".x...x.", /* rejoining */
};

static char line[512];
static unsigned int n_lines;

static void take_line(enum log_level level, const char *text, void *ctx)
{
	(void)ctx;
	if (level > LOG_LEVEL_WARN)
		return;
	snprintf(line, sizeof(line), "%s", text);
	n_lines++;
}

static void check_move(enum member_state from, enum member_state to)
{
	struct conf_mgroup conf = { .name = (char *)"video" };
	struct mgroup g = { .conf = &conf, .state = from };
	char want[128];
	int ret;

	n_lines = 0;
	line[0] = '\0';
	ret = mgroup_state(&g, to);
	if (allowed[from][to] == 'x') {
		ok(!ret && g.state == to && !g.state_errors && !n_lines,
		   "%s becomes %s", names[from], names[to]);
		return;
	}
	snprintf(want, sizeof(want),
		 "group video: state change refused: %s to %s", names[from],
		 names[to]);
	ok(ret == -EINVAL && g.state == from && g.state_errors == 1 &&
		   n_lines == 1 && strstr(line, want),
	   "%s refuses to become %s, logs and counts it", names[from],
	   names[to]);
}

static void check_word(enum member_state state, const char *doubt,
		       const char *want)
{
	struct member_group_status st = { .state = state, .doubt = doubt };

	is_str(member_state_text(&st), want, "%s%s is shown as \"%s\"",
	       names[state], doubt ? " with a doubt" : "", want);
}

int main(void)
{
	enum member_state from, to;
	unsigned int n_in = 0;

	log_set_sink(take_line, NULL);
	for (from = 0; from < N_STATES; from++)
		for (to = 0; to < N_STATES; to++)
			RUN(check_move, from, to);
	for (from = 0; from < N_STATES; from++)
		n_in += member_state_is_in(from);
	ok(member_state_is_in(MEMBER_IN) &&
		   member_state_is_in(MEMBER_RENEWING) && n_in == 2,
	   "keys are held while in and while renewing only");
	RUN(check_word, MEMBER_OUT, NULL, "out");
	RUN(check_word, MEMBER_WAITING, NULL, "waiting");
	RUN(check_word, MEMBER_REGISTERING, NULL, "registering");
	RUN(check_word, MEMBER_IN, NULL, "in");
	RUN(check_word, MEMBER_IN, "a rekey was missed", "behind");
	RUN(check_word, MEMBER_RENEWING, NULL, "in");
	RUN(check_word, MEMBER_RENEWING, "a rekey was missed", "behind");
	RUN(check_word, MEMBER_LEAVING, NULL, "leaving");
	RUN(check_word, MEMBER_REJOINING, NULL, "leaving");
	return done();
}
