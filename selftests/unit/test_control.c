// SPDX-License-Identifier: Apache-2.0
/*
 * The control socket: who is answered, what is refused, and that no client
 * can stop the daemon or another client. The answers themselves come from a
 * key server with its members in this process.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crls.h"
#include "ctl_client.h"
#include "group_sim.h"
#include "lib/util.h"
#include "rekey/rekey.h"
#include "schema.h"
#include "tap.h"

static char dir[] = "/tmp/mcsec-ctl-XXXXXX";
static struct err err;
static const struct ctl_roles none = { .version = "1.2" };

static void ask(int fd, const char *text, size_t len)
{
	if (send(fd, text, len, MSG_NOSIGNAL) != (ssize_t)len)
		bail("send: %s", strerror(errno));
	turn();
}

#define VERSION "{\"cmd\":\"version\"}\n"
#define VERSION_1 "{\"cmd\":\"version\",\"json-version\":1}\n"
#define VERSION_ANSWER "{\"ok\":true,\"json-version\":1,\"version\":\"1.2\"}\n"

static void requests(void)
{
	static char big[4096];
	int a = client(), b = client();
	size_t i;

	ask(a, VERSION, strlen(VERSION));
	is_str(answer(a), VERSION_ANSWER, "asked and answered");
	for (i = 0; i < strlen(VERSION); i++)
		ask(a, VERSION + i, 1);
	is_str(answer(a), VERSION_ANSWER, "octet by octet");
	ask(a, VERSION_1, strlen(VERSION_1));
	is_str(answer(a), VERSION_ANSWER, "asked in the version that there is");
	ask(a, VERSION VERSION VERSION, 3 * strlen(VERSION));
	is_str(answer(a), VERSION_ANSWER VERSION_ANSWER VERSION_ANSWER,
	       "three requests in one write are answered in order");
	ask(b, "{\"cmd\":", 7);
	ask(a, VERSION, strlen(VERSION));
	is_str(answer(a), VERSION_ANSWER, "half a request holds nobody up");
	ask(b, "\"version\"}\n", 11);
	is_str(answer(b), VERSION_ANSWER,
	       "half a request is answered when it is whole");

	memset(big, ' ', sizeof(big));
	for (i = 0; i < CTL_REQUEST_MAX; i += sizeof(big))
		ask(b, big, sizeof(big));
	ok(strstr(answer(b), "too long"), "one that is too long is refused");
	ok(!answer(b), "the client whose request is too long is closed");
	close(b);
	ask(a, VERSION, strlen(VERSION));
	is_str(answer(a), VERSION_ANSWER, "another client is still answered");
	close(a);
	turn();
}

static struct sim *sim;

static void take_text(void *arg, char *text)
{
	*(char **)arg = text;
}

/* Requests and answers are recorded, and checked against the schema. */
static FILE *record;

/* Return the definition of the answer to @cmd in the schema. */
static const char *answer_to(const char *cmd)
{
	static const char *const own[] = {
		"version", "status", "member",	     "evict",	    "audit",
		"reload",  "policy", "policy-check", "policy-apply"
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(own); i++)
		if (!strcmp(own[i], cmd))
			return cmd;
	return "done";
}

static void keep(const char *request, const char *text)
{
	json_t *q = json_loads(request, 0, NULL);
	json_t *a = json_loads(text, 0, NULL);
	const char *cmd = json_string_value(json_object_get(q, "cmd"));

	if (json_is_true(json_object_get(a, "ok"))) {
		fprintf(record, "request\t%s\n", request);
		fprintf(record, "%s\t%s\n", answer_to(cmd), text);
	} else {
		fprintf(record, "error\t%s\n", text);
	}
	json_decref(q);
	json_decref(a);
}

static const char *one(const struct ctl_roles *roles, const char *request)
{
	static char *text;

	free(text);
	text = NULL;
	ctl_ask(roles, request, strlen(request), take_text, &text);
	/* With a slow store the answer takes time too. */
	while (roles->gcks && !text)
		sim_run(sim, 1);
	if (text)
		keep(request, text);
	return text ? text : "";
}

static void answers(const struct ctl_roles *roles, const char *request,
		    const char *part, const char *name)
{
	ok(strstr(one(roles, request), part), "%s", name);
}

