// SPDX-License-Identifier: Apache-2.0
/*
 * Policies of groups, and orders, as documents: they are written, signed by
 * administrators, each with a key that stays where it is, and brought to the key server.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "answer.h"
#include "conf/conf.h"
#include "conf/document.h"
#include "crypto/cert.h"
#include "crypto/sign.h"
#include "crypto/signed.h"
#include "files.h"
#include "lib/secret.h"
#include "mcsecctl.h"
#include "table.h"
#include "units.h"

struct policy_words {
	const char *config;
	const char *certificate;
	const char *key;
	const char *out;
	const char *file;
	uint32_t version;
	uint32_t hours;
	bool emergency;
};

#define AT(member) .off = offsetof(struct policy_words, member)

/* No name in a document can say something to a terminal, or change its order. */
#define DOCUMENT_FORM (JSON_INDENT(2) | JSON_ENSURE_ASCII)

static const struct word policy_write_words[] = { WORD("config", "a file",
						       set_string, AT(config)),
						  {} };

static const struct word policy_sign_words[] = {
	WORD("certificate", "a file", set_string, AT(certificate)),
	WORD("key", "a file", set_string, AT(key)),
	WORD("out", "a file", set_string, AT(out)),
	{}
};

static const struct word policy_show_words[] = {
	WORD("version", "a number", set_u32, AT(version), .min = 1,
	     .max = UINT32_MAX),
	WORD("file", "a file", set_string, AT(file)),
	{}
};

static const struct word policy_order_words[] = {
	WORD("emergency", NULL, set_true, AT(emergency)),
	WORD("hours", "a number of hours, 1 to 744", set_u32, AT(hours),
	     .min = 1, .max = 744),
	{}
};

/* ---- files --------------------------------------------------------------- */

/* Read a document, signed or not. The caller frees *@d. */
static int read_file_of(const char *path, struct signed_doc **d)
{
	char *text = malloc(SIGNED_MAX + 1);
	FILE *f = fopen(path, "re");
	struct err why = { "" };
	const char *p;
	size_t len = 0;
	int ret;

	if (f && text)
		len = fread(text, 1, SIGNED_MAX + 1, f);
	if (!f || !text || ferror(f)) {
		ret = complain(EXIT_FAILED, "%s: %s", path, strerror(errno));
	} else {
		for (p = text; p < text + len && strchr(" \t\r\n", *p); p++)
			;
		ret = p < text + len && *p == '{'
			      ? signed_new(text, len, d, &why)
			      : signed_parse(text, len, d, &why);
		if (ret)
			ret = complain(EXIT_FAILED, "%s: %s", path, why.text);
	}
	if (f)
		fclose(f);
	free(text);
	return ret;
}

/* Read what a document says of itself, as the key server will. */
static int parse_document(const char *path, const struct signed_doc *d,
			  struct conf_document **doc)
{
	struct err why = { "" };
	const char *text;
	size_t len;

	text = signed_content(d, &len);
	if (conf_document_parse(text, len, doc, &why))
		return complain(EXIT_FAILED, "%s: %s", path, why.text);
	/* Without it a document would be good for each server with these administrators. */
	return (*doc)->key_server
		       ? EXIT_OK
		       : complain(EXIT_FAILED,
				  "%s: no \"key-server\": write the document again",
				  path);
}

static int write_document(const char *path, const char *text, bool replace)
{
	struct new_file f = { .text = text, .len = strlen(text), .mode = 0644 };

	if (strlen(path) >= sizeof(f.path))
		return complain(EXIT_FAILED, "%s: the name is too long", path);
	strcpy(f.path, path);
	return write_files(&f, 1, replace);
}

/* ---- the daemon ---------------------------------------------------------- */

static int ask_policy(struct ctl *ctl, const char *group, uint64_t version,
		      json_t **answer)
{
	json_t *request =
		json_pack("{s:s, s:s}", "cmd", "policy", "group", group);

	if (version)
		json_object_set_new(request, "version",
				    json_integer((json_int_t)version));
	return query_daemon(ctl, request, answer);
}

/* Return the newest version in an answer, 0 if there is none. */
static uint64_t newest_version(const json_t *answer)
{
	const json_t *list = json_object_get(answer, "versions");
	size_t n = json_array_size(list);

	return n ? (uint64_t)number_of(json_array_get(list, n - 1), "version")
		 : 0;
}

