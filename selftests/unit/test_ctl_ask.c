// SPDX-License-Identifier: Apache-2.0
/* mcsecctl with a daemon that answers correctly, wrongly, or not at all. */
#include <stdarg.h>
#include <sys/wait.h>

#include "../../tools/mcsecctl/daemon.c"
#include "../../tools/mcsecctl/details.c"
#include "../../tools/mcsecctl/order.c"
#include "../../tools/mcsecctl/safe.c"
#include "../../tools/mcsecctl/status.c"
#include "../../tools/mcsecctl/table.c"
#include "../../tools/mcsecctl/units.c"
#include "../../tools/mcsecctl/words.c"
#include "tap.h"

static char said[512];

int complain(int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
	return code;
}

int check_argc(int argc, int min, int max)
{
	if (argc >= min && argc <= max)
		return EXIT_OK;
	return complain(EXIT_USAGE, "%d words", argc);
}

static json_t *printed;

int print_json(json_t *json)
{
	json_decref(printed);
	printed = json;
	return EXIT_OK;
}

static char path[64];
static int listener;

static void listen_here(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	strcpy(path, "/tmp/test-ask-XXXXXX");
	if (!mkdtemp(path))
		bail("mkdtemp");
	strcat(path, "/sock");
	memcpy(sun.sun_path, path, sizeof(path));
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&sun, sizeof(sun)) ||
	    listen(listener, 1))
		bail("listen");
}

/*
 * Serve one client, whose line must be @want, with @answer, @times over. The
 * exit code of the child tells whether the line was correct.
 */
static pid_t serve(const char *want, const char *answer, int times)
{
	pid_t pid = fork();
	char buf[1024];
	size_t n = 0;
	ssize_t got;
	int fd;

	if (pid)
		return pid;
	fd = accept(listener, NULL, NULL);
	do {
		got = read(fd, buf + n, sizeof(buf) - 1 - n);
		n += got > 0 ? got : 0;
	} while (got > 0 && !memchr(buf, '\n', n));
	buf[n] = '\0';
	while (times--)
		if (send(fd, answer, strlen(answer), MSG_NOSIGNAL) < 0)
			break;
	close(fd);
	_exit(n && !strncmp(buf, want, n - 1) && buf[n - 1] == '\n' &&
			      strlen(want) == n - 1
		      ? 0
		      : 1);
}