static void refusals(void)
{
	static const struct {
		const char *request, *why;
	} bad[] = {
		{ "", "not JSON" },
		{ "x", "not JSON" },
		{ "{", "not JSON" },
		{ "[]", "not a JSON object" },
		{ "{}", "\\\"cmd\\\" is missing" },
		{ "{\"cmd\":1}", "\\\"cmd\\\" is missing" },
		{ "{\"cmd\":\"x\"}", "unknown command \\\"x\\\"" },
		{ "{\"cmd\":\"version\",\"cmd\":\"status\"}", "duplicate" },
		{ "{\"cmd\":\"version\",\"grop\":1}", "\\\"grop\\\" is not" },
		{ "{\"cmd\":\"version\",\"group\":\"v\"}", "not for this" },
		{ "{\"cmd\":\"version\",\"after\":1}", "not for this" },
		{ "{\"cmd\":\"status\",\"group\":7}", "has to be a string" },
		{ "{\"cmd\":\"version\",\"json-version\":2}",
		  "\\\"json-version\\\" has to be 1" },
		{ "{\"cmd\":\"version\",\"json-version\":\"1\"}",
		  "\\\"json-version\\\" has to be 1" },
		{ "{\"cmd\":\"status\",\"group\":\"\"}", "has to be a string" },
		{ "{\"cmd\":\"status\",\"group\":\"v\\u0000\"}", "not JSON" },
		{ "{\"cmd\":\"audit\",\"after\":-1}", "has to be a number" },
		{ "{\"cmd\":\"evict\",\"group\":\"v\"}", "\\\"id\\\" is" },
		{ "{\"cmd\":\"evict\",\"id\":\"v\"}", "\\\"group\\\" is" },
		{ "{\"cmd\":\"evict\",\"group\":\"v\",\"id\":\"x\"}",
		  "no role gcks" },
		{ "{\"cmd\":\"admit\",\"group\":\"v\",\"id\":\"x\"}",
		  "no role gcks" },
		{ "{\"cmd\":\"rekey\"}", "no role gcks" },
		{ "{\"cmd\":\"rekey\",\"signing-key\":1}",
		  "\\\"signing-key\\\" has to be true or false" },
		{ "{\"cmd\":\"status\",\"signing-key\":true}", "not for this" },
		{ "{\"cmd\":\"reload\"}", "cannot reload" },
		{ "{\"cmd\":\"reload\",\"check\":1}", "true or false" },
		{ "{\"cmd\":\"version\",\"check\":true}", "not for this" },
		{ "{\"cmd\":\"reset\"}", "\\\"group\\\" is missing" },
		{ "{\"cmd\":\"reset\",\"group\":\"v\"}", "no role gcks" },
		{ "{\"cmd\":\"reseal\",\"group\":\"v\"}", "not for this" },
		{ "{\"cmd\":\"reseal\"}", "no role gcks" },
		{ "{\"cmd\":\"audit\"}", "no role gcks" },
		{ "{\"cmd\":\"leave\",\"group\":\"v\"}", "no role member" },
		{ "{\"cmd\":\"join\",\"group\":\"v\"}", "no role member" },
		{ "{\"cmd\":\"status\",\"group\":\"v\"}", "no group \\\"v" },
	};
	char deep[3000];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *text = one(&none, bad[i].request);

		ok(!strncmp(text, "{\"ok\":false,", 12) &&
			   strstr(text, bad[i].why),
		   "%s", text);
	}
	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	answers(&none, deep, "not JSON", "thousands of brackets");
}

static void stubborn(void)
{
	int fd[CTL_MAX_CLIENTS], i, a, sent = 0;
	char many[60 * sizeof(VERSION)];

	/* A client that sends requests and never reads. */
	many[0] = '\0';
	for (i = 0; i < 60; i++)
		strcat(many, VERSION);
	a = client();
	for (i = 0; i < 2000; i++) {
		if (send(a, many, strlen(many), MSG_NOSIGNAL) < 0)
			break;
		sent++;
		loop_once(loop, 0);
	}
	ok(i < 2000,
	   "a client that doesn't read is not read, after %d requests",
	   60 * sent);
	fd[0] = client();
	ask(fd[0], VERSION, strlen(VERSION));
	is_str(answer(fd[0]), VERSION_ANSWER, "others are answered");
	now_ms += CTL_IDLE_MS - 1;
	turn();
	ok(recv(fd[0], many, 1, 0) < 0 && errno == EAGAIN,
	   "a client is not idle yet");
	now_ms += 1;
	turn();
	ok(!answer(fd[0]), "a client that says nothing for long is closed");
	close(fd[0]);
	for (i = 0; i < 10000 && answer(a); i++)
		;
	ok(i < 10000, "a client that doesn't read is closed");
	close(a);

	for (i = 0; i < CTL_MAX_CLIENTS; i++)
		fd[i] = client();
	turn();
	a = client();
	turn();
	ok(!answer(a), "one client more than there may be is closed");
	close(a);
	close(fd[0]);
	turn();
	a = client();
	ask(a, VERSION, strlen(VERSION));
	is_str(answer(a), VERSION_ANSWER, "when one goes, another may come");
	close(a);
	for (i = 1; i < CTL_MAX_CLIENTS; i++)
		close(fd[i]);
	turn();
}