/* Return the document of an answer with another version, or NULL. */
static char *renew_document(const json_t *answer, uint64_t version)
{
	json_t *o = json_loads(text_of(answer, "document"), 0, NULL);
	char *text;

	if (!o)
		return NULL;
	/* One of an earlier release does not have the member. */
	json_object_set(o, "key-server", json_object_get(answer, "key-server"));
	json_object_set_new(o, "version", json_integer((json_int_t)version));
	text = json_dumps(o, DOCUMENT_FORM);
	json_decref(o);
	return text;
}

/*
 * Send a document, signed or not, for the group that it names. The caller frees *@doc
 * in either case.
 */
static int send_document(struct ctl *ctl, const char *cmd, const char *path,
			 struct conf_document **doc, json_t **answer)
{
	struct signed_doc *d = NULL;
	char *pem = NULL;
	const char *text;
	size_t len;
	int ret;

	ret = read_file_of(path, &d);
	if (!ret)
		ret = parse_document(path, d, doc);
	if (!ret) {
		text = signed_content(d, &len);
		if (signed_count(d) && signed_pem(d, &pem, &len))
			ret = complain(EXIT_FAILED, "out of memory");
	}
	if (!ret) {
		ret = query_daemon(ctl,
				   json_pack("{s:s, s:s, s:s}", "cmd", cmd,
					     "group", (*doc)->group, "document",
					     pem ? pem : text),
				   answer);
	}
	secret_free(pem);
	signed_free(d);
	return ret;
}

/* ---- commands ------------------------------------------------------------ */

static int policy_write(struct ctl *ctl, int argc, char **argv)
{
	struct policy_words w = { .config = CONF_DEFAULT_FILE };
	char *text = NULL, name[MCSEC_NAME_MAX + 1];
	struct err why = { "" };
	uint64_t version;
	json_t *answer;
	uint32_t seen;
	bool quorum = false;
	int ret;

	if (argc < 2)
		return check_argc(argc, 2, 2);
	ret = read_group(argv[0], name)
		      ?: read_words(policy_write_words, argc - 2, argv + 2, &w,
				    &seen);
	if (!ret)
		ret = ask_policy(ctl, name, 0, &answer);
	if (ret)
		return ret;
	version = newest_version(answer);
	if (!*text_of(answer, "key-server"))
		ret = complain(EXIT_FAILED,
			       "the key server has no certificate, whose name makes a document good for it alone: set \"identity\" there");
	else if (version)
		text = renew_document(answer, version + 1);
	else if (conf_document_write(w.config, text_of(answer, "key-server"),
				     name, 1, &text, &why))
		ret = complain(EXIT_FAILED, "%s", why.text);
	quorum = json_object_get(answer, "quorum");
	json_decref(answer);
	if (!ret)
		ret = text ? write_document(argv[1], text, false)
			   : complain(EXIT_FAILED, "out of memory");
	free(text);
	if (!ret && !quorum)
		puts("the key server has no \"quorum\": it refuses documents "
		     "until that is set (mcsecd.conf(5))");
	if (!ret)
		printf("next: change it, and let administrators sign it: mcsecctl policy sign %s\n",
		       argv[1]);
	return ret;
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* CMS has signatures in an order that says nothing. */
static void print_signers(const struct signed_doc *d)
{
	char(*ids)[SIGNED_ID_MAX] = calloc(SIGNED_SIGNERS, SIGNED_ID_MAX);
	size_t i, n = ids ? signed_count(d) : 0;

	for (i = 0; i < n; i++)
		if (signed_identity(d, i, ids[i], NULL))
			strcpy(ids[i], "an unknown key");
	if (n)
		qsort(ids, n, SIGNED_ID_MAX, compare_ids);
	for (i = 0; i < n; i++) {
		fputs(i ? ", " : "signed by ", stdout);
		print_safe(ids[i]);
	}
	if (n)
		putchar('\n');
	free(ids);
}

static void print_subject(const struct conf_document *d)
{
	fputs("key server ", stdout);
	print_safe(d->key_server);
	fputs(": group ", stdout);
	print_safe(d->group);
	if (d->kind == DOCUMENT_POLICY) {
		printf(": version %" PRIu64 " of its policy\n", d->version);
		return;
	}
	printf(": order %" PRIu64 ": %s ", d->version,
	       d->kind == DOCUMENT_EVICT ? "evict" : "admit");
	print_safe(d->identity);
	puts(d->emergency ? ", in an emergency" : "");
}

static int sign_document(struct signed_doc *d, const struct policy_words *w)
{
	struct cert_chain *chain = NULL;
	struct sigkey *key = NULL;
	struct err why = { "" };
	char *pem = NULL;
	size_t len;
	int ret;

	ret = cert_chain_load(w->certificate, &chain, &why) ?:
	      sigkey_load(w->key, &key, &why) ?:
	      signed_add(d, chain, key, &why);
	if (ret)
		ret = complain(EXIT_FAILED, "sign: %s", why.text);
	else if (signed_pem(d, &pem, &len))
		ret = complain(EXIT_FAILED, "out of memory");
	else
		ret = write_document(w->out, pem, true);
	secret_free(pem);
	sigkey_free(key);
	cert_chain_free(chain);
	return ret;
}

static int policy_sign(struct ctl *ctl, int argc, char **argv)
{
	struct conf_document *doc = NULL;
	struct policy_words w = { 0 };
	struct signed_doc *d = NULL;
	uint32_t seen;
	int ret;

	(void)ctl;
	if (!argc)
		return check_argc(argc, 1, 1);
	w.out = argv[0];
	ret = read_words(policy_sign_words, argc - 1, argv + 1, &w, &seen);
	if (!ret && (!w.certificate || !w.key))
		ret = complain(EXIT_USAGE,
			       "sign: certificate and key are needed");
	if (!ret)
		ret = read_file_of(argv[0], &d);
	if (!ret)
		ret = parse_document(argv[0], d, &doc);
	if (!ret)
		ret = sign_document(d, &w);
	if (!ret) {
		print_subject(doc);
		print_signers(d);
	}
	conf_document_free(doc);
	signed_free(d);
	return ret;
}

static void print_list(const char *title, const json_t *list)
{
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v) {
		fputs(i ? ", " : title, stdout);
		print_safe(json_string_value(v));
	}
	if (i)
		putchar('\n');
}