static bool served(pid_t pid)
{
	int status;

	waitpid(pid, &status, 0);
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

/* Text that the command wrote to stdout. */
static char *captured(struct ctl *ctl, command_fn *fn, int argc, char **argv,
		      int *ret)
{
	static char text[4096];
	int out = dup(STDOUT_FILENO);
	FILE *f = tmpfile();
	size_t n;

	fflush(stdout);
	dup2(fileno(f), STDOUT_FILENO);
	*ret = fn(ctl, argc, argv);
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	close(out);
	rewind(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

/* An example of the status of a key server. */
static const char *status(void)
{
	static const char *const parts[] = {
		"{\"ok\":true,\"json-version\":1,\"version\":\"0.2\",",
		"\"gcks\":{\"groups\":[{\"name\":\"a\",\"selector\":\"239.1.1.1\",",
		"\"members\":12,\"senders\":1,\"keyed\":true,\"rekeys\":3,",
		"\"joins\":0,\"beats\":7,\"data-spi\":4660,\"data-left\":7200,",
		"\"next-rekey\":59,\"waiting-for-senders\":1,\"new-word\":5},",
		"{\"name\":\"y\\n\",\"selector\":\"ff3e::1\",\"members\":0,",
		"\"senders\":0,\"keyed\":false}],\"ike\":{\"in\":5,\"out\":0}}}\n",
		NULL
	};
	static char text[1024];
	int i;

	*text = '\0';
	for (i = 0; parts[i]; i++)
		strcat(text, parts[i]);
	return text;
}

/* Make what @name is below path: a folder, an empty file or a socket. */
static void make(const char *name, mode_t type)
{
	char buf[sizeof(path) + 32];

	snprintf(buf, sizeof(buf), "%s/%s", path, name);
	if (type == S_IFDIR ? mkdir(buf, 0700) : mknod(buf, type | 0600, 0))
		bail("%s: %s", buf, strerror(errno));
}

static void unmake(const char *name)
{
	char buf[sizeof(path) + 32];

	snprintf(buf, sizeof(buf), "%s/%s", path, name);
	remove(buf);
}

/* Nobody answers at path/a.sock, and other daemons have sockets near it. */
static void test_others(struct ctl *ctl)
{
	char asked[sizeof(path) + 32], want[512];
	char *argv[1] = {};

	snprintf(asked, sizeof(asked), "%s/a.sock", path);
	ctl->socket = asked;
	make("a.sock", S_IFSOCK);
	make("file.sock", S_IFREG);
	make("member", S_IFDIR);
	make("member/mcsecd.sock", S_IFSOCK);
	snprintf(want, sizeof(want),
		 "mcsecd at %s: Connection refused: is it running (\"systemctl start mcsecd\")? Other sockets: -s %s/member/mcsecd.sock",
		 asked, path);
	is_int(cmd_status(ctl, 0, argv), EXIT_FAILED,
	       "a stale socket beside that of another daemon");
	is_str(said, want, "the error names the other, and no file");
	make("b.sock", S_IFSOCK);
	snprintf(want, sizeof(want),
		 "? Other sockets: -s %s/b.sock or -s %s/member/mcsecd.sock",
		 path, path);
	cmd_status(ctl, 0, argv);
	is_str(strchr(said, '?'), want, "the error names all others");
	unmake("a.sock");
	unmake("b.sock");
	unmake("file.sock");
	unmake("member/mcsecd.sock");
	unmake("member");
}

/* A daemon that cannot do what is asked, beside that of another role. */
static void test_role(struct ctl *ctl)
{
	char group[] = "video", want[512], *slash = strrchr(path, '/');
	char *argv[] = { group };
	pid_t pid;

	*slash = '\0';
	make("member", S_IFDIR);
	make("member/mcsecd.sock", S_IFSOCK);
	snprintf(want, sizeof(want),
		 "mcsecd: this mcsecd has no role gcks: ask that of the key server. Other sockets: -s %s/member/mcsecd.sock",
		 path);
	*slash = '/';
	pid = serve("{\"cmd\":\"rekey\",\"group\":\"video\"}",
		    "{\"ok\":false,\"error\":\"this mcsecd has no role gcks\"}\n",
		    1);
	is_int(cmd_rekey(ctl, 1, argv), EXIT_FAILED,
	       "a daemon of another role");
	is_str(said, want, "the error names the daemon that may do it");
	served(pid);
	*slash = '\0';
	unmake("member/mcsecd.sock");
	unmake("member");
	*slash = '/';
}

static void test_units(void)
{
	static const struct {
		uint64_t seconds;
		const char *text;
	} spans[] = { { 0, "0s" },	  { 59, "59s" },
		      { 60, "1m00s" },	  { 3599, "59m59s" },
		      { 3600, "1h00m" },  { 86399, "23h59m" },
		      { 86400, "1d00h" }, { 31536000, "365d00h" } };
	static const struct {
		uint64_t octets;
		const char *text;
	} sizes[] = { { 0, "0 B" },
		      { 1023, "1023 B" },
		      { 1024, "1.0 KiB" },
		      { 1048524, "1023.9 KiB" },
		      { 1048525, "1.0 MiB" },
		      { 1572864, "1.5 MiB" },
		      { UINT64_MAX, "16.0 EiB" } };
	char buf[UNIT_STRLEN], time[TIME_STRLEN];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(spans); i++)
		is_str(span_str(spans[i].seconds, buf), spans[i].text,
		       "a span of %s", spans[i].text);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		is_str(octets_str(sizes[i].octets, buf), sizes[i].text,
		       "%s of octets", sizes[i].text);
	is_str(time_iso(1795894501, time), "2026-11-28T19:35:01Z",
	       "a time is in UTC");
	is_str(since_str(INT64_MAX, buf), "0s",
	       "a time that has not come is no span");
}

/* Text that a table prints. */
static int print_sample(struct ctl *ctl, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "A", COLUMN_RIGHT }, { "B", COLUMN_OPTIONAL }, { "C", 0 }, {}
	};
	struct table *t = table_new(columns, true);

	(void)ctl;
	(void)argv;
	table_row(t);
	table_count(t, 0, 7);
	table_count(t, 1, (uint64_t)argc);
	table_put(t, 2, "\033[2J");
	table_tint(t, 0, TINT_BAD);
	table_row(t);
	table_count(t, 0, 1000);
	return table_print(t);
}