/* Number of sockets that were closed while their path was there for others to see. */
static unsigned int closed_first;

/*
 * A daemon that begins at this moment takes the socket for one that was left behind, and
 * makes its own, which may get the same inode number.
 */
int close(int fd)
{
	int listens = 0;
	socklen_t len = sizeof(listens);

	if (!getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) &&
	    listens && !access(path, F_OK))
		closed_first++;
	return (int)syscall(SYS_close, fd);
}

static void sockets(void)
{
	struct ctl *other;
	struct stat st;
	char long_path[200];
	int fd;

	ok(!stat(path, &st) && (st.st_mode & 07777) == 0600 &&
		   S_ISSOCK(st.st_mode),
	   "the control socket has mode 0600");
	is_int(ctl_new(loop, &tq, path, &other, &err), -EADDRINUSE,
	       "a daemon that answers is not replaced");
	ok(strstr(err.text, path) && strstr(err.text, "running"), "said: %s",
	   err.text);
	/* A killed daemon leaves its socket. */
	ctl_free(ctl);
	ok(access(path, F_OK), "the control socket is removed at the end");
	is_int(closed_first, 0,
	       "the control socket is removed before it is closed");
	if (!fork()) {
		struct sockaddr_un sun = { .sun_family = AF_UNIX };

		strcpy(sun.sun_path, path);
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		_exit(bind(fd, (struct sockaddr *)&sun, sizeof(sun)) ||
		      listen(fd, 1));
	}
	while (access(path, F_OK))
		usleep(1000);
	usleep(20000);
	is_int(ctl_new(loop, &tq, path, &ctl, &err), 0,
	       "the socket that a dead daemon left is replaced");
	ctl_serve(ctl, &none);
	fd = client();
	ask(fd, VERSION, strlen(VERSION));
	is_str(answer(fd), VERSION_ANSWER, "the replaced socket works");
	close(fd);
	ctl_free(ctl);

	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	is_int(ctl_new(loop, &tq, path, &ctl, &err), -EEXIST,
	       "a file is not taken away: %s", err.text);
	unlink(path);
	snprintf(long_path, sizeof(long_path), "%s/file", dir);
	close(open(long_path, O_CREAT | O_WRONLY, 0600));
	strcat(long_path, "/socket");
	is_int(ctl_new(loop, &tq, long_path, &ctl, &err), -ENOTDIR,
	       "below a file: %s", err.text);
	*strrchr(long_path, '/') = '\0';
	unlink(long_path);
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[0] = '/';
	long_path[sizeof(long_path) - 1] = '\0';
	is_int(ctl_new(loop, &tq, long_path, &ctl, &err), -ENAMETOOLONG,
	       "a path that is too long is refused");
}

/*
 * Return true if a process of the user @uid gets an answer from this process of
 * the user @me, where the socket permits the connection.
 */
static bool answered(uid_t uid, uid_t me)
{
	struct timeval tv = { .tv_sec = 5 };
	int st = 0, i;
	char buf[64];
	pid_t pid = fork();

	if (!pid) {
		struct sockaddr_un sun = { .sun_family = AF_UNIX };
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		strcpy(sun.sun_path, path);
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
		if (setuid(uid) ||
		    connect(fd, (struct sockaddr *)&sun, sizeof(sun)))
			_exit(9);
		/*
		 * The connection may be closed already; only an
		 * answer counts.
		 */
		(void)!send(fd, VERSION, strlen(VERSION), MSG_NOSIGNAL);
		_exit(recv(fd, buf, sizeof(buf), 0) > 0);
	}
	if (seteuid(me))
		bail("seteuid: %s", strerror(errno));
	for (i = 0; i < 200 && !waitpid(pid, &st, WNOHANG); i++)
		turn();
	if (seteuid(0) || !WIFEXITED(st) || WEXITSTATUS(st) == 9)
		bail("user %u cannot connect", uid);
	return WEXITSTATUS(st);
}