static void print_verdict(const json_t *answer)
{
	const json_t *quorum = json_object_get(answer, "quorum"), *v;
	size_t i;

	print_list("administrators: ",
		   json_object_get(quorum, "administrators"));
	json_array_foreach(json_object_get(answer, "signers"), i, v) {
		fputs("signed by ", stdout);
		print_safe(text_of(v, "identity"));
		if (json_is_true(json_object_get(v, "counts"))) {
			putchar('\n');
			continue;
		}
		fputs(", which does not count: ", stdout);
		print_safe(text_of(v, "why"));
		putchar('\n');
	}
	printf("%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT
	       " signatures that are needed\n",
	       number_of(answer, "counted"), number_of(answer, "needed"));
	json_array_foreach(json_object_get(answer, "changes"), i, v) {
		fputs("would change: ", stdout);
		print_safe(json_string_value(v));
		putchar('\n');
	}
}

static int policy_check(struct ctl *ctl, int argc, char **argv)
{
	struct conf_document *doc = NULL;
	json_t *answer;
	bool refused;
	int ret = check_argc(argc, 1, 1);

	if (!ret)
		ret = send_document(ctl, "policy-check", argv[0], &doc,
				    &answer);
	if (!ret && !ctl->json)
		print_subject(doc);
	conf_document_free(doc);
	if (ret)
		return ret;
	refused = json_object_get(answer, "refused");
	if (ctl->json) {
		ret = print_json(answer);
		return ret ? ret : refused ? EXIT_FAILED : EXIT_OK;
	}
	print_verdict(answer);
	if (refused) {
		fputs("would be refused: ", stdout);
		print_safe(text_of(answer, "refused"));
		putchar('\n');
	}
	json_decref(answer);
	return refused ? EXIT_FAILED : EXIT_OK;
}

/* Print the contents of a document in a form of our own. */
static int show_text(const char *from, const char *content, bool compact)
{
	json_t *o = json_loads(content, 0, NULL);
	char *text =
		o ? json_dumps(o, compact ? JSON_COMPACT | JSON_ENSURE_ASCII
					  : DOCUMENT_FORM)
		  : NULL;
	int ret = EXIT_OK;

	if (text)
		puts(text);
	else
		ret = complain(EXIT_FAILED, "%s: not JSON", from);
	free(text);
	json_decref(o);
	return ret;
}

