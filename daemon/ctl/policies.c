// SPDX-License-Identifier: Apache-2.0
#include "ctl/policies.h"

#include <errno.h>
#include <string.h>

#include "conf/document.h"
#include "crypto/signed.h"
#include "ctl/report.h"
#include "gcks/quorum.h"

static json_t *list_lines(const char *lines)
{
	json_t *list = json_array();
	const char *end;
	size_t len;

	for (; *lines; lines = end + !!*end) {
		end = strchrnul(lines, '\n');
		len = (size_t)(end - lines);
		json_array_append_new(list, json_stringn(lines, len));
	}
	return list;
}

static json_t *list_names_of(const struct conf_names *names)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < names->n; i++)
		json_array_append_new(list, report_text(names->v[i]));
	return list;
}

static void add_quorum(const struct conf_quorum *q, json_t *out)
{
	if (q)
		json_object_set_new(out, "quorum",
				    json_pack("{s:o, s:i, s:b}",
					      "administrators",
					      list_names_of(&q->admins),
					      "needed", (int)q->needed,
					      "orders", q->orders));
}

static int add_waiting(void *arg, const struct signed_order *o)
{
	json_array_append_new(arg,
			      json_pack("{s:o, s:I, s:o, s:I, s:b}", "identity",
					report_text(o->identity), "number",
					(json_int_t)o->number, "by",
					report_text(o->by), "until",
					(json_int_t)o->deadline, "overdue",
					o->notified));
	return 0;
}

int report_waiting(struct gcks *k, const char *group, json_t *out)
{
	json_t *list = json_array();
	int ret = quorum_waiting(k, group, add_waiting, list);

	if (json_array_size(list))
		json_object_set(out, "waiting", list);
	json_decref(list);
	return ret;
}

struct versions {
	uint64_t asked;
	json_t *out;
	json_t *list;
};

static int add_version(void *arg, const struct applied *a)
{
	struct versions *v = arg;
	struct signed_doc *d;
	size_t len;

	json_array_append_new(v->list, json_pack("{s:I, s:I, s:o}", "version",
						 (json_int_t)a->version, "time",
						 (json_int_t)a->time, "signers",
						 list_lines(a->signers)));
	if (v->asked && a->version != v->asked)
		return 0;
	if (signed_parse(a->signed_doc, strlen(a->signed_doc), &d, NULL))
		return -EBADMSG;
	json_object_set_new(v->out, "document",
			    report_text(signed_content(d, &len)));
	json_object_set_new(v->out, "signed", report_text(a->signed_doc));
	signed_free(d);
	return 0;
}

int report_policies(struct gcks *k, const char *group, uint64_t version,
		    json_t *out, struct err *err)
{
	struct versions v = { version, out, json_array() };
	json_int_t next;
	int ret;

	add_quorum(quorum_of(k), out);
	if (*quorum_key_server(k))
		json_object_set_new(out, "key-server",
				    report_text(quorum_key_server(k)));
	json_object_set_new(out, "versions", v.list);
	ret = quorum_history(k, group, add_version, &v);
	if (ret == -ENOENT)
		return err_set(err, ret, "no group \"%s\"", group);
	if (!ret)
		ret = report_waiting(k, group, out);
	if (ret)
		return err_set(err, ret, "signed policies in the store: %s",
			       strerror(-ret));
	next = (json_int_t)quorum_last_order(k, group) + 1;
	json_object_set_new(out, "next-order", json_integer(next));
	if (version && !json_object_get(out, "document"))
		return err_set(err, -ENOENT,
			       "version %llu of the policy of \"%s\" is not kept",
			       (unsigned long long)version, group);
	return 0;
}

static void add_line_to(void *arg, const char *line)
{
	json_array_append_new(arg, report_text(line));
}

static json_t *signer_json(const struct quorum_signer *s)
{
	json_t *o = json_pack("{s:o, s:b}", "identity",
			      report_text(s->identity), "counts", s->counts);

	if (!s->counts)
		json_object_set_new(o, "why", report_text(s->why));
	return o;
}

int report_verdict(struct gcks *k, const char *group, const char *text,
		   json_t *out)
{
	struct quorum_verdict *v = quorum_check(k, group, text, strlen(text));
	json_t *signers = json_array(), *changes = json_array();
	size_t i;

	if (!v) {
		json_decref(signers);
		json_decref(changes);
		return -ENOMEM;
	}
	add_quorum(quorum_of(k), out);
	for (i = 0; i < v->n_signers; i++)
		json_array_append_new(signers, signer_json(&v->signers[i]));
	quorum_list_changes(k, v, add_line_to, changes);
	json_object_set_new(out, "signers", signers);
	json_object_set_new(out, "counted", json_integer((int)v->n_counted));
	json_object_set_new(out, "needed", json_integer((int)v->needed));
	json_object_set_new(out, "changes", changes);
	json_object_set_new(out, "applied",
			    json_integer((json_int_t)v->version));
	if (v->doc)
		json_object_set_new(out, "version",
				    json_integer((json_int_t)v->doc->version));
	if (v->ret)
		json_object_set_new(out, "refused",
				    report_text(v->refusal.text));
	quorum_free(v);
	return 0;
}