/* A silent client does not delay others. */
static void silent(void)
{
	int fd = client();

	turn();
	now_ms += CTL_IDLE_MS - 1;
	turn();
	ok(answer(fd), "a client that says nothing has its time");
	now_ms += 1;
	turn();
	ok(!answer(fd), "a client that says nothing has no more than its time");
	close(fd);
}

static void strangers(void)
{
	char folder[80];

	if (geteuid()) {
		skip("only root and the daemon's user are answered",
		     "needs root");
		return;
	}
	strcpy(folder, path);
	*strrchr(folder, '/') = '\0';
	chmod(dir, 0755);
	chmod(folder, 0755);
	chmod(path, 0666);
	ok(answered(0, 0), "root is answered");
	ok(!answered(65534, 0), "another user is not, whatever the mode is");
	ok(answered(65534, 65534),
	   "another user is answered by a daemon of its own");
	ok(answered(0, 65534), "root is answered by another user's daemon");
	ok(!answered(65533, 65534), "a third user is not answered");
	chmod(path, 0600);
}

/* Count metrics of @table that are not a number in @o. */
static int untold(const struct metric *table, json_t *o)
{
	int n = 0;

	for (; table->name; table++)
		n += !json_is_integer(json_object_get(o, table->name));
	return n;
}

/* A group with two members, and the report of it. */
static json_t *parsed(const struct ctl_roles *roles, const char *request)
{
	json_t *o = json_loads(one(roles, request), 0, NULL);

	if (!o)
		bail("%s: not JSON: %s", request, one(roles, request));
	return o;
}

/* Return the first group of a role in a status. */
static json_t *first_group(json_t *o, const char *role)
{
	return json_array_get(json_object_get(json_object_get(o, role),
					      "groups"),
			      0);
}