static int show_file(struct ctl *ctl, const char *path)
{
	struct signed_doc *d = NULL;
	size_t len;
	int ret = read_file_of(path, &d);

	if (ret)
		return ret;
	ret = show_text(path, signed_content(d, &len), ctl->json);
	if (!ret && !ctl->json)
		print_signers(d);
	signed_free(d);
	return ret;
}

static int policy_show(struct ctl *ctl, int argc, char **argv)
{
	char group[MCSEC_NAME_MAX + 1] = "";
	struct policy_words w = { 0 };
	json_t *answer;
	uint32_t seen;
	int ret = EXIT_OK;

	if (argc && strcmp(argv[0], "file")) {
		ret = read_group(argv[0], group);
		argc--;
		argv++;
	}
	if (!ret)
		ret = read_words(policy_show_words, argc, argv, &w, &seen);
	if (ret)
		return ret;
	if (!*group == !w.file)
		return complain(EXIT_USAGE, "show: a group, or \"file FILE\"");
	if (w.file)
		return show_file(ctl, w.file);
	ret = ask_policy(ctl, group, w.version, &answer);
	if (ret || ctl->json)
		return ret ? ret : print_json(answer);
	if (json_object_get(answer, "document"))
		ret = show_text(group, text_of(answer, "document"), false);
	else
		ret = complain(EXIT_FAILED,
			       "group %s: no signed policy: that of the file is in force",
			       group);
	json_decref(answer);
	return ret;
}

static void print_waiting(const char *group, const json_t *answer)
{
	char text[TIME_STRLEN];
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(answer, "waiting"), i, v) {
		printf("group %s: ", group);
		print_safe(text_of(v, "identity"));
		fputs(" is evicted by the order of ", stdout);
		print_safe(text_of(v, "by"));
		printf(" alone, to be confirmed until %s%s\n",
		       time_iso(number_of(v, "until"), text),
		       json_is_true(json_object_get(v, "overdue"))
			       ? ", which is over"
			       : "");
	}
}

static int policy_apply(struct ctl *ctl, int argc, char **argv)
{
	struct conf_document *doc = NULL;
	json_t *answer;
	int ret = check_argc(argc, 1, 1);

	if (!ret)
		ret = send_document(ctl, "policy-apply", argv[0], &doc,
				    &answer);
	if (!ret && ctl->json) {
		ret = print_json(answer);
	} else if (!ret) {
		printf("group %s: the document is stored, and carried out\n",
		       doc->group);
		print_waiting(doc->group, answer);
		json_decref(answer);
	}
	conf_document_free(doc);
	return ret;
}

/* Return the text of an order, or NULL. */
static char *order_text(const json_t *answer, const char *group, bool evict,
			const char *identity, const struct policy_words *w)
{
	json_int_t until = (json_int_t)time(NULL) + 3600 * w->hours;
	json_t *o = json_pack("{s:i, s:s, s:s, s:I, s:s, s:s, s:I}",
			      "mcsec-order", 1, "key-server",
			      text_of(answer, "key-server"), "group", group,
			      "number", number_of(answer, "next-order"),
			      "order", evict ? "evict" : "admit", "identity",
			      identity, "until", until);
	char *text;

	if (o && w->emergency)
		json_object_set_new(o, "emergency", json_true());
	text = o ? json_dumps(o, DOCUMENT_FORM) : NULL;
	json_decref(o);
	return text;
}

static int policy_order(struct ctl *ctl, int argc, char **argv)
{
	char name[MCSEC_NAME_MAX + 1], *text;
	struct policy_words w = { .hours = 24 };
	json_t *answer;
	uint32_t seen;
	bool evict;
	int ret;

	if (argc < 4)
		return check_argc(argc, 4, 4);
	evict = !strcmp(argv[1], "evict");
	ret = read_group(argv[0], name);
	if (!ret && !evict && strcmp(argv[1], "admit"))
		ret = complain(EXIT_USAGE, "order: \"%s\": evict or admit",
			       argv[1]);
	if (!ret)
		ret = read_words(policy_order_words, argc - 4, argv + 4, &w,
				 &seen);
	if (!ret && w.emergency && !evict)
		ret = complain(EXIT_USAGE,
			       "order: emergency is for an eviction");
	if (!ret)
		ret = ask_policy(ctl, name, 0, &answer);
	if (ret)
		return ret;
	text = order_text(answer, name, evict, argv[2], &w);
	json_decref(answer);
	ret = text ? write_document(argv[3], text, false)
		   : complain(EXIT_USAGE, "an argument is not valid UTF-8");
	free(text);
	return ret;
}

