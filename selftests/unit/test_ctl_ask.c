// SPDX-License-Identifier: Apache-2.0
/* mcsecctl with a daemon that answers correctly, wrongly, or not at all. */
#include <stdarg.h>
#include <sys/wait.h>

#include "../../tools/mcsecctl/daemon.c"
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
		"{\"ok\":true,\"role\":\"gcks\",\"groups\":[",
		"{\"name\":\"a\",\"epoch\":3,\"members\":[",
		"{\"id\":\"x\",\"sends\":true},",
		"{\"id\":\"y\\n\",\"sends\":false}]},",
		"{\"name\":\"b\",\"epoch\":null,\"members\":[]}],",
		"\"peers\":[\"p q\",\"\"],\"load\":0.5,",
		"\"many\":{\"a-name-of-thirty-characters-aaa\":1,",
		"\"a-name-of-thirty-characters-bbb\":2,",
		"\"a-name-of-thirty-characters-ccc\":3}}\n",
		NULL
	};
	static char text[512];
	int i;

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
		 "mcsecd at %s: Connection refused: is it running? Other sockets: -s %s/member/mcsecd.sock",
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
	is_int(cmd_status(&ctl, 0, argv), EXIT_FAILED, "no daemon");
	ok(strstr(said, "is it running?"),
	   "mcsecctl asks whether the daemon is running");
	listen_here();
	ctl.socket = path;

	pid = serve("{\"cmd\":\"evict\",\"group\":\"video\",\"id\":\"b.example\"}",
		    "{\"ok\":true}\n", 1);
	text = captured(&ctl, cmd_evict, 2, argv, &ret);
	is_int(ret, EXIT_OK, "a request that is granted");
	ok(served(pid), "the request for an eviction is one line of JSON");
	is_str(text, "", "a request that is granted prints nothing");

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
	       "role gcks\n"
	       "groups name a epoch 3\n"
	       "  members id x sends yes\n"
	       "  members id y\\x0a sends no\n"
	       "groups name b epoch none\n"
	       "peers \"p q\"\n"
	       "peers \"\"\n"
	       "load 0.5\n"
	       "many a-name-of-thirty-characters-aaa 1 a-name-of-thirty-characters-bbb 2\n"
	       "    a-name-of-thirty-characters-ccc 3\n",
	       "the answer is shown line by line, without control characters");
	ok(served(pid), "the request for all groups names none");

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
	is_int(cmd_member(&ctl, 1, argv), EXIT_OK, "in JSON");
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

	close(listener);
	is_int(cmd_status(&ctl, 0, argv), EXIT_FAILED,
	       "a socket that a daemon left behind");
	ok(strstr(said, "is it running?"), "asks the same");
	ok(!strstr(said, "-s "),
	   "an error names no socket where there is no other");
	unlink(path);
	*strrchr(path, '/') = '\0';
	test_others(&ctl);
	rmdir(path);
	json_decref(printed);
	return done();
}