static void test_table(struct ctl *ctl)
{
	char *text;
	int ret;

	color_choose("never");
	text = captured(ctl, print_sample, 0, NULL, &ret);
	is_str(text, "   A  C\n   7  \\x1b[2J\n1000\n",
	       "numbers are at the right, and a column without values is not there");
	text = captured(ctl, print_sample, 1, NULL, &ret);
	is_str(text, "   A  B  C\n   7  1  \\x1b[2J\n1000\n",
	       "a column with a value is there");
	color_choose("always");
	text = captured(ctl, print_sample, 0, NULL, &ret);
	ok(strstr(text, "\033[1;31m   7\033[0m"),
	   "a cell has its colour when asked for");
	setenv("TERM", "xterm", 1);
	color_choose("auto");
	is_str(color_on(TINT_BAD), "", "a file or pipe has no colours");
	ok(!color_choose("sometimes"), "no other word is taken");
}

int main(void)
{
	char group[] = "video", id[] = "b.example", bad[] = "\xff\xfe";
	char after[] = "after", seven[] = "7";
	char *argv[3] = {}, *bad_argv[3] = {}, *after_argv[3] = {};
	char *ahead_argv[3] = { group, id, after };
	struct ctl ctl = { .socket = "/nonexistent/sock" };
	static char big[65537];
	char *text;
	pid_t pid;
	int ret;

	argv[0] = group;
	argv[1] = id;
	bad_argv[0] = group;
	bad_argv[1] = bad;
	after_argv[0] = after;
	after_argv[1] = seven;
	test_units();
	test_table(&ctl);
	is_int(cmd_status(&ctl, 0, argv), EXIT_FAILED, "no daemon");
	ok(strstr(said, "is it running ("),
	   "mcsecctl asks whether the daemon is running");
	listen_here();
	ctl.socket = path;

	pid = serve("{\"cmd\":\"evict\",\"group\":\"video\",\"id\":\"b.example\"}",
		    "{\"ok\":true,\"effective-ms\":1625,\"sent\":true,\"waiting-for-senders\":2}\n",
		    1);
	text = captured(&ctl, cmd_evict, 2, argv, &ret);
	is_int(ret, EXIT_OK, "a request that is granted");
	ok(served(pid), "the request for an eviction is one line of JSON");
	is_str(text,
	       "group video: b.example is evicted; the senders change keys within 1625 ms; 2 senders have to confirm it: see \"mcsecctl member video\"\n",
	       "an eviction tells when it is effective, and who is waited for");

	pid = serve("{\"cmd\":\"rekey\",\"group\":\"video\"}",
		    "{\"ok\":false,\"error\":\"not served here\"}\n", 1);
	is_int(cmd_rekey(&ctl, 1, argv), EXIT_FAILED, "one that is refused");
	is_str(said, "mcsecd: not served here",
	       "a refusal has the daemon's words");
	ok(served(pid), "the request names the group to rekey");

	pid = serve("{\"cmd\":\"status\"}", status(), 1);
	text = captured(&ctl, cmd_status, 0, argv, &ret);
	is_int(ret, EXIT_OK, "an answer");
	is_str(text,
	       "mcsecd 0.2 is key server\n"
	       "\n"
	       "Key server\n"
	       "GROUP  ADDRESS    MEMBERS  SENDERS  KEY         ENDS IN  REKEY IN  STATE\n"
	       "a      239.1.1.1       12        1  0x00001234    2h00m       59s  1 sender has to confirm it\n"
	       "y\\x0a  ff3e::1          0        0                                 no keys yet\n"
	       "\n"
	       "COUNTERS OF  VALUES\n"
	       "a            rekeys 3, beats 7\n"
	       "(IKE)        in 5\n",
	       "the answer is shown as tables, without control characters");
	ok(served(pid), "the request for all groups names none");

	ctl.verbose = true;
	pid = serve("{\"cmd\":\"status\"}", status(), 1);
	text = captured(&ctl, cmd_status, 0, argv, &ret);
	ok(strstr(text, "\ngroup a\n") &&
		   strstr(text, "\n  data-left            2h00m\n") &&
		   strstr(text, "\n  data-spi             0x00001234\n"),
	   "-v shows all values of a group with their units");
	ok(strstr(text, "\n  joins                0\n"), "-v shows zeroes");
	ok(strstr(text, "\n  new-word             5\n"),
	   "-v shows what only a newer daemon knows");
	served(pid);
	ctl.verbose = false;

	pid = serve("{\"cmd\":\"admit\",\"group\":\"video\",\"id\":\"b.example\"}",
		    "{\"ok\":true}\n", 1);
	is_int(cmd_admit(&ctl, 2, argv), EXIT_OK, "a member is let in again");
	ok(served(pid), "the request to admit has group and identity");
	pid = serve("{\"cmd\":\"rekey\"}", "{\"ok\":true}\n", 1);
	is_int(cmd_rekey(&ctl, 0, argv), EXIT_OK, "all groups are rekeyed");
	ok(served(pid), "the request to rekey all names no group");
	pid = serve("{\"cmd\":\"audit\",\"after\":7}", "{\"ok\":true}\n", 1);
	is_int(cmd_audit(&ctl, 2, after_argv), EXIT_OK, "the audit trail");
	ok(served(pid), "after a line");
	is_int(cmd_audit(&ctl, 1, after_argv), EXIT_USAGE,
	       "the word after wants a line");
	pid = serve("{\"cmd\":\"audit\"}", "{\"ok\":true}\n", 1);
	is_int(cmd_audit(&ctl, 0, argv), EXIT_OK,
	       "the audit trail is printed without a line");
	ok(served(pid), "the request for the audit trail has no line");

	ctl.json = true;
	pid = serve("{\"cmd\":\"member\",\"group\":\"video\"}",
		    "{\"ok\":true,\"members\":[]}\n", 1);
	is_int(cmd_member(&ctl, 1, argv), EXIT_OK, "the tool: in JSON");
	ok(json_is_array(json_object_get(printed, "members")),
	   "the answer is printed as it came");
	served(pid);
	ctl.json = false;

	pid = serve("{\"cmd\":\"join\",\"group\":\"video\"}", "", 0);
	is_int(cmd_join(&ctl, 1, argv), EXIT_FAILED, "no answer");
	ok(strstr(said, "closed without an answer"),
	   "a closed connection is reported");
	served(pid);

	pid = serve("{\"cmd\":\"leave\",\"group\":\"video\"}", "{\"ok\":tr\n",
		    1);
	is_int(cmd_leave(&ctl, 1, argv), EXIT_FAILED, "half an answer");
	ok(strstr(said, "invalid answer"),
	   "half an answer is reported as invalid");
	served(pid);

	pid = serve("{\"cmd\":\"leave\",\"group\":\"video\"}", "[]\n", 1);
	is_int(cmd_leave(&ctl, 1, argv), EXIT_FAILED,
	       "an answer that is no object is not understood");
	served(pid);
	pid = serve("{\"cmd\":\"leave\",\"group\":\"video\"}", "{\"ok\":1}\n",
		    1);
	is_int(cmd_leave(&ctl, 1, argv), EXIT_FAILED,
	       "an answer whose ok is a number is not understood");
	served(pid);
	pid = serve("{\"cmd\":\"leave\",\"group\":\"video\"}",
		    "{\"ok\":false}\n", 1);
	is_int(cmd_leave(&ctl, 1, argv), EXIT_FAILED,
	       "a refusal may have no words");
	served(pid);

	memset(big, ' ', sizeof(big) - 1);
	pid = serve("{\"cmd\":\"leave\",\"group\":\"video\"}", big,
		    ANSWER_MAX / (sizeof(big) - 1) + 2);
	is_int(cmd_leave(&ctl, 1, argv), EXIT_FAILED, "an answer without end");
	served(pid);

	is_int(cmd_evict(&ctl, 3, ahead_argv), EXIT_USAGE,
	       "an unknown word is not taken for --ahead");
	ahead_argv[2] = (char *)"--ahead";
	pid = serve("{\"cmd\":\"evict\",\"group\":\"video\",\"id\":\"b.example\",\"ahead\":true}",
		    "{\"ok\":true}\n", 1);
	is_int(cmd_evict(&ctl, 3, ahead_argv), 0, "ahead of its coming");
	served(pid);
	is_int(cmd_evict(&ctl, 1, argv), EXIT_USAGE, "a word is missing");
	is_int(cmd_status(&ctl, 2, argv), EXIT_USAGE, "one is too many");
	is_int(cmd_evict(&ctl, 2, bad_argv), EXIT_USAGE,
	       "a word that is no text is not sent");

	test_role(&ctl);
	close(listener);
	is_int(cmd_status(&ctl, 0, argv), EXIT_FAILED,
	       "a socket that a daemon left behind");
	ok(strstr(said, "is it running ("), "asks the same");
	ok(!strstr(said, "-s "),
	   "an error names no socket where there is no other");
	unlink(path);
	*strrchr(path, '/') = '\0';
	test_others(&ctl);
	rmdir(path);
	json_decref(printed);
	return done();
}