static void add_version_row(struct table *t, const json_t *v)
{
	char text[TIME_STRLEN], *names;
	const json_t *id;
	size_t i, len;
	FILE *f;

	table_row(t);
	table_count(t, 0, (uint64_t)number_of(v, "version"));
	table_put(t, 1, time_iso(number_of(v, "time"), text));
	f = open_memstream(&names, &len);
	if (!f)
		return;
	json_array_foreach(json_object_get(v, "signers"), i, id)
		fprintf(f, "%s%s", i ? ", " : "", json_string_value(id));
	fclose(f);
	table_put(t, 2, names);
	free(names);
}

static int policy_history(struct ctl *ctl, int argc, char **argv)
{
	static const struct column columns[] = { { "VERSION", COLUMN_RIGHT },
						 { "APPLIED", 0 },
						 { "SIGNED BY", COLUMN_REST },
						 {} };
	char group[MCSEC_NAME_MAX + 1];
	json_t *answer, *v;
	struct table *t;
	size_t i;
	int ret = check_argc(argc, 1, 1);

	if (!ret)
		ret = read_group(argv[0], group);
	if (!ret)
		ret = ask_policy(ctl, group, 0, &answer);
	if (ret || ctl->json)
		return ret ? ret : print_json(answer);
	t = table_new(columns, true);
	json_array_foreach(json_object_get(answer, "versions"), i, v)
		add_version_row(t, v);
	ret = table_print(t);
	if (!i)
		printf("group %s: no signed policy was applied: that of the file is in force\n",
		       group);
	print_waiting(group, answer);
	json_decref(answer);
	return ret;
}

static int policy_rollback(struct ctl *ctl, int argc, char **argv)
{
	char group[MCSEC_NAME_MAX + 1], *text;
	uint64_t version;
	json_t *answer;
	int ret = check_argc(argc, 3, 3);

	if (!ret)
		ret = read_group(argv[0], group);
	if (!ret && (!parse_u64(argv[1], &version) || !version))
		ret = complain(EXIT_USAGE, "rollback: \"%s\" is no version",
			       argv[1]);
	if (!ret)
		ret = ask_policy(ctl, group, version, &answer);
	if (ret)
		return ret;
	text = renew_document(answer, newest_version(answer) + 1);
	ret = text ? write_document(argv[2], text, false)
		   : complain(EXIT_FAILED, "out of memory");
	if (!ret)
		printf("version %" PRIu64 " with what version %" PRIu64
		       " says; next: let administrators sign it\n",
		       newest_version(answer) + 1, version);
	free(text);
	json_decref(answer);
	return ret;
}

const struct command policy_commands[] = {
	COMMAND("write", policy_write, "GROUP FILE [config F]",
		"write the policy that a group has as a document with the next version",
		.words = policy_write_words),
	COMMAND("sign", policy_sign, "FILE certificate F key F [out F]",
		"add the signature of an administrator to a document",
		.words = policy_sign_words),
	COMMAND("check", policy_check, "FILE",
		"who has signed a document, what is missing, and what would change"),
	COMMAND("show", policy_show, "[GROUP] [version N] [file F]",
		"print the document of a group, or of a file",
		.words = policy_show_words),
	COMMAND("order", policy_order,
		"GROUP evict|admit IDENTITY FILE [emergency] [hours N]",
		"write an order to evict or admit as a document",
		.words = policy_order_words),
	COMMAND("apply", policy_apply, "FILE",
		"bring a signed document to the key server"),
	COMMAND("history", policy_history, "GROUP",
		"versions that were applied, when, and who has signed them"),
	COMMAND("rollback", policy_rollback, "GROUP VERSION FILE",
		"write an older version as a document with the next version"),
	{}
};