static json_int_t num(json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static const char *str(json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

/* The revocation lists in the status of the key server; there are none before. */
static void roles_with_lists(struct ctl_roles *k, struct sim *s)
{
	struct crl_spec spec = {
		.by = &s->ca,
		.made = 1700000000,
		.next = 1800000000,
	};
	json_t *o = parsed(k, "{\"cmd\":\"status\"}"), *crl, *list;
	struct crls *c;
	struct err err;
	char path[96];

	ok(!json_object_get(o, "crl"), "no revocation lists");
	json_decref(o);
	snprintf(path, sizeof(path), "%s/lists", s->dir);
	mkdir(path, 0700);
	if (crls_load(path, CRL_RELAXED, s->trust, NULL, &c, &err))
		bail("%s", err.text);
	k->trust = s->trust;
	trust_set_crls(s->trust, c);
	o = parsed(k, "{\"cmd\":\"status\"}");
	crl = json_object_get(o, "crl");
	is_int((intmax_t)json_array_size(json_object_get(crl, "lists")), 0,
	       "an empty folder has no list");
	is_int((intmax_t)json_array_size(json_object_get(crl, "missing")), 1,
	       "a CA lacks one");
	json_decref(o);
	crls_free(c);

	snprintf(path, sizeof(path), "%s/lists/one", s->dir);
	crl_write(path, &spec, false);
	if (crls_load(path, CRL_STRICT, s->trust, NULL, &c, &err))
		bail("%s", err.text);
	unlink(path);
	snprintf(path, sizeof(path), "%s/lists", s->dir);
	rmdir(path);
	trust_set_crls(s->trust, c);
	o = parsed(k, "{\"cmd\":\"status\"}");
	crl = json_object_get(o, "crl");
	is_str(str(crl, "policy"), "strict", "the policy");
	list = json_array_get(json_object_get(crl, "lists"), 0);
	is_int(num(list, "next-update"), 1800000000, "the end of a list");
	is_int(num(list, "this-update"), 1700000000, "the beginning of a list");
	is_int(num(list, "revoked"), 0, "the entries of a list");
	is_int((intmax_t)json_array_size(json_object_get(crl, "missing")), 0,
	       "no CA lacks one");
	json_decref(o);
	trust_set_crls(s->trust, NULL);
	k->trust = NULL;
	crls_free(c);
}

static void roles(void)
{
	/* The struct is too large for the stack. */
	static struct sim big;
	struct sim *s = &big;
	struct sim_member *m;
	struct ctl_roles k = { .version = "1" }, r = { .version = "1" };
	json_t *o, *g, *list;
	char *hex, key[32];

	sim = s;
	sim_init(s, 1);
	sim_gcks_up(s);
	m = sim_add(s, "s.example", true, true);
	sim_up(m);
	sim_up(sim_add(s, "a.example", false, true));
	if (!sim_settle(s, 60000))
		bail("the members are not in");
	sim_run(s, 20000);
	k.gcks = s->gcks;
	k.gcks_engine = s->engine;
	r.member = m->m;
	r.member_engine = m->engine;

	o = parsed(&k, "{\"cmd\":\"status\"}");
	list = json_object_get(json_object_get(o, "gcks"), "groups");
	g = json_array_get(list, 0);
	is_str(str(g, "name"), "video", "the key server's group");
	is_int(num(g, "members"), 2, "the group's number of members");
	is_int(num(g, "senders"), 1, "the group's number of senders");
	is_int(untold(gcks_group_metrics, g) + untold(gcks_key_metrics, g), 0,
	       "all metrics of the key server's group");
	g = json_object_get(json_object_get(o, "gcks"), "ike");
	ok(num(g, "up") >= 2, "IKE counters");
	is_int(untold(ike_metrics, g), 0, "all metrics of IKE");
	json_decref(o);

	roles_with_lists(&k, s);

	o = parsed(&k, "{\"cmd\":\"member\",\"group\":\"video\"}");
	list = json_object_get(json_array_get(json_object_get(o, "rosters"), 0),
			       "members");
	is_int((intmax_t)json_array_size(list), 2, "the roster");
	json_decref(o);

	o = parsed(&r, "{\"cmd\":\"status\"}");
	g = first_group(o, "member");
	is_str(str(g, "state"), "in", "the member is in");
	is_int(untold(member_group_metrics, g) + untold(member_key_metrics, g),
	       0, "all metrics of the member's group");
	is_int(untold(rekey_metrics,
		      json_object_get(json_object_get(o, "member"),
				      "rekey-drops")),
	       0, "all reasons to drop a rekey");
	ok(num(g, "out-spi") > 255 && num(g, "n-sender-ids") > 0,
	   "the member sends");
	json_decref(o);

	/* No answer contains a key. */
	hex = malloc(2 * KSA_KEY_MAX + 1);
	for (size_t i = 0; i < m->mk.sa[0].sa.key_len; i++)
		sprintf(hex + 2 * i, "%02x", m->mk.sa[0].sa.key[i]);
	ok(m->mk.n_sas && strlen(hex) >= 40 &&
		   !strstr(one(&r, "{\"cmd\":\"status\"}"), hex),
	   "no key is told");
	free(hex);

	answers(&k,
		"{\"cmd\":\"evict\",\"group\":\"video\","
		"\"id\":\"nobody\"}",
		"is not a member",
		"an identity that is no member is not evicted by mistake");
	answers(&k,
		"{\"cmd\":\"evict\",\"group\":\"video\","
		"\"id\":\"nobody\",\"ahead\":true}",
		"\"ok\":true", "unless ahead is said");
	answers(&k,
		"{\"cmd\":\"evict\",\"group\":\"video\","
		"\"id\":\"x\",\"ahead\":1}",
		"true or false", "ahead is true or false");
	answers(&k,
		"{\"cmd\":\"evict\",\"group\":\"video\","
		"\"id\":\"a.example\"}",
		"\"sent\":true",
		"a member is, and it is said whether that was sent");
	o = parsed(&k, "{\"cmd\":\"member\"}");
	g = json_array_get(json_object_get(o, "rosters"), 0);
	is_int((intmax_t)json_array_size(json_object_get(g, "members")), 1,
	       "one member is left");
	is_int((intmax_t)json_array_size(json_object_get(g, "denied")), 2,
	       "two identities are denied");
	json_decref(o);
	answers(&k,
		"{\"cmd\":\"admit\",\"group\":\"video\","
		"\"id\":\"a.example\"}",
		"\"ok\":true", "roles: admitted");
	answers(&k, "{\"cmd\":\"rekey\"}", "\"ok\":true", "roles: rekeyed");
	answers(&k, "{\"cmd\":\"rekey\",\"group\":\"x\"}", "\"ok\":false",
		"a group that isn't there is not rekeyed");
	o = parsed(&k, "{\"cmd\":\"status\"}");
	g = first_group(o, "gcks");
	snprintf(key, sizeof(key), "%s", str(g, "signing-key"));
	is_int(strlen(key), 16, "the signing key has a name");
	json_decref(o);
	answers(&k, "{\"cmd\":\"reset\",\"group\":\"x\"}", "no group",
		"no group is reset that isn't there");
	answers(&k, "{\"cmd\":\"reset\",\"group\":\"video\"}", "\"ok\":true",
		"roles: reset");
	o = parsed(&k, "{\"cmd\":\"status\"}");
	g = first_group(o, "gcks");
	ok(strcmp(key, str(g, "signing-key")),
	   "a reset changes the signing key");
	is_int(num(g, "members"), 0, "a reset leaves nobody in");
	json_decref(o);
	answers(&k, "{\"cmd\":\"reseal\"}", "is not in a file",
		"a store without a key in a file is not sealed anew");
	answers(&k, "{\"cmd\":\"policy\",\"group\":\"video\"}",
		"\"versions\":[]", "no policy was signed");
	answers(&k,
		"{\"cmd\":\"policy-check\",\"group\":\"video\","
		"\"document\":\"{}\"}",
		"no quorum (gcks.quorum)",
		"without a quorum a document is refused");
	answers(&k,
		"{\"cmd\":\"policy-apply\",\"group\":\"video\","
		"\"document\":\"{}\"}",
		"\"ok\":false", "without a quorum no document is applied");
	answers(&k, "{\"cmd\":\"audit\"}", "\"event\":\"evict\"",
		"the eviction is in the audit trail");
	answers(&k, "{\"cmd\":\"audit\",\"after\":1000000}", "\"audit\":[]",
		"nothing came later");
	answers(&r, "{\"cmd\":\"leave\",\"group\":\"video\"}", "\"ok\":true",
		"the member leaves");
	sim_run(s, 5000);
	answers(&r, "{\"cmd\":\"leave\",\"group\":\"video\"}", "already",
		"a member that has left does not leave again");
	answers(&r, "{\"cmd\":\"leave\",\"group\":\"x\"}", "no group",
		"a member does not leave another group");
	answers(&r, "{\"cmd\":\"join\",\"group\":\"video\"}", "\"ok\":true",
		"a member that has left joins again");
	sim_free(s);
}

#define EVICT "{\"cmd\":\"evict\",\"group\":\"video\",\"id\":\"a.example\"}\n"
#define REKEY "{\"cmd\":\"rekey\"}\n"

static int count_order(void *arg, const struct store_audit *a)
{
	unsigned int *n = arg;

	*n += !strcmp(a->event, "order");
	return 0;
}

/* An order waits for its line in the store, and without it nothing is done. */
static void unrecorded(unsigned int ms)
{
	static struct sim full;
	struct ctl_roles k = { .version = "1.2" };
	struct sim *s = &full;
	unsigned int n = 0;
	char *last = NULL;
	const char *text;
	uint64_t before;

	sim = s;
	sim_init(s, 1);
	s->store_ms = ms;
	sim_gcks_up(s);
	sim_up(sim_add(s, "s.example", true, true));
	if (!sim_settle(s, 60000))
		bail("the member is not in");
	sim_run(s, 20000);
	before = sim_group(s).rekeys;
	k.gcks = s->gcks;
	k.gcks_engine = s->engine;
	s->store_errno = -ENOSPC;
	text = one(&k, "{\"cmd\":\"rekey\"}");
	ok(strstr(text, "cannot be recorded, so it is not carried out"),
	   "an order without room for its line is refused: %s", text);
	sim_run(s, 2000);
	is_int(sim_group(s).rekeys, before,
	       "an order without a line rekeys nothing");
	s->store_errno = 0;
	text = one(&k, "{\"cmd\":\"rekey\"}");
	ok(strstr(text, "\"ok\":true"), "an order with a line is carried out");
	is_int(sim_group(s).rekeys, before + 1,
	       "an order with a line rekeys once");
	gcks_audit(s->gcks, 0, 100000, count_order, &n);
	is_int(n, 1, "an order that is carried out has its line");
	if (ms) {
		ctl_ask(&k, REKEY, strlen(REKEY), take_text, &last);
		sim_gcks_down(s);
		ok(last && strstr(last, "mcsecd stops"),
		   "an order that waits for its line ends with mcsecd");
		free(last);
	}
	sim_free(s);
}

/* Write the process of this test, as the audit trail names it. */
static void name_self(char *out, size_t size)
{
	const struct passwd *pw = getpwuid(geteuid());

	snprintf(out, size, "%u %d %s", geteuid(), getpid(),
		 pw ? pw->pw_name : "");
}

static int count_own_order(void *arg, const struct store_audit *a)
{
	unsigned int *n = arg;
	char self[80];

	name_self(self, sizeof(self));
	*n += !strcmp(a->event, "order") && !strcmp(a->actor, self);
	return 0;
}

/* A slow store, and clients that do not wait for it. */
static void later(void)
{
	static struct sim big;
	struct ctl_roles k = { .version = "1.2" };
	struct sim *s = &big;
	unsigned int n = 0;
	const char *text;
	int a, b;

	sim_init(s, 2);
	s->store_ms = 5;
	sim_gcks_up(s);
	sim_up(sim_add(s, "s.example", true, true));
	sim_up(sim_add(s, "a.example", false, true));
	if (!sim_settle(s, 60000))
		bail("the members are not in");
	sim_run(s, 20000);
	s->store_ms = 500;
	k.gcks = s->gcks;
	k.gcks_engine = s->engine;
	is_int(ctl_new(loop, &tq, path, &ctl, &err), 0, "a socket: %s",
	       err.text);
	ctl_serve(ctl, &k);
	a = client();
	b = client();
	ask(a, EVICT VERSION, strlen(EVICT VERSION));
	is_str(answer(a), "", "an eviction in flight is not answered yet");
	ask(b, VERSION, strlen(VERSION));
	is_str(answer(b), VERSION_ANSWER, "another client does not wait");
	now_ms += 2 * CTL_IDLE_MS;
	turn();
	is_str(answer(a), "", "a client that waits for an answer is not idle");
	close(b);
	b = client();
	ask(b, REKEY, strlen(REKEY));
	close(b);
	turn();
	sim_run(s, 3000);
	turn();
	text = answer(a);
	ok(text && strstr(text, "\"effective-ms\""),
	   "the eviction is answered when the store has it");
	ok(text && strstr(text, VERSION_ANSWER),
	   "the request behind it is answered after it");
	ok(sim_group(s).rekeys >= 3,
	   "the request of a client that is gone is done");
	gcks_audit(s->gcks, 0, 100000, count_own_order, &n);
	is_int(n, 2, "both orders are on record as this process's");
	b = client();
	ask(b, REKEY, strlen(REKEY));
	ctl_free(ctl);
	sim_run(s, 10000);
	ok(!sim_group(s).in_flight,
	   "an answer to a closed socket harms nobody");
	sim_gcks_down(s);
	close(a);
	close(b);
	sim_free(s);
}

int main(void)
{
	char recorded[80];

	timerq_init(&tq, &ctl_clock);
	if (!mkdtemp(dir) || loop_new(&tq, &loop))
		bail("no folder, or no loop");
	snprintf(recorded, sizeof(recorded), "%s/record", dir);
	record = fopen(recorded, "w");
	if (!record)
		bail("%s: %s", recorded, strerror(errno));
	/* A missing directory is created. */
	snprintf(path, sizeof(path), "%s/run/s.sock", dir);
	is_int(ctl_new(loop, &tq, path, &ctl, &err), 0, "a socket: %s",
	       err.text);
	ctl_serve(ctl, &none);
	RUN(requests);
	RUN(refusals);
	RUN(stubborn);
	RUN(silent);
	RUN(strangers);
	RUN(sockets);
	RUN(roles);
	RUN(later);
	RUN(unrecorded, 0);
	RUN(unrecorded, 20);
	RUN(schema, record, recorded);
	/* Free the last answer, which is also recorded. */
	one(&none, "");
	fclose(record);
	unlink(recorded);
	loop_free(loop);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	rmdir(dir);
	return done();
}
